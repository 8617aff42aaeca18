"""An install that has the required packages alone: neither pyarrow nor XlsxWriter can be imported."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest
from logs import write_experiment
from support import run_together, running_cli, stop, wait_until

MISSING = ("pyarrow", "xlsxwriter")


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    write_experiment(tmp_path / "logs", "a")
    return tmp_path / "logs"


@pytest.fixture
def bare(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which the import of each of `MISSING` fails."""
    for name in MISSING:
        (tmp_path / "path" / name).mkdir(parents=True)
        (tmp_path / "path" / name / "__init__.py").write_text(f"raise ImportError('no module {name}')\n")
    return {"PYTHONPATH": str(tmp_path / "path")}


def run_python(program: str, env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env={**os.environ, **env}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reading_works(logdir: Path, bare: Mapping[str, str]) -> None:
    """`read`, `read_scalars`, `read_run_logs`; what needs Arrow says what to install."""
    program = f"""
import tbbridge
logs = {str(logdir)!r}
print(len(tbbridge.read(logs).experiments), len(tbbridge.read_scalars(logs)), len(tbbridge.read_run_logs(logs)["a"]))
for table in (tbbridge.scalars_table, tbbridge.run_logs_table):
    try:
        table(logs)
    except tbbridge.UsageError as error:
        print(error)
"""
    refusal = "an Arrow table needs pyarrow, which is not installed: pip install pyarrow"
    assert run_python(program, bare).splitlines() == ["1 12 4", refusal, refusal]


MISSED = {
    "parquet": "Parquet needs pyarrow, which is not installed: pip install pyarrow",
    "csv.zst": ".zst needs pyarrow, which is not installed: pip install pyarrow",
    "xlsx": "a workbook needs XlsxWriter, which is not installed: pip install XlsxWriter",
}


def test_text_is_exported_and_what_is_missing_is_one_line(
    logdir: Path, bare: Mapping[str, str], tmp_path: Path
) -> None:
    """All text formats; for the others exit code 2, what to install, and no file."""
    forms = ("csv", "csv.gz", "jsonl", "html", *MISSED)
    commands = (["export", logdir, "-o", tmp_path / f"all.{form}"] for form in forms)
    for form, done in zip(forms, run_together(*commands, env=bare), strict=True):
        if form in MISSED:
            assert (done.returncode, done.stderr) == (2, f"tbbridge: {MISSED[form]}\n")
            assert not (tmp_path / f"all.{form}").exists()
        else:
            assert done.returncode == 0, done.stderr
            assert (tmp_path / f"all.{form}").stat().st_size > 0


def test_watch_publishes_and_serves_the_page(logdir: Path, bare: Mapping[str, str], tmp_path: Path) -> None:
    """The run log is there, and the page answers with the experiment."""
    log = tmp_path / "out.txt"
    with running_cli("watch", logdir, "--port", "0", output=log, env=bare) as process:
        words = lambda: log.read_text().split()  # noqa: E731
        url = wait_until(lambda: next((word for word in words() if word.startswith("http://127")), ""), 60.0)
        wait_until((tmp_path / "logs-csv" / "a.csv").exists)
        assert b"dash" in urllib.request.urlopen(url).read().lower()
        assert stop(process) == 0


def test_csv_loads_neither_pyarrow_nor_pandas(logdir: Path) -> None:
    """They take longer to load than a small export takes, and CSV needs neither."""
    program = f"""
import sys
from tbbridge.cli import main
for layout in ("compact", "long", "wide", "summary"):
    assert main(["export", {str(logdir)!r}, "--layout", layout, "-o", {str(logdir.parent / "out")!r}, "--force"]) == 0
heavy = [name for name in ("pyarrow", "pandas", "numpy.ma", "xlsxwriter", "dash", "rich") if name in sys.modules]
print("loaded", heavy)
"""
    assert run_python(program, {}).splitlines()[-1] == "loaded []"


def test_a_start_loads_only_what_one_file_needs(logdir: Path) -> None:
    """No thread pool, no logging, no hash; OpenBLAS starts no thread, and no other process inherits that."""
    program = f"""
import os, sys
os.environ.pop("OPENBLAS_NUM_THREADS", None)
from tbbridge.cli import main
assert main(["check", {str(logdir / "a" / "train")!r}]) == 0
assert main(["export", {str(logdir / "a" / "train")!r}, "-o", {str(logdir.parent / "one")!r}]) == 0
spared = ("concurrent.futures", "logging", "hashlib", "difflib", "csv", "gzip", "json", "tbbridge.shape.condition")
threads = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
print("loaded", [name for name in spared if name in sys.modules], threads, os.environ.get("OPENBLAS_NUM_THREADS"))
"""
    assert run_python(program, {}).splitlines()[-1] == "loaded [] 1 None"


def test_the_version_loads_neither_the_decoder_nor_numpy() -> None:
    """It is answered before the command line is built."""
    program = """
import sys
from tbbridge.cli import main
assert main(["--version"]) == 0
print(*(name for name in ("numpy", "tbbridge.decode", "tbbridge.commands", "argparse") if name in sys.modules))
"""
    first, second = run_python(program, {}).splitlines()
    assert first.startswith("tbbridge 0.")
    assert first.endswith(" decoder)")
    assert second == ""


def test_the_version_tells_the_active_decoder() -> None:
    """What is said without loading it is what reading then takes."""
    for choice in ("", "plain"):
        env = {"TBBRIDGE_DECODER": choice}
        active = run_python("from tbbridge import decode; print(decode.IMPLEMENTATION)", env).strip()
        assert f"({active} decoder)" in run_python("from tbbridge.cli import main; main(['--version'])", env)

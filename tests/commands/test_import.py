"""``tbbridge import``: run logs become event files, and come back as the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import files_of, write_run
from support import free_port, wait_until
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tbbridge
from tbbridge.cli import main
from tbbridge.core.errors import FormatError, PathError, PublishError, UsageError
from tbbridge.core.model import COLUMNS, RunLog
from tbbridge.exporting.import_run_log import FILE, import_run_log
from tbbridge.write.run_log_csv import run_log_csv

HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"
ROWS = """\
5,0.1,0.12,2.2985375,2.2941384
10,0.18,,2.2734892,
15,0.26,0.2431,NaN,2.2315
20,,,inf,-inf
25,0.3333333333333333,,1e-07,1e+20
"""


def there_and_back(folder: Path, text: bytes, name: str = "mnist-cnn") -> bytes:
    """A run log through import and export."""
    source = folder / f"{name}.csv"
    source.write_bytes(text)
    import_run_log(source, folder / "logs", force=True)
    (path,) = tbbridge.read(folder / "logs").experiments
    return run_log_csv(tbbridge.read(folder / "logs").table(path))


@pytest.mark.parametrize("text", [HEADER + ROWS, ROWS], ids=["header", "headerless"])
def test_a_run_log_comes_back_as_the_same_bytes(tmp_path: Path, text: str) -> None:
    """Empty cells, NaN, infinities, float32 and float64 columns: export gives what was imported, with a header."""
    assert there_and_back(tmp_path, text.encode()).decode() == HEADER + ROWS


@pytest.mark.parametrize("columns", [(0,), (1,), (2, 3), (0, 3), (1, 2)])
def test_any_columns_may_be_missing(tmp_path: Path, columns: tuple[int, ...]) -> None:
    """A log of which only some columns were ever logged keeps them where they were."""
    rows = "".join(
        f"{step}," + ",".join(f"0.{step}{place + 1}" if place in columns else "" for place in range(4)) + "\n"
        for step in range(1, 30)
    )
    assert there_and_back(tmp_path, (HEADER + rows).encode()).decode() == HEADER + rows


cells = st.one_of(st.none(), st.floats(width=32), st.sampled_from([0.1, 1 / 3, -0.0]))


@given(st.dictionaries(st.integers(0, 2**40), st.tuples(cells, cells, cells, cells).filter(any), min_size=1))
def test_any_values_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[int, tuple[float | None, ...]]
) -> None:
    """Whatever the cells hold, what import and export make of them holds the same values in the same places."""
    log = RunLog("x", np.array(sorted(rows), np.int64), {}, {})
    for place, column in enumerate(COLUMNS):
        values = [rows[step][place] for step in sorted(rows)]
        log.columns[column] = np.array([0.0 if value is None else value for value in values])
        log.logged[column] = np.array([value is not None for value in values])
    text = run_log_csv(log)
    assert there_and_back(tmp_path_factory.mktemp("any"), text) == text


SHOWN = {f"exp/{run}": {"accuracy", "cross_entropy"} for run in ("train", "validation")}
"""What TensorBoard shows of `ROWS`: the same tags in both runs."""


def test_tensorboards_own_reader_finds_both_runs(tmp_path: Path) -> None:
    """A train and a validation run with the same scalars; of a column that needs doubles, the float32 values."""
    (tmp_path / "exp.csv").write_text(HEADER + ROWS)
    import_run_log(tmp_path / "exp.csv", tmp_path / "logs")
    found = {}
    for run, tags in SHOWN.items():
        reader = EventAccumulator(str(tmp_path / "logs" / run), size_guidance={"scalars": 0, "tensors": 0})
        reader.Reload()
        assert set(reader.Tags()["scalars"]) == tags
        found[run] = reader
    assert [(e.step, e.value) for e in found["exp/validation"].Scalars("cross_entropy")][:2] == [
        (5, pytest.approx(2.2941384)),
        (15, pytest.approx(2.2315)),
    ]
    assert found["exp/train"].Scalars("accuracy")[-1].value == np.float32(1 / 3)


@pytest.mark.parametrize("options", [[], ["--load_fast", "false"]], ids=["default", "python"])
def test_both_tensorboard_servers_show_every_column(tmp_path: Path, options: list[str]) -> None:
    """Also the column that needs doubles, and nothing beside the four columns."""
    (tmp_path / "exp.csv").write_text(HEADER + ROWS)
    import_run_log(tmp_path / "exp.csv", tmp_path / "logs")
    with tensorboard(tmp_path / "logs", *options) as ask:
        tags = wait_until(
            lambda: (found := ask("tags")) and len(found) == 2 and found, 100.0, what="both runs are loaded"
        )
        assert {run: set(of_run) for run, of_run in tags.items()} == SHOWN
        points = ask("scalars?run=exp%2Ftrain&tag=accuracy")
    assert [point[1] for point in points] == [5, 10, 15, 25]
    assert [point[2] for point in points] == pytest.approx([0.1, 0.18, 0.26, 1 / 3], rel=1e-7)


@contextlib.contextmanager
def tensorboard(logdir: Path, *options: str) -> Iterator[Callable[[str], Any]]:
    """A TensorBoard on `logdir`, as the function that asks its scalars plugin; None while it does not answer."""
    port = free_port()
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(what: str) -> Any:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/data/plugin/scalars/{what}") as answer,
        ):
            return json.load(answer)

    try:
        yield ask
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("place", ["exp", "exp/train", "exp/test", "exp/train/deeper"])
def test_an_import_beside_another_training_of_the_name_is_refused(tmp_path: Path, place: str) -> None:
    """Event files anywhere below the experiment's directory would be mixed with the imported ones, --force or not."""
    write_run(tmp_path / "logs" / place, accuracy=[(0, 0.5)])
    (tmp_path / "exp.csv").write_text(HEADER + ROWS)
    before = files_of(tmp_path / "logs")
    for force in (False, True):
        with pytest.raises(UsageError, match="holds event files of others: choose another name="):
            import_run_log(tmp_path / "exp.csv", tmp_path / "logs", force=force)
    assert files_of(tmp_path / "logs") == before
    import_run_log(tmp_path / "exp.csv", tmp_path / "logs", name="another")


def test_an_import_can_be_repeated_only_with_force(tmp_path: Path) -> None:
    """A second import of a name refuses, with force it gives the same bytes again; others' files are never touched."""
    (tmp_path / "exp.csv").write_text(HEADER + ROWS)
    first = [path.read_bytes() for path in import_run_log(tmp_path / "exp.csv", tmp_path / "logs")]
    with pytest.raises(UsageError, match="force=True"):
        import_run_log(tmp_path / "exp.csv", tmp_path / "logs")
    assert [p.read_bytes() for p in import_run_log(tmp_path / "exp.csv", tmp_path / "logs", force=True)] == first
    (tmp_path / "logs" / "exp" / "train" / "events.out.tfevents.1.host").write_bytes(b"")
    with pytest.raises(UsageError, match="of others"):
        import_run_log(tmp_path / "exp.csv", tmp_path / "logs", force=True)


def test_rows_without_values_are_told(tmp_path: Path) -> None:
    """No event can say that nothing was logged at a step: such rows are left out, and a note says so."""
    (tmp_path / "exp.csv").write_text(HEADER + "1,0.5,,,\n2,,,,\n")
    notes: list[str] = []
    import_run_log(tmp_path / "exp.csv", tmp_path / "logs", notes=notes)
    assert len(notes) == 1
    assert "1 rows have no value" in notes[0]
    assert "step 2" in notes[0]


def test_bad_input_is_one_clear_error(tmp_path: Path) -> None:
    """A missing file, no run log, an empty one, a name that leaves the log directory, a target that is a file."""
    for source in (tmp_path / "none.csv", tmp_path, "/dev/zero", ""):
        with pytest.raises(PathError, match="cannot read"):
            import_run_log(source, tmp_path / "logs")
    (tmp_path / "bad.csv").write_text("hello\nworld\n")
    with pytest.raises(FormatError, match=r"bad\.csv"):
        import_run_log(tmp_path / "bad.csv", tmp_path / "logs")
    (tmp_path / "empty.csv").write_text(HEADER)
    with pytest.raises(FormatError, match="nothing to import"):
        import_run_log(tmp_path / "empty.csv", tmp_path / "logs")
    (tmp_path / "exp.csv").write_text(HEADER + ROWS)
    with pytest.raises(UsageError, match="name="):
        import_run_log(tmp_path / "exp.csv", tmp_path / "logs", name="../out")
    with pytest.raises(UsageError, match="no name"):
        import_run_log(tmp_path / "exp.csv", "")
    with pytest.raises((PathError, PublishError), match="cannot make"):
        import_run_log(tmp_path / "exp.csv", tmp_path / "exp.csv")
    assert not (tmp_path / "logs").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several run logs at once; one that cannot be read does not stop the others, and decides the exit code."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(ROWS)
    (tmp_path / "bad.csv").write_text("x\n")
    sources = [str(tmp_path / name) for name in ("a.csv", "bad.csv", "b.csv")]
    assert main(["import", *sources, str(tmp_path / "logs")]) == 1
    out, err = capsys.readouterr()
    assert [os.path.basename(line) for line in out.splitlines()] == [FILE] * 4
    told = err.splitlines()
    assert len(told) == 3
    assert "bad.csv" in told[1]
    assert all(line.endswith("`tbbridge export --no-header` gives the same bytes back") for line in (told[0], told[2]))
    assert {e.name for e in tbbridge.read(tmp_path / "logs").experiments} == {"a", "b"}
    assert main(["import", *sources, str(tmp_path / "logs"), "--name", "x"]) == 2
    assert main(["import", sources[1], str(tmp_path / "more")]) == 2

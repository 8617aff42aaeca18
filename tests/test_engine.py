"""Engines: the same bytes from a Dask cluster of two workers as from this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from logs import files_of, write_experiment, write_run
from support import free_port, run_cli, wait_until

from tbbridge.core.errors import UsageError
from tbbridge.reading.engines import open_engine


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine of a scheduler with two workers, each a process of its own."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1], "--no-dashboard"]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    with processes(folder / "log", *([f"distributed.cli.{one[0]}", *one[1:]] for one in (scheduler, worker, worker))):
        wait_until(lambda: (folder / "log").read_text().count("Registered to") == 2, timeout=60)
        yield f"dask={address}"


@contextlib.contextmanager
def processes(log: Path, *commands: Sequence[str]) -> Iterator[None]:
    """``python -m COMMAND`` runs, for each command; whatever happens, they and all that they started are killed."""
    started = []
    with log.open("w") as sink:
        try:
            for command in commands:
                line = [sys.executable, "-u", "-m", *command]
                started.append(subprocess.Popen(line, stdout=sink, stderr=sink, start_new_session=True))
            yield
        finally:
            for process in reversed(started):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Trainings, one of them restarted, one damaged."""
    for number in range(5):
        write_experiment(tmp_path / "logs", f"exp{number}", shift=number / 16, steps=50)
    write_run(tmp_path / "logs" / "c", "1", wall_time=100, loss=[(0, 1), (1, 2), (2, 3)])
    write_run(tmp_path / "logs" / "c", "2", wall_time=200, loss=[(1, 9), (2, 8)])
    path = write_run(tmp_path / "logs" / "d", loss=[(step, step) for step in range(100)])
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    return tmp_path / "logs"


CASES = {
    "run logs": ["--out", "out/"],
    "long": ["--out", "out/all.csv", "--layout", "long", "--all"],
    "page": ["--out", "out/page.html"],
    "dataset": ["--out", "out/", "--layout", "long", "--format", "parquet"],
}


@pytest.mark.parametrize("case", CASES)
def test_a_cluster_writes_the_same_bytes(dask: str, logdir: Path, tmp_path: Path, case: str) -> None:
    """Files, standard error and exit code are those of an export in one process."""
    found = []
    for engine in ("threads", dask):
        work = tmp_path / engine.split("=")[0]
        (work / "out").mkdir(parents=True)
        done = run_cli("export", logdir, *CASES[case], "--engine", engine, cwd=work)
        assert done.returncode == 1, done.stderr
        found.append((files_of(work / "out"), done.stderr))
    here, there = found
    assert here[0]
    assert here == there
    assert "d/events" in here[1]
    assert "2 points superseded" in here[1]


def test_the_selection_holds_on_a_cluster(dask: str, logdir: Path, tmp_path: Path) -> None:
    """Runs, tags and steps are chosen by the workers of a dataset as by anyone."""
    args = ["--layout", "long", "--format", "parquet", "--runs", "exp*", "--tags", "acc*", "--steps", "3:7"]
    for folder, engine in (("here", "threads"), ("there", dask)):
        run_cli("export", logdir, *args, "--engine", engine, "--out", tmp_path / folder)
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there") != {}


def test_a_cluster_that_is_not_there_is_one_line(logdir: Path, tmp_path: Path) -> None:
    """Exit code 2, one line on standard error, nothing written."""
    engine = f"dask=tcp://127.0.0.1:{free_port()}"
    done = run_cli("export", logdir, "--engine", engine, "--out", tmp_path / "out")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "cannot reach" in done.stderr
    assert not (tmp_path / "out").exists()


def test_threads_keep_the_order() -> None:
    """Results come in the order of the items, whatever the order they are done in."""
    with open_engine("threads") as engine:
        assert list(engine(lambda item: -item, range(100))) == [-item for item in range(100)]


@pytest.mark.parametrize("text", ["", "spark", "threads=4", "Dask", "ray"])
def test_unknown_engines(text: str) -> None:
    """One line that says which there are."""
    with pytest.raises(UsageError, match="choose threads, dask"), open_engine(text):
        pass

"""Engines: the same bytes from a Dask cluster of two worker processes as from this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from logs import files_of, write_experiment, write_run
from support import free_port, run_cli, wait_until

from tbbridge.engine import Threads, open_engine
from tbbridge.errors import UsageError


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own."""
    folder = tmp_path_factory.mktemp("dask")
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", address.rsplit(":", 1)[1], "--no-dashboard"]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    processes = []
    with (folder / "log").open("w") as log:
        for module, *args in (scheduler, worker, worker):
            command = [sys.executable, "-m", f"distributed.cli.{module}", *args]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        try:
            wait_until(lambda: (folder / "log").read_text().count("Registered to") == 2, timeout=60)
            yield address
        finally:
            for process in reversed(processes):
                process.kill()
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
def test_a_cluster_gives_the_same_bytes(cluster: str, logdir: Path, tmp_path: Path, case: str) -> None:
    """Files, standard error and exit code are those of an export in one process."""
    found = {}
    for engine in ("threads", f"dask={cluster}"):
        work = tmp_path / engine.split("=")[0]
        (work / "out").mkdir(parents=True)
        done = run_cli("export", logdir, *CASES[case], "--engine", engine, cwd=work)
        assert done.returncode == 1, done.stderr
        found[engine] = (files_of(work / "out"), done.stderr)
    here, there = found.values()
    assert here[0]
    assert here == there
    assert "d/events" in here[1]
    assert "2 points superseded" in here[1]


def test_the_selection_holds_on_a_cluster(cluster: str, logdir: Path, tmp_path: Path) -> None:
    """Runs, tags and steps are chosen by the workers of a dataset as by anyone."""
    args = ["--layout", "long", "--format", "parquet", "--runs", "exp*", "--tags", "acc*", "--steps", "3:7"]
    for engine in ("threads", f"dask={cluster}"):
        run_cli("export", logdir, *args, "--engine", engine, "--out", tmp_path / engine[:4])
    assert files_of(tmp_path / "thre") == files_of(tmp_path / "dask") != {}


def test_threads_keep_the_order() -> None:
    """Results come in the order of the items, whatever the order they are done in."""
    assert list(Threads().map(lambda item: -item, range(100))) == [-item for item in range(100)]


@pytest.mark.parametrize("text", ["", "spark", "threads=4", "Dask"])
def test_unknown_engines(text: str) -> None:
    """One line that says which there are."""
    with pytest.raises(UsageError, match="choose threads, dask"):
        open_engine(text)

"""A disk that is really full: the old versions stay whole, it is told, and all is well when space comes back."""

from __future__ import annotations

import contextlib
import os
import resource
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import support
from support import run_cli, running_cli, stop, wait_until

import tbbridge
from tbbridge.write.atomic import TEMPORARY
from tbbridge.write.events import EventWriter

SIZE = 64 << 10
"""Bytes of the small file system."""

Full = Callable[..., contextlib.AbstractContextManager[str]]
"""``full(process, room=0)``: the target has so many bytes left for a process, during a block; it gets what is said."""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "logs-csv"
    path.mkdir()
    return path


@pytest.fixture
def full(out: Path) -> Iterator[Full]:
    """A target on a file system of its own that is really full; a limit of file sizes where none may be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(out)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            yield lambda _, room=0: filled(out, room)
        finally:
            subprocess.run(["umount", str(out)], check=True)
    else:
        yield limited


@contextlib.contextmanager
def filled(out: Path, room: int) -> Iterator[str]:
    """By a file that somebody else wrote."""
    filler = out / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - room)
    try:
        yield "No space left on device"
    finally:
        filler.unlink()


@contextlib.contextmanager
def limited(process: int, room: int = 0) -> Iterator[str]:
    """By a limit of the length of every file, with room for what the process says."""
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (max(room, 4096), before[1]))
    try:
        yield "File too large"
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            resource.prlimit(process, resource.RLIMIT_FSIZE, before)


def log(logs: Path, first: int, count: int, run: str = "exp") -> None:
    """One more event file, which appears whole: nothing in between is published."""
    path = logs / run / f"events.out.tfevents.{first}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with EventWriter(path.with_name("new"), wall_time=1000.0 + first) as writer:
        for step in range(first, first + count):
            writer.scalar("loss", step, 1000.0 + step, step / 2)
    path.with_name("new").rename(path)


def published(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


def temporaries(out: Path) -> list[Path]:
    return [path for path in out.rglob("*") if TEMPORARY.fullmatch(path.name)]


def test_a_watch_outlives_a_full_disk(tmp_path: Path, out: Path, full: Full) -> None:
    """Told once a file, the old versions stay, no temporary file is left; space comes back, and so do the news."""
    logs, said = tmp_path / "logs", tmp_path / "said"
    log(logs, 0, 500)
    log(logs, 0, 500, "other")
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(lambda: len(published(out)) == 3)
        before = published(out)
        with full(watch.pid) as reason:
            log(logs, 500, 500)
            line = f"cannot write {out / 'exp.csv'}: {reason}; the old version stays"
            wait_until(lambda: line in said.read_text(), what=line)
            log(logs, 1000, 10)
            assert published(out) == before
            wait_until(lambda: not temporaries(out))
        wait_until(lambda: published(out)["exp.csv"].count(b"\n") == 1011)
        assert stop(watch) == 0
    assert "Traceback" not in said.read_text()
    assert not temporaries(out)
    tbbridge.export(logs, tmp_path / "fresh")
    assert published(out) == published(tmp_path / "fresh")


def test_a_watch_that_ends_on_a_full_disk_says_so(tmp_path: Path, out: Path, full: Full) -> None:
    """Exit code 1, and the old version whole; the next start writes what is missing."""
    logs, said = tmp_path / "logs", tmp_path / "said"
    log(logs, 0, 500)
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(lambda: len(published(out)) == 2)
        before = published(out)
        with full(watch.pid) as reason:
            log(logs, 500, 500)
            wait_until(lambda: reason in said.read_text())
            assert stop(watch) == 1
            assert published(out) == before
            assert not temporaries(out)
    assert run_cli("export", logs).returncode == 0
    assert published(out)["exp.csv"].count(b"\n") == 1001


@pytest.mark.parametrize("target", ["", "points.csv", "points.parquet", "page.html", "book.xlsx"])
def test_an_export_to_a_full_disk_fails_whole(tmp_path: Path, out: Path, full: Full, target: str) -> None:
    """Exit code 1 and one line; neither a part of a file nor a temporary one is left, whatever is written."""
    logs = tmp_path / "logs"
    log(logs, 0, 500)
    assert run_cli("export", logs).returncode == 0
    log(logs, 500, 10_000)
    before = published(out)
    with full(os.getpid()) as reason:
        done = run_cli("export", logs, "--out", out / target, "--layout", "long" if "points" in target else "compact")
        assert published(out) == before
        assert not temporaries(out)
        assert not target or not (out / target).exists()
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if ": no " not in line]
    assert line.startswith(f"tbbridge: cannot write {out}/")
    assert reason in line


def test_a_run_log_that_outgrows_the_disk_stays_at_a_whole_version(tmp_path: Path, out: Path, full: Full) -> None:
    """The kernel takes a part of it and refuses the rest: the part is not published, and does not stay."""
    logs, said = tmp_path / "logs", tmp_path / "said"
    log(logs, 0, 100)
    with running_cli("watch", logs, "--no-viewer", output=said) as watch:
        wait_until(lambda: len(published(out)) == 2)
        with full(watch.pid, room=8192) as reason:
            log(logs, 100, 100)
            wait_until(lambda: published(out)["exp.csv"].endswith(b"\n199,,,99.5,\n"))
            log(logs, 200, 1000)
            wait_until(lambda: f"exp.csv: {reason}; the old version stays" in said.read_text())
            assert published(out)["exp.csv"].endswith(b"\n199,,,99.5,\n")
            wait_until(lambda: not temporaries(out))  # each further attempt makes one, and removes it
        wait_until(lambda: published(out)["exp.csv"].count(b"\n") == 1201)
        assert stop(watch) == 0


@pytest.mark.parametrize("command", ["export", "inspect", "check"])
def test_an_output_that_takes_nothing_is_one_line(tmp_path: Path, command: str) -> None:
    """What a command prints goes to a full disk: exit code 1, and no traceback."""
    log(tmp_path / "logs", 0, 10)
    with open("/dev/full", "w") as sink:
        done = subprocess.run(
            [*support.command(command, tmp_path / "logs")], stdout=sink, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "tbbridge: cannot write to standard output: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_watch_whose_output_takes_nothing_goes_on(tmp_path: Path, out: Path) -> None:
    """Its lines are lost, its run logs are not."""
    log(tmp_path / "logs", 0, 10)
    with running_cli("watch", tmp_path / "logs", "--no-viewer", output="/dev/full") as watch:
        for count in (11, 21, 31):
            wait_until(lambda count=count: published(out).get("exp.csv", b"").count(b"\n") == count)  # type: ignore[misc]
            log(tmp_path / "logs", count - 1, 10)
        assert stop(watch) == 0
    assert published(out)["exp.csv"].count(b"\n") == 41


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_hindrance(tmp_path: Path, out: Path, closed: str) -> None:
    """As some supervisors start a process: everything is done as usual, and nothing is printed into a file of ours."""
    log(tmp_path / "logs", 0, 10)
    program = shlex.join(support.command("export", tmp_path / "logs"))
    done = subprocess.run(["sh", "-c", f"exec {program} {closed}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    program = shlex.join(support.command("watch", tmp_path / "logs", "--no-viewer"))
    watch = subprocess.Popen(["sh", "-c", f"exec {program} {closed}"], text=True, stderr=subprocess.DEVNULL)
    try:
        log(tmp_path / "logs", 10, 10)
        wait_until(lambda: published(out)["exp.csv"].count(b"\n") == 21)
        assert stop(watch) == 0
    finally:
        watch.kill()
    assert published(out)["exp.csv"].startswith(b"step,")

"""Permissions as the kernel keeps them: tbbridge runs as somebody who cannot override them, also where root tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support import run_together, running_cli, stop, wait_until

import tbbridge
from tbbridge.write.events import EventWriter

POWERLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
"""Before a command: root without the two powers by which permissions mean nothing to it."""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    for run in ("closed", "open"):
        log(path, run, 0)
    return path


def log(logs: Path, run: str, step: int) -> Path:
    """One more event file, with one point."""
    path = logs / run / f"events.out.tfevents.{step}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with EventWriter(path, wall_time=1000.0 + step) as writer:
        writer.scalar("loss", step, 1000.0 + step, step / 2)
    return path


@contextlib.contextmanager
def mode(path: Path, bits: int) -> Iterator[None]:
    """A path's permissions, for the time of a block."""
    before = path.stat().st_mode
    path.chmod(bits)
    try:
        yield
    finally:
        path.chmod(before)


def run_all(*commands: Sequence[str | Path]) -> list[tuple[int, list[str]]]:
    """The exit code of each ``tbbridge ARGS`` and its lines on stderr, but what the mapping has to say."""
    done = run_together(*commands, prefix=POWERLESS)
    return [(one.returncode, [line for line in one.stderr.splitlines() if ": no " not in line]) for one in done]


def run(*args: str | Path) -> tuple[int, list[str]]:
    return run_all(args)[0]


def rows(path: Path) -> int:
    """How many rows a run log has; -1 while there is none."""
    return path.read_bytes().count(b"\n") - 1 if path.exists() else -1


def published(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def everything(root: Path) -> dict[Path, tuple[int, ...]]:
    """What a write would change of any file or directory below a directory."""
    paths = [root, *root.rglob("*")]
    return {
        path: (s.st_ino, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for path in paths if (s := path.stat())
    }


@pytest.mark.parametrize(
    ("place", "bits", "line"),
    [
        ("closed/events.out.tfevents.0", 0, "tbbridge: cannot read closed/events.out.tfevents.0: Permission denied"),
        ("closed", 0, "tbbridge: cannot list {logs}/closed: Permission denied"),
        ("closed", 0o111, "tbbridge: cannot list {logs}/closed: Permission denied"),
        ("closed", 0o444, "tbbridge: cannot read closed/events.out.tfevents.0: Permission denied"),
    ],
)
def test_export_tells_what_it_must_not_read_and_writes_the_rest(
    logs: Path, tmp_path: Path, place: str, bits: int, line: str
) -> None:
    """One line and exit code 1; once it may be read, all is exported, with 0."""
    with mode(logs / place, bits):
        assert run("export", logs) == (1, [line.format(logs=logs)])
        assert rows(tmp_path / "logs-csv/open.csv") == 1
    assert run("export", logs) == (0, [])
    assert rows(tmp_path / "logs-csv/closed.csv") == 1


@pytest.mark.parametrize("bits", [0, 0o111, 0o444])
def test_a_log_directory_that_must_not_be_read_is_refused(logs: Path, bits: int) -> None:
    """At the start, by each command, in one line, with exit code 2."""
    line = f"tbbridge: {logs} cannot be read (permission denied): change its permissions, or be another user"
    with mode(logs, bits):
        found = run_all(["export", logs], ["watch", logs, "--no-viewer"], ["inspect", logs])
    assert found == [(2, [line])] * 3


def test_a_log_directory_below_a_closed_one_is_refused_and_not_called_missing(logs: Path, tmp_path: Path) -> None:
    """The same line: whoever cannot search the directory above cannot tell what is there."""
    (tmp_path / "above").mkdir()
    below = logs.rename(tmp_path / "above/logs")
    line = f"tbbridge: {below} cannot be read (permission denied): change its permissions, or be another user"
    with mode(tmp_path / "above", 0):
        found = run_all(["export", below], ["watch", below, "--no-viewer"], ["inspect", below], ["view", below])
    assert found == [(2, [line])] * 4


@pytest.mark.parametrize("bits", [0, 0o444, 0o555])
def test_a_target_that_must_not_be_written_is_refused(logs: Path, tmp_path: Path, bits: int) -> None:
    """Export and watch end with 2 and one line; what was exported before stays, and is renewed when it may be."""
    assert run("export", logs) == (0, [])
    before = published(tmp_path / "logs-csv")
    log(logs, "open", 1)
    line = f"cannot write into {tmp_path / 'logs-csv'}: Permission denied; choose another place with --out"
    with mode(tmp_path / "logs-csv", bits):
        assert run_all(["export", logs], ["watch", logs, "--no-viewer"]) == [(2, [f"tbbridge: {line}"])] * 2
    assert published(tmp_path / "logs-csv") == before
    assert run("export", logs) == (0, [])
    assert rows(tmp_path / "logs-csv/open.csv") == 2


def test_a_target_in_a_closed_directory_is_one_line(logs: Path, tmp_path: Path) -> None:
    """Also where it must not even be searched, and for every kind of target."""
    (tmp_path / "out").mkdir()
    targets = ("out/below", "out/file.csv", "out/page.html", "out/points.parquet")
    for bits in (0, 0o555):
        with mode(tmp_path / "out", bits):
            for code, (line,) in run_all(*(["export", logs, "--out", tmp_path / target] for target in targets)):
                assert code in (1, 2)
                assert line.startswith("tbbridge: cannot write ")
                assert "Permission denied" in line
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@contextlib.contextmanager
def watching(logs: Path, said: Path) -> Iterator[Path]:
    """A watch that ends well and in the end has published what export gives; the block gets the target directory."""
    out = logs.with_name("logs-csv")
    arguments = ("watch", logs, "--no-viewer", "--poll-interval", "0.1")
    with running_cli(*arguments, output=said, prefix=POWERLESS) as watch:
        wait_until(lambda: all(f"{run}: step 0" in said.read_text() for run in ("open", "closed")))
        assert (rows(out / "open.csv"), rows(out / "closed.csv")) == (1, 1)
        yield out
        assert stop(watch) == 0
    fresh = logs.with_name("fresh")
    tbbridge.export(logs, fresh)
    assert published(out) == published(fresh)
    assert "Traceback" not in said.read_text()


@pytest.mark.parametrize(
    ("place", "bits", "line"),
    [
        ("closed/events.out.tfevents.1", 0, "cannot read closed/events.out.tfevents.1: Permission denied"),
        ("closed", 0, "cannot list {logs}/closed: Permission denied"),
        (".", 0, "cannot list {logs}: Permission denied"),
    ],
)
def test_watch_goes_on_where_it_may_not_read_and_recovers(
    logs: Path, said: Path, place: str, bits: int, line: str
) -> None:
    """It is told, the others go on, what was published stays, and what came meanwhile is there when it may be read."""
    with watching(logs, said) as out:
        path = logs / place
        if path.name.startswith("events"):
            path.touch()
        with mode(path, bits):
            wait_until(lambda: line.format(logs=logs) in said.read_text(), what=line)
            log(logs, "closed", 2)
            log(logs, "open", 1)
            if place != ".":
                wait_until(lambda: rows(out / "open.csv") == 2)
            assert rows(out / "closed.csv") >= 1
        wait_until(lambda: rows(out / "closed.csv") == 2 and rows(out / "open.csv") == 2)


def test_watch_keeps_the_old_version_while_it_must_not_write_and_recovers(logs: Path, said: Path) -> None:
    """The target becomes read-only under it: told, nothing is lost, and the news are there when it may write again."""
    with watching(logs, said) as out:
        before = published(out)
        with mode(out, 0o555):
            log(logs, "open", 1)
            wait_until(
                lambda: f"cannot write {out / 'open.csv'}: Permission denied; the old version" in said.read_text()
            )
            assert published(out) == before
        wait_until(lambda: rows(out / "open.csv") == 2)


def test_watch_that_ends_while_it_must_not_write_says_so(logs: Path, tmp_path: Path, said: Path) -> None:
    """Exit code 1: what was published is not the last state."""
    out = tmp_path / "logs-csv"
    with running_cli("watch", logs, "--no-viewer", output=said, prefix=POWERLESS) as watch:
        wait_until(lambda: rows(out / "open.csv") == 1)
        with mode(out, 0o555):
            log(logs, "open", 1)
            wait_until(lambda: "Permission denied; the old version stays" in said.read_text())
            assert stop(watch) == 1
    assert "Traceback" not in said.read_text()


def test_a_log_directory_that_nobody_may_write_is_all_that_is_needed(logs: Path, said: Path) -> None:
    """Read-only throughout: export and watch work, and leave every name, size and time in it as they were."""
    for path in logs.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    logs.chmod(0o555)
    before = everything(logs)
    assert run("export", logs) == (0, [])
    with watching(logs, said):
        pass
    assert everything(logs) == before
    for path in (logs, logs / "open", logs / "closed"):
        path.chmod(0o755)

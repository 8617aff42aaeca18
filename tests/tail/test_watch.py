"""Waiting for changes: notifications are hints, limits are said, nothing blocks."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from logs import write_run
from support import wait_until
from watchdog.observers import Observer

from tbbridge.tail.watch import SILENT_POLLS, Watcher


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    one = Watcher(str(tmp_path))
    assert one.attend()
    yield one
    one.close()


def touched(watcher: Watcher, *paths: Path) -> set[str]:
    """All paths that are told until each of `paths` was."""
    seen: set[str] = set()
    wait_until(lambda: seen.update(watcher.wait(1)) or seen >= set(map(str, paths)), what=f"{paths} told")
    return seen


def test_a_touched_event_file_is_told(watcher: Watcher, tmp_path: Path) -> None:
    """Only its path, and other files' (checkpoints, notes) are not."""
    (tmp_path / "model.ckpt").write_bytes(b"x" * 1000)
    file = tmp_path / "a.tfevents"
    file.write_bytes(b"x")
    assert touched(watcher, file) == {str(file)}
    with open(file, "ab") as end:
        end.write(b"y")
    assert touched(watcher, file) == {str(file)}


def test_reading_is_not_told(watcher: Watcher, tmp_path: Path) -> None:
    """Our own looks would else be told to us, and be followed by another look."""
    file, mark = tmp_path / "a.tfevents", tmp_path / "mark.tfevents"
    file.write_bytes(b"x")
    touched(watcher, file)
    file.read_bytes()
    os.stat(file)
    mark.write_bytes(b"x")
    assert touched(watcher, mark) == {str(mark)}


def test_what_is_written_into_a_new_directory_is_told(watcher: Watcher, tmp_path: Path) -> None:
    """Without attending it, at any depth; also where it came with its files."""
    file = tmp_path / "run/train/a.tfevents"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    touched(watcher, file)
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    write_run(outside, "1", loss=[(0, 1)])
    outside.rename(tmp_path / "moved")
    touched(watcher, tmp_path / "moved")


def test_a_moved_directory_is_known_under_its_new_path(watcher: Watcher, tmp_path: Path) -> None:
    """Both paths are told; its files have the new one."""
    (tmp_path / "old/below").mkdir(parents=True)
    touched(watcher, tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    touched(watcher, tmp_path / "old", tmp_path / "new")
    file = tmp_path / "new/below/a.tfevents"
    file.write_bytes(b"x")
    touched(watcher, file)


def test_another_directory_in_the_roots_place_is_attended(tmp_path: Path) -> None:
    """A link that leads elsewhere now, of which nothing tells; paths are those below the link."""
    for name in ("old/run", "new/run"):
        (tmp_path / name).mkdir(parents=True)
    link = tmp_path / "latest"
    link.symlink_to("old")
    watcher = Watcher(str(link))
    assert watcher.attend()
    link.unlink()
    link.symlink_to("new")
    assert watcher.attend()
    assert not watcher.attend()
    (tmp_path / "old/run/a.tfevents").write_bytes(b"")
    (tmp_path / "new/run/b.tfevents").write_bytes(b"")
    assert touched(watcher, link / "run/b.tfevents") == {str(link / "run/b.tfevents")}
    watcher.close()


def test_linked_directories_are_told_by_the_paths_of_their_links(watcher: Watcher, tmp_path: Path) -> None:
    """Those that are attended; each once."""
    target = tmp_path.with_name(f"{tmp_path.name}-target")
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    assert watcher.attend([str(link)])
    assert not watcher.attend([str(link)])
    (target / "a.tfevents").write_bytes(b"x")
    touched(watcher, link / "a.tfevents")


def test_a_deleted_root_is_told(watcher: Watcher, tmp_path: Path) -> None:
    """And it is attended again when it is back, whatever inode it has."""
    shutil.rmtree(tmp_path)
    touched(watcher, tmp_path)
    assert not watcher.attend()
    tmp_path.mkdir()
    assert watcher.attend()
    (tmp_path / "a.tfevents").write_bytes(b"x")
    touched(watcher, tmp_path / "a.tfevents")


def test_a_root_that_appears_later(tmp_path: Path) -> None:
    """It is attended when it is there."""
    watcher = Watcher(str(tmp_path / "logs"))
    assert not watcher.attend()
    (tmp_path / "logs").mkdir()
    assert watcher.attend()
    watcher.close()


def test_one_file_is_told_alone(tmp_path: Path) -> None:
    """A log directory may be one event file; its neighbours are no news."""
    file, other = tmp_path / "a.tfevents", tmp_path / "b.tfevents"
    file.write_bytes(b"")
    watcher = Watcher(str(file))
    watcher.attend()
    other.write_bytes(b"x")
    with open(file, "ab") as end:
        end.write(b"y")
    assert touched(watcher, file) == {str(file)}
    watcher.close()


def test_wake_ends_a_wait(watcher: Watcher) -> None:
    """From any thread, at once."""
    threading.Timer(0.05, watcher.wake).start()
    assert not watcher.wait(3600)


def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    """No thread and no descriptor; closing twice is fine."""
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        watcher = Watcher(str(tmp_path))
        watcher.attend()
        watcher.close()
        watcher.close()
    wait_until(lambda: threading.active_count() == threads)
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.parametrize(("code", "limit"), [(errno.ENOSPC, "watches"), (errno.EMFILE, "instances")])
def test_exhausted_limits_are_said_with_their_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, limit: str
) -> None:
    """Polling alone goes on, and one line tells what to raise."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Observer, "schedule" if limit == "watches" else "start", refuse)
    watcher = Watcher(str(tmp_path))
    assert not watcher.attend()
    assert watcher.notes == [f"the limit of inotify {limit} is reached (raise fs.inotify.max_user_{limit}): polling"]
    assert not watcher.notified
    assert not watcher.wait(0.01)
    watcher.close()


def test_a_directory_without_notifications_is_noticed_by_what_polls_find(watcher: Watcher, tmp_path: Path) -> None:
    """New bytes that no notification told, at two polls in a row with a poll after them: one note, with the remedy."""
    silent = str(tmp_path / "nfs/a.tfevents")
    for _ in range(SILENT_POLLS):
        watcher.compare([silent])
        assert watcher.notified
    for _ in range(3):
        watcher.compare([silent])
        assert not watcher.notified
    (note,) = watcher.notes
    assert str(tmp_path / "nfs") in note
    assert "fs.inotify.max_user_watches" in note


@pytest.mark.parametrize("told", ["nfs/a.tfevents", "nfs/other.tfevents", "nfs"])
def test_a_notification_that_comes_late_is_no_missing_one(watcher: Watcher, tmp_path: Path, told: str) -> None:
    """A poll may read bytes before their notification is taken, and the system may drop some."""
    for _ in range(2 * SILENT_POLLS):
        watcher.compare([str(tmp_path / "nfs/a.tfevents")])
        watcher.touch(str(tmp_path / told), is_directory=told == "nfs")
        watcher.wait(0)
    assert watcher.notified


LIMITED = """
import sys, time
from pathlib import Path
import tbbridge
from tbbridge.tail.watch import Watcher
from tbbridge.write.events import EventWriter

Path("/proc/sys/user/max_inotify_watches").write_text("4")
root, out = Path(sys.argv[1]), Path(sys.argv[2])
for n in range(12):
    (root / f"run{n}").mkdir(parents=True)
writers = [EventWriter(root / f"run{n}" / "events.out.tfevents.1", wall_time=1.0) for n in range(12)]
with tbbridge.Bridge(root, out, poll_interval=0.1) as bridge:
    assert bridge.wait_until_read(30)
    for step in range(200):
        for writer in writers:
            writer.scalar("loss", step, 1.0 + step, 1 / (step + 1))
            writer.flush()
        time.sleep(0.1)
        if bridge.status():
            break
    deadline = time.monotonic() + 30
    while any(f"\\n{step}," not in (out / f"run{n}.csv").read_text() for n in range(12)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    print(*bridge.status(), sep="\\n")
"""


def test_a_small_limit_of_watches_is_noticed_and_every_run_is_followed(tmp_path: Path) -> None:
    """In a user namespace with four watches for twelve runs: the library keeps silent, one line says it."""
    inside = ["unshare", "--user", "--map-root-user"]
    command = [*inside, sys.executable, "-c", LIMITED, tmp_path / "logs", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "raise fs.inotify.max_user_watches" in line

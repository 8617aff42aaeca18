"""Waiting for news: notifications are hints, limits are said, nothing blocks."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_until

from tbbridge.tail import watch as room
from tbbridge.tail.inotify import BUFFER, Inotify
from tbbridge.tail.watch import Observed, Watcher, file_system


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    one = Watcher(str(tmp_path))
    one.attend([str(tmp_path)])
    yield one
    one.close()


def news(watcher: Watcher, timeout: float = 5.0) -> set[str]:
    """The names of the touched paths of the next news."""
    return {os.path.basename(path) for path in watcher.wait(timeout).paths}


def test_a_touched_event_file_is_named(watcher: Watcher, tmp_path: Path) -> None:
    """Only its path is told, and other files' (checkpoints, notes) are not."""
    (tmp_path / "model.ckpt").write_bytes(b"x" * 1000)
    (tmp_path / "a.tfevents").write_bytes(b"x")
    assert news(watcher) == {"a.tfevents"}
    with open(tmp_path / "a.tfevents", "ab") as file:
        file.write(b"y")
    assert news(watcher) == {"a.tfevents"}
    assert news(watcher, 0.01) == set()


def test_a_new_directory_is_told_and_can_be_attended(watcher: Watcher, tmp_path: Path) -> None:
    """Attending it twice does nothing: what is returned is to be looked at once more."""
    (tmp_path / "run").mkdir()
    assert news(watcher) == {"run"}
    assert watcher.attend([str(tmp_path / "run")]) == [str(tmp_path / "run")]
    assert watcher.attend([str(tmp_path / "run")]) == []
    (tmp_path / "run/a.tfevents").write_bytes(b"")
    assert news(watcher) == {"a.tfevents"}


def test_a_directory_whose_times_or_permissions_change_is_told_as_itself(watcher: Watcher, tmp_path: Path) -> None:
    """By its parent and by itself, under one path: a directory with two would be looked at for ever."""
    run = tmp_path / "run"
    run.mkdir()
    watcher.attend([str(run)])
    watcher.wait(0.05)
    run.chmod(0o700)
    assert watcher.wait(5).paths == {str(run)}
    tmp_path.chmod(0o700)
    assert watcher.wait(5).paths == {str(tmp_path)}


def test_a_moved_directory_is_no_longer_known_under_its_old_path(watcher: Watcher, tmp_path: Path) -> None:
    """Both names are told; after attending the new one, its files have the new path."""
    (tmp_path / "old/below").mkdir(parents=True)
    watcher.attend([str(tmp_path / "old"), str(tmp_path / "old/below")])
    watcher.wait(0.05)
    (tmp_path / "old").rename(tmp_path / "new")
    assert {"old", "new"} <= news(watcher)
    watcher.attend([str(tmp_path / "new/below")])
    (tmp_path / "new/below/a.tfevents").write_bytes(b"")
    assert str(tmp_path / "new/below/a.tfevents") in watcher.wait(5).paths


def test_another_directory_in_the_roots_place_is_attended(tmp_path: Path) -> None:
    """A link that leads elsewhere now, of which nothing tells: the next time that its directories are listed."""
    for name in ("old/run", "new/run"):
        (tmp_path / name).mkdir(parents=True)
    link = tmp_path / "latest"
    link.symlink_to("old")
    watcher = Watcher(str(link))
    paths = [str(link), str(link / "run")]
    assert watcher.attend(paths) == paths
    link.unlink()
    link.symlink_to("new")
    assert watcher.attend(paths) == paths
    assert watcher.attend(paths) == []
    (tmp_path / "old/run/a.tfevents").write_bytes(b"")
    (tmp_path / "new/run/b.tfevents").write_bytes(b"")
    assert watcher.wait(5).paths == {str(link / "run/b.tfevents")}
    watcher.close()


def test_a_deleted_root_is_told(watcher: Watcher, tmp_path: Path) -> None:
    """And it can be attended again when it is back."""
    shutil.rmtree(tmp_path)
    assert tmp_path.name in news(watcher)
    tmp_path.mkdir()
    assert watcher.attend([str(tmp_path)]) == [str(tmp_path)]


def test_wake_ends_a_wait(watcher: Watcher) -> None:
    """From any thread, at once."""
    threading.Timer(0.05, watcher.wake).start()
    began = time.monotonic()
    assert not watcher.wait(10).paths
    assert time.monotonic() - began < 5


def test_lost_notifications_mean_anywhere(watcher: Watcher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When the kernel's queue overflows, everything is to be looked at."""
    overflow = b"\xff\xff\xff\xff" + (0x4000).to_bytes(4, "little") + bytes(8)
    parts = [overflow, b""]
    monkeypatch.setattr(Inotify, "_read_some", lambda self: parts.pop(0))
    (tmp_path / "a.tfevents").write_bytes(b"")
    assert watcher.wait(5).anywhere


@pytest.mark.parametrize(("code", "limit"), [(errno.ENOSPC, "watches"), (errno.EMFILE, "instances")])
def test_exhausted_limits_are_said_with_their_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, limit: str
) -> None:
    """Polling alone goes on, and one line tells what to raise."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Inotify, "add" if limit == "watches" else "__init__", refuse)
    watcher = Watcher(str(tmp_path))
    assert watcher.attend([str(tmp_path), str(tmp_path)]) == []
    assert watcher.notes == [f"the limit of inotify {limit} is reached (raise fs.inotify.max_user_{limit}): polling"]
    assert not watcher.notified
    assert not watcher.wait(0.01).paths
    watcher.close()


def test_other_systems_notifications_come_by_watchdog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answers where there is no inotify: one observer for the root, found when it is there."""
    monkeypatch.setattr(Watcher, "_start", lambda self, root: Observed(root))
    root = tmp_path / "logs"
    watcher = Watcher(str(root))
    assert watcher.attend([str(root)]) == []
    (root / "run").mkdir(parents=True)
    assert watcher.attend([str(root), str(root / "run")]) == [str(root)]
    (root / "run/a.tfevents").write_bytes(b"x")
    (root / "run/other").write_bytes(b"x")
    touched: set[str] = set()
    wait_until(lambda: touched.update(watcher.wait(1).paths) or str(root / "run/a.tfevents") in touched)
    assert str(root / "run/other") not in touched
    watcher.close()


def test_a_network_file_system_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other machines' writes are not notified there."""
    monkeypatch.setattr(room, "file_system", lambda _: "nfs4")
    watcher = Watcher(str(tmp_path))
    assert watcher.notes == [f"{tmp_path} is on nfs4, which tells nothing of other machines' writes: polling"]
    assert not watcher.notified
    watcher.close()


def test_the_file_system_is_that_of_the_nearest_mount_point() -> None:
    """As the kernel lists it."""
    assert file_system("/proc/self") == "proc"
    assert file_system("/") not in ("", "proc")


def test_notifications_are_read_in_blocks(tmp_path: Path) -> None:
    """More touches than one buffer holds are all there."""
    inotify = Inotify()
    inotify.add(str(tmp_path))
    many = BUFFER // 32 + 100
    for number in range(many):
        (tmp_path / f"{number}.tfevents").touch()
    touched = {touch.path for touch in inotify.read()}
    assert len(touched) == many
    inotify.close()

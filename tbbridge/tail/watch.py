"""Sleep until something may have changed. A notification is a hint where to look, never a truth: a poll backs it up."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tbbridge.tail.inotify import Inotify, Touch
from tbbridge.tail.logdir import MARK

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent

GATHER = 0.002
"""Seconds to wait for more after a first notification: a record may be written in several pieces."""

REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "lustre", "gluster", "afs", "gpfs", "vboxsf", "fuse", "virtiofs", "drvfs")
"""Kinds of file systems on which other machines (or a host) write without this kernel being told."""


@dataclass(slots=True)
class News:
    """Where something may have changed: these paths, or anywhere."""

    paths: set[str] = field(default_factory=set)
    anywhere: bool = False


class Notifier(Protocol):
    """Tells which paths were touched: `Inotify`, or `Observed` where the system has no inotify."""

    descriptor: int
    """Becomes readable when there is something to `read`."""

    def __contains__(self, directory: str) -> bool: ...
    def add(self, directory: str) -> None: ...
    def forget(self, directory: str) -> None: ...
    def read(self) -> list[Touch]: ...
    def close(self) -> None: ...


class Observed:
    """The notifications of the other systems (macOS), by watchdog: one observer for the root and all below it."""

    def __init__(self, root: str) -> None:
        from watchdog.observers import Observer

        self._root = root
        self._observer = Observer()
        self._queue: deque[Touch] = deque()
        self._running = False
        self.descriptor, self._end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._end, False)

    def __contains__(self, directory: str) -> bool:
        return self._running

    def add(self, directory: str) -> None:
        """Observe the root; OSError while it is not there."""
        self._observer.schedule(self, self._root, recursive=True)  # type: ignore[arg-type]  # all it calls is dispatch
        self._observer.start()
        self._running = True

    def forget(self, directory: str) -> None:
        """Nothing: the observer looks after directories itself."""

    def dispatch(self, event: FileSystemEvent) -> None:
        """Called by the observer's thread."""
        if event.event_type not in ("created", "modified", "moved", "deleted"):
            return
        paths = {os.fsdecode(path) for path in (event.src_path, event.dest_path) if path}
        self._queue.extend(Touch(path, event.is_directory) for path in paths)
        with contextlib.suppress(OSError):
            os.write(self._end, b"!")

    def read(self) -> list[Touch]:
        """What happened since the last call."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 1 << 16)
        return [self._queue.popleft() for _ in range(len(self._queue))]

    def close(self) -> None:
        """End the observer."""
        if self._running:
            self._observer.stop()
            self._observer.join()
        os.close(self.descriptor)
        os.close(self._end)


class Watcher:
    """Waits for news of a directory. `wake` may be called from any thread, the rest from one.

    Args:
        root: the directory.
        notify: False to do without notifications.
        mark: what the names of interesting files contain.

    Attributes:
        notes: lines for a person: why notifications do not help here, and what would.
    """

    def __init__(self, root: str, *, notify: bool = True, mark: str = MARK) -> None:
        self.notes: list[str] = []
        self._root = root
        self._identity: tuple[int, int] | None = None
        self._mark = mark
        self._notifier = self._start(root) if notify else None
        self._closing = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poller = select.poll()
        self._poller.register(self._wake_read, select.POLLIN)
        if self._notifier is not None:
            self._poller.register(self._notifier.descriptor, select.POLLIN)

    @property
    def notified(self) -> bool:
        """Whether every directory is watched by notifications, so that polls only back them up."""
        return self._notifier is not None and not self.notes

    def attend(self, directories: Iterable[str]) -> list[str]:
        """Be notified of these directories; returns those that were not watched before, to be looked at once more."""
        if self._notifier is None:
            return []
        self._notice_another_root(self._notifier)
        return [path for path in directories if path not in self._notifier and self._add(self._notifier, path)]

    def wait(self, timeout: float) -> News:
        """Sleep until something may have changed, at most `timeout` seconds."""
        news = News()
        ready = {descriptor for descriptor, _ in self._poller.poll(max(0.0, timeout) * 1000)}
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self._notifier is not None and self._notifier.descriptor in ready:
            time.sleep(GATHER)
            for touch in self._notifier.read():
                news.anywhere |= touch.lost
                if touch.is_directory or self._mark in os.path.basename(touch.path):
                    news.paths.add(touch.path)
        return news

    def wake(self) -> None:
        """End a `wait` now."""
        with self._closing, contextlib.suppress(BlockingIOError):  # full: it will wake anyway
            if self._wake_write >= 0:
                os.write(self._wake_write, b"!")

    def close(self) -> None:
        """Let every descriptor go. Closing twice is fine."""
        with self._closing:
            if self._wake_write < 0:
                return
            if self._notifier is not None:
                self._notifier.close()
                self._notifier = None
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1

    def _notice_another_root(self, notifier: Notifier) -> None:
        """A link such as ``latest`` leads elsewhere, or a directory above was replaced: no notification tells of it."""
        try:
            status = os.stat(self._root)
        except OSError:
            return
        identity = (status.st_dev, status.st_ino)
        if self._identity not in (None, identity):
            notifier.forget(self._root)
        self._identity = identity

    def _start(self, root: str) -> Notifier | None:
        try:
            notifier: Notifier = Inotify() if sys.platform == "linux" else Observed(root)
        except (OSError, ImportError) as error:
            self._say(error)
            return None
        kind = file_system(root)
        if kind.startswith(REMOTE) and kind != "fuseblk":
            self.notes.append(f"{root} is on {kind}, which tells nothing of other machines' writes: polling")
        return notifier

    def _add(self, notifier: Notifier, directory: str) -> bool:
        try:
            notifier.add(directory)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENOMEM) and not self.notes:
                self._say(error)
            return False  # gone or unreadable: the next poll will tell
        return True

    def _say(self, error: OSError | ImportError) -> None:
        limit = {errno.ENOSPC: "watches", errno.EMFILE: "instances"}.get(getattr(error, "errno", None) or 0)
        if limit:
            self.notes.append(f"the limit of inotify {limit} is reached (raise fs.inotify.max_user_{limit}): polling")
        else:
            self.notes.append(f"no notifications ({error}): polling")


def file_system(path: str) -> str:
    """The kind of the file system that holds `path` (or will), such as ``ext4``; "" where that cannot be told."""
    place = os.path.realpath(path)
    best = ("", "")
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                left, _, right = line.partition(" - ")
                point = left.split(" ")[4].replace("\\040", " ")
                if f"{place}/".startswith(os.path.join(point, "")) and len(point) >= len(best[0]):
                    best = (point, right.split(" ")[0])
    except (OSError, IndexError):
        return ""
    return best[1]

"""Sleep until something may have changed. A notification is a hint where to look, never a truth: a poll backs it up."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from tbbridge.tail.inotify import Inotify
from tbbridge.tail.logdir import MARK

GATHER = 0.002
"""Seconds to wait for more after a first notification: a record may be written in several pieces."""

REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "lustre", "gluster", "afs", "gpfs", "vboxsf", "fuse", "virtiofs", "drvfs")
"""Kinds of file systems on which other machines (or a host) write without this kernel being told."""


@dataclass(slots=True)
class News:
    """Where something may have changed: these paths, or anywhere."""

    paths: set[str] = field(default_factory=set)
    anywhere: bool = False


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
        self._mark = mark
        self._inotify = self._start(root) if notify else None
        self._closing = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poller = select.poll()
        self._poller.register(self._wake_read, select.POLLIN)
        if self._inotify is not None:
            self._poller.register(self._inotify.descriptor, select.POLLIN)

    @property
    def notified(self) -> bool:
        """Whether every directory is watched by notifications, so that polls only back them up."""
        return self._inotify is not None and not self.notes

    def attend(self, directories: Iterable[str]) -> list[str]:
        """Be notified of these directories; returns those that were not watched before, to be looked at once more."""
        if self._inotify is None:
            return []
        return [path for path in directories if path not in self._inotify and self._add(self._inotify, path)]

    def wait(self, timeout: float) -> News:
        """Sleep until something may have changed, at most `timeout` seconds."""
        news = News()
        ready = {descriptor for descriptor, _ in self._poller.poll(max(0.0, timeout) * 1000)}
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        if self._inotify is not None and self._inotify.descriptor in ready:
            time.sleep(GATHER)
            for touch in self._inotify.read():
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
            if self._inotify is not None:
                self._inotify.close()
                self._inotify = None
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_write = -1

    def _start(self, root: str) -> Inotify | None:
        try:
            inotify = Inotify()
        except OSError as error:
            self._say(error)
            return None
        kind = file_system(root)
        if kind.startswith(REMOTE) and kind != "fuseblk":
            self.notes.append(f"{root} is on {kind}, which tells nothing of other machines' writes: polling")
        return inotify

    def _add(self, inotify: Inotify, directory: str) -> bool:
        try:
            inotify.add(directory)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENOMEM) and not self.notes:
                self._say(error)
            return False  # gone or unreadable: the next poll will tell
        return True

    def _say(self, error: OSError) -> None:
        limit = {errno.ENOSPC: "watches", errno.EMFILE: "instances"}.get(error.errno or 0)
        remedy = f" (raise fs.inotify.max_user_{limit})" if limit else ""
        reason = f"the limit of inotify {limit} is reached" if limit else f"no notifications: {error.strerror or error}"
        self.notes.append(f"{reason}{remedy}: polling")


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

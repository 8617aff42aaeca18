"""The event files of a log directory on this machine's disks."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

from tbbridge.tail.logdir import EventPath, Listing, check_root, discover
from tbbridge.tail.storage import Stat

FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))
"""A FIFO of an event file's name must not block, and no program that is started inherits the descriptor."""

_AHEAD = 4096
"""Bytes that are read at least, and kept for the next piece: most looks need what was known last and little more."""


class LocalStorage:
    """A directory, or one event file; see `tbbridge.tail.storage.Storage`."""

    rereads = True

    def __init__(self, root: str | os.PathLike[str], *, follow_links: bool = False) -> None:
        self._given = os.fspath(root)
        self.root = os.path.abspath(self._given)
        self._follow_links = follow_links

    def check(self) -> None:
        """Refuse a path that can never be a log directory; see `check_root`."""
        check_root(self._given)

    def discover(self, below: str | None = None) -> Listing:
        """List the runs and event files; see `tbbridge.tail.logdir.discover`."""
        return discover(self.root, below=below, follow_links=self._follow_links)

    def stat(self, path: str) -> Stat | None:
        """Return a file's status; None where there is no such file."""
        try:
            return stat_of(os.stat(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, path: str) -> LocalFile:
        """Open a regular file."""
        return LocalFile(path)

    def part(self, files: Iterable[EventPath]) -> LocalStorage:
        """Return itself: nothing is remembered of files."""
        return self


class LocalFile:
    """An open regular file; see `tbbridge.tail.storage.OpenFile`.

    Raises:
        OSError: it cannot be opened; ENXIO: it is no regular file.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, FLAGS)
        self._place = self._ahead_at = 0
        self._ahead = b""
        self._status: os.stat_result | None = os.fstat(self._descriptor)
        if not stat.S_ISREG(self._status.st_mode):
            os.close(self._descriptor)
            raise OSError(errno.ENXIO, "it is not a regular file")

    def stat(self) -> Stat:
        """Return its status now; the first time, as it was when it was opened."""
        status, self._status = self._status, None
        return stat_of(status or os.fstat(self._descriptor))

    def read(self, count: int, offset: int) -> bytes:
        """Return up to `count` bytes from `offset` on."""
        begin = offset - self._ahead_at
        if begin >= 0 and begin + count <= len(self._ahead):
            return self._ahead[begin : begin + count]
        if offset != self._place:
            os.lseek(self._descriptor, offset, os.SEEK_SET)  # Windows has no pread
        data = os.read(self._descriptor, max(count, _AHEAD))
        self._place = offset + len(data)
        if count >= _AHEAD:
            return data
        self._ahead, self._ahead_at = data, offset
        return data[:count]

    def __enter__(self) -> LocalFile:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def stat_of(status: os.stat_result) -> Stat:
    """Return the `Stat` of an `os.stat_result`."""
    modified, changed = status.st_mtime_ns, status.st_ctime_ns
    identity = (status.st_dev, status.st_ino)
    return Stat(status.st_size, identity, (modified, changed), changed / 1e9, modified / 1e9)

"""A log directory, on this machine's disks or behind a URL; both are opened, listed and read alike."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from tbbridge.tail.logdir import EventPath, Listing

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_HOST = re.compile(r"(?:[^/@:\s]+@)?[a-z0-9_][a-z0-9_.-]+:(?!//)|[^/@:\s]+@[a-z0-9]:", re.IGNORECASE)
"""scp's spelling; one letter before the colon is a drive of Windows."""


class Stat(NamedTuple):
    """The status of a file, which changes when its bytes do."""

    size: int
    identity: tuple[int, int]
    """Device and inode; alike for all files of a store, which replaces files under their names."""
    version: tuple[int | str, ...]
    """The times of its last changes in nanoseconds, or the store's own mark."""
    changed: float
    """When it last changed, in seconds since the epoch; 0 where that is certainly long enough ago."""
    modified: float | None
    """When bytes were last written, in seconds since the epoch by this machine's clock; None: unknown."""


class OpenFile(Protocol):
    """An event file that is open for reading; a context manager."""

    def stat(self) -> Stat:
        """Return its status now."""

    def read(self, count: int, offset: int) -> bytes:
        """Return up to `count` bytes from `offset` on, none at the end.

        Raises:
            ReplacedError: the file is no longer the one that was opened.
            OSError: it cannot be read; the text says why.
        """

    def __enter__(self) -> OpenFile: ...
    def __exit__(self, *_: object) -> None: ...


class Storage(Protocol):
    """The files of one log directory.

    Attributes:
        root: the log directory's absolute path, or its URL.
        rereads: whether looking into files is cheap, so that many are opened at a time and read a second time.
    """

    root: str
    rereads: bool

    def check(self) -> None:
        """Refuse a path that can never be a log directory.

        Raises:
            PathError: the root is there and is neither a directory nor an event file, or must not be read.
        """

    def discover(self, below: str | None = None) -> Listing:
        """List the runs and event files, or only those under the directory `below`."""

    def stat(self, path: str) -> Stat | None:
        """Return an event file's status without opening it; None where there is none."""

    def open(self, path: str) -> OpenFile:
        """Open an event file.

        Raises:
            OSError: it is gone (see `tbbridge.tail.file.GONE`), or cannot be opened.
        """

    def part(self, files: Iterable[EventPath]) -> Storage:
        """Return a storage that knows these files alone, small enough to be sent to another process."""


class ReplacedError(OSError):
    """A file was replaced by another one while it was read."""


def open_storage(root: str | os.PathLike[str], *, follow_links: bool = False) -> Storage:
    """Return the files of a log directory, by its path or URL (or of the one event file that it is).

    Raises:
        UsageError: the URL's kind is unknown, or its package is not installed.
        PathError: its store cannot be opened.
    """
    text = os.fspath(root)
    if is_url(text):
        from tbbridge.tail.remote import RemoteStorage

        return RemoteStorage(text)
    from tbbridge.tail.local import LocalStorage

    return LocalStorage(text, follow_links=follow_links)


def is_url(root: str | os.PathLike[str]) -> bool:
    """Whether a log directory is given as a URL, or as a place on another machine (`is_on_host`)."""
    return isinstance(root, str) and (_URL.match(root) is not None or is_on_host(root))


def is_on_host(root: str) -> bool:
    """Whether a log directory is given in scp's spelling, ``[USER@]HOST:PATH``; a local name that exists wins."""
    return _HOST.match(root) is not None and not os.path.lexists(root)


def without_password(url: str) -> str:
    """Return a URL as it may stand in a report, or on a page that is sent to others."""
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:***@", url)

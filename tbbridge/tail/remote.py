"""Log directories behind a URL (``s3://``, ``gs://``, ``az://``, ``hdfs://`` ..., by fsspec): listings, range requests.

One recursive listing a poll tells which files exist and how long they are; a file that grew costs one request for the
bytes that are new (and the few before them, which show that it is still the same file).
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tbbridge.core.errors import PathError, UsageError
from tbbridge.core.model import EventFile
from tbbridge.tail.file import MARKER, News
from tbbridge.tail.logdir import MARK, EventPath, Listing, printable
from tbbridge.tail.second_reading import Decodes

BLOCK = 4 << 20
"""Bytes a request asks for at most: some 50 ms of a network, and what memory it takes."""

TAIL = 1024
"""Bytes before the known end that are kept: a decoder may want an unfinished record again, from its first byte."""

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_EXTRA = ("s3:", "s3a:", "gs:", "gcs:", "az:", "abfs:", "abfss:", "adl:", "hdfs:", "sftp:", "ssh:")
"""What ``pip install 'tbbridge[remote]'`` makes work."""

_HDFS = {
    "dfs.client.failover.max.attempts": "4",
    "dfs.client.failover.sleep.base.millis": "100",
    "dfs.client.failover.sleep.max.millis": "1000",
    "dfs.client.socket-timeout": "10000",
}
"""hdfs-native would try a dead NameNode for three minutes, and a poll comes again anyway."""

_LONGEST_REASON = 300

_ONE_AT_A_TIME = threading.Lock()
"""For the requests of file systems that do not say that they can have several at a time: SFTP's would wait for ever."""

_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "LastModified",
    "last_modified",
    "modification_time",
    "fileId",
    "mtime",
    "updated",
    "created",
)
"""What the file systems call the mark that changes when a file's content does."""


def is_url(root: str | os.PathLike[str]) -> bool:
    """Whether a log directory is given as a URL."""
    return _URL.match(remote_root(root)) is not None


def remote_root(root: str | os.PathLike[str]) -> str:
    """The URL as it was, also where it went through a path, which makes one slash of two."""
    text = os.fspath(root)
    return re.sub(":/+", "://", text, count=1) if isinstance(root, os.PathLike) else text


def without_password(url: str) -> str:
    """A URL as it may stand in a report, or on a page that is sent around."""
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:***@", url)


class Stat(NamedTuple):
    """What a listing tells of a file."""

    size: int
    version: str


class RemoteTree:
    """The files below a URL, as the last `discover` found them.

    Raises:
        UsageError: the URL's kind is unknown, or its package is not installed.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._files: dict[str, Stat] = {}
        self.fs, self._base = _file_system(self.root)

    def discover(self) -> Listing:
        """List the runs and event files below the URL; a listing that fails is a problem, and tells nothing."""
        listing = Listing()
        try:
            self.fs.invalidate_cache()
            found = self._found_again()
        except FileNotFoundError:
            found = {}
        except Exception as error:  # each file system has errors of its own
            listing.unreadable.append(self.root)
            listing.problems.append(f"cannot list {without_password(self.root)}: {reason(error)}")
            return listing
        self._files = {}
        for path, details in sorted(found.items()):
            self._add(listing, path, details)
        listing.missing = not found and not listing.unreadable
        return listing

    def _url(self, path: str) -> str:
        return f"{self.root}/{path[len(self._base) :].strip('/')}".rstrip("/")

    def _found_again(self) -> dict[str, dict[str, Any]]:
        """What `_found` finds, also when the one connection that SFTP has ended since, as with its server."""
        try:
            return self._found()
        except FileNotFoundError:
            raise
        except Exception:
            if not (type(self.fs).__module__.startswith("fsspec.implementations.") and hasattr(self.fs, "_connect")):
                raise
        self.fs._connect()
        return self._found()

    def _found(self) -> dict[str, dict[str, Any]]:
        """What is below the URL, also where a file system's `find` leaves something out."""
        found = self.fs.find(self._base, detail=True)
        if not isinstance(found, dict):  # Azure, for the URL of one file
            return {path: self.fs.info(path) for path in found}
        if not found:
            self.fs.ls(self._base)  # raises where it cannot be reached, over which web servers' `find` goes in silence
        for path, details in found.items():
            if details.get("size") is None and MARK in path.rpartition("/")[2]:  # web servers, again
                details.update(self.fs.info(path))
        return found

    def _add(self, listing: Listing, path: str, details: dict[str, Any]) -> None:
        folder, _, file = path.rpartition("/")
        if MARK not in file or details.get("type", "file") != "file":
            return
        run = printable(folder[len(self._base) :].strip("/") or ".")
        url = self._url(path)
        name = printable(file) if run == "." else f"{run}/{printable(file)}"
        listing.runs.setdefault(run, []).append(EventPath(url, name))
        self._files[url] = Stat(int(details.get("size") or 0), _version(details))

    def stat(self, url: str) -> Stat | None:
        """What the last listing told of a file; None where it was not there."""
        return self._files.get(url)

    def expect(self, url: str, stat: Stat | None) -> None:
        """Take what another's listing told of a file."""
        if stat is not None:
            self._files[url] = stat

    def read(self, url: str, start: int, end: int) -> bytes:
        """The bytes ``[start, end)`` of a file, fewer where it ends before."""
        path = f"{self._base}/{url[len(self.root) + 1 :]}".rstrip("/")
        with contextlib.nullcontext() if getattr(self.fs, "async_impl", False) else _ONE_AT_A_TIME:
            data: bytes = self.fs.cat_file(path, start=start, end=end)
        whole = len(data) > end - start  # a web server may know no ranges
        return data[start:end] if whole else data


class RemoteReader:
    """A remote file of a known size, read from front to back in large requests.

    Raises:
        OSError: it cannot be read; the text says why.
    """

    def __init__(self, tree: RemoteTree, url: str) -> None:
        stat = tree.stat(url)
        if stat is None:
            raise FileNotFoundError(0, "it is not there")
        self.size = stat.size
        self._tree = tree
        self._url = url
        self._block = _Block(0, b"")

    def read(self, count: int, offset: int) -> bytes:
        """Up to `count` bytes from `offset` on."""
        if not self._block.start <= offset <= offset + count <= self._block.end:
            end = min(self.size, offset + max(count, BLOCK))
            try:
                self._block = _Block(offset, self._tree.read(self._url, offset, end))
            except Exception as error:  # each file system has errors of its own
                raise OSError(0, reason(error)) from error
            if not self._block.data and offset < self.size:
                raise OSError(0, "it is shorter than its listing says")
        return bytes(self._block.at(offset, count))


class _Block(NamedTuple):
    """Bytes of a file that are in memory."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and self.start <= position < self.end

    def at(self, position: int, most: int) -> memoryview:
        return memoryview(self.data)[position - self.start : position - self.start + most]


class RemoteFile:
    """Follows one remote event file; the same face as `tbbridge.tail.file.GrowingFile`.

    An object of a store is replaced whole when it grows. It is read again from byte 0 when it is shorter than what was
    read, when the bytes before the known end are not the ones remembered, or when it changed without growing.
    """

    unproven = False
    """Reading it again would fetch all of it again."""

    def __init__(self, tree: RemoteTree, place: EventPath, decoder: Callable[[str], Decodes]) -> None:
        self.path = place.path
        self.name = place.name
        self.problem = ""
        self.stopped = ""
        self.last_write: float | None = None
        self._tree = tree
        self._new_decoder = decoder
        self._decoder = decoder(place.name)
        self._known: EventFile = self._decoder.log
        self._stat: Stat | None = None
        self._listed: Stat | None = None
        self._distrusted: Stat | None = None
        self._tail = _Block(0, b"")
        self._generation = 0
        self._reached = (0, 0)

    @property
    def log(self) -> EventFile:
        """All that has been decoded of the file as it was when a look last reached its end."""
        return self._known

    @property
    def generation(self) -> int:
        """Grows when columns taken earlier from `log` are void; otherwise they only get longer."""
        return self._reached[0]

    @property
    def version(self) -> tuple[int, int]:
        """The generation, and how many bytes were decoded in it: changes when and only when `log` does."""
        return self._reached

    def look(self, limit: int | None = None) -> News:
        """Read what the last listing showed to be new, at most about `limit` bytes of it (None: all)."""
        stat = self._tree.stat(self.path)
        if stat is None:
            return News.GONE
        if stat == self._stat:
            return News.NONE
        try:
            news = self._read(stat, limit)
        except FileNotFoundError:
            return News.GONE
        except Exception as error:  # each file system has errors of its own; the next poll tries again
            self.problem = f"cannot read {self.name}: {reason(error)}"
            return News.FAILED
        self.problem, self.stopped = "", ""
        return news

    def begin_again(self, reason: str) -> News:
        """Read it again from its first byte at the next poll, since a bug stopped the reading."""
        self._start_over()
        self.stopped, self.problem = reason, f"reading {self.name} stopped: {reason}; it is read again"
        return News.FAILED

    def _read(self, stat: Stat, limit: int | None) -> News:
        self._listed = stat
        if self._stat and (stat.size < self._stat.size or stat.size == self._stat.size):
            self._start_over()
        if not self._feed(stat.size, limit):
            return News.MORE
        self._stat = stat
        reached = (self._generation + self._decoder.generation, stat.size)
        if reached == self._reached:
            return News.NONE
        self._known, self._reached = self._decoder.log, reached
        self.last_write = time.time()
        return News.SOME

    def _feed(self, size: int, limit: int | None) -> bool:
        """Feeds the decoder up to `size`; False when `limit` was reached before, or the file was another one."""
        decoder = self._decoder
        left = limit if limit is not None else size + MARKER
        block = _Block(0, b"")
        while True:
            while decoder.position < size:
                if decoder.position not in block:
                    if left <= 0:
                        return False
                    block = self._fetch(decoder.position, min(size, decoder.position + BLOCK))
                    left -= len(block.data)
                if decoder.position not in block:
                    if decoder is self._decoder:
                        raise OSError("it is shorter than its listing says")
                    return False
                decoder.feed(block.at(decoder.position, decoder.want))
            decoder.settle(size)
            if decoder.position >= size:
                return True

    def _fetch(self, start: int, end: int) -> _Block:
        """The bytes ``[start, end)``; none when the file is no longer the one that was read before."""
        marker = self._tail.data[-MARKER:]
        joined = start == self._tail.end
        first = start - len(marker) if joined else start
        if not joined and self._tree.read(self.path, self._tail.end - len(marker), self._tail.end) != marker:
            self._distrust()
            return _Block(start, b"")
        data = self._tree.read(self.path, first, end)
        if joined and not data.startswith(marker):
            self._distrust()
            return _Block(start, b"")
        block = _Block(self._tail.start, self._tail.data + data[len(marker) :]) if joined else _Block(start, data)
        self._tail = _Block(max(block.start, block.end - TAIL), block.data[-TAIL:])
        return block

    def _distrust(self) -> None:
        """It is another file than the one that was read before: read it anew, once for what one listing told."""
        again, self._distrusted = self._distrusted == self._listed, self._listed
        self._start_over()
        if again:
            raise OSError("it is not what its listing says, or changes while it is read")

    def _start_over(self) -> None:
        self._generation += self._decoder.generation + 1
        self._decoder = self._new_decoder(self.name)
        self._stat, self._tail = None, _Block(0, b"")


def _file_system(url: str) -> tuple[Any, str]:
    shown = without_password(url)
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{shown}: install what reads it, with: pip install 'tbbridge[remote]'") from None
    extra = " (pip install 'tbbridge[remote]')" if url.lower().startswith(_EXTRA) else ""
    try:
        fs, base = fsspec.core.url_to_fs(url, **(_HDFS if url.lower().startswith("hdfs:") else {}))
    except ImportError as error:
        raise UsageError(f"{shown}: {reason(error)}{extra}") from None
    except ValueError as error:
        raise UsageError(f"{shown}: {reason(error)}") from None
    except Exception as error:  # such as no credentials
        raise PathError(f"cannot open {shown}: {reason(error)}") from None
    _keep_quiet(type(fs).__module__.partition(".")[0])
    return fs, base.rstrip("/")


def _keep_quiet(package: str) -> None:
    """What goes wrong is told in one line of our own, unless somebody set logging up: no traceback on the terminal."""
    for name in (package, "fsspec", "azure", "botocore", "google"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _version(details: dict[str, Any]) -> str:
    return next((str(details[key]) for key in _VERSIONS if details.get(key)), "")


def reason(error: BaseException) -> str:
    """An error's text as one line, without a Java stack; its kind where it has none."""
    text = str(error)[: 4 * _LONGEST_REASON].partition("\\n\\tat ")[0]
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."

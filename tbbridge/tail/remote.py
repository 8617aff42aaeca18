"""Log directories behind a URL (``s3://``, ``gs://``, ``az://``, ``hdfs://`` ..., by fsspec): listings, range requests.

One listing of everything per poll tells which files exist and how long they are; a file that grew costs one request for
its new bytes (and the few before them, which show that it is still the same file).
"""

from __future__ import annotations

import contextlib
import copy
import errno
import logging
import threading
from collections.abc import Iterable
from typing import Any

from tbbridge.core.errors import PathError, UsageError
from tbbridge.tail.logdir import MARK, EventPath, Listing, event_path, printable, sent_file
from tbbridge.tail.storage import ReplacedError, Stat, is_on_host, without_password

BLOCK = 4 << 20
"""Bytes that a request asks for: some 50 ms of a network, and the memory that they take."""

OVERLAP = 64
"""Bytes that a request asks for again, to see that they come from the same file as those of the request before."""

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
    *("ETag", "etag", "md5Hash", "LastModified", "last_modified", "modification_time", "mtime", "updated", "created"),
)
"""The file systems' names for the mark that changes with a file's content."""


class RemoteStorage:
    """The files below a URL, as the last `discover` found them; see `tbbridge.tail.storage.Storage`.

    Raises:
        UsageError: the URL's kind is unknown, its package is not installed, or it names no directory.
        PathError: the store cannot be opened.
    """

    rereads = False
    tells_too_much = False
    """Whether a listing may count bytes that cannot be read yet: HDFS does, of a file that its writer holds open."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        if self.root.endswith(":") and "://" in root:
            raise UsageError(f"{root} names no directory: give one behind it, such as {self.root}//bucket/logs")
        self.fs, self._base = _file_system(self.root)
        self._stats: dict[str, Stat] | None = None
        self.tells_too_much = self.root.lower().startswith("hdfs:")

    def check(self) -> None:
        """Check nothing: only a listing tells whether the directory exists."""

    def discover(self, below: str | None = None) -> Listing:
        """List the runs and event files below the URL; a listing that fails is a problem, and tells nothing."""
        listing = Listing()
        try:
            self.fs.invalidate_cache()
            found = self._found_again(listing)
        except FileNotFoundError:
            found = {}
        except Exception as error:  # each file system has errors of its own
            self._add_problem(listing, self._base, error)
            return listing
        self._stats = {}
        for path, details in sorted(found.items()):
            folder, _, file = path.rpartition("/")
            if MARK in file and details.get("type", "file") == "file":
                run = printable(folder[len(self._base) :].strip("/") or ".")
                place = event_path(run, self._url(path))
                if f"{folder}/{sent_file(file)}" not in found:
                    listing.runs.setdefault(run, []).append(place)
                    self._stats[place.path] = _stat(details)
        listing.missing = not found and not listing.unreadable
        return listing

    def stat(self, path: str) -> Stat | None:
        """Return a file's status in the last listing; None where it was not listed."""
        return (self._stats or {}).get(path)

    def open(self, path: str) -> RemoteFile:
        """Open a file of the last listing; without one, ask about the file itself."""
        stat = self.stat(path)
        if stat is None:
            if self._stats is not None:
                raise FileNotFoundError(errno.ENOENT, "it is not there")
            with _plain_errors():
                stat = _stat(self.fs.info(self._path(path)))
        return RemoteFile(self, path, stat)

    def part(self, files: Iterable[EventPath]) -> RemoteStorage:
        """Return a storage that knows these files alone."""
        part = copy.copy(self)
        part._stats = {file.path: stat for file in files if (stat := self.stat(file.path))}
        return part

    def read(self, url: str, start: int, end: int) -> bytes:
        """Return the bytes ``[start, end)`` of a file, fewer where it ends before; OSError where that fails."""
        one_at_a_time = contextlib.nullcontext() if getattr(self.fs, "async_impl", False) else _ONE_AT_A_TIME
        with _plain_errors(), one_at_a_time:
            data: bytes = self.fs.cat_file(self._path(url), start=start, end=end)
        whole = len(data) > end - start  # a web server may know no ranges
        return data[start:end] if whole else data

    def _url(self, path: str) -> str:
        return f"{self.root}/{path[len(self._base) :].strip('/')}".rstrip("/")

    def _path(self, url: str) -> str:
        return f"{self._base}/{url[len(self.root) + 1 :]}".rstrip("/")

    def _add_problem(self, listing: Listing, path: str, error: Exception) -> None:
        url = self._url(path)
        listing.unreadable.append(url)
        listing.problems.append(f"cannot list {without_password(url)}: {reason(error)}")

    def _found_again(self, listing: Listing) -> dict[str, dict[str, Any]]:
        """Return what `_found` finds, also when the one connection that SFTP has ended since, as with its server."""
        try:
            return self._found(listing)
        except FileNotFoundError:
            raise
        except Exception:
            if not (hasattr(self.fs, "_connect") and type(self.fs).__module__.startswith(("fsspec.impl", "tbbridge."))):
                raise
        self.fs._connect()
        return self._found(listing)

    def _found(self, listing: Listing) -> dict[str, dict[str, Any]]:
        """Return the files below the URL by path, also where a file system's `find` leaves something out."""
        if not getattr(self.fs, "async_impl", False):
            return self._walked(listing)
        found = self.fs.find(self._base, detail=True)
        if not isinstance(found, dict):  # Azure, for the URL of one file
            return {path: self.fs.info(path) for path in found}
        if not found:
            self.fs.ls(self._base)  # raises where it cannot be reached, over which web servers' `find` goes in silence
        for path, details in found.items():
            if details.get("size") is None and MARK in path.rpartition("/")[2]:  # web servers, again
                details.update(self.fs.info(path))
        return found

    def _walked(self, listing: Listing) -> dict[str, dict[str, Any]]:
        """Return the files below the URL, directory by directory: `find` silently leaves out unreadable ones."""
        found: dict[str, dict[str, Any]] = {}
        folders = [self._base or "/"]
        while folders:
            folder = folders.pop()
            try:
                entries = self.fs.ls(folder, detail=True)
            except FileNotFoundError:
                if folder == (self._base or "/"):
                    raise
                continue
            except Exception as error:
                denied = isinstance(error, PermissionError) or "AccessControlException" in str(error)
                if folder == (self._base or "/") or not denied:
                    raise
                self._add_problem(listing, folder, error)
                continue
            for entry in entries:
                if entry["type"] == "directory" and not entry.get("islink"):
                    folders.append(entry["name"])
                elif entry["type"] == "file":
                    found[entry["name"]] = entry
        return found


class RemoteFile:
    """A remote file as it was listed, read in large requests; see `tbbridge.tail.storage.OpenFile`."""

    def __init__(self, storage: RemoteStorage, url: str, stat: Stat) -> None:
        self._storage = storage
        self._url = url
        self._stat = stat
        self._start = 0
        self._block = b""

    def stat(self) -> Stat:
        """Return its status in the listing, or as reading has shown since."""
        return self._stat

    def read(self, count: int, offset: int) -> bytes:
        """Return `count` bytes from `offset` on, fewer at its end."""
        end = min(offset + count, self._stat.size)
        if offset < self._start or (self._block and offset > self._start + len(self._block)):
            self._start, self._block = offset, b""
        pieces = []
        while offset < end:
            if offset >= self._start + len(self._block):
                self._fetch(offset)
                end = min(end, self._stat.size)
            piece = self._block[offset - self._start : end - self._start]
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _fetch(self, offset: int) -> None:
        """Have the block that begins at `offset`, and the last bytes of the one before it."""
        before = self._block[-OVERLAP:]
        first = offset - len(before)
        data = self._storage.read(self._url, first, min(self._stat.size, offset + BLOCK))
        if not data.startswith(before):
            raise ReplacedError(errno.ESTALE, "it differs from its listing, or changes while it is read")
        if len(data) <= len(before):
            if not self._storage.tells_too_much:
                raise OSError(errno.EIO, "it is shorter than its listing says")
            self._stat = self._stat._replace(size=offset)
        self._start, self._block = first, data

    def __enter__(self) -> RemoteFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._block = b""


def _file_system(url: str) -> tuple[Any, str]:
    shown = without_password(url)
    try:
        import fsspec
    except ImportError:
        raise UsageError(f"{shown}: install what reads it, in tbbridge's clone: pip install '.[remote]'") from None
    try:
        if is_on_host(url):
            from tbbridge.tail.ssh import open_host

            _keep_quiet("paramiko")
            return open_host(url)
        fs, base = fsspec.core.url_to_fs(url, **(_HDFS if url.lower().startswith("hdfs:") else {}))
    except (ImportError, ValueError) as error:  # fsspec says which package to install
        raise UsageError(f"{shown}: {reason(error)}") from None
    except Exception as error:  # such as no credentials
        raise PathError(f"cannot open {shown}: {reason(error)}") from None
    _keep_quiet(type(fs).__module__.partition(".")[0])
    return fs, base.rstrip("/")


def _keep_quiet(package: str) -> None:
    """Let no library print a traceback on the terminal, unless logging was set up: one line of our own says it."""
    for name in (package, "fsspec", "azure", "botocore", "google"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def _stat(details: dict[str, Any]) -> Stat:
    version = next((str(details[key]) for key in _VERSIONS if details.get(key)), "")
    return Stat(int(details.get("size") or 0), (0, 0), (version,), 0.0, None)


@contextlib.contextmanager
def _plain_errors() -> Any:
    """Make an OSError of whatever a file system raises: each has errors of its own."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "it is not there") from None
    except Exception as error:
        raise OSError(errno.EIO, reason(error)) from error


def reason(error: BaseException) -> str:
    """Return an error's text as one line, without a Java stack; its kind where it has none."""
    text = str(error)[: 4 * _LONGEST_REASON].partition("\\n\\tat ")[0]
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."

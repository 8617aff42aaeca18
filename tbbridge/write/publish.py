"""Publishing run logs into one directory, which is locked; each file is old or new, and whole."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from tbbridge.core.errors import LockedError, PathError, PublishError
from tbbridge.write.atomic import case_matters, check_outside, remove_stale, replace_files, synchronize
from tbbridge.write.names import caseless, file_name, file_names

MOST_DIRECTORIES = 5000
"""Directories of a target that are searched for a killed tbbridge's temporary files: less than half a second."""

FEW_TEXTS, SMALL_TEXT = 16, 1 << 18
"""The texts that were published last are kept, at most so many of at most so many bytes."""

LOCK_FILE = ".tbbridge.lock"
"""Holds the lock where a directory cannot."""


class _Version(NamedTuple):
    """A published version of one file: its identity on disk."""

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Version:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Publisher:
    """Publishes files into one directory, which it keeps for itself while it lives.

    Each file is replaced whole (`replace_files`); after an error the old version stands, and the next `publish` may
    succeed. Different files may be published from different threads.

    Args:
        out: the target directory; made when it is missing.
        keep_out: a directory in which nothing may ever be written (the log directory).

    Raises:
        PathError: `out` is no directory, cannot be made or written, or lies in `keep_out`.
        LockedError: another tbbridge publishes into it.
    """

    def __init__(self, out: str | os.PathLike[str], *, keep_out: str | os.PathLike[str] | None = None) -> None:
        self.out = Path(out)
        self._root = os.fspath(self.out)
        self._keep_out = keep_out
        check_outside(self.out, keep_out)
        self._names: dict[str, str] = {}
        self._alike: dict[str, list[str]] = defaultdict(list)
        self._versions: dict[str, _Version] = {}
        self._texts: dict[str, bytes] = {}
        self._cleaned: set[tuple[int, int]] = set()
        self._unsynchronized: set[str] = set()
        self._checked: dict[str, tuple[int, int, int]] = {}
        self._made: list[Path] = []
        self._housekeeping = threading.Lock()
        self._naming = threading.RLock()
        self._release: Callable[[], None] | None = None
        self._locked: os.stat_result | None = None
        try:
            self._keep_lock()
            self._case_matters = case_matters(self.out)
        except OSError as error:
            self.close()
            raise PathError(
                f"cannot write into {self.out}: {error.strerror}; choose another place with --out"
            ) from None
        self._remove_all_stale()

    def path(self, name: str) -> Path:
        """The path of the published experiment `name`."""
        return Path(self._place(name))

    def _place(self, name: str) -> str:
        """`path` as text, which costs a fifth."""
        file = self._names.get(name)
        if file is None:
            self.expect([name])
            file = self._names[name]
        return os.path.join(self._root, file)

    def expect(self, names: Iterable[str]) -> None:
        """Say which experiments there are: where case does not matter, file names depend on all of them.

        A file that was published gets another name at once where it needs one beside the new ones.
        """
        with self._naming:
            for name in names:
                if name in self._names:
                    continue
                if self._case_matters:
                    self._names[name] = file_name(name)
                    continue
                self._alike[caseless(name)].append(name)
                for one, file in file_names(self._alike[caseless(name)], case_matters=False).items():
                    self._rename(one, file)

    def _rename(self, name: str, file: str) -> None:
        """Name the file of an experiment, also where it was published under another name."""
        version, old = self._versions.get(name), self._names.get(name, file)
        if old != file and version and self._untouched(name, version):
            with contextlib.suppress(OSError):  # it is written again
                os.replace(self.out / old, self.out / file)
                self._unsynchronized.add(os.fspath((self.out / file).parent))
        self._names[name] = file

    def publish(self, name: str, data: bytes) -> Path:
        """Replace the file of experiment `name` by `data`; nothing is written when it holds just that already.

        Raises:
            PublishError: it could not be written now; the old version stands, the next try may succeed.
        """
        done = self.publish_all({name: data})[name]
        if isinstance(done, PublishError):
            raise done
        return done

    def publish_all(self, texts: Mapping[str, bytes]) -> dict[str, Path | PublishError]:
        """Publish small files by name, together; return the path of each, or the error that `publish` would raise."""
        paths = {name: self._place(name) for name in texts}
        done: dict[str, Path | PublishError] = {name: _path(path) for name, path in paths.items()}
        news: dict[str, list[str]] = {}
        prepared: dict[str, list[str]] = {}
        for name, path in paths.items():
            try:
                inside = self._names[name].rpartition("/")[0]
                directories = prepared[inside] = prepared.get(inside) or self._prepare(name)
                if not self._is_published(name, path, texts[name]):
                    news[name] = directories
            except OSError as error:
                done[name] = _unwritten(path, error)
        for name, status in zip(news, replace_files([(paths[name], [texts[name]]) for name in news]), strict=True):
            if isinstance(status, OSError):
                done[name] = _unwritten(paths[name], status)
            else:
                self._versions[name] = _Version.of(status)
                self._unsynchronized.update(news[name])
                self._keep(name, texts[name])
        return done

    def _keep(self, name: str, text: bytes) -> None:
        """Keep a text that was published, so that the next one needs no look into the file."""
        with self._naming:
            self._texts.pop(name, None)
            if len(text) <= SMALL_TEXT:
                self._texts[name] = text
            if len(self._texts) > FEW_TEXTS:
                del self._texts[next(iter(self._texts))]

    def published(self, name: str) -> bytes | None:
        """The bytes of a file that was published; None where it is not as it was published, or cannot be read."""
        version = self._versions.get(name)
        if version is None or not self._untouched(name, version):
            return None
        if (kept := self._texts.get(name)) is not None:
            return kept
        try:
            data = _content(self._place(name))
        except OSError:
            return None
        return data if len(data) == version.size else None

    def changed_by_others(self) -> list[str]:
        """The names whose file is no longer as it was published: edited, replaced or deleted by another process."""
        return [name for name, version in self._versions.items() if not self._untouched(name, version)]

    def remove(self, name: str) -> None:
        """Remove the published file of `name`, if it is there.

        Raises:
            PublishError: it could not be removed now.
        """
        path = self.path(name)
        try:
            self._prepare(name)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise PublishError(f"cannot remove {path}: {error.strerror}") from error
        self._versions.pop(name, None)
        with self._naming:
            self._texts.pop(name, None)
            alike = self._alike.get(caseless(name), [])
            if name in alike:  # another one may have the name now
                alike.remove(name)
                del self._names[name]
                for one, file in file_names(alike, case_matters=False).items():
                    self._rename(one, file)

    def close(self) -> None:
        """Make the renames durable and let the directory go, which goes if it is new and empty. Twice is fine."""
        if self._release is None:
            return
        with contextlib.suppress(OSError):  # something was published
            for made in self._made:
                made.rmdir()
        for directory in sorted(self._unsynchronized):
            synchronize(directory)
        self._release()
        self._release = None

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        """Make the target where it is missing, and those above it; their names are made durable in the end."""
        missing = [path for path in (self.out, *self.out.parents) if not os.path.exists(path)]
        self.out.mkdir(parents=True, exist_ok=True)
        self._unsynchronized.update(os.fspath(path.parent) for path in missing)
        self._made += missing

    def _prepare(self, name: str) -> list[str]:
        """Hold the lock, and make the directories that the file of `name` lies in; return them, from the target on."""
        with self._housekeeping:
            self._keep_lock()
            directories = list(accumulate(self._names[name].split("/")[:-1], os.path.join, initial=os.fspath(self.out)))
            for directory in directories:
                self._check_directory(directory)
            return directories

    def _check_directory(self, directory: str) -> None:
        """Make a directory, look where it lies and clear it, unless it is the one that was looked at."""
        with contextlib.suppress(FileNotFoundError):
            status = os.lstat(directory)
            if self._checked.get(directory) == _identity(status):
                return
            if stat.S_ISLNK(status.st_mode) and directory != os.fspath(self.out):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        os.makedirs(directory, exist_ok=True)
        try:
            check_outside(directory, self._keep_out)
        except PathError as error:
            raise OSError(errno.EPERM, str(error)) from None
        remove_stale(directory, self._cleaned)
        self._checked[directory] = _identity(os.lstat(directory))

    def _keep_lock(self) -> None:
        """Take the lock, also again where the directory was deleted, and made again by us or by another process."""
        status = None
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(self.out)
        if status is None or not stat.S_ISDIR(status.st_mode):
            self._make()
            status = os.stat(self.out)
        if self._release is None or self._locked is None or not os.path.samestat(self._locked, status):
            release = _lock(self.out)
            if self._release:
                self._release()
            self._release, self._locked = release, status

    def _remove_all_stale(self) -> None:
        """`remove_stale` in the directories below, also where nothing is published any more."""
        keep_out = None if self._keep_out is None else os.path.realpath(self._keep_out)
        for number, (place, directories, _) in enumerate(os.walk(self.out)):
            if os.path.realpath(place) == keep_out:
                directories.clear()
                continue
            remove_stale(place, self._cleaned)
            if number == MOST_DIRECTORIES:
                break

    def _is_published(self, name: str, path: str, data: bytes) -> bool:
        """Whether the file holds these bytes, and is the one that was published, where one was."""
        if name in self._versions and self._versions[name].size != len(data):
            return False
        try:
            status = os.lstat(path)
            version = _Version.of(status)
            if self._versions.get(name, version) != version or version.size != len(data):
                return False
            if not stat.S_ISREG(status.st_mode) or _content(path) != data:
                return False
        except OSError:
            return False
        self._versions[name] = version
        return self._untouched(name, version)  # also after it was read

    def _untouched(self, name: str, version: _Version) -> bool:
        try:
            status = os.lstat(self._place(name))
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and version == _Version.of(status)


@lru_cache(maxsize=FEW_TEXTS)
def _path(text: str) -> Path:
    """Return a path, of which the few that grow are made once."""
    return Path(text)


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def _unwritten(path: str, error: OSError) -> PublishError:
    found = PublishError(f"cannot write {Path(path)}: {error.strerror}; the old version stays")
    found.__cause__ = error
    return found


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode)


def _lock(out: Path) -> Callable[[], None]:
    """Lock a target directory; return the function that lets it go.

    The lock is the directory's own, so that no file is needed and it dies with the process; a file's where the system
    knows no such lock.
    """
    taken = LockedError(f"another tbbridge publishes into {out}: stop it, or choose another place with --out")
    try:
        import fcntl
    except ImportError:
        import filelock

        lock = filelock.FileLock(out / LOCK_FILE, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise taken from None
        return lock.release
    descriptor = os.open(out, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise taken from None
    except OSError as error:
        # NFS takes no exclusive lock on a directory (EBADF), some file systems take none at all: go on without one.
        if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            os.close(descriptor)
            raise
    return partial(os.close, descriptor)

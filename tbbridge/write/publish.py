"""The atomic replace, and the lock: a file that is published is old or new, and whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import re
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tbbridge.core.errors import LockedError, PathError, PublishError
from tbbridge.write.atomic import case_matters
from tbbridge.write.names import file_names

TEMPORARY = re.compile(r"\.tbbridge-\d+-\d+\.tmp")
"""Our temporary files' names; nothing else is ever removed."""

MOST_DIRECTORIES = 5000
"""So many directories of a target are searched for what a killed tbbridge left: less than half a second."""

_counter = itertools.count(1)


class _Version(NamedTuple):
    """A published version of one file: the hash of its bytes, and what identifies it on disk."""

    digest: bytes
    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, data: bytes, status: os.stat_result) -> _Version:
        return cls(hashlib.sha256(data).digest(), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class Publisher:
    """Publishes files into one directory, which it keeps for itself while it lives.

    Each file is replaced whole: an exclusive temporary file in the same directory, written, synchronized and renamed.
    After an error the old version stands, the temporary file is gone, and the next `publish` may succeed. Different
    files may be published from different threads.

    Args:
        out: the target directory; made when it is missing.
        keep_out: a directory in which nothing may ever be written (the log directory).

    Raises:
        PathError: `out` is no directory, cannot be made or written, or lies in `keep_out`.
        LockedError: another tbbridge publishes into it.
    """

    def __init__(self, out: str | os.PathLike[str], *, keep_out: str | os.PathLike[str] | None = None) -> None:
        self.out = Path(out)
        self._keep_out = None if keep_out is None else os.path.realpath(keep_out)
        self._check_place(os.path.realpath(self.out))
        self._names: dict[str, str] = {}
        self._versions: dict[str, _Version] = {}
        self._cleaned: set[tuple[int, int]] = set()
        self._unsynchronized: set[Path] = set()
        self._housekeeping = threading.Lock()
        self._naming = threading.RLock()
        try:
            self._make()
            self._lock = _locked(self.out)
            self._try_to_write()
            self._remove_all_stale()
        except OSError as error:
            raise PathError(
                f"cannot write into {self.out}: {error.strerror}; choose another place with --out"
            ) from None
        self._case_matters = case_matters(self.out)

    def path(self, name: str) -> Path:
        """Where the experiment `name` is published."""
        with self._naming:
            if name not in self._names:
                self.expect([name] if self._case_matters else [*self._names, name])
            return self.out / self._names[name]

    def expect(self, names: Iterable[str]) -> None:
        """Say which experiments there are: where case does not matter, file names depend on all of them."""
        with self._naming:
            self._names.update(file_names(names, case_matters=self._case_matters))

    def publish(self, name: str, data: bytes) -> Path:
        """Replace the file of experiment `name` by `data`; nothing is written when it holds just that already.

        Raises:
            PublishError: it could not be written now; the old version stands, the next try may succeed.
        """
        path = self.path(name)
        try:
            with self._directory(path) as directory:
                if not self._is_published(name, directory, data):
                    self._versions[name] = _Version.of(data, _replace(directory, path.name, data))
                    self._unsynchronized |= {self.out / above for above in Path(self._names[name]).parents}
        except OSError as error:
            raise PublishError(f"cannot write {path}: {error.strerror}; the old version stays") from error
        return path

    def published(self, name: str) -> bytes | None:
        """The bytes of a file that was published; None where it is not as it was published, or cannot be read."""
        version = self._versions.get(name)
        if version is None or not self._untouched(name, version):
            return None
        try:
            data = self.path(name).read_bytes()
        except OSError:
            return None
        return data if len(data) == version.size else None

    def changed_by_others(self) -> list[str]:
        """The names whose file is no longer as it was published: edited, replaced or deleted by somebody else."""
        return [name for name, version in self._versions.items() if not self._untouched(name, version)]

    def remove(self, name: str) -> None:
        """Remove the published file of `name`, if it is there.

        Raises:
            PublishError: it could not be removed now.
        """
        path = self.path(name)
        try:
            with self._directory(path) as directory, contextlib.suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=directory)
        except OSError as error:
            raise PublishError(f"cannot remove {path}: {error.strerror}") from error
        self._versions.pop(name, None)

    def close(self) -> None:
        """Make the renames durable and let the directory go. Closing twice is fine."""
        if self._lock < 0:
            return
        for directory in sorted(self._unsynchronized):
            with contextlib.suppress(OSError):
                _synchronize(directory)
        os.close(self._lock)
        self._lock = -1

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_place(self, place: str) -> None:
        if self._keep_out is not None and f"{place}/".startswith(f"{self._keep_out}/"):
            raise PathError(f"{self.out} lies in the log directory, where nothing is written: choose another --out")

    def _make(self) -> None:
        """Make the target where it is missing, and those above it; their names are made durable in the end."""
        if not os.path.isdir(self.out):
            missing = [path for path in (self.out, *self.out.parents) if not os.path.exists(path)]
            self.out.mkdir(parents=True, exist_ok=True)
            self._unsynchronized |= {path.parent for path in missing}

    def _try_to_write(self) -> None:
        with self._opened(self.out) as directory:
            temporary = _create(directory)
            os.close(temporary.descriptor)
            os.unlink(temporary.name, dir_fd=directory)

    @contextlib.contextmanager
    def _directory(self, path: Path) -> Iterator[int]:
        """A descriptor of the directory that holds `path`; the directories below the target are made, links refused."""
        with self._housekeeping:
            self._keep_lock()
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(self._opened(self.out))
            for part in path.relative_to(self.out).parts[:-1]:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
                directory = stack.enter_context(self._opened(part, inside=directory))
            self._check_inside(path)
            yield directory

    def _check_inside(self, path: Path) -> None:
        parent = os.path.realpath(path.parent)
        if self._keep_out is not None and f"{parent}/".startswith(f"{self._keep_out}/"):
            raise OSError(errno.EPERM, "it lies in the log directory, where nothing is written: choose another --out")

    @contextlib.contextmanager
    def _opened(self, place: str | Path, inside: int | None = None) -> Iterator[int]:
        no_link = 0 if inside is None else os.O_NOFOLLOW
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | no_link, dir_fd=inside)
        try:
            with self._housekeeping:
                self._remove_stale(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    def _keep_lock(self) -> None:
        """Take the lock again where the directory was deleted, and made again by us or by somebody else."""
        self._make()
        if self._lock < 0 or not os.path.samestat(os.fstat(self._lock), os.stat(self.out)):
            lock = _locked(self.out)
            if self._lock >= 0:
                os.close(self._lock)
            self._lock = lock

    def _remove_stale(self, directory: int) -> None:
        """Remove what a tbbridge that was killed left in a directory; we hold the lock, so that none can be at work."""
        status = os.fstat(directory)
        if (status.st_dev, status.st_ino) in self._cleaned:
            return
        with os.scandir(directory) as entries:
            stale = [e.name for e in entries if TEMPORARY.fullmatch(e.name) and e.is_file(follow_symlinks=False)]
        for name in stale:
            os.unlink(name, dir_fd=directory)
        self._cleaned.add((status.st_dev, status.st_ino))

    def _remove_all_stale(self) -> None:
        """`_remove_stale` in all directories below, also where nothing is published any more; not in ever so many."""
        for number, (place, directories, _, descriptor) in enumerate(os.fwalk(self.out)):
            if number and (os.path.realpath(place) == self._keep_out or _is_locked(descriptor)):
                directories.clear()
                continue
            with contextlib.suppress(OSError):
                self._remove_stale(descriptor)
            if number == MOST_DIRECTORIES:
                break

    def _is_published(self, name: str, directory: int, data: bytes) -> bool:
        version = self._versions.get(name) or _read_version(directory, self.path(name).name)
        if version is None or version.digest != hashlib.sha256(data).digest():
            return False
        self._versions[name] = version
        return self._untouched(name, version)

    def _untouched(self, name: str, version: _Version) -> bool:
        try:
            status = os.lstat(self.path(name))
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and version[1:] == (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
        )


class _Temporary(NamedTuple):
    name: str
    descriptor: int


def _create(directory: int) -> _Temporary:
    name = f".tbbridge-{os.getpid()}-{next(_counter)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return _Temporary(name, os.open(name, flags, 0o666, dir_fd=directory))


def _replace(directory: int, name: str, data: bytes) -> os.stat_result:
    """Replaces one file whole; returns the new file's status. After an error the temporary file is gone."""
    temporary = _create(directory)
    try:
        try:
            _keep_permissions(directory, name, temporary.descriptor)
            _write_all(temporary.descriptor, data)
            os.fsync(temporary.descriptor)
            status = os.fstat(temporary.descriptor)
        finally:
            os.close(temporary.descriptor)
        os.replace(temporary.name, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary.name, dir_fd=directory)
        raise
    return status


def _keep_permissions(directory: int, name: str, descriptor: int) -> None:
    """A user who made the file private finds it private after the next replace."""
    with contextlib.suppress(OSError):
        old = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISREG(old.st_mode) and old.st_mode != os.fstat(descriptor).st_mode:
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _read_version(directory: int, name: str) -> _Version | None:
    """What stands in the file now; None where it is missing or no regular file."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        return _Version.of(file.read(), status) if stat.S_ISREG(status.st_mode) else None


def _locked(out: Path) -> int:
    """A descriptor of the directory that holds its lock: no file is needed, and the lock dies with the process."""
    import fcntl

    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise LockedError(
            f"another tbbridge publishes into {out}: stop it, or choose another place with --out"
        ) from None
    except OSError as error:
        # NFS takes no exclusive lock on a directory (EBADF), some file systems take none at all: go on without one.
        if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL):
            os.close(descriptor)
            raise
    return descriptor


def _is_locked(directory: int) -> bool:
    """Whether another tbbridge publishes into this directory."""
    import fcntl

    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(directory, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:  # no locks here
        return False
    return False


def _synchronize(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

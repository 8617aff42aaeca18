"""One named file, written whole or not at all; a device or a pipe is written through."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from tbbridge.core.errors import PathError, PublishError, UsageError

TEMPORARY = re.compile(r"\.tbbridge-\d+-whole-\d+\.tmp")
"""Our temporary files' names; nothing else is ever removed."""

_counter = itertools.count(1)
_cleaned: set[tuple[int, int]] = set()
"""The directories in which this process has looked for what others left, by device and inode."""


def check_target(path: Path, *, force: bool = False, keep_out: str | os.PathLike[str] | None = None) -> None:
    """Refuse a target before any work is done for it.

    Args:
        path: the file to be written.
        force: it may be there already.
        keep_out: a directory in which nothing may be written (the log directory).

    Raises:
        UsageError: it exists, and `force` is not set.
        PathError: it is a directory, its directory is missing, or it lies in `keep_out`.
    """
    if keep_out is not None and f"{os.path.realpath(path)}/".startswith(f"{os.path.realpath(keep_out)}/"):
        raise PathError(f"{path} lies in the log directory, where nothing is written: choose another --out")
    if os.path.isdir(path):
        raise PathError(f"{path} is a directory: name a file, or end the directory's name with /")
    if not os.path.isdir(path.parent):
        raise PathError(f"{path.parent} does not exist: make it, or choose another --out")
    if os.path.isfile(path) and not force:
        raise UsageError(f"{path} is there already: replace it with --force, or choose another --out")


def write_whole(path: Path, chunks: Iterable[bytes]) -> int:
    """Replace the file by the chunks' bytes; returns how many they were.

    They go to a temporary file in the same directory, which is synchronized and renamed. After an error the old file
    stands and the temporary one is gone; what a process left that was killed goes the next time that something is
    written into the directory. A link is followed: its target is replaced.

    Raises:
        PublishError: it could not be written; the text says why.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb", buffering=0) as device:
                return _write_all(device.fileno(), chunks)
        return _replace(Path(os.path.realpath(path)), chunks)
    except OSError as error:
        raise PublishError(f"cannot write {path}: {error.strerror or error}") from error


def _replace(path: Path, chunks: Iterable[bytes]) -> int:
    remove_stale(path.parent)
    temporary, descriptor = _create(path.parent)
    try:
        size = _write_all(descriptor, chunks)
        os.fsync(descriptor)
        os.replace(temporary, path)  # before the lock goes
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        os.close(descriptor)
    _synchronize(path.parent)
    return size


def _create(directory: Path) -> tuple[Path, int]:
    """A new temporary file, locked for as long as its descriptor is open: so others see that somebody writes it."""
    while True:
        temporary = directory / f".tbbridge-{os.getpid()}-whole-{next(_counter)}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666)
        locked = _try_lock(descriptor)
        if locked is None or (locked and os.fstat(descriptor).st_nlink):
            return temporary, descriptor
        os.close(descriptor)  # taken for a dead one's before it was locked


def _try_lock(descriptor: int) -> bool | None:
    """Whether the file is ours now; None where the system or the file system takes no locks."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows has no fcntl
        return None
    return True


def case_matters(directory: Path) -> bool:
    """Return whether a directory tells ``a`` from ``A``; True where nothing can be written into it."""
    try:
        temporary, descriptor = _create(directory)
    except OSError:
        return True
    try:
        return not temporary.with_name(temporary.name.upper()).exists()
    finally:
        os.close(descriptor)
        temporary.unlink()


def remove_stale(directory: Path) -> None:
    """Remove, once a process, temporary files that nobody holds the lock of: whoever wrote them is dead."""
    with contextlib.suppress(OSError):
        status = os.stat(directory)
        if (status.st_dev, status.st_ino) in _cleaned:
            return
        _cleaned.add((status.st_dev, status.st_ino))
        with os.scandir(directory) as entries:
            found = [entry.path for entry in entries if TEMPORARY.fullmatch(entry.name)]
        for path in found:
            _remove_if_dead(path)


def _remove_if_dead(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and _try_lock(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, chunks: Iterable[bytes]) -> int:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return size


def _synchronize(directory: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

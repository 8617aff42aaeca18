"""Files that are written whole or not at all; a device or a pipe is written through."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tbbridge.core.errors import PathError, PublishError, UsageError

TEMPORARY = re.compile(r"\.tbbridge-\d+-(whole-)?\d+\.tmp")
"""Our temporary files' names (with ``whole``: an earlier version's); nothing else is ever removed."""

_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
"""No link is followed, no FIFO waited for; Windows has the last one alone."""

SMALL = 1 << 20
"""Bytes of a file below which other files may be written before it is synchronized."""
_Done = TypeVar("_Done")

_counter = itertools.count(1)
_cleaned: set[tuple[int, int]] = set()
"""The directories in which this process has looked for others' temporary files, by device and inode."""


def check_outside(path: str | os.PathLike[str], logdir: str | os.PathLike[str] | None, option: str = "--out") -> None:
    """Refuse a target in the log directory; `option` names it.

    Raises:
        PathError: `path` is `logdir` or lies in it.
    """
    if logdir is not None and f"{os.path.realpath(path)}/".startswith(f"{os.path.realpath(logdir)}/"):
        raise PathError(f"{path} lies in the log directory, where nothing is written: choose another {option}")


def check_target(
    path: Path, *, force: bool = False, keep_out: str | os.PathLike[str] | None = None, option: str = "--out"
) -> None:
    """Refuse a target before any work is done for it.

    Args:
        path: the file to be written.
        force: it may be there already.
        keep_out: a directory in which nothing may be written (the log directory).
        option: the option of the command line that names the file.

    Raises:
        UsageError: it exists, and `force` is not set.
        PathError: it is a directory, its directory is missing, or it lies in `keep_out`.
    """
    check_outside(path, keep_out, option)
    if os.path.isdir(path):
        raise PathError(f"{path} is a directory: name a file, or end the directory's name with /")
    if not os.path.isdir(path.parent):
        raise PathError(f"{path.parent} does not exist: make it, or choose another {option}")
    if os.path.isfile(path) and not force:
        raise UsageError(f"{path} is there already: replace it with --force, or choose another {option}")


def write_whole(path: Path, chunks: Iterable[bytes]) -> int:
    """Replace the file by the chunks' bytes, durably; return how many they were. A link's target is replaced.

    Raises:
        PublishError: it could not be written; the text says why.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            with path.open("wb", buffering=0) as device:
                return _write_all(device.fileno(), chunks)
        real = os.path.realpath(path)
        remove_stale(os.path.dirname(real))
        (done,) = replace_files([(real, chunks)])
        if isinstance(done, OSError):
            raise done
        synchronize(os.path.dirname(real))
        return done.st_size
    except OSError as error:
        raise PublishError(f"cannot write {path}: {error.strerror or error}") from error


def replace_files(files: Sequence[tuple[str, Iterable[bytes]]]) -> list[os.stat_result | OSError]:
    """Replace each path's file by one with the chunks' bytes; return its status, or why it could not be written.

    They go to a temporary file in the same directory, which is synchronized and renamed; the permissions of the old
    file stay. The rename is durable after `synchronize`. After an error the old file stands and the temporary one is
    gone; what a process leaves that is killed goes by `remove_stale`. Many small files at a time cost a fifth of one by
    one, since the file system's journal takes them together.
    """
    begun: list[_Begun | OSError] = []
    done: list[os.stat_result | OSError] = []
    try:
        for path, chunks in files:
            begun.append(_caught(_begin, path, chunks, len(files) > 1))
        for one in begun:
            if isinstance(one, OSError):
                done.append(one)
            else:
                done.append(_caught(_finish, one))
    finally:
        for one in begun[len(done) :]:
            if not isinstance(one, OSError):
                _drop(one)
    return done


def _caught(function: Callable[..., _Done], *given: Any) -> _Done | OSError:
    try:
        return function(*given)
    except OSError as error:
        return error


class _Begun(NamedTuple):
    """A temporary file that was written and waits for its name."""

    path: str
    temporary: str
    file: FileIO


def _begin(path: str, chunks: Iterable[bytes], early: bool) -> _Begun:
    """Write a temporary file; `early`: let the disk begin with it, since others come before it is synchronized."""
    temporary, descriptor, mode = _create(os.path.dirname(path))
    begun = _Begun(path, temporary, FileIO(descriptor, "wb"))
    try:
        _keep_permissions(path, descriptor, mode)
        if _write_all(descriptor, chunks) < SMALL and early and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    except BaseException:
        _drop(begun)
        raise
    return begun


def _finish(begun: _Begun) -> os.stat_result:
    try:
        os.fsync(begun.file.fileno())
        status = os.fstat(begun.file.fileno())
        if os.name == "nt":
            begun.file.close()  # no open file can be renamed there
        os.replace(begun.temporary, begun.path)  # before the lock goes
        begun.file.close()
    except BaseException:
        _drop(begun)
        raise
    return status


def _drop(begun: _Begun) -> None:
    with contextlib.suppress(OSError):
        os.unlink(begun.temporary)  # before the lock goes
    with contextlib.suppress(OSError):
        begun.file.close()


def _create(directory: str | os.PathLike[str]) -> tuple[str, int, int]:
    """A new temporary file and its mode; locked while its descriptor is open, which tells others that it is in use."""
    while True:
        temporary = os.path.join(directory, f".tbbridge-{os.getpid()}-{next(_counter)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o666)
        locked, status = _try_lock(descriptor), os.fstat(descriptor)
        if locked is None or (locked and status.st_nlink):
            return temporary, descriptor, status.st_mode
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


def _keep_permissions(path: str, descriptor: int, mode: int) -> None:
    """A file that the user made private stays private."""
    with contextlib.suppress(OSError, AttributeError):  # Windows may have no fchmod
        old = os.lstat(path)
        if stat.S_ISREG(old.st_mode) and old.st_mode != mode:
            os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _write_all(descriptor: int, chunks: Iterable[bytes]) -> int:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    return size


def synchronize(directory: str | os.PathLike[str]) -> None:
    """Make the names in a directory durable, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | _FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def case_matters(directory: Path) -> bool:
    """Return whether a directory tells ``a`` from ``A``.

    Raises:
        OSError: nothing can be written into it.
    """
    temporary, descriptor, _ = _create(directory)
    try:
        return not os.path.exists(os.path.join(directory, os.path.basename(temporary).upper()))
    finally:
        os.close(descriptor)
        os.unlink(temporary)


def remove_stale(directory: str | os.PathLike[str], cleaned: set[tuple[int, int]] = _cleaned) -> None:
    """Remove temporary files whose lock no process holds, since their writers are dead.

    Args:
        directory: where to look.
        cleaned: the directories that need no look any more, by device and inode; gets this one.
    """
    with contextlib.suppress(OSError):
        status = os.stat(directory)
        if (status.st_dev, status.st_ino) in cleaned:
            return
        with os.scandir(directory) as entries:
            found = [entry.path for entry in entries if TEMPORARY.fullmatch(entry.name)]
        for path in found:
            _remove_if_dead(path)
        cleaned.add((status.st_dev, status.st_ino))


def _remove_if_dead(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | _FLAGS)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and _try_lock(descriptor):
                os.unlink(path)
        finally:
            os.close(descriptor)

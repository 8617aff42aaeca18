"""One named file, written whole or not at all; a device or a pipe is written through."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from tbbridge.errors import PathError, PublishError, UsageError

_counter = itertools.count(1)


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
    stands and the temporary one is gone. A link is followed: its target is replaced.

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
    temporary = path.with_name(f".tbbridge-{os.getpid()}-whole-{next(_counter)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666)
    try:
        try:
            size = _write_all(descriptor, chunks)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _synchronize(path.parent)
    return size


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

"""The work of ``tbbridge repair``: copy the intact records of an event file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tbbridge.core.errors import FormatError, PathError, UsageError
from tbbridge.decode import MAX_RECORD
from tbbridge.decode.intact_records import stretches
from tbbridge.decode.utf8_repair import readable
from tbbridge.tail.logdir import printable
from tbbridge.tail.storage import OpenFile, open_storage
from tbbridge.write.atomic import check_target, write_whole

_CHUNK = 1 << 20


@dataclass(slots=True)
class Repair:
    """The result of a repair."""

    kept: int = 0
    """Records written."""
    rewritten: int = 0
    r"""Of them, those whose text had bytes that are no UTF-8, now written as ``\xNN``."""
    unreadable: int = 0
    """Records with right checksums that hold no Event, left out."""
    bytes_before: int = 0
    bytes_after: int = 0


def repair(source: str, target: str, *, force: bool = False) -> Repair:
    """Write all intact records of the event file `source` into a new file `target`.

    The new file appears whole or not at all. It leaves out damage, an unfinished record at the end, and records
    that hold no Event, at which TensorBoard would stop.

    source: a path, or a URL.

    Raises:
        PathError: `source` cannot be read or is no regular file, or `target` cannot be written there.
        UsageError: `target` is `source`, or exists and `force` is not set.
        FormatError: `source` holds no intact record.
        PublishError: `target` could not be written.
    """
    storage = open_storage(source)
    try:
        with storage.open(storage.root) as file:
            with contextlib.suppress(OSError):  # such as a target that is not there yet, or a URL
                if os.path.samefile(source, target):
                    raise UsageError("the new file is the old one: give another name with -o")
            check_target(Path(target), force=force)
            return _repair(file, source, Path(target))
    except OSError as error:
        raise PathError(f"cannot read {printable(source)}: {error.strerror}") from error


def _repair(file: OpenFile, source: str, target: Path) -> Repair:
    size = file.stat().size
    intact = stretches(size, file.read)
    first = next(intact, None)
    if first is None:
        raise FormatError(f"{printable(source)} holds no intact record: nothing to repair")
    done = Repair()
    written = write_whole(target, _copy(chain([first], intact), file.read, done))
    done.bytes_before, done.bytes_after = size, written
    return done


def _copy(intact: Iterable[tuple[int, int, int]], read: Callable[[int, int], bytes], done: Repair) -> Iterator[bytes]:
    """The bytes of the new file; counts in `done` what became of each record."""
    batch = bytearray()
    for start, end, sound in intact:
        if not sound and end - start > MAX_RECORD:  # too large to be held
            yield bytes(batch)
            batch.clear()
            for offset in range(start, end, _CHUNK):
                yield read(min(_CHUNK, end - offset), offset)
            done.kept += 1
            continue
        record = read(end - start, start)
        fixed = record if sound else readable(record)
        if fixed is None:
            done.unreadable += 1
        else:
            done.kept += max(sound, 1)
            done.rewritten += fixed != record
            batch += fixed
        if len(batch) >= _CHUNK:
            yield bytes(batch)
            batch.clear()
    yield bytes(batch)

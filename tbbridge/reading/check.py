"""The work of ``tbbridge check`` and ``repair``: list each event file's content, and copy its intact records."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tbbridge.core.errors import FormatError, PathError, UsageError
from tbbridge.core.model import EventFile
from tbbridge.decode import MAX_RECORD, Decoder
from tbbridge.decode.intact_records import stretches
from tbbridge.decode.utf8_repair import readable
from tbbridge.tail.file import feed
from tbbridge.tail.logdir import EventPath, printable, unfollowed
from tbbridge.tail.storage import OpenFile, Storage, open_storage, without_password
from tbbridge.write.atomic import check_target, write_whole
from tbbridge.write.parallel import ordered_map

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Checked:
    """One event file, without its scalars."""

    path: str
    log: EventFile
    scalars: int
    problem: str = ""
    """Why it could not be read."""

    @property
    def sound(self) -> bool:
        """Whether all of it could be used; an unfinished tail is normal."""
        return not self.log.damage and not self.problem

    def as_json(self) -> dict[str, Any]:
        """The file as ``check --json`` shows it."""
        shown: dict[str, Any] = {
            "path": self.path,
            "bytes": self.log.size,
            "records": self.log.records,
            "scalars": self.scalars,
            "incomplete_tail": self.log.incomplete_tail,
            "damage": [{"start": one.start, "end": one.end, "reason": one.reason} for one in self.log.damage],
            "passed_over": dict(self.log.passed_over),
        }
        shown |= {"not_an_event_file": self.log.foreign} if self.log.foreign else {}
        return shown | ({"problem": self.problem} if self.problem else {})


@dataclass(slots=True)
class Check:
    """A log directory, checked."""

    files: list[Checked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Directories that could not be listed."""
    notes: list[str] = field(default_factory=list)
    """Files and directories that were left out."""

    @property
    def sound(self) -> bool:
        """Whether everything could be used."""
        return not self.problems and all(file.sound for file in self.files)


def check(logdir: str, *, follow_links: bool = False) -> Check:
    """Read every event file below `logdir` (or the one that it is); several at a time.

    Raises:
        PathError: `logdir` does not exist, or is neither a directory nor an event file.
    """
    storage = open_storage(logdir, follow_links=follow_links)
    storage.check()
    listing = storage.discover()
    if listing.missing:
        raise PathError(f"{printable(logdir)} does not exist")
    if listing.unreadable == [storage.root]:
        raise PathError(listing.problems[0])
    places = [place for run in sorted(listing.runs) for place in listing.runs[run]]
    files = list(ordered_map(partial(_check_file, storage, logdir), places))
    left_out = "" if follow_links else unfollowed(storage.root, listing.links)
    return Check(files, listing.problems, [left_out] if left_out else [])


def _check_file(storage: Storage, logdir: str, place: EventPath) -> Checked:
    """Read one event file to its end."""
    decoder = Decoder(place.name)
    problem = ""
    try:
        with storage.open(place.path) as file:
            feed(decoder, file, file.stat().size)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    log = decoder.log
    count = len(log.scalars.step)
    log.scalars = Decoder(place.name).log.scalars  # the columns are not kept while other files are read
    below = place.path[len(storage.root) :].lstrip("/")
    shown = os.path.join(logdir, below) if below else logdir  # as the user wrote it
    return Checked(printable(without_password(shown)), log, count, problem)


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

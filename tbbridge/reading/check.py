"""What ``tbbridge check`` and ``tbbridge repair`` do: say what is in each event file, and copy what is intact."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from tbbridge.core.errors import FormatError, PathError, UsageError
from tbbridge.core.model import EventFile
from tbbridge.decode import MAX_RECORD, Decoder
from tbbridge.decode.intact_records import records
from tbbridge.decode.utf8_repair import readable
from tbbridge.tail.logdir import EventPath, check_root, discover, printable
from tbbridge.tail.remote import RemoteReader, RemoteTree, is_url, without_password
from tbbridge.write.atomic import check_target, write_whole

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
        return shown | ({"problem": self.problem} if self.problem else {})


@dataclass(slots=True)
class Check:
    """A log directory, checked."""

    files: list[Checked] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What could not be listed."""

    @property
    def sound(self) -> bool:
        """Whether everything could be used."""
        return not self.problems and all(file.sound for file in self.files)


def check(logdir: str, *, follow_links: bool = False) -> Check:
    """Read every event file below `logdir` (or the one that it is); several at a time.

    Raises:
        PathError: `logdir` does not exist, or is neither a directory nor an event file.
    """
    tree = RemoteTree(logdir) if is_url(logdir) else None
    if not tree:
        check_root(logdir)
    listing = tree.discover() if tree else discover(logdir, follow_links=follow_links)
    if listing.missing:
        raise PathError(f"{printable(logdir)} does not exist")
    if tree and not listing.runs and listing.problems:
        raise PathError(listing.problems[0])
    paths = [path for run in sorted(listing.runs) for path in listing.runs[run]]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return Check(list(pool.map(partial(check_file, tree=tree), paths)), listing.problems)


def check_file(file: EventPath, tree: RemoteTree | None = None) -> Checked:
    """Read one event file to its end; `tree` is where a URL's is."""
    decoder = Decoder(file.name)
    problem = ""
    try:
        with _open(file.path, tree) as reader:
            decoder.follow(reader.size, reader.read)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    log = decoder.log
    count = len(log.scalars.step)
    log.scalars = Decoder(file.name).log.scalars  # the columns are not kept while other files are read
    return Checked(printable(without_password(file.path) if tree else file.path), log, count, problem)


@contextlib.contextmanager
def _open(path: str, tree: RemoteTree | None) -> Iterator[_Reader | RemoteReader]:
    if tree:
        yield RemoteReader(tree, path)
        return
    with _Reader(path) as reader:
        yield reader


class _Reader:
    """A regular file, opened for reading at any offset."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self.size = status.st_size
        self.identity = (status.st_dev, status.st_ino)
        self.regular = stat.S_ISREG(status.st_mode)

    def read(self, count: int, offset: int) -> bytes:
        return os.pread(self._descriptor, count, offset)

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


@dataclass(slots=True)
class Repair:
    """What a repair did."""

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

    The new file appears whole or not at all. What is left out: damage, an unfinished record at the end, and records
    that hold no Event, at which TensorBoard would stop.

    source: a path, or a URL.

    Raises:
        PathError: `source` cannot be read or is no regular file, or `target` cannot be written there.
        UsageError: `target` is `source`, or exists and `force` is not set.
        FormatError: `source` holds no intact record.
        PublishError: `target` could not be written.
    """
    tree = RemoteTree(source) if is_url(source) else None
    if tree:
        tree.discover()
    try:
        with _open(source, tree) as reader:
            if isinstance(reader, _Reader):
                _refuse_itself(reader, source, target)
            check_target(Path(target), force=force)
            return _repair(reader, source, Path(target))
    except OSError as error:
        raise PathError(f"cannot read {printable(source)}: {error.strerror}") from error


def _repair(reader: _Reader | RemoteReader, source: str, target: Path) -> Repair:
    intact = records(reader.size, reader.read)
    first = next(intact, None)
    if first is None:
        raise FormatError(f"{printable(source)} holds no intact record: nothing to repair")
    done = Repair()
    written = write_whole(target, _copy(chain([first], intact), reader.read, done))
    done.bytes_before, done.bytes_after = reader.size, written
    return done


def _refuse_itself(reader: _Reader, source: str, target: str) -> None:
    if not reader.regular:
        raise PathError(f"{printable(source)} is not a regular file")
    try:
        status = os.stat(target)
    except OSError:
        return
    if (status.st_dev, status.st_ino) == reader.identity:
        raise UsageError("the new file is the old one: give another name with -o")


def _copy(intact: Iterable[tuple[int, int]], read: Callable[[int, int], bytes], done: Repair) -> Iterator[bytes]:
    """The bytes of the new file; counts in `done` what became of each record."""
    batch = bytearray()
    for start, end in intact:
        if end - start > MAX_RECORD:
            yield from _pieces(start, end, read, batch)
            done.kept += 1
        else:
            _add_record(read(end - start, start), batch, done)
        if len(batch) >= _CHUNK:
            yield bytes(batch)
            batch.clear()
    yield bytes(batch)


def _add_record(record: bytes, batch: bytearray, done: Repair) -> None:
    fixed = readable(record)
    if fixed is None:
        done.unreadable += 1
        return
    done.kept += 1
    done.rewritten += fixed != record
    batch += fixed


def _pieces(start: int, end: int, read: Callable[[int, int], bytes], batch: bytearray) -> Iterator[bytes]:
    """What waits in `batch`, then a record that is too large to be held, as it is."""
    yield bytes(batch)
    batch.clear()
    for offset in range(start, end, _CHUNK):
        yield read(min(_CHUNK, end - offset), offset)

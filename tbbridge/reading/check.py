"""The work of ``tbbridge check``: the content of each event file, and its damage."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tbbridge.core.errors import PathError
from tbbridge.core.model import EventFile
from tbbridge.decode import Decoder
from tbbridge.tail.feed import feed
from tbbridge.tail.logdir import EventPath, printable, unfollowed
from tbbridge.tail.storage import Storage, open_storage, without_password
from tbbridge.write.parallel import ordered_map


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
    decoder = Decoder(place.name, count=True)
    problem = ""
    try:
        with storage.open(place.path) as file:
            feed(decoder, file, file.stat().size)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    log = decoder.log
    below = place.path[len(storage.root) :].lstrip("/")
    shown = os.path.join(logdir, below) if below else logdir  # as the user wrote it
    return Checked(printable(without_password(shown)), log, log.taken, problem)

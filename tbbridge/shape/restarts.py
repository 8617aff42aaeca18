"""The restarts of one training, each counted once though it shows in several runs, files and tags."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tbbridge.core.model import EventFile
from tbbridge.shape.series import Restart


class TrainingRestart(NamedTuple):
    """One restart of a training."""

    step: int
    """The lowest step from which on older points are superseded."""
    places: list[tuple[str, Restart]]
    """The runs in which it shows, with the restart there."""


class _Place(NamedTuple):
    turn: int
    """The number of restarts of the same file before it."""
    wall_time: float
    run: str
    restart: Restart
    tags: frozenset[tuple[str, str]]


def training_restarts(
    restarts: Mapping[str, Sequence[Restart]], files: Mapping[str, Iterable[EventFile]]
) -> list[TrainingRestart]:
    """Return the restarts of one training in the order of time.

    A restart in several runs, or in several files that write different tags of a run, is one. A restart of
    tags that the one before concerned already is another one.

    Args:
        restarts: those of each run of the training.
        files: the event files of each run; their points are not looked at.
    """
    found: list[TrainingRestart] = []
    concerned: set[tuple[str, str]] = set()
    for place in sorted(_places(restarts, files)):
        if not found or not concerned.isdisjoint(place.tags):
            found.append(TrainingRestart(place.restart.step, []))
            concerned = set()
        last = found.pop()
        found.append(TrainingRestart(min(last.step, place.restart.step), [*last.places, (place.run, place.restart)]))
        concerned |= place.tags
    return found


def _places(restarts: Mapping[str, Sequence[Restart]], files: Mapping[str, Iterable[EventFile]]) -> Iterable[_Place]:
    for run, of_run in restarts.items():
        known = {file.name: file for file in files[run]} if of_run else {}
        turns: Counter[str] = Counter()
        for restart in (one for one in of_run if one.file in known):  # others are the run's above
            file = known[restart.file]
            time = file.first_wall_time if math.isfinite(file.first_wall_time) else math.inf
            tags = frozenset((run, tag) for tag in file.tags) | {(run, f"\0{file.name}")}
            yield _Place(turns[file.name], time, run, restart, tags)
            turns[file.name] += 1

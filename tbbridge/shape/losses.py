"""Points that do not count as they were logged, by cause, and the sentences about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

import numpy as np

from tbbridge.core.model import EventFile, Feed, Int64, Points
from tbbridge.shape.restarts import TrainingRestart

CUT_OFF = 3
"""A series of consecutive steps with at least this many points to each is taken for one of fractional steps."""

_NAMED = re.compile(r"tfevents\.\d+\.[^/]*$")
"""The name that TensorFlow's, torch's and tensorboardX's writers give; each begins with a file version."""

MUCH_SHORTER = 2
"""A restart is doubted where it hides this many times as many points as it brings."""


class Losses(NamedTuple):
    """Numbers of points of a series, or of several, that do not count as they were logged."""

    restarted: int = 0
    """A restart superseded them (rules 1 to 3)."""
    repeated: int = 0
    """A later value of the same step took their place (rule 4)."""
    cut_off: int = 0
    """So did a point whose fractional step was cut off to the same integer."""
    stepless: int = 0
    """They were logged without a step, and count in their order (rule 5)."""

    @classmethod
    def of(cls, live: Int64, restarted: int, repeats: int, ordinal: bool) -> Losses:
        """Return the losses of one series.

        Args:
            live: the steps of the points that count, each once.
            restarted: how many points a restart superseded.
            repeats: how many gave way to a later point of the same step.
            ordinal: whether the writer passed no step.
        """
        count = len(live)
        cut = repeats >= (CUT_OFF - 1) * count and count > 1 and int(live.max()) - int(live.min()) == count - 1
        return cls(restarted, 0 if cut else repeats, repeats if cut else 0, count if ordinal else 0)

    def __add__(self, other: tuple[int, ...]) -> Losses:  # type: ignore[override]
        return Losses(*(mine + more for mine, more in zip(self, other, strict=True)))


def loss_notes(losses: Losses, restarts: int, more: str = "") -> Iterator[str]:
    """Yield a message for each cause.

    Args:
        losses: how many points.
        restarts: how many restarts there are.
        more: how to see the points that a message is about.
    """
    if restarts or losses.restarted:
        yield f"{_number(restarts, 'restart')}: {_number(losses.restarted, 'point')} superseded{more}"
    if losses.repeated:
        yield f"{_number(losses.repeated, 'point')} superseded by a later value of the same step{more}"
    if losses.cut_off:
        what = "superseded by another of the same step: its fraction was cut off, or one step is logged many times"
        yield f"{_number(losses.cut_off, 'point')} {what}{more}"
    if losses.stepless:
        yield f"{_number(losses.stepless, 'point')} without a step, numbered in their order"


def headless_notes(files: Iterable[EventFile]) -> Iterator[str]:
    """Yield a message for each file that is named as a writer names it, and does not begin as it begins one."""
    for file in files:
        if file.headless and _NAMED.search(file.name):
            yield (
                f"{file.name} has no beginning: it may have been removed while its writer went on, and come back "
                "without what was in it"
            )


NO_EVENT_FILE = " is not an event file, but "


def foreign_notes(files: Iterable[EventFile]) -> list[str]:
    """Return a message for each file that holds no events, only text: what it is instead."""
    return [f"{file.name}{NO_EVENT_FILE}{file.foreign}" for file in files if file.foreign]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def restart_notes(
    feeds: Mapping[str, Feed | None],
    columns: Mapping[str, Points],
    losses: Callable[[str, str], Losses],
    restarts: Sequence[TrainingRestart],
) -> Iterator[str]:
    """Yield messages about restarts that are half done, or may be none.

    Args:
        feeds: which series feeds each column of an experiment.
        columns: the columns, with the steps as logged.
        losses: those of a run's tag.
        restarts: those of the training.
    """
    if restarts:
        yield from _half(columns, restarts)
        yield from _doubtful(feeds, columns, losses, restarts)
        yield from _behind(restarts)


def _half(columns: Mapping[str, Points], restarts: Sequence[TrainingRestart]) -> Iterator[str]:
    """Each restart after which some columns end with points of the earlier training, and a train column goes on."""
    for restart in restarts:
        when, file = min((place.wall_time, place.file) for _, place in restart.places)
        old = {
            name: points.step[(points.step >= restart.step) & (points.wall_time < when)]
            for name, points in columns.items()
            if len(points.step) and points.step[-1] >= restart.step and points.wall_time[-1] < when
        }
        if old and any(_goes_on(columns[name], when) for name in columns.keys() - old if name.startswith("train ")):
            first, last = min(step[0] for step in old.values()), max(step[-1] for step in old.values())
            steps = f"step {first} is" if first == last else f"steps {first} to {last} are"
            yield f"{', '.join(old)}: {steps} of the earlier training; {file} began again at step {restart.step}"


def _goes_on(points: Points, when: float) -> bool:
    return bool(np.any(points.wall_time >= when))


def _behind(restarts: Sequence[TrainingRestart]) -> Iterator[str]:
    """Each restart that may be the training that an earlier file, by its clock, has resumed."""
    for place in (place for restart in restarts for _, place in restart.places):
        if place.behind:
            file, step, wall_time = place.behind
            yield (
                f"{file} begins at step {step}, where {place.file} was, but its clock says {_moment(wall_time)}, "
                f"before {_moment(place.wall_time)}: if it resumed that training, its clock was behind, and its points "
                "are hidden"
            )


def _moment(wall_time: float) -> str:
    try:
        return datetime.fromtimestamp(wall_time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{wall_time:g}"


def _doubtful(
    feeds: Mapping[str, Feed | None],
    columns: Mapping[str, Points],
    losses: Callable[[str, str], Losses],
    restarts: Sequence[TrainingRestart],
) -> Iterator[str]:
    """Each column in which an unannounced restart hides more points than it brings."""
    for column, feed in feeds.items():
        places = [place for restart in restarts for run, place in restart.places if feed and run == feed.run]
        place = next((one for one in reversed(places) if not one.announced and one.step <= 0), None)
        train = [points for name, points in columns.items() if name.startswith("train ")]
        if not feed or not place or column.startswith("train ") or any(_goes_on(one, place.wall_time) for one in train):
            continue
        hidden = losses(feed.run, feed.tag).restarted
        came = int(np.count_nonzero(columns[column].step >= place.step))
        if MUCH_SHORTER * came <= hidden:
            yield (
                f"{column}: the {_number(came, 'point')} of {place.file}, from step {place.step} on, hide {hidden}: "
                "a restart, or an evaluation after the training"
            )

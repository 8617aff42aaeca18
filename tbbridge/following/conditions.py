"""Find the experiments that fulfil conditions as a log directory grows; step by step, like the follower.

What a point fulfils is a function of the event files' bytes: the same that `Condition.first` finds in a fresh reading.
Silence is counted by a clock that does not jump, from the moment at which the experiment was first seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tbbridge.core.model import JSON_VERSION, Mark, Points
from tbbridge.following.tables import ExperimentTable, Tables
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.shape.condition import Condition, Course, Fulfilled, last_point
from tbbridge.shape.series import natural_key

_MOST_NAMES = 5000
"""Names of columns that are kept to find the nearest to one that is not there."""


class Noticed(NamedTuple):
    """An experiment that fulfils a condition."""

    condition: str
    experiment: str
    column: str
    """The column or ``RUN:TAG``; empty for a training that is silent or finished."""
    step: int | None
    """Of the first point that fulfils it; of the last point for a training that is silent or finished."""
    wall_time: float | None
    """Of that point, in seconds since the epoch, as logged."""
    value: float | None
    """The compared number; the seconds of silence for a training that is silent or finished."""
    noticed: float
    """When it was noticed, in seconds since the epoch."""
    place: int
    """The condition's place among those that were given, from 0."""

    def as_json(self) -> dict[str, object]:
        """Return it as ``tbbridge wait`` prints it; NaN and the infinities are texts."""
        facts = {"version": JSON_VERSION, **self._asdict()}
        for name in ("wall_time", "value"):
            number = facts[name]
            if isinstance(number, float) and not math.isfinite(number):
                facts[name] = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
        del facts["place"]
        return facts


def _logged(columns: Mapping[str, Points]) -> list[str]:
    """Return the names of those that have points."""
    return [name for name, points in columns.items() if len(points.step)]


@dataclass(slots=True)
class _Known:
    """The state of one experiment."""

    courses: list[Course]
    last_write: float | None = None
    news_at: float | None = None
    """By the clock, when its last byte was seen; None before the first."""
    written_at: float = 0.0
    """By the clock, when its last byte was written: before `news_at` where it was old when it was first seen."""
    noticed: dict[int, Noticed] = field(default_factory=dict)

    def differs(self, place: int, answer: Fulfilled | None) -> bool:
        before = self.noticed.get(place)
        return (before[2:6] if before else None) != answer


class Fulfilments:
    """The experiments of a log directory that fulfil conditions.

    Args:
        conditions: in their order.
        tables: the experiments as they are now.
        logs: the event files as read so far.
        clock: monotonic seconds.

    Attributes:
        news: whether anything changed since it was last set to False.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        tables: Tables,
        logs: LogDirectory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.conditions = conditions
        self.news = False
        self._timed = any(one.finished or one.silence is not None for one in conditions)
        self._tables, self._logs = tables, logs
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._names: dict[str, None] = {}
        self._waiting = {place for place, one in enumerate(conditions) if one.column}
        self._due: float | None = None
        self._missing: tuple[tuple[int, ...], list[str]] = ((), [])

    def noticed(self) -> list[Noticed]:
        """Return the fulfilled conditions, by condition, then by experiment in natural order; from any thread."""
        found = [one for known in list(self._known.values()) for one in list(known.noticed.values())]
        return sorted(found, key=lambda one: (one.place, natural_key(one.experiment)))

    def marks(self, name: str) -> list[Mark]:
        """Return a mark for each condition that an experiment fulfils; from any thread."""
        known = self._known.get(name)
        found = sorted(known.noticed.items()) if known else []
        return [Mark("condition", one.step, f"{name}: {one.condition}") for _, one in found]

    def problems(self) -> list[str]:
        """Return messages: the conditions on columns that no experiment has yet; from any thread."""
        names, waiting = list(self._names), sorted(self._waiting)
        asked = (len(names), *waiting)
        if asked != self._missing[0]:  # to find the nearest of many names takes a second
            missing = [self.conditions[place].missing(names) for place in waiting] if names else []
            self._missing = asked, [line for line in missing if line]
        return list(self._missing[1])

    def due(self) -> float | None:
        """Return when silence may fulfil a condition, by the clock; None while it cannot."""
        return self._due

    def look(self, changed: Iterable[str] = ()) -> None:
        """Take in the news of these experiments, and the time."""
        if not self.conditions:
            return
        for name in changed:
            table = self._tables.by_name.get(name)
            if table is None or table.gone:
                self.news |= bool((known := self._known.pop(name, None)) and known.noticed)
            elif self._logs.reading.isdisjoint(table.experiment.runs):
                self._look_at(name, table)
        if self._timed and self._due is not None and self._clock() >= self._due:
            self._due = None
            for name in list(self._known):
                self._weigh_silence(name)

    def _look_at(self, name: str, table: ExperimentTable) -> None:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _Known([Course(one) for one in self.conditions])
        answers = self._answers(known, name)
        if any(known.differs(place, answer) for place, answer in answers.items()):
            self._tables.settle(name)  # a report equals that of a fresh reading
            answers = self._answers(known, name)
        for place, answer in answers.items():
            self._note(known, name, place, answer)
        if self._timed and (known.news_at is None or table.view.last_write != known.last_write):
            age = time.time() - (table.view.last_write or time.time()) if known.news_at is None else 0.0
            known.last_write, known.news_at = table.view.last_write, self._clock()
            known.written_at = known.news_at - max(0.0, age)
            self._weigh_silence(name)

    def _answers(self, known: _Known, name: str) -> dict[int, Fulfilled | None]:
        """Return by place the points that fulfil each condition on a column."""
        columns = self._tables.by_name[name].view.columns
        series: Mapping[str, Points] | None = None
        answers = {}
        for place, course in enumerate(known.courses):
            asks = course.condition.any_series(columns)
            if asks and series is None:
                series = {**columns, **self._tables.series(name)}
            if course.condition.silence is None and not course.condition.finished:
                asked = series if asks and series is not None else columns
                answers[place] = course.update(asked)
                if place in self._waiting and course.condition.names(_logged(asked)):
                    self._waiting.discard(place)
        if self._waiting and len(self._names) < _MOST_NAMES:
            self._names.update(dict.fromkeys(_logged(columns if series is None else series)))
        return answers

    def _note(self, known: _Known, name: str, place: int, answer: Fulfilled | None) -> None:
        if known.differs(place, answer):
            known.noticed.pop(place, None)
            if answer:
                known.noticed[place] = Noticed(self.conditions[place].text, name, *answer, time.time(), place)
            self.news = True

    def _weigh_silence(self, name: str) -> None:
        """Note the conditions that an experiment's silence fulfils, and when it will fulfil others."""
        known, table = self._known[name], self._tables.by_name[name]
        for place, condition in enumerate(self.conditions):
            since, needed = known.news_at, condition.silence
            if condition.finished:
                since, needed = known.written_at, 0.0 if table.view.ended else table.finished_after
            if since is None or needed is None:
                continue
            if self._clock() < since + needed:
                self._note(known, name, place, None)
                self._due = min(since + needed, self._due or since + needed)
            elif place not in known.noticed:
                silence = self._clock() - since
                self._note(known, name, place, Fulfilled("", *last_point(table.view.columns), silence))

"""The facts about a series' points that the mapping and the summary need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from tbbridge.core.model import Floats, Points, Series


class SeriesFacts(NamedTuple):
    """The facts about a series' points that the mapping needs (those that a restart superseded are not counted)."""

    points: int = 0
    first_step: int = 0
    last_step: int = 0
    consecutive: bool = False
    """At least two points whose steps grow by one."""
    ordinal: bool = False
    """The writer passed no step."""
    largest: float = math.nan
    """The largest finite value; NaN when there is none."""


class Extremes(NamedTuple):
    """A series' first and last point, and its best."""

    first_wall_time: float
    """The earliest finite one; NaN where there is none."""
    last_wall_time: float
    """The latest finite one; NaN where there is none."""
    lowest: int
    """The row of the smallest value that is a number, the first of equals; -1 where there is none."""
    highest: int
    """The same of the largest."""


def extremes(points: Points) -> Extremes:
    """The extremes of one series; costs a few passes over its points."""
    times = points.wall_time[np.isfinite(points.wall_time)]
    first, last = (float(times.min()), float(times.max())) if len(times) else (math.nan, math.nan)
    rows = (_best(points.value, choose) for choose in (np.argmin, np.argmax))
    return Extremes(first, last, *rows)


def _best(values: Floats, choose: Callable[[Floats], np.intp]) -> int:
    row = int(choose(values)) if len(values) else -1
    if row < 0 or not np.isnan(values[row]):  # where there is a NaN, numpy chooses the first
        return row
    rows = np.flatnonzero(~np.isnan(values))
    return int(rows[choose(values[rows])]) if len(rows) else -1


def facts(series: Series) -> SeriesFacts:
    """The facts of one series; costs a pass over its points."""
    live = ~series.superseded
    steps, values = series.step[live], series.value[live]
    if not len(steps):
        return SeriesFacts(ordinal=series.ordinal)
    return _facts(len(steps), int(steps.min()), int(steps.max()), series.ordinal, _largest(values))


class LazyFacts(Mapping[str, SeriesFacts]):
    """The facts of a run's series, each worked out when it is first asked for: a mapping looks at few of many.

    Args:
        tags: the tags, as the keys of a dictionary.
        known: the facts that are known; takes the others.
        work_out: returns those of a tag.
    """

    __slots__ = ("_tags", "_work_out", "known")

    def __init__(
        self, tags: Mapping[str, object], known: dict[str, SeriesFacts], work_out: Callable[[str], SeriesFacts]
    ) -> None:
        self._tags = tags
        self._work_out = work_out
        self.known = known

    def __getitem__(self, tag: str) -> SeriesFacts:
        found = self.known.get(tag)
        if found is None:
            if tag not in self._tags:
                raise KeyError(tag)
            found = self.known[tag] = self._work_out(tag)
        return found

    def __contains__(self, tag: object) -> bool:
        return tag in self._tags

    def __iter__(self) -> Iterator[str]:
        return iter(self._tags)

    def __len__(self) -> int:
        return len(self._tags)


class GrowingFacts:
    """`facts` of a series that grows, for the price of the new points."""

    __slots__ = ("_known", "_largest")

    def __init__(self) -> None:
        self._known = 0
        self._largest = math.nan

    def update(self, live: Points, first: int, ordinal: bool) -> SeriesFacts:
        """Return the facts of the points that nothing supersedes, by step ascending.

        first: the first row that is new or changed since the last time.
        """
        start = self._known if first >= self._known else 0
        news = _largest(live.value[start:])
        self._largest = float(np.fmax(self._largest, news)) if start else news
        self._known = len(live.step)
        if not self._known:
            return SeriesFacts(ordinal=ordinal)
        return _facts(self._known, int(live.step[0]), int(live.step[-1]), ordinal, self._largest)


def _facts(points: int, first: int, last: int, ordinal: bool, largest: float) -> SeriesFacts:
    consecutive = points > 1 and last - first == points - 1
    return SeriesFacts(points, first, last, consecutive, ordinal, largest)


def _largest(values: Floats) -> float:
    if len(values) == 1:  # a point more: numpy's calls would take ten times as long
        only = float(values[0])
        return only if math.isfinite(only) else math.nan
    finite = values[np.isfinite(values)]
    return float(finite.max()) if len(finite) else math.nan

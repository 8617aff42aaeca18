"""The series of many runs at once, by array operations: of runs that no rule of restarts concerns.

A run of one file without a START, in which the steps of each tag rise, is its file's points, tag by tag: rules 1 to 5
of docs/promise.md change nothing. `ManySeries` finds these runs among many with a few array operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Bools, Float64, Floats, Int64, Points, Scalars, Series
from tbbridge.shape.facts import Extremes, SeriesFacts

_SORTED_QUICKLY = 1 << 16
"""numpy sorts numbers of 16 bits by radix, in time linear in their number."""


class Joined(NamedTuple):
    """The columns of many run logs, one after the other."""

    kept: list[int]
    """Which of those that were asked for these run logs are."""
    numbers: Int64
    """By run log (rows) and column, the series that feeds it."""
    bounds: Int64
    """The rows of run log i are ``[bounds[i], bounds[i + 1])``."""
    step: Int64
    values: list[Floats]
    """By column."""


class ManySeries:
    """The points of many files, file by file, within a file by tag, the tags sorted.

    Args:
        scalars: the points of all files, without one that is wider than float32.
        rows: those of file i are ``[rows[i], rows[i + 1])``.
        layout: by file: its tags are ``layouts[layout[i]]``.
        layouts: distinct lists of tags; each tag of a file has a point.

    Attributes:
        calm: by file: the steps of each of its tags rise, so that no rule concerns it if it is its run's only file.
    """

    def __init__(
        self, scalars: Scalars, rows: Int64, layout: NDArray[np.int32], layouts: Sequence[tuple[str, ...]]
    ) -> None:
        self._layout: list[int] = layout.tolist()
        self._tags = [tuple(sorted(names)) for names in layouts]
        first = np.cumsum([0, *map(len, layouts)])
        rank = np.concatenate([np.empty(0, np.int64), *(np.argsort(np.argsort(names)) for names in layouts if names)])
        self._first = np.concatenate([[0], np.cumsum(np.diff(first)[layout])])
        count = int(self._first[-1])
        kind = np.uint16 if count <= _SORTED_QUICKLY else np.int64
        if len(layout) == 1:
            series = rank.astype(kind)[scalars.tag]
        else:
            file = np.repeat(np.arange(len(layout), dtype=np.int32), np.diff(rows))
            series = (self._first[file] + rank[first[layout[file]] + scalars.tag]).astype(kind, copy=False)
        order = np.argsort(series, kind="stable")
        self._bounds = np.concatenate([[0], np.cumsum(np.bincount(series, minlength=count))])
        self._points = Points(scalars.step[order], scalars.wall_time[order], scalars.value[order])
        self.calm = self._without_falls(rows)
        self._superseded = np.zeros(np.diff(self._bounds).max(initial=0), bool)
        self._superseded.flags.writeable = False
        self._places: dict[int, dict[str, int]] = {}

    def _without_falls(self, rows: Int64) -> Bools:
        step = self._points.step
        falls = step[1:] <= step[:-1]
        falls[self._bounds[1:-1] - 1] = False  # from one series to the next
        calm = np.ones(len(self._layout), bool)
        calm[np.searchsorted(rows, np.flatnonzero(falls), side="right") - 1] = False
        return calm

    def series(self, i: int) -> dict[str, Series]:
        """Return the series of the calm file number `i` by tag, the tags sorted; views of the points of all."""
        return {tag: Series(*points, self._superseded[: len(points.step)]) for tag, points in self.points(i).items()}

    def tags(self, i: int) -> tuple[str, ...]:
        """Return the tags of file number `i`, sorted."""
        return self._tags[self._layout[i]]

    def points(self, i: int) -> dict[str, Points]:
        """Return the points of the calm file number `i` by tag, the tags sorted; views of the points of all."""
        first = self._first[i]
        return {tag: self.cut(first + place) for place, tag in enumerate(self.tags(i))}

    def points_of(self, i: int, tag: str) -> Points:
        """Return the points of one tag of the calm file number `i`; views of the points of all."""
        return self.cut(self.number(i, tag))

    def cut(self, number: int) -> Points:
        """Return the points of one series, by its number; views of the points of all."""
        start, end = self._bounds[number : number + 2].tolist()
        step, wall_time, value = self._points
        return Points(step[start:end], wall_time[start:end], value[start:end])

    def extremes(self, i: int, tag: str, points: Points) -> Extremes | None:
        """Return the extremes of one tag of the calm file number `i`; None where `points` are not its own, all of them.

        They are found for all series at once, when the first is asked for.
        """
        number = self.number(i, tag)
        size = self._bounds[number + 1] - self._bounds[number]
        if points.value.base is not self._points.value or len(points.value) != size:
            return None
        return Extremes(*(column[number].item() for column in self.all_extremes))

    @cached_property
    def all_extremes(self) -> tuple[Float64, Float64, Int64, Int64]:
        """The extremes of all series: the columns of `Extremes`, by number."""
        return _extremes(self._points, self._bounds)

    def number(self, i: int, tag: str) -> int:
        """Return the number of the series of a file's tag."""
        layout = self._layout[i]
        if layout not in self._places:
            self._places[layout] = {name: place for place, name in enumerate(self._tags[layout])}
        return int(self._first[i]) + self._places[layout][tag]

    def sizes(self, numbers: Int64) -> Int64:
        """Return how many points the series with these numbers have."""
        size: Int64 = self._bounds[numbers + 1] - self._bounds[numbers]
        return size

    def joined(self, numbers: Int64) -> Joined:
        """Return the columns of those of many calm run logs whose series have the same steps.

        Args:
            numbers: by run log (rows) and column, the series that feeds it.
        """
        kept = np.arange(len(numbers))
        alike = (self.sizes(numbers) == self.sizes(numbers[:, :1])).all(axis=1)
        while True:
            kept, numbers = kept[alike], numbers[alike]
            size = self.sizes(numbers[:, 0])
            bounds = np.concatenate([[0], np.cumsum(size)])
            at = np.repeat(self._bounds[numbers].T - bounds[:-1], size, axis=1) + np.arange(bounds[-1])
            steps = self._points.step[at]
            differs = (steps[1:] != steps[0]).any(axis=0)
            if not differs.any():
                return Joined(kept.tolist(), numbers, bounds, steps[0], list(self._points.value[at]))
            alike = ~np.logical_or.reduceat(differs, bounds[:-1])

    def facts(self) -> list[dict[str, SeriesFacts]]:
        """Return the facts of the series of every file, by tag; right where the file is calm."""
        known = _facts(self._points.step, self._points.value, self._bounds)
        bounds = self._first.tolist()
        return [
            dict(zip(self._tags[layout], known[first:end], strict=True))
            for layout, first, end in zip(self._layout, bounds, bounds[1:], strict=False)
        ]


def _facts(step: Int64, value: Floats, bounds: Int64) -> list[SeriesFacts]:
    """The facts of the series ``[bounds[i], bounds[i + 1])``, each with a point and with rising steps."""
    start, points = bounds[:-1], np.diff(bounds)
    if not len(start):
        return []
    first, last = step[start], step[bounds[1:] - 1]
    largest = np.maximum.reduceat(np.where(np.isfinite(value), value, -np.inf), start)
    largest[largest == -np.inf] = np.nan
    consecutive = (points > 1) & (last - first == points - 1)
    columns = (points, first, last, consecutive, np.zeros(len(start), bool), largest)
    return list(map(SeriesFacts, *(column.tolist() for column in columns)))


def _extremes(points: Points, bounds: Int64) -> tuple[Float64, Float64, Int64, Int64]:
    """The `extremes` of the series ``[bounds[i], bounds[i + 1])``, each with a point."""
    if len(bounds) < 2:
        return np.empty(0), np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64)
    finite = np.isfinite(points.wall_time)
    first = np.minimum.reduceat(np.where(finite, points.wall_time, np.inf), bounds[:-1])
    last = np.maximum.reduceat(np.where(finite, points.wall_time, -np.inf), bounds[:-1])
    first[np.isinf(first)] = last[np.isinf(last)] = np.nan
    number = ~np.isnan(points.value)
    lowest = _rows(np.minimum.reduceat(np.where(number, points.value, np.inf), bounds[:-1]), points.value, bounds)
    highest = _rows(np.maximum.reduceat(np.where(number, points.value, -np.inf), bounds[:-1]), points.value, bounds)
    return first, last, lowest, highest


def _rows(wanted: Floats, value: Floats, bounds: Int64) -> Int64:
    """In each series ``[bounds[i], bounds[i + 1])`` the first row with the wanted value; -1 where there is none."""
    found = np.append(np.flatnonzero(value == np.repeat(wanted, np.diff(bounds))), len(value))
    first = found[np.searchsorted(found, bounds[:-1])]
    return np.where(first < bounds[1:], first - bounds[:-1], -1)

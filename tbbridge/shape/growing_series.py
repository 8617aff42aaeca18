"""One tag's points as they come: what is there, and what of it is live.

    track = Track(series)
    track.put(step, wall_time, value)      # behind the others; of each step, the last one is live
    track.cut(500)                         # a restart: the live points with a step >= 500 are superseded
    track.tell_apart([300, 20])            # the first 300 points are of part 0, the other 20 of part 1
    track.put(step, wall_time, value, 0)   # behind the other points of part 0
    points = track.live                    # == series.live(track.series)

Every move costs the news and the points that they displace (and, where some are displaced, a copy of the live columns).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.growing_column import GrowingColumn, Shelf, in_memory
from tbbridge.core.model import Bools, Float64, Floats, Int64, Points, Series


@dataclass(slots=True)
class _Live:
    step: GrowingColumn
    wall_time: GrowingColumn
    value: GrowingColumn
    place: GrowingColumn
    """Where the point is among those that came."""

    def cut(self, length: int) -> None:
        for column in (self.step, self.wall_time, self.value, self.place):
            column.cut(length)


class Track:
    """One tag: its points as they came, and those of them that are live, by step.

    shelf: where old points rest; see `GrowingColumn`.
    """

    __slots__ = ("_live", "_part", "_shelf", "ordinal", "step", "value", "wall_time")

    def __init__(self, series: Series, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self.step = GrowingColumn(series.step, shelf)
        self.wall_time = GrowingColumn(series.wall_time, shelf)
        self.value = GrowingColumn(series.value, shelf)
        self.ordinal = series.ordinal
        self._part: GrowingColumn | None = None
        self._live: _Live | None = None
        if series.superseded.any() or not _ascends(series.step):
            self._set_apart(np.flatnonzero(~series.superseded))

    @classmethod
    def empty(cls, kind: type[np.floating[Any]], shelf: Shelf | None = None) -> Track:
        """A track without points whose values will be of this dtype."""
        return cls(Series(np.empty(0, np.int64), np.empty(0), np.empty(0, kind), np.empty(0, bool)), shelf)

    @property
    def series(self) -> Series:
        """All points in canonical order, part by part; arrays that never change."""
        step, wall_time, value = (in_memory(column.view) for column in self._columns())
        superseded = self.superseded
        if self._part is not None:
            order = np.argsort(in_memory(self._part.view), kind="stable")
            step, wall_time, value, superseded = step[order], wall_time[order], value[order], superseded[order]
        return Series(step, wall_time, value, superseded, self.ordinal)

    @property
    def superseded(self) -> Bools:
        """Which of the points, as they came, something supersedes."""
        flags = np.full(len(self.step), self._live is not None)
        if self._live is not None:
            flags[in_memory(self._live.place.view)] = False
        return flags

    @property
    def live(self) -> Points:
        """The points that nothing supersedes, by step ascending; views that never change."""
        if self._live is None:
            return Points(self.step.view, self.wall_time.view, self.value.view)
        return Points(self._live.step.view, self._live.wall_time.view, self._live.value.view)

    def tell_apart(self, parts: Sequence[int]) -> None:
        """From now on points may come out of canonical order. parts: how many of those that came are of each part."""
        if self._part is None:
            self._part = GrowingColumn(np.repeat(np.arange(len(parts), dtype=np.int32), parts), self._shelf)

    def cut(self, step: int) -> bool:
        """Supersede the live points from a step on; returns whether there were any."""
        steps = self.live.step
        keep = int(steps.searchsorted(step))
        if keep == len(steps):
            return False
        self._apart().cut(keep)
        return True

    def put(self, step: Int64, wall_time: Float64, value: Floats, part: int = 0) -> None:
        """Append points to a part (of parts that were not told apart, the last); of each step, the last one is live."""
        plain = _ascends(np.concatenate([self.live.step[-1:], step]))
        live = self._live if plain else self._apart()
        place = np.arange(len(self.step), len(self.step) + len(step))
        for column, news in zip(self._columns(), (step, wall_time, value), strict=True):
            column.extend(news)
        if self._part is not None:
            self._part.extend(np.full(len(step), part, np.int32))
        if live is not None:
            self._insert(live, place, plain)

    def _columns(self) -> tuple[GrowingColumn, GrowingColumn, GrowingColumn]:
        return self.step, self.wall_time, self.value

    def _apart(self) -> _Live:
        """The live points in columns of their own; until the first exception they are the series' own."""
        return self._live or self._set_apart(np.arange(len(self.step)))

    def _set_apart(self, place: NDArray[np.int64]) -> _Live:
        place = place[np.argsort(self.step.view[place], kind="stable")]
        step, wall_time, value = (GrowingColumn(column.view[place], self._shelf) for column in self._columns())
        self._live = _Live(step, wall_time, value, GrowingColumn(place, self._shelf))
        return self._live

    def _insert(self, live: _Live, place: NDArray[np.int64], plain: bool) -> None:
        if not plain:
            keep = int(live.step.view.searchsorted(self.step.view[place].min()))
            place = self._canonical(np.concatenate([live.place.view[keep:], place]))
            steps = self.step.view[place]
            order = np.argsort(steps, kind="stable")
            place, steps = place[order], steps[order]
            place = place[np.append(steps[1:] != steps[:-1], True)]
            live.cut(keep)
        for column, source in zip((live.step, live.wall_time, live.value), self._columns(), strict=True):
            column.extend(source.view[place])
        live.place.extend(place)

    def _canonical(self, place: NDArray[np.int64]) -> NDArray[np.int64]:
        """These points in canonical order."""
        if self._part is None:
            return np.sort(place)
        return place[np.lexsort((place, self._part.view[place]))]


def _ascends(step: Int64) -> bool:
    return bool((step[1:] > step[:-1]).all())

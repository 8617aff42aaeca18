"""One tag's points while they come at the end: what is there, and what of it is live.

    track = Track(series)
    track.put(step, wall_time, value)      # behind the others in canonical order; of each step, the last one is live
    track.cut(500)                         # a restart: the live points with a step >= 500 are superseded
    points = track.live                    # == series.live(track.series)

Both moves cost the news and the points that they displace (and, where some are displaced, a copy of the flags).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.model import Float64, Floats, Int64, Points, Series
from tbbridge.shape.growing import GrowingColumn


@dataclass(slots=True)
class _Live:
    step: GrowingColumn
    wall_time: GrowingColumn
    value: GrowingColumn
    place: GrowingColumn
    """Where the point is in the series."""

    def cut(self, length: int) -> None:
        for column in (self.step, self.wall_time, self.value, self.place):
            column.cut(length)


class Track:
    """One tag: its points in canonical order, and those of them that are live, by step."""

    __slots__ = ("_live", "ordinal", "step", "superseded", "value", "wall_time")

    def __init__(self, series: Series) -> None:
        self.step = GrowingColumn(series.step)
        self.wall_time = GrowingColumn(series.wall_time)
        self.value = GrowingColumn(series.value)
        self.superseded = GrowingColumn(series.superseded)
        self.ordinal = series.ordinal
        self._live: _Live | None = None
        if series.superseded.any() or not _ascends(series.step):
            self._part()

    @classmethod
    def empty(cls, kind: type[np.floating[Any]]) -> Track:
        """A track without points whose values will be of this dtype."""
        return cls(Series(np.empty(0, np.int64), np.empty(0), np.empty(0, kind), np.empty(0, bool)))

    @property
    def series(self) -> Series:
        """All points; views that never change."""
        return Series(self.step.view, self.wall_time.view, self.value.view, self.superseded.view, self.ordinal)

    @property
    def live(self) -> Points:
        """The points that nothing supersedes, by step ascending; views that never change."""
        if self._live is None:
            return Points(self.step.view, self.wall_time.view, self.value.view)
        return Points(self._live.step.view, self._live.wall_time.view, self._live.value.view)

    def _part(self) -> _Live:
        """Give the live points columns of their own; until the first exception they are the series' own."""
        if self._live is None:
            place = np.flatnonzero(~self.superseded.view)
            place = place[np.argsort(self.step.view[place], kind="stable")]
            step, wall_time, value = (GrowingColumn(column.view[place]) for column in self._columns())
            self._live = _Live(step, wall_time, value, GrowingColumn(place))
        return self._live

    def _columns(self) -> tuple[GrowingColumn, GrowingColumn, GrowingColumn]:
        return self.step, self.wall_time, self.value

    def cut(self, step: int) -> bool:
        """Supersede the live points from a step on; returns whether there were any."""
        steps = self.live.step
        keep = int(np.searchsorted(steps, step))
        if keep == len(steps):
            return False
        live = self._part()
        self._supersede(live.place.view[keep:])
        live.cut(keep)
        return True

    def put(self, step: Int64, wall_time: Float64, value: Floats) -> None:
        """Append points; of each step, the last one is live."""
        plain = _ascends(np.concatenate([self.live.step[-1:], step]))
        if not plain:
            self._part()
        place = np.arange(len(self.step), len(self.step) + len(step))
        for column, news in zip(self._columns(), (step, wall_time, value), strict=True):
            column.extend(news)
        self.superseded.extend(np.zeros(len(step), bool))
        if self._live is not None:
            self._insert(self._live, place, plain)

    def _insert(self, live: _Live, place: NDArray[np.int64], plain: bool) -> None:
        if not plain:
            steps = self.step.view
            keep = int(np.searchsorted(live.step.view, steps[place].min()))
            place = np.concatenate([live.place.view[keep:], place])
            place = place[np.argsort(steps[place], kind="stable")]
            loses = np.append(steps[place[1:]] == steps[place[:-1]], False)
            self._supersede(place[loses])
            live.cut(keep)
            place = place[~loses]
        for column, source in zip((live.step, live.wall_time, live.value), self._columns(), strict=True):
            column.extend(source.view[place])
        live.place.extend(place)

    def _supersede(self, place: NDArray[np.int64]) -> None:
        flags = self.superseded.view.copy()
        flags[place] = True
        self.superseded.replace(flags)


def _ascends(step: Int64) -> bool:
    return bool((step[1:] > step[:-1]).all())

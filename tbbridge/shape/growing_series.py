"""The points of one tag that count, as they come; each is kept once.

    series = GrowingSeries(live, points=len(live.step), largest=int(live.step[-1]))
    first = series.put(news)      # of each step, the last point counts; returns the first row that changed
    points = series.live          # by step ascending, each step once

A point that another one supersedes is not kept: nothing but another reading of the files can bring it back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.growing_column import GrowingColumn
from tbbridge.core.model import Int64, Points


class GrowingSeries:
    """The points of one tag that nothing supersedes, in columns that grow.

    Args:
        live: the points, by step ascending.
        points: how many came, the superseded ones among them.
        largest: the largest step of all that came.
        ordinal: whether the writer passed no step, so that the steps are ordinals.
        restarted: how many of the points a restart superseded.
        parts: where several files write the tag at once, which of them each point is from, in canonical order.

    Attributes:
        live: the points that count, by step ascending, each step once; views that never change, replaced whole.
        points: how many points came.
        largest: the largest step of all that came.
        ordinal: whether the steps are ordinals.
        restarted: how many points a restart superseded; all others gave way to a later value of their step.
    """

    __slots__ = ("_columns", "_parts", "largest", "live", "ordinal", "points", "restarted")

    def __init__(
        self,
        live: Points,
        *,
        points: int,
        largest: int = 0,
        ordinal: bool = False,
        restarted: int = 0,
        parts: NDArray[np.int32] | None = None,
    ) -> None:
        self._columns = tuple(GrowingColumn(column) for column in live)
        self.live = live
        self._parts = None if parts is None else GrowingColumn(parts)
        self.points = points
        self.largest = largest
        self.ordinal = ordinal
        self.restarted = restarted

    @property
    def superseded(self) -> int:
        """The number of superseded points."""
        return self.points - len(self._columns[0])

    @property
    def shared(self) -> bool:
        """Whether points of any file that writes the tag can be put in."""
        return self._parts is not None

    def append(self, news: Points) -> int:
        """Take in points behind all others, by step ascending; returns the first row that is new."""
        first = len(self._columns[0])
        for column, values in zip(self._columns, news, strict=True):
            column.extend(values)
        self.points += len(news.step)
        self.largest = max(self.largest, int(news.step[-1]))
        self.live = Points(*(column.view for column in self._columns))
        return first

    def put(self, news: Points, part: int = 0) -> int:
        """Take in points of one file, behind its others; returns the first row that is new or changed."""
        steps = self._columns[0]
        largest = int(news.step.max())
        self.largest = max(self.largest, largest) if self.points else largest
        self.points += len(news.step)
        if ascends(np.concatenate([steps.view[-1:], news.step])):
            first = len(steps)
        else:
            first = int(steps.view.searchsorted(news.step.min()))
        columns: tuple[NDArray[Any], ...] = news
        parts = np.full(len(news.step), part, np.int32)
        if first < len(steps):
            before = Points(*(column.view[first:] for column in self._columns))
            columns = tuple(map(np.concatenate, zip(before, news, strict=True)))
            known = self._parts.view[first:] if self._parts is not None else np.zeros(len(before.step), np.int32)
            parts = np.concatenate([known, parts])
        if first < len(steps) or not ascends(news.step):
            order = np.lexsort((parts, columns[0]))
            last = np.append(np.diff(columns[0][order]) != 0, True)
            order = order[last]
            columns, parts = tuple(column[order] for column in columns), parts[order]
        for column, values in zip(self._columns, columns, strict=True):
            column.cut(first)
            column.extend(values)
        if self._parts is not None:
            self._parts.cut(first)
            self._parts.extend(parts)
        self.live = Points(*(column.view for column in self._columns))
        return first


def ascends(step: Int64) -> bool:
    """Whether each step is larger than the one before it."""
    return bool((step[1:] > step[:-1]).all())

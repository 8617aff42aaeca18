"""The scalars of one event file as columns that grow, as compact as the writer's own values."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tbbridge.core.growing_column import GrowingColumn, Shelf, in_memory
from tbbridge.core.model import Float64, Int64, Scalars


class Columns:
    """The scalars of one event file: tag, step and wall time, and the value as float32 until one needs float64.

    shelf: where old rows rest; see `GrowingColumn`
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._taken = 0
        self._begin(np.float32)

    def _begin(self, kind: DTypeLike) -> None:
        self._tag = GrowingColumn(np.int32, self._shelf)
        self._step = GrowingColumn(np.int64, self._shelf)
        self._wall_time = GrowingColumn(np.float64, self._shelf)
        self._value = GrowingColumn(kind, self._shelf)

    @property
    def rows(self) -> int:
        """How many there were, those that were taken among them."""
        return self._taken + len(self._value)

    def room(self, rows: int, expected: int = 0) -> tuple[NDArray[np.int32], Int64, Float64]:
        """Places for at least `rows` more (tag, step, wall time), to be filled and then kept by `commit`.

        Where there are too few, `expected` rows in all are made room for at once; untouched, they take no memory.
        """
        expected -= self._taken
        self._value.room(rows, expected)
        tag, step, wall_time = (column.room(rows, expected) for column in (self._tag, self._step, self._wall_time))
        return tag, step, wall_time

    def commit(self, ids: NDArray[np.int32], value: Float64, wide: bool) -> None:
        """Keep the next ``len(value)`` rows; `ids` gives for each local tag its number in the file."""
        if wide and self._value.dtype == np.float32:
            self._value = GrowingColumn(in_memory(self._value.view).astype(np.float64), self._shelf)
        rows = len(value)
        tag = self._tag.room(rows)
        tag[:rows] = ids[tag[:rows]]
        for column in (self._tag, self._step, self._wall_time):
            column.keep(rows)
        self._value.extend(value)

    def take(self) -> Scalars:
        """What has been kept since the last time; here it is forgotten."""
        taken = self.scalars()
        self._taken = self.rows
        self._begin(self._value.dtype)
        return taken

    def scalars(self) -> Scalars:
        """What has been kept and not taken, as views."""
        return Scalars(self._tag.view, self._step.view, self._wall_time.view, self._value.view)

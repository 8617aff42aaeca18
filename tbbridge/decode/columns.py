"""Columns that grow at their end, as compact as the writer's own values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.model import Float64, Floats, Int64, Scalars

_GROWTH = 1.25
"""Bounds what growing wastes: a quarter of the columns."""


class Columns:
    """The scalars of one event file: tag, step and wall time, and the value as float32 until one needs float64."""

    def __init__(self) -> None:
        self.rows = 0
        self._tag: NDArray[np.int32] = np.zeros(0, np.int32)
        self._step: Int64 = np.zeros(0, np.int64)
        self._wall_time: Float64 = np.zeros(0, np.float64)
        self._value: Floats = np.zeros(0, np.float32)

    def room(self, rows: int, expected: int = 0) -> tuple[NDArray[np.int32], Int64, Float64]:
        """Places for at least `rows` more (tag, step, wall time), to be filled and then kept by `commit`.

        Where there are too few, `expected` rows in all are made room for at once; untouched, they take no memory.
        """
        if len(self._tag) - self.rows < rows:
            capacity = max(self.rows + rows, int(len(self._tag) * _GROWTH), expected)
            self._tag = _grown(self._tag, self.rows, capacity)
            self._step = _grown(self._step, self.rows, capacity)
            self._wall_time = _grown(self._wall_time, self.rows, capacity)
            self._value = _grown(self._value, self.rows, capacity)
        return self._tag[self.rows :], self._step[self.rows :], self._wall_time[self.rows :]

    def commit(self, ids: NDArray[np.int32], value: Float64, wide: bool) -> None:
        """Keep the next ``len(value)`` rows; `ids` gives for each local tag its number in the file."""
        if wide and self._value.dtype == np.float32:
            self._value = _grown(self._value, self.rows, len(self._value), np.float64)
        new = slice(self.rows, self.rows + len(value))
        self._tag[new] = ids[self._tag[new]]
        self._value[new] = value
        self.rows = new.stop

    def scalars(self) -> Scalars:
        """What has been kept, as views."""
        n = self.rows
        return Scalars(self._tag[:n], self._step[:n], self._wall_time[:n], self._value[:n])


def _grown(
    column: NDArray[Any], rows: int, capacity: int, dtype: type[np.generic] | np.dtype[Any] | None = None
) -> NDArray[Any]:
    """A copy with more capacity; only the first `rows` are copied, since beyond them there is nothing yet."""
    grown: NDArray[Any] = np.empty(capacity, dtype or column.dtype)
    grown[:rows] = column[:rows]
    return grown

"""The scalars of one event file, in columns as compact as the writer's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.growing_column import GrowingColumn
from tbbridge.core.model import Float64, Int64, Scalars
from tbbridge.decode import backend

Room: TypeAlias = "tuple[NDArray[np.int32], Int64, Float64, Float64]"
"""Places for a scan's rows: tag, step, wall time and value."""


class Columns:
    """The scalars of one event file: tag, step and wall time, and the value as float32 until one needs float64.

    Attributes:
        taken: how many rows were taken, and are not kept here any more.
    """

    def __init__(self) -> None:
        self.taken = 0
        self._digest: tuple[int, ...] = (0, 0, 0, 0)
        self._tag = GrowingColumn(np.int32)
        self._step = GrowingColumn(np.int64)
        self._wall_time = GrowingColumn(np.float64)
        self._value = GrowingColumn(np.float32)

    @property
    def rows(self) -> int:
        """The number of rows, those that were taken among them."""
        return self.taken + len(self._value)

    def room(self, rows: int, expected: int = 0) -> Room:
        """Places for at least `rows` more, to be filled and then kept by `commit`.

        Where there are too few, `expected` rows in all are made room for at once; untouched, they take no memory.
        """
        expected -= self.taken
        self._value.room(rows, expected)
        tag, step, wall_time = (column.room(rows, expected) for column in (self._tag, self._step, self._wall_time))
        return tag, step, wall_time, np.empty(rows)

    def commit(self, ids: Sequence[int], value: Float64, wide: bool) -> None:
        """Keep the next ``len(value)`` rows; `ids` holds the number in the file of each local tag."""
        if wide and self._value.dtype == np.float32:
            self._value = GrowingColumn(self._value.view.astype(np.float64))
        rows = len(value)
        tag = self._tag.room(rows)
        tag[:rows] = np.array(ids, np.int32)[tag[:rows]]
        for column in (self._tag, self._step, self._wall_time):
            column.keep(rows)
        self._value.extend(value)

    def take(self) -> Scalars:
        """Return the rows since the last time, and keep them no longer."""
        taken = self.scalars()
        self._digest = self.digest
        self.taken = self.rows
        for column in (self._tag, self._step, self._wall_time, self._value):
            column.drop()
        return taken

    @property
    def digest(self) -> tuple[int, ...]:
        """The CRC-32C of each column, over all rows; values as float64, in which they may be held one day."""
        columns = (self._tag.view, self._step.view, self._wall_time.view, self._value.view.astype(np.float64))
        return tuple(
            backend.crc32c(column.view(np.uint8).data, before) if len(column) else before
            for column, before in zip(columns, self._digest, strict=True)
        )

    def scalars(self) -> Scalars:
        """The rows that are kept and were not taken, as views."""
        return Scalars(self._tag.view, self._step.view, self._wall_time.view, self._value.view)

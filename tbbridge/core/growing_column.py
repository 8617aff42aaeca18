"""Columns that grow at their end, and whose earlier views stay as they are.

column = GrowingColumn(np.int64)
column.extend(news)
before = column.view                    # costs nothing, and never changes
column.cut(3)                           # the next extend copies the rest, because `before` may still be read
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tbbridge.core.model import Points, Scalars

NO_SCALARS = Scalars(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32))
"""Of a file whose points are not kept."""

_SMALL = 256
"""Places that are kept for further values; more are let go of with the values."""


class GrowingColumn:
    """A numpy column with room at its end: extending costs the new values (amortised), a view costs nothing.

    Args:
        values: the first values, or the dtype.
    """

    __slots__ = ("_buffer", "_length", "_start", "_written")

    freed = 0
    """Bytes of buffers that columns let go of since this was set to 0; the C library keeps what lies between others."""

    def __init__(self, values: NDArray[Any] | DTypeLike) -> None:
        self._buffer: NDArray[Any] = values if isinstance(values, np.ndarray) else np.empty(0, values)
        self._start = 0
        self._length = self._written = len(self._buffer)

    def __len__(self) -> int:
        return self._length - self._start

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self._buffer.dtype

    @property
    def view(self) -> NDArray[Any]:
        """The column now."""
        return self._buffer[self._start : self._length]

    def extend(self, values: NDArray[Any]) -> None:
        """Append values (converted to the column's dtype)."""
        self.room(len(values))[: len(values)] = values
        self.keep(len(values))

    def room(self, count: int, expected: int = 0) -> NDArray[Any]:
        """Return at least `count` places behind the end, to be filled and then kept by `keep`.

        Where there are too few, room for `expected` values in all is made at once; untouched, it takes no memory.
        """
        if self._length + count > len(self._buffer) or self._length < self._written:
            length = self._length - self._start
            room: NDArray[Any] = np.empty(max(length + count, 16, length + (length >> 2), expected), self.dtype)
            room[:length] = self.view
            GrowingColumn.freed += self._buffer.nbytes
            self._buffer, self._start, self._length, self._written = room, 0, length, length
        return self._buffer[self._length :]

    def keep(self, count: int) -> None:
        """Make values of the first `count` places that `room` returned."""
        self._length = self._written = self._length + count

    def cut(self, length: int) -> None:
        """Keep the first `length` values."""
        self._length = self._start + length

    def drop(self) -> None:
        """Keep no value; views of them stay. What room there is serves further values, unless it is large."""
        self._start = self._length
        if len(self._buffer) > _SMALL:
            GrowingColumn.freed += self._buffer.nbytes
            self._buffer, self._start, self._length, self._written = self._buffer[:0].copy(), 0, 0, 0


def common_prefix(old: Points, new: Points) -> int:
    """Return how many points at the start are the same in both, bit for bit and in the same dtype."""
    return min(_common_start(a, b) for a, b in zip(old, new, strict=True))


def _common_start(old: NDArray[Any], new: NDArray[Any]) -> int:
    length = min(len(old), len(new))
    if not length or old.dtype != new.dtype:
        return 0
    bits = np.dtype(f"i{old.dtype.itemsize}")
    differs = old[:length].view(bits) != new[:length].view(bits)
    return int(differs.argmax()) if differs.any() else length

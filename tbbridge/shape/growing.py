"""Columns that grow at their end, and whose earlier views stay as they are.

column = GrowingColumn(np.int64)
column.extend(news)
before = column.view          # costs nothing, and never changes
column.cut(3)                 # the next extend copies what is left, because `before` may still be looked at
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tbbridge.model import Points


class GrowingColumn:
    """A numpy column with room at its end: extending costs the news (amortised), a view costs nothing."""

    __slots__ = ("_buffer", "_length", "_written")

    def __init__(self, values: NDArray[Any] | DTypeLike) -> None:
        self._buffer: NDArray[Any] = values if isinstance(values, np.ndarray) else np.empty(0, values)
        self._length = self._written = len(self._buffer)

    def __len__(self) -> int:
        return self._length

    @property
    def view(self) -> NDArray[Any]:
        """The column now."""
        return self._buffer[: self._length]

    def extend(self, values: NDArray[Any]) -> None:
        """Append values (converted to the column's dtype)."""
        end = self._length + len(values)
        if end > len(self._buffer) or self._length < self._written:
            room = np.empty(max(end + (end >> 2), 16), self._buffer.dtype)
            room[: self._length] = self.view
            self._buffer = room
        self._buffer[self._length : end] = values
        self._length = self._written = end

    def cut(self, length: int) -> None:
        """Keep the first `length` values."""
        self._length = length


def common_prefix(old: Points, new: Points) -> int:
    """How many points at the start are the same in both, bit for bit and in the same dtype.

    Costs nothing where `new` is a later view of the same growing columns, else one comparison. So a follower's every
    look costs the news, and the arrays must not be written to after they were handed over.
    """
    return min(common_start(a, b) for a, b in zip(old, new, strict=True))


def common_start(old: NDArray[Any], new: NDArray[Any]) -> int:
    """`common_prefix` of two columns."""
    length = min(len(old), len(new))
    if not length or old.dtype != new.dtype:
        return 0
    if _address(old) == _address(new):
        return length
    bits = np.dtype(f"i{old.dtype.itemsize}")
    differs = old[:length].view(bits) != new[:length].view(bits)
    first = int(differs.argmax())
    return first if differs[first] else length


def _address(values: NDArray[Any]) -> tuple[int, tuple[int, ...]]:
    return values.__array_interface__["data"][0], values.strides

"""Columns that grow at their end, and whose earlier views stay as they are; what is old of them rests on a shelf.

column = GrowingColumn(np.int64)
column.extend(news)
before = column.view                    # costs nothing, and never changes
column.cut(3)                           # the next extend copies what is left, because `before` may still be looked at

column = GrowingColumn(np.int64, shelf) # keeps the newest values in memory only; its views are then `Shelved`
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import DTypeLike, NDArray

from tbbridge.core.model import Points

if TYPE_CHECKING:
    Blocks = array[int]

_RESTLESS = 3
"""From so many blocks in memory on, all but the newest one or two go to the shelf."""


class Shelf(Protocol):
    """Where bytes rest that are seldom looked at, in blocks; any thread may ask."""

    block: int
    """Bytes of a block; a multiple of 8."""

    def put(self, data: memoryview) -> Blocks | None:
        """Keep whole blocks; returns their numbers, or None when they cannot be kept now."""

    def get(self, blocks: Blocks, into: memoryview) -> None:
        """Copy the bytes of these blocks."""

    def free(self, blocks: Blocks) -> None:
        """These blocks are not needed any more."""


class _Rest:
    """The first values of a column, on a shelf for as long as anybody holds this."""

    __slots__ = ("_blocks", "_each", "_shelf", "dtype")

    def __init__(self, shelf: Shelf, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._shelf = shelf
        self._each = shelf.block // dtype.itemsize
        self._blocks: Blocks = array("I")

    def __len__(self) -> int:
        return len(self._blocks) * self._each

    def __del__(self) -> None:
        self._shelf.free(self._blocks)

    def append(self, values: NDArray[Any]) -> bool:
        """Take whole blocks of values; returns whether the shelf did."""
        blocks = self._shelf.put(np.ascontiguousarray(values).data.cast("B"))
        if blocks is not None:
            self._blocks.extend(blocks)
        return blocks is not None

    def read(self, start: int, stop: int, recent: NDArray[Any] | None = None) -> NDArray[Any]:
        """The values ``[start, stop)``, and behind them (`stop` is the end of a block then) those of `recent`."""
        first, last = start // self._each, -(-stop // self._each)
        more = 0 if recent is None else len(recent)
        values: NDArray[Any] = np.empty((last - first) * self._each + more, self.dtype)
        resting = len(values) - more
        if recent is not None:
            values[resting:] = recent
        self._shelf.get(self._blocks[first:last], values[:resting].data.cast("B"))
        return values[start - first * self._each : stop + more - first * self._each]


class Shelved(NDArrayOperatorsMixin):
    """A view of a column of which only the end is in memory; it never changes, and stands for the array.

    What numpy can do with an array it can do with this, at the price of reading what it needs. Slices are arrays.
    """

    __slots__ = ("_recent", "_rest", "_resting")

    def __init__(self, rest: _Rest, resting: int, recent: NDArray[Any]) -> None:
        self._rest = rest
        self._resting = resting
        self._recent = recent

    def __len__(self) -> int:
        return self._resting + len(self._recent)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self._rest.dtype

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            start, stop, stride = key.indices(len(self))
            if stride == 1:
                return self._between(start, max(start, stop))
        elif isinstance(key, int | np.integer):
            at = range(len(self))[key]
            return self._between(at, at + 1)[0]
        elif isinstance(key, np.ndarray) and key.dtype.kind == "i" and key.size and key.min() >= 0:
            start = int(key.min())
            return self._between(start, int(key.max()) + 1)[key - start]
        return self._whole()[key]

    def searchsorted(self, values: Any, side: Any = "left", sorter: Any = None) -> Any:
        """As of the array, which ascends; what belongs behind the values at rest costs no reading."""
        if sorter is None and len(self._recent) and np.all(np.asarray(values) > self._recent[0]):
            return self._resting + self._recent.searchsorted(values, side)
        return self._whole().searchsorted(values, side, sorter)

    def alike(self, other: Shelved) -> int:
        """How many values at the start are the same ones at rest."""
        return min(self._resting, other._resting) if self._rest is other._rest else 0

    def _whole(self) -> NDArray[Any]:
        return self._between(0, len(self))

    def _between(self, start: int, stop: int) -> NDArray[Any]:
        resting = self._resting
        if start >= resting:
            return self._recent[start - resting : stop - resting]
        recent = self._recent[: stop - resting] if stop > resting else None
        return self._rest.read(start, min(stop, resting), recent)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a column that rests on a shelf cannot be an array without a copy")
        return self._whole().astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*(in_memory(one) for one in inputs), **options)

    def __iter__(self) -> Any:
        return iter(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())

    def __reduce__(self) -> Any:
        return np.array, (self._whole(),)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._whole(), name)


def in_memory(values: Any) -> Any:
    """A column's view as an array; anything else as it is."""
    return values._whole() if isinstance(values, Shelved) else values


class GrowingColumn:
    """A numpy column with room at its end: extending costs the news (amortised), a view costs nothing.

    Args:
        values: the first values, or the dtype.
        shelf: where old values rest; all stay in memory when None, or for as long as the shelf takes nothing.
    """

    __slots__ = ("_buffer", "_length", "_rest", "_shelf", "_written")

    def __init__(self, values: NDArray[Any] | DTypeLike, shelf: Shelf | None = None) -> None:
        self._buffer: NDArray[Any] = values if isinstance(values, np.ndarray) else np.empty(0, values)
        self._length = self._written = len(self._buffer)
        self._shelf = shelf
        self._rest: _Rest | None = None
        if shelf is not None and not self._shelve() and self._buffer.base is not None:
            self._buffer = self._buffer.copy()  # of what may be a small part of something large

    def __len__(self) -> int:
        return self._resting + self._length

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self._buffer.dtype

    @property
    def view(self) -> NDArray[Any]:
        """The column now."""
        recent = self._buffer[: self._length]
        return recent if self._rest is None else cast("NDArray[Any]", Shelved(self._rest, self._resting, recent))

    def extend(self, values: NDArray[Any]) -> None:
        """Append values (converted to the column's dtype)."""
        self.room(len(values))[: len(values)] = values
        self.keep(len(values))

    def room(self, count: int, expected: int = 0) -> NDArray[Any]:
        """At least `count` places behind the end, to be filled and then kept by `keep`.

        Where there are too few, room for `expected` values in all is made at once; untouched, it takes no memory.
        """
        end = self._length + count
        if end > len(self._buffer) or self._length < self._written:
            capacity = max(end, 16, self._length + (self._length >> 2), expected if self._shelf is None else 0)
            self._buffer = _moved(self._buffer[: self._length], capacity)
            self._written = self._length
        return self._buffer[self._length :]

    def keep(self, count: int) -> None:
        """The first `count` of the places that `room` gave are values now."""
        self._length = self._written = self._length + count
        self._shelve()

    def cut(self, length: int) -> None:
        """Keep the first `length` values."""
        if self._rest is not None and length < self._resting:
            self._buffer, self._rest = self._rest.read(0, length), None
            self._length = self._written = length
        else:
            self._length = length - self._resting

    @property
    def _resting(self) -> int:
        return 0 if self._rest is None else len(self._rest)

    def _shelve(self) -> bool:
        """Let all but the newest values rest, where there are many; returns whether some went to the shelf."""
        if self._shelf is None or self._length * self.dtype.itemsize < _RESTLESS * self._shelf.block:
            return False
        each = self._shelf.block // self.dtype.itemsize
        old = (self._length // each - 1) * each
        rest = self._rest or _Rest(self._shelf, self.dtype)
        if not rest.append(self._buffer[:old]):
            return False
        self._rest = rest
        self._buffer = _moved(self._buffer[old : self._length], _RESTLESS * each)
        self._length = self._written = self._length - old
        return True


def _moved(values: NDArray[Any], capacity: int) -> NDArray[Any]:
    room: NDArray[Any] = np.empty(capacity, values.dtype)
    room[: len(values)] = values
    return room


def common_prefix(old: Points, new: Points) -> int:
    """How many points at the start are the same in both, bit for bit and in the same dtype.

    Costs nothing where `new` is a later view of the same growing columns (or the newest values, where others rest),
    else one comparison. So a follower's every look costs the news, and the arrays must not be written to after they
    were handed over.
    """
    return min(common_start(a, b) for a, b in zip(old, new, strict=True))


def common_start(old: NDArray[Any], new: NDArray[Any]) -> int:
    """`common_prefix` of two columns."""
    length = min(len(old), len(new))
    if not length or old.dtype != new.dtype:
        return 0
    known = _known_start(old, new)
    bits = np.dtype(f"i{old.dtype.itemsize}")
    differs = old[known:length].view(bits) != new[known:length].view(bits)
    return known + int(differs.argmax()) if differs.any() else length


def _known_start(old: NDArray[Any], new: NDArray[Any]) -> int:
    """How many values at the start are the same without a look at them."""
    if isinstance(old, Shelved) and isinstance(new, Shelved):
        return old.alike(new)
    if isinstance(old, Shelved) or isinstance(new, Shelved) or _address(old) != _address(new):
        return 0
    return min(len(old), len(new))


def _address(values: NDArray[Any]) -> tuple[int, tuple[int, ...]]:
    return values.__array_interface__["data"][0], values.strides

"""The shape in which every table reaches the format writers: blocks of rows that share their text cells.

A tidy table of a million rows has few different names and many numbers. A block says its names once: the long table is
one block a series, the compact table one block an experiment, the wide table one block a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SLICE_ROWS = 16_384
"""Rows that a writer turns into text at a time: large enough to hide a call's cost, small enough for the cache."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that share their text cells."""

    labels: tuple[str, ...]
    """One text a label column of the sheet."""
    columns: Mapping[str, pa.Array]
    """Number columns by name, all of one length; null is an empty cell, NaN and the infinities are values."""

    @property
    def rows(self) -> int:
        """How many rows the block has."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its label columns come first, then its number columns."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    blocks: Iterable[Block]
    """In the order of the file; a block may lack columns of the sheet (all empty)."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return (*map(clean, self.labels), *map(clean, self.columns))


def numbers(values: NDArray[Any], logged: NDArray[np.bool_] | None = None) -> pa.Array:
    """An array of numbers as an Arrow array over the same memory; null where `logged` is False.

    ``pa.array`` would do the same, and import pandas for it, which takes longer than the export of a million points.
    """
    values = np.ascontiguousarray(values)
    valid = None if logged is None or logged.all() else pa.py_buffer(np.packbits(logged, bitorder="little"))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [valid, pa.py_buffer(values)])


def flags(values: NDArray[np.bool_]) -> pa.Array:
    """An array of truth values as an Arrow array."""
    packed = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, packed])


def clean(text: str) -> str:
    r"""`text` as UTF-8 can hold it: a byte of a file name that is no UTF-8 becomes ``\udcNN``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def slices(sheet: Sheet, rows: int = SLICE_ROWS) -> Iterator[Block]:
    """The sheet's blocks in their order, each cut to at most `rows` rows (views, no copy), columns completed."""
    for block in sheet.blocks:
        size = block.rows
        for start in range(0, size, rows):
            length = min(rows, size - start)
            yield Block(block.labels, {name: _cut(block, name, start, length) for name in sheet.columns})


def batches(blocks: Iterable[Block], rows: int = SLICE_ROWS) -> Iterator[list[Block]]:
    """Neighbouring blocks together, about `rows` rows at a time: small blocks are not worth a task each."""
    batch: list[Block] = []
    size = 0
    for block in blocks:
        batch.append(block)
        size += block.rows + 100  # a block's own cost, in rows
        if size >= rows:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _cut(block: Block, name: str, start: int, length: int) -> pa.Array:
    column = block.columns.get(name)
    return pa.nulls(length, pa.float64()) if column is None else column.slice(start, length)


def arrow_table(sheet: Sheet, *, double: bool = False) -> pa.Table:
    """The sheet as one Arrow table: label columns are dictionaries, number columns chunks over the blocks' own memory.

    A column that is float32 in some blocks and float64 in others is float64 throughout (exact); `double` asks for that
    always, for files that must agree with one another.
    """
    blocks = [block for block in sheet.blocks if block.rows]
    sizes = [block.rows for block in blocks]
    columns = [_labels([block.labels[place] for block in blocks], sizes) for place in range(len(sheet.labels))]
    columns += [_joined([block.columns.get(name) for block in blocks], sizes, double) for name in sheet.columns]
    return pa.table(columns, names=list(sheet.header))


def _labels(texts: list[str], sizes: list[int]) -> pa.ChunkedArray:
    """A dictionary column: the names in order of appearance."""
    names = list(dict.fromkeys(map(clean, texts)))
    index = {name: place for place, name in enumerate(names)}
    codes = np.array([index[clean(text)] for text in texts], np.int32)
    array = pa.DictionaryArray.from_arrays(numbers(np.repeat(codes, sizes)), pa.array(names, pa.string()))
    return pa.chunked_array([array])


def _joined(arrays: list[pa.Array | None], sizes: list[int], double: bool) -> pa.ChunkedArray:
    kinds = {array.type for array in arrays if array is not None}
    floats = kinds <= {pa.float32(), pa.float64()}
    kind = pa.float64() if floats and (double or len(kinds) != 1) else kinds.pop()
    full = [pa.nulls(size, kind) if array is None else array for array, size in zip(arrays, sizes, strict=True)]
    return pa.chunked_array([array.cast(kind) for array in full], kind)

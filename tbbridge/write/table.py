"""The one form in which every table reaches the format writers: groups of rows that share their text cells.

A tidy table of a million rows has few different names and many numbers. A group says its names once: the long table is
one group per series, the compact table one per experiment, the wide table one per run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.model import Bools
from tbbridge.write.backend import rows_text
from tbbridge.write.number_text import Numbers, Words

SLICE_ROWS = 16_384
"""Rows that a writer turns into text at a time: large enough to hide a call's cost, small enough for the cache."""


class Cells(NamedTuple):
    """The cells of one column."""

    values: Numbers
    """Shape (rows,): float32, float64, int64 or bool (NaN and the infinities are values); object for texts or None."""
    logged: Bools | None = None
    """False where a cell is empty; None where none is."""

    def cut(self, start: int, stop: int) -> Cells:
        """The cells of some rows, as views."""
        return Cells(self.values[start:stop], None if self.logged is None else self.logged[start:stop])


class RowGroup(NamedTuple):
    """Rows that share their labels."""

    labels: tuple[str, ...]
    """One text per label column of the table."""
    columns: Mapping[str, Cells]
    """The other columns by name, all of one length."""

    @property
    def size(self) -> int:
        """The number of rows of the group."""
        return len(next(iter(self.columns.values())).values) if self.columns else 0


class Table(NamedTuple):
    """A table: its label columns come first, then the others."""

    labels: tuple[str, ...]
    columns: tuple[str, ...]
    groups: Iterable[RowGroup]
    """In the order of the file; a group may lack columns of the table (all empty)."""
    name: str = ""
    """The name of the table's file in a directory: the experiment's, and the layout where it is not the run log."""
    kinds: Mapping[str, np.dtype[Any]] = MappingProxyType({})
    """The type of number columns, where it is known without a look at all groups."""
    rows: int | None = None
    """The number of rows for a progress bar: None counts those of the groups, 0 leaves them unknown."""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return (*map(utf8, self.labels), *map(utf8, self.columns))


def utf8(text: str) -> str:
    r"""Return `text` as UTF-8 can hold it: a byte of a file name that is not UTF-8 becomes ``\udcNN``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def slices(table: Table, rows: int = SLICE_ROWS) -> Iterator[RowGroup]:
    """Yield the table's groups in their order, each cut to at most `rows` rows (views), with all columns."""
    for group in table.groups:
        for start in range(0, group.size, rows):
            stop = min(start + rows, group.size)
            yield RowGroup(group.labels, {name: _cut(group, name, start, stop) for name in table.columns})


def _cut(group: RowGroup, name: str, start: int, stop: int) -> Cells:
    cells = group.columns.get(name)
    return (
        Cells(np.zeros(stop - start, np.float32), np.zeros(stop - start, bool))
        if cells is None
        else cells.cut(start, stop)
    )


def batches(groups: Iterable[RowGroup], rows: int = SLICE_ROWS, cost: int = 100) -> Iterator[list[RowGroup]]:
    """Yield neighbouring groups together, about `rows` rows at a time: small ones are not worth a task each.

    cost: a group's own, in rows.
    """
    batch: list[RowGroup] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += group.size + cost
        if size >= rows:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def group_text(
    leads: Sequence[bytes], group: RowGroup, end: bytes, words: Words, text: Callable[[str | None], bytes]
) -> bytes:
    """Return the lines of a group: at once where it holds numbers alone, else as `group_lines`."""
    columns = group.columns.values()
    if any(cells.values.dtype.hasobject for cells in columns):
        return b"".join(group_lines(leads, group, end, words, text))
    values, logged = zip(*columns, strict=True)
    return rows_text(leads, values, logged, end, words)


def group_lines(
    leads: Sequence[bytes], group: RowGroup, end: bytes, words: Words, text: Callable[[str | None], bytes]
) -> list[bytes]:
    """Return each line of a group.

    Args:
        leads: the bytes before each column.
        group: its rows, which have all columns of their table.
        end: the bytes behind the last column.
        words: how special numbers are written.
        text: returns the bytes of a text cell; None is an empty one.
    """
    parts: list[list[bytes]] = []
    for lead, (values, logged) in zip(leads, group.columns.values(), strict=True):
        if values.dtype.hasobject:
            cells = list(map(text, values.tolist()))
        else:
            cells = rows_text([b""], [values], [logged], b"\n", words).split(b"\n")[:-1]
        parts += [[lead] * len(cells), cells]
    return [b"".join(row) + end for row in zip(*parts, strict=True)]


def column_kinds(groups: Iterable[RowGroup], columns: Sequence[str]) -> dict[str, np.dtype[Any]]:
    """Return the type that holds all values of each number column; float64 where there are none."""
    kinds: dict[str, np.dtype[Any]] = {}
    for group in groups:
        for name, cells in group.columns.items():
            kind = cells.values.dtype
            if kinds.setdefault(name, kind) != kind:
                kinds[name] = np.dtype(object if object in (kind, kinds[name]) else np.float64)
    return {name: kinds.get(name, np.dtype(np.float64)) for name in columns}

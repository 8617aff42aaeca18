"""The summary of a log directory: a row per experiment, as a table and as the bytes of ``summary.csv``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.model import Cell, EventFile, Points
from tbbridge.shape.restarts import training_restarts
from tbbridge.shape.series import Restart
from tbbridge.shape.summary import SummaryRow
from tbbridge.write.csv_text import PLAIN, csv_lines
from tbbridge.write.table import Cells, RowGroup, Table

_LABEL = "experiment"

SUMMARY_HEAD = b"experiment,"
"""How ``summary.csv`` begins."""


def summary_row(
    columns: Mapping[str, Points], restarts: Mapping[str, list[Restart]], files: Mapping[str, list[EventFile]]
) -> SummaryRow:
    """Return the row of one experiment.

    Args:
        columns: its run log's columns.
        restarts: by run, where the training began again; runs in which it did not may be missing.
        files: by run, its event files.
    """
    again = {run: restarts[run] for run in files if restarts.get(run)}
    damage = sum(len(file.damage) for of_run in files.values() for file in of_run)
    return SummaryRow(columns, len(training_restarts(again, files)) if again else 0, damage)


def summary_table(rows: Mapping[str, Mapping[str, Cell]], name: str = "") -> Table:
    """Return the summary of these experiments as a table called `name`, in their order."""
    columns = _columns(map(tuple, rows.values()))
    return Table((_LABEL,), columns, [_group(one, row, columns) for one, row in rows.items()], name)


class _Line(NamedTuple):
    """One row as it was last written."""

    row: Mapping[str, Cell]
    keys: tuple[str, ...]
    text: bytes


class SummaryCsv:
    """The bytes of ``summary.csv``, kept for the price of the rows that are new."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = ()
        self._lines: dict[str, _Line] = {}

    def text(self, rows: Mapping[str, Mapping[str, Cell]]) -> bytes:
        """Return the CSV of these rows, by experiment, in their order; a row that is known is not written again."""
        old, self._lines = self._lines, {}
        for name, row in rows.items():
            known = old.get(name)
            self._lines[name] = known if known and known.row is row else _Line(row, tuple(row), b"")
        columns = _columns(line.keys for line in self._lines.values())
        for name, line in self._lines.items():
            if not line.text or columns != self._columns:
                text = csv_lines(_group(name, line.row, columns), PLAIN)
                self._lines[name] = line._replace(text=text)
        self._columns = columns
        return b"".join((PLAIN.line((_LABEL, *columns)), *(line.text for line in self._lines.values())))


def _columns(rows: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """The columns of all rows: a row's own keep their order, and new ones stand behind what precedes them in it."""
    columns: list[str] = []
    for keys in dict.fromkeys(rows):
        place = 0
        for key in keys:
            if key not in columns:
                columns.insert(place, key)
            place = columns.index(key) + 1
    return tuple(columns)


def _group(name: str, row: Mapping[str, Cell], columns: Iterable[str]) -> RowGroup:
    return RowGroup((name,), {column: _cells(row.get(column)) for column in columns})


def _cells(value: Cell) -> Cells:
    kind: Any = np.float32 if value is None else getattr(value, "dtype", type(value))
    return Cells(np.full(1, value or 0, kind), np.full(1, value is not None))

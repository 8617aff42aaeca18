"""The summary of a log directory: a row per experiment, as a table and as the bytes of ``summary.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from types import MappingProxyType, NoneType
from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.model import Cell, EventFile, Points
from tbbridge.shape.facts import Extremes
from tbbridge.shape.hparams import hparams_of
from tbbridge.shape.restarts import training_restarts
from tbbridge.shape.series import Restart, natural_key
from tbbridge.shape.summary import HPARAM, SummaryRow
from tbbridge.write.backend import number_texts
from tbbridge.write.csv_text import PLAIN
from tbbridge.write.number_text import WORDS
from tbbridge.write.table import Cells, RowGroup, Table, group_lines

_LABEL = "experiment"

SUMMARY_HEAD = b"experiment,"
"""The first columns of ``summary.csv``."""


def summary_row(
    columns: Mapping[str, Points],
    restarts: Mapping[str, list[Restart]],
    files: Mapping[str, list[EventFile]],
    known: Mapping[str, Extremes] = MappingProxyType({}),
) -> SummaryRow:
    """Return the row of one experiment.

    Args:
        columns: its run log's columns.
        restarts: by run, where the training began again; runs in which it did not may be missing.
        files: by run, its event files; those without damage, hyperparameters and restarts may be missing.
        known: by column, its extremes, as far as they are known.
    """
    again = {run: restarts[run] for run in files if restarts.get(run)}
    every = [file for of_run in files.values() for file in of_run]
    count = len(training_restarts(again, files)) if again else 0
    return SummaryRow(columns, count, sum(len(file.damage) for file in every), hparams_of(every), known)


def summary_table(rows: Mapping[str, Mapping[str, Cell]], name: str = "") -> Table:
    """Return the summary of these experiments as a table called `name`, in their order."""
    given = [_parted(row) for row in rows.values()]
    columns = (*_columns(keys for keys, _ in given), *_hparam_columns([hparams for _, hparams in given]))
    return Table((), (_LABEL, *columns), _groups(rows, columns), name)


_Given = tuple[type, str]
"""A hyperparameter's type and text: 1.0, 1 and True are not the same."""


class _Line(NamedTuple):
    """One row as it was last written."""

    row: Mapping[str, Cell]
    keys: tuple[str, ...]
    hparams: Mapping[str, _Given]
    text: bytes


class SummaryCsv:
    """The bytes of ``summary.csv``, kept for the price of the rows that are new."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = ()
        self._lines: dict[str, _Line] = {}

    def text(self, rows: Mapping[str, Mapping[str, Cell]]) -> bytes:
        """Return the CSV of these rows, by experiment, in their order; a row that is known is not written again."""
        old, names = self._lines, list(rows)
        news = {
            name: _Line(row, *_parted(row), b"")
            for name, row in rows.items()
            if name not in old or old[name].row is not row
        }
        alike = list(old) == names and all(old[name][1:3] == line[1:3] for name, line in news.items())
        lines = old | news if alike else {name: news[name] if name in news else old[name] for name in names}
        columns = self._columns
        if not alike:
            hparams = _hparam_columns([line.hparams for line in lines.values()])
            columns = (*_columns(line.keys for line in lines.values()), *hparams)
        written = {name: lines[name].row for name in (news if columns == self._columns else names)}
        for name, text in zip(written, csv_rows(written, columns), strict=True):
            lines[name] = lines[name]._replace(text=text)
        self._columns, self._lines = columns, lines
        return b"".join((PLAIN.line((_LABEL, *columns)), *(line.text for line in lines.values())))


def csv_rows(rows: Mapping[str, Mapping[str, Cell]], columns: Sequence[str]) -> list[bytes]:
    """Return the line of each row, its end included."""
    leads = [b"", *[b","] * len(columns)]
    groups = _groups(rows, columns)
    return [line for group in groups for line in group_lines(leads, group, b"\n", WORDS, PLAIN.cell)]


def _parted(row: Mapping[str, Cell]) -> tuple[tuple[str, ...], Mapping[str, _Given]]:
    """The columns of a row but its hyperparameters, and these."""
    keys, hparams = _parted_keys(tuple(row))
    return keys, {key: (type(row[key]), str(row[key])) for key in hparams}


@lru_cache(maxsize=1 << 10)
def _parted_keys(keys: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    hparams = tuple(key for key in keys if key.startswith(HPARAM))
    return tuple(key for key in keys if not key.startswith(HPARAM)), hparams


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


def _hparam_columns(rows: Sequence[Mapping[str, _Given]]) -> tuple[str, ...]:
    """The hyperparameters of all rows: those that differ between rows first, both parts in natural order."""
    values: dict[str, Counter[_Given]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, Counter())[value] += 1
    alike = {name for name, found in values.items() if max(found.values()) == len(rows)}
    return tuple(sorted(values, key=lambda name: (name in alike, natural_key(name))))


def _groups(rows: Mapping[str, Mapping[str, Cell]], columns: Sequence[str]) -> list[RowGroup]:
    """The rows, in groups of neighbours whose cells are of the same types; a text makes its whole column texts."""
    wanted, texts = tuple(columns), list[Cell](rows)
    given = (
        row.line(wanted) if isinstance(row, SummaryRow) else tuple([row.get(one) for one in wanted])
        for row in rows.values()
    )
    values: dict[str, Sequence[Cell]] = {_LABEL: texts, **dict(zip(columns, zip(*given, strict=True), strict=False))}
    types = []
    for name, cells in values.items():
        types.append(_types(cells))
        if object in types[-1]:
            values[name] = [cell if cell is None or isinstance(cell, str) else _text(cell) for cell in cells]
    groups, start = [], 0
    for kinds, alike in groupby(zip(*types, strict=True)):
        part = slice(start, start + len(list(alike)))
        columns_of_part = zip(values.items(), kinds, strict=True)
        groups.append(RowGroup((), {name: _cells(cells[part], kind) for (name, cells), kind in columns_of_part}))
        start = part.stop
    return groups


def _types(cells: Sequence[Cell]) -> list[Any]:
    """The type that holds each cell of a column; an empty cell has that of the others where they agree."""
    known = {kind: object if issubclass(kind, str) else kind for kind in dict.fromkeys(map(type, cells))}
    known.pop(NoneType, None)
    if object in known.values() or len(known) < 2:
        return [object if object in known.values() else next(iter(known), np.float32)] * len(cells)
    return [known.get(type(cell), np.float32) for cell in cells]


def _text(number: Any) -> str:
    return number_texts(np.array([number]))[0]


def _cells(cells: Sequence[Cell], kind: Any) -> Cells:
    logged = np.array([cell is not None for cell in cells])
    if kind is not object:
        cells = [0 if cell is None else cell for cell in cells]
    return Cells(np.array(cells, kind), None if logged.all() else logged)

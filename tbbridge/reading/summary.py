"""The summary of a log directory: a row per experiment, as a table and as the bytes of ``summary.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.model import Cell, EventFile, Points
from tbbridge.shape.hparams import hparams_of
from tbbridge.shape.restarts import training_restarts
from tbbridge.shape.series import Restart, natural_key
from tbbridge.shape.summary import HPARAM, SummaryRow
from tbbridge.write.backend import number_texts
from tbbridge.write.csv_text import PLAIN, cell
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
    every = [file for of_run in files.values() for file in of_run]
    count = len(training_restarts(again, files)) if again else 0
    return SummaryRow(columns, count, sum(len(file.damage) for file in every), hparams_of(every))


def summary_table(rows: Mapping[str, Mapping[str, Cell]], name: str = "") -> Table:
    """Return the summary of these experiments as a table called `name`, in their order."""
    given = [_parted(row) for row in rows.values()]
    columns = (*_columns(keys for keys, _ in given), *_hparam_columns([hparams for _, hparams in given]))
    texts = {column for column in columns if any(isinstance(row.get(column), str) for row in rows.values())}
    return Table((_LABEL,), columns, [_group(one, row, columns, texts) for one, row in rows.items()], name)


class _Line(NamedTuple):
    """One row as it was last written."""

    row: Mapping[str, Cell]
    keys: tuple[str, ...]
    hparams: Mapping[str, Cell]
    text: bytes


class SummaryCsv:
    """The bytes of ``summary.csv``, kept for the price of the rows that are new."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = ()
        self._hparams: tuple[str, ...] = ()
        self._lines: dict[str, _Line] = {}

    def text(self, rows: Mapping[str, Mapping[str, Cell]]) -> bytes:
        """Return the CSV of these rows, by experiment, in their order; a row that is known is not written again."""
        old, self._lines = self._lines, {}
        given_again = old.keys() == rows.keys()
        for name, row in rows.items():
            known = old.get(name)
            if known is None or known.row is not row:
                self._lines[name] = _Line(row, *_parted(row), b"")
                given_again = given_again and known is not None and known.hparams == self._lines[name].hparams
            else:
                self._lines[name] = known
        if not given_again:
            self._hparams = _hparam_columns([line.hparams for line in self._lines.values()])
        columns = (*_columns(line.keys for line in self._lines.values()), *self._hparams)
        new = {name: line.row for name, line in self._lines.items() if not line.text or columns != self._columns}
        for name, text in zip(new, csv_rows(new, columns), strict=True):
            self._lines[name] = self._lines[name]._replace(text=text)
        self._columns = columns
        return b"".join((PLAIN.line((_LABEL, *columns)), *(line.text for line in self._lines.values())))


def csv_rows(rows: Mapping[str, Mapping[str, Cell]], columns: Sequence[str]) -> list[bytes]:
    """Return the line of each row, its end included. Numbers become text a column at a time: a third of the cost."""
    texts = [map(cell, rows), *(_texts([row.get(column) for row in rows.values()]) for column in columns)]
    return [f"{','.join(line)}\n".encode() for line in zip(*texts, strict=True)]


def _texts(values: Sequence[Cell]) -> list[str]:
    """The cells of a column as CSV has them."""
    texts = [cell(value) if isinstance(value, str) else "" for value in values]
    places: dict[np.dtype[Any], list[int]] = {}
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            places.setdefault(np.dtype(getattr(value, "dtype", type(value))), []).append(place)
    for kind, alike in places.items():
        numbers = number_texts(np.array([values[place] for place in alike], kind))
        for place, text in zip(alike, numbers, strict=True):
            texts[place] = text
    return texts


def _parted(row: Mapping[str, Cell]) -> tuple[tuple[str, ...], Mapping[str, Cell]]:
    """The columns of a row but its hyperparameters, and these."""
    keys = tuple(key for key in row if not key.startswith(HPARAM))
    return keys, {key: row[key] for key in row if key.startswith(HPARAM)} if len(keys) < len(row) else {}


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


def _hparam_columns(rows: Sequence[Mapping[str, Cell]]) -> tuple[str, ...]:
    """The hyperparameters of all rows: those that differ between rows first, both parts in natural order."""
    values: dict[str, Counter[tuple[type, str]]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, Counter())[type(value), str(value)] += 1
    alike = {name for name, found in values.items() if max(found.values()) == len(rows)}
    return tuple(sorted(values, key=lambda name: (name in alike, natural_key(name))))


def _group(name: str, row: Mapping[str, Cell], columns: Iterable[str], texts: Collection[str]) -> RowGroup:
    return RowGroup((name,), {column: _cells(row.get(column), column in texts) for column in columns})


def _cells(value: Cell, as_text: bool) -> Cells:
    """One cell; `as_text`: another cell of its column is a text."""
    kind: Any = np.float32 if value is None else getattr(value, "dtype", type(value))
    if isinstance(value, str) or as_text:
        kind = object
        if value is not None and not isinstance(value, str):
            value = number_texts(np.array([value]))[0]
    return Cells(np.full(1, 0 if value is None else value, kind), np.full(1, value is not None))

"""The rules of the table of experiments, which the live page and the HTML report share.

A row is an experiment's summary. Here are the order of the columns, the best of a column, how a cell is written, and
the lines of the download.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from numbers import Integral, Real
from typing import Any

from tbbridge.shape.summary import HPARAM as HPARAM
from tbbridge.shape.summary import lower_is_better
from tbbridge.write.csv_text import CsvOptions

_SAFE = CsvOptions(spreadsheet_safe=True)
Summaries = Sequence[Mapping[str, Any]]


def table_columns(rows: Summaries) -> list[str]:
    """Return the columns: hyperparameters that differ, best and last values, the rest, hyperparameters all alike."""
    keys = dict.fromkeys(key for row in rows for key in row)
    differing = [key for key in keys if key.startswith(HPARAM) and len({row.get(key) for row in rows}) > 1]

    def place(key: str) -> int:
        if key.startswith(HPARAM):
            return 0 if key in differing else 4
        return 1 if is_judged(key) else 3 if key.endswith((" step", " time")) else 2

    return sorted(keys, key=place)


def is_judged(column: str) -> bool:
    """Whether a column's values are better or worse."""
    return column.startswith(("best ", "last ")) and not column.endswith(" step") and column != "last wall time"


def best_places(rows: Summaries, column: str, count: int) -> list[int]:
    """Return which rows have the best values of a column, the best first and the earlier of equals."""
    choose = heapq.nsmallest if lower_is_better(column) else heapq.nlargest
    return [place for _, place in choose(count, _numbers(rows, column), key=lambda pair: pair[0])]


def best_cells(rows: Summaries, columns: Iterable[str]) -> dict[str, int]:
    """Return which row has the best cell of each column that is judged, where two values differ."""
    judged = [column for column in columns if is_judged(column)]
    differing = [column for column in judged if len({value for value, _ in _numbers(rows, column)}) > 1]
    return {column: best_places(rows, column, 1)[0] for column in differing}


def _numbers(rows: Summaries, column: str) -> list[tuple[float, int]]:
    cells = [(row.get(column), place) for place, row in enumerate(rows)]
    return [(float(cell), place) for cell, place in cells if isinstance(cell, Real) and cell == cell]


def write_cell(cell: Any, column: str = "") -> str:
    """Return a cell for the reader: five digits are enough to compare, a float32 shows no noise; a wall time in UTC."""
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, Real):
        return str(cell)
    if column.endswith(" wall time"):
        try:
            return f"{datetime.fromtimestamp(float(cell), timezone.utc):%Y-%m-%d %H:%M:%S}"
        except (ValueError, OverflowError, OSError):  # no calendar has it
            pass
    if isinstance(cell, Integral):
        return f"{cell:,}"
    whole = float(cell).is_integer() and abs(float(cell)) < 1e15
    return f"{cell:,.0f}" if whole else f"{cell:.5g}"


def safe_line(cells: Iterable[Any]) -> bytes:
    """Return a line of a CSV, with its CR LF; a text that a spreadsheet would calculate is marked as text."""
    texts = (_SAFE.cell(cell) if isinstance(cell, str | None) else str(cell).encode() for cell in cells)
    return b",".join(texts) + b"\r\n"

"""The table of experiments: one row each, from their summaries; filtered, sorted and cut on the server.

The page holds forty rows of it. A grid from a library would hold all of them, and dash-ag-grid 35.3.0 is 2.2 MB of
script (0.6 MB compressed), twice the charts' own small plotly.js; this table's part of the page is 4 kB.
"""

from __future__ import annotations

import csv
import heapq
import io
import math
import operator
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from numbers import Integral, Real
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from dash import html, no_update

from tbbridge import Source, lower_is_better
from tbbridge.viewer import plot
from tbbridge.viewer.components import Hidden, RunTable, Select, Text, attribute

WINDOW = 40
"""Rows that a page holds at once; it asks for others as it is scrolled."""
REST = 20.0
"""After looking at all experiments the rows rest this many times as long as it took, and at least `LEAST_REST` s."""
LEAST_REST = 1.0
BEST = 5
"""How many experiments "show the best" puts on the charts."""
HPARAM = "hparam."
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
LONGEST_FILTER, LONGEST_CELL = 1000, 200
"""Characters of a filter that are read, and of a cell that a page is sent: a hyperparameter may be a whole text."""
LONGEST_PATTERN, MOST_CHOICES, MATCHED = 100, 2, 200
"""Bounds of a regular expression and of the part of a name that it sees: none may keep the server busy."""
LONGEST_SEARCH = 0.5
"""Seconds that a regular expression gets for all names."""


class TableRow(NamedTuple):
    """One experiment."""

    name: str
    state: str
    cells: Mapping[str, Any]
    """Its summary, by column."""


class _Held:
    """The rows of a source, and what was made of them last."""

    def __init__(self) -> None:
        self.rows: list[TableRow] = []
        self.columns: list[str] = []
        self.best: dict[str, str] = {}
        self.again = -math.inf
        self.made: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._known: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def look(self, source: Source) -> None:
        """Look at all experiments again; one whose summary is the same object keeps its cells."""
        rows, known = [], {}
        for name in source.names():
            if view := source.view(name):
                before = self._known.get(name)
                cells = before[1] if before and before[0] is view.summary else dict(view.summary)
                known[name] = view.summary, cells
                rows.append(TableRow(name, view.state, cells))
        self._known = known
        if rows != self.rows:
            self.rows, self.columns, self.made = rows, columns_of(rows), {}
            judged = [key for key in self.columns if _is_judged(key)]
            self.best = {key: found[0] for key in judged if (found := best_of(rows, key, 1))}


_HELD: WeakKeyDictionary[Any, _Held] = WeakKeyDictionary()


def table_rows(source: Source) -> list[TableRow]:
    """Return the rows of all experiments, looked at a moment ago."""
    return _held(source).rows


def _held(source: Source) -> _Held:
    held = _HELD.setdefault(source, _Held())
    began = time.monotonic()
    if began >= held.again:
        held.look(source)
        ended = time.monotonic()
        held.again = ended + max(REST * (ended - began), LEAST_REST)
    return held


def _is_judged(column: str) -> bool:
    """Whether a column's values are better or worse."""
    return column.startswith(("best ", "last ")) and not column.endswith(" step")


def columns_of(rows: Sequence[TableRow]) -> list[str]:
    """The columns: hyperparameters that differ, best and last values, the rest, hyperparameters that are all alike."""
    keys = dict.fromkeys(key for row in rows for key in row.cells)
    differing = [key for key in keys if key.startswith(HPARAM) and len({row.cells.get(key) for row in rows}) > 1]

    def place(key: str) -> int:
        if key.startswith(HPARAM):
            return 0 if key in differing else 4
        return 3 if key.endswith((" step", " time")) else 1 if key.startswith(("best ", "last ")) else 2

    return sorted(keys, key=place)


def filtered(rows: Sequence[TableRow], text: str) -> tuple[list[TableRow], str]:
    """Return the rows that fit all terms of a filter, and what is wrong with it.

    A term is words of the name, ``/a regular expression/``, or a comparison such as ``val accuracy > 0.8``; a comma or
    ``and`` stands between two. A column may be named without its ``last`` or ``hparam.``.
    """
    kept = list(rows)
    for term in filter(None, (part.strip() for part in re.split(r",|\band\b", text[:LONGEST_FILTER]))):
        comparison = re.fullmatch(r"(.+?)\s*(>=|<=|!=|>|<|=)\s*(.+)", term)
        if len(term) > 2 and term[0] == term[-1] == "/":
            pattern, until = _pattern(term[1:-1]), time.monotonic() + LONGEST_SEARCH
            if isinstance(pattern, str):
                return kept, pattern
            found = [row for row in kept if time.monotonic() < until and pattern.search(row.name[:MATCHED])]
            if time.monotonic() >= until:
                return kept, "The pattern takes too long: write a simpler one."
            kept = found
        elif comparison:
            column, sign, value = comparison.groups()
            keys = (column, f"last {column}", f"{HPARAM}{column}")
            there = (key for key in keys if key in ("name", "state") or any(key in row.cells for row in rows))
            key = next(there, None)
            if key is None:
                return kept, f"No column is called {column}."
            kept = [row for row in kept if _compares(_cell(row, key), sign, value)]
        else:
            words = term.lower().split()
            kept = [row for row in kept if all(word in row.name.lower() for word in words)]
    return kept, ""


def _compares(cell: Any, sign: str, text: str) -> bool:
    if cell is None:
        return False
    try:
        return COMPARE[sign](float(cell), float(text))
    except ValueError:
        return COMPARE[sign](str(cell), text.strip("'\""))


def _pattern(text: str) -> re.Pattern[str] | str:
    """Compile a pattern, or return why it is refused: each choice doubles the ways in which a name may not match."""
    bare = re.sub(r"(?s)\\.", "x", text)
    repeats, groups = len(re.findall(r"(?<!\()[*+{?][?+]?", bare)), bare.count("(")
    hidden = re.search(r"\(\?(?![:=!])", bare)  # a flag or a comment may part a group from its repetition
    if len(text) > LONGEST_PATTERN or max(repeats, groups) > MOST_CHOICES or hidden or re.search(r"\)[*+{?]", bare):
        return f"A pattern has at most {MOST_CHOICES} repetitions and {MOST_CHOICES} groups, and repeats no group."
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError) as error:
        return f"That is no regular expression: {error}."


def ordered(rows: Sequence[TableRow], by: str) -> list[TableRow]:
    """The rows by a column, descending where it begins with ``-``; empty cells come last."""
    down, column = by.startswith("-"), by.removeprefix("-")
    if not column:
        return list(rows)
    known = [(row, _cell(row, column)) for row in rows]
    there = [(row, cell) for row, cell in known if cell is not None and cell == cell]
    there.sort(key=lambda pair: (isinstance(pair[1], str), pair[1]), reverse=down)
    return [*(row for row, _ in there), *(row for row, cell in known if cell is None or cell != cell)]


def _cell(row: TableRow, column: str) -> Any:
    return {"name": row.name, "state": row.state}.get(column, row.cells.get(column))


def best_of(rows: Sequence[TableRow], column: str, count: int = BEST) -> list[str]:
    """The names of the best experiments by a column."""
    known = [(cell, row.name) for row in rows if (cell := row.cells.get(column)) is not None and cell == cell]
    choose = heapq.nsmallest if lower_is_better(column) else heapq.nlargest
    return [name for _, name in choose(count, known, key=lambda pair: pair[0])]


def best_shown(source: Source, controls: Mapping[str, Any], column: str) -> Any:
    """The names of the best experiments that the filter keeps, for the charts."""
    rows = filtered(table_rows(source), controls["find"])[0]
    columns = [key for key in columns_of(rows) if key.startswith("best ")]
    return best_of(rows, column if column in columns else columns[0]) if columns else no_update


def write_cell(cell: Any) -> str:
    """A cell for the reader: four digits are enough to compare, and a float32 shows no noise."""
    if cell is None:
        return ""
    if isinstance(cell, bool) or not isinstance(cell, Real):
        return str(cell)
    if isinstance(cell, Integral):
        return f"{cell:,}"
    whole = float(cell).is_integer() and abs(float(cell)) < 1e15
    return f"{cell:,.0f}" if whole else f"{cell:.5g}"


def write_time(cell: Any) -> str:
    """A wall time for the reader, in UTC; as a number where no calendar has it."""
    try:
        return f"{datetime.fromtimestamp(cell, timezone.utc):%Y-%m-%d %H:%M:%S}"
    except (TypeError, ValueError, OverflowError, OSError):
        return write_cell(cell)


def _written(row: TableRow, column: str) -> str:
    return (write_time if column.endswith(" wall time") else write_cell)(row.cells.get(column))


def table_parts(source: Source, controls: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any]:
    """What the table shows, as ``id.property`` -> value. `colours` are those of the experiments that are drawn."""
    held = _held(source)
    asked = (controls["find"], controls["sort"], controls["from"], tuple(colours.items()))
    if asked not in held.made:
        if len(held.made) > 20:
            held.made.clear()
        held.made[asked] = _shown(held, controls, colours)
    by = [key for key in held.columns if key.startswith("best ") and _is_judged(key)]
    hparams = [key for key in held.columns if key.startswith(HPARAM)]
    return {
        "runs.data": held.made[asked],
        "group.options": ["", *hparams],
        "grouped.hidden": not hparams,
        "by.options": by or [""],
        "table.hidden": len(held.rows) < 2,
    }


def _shown(held: _Held, controls: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any]:
    kept, wrong = filtered(held.rows, controls["find"])
    kept = ordered(kept, controls["sort"])
    first = int(controls["from"]) if controls["from"].isdecimal() and len(controls["from"]) < 9 else 0
    first = max(min(first, len(kept) - WINDOW), 0)
    rows = []
    for row in kept[first : first + WINDOW]:
        cells = [plot.shorten(_written(row, key), LONGEST_CELL) for key in held.columns]
        rows.append([row.name, colours.get(row.name, ""), row.state, *cells])
    columns = ["name", "state", *held.columns]
    return {"columns": columns, "rows": rows, "first": first, "total": len(kept), "best": held.best, "wrong": wrong}


def table_csv(source: Source, controls: Mapping[str, Any]) -> str:
    """The table as it is shown, all rows of it, as CSV; a text that a spreadsheet would calculate is marked as text."""
    held, text = _held(source), io.StringIO()
    rows, columns = ordered(filtered(held.rows, controls["find"])[0], controls["sort"]), held.columns
    writer = csv.writer(text)  # lines end in CR LF: before Python 3.13 a CR is quoted only then
    writer.writerow(["name", "state", *map(_harmless, columns)])
    writer.writerows([_harmless(row.name), row.state, *(_harmless(row.cells.get(k)) for k in columns)] for row in rows)
    return text.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def table_section(prefix: str) -> html.Section:
    """The place of the table, with what filters, groups and downloads it; hidden while there is one experiment."""
    tools = [
        html.H2("Table", id=f"{prefix}table-title"),
        Text(f"{prefix}find", "Filter", "", placeholder="words, /pattern/, val accuracy > 0.8"),
        Select(f"{prefix}by", "Best by", "", options=[""]),
        html.Button(f"Show the best {BEST}", id=f"{prefix}best"),
        html.Div(Select(f"{prefix}group", "Mean by", "", options=[""]), id=f"{prefix}grouped", hidden=True),
        html.Button("Download table", id=f"{prefix}table-csv"),
        Hidden(f"{prefix}sort", "", ""),
        Hidden(f"{prefix}from", "", "0"),
    ]
    return html.Section(
        [html.Div(tools, className="tb-more-head"), RunTable(f"{prefix}runs")],
        id=f"{prefix}table",
        hidden=True,
        role="group",
        className="tb-table",
        **attribute("aria-labelledby", f"{prefix}table-title"),
    )

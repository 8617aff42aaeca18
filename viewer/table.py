"""The table of experiments: one row each, from their summaries; filtered, sorted and cut on the server.

The page holds forty rows of it. A grid from a library would hold all of them, and dash-ag-grid 35.3.0 is 2.2 MB of
script (0.6 MB compressed), twice the charts' own small plotly.js; this table's part of the page is 4 kB.
"""

from __future__ import annotations

import math
import operator
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from dash import html, no_update

from tbbridge import Source
from tbbridge.exporting.summary_table import (
    HPARAM,
    best_cells,
    best_places,
    is_judged,
    safe_line,
    table_columns,
    write_cell,
)
from tbbridge.viewer import plot
from tbbridge.viewer.components import Hidden, RunTable, Select, Text, attribute

WINDOW = 40
"""Rows that a page holds at once; it asks for others as it is scrolled."""
REST = 20.0
"""After looking at all experiments the rows rest this many times as long as it took, and at least `LEAST_REST` s."""
LEAST_REST = 1.0
BEST = 5
"""The number of experiments that "show the best" puts on the charts."""
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
            self.rows, self.columns, self.made = rows, table_columns([row.cells for row in rows]), {}
            best = best_cells([row.cells for row in rows], self.columns)
            self.best = {key: rows[place].name for key, place in best.items()}


_HELD: WeakKeyDictionary[Any, _Held] = WeakKeyDictionary()


def _held(source: Source) -> _Held:
    held = _HELD.setdefault(source, _Held())
    began = time.monotonic()
    if began >= held.again:
        held.look(source)
        ended = time.monotonic()
        held.again = ended + max(REST * (ended - began), LEAST_REST)
    return held


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


def best_shown(source: Source, controls: Mapping[str, Any], column: str) -> Any:
    """The names of the best experiments that the filter keeps, for the charts."""
    rows = filtered(_held(source).rows, controls["find"])[0]
    summaries = [row.cells for row in rows]
    columns = [key for key in table_columns(summaries) if _ranks(key)]
    if not columns:
        return no_update
    return [rows[place].name for place in best_places(summaries, column if column in columns else columns[0], BEST)]


def _ranks(column: str) -> bool:
    """Whether experiments may be ranked by a column."""
    return column.startswith("best ") and is_judged(column)


def table_parts(source: Source, controls: Mapping[str, Any], colours: Mapping[str, str]) -> dict[str, Any]:
    """The table's content, as ``id.property`` -> value. `colours` are those of the experiments that are drawn."""
    held = _held(source)
    asked = (controls["find"], controls["sort"], controls["from"], tuple(colours.items()))
    if asked not in held.made:
        if len(held.made) > 20:
            held.made.clear()
        held.made[asked] = _shown(held, controls, colours)
    by = [key for key in held.columns if _ranks(key)]
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
        cells = [plot.shorten(write_cell(row.cells.get(key), key), LONGEST_CELL) for key in held.columns]
        rows.append([row.name, colours.get(row.name, ""), row.state, *cells])
    columns = ["name", "state", *held.columns]
    return {"columns": columns, "rows": rows, "first": first, "total": len(kept), "best": held.best, "wrong": wrong}


def table_csv(source: Source, controls: Mapping[str, Any]) -> bytes:
    """The table as it is shown, all rows of it, as CSV."""
    held = _held(source)
    rows = ordered(filtered(held.rows, controls["find"])[0], controls["sort"])
    lines = [safe_line([row.name, row.state, *(row.cells.get(key) for key in held.columns)]) for row in rows]
    return b"".join([safe_line(["name", "state", *held.columns]), *lines])


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
        [html.Div(tools, className="tb-more-head"), RunTable(id=f"{prefix}runs", data=None)],
        id=f"{prefix}table",
        hidden=True,
        role="group",
        className="tb-table",
        **attribute("aria-labelledby", f"{prefix}table-title"),
    )

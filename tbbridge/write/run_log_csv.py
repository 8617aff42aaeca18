"""The run log as CSV text, both ways: bytes that depend on the numbers only, and a reader for anyone's run logs.

    data = run_log_csv(log)
    log = read_run_log(data, "mnist")        # writing it again makes the same bytes

A float has the shortest digits that read back to the same float32 or float64, as Python's ``repr`` lays them out
(``0.1``, ``1.0``, ``-0.0``, ``1e-05``, ``1e+20``). ``NaN``, ``inf`` and ``-inf`` are values; an empty cell was not
logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tbbridge.core.errors import FormatError
from tbbridge.core.model import COLUMNS, Floats, Int64, RunLog
from tbbridge.write.backend import parse_rows, rows_text
from tbbridge.write.csv_text import PLAIN
from tbbridge.write.number_text import WORDS, ParsedColumn, ParsedRows
from tbbridge.write.parallel import ordered_map
from tbbridge.write.table import SLICE_ROWS

_MOST_COLUMNS = 1000
"""Of a run log that is read; more is no run log."""
_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
_WHOLE = re.compile(r"[+-]?[0-9]+")
_INK = re.compile(rb"\S")
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|$)")
_NUMBER = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*([eE][+-]?[0-9]+)?|\.[0-9]+([eE][+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
_NEAR = 1024
"""Bytes at the end of a text in which a row is looked for first."""


def run_log_csv(log: RunLog, *, header: bool = True) -> bytes:
    """The run log as CSV: UTF-8, LF, one row a step.

    header: write the line ``step,train accuracy,...``; without it the file is what older viewers read.
    """
    return (header_line(log.columns) if header else b"") + rows_csv(log)


def with_new_rows(text: bytes, first: int, news: RunLog) -> bytes:
    """The CSV `text` of a run log with `news` in the place of its rows from the step `first` on.

    The result is the bytes of `run_log_csv` of the whole; rows that did not change are not written as text again.
    """
    head = header_line(news.columns)
    start = _start_of(text, first, len(head) if text.startswith(head) else 0)
    return b"".join((memoryview(text)[:start], rows_csv(news)))


def _start_of(text: bytes, step: int, head: int) -> int:
    """Find where the first row at or behind a step begins, mostly near the end; the rows begin at `head`."""
    reach = _NEAR
    while True:
        low = max(head, len(text) - reach)
        row = text.find(b"\n", low) + 1 if low > head else head
        if low == head or (0 < row < len(text) and _step(text, row) < step):
            return _first_row(text, row, step)
        reach *= 16


def _first_row(text: bytes, low: int, step: int) -> int:
    """Find where the first row at or behind a step begins, at `low` or later, by halves, since steps ascend."""
    high = len(text)
    while low < high:
        start = text.rfind(b"\n", low, (low + high) // 2) + 1 or low
        if _step(text, start) < step:
            low = text.index(b"\n", start) + 1
        else:
            high = start
    return low


def _step(text: bytes, row: int) -> int:
    return int(text[row : text.index(b",", row)])


def header_line(columns: Iterable[str]) -> bytes:
    """The header of a run log with these columns; a name is quoted only where CSV needs it."""
    return _header_line(tuple(columns))


@lru_cache
def _header_line(columns: tuple[str, ...]) -> bytes:
    return PLAIN.line(("step", *columns))


def rows_csv(log: RunLog) -> bytes:
    """Return the rows, without a header; long ones are written on all cores."""
    columns = [log.step, *log.columns.values()]
    logged = [None, *(log.logged[name] for name in log.columns)]
    leads = [b"", *[b","] * len(log.columns)]

    def text(start: int) -> bytes:
        part = slice(start, start + SLICE_ROWS)
        masks = [None if one is None else one[part] for one in logged]
        return rows_text(leads, [one[part] for one in columns], masks, b"\n", WORDS)

    starts = range(0, len(log.step), SLICE_ROWS)
    return b"".join(ordered_map(text, starts) if len(starts) > 1 else map(text, starts))


def run_logs_csv(step: Int64, columns: Mapping[str, Floats | None], bounds: Int64) -> list[bytes]:
    """Return the rows of many run logs with the same columns, without a header.

    Args:
        step: of all of them, one after the other.
        columns: their values; None where a column is empty.
        bounds: the rows of run log i are ``[bounds[i], bounds[i + 1])``; none is without rows.
    """
    nothing, nowhere = np.zeros(len(step), np.float32), np.zeros(len(step), bool)
    cells = [step, *(nothing if values is None else values for values in columns.values())]
    logged = [None, *(nowhere if values is None else None for values in columns.values())]
    text = rows_text([b"", *[b","] * len(columns)], cells, logged, b"\n", WORDS)
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))[bounds[1:] - 1] + 1
    return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]


class _Head(NamedTuple):
    columns: tuple[str, ...]
    start: int
    """The offset of the first row, in bytes."""
    lines: int
    """Lines above the rows."""


def read_run_log(data: bytes, name: str, *, notes: list[str] | None = None) -> RunLog:
    """Read a run log; writing it again makes the same bytes where the text was `run_log_csv`'s.

    data: CSV with a header ``step,NAME,...`` or, without one, the five columns ``step`` and `COLUMNS`. CRLF, a byte
    order mark, blank lines and cells, blanks around a number, and steps in any order are accepted (same step twice: the
    last cell that is not empty wins). An unterminated last line that cannot be read is being written, and is left out.
    name: the run log's name, and the file's in the text of an error.
    notes: gets a line for each thing that was passed over.

    A column is float32 where each number's text is as short as a float32 allows, else float64.
    Raises FormatError, with the line, where something is no number, no step, or not as many columns as above.
    """
    try:
        head = _head(data)
        body = _without_torn_end(data[head.start :], head, notes if notes is not None else [])
        cells = _cells(body, head)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    return _assemble(name, head.columns, cells)


def _head(data: bytes) -> _Head:
    """The columns that the first line that is not blank names."""
    first = _INK.search(data, len(_MARK) if data.startswith(_MARK) else 0)
    if first is None:
        return _Head(COLUMNS, len(data), 0)
    start = max(data.rfind(b"\n", 0, first.start()), data.rfind(b"\r", 0, first.start())) + 1
    start = max(start, first.pos)
    line = _LINE.match(data, start)
    assert line is not None
    if not line[2] and header_line(COLUMNS).startswith(line[1]):  # the header is being written
        return _Head(COLUMNS, len(data), 0)
    number = len(data[:start].splitlines()) + 1
    fields = [field.strip() for field in _fields(line[1], number)]
    if fields[0].lower() != "step":
        return _headerless(fields, start, number, torn=not line[2])
    columns = tuple(fields[1:])
    if not columns or "" in columns or len({*columns, "step"}) <= len(columns):
        raise FormatError(f"line {number}: the names of the columns must differ and must not be empty")
    return _Head(columns, line.end(), number)


def _headerless(fields: list[str], start: int, number: int, torn: bool) -> _Head:
    width = len(COLUMNS) + 1
    begun = torn and len(fields) < width and (not fields[0] or _is_step(fields[0]))
    if ";" in fields[0] or (len(fields) != width and not begun):
        raise FormatError(
            f"line {number}: no run log: found neither a header (step,...) nor {width} columns separated by commas"
        )
    return _Head(COLUMNS, start, number - 1)


def _fields(line: bytes, number: int) -> list[str]:
    import csv

    if line.count(b",") >= _MOST_COLUMNS:
        raise FormatError(f"line {number}: more than {_MOST_COLUMNS} columns")
    try:
        return next(csv.reader([line.decode()], strict=True), [""]) or [""]
    except (UnicodeDecodeError, csv.Error):
        raise FormatError(f"line {number}: no text in UTF-8, or a quote that does not end: {_shown(line)}") from None


def _shown(line: bytes | str) -> str:
    text = line.decode(errors="replace") if isinstance(line, bytes) else line
    shown = repr(text.strip()[:60])
    return shown if len(shown) <= 80 else shown[:80] + "..."


def _without_torn_end(body: bytes, head: _Head, notes: list[str]) -> bytes:
    """The rows without an unterminated last line that cannot be read."""
    end = max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
    torn = body[end:]
    if torn.strip() and _complaint(torn, head):
        notes.append(f"the last line is not complete and was left out: {_shown(torn)}")
        return body[:end]
    return body


def _cells(body: bytes, head: _Head) -> ParsedRows:
    """The rows' numbers: quickly where all cells are plain, else line by line."""
    return parse_rows(body, len(head.columns) + 1) or _careful(body, head)


def _careful(body: bytes, head: _Head) -> ParsedRows:
    """The rows with blanks around numbers, quotes, blank lines, or steps that other tools write (``5.0``, ``1e3``).

    Raises:
        FormatError: a row cannot be read; the text says which, and why.
    """
    steps: list[int] = []
    cells: list[list[str]] = [[] for _ in head.columns]
    for number, line in enumerate(body.splitlines(), head.lines + 1):
        fields = [field.strip() for field in _fields(line, number)]
        if not any(fields):
            continue
        if wrong := _wrong(fields, head.columns):
            raise FormatError(f"line {number}: {wrong}")
        steps.append(int(fields[0]) if _WHOLE.fullmatch(fields[0]) else int(float(fields[0])))
        for column, text in zip(cells, fields[1:], strict=True):
            column.append(text)
    return ParsedRows(np.array(steps, np.int64), [ParsedColumn.of(texts) for texts in cells])


def _complaint(body: bytes, head: _Head) -> str | None:
    """Return why the first unreadable row cannot be read; None without one."""
    for number, line in enumerate(body.splitlines(), head.lines + 1):
        try:
            fields = [field.strip() for field in _fields(line, number)]
        except FormatError as error:
            return str(error)
        wrong = _wrong(fields, head.columns) if any(fields) else None
        if wrong:
            return f"line {number}: {wrong}"
    return None


def _wrong(fields: list[str], columns: tuple[str, ...]) -> str | None:
    if len(fields) != len(columns) + 1:
        return f"{len(fields)} columns instead of {len(columns) + 1}"
    if not _is_step(fields[0]):
        return f"the step is no whole number that fits into 64 bits: {_shown(fields[0])}"
    for name, text in zip(columns, fields[1:], strict=True):
        if text and not _NUMBER.fullmatch(text):
            return f"no number in the column {name}: {_shown(text)}"
    return None


def _is_step(text: str) -> bool:
    try:
        step = int(text) if _WHOLE.fullmatch(text) else float(text) if _NUMBER.fullmatch(text) else 0.5
    except ValueError:  # more digits than Python converts
        return False
    return step == step // 1 and -(1 << 63) <= step < 1 << 63


def _assemble(name: str, columns: tuple[str, ...], cells: ParsedRows) -> RunLog:
    steps, rows, row = cells.steps, cells.steps, np.arange(len(cells.steps))
    if np.any(steps[1:] <= steps[:-1]):
        rows, row = np.unique(steps, return_inverse=True)
    log = RunLog(name, rows, {}, {})
    for column, (found, logged, single) in zip(columns, cells.columns, strict=True):
        values: Floats = np.zeros(len(rows), np.float32 if single else np.float64)
        there = np.zeros(len(rows), bool)
        places = row[logged]
        with np.errstate(over="ignore"):  # a value too large for a float32 is not single
            values[places] = found[logged]  # of a step that comes twice, numpy keeps the last
        there[places] = True
        log.columns[column], log.logged[column] = values, there
    return log

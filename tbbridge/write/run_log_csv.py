"""The run log as CSV text, both ways: bytes that depend on the numbers only, and a reader for anyone's run logs.

    data = run_log_csv(log)
    log = read_run_log(data, "mnist")        # writing it again gives the same bytes

A number is the shortest text that reads back to the same float32 or float64 (pyarrow's CSV writer: ``0.1``, ``1``,
``-0``, ``0.00001``, ``1e-7``, ``1e+20``); ``nan``, ``inf`` and ``-inf`` are values; an empty cell was not logged.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tbbridge.core.errors import FormatError
from tbbridge.core.model import COLUMNS, Floats, Int64, RunLog
from tbbridge.write.block import numbers

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
_SAMPLE = 1000
"""Cells that are looked at first when the width of a column is decided."""


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
    """Where the first row at or behind a step begins, which is mostly near the end; the rows begin at `head`."""
    reach = _NEAR
    while True:
        low = max(head, len(text) - reach)
        row = text.find(b"\n", low) + 1 if low > head else head
        if low == head or (0 < row < len(text) and _step(text, row) < step):
            return _first_row(text, row, step)
        reach *= 16


def _first_row(text: bytes, low: int, step: int) -> int:
    """Where the first row at or behind a step begins, at `low` or later: a search by halves, since steps ascend."""
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
    return (",".join(_quoted(name) for name in ("step", *columns)) + "\n").encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\r\n') else name


def rows_csv(log: RunLog) -> bytes:
    """The rows, without a header."""
    arrays = [numbers(log.step)]
    arrays += [numbers(values, log.logged[name]) for name, values in log.columns.items()]
    table = pa.Table.from_arrays(arrays, names=[str(number) for number in range(len(arrays))])
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(table, sink, options)
    return sink.getvalue()


class _Head(NamedTuple):
    columns: tuple[str, ...]
    start: int
    """Where the rows start, in bytes."""
    lines: int
    """Lines above the rows."""


def read_run_log(data: bytes, name: str, *, notes: list[str] | None = None) -> RunLog:
    """Read a run log, ours or anyone's; writing it again gives the same bytes where the text was `run_log_csv`'s.

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
    """What the first line that is not blank says about the columns."""
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


def _cells(body: bytes, head: _Head) -> list[pa.ChunkedArray]:
    """The columns: int64 steps, then float32 or float64 values with nulls where nothing was logged."""
    try:
        return _numbers(_texts(body, head))
    except pa.ArrowInvalid as error:
        complaint = _complaint(body, head)
        if complaint:
            raise FormatError(complaint) from None
        reason = str(error).splitlines()[0]
    try:  # nothing wrong but lines of blanks
        return _numbers(_texts(b"\n".join(line for line in body.splitlines() if line.strip()), head))
    except pa.ArrowInvalid:
        raise FormatError(reason) from None


def _texts(body: bytes, head: _Head) -> pa.Table:
    names = [str(number) for number in range(len(head.columns) + 1)]
    kinds = {name: pa.string() for name in names}
    if not _INK.search(body):
        return pa.schema(kinds).empty_table()
    return pyarrow.csv.read_csv(
        io.BytesIO(body),
        read_options=pyarrow.csv.ReadOptions(column_names=names, use_threads=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=kinds, null_values=[""], strings_can_be_null=True),
    )


def _numbers(texts: pa.Table) -> list[pa.ChunkedArray]:
    import pyarrow.compute as pc  # to read only: its import would slow every export down

    try:
        return _narrowed(texts, pa.int64())
    except pa.ArrowInvalid:
        trimmed = [pc.utf8_trim_whitespace(text) for text in texts.columns]
        blank = [pc.if_else(pc.equal(text, ""), None, text) for text in trimmed]
        table = pa.Table.from_arrays(blank, names=texts.column_names)
        return _narrowed(table.filter(_any_valid(blank)), pa.float64())


def _any_valid(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    valid = columns[0].is_valid()
    for column in columns[1:]:
        valid = pc.or_(valid, column.is_valid())
    return valid


def _narrowed(texts: pa.Table, step: pa.DataType) -> list[pa.ChunkedArray]:
    """step: float64 for what other tools write (``5.0``, ``1e3``)."""
    steps, *values = texts.columns
    if steps.null_count:
        raise pa.ArrowInvalid("a step is missing")
    try:
        steps = steps.cast(pa.int64())
    except pa.ArrowInvalid:
        steps = steps.cast(step).cast(pa.int64())  # fails where there is a fraction
    return [steps, *(_shortest(value) for value in values)]


def _shortest(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The numbers of a column in the narrowest width that gives their texts back."""
    wide = texts.cast(pa.float64())
    if not _is_single(texts[:_SAMPLE], wide[:_SAMPLE]) or not _is_single(texts, wide):
        return wide
    return texts.cast(pa.float32())


def _is_single(texts: pa.ChunkedArray, wide: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    back = texts.cast(pa.float32()).cast(pa.string()).cast(pa.float64())
    same = pc.or_(pc.equal(back, wide), pc.and_(pc.is_nan(back), pc.is_nan(wide)))
    return pc.all(same).as_py() is not False


def _complaint(body: bytes, head: _Head) -> str | None:
    """What is wrong with the first row that cannot be read; slow, for after the quick way has failed."""
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


def _assemble(name: str, columns: tuple[str, ...], cells: list[pa.ChunkedArray]) -> RunLog:
    steps: Int64 = cells[0].to_numpy()
    row, rows = np.arange(len(steps)), steps
    if np.any(steps[1:] <= steps[:-1]):
        rows, row = np.unique(steps, return_inverse=True)
    log = RunLog(name, rows, {}, {})
    for column, cell in zip(columns, cells[1:], strict=True):
        valid = cell.is_valid().to_numpy()
        places = row[valid]
        values: Floats = np.zeros(len(rows), cell.type.to_pandas_dtype())
        values[places] = cell.drop_null().to_numpy()  # of a step that comes twice, numpy keeps the last
        log.columns[column] = values
        log.logged[column] = np.zeros(len(rows), bool)
        log.logged[column][places] = True
    return log

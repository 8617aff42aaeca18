"""The run log as CSV text, both ways: bytes that are a function of the numbers only, and a reader for anyone's run logs.

    data = run_log_csv(log)
    log = read_run_log(data, "mnist")        # writing it again gives the same bytes

A number is the shortest text that reads back to the same float32 or float64 (pyarrow's CSV writer: ``0.1``, ``1``,
``-0``, ``0.00001``, ``1e-7``, ``1e+20``); ``nan``, ``inf`` and ``-inf`` are values; an empty cell was not logged.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.csv

from tbbridge.errors import FormatError
from tbbridge.model import COLUMNS, RunLog


def run_log_csv(log: RunLog, *, header: bool = True) -> bytes:
    """The run log as CSV: UTF-8, LF, one row a step.

    header: write the line ``step,train accuracy,...``; without it the file is what older viewers read.
    """
    return (header_line(log.columns) if header else b"") + rows_csv(log)


def header_line(columns: Iterable[str]) -> bytes:
    """The header of a run log with these columns; a name is quoted only where CSV needs it."""
    return (",".join(_quoted(name) for name in ("step", *columns)) + "\n").encode()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\r\n') else name


def rows_csv(log: RunLog, start: int = 0) -> bytes:
    """The rows from `start` on, without a header."""
    arrays = [pa.array(log.step[start:])]
    for name, values in log.columns.items():
        arrays.append(pa.array(values[start:], mask=~log.logged[name][start:]))
    table = pa.Table.from_arrays(arrays, names=[str(number) for number in range(len(arrays))])
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(table, sink, options)
    return sink.getvalue()

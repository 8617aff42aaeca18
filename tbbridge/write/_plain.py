"""The plain twin of `tbbridge.write._native`, for where nothing could be compiled; `_native.pyi` documents both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tbbridge.core.crc32c import frame
from tbbridge.core.model import Bools, Float64, Floats, Int64
from tbbridge.write.events import event, summary
from tbbridge.write.number_text import Numbers, ParsedColumn, ParsedRows, Words

_PLAIN = b"0123456789+-.eEnaifNIAFtyTY,\r\n"
"""Bytes of numbers and rows; whatever else there is makes a cell one for the careful reader."""


def rows_text(
    leads: Sequence[bytes], columns: Sequence[Numbers], logged: Sequence[Bools | None], end: bytes, words: Words
) -> bytes:
    if not columns:
        return b""
    cells = [_cells(column, mask, words) for column, mask in zip(columns, logged, strict=True)]
    parts = [text for lead, texts in zip(leads, cells, strict=True) for text in ([lead] * len(texts), texts)]
    return b"".join(text for row in zip(*parts, [end] * len(cells[0]), strict=True) for text in row)


def _cells(column: Numbers, logged: Bools | None, words: Words) -> list[bytes]:
    text = _writer(column.dtype, words)
    cells = [text(value) for value in (column if column.dtype == np.float32 else column.tolist())]
    return (
        cells if logged is None else [cell if there else words.empty for cell, there in zip(cells, logged, strict=True)]
    )


def _writer(kind: np.dtype[Any], words: Words) -> Callable[[object], bytes]:
    if kind.kind == "b":
        return lambda value: words.true if value else words.false
    if kind.kind != "f":
        return lambda value: str(value).encode()
    special = {"nan": words.nan, "inf": words.inf, "-inf": words.minus_inf}
    if kind == np.float32:  # the digits are NumPy's, the layout is a float's
        special["0.0001"], special["-0.0001"] = words.ten_thousandth, b"-" + words.ten_thousandth
        return lambda value: special.get(shown := repr(float(str(value)))) or shown.encode()
    return lambda value: special.get(shown := repr(value)) or shown.encode()


def parse_rows(body: bytes, width: int) -> ParsedRows | None:
    if body.translate(None, _PLAIN):
        return None
    lines = [line for line in re.split(rb"[\r\n]+", body) if line]
    if any(line.count(b",") != width - 1 for line in lines):
        return None
    cells = b",".join(lines).split(b",") if lines else []
    try:
        steps = np.array(list(map(int, cells[::width])), np.int64)
        return ParsedRows(steps, [ParsedColumn.of(cells[place::width]) for place in range(1, width)])
    except (ValueError, OverflowError):
        return None


def scalar_records(
    steps: Int64, wall_times: Float64, heads: Sequence[bytes], values: Sequence[Floats], logged: Sequence[Bools]
) -> bytes:
    numbers = [column.astype(column.dtype.newbyteorder("<")) for column in values]
    return b"".join(
        frame(event(int(step), float(wall_time), summary(head + column[row].tobytes())))
        for row, (step, wall_time) in enumerate(zip(steps, wall_times, strict=True))
        for head, column, there in zip(heads, numbers, logged, strict=True)
        if there[row]
    )

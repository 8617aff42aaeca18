"""A workbook of any table, by XlsxWriter, which an install may lack.

Text cells are never formulas. A spreadsheet's number cannot be NaN or infinite: those are the texts ``NaN``, ``inf``
and ``-inf``. A worksheet holds 1,048,576 rows (Excel's limit); longer tables continue in the next worksheet, under the
same header.
"""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tbbridge.core.errors import UsageError
from tbbridge.write.backend import number_texts
from tbbridge.write.number_text import WORDS
from tbbridge.write.optional import load_optional
from tbbridge.write.table import Cells, Table, slices, utf8

SHEET_ROWS = 1_048_576
"""Rows that a worksheet can hold, its header counted."""
SHEET_COLUMNS = 16_384
"""Columns that a worksheet can hold."""
CELL_CHARACTERS = 32_767
"""Characters that a cell can hold, in UTF-16 units."""
_CREATED = datetime.datetime(1980, 1, 1)  # the bytes must not depend on the clock
_NO_XML = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")
"""Characters that XML cannot hold and XlsxWriter does not escape."""


class _Exact(float):
    """A number that is written with all its digits: XlsxWriter's own format has 16, and a double may need 17."""

    def __format__(self, _: str) -> str:
        return repr(float(self)).removesuffix(".0")


def xlsx_bytes(table: Table, *, sheet_rows: int = SHEET_ROWS) -> bytes:
    """Return the whole workbook; `sheet_rows` is for tests.

    Raises:
        UsageError: the table has more columns, or a text is longer, than a worksheet can hold; or XlsxWriter is not
            installed.
    """
    if len(table.header) > SHEET_COLUMNS:
        raise UsageError(f"a worksheet holds {SHEET_COLUMNS} columns, not {len(table.header)}: choose another format")
    library = load_optional("xlsxwriter", "XlsxWriter", "a workbook")
    sink = io.BytesIO()
    book = library.Workbook(sink, {"constant_memory": True})
    book.set_properties({"created": _CREATED})
    header = [_fitting(text) for text in table.header]
    sheet: Any = None
    row = sheet_rows
    for cells in _rows(table):
        if row == sheet_rows:
            sheet, row = _sheet(book, header), 1
        for column, value in enumerate(cells):
            if value is not None:
                write = sheet.write_string if isinstance(value, str) else sheet.write_number
                write(row, column, value)
        row += 1
    if sheet is None:
        _sheet(book, header)
    book.close()
    return sink.getvalue()


def _sheet(book: Any, header: list[str]) -> Any:
    sheet = book.add_worksheet()
    for column, text in enumerate(header):
        sheet.write_string(0, column, text)
    return sheet


def _fitting(text: str) -> str:
    safe = utf8(text).translate(_NO_XML)
    if len(safe.encode("utf-16-le")) > 2 * CELL_CHARACTERS:
        raise UsageError(
            f"a cell holds {CELL_CHARACTERS} characters, and {safe[:40]!r}... is longer: choose another format"
        )
    return safe


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    """Each row's texts and numbers; None where a cell is empty."""
    for group in slices(table):
        labels = [[_fitting(text)] * group.size for text in group.labels]
        yield from zip(*labels, *map(_values, group.columns.values()), strict=True)


def _values(cells: Cells) -> list[Any]:
    values, logged = cells
    found: list[Any]
    if values.dtype.hasobject:
        found = [_fitting(str(value)) for value in values]
    elif values.dtype == bool:
        found = [WORDS.true.decode() if value else WORDS.false.decode() for value in values]
    elif values.dtype.kind == "f":
        found = [_Exact(text) if math.isfinite(float(text)) else text for text in number_texts(values)]
    else:
        found = values.tolist()
    return (
        found
        if logged is None
        else [one if there else None for one, there in zip(found, np.asarray(logged), strict=True)]
    )

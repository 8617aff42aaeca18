"""Workbooks, read back by openpyxl."""

from __future__ import annotations

import io

import numpy as np
import openpyxl
import pytest
from small_tables import cells, float32, long

from tbbridge.core.errors import UsageError
from tbbridge.write.table import RowGroup, Table
from tbbridge.write.xlsx import xlsx_bytes


def worksheets(data: bytes) -> list[list[list[object]]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [[[cell.value for cell in row] for row in sheet.rows] for sheet in book]


def test_rows_come_back() -> None:
    """Header, texts, numbers and empty cells; NaN and the infinities are texts."""
    column = cells([0.1, None, float("nan"), float("inf")], np.float32)
    group = RowGroup(("a<b&c",), {"step": cells([0, 1, 2, 3], np.int64), "loss": column})
    assert worksheets(xlsx_bytes(Table(("run",), ("step", "loss"), [group]))) == [
        [
            ["run", "step", "loss"],
            ["a<b&c", 0, 0.1],
            ["a<b&c", 1, None],
            ["a<b&c", 2, "NaN"],
            ["a<b&c", 3, "inf"],
        ]
    ]


def test_a_formula_in_a_name_stays_text() -> None:
    """No cell of the workbook is a formula."""
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes(long(("=1+1", "@x", float32(1))))))
    assert [cell.data_type for cell in list(book.active.rows)[1]][:2] == ["s", "s"]


def test_a_long_table_goes_on_in_the_next_worksheet() -> None:
    """A worksheet has a limit; the next one has the same header, and no row is lost or doubled."""
    found = worksheets(xlsx_bytes(long(("r", "a", float32(*range(7))), ("r", "b", float32(*range(4)))), sheet_rows=6))
    assert [len(rows) for rows in found] == [6, 6, 2]
    assert {tuple(rows[0]) for rows in found} == {("run", "tag", "step", "wall_time", "value")}
    assert [row[4] for rows in found for row in rows[1:]] == [*range(7), *range(4)]


def test_the_bytes_depend_on_the_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock in the zip; a control character, which XML cannot hold, is escaped as the format says."""
    table = long(("\x01", "t", float32(1)))
    first = xlsx_bytes(table)
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert xlsx_bytes(table) == first
    assert worksheets(first)[0][1][0] in ("\x01", "_x0001_")
    assert worksheets(xlsx_bytes(long(("a\uffff", "t", float32(1)))))[0][1][0] == "a\ufffd"


def test_an_empty_table_is_a_workbook_with_a_header() -> None:
    """No rows: one worksheet with the header."""
    assert worksheets(xlsx_bytes(long())) == [[["run", "tag", "step", "wall_time", "value"]]]


def test_too_many_columns_are_refused() -> None:
    """A worksheet has room for 16,384; the text says what to do."""
    names = tuple(f"t{number}" for number in range(16_385))
    with pytest.raises(UsageError, match="16384 columns, not 16385: choose another format"):
        xlsx_bytes(Table((), names, []))


@pytest.mark.parametrize("text", ["x" * 32_768, "\U0001f600" * 16_384])
def test_a_text_that_no_cell_holds_is_refused(text: str) -> None:
    """A cell has room for 32,767 UTF-16 units: a longer text is one line, never a shorter text or an empty cell."""
    with pytest.raises(UsageError, match=r"a cell holds 32767 characters, and .* is longer: choose another format"):
        xlsx_bytes(long((text, "t", float32(1))))
    assert worksheets(xlsx_bytes(long((text[1:], "t", float32(1)))))[0][1][0] == text[1:]


def test_a_double_keeps_all_its_digits() -> None:
    """The file holds 17 digits where a double needs them."""
    group = RowGroup((), {"a": cells([0.1 + 0.2, 1 / 3, 1e-300])})
    assert worksheets(xlsx_bytes(Table((), ("a",), [group])))[0][1:] == [[0.1 + 0.2], [1 / 3], [1e-300]]

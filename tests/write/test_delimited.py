"""CSV of any sheet."""

from __future__ import annotations

import csv
import io
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheets import float32, long, points

from tbbridge.write.block import Block, Sheet
from tbbridge.write.csv_text import CsvOptions, cell, csv_chunks


def text(sheet: Sheet, *, header: bool = True, spreadsheet_safe: bool = False, dialect: str = "plain") -> str:
    return b"".join(csv_chunks(sheet, CsvOptions(header, spreadsheet_safe, dialect))).decode()


def test_a_value_is_the_shortest_text_of_its_own_width() -> None:
    """A float32 prints as a float32 even where another series of the same column is float64."""
    sheet = long(("r", "a", float32(0.1, 4.8241897)), ("r", "b", np.array([0.1, 1 / 3])))
    assert [line.split(",")[-1] for line in text(sheet).splitlines()[1:]] == [
        "0.1",
        "4.8241897",
        "0.1",
        "0.3333333333333333",
    ]


def test_special_values_and_empty_cells_differ() -> None:
    """NaN and the infinities are values; null is an empty cell."""
    column = pa.array([float("nan"), float("inf"), float("-inf"), None], pa.float32())
    sheet = Sheet((), ("step", "loss"), [Block((), {"step": pa.array(range(4)), "loss": column})])
    assert text(sheet) == "step,loss\n0,nan\n1,inf\n2,-inf\n3,\n"


NAMES = st.text() if sys.version_info >= (3, 11) else st.text().map(lambda name: name.replace("\0", ""))
"""Any names; before Python 3.11 the csv module that reads them back refuses NUL."""


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5))
def test_any_names_come_back_from_a_csv_reader(names: list[tuple[str, str]]) -> None:
    """Commas, quotes, line ends and any other character in names are quoted as RFC 4180 has it."""
    sheet = long(*((run, tag, float32(1, 2)) for run, tag in names))
    rows = list(csv.reader(io.StringIO(text(sheet), newline=""), strict=True))
    assert [tuple(row[:2]) for row in rows[1:]] == [name for name in names for _ in range(2)]


def test_names_that_need_no_quotes_have_none() -> None:
    """Ordinary names are written as they are."""
    assert text(long(("exp/train", "loss", float32(1)))).splitlines()[1] == "exp/train,loss,0,1700000000,1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_spreadsheet_safe_neutralises_formulas(start: str) -> None:
    """A text that a spreadsheet would run gets an apostrophe before it; without the option it is left as it is."""
    name = start + "HYPERLINK(1)"
    assert next(csv.reader(io.StringIO(cell(name, spreadsheet_safe=True), newline="")))[0] == "'" + name
    assert cell(name).strip('"') == name
    wide = Sheet((), ("step", name), [Block((), {"step": pa.array([1]), name: pa.array([-2.0])})])
    assert text(wide, spreadsheet_safe=True).endswith("\n1,-2\n")
    assert "'" + start in text(wide, spreadsheet_safe=True)


def test_a_block_may_lack_columns() -> None:
    """A column that a block does not have is empty in its rows."""
    sheet = Sheet(("run",), ("step", "a", "b"), [Block(("x",), {"step": pa.array([1]), "b": pa.array([2.5])})])
    assert text(sheet) == "run,step,a,b\nx,1,,2.5\n"


def test_no_header() -> None:
    """The header can be left out."""
    assert text(long(("r", "t", float32(1))), header=False) == "r,t,0,1700000000,1\n"


def test_the_slices_do_not_show() -> None:
    """A series longer than a slice, and many short ones, give the same lines as a plain loop."""
    big = np.arange(150_000, dtype=np.float32) / 7
    sheet = long(("r", "big", big), *((f"r{i}", "t", float32(i)) for i in range(2000)))
    lines = text(sheet).splitlines()
    assert len(lines) == 1 + 150_000 + 2000
    assert lines[100_001] == f"r,big,100000,{1.7e9 + 100_000 / 8!r},{big[100_000]!s}".replace(".0,", ",")
    assert lines[-1] == "r1999,t,0,1700000000,1999"


def test_columns_of_one_series_share_the_memory_of_the_arrays() -> None:
    """`points` is zero-copy, as the writers rely on."""
    values = float32(1, 2, 3)
    assert points(values)["value"].buffers()[1].address == values.ctypes.data

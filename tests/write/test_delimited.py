"""CSV of any table."""

from __future__ import annotations

import csv
import io
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_tables import cells, float32, long, unlabelled

from tbbridge.write.csv_text import CsvOptions, csv_chunks
from tbbridge.write.table import Cells, RowGroup, Table


def text(table: Table, *, header: bool = True, spreadsheet_safe: bool = False, dialect: str = "plain") -> str:
    return b"".join(csv_chunks(table, CsvOptions(header, spreadsheet_safe, dialect))).decode()


def test_a_value_is_the_shortest_text_of_its_own_width() -> None:
    """A float32 prints as a float32 even where another series of the same column is float64."""
    table = long(("r", "a", float32(0.1, 4.8241897)), ("r", "b", np.array([0.1, 1 / 3])))
    assert [line.split(",")[-1] for line in text(table).splitlines()[1:]] == [
        "0.1",
        "4.8241897",
        "0.1",
        "0.3333333333333333",
    ]


def test_special_values_and_empty_cells_differ() -> None:
    """NaN and the infinities are values; null is an empty cell."""
    column = cells([float("nan"), float("inf"), float("-inf"), None], np.float32)
    table = unlabelled({"step": cells([0, 1, 2, 3], np.int64), "loss": column})
    assert text(table) == "step,loss\n0,NaN\n1,inf\n2,-inf\n3,\n"


NAMES = st.text() if sys.version_info >= (3, 11) else st.text().map(lambda name: name.replace("\0", ""))
"""Any names; before Python 3.11 the csv module that reads them back refuses NUL."""


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5))
def test_any_names_come_back_from_a_csv_reader(names: list[tuple[str, str]]) -> None:
    """Commas, quotes, line ends and any other character in names are quoted as RFC 4180 has it."""
    table = long(*((run, tag, float32(1, 2)) for run, tag in names))
    rows = list(csv.reader(io.StringIO(text(table), newline=""), strict=True))
    assert [tuple(row[:2]) for row in rows[1:]] == [name for name in names for _ in range(2)]


def test_names_that_need_no_quotes_have_none() -> None:
    """Ordinary names are written as they are."""
    assert text(long(("exp/train", "loss", float32(1)))).splitlines()[1] == "exp/train,loss,0,1700000000.0,1.0"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_spreadsheet_safe_neutralises_formulas(start: str) -> None:
    """A text that a spreadsheet would run gets an apostrophe before it; without the option it is left as it is."""
    name = start + "HYPERLINK(1)"
    assert (
        next(csv.reader(io.StringIO(CsvOptions(spreadsheet_safe=True).cell(name).decode(), newline="")))[0]
        == "'" + name
    )
    assert CsvOptions().cell(name).decode().strip('"') == name
    wide = unlabelled({"step": cells([1], np.int64), name: cells([-2.0])})
    assert text(wide, spreadsheet_safe=True).endswith("\n1,-2.0\n")
    assert "'" + start in text(wide, spreadsheet_safe=True)


def test_a_group_may_lack_columns() -> None:
    """A column that a group does not have is empty in its rows."""
    group = RowGroup(("x",), {"step": cells([1], np.int64), "b": cells([2.5])})
    table = Table(("run",), ("step", "a", "b"), [group])
    assert text(table) == "run,step,a,b\nx,1,,2.5\n"


def test_no_header() -> None:
    """The header can be left out."""
    assert text(long(("r", "t", float32(1))), header=False) == "r,t,0,1700000000.0,1.0\n"


def test_the_slices_do_not_show() -> None:
    """A series longer than a slice, and many short ones, give the same lines as a plain loop."""
    big = np.arange(150_000, dtype=np.float32) / 7
    table = long(("r", "big", big), *((f"r{i}", "t", float32(i)) for i in range(2000)))
    lines = text(table).splitlines()
    assert len(lines) == 1 + 150_000 + 2000
    assert lines[100_001] == f"r,big,100000,{1.7e9 + 100_000 / 8!r},{big[100_000]!s}"
    assert lines[-1] == "r1999,t,0,1700000000.0,1999.0"


FLOATS = st.one_of(st.none(), st.floats(), st.sampled_from([1e-4, 1e-5, 1e16, 1e15, 1.0, -0.0]))


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), FLOATS), min_size=1))
def test_the_dialect_of_pythons_csv_module(rows: list[tuple[int, float | None]]) -> None:
    """Doubles, NaN, infinities, empty cells, whole numbers: what csv.writer makes of the same rows."""
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows([("run, 1", "step", "value"), *(("a\nb", *row) for row in rows)])
    columns = {"step": cells([row[0] for row in rows], np.int64), "value": cells([row[1] for row in rows])}
    table = Table(("run, 1",), ("step", "value"), [RowGroup(("a\nb",), columns)])
    assert text(table, dialect="python") == sink.getvalue()


def test_the_dialect_has_the_float32_texts_of_older_loggers() -> None:
    """NumPy 1.14 said 1e-04 for the float32 next to 1e-4, which lies below it; a double is 0.0001 to Python."""
    single, double = float32(1e-4, -1e-4, 1.1e-4, 1e-5), np.array([1e-4])
    assert text(unlabelled({"a": Cells(single)}), dialect="python") == "a\r\n1e-04\r\n-1e-04\r\n0.00011\r\n1e-05\r\n"
    assert text(unlabelled({"a": Cells(double)}), dialect="python") == "a\r\n0.0001\r\n"

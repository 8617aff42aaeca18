"""The run log is the outer join of its columns on step, made at once or kept up to date."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.model import COLUMNS, Points, RunLog
from tbbridge.shape.run_log import run_log, since

NONE = Points(np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32))


def points(cells: dict[int, float], dtype: type = np.float32) -> Points:
    steps = sorted(cells)
    return Points(np.array(steps, np.int64), np.zeros(len(steps)), np.array([cells[step] for step in steps], dtype))


def cells(log: RunLog) -> list[tuple[object, ...]]:
    """The rows with None for an empty cell."""
    return [
        (step, *(values[row].item() if log.logged[name][row] else None for name, values in log.columns.items()))
        for row, step in enumerate(log.step.tolist())
    ]


COLUMN = st.dictionaries(st.integers(-3, 8) | st.sampled_from([-(1 << 63), (1 << 63) - 1]), st.floats(width=32))


@given(st.lists(COLUMN, min_size=1, max_size=4))
def test_every_step_of_any_column_is_a_row(columns):
    """Rows are the union of the steps, ascending; a cell holds its own column's value at that very step, or nothing."""
    log = run_log("x", {f"c{number}": points(column) for number, column in enumerate(columns)})
    assert log.step.tolist() == sorted(set().union(*columns))
    for number, column in enumerate(columns):
        name = f"c{number}"
        assert log.logged[name].tolist() == [step in column for step in log.step.tolist()]
        written = log.columns[name][log.logged[name]]
        np.testing.assert_array_equal(written, [column[step] for step in sorted(column)])


def test_columns_keep_their_order_and_width():
    """A table has its columns in the order given, each in its own dtype, also where nothing was logged."""
    log = run_log("x", {"b": points({1: 0.1}, np.float64), "a": points({2: 0.5}), "empty": NONE})
    assert list(log.columns) == list(log.logged) == ["b", "a", "empty"]
    assert [column.dtype for column in log.columns.values()] == [np.float64, np.float32, np.float32]
    assert cells(log) == [(1, 0.1, None, None), (2, None, 0.5, None)]


@pytest.mark.parametrize("columns", [{}, dict.fromkeys(COLUMNS, NONE)])
def test_a_table_without_points_has_no_rows(columns):
    """No columns, and empty columns, give no rows."""
    log = run_log("x", columns)
    assert len(log.step) == 0
    assert list(log.columns) == list(columns)


@given(COLUMN, COLUMN, st.integers(-5, 25))
def test_the_rows_from_a_step_on_are_those_of_the_table(one, other, first):
    """The rows before a step and those from it on are the whole table."""
    columns = {"a": points(one), "b": points(other)}
    whole = cells(run_log("x", columns))
    kept = [row for row in whole if row[0] < first]
    np.testing.assert_equal(kept + cells(run_log("x", since(columns, first))), whole)

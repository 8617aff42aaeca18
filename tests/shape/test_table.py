"""The run log is the outer join of its columns on step, made at once or kept up to date."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_model import Log, event_file, runs

from tbbridge.model import COLUMNS, Points, RunLog
from tbbridge.shape.run import RunSeries
from tbbridge.shape.series import live, merge
from tbbridge.shape.table import GrowingRunLog, run_log

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


def same(one: RunLog, other: RunLog) -> bool:
    pairs = [(one.step, other.step)]
    pairs += [(one.columns[name], other.columns[name]) for name in other.columns]
    pairs += [(one.logged[name], other.logged[name]) for name in other.columns]
    return list(one.columns) == list(other.columns) and all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs
    )


def frozen(log: RunLog) -> RunLog:
    return RunLog(
        log.name,
        log.step.copy(),
        {name: column.copy() for name, column in log.columns.items()},
        {name: logged.copy() for name, logged in log.logged.items()},
    )


def head(log: RunLog, rows: int) -> RunLog:
    return RunLog(
        log.name,
        log.step[:rows],
        {name: column[:rows] for name, column in log.columns.items()},
        {name: logged[:rows] for name, logged in log.logged.items()},
    )


WIDTHS = st.sampled_from([np.float32, np.float32, np.float32, np.float64])
NAMES = st.sampled_from([("a", "b"), ("a", "b"), ("a", "b"), ("b", "a"), ("a",)])


@given(st.lists(st.tuples(NAMES, COLUMN, COLUMN, WIDTHS, st.booleans()), max_size=8))
def test_the_growing_table_equals_the_table_made_at_once(updates):
    """Whatever the columns become, the table is that of a fresh join, and the rows it calls kept are as they were."""
    table, before, kept = GrowingRunLog("x"), run_log("x", {}), 0
    past: list[dict[int, float]] = [{}, {}]
    for names, one, other, width, fresh in updates:
        past = [one, other] if fresh else [{**past[0], **one}, {**past[1], **other}]
        columns = dict(zip(names, [points(past[0], width), points(past[1])], strict=False))
        kept = table.update(columns)
        assert same(table.log, run_log("x", columns))
        assert table.take_kept() == kept
        assert kept == 0 or same(head(table.log, kept), head(before, kept))
        before = frozen(table.log)


@given(runs(), st.lists(st.integers(0, 3), max_size=20))
def test_the_table_follows_a_run_whose_files_grow(made, order):
    """From the event files to the table, one event at a time in any order, the growing path equals the fresh one."""
    run, table = RunSeries(), GrowingRunLog("x")
    shown = dict.fromkeys([arguments[0] for arguments in made], 0)
    for place in order:
        name, events, born, doubles = made[place % len(made)]
        shown[name] += 1
        run.update([event_file(name, events[: shown[name]], born=born, doubles=doubles)])
        files = [event_file(n, e[: shown[n]], born=b, doubles=d) for n, e, b, d in made if shown[n]]
        fresh = {tag: live(series) for tag, series in merge(files).items()}
        table.update({tag: run.live(tag) if tag in run.tags else NONE for tag in "abc"})
        assert same(table.log, run_log("x", {tag: fresh.get(tag, NONE) for tag in "abc"}))


def test_new_rows_and_late_cells_keep_the_rows_before_them():
    """A row appended keeps all rows; a validation cell that comes late changes the rows from its step on."""
    train = {step: float(step) for step in range(100)}
    table = GrowingRunLog("x")
    table.update({"train": points(train), "val": NONE})
    assert table.take_kept() == 0
    train[100] = 1.0
    assert table.update({"train": points(train), "val": NONE}) == 100
    assert table.update({"train": points(train), "val": points({98: 0.5})}) == 98
    assert table.update({"train": points(train), "val": points({98: 0.5})}) == 101
    assert table.take_kept() == 98, "the lowest since the last take"
    assert table.take_kept() == 101


def test_a_point_costs_the_news(monkeypatch):
    """A new point joins a handful of rows, however long the table is."""
    joined = []
    original = run_log

    def counting(name, columns):
        joined.append(sum(len(column.step) for column in columns.values()))
        return original(name, columns)

    monkeypatch.setattr("tbbridge.shape.table.run_log", counting)
    run, table = RunSeries(), GrowingRunLog("x")
    history = [Log("a", step, step, step) for step in range(1000)]
    for count in range(990, 1000):
        run.update([event_file("1", history[:count])])
        table.update({"a": run.live("a")})
    assert joined == [990] + [1] * 9

"""The rules of the table of experiments: its columns, its best cells, its texts."""

from __future__ import annotations

import math

import numpy as np

from tbbridge.exporting.summary_table import best_cells, best_places, safe_line, table_columns, write_cell

ROWS = [
    {"last wall time": 9.0, "hparam.all": "x", "last val accuracy": 0.9, "last val loss": 0.5, "hparam.lr": 0.1},
    {"last wall time": 5.0, "hparam.all": "x", "last val accuracy": 0.7, "last val loss": 0.25, "hparam.lr": 0.01},
    {"last wall time": 7.0, "hparam.all": "x", "last val accuracy": math.nan, "last val loss": None, "restarts": 1},
]


def test_hyperparameters_that_differ_come_first() -> None:
    """Then best and last values, the rest, steps and times, and hyperparameters that are all alike."""
    assert table_columns(ROWS) == [
        "hparam.lr",
        "last val accuracy",
        "last val loss",
        "restarts",
        "last wall time",
        "hparam.all",
    ]
    assert table_columns([{"last train time step": 3, "steps": 4, "last train time": 0.5}]) == [
        "last train time",
        "steps",
        "last train time step",
    ]


def test_the_best_is_by_the_columns_own_direction() -> None:
    """A loss is best where it is smallest; times, equals and what is no number have no best."""
    assert best_places(ROWS, "last val accuracy", 5) == [0, 1]
    assert best_places(ROWS, "last val loss", 5) == [1, 0]
    assert best_cells(ROWS, table_columns(ROWS)) == {"last val accuracy": 0, "last val loss": 1}
    alike = [{"best val accuracy": 0.5}, {"best val accuracy": 0.5}]
    assert best_cells(alike, ["best val accuracy"]) == {}
    assert best_places(alike, "best val accuracy", 1) == [0]


def test_cells_are_written_to_be_told_apart() -> None:
    """Whole numbers in full, others with five digits, wall times as a calendar has them, in UTC."""
    cells = (None, True, 12345, 1234561.0, 0.1, np.float32(0.1), 1 / 3, "x")
    assert [*map(write_cell, cells)] == ["", "True", "12,345", "1,234,561", "0.1", "0.1", "0.33333", "x"]
    times = (1795507075.87, 1e300, None)
    assert [write_cell(time, "first wall time") for time in times] == ["2026-11-24 07:57:55", "1e+300", ""]


def test_a_line_marks_texts_alone() -> None:
    """A negative number stays one; a text that looks like a formula is marked, and quoted where CSV asks for it."""
    assert safe_line(["=1,2", -2.5, np.float32(-0.1), None, True]) == b'"\'=1,2",-2.5,-0.1,,True\r\n'

"""The run log: the columns of one experiment, joined on step.

log = run_log("mnist", {"train accuracy": points, "val accuracy": points})
news = run_log("mnist", since(columns, 500))     # its rows from a step on
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tbbridge.core.model import Int64, Points, RunLog

_SHORT = 256
"""Numbers that are copied as quickly as numpy is called."""


def run_log(name: str, columns: Mapping[str, Points]) -> RunLog:
    """The outer join of an experiment's columns on step: one row a step, ascending, nothing interpolated.

    columns: by column name, in the order of the table; a column without points is there with empty cells only.
    A cell that was not logged holds 0 in the array and False in `RunLog.logged`.
    """
    step = all_steps(columns)
    everywhere, nowhere = np.ones(len(step), bool), np.zeros(len(step), bool)
    everywhere.flags.writeable = nowhere.flags.writeable = False  # shared by columns
    log = RunLog(name, step, {}, {})
    for column, points in columns.items():
        if len(points.step) == len(step) > 0:
            log.columns[column], log.logged[column] = points.value, everywhere
            continue
        log.columns[column], log.logged[column] = np.zeros(len(step), points.value.dtype), nowhere
        if len(points.step):
            rows = np.searchsorted(step, points.step)
            log.columns[column][rows] = points.value
            log.logged[column] = nowhere.copy()
            log.logged[column][rows] = True
    return log


def filled(log: RunLog, columns: Iterable[str]) -> RunLog:
    """The same rows with these columns, in their order; one that the run log lacks is empty."""
    full, empty = RunLog(log.name, log.step, {}, {}), np.zeros(len(log.step), bool)
    for column in columns:
        full.columns[column] = log.columns.get(column, empty.astype(np.float32))
        full.logged[column] = log.logged.get(column, empty)
    return full


def column_points(log: RunLog, column: str) -> Points:
    """The points of a run log's column; it holds no wall times, which are NaN."""
    rows = log.logged[column]
    step = log.step[rows]
    return Points(step, np.full(len(step), np.nan), log.columns[column][rows])


def same_steps(one: Int64, other: Int64) -> bool:
    """Whether two columns of steps are equal; short ones are compared quickly as bytes."""
    size = len(one)
    return size == len(other) and (one.tobytes() == other.tobytes() if size < _SHORT else bool((one == other).all()))


def all_steps(columns: Mapping[str, Points]) -> Int64:
    """The steps of a run log with these columns."""
    filled = [points.step for points in columns.values() if len(points.step)]
    return filled[0] if filled and all(same_steps(filled[0], one) for one in filled[1:]) else joined_steps(filled)


def joined_steps(columns: Iterable[Int64]) -> Int64:
    """The steps of all columns, ascending, each once."""
    # numpy's stable sort finds the ascending stretches and merges them: linear for series that mostly rise
    step = np.sort(np.concatenate([np.empty(0, np.int64), *columns]), kind="stable")
    return step[np.concatenate([[True], step[1:] != step[:-1]])] if len(step) else step


def since(columns: Mapping[str, Points], step: int) -> dict[str, Points]:
    """The points of all columns from a step on; views."""
    return {column: one.at(slice(int(one.step.searchsorted(step)), None)) for column, one in columns.items()}

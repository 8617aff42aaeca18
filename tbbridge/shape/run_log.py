"""The run log: the columns of one experiment, joined on step.

log = run_log("mnist", {"train accuracy": points, "val accuracy": points})
step = first_change(before, columns)             # the columns grew: rows from here on differ
news = run_log("mnist", since(columns, step))    # those rows
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tbbridge.core.growing_column import common_start
from tbbridge.core.model import Int64, Points, RunLog


def run_log(name: str, columns: Mapping[str, Points]) -> RunLog:
    """The outer join of an experiment's columns on step: one row a step, ascending, nothing interpolated.

    columns: by column name, in the order of the table; a column without points is there with empty cells only.
    A cell that was not logged holds 0 in the array and False in `RunLog.logged`.
    """
    step = joined_steps(points.step for points in columns.values())
    log = RunLog(name, step, {}, {})
    for column, points in columns.items():
        rows = np.searchsorted(step, points.step)
        log.columns[column] = np.zeros(len(step), points.value.dtype)
        log.columns[column][rows] = points.value
        log.logged[column] = np.zeros(len(step), bool)
        log.logged[column][rows] = True
    return log


def joined_steps(columns: Iterable[Int64]) -> Int64:
    """The steps of all columns, ascending, each once."""
    # numpy's stable sort finds the ascending stretches and merges them: linear in what comes here
    step = np.sort(np.concatenate([np.empty(0, np.int64), *columns]), kind="stable")
    return step[np.concatenate([[True], step[1:] != step[:-1]])] if len(step) else step


def first_change(old: Mapping[str, Points], new: Mapping[str, Points]) -> int | None:
    """The lowest step of a row of the run log that differs, where the columns `old` became `new`; None where none does.

    Arrays that were handed in must not be written to; later views of the same growing columns (`RunSeries.live`) are
    known to begin as before, others are compared.
    """
    steps = [_first_difference(old.get(column), points) for column, points in new.items()]
    return min((step for step in steps if step is not None), default=None)


def _first_difference(old: Points | None, new: Points) -> int | None:
    if old is None:
        return int(new.step[0]) if len(new.step) else None
    same = min(common_start(old.step, new.step), common_start(old.value, new.value))
    rest = [int(step[same]) for step in (old.step, new.step) if same < len(step)]
    return min(rest, default=None)


def since(columns: Mapping[str, Points], step: int) -> dict[str, Points]:
    """The points of all columns from a step on; views."""
    return {column: _from(points, step) for column, points in columns.items()}


def _from(points: Points, step: int) -> Points:
    first = int(points.step.searchsorted(step))
    return Points(points.step[first:], points.wall_time[first:], points.value[first:])

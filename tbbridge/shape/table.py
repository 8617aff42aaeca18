"""The run log: the columns of one experiment, joined on step.

log = run_log("mnist", {"train accuracy": points, "val accuracy": points})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.model import Int64, Points, RunLog
from tbbridge.shape.growing import GrowingColumn, common_start


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


class GrowingRunLog:
    """The run log of one experiment whose columns grow.

    Where new points lie behind the rows that are there, or fill cells of the last ones, `update` costs the news and
    those rows; a change of the past costs the rows from there on, other columns than before cost the whole table.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._points: dict[str, Points] = {}
        self._step = GrowingColumn(np.int64, private=True)
        self._values: dict[str, GrowingColumn] = {}
        self._logged: dict[str, GrowingColumn] = {}
        self._kept = 0

    @property
    def log(self) -> RunLog:
        """The table now: what `run_log` of the same columns gives. Its arrays are good until the next `update`."""
        values = {column: grown.view for column, grown in self._values.items()}
        return RunLog(self.name, self._step.view, values, {name: grown.view for name, grown in self._logged.items()})

    def update(self, columns: Mapping[str, Points]) -> int:
        """Take in the columns as they are now; returns how many rows at the start did not change.

        columns: as for `run_log`. Arrays that were handed in must not be written to; later views of the same growing
        columns (`RunSeries.live`) are known to begin as before, others are compared.
        """
        if not self._fits(columns):
            self._restart(columns)
        before = len(self._step)
        first = _first_change(self._points, columns)
        kept = before if first is None else int(np.searchsorted(self._step.view, first))
        if first is not None:
            self._replace(kept, {column: _from(points, first) for column, points in columns.items()})
        self._points = dict(columns)
        self._kept = min(self._kept, kept)
        return kept

    def take_kept(self) -> int:
        """How many rows at the start did not change since the last call."""
        kept, self._kept = self._kept, len(self._step)
        return kept

    def _fits(self, columns: Mapping[str, Points]) -> bool:
        return list(columns) == list(self._values) and all(
            points.value.dtype == self._values[column].view.dtype for column, points in columns.items()
        )

    def _restart(self, columns: Mapping[str, Points]) -> None:
        self._points = {}
        self._step = GrowingColumn(np.int64, private=True)
        self._values = {name: GrowingColumn(points.value.dtype, private=True) for name, points in columns.items()}
        self._logged = {name: GrowingColumn(bool, private=True) for name in columns}
        self._kept = 0

    def _replace(self, kept: int, columns: Mapping[str, Points]) -> None:
        """Put the rows of these columns behind the first `kept` rows."""
        news = run_log(self.name, columns)
        pairs: list[tuple[GrowingColumn, NDArray[Any]]] = [(self._step, news.step)]
        pairs += [(self._values[name], values) for name, values in news.columns.items()]
        pairs += [(self._logged[name], logged) for name, logged in news.logged.items()]
        for grown, values in pairs:
            grown.cut(kept)
            grown.extend(values)


def _first_change(old: Mapping[str, Points], new: Mapping[str, Points]) -> int | None:
    """The lowest step at which a cell differs; None where none does."""
    steps = [_first_difference(old.get(column), points) for column, points in new.items()]
    return min((step for step in steps if step is not None), default=None)


def _first_difference(old: Points | None, new: Points) -> int | None:
    if old is None:
        return int(new.step[0]) if len(new.step) else None
    same = min(common_start(old.step, new.step), common_start(old.value, new.value))
    rest = [int(step[same]) for step in (old.step, new.step) if same < len(step)]
    return min(rest, default=None)


def _from(points: Points, step: int) -> Points:
    first = int(np.searchsorted(points.step, step))
    return Points(points.step[first:], points.wall_time[first:], points.value[first:])

"""One experiment in few numbers: the row of the summary.

row = SummaryRow(columns, restarts=1)
row["best val accuracy"], row["duration"]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from tbbridge.core.model import Cell, Float64, HParam, Points
from tbbridge.shape.facts import Extremes, extremes
from tbbridge.shape.gap import gap
from tbbridge.shape.many_series import Joined, ManySeries
from tbbridge.shape.mapping.tokens import tokenise
from tbbridge.shape.run_log import all_steps

_LOWER = """
    loss cost entropy xent error err wrong perplexity ppl bits bpc bpb bpd mse mae rmse mape smape rmsle mase wape nll
    wer cer ter eer fid kid fvd epe hausdorff lpips brier ece kl divergence distance time
"""

HPARAM: Final = "hparam."
"""The beginning of a hyperparameter's column name."""

LOWER_IS_BETTER: Final = frozenset(_LOWER.split())
"""Words of a column's name that make its smallest value the best; otherwise the largest is."""


_NOTHING: Final[tuple[dict[str, Points], int, int, dict[str, Extremes]]] = ({}, 0, 0, {})
"""In the place of the columns of a row that is computed."""


@lru_cache(1000)
def lower_is_better(column: str) -> bool:
    """Whether the smallest value of a column is its best."""
    return any(part in LOWER_IS_BETTER for word in tokenise(column) for part in word.text.split())


class SummaryRow(Mapping[str, Cell]):
    """The summary's row of one experiment, computed when it is first looked at; None is an empty cell.

    Its keys, in their order: ``first wall time`` and ``last wall time`` (seconds since the epoch), ``duration``
    (seconds), ``steps`` (how many), ``last step``, ``steps per second``; of each column ``last X``, ``last X step``,
    ``best X`` and ``best X step``; of each metric that is logged of both training and validation ``M gap``;
    ``restarts``; ``damage`` (how many places); of each hyperparameter ``hparam.NAME``.

    Args:
        columns: the run log's columns.
        restarts: how often the training began again.
        damage: how many places of its event files could not be used.
        hparams: the hyperparameters by name.
        known: by column, its extremes, as far as they are known.
    """

    __slots__ = ("_cells", "_given", "_known", "hparams")

    def __init__(
        self,
        columns: Mapping[str, Points],
        restarts: int = 0,
        damage: int = 0,
        hparams: Mapping[str, HParam] = MappingProxyType({}),
        known: Mapping[str, Extremes] = MappingProxyType({}),
    ) -> None:
        self.hparams = hparams
        self._given = (columns, restarts, damage, known)
        self._cells: dict[str, Cell] | None = None
        self._known: tuple[tuple[str, ...], tuple[Cell, ...]] | None = None

    @classmethod
    def of(cls, keys: tuple[str, ...], cells: tuple[Cell, ...]) -> SummaryRow:
        """The row whose cells are known, kept as small as they are while no single one is asked for."""
        row = cls({})
        row._given, row._known = _NOTHING, (keys, cells)
        return row

    def __getitem__(self, key: str) -> Cell:
        return self.compute()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known[0] if self._known else self.compute())

    def __len__(self) -> int:
        return len(self._known[0] if self._known else self.compute())

    def line(self, keys: tuple[str, ...]) -> tuple[Cell, ...]:
        """Return the cells of these keys; None where there is none."""
        if self._known and self._known[0] == keys:
            return self._known[1]
        cells = dict(zip(*self._known, strict=True)) if self._known and self._cells is None else self.compute()
        return tuple([cells.get(key) for key in keys])

    def compute(self) -> dict[str, Cell]:
        """Return all of it, and let go of the columns; from any thread."""
        columns, restarts, damage, known = self._given  # another thread empties it when the cells are there
        if self._known and self._cells is None:
            self._cells = dict(zip(*self._known, strict=True))
        if self._cells is None:
            ends = {name: known.get(name) or extremes(points) for name, points in columns.items() if len(points.step)}
            cells = {**_course(columns, ends), **_values(columns, ends), "restarts": restarts, "damage": damage}
            for name, value in self.hparams.items():
                key = HPARAM + name
                while key in cells:  # a metric may be called so
                    key += "'"
                cells[key] = value
            self._cells = cells
            self._given = _NOTHING
        return self._cells


def rows_together(columns: Sequence[str], filled: Sequence[int], many: ManySeries, logs: Joined) -> list[SummaryRow]:
    """Return the rows of calm experiments whose columns have the same steps, by array operations.

    Args:
        columns: the names of their run logs' columns.
        filled: the places of those that have points.
        many: their series.
        logs: the run logs, the columns that have points.
    """
    first, last, lowest, highest = (column[logs.numbers] for column in many.all_extremes)
    began, ended = np.fmin.reduce(first, axis=1), np.fmax.reduce(last, axis=1)
    start, end = logs.bounds[:-1], logs.bounds[1:] - 1
    duration, steps = _or_none(ended - began), (logs.step[start].tolist(), logs.step[end].tolist())
    rate = [(b - a) / seconds if seconds else None for a, b, seconds in zip(*steps, duration, strict=True)]
    empty: list[Cell] = [None] * len(start)
    cells: dict[str, Sequence[Cell]] = {
        "first wall time": _or_none(began),
        "last wall time": _or_none(ended),
        "duration": duration,
        "steps": (end - start + 1).tolist(),
        "last step": steps[1],
        "steps per second": rate,
    }
    for place, name in enumerate(columns):
        (last_key, last_step), (best, best_step) = _keys(name)
        cells |= dict.fromkeys((last_key, last_step, best, best_step), empty)
        if place in filled:
            column = filled.index(place)
            row = (lowest if lower_is_better(name) else highest)[:, column]
            value, at = logs.values[column], start + np.maximum(row, 0)
            cells[last_key], cells[last_step] = list(value[end]), steps[1]
            cells[best] = [one if known else None for one, known in zip(value[at], row >= 0, strict=True)]
            cells[best_step] = [
                one if known else None for one, known in zip(logs.step[at].tolist(), row >= 0, strict=True)
            ]
    for place, name in enumerate(columns):
        if name.startswith("val "):
            metric, train = name.removeprefix("val "), f"train {name.removeprefix('val ')}"
            cells[f"{metric} gap"] = empty
            if place in filled and train in columns and columns.index(train) in filled:
                pair = logs.numbers[:, [filled.index(columns.index(train)), filled.index(place)]].tolist()
                cells[f"{metric} gap"] = [_gap(many.cut(a), many.cut(b), lower_is_better(name)) for a, b in pair]
    cells |= {"restarts": [0] * len(start), "damage": [0] * len(start)}
    keys = tuple(cells)
    return [SummaryRow.of(keys, row) for row in zip(*cells.values(), strict=True)]


def _or_none(numbers: Float64) -> list[Cell]:
    """The numbers, None in the place of NaN."""
    return [None if number != number else number for number in numbers.tolist()]


def _course(columns: Mapping[str, Points], ends: Mapping[str, Extremes]) -> dict[str, Cell]:
    """When the training was at work, and how far it came."""
    timed = [one for one in ends.values() if not math.isnan(one.first_wall_time)]
    first = min((one.first_wall_time for one in timed), default=None)
    last = max((one.last_wall_time for one in timed), default=None)
    duration = None if first is None or last is None else last - first
    step = all_steps(columns)
    return {
        "first wall time": first,
        "last wall time": last,
        "duration": duration,
        "steps": len(step),
        "last step": int(step[-1]) if len(step) else None,
        "steps per second": (int(step[-1]) - int(step[0])) / duration if duration else None,
    }


def _values(columns: Mapping[str, Points], ends: Mapping[str, Extremes]) -> dict[str, Cell]:
    """The last and the best value of each column, and the gap of each metric that has two columns."""
    cells: dict[str, Cell] = {}
    for name, points in columns.items():
        rows = (-1, -1)
        if name in ends:
            rows = len(points.step) - 1, ends[name].lowest if lower_is_better(name) else ends[name].highest
        for (key, of_step), row in zip(_keys(name), rows, strict=True):
            cells[key] = None if row < 0 else points.value[row]
            cells[of_step] = None if row < 0 else points.step.item(row)
    for name in columns:
        if name.startswith("val "):
            metric = name.removeprefix("val ")
            cells[f"{metric} gap"] = _gap(columns.get(f"train {metric}"), columns[name], lower_is_better(name))
    return cells


@lru_cache(1000)
def _keys(column: str) -> tuple[tuple[str, str], ...]:
    """The names of a column's last and best value and of their steps; thousands of rows share them."""
    return tuple((f"{what} {column}", f"{what} {column} step") for what in ("last", "best"))


def _gap(train: Points | None, val: Points, lower: bool) -> Cell:
    found = gap(train, val, lower_is_better=lower) if train else None
    if found is None or train is None:
        return None
    kind = np.result_type(train.value, val.value).type
    return float(found.value) if kind is np.float64 else np.float32(found.value)

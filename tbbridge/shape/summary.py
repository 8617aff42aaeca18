"""One experiment in few numbers: the row of the summary.

row = SummaryRow(columns, restarts=1)
row["best val accuracy"], row["duration"]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from tbbridge.core.model import Cell, HParam, Points
from tbbridge.shape.gap import gap
from tbbridge.shape.mapping.tokens import tokenise
from tbbridge.shape.run_log import all_steps

_LOWER = """
    loss cost entropy xent error err wrong perplexity ppl bits bpc bpb bpd mse mae rmse mape smape rmsle nll wer cer ter
    fid kid lpips brier ece kl divergence distance time
"""

HPARAM: Final = "hparam."
"""How the name of a hyperparameter's column begins."""

LOWER_IS_BETTER: Final = frozenset(_LOWER.split())
"""Words of a column's name that make its smallest value the best; otherwise the largest is."""


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
    """

    __slots__ = ("_cells", "_given", "hparams")

    def __init__(
        self,
        columns: Mapping[str, Points],
        restarts: int = 0,
        damage: int = 0,
        hparams: Mapping[str, HParam] = MappingProxyType({}),
    ) -> None:
        self.hparams = hparams
        self._given = (columns, restarts, damage)
        self._cells: dict[str, Cell] | None = None

    def __getitem__(self, key: str) -> Cell:
        return self.cells[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def cells(self) -> dict[str, Cell]:
        """All of it, computed now if it was not."""
        if self._cells is None:
            columns, restarts, damage = self._given
            counts = {"restarts": restarts, "damage": damage}
            self._cells = {**_course(columns), **_values(columns), **counts}
            for name, value in self.hparams.items():
                key = HPARAM + name
                while key in self._cells:  # a metric may be called so
                    key += "'"
                self._cells[key] = value
            self._given = ({}, 0, 0)
        return self._cells


def _course(columns: Mapping[str, Points]) -> dict[str, Cell]:
    """When the training was at work, and how far it came."""
    times = [points.wall_time[np.isfinite(points.wall_time)] for points in columns.values()]
    first = min((float(some.min()) for some in times if len(some)), default=None)
    last = max((float(some.max()) for some in times if len(some)), default=None)
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


def _values(columns: Mapping[str, Points]) -> dict[str, Cell]:
    """The last and the best value of each column, and the gap of each metric that has two columns."""
    cells: dict[str, Cell] = {}
    for name, points in columns.items():
        for what, row in (("last", len(points.step) - 1 if len(points.step) else None), ("best", best(name, points))):
            cells[f"{what} {name}"] = None if row is None else points.value[row]
            cells[f"{what} {name} step"] = None if row is None else int(points.step[row])
    for name in (name for name in columns if name.startswith("val ")):
        metric = name.removeprefix("val ")
        cells[f"{metric} gap"] = _gap(columns.get(f"train {metric}"), columns[name], lower_is_better(name))
    return cells


def best(column: str, points: Points) -> int | None:
    """The row of a column's best value, the first of equals; None where no value is a number."""
    choose = np.argmin if lower_is_better(column) else np.argmax
    row = int(choose(points.value)) if len(points.value) else None
    if row is None or not np.isnan(points.value[row]):  # where there is a NaN, numpy chooses the first
        return row
    rows = np.flatnonzero(~np.isnan(points.value))
    return int(rows[choose(points.value[rows])]) if len(rows) else None


def _gap(train: Points | None, val: Points, lower: bool) -> Cell:
    found = gap(train, val, lower_is_better=lower) if train else None
    if found is None or train is None:
        return None
    kind = np.result_type(train.value, val.value).type
    return float(found.value) if kind is np.float64 else np.float32(found.value)

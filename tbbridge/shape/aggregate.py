"""The mean or median of repeated trainings, step by step, with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Bools, Float64, Int64, RunLog
from tbbridge.shape.run_log import joined_steps

STATISTICS: Final = ("std", "min", "max", "n")
"""The columns beside the mean or the median, before the other of the two and the interquartile mean."""

_CHUNK = 1 << 16
"""Steps that are aggregated at a time: its memory is this times the number of run logs."""


def aggregate(name: str, logs: Sequence[RunLog], how: str) -> RunLog:
    """The mean or median of repeated trainings, step by step, with their spread.

    At each step that any of them logged, over those that logged there: nothing is interpolated or carried on, and ``n``
    says how many there are. ``std`` is the sample's (n - 1), empty where n is 1. The interquartile mean leaves out the
    n // 4 lowest and highest values (Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical
    Precipice", 2021). A NaN among the values makes all of them but ``n`` NaN.

    Args:
        name: the result's name.
        logs: the run logs; columns that only some have count for those.
        how: ``mean`` or ``median``: which of the two comes first.

    Returns a table with the columns ``<column> <how>``, ``<column> std``, ``min``, ``max``, ``n``, the other of mean
    and median, and ``interquartile mean``, all float64; but ``min`` and ``max``, which are values that were logged, are
    float32 where all of these are.
    """
    step = joined_steps(log.step for log in logs)
    result = RunLog(name, step, {}, {})
    for column in dict.fromkeys(column for log in logs for column in log.columns):
        having = [log for log in logs if column in log.columns]
        parts = [_aggregate(step[at : at + _CHUNK], column, having, how) for at in range(0, max(1, len(step)), _CHUNK)]
        single = all(log.columns[column].dtype == np.float32 for log in having)
        for place, label in enumerate((how, *STATISTICS, "median" if how == "mean" else "mean", "interquartile mean")):
            joined = np.concatenate([values[place] for values in parts])
            logged_value = single and label in ("min", "max")
            result.columns[f"{column} {label}"] = joined.astype(np.float32) if logged_value else joined
            count = np.concatenate([values[4] for values in parts])
            result.logged[f"{column} {label}"] = count >= {"n": 0, "std": 2}.get(label, 1)
    return result


def _aggregate(step: Int64, column: str, logs: Sequence[RunLog], how: str) -> list[Float64]:
    """The statistics of one column at these steps, in their order; 0 where nothing was logged."""
    values, logged = _stacked(step, column, logs)
    count = logged.sum(axis=0)
    some = np.maximum(count, 1)
    centre = np.where(logged, values, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite values: their mean is infinite, their spread NaN
        mean = centre.sum(axis=0) / some
        std = np.sqrt((np.where(logged, values - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1))
    low = np.where(logged, values, np.inf).min(axis=0)
    high = np.where(logged, values, -np.inf).max(axis=0)
    ordered = np.sort(np.where(logged, values, np.inf), axis=0)  # missing values come last; NaN behind them
    broken = (np.isnan(values) & logged).any(axis=0)
    middle = [mean, np.where(broken, np.nan, _median(ordered, count))]
    if how == "median":
        middle.reverse()
    inner = np.where(broken, np.nan, _interquartile_mean(ordered, count))
    return [middle[0], std, low, high, count.astype(np.float64), middle[1], inner]


def _stacked(step: Int64, column: str, logs: Sequence[RunLog]) -> tuple[Float64, NDArray[np.bool_]]:
    """A column of all run logs at these steps, as rows of one matrix; and where it was logged."""
    values = np.zeros((len(logs), len(step)))
    logged: Bools = np.zeros((len(logs), len(step)), bool)
    for row, log in enumerate(logs):
        if not len(step):
            continue
        inside = slice(np.searchsorted(log.step, step[0]), np.searchsorted(log.step, step[-1], side="right"))
        places = np.searchsorted(step, log.step[inside])
        values[row, places] = log.columns[column][inside]
        logged[row, places] = log.logged[column][inside]
    return values, logged


def _median(ordered: Float64, count: NDArray[np.int64]) -> Float64:
    columns = np.arange(ordered.shape[1])
    lower, upper = np.maximum(count - 1, 0) // 2, count // 2
    with np.errstate(invalid="ignore", over="ignore"):
        middle: Float64 = (ordered[lower, columns] + ordered[np.minimum(upper, len(ordered) - 1), columns]) / 2
    return middle


def _interquartile_mean(ordered: Float64, count: NDArray[np.int64]) -> Float64:
    rows, cut = np.arange(len(ordered))[:, None], count // 4
    inside = (rows >= cut) & (rows < count - cut)
    with np.errstate(invalid="ignore", over="ignore"):
        mean: Float64 = np.where(inside, ordered, 0.0).sum(axis=0) / np.maximum(count - 2 * cut, 1)
    return mean

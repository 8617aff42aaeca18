"""The gap between training and validation: one definition, for the page and the summary."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tbbridge.core.model import Float64, Floats, Points

_TAILS = (64, 4096, 0)
"""Newest points among which the last shared step is looked for; 0 for all."""


class Gap(NamedTuple):
    """The gap at one step: positive where validation is worse."""

    step: int
    value: float
    """Positive where validation is worse; NaN where a value is no number."""


def gaps(train: Points, val: Points, *, lower_is_better: bool) -> Points:
    """Return how much worse validation is than training, at each step that both have.

    Args:
        train: a column, by step ascending.
        val: the column of the same metric of the validation data.
        lower_is_better: True for a loss, False for an accuracy.

    Returns:
        Points with float64 values, positive where validation is worse, and the later of the two wall times.
    """
    return _gaps(train, val, lower_is_better, _worse)


def gap(train: Points, val: Points, *, lower_is_better: bool) -> Gap | None:
    """Return the gap at the last step that both columns have (as `decimal_gaps`); None where they share no step."""
    if not len(train.step) or not len(val.step):
        return None
    if train.step[-1] == val.step[-1]:
        row, place = len(val.step) - 1, len(train.step) - 1
    else:
        for newest in _TAILS:  # what they share stands near their ends, as a rule
            shared = np.flatnonzero(np.isin(val.step[-newest:], train.step[-newest:], assume_unique=True))
            if len(shared):
                break
        else:
            return None
        row = int(shared[-1]) + max(0, len(val.step) - newest if newest else 0)
        place = int(np.searchsorted(train.step, val.step[row]))
    worse = _decimally_worse(train.value[place : place + 1], val.value[row : row + 1], lower_is_better)
    return Gap(int(val.step[row]), float(worse[0]))


def decimal_gaps(train: Points, val: Points, *, lower_is_better: bool) -> Points:
    """Return `gaps` without the noise of binary fractions: 0.9 - 0.8 is 0.1.

    float32 values are subtracted as the shortest decimals that read back to them, and so is the result.
    """
    return _gaps(train, val, lower_is_better, _decimally_worse)


def _gaps(train: Points, val: Points, lower: bool, worse: Callable[[Floats, Floats, bool], Float64]) -> Points:
    step, i, j = np.intersect1d(train.step, val.step, assume_unique=True, return_indices=True)
    value = worse(train.value[i], val.value[j], lower)
    return Points(step, np.fmax(train.wall_time[i], val.wall_time[j]), value)


def _worse(train: Floats, val: Floats, lower: bool) -> Float64:
    ours, theirs = train.astype(np.float64), val.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite values
        return theirs - ours if lower else ours - theirs


def _decimally_worse(train: Floats, val: Floats, lower: bool) -> Float64:
    value = _worse(decimals(train), decimals(val), lower)
    with np.errstate(over="ignore"):
        return decimals(value.astype(np.float32)) if train.dtype == val.dtype == np.float32 else value


def decimals(values: Floats) -> Float64:
    """Return float64 values that print as these do: the shortest decimals that read back to them."""
    return values.astype("U32").astype(np.float64) if values.dtype == np.float32 else values.astype(np.float64)

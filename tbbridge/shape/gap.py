"""The gap between training and validation: one definition, for the page and the summary."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.model import Floats, Points


class Gap(NamedTuple):
    """How much worse validation is than training at one step."""

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
    step, i, j = np.intersect1d(train.step, val.step, assume_unique=True, return_indices=True)
    ours, theirs = train.value[i].astype(np.float64), val.value[j].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite values
        value = theirs - ours if lower_is_better else ours - theirs
    return Points(step, np.fmax(train.wall_time[i], val.wall_time[j]), value)


def gap(train: Points, val: Points, *, lower_is_better: bool) -> Gap | None:
    """Return the gap at the last step that both columns have; None where they share no step.

    float32 values are subtracted as the shortest decimals that read back to them: 0.9 - 0.8 is 0.1, without the noise
    of their binary fractions.
    """
    shared = np.flatnonzero(np.isin(val.step, train.step, assume_unique=True))
    if not len(shared):
        return None
    step = int(val.step[shared[-1]])
    ours, theirs = _decimal(train.value, int(np.searchsorted(train.step, step))), _decimal(val.value, int(shared[-1]))
    value = theirs - ours if lower_is_better else ours - theirs
    narrow = train.value.dtype == val.value.dtype == np.float32
    return Gap(step, float(str(np.float32(value))) if narrow else value)


def _decimal(values: Floats, place: int) -> float:
    value: Any = values[place]
    return float(str(value)) if values.dtype == np.float32 else float(value)

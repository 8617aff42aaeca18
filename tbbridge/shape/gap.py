"""The gap between training and validation: one definition, for the page and the summary."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tbbridge.core.model import Float64, Floats, Points
from tbbridge.shape.series import taken

_TAILS = (64, 4096, 0)
"""Newest points among which the last shared step is looked for; 0 for all."""


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
    """Return the gap at the last step that both columns have (as `decimal_gaps`); None where they share no step."""
    for newest in _TAILS:  # what they share stands at their ends, as a rule
        shared = np.flatnonzero(np.isin(val.step[-newest:], train.step[-newest:], assume_unique=True))
        if len(shared):
            break
    else:
        return None
    row = int(shared[-1]) + max(0, len(val.step) - newest if newest else 0)
    places = int(np.searchsorted(train.step, val.step[row])), row
    last = [taken(one, slice(at, at + 1)) for one, at in zip((train, val), places, strict=True)]
    found = decimal_gaps(*last, lower_is_better=lower_is_better)
    return Gap(int(found.step[0]), float(found.value[0]))


def decimal_gaps(train: Points, val: Points, *, lower_is_better: bool) -> Points:
    """Return `gaps` without the noise of binary fractions: 0.9 - 0.8 is 0.1.

    float32 values are subtracted as the shortest decimals that read back to them, and so is the result.
    """
    narrow = train.value.dtype == val.value.dtype == np.float32
    ours, theirs = (one._replace(value=decimals(one.value)) for one in (train, val))
    found = gaps(ours, theirs, lower_is_better=lower_is_better)
    with np.errstate(over="ignore"):
        return found._replace(value=decimals(found.value.astype(np.float32))) if narrow else found


def decimals(values: Floats) -> Float64:
    """Return float64 values that print as these do: the shortest decimals that read back to them."""
    return values.astype("U32").astype(np.float64) if values.dtype == np.float32 else values.astype(np.float64)

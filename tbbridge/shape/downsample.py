"""A series thinned for the eye: first, last, and the minima and maxima between."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Floats, Points

FEWEST = 2
"""First and last are always kept."""


def downsample(points: Points, most: int) -> Points:
    """At most `most` of the points: the first, the last, and each stretch's minimum and maximum.

    The result holds points of the series, at their own steps, in their order; NaN is kept only where a stretch holds
    nothing else. `most` below `FEWEST` is taken for it.
    """
    if len(points.step) <= max(most, FEWEST):
        return points
    return points.at(_kept(points.value, (max(most, FEWEST) - 2) // 2))


def _kept(values: Floats, stretches: int) -> NDArray[np.intp]:
    """The indices that are kept: the ends, and the extremes of equal stretches between."""
    last = len(values) - 1
    bounds = np.linspace(1, last, stretches + 1).astype(np.intp)
    low = np.where(np.isnan(values), np.inf, values)
    high = np.where(np.isnan(values), -np.inf, values)
    kept = {0, last}
    for start, end in itertools.pairwise(bounds):
        if end > start:
            kept.update((int(start + low[start:end].argmin()), int(start + high[start:end].argmax())))
    return np.array(sorted(kept), np.intp)

"""What the mapping needs to know of a series' points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tbbridge.model import Series


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the mapping needs to know of a series' points (those that a restart superseded are not counted)."""

    points: int = 0
    first_step: int = 0
    last_step: int = 0
    consecutive: bool = False
    """At least two points whose steps grow by one."""
    ordinal: bool = False
    """The writer passed no step."""
    largest: float = math.nan
    """The largest finite value; NaN when there is none."""


def facts(series: Series) -> SeriesFacts:
    """The facts of one series; costs a pass over its points."""
    live = ~series.superseded
    steps, values = series.step[live], series.value[live]
    if not len(steps):
        return SeriesFacts(ordinal=series.ordinal)
    first, last = int(steps.min()), int(steps.max())
    finite = values[np.isfinite(values)]
    return SeriesFacts(
        points=len(steps),
        first_step=first,
        last_step=last,
        consecutive=len(steps) > 1 and last - first == len(steps) - 1,
        ordinal=series.ordinal,
        largest=float(finite.max()) if len(finite) else math.nan,
    )

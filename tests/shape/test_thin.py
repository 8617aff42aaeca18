"""Thinning for the eye."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.model import Points
from tbbridge.shape.downsample import downsample


def points(values: list[float]) -> Points:
    steps = np.arange(len(values), dtype=np.int64) * 3
    return Points(steps, steps / 2, np.array(values, np.float32))


@given(st.lists(st.floats(width=32), min_size=1, max_size=300), st.integers(2, 60))
def test_what_is_kept(values: list[float], most: int) -> None:
    """At most so many points of the series in their order: the first, the last, the largest and the smallest."""
    series = points(values)
    found = downsample(series, most)
    assert len(found.step) <= max(most, 2)
    assert (np.diff(found.step) > 0).all()
    rows = np.searchsorted(series.step, found.step)
    np.testing.assert_array_equal(series.value[rows], found.value)
    np.testing.assert_array_equal(series.wall_time[rows], found.wall_time)
    assert {0, len(values) - 1} <= set(rows.tolist())
    numbers = series.value[~np.isnan(series.value)]
    if most >= 4 and len(numbers):
        assert np.nanmax(found.value) == numbers.max()
        assert np.nanmin(found.value) == numbers.min()


def test_a_single_outlier_stays() -> None:
    """One spike among a million points is drawn."""
    values = np.zeros(1_000_000, np.float32)
    values[654_321] = 9
    steps = np.arange(len(values), dtype=np.int64)
    found = downsample(Points(steps, steps / 1, values), 100)
    assert 654_321 in found.step
    assert len(found.step) <= 100


def test_a_short_series_is_left_alone() -> None:
    """Nothing is dropped where there are no more points than are asked for."""
    series = points([1, 2, 3])
    assert downsample(series, 3) is series

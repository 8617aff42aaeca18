"""Aggregates over repeated trainings."""

from __future__ import annotations

import numpy as np
import pytest

from tbbridge.core.model import RunLog
from tbbridge.shape.aggregate import aggregate

NAN, INF = float("nan"), float("inf")


def log(name: str = "x", **columns: list[float | None]) -> RunLog:
    """A run log with a row at each step from 0; ``val_loss=`` is the column ``val loss``; None: not logged."""
    size = len(next(iter(columns.values())))
    made = RunLog(name, np.arange(size, dtype=np.int64), {}, {})
    for column, values in columns.items():
        made.columns[column.replace("_", " ")] = np.array([0 if v is None else v for v in values], np.float32)
        made.logged[column.replace("_", " ")] = np.array([v is not None for v in values])
    return made


def test_an_aggregate_joins_unequal_steps_without_interpolation() -> None:
    """At each step over those that logged there; n says how many; the spread of one value is empty."""
    found = aggregate("seeds", [log(a=[1, 2, 3]), log(a=[3, None, 5, 8])], "mean")
    assert found.step.tolist() == [0, 1, 2, 3]
    assert found.columns["a mean"].tolist() == [2, 2, 4, 8]
    assert found.columns["a n"].tolist() == [2, 1, 2, 1]
    assert found.columns["a min"].tolist() == [1, 2, 3, 8]
    assert found.columns["a max"].tolist() == [3, 2, 5, 8]
    assert found.columns["a std"][[0, 2]].tolist() == pytest.approx([2**0.5, 2**0.5])
    assert found.logged["a std"].tolist() == [True, False, True, False]
    assert found.logged["a mean"].all()


@pytest.mark.parametrize("how", ["mean", "median"])
def test_an_aggregate_agrees_with_numpy(how: str) -> None:
    """Mean, median, std, min and max as numpy has them, over more steps than one piece."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(5, 70_000))
    logs = [log(a=list(row)) for row in values]
    values = values.astype(np.float32).astype(float)
    found = aggregate("seeds", logs, how)
    np.testing.assert_allclose(found.columns[f"a {how}"], getattr(np, how)(values, axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.columns["a std"], values.std(axis=0, ddof=1), rtol=1e-10)
    assert (found.columns["a min"] == values.min(axis=0)).all()
    assert (found.columns["a max"] == values.max(axis=0)).all()


def test_nan_and_infinities_show_in_the_aggregate() -> None:
    """A seed that diverged is not hidden."""
    found = aggregate("seeds", [log(a=[1, 1, 1]), log(a=[NAN, INF, 3]), log(a=[2, 2, 2])], "median")
    np.testing.assert_array_equal(found.columns["a median"], [NAN, 2, 2])
    assert np.isnan(found.columns["a min"][0])
    assert np.isinf(found.columns["a max"][1])


def test_columns_that_only_some_have() -> None:
    """They count for those; steps where none logged the column are empty."""
    found = aggregate("seeds", [log(a=[1, 2]), log(b=[5, None, 7])], "mean")
    assert found.columns["a n"].tolist() == [1, 1, 0]
    assert found.logged["a mean"].tolist() == [True, True, False]
    assert found.logged["b mean"].tolist() == [True, False, True]


def test_nothing_is_an_empty_table() -> None:
    """Run logs without rows give no rows."""
    found = aggregate("seeds", [log(a=[])], "median")
    assert len(found.step) == 0
    assert len(found.columns["a median"]) == 0


def test_the_last_step_there_is() -> None:
    """The largest and the smallest number of 64 bits are steps like any other."""
    ends = np.array([-(2**63), 0, 2**63 - 1])
    logs = [RunLog("x", ends, {"a": np.array([1.0, 2.0, value])}, {"a": np.ones(3, bool)}) for value in (3.0, 5.0)]
    found = aggregate("seeds", logs, "mean")
    assert found.step.tolist() == ends.tolist()
    assert found.columns["a mean"].tolist() == [1, 2, 4]
    assert found.columns["a n"].tolist() == [2, 2, 2]


def test_smallest_and_largest_are_values_that_were_logged() -> None:
    """They keep the width of a float32, and so its short text; a double among them keeps its own."""
    steps = np.arange(1)
    one = RunLog("one", steps, {"a": np.array([0.1], np.float32)}, {"a": np.ones(1, bool)})
    two = RunLog("two", steps, {"a": np.array([0.1])}, {"a": np.ones(1, bool)})
    assert aggregate("seeds", [one, one], "mean").columns["a min"].dtype == np.float32
    assert aggregate("seeds", [one, two], "mean").columns["a min"].tolist() == [0.1]


def test_the_interquartile_mean_leaves_out_the_lowest_and_highest_quarter() -> None:
    """As scipy's trim_mean(values, 0.25) does; of fewer than four values it is their mean; NaN shows."""
    logs = [
        log(a=[value, short, NAN if value == 3 else 1])
        for value, short in zip([9, 3, 1, 2, 100], [1, 2, 6, None, None], strict=True)
    ]
    found = aggregate("seeds", logs, "mean")
    assert found.columns["a interquartile mean"][:2].tolist() == [(2 + 3 + 9) / 3, 3]
    assert np.isnan(found.columns["a interquartile mean"][2])
    assert found.columns["a median"][:2].tolist() == [3, 2]
    assert aggregate("seeds", logs, "median").columns["a mean"][:2].tolist() == [23, 3]

"""Best and last values, gaps, and aggregates over repeated trainings."""

from __future__ import annotations

import numpy as np
import pytest

from tbbridge.core.model import Points, RunLog
from tbbridge.shape.gap import gap, gaps
from tbbridge.shape.summary import aggregate, lower_is_better, summarise

NAN, INF = float("nan"), float("inf")


def log(name: str = "x", **columns: list[float | None]) -> RunLog:
    """A run log with a row at each step from 0; ``val_loss=`` is the column ``val loss``; None: not logged."""
    size = len(next(iter(columns.values())))
    made = RunLog(name, np.arange(size, dtype=np.int64), {}, {})
    for column, values in columns.items():
        made.columns[column.replace("_", " ")] = np.array([0 if v is None else v for v in values], np.float32)
        made.logged[column.replace("_", " ")] = np.array([v is not None for v in values])
    return made


def test_best_is_largest_or_smallest_by_the_columns_name() -> None:
    """An accuracy's best is its largest value, a loss's its smallest; the first of equals."""
    (found,) = summarise([log(train_accuracy=[0.5, 0.9, 0.9, 0.7], train_cross_entropy=[2, 0.5, 1, None])])
    assert found.best == {"train accuracy": 1, "train cross entropy": 1}
    assert found.last == {"train accuracy": 3, "train cross entropy": 2}


@pytest.mark.parametrize(
    ("column", "lower"),
    [
        ("val accuracy", False),
        ("val perplexity", True),
        ("val f1", False),
        ("train batchLoss", True),
        ("val WER", True),
    ],
)
def test_which_metrics_are_better_when_lower(column: str, lower: bool) -> None:
    """Told by the words of the name."""
    assert lower_is_better(column) is lower


def test_nan_is_never_the_best_but_can_be_the_last() -> None:
    """A training that diverged ends with NaN, and had its best before; a column of NaN alone has no best."""
    (found,) = summarise([log(train_accuracy=[0.5, 0.6, NAN], val_accuracy=[NAN, None, None])])
    assert found.best == {"train accuracy": 1, "val accuracy": None}
    assert found.last == {"train accuracy": 2, "val accuracy": 0}


def test_the_gap_is_taken_at_the_last_step_that_both_have() -> None:
    """Positive where validation is worse, for accuracy and loss alike."""
    (found,) = summarise(
        [
            log(
                train_accuracy=[0.5, 0.75, 0.875, 1],
                val_accuracy=[0.25, None, 0.5, None],
                train_cross_entropy=[1, 0.5, 0.25, None],
                val_cross_entropy=[2, None, 0.75, 1],
            )
        ]
    )
    assert found.gaps == {"accuracy": 0.375, "cross entropy": 0.5}


def test_no_gap_without_a_step_that_both_have() -> None:
    """Nothing to compare: no gap."""
    (found,) = summarise([log(train_accuracy=[None, 0.5], val_accuracy=[0.5, None])])
    assert found.gaps == {"accuracy": None}


def test_the_gap_of_float32_values_is_free_of_their_noise() -> None:
    """0.9512 and 0.7599 are not floats; their difference is 0.1913 and not 0.19130003."""
    train, val = (Points(np.arange(1), np.zeros(1), np.array([x], np.float32)) for x in (0.9512, 0.7599))
    assert gap(train, val, lower_is_better=False) == (0, 0.1913)
    assert gap(val, train, lower_is_better=True) == (0, 0.1913)
    assert gap(train, val, lower_is_better=True) == (0, -0.1913)


def test_the_gaps_of_a_line_end_with_the_gap() -> None:
    """At each step that both have, whatever lies between; a NaN stays one, and infinite values warn of nothing."""
    train = Points(np.array([0, 1, 2, 5]), np.arange(4.0), np.array([1.0, 0.5, np.inf, 0.25]))
    val = Points(np.array([1, 2, 3, 5]), np.arange(4.0) + 10, np.array([0.75, np.inf, 9.0, 0.5]))
    found = gaps(train, val, lower_is_better=True)
    assert found.step.tolist() == [1, 2, 5]
    np.testing.assert_array_equal(found.value, [0.25, np.nan, 0.25])
    assert found.wall_time.tolist() == [10, 11, 13]
    assert gap(train, val, lower_is_better=True) == (5, 0.25)


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


def test_no_gap_is_nought() -> None:
    """Equal values have a gap of 0, not of -0."""
    same = RunLog("x", np.arange(1), {}, {})
    for column in ("train cross entropy", "val cross entropy", "train accuracy", "val accuracy"):
        same.columns[column], same.logged[column] = np.array([0.5]), np.ones(1, bool)
    assert [str(gap) for gap in summarise([same])[0].gaps.values()] == ["0.0", "0.0"]

"""The row of the summary: when, how far, best and last values, gaps."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tbbridge.core.model import Points
from tbbridge.shape.gap import gap, gaps
from tbbridge.shape.summary import SummaryRow, lower_is_better

NAN = float("nan")


def points(*values: float | None, start: float = 100.0) -> Points:
    """A float32 point at each step from 0 and each second from `start`; None: not logged."""
    step = np.array([step for step, value in enumerate(values) if value is not None], np.int64)
    return Points(step, start + step, np.array([value for value in values if value is not None], np.float32))


def test_best_is_largest_or_smallest_by_the_columns_name() -> None:
    """An accuracy's best is its largest value, a loss's its smallest; the first of equals."""
    row = SummaryRow({"train accuracy": points(0.5, 0.9, 0.9, 0.75), "val cross entropy": points(2, 0.5, 1, None)})
    assert (row["best train accuracy"], row["best train accuracy step"]) == (np.float32(0.9), 1)
    assert (row["last train accuracy"], row["last train accuracy step"]) == (0.75, 3)
    assert (row["best val cross entropy"], row["best val cross entropy step"]) == (0.5, 1)
    assert (row["last val cross entropy"], row["last val cross entropy step"]) == (1, 2)


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
    row = SummaryRow({"train reward": points(0.5, 0.625, NAN), "val reward": points(NAN), "val f1": points()})
    assert (row["best train reward"], row["best train reward step"]) == (0.625, 1)
    assert str(row["last train reward"]) == "nan"
    assert (row["best val reward"], row["best val reward step"], row["last val reward step"]) == (None, None, 0)
    assert (row["best val f1"], row["last val f1"], row["last val f1 step"]) == (None, None, None)


def test_the_gap_is_taken_at_the_last_step_that_both_have() -> None:
    """Positive where validation is worse, for accuracy and loss alike; none without a step that both have."""
    row = SummaryRow(
        {
            "train accuracy": points(0.5, 0.75, 0.875, 1),
            "val accuracy": points(0.25, None, 0.5),
            "train cross entropy": points(1, 0.5, 0.25),
            "val cross entropy": points(2, None, 0.75, 1),
            "train f1": points(None, 0.5),
            "val f1": points(0.5),
        }
    )
    assert (row["accuracy gap"], row["cross entropy gap"], row["f1 gap"]) == (0.375, 0.5, None)


def test_when_a_training_was_at_work_and_how_far_it_came() -> None:
    """Over all columns; a wall time that is not finite counts for nothing."""
    val = points(1, None, None, None, None, 2, start=107.0)
    val.wall_time[0] = np.inf
    row = SummaryRow({"train loss": points(3, 2, 1), "val loss": val}, restarts=2, damage=3)
    assert (row["first wall time"], row["last wall time"], row["duration"]) == (100, 112, 12)
    assert (row["steps"], row["last step"], row["steps per second"]) == (4, 5, 5 / 12)
    assert (row["restarts"], row["damage"]) == (2, 3)


def test_a_row_of_nothing_has_empty_cells() -> None:
    """No point, or no wall time, no duration; one moment has no speed."""
    empty = dict(SummaryRow({"train loss": points()}))
    assert {key for key, cell in empty.items() if cell is not None} == {"steps", "restarts", "damage"}
    at_once = SummaryRow({"train loss": Points(np.arange(2), np.full(2, 5.0), np.ones(2))})
    assert (at_once["duration"], at_once["steps per second"]) == (0, None)


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


def test_no_gap_is_nought() -> None:
    """Equal values have a gap of 0, not of -0."""
    row = SummaryRow({name: points(0.5) for name in ("train loss", "val loss", "train accuracy", "val accuracy")})
    assert [str(row[name]) for name in ("loss gap", "accuracy gap")] == ["0.0", "0.0"]


def test_the_gap_of_long_columns_that_share_an_old_step() -> None:
    """However many newer points each has."""
    long = np.arange(1, 20_001)
    train = Points(np.append(0, 2 * long), np.zeros(20_001), np.full(20_001, 0.5))
    val = Points(np.append(0, 2 * long + 1), np.zeros(20_001), np.full(20_001, 0.25))
    assert gap(train, val, lower_is_better=False) == (0, 0.25)


def test_a_hyperparameter_that_is_called_as_a_column_keeps_its_own() -> None:
    """A metric that the user calls ``hparam.x`` has the column ``hparam.x gap``: both are kept."""
    some = Points(np.arange(1), np.zeros(1), np.array([0.5]))
    row = SummaryRow({"train hparam.x": some, "val hparam.x": some}, hparams={"x gap": 3.0, "x gap'": 4.0})
    assert (row["hparam.x gap"], row["hparam.x gap'"], row["hparam.x gap''"]) == (0.0, 3.0, 4.0)


def test_a_row_that_two_threads_look_at_first_is_whole_for_both() -> None:
    """The page's thread asks while the publishing one computes: neither sees a part."""

    class AskedMeanwhile(dict[str, float]):
        def items(self):  # type: ignore[no-untyped-def]
            if not seen:
                seen.append({})
                seen[0] = pool.submit(lambda: dict(row.items())).result(30)
            return super().items()

    seen: list[dict[str, object]] = []
    with ThreadPoolExecutor(1) as pool:
        row = SummaryRow({"train loss": points(0.5, 0.25)}, hparams=AskedMeanwhile(lr=0.1))
        assert row["hparam.lr"] == 0.1
    assert seen == [dict(row.items())]
    assert row["last train loss"] == 0.25

"""Columns that count different things, on one axis."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.model import Experiment, Feed, Points
from tbbridge.reading.reading import read
from tbbridge.shape.align import StepsByTime, counts_differently, epoch_series, place

FRAMEWORKS = Path(__file__).parents[2] / "fixtures" / "frameworks"
TRAIN, VAL, ACC = "train cross entropy", "val cross entropy", "val accuracy"


def points(steps: object, wall: object, values: object = None) -> Points:
    step = np.array(steps, np.int64)
    value = np.arange(len(step), dtype=np.float32) if values is None else np.array(values, np.float32)
    return Points(step, np.array(wall, np.float64), value)


def training(epochs: int = 5, per_epoch: int = 10, every: int = 1) -> Points:
    """A train loss logged every `every` iterations, one iteration a second."""
    steps = np.arange(0, epochs * per_epoch, every)
    return points(steps, steps)


def validation(epochs: int = 5, per_epoch: int = 10, first: int = 0, every: int = 1) -> Points:
    """A validation after each `every` epochs, half a second after the epoch's last iteration, counted in epochs."""
    done = np.arange(every, epochs + 1, every)
    return points(done - 1 + first, done * per_epoch - 0.5)


def steps(placed: object, column: str = VAL) -> list[int]:
    return placed.columns[column].step.tolist()  # type: ignore[attr-defined, no-any-return]


# --- detection


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("every", [1, 3])
def test_validation_in_epochs_is_placed_at_the_iteration_reached(first: int, every: int) -> None:
    """Each validation point stands at the last train step that was logged before it, and the note says so."""
    placed = place({TRAIN: training(every=every), VAL: validation(first=first)})
    reached = [max(s for s in range(0, 50, every) if s <= e * 10 - 0.5) for e in range(1, 6)]
    assert (placed.how, steps(placed)) == ("wall", reached)
    assert placed.note.startswith(f"{VAL}: placed by wall time on the steps of {TRAIN}")
    np.testing.assert_array_equal(placed.columns[VAL].value, validation().value)


def test_validation_by_batch_counts_by_itself() -> None:
    """Lightning's on_step values, 10 batches after each 50 iterations: nothing is claimed that is not known."""
    batches = points(np.arange(20), [50 * epoch + batch / 10 for epoch in (1, 2) for batch in range(10)])
    placed = place({TRAIN: points([49, 99], [49, 99]), VAL: batches})
    assert (placed.how, steps(placed)) == ("step", list(range(20)))
    assert placed.note == f"{VAL}: counted from 0 or 1 on by itself, such as validation batches: joined as logged"
    assert place({TRAIN: points([49], [49]), VAL: batches}).note == "", "one train point tells nothing"


def test_first_validation_is_placed_already() -> None:
    """One point is enough to see that epoch 0 or 1 is not iteration 0 or 1."""
    for first in (0, 1):
        assert steps(place({TRAIN: training(1), VAL: validation(1, first=first)})) == [9]


def test_validation_every_fifth_epoch_is_placed() -> None:
    """Steps 4, 9, 14 ... are still epochs, however few iterations they have."""
    assert steps(place({TRAIN: training(20), VAL: validation(20, every=5)})) == [49, 99, 149, 199]
    assert steps(place({TRAIN: training(20, 3), VAL: validation(20, 3, every=5)})) == [14, 29, 44, 59]


def test_epochs_of_two_iterations_are_placed() -> None:
    """A pace of two is seen once there are a few epochs."""
    assert steps(place({TRAIN: training(10, 2), VAL: validation(10, 2)})) == list(range(1, 20, 2))


def test_columns_with_the_same_steps_go_together() -> None:
    """The accuracy's wall times are unknown, the loss's tell where both belong."""
    val = validation()
    untimed = val._replace(wall_time=np.full(5, np.nan))
    placed = place({TRAIN: training(), ACC: untimed, VAL: val})
    assert steps(placed, ACC) == steps(placed, VAL) == [9, 19, 29, 39, 49]


def test_columns_that_count_the_same_are_joined_as_logged() -> None:
    """Also where their steps never meet: train every 10 iterations, validation at the ends of epochs of 47."""
    train = points(np.arange(10, 471, 10), np.arange(10, 471, 10))
    val = points(np.arange(47, 471, 47), np.arange(47, 471, 47) + 0.5)
    placed = place({TRAIN: train, VAL: val})
    assert (placed.how, steps(placed)) == ("step", val.step.tolist())
    assert placed.note == "the columns count the same steps"
    assert placed.remark == ""


def test_two_validations_of_a_sparsely_logged_training_are_no_evidence() -> None:
    """Train every 100 iterations, validation at 47 and 94: the reference gained 0 or 100, which says nothing."""
    train, val = points([100, 200], [100, 200]), points([47, 147], [99, 200.5])
    assert place({TRAIN: train, VAL: val}).how == "step"
    train, val = points([0, 10, 20], [0, 10, 20]), points([9, 11], [9.5, 11.5])
    assert place({TRAIN: train, VAL: val}).how == "step"


def test_validation_before_the_training_counts_the_same() -> None:
    """A sanity check at step 0, before the first train step."""
    train, val = points(np.arange(1, 51), np.arange(1, 51)), points([0, 10, 20, 30], [0.1, 10.5, 20.5, 30.5])
    assert place({TRAIN: train, VAL: val}).how == "step"


def test_evaluation_of_checkpoints_after_the_training_is_left_as_logged() -> None:
    """All are evaluated when the training is over: their wall times say nothing about their steps."""
    train = points(np.arange(0, 5000, 10), np.arange(500))
    val = points([1000, 2000, 3000], [600, 610, 620])
    assert place({TRAIN: train, VAL: val}).how == "step"


def test_evaluator_that_falls_behind_is_left_as_logged() -> None:
    """A second process evaluates checkpoints at half the training's pace."""
    train = points(np.arange(0, 5000, 10), np.arange(500))
    val = points([1000, 1100, 1200], [110, 130, 150])
    assert place({TRAIN: train, VAL: val}).how == "step"


def test_a_train_column_by_epoch_is_placed_too() -> None:
    """The loss is logged by iteration, both accuracies by epoch."""
    by_epoch = validation()
    placed = place({"train accuracy": by_epoch, ACC: by_epoch, TRAIN: training()})
    assert steps(placed, "train accuracy") == steps(placed, ACC) == [9, 19, 29, 39, 49]


def test_the_finer_counter_is_the_axis() -> None:
    """Where the training is logged by epoch and the validation by iteration, the train points are placed."""
    placed = place({TRAIN: validation(), VAL: training()})
    assert steps(placed, TRAIN) == [9, 19, 29, 39, 49]
    assert steps(placed, VAL) == training().step.tolist()


# --- placing


def test_validation_before_the_first_train_step_stands_at_the_start() -> None:
    """No step had been reached."""
    val = points([0, 1, 2, 3], [-5, 9.5, 19.5, 29.5])
    assert steps(place({TRAIN: training(), VAL: val})) == [0, 9, 19, 29]


def test_points_that_share_a_step_take_the_next() -> None:
    """Nothing is lost where validation is logged more often than the train loss, and that is said."""
    train = points([0, 100, 200], [0, 10, 20])
    val = points([0, 1, 2, 3, 4, 5], [1, 5, 9, 11, 15, 21])
    placed = place({TRAIN: train, VAL: val}, align="wall")
    assert steps(placed) == [0, 1, 2, 100, 101, 200]
    assert "3 points shared a step" in placed.note


def test_points_without_a_wall_time_stand_with_the_one_before() -> None:
    """A NaN wall time loses no point."""
    val = points([0, 1, 2, 3], [9.5, np.nan, 29.5, 39.5])
    assert steps(place({TRAIN: training(), VAL: val})) == [9, 10, 29, 39]


def test_huge_steps_do_not_overflow() -> None:
    """Steps are 64-bit numbers from a file: anything may stand there."""
    low = -(2**63)
    train = points([low, low + 9], [0, 1])
    assert steps(place({TRAIN: train, VAL: points([0, 1], [0, 0])}, align="wall")) == [low]
    huge = 2**63 - 1
    train = points([-(2**63), 0, huge], [0, 1, 2])
    placed = place({TRAIN: train, VAL: points([0, 1, 2, 3], [3, 4, 5, 6])}, align="wall")
    assert steps(placed) == [huge]


@pytest.mark.parametrize("wall", [np.zeros(50), np.full(50, np.nan)], ids=["all the same", "none"])
def test_useless_wall_times_are_said(wall: object) -> None:
    """Nothing tells where the points belong: they stay, and the report warns."""
    placed = place({TRAIN: points(np.arange(50), wall), VAL: points(range(5), np.zeros(5))})
    assert (placed.how, steps(placed)) == ("step", [0, 1, 2, 3, 4])
    assert "may count different things" in placed.remark


# --- by an epoch series


@pytest.mark.parametrize(
    ("epoch", "first"),
    [
        (lambda step: step // 10, 0),
        (lambda step: step // 10, 1),
        (lambda step: step // 10 + 1, 1),
        (lambda step: (step + 1) / 10, 1),
        (lambda step: (step + 1) / 10, 0),
    ],
    ids=["from 0, from 0", "from 0, from 1", "from 1, from 1", "fractions, from 1", "fractions, from 0"],
)
@pytest.mark.parametrize("timed", [True, False], ids=["timed", "late"])
def test_epoch_series_places_the_end_of_each_epoch(epoch: object, first: int, timed: bool) -> None:
    """Counted from 0 or 1 on either side, in whole numbers or fractions; also where the evaluation came late."""
    train, val = training(), validation(first=first)
    if not timed:
        val = val._replace(wall_time=np.full(5, np.nan))
    series = points(train.step, train.wall_time, epoch(train.step))  # type: ignore[operator]
    placed = place({TRAIN: train, VAL: val}, series, "auto" if timed else "epoch")
    assert (placed.how, steps(placed)) == ("epoch", [9, 19, 29, 39, 49])


def test_fractions_that_are_logged_before_a_step_belong_to_the_next_epoch() -> None:
    """Step 10 says epoch 1.0, but the first validation came before it."""
    train, val = training(), validation(first=1)
    series = points(train.step, train.wall_time, train.step / 10)
    assert steps(place({TRAIN: train, VAL: val}, series)) == [9, 19, 29, 39, 49]


def test_sparse_epoch_series_leaves_the_rest_to_the_wall_time() -> None:
    """An epoch that is logged once, at its end or at its start, only bounds the place."""
    for at in ([9, 19, 29, 39, 49], [0, 10, 20, 30, 40]):
        series = points(at, at, range(5))
        assert steps(place({TRAIN: training(), VAL: validation()}, series)) == [9, 19, 29, 39, 49]


def test_epoch_series_on_another_axis_is_not_used() -> None:
    """It counts its own points, or never changes."""
    for series in (points(range(5), range(5), range(5)), points([0, 49], [0, 49], [3, 3])):
        assert place({TRAIN: training(), VAL: validation()}, series).how == "wall"


def test_epoch_series_is_found_by_its_words() -> None:
    """In the run of the train column first; a tag that says anything else is none."""
    feeds = {TRAIN: Feed("b", "loss", ""), VAL: None}
    runs = {"a": ["epoch"], "b": ["train/epoch", "epoch_loss", "loss", "epoch_time"]}
    assert epoch_series(Experiment("x", ("a", "b"), feeds), runs) == ("b", "train/epoch")
    assert epoch_series(Experiment("x", ("b",), feeds), {"b": ["loss", "epochs_per_second"]}) is None


def test_a_million_points_are_placed_in_no_time() -> None:
    """It is done again with every row that comes."""
    train = points(np.arange(1_000_000), np.arange(1_000_000.0), np.zeros(1_000_000))
    val = points(np.arange(1000), np.arange(1, 1001) * 1000.0 - 0.5)
    start = time.process_time()
    assert steps(place({TRAIN: train, VAL: val}))[-1] == 999_999
    assert time.process_time() - start < 0.5


# --- the user decides


def test_align_step_leaves_everything() -> None:
    """--align step."""
    placed = place({TRAIN: training(), VAL: validation()}, align="step")
    assert (placed.how, steps(placed)) == ("step", [0, 1, 2, 3, 4])


def test_align_wall_places_even_what_agrees() -> None:
    """--align wall moves every column with other steps."""
    train, val = points([0, 10, 20], [0, 10, 20]), points([5, 15], [6, 16])
    assert steps(place({TRAIN: train, VAL: val}, align="wall")) == [0, 10]


def test_align_epoch_without_such_a_series_is_said() -> None:
    """--align epoch."""
    placed = place({TRAIN: training(), VAL: validation()}, align="epoch")
    assert placed.how == "step"
    assert "no epoch series" in placed.note


def test_nothing_to_align() -> None:
    """No points at all, or one column."""
    empty = points([], [])
    assert place({TRAIN: empty, VAL: empty}).columns == {TRAIN: empty, VAL: empty}
    assert place({TRAIN: training(), VAL: empty}).how == "step"


@pytest.mark.parametrize("align", ["auto", "step", "epoch", "wall"])
def test_a_reference_without_a_finite_wall_time_moves_nothing(align: str) -> None:
    """Nothing says when its steps were reached; the columns stay as logged."""
    for wall in (np.inf, np.nan):
        train, val = points([1, 2, 3], [wall] * 3), points([2, 3], [0, 1])
        placed = place({TRAIN: train, VAL: val}, align=align)
        assert placed.columns == {TRAIN: train, VAL: val}


# --- whatever is logged

STEPS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 99), max_size=8, unique=True).map(sorted)
WALLS = st.floats() | st.integers(0, 99).map(float)
COLUMN = STEPS.flatmap(
    lambda found: st.lists(WALLS, min_size=len(found), max_size=len(found)).map(lambda wall: points(found, wall))
)


@given(COLUMN, COLUMN, st.none() | COLUMN, st.sampled_from(["auto", "step", "epoch", "wall"]))
def test_any_points_end_on_ascending_steps_and_none_is_lost(
    train: Points, val: Points, epoch: Points | None, align: str
) -> None:
    """Steps ascend, each once; below 2**62 no point is lost."""
    placed = place({TRAIN: train, VAL: val}, epoch, align)
    for name, before in ((TRAIN, train), (VAL, val)):
        after = placed.columns[name]
        assert np.all(after.step[1:] > after.step[:-1])
        if all(abs(int(step)) < 2**62 for step in (*train.step, *val.step, *(epoch.step if epoch else ()))):
            assert sorted(after.value) == sorted(before.value)


def test_counting_the_same_steps_is_never_different() -> None:
    """Whatever the wall times say."""
    assert not counts_differently(points(range(50), np.arange(50) + 7.0), StepsByTime.of(points(range(50), range(50))))


# --- real files

PLACED = {"monai": "wall", "mmengine": "epoch", "torch_axes": "wall", "tianshou": "wall"}


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in FRAMEWORKS.glob("*/about.txt")))
def test_real_frameworks_are_joined_or_placed_as_they_count(folder: str) -> None:
    """Keras, Lightning, Hugging Face ... count the same on both sides; a loop by iteration and by epoch does not."""
    reading = read(FRAMEWORKS / folder / "logs")
    wanted = {
        column: found
        for entry in json.loads((FRAMEWORKS / folder / "mapping.json").read_text()).values()
        for column, found in entry.get("place", {}).items()
    }
    for experiment in reading.experiments:
        placed = reading.placement(experiment)
        assert placed.how == PLACED.get(folder, "step"), placed.note
        assert {column: placed.columns[column].step.tolist() for column in wanted} == wanted

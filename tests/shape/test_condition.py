"""Conditions: their language, its mistakes, and the first point that fulfils one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge import Condition, ConditionError
from tbbridge.core.model import Points
from tbbridge.shape.condition import Course, duration

NAN, INF = float("nan"), float("inf")


def points(values: Sequence[float], steps: Sequence[int] | None = None, kind: Any = np.float32) -> Points:
    """Points at steps 0, 10, 20 ... (or these), logged 100 s apart."""
    step = np.array(range(0, 10 * len(values), 10) if steps is None else steps, np.int64)
    return Points(step, 1000.0 + 100.0 * np.arange(len(values)), np.array(values, kind))


@pytest.mark.parametrize(
    ("condition", "values", "row"),
    [
        ("val accuracy > 0.9", [0.5, 0.9, 0.95], 2),
        ("val accuracy >= 0.9", [0.5, 0.9, 0.95], 1),  # 0.9 as a float32 lies below the double 0.9
        ("val accuracy <= 0.7", [0.8, 0.7, 0.6], 1),
        ("val accuracy<0.7", [0.8, 0.7, 0.6], 2),
        ("val accuracy >= 0.90000001", [0.9], None),
        ("Val-Accuracy > -1", [-2, NAN, 0], 2),
        ("val accuracy > inf", [INF], None),
        ("val accuracy >= inf", [1, INF], 1),
        ("val accuracy < 1e-60", [0.0], 0),
        ("val loss is nan", [1, INF, NAN], 2),  # the usual spelling of val cross entropy
        ("val loss is inf", [NAN, 1, -INF], 2),
        ("best val accuracy < 0.9", [NAN, 0.95, 0.5], None),
        ("best val accuracy > 0.9", [NAN, 0.5, 0.95, 0.1], 2),
        ("best val loss <= 0.5", [NAN, 0.6, 0.5], 2),
        ("val accuracy no better for 2", [0.5, 0.6, 0.6, 0.55], 3),
        ("val accuracy no better for 2", [0.5, 0.4, 0.6, 0.6], None),
        ("val loss no better for 2 points", [0.5, 0.6, 0.4, 0.41, 0.42], 4),
        ("val loss no better for 3", [NAN, NAN, NAN, NAN], 3),
        ("val loss no better for 2", [NAN, 3, NAN, NAN], 3),
        ("val loss no better for 15 steps", [0.5, 0.6, 0.7], 2),
        ("val loss rises for 2", [1, 2, 2, 3, 4], 4),
        ("val loss rises for 2 points", [1, 2, NAN, 3, 4], None),
        ("step >= 20", [7, 7, 7], 2),
        ("step > 20", [7, 7, 7], None),
        ("finished", [1], None),
        ("silent for 1s", [1], None),
    ],
)
def test_the_first_point_that_fulfils_it(condition: str, values: list[float], row: int | None) -> None:
    """Found at its row, with its step, wall time and the value that was compared."""
    column = "val cross entropy" if "loss" in condition else "val accuracy"
    columns = {"train accuracy": points([]), column: points(values)}
    found = Condition(condition).first(columns)
    assert (found and (found.step, found.wall_time)) == (None if row is None else (10 * row, 1000.0 + 100.0 * row))
    if found and "step" not in condition.split()[0]:
        assert found.column == column
        assert found.value == pytest.approx(values[row or 0], abs=0, rel=0, nan_ok=True)


def test_best_and_step_report_what_was_compared() -> None:
    """The value is the best so far, or the step itself, of the column that came first."""
    columns = {"train accuracy": points([0.1, 0.2], [5, 30]), "val accuracy": points([0.7], [20])}
    assert Condition("step >= 10").first(columns) == ("val accuracy", 20, 1000.0, 20.0)
    assert Condition("best train accuracy >= 0.2").first(columns) == ("train accuracy", 30, 1100.0, 0.2)


def test_the_gap_is_validations_at_shared_steps_in_decimals() -> None:
    """Positive where validation is worse: 0.9 - 0.8 is 0.1 and not a little less; of a loss the other way round."""
    columns = {
        "train accuracy": points([0.8, 0.9, 0.9]),
        "val accuracy": points([0.8, 0.8], [0, 20]),
        "train cross entropy": points([0.5]),
        "val cross entropy": points([0.75]),
    }
    found = Condition("gap accuracy >= 0.1").first(columns)
    assert found == ("gap accuracy", 20, 1200.0, 0.1)
    assert Condition("gap val accuracy > 0.1").first(columns) is None
    assert Condition("gap loss >= 0.25").first(columns) == ("gap cross entropy", 0, 1000.0, 0.25)
    assert Condition("gap perplexity > 0").first(columns) is None


def test_a_series_is_named_with_its_run_and_may_be_a_glob() -> None:
    """``RUN:TAG`` as it stands, quoted where a word of the language is in it, or any run's."""
    columns = {"val accuracy": points([1]), "a/train:lr": points([3, 1]), "b:lr": points([1]), "b:it is": points([2])}
    assert Condition("*:lr <= 1").first(columns) == ("b:lr", 0, 1000.0, 1.0)
    assert Condition("a/train:lr <= 1").first(columns) == ("a/train:lr", 10, 1100.0, 1.0)
    assert Condition('"b:it is" > 1').first(columns) == ("b:it is", 0, 1000.0, 2.0)


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    """It waits; the message says what could be meant."""
    columns = {"val accuracy": points([1]), "val cross entropy": points([])}
    assert Condition("val acuracy > 0").first(columns) is None
    assert (
        Condition("val acuracy > 0").missing([*columns])
        == "there is no 'val acuracy' yet; did you mean 'val accuracy'?"
    )
    assert Condition("lr > 0").missing([*columns]) == "there is no 'lr' yet; a series is RUN:TAG"
    assert Condition("val loss > 0").missing([*columns]) == ""
    assert Condition("steps > 0").missing([*columns]) == "there is no 'steps' yet; did you mean 'step'?"
    assert Condition("STEP >= 0").first(columns) == Condition("step >= 0").first(columns) is not None
    assert Condition("finished").missing([]) == ""


@pytest.mark.parametrize(
    ("text", "word", "meant"),
    [
        ("", "", "the condition is empty"),
        ("val accuracy", "", "say what is asked of it"),
        ("val accuracy => 0.9", "=>", "did you mean '>='"),
        ("val accuracy = 0.9", "=", "write > >= < or <= here"),
        ("val accuracy > high", "high", "write a number"),
        ("val accuracy > nan", "nan", "write COLUMN is nan"),
        ("val accuracy >", "", "write a number here"),
        ("> 0.9", ">", "a column comes before this"),
        ("val accuracy is non", "non", "did you mean 'nan'"),
        ("val accuracy iss nan", "iss", "did you mean 'is'"),
        ("val accuracy no beter for 3", "beter", "did you mean 'better'"),
        ("val accuracy no better for 0", "0", "a whole number from 1"),
        ("val accuracy no better for 3 stpes", "stpes", "did you mean 'steps'"),
        ("val accuracy rizes for 3", "rizes", "did you mean 'rises'"),
        ("val accuracy rises for 3 steps", "steps", "write points here"),
        ("val accuracy > 1 and more", "and", "ends before this"),
        ("silnt for 10m", "silnt", "did you mean 'silent'"),
        ("silent fr 10m", "fr", "did you mean 'for'"),
        ("silent for 10", "10", "such as 30s"),
        ("finishd", "finishd", "did you mean 'finished'"),
        ("best val accuracy is nan", "is", "best is compared"),
        ("step is nan", "is", "step is compared"),
        ("gap > 0.1", ">", "a column comes before this"),
        ("best step > 3", "step", "a step has no best"),
        ('"val accuracy > 1', '"', "the quote is not closed"),
        ("finished now", "now", "ends before this"),
        ("gap a/train:loss > 1", "a/train:loss", "a gap is that of a metric"),
    ],
)
def test_a_mistake_points_at_the_word_and_says_what_was_meant(text: str, word: str, meant: str) -> None:
    """The caret stands below the word; below the place behind the last one where a word is missing."""
    with pytest.raises(ConditionError, match="condition") as raised:
        Condition(text)
    shown, carets = raised.value.pointer
    assert meant in str(raised.value)
    assert shown == f"  {text}"
    place = slice(carets.index("^"), len(carets))
    assert shown[place] == word
    assert carets[place] == "^" * max(1, len(word))


def test_the_caret_stands_below_its_word_after_wide_characters() -> None:
    """They take two cells of a terminal each, and a combining one none."""
    with pytest.raises(ConditionError) as raised:
        Condition("\u65e5\u672c\u8a9e e\u0301 > q")
    assert raised.value.pointer[1] == " " * (2 + 3 * 2 + len(" e > ")) + "^"


def test_durations_have_a_unit() -> None:
    """Seconds, minutes, hours and days; never longer than a clock of the system can wait."""
    assert [duration(text) for text in ("90s", "1.5m", "8h", "2d", "10", "m", "-1s", "1h30m")] == [
        *(90, 90, 28800, 172800),
        *(None, None, None, None),
    ]
    assert math.isfinite(duration("9" * 400 + "d") or 0)


numbers = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0, 2.0, NAN, INF, -INF])
CONDITIONS = [
    "val accuracy >= 0.9",
    "val loss < 0.1",
    "val accuracy is nan",
    "best val accuracy > 0.9",
    "best val loss <= 0.1",
    "gap accuracy >= 0.4",
    "gap loss > 0",
    "val accuracy no better for 2",
    "val loss no better for 25 steps",
    "val loss rises for 2",
    "step >= 30",
]


columns = st.sampled_from(["train accuracy", "val accuracy", "train cross entropy", "val cross entropy"])


@given(
    logged=st.lists(st.tuples(columns, numbers, st.integers(0, 3)), max_size=40),
    kind=st.sampled_from([np.float32, np.float64]),
)
def test_in_parts_it_finds_what_it_finds_in_the_whole(logged: list[tuple[str, float, int]], kind: Any) -> None:
    """However the points come, and where some of the last ones go again, the answer is that of those that are there."""
    courses = [Course(Condition(text)) for text in CONDITIONS]
    values: dict[str, list[float]] = {}
    buffers: dict[str, Points] = {}
    for name, value, lost in logged:
        row = len(values.setdefault(name, []))
        if lost == 3 and row:
            values[name].pop()
        values[name].append(value)
        if lost or name not in buffers:  # a new buffer; else the old one, of which a longer view is taken
            buffers[name] = points([*values[name], *[0.0] * 40], kind=kind)
        buffers[name].value[len(values[name]) - 1] = value
        there = {name: buffers[name].at(slice(len(known))) for name, known in values.items()}
        for course in courses:
            assert repr(course.update(there)) == repr(course.condition.first(there))


@given(values=st.lists(numbers, max_size=20), count=st.integers(1, 4))
def test_no_better_and_rises_as_their_rules_say(values: list[float], count: int) -> None:
    """Held to a plain reading of the rule: a loop that keeps the best value and the length of the rise."""
    best, since, rise, no_better, rises = NAN, 0, 0, None, None
    for row, value in enumerate(values):
        better = value < best or (math.isnan(best) and not math.isnan(value))
        best, since = (value, 0) if better else (best, since + 1 if row else 0)
        rise = rise + 1 if row and value > values[row - 1] else 0
        no_better = row if no_better is None and since >= count else no_better
        rises = row if rises is None and rise >= count else rises
    columns = {"val cross entropy": points(values)}
    for text, row in ((f"val loss no better for {count}", no_better), (f"val loss rises for {count}", rises)):
        found = Condition(text).first(columns)
        assert (found and found.step) == (None if row is None else 10 * row), text

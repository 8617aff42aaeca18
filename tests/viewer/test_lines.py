"""What a line draws, and that going on piece by piece draws what drawing at once does."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_source import points

from tbbridge import Points
from tbbridge.viewer.lines import MAX_WEIGHT, Line, PastChanged, smooth, together

finite = st.floats(-1e6, 1e6, width=32)
anything = st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf]))


def head(points: Points, n: int) -> Points:
    return Points(points.step[:n], points.wall_time[:n], points.value[:n])


def plain_average(values: list[float], weight: float) -> list[float]:
    """TensorBoard's loop (tf-scalar's ``resmoothDataset``): what is not finite passes through and does not count."""
    if all(value == values[0] for value in values):
        return values
    last, n, drawn = 0.0, 0, []
    for value in values:
        if math.isfinite(value):
            last = last * weight + (1 - weight) * value
            n += 1
            drawn.append(last / (1 - weight**n))
    return drawn


@given(st.lists(finite, min_size=1, max_size=60), st.floats(0, 0.999))
def test_smoothing_is_tensorboards(values: list[float], weight: float) -> None:
    """The vectorised average is the plain loop's, for any weight."""
    drawn = Line("a", "smooth", [points(values, dtype=np.float64)], weight=weight).after(None).points.value
    assert drawn == pytest.approx(plain_average(values, weight), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.6, 0.99, 0.999])
def test_smoothing_is_right_over_many_blocks(weight: float) -> None:
    """Twenty thousand values, more than two blocks: every hundredth is the loop's."""
    values = np.random.default_rng(0).normal(size=20_000)
    assert smooth(values, weight)[0][::100] == pytest.approx(plain_average(values.tolist(), weight)[::100], abs=1e-12)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_a_constant_line_is_untouched(weight: float) -> None:
    """Smoothing leaves equal values as they are, and weight 1 counts as the largest."""
    line = Line("a", "smooth", [points([0.1] * 5)], weight=weight)
    assert line.after(None).points.value.tolist() == [np.float32(0.1)] * 5
    assert MAX_WEIGHT < 1


@pytest.mark.parametrize("kind", ["raw", "smooth", "best", "odd"])
@given(st.lists(anything, max_size=40), st.data())
def test_going_on_draws_what_drawing_at_once_does(kind: str, values: list[float], data: st.DataObject) -> None:
    """From any cuts, through JSON, the pieces together are the whole line (for one point: its last)."""
    whole = points(values, dtype=np.float64)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    state, steps, drawn, text = None, [], [], []
    for cut in [*cuts, len(values)]:
        line = Line("a", kind, [head(whole, cut)], weight=0.7, best="lowest")
        try:
            new = line.after(state)
        except PastChanged:
            new, steps, drawn, text = line.after(None), [], [], []
        state = json.loads(json.dumps(new.state))
        steps += new.points.step.tolist()
        drawn += new.points.value.tolist()
        text += new.text or []
    at_once = Line("a", kind, [whole], weight=0.7, best="lowest").after(None)
    keep = -1 if kind == "best" else 0
    assert steps[keep:] == at_once.points.step.tolist()
    assert drawn[keep:] == pytest.approx(at_once.points.value.tolist(), rel=1e-9, abs=1e-9)
    assert text == (at_once.text or [])


@given(st.lists(st.tuples(st.booleans(), st.booleans(), finite, finite), max_size=30), st.data())
def test_the_gap_joins_on_steps_however_they_arrive(
    rows: list[tuple[bool, bool, float, float]], data: st.DataObject
) -> None:
    """How much worse validation is where both logged the step, whichever came first and in however many pieces."""
    columns = [
        Points(np.array([i for i, row in enumerate(rows) if row[n]], np.int64), np.zeros(sum(row[n] for row in rows)),
               np.array([row[n + 2] for row in rows if row[n]], np.float64))
        for n in (0, 1)
    ]  # fmt: skip
    best = data.draw(st.sampled_from(("highest", "lowest")))
    sign, state, drawn = {"highest": 1, "lowest": -1}[best], None, []
    for _ in range(3):
        cut = [data.draw(st.integers(state[n] if state else 0, len(columns[n].step))) for n in (0, 1)]
        new = Line("a", "gap", [head(columns[n], cut[n]) for n in (0, 1)], best=best).after(state)
        state = new.state
        drawn += list(zip(new.points.step.tolist(), new.points.value.tolist(), strict=True))
    new = Line("a", "gap", columns, best=best).after(state)
    drawn += list(zip(new.points.step.tolist(), new.points.value.tolist(), strict=True))
    assert drawn == [(i, sign * (row[2] - row[3])) for i, row in enumerate(rows) if row[0] and row[1]]


def test_a_constant_line_that_changes_is_drawn_anew() -> None:
    """The first different value changes how the equal ones before it are smoothed: the page must be told."""
    state = Line("a", "smooth", [points([1.0, 1.0])], weight=0.5).after(None).state
    with pytest.raises(PastChanged):
        Line("a", "smooth", [points([1.0, 1.0, 2.0])], weight=0.5).after(state)


@pytest.mark.parametrize(("best", "step"), [("highest", 10), ("lowest", 5)])
def test_the_best_of_equals_is_the_earliest(best: str, step: int) -> None:
    """The first time that the best value was reached counts; what is not finite is never best."""
    line = Line("a", "best", [points([1.0, 0.0, 2.0, 2.0, 0.0, math.inf, -math.inf, math.nan])], best=best)
    assert line.after(None).points.step.tolist() == [step]


def test_faint_lines_of_a_colour_are_one_with_gaps() -> None:
    """Each part ends in a NaN, has its own origin, and goes on from the last point that is known."""
    trace = {"line": {"color": "#111111"}}
    columns = [points([1.0, 2.0, 3.0], wall=100.0), points([7.0, 8.0], wall=500.0)]
    before = [
        Line("a", "raw", [head(columns[0], 2)], trace, origin=100.0, behind=True),
        Line("s", "smooth", [columns[0]]),
    ]
    other = Line("c", "raw", columns[:1], {"line": {"color": "#222222"}}, behind=True)
    lines = together([*before, Line("b", "raw", [columns[1]], trace, origin=500.0, behind=True), other])
    assert [(line.kind, len(line.columns)) for line in lines] == [("faint", 2), ("faint", 1), ("smooth", 1)]
    new = lines[0].after(None)
    assert new.points.value.tolist() == pytest.approx([1, 2, math.nan, 7, 8, math.nan], nan_ok=True)
    assert new.origins is not None
    assert (new.points.wall_time - new.origins).tolist() == [0, 1, 1, 0, 1, 1]
    both = [Line("a", "raw", columns[:1], trace, origin=100.0), Line("b", "raw", [columns[1]], trace)]
    grown = together([replace(line, behind=True) for line in both])[0]
    more = grown.after(json.loads(json.dumps(new.state)))
    assert more.points.value.tolist() == pytest.approx([2, 3, math.nan], nan_ok=True)
    assert not len(grown.after(more.state).points.step)

"""One run's files become its series by the rules of order and supersession."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from logs import merge
from run_model import Log, Restart, event_file, rule_by_rule, runs

from tbbridge.core.model import EventFile, Scalars, Series
from tbbridge.shape.series import canonical_order, live, merge_ordered

NAN = math.nan


def steps_and_values(series: Series) -> list[tuple[int, float]]:
    points = live(series)
    return list(zip(points.step.tolist(), points.value.tolist(), strict=True))


def logs(tag: str, steps: range | list[int], start: float, base: float = 0.0) -> list[Log]:
    """A point a second from `start` on; the value says the step and, by `base`, the file."""
    return [Log(tag, step, start + second, base + step) for second, step in enumerate(steps)]


@given(runs())
def test_merge_is_the_rules_word_for_word(made):
    """Whatever the files, each point has the step and the flag that the rules, applied one by one, give it."""
    files = [event_file(*arguments[:2], born=arguments[2], doubles=arguments[3]) for arguments in made]
    merged, (expected, restarts) = merge(files), rule_by_rule(files)
    assert list(merged) == list(expected)
    ordered = canonical_order(files)
    assert [one[:3] for one in merge_ordered(ordered).restarts(ordered)] == [tuple(one) for one in restarts]
    for tag, dots in expected.items():
        series = merged[tag]
        np.testing.assert_array_equal(series.step, [dot.step for dot in dots])
        np.testing.assert_array_equal(series.wall_time, [dot.wall_time for dot in dots])
        np.testing.assert_array_equal(series.value, [dot.value for dot in dots])
        np.testing.assert_array_equal(series.superseded, [dot.superseded for dot in dots])
        assert series.repeats == sum(dot.superseded and not dot.gone for dot in dots)
        kept = sorted((dot for dot in dots if not dot.superseded), key=lambda dot: dot.step)
        np.testing.assert_array_equal(live(series).step, [dot.step for dot in kept])
        np.testing.assert_array_equal(live(series).value, [dot.value for dot in kept])


@given(runs())
def test_the_order_in_which_files_come_does_not_matter(made):
    """Canonical order is made from the files, not taken from the caller."""
    files = [event_file(*arguments[:2], born=arguments[2], doubles=arguments[3]) for arguments in made]
    one, other = merge(files), merge(files[::-1])
    assert list(one) == list(other)
    for tag in one:
        assert one[tag].value.dtype == other[tag].value.dtype
        for column in ("step", "wall_time", "value", "superseded"):
            np.testing.assert_array_equal(getattr(one[tag], column), getattr(other[tag], column))


def test_numbers_in_names_are_compared_as_numbers():
    """torch's counter gives .10 after .2, and files of one second are told apart by it."""
    names = ["e.1700000000.host.1.10", "e.1700000000.host.1.2", "e.1700000000.host.1.1"]
    files = [event_file(name, [Log("a", 0, 5.0, 0)], born=5.0) for name in names]
    assert [file.name for file in canonical_order(files)] == [names[2], names[1], names[0]]


def test_files_without_a_finite_first_wall_time_come_last():
    """A file whose first record says NaN or infinity is after those that say when they began."""
    files = [
        event_file(name, [Log("a", 0, 1.0, 0)], born=born) for name, born in [("1", NAN), ("2", math.inf), ("3", 9.0)]
    ]
    assert [file.name for file in canonical_order(files)] == ["3", "1", "2"]


def test_an_announced_restart_supersedes_every_tag():
    """torch's purge_step: what lies at or behind its step is superseded for all tags, even those not written again."""
    old = event_file("1", logs("loss", range(10), 0) + logs("lr", range(10), 0))
    new = event_file("2", [Restart(6), *logs("loss", range(6, 8), 100, base=50)], born=100.0)
    merged = merge([old, new])
    assert steps_and_values(merged["loss"]) == [(step, step) for step in range(6)] + [(6, 56), (7, 57)]
    assert steps_and_values(merged["lr"]) == [(step, step) for step in range(6)]
    assert merged["lr"].superseded.tolist() == [False] * 6 + [True] * 4


def test_a_start_supersedes_only_what_is_before_it():
    """A START in the middle of a file does not touch the points behind it, nor a later file's."""
    first = event_file("1", [*logs("a", range(4), 0), Restart(2), *logs("a", [2, 3], 10, base=50)])
    second = event_file("2", logs("a", [4], 20))
    assert steps_and_values(merge([first, second])["a"]) == [(0, 0), (1, 1), (2, 52), (3, 53), (4, 4)]


def test_a_killed_and_resumed_training_keeps_the_part_before_the_checkpoint():
    """Not announced: the new file's first step, after the old file's last wall time, is where the past ends."""
    old = event_file("1", logs("a", range(10), 0))
    new = event_file("2", logs("a", range(7, 9), 100, base=50))
    series = merge([new, old])["a"]
    assert steps_and_values(series) == [*((step, step) for step in range(7)), (7, 57), (8, 58)]
    assert series.superseded.sum() == 3
    assert len(series.step) == 12, "the superseded points stay in the series"


def test_a_rerun_into_the_same_directory_takes_the_place_of_the_first_run():
    """Run again from step 0, even when the second run ends earlier: no zig-zag, no tail of the first."""
    first = event_file("1", logs("a", range(10), 0))
    again = event_file("2", logs("a", range(4), 100, base=50))
    assert steps_and_values(merge([first, again])["a"]) == [(step, 50 + step) for step in range(4)]


def test_a_restart_is_judged_tag_by_tag():
    """A tag that the resumed training has not written yet keeps its points."""
    old = event_file("1", logs("a", range(6), 0) + logs("val", [0, 5], 0))
    new = event_file("2", logs("a", [3], 100, base=50))
    merged = merge([old, new])
    assert steps_and_values(merged["val"]) == [(0, 0), (5, 5)]
    assert steps_and_values(merged["a"]) == [(0, 0), (1, 1), (2, 2), (3, 53)]


def test_concurrent_writers_both_keep_their_points():
    """Where the wall-time intervals overlap or touch, only the same step twice is settled: the last one wins."""
    one = event_file("1", logs("a", [0, 2, 4, 6], 0))
    other = event_file("2", logs("a", [1, 2, 3], 3, base=50))
    assert steps_and_values(merge([one, other])["a"]) == [(0, 0), (1, 51), (2, 52), (3, 53), (4, 4), (6, 6)]


def test_overlap_is_judged_by_the_whole_file():
    """A writer that logs a tag once, late, is concurrent when its other tags say so."""
    one = event_file("1", [*logs("a", range(10), 0), Log("score", 9, 1.0, 1)])
    other = event_file("2", [*logs("b", range(10), 0), Log("score", 3, 10.0, 2)], born=0.5)
    assert steps_and_values(merge([one, other])["score"]) == [(3, 2), (9, 1)]


def test_each_tag_goes_back_to_its_own_step():
    """Where all tags are restarted, none is cut at another's step."""
    old = event_file("1", logs("a", range(10), 0) + logs("b", range(10), 0))
    new = event_file("2", logs("a", [7, 8], 100, base=50) + logs("b", [2], 100, base=50))
    merged = merge([old, new])
    assert steps_and_values(merged["a"]) == [*((step, step) for step in range(7)), (7, 57), (8, 58)]
    assert steps_and_values(merged["b"]) == [(0, 0), (1, 1), (2, 52)]


def test_a_restart_lies_after_every_earlier_file():
    """Behind the last file but within the first one's time: still concurrent, and nothing is superseded."""
    long = event_file("1", logs("a", range(0, 200, 2), 0))
    short = event_file("2", logs("a", [1, 3], 1))
    third = event_file("3", logs("a", [5], 50))
    assert merge([long, short, third])["a"].superseded.sum() == 0
    fourth = event_file("4", logs("a", [5], 500))
    assert live(merge([long, short, third, fourth])["a"]).step.tolist() == [0, 1, 2, 3, 4, 5]


def test_spot_preemption_with_many_files():
    """A training that is preempted 50 times, each time losing the steps since its checkpoint, reads as one line."""
    files, saved = [], 0
    for life in range(50):
        steps = range(saved, saved + 15)
        files.append(event_file(f"events.{life}", logs("a", steps, 1000.0 * life, base=life / 100)))
        saved += 10
    points = live(merge(files[::-1])["a"])
    assert points.step.tolist() == list(range(505))
    np.testing.assert_allclose(points.value - points.step, np.minimum(points.step // 10, 49) / 100, atol=1e-3)


def test_a_start_spares_the_writer_beside_it():
    """Two ranks that both announce a start at step 0: each keeps its points, also before the first point of one."""
    one = event_file("1", [Restart(0, 100.0), *logs("train/loss", range(3), 101)], born=100.0)
    silent = event_file("2", [Restart(0, 100.5)], born=100.5)
    assert steps_and_values(merge([one, silent])["train/loss"]) == [(0, 0), (1, 1), (2, 2)]
    other = event_file("2", [Restart(0, 100.5), *logs("val/loss", range(3), 101.2)], born=100.5)
    merged = merge([one, other])
    assert steps_and_values(merged["train/loss"]) == steps_and_values(merged["val/loss"]) == [(0, 0), (1, 1), (2, 2)]


def test_two_writers_resume_side_by_side():
    """Train and val writers that both purge from step 50 on: the old points go, and the new ones of both stay."""
    train, val = event_file("1", logs("a", range(60), 0)), event_file("2", logs("b", range(60), 0.5), born=0.5)
    again = event_file("3", [Restart(50, 100.0), *logs("a", range(50, 55), 101, base=100)], born=100.0)
    beside = event_file("4", [Restart(50, 100.5), *logs("b", range(50, 55), 101.5, base=100)], born=100.5)
    merged = merge([train, val, again, beside])
    for tag in "ab":
        kept = [*((step, step) for step in range(50)), *((step, 100 + step) for step in range(50, 55))]
        assert steps_and_values(merged[tag]) == kept


@pytest.mark.parametrize("wall_time", [NAN, math.inf, -math.inf])
def test_a_start_without_a_time_supersedes_every_earlier_file(wall_time):
    """Nothing tells whether the other writer works beside it."""
    old, new = event_file("1", logs("a", range(9), 0)), event_file("2", [Restart(4, wall_time)], born=5.0)
    assert live(merge([old, new])["a"]).step.tolist() == [0, 1, 2, 3]


def test_a_start_supersedes_earlier_files_without_times():
    """As above, where the points have no finite wall time."""
    old = event_file("1", [Log("a", step, NAN, step) for step in range(9)], born=0.0)
    assert live(merge([old, event_file("2", [Restart(4, 5.0)], born=5.0)])["a"]).step.tolist() == [0, 1, 2, 3]


def test_a_file_that_holds_only_step_0_restarts_nothing():
    """An evaluation script that passes no step takes the place of step 0's point alone, until it logs another step."""
    old = event_file("1", logs("val/acc", range(100), 0))
    script = event_file("2", logs("val/acc", [0], 1000, base=50))
    assert steps_and_values(merge([old, script])["val/acc"]) == [(0, 50), *((step, step) for step in range(1, 100))]
    again = event_file("2", logs("val/acc", [0, 1], 1000, base=50))
    assert steps_and_values(merge([old, again])["val/acc"]) == [(0, 50), (1, 51)]


def test_a_loop_that_one_writer_runs_again_begins_again():
    """A notebook's cell, 100 steps and then 50: the newer 50 are left, and the restart is told once."""
    file = event_file("1", [*logs("a", range(100), 0), *logs("a", range(50), 200, base=1000)])
    assert steps_and_values(merge([file])["a"]) == [(step, 1000 + step) for step in range(50)]
    assert merge_ordered([file]).restarts([file]) == [("1", 0, False, 200.0, None)]


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([0, 1, 2, 50, 3, 4], [0, 1, 2, 3, 4, 50]),  # a point that only ran ahead repeats nothing
        ([0, 1, 1, 2], [0, 1, 2]),  # nothing lies above the repeated step
        ([0, 1, 2, 3, 0], [0, 1, 2, 3]),  # it does not rise again
        ([0, 1, 2, 3, 0, 1], [0, 1]),
        ([0, 1, 2, 3, 0, 4], [0, 1, 2, 3, 4]),  # what follows is new
        ([0, 10, 20, 50, 5, 10, 15], [0, 5, 10, 15]),
        ([4, 8, 12, 1, 16, 20, 24, 2, 28, 32, 36, 4, 40], [1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40]),
        ([0, 1, 2, 0, 1, 2, 0, 1], [0, 1]),
    ],
)
def test_when_a_tag_begins_again_within_a_file(steps, kept):
    """It returns to a step that it has, and rises again among those that it passed; the last value of a step counts."""
    file = event_file("1", [Log("a", step, place, place) for place, step in enumerate(steps)])
    points = live(merge([file])["a"])
    assert points.step.tolist() == kept
    assert points.value.tolist() == [len(steps) - 1 - steps[::-1].index(step) for step in kept]


def test_a_loop_leaves_other_tags_and_files_alone():
    """Rule 3 is of one tag and one file: what the earlier life logged stays."""
    first = event_file("1", logs("a", range(5), 0) + logs("b", range(9), 0))
    second = event_file("2", [*logs("a", range(5, 9), 100), *logs("a", range(5, 7), 200, base=50)])
    merged = merge([first, second])
    assert steps_and_values(merged["a"]) == [*((step, step) for step in range(5)), (5, 55), (6, 56)]
    assert not merged["b"].superseded.any()


def test_a_loop_that_a_start_announced_is_told_once():
    """A START in the file and the steps that go back behind it are one restart."""
    file = event_file("1", [*logs("a", range(9), 0), Restart(5, 50.0), *logs("a", [5, 6, 7], 60)])
    assert merge_ordered([file]).restarts([file]) == [("1", 5, True, 50.0, None)]


def test_later_values_of_a_step_are_counted_by_themselves():
    """A tag written twice a step is no restart; of a restart's points none is counted as a repeat."""
    twice = event_file("1", [Log("a", step, place, place) for place, step in enumerate([0, 0, 1, 1, 2, 2])])
    assert merge([twice])["a"].repeats == 3
    assert merge_ordered([twice]).restarts([twice]) == []
    new = event_file("2", logs("a", [1, 2], 100))
    assert (merge([twice, new])["a"].superseded.sum(), merge([twice, new])["a"].repeats) == (5, 1)


def test_a_backward_step_within_one_file_is_kept():
    """A lone older step is no restart: points are sorted by step, and the same step's last point wins."""
    series = merge([event_file("1", [*logs("a", [0, 1, 2, 3, 1, 7], 0), Log("a", 1, 9, 99)])])["a"]
    assert steps_and_values(series) == [(0, 0), (1, 99), (2, 2), (3, 3), (7, 7)]


def test_the_same_tag_twice_in_one_event():
    """The later value in the event wins; both are in the series."""
    series = merge([event_file("1", [Log("a", 4, 0, 1), Log("a", 4, 0, 2)])])["a"]
    assert steps_and_values(series) == [(4, 2)]
    assert series.superseded.tolist() == [True, False]


def test_a_writer_without_steps_gets_ordinals():
    """All at step 0 and more than one: the ordinal is the step, over all files, and the series says so."""
    one = event_file("1", logs("a", [0, 0, 0], 0))
    two = event_file("2", logs("a", [0, 0], 100, base=50))
    series = merge([one, two])["a"]
    assert series.ordinal
    assert steps_and_values(series) == [(0, 0), (1, 0), (2, 0), (3, 50), (4, 50)]


@pytest.mark.parametrize("steps", [[0], [0, 0, 1], [1, 1]])
def test_steps_that_are_steps_are_not_replaced(steps):
    """One point at step 0, or any other step, is taken as it was written."""
    series = merge([event_file("1", logs("a", steps, 0))])["a"]
    assert not series.ordinal
    assert series.step.tolist() == steps


@pytest.mark.parametrize("wall_times", [[NAN, NAN], [math.inf, -math.inf], [-5.0, 3.0], [3.0, -5.0]])
def test_a_point_counts_whatever_its_wall_time(wall_times):
    """NaN, infinite, negative and backward wall times decide nothing within a file."""
    series = merge([event_file("1", [Log("a", step, wall, step) for step, wall in enumerate(wall_times)])])["a"]
    assert steps_and_values(series) == [(0, 0), (1, 1)]
    np.testing.assert_array_equal(series.wall_time, wall_times)


@pytest.mark.parametrize("broken", ["old", "new"])
def test_without_finite_wall_times_nothing_is_taken_for_a_restart(broken):
    """Where a file has no finite wall time the two may be concurrent, and only the same step is settled."""
    old = event_file("1", [Log("a", s, NAN if broken == "old" else s, s) for s in range(5)], born=0.0)
    new = event_file("2", [Log("a", s, NAN if broken == "new" else 100 + s, 50 + s) for s in (2, 3)], born=100.0)
    assert steps_and_values(merge([old, new])["a"]) == [(0, 0), (1, 1), (2, 52), (3, 53), (4, 4)]


def test_a_tag_is_as_wide_as_it_was_written():
    """A tag's doubles do not widen its neighbour's float32; float32 points of a double tag keep their exact value."""
    one = event_file("1", [Log("a", 0, 0, 0.1), Log("b", 0, 0, 0.1)], doubles=["a"])
    two = event_file("2", [Log("a", 1, 9, 0.1), Log("b", 1, 9, 0.1)])
    merged = merge([one, two])
    assert merged["a"].value.tolist() == [0.1, float(np.float32(0.1))]
    assert merged["b"].value.dtype == np.float32


def test_float64_columns_without_word_on_tags_are_doubles():
    """A file that does not say which of its tags are double is not narrowed."""
    file = event_file("1", [Log("a", 0, 0, 0.1)], doubles=["a"])
    file.doubles = set()
    assert merge([file])["a"].value.dtype == np.float64


def test_the_extremes_of_int64_are_steps():
    """Comparing steps never overflows."""
    steps = [-(1 << 63), -1, 0, (1 << 62), (1 << 63) - 1]
    files = [
        event_file("1", logs("a", steps, 0)),
        event_file("2", [Restart((1 << 63) - 1), *logs("a", [-(1 << 63)], 99)]),
    ]
    assert live(merge(files[:1])["a"]).step.tolist() == steps
    assert live(merge(files)["a"]).step.tolist() == [-(1 << 63)]


def test_a_run_without_points_has_no_series():
    """No files, empty files and tags without a point give nothing."""
    empty = event_file("1", [])
    empty.tags.append("ghost")
    assert merge([]) == {}
    assert merge([empty]) == {}


def test_the_series_do_not_change_when_the_file_grows():
    """Series own their arrays: a decoder may go on writing into its own."""
    file = event_file("1", logs("a", range(3), 0))
    series = merge([file])["a"]
    file.scalars.value[:] = -1
    assert series.value.tolist() == [0, 1, 2]


def million(files: int, tags: int) -> list[EventFile]:
    """A million points that restart with every file."""
    size = 1_000_000 // files
    number = np.arange(size)
    return [
        EventFile(
            f"events.{life}",
            Scalars(
                (number % tags).astype(np.int32),
                number // tags + life * size // tags // 2,
                life * 1e7 + number,
                number.astype(np.float32),
            ),
            [f"tag {tag}" for tag in range(tags)],
            first_wall_time=life * 1e7,
        )
        for life in range(files)
    ]


@pytest.mark.parametrize(("files", "tags"), [(1, 1), (1, 100), (10, 4)])
def test_a_million_points_merge_at_once(files, tags):
    """Work in proportion to the points, by the array: far under what a loop over them would take."""
    made = million(files, tags)
    best = math.inf
    for _ in range(3):
        begin = time.process_time()
        merged = merge(made)
        best = min(best, time.process_time() - begin)
    assert sum(len(series.step) for series in merged.values()) == 1_000_000
    assert best < 0.2  # 0.02 s on an idle core

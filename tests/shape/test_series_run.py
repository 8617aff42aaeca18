"""A run whose files grow: the incremental series equal those merged from scratch, at any moment."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from run_model import Log, Restart, event_file, rule_by_rule, runs

from tbbridge.core.growing_column import common_prefix
from tbbridge.core.model import Points, Series
from tbbridge.following.shelf import DiskShelf
from tbbridge.shape.growing_run import RunSeries
from tbbridge.shape.series import live, merge


def same(one: Series | Points | None, other: Series | Points | None) -> bool:
    """Bit for bit, in the same dtype."""
    if one is None or other is None:
        return one is other
    names = ["step", "wall_time", "value"] + ["superseded"] * isinstance(one, Series)
    columns = [(getattr(one, name), getattr(other, name)) for name in names]
    return getattr(one, "ordinal", 0) == getattr(other, "ordinal", 0) and all(
        a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in columns
    )


def frozen(series: Series) -> Series:
    return Series(
        *(column.copy() for column in (series.step, series.wall_time, series.value, series.superseded)), series.ordinal
    )


class Grown:
    """A run's files as a follower sees them: each up to some event."""

    def __init__(self, made):
        self.made = {arguments[0]: arguments for arguments in made}
        self.shown = dict.fromkeys(self.made, 0)
        self.files = {}

    def show(self, name, count):
        _, events, born, doubles = self.made[name]
        self.shown[name] = min(self.shown[name] + count, len(events))
        self.files[name] = event_file(name, events[: self.shown[name]], born=born, doubles=doubles)
        return self.files[name]


SHELVES = st.sampled_from([8, 16, 1024])
"""Bytes of a shelf's block: all but the newest one or two of them rest."""

ACTIONS = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=3), st.integers(0, 30)),
    max_size=12,
)


@settings(max_examples=300)
@given(runs(), ACTIONS, SHELVES)
def test_growing_equals_merging_from_scratch(made, actions, block):
    """After every look the series, the live points and the set of changed tags are those of a fresh merge."""
    grown, run, before = Grown(made), RunSeries(DiskShelf(block)), {}
    names = list(grown.made)
    for looks, luck in actions:
        touched = {names[place % len(names)]: count for place, count in looks}
        again, gone = set(), set()
        if luck == 0:  # a file is written anew
            again = {next(iter(touched))}
            grown.shown.update(dict.fromkeys(again, 0))
        if luck == 1:  # a file disappears
            gone = {next(iter(touched))}
            touched.clear()
            grown.shown.update(dict.fromkeys(gone, 0))
            grown.files.pop(*gone, None)
        views = {tag: (run.series(tag), frozen(run.series(tag))) for tag in run.tags}
        changed = run.update([grown.show(name, count) for name, count in touched.items()], again=again, gone=gone)
        expected = merge(list(grown.files.values()))
        assert run.tags == list(expected)
        assert all(same(run.series(tag), expected[tag]) for tag in expected)
        assert all(same(run.live(tag), live(expected[tag])) for tag in expected)
        assert all(same(run.series(tag), before[tag]) for tag in run.tags if tag not in changed)
        assert before.keys() - changed <= expected.keys()
        assert all(same(view, copy) for view, copy in views.values()), "a view that was handed out has changed"
        assert sorted(run.restarts) == sorted(rule_by_rule(list(grown.files.values()))[1])
        before = expected


def growing(steps, *, tag="a", name="1", start=0.0):
    return [
        event_file(name, [Log(tag, s, start + i, s) for i, s in enumerate(steps[:n])]) for n in range(1, len(steps) + 1)
    ]


def test_a_growing_file_leaves_the_past_in_place():
    """Appended points cost no copy of the past: later views begin with the earlier ones' own memory."""
    run = RunSeries()
    views = []
    for file in growing(range(200)):
        assert run.update([file]) == {"a"}
        views.append(run.live("a"))
    shared = sum(np.shares_memory(a.value, b.value) for a, b in itertools.pairwise(views))
    assert shared > 180
    assert common_prefix(views[150], views[199]) == 151


def test_a_file_that_shrank_is_read_afresh_even_when_nobody_says_so():
    """Fewer points than were taken in, or another first record, cannot be the same file."""
    run = RunSeries()
    run.update([event_file("1", [Log("a", step, step, step) for step in range(5)])])
    run.update([event_file("1", [Log("a", 7, 0, 1)])])
    assert run.live("a").step.tolist() == [7]
    run.update([event_file("1", [Log("a", 3, 50, 1), Log("a", 4, 51, 1)])])
    assert run.live("a").step.tolist() == [3, 4]
    run.update([event_file("1", [])])
    assert run.tags == []


def test_a_replaced_file_is_read_afresh_however_long_it_is():
    """What was read again from its beginning may have as many points as before, or more, and none of them the same."""
    run = RunSeries()
    run.update([event_file("1", [Log("a", step, 0, step) for step in range(5)], born=0.0)])
    news = event_file("1", [Log("a", 10 + step, 0, step) for step in range(6)], born=0.0)
    assert run.update([news], again={"1"}) == {"a"}
    assert run.live("a").step.tolist() == [10, 11, 12, 13, 14, 15]


def test_a_look_without_news_changes_nothing():
    """The same file again is no change."""
    run = RunSeries()
    file = growing(range(5))[-1]
    run.update([file])
    assert run.update([file]) == set()


def test_a_writer_that_repeats_steps_is_followed_in_place():
    """The same step twice displaces the last live point only, and earlier views keep it."""
    run = RunSeries()
    views = [run.update([file]) and run.live("a") for file in growing([0, 1, 1, 2, 2, 3])]
    assert [view.step.tolist() for view in views] == [[0], [0, 1], [0, 1], [0, 1, 2], [0, 1, 2], [0, 1, 2, 3]]
    assert run.series("a").superseded.tolist() == [False, True, False, True, False, False]


def test_a_restart_cuts_the_live_points(monkeypatch):
    """A resumed training and an announced restart are followed without merging again."""
    run = RunSeries()
    old = growing(range(10))[-1]
    run.update([old])
    monkeypatch.setattr(run, "_merge", None)
    run.update([event_file("2", [Log("a", 7, 100, 57)])])
    assert run.live("a").step.tolist() == [*range(7), 7]
    run.update([event_file("3", [Restart(3), Log("b", 3, 200, 0)], born=200.0)])
    assert run.live("a").step.tolist() == [0, 1, 2]


def test_an_old_file_that_goes_on_takes_a_restart_back():
    """What looked like a restart was a second writer: when the first one's wall times overlap, its points return."""
    run = RunSeries()
    first = [Log("a", step, step, step) for step in range(10)]
    second = event_file("2", [Log("a", 4, 100, 50)])
    run.update([event_file("1", first), second])
    assert run.live("a").step.tolist() == [0, 1, 2, 3, 4]
    other_tag = event_file("1", [*first, Log("b", 0, 200, 0)])
    assert run.update([other_tag]) == {"a", "b"}
    assert run.live("a").step.tolist() == list(range(10))
    assert run.restarts == []


def test_a_files_interval_never_shrinks():
    """Its latest wall time stays its latest when what follows is earlier: the next file is still beside it."""
    run = RunSeries()
    first = [Log("a", step, step, step) for step in range(10)]
    run.update([event_file("1", first)])
    run.update([event_file("1", [*first, Log("b", 0, 2, 0)])])
    run.update([event_file("2", [Log("a", 4, 7, 50)])])
    assert run.live("a").step.tolist() == list(range(10))


def test_a_new_file_whose_wall_times_run_back_is_no_restart():
    """Its later points show that it was written beside the old one."""
    run = RunSeries()
    news = [Log("a", 4, 100, 50), Log("b", 0, 5, 0)]
    run.update([event_file("1", [Log("a", step, step, step) for step in range(10)]), event_file("2", news[:1])])
    assert [restart[1:] for restart in run.restarts] == [(4, False)]
    assert run.update([event_file("2", news)]) == {"a", "b"}
    assert run.live("a").step.tolist() == list(range(10))


def test_going_on_in_a_new_file_is_no_restart():
    """A reopened writer's steps go on: nothing to mark, whether it was followed or read again."""
    run = RunSeries()
    files = [event_file(str(n), [Log("a", 5 * n + i, 100 * n + i, 0) for i in range(5)]) for n in range(3)]
    for file in files:
        run.update([file])
    assert run.restarts == []
    run.update(files, again={"0"})
    assert run.restarts == []


def test_two_writers_of_different_tags_grow_side_by_side(monkeypatch):
    """Train and evaluation writers in one directory do not make the run be merged again."""
    run = RunSeries()
    train, test = growing(range(20)), growing(range(20), tag="b", name="2", start=0.5)
    run.update([train[0], test[0]])
    monkeypatch.setattr(run, "_merge", None)
    for one, other in zip(train[1:], test[1:], strict=True):
        assert run.update([one]) == {"a"}
        assert run.update([other]) == {"b"}


def test_two_writers_of_one_tag_grow_side_by_side(monkeypatch):
    """Of the same step, the later file's point wins, whichever comes first; nothing is merged again."""
    run = RunSeries()
    one = [Log("a", step, 2 * step, step) for step in range(50)]
    other = [Log("a", step, 2 * step + 1, 100 + step) for step in range(50)]
    run.update([event_file("1", one[:2]), event_file("2", other[:1], born=1.0)])
    monkeypatch.setattr(run, "_merge", None)
    for count in range(2, 50):
        run.update([event_file("2", other[:count], born=1.0)])
        run.update([event_file("1", one[: count + 1])])
        assert run.live("a").step.tolist() == list(range(count + 1))
        assert run.live("a").value.tolist() == [*range(100, 100 + count), count]
    series = run.series("a")
    assert series.step.tolist() == [*range(50), *range(49)]
    assert series.superseded.tolist() == [True] * 49 + [False] * 50


def test_the_first_double_widens_the_series():
    """A float32 series becomes float64 as soon as one value is double, and its past counts as changed."""
    run = RunSeries()
    run.update([event_file("1", [Log("a", 0, 0, 0.1)])])
    before = run.live("a")
    run.update([event_file("2", [Log("a", 1, 9, 0.1)], doubles=["a"])])
    assert run.live("a").value.tolist() == [float(np.float32(0.1)), 0.1]
    assert common_prefix(before, run.live("a")) == 0

"""A run whose files grow: the incremental series equal those merged from scratch, at any moment."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from grown_run import Grown, appended
from hypothesis import given
from hypothesis import strategies as st
from logs import merge
from run_model import Log, Restart, event_file, rule_by_rule, runs

from tbbridge.core.model import Points
from tbbridge.shape.growing_run import ReadAgain, RunSeries
from tbbridge.shape.series import live


def same(one: Points, other: Points) -> bool:
    """Bit for bit, in the same dtype."""
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


ACTIONS = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=3), st.integers(0, 30)),
    max_size=12,
)


@given(runs(), ACTIONS)
def test_growing_equals_merging_from_scratch(made, actions):
    """After every look the live points are those of a fresh merge, and the changes tell from which row they differ."""
    grown, shown = Grown(), dict.fromkeys([arguments[0] for arguments in made], 0)
    events = {arguments[0]: arguments for arguments in made}
    names = list(events)
    for looks, luck in actions:
        touched = {names[place % len(names)]: count for place, count in looks}
        if luck <= 1:  # a file is written again from its beginning, or disappears
            shown[next(iter(touched))] = 0
            grown.forget(next(iter(touched)))
        if luck == 1:
            touched.clear()
        views = {tag: grown.run.live(tag) for tag in grown.run.tags}
        copies = {tag: Points(*(column.copy() for column in view)) for tag, view in views.items()}
        files = []
        for name, count in touched.items():
            shown[name] = min(shown[name] + count, len(events[name][1]))
            _, what, born, doubles = events[name]
            files.append(event_file(name, what[: shown[name]], born=born, doubles=doubles))
        changed = grown.look(*files, void=luck <= 1)
        run, expected = grown.run, merge(list(grown.files.values()))
        assert run.tags == list(expected)
        assert all(same(run.live(tag), live(expected[tag])) for tag in expected)
        assert all(run.ordinal(tag) == expected[tag].ordinal for tag in expected)
        found = [(int(one.superseded.sum()), one.repeats) for one in expected.values()]
        assert run.losses.restarted == sum(superseded - repeats for superseded, repeats in found)
        assert run.losses.repeated + run.losses.cut_off == sum(repeats for _, repeats in found)
        for tag in copies.keys() | expected.keys():
            row = changed.get(tag)
            if row is None:
                assert same(copies[tag], run.live(tag))
            elif tag in copies and tag in expected:
                assert same(start(copies[tag], row), start(run.live(tag), row)) or not row
        assert all(same(view, copies[tag]) for tag, view in views.items()), "a view that was handed out has changed"
        ruled = rule_by_rule(list(grown.files.values()))[1]
        assert sorted(one[:3] for one in run.restarts) == sorted(map(tuple, ruled))


def start(points: Points, rows: int) -> Points:
    assert len(points.step) >= rows
    return Points(*(column[:rows] for column in points))


def growing(steps, *, tag="a", name="1", start=0.0):
    return [
        event_file(name, [Log(tag, s, start + i, s) for i, s in enumerate(steps[:n])]) for n in range(1, len(steps) + 1)
    ]


def test_a_growing_file_leaves_the_past_in_place():
    """Appended points cost no copy of the past: later views begin with the earlier ones' own memory."""
    grown, views = Grown(), []
    for row, file in enumerate(growing(range(200))):
        assert grown.look(file) == {"a": row}
        views.append(grown.run.live("a"))
    shared = sum(np.shares_memory(a.value, b.value) for a, b in itertools.pairwise(views))
    assert shared > 180
    assert grown.merges <= 1


def test_a_replaced_file_is_read_afresh_however_long_it_is():
    """What was read again from its beginning may have as many points as before, or more, and none of them the same."""
    grown = Grown()
    grown.look(event_file("1", [Log("a", step, 0, step) for step in range(5)], born=0.0))
    news = event_file("1", [Log("a", 10 + step, 0, step) for step in range(6)], born=0.0)
    assert grown.look(news, void=True) == {"a": 0}
    assert grown.run.live("a").step.tolist() == [10, 11, 12, 13, 14, 15]


def test_a_file_that_was_replaced_by_a_longer_copy_leaves_the_past_in_place():
    """As rsync does it: all is read again, and only the new rows have changed."""
    grown = Grown()
    files = growing(range(8))
    grown.look(files[4])
    assert grown.look(files[7], void=True) == {"a": 5}
    assert grown.look(files[7], void=True) == {}


def test_a_look_without_news_changes_nothing():
    """The same file again is no change."""
    grown, file = Grown(), growing(range(5))[-1]
    grown.look(file)
    assert grown.look(file) == {}


def test_a_writer_that_repeats_steps_is_followed_in_place():
    """The same step twice displaces the last live point only, and earlier views keep it."""
    grown = Grown()
    seen = [(grown.look(file), grown.run.live("a").step.tolist()) for file in growing([0, 1, 1, 2, 2, 3])]
    assert [rows for rows, _ in seen] == [{"a": row} for row in (0, 1, 1, 2, 2, 3)]
    assert [steps for _, steps in seen] == [[0], [0, 1], [0, 1], [0, 1, 2], [0, 1, 2], [0, 1, 2, 3]]
    assert sum(grown.run.losses) == 2


def test_steps_that_come_out_of_order_are_put_in_at_their_place():
    """A point that ran ahead does not make every later one merge the run again."""
    grown = Grown()
    for file in growing([0, 1, 2, 50, 3, 4, 5]):
        grown.look(file)
    assert grown.run.live("a").step.tolist() == [0, 1, 2, 3, 4, 5, 50]
    assert grown.merges <= 1


def test_a_restart_supersedes_and_leaves_nothing_behind():
    """A resumed training and an announced restart are merged from all points, once."""
    grown = Grown()
    grown.look(growing(range(10))[-1])
    before = grown.merges
    resumed = growing([7, 8, 9, 10], name="2", start=100.0)
    assert [grown.look(file)["a"] for file in resumed] == [7, 8, 9, 10]
    assert grown.merges == before + 1
    grown.look(event_file("3", [Restart(3), Log("b", 3, 200, 0)], born=200.0))
    assert grown.run.live("a").step.tolist() == [0, 1, 2]


def test_an_old_file_that_goes_on_takes_a_restart_back():
    """What looked like a restart was a second writer: when the first one's wall times overlap, its points return."""
    grown = Grown()
    first = [Log("a", step, step, step) for step in range(10)]
    grown.look(event_file("1", first), event_file("2", [Log("a", 4, 100, 50)]))
    assert grown.run.live("a").step.tolist() == [0, 1, 2, 3, 4]
    other_tag = event_file("1", [*first, Log("b", 0, 200, 0)])
    assert grown.look(other_tag).keys() == {"a", "b"}
    assert grown.run.live("a").step.tolist() == list(range(10))
    assert grown.run.restarts == []


def test_a_files_interval_never_shrinks():
    """Its latest wall time stays its latest when what follows is earlier: the next file is still beside it."""
    grown = Grown()
    first = [Log("a", step, step, step) for step in range(10)]
    grown.look(event_file("1", first))
    grown.look(event_file("1", [*first, Log("b", 0, 2, 0)]))
    grown.look(event_file("2", [Log("a", 4, 7, 50)]))
    assert grown.run.live("a").step.tolist() == list(range(10))


def test_a_new_file_whose_wall_times_run_back_is_no_restart():
    """Its later points show that it was written beside the old one."""
    grown = Grown()
    news = [Log("a", 4, 100, 50), Log("b", 0, 5, 0)]
    grown.look(event_file("1", [Log("a", step, step, step) for step in range(10)]), event_file("2", news[:1]))
    assert [restart[1:3] for restart in grown.run.restarts] == [(4, False)]
    assert grown.look(event_file("2", news)).keys() == {"a", "b"}
    assert grown.run.live("a").step.tolist() == list(range(10))


def test_going_on_in_a_new_file_is_no_restart():
    """A reopened writer's steps go on: nothing to mark or to merge, whether it was followed or read again."""
    grown = Grown()
    files = [event_file(str(n), [Log("a", 5 * n + i, 100 * n + i, 0) for i in range(5)]) for n in range(3)]
    assert [grown.look(file) for file in files] == [{"a": 0}, {"a": 5}, {"a": 10}]
    assert (grown.run.restarts, grown.merges) == ([], 0)
    grown.look(*files, void=True)
    assert grown.run.restarts == []


@pytest.mark.parametrize("looks", [(2, 5), (2, 4, 5), (2, 3, 5), (5,)])
def test_a_loop_begins_again_wherever_a_look_ends(looks):
    """By rule 3, a step below the top that comes twice, and the rise after it, take the place of what lies above."""
    grown, files = Grown(), growing([7, 1, 3, 3, 5])
    for end in looks:
        grown.look(files[end - 1])
    assert grown.run.live("a").step.tolist() == [1, 3, 5]


def test_hundreds_of_tags_that_grow_are_appended():
    """A point in each is no reason to merge the run again, nor is one tag among them of which a rule asks more."""
    grown, tags, points = Grown(), [f"t{number}" for number in range(300)], []
    for step in range(1, 6):
        points += [Log(tag, step, step, step) for tag in tags] + [Log("t7", step, step, -step)]
        assert grown.look(event_file("1", points)).keys() == set(tags)
    assert grown.merges <= 1
    expected = merge(list(grown.files.values()))
    assert all(same(grown.run.live(tag), live(expected[tag])) for tag in tags)


def test_two_writers_of_different_tags_grow_side_by_side():
    """Train and evaluation writers in one directory do not make the run be merged again."""
    grown = Grown()
    train, test = growing(range(20)), growing(range(20), tag="b", name="2", start=0.5)
    grown.look(train[0], test[0])
    before = grown.merges
    for one, other in zip(train[1:], test[1:], strict=True):
        assert grown.look(one).keys() == {"a"}
        assert grown.look(other).keys() == {"b"}
    assert grown.merges == before


def test_two_writers_of_one_tag_grow_side_by_side():
    """Of the same step, the later file's point wins, whichever comes first; nothing is merged again after a while."""
    grown = Grown()
    one = [Log("a", step, 2 * step, step) for step in range(50)]
    other = [Log("a", step, 2 * step + 1, 100 + step) for step in range(50)]
    grown.look(event_file("1", one[:2]), event_file("2", other[:1], born=1.0))
    before = grown.merges
    for count in range(2, 50):
        grown.look(event_file("2", other[:count], born=1.0))
        grown.look(event_file("1", one[: count + 1]))
        assert grown.run.live("a").step.tolist() == list(range(count + 1))
        assert grown.run.live("a").value.tolist() == [*range(100, 100 + count), count]
    assert grown.merges == before
    assert sum(grown.run.losses) == 49


def test_the_first_double_widens_the_series():
    """A float32 series becomes float64 as soon as one value is double, and its past counts as changed."""
    grown = Grown()
    grown.look(event_file("1", [Log("a", 0, 0, 0.1)]))
    assert grown.look(event_file("2", [Log("a", 1, 9, 0.1)], doubles=["a"])) == {"a": 0}
    assert grown.run.live("a").value.tolist() == [float(np.float32(0.1)), 0.1]


def test_what_changed_before_a_merge_was_asked_for_is_told_with_it():
    """A tag that grew in the same look in which another one reached back is news, too."""
    grown = Grown()
    old = [Log("a", step, step, 0) for step in range(3)]
    grown.look(event_file("1", [*old, Log("b", 0, 3, 0)]))
    news = [Log("b", 1, 4, 0), Log("a", 1, 5, 0)]
    other = event_file("2", [Log("a", 0, 9, 0)])
    assert grown.look(event_file("1", [*old, Log("b", 0, 3, 0), *news]), other) == {"a": 0, "b": 1}


def test_nothing_is_known_after_a_demand_for_all_points():
    """The demand is repeated by nothing: the next update brings all points."""
    run = RunSeries()
    run.update([event_file("1", [Log("a", 0, 0, 0), Log("a", 1, 1, 0)])], whole=True)
    run.changes()
    news = event_file("1", [Log("a", 0, 0, 0), Log("a", 1, 1, 0), Restart(1)])
    with pytest.raises(ReadAgain):
        run.update([appended(news, 2)])
    run.update([news], whole=True)
    assert run.changes() == {"a": 1}
    assert run.live("a").step.tolist() == [0]

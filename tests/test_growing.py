"""Columns that grow, in memory or resting on a shelf: a list whose earlier views never change."""

from __future__ import annotations

import pickle
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.growing_column import GrowingColumn, Shelved, common_prefix, common_start, in_memory
from tbbridge.core.model import Points
from tbbridge.following.follower import Follower
from tbbridge.following.shelf import DiskShelf
from tbbridge.write.events import EventWriter

KINDS = st.sampled_from([np.int64, np.float32, np.uint8])


def resting(count: int, block: int = 16) -> np.ndarray:
    """0, 1, 2 ... of which all but the newest few rest."""
    column = GrowingColumn(np.int64, DiskShelf(block))
    for value in range(count):
        column.extend(np.array([value]))
    return column.view


@given(st.sampled_from([None, 8, 16]), KINDS, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=20))
def test_a_growing_column_is_a_list_whose_snapshots_stay(block, kind, moves):
    """Cut and extend in any order: the column equals the list, and earlier views never change."""
    column = GrowingColumn(kind, block and DiskShelf(block))
    model, views = [], []
    for number, (cut, count) in enumerate(moves):
        if cut < len(model) and count % 2:
            column.cut(cut)
            del model[cut:]
        news = [number * 10 + i for i in range(count)]
        column.extend(np.array(news, np.int64))
        model += news
        assert column.view.tolist() == model
        views.append((column.view, list(model)))
    assert all(view.tolist() == copy for view, copy in views)
    assert all(view.dtype == kind and len(view) == len(copy) for view, copy in views)


@given(st.integers(7, 40), st.data())
def test_a_resting_view_stands_for_the_array(count, data):
    """Slices, places, masks, arithmetic, functions and methods give what the array gives."""
    view, array = resting(count), np.arange(count)
    assert isinstance(view, Shelved)
    ends = st.none() | st.integers(-count - 2, count + 2)
    part = slice(data.draw(ends), data.draw(ends), data.draw(st.sampled_from([None, 1, 2, -1])))
    np.testing.assert_array_equal(view[part], array[part])
    place = data.draw(st.integers(-count, count - 1))
    assert view[place] == array[place]
    places = np.array(data.draw(st.lists(st.integers(-count, count - 1), max_size=5)), np.int64)
    np.testing.assert_array_equal(view[places], array[places])
    np.testing.assert_array_equal(view[view % 3 == 0], array[array % 3 == 0])
    for value in (place, float(place), places):
        for side in ("left", "right"):
            np.testing.assert_array_equal(view.searchsorted(value, side), array.searchsorted(value, side))
            np.testing.assert_array_equal(np.searchsorted(view, value, side), array.searchsorted(value, side))
    assert (view.max(), view.mean(), view.shape, list(view)) == (count - 1, array.mean(), (count,), list(array))
    np.testing.assert_array_equal(np.concatenate([view, 2 * view]), np.concatenate([array, 2 * array]))
    assert (repr(view), type(pickle.loads(pickle.dumps(view)))) == (repr(array), np.ndarray)
    with pytest.raises(IndexError):
        view[count]
    with pytest.raises(ValueError, match="copy"):
        np.array(view, copy=False) if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else view.__array__(copy=False)


def test_what_is_new_costs_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a column, its length, where a value belongs at the end, and what two views have in common."""
    column = GrowingColumn(np.arange(1000), DiskShelf(64))
    before = column.view
    column.extend(np.array([1000]))
    monkeypatch.setattr(DiskShelf, "get", lambda *_: pytest.fail("old values were read"))
    now = column.view
    assert (len(now), now[-1], now[1000:].tolist(), now.searchsorted(1000)) == (1001, 1000, [1000], 1000)
    assert common_start(before, now) == 1000
    column.cut(998)
    column.extend(np.array([998, 7]))
    assert common_start(before, column.view) == 999


def test_the_common_prefix_is_bit_for_bit():
    """NaN equals itself, 0 is not -0, float32 is not float64, and one differing column is enough."""

    def points(values, dtype=np.float32):
        return Points(np.arange(len(values)), np.zeros(len(values)), np.array(values, dtype))

    assert common_prefix(points([1, np.nan, 3]), points([1, np.nan, 4])) == 2
    assert common_prefix(points([0.0]), points([-0.0])) == 0
    assert common_prefix(points([1, 2]), points([1, 2], np.float64)) == 0
    assert common_prefix(points([1, 2]), points([1, 2, 3])) == 2
    assert common_prefix(points([]), points([1])) == 0


def test_views_may_be_read_while_the_column_changes() -> None:
    """Another thread sees its view as it was, though the column is cut, grows, and its blocks are used again."""
    column = GrowingColumn(np.arange(200), DiskShelf(8))
    ended, wrong = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            view = column.view
            one, other = in_memory(view), in_memory(view)
            if not (np.array_equal(one, other) and np.array_equal(one, np.arange(len(one)))):
                wrong.append(one)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(300):
        column.cut(len(column) // 2)
        column.extend(np.arange(len(column), 200))
    ended.set()
    reader.join()
    assert not wrong


def test_memory_does_not_grow_with_the_points(tmp_path: Path) -> None:
    """Of a run that is followed, only the newest points are in memory, in whatever way they come."""
    for number in range(3):
        (tmp_path / f"logs/run{number}").mkdir(parents=True)
    writers = [EventWriter(tmp_path / f"logs/run{number}/events.out.tfevents.1") for number in range(3)]
    late = EventWriter(tmp_path / "logs/run0/events.out.tfevents.2")  # two writers of one tag
    follower = Follower(tmp_path / "logs")

    def train(steps: range) -> int:
        for step in steps:
            for writer in writers:
                writer.scalar("loss", step, step, 1 / (step + 1))
                writer.scalar("accuracy", step, step, step / 1e6)
            if step % 10 == 0:
                late.scalar("loss", step, step, 0.5)
            if step % 100 == 99:
                for writer in (*writers, late):
                    writer.flush()
                follower.poll()
                for name in follower.tables.by_name:
                    follower.csv(name)
        return tracemalloc.get_traced_memory()[0]

    train(range(1000))
    tracemalloc.start()
    try:
        begin = train(range(1000, 2000))
        grown = train(range(2000, 5000)) - begin
    finally:
        tracemalloc.stop()
    for writer in (*writers, late):
        writer.close()
    assert grown < 10 * 18_300, "bytes a point; it is 65 where all are kept"

"""Columns that grow: a list whose earlier views never change."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.growing_column import GrowingColumn, common_prefix
from tbbridge.core.model import Points
from tbbridge.following import follower as floor
from tbbridge.following.follower import Follower
from tbbridge.write.events import EventWriter

KINDS = st.sampled_from([np.int64, np.float32, np.uint8])


@given(KINDS, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)), max_size=20))
def test_a_growing_column_is_a_list_whose_snapshots_stay(kind, moves):
    """Cut, drop and extend in any order: the column equals the list, and earlier views never change."""
    column = GrowingColumn(kind)
    model, views = [], []
    for number, (cut, count) in enumerate(moves):
        if cut < len(model) and count % 2:
            column.cut(cut)
            del model[cut:]
        elif cut == 20:
            column.drop()
            model.clear()
        news = [number * 10 + i for i in range(count)]
        column.extend(np.array(news, np.int64))
        model += news
        assert column.view.tolist() == model
        views.append((column.view, list(model)))
    assert all(view.tolist() == copy for view, copy in views)
    assert all(type(view) is np.ndarray and view.dtype == kind for view, copy in views)


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
    """Another thread sees its view as it was, though the column is cut and grows."""
    column = GrowingColumn(np.arange(200))
    ended, wrong = threading.Event(), []

    def read() -> None:
        while not ended.is_set():
            view = column.view
            if not np.array_equal(view, np.arange(len(view))):
                wrong.append(view)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(300):
        column.cut(len(column) // 2)
        column.extend(np.arange(len(column), 200))
    ended.set()
    reader.join()
    assert not wrong


def test_a_point_is_kept_once(tmp_path: Path) -> None:
    """A point takes 20 bytes (step, wall time, float32) and the room to grow, in whatever way it comes."""
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

    train(range(500))
    tracemalloc.start()
    try:
        begin = train(range(500, 1000))
        grown = train(range(1000, 2500)) - begin
    finally:
        tracemalloc.stop()
    for writer in (*writers, late):
        writer.close()
    assert grown < 30 * 9_150


def test_freed_memory_goes_back_to_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The allocator keeps what pages and texts left: given back each minute, and when columns outgrew megabytes."""
    now, given_back = [0.0], []
    monkeypatch.setattr(floor, "give_back", lambda: given_back.append(now[0]))
    monkeypatch.setattr(GrowingColumn, "freed", 0)
    follower = Follower(tmp_path, None, clock=lambda: now[0])
    for now[0] in (0.0, 1.0, 59.0, 61.0, 62.0, 120.0, 200.0):
        follower.publish()
    assert given_back == [0.0, 61.0, 200.0]
    column = GrowingColumn(np.zeros(floor.TIDY_BYTES // 8))
    column.extend(np.zeros(1))  # the buffer of exactly so many bytes is let go of
    for now[0] in (201.0, 202.0):
        follower.publish()
    GrowingColumn(np.zeros(16)).extend(np.zeros(1))
    for now[0] in (203.0, 204.0):
        follower.publish()
    assert given_back == [0.0, 61.0, 200.0, 203.0]

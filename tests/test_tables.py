"""The run log's text of one experiment that grows: the bytes of the whole, for the price of the news."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_model import Log, event_file, runs

from tbbridge.following.shelf import DiskShelf
from tbbridge.following.tables import RunLogText
from tbbridge.reading.reading import NO_POINTS
from tbbridge.shape.growing_run import RunSeries
from tbbridge.shape.run_log import run_log
from tbbridge.shape.series import live, merge
from tbbridge.write.run_log_csv import run_log_csv

NAMES = st.sampled_from([("a", "b"), ("a", "b"), ("a", "b"), ("b", "a"), ("c",)])


@given(runs(), st.lists(st.tuples(st.integers(0, 3), NAMES, st.booleans()), max_size=20), st.sampled_from([8, 1024]))
def test_the_text_follows_a_run_whose_files_grow(made, looks, block):
    """From the event files to the bytes, one event at a time in any order, the growing path equals the fresh one."""
    shelf = DiskShelf(block)
    run, text = RunSeries(shelf), RunLogText(shelf)
    shown = dict.fromkeys([arguments[0] for arguments in made], 0)
    for place, names, header in looks:
        name, events, born, doubles = made[place % len(made)]
        shown[name] += 1
        run.update([event_file(name, events[: shown[name]], born=born, doubles=doubles)])
        files = [event_file(n, e[: shown[n]], born=b, doubles=d) for n, e, b, d in made if shown[n]]
        fresh = {tag: live(series) for tag, series in merge(files).items()}
        grown = text.csv({tag: run.live(tag) if tag in run.tags else NO_POINTS for tag in names}, header)
        assert grown == run_log_csv(run_log("x", {tag: fresh.get(tag, NO_POINTS) for tag in names}), header=header)


def test_a_point_costs_the_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new point joins and formats a handful of rows, however long the table is."""
    joined = []

    def counting(name, columns):
        joined.append(sum(len(column.step) for column in columns.values()))
        return run_log(name, columns)

    monkeypatch.setattr("tbbridge.following.tables.run_log", counting)
    run, text = RunSeries(), RunLogText()
    history = [Log("a", step, step, step) for step in range(1000)]
    for count in range(990, 1000):
        run.update([event_file("1", history[:count])])
        text.csv({"a": run.live("a")}, True)
    assert joined == [990] + [1] * 9


def test_a_look_without_news_makes_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same columns again are the same bytes, and no row is made."""
    run, text = RunSeries(), RunLogText()
    run.update([event_file("1", [Log("a", 0, 0, 0.5)])])
    first = text.csv({"a": run.live("a")}, True)
    monkeypatch.setattr("tbbridge.following.tables.run_log", lambda *_: pytest.fail("a row was made"))
    assert text.csv({"a": run.live("a")}, True) == first == b"step,a\n0,0.5\n"

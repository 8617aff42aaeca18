"""The run log of one experiment that grows: the bytes of the whole, for the price of the new points."""

from __future__ import annotations

from pathlib import Path

import pytest

from tbbridge import export
from tbbridge.following import tables
from tbbridge.following.follower import Follower
from tbbridge.shape.run_log import run_log
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


def test_a_point_costs_the_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new point joins and formats a handful of rows, however long the published table is."""
    joined = []

    def counting(name, columns):
        joined.append(sum(len(column.step) for column in columns.values()))
        return run_log(name, columns)

    monkeypatch.setattr(tables, "run_log", counting)
    (tmp_path / "logs").mkdir()
    now = 0.0
    with EventWriter(tmp_path / "logs/events.out.tfevents.1") as writer, Publisher(tmp_path / "out") as publisher:
        follower = Follower(tmp_path / "logs", publisher, clock=lambda: now)
        for step in range(1000):
            writer.scalar("loss", step, step, step / 7)
            if step >= 990:
                writer.flush()
                follower.poll()
                now += 1000.0
                follower.publish()
    assert joined == [991] + [1] * 9
    (fresh,) = export(tmp_path / "logs", tmp_path / "fresh")
    assert (tmp_path / "out/logs.csv").read_bytes() == fresh.read_bytes()


def test_a_look_without_news_makes_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published already is not made again."""
    (tmp_path / "logs").mkdir()
    with EventWriter(tmp_path / "logs/events.out.tfevents.1") as writer:
        writer.scalar("loss", 0, 0, 0.5)
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(tmp_path / "logs", publisher)
        follower.finish()
        monkeypatch.setattr(tables, "run_log", lambda *_: pytest.fail("a row was made"))
        follower.finish()
    assert (tmp_path / "out/logs.csv").read_bytes().endswith(b"\n0,,,0.5,\n")

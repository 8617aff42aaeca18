"""The mapping while a training is followed: it is what it would be at once, and it never flips in silence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from logs import files_of, write_run

from tbbridge import export, read
from tbbridge.following.follower import Follower
from tbbridge.following.tables import ExperimentTable, Tables
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.watching.terminal import row
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


def test_a_better_series_that_appears_later_is_taken_and_said(tmp_path: Path) -> None:
    """Test data stands in until a validation is logged; the run log is made again, and a note says why."""
    tables = Tables(logs := LogDirectory(tmp_path))
    with EventWriter(tmp_path / "events.out.tfevents.1700000000.host") as writer:
        for step in range(3):
            writer.scalar("train_loss", step, 1.7e9 + step, 1.0)
            writer.scalar("test_loss", step, 1.7e9 + step, 2.0)
        writer.flush()
        tables.update(logs.sweep())
        (before,) = tables.by_name.values()
        assert before.view.columns["val cross entropy"].value.tolist() == [2, 2, 2]
        before_view = before.view
        writer.scalar("val_loss", 3, 1.7e9 + 3, 3.0)
    tables.update(logs.sweep())
    (after,) = tables.by_name.values()
    assert after.view.columns["val cross entropy"].value.tolist() == [3]
    assert after.view.generation > before_view.generation
    assert any("fed by '.:test_loss' before, now by '.:val_loss'" in note for note in after.view.notes)
    assert (row(before_view, None).state, row(after.view, None).state) == ("", "mapping changed")
    reading = read(tmp_path)
    assert reading.experiments == [after.experiment]


def test_what_is_published_is_mapped_as_a_fresh_export_maps_it(tmp_path: Path) -> None:
    """Where points only grow in number, too: an accuracy with fewer points than the loss is of the validation."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    logdir.mkdir()
    with Publisher(out) as publisher, EventWriter(logdir / "events.out.tfevents.1700000000.host") as writer:
        follower = Follower(logdir, publisher, clock=lambda: 0.0)
        for step in range(6):
            writer.scalar("loss", step, 1.7e9 + step, 1.0)
            if step < 3:
                writer.scalar("accuracy", step, 1.7e9 + step, 0.5)
            writer.flush()
            follower.poll()
            follower.finish()
            export(logdir, tmp_path / "fresh")
            expected = {path.name: path.read_bytes() for path in (tmp_path / "fresh").glob("*.csv")}
            assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == expected
    assert b"0,,0.5,1.0,\n" in expected["logs.csv"]


def test_points_that_were_put_off_are_not_lost_when_another_run_comes_before_they_are_published(tmp_path: Path) -> None:
    """Which maps everything again."""
    logdir, out = tmp_path / "logs", tmp_path / "out"
    (logdir / "a").mkdir(parents=True)
    with Publisher(out) as publisher, EventWriter(logdir / "a" / "events.out.tfevents.1") as writer:
        follower = Follower(logdir, publisher, clock=lambda: 0.0)
        for step in range(2):
            writer.scalar("loss", step, 1.7e9 + step, 1.0)
            writer.flush()
            follower.poll()
        write_run(logdir / "b", loss=[(0, 1.0)])
        follower.poll()
        follower.publish()
    export(logdir, tmp_path / "fresh")
    assert {name: text for name, text in files_of(out).items() if name.endswith(".csv")} == files_of(tmp_path / "fresh")


def test_an_experiment_that_comes_back_shows_what_its_runs_changed_under_another_name(tmp_path: Path) -> None:
    """While its training run is away, the validation alone is an experiment of its own, and shows its news."""
    train, validation, away = tmp_path / "logs/exp/train", tmp_path / "logs/exp/validation", tmp_path / "logs/away"
    train.mkdir(parents=True)
    validation.mkdir()
    EventWriter(train / "events.out.tfevents.1", wall_time=1.0).close()
    with Publisher(tmp_path / "out") as publisher, EventWriter(validation / "events.out.tfevents.1") as writer:
        follower = Follower(tmp_path / "logs", publisher, clock=lambda: 0.0)
        writer.scalar("loss", 3, 2.0, 0.5)
        writer.flush()
        follower.finish()
        train.rename(away)
        writer.scalar("loss", 3, 3.0, 0.25)
        writer.flush()
        follower.finish()
        away.rename(train)
        follower.finish()
        assert (tmp_path / "out/exp.csv").read_text().splitlines()[1:] == ["3,,,,0.25"]


def test_a_point_that_is_published_at_once_is_shown_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing maps the experiment again: that is all its work, also before that is due without publishing."""
    logdir, path, shown, now = tmp_path / "logs", tmp_path / "out" / "logs.csv", list[str](), [0.0]
    logdir.mkdir()
    note = ExperimentTable.note

    def noted(self: ExperimentTable, *given: Any) -> int:
        shown.append(path.name)
        return note(self, *given)

    monkeypatch.setattr(ExperimentTable, "note", noted)
    with Publisher(path.parent) as publisher, EventWriter(logdir / "events.out.tfevents.1700000000.host") as writer:
        follower = Follower(logdir, publisher, summary=False, clock=lambda: now[0])
        for step in range(4):
            writer.scalar("val_loss", step, 1.7e9 + step, 1.0)
            writer.flush()
            follower.poll()
            follower.publish()
            assert path.read_text().splitlines()[-1] == f"{step},,,,1.0"
            assert len(shown) == step + 1
            now[0] += 1e6  # its time has come, and that of the mapping alone has not
            follower.tables.by_name["logs"].map_at = math.inf

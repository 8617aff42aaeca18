"""What ``tbbridge view`` can show: run logs as files, and log directories."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from logs import write_run
from support import wait_until

import tbbridge
from tbbridge.following.csv_source import CsvSource
from tbbridge.write.events import EventWriter

HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    """A FIFO, a link to a device and a file of 3 GB are a line each, at once; the good run log beside them is shown."""
    (tmp_path / "good.csv").write_text(HEADER + "0,0.5,,1,\n")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(3 << 30)
    with tbbridge.open_source(tmp_path) as source:
        assert source.names() == ["good"]
        lines = "\n".join(sorted(source.status()))
        assert lines.count("it is no regular file") == 2
        assert "huge.csv: it is larger than 1024 MiB" in lines


def test_a_directory_of_run_logs(tmp_path: Path) -> None:
    """Each file below it is an experiment, with header or without; other files are none."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_text(HEADER + "0,0.5,,1,nan\n1,0.75,0.5,,2\n")
    (tmp_path / "sub/b%25.csv").write_text("0,0.5,,1,\n")
    (tmp_path / "notes.txt").write_text("hello")
    with tbbridge.open_source(tmp_path) as source:
        assert source.names() == ["a", "sub/b%"]
        view = source.view("a")
        assert source.csv("a") == (tmp_path / "a.csv").read_bytes()
        assert source.view("nothing") is None
        assert source.csv("nothing") is None
        assert source.status() == []
    assert view is not None
    assert view.state == "static"
    assert {name: points.step.tolist() for name, points in view.columns.items()} == {
        "train accuracy": [0, 1],
        "val accuracy": [1],
        "train cross entropy": [0],
        "val cross entropy": [0, 1],
    }
    assert np.isnan(view.columns["val cross entropy"].value[0])


def test_changes_are_followed(tmp_path: Path) -> None:
    """Appended rows go on in the same generation, a rewritten past begins a new one, files may come and go."""
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "0,0.5,,1,\n")
    told = threading.Event()
    with tbbridge.open_source(tmp_path) as source:
        first = source.view("a")
        source.subscribe(told.set)
        with open(path, "a") as file:
            file.write("1,0.75,,0.5,\n")
        wait_until(lambda: len(source.view("a").columns["train accuracy"].step) == 2)  # type: ignore[union-attr]
        assert told.wait(5)
        assert source.view("a").generation == first.generation  # type: ignore[union-attr]
        path.write_text(HEADER + "0,0.25,,1,\n")
        wait_until(lambda: source.view("a").generation != first.generation)  # type: ignore[union-attr]
        (tmp_path / "new").mkdir()
        (tmp_path / "new/b.csv").write_text(HEADER)
        wait_until(lambda: source.names() == ["a", "new/b"])
        path.unlink()
        wait_until(lambda: source.names() == ["new/b"])


def test_one_run_log(tmp_path: Path) -> None:
    """Its experiment is named as the file is; others beside it are not shown."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("0,0.5,,1,\n")
    with tbbridge.open_source(tmp_path / "a.csv") as source:
        assert source.names() == ["a"]
        os.replace(tmp_path / "b.csv", tmp_path / "a.csv")
        (tmp_path / "a.csv").unlink()
        wait_until(lambda: source.status() == [f"waiting for {tmp_path / 'a.csv'}: it does not exist"])


def test_a_file_that_is_no_run_log_among_others_is_told(tmp_path: Path) -> None:
    """And the others are shown; when it becomes one it is shown, too."""
    (tmp_path / "a.csv").write_text("0,0.5,,1,\n")
    (tmp_path / "bad.csv").write_text("name,age\nx,3\n")
    with tbbridge.open_source(tmp_path) as source:
        assert source.names() == ["a"]
        assert source.status()[0].startswith("bad: line 1")
        (tmp_path / "bad.csv").write_text("0,0.5,,1,\n")
        wait_until(lambda: source.names() == ["a", "bad"] and source.status() == [])


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    """With one clear line, of the kind that the command line shows; no thread is left behind."""
    threads = set(threading.enumerate())
    with pytest.raises(tbbridge.PathError, match="does not exist: give a run log"):
        tbbridge.open_source(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(tbbridge.FormatError, match="notes"):
        tbbridge.open_source(tmp_path / "notes.txt")
    assert set(threading.enumerate()) <= threads


def test_a_log_directory_is_followed_and_nothing_is_written(tmp_path: Path) -> None:
    """Also when it holds run logs of its own beside the event files, and while it is empty."""
    logs = tmp_path / "logs"
    logs.mkdir()
    with tbbridge.open_source(logs) as source:
        (logs / "run").mkdir()
        with EventWriter(logs / "run/events.out.tfevents.1") as writer:
            writer.scalar("loss", 0, 1.0, 0.5)
        wait_until(lambda: source.names() == ["run"])
    (logs / "table.csv").write_text("a,b\n")
    with tbbridge.open_source(logs) as source:
        assert isinstance(source, tbbridge.Bridge)
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_source_that_is_gone_comes_back(tmp_path: Path) -> None:
    """The directory may be deleted and made again."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.csv").write_text("0,0.5,,1,\n")
    with CsvSource(out, poll_interval=0.1).start() as source:
        shutil.rmtree(out)
        wait_until(lambda: source.names() == [] and source.status() == [f"waiting for {out}: it does not exist"])
        out.mkdir()
        (out / "a.csv").write_text("0,0.5,,1,\n1,0.5,,1,\n")
        wait_until(lambda: source.names() == ["a"] and source.status() == [])


def test_a_view_looks_up_every_series_and_says_when_its_past_changed(tmp_path: Path) -> None:
    """`extra` holds all series by the charts that draw them; a restart that takes points back counts as `rewritten`."""
    logs = tmp_path / "logs"
    write_run(logs / "a", name="1", wall_time=100.0, train_f1=[(0, 0.5), (1, 0.25)], val_f1=[(1, 0.125)])
    with tbbridge.Bridge(logs, publish=False) as bridge:
        assert bridge.wait_until_read(20)
        before = bridge.view("a")
        assert before is not None
        chart = before.extra["train_f1, val_f1"]
        assert {label: points.value.tolist() for label, points in chart.items()} == {
            "Training": [0.5, 0.25],
            "Validation": [0.125],
        }
        write_run(logs / "a", name="2", wall_time=900.0, train_f1=[(1, 0.75), (2, 1.0)])

        def again() -> list[float]:
            view = bridge.view("a")
            assert view is not None
            return view.extra["train_f1, val_f1"]["Training"].value.tolist() if view.rewritten else []

        wait_until(lambda: again() == [0.5, 0.75, 1.0], what="the restart")

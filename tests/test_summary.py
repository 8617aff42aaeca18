"""``summary.csv``: a row per experiment beside the run logs, the same by export and by watch."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas
import pytest
from logs import files_of, write_experiment, write_run

import tbbridge
from tbbridge.cli import main
from tbbridge.following.follower import Follower
from tbbridge.reading import summary
from tbbridge.reading.summary import SummaryCsv
from tbbridge.shape.summary import SummaryRow
from tbbridge.write.events import EventWriter
from tbbridge.write.publish import Publisher


def rows(path: Path) -> dict[str, dict[str, str]]:
    """The table by experiment, as Python's own reader of CSV has it."""
    return {row.pop("experiment"): row for row in csv.DictReader(io.StringIO(path.read_text()))}


def test_export_keeps_a_summary_beside_the_run_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row per experiment; an experiment of the name has another file; the layout is the same table."""
    logs, out = tmp_path / "logs", tmp_path / "logs-csv"
    write_experiment(logs, "a")
    write_run(logs / "summary", loss=[(0, 0.5), (4, 0.25)])
    assert main(["export", str(logs)]) == 0
    assert capsys.readouterr().out.split() == [str(out / "a.csv"), str(out / "%73ummary.csv")]
    assert set(files_of(out)) == {"a.csv", "%73ummary.csv", "summary.csv"}
    table = rows(out / "summary.csv")
    assert list(table) == ["a", "summary"]
    assert table["a"]["best val cross entropy"] == "2.0"
    one = {key: cell for key, cell in table["summary"].items() if cell}
    assert one == {
        "first wall time": "100.0",
        "last wall time": "101.0",
        "duration": "1.0",
        "steps": "2",
        "last step": "4",
        "steps per second": "4.0",
        "last train cross entropy": "0.25",
        "last train cross entropy step": "4",
        "best train cross entropy": "0.25",
        "best train cross entropy step": "4",
        "restarts": "0",
        "damage": "0",
    }
    main(["export", str(logs), "--layout", "summary", "--out", "-"])
    assert capsys.readouterr().out == (out / "summary.csv").read_text()


def test_a_summary_is_of_the_whole_directory_or_not_written(tmp_path: Path) -> None:
    """A selection leaves it as it is, ``--no-summary`` writes none."""
    write_experiment(tmp_path / "logs", "a")
    write_experiment(tmp_path / "logs", "b")
    tbbridge.export(tmp_path / "logs", tmp_path / "out", summary=False)
    assert set(files_of(tmp_path / "out")) == {"a.csv", "b.csv"}
    tbbridge.export(tmp_path / "logs", tmp_path / "out")
    before = files_of(tmp_path / "out")
    tbbridge.export(tmp_path / "logs", tmp_path / "out", experiments="a")
    assert files_of(tmp_path / "out") == before
    assert set(rows(tmp_path / "out/summary.csv")) == {"a", "b"}


def test_restarts_and_damage_are_counted(tmp_path: Path) -> None:
    """A restart is one though train and validation show it, and each damaged record is a place."""
    for folder in ("exp/train", "exp/validation"):
        write_run(tmp_path / "logs" / folder, "1", wall_time=100, loss=[(step, 1) for step in range(9)])
        write_run(tmp_path / "logs" / folder, "2", wall_time=200, loss=[(step, 2) for step in range(5, 9)])
    path = tmp_path / "logs/exp/train/events.out.tfevents.2.host"
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(data)
    tbbridge.export(tmp_path / "logs", tmp_path / "out")
    row = rows(tmp_path / "out/summary.csv")["exp"]
    assert (row["restarts"], row["damage"]) == ("1", "1")


def test_a_summary_is_no_run_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page of a directory of run logs leaves it out without a word; import says what it wants."""
    write_experiment(tmp_path / "logs", "a")
    tbbridge.export(tmp_path / "logs", tmp_path / "out")
    with tbbridge.open_source(tmp_path / "out") as source:
        assert source.names() == ["a"]
        assert source.status() == []
        view = source.view("a")
        assert view is not None
        assert view.summary["best val cross entropy"] == 2.0
        assert view.summary["duration"] is None
    assert main(["import", str(tmp_path / "out/summary.csv"), str(tmp_path / "back")]) == 2
    assert "summary.csv: line 1: no run log" in capsys.readouterr().err
    (tmp_path / "out/summary.csv").write_text("step,reward\n0,1\n")
    with tbbridge.open_source(tmp_path / "out") as source:
        assert source.names() == ["a", "summary"]


def test_watch_writes_again_only_the_rows_that_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each moment the file is that of an export; of 30 runs one grows, and one line is made."""
    logs, out, made = tmp_path / "logs", tmp_path / "out", list[str]()
    for number in range(30):
        write_run(logs / f"run{number}", loss=[(step, 1 / (step + 1)) for step in range(number + 1)])
    lines = summary.csv_lines
    monkeypatch.setattr(
        summary, "csv_lines", lambda group, options: (made.append(*group.labels), lines(group, options))[1]
    )
    with Publisher(out) as publisher, EventWriter(logs / "run7/events.out.tfevents.2", wall_time=300) as writer:
        follower = Follower(logs, publisher)
        follower.finish()
        for step in range(8, 12):
            writer.scalar("loss", step, 300 + step, 0.125)
            writer.flush()
            made.clear()
            follower.finish()
            assert made == ["run7"]
            tbbridge.export(logs, tmp_path / "fresh")
            assert files_of(out) == files_of(tmp_path / "fresh")


def test_columns_that_only_some_rows_have() -> None:
    """They stand where their own row has them, whichever comes first; the others' cells are empty."""
    some = tbbridge.Points(np.arange(1), np.zeros(1), np.ones(1))
    table = SummaryCsv()
    one, two = SummaryRow({"train f1": some}), SummaryRow({"train f1": some, "val f1": some})
    before = table.text({"one": one})
    after = table.text({"one": one, "two": two})
    assert b"val f1" not in before
    header = after.splitlines()[0].decode().split(",")
    assert header[-7:] == [
        "last val f1",
        "last val f1 step",
        "best val f1",
        "best val f1 step",
        "f1 gap",
        "restarts",
        "damage",
    ]
    assert after == SummaryCsv().text({"one": one, "two": two})
    assert after.splitlines()[1].endswith(b",1.0,0,1.0,0,,,,,,0,0")


def test_the_summary_as_a_data_frame(tmp_path: Path) -> None:
    """By experiment; whole numbers stay whole, values keep their width, and an empty cell is missing."""
    write_experiment(tmp_path / "logs", "a")
    write_run(tmp_path / "logs/b", loss=[(0, 0.5)])
    frame = tbbridge.read_summary(tmp_path / "logs")
    assert list(frame.index) == ["a", "b"]
    assert frame.index.name == "experiment"
    assert frame["last step"].tolist() == [3, 0]
    assert str(frame["last step"].dtype) == "Int64"
    assert frame["best val accuracy"].dtype == np.float32
    assert frame["best val accuracy step"].tolist() == [2, pandas.NA]
    assert frame["accuracy gap"].isna().tolist() == [False, True]
    tbbridge.export(tmp_path / "logs", tmp_path / "out")
    again = pandas.read_csv(tmp_path / "out/summary.csv", index_col="experiment")
    pandas.testing.assert_frame_equal(again.astype(frame.dtypes), frame, check_index_type=False)

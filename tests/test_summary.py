"""``summary.csv``: a row per experiment beside the run logs, the same by export and by watch."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
from logs import files_of, write_experiment, write_run
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import tbbridge
from tbbridge.cli import main
from tbbridge.core.crc32c import frame as framed
from tbbridge.exporting.formats import Format, table_chunks
from tbbridge.following.follower import Follower
from tbbridge.reading import summary
from tbbridge.reading.summary import SummaryCsv, summary_table
from tbbridge.shape.summary import SummaryRow
from tbbridge.write.events import EventWriter, event, field
from tbbridge.write.events import summary as event_summary
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
    lines = summary.csv_rows
    monkeypatch.setattr(summary, "csv_rows", lambda rows, columns: (made.extend(rows), lines(rows, columns))[1])
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


def test_a_hyperparameter_that_is_written_otherwise_moves_its_column() -> None:
    """1.0 and True are equal in Python; a fresh summary puts what differs first."""
    kept = SummaryCsv()
    before = {name: SummaryRow({}, hparams={"alpha": 1.0, "beta": beta}) for name, beta in (("a", 1.0), ("b", 2.0))}
    kept.text(before)
    after = before | {"a": SummaryRow({}, hparams={"alpha": True, "beta": 2.0})}
    assert kept.text(after) == SummaryCsv().text(after)
    assert b"hparam.alpha,hparam.beta" in kept.text(after)


@pytest.mark.parametrize("prune", [False, True])
def test_a_row_goes_with_its_event_files(prune: bool, tmp_path: Path) -> None:
    """So does the last one: its header is left, and rows come back with files."""
    logs, out = tmp_path / "logs", tmp_path / "out"
    for name in ("a", "b"):
        write_run(logs / name, loss=[(0, 0.5)])
    with Publisher(out) as publisher:
        follower = Follower(logs, publisher, prune=prune)
        follower.finish()
        for left in ({"b"}, set()):
            shutil.rmtree(logs / ("b" if not left else "a"))
            follower.finish()
            assert rows(out / "summary.csv").keys() == left
            assert ((out / "a.csv").exists(), (out / "b.csv").exists()) == (not prune, not prune or bool(left))
        assert (out / "summary.csv").read_text() == "experiment\n"
        write_run(logs / "b", loss=[(0, 0.5)])
        follower.finish()
        assert rows(out / "summary.csv").keys() == {"b"}


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


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two rates with two seeds each, one of them in batches of another size."""
    for name, rate, seed, batch in (("a", 0.1, 1, 32), ("b", 0.1, 2, 32), ("c", 0.5, 1, 32), ("d", 0.5, 2, 64)):
        data = HParamsPluginData()
        for key, value in (("lr", rate), ("seed", seed), ("batch", batch)):
            data.session_start_info.hparams[key].number_value = value
        path = write_run(tmp_path / "logs" / name, loss=[(0, seed)])
        plugin = field(9, field(1, field(1, "hparams") + field(2, data.SerializeToString())))
        record = event(0, 100.0, event_summary(field(1, "_hparams_/session_start_info") + plugin))
        path.write_bytes(path.read_bytes() + framed(record))
    return tmp_path / "logs"


def add_hparams(path: Path, data: HParamsPluginData, tag: str) -> None:
    """Append one record of the plugin to an event file, or begin one with it."""
    plugin = field(9, field(1, field(1, "hparams") + field(2, data.SerializeToString())))
    with path.open("ab") as file:
        file.write(framed(event(0, 100.0, event_summary(field(1, f"_hparams_/{tag}") + plugin))))


def test_a_domain_in_the_directory_above_holds_for_the_trials(sweep: Path, tmp_path: Path) -> None:
    """Keras writes it there: it is no experiment, and what it does not allow is text, also where it comes late."""
    domains = HParamsPluginData()
    domains.experiment.hparam_infos.add(name="batch", type="DATA_TYPE_FLOAT64").domain_discrete.values.add(
        number_value=32
    )
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(sweep, publisher)
        follower.finish()
        for place in (sweep, sweep / "d"):  # the nearest counts
            domains.experiment.hparam_infos[0].domain_discrete.values[0].number_value *= 2
            add_hparams(place / "events.out.tfevents.9", domains, "experiment")
            follower.finish()
            tbbridge.export(sweep, tmp_path / "fresh")
            assert files_of(tmp_path / "out") == files_of(tmp_path / "fresh")
            texts = [row["hparam.batch"] for row in rows(tmp_path / "out/summary.csv").values()]
            assert texts == ["32.0"] * 3 + ["64.0"]
        reading = tbbridge.read(sweep)
    found = {one.name: reading.hparams(one)["batch"] for one in reading.experiments}
    assert found == {"a": "32.0", "b": "32.0", "c": "32.0", "d": "64.0"}
    assert {name: view["hparam.batch"] for name, view in follower.tables.summary().items()} == found


def test_a_session_beside_the_domains_makes_a_training_of_the_directory(sweep: Path, tmp_path: Path) -> None:
    """Domains alone are no experiment; what comes later counts as in a fresh export."""
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(sweep, publisher)
        for tag, names in (("experiment", ["a", "b", "c", "d"]), ("session_start_info", ["logs", "a", "b", "c", "d"])):
            data = HParamsPluginData()
            getattr(data, tag).SetInParent()
            add_hparams(sweep / "events.out.tfevents.9", data, tag)
            if tag == "session_start_info":
                data.session_start_info.hparams["batch"].number_value = 8
                add_hparams(sweep / "events.out.tfevents.9", data, tag)
            follower.finish()
            tbbridge.export(sweep, tmp_path / "fresh")
            assert files_of(tmp_path / "out") == files_of(tmp_path / "fresh")
            assert [one.name for one in tbbridge.read(sweep).experiments] == names


def test_hyperparameters_that_differ_come_first(sweep: Path, tmp_path: Path) -> None:
    """In the file, and in the data frame; watch writes the same as export."""
    with Publisher(tmp_path / "out") as publisher:
        Follower(sweep, publisher).finish()
    tbbridge.export(sweep, tmp_path / "fresh")
    header, first, *_ = (tmp_path / "out/summary.csv").read_text().splitlines()
    assert header.split(",")[-3:] == ["hparam.batch", "hparam.lr", "hparam.seed"]
    assert first.split(",")[-3:] == ["32.0", "0.1", "1.0"]
    assert files_of(tmp_path / "fresh") == files_of(tmp_path / "out")
    assert list(tbbridge.read_summary(sweep).columns[-3:]) == ["hparam.batch", "hparam.lr", "hparam.seed"]


@pytest.mark.parametrize(
    ("more", "groups"),
    [
        ([], {"batch=32.0, lr=0.1": 2, "batch=32.0, lr=0.5": 1, "batch=64.0, lr=0.5": 1}),
        (["--group-by", "lr"], {"lr=0.1": 2, "lr=0.5": 2}),
        (["--group", "[abc]"], {"[abc]": 3}),
    ],
)
def test_aggregates_are_of_equal_hyperparameters(
    sweep: Path, capsys: pytest.CaptureFixture[str], more: list[str], groups: dict[str, int]
) -> None:
    """All but the seed, or those that are named; by names where the user says so."""
    assert main(["export", str(sweep), "--aggregate", "mean", "--out", "-", *more]) == 0
    table = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert {row["group"]: int(row["train cross entropy n"]) for row in table} == groups


def test_aggregates_never_mix_epochs_and_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A young seed of Keras has logged batches alone: it stands by itself, whatever group it is in."""
    for seed in range(3):
        tag = "batch_loss" if seed == 2 else "epoch_loss"
        write_run(tmp_path / f"logs/seed{seed}/train", **{tag: [(0, 1), (1, 2)]})
    write_run(tmp_path / "logs/seed3", lr=[(0, 1)])
    for more, group in ([], "*"), (["--group", "seed*"], "seed*"):
        assert main(["export", str(tmp_path / "logs"), "--aggregate", "mean", "--out", "-", *more]) == 0
        table = csv.DictReader(io.StringIO(capsys.readouterr().out))
        counts = {row["group"]: row["train cross entropy n"] for row in table}
        assert counts == {f"{group} (epochs)": "2", f"{group} (steps)": "1"}


def test_a_hyperparameter_that_no_experiment_has(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says what there is."""
    assert main(["export", str(sweep), "--aggregate", "mean", "--group-by", "rate", "--out", "-"]) == 2
    line = "no experiment has the hyperparameter rate of --group-by; there is "
    assert line in capsys.readouterr().err


@pytest.mark.parametrize("form", ["jsonl", "parquet", "xlsx"])
def test_texts_in_a_column_of_the_summary(form: str, tmp_path: Path) -> None:
    """A text makes the others of its column texts; an empty cell stays one."""
    rows = {
        "a": SummaryRow({}, hparams={"opt": 'adam, "fast"', "clip": 0.5, "on": True}),
        "b": SummaryRow({}, hparams={"clip": "none", "on": False}),
        "c": SummaryRow({}, hparams={"on": True}),
    }
    path = tmp_path / f"x.{form}"
    path.write_bytes(b"".join(table_chunks(summary_table(rows), Format(form))))
    reader = {"jsonl": lambda: pandas.read_json(path, lines=True), "parquet": lambda: pandas.read_parquet(path)}
    frame = reader.get(form, lambda: pandas.read_excel(path, keep_default_na=False, na_values=[""]))()
    assert frame["hparam.clip"].tolist()[:2] == ["0.5", "none"]
    assert frame["hparam.clip"].isna().tolist() == [False, False, True]
    assert frame["hparam.opt"].tolist()[0] == 'adam, "fast"'
    assert [bool(value) for value in frame["hparam.on"]] == [True, False, True]


def test_many_hyperparameters_are_not_compared_with_each_other() -> None:
    """However many one record holds, each name is compared with few others."""
    compared = 0

    class Name(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    number = 2000
    table = summary_table({"a": {Name(f"hparam.p{place}"): place for place in range(number)}})
    assert len(table.columns) == number + 1
    assert compared <= 10 * number

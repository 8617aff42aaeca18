"""The Python API: data frames, Arrow tables, exports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pyarrow as pa
import pytest
from logs import files_of, write_experiment, write_run

import tbbridge
from tbbridge.write.events import EventWriter


class Stream:
    """Nothing but the capsule that another library would take."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._table.__arrow_c_stream__(schema)


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Two trainings, each with a train and a validation run."""
    write_experiment(tmp_path / "logs", "a")
    write_experiment(tmp_path / "logs", "b", shift=0.125)
    return tmp_path / "logs"


def test_scalars_as_a_data_frame(logdir: Path) -> None:
    """Every point; names are categories, numbers have their own types."""
    frame = tbbridge.read_scalars(logdir)
    assert list(frame.columns) == ["run", "tag", "step", "wall_time", "value"]
    assert [str(kind) for kind in frame.dtypes] == ["category", "category", "int64", "float64", "float32"]
    assert len(frame) == 24
    one = frame[(frame.run == "a/train") & (frame.tag == "accuracy")]
    assert one.step.tolist() == [0, 1, 2, 3]
    assert one.value.tolist() == [0.5, 0.625, 0.75, 0.875]
    assert one.wall_time.tolist() == [100, 101, 102, 103]


def test_scalars_of_some_runs_and_tags(logdir: Path) -> None:
    """One glob or several; a glob that matches nothing is an error that says what there is."""
    assert set(tbbridge.read_scalars(logdir, "a/*").run) == {"a/train", "a/validation"}
    frame = tbbridge.read_scalars(logdir, runs=["a/train", "b/train"], tags="*entropy")
    assert set(zip(frame.run, frame.tag, strict=True)) == {("a/train", "cross_entropy"), ("b/train", "cross_entropy")}
    with pytest.raises(tbbridge.UsageError, match="nothing matches tags= nope; there is accuracy, cross_entropy"):
        tbbridge.read_scalars(logdir, tags="nope")


def test_doubles_stay_doubles(tmp_path: Path) -> None:
    """One series of float64 makes the column float64; the float32 values keep their values."""
    with EventWriter(tmp_path / "events.out.tfevents.1.h") as writer:
        writer.tensor("d", 1, 1.0, 1 / 3, "float64")
        writer.scalar("f", 1, 1.0, 0.1)
    frame = tbbridge.read_scalars(tmp_path)
    assert frame.value.dtype == np.float64
    assert dict(zip(frame.tag, frame.value, strict=True)) == {"d": 1 / 3, "f": float(np.float32(0.1))}


def test_superseded_points(tmp_path: Path) -> None:
    """Left out, unless they are asked for; then a column tells them apart."""
    write_run(tmp_path / "c", "1", wall_time=100, loss=[(0, 1), (1, 2)])
    write_run(tmp_path / "c", "2", wall_time=200, loss=[(1, 9)])
    assert tbbridge.read_scalars(tmp_path).value.tolist() == [1, 9]
    frame = tbbridge.read_scalars(tmp_path, superseded=True)
    assert frame.value.tolist() == [1, 2, 9]
    assert frame.superseded.tolist() == [False, True, False]


def test_a_frame_of_one_series_can_be_changed(tmp_path: Path) -> None:
    """Though nothing of it was copied."""
    write_run(tmp_path, "a", loss=[(0, 1), (1, 2)])
    frame = tbbridge.read_scalars(tmp_path, superseded=True)
    frame.loc[0, ["step", "wall_time", "value", "superseded"]] = [7, 8.0, 9.0, True]
    assert frame.loc[0, ["step", "wall_time", "value", "superseded"]].tolist() == [7, 8.0, 9.0, True]


def test_arrow_takers_get_the_table_without_a_copy(logdir: Path) -> None:
    """The table speaks the Arrow PyCapsule interface; polars, DuckDB and pandas take it, and agree."""
    import duckdb
    import polars

    table = scalars = tbbridge.scalars_table(logdir, runs="a/train", tags="accuracy")
    assert hasattr(scalars, "__arrow_c_stream__")
    assert polars.DataFrame(table)["value"].sum() == 2.75
    assert duckdb.sql("select sum(value) from scalars").fetchall() == [(2.75,)]
    from_arrow = getattr(pandas.DataFrame, "from_arrow", pa.Table.to_pandas)  # pandas has it since 3.0
    assert from_arrow(table)["value"].sum() == 2.75
    column = table.column("value").chunk(0)
    assert pa.table(Stream(table)).column("value").chunk(0).buffers()[1].address == column.buffers()[1].address


def test_run_logs_as_data_frames(logdir: Path) -> None:
    """One frame an experiment, with the columns of the run log; NaN where nothing was logged."""
    logs = tbbridge.read_run_logs(logdir)
    assert list(logs) == ["a", "b"]
    assert list(logs["a"].columns) == ["step", *tbbridge.COLUMNS]
    assert logs["a"]["train accuracy"].tolist() == [0.5, 0.625, 0.75, 0.875]
    assert logs["a"]["val accuracy"].isna().tolist() == [False, True, False, True]
    assert logs["a"]["val accuracy"].dtype == np.float32
    with pytest.raises(KeyError, match=r"no experiment 'A/'; there is a"):
        logs["A/"]


def test_run_logs_as_a_table(logdir: Path) -> None:
    """All run logs in one Arrow table, where an empty cell is null."""
    table = tbbridge.run_logs_table(logdir)
    assert table.column_names == ["experiment", "step", *tbbridge.COLUMNS]
    assert table.num_rows == 8
    assert table.column("val accuracy").null_count == 4


def test_export_is_the_command(logdir: Path, tmp_path: Path) -> None:
    """The function writes what the command writes, and returns the files."""
    assert tbbridge.export(logdir) == [Path(f"{logdir}-csv/a.csv"), Path(f"{logdir}-csv/b.csv")]
    out = tmp_path / "all.csv.gz"
    assert tbbridge.export(logdir, out, layout="long", runs="a/*", steps="1:") == [out]
    assert len(pandas.read_csv(out)) == 8
    assert tbbridge.export(logdir, out, layout="long", steps=(None, 0), force=True) == [out]
    assert len(pandas.read_csv(out)) == 8
    with pytest.raises(tbbridge.UsageError, match="force=True"):
        tbbridge.export(logdir, out)
    (one,) = tbbridge.export(logdir, tmp_path / "one.csv", experiments="a")
    assert one.read_bytes() == Path(f"{logdir}-csv/a.csv").read_bytes()


def test_check_names_the_damage(logdir: Path) -> None:
    """All is well, until a bit flips."""
    assert tbbridge.check(logdir).sound
    path = next((logdir / "a" / "train").iterdir())
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    (bad,) = [file for file in tbbridge.check(logdir).files if not file.sound]
    assert bad.log.name == f"a/train/{path.name}"


def test_errors_speak_of_arguments(logdir: Path) -> None:
    """The command line's option in Python's words; the command line itself keeps its own."""
    with pytest.raises(tbbridge.PathError, match=r"where nothing is written: choose another out=$") as raised:
        tbbridge.export(logdir, logdir / "here")
    assert raised.value.message.endswith("choose another --out")
    with pytest.raises(tbbridge.UsageError, match=r'superseded=True is for the long table: add layout="long"$'):
        tbbridge.export(logdir, superseded=True)
    with pytest.raises(tbbridge.UsageError, match=r"^points=1: give at least 2"):
        tbbridge.export(logdir, points=1)


def test_nothing_is_written_by_reading(logdir: Path) -> None:
    """Reading leaves the log directory as it was."""
    before = files_of(logdir)
    tbbridge.read_scalars(logdir)
    tbbridge.read_run_logs(logdir)
    assert files_of(logdir) == before


def test_a_missing_log_directory_is_a_clear_error(tmp_path: Path) -> None:
    """No traceback from within: one error of tbbridge's own."""
    with pytest.raises(tbbridge.PathError, match="does not exist"):
        tbbridge.read_scalars(tmp_path / "none")


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"points": 1}, "at least 2"),
        ({"aggregate": "sum"}, "choose mean, median"),
        ({"aggregate": "mean", "layout": "long"}, "leave layout= away"),
        ({"groups": "a*"}, "add aggregate="),
        ({"superseded": True, "layout": "wide"}, "add layout="),
        ({"steps": (5, 1)}, "larger than the last"),
        ({"dialect": "excel"}, "choose plain, python"),
        ({"format": "parquet"}, "does not fit"),
    ],
)
def test_what_makes_no_sense_is_refused(logdir: Path, tmp_path: Path, mistake: dict[str, object], told: str) -> None:
    """As on the command line, before anything is written."""
    with pytest.raises(tbbridge.UsageError, match=told):
        tbbridge.export(logdir, tmp_path / "all.csv", **mistake)
    assert not (tmp_path / "all.csv").exists()

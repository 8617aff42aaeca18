"""``tbbridge export``: layouts, formats, selections, targets."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from logs import files_of, write_experiment, write_run
from support import running_cli

from tbbridge.cli import main

Export = Callable[..., str]
HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy"


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    """Two trainings, each with a train and a validation run."""
    write_experiment(tmp_path / "logs", "a")
    write_experiment(tmp_path / "logs", "b", shift=0.125)
    return tmp_path / "logs"


@pytest.fixture
def export(logdir: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> Export:
    """Runs ``tbbridge export LOGDIR ARGS``; gives standard output, after the exit code was checked."""

    def run(*args: str | Path, code: int = 0, err: str = "") -> str:
        found = main(["export", str(logdir), *map(str, args)])
        out, errors = (text.decode() for text in capsysbinary.readouterr())
        if err:
            assert err in errors
        else:
            assert [line for line in errors.splitlines() if "MB and opens offline" not in line] == []
        assert found == code
        return out

    return run


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_run_logs_go_beside_the_log_directory(export: Export, logdir: Path) -> None:
    """Without options: one run log an experiment, in LOGDIR-csv/, their paths on standard output; repeatable."""
    for _ in range(2):
        assert export().split() == [f"{logdir}-csv/a.csv", f"{logdir}-csv/b.csv"]
    assert files_of(Path(f"{logdir}-csv")).keys() == {"a.csv", "b.csv", "summary.csv"}
    assert Path(f"{logdir}-csv/a.csv").read_text() == (
        f"{HEADER}\n0,0.5,0.25,1.0,2.0\n1,0.625,,1.125,\n2,0.75,0.5,1.25,2.25\n3,0.875,,1.375,\n"
    )


def test_all_run_logs_in_one_table(export: Export) -> None:
    """Standard output and a named file take all experiments, with a column that says which."""
    found = rows(export("--out", "-"))
    assert found[0] == ["experiment", *HEADER.split(",")]
    assert [row[0] for row in found[1:]] == ["a"] * 4 + ["b"] * 4
    assert [float(row[2]) for row in found[1:]] == [0.5, 0.625, 0.75, 0.875, 0.625, 0.75, 0.875, 1]


def test_one_experiment_by_name_is_its_run_log(export: Export, logdir: Path) -> None:
    """--experiment NAME to standard output is the very run log."""
    export()
    assert export("--experiment", "b", "-o", "-") == Path(f"{logdir}-csv/b.csv").read_text()


def test_the_long_table_holds_every_point(export: Export) -> None:
    """run, tag, step, wall time, value, run by run and tag by tag."""
    found = rows(export("--layout", "long", "-o", "-"))
    assert found[0] == ["run", "tag", "step", "wall_time", "value"]
    assert len(found) == 1 + 2 * (2 * 4 + 2 * 2)
    assert found[1] == ["a/train", "accuracy", "0", "100.0", "0.5"]
    assert found[2] == ["a/train", "accuracy", "1", "101.0", "0.625"]


def test_the_wide_table_has_a_column_a_tag(export: Export) -> None:
    """One row a run and step."""
    found = rows(export("--layout", "wide", "-o", "-"))
    assert found[0] == ["run", "step", "accuracy", "cross_entropy"]
    assert found[1:3] == [["a/train", "0", "0.5", "1.0"], ["a/train", "1", "0.625", "1.125"]]


def test_a_tag_that_is_called_like_a_column_keeps_its_own(export: Export, logdir: Path) -> None:
    """In the wide table a tag ``step`` or ``run`` is the column ``tag:step`` or ``tag:run``."""
    write_run(logdir / "odd", step=[(1, 2)], run=[(1, 3)], **{"tag:run": [(1, 4)]})
    header, row = rows(export("--layout", "wide", "--runs", "odd", "-o", "-"))
    assert header[:2] == ["run", "step"]
    found = dict(zip(header, row, strict=True))
    assert found == {"run": "odd", "step": "1", "tag:step": "2.0", "tag:tag:run": "3.0", "tag:run": "4.0"}


def test_the_summary_has_a_row_an_experiment(export: Export) -> None:
    """Last and best values with their steps, and the gaps."""
    found = list(csv.DictReader(io.StringIO(export("--layout", "summary", "-o", "-"))))
    assert [row["experiment"] for row in found] == ["a", "b"]
    assert found[0]["best train accuracy"] == "0.875"
    assert found[0]["best train accuracy step"] == "3"
    assert found[0]["best val cross entropy"] == "2.0"
    assert found[0]["best val cross entropy step"] == "0"
    assert found[0]["accuracy gap"] == "0.25"
    assert found[0]["cross entropy gap"] == "1.0"


def test_the_events_say_when_each_condition_was_fulfilled(export: Export) -> None:
    """One row per experiment and condition that it fulfils, with the first point that does; a series has its run."""
    on = ("--on", "train accuracy >= 0.75", "--on", "b/*:cross_entropy > 2.1", "--on", "gap accuracy >= 0.25")
    found = rows(export("--layout", "events", *on, "-o", "-"))
    assert found[0] == ["experiment", "condition", "column", "step", "wall_time", "value"]
    assert found[1:] == [
        ["a", "train accuracy >= 0.75", "train accuracy", "2", "102.0", "0.75"],
        ["a", "gap accuracy >= 0.25", "gap accuracy", "0", "100.0", "0.25"],
        ["b", "train accuracy >= 0.75", "train accuracy", "1", "101.0", "0.75"],
        ["b", "b/*:cross_entropy > 2.1", "b/validation:cross_entropy", "0", "100.0", "2.125"],
        ["b", "gap accuracy >= 0.25", "gap accuracy", "0", "100.0", "0.25"],
    ]
    assert rows(export("--layout", "events", *on, *on[:2], "-o", "-")) == found, "a condition given twice is told once"
    assert len(rows(export("--layout", "events", *on[:2], "--steps", "2:", "-o", "-"))) == 3


def test_a_condition_on_a_column_that_is_nowhere_is_told(export: Export) -> None:
    """With the nearest one; the others are listed."""
    on = ("--on", "train acuracy > 0.5", "--on", "step >= 3")
    found = rows(
        export("--layout", "events", *on, "-o", "-", err="no 'train acuracy' yet; did you mean 'train accuracy'?")
    )
    assert {condition for _, condition, *_ in found[1:]} == {"step >= 3"}


def test_aggregates_over_groups(export: Export, logdir: Path) -> None:
    """--aggregate over the experiments that each --group matches; all are one group by default."""
    write_experiment(logdir, "other", shift=0.0625)
    text = export("--aggregate", "mean", "--group", "[ab]", "--group", "o*", "-o", "-")
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["group"] for row in found] == ["[ab]"] * 4 + ["o*"] * 4
    assert found[0]["train accuracy mean"] == "0.5625"
    assert found[0]["train accuracy n"] == "2"
    assert found[1]["val accuracy n"] == "0"
    assert found[1]["val accuracy mean"] == ""
    assert export("--aggregate", "median", "-o", "-").splitlines()[1].startswith("*,0,0.5625,")
    export("--aggregate", "mean", "--group", "zzz", "-o", "-", code=2, err="no experiment matches --group zzz")


@pytest.mark.parametrize(
    ("args", "count"),
    [
        (["--runs", "a/*"], 12),
        (["--runs", "*/train", "--tags", "acc*"], 8),
        (["--tags", "accuracy", "--tags", "cross*"], 24),
        (["--steps", "1:2"], 12),
        (["--steps", "2:"], 12),
        (["--steps", ":0"], 8),
        (["--steps", "-5:0"], 8),
        (["--steps", "-5"], 0),
        (["--steps", "3"], 4),
        (["--experiment", "b"], 12),
        (["--experiment", "?"], 24),
        (["--points", "2", "--runs", "a/train"], 4),
    ],
)
def test_selections(export: Export, args: list[str], count: int) -> None:
    """Runs, tags and experiments by glob, steps by range (both ends included), thinned series."""
    assert len(rows(export("--layout", "long", "-o", "-", *args))) == 1 + count


def test_a_name_that_is_equal_wins_over_a_pattern(export: Export, logdir: Path) -> None:
    """``exp[1]`` is the experiment and the tag of that name, where there is one, and not exp1; else it is a glob."""
    for name in ("exp[1]", "exp1"):
        write_run(logdir / name, **{"loss[1]": [(0, 1)], "loss1": [(0, 2)]})
    found = rows(export("--layout", "long", "-o", "-", "--experiment", "exp[1]", "--tags", "loss[1]"))
    assert [row[:2] for row in found[1:]] == [["exp[1]", "loss[1]"]]
    found = rows(export("--layout", "long", "-o", "-", "--runs", "exp[12]", "--tags", "loss[12]"))
    assert [row[:2] for row in found[1:]] == [["exp1", "loss1"]]
    assert rows(export("--experiment", "exp[1]", "-o", "-", err="exp[1]: no"))[0][0] == "step"
    assert rows(export("--experiment", "exp[12]", "-o", "-", err="exp1: no"))[0][0] == "experiment"


def test_a_name_that_begins_with_a_minus_is_an_options_value(export: Export, logdir: Path) -> None:
    """As a range of steps is."""
    write_run(logdir / "-x", **{"-loss": [(0, 1)]})
    found = rows(export("--layout", "long", "-o", "-", "--runs", "-x", "--experiment", "-x", "--tags", "-loss"))
    assert [row[:2] for row in found[1:]] == [["-x", "-loss"]]


def test_restarts_are_counted_once_and_repeats_by_themselves(export: Export, logdir: Path) -> None:
    """A training of two runs that was resumed once, and a tag written twice a step."""
    for run in ("train", "val"):
        write_run(logdir / "c" / run, "1", wall_time=100, loss=[(0, 1), (1, 2), (2, 3)])
        write_run(logdir / "c" / run, "2", wall_time=200, loss=[(1, 9)])
    write_run(logdir / "d", "1", loss=[(0, 1), (0, 2), (1, 3), (1, 4)])
    export("--layout", "long", "-o", "-", err="1 restart: 4 points superseded (")
    export("--layout", "long", "-o", "-", err="2 points superseded by a later value of the same step")


def test_steps_do_not_change_the_mapping(export: Export) -> None:
    """A range of steps cuts rows out of the run log, and nothing else."""
    whole = rows(export("--experiment", "a", "-o", "-"))
    assert rows(export("--experiment", "a", "-o", "-", "--steps", "1:2")) == [whole[0], whole[2], whole[3]]


def test_superseded_points_come_with_all(export: Export, logdir: Path) -> None:
    """A restart's older points are counted; --all has them, marked."""
    write_run(logdir / "c", "1", wall_time=100, loss=[(0, 1), (1, 2), (2, 3)])
    write_run(logdir / "c", "2", wall_time=200, loss=[(1, 9)])
    found = rows(export("--layout", "long", "--runs", "c", "-o", "-", err="2 points superseded"))
    assert [row[-1] for row in found[1:]] == ["1.0", "9.0"]
    found = rows(export("--layout", "long", "--runs", "c", "--all", "-o", "-", err="2 points superseded"))
    assert [row[-2:] for row in found[1:]] == [["1.0", "false"], ["2.0", "true"], ["3.0", "true"], ["9.0", "false"]]


def test_damage_is_told_and_is_exit_code_1(export: Export, logdir: Path) -> None:
    """All intact records are exported; the damaged one is named on standard error."""
    path = write_run(logdir / "c", loss=[(0, 1), (1, 2), (2, 3)])
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    found = export("--layout", "long", "--runs", "c", "-o", "-", code=1, err="could not be used")
    assert len(rows(found)) == 1 + 2


FORMATS = ["csv", "csv.gz", "jsonl", "jsonl.zst", "parquet", "xlsx", "html", "html.gz"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_files_suffix_says_its_format(export: Export, tmp_path: Path, form: str) -> None:
    """One file for all; it is not replaced without --force."""
    path = tmp_path / f"all.{form}"
    assert export("-o", path).split() == [str(path)]
    first = path.read_bytes()
    export("-o", path, code=2, err="--force")
    export("-o", path, "--force")
    assert path.read_bytes() == first


def test_the_size_of_a_page_is_stated(export: Export, tmp_path: Path) -> None:
    """On standard error, so that it is known before it is sent."""
    path = tmp_path / "page.html"
    export("-o", path, err="MB and opens offline")
    export("-o", path, "--force", err=f"page.html has {path.stat().st_size / 1e6:.1f} MB and opens offline")


@pytest.mark.parametrize("form", FORMATS)
def test_a_directory_takes_a_file_an_experiment(export: Export, tmp_path: Path, form: str) -> None:
    """Each is named after its experiment."""
    export("-o", tmp_path / "out/", "--format", form)
    assert files_of(tmp_path / "out").keys() == {f"a.{form}", f"b.{form}", *(["summary.csv"] if form == "csv" else [])}


@pytest.mark.parametrize("layout", ["long", "wide", "summary"])
def test_other_layouts_in_a_directory_do_not_collide_with_run_logs(export: Export, tmp_path: Path, layout: str) -> None:
    """Their files carry the layout's name; together they hold what the one table holds."""
    export("-o", tmp_path / "out/", "--layout", layout)
    parts = files_of(tmp_path / "out")
    assert parts.keys() == {f"a.{layout}.csv", f"b.{layout}.csv"}
    whole = export("-o", "-", "--layout", layout)
    joined = parts[f"a.{layout}.csv"].decode() + parts[f"b.{layout}.csv"].decode().split("\n", 1)[1]
    assert joined == whole


def test_every_format_holds_the_same_values(export: Export, tmp_path: Path) -> None:
    """CSV, JSON lines, Parquet and a workbook agree on the long table."""
    for form in ("jsonl", "parquet", "xlsx", "csv.gz"):
        export("-o", tmp_path / f"all.{form}", "--layout", "long")
    want = [[*row[:2], *map(float, row[2:])] for row in rows(export("-o", "-", "--layout", "long"))[1:]]
    lines = [list(json.loads(line).values()) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert lines == want
    assert [list(row.values()) for row in pq.read_table(tmp_path / "all.parquet").to_pylist()] == want
    sheet = openpyxl.load_workbook(tmp_path / "all.xlsx").active
    assert [[cell.value for cell in row] for row in list(sheet.rows)[1:]] == want
    assert rows(gzip.decompress((tmp_path / "all.csv.gz").read_bytes()).decode())[1][:2] == want[0][:2]


def test_default_targets(export: Export, logdir: Path) -> None:
    """All but run logs go to one file beside the log directory, named after the layout."""
    assert export("--layout", "long").split() == [f"{logdir}-long.csv"]
    assert export("--layout", "summary", "--format", "jsonl").split() == [f"{logdir}-summary.jsonl"]
    assert export("--format", "html").split() == [f"{logdir}.html"]
    assert export("--format", "xlsx").split() == [f"{logdir}.xlsx"]
    assert export("--aggregate", "mean").split() == [f"{logdir}-mean.csv"]
    assert len(export("--format", "parquet").split()) == 2


def test_headers_and_spreadsheets(export: Export, logdir: Path) -> None:
    """--no-header leaves the first line out; --spreadsheet-safe marks texts that look like formulas."""
    assert export("--experiment", "a", "--no-header", "-o", "-").startswith("0,0.5,")
    write_run(logdir / "=x", **{"+y": [(1, -2)]})
    line = export("--layout", "long", "--runs", "=x", "--spreadsheet-safe", "--no-header", "-o", "-")
    assert line == "'=x,'+y,1,100.0,-2.0\n"
    assert export("--layout", "long", "--runs", "=x", "--no-header", "-o", "-") == "=x,+y,1,100.0,-2.0\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--format", "docx"], "unknown format 'docx': choose csv"),
        (["--format", "parquet.gz"], "compressed inside"),
        (["--layout", "tall"], "unknown layout 'tall': choose compact"),
        (["--runs", "zzz"], "nothing matches --runs zzz; there is a/train"),
        (["--tags", "zzz"], "nothing matches --tags zzz; there is accuracy"),
        (["--experiment", "zzz"], "nothing matches --experiment zzz; there is a, b"),
        (["--steps", "x:y"], "--steps x:y: give A:B"),
        (["--steps", "5:1"], "larger than the last"),
        (["--points", "1"], "at least 2"),
        (["--group", "x"], "add --aggregate"),
        (["--all"], "add --layout long"),
        (["--layout", "events"], "add --on"),
        (["--on", "step > 1"], "add --layout events"),
        (["--layout", "events", "--on", "silent for 1m"], "silence is not in the event files"),
        (["--layout", "events", "--on", "step > 1", "--points", "5"], "leave it away"),
        (["--format", "html", "--layout", "long"], "html shows run logs"),
        (["--engine", "spark"], "unknown engine 'spark': choose threads"),
        (["--engine", "dask=tcp://127.0.0.1:1"], "cannot reach the Dask scheduler"),
    ],
)
def test_wrong_commands_are_one_clear_line(export: Export, args: list[str], says: str, tmp_path: Path) -> None:
    """Exit code 2, one line that says what to do, nothing written."""
    before = set(tmp_path.iterdir())
    assert export(*args, code=2, err=says) == ""
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", ["parquet", "xlsx", "csv.gz", "jsonl.xz", "html.bz2"])
def test_a_terminal_gets_no_binary(
    logdir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Its bytes would be taken for commands; text goes to a terminal, and anything into a pipe."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["export", str(logdir), "--format", form, "--out", "-"]) == 2
    assert capsys.readouterr() == ("", f"tbbridge: {form} is not text for a terminal: name a file with --out\n")


def test_hostile_names_are_escaped_wherever_they_are_printed(export: Export, logdir: Path) -> None:
    """In the errors of a selection, too."""
    write_run(logdir / "c\x1b[31m\u202e", loss=[(0, 1)])
    export("--experiment", "none", code=2, err=r"there is a, b, c\x1b[31m\u202e")


def test_wrong_paths_are_one_clear_line(export: Export, logdir: Path, tmp_path: Path) -> None:
    """A missing log directory, a target in the log directory, a missing directory of a file, a directory as a file."""
    export("-o", logdir / "x.csv", code=2, err="nothing is written")
    export("-o", logdir / "out/", code=2, err="nothing is written")
    export("-o", tmp_path / "no" / "x.csv", code=2, err="does not exist")
    (tmp_path / "x.csv").mkdir()
    export("-o", tmp_path / "x.csv", "--layout", "long")
    assert files_of(tmp_path / "x.csv").keys() == {"a.long.csv", "b.long.csv"}
    export("-o", tmp_path / "all.txt", code=2, err="ends like no format")
    (tmp_path / "plain").write_bytes(b"mine")
    export("-o", tmp_path / "plain", code=2, err="choose another --out")
    export("-o", tmp_path / "all.html", "--format", "csv", code=2, err="--format csv does not fit")
    export("-o", "", code=2, err="--out has no name")
    assert main(["export", "", "-o", "-"]) == 2
    assert main(["export", str(tmp_path / "none")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["export", str(tmp_path / "empty")]) == 2
    assert not (tmp_path / "empty-csv").exists()


def test_a_dataset_is_partitioned_by_run(export: Export, tmp_path: Path) -> None:
    """The long table as Parquet in a directory: one part a run, which readers of datasets put together."""
    made = export("-o", tmp_path / "data/", "--layout", "long", "--format", "parquet").split()
    assert len(made) == 4
    table = pq.read_table(tmp_path / "data")
    want = rows(export("-o", "-", "--layout", "long"))[1:]
    found = sorted((r["run"], r["tag"], r["step"], r["wall_time"], r["value"]) for r in table.to_pylist())
    assert found == sorted((row[0], row[1], int(row[2]), float(row[3]), float(row[4])) for row in want)
    notes = [pq.read_schema(part).metadata[b"tbbridge"].decode() for part in made]
    assert all("run=NAME is the run's name as text" in note and "hive_types={'run': VARCHAR}" in note for note in notes)
    export("-o", tmp_path / "data/", "--layout", "long", "--format", "parquet", code=2, err="--force")
    export("-o", tmp_path / "data/", "--layout", "long", "--format", "parquet", "--runs", "a/*", "--force")
    assert set(pq.read_table(tmp_path / "data").column("run").to_pylist()) == {"a/train", "a/validation"}


def test_a_dataset_that_was_killed_can_be_made_anew(export: Export, tmp_path: Path) -> None:
    """With --force, over the parts that are there and the temporary file of an export that is dead."""
    old = tmp_path / "data" / "run=gone"
    old.mkdir(parents=True)
    for name in ("part-0.parquet", ".tbbridge-1-whole-7.tmp"):
        (old / name).write_bytes(b"half")
    export("-o", tmp_path / "data/", "--layout", "long", "--format", "parquet", "--force")
    assert not old.exists()
    assert len(pq.read_table(tmp_path / "data")) == 24


def test_a_part_that_cannot_be_written_stops_no_other(export: Export, logdir: Path, tmp_path: Path) -> None:
    """A run whose name is too long for a directory of a dataset: one line, and the other parts are there."""
    write_experiment(logdir, "/".join(["deep" * 20] * 4))
    export("-o", tmp_path / "data/", "--layout", "long", "--format", "parquet", code=1, err="File name too long")
    assert len(pq.read_table(tmp_path / "data")) == 24


def test_a_pipe_and_a_device_are_files(export: Export, logdir: Path, tmp_path: Path) -> None:
    """They are written through, whatever they are called."""
    export("-o", "/dev/null")
    os.mkfifo(tmp_path / "pipe")
    with running_cli("export", logdir, "-o", tmp_path / "pipe", "--layout", "long") as process:
        assert (tmp_path / "pipe").read_text() == export("-o", "-", "--layout", "long")
        assert process.wait(timeout=20) == 0
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_dataset_for_which_nothing_matches_leaves_the_old_one(logdir: Path, tmp_path: Path) -> None:
    """A mistake in what is asked for writes nothing and removes nothing, --force or not."""
    (tmp_path / "empty").mkdir()
    dataset = ["--layout", "long", "--format", "parquet", "--force"]
    mistakes = [[logdir, "--runs", "none"], [logdir, "--tags", "none"], [tmp_path / "empty"], [tmp_path / "none"]]
    for number, mistake in enumerate(mistakes):
        assert main(["export", *map(str, mistake), *dataset, "-o", str(tmp_path / f"{number}/")]) == 2
        assert not (tmp_path / str(number)).exists()
    assert main(["export", str(logdir), *dataset, "-o", str(tmp_path / "data")]) == 0
    old = files_of(tmp_path / "data")
    for mistake in mistakes:
        assert main(["export", *map(str, mistake), *dataset, "-o", str(tmp_path / "data")]) == 2
        assert files_of(tmp_path / "data") == old != {}


PARTS = ["--points=2", "--steps=1:", "--dialect=python", "--layout=long", "--aggregate=mean"]


@pytest.mark.parametrize("part", PARTS)
def test_only_whole_run_logs_replace_what_is_there(export: Export, tmp_path: Path, part: str) -> None:
    """A part of them, or another table, takes no file's place in a directory without --force."""
    out = tmp_path / "out"
    export("-o", f"{out}/")
    export("-o", f"{out}/")
    export("-o", f"{out}/", part, "--force")
    before = files_of(out)
    export("-o", f"{out}/", part, code=2, err="replace it with --force")
    assert files_of(out) == before

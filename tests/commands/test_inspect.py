"""``tbbridge inspect``: what is logged, which series feeds which column, and why."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from support import run_cli

from tbbridge.cli import main
from tbbridge.core.model import COLUMNS
from tbbridge.write.events import EventWriter

FIXTURES = Path(__file__).parents[2] / "fixtures" / "frameworks"


def write(run: Path, **tags: list[float]) -> None:
    """One event file with these tags, each a value a step."""
    run.mkdir(parents=True, exist_ok=True)
    with EventWriter(run / "events.out.tfevents.1700000000.host.1.0", wall_time=1.7e9) as writer:
        for tag, values in tags.items():
            for step, value in enumerate(values):
                writer.scalar(tag, step, 1.7e9 + step, value)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two trainings by Keras's names, one of them alone with its train side."""
    write(tmp_path / "logs/a/train", epoch_loss=[2, 1], epoch_accuracy=[0.5, 0.75], batch_loss=[3, 2, 1])
    write(tmp_path / "logs/a/validation", epoch_loss=[2, 1.5], epoch_accuracy=[0.5, 0.7])
    write(tmp_path / "logs/b/train", epoch_loss=[4, 3, math.nan])
    return tmp_path / "logs"


def inspect(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["inspect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    code, out, _ = inspect(capsys, "--json", *arguments)
    assert code == 0
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def test_json_names_run_tag_and_rule_of_each_column(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By experiment, with the four columns of the run log as keys; an empty column is null."""
    found = report(capsys, logs)
    assert list(found["experiments"]) == ["a", "b"]
    columns = found["experiments"]["a"]["columns"]
    assert tuple(columns) == COLUMNS
    assert (columns["val accuracy"]["run"], columns["val accuracy"]["tag"]) == ("a/validation", "epoch_accuracy")
    assert "R5: the directory 'validation' says val" in columns["val accuracy"]["rule"]
    assert found["experiments"]["b"]["columns"]["val cross entropy"] is None
    assert "no validation: nothing held out is logged" in found["experiments"]["b"]["notes"]


def test_json_counts_the_points_of_every_series(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By run and tag; a last value that JSON cannot hold is null."""
    runs = report(capsys, logs)["runs"]
    assert {run: {tag: one["points"] for tag, one in tags.items()} for run, tags in runs.items()} == {
        "a/train": {"epoch_loss": 2, "epoch_accuracy": 2, "batch_loss": 3},
        "a/validation": {"epoch_loss": 2, "epoch_accuracy": 2},
        "b/train": {"epoch_loss": 3},
    }
    assert runs["b/train"]["epoch_loss"]["last_value"] is None


def test_text_shows_columns_reasons_and_what_was_passed_over(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At a glance: the series, its points, the rule; what lost and why; what is missing."""
    code, out, _ = inspect(capsys, logs)
    assert code == 0
    for text in (
        "a  (2 runs)",
        "validation: epoch_accuracy",
        "R5: the directory 'validation' says val",
        "R7: chosen before 'batch_loss'",
        "R7: 'epoch_loss' was chosen",
        "note: no validation: nothing held out is logged",
        "note: steps: the columns count the same steps",
    ):
        assert text in out


def test_text_lists_the_other_series(capsys: pytest.CaptureFixture[str]) -> None:
    """Tags that are no accuracy and no loss, with their points."""
    _, out, _ = inspect(capsys, FIXTURES / "mmengine" / "logs")
    assert "epoch (12), iter (12), lr (12)" in out
    assert "placed by the epoch series on the steps of train cross entropy" in out


def test_text_of_many_runs_and_series_is_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """20 experiments and 20 series of each are shown, and the way to the others."""
    write(tmp_path / "logs/run0", loss=[1.0], **{f"other{i:02}": [1.0] for i in range(30)})
    for i in range(1, 23):
        write(tmp_path / f"logs/run{i}", loss=[1.0])
    code, out, _ = inspect(capsys, tmp_path / "logs")
    assert code == 0
    assert re.findall(r"^(run\d+)  \(1 run\)$", out, re.MULTILINE) == [f"run{i}" for i in range(20)]
    assert out.endswith("\nand 3 more experiments: give the directory of one, or --json for all of them\n")
    assert "other19 (1), and 10 more (--json has all)" in " ".join(out.split())
    assert len(report(capsys, tmp_path / "logs")["experiments"]) == 23


def test_options_change_the_mapping(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--map, --metric and --prefer, and a file beside the log directory."""
    (logs.parent / "tbbridge.toml").write_text('prefer = "step"\n')
    found = report(capsys, logs, "--metric", "speed=batch_loss", "--map", "val loss=a/train:epoch_loss")
    columns = found["experiments"]["a"]["columns"]
    assert list(columns) == ["train speed", "val speed", "train loss", "val loss"]
    assert columns["train speed"]["tag"] == columns["train loss"]["tag"] == "batch_loss"
    assert columns["val loss"]["run"] == "a/train"


def test_wrong_name_is_one_line_and_exit_code_2(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest tags."""
    code, out, err = inspect(capsys, logs, "--map", "val accuracy=epoch_acuracy")
    assert (code, out) == (2, "")
    assert err == (
        'tbbridge: --map "val accuracy=epoch_acuracy": no tag matches; '
        "the nearest are 'epoch_accuracy', 'epoch_loss'\n"
    )


def test_missing_log_directory_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    code, _, err = inspect(capsys, tmp_path / "nowhere")
    assert code == 2
    assert err.count("\n") == 1


def test_empty_log_directory_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as for `export`: it may be the wrong one."""
    code, out, err = inspect(capsys, tmp_path)
    assert (code, out) == (2, "")
    assert "holds no event files" in err


def test_damage_is_said_and_is_exit_code_1(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report is whole, and stderr tells what could not be used."""
    (file,) = (logs / "b/train").iterdir()
    data = bytearray(file.read_bytes())
    data[-6] ^= 1
    file.write_bytes(data)
    code, out, err = inspect(capsys, "--json", logs)
    assert (code, json.loads(out)["runs"]["b/train"]["epoch_loss"]["points"]) == (1, 2)
    assert "b/train/events.out.tfevents.1700000000.host.1.0: bytes" in err


def test_names_are_never_interpreted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a terminal's control sequences nor rich's markup: names come from anyone's files."""
    tags = {"[red]train/loss[/red]": [1.0], "train/acc\x1b]0;x\x07\u202e": [1.0], "a\nb": [1.0], "[/]": [1.0]}
    write(tmp_path / "logs/[bold]r\x1b[31m", **tags)
    code, out, _ = inspect(capsys, tmp_path / "logs")
    assert code == 0
    assert "[red]train/loss[/red]" in out
    assert r"train/acc\x1b]0;x\x07\u202e" in out
    assert r"a\nb" in out
    assert all(char.isprintable() or char == "\n" for char in out)


def test_names_of_any_length_are_shortened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tag of a megabyte fills no screen, and a wrong --map does not compare it."""
    write(tmp_path / "logs", **{"x" * 1_000_000 + "/loss": [1.0], "y" * 1_000_000: [1.0]})
    code, out, _ = inspect(capsys, tmp_path / "logs")
    assert code == 0
    assert " ... " in out
    assert len(out) < 20_000
    code, _, err = inspect(capsys, tmp_path / "logs", "--map", f"val loss={'z' * 1000}")
    assert code == 2
    assert "no tag is near it" in err


def test_command_as_a_process(logs: Path) -> None:
    """The whole way from the shell, where the output is a pipe that speaks ASCII only."""
    write(logs / "ü", loss_ü=[1.0])
    done = run_cli("inspect", logs, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "epoch_accuracy" in done.stdout
    assert r"loss_\xfc" in done.stdout

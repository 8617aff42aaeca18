"""The hall: reading and exporting a log directory once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import tbbridge
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.reading.reading import default_out, root_name
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.shape.mapping.overrides import parse_override
from tbbridge.write.events import EventWriter

HEADER = "step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


def write(logs: Path, run: str, tag: str, *values: float, number: int = 1) -> Path:
    (logs / run).mkdir(parents=True, exist_ok=True)
    path = logs / run / f"events.out.tfevents.{number}"
    with EventWriter(path, wall_time=1000.0 * number) as writer:
        for step, value in enumerate(values):
            writer.scalar(tag, step, 1000.0 * number + step, value)
    return path


def test_a_training_becomes_its_run_log(logs: Path, tmp_path: Path) -> None:
    """Keras's directories: one experiment, its series joined on the step, one file beside the log directory."""
    write(logs, "exp/train", "epoch_loss", 0.5, 0.25)
    write(logs, "exp/validation", "epoch_loss", 0.75, 0.5, 0.1)
    (path,) = tbbridge.export(logs)
    assert path == tmp_path / "logs-csv/exp.csv"
    assert path.read_text() == HEADER + "0,,,0.5,0.75\n1,,,0.25,0.5\n2,,,,0.1\n"


def test_reading_gives_files_series_and_experiments(logs: Path) -> None:
    """Everything that was found, and which series feeds which column."""
    write(logs, "exp/train", "epoch_loss", 0.5, 0.25)
    write(logs, "exp/train", "epoch_loss", 0.125, 0.0625, number=2)
    reading = tbbridge.read(logs)
    assert [file.name for file in reading.files["exp/train"]] == [
        "exp/train/events.out.tfevents.1",
        "exp/train/events.out.tfevents.2",
    ]
    series = reading.runs["exp/train"]["epoch_loss"]
    assert series.value.tolist() == [0.5, 0.25, 0.125, 0.0625]
    assert series.superseded.tolist() == [True, True, False, False]
    (experiment,) = reading.experiments
    feed = experiment.feeds["train cross entropy"]
    assert feed is not None
    assert (feed.run, feed.tag) == ("exp/train", "epoch_loss")
    assert reading.columns(experiment)["train cross entropy"].value.tolist() == [0.125, 0.0625]
    assert reading.table(experiment).step.tolist() == [0, 1]


def test_the_experiment_at_the_root_is_named_after_the_log_directory(logs: Path, tmp_path: Path) -> None:
    """And told apart from an experiment below it that has that name."""
    write(logs, ".", "loss", 1.0)
    assert [path.name for path in tbbridge.export(logs)] == ["logs.csv"]
    write(logs, "logs", "loss", 2.0)
    names = [one.name for one in tbbridge.read(logs).experiments]
    assert sorted(names) == ["logs", "logs (top)"]
    assert root_name("/") == "root"


def test_one_event_file_can_be_read_and_exported(logs: Path, tmp_path: Path) -> None:
    """As the experiment of its directory, beside that directory."""
    path = write(logs, ".", "loss", 1.0)
    assert tbbridge.export(path) == [tmp_path / "logs-csv/logs.csv"]
    assert default_out(path) == tmp_path / "logs-csv"


def test_the_same_bytes_give_the_same_bytes(logs: Path, tmp_path: Path) -> None:
    """Whatever the order in which the files were made, copied or listed."""
    for number in (3, 1, 2):
        write(logs, "exp/train", "loss", *range(number * 3), number=number)
        write(logs, f"other{number}", "accuracy", 0.5, 0.75)
    shutil.copytree(logs, tmp_path / "copy/logs", copy_function=shutil.copyfile)
    one, other = tbbridge.export(logs), tbbridge.export(tmp_path / "copy/logs")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert len(one) == 4


def test_many_large_files_are_read_by_several_threads_to_the_same_result(logs: Path) -> None:
    """Nothing depends on which thread read what."""
    for number in range(8):
        write(logs, f"run{number}", "loss", *np.arange(4000.0) * number)
    reading = tbbridge.read(logs)
    for number in range(8):
        assert reading.runs[f"run{number}"]["loss"].value.tolist() == (np.arange(4000.0) * number).tolist()


def test_a_run_log_without_header(logs: Path) -> None:
    """For readers of the older format."""
    write(logs, "exp", "loss", 0.5)
    (path,) = tbbridge.export(logs, header=False)
    assert path.read_text() == "0,,,0.5,\n"


def test_a_missing_log_directory_is_an_error(tmp_path: Path) -> None:
    """Reading once cannot wait for it."""
    with pytest.raises(tbbridge.PathError, match="does not exist: give the log directory"):
        tbbridge.read(tmp_path / "nothing")
    with pytest.raises(tbbridge.PathError, match="does not exist"):
        tbbridge.export(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_an_override_that_names_nothing_is_an_error(logs: Path) -> None:
    """With the nearest tags."""
    write(logs, "exp", "loss", 0.5)
    options = MappingOptions(overrides=(parse_override("val cross entropy=lost"),))
    with pytest.raises(tbbridge.MappingError, match="loss"):
        tbbridge.read(logs, options=options)


def test_an_empty_run_is_an_experiment_without_rows(logs: Path) -> None:
    """A writer was there, and nothing is known yet."""
    (logs / "exp").mkdir()
    (logs / "exp/events.out.tfevents.1").write_bytes(b"")
    (path,) = tbbridge.export(logs)
    assert path.read_text() == HEADER


def test_one_failing_file_does_not_stop_the_others(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the first one is raised in the end; all others are written."""
    for run in ("a", "b", "c"):
        write(logs, run, "loss", 0.5)
    replace = os.replace

    def fail(source: str, target: str, **kwargs: int) -> None:
        if os.path.basename(target) == "b.csv":
            raise OSError(28, "No space left on device")
        replace(source, target, **kwargs)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(tbbridge.PublishError, match=r"b\.csv: No space left on device"):
        tbbridge.export(logs)
    assert sorted(path.name for path in default_out(logs).iterdir()) == ["a.csv", "c.csv"]


def test_an_unreadable_run_is_reported_and_the_others_are_read(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a problem of the reading, with file and reason."""
    write(logs, "closed", "loss", 0.5)
    write(logs, "open", "loss", 0.5)
    real = os.open

    def refuse(path: str, *args: object, **kwargs: object) -> int:
        if "closed" in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    reading = tbbridge.read(logs)
    assert reading.problems == ["cannot read closed/events.out.tfevents.1: Permission denied"]
    assert len(reading.runs["open"]["loss"].step) == 1


def test_a_sweep_reports_the_runs_with_news_only(logs: Path) -> None:
    """New, grown and gone ones; a glance looks at the places that it is told."""
    write(logs, "a", "loss", 0.5)
    path = write(logs, "b", "loss", 0.5)
    directory = LogDirectory(logs)
    assert directory.sweep() == {"a", "b"}
    assert directory.sweep() == set()
    write(logs, "a", "loss", 0.5, 0.25)
    shutil.rmtree(logs / "b")
    write(logs, "c/d", "loss", 0.5)
    assert directory.glance([str(logs / "c")]) == {"c/d"}
    assert directory.glance([str(path)]) == {"b"}
    assert directory.sweep() == {"a"}
    assert sorted(directory.runs) == ["a", "c/d"]


def test_a_directory_with_two_names_keeps_the_one_that_a_whole_look_gives_it(logs: Path) -> None:
    """Where links are followed, news of one directory lead to no run that a look at everything would not find."""
    for run in ("a", "b"):
        write(logs, run, "loss", 0.5)
    (logs / "a/loop").symlink_to(logs)
    (logs / "c").symlink_to(logs / "b")
    directory = LogDirectory(logs, follow_links=True)
    directory.sweep()
    before = sorted(directory.runs)
    for place in ("a", "c", "a/loop", "b/events.out.tfevents.1"):
        directory.glance([str(logs / place)])
        assert sorted(directory.runs) == before
    directory.sweep()
    assert sorted(directory.runs) == before

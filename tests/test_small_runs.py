"""Reading many small runs together: the same as reading each run by itself, also where files are broken."""

from __future__ import annotations

import gc
import os
import resource
import struct
import subprocess
import sys
import weakref
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from random import Random

import pytest
from decode.story import decode, everything, wreck
from logs import merge
from support import ROOT

import tbbridge
from tbbridge.core.memory import MANY_OBJECTS, collector_paused
from tbbridge.core.model import EventFile, Int64, Series
from tbbridge.decode.small_files import SmallFiles
from tbbridge.exporting.layouts import summary_rows
from tbbridge.exporting.options import ExportOptions
from tbbridge.following.follower import Follower
from tbbridge.reading import together
from tbbridge.reading.findings import findings
from tbbridge.reading.reading import Reading, experiments
from tbbridge.reading.selection import Selection, cut_series, select
from tbbridge.reading.small_runs import OnDemand
from tbbridge.shape.facts import extremes, facts
from tbbridge.tail import batch
from tbbridge.write.events import EventWriter
from tbbridge.write.run_log_csv import run_log_csv

TAGS = ("loss", "val_loss", "accuracy", "val/accuracy", "lr")


def write_random(path: Path, rng: Random) -> None:
    """A file as trainings leave them: whole, at step 0 only, stepping back, restarted, double, damaged, cut, empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = rng.random()
    if kind < 0.1:
        path.write_bytes(wreck(rng))
        return
    born = rng.choice([100.0, 200.0, 300.0])
    steps = [0] * 4 if kind < 0.2 else [0, 1, 2, 1, 5] if kind < 0.3 else range(rng.randrange(6))
    with EventWriter(path, wall_time=born) as writer:
        if kind > 0.9:
            writer.start(2, born)
        for tag in rng.sample(TAGS, rng.randrange(1, 4)):
            for step in steps:
                value = rng.choice([rng.random(), 50.0, float("nan"), float("inf")])
                if kind > 0.85:
                    writer.tensor(tag, step, born + step, value, "float64")
                else:
                    writer.scalar(tag, step, born + step, value)
    if rng.random() < 0.1:
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 4
        path.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.5 else data)


def run_by_run(logs: Path) -> tuple[dict[str, list[EventFile]], dict[str, dict[str, Series]]]:
    """What each run holds, by the decoder and the rules, one file and one run at a time."""
    files: dict[str, list[EventFile]] = {}
    for path in sorted(logs.rglob("*tfevents*")):
        log = decode(path.read_bytes())
        log.name = str(path.relative_to(logs))
        files.setdefault(str(path.parent.relative_to(logs)), []).append(log)
    return files, {run: merge(of_run) for run, of_run in files.items()}


def as_text(series: Series) -> str:
    columns = (series.step, series.wall_time, series.value, series.superseded)
    return repr(([(column.dtype, column.tolist()) for column in columns], series.ordinal))


def compare(reading: Reading, logs: Path) -> None:
    files, runs = run_by_run(logs)
    assert list(reading.files) == list(reading.runs) == sorted(files)
    for run, of_run in files.items():
        assert [everything(file) for file in reading.files[run]] == [everything(file) for file in of_run]
        assert [file.name for file in reading.files[run]] == [file.name for file in of_run]
        assert {tag: as_text(one) for tag, one in reading.runs[run].items()} == {
            tag: as_text(one) for tag, one in runs[run].items()
        }
        assert list(reading.runs[run]) == sorted(runs[run])
    known = {run: {tag: facts(one) for tag, one in runs[run].items()} for run in sorted(runs)}
    assert reading.experiments == experiments(logs, known)


@pytest.mark.parametrize("seed", range(6))
def test_many_runs_are_read_as_each_by_itself(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random runs of one to three files, in batches of a few: the same files, series and experiments."""
    rng = Random(seed)
    monkeypatch.setattr(batch, "_BATCH", rng.choice([300, 3000, 1 << 20]))
    monkeypatch.setattr(batch, "SMALL", rng.choice([500, 1 << 20]))
    for number in range(60):
        folder = tmp_path / "logs" / f"lr{number % 3}" / rng.choice(["", "x"]) / f"seed{number}"
        for part in range(1 if rng.random() < 0.8 else rng.randrange(1, 4)):
            write_random(folder / rng.choice(["", "train", "validation"]) / f"events.out.tfevents.{part}", rng)
    reading = tbbridge.read(tmp_path / "logs")
    compare(reading, tmp_path / "logs")
    compare_reports(reading)


def compare_reports(reading: Reading) -> None:
    """The facts of many runs at once are those of each run by itself."""
    alone = replace(reading, runs=dict(reading.runs), files=dict(reading.files))
    assert isinstance(reading.runs, OnDemand)
    assert isinstance(reading.files, OnDemand)
    assert set(reading.files.known) <= set(reading.runs.known) < set(reading.runs)
    assert findings(reading) == findings(alone)
    options = ExportOptions("summary")
    (ours, theirs) = (summary_rows(one, options) for one in (reading, alone))
    assert repr({name: dict(row) for name, row in ours.items()}) == repr(
        {name: dict(row) for name, row in theirs.items()}
    )
    for run, (many, number) in reading.runs.known.items():
        for tag, points in many.points(number).items():
            assert repr(many.extremes(number, tag, many.points_of(number, tag))) == repr(extremes(points))
            assert many.extremes(number, tag, points.at(slice(1, None))) is None, run


def test_a_tag_that_is_not_chosen_places_nothing(tmp_path: Path) -> None:
    """Validation is placed by the epoch series where that is chosen, else by wall time, also in small runs."""
    write_epochs(tmp_path / "logs")
    reading = tbbridge.read(tmp_path / "logs")
    assert [placed_by(reading, tags) for tags in ((), ("loss", "val_loss"), ("*",))] == ["epoch", "wall", "epoch"]


def placed_by(reading: Reading, tags: tuple[str, ...]) -> str:
    part = select(reading, Selection(tags=tags))
    return part.placement(part.experiments[0]).how


def write_epochs(logs: Path) -> None:
    """Ten steps an epoch, and a validation after each."""
    (logs / "run").mkdir(parents=True)
    with EventWriter(logs / "run" / "events.out.tfevents.1") as writer:
        for step in range(100):
            writer.scalar("loss", step, 100.0 + step, 1.0)
            writer.scalar("epoch", step, 100.0 + step, step // 10)
            if step % 10 == 9:
                writer.scalar("val_loss", step // 10, 100.5 + step, 1.0)


def write_runs(logs: Path, count: int) -> list[Path]:
    paths = []
    for number in range(count):
        paths.append(logs / f"run{number:03d}" / "events.out.tfevents.1")
        paths[-1].parent.mkdir(parents=True)
        with EventWriter(paths[-1]) as writer:
            for step in range(5):
                writer.scalar("loss", step, step, number + step / 8)
    return paths


def test_a_reading_with_other_series_tells_of_those(tmp_path: Path) -> None:
    """A copy with other series has their points in its columns, not those that were read together."""
    write_runs(tmp_path / "logs", 3)
    reading = tbbridge.read(tmp_path / "logs")
    cut = {run: {tag: cut_series(one, (None, 1)) for tag, one in tags.items()} for run, tags in reading.runs.items()}
    part = replace(reading, runs=cut)
    rows = [[len(points.step) for points in part.columns(one).values()] for one in part.experiments]
    assert rows == [[0, 0, 2, 0]] * 3


@pytest.mark.parametrize("most", [48, 256])
def test_an_export_of_many_runs_fits_a_small_limit_of_open_files(tmp_path: Path, most: int) -> None:
    """A table is written for each run; 256 is the default of macOS."""
    write_runs(tmp_path / "logs", 500)
    limit = (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    program = f"import tbbridge; print(len(tbbridge.export({str(tmp_path / 'logs')!r}, {str(tmp_path / 'out')!r})))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "500\n", "")
    assert len(list((tmp_path / "out").glob("run*.csv"))) == 500


def test_one_damaged_file_among_many_is_reported_with_its_place(tmp_path: Path) -> None:
    """A flipped bit, a cut and a hole cost a record each, in their own runs only."""
    paths = write_runs(tmp_path / "logs", 100)
    whole = paths[0].read_bytes()
    at = whole.index(b"loss", whole.index(b"loss") + 1)  # in the second scalar
    paths[10].write_bytes(whole[:at] + b"lost" + whole[at + 4 :])
    paths[20].write_bytes(whole[:-3])
    paths[30].write_bytes(whole + bytes(100))
    reading = tbbridge.read(tmp_path / "logs")
    damage = {file.name: file.damage for files in reading.files.values() for file in files if file.damage}
    assert list(damage) == ["run010/events.out.tfevents.1", "run030/events.out.tfevents.1"]
    assert [one.reason for found in damage.values() for one in found] == ["wrong data checksum", "zero-filled hole"]
    (flipped,) = damage["run010/events.out.tfevents.1"]
    assert flipped.start < at < flipped.end
    assert damage["run030/events.out.tfevents.1"][0].start == len(whole)
    points = {run: len(tags["loss"].step) for run, tags in reading.runs.items()}
    assert {run: count for run, count in points.items() if count != 5} == {"run010": 4, "run020": 4}
    compare(reading, tmp_path / "logs")


def test_a_file_that_goes_or_changes_between_listing_and_reading_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One vanishes, one becomes a directory, one a FIFO, one is replaced: the others are read."""
    paths = write_runs(tmp_path / "logs", 20)
    usual = together.small_batches

    def meanwhile(listed: list[str]) -> object:
        for path in paths[:4]:
            path.unlink()
        paths[1].mkdir()
        os.mkfifo(paths[2])
        with EventWriter(paths[3]) as writer:
            writer.scalar("other", 1, 1.0, 1.0)
        return usual(listed)

    monkeypatch.setattr(together, "small_batches", meanwhile)
    reading = tbbridge.read(tmp_path / "logs")
    assert list(reading.runs) == [f"run{number:03d}" for number in range(3, 20)]
    assert list(reading.runs["run003"]) == ["other"]
    assert reading.runs["run004"]["loss"].value[4] == 4.5
    assert reading.problems == [
        f"cannot read run00{number}/events.out.tfevents.1: it was there a moment ago, and is gone"
        for number in range(3)
    ]


def test_an_error_in_reading_together_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The files of that batch are read one by one, once and while they are followed; the log says so."""
    write_runs(tmp_path / "logs", 40)
    usual, failed = together.decode_small, list[int]()

    def faulty(data: memoryview, bounds: Int64) -> SmallFiles:
        if struct.pack("<f", 7.5) in bytes(data):  # run007 is among them
            failed.append(len(bounds) - 1)
            raise ZeroDivisionError
        return usual(data, bounds)

    monkeypatch.setattr(together, "decode_small", faulty)
    monkeypatch.setattr(batch, "_BATCH", 2000)
    reading = tbbridge.read(tmp_path / "logs")
    compare(reading, tmp_path / "logs")
    follower = Follower(tmp_path / "logs")
    follower.poll()
    for experiment in reading.experiments:
        assert follower.csv(experiment.name) == run_log_csv(reading.table(experiment))
    assert len(failed) == 2
    assert 1 < failed[0] < 40
    assert caplog.messages == [f"reading {failed[0]} small files together failed: they are read one by one"] * 2


def test_the_benchmark_of_many_runs_has_right_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside TensorBoard's Rust server, which is asked over its own protocol: as many points with the same sum."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    benchmark, inputs = import_module("reading"), import_module("reading_inputs")
    lines = benchmark.whole_table("60 runs", inputs.sweep(tmp_path, 60), 1200, accumulator=False).splitlines()
    assert lines[0] == "### 60 runs"
    assert [line.split("|")[1].strip() for line in lines[4:6]] == [
        "`tbbridge.read`",
        "TensorBoard's Rust server, told to keep every point",
    ]


def test_the_garbage_collector_is_as_it_was_after_reading(tmp_path: Path) -> None:
    """On where it was on, off where it was off, also after an error."""
    write_runs(tmp_path / "logs", 2)
    try:
        for switch, on in ((gc.enable, True), (gc.disable, False)):
            switch()
            tbbridge.read(tmp_path / "logs")
            assert gc.isenabled() == on
            with pytest.raises(tbbridge.PathError):
                tbbridge.read(tmp_path / "nowhere")
            assert gc.isenabled() == on
    finally:
        gc.enable()


def test_many_new_objects_are_not_looked_through_at_once() -> None:
    """The collector takes them for old when it is on again; what of them is a cycle goes when it looks at all."""

    class Cycle:
        """Refers to itself."""

        def __init__(self) -> None:
            self.itself = self

    looks: list[str] = []

    def note(phase: str, info: object) -> None:
        looks.append(phase)

    gc.collect()  # none is due before it is paused
    gc.callbacks.append(note)
    try:
        with collector_paused():
            made = [[number] for number in range(MANY_OBJECTS + 1000)]
            gone = weakref.ref(Cycle())
        made.append([0])
        assert looks == []
        gc.collect()
        assert gone() is None
    finally:
        gc.callbacks.remove(note)

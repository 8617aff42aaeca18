"""Large runs are set aside on the disk while an export does not use them: the same bytes, and little memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from logs import files_of
from shape.test_sub_runs import write_life
from support import ROOT
from test_small_runs import write_random

from tbbridge.core.model import Series
from tbbridge.exporting import export
from tbbridge.exporting.options import ExportOptions
from tbbridge.reading import large_runs
from tbbridge.reading.findings import findings
from tbbridge.reading.reading import read
from tbbridge.reading.selection import Selection
from tbbridge.reading.set_aside import SetAside
from tbbridge.reading.small_runs import is_passing
from tbbridge.shape.series import live
from tbbridge.tail import batch
from tbbridge.write.events import EventWriter

EVERY_WAY: dict[str, dict[str, Any]] = {
    "compact/": {},
    "compact.csv": {},
    "compact.parquet": {},
    "long.csv": {"layout": "long", "superseded": True},
    "long.parquet": {"layout": "long"},
    "long/": {"layout": "long"},
    "parquet/": {"format": "parquet"},
    "wide.csv": {"layout": "wide"},
    "summary.csv": {"layout": "summary"},
    "events.csv": {"layout": "events", "on": ["loss < 0.5"]},
    "cut.csv": {"layout": "long", "steps": (1, 3)},
    "page.html": {},
}


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs as trainings leave them, of which those of more than 400 bytes are large."""
    rng = Random(7)
    monkeypatch.setattr(batch, "SMALL", 400)
    for number in range(40):
        folder = tmp_path / "logs" / f"lr{number % 3}" / f"seed{number}" / rng.choice(["", "train", "validation"])
        for part in range(1 if rng.random() < 0.8 else rng.randrange(1, 4)):
            write_random(folder / f"events.out.tfevents.{part}", rng)
    return tmp_path / "logs"


def exported(logs: Path, out: Path) -> tuple[dict[str, bytes], list[list[str]], int]:
    """All files of every layout, the messages of each export, and how many of its runs are set aside."""
    lines, aside = [], 0
    for target, options in EVERY_WAY.items():
        reader = export.Reader()
        done = export.run_export(logs, f"{out}/{target}", Selection(), ExportOptions(**options), reader)
        lines.append(findings(done.reading).lines)
        aside = sum(is_passing(done.reading.runs, run) for run in done.reading.runs) or aside
    return dict(files_of(out)), lines, aside


def test_runs_that_are_set_aside_are_exported_as_others(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restarts, loops, doubles and damage among them, in every layout."""
    (tmp_path / "room").mkdir()
    (tmp_path / "none").mkdir()
    files, lines, aside = exported(logs, tmp_path / "room")
    assert aside == 0
    monkeypatch.setattr(export, "ROOM", 3)
    again, told, aside = exported(logs, tmp_path / "none")
    assert aside > 10
    assert any("superseded" in line for line in lines[0])
    assert told == lines
    assert again == files


def test_a_large_run_that_is_read_again_under_a_start_tells_its_damage_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The START of the run above holds for it, which is known only after both were read."""
    monkeypatch.setattr(batch, "SMALL", 100)
    write_life(tmp_path / "exp", 0.0, range(10), below="loss_train")
    write_life(tmp_path / "exp", 100.0, range(5, 8), below="loss_train", purge=5)
    with open(tmp_path / "exp/loss_train/events.out.tfevents.100.host", "ab") as file:
        file.write(b"x" * 30)
    reading = read(tmp_path)
    assert live(reading.runs["exp/loss_train"]["loss"]).step.tolist() == [0, 1, 2, 3, 4, 6, 7]
    told = [line for line in findings(reading).lines if "exp/loss_train/" in line]
    assert told == [
        "exp/loss_train/events.out.tfevents.100.host: bytes 124 to 154 could not be used: wrong length checksum"
    ]


def test_without_room_on_the_disk_runs_stay_in_memory(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk without room costs memory, and no run."""

    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    export.export(logs, tmp_path / "room.csv", layout="long")
    monkeypatch.setattr(export, "ROOM", 3)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    export.export(logs, tmp_path / "full.csv", layout="long")
    assert (tmp_path / "full.csv").read_bytes() == (tmp_path / "room.csv").read_bytes()
    assert caplog.text.count("tbbridge: large runs stay in memory: no room in TMPDIR") == 1


def test_runs_in_use_hold_no_descriptor() -> None:
    """A process may have 256 files open on some systems, and a sweep has more runs."""
    aside, kept = SetAside(), []
    for run in range(40):
        steps = np.arange(run, run + 3)
        aside.put(str(run), {"loss": Series(steps, steps / 2, steps / 4, steps < 0)})
    before = len(os.listdir("/proc/self/fd"))
    for run in range(40):
        kept.append(aside.get(str(run)))
    assert len(os.listdir("/proc/self/fd")) == before
    assert [one["loss"].value.tolist() for one in kept] == [
        [run / 4, (run + 1) / 4, (run + 2) / 4] for run in range(40)
    ]


FILLS_UP = """
import resource, sys
import numpy as np
from tbbridge.core.model import Series
from tbbridge.reading.set_aside import SetAside
steps = np.arange(1000)
loss = {"loss": Series(steps, steps / 2, steps / 4, steps < 0)}
aside = SetAside()
aside.put("first", loss)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    aside.put("second", loss)
except OSError:
    print("full")
print(aside.get("first")["loss"].value.sum())
"""


@pytest.mark.parametrize("size", [25_001, 30_000, 40_007, 49_999])
def test_a_disk_that_fills_up_costs_nothing_that_was_set_aside_before(size: int) -> None:
    """Four arrays of 1,000 points are 25,000 bytes per run; the second has no room."""
    done = subprocess.run([sys.executable, "-c", FILLS_UP, str(size)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"full\n{999 * 500 / 4}\n", "")


def test_a_large_file_that_goes_before_it_is_read_again_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session start in the run above has a run of `add_scalars` read again; by then its file may be gone."""
    run, seen = tmp_path / "logs" / "run", list[str]()
    (run / "loss_val").mkdir(parents=True)
    monkeypatch.setattr(batch, "SMALL", 400)
    for number in (1, 2):
        with EventWriter(run / f"events.out.tfevents.{number}", wall_time=float(number)) as writer:
            if number == 2:
                writer.start(5, 2.0)
            writer.scalar("lr", 5 * number, float(number), 1)
    with EventWriter(run / "loss_val/events.out.tfevents.1", wall_time=1.0) as writer:
        for step in range(50):
            writer.scalar("loss", step, 1.0 + step, 0.5)
    read_files = large_runs.read_files

    def read(*arguments: Any) -> large_runs.FilesRead:
        for place in arguments[1]:
            if place.name in seen:
                os.unlink(place.path)
            seen.append(place.name)
        return read_files(*arguments)

    monkeypatch.setattr(large_runs, "read_files", read)
    done = export.run_export(
        run.parent, tmp_path / "out.csv", Selection(), ExportOptions(layout="long"), export.Reader()
    )
    assert seen.count("run/loss_val/events.out.tfevents.1") == 2
    assert any("run/loss_val/events.out.tfevents.1" in line and "gone" in line for line in findings(done.reading).lines)


@pytest.mark.parametrize("target", ["out/", "all.csv", "long.csv"])
def test_the_memory_of_an_export_does_not_grow_with_the_runs(target: str, tmp_path: Path) -> None:
    """Sixteen runs of 60,000 points take as much as four; held in memory, the twelve take 14 MB and more."""
    first = tmp_path / "logs" / "run0" / "events.out.tfevents.1"
    first.parent.mkdir(parents=True)
    with EventWriter(first) as writer:
        for step in range(60_000):
            writer.scalar("loss", step, step, 1 / (1 + step))
    peaks = []
    for count in (4, 16):
        for number in range(1, count):
            shutil.copytree(first.parent, tmp_path / "logs" / f"run{number}", dirs_exist_ok=True)
        options = f"layout={'long' if 'long' in target else 'compact'!r}, force=True"
        program = (
            f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
            "from decode.measure import peak_mb\n"
            "from tbbridge.exporting import export\n"
            "export.ROOM = 100_000\n"
            f"export.export({str(tmp_path / 'logs')!r}, {str(tmp_path)!r} + '/{target}', {options})\n"
            "print(peak_mb())"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 8

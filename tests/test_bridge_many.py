"""Many small runs while they are followed: read together, and for ever the same as a fresh export."""

from __future__ import annotations

import gc
import math
import os
import shutil
import tempfile
from itertools import count
from pathlib import Path
from random import Random

import pytest
from bridge_model import FAST, TAGS, Files, exported
from logs import write_run

from tbbridge import export
from tbbridge.core.crc32c import frame
from tbbridge.following.follower import Follower
from tbbridge.reading.log_directory import MANY
from tbbridge.shape.many_series import ManySeries
from tbbridge.tail import file as tail_file
from tbbridge.tail.file import GrowingFile
from tbbridge.write.events import EventWriter, event, field
from tbbridge.write.publish import Publisher

RUNS = 200


def fill(files: Files, rng: Random, number: int) -> Path:
    """One run as a sweep leaves it; of some the training began again, or validation is a run of its own."""
    below = rng.choice(["", "", "", "train", "validation"])
    path = files.create(str(Path(f"lr{number % 3}", f"seed{number}", below)), f"events.out.tfevents.{number}.host")
    for tag in rng.sample(TAGS, 2):
        files.append(path, files.records(tag, 0, rng.randrange(1, 8)))
    return path


def change(files: Files, rng: Random) -> None:
    """Do one random thing to one random event file, or to the directory that it is in."""
    path = rng.choice(files.existing())
    data = path.read_bytes()
    what = rng.randrange(9)
    if what < 2:
        files.append(path, files.records(rng.choice(TAGS), rng.randrange(20), 3))
    elif what == 2:
        files.append(path, frame(event(rng.randrange(9), 1000.0 + files.tick(), field(7, b"\x08\x01"))))
    elif what == 3:
        files.write(path, data[: rng.randrange(len(data) + 1)])
    elif what == 4:
        files.write(path, files.records(rng.choice(TAGS), 0, 4))
    elif what == 5 and data:
        at = rng.randrange(len(data))
        files.write(path, data[:at] + bytes([data[at] ^ 8]) + data[at + 1 :])
    elif what == 6:
        path.unlink()
    elif what == 7:
        shutil.rmtree(path.parent)
    else:
        files.append(path.with_name(f"events.out.tfevents.{files.tick()}.later"), files.records("loss", 2, 3))


@pytest.mark.parametrize("seed", range(2))
def test_many_small_runs_that_change_at_random_are_published_as_export_writes_them(seed: int) -> None:
    """After every look, published bytes == exported bytes; dozens of runs come, change and go between two looks."""
    rng = Random(seed)
    with tempfile.TemporaryDirectory(dir=FAST) as folder, Publisher(Path(folder, "out")) as publisher:
        files = Files(Path(folder, "logs"))
        for number in range(RUNS):
            fill(files, rng, number)
        follower = Follower(files.root, publisher, layouts=("compact", "wide"), clock=lambda: 0.0)
        for look in range(4):
            follower.finish()
            expected, _ = exported(files.root)
            assert len(expected) > 100
            assert {name: (publisher.out / name).read_bytes() for name in expected} == expected
            touched = [str(fill(files, rng, RUNS + 30 * look + number)) for number in range(30)]
            for _ in range(20):
                change(files, rng)
            if look % 2:
                follower.glance(touched)
                follower.publish()


def test_small_files_that_were_read_together_are_told_apart_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is opened while nothing changes; one grows, is replaced, cut, damaged or removed: only that is read."""
    files = Files(tmp_path / "logs")
    paths = [fill(files, Random(number), number) for number in range(40)]
    monkeypatch.setattr(tail_file, "FRESH", -1.0)  # whatever the clock says, the files are at rest
    follower = Follower(files.root)
    follower.poll()
    read: list[str] = []
    usual = GrowingFile._read_on

    def note(file: GrowingFile, *rest: object) -> object:
        read.append(file.path)
        return usual(file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(GrowingFile, "_read_on", note)
    assert follower.poll() == set()
    assert read == []
    files.append(paths[0], files.records("loss", 50, 2))
    other = paths[1].with_name("other")
    other.write_bytes(files.records("loss", 0, 3))
    os.replace(other, paths[1])
    files.write(paths[2], paths[2].read_bytes()[:-3])
    paths[3].unlink()
    follower.poll()
    assert set(read) == set(map(str, paths[:3]))
    assert {table.experiment.name for table in follower.tables.by_name.values() if table.gone} == {"lr0/seed3"}
    known = {f"{name}.csv": follower.csv(name) for name, table in follower.tables.by_name.items() if not table.gone}
    expected, _ = exported(files.root)
    assert known == {name: text for name, text in expected.items() if name in known}
    assert len(known) == 39


def test_the_first_files_of_runs_that_were_read_together_are_those_of_an_export(tmp_path: Path) -> None:
    """Numbers that are none, times that are none, other steps, and validation beside or below: byte for byte.

    An export makes them together, too; they are what each makes by itself.
    """
    hole, columns = math.nan, ("loss", "val_loss", "accuracy", "val_accuracy")
    for number in range(96):
        tags = [tag for place, tag in enumerate(columns) if number % 16 >> place & 1]
        path = tmp_path / "logs" / f"lr{number % 7}" / f"seed{number}"
        path.mkdir(parents=True)
        with EventWriter(path / "events.out.tfevents.1", wall_time=1000.0) as writer:
            for tag in tags:
                for step in range(2, 6 if tag != "val_loss" or number < 48 else 4):
                    wall = [1000.0 + step, hole, math.inf, 1000.0][number % 4]
                    value = [step / 3, hole, hole if step == 3 else -step, math.inf][number // 16 % 4]
                    writer.scalar(tag, step, wall, value)
        if number % 5 == 0:
            (path / "validation").mkdir()
            with EventWriter(path / "validation" / "events.out.tfevents.1", wall_time=1000.0) as writer:
                writer.scalar("loss", 2 + number % 3, 1002.0, 0.5)
    with Publisher(tmp_path / "out") as publisher:
        follower = Follower(tmp_path / "logs", publisher)
        follower.poll()
        follower.publish()
        expected, _ = exported(tmp_path / "logs")
        expected = {name: text for name, text in expected.items() if not name.endswith(".wide.csv")}
        assert {name: (publisher.out / name).read_bytes() for name in expected} == expected
        assert len(expected) == 97
        assert sum(table.row is not None for table in follower.tables.by_name.values()) > 60, "most are made together"
        assert {f"{name}.csv": follower.csv(name) for name in follower.tables.by_name} == {
            name: text for name, text in expected.items() if name != "summary.csv"
        }
    export(tmp_path / "logs", tmp_path / "exported/")
    assert {name: (tmp_path / "exported" / name).read_bytes() for name in expected} == expected


@pytest.mark.parametrize("case", ["gone at once", "no run log", "a restart is announced", "a second file"])
def test_the_points_of_runs_that_were_read_together_are_let_go_of(case: str, tmp_path: Path) -> None:
    """Nothing keeps them when their experiments are gone, or their runs have the points themselves."""
    logs, numbers = tmp_path / "logs", count()
    if case == "a restart is announced":
        write_run(logs / "announced", loss=[(0, 0.5)])
        with EventWriter(logs / "announced/events.out.tfevents.2", wall_time=200.0) as writer:
            writer.start(0, 200.0)
    with Publisher(tmp_path / "out") as publisher:
        layouts = ("wide",) if case == "no run log" else ("compact",)
        follower = Follower(logs, publisher, layouts=layouts, prune=True, clock=lambda: float(next(numbers)))
        follower.poll()
        for name in map(str, range(MANY)):
            write_run(logs / name, loss=[(0, 0.5), (1, 0.25)])
        before = {id(one) for one in gc.get_objects() if type(one) is ManySeries}  # others have lazy classes
        follower.poll()
        if case == "no run log":
            follower.publish()
        elif case == "a second file":
            for name in map(str, range(MANY)):
                write_run(logs / name, "2", wall_time=200.0, loss=[(2, 0.5)])
            follower.poll()
        if case in ("gone at once", "no run log"):
            for name in map(str, range(MANY)):
                shutil.rmtree(logs / name)
            follower.poll()
        gc.collect()
        assert [one for one in gc.get_objects() if type(one) is ManySeries and id(one) not in before] == []


def test_a_first_view_has_the_last_write_whenever_it_is_made(tmp_path: Path) -> None:
    """Another thread may ask at any moment; here it asks whenever the clock is read."""
    for name in map(str, range(MANY)):
        write_run(tmp_path / name, loss=[(0, 0.5)])
    known: list[Follower] = []

    def clock() -> float:
        for table in [table for one in known for table in one.tables.by_name.values() if table.generation]:
            assert table.view.last_write
        return 0.0

    known.append(Follower(tmp_path, clock=clock))
    known[0].poll()
    assert all(table.view.last_write for table in known[0].tables.by_name.values())

"""What is said of restarts that are half done or may be none, and of points that do not count as logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from logs import write_run

import tbbridge
from tbbridge.following.follower import Follower
from tbbridge.reading.findings import findings

OF_RUNS = ("superseded", "without a step", "no beginning")
FILE = "events.out.tfevents.{}.host"


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], list[str]]:
    """What `export` and a follower say of the log directory; both must say the same of its experiments."""

    def say() -> list[str]:
        reading = tbbridge.read(tmp_path)
        follower = Follower(tmp_path)
        follower.poll()
        lines = findings(reading).lines
        for name, table in follower.tables.by_name.items():
            live = [note for note in table.view.notes if not any(words in note for words in OF_RUNS)]
            assert [f"{name}: {note}" for note in live] == [line for line in lines if line.startswith(f"{name}: ")]
        return lines

    return say


def steps(*numbers: int) -> list[tuple[int, float]]:
    return [(step, 0.5) for step in numbers]


def test_a_second_fit_without_validation_yet(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """Keras opens new files in train/ at once, and in validation/ at the end of the first epoch."""
    for run in ("train", "validation"):
        write_run(
            tmp_path / "a" / run, "1", wall_time=100, epoch_loss=steps(*range(5)), epoch_accuracy=steps(*range(5))
        )
    write_run(tmp_path / "a/train", "2", wall_time=500, epoch_loss=steps(0, 1), epoch_accuracy=steps(0, 1))
    said = (
        "a: val accuracy, val cross entropy: steps 0 to 4 are of the earlier training; "
        f"a/train/{FILE.format(2)} began again at step 0"
    )
    assert said in notes()
    write_run(tmp_path / "a/validation", "2", wall_time=501, epoch_loss=steps(0), epoch_accuracy=steps(0))
    assert said.replace("steps 0", "steps 1") in notes(), "of step 0 the newer value counts, the others stay"
    write_run(tmp_path / "a/validation", "3", wall_time=502, epoch_loss=steps(0, 1), epoch_accuracy=steps(0, 1))
    assert not any("earlier training" in line for line in notes())


def test_a_loop_run_again_before_its_first_validation(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """One writer, in a notebook's cell."""
    loss, val = [*range(6), *range(3)], range(6)
    path = write_run(tmp_path / "a", "1", wall_time=100, **{"val/loss": steps(*val), "train/loss": steps(*loss)})
    assert (
        f"a: val cross entropy: steps 0 to 5 are of the earlier training; a/{path.name} began again at step 0"
        in notes()
    )


def test_a_resumed_training_whose_clock_is_behind(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """Steps 0 to 9 by a clock of 2001, then 5 to 14 by one that begins in 1970: both files and times are named."""
    write_run(tmp_path / "a", "1", wall_time=1_000_000_000, loss=steps(*range(10)))
    write_run(tmp_path / "a", "2", wall_time=100, loss=steps(*range(5, 15)))
    (said,) = [line for line in notes() if "clock" in line]
    assert said == (
        f"a: a/{FILE.format(2)} begins at step 5, where a/{FILE.format(1)} was, but its clock says "
        "1970-01-01 00:01:40 UTC, before 2001-09-09 01:46:40 UTC: if it resumed that training, its clock was behind, "
        "and its points are hidden"
    )


def test_a_training_begun_again_from_nothing_has_no_clock_behind(
    tmp_path: Path, notes: Callable[[], list[str]]
) -> None:
    """An ordinary restart, and one from step 0."""
    write_run(tmp_path / "a", "1", wall_time=100, loss=steps(*range(10)))
    write_run(tmp_path / "a", "2", wall_time=200, loss=steps(*range(5, 15)))
    write_run(tmp_path / "a", "3", wall_time=300, loss=steps(*range(15)))
    assert not any("clock" in line for line in notes())


def test_a_short_file_that_begins_at_step_0(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """Lightning's validate() after fit(): 10 values by validation batch hide 30; a new training is not doubted."""
    train = steps(*range(49, 300, 50))
    write_run(tmp_path / "a", "1", wall_time=100, train_loss=train, val_loss=steps(*range(30)))
    write_run(tmp_path / "a", "2", wall_time=500, val_loss=steps(*range(10)))
    said = (
        f"a: val cross entropy: the 10 points of a/{FILE.format(2)}, from step 0 on, hide 30: a restart, or an "
        "evaluation after the training"
    )
    assert said in notes()
    write_run(tmp_path / "a", "3", wall_time=900, val_loss=steps(*range(29)))
    assert not any("an evaluation after" in line for line in notes())


def test_points_are_counted_by_cause(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """Fractions of an epoch, points without a step, a value logged twice, a restart."""
    write_run(tmp_path / "a", fraction=steps(*(step for step in range(10) for _ in range(4))))
    write_run(tmp_path / "b", stepless=steps(*[0] * 7))
    write_run(tmp_path / "c", twice=steps(0, 0, 1, 1, 2, 2))
    write_run(tmp_path / "d", "1", wall_time=100, again=steps(*range(5)))
    write_run(tmp_path / "d", "2", wall_time=200, again=steps(3, 4, 5))
    see = " (--layout long --all has them)"
    lines = notes()
    for line in (
        f"1 restart: 2 points superseded{see}",
        f"3 points superseded by a later value of the same step{see}",
        "30 points superseded by another of the same step: its fraction was cut off, or one step is logged many "
        f"times{see}",
        "7 points without a step, numbered in their order",
    ):
        assert line in lines


def test_a_file_that_came_back_without_its_beginning(tmp_path: Path, notes: Callable[[], list[str]]) -> None:
    """It was removed while its writer went on; CatBoost's files begin without a version and are whole."""
    for name, first_step in (("events.out.tfevents.1700000000.host", 0), ("events.out.tfevents", 3)):
        whole = write_run(tmp_path / "a", "1", loss=steps(first_step, first_step + 1))
        data = whole.read_bytes()
        first = int.from_bytes(data[:8], "little") + 16
        whole.unlink()
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / name).write_bytes(data[first:])
    said = "has no beginning: it may have been removed while its writer went on, and come back without what was in it"
    assert [line for line in notes() if "no beginning" in line] == [f"b/events.out.tfevents.1700000000.host {said}"]

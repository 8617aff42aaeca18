"""A restart is counted once per training, however many runs, files and tags show it."""

from __future__ import annotations

import pytest
from run_model import Log, Restart, event_file

from tbbridge.shape.restarts import training_restarts
from tbbridge.shape.series import merge_run


def life(name, tag, begin, steps, purge=None):
    start = [] if purge is None else [Restart(purge, begin)]
    return event_file(name, [*start, *(Log(tag, s, begin + 1 + i, s) for i, s in enumerate(steps))], born=begin)


def steps_of(runs):
    restarts = {run: merge_run(files)[1] for run, files in runs.items()}
    return [restart.step for restart in training_restarts(restarts, runs)]


@pytest.mark.parametrize("purge", [None, 5])
def test_two_files_in_train_and_two_in_validation_are_one_restart(purge):
    """Announced or not: one training that was resumed once."""
    runs = {
        "train": [life("t1", "loss", 0, range(10)), life("t2", "loss", 100, range(5, 10), purge)],
        "validation": [life("v1", "loss", 0.5, range(10)), life("v2", "loss", 100.5, range(5, 10), purge)],
    }
    assert steps_of(runs) == [5]


def test_two_restarts_are_two():
    """Validation was reached in the last life only."""
    runs = {
        "train": [life(f"t{n}", "loss", 100 * n, range(3 * n, 9)) for n in range(3)],
        "validation": [life("v0", "loss", 1, range(9)), life("v2", "loss", 201, range(6, 8))],
    }
    assert steps_of(runs) == [3, 6]


def test_two_writers_in_one_directory_are_one_training():
    """A file of train tags and one of validation tags, resumed together."""
    files = [
        life("1", "train", 0, range(9)),
        life("2", "val", 0.5, range(9)),
        life("3", "train", 100, range(4, 9)),
        life("4", "val", 100.5, range(6, 9)),
    ]
    assert steps_of({".": files}) == [4]


def test_a_loop_run_three_times_is_two_restarts_in_all_tags_and_runs():
    """One writer for train and one for validation, in a notebook's cell."""
    loop = [step for _ in range(3) for step in range(5)]
    runs = {run: [life(run, "loss", begin, loop)] for run, begin in (("train", 0.0), ("validation", 0.5))}
    assert steps_of(runs) == [0, 0]


def test_a_healthy_training_has_no_restart():
    """A tag written twice a step, a START at its beginning, a writer that was closed and opened again."""
    twice = event_file("1", [Restart(0, 0.0), *(Log("a", s // 2, s, s) for s in range(20))], born=0.0)
    assert steps_of({".": [twice, life("2", "a", 100, range(10, 20))]}) == []

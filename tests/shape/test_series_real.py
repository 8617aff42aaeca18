"""Restarts as the real writers write them: what is left is what the training itself kept note of."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from grown_run import Grown
from logs import merge
from support import ROOT, environment

from tbbridge.core.model import EventFile
from tbbridge.decode import Decoder
from tbbridge.shape.series import live

pytestmark = pytest.mark.timeout(400)  # torch and TensorFlow in one process, on a machine that may be busy

SCRIPT = Path(__file__).with_name("write_restarts.py")
SCENARIOS = [
    "spot_preemption",
    "two_writers_in_one_second",
    "rerun_in_one_second",
    "purged_twice",
    "reopened",
    "no_steps",
    "odd_wall_times",
    "back_and_forth",
    "doubles",
    "session_log",
    "train_and_test_side_by_side",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The directory of all scenarios, and what should be left of each."""
    root = tmp_path_factory.mktemp("restarts")
    command, env = [sys.executable, str(SCRIPT), str(root)], environment(SCRIPT.read_text())
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    left = json.loads(done.stdout.splitlines()[-1])
    assert sorted(left) == sorted(SCENARIOS)
    return root, left


def event_files(run: Path) -> list[Path]:
    return sorted(path for path in run.iterdir() if "tfevents" in path.name)


def decode(path: Path, size: int | None = None) -> EventFile:
    decoder = Decoder(path.name)
    data = path.read_bytes()[:size]
    while decoder.position < len(data):
        decoder.feed(data[decoder.position : decoder.position + decoder.want])
    decoder.settle(len(data))
    return decoder.log


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_real_restart_leaves_what_the_training_noted(written, scenario):
    """Whatever torch and TensorFlow write when a training is killed, resumed, purged, rerun or runs twice at a time."""
    root, left = written
    merged = merge([decode(path) for path in event_files(root / scenario)])
    assert sorted(merged) == sorted(left[scenario])
    for tag, noted in left[scenario].items():
        points = live(merged[tag])
        steps = sorted(int(step) for step in noted)
        assert points.step.tolist() == steps
        expected = np.array([noted[str(step)] for step in steps], points.value.dtype)
        np.testing.assert_array_equal(points.value, expected)


def test_doubles_are_doubles_and_floats_are_floats(written):
    """torch's double_precision in one tag leaves the other tags of the file as narrow as they were written."""
    merged = merge([decode(path) for path in event_files(written[0] / "doubles")])
    assert {tag: series.value.dtype for tag, series in merged.items()} == {"double": np.float64, "float": np.float32}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_real_restart_is_followed_as_it_is_read_at_once(written, scenario):
    """The same files, growing a few bytes at a time in any order: at each moment what a fresh merge would give."""
    follow(event_files(written[0] / scenario), seed=scenario)


RECORDED = sorted({path.parent for path in (ROOT / "fixtures").rglob("*tfevents*") if "demo" not in path.parts})


@pytest.mark.parametrize("run", RECORDED, ids=lambda run: str(run.relative_to(ROOT / "fixtures")))
def test_a_recorded_run_is_followed_as_it_is_read_at_once(run):
    """Also what the recorded frameworks wrote."""
    follow(event_files(run), seed=run.name)


def follow(paths: list[Path], seed: str, looks: int = 25) -> None:
    """Let the files grow in a random order, and compare after each look."""
    luck = random.Random(seed)
    grown_run, sizes = Grown(), dict.fromkeys(paths, 0)
    run = grown_run.run
    full = {path: path.stat().st_size for path in paths}
    for look in range(looks + 1):
        grown = paths if look == looks else luck.sample(paths, min(len(paths), luck.randint(1, 2)))
        for path in grown:
            sizes[path] = (
                full[path] if look == looks else min(full[path], sizes[path] + luck.randint(1, full[path] // 5 + 2))
            )
        changed = grown_run.look(*(decode(path, sizes[path]) for path in grown))
        fresh = merge([decode(path, size) for path, size in sizes.items() if size])
        assert run.tags == list(fresh)
        assert set(changed) <= set(fresh)
        found = [(int(one.superseded.sum()), one.repeats) for one in fresh.values()]
        assert run.losses.restarted == sum(superseded - repeats for superseded, repeats in found)
        assert run.losses.repeated + run.losses.cut_off == sum(repeats for _, repeats in found)
        for tag, series in fresh.items():
            for ours, theirs in zip(run.live(tag), live(series), strict=True):
                np.testing.assert_array_equal(ours, theirs)

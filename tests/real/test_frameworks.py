"""The real frameworks train, log as they do by default, and are understood without configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from recorded import LIVE, agree, expected_feeds, feeds, last_values
from support import environment

import tbbridge

# the first test waits for all trainings, beside the other tests on a busy machine
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


Outcome = tuple[int, str, str]
"""A training's exit code, stdout and stderr."""

TRAIN_ALL = Path(__file__).with_name("train_all.py")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the trainings log, each in ``<name>/logs``."""
    return tmp_path_factory.mktemp("frameworks")


def train(module: str, logs: Path, scripts: list[Path]) -> dict[str, Outcome]:
    """Run training scripts in forks of one process that has imported `module`; their outcomes by folder."""
    if not scripts:
        return {}
    # one thread: several would wait for one another where other tests run beside them
    env = {**environment(scripts[0].read_text()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, TRAIN_ALL, module, logs, *scripts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return {name: (code, out, err) for name, code, out, err in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, logs: Path) -> dict[str, Outcome]:
    """The outcome of each training of this session, by name; those with TensorFlow beside those without."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    scripts = [item.callspec.params["folder"] / "train.py" for item in here]
    without = [script for script in scripts if "PYTHONPATH" in environment(script.read_text())]
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(train, "torch.utils.tensorboard", logs, without)
        other = pool.submit(train, "keras", logs, [script for script in scripts if script not in without])
        return one.result() | other.result()


@pytest.mark.parametrize("folder", LIVE, ids=lambda folder: folder.name)
def test_a_live_training_gives_the_run_log_that_the_framework_printed(
    folder: Path, logs: Path, outcomes: Mapping[str, Outcome]
) -> None:
    """The columns are the ones a person would choose, and their last values those that the framework itself holds."""
    code, output, errors = outcomes[folder.name]
    assert code == 0, errors
    printed = json.loads(output.splitlines()[-1])
    reading = tbbridge.read(logs / folder.name / "logs")
    found = feeds(reading)
    assert agree(found, expected_feeds(folder)), found
    assert not reading.problems
    # of several trainings, the last to begin is the one whose metrics were printed
    last = max(reading.experiments, key=lambda each: max(file.first_wall_time for file in files(reading, each)))
    values = last_values(reading.table(last))
    assert values == {column: pytest.approx(np.float32(value), rel=1e-6) for column, value in printed.items()}


def files(reading: tbbridge.Reading, experiment: tbbridge.Experiment) -> list[tbbridge.EventFile]:
    return [file for run in experiment.runs for file in reading.files[run]]

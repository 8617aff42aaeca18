"""The real frameworks train, log as they do by default, and are understood without configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from recorded import LIVE, agree, expected_feeds, feeds, last_values
from trainings import Outcome, train_all

import tbbridge

# the first test waits for all trainings, beside the other tests on a busy machine
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the trainings log, each in ``<name>/logs``."""
    return tmp_path_factory.mktemp("frameworks")


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, logs: Path) -> dict[str, Outcome]:
    """The outcome of each training of this session, by name."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    folders = [item.callspec.params["folder"] for item in here]
    commands = [[str(folder / "train.py"), str(logs / folder.name / "logs")] for folder in folders]
    return dict(zip([folder.name for folder in folders], train_all(commands, logs), strict=True))


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

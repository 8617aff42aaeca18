"""The real frameworks train, log as they do by default, and are understood without configuration."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recorded import FRAMEWORKS, agree, expected_feeds, feeds, last_values, run_script

import tbbridge

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("folder", FRAMEWORKS, ids=lambda folder: folder.name)
def test_a_live_training_gives_the_run_log_that_the_framework_printed(folder: Path, tmp_path: Path) -> None:
    """The columns are the ones a person would choose, and their last values those that the framework itself holds."""
    printed = json.loads(run_script(folder / "train.py", tmp_path / "logs").splitlines()[-1])
    reading = tbbridge.read(tmp_path / "logs")
    found = feeds(reading)
    assert agree(found, expected_feeds(folder)), found
    assert not reading.problems
    # of several trainings, the last to begin is the one whose metrics were printed
    last = max(reading.experiments, key=lambda each: max(file.first_wall_time for file in files(reading, each)))
    values = last_values(reading.table(last))
    assert values == {column: pytest.approx(np.float32(value), rel=1e-6) for column, value in printed.items()}


def files(reading: tbbridge.Reading, experiment: tbbridge.Experiment) -> list[tbbridge.EventFile]:
    return [file for run in experiment.runs for file in reading.files[run]]

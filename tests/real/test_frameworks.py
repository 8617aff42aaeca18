"""The real frameworks train, log as they do by default, and are understood without configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from recorded import LIVE, agree, expected_feeds, feeds, last_values, run_script

import tbbridge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


Trainings = Mapping[str, Future[str]]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the trainings log, each in ``<name>/logs``."""
    return tmp_path_factory.mktemp("frameworks")


@pytest.fixture(scope="module")
def trainings(request: pytest.FixtureRequest, logs: Path) -> Iterator[Trainings]:
    """What each training of this session prints, by name; two train at once, since half of each is importing."""
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    folders = [item.callspec.params["folder"] for item in here]
    with ThreadPoolExecutor(2) as pool:
        yield {each.name: pool.submit(run_script, each / "train.py", logs / each.name / "logs") for each in folders}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("folder", LIVE, ids=lambda folder: folder.name)
def test_a_live_training_gives_the_run_log_that_the_framework_printed(
    folder: Path, logs: Path, trainings: Trainings
) -> None:
    """The columns are the ones a person would choose, and their last values those that the framework itself holds."""
    printed = json.loads(trainings[folder.name].result().splitlines()[-1])
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

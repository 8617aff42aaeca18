"""The real frameworks and the examples train, log as they do by default, and are understood without configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from recorded import LIVE, agree, expected_curves, expected_feeds, feeds, last_values
from support import ROOT, run_cli, running_cli, stop, wait_until
from trainings import EXAMPLES, Outcome, documented, train_all

import tbbridge

# the first test waits for all trainings, beside the other tests on a busy machine
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NO_TRAIN_ACCURACY = {"huggingface_digits"}


class Trained(NamedTuple):
    """Where all trainings of this session ran, and what came of them.

    Attributes:
        folder: the examples log in ``logs``, a framework's training in ``<its name>/logs``; ``live`` has the run logs
            of the examples as they were watched, ``later`` as they were exported.
        outcomes: by the name of the example, or the directory of the framework.
    """

    folder: Path
    outcomes: Mapping[str | Path, Outcome]


@pytest.fixture(scope="module")
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Every training that a test of this session asks for, the examples by their documented command lines."""
    folder = tmp_path_factory.mktemp("trainings")
    (folder / "examples").symlink_to(ROOT / "examples")
    here = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    commands: dict[str | Path, Sequence[str]] = {}
    for asked in (item.callspec.params for item in here):
        if "name" in asked:
            commands[asked["name"]] = documented(asked["name"])[1:]
        else:
            framework = asked["framework"]
            commands[framework] = [str(framework / "train.py"), str(folder / framework.name / "logs")]
    examples = [name for name in EXAMPLES if name in commands]
    with running_cli("watch", folder / "logs", "--out", folder / "live", "--no-viewer") as watching:
        done = train_all(list(commands.values()), folder / "outputs", cwd=folder)
        outcomes = dict(zip(commands, done, strict=True))
        for name in examples:
            code, printed, errors = outcomes[name]
            assert code == 0, f"{name}: {errors}"
            metrics = printed_metrics(printed)
            wait_until(lambda: published(folder / "live", name) == metrics, what=f"{name} ends with {metrics}")  # noqa: B023
        assert stop(watching) == 0
    if examples:
        assert run_cli("export", folder / "logs", "--out", folder / "later").returncode == 0
    return Trained(folder, outcomes)


def printed_metrics(text: str) -> dict[str, float]:
    """The lines ``train accuracy: 0.97`` and the like."""
    found = re.findall(r"^((?:train|val) (?:accuracy|cross entropy)): (\S+)$", text, re.MULTILINE)
    return {column: float(np.float32(value)) for column, value in found}


def run_logs(out: Path, name: str) -> list[Path]:
    """The run logs in a directory of the experiment that the examples' README promises of one of them."""
    return list(out.glob(f"{EXAMPLES[name]}.csv"))


def published(out: Path, name: str) -> dict[str, float]:
    """The last value of each column of an example's run log; nothing while there is none."""
    paths = run_logs(out, name)
    return {column: cells[max(cells)] for column, cells in expected_curves(paths[0]).items()} if paths else {}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_run_log_ends_as_the_example_printed(name: str, trained: Trained) -> None:
    """Watched live, the run log's last values are what the framework printed; and it is what export gives later."""
    columns = set(printed_metrics(trained.outcomes[name][1]))
    assert columns == set(tbbridge.COLUMNS) - ({"train accuracy"} if name in NO_TRAIN_ACCURACY else set())
    (path,) = run_logs(trained.folder / "later", name)
    live = trained.folder / "live" / path.relative_to(trained.folder / "later")
    assert path.read_bytes() == live.read_bytes()
    assert path.read_bytes().count(b"\n") > 5
    assert f"`{EXAMPLES[name].replace('*', '<date>_<host>')}`" in (ROOT / "examples/README.md").read_text()


@pytest.mark.parametrize("framework", LIVE, ids=lambda folder: folder.name)
def test_a_live_training_gives_the_run_log_that_the_framework_printed(framework: Path, trained: Trained) -> None:
    """The columns are those that its user would choose, and their last values those that the framework itself holds."""
    code, output, errors = trained.outcomes[framework]
    assert code == 0, errors
    printed = json.loads(output.splitlines()[-1])
    reading = tbbridge.read(trained.folder / framework.name / "logs")
    found = feeds(reading)
    assert agree(found, expected_feeds(framework)), found
    assert not reading.problems
    # of several trainings, the last to begin is the one whose metrics were printed
    last = max(reading.experiments, key=lambda each: max(file.first_wall_time for file in files(reading, each)))
    values = last_values(reading.table(last))
    assert values == {column: pytest.approx(np.float32(value), rel=1e-6) for column, value in printed.items()}


def files(reading: tbbridge.Reading, experiment: tbbridge.Experiment) -> list[tbbridge.EventFile]:
    return [file for run in experiment.runs for file in reading.files[run]]

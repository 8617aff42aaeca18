"""Each example trains for real, by the command line that its docstring names, and its run log ends as it printed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from recorded import expected_curves
from support import ROOT, environment, run_cli, running_cli, stop, wait_until
from trainings import train_all

import tbbridge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EXAMPLES = {
    "pytorch_digits": "digits-cnn",
    "keras_digits": "digits-softmax",
    "tf_custom_loop": "digits-tf",
    "lightning_digits": "lightning_logs/version_0",
    "huggingface_digits": "digits-vit/runs/*",
    "jax_flax_digits": "digits-flax",
}
"""The experiment that the examples' README promises of each; * is a date and a host."""

NO_TRAIN_ACCURACY = {"huggingface_digits"}


def docstring(name: str) -> str:
    """What an example says at its top."""
    return (ROOT / f"examples/{name}.py").read_text().split('"""')[1]


def documented(name: str) -> list[str]:
    """The command line of the example's docstring that runs it, its lines joined."""
    lines = docstring(name).replace("\\\n", " ").splitlines()
    (line,) = [line.strip() for line in lines if line.strip().startswith(f"python examples/{name}.py")]
    return line.split()


def run_in(folder: Path, command: Sequence[str | Path]) -> str:
    """What a command line of the examples prints on stdout, run in `folder` beside ``examples/``; it must end well."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    # one thread: on a busy machine several would wait for one another
    source = "".join((folder / word).read_text() for word in command if str(word).endswith(".py"))
    env = {**environment(source), "OMP_NUM_THREADS": "1", "https_proxy": "http://127.0.0.1:9"}
    words = [sys.executable if word == "python" else word for word in command]
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed_metrics(text: str) -> dict[str, float]:
    """The lines ``train accuracy: 0.97`` and the like."""
    found = re.findall(r"^((?:train|val) (?:accuracy|cross entropy)): (\S+)$", text, re.MULTILINE)
    return {column: float(np.float32(value)) for column, value in found}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, float]]]:
    """Where all examples ran by their documented command lines, watched live; what each printed, by name."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "examples").symlink_to(ROOT / "examples")
    with running_cli("watch", folder / "logs", "--out", folder / "live", "--no-viewer") as watching:
        outcomes = train_all([documented(name)[1:] for name in EXAMPLES], folder / "outputs", cwd=folder)
        for name, (code, _, errors) in zip(EXAMPLES, outcomes, strict=True):
            assert code == 0, f"{name}: {errors}"
        printed = {name: printed_metrics(out) for name, (_, out, _) in zip(EXAMPLES, outcomes, strict=True)}
        for name, metrics in printed.items():
            wait_until(lambda: published(folder / "live", name) == metrics, what=f"{name} ends with {metrics}")  # noqa: B023
        assert stop(watching) == 0
    assert run_cli("export", folder / "logs", "--out", folder / "later").returncode == 0
    return folder, printed


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_run_log_ends_as_the_example_printed(
    name: str, trained: tuple[Path, Mapping[str, Mapping[str, float]]]
) -> None:
    """Watched live, the run log's last values are what the framework printed; and it is what export gives later."""
    folder, printed = trained
    assert set(printed[name]) == set(tbbridge.COLUMNS) - ({"train accuracy"} if name in NO_TRAIN_ACCURACY else set())
    (path,) = run_logs(folder / "later", name)
    assert path.read_bytes() == (folder / "live" / path.relative_to(folder / "later")).read_bytes()
    assert path.read_bytes().count(b"\n") > 5
    assert f"`{EXAMPLES[name].replace('*', '<date>_<host>')}`" in (ROOT / "examples/README.md").read_text()


def run_logs(out: Path, name: str) -> list[Path]:
    """The run logs in a directory of the experiment that the examples' README promises of one of them."""
    return list(out.glob(f"{EXAMPLES[name]}.csv"))


def published(out: Path, name: str) -> dict[str, float]:
    """The last value of each column of an example's run log; nothing while there is none."""
    paths = run_logs(out, name)
    return {column: cells[max(cells)] for column, cells in expected_curves(paths[0]).items()} if paths else {}


def test_every_example_says_how_to_watch_it() -> None:
    """Its docstring, which --help shows, has the command."""
    for name in EXAMPLES:
        assert "tbbridge watch logs" in docstring(name), name


TURNING = """
import sys, time
from tbbridge.write.events import EventWriter
with EventWriter(sys.argv[1] + "/events.out.tfevents.1") as writer:
    for step in range(int(sys.argv[2])):
        writer.scalar("val_loss", step, time.time(), 1 + abs(step - 40) / 64)
        writer.flush()
        time.sleep(0.005)
"""
"""A training whose validation loss turns back at step 40."""


def stop_early(logdir: Path, steps: int) -> str:
    """What early_stopping.py, with a patience of 30 points, prints of `TURNING`."""
    logdir.mkdir()
    training = [sys.executable, "-c", TURNING, logdir, str(steps)]
    command = ["python", ROOT / "examples/early_stopping.py", "--logdir", logdir, "--patience", "30", "--", *training]
    return run_in(logdir.parent, list(map(str, command)))


def test_early_stopping_ends_a_training_that_no_longer_gets_better(tmp_path: Path) -> None:
    """It is stopped when the lowest loss is `--patience` points back, and the best is named."""
    printed = stop_early(tmp_path / "logs", 1_000_000)
    assert "stopped early at step" in printed
    assert "best val cross entropy: 1.0 at step 40" in printed


def test_early_stopping_runs_as_its_docstring_says(tmp_path: Path) -> None:
    """The documented command line ends the PyTorch example when it gets no better."""
    words = documented("early_stopping")
    printed = run_in(tmp_path, words)
    assert re.search(r"stopped early at step \d+\nbest val cross entropy: 0\.\d+ at step \d+", printed)


def test_early_stopping_leaves_a_training_that_ends_in_time(tmp_path: Path) -> None:
    """A training that ends by itself first is followed to its last point."""
    printed = stop_early(tmp_path / "logs", 60)
    assert "came to its end at step 59" in printed
    assert "best val cross entropy: 1.0 at step 40" in printed


RUN_NOTEBOOK = """
import json, sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=100).execute()
print(json.dumps([["".join(o.get("text", "") for o in cell.outputs), *(list(o.get("data", {})) for o in cell.outputs)]
                  for cell in notebook.cells if cell.cell_type == "code"]))
"""


def test_the_notebook_runs_from_top_to_bottom() -> None:
    """Rows come while the training runs, the table and the plot are there, and the page is served."""
    command = [sys.executable, "-c", RUN_NOTEBOOK, ROOT / "examples/notebook.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout.splitlines()[-1])
    (rows,) = [text for text, *_ in outputs if "'step': 39" in text]
    assert len(set(re.findall(r"'step': (\d+)", rows))) == 40
    assert any("text/html" in kinds for _, *more in outputs for kinds in more)
    assert any("application/vnd.plotly.v1+json" in kinds for _, *more in outputs for kinds in more)
    assert any(re.match(r"open http://127\.0\.0\.1:\d+/", text) for text, *_ in outputs)

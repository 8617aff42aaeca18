"""The examples that follow a training run as they say (those that train: real/test_trainings.py)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import ROOT, environment
from trainings import EXAMPLES, docstring, documented

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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

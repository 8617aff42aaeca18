"""The script that made the demo's recordings still makes them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recorded import small_images
from support import ROOT, environment

import tbbridge
from tbbridge.watching.demo_replay import recordings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_script_records_what_the_demo_replays(tmp_path: Path) -> None:
    """On other images, offline: the same runs, tags and steps as the committed recording, and an about.txt."""
    script = shutil.copy(ROOT / "fixtures/demo/make.py", tmp_path)
    command = [sys.executable, script, "--data", small_images(tmp_path).parent, "mnist/one-layer"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment("tensorflow"))
    assert done.returncode == 0, done.stderr
    made, committed = tbbridge.read(tmp_path / "mnist"), tbbridge.read(recordings()["mnist/one-layer"].parent)
    expected = {run: tags for run, tags in layout(committed).items() if run.startswith("one-layer")}
    assert layout(made) == expected
    assert "TensorFlow" in (tmp_path / "mnist/one-layer/about.txt").read_text()


def layout(reading: tbbridge.Reading) -> dict[str, dict[str, list[int]]]:
    """run -> tag -> steps."""
    return {run: {tag: one.step.tolist() for tag, one in series.items()} for run, series in reading.runs.items()}

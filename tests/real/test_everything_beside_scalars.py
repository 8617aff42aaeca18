"""Scalars among all else that the frameworks' own writers can write: images, histograms, text, graphs, curves ..."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from decode.real_records import ours, theirs
from support import environment


def test_torch_writes_everything(tmp_path: Path) -> None:
    """torch's SummaryWriter: of all its kinds of summaries, the scalars are the ones that TensorBoard has."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    rng = np.random.default_rng(0)
    with SummaryWriter(str(tmp_path), purge_step=2) as writer:
        for step in range(5):
            writer.add_scalar("loss", 1 / (step + 1), step)
            writer.add_scalar("new", step / 3, step, new_style=True)
            writer.add_scalar("double", step / 3, step, new_style=True, double_precision=True)
            writer.add_image("noise", rng.random((3, 200, 200)), step)
            writer.add_histogram("weights", rng.random(1000), step)
            writer.add_text("notes", "words " * 10_000, step)
            writer.add_pr_curve("curve", rng.integers(0, 2, 100), rng.random(100), step)
            writer.add_tensor("tensor", torch.zeros(20_000), step)
        writer.add_hparams({"rate": 0.1, "layers": 3}, {"final": 0.5}, run_name=".")
    check(tmp_path, at_least=16)


TENSORFLOW = """
import sys
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
with tf.summary.create_file_writer(sys.argv[1]).as_default():
    for step in range(5):
        tf.summary.scalar("loss", 1 / (step + 1), step)
        tf.summary.scalar("accuracy", np.float64(step / 3), step)
        tf.summary.image("noise", rng.random((2, 200, 200, 3)), step)
        tf.summary.histogram("weights", rng.random(1000), step)
        tf.summary.text("notes", "words " * 10_000, step)
        tf.summary.audio("sound", rng.random((1, 44_100, 1)).astype("f4"), 44_100, step)
        tf.summary.write("tensor", np.zeros(20_000), step)
"""


def test_tensorflow_writes_everything(tmp_path: Path) -> None:
    """TensorFlow's summary writer: the same, its metadata on every event."""
    subprocess.run([sys.executable, "-c", TENSORFLOW, tmp_path], env=environment(TENSORFLOW), check=True)
    check(tmp_path, at_least=10)


def check(folder: Path, at_least: int) -> None:
    """Every event file below `folder` gives the scalars that TensorBoard's classes give."""
    scalars = 0
    for path in folder.rglob("*tfevents*"):
        rows = ours(path)
        assert rows == theirs(path)
        scalars += len(rows)
    assert scalars >= at_least

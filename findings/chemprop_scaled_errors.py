"""Chemprop: losses and errors in the event file are in standard deviations of the targets, the test's error is not.

A regression trains on normalised targets; `train_loss_epoch`, `val_loss` and `val/mse` are logged in that scale. The
test error, which the command prints and does not log, is in the own unit of the targets. Targets a thousand times as
large leave the curves as they are, and the printed error is a million times as large.

Seen with chemprop 2.3.1, lightning 2.6.6, torch 2.13.0, tensorboard 2.21.0:

    targets: val/mse in the event file, test/mse as printed
    y: [2.732228, 2.620034, 2.397257, 2.337639], 17.331207275390625
    1000 y: [2.732228, 2.620034, 2.397257, 2.337639], 17331206.0
"""

import random
import re
import subprocess
import sys
from pathlib import Path

from _run import find, runs


def train(name: str, factor: float) -> tuple[dict[str, list[float]], float]:
    """Train on targets times `factor`; return the logged values by tag, and the printed error of the test."""
    chance = random.Random(0)
    molecules = ["C" * length + end for length in range(1, 12) for end in ("O", "N", "Cl", "C(=O)O", "Br", "F")]
    rows = [f"{molecule},{factor * (len(molecule) + chance.random())!r}" for molecule in molecules]
    Path(f"{name}.csv").write_text("\n".join(["smiles,y", *rows]) + "\n")
    options = ["--epochs", "4", "--batch-size", "8", "--num-workers", "0", "--accelerator", "cpu"]
    options += ["--pytorch-seed", "1", "--data-seed", "1"]
    program = "import sys; from chemprop.cli.main import main; main()"
    command = [sys.executable, "-c", program, "train", "-i", f"{name}.csv", "-o", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tags,) = runs(name).values()
    error = re.search(r"test/mse: ([\d.e+]+)", done.stdout + done.stderr)
    assert error
    return {tag: [value for _, value in points] for tag, points in tags.items()}, float(error[1])


def finding() -> None:
    """Train twice, on targets of another unit."""
    small, small_error = train("small", 1.0)
    large, large_error = train("large", 1000.0)
    print("targets: val/mse in the event file, test/mse as printed")
    print(f"y: {small['val/mse']}, {small_error}")
    print(f"1000 y: {large['val/mse']}, {large_error}")
    assert set(small) == {"val/mse", "val_loss", "epoch", "train_loss_epoch"}
    for tag in small:
        assert all(abs(one - other) < 0.01 for one, other in zip(small[tag], large[tag], strict=True)), tag
    assert 0.99e6 < large_error / small_error < 1.01e6


PACKAGES = ["chemprop==2.3.1", "lightning==2.6.6", "torch==2.13.0", "tensorboard==2.21.0"]
find(PACKAGES, finding)

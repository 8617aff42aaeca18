"""The recorded trainings of fixtures/, as the tests compare them."""

from __future__ import annotations

import csv
import fnmatch
import json
from pathlib import Path
from typing import Any

import numpy as np
from support import ROOT

import tbbridge

FRAMEWORKS = sorted(path.parent for path in (ROOT / "fixtures/frameworks").glob("*/mapping.json"))
LIVE = [folder for folder in FRAMEWORKS if (folder / "train.py").exists()]
"""Those whose framework the tests install."""
RESTARTS = sorted(path.parent for path in (ROOT / "fixtures/restarts").glob("*/train.py"))

Curves = dict[str, dict[int, float]]
"""Column -> step -> value, rounded to float32; empty columns left out."""


def curves(log: tbbridge.RunLog) -> Curves:
    """A run log's cells."""
    found = {
        name: dict(zip(log.step[there].tolist(), map(float, np.float32(log.columns[name][there])), strict=True))
        for name, there in log.logged.items()
    }
    return {name: cells for name, cells in found.items() if cells}


def expected_curves(path: Path) -> Curves:
    """The cells of a run log that a person or TensorBoard's reader made."""
    found: Curves = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            step = int(row.pop("step"))
            for name, cell in row.items():
                if cell:
                    found.setdefault(name, {})[step] = float(np.float32(cell))
    return found


def expected_feeds(folder: Path) -> dict[str, dict[str, Any]]:
    """mapping.json: experiment -> column -> [run, tag] or None; globs stand for dates."""
    entries = json.loads((folder / "mapping.json").read_text())
    return {name: entry["columns"] for name, entry in entries.items()}


def feeds(reading: tbbridge.Reading) -> dict[str, dict[str, Any]]:
    """What the mapping chose, in the same shape."""
    return {
        experiment.name: {column: feed and [feed.run, feed.tag] for column, feed in experiment.feeds.items()}
        for experiment in reading.experiments
    }


def agree(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> bool:
    """Whether the same experiments have the same feeds, globs in `expected` allowed."""
    if len(found) != len(expected):
        return False
    pairs = [(name, glob) for glob in expected for name in found if fnmatch.fnmatchcase(name, glob)]
    return len(pairs) == len(expected) and all(same_feeds(found[name], expected[glob]) for name, glob in pairs)


def same_feeds(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    return found.keys() == expected.keys() and all(
        (feed is None) == (found[column] is None)
        and (feed is None or (fnmatch.fnmatchcase(found[column][0], feed[0]) and found[column][1] == feed[1]))
        for column, feed in expected.items()
    )


def last_values(log: tbbridge.RunLog) -> dict[str, float]:
    """The last value of each column that has one."""
    return {name: cells[max(cells)] for name, cells in curves(log).items()}


def small_images(folder: Path) -> Path:
    """mnist.npz in the layout of keras.datasets: ten patterns under noise, 2,000 to train and 400 to test on."""
    rng = np.random.default_rng(0)
    patterns = rng.random((10, 28, 28)) > 0.7
    labels = rng.integers(0, 10, 2400).astype(np.uint8)
    images = (patterns[labels] * 120 + rng.integers(0, 136, (2400, 28, 28))).astype(np.uint8)
    path = folder / "mnist.npz"
    np.savez(path, x_train=images[:2000], y_train=labels[:2000], x_test=images[2000:], y_test=labels[2000:])
    return path

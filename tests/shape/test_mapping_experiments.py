"""Which runs are one training, and what a person would name it."""

from __future__ import annotations

import time

import pytest

from tbbridge.core.model import Experiment
from tbbridge.shape.mapping.mapping import SeriesFacts, map_runs


def mapped(runs: dict[str, str]) -> list[Experiment]:
    """The experiments of runs, each given as a text of tags."""
    return map_runs({run: dict.fromkeys(tags.split(), SeriesFacts(5, 0, 4)) for run, tags in runs.items()})


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (["."], ["."]),
        (["train", "validation"], ["."]),
        (["20240101-120000/train", "20240101-120000/validation"], ["20240101-120000"]),
        (
            ["lightning_logs/version_10", "lightning_logs/version_2"],
            ["lightning_logs/version_2", "lightning_logs/version_10"],
        ),
        (
            ["runs/Aug01_12-00-00_host", "runs/Aug02_12-00-00_host"],
            ["runs/Aug01_12-00-00_host", "runs/Aug02_12-00-00_host"],
        ),
        (["exp7-train", "exp7-val", "exp8-train", "exp8-val"], ["exp7", "exp8"]),
        (["train/a", "val/a", "train/b", "val/b"], ["a", "b"]),
        (
            ["sweep/lr_0.1/train", "sweep/lr_0.1/val", "sweep/lr_1/train", "sweep/lr_1/val"],
            ["sweep/lr_0.1", "sweep/lr_1"],
        ),
        (["fold_0/train", "fold_0/val", "fold_1/train", "fold_1/val"], ["fold_0", "fold_1"]),
        (["train_0", "val_0", "train_1", "val_1"], ["0", "1"]),
        (["train_20240101-120000", "val_20240101-120003"], ["20240101-120000"]),
        (["train/20240101-120000", "test/20240101-120001"], ["20240101-120000"]),
        (["train_a", "val_b"], ["train_a", "val_b"]),
        (["model", "model/eval"], ["model"]),
        (["model", "model/eval_holdout", "model/eval_test"], ["model"]),
        (["train", "training_eval/task_a", "training_eval/task_b"], ["."]),
        (["train", "train/eval"], ["train"]),
        (["model", "model/eval/task_a", "model/eval/task_b"], ["model"]),
        (["test"], ["test"]),
        (["runs/train2"], ["runs/train2"]),
        (["x/train/a", "x/other/b"], ["x/other/b", "x/train/a"]),
        (["runs/test", "runs/baseline"], ["runs/baseline", "runs/test"]),
        (["runs/train", "runs/baseline"], ["runs/baseline", "runs/train"]),
        (["a/train", "b/train"], ["a", "b"]),
        (["a/val", "b/val"], ["a", "b"]),
        (["training/a", "training/b"], ["training/a", "training/b"]),
        (["train_mnist_00000", "train_mnist_00001"], ["train_mnist_00000", "train_mnist_00001"]),
        (["log/1500000000-training", "log/1500000000-validation"], ["log/1500000000"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_experiments_are_what_a_person_would_name(runs: list[str], expected: list[str]) -> None:
    """What remains of a run's path without the words of a split is the experiment, in natural order."""
    assert [one.name for one in mapped(dict.fromkeys(runs, "loss accuracy"))] == expected


def test_run_without_a_metric_belongs_to_the_experiment_above() -> None:
    """Composer nests a run of hyperparameters in the run; it is no training of its own."""
    (experiment,) = mapped({"a": "loss", "a/a": "hparams/loss", "a/lr": "lr"})
    assert experiment.runs == ("a", "a/a", "a/lr")


@pytest.mark.parametrize("name", ["train_exp{}", "exp{}-train", "run{}/1700000000.{}", "a/Loss_{}", "x/train/{}"])
def test_many_runs_in_one_directory_take_no_long_comparison(name: str) -> None:
    """Runs are looked up, not compared one with each other."""
    runs = {name.replace("{}", str(number)): "Loss" for number in range(5000)}
    start = time.process_time()
    mapped(runs)
    assert time.process_time() - start < 4

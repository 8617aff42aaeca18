"""Hyperparameters as torch, tensorboardX, Keras and Lightning write them (fixtures/hparams/write.py)."""

from __future__ import annotations

import pytest
from support import ROOT

import tbbridge
from tbbridge.reading.reading import read
from tbbridge.shape.hparams import ended

WRITERS = {"torch": "torch", "tensorboardx": "tensorboardx", "keras": "run", "lightning": "run"}
"""By writer, the experiment that its training is."""

VALUES = {"lr": 0.01, "layers": 3.0, "optimizer": "adam, amsgrad", "nesterov": True}
"""What write.py hands to each writer; protobuf's Value knows no integers."""


@pytest.mark.parametrize("writer", WRITERS)
def test_each_writer_s_hyperparameters_are_read(writer: str) -> None:
    """With their types, in the training's row."""
    reading = read(ROOT / "fixtures/hparams" / writer)
    (experiment,) = reading.experiments
    assert experiment.name == WRITERS[writer]
    found = reading.hparams(experiment)
    truth = bool if writer in ("tensorboardx", "keras") else float  # torch, and Lightning by it, write 1.0 for a truth
    assert found == VALUES
    kinds = {"lr": float, "layers": float, "optimizer": str, "nesterov": truth}
    assert {name: type(value) for name, value in found.items()} == kinds
    row = tbbridge.read_summary(ROOT / "fixtures/hparams" / writer).loc[experiment.name]
    assert (row["hparam.optimizer"], row["best val accuracy"]) == ("adam, amsgrad", 0.5)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_session_that_ends_before_its_training_has_not_ended(writer: str) -> None:
    """torch's end comes after the last point; the others' come before it, or (Keras) never."""
    reading = read(ROOT / "fixtures/hparams" / writer)
    (experiment,) = [one for one in reading.experiments if one.name == WRITERS[writer]]
    files = [file for run in experiment.runs for file in reading.files[run]]
    assert ended(files, reading.columns(experiment)) == ("finished" if writer == "torch" else "")


def test_the_hyperparameters_of_a_recorded_sweep() -> None:
    """Two trainings by torch's add_hparams: what differs stands before what does not."""
    frame = tbbridge.read_summary(ROOT / "fixtures/frameworks/torch_hparams/logs")
    assert frame["hparam.lr"].to_dict() == {"large_rate": 0.01, "small_rate": 0.001}
    assert list(frame.columns)[-2:] == ["hparam.lr", "hparam.batch"]

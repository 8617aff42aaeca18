"""The recorded event files of real frameworks mean to us what they mean to TensorBoard."""

from __future__ import annotations

from decode.real_records import ours, theirs
from support import ROOT


def test_recorded_files_mean_what_they_mean_to_tensorboard() -> None:
    """Every scalar of every recorded file, in order, with its exact step, wall time and value."""
    paths = sorted((ROOT / "fixtures").rglob("*tfevents*"))
    assert len(paths) > 50
    scalars = 0
    for path in paths:
        rows = ours(path)
        assert rows == theirs(path), path
        scalars += len(rows)
    assert scalars > 5000

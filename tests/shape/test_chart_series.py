"""Which series share a chart: those that the rules take for the two sides of one metric."""

from __future__ import annotations

import pytest

from tbbridge.shape.mapping.charts import chart_series
from tbbridge.shape.mapping.experiments import place_runs


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (  # Keras: the run says the split
            {"a/train": ["epoch_loss", "lr"], "a/validation": ["epoch_loss"]},
            {
                "epoch_loss": {"Training": ("a/train", "epoch_loss"), "Validation": ("a/validation", "epoch_loss")},
                "lr": {"Training": ("a/train", "lr")},
            },
        ),
        (  # Lightning: the tag says it
            {"a": ["train_f1", "val_f1", "epoch"]},
            {
                "train_f1, val_f1": {"Training": ("a", "train_f1"), "Validation": ("a", "val_f1")},
                "epoch": {"epoch": ("a", "epoch")},
            },
        ),
        (  # a tag without a split is no side of the pair
            {"a": ["fid/train", "fid/val", "fid"]},
            {
                "fid/train, fid/val": {"Training": ("a", "fid/train"), "Validation": ("a", "fid/val")},
                "fid": {"fid": ("a", "fid")},
            },
        ),
        (  # two of one split: none is the other's partner
            {"a": ["val/f1", "eval/f1", "train/f1"]},
            {
                "val/f1": {"Validation": ("a", "val/f1")},
                "eval/f1": {"Validation": ("a", "eval/f1")},
                "train/f1": {"Training": ("a", "train/f1")},
            },
        ),
    ],
)
def test_the_two_sides_of_a_metric_share_a_chart(
    runs: dict[str, list[str]], expected: dict[str, dict[str, tuple[str, str]]]
) -> None:
    """The split comes from the tag or, else, from the run; titles tell charts apart."""
    assert chart_series(place_runs(runs), runs) == expected

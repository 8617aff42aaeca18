"""Event files that real frameworks wrote, read without the frameworks: a folder of fixtures/ is a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import FRAMEWORKS, RESTARTS, agree, curves, expected_curves, expected_feeds, feeds

import tbbridge


def name(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", FRAMEWORKS, ids=name)
def test_each_column_gets_what_a_person_would_plot(folder: Path) -> None:
    """With no configuration, every framework's default logging feeds the columns that a person would choose."""
    found = feeds(tbbridge.read(folder / "logs"))
    assert agree(found, expected_feeds(folder)), found


@pytest.mark.parametrize("folder", FRAMEWORKS, ids=name)
def test_the_run_log_is_what_tensorboards_reader_sees(folder: Path) -> None:
    """Every cell equals what TensorBoard's own reader found in the same files."""
    reading = tbbridge.read(folder / "logs")
    expected = {
        path.relative_to(folder / "expected").with_suffix("").as_posix(): expected_curves(path)
        for path in (folder / "expected").rglob("*.csv")
    }
    assert {each.name: curves(reading.table(each)) for each in reading.experiments} == expected


@pytest.mark.parametrize("folder", RESTARTS, ids=name)
def test_a_restarted_training_shows_what_survived(folder: Path) -> None:
    """After a kill, a resume, a rerun or a reopened writer, the run log is what the training itself kept note of."""
    reading = tbbridge.read(folder / "logs")
    (experiment,) = reading.experiments
    assert curves(reading.table(experiment)) == expected_curves(folder / "expected.csv")

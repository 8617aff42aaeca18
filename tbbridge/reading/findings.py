"""The report of a reading in a few lines: damage, and what was passed over, superseded or guessed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tbbridge.core.escape import escaped
from tbbridge.core.model import EventFile, Experiment
from tbbridge.reading.reading import Reading
from tbbridge.shape.restarts import training_restarts

MOST_LINES = 50
"""Lines of one kind that are shown; more are counted."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Messages, and whether anything could not be used."""

    lines: list[str]
    damaged: bool


def findings(reading: Reading, *, mapped: bool = True) -> Findings:
    """Return the report of what was read.

    mapped: also what the mapping and the placing on one axis decided.
    """
    files = [file for files in reading.files.values() for file in files]
    damage = [line for file in files for line in _damage(file)] + list(reading.problems)
    others = reading.notes + [line for file in files for line in (*_foreign(file), *_passed_over(file))]
    notes = [f"{one.name}: {note}" for one in reading.experiments for note in _notes(reading, one)]
    lines = [*_some(damage), *_some(others), *_superseded(reading), *(_some(notes) if mapped else [])]
    return Findings([escaped(line) for line in lines], bool(damage))


def _notes(reading: Reading, experiment: Experiment) -> Iterator[str]:
    yield from experiment.notes
    if remark := reading.placement(experiment).remark:
        yield remark


def _damage(file: EventFile) -> Iterator[str]:
    for one in file.damage:
        yield f"{file.name}: bytes {one.start} to {one.end} could not be used: {one.reason}"


def _foreign(file: EventFile) -> Iterator[str]:
    if file.foreign:
        yield f"{file.name} is not an event file, but {file.foreign}"


def _passed_over(file: EventFile) -> Iterator[str]:
    for reason, count in sorted(file.passed_over.items()):
        yield f"{file.name}: {count} value{'s' * (count != 1)} passed over: {reason}"


def _superseded(reading: Reading) -> Iterator[str]:
    """Restarts, counted once per training, and later values of a step; each with its points."""
    every = [series for tags in reading.runs.values() for series in tags.values()]
    repeats = sum(series.repeats for series in every)
    older = sum(int(np.count_nonzero(series.superseded)) for series in every) - repeats
    trainings = [one.runs for one in reading.experiments] or [(run,) for run in reading.restarts]
    restarts = sum(
        len(training_restarts({run: reading.restarts[run] for run in runs if run in reading.restarts}, reading.files))
        for runs in (trainings if reading.restarts else ())
    )
    if restarts or older:
        times = f"{restarts} restart{'s' * (restarts != 1)}"
        yield f"{times}: {older} point{'s' * (older != 1)} superseded (--layout long --all has them)"
    if repeats:
        yield (
            f"{repeats} point{'s' * (repeats != 1)} superseded by a later value of the same step "
            "(--layout long --all has them)"
        )


def _some(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more of this kind; see tbbridge check and inspect"]

"""The report of a reading in a few lines: damage, and the points passed over, superseded or guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tbbridge.core.escape import escaped
from tbbridge.core.model import EventFile, Experiment
from tbbridge.reading.reading import Reading, as_logged
from tbbridge.reading.small_runs import calm_run, in_use, is_quiet, outlines
from tbbridge.shape.losses import Losses, foreign_notes, headless_notes, loss_notes, restart_notes
from tbbridge.shape.restarts import TrainingRestart, training_restarts

MOST_LINES = 50
"""Lines of one kind that are shown; more are counted."""


class Findings(NamedTuple):
    """Messages, and whether anything could not be used."""

    lines: list[str]
    damaged: bool


def findings(reading: Reading, *, mapped: bool = True) -> Findings:
    """Return the report of a reading.

    mapped: also the decisions of the mapping and of the placing on one axis.
    """
    files = [file for run in reading.files if not is_quiet(reading.files, run) for file in reading.files[run]]
    damage = [line for file in files for line in _damage(file)] + list(reading.problems)
    others = (
        reading.notes
        + list(headless_notes(files))
        + foreign_notes(files)
        + [line for file in files for line in _passed_over(file)]
    )
    mapping = reading.experiments if mapped else []
    notes = [f"{one.name}: {note}" for one in mapping for note in _notes(reading, one)]
    lines = [*_some(damage), *_some(others), *_superseded(reading), *_some(notes)]
    return Findings([escaped(line) for line in lines], bool(damage))


def _notes(reading: Reading, experiment: Experiment) -> Iterator[str]:
    yield from experiment_notes(reading, experiment)
    if remark := reading.remark(experiment):
        yield remark


def _damage(file: EventFile) -> Iterator[str]:
    for one in file.damage:
        yield f"{file.name}: bytes {one.start} to {one.end} could not be used: {one.reason}"


def _passed_over(file: EventFile) -> Iterator[str]:
    for reason, count in sorted(file.passed_over.items()):
        yield f"{file.name}: {count} value{'s' * (count != 1)} passed over: {reason}"


def _superseded(reading: Reading) -> Iterator[str]:
    """Restarts, counted once per training, and the points that do not count as logged, by cause."""
    others = (outlines(reading.runs, run) for run in reading.runs if not calm_run(reading.runs, run))
    losses = sum((one.losses for tags in others for one in tags.values()), Losses())
    trainings = [one.runs for one in reading.experiments] or [(run,) for run in reading.restarts]
    restarts = sum(len(_restarts(reading, runs)) for runs in (trainings if reading.restarts else ()))
    yield from loss_notes(losses, restarts, " (--layout long --all has them)")


def _restarts(reading: Reading, runs: Iterable[str]) -> list[TrainingRestart]:
    return training_restarts({run: reading.restarts[run] for run in runs if run in reading.restarts}, reading.files)


def experiment_notes(reading: Reading, experiment: Experiment) -> Iterator[str]:
    """Yield the notes of an experiment: of its mapping, unless there is no event file at all, and of its restarts."""
    if not all(_is_foreign(reading, run) for run in experiment.runs):
        yield from experiment.notes
    if restarts := _restarts(reading, experiment.runs) if reading.restarts else []:
        used = in_use(reading.runs, experiment)  # or each series would read its run again
        logged = as_logged(experiment, reading.points)
        del used
        losses = {run: outlines(reading.runs, run) for run in experiment.runs}
        yield from restart_notes(experiment.feeds, logged, lambda run, tag: losses[run][tag].losses, restarts)


def _is_foreign(reading: Reading, run: str) -> bool:
    return not is_quiet(reading.files, run) and all(file.foreign for file in reading.files[run])


def _some(lines: list[str]) -> list[str]:
    if len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more of this kind; see tbbridge check and inspect"]

"""Which part of a log directory is meant: runs and tags by glob, steps by range, experiments by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from tbbridge.bridge import Reading, experiments
from tbbridge.errors import UsageError
from tbbridge.model import Bools, Experiment, Int64, Series
from tbbridge.shape.mapping import MappingOptions


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted; an empty field means all."""

    runs: Sequence[str] = ()
    """Globs over run names (``*`` also crosses ``/``)."""
    tags: Sequence[str] = ()
    """Globs over tags."""
    steps: tuple[int | None, int | None] = (None, None)
    """First and last step, both included; None is open."""
    experiments: Sequence[str] = ()
    """Names, or globs over names."""


def parse_steps(text: str) -> tuple[int | None, int | None]:
    """``A:B`` as the first and the last step, both included; either may be left out.

    Raises:
        UsageError: it is neither ``A:B``, ``A:``, ``:B`` nor one step.
    """
    first, colon, last = text.partition(":")
    try:
        low = int(first) if first.strip() else None
        high = (int(last) if last.strip() else None) if colon else low
    except ValueError:
        raise UsageError(f"--steps {text}: give A:B, A:, :B or one step, in whole numbers") from None
    if low is not None and high is not None and low > high:
        raise UsageError(f"--steps {text}: the first step is larger than the last")
    return low, high


def select(reading: Reading, selection: Selection, options: MappingOptions | None = None) -> Reading:
    """The selected part of what was read.

    Runs and tags are chosen first, and the rest is mapped as if there were nothing else; steps are cut out of the
    mapped series, so that they do not change the mapping.

    Raises:
        UsageError: nothing matches; the text says what there is.
    """
    runs = _matching("--runs", reading.runs, selection.runs)
    part = {run: _tags(reading.runs[run], selection.tags) for run in runs}
    part = {run: series for run, series in part.items() if series or not selection.tags}
    if selection.tags and not part:
        known = {tag for run in runs for tag in reading.runs[run]}
        _matching("--tags", known, selection.tags)
    mapped = reading.experiments
    if selection.runs or selection.tags:
        mapped = experiments(reading.root, part, options)
    if selection.experiments:
        mapped, part = _chosen(mapped, part, selection.experiments)
    part = {run: {tag: _cut(one, selection.steps) for tag, one in series.items()} for run, series in part.items()}
    files = {run: files for run, files in reading.files.items() if run in part}
    return replace(reading, files=files, runs=part, experiments=mapped)


def _chosen(
    mapped: list[Experiment], runs: Mapping[str, dict[str, Series]], wanted: Sequence[str]
) -> tuple[list[Experiment], dict[str, dict[str, Series]]]:
    names = set(_matching("--experiment", [experiment.name for experiment in mapped], wanted))
    kept = [experiment for experiment in mapped if experiment.name in names]
    members = {run for experiment in kept for run in experiment.runs}
    return kept, {run: series for run, series in runs.items() if run in members}


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of the patterns or matches one as a glob."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _matching(option: str, names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    names = list(names)
    found = [name for name in names if not patterns or matches(name, patterns)]
    if patterns and not found:
        raise UsageError(f"nothing matches {option} {' '.join(patterns)}; there is {_some(names)}")
    return found


def _some(names: Iterable[str], most: int = 5) -> str:
    names = sorted(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "nothing at all"


def _tags(series: Mapping[str, Series], patterns: Sequence[str]) -> dict[str, Series]:
    return {tag: one for tag, one in series.items() if not patterns or matches(tag, patterns)}


def _cut(series: Series, steps: tuple[int | None, int | None]) -> Series:
    if steps == (None, None):
        return series
    kept = _inside(series.step, steps)
    return Series(
        series.step[kept], series.wall_time[kept], series.value[kept], series.superseded[kept], series.ordinal
    )


def _inside(step: Int64, steps: tuple[int | None, int | None]) -> Bools:
    low, high = steps
    kept = np.ones(len(step), bool)
    if low is not None:
        kept &= step >= low
    if high is not None:
        kept &= step <= high
    return kept

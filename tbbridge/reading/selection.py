"""Select a part of a log directory: runs and tags by glob, experiments by name, steps by range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np

from tbbridge.core.errors import UsageError
from tbbridge.core.model import Bools, Experiment, Int64, Points, Series
from tbbridge.reading.reading import Reading, experiments
from tbbridge.shape.facts import facts
from tbbridge.shape.mapping.experiments import with_session

Steps = tuple[int | None, int | None]
"""First and last step, both included; None is open."""


class Selection(NamedTuple):
    """The wanted runs, tags, experiments and steps; an empty field means all."""

    runs: Sequence[str] = ()
    """Globs over run names (``*`` also crosses ``/``)."""
    tags: Sequence[str] = ()
    """Globs over tags."""
    experiments: Sequence[str] = ()
    """Names, or globs over names."""


def parse_steps(text: str) -> Steps:
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


def select(reading: Reading, selection: Selection) -> Reading:
    """Return the selected part of a reading.

    Runs and tags are chosen first, and the rest is mapped as if there were nothing else.

    Raises:
        UsageError: nothing matches; the text lists the names that there are.
    """
    if not (selection.runs or selection.tags or selection.experiments):
        return reading
    runs = matching("--runs", reading.runs, selection.runs)
    part = {run: reading.runs[run] for run in runs}
    if selection.tags:
        tags = set(matching("--tags", {tag for series in part.values() for tag in series}, selection.tags))
        part = {run: {tag: one for tag, one in series.items() if tag in tags} for run, series in part.items()}
        part = {run: series for run, series in part.items() if series}
    mapped = reading.experiments
    if selection.runs or selection.tags:
        known = {
            run: with_session({tag: facts(one) for tag, one in series.items()}, reading.files[run])
            for run, series in part.items()
        }
        mapped = experiments(reading.root, known, reading.options)
    if selection.experiments:
        mapped, part = _chosen(mapped, part, selection.experiments)
    files = {run: files for run, files in reading.files.items() if run in part}
    return replace(reading, files=files, runs=part, experiments=mapped)


def _chosen(
    mapped: list[Experiment], runs: Mapping[str, dict[str, Series]], wanted: Sequence[str]
) -> tuple[list[Experiment], dict[str, dict[str, Series]]]:
    names = set(matching("--experiment", [experiment.name for experiment in mapped], wanted))
    kept = [experiment for experiment in mapped if experiment.name in names]
    members = {run for experiment in kept for run in experiment.runs}
    return kept, {run: series for run, series in runs.items() if run in members}


def chosen(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """Return the names that are meant: a pattern that is a name means that one alone, else it is a glob."""
    known, found = set(names), set()
    for pattern in patterns:
        found |= {pattern} if pattern in known else {name for name in known if fnmatchcase(name, pattern)}
    return found


def matching(option: str, names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Those of the names that match a pattern; all without patterns.

    Raises:
        UsageError: none does; the text lists the names that there are.
    """
    names = list(names)
    wanted = chosen(names, patterns)
    found = [name for name in names if not patterns or name in wanted]
    if patterns and not found:
        raise UsageError(f"nothing matches {option} {' '.join(patterns)}; there is {some(names)}")
    return found


def some(names: Iterable[str]) -> str:
    """The first five of some names, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "nothing at all"


def cut_series(series: Series, steps: Steps) -> Series:
    """The points whose steps lie in a range, both ends included."""
    if steps == (None, None):
        return series
    return series.at(_inside(series.step, steps))


def cut_points(points: Points, steps: Steps) -> Points:
    """The points whose steps lie in a range, both ends included."""
    if steps == (None, None):
        return points
    return points.at(_inside(points.step, steps))


def _inside(step: Int64, steps: Steps) -> Bools:
    low, high = steps
    kept = np.ones(len(step), bool)
    if low is not None:
        kept &= step >= low
    if high is not None:
        kept &= step <= high
    return kept

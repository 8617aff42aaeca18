"""The run logs of a log directory that grows: kept up to date from the runs that changed, with what a viewer shows.

Everything here could be computed from scratch by `tbbridge.bridge.read`, and is equal to that; here it costs the news.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tbbridge.bridge import LogDirectory, columns, experiments
from tbbridge.model import EventFile, Experiment, ExperimentView, Mark, Points, RunLog, Series
from tbbridge.shape.mapping import MappingOptions, SeriesFacts, facts
from tbbridge.shape.series import merge
from tbbridge.shape.table import run_log
from tbbridge.write.text import run_log_csv

MAPPING_SHARE = 0.05
"""At most this share of the time goes into making the mapping again while points only grow in number."""


@dataclass(slots=True)
class Table:
    """One experiment's run log as it is now."""

    experiment: Experiment
    view: ExperimentView
    version: int = 0
    """Grows with every change of a cell."""
    gone: bool = False
    """True when its event files are gone; the run log stays."""
    _csv: tuple[int, bytes] | None = None

    def csv(self, header: bool) -> bytes:
        """The run log as CSV; made once a version."""
        if self._csv is None or self._csv[0] != self.version:
            log: RunLog = run_log(self.view.name, self.view.columns)
            self._csv = (self.version, run_log_csv(log, header=header))
        return self._csv[1]

    def goes_on_in(self, view: ExperimentView) -> bool:
        """Whether `view` only appends points to the columns that are here."""
        return list(self.view.columns) == list(view.columns) and all(
            map(only_appended, self.view.columns.values(), view.columns.values())
        )


class Tables:
    """The run logs of all experiments below a log directory.

    A new point costs its run's and its experiment's work only. The mapping is a function of all runs: it is made again
    at once when runs or tags came or went, and otherwise when that costs no more than `MAPPING_SHARE` of the time.

    Attributes:
        by_name: the tables, in the mapping's order; those whose source is gone after the others.
        unsure: True when the mapping was not made again since the last news.
    """

    def __init__(self, logs: LogDirectory, options: MappingOptions | None = None) -> None:
        self.by_name: dict[str, Table] = {}
        self.unsure = False
        self._logs = logs
        self._options = options
        self._series: dict[str, dict[str, Series]] = {}
        self._facts: dict[str, dict[str, SeriesFacts]] = {}
        self._owners: dict[str, list[str]] = {}
        self._map_again_at = 0.0
        self._generations = itertools.count(1)

    def update(self, changed: Iterable[str]) -> set[str]:
        """Take in the news of these runs; returns the experiments of which anything changed."""
        changed = set(changed)
        before = {run: self._series.get(run, {}).keys() for run in changed}
        for run in changed:
            self._take_in(run)
        new_names = any(before[run] != self._series.get(run, {}).keys() for run in changed)
        self.unsure = self.unsure or bool(changed)
        if new_names or (self.unsure and time.monotonic() >= self._map_again_at):
            return self.map_again(changed)
        owners = {name for run in changed for name in self._owners.get(run, ())}
        for name in owners:
            self._refresh(self.by_name[name].experiment)
        return owners

    def map_again(self, changed: Collection[str] = ()) -> set[str]:
        """Make the mapping again; returns the experiments of which anything changed."""
        began = time.perf_counter()
        found = experiments(self._logs.root, self._facts, self._options)
        self._map_again_at = time.monotonic() + (time.perf_counter() - began) / MAPPING_SHARE
        self.unsure = False
        touched = [one for one in found if self._needs_refresh(one, changed)]
        for one in touched:
            self._refresh(one)
        names = {one.name for one in found}
        lost = {name for name, table in self.by_name.items() if name not in names and not table.gone}
        for name in lost:
            self.by_name[name].gone = True
        self.by_name = {**{one.name: self.by_name[one.name] for one in found}, **self.by_name}
        self._owners = {}
        for one in found:
            for run in one.runs:
                self._owners.setdefault(run, []).append(one.name)
        return lost.union(one.name for one in touched)

    def forget(self, name: str) -> None:
        """Drop an experiment whose source is gone."""
        self.by_name.pop(name, None)

    def _take_in(self, run: str) -> None:
        if run in self._logs.runs:
            self._series[run] = merge(self._logs.files(run))
            self._facts[run] = {tag: facts(series) for tag, series in self._series[run].items()}
        else:
            self._series.pop(run, None)
            self._facts.pop(run, None)

    def _needs_refresh(self, experiment: Experiment, changed: Collection[str]) -> bool:
        table = self.by_name.get(experiment.name)
        return (
            table is None
            or table.gone
            or table.experiment != experiment
            or any(run in changed for run in experiment.runs)
        )

    def _refresh(self, experiment: Experiment) -> None:
        """Bring one experiment's table up to date."""
        table = self.by_name.get(experiment.name)
        files = {run: self._logs.files(run) for run in experiment.runs}
        writes = [self._logs.last_write(run) for run in experiment.runs]
        view = ExperimentView(
            name=experiment.name,
            generation=table.view.generation if table else next(self._generations),
            columns=columns(experiment, self._series),
            marks=marks(files),
            notes=(*experiment.notes, *findings(files, self._series)),
            last_write=max((moment for moment in writes if moment is not None), default=None),
        )
        if table is None:
            self.by_name[experiment.name] = Table(experiment, view)
            return
        if not table.goes_on_in(view):
            view = replace(view, generation=next(self._generations))
        table.version += view.generation != table.view.generation or size(view) != size(table.view)
        table.experiment, table.view, table.gone = experiment, view, False


def size(view: ExperimentView) -> int:
    """How many points there are in all columns."""
    return sum(len(points.step) for points in view.columns.values())


def only_appended(old: Points, new: Points) -> bool:
    """Whether `new` is `old` with points after its end."""
    size = len(old.step)
    return (
        len(new.step) >= size
        and old.value.dtype == new.value.dtype
        and np.array_equal(old.step, new.step[:size])
        and np.array_equal(old.value, new.value[:size], equal_nan=True)
    )


def marks(files: Mapping[str, Sequence[EventFile]]) -> list[Mark]:
    """What to show discreetly on the charts: announced restarts and damage, by run."""
    found = []
    for run, of_run in files.items():
        for file in of_run:
            found += [Mark("restart", start.step, f"{run}: restarted at step {start.step}") for start in file.starts]
            found += [
                Mark("damage", None, f"{file.name}: bytes {one.start} to {one.end} could not be used: {one.reason}")
                for one in file.damage
            ]
    return found


def findings(files: Mapping[str, Sequence[EventFile]], series: Mapping[str, Mapping[str, Series]]) -> list[str]:
    """What was superseded, damaged or passed over in these runs, as lines for a person."""
    lines = []
    for run, of_run in files.items():
        superseded = sum(int(np.count_nonzero(one.superseded)) for one in series.get(run, {}).values())
        if superseded:
            lines.append(f"{run}: {superseded} points were superseded by a restart or a later point of the same step")
        damaged = sum(len(file.damage) for file in of_run)
        if damaged:
            size = sum(one.end - one.start for file in of_run for one in file.damage)
            lines.append(f"{run}: {damaged} damaged places, {size} bytes, could not be used")
        passed_over: Counter[str] = sum((file.passed_over for file in of_run), Counter())
        lines += [f"{run}: {count} values passed over: {reason}" for reason, count in sorted(passed_over.items())]
    return lines

"""The run logs of a log directory that grows: kept up to date from the runs that changed, with what a viewer shows.

`tbbridge.read` computes the same from scratch; here it costs the news.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from tbbridge.core.errors import MappingError
from tbbridge.core.growing_column import common_prefix
from tbbridge.core.model import Cell, EventFile, Experiment, ExperimentView, Mark, Points
from tbbridge.following.run import AllSeries, Run, run_marks, run_notes, starts_by_file
from tbbridge.reading.first_texts import FirstTexts
from tbbridge.reading.log_directory import CalmRun, LogDirectory
from tbbridge.reading.reading import NO_POINTS, as_logged, named
from tbbridge.reading.summary import summary_row
from tbbridge.reading.wide import wide_table
from tbbridge.shape.align import Placement, agreed, epoch_series, place
from tbbridge.shape.hparams import ended, hparam_domains, within_domains
from tbbridge.shape.losses import foreign_notes, restart_notes
from tbbridge.shape.mapping.experiments import ROOT, RunPlace, directories_above
from tbbridge.shape.mapping.mapping import Mapper, MappingOptions, changes, check_overrides
from tbbridge.shape.restarts import training_restarts
from tbbridge.shape.run_log import run_log, since
from tbbridge.shape.sub_runs import session_starts
from tbbridge.shape.summary import SummaryRow
from tbbridge.write.csv_text import CsvOptions, csv_chunks
from tbbridge.write.run_log_csv import run_log_csv, with_new_rows

log = logging.getLogger(__name__)

FINISHED_AFTER, FINISHED_PAUSES = 3600.0, 10.0
"""An experiment is taken for finished after this many seconds of silence, and this many times its longest pause."""

MAPPING_SHARE = 0.005
"""At most this share of the time goes into making the mapping again while points only grow in number."""

NOTED_CHANGES = 4
"""At most this many changes of an experiment's mapping are kept as notes: one per column, when all four change."""

FROM_THE_START = -(1 << 63)
"""The lowest step that there can be."""


_making = threading.Lock()
"""Held while the first view of a table is made."""

_generations = itertools.count(1)
"""Never the same number twice in a process, so that an experiment that came back is not taken for the one that went."""


@dataclass(slots=True)
class ExperimentTable:
    """One experiment's run log as it is now."""

    place: str
    """The experiment's name in the mapping: its own, except at the root."""
    experiment: Experiment
    generation: int = 0
    """That of its view; 0 while it is just being made."""
    last_write: float | None = None
    """That of its view."""
    row: SummaryRow | None = None
    """Its row of the summary, where that was made before its view."""
    first: Callable[[ExperimentTable], First] | None = None
    """Makes the first view, when that is asked for: from what is never changed, since any thread may ask."""
    map_at: float = 0.0
    """By the clock, when it may be mapped again."""
    cost: float = 0.0
    """Seconds of the processor that mapping it took the last time."""
    placement: Placement | None = None
    """The way its columns came on one axis the last time."""
    gone: bool = False
    """True when its event files are gone; the run log stays."""
    changes: tuple[str, ...] = ()
    """The mapping's last changes, as notes."""
    unpublished: int | None = FROM_THE_START
    """The step from which on its rows are not published yet; None where all are."""
    places: Sequence[RunPlace] = ()
    """Its runs, as the mapping placed them."""
    charts: AllSeries | None = None
    """All its series, by the charts that draw them; None while only its first view has such."""
    pauses: dict[str, float] = field(default_factory=dict)
    """By column, the longest time between two of its points in seconds, a restart aside; see `pause`."""
    _view: ExperimentView | None = None
    _weighed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By column, the generation and the rows that `pauses` knows."""
    _shown: Shown = field(default_factory=dict)

    @property
    def view(self) -> ExperimentView:
        """What a viewer sees now; any thread may ask."""
        self.make()
        return self._view or ExperimentView(self.experiment.name, 0, {})

    def make(self) -> None:
        """Make the first view, if it was not made: of what it is, before that changes."""
        if self._view is None:
            with _making:
                if self._view is None and self.first:
                    placement, shown, self._view = self.first(self)
                    self.placement, self._shown = placement, {} if self.gone else shown
                    self.first = None

    def show(self, view: ExperimentView) -> None:
        """Let this be what a viewer sees."""
        self._view, self.generation, self.last_write = view, view.generation, view.last_write

    def csv(self, header: bool, published: bytes | None = None) -> bytes:
        """The run log as CSV; of its `published` text, the rows that did not change are taken as they are."""
        columns, first = self.view.columns, self.unpublished
        if published is None or first == FROM_THE_START:
            return run_log_csv(run_log("", columns), header=header)
        return published if first is None else with_new_rows(published, first, run_log("", since(columns, first)))

    def note(self, columns: Mapping[str, Points], logged: Mapping[str, Points], runs: Mapping[str, Run]) -> int:
        """Note what changed in the columns, which `logged` has with the steps as logged; return their generation."""
        old, grows, changed = self.view, list(self.view.columns) == list(columns), list[int]()
        shown = as_shown(self.experiment, columns, logged)
        for name, points in columns.items():
            feed = self.experiment.feeds[name]
            if not old.columns:
                continue
            before = old.columns.get(name, NO_POINTS)
            if feed and shown[name] and shown[name] == self._shown.get(name):
                row = runs[feed.run].changed.get(feed.tag, len(before.step))
            else:
                row = common_prefix(before, points)
            grows = grows and row >= len(before.step)
            changed += [int(steps[row]) for steps in (before.step, points.step) if row < len(steps)]
        if list(old.columns) != list(columns):
            changed = [FROM_THE_START]
            self.pauses = {name: pause for name, pause in self.pauses.items() if name in columns}
        self._shown = shown
        if changed:
            self.unpublished = min(changed) if self.unpublished is None else min(self.unpublished, *changed)
        return old.generation if grows else next(_generations)

    def go(self) -> None:
        """Note that its event files are gone. Another table may show the news of its runs until it comes back."""
        self.gone, self._shown = True, {}

    @property
    def pause(self) -> float:
        """The longest pause between its points so far, in seconds; 0 while it has fewer than two."""
        view = self.view
        for name, points in view.columns.items():
            now = view.generation, len(points.step)
            known = self._weighed.get(name, (0, 0))
            if known != now:
                self._note_pause(name, points, known[1] if known[0] == view.generation else 0, view.marks)
                self._weighed[name] = now
        return min((pause for pause in self.pauses.values() if pause), default=0.0)

    @property
    def finished_after(self) -> float:
        """The seconds of silence after which it is taken for finished."""
        return max(FINISHED_AFTER, FINISHED_PAUSES * self.pause)

    def _note_pause(self, column: str, points: Points, row: int, marks: Sequence[Mark]) -> None:
        """Take note of the pauses before the points from a row on."""
        if len(points.step) < 2:
            self.pauses[column] = 0.0
            return
        first = max(0, row - 1)
        times = points.wall_time[first:]
        with np.errstate(invalid="ignore"):  # between two infinite times
            pauses = times[1:] - times[:-1]
        if restarts := [mark.step for mark in marks if mark.kind == "restart" and mark.step is not None]:
            after = points.step[first:].searchsorted(restarts) - 1
            pauses[after[(after >= 0) & (after < len(pauses))]] = 0.0
        longest = float(pauses.max(initial=0.0))
        if not math.isfinite(longest):
            longest = float(np.max(pauses[np.isfinite(pauses)], initial=0.0))
        self.pauses[column] = max(longest, self.pauses.get(column, 0.0)) if row else longest


Shown = dict[str, tuple[str, str] | None]
"""By column, the run and tag that it shows with the steps as logged; None of one that was placed."""

First = tuple[Placement, Shown, ExperimentView]
"""A table's first view, and what it was made from."""


def as_shown(experiment: Experiment, columns: Mapping[str, Points], logged: Mapping[str, Points]) -> Shown:
    """Return what the columns of a run log show, which `logged` has with the steps as logged."""
    feeds = ((name, experiment.feeds[name]) for name in columns)
    return {name: (feed.run, feed.tag) if feed and columns[name] is logged[name] else None for name, feed in feeds}


class Tables:
    """The run logs of all experiments below a log directory.

    A new point costs its run's and its experiment's work only. The mapping is made again at once where runs or tags
    came or went. Where points only grew in number, their experiment is mapped again, and its columns are put on one
    axis again, when it is to be published (`settle`), or when that costs no more than `MAPPING_SHARE` of the time;
    until then its run log grows as it is.

    Args:
        logs: the event files as read so far.
        options: how series are mapped to columns.
        clock: monotonic seconds.
        settles: whether an experiment that changed is settled next, since it is published: that is all its work then.
        texts: takes experiments whose first text is published.

    Attributes:
        by_name: the tables, in the mapping's order; those whose source is gone after the others.
        problems: messages.
    """

    def __init__(
        self,
        logs: LogDirectory,
        options: MappingOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
        settles: Callable[[str], bool] = lambda name: False,
        texts: FirstTexts | None = None,
    ) -> None:
        self.by_name: dict[str, ExperimentTable] = {}
        self.problems: list[str] = []
        self._logs = logs
        self._options = options or MappingOptions()
        self._mapper = Mapper(self._options)
        self._texts = texts
        self._runs: dict[str, Run | CalmRun] = {}
        self._announced: dict[str, list[EventFile]] = {}
        self._domains: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._unsure: set[str] = set()
        self._clock = clock
        self._settles = settles

    def update(self, changed: Iterable[str]) -> set[str]:
        """Take in the news of these runs; return the experiments that changed."""
        changed = {*changed, *(run for run in self._logs.reading if run not in self._runs)}  # of an experiment, too
        names_changed = False
        announced, bounded = set[str](), set[str]()
        for run in sorted(changed, key=lambda run: (run != ROOT, run)):  # a run before those below it
            names_changed |= self._take_in(run)
            if run in self._announced or run in self._domains or not isinstance(self._runs.get(run), CalmRun):
                announced |= self._announce(run)
                bounded |= self._note_domains(run)
        below = self._below(announced)
        for run in below - changed:
            names_changed |= self._take_in(run)
        changed |= below | self._below(bounded)
        if names_changed:
            return self._map_all(changed)
        names = {self._owners[run] for run in changed if run in self._owners}  # one that came and went has none
        self._unsure |= names
        now = self._clock()
        due = self._remap([name for name in self._unsure if self.by_name[name].map_at <= now])
        self._refresh_all({name for name in names - due if not self._settles(name)}, sure=False)
        return names | self._refresh_all(due)

    def settle(self, name: str) -> None:
        """Map an experiment at once if it was to be mapped again some time."""
        if name in self._unsure:
            self._refresh_all(self._remap([name]))

    def summary(self) -> dict[str, Mapping[str, Cell]]:
        """Each experiment's row of the summary, all mapped as they would be at once."""
        for name in list(self._unsure):
            self.settle(name)
        tables = list(self.by_name.items())
        return {name: table.row or table.view.summary for name, table in tables if table.generation and not table.gone}

    def wide(self, name: str, *, header: bool) -> bytes | None:
        """The wide table of an experiment as CSV; None when there is no such experiment any more."""
        table = self.by_name.get(name)
        if table is None or table.gone:
            return None
        series = {run: self._run(run).series for run in table.experiment.runs}
        runs = {run: {tag: one.live(tag) for tag in one.tags} for run, one in series.items()}
        return b"".join(csv_chunks(wide_table(runs), CsvOptions(header=header)))

    def owners(self, runs: Iterable[str]) -> list[str]:
        """Return the experiments of these runs, sorted."""
        return sorted({self._owners[run] for run in runs if run in self._owners})

    def series(self, name: str) -> dict[str, Points]:
        """Return the points that count of every series of an experiment, by ``RUN:TAG``."""
        runs = {run: self._run(run).series for run in self.by_name[name].experiment.runs if run in self._runs}
        return {f"{run}:{tag}": series.live(tag) for run, series in runs.items() for tag in series.tags}

    def due(self) -> float | None:
        """When an experiment is to be mapped again, by the clock; None when all are sure."""
        return min((self.by_name[name].map_at for name in self._unsure), default=None)

    def forget(self, name: str) -> None:
        """Drop an experiment whose source is gone."""
        self.by_name.pop(name, None)
        if self._texts:
            self._texts.drop(name)

    def _remap(self, names: Collection[str]) -> set[str]:
        """Map these experiments again; returns them."""
        for name, table in [(name, self.by_name[name]) for name in names]:
            began = time.thread_time()
            known = {run: self._runs[run].known() for run in table.experiment.runs}
            self._adopt(self._mapper.again(known, [table.place])[0], table.experiment.name)
            table.cost = time.thread_time() - began
            self._unsure.discard(name)
        return set(names)

    def _map_all(self, changed: set[str]) -> set[str]:
        """Find out again which experiments there are; return those that changed."""
        known = {name: run.known() for name, run in self._runs.items()}
        self.problems = []
        try:
            check_overrides(known, self._options)
        except MappingError as error:  # a run or tag that is named may appear yet
            self.problems = [error.message]
        found = named(self._logs.root, self._mapper.map(known))
        changed = changed.union(*(self.by_name[name].experiment.runs for name in self._unsure))
        self._unsure.clear()
        touched = {name for name, one in found.items() if self._adopt(one, name) or not changed.isdisjoint(one.runs)}
        lost = {name for name, table in self.by_name.items() if name not in found and not table.gone}
        for name in lost:
            self.by_name[name].go()
        self.by_name = {**{name: self.by_name[name] for name in found}, **self.by_name}
        self._owners = {run: name for name, one in found.items() for run in one.runs}
        for table in [self.by_name[name] for name in touched]:
            table.make()
            table.places, table.charts = self._mapper.places(table.place), None
        return lost | self._refresh_all(touched)

    def _adopt(self, mapped: Experiment, name: str) -> bool:
        """Take an experiment as it is mapped now; returns whether that is new."""
        experiment = mapped if mapped.name == name else replace(mapped, name=name)
        table = self.by_name.get(name)
        if table and table.experiment is experiment and not table.gone:
            return False
        if table is None:
            self.by_name[name] = ExperimentTable(mapped.name, experiment)
            return True
        table.make()
        new = table.gone or table.experiment != experiment
        table.changes = (*table.changes, *changes(table.experiment, experiment))[-NOTED_CHANGES:]
        table.place, table.experiment, table.gone = mapped.name, experiment, False
        return new

    def _take_in(self, name: str) -> bool:
        """Take in one run's news; returns whether the run or some of its tags came or went."""
        if name not in self._logs.runs:
            return self._runs.pop(name, None) is not None
        new = name not in self._runs
        if new and not self._announced and (calm := self._logs.take_calm(name)):
            self._runs[name] = calm
            return True
        if new:
            self._runs[name] = Run()
        run = self._run(name)
        try:
            return run.take_in(self._logs, name, self._announced) or new
        except Exception as error:  # a bug: it must not stop the other runs
            log.exception("the run %s failed", name)
            del self._runs[name]
            self._logs.begin_again(name, f"{type(error).__name__}: {error}")
            return True

    def _announce(self, name: str) -> set[str]:
        """Note the session starts of a run; returns the run where they are not those of before."""
        starts = session_starts(self._files(name))
        if starts_by_file(starts) == starts_by_file(self._announced.get(name, [])):
            return set()
        self._announced[name] = starts
        return {name}

    def _note_domains(self, name: str) -> set[str]:
        """Note what the hyperparameters may be by a run; returns the run where that is not as before."""
        files = self._files(name)
        if name not in self._domains and not any(file.hparam_domains for file in files):
            return set()
        domains = repr(hparam_domains(files))  # a NaN among them equals itself
        if domains == self._domains.get(name, repr({})):
            return set()
        self._domains[name] = domains
        return {name}

    def _below(self, names: set[str]) -> set[str]:
        """The runs below any of these, in one look at each."""
        return {run for run in self._runs if not names.isdisjoint(directories_above(run))} if names else set()

    def _files(self, name: str) -> Iterable[EventFile]:
        """The event files of a run that say more than scalars, without these; none where there is no such run."""
        run = self._runs.get(name)
        return run.files.values() if isinstance(run, Run) else ()

    def _run(self, name: str) -> Run:
        """A run that is there; one that was calm is one like others from now on."""
        run = self._runs[name]
        if isinstance(run, CalmRun):
            run = self._runs[name] = Run.of(run)
        return run

    def _refresh_all(self, names: set[str], *, sure: bool = True) -> set[str]:
        """Bring tables up to date; `sure`: find out again how their columns come on one axis."""
        for table in [self.by_name[name] for name in sorted(names)]:
            try:
                self._refresh(table, sure)
            except Exception as error:  # a bug: it must not stop the other experiments
                log.exception("the experiment %s failed", table.experiment.name)
                for run in table.experiment.runs:
                    self._logs.begin_again(run, f"{type(error).__name__}: {error}")
        return names

    def _refresh(self, table: ExperimentTable, sure: bool) -> None:
        began, experiment = time.thread_time(), table.experiment
        if self._texts:
            self._texts.drop(experiment.name)
        if not table.generation and (calm := self._calm(experiment)):
            table.last_write, table.map_at = self._last_write(experiment), self._clock()
            table.first, table.generation = partial(self._first, calm), next(_generations)  # others may look now
            if self._texts:
                self._texts.put(experiment, calm)
            return
        runs = {run: self._run(run) for run in experiment.runs}
        logged = as_logged(experiment, lambda run, tag: runs[run].series.live(tag))
        table.placement = self._placement(table, runs, logged, sure)
        table.charts = table.charts or AllSeries(table.places, runs)
        generation, table.row = table.note(table.placement.columns, logged, runs), None
        last_write = self._last_write(experiment)
        table.show(self._view(table, runs, table.charts, table.placement, logged, generation, last_write))
        for run in runs.values():
            run.changed.clear()
        if sure:
            table.map_at = self._clock() + (table.cost + time.thread_time() - began) / MAPPING_SHARE

    def _calm(self, experiment: Experiment) -> dict[str, CalmRun]:
        """The runs of an experiment, where no rule concerns any."""
        runs = {name: run for name in experiment.runs if isinstance(run := self._runs[name], CalmRun)}
        return runs if len(runs) == len(experiment.runs) else {}

    def _first(self, calm: Mapping[str, CalmRun], table: ExperimentTable) -> First:
        """The first view of an experiment of calm runs; any thread may ask."""
        runs, experiment = {name: Run.of(run) for name, run in calm.items()}, table.experiment
        logged = as_logged(experiment, lambda run, tag: runs[run].series.live(tag))
        placement = self._placement(table, runs, logged, True)
        charts = AllSeries(table.places, runs)
        view = self._view(table, runs, charts, placement, logged, table.generation, table.last_write)
        return placement, as_shown(experiment, placement.columns, logged), view

    def _last_write(self, experiment: Experiment) -> float | None:
        writes = [self._logs.last_write(run) for run in experiment.runs]
        return max((moment for moment in writes if moment is not None), default=None)

    def _placement(
        self, table: ExperimentTable, runs: Mapping[str, Run], logged: dict[str, Points], sure: bool
    ) -> Placement:
        last = table.placement
        if not sure and last is not None and last.how == "step":
            return last._replace(columns=logged)
        if found := agreed(logged, self._options.align):
            return found
        epoch = epoch_series(table.experiment, {name: run.series.tags for name, run in runs.items()})
        points = runs[epoch[0]].series.live(epoch[1]) if epoch else None
        return place(logged, points, self._options.align)

    def _view(
        self,
        table: ExperimentTable,
        runs: Mapping[str, Run],
        charts: AllSeries,
        placement: Placement,
        logged: Mapping[str, Points],
        generation: int,
        last_write: float | None,
    ) -> ExperimentView:
        experiment = table.experiment
        rest = {name: run for name, run in runs.items() if not run.calm}
        superseded, lost = run_notes(rest)
        restarts = training_restarts(
            {name: run.series.restarts for name, run in rest.items()},
            {name: run.files.values() for name, run in rest.items()},
        )
        files = [file for run in rest.values() for file in run.files.values()]
        notes = foreign_notes(files)
        if len(rest) < len(experiment.runs) or len(notes) < len(files):
            notes += experiment.notes
        notes += restart_notes(experiment.feeds, logged, lambda run, tag: runs[run].series.losses_of(tag), restarts)
        notes += [placement.remark] if placement.remark else []
        return ExperimentView(
            name=experiment.name,
            generation=generation,
            columns=placement.columns,
            extra=charts,
            rewritten=sum(run.series.rewritten for run in rest.values()),
            marks=run_marks(rest, restarts),
            notes=[*notes, *superseded, *lost, *table.changes],
            lost=lost,
            ended=ended(files, placement.columns),
            summary=table.row
            or summary_row(
                placement.columns,
                {name: run.series.restarts for name, run in rest.items()},
                {name: within_domains(name, self._files) for name in rest},
                {
                    name: found
                    for name, feed in experiment.feeds.items()
                    if feed and (found := runs[feed.run].extremes(feed.tag, placement.columns[name]))
                },
            ),
            last_write=last_write,
        )

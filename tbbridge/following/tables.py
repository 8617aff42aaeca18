"""The run logs of a log directory that grows: kept up to date from the runs that changed, with what a viewer shows.

`tbbridge.read` computes the same from scratch; here it costs the news.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tbbridge.core.errors import MappingError
from tbbridge.core.growing_column import Shelf, common_prefix
from tbbridge.core.model import EventFile, Experiment, ExperimentView, Mark, Points
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.reading.reading import as_logged, named
from tbbridge.reading.reading import columns as columns_of
from tbbridge.shape.align import Placement
from tbbridge.shape.facts import GrowingFacts, SeriesFacts
from tbbridge.shape.growing_run import RunSeries
from tbbridge.shape.mapping.mapping import Mapper, MappingOptions, changes, check
from tbbridge.shape.run_log import first_change, run_log, since
from tbbridge.write.run_log_csv import GrowingText

log = logging.getLogger(__name__)

MAPPING_SHARE = 0.05
"""At most this share of the time goes into making the mapping again while points only grow in number."""

NOTED_CHANGES = 4
"""So many changes of an experiment's mapping are kept as notes: one a column, of a usual flip."""

MOST_DAMAGE_MARKS = 50
"""So many damaged places of a run are marked one by one; the notes count all of them."""

_generations = itertools.count(1)
"""Never the same number twice in a process, so that an experiment that came back is not taken for the one that went."""


class RunLogText:
    """The CSV of one table, of which only the rows that changed are made again. Any thread may ask."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._lock = threading.Lock()
        self._shelf = shelf
        self._header: bool | None = None
        self._columns: dict[str, Points] = {}
        self._text = GrowingText(())

    def csv(self, columns: Mapping[str, Points], header: bool) -> bytes:
        """The run log of these columns as CSV, with or without a header line."""
        with self._lock:
            if self._header != header or list(self._columns) != list(columns):
                self._header, self._columns, self._text = (
                    header,
                    {},
                    GrowingText(columns, header=header, shelf=self._shelf),
                )
            first = first_change(self._columns, columns)
            if first is not None:
                self._text.replace(first, run_log("", since(columns, first)))
            self._columns = dict(columns)
            return bytes(self._text)


@dataclass(slots=True)
class Table:
    """One experiment's run log as it is now."""

    place: str
    """What the mapping calls the experiment: its own name, but at the root."""
    experiment: Experiment
    view: ExperimentView
    text: RunLogText
    map_at: float = 0.0
    """By the clock, when it may be mapped again."""
    cost: float = 0.0
    """Seconds of the processor that mapping it took the last time."""
    placement: Placement | None = None
    """How its columns came on one axis the last time."""
    gone: bool = False
    """True when its event files are gone; the run log stays."""
    changes: tuple[str, ...] = ()
    """What the mapping's last changes were, as notes."""

    def csv(self, header: bool) -> bytes:
        """The run log as CSV."""
        return self.text.csv(self.view.columns, header)

    def goes_on_in(self, view: ExperimentView) -> bool:
        """Whether `view` only appends points to the columns that are here."""
        return list(self.view.columns) == list(view.columns) and all(
            common_prefix(old, new) == len(old.step) and old.value.dtype == new.value.dtype
            for old, new in zip(self.view.columns.values(), view.columns.values(), strict=True)
        )


@dataclass(slots=True)
class Run:
    """One run: its series, and what is to be said of them."""

    series: RunSeries
    facts: dict[str, SeriesFacts] = field(default_factory=dict)
    superseded: dict[str, int] = field(default_factory=dict)
    files: list[EventFile] = field(default_factory=list)
    _versions: dict[str, tuple[int, int]] = field(default_factory=dict)
    _growing: dict[str, GrowingFacts] = field(default_factory=dict)
    _stale: set[str] = field(default_factory=set)

    def take_in(self, logs: LogDirectory, name: str) -> bool:
        """Take in the news of the run's files; returns whether tags came or went."""
        files = {file.name: file for file in logs.runs.get(name, {}).values()}
        versions = {file.name: file.version for file in files.values()}
        known = self._versions
        again = {one for one in known.keys() & versions.keys() if known[one][0] != versions[one][0]}
        news = [file.log for one, file in files.items() if known.get(one) != versions[one]]
        touched = self.series.update(news, again=again, gone=known.keys() - versions.keys())
        self.files = [file.log for file in files.values()]
        self._versions = versions
        self._stale |= touched
        self.superseded.update((tag, self.series.superseded(tag)) for tag in touched)
        return set(self.series.tags) != self.facts.keys()

    def settle_facts(self) -> dict[str, SeriesFacts]:
        """The facts of all series, as they are now."""
        self.facts = {
            tag: self._facts(tag) if tag in self._stale or tag not in self.facts else self.facts[tag]
            for tag in self.series.tags
        }
        self._growing = {tag: growing for tag, growing in self._growing.items() if tag in self.facts}
        self._stale.clear()
        return self.facts

    def _facts(self, tag: str) -> SeriesFacts:
        growing = self._growing.setdefault(tag, GrowingFacts())
        return growing.update(self.series.live(tag), self.series.ordinal(tag))


class Tables:
    """The run logs of all experiments below a log directory.

    A new point costs its run's and its experiment's work only. The mapping is made again at once where runs or tags
    came or went. Where points only grew in number, their experiment is mapped again, and its columns are put on one
    axis again, when it is to be published (`settle`, from any thread while no other method runs), or when that costs no
    more than `MAPPING_SHARE` of the time; until then its run log grows as it is.

    Attributes:
        by_name: the tables, in the mapping's order; those whose source is gone after the others.
        problems: lines for a person.
    """

    def __init__(
        self,
        logs: LogDirectory,
        options: MappingOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.by_name: dict[str, Table] = {}
        self.problems: list[str] = []
        self._logs = logs
        self._shelf = logs.shelf
        self._options = options or MappingOptions()
        self._mapper = Mapper(self._options)
        self._runs: dict[str, Run] = {}
        self._owners: dict[str, str] = {}
        self._unsure: set[str] = set()
        self._settling = threading.Lock()
        self._clock = clock

    def update(self, changed: Iterable[str]) -> set[str]:
        """Take in the news of these runs; returns the experiments of which anything changed."""
        changed = set(changed)
        names_changed = [self._take_in(run) for run in changed]
        if any(names_changed):
            return self._map_all(changed)
        names = {self._owners[run] for run in changed if run in self._owners}  # one that came and went is nobody's
        self._unsure |= names
        now = self._clock()
        due = self._remap([name for name in self._unsure if self.by_name[name].map_at <= now])
        self._refresh_all(names - due, sure=False)
        return names | self._refresh_all(due)

    def settle(self, name: str) -> None:
        """Map an experiment at once if it was to be mapped again some time."""
        with self._settling:
            if name in self._unsure:
                self._refresh_all(self._remap([name]))

    def due(self) -> float | None:
        """When an experiment is to be mapped again, by the clock; None when all are sure."""
        return min((self.by_name[name].map_at for name in self._unsure), default=None)

    def forget(self, name: str) -> None:
        """Drop an experiment whose source is gone."""
        self.by_name.pop(name, None)

    def _remap(self, names: Collection[str]) -> set[str]:
        """Map these experiments again; returns them."""
        for name, table in [(name, self.by_name[name]) for name in names]:
            began = time.thread_time()
            known = {run: self._runs[run].settle_facts() for run in table.experiment.runs}
            self._adopt(self._mapper.again(known, [table.place])[0], table.experiment.name)
            table.cost = time.thread_time() - began
            self._unsure.discard(name)
        return set(names)

    def _map_all(self, changed: set[str]) -> set[str]:
        """Find out anew which experiments there are; returns those of which anything changed."""
        known = {name: run.settle_facts() for name, run in self._runs.items()}
        self.problems = []
        try:
            check(known, self._options)
        except MappingError as error:  # a run or tag that is named may appear yet
            self.problems = [str(error)]
        found = named(self._logs.root, self._mapper.map(known))
        self._unsure.clear()
        touched = {name for name, one in found.items() if self._adopt(one, name) or not changed.isdisjoint(one.runs)}
        lost = {name for name, table in self.by_name.items() if name not in found and not table.gone}
        for name in lost:
            self.by_name[name].gone = True
        self.by_name = {**{name: self.by_name[name] for name in found}, **self.by_name}
        self._owners = {run: name for name, one in found.items() for run in one.runs}
        return lost | self._refresh_all(touched)

    def _adopt(self, mapped: Experiment, name: str) -> bool:
        """Take an experiment as it is mapped now; returns whether that is new."""
        experiment = replace(mapped, name=name)
        table = self.by_name.get(name)
        if table is None:
            self.by_name[name] = Table(mapped.name, experiment, ExperimentView(name, 0, {}), RunLogText(self._shelf))
            return True
        new = table.gone or table.experiment != experiment
        table.changes = (*table.changes, *changes(table.experiment, experiment))[-NOTED_CHANGES:]
        table.place, table.experiment, table.gone = mapped.name, experiment, False
        return new

    def _take_in(self, name: str) -> bool:
        """Take in one run's news; returns whether the run or some of its tags came or went."""
        if name not in self._logs.runs:
            return self._runs.pop(name, None) is not None
        new = name not in self._runs
        run = self._runs.setdefault(name, Run(RunSeries(self._shelf)))
        try:
            return run.take_in(self._logs, name) or new
        except Exception as error:  # a bug: it must not stop the other runs
            log.exception("the run %s failed", name)
            del self._runs[name]
            self._logs.begin_again(name, f"{type(error).__name__}: {error}")
            return True

    def _refresh_all(self, names: set[str], *, sure: bool = True) -> set[str]:
        """Bring tables up to date; `sure`: find out anew how their columns come on one axis."""
        for table in [self.by_name[name] for name in names]:
            try:
                self._refresh(table, sure)
            except Exception as error:  # a bug: it must not stop the other experiments
                log.exception("the experiment %s failed", table.experiment.name)
                for run in table.experiment.runs:
                    self._logs.begin_again(run, f"{type(error).__name__}: {error}")
        return names

    def _refresh(self, table: Table, sure: bool) -> None:
        began = time.thread_time()
        view = self._view(table, self._placement(table, sure))
        generation = table.view.generation if table.goes_on_in(view) else next(_generations)
        table.view = replace(view, generation=generation)
        if sure:
            table.map_at = self._clock() + (table.cost + time.thread_time() - began) / MAPPING_SHARE

    def _placement(self, table: Table, sure: bool) -> Placement:
        runs, last = self._runs, table.placement
        if not sure and last is not None and last.how == "step":
            columns = as_logged(table.experiment, lambda run, tag: runs[run].series.live(tag))
            return replace(last, columns=columns)
        tags = {name: runs[name].series.tags for name in table.experiment.runs}
        align = self._options.align
        placement = columns_of(table.experiment, tags, lambda run, tag: runs[run].series.live(tag), align)
        table.placement = placement
        return placement

    def _view(self, table: Table, placement: Placement) -> ExperimentView:
        experiment = table.experiment
        runs = {name: self._runs[name] for name in experiment.runs}
        writes = [self._logs.last_write(run) for run in experiment.runs]
        note = (placement.remark,) if placement.remark else ()
        return ExperimentView(
            name=experiment.name,
            generation=0,
            columns=placement.columns,
            marks=[mark for name, run in runs.items() for mark in marks(name, run)],
            notes=(*experiment.notes, *note, *findings(runs), *table.changes),
            last_write=max((moment for moment in writes if moment is not None), default=None),
        )


def marks(name: str, run: Run) -> list[Mark]:
    """What to show discreetly on the charts: where the training began again, and (the first of) the damage."""
    found = [
        Mark("restart", one.step, f"{name}: began again at step {one.step}{'' if one.announced else f' in {one.file}'}")
        for one in run.series.restarts
    ]
    damage = [(file.name, one) for file in run.files for one in file.damage[:MOST_DAMAGE_MARKS]]
    found += [
        Mark("damage", None, f"{file}: bytes {one.start} to {one.end} could not be used: {one.reason}")
        for file, one in damage[:MOST_DAMAGE_MARKS]
    ]
    return found


def findings(runs: Mapping[str, Run]) -> list[str]:
    """What was superseded, damaged or passed over in these runs, as lines for a person."""
    lines = []
    for name, run in runs.items():
        if superseded := sum(run.superseded.values()):
            lines.append(f"{name}: {superseded} points were superseded by a restart or a later point of the same step")
        if damage := [one for file in run.files for one in file.damage]:
            lost = sum(one.end - one.start for one in damage)
            lines.append(f"{name}: {len(damage)} damaged places, {lost} bytes, could not be used")
        passed_over: Counter[str] = sum((file.passed_over for file in run.files), Counter())
        lines += [f"{name}: {count} values passed over: {reason}" for reason, count in sorted(passed_over.items())]
    return lines

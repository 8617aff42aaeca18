"""One run of a log directory that is followed: its series, what its files say besides, and what is to be said of it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile, Mark, Points, Start
from tbbridge.reading.log_directory import CalmRun, LogDirectory
from tbbridge.shape.facts import Extremes, GrowingFacts, LazyFacts, SeriesFacts
from tbbridge.shape.growing_run import ReadAgain, RunSeries
from tbbridge.shape.losses import Losses, headless_notes, loss_notes
from tbbridge.shape.mapping.charts import chart_series
from tbbridge.shape.mapping.experiments import RunPlace, is_session, run_above, session_tag
from tbbridge.shape.restarts import TrainingRestart

MOST_DAMAGE_MARKS = 50
"""At most this many damaged places of a run are marked one by one; the notes count all of them."""


def _unknown(tag: str, points: Points) -> Extremes | None:
    """Nothing is known of the extremes."""


@dataclass(slots=True)
class Run:
    """One run: its series, and the rest of its files' content."""

    series: RunSeries = field(default_factory=RunSeries)
    facts: Mapping[str, SeriesFacts] = field(default_factory=dict)
    """Of the series of `known`; each is worked out when it is first asked for."""
    files: dict[str, EventFile] = field(default_factory=dict)
    """By name; without their scalars."""
    changed: dict[str, int] = field(default_factory=dict)
    """By tag, the first row that is new or changed and that no table shows yet."""
    above: list[EventFile] = field(default_factory=list)
    """The session starts of the run above that hold for this one."""
    session: str = ""
    """`session_tag` where it holds only hyperparameter sessions."""
    calm: bool = False
    """No rule concerned it, nothing of it was lost, and no session is in it: there is nothing to say of it."""
    extremes: Callable[[str, Points], Extremes | None] = _unknown
    """Those of a tag's points, where they are known."""
    _growing: dict[str, GrowingFacts] = field(default_factory=dict)
    _stale: dict[str, int] = field(default_factory=dict)
    """By tag, the first row that changed since its facts were worked out."""
    _news: bool = False
    """Some series changed since `known` was asked for."""

    @classmethod
    def of(cls, calm: CalmRun) -> Run:
        """A run that no rule concerns."""
        file, points = calm.file(), calm.series.points(calm.number)
        extremes = partial(calm.series.extremes, calm.number)
        return cls(RunSeries(points), calm.facts, {file.name: file}, calm=True, extremes=extremes)

    def take_in(self, logs: LogDirectory, name: str, announced: Mapping[str, list[EventFile]]) -> bool:
        """Take in the news of the run's files; returns whether tags came or went.

        Args:
            announced: the session starts of the runs that have some.
        """
        files, whole = logs.take(name)
        self.extremes = _unknown
        above = self._starts_above(name, files, announced)
        try:
            if not whole and starts_by_file(above) != starts_by_file(self.above):
                raise ReadAgain
            self.series.update([*files, *above] if whole else files, whole=whole)
        except ReadAgain:
            if logs.read_again(name):
                files, whole = logs.take(name)
                self.series.update([*files, *above], whole=whole)
        self.above = above if whole else self.above
        known = {} if whole else self.files
        for file in files:
            file.scalars = NO_SCALARS  # they are in the series
        self.files = known | {file.name: file for file in files}
        for tag, row in self.series.changes().items():
            self.changed[tag] = min(row, self.changed.get(tag, row))
            self._stale[tag] = min(row, self._stale.get(tag, row))
            self._news = True
        self.calm = self._is_calm()
        before, self.session = self.session, self._session()
        return set(self.series.tags) != set(self.facts) or self.session != before

    def _starts_above(
        self, name: str, files: Iterable[EventFile], announced: Mapping[str, list[EventFile]]
    ) -> list[EventFile]:
        if not announced:
            return []
        tags = {tag for file in (*self.files.values(), *files) for tag in file.tags}
        return announced.get(run_above(name, tags) or "", [])

    def _is_calm(self) -> bool:
        series = self.series
        if series.restarts or series.rewritten or series.losses != Losses():
            return False
        return not any(
            file.damage or file.passed_over or file.headless or file.foreign or file.session_end or file.hparam_values
            for file in self.files.values()
        )

    def _session(self) -> str:
        counts = (len(self.series.live(tag).step) for tag in self.series.tags)
        files = self.files.values()
        return session_tag(self.series.tags, files) if is_session(files, counts) else ""

    def known(self) -> Mapping[str, SeriesFacts]:
        """The mapping's view of the run, as it is now; the same object while its series are the same."""
        if self._news:
            self._news, tags = False, dict.fromkeys(self.series.tags)
            known = self.facts.known if isinstance(self.facts, LazyFacts) else self.facts
            known = {tag: facts for tag, facts in known.items() if tag in tags and tag not in self._stale}
            self._growing = {tag: growing for tag, growing in self._growing.items() if tag in tags}
            self.facts = LazyFacts(tags, known, self._facts)
        return {**self.facts, self.session: SeriesFacts()} if self.session else self.facts

    def _facts(self, tag: str) -> SeriesFacts:
        growing = self._growing.setdefault(tag, GrowingFacts())
        return growing.update(self.series.live(tag), self._stale.pop(tag, 0), self.series.ordinal(tag))


class AllSeries(Mapping[str, Mapping[str, Points]]):
    """Every series of an experiment by the title of its chart and its label, looked up when asked for; any thread."""

    def __init__(self, places: Sequence[RunPlace], runs: Mapping[str, Run]) -> None:
        self._places = places
        self._runs = {place.run: runs[place.run] for place in places if place.run in runs}

    def __getitem__(self, title: str) -> Mapping[str, Points]:
        found: dict[str, Points] = {}
        for label, (run, tag) in self._charts[title].items():
            with contextlib.suppress(KeyError):  # it is just read again
                found[label] = self._runs[run].series.live(tag)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._charts)

    def __len__(self) -> int:
        return len(self._charts)

    @cached_property
    def _charts(self) -> dict[str, dict[str, tuple[str, str]]]:
        return chart_series(self._places, {name: run.series.tags for name, run in self._runs.items()})


def starts_by_file(files: Iterable[EventFile]) -> list[tuple[str, list[Start]]]:
    """Return the session starts of each file, by its name."""
    return [(file.name, file.starts) for file in files]


def run_marks(runs: Mapping[str, Run], restarts: Iterable[TrainingRestart]) -> list[Mark]:
    """The marks on the charts of a training: where it began again, and (the first of) each run's damage."""
    found = [_mark(one) for one in restarts]
    for run in runs.values():
        damage = [(file.name, one) for file in run.files.values() for one in file.damage[:MOST_DAMAGE_MARKS]]
        found += [
            Mark("damage", one.step, f"{file}: bytes {one.start} to {one.end} could not be used: {one.reason}")
            for file, one in damage[:MOST_DAMAGE_MARKS]
        ]
    return found


def _mark(restart: TrainingRestart) -> Mark:
    runs = ", ".join(dict.fromkeys(run for run, _ in restart.places))
    silent = next((f" in {place.file}" for _, place in restart.places if not place.announced), "")
    return Mark("restart", restart.step, f"{runs}: began again at step {restart.step}{silent}")


def run_notes(runs: Mapping[str, Run]) -> tuple[list[str], list[str]]:
    """Return messages about the superseded points of these runs, and about damage and values passed over."""
    superseded, lost = list[str](), list[str]()
    for name, run in runs.items():
        superseded += [f"{name}: {line}" for line in loss_notes(run.series.losses, len(run.series.restarts))]
        lost += headless_notes(run.files.values())
        if damage := [one for file in run.files.values() for one in file.damage]:
            size = sum(one.end - one.start for one in damage)
            lost.append(f"{name}: {len(damage)} damaged places, {size} bytes, could not be used")
        passed_over: Counter[str] = sum((file.passed_over for file in run.files.values()), Counter())
        lost += [f"{name}: {count} values passed over: {reason}" for reason, count in sorted(passed_over.items())]
    return superseded, lost

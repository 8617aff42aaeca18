"""From any writer's runs and tags to experiments and the columns of their run logs (docs/mapping.md: the rule table).

tokens.py  words.py    a tag as words
tags.py                the words of a tag: metric, split               R3 R4
experiments.py         the words of a run's path: experiment, split    R1 R2 R5
candidates.py          the series that could feed a column             R6
ranking.py             which of them does                              R7 R9
overrides.py           the user's own choices
charts.py              which series share a chart of the page
mapping.py             all of it, experiment by experiment             R8, and what must be said
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from tbbridge.core.errors import MappingError
from tbbridge.core.model import Experiment, Feed
from tbbridge.shape.align import MODES
from tbbridge.shape.facts import LazyFacts, SeriesFacts, facts
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.candidates import IGNORED, Candidate, Facts, Passed, candidate, candidates, settle_bare
from tbbridge.shape.mapping.experiments import DOMAINS, ROOT, SESSION, RunPlace, place_runs, without_domains
from tbbridge.shape.mapping.overrides import (
    ACCURACY,
    CROSS_ENTROPY,
    LOSS,
    Metric,
    Override,
    chart_metrics,
    parse_metric,
    parse_override,
    resolve,
    unmatched,
)
from tbbridge.shape.mapping.ranking import difference, main_metric, rank
from tbbridge.shape.mapping.tags import read_tag, skim_tag
from tbbridge.shape.mapping.tokens import quoted, tokenise
from tbbridge.shape.series import natural_key

__all__ = ["MappingOptions", "SeriesFacts", "changes", "check_overrides", "facts", "map_runs"]

SPLITS = ("train", "val")
PREFER = ("epoch", "step")

LIGHTNING_INTERVAL = 50
"""Steps between the points of Lightning's Trainer by default (log_every_n_steps)."""
LIGHTNING_OWN = {"epoch", "hp_metric"}
"""Tags that Lightning logs beside a training's own metrics."""
SHORT = f" (a logger that writes every {LIGHTNING_INTERVAL} steps, as Lightning's, writes none of fewer steps)"
NOTHING_YET = (
    "no scalar was written yet: a writer may keep points back (tensorboardX up to 120 s), and loses them when killed"
    + SHORT
)

MOST_OF_SHARE, MOST_OF_ONE = 1.001, 1.5
"""Rounding may pass 1 as little as the first; an accuracy beyond the second is taken for percent, one between them for
a mistake of the writer's."""

ACCURACY_ENDING = f" {ACCURACY.name}"
"""The end of an accuracy's column."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """The user's choices instead of the rules."""

    overrides: tuple[Override, ...] = ()
    """Series of single columns; the last that matches in an experiment wins."""
    metrics: tuple[Metric, ...] = ()
    """The metrics of the two charts; the rules choose those that are not named."""
    prefer: str = "epoch"
    """The granularity that wins where a metric is logged in both: ``epoch`` or ``step``."""
    align: str = "auto"
    """The way to one axis for all columns: ``auto``, ``step``, ``epoch`` or ``wall`` (see `tbbridge.shape.align`)."""

    @classmethod
    def of(
        cls,
        map: Mapping[str, str] | Iterable[str] = (),
        metric: Iterable[str] = (),
        *,
        prefer: str = "epoch",
        align: str = "auto",
    ) -> MappingOptions:
        """The options as they are written on the command line and in configuration files.

        Args:
            map: column -> ``TAG`` or ``RUN:TAG``, or texts ``COLUMN=TAG``; the later wins.
            metric: ``NAME=TAG``, or names alone, at most two.
            prefer, align: as the attributes.

        Raises:
            MappingError: a column is not one, or a text is not written as it should be.
        """
        texts = [f"{column}={tag}" for column, tag in map.items()] if isinstance(map, Mapping) else map
        if prefer not in PREFER or align not in MODES:
            raise MappingError(f"prefer must be one of {', '.join(PREFER)}, align one of {', '.join(MODES)}")
        options = cls(metrics=chart_metrics([parse_metric(text) for text in metric]), prefer=prefer, align=align)
        overrides = (resolve(parse_override(text), options.columns) for text in texts)
        return replace(options, overrides=tuple(overrides))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that an override may name."""
        names = [metric.name for metric in self.metrics] or [ACCURACY.name, *words.QUALITY_NAMES]
        names += [CROSS_ENTROPY.name] * (len(self.metrics) < 2)
        return tuple(f"{split} {name}" for name in names for split in SPLITS)


def check_overrides(runs: Mapping[str, Iterable[str]], options: MappingOptions) -> None:
    """Raise MappingError where an override names a column, run or tag that is not there, with the nearest ones."""
    for override in options.overrides:
        resolve(override, options.columns)
    for line in unmatched(runs, options.overrides, options.metrics):
        raise MappingError(line)


def map_runs(runs: Facts, options: MappingOptions | None = None) -> list[Experiment]:
    """Find the experiments, and the series that feeds each column of their run logs.

    Args:
        runs: The facts of each series, by run (its path below the log directory, ``.`` for that itself) and tag.
        options: The user's choices instead of the rules. An override that matches nothing is noted, not raised (see
            `check_overrides`): a training may log that tag later.

    Returns:
        In natural order of their names; the experiment at the log directory itself is named ``.``.
    """
    return Mapper(options).map(runs)


class _Mapped(NamedTuple):
    """An experiment as it was mapped, and what it was mapped from."""

    places: list[RunPlace]
    facts: list[Mapping[str, SeriesFacts]]
    """By run; each object holds what it held then."""
    experiment: Experiment

    looked: list[list[str]] | None = None
    """By run, the tags whose facts were looked at, which lazy ones know; None: not asked for yet."""
    decisive: Hashable = None
    """What the rules see of these facts."""

    def holds(self, places: list[RunPlace], runs: Facts) -> bool:
        """Whether it would be mapped from the same again."""
        pairs = zip(self.places, self.facts, strict=True)
        return self.places == places and all(runs[place.run] is known for place, known in pairs)

    def grown(self, facts: list[Mapping[str, SeriesFacts]]) -> _Mapped | None:
        """The same experiment of series that grew, where no rule sees a difference; None where one may."""
        looked, before = self.looked, self.decisive
        if looked is None:
            lazy = [one for one in self.facts if isinstance(one, LazyFacts)]
            if len(lazy) < len(self.facts):
                return None
            looked = [list(one.known) for one in lazy]
            before = self._decisive(self.facts, looked)
        now = self._decisive(facts, looked)
        return self._replace(facts=facts, looked=looked, decisive=now) if now == before else None

    def _decisive(self, facts: list[Mapping[str, SeriesFacts]], looked: list[list[str]]) -> Hashable:
        """Return what the rules see of the series that were `looked` at: which has more points than which, say.

        The largest value matters of an accuracy that feeds a column, where it is beyond 1.
        """
        seen = [of[tag] for of, tags in zip(facts, looked, strict=True) for tag in tags]
        order = {points: place for place, points in enumerate(sorted({one.points for one in seen}))}
        runs = dict(zip([place.run for place in self.places], facts, strict=True))
        fed = [feed for column, feed in self.experiment.feeds.items() if feed and column.endswith(ACCURACY_ENDING)]
        most = [runs[feed.run][feed.tag].largest for feed in fed]
        counts = [(order[one.points], min(one.points, 2)) for one in seen]
        steps = [(one.last_step < LIGHTNING_INTERVAL, one.consecutive, one.ordinal) for one in seen]
        return counts, steps, [largest if largest > MOST_OF_SHARE else 0.0 for largest in most]


class Mapper:
    """Map runs that grow, as `map_runs` does.

    Which experiments there are depends on the runs' names and tags alone: while these stay as they are, an experiment
    can be mapped again by itself.
    """

    def __init__(self, options: MappingOptions | None = None) -> None:
        self._options = options or MappingOptions()
        self._members: dict[str, list[RunPlace]] = {}
        self._mapped: dict[str, _Mapped] = {}
        self._missing: tuple[str, ...] = ()

    def map(self, runs: Facts) -> list[Experiment]:
        """`map_runs`; what is mapped from the same objects as the last time is the same object."""
        members: dict[str, list[RunPlace]] = defaultdict(list)
        for place in place_runs(without_domains(runs)):
            members[place.experiment].append(place)
        self._members = dict(members)
        missing, self._missing = self._missing, tuple(unmatched(runs, self._options.overrides, self._options.metrics))
        known = self._mapped if missing == self._missing else {}
        self._mapped = {name: one for name, one in known.items() if name in members and one.holds(members[name], runs)}
        names = sorted(members, key=natural_key)
        self.again(runs, [name for name in names if name not in self._mapped])
        return [self._mapped[name].experiment for name in names]

    def again(self, runs: Facts, names: Collection[str]) -> list[Experiment]:
        """These experiments, of runs whose names and tags are those of the last `map`."""
        alike: dict[Hashable, Experiment] | None = {} if len(names) > 1 else None
        made = []
        for name in names:
            places = self._members[name]
            facts, known = [runs[place.run] for place in places], self._mapped.get(name)
            mapped = known.grown(facts) if known else None
            if mapped is None:
                one = self._experiment(name, runs, alike)
                one = replace(one, notes=one.notes + self._missing) if self._missing else one
                mapped = _Mapped(places, facts, one)
            self._mapped[name] = mapped
            made.append(mapped.experiment)
        return made

    def places(self, name: str) -> list[RunPlace]:
        """The runs of an experiment, as the last `map` placed them."""
        return self._members.get(name, [])

    def _experiment(self, name: str, runs: Facts, alike: dict[Hashable, Experiment] | None) -> Experiment:
        """One experiment; of those that are `alike` but for their names and values only the first is worked out."""
        places = self._members[name]
        by_name = self._options.overrides or not all(metric.kind for metric in self._options.metrics)
        if alike is None or by_name or not all(_is_below(name, place.run) for place in places):
            return _Columns(name, places, runs, self._options).experiment()
        likeness = tuple([_likeness(place, len(name), runs[place.run]) for place in places])
        first = alike.get(likeness)
        if first is None:
            alike[likeness] = first = _Columns(name, places, runs, self._options).experiment()
        return first if first.name == name else _renamed(first, name)


def _is_below(name: str, run: str) -> bool:
    """Whether a run's name is an experiment's and more, so that runs are in the same order under any such name."""
    return run.startswith(name) and not run[len(name) : len(name) + 1].isdecimal() and name != ROOT


def _likeness(place: RunPlace, length: int, known: Mapping[str, SeriesFacts]) -> Hashable:
    """Return the properties of a run that decide its mapping, in an experiment whose name has this length.

    Of the values only an accuracy above 1 is ever looked at.
    """
    tags = tuple(known)
    facts = tuple([one[:-1] for one in known.values()])
    above = tuple([(tag, most) for tag in _accuracies(tags, place.suffix) if (most := known[tag].largest) > 1])
    return place.run[length:], place[2:], tags, facts, above


@lru_cache(maxsize=1 << 12)
def _accuracies(tags: tuple[str, ...], suffix: str) -> tuple[str, ...]:
    return tuple(tag for tag in tags if skim_tag(tag, suffix).metric == "accuracy")


def _renamed(one: Experiment, name: str) -> Experiment:
    """The experiment under another name, with runs of other names."""
    length = len(one.name)
    feeds = {
        column: feed and Feed(name + feed.run[length:], feed.tag, feed.rule, feed.note)
        for column, feed in one.feeds.items()
    }
    runs = tuple([name + run[length:] for run in one.runs])
    passed = tuple([(name + run[length:], tag, why) for run, tag, why in one.passed_over])
    return Experiment(name, runs, feeds, one.notes, passed)


MADE_AGAIN = "the run log was made again"
"""The end of each line about a change."""


def changes(before: Experiment, after: Experiment) -> list[str]:
    """A line for each column that is fed by another series than before: a mapping never flips in silence."""
    if any(before.feeds.values()) and list(before.feeds) != list(after.feeds):
        names = [", ".join(one.feeds) for one in (before, after)]
        return [f"the columns were {names[0]}, and are {names[1]} now (R9); {MADE_AGAIN}"]
    lines = []
    for column, was in before.feeds.items():
        now = after.feeds.get(column)
        if was and (now is None or (now.run, now.tag) != (was.run, was.tag)):
            by = f"{quoted(f'{now.run}:{now.tag}')} ({now.rule})" if now else "nothing"
            lines.append(f"{column}: fed by {quoted(f'{was.run}:{was.tag}')} before, now by {by}; {MADE_AGAIN}")
    return lines


class _Columns:
    """The columns of one experiment, on their way."""

    def __init__(self, name: str, places: Sequence[RunPlace], runs: Facts, options: MappingOptions) -> None:
        self.name, self.places, self.runs, self.options = name, places, runs, options
        self.feeds: dict[str, Feed | None] = {}
        self.notes: list[str] = []
        self.passed: Passed = {}

    def experiment(self) -> Experiment:
        """The experiment with its columns, and the notes about them."""
        found, self.passed = candidates(self.places, self.runs, ("accuracy", "loss"))
        metrics = (*(self.options.metrics or (self._main(found),)), LOSS)[:2]
        found += self._named()
        settle_bare(found, [metric.kind or metric.name for metric in metrics], self._beside(found, metrics[0]))
        for metric in metrics:
            self._feed(metric, metrics[0], [c for c in found if c.metric == (metric.kind or metric.name)])
        for override in self.options.overrides:
            self._override(override)
        fed = {(feed.run, feed.tag) for feed in self.feeds.values() if feed}
        return Experiment(
            name=self.name,
            runs=tuple(sorted((place.run for place in self.places), key=natural_key)),
            feeds=self.feeds,
            notes=(*self._remarks(), *self.notes),
            passed_over=tuple(
                (*at, self.passed[at])
                for at in sorted(self.passed, key=lambda at: [*map(natural_key, at)])
                if at not in fed
            ),
        )

    def _main(self, found: list[Candidate]) -> Metric:
        """R9: the metric of the first chart; puts its series among those that were `found`."""
        for override in self.options.overrides:
            named = parse_metric(override.column.partition(" ")[2])
            if named != CROSS_ENTROPY and override.pattern.text and self._matching(override):
                found += self._qualities(named.kind)
                return named
        if any(c.metric == "accuracy" for c in found):
            return ACCURACY
        qualities = self._qualities(*words.QUALITY_NAMES)
        if not qualities:
            return ACCURACY
        main = main_metric(qualities)
        if main in words.EARNED and not any(c.metric == main and c.split in ("val", "test") for c in qualities):
            for one in qualities:
                if one.metric == words.SCORE and one.split in ("val", "test"):
                    one.metric = main
                    one.reasons.append(f"R9: an evaluation that names no metric is that of the {main}")
        for one in qualities:
            one.reasons.append(f"R9: no accuracy is logged, and {main} is the main metric")
            if one.metric != main:
                self.passed[one.run, one.tag] = f'{one.reasons[-1]}: --metric "{one.metric}" shows this one'
        found += [one for one in qualities if one.metric == main]
        return Metric(main, main)

    def _qualities(self, *kinds: str) -> list[Candidate]:
        found, refused = candidates(self.places, self.runs, [kind for kind in kinds if kind in words.QUALITY_NAMES])
        self.passed |= refused
        return found

    def _beside(self, found: Sequence[Candidate], main: Metric) -> list[Candidate]:
        """The series beside a quality of a training without a usable loss; of the training where none says a split."""
        if main.kind not in words.QUALITY_NAMES or any(c.metric == "loss" for c in found):
            return []
        others = [
            candidate(place, tag, self.runs[place.run][tag], "", "")
            for place, tag in self._series()
            if not place.skipped and skim_tag(tag, place.suffix).metric not in words.QUALITY_NAMES
        ]
        for one in others:
            one.split = one.split or "train"
        return others

    def _feed(self, metric: Metric, main: Metric, of: Sequence[Candidate]) -> None:
        """Feed the two columns of a metric."""
        partner, feeds = None, {}
        for split in SPLITS:
            partner, feeds[split] = self._chosen(of, split, partner)
        name = metric.name
        if metric == LOSS and (main == ACCURACY or _are_cross_entropies(feeds.values())):
            name = CROSS_ENTROPY.name
        self.feeds |= {f"{split} {name}": feed for split, feed in feeds.items()}

    def _named(self) -> list[Candidate]:
        """The series of the metrics that the user named; with one tag comes its partner of the other split."""
        found = []
        for metric in self.options.metrics:
            if metric.kind:
                found += self._qualities(metric.kind)
                continue
            of = [(place, tag) for place, tag in self._series() if metric.names(place.run, tag)]
            exact = [at for at in of if metric.pattern and metric.pattern.is_exactly(at[0].run, at[1])]
            for place, tag in [*exact, *self._partners(exact)] if exact else of:
                known = self.runs[place.run][tag]
                found.append(candidate(place, tag, known, metric.name, f"{metric.option} names it"))
        return found

    def _series(self) -> list[tuple[RunPlace, str]]:
        return [(place, tag) for place in self.places for tag in self.runs[place.run] if tag not in (SESSION, DOMAINS)]

    def _partners(self, exact: Sequence[tuple[RunPlace, str]]) -> list[tuple[RunPlace, str]]:
        """The series whose words are those of a named one, its split's apart: ``train/ppl`` for ``eval/ppl``."""
        stems = {read_tag(tag, place.suffix).stem for place, tag in exact if _says_split(place, tag)}
        return [at for at in self._series() if at not in exact and read_tag(at[1], at[0].suffix).stem in stems]

    def _chosen(
        self, of: Sequence[Candidate], split: str, partner: Candidate | None
    ) -> tuple[Candidate | None, Feed | None]:
        """R7 and R8: one series for a column; `partner` is the train column's."""
        sides = [c for c in of if c.split == split]
        note = ""
        if split == "val":
            test = [c for c in of if c.split == "test"]
            if not sides and test:
                sides, note = test, "R8: test data is used as validation: no validation series is logged"
            else:
                self.passed |= {(c.run, c.tag): "R8: test data, and a validation series is there" for c in test}
            self.passed |= {(c.run, c.tag): c.reasons[-1] for c in of if c.split == IGNORED}
        return self._best(sides, note, partner) if sides else (None, None)

    def _best(self, sides: Sequence[Candidate], note: str, partner: Candidate | None) -> tuple[Candidate, Feed]:
        ranked = rank(sides, self.options.prefer, partner)
        key, best = ranked[0]
        reasons = list(best.reasons)
        for other_key, other in ranked[1:]:
            why = difference(key, other_key, self.options.prefer)
            self.passed[other.run, other.tag] = f"R7: {quoted(best.tag)} was chosen: {why}"
        if len(ranked) > 1:
            more = f"chosen before {quoted(ranked[1][1].tag)}" + (
                f" and {len(ranked) - 2} more" if len(ranked) > 2 else ""
            )
            reasons.append(f"R7: {more}: {difference(key, ranked[1][0], self.options.prefer)}")
        twins = [quoted(other.run) for at, other in ranked[1:] if at[:-2] == key[:-2] and other.tag == best.tag]
        if twins:
            more = f" and {len(twins) - 1} more" if len(twins) > 1 else ""
            twin = f"{quoted(best.run)} feeds it, and not {twins[0]}{more} with the same tag: choose with --map"
            note = "; ".join(filter(None, (note, twin)))
        return best, Feed(best.run, best.tag, "; ".join(reasons), "; ".join(filter(None, (note, best.note))))

    def _override(self, override: Override) -> None:
        """Feeds one column with the series that the user named, where this experiment has one."""
        column = override.column
        column = column if column in self.feeds else column.replace(CROSS_ENTROPY.name, LOSS.name)
        if column not in self.feeds:
            return
        if not override.pattern.text:
            self._replace(column, override, None)
            self.notes.append(f"{column}: left empty by {override.option}")
            return
        found = self._matching(override)
        exact = [at for at in found if override.pattern.is_exactly(at[0].run, at[1])]
        if not found:
            return
        of = [candidate(place, tag, self.runs[place.run][tag], "", "") for place, tag in exact or found]
        best = rank(of, self.options.prefer)[0][1]
        note = f"{len(of)} series match {override.option}: the first by R7 was taken" if len(of) > 1 else ""
        self._replace(column, override, Feed(best.run, best.tag, f"chosen by {override.option}", note))

    def _matching(self, override: Override) -> list[tuple[RunPlace, str]]:
        return [at for at in self._series() if override.pattern.matches(at[0].run, at[1])]

    def _replace(self, column: str, override: Override, feed: Feed | None) -> None:
        before = self.feeds[column]
        if before:
            self.passed[before.run, before.tag] = f"{override.option} decides the column {column}"
        self.feeds[column] = feed

    def _remarks(self) -> list[str]:
        """The notes for a reader of the run log; a guess is never silent."""
        fed = {column: feed for column, feed in self.feeds.items() if feed}
        names = self._names()
        if not fed:
            others = {tag for _, tag in self._series()} - LIGHTNING_OWN
            return [f"no {' and no '.join(names)} was found: name tags with --map"] if others else [NOTHING_YET]
        notes = []
        if not any(column.startswith("val ") for column in fed):
            notes.append(self._missing("validation", self._others(held_out=True), "nothing held out is logged"))
        if not any(column.startswith("train ") for column in fed):
            nothing = "nothing of the train data is logged"
            logged = {tag: self.runs[place.run][tag] for place, tag in self._series()}
            short = "epoch" in logged and all(one.last_step < LIGHTNING_INTERVAL for one in logged.values())
            notes.append(self._missing("train", self._others(held_out=False), nothing + (SHORT if short else "")))
        notes += [f"no {name} is logged" for name in names if not any(f"{split} {name}" in fed for split in SPLITS)]
        for column, feed in fed.items():
            notes += [f"{column}: {line}" for line in _remarks(feed, self.runs[feed.run][feed.tag], column)]
        return notes

    def _names(self) -> list[str]:
        return list(dict.fromkeys(column.partition(" ")[2] for column in self.feeds))

    def _others(self, *, held_out: bool) -> list[str]:
        """The tags of the other metrics that are logged of the train data, or of data that is held out."""
        found = []
        for place, tag in self._series():
            reading = read_tag(tag, place.suffix)
            split = reading.split or place.split
            if split and (split != "train") == held_out and reading.word not in words.NO_QUALITY and not place.skipped:
                found.append(tag)
        return sorted(found, key=natural_key)

    def _missing(self, side: str, others: Sequence[str], nothing: str) -> str:
        if not others:
            return f"no validation: {nothing}" if side == "validation" else nothing
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        names = " or ".join(self._names())
        return f"no {side} {names} was found, but {quoted(others[0])}{more}: name one with --map or --metric"


def _says_split(place: RunPlace, tag: str) -> bool:
    return bool(read_tag(tag, place.suffix).split or place.split)


def _are_cross_entropies(feeds: Iterable[Feed | None]) -> bool:
    """Whether there are such, and the tags of all say that they are cross entropies."""
    said = [{word.text for word in tokenise(feed.tag)} & words.CROSS_ENTROPIES for feed in feeds if feed]
    return bool(said) and all(said)


def _remarks(feed: Feed, known: SeriesFacts, column: str) -> list[str]:
    remarks = [feed.note] if feed.note else []
    if column.endswith(ACCURACY_ENDING) and known.largest > MOST_OF_SHARE:
        what = "in percent" if known.largest > MOST_OF_ONE else "above 1"
        remarks.append(f"{what} (up to {known.largest:.6g}), kept as written")
    if known.ordinal:
        remarks.append("the writer passed no step: the points are counted 0, 1, 2 ...")
    return remarks

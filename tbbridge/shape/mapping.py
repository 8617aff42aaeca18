"""From any writer's runs and tags to experiments and the columns of their run logs (docs/mapping.md has the rule table).

tags --tags.py--> metric and split --experiments.py--> experiments --here--> one series a column, and why
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from tbbridge.model import COLUMNS, Experiment, Feed, Series
from tbbridge.shape.experiments import RunPlace, place_runs
from tbbridge.shape.tags import TagReading, read_tag

SPLITS: Final = ("train", "val")
METRICS: Final = {"accuracy": "accuracy", "cross entropy": "loss"}
"""The metric of each chart: its name in the columns, and its class in the word lists."""


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the mapping needs to know of a series' points (those that a restart superseded are not counted)."""

    points: int = 0
    first_step: int = 0
    last_step: int = 0
    consecutive: bool = False
    """At least two points whose steps grow by one."""
    ordinal: bool = False
    """The writer passed no step."""
    largest: float = math.nan
    """The largest finite value; NaN when there is none."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What the user decided instead of the rules."""

    prefer: str = "epoch"
    """Which granularity wins where a metric is logged in both: ``epoch`` or ``step``."""
    align: str = "auto"
    """How train and validation are put on one axis: ``auto``, ``step``, ``epoch`` or ``wall`` (see `shape.align`)."""


def facts(series: Series) -> SeriesFacts:
    """What the mapping needs to know of one series; costs a pass over its points."""
    live = ~series.superseded
    steps, values = series.step[live], series.value[live]
    if not len(steps):
        return SeriesFacts(ordinal=series.ordinal)
    first, last = int(steps.min()), int(steps.max())
    finite = values[np.isfinite(values)]
    return SeriesFacts(
        points=len(steps),
        first_step=first,
        last_step=last,
        consecutive=len(steps) > 1 and last - first == len(steps) - 1,
        ordinal=series.ordinal,
        largest=float(finite.max()) if len(finite) else math.nan,
    )


@dataclass(slots=True)
class Candidate:
    """A series that could feed a column."""

    place: RunPlace
    tag: str
    facts: SeriesFacts
    reading: TagReading
    split: str | None = None
    reasons: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def run(self) -> str:
        return self.place.run


def map_runs(runs: Mapping[str, Mapping[str, SeriesFacts]], options: MappingOptions | None = None) -> list[Experiment]:
    """Which experiments there are, and which series feeds each column of their run logs.

    Parameters
    ----------
    runs
        The facts of each series, by run (path below the log directory, ``.`` for the log directory itself) and tag.
    options
        What the user decided instead of the rules.

    Returns
    -------
    list of Experiment
        In natural order of their names; the experiment at the log directory itself is named ``.``.
    """
    options = options or MappingOptions()
    members: dict[str, list[RunPlace]] = {}
    for place in place_runs(runs):
        members.setdefault(place.experiment, []).append(place)
    return [_experiment(name, members[name], runs, options) for name in sorted(members, key=natural)]


def _experiment(
    name: str, places: Sequence[RunPlace], runs: Mapping[str, Mapping[str, SeriesFacts]], options: MappingOptions
) -> Experiment:
    candidates, passed = _candidates(places, runs)
    _bare_losses(candidates)
    _bare_accuracies(candidates)
    feeds: dict[str, Feed | None] = {}
    for metric, kind in METRICS.items():
        for split in SPLITS:
            feeds[f"{split} {metric}"] = _choose(
                [c for c in candidates if c.reading.metric == kind], split, options, passed
            )
    feeds = {column: feeds[column] for column in COLUMNS}
    fed = {(feed.run, feed.tag) for feed in feeds.values() if feed}
    passed = {key: why for key, why in passed.items() if key not in fed}
    runs_of = tuple(sorted((place.run for place in places), key=natural))
    return Experiment(
        name, runs_of, feeds, _notes(feeds, candidates, runs), tuple((*key, why) for key, why in passed.items())
    )


Passed = dict[tuple[str, str], str]


def _candidates(
    places: Sequence[RunPlace], runs: Mapping[str, Mapping[str, SeriesFacts]]
) -> tuple[list[Candidate], Passed]:
    """Rules R1 to R5: the series that are a usable accuracy or loss, with their split; and those passed over."""
    candidates: list[Candidate] = []
    passed: Passed = {}
    for place in places:
        for tag, found in runs[place.run].items():
            reading = read_tag(tag, place.suffix)
            if reading.metric not in ("accuracy", "loss"):
                continue
            if refused := place.skipped or reading.refused:
                passed[place.run, tag] = refused
            else:
                candidates.append(_candidate(place, tag, found, reading))
    return candidates, passed


def _candidate(place: RunPlace, tag: str, found: SeriesFacts, reading: TagReading) -> Candidate:
    candidate = Candidate(place, tag, found, reading)
    kind = "an accuracy" if reading.metric == "accuracy" else "a loss"
    candidate.reasons.append(f"R3: {reading.word!r} is {kind}")
    if reading.split:
        candidate.split = reading.split
        source = f"what add_scalars appended, {place.suffix!r}," if place.suffix else "the tag"
        candidate.reasons.append(f"{'R2' if place.suffix else 'R4'}: {source} says {reading.split}")
    elif place.split:
        candidate.split = place.split
        candidate.reasons.append(f"R5: the directory {place.because!r} says {place.split}")
    return candidate


def _sides(candidates: Sequence[Candidate], metric: str) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """The candidates of a metric: train, held out, and bare (nothing said)."""
    of = [c for c in candidates if c.reading.metric == metric]
    return (
        [c for c in of if c.split == "train"],
        [c for c in of if c.split in ("val", "test")],
        [c for c in of if c.split is None],
    )


def _assign(bare: Sequence[Candidate], split: str, why: str, note: str = "") -> None:
    for candidate in bare:
        candidate.split = split
        candidate.reasons.append(f"R6: nothing says a split; {why}, so it is {split}")
        candidate.note = note


def _bare_by_the_explicit(candidates: Sequence[Candidate], metric: str) -> bool:
    """R6 where some series of the metric say their split; False when none does."""
    train, held_out, bare = _sides(candidates, metric)
    if not train and not held_out:
        return False
    if train and held_out:
        _assign(bare, "ignored", "train and held-out series of the metric are both there")
    elif held_out:
        _assign(bare, "train", "another series of the metric is held out")
    else:
        most = max(c.facts.points for c in train)
        few = [c for c in bare if c.facts.points < most]
        _assign([c for c in bare if c.facts.points >= most], "ignored", "it has as many points as the train series")
        _assign(
            few, "val", "another series of the metric is train and has more points", "judged by its number of points"
        )
    return True


def _bare_losses(candidates: Sequence[Candidate]) -> None:
    if not _bare_by_the_explicit(candidates, "loss"):
        _assign(_sides(candidates, "loss")[2], "train", "a loss without further words is the train loss")


def _bare_accuracies(candidates: Sequence[Candidate]) -> None:
    """R6 for accuracies, by what is known of the losses."""
    if _bare_by_the_explicit(candidates, "accuracy"):
        return
    train, held_out, bare = _sides(candidates, "accuracy")
    if not bare:
        return
    losses = [c for c in candidates if c.reading.metric == "loss"]
    explicit = {c.split for c in losses if not any(reason.startswith("R6") for reason in c.reasons)}
    train_losses = [c for c in losses if c.split == "train"]
    if not losses:
        _assign(bare, "val", "there is no loss beside it", "no loss is logged: it may be a train accuracy")
    elif "train" in explicit and explicit & {"val", "test"}:
        _assign(bare, "val", "the loss is logged for train and held-out data, by name", "it may be a train accuracy")
    elif train_losses:
        for candidate in bare:
            _beside_loss(candidate, train_losses, "train" in explicit)
    else:
        _assign(bare, "train", "no train loss is there to compare with")


def _beside_loss(candidate: Candidate, losses: Sequence[Candidate], named: bool) -> None:
    """A lone accuracy: validation happens less often than training steps, or once an epoch beside a named train loss."""
    most = max(c.facts.points for c in losses)
    note = "judged by its number of points beside the loss's"
    if candidate.facts.points < most:
        _assign([candidate], "val", "it has fewer points than the train loss", note)
    elif named and candidate.facts.points == most and candidate.facts.consecutive:
        _assign([candidate], "val", "it has a point an epoch, as the named train loss has", note)
    else:
        _assign([candidate], "train", "it has as many points as the train loss", note)


def _choose(candidates: Sequence[Candidate], split: str, options: MappingOptions, passed: Passed) -> Feed | None:
    """R7 and R8: one series for a column."""
    of = [c for c in candidates if c.split == split]
    note = ""
    if not of and split == "val":
        of = [c for c in candidates if c.split == "test"]
        note = "R8: test data is used as validation: no validation series is logged" if of else ""
    for candidate in candidates:
        if candidate.split == "ignored":
            passed[candidate.run, candidate.tag] = candidate.reasons[-1].replace(", so it is ignored", "")
        elif candidate.split == "test" and split == "val" and candidate not in of:
            passed[candidate.run, candidate.tag] = "R8: test data, and a validation series is there"
    if not of:
        return None
    many = len({c.facts.points > 1 for c in of}) > 1
    ranked = sorted(of, key=lambda c: rank(c, options.prefer, single_loses=many))
    best = ranked[0]
    reasons = list(best.reasons)
    for other in ranked[1:]:
        why = _difference(rank(best, options.prefer, single_loses=many), rank(other, options.prefer, single_loses=many))
        passed[other.run, other.tag] = f"R7: {best.tag!r} was chosen: {why}"
    if len(ranked) > 1:
        reasons.append(
            f"R7: chosen before {len(ranked) - 1} other{'s' * (len(ranked) > 2)}: {why_first(ranked, options)}"
        )
    return Feed(best.run, best.tag, "; ".join(reasons), "; ".join(filter(None, (note, best.note))))


Rank = tuple[int, int, int, int, int, int, tuple[object, ...], tuple[object, ...]]

_REASONS: Final = (
    "it has fewer words that are not understood",
    "it has fewer words that speak against it",
    "its points are {}",
    "the other is a single point",
    "it has fewer words",
    "its name is shorter",
    "its run comes first by name",
    "its tag comes first by name",
)


def rank(candidate: Candidate, prefer: str, *, single_loses: bool = True) -> Rank:
    """R7: what the candidates of one column are compared by; the smallest wins."""
    reading = candidate.reading
    granularity = 2 - reading.granularity if prefer == "step" else reading.granularity
    return (
        len(reading.unexplained),
        reading.contradictions,
        granularity,
        int(single_loses and candidate.facts.points == 1),
        reading.length,
        len(candidate.tag),
        natural(candidate.run),
        natural(candidate.tag),
    )


def why_first(ranked: Sequence[Candidate], options: MappingOptions) -> str:
    """Why the first of `ranked` stands before the second."""
    return _difference(rank(ranked[0], options.prefer), rank(ranked[1], options.prefer))


def _difference(best: Rank, other: Rank) -> str:
    for i, (mine, theirs) in enumerate(zip(best, other, strict=True)):
        if mine != theirs:
            return _REASONS[i].format("per epoch or per step as preferred")
    return "they are equal"


def _notes(
    feeds: Mapping[str, Feed | None],
    candidates: Sequence[Candidate],
    runs: Mapping[str, Mapping[str, SeriesFacts]],
) -> tuple[str, ...]:
    """What a reader of the run log should know; never silent about a guess."""
    notes = []
    fed = {column: feed for column, feed in feeds.items() if feed}
    if not fed:
        notes.append("no accuracy and no loss was found: choose tags with --map")
    elif not any(column.startswith("val ") for column in fed):
        notes.append("no validation: nothing held out is logged")
    for metric in METRICS:
        if fed and not any(column.endswith(metric) for column in fed):
            notes.append(f"no {metric} is logged")
    for column, feed in fed.items():
        found = runs[feed.run][feed.tag]
        if feed.note:
            notes.append(f"{column}: {feed.note}")
        if column.endswith("accuracy") and found.largest > 1:
            notes.append(f"{column}: in percent (up to {found.largest:.6g}), kept as written")
        if found.ordinal:
            notes.append(f"{column}: the writer passed no step; the points are counted 0, 1, 2 ...")
    return tuple(notes)


_NUMBERS: Final = re.compile(r"(\d+)")


@lru_cache(maxsize=1 << 16)
def natural(text: str) -> tuple[object, ...]:
    """Sorts names as people do: ``version_2`` before ``version_10``."""
    return tuple(
        part if i % 2 == 0 else (len(part.lstrip("0")), part.lstrip("0"), part)
        for i, part in enumerate(_NUMBERS.split(text))
    )

"""The series that could feed a column, and their split: rules R3 to R6."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tbbridge.shape.facts import SeriesFacts
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.experiments import RunPlace
from tbbridge.shape.mapping.tags import TagReading, read_tag, skim_tag
from tbbridge.shape.mapping.tokens import quoted

IGNORED: Final = "ignored"
"""The split of a series that R6 leaves out."""

Facts = Mapping[str, Mapping[str, SeriesFacts]]
Passed = dict[tuple[str, str], str]
"""(run, tag) -> why it feeds no column."""


@dataclass(slots=True)
class Candidate:
    """A series that could feed a column of one metric."""

    place: RunPlace
    tag: str
    facts: SeriesFacts
    reading: TagReading
    metric: str
    """``accuracy``, ``loss``, a quality's name, or the name that the user gave a metric."""
    split: str | None = None
    explicit: bool = False
    """The tag or the run's path says the split."""
    reasons: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def run(self) -> str:
        """The run's name."""
        return self.place.run


def candidates(places: Iterable[RunPlace], runs: Facts, kinds: Collection[str]) -> tuple[list[Candidate], Passed]:
    """The usable series of these kinds in some runs, with the split that is said; and those passed over (R1, R3)."""
    found: list[Candidate] = []
    passed: Passed = {}
    for place in places:
        for tag in runs[place.run]:
            reading = skim_tag(tag, place.suffix)
            if reading.metric not in kinds:
                continue
            if refused := place.skipped or reading.refused:
                passed[place.run, tag] = refused
            else:
                kind = {"accuracy": "an accuracy", "loss": "a loss"}.get(reading.metric, f"the metric {reading.metric}")
                found.append(
                    candidate(place, tag, runs[place.run][tag], reading.metric, f"R3: {quoted(reading.word)} is {kind}")
                )
    return found, passed


def candidate(place: RunPlace, tag: str, known: SeriesFacts, metric: str, reason: str) -> Candidate:
    """One series as a candidate for `metric`, with the split that its tag (R2, R4) or its run's path (R5) says."""
    reading = read_tag(tag, place.suffix)
    made = Candidate(place, tag, known, reading, metric, reasons=[reason])
    if reading.split:
        rule, source = ("R2", f"{quoted(place.suffix)}, from add_scalars,") if place.suffix else ("R4", "the tag")
        made.split, made.explicit = reading.split, True
        made.reasons.append(f"{rule}: {source} says {reading.split}")
    elif place.split:
        made.split, made.explicit = place.split, True
        made.reasons.append(f"R5: the directory {quoted(place.because)} says {place.split}")
    return made


def settle_bare(found: Sequence[Candidate], metrics: Iterable[str], beside: Sequence[Candidate]) -> None:
    """R6: give a split to every candidate that says none, metric by metric, losses first.

    beside: other series of the training, which count where no loss is usable.
    """
    losses = [c for c in found if c.metric == "loss"]
    if not _by_the_explicit(losses):
        _assign(losses, "train", "a loss without further words is the train loss")
    for metric in metrics:
        if metric != "loss":
            of = [c for c in found if c.metric == metric]
            _settle_others(of, losses or beside, "the train loss" if losses else "what stands beside it")


def _settle_others(of: Sequence[Candidate], losses: Sequence[Candidate], what: str) -> None:
    """Settle an accuracy (or another metric) by the splits of the losses, or of other series."""
    if not of or _by_the_explicit(of):
        return
    if of[0].metric in words.EARNED:
        _assign(of, "train", f"a {of[0].metric} is earned while training")
        return
    said = {c.split for c in losses if c.explicit}
    train = [c for c in losses if c.split == "train"]
    if not losses:
        _assign(of, "val", "there is no loss beside it", "no loss is logged: it may be of the train data")
    elif "train" in said and said & {"val", "test"}:
        logged = what.replace("the train loss", "the loss")
        _assign(of, "val", f"{logged} is logged for train and held-out data, by name", "it may be of the train data")
    elif train:
        for one in of:
            _beside(one, max(c.facts.points for c in train), what, named="train" in said)
    else:
        _assign(of, "train", "no train loss is there to compare with")


def _by_the_explicit(of: Sequence[Candidate]) -> bool:
    """R6 where some series of the metric say their split; False when none does."""
    train = [c for c in of if c.split == "train"]
    held_out = [c for c in of if c.split in ("val", "test")]
    bare = [c for c in of if c.split is None]
    if train and held_out:
        _assign(bare, IGNORED, "train and held-out series of the metric are both there")
    elif held_out:
        _assign(bare, "train", "another series of the metric is held out")
    elif train:
        most = max(c.facts.points for c in train)
        few = [c for c in bare if c.facts.points < most]
        _assign([c for c in bare if c.facts.points >= most], IGNORED, "it has as many points as the train series")
        _assign(few, "val", "the train series of the metric has more points", "judged by its number of points")
    return bool(train or held_out)


def _beside(one: Candidate, most: int, what: str, *, named: bool) -> None:
    """A lone metric: validation is logged less often than training, or once an epoch beside a named train loss."""
    note = f"judged by its number of points beside {what}'s"
    if one.facts.points < most:
        _assign([one], "val", f"it has fewer points than {what}", note)
    elif named and one.facts.points == most and one.facts.consecutive:
        _assign([one], "val", "it has one point an epoch, as the named train loss has", note)
    else:
        _assign([one], "train", f"it has as many points as {what}", note)


def _assign(bare: Iterable[Candidate], split: str, why: str, note: str = "") -> None:
    for one in bare:
        one.split, one.note = split, note
        so = "" if split == IGNORED else f", so it is {split}"
        one.reasons.append(f"R6: nothing says a split, and {why}{so}")

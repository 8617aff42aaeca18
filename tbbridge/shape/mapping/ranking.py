"""Choose which of several series feeds a column: rule R7."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.candidates import Candidate
from tbbridge.shape.series import natural_key

Key = tuple[object, ...]

REASONS: Final = (
    "it has fewer words that are not understood",
    "it has fewer words that speak against it",
    "it is the total, and no kind of loss",
    "it is logged {}",
    "it is no single point",
    "it is named as the train series is",
    "it has fewer words besides the split",
    "it has fewer words",
    "its name is shorter",
    "its run comes first by name",
    "its tag comes first by name",
)
"""The meanings of a key's parts, in their order."""


def rank(of: Sequence[Candidate], prefer: str, partner: Candidate | None = None) -> list[tuple[Key, Candidate]]:
    """The candidates of one column with their keys, best first.

    A single point loses against a series only where there is one: Hugging Face logs a run's average so. `partner` is
    what the train column of the same metric shows.
    """
    mixed = len({c.facts.points > 1 for c in of}) > 1
    stem = partner.reading.stem if partner else None
    return sorted(((_key(c, prefer, mixed, stem), c) for c in of), key=lambda ranked: ranked[0])


def main_metric(of: Sequence[Candidate]) -> str:
    """R9: the metric that the user looks at first: a whole before a part, an evaluation before others."""
    return min(of, key=_main_key).metric


def _main_key(candidate: Candidate) -> Key:
    metric, held_out = candidate.metric, candidate.split in ("val", "test")
    best = _key(candidate, "epoch", False, None)
    return metric in words.SUPPORTING, *best[:3], not held_out, words.QUALITY_NAMES.index(metric)


def difference(best: Key, other: Key, prefer: str) -> str:
    """Why the series with the key `best` stands before the one with the key `other`."""
    for mine, theirs, reason in zip(best, other, REASONS, strict=True):
        if mine != theirs:
            return reason.format("more often" if prefer == "step" else "by epoch or not by step")
    return "they are equal"


def _key(candidate: Candidate, prefer: str, mixed: bool, stem: tuple[str, ...] | None) -> Key:
    reading = candidate.reading
    return (
        reading.unexplained + candidate.place.detail,
        reading.contradictions,
        not reading.whole,
        -reading.granularity if prefer == "step" else reading.granularity,
        mixed and candidate.facts.points == 1,
        stem is not None and reading.stem != stem,
        len(reading.stem),
        reading.length,
        len(candidate.tag),
        natural_key(candidate.run),
        natural_key(candidate.tag),
    )

"""Pair the series that share a chart: the train and the validation side of one metric, by the rules' words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from tbbridge.shape.mapping.experiments import DOMAINS, SESSION, RunPlace
from tbbridge.shape.mapping.tags import read_tag, skim_tag

LABELS = {"train": "Training", "val": "Validation", "test": "Test"}


class _Tagged(NamedTuple):
    """One series, and its split by the rules."""

    run: str
    tag: str
    split: str | None


def chart_series(
    places: Iterable[RunPlace], tags: Mapping[str, Collection[str]]
) -> dict[str, dict[str, tuple[str, str]]]:
    """Return every series of an experiment by the chart that draws it: title -> label -> (run, tag).

    Series that differ in their split alone (R4, R5) share a chart. Its title is their tag; their tags, where the tag
    says the split; the run and the tag, where another chart has that title.

    Args:
        places: the runs of the experiment.
        tags: the tags of each run.
    """
    groups: dict[tuple[str, ...], list[_Tagged]] = defaultdict(list)
    for place in places:
        for tag in tags.get(place.run, ()):
            if tag in (SESSION, DOMAINS):
                continue
            said = skim_tag(tag, place.suffix).split
            stem = read_tag(tag, place.suffix).stem if said else ("", tag)
            groups[stem].append(_Tagged(place.run, tag, said or place.split))
    charts: dict[str, dict[str, tuple[str, str]]] = {}
    for members in groups.values():
        sides = [one for one in members if one.split]
        if len({one.split for one in sides}) < len(sides):
            sides = []  # more than one of a split: none is the other's partner
        alone = [[one] for one in members if one not in sides]
        for shared in [sorted(sides, key=lambda one: list(LABELS).index(one.split or "")), *alone]:
            if shared:
                _add(charts, shared)
    return charts


def _add(charts: dict[str, dict[str, tuple[str, str]]], members: list[_Tagged]) -> None:
    title = ", ".join(dict.fromkeys(one.tag for one in members))
    title = f"{members[0].run}: {title}" if title in charts else title
    charts[title] = {LABELS.get(one.split or "", one.tag): (one.run, one.tag) for one in members}

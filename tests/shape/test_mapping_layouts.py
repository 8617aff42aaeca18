"""The mapping on whole layouts: those the rules were written on, and those they were not (fixtures/layouts)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tbbridge.shape.mapping.mapping import SeriesFacts, map_runs

LAYOUTS = Path(__file__).parents[2] / "fixtures" / "layouts"

KNOWN_MISSES = {
    "Lightning with add_scalar besides": "a bare accuracy beside a validation one counts as train, as in Keras 2",
    "PointNet: class accuracy without a split": "the same: ClassAcc beside Test_Acc",
    "glued words, a loss by epoch without a split": "a bare loss with fewer points than the train loss is held out",
    "few-shot classes, two-letter names": "tl, ta, vl and va are no words",
    "YOLOX": "COCOAP is no word",
    "class name glued to loss": "a triplet loss is taken for one term of a loss",
}
"""Layouts that come out differently from what a person would say, and the reason."""

FACTS = {
    "an epoch a point": SeriesFacts(5, 0, 4, consecutive=True),
    "every hundredth step": SeriesFacts(12, 99, 1199),
    "one point": SeriesFacts(1, 0, 0),
    "from step 1": SeriesFacts(3, 1, 3, consecutive=True),
}
"""Points of the series for which a layout gives none: the choice must not depend on them."""


def layouts(name: str) -> list[Any]:
    return [pytest.param(one, id=one["name"]) for one in json.loads((LAYOUTS / f"{name}.json").read_text())]


def known(layout: dict[str, Any], facts: SeriesFacts) -> dict[str, dict[str, SeriesFacts]]:
    """The facts of a layout's series: its own where it gives some."""
    given = layout.get("points", {})
    return {
        run: {tag: counted(*given[run][tag]) if tag in given.get(run, {}) else facts for tag in tags}
        for run, tags in layout["runs"].items()
    }


def counted(points: int, first: int, last: int) -> SeriesFacts:
    return SeriesFacts(points, first, last, consecutive=last - first == points - 1)


def differences(layout: dict[str, Any], facts: SeriesFacts) -> list[str]:
    """What a person would have chosen differently."""
    experiments = map_runs(known(layout, facts))
    number = layout.get("experiments", 1)
    wrong = [] if len(experiments) == number else [f"experiments: {[one.name for one in experiments]}"]
    expect = layout["expect"]
    main = layout.get("main") or ["accuracy", expect["train accuracy"], expect["val accuracy"]]
    feeds = experiments[0].feeds
    if main != "?" and next(iter(feeds)) != f"train {main[0]}":
        wrong.append(f"the main metric: expected {main[0]}, got {next(iter(feeds))}")
    wanted = (*(main[1:] if main != "?" else "??"), expect["train cross entropy"], expect["val cross entropy"])
    for (column, feed), expected in zip(feeds.items(), wanted, strict=True):
        got = feed and [feed.run, feed.tag]
        if expected not in ("?", got):
            wrong.append(f"{column}: expected {expected}, got {got} by {feed and feed.rule}")
    return wrong


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
@pytest.mark.parametrize("layout", layouts("surveyed"))
def test_maps_surveyed_writers_as_a_person_would(layout: dict[str, Any], facts: SeriesFacts) -> None:
    """Every surveyed layout gives one experiment with the expected columns, however many points its series have."""
    assert differences(layout, facts) == []


@pytest.mark.parametrize("layout", layouts("wild") + layouts("fresh") + layouts("later"))
def test_maps_writers_that_the_rules_were_not_written_on(layout: dict[str, Any]) -> None:
    """Layouts from public code come out as a person would have it, but for the known misses."""
    wrong = [line for facts in FACTS.values() for line in differences(layout, facts)]
    assert bool(wrong) == (layout["name"] in KNOWN_MISSES), wrong

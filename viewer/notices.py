"""What stands above the charts: what is awaited or wrong, what data was lost, and, folded, what everybody may know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from tbbridge import ExperimentView, Source
from tbbridge.viewer import plot


def notice(
    source: Source, names: Sequence[str], views: Sequence[ExperimentView], asked: Sequence[str], hidden: int, most: int
) -> list[Any]:
    """Return the lines and notes above the charts.

    Args:
        source: what the page draws.
        names: its experiments.
        views: those that are drawn, `most` at once.
        asked: the names of those that were asked for.
        hidden: how many further charts are not drawn.
    """
    lost = _named(views, [view.lost for view in views])
    notes = _named(views, [[*_ordinary(view)] for view in views])
    folded = html.Details([html.Summary(f"Notes ({len(notes)})"), html.Ul([html.Li(note) for note in notes])])
    return [
        *(html.P(line) for line in [*source.status(), *_missing(names, views, asked, most)]),
        *([html.P(f"{hidden} further metrics are not drawn: add them one by one.")] if hidden > 0 else []),
        *(html.P(line, className="tb-lost") for line in lost),
        *([folded] if notes else []),
    ]


def _ordinary(view: ExperimentView) -> list[str]:
    """An experiment's notes, and its marks that have no place on a chart."""
    return [
        *(note for note in view.notes if note not in view.lost),
        *(mark.text for mark in view.marks if mark.step is None),
    ]


def _named(views: Sequence[ExperimentView], lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of each experiment, after its name where there are several."""
    pairs = zip(views, lines, strict=True)
    return [f"{view.name}: {line}" if len(views) > 1 else line for view, own in pairs for line in own]


def _missing(names: Sequence[str], views: Sequence[ExperimentView], asked: Sequence[str], most: int) -> list[str]:
    """What was asked for and is not shown."""
    shown, known = {view.name for view in views}, set(names)
    gone = [name for name in asked if name and name not in shown]
    many = [f"{most} experiments are drawn at once: take some away to see others."] if set(gone) & known else []
    return [*(f"{plot.shorten(name)} is not here (any more)." for name in gone if name not in known), *many]

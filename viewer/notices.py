"""The messages above the charts: awaited data, problems, lost data, and, folded, the notes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from dash import html

from tbbridge import ExperimentView, Source
from tbbridge.viewer import plot
from tbbridge.viewer.components import attribute

BEGAN = datetime.now(timezone.utc)
"""When the page's process began."""
CAUSES = (
    (
        "The training writes elsewhere.",
        "Compare the directory with that of the writer: SummaryWriter(log_dir=...), TensorBoard(log_dir=...).",
    ),
    (
        "It has written nothing yet.",
        "Writers keep points back for up to two minutes (flush_secs); a first epoch may take longer.",
    ),
    ("The files are no event files.", "Their names contain tfevents. tbbridge inspect DIR says what is there."),
)
"""The commonest reasons for an empty page."""


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
        *([] if names else [first_screen(source)]),
        *(html.P(line) for line in [*source.status(), *_missing(names, views, asked, most)]),
        *([html.P(f"{hidden} further metrics are not drawn: add them one by one.")] if hidden > 0 else []),
        *(html.P(line, className="tb-lost") for line in lost),
        *([folded] if notes else []),
    ]


def notify_button(prefix: str) -> html.Button:
    """The button that asks the browser for notifications; hidden where a watch has no conditions."""
    words = "Tell me by a notification when an experiment fulfils a condition of this watch"
    return html.Button("Notify", id=f"{prefix}notify", hidden=True, title=words, **attribute("data-tb", "notify"))


def first_screen(source: Source) -> html.Div:
    """The page's content while nothing is found yet: the watched place, since when, and where to look."""
    watched = str(getattr(source, "logdir", source.title))
    return html.Div(
        [
            html.H2("Nothing to show yet"),
            html.P(
                ["Watching ", html.Code(watched), f" since {BEGAN:%Y-%m-%d %H:%M:%S} UTC. New files are seen at once."]
            ),
            html.Ul([html.Li([html.Strong(f"{what} "), how]) for what, how in CAUSES]),
            html.P(["To see the page alive, run ", html.Code("tbbridge demo"), "."]),
        ],
        className="tb-first",
    )


def _ordinary(view: ExperimentView) -> list[str]:
    """An experiment's notes, and its marks that have no place on a chart."""
    return [
        *(note for note in view.notes if note not in view.lost),
        *(mark.text for mark in view.marks if mark.step is None),
    ]


def _named(views: Sequence[ExperimentView], lines: Sequence[Sequence[str]]) -> list[str]:
    """The lines of each experiment, after its name where there are several."""
    pairs = zip(views, lines, strict=True)
    return [f"{plot.shorten(view.name)}: {line}" if len(views) > 1 else line for view, own in pairs for line in own]


def _missing(names: Sequence[str], views: Sequence[ExperimentView], asked: Sequence[str], most: int) -> list[str]:
    """Names that were asked for and are not shown."""
    shown, known = {view.name for view in views}, set(names)
    gone = [name for name in asked if name and name not in shown]
    many = [f"{most} experiments are drawn at once: take some away to see others."] if set(gone) & known else []
    return [*(f"{plot.shorten(name)} is not here (any more)." for name in gone if name not in known), *many]

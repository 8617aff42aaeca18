"""The charts below the two: those of further metrics, and those that the user adds by words of a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from dash import html

from tbbridge import ExperimentView
from tbbridge.viewer.chart import Chart
from tbbridge.viewer.components import Checkbox, Picker, Plot, Slider, attribute

MOST_FOUND = 100
"""Tags that a search shows at most."""
ROOT = "."
"""The experiment whose event files, or those of its splits, lie in the log directory itself."""
LONGEST_WORDS = 200
"""Characters of a search that are read."""
MOST_OFFERED = 60
"""Tags that stand on the page where an experiment has nothing for the two charts."""


def graph(prefix: str, chart: Chart) -> html.Div:
    """The place of a chart: ``live.js`` draws into it."""
    picture = {"filename": f"tbbridge-{chart.id}", "scale": 2}
    config = {"displaylogo": False, "toImageButtonOptions": picture}
    config["modeBarButtonsToRemove"] = ["select2d", "lasso2d", "sendChartToCloud"]
    return html.Div(Plot(id=f"{prefix}{chart.id}-graph", config=config), className="tb-graph")


def section(prefix: str, controls: Mapping[str, Any]) -> html.Section:
    """The search for a tag, the tags on offer, and the further charts with the controls that all of them obey."""
    shared = [
        Slider(f"{prefix}more-weight", "Smoothing", controls["weight"]),
        Checkbox(f"{prefix}more-training", "Smooth", controls["training"]),
        Checkbox(f"{prefix}more-log", "Log scale", controls["log"]),
    ]
    add = Picker(f"{prefix}charts", "Add a chart", [], options=[], placeholder="words of a tag…", total=0, search=None)
    images = html.A("Images, text, histograms", id=f"{prefix}images", target="_blank", rel="noopener", hidden=True)
    return html.Section(
        [
            html.Div([html.H2("More metrics", id=f"{prefix}more-title"), add, images], className="tb-more-head"),
            html.Div(id=f"{prefix}offer", className="tb-offer"),
            html.Div(shared, id=f"{prefix}more-shared", className="tb-more-head"),
            html.Div(id=f"{prefix}more-charts", className="tb-more"),
        ],
        id=f"{prefix}more",
        hidden=True,
        role="group",
        **attribute("aria-labelledby", f"{prefix}more-title"),
    )


def small_chart(prefix: str, chart: Chart, chosen: Sequence[str]) -> html.Div:
    """One of the further charts; one that the user added can be moved and taken away."""
    tools = [
        html.Button(sign, title=word, **_does(tool, chart.title), **attribute("aria-label", f"{word} {chart.title}"))
        for tool, sign, word in (("earlier", "←", "Move back"), ("later", "→", "Move on"), ("drop", "✕", "Remove"))
    ]
    head = [html.H3(chart.title, title=chart.title), *(tools if chart.title in chosen else [])]
    return html.Div([html.Div(head, className="tb-small-head"), graph(prefix, chart)], className="tb-chart")


def _does(tool: str, title: str) -> dict[str, Any]:
    """What ``live.js`` does with a chart's title at a click."""
    return {**attribute("data-tb", tool), **attribute("data-name", title)}


def offer(views: Sequence[ExperimentView], chosen: Sequence[str]) -> list[Any]:
    """The tags of experiments that have nothing for the two charts, each with a click to draw it."""
    if not views or any(len(points.step) for view in views for points in view.columns.values()):
        return []
    titles = list(islice(dict.fromkeys(title for view in views for title in view.extra), MOST_OFFERED + 1))
    if not titles:
        return []
    buttons = [
        html.Button(title, title=title, **_does("add", title)) for title in titles[:MOST_OFFERED] if title not in chosen
    ]
    more = " (the search finds the others)" if len(titles) > MOST_OFFERED else ""
    return [html.P(f"Neither accuracy nor loss is logged. Choose what to draw{more}:"), html.Div(buttons)]


def find(views: Sequence[ExperimentView], words: str) -> tuple[list[str], int]:
    """Return the titles of charts that hold all words, an exact one first, at most `MOST_FOUND`; and how many do."""
    parts = words[:LONGEST_WORDS].lower().split()
    titles = dict.fromkeys(title for view in views for title in view.extra)
    found = [title for title in titles if all(part in title.lower() for part in parts)]
    if words in titles:
        found = [words, *(title for title in found if title != words)]
    return found[:MOST_FOUND], len(found)


def in_tensorboard(url: str | None, views: Sequence[ExperimentView]) -> str:
    """The address of these experiments in TensorBoard, where images, text and histograms are shown."""
    if not url or not views:
        return ""
    runs = "|".join(re.escape(view.name) for view in views)
    rooted = any(view.name == ROOT for view in views)  # its runs may be called anything
    return f"{url}#timeseries" if rooted else f"{url}?runFilter={quote(runs, safe='')}#timeseries"

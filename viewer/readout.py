"""A chart's figures beside it: the newest value, the best and its step, the gap of training and validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html

from tbbridge import ExperimentView, gap
from tbbridge.viewer.chart import Chart

NOTHING, MINUS = "\u2013", "\u2212"
SMALL = 0.001
MOST_READ = 5
"""Experiments whose figures stand beside a chart; the table has those of all."""
COLUMNS = {"now": "Now", "best": "Best", "at": "At step"}


def readout(prefix: str, chart: Chart, views: Sequence[ExperimentView], colours: Sequence[str]) -> list[Any]:
    """The step, and a table with empty cells: ``live.js`` writes `cells` into them."""
    step = html.P([html.Span("Step"), html.Strong(NOTHING, id=f"{prefix}{chart.id}-step")], className="tb-step")
    head = html.Thead(html.Tr([html.Td(), *(html.Th(word, scope="col") for word in COLUMNS.values())]))
    bodies = []
    for place, view in enumerate(views[:MOST_READ]):
        called = [html.I(style={"background": colours[place]}), html.Span(view.name, title=view.name)]
        name = html.Th(called, scope="colgroup", colSpan=4)
        bodies.append(html.Tbody([*([html.Tr(name)] if len(views) > 1 else []), *_rows(prefix, chart, place)]))
    left = len(views) - MOST_READ
    more = [html.P(f"and {left} more in the table", className="tb-step")] if left > 0 else []
    return [step, html.Table([head, *bodies]), *more]


def _rows(prefix: str, chart: Chart, place: int) -> list[html.Tr]:
    return [
        html.Tr(
            [
                html.Th(label, scope="row"),
                *(html.Td(id=f"{prefix}{chart.id}-{what}-{row}-{place}") for what in COLUMNS),
            ]
        )
        for row, label in enumerate((*chart.columns, "Gap"))
    ]


def cells(chart: Chart, views: Sequence[ExperimentView], states: Mapping[str, Any]) -> dict[str, str]:
    """The text of each cell by its id. `states` are those of the chart's lines: they know the best."""
    texts: dict[str, str] = {}
    steps = []
    for place, view in enumerate(views[:MOST_READ]):
        now: list[float | None] = []
        for row, label in enumerate(chart.columns):
            points = chart.points(view, label)
            column, held = chart.columns[label], states.get(f"{view.name}\0{label}\0best")
            _, best, at = held or (0, *(view.summary.get(f"best {column}{word}") for word in ("", " step")))
            now.append(float(points.value[-1]) if points else None)
            steps += [int(points.step[-1])] if points else []
            values = (write(now[-1], chart), write(best, chart), f"{at:,}" if at is not None else NOTHING)
            texts |= {f"{chart.id}-{what}-{row}-{place}": text for what, text in zip(COLUMNS, values, strict=True)}
        texts[f"{chart.id}-now-{len(now)}-{place}"] = write(_gap(chart, view), chart, "+")
    return {**texts, f"{chart.id}-step": f"{max(steps):,}" if steps else NOTHING}


def _gap(chart: Chart, view: ExperimentView) -> float | None:
    """Return how much worse validation is at the last step that both have; None without both."""
    both = [points for label in chart.columns if (points := chart.points(view, label))]
    if len(both) != 2 or len(chart.columns) != 2:
        return None
    found = gap(*both, lower_is_better=chart.lower_is_better)
    return found.value if found and math.isfinite(found.value) else None


def write(value: float | None, chart: Chart, sign: str = "") -> str:
    """Return a value as the page shows it."""
    if value is None:
        return NOTHING
    small = 0 < abs(value) < SMALL  # four decimals would show little of it
    text = f"{value:{sign}{'.2g' if small else chart.format.replace('~', '')}}"
    return text.replace("nan", "NaN").replace("inf", "∞").replace("-", MINUS)

"""Experiments that share a hyperparameter as one line: their mean, with a band from minimum to maximum.

The mean is smoothed, the band is not: a spike of any of them stands out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tbbridge import ExperimentView
from tbbridge.exporting.summary_table import HPARAM, write_cell
from tbbridge.viewer import plot
from tbbridge.viewer.chart import Chart, start
from tbbridge.viewer.lines import Line


def mean_lines(
    chart: Chart,
    views: Sequence[ExperimentView],
    controls: Mapping[str, Any],
    style: Mapping[str, Any],
    colour: Callable[[Sequence[ExperimentView], int, str, Mapping[str, Any]], str],
) -> list[Line]:
    """Return, for each value of the hyperparameter and each label, the band and the mean of its experiments."""
    groups: dict[str, list[int]] = {}
    short: dict[str, str] = {}
    for place, view in enumerate(views):
        value = view.summary.get(controls["group"])
        text = repr(value).removesuffix(".0") if isinstance(value, float) else write_cell(value)
        groups.setdefault(text, []).append(place)
        short[text] = write_cell(value)
    titles = short if len({*short.values()}) == len(short) else {text: text for text in short}
    drawn = []
    for label in chart.columns:
        for value, places in groups.items():
            columns = [points for place in places if (points := chart.points(views[place], label))]
            if not columns:
                continue
            name = plot.escape(f"{controls['group'].removeprefix(HPARAM)} = {plot.shorten(titles[value]) or plot.NONE}")
            hue = colour(views, places[0], label, controls)
            weight = controls["weight"] if controls.get(label.lower(), controls["training"]) else 0.0
            shared = {**style, **plot.subplot(label, controls), "name": f"{name} ({len(columns)})", "legendgroup": name}
            shared |= {"meta": f"{name} · {label}", "line": {"width": 2, "color": hue}}
            edge = {**shared, **plot.UNTOLD, "line": {"width": 0, "color": hue}}
            band = {**edge, "fill": "tonexty", "fillcolor": plot.faded(hue)}
            alone = {**shared, **plot.FAINT, "line": {"width": 1, "color": hue}}
            traces = [("low", edge), ("high", band)] if len(columns) > 1 else [("low", alone)] if weight else []
            drawn += [
                Line(
                    f"{value}\0{label}\0{kind}",
                    kind,
                    columns,
                    {**trace, "showlegend": kind == "mean" and label == list(chart.columns)[-1]},
                    weight if kind == "mean" else 0.0,
                    origin=min(start(views[place]) for place in places),
                )
                for kind, trace in [*traces, ("mean", shared)]
            ]
    return drawn

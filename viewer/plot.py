"""How a figure looks around its lines: Plotly layouts as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tbbridge import ExperimentView
from tbbridge.viewer.snapshot import Axis

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
NOTHING = "rgba(0,0,0,0)"
MOST_MARKS = 50
SIGNS = {"restart": "↻"}


def escape(text: str) -> str:
    """Text as Plotly shows it: a name is data, never one of the few HTML tags (links among them) that Plotly knows."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%&#123;")


def shorten(text: str, most: int = 48) -> str:
    """At most `most` characters, with the middle left out."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def figure_layout(axis: Axis, theme: Mapping[str, Any], display: str, log: bool, legend: bool) -> dict[str, Any]:
    """The layout of a chart: colours of `theme`, and axes as `display` wants them."""
    font = {"family": FONT, "size": 12, "color": theme["muted"]}
    strong = {**font, "color": theme["text"]}
    return {
        "autosize": True,
        "margin": {"l": 58, "r": 14, "t": 30, "b": 48},
        "paper_bgcolor": NOTHING,
        "plot_bgcolor": NOTHING,
        "font": font,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": theme["hover"], "bordercolor": theme["line"], "font": strong, "namelength": 48},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "top", "yref": "container", "font": strong},
        # as long as this stays the same, Plotly keeps the user's zoom
        "uirevision": f"{axis.kind} {axis.unit} {display} {log}",
        "modebar": {"bgcolor": NOTHING, "color": theme["muted"], "activecolor": theme["text"]},
        **_axes(axis, theme, display, log),
    }


def _axes(axis: Axis, theme: Mapping[str, Any], display: str, log: bool) -> dict[str, Any]:
    # margins that follow the labels cost a second drawing each time; these fit the longest label of seven characters
    common = {"gridcolor": theme["grid"], "zeroline": False, "automargin": False, "linecolor": theme["line"]}
    # whole numbers under the mouse: 254,610, and not 254.61k
    hover = {"step": {"hoverformat": ",d"}}.get(axis.kind, {})
    title = {"step": "Step", "relative": f"Relative time ({axis.label})", "wall": "Wall time"}[axis.kind]
    x = {
        **common,
        **hover,
        "showgrid": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": theme["line"],
        "ticklen": 4,
    }
    x |= {
        "title": {"text": title, "standoff": 6, "font": {"size": 12}},
        "type": "date" if axis.kind == "wall" else "linear",
    }
    y = {
        **common,
        "type": "log" if log else "linear",
        "nticks": 7,
        "exponentformat": "power",
        "dtick": 1 if log else None,
    }
    if display == "Separate (vertical)":
        return {
            "xaxis": {**x, "anchor": "y", "title": None, "showticklabels": False, "matches": "x2"},
            "yaxis": {**y, "domain": [0.54, 1]},
            "xaxis2": {**x, "anchor": "y2"},
            "yaxis2": {**y, "domain": [0, 0.46]},
        }
    if display == "Separate (horizontal)":
        return {
            "xaxis": {**x, "domain": [0, 0.48], "matches": "x2"},
            "yaxis": y,
            "xaxis2": {**x, "domain": [0.52, 1], "anchor": "y2"},
            "yaxis2": {**y, "anchor": "x2", "matches": "y", "showticklabels": False},
        }
    return {"xaxis": x, "yaxis": y}


def nothing(text: str, theme: Mapping[str, Any]) -> dict[str, Any]:
    """Words in the middle of an empty chart, instead of axes."""
    middle = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    words = {**middle, "text": text, "font": {"size": 13, "color": theme["muted"]}}
    return {"annotations": [words], "xaxis": {"visible": False}, "yaxis": {"visible": False}}


def marks(views: Sequence[ExperimentView], theme: Mapping[str, Any]) -> dict[str, Any]:
    """Restarts and damage as discreet upright lines, each with its text on a small sign."""
    found = [mark for view in views for mark in view.marks if mark.step is not None][:MOST_MARKS]
    line = {"width": 1, "dash": "2px,4px", "color": theme["muted"]}
    upright = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": line, "opacity": 0.55, "layer": "below"}
    sign = {"yref": "paper", "y": 0, "yanchor": "bottom", "showarrow": False, "captureevents": True}
    font = {"size": 13, "color": theme["muted"]}
    return {
        "shapes": [{**upright, "x0": mark.step, "x1": mark.step} for mark in found],
        "annotations": [
            {
                **sign,
                "x": m.step,
                "text": "↻" if m.kind == "restart" else "⚠",
                "font": font,
                "hovertext": escape(m.text),
            }
            for m in found
        ],
    }

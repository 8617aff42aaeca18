"""The look of a figure around its lines: Plotly layouts as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tbbridge import ExperimentView
from tbbridge.viewer.snapshot import Axis

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"
NOTHING = "rgba(0,0,0,0)"
MOST_MARKS = 50
OVERLAPPING = "Overlapping"
UNTOLD = {"hoverinfo": "skip", "hovertemplate": None}
"""For a line that the box under the mouse leaves out."""
FAINT = {**UNTOLD, "opacity": 0.35, "showlegend": False}
"""For the values behind a smoothed line."""
NONE = "not set"


def escape(text: str) -> str:
    """Text as Plotly shows it: a name is data, never one of the few HTML tags (links among them) that Plotly knows."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "%&#123;")


def shorten(text: str, most: int = 48) -> str:
    """At most `most` characters, with the middle left out."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def called(views: Sequence[ExperimentView], place: int, label: str, named: bool) -> dict[str, Any]:
    """A line's name; in a comparison the legend names each experiment once, and a click on it hides all its lines."""
    if len(views) == 1:
        return {"name": escape(label), "legendgroup": label, "meta": escape(label)}
    name = escape(shorten(views[place].name))
    return {"name": name, "legendgroup": str(place), "showlegend": named, "meta": f"{name} · {label}"}


def subplot(label: str, controls: Mapping[str, Any]) -> dict[str, str]:
    """The plot of a line: validation goes into a second one when the display mode is a separate one."""
    second = label == "Validation" and controls.get("display", OVERLAPPING) != OVERLAPPING
    return {"xaxis": "x2", "yaxis": "y2"} if second else {}


def figure_layout(
    axis: Axis, theme: Mapping[str, Any], display: str, log: bool, *, legend: bool, strip: bool
) -> dict[str, Any]:
    """The layout of a chart: colours of `theme`, axes as `display` wants them, and a strip for the gap below."""
    font = {"family": FONT, "size": 12, "color": theme["muted"]}
    strong = {**font, "color": theme["text"]}
    return {
        "autosize": True,
        "meta": {"axis": axis.kind, "unit": axis.unit},
        "margin": {"l": 58, "r": 14, "t": 30 if display == OVERLAPPING else 48, "b": 48},
        "paper_bgcolor": NOTHING,
        "plot_bgcolor": NOTHING,
        "font": font,
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "hoverlabel": {"bgcolor": theme["hover"], "bordercolor": theme["line"], "font": strong, "namelength": 48},
        "showlegend": legend,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "top", "yref": "container", "font": strong},
        # as long as this stays the same, Plotly keeps the user's zoom
        "uirevision": f"{axis.kind} {axis.unit} {display} {log}",
        "modebar": {"bgcolor": NOTHING, "color": theme["muted"], "activecolor": theme["text"]},
        **_axes(axis, theme, display, log, strip),
    }


def _axes(axis: Axis, theme: Mapping[str, Any], display: str, log: bool, strip: bool) -> dict[str, Any]:
    # margins that follow the labels cost a second drawing each time; these fit the longest label of seven characters
    common = {"gridcolor": theme["grid"], "zeroline": False, "automargin": False, "linecolor": theme["line"]}
    # whole numbers under the mouse: 254,610, and not 254.61k
    hover = {"step": {"hoverformat": ",d"}}.get(axis.kind, {})
    title = {"step": "Step", "relative": f"Relative time ({axis.label})", "wall": "Wall time"}[axis.kind]
    x = {**common, **hover, "showgrid": False, "showline": True, "ticks": "outside", "tickcolor": theme["line"]}
    x |= {"ticklen": 4, "title": {"text": title, "standoff": 6, "font": {"size": 12}}}
    x["type"] = "date" if axis.kind == "wall" else "linear"
    y = {**common, "nticks": 7, "exponentformat": "power"}
    y |= {"type": "log", "dtick": 1} if log else {"type": "linear", "dtick": None}
    bottom, middle = (0.28, 0.64) if strip else (0.0, 0.5)
    end = {"anchor": "y3"} if strip else {}
    below = {"yaxis3": {**common, "domain": [0, 0.2], "nticks": 4, "zeroline": True, "zerolinecolor": theme["line"]}}
    gap = below if strip else {}
    if display == "Separate (vertical)":
        return {
            "xaxis": {**x, "anchor": "y", "title": None, "showticklabels": False, "matches": "x2"},
            "yaxis": {**y, "domain": [middle + 0.04, 1]},
            "xaxis2": {**x, "anchor": "y2", **end},
            "yaxis2": {**y, "domain": [bottom, middle - 0.04], "matches": "y"},
            **({"yaxis3": {**below["yaxis3"], "anchor": "x2"}} if strip else {}),
        }
    if display == "Separate (horizontal)":
        return {
            "xaxis": {**x, "domain": [0, 0.48], "matches": "x2", **end},
            "yaxis": {**y, "domain": [bottom, 1]},
            "xaxis2": {**x, "domain": [0.52, 1], "anchor": "y2"},
            "yaxis2": {**y, "anchor": "x2", "matches": "y", "showticklabels": False, "domain": [bottom, 1]},
            **gap,
        }
    return {"xaxis": {**x, **end}, "yaxis": {**y, "domain": [bottom, 1]}, **gap}


def strip(display: str) -> dict[str, str]:
    """The axes of the gap's strip."""
    return {"xaxis": "x2" if display == "Separate (vertical)" else "x", "yaxis": "y3"}


def titles(display: str, strip: bool, theme: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The words above each panel, where a chart has more than one."""
    middle = 0.64 if strip else 0.5
    places: dict[str, list[tuple[float, float]]] = {
        "Separate (vertical)": [(1, 1), (1, middle - 0.04)],
        "Separate (horizontal)": [(0.48, 1), (1, 1)],
    }
    panels = places.get(display, [])
    named = list(zip(("Training", "Validation")[: len(panels)], panels, strict=True))
    named += [("Gap", (0.48 if display == "Separate (horizontal)" else 1, 0.2))] if strip else []
    corner = {"xref": "paper", "yref": "paper", "xanchor": "right", "yanchor": "bottom", "showarrow": False}
    font = {"size": 12, "color": theme["muted"]}
    return [{**corner, "text": text, "x": x, "y": y, "font": font} for text, (x, y) in named]


OUTLIERS = 0.05
"""Of the values at each end, the share that a chart without outliers leaves out of its y range."""


def y_range(traces: Sequence[Mapping[str, Any]], controls: Mapping[str, Any]) -> list[float | None]:
    """Return the two ends of the y axis: by hand, without outliers, or None where Plotly is to choose."""
    ends: list[float | None] = [None, None]
    if controls.get("outliers"):
        shown = [t["y"] for t in traces if t["mode"] == "lines" and t.get("yaxis") != "y3"]
        values = np.array([value for y in shown for value in y if value is not None])
        values = values[values > 0] if controls["log"] else values
        if len(values):
            low, high = np.quantile(values, [OUTLIERS, 1 - OUTLIERS])
            room = 0.1 * (high - low) or abs(high) * 0.1 or 1.0
            ends = [low / 1.1, high * 1.1] if controls["log"] else [low - room, high + room]
    by_hand = [_number(str(controls.get(end, ""))) for end in ("low", "high")]
    ends = [end if hand is None else hand for end, hand in zip(ends, by_hand, strict=True)]
    if controls["log"]:  # Plotly's range of such an axis is of exponents
        ends = [math.log10(end) if end is not None and end > 0 else None for end in ends]
    return [None, None] if None not in ends and ends[0] >= ends[1] else ends  # type: ignore[operator]


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def limit(layout: dict[str, Any], ends: Sequence[float | None]) -> None:
    """Give the y axes of a layout these ends."""
    if any(end is not None for end in ends):
        automatic = "min" if ends[0] is None else "max" if ends[1] is None else False
        for name in ("yaxis", "yaxis2"):
            if name in layout:
                layout[name] |= {"range": list(ends), "autorange": automatic}
        layout["uirevision"] += f" {ends}"


def faded(colour: str) -> str:
    """Return a colour through which the grid and the other lines can be seen."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def mixed(colour: str, ground: str, share: float) -> str:
    """Return a colour with this share of the ground's."""
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(own + (other - own) * share):02x}" for own, other in pairs)


def nothing(text: str, theme: Mapping[str, Any]) -> dict[str, Any]:
    """Words in the middle of an empty chart, instead of axes."""
    middle = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    words = {**middle, "text": text, "font": {"size": 13, "color": theme["muted"]}}
    return {"annotations": [words], "xaxis": {"visible": False}, "yaxis": {"visible": False}}


SIGNS = {"restart": "↻", "condition": "◆"}
"""By kind of mark; any other is a warning."""


def marks(views: Sequence[ExperimentView], theme: Mapping[str, Any]) -> dict[str, Any]:
    """Restarts, damage and fulfilled conditions as discreet upright lines, each with its text on a small sign."""
    found = [mark for view in views for mark in view.marks if mark.step is not None][:MOST_MARKS]
    line = {"width": 1, "dash": "2px,4px", "color": theme["muted"]}
    upright = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": line, "opacity": 0.55, "layer": "below"}
    sign = {"yref": "paper", "y": 0, "yanchor": "bottom", "showarrow": False, "captureevents": True}
    sign["font"] = {"size": 13, "color": theme["muted"]}
    return {
        "shapes": [{**upright, "x0": mark.step, "x1": mark.step} for mark in found],
        "annotations": [
            {**sign, "x": mark.step, "text": SIGNS.get(mark.kind, "⚠"), "hovertext": escape(mark.text)}
            for mark in found
        ],
    }

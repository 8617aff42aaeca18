"""Messages to a page: pure functions from a source, the page's controls and what it already holds to the next message.

A message has any of these parts; all ids are without the page's prefix:

    figures  {chart: figure}                          draw the whole chart
    extend   {chart: [{trace, keep, x, y, text?}]}    append, keeping at most `keep` points (-1: all)
    set      [[id, property, value]]                  Dash properties
    cells    {id: text}                               the figures beside a chart
    fulfilled [text]                                  conditions that came to be fulfilled; alone, and not answered
    status   {state, age}                             is it alive, and seconds since the last write (null: not known)

What a page holds is its *cursor*, plain data: the server keeps it beside a websocket, a polling page carries it along.
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import dcc

from tbbridge import ExperimentView, Source
from tbbridge.viewer.chart import Chart, start
from tbbridge.viewer.lines import Line
from tbbridge.viewer.readout import cells
from tbbridge.viewer.snapshot import Axis, Picture, bring_up_to_date

SPEEDS = {"No": math.inf, "Slow": 2.0, "Regular": 0.1, "Fast": 0.02}
"""Seconds between two drawings, at least; the first point after a pause is drawn at once."""
MOST_LOOKED_AT = 200
"""Of how many experiments the most recently written one is found when none is chosen."""

Cursor = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A page's source and the functions that make its parts (see ``app.py``)."""

    source: Source
    prefix: str
    defaults: Mapping[str, Any]
    """Name and default of each control."""
    charts: Callable[[Sequence[ExperimentView], Mapping[str, Any]], list[Chart]]
    lines: Callable[[Chart, Sequence[ExperimentView], Mapping[str, Any]], list[Line]]
    figure: Callable[..., dict[str, Any]]
    changing: Callable[[str, Source, Sequence[ExperimentView], Mapping[str, Any]], dict[str, Any]]
    axes: Mapping[str, str]
    most_shown: int


def carriers(prefix: str) -> list[Any]:
    """The unseen components that a page needs: its controls, and what a page without a websocket polls with."""
    return [
        dcc.Store(id=f"{prefix}controls"),
        dcc.Store(id=f"{prefix}cursor"),
        dcc.Store(id=f"{prefix}news"),
        dcc.Store(id=f"{prefix}seen"),
        dcc.Interval(id=f"{prefix}poll", disabled=True, interval=500),
    ]


# ------------------------------------------------------------------------------------------------------------- controls


def clean(sent: Any, page: Page) -> dict[str, Any]:
    """The controls as a browser sent them, with the default for whatever is not of the right type."""
    sent = sent if isinstance(sent, dict) else {}
    controls = {name: _like(sent.get(name), default) for name, default in page.defaults.items()}
    controls["axis"] = controls["axis"] if controls["axis"] in page.axes else next(iter(page.axes))
    controls["theme"] = "dark" if sent.get("theme") == "dark" else "light"
    controls["table"] = sent.get("table") is True
    ranges = sent.get("ranges")
    pairs = {name: _range(value) for name, value in ranges.items()} if isinstance(ranges, dict) else {}
    return {**controls, "ranges": {name: pair for name, pair in pairs.items() if pair}}


def _range(value: Any) -> list[float] | None:
    ends = [_number(v, -1e300, 1e300) for v in value] if isinstance(value, list) and len(value) == 2 else [None]
    known = [end for end in ends if end is not None]
    return sorted(known) if len(known) == 2 else None


def _like(value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        return value if isinstance(value, bool) else default
    if isinstance(default, float):
        number = _number(value, 0.0, 1.0)
        return default if number is None else number
    if isinstance(default, list):
        return [v for v in value[:100] if isinstance(v, str)] if isinstance(value, list) else list(default)
    return value if isinstance(value, type(default)) else default


def _number(value: Any, low: float, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return min(max(number, low), high) if math.isfinite(number) else None


def controls_of(chart: Chart, controls: Mapping[str, Any]) -> dict[str, Any]:
    """A chart's own controls by their bare name, with those of the page that decide its lines."""
    start = f"{chart.group or chart.id}-"
    own = {name[len(start) :]: value for name, value in controls.items() if name.startswith(start)}
    return {**own, **{name: controls[name] for name in ("theme", "experiment", "group")}}


# ------------------------------------------------------------------------------------------------------------- messages


def look(page: Page, controls: Mapping[str, Any]) -> list[ExperimentView]:
    """The chosen experiments as they are now; the most recently written one when none is chosen."""
    wanted = [name for name in dict.fromkeys(controls["experiment"]) if name]
    views = [view for name in wanted[: 2 * page.most_shown] if (view := page.source.view(name))]
    if not wanted:
        found = [view for name in page.source.names()[:MOST_LOOKED_AT] if (view := page.source.view(name))]
        views = sorted(found, key=lambda view: view.last_write or 0.0)[-1:]
    return views[: page.most_shown]


def fulfilments(source: Source) -> list[str]:
    """Return what each experiment fulfils of the conditions of a watch, as texts."""
    noticed: Callable[[], Sequence[Any]] = getattr(source, "noticed", list)
    return [f"{one.experiment}: {one.condition}" for one in noticed()]


def answer(
    page: Page, controls: Mapping[str, Any], cursor: Cursor | None, views: Sequence[ExperimentView] | None = None
) -> tuple[Message, Cursor]:
    """The message to a page with these controls that holds `cursor` (None: nothing), and its cursor after that.

    `views` are the experiments to show, when it is not how they are now.
    """
    views = look(page, controls) if views is None else views
    before: Cursor = cursor or {"pictures": {}, "sent": {}, "cells": {}}
    after: Cursor = {"pictures": {}, "sent": {}, "cells": {}}
    message: Message = {"figures": {}, "extend": {}, "set": [], "cells": {}}
    parts = page.changing(page.prefix, page.source, views, controls)
    if _fingerprint(parts.get("more-charts.children")) != before["sent"].get("more-charts.children"):
        # their places are made again, and empty
        kept = {name: picture for name, picture in before["pictures"].items() if not name.startswith("more-")}
        before = {**before, "pictures": kept}
    for chart in page.charts(views, controls):
        _draw(page, chart, views, controls, before, after, message)
    if not any(controls["experiment"]):
        parts["experiment.value"] = [view.name for view in views]
    for key, value in parts.items():
        after["sent"][key] = _fingerprint(value)
        if after["sent"][key] != before["sent"].get(key):
            message["set"].append([*key.rsplit(".", 1), value])
    shown = next((view for view in views if view.state == "live"), views[0] if views else None)
    status = (shown.state, shown.last_write) if shown else ("empty", None)
    after["sent"]["status"] = _fingerprint(status)
    if after["sent"]["status"] != before["sent"].get("status"):
        age = None if status[1] is None else round(max(time.time() - status[1], 0.0), 2)
        message["status"] = {"state": status[0], "age": age}
    fresh = any(key.endswith("-readout") for key, _, _ in message["set"])
    known = {} if fresh else before["cells"]
    message["cells"] = {key: text for key, text in after["cells"].items() if known.get(key) != text}
    return {part: value for part, value in message.items() if value}, after


def _draw(
    page: Page,
    chart: Chart,
    views: Sequence[ExperimentView],
    controls: Mapping[str, Any],
    before: Cursor,
    after: Cursor,
    message: Message,
) -> None:
    own = controls_of(chart, controls)
    visible = controls["ranges"].get(chart.id)
    timed = all(math.isfinite(start(view)) for view in views)
    axis = Axis(page.axes[controls["axis"]] if timed else "step")
    lines = page.lines(chart, views, own)
    # outliers are told again each time the lines have grown by a twentieth
    grown = sum(len(line.columns[0].step) for line in lines) if own.get("outliers") else 0
    identities = [_identity(view) for view in views]
    signature = _fingerprint([chart.title, own, axis.kind, visible, identities, int(14 * math.log(grown + 1))])
    held = before["pictures"].get(chart.id)
    kind, value, picture = bring_up_to_date(
        lines,
        axis,
        visible,
        signature,
        Picture(**held) if held else None,
        lambda traces, axis: page.figure(chart, traces, axis, views, own),
    )
    if value:
        message["figures" if kind == "figure" else "extend"][chart.id] = value
    after["pictures"][chart.id] = picture.to_json()
    if not chart.group:
        after["cells"] |= cells(chart, views, picture.states)


def _identity(view: ExperimentView) -> list[Any]:
    last = view.marks[-1] if view.marks else None
    return [view.name, view.generation, view.rewritten, len(view.marks), last and [last.step, last.text]]


def _fingerprint(value: Any) -> int:
    return zlib.crc32(to_json(value).encode())


def to_json(value: Any) -> str:
    """Plain data and Dash components as compact JSON."""
    return json.dumps(value, default=lambda component: component.to_plotly_json(), separators=(",", ":"))

"""A page's copy of a chart: a bounded snapshot, then only the points that are new.

A `Picture` is the server's memory of it, JSON-able, so that a page without a websocket can carry it along itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge import Points
from tbbridge.viewer.lines import TARGET, Line, NewPoints, PastChanged, State

OUTSIDE = 200
"""Points on each side of the visible range, at most: something to see until the next snapshot when one pans."""
UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
"""Of relative time, the first that the data spans twice."""


@dataclass(frozen=True)
class Axis:
    """The x axis: ``step``, ``relative`` time or ``wall`` time."""

    kind: str = "step"
    unit: float = 1.0
    """Seconds of one unit of relative time."""

    def values(self, points: Points, origin: float | NDArray[Any]) -> NDArray[Any]:
        """Return the x of each point: steps, units of relative time, or milliseconds since the epoch.

        Plotly shows a number on a date axis in the time zone of the browser, by the offset of that very date.
        """
        if self.kind == "step":
            return points.step
        if self.kind == "wall":
            return np.round(points.wall_time * 1000.0)
        return np.round((points.wall_time - origin) / self.unit, 4)

    @property
    def label(self) -> str:
        """The name of the unit of relative time."""
        return next(name for size, name in UNITS if size <= self.unit)


@dataclass
class Picture:
    """A page's copy of one chart."""

    signature: str
    """Says what was asked for and of what: another one asks for a new snapshot."""
    states: dict[str, State]
    """By line, in the order of the traces."""
    drawn: int = 0
    """Points that were appended since the snapshot."""
    unit: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def choose_unit(lines: Sequence[Line]) -> float:
    """The unit of relative time that fits the longest line, in seconds."""
    alone = [line for line in lines if not line.origins]
    spans = [float(p.wall_time[-1]) - line.origin for line in alone for p in line.columns if len(p.wall_time)]
    longest = max((span for span in spans if np.isfinite(span)), default=0.0)
    return next((size for size, _ in UNITS if longest >= 2 * size), 1.0)


def min_max(values: NDArray[Any], target: int) -> NDArray[np.int64]:
    """Indices of at most `target` points that keep a line's look: the ends, each bucket's extremes."""
    n = len(values)
    if n <= target:
        return np.arange(n)
    width = -(-n // max((target - 2) // 2, 1))
    whole = n // width * width
    rows = values[:whole].reshape(-1, width)
    starts = np.arange(0, whole, width)
    found = [np.array([0, n - 1]), starts + rows.argmin(axis=1), starts + rows.argmax(axis=1)]
    if whole < n:
        found.append(whole + np.array([values[whole:].argmin(), values[whole:].argmax()]))
    return np.unique(np.concatenate(found))


def thin(x: NDArray[Any], y: NDArray[Any], visible: Sequence[float] | None, target: int = TARGET) -> NDArray[np.int64]:
    """Indices of the points to draw: `target` of the visible range, and a few on each side of it."""
    if visible is None:
        return min_max(y, target)
    inside = np.flatnonzero((x >= visible[0]) & (x <= visible[1]))
    if not len(inside):
        return min_max(y, 2 * OUTSIDE)
    first, last = max(int(inside[0]) - 1, 0), min(int(inside[-1]) + 2, len(y))
    return np.concatenate(
        [
            min_max(y[:first], OUTSIDE),
            first + min_max(y[first:last], target),
            last + min_max(y[last:], OUTSIDE),
        ]
    )


def _kept(x: NDArray[Any], y: NDArray[Any], visible: Sequence[float] | None, target: int) -> NDArray[np.int64]:
    """Indices of the points to draw of a line that NaNs part: `thin` of each part, and every NaN."""
    kept, first = [], 0
    for end in np.flatnonzero(np.isnan(y)).tolist():
        kept += [first + thin(x[first:end], y[first:end], visible, target), np.array([end])]
        first = end + 1
    return np.concatenate([*kept, first + thin(x[first:], y[first:], visible, target)])


def _across(new: NewPoints, line: Line, axis: Axis) -> NDArray[Any]:
    return axis.values(new.points, line.origin if new.origins is None else new.origins)


def numbers(values: NDArray[Any]) -> list[Any]:
    """As JSON numbers: a float32 as the shortest that reads back to it, 0.1 and not 0.10000000149; NaN as null."""
    if values.dtype == np.float32:
        values = np.array([float(str(value)) for value in values], np.float64)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return [v if np.isfinite(v) else None for v in values.tolist()]
    plain: list[Any] = values.tolist()
    return plain


def _traced(new: NewPoints, line: Line, axis: Axis, which: NDArray[Any] | None = None) -> dict[str, list[Any]]:
    x, y = _across(new, line, axis), new.points.value
    if which is not None:
        x, y = x[which], y[which]
    if line.kind == "smooth":
        y = np.asarray([float(f"{v:.7g}") for v in y])
    traced = {"x": numbers(x), "y": numbers(y)}  # and what cursor.js says besides: seconds since the start, or the step
    if line.trace.get("hoverinfo") != "skip":
        beside = new.points.wall_time - line.origin if axis.kind == "step" else new.points.step
        traced["beside"] = numbers(np.round(beside if which is None else beside[which], 2))
    if new.logged is not None:
        traced["customdata"] = numbers(new.logged if which is None else new.logged[which])
    if new.text is not None:
        traced["text"] = new.text if which is None else [new.text[i] for i in which]
    return traced


def snapshot(
    lines: Sequence[Line], axis: Axis, visible: Sequence[float] | None
) -> tuple[list[dict[str, Any]], dict[str, State]]:
    """Every line as a Plotly trace of bounded size, and the states from which it goes on."""
    traces, states = [], {}
    for line in lines:
        new = line.after(None)
        which = _kept(_across(new, line, axis), new.points.value, visible, line.most)
        begun = {"start": line.origin if np.isfinite(line.origin) else None}
        traces.append({**line.trace, **begun, **_traced(new, line, axis, which)})
        states[line.key] = new.state
    return traces, states


def extension(lines: Sequence[Line], axis: Axis, picture: Picture) -> list[dict[str, Any]]:
    """The arguments of ``Plotly.extendTraces``, for each trace that changed; `picture` is moved on.

    Raises PastChanged when only a new snapshot can.
    """
    changes, states = [], {}
    for index, line in enumerate(lines):
        new = line.after(picture.states[line.key])
        states[line.key] = new.state
        if len(new.points.step) > TARGET:
            raise PastChanged(line.key)
        if len(new.points.step):
            changes.append({"trace": index, "keep": line.keep, **_traced(new, line, axis)})
    picture.drawn += max((len(change["x"]) for change in changes), default=0)
    if picture.drawn > TARGET:
        raise PastChanged("the picture grew too large")
    picture.states = states
    return changes


def bring_up_to_date(
    lines: Sequence[Line],
    axis: Axis,
    visible: Sequence[float] | None,
    signature: str,
    picture: Picture | None,
    figure: Callable[[list[dict[str, Any]], Axis], Mapping[str, Any]],
) -> tuple[str, Any, Picture]:
    """The message that makes a page's picture current: ``("extend", changes)`` or ``("figure", figure)``.

    `figure` makes a Plotly figure of traces. Also returns the picture that the page then holds.
    """
    if picture and picture.signature == signature and list(picture.states) == [line.key for line in lines]:
        try:
            change = extension(lines, Axis(axis.kind, picture.unit), picture)
            return "extend", change, picture
        except PastChanged:
            pass
    # the unit in which a visible range was said must outlast the run's growth
    unit = picture.unit if picture and visible else choose_unit(lines) if axis.kind == "relative" else 1.0
    axis = Axis(axis.kind, unit)
    traces, states = snapshot(lines, axis, visible)
    return "figure", figure(traces, axis), Picture(signature, states, 0, axis.unit)

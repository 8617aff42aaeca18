"""The lines of a chart: what each draws, and how it goes on when points are appended.

A line never keeps points: it turns its columns and a small *state* (JSON-able, so that a page may carry it) into the
points that are new since that state. From no state it returns the whole line, so a snapshot and its continuation come
from the same code, and the cost of a continuation does not depend on how long the line is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbbridge import Points, gaps

State = list[Any]
"""The memory of a line: how far it has read its columns, and the values that it carries over."""

TARGET = 1000
"""Points of a line in a snapshot, at most; also how many may be appended before a new snapshot."""
BLOCK = 8192
NOTHING = 1e-18
"""A share of a sum that no float64 can show."""
MAX_WEIGHT = 0.999
"""The largest smoothing weight; TensorBoard's own slider ends there (at 1 nothing would ever move)."""


class NewPoints(NamedTuple):
    """The points of a line that are not drawn yet."""

    points: Points
    state: State
    text: list[str] | None = None
    """For a line of marks: what each says."""
    logged: NDArray[Any] | None = None
    """For a smoothed line: the values behind it."""
    origins: NDArray[Any] | None = None
    """For a line of several experiments: where each point's relative time starts."""


class PastChanged(Exception):
    """The line that was drawn is no longer right: draw it again."""


@dataclass(frozen=True)
class Line:
    """One trace of a chart."""

    key: str
    """Tells the line from every other of its chart."""
    kind: str
    """A key of `KINDS`."""
    columns: Sequence[Points]
    """The columns that it reads: one, or two for the gap."""
    trace: Mapping[str, Any] = field(default_factory=dict)
    """The Plotly trace without its points."""
    weight: float = 0.0
    """The smoothing weight, 0 to 1."""
    best: str = "highest"
    """The value that is best: ``highest`` or ``lowest``."""
    origin: float = 0.0
    """The start of relative time: a wall time in seconds."""
    origins: Sequence[float] = ()
    """Of each column, where it is of several experiments."""
    most: int = TARGET
    """The most points that a snapshot of it holds."""
    behind: bool = False
    """It is faint: the values behind a smoothed line."""

    @property
    def keep(self) -> int:
        """The most points that the trace holds; -1 for all."""
        return 1 if self.kind == "best" else -1

    def after(self, state: State | None) -> NewPoints:
        """The points that are new since `state` (all when None), and the state after them.

        Raises PastChanged when points already given are no longer right.
        """
        return KINDS[self.kind](self, state)


def smooth(
    values: NDArray[np.floating[Any]], weight: float, last: float = 0.0, count: int = 0
) -> tuple[NDArray[np.float64], float]:
    """TensorBoard's debiased exponential moving average of finite values: as long as they are, and what it leaves.

    Starts at 0; ``last = last * weight + (1 - weight) * value``, drawn as ``last / (1 - weight ** n)``; goes on where
    `count` values have left `last`. Computed by doubling, a block that fits the processor's cache at a time: after pass
    k each sum reaches 2 ** k values back, until what lies farther back weighs nothing.
    """
    drawn = (1.0 - weight) * values.astype(np.float64)
    fading = weight ** np.arange(1.0, min(BLOCK, len(drawn)) + 1)
    for start in range(0, len(drawn), BLOCK):
        block = drawn[start : start + BLOCK]
        reach = 1
        while reach < len(block) and weight**reach > NOTHING:
            block[reach:] += weight**reach * block[:-reach]
            reach *= 2
        block += last * fading[: len(block)]
        last = float(block[-1])
    # from here on the bias can no longer be seen
    end = math.ceil(math.log(NOTHING) / math.log(weight)) - count if weight > 0.0 else 0
    biased = drawn[: max(end, 0)]
    biased /= 1.0 - weight ** np.arange(count + 1.0, count + len(biased) + 1)
    return drawn, last


def _tail(points: Points, start: int) -> Points:
    return points.at(slice(start, None))


def _finite(points: Points) -> Points:
    good = np.isfinite(points.value)
    return points if good.all() else points.at(good)


def _raw(line: Line, state: State | None) -> NewPoints:
    points = line.columns[0]
    return NewPoints(_finite(_tail(points, state[0] if state else 0)), [len(points.step)])


def together(drawn: Sequence[Line]) -> list[Line]:
    """The lines with the faint ones of each colour and panel as one, behind the others: a browser pays per line."""
    alike: dict[tuple[Any, ...], list[Line]] = {}
    for line in drawn:
        if line.behind:
            alike.setdefault((line.trace["line"]["color"], line.trace.get("xaxis", "")), []).append(line)
    faint = [
        replace(
            lines[0],
            key="\0".join(key),
            kind="faint",
            columns=[points for line in lines for points in line.columns],
            origins=[line.origin for line in lines],
            most=TARGET // 32,
        )
        for key, lines in alike.items()
    ]
    return [*faint, *(line for line in drawn if not line.behind)]


def _faint(line: Line, state: State | None) -> NewPoints:
    """The columns one after the other, with a NaN behind each, from the last one known on. State: points of each."""
    read = [len(points.step) for points in line.columns]
    parts, origins = [_tail(line.columns[0], read[0])], [np.empty(0)]
    for points, origin, now, before in zip(line.columns, line.origins, read, state or [0] * len(read), strict=True):
        if now > before and len((new := _finite(_tail(points, max(before - 1, 0)))).step):
            parts += [new, _tail(new, -1)._replace(value=np.full(1, np.nan, new.value.dtype))]
            origins.append(np.full(len(new.step) + 1, origin))
    return NewPoints(Points(*map(np.concatenate, zip(*parts, strict=True))), read, origins=np.concatenate(origins))


def _smoothed(line: Line, state: State | None) -> NewPoints:
    """State: points read, then that of `_average`."""
    points = line.columns[0]
    read, *held = state or [0]
    new = _finite(_tail(points, read))
    values, held = _average(line, new.value, held)
    return NewPoints(new._replace(value=values), [len(points.step), *held], logged=new.value)


def _average(line: Line, new: NDArray[Any], held: State) -> tuple[NDArray[Any], State]:
    """The smoothed values. State: the average with its bias, values in it, the value while all are equal."""
    weight = min(max(line.weight, 0.0), MAX_WEIGHT)
    last, count, constant = held or [0.0, 0, None]
    first = not count
    if not len(new):
        return new, [last, count, constant]
    if first:
        constant = float(new[0])
    if constant is not None and (new == constant).all():
        return new, [constant * (1.0 - weight ** (count + len(new))), count + len(new), constant]
    if constant is not None and not first:
        raise PastChanged(line.key)
    values, last = smooth(new, weight, last, count)
    return values, [last, count + len(values), None]


def _gap(line: Line, state: State | None) -> NewPoints:
    """The gap, where both have the step. State: points read of each, then `_average`'s."""
    first, second, *held = state or [0, 0]
    tails = [_tail(points, at) for points, at in zip(line.columns, (first, second), strict=True)]
    drawn = gaps(*tails, lower_is_better=line.best == "lowest")
    if not len(drawn.step):
        return NewPoints(drawn, [first, second, *held])
    read = [
        at + int(np.searchsorted(tail.step, drawn.step[-1])) + 1
        for at, tail in zip((first, second), tails, strict=True)
    ]
    drawn = _finite(drawn)
    if not line.weight:
        return NewPoints(drawn, read)
    values, held = _average(line, drawn.value, held)
    return NewPoints(drawn._replace(value=values), [*read, *held])


def _best(line: Line, state: State | None) -> NewPoints:
    """The best value, once a better one comes; the earliest of equals. State: points read, the best value, its step."""
    points = line.columns[0]
    read, best, step = state or [0, None, None]
    new = _finite(_tail(points, read))
    if not len(new.value):
        return NewPoints(new, [len(points.step), best, step])
    highest = line.best == "highest"
    at = int(new.value.argmax() if highest else new.value.argmin())
    value = float(new.value[at])
    if best is not None and (value <= best if highest else value >= best):
        return NewPoints(_tail(new, len(new.step)), [len(points.step), best, step])
    return NewPoints(new.at(np.array([at])), [len(points.step), value, int(new.step[at])])


def _odd(line: Line, state: State | None) -> NewPoints:
    """Where a value is NaN or infinite, at the height of the last finite value. State: points read, that value."""
    points = line.columns[0]
    read, last = state or [0, None]
    new = _tail(points, read)
    finite = np.isfinite(new.value)
    heights = new.value[:0]
    if not finite.all():
        before = np.maximum.accumulate(np.where(finite, np.arange(len(finite)), -1))
        carried = np.where(before >= 0, new.value[before], 0.0 if last is None else last)
        heights = carried[~finite].astype(np.float64)
    if finite.any():
        last = float(new.value[finite][-1])
    texts = ["NaN" if v != v else "+infinity" if v > 0 else "-infinity" for v in new.value[~finite].tolist()]
    return NewPoints(new.at(~finite)._replace(value=heights), [len(points.step), last], texts)


def _mean(line: Line, state: State | None) -> NewPoints:
    """The mean, smallest or largest value of several columns at each step that any has. State: points of each."""
    read = [len(points.step) for points in line.columns]
    nothing = _tail(line.columns[0], read[0])
    if state == read:
        return NewPoints(nothing, read)
    if state is not None:
        raise PastChanged(line.key)
    finite = [_finite(points) for points in line.columns]
    step, wall, value = (np.concatenate(column) for column in zip(*finite, strict=True))
    if not len(step):
        return NewPoints(nothing, read)
    order = np.argsort(step, kind="stable")
    step, wall, value = step[order], wall[order], value[order].astype(np.float64)
    first = np.flatnonzero(np.append(True, step[1:] != step[:-1]))
    count = np.diff(np.append(first, len(step)))
    how: Any = {"mean": np.add, "low": np.minimum, "high": np.maximum}[line.kind]
    drawn = how.reduceat(value, first)
    if line.kind == "mean":
        drawn = drawn / count
    if line.weight:
        drawn, _ = _average(line, drawn, [])
    return NewPoints(Points(step[first], np.add.reduceat(wall, first) / count, drawn), read)


KINDS: dict[str, Callable[[Line, State | None], NewPoints]] = {
    "raw": _raw,
    "faint": _faint,
    "smooth": _smoothed,
    "gap": _gap,
    "best": _best,
    "odd": _odd,
    "mean": _mean,
    "low": _mean,
    "high": _mean,
}
"""The function that continues each kind of line."""

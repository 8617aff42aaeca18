"""A run's files to its series: canonical order, restarts, duplicates; functions of the files' bytes only.

    series = merge_run(files)[0]["loss"]      # every point of the tag, in canonical order, the superseded ones flagged
    points = live(series)              # what the run log shows: by step ascending, each step once

The rules are those of docs/promise.md, "Order and supersession", and are named here by their numbers. Three remarks
make them quick, and none changes them:

- Rules 1 to 3 supersede points with a step >= some step, so that rule 2's condition "<= the largest so far" needs no
  look: where it fails there is nothing to supersede.
- Every rule supersedes, of the points of one tag and step, the earlier ones. So the rules can be applied one after the
  other, and rule 4 looks only at what the others left, which after an ordinary restart is in ascending order.
- A file's time span (rules 1 and 2) reaches from the smallest to the largest finite wall time of all its scalars. Where
  there is none, rule 1 holds for the file, and rule 2 does not. Spans that touch overlap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tbbridge.core.model import Bools, EventFile, Float64, Floats, Int64, Points, Series, Start

_DIGITS = re.compile(r"([0-9]+)")

NaturalKey = tuple[list[str | tuple[int, str]], str]
OrderKey = tuple[bool, float, NaturalKey]


@lru_cache(maxsize=1 << 16)
def natural_key(name: str) -> NaturalKey:
    """A sorting key that compares the numbers in a name as numbers: ``run.2`` before ``run.10``.

    Numbers are compared by length and digits, leading zeros aside, so that their size has no limit; no two names share
    a key.
    """
    parts = _DIGITS.split(name)
    stripped = (part.lstrip("0") for part in parts[1::2])
    key: list[str | tuple[int, str]] = list(parts)
    key[1::2] = [(len(digits), digits) for digits in stripped]
    return key, name


def order_key(file: EventFile) -> OrderKey:
    """The key of the canonical order of a run's files: first wall time (none or not finite: last), then name."""
    finite = math.isfinite(file.first_wall_time)
    return not finite, float(file.first_wall_time) if finite else 0.0, natural_key(file.name)


def canonical_order(files: Iterable[EventFile]) -> list[EventFile]:
    """A run's files in canonical order."""
    return sorted(files, key=order_key)


def wall_time_interval(wall_time: Float64) -> tuple[float, float]:
    """The smallest and the largest finite wall time; (-inf, inf) where there is none, which lies after nothing."""
    if len(wall_time) == 1 and math.isfinite(only := wall_time.item()):
        return only, only
    finite = wall_time[np.isfinite(wall_time)]
    if not len(finite):
        return -np.inf, np.inf
    return float(finite.min()), float(finite.max())


def merge_run(files: Sequence[EventFile], above: Sequence[EventFile] = ()) -> tuple[dict[str, Series], list[Restart]]:
    """The series of one run, by tag, the tags sorted; and where the training began again, in canonical order.

    The arrays are its own: the files may go on growing. A series is float32 where every value of it was written as
    float32 or narrower, else float64.

    Args:
        files: the run's event files, in any order.
        above: the session starts that hold for the run, though they stand in other runs' files (`inherited_starts`).
    """
    ordered = canonical_order([*files, *above])
    merged = merge_ordered(ordered)
    names = {file.name for file in files}
    return merged.series(), [restart for restart in merged.restarts(ordered) if restart.file in names]


def live(series: Series) -> Points:
    """The points that nothing supersedes, by step ascending, each step once; views of the series where that can be."""
    points = Points(series.step, series.wall_time, series.value)
    if series.superseded.any():
        points = points.at(~series.superseded)
    if (points.step[1:] > points.step[:-1]).all():
        return points
    return points.at(np.argsort(points.step, kind="stable"))


class Restart(NamedTuple):
    """A training began again."""

    file: str
    """The event file in which the restart shows."""
    step: int
    """The older points from this step on are superseded (by rule 2: the lowest of its tags' steps)."""
    announced: bool
    """True by rule 1, False by rules 2 and 3."""
    wall_time: float = np.inf
    """When it began again, in seconds since the epoch; infinite where that is not known."""
    behind: tuple[str, int, float] | None = None
    """An earlier file that may have resumed it with a clock behind: that file, its first step and wall time."""


@dataclass(slots=True)
class Segments:
    """The stretches of points of one tag and one file, in the order of `Merged`'s points; parallel columns."""

    start: Int64
    """Index of the stretch's first point."""
    tag: Int64
    file: Int64
    first: Int64
    """The step of its first point."""
    restart: Bools
    """True where rule 2 makes the file supersede the points from `first` on."""
    back: Bools
    """True where, besides, `first` is at or before the tag's largest step so far: a restart that can be seen."""


@dataclass(slots=True)
class Merged:
    """All points of a run, tag by tag, within a tag in canonical order; parallel columns."""

    names: list[str]
    """The tags, in order of first appearance."""
    bounds: Int64
    """The points of tag i are ``[bounds[i], bounds[i + 1])``."""
    position: Int64
    """A point's place in the run's canonical order."""
    step: Int64
    wall_time: Float64
    value: Floats
    superseded: Bools
    ordinal: Bools
    """By tag: rule 5 holds."""
    double: Bools
    """By tag: some value was written wider than float32."""
    segments: Segments
    repeats: Int64
    """By tag: how many points gave way to a later value of the same step (rule 4)."""
    loops: dict[int, list[tuple[int, float]]]
    """File -> the steps and wall times at which its writer ran a loop again (rule 3)."""

    def series(self) -> dict[str, Series]:
        """The series by tag; views of the columns, but for float32 values that a double elsewhere had widened."""
        numbers = {name: i for i, name in enumerate(self.names) if self.bounds[i] < self.bounds[i + 1]}
        return {name: self._series(numbers[name]) for name in sorted(numbers)}

    def _series(self, tag: int) -> Series:
        own = slice(self.bounds[tag], self.bounds[tag + 1])
        value: Floats = self.value[own].astype(np.float64 if self.double[tag] else np.float32, copy=False)
        ordinal, repeats = bool(self.ordinal[tag]), int(self.repeats[tag])
        return Series(self.step[own], self.wall_time[own], value, self.superseded[own], ordinal, repeats)

    def restarts(self, files: Sequence[EventFile]) -> list[Restart]:
        """The training's restarts, in canonical order.

        Args:
            files: those that were merged, in canonical order.
        """
        back: dict[int, int] = {}
        parts = self.segments
        for number, first in zip(parts.file[parts.back].tolist(), parts.first[parts.back].tolist(), strict=True):
            back[number] = min(first, back.get(number, first))
        found = []
        spans = [wall_time_interval(file.scalars.wall_time) for file in files]
        highs = [high for _, high in spans]
        filled = [len(file.scalars.step) > 0 for file in files]
        for number, file in enumerate(files):
            before = zip(highs[:number], filled[:number], strict=True) if file.starts else ()
            earlier = [high for high, full in before if full]
            counted = [one for one in file.starts if not one.first or any(reaches(one, high) for high in earlier)]
            found += [
                Restart(file.name, one.step, True, one.wall_time) for one in sorted(counted, key=lambda one: one.step)
            ]
            if number in back and not counted:  # a restart that a START announced is counted once
                behind = self._behind(number)
                of = (files[behind[0]].name, behind[1], spans[behind[0]][0]) if behind else None
                found.append(Restart(file.name, back[number], False, spans[number][0], of))
            found += [Restart(file.name, step, False, wall_time) for step, wall_time in self.loops.get(number, ())]
        return found

    def _behind(self, number: int) -> tuple[int, int] | None:
        """The first file of a tag, and its first step there, where a file that counts as a later one covers that step.

        So it is where the clock of a resumed training is behind: the older part looks like a restart then.
        """
        parts = self.segments
        ends = np.append(parts.start[1:], len(self.step))
        for place in np.flatnonzero(parts.back & (parts.file == number)).tolist():
            first = int(np.searchsorted(parts.tag, parts.tag[place]))
            step, steps = int(parts.first[first]), self.step[parts.start[place] : ends[place]]
            low, high = int(steps.min()), int(steps.max())
            if low < step <= high + (high - low) // max(len(steps) - 1, 1):
                return int(parts.file[first]), step
        return None


def merge_ordered(files: Sequence[EventFile]) -> Merged:
    """`merge_run`, for files that are in canonical order already, with what led to it."""
    merged = _gather(files)
    _number_stepless(merged)
    _announced_restarts(merged, files)
    _unannounced_restarts(merged, files)
    _loops(merged, files)
    _repeated_steps(merged)
    return merged


def reaches(start: Start, high: float) -> bool:
    """Rule 1: whether a START supersedes points of an earlier file whose largest finite wall time is `high`."""
    return not np.isfinite(high) or start.wall_time > high


def loop_starts(step: Int64) -> NDArray[np.intp]:
    """Rule 3: the places of one tag and file at which the tag returns to a step that it has, and rises again."""
    top = np.maximum.accumulate(step)
    rises = np.flatnonzero((step[1:] > step[:-1]) & (step[1:] <= top[:-1]))
    if not len(rises):
        return rises
    _, first, same = np.unique(step, return_index=True, return_inverse=True)
    return rises[first[same[rises]] < rises]


def doubles(file: EventFile) -> set[int]:
    """The tags of a file that hold a value wider than float32."""
    if file.scalars.value.dtype != np.float64:
        return set()
    return file.doubles or set(range(len(file.tags)))


def _gather(files: Sequence[EventFile]) -> Merged:
    """All points, grouped by tag, the order within a tag kept; nothing superseded yet."""
    names: dict[str, int] = {}
    numbers = [np.array([names.setdefault(tag, len(names)) for tag in file.tags], np.int32) for file in files]
    wide = {int(numbers[i][tag]) for i, file in enumerate(files) for tag in doubles(file)}
    tag = _joined([numbers[i][file.scalars.tag] for i, file in enumerate(files)], np.int32)
    # numpy's stable sort of 16-bit integers is a radix sort, ten times as fast as that of wider ones
    position = np.argsort(tag.astype(np.uint16) if len(names) <= 1 << 16 else tag, kind="stable")
    lengths = [len(file.scalars.step) for file in files]
    owner = np.repeat(np.arange(len(files), dtype=np.int32), lengths)
    step = _joined([file.scalars.step for file in files], np.int64)[position]
    return Merged(
        names=list(names),
        bounds=np.concatenate([[0], np.cumsum(np.bincount(tag, minlength=len(names)))]).astype(np.int64),
        position=position,
        step=step,
        wall_time=_joined([file.scalars.wall_time for file in files], np.float64)[position],
        value=_joined([file.scalars.value for file in files], np.float32)[position],
        superseded=np.zeros(len(tag), bool),
        ordinal=np.zeros(len(names), bool),
        double=np.isin(np.arange(len(names)), list(wide)),
        segments=_segments(tag[position], owner[position], step),
        repeats=np.zeros(len(names), np.int64),
        loops={},
    )


def _joined(columns: list[NDArray[Any]], empty: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(columns) if columns else np.empty(0, empty)


def _segments(tag: NDArray[np.int32], file: NDArray[np.int32], step: Int64) -> Segments:
    changes = (tag[1:] != tag[:-1]) | (file[1:] != file[:-1])
    start = np.flatnonzero(np.concatenate([[len(tag) > 0], changes]))
    tags, files = tag[start].astype(np.int64), file[start].astype(np.int64)
    nowhere = np.zeros(len(start), bool)
    return Segments(start, tags, files, step[start], nowhere, nowhere)


def _number_stepless(merged: Merged) -> None:
    """Rule 5: where all points of a tag are at step 0, and more than one of them, the ordinal is the step."""
    filled = np.flatnonzero(np.diff(merged.bounds) > 0)
    stepped = np.bitwise_or.reduceat(merged.step, merged.bounds[filled]) != 0 if len(filled) else np.empty(0, bool)
    merged.ordinal[filled] = ~stepped & (np.diff(merged.bounds)[filled] > 1)
    for tag in np.flatnonzero(merged.ordinal):
        start, end = merged.bounds[tag], merged.bounds[tag + 1]
        merged.step[start:end] = np.arange(end - start)
    merged.segments.first = merged.step[merged.segments.start]


def _announced_restarts(merged: Merged, files: Sequence[EventFile]) -> None:
    """Rule 1: a START supersedes the points before it in its file, and in the earlier files that it reaches."""
    starts = [(number, start) for number, file in enumerate(files) for start in file.starts]
    if not starts:
        return
    owner = np.array([number for number, _ in starts])
    before, step = np.array([(start.before, start.step) for _, start in starts], np.int64).T
    wall_time = np.array([start.wall_time for _, start in starts])
    lengths: list[ArrayLike] = []
    thresholds: list[ArrayLike] = []
    reached: list[ArrayLike] = []
    for number, file in enumerate(files):
        count = len(file.scalars.step)
        high = wall_time_interval(file.scalars.wall_time)[1]
        own, reaching = owner == number, (owner > number) & ((wall_time > high) | ~np.isfinite(high))
        ends = np.append(before[own], np.full(np.count_nonzero(reaching), count))
        lowest = np.minimum.accumulate(np.append(step[own], step[reaching])[::-1])[::-1]
        lengths += [np.diff(ends, prepend=0), [count - ends.max(initial=0)]]  # the last START reaches nothing behind it
        thresholds += [lowest, [0]]
        reached += [np.ones(len(ends), bool), [False]]
    length = np.concatenate(lengths).astype(np.int64)
    threshold = np.repeat(np.concatenate(thresholds), length)[merged.position]
    early = np.repeat(np.concatenate(reached), length)[merged.position].astype(bool)
    merged.superseded |= early & (merged.step >= threshold)


def _unannounced_restarts(merged: Merged, files: Sequence[EventFile]) -> None:
    """Rule 2: a file wholly after the earlier ones that hold the tag supersedes their points from its first step on."""
    segments = merged.segments
    follows = np.concatenate([[False], segments.tag[1:] == segments.tag[:-1]])
    if not follows.any():  # every tag is in one file
        return
    low, high = np.array([wall_time_interval(file.scalars.wall_time) for file in files]).T
    latest = np.roll(_running_max(high[segments.file], segments.tag), 1)
    stepped = np.logical_or.reduceat(merged.step != 0, segments.start)
    segments.restart = follows & (low[segments.file] > latest) & stepped
    if not segments.restart.any():
        return
    largest = np.roll(_running_max(np.maximum.reduceat(merged.step, segments.start), segments.tag), 1)
    segments.back = segments.restart & (segments.first <= largest)
    steps, rank = np.unique(segments.first, return_inverse=True)
    none = len(steps)
    rank[~segments.restart] = none
    # the lowest first step of the restarts from here on, as a running maximum from the end
    lowest = none - _running_max((none - rank)[::-1], segments.tag[::-1].max(initial=0) - segments.tag[::-1])[::-1]
    later = np.concatenate([np.where(follows[1:], lowest[1:], none), [none]])
    lengths = np.diff(segments.start, append=len(merged.step))
    stretch = np.repeat(later, lengths)
    threatened = stretch < none
    merged.superseded[threatened] |= merged.step[threatened] >= steps[stretch[threatened]]


def _running_max(values: NDArray[Any], group: Int64) -> NDArray[Any]:
    """The largest value so far, within each group; groups are numbers that never fall."""
    levels, rank = np.unique(values, return_inverse=True)
    key = group * len(levels) + rank
    found: NDArray[Any] = levels[np.maximum.accumulate(key) - group * len(levels)]
    return found


def _loops(merged: Merged, files: Sequence[EventFile]) -> None:
    """Rule 3: what one writer logged before its loop ran again is superseded from that step on."""
    ends = np.append(merged.segments.start[1:], len(merged.step))
    falls = np.flatnonzero(merged.step[1:] < merged.step[:-1]) + 1
    falls = falls[~np.isin(falls, merged.segments.start)]
    begins = np.cumsum([0, *(len(file.scalars.step) for file in files)])
    found: dict[int, list[list[tuple[int, float]]]] = {}
    for segment in np.unique(np.searchsorted(merged.segments.start, falls, side="right") - 1):
        own = slice(int(merged.segments.start[segment]), int(ends[segment]))
        step = merged.step[own]
        places = loop_starts(step)
        if len(places):
            lowest = np.minimum.accumulate(step[places][::-1])[::-1]
            older = slice(0, int(places[-1]))
            threshold = np.repeat(lowest, np.diff(places, prepend=0))
            merged.superseded[own][older] |= step[older] >= threshold
            number = int(merged.segments.file[segment])
            offsets = merged.position[own] - begins[number]
            turns = _turns(step, places, offsets, files[number].starts)
            wall_time = merged.wall_time[own]
            found.setdefault(number, []).append([(int(step[at]), float(wall_time[at])) for at in turns])
    merged.loops = {number: max(turns, key=len) for number, turns in found.items()}


def _turns(step: Int64, places: NDArray[np.intp], offsets: Int64, starts: Sequence[Start]) -> list[int]:
    """Find where a loop began again: the first of `places` after each fall that no START announced."""
    falls = np.flatnonzero(step[1:] < step[:-1]) + 1
    fall, first = np.unique(np.searchsorted(falls, places, side="right") - 1, return_index=True)
    announced = np.array([start.before for start in starts], np.int64)
    after, upto = offsets[falls[fall] - 1], offsets[falls[fall]]
    silent = np.searchsorted(announced, after, side="right") == np.searchsorted(announced, upto, side="right")
    turns: list[int] = places[first[silent]].tolist()
    return turns


def _repeated_steps(merged: Merged) -> None:
    """Rule 4: of the points of one tag and step that are left, the last one stays."""
    left = np.flatnonzero(~merged.superseded)
    step = merged.step[left]
    tag = np.repeat(np.arange(len(merged.names), dtype=np.int32), np.diff(merged.bounds))[left]
    falls = (step[1:] <= step[:-1]) & (tag[1:] == tag[:-1])
    for one in np.unique(tag[1:][falls]):
        merged.repeats[one] = _keep_last(merged, left[slice(*np.searchsorted(tag, [one, one + 1]))])


def _keep_last(merged: Merged, points: NDArray[np.intp]) -> int:
    """Of these points of one tag, keep the last of each step; returns how many others there were."""
    order = points[np.argsort(merged.step[points], kind="stable")]
    step = merged.step[order]
    again = order[:-1][step[1:] == step[:-1]]
    merged.superseded[again] = True
    return len(again)

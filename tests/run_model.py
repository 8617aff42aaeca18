"""The rules of order and supersession, slow and written to be read, and the small files on which they are tried.

Each rule is the sentence of docs/promise.md, word for word where that can be; nothing is shared with tbbridge/shape.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from tbbridge.core.model import EventFile, Scalars, Start


class Log(NamedTuple):
    """One scalar, as a test writes it."""

    tag: str
    step: int
    wall_time: float
    value: float


class Restart(NamedTuple):
    """A SessionLog.START, as a test writes it."""

    step: int
    wall_time: float = math.inf


Event = Log | Restart


def event_file(
    name: str, events: Sequence[Event], *, born: float | None = None, doubles: Sequence[str] = ()
) -> EventFile:
    """What decoding a file with these events would give.

    born: wall time of its first record; by default that of its first scalar.
    doubles: tags whose values are written as float64.
    """
    logs = [event for event in events if isinstance(event, Log)]
    tags = list(dict.fromkeys(log.tag for log in logs))
    wide = {tags.index(tag) for tag in doubles if tag in tags}
    scalars = Scalars(
        np.array([tags.index(log.tag) for log in logs], np.int32),
        np.array([log.step for log in logs], np.int64),
        np.array([log.wall_time for log in logs], np.float64),
        np.array([log.value if log.tag in doubles else np.float32(log.value) for log in logs]).astype(
            np.float64 if wide else np.float32
        ),
    )
    starts, before = [], 0
    for place, event in enumerate(events):
        if isinstance(event, Restart):
            time = event.wall_time if math.isfinite(event.wall_time) else math.inf
            starts.append(Start(before, event.step, place == 0, time))
        else:
            before += 1
    first = born if born is not None else logs[0].wall_time if logs else math.nan
    return EventFile(name, scalars, tags, wide, first if events else math.nan, starts, records=len(events))


@dataclass(slots=True)
class Dot:
    """One point of the model; `gone`: a restart superseded it."""

    file: int
    offset: int
    tag: str
    step: int
    wall_time: float
    value: float
    superseded: bool = False
    gone: bool = False


class Back(NamedTuple):
    """A restart, as the rules see it."""

    file: str
    step: int
    announced: bool


def rule_by_rule(files: Sequence[EventFile]) -> tuple[dict[str, list[Dot]], list[Back]]:
    """The points of a run by tag, in canonical order, with the superseded ones flagged; and its restarts."""
    ordered = canonical(files)
    dots = [
        Dot(number, offset, file.tags[tag], step, wall_time, value)
        for number, file in enumerate(ordered)
        for offset, (tag, step, wall_time, value) in enumerate(
            zip(*(column.tolist() for column in columns(file)), strict=True)
        )
    ]
    tags = sorted({dot.tag for dot in dots})
    by_tag = {tag: [dot for dot in dots if dot.tag == tag] for tag in tags}
    for points in by_tag.values():
        rule_5(points)
    rule_1(dots, ordered)
    backs = [back for points in by_tag.values() for back in rule_2(points, ordered)]
    loops = [loop for points in by_tag.values() for loop in rule_3(points, ordered)]
    for points in by_tag.values():
        for point in points:
            point.gone = point.superseded
        rule_4(points)
    restarts = []
    for number, file in enumerate(ordered):
        earlier = [other for other in ordered[:number] if len(other.scalars.step)]
        starts = [start for start in file.starts if not start.first or any(reached(one, start) for one in earlier)]
        restarts += [Back(file.name, step, True) for step in sorted(start.step for start in starts)]
        steps = [back.step for back in backs if back.file == file.name]
        restarts += [Back(file.name, min(steps), False)] if steps and not starts else []
        turns = [steps for name, steps in loops if name == file.name]
        restarts += [Back(file.name, step, False) for step in max(turns, key=len, default=[])]
    return by_tag, restarts


def columns(file: EventFile) -> tuple[np.ndarray, ...]:
    scalars = file.scalars
    return scalars.tag, scalars.step, scalars.wall_time, scalars.value


def canonical(files: Sequence[EventFile]) -> list[EventFile]:
    """The wall time of the file's first record (files without a finite one last), then the file name with its numbers
    compared as numbers."""

    def key(file: EventFile) -> tuple[object, ...]:
        time = file.first_wall_time if math.isfinite(file.first_wall_time) else math.inf
        numbers = [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", file.name))]
        return time, numbers, file.name

    return sorted(files, key=key)


def rule_5(points: list[Dot]) -> None:
    """All points of a series at step 0 and more than one of them: the ordinal is the step."""
    if len(points) > 1 and all(point.step == 0 for point in points):
        for ordinal, point in enumerate(points):
            point.step = ordinal


def rule_1(dots: list[Dot], files: Sequence[EventFile]) -> None:
    """A START at step s supersedes, for all tags, the points with step >= s that come before it in its own file, and
    those of the run's earlier files whose time span lies wholly before it (all of them without finite wall times)."""
    for number, file in enumerate(files):
        for start in file.starts:
            for dot in dots:
                earlier = dot.file < number and reached(files[dot.file], start)
                if (earlier or (dot.file == number and dot.offset < start.before)) and dot.step >= start.step:
                    dot.superseded = True


def reached(earlier: EventFile, start: Start) -> bool:
    """Whether a file's time span lies wholly before a START, or nothing is known of it."""
    times = [time for time in earlier.scalars.wall_time.tolist() if math.isfinite(time)]
    return not times or not math.isfinite(start.wall_time) or start.wall_time > max(times)


def rule_2(points: list[Dot], files: Sequence[EventFile]) -> Iterator[Back]:
    """A later file whose first point of a tag has a step <= that tag's largest so far, and whose wall-time interval
    lies wholly after the earlier files' that hold the tag, supersedes that tag's earlier points with step >= it;
    but a file that holds nothing but step 0 of the tag does not."""
    for number in sorted({point.file for point in points}):
        first = next(point for point in points if point.file == number)
        earlier = [point for point in points if point.file < number]
        holders = [files[other] for other in {point.file for point in earlier}]
        goes_back = bool(earlier) and first.step <= max(point.step for point in earlier)
        nothing_else = all(point.step == 0 for point in points if point.file == number)
        if goes_back and not nothing_else and all(wholly_after(files[number], other) for other in holders):
            for point in earlier:
                point.superseded |= point.step >= first.step
            yield Back(files[number].name, first.step, False)


def wholly_after(later: EventFile, earlier: EventFile) -> bool:
    """Whether every finite wall time of one file comes after every one of the other, and both have some."""
    mine = [time for time in later.scalars.wall_time.tolist() if math.isfinite(time)]
    others = [time for time in earlier.scalars.wall_time.tolist() if math.isfinite(time)]
    return bool(mine) and bool(others) and min(mine) > max(others)


def rule_3(points: list[Dot], files: Sequence[EventFile]) -> Iterator[tuple[str, list[int]]]:
    """Within a file, a tag that returns to a step that it has already, and rises again from there among the steps that
    it has passed, begins again there: its older points of that file from that step on are superseded.

    Yields the file and the steps of the loops that no START announced."""
    for number in sorted({point.file for point in points}):
        own = [point for point in points if point.file == number]
        turns, fall, told = [], None, True
        for place, point in enumerate(own[:-1]):
            older, following = own[:place], own[place + 1]
            if older and point.step < older[-1].step:
                between = [s for s in files[number].starts if older[-1].offset < s.before <= point.offset]
                fall, told = place, bool(between)
            has_it = any(other.step == point.step for other in older)
            highest = max((other.step for other in older), default=point.step)
            if has_it and point.step < following.step <= highest:
                for other in older:
                    other.superseded |= other.step >= point.step
                if fall is not None and not told:
                    turns.append(point.step)
                told = True
        if turns:
            yield files[number].name, turns


def rule_4(points: list[Dot]) -> None:
    """Same tag and step twice: the last in canonical order wins, of those that no restart superseded."""
    last = {point.step: point for point in points if not point.gone}
    for point in points:
        if not point.gone and point is not last[point.step]:
            point.superseded = True


STEPS = st.one_of(st.integers(0, 6), st.sampled_from([-1, -(1 << 63), (1 << 63) - 1]), st.just(0))
SPECIAL = st.sampled_from([math.nan, math.inf, -math.inf, 0.0])


@st.composite
def event_lists(draw: st.DrawFn, era: int, stepless: bool) -> list[Event]:
    """The events of one file, at wall times around `era` (neighbouring eras overlap at times)."""
    times = st.one_of(
        st.integers(0, 12).map(lambda tick: era * 10.0 + tick), SPECIAL if draw(st.booleans()) else st.just(era * 10.0)
    )
    steps = st.just(0) if stepless else STEPS
    log = st.builds(Log, st.sampled_from("abc"), steps, times, st.floats(width=32))
    start = st.builds(Restart, STEPS, times)
    return draw(st.lists(st.one_of(log, log, log, log, start) if draw(st.booleans()) else log, max_size=8))


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[str, list[Event], float | None, list[str]]]:
    """The arguments of `event_file` for the files of one run."""
    stepless = draw(st.sampled_from([False, False, False, True]))
    names = draw(st.permutations(["events.2", "events.10", "events.1", "events.01"]))
    made = []
    for name in names[: draw(st.integers(1, 4))]:
        era = draw(st.integers(0, 3))
        born = draw(st.one_of(st.none(), st.just(era * 10.0), SPECIAL))
        doubles = draw(st.sampled_from([[], [], ["b"]]))
        made.append((name, draw(event_lists(era, stepless)), born, doubles))
    return made

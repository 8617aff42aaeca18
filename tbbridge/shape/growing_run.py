"""The series of one run whose files grow: what `merge` would give, for the price of the news.

    run = RunSeries()
    run.update([file.log for file in touched])             # -> the tags whose series changed
    run.update([file.log], again={file.log.name})          # the file was replaced, and was read from byte 0 again
    run.update([], gone={"train/events.out.tfevents.1"})
    points = run.live("loss")                              # == live(merge(all files)["loss"])
    run.restarts                                           # where the training began again

`live` and `series` hand out views that never change; `growing.common_prefix` of an earlier and a later one tells how
much of the past still stands, mostly for nothing.

Every rule of `tbbridge.shape.series` is one of the two moves of a `Track`: to *cut* its live points from some step on
(a restart), or to *put* points in at their steps, also those of a file that another one follows, as when two writers
share a tag. What is neither, as when a late file has an earlier name, an earlier file goes on behind a restart, or rule
2 or 5 changes its mind about the past, makes the run be merged again from its files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tbbridge.core.growing_column import Shelf, common_start, in_memory
from tbbridge.core.model import EventFile, Int64, Points, Scalars, Series, Start
from tbbridge.shape import series as rules
from tbbridge.shape.growing_series import Track
from tbbridge.shape.series import Restart

_POINTS_A_PIECE = 1000
"""How many points are merged in the time that one file's news of one tag takes (measured: 30 us)."""
_POINTS_A_MERGE = 30_000
"""How many points are merged in the time that any merge takes, however small (measured: 1 ms)."""


class _Elsewhere(Exception):
    """The news is not at the end: merge again."""


@dataclass(slots=True)
class _Holder:
    """A file's points of one tag."""

    file: _Seen
    restart: bool
    """Rule 2 makes it supersede the earlier points from its first step on."""
    points: int = 0
    stepped: bool = False
    """It holds another step than 0."""
    last: int | None = None
    """The step of its last point; None before the first."""
    top: int = 0
    """Its largest step."""
    looped: bool = False
    """Since its steps went back the last time, rule 3 was applied."""


@dataclass(slots=True)
class _Seen:
    """What has been taken in of one file."""

    key: rules.OrderKey
    points: int = 0
    starts: int = 0
    low: float = -np.inf
    high: float = np.inf
    tags: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Start:
    """A SessionLog.START and the file in which it stands."""

    key: rules.OrderKey
    start: Start

    def reaches(self, seen: _Seen) -> bool | None:
        """Whether it supersedes points of an earlier file; None when that has no points."""
        return rules.reaches(self.start, seen.high) if seen.points and seen.key < self.key else None


class RunSeries:
    """The series of one run, kept up to date (see above).

    shelf: where old points rest; all stay in memory when None.
    """

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._files: dict[str, EventFile] = {}
        self._seen: dict[str, _Seen] = {}
        self._starts: list[_Start] = []
        self._back: dict[str, int] = {}
        self._loops: dict[str, list[int]] = {}
        self._tracks: dict[str, Track] = {}
        self._holders: dict[str, list[_Holder]] = {}

    @property
    def tags(self) -> list[str]:
        """The tags that have points, sorted."""
        return sorted(self._tracks)

    def series(self, tag: str) -> Series:
        """All points of a tag; KeyError where there are none."""
        return self._tracks[tag].series

    def live(self, tag: str) -> Points:
        """The tag's points that nothing supersedes, by step ascending; KeyError where there are none."""
        return self._tracks[tag].live

    def ordinal(self, tag: str) -> bool:
        """Whether the tag's steps are ordinals by rule 5."""
        return self._tracks[tag].ordinal

    def superseded(self, tag: str) -> int:
        """How many of the tag's points are superseded; 0 where there are none of it."""
        track = self._tracks.get(tag)
        return len(track.step) - len(track.live.step) if track else 0

    def snapshot(self) -> dict[str, Series]:
        """What `merge` of the run's files gives."""
        return {tag: self._tracks[tag].series for tag in self.tags}

    @property
    def restarts(self) -> list[Restart]:
        """Where the training began again, in canonical order: STARTs behind other events, and steps that go back."""
        found = [(one.key, 0, Restart(one.key[-1], one.start.step, True)) for one in self._starts if self._counts(one)]
        found += [(self._seen[name].key, 1, Restart(name, step, False)) for name, step in self._back.items()]
        found += [
            (self._seen[name].key, 2 + place, Restart(name, step, False))
            for name, steps in self._loops.items()
            for place, step in enumerate(steps)
        ]
        return [restart for *_, restart in sorted(found)]

    def _counts(self, one: _Start) -> bool:
        """Whether a START is a restart: something of its file or of an earlier one comes before it."""
        return not one.start.first or any(one.reaches(seen) for seen in self._seen.values())

    def update(
        self, changed: Iterable[EventFile], *, again: Collection[str] = (), gone: Collection[str] = ()
    ) -> set[str]:
        """Take in the news.

        changed: the files that are new, have grown or were read again (others may be among them).
        again, gone: names of the files that were read again from their beginning, or are no longer there.
        Returns the tags whose series changed, new and lost ones among them.
        """
        changed = list(changed)
        self._files.update((file.name, file) for file in changed)
        lost = [name for name in gone if self._files.pop(name, None) and name in self._seen]
        if not lost and not any(name in self._seen for name in again):
            files = [file for file in changed if _matters(file) or file.name in self._seen]
            touched: set[str] = set()
            try:
                self._weigh(files)
                self._grow(files, touched)
            except _Elsewhere:
                touched |= self._merge()
            return touched
        return self._merge()

    def _weigh(self, files: list[EventFile]) -> None:
        """_Elsewhere where so much is new that merging again costs less, as at the first look."""
        news = [(file, len(file.scalars.step) - self._points(file.name)) for file in files]
        pieces = sum(min(len(file.tags), points) for file, points in news)
        price = pieces * _POINTS_A_PIECE - _POINTS_A_MERGE - sum(points for _, points in news)
        if price > 0 and price > sum(seen.points for seen in self._seen.values()):
            raise _Elsewhere

    def _points(self, name: str) -> int:
        return self._seen[name].points if name in self._seen else 0

    def _merge(self) -> set[str]:
        """Start over from the files."""
        before = self._tracks
        files = rules.canonical_order(file for file in self._files.values() if _matters(file))
        self._seen = {file.name: _Seen(rules.order_key(file)) for file in files}
        merged = rules.merge_ordered([_in_memory(file) for file in files])
        self._starts = [_Start(rules.order_key(file), start) for file in files for start in file.starts]
        self._back = {}
        self._loops = {files[number].name: steps for number, steps in merged.loops.items()}
        for file in files:
            _take_note(self._seen[file.name], file)
        self._tracks = {tag: Track(series, self._shelf) for tag, series in merged.series().items()}
        self._hold_all(merged, [file.name for file in files])
        return {tag for tag in before.keys() | self._tracks.keys() if not _same(before.get(tag), self._tracks.get(tag))}

    def _hold_all(self, merged: rules.Merged, files: list[str]) -> None:
        """Note which files hold which tags."""
        self._holders = {tag: [] for tag in self._tracks}
        parts = merged.segments
        points = np.diff(parts.start, append=len(merged.step))
        columns = (parts.tag, parts.file, parts.first, parts.restart, parts.back, points, parts.start)
        for tag, file, first, restart, back, count, begin in zip(*(column.tolist() for column in columns), strict=True):
            holder = self._hold(merged.names[tag], self._seen[files[file]], restart, count)
            _note_steps(holder, merged.step[begin : begin + count])
            if back:
                self._went_back(files[file], first)

    def _hold(self, tag: str, seen: _Seen, restart: bool, points: int = 0) -> _Holder:
        self._holders[tag].append(_Holder(seen, restart, points))
        seen.tags.add(tag)
        return self._holders[tag][-1]

    def _went_back(self, name: str, step: int) -> None:
        self._back[name] = min(step, self._back.get(name, step))

    def _grow(self, files: list[EventFile], touched: set[str]) -> None:
        """Take the news in at the end; _Elsewhere where it is not there."""
        news = [(file, self._noticed(file)) for file in rules.canonical_order(files)]
        before = [(seen.points, seen.starts, seen.low, seen.high) for _, seen in news]
        for file, seen in news:
            reached = [one.reaches(seen) for one in self._starts]
            _take_note(seen, file, since=seen.points)
            if reached != [one.reaches(seen) for one in self._starts]:
                raise _Elsewhere
        for (_, seen), (_, _, *interval) in zip(news, before, strict=True):
            if interval != [seen.low, seen.high]:
                self._check_restarts(seen, interval[0] != seen.low)
        for (file, seen), (points, starts, *_) in zip(news, before, strict=True):
            self._grow_file(file, seen, points, starts, touched)

    def _noticed(self, file: EventFile) -> _Seen:
        key = rules.order_key(file)
        seen = self._seen.setdefault(file.name, _Seen(key))
        if seen.key != key or seen.points > len(file.scalars.step) or seen.starts > len(file.starts):
            raise _Elsewhere
        return seen

    def _check_restarts(self, seen: _Seen, low_changed: bool) -> None:
        """Whether rule 2 still says the same of the points that are in, after a file's wall-time interval changed."""
        for tag in seen.tags:
            holders = self._holders[tag]
            latest = np.inf
            for one in holders if low_changed or holders[-1].file is not seen else ():
                if one.restart != (one.stepped and one.file.low > latest):
                    raise _Elsewhere
                latest = one.file.high if one is holders[0] else max(latest, one.file.high)

    def _grow_file(self, file: EventFile, seen: _Seen, points: int, starts: int, touched: set[str]) -> None:
        """Take in a file's news, which its STARTs cut into pieces."""
        for start in file.starts[starts:]:
            self._put(file, seen, slice(points, start.before), touched)
            one = _Start(seen.key, start)
            if any(one.reaches(other) is False for other in self._seen.values()):
                raise _Elsewhere  # a writer beside it keeps its points
            for tag, track in self._tracks.items():
                self._expect_last(tag, seen)
                if track.cut(start.step):
                    touched.add(tag)
            self._starts.append(one)
            points = start.before
        self._put(file, seen, slice(points, len(file.scalars.step)), touched)

    def _put(self, file: EventFile, seen: _Seen, piece: slice, touched: set[str]) -> None:
        """Take in a piece of a file's points."""
        numbers = file.scalars.tag[piece]
        points = Points(file.scalars.step[piece], file.scalars.wall_time[piece], file.scalars.value[piece])
        wide = rules.doubles(file)
        ahead = min((one.start.step for one in self._starts if one.reaches(seen)), default=None)
        for number in np.unique(numbers).tolist():
            touched.add(file.tags[number])
            news = rules.taken(points, numbers == number)
            step = self._put_tag(file.tags[number], seen, news, np.float64 if number in wide else np.float32)
            if ahead is not None and step.max() >= ahead:  # a START of a later file supersedes some of it
                raise _Elsewhere

    def _expect_last(self, tag: str, seen: _Seen) -> None:
        """_Elsewhere where a later file holds the tag: what comes from this one does not come at the tag's end."""
        holders = self._holders[tag]
        if holders and holders[-1].file.key > seen.key:
            raise _Elsewhere

    def _put_tag(self, tag: str, seen: _Seen, news: Points, kind: type[np.floating[Any]]) -> Int64:
        """Take in a tag's news; returns their steps by rule 5."""
        track = self._tracks.get(tag)
        if track is None:
            track = self._tracks[tag] = Track.empty(kind, self._shelf)
            self._holders[tag] = []
        if kind is np.float64 and track.value.view.dtype != np.float64:
            raise _Elsewhere
        part = self._part_of(tag, seen)
        step = _numbered(track, news.step)
        holders = self._holders[tag]
        if part == len(holders):
            self._open(tag, seen, step)
        elif part < len(holders) - 1:
            track.tell_apart([one.points for one in holders])
        holder = holders[part]
        if holder.points and not holder.stepped and step.any() and self._is_late(tag, part):
            raise _Elsewhere  # now it is a restart by rule 2
        if _may_loop(holder, step, track):
            raise _Elsewhere
        _note_steps(holder, step)
        holder.points += len(step)
        track.put(step, news.wall_time, news.value, part)
        return step

    def _part_of(self, tag: str, seen: _Seen) -> int:
        """Which of the tag's holders a file is, or is to be; _Elsewhere where its points cannot be put in."""
        holders = self._holders[tag]
        if not holders or holders[-1].file is seen:
            return max(0, len(holders) - 1)
        part = next((place for place, one in enumerate(holders) if one.file is seen), len(holders))
        if part == len(holders):
            self._expect_last(tag, seen)
        elif self._tracks[tag].ordinal or any(one.restart for one in holders[part + 1 :]):
            raise _Elsewhere
        return part

    def _is_late(self, tag: str, part: int) -> bool:
        """Whether the file lies wholly after all earlier ones that hold the tag."""
        holders = self._holders[tag]
        return part > 0 and holders[part].file.low > max(one.file.high for one in holders[:part])

    def _open(self, tag: str, seen: _Seen, step: Int64) -> None:
        """A file's first points of a tag come."""
        track, holder = self._tracks[tag], self._hold(tag, seen, restart=False)
        holder.restart = bool(step.any()) and self._is_late(tag, len(self._holders[tag]) - 1)
        if holder.restart and step[0] <= track.step.view.max():
            self._went_back(seen.key[-1], int(step[0]))
            track.cut(int(step[0]))


def _in_memory(file: EventFile) -> EventFile:
    """The file with all its scalars at hand."""
    one = file.scalars
    return replace(file, scalars=Scalars(*map(in_memory, (one.tag, one.step, one.wall_time, one.value))))


def _matters(file: EventFile) -> bool:
    """Whether anything of the file matters to a series."""
    return len(file.scalars.step) > 0 or bool(file.starts)


def _take_note(seen: _Seen, file: EventFile, since: int = 0) -> None:
    """Count what a file has, and widen its wall-time interval by the points from `since` on."""
    low, high = rules.wall_time_interval(file.scalars.wall_time[since:])
    if np.isfinite(low):
        known = np.isfinite(seen.low)
        seen.low, seen.high = (min(seen.low, low), max(seen.high, high)) if known else (low, high)
    seen.points, seen.starts = len(file.scalars.step), len(file.starts)


def _note_steps(holder: _Holder, news: Int64) -> None:
    """Take note of the steps of a file's next points of a tag."""
    steps = news if holder.last is None else np.append(holder.last, news)
    falls = np.flatnonzero(steps[1:] < steps[:-1])
    if len(falls):
        loops = rules.loop_starts(steps)
        holder.looped = len(loops) > 0 and bool(loops[-1] > falls[-1])
    holder.top = int(steps.max()) if holder.last is None else max(holder.top, int(steps.max()))
    holder.stepped = holder.stepped or bool(news.any())
    holder.last = int(steps[-1])


def _may_loop(holder: _Holder, news: Int64, track: Track) -> bool:
    """Whether rule 3 may apply to a file's next points of a tag."""
    steps = news if holder.last is None else np.append(holder.last, news)
    top = np.maximum.accumulate(np.maximum(steps, steps[0] if holder.last is None else holder.top))
    rises = np.flatnonzero((steps[1:] > steps[:-1]) & (steps[1:] <= top[:-1]))
    if holder.looped:  # what lies above was superseded when the steps went back
        falls = np.flatnonzero(steps[1:] < steps[:-1])
        rises = rises[rises > (falls[0] if len(falls) else len(steps))]
    if not len(rises):
        return False
    known = in_memory(track.step.view)
    own = holder.last is not None and rises[0] == 0  # its last point is among the known ones
    again = own and np.count_nonzero(known == steps[0]) > 1
    return again or bool(np.isin(steps[rises[own:]], known).any()) or len(rules.loop_starts(steps)) > 0


def _numbered(track: Track, step: Int64) -> Int64:
    """The steps of a tag's news by rule 5."""
    count = len(track.step)
    stepless = not step.any()
    if stepless and (track.ordinal or (not count and len(step) > 1)):
        track.ordinal = True
        return np.arange(count, count + len(step))
    if track.ordinal or (stepless and count == 1 and not track.step.view[0]):
        raise _Elsewhere
    return step


def _same(old: Track | None, new: Track | None) -> bool:
    if old is None or new is None:
        return False
    a, b = old.series, new.series
    columns = ((a.step, b.step), (a.wall_time, b.wall_time), (a.value, b.value), (a.superseded, b.superseded))
    return all(len(x) == len(y) == common_start(x, y) for x, y in columns)

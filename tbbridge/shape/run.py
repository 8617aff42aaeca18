"""The series of one run whose files grow: what `merge` would give, for the price of the news.

    run = RunSeries()
    run.update([file.log for file in touched])             # -> the tags whose series changed
    run.update([file.log], again={file.log.name})          # the file was replaced, and was read from byte 0 again
    run.update([], gone={"train/events.out.tfevents.1"})
    points = run.live("loss")                              # == live(merge(all files)["loss"])
    run.restarts                                           # where the training began again

`live` and `series` hand out views that never change; `growing.common_prefix` of an earlier and a later one tells how
much of the past still stands, mostly for nothing.

At the end of a tag's canonical order every rule of `tbbridge.shape.series` is one of two moves on its live points: to
*cut* them from some step on (a restart), or to *put* points in at their steps (mostly behind the last one). Both cost
the news and the points that they displace. What happens elsewhere, as when two writers share a tag, a late file has an
earlier name, or rule 2 or 5 changes its mind about the past, makes the run be merged again from its files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.model import EventFile, Float64, Floats, Int64, Points, Series, Start
from tbbridge.shape import series as rules
from tbbridge.shape.growing import GrowingColumn, common_start
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


@dataclass(slots=True)
class _Seen:
    """What has been taken in of one file."""

    key: rules.OrderKey
    points: int = 0
    starts: int = 0
    low: float = -np.inf
    high: float = np.inf
    tags: set[str] = field(default_factory=set)


class _Start:
    """A SessionLog.START and where it stands."""

    __slots__ = ("first", "key", "step")

    def __init__(self, key: rules.OrderKey, start: Start) -> None:
        self.key = key
        self.step = start.step
        self.first = start.first

    def comes_after(self, first: rules.OrderKey | None) -> bool:
        """Whether the run has earlier events, its first file being that of the key `first`."""
        return not self.first or self.key != first


class _Track:
    """One tag: its points in canonical order, and those of them that are live, by step."""

    __slots__ = ("_live", "holders", "ordinal", "step", "superseded", "value", "wall_time")

    def __init__(self, series: Series, holders: list[_Holder]) -> None:
        self.step = GrowingColumn(series.step)
        self.wall_time = GrowingColumn(series.wall_time)
        self.value = GrowingColumn(series.value)
        self.superseded = GrowingColumn(series.superseded)
        self.ordinal = series.ordinal
        self.holders = holders
        self._live: _Live | None = None
        if series.superseded.any() or not _ascends(series.step):
            self._part()

    @property
    def series(self) -> Series:
        return Series(self.step.view, self.wall_time.view, self.value.view, self.superseded.view, self.ordinal)

    @property
    def live(self) -> Points:
        if self._live is None:
            return Points(self.step.view, self.wall_time.view, self.value.view)
        return Points(self._live.step.view, self._live.wall_time.view, self._live.value.view)

    def _part(self) -> _Live:
        """Give the live points columns of their own; until the first exception they are the series' own."""
        if self._live is None:
            place = np.flatnonzero(~self.superseded.view)
            place = place[np.argsort(self.step.view[place], kind="stable")]
            step, wall_time, value = (GrowingColumn(column.view[place]) for column in self._columns())
            self._live = _Live(step, wall_time, value, GrowingColumn(place))
        return self._live

    def _columns(self) -> tuple[GrowingColumn, GrowingColumn, GrowingColumn]:
        return self.step, self.wall_time, self.value

    def cut(self, step: int) -> bool:
        """Supersede the live points from a step on; returns whether there were any."""
        steps = self.live.step
        keep = int(np.searchsorted(steps, step))
        if keep == len(steps):
            return False
        live = self._part()
        self._supersede(live.place.view[keep:])
        live.cut(keep)
        return True

    def put(self, step: Int64, wall_time: Float64, value: Floats) -> None:
        """Append points; of each step, the last one is live."""
        plain = _ascends(np.concatenate([self.live.step[-1:], step]))
        if not plain:
            self._part()
        place = np.arange(len(self.step), len(self.step) + len(step))
        for column, news in zip(self._columns(), (step, wall_time, value), strict=True):
            column.extend(news)
        self.superseded.extend(np.zeros(len(step), bool))
        if self._live is not None:
            self._insert(self._live, place, plain)

    def _insert(self, live: _Live, place: NDArray[np.int64], plain: bool) -> None:
        if not plain:
            steps = self.step.view
            keep = int(np.searchsorted(live.step.view, steps[place].min()))
            place = np.concatenate([live.place.view[keep:], place])
            place = place[np.argsort(steps[place], kind="stable")]
            loses = np.append(steps[place[1:]] == steps[place[:-1]], False)
            self._supersede(place[loses])
            live.cut(keep)
            place = place[~loses]
        for column, source in zip((live.step, live.wall_time, live.value), self._columns(), strict=True):
            column.extend(source.view[place])
        live.place.extend(place)

    def _supersede(self, place: NDArray[np.int64]) -> None:
        flags = self.superseded.view.copy()
        flags[place] = True
        self.superseded.replace(flags)


@dataclass(slots=True)
class _Live:
    step: GrowingColumn
    wall_time: GrowingColumn
    value: GrowingColumn
    place: GrowingColumn
    """Where the point is in the series."""

    def cut(self, length: int) -> None:
        for column in (self.step, self.wall_time, self.value, self.place):
            column.cut(length)


class RunSeries:
    """The series of one run, kept up to date (see above)."""

    def __init__(self) -> None:
        self._files: dict[str, EventFile] = {}
        self._seen: dict[str, _Seen] = {}
        self._starts: list[_Start] = []
        self._back: dict[str, int] = {}
        self._tracks: dict[str, _Track] = {}

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

    def snapshot(self) -> dict[str, Series]:
        """What `merge` of the run's files gives."""
        return {tag: self._tracks[tag].series for tag in self.tags}

    @property
    def restarts(self) -> list[Restart]:
        """Where the training began again, in canonical order: STARTs behind other events, and steps that go back."""
        first = min((seen.key for seen in self._seen.values()), default=None)
        found = [
            (start.key, Restart(start.key[-1], start.step, True)) for start in self._starts if start.comes_after(first)
        ]
        found += [(self._seen[name].key, Restart(name, step, False)) for name, step in self._back.items()]
        return [restart for _, restart in sorted(found)]

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
        merged = rules.merge_ordered(files)
        self._starts = [_Start(rules.order_key(file), start) for file in files for start in file.starts]
        self._back = {}
        for file in files:
            _take_note(self._seen[file.name], file)
        holders = self._holders(merged, [file.name for file in files])
        self._tracks = {tag: _Track(series, holders[tag]) for tag, series in merged.series().items()}
        return {tag for tag in before.keys() | self._tracks.keys() if not _same(before.get(tag), self._tracks.get(tag))}

    def _holders(self, merged: rules.Merged, files: list[str]) -> dict[str, list[_Holder]]:
        """By tag, the files that hold it."""
        holders: dict[str, list[_Holder]] = {tag: [] for tag in merged.names}
        parts = merged.segments
        columns = (parts.tag, parts.file, parts.first, parts.restart, parts.back)
        for number, file, first, restart, back in zip(*(column.tolist() for column in columns), strict=True):
            self._hold(holders[merged.names[number]], merged.names[number], self._seen[files[file]], restart)
            if back:
                self._went_back(files[file], first)
        return holders

    def _hold(self, holders: list[_Holder], tag: str, seen: _Seen, restart: bool) -> None:
        holders.append(_Holder(seen, restart))
        seen.tags.add(tag)

    def _went_back(self, name: str, step: int) -> None:
        self._back[name] = min(step, self._back.get(name, step))

    def _grow(self, files: list[EventFile], touched: set[str]) -> None:
        """Take the news in at the end; _Elsewhere where it is not there."""
        news = [(file, self._noticed(file)) for file in rules.canonical_order(files)]
        before = [(seen.points, seen.starts, seen.low, seen.high) for _, seen in news]
        for file, seen in news:
            _take_note(seen, file, since=seen.points)
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
            holders = self._tracks[tag].holders
            latest = np.inf
            for one in holders if low_changed or holders[-1].file is not seen else ():
                if one.restart != (one.file.low > latest):
                    raise _Elsewhere
                latest = one.file.high if one is holders[0] else max(latest, one.file.high)

    def _grow_file(self, file: EventFile, seen: _Seen, points: int, starts: int, touched: set[str]) -> None:
        """Take in a file's news, which its STARTs cut into pieces."""
        for start in file.starts[starts:]:
            self._put(file, seen, slice(points, start.before), touched)
            for tag, track in self._tracks.items():
                if _last(track, seen).cut(start.step):
                    touched.add(tag)
            self._starts.append(_Start(seen.key, start))
            points = start.before
        self._put(file, seen, slice(points, len(file.scalars.step)), touched)

    def _put(self, file: EventFile, seen: _Seen, piece: slice, touched: set[str]) -> None:
        """Take in a piece of a file's points."""
        numbers = file.scalars.tag[piece]
        wide = rules.doubles(file)
        ahead = min((start.step for start in self._starts if start.key > seen.key), default=None)
        for number in np.unique(numbers).tolist():
            own = piece.start + np.flatnonzero(numbers == number)
            touched.add(file.tags[number])
            news = rules.taken(Points(file.scalars.step, file.scalars.wall_time, file.scalars.value), own)
            step = self._put_tag(file.tags[number], seen, news, np.float64 if number in wide else np.float32)
            if ahead is not None and step.max() >= ahead:  # a START of a later file supersedes some of it
                raise _Elsewhere

    def _put_tag(self, tag: str, seen: _Seen, news: Points, kind: type[np.floating[Any]]) -> Int64:
        """Take in a tag's news; returns their steps by rule 5."""
        track = self._tracks.get(tag)
        if track is None:
            track = self._tracks[tag] = _Track(_empty_series(kind), [])
        _last(track, seen)
        if kind is np.float64 and track.value.view.dtype != np.float64:
            raise _Elsewhere
        step = _numbered(track, news.step)
        if not track.holders or track.holders[-1].file is not seen:
            restart = _is_restart(track.holders, seen)
            self._hold(track.holders, tag, seen, restart)
            if restart and step[0] <= track.step.view.max():
                self._went_back(seen.key[-1], int(step[0]))
                track.cut(int(step[0]))
        track.put(step, news.wall_time, news.value)
        return step


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


def _is_restart(earlier: list[_Holder], file: _Seen) -> bool:
    """Rule 2: the file lies wholly after all earlier ones that hold the tag."""
    return bool(earlier) and file.low > max(one.file.high for one in earlier)


def _last(track: _Track, seen: _Seen) -> _Track:
    """The track, when no later file holds its tag: what comes from this file comes at its end."""
    if track.holders and track.holders[-1].file.key > seen.key:
        raise _Elsewhere
    return track


def _numbered(track: _Track, step: Int64) -> Int64:
    """The steps of a tag's news by rule 5."""
    count = len(track.step)
    stepless = not step.any()
    if stepless and (track.ordinal or (not count and len(step) > 1)):
        track.ordinal = True
        return np.arange(count, count + len(step))
    if track.ordinal or (stepless and count == 1 and not track.step.view[0]):
        raise _Elsewhere
    return step


def _empty_series(kind: type[np.floating[Any]]) -> Series:
    return Series(np.empty(0, np.int64), np.empty(0), np.empty(0, kind), np.empty(0, bool))


def _ascends(step: Int64) -> bool:
    return bool(np.all(step[1:] > step[:-1]))


def _same(old: _Track | None, new: _Track | None) -> bool:
    if old is None or new is None:
        return False
    a, b = old.series, new.series
    columns = ((a.step, b.step), (a.wall_time, b.wall_time), (a.value, b.value), (a.superseded, b.superseded))
    return all(len(x) == len(y) == common_start(x, y) for x, y in columns)

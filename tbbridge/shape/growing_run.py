"""The series of one run whose files grow: what `merge_run` would return, for the price of the new points.

    run = RunSeries()
    run.update(files, whole=True)      # all files of the run, with all their points
    run.update([news])                 # what one file appended; raises ReadAgain where a rule reaches back
    run.changes()                      # {tag: the first row that changed}
    points = run.live("loss")          # == live(merge_run(all files)[0]["loss"])
    run.restarts                       # where the training began again

Points that come at the end of their series, and those of writers that share a tag, are put in as they come. Everything
else (a START, a training that resumes, a file that appears late, a rule that changes its mind about the past) takes all
points of the run: `ReadAgain` asks for them, since a point that was superseded is not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.growing_column import common_prefix
from tbbridge.core.model import Bools, EventFile, Int64, Points, Start
from tbbridge.shape import series as rules
from tbbridge.shape.growing_series import GrowingSeries, ascends
from tbbridge.shape.losses import Losses
from tbbridge.shape.series import Restart

_POINTS_A_PIECE = 1000
"""The number of points that are merged in the time that the new points of one tag and file take (measured: 30 us)."""
_POINTS_A_MERGE = 30_000
"""The number of points that are merged in the time that any merge takes, however small (measured: 1 ms)."""


_ONE = np.array([0, 1])
"""The bounds of one point."""

_NEVER = np.iinfo(np.int64).max
"""The step above which points plainly go on where a rule is to be asked for each."""


class ReadAgain(Exception):
    """The new points change the past: the run is to be merged from all its points."""


@dataclass(slots=True, eq=False)
class _File:
    """The taken part of one file."""

    key: rules.OrderKey
    low: float = -np.inf
    high: float = np.inf
    starts: list[Start] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    """The tags whose points it holds."""
    points: int = 0
    tops: Int64 = field(default_factory=lambda: np.empty(0, np.int64))
    """By its number of a tag, the step above which its next points plainly go on, so that no rule concerns them."""

    @classmethod
    def of(cls, file: EventFile) -> _File:
        """Return the part of a file whose points are all at hand."""
        low, high = rules.wall_time_interval(file.scalars.wall_time)
        return cls(rules.order_key(file), low, high, list(file.starts), points=len(file.scalars.step))

    def widen(self, file: EventFile) -> None:
        """Count new points, and extend its wall-time interval by theirs."""
        self.points += len(file.scalars.step)
        low, high = rules.wall_time_interval(file.scalars.wall_time)
        if np.isfinite(low):
            known = np.isfinite(self.low)
            self.low, self.high = (min(self.low, low), max(self.high, high)) if known else (low, high)


class _Appended(NamedTuple):
    """The new points of a file, tag by tag; each tag's in the order of the file."""

    points: Points
    numbers: NDArray[np.int32]
    """The tags."""
    bounds: Int64
    """Where the points of each tag begin, and the end of all."""
    plain: Bools
    """By tag, whether they plainly go on."""

    @classmethod
    def of(cls, file: EventFile, tops: Int64) -> _Appended:
        """Sort a file's new points; `tops` as in `_File`."""
        scalars = file.scalars
        if len(scalars.tag) == 1:  # most often: numpy's calls would take ten times as long as all else
            points = Points(scalars.step, scalars.wall_time, scalars.value)
            return cls(points, scalars.tag, _ONE, scalars.step > tops[scalars.tag])
        order = np.argsort(scalars.tag, kind="stable")
        tag, points = scalars.tag[order], Points(scalars.step, scalars.wall_time, scalars.value).at(order)
        begins = np.flatnonzero(np.diff(tag, prepend=-1))
        before = np.concatenate([points.step[:1], points.step[:-1]])
        before[begins] = tops[tag[begins]]
        plain = np.logical_and.reduceat(points.step > before, begins) if len(begins) else np.empty(0, bool)
        return cls(points, tag[begins], np.append(begins, len(tag)), plain)


@dataclass(slots=True)
class _Holder:
    """A file that holds points of a tag."""

    file: _File
    restart: bool = False
    """Rule 2 makes it supersede the earlier points from its first step on."""
    stepped: bool = False
    """It holds another step than 0."""
    last: int | None = None
    """The step of its last point; None before the first."""
    top: int = 0
    """Its largest step."""
    repeats: bool = False
    """The step of its last point is one that the tag had before."""
    looped: bool = False
    """Rule 3 was applied since its steps fell the last time, so that nothing above them is left."""
    lost: bool = False
    """Points of it may be superseded by other rules than 4: which steps it had is not known any more."""

    def may_loop(self, step: Int64, live: Int64) -> bool:
        """Whether rule 3 may apply to its next points, the tag's live steps being `live`."""
        if ascends(step) and (self.last is None or step[0] > self.top):
            return False
        steps = step if self.last is None else np.append(self.last, step)
        top = (
            np.maximum.accumulate(np.maximum(steps, self.top))
            if self.last is not None
            else np.maximum.accumulate(steps)
        )
        rises = np.flatnonzero((steps[1:] > steps[:-1]) & (steps[1:] <= top[:-1]))
        if self.looped:
            falls = np.flatnonzero(steps[1:] < steps[:-1])
            rises = rises[rises > (falls[0] if len(falls) else len(steps))]
        if not len(rises) or self.lost:
            return len(rises) > 0
        if self.last is not None and rises[0] == 0:
            if self.repeats:
                return True
            rises = rises[1:]
        passed = steps if self.last is None else np.append(self.top, steps)
        return bool(np.isin(steps[rises], live).any()) or len(rules.loop_starts(passed)) > 0

    def note(self, step: Int64, repeats: bool) -> None:
        """Take note of its next points; `repeats`: the step of the last one is one that the tag had."""
        steps = step if self.last is None else np.append(self.last, step)
        if bool((steps[1:] < steps[:-1]).any()):
            self.looped = False
        self.top = int(steps.max()) if self.last is None else max(self.top, int(steps.max()))
        self.stepped = self.stepped or bool(step.any())
        self.last, self.repeats = int(steps[-1]), repeats

    def go_on(self, first: int, last: int) -> None:
        """Take note of next points that plainly go on."""
        self.last = self.top = last
        self.stepped, self.repeats = self.stepped or bool(first or last), False


class RunSeries:
    """The series of one run, kept up to date (see above).

    Args:
        known: by tag, the points of a run that no rule concerns; its files are not known, so that the first update has
            to be with all their points.

    Attributes:
        restarts: where the training began again, in canonical order.
        rewritten: how often points that stood already changed or went.
    """

    def __init__(self, known: Mapping[str, Points] | None = None) -> None:
        self.restarts: list[Restart] = []
        self.rewritten = 0
        self._known = known
        self._files: dict[str, _File] = {}
        self._series: dict[str, GrowingSeries] = {}
        self._holders: dict[str, list[_Holder]] = {}
        self._changed: dict[str, int] = {}

    @property
    def tags(self) -> list[str]:
        """The tags that have points, sorted."""
        return sorted(self._series if self._known is None else self._known)

    def live(self, tag: str) -> Points:
        """The tag's points that nothing supersedes, by step ascending; KeyError where there are none."""
        return self._series[tag].live if self._known is None else self._known[tag]

    def ordinal(self, tag: str) -> bool:
        """Whether the tag's steps are ordinals by rule 5."""
        return self._known is None and self._series[tag].ordinal

    @property
    def losses(self) -> Losses:
        """Count the run's points that do not count as logged, by cause."""
        some = [tag for tag, series in self._series.items() if series.superseded or series.ordinal]
        return sum(map(self.losses_of, some), Losses())

    def losses_of(self, tag: str) -> Losses:
        """Return how many of the tag's points do not count as logged, by cause."""
        if self._known is not None:
            return Losses()
        series = self._series[tag]
        return Losses.of(series.live.step, series.restarted, series.superseded - series.restarted, series.ordinal)

    def update(self, files: Iterable[EventFile], *, whole: bool = False) -> None:
        """Take in the new points of files, each beginning with the first that was not taken in.

        Args:
            files: the files that are new or grew.
            whole: they are all files of the run, with all their points; the older state is void.

        Raises:
            ReadAgain: the points at hand do not tell the result. Until an update with all of them, the series stand
                as they are or as some of the news made them.
        """
        files = rules.canonical_order(file for file in files if _matters(file) or file.name in self._files)
        if self._known is not None:
            if not whole:
                if files:
                    raise ReadAgain
                return
            self._series = {tag: GrowingSeries(live, points=len(live.step)) for tag, live in self._known.items()}
            self._known = None
        if whole:
            self._merge([file for file in files if _matters(file)])
        else:
            self._put(files)

    def changes(self) -> dict[str, int]:
        """Return the tags whose series changed since the last time, each with the first row that is new or changed.

        Rows are those of `live`; lost tags are among them, with 0.
        """
        changed, self._changed = self._changed, {}
        return changed

    def _put(self, files: list[EventFile]) -> None:
        """Put in the points that the files appended."""
        news = [(file, known, _Appended.of(file, self._tops(file, known))) for file, known in map(self._noticed, files)]
        self._weigh([appended for _, _, appended in news])
        before = [(known.low, known.high, self._reaching(known)) for _, known, _ in news]
        for file, known, _ in news:
            known.widen(file)
        for (_, known, _), (low, high, reaching) in zip(news, before, strict=True):
            if self._reaching(known) != reaching:
                raise ReadAgain
            if (low, high) != (known.low, known.high):
                self._check_restarts(known, low != known.low)
        for file, known, appended in news:
            self._grow(file, known, appended)

    def _reaching(self, file: _File) -> list[int]:
        """The steps of the STARTs of later files that supersede points of this one by rule 1."""
        later = [one for one in self._files.values() if one.starts and one.key > file.key] if file.points else []
        return [start.step for one in later for start in one.starts if rules.reaches(start, file.high)]

    def _change(self, tag: str, row: int) -> None:
        self._changed[tag] = min(row, self._changed.get(tag, row))

    def _weigh(self, news: Sequence[_Appended]) -> None:
        """Raise ReadAgain where merging all points costs less, since many tags grew, and not plainly."""
        if sum(len(one.numbers) for one in news) * _POINTS_A_PIECE <= _POINTS_A_MERGE:
            return
        points = sum(len(one.points.step) for one in news)
        pieces = sum(int(np.count_nonzero(~one.plain)) for one in news)
        price = pieces * _POINTS_A_PIECE - _POINTS_A_MERGE - points
        if price > 0 and price > sum(series.points for series in self._series.values()):
            raise ReadAgain

    def _noticed(self, file: EventFile) -> tuple[EventFile, _File]:
        key = rules.order_key(file)
        known = self._files.setdefault(file.name, _File(key))
        if known.key != key or len(file.starts) > len(known.starts):
            raise ReadAgain
        return file, known

    def _tops(self, file: EventFile, known: _File) -> Int64:
        """The steps above which the file's next points plainly go on; see `_File`."""
        if len(known.tops) < len(file.tags):
            known.tops = np.array([self._top(tag, known) for tag in file.tags], np.int64)
        return known.tops

    def _top(self, tag: str, file: _File) -> int:
        holders, series = self._holders.get(tag), self._series.get(tag)
        if not holders or not series or holders[-1].file is not file or series.shared or series.ordinal:
            return _NEVER
        alone = len(holders) == 1 or holders[-1].stepped
        return max(holders[-1].top, int(series.live.step[-1])) if alone and len(series.live.step) else _NEVER

    def _check_restarts(self, file: _File, low_changed: bool) -> None:
        """Check that rule 2 still decides the same, after a file's wall-time interval changed."""
        if not low_changed and not any(one.key > file.key for one in self._files.values()):
            return
        for holders in (self._holders[tag] for tag in file.tags):
            latest = holders[0].file.high
            for one in holders[1:]:
                if one.restart != (one.stepped and one.file.low > latest):
                    raise ReadAgain
                latest = max(latest, one.file.high)

    def _grow(self, file: EventFile, known: _File, appended: _Appended) -> None:
        """Put a file's new points in."""
        wide, reaching = rules.doubles(file), self._reaching(known)
        numbers, bounds = appended.numbers.tolist(), appended.bounds.tolist()
        for number, begin, end, plain in zip(numbers, bounds[:-1], bounds[1:], appended.plain.tolist(), strict=True):
            tag, news = file.tags[number], appended.points.at(slice(begin, end))
            kind = np.float64 if number in wide else np.float32
            series = self._series.get(tag)
            if plain and series and not reaching and (kind is np.float32 or series.live.value.dtype == np.float64):
                last = int(news.step[-1])
                self._holders[tag][-1].go_on(int(news.step[0]), last)
                self._change(tag, series.append(news))
                known.tops[number] = last
                continue
            if series is None:
                series = self._series[tag] = GrowingSeries(_no_points(kind), points=0)
                self._holders[tag] = []
            elif kind is np.float64 and series.live.value.dtype != np.float64:
                raise ReadAgain  # its values so far are to be widened
            news = news._replace(step=_numbered(series, news.step))
            if reaching and news.step.max() >= min(reaching):  # superseded as soon as it comes
                raise ReadAgain
            part = self._part(tag, known, series, news.step)
            holder, live = self._holders[tag][part], series.live.step
            if holder.may_loop(news.step, live):
                raise ReadAgain
            last = news.step[-1]
            holder.note(news.step, _holds(live, last) or bool((news.step[:-1] == last).any()))
            row = series.put(news, part)
            known.tops[number] = self._top(tag, known)
            self.rewritten += row < len(live)
            self._change(tag, row)

    def _part(self, tag: str, file: _File, series: GrowingSeries, step: Int64) -> int:
        """Find a file's place among the tag's holders; raise ReadAgain where its points do not simply go in."""
        holders = self._holders[tag]
        part = next((place for place, one in enumerate(holders) if one.file is file), None)
        if part is None:
            self._open(tag, file, series, step)
            return len(holders) - 1
        earlier = [one.file.high for one in holders[:part]]
        if earlier and not holders[part].stepped and step.any() and file.low > max(earlier):
            raise ReadAgain  # now it is a restart by rule 2
        later = holders[part + 1 :]
        if later and (series.ordinal or not series.shared or any(one.restart for one in later)):
            raise ReadAgain
        return part

    def _open(self, tag: str, file: _File, series: GrowingSeries, step: Int64) -> None:
        """Let a file hold a tag, of which its first points come: it is the tag's only one, or plainly goes on."""
        holders = self._holders[tag]
        if holders:
            after = file.key > holders[-1].file.key and file.low > max(one.file.high for one in holders)
            if not after or not len(series.live.step) or step[0] <= series.largest or not step.any():
                raise ReadAgain
        for holder in holders:
            holder.file.tops = holder.file.tops[:0]
        holders.append(_Holder(file, restart=bool(holders)))
        file.tags.add(tag)

    def _merge(self, files: list[EventFile]) -> None:
        """Start over from all points."""
        before = {tag: series.live for tag, series in self._series.items() if series.points}
        self._files = {file.name: _File.of(file) for file in files}
        merged = rules.merge_ordered(files)
        self.restarts = merged.restarts(files)
        counts = self._hold_all(merged, [self._files[file.name] for file in files])
        made = {}
        for tag, series in merged.series().items():
            live = Points(*map(_own, rules.live(series)))
            parts = _parts(series.superseded, series.step, counts[tag]) if self._is_shared(tag) else None
            made[tag] = GrowingSeries(
                live,
                points=len(series.step),
                largest=int(series.step.max()),
                ordinal=series.ordinal,
                restarted=len(series.step) - len(live.step) - series.repeats,
                parts=parts,
            )
        self._series = made
        for tag in before.keys() | self._series.keys():
            old, new = before.get(tag), self._series[tag].live if tag in self._series else None
            same = common_prefix(old, new) if old and new else 0
            if not (old and new and same == len(old.step) == len(new.step) and old.value.dtype == new.value.dtype):
                self.rewritten += old is not None and same < len(old.step)
                self._change(tag, same)

    def _hold_all(self, merged: rules.Merged, files: list[_File]) -> dict[str, list[int]]:
        """Note which files hold which tags; returns by tag how many points each of its holders has."""
        self._holders = {}
        counts: dict[str, list[int]] = {}
        parts = merged.segments
        points = np.diff(parts.start, append=len(merged.step))
        columns = (parts.tag, parts.file, parts.restart, parts.start, points)
        for number, place, restart, begin, count in zip(*(column.tolist() for column in columns), strict=True):
            tag, file = merged.names[number], files[place]
            holder = _Holder(file, restart)
            step = merged.step[begin : begin + count]
            falls = np.flatnonzero(step[1:] < step[:-1])
            loops = rules.loop_starts(step) if len(falls) else falls
            holder.note(step, bool((step[:-1] == step[-1]).any()))
            holder.looped = len(loops) > 0 and bool(loops[-1] > falls[-1])
            holder.lost = bool(merged.superseded[begin : begin + count].any())
            self._holders.setdefault(tag, []).append(holder)
            counts.setdefault(tag, []).append(count)
            file.tags.add(tag)
        return counts

    def _is_shared(self, tag: str) -> bool:
        """Whether several files write the tag at once."""
        return any(not one.restart for one in self._holders[tag][1:])


def _matters(file: EventFile) -> bool:
    """Whether anything of the file matters to a series."""
    return len(file.scalars.step) > 0 or bool(file.starts)


def _holds(steps: Int64, step: int) -> bool:
    """Whether a step is among `steps`, which ascend."""
    row = int(steps.searchsorted(step))
    return row < len(steps) and bool(steps[row] == step)


def _numbered(series: GrowingSeries, step: Int64) -> Int64:
    """The steps of a tag's new points by rule 5."""
    stepless = not step.any()
    if stepless and (series.ordinal or (not series.points and len(step) > 1)):
        series.ordinal = True
        return np.arange(series.points, series.points + len(step))
    if series.ordinal or (stepless and series.points == 1 and not series.largest):
        raise ReadAgain
    return step


def _no_points(kind: type[np.floating[Any]]) -> Points:
    return Points(np.empty(0, np.int64), np.empty(0), np.empty(0, kind))


def _own(column: NDArray[Any]) -> NDArray[Any]:
    """The column in memory of its own, not as a part of something larger."""
    return column if column.base is None else column.copy()


def _parts(superseded: NDArray[np.bool_], step: Int64, counts: list[int]) -> NDArray[np.int32]:
    """The holder of each live point, in the order of `rules.live`."""
    part = np.repeat(np.arange(len(counts), dtype=np.int32), counts)[~superseded]
    return part[np.argsort(step[~superseded], kind="stable")]

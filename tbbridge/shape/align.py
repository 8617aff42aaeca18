"""Puts the columns of one run log on one axis where they count different things (iterations and epochs).

    placed = place(columns, epoch=points_of_the_epoch_series)
    placed.columns, placed.how, placed.note

**Detection.** Two columns that count the same thing gain steps at the same pace: while a validation series went from
step 47 to 94, the train series went from about 47 to about 94, too. So for each point of a column the step is looked up
that the reference (the train column with the largest step) had reached at that point's wall time. Where the
reference gained much more than the column, the column counts something else, and is placed. What that gets right, as
seen on the event files in ``fixtures/frameworks``:

- Keras, Lightning, Hugging Face, Flax, accelerate: the paces agree, also where the logged steps never meet.
- One validation an epoch and a train loss every iteration (MMEngine, open_clip, hand-written loops): they do not.
- An evaluation that runs after the training, or is never far behind it: the train series gains nothing, or as much,
  between two points, so the steps stay as they are logged.

Everything here is a function of the points alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np

from tbbridge.core.model import Bools, Experiment, Float64, Int64, Points
from tbbridge.shape.mapping import words
from tbbridge.shape.mapping.tokens import tokenise
from tbbridge.shape.run_log import same_steps

AGREED: Final = "the columns count the same steps"
"""The note where nothing had to be done, which goes without saying."""

MODES: Final = ("auto", "step", "epoch", "wall")

PACE: Final = 1.5
"""The factor by which the reference must count faster: epochs of few iterations are rare, wrong placements worse."""
PACE_LARGE_STEPS: Final = 4.0
"""The same where the column's own steps are far apart: that looks like iterations, and like a slow evaluator."""
SMALL_STEP: Final = 10
"""Steps up to this far apart look like epochs (validation every 5 or 10 epochs is usual)."""
_ROOM: Final = 2**62
"""Steps beyond this (or its negative) are not moved any further, so that nothing overflows: the last of a step wins."""

_PAIRS: Final = 4096
"""Neighbours that are looked at for the usual distance of steps."""
_TINY: Final = 1e-6
"""An epoch series with fractions (0.9999999 for 1) is compared with this tolerance."""

_PASSED_BY: Final = words.NEUTRAL | {"time", "trainer", "current"} | set(words.SPLITS)


class Placement(NamedTuple):
    """The columns of one run log, on one axis."""

    columns: dict[str, Points]
    """By column name, in the order that was given; by step ascending, each step once."""
    how: str
    """``step`` (as logged), ``epoch`` or ``wall``."""
    note: str
    """One line for the report: the decision, and why."""

    @property
    def remark(self) -> str:
        """The note where it says more than that, else nothing."""
        return "" if self.note == AGREED else self.note


class StepsByTime(NamedTuple):
    """A column as the axis of the others: which step it had reached by a wall time."""

    step: Int64
    times: Float64
    """Finite wall times, ascending."""
    largest: Int64
    """The largest step by each of `times`."""

    @classmethod
    def of(cls, points: Points) -> StepsByTime:
        """The axis of a column; quick where its wall times are finite and in order, as most are."""
        finite = np.isfinite(points.wall_time)
        whole = bool(finite.all())
        times, largest = (points.wall_time, points.step) if whole else (points.wall_time[finite], points.step[finite])
        if not np.all(times[1:] >= times[:-1]):
            order = np.argsort(times, kind="stable")
            times, largest = times[order], np.maximum.accumulate(largest[order])
        return cls(points.step, times, largest)

    @property
    def tells(self) -> bool:
        """Whether the wall times can order anything: there are at least two different ones."""
        return len(self.times) > 1 and bool(self.times[-1] > self.times[0])

    def reached(self, wall: Float64) -> tuple[Int64, Bools]:
        """The largest step by each wall time, and where that is known (before the first point it is not)."""
        if not len(self.times):
            return np.zeros(len(wall), np.int64), np.zeros(len(wall), np.bool_)
        position = np.searchsorted(self.times, np.where(np.isfinite(wall), wall, -np.inf), side="right") - 1
        return self.largest[np.maximum(position, 0)], position >= 0

    def spacing(self) -> float:
        """The usual distance of two points, from at most a few thousand pairs."""
        first = np.arange(0, len(self.step) - 1, max(1, len(self.step) // _PAIRS))
        return _median(self.step[first + 1].astype(np.float64) - self.step[first].astype(np.float64))


def epoch_series(experiment: Experiment, runs: Mapping[str, Iterable[str]]) -> tuple[str, str] | None:
    """(run, tag) of the series that says the epoch at a train step (``epoch``, ``train/epoch``); None without one.

    A series in the run that feeds a train column is preferred, then the shorter name.
    """
    train = {feed.run for column, feed in experiment.feeds.items() if feed and column.startswith("train ")}
    found = [(run, tag) for run in experiment.runs for tag in runs.get(run, ()) if _says_epoch(tag)]
    return min(found, key=lambda at: (at[0] not in train, len(at[1]), at), default=None)


def _says_epoch(tag: str) -> bool:
    if "epoch" not in tag.lower():
        return False
    said = [word.text for word in tokenise(tag)]
    return said[-1:] == ["epoch"] and all(word in _PASSED_BY for word in said[:-1])


def place(columns: Mapping[str, Points], epoch: Points | None = None, align: str = "auto") -> Placement:
    """Put the columns of a run log on one axis.

    Args:
        columns: By column name; those whose names begin with ``train `` are preferred as the reference.
        epoch: The points of the series that says the epoch at a train step; None where none is logged.
        align: ``step`` leaves all steps as logged; ``epoch`` and ``wall`` place every column but the reference and
            those with the reference's own steps; ``auto`` places those that count something else, by the epoch series
            where one is logged on the reference's axis, else by wall time.

    Returns:
        No point is lost: points that fall on one step take the steps that follow it.
    """
    if found := agreed(columns, align):
        return found
    as_logged = dict(columns)
    reference = _reference(columns)
    if reference is None:
        return Placement(as_logged, "step", "")
    others = {name: points for name, points in columns.items() if name != reference and len(points.step)}
    base = StepsByTime.of(columns[reference])
    moved = (
        _different(others, base)
        if align == "auto"
        else {name: points for name, points in others.items() if not np.array_equal(points.step, base.step)}
    )
    if not moved:
        return Placement(as_logged, "step", _agreement(others, base, align))
    epoch = epoch if epoch is not None and align != "wall" and _on_axis(epoch, base) else None
    if align == "epoch" and epoch is None:
        return Placement(as_logged, "step", "no epoch series on the train steps' axis is logged: joined as logged")
    if epoch is None and not base.tells:
        return Placement(as_logged, "step", "the wall times do not tell the order: joined on the steps as logged")
    shared = 0
    for name, judged in moved.items():
        at = _by_wall(judged, base) if epoch is None else _by_epoch(judged, epoch, base)
        as_logged[name], pushed = _moved(others[name], at)
        shared += pushed
    return Placement(as_logged, "wall" if epoch is None else "epoch", _report(moved, reference, epoch, shared, align))


def agreed(columns: Mapping[str, Points], align: str) -> Placement | None:
    """Return the columns as they are where that is how `place` leaves them without a look at their times, else None."""
    if align == "step":
        return Placement(dict(columns), "step", "joined on the steps as logged, as asked for")
    steps = [points.step for points in columns.values() if len(points.step)]
    if align == "auto" and all(same_steps(steps[0], one) for one in steps[1:]):
        return Placement(dict(columns), "step", AGREED if len(steps) > 1 else "")
    return None


def _report(moved: Iterable[str], reference: str, epoch: Points | None, shared: int, align: str) -> str:
    why = "as asked for" if align != "auto" else "the steps as logged count something else"
    by = "by wall time" if epoch is None else "by the epoch series"
    more = f"; {shared} points shared a step and took the next ones" if shared else ""
    return f"{', '.join(moved)}: placed {by} on the steps of {reference}: {why}{more}"


def _agreement(others: Mapping[str, Points], base: StepsByTime, align: str) -> str:
    if align != "auto":
        return "all columns have the same steps"
    if not base.tells and any(_looks_different(points, base) for points in others.values()):
        return "train and validation may count different things, and the wall times do not tell: joined as logged"
    if own := [name for name, points in others.items() if _counts_by_itself(points, base)]:
        return f"{', '.join(own)}: counted from 0 or 1 on by itself, such as validation batches: joined as logged"
    return AGREED if others and base.tells else ""


def _counts_by_itself(points: Points, base: StepsByTime) -> bool:
    """Whether consecutive steps from 0 or 1 on end far behind the step that the reference had reached by then."""
    first, last = int(points.step[0]), int(points.step[-1])
    reached, known = base.reached(points.wall_time)
    consecutive = len(points.step) > 2 and first in (0, 1) and last - first == len(points.step) - 1
    return bool(base.tells and consecutive and known.any() and int(reached[known].max()) >= 2 * last)


def _reference(columns: Mapping[str, Points]) -> str | None:
    """The column whose steps are the axis: a train column, unless it counts more slowly than a held-out one."""
    found = [name for name, points in columns.items() if len(points.step)]
    if not found:
        return None
    order = {name: (int(columns[name].step[-1]), len(columns[name].step)) for name in found}
    fastest = max(found, key=order.__getitem__)
    train = max((name for name in found if name.startswith("train ")), key=order.__getitem__, default=fastest)
    return (
        fastest if fastest != train and counts_differently(columns[train], StepsByTime.of(columns[fastest])) else train
    )


def _different(others: Mapping[str, Points], base: StepsByTime) -> dict[str, Points]:
    """The columns that count something else, and the points by which to place them: the same for the same steps."""
    different = [points for points in others.values() if counts_differently(points, base)]
    found = {}
    for name, points in others.items():
        alike = next((one for one in different if np.array_equal(points.step, one.step)), None)
        if alike is not None:
            found[name] = alike
    return found


def counts_differently(points: Points, reference: StepsByTime) -> bool:
    """Whether `reference` counts much faster than `points`, so that their steps cannot be one axis."""
    if not reference.tells or same_steps(points.step, reference.step):
        return False
    reached, known = reference.reached(points.wall_time)
    steps, at = points.step[known].astype(np.float64), reached[known].astype(np.float64)
    if not len(steps):
        return False
    if steps[-1] > steps[0]:
        counted, gained, apart = steps[-1] - steps[0], at[-1] - at[0], float(np.min(np.diff(steps)))
    else:
        counted, gained, apart = max(steps[-1], 1.0), at[-1], abs(steps[-1])
    return bool(gained - reference.spacing() > (PACE if apart <= SMALL_STEP else PACE_LARGE_STEPS) * counted)


def _looks_different(points: Points, base: StepsByTime) -> bool:
    """By the steps alone: a short count from 0 or 1 beside many more steps."""
    few, many = len(points.step), len(base.step)
    consecutive = few > 1 and int(points.step[-1]) - int(points.step[0]) == few - 1 and int(points.step[0]) in (0, 1)
    return consecutive and many >= 2 * few and int(base.step[-1]) >= 3 * int(points.step[-1])


def _by_wall(points: Points, base: StepsByTime) -> Int64:
    """The step that had been reached; 0 (or the first step) before the first, the last one's where there is no time."""
    reached, known = base.reached(points.wall_time)
    first = np.int64(min(0, int(base.step[0])))
    reached = np.where(known, reached, first)
    timed = np.where(np.isfinite(points.wall_time), np.arange(len(reached)), -1)
    last = np.maximum.accumulate(timed)
    return np.where(last >= 0, reached[np.maximum(last, 0)], first)


def _on_axis(epoch: Points, base: StepsByTime) -> bool:
    """Whether the epoch series says something about the reference's steps, and grows."""
    if not len(epoch.step) or not np.all(np.isfinite(epoch.value)):
        return False
    grows = bool(np.all(np.diff(epoch.value) >= 0)) and float(epoch.value[-1]) > float(epoch.value[0])
    return grows and 2 * int(epoch.step[-1]) >= int(base.step[-1]) and int(epoch.step[0]) <= int(base.step[-1])


def _by_epoch(points: Points, epoch: Points, base: StepsByTime) -> Int64:
    """The last step of the epoch that each point is counted by.

    Where the wall time's step lies inside that epoch it is taken: the series may be sparse, or in fractions that are
    logged before or after a step.
    """
    counted = points.step + _offset(points, epoch)
    earliest = _step_at(epoch, np.searchsorted(epoch.value, counted - _TINY, side="left") - 1, base)
    last = np.searchsorted(epoch.value, counted + _TINY, side="right") - 1
    following = np.append(epoch.step, np.iinfo(np.int64).max)[last + 1]
    before = np.searchsorted(base.step, following, side="left") - 1
    latest = np.maximum(_step_at(epoch, last, base), np.where(before >= 0, base.step[np.maximum(before, 0)], earliest))
    reached, known = base.reached(points.wall_time)
    return np.clip(np.where(known, reached, latest), earliest, latest)


def _step_at(epoch: Points, position: Int64, base: StepsByTime) -> Int64:
    """The steps at some positions of the epoch series; the axis' start before its first."""
    return np.where(position >= 0, epoch.step[np.maximum(position, 0)], min(0, int(base.step[0])))


def _offset(points: Points, epoch: Points) -> float:
    """What to add to a point's count to compare it with the epoch series: counts begin at 0 or 1, in either."""
    whole = bool(np.all(epoch.value == np.floor(epoch.value)))
    axis = StepsByTime.of(epoch)
    if axis.tells:
        reached, known = axis.reached(points.wall_time)
        if known.any():
            value = epoch.value[np.searchsorted(epoch.step, reached[known], side="right") - 1].astype(np.float64)
            return float(np.round(_median(value - points.step[known])))
    starts_at_zero = int(points.step[0]) == 0
    if whole:
        return float(epoch.value[0]) - (0.0 if starts_at_zero else 1.0)
    return 1.0 if starts_at_zero else 0.0


def _moved(points: Points, at: Int64) -> tuple[Points, int]:
    """The points at new steps, each step once: those that share one take the next; returns how many did."""
    order = np.lexsort((points.step, at))
    at = at[order]
    count = np.arange(len(at), dtype=np.int64)
    if len(at) and int(at[0]) > -_ROOM and int(at[-1]) < _ROOM:
        once = count + np.maximum.accumulate(at - count)
    else:
        once, last = np.unique(at[::-1], return_index=True)
        order = order[len(at) - 1 - last]
        return Points(once, points.wall_time[order], points.value[order]), 0
    return Points(once, points.wall_time[order], points.value[order]), int(np.count_nonzero(once != at))


def _median(values: Float64) -> float:
    """The median; `numpy.median` would load numpy.ma, which takes a tenth of a small export's time."""
    ordered = np.sort(values)
    return float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)

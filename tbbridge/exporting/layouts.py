"""Lays out a reading as tables: run logs, every point, a column per tag, a summary; for all or per experiment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tbbridge.core.errors import UsageError
from tbbridge.core.model import Experiment, Feed, Points, RunLog, Series
from tbbridge.exporting.options import ExportOptions
from tbbridge.reading.reading import NO_POINTS, Reading
from tbbridge.reading.selection import chosen, cut_points, cut_series, some
from tbbridge.reading.small_runs import is_passing, outlines, some_of
from tbbridge.reading.summary import summary_table
from tbbridge.reading.wide import log_cells, wide_table
from tbbridge.shape.mapping.tags import read_tag
from tbbridge.shape.run_log import run_log
from tbbridge.shape.series import live, natural_key
from tbbridge.shape.summary import SummaryRow
from tbbridge.write.table import Cells, RowGroup, Table, column_kinds

LONG = ("step", "wall_time", "value")
SUPERSEDED = "superseded"
_EMPTY = {"step": Cells(np.empty(0, np.int64)), SUPERSEDED: Cells(np.empty(0, bool))}


def tables(reading: Reading, options: ExportOptions, *, each: bool) -> Iterator[Table]:
    """Yield the tables of one layout.

    each: one per experiment (or group), else one for all.
    """
    if options.aggregate:
        yield from _aggregates(reading, options, each)
    elif options.layout == "compact":
        yield from _compact(reading, options, each)
    elif options.layout == "summary":
        for name, part in parts(reading, each):
            yield summary_table(summary_rows(part, options), f"{name}.summary")
    elif options.layout == "events":
        from tbbridge.exporting.fulfilled import events_table

        for name, part in parts(reading, each):
            yield events_table(part, options, f"{name}.events")
    else:
        for name, part in parts(chosen_points(reading, options), each):
            name = f"{name}.{options.layout}"
            if options.layout == "long":
                yield long_table(part, options.superseded, name)
            else:
                runs = {run: {tag: live(one) for tag, one in tags.items()} for run, tags in part.runs.items()}
                yield wide_table(runs, name)


def parts(reading: Reading, each: bool) -> Iterator[tuple[str, Reading]]:
    """Yield the reading, whole (without a name) or per experiment."""
    if not each:
        yield "", reading
        return
    for experiment in reading.experiments:
        runs, files = some_of(reading.runs, experiment.runs), some_of(reading.files, experiment.runs)
        yield experiment.name, replace(reading, runs=runs, files=files, experiments=[experiment])


def run_logs(reading: Reading, options: ExportOptions) -> list[RunLog]:
    """Return the run log of each experiment: the chosen steps, thinned to about `ExportOptions.points` per column."""
    return [run_log(one.name, _columns(reading, one, options)) for one in reading.experiments]


def summary_rows(reading: Reading, options: ExportOptions) -> dict[str, SummaryRow]:
    """Return each experiment's row of the summary, of the same columns as `run_logs`."""
    return {one.name: reading.summary(one, _columns(reading, one, options)) for one in reading.experiments}


def _columns(reading: Reading, experiment: Experiment, options: ExportOptions) -> dict[str, Points]:
    columns = reading.columns(experiment)
    if options.points is None and options.steps == (None, None):
        return columns
    return {name: _chosen(points, options) for name, points in columns.items()}


def _chosen(points: Points, options: ExportOptions) -> Points:
    points = cut_points(points, options.steps)
    if options.points is None:
        return points
    from tbbridge.shape.downsample import downsample

    return downsample(points, options.points)


def chosen_points(reading: Reading, options: ExportOptions) -> Reading:
    """Return the chosen steps of a reading, thinned to about `ExportOptions.points` per series.

    Superseded points stay, but not in a thinned copy.
    """
    if options.points is None and options.steps == (None, None):
        return reading
    runs = {run: {tag: _part(one, options) for tag, one in series.items()} for run, series in reading.runs.items()}
    return replace(reading, runs=runs)


def _part(series: Series, options: ExportOptions) -> Series:
    if options.points is None:
        return cut_series(series, options.steps)
    points = _chosen(live(series), options)
    return Series(*points, superseded=np.zeros(len(points.step), bool))


def _aggregates(reading: Reading, options: ExportOptions, each: bool) -> Iterator[Table]:
    from tbbridge.shape.aggregate import aggregate

    assert options.aggregate
    logs = run_logs(reading, options)
    found = []
    axes = {one.name: _axis(one) for one in reading.experiments if any(one.feeds.values())}
    for name, wanted in _groups(reading, options):
        several = sorted({axes[one] for one in wanted if one in axes}) or [""]
        for axis in several:
            alike = [log for log in logs if log.name in wanted and axes.get(log.name, axis) == axis]
            found.append(aggregate(f"{name} ({axis})" if len(several) > 1 else name, alike, options.aggregate))
    if not each:
        yield aggregate_table(found)
        return
    for one in found:
        yield aggregate_table([one], named=False)._replace(name=f"{one.name}.{options.aggregate}")


def _axis(experiment: Experiment) -> str:
    """Return the unit that a run log's steps count, as far as the tags of its columns say: the finest is the axis."""
    said = [read_tag(feed.tag).granularity for feed in experiment.feeds.values() if feed]
    return ("epochs", "steps as logged", "steps")[max(said)]


def _groups(reading: Reading, options: ExportOptions) -> Iterator[tuple[str, Collection[str]]]:
    """Yield each group's name and experiments: by globs, else by equal hyperparameters, else all as one.

    Raises:
        UsageError: a glob matches nothing, or no experiment has a hyperparameter that is asked for.
    """
    names = [one.name for one in reading.experiments]
    for pattern in options.groups:
        if not (wanted := chosen(names, [pattern])):
            raise UsageError(f"no experiment matches --group {pattern}; there is {some(names)}")
        yield pattern, wanted
    if options.groups:
        return
    given = {one.name: reading.hparams(one) for one in reading.experiments}
    known = dict.fromkeys(name for hparams in given.values() for name in hparams)
    if missing := [name for name in options.group_by if name not in known]:
        there = some(known) if known else "none"
        raise UsageError(f"no experiment has the hyperparameter {missing[0]} of --group-by; there is {there}")
    by = options.group_by or sorted((name for name in known if "seed" not in name.lower()), key=natural_key)
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, hparams in given.items():
        groups.setdefault(tuple(repr(hparams.get(one)) for one in by), []).append(name)
    for members in groups.values():
        told = [one for place, one in enumerate(by) if options.group_by or len({key[place] for key in groups}) > 1]
        hparams = given[members[0]]
        yield ", ".join(f"{one}={hparams.get(one, 'none')}" for one in told) or "*", members


def _compact(reading: Reading, options: ExportOptions, each: bool) -> Iterator[Table]:
    if not each:
        yield _run_log_table(reading, options, reading.experiments, named=not options.single)
        return
    for one in reading.experiments:
        yield _run_log_table(reading, options, [one], named=False)._replace(name=one.name)


def _run_log_table(reading: Reading, options: ExportOptions, wanted: Sequence[Experiment], *, named: bool) -> Table:
    """The run logs of some experiments, each made when its rows are written where large runs feed them."""
    logs = (run_log(one.name, _columns(reading, one, options)) for one in wanted)
    feeds = [feed for one in wanted for feed in one.feeds.items()]
    if not any(feed and is_passing(reading.runs, feed.run) for _, feed in feeds):
        return compact_table(list(logs), named=named)
    of_feeds = [RowGroup((), {name: Cells(np.empty(0, _kind(reading, feed)))}) for name, feed in feeds]
    kinds = column_kinds([RowGroup((), _EMPTY), *of_feeds], ("step", *dict(feeds)))
    groups = (RowGroup((log.name,) if named else (), log_cells(log)) for log in logs)
    return Table(("experiment",) if named else (), tuple(kinds), groups, kinds=kinds, rows=0)


def _kind(reading: Reading, feed: Feed | None) -> np.dtype[Any]:
    return outlines(reading.runs, feed.run)[feed.tag].kind if feed else NO_POINTS.value.dtype


def compact_table(logs: Sequence[RunLog], *, named: bool = True) -> Table:
    """Return run logs under one another; `named` puts the experiment's name first."""
    columns = dict.fromkeys(name for log in logs for name in log.columns)
    groups = [RowGroup((log.name,) if named else (), log_cells(log)) for log in logs]
    return Table(("experiment",) if named else (), ("step", *columns), groups)


def long_table(reading: Reading, superseded: bool = False, name: str = "") -> Table:
    """Return every point, run by run and tag by tag.

    superseded: also the points that a restart or a later point of the same step superseded, in canonical order, with a
    column that says so.
    """
    columns = (*LONG, SUPERSEDED) if superseded else LONG
    table = Table(("run", "tag"), columns, _Points(reading, superseded), name)
    if not any(is_passing(reading.runs, run) for run in reading.runs):
        return table
    known = [one for run in reading.runs for one in outlines(reading.runs, run).values()]
    one_of_each = [_EMPTY | {"value": Cells(np.empty(0, kind))} for kind in {one.kind for one in known}]
    kinds = column_kinds([RowGroup((), cells) for cells in one_of_each], columns)
    return table._replace(kinds=kinds, rows=sum(one.points if superseded else one.live for one in known))


class _Points:
    """The groups of a long table, made when they are read, again at each reading."""

    def __init__(self, reading: Reading, superseded: bool) -> None:
        self.reading = reading
        self.superseded = superseded

    def __iter__(self) -> Iterator[RowGroup]:
        for run, tags in self.reading.runs.items():
            for tag, series in tags.items():
                yield RowGroup((run, tag), _every(series) if self.superseded else point_cells(live(series)))


def point_cells(points: Points) -> dict[str, Cells]:
    """Return a series' points as cells over the same memory."""
    return dict(zip(LONG, map(Cells, points), strict=True))


def _every(series: Series) -> dict[str, Cells]:
    return point_cells(Points(series.step, series.wall_time, series.value)) | {SUPERSEDED: Cells(series.superseded)}


def aggregate_table(aggregates: Sequence[RunLog], *, named: bool = True) -> Table:
    """Return aggregated run logs under one another, by group; counts are whole numbers."""
    table = compact_table(aggregates, named=named)
    groups = [group._replace(columns=_whole(group.columns)) for group in table.groups]
    return table._replace(labels=("group",) if named else (), groups=groups)


def _whole(columns: Mapping[str, Cells]) -> dict[str, Cells]:
    return {
        name: Cells(cells.values.astype(np.int64), cells.logged) if name.endswith(" n") else cells
        for name, cells in columns.items()
    }

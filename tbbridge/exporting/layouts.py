"""What was read, laid out as tables: one for all, or one an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tbbridge.core.errors import UsageError
from tbbridge.core.model import Points, RunLog, Series
from tbbridge.exporting.options import ExportOptions
from tbbridge.exporting.sheets import aggregate_sheet, compact_sheet, long_sheet, rows, summary_sheet, wide_sheet
from tbbridge.reading.reading import Reading
from tbbridge.reading.selection import chosen, cut_points, cut_series, some
from tbbridge.shape.downsample import downsample
from tbbridge.shape.run_log import run_log
from tbbridge.shape.series import live
from tbbridge.shape.summary import aggregate, summarise
from tbbridge.write.block import Sheet


@dataclass(frozen=True, slots=True)
class Table:
    """One file's content."""

    name: str
    """What the file is called in a directory: the experiment's name, and the layout where it is not the run log."""
    sheet: Sheet

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return rows(self.sheet)


def tables(reading: Reading, options: ExportOptions, *, each: bool) -> Iterator[Table]:
    """The tables of one layout.

    each: one an experiment (or group), else one for all.
    """
    if options.aggregate:
        yield from _aggregates(reading, options, each)
    elif options.layout == "compact":
        yield from _compact(reading, options, each)
    elif options.layout == "summary":
        for name, part in parts(reading, each):
            yield Table(f"{name}.summary", summary_sheet(summarise(run_logs(part, options))))
    else:
        for name, part in parts(chosen_points(reading, options), each):
            sheet = long_sheet(part, superseded=options.superseded) if options.layout == "long" else wide_sheet(part)
            yield Table(f"{name}.{options.layout}", sheet)


def parts(reading: Reading, each: bool) -> Iterator[tuple[str, Reading]]:
    """What was read, whole (without a name) or an experiment at a time."""
    if not each:
        yield "", reading
        return
    for experiment in reading.experiments:
        runs = {run: reading.runs[run] for run in experiment.runs}
        files = {run: reading.files[run] for run in experiment.runs}
        yield experiment.name, replace(reading, runs=runs, files=files, experiments=[experiment])


def run_logs(reading: Reading, options: ExportOptions) -> list[RunLog]:
    """The run log of each experiment: the chosen steps, of at most about so many points a column as is asked for."""
    logs = []
    for experiment in reading.experiments:
        columns = reading.columns(experiment)
        logs.append(run_log(experiment.name, {name: _chosen(points, options) for name, points in columns.items()}))
    return logs


def _chosen(points: Points, options: ExportOptions) -> Points:
    points = cut_points(points, options.steps)
    return points if options.points is None else downsample(points, options.points)


def chosen_points(reading: Reading, options: ExportOptions) -> Reading:
    """What was read, of the chosen steps and at most about so many points a series as is asked for.

    Points that were superseded stay, but in a thinned copy.
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
    assert options.aggregate
    logs = run_logs(reading, options)
    found = []
    for group in options.groups:
        wanted = chosen((log.name for log in logs), [group])
        members = [log for log in logs if log.name in wanted]
        if not members:
            raise UsageError(f"no experiment matches --group {group}; there is {some(log.name for log in logs)}")
        found.append(aggregate(group, members, options.aggregate))
    if not each:
        yield Table("", aggregate_sheet(found))
        return
    for one in found:
        yield Table(f"{one.name}.{options.aggregate}", aggregate_sheet([one], named=False))


def _compact(reading: Reading, options: ExportOptions, each: bool) -> Iterator[Table]:
    logs = run_logs(reading, options)
    if not each:
        yield Table("", compact_sheet(logs, named=not options.single))
        return
    for log in logs:
        yield Table(log.name, compact_sheet([log], named=False))

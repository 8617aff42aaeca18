"""When each experiment fulfilled each condition: the layout ``events``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tbbridge.core.model import Points
from tbbridge.exporting.options import ExportOptions, event_conditions
from tbbridge.reading.reading import Reading
from tbbridge.reading.selection import cut_points
from tbbridge.shape.condition import Fulfilled, last_point
from tbbridge.shape.hparams import ended
from tbbridge.shape.series import live
from tbbridge.write.table import Cells, RowGroup, Table


def fulfilled(reading: Reading, options: ExportOptions) -> Iterator[tuple[str, str, Fulfilled]]:
    """Yield each experiment and condition that it fulfils, and the first point that does."""
    conditions = event_conditions(options.on)
    for experiment in reading.experiments:
        whole = reading.columns(experiment)
        columns = {name: cut_points(one, options.steps) for name, one in whole.items()}
        asking = {one for one in conditions if one.any_series(whole)}
        series = dict(_series(reading, experiment.runs, options)) if asking else {}
        for condition in conditions:
            found = condition.first({**columns, **series} if condition in asking else columns)
            if condition.finished and ended((file for run in experiment.runs for file in reading.files[run]), whole):
                last = last_point(whole)
                found = Fulfilled("", *last, None) if last == last_point(columns) else None
            if found:
                yield experiment.name, condition.text, found


def missing(reading: Reading, on: Sequence[str]) -> list[str]:
    """Return messages: the conditions on columns and series that no experiment has."""
    names: dict[str, None] = {}
    for experiment in reading.experiments:
        names |= dict.fromkeys(column for column, feed in experiment.feeds.items() if feed)
        names |= {f"{run}:{tag}": None for run in experiment.runs for tag in reading.runs[run]}
    lines = [condition.missing(list(names)) for condition in event_conditions(on)]
    return [line for line in lines if line]


def _series(reading: Reading, runs: tuple[str, ...], options: ExportOptions) -> Iterator[tuple[str, Points]]:
    for run in runs:
        for tag, one in reading.runs[run].items():
            yield f"{run}:{tag}", cut_points(live(one), options.steps)


def events_table(reading: Reading, options: ExportOptions, name: str = "") -> Table:
    """Return one row per experiment and condition that it fulfils: the first point that does."""
    groups = [
        RowGroup(
            (experiment, condition, found.column),
            {
                "step": Cells(np.array([found.step], np.int64)),
                "wall_time": Cells(np.array([found.wall_time], np.float64)),
                "value": Cells(np.array([found.value], np.float64), None if found.column else np.zeros(1, bool)),
            },
        )
        for experiment, condition, found in fulfilled(reading, options)
    ]
    return Table(("experiment", "condition", "column"), ("step", "wall_time", "value"), groups, name)

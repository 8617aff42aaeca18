"""A chart: which columns of an experiment it draws, and how its values are read."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from tbbridge import ExperimentView, Points, lower_is_better

MOST_ASKED = 20
"""Of how many further series an experiment's start is the earliest, where its run log has no points."""


@dataclass(frozen=True)
class Chart:
    """One chart of the page."""

    id: str
    """The id of its parts and controls starts with it: ``loss-graph``, ``loss-weight``."""
    title: str
    columns: Mapping[str, str]
    """The columns it draws, by their label: ``Training`` (pale), ``Validation``, or any other."""
    best: str = ""
    """The value to mark as best: ``highest``, ``lowest`` or, by default, none."""
    format: str = ".4~g"
    """The format of values, in Plotly's (d3's) notation."""
    group: str = ""
    """Whose controls it obeys, when not its own."""

    @property
    def lower_is_better(self) -> bool:
        """Whether small values are good ones."""
        return self.best == "lowest" if self.best else lower_is_better(next(iter(self.columns.values())))

    def points(self, view: ExperimentView, label: str) -> Points | None:
        """The series of a label in an experiment; None where the experiment has none."""
        name = self.columns.get(label, "")
        found = view.columns.get(name) or view.extra.get(self.title, {}).get(name)
        return found if found is not None and len(found.step) else None


def main_charts(views: Sequence[ExperimentView], charts: Sequence[Chart]) -> list[Chart]:
    """`charts`, or in their places the metrics that the run log has instead (``--metric``)."""
    metrics = list(dict.fromkeys(_named(column)[0] for column in (views[0].columns if views else ())))
    others = [metric for metric in metrics if metric not in {_metric(chart) for chart in charts}]
    drawn = list(charts)
    for place, chart in enumerate(charts):
        if others and _metric(chart) not in metrics:
            name = others.pop(0)
            columns = {"Training": f"train {name}", "Validation": f"val {name}"}
            drawn[place] = replace(chart, title=name, columns=columns, best="", format=".6~g")
    return drawn


def _metric(chart: Chart) -> str:
    return _named(next(iter(chart.columns.values())))[0]


def _named(column: str) -> tuple[str, str]:
    """The metric and the label of a run log's column: ``val accuracy`` is the Validation of accuracy."""
    kind, _, metric = column.partition(" ")
    label = {"train": "Training", "val": "Validation"}.get(kind)
    return (metric, label) if label else (column, column)


def further_charts(views: Sequence[ExperimentView], charts: Sequence[Chart]) -> list[Chart]:
    """A chart for each metric of the run logs that is in none of `charts`; all obey the controls of ``more``."""
    known = {column for chart in charts for column in chart.columns.values()}
    found: dict[str, dict[str, str]] = {}
    for view in views:
        for column in (name for name in view.columns if name not in known):
            metric, label = _named(column)
            found.setdefault(metric, {})[label] = column
    return [_further(title, columns) for title, columns in found.items()]


def added_charts(views: Sequence[ExperimentView], titles: Sequence[str], charts: Sequence[Chart]) -> list[Chart]:
    """The charts of these titles, in their order, where an experiment has one and `charts` do not draw it."""
    known = {chart.title for chart in charts}
    added = []
    for title in dict.fromkeys(titles):
        labels = dict.fromkeys(label for view in views for label in view.extra.get(title, ()))
        if labels and title not in known:
            added.append(_further(title, {label: label for label in labels}))
    return added


def _further(title: str, columns: Mapping[str, str]) -> Chart:
    return Chart(f"more-{zlib.crc32(title.encode('utf-8', 'replace')):08x}", title, columns, group="more")


def start(view: ExperimentView) -> float:
    """When the experiment began: its smallest first wall time in seconds; NaN where none is known."""
    known = [points for points in view.columns.values() if len(points.wall_time)]
    if not known:
        known = [points for title in islice(view.extra, MOST_ASKED) for points in view.extra[title].values()]
    firsts = [float(points.wall_time[0]) for points in known if len(points.wall_time)]
    return min((time for time in firsts if math.isfinite(time)), default=math.nan)

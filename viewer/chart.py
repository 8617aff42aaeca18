"""A chart: which columns of an experiment it draws, and how its values are read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tbbridge import ExperimentView, Points


@dataclass(frozen=True)
class Chart:
    """One chart of the page."""

    id: str
    """The id of its parts and controls starts with it: ``loss-graph``, ``loss-weight``."""
    title: str
    columns: Mapping[str, str]
    """The columns it draws, by their label: ``Training`` (solid), ``Validation`` (dashed), or any other."""
    best: str = ""
    """Which value is best, to be marked: ``highest``, ``lowest`` or, by default, none."""
    format: str = ".4~g"
    """How values are written, in Plotly's (d3's) notation."""
    group: str = ""
    """Whose controls it obeys, when not its own."""

    def points(self, view: ExperimentView, label: str) -> Points | None:
        """What is behind a label in an experiment; None where the experiment has nothing there."""
        name = self.columns[label]
        found = view.columns.get(name) or view.extra.get(self.title, {}).get(name)
        return found if found is not None and len(found.step) else None


def further_charts(views: Sequence[ExperimentView], charts: Sequence[Chart]) -> list[Chart]:
    """A chart for each metric of the experiments that is in none of `charts`; all obey the controls of ``more``."""
    known = {column for chart in charts for column in chart.columns.values()}
    found: dict[str, dict[str, str]] = {}
    for view in views:
        for column in (name for name in view.columns if name not in known):
            kind, _, metric = column.partition(" ")
            label = {"train": "Training", "val": "Validation"}.get(kind)
            found.setdefault(metric if label else column, {})[label or column] = column
        for title, traces in view.extra.items():
            found.setdefault(title, {}).update({label: label for label in traces})
    return [Chart(f"more-{i}", title, columns, group="more") for i, (title, columns) in enumerate(found.items())]


def start(view: ExperimentView) -> float:
    """When the experiment began: its smallest first wall time in seconds; 0 where none is known."""
    firsts = [float(points.wall_time[0]) for points in view.columns.values() if len(points.wall_time)]
    return min((time for time in firsts if math.isfinite(time)), default=0.0)

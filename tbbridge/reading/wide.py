"""The wide table: a row per run and step, a column per tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tbbridge.core.model import Points, RunLog
from tbbridge.shape.run_log import run_log
from tbbridge.write.table import Cells, RowGroup, Table


def wide_table(runs: Mapping[str, Mapping[str, Points]], name: str = "") -> Table:
    """Return one row per run and step, one column per tag; a tag called ``step`` or ``run`` is ``tag:step`` ...

    Args:
        runs: by run and tag, the points that nothing supersedes.
        name: the table's name.
    """
    names = _column_names(tag for tags in runs.values() for tag in tags)
    groups = [
        RowGroup((run,), log_cells(run_log(run, {names[tag]: points for tag, points in tags.items()})))
        for run, tags in runs.items()
    ]
    return Table(("run",), ("step", *names.values()), groups, name)


def log_cells(log: RunLog) -> dict[str, Cells]:
    """Return a run log's columns, the step first."""
    return {"step": Cells(log.step)} | {name: Cells(values, log.logged[name]) for name, values in log.columns.items()}


def _column_names(tags: Iterable[str]) -> dict[str, str]:
    names = dict.fromkeys(tags, "")
    taken = {"run", "step", *names}
    for tag in names:
        name = tag
        while name in ("run", "step") or (name != tag and name in taken):
            name = f"tag:{name}"
        names[tag] = name
        taken.add(name)
    return names

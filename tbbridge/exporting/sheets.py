"""What was read, as the tables that can be exported: compact, long, wide, summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from tbbridge.core.model import Points, RunLog, Series
from tbbridge.reading.reading import Reading
from tbbridge.shape.run_log import run_log
from tbbridge.shape.series import live
from tbbridge.shape.summary import Summary
from tbbridge.write.block import Block, Sheet, flags, numbers

LONG = ("step", "wall_time", "value")
SUPERSEDED = "superseded"


def compact_sheet(logs: Sequence[RunLog], *, named: bool = True) -> Sheet:
    """Run logs under one another; `named` puts the experiment's name first."""
    columns = dict.fromkeys(name for log in logs for name in log.columns)
    blocks = [Block((log.name,) if named else (), log_columns(log)) for log in logs]
    return Sheet(("experiment",) if named else (), ("step", *columns), blocks)


def log_columns(log: RunLog) -> dict[str, pa.Array]:
    """A run log's columns as Arrow arrays, the step first; a cell that was not logged is null."""
    return {"step": numbers(log.step)} | {
        name: numbers(values, log.logged[name]) for name, values in log.columns.items()
    }


def long_sheet(reading: Reading, *, superseded: bool = False) -> Sheet:
    """Every point, run by run and tag by tag.

    superseded: also the points that a restart or a later point of the same step superseded, in canonical order, with a
    column that says so.
    """
    columns = (*LONG, SUPERSEDED) if superseded else LONG
    return Sheet(("run", "tag"), columns, _Blocks(reading, superseded))


class _Blocks:
    """The long table's blocks, made as they are read, again at each reading."""

    def __init__(self, reading: Reading, superseded: bool) -> None:
        self._reading = reading
        self._superseded = superseded

    def __iter__(self) -> Iterator[Block]:
        for run, tags in self._reading.runs.items():
            for tag, series in tags.items():
                yield Block((run, tag), _every(series) if self._superseded else points_columns(live(series)))


def points_columns(points: Points) -> dict[str, pa.Array]:
    """A series' points as Arrow arrays over the same memory."""
    return dict(zip(LONG, map(numbers, points), strict=True))


def _every(series: Series) -> dict[str, pa.Array]:
    columns = points_columns(Points(series.step, series.wall_time, series.value))
    return columns | {SUPERSEDED: flags(series.superseded)}


def wide_sheet(reading: Reading) -> Sheet:
    """One row a run and step, one column a tag; a tag that is called ``step`` or ``run`` is the column ``tag:step``."""
    tags = list(dict.fromkeys(tag for series in reading.runs.values() for tag in series))
    names = _column_names(tags)
    blocks = []
    for run, series in reading.runs.items():
        log = run_log(run, {names[tag]: live(one) for tag, one in series.items()})
        blocks.append(Block((run,), log_columns(log)))
    return Sheet(("run",), ("step", *names.values()), blocks)


def _column_names(tags: Sequence[str]) -> dict[str, str]:
    taken = {"run", "step", *tags}
    names = {}
    for tag in tags:
        name = tag
        while name in ("run", "step") or (name != tag and name in taken):
            name = f"tag:{name}"
        names[tag] = name
        taken.add(name)
    return names


def summary_sheet(summaries: Sequence[Summary]) -> Sheet:
    """One row an experiment: each column's last and best value with its step, and the train-validation gaps."""
    blocks = [Block((one.name,), _summary_row(one)) for one in summaries]
    return Sheet(("experiment",), tuple(dict.fromkeys(name for block in blocks for name in block.columns)), blocks)


def _summary_row(one: Summary) -> dict[str, pa.Array]:
    cells: dict[str, pa.Array] = {}
    for column, values in one.log.columns.items():
        for what, row in (("last", one.last[column]), ("best", one.best[column])):
            cells[f"{what} {column}"] = numbers(values[row : row + 1]) if row is not None else _empty(values.dtype)
            step = one.log.step[row : row + 1] if row is not None else None
            cells[f"{what} {column} step"] = numbers(step) if step is not None else _empty(np.dtype(np.int64))
    for metric, gap in one.gaps.items():
        cells[f"{metric} gap"] = _empty(np.dtype(np.float32)) if gap is None else numbers(np.array([gap]))
    return cells


def _empty(kind: np.dtype[Any]) -> pa.Array:
    return pa.nulls(1, pa.from_numpy_dtype(kind))


def aggregate_sheet(aggregates: Sequence[RunLog], *, named: bool = True) -> Sheet:
    """Aggregated run logs under one another, by group; counts are whole numbers."""
    sheet = compact_sheet(aggregates, named=named)
    blocks = [replace(block, columns=_whole(block.columns)) for block in sheet.blocks]
    return Sheet(("group",) if named else (), sheet.columns, blocks)


def _whole(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    return {name: array.cast(pa.int64()) if name.endswith(" n") else array for name, array in columns.items()}


def rows(sheet: Sheet) -> int:
    """How many rows a sheet has."""
    return int(np.sum([block.rows for block in sheet.blocks], dtype=np.int64))

"""Two lines of Python for anyone's logs: data frames and Arrow tables.

    scalars = tbbridge.read_scalars("logs/", tags="*loss*")     # pandas: run, tag, step, wall_time, value
    table = tbbridge.scalars_table("logs/")                     # the same for Arrow: polars, DuckDB, ...
    logs = tbbridge.read_run_logs("logs/")                      # the run log of each experiment

A log directory may be a path or any URL that fsspec opens (``s3://``, ``gs://``, ``az://``, ``hdfs://`` ...).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Cell
from tbbridge.exporting.export import Globs, LogDir, globs
from tbbridge.exporting.layouts import compact_table, long_table
from tbbridge.reading.reading import read
from tbbridge.reading.selection import Selection, select, some
from tbbridge.reading.summary import summary_table
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.write.parquet import arrow_table
from tbbridge.write.table import Table, column_kinds, utf8

if TYPE_CHECKING:
    import pandas
    import pyarrow


def read_scalars(
    logdir: LogDir,
    runs: Globs = None,
    tags: Globs = None,
    *,
    superseded: bool = False,
    follow_links: bool = False,
) -> pandas.DataFrame:
    """Every point of every scalar series, never sampled.

    Args:
        logdir: the log directory, its URL, or one event file.
        runs: only runs that match one of these globs (``*`` also crosses ``/``).
        tags: only tags that match one of these globs.
        superseded: also the points that a restart or a later value of the same step took the place of, and a column
            ``superseded`` (bool) that says so.
        follow_links: follow links to directories.

    Returns a frame with the columns ``run`` and ``tag`` (categories), ``step`` (int64), ``wall_time`` (float64, seconds
    since the epoch) and ``value`` (float32, or float64 where some value was logged wider), by run, tag and step.

    Raises:
        PathError: `logdir` cannot be read.
        UsageError: no run or tag matches; the text lists the names that there are.
    """
    return _frame(_scalars(logdir, runs, tags, superseded, follow_links))


def _scalars(logdir: LogDir, runs: Globs, tags: Globs, superseded: bool, follow_links: bool) -> Table:
    reading = read(logdir, follow_links=follow_links)
    return long_table(select(reading, Selection(globs(runs), globs(tags))), superseded)


def _frame(table: Table) -> pandas.DataFrame:
    """A table whose number cells are all there, as a data frame."""
    import pandas

    groups = [group for group in table.groups if group.size]
    sizes = [group.size for group in groups]
    columns: dict[str, Any] = {}
    for place, name in enumerate(table.labels):
        index = {text: code for code, text in enumerate(dict.fromkeys(group.labels[place] for group in groups))}
        width = np.int8 if len(index) < 128 else np.int32  # as pandas keeps them
        codes = np.repeat(np.array([index[group.labels[place]] for group in groups], width), sizes)
        columns[name] = pandas.Categorical.from_codes(codes, pandas.Index(map(utf8, index), dtype="str"))
    for name, kind in column_kinds(groups, table.columns).items():
        columns[name] = _end_to_end([group.columns[name].values for group in groups], kind)
    return pandas.DataFrame(columns, copy=False)


def _end_to_end(parts: Sequence[NDArray[Any]], kind: np.dtype[Any]) -> NDArray[Any]:
    """One writable array of all parts; where they lie so in memory, as series that were read together do, no copy."""
    whole, shape = parts[0].base if parts else None, (sum(map(len, parts)),)
    if isinstance(whole, np.ndarray) and whole.dtype == kind and whole.shape == shape and whole.flags.carray:
        starts = accumulate((part.nbytes for part in parts), initial=whole.ctypes.data)
        if all(part.base is whole and part.ctypes.data == at for part, at in zip(parts, starts, strict=False)):
            return whole
    return np.concatenate([np.empty(0, kind), *parts])


def scalars_table(
    logdir: LogDir,
    runs: Globs = None,
    tags: Globs = None,
    *,
    superseded: bool = False,
    follow_links: bool = False,
) -> pyarrow.Table:
    """`read_scalars` as an Arrow table; ``run`` and ``tag`` are dictionary columns.

    With ``scalars = tbbridge.scalars_table("logs/")`` whatever speaks the Arrow PyCapsule interface takes it without a
    copy: ``polars.DataFrame(scalars)``, ``duckdb.sql("select ... from scalars")``,
    ``pandas.DataFrame.from_arrow(scalars)``.
    """
    return arrow_table(_scalars(logdir, runs, tags, superseded, follow_links))


def read_run_logs(
    logdir: LogDir,
    *,
    options: MappingOptions | None = None,
    follow_links: bool = False,
) -> dict[str, pandas.DataFrame]:
    """The run log of each experiment, by its name, in natural order.

    Each frame has the columns ``step`` (int64), ``train accuracy``, ``val accuracy``, ``train cross entropy`` and ``val
    cross entropy`` (float32, or float64 where the writer logged that), by step. A cell is NaN where nothing was logged;
    `Reading.table` tells that apart from a NaN that was logged.

    Args:
        logdir: the log directory, its URL, or one event file.
        options: how series are mapped to columns; the default rules when None.
        follow_links: follow links to directories.

    Raises:
        PathError: `logdir` cannot be read.
        MappingError: an override names a run or tag that is not there.
    """
    import pandas

    reading = read(logdir, options=options, follow_links=follow_links)
    frames = _ByExperiment()
    for experiment in reading.experiments:
        log = reading.table(experiment)
        columns: dict[str, Any] = {"step": log.step}
        for name, values in log.columns.items():
            columns[name] = np.where(log.logged[name], values, values.dtype.type(np.nan))
        frames[log.name] = pandas.DataFrame(columns)
    return frames


class _ByExperiment(dict[str, Any]):
    """Values by experiment; the error for a wrong name lists the near ones."""

    def __missing__(self, name: str) -> NoReturn:
        import difflib

        near = difflib.get_close_matches(str(name), self, n=3, cutoff=0.3)
        raise KeyError(f"no experiment {name!r}; there is {some(near or self)}")


def read_summary(
    logdir: LogDir, *, options: MappingOptions | None = None, follow_links: bool = False
) -> pandas.DataFrame:
    """The summary: a row per experiment, ``experiment`` being the index, with the columns of ``summary.csv``.

    Values keep their width (float32 or float64), counts and steps are ``Int64``; an empty cell is missing.

    Args:
        logdir: the log directory, its URL, or one event file.
        options: how series are mapped to columns; the default rules when None.
        follow_links: follow links to directories.

    Raises:
        PathError: `logdir` cannot be read.
        MappingError: an override names a run or tag that is not there.
    """
    import pandas

    reading = read(logdir, options=options, follow_links=follow_links)
    rows = {one.name: reading.summary(one, reading.columns(one)) for one in reading.experiments}
    names = pandas.Index([utf8(name) for name in rows], name="experiment", dtype="str")
    columns = {name: _array([row.get(name) for row in rows.values()]) for name in summary_table(rows).columns[1:]}
    return pandas.DataFrame(columns, index=names)


def _array(cells: Sequence[Cell]) -> Any:
    """Cells of one column as the narrowest pandas array that holds them all."""
    import pandas

    kinds = {np.dtype(getattr(cell, "dtype", type(cell))) for cell in cells if cell is not None}
    if all(kind.kind == "f" for kind in kinds):
        kind: Any = np.result_type(*kinds) if kinds else np.dtype(np.float64)
        return np.array([math.nan if cell is None else cell for cell in cells], kind)
    names = {"b": "boolean", "i": "Int64", "U": "str", "fi": "float64"}
    return pandas.array(list(cells), dtype=names.get("".join(sorted({kind.kind for kind in kinds})), "object"))


def run_logs_table(
    logdir: LogDir, *, options: MappingOptions | None = None, follow_links: bool = False
) -> pyarrow.Table:
    """All run logs as one Arrow table, ``experiment`` first; an empty cell is null, a NaN that was logged is NaN."""
    reading = read(logdir, options=options, follow_links=follow_links)
    return arrow_table(compact_table([reading.table(experiment) for experiment in reading.experiments]))

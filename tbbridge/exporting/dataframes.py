"""Two lines of Python for anyone's logs: data frames, Arrow tables, exports.

    scalars = tbbridge.read_scalars("logs/", tags="*loss*")     # pandas: run, tag, step, wall_time, value
    table = tbbridge.scalars_table("logs/")                     # the same for Arrow: polars, DuckDB, ...
    logs = tbbridge.read_run_logs("logs/")                      # the run log of each experiment

A log directory may be a path or any URL that fsspec opens (``s3://``, ``gs://``, ``az://``, ``hdfs://`` ...).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tbbridge.exporting import export as exporting
from tbbridge.exporting.layouts import compact_table, long_table
from tbbridge.exporting.options import ExportOptions
from tbbridge.reading.reading import read
from tbbridge.reading.selection import Selection, Steps, parse_steps, select
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.write.parquet import arrow_table
from tbbridge.write.table import Table, column_kinds, utf8

if TYPE_CHECKING:
    import pandas
    import pyarrow

LogDir = str | os.PathLike[str]
Globs = str | Sequence[str] | None


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
        UsageError: no run or tag matches; the text says what there is.
    """
    return _frame(_scalars(logdir, runs, tags, superseded, follow_links))


def _scalars(logdir: LogDir, runs: Globs, tags: Globs, superseded: bool, follow_links: bool) -> Table:
    reading = read(logdir, follow_links=follow_links)
    return long_table(select(reading, Selection(_globs(runs), _globs(tags))), superseded)


def _frame(table: Table) -> pandas.DataFrame:
    """A table whose number cells are all there, as a data frame."""
    import pandas

    groups = [group for group in table.groups if group.size]
    sizes = [group.size for group in groups]
    columns: dict[str, Any] = {}
    for place, name in enumerate(table.labels):
        index = {text: code for code, text in enumerate(dict.fromkeys(group.labels[place] for group in groups))}
        codes = np.repeat(np.array([index[group.labels[place]] for group in groups], np.int32), sizes)
        columns[name] = pandas.Categorical.from_codes(codes, pandas.Index(map(utf8, index), dtype="str"))
    for name, kind in column_kinds(groups, table.columns).items():
        columns[name] = np.concatenate([np.empty(0, kind), *(group.columns[name].values for group in groups)])
    return pandas.DataFrame(columns, copy=False)


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
    frames = {}
    for experiment in reading.experiments:
        log = reading.table(experiment)
        columns: dict[str, Any] = {"step": log.step}
        for name, values in log.columns.items():
            columns[name] = np.where(log.logged[name], values, values.dtype.type(np.nan))
        frames[log.name] = pandas.DataFrame(columns)
    return frames


def run_logs_table(
    logdir: LogDir, *, options: MappingOptions | None = None, follow_links: bool = False
) -> pyarrow.Table:
    """All run logs as one Arrow table, ``experiment`` first; an empty cell is null, a NaN that was logged is NaN."""
    reading = read(logdir, options=options, follow_links=follow_links)
    return arrow_table(compact_table([reading.table(experiment) for experiment in reading.experiments]))


def export(
    logdir: LogDir,
    out: LogDir | None = None,
    *,
    layout: str = "compact",
    format: str | None = None,
    runs: Globs = None,
    tags: Globs = None,
    steps: str | Steps = (None, None),
    experiments: Globs = None,
    points: int | None = None,
    superseded: bool = False,
    aggregate: str | None = None,
    groups: Globs = None,
    header: bool = True,
    spreadsheet_safe: bool = False,
    dialect: str = "plain",
    force: bool = False,
    options: MappingOptions | None = None,
    engine: str = "threads",
    follow_links: bool = False,
) -> list[Path]:
    """Write what a log directory holds into files, once; ``tbbridge export`` is this function.

    Args:
        logdir: the log directory, its URL, or one event file.
        out: a file (its suffix says the format: ``all.csv.gz``, ``all.parquet``, ``page.html``), a directory for one
            file an experiment, or ``-`` for standard output. When None, run logs go to ``<logdir>-csv/``, all else to
            one file beside the log directory.
        layout: ``compact`` (run logs), ``long`` (every point), ``wide`` (a column a tag), ``summary`` (a row an
            experiment).
        format: ``csv``, ``parquet``, ``jsonl``, ``xlsx`` or ``html``; ``csv.gz``, ``.zst``, ``.xz``, ``.bz2``.
        runs, tags, experiments: only what matches one of these globs.
        steps: ``"A:B"`` or (A, B): only steps from A to B, both included.
        points: thin each series to at most about so many points; the first, the last and the extremes are kept.
        superseded: the long table also with superseded points.
        aggregate: ``mean`` or ``median`` over the experiments of each of the `groups` (globs; all are one by default).
        header: whether a CSV begins with the names of its columns.
        spreadsheet_safe: put ``'`` before text cells of a CSV that a spreadsheet could take for a formula.
        dialect: how a CSV is written: ``plain`` (``NaN``, lines end in LF) or, as Python's ``csv`` module does,
            ``python`` (``nan``, lines end in CRLF).
        force: replace a file that is there. Whole run logs in a directory are always brought up to date.
        options: how series are mapped to columns.
        engine: ``threads``, ``dask`` or ``dask=ADDRESS``: where the work is done.
        follow_links: follow links to directories.

    Returns the files that were written, in order.

    Raises:
        UsageError: an option is wrong, nothing matches, or a target exists.
        PathError: `logdir` cannot be read or `out` cannot be written.
        LockedError: another tbbridge publishes into `out`.
        PublishError: some file could not be written; the others are, and each that is there is whole.
    """
    chosen = ExportOptions(
        layout=layout,
        format=format,
        header=header,
        spreadsheet_safe=spreadsheet_safe,
        dialect=dialect,
        steps=parse_steps(steps) if isinstance(steps, str) else steps,
        points=points,
        superseded=superseded,
        aggregate=aggregate,
        groups=_globs(groups) or ("*",),
        force=force,
        single=isinstance(experiments, str) and not set(experiments) & set("*?["),
    )
    selection = Selection(_globs(runs), _globs(tags), _globs(experiments))
    reader = exporting.Reader(options, engine, follow_links)
    return exporting.run(logdir, out, selection, chosen, reader).paths


def _globs(globs: Globs) -> tuple[str, ...]:
    return (globs,) if isinstance(globs, str) else tuple(globs or ())

"""A Parquet dataset, partitioned by run and written run by run by the worker that read it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from tbbridge.core.errors import PathError, PublishError
from tbbridge.core.model import Series
from tbbridge.exporting.layouts import LONG, point_cells
from tbbridge.reading.by_run import RunReading, RunWork, each_run, plan, read_run, reading_of
from tbbridge.reading.engines import Engine
from tbbridge.reading.reading import Reading
from tbbridge.reading.selection import Selection, Steps, chosen, cut_series, matching
from tbbridge.shape.series import live
from tbbridge.write.atomic import remove_stale, write_whole
from tbbridge.write.parquet import parquet_chunks
from tbbridge.write.table import RowGroup, Table

PART_FILE = "part-0.parquet"

HOW_TO_READ = (
    "run=NAME is the run's name as text, percent-encoded: give the partition column that type, or a reader takes "
    "001 for a number and 2026-01-01 for a date (pyarrow: partitioning(schema([('run', string())]), flavor='hive'); "
    "DuckDB: hive_types={'run': VARCHAR})"
)
"""In each part: readers guess the type of a partition column from the names of the directories."""


def partition(run: str) -> str:
    """The directory of a run in a dataset: ``run=NAME``, percent-encoded as Hive partitions are."""
    return f"run={quote(run, safe='')}"


def write_part(work: RunWork, directory: Path, tags: Sequence[str], steps: Steps) -> RunReading:
    """Read one run and write its part; the points stay with the worker."""
    found = read_run(work)
    wanted = chosen(found.series, tags or ["*"])
    kept = {tag: cut_series(series, steps) for tag, series in found.series.items() if tag in wanted}
    failure = ""
    try:
        if kept:
            _put_part(directory, found.run, kept)
    except PublishError as error:
        failure = error.message
    left = {tag: series.at(series.superseded) for tag, series in kept.items()}  # those left out, to be counted
    return replace(found, series=left, tags=tuple(found.series), failure=failure)


def _put_part(directory: Path, run: str, tags: dict[str, Series]) -> None:
    folder = directory / partition(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(f"cannot make {folder}: {error.strerror}") from error
    groups = [RowGroup((tag,), point_cells(live(series))) for tag, series in tags.items()]
    table = Table(("tag",), LONG, groups)
    write_whole(folder / PART_FILE, parquet_chunks(table, double=True, note=HOW_TO_READ))  # the parts must agree


def dataset_parts(directory: Path) -> list[Path]:
    """The parts of the dataset that is there."""
    return sorted(directory.glob(f"run=*/{PART_FILE}"))


def write_dataset(
    logdir: str | os.PathLike[str],
    directory: Path,
    engine: Engine,
    selection: Selection,
    steps: Steps = (None, None),
    *,
    follow_links: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reading:
    """Write a Parquet dataset partitioned by run, each run by the worker that read it.

    Returns what was read, without its points: for the report. Workers write to the directory themselves, which must be
    theirs too. A dataset that is there already goes when all of the new one is written.

    Raises:
        PathError: the log directory cannot be read, or holds nothing; or the directory cannot be made.
        UsageError: nothing matches the selection.
        PublishError: some part could not be written; the others are.
    """
    planned = plan(logdir, follow_links=follow_links)
    if not planned.work:
        raise PathError(next(iter(planned.problems), f"{logdir} holds no event files: give the log directory"))
    wanted = set(matching("--runs", [one.run for one in planned.work], selection.runs))
    old = dataset_parts(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PathError(f"cannot write into {directory}: {error.strerror}") from None
    write = partial(write_part, directory=directory.absolute(), tags=selection.tags, steps=steps)
    work = [one for one in planned.work if one.run in wanted]
    found = each_run(engine, write, work, progress and partial(progress, "writing"))
    for one in found:
        if one.failure:
            raise PublishError(one.failure)
    if not any(one.series for one in found):
        with contextlib.suppress(OSError):
            directory.rmdir()
        matching("--tags", {tag for one in found for tag in one.tags}, selection.tags)
    new = {directory / partition(one.run) / PART_FILE for one in found if one.series}
    for part in set(old) - new:  # of an earlier dataset; its directory goes where nothing else is in it
        remove_stale(part.parent)
        with contextlib.suppress(OSError):
            part.unlink()
            part.parent.rmdir()
    return reading_of(logdir, planned, found)

"""A log directory read run by run by an engine, and the Parquet dataset that is written run by run.

The unit of work is a run: what its files hold does not depend on any other run. Only the mapping looks at all runs, and
needs a few numbers of each.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from tbbridge.bridge import Reading, experiments
from tbbridge.decode import Decoder
from tbbridge.engine import Engine
from tbbridge.errors import PathError, PublishError
from tbbridge.model import EventFile, Scalars, Series
from tbbridge.selection import Selection, Steps, cut_series, matches, matching
from tbbridge.shape.facts import facts
from tbbridge.shape.mapping import MappingOptions
from tbbridge.shape.series import live, merge
from tbbridge.sheets import LONG, points_columns
from tbbridge.tail.file import GrowingFile, News, vanished
from tbbridge.tail.logdir import EventPath, Listing, check_root, discover
from tbbridge.tail.remote import RemoteFile, RemoteTree, Stat, is_url
from tbbridge.write.block import Block, Sheet
from tbbridge.write.parquet import parquet_bytes
from tbbridge.write.whole import remove_stale, write_whole

PART = "part-0.parquet"


@dataclass(frozen=True, slots=True)
class RunWork:
    """What a worker needs to read one run."""

    root: str
    run: str
    files: tuple[EventPath, ...]
    stats: tuple[Stat | None, ...] = ()
    """Of remote files: what the listing told."""


@dataclass(slots=True)
class RunReading:
    """One run as a worker read it; the files are there for their report, without their points."""

    run: str
    files: list[EventFile]
    series: dict[str, Series]
    problems: list[str]
    tags: tuple[str, ...] = ()
    """Of its part of a dataset: all tags that there were to choose from."""
    failure: str = ""
    """Why its part could not be written."""


def read_run(work: RunWork) -> RunReading:
    """Read and merge one run's files."""
    files = list(_open(work))
    problems = []
    for file in files:
        while (news := file.look()) is News.MORE:
            pass
        if news in (News.FAILED, News.GONE):
            problems.append(file.problem if news is News.FAILED else vanished(file.name))
    logs = [file.log for file in files]
    series = merge(logs)
    return RunReading(work.run, [replace(log, scalars=_none()) for log in logs], series, problems)


def _open(work: RunWork) -> Sequence[GrowingFile | RemoteFile]:
    if not is_url(work.root):
        return [GrowingFile(*place, Decoder) for place in work.files]
    tree = RemoteTree(work.root)
    for place, stat in zip(work.files, work.stats, strict=True):
        tree.expect(place.path, stat)
    return [RemoteFile(tree, place, Decoder) for place in work.files]


def _none() -> Scalars:
    return Scalars(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32))


def plan(logdir: str | os.PathLike[str], *, follow_links: bool = False) -> tuple[list[RunWork], list[str]]:
    """The work of reading a log directory, by run; and lines for a person about what could not be listed.

    Raises:
        PathError: it does not exist, or is a file that is no event file.
    """
    tree = RemoteTree(os.fspath(logdir)) if is_url(logdir) else None
    if not tree:
        check_root(logdir)
    root = os.fspath(logdir) if tree else os.path.abspath(logdir)
    listing: Listing = tree.discover() if tree else discover(root, follow_links=follow_links)
    if listing.missing:
        raise PathError(f"{logdir} does not exist: give the log directory that the training writes into")
    work = []
    for run, files in sorted(listing.runs.items()):
        stats = tuple(tree.stat(file.path) for file in files) if tree else ()
        work.append(RunWork(root, run, tuple(files), stats))
    return work, listing.problems


def read(
    logdir: str | os.PathLike[str],
    engine: Engine,
    *,
    options: MappingOptions | None = None,
    follow_links: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reading:
    """`tbbridge.bridge.read`, the runs spread over an engine; the same result."""
    work, problems = plan(logdir, follow_links=follow_links)
    found: list[RunReading] = []
    for one in engine.map(read_run, work):
        found.append(one)
        if progress:
            progress("reading", len(found), len(work))
    runs = {one.run: one.series for one in found}
    known = {run: {tag: facts(one) for tag, one in series.items()} for run, series in runs.items()}
    problems = problems + [line for one in found for line in one.problems]
    root = os.fspath(logdir)
    options = options or MappingOptions()
    files = {one.run: one.files for one in found}
    return Reading(Path(root), files, runs, experiments(root, known, options), problems, options)


def partition(run: str) -> str:
    """The directory of a run in a dataset: ``run=NAME``, percent-encoded as Hive partitions are."""
    return f"run={quote(run, safe='')}"


def run_part(tags: dict[str, Series]) -> bytes:
    """One run's long table as Parquet; the run's name is the directory's. Values are double: the parts must agree."""
    blocks = [Block((tag,), points_columns(live(series))) for tag, series in tags.items()]
    return parquet_bytes(Sheet(("tag",), LONG, blocks), double=True)


@dataclass(frozen=True, slots=True)
class PartWork:
    """What a worker needs to write one run's part of a dataset."""

    work: RunWork
    directory: str
    tags: Sequence[str]
    steps: Steps


def write_part(part: PartWork) -> RunReading:
    """Read one run and write its part; the points stay with the worker."""
    found = read_run(part.work)
    tags = {
        tag: cut_series(series, part.steps)
        for tag, series in found.series.items()
        if not part.tags or matches(tag, part.tags)
    }
    failure = ""
    try:
        if tags:
            put_part(Path(part.directory), found.run, tags)
    except PublishError as error:
        failure = str(error)
    left = {tag: _superseded(series) for tag, series in tags.items()}
    return replace(found, series=left, tags=tuple(found.series), failure=failure)


def _superseded(series: Series) -> Series:
    """Only the points that were left out, to be counted."""
    kept = series.superseded
    return Series(series.step[kept], series.wall_time[kept], series.value[kept], kept[kept])


def put_part(directory: Path, run: str, tags: dict[str, Series]) -> Path:
    """Write one run's part into a dataset's directory.

    Raises:
        PublishError: it could not be written.
    """
    folder = directory / partition(run)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(f"cannot make {folder}: {error.strerror}") from error
    write_whole(folder / PART, [run_part(tags)])
    return folder / PART


def dataset_parts(directory: Path) -> list[Path]:
    """The parts of the dataset that is there."""
    return sorted(directory.glob(f"run=*/{PART}"))


def _remove_part(part: Path) -> None:
    """Remove a part of an earlier dataset, and its directory where nothing else is in it."""
    remove_stale(part.parent)
    with contextlib.suppress(OSError):
        part.unlink()
        part.parent.rmdir()


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
    work, problems = plan(logdir, follow_links=follow_links)
    if not work:
        raise PathError(next(iter(problems), f"{logdir} holds no event files: give the log directory"))
    chosen = set(matching("--runs", [one.run for one in work], selection.runs))
    old = dataset_parts(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PathError(f"cannot write into {directory}: {error.strerror}") from None
    parts = [PartWork(one, os.path.abspath(directory), selection.tags, steps) for one in work if one.run in chosen]
    found: list[RunReading] = []
    for one in engine.map(write_part, parts):
        found.append(one)
        if progress:
            progress("writing", len(found), len(parts))
    _check_found(found, selection, directory)
    new = {directory / partition(one.run) / PART for one in found if one.series}
    for part in old:
        if part not in new:
            _remove_part(part)
    return Reading(
        Path(os.fspath(logdir)),
        {one.run: one.files for one in found},
        {one.run: one.series for one in found},
        [],
        problems + [line for one in found for line in one.problems],
    )


def _check_found(found: Sequence[RunReading], selection: Selection, directory: Path) -> None:
    for one in found:
        if one.failure:
            raise PublishError(one.failure)
    if not any(one.series for one in found):
        with contextlib.suppress(OSError):
            directory.rmdir()
        matching("--tags", {tag for one in found for tag in one.tags}, selection.tags)

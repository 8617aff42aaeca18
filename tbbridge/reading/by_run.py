"""A log directory read run by run by an engine.

The unit of work is a run: its files' content does not depend on any other run. Only the mapping looks at all runs, and
needs a few numbers of each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from tbbridge.core.errors import PathError
from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile, Series
from tbbridge.reading.engines import Engine
from tbbridge.reading.large_runs import merged, read_files
from tbbridge.reading.reading import Reading, experiments
from tbbridge.shape.facts import facts
from tbbridge.shape.hparams import within_domains
from tbbridge.shape.mapping.experiments import with_session
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.shape.series import Restart
from tbbridge.shape.sub_runs import inherited_starts
from tbbridge.tail.logdir import EventPath, unfollowed
from tbbridge.tail.storage import Storage, open_storage


@dataclass(frozen=True, slots=True)
class RunWork:
    """The task of a worker: one run to read."""

    storage: Storage
    """It knows of this run's files alone."""
    run: str
    files: tuple[EventPath, ...]
    above: tuple[EventFile, ...] = ()
    """The session starts of the run above that hold for this one; see `inherited_starts`."""


@dataclass(slots=True)
class RunReading:
    """One run as a worker read it; the files are there for their report, without their points."""

    run: str
    files: list[EventFile]
    series: dict[str, Series]
    problems: list[str]
    restarts: list[Restart] = field(default_factory=list)
    tags: tuple[str, ...] = ()
    """Of its part of a dataset: all tags that there were to choose from."""
    failure: str = ""
    """Why its part could not be written."""


def read_run(work: RunWork) -> RunReading:
    """Read and merge one run's files."""
    read = read_files(work.storage, work.files)
    series, _, restarts = merged(read.files, work.above)
    files = [replace(file, scalars=NO_SCALARS) for file in read.files]
    return RunReading(work.run, files, series, read.failed + read.gone, restarts)


class Plan(NamedTuple):
    """The work of reading a log directory, by run."""

    work: list[RunWork]
    problems: list[str]
    """Directories that could not be listed."""
    notes: list[str]
    """Files and directories that were left out."""


def plan(logdir: str | os.PathLike[str], *, follow_links: bool = False) -> Plan:
    """Return the work of reading a log directory.

    Raises:
        PathError: it does not exist, or is a file that is no event file.
    """
    storage = open_storage(logdir, follow_links=follow_links)
    storage.check()
    listing = storage.discover()
    if listing.missing:
        raise PathError(f"{logdir} does not exist: give the log directory that the training writes into")
    work = [RunWork(storage.part(files), run, tuple(files)) for run, files in sorted(listing.runs.items())]
    left_out = "" if follow_links else unfollowed(storage.root, listing.links)
    return Plan(work, listing.problems, [left_out] if left_out else [])


def each_run(
    engine: Engine,
    function: Callable[[RunWork], RunReading],
    work: Sequence[RunWork],
    told: Callable[[int, int], None] | None = None,
) -> list[RunReading]:
    """Let an engine do the work on each run, and again where session starts of the run above hold for it.

    Args:
        told: gets how many runs are done, and how many there are.
    """
    found: list[RunReading] = []
    for one in engine(function, work):
        found.append(one)
        if told:
            told(len(found), len(work))
    above = inherited_starts({one.run: one.files for one in found})
    again = [replace(one, above=tuple(above[one.run])) for one in work if one.run in above]
    redone = {one.run: one for one in engine(function, again)} if again else {}
    return [redone.get(one.run, one) for one in found]


def reading_of(logdir: str | os.PathLike[str], planned: Plan, found: Sequence[RunReading]) -> Reading:
    """Return the result as a `Reading`, not mapped yet."""
    files = {one.run: one.files for one in found if one.files}
    return Reading(
        os.fspath(logdir),
        {run: within_domains(run, lambda name: files.get(name, ())) for run in files},
        {one.run: one.series for one in found if one.files},
        [],
        planned.problems + [line for one in found for line in one.problems],
        restarts={one.run: one.restarts for one in found if one.restarts},
        notes=planned.notes,
    )


def read_by_run(
    logdir: str | os.PathLike[str],
    engine: Engine,
    *,
    options: MappingOptions | None = None,
    follow_links: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reading:
    """`tbbridge.reading.reading.read`, the runs spread over an engine; the same result."""
    planned = plan(logdir, follow_links=follow_links)
    found = each_run(engine, read_run, planned.work, progress and partial(progress, "reading"))
    known = {
        one.run: with_session({tag: facts(got) for tag, got in one.series.items()}, one.files)
        for one in found
        if one.files
    }
    options = options or MappingOptions()
    mapped = experiments(logdir, known, options)
    return replace(reading_of(logdir, planned, found), experiments=mapped, options=options)

"""Export: read, choose, lay out, write.

export("logs/")                                                # logs-csv/<experiment>.csv, the run logs
export("logs/", "all.csv.gz", layout="long")                   # every point of every series in one file
export("logs/", "shared.html")                                 # one page to send around
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tbbridge.core.errors import PathError, PublishError, UsageError
from tbbridge.core.memory import collector_paused
from tbbridge.core.model import JSON_VERSION, Experiment
from tbbridge.exporting.formats import table_chunks
from tbbridge.exporting.options import ExportOptions, Target, target
from tbbridge.reading.engines import open_engine
from tbbridge.reading.large_runs import ROOM
from tbbridge.reading.reading import Reading, read_within
from tbbridge.reading.selection import Selection, Steps, parse_steps, select
from tbbridge.reading.small_runs import is_passing, is_quiet
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.tail.storage import is_url
from tbbridge.write.atomic import case_matters, check_outside, check_target, write_whole
from tbbridge.write.names import SUFFIX, SUMMARY, file_names
from tbbridge.write.parallel import WRITERS, all_written, ordered_map, small_files_at_once, write_all
from tbbridge.write.table import RowGroup, Table, column_kinds, slices

Progress = Callable[[str, int, int], None]
"""Called with the activity, its done amount and its whole amount (0: not known)."""

LogDir = str | os.PathLike[str]
Globs = str | Sequence[str] | None


def export(
    logdir: LogDir,
    out: LogDir | None = None,
    *,
    layout: str = "compact",
    on: Globs = None,
    format: str | None = None,
    runs: Globs = None,
    tags: Globs = None,
    steps: str | Steps = (None, None),
    experiments: Globs = None,
    points: int | None = None,
    superseded: bool = False,
    aggregate: str | None = None,
    groups: Globs = None,
    group_by: Globs = None,
    header: bool = True,
    summary: bool = True,
    spreadsheet_safe: bool = False,
    dialect: str = "plain",
    force: bool = False,
    options: MappingOptions | None = None,
    engine: str = "threads",
    follow_links: bool = False,
) -> list[Path]:
    """Write a log directory's content into files, once; ``tbbridge export`` is this function.

    Args:
        logdir: the log directory, its URL, or one event file.
        out: a file (its suffix says the format: ``all.csv.gz``, ``all.parquet``, ``page.html``), a directory for one
            file per experiment, or ``-`` for standard output. When None, run logs go to ``<logdir>-csv/``, all else to
            one file beside the log directory.
        layout: ``compact`` (run logs), ``long`` (every point), ``wide`` (a column per tag), ``summary`` (a row per
            experiment), ``events`` (a row per experiment and condition that it fulfils).
        on: the conditions of the layout ``events``.
        format: ``csv``, ``parquet``, ``jsonl``, ``xlsx`` or ``html``; ``csv.gz``, ``.zst``, ``.xz``, ``.bz2``.
        runs, tags, experiments: only those that match one of these globs.
        steps: ``"A:B"`` or (A, B): only steps from A to B, both included.
        points: thin each series to about this many points; the first, the last and the extremes are kept.
        superseded: the long table also with superseded points.
        aggregate: ``mean`` or ``median`` over the experiments of each group.
        groups: globs over experiments' names, one per group.
        group_by: hyperparameters that are equal in a group. Without this and `groups` these are all but the seed; where
            no experiment has any, all are one group.
        header: whether a CSV begins with the names of its columns.
        summary: whether ``summary.csv`` is kept beside whole run logs (CSV) in a directory.
        spreadsheet_safe: put ``'`` before text cells of a CSV that a spreadsheet could take for a formula.
        dialect: how a CSV is written: ``plain`` (``NaN``, lines end in LF) or, as Python's ``csv`` module does,
            ``python`` (``nan``, lines end in CRLF).
        force: replace a file that is there. Whole run logs in a directory are always brought up to date.
        options: how series are mapped to columns.
        engine: ``threads``, ``dask`` or ``dask=ADDRESS``: where the work is done.
        follow_links: follow links to directories.

    Returns the files that were written, in order, without ``summary.csv``.

    Raises:
        UsageError: an option is wrong, nothing matches, or a target exists.
        PathError: `logdir` cannot be read or `out` cannot be written.
        LockedError: another tbbridge publishes into `out`.
        PublishError: some file could not be written; the others are, and each that is there is whole.
    """
    chosen = ExportOptions(
        layout=layout,
        on=globs(on),
        format=format,
        header=header,
        summary=summary,
        spreadsheet_safe=spreadsheet_safe,
        dialect=dialect,
        steps=parse_steps(steps) if isinstance(steps, str) else steps,
        points=points,
        superseded=superseded,
        aggregate=aggregate,
        groups=globs(groups),
        group_by=globs(group_by),
        force=force,
    )
    selection = Selection(globs(runs), globs(tags), globs(experiments))
    reader = Reader(options, engine, follow_links)
    return run_export(logdir, out, selection, chosen, reader).paths


def globs(wanted: Globs) -> tuple[str, ...]:
    """Return the globs of one or several."""
    return (wanted,) if isinstance(wanted, str) else tuple(wanted or ())


class Reader(NamedTuple):
    """The options of reading a log directory."""

    mapping: MappingOptions | None = None
    engine: str = "threads"
    """``threads`` or ``dask[=ADDRESS]``; see `tbbridge.reading.engines`."""
    follow_links: bool = False
    progress: Progress | None = None

    def read(self, logdir: str | os.PathLike[str]) -> Reading:
        """Read all of it."""
        if self.engine == "threads":
            if self.progress:
                self.progress("reading", 0, 0)
            return read_within(ROOM, logdir, options=self.mapping, follow_links=self.follow_links)
        from tbbridge.reading import by_run

        with open_engine(self.engine) as engine:
            return by_run.read_by_run(
                logdir, engine, options=self.mapping, follow_links=self.follow_links, progress=self.progress
            )


class Exported(NamedTuple):
    """The result of an export: its reading, and the files it wrote."""

    reading: Reading
    paths: list[Path]
    """The files but ``summary.csv``; none for standard output."""


def run_export(
    logdir: str | os.PathLike[str],
    out: str | os.PathLike[str] | None,
    selection: Selection,
    options: ExportOptions,
    reader: Reader,
) -> Exported:
    """Read, choose, lay out, write; see `tbbridge.export` for the meaning of it all.

    Raises:
        UsageError: the command is wrong, or nothing matches.
        PathError: the log directory cannot be read, or the target not be written.
        PublishError: a file could not be written now.
    """
    where = target(logdir, out, options)
    if where.file:
        check_target(where.file, force=options.force, keep_out=logdir)
    if where.directory:
        check_outside(where.directory, logdir)
        if where.form.name == "parquet" and options.layout == "long" and not options.aggregate:
            return _dataset(logdir, where.directory, selection, options, reader)
    reading = reader.read(logdir)
    if not reading.runs:
        raise PathError(next(iter(reading.problems), f"{logdir} holds no event files: give the log directory"))
    reading = select(reading, selection)
    if selection.runs or selection.tags or selection.experiments:
        named = [one.name for one in reading.experiments] == list(selection.experiments)
        # summary.csv is of the whole directory
        options = options._replace(summary=False, single=named and len(selection.experiments) == 1)
    with collector_paused():
        return Exported(reading, write_reading(reading, where, options, reader.progress))


def _dataset(
    logdir: str | os.PathLike[str], directory: Path, selection: Selection, options: ExportOptions, reader: Reader
) -> Exported:
    """The long table as a Parquet dataset partitioned by run: each run is read and written by one worker."""
    from tbbridge.exporting import parquet_dataset

    if selection.experiments or options.superseded or options.points is not None:
        raise UsageError("a Parquet dataset takes no --experiment, --all or --points: name a .parquet file instead")
    if parquet_dataset.dataset_parts(directory) and not options.force:
        raise UsageError(f"{directory} holds a dataset already: replace it with --force, or choose another --out")
    with open_engine(reader.engine) as engine:
        reading = parquet_dataset.write_dataset(
            logdir,
            directory,
            engine,
            selection,
            options.steps,
            follow_links=reader.follow_links,
            progress=reader.progress,
        )
    filled = [run for run, tags in reading.runs.items() if tags]
    parts = [directory / parquet_dataset.partition(run) / parquet_dataset.PART_FILE for run in filled]
    return Exported(reading, parts)


def write_reading(
    reading: Reading, where: Target, options: ExportOptions, progress: Progress | None = None
) -> list[Path]:
    """Write the reading; return the files (none for standard output).

    Raises:
        PathError: a target cannot be written at all.
        PublishError: a file could not be written; the others are, and each that is there is whole.
    """
    if where.published and where.directory:
        return _publish(reading, where.directory, options)
    contents = _contents(reading, where, options, None if where.directory else progress)
    if where.directory:
        workers = 1 if any(is_passing(reading.runs, run) for run in reading.runs) else WRITERS
        return _write_each(where, contents, progress, workers, force=options.force or options.current)
    chunks = next(iter(contents)).chunks
    if where.file:
        write_whole(where.file, chunks)
        return [where.file]
    _write_out(sys.stdout.buffer, chunks)
    return []


class _Content(NamedTuple):
    """One file to be: its experiment (empty for all), and its bytes."""

    name: str
    chunks: Iterable[bytes]


def _contents(reading: Reading, where: Target, options: ExportOptions, progress: Progress | None) -> Iterator[_Content]:
    split = where.directory is not None
    from tbbridge.exporting.layouts import parts, tables

    if where.form.name == "html":
        from tbbridge.exporting.html_report import html_chunks, report_of
        from tbbridge.exporting.plotly_bundle import plotly_bundle

        for name, part in parts(reading, split):
            yield _Content(name, html_chunks(report_of(part, name, options), plotly_bundle()))
        return
    for table in tables(reading, options, each=split):
        yield _Content(table.name, table_chunks(_counted(table, progress), where.form, options.csv))


def _counted(table: Table, progress: Progress | None) -> Table:
    """The table, which tells `progress` how many rows were taken for writing."""
    if progress is None:
        return table
    total = sum(group.size for group in table.groups) if table.rows is None else table.rows

    def counted() -> Iterator[RowGroup]:
        done = 0
        for group in slices(table):
            done += group.size
            progress("writing", done, total)
            yield group

    return table._replace(groups=counted(), kinds=table.kinds or column_kinds(table.groups, table.columns))


def _write_each(
    where: Target, contents: Iterable[_Content], progress: Progress | None, workers: int, *, force: bool
) -> list[Path]:
    """One file per experiment; one that cannot be written does not stop the others."""
    directory = where.directory
    assert directory is not None
    everything = list(contents)
    _make(directory)
    try:
        distinct = case_matters(directory)
    except OSError as error:
        raise PublishError(f"cannot write into {directory}: {error.strerror}; choose another --out") from error
    names = file_names((content.name for content in everything), case_matters=distinct)
    paths = {name: directory / (file.removesuffix(SUFFIX) + where.form.suffix) for name, file in names.items()}
    for path in paths.values():
        if not force and os.path.lexists(path):
            raise UsageError(f"{path} is there already: replace it with --force, or choose another --out")

    def put(content: _Content) -> Path:
        path = paths[content.name]
        _make(path.parent)
        write_whole(path, content.chunks)
        return path

    return write_all(put, everything, progress and partial(progress, "writing"), workers)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(f"cannot make {directory}: {error.strerror}") from error


def _publish(reading: Reading, out: Path, options: ExportOptions) -> list[Path]:
    """Write the reading's run logs and their summary, as ``tbbridge watch`` does, under its lock."""
    from tbbridge.reading.summary import SummaryCsv
    from tbbridge.shape.run_log import run_log
    from tbbridge.shape.summary import SummaryRow
    from tbbridge.write.publish import Publisher
    from tbbridge.write.run_log_csv import header_line, run_log_csv

    with Publisher(out, keep_out=reading.root) as publisher:
        rows = {experiment.name: SummaryRow({}) for experiment in reading.experiments}
        publisher.expect(rows)

        def put(some: Sequence[Experiment]) -> dict[str, Path | PublishError]:
            texts = {}
            for experiment in some:
                name, columns = experiment.name, reading.columns(experiment)
                if options.summary:
                    rows[name] = reading.summary(experiment, columns)
                texts[name] = run_log_csv(run_log(name, columns), header=options.header)
            return publisher.publish_all(texts)

        def put_large(one: Experiment) -> dict[str, Path | PublishError]:
            try:
                return put([one])
            except PublishError as error:
                return {one.name: error}

        def is_large(one: Experiment) -> bool:
            return any(is_passing(reading.runs, run) for run in one.runs)

        others: list[Experiment] = []

        def texts() -> Iterator[Mapping[str, bytes]]:
            """Made here and not by the writers, since Python works for one thread at a time."""
            some: dict[str, bytes] = {}
            size = small_files_at_once()
            for experiment, first in reading.first_texts():
                if first is None:
                    others.append(experiment)
                    continue
                rows[experiment.name] = first.summary
                some[experiment.name] = (header_line(experiment.feeds) if options.header else b"") + first.rows
                if len(some) == size:
                    yield some
                    some = {}
            yield some

        done: dict[str, Path | PublishError] = {}
        for some in ordered_map(publisher.publish_all, texts(), WRITERS, writes=True):
            done |= some
        small = (one for one in others if not is_large(one))
        for some in ordered_map(put, _together(reading, small), WRITERS, writes=True):
            done |= some
        for one in filter(is_large, others):  # one at a time: its points and its text are in memory
            done |= put_large(one)
        paths = all_written(done[name] for name in rows)
        if options.summary:
            publisher.publish(SUMMARY, SummaryCsv().text(rows))
        return paths


def _together(reading: Reading, wanted: Iterable[Experiment]) -> Iterator[Sequence[Experiment]]:
    """The experiments in their order, small ones in groups that are written together."""
    for small, alike in groupby(wanted, lambda one: all(is_quiet(reading.files, run) for run in one.runs)):
        some, size = list(alike), small_files_at_once() if small else 1
        yield from (some[start : start + size] for start in range(0, len(some), size))


def _write_out(stream: BinaryIO, chunks: Iterable[bytes]) -> None:
    try:
        for chunk in chunks:
            stream.write(chunk)
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PublishError(f"cannot write to standard output: {error.strerror}") from error


def report_writer(path: str, logdir: str) -> Callable[[Iterable[Path], bool, list[str]], None]:
    """Check where the report of an export goes; return the function that writes it, by ``commands/schema.json``.

    Raises:
        UsageError: its name does not end with ``.json``: it could be a file of the export; a device may be named.
        PathError: it is a directory, its directory is missing, or it lies in the log directory.
    """
    place = Path(path)
    check_target(place, force=True, keep_out=None if is_url(logdir) else logdir, option="--report")
    if place.suffix != ".json" and (not place.exists() or place.is_file()):
        raise UsageError(f"the report of an export is JSON: end its name with .json, not {path!r}")

    def write(written: Iterable[Path], damaged: bool, messages: list[str]) -> None:
        import json

        report = {"version": JSON_VERSION, "written": list(map(str, written)), "damaged": damaged, "messages": messages}
        write_whole(place, [json.dumps(report, indent=1).encode() + b"\n"])

    return write

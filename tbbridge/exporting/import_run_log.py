"""Run logs back to event files: what ``tbbridge import`` does.

A run log becomes two runs, ``NAME/train`` and ``NAME/validation``, with a tag per metric, such as ``accuracy`` and
``cross_entropy``: TensorBoard shows each pair in one chart, and tbbridge maps them to the columns they came from.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from tbbridge.core.errors import FormatError, PathError, UsageError
from tbbridge.core.model import Bools, Floats, RunLog
from tbbridge.exporting.import_diff import way_back
from tbbridge.shape.mapping import words
from tbbridge.shape.run_log import filled
from tbbridge.tail.logdir import is_event_file
from tbbridge.write.atomic import write_whole
from tbbridge.write.backend import scalar_records
from tbbridge.write.events import EventWriter, scalar_tensor, simple_value, tensor_value
from tbbridge.write.run_log_csv import read_run_log

RUNS = {"train": "train ", "validation": "val "}
"""The beginning of the columns that go to a run."""

TAGS = {name: word for word, name in reversed(words.QUALITIES.items())} | {"cross entropy": "cross_entropy"}
"""The tag of a metric, where it is not its name."""

EXACT = "epoch_"
"""The beginning of the tag of a column's doubles. TensorBoard's servers show no tensor that names no plugin, and the
default one no double; tbbridge reads both, and prefers the series by epoch (rule R7 of docs/mapping.md)."""

FILE = "events.out.tfevents.0000000000.imported"
"""One fixed name, so that an import can be repeated."""


def import_run_log(
    source: str | os.PathLike[str],
    logdir: str | os.PathLike[str],
    *,
    name: str | None = None,
    force: bool = False,
    notes: list[str] | None = None,
) -> list[Path]:
    """Turn one run log, with or without a header, into event files; returns their paths.

    Wall times are not in a run log: row *n* gets *n* seconds after 1970. TensorBoard shows each column as float32;
    where a column's texts need doubles, these stand beside it, where tbbridge alone finds them.

    Args:
        source: the run log.
        logdir: the log directory to write into; made when it is missing.
        name: the experiment; the file's name without its suffix when None.
        force: replace an earlier import of the same name.
        notes: gets a line for each thing that was passed over, such as a row without any value, which no event can say;
            and one that says how to get the very bytes of `source` back, or what an export writes otherwise.

    Raises:
        PathError: `source` cannot be read.
        FormatError: it is no run log, or has no rows.
        UsageError: the name leaves the log directory, or event files are there already.
        PublishError: a file could not be written; nothing is left half written.
    """
    if not os.fspath(logdir):
        raise UsageError("the log directory has no name: give its path (. for this directory)")
    source = Path(source)
    name = source.stem if name is None else name
    notes = [] if notes is None else notes
    data = _bytes(source)
    log = _read(source, data, notes)
    folders = _folders(Path(logdir), name, force)
    paths: list[Path] = []
    for run, folder in folders.items():
        paths.append(folder / FILE)
        _write(paths[-1], log, [one for one in log.columns if one.startswith(RUNS[run]) and log.logged[one].any()])
    notes += [f"{source}: {line}" for line in [way_back(data, log)] if line]
    return paths


def _bytes(source: Path) -> bytes:
    try:
        if not source.is_file() and source.exists():
            raise PathError(f"cannot read {source}: it is no file")
        return source.read_bytes()
    except OSError as error:
        raise PathError(f"cannot read {source}: {error.strerror}") from None


def _read(source: Path, data: bytes, notes: list[str]) -> RunLog:
    log = read_run_log(data, source.name, notes=notes)
    columns = _columns(log)
    others = [column for column in log.columns if column not in columns]
    if others:
        raise FormatError(f"{source}: import takes {', '.join(columns)}, and does not know {', '.join(others)}")
    empty = ~np.logical_or.reduce([*log.logged.values()])
    if empty.all():
        raise FormatError(f"{source} has no values: there is nothing to import")
    if empty.any():
        first = log.step[empty][0]
        notes.append(f"{source}: {empty.sum()} rows have no value and are left out, the first at step {first}")
    full = filled(log, columns)
    values = {column: full.columns[column][~empty] for column in columns}
    return RunLog(log.name, log.step[~empty], values, {column: full.logged[column][~empty] for column in columns})


def _columns(log: RunLog) -> list[str]:
    """All columns of a run log with these metrics: those of the first quality that it names, or of a classifier."""
    metrics = [column.partition(" ")[2] for column in log.columns]
    main = next((metric for metric in metrics if metric in words.QUALITY_NAMES), "accuracy")
    loss = "loss" if main != "accuracy" and "cross entropy" not in metrics else "cross entropy"
    return [f"{split} {metric}" for metric in (main, loss) for split in ("train", "val")]


def _folders(logdir: Path, name: str, force: bool) -> dict[str, Path]:
    """The directory of each run, made; nothing is there that would be mixed up with it.

    Both runs are there even where one has no values: a lone ``validation`` would be taken for an experiment's name.
    Event files anywhere below the experiment's directory would be taken for parts of the same training.
    """
    if name.startswith("/") or any(part in ("", "..") for part in name.split("/")):
        raise UsageError(f"{name!r} is no name below a log directory: give another with --name")
    folders = {run: logdir / name / run for run in RUNS}
    _refuse_others(logdir / name, [folder / FILE for folder in folders.values()], force)
    for folder in folders.values():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PathError(f"cannot make {folder}: {error.strerror}") from None
    return folders


def _refuse_others(experiment: Path, ours: list[Path], force: bool) -> None:
    for folder, directories, names in os.walk(experiment):
        directories.sort()
        for path in (Path(folder, name) for name in sorted(names)):
            if path not in ours and is_event_file(str(path)):
                raise UsageError(f"{path.parent} holds event files of others: choose another --name")
    there = [path for path in ours if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already: replace it with --force, or choose another --name")


def _write(path: Path, log: RunLog, columns: list[str]) -> None:
    """Write one run's event file: each value as float32, and where a column needs doubles, also those."""
    head = io.BytesIO()
    EventWriter(head)
    heads: list[bytes] = []
    values: list[Floats] = []
    logged: list[Bools] = []
    for column in columns:
        metric = column.partition(" ")[2]
        tag = TAGS.get(metric, metric)
        heads.append(simple_value(tag, 0.0)[:-4])
        with np.errstate(over="ignore"):  # too large becomes infinite
            values.append(log.columns[column].astype(np.float32))
        if log.columns[column].dtype == np.float64:
            heads.append(tensor_value(EXACT + tag, scalar_tensor(0.0, "float64"), None)[:-8])
            values.append(log.columns[column])
        logged += [log.logged[column]] * (len(heads) - len(logged))
    wall_times = np.arange(len(log.step), dtype=np.float64)
    write_whole(path, [head.getvalue(), scalar_records(log.step, wall_times, heads, values, logged)])

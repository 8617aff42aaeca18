"""What was read, as pages to send around: see `tbbridge.write.html`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

import numpy as np
import pyarrow as pa

from tbbridge.core.model import EventFile, RunLog
from tbbridge.exporting.layouts import parts, run_logs
from tbbridge.exporting.options import ExportOptions
from tbbridge.reading import report
from tbbridge.reading.reading import Reading
from tbbridge.shape.summary import best_row, last_row
from tbbridge.tail.logdir import discover
from tbbridge.tail.remote import RemoteReader, RemoteTree, is_url, remote_root
from tbbridge.write.block import numbers
from tbbridge.write.html import Extremes, Page, Provenance, SharedLog, html_chunks
from tbbridge.write.names import file_name
from tbbridge.write.run_log_csv import run_log_csv

_CHUNK = 1 << 20
Content = Callable[[str, int], Iterator[bytes]]
"""The first so many bytes of an event file, by its name; OSError where they cannot be read."""

_MOST_DAMAGE = 5
"""Damaged ranges a file that the page names; more are counted."""


def pages(
    reading: Reading, options: ExportOptions, plotly: bytes, *, each: bool
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each page's experiment (empty when it is for all) and its bytes.

    plotly: the plotly.js bundle that the page carries.
    """
    for name, part in parts(reading, each):
        yield name, html_chunks(page(part, name or title(reading), options), plotly)


def title(reading: Reading) -> str:
    """What a page for all experiments is called: the log directory's own name."""
    return os.path.basename(os.path.abspath(reading.root)) or "training runs"


def page(reading: Reading, name: str, options: ExportOptions) -> Page:
    """All that a page says of what was read."""
    logs = run_logs(reading, options)
    columns = tuple(dict.fromkeys(column for log in logs for column in log.columns))
    notes = [f"{one.name}: {note}" for one in reading.experiments for note in report.notes(reading, one)]
    if options.points is not None:
        notes.append(f"thinned to about {options.points} points a column (first, last, minima and maxima are kept)")
    return Page(
        title=name,
        version=version("tbbridge"),
        columns=columns,
        logs=[_shared(log, columns) for log in logs],
        files=_provenance(reading),
        notes=[*notes, *reading.problems],
    )


def _shared(log: RunLog, columns: Sequence[str]) -> SharedLog:
    full = RunLog(log.name, log.step, {}, {})
    for column in columns:  # a page's run logs share their columns
        full.columns[column] = log.columns.get(column, np.zeros(len(log.step), np.float32))
        full.logged[column] = log.logged.get(column, np.zeros(len(log.step), bool))
    values = [Extremes(_point(full, name, last_row), _point(full, name, best_row)) for name in columns]
    return SharedLog(log.name, file_name(log.name).replace("/", "_"), run_log_csv(full), values)


def _point(log: RunLog, column: str, choose: Callable[[RunLog, str], int | None]) -> tuple[int, str] | None:
    row = choose(log, column)
    if row is None:
        return None
    text: str = numbers(log.columns[column][row : row + 1]).cast(pa.string())[0].as_py()
    return int(log.step[row]), text


def _provenance(reading: Reading) -> list[Provenance]:
    content = _remote(remote_root(reading.root)) if is_url(reading.root) else _local(os.path.abspath(reading.root))
    return [_file(file, content) for files in reading.files.values() for file in files]


def _file(file: EventFile, content: Content) -> Provenance:
    damage = [f"bytes {one.start} to {one.end}: {one.reason}" for one in file.damage[:_MOST_DAMAGE]]
    if len(file.damage) > _MOST_DAMAGE:
        damage.append(f"and {len(file.damage) - _MOST_DAMAGE} more")
    return Provenance(file.name, file.size, file.records, _digest(file, content), damage)


def _digest(file: EventFile, content: Content) -> str:
    """SHA-256 of the bytes that were read: a training may have appended since."""
    digest, left = hashlib.sha256(), file.size
    try:
        for data in content(file.name, file.size):
            digest.update(data)
            left -= len(data)
    except OSError as error:
        return f"cannot be read any more: {error.strerror}"
    return digest.hexdigest() if not left else "shorter than it was"


def _local(root: str) -> Content:
    places = {place.name: place.path for files in discover(root).runs.values() for place in files}

    def content(name: str, size: int) -> Iterator[bytes]:
        with open(places.get(name) or os.path.join(root, name), "rb") as file:
            while size > 0 and (data := file.read(min(size, _CHUNK))):
                size -= len(data)
                yield data

    return content


def _remote(root: str) -> Content:
    tree = RemoteTree(root)
    places = {place.name: place.path for files in tree.discover().runs.values() for place in files}

    def content(name: str, size: int) -> Iterator[bytes]:
        reader = RemoteReader(tree, places.get(name, ""))
        for offset in range(0, size, _CHUNK):
            yield reader.read(min(_CHUNK, size - offset), offset)

    return content

"""The one self-contained page of run logs: charts, the summary's table, their event files, and the CSVs themselves.

``tbbridge export`` writes it of what it read, and the live page's download is the same page with the charts as they
stand. It opens from the disk, offline: the data are each run log's own CSV, gzip'd and base64'd, and so is plotly.js,
which the page unpacks and runs. Names are data: they are in the page as JSON in which ``<`` is escaped, and a
Content-Security-Policy lets only the page's own script and that plotly.js run.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from tbbridge.core.model import Cell, EventFile, RunLog
from tbbridge.exporting.layouts import run_logs, summary_rows
from tbbridge.exporting.options import ExportOptions
from tbbridge.exporting.plotly_bundle import PlotlyBundle
from tbbridge.exporting.summary_table import best_cells, table_columns, write_cell
from tbbridge.reading import report
from tbbridge.reading.reading import Reading
from tbbridge.shape.run_log import filled
from tbbridge.tail.storage import open_storage
from tbbridge.write.names import file_name
from tbbridge.write.run_log_csv import read_run_log, run_log_csv
from tbbridge.write.table import utf8

_CHUNK = 1 << 20
Content = Callable[[str, int], Iterator[bytes]]
"""The first bytes of an event file, by its name and their number; OSError where they cannot be read."""

_MOST_DAMAGE = 5
"""Damaged ranges of a file that the page names; more are counted."""


# ------------------------------------------------------------------------------------------------------ what it says


@dataclass(frozen=True, slots=True)
class SharedLog:
    """One experiment on the page."""

    name: str
    file: str
    """The name of its download."""
    csv: bytes
    """The run log, with its header."""
    summary: Mapping[str, Cell] = field(default_factory=dict)
    """Its row of the summary."""


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """All that a page says."""

    title: str
    version: str
    columns: Sequence[str]
    """The run logs' value columns."""
    logs: Sequence[SharedLog]
    files: Sequence[Mapping[str, Any]] = ()
    """Of each event file that the page was made from: its name, size, records, sha256 and damage."""
    notes: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Plotly figures by their title, drawn as they are; without any, the page draws the run logs."""
    theme: str = ""
    """``light`` or ``dark``; "" for the reader's own."""


# --------------------------------------------------------------------------------------------------------- its bytes


def html_chunks(page: HtmlReport, plotly: PlotlyBundle) -> Iterator[bytes]:
    """Yield the page's bytes in order; they depend on the arguments alone."""
    script = _resource("html_report.js")
    yield _head(page, (plotly.sha256, hashlib.sha256(script).digest()))
    yield b'<script type="application/json" id="manifest">' + _manifest(page, plotly) + b"</script>\n"
    for place, log in enumerate(page.logs):
        yield from _packed(f"csv-{place}", gzip.compress(log.csv, 6, mtime=0))
    yield from _packed("plotly", plotly.compressed)
    yield b"<script>" + script + b"</script>\n</body>\n</html>\n"


def _packed(name: str, data: bytes) -> Iterator[bytes]:
    yield f'<script type="text/plain" id="{name}">'.encode()
    yield base64.b64encode(data) + b"</script>\n"


def _resource(name: str) -> bytes:
    return files("tbbridge.exporting").joinpath(name).read_bytes()


def _head(page: HtmlReport, digests: Sequence[bytes]) -> bytes:
    text = _resource("html_report.html").decode()
    for mark, value in {
        "{script_hashes}": " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests),
        "{generator}": html.escape(f"tbbridge {page.version}"),
        "{css}": _resource("html_report.css").decode(),
        "{theme}": html.escape(page.theme),
        "{title}": html.escape(utf8(page.title)),
    }.items():
        text = text.replace(mark, value)
    return text.encode()


def _manifest(page: HtmlReport, plotly: PlotlyBundle) -> bytes:
    """Return the page script's data, as JSON that cannot end its own script element."""
    drawn = [{"title": title, "figure": figure} for title, figure in page.figures.items()]
    summaries = [log.summary for log in page.logs]
    table = table_columns(summaries)
    best = best_cells(summaries, table)
    content = {
        "version": page.version,
        "plotly": f"{plotly.name} plotly.js {plotly.version}".strip(),
        "columns": [utf8(name) for name in page.columns],
        "charts": drawn
        or [{"title": title, "columns": places} for title, places in chart_columns(page.columns).items()],
        "experiments": [
            {
                "name": utf8(log.name),
                "file": utf8(log.file),
                "cells": [utf8(write_cell(log.summary.get(column), column)) for column in table],
                "values": [utf8("" if (cell := log.summary.get(column)) is None else str(cell)) for column in table],
            }
            for log in page.logs
        ],
        "table": [utf8(column) for column in table],
        "best": [best.get(column) for column in table],
        "files": page.files,
        "notes": [utf8(note) for note in page.notes],
    }
    return json.dumps(content, ensure_ascii=True).replace("<", "\\u003c").encode()


def chart_columns(columns: Sequence[str]) -> dict[str, list[int]]:
    """Return the columns that share a chart: ``train accuracy`` and ``val accuracy`` are the chart ``accuracy``."""
    grouped: dict[str, list[int]] = {}
    for place, name in enumerate(columns):
        first, _, rest = name.partition(" ")
        grouped.setdefault(rest if rest and first in ("train", "val", "test") else name, []).append(place)
    return grouped


# ------------------------------------------------------------------------------------------------------ what was read


def report_of(reading: Reading, name: str, options: ExportOptions) -> HtmlReport:
    """Return the data of a page about a reading, titled `name`, else as the log directory is called."""
    logs = run_logs(reading, options)
    columns = tuple(dict.fromkeys(column for log in logs for column in log.columns))
    rows = summary_rows(reading, options)
    notes = [f"{one.name}: {note}" for one in reading.experiments for note in report.notes(reading, one)]
    content = _content(reading.root)
    if options.points is not None:
        notes.append(f"thinned to about {options.points} points per column (first, last, minima and maxima are kept)")
    return HtmlReport(
        title=name or os.path.basename(os.path.abspath(reading.root)) or "training runs",
        version=version("tbbridge"),
        columns=columns,
        logs=[_shared(log, columns, rows[log.name]) for log in logs],
        files=[_file(file, content) for files in reading.files.values() for file in files],
        notes=[*notes, *reading.problems],
    )


def report_of_csvs(
    title: str,
    csvs: Mapping[str, bytes],
    figures: Mapping[str, Any],
    summaries: Mapping[str, Mapping[str, Cell]],
    **more: Any,
) -> HtmlReport:
    """Return a page of run logs by their experiments' names, with charts as they stand.

    Args:
        title: the page's title.
        csvs: run logs as CSV.
        figures: Plotly figures by their title.
        summaries: their rows of the summary.
        more: `notes` and `theme` of `HtmlReport`.
    """
    logs = [read_run_log(data, name) for name, data in csvs.items()]
    columns = tuple(dict.fromkeys(column for log in logs for column in log.columns))
    shared = [_shared(log, columns, summaries.get(log.name, {})) for log in logs]
    return HtmlReport(title, version("tbbridge"), columns, shared, figures=figures, **more)


def _shared(log: RunLog, columns: Sequence[str], summary: Mapping[str, Cell]) -> SharedLog:
    text = run_log_csv(filled(log, columns))  # a page's run logs share their columns
    return SharedLog(log.name, file_name(log.name).replace("/", "_"), text, summary)


def _file(file: EventFile, content: Content) -> dict[str, Any]:
    damage = [f"bytes {one.start} to {one.end}: {one.reason}" for one in file.damage[:_MOST_DAMAGE]]
    if len(file.damage) > _MOST_DAMAGE:
        damage.append(f"and {len(file.damage) - _MOST_DAMAGE} more")
    digest = _digest(file, content)
    return {"name": utf8(file.name), "size": file.size, "records": file.records, "sha256": digest, "damage": damage}


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


def _content(root: str) -> Content:
    storage = open_storage(root)
    places = {place.name: place.path for files in storage.discover().runs.values() for place in files}

    def content(name: str, size: int) -> Iterator[bytes]:
        with storage.open(places.get(name) or os.path.join(storage.root, name)) as file:
            for offset in range(0, size, _CHUNK):
                yield file.read(min(_CHUNK, size - offset), offset)

    return content

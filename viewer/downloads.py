"""The page's downloads: the shown run logs as CSV, and the page as it stands, in one file that opens offline."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from dash import no_update
from dash.dcc.express import send_bytes

from tbbridge import ExperimentView, Source
from tbbridge.exporting.html_report import html_chunks, report_of_csvs
from tbbridge.exporting.plotly_bundle import plotly_bundle
from tbbridge.viewer.messages import Page, answer, clean, look
from tbbridge.viewer.plot import shorten


def file_stem(name: str) -> str:
    """Return a name that any file system takes: what is not a letter, a digit, ``.``, ``-`` or ``_`` becomes ``_``."""
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:100] or "run"


def csv(source: Source, names: Any) -> Any:
    """Return the run log of one experiment, or a zip of several, for ``dcc.Download``."""
    asked = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    found = [(name, data) for name in asked if (data := source.csv(name)) is not None]
    if not found:
        return no_update
    if len(found) == 1:
        name, data = found[0]
        return send_bytes(data, f"{file_stem(name)}.csv", type="text/csv")
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(found, 1):
            archive.writestr(f"{number:02d}-{file_stem(name)}.csv", data)
    return send_bytes(box.getvalue(), "run-logs.zip", type="application/zip")


def table(data: bytes) -> Any:
    """Return the table of experiments as CSV, for ``dcc.Download``."""
    return send_bytes(data, "experiments.csv", type="text/csv")


def report(page: Page, wanted: Any) -> Any:
    """Return the page with these controls as one HTML file that opens offline, for ``dcc.Download``."""
    controls = clean(wanted, page)
    views = look(page, controls)
    name = file_stem(views[0].name) if len(views) == 1 else "trainings"
    return send_bytes(b"".join(report_chunks(page, controls, views)), f"{name}.html", type="text/html")


def report_chunks(page: Page, controls: Mapping[str, Any], views: Sequence[ExperimentView]) -> Iterator[bytes]:
    """Return the bytes of the HTML report of these experiments, with the charts as they stand."""
    message, _ = answer(page, controls, None, views)
    drawn = message.get("figures", {})
    figures = {chart.title: drawn[chart.id] for chart in page.charts(views, controls) if chart.id in drawn}
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    named = ", ".join(shorten(view.name) for view in views) if len(views) < 4 else f"{len(views)} experiments"
    title = f"{named or 'nothing'} · {page.source.title} · {now}"
    csvs = {view.name: data for view in views if (data := page.source.csv(view.name)) is not None}
    notes = [f"{view.name}: {note}" if len(views) > 1 else note for view in views for note in view.notes]
    rows = {view.name: view.summary for view in views}
    content = report_of_csvs(title, csvs, figures, rows, notes=notes, theme=controls["theme"])
    return html_chunks(content, plotly_bundle())

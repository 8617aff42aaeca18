"""What one may take away: the shown run logs as CSV, and the page as it is, in one file that opens offline."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.resources import files
from typing import Any

from dash import no_update
from dash.dcc.express import send_bytes, send_string

from tbbridge import ExperimentView, Source
from tbbridge.viewer.chart import Chart
from tbbridge.viewer.messages import Page, answer, clean, look
from tbbridge.viewer.readout import COLUMNS


def file_stem(name: str) -> str:
    """A name that any file system takes: what is not a letter, a digit, ``.``, ``-`` or ``_`` becomes ``_``."""
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).strip("._")[:100] or "run"


def csv(source: Source, names: Sequence[str]) -> Any:
    """The run log of one experiment, or a zip of several, for ``dcc.Download``."""
    found = [(name, data) for name in names or () if isinstance(name, str) and (data := source.csv(name)) is not None]
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


def snapshot(page: Page, wanted: Any) -> Any:
    """The page with these controls as one HTML file, for ``dcc.Download``."""
    controls = clean(wanted, page)
    views = look(page, controls)
    name = file_stem(views[0].name) if len(views) == 1 else "trainings"
    return send_string(snapshot_html(page, controls, views), f"{name}.html", type="text/html")


def snapshot_html(page: Page, controls: Mapping[str, Any], views: Sequence[ExperimentView]) -> str:
    """One HTML file with the charts, their figures and plotly.js; only its own two scripts may run in it."""
    message, _ = answer(page, controls, None, views)
    charts = [chart for chart in page.charts(views) if chart.id in message.get("figures", {})]
    rows = "".join(_row(chart, views, message["cells"]) for chart in charts)
    notes = "".join(f"<li>{escape(note)}</li>" for view in views for note in view.notes)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    about = f"{escape(', '.join(view.name for view in views) or 'nothing')} · {escape(page.source.title)} · {now}"
    figures = json.dumps({chart.id: message["figures"][chart.id] for chart in charts}).replace("<", "\\u003c")
    plotly = files("tbbridge.viewer").joinpath("assets/plotly-basic.min.js").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in (plotly, _DRAW))
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" ',
            f"content=\"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1"><title>tbbridge</title>',
            f"<style>{_STYLE}</style></head><body class={controls['theme']}><h1>{about}</h1>{rows}<ul>{notes}</ul>",
            f'<script type="application/json" id="figures">{figures}</script>',
            f"<script>{plotly}</script><script>{_DRAW}</script></body></html>\n",
        )
    )


def _row(chart: Chart, views: Sequence[ExperimentView], cells: Mapping[str, str]) -> str:
    body = ""
    for place, view in enumerate(views):
        body += f"<tr><th colspan=4>{escape(view.name)}</th></tr>"
        for row, label in enumerate((*chart.columns, "Gap")):
            texts = (cells.get(f"{chart.id}-{what}-{row}-{place}", "") for what in COLUMNS)
            body += f"<tr><th>{escape(label)}</th>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
    head = "".join(f"<th>{word}</th>" for word in ("", *COLUMNS.values()))
    table = "" if chart.group else f"<table><tr>{head}</tr>{body}</table>"
    return (
        f'<section><div><h2>{escape(chart.title)}</h2><div class="plot" id="{chart.id}"></div></div>{table}</section>'
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


_DRAW = """
const figures = JSON.parse(document.getElementById("figures").textContent);
for (const [id, figure] of Object.entries(figures))
  Plotly.newPlot(id, figure.data, figure.layout,
    { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendChartToCloud"] });
"""
_STYLE = """
body { max-width: 1400px; margin: 0 auto; padding: 16px; font: 14px/1.45 Inter, system-ui, sans-serif; color: #1c2024; }
.dark { color: #edeef0; background: #0e1013; } h1 { font-size: 15px; } h2 { margin: 0; font-size: 15px; }
section { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 16px; margin-top: 16px; }
.plot { height: 400px; } table { align-self: start; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: 3px 0; font-weight: 500; text-align: left; } td { padding: 3px 0 3px 16px; text-align: right; }
th + th { padding-left: 16px; text-align: right; } ul { font-size: 13px; }
@media (max-width: 800px) { section { grid-template-columns: minmax(0, 1fr); } }
"""

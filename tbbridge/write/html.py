"""One self-contained page of run logs: charts, best and last values, where it all comes from, and the CSVs themselves.

The page opens offline. Its data is each run log's own CSV, gzip'd and base64'd; the page unpacks what it draws, and
what it offers for download is exactly those bytes. Names are data: they are in the page as JSON in which ``<`` is
escaped, and a Content-Security-Policy lets only the page's own two scripts run.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files

from tbbridge.write.block import clean


@dataclass(frozen=True, slots=True)
class Extremes:
    """A column's last and best point as (step, the value's text); None where nothing was logged."""

    last: tuple[int, str] | None
    best: tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class SharedLog:
    """One experiment on the page."""

    name: str
    file: str
    """What its download is called."""
    csv: bytes
    """The run log, with its header."""
    values: Sequence[Extremes]
    """One a column."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """One event file that the page was made from."""

    name: str
    size: int
    records: int
    sha256: str
    damage: Sequence[str]


@dataclass(frozen=True, slots=True)
class Page:
    """All that a page says."""

    title: str
    version: str
    columns: Sequence[str]
    """The run logs' value columns."""
    logs: Sequence[SharedLog]
    files: Sequence[Provenance]
    notes: Sequence[str] = field(default=())


def html_chunks(page: Page, plotly: bytes) -> Iterator[bytes]:
    """The page's bytes in order; `plotly` is a plotly.js bundle that holds scatter traces.

    The bytes depend on the arguments alone.
    """
    script = _resource("page.js")
    yield _head(page, (plotly, script))
    yield b'<script type="application/json" id="manifest">' + _manifest(page) + b"</script>\n"
    for place, log in enumerate(page.logs):
        yield f'<script type="text/plain" id="csv-{place}">'.encode()
        yield base64.b64encode(gzip.compress(log.csv, 6, mtime=0)) + b"</script>\n"
    for code in (plotly, script):
        yield b"<script>" + code + b"</script>\n"
    yield b"</body>\n</html>\n"


def _resource(name: str) -> bytes:
    return files("tbbridge.write").joinpath(name).read_bytes()


def _head(page: Page, scripts: Sequence[bytes]) -> bytes:
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'" for code in scripts)
    text = _resource("page.html").decode()
    for mark, value in {
        "{script_hashes}": hashes,
        "{generator}": html.escape(f"tbbridge {page.version}"),
        "{css}": _resource("page.css").decode(),
        "{title}": html.escape(clean(page.title)),
    }.items():
        text = text.replace(mark, value)
    return text.encode()


def _manifest(page: Page) -> bytes:
    """What the page's script reads, as JSON that cannot end its own script element."""
    content = {
        "version": page.version,
        "columns": [clean(name) for name in page.columns],
        "charts": [{"title": title, "columns": places} for title, places in charts(page.columns).items()],
        "experiments": [
            {"name": clean(log.name), "file": clean(log.file), "values": [asdict(value) for value in log.values]}
            for log in page.logs
        ],
        "files": [{**asdict(file), "name": clean(file.name), "damage": list(file.damage)} for file in page.files],
        "notes": [clean(note) for note in page.notes],
    }
    return json.dumps(content, ensure_ascii=True).replace("<", "\\u003c").encode()


def charts(columns: Sequence[str]) -> dict[str, list[int]]:
    """Which columns share a chart: ``train accuracy`` and ``val accuracy`` are the chart ``accuracy``."""
    grouped: dict[str, list[int]] = {}
    for place, name in enumerate(columns):
        first, _, rest = name.partition(" ")
        grouped.setdefault(rest if rest and first in ("train", "val", "test") else name, []).append(place)
    return grouped

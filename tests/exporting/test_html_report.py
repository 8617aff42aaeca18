"""The HTML report: self-contained, safe, with the run logs inside."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logs import write_experiment, write_run
from playwright.sync_api import Browser, Page

import tbbridge
from tbbridge.core.model import RunLog
from tbbridge.exporting import html_report, plotly_bundle
from tbbridge.exporting.plotly_bundle import PlotlyBundle, find_bundle
from tbbridge.write.run_log_csv import run_log_csv

PLOTLY = PlotlyBundle("small", b"/* plotly.js (basic - minified) v1.2.3 */")
LARGEST = {"small": 700_000, "full": 2_200_000}
"""Bytes of a page of one small run log, by its plotly.js."""
EVIL = '</script><script>document.title="owned"</script><img src=x onerror=document.title="owned">'


def shared(name: str, data: bytes = b"step,train accuracy\n1,0.5\n") -> html_report.SharedLog:
    return html_report.SharedLog(name, f"{name[:9]}.csv", data, {"best train accuracy": 0.5})


def page(*logs: html_report.SharedLog) -> bytes:
    file = {
        "name": f"run/{EVIL}",
        "size": 1234,
        "records": 5,
        "sha256": "ab" * 32,
        "damage": ["bytes 1 to 2"],
    }
    return b"".join(
        html_report.html_chunks(html_report.HtmlReport(EVIL, "1.2", ["train accuracy"], logs, [file], [EVIL]), PLOTLY)
    )


def test_the_csv_is_in_the_page_byte_for_byte() -> None:
    """What the page offers for download is the run log itself."""
    data = b"step,train accuracy\n1,0.5\n2,nan\n"
    text = page(shared("a"), shared("b", data)).decode()
    packed = re.search(r'id="csv-1">([^<]*)</script>', text)
    assert packed
    assert gzip.decompress(base64.b64decode(packed[1])) == data


def test_names_are_data() -> None:
    """No name can end the element it is in, wherever it stands."""
    text = page(shared(EVIL)).decode()
    assert "<img" not in text
    assert text.count("</script>") == text.count("<script") == 4  # manifest, CSV, plotly.js, script
    manifest = re.search(r'id="manifest">(.*?)</script>', text)
    assert manifest
    assert json.loads(manifest[1])["experiments"][0]["name"] == EVIL


def test_only_the_pages_own_scripts_may_run() -> None:
    """The policy names each script by its hash, and allows no connection."""
    text = page(shared("a")).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    codes = [*(code.encode() for code in scripts), PLOTLY.code]
    digests = [base64.b64encode(hashlib.sha256(code).digest()).decode() for code in codes]
    assert len(digests) == 2
    assert all(f"'sha256-{digest}'" in policy[1] for digest in digests)
    assert "default-src 'none'" in policy[1]
    assert not re.search(r"script-src[^;]*unsafe", policy[1])


def test_the_bytes_depend_on_the_content_alone() -> None:
    """No clock in the page."""
    assert page(shared("a")) == page(shared("a"))


def test_columns_of_one_metric_share_a_chart() -> None:
    """Train and validation of a metric are drawn together, another metric apart."""
    columns = ["train accuracy", "val accuracy", "train cross entropy", "val cross entropy", "lr"]
    assert html_report.chart_columns(columns) == {"accuracy": [0, 1], "cross entropy": [2, 3], "lr": [4]}


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """An offline tab in which any error and any request for anything but the file fails the test."""
    context = chromium.new_context(offline=True, accept_downloads=True)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    opened.on(
        "request", lambda request: None if request.url.startswith(("file:", "blob:")) else wrong.append(request.url)
    )
    yield opened
    context.close()
    assert not wrong


def show(tab: Page, path: Path) -> None:
    tab.goto(path.as_uri())
    tab.wait_for_selector("#status[data-ready]", timeout=60_000)


def drawn(tab: Page, chart: int = 0) -> list[dict[str, Any]]:
    """The traces of a chart."""
    return tab.evaluate(
        "n => document.querySelectorAll('.chart')[n].data.map(t => ({name: t.name, x: [...t.x], y: [...t.y]}))", chart
    )


def test_an_exported_page_in_a_browser(tmp_path: Path, tab: Page) -> None:
    """Charts of every experiment, values, provenance, and the run log as a download; hostile names do nothing."""
    write_experiment(tmp_path / "logs", "good")
    write_experiment(tmp_path / "logs", "<img src=x onerror=a()><br>%{y}", shift=2**-20)  # less than a cell shows
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    show(tab, path)
    assert tab.title() == "logs"
    first = drawn(tab)
    assert [trace["name"] for trace in first][2:] == ["good · train accuracy", "good · val accuracy"]
    assert first[2]["x"] == [0, 1, 2, 3]
    assert first[2]["y"] == [0.5, 0.625, 0.75, 0.875]
    assert first[3]["x"] == [0, 2]
    assert drawn(tab, 1)[3]["y"] == [2, 2.25]
    assert tab.locator("img").count() == 0
    assert tab.locator(".legendtext").first.text_content() == "<img src=x onerror=a()><br>%{y} · train accuracy"
    rows = tab.locator("#values tr")
    table = rows.evaluate_all("rows => rows.map(row => [...row.children].map(cell => cell.innerText))")
    values = {row[0].split("\n")[0]: dict(zip(table[0], row, strict=True)) for row in table[1:]}
    assert [values["good"][f"last train accuracy{word}"] for word in ("", " step")] == ["0.875", "3"]
    with tbbridge.export(tmp_path / "logs", tmp_path / "summary.csv", layout="summary")[0].open() as file:
        assert sorted(table[0]) == sorted(next(csv.reader(file)))
    assert table[0][:2] == ["experiment", "last train accuracy"]
    assert tab.locator("#values td.best").first.evaluate("cell => cell.parentNode.rowIndex") == 1
    tab.locator("#values th button", has_text="last train accuracy").first.click()
    assert rows.nth(1).locator("td div").inner_text() == "good", "sorted by all digits"
    event_file = next((tmp_path / "logs" / "good" / "train").iterdir())
    assert hashlib.sha256(event_file.read_bytes()).hexdigest() in tab.locator("#files").inner_text()
    with tab.expect_download() as download:
        tab.locator("#values td button").first.click()
    assert download.value.suggested_filename == "good.csv"
    (run_log,) = tbbridge.export(tmp_path / "logs", tmp_path / "good.csv", experiments="good")
    assert Path(download.value.path()).read_bytes() == run_log.read_bytes()
    tab.locator("#names input").nth(0).uncheck()
    tab.wait_for_function("document.querySelector('.chart').data.length === 2")


@pytest.mark.parametrize("name", [name for name in plotly_bundle.PLACES if find_bundle(name)])
def test_each_plotly_is_small_in_the_page_and_draws(
    tmp_path: Path, tab: Page, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The small plotly.js where the build fetched it, else the full one: each compressed, opened from the disk."""
    monkeypatch.setattr(plotly_bundle, "PLACES", {name: plotly_bundle.PLACES[name]})
    plotly_bundle.plotly_bundle.cache_clear()
    write_experiment(tmp_path / "logs", "exp")
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    plotly_bundle.plotly_bundle.cache_clear()
    assert path.stat().st_size < LARGEST[name]
    show(tab, path)
    assert drawn(tab)[0]["y"] == [0.5, 0.625, 0.75, 0.875]
    assert f"{name} plotly.js" in tab.locator("#about").inner_text()
    assert len(tab.locator(".chart path.js-line").all()) >= 2


def test_a_million_points_stay_usable(tmp_path: Path, tab: Page) -> None:
    """Drawn thinned to what a chart can show, spikes kept, at full detail where one zooms in; quick."""
    steps = np.arange(500_000, dtype=np.int64)
    values = np.sin(steps / 50_000).astype(np.float32)
    values[123_456], values[123_460] = 7, -7
    values[200] = np.nan
    columns = {"train accuracy": values, "val accuracy": values - 1}
    logged = {name: np.ones(len(steps), bool) for name in columns}
    data = run_log_csv(RunLog("big", steps, columns, logged))
    log = html_report.SharedLog("big", "big.csv", data)
    path = tmp_path / "big.html"
    chunks = html_report.html_chunks(
        html_report.HtmlReport("big", "1", list(columns), [log]), plotly_bundle.plotly_bundle()
    )
    path.write_bytes(b"".join(chunks))
    show(tab, path)
    train = drawn(tab)[0]
    assert len(train["x"]) <= 2000
    assert [train["x"][0], train["x"][-1]] == [0, 499_999]
    assert [train["y"][train["x"].index(step)] for step in (123_456, 123_460)] == [7, -7]
    tab.evaluate("Plotly.relayout(document.querySelector('.chart'), {'xaxis.range': [123400, 123500]})")
    tab.wait_for_function("document.querySelector('.chart').data[0].x.length < 200")
    train = drawn(tab)[0]
    assert train["x"][0] <= 123_400
    assert train["x"][-1] >= 123_500
    assert np.diff(train["x"]).tolist() == [1] * (len(train["x"]) - 1)
    assert train["y"][10] == pytest.approx(float(values[train["x"][10]]), abs=1e-7)


def test_the_page_reads_every_number_that_the_csv_writes(tmp_path: Path, tab: Page) -> None:
    """Exponents, negative and special values, doubles of 17 digits, large steps."""
    values = [1e-7, -1.5e20, 0.1, 1 / 3, 123456789012345.67, float("inf"), -0.25, 5e-324, 1.7976931348623157e308]
    values += np.random.default_rng(1).random(100).tolist()  # most of 16 or 17 digits
    write_run(tmp_path / "logs" / "x" / "train", accuracy=[])
    folder = tmp_path / "logs" / "x" / "train"
    with tbbridge_writer(folder) as writer:
        for step, value in enumerate(values):
            writer.tensor("accuracy", step * 10**12, 1.0 + step, value, "float64")
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    show(tab, path)
    found = tab.evaluate("document.querySelector('.chart').data[0].y.map(v => v === Infinity ? 'Infinity' : v)")
    assert [float(value) for value in found] == values
    assert drawn(tab)[0]["x"] == [step * 10**12 for step in range(len(values))]


def tbbridge_writer(folder: Path):
    from tbbridge.write.events import EventWriter

    return EventWriter(folder / "events.out.tfevents.2.h")


def test_smoothing_is_tensorboards(tmp_path: Path, tab: Page) -> None:
    """A debiased moving average that starts at 0; what is not finite passes through; a constant stays itself."""
    values = [1.0, 2.0, 4.0, float("inf"), 0.5]
    write_run(tmp_path / "logs" / "x" / "train", accuracy=enumerate(values), loss=[(step, 0.1) for step in range(5)])
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    show(tab, path)
    tab.locator("#smoothing").fill("0.6")
    tab.wait_for_function("document.querySelector('.chart').data[0].y[1] !== 2")
    last, expected = 0.0, []
    for count, value in enumerate([1.0, 2.0, 4.0, 0.5], 1):
        last = last * 0.6 + 0.4 * value
        expected.append(last / (1 - 0.6**count))
    drawn_now = tab.evaluate("document.querySelector('.chart').data[0].y.filter(Number.isFinite)")
    assert drawn_now == pytest.approx(expected)
    assert drawn(tab, 1)[0]["y"] == pytest.approx([0.1] * 5)
    tab.locator("#filter").fill("nothing like it")
    assert tab.locator("#names label").count() == 0


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_cut_off(tmp_path: Path, tab: Page, width: int) -> None:
    """On a telephone and on a small window: the page is as wide as the window, however long names are."""
    write_experiment(tmp_path / "logs", "long" * 50)
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    tab.set_viewport_size({"width": width, "height": 900})
    show(tab, path)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    button = tab.locator("#values td button").first.bounding_box()
    assert button["x"] + button["width"] < width
    assert len(set(tab.evaluate("document.querySelector('.chart').data.map(trace => trace.line.color)"))) == 2
    buttons = tab.locator(".modebar-btn").evaluate_all("all => all.map(button => button.dataset.title)")
    assert buttons
    assert not {title for title in buttons if title and ("Lasso" in title or "Box" in title)}, (
        "there is nothing to select"
    )


def test_a_file_whose_folder_is_no_utf_8_has_its_checksum(tmp_path: Path, tab: Page) -> None:
    """The page shows the name escaped, and the checksum of the file that really is there."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path / "logs") + b"/exp\xff"))
    event_file = write_run(folder, loss=[(1, 2.0)])
    (path,) = tbbridge.export(tmp_path / "logs", tmp_path / "page.html")
    show(tab, path)
    assert hashlib.sha256(event_file.read_bytes()).hexdigest() in tab.locator("#files").inner_text()

"""plotly.js on the live page: either bundle, served once compressed, and a page that stands before it arrives."""

from __future__ import annotations

import gzip
import urllib.request
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from memory_source import MemorySource
from playwright.sync_api import Browser, Route
from screen import Screen
from support import wait_until

from tbbridge.exporting import plotly_bundle
from tbbridge.viewer import Handle, serve

IS_PLOTLY = "**/_tbbridge/plotly-*.js"


@pytest.mark.parametrize("name", [name for name in plotly_bundle.PLACES if plotly_bundle.find_bundle(name)])
def test_each_bundle_draws_the_page(
    name: str, source: MemorySource, open_page: Callable[..., Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small one where the build fetched it, else the full one: charts are drawn and follow."""
    monkeypatch.setattr(plotly_bundle, "PLACES", {name: plotly_bundle.PLACES[name]})
    plotly_bundle.plotly_bundle.cache_clear()
    with serve(source, port=0) as handle:
        plotly_bundle.plotly_bundle.cache_clear()
        screen = open_page(handle.url)
        screen.wait_drawn()
        source.append("mnist-cnn", 500, train_accuracy=0.5)
        wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [500], what="it follows")
        screen.page.goto("about:blank")


def test_plotly_is_compressed_named_by_its_hash_and_kept_by_browsers(served: Handle) -> None:
    """Its address has the hash of the code, so that a browser may keep it for ever."""
    bundle = plotly_bundle.plotly_bundle()
    address = f"_tbbridge/plotly-{bundle.sha256.hex()[:16]}.js"
    page = urllib.request.urlopen(served.url).read().decode()
    assert f'href="/{address}"' in page
    answer = urllib.request.urlopen(urljoin(served.url, address))
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert bundle.code in gzip.decompress(answer.read())


def test_the_page_stands_before_plotly_arrives(chromium: Browser, served: Handle) -> None:
    """Controls, frames and read-outs are there and work while plotly.js is on its way; the charts come with it."""
    context = chromium.new_context()
    try:
        screen = Screen(context.new_page())
        held: list[Route] = []
        screen.page.route(IS_PLOTLY, lambda route: held.append(route))
        screen.page.goto(served.url, wait_until="commit")
        wait_until(lambda: screen.cell("accuracy-step") == "495", what="the read-outs")
        assert screen.chart("loss").locator(".tb-graph").is_visible()
        screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0")
        wait_until(lambda: "accuracy-weight=0" in screen.page.url, what="a control works")
        assert screen.traces("accuracy") == []
        for route in held:
            route.continue_()
        screen.wait_drawn()
        assert not screen.line("accuracy", "Training", faint=True)["x"]
        assert screen.errors == []
    finally:
        context.close()


def test_a_plotly_that_does_not_come_is_said(chromium: Browser, served: Handle) -> None:
    """Where plotly.js cannot be loaded the page says so, and what to do."""
    context = chromium.new_context()
    try:
        screen = Screen(context.new_page())
        screen.page.route(IS_PLOTLY, lambda route: route.abort())
        screen.page.goto(served.url)
        wait_until(lambda: "reload the page" in screen.cell("state"), what="it says so")
    finally:
        context.close()

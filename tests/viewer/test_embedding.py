"""The page inside other people's applications: the examples, run."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from memory_source import MemorySource, points
from screen import Screen
from support import ROOT, free_port, wait_until


def example(name: str) -> Any:
    """A script of ``examples/`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def running(app: Any) -> Iterator[str]:
    """Serve an ASGI application as its owner would; older uvicorns take what websockets deprecates."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, what="the server has started")
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


def small() -> MemorySource:
    source = MemorySource()
    source.put("a", {"train accuracy": points([0.1, 0.2])}, last_write=1.0)
    source.put("b", {"train accuracy": points([0.5, 0.6])})
    return source


def xs(screen: Screen, prefix: str) -> list[float]:
    return screen.line(f"{prefix}accuracy", "Training", faint=True)["x"]


def test_two_pages_live_in_one_larger_app(open_page: Callable[..., Screen]) -> None:
    """In tabs beside the host's own graph, which keeps its own plotly.js; each page obeys its own controls."""
    source = small()
    with running(example("embed_in_dash").make_app(source).server) as url:
        screen = open_page(url)
        wait_until(lambda: screen.page.locator(".dash-graph .js-plotly-plot").count() == 1, what="the host's graph")
        assert screen.page.evaluate("window.Plotly !== tbbridge.Plotly")
        screen.page.get_by_text("Trainings", exact=True).click()
        wait_until(lambda: xs(screen, "left-") == [0, 5], what="the page is drawn")
        source.append("b", 10, train_accuracy=0.7)
        wait_until(lambda: xs(screen, "left-") == [0, 5, 10], what="the page is live")
        screen.page.get_by_text("Comparison", exact=True).click()
        wait_until(lambda: (xs(screen, "left-"), xs(screen, "right-")) == ([0, 5, 10], [0, 5, 10]), what="both")
        group = screen.page.get_by_role("group", name="Prediction accuracy")
        group.last.get_by_text("Only this chart").click()
        group.last.get_by_role("slider", name="Smoothing").fill("0")
        wait_until(lambda: xs(screen, "right-") == [], what="the right one is not smoothed")
        assert xs(screen, "left-") == [0, 5, 10]
        source.append("b", 15, train_accuracy=0.7)
        wait_until(lambda: xs(screen, "left-")[-1:] == [15], what="still live")
        screen.page.goto("about:blank")


def test_the_page_lives_under_a_path(open_page: Callable[..., Screen]) -> None:
    """Under /trainings/ of another application, which still answers its own requests; everything is found there."""
    source = small()
    with running(example("embed_under_path").make_server(source)) as url:
        screen = open_page(f"{url}/trainings/")
        screen.wait_drawn()
        assert screen.page.request.get(f"{url}/hello").json() == {"hello": "lab"}
        missing = screen.page.request.get(f"{url}/no/such/page")
        assert (missing.status, missing.json()) == (404, {"detail": "Not Found"}), "the host's own 404"
        source.append("b", 10, train_accuracy=0.7)
        wait_until(lambda: xs(screen, "")[-1:] == [10], what="live by its websocket under the path")
        assert screen.page.evaluate(
            "performance.getEntriesByType('resource').every(r => r.name.includes('/trainings/'))"
        )
        screen.page.goto("about:blank")


def test_a_closed_tab_of_the_host_ends_its_websocket(open_page: Callable[..., Screen]) -> None:
    """When the host takes the page away, nothing of it goes on in the background."""
    source = small()
    with running(example("embed_in_dash").make_app(source).server) as url:
        screen = open_page(url)
        screen.page.get_by_text("Trainings", exact=True).click()
        wait_until(lambda: source.subscribers == 1, what="connected")
        screen.page.get_by_text("Notes", exact=True).click()
        wait_until(lambda: source.subscribers == 0, what="disconnected")
        screen.page.get_by_text("Trainings", exact=True).click()
        wait_until(lambda: xs(screen, "left-") == [0, 5], what="drawn again")
        screen.page.goto("about:blank")


@pytest.mark.parametrize("name", ["embed_in_dash", "embed_under_path"])
def test_the_examples_say_how_to_run_them(name: str) -> None:
    """Each example's text begins with what it shows and has its command line."""
    assert f"python examples/{name}.py logs/" in example(name).__doc__

"""The live path: pushed points, pages that are slow, lost or many, and servers that come back."""

from __future__ import annotations

import contextlib
import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import dash
import pytest
from memory_source import MemorySource, points, training
from screen import Screen
from support import free_port, wait_until
from websockets.server import ServerProtocol
from websockets.sync.client import connect

from tbbridge.viewer import Handle, layout, register, serve
from tbbridge.viewer.protocol import BoundedHttp, EndingWebsocket


def test_points_are_pushed_as_they_come(screen: Screen, source: MemorySource) -> None:
    """Each of ten points, one after the other, is in the page within a second of its being known, and none twice."""
    for step in range(500, 550, 5):
        source.append("mnist-cnn", step, train_accuracy=step / 1000, train_cross_entropy=1.0)
        wait_until(lambda: screen.line("accuracy", "Training", faint=True)["x"][-1:] == [step], 5.0, what="drawn")  # noqa: B023
    assert screen.line("accuracy", "Training", faint=True)["x"] == list(range(0, 550, 5))
    assert screen.line("loss", "Training", faint=True)["x"] == list(range(0, 550, 5))


def test_bursts_are_drawn_whole_and_once(screen: Screen, source: MemorySource) -> None:
    """A thousand points in a burst are all there, in order, once."""
    for step in range(500, 5500, 5):
        source.append("mnist-cnn", step, train_accuracy=0.5, tell=step % 50 == 0)
    source.tell()
    wanted = list(range(0, 5500, 5))
    wait_until(lambda: screen.line("accuracy", "Training", faint=True)["x"] == wanted, what="the burst is drawn")


def test_a_long_run_stays_bounded_in_the_page(screen: Screen, source: MemorySource) -> None:
    """Ten thousand more points, and the page holds some thousands a line: the picture is made anew now and then."""
    for start in range(0, 10_000, 500):
        for step in range(start, start + 500):
            source.append("mnist-cnn", 500 + step, train_accuracy=0.5, tell=False)
        source.tell()
        wait_until(lambda: screen.cell("accuracy-step") == f"{999 + start:,}", what="it follows")  # noqa: B023
    assert len(screen.line("accuracy", "Training", faint=True)["x"]) <= 4000


def test_a_run_log_rewritten_from_scratch_is_drawn_anew(screen: Screen, source: MemorySource) -> None:
    """When the past changes, the page shows the new past, and only it."""
    source.put("mnist-cnn", {"train accuracy": points([0.25, 0.5])})
    wait_until(lambda: screen.line("accuracy", "Training", faint=True)["y"] == [0.25, 0.5], what="the new past")
    assert screen.cell("accuracy-best-1-0") == "\u2013"


def test_an_experiment_that_goes_and_comes_back(screen: Screen, source: MemorySource) -> None:
    """A page says that its experiment is gone, and shows it again when it is back."""
    source.drop("mnist-cnn")
    gone = screen.page.get_by_text("mnist-cnn is not here (any more).")
    gone.wait_for()
    source.put("mnist-cnn", training(20))
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [95], what="back")
    assert gone.count() == 0


def test_the_log_directory_emptied_says_what_to_do(screen: Screen, source: MemorySource) -> None:
    """With no experiments left the page passes on what the source says."""
    source.lines = ["waiting for logs/: start a training that writes there"]
    for name in source.names():
        source.drop(name)
    screen.page.get_by_text("waiting for logs/: start a training that writes there").wait_for()


def test_an_empty_source_says_what_to_do(open_page: Callable[..., Screen], port: int) -> None:
    """Before anything is there, the page says what it waits for; the first experiment then appears by itself."""
    source = MemorySource()
    source.lines = ["waiting for logs/"]
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.page.get_by_text("waiting for logs/").wait_for()
        wait_until(lambda: screen.cell("state") == "nothing to show yet", what="the state")
        source.lines = []
        source.put("first", training(10))
        wait_until(lambda: screen.line("accuracy", "Training")["x"], what="drawn")
        assert screen.page.get_by_text("waiting for logs/").count() == 0
        screen.page.goto("about:blank")


def test_an_empty_chart_says_what_to_do(screen: Screen, source: MemorySource) -> None:
    """An experiment without an accuracy says so in the chart's place, and draws it once it comes."""
    source.put("mnist-cnn", {"train cross entropy": points([1.0, 0.5])})
    words = screen.chart("accuracy").get_by_text("tbbridge inspect LOGDIR")
    words.wait_for()
    source.append("mnist-cnn", 10, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"] == [10], what="drawn")
    assert words.count() == 0


def test_a_server_that_was_restarted_is_found_again(open_page: Callable[..., Screen]) -> None:
    """The page says that the connection is lost, and goes on when the server is back, without a reload."""
    source, port = MemorySource(a=training(20)), free_port()
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.expected = ("WebSocket", "ERR_CONNECTION_REFUSED", "Failed to load resource", "fetch")
        screen.wait_drawn()
    wait_until(lambda: screen.cell("state").startswith("connection lost"), what="it says so")
    source.append("a", 100, train_accuracy=0.5)
    with serve(source, port=port):
        wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [100], 40.0, what="it goes on")
        assert screen.cell("state").startswith("live")
        # one that never ends is drawn sixty times a second: half a core where there is no GPU
        endless = "document.getAnimations().filter((one) => one.effect.getTiming().iterations === Infinity).length"
        assert screen.page.evaluate(endless) == 0
        screen.page.goto("about:blank")


def test_a_source_that_fails_is_asked_again(source: MemorySource, open_page: Callable[..., Screen], port: int) -> None:
    """A bug in a source ends that page's websocket, is logged, and the page goes on when the source does."""
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.expected = ("WebSocket", "Failed to load resource", "Callback failed", "Callback error")
        screen.wait_drawn()
        view, source.view = source.view, lambda name: 1 / 0  # type: ignore[method-assign,assignment,return-value]
        source.tell()
        wait_until(lambda: screen.cell("state").startswith("connection lost"), what="it says so")
        source.view = view  # type: ignore[method-assign]
        source.append("mnist-cnn", 500, train_accuracy=0.5)
        wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [500], 40.0, what="it goes on")
        screen.page.goto("about:blank")


def test_what_a_page_held_is_free_when_it_goes(source: MemorySource, port: int) -> None:
    """Its connection, and what compresses for it, do not wait for the garbage collector."""
    kinds = (BoundedHttp, EndingWebsocket, ServerProtocol)
    with serve(source, port=port) as handle:
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                with connect(f"ws{handle.url.removeprefix('http')}_tbbridge/live/") as tab:
                    tab.send('{"want": {"experiment": ["mnist-cnn"]}}')
                    assert tab.recv()
                    assert sum(type(one) in kinds for one in gc.get_objects()) == 2
                wait_until(lambda: not any(type(one) in kinds for one in gc.get_objects()), what="all is free")
        finally:
            gc.enable()


class Proxy:
    """A proxy that refuses websockets: it drops the header that asks for one."""

    def __init__(self, target: str) -> None:
        import socketserver

        address = (urlsplit(target).hostname, urlsplit(target).port)

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                import socket

                head = b"".join(iter(self.rfile.readline, b"\r\n"))
                lines = head.split(b"\r\n")[:-1]
                kept = [line for line in lines if not line.lower().startswith((b"upgrade", b"connection", b"sec-web"))]
                size = next((int(line.split(b":")[1]) for line in kept if line.lower().startswith(b"content-len")), 0)
                body = self.rfile.read(size)
                with socket.create_connection(address, timeout=20) as there:
                    there.sendall(b"\r\n".join([*kept, b"Connection: close", b"", b""]) + body)
                    with contextlib.suppress(OSError):
                        while data := there.recv(65536):
                            self.wfile.write(data)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def proxy(served: Handle) -> Iterator[Proxy]:
    made = Proxy(served.url)
    yield made
    made.close()


def test_without_websockets_the_page_polls(
    proxy: Proxy, source: MemorySource, open_page: Callable[..., Screen]
) -> None:
    """Behind a proxy that refuses websockets points come once each, and controls work; nothing is called lost."""
    screen = open_page("about:blank")
    screen.expected = ("WebSocket connection",)
    screen.page.goto(proxy.url)
    wait_until(lambda: screen.line("accuracy", "Training")["x"], what="drawn")
    for step in range(500, 530, 5):
        source.append("mnist-cnn", step, train_accuracy=0.5)
        wait_until(lambda: screen.line("accuracy", "Training", faint=True)["x"][-1:] == [step], what="polled")  # noqa: B023
    assert screen.line("accuracy", "Training", faint=True)["x"] == list(range(0, 530, 5))
    assert screen.cell("accuracy-step") == "525"
    wait_until(lambda: screen.cell("state").startswith("live"), what="the state")
    screen.chart("accuracy").get_by_role("slider", name="Smoothing").fill("0")
    wait_until(lambda: not screen.line("accuracy", "Training", faint=True)["x"], what="the slider works")
    screen.page.goto("about:blank")


def test_another_backend_polls_too(open_page: Callable[..., Screen]) -> None:
    """In an app on Flask, which has no websockets, the page shows the same."""
    from werkzeug.serving import make_server

    source = MemorySource(a=training(20))
    app = dash.Dash("host", server=True)
    app.layout = dash.html.Div(layout("v-", "logs/"))
    register(app, source, "v-")
    server = make_server("127.0.0.1", 0, app.server, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    screen = open_page("about:blank")
    screen.expected = ("WebSocket connection",)
    screen.page.goto(f"http://127.0.0.1:{server.server_port}/")
    wait_until(lambda: screen.line("accuracy", "Training")["x"], what="drawn")
    source.append("a", 100, train_accuracy=0.5)
    wait_until(lambda: screen.line("accuracy", "Training")["x"][-1:] == [100], what="polled")
    screen.page.goto("about:blank")
    server.shutdown()
    server.server_close()


def test_fifty_tabs_and_a_frozen_one_cost_bounded_memory(source: MemorySource) -> None:
    """Tabs that do not draw get at most two messages however much is written, and then one bounded picture."""
    with serve(source, port=0) as handle, contextlib.ExitStack() as stack:
        url = handle.url.replace("http", "ws") + "_tbbridge/live/"
        tabs = [stack.enter_context(connect(url, open_timeout=30)) for _ in range(50)]
        for tab in tabs:
            tab.send('{"want": {}}')
        first = [json.loads(tab.recv(timeout=30)) for tab in tabs]
        assert all("figures" in message for message in first)
        for tab in tabs[1:]:
            tab.send('{"drawn": 1}')
        for step in range(500, 2500, 5):  # the first tab never says that it has drawn
            source.append("mnist-cnn", step, train_accuracy=0.5)
        wait_until(lambda: drain(tabs[1])["accuracy-step"] == "2,495", 60.0, what="a tab that draws is current")
        frozen = list(received(tabs[0]))
        assert len(frozen) <= 1
        tabs[0].send('{"drawn": 1}')
        tabs[0].send('{"drawn": 1}')
        last = frozen[-1:]  # it may have been made after the last row
        if not last or last[0]["cells"].get("accuracy-step") != "2,495":
            last = [json.loads(tabs[0].recv(timeout=30))]
        assert last[0]["cells"]["accuracy-step"] == "2,495", "one message brings it up to date"


def received(tab: object) -> Iterator[dict[str, object]]:
    """The messages that are there already."""
    with contextlib.suppress(TimeoutError):
        while True:
            yield json.loads(tab.recv(timeout=0.3))  # type: ignore[attr-defined]


def drain(tab: object, known: dict[str, str] = {}) -> dict[str, str]:  # noqa: B006 (remembers between calls)
    """Take a tab's messages, say that they are drawn, and return the cells so far."""
    for message in received(tab):
        known.update(message.get("cells", {}))  # type: ignore[call-overload]
        tab.send('{"drawn": 1}')  # type: ignore[attr-defined]
    return {"accuracy-step": "", **known}


def test_ten_thousand_experiments_are_found_by_typing(open_page: Callable[..., Screen], port: int) -> None:
    """The picker opens with a hundred of ten thousand names, and finds any by its words."""
    source = MemorySource()
    small = training(3)
    for i in range(10_000):
        source.put(f"sweep/lr={i}", small, last_write=float(i))
    with serve(source, port=port) as handle:
        screen = open_page(handle.url)
        screen.wait_drawn()
        options = screen.page.get_by_role("listbox").get_by_role("option")
        screen.page.get_by_label("Experiment").click()
        wait_until(options.count, what="open")
        assert options.count() == 100
        screen.page.get_by_label("Experiment").fill("lr=9876")
        wait_until(lambda: options.count() == 1, what="found")
        screen.page.get_by_label("Experiment").press("Enter")
        wait_until(lambda: screen.line("accuracy", "Training", "sweep/lr=9876")["x"], what="drawn")
        screen.page.goto("about:blank")


@pytest.mark.parametrize("seconds", [-5_000.0, 5_000.0])
def test_a_clock_that_jumps_is_no_negative_age(screen: Screen, source: MemorySource, seconds: float) -> None:
    """A last write in the future counts as now; one long ago is told in minutes or hours."""
    source.put("mnist-cnn", training(100), last_write=time.time() + seconds)
    wanted = "live, last write 0 s ago" if seconds > 0 else "live, last write 1 h ago"
    wait_until(lambda: screen.cell("state") == wanted, what=wanted)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("stalled", "stalled, last write"),
        ("finished", "finished, last write"),
        ("stopped: no space", "stopped: no space"),
    ],
)
def test_the_state_is_told(screen: Screen, source: MemorySource, state: str, words: str) -> None:
    """Stalled, finished and stopped are told in words, not by colour alone."""
    source.put("mnist-cnn", training(100), state=state)
    wait_until(lambda: screen.cell("state").startswith(words), what=words)

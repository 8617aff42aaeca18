"""The live page in a real browser: latency, the cost of a tick, first paint; beside TensorBoard and the older design.

    python benchmarks/viewer.py [--quick] [--beside PYTHON] [latency] [tick] [lines] [table] [paint] [tabs]

latency  from the writer's flush to the point in the page, through `tbbridge watch`; and the same for a page of the
         older design, which reads the whole run log again every second
tick     server CPU, bytes and page time for one new row, at a thousand and at a million rows
lines    one new row with eight lines of a thousand points on each chart; fifty experiments on each, drawn again
table    ten thousand experiments: the longest task of the page while their table is scrolled and sorted
paint    both charts drawn, from a cold browser; and TensorBoard's two charts of the same logs
tabs     fifty tabs, one of them frozen: the server's memory

--beside PYTHON measures latency and paint of another build, too, in turns: the interpreter of its environment.
Each proves that what it waited for is on the screen, with the right value, before it counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
BUILDS = {"tbbridge": sys.executable}
"""By name the interpreter of each build that is measured."""
GROWING = Path(__file__).resolve().with_name("growing.py")
LAST_X = "Math.max(-1, ...[...document.querySelectorAll('.js-plotly-plot')].slice(0, 1).flatMap(p => (p.data || []).map(t => t.x && t.x.length ? t.x[t.x.length - 1] : -1)))"  # noqa: E501


# ------------------------------------------------------------------------------------------------------------- helpers


class Training:
    """Event files as Keras writes them, through TensorBoard's own writer."""

    def __init__(self, logs: Path) -> None:
        self.writers = {split: EventFileWriter(str(logs / "run" / split)) for split in ("train", "validation")}

    def log(self, step: int, accuracy: float, loss: float) -> None:
        for writer in self.writers.values():
            for tag, value in (("epoch_accuracy", accuracy), ("epoch_loss", loss)):
                summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
                writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
            writer.flush()


@contextlib.contextmanager
def process(*command: str | Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        cwd=GROWING.parent,  # where no checkout's own package is in the way of another build's
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(page: Page, condition: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def wait_for_server(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


def median_and_95th(values: list[float]) -> str:
    return f"median {statistics.median(values):.0f} ms, 95th percentile {np.percentile(values, 95):.0f} ms"


# ------------------------------------------------------------------------------------------------------------- latency


def latency(browser: Browser, quick: bool) -> None:
    """From the flush to the point in the page."""
    rows = 20 if quick else 100
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        training = Training(logs)
        training.log(0, 0.0, 1.0)
        first = 0
        for name, python in BUILDS.items():
            port = free_port()
            with process(python, "-m", "tbbridge", "watch", logs, "--port", str(port)):
                wait_for_server(port)
                times = seen(browser, f"http://127.0.0.1:{port}/", training, rows, first)
                print(f"{name} watch:", median_and_95th(times))
            first += rows
        with process(sys.executable, "-m", "tbbridge", "watch", logs, "--port", str(free_port())):
            port = free_port()
            threading.Thread(target=older_page, args=(Path(folder) / "logs-csv" / "run.csv", port), daemon=True).start()
            wait_for_server(port)
            times = seen(browser, f"http://127.0.0.1:{port}/", training, max(rows // 5, 10), first)
            print("older design, the same run log:", median_and_95th(times))
    print("TensorBoard: at least 30 s between reloads of the page's data (its default, the smallest it takes is 15 s)")


def seen(browser: Browser, url: str, training: Training, rows: int, first: int = 0) -> list[float]:
    """Write a row now and then; milliseconds from each flush until the page has it."""
    page = browser.new_page()
    page.goto(url)
    wait_for(page, f"{LAST_X} >= {first}")
    page.evaluate(f"""() => {{ window.seen = {{}}; const look = () => {{
        const x = {LAST_X}; if (!(x in window.seen)) window.seen[x] = performance.timeOrigin + performance.now();
        setTimeout(look, 1); }}; look(); }}""")
    flushed = {}
    for step in range(first + 1, first + rows + 1):
        training.log(step, step / 1000, 1.0)
        flushed[step] = time.time() * 1000
        wait_for(page, f"{step} in window.seen")
        time.sleep(0.2 + 0.3 * np.random.default_rng(step).random())
    when = {int(step): at for step, at in page.evaluate("window.seen").items()}
    last = page.evaluate("[...document.querySelectorAll('.js-plotly-plot')][0].data[0].y.at(-1)")
    assert abs(last - (first + rows) / 1000) < 1e-6, "the page shows the value that was written"
    page.close()
    return [when[step] - at for step, at in flushed.items()]


def older_page(csv: Path, port: int) -> None:
    """The older design in today's Dash: once a second the whole run log is read again and sent."""
    import pandas as pd
    from dash import Dash, Input, Output, dcc, html

    app = Dash("older")
    graphs = [dcc.Graph(id=name) for name in ("accuracy", "cross entropy")]
    app.layout = html.Div([*graphs, dcc.Store(id="log"), dcc.Interval(id="tick", interval=1000)])

    @app.callback(Output("log", "data"), Input("tick", "n_intervals"))
    def read(_: int) -> Any:
        return pd.read_csv(csv).to_json(orient="split")

    def draw(metric: str) -> Callable[[str], Any]:
        def figure(log: str) -> Any:
            table = pd.DataFrame(**{k: v for k, v in json.loads(log).items() if k in ("columns", "data")})
            names = [f"train {metric}", f"val {metric}"]
            return {"data": [{"x": table["step"].tolist(), "y": table[name].tolist()} for name in names]}

        return figure

    for name in ("accuracy", "cross entropy"):
        app.callback(Output(name, "figure"), Input("log", "data"))(draw(name))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.run(port=port, debug=False)


# ---------------------------------------------------------------------------------------------------------------- tick


def tick(browser: Browser, quick: bool) -> None:
    """What one new row costs, a second apart in the measured design; here as fast as it is drawn."""
    rounds = 40 if quick else 150
    found = {rows: cost_of_a_tick(browser, rows, rounds) for rows in (1_000, 1_000_000)}
    for rows, costs in found.items():
        print(f"{rows:>9,} rows: " + ", ".join(f"{value:.2f} {unit}" for unit, value in costs.items()))
    small, large = found.values()
    print("   ratio: " + ", ".join(f"{large[unit] / small[unit]:.2f} x" for unit in small))


def chosen(count: int) -> str:
    return "?" + "&".join(f"experiment=run{place}" for place in range(count))


def lines(browser: Browser, quick: bool) -> None:
    """Many lines on each chart."""
    costs = cost_of_a_tick(browser, 1_000, 20 if quick else 60, experiments=4)
    print("eight lines: " + ", ".join(f"{value:.2f} {unit}" for unit, value in costs.items()))
    with process(sys.executable, GROWING, "1000", "50") as child:
        assert child.stdout
        page = browser.new_page()
        page.goto(child.stdout.readline().strip() + chosen(50))
        wait_for(page, f"{DRAWN} == 2 && document.getElementById('loss-graph').data.length >= 100")
        again = "async () => { const at = performance.now(); await tbbridge.Plotly.redraw('loss-graph'); return performance.now() - at; }"  # noqa: E501
        times = [float(page.evaluate(again)) for _ in range(5)]
        print(f"fifty experiments: a chart is drawn again in {statistics.median(times):.0f} ms")
        page.close()


DRAWN = "document.querySelectorAll('.js-plotly-plot .scatterlayer').length"


def table(browser: Browser, quick: bool) -> None:
    """The table of ten thousand experiments."""
    with process(sys.executable, GROWING, "1000", "10000") as child:
        assert child.stdout
        page = browser.new_page()
        page.goto(child.stdout.readline().strip() + chosen(1))
        row = "document.querySelector('.tb-runs tbody tr[data-name]')"
        wait_for(page, row)
        page.evaluate(
            "window.tasks = [0]; new PerformanceObserver(list => list.getEntries().forEach("
            "entry => tasks.push(entry.duration))).observe({type: 'longtask'})"
        )
        for place in (1_000, 5_000, 9_000):
            page.evaluate(f"document.querySelector('.tb-runs').scrollTop = {place} * {row}.offsetHeight")
            wait_for(page, f"Math.abs({row}.getAttribute('aria-rowindex') - {place}) < 60")
        page.locator(".tb-runs thead button", has_text="best val accuracy").click()
        wait_for(page, f"{row}.dataset.name == 'run976'")
        print(f"the longest task is {page.evaluate('Math.max(...tasks)'):.0f} ms")
        page.close()


def cost_of_a_tick(browser: Browser, rows: int, rounds: int, experiments: int = 1) -> dict[str, float]:
    with process(sys.executable, GROWING, str(rows), str(experiments)) as child:
        assert child.stdin
        assert child.stdout
        page = browser.new_page()
        page.goto(child.stdout.readline().strip() + chosen(experiments))
        wait_for(page, f"{LAST_X} == {rows - 1}")
        session, received = page.context.new_cdp_session(page), []
        session.send("Network.enable")
        session.send("Performance.enable")
        session.on(
            "Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"]))
        )
        for warm in (True, False):
            received.clear()
            cpu, busy, n = say(child, "cpu")[0], task_seconds(session), rounds // 4 if warm else rounds
            for _ in range(n):
                rows += 1
                say(child, "grow")
                wait_for(page, f"{LAST_X} == {rows - 1}")
                time.sleep(0.12)
            used, worked = say(child, "cpu")[0] - cpu, task_seconds(session) - busy
        page.close()
        return {
            "ms server CPU": 1000 * used / n,
            "bytes": sum(received) / n,
            "ms page main thread": 1000 * worked / n,
        }


def say(child: subprocess.Popen[str], word: str) -> tuple[float, float]:
    assert child.stdin
    assert child.stdout
    child.stdin.write(word + "\n")
    cpu, megabytes = child.stdout.readline().split()
    return float(cpu), float(megabytes)


def task_seconds(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


# --------------------------------------------------------------------------------------------------------------- paint


def paint(browser: Browser, quick: bool) -> None:
    """From the address to both charts, cold, alternating with TensorBoard on the same logs."""
    rounds = 3 if quick else 9
    with tempfile.TemporaryDirectory() as folder:
        logs, theirs = Path(folder) / "logs", free_port()
        training = Training(logs)
        for step in range(1000):
            training.log(step, step / 1000, 1 - step / 1000)
        pages = {"TensorBoard": (f"http://127.0.0.1:{theirs}/", THEIRS_DRAWN)}
        with contextlib.ExitStack() as stack:
            board = Path(sys.executable).with_name("tensorboard")
            stack.enter_context(process(board, "--logdir", logs, "--port", str(theirs)))
            for place, (name, python) in enumerate(BUILDS.items()):
                port, out = free_port(), Path(folder) / f"out{place}"
                command = (python, "-m", "tbbridge", "watch", logs, "--out", out, "--port", str(port))
                stack.enter_context(process(*command))
                pages[name] = (f"http://127.0.0.1:{port}/", OURS_DRAWN)
            for url, _ in pages.values():
                wait_for_server(int(url.rstrip("/").rpartition(":")[2]))
            time.sleep(10.0)  # all have read the logs
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
            for _ in range(rounds):
                for name, (url, drawn) in pages.items():
                    found[name].append(first_paint(browser, url, drawn))
    times = {name: statistics.median(time for time, _ in values) for name, values in found.items()}
    for name, values in found.items():
        print(f"{name}: both charts after {times[name]:.0f} ms, {statistics.median(b for _, b in values) / 1e3:.0f} kB")
    print(", ".join(f"{times['tbbridge'] / times[name]:.2f} of {name}" for name in times if name != "tbbridge"))


OURS_DRAWN = "[...document.querySelectorAll('.js-plotly-plot .scatterlayer')].filter(l => l.querySelector('path.js-line')).length >= 2"  # noqa: E501
THEIRS_DRAWN = """(() => {
    const cards = [...document.querySelectorAll('scalar-card')].filter(card => card.querySelector('line-chart'));
    const drawn = cards.filter(card => card.querySelector('line-chart .series-view svg path, line-chart canvas'));
    return drawn.filter(card => !card.querySelector('mat-spinner')).length >= 2; })()"""


def first_paint(browser: Browser, url: str, drawn: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page, total = context.new_page(), [0.0]
    session = context.new_cdp_session(page)
    session.send("Network.enable")

    def count(event: dict[str, Any]) -> None:
        total[0] += event.get("encodedDataLength") or len(event.get("response", {}).get("payloadData", ""))

    session.on("Network.loadingFinished", count)
    session.on("Network.webSocketFrameReceived", count)
    page.add_init_script(
        f"const look = () => {{ let is = false; try {{ is = {drawn}; }} catch {{}} "
        "if (is) requestAnimationFrame(() => { window.drawn = performance.now(); }); else setTimeout(look, 4); }; "
        "look();"
    )
    page.goto(url, wait_until="commit")
    wait_for(page, "'drawn' in window")
    when = float(page.evaluate("window.drawn"))
    time.sleep(0.3)
    context.close()
    return when, total[0]


# ---------------------------------------------------------------------------------------------------------------- tabs


def tabs(browser: Browser, quick: bool) -> None:
    """Fifty websockets, one of which never answers; ten thousand rows."""
    from websockets.sync.client import connect

    with process(sys.executable, GROWING, "1000") as child, contextlib.ExitStack() as stack:
        assert child.stdout
        url = child.stdout.readline().strip().replace("http", "ws") + "_tbbridge/live/"
        before = say(child, "memory")[1]
        sockets = [stack.enter_context(connect(url, open_timeout=60)) for _ in range(50)]
        for one in sockets:
            one.send('{"want": {}}')
            one.recv(timeout=60)
        for one in sockets[1:]:
            one.send('{"drawn": 1}')
            threading.Thread(target=answer_all, args=(one,), daemon=True).start()
        opened = say(child, "memory")[1]
        for _ in range(1000 if quick else 10_000):
            say(child, "grow")
        after = say(child, "memory")[1]
        print(f"server memory: {before:.0f} MB alone, {opened:.0f} MB with 50 tabs, {after:.0f} MB after")


def answer_all(one: Any) -> None:
    with contextlib.suppress(Exception):
        while True:
            one.recv()
            one.send('{"drawn": 1}')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="latency, tick, lines, table, paint, tabs (default: all)")
    parser.add_argument("--beside", metavar="PYTHON", help="another build's interpreter")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: does it run?")
    args = parser.parse_args()
    if args.beside:
        BUILDS["the other build"] = args.beside
    parts = {"latency": latency, "tick": tick, "lines": lines, "table": table, "paint": paint, "tabs": tabs}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for name in args.what or parts:
            print(f"-- {name} (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
            parts[name](browser, args.quick)
        browser.close()


if __name__ == "__main__":
    main()

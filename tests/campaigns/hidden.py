"""A page of `tbbridge watch` that stands for long behind another tab, and is then looked at: memory, traffic, points.

python tests/campaigns/hidden.py --minutes 90      # Chromium itself is asked: under Playwright no tab is ever hidden
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from soak import memory, processor
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import tbbridge
from tbbridge.write.events import EventWriter

CHROMIUM = (
    *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)

PORT, DEBUGGING = 8096, 9396
"""Of the page, and of Chromium's own protocol."""

LAST_STEP = """(() => {
  const plot = document.querySelector('[id$="loss-graph"]');
  const line = (plot?.data || []).filter((trace) => trace.mode === "lines" && trace.x.length);
  return line.length ? Math.max(...line.map((trace) => trace.x.at(-1))) : -1;
})()"""
"""The newest step that the chart of the loss has."""

GAP = """(() => {
  const line = document.querySelector('[id$="loss-graph"]').data.filter((trace) => trace.mode === "lines");
  return line.map((trace) => [trace.x.length, Math.max(...trace.x.slice(1).map((x, i) => x - trace.x[i]))]);
})()"""
"""For each line the number of its points, and the largest distance of two neighbours."""


class Tab:
    """A tab of Chromium, by its own protocol; the websockets of its page and its errors are counted."""

    def __init__(self, address: str) -> None:
        self.socket = connect(address, max_size=None)
        self.ids = itertools.count(1)
        self.answers: dict[int, dict[str, Any]] = {}
        self.arrived = threading.Condition()
        self.bytes = self.messages = self.opened = self.closed = 0
        self.errors: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):  # at the end
            for text in self.socket:
                message = json.loads(text)
                with self.arrived:
                    if "id" in message:
                        self.answers[message["id"]] = message
                        self.arrived.notify_all()
                    else:
                        self._count(message["method"], message["params"])

    def _count(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.webSocketFrameReceived":
            frame = params["response"]
            text = frame["payloadData"]
            self.messages += 1
            self.bytes += len(text) if frame["opcode"] == 1 else len(base64.b64decode(text))
        elif method == "Network.webSocketHandshakeResponseReceived":
            self.opened += 1
        elif method == "Network.webSocketClosed":
            self.closed += 1
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.errors.append(str([one.get("value", one.get("description")) for one in params["args"]]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its answer."""
        number = next(self.ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        with self.arrived:
            self.arrived.wait_for(lambda: number in self.answers, 60)
            return self.answers.pop(number).get("result", {})

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Ask again and again until the answer is true, and return it."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return answer


def ask(path: str, method: str = "GET") -> Any:
    """Ask Chromium for its tabs, or for a further one."""
    request = urllib.request.Request(f"http://127.0.0.1:{DEBUGGING}/json/{path}", method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def started() -> bool:
    """Tell whether Chromium answers."""
    try:
        return bool(ask("version"))
    except OSError:
        return False


def renderer(browser: int) -> int:
    """The process that has the page: the largest of Chromium's renderers."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"--type=renderer" in line and f"--remote-debugging-port={DEBUGGING}".encode() in line:
            found.append(int(folder.name))
    assert found, f"Chromium {browser} has no renderer"
    return max(found, key=lambda pid: memory(pid, "VmRSS"))


def write(logs: Path, pause: float, written: list[int], end: threading.Event) -> None:
    """Write a point of two tags, again and again, until the end."""
    writer, step = EventWriter(logs / "run/events.out.tfevents.1", wall_time=time.time()), 0
    while not end.wait(pause):
        writer.scalar("loss", step, time.time(), 1 / (step + 1))
        writer.scalar("accuracy", step, time.time(), step / 1e6)
        writer.flush()
        written[0] = step
        step += 1


def main() -> None:
    """Open the page, hide it, look at it each minute, freeze it for a while, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=90.0, help="behind the other tab; the middle third frozen")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two points")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        logs, end, written = Path(folder, "logs"), threading.Event(), [-1]
        (logs / "run").mkdir(parents=True)
        writing = threading.Thread(target=write, args=(logs, args.pause, written, end))
        writing.start()
        watch = subprocess.Popen(
            [sys.executable, "-m", "tbbridge", "watch", str(logs), "--port", str(PORT)], stdout=subprocess.DEVNULL
        )
        chromium = subprocess.Popen(
            [*CHROMIUM, f"--user-data-dir={folder}/chromium", f"--remote-debugging-port={DEBUGGING}", "about:blank"],
            stderr=subprocess.DEVNULL,
        )
        try:
            look(args.minutes, watch.pid, chromium.pid, written)
        finally:
            end.set()
            writing.join()
            chromium.terminate()
            chromium.wait()
            watch.send_signal(signal.SIGINT)
            watch.wait(60)
        (run_log,) = (path for path in tbbridge.export(logs, Path(folder, "fresh")) if path.name == "run.csv")
        assert Path(folder, "logs-csv/run.csv").read_bytes() == run_log.read_bytes()
    print("the run log equals a fresh export")


def look(minutes: float, server: int, browser: int, written: list[int]) -> None:
    """Hide the page, print a line each minute, show it and say how long it takes to have all points."""
    until(started)
    tab = Tab(ask("list")[0]["webSocketDebuggerUrl"])
    time.sleep(2)
    tab.call("Page.navigate", url=f"http://127.0.0.1:{PORT}/")
    until(lambda: tab.evaluate(LAST_STEP) >= 0)
    ask("new?about:blank", "PUT")  # the other tab comes to the front
    until(lambda: tab.evaluate("document.visibilityState") == "hidden")
    page, begun, minute, frozen = renderer(browser), time.monotonic(), 0, False
    print("minute  page       step  drawn  renderer MB  server MB  server CPU s  messages  bytes  opened  closed  fds")
    while (passed := (time.monotonic() - begun) / 60) < minutes:
        if frozen != (frozen := minutes / 3 <= passed < minutes * 2 / 3):
            tab.call("Page.setWebLifecycleState", state="frozen" if frozen else "active")
        if passed >= minute:
            minute += 1
            drawn, state = ("-", "frozen") if frozen else (tab.evaluate(LAST_STEP), "hidden")
            print(
                f"{passed:6.1f}  {state:6}{written[0]:9}{drawn:>7}{memory(page, 'VmRSS'):13.1f}"
                f"{memory(server, 'VmRSS'):11.1f}{processor(server):14.1f}{tab.messages:10}{tab.bytes:7}{tab.opened:8}"
                f"{tab.closed:8}{len(os.listdir(f'/proc/{server}/fd')):5}",
                flush=True,
            )
        time.sleep(1)
    hidden, known = tab.evaluate("document.visibilityState"), written[0]
    before, began = tab.evaluate(LAST_STEP), time.monotonic()
    tab.call("Page.bringToFront")
    until(lambda: tab.evaluate(LAST_STEP) >= known)
    took = time.monotonic() - began
    print(f"{hidden} with step {before}; shown: step {known} was drawn after {took:.2f} s")
    print(f"lines (points, largest distance of two): {tab.evaluate(GAP)}; errors in the page: {tab.errors}")
    for _ in range(3):
        newest = written[0] + 1
        until(lambda: tab.evaluate(LAST_STEP) >= newest)  # noqa: B023
    print(f"it goes on: step {newest} of {written[0]}; {tab.opened} connections opened, {tab.closed} closed")


if __name__ == "__main__":
    main()

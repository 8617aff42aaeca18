"""Many open pages on experiments that grow: what they cost, and how old what they and the run logs show is.

python benchmarks/pages.py 20 100         # 20, then 100 pages on ten experiments that grow by fifty points a second

A page is a websocket that answers as a browser does. Each must have every experiment's last point in the end, and the
run logs must equal an export, before a figure counts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect

import tbbridge
from tbbridge.write.events import EventWriter

RUNS = [f"run{number}" for number in range(10)]
PAUSE = 0.2
"""Seconds between two points of a run."""


class Growing:
    """Trainings that grow; when each of their points was flushed, and when it was seen."""

    def __init__(self, logs: Path, out: Path) -> None:
        self.out = out
        self.writers = {run: EventWriter(logs / run / "events.out.tfevents.1", wall_time=1000.0) for run in RUNS}
        self.flushed: dict[tuple[str, int], float] = {}
        self.in_csv: dict[tuple[str, int], float] = {}
        self.steps = 0

    async def grow(self, seconds: float) -> None:
        """Write a point of each run in turn."""
        due = time.monotonic()
        end = due + seconds
        while due < end:
            for run, writer in self.writers.items():
                writer.scalar("loss", self.steps, 1000.0 + self.steps, 1 / (1 + self.steps))
                writer.flush()
                self.flushed[run, self.steps] = time.monotonic()
                due += PAUSE / len(RUNS)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.steps += 1

    async def watch_run_logs(self) -> None:
        """Note when each point stands in its run log."""
        seen = dict.fromkeys(RUNS, -1)
        while True:
            for run in RUNS:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    last = int((self.out / f"{run}.csv").read_bytes().splitlines()[-1].split(b",")[0])
                    self.in_csv |= dict.fromkeys(
                        ((run, step) for step in range(seen[run] + 1, last + 1)), time.monotonic()
                    )
                    seen[run] = last
            await asyncio.sleep(0.01)


class OnePage:
    """A page that shows one run."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.opened = self.first = 0.0
        self.last = -1
        self.seen: dict[tuple[str, int], float] = {}

    async def stay(self, address: str) -> None:
        """Open it and take what comes."""
        self.opened = time.monotonic()
        async with connect(address, max_size=None, open_timeout=60) as link:
            await link.send(json.dumps({"want": {"experiment": [self.run], "updates": "Regular"}}))
            async for text in link:
                await link.send('{"drawn": 1}')
                self._take(json.loads(text))

    def _take(self, message: dict[str, Any]) -> None:
        now = time.monotonic()
        self.first = self.first or now
        last = max([self.last, *_steps(message)])
        self.seen |= dict.fromkeys(((self.run, step) for step in range(self.last + 1, last + 1)), now)
        self.last = last


def _steps(message: dict[str, Any]) -> Iterator[int]:
    traces = [trace for figure in message.get("figures", {}).values() for trace in figure["data"]]
    traces += [trace for traces in message.get("extend", {}).values() for trace in traces]
    for trace in traces:
        if isinstance(trace.get("x"), list) and trace["x"]:
            yield int(trace["x"][-1])


def processor(pid: int) -> float:
    """Seconds of the processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(count: int, seconds: float) -> None:
    """Open the pages while the runs grow, and print what they cost and how old everything was."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        logs, out = Path(folder, "logs"), Path(folder, "out")
        for run in RUNS:
            (logs / run).mkdir(parents=True)
        growing = Growing(logs, out)
        await growing.grow(4 * PAUSE)
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.close()
        command = [sys.executable, "-m", "tbbridge", "watch", str(logs), "--out", str(out), "--port", str(port)]
        watch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not all((out / f"{run}.csv").exists() for run in RUNS) or not _answers(port):
            await asyncio.sleep(0.1)
        pages = [OnePage(RUNS[number % len(RUNS)]) for number in range(count)]
        async with contextlib.AsyncExitStack() as stack:
            tasks = [asyncio.create_task(growing.watch_run_logs())]
            tasks += [asyncio.create_task(page.stay(f"ws://127.0.0.1:{port}/_tbbridge/live/")) for page in pages]
            stack.callback(lambda: [task.cancel() for task in tasks])
            await growing.grow(5)
            growing.flushed, before, began = {}, processor(watch.pid), time.monotonic()
            await growing.grow(seconds)
            share = (processor(watch.pid) - before) / (time.monotonic() - began)
            for _ in range(100):
                await asyncio.sleep(0.1 * any(page.last < growing.steps - 1 for page in pages))
            await asyncio.sleep(0.5)
        assert all(page.last == growing.steps - 1 for page in pages), "every page has the last point"
        watch.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(watch.wait, 60) == 0
        fresh = tbbridge.export(logs, Path(folder, "fresh"))
        assert all(path.read_bytes() == (out / path.name).read_bytes() for path in fresh), "published equals exported"
    drawn = [page.seen[point] - at for page in pages for point, at in growing.flushed.items() if point[0] == page.run]
    written = [growing.in_csv[point] - at for point, at in growing.flushed.items()]
    print(f"{count} pages: {100 * share:.0f} % of a core; load {os.getloadavg()[0]:.1f}")
    print(f"  first picture after at most {max(page.first - page.opened for page in pages):.2f} s")
    for what, ages in (("page", drawn), ("run log", written)):
        middle, most, all_of_them = np.percentile(ages, [50, 95, 100])
        print(f"  from the flush to the {what}: median {middle:.2f} s, 95 % {most:.2f} s, at most {all_of_them:.2f} s")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def main() -> None:
    """Measure with each number of pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=int, nargs="*", default=[20, 100])
    parser.add_argument("--seconds", type=float, default=20.0)
    args = parser.parse_args()
    for count in args.pages:
        asyncio.run(measure(count, args.seconds))


if __name__ == "__main__":
    main()

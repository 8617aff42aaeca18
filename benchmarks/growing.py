"""A page whose experiments grow by a row for each line of standard input: the server that `viewer.py` measures.

python benchmarks/growing.py ROWS [EXPERIMENTS]   # says its address; after each line its CPU seconds and memory in MB
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tbbridge import COLUMNS, ExperimentView, Points
from tbbridge.viewer import serve

WIDE = {f"last value {number}": number / 7 for number in range(20)}
"""The further columns of a summary, which has about twenty of four columns."""


class Growing:
    """A source in memory whose experiments grow without copying; `rows` rows of four columns to begin with."""

    title, tensorboard_url = "logs/", None

    def __init__(self, rows: int, count: int) -> None:
        self.places = {f"run{place}": place for place in range(count)}
        rng, room = np.random.default_rng(0), rows + 100_000
        self.n, self.last_write = rows, time.time()
        self.step, self.wall = np.arange(room, dtype=np.int64), 1.7e9 + np.arange(room, dtype=float)
        curve = np.exp(-np.arange(room) / rows * 4)
        noise = [rng.normal(0, 0.02, room) for _ in COLUMNS]
        levels = [0.97 - 0.87 * curve, 0.95 - 0.85 * curve, 0.1 + 2.2 * curve, 0.13 + 2.2 * curve]
        self.values = [(level + each).astype(np.float32) for level, each in zip(levels, noise, strict=True)]
        self.callbacks: list[Callable[[], None]] = []

    def names(self) -> list[str]:
        return list(self.places)

    def view(self, name: str) -> ExperimentView:
        n = self.n
        found = zip(COLUMNS, self.values, strict=True)
        columns = {column: Points(self.step[:n], self.wall[:n], values[:n]) for column, values in found}
        place = self.places[name]
        summary = {"hparam.lr": 10.0 ** -(place % 4), "best val accuracy": place % 977 / 977, **WIDE}
        return ExperimentView(name, 0, columns, summary=summary, last_write=self.last_write)

    def csv(self, name: str) -> bytes:
        return b""

    def status(self) -> list[str]:
        return []

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def grow(self) -> None:
        self.n, self.last_write = self.n + 1, time.time()
        for callback in self.callbacks:
            callback()


def main(rows: int, count: int = 1) -> None:
    """Serve, say the address, grow by a row for each line that says so."""
    source = Growing(rows, count)
    with serve(source, port=0) as handle:
        print(handle.url, flush=True)
        for line in sys.stdin:
            if line.strip() == "grow":
                source.grow()
            print(cpu_seconds(), memory(), flush=True)


def cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def memory() -> float:
    """This process's resident memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

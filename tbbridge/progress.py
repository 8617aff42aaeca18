"""A progress bar on standard error: only on a terminal, and only for what takes longer than a second."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

PATIENCE = 1.0
"""Seconds before a bar shows."""


@contextlib.contextmanager
def progress_bar(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[str, int, int], None] | None]:
    """Gives the function to be told of progress (what, done, total); None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar(clock)
    try:
        yield bar.tell
    finally:
        bar.stop()


class _Bar:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._bar: Any = None
        self._task: Any = None

    def tell(self, what: str, done: int, total: int) -> None:
        if self._bar is None:
            if self._clock() - self._began < PATIENCE:
                return
            self._start()
        self._bar.update(self._task, description=what, completed=done, total=total or None)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("")
        self._bar.start()

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

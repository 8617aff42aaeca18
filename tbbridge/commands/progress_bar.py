"""A progress bar on standard error: only on a terminal, and only for work that takes longer than a second."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

PATIENCE = 1.0
"""Seconds before a bar shows."""


@contextlib.contextmanager
def progress_bar(patience: float = PATIENCE) -> Iterator[Callable[[str, int, int], None] | None]:
    """Yield the function that shows progress (what, done, total; 0: not known); None where there is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    timer = threading.Timer(patience, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.tell
    finally:
        timer.cancel()
        bar.stop()


class _Bar:
    """The last message, and the bar that shows it once it is time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told = ("", 0, 0)
        self._bar: Any = None
        self._task: Any = None
        self._stopped = False

    def tell(self, what: str, done: int, total: int) -> None:
        with self._lock:
            self._told = (what, done, total)
            self._update()

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        with self._lock:
            if self._stopped:
                return
            self._bar = Progress(console=Console(file=sys.stderr), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._update()
            self._bar.start()

    def _update(self) -> None:
        if self._bar is not None:
            what, done, total = self._told
            self._bar.update(self._task, description=what, completed=done, total=total or None)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.stop()

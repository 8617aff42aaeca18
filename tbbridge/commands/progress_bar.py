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
    lock, last = threading.Lock(), ("", 0, 0)
    bar: Any = None
    """Rich's, once it is time; False when the work is done."""

    def show() -> None:
        nonlocal bar
        from rich.console import Console
        from rich.progress import Progress

        with lock:
            if bar is None:
                bar = Progress(console=Console(file=sys.stderr), transient=True)
                bar.add_task("", total=None)
                update()
                bar.start()

    def update() -> None:
        if bar:
            what, done, total = last
            bar.update(bar.task_ids[0], description=what, completed=done, total=total or None)

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        with lock:
            last = (what, done, total)
            update()

    timer = threading.Timer(patience, show)
    timer.daemon = True
    timer.start()
    try:
        yield tell
    finally:
        timer.cancel()
        with lock:
            shown, bar = bar, False
            if shown:
                shown.stop()

"""Work in threads: what has not begun when it is broken off is not done."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tbbridge.write.parallel import ordered_map


def test_what_has_not_begun_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while large files are read ends with those that are read at the moment."""
    called, let_go = list[int](), threading.Event()
    shutdown = ThreadPoolExecutor.shutdown

    def told(self: ThreadPoolExecutor, wait: bool = True, **options: Any) -> None:
        if options.get("cancel_futures"):
            shutdown(self, wait=False, cancel_futures=True)
            let_go.set()
        shutdown(self, wait=wait)

    def work(number: int) -> int:
        called.append(number)
        if number:
            let_go.wait(2)
        return number

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", told)
    results = ordered_map(work, range(10), 1)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert called in ([0], [0, 1])

"""Those who want to be told of every change."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Subscribers:
    """A list of callbacks that may be added, ended and called from any thread."""

    def __init__(self) -> None:
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._keys = itertools.count()
        self._lock = threading.Lock()

    def add(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Add a callback; returns the function that ends it."""
        key = next(self._keys)
        with self._lock:
            self._callbacks[key] = callback

        def end() -> None:
            with self._lock:
                self._callbacks.pop(key, None)

        return end

    def tell(self) -> None:
        """Call everyone; one that fails does not keep the others from hearing."""
        with self._lock:
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("a subscriber failed")

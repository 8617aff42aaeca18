"""Pages that come and go: what a browser asks of the live page, without the browser."""

from __future__ import annotations

import json
import random
import threading
import urllib.request
from collections.abc import Callable, Sequence

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ASKED = ("", "_dash-layout", "_dash-dependencies")
"""What a browser fetches before its websocket is open, below the page's address."""


def visit(url: str, experiment: str, seconds: float, over: Callable[[], bool] = lambda: False) -> int:
    """Open the page at `url`, show an experiment for some seconds, and go; returns the messages that came.

    over: ends the visit when it returns True.
    """
    for path in ASKED:
        with urllib.request.urlopen(url + path, timeout=60) as answer:
            answer.read()
    messages = 0
    with connect(f"ws{url.removeprefix('http')}_tbbridge/live/", open_timeout=60, max_size=None) as tab:
        tab.send(json.dumps({"want": {"experiment": [experiment]}}))
        rest = seconds
        while rest > 0 and not over():
            rest -= 0.5
            try:
                while True:
                    tab.recv(timeout=0.5)
                    messages += 1
                    tab.send('{"drawn": 1}')
            except TimeoutError:
                continue
            except ConnectionClosed:
                break
    return messages


class Visitors:
    """Threads that visit a page again and again, each for a while, until they are stopped.

    Args:
        url: the page's address.
        experiments: what they look at, one by chance.
        count: how many there are at a time.
        longest: the longest visit in seconds.
    """

    def __init__(self, url: str, experiments: Sequence[str], count: int, longest: float = 20.0) -> None:
        self.visits = 0
        """How many ended well."""
        self.failures: list[str] = []
        self._over = threading.Event()
        arguments = (url, experiments, longest)
        self._threads = [threading.Thread(target=self._come_and_go, args=arguments) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all visits."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come_and_go(self, url: str, experiments: Sequence[str], longest: float) -> None:
        while not self._over.is_set():
            try:
                visit(url, random.choice(experiments), random.uniform(0, longest), self._over.is_set)
                self.visits += 1
            except Exception as error:
                if self.visits:  # else the page is not served yet
                    self.failures.append(f"{type(error).__name__}: {error}")
                self._over.wait(1.0)

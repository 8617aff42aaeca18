"""Work on many runs in this process, or spread over a Dask cluster.

An engine maps a function over items and returns the results in the items' order, so that what is made of them is the
same bytes whichever engine did it. On a cluster the workers need tbbridge, and the log directory under the same path or
URL.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from tbbridge.core.errors import PathError, UsageError

In = TypeVar("In")
Out = TypeVar("Out")

TASKS_PER_WORKER = 8
"""Batches a worker gets: enough to even out runs of different lengths, few enough for a scheduler."""

LARGEST_BATCH = 64
"""Items a batch: what one worker may hold in memory at a time."""


TIMEOUT = 5
"""Seconds to wait for a cluster to answer."""


class Engine(Protocol):
    """Maps a function over items."""

    def map(self, function: Callable[[In], Out], items: Sequence[In]) -> Iterator[Out]:
        """The function's results, in the order of the items."""

    def close(self) -> None:
        """End the workers that were started, and the connections."""


def open_engine(text: str) -> Engine:
    """The engine that ``--engine`` names: ``threads``, ``dask`` or ``dask=ADDRESS``.

    Raises:
        UsageError: there is no such engine, or its package is not installed.
        PathError: its cluster cannot be reached.
    """
    name, equals, address = text.partition("=")
    if name not in ("threads", "dask") or (name == "threads" and equals):
        raise UsageError(f"unknown engine {text!r}: choose threads, dask or dask=ADDRESS")
    try:
        return Dask(address) if name == "dask" else Threads()
    except ImportError:
        raise UsageError("the engine dask is not installed: pip install distributed") from None


class Threads:
    """Threads of this process; decoding, sorting and writing numbers release Python's lock."""

    def map(self, function: Callable[[In], Out], items: Sequence[In]) -> Iterator[Out]:
        """See `Engine`."""
        from tbbridge.write.parallel import ordered_map

        return ordered_map(function, items)

    def close(self) -> None:
        """Nothing stays open."""


class Dask:
    """A Dask cluster: the one at `address` (or that Dask is configured for), else processes of this machine."""

    def __init__(self, address: str = "") -> None:
        from distributed import Client

        connect: Any = Client
        try:
            self._client = connect(address, timeout=TIMEOUT) if address else connect(dashboard_address=None)
        except OSError as error:
            raise PathError(f"cannot reach the Dask scheduler at {address}: {error}") from None

    def map(self, function: Callable[[In], Out], items: Sequence[In]) -> Iterator[Out]:
        """See `Engine`."""
        workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        batches = _batches(items, workers)
        futures = deque(self._client.map(partial(_each, function), batches, pure=False))
        while futures:  # a result may leave the cluster's memory as soon as it was taken
            yield from futures.popleft().result()

    def close(self) -> None:
        """Disconnect; processes that were started end."""
        self._client.close()


def _each(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    return [function(item) for item in items]


def _batches(items: Sequence[In], workers: int) -> list[Sequence[In]]:
    size = min(LARGEST_BATCH, max(1, len(items) // (TASKS_PER_WORKER * max(1, workers or os.cpu_count() or 1))))
    return [items[start : start + size] for start in range(0, len(items), size)]

"""Work on many runs in this process, or spread over a Dask cluster.

An engine maps a function over items and returns the results in the items' order, so that what is made of them is the
same bytes whichever engine did it. On a cluster the workers need tbbridge, and the log directory under the same path or
URL.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, TypeVar

from tbbridge.core.errors import PathError, UsageError
from tbbridge.write.parallel import ordered_map

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

    def __call__(self, function: Callable[[In], Out], items: Sequence[In], /) -> Iterator[Out]:
        """The function's results, in the order of the items."""


@contextmanager
def open_engine(text: str) -> Iterator[Engine]:
    """The engine that ``--engine`` names, until the block ends: ``threads``, ``dask`` or ``dask=ADDRESS``.

    Threads are this process's: decoding, sorting and writing numbers release Python's lock. Dask is the cluster at the
    address (or that Dask is configured for), else processes of this machine, which end with the block.

    Raises:
        UsageError: there is no such engine, or its package is not installed.
        PathError: its cluster cannot be reached.
    """
    name, equals, address = text.partition("=")
    if name not in ("threads", "dask") or (name == "threads" and equals):
        raise UsageError(f"unknown engine {text!r}: choose threads, dask or dask=ADDRESS")
    if name == "threads":
        yield ordered_map
        return
    try:
        from distributed import Client
    except ImportError:
        raise UsageError("the engine dask is not installed: pip install distributed") from None
    connect: Any = Client
    try:
        client = connect(address, timeout=TIMEOUT) if address else connect(dashboard_address=None)
    except OSError as error:
        raise PathError(f"cannot reach the Dask scheduler at {address}: {error}") from None

    def spread(function: Callable[[In], Out], items: Sequence[In], /) -> Iterator[Out]:
        workers = len(client.scheduler_info(n_workers=-1)["workers"]) or os.cpu_count() or 1
        size = min(LARGEST_BATCH, max(1, len(items) // (TASKS_PER_WORKER * workers)))
        batches = [items[start : start + size] for start in range(0, len(items), size)]
        each = partial(_each, function)  # Dask until 2024 takes a tuple that begins with a function for a task
        futures = deque(client.map(each, batches, pure=False))
        while futures:  # a result may leave the cluster's memory as soon as it was taken
            yield from futures.popleft().result()

    with client:
        yield spread


def _each(function: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
    return [function(item) for item in items]

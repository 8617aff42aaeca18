"""New rows as they come, for a program: early stopping, alerts, a progress bar of one's own.

with tbbridge.follow("logs/") as updates:
    for update in updates:
        for row in update.rows:
            print(update.experiment, row["step"], row["val accuracy"])

async for update in tbbridge.follow("logs/"): ...
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tbbridge.core.model import ExperimentView, Int64, Points
from tbbridge.following.bridge import FIRST_READING, POLL_INTERVAL, Bridge
from tbbridge.shape.condition import timeout_seconds
from tbbridge.shape.gap import decimals
from tbbridge.shape.mapping.mapping import MappingOptions

Row = dict[str, Any]
"""``step`` (int) and one value per column: None where nothing is logged, else a float; a float32 value is the shortest
decimal that reads back to it (0.1, not 0.10000000149)."""


@dataclass(frozen=True)
class Update:
    """The news of one experiment."""

    experiment: str
    columns: Mapping[str, Points]
    """All points of the run log's columns, as they are now."""
    steps: Int64
    """The steps of the rows that are new or got new cells, ascending."""
    rebuilt: bool = False
    """True when the past changed (a restart, a replaced file): `steps` are then all; earlier rows are void."""

    @property
    def rows(self) -> list[Row]:
        """The rows that are new or got new cells, as they are now."""
        cells = {name: _cells(points, self.steps) for name, points in self.columns.items()}
        names = list(cells)
        return [
            {"step": step, **dict(zip(names, values, strict=True))}
            for step, *values in zip(self.steps.tolist(), *cells.values(), strict=True)
        ]


def follow(
    logdir: str | os.PathLike[str],
    *,
    options: MappingOptions | None = None,
    poll_interval: float = POLL_INTERVAL,
    follow_links: bool = False,
    timeout: float | str | None = None,
) -> Follow:
    """Follow a log directory: an iterator, and an asynchronous iterator, of `Update`.

    It begins with what is there already, one update per experiment, and ends when it is closed. Nothing is published.

    Args:
        logdir: the log directory; it may appear later.
        options, poll_interval, follow_links: as for `tbbridge.Bridge`.
        timeout: seconds without news after which it ends, or a text such as ``8h``; None to wait for ever. The first
            reading is no silence.

    Raises:
        UsageError: `timeout` is no duration.
        PathError: `logdir` is neither a directory nor an event file.
    """
    seconds = timeout_seconds(timeout)
    bridge = Bridge(logdir, publish=False, options=options, poll_interval=poll_interval, follow_links=follow_links)
    return Follow(bridge.start(), seconds)


@dataclass
class _News:
    """Carries updates from the follower's thread to the iterator's; holds no reference to the iterator."""

    arrived: threading.Event = field(default_factory=threading.Event)
    wakers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)

    def tell(self) -> None:
        self.arrived.set()
        for loop, event in list(self.wakers):
            loop.call_soon_threadsafe(event.set)


class Follow:
    """The updates of a log directory; see `follow`. Closing it (or forgetting it) ends every thread."""

    def __init__(self, bridge: Bridge, timeout: float | None = None) -> None:
        self._bridge = bridge
        self._timeout = timeout
        self._news = _News()
        self._seen: dict[str, ExperimentView] = {}
        self._ready: deque[Update] = deque()
        self._closed = self._awaited = False
        self._end = bridge.subscribe(self._news.tell)
        self._finalizer = weakref.finalize(self, _close, bridge, self._end)
        self._news.tell()

    def __iter__(self) -> Follow:
        return self

    def __next__(self) -> Update:
        while not self._closed:
            if update := self._next():
                return update
            if not self._news.arrived.wait(self._timeout):
                if self._awaited:
                    break
                self._await_reading()
        raise StopIteration

    def __aiter__(self) -> Follow:
        return self

    async def __anext__(self) -> Update:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        waker = (loop, event)
        self._news.wakers.add(waker)
        try:
            while not self._closed:
                if update := self._next():
                    return update
                try:
                    await asyncio.wait_for(event.wait(), self._timeout)
                except asyncio.TimeoutError:
                    if self._awaited:
                        break
                    await asyncio.to_thread(self._await_reading)
                event.clear()
        finally:
            self._news.wakers.discard(waker)
        raise StopAsyncIteration

    def close(self) -> None:
        """End following, and every thread of it. An iteration that waits in another thread ends."""
        self._closed = True
        self._finalizer()
        self._news.tell()

    def __enter__(self) -> Follow:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Follow:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _await_reading(self) -> None:
        """Wait once until what was there at the start is read."""
        self._bridge.wait_until_read(FIRST_READING)
        self._awaited = True

    def _next(self) -> Update | None:
        """The next update that is there, if one is."""
        if not self._ready:
            self._news.arrived.clear()
            for name in self._bridge.names():
                view = self._bridge.view(name)
                if view is not None and (update := update_from(self._seen.get(name), view)):
                    self._seen[name] = view
                    self._ready.append(update)
        return self._ready.popleft() if self._ready else None


def _close(bridge: Bridge, end: Any) -> None:
    end()
    bridge.close()


def update_from(old: ExperimentView | None, new: ExperimentView) -> Update | None:
    """The news in `new`; None when there are none."""
    rebuilt = old is not None and old.generation != new.generation
    if old is None or rebuilt:
        steps = _union(list(new.columns.values()))
        return Update(new.name, new.columns, steps, rebuilt) if len(steps) or rebuilt else None
    news = []
    for name, points in new.columns.items():
        known = len(old.columns[name].step)
        news.append(Points(points.step[known:], points.wall_time[known:], points.value[known:]))
    steps = _union(news)
    return Update(new.name, new.columns, steps) if len(steps) else None


def _union(columns: list[Points]) -> Int64:
    return np.unique(np.concatenate([np.empty(0, np.int64), *(points.step for points in columns)]))


def _cells(points: Points, steps: Int64) -> list[float | None]:
    """The values at these steps; None where there is none. Both ascend."""
    if not len(points.step):
        return [None] * len(steps)
    at = np.minimum(np.searchsorted(points.step, steps), len(points.step) - 1)
    there = points.step[at] == steps
    values = decimals(points.value[at]).tolist()
    return [value if here else None for value, here in zip(values, there.tolist(), strict=True)]

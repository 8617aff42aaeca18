"""Decides which files to publish, and when: at once where it is cheap, never more than a twentieth of the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tbbridge.core.errors import PublishError
from tbbridge.write.names import SUMMARY
from tbbridge.write.publish import Publisher

log = logging.getLogger(__name__)

SPACING, SUMMARY_SPACING = 20.0, 200.0
"""A file is published again at the soonest after this many times the processor time that its last publishing took, so
that it takes no more than about 5 % of a core; and the summary, which changes whenever any run grows, 0.5 %. The first
summary does not count: it computes every row, and the next only the new."""

MANY, THREADS = 8, 8
"""From this many files on they are written by this many threads: each waits for the disk, hardly for the processor."""

RETRY_FIRST, RETRY_LAST = 0.5, 5.0
"""Seconds between attempts at a file that could not be written: doubled from the first to the last."""


@dataclass(slots=True)
class _Entry:
    not_before: float = 0.0
    retry_after: float = RETRY_FIRST
    problem: str = ""
    sent: bool = False
    """It was published before."""


class Outbox:
    """Publishes the files that changed, in their time; a file that cannot be written is tried again.

    Args:
        publisher: where the files go.
        render: the bytes of a file, by name and by the bytes that are published (None: not known).
        clock: monotonic seconds.
    """

    def __init__(
        self,
        publisher: Publisher,
        render: Callable[[str, bytes | None], bytes | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._render = render
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._waiting: dict[str, _Entry] = {}
        """The entries that changed: all others cost nothing."""

    @property
    def problems(self) -> list[str]:
        """Return messages about files that could not be written at the last attempt. Any thread may ask."""
        return [entry.problem for entry in list(self._waiting.values()) if entry.problem]

    def put(self, names: Collection[str]) -> None:
        """These files changed."""
        for name in names:
            self._waiting[name] = self._entries.setdefault(name, _Entry())

    def notice_others(self) -> list[str]:
        """Put the files that another process edited, replaced or deleted; returns their names.

        A file that was never put here stays as it is: its experiment is gone, and nothing can make it again.
        """
        edited = self._publisher.changed_by_others()
        names = [name for name in edited if name in self._entries and name not in self._waiting]
        self.put(names)
        return names

    def may_begin(self, name: str) -> bool:
        """Whether a part of a file may be published: no whole one of an earlier process would be replaced by it."""
        return name in self._entries or not self._publisher.path(name).exists()

    def is_free(self, name: str) -> bool:
        """Whether a file that changes now is published by the next `send`."""
        return name in self._entries and self._entries[name].not_before <= self._clock()

    def due(self) -> float | None:
        """When `send` has something to do, by the clock; None while nothing waits."""
        return min((entry.not_before for entry in self._waiting.values()), default=None)

    def send(self, *, everything: bool = False) -> list[str]:
        """Publish the due files, or `everything` that changed; return the names of those that are up to date now."""
        now = self._clock()
        waiting = [name for name, one in self._waiting.items() if everything or one.not_before <= now]
        if len(waiting) < MANY:
            return [name for name in waiting if self._send(name)]
        with ThreadPoolExecutor(THREADS) as pool:
            return [name for name, sent in zip(waiting, pool.map(self._send, waiting), strict=True) if sent]

    def remove(self, name: str) -> None:
        """Remove a published file.

        Raises:
            PublishError: it could not be removed now.
        """
        self._publisher.remove(name)
        self._entries.pop(name, None)
        self._waiting.pop(name, None)

    def _send(self, name: str) -> bool:
        entry = self._entries[name]
        began = time.thread_time()
        try:
            data = self._render(name, None if name == SUMMARY else self._publisher.published(name))
            if data is not None:
                self._publisher.publish(name, data)
        except PublishError as error:
            return self._failed(entry, error.message)
        except Exception as error:  # a bug: it must not stop the others
            log.exception("publishing %s failed", name)
            return self._failed(entry, f"cannot write {name}: {type(error).__name__}: {error}")
        entry.problem, entry.retry_after = "", RETRY_FIRST
        self._waiting.pop(name, None)
        spacing = SPACING if name != SUMMARY else SUMMARY_SPACING if entry.sent else 0.0
        entry.sent = True
        entry.not_before = self._clock() + spacing * (time.thread_time() - began)
        return True

    def _failed(self, entry: _Entry, problem: str) -> bool:
        entry.problem = problem
        entry.not_before = self._clock() + entry.retry_after
        entry.retry_after = min(2 * entry.retry_after, RETRY_LAST)
        return False

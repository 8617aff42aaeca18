"""Decides which files to publish, and when: at once where it is cheap, never more than a twentieth of the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tbbridge.core.errors import PublishError
from tbbridge.write.names import SUMMARY
from tbbridge.write.parallel import WRITERS, ordered_map, small_files_at_once
from tbbridge.write.publish import Publisher

log = logging.getLogger(__name__)

SPACING, SUMMARY_SPACING = 20.0, 400.0
"""A file is published again at the soonest after this many times the processor time that its last publishing took, so
that it takes no more than about 5 % of a core; and the summary, which changes whenever any run grows, 0.25 %. The first
summary does not count: it computes every row, and the next only the new."""

MOST_BYTES = 1 << 20
"""Bytes of texts that are made before they are written, the last text aside."""

FEW = 8
"""Files that one thread writes together however few there are."""

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
        self._publisher.expect(names)
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
        texts: dict[str, bytes] = {}
        costs: dict[str, float] = {}
        sent: list[str] = []
        held = 0
        for name in waiting:
            began = time.thread_time()
            try:
                data = self._render(name, None if name == SUMMARY else self._publisher.published(name))
            except Exception as error:  # a bug: it must not stop the others
                self._fail(name, error)
                continue
            costs[name] = time.thread_time() - began
            if data is None:
                sent.append(self._done(name, costs[name]))
                continue
            texts[name] = data
            held += len(data)
            if held > MOST_BYTES:
                sent += self._write(texts, costs)
                texts, held = {}, 0
        return sent + self._write(texts, costs)

    def remove(self, name: str) -> None:
        """Remove a published file.

        Raises:
            PublishError: it could not be removed now.
        """
        self._publisher.remove(name)
        self.leave(name)

    def leave(self, name: str) -> None:
        """Let a file be as it is, whatever becomes of it: nothing can make it again."""
        self._entries.pop(name, None)
        self._waiting.pop(name, None)

    def _write(self, texts: Mapping[str, bytes], costs: Mapping[str, float]) -> list[str]:
        """Publish files, several at a time; return the names of those that were written.

        Their texts are made before: Python works for one thread at a time, and a writer that came back from the disk
        would wait for it after each call.
        """
        size = min(small_files_at_once(), max(FEW, -(-len(texts) // WRITERS)))
        groups = [list(texts)[start : start + size] for start in range(0, len(texts), size)]
        done = ordered_map(lambda group: self._publish({name: texts[name] for name in group}, costs), groups, WRITERS)
        return [name for names in done for name in names]

    def _publish(self, texts: Mapping[str, bytes], costs: Mapping[str, float]) -> list[str]:
        """Publish files together, which took `costs` before; return the names of those that were written."""
        began = time.thread_time()
        results: Mapping[str, Path | Exception]
        try:
            results = self._publisher.publish_all(texts)
        except Exception as error:  # a bug, or the lock is another's now
            results = dict.fromkeys(texts, error)
        each = (time.thread_time() - began) / len(texts)
        failed = {name: result for name, result in results.items() if isinstance(result, Exception)}
        for name, reason in failed.items():
            self._fail(name, reason)
        return [self._done(name, costs[name] + each) for name in texts if name not in failed]

    def _done(self, name: str, cost: float) -> str:
        """A file is up to date, which took `cost` seconds of the processor; returns its name."""
        entry = self._entries[name]
        entry.problem, entry.retry_after = "", RETRY_FIRST
        self._waiting.pop(name, None)
        spacing = SPACING if name != SUMMARY else SUMMARY_SPACING if entry.sent else 0.0
        entry.sent = True
        entry.not_before = self._clock() + spacing * cost
        return name

    def _fail(self, name: str, error: Exception) -> None:
        entry = self._entries[name]
        if isinstance(error, PublishError):
            entry.problem = error.message
        else:
            log.error("publishing %s failed", name, exc_info=error)
            entry.problem = f"cannot write {name}: {type(error).__name__}: {error}"
        entry.not_before = self._clock() + entry.retry_after
        entry.retry_after = min(2 * entry.retry_after, RETRY_LAST)

"""Following step by step: each step is called, nothing here waits, so that tests can script the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from tbbridge.core.errors import PublishError
from tbbridge.core.growing_column import GrowingColumn
from tbbridge.core.memory import collector_paused, give_back
from tbbridge.following.conditions import Fulfilments
from tbbridge.following.tables import Tables
from tbbridge.reading.first_texts import FirstTexts
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.reading.summary import SummaryCsv
from tbbridge.shape.condition import Condition
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.tail.storage import is_url, without_password
from tbbridge.write.names import SUFFIX, SUMMARY, WIDE
from tbbridge.write.outbox import Outbox
from tbbridge.write.publish import Publisher
from tbbridge.write.run_log_csv import header_line

TOLD_FOR = 60.0
"""The time that the message stays which says that another process changed a published file, in seconds."""

TIDY, TIDY_BYTES = 60.0, 2 << 20
"""Freed memory is given back to the system after so many seconds, and when columns have let go of so many bytes.

Runs of one pace outgrow their columns in the same second, all of them, and that was a tenth of the process's memory.
"""

PROGRESS = 3.0
"""Seconds after which experiments that are still read for the first time are shown as far as they are read."""

PROOF, LAST_PROOF = 0.004, 1.0
"""Seconds of the processor for reading again bytes that were read while they grew: at a time, and at the end."""

PROOF_SHARE = 0.002
"""At most this share of a core goes into that."""


class Follower:
    """Keeps the run logs of a log directory up to date, in memory and published.

    Args:
        root: the log directory; it may appear later.
        publisher: where the run logs are published; None to keep them in memory only.
        header: whether run logs begin with a line of column names.
        summary: whether the summary of all experiments is published, too.
        options: how series are mapped to columns.
        follow_links: follow links to directories.
        prune: remove a published run log when its event files are gone.
        layouts: the tables per experiment: ``compact`` (the run log), ``wide`` (a column per tag), or both.
        conditions: what `fulfilments` looks out for.
        clock: monotonic seconds.

    Attributes:
        logs: the event files as read so far.
        tables: the run logs as they are now.
        fulfilments: which experiments fulfil which conditions now.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        publisher: Publisher | None = None,
        *,
        header: bool = True,
        summary: bool = True,
        options: MappingOptions | None = None,
        follow_links: bool = False,
        prune: bool = False,
        layouts: Sequence[str] = ("compact",),
        conditions: Sequence[Condition] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.logs = LogDirectory(root, follow_links=follow_links)
        self._texts = FirstTexts() if publisher and "compact" in layouts else None
        self.tables = Tables(self.logs, options, clock, self._settles, self._texts)
        self.fulfilments = Fulfilments(conditions, self.tables, self.logs, clock)
        self._outbox = Outbox(publisher, self._content, clock) if publisher else None
        self._layouts = tuple(layouts)
        self._header = header
        self._summary = SummaryCsv() if summary else None
        self._prune = prune
        self._clock = clock
        self._progress_at: float | None = None
        self._unread: list[str] = []
        self._nothing: list[str] = []
        self._edited: dict[str, float] = {}
        self._prune_problems: list[str] = []
        self._prove_at = self._tidy_at = 0.0
        self._gone: set[str] = set()

    @collector_paused()
    def poll(self) -> set[str]:
        """Look at everything; return the experiments that changed."""
        changed = self._pass_on(self.tables.update(self.logs.sweep() | self._proved()))
        self._notice_others()
        return changed

    def poll_in_parts(self) -> Iterator[set[str]]:
        """`poll` in small parts, between which there may be glances; yields what changed in each."""
        for changed in self.logs.sweep_in_parts():
            yield self._pass_on(self.tables.update(changed)) if changed else set()
        yield self._pass_on(self.tables.update(self._proved()))
        self._notice_others()

    @collector_paused()
    def glance(self, paths: Collection[str] = ()) -> set[str]:
        """Look where something is said to have happened, and read on where there is more; see `poll`."""
        changed = self.logs.glance(paths)
        return self._pass_on(self.tables.update(changed | self.logs.resume() | self._progress()))

    @collector_paused()
    def publish(self) -> None:
        """Publish the files that are due."""
        if self._outbox:
            self._send()
        if (self._clock() >= self._tidy_at or GrowingColumn.freed > TIDY_BYTES) and not self.logs.unfinished:
            GrowingColumn.freed = 0
            self._tidy_at = self._clock() + TIDY
            give_back()

    def finish(self, patience: float = 10.0) -> None:
        """Bring everything up to date, and publish it; reading for that takes at most about `patience` seconds."""
        deadline = self._clock() + patience
        self.poll()
        self._pass_on(self.tables.update(self.logs.prove(LAST_PROOF)))
        while self._outbox and self.logs.unfinished and self._clock() < deadline:
            self.glance()
        if self.logs.unfinished:
            self._unread = self.tables.owners(self.logs.run_of(path) for path in self.logs.unfinished)
            self._pass_on(self.tables.update(self.logs.partly_read()))
        if self._outbox:
            self._send(everything=True)

    def due(self) -> float | None:
        """When there is something to do without news, by the clock; None when there is not."""
        moments = [self._outbox.due() if self._outbox else None, self.tables.due(), self.fulfilments.due()]
        if self.logs.unfinished:
            return self._clock()
        return min((moment for moment in moments if moment is not None), default=None)

    def csv(self, name: str) -> bytes | None:
        """The run log of an experiment as CSV bytes; None when there is no such experiment."""
        table = self.tables.by_name.get(name)
        return table.csv(self._header) if table else None

    def _send(self, *, everything: bool = False) -> None:
        assert self._outbox
        sent = [file for file in self._outbox.send(everything=everything) if self._is_run_log(file)]
        self.fulfilments.look(sent)  # they were mapped again
        for name in sent:
            if name in self.tables.by_name:
                self.tables.by_name[name].unpublished = None

    def files(self, name: str) -> list[str]:
        """The names under which an experiment's tables are published; a run log takes a name before a wide table."""
        return [
            name if layout == "compact" else name + WIDE
            for layout in self._layouts
            if layout == "compact" or not self._is_run_log(name + WIDE)
        ]

    def _is_run_log(self, file: str) -> bool:
        return "compact" in self._layouts and file in self.tables.by_name

    def _content(self, name: str, published: bytes | None) -> bytes | None:
        """The CSV of a table; of a run log as it would be mapped at once, so that it equals an export's."""
        if self._summary and name == SUMMARY:
            rows, tables = self.tables.summary(), list(self.tables.by_name.values())
            return self._summary.text(rows) if rows or all(table.gone for table in tables) else None
        if not self._is_run_log(name):
            return self.tables.wide(name.removesuffix(WIDE), header=self._header)
        self.tables.settle(name)
        table = self.tables.by_name.get(name)
        first = self._texts.take(name) if self._texts else None
        if table and first:
            table.row = first.summary
            return (header_line(table.experiment.feeds) if self._header else b"") + first.rows
        return table.csv(self._header, published) if table else None

    def problems(self) -> list[str]:
        """Return messages about problems of the whole; empty when all is well."""
        lines = [f"waiting for {without_password(self.logs.root)}: it does not exist yet"] if self.logs.missing else []
        lines += self._nothing
        if self.logs.unfinished:
            lines.append(f"reading {len(self.logs.unfinished)} large files")
        lines += self.logs.problems + self.logs.notes + self.tables.problems + self._prune_problems
        lines += self.fulfilments.problems()
        if self._outbox:
            lines += self._outbox.problems + self._hidden()
            lines += [
                f"{name}: another process changed its file, which was written again" for name in list(self._edited)
            ]
        return lines

    def _hidden(self) -> list[str]:
        if len(self._layouts) < 2:
            return []
        names = list(self.tables.by_name)
        hidden = [name for name in names if name + WIDE in self.tables.by_name]
        return [f"{name}: no wide table is written, since an experiment is called {name}{WIDE}" for name in hidden]

    def unpublished(self) -> list[str]:
        """Messages about tables that could not be published at the last attempt, or not as a whole."""
        unread = [f"{name}: its event files were not read to their end" for name in self._unread if self._outbox]
        return unread + (self._outbox.problems if self._outbox else [])

    def _pass_on(self, changed: set[str]) -> set[str]:
        """Put changed tables into the outbox; drop renamed ones, and with `prune` those that are gone."""
        tables = self.tables.by_name
        empty = not (tables or self.logs.runs or self.logs.missing or is_url(self.logs.root))
        self._nothing = nothing_there(self.logs.root) if empty else []
        gone = {name for name in changed if tables[name].gone}
        self._gone = {name for name in self._gone | gone if name in tables and tables[name].gone}
        if self._outbox:
            names = sorted(changed - gone)  # neighbours lie in one directory
            ready = [name for name in names if self._is_ready(self.files(name), tables[name].experiment.runs)]
            self._outbox.put([file for name in ready for file in self.files(name)])
            for file in [file for name in gone for file in self.files(name) if not self._is_run_log(file)]:
                self._outbox.leave(file)
            if changed and self._summary and self._is_ready([SUMMARY], self.logs.runs):
                self._outbox.put([SUMMARY])
        dropped = [name for name in self._gone if self._prune or self._is_renamed(name)] if changed else []
        if dropped:
            self._prune_problems = [line for name in dropped if (line := self._let_go(name))]
        self.fulfilments.look(changed)
        return changed

    def _settles(self, name: str) -> bool:
        """Whether an experiment that changed is published next, and mapped again for it; conditions look before."""
        if not self._outbox or self.fulfilments.conditions or self.logs.reading:
            return False
        return self._is_run_log(name) and self._outbox.is_free(name)

    def _is_ready(self, files: Iterable[str], runs: Iterable[str]) -> bool:
        """Whether files of these runs may be published: they are read, or a part of it would replace nothing."""
        assert self._outbox
        reading = self.logs.reading and self.logs.reading.intersection(runs)
        return not reading or (reading <= self.logs.partly and all(map(self._outbox.may_begin, files)))

    def _progress(self) -> set[str]:
        """The runs that are to be shown as far as they are read."""
        now = self._clock()
        if not self.logs.reading:
            self._progress_at = None
        elif self._progress_at is None:
            self._progress_at = now + PROGRESS
        elif now >= self._progress_at:
            self._progress_at = now + PROGRESS
            return self.logs.partly_read()
        return set()

    def _notice_others(self) -> None:
        if self._outbox:
            now = self._clock()
            self._edited = {name: at for name, at in self._edited.items() if now - at < TOLD_FOR}
            self._edited |= dict.fromkeys(self._outbox.notice_others(), now)

    def _proved(self) -> set[str]:
        """Read again, in time, some bytes that were read while they grew; return the runs that had changed."""
        if self._clock() < self._prove_at:
            return set()
        began = time.thread_time()
        changed = self.logs.prove(PROOF)
        self._prove_at = self._clock() + (time.thread_time() - began) / PROOF_SHARE
        return changed

    def _is_renamed(self, name: str) -> bool:
        """Whether all runs of an experiment that is gone are there, or there again: they are mapped again."""
        return self.logs.runs.keys() >= set(self.tables.by_name[name].experiment.runs)

    def _let_go(self, name: str) -> str:
        files = self.files(name)
        self.tables.forget(name)
        try:
            if self._outbox:
                for file in files:
                    self._outbox.remove(file)
        except PublishError as error:
            return error.message
        return ""


def nothing_there(root: str) -> list[str]:
    """Return a message about a log directory on this machine that holds no event file: what to do."""
    try:
        with os.scandir(root) as entries:
            run_logs = any(entry.name.endswith(SUFFIX) for entry in entries)
    except OSError:
        return []  # a directory that cannot be listed is a message already
    if run_logs:
        return [
            f"{root} holds no event files, but CSV files: tbbridge view shows run logs; watch takes the log directory"
        ]
    return [f"waiting for event files: {root} holds none yet; is it the directory that the training writes into?"]

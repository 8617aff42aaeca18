"""The story for as long as a training runs: `Bridge` follows a log directory, publishes, and is a viewer's source.

One thread does all the work: wait for news, look where they came from (or everywhere, every few seconds: a poll finds
what no notification told), publish what is due, tell those who subscribed.
"""

from __future__ import annotations

import atexit
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tbbridge.core.errors import PathError
from tbbridge.core.model import ExperimentView
from tbbridge.following.conditions import Noticed
from tbbridge.following.follower import Follower
from tbbridge.following.silence import quiet_note
from tbbridge.following.subscribers import Subscribers
from tbbridge.following.tables import ExperimentTable
from tbbridge.reading.reading import default_out, root_name
from tbbridge.shape.condition import Condition
from tbbridge.shape.mapping.mapping import MappingOptions
from tbbridge.shape.series import natural_key
from tbbridge.tail.storage import is_on_host, is_url, open_storage
from tbbridge.tail.watch import Watcher, poll_seconds
from tbbridge.write.publish import Publisher

log = logging.getLogger(__name__)

POLL_INTERVAL = 2.0
"""Seconds between polls, unless they cost too much."""

FIRST_READING = 10.0
"""Seconds that the first reading may take where a caller's timeout is shorter: what is there at the start counts."""

SHARE_NOTIFIED, SHARE_ALONE = 0.005, 0.1
"""About this share of a core goes into polls that back up notifications, or that are all there is; a store makes us
wait for its answers: of the time."""

SHARE_HOST = 0.5
"""The same for a machine that is reached over SSH, where a request costs no money."""

LONGEST_NOTIFIED, LONGEST_ALONE = 300.0, 30.0
"""Seconds between polls that back up notifications, or that are all there is, however much they cost."""

MISSING_INTERVAL = 0.5
"""Seconds between looks for a log directory that does not exist yet: one stat each."""

PART_SECONDS = 0.004
"""Seconds of the processor for one part of a poll that backs up notifications: news waits for it that long at most."""

REST = 3.0
"""After a look the follower rests this many times as long as it took: it shares the machine with the training."""

QUIET_AFTER = 15.0
"""Seconds of silence before a note says what the writer may keep back."""

INCOMPLETE = "incomplete: its event files are still being read"

STALLED_AFTER, STALLED_PAUSES = 150.0, 3.0
"""An experiment is called stalled after this many seconds of silence, and this many times its longest pause so far."""

RESTART_FIRST, RESTART_LAST = 0.5, 30.0
"""Seconds before the follower starts again after a bug stopped it: doubled from the first to the last."""


class Bridge:
    """Follows a log directory in a thread of its own; a `tbbridge.Source` for viewers.

    Args:
        logdir: the log directory; it may appear later.
        out: where run logs are published; `tbbridge.reading.reading.default_out` when None.
        publish: False to write nothing.
        header: whether run logs begin with a line of column names.
        summary: whether ``summary.csv`` is published beside them.
        options: how series are mapped to columns.
        poll_interval: seconds between polls, which back notifications up.
        notify: False to rely on polls alone.
        follow_links: follow links to directories.
        prune: remove a published run log when its event files are gone.
        layouts: the tables per experiment: ``compact`` (the run log), ``wide`` (a column per tag), or both.
        conditions: what `noticed` tells of.

    Raises:
        UsageError: `poll_interval` is no number above 0.
        PathError: `logdir` is neither a directory nor an event file, or `out` cannot be written.
        LockedError: another tbbridge publishes into `out`.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        out: str | os.PathLike[str] | None = None,
        *,
        publish: bool = True,
        header: bool = True,
        summary: bool = True,
        options: MappingOptions | None = None,
        poll_interval: float = POLL_INTERVAL,
        notify: bool = True,
        follow_links: bool = False,
        prune: bool = False,
        layouts: Sequence[str] = ("compact",),
        conditions: Sequence[Condition] = (),
    ) -> None:
        open_storage(logdir).check()
        if out is not None and not os.fspath(out):
            raise PathError("--out has no name: give the directory for the run logs")
        if publish and os.path.isfile(logdir):
            if out is None:
                raise PathError(f"{logdir} is one event file: give its log directory, or another place with --out")
            keep_out: str | os.PathLike[str] = os.path.dirname(os.path.abspath(logdir))
        else:
            keep_out = logdir
        self.title = root_name(logdir)
        self.tensorboard_url: str | None = None
        self.ended: Callable[[str], bool] = lambda name: False
        """Whether the writer of an experiment says that it came to its end; any thread may ask."""
        self.conditions = tuple(conditions)
        self.logdir = os.fspath(logdir) if is_url(logdir) else os.path.abspath(logdir)
        self.out = Path(out) if out is not None else default_out(logdir)
        self._poll_interval = poll_seconds(poll_interval)
        self._follow_links = follow_links
        self._publisher = Publisher(self.out, keep_out=keep_out) if publish else None
        self._new_follower = partial(
            Follower,
            logdir,
            self._publisher,
            header=header,
            summary=summary,
            options=options,
            follow_links=follow_links,
            prune=prune,
            layouts=layouts,
            conditions=conditions,
        )
        self._follower = self._new_follower()
        self._watcher = Watcher(os.path.abspath(logdir), notify=notify and not is_url(logdir))
        self._subscribers = Subscribers()
        self._stopping = threading.Event()
        self._caught_up = threading.Event()
        self._died = ""
        self._failed: list[str] = []
        self._said: list[str] = []
        self._poll_at = 0.0
        self._poll_cost = 0.0
        self._parts: Iterator[set[str]] | None = None
        self._parts_cost = 0.0
        self._thread = threading.Thread(target=self._run, name="tbbridge follower", daemon=True)

    # --- the viewer's side: any thread ---

    def names(self) -> list[str]:
        """The experiments, in natural order."""
        tables = list(self._follower.tables.by_name.items())
        return sorted((name for name, table in tables if table.generation), key=natural_key)

    def latest(self, most: int) -> tuple[list[str], int]:
        """The `most` experiments written to last, the last first (all: in natural order); how many there are."""
        tables = [one for one in list(self._follower.tables.by_name.items()) if one[1].generation]
        if len(tables) <= most:
            return sorted((name for name, _ in tables), key=natural_key), len(tables)
        last = heapq.nlargest(most, tables, key=lambda one: one[1].last_write or 0.0)
        return [name for name, _ in last], len(tables)

    def view(self, name: str) -> ExperimentView | None:
        """The named experiment now; None when there is no such experiment."""
        table = self._follower.tables.by_name.get(name)
        if table is None or not table.generation:  # it is just being made
            return None
        view, state, notes = table.view, self._state(table), list[str]()
        if not self._follower.logs.reading.isdisjoint(table.experiment.runs):
            notes = [INCOMPLETE, *view.notes]
        elif state in ("live", "stalled") and self._silence(table) > QUIET_AFTER:
            runs = [self._follower.logs.runs.get(run, {}) for run in table.experiment.runs]
            notes = [*view.notes, quiet_note([path for files in runs for path in list(files)])]
        marks = self._follower.fulfilments.marks(name)
        if state == view.state and not notes and not marks:
            return view
        return replace(view, state=state, notes=notes or view.notes, marks=[*view.marks, *marks])

    def csv(self, name: str) -> bytes | None:
        """The named experiment's run log as CSV bytes."""
        return self._follower.csv(name)

    def csv_path(self, name: str) -> Path | None:
        """The path of the named experiment's (first) table; None when it is not published, or not yet."""
        path = self._publisher.path(self._follower.files(name)[0]) if self._publisher else None
        return path if path and os.path.exists(path) else None  # a quarter of what the path's own method takes

    def status(self) -> list[str]:
        """Return messages about problems; empty when all is well."""
        died = [self._died] if self._died else []
        return died + self._watcher.notes + self._follower.problems()

    def unpublished(self) -> list[str]:
        """Messages about tables that could not be published at the last attempt; after `close` this is final."""
        return self._failed + self._follower.unpublished()

    def noticed(self) -> list[Noticed]:
        """The conditions that experiments fulfil now, by condition, then by experiment."""
        return self._follower.fulfilments.noticed()

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` from the follower's thread after every change; returns the function that ends it."""
        return self._subscribers.add(callback)

    def wait_until_read(self, timeout: float | None = None) -> bool:
        """Wait until everything that was there at the start is read and published; False after `timeout` seconds."""
        return self._caught_up.wait(timeout)

    # --- its life ---

    def start(self) -> Bridge:
        """Start following; returns itself. Starting twice is fine."""
        if self._thread.ident is None:
            self._thread.start()
            atexit.register(self.close)
        return self

    def close(self) -> None:
        """Read and publish the last state, and end the thread. Closing twice is fine."""
        self._stopping.set()
        self._watcher.wake()
        if self._thread.is_alive():
            self._thread.join()
        self._watcher.close()
        if self._publisher:
            self._publisher.close()
        atexit.unregister(self.close)

    def __enter__(self) -> Bridge:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the follower's thread ---

    def _run(self) -> None:
        """Follow until stopped. A bug that ends the follower is shown, and the follower begins again from nothing."""
        delay = RESTART_FIRST
        while not self._stopping.is_set():
            try:
                self._follow()
            except Exception as error:
                log.exception("the follower stopped")
                self._said = []
                self._died = f"the follower stopped: {type(error).__name__}: {error}; it starts again in {delay:g} s"
                self._subscribers.tell()
                self._stopping.wait(delay)
                delay = min(2 * delay, RESTART_LAST)
                self._follower = self._new_follower()
        try:
            self._follower.finish()
        except Exception as error:
            log.exception("the end failed")
            self._failed = [f"the last state was not published: {type(error).__name__}: {error}"]

    def _follow(self) -> None:
        self._poll_at, self._parts = 0.0, None
        rested = 0.0
        while not self._stopping.is_set():
            touched = self._watcher.wait(self._patience())
            if (left := rested - time.monotonic()) > 0:  # it mostly waited longer, and needs no rest of its own
                self._stopping.wait(left)
                touched |= self._watcher.wait(0)
            began = time.thread_time()
            polls = self._is_due() and not self._in_parts()
            self._pass_on(self._poll() if polls else self._glance(touched))
            if self._is_due() and self._in_parts():
                self._pass_on(self._poll_on())
            rested = time.monotonic() + min(1.0, REST * (time.thread_time() - began))

    def _glance(self, touched: set[str]) -> set[str]:
        """Look where something happened; where news show that the root is watched, only links may be new."""
        changed = self._follower.glance(touched)
        return changed if changed and touched and not self._follow_links else self._attend(changed)

    def _pass_on(self, changed: set[str]) -> None:
        """Publish the files that are due, and tell subscribers of the changes."""
        if changed and not self._caught_up.is_set():  # there may be thousands, which can be seen meanwhile
            self._subscribers.tell()
        self._follower.publish()
        self._died, said = "", self._said
        self._said = self.status()
        fulfilments = self._follower.fulfilments
        news, fulfilments.news = fulfilments.news, False
        if not (self._follower.logs.unfinished or self._caught_up.is_set()):
            self._caught_up.set()
            news = True
        if changed or news or self._said != said:
            self._subscribers.tell()

    def _is_due(self) -> bool:
        return time.monotonic() >= self._poll_at

    def _in_parts(self) -> bool:
        """Whether a poll may take its time, since notifications tell of most things at once."""
        return (
            self._watcher.notified
            and self._caught_up.is_set()
            and not (self._follow_links or self._follower.logs.missing)
        )

    def _poll_on(self) -> set[str]:
        """One part of a poll, so that no news waits for all of it; rests by letting the next part wait."""
        began, changed = time.thread_time(), set[str]()
        self._parts = self._parts or self._follower.poll_in_parts()
        for some in self._parts:
            changed |= some
            if time.thread_time() - began > PART_SECONDS:
                break
        else:
            self._parts = None
        changed = self._attend(changed)
        cost = time.thread_time() - began
        self._parts_cost += cost
        self._poll_at = time.monotonic() + REST * cost
        if self._parts is None:
            self._watcher.compare(self._follower.logs.grown)
            self._poll_cost, self._parts_cost = self._parts_cost, 0.0
            self._poll_at = time.monotonic() + self._interval()
        return changed

    def _poll(self) -> set[str]:
        self._parts, self._parts_cost = None, 0.0
        self._watcher.attend(self._links())
        clock = time.thread_time if self._follower.logs.storage.rereads else time.monotonic  # a store makes us wait
        began = clock()
        changed = self._follower.poll()
        cost = clock() - began
        if self._watcher.attend(self._links()):  # something may have come before they were watched
            changed |= self._follower.poll()
        elif self._caught_up.is_set() or not self._follower.logs.storage.rereads:  # at first it is reading that costs
            self._poll_cost = cost
        self._watcher.compare(self._follower.logs.grown)
        self._poll_at = time.monotonic() + self._interval()
        return changed

    def _interval(self) -> float:
        """Seconds until the next poll."""
        if self._follower.logs.missing and self._follower.logs.storage.rereads:
            return min(MISSING_INTERVAL, self._poll_interval)
        notified = self._watcher.notified
        share, longest = (SHARE_NOTIFIED, LONGEST_NOTIFIED) if notified else (SHARE_ALONE, LONGEST_ALONE)
        share = SHARE_HOST if is_on_host(self._follower.logs.root) else share
        return max(self._poll_interval, min(self._poll_cost / share, longest))

    def _links(self) -> list[str]:
        return self._follower.logs.links if self._follow_links else []

    def _attend(self, changed: set[str]) -> set[str]:
        return changed | self._follower.poll() if self._watcher.attend(self._links()) else changed

    def _patience(self) -> float:
        due = self._follower.due()
        return max(0.0, min(self._poll_at, self._poll_at if due is None else due) - time.monotonic())

    def _state(self, table: ExperimentTable) -> str:
        if table.gone:
            return "source gone"
        if reason := next(filter(None, map(self._follower.logs.stopped, table.experiment.runs)), ""):
            return f"stopped: {reason}"
        if table.view.ended:
            return table.view.ended
        silence = self._silence(table)
        if self.ended(table.experiment.name):
            return "finished"
        if silence <= STALLED_AFTER:  # whatever its pauses were
            return "live"
        if silence > table.finished_after:
            return "finished"
        return "stalled" if silence > STALLED_PAUSES * table.pause else "live"

    def _silence(self, table: ExperimentTable) -> float:
        """Seconds since the last write; 0 before the first."""
        return time.time() - table.last_write if table.last_write else 0.0

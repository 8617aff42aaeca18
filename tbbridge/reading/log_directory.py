"""The event files below a log directory, kept read: discover, synchronize, read."""

from __future__ import annotations

import os
import sys
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from tbbridge.core.model import EventFile
from tbbridge.decode import Decoder
from tbbridge.reading.together import read_together
from tbbridge.shape.facts import SeriesFacts
from tbbridge.shape.many_series import ManySeries
from tbbridge.tail.file import GrowingFile, News
from tbbridge.tail.logdir import (
    EventPath,
    Listing,
    event_path,
    is_below,
    is_event_file,
    run_name,
    unfollowed,
    walk,
)
from tbbridge.tail.storage import open_storage

PART_FILES = 50
"""Files that are looked at in one part of a sweep: where nothing is new, a third of a millisecond."""

MANY = 16
"""From this many new files on the small ones are read together."""

SLICE = 16 << 20
"""Bytes that one look reads of one file, so that a huge run keeps the others waiting for some 50 ms only."""


class CalmRun(NamedTuple):
    """A run of one small file that no rule of restarts concerns, as it was read together with others."""

    series: ManySeries
    number: int
    """Its file is that one of `series`."""
    facts: dict[str, SeriesFacts]
    file: Callable[[], EventFile]
    """Makes the content of its file, without its scalars."""

    def known(self) -> dict[str, SeriesFacts]:
        """The mapping's view of the run."""
        return self.facts


class LogDirectory:
    """The event files below a log directory, each read as far as the last sweep found it.

    Attributes:
        storage: where the files are.
        root: the log directory's absolute path, or its URL.
        runs: run name -> path -> the file; only files that exist.
        links: paths of links to directories, whether they are followed or not.
        grown: paths of known files in which the last sweep found new bytes.
        unfinished: paths of files of which a sweep read one slice only: `resume` reads on.
        reading: runs that are read for the first time, and not to their end yet. Any thread may ask.
        partly: those of them that `partly_read` returned.
        missing: True while the log directory does not exist.
        vanished: names of the files that the last sweep listed, and that were gone when it read them.
    """

    def __init__(self, root: str | os.PathLike[str], *, follow_links: bool = False) -> None:
        self.storage = open_storage(root, follow_links=follow_links)
        self.root = self.storage.root
        self.runs: dict[str, dict[str, GrowingFile]] = {}
        self.links: list[str] = []
        self.grown: list[str] = []
        self.unfinished: set[str] = set()
        self.reading: frozenset[str] = frozenset()
        self.missing = False
        self.vanished: set[str] = set()
        self._follow_links = follow_links
        self._problems: list[str] = []
        self._unfollowed = ""
        self._failing: set[str] = set()
        self._incomplete: set[str] = set()
        self._news: dict[str, set[str]] = {}
        self._void: set[str] = set()
        self._asked: set[str] = set()
        self._read_once: set[str] = set()
        self.partly: frozenset[str] = frozenset()
        self._new: list[str] = []
        self._files: dict[str, tuple[str, GrowingFile]] = {}
        self._sorted: list[str] = []
        self._unproven: dict[str, None] = {}
        self._calm: dict[str, tuple[ManySeries, int, dict[str, SeriesFacts]]] = {}

    @property
    def problems(self) -> list[str]:
        """Return messages about files that could not be listed or read at the last look. Any thread may ask."""
        failing = [self._files.get(path) for path in sorted(self._failing)]
        return self._problems + [one[1].problem for one in failing if one and one[1].problem]

    @property
    def notes(self) -> list[str]:
        """Messages about files that were left out at the last look. Any thread may ask."""
        return [self._unfollowed] if self._unfollowed else []

    def sweep(self, listing: Listing | None = None) -> set[str]:
        """Bring every run up to date; returns the runs with news, those that lost files among them.

        Args:
            listing: the files that count; those that exist when None.
        """
        self._new, self.vanished = [], set()
        self.grown = []
        changed = self._synchronize(listing or self.storage.discover())
        return self._complete(changed | self._read(self._files, self.grown))

    def sweep_in_parts(self) -> Iterator[set[str]]:
        """`sweep` in parts of a millisecond or two, between which there may be glances; yields the runs with news.

        Without following links: which name of a directory counts depends on the others'.
        """
        listing = Listing()
        for _ in walk(self.root, listing):
            yield set()
        self._new, self.grown = [], []
        yield self._complete(self._synchronize(listing, in_parts=True) | self._read(self._new))
        paths = list(self._files)
        for first in range(0, len(paths), PART_FILES):
            part = [path for path in paths[first : first + PART_FILES] if path in self._files]
            yield self._complete(self._read(part, self.grown))

    def glance(self, paths: Collection[str]) -> set[str]:
        """`sweep` only where something is said to have happened: event files, or directories with all below them."""
        changed: set[str] = set()
        self._new = []
        for path in paths:
            if path not in self._files and (not self._follow_links or is_event_file(path)):
                changed |= self._find(path)
        if self._follow_links and any(path not in self._files for path in paths):
            changed |= self._synchronize(self.storage.discover())  # which name of a directory counts depends on others
        places = {path for path in (*paths, *self._new) if path in self._files}
        return self._complete(changed | self._read(places))

    def resume(self) -> set[str]:
        """Read on where a look read one slice only; returns the runs with news."""
        return set() if not self.unfinished else self._complete(self._read(self.unfinished))

    def prove(self, seconds: float) -> set[str]:
        """Read again bytes that were read while they grew, for at most `seconds`; return the runs with news."""
        changed: set[str] = set()
        end = time.thread_time() + seconds
        while self._unproven and time.thread_time() < end:
            changed |= self._prove(next(iter(self._unproven)))
        return self._complete(changed)

    def _prove(self, path: str) -> set[str]:
        file = self._files[path][1] if path in self._files and path not in self.unfinished else None
        news = file.prove(SLICE) if file and file.unproven else News.FAILED
        if news is not News.MORE:
            del self._unproven[path]
        if news is News.NONE and file and file.unproven:  # it grew meanwhile: the others come first
            self._unproven[path] = None
        return self._read([path]) if news is News.SOME else set()

    def run_of(self, path: str) -> str:
        """Return the run of a known file."""
        return self._files[path][0]

    def files(self, run: str) -> list[EventFile]:
        """The content of one run's files, as far as it has been read."""
        return [file.log for file in self.runs.get(run, {}).values()]

    def take(self, run: str) -> tuple[list[EventFile], bool]:
        """Return the news of a run, and drop its scalars here.

        Returns:
            The files that are new or grew, each with the scalars since the last time; and whether they are all files
            of the run with all their scalars, since nothing was taken before or what was taken is void. Nothing of a
            run that is not read to its end, unless `partly_read` returned it.
        """
        if run in self.reading and run not in self.partly:
            return [], False
        files = self.runs.get(run, {})
        whole = not any(file.taken for file in files.values())
        grown = self._news.pop(run, set())
        self._calm.pop(run, None)
        return [file.take() for path, file in files.items() if whole or path in grown], whole

    def take_calm(self, run: str) -> CalmRun | None:
        """Return the content of a new run that no rule concerns, as `take` would; None: ask `take`."""
        calm = self._calm.pop(run, None)
        files = list(self.runs.get(run, {}).values())
        if calm is None or len(files) != 1 or not files[0].is_untouched:
            return None
        self._news.pop(run, None)
        series, number, facts = calm
        return CalmRun(series, number, facts, files[0].let_go())

    def partly_read(self) -> set[str]:
        """Return the runs that are read for the first time, which `take` then returns as far as they are read."""
        self.partly = self.reading
        return set(self.reading)

    def read_again(self, run: str) -> bool:
        """Read all files of a run again, so that `take` has all their scalars; returns whether it is done.

        Where a file is large, or cannot be read now, the run is among those that a later look returns.
        """
        self._void.add(run)
        return run in self._complete(set())

    def begin_again(self, run: str, reason: str) -> None:
        """Read all files of a run again from their first byte, for a `reason`."""
        for path, file in self.runs.get(run, {}).items():
            file.begin_again(reason)
            file.void = False
            self._failing.add(path)
            self._asked.add(path)

    def stopped(self, run: str) -> str:
        """Why reading a run stopped until the next attempt; "" when it did not."""
        return next((file.stopped for file in list(self.runs.get(run, {}).values()) if file.stopped), "")

    def last_write(self, run: str) -> float | None:
        """When the newest byte of a run was written, seconds since the epoch; None before anything was read of it."""
        return max((file.last_write or 0.0 for file in self.runs.get(run, {}).values()), default=0.0) or None

    def _find(self, path: str) -> set[str]:
        if is_event_file(path):
            run = run_name(self.root, os.path.dirname(path))
            return self._add([(run, event_path(run, path))])
        return self._synchronize(self.storage.discover(path), path)

    def _synchronize(self, listing: Listing, below: str | None = None, *, in_parts: bool = False) -> set[str]:
        """Make the known files (of the directory `below`) the listed ones; returns the runs that won or lost some.

        `in_parts`: files may have come and gone since their directory was listed.
        """
        if below is None:
            self.missing, self._problems = listing.missing, listing.problems
            if listing.links != self.links:
                self.links = listing.links
                self._unfollowed = "" if self._follow_links else unfollowed(self.root, self.links)
        else:
            self.links = list(dict.fromkeys(self.links + listing.links))
        listed = {file.path for files in listing.runs.values() for file in files}
        hidden = tuple(os.path.join(path, "") for path in listing.unreadable)
        inside = os.path.join(below, "") if below is not None else ""
        lost = [path for path in self._sorted[slice(*self._range(inside))] if path not in listed]
        lost = [path for path in lost if not (in_parts and is_below(self.root, path))]
        changed = {self._drop(path) for path in lost if not path.startswith(hidden or "\0")}
        new = [(run, file) for run, files in listing.runs.items() for file in files if file.path not in self._files]
        return changed | self._add([one for one in new if not in_parts or is_below(self.root, one[1].path)])

    def _range(self, start: str) -> tuple[int, int]:
        """Find the slice of the sorted paths that begin with `start`."""
        return bisect_left(self._sorted, start), bisect_left(self._sorted, start + chr(sys.maxunicode))

    def _add(self, new: Sequence[tuple[str, EventPath]]) -> set[str]:
        for run, where in new:
            file = GrowingFile(self.storage, where, Decoder)
            self._files[where.path] = (run, file)
            self.runs.setdefault(run, {})[where.path] = file
        paths = [where.path for _, where in new]
        self._new += paths
        self._sorted += paths
        self._sorted.sort()  # of two sorted parts, it merges them
        return {run for run, _ in new}

    def _drop(self, path: str) -> str:
        run, file = self._files.pop(path)
        del self._sorted[bisect_left(self._sorted, path)]
        if file.taken or file.void:
            self._void.add(run)
        del self.runs[run][path]
        self._news.get(run, set()).discard(path)
        if not self.runs[run]:
            del self.runs[run]
            self._read_once.discard(run)
            self._news.pop(run, None)
            self._calm.pop(run, None)
        self.unfinished.discard(path)
        self._asked.discard(path)
        return run

    def _read(self, paths: Iterable[str], grown: list[str] | None = None) -> set[str]:
        """Look at these files; return the runs with news that are read to their end.

        Args:
            grown: takes the paths of the files that were read before and have new bytes.
        """
        changed: set[str] = set()
        paths = list(paths)
        if not paths:
            return changed
        known = {path for path in paths if self._files[path][1].last_write is not None} if grown is not None else set()
        for path, news in self._look(paths):
            run, file = self._files[path]
            if file.void:
                file.void = False
                self._void.add(run)
            if grown is not None and path in known and news in (News.SOME, News.MORE):
                grown.append(path)
            if news is News.FAILED:
                self._failing.add(path)
            else:
                self._failing.discard(path)
                self._asked.discard(path)
            if news is News.MORE:
                self.unfinished.add(path)
                self._news.setdefault(run, set()).add(path)
                continue
            self.unfinished.discard(path)
            if news is News.GONE:
                self.vanished.add(file.name)
                changed.add(self._drop(path))
            elif news is News.SOME:
                changed.add(run)
                self._news.setdefault(run, set()).add(path)
                if file.unproven:
                    self._unproven[path] = None
        return changed

    def _complete(self, changed: set[str]) -> set[str]:
        """The runs with news of which every file was read to its end; the others come when that is so."""
        self._incomplete |= changed | self._read_void()
        reading = {self._files[path][0] for path in (*self.unfinished, *self._asked)}
        complete = self._incomplete - reading
        self._incomplete &= reading
        self._read_once.update(run for run in complete if run in self.runs)
        self.reading = frozenset(reading - self._read_once)
        return complete

    def _read_void(self) -> set[str]:
        """Read the runs again whose taken content is void; return them."""
        runs, self._void = self._void, set()
        self._read_once.update(run for run in runs if run in self.runs)
        for run in runs:
            for path, file in self.runs.get(run, {}).items():
                if file.taken:
                    file.read_again()
                    self._asked.add(path)
        return runs | self._read([path for run in runs for path in self.runs.get(run, {}) if path in self._asked])

    def _look_at(self, file: GrowingFile) -> News:
        try:
            return file.look(SLICE)
        except Exception as error:  # a bug: it must not stop the other runs
            import logging

            logging.getLogger(__name__).exception("reading %s failed", file.name)
            return file.begin_again(f"{type(error).__name__}: {error}")

    def _look(self, paths: list[str]) -> list[tuple[str, News]]:
        """One look at each file; by several threads where there is much to read, since decoding releases the GIL."""
        if len(paths) == 1:
            return [(paths[0], self._look_at(self._files[paths[0]][1]))]
        results = self._look_together(paths)
        done = {path for path, _ in results}
        queue = deque(path for path in paths if path not in done)

        def work() -> None:
            while True:
                try:
                    path = queue.popleft()
                except IndexError:
                    return
                results.append((path, self._look_at(self._files[path][1])))

        fresh = sum(self._files[path][1].last_write is None or path in self.unfinished for path in queue)
        if fresh < 2:
            work()
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(fresh, os.cpu_count() or 1)) as pool:
                for worker in [pool.submit(work) for _ in range(min(fresh, os.cpu_count() or 1))]:
                    worker.result()
        return results

    def _look_together(self, paths: Iterable[str]) -> list[tuple[str, News]]:
        """The first look at small files, where there are many new ones; of those that are plain."""
        new = [path for path in paths if self._files[path][1].is_new] if self.storage.rereads else []
        if len(new) < MANY:
            return []
        places = [EventPath(path, self._files[path][1].name) for path in new]
        results = []
        for batch, decoded, series, plain, calm, facts in read_together(places):
            bounds, headless = batch.bounds.tolist(), decoded.headless.tolist()
            for i in plain:
                place = places[batch.files[i]]
                run, file = self._files[place.path]
                file.begin_with(decoded, i, batch.stats[i], batch.data[bounds[i] : bounds[i + 1]])
                if calm[i] and not headless[i]:
                    self._calm[run] = series, i, facts[i]
                results.append((place.path, News.SOME))
        return results

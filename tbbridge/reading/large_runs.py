"""Large runs, read one by one: their points are kept while there is room, and are else set aside on the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from tbbridge.core.errors import PublishError
from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile, Series
from tbbridge.decode import Decoder
from tbbridge.reading.set_aside import SetAside
from tbbridge.shape.facts import SeriesFacts, facts
from tbbridge.shape.losses import Losses
from tbbridge.shape.many_series import ManySeries
from tbbridge.shape.series import Restart, doubles, merge_run
from tbbridge.tail.file import GrowingFile, News, vanished
from tbbridge.tail.logdir import EventPath
from tbbridge.tail.storage import Storage
from tbbridge.write.parallel import ordered_map

ROOM = 1_000_000
"""Points of large runs that an export keeps in memory, 21 bytes each."""


def at_a_time(storage: Storage) -> int:
    """Return how many large runs are read at a time: a point takes some 70 bytes meanwhile, and a store waits."""
    cores = os.cpu_count() or 2
    return max(2, cores // 2 if storage.rereads else cores)


class Outline(NamedTuple):
    """A series without its points."""

    points: int
    live: int
    """Those of them that nothing supersedes."""
    kind: np.dtype[Any]
    """Of the values: float32 or float64."""
    losses: Losses


def outline(series: Series) -> Outline:
    """Return the outline of a series."""
    points, superseded = len(series.step), int(np.count_nonzero(series.superseded))
    losses = Losses()
    if superseded or series.ordinal:
        steps = series.step[~series.superseded]
        losses = Losses.of(steps, superseded - series.repeats, series.repeats, series.ordinal)
    return Outline(points, points - superseded, series.value.dtype, losses)


class FilesRead(NamedTuple):
    """The event files of one run, each read to its end once."""

    files: list[EventFile]
    """The content of those that were not gone; none where it could not be read."""
    failed: list[str]
    """Messages about those that could not be read."""
    gone: list[str]
    """Messages about those that were there a moment before."""


def read_files(storage: Storage, places: Sequence[EventPath]) -> FilesRead:
    """Read the event files of one run."""
    read = FilesRead([], [], [])
    for place in places:
        file = GrowingFile(storage, place, Decoder)
        try:
            while (news := file.look()) is News.MORE:
                pass
        except Exception as error:  # a bug: it must not stop the other runs
            import logging

            logging.getLogger(__name__).exception("reading %s failed", file.name)
            news = file.begin_again(f"{type(error).__name__}: {error}")
        if news is News.GONE:
            read.gone.append(vanished(file.name))
            continue
        if news is News.FAILED:
            read.failed.append(file.problem)
        read.files.append(file.log)
    return read


class MergedRun(NamedTuple):
    """The series of one run."""

    series: dict[str, Series]
    """By tag, the tags sorted."""
    facts: dict[str, SeriesFacts]
    restarts: list[Restart]


def merged(files: Sequence[EventFile], above: Sequence[EventFile] = ()) -> MergedRun:
    """Return what `merge_run` does, and the facts; quickly for one file that no rule of restarts concerns."""
    if not above and (calm := alone(files)):
        return MergedRun(calm.series(0), calm.facts()[0], [])
    series, restarts = merge_run(files, above)
    return MergedRun(series, {tag: facts(one) for tag, one in series.items()}, restarts)


def alone(files: Sequence[EventFile]) -> ManySeries | None:
    """Return the series of a run of one file that no rule of restarts concerns; None for other runs."""
    if len(files) != 1 or files[0].starts or doubles(files[0]):
        return None
    scalars = files[0].scalars
    rows = np.array([0, len(scalars.step)])
    series = ManySeries(scalars, rows, np.zeros(1, np.int32), [tuple(files[0].tags)])
    return series if series.calm[0] else None


class LargeRun(NamedTuple):
    """A large run without its points."""

    files: list[EventFile]
    facts: dict[str, SeriesFacts]
    restarts: list[Restart]
    failed: list[str]
    gone: list[str]


class LargeRuns:
    """Reads large runs.

    Args:
        storage: where they are.
        places: by run, its event files.
        room: the number of points that are kept in memory.
    """

    def __init__(self, storage: Storage, places: Mapping[str, Sequence[EventPath]], room: int) -> None:
        self._storage = storage
        self._places = places
        self._room = room
        self._full = False
        self._lock = Lock()
        self._aside = SetAside()
        self._kept: dict[str, dict[str, Series]] = {}
        self.outlines: dict[str, dict[str, Outline]] = {}
        """By run, that of each of its series; of the runs whose points are set aside."""

    def read_all(self) -> dict[str, LargeRun]:
        """Read all runs, a few at a time."""
        return dict(
            zip(self._places, ordered_map(self.read, list(self._places), at_a_time(self._storage)), strict=True)
        )

    def read(self, run: str, above: Sequence[EventFile] = ()) -> LargeRun:
        """Read a run, for which the session starts `above` hold."""
        read = read_files(self._storage, self._places[run])
        series, known, restarts = merged(read.files, above)
        self._keep(run, series)
        return LargeRun(
            [replace(file, scalars=NO_SCALARS) for file in read.files], known, restarts, read.failed, read.gone
        )

    def series(self, run: str) -> dict[str, Series]:
        """Return the series of a run. Any thread may ask.

        Raises:
            PublishError: those that were set aside cannot be read.
        """
        if run in self._kept:
            return self._kept[run]
        try:
            return self._aside.get(run)
        except OSError as error:
            raise PublishError(f"cannot read back {run!r}, which was set aside in TMPDIR: {error}") from error

    def _keep(self, run: str, series: dict[str, Series]) -> None:
        outlines = {tag: outline(one) for tag, one in series.items()}
        points = sum(one.points for one in outlines.values())
        with self._lock:  # runs are set aside one by one, and that there is no room is found and said once
            self._room += sum(len(one.step) for one in self._kept.pop(run, {}).values())
            self.outlines.pop(run, None)
            if points > self._room and not self._full:
                try:
                    self._aside.put(run, series)
                    self.outlines[run] = outlines
                    return
                except OSError as error:
                    import logging

                    self._full = True
                    log = logging.getLogger(__name__)
                    log.warning("tbbridge: large runs stay in memory: no room in TMPDIR for them: %s", error)
            self._room = max(0, self._room - points)
            self._kept[run] = series

"""Read a log directory once: its event files, merged into series and mapped to experiments.

`LogDirectory` keeps the event files below a log directory read; `read` sweeps it once and shapes the result.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tbbridge.core.errors import PathError
from tbbridge.core.memory import collector_paused
from tbbridge.core.model import EventFile, Experiment, HParam, Points, RunLog, Series
from tbbridge.reading.first_texts import FirstText, FirstTexts
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.reading.small_runs import calm_run, in_use, is_quiet, outlines, read_runs
from tbbridge.reading.summary import summary_row
from tbbridge.shape.align import Placement, agreed, epoch_series, place
from tbbridge.shape.facts import Extremes
from tbbridge.shape.hparams import hparams_of
from tbbridge.shape.mapping.mapping import MappingOptions, SeriesFacts, check_overrides, map_runs
from tbbridge.shape.run_log import run_log
from tbbridge.shape.series import Restart, live
from tbbridge.shape.summary import SummaryRow
from tbbridge.tail.file import vanished
from tbbridge.tail.logdir import printable
from tbbridge.tail.storage import is_url

NO_POINTS = Points(np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32))
"""Of a column that nothing feeds."""


@dataclass(slots=True)
class Reading:
    """A log directory as it was read at one moment.

    Attributes:
        root: the log directory's path or URL, as it was given.
        files: run -> the decoded content of each of its event files, in canonical order of names.
        runs: run -> tag -> series; both are made when they are asked for.
        experiments: by name; how series feed the columns of the run logs.
        problems: messages about files and directories that could not be listed or read.
        restarts: run -> where the training began again, of the runs in which it did.
        notes: messages about files and directories that were left out.
    """

    root: str
    files: Mapping[str, list[EventFile]]
    runs: Mapping[str, dict[str, Series]]
    experiments: list[Experiment]
    problems: list[str] = field(default_factory=list)
    options: MappingOptions = field(default_factory=MappingOptions)
    restarts: Mapping[str, list[Restart]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _remarks: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def placement(self, experiment: Experiment) -> Placement:
        """The columns of the experiment's run log on one axis, and how they came there."""
        used = in_use(self.runs, experiment)  # or each series would read its run again
        logged, align = as_logged(experiment, self.points), self.options.align
        placed = agreed(logged, align)
        if placed is None:
            epoch = epoch_series(experiment, {run: self._tags(run) for run in experiment.runs})
            placed = place(logged, self.points(*epoch) if epoch else None, align)
        del used
        self._remarks[experiment.name] = placed.remark
        return placed

    def remark(self, experiment: Experiment) -> str:
        """Notes on the experiment's `placement`, which is not made again."""
        if experiment.name not in self._remarks:
            self.placement(experiment)
        return self._remarks[experiment.name]

    def _tags(self, run: str) -> Iterable[str]:
        calm = calm_run(self.runs, run)
        return calm[0].tags(calm[1]) if calm else outlines(self.runs, run) if run in self.runs else ()

    def points(self, run: str, tag: str) -> Points:
        """The points of a series that count."""
        calm = calm_run(self.runs, run)
        return calm[0].points_of(calm[1], tag) if calm else live(self.runs[run][tag])

    def columns(self, experiment: Experiment) -> dict[str, Points]:
        """The points of each column of the experiment's run log; a column that nothing feeds has none."""
        return self.placement(experiment).columns

    def summary(self, experiment: Experiment, columns: Mapping[str, Points]) -> SummaryRow:
        """The experiment's row of the summary, of these columns of its run log."""
        files = {run: self.files[run] for run in experiment.runs if not is_quiet(self.files, run)}
        row = summary_row(columns, self.restarts, files, dict(self._extremes(experiment, columns)))
        row.compute()  # here, so that it lets go of the columns
        return row

    def _extremes(self, experiment: Experiment, columns: Mapping[str, Points]) -> Iterator[tuple[str, Extremes]]:
        """Yield those of the columns that are a whole series of many that were read together."""
        for name, feed in experiment.feeds.items():
            calm = calm_run(self.runs, feed.run) if feed else None
            if feed and calm and (found := calm[0].extremes(calm[1], feed.tag, columns[name])):
                yield name, found

    def first_texts(self) -> Iterator[tuple[Experiment, FirstText | None]]:
        """Yield each experiment, with its run log and its row where they are made together with its neighbours'."""
        texts = FirstTexts()
        for experiment in self.experiments:
            quiet = [run for run in experiment.runs if is_quiet(self.files, run)]
            calm = {run: known for run in quiet if (known := calm_run(self.runs, run))}
            if len(calm) == len(experiment.runs):
                texts.put(experiment, calm)
        for experiment in self.experiments:
            if (first := texts.take(experiment.name)) and self.options.align == "auto":
                self._remarks[experiment.name] = ""
            yield experiment, first

    def hparams(self, experiment: Experiment) -> dict[str, HParam]:
        """The experiment's hyperparameters by name, as the hparams plugin's records say."""
        return hparams_of(file for run in experiment.runs for file in self.files[run])

    def table(self, experiment: Experiment) -> RunLog:
        """The experiment's run log."""
        return run_log(experiment.name, self.columns(experiment))


def read(
    logdir: str | os.PathLike[str], *, options: MappingOptions | None = None, follow_links: bool = False
) -> Reading:
    """Read every event file below a log directory, once.

    Args:
        logdir: the log directory, or one event file.
        options: how series are mapped to columns; the default rules when None.
        follow_links: follow links to directories, each directory once.

    Raises:
        PathError: `logdir` does not exist, cannot be read, or is a file that is no event file.
        MappingError: an override names a run or tag that is not there.
    """
    return read_within(None, logdir, options=options, follow_links=follow_links)


def read_within(
    room: int | None,
    logdir: str | os.PathLike[str],
    *,
    options: MappingOptions | None = None,
    follow_links: bool = False,
) -> Reading:
    """`read`, for an export; more than `room` points of large event files are set aside on the disk.

    The event files of large runs are without scalars in it.
    """
    logs = LogDirectory(logdir, follow_links=follow_links)
    logs.storage.check()
    options = options or MappingOptions()
    with collector_paused():
        listing = logs.storage.discover()
        if listing.missing:
            raise PathError(f"{logdir} does not exist: give the log directory that the training writes into")
        runs = read_runs(logs, listing, together=logs.storage.rereads, room=room)
        check_overrides(runs.facts, options)
        found = experiments(logs.root, runs.facts, options)
    problems = logs.problems + runs.failed + [vanished(name) for name in sorted(logs.vanished)] + runs.gone
    return Reading(os.fspath(logdir), runs.files, runs.series, found, problems, options, runs.restarts, logs.notes)


def default_out(logdir: str | os.PathLike[str]) -> Path:
    """Return where the run logs of a log directory go by default: its own path and ``-csv``; of a URL, here."""
    path = _place(logdir)
    return path.with_name(f"{path.name}-csv")


def experiments(
    root: str | os.PathLike[str], runs: Mapping[str, Mapping[str, SeriesFacts]], options: MappingOptions | None = None
) -> list[Experiment]:
    """Map the series of all runs to the columns of the run logs; the experiment at the root is named after it."""
    found = named(root, map_runs(runs, options or MappingOptions()))
    return [one if one.name == name else replace(one, name=name) for name, one in found.items()]


def named(root: str | os.PathLike[str], found: Iterable[Experiment]) -> dict[str, Experiment]:
    """Experiments by name; the one at the root, which the mapping calls ``.``, is named after the log directory."""
    by_name = {one.name: one for one in found}
    return {root_name(root, by_name) if name == "." else name: one for name, one in by_name.items()}


def root_name(root: str | os.PathLike[str], taken: Collection[str] = ()) -> str:
    """The name of the experiment at the log directory itself: the directory's own, told apart from those `taken`."""
    name = printable(_place(root).name) or "root"
    while name in taken:
        name += " (top)"
    return name


def _place(root: str | os.PathLike[str]) -> Path:
    """Return a log directory's path; here, by its last name, where it is a URL or on another machine."""
    if is_url(root):
        parts = [part for part in re.split(r"[/:]", os.fspath(root)) if part]
        root = parts[-1] if parts else root
    path = Path(os.path.abspath(root))
    return path.parent if os.path.isfile(path) else path


def as_logged(experiment: Experiment, points: Callable[[str, str], Points]) -> dict[str, Points]:
    """The columns of one experiment with the steps that were written."""
    return {name: points(feed.run, feed.tag) if feed else NO_POINTS for name, feed in experiment.feeds.items()}

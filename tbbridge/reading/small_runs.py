"""The runs of a log directory, read: many small files together, the others one by one, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from tbbridge.core.model import EventFile, Experiment, Series
from tbbridge.decode.small_files import SmallFiles
from tbbridge.reading.large_runs import LargeRun, LargeRuns, MergedRun, Outline, alone, merged, outline
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.reading.together import read_together
from tbbridge.shape.facts import SeriesFacts
from tbbridge.shape.hparams import within_domains
from tbbridge.shape.many_series import ManySeries
from tbbridge.shape.mapping.experiments import with_session
from tbbridge.shape.series import Restart
from tbbridge.shape.sub_runs import inherited_starts
from tbbridge.tail.file import GrowingFile
from tbbridge.tail.logdir import EventPath, Listing

Key = TypeVar("Key")
Value = TypeVar("Value")


class Runs(NamedTuple):
    """The content of a log directory's event files, by run in the order of the names."""

    files: Mapping[str, list[EventFile]]
    """The decoded content of each file, in the order of the names."""
    series: Mapping[str, dict[str, Series]]
    """By tag, the tags sorted."""
    facts: dict[str, dict[str, SeriesFacts]]
    restarts: dict[str, list[Restart]]
    """Of the runs in which the training began again."""
    failed: list[str]
    """Messages about files of large runs that could not be read."""
    gone: list[str]
    """Messages about those of them that were there a moment before."""


class _Small(NamedTuple):
    """A small file that was decoded with others."""

    name: str
    decoded: SmallFiles
    number: int

    def file(self) -> EventFile:
        return self.decoded.file(self.number, self.name)


def read_runs(logs: LogDirectory, listing: Listing, *, together: bool = True, room: int | None = None) -> Runs:
    """Read the listed files, each to its end; `logs` then knows those that could not be read.

    Args:
        logs: reads the files that are not read together.
        listing: the files.
        together: read small files in batches, from the local file system.
        room: see `LargeRuns`; the event files of large runs are then without scalars. When None, all points are kept.
    """
    small = _read_small(listing) if together else _SmallFiles({}, {}, {}, {})
    left = {run: files for run, files in listing.runs.items() if run not in small.series}
    rest = {run: [one for one in files if one.path not in small.files] for run, files in left.items()}
    rest = {run: files for run, files in rest.items() if files}
    large = LargeRuns(logs.storage, {run: left[run] for run in rest} if room is not None else {}, room or 0)
    once = large.read_all()
    logs.sweep(replace(listing, runs={run: files for run, files in rest.items() if run not in once}))
    while logs.unfinished:
        logs.resume()
    read = {run: _files(files, small.files, logs.runs.get(run, {})) for run, files in left.items() if run not in once}
    read |= {run: one.files for run, one in once.items()}
    others = {run: files for run, files in read.items() if files}
    calm, known = small.series, small.facts
    above = inherited_starts(others, known)
    others |= {run: [small.only.pop(run).file()] for run in above if calm.pop(run, None)}
    series: dict[str, dict[str, Series]] = {}
    restarts: dict[str, list[Restart]] = {}
    for run, files in others.items():
        if run in once:
            if run in above:
                once[run] = large.read(run, above[run])
                others[run] = files = once[run].files
            one: MergedRun | LargeRun = once[run]
        elif run not in above and (only := alone(files)):
            calm[run], known[run] = (only, 0), with_session(only.facts()[0], files)
            continue
        else:
            series[run] = (one := merged(files, above.get(run, ()))).series
        known[run] = with_session(one.facts, files)
        if one.restarts:
            restarts[run] = one.restarts
    others |= {run: within_domains(run, lambda name: others.get(name, ())) for run in others}
    names = sorted(known)

    def series_of(run: str) -> dict[str, Series]:
        if run in once:
            return large.series(run)
        return series[run] if run in series else calm[run][0].series(calm[run][1])

    return Runs(
        OnDemand(
            names,
            lambda run: others[run] if run in others else [small.only[run].file()],
            {run: True for run, one in small.only.items() if not one.decoded.headless[one.number]},
        ),
        OnDemand(names, series_of, calm, large.outlines),
        {run: known[run] for run in names},
        restarts,
        [line for one in once.values() for line in one.failed],
        [line for one in once.values() for line in one.gone],
    )


def is_quiet(files: Mapping[str, list[EventFile]], run: str) -> bool:
    """Whether a run is known to be one small file of which nothing is reported: no damage, no hyperparameters."""
    return isinstance(files, OnDemand) and run in files.known


def calm_run(runs: Mapping[str, dict[str, Series]], run: str) -> tuple[ManySeries, int] | None:
    """Return the points of a run that no rule of restarts concerns, and its file's number among them.

    None where that is not known: its series are then to be asked.
    """
    found: tuple[ManySeries, int] | None = runs.known.get(run) if isinstance(runs, OnDemand) else None
    return found


def outlines(runs: Mapping[str, dict[str, Series]], run: str) -> Mapping[str, Outline]:
    """Return the outlines of a run's series, without a look at points that are set aside."""
    known = runs.outlines.get(run) if isinstance(runs, OnDemand) else None
    return {tag: outline(one) for tag, one in runs[run].items()} if known is None else known


def is_passing(runs: Mapping[str, dict[str, Series]], run: str) -> bool:
    """Whether the points of a run are large, and are in memory only while they are used."""
    return isinstance(runs, OnDemand) and run in runs.outlines


class _SmallFiles(NamedTuple):
    files: dict[str, _Small]
    """By path: the files of the other runs."""
    only: dict[str, _Small]
    """By run: the only file of a run that no rule of restarts concerns."""
    series: dict[str, tuple[ManySeries, int]]
    """Of these runs: the series, and the file's number among theirs."""
    facts: dict[str, dict[str, SeriesFacts]]
    """Of these runs."""


def _read_small(listing: Listing) -> _SmallFiles:
    found = _SmallFiles({}, {}, {}, {})
    runs = [run for run, files in listing.runs.items() for _ in files]
    places = [place for files in listing.runs.values() for place in files]
    for batch, decoded, series, plain, calm, known in read_together(places):
        for i in plain:
            run, place = runs[batch.files[i]], places[batch.files[i]]
            small = _Small(place.name, decoded, i)
            if calm[i] and len(listing.runs[run]) == 1:
                found.only[run], found.series[run], found.facts[run] = small, (series, i), known[i]
            else:
                found.files[place.path] = small
    return found


def _files(
    files: list[EventPath], small: Mapping[str, _Small], one_by_one: Mapping[str, GrowingFile]
) -> list[EventFile]:
    """The decoded content of one run's files, except those that vanished."""
    there = [one for one in files if one.path in small or one.path in one_by_one]
    return [small[one.path].file() if one.path in small else one_by_one[one.path].log for one in there]


class OnDemand(Mapping[Key, Value]):
    """A mapping of known keys, each with a value that `make` returns when it is asked for the first time.

    Args:
        keys: the keys, in the mapping's order.
        make: makes a key's value; called once for each, by whichever thread asks first.
        known: facts about some of the values, which are known before they are made.
        outlines: those of the values that are kept only as long as they are used, and are then made again; such a value
            can be referred to weakly.
    """

    __slots__ = ("_made", "_make", "_used", "known", "outlines")

    def __init__(
        self,
        keys: Iterable[Key],
        make: Callable[[Key], Value],
        known: Mapping[Key, Any],
        outlines: Mapping[Key, Any] = MappingProxyType({}),
    ) -> None:
        self._made: dict[Key, Value | None] = dict.fromkeys(keys)
        self._used: WeakValueDictionary[Key, Value] = WeakValueDictionary()
        self._make = make
        self.known = known
        self.outlines = outlines

    def __getitem__(self, key: Key) -> Value:
        value = self._made[key]
        if value is None and (value := self._used.get(key)) is None:
            value = self._make(key)
            if key in self.outlines:
                self._used[key] = value
            else:
                self._made[key] = value
        return value

    def __iter__(self) -> Iterator[Key]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __contains__(self, key: object) -> bool:
        return key in self._made

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[dict[Key, Value]], tuple[dict[Key, Value]]]:
        return dict, (dict(self),)


def in_use(runs: Mapping[str, dict[str, Series]], experiment: Experiment) -> list[dict[str, Series]]:
    """Return the series of large runs that feed columns: while they are kept, each run is read once."""
    return [runs[one.run] for one in experiment.feeds.values() if one and is_passing(runs, one.run)]


def some_of(values: Mapping[Key, Value], keys: Collection[Key]) -> Mapping[Key, Value]:
    """Return a mapping of some of the keys alone, with the same values, none of which is made for it."""
    if not isinstance(values, OnDemand):
        return {key: values[key] for key in keys}
    known, outlines = ({key: of[key] for key in keys if key in of} for of in (values.known, values.outlines))
    return OnDemand(keys, values.__getitem__, known, outlines)

"""The runs of a log directory, read: many small files together, the others one by one, with the same result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tbbridge.core.model import EventFile, Series
from tbbridge.core.on_demand import OnDemand
from tbbridge.decode.small_files import SmallFiles, decode_small
from tbbridge.reading.log_directory import LogDirectory
from tbbridge.shape.facts import SeriesFacts, facts
from tbbridge.shape.many_series import ManySeries
from tbbridge.shape.series import Restart, merge_run
from tbbridge.shape.sub_runs import inherited_starts
from tbbridge.tail.batch import batches
from tbbridge.tail.file import GrowingFile
from tbbridge.tail.logdir import EventPath, Listing


class Runs(NamedTuple):
    """What the event files of a log directory hold, by run in the order of the names."""

    files: Mapping[str, list[EventFile]]
    """What was decoded of each file, in the order of the names."""
    series: Mapping[str, dict[str, Series]]
    """By tag, the tags sorted."""
    facts: dict[str, dict[str, SeriesFacts]]
    restarts: dict[str, list[Restart]]
    """Of the runs in which the training began again."""


class _Small(NamedTuple):
    """A small file that was decoded with others."""

    name: str
    decoded: SmallFiles
    series: ManySeries
    number: int

    def file(self) -> EventFile:
        return self.decoded.file(self.number, self.name)


def read_runs(logs: LogDirectory, listing: Listing, *, together: bool = True) -> Runs:
    """Read the listed files, each to its end; `logs` then knows what could not be read.

    Args:
        logs: reads what is not read together.
        listing: the files.
        together: read small files in batches, from the local file system.
    """
    small = _read_small(listing) if together else _SmallFiles({}, {}, {})
    calm = small.calm
    left = {run: files for run, files in listing.runs.items() if run not in calm}
    rest = {run: [one for one in files if one.path not in small.files] for run, files in left.items()}
    logs.sweep(replace(listing, runs={run: files for run, files in rest.items() if files}))
    while logs.unfinished:
        logs.resume()
    read = {run: _files(files, small.files, logs.runs.get(run, {})) for run, files in left.items()}
    others = {run: files for run, files in read.items() if files}
    above = inherited_starts(others, small.facts)
    others |= {run: [calm.pop(run).file()] for run in above if run in calm}
    found = {run: merge_run(files, above.get(run, ())) for run, files in others.items()}
    merged = {run: series for run, (series, _) in found.items()}
    known = small.facts | {run: {tag: facts(one) for tag, one in series.items()} for run, series in merged.items()}
    names = sorted(known)
    return Runs(
        OnDemand(names, lambda run: others[run] if run in others else [calm[run].file()]),
        OnDemand(names, lambda run: merged[run] if run in merged else calm[run].series.series(calm[run].number)),
        {run: known[run] for run in names},
        {run: restarts for run, (_, restarts) in found.items() if restarts},
    )


class _SmallFiles(NamedTuple):
    files: dict[str, _Small]
    """By path: the files of the other runs."""
    calm: dict[str, _Small]
    """By run: the only file of a run that no rule of restarts concerns."""
    facts: dict[str, dict[str, SeriesFacts]]
    """Of the calm runs."""


def _read_small(listing: Listing) -> _SmallFiles:
    found = _SmallFiles({}, {}, {})
    runs = [run for run, files in listing.runs.items() for _ in files]
    places = [place for files in listing.runs.values() for place in files]
    for batch in batches([place.path for place in places]):
        decoded = decode_small(batch.data, batch.bounds)
        series = ManySeries(decoded.scalars, decoded.rows, decoded.layout, decoded.layouts)
        calm, known = series.calm.tolist(), series.facts()
        for i in np.flatnonzero(decoded.plain).tolist():
            run, place = runs[batch.files[i]], places[batch.files[i]]
            small = _Small(place.name, decoded, series, i)
            if calm[i] and len(listing.runs[run]) == 1:
                found.calm[run], found.facts[run] = small, known[i]
            else:
                found.files[place.path] = small
    return found


def _files(
    files: list[EventPath], small: Mapping[str, _Small], one_by_one: Mapping[str, GrowingFile]
) -> list[EventFile]:
    """What was decoded of the files of one run, but of those that vanished."""
    there = [one for one in files if one.path in small or one.path in one_by_one]
    return [small[one.path].file() if one.path in small else one_by_one[one.path].log for one in there]

"""The session starts that hold for the runs that ``add_scalars`` makes below a run.

PyTorch's ``purge_step`` writes a START into the run's own file only, while ``SummaryWriter.add_scalars`` writes into
runs of its own below it. The START holds for those, too (docs/promise.md, rule 1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile
from tbbridge.shape.mapping.experiments import run_above


def session_starts(files: Iterable[EventFile]) -> list[EventFile]:
    """Return the STARTs of a run's files as files without points, which `merge_run` of a run below takes like its own.

    A START without a finite wall time has no known place in another run: it is left out.
    """
    return [
        EventFile(
            f"{file.name}:{place}",
            NO_SCALARS,
            first_wall_time=start.wall_time,
            starts=[start._replace(before=0, first=True)],
        )
        for file in files
        for place, start in enumerate(file.starts)
        if np.isfinite(start.wall_time)
    ]


def inherited_starts(
    runs: Mapping[str, Sequence[EventFile]], others: Mapping[str, Collection[str]] = MappingProxyType({})
) -> dict[str, list[EventFile]]:
    """Return, for the runs that ``add_scalars`` made below a run with STARTs, the `session_starts` of that run.

    Args:
        runs: by name, the event files of each run; their points are not looked at.
        others: the tags of further runs, which have no STARTs.
    """
    announced = {run: found for run, files in runs.items() if (found := session_starts(files))}
    if not announced:
        return {}
    tags = {run: {tag for file in files for tag in file.tags} for run, files in runs.items()} | dict(others)
    above = {run: run_above(run, found) for run, found in tags.items()}
    return {run: announced[parent] for run, parent in above.items() if parent is not None and parent in announced}

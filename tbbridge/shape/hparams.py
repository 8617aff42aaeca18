"""The hyperparameters of a training, and how it ended, from all its event files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tbbridge.core.model import EventFile, HParam, Points
from tbbridge.shape.series import canonical_order


def hparams_of(files: Iterable[EventFile]) -> dict[str, HParam]:
    """Return the hyperparameters by name; of two values the later file's counts."""
    found: dict[str, HParam] = {}
    for file in canonical_order(file for file in files if file.hparam_values):
        found |= file.hparam_values
    return found


def ended(files: Iterable[EventFile], columns: Mapping[str, Points]) -> str:
    """Return ``finished`` or ``failed`` where the last session says so, and no point of the run log came after it.

    Some writers announce the end of the session when it begins (``add_hparams``, Lightning): nothing that is logged
    afterwards belongs to a training that has ended.
    """
    last = max((float(points.wall_time[-1]) for points in columns.values() if len(points.wall_time)), default=None)
    ends = [file.session_end for file in canonical_order(files) if file.session_end]
    return ends[-1].status if ends and last is not None and ends[-1].wall_time >= last else ""

"""The hyperparameters of a training, and how it ended, from all its event files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from tbbridge.core.model import Domain, EventFile, HParam, Points
from tbbridge.shape.mapping.experiments import directories_above
from tbbridge.shape.series import canonical_order


def hparams_of(files: Iterable[EventFile]) -> dict[str, HParam]:
    """Return the hyperparameters by name; of two values the later file's counts."""
    found: dict[str, HParam] = {}
    for file in canonical_order(file for file in files if file.hparam_values):
        found |= file.hparam_values
    return found


def within_domains(run: str, files: Callable[[str], Iterable[EventFile]]) -> list[EventFile]:
    """Return the event files of a run; of their hyperparameters, a value that its domain does not allow is its text.

    The domains are those that the run holds, else those of the nearest directory above it (Keras writes them into the
    directory of all trials).

    Args:
        run: its name.
        files: returns the event files of any run; none where there is no such run.
    """
    own = list(files(run))
    if not any(file.hparam_values for file in own):
        return own
    domains = next((found for path in (run, *directories_above(run)) if (found := hparam_domains(files(path)))), {})
    return [replace(file, hparam_values=_allowed(file.hparam_values, domains)) for file in own] if domains else own


def hparam_domains(files: Iterable[EventFile]) -> dict[str, Domain]:
    """Return the domains of the hyperparameters in the event files of one run, by name; the later file counts."""
    found: dict[str, Domain] = {}
    for file in canonical_order(file for file in files if file.hparam_domains):
        found |= file.hparam_domains
    return found


def _allowed(given: Mapping[str, HParam], domains: Mapping[str, Domain]) -> dict[str, HParam]:
    return {
        name: value if name not in domains or domains[name].allows(value) else str(value)
        for name, value in given.items()
    }


def ended(files: Iterable[EventFile], columns: Mapping[str, Points]) -> str:
    """Return ``finished`` or ``failed`` where the last session says so, and no point of the run log came after it.

    Some writers announce the end of the session when it begins (``add_hparams``, Lightning): nothing that is logged
    afterwards belongs to a training that has ended.
    """
    ends = [file.session_end for file in canonical_order(files) if file.session_end]
    if not ends:
        return ""
    last = max((float(points.wall_time[-1]) for points in columns.values() if len(points.wall_time)), default=None)
    return ends[-1].status if last is not None and ends[-1].wall_time >= last else ""

"""tbbridge: follow TensorBoard event files; one compact CSV per training, and a live page.

The map, from the foundation up (docs/architecture.md has it in one page):

    core/        the words: Series, Experiment, RunLog ..., and what can go wrong, as a tree of errors
    tail/        disk -> bytes        which files there are, their new bytes, when to look
    decode/      bytes -> columns     the event file format; survives damage
    shape/       columns -> tables    restarts and duplicates, the mapping to columns, the run log
    write/       tables -> files      CSV and others, the atomic replace
    reading/     a log directory, read once
    following/   a log directory that grows: Bridge, which `tbbridge watch` is
    exporting/   tables laid out and written, data frames, import
    viewer/      the live page (installed as tbbridge.viewer)
    watching/    what `tbbridge watch` starts and shows beside the page
    commands/    one file per command of the command line

    >>> reading = tbbridge.read("logs/")                     # everything, once
    >>> tbbridge.export("logs/", "csv/")                     # every run log, once
    >>> tbbridge.read_scalars("logs/")                       # every point, as a pandas data frame
    >>> for update in tbbridge.follow("logs/"): ...          # new rows as they come

Names are imported when they are first used, so that ``import tbbridge`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tbbridge.core.errors import (
        ConditionError,
        FormatError,
        LockedError,
        MappingError,
        PathError,
        PortError,
        PublishError,
        TbbridgeError,
        UsageError,
    )
    from tbbridge.core.model import (
        COLUMNS,
        Damage,
        EventFile,
        Experiment,
        ExperimentView,
        Feed,
        Mark,
        Points,
        RunLog,
        Series,
        Source,
    )
    from tbbridge.exporting.dataframes import (
        read_run_logs,
        read_scalars,
        read_summary,
        run_logs_table,
        scalars_table,
    )
    from tbbridge.exporting.export import export
    from tbbridge.exporting.import_run_log import import_run_log
    from tbbridge.following.bridge import Bridge
    from tbbridge.following.conditions import Noticed
    from tbbridge.following.csv_source import open_source
    from tbbridge.following.show import show
    from tbbridge.following.updates import Follow, Update, follow
    from tbbridge.following.wait import wait
    from tbbridge.reading.check import Check, Checked, check
    from tbbridge.reading.reading import Reading, read
    from tbbridge.shape.condition import Condition, Fulfilled
    from tbbridge.shape.gap import Gap, gap, gaps
    from tbbridge.shape.mapping.mapping import MappingOptions
    from tbbridge.shape.summary import lower_is_better

__all__ = [
    "COLUMNS",
    "Bridge",
    "Check",
    "Checked",
    "Condition",
    "ConditionError",
    "Damage",
    "EventFile",
    "Experiment",
    "ExperimentView",
    "Feed",
    "Follow",
    "FormatError",
    "Fulfilled",
    "Gap",
    "LockedError",
    "MappingError",
    "MappingOptions",
    "Mark",
    "Noticed",
    "PathError",
    "Points",
    "PortError",
    "PublishError",
    "Reading",
    "RunLog",
    "Series",
    "Source",
    "TbbridgeError",
    "Update",
    "UsageError",
    "check",
    "export",
    "follow",
    "gap",
    "gaps",
    "import_run_log",
    "lower_is_better",
    "open_source",
    "read",
    "read_run_logs",
    "read_scalars",
    "read_summary",
    "run_logs_table",
    "scalars_table",
    "show",
    "wait",
]

_HOMES = {
    "tbbridge.exporting.dataframes": (
        "read_run_logs",
        "read_scalars",
        "read_summary",
        "run_logs_table",
        "scalars_table",
    ),
    "tbbridge.exporting.export": ("export",),
    "tbbridge.reading.reading": ("Reading", "read"),
    "tbbridge.reading.check": ("Check", "Checked", "check"),
    "tbbridge.core.errors": (
        "ConditionError",
        "FormatError",
        "LockedError",
        "MappingError",
        "PathError",
        "PortError",
        "PublishError",
        "TbbridgeError",
        "UsageError",
    ),
    "tbbridge.following.show": ("show",),
    "tbbridge.following.updates": ("Follow", "Update", "follow"),
    "tbbridge.following.conditions": ("Noticed",),
    "tbbridge.following.wait": ("wait",),
    "tbbridge.exporting.import_run_log": ("import_run_log",),
    "tbbridge.following.bridge": ("Bridge",),
    "tbbridge.core.model": (
        "COLUMNS",
        "Damage",
        "EventFile",
        "Experiment",
        "ExperimentView",
        "Feed",
        "Mark",
        "Points",
        "RunLog",
        "Series",
        "Source",
    ),
    "tbbridge.shape.condition": ("Condition", "Fulfilled"),
    "tbbridge.shape.gap": ("Gap", "gap", "gaps"),
    "tbbridge.shape.mapping.mapping": ("MappingOptions",),
    "tbbridge.shape.summary": ("lower_is_better",),
    "tbbridge.following.csv_source": ("open_source",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

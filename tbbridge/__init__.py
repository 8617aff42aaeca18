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

if TYPE_CHECKING:  # names that stand for themselves: type checkers take them for the package's own
    from tbbridge.core.errors import ConditionError as ConditionError
    from tbbridge.core.errors import FormatError as FormatError
    from tbbridge.core.errors import LockedError as LockedError
    from tbbridge.core.errors import MappingError as MappingError
    from tbbridge.core.errors import PathError as PathError
    from tbbridge.core.errors import PortError as PortError
    from tbbridge.core.errors import PublishError as PublishError
    from tbbridge.core.errors import TbbridgeError as TbbridgeError
    from tbbridge.core.errors import UsageError as UsageError
    from tbbridge.core.model import COLUMNS as COLUMNS
    from tbbridge.core.model import Damage as Damage
    from tbbridge.core.model import EventFile as EventFile
    from tbbridge.core.model import Experiment as Experiment
    from tbbridge.core.model import ExperimentView as ExperimentView
    from tbbridge.core.model import Feed as Feed
    from tbbridge.core.model import Mark as Mark
    from tbbridge.core.model import Points as Points
    from tbbridge.core.model import RunLog as RunLog
    from tbbridge.core.model import Series as Series
    from tbbridge.core.model import Source as Source
    from tbbridge.exporting.dataframes import read_run_logs as read_run_logs
    from tbbridge.exporting.dataframes import read_scalars as read_scalars
    from tbbridge.exporting.dataframes import read_summary as read_summary
    from tbbridge.exporting.dataframes import run_logs_table as run_logs_table
    from tbbridge.exporting.dataframes import scalars_table as scalars_table
    from tbbridge.exporting.export import export as export
    from tbbridge.exporting.import_run_log import import_run_log as import_run_log
    from tbbridge.following.bridge import Bridge as Bridge
    from tbbridge.following.conditions import Noticed as Noticed
    from tbbridge.following.csv_source import open_source as open_source
    from tbbridge.following.show import show as show
    from tbbridge.following.updates import Follow as Follow
    from tbbridge.following.updates import Update as Update
    from tbbridge.following.updates import follow as follow
    from tbbridge.following.wait import wait as wait
    from tbbridge.reading.check import Check as Check
    from tbbridge.reading.check import Checked as Checked
    from tbbridge.reading.check import check as check
    from tbbridge.reading.reading import Reading as Reading
    from tbbridge.reading.reading import read as read
    from tbbridge.shape.condition import Condition as Condition
    from tbbridge.shape.condition import Fulfilled as Fulfilled
    from tbbridge.shape.gap import Gap as Gap
    from tbbridge.shape.gap import gap as gap
    from tbbridge.shape.gap import gaps as gaps
    from tbbridge.shape.mapping.mapping import MappingOptions as MappingOptions
    from tbbridge.shape.summary import lower_is_better as lower_is_better

_HOMES = {
    "tbbridge.core.errors": "ConditionError FormatError LockedError MappingError PathError "
    "PortError PublishError TbbridgeError UsageError",
    "tbbridge.core.model": "COLUMNS Damage EventFile Experiment ExperimentView Feed Mark Points RunLog Series Source",
    "tbbridge.exporting.dataframes": "read_run_logs read_scalars read_summary run_logs_table scalars_table",
    "tbbridge.exporting.export": "export",
    "tbbridge.exporting.import_run_log": "import_run_log",
    "tbbridge.following.bridge": "Bridge",
    "tbbridge.following.conditions": "Noticed",
    "tbbridge.following.csv_source": "open_source",
    "tbbridge.following.show": "show",
    "tbbridge.following.updates": "Follow Update follow",
    "tbbridge.following.wait": "wait",
    "tbbridge.reading.check": "Check Checked check",
    "tbbridge.reading.reading": "Reading read",
    "tbbridge.shape.condition": "Condition Fulfilled",
    "tbbridge.shape.gap": "Gap gap gaps",
    "tbbridge.shape.mapping.mapping": "MappingOptions",
    "tbbridge.shape.summary": "lower_is_better",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME, key=lambda name: (not name.isupper(), name.islower(), name))


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)

"""Finds where an export goes, and how it is laid out, from the options of ``tbbridge export``."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tbbridge.core.errors import UsageError
from tbbridge.exporting.formats import NAMES, Format, format_of, parse_format
from tbbridge.reading.reading import default_out
from tbbridge.reading.selection import Steps
from tbbridge.write.csv_text import DIALECTS, PLAIN, CsvOptions

if TYPE_CHECKING:
    from tbbridge.shape.condition import Condition

STDOUT = "-"

_LIKE_A_FILE = re.compile(r"\.[A-Za-z]{2,7}$")
"""The end of a name that is hardly meant for a directory."""

LAYOUTS = ("compact", "long", "wide", "summary", "events")
AGGREGATES = ("mean", "median")


class ExportOptions(NamedTuple):
    """The options of laying out and writing the selected part of a log directory."""

    layout: str = "compact"
    """``compact`` (run logs), ``long`` (every point), ``wide`` (a column per tag), ``summary`` (a row per experiment),
    ``events`` (a row per experiment and condition of `on` that it fulfils)."""
    on: Sequence[str] = ()
    """The conditions of ``events``."""
    format: str | None = None
    """``csv``, ``parquet``, ``jsonl``, ``xlsx``, ``html``, ``csv.gz`` ...; None: by the target's suffix."""
    header: bool = True
    summary: bool = True
    """Run logs in a directory with ``summary.csv`` beside them."""
    spreadsheet_safe: bool = False
    dialect: str = "plain"
    """Of a CSV: one of `tbbridge.write.csv_text.DIALECTS`."""
    steps: Steps = (None, None)
    """First and last step, both included; None is open."""
    points: int | None = None
    """At most about this many points per series (first, last, minima and maxima are kept); None: every point."""
    superseded: bool = False
    """The long table also with the points that a restart superseded."""
    aggregate: str | None = None
    """``mean`` or ``median`` over the experiments of each group."""
    groups: Sequence[str] = ()
    """Globs over experiments' names, one per group."""
    group_by: Sequence[str] = ()
    """Hyperparameters that are equal in a group; without these and `groups`, all but the seed."""
    force: bool = False
    """Replace a file that is there."""
    single: bool = False
    """One experiment was asked for by its name: the compact table needs no column for it."""

    @property
    def current(self) -> bool:
        """Whether these are the run logs, whole and as ever, which are always brought up to date in a directory."""
        whole = self.points is None and self.steps == (None, None)
        return self.layout == "compact" and not self.aggregate and whole and self.csv == CsvOptions(self.header)

    @property
    def csv(self) -> CsvOptions:
        """The options of writing a CSV."""
        return CsvOptions(self.header, self.spreadsheet_safe, self.dialect)


class Target(NamedTuple):
    """The target of the tables: standard output, one file for all, or a directory with one file per experiment."""

    form: Format
    file: Path | None = None
    directory: Path | None = None
    published: bool = False
    """The directory that `tbbridge watch` publishes into, with its lock: the run logs as CSV."""


def target(logdir: str | os.PathLike[str], out: str | os.PathLike[str] | None, options: ExportOptions) -> Target:
    """Find the target of the tables of `logdir`.

    `out` is ``-`` for standard output, the name of a file where it ends as a format does, else a directory. Without it,
    run logs go to ``<logdir>-csv/`` and all else to one file beside the log directory.

    Raises:
        UsageError: the format is unknown, or cannot hold the layout.
    """
    asked = parse_format(options.format) if options.format is not None else None
    text = os.fspath(out) if out is not None else None
    if text == "":
        raise UsageError("--out has no name: give a file, a directory, or - for standard output")
    if text == STDOUT:
        return _checked(Target(asked or Format("csv")), options)
    if text is None:
        return _checked(_default_target(logdir, asked or Format("csv"), options), options)
    if not text.endswith(("/", os.sep)) and not os.path.isdir(text):
        file = _file(text, asked)
        if file:
            return _checked(file, options)
    return _checked(_directory(Path(text), asked or Format("csv"), options), options)


def _file(text: str, asked: Format | None) -> Target | None:
    """The target that is a file by its name, or is there as one (a pipe, a device); None for a directory."""
    named = format_of(text)
    if named and asked and named != asked:
        raise UsageError(f"--format {asked.suffix[1:]} does not fit {text}: leave it away, or name another file")
    there = os.path.exists(text)
    if named or (there and not os.path.isfile(text)):
        return Target(asked or named or Format("csv"), file=Path(text))
    if there or _LIKE_A_FILE.search(text):
        other = "choose another --out" if there else "end it with /"
        raise UsageError(f"{text} ends like no format that there is: choose {', '.join(NAMES)}, or {other}")
    return None


def _default_target(logdir: str | os.PathLike[str], form: Format, options: ExportOptions) -> Target:
    base = default_out(logdir)
    stem = base.name.removesuffix("-csv")
    if options.layout == "compact" and not options.aggregate:
        if form.name in ("csv", "parquet", "jsonl"):
            return _directory(base.with_name(f"{stem}-{form.name}"), form, options)
        return Target(form, file=base.with_name(stem + form.suffix))
    return Target(form, file=base.with_name(f"{stem}-{options.aggregate or options.layout}{form.suffix}"))


def _directory(path: Path, form: Format, options: ExportOptions) -> Target:
    return Target(form, directory=path, published=form == Format("csv") and options.current)


def _checked(where: Target, options: ExportOptions) -> Target:
    _check(options)
    if options.csv != PLAIN and where.form.name != "csv":
        raise UsageError(f"--no-header, --spreadsheet-safe and --dialect are for CSV, not for {where.form.name}")
    if where.form.name == "html" and (options.layout != "compact" or options.aggregate):
        raise UsageError("html shows run logs: leave --layout and --aggregate away")
    if where.file is None and where.directory is None and where.form.binary and sys.stdout.isatty():
        raise UsageError(f"{where.form.suffix[1:]} is not text for a terminal: name a file with --out")
    return where


def _check(options: ExportOptions) -> None:
    """Refuse what no target can make sense of."""
    known = (("layout", options.layout, LAYOUTS), ("dialect", options.dialect, DIALECTS))
    for what, value, values in (*known, ("aggregate", options.aggregate or "mean", AGGREGATES)):
        if value not in values:
            raise UsageError(f"unknown {what} {value!r}: choose {', '.join(values)}")
    if options.points is not None and options.points < 2:
        raise UsageError(f"--points {options.points}: give at least 2, the first and the last")
    if options.aggregate and options.layout != "compact":
        raise UsageError("--aggregate is of run logs: leave --layout away")
    if (options.groups or options.group_by) and not options.aggregate:
        raise UsageError("--group and --group-by say what is aggregated: add --aggregate mean or --aggregate median")
    if options.groups and options.group_by:
        raise UsageError("--group and --group-by exclude each other: leave one of them out")
    if options.on and options.layout != "events":
        raise UsageError("--on is for the conditions of one layout: add --layout events")
    if options.layout == "events":
        event_conditions(options.on)
        if options.points is not None:
            raise UsageError("--points would leave out points that fulfil a condition: leave it away")
    if options.superseded and options.layout != "long":
        raise UsageError("--all is for the long table: add --layout long")
    low, high = options.steps
    if low is not None and high is not None and low > high:
        raise UsageError(f"--steps {low}:{high}: the first step is larger than the last")


def event_conditions(texts: Sequence[str]) -> list[Condition]:
    """Return the conditions of the layout.

    Raises:
        ConditionError: one is not written as it should be.
        UsageError: there is none, or one asks for silence, which event files do not hold.
    """
    from tbbridge.shape.condition import Condition

    conditions = [Condition(text) for text in dict.fromkeys(texts)]
    if not conditions:
        raise UsageError('the layout events needs a condition: add --on "val accuracy > 0.9"')
    for one in conditions:
        if one.silence is not None:
            raise UsageError(f"--on {one.text!r}: silence is not in the event files; tbbridge wait has this condition")
    return conditions

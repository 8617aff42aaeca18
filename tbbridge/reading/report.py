"""The report of a reading and its mapping, as text and as JSON: ``tbbridge inspect``.

Names are untrusted: they are printed without control characters, and never taken as markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any

from tbbridge.core.escape import escaped
from tbbridge.core.model import JSON_VERSION, Experiment, HParam, Series
from tbbridge.reading.findings import experiment_notes
from tbbridge.reading.reading import Reading

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

LONGEST_NAME = 300
"""Characters of a name that are printed; JSON has all of them."""
MOST_EXPERIMENTS = 20
"""Experiments that are printed: a few pages; JSON has all of them."""
MOST_OTHERS = 20
"""Series that feed no column and are printed per run or table; JSON has all of them."""
PIPED_WIDTH = 160
"""Columns of text where the output is no terminal, so that names are seldom cut into lines."""


def report_json(reading: Reading) -> dict[str, Any]:
    """The whole report as plain data, as ``tbbridge/commands/schema.json`` says."""
    return {
        "version": JSON_VERSION,
        "experiments": {one.name: _experiment(reading, one) for one in reading.experiments},
        "runs": {run: {tag: _series(one) for tag, one in tags.items()} for run, tags in reading.runs.items()},
        "problems": list(reading.problems),
    }


def _experiment(reading: Reading, experiment: Experiment) -> dict[str, Any]:
    placement = reading.placement(experiment)
    return {
        "columns": {
            column: {"run": feed.run, "tag": feed.tag, "rule": feed.rule, "note": feed.note} if feed else None
            for column, feed in experiment.feeds.items()
        },
        "hyperparameters": _plain(reading.hparams(experiment)),
        "notes": list(notes(reading, experiment)),
        "runs": list(experiment.runs),
        "passed_over": [{"run": run, "tag": tag, "why": why} for run, tag, why in experiment.passed_over],
        "axis": placement.how,
    }


def _plain(hparams: Mapping[str, HParam]) -> dict[str, HParam]:
    """JSON has no NaN and no infinities: such a value is its text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in hparams.items()
    }


def _series(series: Series) -> dict[str, Any]:
    live = ~series.superseded
    steps = series.step[live]
    last = float(series.value[live][-1]) if len(steps) else math.nan
    return {
        "points": len(series.step),
        "superseded": int(len(series.step) - len(steps)),
        "first_step": int(steps.min()) if len(steps) else None,
        "last_step": int(steps.max()) if len(steps) else None,
        "last_value": last if math.isfinite(last) else None,
    }


def notes(reading: Reading, experiment: Experiment) -> Iterator[str]:
    """Yield the messages about an experiment: its mapping, its hyperparameters, the axis of its columns."""
    yield from experiment_notes(reading, experiment)
    if given := reading.hparams(experiment):
        yield "hyperparameters: " + ", ".join(f"{name} = {value}" for name, value in given.items())
    if line := reading.placement(experiment).note:
        yield f"steps: {line}"


def print_report(reading: Reading, file: IO[str]) -> None:
    """Print the whole report as text."""
    from rich.console import Console

    if isinstance(file, TextIOWrapper):
        file.reconfigure(errors="backslashreplace")  # a name may hold what the terminal's encoding cannot say
    width = None if file.isatty() else PIPED_WIDTH
    console = Console(file=file, width=width, markup=False, emoji=False, highlight=False, soft_wrap=False)
    for experiment in reading.experiments[:MOST_EXPERIMENTS]:
        for part in _parts(reading, experiment):
            console.print(part)
    more = len(reading.experiments) - MOST_EXPERIMENTS
    if more > 0:
        console.print(f"and {more} more experiments: give the directory of one, or --json for all of them")


def _parts(reading: Reading, experiment: Experiment) -> Iterator[RenderableType]:
    """One experiment: its columns and why, its notes, the series passed over, and the other ones."""
    from rich.text import Text

    runs = experiment.runs
    yield Text.assemble((shortened(experiment.name), "bold"), f"  ({len(runs)} run{'s' * (len(runs) != 1)})")
    yield _columns(reading, experiment)
    yield from (Text(f"  note: {shortened(line)}", style="yellow") for line in notes(reading, experiment))
    if experiment.passed_over:
        yield _passed_over(reading, experiment)
    if others := _others(reading, experiment):
        yield others
    yield Text("")


def _columns(reading: Reading, experiment: Experiment) -> Table:
    table = _table("column", "fed by", "points", "steps", "why")
    for column, feed in experiment.feeds.items():
        if feed is None:
            table.add_row(*map(_cell, (column, "-", "", "", "no series found")))
            continue
        series = reading.runs[feed.run][feed.tag]
        at = _at(experiment, feed.run, feed.tag)
        table.add_row(*map(_cell, (column, at, str(len(series.step)), _steps(series))), _lines(feed.rule.split("; ")))
    return table


def _at(experiment: Experiment, run: str, tag: str) -> str:
    return tag if len(experiment.runs) == 1 else f"{run}: {tag}"


def _passed_over(reading: Reading, experiment: Experiment) -> Table:
    table = _table("passed over", "points", "why it feeds no column")
    for run, tag, why in experiment.passed_over[:MOST_OTHERS]:
        points = str(len(reading.runs[run][tag].step))
        table.add_row(*map(_cell, (_at(experiment, run, tag), points, why)))
    if more := experiment.passed_over[MOST_OTHERS:]:
        table.add_row(_cell(f"and {len(more)} more (--json has all)"))
    return table


def _others(reading: Reading, experiment: Experiment) -> Table | None:
    """The series that are neither an accuracy nor a loss, in short: a row per run."""
    from rich.text import Text

    shown = {(feed.run, feed.tag) for feed in experiment.feeds.values() if feed}
    shown |= {(run, tag) for run, tag, _ in experiment.passed_over}
    table = _table("run", "other series (points)")
    for run in experiment.runs:
        others = [(tag, len(one.step)) for tag, one in reading.runs[run].items() if (run, tag) not in shown]
        if others and table.row_count == MOST_OTHERS:
            table.add_row(Text("and more runs (--json has all)"))
            break
        if others:
            more = f", and {len(others) - MOST_OTHERS} more (--json has all)" if others[MOST_OTHERS:] else ""
            table.add_row(
                _cell(run), Text(", ".join(f"{shortened(tag)} ({n})" for tag, n in others[:MOST_OTHERS]) + more)
            )
    return table if table.row_count else None


def _table(*headers: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim")
    for header in headers:
        points = header == "points"
        table.add_column(header, justify="right" if points else "left", overflow="fold", no_wrap=points)
    return table


def _cell(text: str) -> Text:
    return _lines([text])


def _lines(texts: Iterable[str]) -> Text:
    from rich.text import Text

    return Text("\n".join(map(shortened, texts)))


def _steps(series: Series) -> str:
    said = _series(series)
    more = f" ({said['superseded']} superseded)" if said["superseded"] else ""
    return "" if said["first_step"] is None else f"{said['first_step']} .. {said['last_step']}{more}"


def shortened(text: str) -> str:
    """`text` as `escaped`, its middle left out where it is longer than anybody reads."""
    if len(text) <= LONGEST_NAME:
        return escaped(text)
    half = LONGEST_NAME // 2
    return f"{escaped(text[:half])} ... {escaped(text[-half:])}"

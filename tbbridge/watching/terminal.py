"""The terminal of `tbbridge watch`: a quiet live table, or plain lines where the output is no terminal.

Names come from event files and directories: they are shown as data, without control characters and without markup.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tbbridge.core.escape import escaped
from tbbridge.core.model import ExperimentView, Points, Source
from tbbridge.following.silence import QUIET
from tbbridge.shape.losses import NO_EVENT_FILE
from tbbridge.shape.mapping.mapping import MADE_AGAIN

if TYPE_CHECKING:
    from rich.console import RenderableType

log = logging.getLogger(__name__)

REFRESH, QUIET_REFRESH = 0.5, 1.0
"""Seconds between drawings, with news and without."""

SHARE_ON_NEWS, SHARE = 0.003, 0.001
"""At most this share of a core goes into drawing, with news and without: there may be thousands of experiments."""

LINES_EVERY = 10.0
"""Seconds between plain lines of one experiment."""

NO_DATA = "no data yet"
"""The text in place of a step."""

MOST_ROWS = 40
"""Rows of the table, and plain lines at a time; the experiments written to last are shown."""


MOST_MESSAGES = 8
"""Lines of problems below the table."""


class Shown(Source, Protocol):
    """A source that also says where it publishes, and which experiments are at work."""

    def latest(self, most: int) -> tuple[list[str], int]:
        """The `most` experiments that were written to last, the last first; how many there are.

        Where there are no more than `most`, they come in natural order.
        """

    def csv_path(self, name: str) -> Path | None:
        """The path of an experiment's published run log."""


TITLES = ("experiment", "step", "steps/s", "train metric / loss", "val metric / loss", "last write", "run log")
"""Of the table's columns."""
GUTTER = 2
"""Characters between two columns."""
SHORTEST_NAME = 12
HEAD_LINES = 3
"""Of the table: its titles, how many more there are, the cursor's line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One experiment in the table."""

    name: str
    step: str
    rate: str
    train: str
    val: str
    written: str
    state: str
    """Its state and problems: ``stalled``, restarts, damage; "" when it is live and all is well."""
    csv: str


def row(view: ExperimentView, csv: Path | None) -> Row:
    """The row of one experiment."""
    steps = [int(points.step[-1]) for points in view.columns.values() if len(points.step)]
    by_split = [_last(view, split) for split in ("train ", "val ")]
    return Row(
        name=escaped(view.name),
        step=str(max(steps)) if steps else NO_DATA,
        rate=_rate(view) if view.state == "live" else "",
        train=by_split[0],
        val=by_split[1],
        written=ago(time.time() - view.last_write) if view.last_write else "",
        state=escaped(", ".join(_remarks(view))),
        csv=escaped(str(csv)) if csv else "",
    )


def _others(total: int, shown: int) -> str:
    return f"and {total - shown} more: the {shown} written last are shown"


def _quiet(view: ExperimentView) -> str:
    """The note of points that its writer may keep back, where it has been silent for a while; "" where not."""
    return next((note for note in view.notes if note.startswith(QUIET)), "")


def ago(seconds: float) -> str:
    """Return a time span in its largest unit: ``3 s ago``, ``5 min ago``."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return f"{int(seconds)} s ago"


def _remarks(view: ExperimentView) -> Iterator[str]:
    """The state when it is not ``live``, restarts, damage, whether columns have other series, what is no event file."""
    if view.state != "live":
        yield view.state
    kinds = Counter(mark.kind for mark in view.marks)
    for kind, words in (("restart", "restarts"), ("damage", "damaged places")):
        if kinds[kind]:
            yield f"{kinds[kind]} {words if kinds[kind] > 1 else words.removesuffix('s')}"
    if any(note.endswith(MADE_AGAIN) for note in view.notes):
        yield "mapping changed"
    if not any(len(points.step) for points in view.columns.values()):
        kinds_of_text = {what for note in view.notes if (what := note.partition(NO_EVENT_FILE)[2])}
        yield from sorted(f"no event file, but {what}" for what in kinds_of_text)


def _last(view: ExperimentView, split: str) -> str:
    """The last values of the columns of a split, such as ``0.98 / 0.062`` or ``reward 195.3 / 0.062``."""
    of = {name.removeprefix(split): points for name, points in view.columns.items() if name.startswith(split)}
    name = next(iter(of), "accuracy")
    texts = [f"{float(points.value[-1]):.4g}" if len(points.step) else "-" for points in of.values()]
    return ("" if name == "accuracy" else f"{escaped(name)} ") + " / ".join(texts)


def _rate(view: ExperimentView) -> str:
    """Steps a second over the last points, by the writer's clock."""
    longest = max(view.columns.values(), key=lambda points: len(points.step), default=None)
    rate = _steps_a_second(longest) if longest is not None else math.nan
    return f"{rate:.3g}" if math.isfinite(rate) and rate > 0 else ""


def _steps_a_second(points: Points) -> float:
    if len(points.step) < 2:
        return math.nan
    step, wall = points.step[-20:], points.wall_time[-20:]
    seconds = float(wall[-1] - wall[0])
    return (int(step[-1]) - int(step[0])) / seconds if seconds > 0 else math.nan


def _try_to(draw: Callable[[], object]) -> None:
    """Draw, or go on without: following does not end because its output's disk is full or its terminal is gone."""
    try:
        draw()
    except BrokenPipeError:
        raise  # the output's reader is gone
    except OSError:
        log.debug("cannot draw", exc_info=True)


def _cells(one: Row) -> list[str]:
    """Return the cells of a row, in the order of `TITLES`."""
    written = f"{one.written} ({one.state})" if one.state else one.written
    return [one.name, one.step, one.rate, one.train, one.val, written, one.csv]


def _fitted(lines: list[list[str]], width: int) -> list[list[str]]:
    """Return the lines with names shortened in the middle to fit `width`, and without paths where they do not fit."""
    widths = [max(map(len, column)) for column in zip(TITLES, *lines, strict=True)]
    if sum(widths) + GUTTER * len(widths) > width:
        lines, widths = [line[:-1] for line in lines], widths[:-1]
    left = max(SHORTEST_NAME, width - sum(widths[1:]) - GUTTER * len(widths))
    return [[_shortened(line[0], left), *line[1:]] for line in lines]


def _shortened(name: str, most: int) -> str:
    """Return at most `most` characters of a name, with the middle left out: its end tells it from its neighbours."""
    if len(name) <= most:
        return name
    end = most // 2
    return f"{name[: most - end - 1]}…{name[-end:]}"


class Display:
    """Shows a source until `stop` is set.

    Args:
        source: the experiments to show.

    Attributes:
        links: lines above the table: where the page is, where the run logs are.
        worries: called for each drawing; their messages are shown beside the source's own status.
    """

    def __init__(self, source: Shown) -> None:
        self._source = source
        self.links: list[str] = []
        self.worries: list[Callable[[], list[str]]] = []

    def run(self, stop: threading.Event) -> None:
        """Show until `stop` is set."""
        if sys.stdout.isatty():
            self._run_table(stop)
        else:
            self._run_lines(stop)

    def status(self) -> list[str]:
        """Return the present problems, one line each."""
        worries = [line for worry in self.worries for line in worry()]
        return [escaped(line) for line in [*self._source.status(), *worries] if line]

    def _run_table(self, stop: threading.Event) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console()
        with Live(self.table(*console.size), console=console, auto_refresh=False, transient=False) as live:
            self._repeat(lambda: live.update(self.table(*console.size), refresh=True), stop)

    def table(self, width: int, height: int) -> RenderableType:
        """Return the whole picture for a terminal of this size: one line per experiment, and all messages in view."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        (views, total), status = self._views(), self.status()
        if len(status) > MOST_MESSAGES:
            status[MOST_MESSAGES:] = [f"and {len(status) - MOST_MESSAGES} more messages: tbbridge check has them"]
        below = sorted({quiet for view in views if (quiet := _quiet(view))})
        taken = sum(-(-len(line) // max(width, 1)) for line in [*self.links, *below, *status])
        room = max(1, min(MOST_ROWS, height - taken - HEAD_LINES))
        if total > room:
            views = sorted(views, key=lambda one: -(one.last_write or 0.0))[:room]
            below.insert(0, _others(total, len(views)))
        table = Table(box=None, pad_edge=False, header_style="bold")
        cells = _fitted([_cells(row(view, self._source.csv_path(view.name))) for view in views], width)
        for place, title in enumerate(TITLES[: len(cells[0])] if cells else ()):
            left = place == 0 or title == "run log"
            table.add_column(title, justify="left" if left else "right", no_wrap=True, overflow="ellipsis")
        for line in cells:
            table.add_row(*map(Text, line))
        parts = [Text(escaped(line), style="dim") for line in self.links] + [table] * bool(views)
        parts += [Text(line, style="dim") for line in below]
        return Group(*parts, *(Text(line, style="yellow") for line in status))

    def _run_lines(self, stop: threading.Event) -> None:
        links = deque(self.links)
        said: set[str] = set()
        told: dict[str, tuple[str, float]] = {}
        known: dict[str, tuple[object, ...]] = {}

        def say() -> None:
            nonlocal said
            while links:
                print(escaped(links[0]), flush=True)
                links.popleft()
            views, total = self._views()
            lines = [_others(total, len(views))] if total > len(views) else []
            said = self._say(self.status() + lines, said)
            for view in views:
                points = sum(len(points.step) for points in view.columns.values())
                facts = (view.generation, view.state, points, len(view.marks), view.notes)
                if known.get(view.name) == facts:
                    continue
                csv = None if view.name in told else self._source.csv_path(view.name)
                if self._say_row(row(view, csv), told):
                    known[view.name] = facts

        self._repeat(say, stop)

    def _repeat(self, draw: Callable[[], object], stop: threading.Event) -> None:
        """Draw on news, and now and then for the ages; seldom where that costs much. The last time after `stop`."""
        news = threading.Event()
        end = self._source.subscribe(news.set)
        while not stop.is_set():
            news.clear()
            began = time.thread_time()
            _try_to(draw)
            cost = time.thread_time() - began
            quiet_until = time.monotonic() + max(QUIET_REFRESH, cost / SHARE)
            stop.wait(max(REFRESH, cost / SHARE_ON_NEWS))
            while not news.is_set() and time.monotonic() < quiet_until and not stop.wait(0.2):
                pass
        end()
        _try_to(draw)

    def _views(self) -> tuple[list[ExperimentView], int]:
        """Return the experiments to show, and how many there are: the first picture of each is made when it is."""
        names, total = self._source.latest(MOST_ROWS)
        return [view for name in names if (view := self._source.view(name))], total

    def _say(self, lines: list[str], said: set[str]) -> set[str]:
        for line in lines:
            if line not in said:
                print(line, flush=True)
        return set(lines)

    def _say_row(self, one: Row, told: dict[str, tuple[str, float]]) -> bool:
        """Print the line of an experiment where it is new and has its time; returns whether all is said."""
        began = one.step != NO_DATA
        at = f"step {one.step}, train {one.train or '-'}, val {one.val or '-'}" if began else one.step
        line = f"{one.name}: {at}"
        line += f", {one.state}" if one.state else ""
        before, moment = told.get(one.name, ("", -math.inf))
        if line == before:
            return True
        if time.monotonic() - moment < LINES_EVERY:
            return False
        print(f"{line} -> {one.csv}" if one.csv and not before else line, flush=True)
        told[one.name] = (line, time.monotonic() if began else -math.inf)
        return True

"""The first run logs of experiments that were read together, as text: many by one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tbbridge.core.model import Experiment
from tbbridge.shape.many_series import ManySeries
from tbbridge.shape.summary import SummaryRow, rows_together
from tbbridge.write.run_log_csv import run_logs_csv

if TYPE_CHECKING:
    from tbbridge.reading.log_directory import CalmRun

ROWS = 1 << 15
"""Rows of the texts that are made at a time, the last run log's aside."""


class _Alike(NamedTuple):
    """Run logs with the same columns, from series that were read together."""

    series: ManySeries
    columns: tuple[str, ...]
    filled: tuple[int, ...]
    """The places of the columns that have points; the others are empty."""


class FirstText(NamedTuple):
    """A run log that was never published."""

    rows: bytes
    """The CSV, without a header."""
    summary: SummaryRow


class FirstTexts:
    """Makes the texts of run logs that wait, and of their neighbours, when one is asked for."""

    def __init__(self) -> None:
        self._alike: dict[str, _Alike] = {}
        self._waiting: dict[_Alike, dict[str, list[int]]] = {}
        self._texts: dict[str, FirstText] = {}

    def put(self, experiment: Experiment, runs: Mapping[str, CalmRun | tuple[ManySeries, int]]) -> None:
        """An experiment of these runs waits for its text.

        runs: of each, the series that it was read with, and its file's number among them.
        """
        feeds = [(place, feed) for place, feed in enumerate(experiment.feeds.values()) if feed]
        if not feeds or any(runs[feed.run][0] is not runs[feeds[0][1].run][0] for _, feed in feeds):
            return
        alike = _Alike(runs[feeds[0][1].run][0], tuple(experiment.feeds), tuple([place for place, _ in feeds]))
        numbers = [alike.series.number(runs[feed.run][1], feed.tag) for _, feed in feeds]
        self._alike[experiment.name] = alike
        self._waiting.setdefault(alike, {})[experiment.name] = numbers

    def drop(self, name: str) -> None:
        """An experiment is not as it was put any more."""
        self._texts.pop(name, None)
        if alike := self._alike.pop(name, None):
            del self._waiting[alike][name]
            if not self._waiting[alike]:
                del self._waiting[alike]

    def take(self, name: str) -> FirstText | None:
        """Return what is known here of an experiment; None where it is not."""
        if name in self._alike:
            self._make(self._alike[name], name)
        return self._texts.pop(name, None)

    def _make(self, alike: _Alike, name: str) -> None:
        waiting = self._waiting[alike]
        names = [name, *(one for one in waiting if one != name)]
        numbers = np.array([waiting[one] for one in names])
        names = names[: int(np.searchsorted(np.cumsum(alike.series.sizes(numbers[:, 0])), ROWS)) + 1]
        for one in names:
            del self._alike[one], waiting[one]
        if not waiting:
            del self._waiting[alike]
        logs = alike.series.joined(numbers[: len(names)])
        values = {alike.columns[place]: one for place, one in zip(alike.filled, logs.values, strict=True)}
        texts = run_logs_csv(logs.step, dict.fromkeys(alike.columns) | values, logs.bounds)
        rows = rows_together(alike.columns, alike.filled, alike.series, logs)
        self._texts |= dict(zip([names[place] for place in logs.kept], map(FirstText, texts, rows), strict=True))

"""A `tbbridge.Source` in memory, whose experiments grow as a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tbbridge import COLUMNS, ExperimentView, Mark, Points
from tbbridge.shape.summary import SummaryRow

EMPTY = Points(np.empty(0, np.int64), np.empty(0), np.empty(0, np.float32))


def points(
    values: Sequence[float], every: int = 5, first: int = 0, wall: float = 1.7e9, dtype: type = np.float32
) -> Points:
    """Values at steps `first`, `first` + `every` ..., one a second from `wall` on."""
    n = len(values)
    return Points(
        first + every * np.arange(n, dtype=np.int64), wall + np.arange(n, dtype=float), np.asarray(values, dtype)
    )


def training(n: int, seed: int = 0, best: float = 0.97) -> dict[str, Points]:
    """The four columns of a plausible training of `n` rows."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / 60.0
    accuracy = best - (best - 0.1) * np.exp(-t / 2)
    loss = 2.3 * np.exp(-t / 2) + 0.08
    made = (
        np.clip(accuracy + rng.normal(0, 0.02, n), 0, 1),
        np.clip(accuracy - 0.015 + rng.normal(0, 0.006, n), 0, 1),
        np.abs(loss + rng.normal(0, 0.06, n)),
        np.abs(loss + 0.03 + rng.normal(0, 0.02, n)),
    )
    return {column: points(values) for column, values in zip(COLUMNS, made, strict=True)}


class MemorySource:
    """Experiments in memory. Change them with `put`, `append` and `drop`; each tells the subscribers."""

    def __init__(self, title: str = "logs/", **experiments: dict[str, Points]) -> None:
        self.title = title
        self.tensorboard_url: str | None = None
        self.lines: list[str] = []
        self._views: dict[str, ExperimentView] = {}
        self._callbacks: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        for name, columns in experiments.items():
            self.put(name, columns)

    def names(self) -> list[str]:
        with self._lock:
            return list(self._views)

    def view(self, name: str) -> ExperimentView | None:
        with self._lock:
            return self._views.get(name)

    def csv(self, name: str) -> bytes | None:
        view = self.view(name)
        if view is None:
            return None
        steps = sorted({int(step) for points in view.columns.values() for step in points.step})
        cells = [dict(zip(p.step.tolist(), p.value.tolist(), strict=True)) for p in view.columns.values()]
        rows = (",".join([str(step), *(str(column.get(step, "")) for column in cells)]) for step in steps)
        return "\n".join([",".join(["step", *view.columns]), *rows, ""]).encode()

    def status(self) -> Sequence[str]:
        return list(self.lines)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    @property
    def subscribers(self) -> int:
        """How many listen now."""
        return len(self._callbacks)

    def tell(self) -> None:
        """Say that something changed."""
        for callback in list(self._callbacks):
            callback()

    def put(
        self,
        name: str,
        columns: dict[str, Points],
        *,
        extra: dict[str, dict[str, Points]] | None = None,
        marks: Sequence[Mark] = (),
        notes: Sequence[str] = (),
        hparams: dict[str, float | str] | None = None,
        state: str = "live",
        last_write: float | None = None,
    ) -> None:
        """Set an experiment; its past counts as changed."""
        with self._lock:
            old = self._views.get(name)
            columns = {
                column: columns.get(column, EMPTY) for column in (*COLUMNS, *(c for c in columns if c not in COLUMNS))
            }
            self._views[name] = ExperimentView(
                name,
                old.generation + 1 if old else 0,
                columns,
                extra or {},
                tuple(marks),
                tuple(notes),
                summary={**SummaryRow(columns), **(hparams or {})},
                last_write=time.time() if last_write is None else last_write,
                state=state,
            )
        self.tell()

    def append(self, name: str, step: int, tell: bool = True, **values: float) -> None:
        """Append a point to columns named like ``train_accuracy``."""
        with self._lock:
            view = self._views[name]
            columns = dict(view.columns)
            for key, value in values.items():
                column = key.replace("_", " ")
                old = columns[column]
                columns[column] = Points(
                    np.append(old.step, np.int64(step)),
                    np.append(old.wall_time, time.time()),
                    np.append(old.value, np.asarray(value, old.value.dtype)),
                )
            self._views[name] = replace(
                view, columns=columns, summary={**view.summary, **SummaryRow(columns)}, last_write=time.time()
            )
        if tell:
            self.tell()

    def drop(self, name: str) -> None:
        """Take an experiment away."""
        with self._lock:
            del self._views[name]
        self.tell()

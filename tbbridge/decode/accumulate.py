"""All scans of one event file, added up: its scalars in columns as compact as the writer's values, and the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import inf, isfinite

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tbbridge.core.growing_column import GrowingColumn
from tbbridge.core.model import Damage, EventFile, Float64, Int64, Scalars, Start
from tbbridge.decode import backend
from tbbridge.decode.hparams import UNREADABLE, HParamsSession
from tbbridge.decode.scan_result import REASONS, Scan

MAX_DAMAGES = 100_000
"""Damaged ranges that are reported one by one; further ones are joined with the last."""


_HPARAMS = b"_hparams_/"
"""The beginning of the hparams plugin's tags (tensorboard.plugins.hparams.metadata)."""


class Columns:
    """The scalars of one event file: tag, step and wall time, and the value as float32 until one needs float64.

    Attributes:
        taken: how many rows were taken, and are not kept here any more.
    """

    def __init__(self) -> None:
        self.taken = 0
        self._digest: tuple[int, ...] = (0, 0, 0, 0)
        self._begin(np.float32)

    def _begin(self, kind: DTypeLike) -> None:
        self._tag = GrowingColumn(np.int32)
        self._step = GrowingColumn(np.int64)
        self._wall_time = GrowingColumn(np.float64)
        self._value = GrowingColumn(kind)

    @property
    def rows(self) -> int:
        """The number of rows, those that were taken among them."""
        return self.taken + len(self._value)

    def room(self, rows: int, expected: int = 0) -> tuple[NDArray[np.int32], Int64, Float64]:
        """Places for at least `rows` more (tag, step, wall time), to be filled and then kept by `commit`.

        Where there are too few, `expected` rows in all are made room for at once; untouched, they take no memory.
        """
        expected -= self.taken
        self._value.room(rows, expected)
        tag, step, wall_time = (column.room(rows, expected) for column in (self._tag, self._step, self._wall_time))
        return tag, step, wall_time

    def commit(self, ids: NDArray[np.int32], value: Float64, wide: bool) -> None:
        """Keep the next ``len(value)`` rows; `ids` holds the number in the file of each local tag."""
        if wide and self._value.dtype == np.float32:
            self._value = GrowingColumn(self._value.view.astype(np.float64))
        rows = len(value)
        tag = self._tag.room(rows)
        tag[:rows] = ids[tag[:rows]]
        for column in (self._tag, self._step, self._wall_time):
            column.keep(rows)
        self._value.extend(value)

    def take(self) -> Scalars:
        """Return the rows since the last time, and keep them no longer."""
        taken = self.scalars()
        self._digest = self.digest
        self.taken = self.rows
        self._begin(self._value.dtype)
        return taken

    @property
    def digest(self) -> tuple[int, ...]:
        """The CRC-32C of each column, over all rows; values as float64, in which they may be held one day."""
        columns = (self._tag.view, self._step.view, self._wall_time.view, self._value.view.astype(np.float64))
        return tuple(
            backend.crc32c(column.view(np.uint8).data, before) if len(column) else before
            for column, before in zip(columns, self._digest, strict=True)
        )

    def scalars(self) -> Scalars:
        """The rows that are kept and were not taken, as views."""
        return Scalars(self._tag.view, self._step.view, self._wall_time.view, self._value.view)


class Log:
    """The scalars of the records so far, and the damage between them."""

    def __init__(self) -> None:
        self.columns = Columns()
        self.records = 0
        self.fresh = True
        """Whether the file held nothing but file versions so far."""
        self.foreign: list[bytes] = []
        """Tags that belong to another plugin than ``scalars`` so far."""
        self._tags: list[str] = []
        self._ids: dict[str, int] = {}
        self._doubles: set[int] = set()
        self._starts: list[Start] = []
        self._hparams = False
        self._session = HParamsSession()
        self._first_wall_time = float("nan")
        self._damage: list[Damage] = []
        self._passed = [0] * len(REASONS)

    def absorb(self, found: Scan, value: Float64) -> None:
        """Add a scan's findings; `value` is the column that it filled beside those of ``columns.room``."""
        before = self.columns.rows
        if found.rows:
            ids = np.array([self._id(tag) for tag in found.tags], np.int32)
            self._doubles.update(int(ids[tag]) for tag in found.wide)
            self.columns.commit(ids, value[: found.rows], wide=bool(found.wide))
            self._place_damage(int(self.columns.scalars().step[-found.rows]))
        if found.records:
            if self.records == 0:
                self._first_wall_time = found.first_wall_time
            self.records += found.records
            self._passed = [a + b for a, b in zip(self._passed, found.passed, strict=True)]
            self._starts += [
                Start(before + rows, step, first, wall_time if isfinite(wall_time) else inf)
                for rows, step, first, wall_time in found.starts
            ]
            self.foreign, self.fresh = found.foreign, found.fresh
            self._hparams = self._hparams or any(tag.startswith(_HPARAMS) for tag in found.foreign)
            for wall_time, content in found.sessions:
                self._session.add(wall_time, content)

    def _place_damage(self, step: int) -> None:
        """Note the step of the first scalar behind the damage that has none yet."""
        for place in reversed(range(len(self._damage))):
            if self._damage[place].step is not None:
                break
            self._damage[place] = replace(self._damage[place], step=step)

    def _id(self, tag: bytes) -> int:
        text = tag.decode("utf-8", "backslashreplace")
        number = self._ids.setdefault(text, len(self._ids))
        if number == len(self._tags):
            self._tags.append(text)
        return number

    def lose(self, start: int, end: int, reason: str) -> None:
        """Note the damage ``[start, end)``, which follows on all that was noted before."""
        last = self._damage[-1] if self._damage else None
        if last and last.end == start and last.reason == reason:
            self._damage[-1] = Damage(last.start, end, reason)
        elif last and len(self._damage) >= MAX_DAMAGES:
            self._damage[-1] = Damage(last.start, end, "many damaged ranges up to here")
        else:
            self._damage.append(Damage(start, end, reason))

    def snapshot(self, name: str, size: int, open_damage: Damage | None, incomplete_tail: int) -> EventFile:
        """All of it as an `EventFile`; its arrays are views of what later scans only append to."""
        reasons, counts = (*REASONS, UNREADABLE), (*self._passed, self._session.unreadable)
        return EventFile(
            name=name,
            scalars=self.columns.scalars(),
            tags=self._tags,
            doubles=set(self._doubles),
            first_wall_time=self._first_wall_time,
            starts=list(self._starts),
            hparams=self._hparams,
            hparam_values=self._session.given,
            hparam_domains=self._session.domains,
            session_end=self._session.end,
            records=self.records,
            damage=[*self._damage, *([open_damage] if open_damage else [])],
            incomplete_tail=incomplete_tail,
            passed_over=Counter({reason: n for reason, n in zip(reasons, counts, strict=True) if n}),
            size=size,
            taken=self.columns.taken,
        )

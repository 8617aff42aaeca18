"""The findings of all scans of one event file, added up."""

from __future__ import annotations

from collections import Counter
from math import inf, isfinite

import numpy as np

from tbbridge.core.model import Damage, EventFile, Float64, Start
from tbbridge.decode.columns import Columns
from tbbridge.decode.scan_result import REASONS, Scan

MAX_DAMAGES = 100_000
"""Damaged ranges that are reported one by one; further ones are joined with the last."""


_HPARAMS = b"_hparams_/"
"""How the tags of the hparams plugin begin (tensorboard.plugins.hparams.metadata)."""


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
        return EventFile(
            name=name,
            scalars=self.columns.scalars(),
            tags=self._tags,
            doubles=set(self._doubles),
            first_wall_time=self._first_wall_time,
            starts=list(self._starts),
            hparams=self._hparams,
            records=self.records,
            damage=[*self._damage, *([open_damage] if open_damage else [])],
            incomplete_tail=incomplete_tail,
            passed_over=Counter({reason: n for reason, n in zip(REASONS, self._passed, strict=True) if n}),
            size=size,
            taken=self.columns.taken,
        )

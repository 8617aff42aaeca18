"""All scans of one event file, added up: its scalars in columns, and the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import inf, isfinite
from typing import TYPE_CHECKING

from tbbridge.core.model import Damage, EventFile, Start
from tbbridge.decode.hparams import UNREADABLE, HParamsSession
from tbbridge.decode.scan_result import REASONS, Scan

if TYPE_CHECKING:
    from tbbridge.decode.columns import Columns, Room
    from tbbridge.decode.scalar_count import ScalarCount

MAX_DAMAGES = 100_000
"""Damaged ranges that are reported one by one; further ones are joined with the last."""


_HPARAMS = b"_hparams_/"
"""The beginning of the hparams plugin's tags (tensorboard.plugins.hparams.metadata)."""


class Log:
    """The scalars of the records so far, and the damage between them.

    columns: keeps the scalars, or counts them.
    """

    def __init__(self, columns: Columns | ScalarCount) -> None:
        self.columns = columns
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

    def absorb(self, found: Scan, filled: Room) -> None:
        """Add a scan's findings, and the scalars with which it filled what ``columns.room`` returned."""
        before = self.columns.rows
        _, step, _, value = filled
        if found.rows:
            ids = [self._id(tag) for tag in found.tags]
            self._doubles.update(ids[tag] for tag in found.wide)
            self._place_damage(int(step[0]))
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

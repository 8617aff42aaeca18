"""Finds the next whole record after damage, in one pass over the bytes whatever they hold."""

from __future__ import annotations

import numpy as np

from tbbridge.core.model import Bools, Int64, UInt32
from tbbridge.decode import backend

_CAPACITY = 1 << 18
"""Candidates that are kept at once; further ones are looked at in a second pass from where the first left them."""

_OVERLAP = 11
"""A header of 12 bytes that is not whole yet leaves at most 11."""


class Search:
    """Looks for the smallest offset, from `start` on, at which a record with both checksums right starts.

    A right header alone makes a candidate. Its data checksum comes from the states of one running checksum at both ends
    of its payload, so that a million overlapping candidates cost no more than one pass; their payload is never held.
    Candidates claim at most `limit` bytes of payload.
    """

    def __init__(self, start: int, limit: int) -> None:
        self._limit = limit
        self._pending = _Candidates.none()
        self._valid: Int64 = np.zeros(0, np.int64)
        self._resume: int | None = None
        self._cut_off: int | None = None
        self._begin(start)

    def _begin(self, start: int) -> None:
        self.start = self.position = self._base = start
        self._tail, self._state = b"", 0

    def covers(self, start: int) -> bool:
        """Whether this search answers one that begins at `start`, too."""
        return self.start <= start <= self._base and (self._resume is None or start <= self._resume)

    def restrict(self, start: int) -> None:
        """Begin at `start` instead, which `covers` says is possible."""
        self._valid = self._valid[np.searchsorted(self._valid, start) :]
        self._pending = self._pending.since(start)
        self._cut_off = None
        self.start = start

    def extend(self, data: memoryview) -> None:
        """Look at the next bytes, which are at `position`."""
        block = self._tail + data
        fresh = len(self._tail) - _OVERLAP
        self.position += len(data)
        self._admit(block, max(0, fresh))
        self._resolve(block, self._pending.ends + 4 <= self.position)
        self._tail = block[max(0, len(block) - _OVERLAP) :]
        self._base = self.position - len(self._tail)

    def _admit(self, block: bytes, first: int) -> None:
        """Take in the candidates whose headers are in `block`."""
        if self._resume is not None:
            return
        offsets, lengths = backend.headers(block, first, self._limit)
        offsets += self._base
        room = _CAPACITY - len(self._pending.offsets)
        if len(offsets) > room:
            self._resume = int(offsets[room])
            offsets, lengths = offsets[:room], lengths[:room]
        self._pending = self._pending.plus(offsets, offsets + 12 + lengths)

    def _resolve(self, block: bytes, due: Bools) -> None:
        """Note the checksum states of the payloads that begin in `block`, and judge those that end in it."""
        pending, cut = self._pending, self._base + max(0, len(block) - _OVERLAP)
        if not len(pending.offsets):
            self._state = 0
            return
        begin = np.flatnonzero(pending.offsets + 12 >= self._base + min(len(self._tail), _OVERLAP))
        begin = begin[~pending.begun[begin]]
        points = np.concatenate((pending.offsets[begin] + 12, pending.ends[due], [cut]))
        order = np.argsort(points, kind="stable")
        states = np.empty(len(points), np.uint32)
        states[order] = backend.prefix_states(block, points[order] - self._base, self._state)
        pending.states[begin], pending.begun[begin] = states[: len(begin)], True
        self._judge(block, due, states[len(begin) : -1])
        self._state = int(states[-1])

    def _judge(self, block: bytes, due: Bools, ends: UInt32) -> None:
        pending = self._pending
        lengths = pending.ends[due] - pending.offsets[due] - 12
        crcs = ~(ends ^ backend.shift(~pending.states[due], lengths))
        at = pending.ends[due] - self._base
        array = np.frombuffer(block, np.uint8)
        stored = sum((array[at + i].astype(np.uint32) << np.uint32(8 * i) for i in range(4)), np.uint32(0))
        right = ((crcs >> 15) | (crcs << 17)) + np.uint32(0xA282EAD8) == stored
        if right.any():
            self._valid = np.sort(np.concatenate((self._valid, pending.offsets[due][right])))
        self._pending = pending.where(~due)

    def answer(self) -> int | None:
        """The offset looked for, once no later byte can change it."""
        if not len(self._valid):
            if self._resume is not None and not len(self._pending.offsets):
                self._begin(self._resume)
                self._resume = None
            return None
        first = int(self._valid[0])
        return None if len(self._pending.offsets) and self._pending.offsets[0] < first else first

    def last_answer(self) -> int | None:
        """The offset looked for in a file that ends at `position`: no candidate beyond the end is a record."""
        return int(self._valid[0]) if len(self._valid) else None

    def claim(self) -> int | None:
        """The size at which the file might prove that an earlier record than `last_answer` was there all along."""
        before = self._valid[0] if len(self._valid) else self.position
        ends = self._pending.ends[: np.searchsorted(self._pending.offsets, before)]
        return int(ends.min()) + 4 if len(ends) else None

    def unfinished(self) -> int | None:
        """Find where the first record starts that the end of the file cuts off, if it looks like one."""
        if self._cut_off is None and len(self._pending.offsets):
            return int(self._pending.offsets[0])
        return self._cut_off

    def give_up_pending(self) -> bool:
        """At the end of the file: turn to the candidates that there was no room for; whether there are any."""
        if self._resume is None or len(self._valid):
            return False
        self._cut_off = self.unfinished()
        self._pending = _Candidates.none()
        self.answer()
        return True


class _Candidates:
    """Right headers by ascending offset, where their payloads end, and the checksum states where they begin."""

    def __init__(self, offsets: Int64, ends: Int64, states: UInt32, begun: Bools) -> None:
        self.offsets, self.ends, self.states, self.begun = offsets, ends, states, begun

    @classmethod
    def none(cls) -> _Candidates:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0, bool))

    def plus(self, offsets: Int64, ends: Int64) -> _Candidates:
        if not len(offsets):
            return self
        return _Candidates(
            np.concatenate((self.offsets, offsets)),
            np.concatenate((self.ends, ends)),
            np.concatenate((self.states, np.zeros(len(offsets), np.uint32))),
            np.concatenate((self.begun, np.zeros(len(offsets), bool))),
        )

    def where(self, chosen: Bools) -> _Candidates:
        return _Candidates(self.offsets[chosen], self.ends[chosen], self.states[chosen], self.begun[chosen])

    def since(self, start: int) -> _Candidates:
        keep = slice(int(np.searchsorted(self.offsets, start)), None)
        return _Candidates(self.offsets[keep], self.ends[keep], self.states[keep], self.begun[keep])

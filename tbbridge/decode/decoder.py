"""Bytes of one event file in, columns out: the framing, the jumps over the rest, the way round damage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tbbridge.core.crc32c import frame, masked
from tbbridge.core.model import Damage, EventFile, Scalars
from tbbridge.decode import backend, scan_result
from tbbridge.decode.accumulate import Log
from tbbridge.decode.condense import Condenser
from tbbridge.decode.foreign import HEAD, foreign, is_headless
from tbbridge.decode.scan_result import Scan
from tbbridge.decode.skip_large import HOLD, Walk

if TYPE_CHECKING:
    from tbbridge.decode.columns import Columns
    from tbbridge.decode.resync import Search
    from tbbridge.decode.scalar_count import ScalarCount

MAX_RECORD = 64 << 20
"""Bytes of the largest record that is held, and of the largest that a search takes for a record."""

_WINDOW = 8 << 10
"""Bytes to ask for after a jump; doubles with every window that follows on the one before."""
_LARGEST_WINDOW = 1 << 20
_SEARCH_STEP = 1 << 20
_ROOM = 2 * scan_result.SMALL // scan_result.MIN_VALUE_BYTES
"""Rows that a scan has room for at least, unless its bytes hold fewer."""


class Decoder:
    """Turns the bytes of one event file into scalars, in whatever pieces they come.

    name        the file's, for `EventFile.name`
    max_record  bytes; a larger record is never held: it is read without its images, graphs and the like
    count       whether the scalars are only counted: `log` has none

    The reader asks for `position` and `want`, feeds what is there, and settles at the end. The result
    is a function of the file's bytes: not of the pieces, nor of the sizes at which it was looked at while it grew. If
    growth proves an earlier look wrong (an unfinished record turned out whole, though a record inside it had been
    taken) everything starts again: `generation` grows, and columns taken before are void.
    """

    def __init__(self, name: str, *, max_record: int = MAX_RECORD, count: bool = False) -> None:
        self._name = name
        self._max_record = max_record
        self._count = count
        self._announced = 0
        self._head = b""
        self.generation = -1
        self._reset()

    def _reset(self) -> None:
        self.generation += 1
        self.position = 0
        self.want = _LARGEST_WINDOW
        self._log = Log(_columns(self._count))
        self._at = 0
        self._room = 0
        self._held = False
        self._until = 0
        self._kept = bytearray()
        # a plain function: a bound method would make a cycle, and the columns would stay until the collector comes
        self._step: Callable[[Decoder, memoryview, int], bool] = Decoder._scan
        self._walk: Walk | None = None
        self._condenser: Condenser | None = None
        self._jumped: tuple[int, int] | None = None
        self._search: Search | None = None
        self._reason = ""
        self._record_end = 0
        self._claim: int | None = None
        self._tail_end: int | None = None
        self._size = 0
        self._open_damage: Damage | None = None
        self._incomplete_tail = 0

    @property
    def log(self) -> EventFile:
        """The content decoded so far. Its arrays are views that later feeds never change."""
        known = self._log.snapshot(self._name, self._size, self._open_damage, self._incomplete_tail)
        known.headless = (
            known.records > 0 and not any(one.start == 0 for one in known.damage) and is_headless(self._head)
        )
        if self._size and not known.records and (what := foreign(self._head)):
            known.damage, known.incomplete_tail, known.foreign = [], 0, what
        return known

    def take(self) -> Scalars:
        """The scalars since the last time, or since everything started again; `log` does not have them any more."""
        return self._log.columns.take()

    @property
    def digest(self) -> tuple[int, ...]:
        """A checksum of all scalars so far, those that were taken among them: the same for the same scalars."""
        return self._log.columns.digest

    def announce(self, size: int) -> None:
        """The file has `size` bytes by now: makes room for all of them at once, and changes nothing else."""
        self._announced = size

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the bytes at `position`; returns the number of new scalars."""
        known = self.position + len(data)
        if self.position < HEAD:
            self._head = self._head[: self.position] + bytes(data[: HEAD - self.position])
        self._size = max(self._size, known)
        self._open_damage, self._incomplete_tail = None, 0
        if self._grown_beyond(known):
            return 0
        before = self._log.columns.rows
        if self._kept or known < self._until:
            self._kept += data
            if known < self._until:
                self.position = known
                return 0
            block, self._kept = memoryview(self._kept), bytearray()
        else:
            block = memoryview(data)
        base = known - len(block)
        asked = self.position
        while self._step(self, block, base):
            pass
        sequential = self.position == asked + len(data)
        self.want = min(self.want * 2, _LARGEST_WINDOW) if sequential else _WINDOW
        return self._log.columns.rows - before

    def _grown_beyond(self, size: int) -> bool:
        """Whether `size` bytes prove an earlier look wrong; then it goes back to where it can be put right."""
        if self._claim is not None and size >= self._claim:
            self._reset()
            return True
        if self._tail_end is not None and size >= self._tail_end:
            self._tail_end = None
            self._step = Decoder._scan
            self._kept.clear()
            self.position = self._at
            return True
        return False

    def _goto(self, offset: int, block: memoryview, base: int) -> bool:
        """Ask for the bytes from `offset` on, keeping those of `block` that are at or after it."""
        known = base + len(block)
        if base <= offset <= known:
            self._kept = bytearray(block[offset - base :])
            self.position = known
        else:
            self._kept = bytearray()
            self.position = offset
        return False

    # Records one after the other.

    def _scan(self, block: memoryview, base: int) -> bool:
        if not base <= self._at < base + len(block):
            self._until = 0
            return self._goto(self._at, block, base)
        room = max(self._room, min(len(block) // scan_result.MIN_VALUE_BYTES + 1, max(_ROOM, len(block) // 32)))
        expected = self._log.columns.rows * self._announced // base if base else 0  # if it goes on as it began
        places = self._log.columns.room(room, expected + room)
        found = backend.scan(
            block,
            self._at - base,
            self._held,
            self._log.records > 0,
            self._log.fresh,
            self._log.foreign,
            *places,
        )
        self._room = 0
        self._log.absorb(found, places)
        self._at = base + found.end
        if found.records:
            self._jumped = (base + found.jumped, self._at) if found.jumped >= 0 else None
            self._held = False
        return self._stopped(found, block, base)

    def _stopped(self, found: Scan, block: memoryview, base: int) -> bool:
        """Go on from where a scan stopped."""
        end = self._at + found.need
        if found.stop == scan_result.END:
            self._until = end if end - self._at <= self._max_record + 16 else 0
            return self._goto(self._at, block, base)
        if found.stop == scan_result.FULL:
            self._room = min((found.need - 16) // scan_result.MIN_VALUE_BYTES, scan_result.MAX_VALUES)
            return True
        if found.stop != scan_result.BAD_LENGTH:
            self._jumped = None  # a right header where it ended proves it right
        if found.stop == scan_result.LARGE:
            return self._large(found.need)
        self._held = False
        if found.stop in (scan_result.UNPARSABLE, scan_result.TOO_MANY):
            self._log.lose(self._at, end, _REASONS[found.stop])
            self._at = end
            return True
        return self._damaged(_reason(found.stop, block[self._at - base : self._at - base + 12], self._at))

    # A large record.

    def _large(self, need: int) -> bool:
        if self._log.records == 0:  # the first record gives the file its wall time
            return self._hold(need)
        self._walk = Walk(self._at, need)
        self._tail_need = need
        self._step = Decoder._look
        return True

    def _look(self, block: memoryview, base: int) -> bool:
        assert self._walk is not None
        verdict = self._walk.step(block, base)
        if verdict is None:
            return self._goto(self._walk.at, block, base)
        self._walk = None
        self._step = Decoder._scan
        if verdict == HOLD:
            return self._hold(self._tail_need)
        self._log.records += 1
        self._log.fresh = False
        self._jumped = (self._at, self._at + self._tail_need)
        self._at += self._tail_need
        return True

    def _hold(self, need: int) -> bool:
        if need - 16 <= self._max_record:
            self._held = True
            return True
        self._condenser = Condenser(self._at, need, self._max_record)
        self._tail_need = need
        self._step = Decoder._condense
        return True

    def _condense(self, block: memoryview, base: int) -> bool:
        """Walk a record that is too large to hold; then its payload is verified like that of one jumped over."""
        assert self._condenser is not None
        done = self._condenser.step(block, base)
        if done is None:
            return self._goto(self._condenser.at, block, base)
        if not done:
            self._condenser = None
            return self._damaged(self._too_large, self._at + self._tail_need)
        return self._begin_to_verify((self._at, self._at + self._tail_need))

    def _take_condensed(self, event: bytes) -> bool:
        """Scan the rest of a verified record."""
        room = min(len(event) // scan_result.MIN_VALUE_BYTES, scan_result.MAX_VALUES) + 1
        log = self._log
        places = log.columns.room(room, room)
        found = backend.scan(frame(event), 0, True, log.records > 0, log.fresh, log.foreign, *places)
        log.absorb(found, places)
        if not found.records:
            log.lose(self._at, self._at + self._tail_need, _REASONS[found.stop])
        self._at += self._tail_need
        return True

    # Damage.

    @property
    def _too_large(self) -> str:
        return f"record of more than {self._max_record} bytes"

    def _damaged(self, reason: str, end: int = 0) -> bool:
        """Something is wrong at `_at`: look for the next record, but first doubt one jumped over just before."""
        if self._jumped:
            return self._begin_to_verify(self._jumped)
        self._reason, self._record_end = reason, end
        self._seek(self._at + 1)
        self._step = Decoder._resynchronise
        return True

    def _seek(self, start: int) -> None:
        if self._search is not None and self._search.covers(start):
            self._search.restrict(start)
        else:
            from tbbridge.decode.resync import Search

            self._search = Search(start, self._max_record)

    def _begin_to_verify(self, record: tuple[int, int]) -> bool:
        self._jumped, self._verified, self._state = record, record[0] + 12, 0xFFFFFFFF
        self._step = Decoder._verify
        return True

    def _verify(self, block: memoryview, base: int) -> bool:
        """Read the payload that was condensed, or jumped over where the bytes behind it are not right."""
        assert self._jumped is not None
        start, end = self._jumped
        if base <= self._verified < end - 4 and self._verified < base + len(block):
            part = block[self._verified - base : end - 4 - base]
            self._state = backend.crc32c(part, self._state ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
            self._verified += len(part)
            return True
        if self._verified < end - 4 or base + len(block) < end or base > end - 4:
            return self._goto(self._verified, block, base)
        stored = int.from_bytes(block[end - 4 - base : end - base], "little")
        self._jumped = None
        self._step = Decoder._scan
        condenser, self._condenser = self._condenser, None
        if masked(self._state ^ 0xFFFFFFFF) == stored:
            return condenser is None or self._take_condensed(condenser.event)
        self._log.records -= condenser is None
        self._at = start
        return self._damaged("wrong data checksum")

    def _resynchronise(self, block: memoryview, base: int) -> bool:
        assert self._search is not None
        found = self._search.answer()
        if found is not None:
            self._log.lose(self._at, found, self._reason)
            self._at = found
            self._step = Decoder._scan
            return True
        return self._feed_search(block, base)

    def _feed_search(self, block: memoryview, base: int) -> bool:
        assert self._search is not None
        here = self._search.position - base
        if 0 <= here < len(block):
            self._search.extend(block[here : here + _SEARCH_STEP])
            return True
        return self._goto(self._search.position, block, base)

    # The end of the file, for now.

    def settle(self, size: int) -> None:
        """The file ends at `size` bytes, for now. When `position` is less than that afterwards, read on from there."""
        self._size = size
        if self._grown_beyond(size) or self.position < size:
            return
        if self._step in (Decoder._resynchronise, Decoder._feed_search):
            self._settle_search(size)
        else:
            self._settle_records(size)

    def _settle_records(self, size: int) -> None:
        if self._step == Decoder._verify and not self._condenser:
            return
        end = self._until
        if self._step == Decoder._look or self._condenser:
            end = self._at + self._tail_need
        elif self._jumped and self._jumped[1] > size:
            self._log.records -= 1
            self._at, end = self._jumped
            self._jumped = None
        elif self._at + 12 > size:
            self._incomplete_tail = size - self._at
            return
        self._wait_for(end, size)

    def _wait_for(self, end: int, size: int) -> None:
        """The record at `_at` is not finished; unless a whole one starts inside it, that is normal."""
        self._tail_end = self._record_end = end
        self._until = 0
        self._walk = self._condenser = self._jumped = None
        self._held = False
        large = end - self._at - 16 > self._max_record
        self._reason = self._too_large if large else "unfinished record with a whole one inside it"
        self._seek(self._at + 1)
        self._step = Decoder._feed_search
        block, base = memoryview(self._kept), size - len(self._kept)
        self._kept = bytearray()
        while self._feed_search(block, base):
            pass
        if self.position >= size:
            self._settle_search(size)

    def _settle_search(self, size: int) -> None:
        assert self._search is not None
        found, claim = self._search.last_answer(), self._search.claim()
        if found is None and self._search.give_up_pending():
            self._add_claim(claim)
            self.position = self._search.position
        elif found is None:
            self._end_in_doubt(size)
        else:
            self._add_claim(claim)
            self._add_claim(self._tail_end)
            self._tail_end = None
            self._log.lose(self._at, found, self._reason)
            self._at = self.position = found
            self._step = Decoder._scan

    def _add_claim(self, claim: int | None) -> None:
        if claim is not None:
            self._claim = min(claim, self._claim or claim)

    def _end_in_doubt(self, size: int) -> None:
        """Nothing whole follows: an unfinished record, or damage up to the end or to a possibly unfinished one."""
        assert self._search is not None
        if self._record_end > size:
            self._incomplete_tail = size - self._at
            return
        unfinished = self._search.unfinished()
        end = size if unfinished is None else unfinished
        self._open_damage = Damage(self._at, end, self._reason)
        self._incomplete_tail = size - end


def _columns(count: bool) -> Columns | ScalarCount:
    if count:
        from tbbridge.decode.scalar_count import ScalarCount

        return ScalarCount()
    from tbbridge.decode.columns import Columns

    return Columns()


_REASONS = {
    scan_result.BAD_LENGTH: "wrong length checksum",
    scan_result.BAD_DATA: "wrong data checksum",
    scan_result.UNPARSABLE: "no readable event",
    scan_result.TOO_MANY: f"more than {scan_result.MAX_VALUES} values in one event",
}


_COMPRESSED = {b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"}
"""The first bytes of gzip (RFC 1952) and zlib (RFC 1950)."""


def _reason(stop: int, header: memoryview, at: int) -> str:
    if stop == scan_result.BAD_LENGTH:
        if not any(header):
            return "zero-filled hole"
        if at == 0 and bytes(header[:2]) in _COMPRESSED:
            return "compressed event files (gzip, zlib) are not supported"
    return _REASONS[stop]

"""The plain twin: the scan of a chunk and the three checks of the search, to be read and to run anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.crc32c import crc32c, masked_crc32c, update
from tbbridge.core.crc32c_lanes import SLICES, shift
from tbbridge.core.model import Float64, Int64, UInt32
from tbbridge.decode._plain_event import (
    FILE_VERSION,
    SESSION_LOG,
    SUMMARY,
    TENSOR,
    Event,
    TooMany,
    Value,
    parse,
)
from tbbridge.decode.scan_result import (
    BAD_DATA,
    BAD_LENGTH,
    END,
    FULL,
    LARGE,
    LARGEST_JUMP,
    MAX_VALUES,
    MIN_VALUE_BYTES,
    OTHER_PLUGIN,
    REASONS,
    SMALL,
    TOO_MANY,
    UNPARSABLE,
    FilesScan,
    Scan,
)
from tbbridge.decode.skip_large import JUMP, Walk
from tbbridge.decode.utf8_repair import readable
from tbbridge.decode.wire import Unparsable

__all__ = [
    "can_jump_over",
    "crc32c",
    "crc_kind",
    "headers",
    "masked_crc32c",
    "prefix_states",
    "scan",
    "scan_files",
    "shift",
    "sound",
    "use_portable_crc",
]

Buffer = bytes | bytearray | memoryview
_START = 1


def scan(
    data: Buffer,
    start: int,
    held: bool,
    jumps: bool,
    fresh: bool,
    foreign: Sequence[bytes],
    tag: NDArray[np.int32],
    step: Int64,
    wall_time: Float64,
    value: Float64,
) -> Scan:
    """Decode the records of `data` from offset `start` on (see `_native.pyi`)."""
    rows = _Rows(tag, step, wall_time, value, foreign, fresh)
    view, at, jumped = memoryview(data), start, -1
    while True:
        stop, need, payload = _record(view, at, held)
        if stop == LARGE and (jumps or rows.records) and need < LARGEST_JUMP and Walk(at, need).step(view, 0) == JUMP:
            rows.jump()
            at, jumped = at + need, at
            continue
        if payload is not None:
            stop = rows.add(payload)
        if stop != END or payload is None:
            return rows.result(at, jumped, stop, need)
        at, jumped, held = at + need, -1, False


def scan_files(
    data: Buffer,
    bounds: Int64,
    tag: NDArray[np.int32],
    step: Int64,
    wall_time: Float64,
    value: Float64,
) -> FilesScan:
    """Decode many small files into the same columns (see `_native.pyi`)."""
    count = len(bounds) - 1
    result = FilesScan(
        np.zeros(count + 1, np.int64),
        np.zeros(count, bool),
        np.zeros(count, np.int64),
        np.full(count, np.nan),
        np.zeros(count, np.int32),
        [],
    )
    layouts: dict[tuple[bytes, ...], int] = {}
    for i, (start, end) in enumerate(pairwise(bounds.tolist())):
        if not 0 <= start <= end <= len(data):
            raise ValueError("bounds must ascend inside data")
        piece, at = memoryview(data)[start:end], result.rows[i]
        found = scan(piece, 0, False, False, True, [], tag[at:], step[at:], wall_time[at:], value[at:])
        hparams = any(tag.startswith(b"_hparams_/") for tag in found.foreign)
        unusual = found.starts or found.wide or hparams or found.sessions or any(found.passed)
        if found.stop == END and found.end == len(piece) and not unusual:
            result.plain[i], result.records[i] = True, found.records
            result.first_wall_time[i] = found.first_wall_time
        else:
            found = found._replace(rows=0, tags=[])
        result.rows[i + 1] = at + found.rows
        result.layout[i] = layouts.setdefault(tuple(found.tags), len(layouts))
    result.layouts.extend(layouts)
    return result


def can_jump_over(data: Buffer) -> bool:
    """Whether the bytes in `data` prove that the record at 0 can be jumped over."""
    need = int.from_bytes(data[:8], "little") + 16
    return len(data) >= 12 and need < LARGEST_JUMP and Walk(0, need).step(memoryview(data), 0) == JUMP


def _record(view: memoryview, at: int, held: bool) -> tuple[int, int, bytes | None]:
    """(why to stop, bytes of the record, its payload) of the record at `at`; (END, need, None) when it is not whole."""
    if len(view) - at < 12:
        return END, 12, None
    length = int.from_bytes(view[at : at + 8], "little")
    if masked_crc32c(view[at : at + 8]) != int.from_bytes(view[at + 8 : at + 12], "little"):
        return BAD_LENGTH, 12, None
    need = length + 16
    if length > SMALL and not held:
        return LARGE, need, None
    if len(view) - at < need:
        return END, need, None
    payload = bytes(view[at + 12 : at + 12 + length])
    if masked_crc32c(payload) != int.from_bytes(view[at + 12 + length : at + need], "little"):
        return BAD_DATA, need, None
    return END, need, payload


class _Rows:
    """The columns of one scan, and what else it found."""

    def __init__(
        self,
        tag: NDArray[np.int32],
        step: Int64,
        wall_time: Float64,
        value: Float64,
        foreign: Sequence[bytes],
        fresh: bool,
    ) -> None:
        self._tag, self._step, self._wall_time, self._value = tag, step, wall_time, value
        self._room = min(len(tag), len(step), len(wall_time), len(value))
        self._ids: dict[bytes, int] = {}
        self._foreign = dict.fromkeys(foreign)
        self._passed = [0] * len(REASONS)
        self._starts: list[tuple[int, int, bool, float]] = []
        self._rows = self.records = 0
        self._wide: set[int] = set()
        self._fresh, self._first = fresh, float("nan")
        self._sessions: list[tuple[float, bytes]] = []

    def add(self, payload: bytes) -> int:
        """Take in the event of one intact record; returns why not, or END."""
        if self._room - self._rows < min(len(payload) // MIN_VALUE_BYTES, MAX_VALUES):
            return FULL
        try:
            event = parse(payload)
        except Unparsable:
            return UNPARSABLE
        except TooMany:
            return TOO_MANY
        if self.records == 0:
            self._first = event.wall_time
        self.records += 1
        self._note(event, empty=not payload)
        for value in event.values if event.what == SUMMARY else ():
            self._add_value(event, value)
        return END

    def _note(self, event: Event, empty: bool) -> None:
        if event.what == SESSION_LOG and event.status == _START:
            self._starts.append((self._rows, event.step, self._fresh, event.wall_time))
        self._fresh = self._fresh and (empty or event.what == FILE_VERSION)

    def _add_value(self, event: Event, value: Value) -> None:
        if value.plugin == b"scalars":
            self._foreign.pop(value.tag, None)
        elif value.plugin:
            self._foreign[value.tag] = None
        if value.plugin == b"hparams" and value.tag.startswith(b"_hparams_/"):
            self._sessions.append((event.wall_time, value.content))
        number = value.number()
        if value.kind in (0, TENSOR) and value.tag in self._foreign:
            number = OTHER_PLUGIN if isinstance(number, tuple) else None
        if isinstance(number, tuple):
            self._append(event, value.tag, *number)
        elif number is not None:
            self._passed[number] += 1

    def _append(self, event: Event, tag: bytes, number: float, wide: bool) -> None:
        row = self._rows
        self._tag[row] = self._ids.setdefault(tag, len(self._ids))
        self._step[row], self._wall_time[row], self._value[row] = event.step, event.wall_time, number
        if wide:
            self._wide.add(int(self._tag[row]))
        self._rows = row + 1

    def jump(self) -> None:
        """Count an intact record that was not looked into."""
        self.records += 1
        self._fresh = False

    def result(self, end: int, jumped: int, stop: int, need: int) -> Scan:
        return Scan(
            end,
            jumped,
            stop,
            need,
            self._rows,
            self.records,
            list(self._ids),
            sorted(self._wide),
            list(self._foreign),
            tuple(self._passed),
            self._starts,
            self._fresh,
            self._first,
            self._sessions,
        )


def sound(data: Buffer) -> tuple[int, int]:
    """How many records from the start of `data` on are copied as they are, and where they end."""
    view, at, count = memoryview(data), 0, 0
    while True:
        _, need, payload = _record(view, at, True)
        record = bytes(view[at : at + need])
        if payload is None or readable(record) != record:
            return count, at
        at, count = at + need, count + 1


def headers(data: Buffer, first: int, limit: int) -> tuple[Int64, Int64]:
    """Offsets from `first` on at which a right length checksum follows a length of at most `limit`, and the lengths."""
    array = np.frombuffer(data, np.uint8)
    at = np.arange(first, max(first, len(array) - 11), dtype=np.int64)
    if limit < 1 << 32:
        for upper in (7, 6, 5, 4):
            at = at[array[at + upper] == 0]
    state = np.zeros(len(at), np.uint32)
    length = np.zeros(len(at), np.uint64)
    stored = np.zeros(len(at), np.uint32)
    for i in range(8):
        column = array[at + i]
        state ^= SLICES[7 - i][column ^ np.uint8(255 if i < 4 else 0)]
        length |= column.astype(np.uint64) << np.uint64(8 * i)
    for i in range(4):
        stored |= array[at + 8 + i].astype(np.uint32) << np.uint32(8 * i)
    crc = ~state
    right = (((crc >> 15) | (crc << 17)) + np.uint32(0xA282EAD8) == stored) & (length <= np.uint64(limit))
    return at[right], length[right].astype(np.int64)


def prefix_states(data: Buffer, offsets: Int64, state: int) -> UInt32:
    """The checksum states after the first ``offsets[i]`` bytes (ascending), from `state` before the first byte."""
    states = np.zeros(len(offsets), np.uint32)
    view = memoryview(data)
    for i, (before, after) in enumerate(pairwise([0, *offsets.tolist()])):
        state = update(state, view[before:after])
        states[i] = state
    return states


def use_portable_crc(portable: bool) -> None:
    """Nothing to choose: this twin's checksum is always portable."""


def crc_kind() -> str:
    """The name of the checksum at work."""
    return "plain"

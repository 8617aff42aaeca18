"""The Event of the plain twin: walks protobuf's wire format and merges exactly as protobuf does.

Sources: protobuf's ``encoding`` documentation (wire types, packed fields, the last of a oneof wins, split submessages
are merged), TensorFlow's ``event.proto``, ``summary.proto``, ``tensor.proto`` and ``types.proto``. Where the
documentation leaves a choice (bytes of a key, depth of groups), protobuf's own runtime, upb, is followed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tbbridge.decode.scan_result import (
    CONTENT_LENGTH,
    INEXACT,
    MAX_VALUES,
    NO_VALUE,
    NOT_NUMERIC,
    NOT_ONE,
    OTHER_DTYPE,
    STRING,
    VALUE_COUNT,
)
from tbbridge.decode.wire import BYTES, FIXED32, FIXED64, VARINT, Unparsable, fields, read_varint

FILE_VERSION, SUMMARY, SESSION_LOG = 3, 5, 7
SIMPLE_VALUE, TENSOR = 2, 8


class TooMany(Exception):
    """The Event holds more than `MAX_VALUES` values."""


def signed(value: int, bits: int) -> int:
    """The low `bits` of `value` in two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


_FIXED = {5: ("<f", FIXED32), 6: ("<d", FIXED64), 9: ("<f", FIXED32), 12: ("<d", FIXED64)}
_BITS = {7: 32, 10: 64, 11: 1, 13: 32, 16: 32, 17: 64}
_BYTE_LISTS = {8, 14, 15}
"""The lists of typed values of a TensorProto: of fixed size, varints (with their bits), and of bytes."""


@dataclass(slots=True)
class Tensor:
    """A TensorProto, as far as one number needs it."""

    dtype: int = 0
    one: bool = True
    unknown_rank: bool = False
    content: bytes = b""
    lists: dict[int, tuple[int, float]] = field(default_factory=dict)
    """By field number: how many typed values there are, and the last of them."""

    def merge(self, data: bytes, at: int, end: int) -> None:
        """Take over the fields of an encoded TensorProto."""
        for number, wire, start, stop in fields(data, at, end, depth=3):
            if number == 1 and wire == VARINT:
                self.dtype = signed(start, 32)
            elif number == 2 and wire == BYTES:
                self._shape(data, start, stop)
            elif number == 4 and wire == BYTES:
                self.content = data[start:stop]
            elif number in _BITS and wire in (VARINT, BYTES):
                self._varints(number, wire, data, start, stop)
            elif number in _FIXED:
                self._fixed(number, wire, data, start, stop)
            elif number in _BYTE_LISTS and wire == BYTES:
                self._extend(number, 1, 0.0)
            elif number == 18 and wire == BYTES:  # float8_val is one field, not a list: its last bytes are its value
                self.lists.pop(18, None)
                self._extend(18, stop - start, 0.0)

    def _extend(self, number: int, count: int, last: float) -> None:
        if count:
            self.lists[number] = (self.lists.get(number, (0, 0.0))[0] + count, last)

    def _shape(self, data: bytes, at: int, end: int) -> None:
        for number, wire, start, stop in fields(data, at, end, depth=4):
            if number == 2 and wire == BYTES:
                size = 0
                for inner, kind, value, _ in fields(data, start, stop, depth=5):
                    if inner == 1 and kind == VARINT:
                        size = value
                self.one = self.one and size == 1
            elif number == 3 and wire == VARINT:
                self.unknown_rank = start != 0

    def _fixed(self, number: int, wire: int, data: bytes, at: int, end: int) -> None:
        layout, single = _FIXED[number]
        if wire not in (single, BYTES):
            return
        count, odd = divmod(end - at, struct.calcsize(layout))
        if odd:
            raise Unparsable
        self._extend(number, count, struct.unpack_from(layout, data, at)[0] if count else 0.0)

    def _varints(self, number: int, wire: int, data: bytes, at: int, end: int) -> None:
        count, value = 1, at
        if wire == BYTES:
            count = 0
            while at < end:
                value, at = read_varint(data, at, end)
                count += 1
        bits = _BITS[number]
        self._extend(number, count, signed(value, bits) if bits > 1 else value != 0)

    def number(self) -> tuple[float, bool] | int:
        """(its one value, whether its dtype is wider than float32), or why there is none (`REASONS`)."""
        if self.dtype == 7:
            return STRING
        if self.dtype not in _DTYPES:
            return NOT_NUMERIC
        if self.unknown_rank or not self.one:
            return NOT_ONE
        bits = self._bits()
        if isinstance(bits, int):
            return bits
        (value,) = struct.unpack(_DTYPES[self.dtype][0], bits)
        if self.dtype == 14:
            (value,) = struct.unpack("<f", b"\0\0" + bits)
        if isinstance(value, int) and int(float(value)) != value:
            return INEXACT
        return float(value), self.dtype not in (1, 14, 19)

    def _bits(self) -> bytes | int:
        """The one value in the layout of tensor_content, or why there is none."""
        layout, source = _DTYPES[self.dtype]
        size = struct.calcsize(layout)
        if self.content:
            return self.content if len(self.content) == size else CONTENT_LENGTH
        if source not in self.lists:
            return OTHER_DTYPE if self.lists else bytes(size)
        count, value = self.lists[source]
        if count != 1:
            return VALUE_COUNT
        try:
            return struct.pack(_TYPED.get(self.dtype, layout), value)
        except struct.error:
            return OTHER_DTYPE


_DTYPES = {
    1: ("<f", 5),
    2: ("<d", 6),
    3: ("<i", 7),
    4: ("<B", 7),
    5: ("<h", 7),
    6: ("<b", 7),
    9: ("<q", 10),
    10: ("<?", 11),
    14: ("<H", 13),
    17: ("<H", 7),
    19: ("<e", 13),
    22: ("<I", 16),
    23: ("<Q", 17),
}
"""dtype -> (layout of tensor_content, field of the typed values); 14 is bfloat16, the upper half of a float32."""

_TYPED = {14: "<H", 19: "<H", 22: "<i", 23: "<q"}
"""Types whose value is kept in another layout: the bits of a half, the sign of an unsigned integer."""


@dataclass(slots=True)
class Value:
    """A Summary.Value."""

    tag: bytes = b""
    kind: int = 0
    simple: float = 0.0
    tensor: Tensor | None = None
    plugin: bytes = b""
    content: bytes = b""

    def number(self) -> tuple[float, bool] | int | None:
        """(its one value, whether it is wider than float32), why there is none (`REASONS`), or None for an image."""
        if self.kind == SIMPLE_VALUE:
            return self.simple, False
        if self.kind == TENSOR and self.tensor is not None:
            return self.tensor.number()
        return NO_VALUE if self.kind == 0 else None


def _value(data: bytes, at: int, end: int) -> Value:
    value = Value()
    for number, wire, start, stop in fields(data, at, end, depth=2):
        if number == SIMPLE_VALUE and wire == FIXED32:
            (value.simple,) = struct.unpack_from("<f", data, start)
            value.kind = SIMPLE_VALUE
        elif wire != BYTES:
            continue
        elif number == 1:
            value.tag = data[start:stop]
        elif number == 9:
            _metadata(value, data, start, stop)
        elif number == TENSOR:
            if value.kind != TENSOR or value.tensor is None:
                value.tensor = Tensor()
            value.tensor.merge(data, start, stop)
            value.kind = TENSOR
        elif number in (3, 4, 5, 6):
            value.kind = number
    return value


def _metadata(value: Value, data: bytes, at: int, end: int) -> None:
    for number, wire, start, stop in fields(data, at, end, depth=3):
        if number == 1 and wire == BYTES:
            for inner, kind, name, name_end in fields(data, start, stop, depth=4):
                if inner == 1 and kind == BYTES:
                    value.plugin = data[name:name_end]
                elif inner == 2 and kind == BYTES:
                    value.content = data[name:name_end]


@dataclass(slots=True)
class Event:
    """An Event, as far as scalars need it."""

    wall_time: float = 0.0
    step: int = 0
    what: int = 0
    status: int = 0
    seen: int = 0
    """Values so far, those that a later field of the oneof replaced among them."""
    values: list[Value] = field(default_factory=list)


def parse(data: bytes) -> Event:
    """The encoded Event `data`; raises `Unparsable` or `TooMany`."""
    if len(data) > 2 * MAX_VALUES:
        for _ in fields(data, 0, len(data)):
            pass  # an event that is broken at its end is broken, however many values come first
    event = Event()
    for number, wire, start, stop in fields(data, 0, len(data)):
        if number == 1 and wire == FIXED64:
            (event.wall_time,) = struct.unpack_from("<d", data, start)
        elif number == 2 and wire == VARINT:
            event.step = signed(start, 64)
        elif wire == BYTES and 3 <= number <= 9:
            if number != event.what:
                event.what, event.status, event.values = number, 0, []
            if number == SUMMARY:
                _summary(event, data, start, stop)
            elif number == SESSION_LOG:
                _session_log(event, data, start, stop)
    return event


def _summary(event: Event, data: bytes, at: int, end: int) -> None:
    for number, wire, start, stop in fields(data, at, end, depth=1):
        if number == 1 and wire == BYTES:
            event.seen += 1
            if event.seen > MAX_VALUES:
                raise TooMany
            event.values.append(_value(data, start, stop))


def _session_log(event: Event, data: bytes, at: int, end: int) -> None:
    for number, wire, start, _ in fields(data, at, end, depth=1):
        if number == 1 and wire == VARINT:
            event.status = signed(start, 32)

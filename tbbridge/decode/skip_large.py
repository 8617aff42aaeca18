"""Decides by a few of its bytes whether a large record can be jumped over."""

from __future__ import annotations

from dataclasses import dataclass

from tbbridge.decode.wire import BYTES, FIXED64, VARINT, Unparsable, field_head

JUMP, HOLD = "jump", "hold"

_MAX_FIELDS = 1024
"""Fields that are walked before the record is simply read."""

_MOST = 15
"""Bytes of a key and a size, or a key and a varint."""

_EVENT, _SUMMARY, _VALUE, _TENSOR = range(4)

_SKIPPED = {
    _EVENT: {(1, FIXED64), (2, VARINT), (10, BYTES)},
    _SUMMARY: set[tuple[int, int]](),
    _VALUE: {(1, BYTES), (7, BYTES), (9, BYTES)},
    _TENSOR: {(1, VARINT), (2, BYTES), (3, VARINT)},
}
"""Fields that say nothing about whether there is a scalar (a time, a step, a tag, metadata, a shape)."""

_HEAVY = {
    _EVENT: {(3, BYTES), (4, BYTES), (6, BYTES), (8, BYTES), (9, BYTES)},
    _SUMMARY: set[tuple[int, int]](),
    _VALUE: {(3, BYTES), (4, BYTES), (5, BYTES), (6, BYTES)},
    _TENSOR: {(number, BYTES) for number in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17)},
}
"""Members of which each message has one and that hold no scalar: graphs, images, histograms, audio, many elements."""

_INNER = {_EVENT: (5, _SUMMARY), _SUMMARY: (1, _VALUE), _VALUE: (8, _TENSOR)}
_LARGEST_ELEMENT = 16
"""Bytes of the largest single element, a complex128; a typed one as a packed varint takes at most 10."""


@dataclass(slots=True)
class _Message:
    kind: int
    end: int
    members: int = 0


class Walk:
    """Walks the fields of the Event in the record at `start` with jumps over their contents.

    The record can be jumped over when every field is explained and none can be, or become by protobuf's merging, a
    scalar or a session log. Anything else is held and verified. The decision is a function of the record's bytes alone.
    """

    def __init__(self, start: int, need: int) -> None:
        self.at = start + 12
        """The range of the next field: the bytes that `step` needs."""
        self._open = [_Message(_EVENT, start + need - 4)]
        self._fields = 0

    def step(self, block: memoryview, base: int) -> str | None:
        """`JUMP`, `HOLD`, or None when it needs the bytes at `at`; `block` is at `base`."""
        try:
            while self._open:
                message = self._open[-1]
                if self.at == message.end:
                    if not self._close():
                        return HOLD
                    continue
                window = bytes(block[self.at - base : self.at - base + _MOST]) if self.at >= base else b""
                if len(window) < min(_MOST, message.end - self.at):
                    return None
                if not self._field(message, window[: message.end - self.at]):
                    return HOLD
        except Unparsable:
            return HOLD
        return JUMP

    def _close(self) -> bool:
        message = self._open.pop()
        return message.kind in (_EVENT, _SUMMARY) or message.members == 1

    def _field(self, message: _Message, window: bytes) -> bool:
        """Take the field that `window` begins with; False when it is not explained."""
        self._fields += 1
        number, wire, at, size = field_head(window)
        self.at += at
        if self._fields > _MAX_FIELDS or self.at + size > message.end:
            return False
        if wire == BYTES and number == _INNER.get(message.kind, (-1, 0))[0]:
            message.members += 1
            self._open.append(_Message(_INNER[message.kind][1], self.at + size))
            return message.members == 1 or message.kind == _SUMMARY
        self.at += size
        if (number, wire) not in _HEAVY[message.kind]:
            return (number, wire) in _SKIPPED[message.kind]
        message.members += 1
        return message.members == 1 and (message.kind != _TENSOR or number == 8 or size > _LARGEST_ELEMENT)

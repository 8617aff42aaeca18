"""Shortens an Event that is too large to hold to its possible scalars, so that the scan can read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tbbridge.core.varint import varint
from tbbridge.decode.wire import BYTES, Unparsable, field_head

_MOST = 15
"""Bytes of a key and a size, or a key and a varint."""
_SMALL = 64 << 10
"""A value of at most this many bytes is kept as it is, whatever it holds."""
_MAX_FIELDS = 100_000
"""Fields that are walked before the record is given up."""

_EVENT, _SUMMARY, _VALUE, _TENSOR = range(4)
_INNER = {(_EVENT, 5): _SUMMARY, (_SUMMARY, 1): _VALUE, (_VALUE, 8): _TENSOR}
_EMPTIED = {(_EVENT, 3), (_EVENT, 4), (_EVENT, 6), (_EVENT, 8), (_EVENT, 9)}
_EMPTIED |= {(_VALUE, number) for number in (3, 4, 5, 6)} | {(_TENSOR, 8)}
"""Fields whose contents are no scalar, whatever they are: graphs, images, histograms, audio, texts."""
_TENSOR_CONTENT = (_TENSOR, 4)
_TOO_LONG = bytes(17)
"""Stands for a longer ``tensor_content``: no single element takes more than 16 bytes (a complex128)."""


@dataclass(slots=True)
class _Message:
    kind: int
    end: int
    key: bytes = b""
    kept: bytearray = field(default_factory=bytearray)


class Condenser:
    """Walks the fields of the Event in the record at `start` and keeps those that may matter to a scalar.

    A scan of the shortened Event finds what a scan of the whole one would. Its memory is at most `most` bytes.
    """

    def __init__(self, start: int, need: int, most: int) -> None:
        self.at = start + 12
        """The range of the next field: the bytes that `step` needs."""
        self.event = b""
        """The shortened Event, at the end."""
        self._open = [_Message(_EVENT, start + need - 4)]
        self._left = most
        self._fields = 0

    def step(self, block: memoryview, base: int) -> bool | None:
        """Whether the Event is shortened; None when it needs the bytes at `at`. `block` is at `base`."""
        try:
            while self._open:
                message = self._open[-1]
                if self.at == message.end:
                    self._close()
                elif not self._field(message, block[self.at - base :] if self.at >= base else block[:0]):
                    return None
        except Unparsable:
            return False
        return True

    def _close(self) -> None:
        message = self._open.pop()
        if self._open:
            self._open[-1].kept += message.key + varint(len(message.kept)) + message.kept
        else:
            self.event = bytes(message.kept)

    def _field(self, message: _Message, data: memoryview) -> bool:
        """Take the field that `data` begins with; False when more of it is needed."""
        window = bytes(data[: min(_MOST, message.end - self.at)])
        if len(window) < min(_MOST, message.end - self.at):
            return False
        number, wire, begin, size = field_head(window)
        if self.at + begin + size > message.end:
            raise Unparsable
        place = (message.kind, number) if wire == BYTES else (-1, 0)
        key = varint(number << 3 | wire)
        if place in _INNER and size > _SMALL:
            self._open.append(_Message(_INNER[place], self.at + begin + size, key))
            kept, size = b"", 0
        elif place in _EMPTIED or (place == _TENSOR_CONTENT and size > len(_TOO_LONG)):
            content = _TOO_LONG if place == _TENSOR_CONTENT else b""
            kept = key + varint(len(content)) + content
        elif self._left < begin + size:
            raise Unparsable
        elif len(data) < begin + size:
            return False
        else:
            kept = bytes(data[: begin + size])
        self.at += begin + size
        self._fields += 1
        self._left -= len(kept)
        if self._fields > _MAX_FIELDS or self._left < 0:
            raise Unparsable
        message.kept += kept
        return True

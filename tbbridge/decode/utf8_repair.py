"""Makes an event readable for protobuf's own classes, which refuse text that is not UTF-8."""

from __future__ import annotations

from tbbridge.core.crc32c import frame
from tbbridge.core.varint import varint
from tbbridge.decode._plain_event import TENSOR
from tbbridge.decode.wire import BYTES, VARINT, Unparsable, fields

_TEXTS = ((3,), (5, 1, 1), (5, 1, 7), (5, 1, 9, 2), (5, 1, 9, 3), (5, 1, 9, 1, 1), (5, 1, TENSOR, 2, 2, 2))
"""Fields that hold text, from the Event inwards: the file version, tags, node names, what describes and names a plugin,
names of dimensions."""


def readable(record: bytes) -> bytes | None:
    r"""The whole record `record`, with bytes that are no UTF-8 written as ``\xNN``; None when it holds no Event."""
    payload = record[12:-4]
    try:
        fixed = _rewritten(payload, _TEXTS, 0)
    except Unparsable:
        return None
    return record if fixed == payload else frame(fixed)


def _rewritten(data: bytes, texts: tuple[tuple[int, ...], ...], depth: int) -> bytes:
    """The message `data` with its texts in UTF-8: as it is where they are, else encoded again, without groups."""
    out, changed = bytearray(), False
    for number, wire, start, stop in fields(data, 0, len(data), depth):
        out += varint(number << 3 | wire)
        if wire == VARINT:
            out += varint(start)
            continue
        content = data[start:stop]
        inner = tuple(text[1:] for text in texts if text[0] == number)
        if wire == BYTES and inner:
            fixed = _utf8(content) if inner == ((),) else _rewritten(content, inner, depth + 1)
            content, changed = fixed, changed or fixed != content
        out += (varint(len(content)) if wire == BYTES else b"") + content
    return bytes(out) if changed else data


def _utf8(text: bytes) -> bytes:
    return text.decode("utf-8", "backslashreplace").encode()

"""Protobuf's variable-length integers, as they are written."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """Return `number` (its low 64 bits) as a protobuf varint."""
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)

"""Protobuf's wire format: the fields of an encoded message, as protobuf's own runtime, upb, takes them apart."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)
MAX_DEPTH = 100
"""Groups and messages inside each other, as in upb."""


class Unparsable(Exception):
    """The bytes are no message."""


def read_varint(data: bytes, at: int, end: int, longest: int = 10) -> tuple[int, int]:
    """The varint at `at` (its low 64 bits) and where it ends."""
    value = 0
    for i in range(min(longest, end - at)):
        byte = data[at + i]
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, at + i + 1
    raise Unparsable


def _key(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    key, at = read_varint(data, at, end, longest=5)
    if key > 0xFFFFFFFF:
        raise Unparsable
    return key >> 3, key & 7, at


def _skip(data: bytes, at: int, end: int, wire: int) -> tuple[int, int]:
    """Find where the content of a field that is no group starts and ends; for a varint, its value and its end."""
    if wire == VARINT:
        return read_varint(data, at, end)
    if wire == BYTES:
        size, at = read_varint(data, at, end, longest=5)
    elif wire in (FIXED64, FIXED32):
        size = 8 if wire == FIXED64 else 4
    else:
        raise Unparsable
    if size > end - at:
        raise Unparsable
    return at, at + size


def field_head(window: bytes) -> tuple[int, int, int, int]:
    """The field that `window` begins with: its number, wire type, where its content begins, and its size.

    A field that is not whole in `window` may be read so, all but a varint.
    """
    key, at = read_varint(window, 0, len(window), longest=5)
    wire = key & 7
    if wire == BYTES:
        size, at = read_varint(window, at, len(window), longest=5)
    elif wire == VARINT:
        size = read_varint(window, at, len(window))[1] - at
    elif wire in (FIXED64, FIXED32):
        size = 8 if wire == FIXED64 else 4
    else:
        raise Unparsable
    return key >> 3, wire, at, size


def fields(data: bytes, at: int, end: int, depth: int = 0) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message but groups: (number, wire type, start, end); for a varint `start` is its value."""
    while at < end:
        number, wire, at = _key(data, at, end)
        if number == 0:
            raise Unparsable
        if wire == GROUP:
            at = _skip_group(data, at, end, number, MAX_DEPTH - depth)
            continue
        start, at = _skip(data, at, end, wire)
        yield number, wire, start, at


def _skip_group(data: bytes, at: int, end: int, number: int, depth: int) -> int:
    open_groups = [number]
    while open_groups:
        number, wire, at = _key(data, at, end)
        if wire == GROUP:
            open_groups.append(number)
            if len(open_groups) > depth:
                raise Unparsable
        elif wire == END_GROUP:
            if open_groups.pop() != number:
                raise Unparsable
        else:
            _, at = _skip(data, at, end, wire)
    return at

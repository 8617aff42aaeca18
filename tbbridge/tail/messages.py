"""Protobuf messages as Hadoop's servers speak them: what few fields are asked for, and those of an answer by number."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = "int | bytes"
Fields: TypeAlias = "dict[int, list[Value]]"


class Unwelcome(OSError):
    """The server wants another way of talking to it: Kerberos, encryption, another version."""


def encode(*fields: tuple[int, Value]) -> bytes:
    """A protobuf message of numbers (as varints) and bytes."""
    parts = []
    for field, value in fields:
        if isinstance(value, int):
            parts.append(varint(field << 3) + varint(value))
        else:
            parts.append(varint(field << 3 | 2) + delimited(value))
    return b"".join(parts)


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def delimited(message: bytes) -> bytes:
    """A message behind its length."""
    return varint(len(message)) + message


def framed(*messages: bytes) -> bytes:
    """Messages, each behind its length, as a frame of Hadoop's RPC."""
    frame = b"".join(map(delimited, messages))
    return struct.pack(">i", len(frame)) + frame


def decode(message: bytes) -> Fields:
    """The fields of a protobuf message by number; fixed numbers as they are, groups not at all.

    Raises:
        Unwelcome: it is none.
    """
    fields: Fields = {}
    try:
        for field, value in _fields(message):
            fields.setdefault(field, []).append(value)
    except (IndexError, struct.error):
        raise Unwelcome("an answer that is no message") from None
    return fields


def _fields(message: bytes) -> Iterator[tuple[int, Value]]:
    at = 0

    def take() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return value

    while at < len(message):
        key = take()
        kind = key & 7
        if kind == 0:
            yield key >> 3, take()
        elif kind == 2:
            size = take()
            if at + size > len(message):
                raise IndexError
            yield key >> 3, message[at : at + size]
            at += size
        elif kind in (1, 5):
            yield key >> 3, int(struct.unpack_from("<q" if kind == 1 else "<i", message, at)[0])
            at += 8 if kind == 1 else 4
        else:
            raise IndexError


def one(fields: Fields, field: int) -> bytes | None:
    """The bytes of a field; None where there are none."""
    values = many(fields, field)
    return values[-1] if values else None


def many(fields: Fields, field: int) -> list[bytes]:
    """All bytes of a repeated field."""
    return [value for value in fields.get(field, ()) if isinstance(value, bytes)]


def number(fields: Fields, field: int) -> int:
    """The number in a field; 0 where there is none."""
    values = [value for value in fields.get(field, ()) if isinstance(value, int)]
    return values[-1] if values else 0

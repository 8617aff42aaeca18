"""CRC-32C, the checksum of TFRecord files, in plain Python; of many bytes or states, by NumPy (`crc32c_lanes`).

The compiled decoder brings its own; this one serves the writer, and the decoder where nothing could be compiled.
The source of the polynomial is RFC 3720 (appendix B.4), of the mask TensorFlow's ``core/lib/hash/crc32c.h``.

A *state* is the register between bytes, without the inversions at both ends: ``crc32c(d) == ~update(0xFFFFFFFF, d)``.
States are linear: ``update(s, d) == shift(s, len(d)) ^ update(0, d)``, which is what lets `shift` join pieces.
"""

from __future__ import annotations

import struct

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, reflected."""

Buffer = bytes | bytearray | memoryview

_LONG = 1 << 14


def times_x8(state: int) -> int:
    """The state after eight zero bits."""
    for _ in range(8):
        state = (state >> 1) ^ (POLYNOMIAL if state & 1 else 0)
    return state


TABLE = [times_x8(byte) for byte in range(256)]


def masked(crc: int) -> int:
    """The form in which a TFRecord stores the checksum `crc`."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: Buffer, crc: int = 0) -> int:
    """CRC-32C of `data`; `crc` is that of the bytes before it."""
    return update(crc ^ 0xFFFFFFFF, data) ^ 0xFFFFFFFF


def masked_crc32c(data: Buffer) -> int:
    """The masked CRC-32C of `data`, as a TFRecord stores it."""
    return masked(crc32c(data))


def update(state: int, data: Buffer) -> int:
    """The state after `data`."""
    if len(data) >= _LONG:
        from tbbridge.core.crc32c_lanes import update_long

        return update_long(state, data)
    table = TABLE
    for byte in bytes(data):
        state = (state >> 8) ^ table[(state ^ byte) & 255]
    return state


def frame(payload: bytes) -> bytes:
    """`payload` as one TFRecord: length, its masked CRC, the payload, its masked CRC."""
    length = struct.pack("<Q", len(payload))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), payload, struct.pack("<I", masked_crc32c(payload)))
    )

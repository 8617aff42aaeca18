"""CRC-32C, the checksum of TFRecord files, in plain Python and numpy.

The compiled decoder brings its own; this one serves the writer, and the decoder where nothing could be compiled.
The source of the polynomial is RFC 3720 (appendix B.4), of the mask TensorFlow's ``core/lib/hash/crc32c.h``.

A *state* is the register between bytes, without the inversions at both ends: ``crc32c(d) == ~update(0xFFFFFFFF, d)``.
States are linear: ``update(s, d) == shift(s, len(d)) ^ update(0, d)``, which is what lets `shift` join pieces.
"""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78
"""Castagnoli's, reflected."""

UInt32 = NDArray[np.uint32]
Buffer = bytes | bytearray | memoryview

_LANES = 1024
_LONG = 1 << 14


def _times_x8(state: int) -> int:
    for _ in range(8):
        state = (state >> 1) ^ (POLYNOMIAL if state & 1 else 0)
    return state


TABLE = [_times_x8(byte) for byte in range(256)]
SLICES = np.zeros((8, 256), np.uint32)
"""``SLICES[k][b]``: the state after byte ``b`` and then ``k`` zero bytes (slicing-by-8)."""
SLICES[0] = TABLE
for _k in range(1, 8):
    SLICES[_k] = (SLICES[_k - 1] >> 8) ^ SLICES[0][SLICES[_k - 1] & 255]


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
        return _update_long(state, np.frombuffer(data, np.uint8))
    table = TABLE
    for byte in bytes(data):
        state = (state >> 8) ^ table[(state ^ byte) & 255]
    return state


def _update_long(state: int, data: NDArray[np.uint8]) -> int:
    """`update` by many lanes side by side, joined at the end: 20 ms for 1 MiB instead of 300."""
    width = len(data) // _LANES // 4 * 4
    words = np.ascontiguousarray(data[: width * _LANES].reshape(_LANES, width).view("<u4").T)
    lanes = np.zeros(_LANES, np.uint32)
    for word in words:
        mixed = lanes ^ word
        lanes = (
            SLICES[3][mixed & 255] ^ SLICES[2][mixed >> 8 & 255] ^ SLICES[1][mixed >> 16 & 255] ^ SLICES[0][mixed >> 24]
        )
    while len(lanes) > 1:
        lanes = shift(lanes[::2], np.full(len(lanes) // 2, width, np.int64)) ^ lanes[1::2]
        width *= 2
    head = shift(np.array([state], np.uint32), np.array([width], np.int64))
    return update(int(head[0] ^ lanes[0]), data[width:].tobytes())


def shift(states: UInt32, lengths: NDArray[np.int64]) -> UInt32:
    """The states after ``lengths[i]`` zero bytes each; shape (n,), uint32."""
    result = states.copy()
    for bit in range(int(lengths.max(initial=0)).bit_length()):
        chosen = np.flatnonzero(lengths >> bit & 1)
        s, table = result[chosen], _zeros_operator(bit)
        result[chosen] = table[0][s & 255] ^ table[1][s >> 8 & 255] ^ table[2][s >> 16 & 255] ^ table[3][s >> 24]
    return result


@lru_cache(maxsize=64)
def _zeros_operator(bit: int) -> UInt32:
    """The effect of ``2**bit`` zero bytes on each byte of a state; shape (4, 256)."""
    if bit == 0:
        columns = np.array([_times_x8(1 << i) for i in range(32)], np.uint32)
    else:
        half = _zeros_operator(bit - 1)
        columns = np.array([1 << i for i in range(32)], np.uint32)
        for _ in range(2):
            c = columns
            columns = half[0][c & 255] ^ half[1][c >> 8 & 255] ^ half[2][c >> 16 & 255] ^ half[3][c >> 24]
    table = np.zeros((4, 256), np.uint32)
    for i in range(32):
        table[i // 8, (np.arange(256) >> (i % 8) & 1).astype(bool)] ^= columns[i]
    return table


def frame(payload: bytes) -> bytes:
    """`payload` as one TFRecord: length, its masked CRC, the payload, its masked CRC."""
    length = struct.pack("<Q", len(payload))
    return b"".join(
        (length, struct.pack("<I", masked_crc32c(length)), payload, struct.pack("<I", masked_crc32c(payload)))
    )

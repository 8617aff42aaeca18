"""CRC-32C of many bytes, or of many states at a time, by NumPy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tbbridge.core.crc32c import TABLE, Buffer, times_x8, update
from tbbridge.core.model import Int64, UInt32

_LANES = 1024

SLICES = np.zeros((8, 256), np.uint32)
"""``SLICES[k][b]``: the state after byte ``b`` and then ``k`` zero bytes (slicing-by-8)."""
SLICES[0] = TABLE
for _k in range(1, 8):
    SLICES[_k] = (SLICES[_k - 1] >> 8) ^ SLICES[0][SLICES[_k - 1] & 255]


def update_long(state: int, buffer: Buffer) -> int:
    """`update` by many lanes side by side, joined at the end: 20 ms for 1 MiB instead of 300."""
    data = np.frombuffer(buffer, np.uint8)
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


def shift(states: UInt32, lengths: Int64) -> UInt32:
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
        columns = np.array([times_x8(1 << i) for i in range(32)], np.uint32)
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

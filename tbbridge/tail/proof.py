"""A second reading of what was read while a file grew.

A look at a file that grew reads what is new. Whether older bytes changed meanwhile (a bad disk, a copy that went wrong,
an edit) is not to be seen in the file's size or times; only reading it again tells.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tbbridge.model import EventFile

PIECE = 1 << 16
"""Scalars that are compared at a time: where they rest on a shelf, so many are read."""

FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""A FIFO of an event file's name must not block, and no program that is started inherits the descriptor."""


class Decodes(Protocol):
    """What makes columns of the bytes of one event file, as `tbbridge.decode.Decoder` does; the hall brings it."""

    position: int
    """Offset of the next byte that it wants."""
    generation: int
    """Grows when it began again from byte 0."""
    want: int
    """How many bytes to read at most next."""

    @property
    def log(self) -> EventFile:
        """All that has been decoded so far."""

    def announce(self, size: int) -> None:
        """The file has `size` bytes by now: a hint to make room for what they hold."""

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the bytes at `position`; returns how many scalars are new."""

    def settle(self, size: int) -> None:
        """The file ends at `size` for now."""


def feed(decoder: Decodes, descriptor: int, size: int, limit: int | None) -> bool:
    """Give a decoder the bytes up to `size`; False when `limit` of them were read before, or the file got shorter."""
    last = size if limit is None else decoder.position + limit
    decoder.announce(size)
    while True:
        while decoder.position < size:
            if decoder.position >= last:
                return False
            amount = min(decoder.want, size - decoder.position, last - decoder.position)
            data = os.pread(descriptor, amount, decoder.position)
            if not data:
                return False
            decoder.feed(data)
        decoder.settle(size)
        if decoder.position >= size:
            return True
        last = decoder.position + (limit or size)  # it went back, to read again what an unfinished record had hidden


class Proof:
    """Reads an event file again, a piece at a time, and compares it with what is known of it.

    Args:
        known: what was decoded of the file's first ``known.size`` bytes.
        decoder: a new one for the same file.
    """

    def __init__(self, known: EventFile, decoder: Decodes) -> None:
        self.known = known
        self._decoder = decoder

    def read(self, path: str, limit: int | None) -> bool | None:
        """Read on, at most about `limit` bytes; whether the file still is what is known of it, None before its end.

        Raises:
            OSError: it cannot be read.
        """
        descriptor = os.open(path, FLAGS)
        try:
            shorter = os.fstat(descriptor).st_size < self.known.size
            if not shorter and not feed(self._decoder, descriptor, self.known.size, limit):
                return None
        finally:
            os.close(descriptor)
        return not shorter and same(self._decoder.log, self.known)


def same(new: EventFile, known: EventFile) -> bool:
    """Whether two readings of one file agree, bit for bit."""
    one, other = new.scalars, known.scalars
    return (
        all(_equal(getattr(one, column), getattr(other, column)) for column in ("tag", "step", "wall_time", "value"))
        and new.tags == known.tags[: len(new.tags)]  # a list that goes on growing
        and (new.doubles, new.starts, new.records) == (known.doubles, known.starts, known.records)
        and (new.damage, new.incomplete_tail) == (known.damage, known.incomplete_tail)
        and new.passed_over == known.passed_over
        and repr(new.first_wall_time) == repr(known.first_wall_time)
    )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if len(one) != len(other) or one.dtype != other.dtype:
        return False
    bits = f"i{one.dtype.itemsize}"
    pieces = (slice(start, start + PIECE) for start in range(0, len(one), PIECE))
    return all(np.array_equal(one[piece].view(bits), other[piece].view(bits)) for piece in pieces)

"""A second reading of what was read while a file grew.

A look at a file that grew reads what is new. Whether older bytes changed meanwhile (a bad disk, a copy that went wrong,
an edit) is not to be seen in the file's size or times; only reading it again tells.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import EventFile, Scalars

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

    def take(self) -> Scalars:
        """The scalars since the last time, which `log` then no longer has."""

    def settle(self, size: int) -> None:
        """The file ends at `size` for now."""


def feed(
    decoder: Decodes, descriptor: int, size: int, limit: int | None, fed: Callable[[], None] | None = None
) -> bool:
    """Give a decoder the bytes up to `size`; False when `limit` of them were read before, or the file got shorter.

    fed: is called after each piece, and takes what came of it.
    """
    last = size if limit is None else decoder.position + limit
    if fed is None:
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
            if fed:
                fed()
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
        self._generation = decoder.generation
        self._rows = 0
        self._alike = True

    def read(self, path: str, limit: int | None) -> bool | None:
        """Read on, at most about `limit` bytes; whether the file still is what is known of it, None before its end.

        Raises:
            OSError: it cannot be read.
        """
        descriptor = os.open(path, FLAGS)
        try:
            shorter = os.fstat(descriptor).st_size < self.known.size
            if not shorter and not feed(self._decoder, descriptor, self.known.size, limit, self._compare):
                return None
        finally:
            os.close(descriptor)
        self._compare()
        whole = self._rows == len(self.known.scalars.step)
        return not shorter and self._alike and whole and same(self._decoder.log, self.known)

    def _compare(self) -> None:
        """Compare the scalars of the last piece, and let go of them."""
        if self._decoder.generation != self._generation:
            self._generation, self._rows, self._alike = self._decoder.generation, 0, True
        news = self._decoder.take()
        piece = slice(self._rows, self._rows + len(news.step))
        self._rows = piece.stop
        self._alike = self._alike and all(
            _equal(getattr(news, column), getattr(self.known.scalars, column)[piece])
            for column in ("tag", "step", "wall_time", "value")
        )


def same(new: EventFile, known: EventFile) -> bool:
    """Whether two readings of one file agree in all but their scalars."""
    return (
        new.tags == known.tags[: len(new.tags)]  # a list that goes on growing
        and (new.doubles, new.starts, new.records) == (known.doubles, known.starts, known.records)
        and (new.damage, new.incomplete_tail) == (known.damage, known.incomplete_tail)
        and new.passed_over == known.passed_over
        and repr(new.first_wall_time) == repr(known.first_wall_time)
    )


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Bit for bit; float32 values as the float64 values that later ones may have made of them."""
    one, other = (values.astype(np.float64) if values.dtype.kind == "f" else values for values in (one, other))
    bits = f"i{one.dtype.itemsize}"
    return np.array_equal(np.asarray(one).view(bits), np.asarray(other).view(bits))

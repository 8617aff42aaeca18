"""The read loop: give a decoder the bytes of an open event file, in the pieces that it wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tbbridge.core.model import EventFile, Scalars
from tbbridge.tail.storage import OpenFile


class Decodes(Protocol):
    """Makes columns of the bytes of one event file, as `tbbridge.decode.Decoder` does."""

    position: int
    """Offset of the next byte that it wants."""
    generation: int
    """Grows when it began again from byte 0."""
    want: int
    """How many bytes to read at most next."""

    @property
    def log(self) -> EventFile:
        """All that has been decoded so far."""

    @property
    def digest(self) -> tuple[int, ...]:
        """A checksum of all scalars so far, those that were taken among them."""

    def announce(self, size: int) -> None:
        """The file has `size` bytes by now: a hint to make room for what they hold."""

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the bytes at `position`; returns how many scalars are new."""

    def take(self) -> Scalars:
        """Return the scalars since the last time, which `log` then no longer has."""

    def settle(self, size: int) -> None:
        """The file ends at `size` for now."""


def feed(
    decoder: Decodes, file: OpenFile, size: int, limit: int | None, fed: Callable[[], object] | None = None
) -> bool:
    """Give a decoder the bytes up to `size`; return False when `limit` of them were read, or the file got shorter.

    Args:
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
            data = file.read(amount, decoder.position)
            if not data:
                return False
            decoder.feed(data)
            if fed:
                fed()
        decoder.settle(size)
        if decoder.position >= size:
            return True
        last = decoder.position + (limit or size)  # it went back, to read again what an unfinished record had hidden

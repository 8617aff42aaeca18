"""The bytes of an event file, for a decoder, as many at a time as it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tbbridge.tail.storage import OpenFile

if TYPE_CHECKING:
    from tbbridge.core.model import EventFile, Scalars


class Decodes(Protocol):
    """Makes columns of the bytes of one event file, as `tbbridge.decode.Decoder` does."""

    position: int
    """Offset of the next byte that it wants."""
    generation: int
    """Grows when it began again from byte 0."""
    want: int
    """The number of bytes to read at most next."""

    @property
    def log(self) -> EventFile:
        """All that has been decoded so far."""

    @property
    def digest(self) -> tuple[int, ...]:
        """A checksum of all scalars so far, those that were taken among them."""

    def announce(self, size: int) -> None:
        """Make room for the content of `size` bytes, which the file has by now."""

    def feed(self, data: bytes | bytearray | memoryview) -> int:
        """Take the bytes at `position`; returns how many scalars are new."""

    def take(self) -> Scalars:
        """Return the scalars since the last time, which `log` then no longer has."""

    def settle(self, size: int) -> None:
        """The file ends at `size` for now."""


class DecodedTogether(Protocol):
    """Many small files that were decoded together."""

    @property
    def bare(self) -> DecodedTogether:
        """The same without points, which count as taken."""

    def file(self, i: int, name: str) -> EventFile:
        """The content of file number `i`."""


def feed(
    decoder: Decodes, file: OpenFile, size: int, limit: int | None = None, fed: Callable[[], object] | None = None
) -> bool:
    """Give a decoder the bytes up to `size`; return False when `limit` of them were read, or the file got shorter.

    Args:
        fed: is called after each piece, and takes the decoded points.
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
        last = decoder.position + (limit or size)  # it went back, behind an unfinished record

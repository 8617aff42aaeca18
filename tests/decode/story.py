"""The words of the decoder's tests: records, files, and decoding them in scripted pieces."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from tbbridge.core.crc32c import frame, masked_crc32c
from tbbridge.core.model import EventFile
from tbbridge.decode import Decoder, _native
from tbbridge.tail.feed import feed
from tbbridge.write.events import event, field, simple_value, summary

VERSION = frame(event(0, 1.0, field(3, "brain.Event:2")))


def scalar(step: int, value: float | None = None, tag: str | bytes = "loss") -> bytes:
    """A record with one scalar."""
    return frame(event(step, 100.0 + step, summary(simple_value(tag, step / 4 if value is None else value))))


def scalars(count: int) -> list[bytes]:
    """A file version and `count` - 1 records of one scalar each."""
    return [VERSION, *(scalar(step) for step in range(1, count))]


def image(size: int, step: int = 0, tag: str = "pixels") -> bytes:
    """A record with an image of `size` bytes."""
    payload = event(step, 1.0, summary(field(1, tag) + field(4, b"\x08\x01" + field(4, bytes(size)))))
    length = len(payload).to_bytes(8, "little")
    return b"".join((length, checksum(length), payload, checksum(payload)))


def checksum(data: bytes) -> bytes:
    """As a record stores it; by the compiled decoder, since the plain one takes 4 s for 200 MB."""
    return _native.masked_crc32c(data).to_bytes(4, "little")


class Disk:
    """A file in memory that grows, is read in pieces of at most `step` bytes, and counts what is read of it."""

    def __init__(self, data: bytes, step: int = 1 << 30) -> None:
        self.data = data
        self.step = step
        self.bytes_read = 0
        self.reads = 0
        self.size = len(data)

    def read(self, count: int, offset: int) -> bytes:
        piece = self.data[offset : min(offset + min(count, self.step), self.size)]
        self.bytes_read += len(piece)
        self.reads += 1
        return piece


def decoder_of(data: bytes, sizes: Sequence[int] = (), step: int = 1 << 30, **options: Any) -> Decoder:
    """A decoder that looked at the file when it had each of these sizes, and at last all of it."""
    decoder, disk = Decoder("run/events", **options), Disk(data, step)
    for disk.size in [*sizes, len(data)]:
        feed(decoder, disk, disk.size)
        assert decoder.position >= disk.size
    return decoder


def decode(data: bytes, sizes: Sequence[int] = (), step: int = 1 << 30, **options: Any) -> EventFile:
    """What is decoded of `data`; see `decoder_of`."""
    return decoder_of(data, sizes, step, **options).log


def ranges(log: EventFile) -> list[tuple[int, int]]:
    """The damaged byte ranges."""
    return [(one.start, one.end) for one in log.damage]


def everything(log: EventFile) -> str:
    """All that a log says, as text in which NaN equals NaN."""
    columns = log.scalars
    assert len(columns.tag) == len(columns.step) == len(columns.wall_time) == len(columns.value)
    rows = [column.tolist() for column in (columns.tag, columns.step, columns.wall_time, columns.value)]
    rest = (log.tags, sorted(log.doubles), log.starts, log.first_wall_time, log.records, log.damage)
    return repr((rows, str(columns.value.dtype), rest, log.incomplete_tail, sorted(log.passed_over.items()), log.size))


def wreck(rng: Random) -> bytes:
    """A file of good, nested, hollow, broken and overlong records, holes and rubbish, perhaps cut off."""
    out = b"".join(_piece(rng, i) for i in range(rng.randrange(1, 12)))
    return out[: rng.randrange(len(out) + 1)] if rng.random() < 0.5 else out


def _piece(rng: Random, step: int) -> bytes:
    kind = rng.random()
    if kind < 0.75:
        return _good(rng, step)
    if kind < 0.8:
        return bytes(rng.randrange(40))
    if kind < 0.85:
        return rng.randbytes(rng.randrange(40))
    if kind < 0.93:  # a right header that claims too much
        return claim(rng.choice([0, 5, 20, 50, 100, 300, 1000, 10**6, 2**40, 2**64 - 1]))
    broken = bytearray(_good(rng, step))
    for _ in range(rng.randrange(1, 3)):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _good(rng: Random, step: int) -> bytes:
    kind = rng.random()
    if kind < 0.1:
        return frame(b"")
    if kind < 0.2:
        return frame(event(step, step + 0.5, field(7, b"\x08\x01")))
    if kind < 0.3:
        inside = b"".join(_good(rng, 100 + step) for _ in range(rng.randrange(1, 3)))
        return frame(event(step, 1.0, field(3, inside)))
    values = [simple_value(rng.choice(["a", "bb", "loss"]), step) for _ in range(rng.randrange(3))]
    return frame(event(step, step + 0.5, summary(*values)))


def claim(length: int) -> bytes:
    """The right header of a record of `length` bytes, without the record."""
    raw = length.to_bytes(8, "little")
    return raw + masked_crc32c(raw).to_bytes(4, "little")

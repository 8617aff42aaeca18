"""The rule for what survives in a damaged file, in the shortest form: quadratic, all bytes at hand, none of our code.

From a record boundary: a record with both checksums right is taken; one that the end of the file cuts off is an
unfinished tail, unless a whole record starts inside; anything else is damage up to the next offset at which a whole
record starts, or the end of the file (or what looks like an unfinished record before it).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c, masked_crc32c


@dataclass
class Survivors:
    records: list[tuple[int, int]] = field(default_factory=list)
    damage: list[tuple[int, int]] = field(default_factory=list)
    tail: int = 0


def length_at(data: bytes, at: int) -> int | None:
    """The payload length that a right header at `at` gives."""
    if len(data) - at < 12 or masked_crc32c(data[at : at + 8]) != int.from_bytes(data[at + 8 : at + 12], "little"):
        return None
    return int.from_bytes(data[at : at + 8], "little")


def end_of_whole(data: bytes, at: int) -> int | None:
    """Where the record with both checksums right at `at` ends."""
    length = length_at(data, at)
    if length is None or at + 16 + length > len(data):
        return None
    payload, end = data[at + 12 : at + 12 + length], at + 16 + length
    return end if masked_crc32c(payload) == int.from_bytes(data[end - 4 : end], "little") else None


def survivors(data: bytes, max_record: int = 64 << 20) -> Survivors:
    """What a reader must find in `data` (of records that are small, or hold what might be a scalar)."""
    found, at = Survivors(), 0
    candidates = [o for o in range(len(data)) if (n := length_at(data, o)) is not None and n <= max_record]
    whole = [o for o in candidates if end_of_whole(data, o) is not None]
    while at < len(data):
        end = end_of_whole(data, at)
        if end is not None:
            found.records.append((at, end))
            at = end
            continue
        length = length_at(data, at)
        cut_off = len(data) - at < 12 or (length is not None and at + 16 + length > len(data))
        next_whole = min((o for o in whole if o > at), default=None)
        if next_whole is not None:
            found.damage.append((at, next_whole))
            at = next_whole
        elif cut_off:
            found.tail = len(data) - at
            break
        else:
            end = min((o for o in candidates if o > at and cut(data, o)), default=len(data))
            found.damage.append((at, end))
            found.tail = len(data) - end
            break
    return found


def cut(data: bytes, at: int) -> bool:
    """Whether the record that a right header at `at` announces reaches beyond the end."""
    return at + 16 + (length_at(data, at) or 0) > len(data)


__all__ = ["Survivors", "crc32c", "end_of_whole", "length_at", "survivors"]

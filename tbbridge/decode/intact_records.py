"""The intact records of an event file, byte for byte, for those who copy them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tbbridge.core.crc32c import masked
from tbbridge.decode import backend
from tbbridge.decode.decoder import MAX_RECORD

if TYPE_CHECKING:
    from tbbridge.decode.resync import Search

Read = Callable[[int, int], bytes]
"""``read(bytes, offset)``: at most that many bytes from there on."""

_CHUNK = 1 << 20


def records(size: int, read: Read) -> Iterator[tuple[int, int]]:
    """Find where each record with both checksums right starts and ends in a file of `size` bytes."""
    for start, _, sound in stretches(size, read):
        for _ in range(max(sound, 1)):
            end = start + 16 + int.from_bytes(read(8, start), "little")
            yield start, end
            start = end


def stretches(size: int, read: Read) -> Iterator[tuple[int, int, int]]:
    """Find the records with both checksums right in a file of `size` bytes: (start, end, how many that are sound).

    Where that number is 0, it is one record, which may hold no Event or text that is no UTF-8 (`backend.sound`). The
    way round damage is the `Decoder`'s, but every payload is verified, whatever it holds and however large.
    """
    at, window, search = 0, _Window(read), None
    while at < size:
        count, length = backend.sound(window.rest(at))
        end = at + length if count else _end_of_whole(window, at, size)
        if end is not None:
            yield at, end, count
            at = end
            continue
        if search is None or not search.covers(at + 1):
            from tbbridge.decode.resync import Search

            search = Search(at + 1, MAX_RECORD)
        search.restrict(at + 1)
        found = _next_whole(search, size, read)
        if found is None:
            return
        at = found


class _Window:
    """A part of the file in memory, moved on as it is asked for."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._base = 0
        self._data = b""

    def rest(self, at: int) -> memoryview:
        """What there is from `at` on, at least a byte."""
        return memoryview(self._data)[at - self._base :] if self.get(at, 1) else memoryview(b"")

    def get(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at` on."""
        if not self._base <= at <= at + count <= self._base + len(self._data):
            self._base, self._data = at, self._read(max(count, _CHUNK), at)
        return self._data[at - self._base : at - self._base + count]


def _end_of_whole(window: _Window, at: int, size: int) -> int | None:
    """The end of the record at `at`, when both its checksums are right."""
    header = window.get(at, 12)
    if len(header) < 12 or backend.masked_crc32c(header[:8]) != int.from_bytes(header[8:], "little"):
        return None
    length = int.from_bytes(header[:8], "little")
    end = at + 16 + length
    if end > size:
        return None
    crc, here = 0, at + 12
    while here < end - 4:
        part = window.get(here, min(end - 4 - here, _CHUNK))
        if not part:
            return None
        crc = backend.crc32c(part, crc)
        here += len(part)
    stored = window.get(end - 4, 4)
    return end if masked(crc) == int.from_bytes(stored, "little") else None


def _next_whole(search: Search, size: int, read: Read) -> int | None:
    while True:
        found = search.answer()
        if found is None and search.position >= size:
            found = search.last_answer()
            if found is None and search.give_up_pending():
                continue
            return found
        if found is not None:
            return found
        data = read(min(_CHUNK // 4, size - search.position), search.position)
        if not data:
            return search.last_answer()
        search.extend(memoryview(data))

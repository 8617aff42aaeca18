"""Where a follower lets old points rest: a file without a name, which is gone with the process, however that ends.

    column = GrowingColumn(np.int64, DiskShelf())

It lies in the directory for temporary files (``TMPDIR``). Nothing in it is needed after the process, and nothing is
lost without it: where it cannot be written, or the disk is nearly full, the points stay in memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import tempfile
import threading
import time
import weakref
from array import array
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tbbridge.core.growing_column import Blocks

log = logging.getLogger(__name__)

BLOCK = 1024
"""Bytes of a block: some 128 steps."""

RETRY = 5.0
"""Seconds before the file is tried again after it could not be written."""

RESERVE = 256 << 20
"""Bytes of the disk that are left to others: a training that cannot save its model is worse than memory in use."""

TIDY = 32 << 20
"""Bytes that went into the file, after which it is worth 2 ms to give back the memory that held them."""

_MOST = 2**32 - 1
"""Blocks that can be numbered; 4 TiB."""


class DiskShelf:
    """Keeps blocks of bytes in one file; see `tbbridge.core.growing_column.Shelf`. Made when it is first used."""

    def __init__(self, block: int = BLOCK) -> None:
        self.block = block
        self._descriptor = -1
        self._end = 0
        self._free: list[Blocks] = []
        self._retry_at = 0.0
        self._taken = 0
        self._writing = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._end * self.block

    def put(self, data: memoryview) -> Blocks | None:
        """Keep whole blocks; returns their numbers, or None when they cannot be kept now."""
        if time.monotonic() < self._retry_at:
            return None
        with self._writing:
            blocks = array("I")
            try:
                self._find_places(blocks, len(data) // self.block)
                for first, count, place in _stretches(blocks):
                    self._write(data[first * self.block : (first + count) * self.block], place * self.block)
            except OSError as error:
                log.info("old points stay in memory: %s", error)
                self._retry_at = time.monotonic() + RETRY
                self.free(blocks)
                return None
            self._taken += len(data)
            return blocks

    def get(self, blocks: Blocks, into: memoryview) -> None:
        """Copy the bytes of these blocks.

        Raises:
            OSError: they cannot be read.
        """
        for first, count, place in _stretches(blocks):
            self._read(into[first * self.block : (first + count) * self.block], place * self.block)

    def free(self, blocks: Blocks) -> None:
        """These blocks may be used again. Takes no lock: the garbage collector may call it at any moment."""
        if blocks:
            self._free.append(blocks)

    def tidy(self) -> None:
        """Give memory back to the system where much went into the file: glibc keeps what was freed for later."""
        if self._taken > TIDY:
            self._taken = 0
            with contextlib.suppress(OSError, AttributeError):  # another C library
                ctypes.CDLL(None).malloc_trim(0)

    def _find_places(self, found: Blocks, count: int) -> None:
        """Add so many blocks to write to: free ones first."""
        if self._descriptor < 0:
            self._open()
        while len(found) < count and self._free:
            some, wanted = self._free.pop(), count - len(found)
            found.extend(some[-wanted:])
            del some[-wanted:]  # at its end, so that what is left of many need not move
            self.free(some)
        if new := count - len(found):
            self._check_room(new)
            found.extend(range(self._end, self._end + new))
            self._end += new

    def _check_room(self, blocks: int) -> None:
        disk = os.fstatvfs(self._descriptor)
        if self._end + blocks > _MOST or disk.f_bavail * disk.f_frsize < RESERVE + blocks * self.block:
            raise OSError("the disk is nearly full")

    def _open(self) -> None:
        with tempfile.TemporaryFile(prefix="tbbridge-", dir=_folder()) as file:
            self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor).atexit = False  # what runs at the exit may still read

    def _write(self, data: memoryview, offset: int) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written

    def _read(self, data: memoryview, offset: int) -> None:
        while data:
            read = os.pread(self._descriptor, len(data), offset)
            if not read:
                raise OSError("the file of old points is shorter than it was")
            data[: len(read)] = read
            data, offset = data[len(read) :], offset + len(read)


def _folder() -> str:
    """For large temporary files ``/var/tmp`` is meant, where nothing else was asked for: ``/tmp`` may be memory."""
    folder = tempfile.gettempdir()
    return "/var/tmp" if folder == "/tmp" and os.access("/var/tmp", os.W_OK) else folder


def _stretches(blocks: Blocks) -> list[tuple[int, int, int]]:
    """(index, count, block) of the stretches of blocks that follow one another."""
    if len(blocks) <= 1:
        return [(0, 1, blocks[0])] if blocks else []
    numbers: NDArray[np.uint32] = np.frombuffer(blocks, np.uint32)
    starts = np.concatenate([[0], 1 + np.flatnonzero(np.diff(numbers.astype(np.int64)) != 1)])
    counts = np.diff(starts, append=len(numbers))
    return list(zip(starts.tolist(), counts.tolist(), numbers[starts].tolist(), strict=True))

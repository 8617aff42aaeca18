"""One growing event file: what is new since the last look; shrunk, replaced, gone."""

from __future__ import annotations

import enum
import errno
import os
import stat
import time
from collections.abc import Callable
from typing import NamedTuple

from tbbridge.core.model import EventFile
from tbbridge.tail.second_reading import FLAGS, Decodes, Proof, feed

MARKER = 64
"""Bytes before the known end that must still be the ones remembered. They hold the last whole scalar record's checksum,
also where an unfinished one follows it: 16 bytes of that alone (length, checksum, constants) are alike in many."""

FRESH = 2.0
"""Seconds. A change time younger than this does not prove that nothing changed since: file systems count time in ticks
of up to 10 ms (ext4, xfs, tmpfs) or 1 to 2 s (FAT, NFS servers). The same reasoning as git's "racily clean" entries."""

RETRY_FIRST, RETRY_LAST = 0.25, 5.0
"""Seconds between attempts at a file that cannot be read: doubled from the first to the last."""

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG)


def vanished(name: str) -> str:
    """What there is to say of a file that is not there any more when it is to be read, once and for all."""
    return f"cannot read {name}: it was there a moment ago, and is gone"


class News(enum.Enum):
    """The answer of one look at a file."""

    NONE = "nothing new"
    SOME = "something was read, and all of it"
    MORE = "something was read, and there is more: look again"
    GONE = "there is no such event file any more"
    FAILED = "the file is there and cannot be read now; what was read before stays"


class _Identity(NamedTuple):
    device: int
    inode: int


class _Stamp(NamedTuple):
    """Everything a stat tells that changes when bytes do."""

    identity: _Identity
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Stamp:
        return cls(_Identity(status.st_dev, status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class GrowingFile:
    """Follows one event file by path; holds no descriptor between looks.

    The file is read again from its first byte when its device or inode changed, when it is shorter than what was read,
    when the bytes before the known end are not the ones remembered, when it was written to without growing, or when
    `prove` finds that it is no longer what was read of it.

    Args:
        decoder: makes a decoder for the file's name; called again whenever the file is read again from its first byte.

    Attributes:
        name: path below the log directory.
        problem: a line for a person while the file cannot be read, else "".
        stopped: why reading it stopped by a bug until the next attempt, else "".
        last_write: when its newest byte was written or seen, seconds since the epoch by this machine's clock.
    """

    def __init__(self, path: str, name: str, decoder: Callable[[str], Decodes]) -> None:
        self.path = path
        self.name = name
        self.problem = ""
        self.stopped = ""
        self.last_write: float | None = None
        self._new_decoder = decoder
        self._decoder = decoder(name)
        self._known: EventFile = self._decoder.log
        self._stamp: _Stamp | None = None
        self._settled = False
        self._marker = b""
        self._seen = 0
        self._proven = 0
        self._proof: Proof | None = None
        self._generation = 0
        self._reached = (0, 0)
        self._retry_at = 0.0
        self._retry_after = RETRY_FIRST

    @property
    def log(self) -> EventFile:
        """All that has been decoded of the file as it was when a look last reached its end."""
        return self._known

    @property
    def generation(self) -> int:
        """Grows when columns taken earlier from `log` are void; otherwise they only get longer."""
        return self._reached[0]

    @property
    def version(self) -> tuple[int, int]:
        """The `generation` and the size of what `log` holds: changes when `log` does."""
        return self._reached

    def look(self, limit: int | None = None) -> News:
        """Read what is new, at most about `limit` bytes of it (None: all)."""
        if self._retry_at and time.monotonic() < self._retry_at:
            return News.FAILED
        try:
            if self._settled and _Stamp.of(os.stat(self.path)) == self._stamp:
                return News.NONE
            return self._open_and_read(limit)
        except OSError as error:
            if error.errno in GONE:
                return News.GONE
            return self._fail(error)

    @property
    def unproven(self) -> bool:
        """Whether some of it was read while it grew, so that older bytes may have changed unseen; see `prove`."""
        return self._known.size > self._proven

    def prove(self, limit: int | None = None) -> News:
        """Read again what was read while it grew, at most about `limit` bytes of it.

        NONE: it is what was read before; MORE: prove again; SOME: older bytes have changed, and a look reads all of it;
        FAILED: it cannot be read now.
        """
        self._proof = self._proof or Proof(self._known, self._new_decoder(self.name))
        try:
            holds = self._proof.read(self.path, limit)
        except OSError:
            return News.FAILED
        if holds is None:
            return News.MORE
        if not holds:
            self._start_over()
            return News.SOME
        self._proven, self._proof = self._proof.known.size, None
        return News.NONE

    def begin_again(self, reason: str) -> News:
        """Read it again from its first byte after a while, since a bug stopped the reading."""
        self._start_over()
        self.stopped, self.problem = reason, f"reading {self.name} stopped: {reason}; it is read again"
        self._wait()
        return News.FAILED

    def _open_and_read(self, limit: int | None) -> News:
        descriptor = os.open(self.path, FLAGS)
        try:
            stamp = _Stamp.of(status := os.fstat(descriptor))
            if not stat.S_ISREG(status.st_mode):
                return News.GONE
            self._notice_another_file(descriptor, stamp)
            news = self._read(descriptor, stamp, limit)
        finally:
            os.close(descriptor)
        if news is not News.MORE:
            self.problem, self.stopped, self._retry_at, self._retry_after = "", "", 0.0, RETRY_FIRST
        return news

    def _notice_another_file(self, descriptor: int, stamp: _Stamp) -> None:
        if self._stamp is None:
            return
        if (
            stamp.identity != self._stamp.identity
            or stamp.size < self._seen
            or os.pread(descriptor, len(self._marker), self._seen - len(self._marker)) != self._marker
            or self._rewritten_in_place(descriptor, stamp)
        ):
            self._start_over()

    def _rewritten_in_place(self, descriptor: int, stamp: _Stamp) -> bool:
        """Whether bytes that were read may have changed, while the size did not."""
        assert self._stamp is not None
        if stamp.size != self._stamp.size or stamp[2:] == self._stamp[2:]:
            return False
        # An append stamps the time before it sets the size: what looks like a rewrite may be its first half.
        time.sleep(0.002)
        return os.fstat(descriptor).st_size == stamp.size

    def _start_over(self) -> None:
        self._generation += self._decoder.generation + 1
        self._decoder = self._new_decoder(self.name)
        self._stamp, self._marker, self._seen, self._proven, self._proof = None, b"", 0, 0, None

    def _read(self, descriptor: int, stamp: _Stamp, limit: int | None) -> News:
        decoder = self._decoder
        at_once = decoder.position == 0
        if not feed(decoder, descriptor, stamp.size, limit):
            self._remember(descriptor, stamp, min(decoder.position, stamp.size))
            self._settled = False
            return News.MORE
        self._remember(descriptor, stamp, stamp.size)
        if at_once and self._settled:  # else it may still change within one tick of its time stamp
            self._proven = stamp.size
        reached = (self._generation + decoder.generation, stamp.size)
        if reached == self._reached:
            return News.NONE
        self._known, self._reached = decoder.log, reached
        self.last_write = min(stamp.modified / 1e9, time.time())
        return News.SOME

    def _remember(self, descriptor: int, stamp: _Stamp, seen: int) -> None:
        self._stamp, self._seen = stamp, seen
        self._marker = os.pread(descriptor, min(MARKER, seen), max(0, seen - MARKER))
        self._settled = time.time() - stamp.changed / 1e9 > FRESH

    def _fail(self, error: OSError) -> News:
        self.problem = f"cannot read {self.name}: {error.strerror}"
        self._wait()
        return News.FAILED

    def _wait(self) -> None:
        self._retry_at = time.monotonic() + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_LAST)

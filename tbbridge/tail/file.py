"""One growing event file: its new bytes since the last look; shrunk, replaced, gone."""

from __future__ import annotations

import enum
import errno
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import EventFile
from tbbridge.tail.feed import DecodedTogether, Decodes, feed
from tbbridge.tail.logdir import EventPath
from tbbridge.tail.storage import OpenFile, ReplacedError, Stat, Storage

MARKER = 64
"""Bytes before the known end that must still be the ones remembered. They hold the last whole scalar record's checksum,
also where an unfinished one follows it: 16 bytes of that alone (length, checksum, constants) are alike in many."""

UNFINISHED = 1024
"""Bytes of an unfinished record that are read again together with the marker, since a store answers one request."""

FRESH = 2.0
"""Seconds. A change time younger than this does not prove that nothing changed since: file systems count time in ticks
of up to 10 ms (ext4, xfs, tmpfs) or 1 to 2 s (FAT, NFS servers). The same reasoning as git's "racily clean" entries."""

RETRY_FIRST, RETRY_LAST = 0.25, 5.0
"""Seconds between attempts at a file that cannot be read: doubled from the first to the last."""

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG)


def vanished(name: str) -> str:
    """Return the message for a file that was listed, and is gone when it is to be read for the only time."""
    return f"cannot read {name}: it was there a moment ago, and is gone"


class News(enum.Enum):
    """The answer of one look at a file."""

    NONE = "nothing new"
    SOME = "something was read, and all of it"
    MORE = "something was read, and there is more: look again"
    GONE = "there is no such event file any more"
    FAILED = "the file is there and cannot be read now; its earlier content stays"


class GrowingFile:
    """Follows one event file by path; holds no descriptor between looks.

    The file is read again from its first byte when its device or inode changed, when it is shorter than what was read,
    when the bytes before the known end are not the ones remembered, when it was written to without growing, or when
    `prove` finds that it is no longer what was read of it.

    Args:
        storage: where it is.
        place: its path there, and its name below the log directory.
        decoder: makes a decoder for the file's name; called again whenever the file is read again from its first byte.

    Attributes:
        path, name: of `place`.
        problem: a message while the file cannot be read, else "".
        stopped: why reading it stopped by a bug until the next attempt, else "".
        last_write: when its newest byte was written or seen, seconds since the epoch by this machine's clock.
        taken: whether any of its present content was taken.
        void: whether the taken content is void, since the file was read again from its start; the reader sets it back.
    """

    problem = ""
    stopped = ""
    last_write: float | None = None
    taken = False
    void = False
    _decoder: Decodes | None = None
    _whole: int | None = None
    _together: tuple[DecodedTogether, int] | None = None
    _known: EventFile | None = None
    _stat: Stat | None = None
    _settled = False
    _marker = b""
    _seen = 0
    _proven = 0
    _second: SecondReading | None = None
    _generation = 0
    _at_end = True
    _reached = 0
    _retry_at = 0.0
    _retry_after = RETRY_FIRST

    def __init__(self, storage: Storage, place: EventPath, decoder: Callable[[str], Decodes]) -> None:
        self.path, self.name = place
        self._storage = storage
        self._new_decoder = decoder

    @property
    def log(self) -> EventFile:
        """All that has been decoded of the file as it was when a look last reached its end."""
        if self._known is None:
            together = self._together
            self._known = together[0].file(together[1], self.name) if together else EventFile(self.name, NO_SCALARS)
        return self._known

    @property
    def is_new(self) -> bool:
        """Whether nothing of it was ever looked at."""
        return self._stat is None and self._decoder is None and not self._retry_at

    @property
    def is_untouched(self) -> bool:
        """Whether it is as `begin_with` left it, and nothing of it was taken."""
        return self._whole is not None and not self.taken

    def begin_with(self, decoded: DecodedTogether, number: int, stat: Stat, data: memoryview) -> None:
        """Take over a first look at all of a new file, which was read and decoded together with others.

        No decoder stands at its end: when it grows, it is read again from its first byte, and `void` says so.

        Args:
            decoded: the files; this one is file `number`.
            number: its place among them.
            stat: its status before it was read.
            data: its bytes.
        """
        self._together, self._whole = (decoded, number), zlib.crc32(data)
        self._stat, self._seen, self._reached = stat, stat.size, stat.size
        self._marker = bytes(data[-MARKER:])
        now = time.time()
        self._settled = now - stat.changed > FRESH
        self._proven = stat.size if self._settled else 0
        self.last_write = now if stat.modified is None else min(stat.modified, now)

    def take(self) -> EventFile:
        """Return the file's content, with the scalars since the last time, which are then dropped here."""
        self.taken = True
        news = self.log
        self._together = None
        if self._decoder is not None:
            news = news if self._at_end else self._decoder.log
            self._decoder.take()
        self._known = replace(news, scalars=NO_SCALARS, taken=news.taken + len(news.scalars.step))
        return news

    def let_go(self) -> Callable[[], EventFile]:
        """Drop the scalars as `begin_with` took them over, which count as taken; returns what makes the rest."""
        assert self._together
        decoded, number = self._together
        self.taken, self._known, self._together = True, None, (decoded.bare, number)
        return partial(decoded.bare.file, number, self.name)

    def read_again(self) -> None:
        """Read it again from its first byte at the next look, since all its scalars are asked for."""
        self._start_over()
        self.void = False

    def look(self, limit: int | None = None) -> News:
        """Read the new bytes, at most about `limit` of them (None: all)."""
        if self._retry_at and time.monotonic() < self._retry_at:
            return News.FAILED
        try:
            if self._settled and self._storage.stat(self.path) == self._stat:
                return News.NONE
            with self._storage.open(self.path) as file:
                news = self._read_on(file, file.stat(), limit)
        except ReplacedError as error:
            self._start_over()
            return self._fail(error)
        except OSError as error:
            return News.GONE if error.errno in GONE else self._fail(error)
        if news is not News.MORE:
            self.problem, self.stopped, self._retry_at, self._retry_after = "", "", 0.0, RETRY_FIRST
        return news

    @property
    def unproven(self) -> bool:
        """Whether some of it was read while it grew, so that older bytes may have changed unseen; see `prove`."""
        size = self._seen if self._known is None and self._together else self.log.size
        return self._storage.rereads and size > self._proven

    def prove(self, limit: int | None = None) -> News:
        """Read the bytes again that were read while the file grew, at most about `limit` of them.

        NONE: they are the same; MORE: prove again; SOME: older bytes have changed, and a look reads all of it;
        FAILED: it cannot be read now.
        """
        if self._second is None and self._whole is None:
            if not self._at_end or self._decoder is None:
                return News.FAILED
            self._second = SecondReading(self._decoder, self._new_decoder(self.name))
        try:
            with self._storage.open(self.path) as file:
                if self._second is None:
                    holds: bool | None = zlib.crc32(file.read(self._seen, 0)) == self._whole
                else:
                    holds = self._second.read(file, limit)
        except OSError:
            return News.FAILED
        if holds is None:
            return News.MORE
        if not holds:
            self._start_over()
            return News.SOME
        self._proven, self._second = self._second.known.size if self._second else self._seen, None
        return News.NONE

    def begin_again(self, reason: str) -> News:
        """Read it again from its first byte after a while, since a bug stopped the reading."""
        self._start_over()
        self.stopped, self.problem = reason, f"reading {self.name} stopped: {reason}; it is read again"
        self._wait()
        return News.FAILED

    def _read_on(self, file: OpenFile, stat: Stat, limit: int | None) -> News:
        another = self._is_another(file, stat)
        if self._whole is not None and not another and stat.size == self._seen:
            self._remember(file, stat, stat.size)
            return News.NONE
        if another or self._whole is not None:
            self._start_over()
        decoder = self._decoder = self._decoder or self._new_decoder(self.name)
        at_once = decoder.position == 0
        self._at_end = at_end = False
        try:
            at_end = feed(decoder, file, stat.size, limit)
            if not at_end and decoder.position == (less := file.stat()).size < stat.size:  # a store told too much
                stat, at_end = less, feed(decoder, file, less.size, limit)
        finally:
            if decoder.generation != self._generation:  # it began again by itself
                self._generation = decoder.generation
                self._forget()
            if not at_end:
                self._remember(file, stat, min(decoder.position, stat.size))
                self._settled = False
        if not at_end:
            return News.MORE
        self._remember(file, stat, stat.size)
        self._at_end = True  # a file that could not be asked for its end is not at it
        if at_once and self._settled:  # else it may still change within one tick of its time stamp
            self._proven = stat.size
        if stat.size == self._reached:
            return News.NONE
        self._known, self._together, self._reached = decoder.log, None, stat.size
        now = time.time()
        self.last_write = now if stat.modified is None else min(stat.modified, now)
        return News.SOME

    def _is_another(self, file: OpenFile, stat: Stat) -> bool:
        """Whether it is no longer the file that was read before."""
        if self._stat is None:
            return False
        if stat.identity != self._stat.identity or stat.size < self._seen:
            return True
        unfinished = self._seen - self._decoder.position if self._decoder else 0
        start = self._seen - max(len(self._marker), unfinished if unfinished <= UNFINISHED else 0)
        if not file.read(self._seen - start, start).endswith(self._marker):
            return True
        return self._was_rewritten(file, stat)

    def _was_rewritten(self, file: OpenFile, stat: Stat) -> bool:
        """Whether bytes that were read may have changed, while the size did not."""
        assert self._stat is not None
        if stat.size != self._stat.size or stat.version == self._stat.version:
            return False
        # An append stamps the time before it sets the size: an apparent rewrite may be its first half.
        time.sleep(0.002)
        return file.stat().size == stat.size

    def _start_over(self) -> None:
        self._decoder, self._whole = self._new_decoder(self.name), None
        self._generation = self._decoder.generation
        self._stat, self._marker, self._seen, self._proven, self._second = None, b"", 0, 0, None
        self._at_end, self._reached = False, -1
        self._forget()

    def _forget(self) -> None:
        """Declare the taken content void."""
        self.void, self.taken = self.void or self.taken, False

    def _remember(self, file: OpenFile, stat: Stat, seen: int) -> None:
        self._stat, self._seen = stat, seen
        self._marker = file.read(min(MARKER, seen), max(0, seen - MARKER))
        self._settled = time.time() - stat.changed > FRESH

    def _fail(self, error: OSError) -> News:
        self.problem = f"cannot read {self.name}: {error.strerror}"
        self._wait()
        return News.FAILED

    def _wait(self) -> None:
        self._retry_at = time.monotonic() + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_LAST)


class SecondReading:
    """Reads an event file again, a piece at a time, and compares it with the first reading; keeps none of its scalars.

    Whether older bytes changed while a file grew (a bad disk, an edit) is not to be seen in its size or times.

    Args:
        first: the decoder of the first reading, at the end of the file.
        decoder: a new one for the same file.
    """

    def __init__(self, first: Decodes, decoder: Decodes) -> None:
        self.known = first.log
        self._digest = first.digest
        self._decoder = decoder

    def read(self, file: OpenFile, limit: int | None) -> bool | None:
        """Read on, at most about `limit` bytes.

        Returns:
            Whether the file still holds the same bytes; None before its end.

        Raises:
            OSError: it cannot be read.
        """
        if file.stat().size < self.known.size:
            return False
        if not feed(self._decoder, file, self.known.size, limit, self._decoder.take):
            return None
        return self._decoder.digest == self._digest and same(self._decoder.log, self.known)


def _particulars(file: EventFile) -> tuple[object, ...]:
    """The content of a file beside its scalars and their tags."""
    said = file.hparams, file.hparam_values, file.hparam_domains, file.session_end
    return file.first_wall_time, *said, file.headless


def same(new: EventFile, known: EventFile) -> bool:
    """Whether two readings of one file agree in all but their scalars."""
    return (
        new.tags == known.tags[: len(new.tags)]  # a list that goes on growing
        and (new.doubles, new.starts, new.records) == (known.doubles, known.starts, known.records)
        and (new.damage, new.incomplete_tail) == (known.damage, known.incomplete_tail)
        and new.passed_over == known.passed_over
        and repr(_particulars(new)) == repr(_particulars(known))  # a NaN among them equals itself
    )

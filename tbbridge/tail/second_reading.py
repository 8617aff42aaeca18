"""A second reading of what was read while a file grew.

A look at a file that grew reads what is new. Whether older bytes changed meanwhile (a bad disk, a copy that went wrong,
an edit) is not to be seen in the file's size or times; only reading it again tells.
"""

from __future__ import annotations

from tbbridge.core.model import EventFile
from tbbridge.tail.feed import Decodes, feed
from tbbridge.tail.storage import OpenFile


class SecondReading:
    """Reads an event file again, a piece at a time, and compares it with the first reading; keeps none of its scalars.

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
            Whether the file still is what is known of it; None before its end.

        Raises:
            OSError: it cannot be read.
        """
        if file.stat().size < self.known.size:
            return False
        if not feed(self._decoder, file, self.known.size, limit, self._decoder.take):
            return None
        return self._decoder.digest == self._digest and same(self._decoder.log, self.known)


def same(new: EventFile, known: EventFile) -> bool:
    """Whether two readings of one file agree in all but their scalars."""
    return (
        new.tags == known.tags[: len(new.tags)]  # a list that goes on growing
        and (new.doubles, new.starts, new.records) == (known.doubles, known.starts, known.records)
        and (new.damage, new.incomplete_tail) == (known.damage, known.incomplete_tail)
        and new.passed_over == known.passed_over
        and repr(new.first_wall_time) == repr(known.first_wall_time)
    )

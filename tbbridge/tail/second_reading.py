"""A second reading of what was read while a file grew.

A look at a file that grew reads what is new. Whether older bytes changed meanwhile (a bad disk, a copy that went wrong,
an edit) is not to be seen in the file's size or times; only reading it again tells.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import EventFile
from tbbridge.tail.feed import Decodes, feed
from tbbridge.tail.storage import OpenFile


class SecondReading:
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

    def read(self, file: OpenFile, limit: int | None) -> bool | None:
        """Read on, at most about `limit` bytes.

        Returns:
            Whether the file still is what is known of it; None before its end.

        Raises:
            OSError: it cannot be read.
        """
        if file.stat().size < self.known.size:
            return False
        if not feed(self._decoder, file, self.known.size, limit, self._compare):
            return None
        self._compare()
        whole = self._rows == len(self.known.scalars.step)
        return self._alike and whole and same(self._decoder.log, self.known)

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

"""The scalars of one event file, counted and not kept, for those who ask for its damage alone; without NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from tbbridge.core.model import Float64, Scalars

if TYPE_CHECKING:
    from tbbridge.decode.columns import Room


class ScalarCount:
    """Stands for the `Columns` of a file: each scan fills the same places, which nobody reads.

    Attributes:
        rows: the number of scalars so far.
    """

    def __init__(self) -> None:
        self.rows = self.taken = 0
        self.digest: tuple[int, ...] = ()
        self._room = _room(0)

    def room(self, rows: int, expected: int = 0) -> Room:
        """Return places for at least `rows`."""
        if len(self._room[0]) < rows:
            self._room = _room(rows)
        return self._room

    def commit(self, ids: Sequence[int], value: Float64, wide: bool) -> None:
        """Count the next ``len(value)`` scalars."""
        self.rows = self.taken = self.rows + len(value)

    def scalars(self) -> Scalars:
        """Return none."""
        return Scalars(*_room(0))

    take = scalars


def _room(rows: int) -> Room:
    """Columns of `rows` zeros."""
    ids, steps, times, values = (memoryview(bytearray(rows * size)) for size in (4, 8, 8, 8))
    return cast("Room", (ids.cast("i"), steps.cast("q"), times.cast("d"), values.cast("d")))

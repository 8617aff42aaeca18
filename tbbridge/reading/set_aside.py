"""The series of runs, set aside in a temporary file while they are not used."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, NamedTuple
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Series


class SeriesByTag(dict[str, Series]):
    """Series by tag, which can be referred to weakly."""

    __slots__ = ("__weakref__",)


class _Column(NamedTuple):
    kind: np.dtype[Any]
    start: int
    """Its first byte behind the run's."""


class _Place(NamedTuple):
    """The place of a series."""

    length: int
    columns: tuple[_Column, ...]
    """Step, wall time, value, superseded."""
    ordinal: bool
    repeats: int


class _Run(NamedTuple):
    start: int
    size: int
    places: dict[str, _Place]


class SetAside:
    """Series in a file without a name, which goes with the process however that ends. Any thread may ask.

    The file is made, in the system's directory for temporary files (``TMPDIR``), when the first series is put there.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file: Any = None
        self._size = 0
        self._runs: dict[str, _Run] = {}

    def put(self, run: str, series: Mapping[str, Series]) -> None:
        """Write the series of a run, in the place of those that it had.

        Raises:
            OSError: there is no room on the disk, or no file can be made.
        """
        places: dict[str, _Place] = {}
        arrays: list[NDArray[Any]] = []
        size = 0
        for tag, one in series.items():
            columns = []
            for array in (one.step, one.wall_time, one.value, one.superseded):
                columns.append(_Column(array.dtype, size))
                arrays.append(np.ascontiguousarray(array))
                size += _padded(array.nbytes)
            places[tag] = _Place(len(one.step), tuple(columns), one.ordinal, one.repeats)
        with self._lock:
            if self._file is None:
                import tempfile

                # without a buffer: what a full disk refused would be written again by the next seek
                self._file = tempfile.TemporaryFile(prefix="tbbridge-", buffering=0)  # noqa: SIM115  (open as long as this lives)
                finalize(self, self._file.close)
            self._file.seek(self._size)
            for one_column in arrays:
                self._write(one_column.view(np.uint8).data)
                self._write(memoryview(bytes(_padded(one_column.nbytes) - one_column.nbytes)))
            self._runs[run] = _Run(self._size, size, places)
            self._size += size

    def get(self, run: str) -> SeriesByTag:
        """Return the series of a run; their arrays are read-only.

        Raises:
            OSError: it cannot be done.
        """
        start, size, places = self._runs[run]
        with self._lock:
            self._file.seek(start)
            data = self._read(size)
        return SeriesByTag({tag: _series(data, place) for tag, place in places.items()})

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[self._file.write(data) :]

    def _read(self, size: int) -> memoryview:
        data = memoryview(bytearray(size))
        left = data
        while left:
            count = self._file.readinto(left)
            if not count:
                raise OSError("it ends before that")
            left = left[count:]
        return data.toreadonly()


def _padded(size: int) -> int:
    return -(-size // 8) * 8


def _series(data: memoryview, place: _Place) -> Series:
    step, wall_time, value, superseded = (
        np.frombuffer(data, kind, place.length, start) for kind, start in place.columns
    )
    return Series(step, wall_time, value, superseded, place.ordinal, place.repeats)

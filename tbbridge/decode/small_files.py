"""Many small event files at once: their bytes in, the same columns out; damage stays with its file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.growing_column import NO_SCALARS
from tbbridge.core.model import Bools, EventFile, Float64, Int64, Scalars
from tbbridge.decode import backend
from tbbridge.decode.foreign import HEAD, is_headless
from tbbridge.decode.scan_result import MIN_VALUE_BYTES


@dataclass
class SmallFiles:
    """Many small files, decoded. The result for a file holds where it is plain; else a `Decoder` must read it."""

    plain: Bools
    """By file: see `scan_result.FilesScan.plain`; besides, its tags differ as text."""
    rows: Int64
    """The rows of file i are ``[rows[i], rows[i + 1])``."""
    scalars: Scalars
    """The rows of all files; `Scalars.tag` is the index into the file's own tags."""
    layout: NDArray[np.int32]
    """By file: its tags are ``layouts[layout[i]]``."""
    layouts: list[tuple[str, ...]]
    sizes: Int64
    """By file, in bytes."""
    records: Int64
    first_wall_time: Float64
    headless: Bools

    @cached_property
    def bare(self) -> SmallFiles:
        """The same without points, which count as taken."""
        return replace(self, scalars=NO_SCALARS)

    def file(self, i: int, name: str) -> EventFile:
        """Return the plain file number `i` as the `Decoder` would."""
        rows = slice(self.rows[i], self.rows[i + 1])
        every = self.scalars
        return EventFile(
            name,
            Scalars(every.tag[rows], every.step[rows], every.wall_time[rows], every.value[rows]),
            tags=list(self.layouts[self.layout[i]]),
            first_wall_time=float(self.first_wall_time[i]),
            records=int(self.records[i]),
            size=int(self.sizes[i]),
            headless=bool(self.headless[i]),
            taken=0 if len(every.step) else int(self.rows[i + 1] - self.rows[i]),
        )


def decode_small(data: memoryview, bounds: Int64) -> SmallFiles:
    """Decode the files ``data[bounds[i]:bounds[i + 1]]``, each from its first byte to its last.

    Args:
        data: the files' bytes, one file after the other; they may be overwritten afterwards.
        bounds: ascending, in bytes.
    """
    room = len(data) // MIN_VALUE_BYTES + 1  # untouched, it takes no memory
    tag, step = np.empty(room, np.int32), np.empty(room, np.int64)
    wall_time, value = np.empty(room), np.empty(room)
    found = backend.scan_files(data, bounds, tag, step, wall_time, value)
    layouts = [tuple(name.decode("utf-8", "backslashreplace") for name in names) for names in found.layouts]
    distinct = np.array([len(set(names)) == len(names) for names in layouts], bool)
    kept = slice(found.rows[-1])
    heads = [is_headless(bytes(data[at : min(at + HEAD, end)])) for at, end in pairwise(bounds.tolist())]
    return SmallFiles(
        plain=found.plain & distinct[found.layout],
        rows=found.rows,
        scalars=Scalars(tag[kept].copy(), step[kept].copy(), wall_time[kept].copy(), value[kept].astype(np.float32)),
        layout=found.layout,
        layouts=layouts,
        sizes=np.diff(bounds),
        records=found.records,
        first_wall_time=found.first_wall_time,
        headless=np.array(heads, bool) & (found.records > 0),
    )

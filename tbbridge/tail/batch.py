"""Reads many small event files quickly: a batch of them into one buffer, four system calls for each."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tbbridge.core.model import Int64
from tbbridge.tail.local import FLAGS, stat_of
from tbbridge.tail.storage import Stat

SMALL = 1 << 20
"""Bytes of the largest file that is read so."""

_BATCH = 4 << 20
"""Bytes of a batch, the last file aside: its bytes and columns stay in the processor's cache."""


class Batch(NamedTuple):
    """Some small files, whole."""

    files: list[int]
    """Their places among the paths that were asked for, ascending."""
    data: memoryview
    """Their bytes, one file after the other; valid until the next batch is read."""
    bounds: Int64
    """File i is ``data[bounds[i]:bounds[i + 1]]``."""
    stats: list[Stat]
    """By file, its status before it was read."""


def small_batches(paths: Sequence[str]) -> Iterator[Batch]:
    """Yield the files at `paths` in batches, but those that are not small, not regular or cannot be read now.

    A file that grows meanwhile is read up to the size that it had when it was opened.
    """
    view = np.empty(_BATCH + SMALL, np.uint8).data  # untouched, it takes no memory
    files: list[int] = []
    stats: list[Stat] = []
    bounds = [0]
    for number, path in enumerate(paths):
        known = _read_into(path, view, bounds[-1])
        if known is None:
            continue
        files.append(number)
        stats.append(known)
        bounds.append(bounds[-1] + known.size)
        if bounds[-1] >= _BATCH:
            yield Batch(files, view[: bounds[-1]], np.array(bounds, np.int64), stats)
            files, stats, bounds = [], [], [0]
    if files:
        yield Batch(files, view[: bounds[-1]], np.array(bounds, np.int64), stats)


def _read_into(path: str, view: memoryview, at: int) -> Stat | None:
    """Read a small file to `at`; return its status, None where it is not small or cannot be read whole."""
    try:
        descriptor = os.open(path, FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if size > SMALL or not stat.S_ISREG(status.st_mode):
            return None
        data = os.read(descriptor, size)
        if len(data) < size:
            return None
        view[at : at + size] = data
        return stat_of(status)
    except OSError:
        return None
    finally:
        os.close(descriptor)

"""Small sheets for the format writers' tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tbbridge.write.block import Block, Sheet

LONG = ("step", "wall_time", "value")


def points(values: Any, *, first: int = 0) -> dict[str, pa.Array]:
    """Columns of a series with these values, at steps from `first` on."""
    array = np.asarray(values)
    steps = np.arange(first, first + len(array), dtype=np.int64)
    return {"step": pa.array(steps), "wall_time": pa.array(1.7e9 + steps / 8), "value": pa.array(array)}


def long(*series: tuple[str, str, Any]) -> Sheet:
    """A long table of (run, tag, values)."""
    blocks = [Block((run, tag), points(values)) for run, tag, values in series]
    return Sheet(("run", "tag"), LONG, blocks)


def float32(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, np.float32)

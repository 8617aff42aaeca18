"""Small tables for the format writers' tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tbbridge.write.table import Cells, RowGroup, Table

LONG = ("step", "wall_time", "value")


def points(values: Any, *, first: int = 0) -> dict[str, Cells]:
    """Columns of a series with these values, at steps from `first` on."""
    array = np.asarray(values)
    steps = np.arange(first, first + len(array), dtype=np.int64)
    return {"step": Cells(steps), "wall_time": Cells(1.7e9 + steps / 8), "value": Cells(array)}


def long(*series: tuple[str, str, Any]) -> Table:
    """A long table of (run, tag, values)."""
    groups = [RowGroup((run, tag), points(values)) for run, tag, values in series]
    return Table(("run", "tag"), LONG, groups)


def cells(values: list[Any], kind: Any = np.float64) -> Cells:
    """A column; None is an empty cell."""
    there = np.array([value is not None for value in values], bool)
    return Cells(np.array([0 if value is None else value for value in values], kind), there)


def unlabelled(columns: Mapping[str, Cells]) -> Table:
    """A table of number columns alone."""
    return Table((), tuple(columns), [RowGroup((), columns)])


def float32(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, np.float32)

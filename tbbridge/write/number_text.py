"""The words and columns that both twins share (`tbbridge.write.backend`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.model import Bools, Float64, Int64

_SAMPLE = 1000
"""Cells that are looked at first when the width of a column is decided."""

Numbers = NDArray[Any]
"""float32, float64, int64 or bool; shape (rows,)."""


class Words(NamedTuple):
    """The texts of NaN and the infinities; at most 16 bytes each."""

    empty: bytes = b""
    """A cell in which nothing was logged."""
    nan: bytes = b"NaN"
    inf: bytes = b"inf"
    minus_inf: bytes = b"-inf"
    true: bytes = b"true"
    false: bytes = b"false"
    ten_thousandth: bytes = b"0.0001"
    """The float32 next to 1e-4: it lies below, and the NumPy of older loggers wrote it ``1e-04``."""


WORDS = Words()
"""As CSV has them."""


class ParsedColumn(NamedTuple):
    """A column of numbers, read from text; both arrays have the shape (rows,)."""

    values: Float64
    """0 where a cell is empty."""
    logged: Bools
    """False where a cell is empty."""
    single: bool
    """Whether each number is one that a float32's text names."""

    @classmethod
    def of(cls, texts: Sequence[str] | Sequence[bytes]) -> ParsedColumn:
        """Read a column of texts; raises ValueError where one is not a number."""
        values = np.fromiter((float(text or 0) for text in texts), np.float64, len(texts))
        return cls(values, np.fromiter(map(bool, texts), bool, len(texts)), _is_single(values))


class ParsedRows(NamedTuple):
    """Rows of numbers, read from text."""

    steps: Int64
    columns: list[ParsedColumn]


def _is_single(values: Float64) -> bool:
    """Whether each number is one that a float32's text names; a sample is looked at first."""
    for some in (values[:_SAMPLE], values[_SAMPLE:]):
        with np.errstate(over="ignore"):
            back = np.fromiter((float(str(value)) for value in some.astype(np.float32)), np.float64, len(some))
        if not np.array_equal(back, some, equal_nan=True):
            return False
    return True

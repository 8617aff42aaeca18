"""The numbers and the results that both twins of the scan share (`_native.pyi` documents the functions)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tbbridge.core.model import Bools, Float64, Int64

SMALL = 32 << 10
"""A record with at most this many payload bytes is always verified whole; a larger one where it may hold a scalar."""

LARGEST_JUMP = 1 << 62
"""Bytes of the largest record that a scan jumps over, so that offsets stay 64-bit integers."""

MAX_VALUES = 1 << 20
"""Values that one event may hold; the bound on what one record can make us allocate."""

MIN_VALUE_BYTES = 7
"""The fewest payload bytes that one scalar takes: ``0a 05 15 f f f f``."""

# Why a scan stopped at `Scan.end`.
END = 0
"""The data ends there, or inside the record there, which takes `need` bytes (12 while its header is not whole)."""
BAD_LENGTH = 1
"""Wrong length checksum."""
BAD_DATA = 2
"""Wrong data checksum; the record takes `need` bytes."""
LARGE = 3
"""A record of `need` bytes whose payload is larger than `SMALL` begins there; only its header has been verified."""
UNPARSABLE = 4
"""Both checksums are right, but the `need` bytes hold no Event."""
TOO_MANY = 5
"""Both checksums are right, but the event of `need` bytes holds more than `MAX_VALUES` values."""
FULL = 6
"""The columns have no room for the values that the record of `need` bytes might hold."""

REASONS = (
    "value message without a value",
    "string tensor",
    "tensor of a dtype that is not numeric",
    "tensor that has not exactly one element",
    "tensor_content of the wrong length",
    "tensor whose number of values does not fit its shape",
    "tensor whose values are not of its dtype",
    "integer that float64 cannot hold exactly",
    "one-element tensor of another plugin",
)
"""Why a value of an intact record is no scalar that can be read exactly; `Scan.passed` counts in this order."""

(NO_VALUE, STRING, NOT_NUMERIC, NOT_ONE, CONTENT_LENGTH, VALUE_COUNT, OTHER_DTYPE, INEXACT, OTHER_PLUGIN) = range(9)


class Scan(NamedTuple):
    """The result of one `scan`; columns up to `rows` are filled."""

    end: int
    """Offset in the data of the first byte that is not used: a record starts there, or should. It is beyond the data
    where the last record was jumped over."""
    jumped: int
    """Offset of the record that ends at `end`, if it was jumped over, else -1."""
    stop: int
    """Why it stopped there: `END` ... `FULL`."""
    need: int
    """Bytes that the record at `end` takes, by its length."""
    rows: int
    """Scalars written to the columns."""
    records: int
    """Intact records before `end`."""
    tags: list[bytes]
    """The tags of the rows: ``tags[tag[i]]``, in order of appearance."""
    wide: list[int]
    """Indices into `tags` of those with a value of a dtype that float32 cannot hold (double, an integer, bool)."""
    foreign: list[bytes]
    """Tags that, as of `end`, belong to another plugin than ``scalars``; hand them to the next scan of the file."""
    passed: tuple[int, ...]
    """Values passed over, by `REASONS`."""
    starts: list[tuple[int, int, bool, float]]
    """``SessionLog.START`` events: (rows before it, step, whether no other event came before, wall time)."""
    fresh: bool
    """Whether, as of `end`, the file held nothing but file versions."""
    first_wall_time: float
    """Wall time of the first intact record; NaN when there is none."""
    sessions: list[tuple[float, bytes]]
    """Of each record of the hparams plugin (its tag begins with ``_hparams_/``): wall time, and the plugin's data."""


class FilesScan(NamedTuple):
    """The result of `scan_files` for many files; columns up to ``rows[-1]`` are filled."""

    rows: Int64
    """The rows of file i are ``[rows[i], rows[i + 1])``; those of a file that is not plain are left out."""
    plain: Bools
    """By file: it was read to its end, and each of its records is intact and holds scalars that were written as float32
    or narrower, or what other dashboards show: no START, no damage, nothing unfinished, nothing passed over."""
    records: Int64
    """By file: its intact records; 0 where it is not plain."""
    first_wall_time: Float64
    """By file: the wall time of its first intact record, in seconds since the epoch; NaN without one, or where it
    is not plain."""
    layout: NDArray[np.int32]
    """By file: which of `layouts` its tags are."""
    layouts: list[tuple[bytes, ...]]
    """Distinct lists of tags, each in order of appearance: a row's tag is ``layouts[layout[file]][tag]``."""

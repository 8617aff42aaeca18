"""The contract of both twins, `_native` (compiled) and `_plain`: same arguments and results, for any bytes whatever.

Pure functions. The compiled ones release the GIL while they walk bytes, and check every read against the end of the
data. `data` is any contiguous buffer of bytes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tbbridge.core.crc32c import Buffer
from tbbridge.core.model import Float64, Int64, UInt32
from tbbridge.decode.scan_result import FilesScan, Scan

def scan(
    data: Buffer,
    start: int,
    held: bool,
    jumps: bool,
    fresh: bool,
    foreign: Sequence[bytes],
    tag: NDArray[np.int32],
    step: Int64,
    wall_time: Float64,
    value: Float64,
) -> Scan:
    """Decode the records of `data` from offset `start` on, one after the other, until something stops it.

    held       verify the record at `start` whole however large it is; otherwise, and for every further one, a payload
               of more than `scan_result.SMALL` bytes is jumped over where the bytes in `data` prove that it holds no
               scalar (`tbbridge.decode.skip_large`), and else stops the scan (`LARGE`)
    jumps      whether the record at `start` may be jumped over; every further one may
    fresh      whether the file held nothing but file versions before `start`
    foreign    the tags that belong to another plugin than ``scalars`` there
    tag ...    columns to fill from index 0: shape (room,); `tag` gets indices into `Scan.tags`. float32 values are kept
               as float64 of the same value.

    A record counts when both its masked CRC-32C checksums hold and its payload is an Event by protobuf's rules: unknown
    fields and groups are skipped, the last of a oneof wins, split submessages are merged. Strings need not be UTF-8.
    What is looked into is the Event, its Summary, Values, SummaryMetadata, TensorProto, shape and SessionLog.

    A value is a scalar when it is a ``simple_value``, or a tensor of exactly one element of a numeric dtype whose tag
    does not belong, by this value's metadata or the nearest before it in the file, to another plugin than ``scalars``.
    Its element is taken from ``tensor_content`` where there is any, else from the typed values of its dtype; none at
    all is 0. Values that are neither that nor what another plugin shows are counted in `Scan.passed`.
    """

def scan_files(
    data: Buffer,
    bounds: Int64,
    tag: NDArray[np.int32],
    step: Int64,
    wall_time: Float64,
    value: Float64,
) -> FilesScan:
    """Decode many small files into the same columns: each as `scan` decodes it from its first byte to its last.

    Args:
        data: the files' bytes, one file after the other.
        bounds: file i is ``data[bounds[i]:bounds[i + 1]]``; ascending, one number more than there are files.
        tag, step, wall_time, value: columns to fill from index 0. Each row takes at least `MIN_VALUE_BYTES` bytes of
            the data; a file that finds no room is not plain.

    Raises:
        ValueError: `bounds` leave the data or do not ascend.
    """

def can_jump_over(data: Buffer) -> bool:
    """Whether the bytes in `data` prove that the record at 0, however large, can be jumped over."""

def headers(data: Buffer, first: int, limit: int) -> tuple[Int64, Int64]:
    """Offsets from `first` on where a right length checksum follows a length of at most `limit`; and the lengths."""

def prefix_states(data: Buffer, offsets: Int64, state: int) -> UInt32:
    """The checksum states (`tbbridge.core.crc32c`) after the first ``offsets[i]`` bytes, from `state` before the first.

    `offsets` ascend. Raises ValueError where they leave the data.
    """

def sound(data: Buffer) -> tuple[int, int]:
    """How many records from the start of `data` on are copied as they are, and where they end.

    Both checksums of each hold, its payload is an Event (`tbbridge.decode.utf8_repair`), and its texts are UTF-8. The
    first record that is not so, or that is not wholly in `data`, ends them.
    """

def shift(states: UInt32, lengths: Int64) -> UInt32:
    """The states after ``lengths[i]`` zero bytes each."""

def crc32c(data: Buffer, crc: int = 0) -> int:
    """CRC-32C of `data`; `crc` is that of the bytes before it."""

def masked_crc32c(data: Buffer) -> int:
    """The masked CRC-32C of `data`, as a TFRecord stores it."""

def use_portable_crc(portable: bool) -> None:
    """Take the table checksum even where the processor has an instruction for it."""

def crc_kind() -> str:
    """``hardware``, ``portable`` or, in the plain twin, ``plain``."""

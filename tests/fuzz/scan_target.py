"""The coverage-guided fuzz target: any bytes, as a file and as the payload of right records, by both twins.

Run by ``campaign.py``, which builds the compiled twin with AddressSanitizer for it. A finding is a crash, a report of
the sanitizer, an exception, or two answers that differ.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import atheris
import numpy as np

from tbbridge.core.crc32c import frame
from tbbridge.decode import Decoder, _native, _plain
from tbbridge.tail.feed import feed

ROOM = 4096
"""Rows: inputs are at most 4096 bytes."""


def scanned(twin, data: bytes, held: bool) -> str:
    """All that a scan says, as text that tells NaN from NaN."""
    columns = np.empty(ROOM, np.int32), np.empty(ROOM, np.int64), np.empty(ROOM), np.empty(ROOM)
    found = twin.scan(data, 0, held, True, True, [b"a"], *columns)
    return repr((found._replace(foreign=sorted(found.foreign)), [column[: found.rows].tolist() for column in columns]))


def together(twin, files: list[bytes]) -> str:
    """All that a scan of several small files says."""
    columns = np.empty(ROOM, np.int32), np.empty(ROOM, np.int64), np.empty(ROOM), np.empty(ROOM)
    bounds = np.cumsum([0, *map(len, files)]).astype(np.int64)
    found = twin.scan_files(b"".join(files), bounds, *columns)
    parts = [part.tolist() if isinstance(part, np.ndarray) else part for part in found]
    return repr((parts, [column[: found.rows[-1]].tolist() for column in columns]))


def log_of(data: bytes, sizes: list[int], step: int) -> str:
    """All that a decoder says after a file grew to these sizes and was read in pieces of `step` bytes."""
    decoder = Decoder("x", max_record=1 << 16)
    for size in sizes:
        feed(
            decoder,
            SimpleNamespace(read=lambda count, at, size=size: data[at : min(at + min(count, step), size)]),
            size,
        )
    log = decoder.log
    return repr(log)


def split(data: bytes) -> bytes:
    """`data` as records with right checksums, cut where a byte says so; one in eight is left as it is."""
    out, at = b"", 0
    while at < len(data):
        size = data[at]
        piece = data[at + 1 : at + 1 + size]
        out += piece if size % 8 == 7 else frame(piece)
        at += 1 + size
    return out


def one_input(data: bytes) -> None:
    if not data:
        return
    mode, data = data[0], data[1:]
    file = (data, frame(data), split(data))[mode % 3]
    assert scanned(_native, file, False) == scanned(_plain, file, False)
    assert _native.can_jump_over(file) == _plain.can_jump_over(file)
    whole = log_of(file, [len(file)], 1 << 20)
    cut = mode // 3 * len(file) // 86
    several = [file, file[:cut], file[cut:], file]
    assert together(_native, several) == together(_plain, several)
    assert log_of(file, [cut, len(file)], 16 + mode) == whole


atheris.Setup(sys.argv, one_input)
atheris.Fuzz()

"""Compression by suffix."""

from __future__ import annotations

import bz2
import gzip
import lzma

import pyarrow as pa
import pytest

from tbbridge.write.compress import SUFFIXES, compressed

READERS = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda data: pa.CompressedInputStream(pa.BufferReader(data), "zstd").read(),
}


def test_each_suffix_has_a_reader_here() -> None:
    """The tests below cover all of them."""
    assert set(READERS) == set(SUFFIXES)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_bytes_come_back(suffix: str) -> None:
    """The usual tool's own reader gives the bytes back, in whatever pieces they came, none included."""
    pieces = [b"step,loss\n", b"", b"1,2\n" * 100_000]
    assert READERS[suffix](b"".join(compressed(pieces, suffix))) == b"".join(pieces)
    assert READERS[suffix](b"".join(compressed([], suffix))) == b""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_clock_does_not_show(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same content gives the same bytes at any time."""
    first = b"".join(compressed([b"x"], suffix))
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert b"".join(compressed([b"x"], suffix)) == first


def test_no_suffix_is_no_compression() -> None:
    """An empty suffix passes the pieces through."""
    assert list(compressed([b"a", b"b"], "")) == [b"a", b"b"]

"""Compression by suffix, ``.gz``, ``.zst``, ``.xz``, ``.bz2``. Bytes depend on the content alone: no name, no time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from tbbridge.write.optional import load_optional

SUFFIXES = (".gz", ".zst", ".xz", ".bz2")
"""The compressions, by the suffix that asks for them."""


class Compressor(Protocol):
    """Takes bytes in pieces and returns compressed bytes in pieces."""

    def compress(self, data: bytes) -> bytes:
        """The compressed bytes that `data` makes ready."""

    def flush(self) -> bytes:
        """The rest, and the end of the stream."""


class _Through:
    """A compressor over a file-like writer: its output is taken out after each piece."""

    def __init__(self, suffix: str) -> None:
        self._sink = io.BytesIO()
        self._writer = _writer(suffix, self._sink)

    def compress(self, data: bytes) -> bytes:
        self._writer.write(data)
        return self._taken()

    def flush(self) -> bytes:
        self._writer.close()
        return self._taken()

    def _taken(self) -> bytes:
        out = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return out


def _writer(suffix: str, sink: io.BytesIO) -> Any:
    if suffix == ".gz":
        import gzip

        return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=sink, mtime=0)
    arrow = load_optional("pyarrow", "pyarrow", ".zst")
    return arrow.CompressedOutputStream(arrow.PythonFile(_Open(sink), "w"), "zstd")


class _Open(io.RawIOBase):
    """A sink that stays open when Arrow closes its stream."""

    def __init__(self, sink: io.BytesIO) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._sink.write(data)


def compressor(suffix: str) -> Compressor:
    """A new compressor for one of `SUFFIXES`; KeyError for any other."""
    if suffix == ".xz":
        import lzma

        return lzma.LZMACompressor()
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2Compressor()
    if suffix in (".gz", ".zst"):
        return _Through(suffix)
    raise KeyError(suffix)


def compressed(chunks: Iterable[bytes], suffix: str) -> Iterator[bytes]:
    """`chunks` as they are when `suffix` is empty, else compressed as it says."""
    if not suffix:
        yield from chunks
        return
    machine = compressor(suffix)
    for chunk in chunks:
        yield machine.compress(chunk)
    yield machine.flush()

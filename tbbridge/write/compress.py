"""Compression by suffix, ``.gz``, ``.zst``, ``.xz``, ``.bz2``. Bytes depend on the content alone: no name, no time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

from tbbridge.write.optional import load_optional

SUFFIXES = (".gz", ".zst", ".xz", ".bz2")
"""The compressions, by the suffix that asks for them."""


class Sink(io.BytesIO):
    """The bytes that a writer has written since they were last taken out."""

    def __init__(self) -> None:
        super().__init__()
        self._before = 0

    def tell(self) -> int:
        """The number of bytes that were written, those that were taken among them."""
        return self._before + super().tell()

    def taken(self) -> bytes:
        """The bytes, which are not kept."""
        data = self.getvalue()
        self._before += len(data)
        self.seek(0)
        self.truncate()
        return data

    def close(self) -> None:
        """Stay open: the last bytes are still to be taken."""


def compressed(chunks: Iterable[bytes], suffix: str) -> Iterator[bytes]:
    """`chunks` as they are when `suffix` is empty, else compressed as it says."""
    if not suffix:
        yield from chunks
        return
    sink = Sink()
    writer = _writer(suffix, sink)
    for chunk in chunks:
        writer.write(chunk)
        yield sink.taken()
    writer.close()
    yield sink.taken()


def _writer(suffix: str, sink: Sink) -> Any:
    if suffix == ".gz":
        import gzip

        return gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=sink, mtime=0)
    if suffix == ".xz":
        import lzma

        return lzma.LZMAFile(sink, "wb")
    if suffix == ".bz2":
        import bz2

        return bz2.BZ2File(sink, "wb")
    arrow = load_optional("pyarrow", "pyarrow", ".zst")
    return arrow.CompressedOutputStream(arrow.PythonFile(sink, "w"), "zstd")

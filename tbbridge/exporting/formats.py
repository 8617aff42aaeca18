"""The file formats, and any table as the bytes of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import NamedTuple

from tbbridge.core.errors import UsageError
from tbbridge.write.compress import SUFFIXES, compressed
from tbbridge.write.csv_text import PLAIN, CsvOptions, csv_chunks
from tbbridge.write.table import Table

NAMES = ("csv", "parquet", "jsonl", "xlsx", "html")
_PACKED = ("parquet", "xlsx")
"""Formats that are compressed inside."""


class Format(NamedTuple):
    """A file format and the compression around it."""

    name: str
    compression: str = ""
    """One of ``.gz``, ``.zst``, ``.xz``, ``.bz2``, or nothing."""

    @property
    def suffix(self) -> str:
        """The ending of the file's name."""
        return f".{self.name}{self.compression}"

    @property
    def binary(self) -> bool:
        """Whether the file is something else than text."""
        return bool(self.compression) or self.name in _PACKED


def parse_format(text: str) -> Format:
    """``csv``, ``csv.gz`` ... as a format.

    Raises:
        UsageError: there is no such format, or it is compressed already.
    """
    name, dot, compression = text.lower().lstrip(".").partition(".")
    compression = dot + compression
    if name not in NAMES or compression not in ("", *SUFFIXES):
        raise UsageError(
            f"unknown format {text!r}: choose {', '.join(NAMES)}; csv, jsonl and html also with {' '.join(SUFFIXES)}"
        )
    if compression and name in _PACKED:
        raise UsageError(f"{name} is compressed inside: leave {compression} away")
    return Format(name, compression)


def format_of(path: str) -> Format | None:
    """The format that a file's name asks for; None where its suffix names none.

    Raises:
        UsageError: the suffix asks for a compressed format to be compressed.
    """
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes[-2:]]
    if suffixes and suffixes[-1] in SUFFIXES:
        return parse_format("".join(suffixes)) if len(suffixes) == 2 and suffixes[0][1:] in NAMES else None
    return Format(suffixes[-1][1:]) if suffixes and suffixes[-1][1:] in NAMES else None


def table_chunks(table: Table, form: Format, csv: CsvOptions = PLAIN) -> Iterator[bytes]:
    """Yield the bytes of a table in one format, a piece at a time; `csv` is for that format alone."""
    return compressed(_uncompressed(table, form.name, csv), form.compression)


def _uncompressed(table: Table, name: str, csv: CsvOptions) -> Iterator[bytes]:
    if name == "csv":
        yield from csv_chunks(table, csv)
    elif name == "jsonl":
        from tbbridge.write.jsonl import jsonl_chunks

        yield from jsonl_chunks(table)
    elif name == "parquet":
        from tbbridge.write.parquet import parquet_chunks

        yield from parquet_chunks(table)
    else:
        from tbbridge.write.xlsx import xlsx_bytes

        yield xlsx_bytes(table)

"""CSV of any sheet, as a stream of bytes: RFC 4180 quoting where needed, UTF-8, shortest round-trip numbers, LF.

Or, in another dialect, with the numbers and line ends of Python's ``csv`` module: see `tbbridge.write.dialect`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv

from tbbridge.write.block import Block, Sheet, batches, clean, slices
from tbbridge.write.dialect import line_end, python_texts
from tbbridge.write.parallel import ordered_map

_QUOTED = re.compile('[,"\r\n]')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet take a text for a formula (OWASP, "CSV injection")."""


def cell(text: str, *, spreadsheet_safe: bool = False) -> str:
    """One text cell: quoted where RFC 4180 asks for it; `spreadsheet_safe` puts ``'`` before a possible formula."""
    text = clean(text)
    if spreadsheet_safe and text.startswith(_FORMULA):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a CSV is written."""

    header: bool = True
    """Whether the first line names the columns."""
    spreadsheet_safe: bool = False
    """Whether text cells that a spreadsheet could take for a formula get ``'`` before them."""
    dialect: str = "plain"
    """One of `tbbridge.write.dialect.DIALECTS`."""


PLAIN = CsvOptions()


def csv_chunks(sheet: Sheet, options: CsvOptions = PLAIN) -> Iterator[bytes]:
    """The CSV's bytes in order, formatted on all cores a slice at a time; the same whatever the number of cores."""
    if options.header:
        names = (cell(name, spreadsheet_safe=options.spreadsheet_safe) for name in sheet.header)
        yield (",".join(names) + line_end(options.dialect)).encode()

    def text(blocks: list[Block]) -> list[bytes]:
        pieces = [piece for block in blocks for piece in _block_csv(block, options)]
        return pieces if len(blocks) == 1 else [b"".join(pieces)]

    for pieces in ordered_map(text, batches(slices(sheet))):
        yield from pieces


def _block_csv(block: Block, options: CsvOptions) -> tuple[bytes, ...]:
    """The lines of one block, in pieces: the numbers by Arrow's writer, the block's text cells put before each line."""
    sink = pa.BufferOutputStream()
    python = options.dialect != "plain"
    columns = [python_texts(column) if python else column for column in block.columns.values()]
    batch = pa.RecordBatch.from_arrays(columns, names=list(block.columns))
    pa.csv.write_csv(batch, sink, pa.csv.WriteOptions(include_header=False, quoting_style="none"))
    text = sink.getvalue()
    prefix = "".join(cell(label, spreadsheet_safe=options.spreadsheet_safe) + "," for label in block.labels).encode()
    end = line_end(options.dialect).encode()
    if not text.size or not (prefix or end != b"\n"):
        return (text.to_pybytes(),)
    lines: bytes = text.slice(0, text.size - 1).to_pybytes()
    return prefix, lines.replace(b"\n", end + prefix), end

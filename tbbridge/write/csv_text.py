"""CSV of any table, as a stream of bytes: RFC 4180 quoting where needed, UTF-8, shortest round-trip numbers, LF.

Or as Python's ``csv`` module writes rows of floats (the dialect ``python``): lines end in CRLF, and NaN is ``nan``.
Loggers that hand their floats to ``csv.writer`` leave such files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tbbridge.write.number_text import WORDS, Words
from tbbridge.write.parallel import ordered_map
from tbbridge.write.table import RowGroup, Table, batches, group_text, slices, utf8

DIALECTS = ("plain", "python")
"""``plain``: ``NaN``, lines end in LF; ``python``: ``nan``, lines end in CRLF."""

_WORDS = {"plain": WORDS, "python": Words(nan=b"nan", ten_thousandth=b"1e-04")}
_LINE_ENDS = {"plain": b"\n", "python": b"\r\n"}
_QUOTED = re.compile('[,"\r\n]')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet take a text for a formula (OWASP, "CSV injection")."""


class CsvOptions(NamedTuple):
    """The options of writing a CSV."""

    header: bool = True
    """Whether the first line names the columns."""
    spreadsheet_safe: bool = False
    """Whether text cells that a spreadsheet could take for a formula get ``'`` before them."""
    dialect: str = "plain"
    """One of `DIALECTS`."""

    def line(self, cells: Iterable[str]) -> bytes:
        """One line of text cells, with its end."""
        return self.lead(cells)[:-1] + _LINE_ENDS[self.dialect]

    def lead(self, cells: Iterable[str]) -> bytes:
        """Text cells, a comma behind each."""
        return b"".join(self.cell(text) + b"," for text in cells)

    def cell(self, text: str | None) -> bytes:
        """One text cell, quoted where RFC 4180 asks for it; None is an empty one."""
        text = utf8(text or "")
        if self.spreadsheet_safe and text.startswith(_FORMULA):
            text = "'" + text
        return ('"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text).encode()


PLAIN = CsvOptions()


def csv_chunks(table: Table, options: CsvOptions = PLAIN) -> Iterator[bytes]:
    """Yield the CSV's bytes in order, written on all cores a slice at a time; the same whatever the number of cores."""
    if options.header:
        yield options.line(table.header)

    def lines(group: RowGroup) -> bytes:
        leads = [options.lead(group.labels), *[b","] * (len(group.columns) - 1)]
        return group_text(leads, group, _LINE_ENDS[options.dialect], _WORDS[options.dialect], options.cell)

    yield from ordered_map(lambda groups: b"".join(map(lines, groups)), batches(slices(table)))

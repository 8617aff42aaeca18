"""JSON Lines: one object per row, keys in the table's order, every key in every row.

An empty cell is ``null``. JSON has no NaN and no infinities: they are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"`` (which JavaScript's ``Number()`` and Python's ``float()`` read back).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tbbridge.write.number_text import Words
from tbbridge.write.parallel import ordered_map
from tbbridge.write.table import RowGroup, Table, batches, group_text, slices, utf8

_WORDS = Words(b"null", b'"NaN"', b'"Infinity"', b'"-Infinity"')


def jsonl_chunks(table: Table) -> Iterator[bytes]:
    """Yield the file's bytes in order, a slice of rows at a time."""
    yield from ordered_map(lambda groups: b"".join(_objects(group, table) for group in groups), batches(slices(table)))


def _objects(group: RowGroup, table: Table) -> bytes:
    labels = zip(table.labels, group.labels, strict=True)
    members = "".join(f"{_quoted(name)}:{_quoted(label)}," for name, label in labels)
    leads = [f",{_quoted(name)}:".encode() for name in group.columns]
    leads[0] = f"{{{members}".encode() + leads[0][1:]
    return group_text(leads, group, b"}\n", _WORDS, lambda text: _quoted(text).encode())


def _quoted(text: str | None) -> str:
    return json.dumps(text and utf8(text), ensure_ascii=False)

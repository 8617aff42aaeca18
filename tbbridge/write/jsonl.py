"""JSON Lines: one object per row, keys in the table's order, every key in every row.

An empty cell is ``null``. JSON has no NaN and no infinities: they are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"`` (which JavaScript's ``Number()`` and Python's ``float()`` read back).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tbbridge.write.backend import rows_text
from tbbridge.write.number_text import Words
from tbbridge.write.parallel import ordered_map
from tbbridge.write.table import RowGroup, Table, batches, row_texts, slices, utf8

_WORDS = Words(b"null", b'"NaN"', b'"Infinity"', b'"-Infinity"')


def jsonl_chunks(table: Table) -> Iterator[bytes]:
    """Yield the file's bytes in order, a slice of rows at a time."""
    yield from ordered_map(lambda groups: b"".join(_objects(group, table) for group in groups), batches(slices(table)))


def _objects(group: RowGroup, table: Table) -> bytes:
    labels = zip(table.labels, group.labels, strict=True)
    members = "".join(f"{_quoted(name)}:{_quoted(label)}," for name, label in labels)
    leads = [f",{_quoted(name)}:".encode() for name in group.columns]
    leads[0] = f"{{{members}".encode() + leads[0][1:]
    if group.has_texts:
        rows = row_texts(
            leads, group.columns.values(), lambda text: b"null" if text is None else _quoted(text).encode(), _WORDS
        )
        return b"".join([row + b"}\n" for row in rows])
    values, logged = zip(*group.columns.values(), strict=True)
    return rows_text(leads, values, logged, b"}\n", _WORDS)


def _quoted(text: str) -> str:
    return json.dumps(utf8(text), ensure_ascii=False)

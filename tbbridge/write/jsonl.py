"""JSON lines: one object a row, keys in the sheet's order.

An empty cell has no key. JSON has no NaN and no infinities: they are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"`` (what JavaScript's ``Number()`` and Python's ``float()`` read back).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from tbbridge.write.block import Block, Sheet, batches, clean, slices
from tbbridge.write.parallel import ordered_map

_SPECIAL = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


def jsonl_chunks(sheet: Sheet) -> Iterator[bytes]:
    """The file's bytes in order, a slice of rows at a time."""
    names = tuple(map(clean, sheet.labels))

    def text(blocks: list[Block]) -> bytes:
        return b"".join(_block_lines(block, names) for block in blocks)

    yield from ordered_map(text, batches(slices(sheet)))


def _block_lines(block: Block, names: tuple[str, ...]) -> bytes:
    labels = [f"{_json(name)}:{_json(label)}" for name, label in zip(names, block.labels, strict=True)]
    members = [_members(name, column) for name, column in block.columns.items()]
    start = [pa.scalar(label) for label in labels]
    rows = pc.binary_join_element_wise(*start, *members, ",", null_handling="skip")
    lines = pc.binary_join_element_wise("{", rows, "}\n", "")
    return "".join(lines.to_pylist()).encode() if block.rows else b""


def _members(name: str, column: pa.Array) -> pa.Array:
    """``"name":number`` for each cell, null where it is empty."""
    text = column.cast(pa.string())
    if pa.types.is_floating(column.type) and pc.any(pc.invert(pc.is_finite(column))).as_py():
        for arrow, quoted in _SPECIAL.items():
            text = pc.if_else(pc.equal(text, arrow), quoted, text)
    return pc.binary_join_element_wise(f"{_json(name)}:", text, "")


def _json(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)

"""Arrow tables and Parquet of any table; the one module that knows pyarrow, which an install may lack.

Label columns are dictionaries, number columns keep their type. A column that is float32 in some groups and float64 in
others is float64 throughout, which is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tbbridge.write.compress import Sink
from tbbridge.write.number_text import Numbers
from tbbridge.write.optional import load_optional
from tbbridge.write.table import Cells, RowGroup, Table, batches, column_kinds, slices, utf8

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 1 << 18
"""Rows per row group of a file at least, which readers fetch or skip as one; at most twice as many."""


def arrow_table(table: Table) -> pyarrow.Table:
    """Return the table as an Arrow table; its number columns are chunks over the groups' own memory.

    Raises:
        UsageError: pyarrow is not installed.
    """
    groups = [group for group in table.groups if group.size]
    return _arrow(table, groups, table.kinds or column_kinds(groups, table.columns))


def parquet_chunks(table: Table, *, double: bool = False, note: str = "") -> Iterator[bytes]:
    """Yield a Parquet file's bytes in order, a row group at a time; they depend on the table alone.

    Args:
        table: read once where it knows its `kinds`, else twice.
        double: make every float column float64, for files that must agree with one another.
        note: how to read it, which the schema's metadata hold under the key ``tbbridge``.

    Raises:
        UsageError: pyarrow is not installed.
    """
    parquet = load_optional("pyarrow.parquet", "pyarrow", "Parquet")
    kinds = dict(table.kinds or column_kinds(table.groups, table.columns))
    if double:
        kinds = {name: np.dtype(np.float64) if kind.kind == "f" else kind for name, kind in kinds.items()}
    sink = Sink()
    schema = _arrow(table, [], kinds).schema
    if note:
        schema = schema.with_metadata({"tbbridge": note})
    with parquet.ParquetWriter(
        sink, schema, compression="zstd", use_dictionary=list(map(utf8, table.labels))
    ) as writer:
        for groups in batches(slices(table, ROW_GROUP), ROW_GROUP, cost=0):
            writer.write_table(_arrow(table, groups, kinds), row_group_size=2 * ROW_GROUP)
            yield sink.taken()
    yield sink.taken()


def _arrow(table: Table, groups: Sequence[RowGroup], kinds: Mapping[str, np.dtype[Any]]) -> pyarrow.Table:
    arrow = load_optional("pyarrow", "pyarrow", "an Arrow table")
    sizes = [group.size for group in groups]
    columns = [
        _dictionary(arrow, [group.labels[place] for group in groups], sizes) for place in range(len(table.labels))
    ]
    for name in table.columns:
        chunks = [_chunk(arrow, group.columns.get(name), group.size, kinds[name]) for group in groups]
        columns.append(arrow.chunked_array(chunks, _kind(arrow, kinds[name])))
    return arrow.table(columns, names=list(table.header))


def _dictionary(arrow: Any, texts: Sequence[str], sizes: Sequence[int]) -> Any:
    """A dictionary column: the names in order of appearance."""
    names = list(dict.fromkeys(map(utf8, texts)))
    index = {name: place for place, name in enumerate(names)}
    codes = np.array([index[utf8(text)] for text in texts], np.int32)
    values = _over(arrow, np.repeat(codes, sizes))
    return arrow.chunked_array([arrow.DictionaryArray.from_arrays(values, arrow.array(names, arrow.string()))])


def _kind(arrow: Any, kind: np.dtype[Any]) -> Any:
    return arrow.string() if kind.hasobject else arrow.from_numpy_dtype(kind)


def _chunk(arrow: Any, cells: Cells | None, size: int, kind: np.dtype[Any]) -> Any:
    if cells is None:
        return arrow.nulls(size, _kind(arrow, kind))
    if kind.hasobject:
        logged = np.ones(size, bool) if cells.logged is None else cells.logged
        texts = [utf8(text) if there else None for text, there in zip(cells.values, logged, strict=True)]
        return arrow.array(texts, arrow.string())
    return _over(arrow, cells.values.astype(kind, copy=False), cells.logged)


def _over(arrow: Any, values: Numbers, logged: Any = None) -> Any:
    """Numbers as an Arrow array over the same memory; null where `logged` is False.

    ``pyarrow.array`` would do the same, and import pandas for it, which takes longer than a million points' export.
    """
    values = np.ascontiguousarray(values)
    valid = None if logged is None or logged.all() else arrow.py_buffer(np.packbits(logged, bitorder="little"))
    data = np.packbits(values, bitorder="little") if values.dtype == bool else values
    kind = arrow.from_numpy_dtype(values.dtype)
    return arrow.Array.from_buffers(kind, len(values), [valid, arrow.py_buffer(data)])

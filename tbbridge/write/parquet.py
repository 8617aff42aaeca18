"""Parquet of any sheet: label columns are dictionary-encoded, number columns keep their type, Zstandard inside."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tbbridge.write.block import Sheet, arrow_table

ROW_GROUP = 1 << 20
"""Rows a row group: what readers fetch and skip at a time."""


def parquet_bytes(sheet: Sheet, *, double: bool = False) -> bytes:
    """The whole file. The bytes depend on the sheet alone; `double` makes every float column float64."""
    return table_bytes(arrow_table(sheet, double=double))


def table_bytes(table: pa.Table) -> bytes:
    """An Arrow table as a Parquet file."""
    sink = io.BytesIO()
    names = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    with pq.ParquetWriter(sink, table.schema, compression="zstd", use_dictionary=names) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP)
    return sink.getvalue()

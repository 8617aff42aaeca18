"""Parquet, and the Arrow table behind it."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from small_tables import float32, long

from tbbridge.write.parquet import arrow_table, parquet_chunks
from tbbridge.write.table import Table


def parquet_bytes(table: Table) -> bytes:
    return b"".join(parquet_chunks(table))


def test_values_and_names_come_back() -> None:
    """A reader gets the same names, steps, wall times and values, NaN and the infinities included."""
    values = float32(0.5, np.nan, np.inf)
    table = pq.read_table(io.BytesIO(parquet_bytes(long(("a,b", 't"', values), ("c", "t", float32(2))))))
    assert table.column("run").to_pylist() == ["a,b"] * 3 + ["c"]
    assert table.column("tag").to_pylist() == ['t"'] * 3 + ["t"]
    assert table.column("step").to_pylist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(table.column("value").to_numpy(), np.append(values, np.float32(2)))


def test_types() -> None:
    """Names are dictionaries, values float32 unless some are float64 or double is asked for."""
    single, mixed = long(("r", "t", float32(1))), long(("r", "t", float32(1)), ("r", "u", np.array([0.1])))
    assert pa.types.is_dictionary(arrow_table(single).schema.field("run").type)
    assert arrow_table(single).schema.field("value").type == pa.float32()
    assert arrow_table(mixed).schema.field("value").type == pa.float64()
    double = pq.read_schema(io.BytesIO(b"".join(parquet_chunks(single, double=True))))
    assert double.field("value").type == pa.float64()
    assert double.field("step").type == pa.int64()


def test_one_series_is_handed_over_without_a_copy() -> None:
    """The table's memory is the arrays' own."""
    values = float32(1, 2, 3)
    column = arrow_table(long(("r", "t", values))).column("value")
    assert column.chunk(0).buffers()[1].address == values.ctypes.data


def test_the_same_table_gives_the_same_bytes() -> None:
    """No clock and no chance in the file."""
    assert parquet_bytes(long(("r", "t", float32(1, 2)))) == parquet_bytes(long(("r", "t", float32(1, 2))))


def test_an_empty_table_is_a_valid_file() -> None:
    """A table without rows has its columns all the same."""
    assert pq.read_table(io.BytesIO(parquet_bytes(long()))).column_names == ["run", "tag", "step", "wall_time", "value"]


def test_polars_and_duckdb_read_it(tmp_path) -> None:
    """Two other readers agree."""
    import duckdb
    import polars

    path = tmp_path / "long.parquet"
    path.write_bytes(parquet_bytes(long(("r", "t", float32(1, 2)), ("s", "t", float32(3)))))
    assert polars.read_parquet(path)["value"].to_list() == [1, 2, 3]
    found = duckdb.sql(f"select run, sum(value) from '{path}' group by run order by run").fetchall()
    assert found == [("r", 3.0), ("s", 3.0)]

"""DuckDB and pyarrow read many run logs by the first one's header: columns of later files alone are gone, in silence.

Seen with duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0.

One training validates and the other does not, or they log different metrics: their CSVs have different columns.
DuckDB's `from 'logs/*.csv'` takes the columns of the first file by name. Where a later one has more, its further
columns are not there, and nothing is said; only where a later one has fewer is there an error. So the same two logs
are read or refused by how their names sort. pyarrow.dataset does the same, and fills in nulls where DuckDB refuses.
polars refuses both. In another order of the columns DuckDB and pyarrow go by the names, and polars refuses again.
`union_by_name = true` is what DuckDB needs.

    fewer columns first: duckdb [(0, 0.9), (0, 0.9)], pyarrow [(0, 0.9), (0, 0.9)], polars ComputeError
    more columns first: duckdb InvalidInputException, pyarrow [(0, 0.1, 0.9), (0, None, 0.9)], polars ComputeError
    another order: duckdb and pyarrow [(0, 0.1, 0.9), (0, 0.1, 0.9)], polars ComputeError
"""

from pathlib import Path

from _run import find

LOGS = {
    "fewer columns first": ["step,val accuracy\n0,0.9\n", "step,train accuracy,val accuracy\n0,0.1,0.9\n"],
    "more columns first": ["step,train accuracy,val accuracy\n0,0.1,0.9\n", "step,val accuracy\n0,0.9\n"],
    "another order": ["step,train accuracy,val accuracy\n0,0.1,0.9\n", "step,val accuracy,train accuracy\n0,0.9,0.1\n"],
}


def by_duckdb(folder: str, options: str = ""):
    import duckdb

    try:
        return duckdb.sql(f"select * from read_csv('{folder}/*.csv'{options})").fetchall()
    except duckdb.Error as error:
        return type(error).__name__


def by_pyarrow(folder: str):
    import pyarrow.dataset

    columns = pyarrow.dataset.dataset(folder, format="csv").to_table().to_pydict()
    return list(zip(*columns.values(), strict=True))


def by_polars(folder: str):
    import polars

    try:
        return polars.read_csv(f"{folder}/*.csv").rows()
    except polars.exceptions.PolarsError as error:
        return type(error).__name__


def finding() -> None:
    seen = {}
    for name, (first, second) in LOGS.items():
        folder = Path(name)
        folder.mkdir()
        (folder / "a.csv").write_text(first)
        (folder / "b.csv").write_text(second)
        seen[name] = by_duckdb(name), by_pyarrow(name), by_polars(name)
        print(
            f"{name}: "
            + ", ".join(f"{r} {a}" for r, a in zip(("duckdb", "pyarrow", "polars"), seen[name], strict=True))
        )
    alike = [(0, 0.1, 0.9), (0, 0.1, 0.9)]
    assert seen["fewer columns first"] == ([(0, 0.9), (0, 0.9)], [(0, 0.9), (0, 0.9)], "ComputeError")
    assert seen["more columns first"] == ("InvalidInputException", [(0, 0.1, 0.9), (0, None, 0.9)], "ComputeError")
    assert seen["another order"] == (alike, alike, "ComputeError")
    whole = by_duckdb("fewer columns first", ", union_by_name = true")
    print("fewer columns first, union_by_name:", whole)
    assert whole == [(0, 0.9, None), (0, 0.9, 0.1)]


if __name__ == "__main__":
    find(["duckdb==2.0.1", "pyarrow==26.0.1", "polars==2.1.0"], finding)

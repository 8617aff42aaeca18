"""A Parquet dataset partitioned by run: polars and pyarrow make one run of `01` and `1`, and pandas cannot read it.

Seen with pyarrow 26.0.1, polars 2.1.0, duckdb 2.0.1, pandas 3.1.1.

Runs are often named by a seed, a trial or a learning rate. In a dataset with a directory `run=NAME` per run, each
reader guesses a type from all names together. Where all look like whole numbers, polars and pyarrow read numbers: the
runs `01` and `1` are one run of twice as many points, in silence. polars does so with fractions, too: `0.1` and
`0.10`. pandas' read_parquet raises ValueError, as its categories are no longer unique. DuckDB reads numbers only
where the text comes back the same, and so keeps the two apart. With one name among them that is no number, all four
read text. A type for `run` that the reader is told helps in all of them.

    01, 1: polars [1], pyarrow [1], duckdb ['01', '1'], pandas ValueError
    0.1, 0.10: polars [0.1], pyarrow ['0.1', '0.10'], duckdb ['0.1', '0.10'], pandas ['0.1', '0.10']
    1, b: text in all four
    told that run is text: ['01', '1'] in all four
"""

from collections.abc import Callable

from _run import find


def write(folder: str, runs: list[str]) -> None:
    import pyarrow
    import pyarrow.dataset

    table = pyarrow.table({"run": [run for run in runs for _ in range(3)], "step": [0, 1, 2] * len(runs)})
    by_run = pyarrow.dataset.partitioning(pyarrow.schema([("run", pyarrow.string())]), flavor="hive")
    pyarrow.dataset.write_dataset(table, folder, format="parquet", partitioning=by_run)


def by_polars(folder: str, **options) -> list:
    import polars

    return polars.read_parquet(f"{folder}/", **options)["run"].to_list()


def by_pyarrow(folder: str, partitioning="hive") -> list:
    import pyarrow.dataset

    return pyarrow.dataset.dataset(folder, partitioning=partitioning).to_table()["run"].to_pylist()


def by_duckdb(folder: str, options: str = "hive_partitioning = true") -> list:
    import duckdb

    query = f"select run from read_parquet('{folder}/*/*.parquet', {options})"
    return [run for (run,) in duckdb.sql(query).fetchall()]


def by_pandas(folder: str, **options) -> list:
    import pandas

    return pandas.read_parquet(folder, **options)["run"].tolist()


def answer(reader: Callable, *arguments, **options):
    try:
        return sorted(set(reader(*arguments, **options)))
    except ValueError as error:
        return type(error).__name__


def finding() -> None:
    import polars
    import pyarrow
    import pyarrow.dataset

    readers = [by_polars, by_pyarrow, by_duckdb, by_pandas]
    seen = {}
    for runs in (["01", "1"], ["0.1", "0.10"], ["1", "b"]):
        name = ", ".join(runs)
        write(name, runs)
        seen[name] = [answer(reader, name) for reader in readers]
        print(f"{name}: " + ", ".join(f"{r.__name__[3:]} {a}" for r, a in zip(readers, seen[name], strict=True)))
    assert seen["01, 1"] == [[1], [1], ["01", "1"], "ValueError"]
    assert seen["0.1, 0.10"] == [[0.1], ["0.1", "0.10"], ["0.1", "0.10"], ["0.1", "0.10"]]
    assert seen["1, b"] == [["1", "b"]] * 4
    assert len(by_polars("01, 1")) == 6  # the points of two runs, under one name

    as_text = pyarrow.dataset.partitioning(pyarrow.schema([("run", pyarrow.string())]), flavor="hive")
    told = [
        answer(by_polars, "01, 1", hive_schema={"run": polars.String}),
        answer(by_pyarrow, "01, 1", partitioning=as_text),
        answer(by_duckdb, "01, 1", options="hive_partitioning = true, hive_types = {'run': varchar}"),
        answer(by_pandas, "01, 1", partitioning=as_text),
    ]
    print("told that run is text:", *told)
    assert told == [["01", "1"]] * 4


if __name__ == "__main__":
    find(["pyarrow==26.0.1", "polars==2.1.0", "duckdb==2.0.1", "pandas==3.1.1"], finding)

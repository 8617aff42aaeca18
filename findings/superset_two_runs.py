"""Superset's upload of a CSV makes two runs of one: it guesses the types of each 1,000 rows by themselves.

Seen with apache-superset 6.1.0 (its CSV and its columnar reader), pandas 2.1.4, flask-caching 2.3.1.

Of a long table whose first 1,500 rows are of run `001` the first thousand have the run `1`, the others `001`, and no
word is said. With run and tag chosen as `str` in the dialog the names are whole, but a run `NA` is missing; `""` as the
only null value keeps it, and then NaN makes the values of its thousand rows texts, or a column of both. The columnar
upload of a Parquet file has none of this.

    CSV: 1 x 1000, 001 x 500, mnist x 10
    CSV, run as str: 001 x 1500, mnist x 10
    Parquet: 001 x 1500, mnist x 10
"""

import io
import os
from collections import Counter
from pathlib import Path

from _run import find

CONFIG = "SECRET_KEY = 'x' * 42\n" + "".join(
    f"{name} = {{'CACHE_TYPE': 'SimpleCache'}}\n"
    for name in ("CACHE_CONFIG", "DATA_CACHE_CONFIG", "FILTER_STATE_CACHE_CONFIG", "EXPLORE_FORM_DATA_CACHE_CONFIG")
)


def finding() -> None:
    Path("superset_config.py").write_text(CONFIG)
    os.environ |= {"SUPERSET_CONFIG_PATH": str(Path("superset_config.py").absolute()), "SUPERSET_HOME": os.getcwd()}
    import pandas
    from superset.app import create_app
    from werkzeug.datastructures import FileStorage

    with create_app().app_context():
        from superset.commands.database.uploaders.columnar_reader import ColumnarReader
        from superset.commands.database.uploaders.csv_reader import CSVReader

        runs = ["001"] * 1500 + ["mnist"] * 10
        parquet = io.BytesIO()
        pandas.DataFrame({"run": runs, "value": [0.5] * 1510}).to_parquet(parquet)
        text = "run,value\n" + "".join(f"{run},0.5\n" for run in runs)
        seen = {}
        for name, reader, content in (
            ("CSV", CSVReader({}), text.encode()),
            ("CSV, run as str", CSVReader({"column_data_types": {"run": "str"}}), text.encode()),
            ("Parquet", ColumnarReader({}), parquet.getvalue()),
        ):
            frame = reader.file_to_dataframe(FileStorage(io.BytesIO(content), filename="points.parquet"))
            seen[name] = Counter(map(str, frame["run"]))
            print(f"{name}: " + ", ".join(f"{run} x {count}" for run, count in seen[name].items()))
    assert seen["CSV"] == {"1": 1000, "001": 500, "mnist": 10}
    assert seen["CSV, run as str"] == seen["Parquet"] == {"001": 1500, "mnist": 10}


if __name__ == "__main__":
    find(["apache-superset==6.1.0", "flask-caching==2.3.1", "pandas==2.1.4"], finding)

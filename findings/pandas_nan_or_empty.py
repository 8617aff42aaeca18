"""pandas tells a logged NaN from an empty cell in one way only, and takes the column for text in the obvious one.

Seen with pandas 3.1.1, pyarrow 26.0.1.

In a run log an empty cell says that nothing was logged, and `NaN` that a loss was not a number. read_csv takes both
for missing. To take empty cells alone for missing (`keep_default_na=False, na_values=[""]`) makes the whole column
text in its own engine, also with nullable dtypes, as its number parser has no NaN; a dtype of float64 or Float64 for
the column raises ValueError. Of the three engines and three backends tried, one pair keeps the two apart:
`engine="pyarrow", dtype_backend="pyarrow"`.

    engine c, keep_default_na=False: text with every backend
    engine python, keep_default_na=False: text with every backend
    engine pyarrow, keep_default_na=False: NaN is missing, NaN is missing, NaN is kept (numpy, numpy_nullable, pyarrow)
"""

import io
import math

from _run import find

LOG = b"step,loss\n0,2.5\n1,\n2,NaN\n3,inf\n4,1e-07\n"


def kind(engine: str, backend: dict[str, str]) -> str:
    import pandas

    options = {"keep_default_na": False, "na_values": [""], "engine": engine, **backend}
    loss = pandas.read_csv(io.BytesIO(LOG), **options)["loss"]
    if not pandas.api.types.is_float_dtype(loss.dtype):
        assert loss[0] == "2.5"
        assert loss[2] == "NaN"
        return "text"
    assert loss.isna()[1]
    if loss.isna()[2]:
        return "NaN is missing"
    assert math.isnan(loss[2])
    return "NaN is kept"


def finding() -> None:
    import pandas

    plain = pandas.read_csv(io.BytesIO(LOG))["loss"]
    assert plain.isna().tolist() == [False, True, True, False, False]
    backends = [{}, {"dtype_backend": "numpy_nullable"}, {"dtype_backend": "pyarrow"}]
    seen = {engine: [kind(engine, backend) for backend in backends] for engine in ("c", "python", "pyarrow")}
    for engine, kinds in seen.items():
        print(f"engine {engine}, keep_default_na=False:", ", ".join(kinds))
    assert seen["c"] == seen["python"] == ["text"] * 3
    assert seen["pyarrow"] == ["NaN is missing", "NaN is missing", "NaN is kept"]
    for dtype in ("float64", "Float64"):
        try:
            pandas.read_csv(io.BytesIO(LOG), keep_default_na=False, na_values=[""], dtype={"loss": dtype})
        except ValueError as error:
            print(f"dtype {dtype}: {error}")
        else:
            raise AssertionError(f"dtype {dtype} was taken")


if __name__ == "__main__":
    find(["pandas==3.1.1", "pyarrow==26.0.1"], finding)

"""The dialect of Python's csv module."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.write.block import Block, Sheet
from tbbridge.write.csv_text import CsvOptions, csv_chunks
from tbbridge.write.dialect import python_texts

FLOATS = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([1e-4, 1e-5, 1e16, 1e15, 1.0, -0.0]))


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), FLOATS), min_size=1))
def test_the_bytes_are_those_of_the_csv_module(rows: list[tuple[int, float | None]]) -> None:
    """Doubles, infinities, empty cells, whole numbers: what csv.writer makes of the same rows."""
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows([("run, 1", "step", "value"), *(("a\nb", *row) for row in rows)])
    columns = {"step": pa.array([row[0] for row in rows]), "value": pa.array([row[1] for row in rows], pa.float64())}
    sheet = Sheet(("run, 1",), ("step", "value"), [Block(("a\nb",), columns)])
    assert b"".join(csv_chunks(sheet, CsvOptions(dialect="python"))).decode() == sink.getvalue()
    through_git = sink.getvalue().replace("\r\n", "\n")
    assert b"".join(csv_chunks(sheet, CsvOptions(dialect="python-lf"))).decode() == through_git


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1.0"),
        (0.98, "0.98"),
        (4.8241897, "4.8241897"),
        (0.0001, "1e-04"),  # as float32 it lies below 1e-4, and NumPy has said so since 1.14
        (0.00011, "0.00011"),
        (1e-5, "1e-05"),
        (9.536743e-07, "9.536743e-07"),
        (1.5e20, "1.5e+20"),
        (-1e-45, "-1e-45"),
        (16777216, "16777216.0"),
        (-0.0, "-0.0"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_a_float32_is_what_numpy_made_of_it(value: float, text: str) -> None:
    """The text that str() gave to a float32 when the older viewer's logs were written, by NumPy 1.14."""
    assert python_texts(pa.array(np.array([value], np.float32))).to_pylist() == [text]


@given(st.floats(width=32))
def test_every_float32_reads_back(value: float) -> None:
    """No digit is lost."""
    (text,) = python_texts(pa.array(np.array([value], np.float32))).to_pylist()
    assert np.float32(text) == np.float32(value) or (math.isnan(value) and text == "nan")
    assert text == "nan" or any(mark in text for mark in ".einf")

"""Numbers as text and back, by both twins."""

from __future__ import annotations

import io
import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tbbridge.write import _native, _plain
from tbbridge.write.events import EventWriter, scalar_tensor, simple_value, tensor_value
from tbbridge.write.number_text import WORDS, ParsedRows, Words

TWINS = pytest.mark.parametrize("twin", [_native, _plain], ids=["compiled", "plain"])


def texts(twin: ModuleType, values: np.ndarray, words: Words = WORDS) -> list[str]:
    return twin.rows_text([b""], [values], [None], b"\n", words).decode().splitlines()


def python_text(value: float) -> str:
    """What Python's repr says, with the one word that differs."""
    return "NaN" if math.isnan(value) else repr(value)


@TWINS
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
@example([0, 1, 1 << 63, 0x7FEFFFFFFFFFFFFF, 0x0010000000000000, 0x000FFFFFFFFFFFFF, 0x7FF0000000000000])
@example([int(np.float64(value).view(np.uint64)) for value in (1e-4, 9.999e-5, 1e15, 1e16, 1e22, 1e23, 5e-324, 0.3)])
def test_a_double_is_written_as_python_writes_it(twin: ModuleType, patterns: list[int]) -> None:
    """Of all bit patterns: the text of repr."""
    values = np.array(patterns, np.uint64).view(np.float64)
    assert texts(twin, values) == [python_text(value) for value in values.tolist()]


@TWINS
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=20))
@example([int(np.float32(value).view(np.uint32)) for value in (1e-4, 1e-45, 3.4028235e38, 16777216, 1e16, 2**-126)])
def test_a_float32_has_numpys_shortest_digits_as_python_lays_them_out(twin: ModuleType, patterns: list[int]) -> None:
    """Of all bit patterns: the digits of NumPy's own shortest text, in the layout of repr; they read back exactly."""
    values = np.array(patterns, np.uint32).view(np.float32)
    found = texts(twin, values)
    assert found == [python_text(float(np.format_float_scientific(value, unique=True))) for value in values]
    back = np.array([np.float32(text) for text in found], np.float32)
    assert (back.view(np.uint32)[~np.isnan(values)] == values.view(np.uint32)[~np.isnan(values)]).all()


@pytest.mark.parametrize("exponent", range(0, 2047, 13))
def test_powers_of_two_and_their_neighbours(exponent: int) -> None:
    """Below a power of two the next number is half as far away, which shortens other texts."""
    bits = (exponent << 52) + np.arange(-3, 4) if exponent else np.arange(7)
    values = bits.astype(np.uint64).view(np.float64)
    assert texts(_native, values) == [repr(value) for value in values.tolist()]


@TWINS
def test_every_half_precision_number(twin: ModuleType) -> None:
    """All 2^16 patterns, as the float32 that they are decoded to."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    read = np.array([np.float32(text) for text in texts(twin, values)])
    finite = np.isfinite(values)
    assert (read.view(np.uint32)[finite] == values.view(np.uint32)[finite]).all()
    assert {text for text, known in zip(texts(twin, values), finite, strict=True) if not known} == {
        "NaN",
        "inf",
        "-inf",
    }


@TWINS
@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0"), (0.1, "0.1"), (1e-4, "0.0001"), (1e-7, "1e-07"), (1e20, "1e+20"), (-0.0, "-0.0"), (1e16, "1e+16")],
)
def test_floats_have_a_point_or_an_exponent(twin: ModuleType, value: float, text: str) -> None:
    """So no reader takes a column of them for integers."""
    assert texts(twin, np.array([value], np.float32)) == texts(twin, np.array([value])) == [text]


ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1), st.floats(width=32), st.floats(), st.booleans(), st.booleans(), st.booleans()
    )
)


@TWINS
@given(ROWS, st.binary(max_size=5), st.binary(max_size=3))
def test_rows_are_leads_cells_and_an_end(twin: ModuleType, rows: list[tuple], lead: bytes, end: bytes) -> None:
    """Any types side by side, empty cells, and any bytes around them."""
    kinds = (np.int64, np.float32, np.float64, bool)
    columns = [np.array([row[place] for row in rows], kind) for place, kind in enumerate(kinds)]
    logged = [None, np.array([row[4] for row in rows], bool), None, np.array([row[5] for row in rows], bool)]
    words = Words(b"-", b"n", b"i", b"m", b"T", b"F")
    special = {"nan": b"n", "inf": b"i", "-inf": b"m"}

    def number(value: float) -> bytes:
        return special.get(repr(value), repr(value).encode())

    want = b""
    for step, single, double, flag, single_there, flag_there in rows:
        short = float(np.format_float_scientific(np.float32(single), unique=True)) if math.isfinite(single) else single
        cells = [str(step).encode(), number(short) if single_there else b"-", number(double)]
        cells.append((b"T" if flag else b"F") if flag_there else b"-")
        want += b"".join((lead if place else b"") + cell for place, cell in enumerate(cells)) + end
    assert twin.rows_text([b"", lead, lead, lead], columns, logged, end, words) == want


def test_views_are_written_as_they_are_seen() -> None:
    """A view that skips and turns round gives its own values."""
    values = np.arange(10, dtype=np.float32)
    assert texts(_native, values[::-3]) == texts(_plain, values[::-3]) == ["9.0", "6.0", "3.0", "0.0"]


@pytest.mark.parametrize(
    ("columns", "logged"),
    [
        ([np.zeros(2, np.float16)], [None]),
        ([np.zeros(2), np.zeros(3)], [None, None]),
        ([np.zeros(2)], [np.zeros(3, bool)]),
        ([np.zeros((2, 2))], [None]),
        ([np.zeros(2)], []),
        ([np.array(["a", "b"], object)], [None]),
    ],
)
def test_the_compiled_twin_refuses_what_it_cannot_read(columns: list, logged: list) -> None:
    """Other types and lengths are an error, never memory that is not ours."""
    with pytest.raises((ValueError, BufferError)):
        _native.rows_text([b""] * len(columns), columns, logged, b"\n", WORDS)


PIECES = [b"1", b"-7", b"0.5", b"1e-45", b"1e400", b"nan", b"INFINITY", b"0.10000000149011612", b"3.4028235e38"]
MORE = [b",", b",", b"\n", b"\r\n", b"\r", b" ", b"_", b"e", b"+", b".", b"\0", b"x", b"1" * 25, b'"']


def same(one: ParsedRows | None, other: ParsedRows | None) -> bool:
    if one is None or other is None:
        return one is other
    ours, theirs = ([column[1:] for column in found.columns] for found in (one, other))
    assert len(ours) == len(theirs)
    return (
        one.steps.tolist() == other.steps.tolist()
        and all(a[0].tolist() == b[0].tolist() and a[1] == b[1] for a, b in zip(ours, theirs, strict=True))
        and all(
            np.array_equal(a.values.view(np.int64)[a.logged], b.values.view(np.int64)[b.logged])
            for a, b in zip(one.columns, other.columns, strict=True)
        )
    )


@given(st.lists(st.sampled_from(PIECES + MORE)).map(b"".join), st.integers(1, 4))
def test_both_twins_read_the_same_of_any_bytes(body: bytes, width: int) -> None:
    """The same numbers, or both leave it to the careful reader."""
    assert same(_native.parse_rows(body, width), _plain.parse_rows(body, width))


CELLS = st.one_of(st.just(""), st.floats().map(repr), st.floats(width=32).map(lambda x: str(np.float32(x))))


@TWINS
@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), CELLS, CELLS)))
def test_rows_are_read_as_python_reads_them(twin: ModuleType, rows: list[tuple[int, str, str]]) -> None:
    """Each cell as int() and float() read it, bit for bit; a column is single where NumPy's float32 texts name it."""
    found = twin.parse_rows("".join(f"{a},{b},{c}\n" for a, b, c in rows).encode(), 3)
    assert found.steps.tolist() == [row[0] for row in rows]
    for place, column in enumerate(found.columns, 1):
        cells = [row[place] for row in rows]
        assert column.logged.tolist() == [cell != "" for cell in cells]
        for cell, value in zip(cells, column.values.tolist(), strict=True):
            assert not cell or repr(value) == repr(float(cell))
        with np.errstate(over="ignore"):
            named = [float(str(np.float32(cell))) for cell in cells if cell]
        assert column.single == np.array_equal(named, [float(cell) for cell in cells if cell], equal_nan=True)


RECORDS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1), st.floats(), st.floats(width=32), st.floats(), st.booleans(), st.booleans()
    ),
    max_size=10,
)


@given(RECORDS, st.text(max_size=200))
def test_scalar_records_are_those_of_the_writer(rows: list[tuple], tag: str) -> None:
    """Both twins write the bytes of `EventWriter`, for any steps, times, values and lengths of a tag."""
    sink = io.BytesIO()
    with EventWriter(sink, file_version=False) as writer:
        for step, wall_time, single, double, single_there, double_there in rows:
            if single_there:
                writer.scalar(tag, step, wall_time, single)
            if double_there:
                writer.tensor(tag, step, wall_time, double, "float64", plugin=None)
        want = sink.getvalue()
    columns = [np.array([row[place] for row in rows]) for place in range(6)]
    heads = [simple_value(tag, 0.0)[:-4], tensor_value(tag, scalar_tensor(0.0, "float64"), None)[:-8]]
    steps, wall_times = columns[0].astype(np.int64), columns[1].astype(np.float64)
    with np.errstate(over="ignore"):
        values = [columns[2].astype(np.float32), columns[3].astype(np.float64)]
    logged = [column.astype(bool) for column in columns[4:]]
    assert _native.scalar_records(steps, wall_times, heads, values, logged) == want
    assert _plain.scalar_records(steps, wall_times, heads, values, logged) == want

"""The run log as text: exact, the same bytes for the same numbers, and readable back to them."""

from __future__ import annotations

import csv
import io
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tbbridge.core.errors import FormatError
from tbbridge.core.model import COLUMNS, RunLog
from tbbridge.write.run_log_csv import read_run_log, run_log_csv, with_new_rows

HEADER = b"step,train accuracy,val accuracy,train cross entropy,val cross entropy\n"


def log_of(values: np.ndarray, logged: np.ndarray | None = None, step: np.ndarray | None = None) -> RunLog:
    """A run log with one column."""
    mask = np.ones(len(values), bool) if logged is None else logged
    return RunLog("x", np.arange(len(values)) if step is None else step, {"loss": values}, {"loss": mask})


def bits(values: np.ndarray) -> np.ndarray:
    return values.view(f"u{values.dtype.itemsize}")


def test_the_file_is_what_the_promise_says():
    """Header, LF, ascending rows, shortest numbers, words for what is no number, nothing where nothing was logged."""
    values = [
        np.array([0.1, 1.0, np.nan, 0], np.float32),
        np.array([0, 0.5, np.inf, -0.0], np.float32),
        np.array([4.8241897, 1e-7, -np.inf, 1e20], np.float32),
        np.array([0.1 + 0.2, 0, 1e-5, 0], np.float64),
    ]
    logged = [np.array(row, bool) for row in ([1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1])]
    step = np.array([-(1 << 63), 0, 5, (1 << 63) - 1])
    log = RunLog("x", step, dict(zip(COLUMNS, values, strict=True)), dict(zip(COLUMNS, logged, strict=True)))
    assert run_log_csv(log) == HEADER + (
        b"-9223372036854775808,0.1,,4.8241897,0.30000000000000004\n"
        b"0,1.0,0.5,1e-07,\n"
        b"5,NaN,inf,-inf,1e-05\n"
        b"9223372036854775807,,-0.0,1e+20,0.0\n"
    )
    assert run_log_csv(log, header=False) == run_log_csv(log)[len(HEADER) :]


CELLS = st.one_of(st.none(), st.floats(width=32))


@given(
    st.dictionaries(st.integers(-(1 << 63), (1 << 63) - 1), st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=20),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.floats(),
)
def test_writing_what_was_read_gives_the_same_bytes(rows, double, extra):
    """From numbers to text and back to text; with NaN, infinities, empty cells, float32 and float64 columns."""
    steps = sorted(rows)
    log = RunLog("x", np.array(steps, np.int64), {}, {})
    for place, name in enumerate(COLUMNS):
        column = [rows[step][place] for step in steps]
        values = np.array([0 if cell is None else cell for cell in column], np.float64 if double[place] else np.float32)
        if double[place] and len(values):
            values[0] = extra
        log.columns[name], log.logged[name] = values, np.array([cell is not None for cell in column], bool)
    for header in (True, False):
        data = run_log_csv(log, header=header)
        read = read_run_log(data, "x")
        assert run_log_csv(read, header=header) == data
        for name in COLUMNS:
            np.testing.assert_array_equal(read.logged[name], log.logged[name])
            ours, theirs = (one.columns[name][log.logged[name]] for one in (read, log))
            np.testing.assert_array_equal(ours, theirs.astype(ours.dtype))  # short doubles are read as float32


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1))
def test_a_float32_column_is_read_as_float32(values):
    """What was written from float32 comes back as float32, bit for bit."""
    column = np.array(values, np.float32)
    read = read_run_log(run_log_csv(log_of(column)), "x").columns["loss"]
    assert read.dtype == np.float32
    assert (bits(read) == bits(column)).all()


def test_one_double_makes_the_column_double():
    """A text that no float32 gives is read as float64, and its neighbours with it."""
    log = read_run_log(b"step,loss\n1,0.1\n2,0.10000000149011612\n", "x")
    assert log.columns["loss"].tolist() == [0.1, 0.10000000149011612]


@pytest.mark.parametrize("text", ["1.0", "1e-05", "1E5", "+0.5", ".5", "0.50"])
def test_other_tools_texts_are_as_wide_as_their_numbers(text):
    """numpy, Python and C write 1.0 and 1e-05; that alone does not make a number a double."""
    column = read_run_log(f"step,loss\n1,{text}\n".encode(), "x").columns["loss"]
    assert column.dtype == np.float32
    assert column.tolist() == [np.float32(text)]


OLD = b"5,0.65,0.76,1.1850473,1.0347477\r\n10,0.61,0.72,1.0670382,0.8856087\r\n"


def test_the_older_viewers_file_is_read():
    """No header, CRLF: the order is step, train and val accuracy, train and val cross entropy."""
    log = read_run_log(OLD, "x")
    assert list(log.columns) == list(COLUMNS)
    assert run_log_csv(log, header=False) == OLD.replace(b"\r", b"")


def test_the_older_viewers_reader_reads_ours():
    """pandas with five names, and Python's csv, see the headerless file as they see an older viewer's."""
    log = read_run_log(OLD, "x")
    data = run_log_csv(log, header=False).decode()
    frame = pd.read_csv(io.StringIO(data), names=["step", *COLUMNS])
    assert frame["step"].tolist() == [5, 10]
    assert frame["val cross entropy"].tolist() == [1.0347477, 0.8856087]
    assert [[float(cell) for cell in row] for row in csv.reader(io.StringIO(data))] == frame.to_numpy().tolist()


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + HEADER + b"1,0.5,,2,\n",
        HEADER.replace(b"\n", b"\r\n") + b"1,0.5,,2,\r\n",
        HEADER.replace(b"\n", b"\r") + b"1,0.5,,2,\r",
        HEADER + b"1,0.5,,2,",
        b"\n\n" + HEADER + b"\n1,0.5,,2,\n\n",
        HEADER + b"   \n1,0.5,,2,\n",
        HEADER + b",,,,\n1,0.5,,2,\n , , , ,\n",
        b"Step , train accuracy, val accuracy,train cross entropy ,val cross entropy\n 1 , 0.5 , , 2 ,\n",
        b'"step","train accuracy","val accuracy","train cross entropy","val cross entropy"\n"1","0.5","","2",""\n',
        HEADER + b"1.0,0.50,,2.0,\n",
        b"1,0.5,,2,\n",
        b"1,0.5,,2,",
    ],
)
def test_the_ways_of_other_tools_are_understood(data):
    """Byte order mark, CRLF, CR, no last line end, blank lines and rows, blanks, quotes, steps as floats, no header."""
    assert run_log_csv(read_run_log(data, "x")) == HEADER + b"1,0.5,,2.0,\n"


def test_other_metrics_have_their_own_names():
    """A header with other columns is taken as it is, and written again so."""
    data = b'step,train ppl,"val, ppl"\n1,2.5,\n2,,3.5\n'
    log = read_run_log(data, "x")
    assert list(log.columns) == ["train ppl", "val, ppl"]
    assert run_log_csv(log) == data


def test_steps_in_any_order_are_sorted_and_joined():
    """Rows are put in order; of a step that comes twice, a column keeps its last cell that is not empty."""
    log = read_run_log(b"step,a,b\n3,1,\n1,2,5\n3,,7\n1,3,\n", "x")
    assert run_log_csv(log) == b"step,a,b\n1,3.0,5.0\n3,1.0,7.0\n"


@pytest.mark.parametrize(
    "torn", [b"15,0.8", b"15", b"1", b"15,0.88,0.79,0.5", b"15,0.88,0.79,0.5,-", b"15,0.88,0.79,0.5,1e"]
)
def test_a_line_that_is_being_written_is_left_out_and_said(torn):
    """An unterminated last line that cannot be read is not there yet; that is noted, not an error."""
    notes: list[str] = []
    log = read_run_log(OLD + torn, "x", notes=notes)
    assert log.step.tolist() == [5, 10]
    assert len(notes) == 1
    assert repr(torn.decode()) in notes[0]


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", HEADER, HEADER[:-1], HEADER[:20], HEADER[:3], b"5,0.6"])
def test_a_run_log_that_has_only_begun_is_empty(data):
    """No bytes, blank lines, a header alone or a first line that is being written: a run log without rows."""
    log = read_run_log(data, "x")
    assert run_log_csv(log) == HEADER


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (HEADER + b"1,0,5,0,5,0,5,0,5\n", "line 2: 9 columns instead of 5"),
        (OLD + b"15,0,65,0,76,1,18\n", "line 3: 7 columns instead of 5"),
        (OLD + b"15,0.8\n", "line 3: 2 columns instead of 5"),
        (HEADER + b"\n\n5,a,0,0,0\n", "line 4: no number in the column train accuracy: 'a'"),
        (HEADER + b"5,0,0,0,0x10\n", "line 2: no number in the column val cross entropy: '0x10'"),
        (HEADER + b"5,0,0,0,1_0\n", "line 2: no number in the column val cross entropy: '1_0'"),
        (HEADER + b"5,0,0,None,0\n", "line 2: no number in the column train cross entropy: 'None'"),
        (HEADER + b"5.5,0,0,0,0\n", "line 2: the step is no whole number"),
        (HEADER + b",0,0,0,0\n", "line 2: the step is no whole number"),
        (HEADER + b"9223372036854775808,0,0,0,0\n", "line 2: the step is no whole number that fits into 64 bits"),
        (HEADER + b"1e300,0,0,0,0\n", "line 2: the step is no whole number that fits into 64 bits"),
        (HEADER + b"nan,0,0,0,0\n", "line 2: the step is no whole number that fits into 64 bits"),
        (HEADER + b"1,\xff,0,0,0\n", "line 2: no text in UTF-8"),
        (HEADER + b'1,"0,0,0,0\n2,0,0,0,0\n', "line 2: no text in UTF-8, or a quote that does not end"),
        (HEADER + b"1,\0,0,0,0\n", "line 2: no "),  # "number" or, before Python 3.11 could read a NUL, "text"
        (b"1;0,5;0,5;0,5;0,5\n", "line 1: no run log"),
        (b"hello\n", "line 1: no run log"),
        (b"epoch,loss\n1,2\n", "line 1: no run log"),
        (b"PK\x03\x04\x14\x00", "line 1: no "),
        (b"\x00" * 1000, "line 1: no "),
        ("step,loss\n1,2\n".encode("utf-16"), "line 1: no text in UTF-8"),
        (b"step\n1\n", "line 1: the names of the columns must differ"),
        (b"step,a,a\n", "line 1: the names of the columns must differ"),
        (b"step,a,step\n", "line 1: the names of the columns must differ"),
        (b"step,a,,b\n", "line 1: the names of the columns must differ"),
        (b"step" + b"," * 5000 + b"\n", "line 1: more than 1000 columns"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_no_run_log_is_refused_in_one_line(data, where):
    """One clear error: the file, the line, what is wrong."""
    with pytest.raises(FormatError) as caught:
        read_run_log(data, "logs/x.csv")
    assert str(caught.value).startswith(f"logs/x.csv: {where}")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


PIECES = st.sampled_from(
    [
        b"1",
        b"0.5",
        b",",
        b",",
        b",",
        b",",
        b"\n",
        b"\r\n",
        b" ",
        b"step",
        b"a",
        b'"',
        b"nan",
        b"-",
        b"\xff",
        b"e5",
        b"\0",
    ]
)


@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(PIECES, max_size=40).map(b"".join),
        st.lists(PIECES).map(lambda p: HEADER + b"".join(p)),
    )
)
def test_no_bytes_get_anything_but_a_run_log_or_a_format_error(data):
    """Whatever is read: a run log that is written and read back as the same bytes, or one line that refuses it."""
    try:
        log = read_run_log(data, "x")
    except FormatError as error:
        refusal = str(error)
        assert "\n" not in refusal
        return
    written = run_log_csv(log)
    assert run_log_csv(read_run_log(written, "x")) == written


def test_many_blank_lines_are_quick():
    """Finding the first line is linear in the bytes above it."""
    begin = time.process_time()
    read_run_log(b"\n" * 2_000_000 + HEADER + b"1,2,3,4,5\n", "x")
    assert time.process_time() - begin < 2.0


ROWS = st.dictionaries(st.integers(-20, 20) | st.sampled_from([-(1 << 63), (1 << 63) - 1]), st.tuples(CELLS, CELLS))


def table_of(rows: dict[int, tuple[float | None, float | None]]) -> RunLog:
    log = RunLog("x", np.array(sorted(rows), np.int64), {}, {})
    for place, name in enumerate(("a", "b")):
        cells = [rows[step][place] for step in log.step.tolist()]
        log.columns[name] = np.array([0 if cell is None else cell for cell in cells], np.float32)
        log.logged[name] = np.array([cell is not None for cell in cells], bool)
    return log


@given(st.lists(st.tuples(st.integers(-20, 20), ROWS), max_size=10), st.booleans(), st.integers(1, 9))
def test_text_with_new_rows_is_the_text_of_the_whole(changes, header, near):
    """Replaced from any step on, the bytes are those of the whole table."""
    text, rows = run_log_csv(table_of({}), header=header), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tbbridge.write.run_log_csv._NEAR", near)
        for first, some in changes:
            news = {step: row for step, row in some.items() if step >= first}
            rows = {step: row for step, row in rows.items() if step < first} | news
            text = with_new_rows(text, first, table_of(news))
            assert text == run_log_csv(table_of(rows), header=header)

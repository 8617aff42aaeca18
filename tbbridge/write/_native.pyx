# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The fast twin of `tbbridge.write._plain`; `_native.pyi` documents both.

Numbers are written without the GIL, into memory that has room for the longest text of each (_shortest.h).
"""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

import numpy as np

from tbbridge.write.number_text import ParsedColumn, ParsedRows

__all__ = ["parse_rows", "rows_text", "scalar_records"]

cdef extern from "_shortest.h":
    enum:
        LONGEST_NUMBER
        SLACK
        POWERS_FIRST
        POWERS_COUNT
    void shortest_set_power(int index, uint64_t high, uint64_t low) noexcept nogil
    void shortest_build_pairs() noexcept nogil
    char* put_int(char* out, int64_t number) noexcept nogil
    char* put_double(char* out, double value) noexcept nogil
    char* put_single(char* out, float value) noexcept nogil
    int parse_int(const uint8_t* text, Py_ssize_t size, int64_t* number) noexcept nogil
    int parse_double(const uint8_t* text, Py_ssize_t size, double* number) noexcept nogil
    int is_single(double number) noexcept nogil

cdef extern from "_crc.h":
    void crc_build_tables() noexcept nogil
    int crc_use(int portable) noexcept nogil
    uint32_t crc_update(uint32_t state, const uint8_t* data, size_t size) noexcept nogil
    uint32_t crc_masked(uint32_t crc) noexcept nogil

cdef enum:
    MOST_WORD = 16
    AROUND_VALUE = 64           # bytes of a record around its value's head, at most

cdef struct Text:
    const char* start
    Py_ssize_t size

cdef struct Column:
    char kind                   # the buffer's format: f, d, q or l, ?
    const char* values
    Py_ssize_t stride           # bytes between values, and between truth values
    const uint8_t* logged       # NULL: every cell is there
    Py_ssize_t logged_stride
    Text lead


def _build_tables():
    """Ten to the powers that a double can need, rounded up to 128 bits."""
    mask = (1 << 64) - 1
    for place in range(POWERS_COUNT):
        power = POWERS_FIRST + place
        if power >= 0:
            number = 10**power
            shift = number.bit_length() - 128
            rounded = number << -shift if shift <= 0 else -(-number >> shift)
        else:
            divisor = 10**-power
            shift = 127 + divisor.bit_length()
            rounded = -(-(1 << shift) // divisor)
            if rounded.bit_length() > 128:
                rounded = -(-(1 << (shift - 1)) // divisor)
        shortest_set_power(place, rounded >> 64, rounded & mask)
    shortest_build_pairs()


_build_tables()
crc_build_tables()
crc_use(0)


cdef inline char* put(char* out, Text text) noexcept nogil:
    memcpy(out, text.start, text.size)
    return out + text.size


cdef inline Text text_of(bytes text):
    cdef Text found
    found.start = PyBytes_AsString(text)
    found.size = len(text)
    return found


cdef inline char* put_special(char* out, double value, Text* words) noexcept nogil:
    if value != value:
        return put(out, words[1])
    return put(out, words[2] if value > 0 else words[3])


cdef Py_ssize_t write_rows(char* out, Column* columns, int count, Py_ssize_t rows, Text end, Text* words) noexcept nogil:
    cdef char* start = out
    cdef Column* column
    cdef const char* value
    cdef Py_ssize_t row
    cdef int place
    cdef double wide
    cdef float single
    for row in range(rows):
        for place in range(count):
            column = columns + place
            out = put(out, column.lead)
            value = column.values + row * column.stride
            if column.logged != NULL and not column.logged[row * column.logged_stride]:
                out = put(out, words[0])
            elif column.kind == c"f":
                single = (<const float*> value)[0]
                if single == <float> 1e-4 or single == -<float> 1e-4:
                    if single < 0:
                        out[0] = c"-"
                        out += 1
                    out = put(out, words[6])
                else:
                    out = put_single(out, single) if single - single == 0 else put_special(out, single, words)
            elif column.kind == c"d":
                wide = (<const double*> value)[0]
                out = put_double(out, wide) if wide - wide == 0 else put_special(out, wide, words)
            elif column.kind == c"?":
                out = put(out, words[4] if value[0] else words[5])
            else:
                out = put_int(out, (<const int64_t*> value)[0])
        out = put(out, end)
    return out - start


def rows_text(leads, columns, logged, end, words):
    cdef int count = len(columns), held = 0, place
    cdef Py_ssize_t rows = len(columns[0]) if count else 0, size
    cdef Column* table = <Column*> calloc(count + 1, sizeof(Column))
    cdef Py_buffer* buffers = <Py_buffer*> calloc(2 * count + 1, sizeof(Py_buffer))
    cdef Text texts[7]
    cdef Text last = text_of(end)
    cdef char* out = NULL
    cdef Py_ssize_t longest = len(end)
    try:
        if table == NULL or buffers == NULL or len(leads) != count or len(logged) != count or len(words) != 7:
            raise ValueError("a lead and a mask for each column, and seven words")
        for place in range(7):
            if len(words[place]) > MOST_WORD:
                raise ValueError("a word is too long")
            texts[place] = text_of(words[place])
        for place in range(count):
            table[place].lead = text_of(leads[place])
            longest += len(leads[place]) + LONGEST_NUMBER
            PyObject_GetBuffer(columns[place], &buffers[held], PyBUF_FORMAT | PyBUF_STRIDES)
            held += 1
            table[place].kind = buffers[held - 1].format[0]
            table[place].values = <const char*> buffers[held - 1].buf
            table[place].stride = buffers[held - 1].strides[0]
            size = 4 if table[place].kind == c"f" else 1 if table[place].kind == c"?" else 8
            if table[place].kind not in b"fdlq?" or buffers[held - 1].ndim != 1 or buffers[held - 1].itemsize != size or buffers[held - 1].len != rows * size:
                raise ValueError("columns are float32, float64, int64 or bool, of one length")
            if logged[place] is not None:
                PyObject_GetBuffer(logged[place], &buffers[held], PyBUF_FORMAT | PyBUF_STRIDES)
                held += 1
                if buffers[held - 1].ndim != 1 or buffers[held - 1].itemsize != 1 or buffers[held - 1].len != rows:
                    raise ValueError("a mask is bool, of the columns' length")
                table[place].logged = <const uint8_t*> buffers[held - 1].buf
                table[place].logged_stride = buffers[held - 1].strides[0]
        with nogil:
            out = <char*> malloc(rows * longest + SLACK)
            if out != NULL:
                size = write_rows(out, table, count, rows, last, texts)
        if out == NULL:
            raise MemoryError
        return PyBytes_FromStringAndSize(out, size)
    finally:
        for place in range(held):
            PyBuffer_Release(&buffers[place])
        free(buffers)
        free(table)
        free(out)


cdef bint IS_PLAIN[256]
for place in range(256):
    IS_PLAIN[place] = place in b"0123456789+-.eEnaifNIAFtyTY"


cdef object plain_cell(bytes body, Py_ssize_t start, Py_ssize_t stop):
    """A cell for Python to read; None where it holds other bytes than numbers have."""
    cell = body[start:stop]
    for byte in cell:
        if not IS_PLAIN[byte]:
            return None
    return cell


cdef int read_step(bytes body, const uint8_t* text, Py_ssize_t start, Py_ssize_t stop, int64_t* step) except -1:
    """Whether a step was read."""
    if parse_int(text + start, stop - start, step):
        return 1
    cell = plain_cell(body, start, stop)
    if cell is None:
        return 0
    try:
        step[0] = int(cell)
    except (ValueError, OverflowError):
        return 0
    return 1


cdef int read_value(bytes body, const uint8_t* text, Py_ssize_t start, Py_ssize_t stop, double* value) except -1:
    """Whether a value was read."""
    if parse_double(text + start, stop - start, value):
        return 1
    cell = plain_cell(body, start, stop)
    if cell is None:
        return 0
    try:
        value[0] = float(cell)
    except ValueError:
        return 0
    return 1


cdef bint all_single(const double[::1] values):
    cdef Py_ssize_t row
    for row in range(values.shape[0]):
        if not is_single(values[row]):
            return False
    return True


def parse_rows(bytes body, Py_ssize_t width):
    cdef const uint8_t* text = <const uint8_t*> PyBytes_AsString(body)
    cdef Py_ssize_t size = len(body), at = 0, start = 0, row = 0, place = 0
    cdef Py_ssize_t room = size // width + 1    # a row has at least as many bytes as cells
    cdef int64_t[::1] steps = np.empty(room, np.int64)
    cdef double[:, ::1] values = np.zeros((width - 1, room))
    cdef uint8_t[:, ::1] logged = np.zeros((width - 1, room), np.uint8)
    cdef bint last
    while at <= size:
        last = at == size or text[at] == c"\n" or text[at] == c"\r"
        if not last and text[at] != c",":
            at += 1
            continue
        if last and place == 0 and at == start:    # an empty line, or the end
            at += 1
            start = at
            continue
        if place == 0:
            if not read_step(body, text, start, at, &steps[row]):
                return None
        elif place >= width:
            return None
        elif at > start:
            logged[place - 1, row] = 1
            if not read_value(body, text, start, at, &values[place - 1, row]):
                return None
        place += 1
        at += 1
        start = at
        if last:
            if place != width:
                return None
            place = 0
            row += 1
    columns = []
    for place in range(width - 1):
        column = np.asarray(values[place])[:row]
        columns.append(ParsedColumn(column, np.asarray(logged[place])[:row].view(bool), all_single(column)))
    return ParsedRows(np.asarray(steps)[:row], columns)


cdef inline uint8_t* put_little(uint8_t* out, uint64_t number, int size) noexcept nogil:
    cdef int place
    for place in range(size):
        out[place] = <uint8_t> (number >> 8 * place)
    return out + size


cdef inline uint8_t* put_varint(uint8_t* out, uint64_t number) noexcept nogil:
    while number > 127:
        out[0] = <uint8_t> (number & 127 | 128)
        number >>= 7
        out += 1
    out[0] = <uint8_t> number
    return out + 1


cdef inline int varint_size(uint64_t number) noexcept nogil:
    cdef int size = 1
    while number > 127:
        number >>= 7
        size += 1
    return size


cdef uint8_t* put_record(uint8_t* out, int64_t step, double wall_time, Text head, const void* value, int size) noexcept nogil:
    cdef uint8_t* payload = out + 12
    cdef uint8_t* at = payload
    cdef uint64_t bits, inner = head.size + size
    cdef uint32_t narrow
    memcpy(&bits, &wall_time, 8)
    at[0] = 0x09
    at = put_little(at + 1, bits, 8)
    if step:
        at[0] = 0x10
        at = put_varint(at + 1, <uint64_t> step)
    at[0] = 0x2A
    at = put_varint(at + 1, 1 + varint_size(inner) + inner)
    at[0] = 0x0A
    at = put_varint(at + 1, inner)
    memcpy(at, head.start, head.size)
    at += head.size
    if size == 4:
        memcpy(&narrow, value, 4)
        bits = narrow
    else:
        memcpy(&bits, value, 8)
    at = put_little(at, bits, size)
    put_little(out, at - payload, 8)
    put_little(out + 8, crc_masked(~crc_update(0xFFFFFFFF, out, 8)), 4)
    return put_little(at, crc_masked(~crc_update(0xFFFFFFFF, payload, at - payload)), 4)


def scalar_records(const int64_t[::1] steps, const double[::1] wall_times, heads, values, logged):
    cdef Py_ssize_t rows = steps.shape[0], row, longest = 0
    cdef int count = len(heads), place
    cdef const uint8_t[::1] mask
    cdef Text texts[16]
    cdef const char* numbers[16]
    cdef const uint8_t* there[16]
    cdef int sizes[16]
    cdef const uint8_t[::1] view
    cdef uint8_t* out
    cdef uint8_t* at
    if count > 16 or len(values) != count or len(logged) != count or wall_times.shape[0] != rows:
        raise ValueError("at most 16 series, each with a head, values and a mask")
    kept = []
    for place in range(count):
        texts[place] = text_of(heads[place])
        longest += len(heads[place]) + AROUND_VALUE
        sizes[place] = values[place].dtype.itemsize
        if values[place].dtype.char not in "fd" or len(values[place]) != rows or len(logged[place]) != rows:
            raise ValueError("values are float32 or float64, of one length")
        if rows:
            view = values[place].view(np.uint8)
            mask = logged[place].view(np.uint8)
            kept.append((view, mask))
            numbers[place] = <const char*> &view[0]
            there[place] = &mask[0]
    out = <uint8_t*> malloc(rows * longest + 1)
    if out == NULL:
        raise MemoryError
    at = out
    with nogil:
        for row in range(rows):
            for place in range(count):
                if there[place][row]:
                    at = put_record(
                        at, steps[row], wall_times[row], texts[place], numbers[place] + row * sizes[place], sizes[place]
                    )
    try:
        return PyBytes_FromStringAndSize(<char*> out, at - out)
    finally:
        free(out)

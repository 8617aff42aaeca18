# Records that are copied as they are. Which fields hold text is told in utf8_repair.py, which is the same in plain words.

cdef enum:
    IN_EVENT, IN_SUMMARY, IN_VALUE, IN_METADATA, IN_PLUGIN, IN_TENSOR, IN_SHAPE, IN_DIMENSION, TEXT, OTHER


cdef inline int inside(int kind, uint32_t number) noexcept nogil:
    """What a field of bytes is in a message of this kind."""
    if kind == IN_EVENT:
        return TEXT if number == FILE_VERSION else IN_SUMMARY if number == SUMMARY else OTHER
    if kind == IN_SUMMARY:
        return IN_VALUE if number == 1 else OTHER
    if kind == IN_VALUE:
        return TEXT if number == 1 or number == 7 else IN_METADATA if number == 9 else IN_TENSOR if number == TENSOR else OTHER
    if kind == IN_METADATA:
        return IN_PLUGIN if number == 1 else TEXT if number == 2 or number == 3 else OTHER
    if kind == IN_PLUGIN:
        return TEXT if number == 1 else OTHER
    if number != 2:
        return OTHER
    return TEXT if kind == IN_DIMENSION else kind + 1


cdef bint is_utf8(bytes_t at, bytes_t end) noexcept nogil:
    """Whether Python would decode it: the shortest form of each code point, and no surrogates."""
    cdef uint32_t code, least
    cdef int more
    while at < end:
        code = at[0]
        at += 1
        if code < 0x80:
            continue
        if 0xC0 <= code < 0xE0:
            code, least, more = code & 31, 0x80, 1
        elif 0xE0 <= code < 0xF0:
            code, least, more = code & 15, 0x800, 2
        elif 0xF0 <= code < 0xF8:
            code, least, more = code & 7, 0x10000, 3
        else:
            return False
        if end - at < more:
            return False
        while more:
            if at[0] & 0xC0 != 0x80:
                return False
            code = code << 6 | (at[0] & 63)
            at += 1
            more -= 1
        if code < least or code > 0x10FFFF or 0xD800 <= code < 0xE000:
            return False
    return True


cdef bint is_sound(bytes_t at, bytes_t end, int kind, int depth) noexcept nogil:
    """Whether a message can be parsed and all its texts are UTF-8."""
    cdef Field field
    cdef int more, what
    while True:
        more = next_field(&at, end, depth, &field)
        if more <= 0:
            return more == 0
        if field.wire != BYTES:
            continue
        what = inside(kind, field.number)
        if what == TEXT:
            if not is_utf8(field.start, field.stop):
                return False
        elif what != OTHER and not is_sound(field.start, field.stop, what, depth + 1):
            return False


def sound(const uint8_t[::1] data not None):
    cdef Py_ssize_t size = data.shape[0]
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count = 0
    cdef uint64_t length = 0
    cdef bytes_t start = &data[0] if size else NULL
    with nogil:
        while at < size and crc_record(start + at, <size_t>(size - at), <uint64_t>-1, &length) == RECORD_WHOLE:
            if not is_sound(start + at + 12, start + at + 12 + <Py_ssize_t>length, IN_EVENT, 0):
                break
            at += 16 + <Py_ssize_t>length
            count += 1
    return count, at

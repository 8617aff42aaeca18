# Whether a large record can be jumped over, where the bytes at hand tell: Walk of skip_large.py, which is the same in plain words.

cdef enum:
    EVENT = 0
    A_SUMMARY = 1
    A_VALUE = 2
    A_TENSOR = 3
    MAX_FIELDS = 1024
    LARGEST_ELEMENT = 16

cdef enum:
    UNEXPLAINED = 0
    SKIPPED = 1
    HEAVY = 2
    INNER = 3


cdef int explanation(int kind, uint64_t number, uint32_t wire) noexcept nogil:
    """The kinds of the fields of one message."""
    if kind == EVENT:
        if number == SUMMARY and wire == BYTES:
            return INNER
        if wire == BYTES and (number == 3 or number == 4 or number == 6 or number == 8 or number == 9):
            return HEAVY
        if (number == 1 and wire == FIXED64) or (number == 2 and wire == VARINT) or (number == 10 and wire == BYTES):
            return SKIPPED
    elif kind == A_SUMMARY:
        if number == 1 and wire == BYTES:
            return INNER
    elif kind == A_VALUE:
        if wire == BYTES:
            if number == TENSOR:
                return INNER
            if 3 <= number <= 6:
                return HEAVY
            if number == 1 or number == 7 or number == 9:
                return SKIPPED
    elif (number == 1 or number == 3) and wire == VARINT:
        return SKIPPED
    elif wire == BYTES:
        if number == 2:
            return SKIPPED
        if 4 <= number <= 13 or number == 16 or number == 17:
            return HEAVY
    return UNEXPLAINED


cdef bint can_jump(bytes_t data, uint64_t size, uint64_t payload, uint64_t payload_end) noexcept nogil:
    """True when the record with this payload can be jumped over; False where it must be held, or more bytes must be seen."""
    cdef uint64_t ends[4]
    cdef int kinds[4]
    cdef int members[4]
    cdef int top = 0
    cdef int walked = 0
    cdef int what
    cdef uint64_t at = payload
    cdef uint64_t key, length, window_end
    cdef bytes_t p
    ends[0] = payload_end
    kinds[0] = EVENT
    members[0] = 0
    while True:
        while at == ends[top]:
            if kinds[top] >= A_VALUE and members[top] != 1:
                return False
            if top == 0:
                return True
            top -= 1
        window_end = ends[top] if ends[top] - at < 15 else at + 15
        if window_end > size:
            return False
        walked += 1
        p = data + at
        if walked > MAX_FIELDS or read_varint(&p, data + window_end, 5, &key) < 0:
            return False
        length = 0
        if key & 7 == BYTES:
            if read_varint(&p, data + window_end, 5, &length) < 0:
                return False
        elif key & 7 == VARINT:
            if read_varint(&p, data + window_end, 10, &length) < 0:
                return False
            length = 0
        elif key & 7 == FIXED64:
            p += 8
        at = <uint64_t>(p - data)
        if at > ends[top] or length > ends[top] - at:
            return False
        what = explanation(kinds[top], key >> 3, key & 7)
        if what == UNEXPLAINED:
            return False
        if what == INNER:
            members[top] += 1
            if members[top] > 1 and kinds[top] != A_SUMMARY:
                return False
            top += 1
            kinds[top] = kinds[top - 1] + 1
            members[top] = 0
            ends[top] = at + length
            continue
        at += length
        if what == HEAVY:
            members[top] += 1
            if members[top] > 1:
                return False
            if kinds[top] == A_TENSOR and (key >> 3) != 8 and length <= LARGEST_ELEMENT:
                return False

# The checksum over arrays, and the parts of it that a search for the next whole record needs.


def headers(const uint8_t[::1] data not None, Py_ssize_t first, int64_t limit):
    import numpy as np

    cdef size_t at = <size_t>max(first, 0)
    cdef size_t found
    cdef int64_t[::1] offsets = np.empty(4096, np.int64)
    cdef int64_t[::1] lengths = np.empty(4096, np.int64)
    pieces = []
    while at + 12 <= <size_t>data.shape[0]:
        with nogil:
            found = crc_headers(&data[0], <size_t>data.shape[0], &at, <uint64_t>limit, &offsets[0], &lengths[0], 4096)
        pieces.append((np.array(offsets[:found]), np.array(lengths[:found])))
    if not pieces:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return tuple(map(np.concatenate, zip(*pieces)))


def prefix_states(const uint8_t[::1] data not None, const int64_t[::1] offsets not None, uint32_t state):
    import numpy as np

    states = np.empty(offsets.shape[0], np.uint32)
    cdef uint32_t[::1] out = states
    cdef int64_t before = 0
    cdef Py_ssize_t i
    cdef bint outside = False
    with nogil:
        for i in range(offsets.shape[0]):
            if not before <= offsets[i] <= data.shape[0]:
                outside = True
                break
            if offsets[i] > before:
                state = crc_update(state, &data[before], <size_t>(offsets[i] - before))
            before = offsets[i]
            out[i] = state
    if outside:
        raise ValueError("offsets must ascend inside data")
    return states


def shift(const uint32_t[::1] states not None, const int64_t[::1] lengths not None):
    import numpy as np

    if states.shape[0] != lengths.shape[0]:
        raise ValueError("states and lengths differ in number")
    shifted = np.empty(states.shape[0], np.uint32)
    cdef uint32_t[::1] out = shifted
    cdef Py_ssize_t i
    with nogil:
        for i in range(states.shape[0]):
            out[i] = crc_shift(states[i], <uint64_t>lengths[i])
    return shifted


def crc32c(const uint8_t[::1] data not None, uint32_t crc=0):
    cdef uint32_t state = ~crc
    if data.shape[0]:
        with nogil:
            state = crc_update(state, &data[0], <size_t>data.shape[0])
    return <uint32_t>~state


def masked_crc32c(const uint8_t[::1] data not None):
    return crc_masked(crc32c(data))


def use_portable_crc(bint portable):
    global HARDWARE
    HARDWARE = crc_use(portable) != 0


def crc_kind():
    return "hardware" if HARDWARE else "portable"

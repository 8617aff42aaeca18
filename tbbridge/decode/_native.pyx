# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
# cython: freethreading_compatible=True
"""The fast twin of `tbbridge.decode._plain`; `_native.pyi` documents both.

Everything that walks bytes runs without the GIL, on pointers, each read checked against the end of the buffer (_wire.pxi).
"""

from libc.math cimport INFINITY, NAN, ldexp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy, memset

from tbbridge.decode import scan_result
from tbbridge.decode.scan_result import FilesScan, Scan

__all__ = ["can_jump_over", "crc32c", "crc_kind", "headers", "masked_crc32c", "prefix_states", "scan", "scan_files", "shift", "sound", "use_portable_crc"]

cdef extern from "_crc.h":
    enum:
        RECORD_WHOLE
        RECORD_LARGE
        RECORD_CUT
    void crc_build_tables() noexcept nogil
    int crc_use(int portable) noexcept nogil
    uint32_t crc_update(uint32_t state, const uint8_t* data, size_t size) noexcept nogil
    uint32_t crc_shift(uint32_t state, uint64_t length) noexcept nogil
    uint32_t crc_masked(uint32_t crc) noexcept nogil
    uint32_t crc_load32(const uint8_t* data) noexcept nogil
    uint64_t crc_load64(const uint8_t* data) noexcept nogil
    int crc_record(const uint8_t* data, size_t size, uint64_t small, uint64_t* length) noexcept nogil
    size_t crc_headers(const uint8_t* data, size_t size, size_t* first, uint64_t limit,
                       int64_t* offsets, int64_t* lengths, size_t room) noexcept nogil

cdef enum:
    END = 0
    BAD_LENGTH = 1
    LARGE = 3
    UNPARSABLE = 4
    TOO_MANY = 5
    FULL = 6
    SMALL = 32768
    MAX_VALUES = 1048576
    MIN_VALUE_BYTES = 7
    NO_VALUE = 0
    STRING = 1
    NOT_NUMERIC = 2
    NOT_ONE = 3
    CONTENT_LENGTH = 4
    VALUE_COUNT = 5
    OTHER_DTYPE = 6
    INEXACT = 7
    OTHER_PLUGIN = 8
    REASONS = 9
    SIMPLE_VALUE = 2
    TENSOR = 8
    FILE_VERSION = 3
    SUMMARY = 5
    SESSION_LOG = 7
    START = 1
    NO_MEMORY = -2

assert (SMALL, MAX_VALUES, REASONS) == (scan_result.SMALL, scan_result.MAX_VALUES, len(scan_result.REASONS))

include "_wire.pxi"
include "_number.pxi"
include "_walk.pxi"

cdef uint64_t SEED = <uint64_t>hash(b"tbbridge") | 1    # randomised for each process, against crafted collisions
cdef uint64_t SPREAD = SEED ^ <uint64_t>0x9E3779B97F4A7C15U
cdef uint64_t LARGEST_JUMP = scan_result.LARGEST_JUMP - 16
cdef bint HARDWARE = False

crc_build_tables()

cdef struct Tag:
    bytes_t name
    Py_ssize_t size
    uint64_t hash
    int32_t id                  # its place among the tags of rows, -1 while it has no row
    int32_t next                # the tag that came after it last time
    bint foreign
    bint wide
    int32_t file                # the file that the three above are about
    bytes_t like                # a Value of it that holds one float32 and names no other plugin, NULL where there is none
    Py_ssize_t like_size
    Py_ssize_t hole             # where in it the float32 is

cdef struct Mark:
    int64_t rows
    int64_t step
    bint first
    double wall_time

cdef struct Session:
    double wall_time
    bytes_t content
    Py_ssize_t size

cdef struct Work:
    # where rows go
    int32_t* tag
    int64_t* step
    double* wall_time
    double* value
    int64_t room
    int64_t rows
    # the tags met, and a hash table of their places + 1
    Tag* tags
    int32_t tags_used, tags_room
    int32_t* slots
    uint32_t slots_mask
    int32_t* order              # the places of the tags that have rows, by id
    int32_t ids
    int32_t last                # the tag of the row before
    int32_t file                # the number of the file at hand
    Value value_read            # the value at hand
    # the other results of a scan
    Mark* starts
    int32_t starts_used, starts_room
    int32_t hparams             # tags of the hparams plugin
    Session* sessions           # what that plugin's records hold
    int32_t sessions_used, sessions_room
    int64_t passed[REASONS]
    int64_t records
    int64_t jumped              # where the last record starts, if it was jumped over, else -1
    bint fresh
    double first_wall_time


include "_tags.pxi"


cdef int add_session(Work* w, double wall_time, Value* value) noexcept nogil:
    cdef Session* grown
    if w.sessions_used == w.sessions_room:
        grown = <Session*>realloc(w.sessions, (2 * w.sessions_room + 16) * sizeof(Session))
        if grown == NULL:
            return NO_MEMORY
        w.sessions = grown
        w.sessions_room = 2 * w.sessions_room + 16
    w.sessions[w.sessions_used].wall_time = wall_time
    w.sessions[w.sessions_used].content = value.content
    w.sessions[w.sessions_used].size = value.content_size
    w.sessions_used += 1
    return 0


cdef inline void add_row(Work* w, Tag* tag, Event* event, double number) noexcept nogil:
    w.tag[w.rows] = tag.id
    w.step[w.rows] = event.step
    w.wall_time[w.rows] = event.wall_time
    w.value[w.rows] = number
    w.rows += 1


cdef inline bint equal(bytes_t one, bytes_t other, Py_ssize_t size) noexcept nogil:
    """`memcmp` of a few bytes, without a call."""
    cdef Py_ssize_t at = 0
    while at + 8 <= size:
        if crc_load64(one + at) != crc_load64(other + at):
            return False
        at += 8
    while at < size:
        if one[at] != other[at]:
            return False
        at += 1
    return True


cdef inline bint add_alike(Work* w, bytes_t at, Py_ssize_t size, Event* event) noexcept nogil:
    """Append the row of a Value that is the last one of the tag that is guessed but for its float32; False where it is not."""
    cdef Tag* tag
    cdef int32_t place = w.tags[w.last].next if w.last >= 0 else -1
    cdef uint32_t bits
    cdef float number
    if place < 0:
        return False
    tag = &w.tags[place]
    if (tag.like == NULL or tag.like_size != size or tag.file != w.file or tag.id < 0 or tag.foreign
            or not equal(at, tag.like, tag.hole)
            or not equal(at + tag.hole + 4, tag.like + tag.hole + 4, size - tag.hole - 4)):
        return False
    bits = crc_load32(at + tag.hole)
    memcpy(&number, &bits, 4)
    add_row(w, tag, event, number)
    w.last = place
    return True


cdef inline int add_value(Work* w, Event* event, Value* value, bytes_t start, bytes_t stop) noexcept nogil:
    """Append the value's row, or count why there is none; the Value is the bytes from `start` to `stop`."""
    cdef int place
    cdef int why = 0
    cdef double number = value.simple
    cdef bint wide = False
    cdef bint foreign
    cdef Tag* tag
    place = tag_place(w, value.tag, value.tag_size)
    if place < 0:
        return NO_MEMORY
    tag = &w.tags[place]
    if tag.file != w.file:
        tag.file, tag.id, tag.foreign, tag.wide = w.file, -1, False, False
    if value.plugin_size:
        foreign = not (value.plugin_size == 7 and memcmp(value.plugin, b"scalars", 7) == 0)
        if value.tag_size >= 10 and memcmp(value.tag, b"_hparams_/", 10) == 0:
            w.hparams += foreign - tag.foreign
            if (value.plugin_size == 7 and memcmp(value.plugin, b"hparams", 7) == 0
                    and add_session(w, event.wall_time, value) < 0):
                return NO_MEMORY
        tag.foreign = foreign
    if value.kind != SIMPLE_VALUE:
        if value.kind == TENSOR:
            why = tensor_number(&value.tensor, &number, &wide)
        elif value.kind == 0:
            why = -1 - NO_VALUE
        else:
            return 0
        if tag.foreign:
            w.passed[OTHER_PLUGIN] += why == 0
            return 0
        if why < 0:
            w.passed[-1 - why] += 1
            return 0
    if tag.id < 0:
        tag.id = w.ids
        w.order[w.ids] = place
        w.ids += 1
    tag.wide = tag.wide or wide
    add_row(w, tag, event, number)
    tag.like = NULL
    if not tag.foreign and (value.kind == SIMPLE_VALUE or is_one_float(&value.tensor)):
        tag.like, tag.like_size = start, stop - start
        tag.hole = (value.simple_at if value.kind == SIMPLE_VALUE else value.tensor.content) - start
    return 0


cdef int add_summary(Work* w, bytes_t at, bytes_t end, Event* event, bint counts) noexcept nogil:
    cdef Field field
    cdef Value* value = &w.value_read
    cdef int more
    while True:
        more = next_field(&at, end, 1, &field)
        if more <= 0:
            return more
        if field.number == 1 and field.wire == BYTES:
            event.seen += 1
            if event.seen > MAX_VALUES:
                return TOO_MANY
            if counts and add_alike(w, field.start, field.stop - field.start, event):
                continue
            if read_value(field.start, field.stop, value) < 0:
                return -1
            if counts and add_value(w, event, value, field.start, field.stop) < 0:
                return NO_MEMORY


cdef int read_log(bytes_t at, bytes_t end, Event* event) noexcept nogil:
    cdef Field field
    cdef int more
    while True:
        more = next_field(&at, end, 1, &field)
        if more <= 0:
            return more
        if field.number == 1 and field.wire == VARINT:
            event.status = <int32_t>field.number_value


cdef int add_contents(Work* w, bytes_t at, bytes_t end, Event* event) noexcept nogil:
    """The summaries and session logs of an event, of which only those from `since` on count."""
    cdef Field field
    cdef bint counts
    cdef int more, result
    while True:
        counts = at >= event.since
        more = next_field(&at, end, 0, &field)
        if more <= 0:
            return more
        result = 0
        if field.wire == BYTES and field.number == SUMMARY:
            result = add_summary(w, field.start, field.stop, event, counts)
        elif field.wire == BYTES and field.number == SESSION_LOG:
            if not counts:
                event.status = 0
            result = read_log(field.start, field.stop, event)
            if not counts:
                event.status = 0
        if result != 0:
            return result


cdef int add_start(Work* w, Event* event) noexcept nogil:
    cdef Mark* grown
    if w.starts_used == w.starts_room:
        grown = <Mark*>realloc(w.starts, (2 * w.starts_room + 16) * sizeof(Mark))
        if grown == NULL:
            return NO_MEMORY
        w.starts = grown
        w.starts_room = 2 * w.starts_room + 16
    w.starts[w.starts_used].rows = w.rows
    w.starts[w.starts_used].step = event.step
    w.starts[w.starts_used].first = w.fresh
    w.starts[w.starts_used].wall_time = event.wall_time
    w.starts_used += 1
    return 0


cdef inline int add_event(Work* w, bytes_t at, bytes_t end) noexcept nogil:
    """Take in an event: 0, TOO_MANY, -1 where it is none, NO_MEMORY. Only 0 leaves `w` as it should be."""
    cdef Event event
    cdef int result
    if read_event(at, end, &event) < 0:
        return -1
    if event.summaries or event.logs:
        result = add_contents(w, at, end, &event)
        if result != 0:
            return result
        if event.what == SESSION_LOG and event.status == START and add_start(w, &event) < 0:
            return NO_MEMORY
    if w.records == 0:
        w.first_wall_time = event.wall_time
    w.records += 1
    if w.fresh and at < end and event.what != FILE_VERSION:
        w.fresh = False
    return 0


cdef int run(Work* w, bytes_t data, Py_ssize_t size, bint held, bint jumps, Py_ssize_t* at, Py_ssize_t until,
             uint64_t* length) noexcept nogil:
    """Records from `at` on, up to `until`: why it stopped, or NO_MEMORY."""
    cdef int kind, result
    cdef int64_t most
    length[0] = 0
    while at[0] < until:
        kind = crc_record(data + at[0], <size_t>(size - at[0]), <uint64_t>-1 if held else SMALL, length)
        if kind == RECORD_CUT:
            return END
        if (kind == RECORD_LARGE and (jumps or w.records) and length[0] < LARGEST_JUMP
                and can_jump(data, <uint64_t>size, <uint64_t>at[0] + 12, <uint64_t>at[0] + 12 + length[0])):
            w.jumped = at[0]
            w.records += 1
            w.fresh = False
            at[0] += 16 + <Py_ssize_t>length[0]
            continue
        if kind != RECORD_WHOLE:
            return kind
        most = <int64_t>length[0] // MIN_VALUE_BYTES
        if w.room - w.rows < (most if most < MAX_VALUES else MAX_VALUES):
            return FULL
        result = add_event(w, data + at[0] + 12, data + at[0] + 12 + <Py_ssize_t>length[0])
        if result != 0:
            return UNPARSABLE if result == -1 else result
        w.jumped = -1
        at[0] += 16 + <Py_ssize_t>length[0]
        held = False
    return END


cdef int prepare(Work* w, bint fresh, list foreign) except -1:
    """Forget all results except the tags of other plugins."""
    cdef bytes name
    cdef int place
    w.rows = w.ids = w.tags_used = w.starts_used = w.sessions_used = 0
    w.records = 0
    w.last = -1
    w.value_read.known_size = -1
    w.jumped = -1
    w.fresh = fresh
    w.first_wall_time = NAN
    memset(w.passed, 0, sizeof(w.passed))
    if w.slots:
        memset(w.slots, 0, (w.slots_mask + 1) * sizeof(int32_t))
    for name in foreign:
        place = find_tag(w, <bytes_t><const char*>name, len(name))
        if place < 0:
            raise MemoryError
        w.tags[place].foreign = True
    return 0


def scan(const uint8_t[::1] data not None, Py_ssize_t start, bint held, bint jumps, bint fresh, foreign,
         int32_t[::1] tag not None, int64_t[::1] step not None, double[::1] wall_time not None,
         double[::1] value not None):
    cdef Work w
    cdef Py_ssize_t size = data.shape[0]
    cdef Py_ssize_t at = start
    cdef Py_ssize_t until = size
    cdef uint64_t length = 0
    cdef int stop = END
    cdef list names = list(foreign)
    cdef bytes_t bytes_at = &data[0] if size else NULL
    if not 0 <= start <= size:
        raise ValueError("start is outside of data")
    memset(&w, 0, sizeof(Work))
    w.room = min(tag.shape[0], step.shape[0], wall_time.shape[0], value.shape[0])
    if w.room:
        w.tag, w.step, w.wall_time, w.value = &tag[0], &step[0], &wall_time[0], &value[0]
    try:
        prepare(&w, fresh, names)
        with nogil:
            stop = run(&w, bytes_at, size, held, jumps, &at, size, &length)
        if stop == UNPARSABLE or stop == TOO_MANY:
            until, at = at, start   # once more up to the broken event, which left its traces
            prepare(&w, fresh, names)
            with nogil:
                run(&w, bytes_at, size, held, jumps, &at, until, &length)
            length = crc_load64(bytes_at + at)
        if stop == NO_MEMORY:
            raise MemoryError
        return result(&w, at, stop, 12 if size - at < 12 or stop == BAD_LENGTH else int(length) + 16)
    finally:
        free(w.tags)
        free(w.order)
        free(w.slots)
        free(w.starts)
        free(w.sessions)


def can_jump_over(const uint8_t[::1] data not None):
    cdef uint64_t size = <uint64_t>data.shape[0]
    if size < 12 or crc_load64(&data[0]) >= LARGEST_JUMP:
        return False
    return bool(can_jump(&data[0], size, 12, 12 + crc_load64(&data[0])))


cdef object result(Work* w, Py_ssize_t at, int stop, object need):
    cdef list tags = [b""] * w.ids
    cdef list foreign = []
    cdef list wide = []
    cdef bytes name
    cdef int32_t i
    for i in range(w.tags_used):
        if w.tags[i].id >= 0 or w.tags[i].foreign:
            name = w.tags[i].name[:w.tags[i].size]
            if w.tags[i].id >= 0:
                tags[w.tags[i].id] = name
                if w.tags[i].wide:
                    wide.append(w.tags[i].id)
            if w.tags[i].foreign:
                foreign.append(name)
    wide.sort()
    starts = [(w.starts[i].rows, w.starts[i].step, bool(w.starts[i].first), w.starts[i].wall_time)
              for i in range(w.starts_used)]
    passed = tuple([w.passed[i] for i in range(REASONS)])
    sessions = [(w.sessions[i].wall_time, <bytes>w.sessions[i].content[:w.sessions[i].size] if w.sessions[i].size else b"")
                for i in range(w.sessions_used)]
    return Scan(at, w.jumped, stop, need, w.rows, w.records, tags, wide, foreign, passed, starts, bool(w.fresh),
                w.first_wall_time, sessions)


include "_files.pxi"
include "_checks.pxi"
include "_sound.pxi"

use_portable_crc(False)

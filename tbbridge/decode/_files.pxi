# Many small files in one call: each is scanned from its first byte, into the same columns.


cdef int remember_tags(Work* w, int32_t** kept, int64_t* used, int64_t* room, int64_t last) noexcept nogil:
    """Keep the places of this file's tags, in order, unless they are those kept from `last` on; 1 if kept, 0, NO_MEMORY."""
    cdef int32_t* grown
    if used[0] - last == w.ids and (w.ids == 0 or memcmp(kept[0] + last, w.order, w.ids * sizeof(int32_t)) == 0):
        return 0
    if used[0] + w.ids > room[0]:
        grown = <int32_t*>realloc(kept[0], <size_t>(2 * room[0] + w.ids + 64) * sizeof(int32_t))
        if grown == NULL:
            return NO_MEMORY
        kept[0] = grown
        room[0] = 2 * room[0] + w.ids + 64
    if w.ids:
        memcpy(kept[0] + used[0], w.order, w.ids * sizeof(int32_t))
    used[0] += w.ids
    return 1


cdef bint is_plain(Work* w, Py_ssize_t at, Py_ssize_t size, int stop) noexcept nogil:
    """Whether a file was read to its end and has float32 scalars and no session of any kind."""
    cdef int i
    cdef int64_t unusual = w.starts_used + w.hparams + w.sessions_used
    for i in range(REASONS):
        unusual += w.passed[i]
    for i in range(w.ids):
        unusual += w.tags[w.order[i]].wide
    return stop == END and at == size and unusual == 0


def scan_files(const uint8_t[::1] data not None, const int64_t[::1] bounds not None, int32_t[::1] tag not None,
               int64_t[::1] step not None, double[::1] wall_time not None, double[::1] value not None):
    import numpy as np

    cdef Py_ssize_t count = bounds.shape[0] - 1
    cdef Py_ssize_t i, at, size
    cdef Work w
    cdef int stop = END
    cdef int kept = 0
    cdef uint64_t length = 0
    cdef int32_t* orders = NULL
    cdef int64_t used = 0
    cdef int64_t room = 0
    cdef int64_t last = 0
    cdef int32_t layouts = 0
    cdef bint outside = False
    if count < 0:
        raise ValueError("bounds must hold at least one number")
    rows_array = np.zeros(count + 1, np.int64)
    plain_array = np.zeros(count, np.uint8)
    records_array = np.zeros(count, np.int64)
    first_array = np.full(count, NAN)
    layout_array = np.zeros(count, np.int32)
    begins_array = np.zeros(count + 1, np.int64)
    cdef int64_t[::1] rows = rows_array
    cdef uint8_t[::1] plain = plain_array
    cdef int64_t[::1] records = records_array
    cdef double[::1] first = first_array
    cdef int32_t[::1] layout = layout_array
    cdef int64_t[::1] begins = begins_array
    memset(&w, 0, sizeof(Work))
    w.room = min(tag.shape[0], step.shape[0], wall_time.shape[0], value.shape[0])
    if w.room:
        w.tag, w.step, w.wall_time, w.value = &tag[0], &step[0], &wall_time[0], &value[0]
    try:
        prepare(&w, True, [])
        with nogil:
            for i in range(count):
                if not 0 <= bounds[i] <= bounds[i + 1] <= data.shape[0]:
                    outside = True
                    break
                begin_file(&w, <int32_t>i)
                at = 0
                size = bounds[i + 1] - bounds[i]
                stop = run(&w, &data[bounds[i]], size, False, False, &at, size, &length) if size else END
                if stop == NO_MEMORY:
                    break
                if not is_plain(&w, at, size, stop):
                    w.rows, w.ids = rows[i], 0
                else:
                    plain[i] = True
                    records[i] = w.records
                    first[i] = w.first_wall_time
                rows[i + 1] = w.rows
                kept = remember_tags(&w, &orders, &used, &room, last)
                if kept == NO_MEMORY:
                    stop = NO_MEMORY
                    break
                if kept or layouts == 0:
                    last = begins[layouts] = used - w.ids
                    layouts += 1
                layout[i] = layouts - 1
        if outside:
            raise ValueError("bounds must ascend inside data")
        if stop == NO_MEMORY:
            raise MemoryError
        begins[layouts] = used
        return FilesScan(rows_array, plain_array.view(bool), records_array, first_array,
                         *named_layouts(&w, orders, begins_array[:layouts + 1], layout_array))
    finally:
        free(orders)
        free(w.tags)
        free(w.order)
        free(w.slots)
        free(w.starts)
        free(w.sessions)


cdef void begin_file(Work* w, int32_t file) noexcept nogil:
    """Forget the results of the file before, except its rows and the names of its tags."""
    w.file = file
    w.ids = w.starts_used = w.hparams = w.sessions_used = 0
    w.records = 0
    w.jumped = -1
    w.fresh = True
    w.first_wall_time = NAN
    w.value_read.known_size = -1
    memset(w.passed, 0, sizeof(w.passed))


cdef tuple named_layouts(Work* w, int32_t* orders, int64_t[::1] begins, numbers):
    """Each distinct list of tags once, and the files' places among them."""
    import numpy as np

    cdef list names = [w.tags[i].name[:w.tags[i].size] for i in range(w.tags_used)]
    cdef dict found = {}
    cdef int64_t i, j
    known = [found.setdefault(tuple([names[orders[j]] for j in range(begins[i], begins[i + 1])]), len(found))
             for i in range(begins.shape[0] - 1)]
    return np.array(known, np.int32)[numbers] if known else numbers, list(found)

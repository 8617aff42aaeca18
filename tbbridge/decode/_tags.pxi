# The tags of one scan: a hash table, and a guess that they come in the order they came in before.

cdef inline uint64_t hashed(bytes_t name, Py_ssize_t size) noexcept nogil:
    cdef uint64_t h = SEED ^ <uint64_t>size
    while size >= 8:
        h = (h ^ crc_load64(name)) * SPREAD
        h ^= h >> 29
        name += 8
        size -= 8
    while size:
        h = (h ^ name[0]) * SPREAD
        h ^= h >> 29
        name += 1
        size -= 1
    return h ^ h >> 32


cdef int more_slots(Work* w) noexcept nogil:
    cdef uint32_t mask = w.slots_mask * 2 + 1 if w.slots else 255
    cdef int32_t* slots = <int32_t*>calloc(mask + 1, sizeof(int32_t))
    cdef int32_t i
    cdef uint32_t place
    if slots == NULL:
        return NO_MEMORY
    for i in range(w.tags_used):
        place = <uint32_t>w.tags[i].hash & mask
        while slots[place]:
            place = (place + 1) & mask
        slots[place] = i + 1
    free(w.slots)
    w.slots = slots
    w.slots_mask = mask
    return 0


cdef int add_tag(Work* w, bytes_t name, Py_ssize_t size, uint64_t h) noexcept nogil:
    cdef Tag* grown
    cdef int32_t* order
    if w.tags_used == w.tags_room:
        grown = <Tag*>realloc(w.tags, (2 * w.tags_room + 64) * sizeof(Tag))
        if grown == NULL:
            return NO_MEMORY
        w.tags = grown
        order = <int32_t*>realloc(w.order, (2 * w.tags_room + 64) * sizeof(int32_t))
        if order == NULL:
            return NO_MEMORY
        w.order = order
        w.tags_room = 2 * w.tags_room + 64
    w.tags[w.tags_used].name = name
    w.tags[w.tags_used].size = size
    w.tags[w.tags_used].hash = h
    w.tags[w.tags_used].id = w.tags[w.tags_used].next = -1
    w.tags[w.tags_used].foreign = w.tags[w.tags_used].wide = False
    w.tags[w.tags_used].file = w.file
    w.tags[w.tags_used].like = NULL
    w.tags_used += 1
    return w.tags_used - 1


cdef inline bint same(Tag* tag, bytes_t name, Py_ssize_t size) noexcept nogil:
    return tag.size == size and memcmp(tag.name, name, <size_t>size) == 0


cdef int find_tag(Work* w, bytes_t name, Py_ssize_t size) noexcept nogil:
    """The place of a tag, added where it is new; NO_MEMORY."""
    cdef uint64_t h = hashed(name, size)
    cdef uint32_t place
    cdef int32_t i
    if <uint32_t>w.tags_used * 2 >= w.slots_mask and more_slots(w) < 0:
        return NO_MEMORY
    place = <uint32_t>h & w.slots_mask
    while w.slots[place]:
        i = w.slots[place] - 1
        if w.tags[i].hash == h and same(&w.tags[i], name, size):
            return i
        place = (place + 1) & w.slots_mask
    i = add_tag(w, name, size, h)
    if i >= 0:
        w.slots[place] = i + 1
    return i


cdef inline int tag_place(Work* w, bytes_t name, Py_ssize_t size) noexcept nogil:
    """`find_tag`, guessing first that tags come in the order they came in before."""
    cdef int32_t i
    if w.last >= 0:
        i = w.tags[w.last].next
        if i >= 0 and same(&w.tags[i], name, size):
            w.last = i
            return i
    i = find_tag(w, name, size)
    if i >= 0:
        if w.last >= 0:
            w.tags[w.last].next = i
        w.last = i
    return i

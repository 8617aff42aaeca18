# Protobuf's wire format and TensorFlow's Event, with every read checked against the end of the bytes.
# The rules and their sources are told in _plain_event.py, which is the same in plain words.
# Functions return 0 when all is well and -1 where the bytes are no message; next_field returns 1 where there is a field.

cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    GROUP = 3
    END_GROUP = 4
    FIXED32 = 5
    MAX_DEPTH = 100

ctypedef const uint8_t* bytes_t

cdef struct Field:
    uint32_t number
    uint32_t wire
    uint64_t number_value       # of a varint
    bytes_t start               # of anything else
    bytes_t stop

cdef struct Tensor:
    int32_t dtype
    bint one                    # every dimension so far is 1
    bint unknown_rank
    bytes_t content
    Py_ssize_t content_size
    bint typed                  # only then the next two mean anything
    int64_t count[19]           # typed values, by field number
    uint64_t last[19]           # the last of them, as bits or as a sign-extended integer

cdef struct Value:
    bytes_t tag
    Py_ssize_t tag_size
    bytes_t plugin
    Py_ssize_t plugin_size
    uint32_t kind
    float simple
    bytes_t simple_at
    bytes_t known               # the metadata of a value before, and its plugin
    Py_ssize_t known_size       # -1 while there is none
    bytes_t known_plugin
    Py_ssize_t known_plugin_size
    bytes_t content             # the data of its plugin
    Py_ssize_t content_size
    bytes_t known_content
    Py_ssize_t known_content_size
    Tensor tensor

cdef struct Event:
    double wall_time
    int64_t step
    uint32_t what
    int32_t status
    bytes_t since               # from here on `what` did not change
    int summaries
    int logs
    int64_t seen


cdef inline int read_varint(bytes_t* at, bytes_t end, int longest, uint64_t* value) noexcept nogil:
    cdef uint64_t result = 0
    cdef uint64_t byte
    cdef int i
    cdef bytes_t p = at[0]
    if p < end and p[0] < 128:
        value[0] = p[0]
        at[0] = p + 1
        return 0
    for i in range(longest):
        if p >= end:
            return -1
        byte = p[0]
        p += 1
        result |= (byte & 127) << (7 * i)
        if byte < 128:
            value[0] = result
            at[0] = p
            return 0
    return -1


cdef inline int read_content(bytes_t* at, bytes_t end, uint32_t wire, Field* field) noexcept nogil:
    """The content of a field that is no group."""
    cdef uint64_t size
    if wire == VARINT:
        return read_varint(at, end, 10, &field.number_value)
    if wire == BYTES:
        if read_varint(at, end, 5, &size) < 0:
            return -1
    elif wire == FIXED64:
        size = 8
    elif wire == FIXED32:
        size = 4
    else:
        return -1
    if size > <uint64_t>(end - at[0]):
        return -1
    field.start = at[0]
    field.stop = at[0] + <Py_ssize_t>size
    at[0] = field.stop
    return 0


cdef int skip_group(bytes_t* at, bytes_t end, uint32_t number, int depth) noexcept nogil:
    cdef uint32_t opened[MAX_DEPTH]
    cdef int top = 1
    cdef uint64_t key
    cdef Field ignored
    opened[0] = number
    while top:
        if read_varint(at, end, 5, &key) < 0 or key >> 32:
            return -1
        if key & 7 == GROUP:
            if top >= depth:
                return -1
            opened[top] = <uint32_t>(key >> 3)
            top += 1
        elif key & 7 == END_GROUP:
            top -= 1
            if opened[top] != key >> 3:
                return -1
        elif read_content(at, end, key & 7, &ignored) < 0:
            return -1
    return 0


cdef inline int next_field(bytes_t* at, bytes_t end, int depth, Field* field) noexcept nogil:
    """1 and the next field that is no group; 0 at the end of the message."""
    cdef uint64_t key
    while at[0] < end:
        if read_varint(at, end, 5, &key) < 0 or key >> 32 or key < 8:
            return -1
        field.number = <uint32_t>(key >> 3)
        field.wire = key & 7
        if field.wire == GROUP:
            if skip_group(at, end, field.number, MAX_DEPTH - depth) < 0:
                return -1
            continue
        return 1 if read_content(at, end, field.wire, field) == 0 else -1
    return 0


cdef int read_dimension(bytes_t at, bytes_t end, Tensor* tensor) noexcept nogil:
    cdef Field field
    cdef int more
    cdef uint64_t size = 0
    while True:
        more = next_field(&at, end, 5, &field)
        if more <= 0:
            break
        if field.number == 1 and field.wire == VARINT:
            size = field.number_value
    tensor.one = tensor.one and size == 1
    return more


cdef inline int read_shape(bytes_t at, bytes_t end, Tensor* tensor) noexcept nogil:
    cdef Field field
    cdef int more
    while True:
        more = next_field(&at, end, 4, &field)
        if more <= 0:
            return more
        if field.number == 2 and field.wire == BYTES:
            if read_dimension(field.start, field.stop, tensor) < 0:
                return -1
        elif field.number == 3 and field.wire == VARINT:
            tensor.unknown_rank = field.number_value != 0


cdef inline uint64_t integer(uint32_t number, uint64_t value) noexcept nogil:
    """A typed value as its field's type has it: int32 and uint32 keep 32 bits, signed; bool is 0 or 1."""
    if number == 11:
        return value != 0
    if number == 7 or number == 13 or number == 16:
        return <uint64_t><int64_t><int32_t>value
    return value


cdef int read_typed(Field* field, Tensor* tensor) noexcept nogil:
    """Count the typed values of a field of a TensorProto, and keep the last."""
    cdef uint32_t n = field.number
    cdef uint32_t single = FIXED32 if n == 5 or n == 9 else FIXED64
    cdef Py_ssize_t size = 4 if single == FIXED32 else 8
    cdef bytes_t at = field.start if field.wire != VARINT else NULL
    if not tensor.typed:
        memset(tensor.count, 0, sizeof(tensor.count))
        tensor.typed = True
    if n == 8 or n == 14 or n == 15:
        tensor.count[n] += field.wire == BYTES
    elif n == 18:               # float8_val is one field, not a list: its last bytes are its value
        if field.wire == BYTES:
            tensor.count[n] = field.stop - field.start
    elif n == 5 or n == 6 or n == 9 or n == 12:
        if field.wire != single and field.wire != BYTES:
            return 0
        if (field.stop - field.start) % size:
            return -1
        tensor.count[n] += (field.stop - field.start) // size
        if field.stop > field.start:
            tensor.last[n] = crc_load32(at) if size == 4 else crc_load64(at)
    elif field.wire == VARINT:
        tensor.count[n] += 1
        tensor.last[n] = integer(n, field.number_value)
    elif field.wire == BYTES:
        while at < field.stop:
            if read_varint(&at, field.stop, 10, &field.number_value) < 0:
                return -1
            tensor.count[n] += 1
        tensor.last[n] = integer(n, field.number_value)
    return 0


cdef inline int read_tensor(bytes_t at, bytes_t end, Tensor* tensor) noexcept nogil:
    cdef Field field
    cdef int more
    while True:
        more = next_field(&at, end, 3, &field)
        if more <= 0:
            return more
        if field.number == 1:
            if field.wire == VARINT:
                tensor.dtype = <int32_t>field.number_value
        elif field.number == 2:
            if field.wire == BYTES and read_shape(field.start, field.stop, tensor) < 0:
                return -1
        elif field.number == 4:
            if field.wire == BYTES:
                tensor.content = field.start
                tensor.content_size = field.stop - field.start
        elif 5 <= field.number <= 18:
            if read_typed(&field, tensor) < 0:
                return -1


cdef int read_metadata(bytes_t at, bytes_t end, int depth, Value* value) noexcept nogil:
    """A SummaryMetadata (`depth` 3) or the PluginData in it (4)."""
    cdef Field field
    cdef int more
    while True:
        more = next_field(&at, end, depth, &field)
        if more <= 0:
            return more
        if field.number == 1 and field.wire == BYTES:
            if depth == 4:
                value.plugin = field.start
                value.plugin_size = field.stop - field.start
            elif read_metadata(field.start, field.stop, 4, value) < 0:
                return -1
        elif field.number == 2 and field.wire == BYTES and depth == 4:
            value.content = field.start
            value.content_size = field.stop - field.start


cdef inline int read_known_metadata(Field* field, Value* value) noexcept nogil:
    """`read_metadata`, but for the same bytes as in the value before, of which the plugin is known."""
    cdef Py_ssize_t size = field.stop - field.start
    cdef bint first = value.plugin_size == 0 and value.content_size == 0
    if first and size == value.known_size and memcmp(field.start, value.known, <size_t>size) == 0:
        value.plugin = value.known_plugin
        value.plugin_size = value.known_plugin_size
        value.content = value.known_content
        value.content_size = value.known_content_size
        return 0
    if read_metadata(field.start, field.stop, 3, value) < 0:
        return -1
    if first:
        value.known = field.start
        value.known_size = size
        value.known_plugin = value.plugin
        value.known_plugin_size = value.plugin_size
        value.known_content = value.content
        value.known_content_size = value.content_size
    return 0


cdef inline int read_value(bytes_t at, bytes_t end, Value* value) noexcept nogil:
    cdef Field field
    cdef uint32_t bits
    cdef int more
    value.kind = 0
    value.tag_size = value.plugin_size = value.content_size = 0
    while True:
        more = next_field(&at, end, 2, &field)
        if more <= 0:
            return more
        if field.number == SIMPLE_VALUE and field.wire == FIXED32:
            bits = crc_load32(field.start)
            memcpy(&value.simple, &bits, 4)
            value.simple_at = field.start
            value.kind = SIMPLE_VALUE
        elif field.wire != BYTES:
            continue
        elif field.number == 1:
            value.tag = field.start
            value.tag_size = field.stop - field.start
        elif field.number == 9:
            if read_known_metadata(&field, value) < 0:
                return -1
        elif field.number == TENSOR:
            if value.kind != TENSOR:
                value.tensor.dtype = 0
                value.tensor.one = True
                value.tensor.unknown_rank = value.tensor.typed = False
                value.tensor.content_size = 0
                value.kind = TENSOR
            if read_tensor(field.start, field.stop, &value.tensor) < 0:
                return -1
        elif 3 <= field.number <= 6:
            value.kind = field.number


cdef inline int read_event(bytes_t at, bytes_t end, Event* event) noexcept nogil:
    """The Event's own fields; where its last kind of content begins."""
    cdef Field field
    cdef int more
    cdef uint64_t bits
    cdef bytes_t before
    event.wall_time = 0
    event.step = event.seen = 0
    event.what = event.status = event.summaries = event.logs = 0
    event.since = at
    while True:
        before = at
        more = next_field(&at, end, 0, &field)
        if more <= 0:
            return more
        if field.number == 1 and field.wire == FIXED64:
            bits = crc_load64(field.start)
            memcpy(&event.wall_time, &bits, 8)
        elif field.number == 2 and field.wire == VARINT:
            event.step = <int64_t>field.number_value
        elif 3 <= field.number <= 9 and field.wire == BYTES:
            if field.number != event.what:
                event.what = field.number
                event.since = before
            event.summaries += field.number == SUMMARY
            event.logs += field.number == SESSION_LOG

# The one number of a TensorProto, or why there is none: Tensor.number of _plain_event.py.


cdef inline bint exact(uint64_t magnitude) noexcept nogil:
    """Whether float64 holds the integer."""
    if magnitude == 0:
        return True
    while magnitude & 1 == 0:
        magnitude >>= 1
    return magnitude < (<uint64_t>1 << 53)


cdef double half(uint32_t bits) noexcept nogil:
    """The IEEE half precision number of 16 bits."""
    cdef int exponent = bits >> 10 & 31
    cdef double mantissa = bits & 1023
    cdef double sign = -1.0 if bits & 0x8000 else 1.0
    if exponent == 31:
        return sign * INFINITY if mantissa == 0 else NAN
    if exponent == 0:
        return sign * ldexp(mantissa, -24)
    return sign * ldexp(mantissa + 1024, exponent - 25)


cdef int dtype_layout(int32_t dtype, uint32_t* source, Py_ssize_t* size, int* bits) noexcept nogil:
    """The field of the typed values, the bytes of one in tensor_content, and its bits, negative when signed."""
    cdef int wanted = 0
    source[0] = 7
    if dtype == 1:
        source[0] = 5
        wanted = 32
    elif dtype == 2:
        source[0] = 6
        wanted = 64
    elif dtype == 3:
        wanted = -32
    elif dtype == 4:
        wanted = 8
    elif dtype == 5:
        wanted = -16
    elif dtype == 6:
        wanted = -8
    elif dtype == 9:
        source[0] = 10
        wanted = -64
    elif dtype == 10:
        source[0] = 11
        wanted = 8
    elif dtype == 14 or dtype == 19:
        source[0] = 13
        wanted = 16
    elif dtype == 17:
        wanted = 16
    elif dtype == 22:
        source[0] = 16
        wanted = 32
    elif dtype == 23:
        source[0] = 17
        wanted = 64
    else:
        return -1
    bits[0] = wanted
    size[0] = (wanted if wanted > 0 else -wanted) // 8
    return 0


cdef int one_bits(Tensor* tensor, uint32_t source, Py_ssize_t size, int bits, uint64_t* found) noexcept nogil:
    """The bits of the one value, sign-extended where its dtype is signed; or minus why there is none, minus one."""
    cdef int i
    cdef int64_t value
    cdef uint64_t total = 0
    if tensor.content_size:
        if tensor.content_size != size:
            return -1 - CONTENT_LENGTH
        for i in range(<int>size):
            total |= <uint64_t>tensor.content[i] << (8 * i)
        if bits < 0 and bits > -64 and total >> (-bits - 1):
            total |= ~<uint64_t>0 << -bits
        found[0] = total
        return 0
    if not tensor.typed or tensor.count[source] == 0:
        for i in range(5, 19):
            if tensor.typed and tensor.count[i]:
                return -1 - OTHER_DTYPE
        found[0] = 0
        return 0
    if tensor.count[source] != 1:
        return -1 - VALUE_COUNT
    found[0] = tensor.last[source]
    value = <int64_t>found[0]
    if source == 7 or source == 13:
        if bits == 8 or bits == 16:
            if value < 0 or value >> bits:
                return -1 - OTHER_DTYPE
        elif bits == -8 or bits == -16:
            if value < -(<int64_t>1 << (-bits - 1)) or value >= (<int64_t>1 << (-bits - 1)):
                return -1 - OTHER_DTYPE
    elif source == 16:
        found[0] = <uint32_t>found[0]
    return 0


cdef inline bint is_one_float(Tensor* tensor) noexcept nogil:
    """Whether it is a float32 in ``tensor_content``: what TensorFlow 2 writes."""
    return tensor.dtype == 1 and tensor.content_size == 4 and tensor.one and not tensor.unknown_rank


cdef int tensor_number(Tensor* tensor, double* number, bint* wide) noexcept nogil:
    """0 and the tensor's one value, or minus why there is none, minus one."""
    cdef uint32_t source, low
    cdef Py_ssize_t size
    cdef int bits, why
    cdef uint64_t found = 0
    cdef float single
    if is_one_float(tensor):
        low = crc_load32(tensor.content)
        memcpy(&single, &low, 4)
        number[0] = single
        return 0
    if tensor.dtype == 7:
        return -1 - STRING
    if dtype_layout(tensor.dtype, &source, &size, &bits) < 0:
        return -1 - NOT_NUMERIC
    if tensor.unknown_rank or not tensor.one:
        return -1 - NOT_ONE
    why = one_bits(tensor, source, size, bits, &found)
    if why < 0:
        return why
    wide[0] = True
    if tensor.dtype == 1 or tensor.dtype == 14:
        low = <uint32_t>(found if tensor.dtype == 1 else found << 16)
        memcpy(&single, &low, 4)
        number[0] = single
        wide[0] = False
    elif tensor.dtype == 19:
        number[0] = half(<uint32_t>found)
        wide[0] = False
    elif tensor.dtype == 2:
        memcpy(number, &found, 8)
    elif tensor.dtype == 10:
        number[0] = 1.0 if found else 0.0
    elif bits < 0:
        if not exact(found if <int64_t>found >= 0 else ~found + 1):
            return -1 - INEXACT
        number[0] = <double><int64_t>found
    else:
        if not exact(found):
            return -1 - INEXACT
        number[0] = <double>found
    return 0

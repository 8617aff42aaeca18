/* CRC-32C: the processor's instruction where it has one (SSE4.2, ARMv8), chosen at run time, else slicing-by-8.
 *
 * A "state" is the register between bytes, without the inversions at both ends; states are linear over GF(2), so that
 * state(a ++ b) = shift(state(a), len(b)) ^ state_from_zero(b).
 */
#ifndef TBBRIDGE_CRC_H
#define TBBRIDGE_CRC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CRC_POLYNOMIAL 0x82F63B78u

#if defined(__x86_64__) || defined(_M_X64)
#define CRC_X86 1
#include <nmmintrin.h>
#ifdef _MSC_VER
#include <intrin.h>
#define CRC_TARGET
#else
#define CRC_TARGET __attribute__((target("sse4.2")))
#endif
#define CRC_STEP8(s, v) ((uint32_t)_mm_crc32_u64((s), (v)))
#define CRC_STEP1(s, v) ((uint32_t)_mm_crc32_u8((s), (v)))
#elif defined(__aarch64__) && !defined(_MSC_VER)
#define CRC_ARM 1
#if defined(__clang__)
#define CRC_TARGET __attribute__((target("crc")))
#else
#define CRC_TARGET __attribute__((target("+crc")))
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#endif
CRC_TARGET static inline uint32_t crc_arm8(uint32_t s, uint64_t v) {
    __asm__("crc32cx %w0, %w0, %x1" : "+r"(s) : "r"(v));
    return s;
}
CRC_TARGET static inline uint32_t crc_arm1(uint32_t s, uint8_t v) {
    __asm__("crc32cb %w0, %w0, %w1" : "+r"(s) : "r"((uint32_t)v));
    return s;
}
#define CRC_STEP8(s, v) crc_arm8((s), (v))
#define CRC_STEP1(s, v) crc_arm1((s), (v))
#endif

static uint32_t crc_slices[8][256];
static uint32_t crc_powers[8][256]; /* x^(8 * v * 256^d): what v * 256^d zero bytes multiply a state by */

static inline uint64_t crc_load64(const uint8_t *p) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
#else
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
#endif
}

static inline uint32_t crc_load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint32_t crc_masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

/* The product of two polynomials modulo CRC-32C's, both reflected (zlib's multmodp). */
static uint32_t crc_multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        product ^= b & (0u - (uint32_t)((a & bit) != 0));
        b = (b >> 1) ^ (CRC_POLYNOMIAL & (0u - (b & 1)));
    }
    return product;
}

/* The state after `length` more zero bytes. */
static uint32_t crc_shift(uint32_t state, uint64_t length) {
    for (int digit = 0; length; digit++, length >>= 8)
        if (length & 255) state = crc_multiply(state, crc_powers[digit][length & 255]);
    return state;
}

static uint32_t crc_update_portable(uint32_t state, const uint8_t *p, size_t n) {
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v = crc_load64(p) ^ state;
        state = crc_slices[7][v & 255] ^ crc_slices[6][v >> 8 & 255] ^ crc_slices[5][v >> 16 & 255] ^
                crc_slices[4][v >> 24 & 255] ^ crc_slices[3][v >> 32 & 255] ^ crc_slices[2][v >> 40 & 255] ^
                crc_slices[1][v >> 48 & 255] ^ crc_slices[0][v >> 56];
    }
    for (; n; p++, n--) state = (state >> 8) ^ crc_slices[0][(state ^ *p) & 255];
    return state;
}

#ifdef CRC_TARGET
CRC_TARGET static inline uint32_t crc_update_hardware(uint32_t state, const uint8_t *p, size_t n) {
    for (; n >= 8; p += 8, n -= 8) state = CRC_STEP8(state, crc_load64(p));
    for (; n; p++, n--) state = CRC_STEP1(state, *p);
    return state;
}
#endif

static int crc_has_hardware(void) {
#if defined(CRC_X86) && defined(_MSC_VER)
    int registers[4];
    __cpuid(registers, 1);
    return registers[2] >> 20 & 1;
#elif defined(CRC_X86)
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") != 0;
#elif defined(CRC_ARM) && defined(__linux__)
    return (getauxval(AT_HWCAP) >> 7 & 1) != 0; /* HWCAP_CRC32 */
#elif defined(CRC_ARM) && defined(__APPLE__)
    return 1;
#else
    return 0;
#endif
}

/* What a record at p with n bytes behind it is; the reasons are those of scan_result.py. */
enum { RECORD_WHOLE = 0, RECORD_BAD_LENGTH = 1, RECORD_BAD_DATA = 2, RECORD_LARGE = 3, RECORD_CUT = 7 };

#define RECORD_BODY(UPDATE)                                                                        \
    if (n < 12) return RECORD_CUT;                                                                 \
    *length = crc_load64(p);                                                                       \
    if (crc_masked(~UPDATE(~0u, p, 8)) != crc_load32(p + 8)) return RECORD_BAD_LENGTH;             \
    if (*length > small) return RECORD_LARGE;                                                      \
    if (n - 12 < *length || n - 12 - *length < 4) return RECORD_CUT;                               \
    if (crc_masked(~UPDATE(~0u, p + 12, (size_t)*length)) != crc_load32(p + 12 + *length)) return RECORD_BAD_DATA; \
    return RECORD_WHOLE;

#define HEADERS_BODY(UPDATE)                                                                       \
    size_t found = 0;                                                                              \
    for (; *first + 12 <= n && found < room; (*first)++) {                                         \
        uint64_t length = crc_load64(p + *first);                                                  \
        if (length > limit) continue;                                                              \
        if (crc_masked(~UPDATE(~0u, p + *first, 8)) != crc_load32(p + *first + 8)) continue;       \
        offsets[found] = (int64_t)*first;                                                          \
        lengths[found++] = (int64_t)length;                                                        \
    }                                                                                              \
    return found;

static int record_portable(const uint8_t *p, size_t n, uint64_t small, uint64_t *length) {
    RECORD_BODY(crc_update_portable)
}

/* Right headers with a length of at most `limit` from *first on; stops where there is no room, and moves *first on. */
static size_t headers_portable(const uint8_t *p, size_t n, size_t *first, uint64_t limit, int64_t *offsets,
                               int64_t *lengths, size_t room) {
    HEADERS_BODY(crc_update_portable)
}

typedef struct {
    uint32_t (*update)(uint32_t, const uint8_t *, size_t);
    int (*record)(const uint8_t *, size_t, uint64_t, uint64_t *);
    size_t (*headers)(const uint8_t *, size_t, size_t *, uint64_t, int64_t *, int64_t *, size_t);
} crc_kind_t;

static crc_kind_t crc_kind_used = {crc_update_portable, record_portable, headers_portable};

#ifdef CRC_TARGET
CRC_TARGET static int record_hardware(const uint8_t *p, size_t n, uint64_t small, uint64_t *length) {
    RECORD_BODY(crc_update_hardware)
}

CRC_TARGET static size_t headers_hardware(const uint8_t *p, size_t n, size_t *first, uint64_t limit, int64_t *offsets,
                                          int64_t *lengths, size_t room) {
    HEADERS_BODY(crc_update_hardware)
}
#endif

/* Take the processor's instruction unless it has none or `portable` is wanted; returns whether it is taken. */
static int crc_use(int portable) {
    crc_kind_t chosen = {crc_update_portable, record_portable, headers_portable};
    int hardware = 0;
#ifdef CRC_TARGET
    if (!portable && crc_has_hardware()) {
        crc_kind_t fast = {crc_update_hardware, record_hardware, headers_hardware};
        chosen = fast;
        hardware = 1;
    }
#endif
    crc_kind_used = chosen;
    return hardware;
}

static uint32_t crc_update(uint32_t state, const uint8_t *p, size_t n) { return crc_kind_used.update(state, p, n); }

static int crc_record(const uint8_t *p, size_t n, uint64_t small, uint64_t *length) {
    return crc_kind_used.record(p, n, small, length);
}

static size_t crc_headers(const uint8_t *p, size_t n, size_t *first, uint64_t limit, int64_t *offsets, int64_t *lengths,
                          size_t room) {
    return crc_kind_used.headers(p, n, first, limit, offsets, lengths, room);
}

static void crc_build_tables(void) {
    for (int v = 0; v < 256; v++) {
        uint32_t s = (uint32_t)v;
        for (int i = 0; i < 8; i++) s = (s >> 1) ^ (CRC_POLYNOMIAL & (0u - (s & 1)));
        crc_slices[0][v] = s;
    }
    for (int k = 1; k < 8; k++)
        for (int v = 0; v < 256; v++)
            crc_slices[k][v] = (crc_slices[k - 1][v] >> 8) ^ crc_slices[0][crc_slices[k - 1][v] & 255];
    uint32_t unit = 1u << 23; /* x^8 */
    for (int d = 0; d < 8; d++) {
        crc_powers[d][0] = 1u << 31; /* x^0 */
        for (int v = 1; v < 256; v++) crc_powers[d][v] = crc_multiply(crc_powers[d][v - 1], unit);
        unit = crc_multiply(crc_powers[d][255], unit);
    }
}

#endif

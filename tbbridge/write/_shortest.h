/* The shortest decimal that reads back to the same float or double, as Python's repr lays out a float.
 *
 * The digits come from Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles" (2022). Of all decimals that
 * round to the number, it takes one of those with the fewest digits, and of these the nearest. The layout is that of
 * CPython's float.__repr__ (Python/pystrtod.c): positional from 1e-4 up to below 1e16, else with an exponent.
 */
#ifndef TBBRIDGE_SHORTEST_H
#define TBBRIDGE_SHORTEST_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

#define LONGEST_NUMBER 25 /* bytes: -2.2250738585072014e-308 has 24 */
#define SLACK 48 /* bytes that may be written behind a number's end */
#define POWERS_FIRST (-292)
#define POWERS_COUNT 617

/* 10^(POWERS_FIRST + i), rounded up to 128 bits of which the first is set; filled when the module is imported. */
static uint64_t powers_high[POWERS_COUNT], powers_low[POWERS_COUNT];
static char digit_pairs[200];

static void shortest_set_power(int index, uint64_t high, uint64_t low) {
    powers_high[index] = high;
    powers_low[index] = low;
}

static void shortest_build_pairs(void) {
    for (int pair = 0; pair < 100; pair++) {
        digit_pairs[2 * pair] = (char)('0' + pair / 10);
        digit_pairs[2 * pair + 1] = (char)('0' + pair % 10);
    }
}

typedef struct {
    uint64_t digits;
    int exponent;
} decimal_t; /* digits * 10^exponent */

/* floor(log2(10^k)), floor(log10(2^q)) and floor(log10(3/4 * 2^q)); exact for |k| <= 400 and |q| <= 1100. */
static inline int log2_of_power(int k) { return (int)((int64_t)k * 1741647 >> 19); }
static inline int log10_of(int q) { return (int)((int64_t)q * 1262611 >> 22); }
static inline int log10_of_three_quarters(int q) { return (int)(((int64_t)q * 1262611 - 524031) >> 22); }

static inline uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
#if defined(__SIZEOF_INT128__)
    unsigned __int128 product = (unsigned __int128)a * b;
    *low = (uint64_t)product;
    return (uint64_t)(product >> 64);
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low_part = a0 * b0, middle = a1 * b0 + (low_part >> 32), other = a0 * b1 + (uint32_t)middle;
    *low = other << 32 | (uint32_t)low_part;
    return a1 * b1 + (middle >> 32) + (other >> 32);
#endif
}

/* The product of a power and `part`, its highest 64 of 192 bits; the last one is set where any lower one was. */
static inline uint64_t rounded_to_odd(int index, uint64_t part) {
    uint64_t low, ignored, carried = multiply_high(powers_low[index], part, &ignored);
    uint64_t high = multiply_high(powers_high[index], part, &low);
    low += carried;
    high += low < carried;
    return high | (low > 1);
}

/* The same with the power's first 64 bits, for a float: the highest 32 of 96 bits. */
static inline uint32_t rounded_to_odd_single(uint64_t power, uint32_t part) {
    uint64_t low, high = multiply_high(power, part, &low);
    return (uint32_t)high | ((low >> 32) > 1);
}

/* Which of the decimals around the number: `below` <= 4 * the number <= `above`, in units of a quarter of 10^k. */
static inline decimal_t nearest_short(uint64_t below, uint64_t at, uint64_t above, int k) {
    uint64_t whole = at >> 2;
    decimal_t found;
    if (whole >= 10) {
        uint64_t tens = whole / 10;
        int lower = below <= 40 * tens, upper = 40 * tens + 40 <= above;
        if (lower != upper) {
            found.digits = tens + (uint64_t)upper;
            found.exponent = k + 1;
            return found;
        }
    }
    int lower = below <= 4 * whole, upper = 4 * whole + 4 <= above;
    uint64_t middle = 4 * whole + 2;
    int up = lower != upper ? upper : at > middle || (at == middle && (whole & 1));
    found.digits = whole + (uint64_t)up;
    found.exponent = k;
    return found;
}

static inline decimal_t shortest_double(uint64_t fraction, int biased) {
    uint64_t c = biased ? fraction | (uint64_t)1 << 52 : fraction;
    int q = (biased ? biased : 1) - 1075;
    if (q <= 0 && q > -53 && !(c & (((uint64_t)1 << -q) - 1))) {
        decimal_t whole = {c >> -q, 0};
        return whole;
    }
    int odd = (int)(c & 1), closer = !fraction && biased > 1; /* the gap below a power of two is half as wide */
    int k = closer ? log10_of_three_quarters(q) : log10_of(q);
    int h = q + log2_of_power(-k) + 1, index = -k - POWERS_FIRST;
    uint64_t below = rounded_to_odd(index, (4 * c - 2 + (uint64_t)closer) << h);
    uint64_t at = rounded_to_odd(index, (4 * c) << h);
    uint64_t above = rounded_to_odd(index, (4 * c + 2) << h);
    return nearest_short(below + (uint64_t)odd, at, above - (uint64_t)odd, k);
}

static inline decimal_t shortest_single(uint32_t fraction, int biased) {
    uint32_t c = biased ? fraction | (uint32_t)1 << 23 : fraction;
    int q = (biased ? biased : 1) - 150;
    if (q <= 0 && q > -24 && !(c & (((uint32_t)1 << -q) - 1))) {
        decimal_t whole = {c >> -q, 0};
        return whole;
    }
    int odd = (int)(c & 1), closer = !fraction && biased > 1;
    int k = closer ? log10_of_three_quarters(q) : log10_of(q);
    int h = q + log2_of_power(-k) + 1, index = -k - POWERS_FIRST;
    uint64_t power = powers_high[index] + (powers_low[index] != 0); /* rounded up; the high half is never all ones */
    uint32_t below = rounded_to_odd_single(power, (4 * c - 2 + (uint32_t)closer) << h);
    uint32_t at = rounded_to_odd_single(power, (4 * c) << h);
    uint32_t above = rounded_to_odd_single(power, (4 * c + 2) << h);
    return nearest_short((uint64_t)below + (uint64_t)odd, at, (uint64_t)above - (uint64_t)odd, k);
}

static inline void put_eight(char *out, uint32_t number) {
    uint32_t high = number / 10000, low = number % 10000;
    memcpy(out, digit_pairs + 2 * (high / 100), 2);
    memcpy(out + 2, digit_pairs + 2 * (high % 100), 2);
    memcpy(out + 4, digit_pairs + 2 * (low / 100), 2);
    memcpy(out + 6, digit_pairs + 2 * (low % 100), 2);
}

static inline char *put_int(char *out, int64_t number) {
    char digits[48];
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int at = 24;
    if (number < 0) *out++ = '-';
    while (rest >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + 2 * (rest % 100), 2);
        rest /= 100;
    }
    if (rest >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + 2 * rest, 2);
    } else {
        digits[--at] = (char)('0' + rest);
    }
    memcpy(out, digits + at, 20);
    return out + (24 - at);
}

/* A finite number that is not 0. */
static inline char *put_decimal(char *out, decimal_t number) {
    char digits[48]; /* copied from in pieces of 20, which is quicker than in the right ones */
    int first = 0, last = 24; /* the digits that count */
    put_eight(digits + 16, (uint32_t)(number.digits % 100000000));
    uint64_t rest = number.digits / 100000000;
    put_eight(digits + 8, (uint32_t)(rest % 100000000));
    put_eight(digits, (uint32_t)(rest / 100000000));
    if (!rest) first = 16;
    else if (rest < 100000000) first = 8;
    while (digits[first] == '0') first++;
    int point = 24 - first + number.exponent; /* digits before the decimal point */
    while (digits[last - 1] == '0') last--;
    const char *d = digits + first;
    int count = last - first;
    if (point <= -4 || point > 16) {
        int exponent = point - 1;
        *out++ = d[0];
        if (count > 1) {
            *out++ = '.';
            memcpy(out, d + 1, 20);
            out += count - 1;
        }
        *out++ = 'e';
        *out++ = exponent < 0 ? '-' : '+';
        if (exponent < 0) exponent = -exponent;
        if (exponent >= 100) {
            *out++ = (char)('0' + exponent / 100);
            exponent %= 100;
        }
        memcpy(out, digit_pairs + 2 * exponent, 2);
        return out + 2;
    }
    if (point <= 0) {
        memcpy(out, "0.0000", 6);
        out += 2 - point;
        memcpy(out, d, 20);
        return out + count;
    }
    if (point >= count) {
        memcpy(out, d, 20);
        memset(out + count, '0', 20);
        memcpy(out + point, ".0", 2);
        return out + point + 2;
    }
    memcpy(out, d, 20);
    memcpy(out + point + 1, d + point, 20);
    out[point] = '.';
    return out + count + 1;
}

/* A finite number. */
static inline char *put_double(char *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    if (bits >> 63) *out++ = '-';
    bits &= ~((uint64_t)1 << 63);
    if (!bits) {
        memcpy(out, "0.0", 3);
        return out + 3;
    }
    decimal_t number = shortest_double(bits & (((uint64_t)1 << 52) - 1), (int)(bits >> 52));
    return put_decimal(out, number);
}

static inline char *put_single(char *out, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (bits >> 31) *out++ = '-';
    bits &= ~((uint32_t)1 << 31);
    if (!bits) {
        memcpy(out, "0.0", 3);
        return out + 3;
    }
    decimal_t number = shortest_single(bits & (((uint32_t)1 << 23) - 1), (int)(bits >> 23));
    return put_decimal(out, number);
}

/* Powers of ten that a double holds exactly: one rounding then makes digits * 10^exponent right (Clinger, 1990). */
static const double exact_powers[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline int scaled(uint64_t digits, int exponent, double *number) {
    if (digits >> 53 || exponent < -22 || exponent > 22) return 0;
    *number = exponent < 0 ? (double)digits / exact_powers[-exponent] : (double)digits * exact_powers[exponent];
    return 1;
}

/* Whether the text is an integer of at most 18 digits. */
static inline int parse_int(const uint8_t *text, Py_ssize_t size, int64_t *number) {
    int negative = size && text[0] == '-';
    int64_t found = 0;
    Py_ssize_t at = size && (negative || text[0] == '+');
    if (at == size || size - at > 18) return 0;
    for (; at < size; at++) {
        unsigned digit = text[at] - (unsigned)'0';
        if (digit > 9) return 0;
        found = found * 10 + (int64_t)digit;
    }
    *number = negative ? -found : found;
    return 1;
}

/* Whether the text is a decimal that one exact operation makes a double of; others are for a slower reader. */
static inline int parse_double(const uint8_t *text, Py_ssize_t size, double *number) {
    int negative = size && text[0] == '-', exponent = 0, count = 0, seen = 0, point = 0;
    uint64_t digits = 0;
    Py_ssize_t at = size && (negative || text[0] == '+');
    for (; at < size; at++) {
        unsigned digit = text[at] - (unsigned)'0';
        if (digit <= 9) {
            if ((count || digit) && ++count > 18) return 0;
            digits = digits * 10 + digit;
            seen = 1;
            exponent -= point;
        } else if (text[at] == '.' && !point) {
            point = 1;
        } else {
            break;
        }
    }
    if (!seen) return 0;
    if (at < size) {
        int64_t power;
        if ((text[at] | 32) != 'e' || size - at > 4 || !parse_int(text + at + 1, size - at - 1, &power)) return 0;
        exponent += (int)power;
    }
    if (!scaled(digits, exponent, number)) return 0;
    if (negative) *number = -*number;
    return 1;
}

/* Whether the number is the one that the shortest text of a float names. */
static inline int is_single(double number) {
    float single = (float)number;
    double back;
    uint32_t bits;
    if (single - single != 0) return number - number != 0;
    memcpy(&bits, &single, 4);
    bits &= ~((uint32_t)1 << 31);
    if (!bits) return number == 0;
    decimal_t shortest = shortest_single(bits & (((uint32_t)1 << 23) - 1), (int)(bits >> 23));
    if (!scaled(shortest.digits, shortest.exponent, &back)) {
        char text[LONGEST_NUMBER + SLACK];
        *put_decimal(text, shortest) = 0;
        back = PyOS_string_to_double(text, NULL, NULL); /* with the GIL; the text is a number's */
    }
    return back == (number < 0 ? -number : number);
}
#endif

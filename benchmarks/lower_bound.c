/* The least that a reader of torch's scalars can do: both checksums by the processor's instruction, the fields that such an
 * event has, four columns. It knows one tag table by pointer comparison of content, checks every length against the bytes
 * that are there, and understands nothing else. Built and run by reading.py: lower_bound FILE REPEATS
 */
#include <fcntl.h>
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint32_t masked_crc(const uint8_t *p, size_t n) {
    uint64_t s = 0xFFFFFFFFu, v;
    for (; n >= 8; p += 8, n -= 8) memcpy(&v, p, 8), s = _mm_crc32_u64(s, v);
    for (; n; p++, n--) s = _mm_crc32_u8((uint32_t)s, *p);
    uint32_t crc = ~(uint32_t)s;
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static char tags[1024][64];
static size_t tag_sizes[1024];
static int tag_count;

static int tag_id(const uint8_t *p, size_t n, int guess) {
    if (guess < tag_count && tag_sizes[guess] == n && !memcmp(tags[guess], p, n)) return guess;
    for (int i = 0; i < tag_count; i++)
        if (tag_sizes[i] == n && !memcmp(tags[i], p, n)) return i;
    if (n > 64 || tag_count == 1024) exit(3);
    memcpy(tags[tag_count], p, n);
    tag_sizes[tag_count] = n;
    return tag_count++;
}

static uint64_t varint(const uint8_t **p, const uint8_t *end) {
    uint64_t v = 0;
    for (int i = 0; i < 10 && *p < end; i++) {
        uint8_t b = *(*p)++;
        v |= (uint64_t)(b & 127) << (7 * i);
        if (b < 128) return v;
    }
    exit(4);
}

int main(int argc, char **argv) {
    int repeats = argc > 2 ? atoi(argv[2]) : 1;
    double best = 1e9, sum = 0;
    size_t rows = 0;
    for (int r = 0; r < repeats; r++) {
        struct timespec a, b;
        clock_gettime(CLOCK_MONOTONIC, &a);
        int fd = open(argv[1], O_RDONLY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st)) return 2;
        size_t most = st.st_size / 40 + 1, window = 1 << 20, held = 0;
        int32_t *tag = malloc(most * 4);
        int64_t *step = malloc(most * 8);
        double *wall = malloc(most * 8);
        float *value = malloc(most * 4);
        uint8_t *buffer = malloc(window);
        rows = 0;
        int last = -1;
        for (;;) {
            ssize_t got = read(fd, buffer + held, window - held);
            if (got <= 0) break;
            const uint8_t *p = buffer, *stop = buffer + held + got;
            while (stop - p >= 12) {
                uint64_t n;
                uint32_t crc;
                memcpy(&n, p, 8);
                memcpy(&crc, p + 8, 4);
                if (masked_crc(p, 8) != crc) return 5;
                if (n > (uint64_t)(stop - p - 12) || (uint64_t)(stop - p - 12) - n < 4) break;
                memcpy(&crc, p + 12 + n, 4);
                if (masked_crc(p + 12, n) != crc) return 6;
                const uint8_t *e = p + 12, *end = e + n;
                double w = 0;
                int64_t s = 0;
                while (e < end) {
                    uint8_t key = *e++;
                    if (key == 0x09 && end - e >= 8) memcpy(&w, e, 8), e += 8;
                    else if (key == 0x10) s = (int64_t)varint(&e, end);
                    else if (key == 0x2a) {
                        const uint8_t *send = e;
                        uint64_t size = varint(&send, end);
                        e = send;
                        if (size > (uint64_t)(end - e)) return 7;
                        send = e + size;
                        while (e < send) {
                            if (*e++ != 0x0a) return 8;
                            uint64_t m = varint(&e, send);
                            if (m > (uint64_t)(send - e)) return 9;
                            const uint8_t *vend = e + m, *name = e;
                            size_t length = 0;
                            float v = 0;
                            while (e < vend) {
                                uint8_t k = *e++;
                                if (k == 0x0a) {
                                    length = varint(&e, vend);
                                    name = e;
                                    if (length > (size_t)(vend - e)) return 10;
                                    e += length;
                                } else if (k == 0x15 && vend - e >= 4) memcpy(&v, e, 4), e += 4;
                                else return 11;
                            }
                            last = tag_id(name, length, last + 1 < tag_count ? last + 1 : 0);
                            tag[rows] = last, step[rows] = s, wall[rows] = w, value[rows++] = v;
                        }
                    } else if (key == 0x1a) e += varint(&e, end);
                    else return 12;
                }
                p += 16 + n;
            }
            held = stop - p;
            memmove(buffer, p, held);
        }
        close(fd);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double t = (b.tv_sec - a.tv_sec) + (b.tv_nsec - a.tv_nsec) / 1e9;
        if (t < best) best = t;
        sum = 0;
        for (size_t i = 0; i < rows; i++) sum += value[i];
        free(tag), free(step), free(wall), free(value), free(buffer);
    }
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    double peak = 0;
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6)) peak = atof(line + 6) / 1024;
    printf("{\"seconds\": %.9f, \"points\": %zu, \"sum\": %.17g, \"peak_mb\": %.1f}\n", best, rows, sum, peak);
    return 0;
}

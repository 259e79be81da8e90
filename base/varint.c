/* varint.c - see varint.h. */
#include "base/varint.h"

size_t varint_encode(uint8_t *dst, uint64_t v)
{
    size_t n = 0;

    while (v >= 0x80) {
        dst[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    dst[n++] = (uint8_t)v;
    return n;
}

size_t varint_decode(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t n = 0; n < VARINT_MAX_BYTES && p + n < end; n++) {
        uint8_t b = p[n];
        /* The tenth byte has room for one bit: anything more does not fit 64. */
        if (n == VARINT_MAX_BYTES - 1 && b > 1)
            return 0;
        v |= (uint64_t)(b & 0x7f) << (7 * n);
        if (!(b & 0x80)) {
            *out = v;
            return n + 1;
        }
    }
    return 0;
}

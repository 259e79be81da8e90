/* varint.h - LEB128: 7 bits a byte, low bits first, the high bit set on all but the last.
 * For reading foreign bytes use cursor_varint; these are for writers and for hot loops over bytes
 * whose end was checked before. */
#ifndef CAIRN_BASE_VARINT_H
#define CAIRN_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#define VARINT_MAX_BYTES 10

/* Write v at dst (room for VARINT_MAX_BYTES); returns the bytes written, 1..10. */
size_t varint_encode(uint8_t *dst, uint64_t v);
/* Read from [p, end); returns the bytes read, or 0 when cut short, longer than 10 bytes or larger
 * than 64 bits. */
size_t varint_decode(const uint8_t *p, const uint8_t *end, uint64_t *out);
/* Signed values as zig-zag. */
static inline uint64_t zigzag_encode(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}
static inline int64_t zigzag_decode(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif

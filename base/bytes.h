/* bytes.h - a growing byte string with a mandatory maximum, so that nothing read from outside can
 * make it eat the machine.
 *
 * Owns     its buffer. Between calls data[len] is 0, so a text can be used as a C string.
 * Threads  one owner.
 * Errors   CAIRN_ELIMIT past the maximum, CAIRN_ENOMEM without memory; the content is unchanged. */
#ifndef CAIRN_BASE_BYTES_H
#define CAIRN_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct bytes {
    char *data; /* NULL until the first byte */
    size_t len;
    size_t cap;
    size_t max;
} bytes;

void bytes_init(bytes *b, size_t max);
void bytes_clear(bytes *b); /* frees; b may be used again with the same maximum */
void bytes_reset(bytes *b); /* len = 0, memory kept */

cairn_status bytes_reserve(bytes *b, size_t extra);
cairn_status bytes_append(bytes *b, const void *src, size_t n);
cairn_status bytes_append_str(bytes *b, const char *s);
cairn_status bytes_append_byte(bytes *b, uint8_t v);
cairn_status bytes_append_zeros(bytes *b, size_t n);
cairn_status bytes_append_u16(bytes *b, uint16_t v); /* little-endian, as all of these */
cairn_status bytes_append_u32(bytes *b, uint32_t v);
cairn_status bytes_append_u64(bytes *b, uint64_t v);
cairn_status bytes_append_f32(bytes *b, float v);
cairn_status bytes_append_varint(bytes *b, uint64_t v); /* LEB128, see varint.h */
cairn_status bytes_printf(bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hand the buffer over to the caller, who frees it; b is empty afterwards. Never NULL unless
 * memory ran out. *len (may be NULL) gets the length. */
char *bytes_detach(bytes *b, size_t *len);

#endif

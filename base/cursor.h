/* cursor.h - the one way to read bytes that we did not just write ourselves.
 *
 * A cursor walks [start, end). Every read checks the length first. After the first read that does
 * not fit the cursor is `failed`: it stands still, and every later read returns zero, so a reader
 * may take a run of fields and test `failed` once, before it uses any of them as a size.
 * All integers are little-endian. Unaligned input is fine.
 *
 * Owns     nothing; it borrows the bytes. */
#ifndef CAIRN_BASE_CURSOR_H
#define CAIRN_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cursor {
    const uint8_t *start, *p, *end;
    bool failed;
} cursor;

void cursor_init(cursor *c, const void *data, size_t len);
static inline size_t cursor_left(const cursor *c)
{
    return (size_t)(c->end - c->p);
}
static inline size_t cursor_offset(const cursor *c)
{
    return (size_t)(c->p - c->start);
}
uint8_t cursor_u8(cursor *c);
uint16_t cursor_u16(cursor *c);
uint32_t cursor_u32(cursor *c);
uint64_t cursor_u64(cursor *c);
int32_t cursor_i32(cursor *c);
int64_t cursor_i64(cursor *c);
float cursor_f32(cursor *c);
double cursor_f64(cursor *c);
/* LEB128 of at most 10 bytes; overlong or too large values fail. */
uint64_t cursor_varint(cursor *c);
/* LEB128 that must fit 32 bits. */
uint32_t cursor_varint32(cursor *c);
/* n bytes in place, or NULL (and failed). n = 0 gives a non-NULL pointer. */
const uint8_t *cursor_take(cursor *c, uint64_t n);
void cursor_skip(cursor *c, uint64_t n);
/* Go to an absolute offset from the start. */
void cursor_seek(cursor *c, uint64_t offset);

#endif

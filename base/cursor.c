/* cursor.c - see cursor.h. */
#include "base/cursor.h"

#include <string.h>

#include "base/varint.h"

void cursor_init(cursor *c, const void *data, size_t len)
{
    static const uint8_t nothing[1];

    c->start = c->p = len ? data : nothing;
    c->end = c->start + len;
    c->failed = false;
}

const uint8_t *cursor_take(cursor *c, uint64_t n)
{
    const uint8_t *p = c->p;

    if (c->failed || n > cursor_left(c)) {
        c->failed = true;
        return NULL;
    }
    c->p += n;
    return p;
}

void cursor_skip(cursor *c, uint64_t n)
{
    (void)cursor_take(c, n);
}

void cursor_seek(cursor *c, uint64_t offset)
{
    if (c->failed || offset > (uint64_t)(c->end - c->start)) {
        c->failed = true;
        return;
    }
    c->p = c->start + offset;
}

static uint64_t take_le(cursor *c, size_t n)
{
    const uint8_t *p = cursor_take(c, n);
    uint64_t v = 0;

    if (!p)
        return 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t cursor_u8(cursor *c)
{
    return (uint8_t)take_le(c, 1);
}

uint16_t cursor_u16(cursor *c)
{
    return (uint16_t)take_le(c, 2);
}

uint32_t cursor_u32(cursor *c)
{
    return (uint32_t)take_le(c, 4);
}

uint64_t cursor_u64(cursor *c)
{
    return take_le(c, 8);
}

int32_t cursor_i32(cursor *c)
{
    return (int32_t)take_le(c, 4);
}

int64_t cursor_i64(cursor *c)
{
    return (int64_t)take_le(c, 8);
}

float cursor_f32(cursor *c)
{
    uint32_t u = cursor_u32(c);
    float f;

    memcpy(&f, &u, sizeof f);
    return f;
}

double cursor_f64(cursor *c)
{
    uint64_t u = cursor_u64(c);
    double f;

    memcpy(&f, &u, sizeof f);
    return f;
}

uint64_t cursor_varint(cursor *c)
{
    uint64_t v = 0;
    size_t n = c->failed ? 0 : varint_decode(c->p, c->end, &v);

    if (!n) {
        c->failed = true;
        return 0;
    }
    c->p += n;
    return v;
}

uint32_t cursor_varint32(cursor *c)
{
    uint64_t v = cursor_varint(c);

    if (v > UINT32_MAX) {
        c->failed = true;
        return 0;
    }
    return (uint32_t)v;
}

/* bytes.c - see bytes.h. Capacity grows by half again, never past max + 1 (the NUL). */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/varint.h"

void bytes_init(bytes *b, size_t max)
{
    b->data = NULL;
    b->len = b->cap = 0;
    b->max = max < SIZE_MAX ? max : SIZE_MAX - 1;
}

void bytes_clear(bytes *b)
{
    free(b->data);
    bytes_init(b, b->max);
}

void bytes_reset(bytes *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

cairn_status bytes_reserve(bytes *b, size_t extra)
{
    size_t need, cap;
    char *p;

    if (extra > b->max || b->len > b->max - extra)
        return CAIRN_ELIMIT;
    need = b->len + extra + 1;
    if (need <= b->cap)
        return CAIRN_OK;
    cap = b->cap + b->cap / 2;
    if (cap < need)
        cap = need;
    if (cap < 64)
        cap = 64;
    if (cap > b->max + 1)
        cap = b->max + 1;
    p = realloc(b->data, cap);
    if (!p)
        return CAIRN_ENOMEM;
    b->data = p;
    b->cap = cap;
    b->data[b->len] = '\0';
    return CAIRN_OK;
}

cairn_status bytes_append(bytes *b, const void *src, size_t n)
{
    cairn_status st = bytes_reserve(b, n);

    if (st)
        return st;
    if (n)
        memcpy(b->data + b->len, src, n);
    b->len += n;
    b->data[b->len] = '\0';
    return CAIRN_OK;
}

cairn_status bytes_append_str(bytes *b, const char *s)
{
    return bytes_append(b, s, strlen(s));
}

cairn_status bytes_append_byte(bytes *b, uint8_t v)
{
    return bytes_append(b, &v, 1);
}

cairn_status bytes_append_zeros(bytes *b, size_t n)
{
    cairn_status st = bytes_reserve(b, n);

    if (st)
        return st;
    memset(b->data + b->len, 0, n + 1);
    b->len += n;
    return CAIRN_OK;
}

static cairn_status append_le(bytes *b, uint64_t v, size_t n)
{
    uint8_t le[8];

    for (size_t i = 0; i < n; i++)
        le[i] = (uint8_t)(v >> (8 * i));
    return bytes_append(b, le, n);
}

cairn_status bytes_append_u16(bytes *b, uint16_t v)
{
    return append_le(b, v, 2);
}

cairn_status bytes_append_u32(bytes *b, uint32_t v)
{
    return append_le(b, v, 4);
}

cairn_status bytes_append_u64(bytes *b, uint64_t v)
{
    return append_le(b, v, 8);
}

cairn_status bytes_append_f32(bytes *b, float v)
{
    uint32_t u;

    memcpy(&u, &v, sizeof u);
    return append_le(b, u, 4);
}

cairn_status bytes_append_varint(bytes *b, uint64_t v)
{
    uint8_t buf[VARINT_MAX_BYTES];

    return bytes_append(b, buf, varint_encode(buf, v));
}

cairn_status bytes_printf(bytes *b, const char *fmt, ...)
{
    va_list ap;
    int n;
    cairn_status st;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return CAIRN_EUSAGE;
    st = bytes_reserve(b, (size_t)n);
    if (st)
        return st;
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return CAIRN_OK;
}

char *bytes_detach(bytes *b, size_t *len)
{
    char *p;

    if (!b->data && bytes_reserve(b, 0))
        return NULL;
    p = b->data;
    if (len)
        *len = b->len;
    bytes_init(b, b->max);
    return p;
}

/* piece_table.c - see piece_table.h. */
#include "generate/tokenize/piece_table.h"

#include <stdlib.h>

uint64_t piece_hash(const char *p, size_t len)
{
    uint64_t h = PIECE_HASH_START;
    for (size_t i = 0; i < len;) {
        size_t n = piece_char_bytes((uint8_t)p[i]);
        if (n > len - i)
            n = len - i;
        h = piece_hash_char(h, p + i, n);
        i += n;
    }
    return h;
}

static size_t power_of_two(size_t least)
{
    size_t n = 64;
    while (n < least)
        n *= 2;
    return n;
}

bool piece_table_init(piece_table *t, size_t n, size_t n_prefix_chars, piece_text *text,
                      const void *ctx)
{
    memset(t, 0, sizeof *t);
    t->text = text;
    t->ctx = ctx;
    size_t slots = power_of_two(n + n / 2 + 1);
    t->slots = calloc(slots, sizeof *t->slots);
    t->mask = slots - 1;
    if (n_prefix_chars) {
        size_t bits = power_of_two(3 * n_prefix_chars);
        t->filter = calloc(bits / 64, sizeof *t->filter);
        t->filter_mask = bits - 1;
    }
    if (!t->slots || (n_prefix_chars && !t->filter)) {
        piece_table_clear(t);
        return false;
    }
    return true;
}

void piece_table_clear(piece_table *t)
{
    free(t->slots);
    free(t->filter);
    memset(t, 0, sizeof *t);
}

static bool slot_is(const piece_table *t, uint64_t slot, uint64_t hash, const char *p, size_t len)
{
    if (slot >> 32 != hash >> 32)
        return false;
    size_t n;
    const char *q = t->text(t->ctx, (uint32_t)slot - 1, &n);
    return n == len && !memcmp(p, q, len);
}

uint32_t piece_table_find_hashed(const piece_table *t, uint64_t hash, const char *p, size_t len)
{
    for (size_t i = (size_t)hash & t->mask; t->slots[i]; i = (i + 1) & t->mask)
        if (slot_is(t, t->slots[i], hash, p, len))
            return (uint32_t)t->slots[i] - 1;
    return PIECE_NONE;
}

uint32_t piece_table_find(const piece_table *t, const char *p, size_t len)
{
    return piece_table_find_hashed(t, piece_hash(p, len), p, len);
}

void piece_table_add(piece_table *t, uint32_t id)
{
    size_t len;
    const char *p = t->text(t->ctx, id, &len);
    uint64_t h = PIECE_HASH_START;

    if (len == 0)
        return;
    for (size_t i = 0; i < len;) {
        size_t n = piece_char_bytes((uint8_t)p[i]);
        if (n > len - i)
            n = len - i;
        h = piece_hash_char(h, p + i, n);
        i += n;
        if (t->filter) {
            size_t bit = (size_t)(h >> 20) & t->filter_mask;
            t->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
        }
    }
    size_t i = (size_t)h & t->mask;
    for (; t->slots[i]; i = (i + 1) & t->mask)
        if (slot_is(t, t->slots[i], h, p, len))
            return;
    t->slots[i] = h >> 32 << 32 | ((uint64_t)id + 1);
}

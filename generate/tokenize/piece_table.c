/* piece_table.c - see piece_table.h. */
#include "generate/tokenize/piece_table.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <xxhash.h>

uint64_t piece_hash(const char *p, size_t len)
{
    uint64_t h = PIECE_HASH_START;
    for (size_t i = 0; i < len;) {
        size_t n = piece_char_bytes((uint8_t)p[i]);
        if (n > len - i)
            n = len - i;
        h = piece_hash_char(h, p + i, n, len - i);
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

/* Zeroed memory for random access: in large pages from a certain size on, where the system has
 * them. Release with free(). */
static void *zeroed(size_t bytes)
{
    const size_t large = (size_t)2 << 20;
    if (bytes < large / 2)
        return calloc(1, bytes);
    bytes = (bytes + large - 1) & ~(large - 1);
    void *p = aligned_alloc(large, bytes);
    if (!p)
        return NULL;
    (void)madvise(p, bytes, MADV_HUGEPAGE); /* only advice */
    return memset(p, 0, bytes);
}

bool piece_table_init(piece_table *t, size_t n, size_t n_ids, size_t n_prefix_chars,
                      piece_text *text, const void *ctx)
{
    memset(t, 0, sizeof *t);
    t->text = text;
    t->ctx = ctx;
    if (n_ids > (size_t)1 << 24)
        return false;
    while (n_ids >> t->id_bits)
        t->id_bits++;
    size_t slots = power_of_two(n + n / 2 + 1);
    t->slots = zeroed(slots * sizeof *t->slots);
    t->mask = slots - 1;
    if (n_prefix_chars) {
        size_t bits = power_of_two(n_prefix_chars + n_prefix_chars / 2);
        t->filter = zeroed(bits / 8);
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

static uint32_t tag_of(const piece_table *t, uint64_t hash)
{
    return (uint32_t)(hash >> 32) >> t->id_bits << t->id_bits;
}

static uint32_t id_in(const piece_table *t, uint32_t slot)
{
    return (slot & (((uint32_t)1 << t->id_bits) - 1)) - 1;
}

static bool slot_is(const piece_table *t, uint32_t slot, uint64_t hash, const char *p, size_t len)
{
    if (slot >> t->id_bits != (uint32_t)(hash >> 32) >> t->id_bits)
        return false;
    size_t n;
    const char *q = t->text(t->ctx, id_in(t, slot), &n);
    return n == len && !memcmp(p, q, len);
}

/* Tables that are never walked take a faster hash of the whole piece. */
static uint64_t hash_of(const piece_table *t, const char *p, size_t len)
{
    return t->filter ? piece_hash(p, len) : XXH3_64bits(p, len);
}

uint32_t piece_table_find_hashed(const piece_table *t, uint64_t hash, const char *p, size_t len)
{
    for (size_t i = (size_t)hash & t->mask; t->slots[i]; i = (i + 1) & t->mask)
        if (slot_is(t, t->slots[i], hash, p, len))
            return id_in(t, t->slots[i]);
    return PIECE_NONE;
}

uint32_t piece_table_find(const piece_table *t, const char *p, size_t len)
{
    return piece_table_find_hashed(t, hash_of(t, p, len), p, len);
}

uint64_t piece_table_prepare(const piece_table *t, const char *p, size_t len)
{
    uint64_t h = hash_of(t, p, len);
    __builtin_prefetch(&t->slots[(size_t)h & t->mask]);
    return h;
}

/* The hash of a piece, its prefixes noted in the filter. */
static uint64_t note_prefixes(piece_table *t, const char *p, size_t len)
{
    uint64_t h = PIECE_HASH_START;
    if (!t->filter)
        return hash_of(t, p, len);
    for (size_t i = 0; i < len;) {
        size_t n = piece_char_bytes((uint8_t)p[i]);
        if (n > len - i)
            n = len - i;
        h = piece_hash_char(h, p + i, n, len - i);
        i += n;
        size_t bit = (size_t)(h >> 20) & t->filter_mask;
        t->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
    }
    return h;
}

static void insert(piece_table *t, uint32_t id, uint64_t h, const char *p, size_t len)
{
    size_t i = (size_t)h & t->mask;
    if (len == 0)
        return;
    for (; t->slots[i]; i = (i + 1) & t->mask)
        if (slot_is(t, t->slots[i], h, p, len))
            return;
    t->slots[i] = tag_of(t, h) | (id + 1);
}

void piece_table_add(piece_table *t, uint32_t id)
{
    size_t len;
    const char *p = t->text(t->ctx, id, &len);
    insert(t, id, note_prefixes(t, p, len), p, len);
}

void piece_table_add_all(piece_table *t, uint32_t n)
{
    enum { AHEAD = 32 };
    uint64_t hash[AHEAD];
    const char *p[AHEAD];
    size_t len[AHEAD];

    for (uint32_t first = 0; first < n; first += AHEAD) {
        uint32_t count = n - first < AHEAD ? n - first : AHEAD;
        for (uint32_t k = 0; k < count; k++) {
            p[k] = t->text(t->ctx, first + k, &len[k]);
            hash[k] = note_prefixes(t, p[k], len[k]);
            __builtin_prefetch(&t->slots[(size_t)hash[k] & t->mask], 1);
        }
        for (uint32_t k = 0; k < count; k++)
            insert(t, first + k, hash[k], p[k], len[k]);
    }
}

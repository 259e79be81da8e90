/* shingles.c - hashes of three words in a row, sorted. */
#include "retrieve/shingles.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 3

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void sort_unique(shingle_set *s)
{
    size_t n = 0;

    if (s->n)
        qsort(s->hashes, s->n, sizeof *s->hashes, by_value);
    for (size_t i = 0; i < s->n; i++)
        if (!i || s->hashes[i] != s->hashes[i - 1])
            s->hashes[n++] = s->hashes[i];
    s->n = n;
}

/* A byte of a word as it counts; 0 between words. Bytes of longer characters all belong to words. */
static unsigned char folded(char c)
{
    unsigned char b = (unsigned char)c;

    if (b >= 'A' && b <= 'Z')
        return (unsigned char)(b + 32);
    return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b >= 0x80 ? b : 0;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    return h;
}

/* The hash of the next word from *at on; false at the end. */
static bool next_word(const char *text, size_t len, size_t *at, uint64_t *hash)
{
    uint64_t h = 14695981039346656037u;
    size_t i = *at, start;

    while (i < len && !folded(text[i]))
        i++;
    start = i;
    for (; i < len && folded(text[i]); i++)
        h = (h ^ folded(text[i])) * 1099511628211u;
    *at = i;
    *hash = h;
    return i > start;
}

void shingles_each(const char *text, size_t len, void (*fn)(void *ctx, uint64_t shingle), void *ctx)
{
    uint64_t last[WORDS] = {0}, hash;
    size_t words = 0, at = 0;

    while (next_word(text, len, &at, &hash)) {
        memmove(last, last + 1, (WORDS - 1) * sizeof *last);
        last[WORDS - 1] = hash;
        if (++words >= WORDS)
            fn(ctx, mix(mix(mix(last[0]) + last[1]) + last[2]));
    }
    if (words && words < WORDS)
        fn(ctx, mix(mix(mix(last[0]) + last[1]) + last[2]));
}

static void append(void *ctx, uint64_t shingle)
{
    shingle_set *s = ctx;

    s->hashes[s->n++] = shingle;
}

cairn_status shingles_make(const char *text, size_t len, arena *a, shingle_set *out, cairn_error *err)
{
    *out = (shingle_set){.hashes = arena_calloc(a, len / 2 + 1, sizeof *out->hashes)};
    if (!out->hashes)
        return cairn_fail(err, CAIRN_ENOMEM, "comparing passages");
    shingles_each(text, len, append, out);
    sort_unique(out);
    return CAIRN_OK;
}

cairn_status shingles_join(const shingle_set *x, const shingle_set *y, arena *a, shingle_set *out,
                           cairn_error *err)
{
    *out = (shingle_set){.hashes = arena_calloc(a, x->n + y->n + 1, sizeof *out->hashes),
                         .n = x->n + y->n};
    if (!out->hashes)
        return cairn_fail(err, CAIRN_ENOMEM, "comparing passages");
    if (x->n)
        memcpy(out->hashes, x->hashes, x->n * sizeof *x->hashes);
    if (y->n)
        memcpy(out->hashes + x->n, y->hashes, y->n * sizeof *y->hashes);
    sort_unique(out);
    return CAIRN_OK;
}

size_t shingles_common(const shingle_set *x, const shingle_set *y)
{
    size_t i = 0, j = 0, n = 0;

    while (i < x->n && j < y->n) {
        uint64_t a = x->hashes[i], b = y->hashes[j];
        n += a == b;
        i += a <= b;
        j += b <= a;
    }
    return n;
}

float shingles_contained(const shingle_set *x, const shingle_set *y)
{
    return x->n ? (float)shingles_common(x, y) / (float)x->n : 0;
}

float shingles_jaccard(const shingle_set *x, const shingle_set *y)
{
    size_t common = shingles_common(x, y), all = x->n + y->n - common;

    return all ? (float)common / (float)all : 0;
}

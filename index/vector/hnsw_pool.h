/* hnsw_pool.h - the candidates of a graph walk: one sorted array, small enough to inline.
 *
 * A walk needs the best rows found so far and the best of them not yet expanded. Two heaps give
 * both, but for the few dozen candidates of a search one array, best first, is faster: its places
 * are found by a search without branches, the rows behind are moved along in one copy, and a cursor
 * stands at the first row not expanded. (Measured on 100,000 x 384, docs/vector.md: the heaps cost
 * as much as scoring the rows.)
 *
 * A candidate is one 64-bit key, greater for a better one:
 *
 *   63 .. 32  the score, as an unsigned number in the same order
 *   31 .. 1   VECTOR_MAX_ROWS - row, so that of equal scores the lower row is better
 *   0         1 until the row is expanded
 *
 * At most `ef` rows that FIT (rows the search may return) are held; others are held among them as
 * way stations while they are better than the worst that fits. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_POOL_H
#define CAIRN_INDEX_VECTOR_HNSW_POOL_H

#include <string.h>

#include "base/checked.h"
#include "index/vector/hnsw.h"

typedef struct hnsw_pool {
    uint64_t *key; /* [cap], falling */
    size_t n, cap;
    size_t n_fit, ef;
    size_t next; /* no row before it waits to be expanded */
} hnsw_pool;

#define HNSW_POOL_ROW_MASK UINT32_C(0x7fffffff)

static inline uint64_t hnsw_pool_key(float score, uint32_t row)
{
    uint32_t bits;

    memcpy(&bits, &score, sizeof bits);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64_t)bits << 32 | (uint64_t)(HNSW_POOL_ROW_MASK - row) << 1 | 1;
}

static inline uint32_t hnsw_pool_row(uint64_t key)
{
    return HNSW_POOL_ROW_MASK - ((uint32_t)key >> 1);
}

static inline float hnsw_pool_score(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;

    bits = bits & 0x80000000u ? bits ^ 0x80000000u : ~bits;
    memcpy(&score, &bits, sizeof score);
    return score;
}

/* Empty it for a search that keeps ef; false without memory. `cap` survives, so the array is used
 * again. */
static inline bool hnsw_pool_start(hnsw_pool *p, size_t ef)
{
    p->n = p->n_fit = p->next = 0;
    p->ef = ef;
    if (p->cap > ef)
        return true;
    uint64_t *key = NULL;
    if (ef < SIZE_MAX / 2 - 64)
        key = checked_realloc(p->key, ef + 64, sizeof *key);
    if (!key)
        return false;
    p->key = key;
    p->cap = ef + 64;
    return true;
}

/* Whether a row of this key would be taken in. */
static inline bool hnsw_pool_wants(const hnsw_pool *p, uint64_t key)
{
    return p->n_fit < p->ef || key > p->key[p->n - 1];
}

/* Take a row in that the pool wants and that is not in it; false without memory. */
static inline bool hnsw_pool_add(hnsw_pool *p, uint64_t key, bool fits)
{
    size_t at = 0;

    if (p->n == p->cap) {
        uint64_t *grown = checked_realloc(p->key, p->cap * 2, sizeof *grown);
        if (!grown)
            return false;
        p->key = grown;
        p->cap *= 2;
    }
    for (size_t len = p->n; len;) { /* how many are better */
        size_t half = (len + 1) / 2;
        at += p->key[at + half - 1] > key ? half : 0;
        len -= half;
    }
    memmove(p->key + at + 1, p->key + at, (p->n - at) * sizeof *p->key);
    p->key[at] = key;
    p->n++;
    p->n_fit += fits;
    if (at < p->next)
        p->next = at;
    return true;
}

/* Put the cursor on the best row that waits; false when none does. */
static inline bool hnsw_pool_waits(hnsw_pool *p)
{
    while (p->next < p->n && !(p->key[p->next] & 1))
        p->next++;
    return p->next < p->n;
}

/* The row under the cursor counts as expanded from now on. */
static inline uint32_t hnsw_pool_take(hnsw_pool *p)
{
    p->key[p->next] &= ~(uint64_t)1;
    return hnsw_pool_row(p->key[p->next]);
}

#endif

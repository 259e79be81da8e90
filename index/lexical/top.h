/* top.h - the best k of the scored rows seen so far.
 *
 * A row is one number: its score above, its complement below, so that greater is better and equal
 * scores fall to the smaller row. Few are kept in a heap, so that the floor rises at once; many are
 * thrown into a buffer of twice the size that is halved by selection when it is full.
 *
 * Rows count through all segments of a search. */
#ifndef CAIRN_INDEX_LEXICAL_TOP_H
#define CAIRN_INDEX_LEXICAL_TOP_H

#include "index/lexical/lexical.h"

#define TOP_HEAP_MAX 64 /* the largest k kept in a heap */

typedef struct top {
    uint64_t *best; /* a heap, smallest first, or a buffer */
    size_t n, k, cap;
    int32_t floor; /* a score must be above it; 0 until k rows are known */
} top;

cairn_status top_init(top *t, size_t k, cairn_error *err); /* k >= 1 */
void top_clear(top *t);
void top_full(top *t, uint64_t v); /* the part of top_add that is not inline */

static inline void top_add(top *t, int32_t score, uint32_t row)
{
    uint64_t v = (uint64_t)(uint32_t)score << 32 | (UINT32_MAX - row);
    if (score <= t->floor)
        return;
    if (t->n < t->cap && t->k > TOP_HEAP_MAX)
        t->best[t->n++] = v;
    else
        top_full(t, v);
}

/* Leave exactly the best in t->best, best first. Only top_take may follow. */
void top_settle(top *t);
/* Best first into hits; returns how many. */
size_t top_take(top *t, const lexical_segment *segments, double scale, lexical_hit *hits);

#endif

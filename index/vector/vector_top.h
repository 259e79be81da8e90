/* vector_top.h - the order of hits, and a list of the best of many.
 *
 * Better is: higher score, then lower segment, then lower row. The order is total, so the best n of
 * a set are the same whatever order they are met in.
 *
 * A list gathers whatever may be among the best `keep` and forgets the others each time it has
 * twice as many: a few instructions an offer, whatever `keep` is, where a heap takes log keep steps
 * that the CPU cannot foresee. */
#ifndef CAIRN_INDEX_VECTOR_TOP_H
#define CAIRN_INDEX_VECTOR_TOP_H

#include <math.h>

#include "index/vector/vector.h"

static inline bool hit_better(const vector_hit *a, const vector_hit *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    if (a->segment != b->segment)
        return a->segment < b->segment;
    return a->row < b->row;
}

static inline void hit_swap(vector_hit *a, vector_hit *b)
{
    vector_hit t = *a;

    *a = *b;
    *b = t;
}

/* Bring the `keep` best of h[0, n) to the front, in no order. keep <= n. Scores are not NaN. */
void hits_select(vector_hit *h, size_t n, size_t keep);
/* The same, but those that are kept stay in the order in which they are. room[n]; no two hits are of one row. */
void hits_keep(vector_hit *h, size_t n, size_t keep, vector_hit *room);
/* Sort best first. */
void hits_sort(vector_hit *h, size_t n);

typedef struct top_list {
    vector_hit *hits; /* [cap] */
    size_t n, keep, cap;
    float least; /* nothing below this can be among the best; -INFINITY in the beginning */
} top_list;

/* Places a list for the best `keep` should have. */
static inline size_t top_list_cap(size_t keep)
{
    return keep < 32 ? keep + 64 : 2 * keep;
}

/* Forget all but the best `keep`, and raise `least` when there are so many. */
void top_list_shrink(top_list *t);

/* h.score must not be NaN and not below t->least. */
static inline void top_list_add(top_list *t, vector_hit h)
{
    t->hits[t->n++] = h;
    if (t->n == t->cap)
        top_list_shrink(t);
}

#endif

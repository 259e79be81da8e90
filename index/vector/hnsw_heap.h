/* hnsw_heap.h - the two heaps of a graph search, small enough to inline.
 *
 *   kept   bounded, the worst on top: a better candidate replaces it
 *   queue  grows, the best on top: the next row to expand
 *
 * Order is by score, then by the lower row, so a search is the same on every machine. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_HEAP_H
#define CAIRN_INDEX_VECTOR_HNSW_HEAP_H

#include "base/checked.h"
#include "index/vector/hnsw.h"

typedef struct hnsw_heap {
    hnsw_candidate *at;
    size_t n, cap;
} hnsw_heap;

static inline bool hnsw_better(hnsw_candidate a, hnsw_candidate b)
{
    return a.score > b.score || (a.score == b.score && a.row < b.row);
}

/* Put x where at[i] was and restore the heap below i, the worst on top. */
static inline void hnsw_heap_sink_worst(hnsw_candidate *at, size_t n, size_t i, hnsw_candidate x)
{
    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= n)
            break;
        if (c + 1 < n && hnsw_better(at[c], at[c + 1]))
            c++;
        if (!hnsw_better(x, at[c]))
            break;
        at[i] = at[c];
        i = c;
    }
    at[i] = x;
}

/* Keep x if there is room or it beats the worst. */
static inline void hnsw_heap_keep(hnsw_heap *h, hnsw_candidate x)
{
    if (h->n == h->cap) {
        if (hnsw_better(x, h->at[0]))
            hnsw_heap_sink_worst(h->at, h->n, 0, x);
        return;
    }
    size_t i = h->n++;
    for (; i > 0 && hnsw_better(h->at[(i - 1) / 2], x); i = (i - 1) / 2)
        h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = x;
}

/* Turn a heap of the first kind into a list, best first. The heap is a plain array afterwards. */
static inline void hnsw_heap_sort_falling(hnsw_heap *h)
{
    for (size_t n = h->n; n > 1; n--) {
        hnsw_candidate worst = h->at[0];
        hnsw_heap_sink_worst(h->at, n - 1, 0, h->at[n - 1]);
        h->at[n - 1] = worst;
    }
}

/* False without memory. */
static inline bool hnsw_heap_push(hnsw_heap *h, hnsw_candidate x)
{
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 64;
        hnsw_candidate *at = checked_realloc(h->at, cap, sizeof *at);
        if (!at)
            return false;
        h->at = at;
        h->cap = cap;
    }
    size_t i = h->n++;
    for (; i > 0 && hnsw_better(x, h->at[(i - 1) / 2]); i = (i - 1) / 2)
        h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = x;
    return true;
}

static inline hnsw_candidate hnsw_heap_pop_best(hnsw_heap *h)
{
    hnsw_candidate best = h->at[0], x = h->at[--h->n];
    size_t i = 0;

    for (;;) {
        size_t c = 2 * i + 1;
        if (c >= h->n)
            break;
        if (c + 1 < h->n && hnsw_better(h->at[c + 1], h->at[c]))
            c++;
        if (!hnsw_better(h->at[c], x))
            break;
        h->at[i] = h->at[c];
        i = c;
    }
    if (h->n)
        h->at[i] = x;
    return best;
}

#endif

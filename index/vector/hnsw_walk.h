/* hnsw_walk.h - what the walks along a finished graph share: scoring rows by their codes and
 * stepping down the upper layers. hnsw_search.c walks with every row eligible or nearly so,
 * hnsw_filter.c where a filter leaves few. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_WALK_H
#define CAIRN_INDEX_VECTOR_HNSW_WALK_H

#include "index/vector/hnsw_heap.h"
#include "index/vector/vector_format.h"

typedef struct hnsw_walk {
    const hnsw_graph *g;
    const vector_codes *codes;
    const vector_query *q;
    const vector_kernels *k;
    uint64_t *visited; /* [rows] bits */
    uint32_t scored;
} hnsw_walk;

static inline float hnsw_walk_score(hnsw_walk *w, uint32_t row)
{
    w->scored++;
    return vector_score_row(w->k, w->codes, w->q, row);
}

/* Score rows[0, n), n <= 2 * HNSW_MAX_M. */
static inline void hnsw_walk_score_many(hnsw_walk *w, const uint32_t *rows, uint32_t n,
                                        float *scores)
{
    int32_t dots[2 * HNSW_MAX_M];

    vector_score_rows(w->k, w->codes, w->q, rows, n, dots, scores);
    w->scored += n;
}

/* Mark the row; false when it was marked before. */
static inline bool hnsw_walk_visit(hnsw_walk *w, uint32_t row)
{
    uint64_t bit = (uint64_t)1 << (row & 63), *word = &w->visited[row >> 6];

    if (*word & bit)
        return false;
    *word |= bit;
    return true;
}

/* Ask memory for a row's list on layer 0. */
static inline void hnsw_fetch_list(const hnsw_graph *g, uint32_t row)
{
    const char *list = (const char *)(g->link0 + (size_t)row * 2 * g->m);

    for (size_t at = 0; at < 2 * g->m * sizeof(uint32_t); at += 64)
        __builtin_prefetch(list + at);
}

/* The unvisited neighbours of a row on layer l, marked and on their way to the cache; room for 2 m.
 */
static inline uint32_t hnsw_walk_neighbours(hnsw_walk *w, uint32_t row, uint32_t l, uint32_t *rows)
{
    uint32_t cap, n = 0;
    const uint32_t *list = hnsw_list(w->g, row, l, &cap);

    for (uint32_t i = 0; list && i < cap && list[i] < w->g->rows; i++) {
        uint64_t *word = &w->visited[list[i] >> 6], bit = (uint64_t)1 << (list[i] & 63);
        rows[n] = list[i];
        n += !(*word & bit);
        *word |= bit;
    }
    for (uint32_t i = 0; i < n; i++) {
        const char *code = (const char *)w->codes->code + (size_t)rows[i] * w->codes->stride;
        for (size_t at = 0; at < w->codes->stride; at += 64)
            __builtin_prefetch(code + at);
        __builtin_prefetch(w->codes->scale + rows[i]);
    }
    return n;
}

/* The row where layer 0 is entered: greedy from the entry down. */
hnsw_candidate hnsw_walk_descend(hnsw_walk *w);
/* The same down to layer l: where layer l is entered. *path: the rows (their low bits) where the
 * last three layers were left, the lowest in the lowest bits. Queries of similar paths are near
 * each other. */
#define HNSW_PATH_BITS 21
hnsw_candidate hnsw_walk_descend_to(hnsw_walk *w, uint32_t l, uint64_t *path);

#endif

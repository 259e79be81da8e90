/* hnsw_walk.h - what the walks along a finished graph share: scoring rows by their codes and stepping
 * down the upper layers. hnsw_search.c walks with every row eligible or nearly so, hnsw_filter.c
 * where a filter leaves few. */
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

/* The row where layer 0 is entered: greedy from the entry down. */
hnsw_candidate hnsw_walk_descend(hnsw_walk *w);

#endif

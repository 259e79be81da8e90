/* hnsw_build.h - what the files that make a graph share; nobody else includes it. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_BUILD_H
#define CAIRN_INDEX_VECTOR_HNSW_BUILD_H

#include <stdatomic.h>

#include "index/vector/vector_format.h"

/* One thread's working memory. */
typedef struct hnsw_scratch {
    uint16_t *visited; /* [rows]: equal to `epoch` when seen in this search */
    uint16_t epoch;
    hnsw_candidate *kept_at;  /* [ef_construction] */
    hnsw_candidate *queue_at; /* grows */
    size_t queue_cap;
    hnsw_candidate *pool; /* [pool_cap] candidates for one list */
    size_t pool_cap;
    int8_t *query, *pair; /* [stride] */
    bool failed;          /* memory ran out on this thread */
} hnsw_scratch;

struct hnsw_build {
    hnsw_graph graph; /* a view of the arrays below */
    const vector_codes *codes;
    const vector_kernels *kernels;
    hnsw_params params;
    uint8_t *level;
    uint32_t *up_at, *link0, *up;
    atomic_uchar *locks; /* [rows]: held while a row's lists are read or written */
    hnsw_scratch *scratch;
    size_t n_scratch;
    uint32_t *order; /* rows to insert, the entry not among them */
    uint32_t n_order;
};

static inline uint32_t *hnsw_build_list(hnsw_build *b, uint32_t row, uint32_t l, uint32_t *cap)
{
    return (uint32_t *)hnsw_list(&b->graph, row, l, cap);
}

/* Similarity of two stored rows; s->pair is overwritten by no one else. `q` is row a as a query. */
static inline float hnsw_build_score(const hnsw_build *b, const vector_query *q, uint32_t row)
{
    return vector_score_row(b->kernels, b->codes, q, row);
}

/* Choose at most `max` neighbours of a row from pool[0, n), which is sorted best first and holds
 * similarities to that row. */
uint32_t hnsw_select(const hnsw_build *b, hnsw_scratch *s, const hnsw_candidate *pool, size_t n,
                     uint32_t max, uint32_t *out);

/* The ef rows nearest to q on layer l that can be reached from `start`, best first, in
 * s->kept_at. */
size_t hnsw_build_search(hnsw_build *b, hnsw_scratch *s, const vector_query *q,
                         hnsw_candidate start, uint32_t l, size_t ef);
/* The starting row for layer l: greedy from the entry down. */
hnsw_candidate hnsw_build_descend(hnsw_build *b, hnsw_scratch *s, const vector_query *q,
                                  uint32_t l);

/* Carry the old graph's live rows over, without its deleted ones. */
cairn_status hnsw_adopt(hnsw_build *b, const hnsw_base *base, pool *workers, cairn_error *err);
/* Make every row reachable from the entry on layer 0. */
cairn_status hnsw_connect(hnsw_build *b, cairn_error *err);

#endif

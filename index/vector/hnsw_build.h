/* hnsw_build.h - what the files that make a graph share; nobody else includes it. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_BUILD_H
#define CAIRN_INDEX_VECTOR_HNSW_BUILD_H

#include "index/vector/hnsw_pool.h"
#include "index/vector/hnsw_walk.h"

/* Rows a search in a mostly old graph hands on beside its candidates (hnsw_insert.c). */
#define HNSW_FAR_ROWS 96u

/* One thread's working memory. */
typedef struct hnsw_scratch {
    uint16_t *visited; /* [rows]: equal to `epoch` when seen */
    uint16_t epoch;
    uint64_t *seen; /* [rows] bits, of a search */
    hnsw_pool keys; /* of a search, or for sorting */
    uint32_t n_far, far[HNSW_FAR_ROWS];
    hnsw_candidate *kept_at; /* [ef_construction + 1] */
    hnsw_candidate *pool;    /* [pool_cap] candidates for one list */
    size_t pool_cap;
    uint32_t *rows;       /* [pool_cap] */
    int8_t *query, *pair; /* [stride] */
    int8_t *walk;         /* a query over b->walk */
    float *row, *work;    /* [dim] */
    bool failed;          /* memory ran out on this thread */
} hnsw_scratch;

struct hnsw_build {
    hnsw_graph graph;          /* a view of the arrays below */
    const vector_codes *codes; /* int8: they say who is near whom */
    vector_codes walk;         /* what searches read: 4-bit codes, or the same as `codes` */
    bool own_walk;
    const vector_kernels *kernels;
    hnsw_params params;
    uint8_t *level;
    uint32_t *up_at, *link0, *up;
    int32_t *sum; /* [rows] of a row's code, for row queries */
    hnsw_scratch *scratch;
    size_t n_scratch;
    uint8_t *lost; /* [rows] links of layer 0 that led a row of the old graph to deleted ones */
    uint32_t stale_from; /* a row that lost so many is stale */
    uint32_t *order;     /* rows to insert, the entry not among them; then n_stale old ones */
    uint32_t n_order;    /* rows to insert */
    uint32_t n_stale;    /* stale rows: they choose anew */
};

static inline uint32_t *hnsw_build_list(hnsw_build *b, uint32_t row, uint32_t l, uint32_t *cap)
{
    return (uint32_t *)hnsw_list(&b->graph, row, l, cap);
}

static inline uint32_t hnsw_list_length(const uint32_t *list, uint32_t cap)
{
    uint32_t n = 0;

    while (n < cap && list[n] != HNSW_NONE)
        n++;
    return n;
}

/* vector_query_of_row without adding the code up. */
static inline vector_query hnsw_row_query(const hnsw_build *b, uint32_t row, int8_t *room)
{
    const vector_codes *c = b->codes;

    vector_code_as_query(c->code + (size_t)row * c->stride, c->stride, room);
    return (vector_query){room, c->scale[row], c->bias ? c->bias[row] : 0, 128 * b->sum[row]};
}

/* Similarity of two stored rows; s->pair is overwritten by no one else. `q` is row a as a query. */
static inline float hnsw_build_score(const hnsw_build *b, const vector_query *q, uint32_t row)
{
    return vector_score_row(b->kernels, b->codes, q, row);
}

/* A candidate is left out when a neighbour already chosen is nearer to it by this factor of the
 * squared distance than the row itself is. 1 is the paper's rule; somewhat more keeps longer links,
 * which shorten the walk: measured, docs/vector.md. */
#define HNSW_REACH 1.1f

/* A graph is worn when merges have taken out more than so many times its rows. With a build that
 * costs 1 a row and an insert into an old graph i, and a share s of the rows replaced a time,
 * inserts cost ((k - 1) s i + 1) / (k s) each on average, k = HNSW_WORN / s + 1. */
#define HNSW_WORN 4.0

/* Links a new row chooses on layer 0; the rest of its list is for rows that choose it. */
static inline uint32_t hnsw_own_links(uint32_t m)
{
    return m + m / 2;
}

/* Choose at most `max` neighbours of a row from pool[0, n), which is sorted best first and holds
 * similarities to that row. */
uint32_t hnsw_select(const hnsw_build *b, hnsw_scratch *s, const hnsw_candidate *pool, size_t n,
                     uint32_t max, uint32_t *out);

/* The ef rows nearest to q, a query over b->codes, on layer l that can be reached from `start`,
 * best first, in s->kept_at; ef <= ef_construction. */
size_t hnsw_build_search(hnsw_build *b, hnsw_scratch *s, const vector_query *q,
                         hnsw_candidate start, uint32_t l, size_t ef);

/* Insert b->order into the graph (hnsw_insert.c). */
cairn_status hnsw_insert(hnsw_build *b, pool *workers, cairn_error *err);

/* Row `row` of int8 codes as out[codes->dim]. */
void hnsw_decode(const vector_codes *codes, uint32_t row, float *out);
/* 4-bit codes of the rows of int8 codes (hnsw_codes.c), from the base (or NULL) where it has them.
 * The biases are those of `codes`. */
cairn_status hnsw_walk_codes(vector_codes *walk, const vector_codes *codes, const hnsw_base *base,
                             pace *steps, pool *workers, cairn_error *err);
/* Whether a graph over such codes is walked along 4-bit codes of its own. */
bool hnsw_wants_walk_codes(const vector_codes *codes);

/* Carry the old graph's live rows over, without its deleted ones; says which rows are stale. */
cairn_status hnsw_adopt(hnsw_build *b, const hnsw_base *base, pool *workers, cairn_error *err);
/* Make every row reachable from the entry on layer 0. */
cairn_status hnsw_connect(hnsw_build *b, cairn_error *err);

#endif

/* hnsw.h - the approximate nearest neighbour graph over the int8 codes of one segment.
 *
 * Malkov and Yashunin, arXiv:1603.09320. Similarity is the walk score of vector_codes. Where we
 * differ from the paper:
 *   - Layers are drawn before the build from (seed, row), so the entry point is known from the
 *     start and never moves.
 *   - Rows are inserted by batches, each batch against the graph before it, and then choose their
 *     neighbours once more (hnsw_insert.c): the same graph whatever the number of threads.
 *   - Neighbours are chosen with some slack (HNSW_REACH, as alpha in Vamana: Subramanya and others,
 *     DiskANN, NeurIPS 2019), and a row may choose 3/2 m of them on layer 0.
 *   - A walk reads 4-bit codes where the rows are long enough to gain by it (hnsw_codes.c).
 *   - After the build every row is made reachable on layer 0 (hnsw_repair.c); pruning alone does
 *     not promise that.
 *   - Deleted rows stay in the graph as way stations until a merge takes them out.
 *
 * Invariants, checked whole by hnsw_verify:
 *   I1  a list holds rows < n, then padding to its end
 *   I2  no row links itself or links another twice on one layer
 *   I3  a link on layer l goes to a row whose layer is >= l
 *   I4  the entry is a row of the highest layer
 *   I5  every row has exactly `level` upper lists, all inside the section, none shared
 *   I6  every row can be reached from the entry along layer 0
 *
 * Links are NOT symmetric: pruning a full list drops one direction.
 *
 * Threads  hnsw_search only reads. A build uses the pool it is given. */
#ifndef CAIRN_INDEX_VECTOR_HNSW_H
#define CAIRN_INDEX_VECTOR_HNSW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pace.h"
#include "base/pool.h"
#include "base/sections.h"
#include "base/status.h"

#define HNSW_NONE      UINT32_MAX /* padding of a list: greater than every row */
#define HNSW_MAX_LEVEL 24
#define HNSW_MIN_M     2u
#define HNSW_MAX_M     64u

typedef struct vector_codes vector_codes;
typedef struct vector_query vector_query;
typedef struct vector_originals vector_originals;

/* A view of a graph: mapped from a segment, or inside an hnsw_build. */
typedef struct hnsw_graph {
    uint32_t rows, m;
    uint32_t entry, max_level;
    uint32_t removed;      /* rows taken out by merges since the graph was built afresh */
    uint32_t up_lists;     /* lists in `up` */
    const uint8_t *level;  /* [rows] */
    const uint32_t *up_at; /* [rows] */
    const uint32_t *link0; /* [rows * 2 m] */
    const uint32_t *up;    /* [up_lists * m] */
    /* 4-bit codes to walk along, or NULL: the segment's codes. */
    const uint8_t *walk_code; /* [rows * stride] */
    const float *walk_scale;  /* [rows] */
} hnsw_graph;

/* The list of `row` on layer l and its capacity; NULL when broken bytes point outside. */
static inline const uint32_t *hnsw_list(const hnsw_graph *g, uint32_t row, uint32_t l,
                                        uint32_t *cap)
{
    if (l == 0) {
        *cap = 2 * g->m;
        return g->link0 + (size_t)row * 2 * g->m;
    }
    *cap = g->m;
    uint64_t at = (uint64_t)g->up_at[row] + l - 1;
    if (l > g->level[row] || at >= g->up_lists)
        return NULL;
    return g->up + at * g->m;
}

typedef struct hnsw_candidate {
    float score; /* the walk score, see vector_codes */
    uint32_t row;
} hnsw_candidate;

typedef struct hnsw_search_stats {
    uint32_t scored; /* rows whose code was read */
    bool gave_up;    /* more than `budget` rows were scored */
} hnsw_search_stats;

/* When a walk may end before all of its ef candidates are expanded: once `least` are found and the
 * best that waits lies farther from the query than the k-th best found by the share `slack` of its
 * distance, and by `gap`, what codes may be off. The distance of a row is `origin` - score:
 * 1 - cosine, or half a squared Euclidean one. (After Al-Jazzazi et al., Distance Adaptive Beam
 * Search, 2025; the gap is ours: rows nearer to each other than their codes tell apart.) */
typedef struct hnsw_end {
    size_t k, least;
    float origin, slack, gap;
} hnsw_end;

/* The best `ef` eligible rows found, into out[ef] by falling score; *n_out <= ef. A row is eligible
 * when not in `deleted` and, where `allowed` is given, in it; others are walked through but not
 * returned. Stops after scoring `budget` rows (0: no limit). `end` NULL: all are expanded. */
cairn_status hnsw_search(const hnsw_graph *g, const vector_codes *codes, const vector_query *q,
                         size_t ef, const uint64_t *deleted, const uint64_t *allowed, size_t budget,
                         const hnsw_end *end, hnsw_candidate *out, size_t *n_out,
                         hnsw_search_stats *stats, cairn_error *err);

/* The candidates to keep where `ef` would do in a graph built afresh: up to a tenth more where
 * merges have taken rows out, at its most from a quarter of the rows on. A repaired graph finds
 * some thousandths less with the same ef, however often it was repaired (docs/vector.md). */
size_t hnsw_repaired_ef(const hnsw_graph *g, size_t ef);

/* As hnsw_search where a filter leaves only some rows (hnsw_filter.c): others are not even scored.
 * n_eligible is the number of eligible rows. Finds fewer than ef where they hang together badly. */
cairn_status hnsw_search_filtered(const hnsw_graph *g, const vector_codes *codes,
                                  const vector_query *q, size_t ef, const uint64_t *deleted,
                                  const uint64_t *allowed, size_t n_eligible, size_t budget,
                                  hnsw_candidate *out, size_t *n_out, hnsw_search_stats *stats,
                                  cairn_error *err);
/* The candidates such a search keeps for `ef`; infinite where so few rows are eligible that a walk
 * would miss some. */
double hnsw_filter_ef(size_t rows, size_t eligible, size_t ef);
/* About how many lists it reads for each candidate; eligible > 0. */
double hnsw_filter_lists(const hnsw_graph *g, size_t rows, size_t eligible);

/* ---- building ---- */

typedef struct hnsw_build hnsw_build;

typedef struct hnsw_params {
    uint32_t m, ef_construction;
    uint64_t seed;
    pace *pace; /* may be NULL */
} hnsw_params;

/* An old graph to start from. new_row[old row] is the row's number in the new codes, HNSW_NONE for
 * a deleted one; it rises with the old row. */
typedef struct hnsw_base {
    const hnsw_graph *graph;
    const uint32_t *new_row;
    bool same_codes; /* the new codes of its rows are those it was built over */
} hnsw_base;

/* Build a graph over all rows of `codes`, from scratch or (base not NULL) keeping the old graph's
 * live rows and inserting the others. base->graph->m must equal params->m then. */
cairn_status hnsw_build_run(hnsw_build **out, const vector_codes *codes, const hnsw_params *params,
                            const hnsw_base *base, pool *workers, cairn_error *err);
const hnsw_graph *hnsw_build_graph(const hnsw_build *b);
/* Whether taking `dead` more rows out of a graph that then is part of one of `rows` wears it so far
 * that building afresh is better: each repair makes the links around a deleted row somewhat more
 * local, which costs recall after many of them (docs/vector.md). */
bool hnsw_is_worn(const hnsw_graph *g, uint32_t dead, uint32_t rows);
void hnsw_build_destroy(hnsw_build *b);

/* ---- sections (hnsw_file.c) ---- */

/* What "hnsw.meta" says. */
typedef struct hnsw_head {
    uint32_t m, entry, max_level, up_lists, walk, removed;
} hnsw_head;

/* The graph over these codes, borrowed from the sections; `head` where it stands elsewhere than in
 * "hnsw.meta". Touches no row. */
cairn_status hnsw_open(hnsw_graph *out, const section_source *src, const vector_codes *codes,
                       const hnsw_head *head, cairn_error *err);
/* What hnsw_search is to be given for this graph over these codes. */
vector_codes hnsw_codes_to_walk(const hnsw_graph *g, const vector_codes *codes);
/* Describe the walk codes of a graph over such codes, without rows. */
vector_codes hnsw_walk_codes_of(const vector_codes *codes);
/* `codes`: what the segment stores. Walk codes are written where they are int8. */
cairn_status hnsw_put(const hnsw_graph *g, const vector_codes *codes, const section_sink *sink,
                      cairn_error *err);
/* Whether the walk codes belong to the codes: O(rows * dim). */
cairn_status hnsw_verify_walk(const hnsw_graph *g, const vector_codes *codes, cairn_error *err);

/* Every invariant above. CAIRN_ECORRUPT names the first that is broken. O(rows * m). */
cairn_status hnsw_verify(const hnsw_graph *g, cairn_error *err);
/* I1 to I5 alone: what a merge needs of a graph to keep it. `steps` may be NULL. */
cairn_status hnsw_verify_lists(const hnsw_graph *g, pace *steps, cairn_error *err);
/* I6: how many rows that are not in `deleted` (NULL: none is) cannot be reached; *first is one of
 * them, HNSW_NONE without any. The graph's lists may be broken. */
cairn_status hnsw_count_unreachable(const hnsw_graph *g, const uint64_t *deleted, uint32_t *n,
                                    uint32_t *first, cairn_error *err);

#endif

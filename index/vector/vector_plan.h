/* vector_plan.h - which way through a segment is the cheapest for a query, and from how many rows
 * on a graph is worth building. See vector_plan.c. */
#ifndef CAIRN_INDEX_VECTOR_PLAN_H
#define CAIRN_INDEX_VECTOR_PLAN_H

#include "index/vector/vector_format.h"

#define COST_SIZES 6 /* sizes of the codes at which a byte was timed */
#define COST_TERMS                                                                                 \
    5 /* of what an index search costs; the second is known in ns and counts once                  \
       */

/* A row costs nanoseconds of its own, and more for each of its bytes. */
typedef struct vector_row_cost {
    double row, byte;
} vector_row_cost;

/* What the inner loops cost on one CPU level. */
typedef struct vector_costs {
    vector_row_cost scan[VECTOR_CODE_KINDS][COST_SIZES];   /* in order */
    vector_row_cost gather[VECTOR_CODE_KINDS][COST_SIZES]; /* out of order */
    double word;                                           /* a word of the row sets */
} vector_costs;

/* What the search of an index costs: the sum of each term (vector_plan_terms) times its number. */
typedef struct vector_index_costs {
    double walk[COST_TERMS];        /* a graph, nearly all rows eligible */
    double filtered[COST_TERMS];    /* a graph, under a filter */
    double lists[COST_TERMS];       /* inverted lists */
    double walk_scored, fit_scored; /* the most rows scored for each of 64 candidates */
} vector_index_costs;

extern const vector_index_costs vector_index_cost;

/* Bytes of codes at which these were measured; in between they are interpolated. */
extern const double vector_cost_sizes[COST_SIZES];
/* The costs measured for a CPU level. */
const vector_costs *vector_costs_for(cpu_level level);

typedef struct vector_plan {
    bool scan;                /* scan the segment rather than use its index */
    double scan_ns, index_ns; /* what each is expected to take, one thread; index_ns INFINITY
                                without one */
} vector_plan;

/* `eligible` of the segment's rows may be returned; ef, n_probe and keep as the search will use
 * them. */
vector_plan vector_plan_segment(const vector_reader *r, size_t eligible, size_t ef,
                                uint32_t n_probe, size_t keep);

/* The terms of a search of the segment's index, in the order of the numbers of vector_index_costs;
 * returns which of the three they are for. */
typedef enum vector_index_way { WAY_WALK, WAY_FILTERED, WAY_LISTS } vector_index_way;
vector_index_way vector_plan_terms(const vector_reader *r, size_t eligible, size_t ef,
                                   uint32_t n_probe, size_t keep, double term[COST_TERMS]);

/* Whether a walk for `eligible` of the rows looks at them alone; otherwise it walks over all and
 * leaves the few others out at the end. */
static inline bool vector_walk_filtered(size_t rows, size_t eligible)
{
    return eligible < rows - rows / 20;
}

/* Rows after which a walk gives up in favour of the scan. */
static inline size_t vector_walk_budget(size_t eligible, size_t ef)
{
    return eligible / 2 + ef;
}

/* The time a scan of `eligible` among `rows` such rows takes. */
double vector_scan_ns(const vector_codes *c, size_t rows, size_t eligible);
/* From how many rows on a graph is built: those that a scan answers in VECTOR_SCAN_BUDGET_NS. */
size_t vector_graph_from_rows(const vector_codes *c);

#endif

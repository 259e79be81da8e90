/* vector_plan.c - predict what each way through a segment costs, and take the cheapest.
 *
 * The model. A scan reads codes in order where most rows are eligible, out of order where few are:
 *
 *   in order      rows * (scan.row + bytes * scan.byte)
 *   out of order  eligible * (gather.row + bytes * gather.byte), and each word of the row sets
 *
 * What an index search costs is a sum of terms that are known before it starts (vector_plan_terms),
 * each times a number fitted to times (bench/bench_walks):
 *
 * - a walk: a constant, the words of its row sets, and for each candidate some rows out of order.
 *   Under a filter also the lists that are read to find a candidate's eligible neighbours, and more
 *   candidates where few rows are eligible;
 * - inverted lists: a constant, the scan of the centroids, the rows of the lists that are read (in
 *   order where most are eligible), and the ineligible rows passed by.
 *
 * What these cost depends on where the codes lie: 256 KB come from the second level cache, 100 MB
 * from memory. So they were timed at several sizes (vector_costs.c), and the size of this segment's
 * codes says which time holds. The coefficients are data, measured by bench/bench_costs and
 * bench/bench_walks: they are not measured anew in each process because two runs should choose
 * alike, and the same question should give the same answer. bench/bench_plan compares predictions
 * with times (docs/vector.md).
 *
 * Codes are taken to be in memory: from a cold disk both ways are slow, a scan of 150 MB because it
 * reads them, a walk because it waits for a thousand pages one after the other; and after the first
 * query they are in memory. */
#include "index/vector/vector_plan.h"

#include <math.h>

#define DENSE_SHARE    0.375 /* from here on blocks are scanned whole (vector_scan.c) */
#define WALK_SETS      3.0   /* row sets that a filtered walk keeps */
#define PQ_BYTE        0.6   /* ns a byte of a product-quantized row */
#define SCAN_BUDGET_NS 10e6

/* One row of these codes, by the logarithm of their size between two measured sizes. */
static double row_ns(const vector_row_cost *cost, const vector_codes *c, double bytes)
{
    double part = 0;
    int i = 0;

    if (bytes >= vector_cost_sizes[COST_SIZES - 1]) {
        i = COST_SIZES - 2;
        part = 1;
    } else if (bytes > vector_cost_sizes[0]) {
        while (bytes > vector_cost_sizes[i + 1])
            i++;
        part = log(bytes / vector_cost_sizes[i]) /
               log(vector_cost_sizes[i + 1] / vector_cost_sizes[i]);
    }
    double low = cost[i].row + (double)c->stride * cost[i].byte,
           high = cost[i + 1].row + (double)c->stride * cost[i + 1].byte;
    return low + part * (high - low);
}

static double scan_row_ns(const vector_costs *v, const vector_codes *c, double bytes)
{
    return row_ns(v->scan[c->kind], c, bytes);
}

static double gather_row_ns(const vector_costs *v, const vector_codes *c, double bytes)
{
    return row_ns(v->gather[c->kind], c, bytes);
}

double vector_scan_ns(const vector_codes *c, size_t rows, size_t eligible)
{
    const vector_costs *v = vector_costs_for(cpu_level_get());
    double bytes = (double)rows * (double)c->stride,
           words = eligible < rows ? (double)rows / 64 : 0;
    double in_order = (double)rows * scan_row_ns(v, c, bytes);

    if ((double)eligible >= DENSE_SHARE * (double)rows)
        return words * v->word + in_order;
    return words * v->word + fmin((double)eligible * gather_row_ns(v, c, bytes), in_order);
}

static void walk_terms(const vector_reader *r, double ef, double lists, double sets,
                       double term[COST_TERMS])
{
    const vector_codes *walked = r->walk.stride ? &r->walk : &r->codes;
    double rows = (double)r->codes.rows, row = gather_row_ns(vector_costs_for(cpu_level_get()),
                                                             walked, rows * (double)walked->stride);

    term[0] = 1;
    term[1] = rows / 64 * sets * vector_costs_for(cpu_level_get())->word;
    term[2] = ef * row;
    term[3] = ef;
    term[4] = ef * lists;
}

static void lists_terms(const vector_reader *r, size_t eligible, uint32_t n_probe, size_t keep,
                        double term[COST_TERMS])
{
    const ivf_lists *l = &r->lists;
    const vector_codes *c = &r->codes;
    const vector_costs *v = vector_costs_for(cpu_level_get());
    double bytes = (double)c->rows * (double)c->stride;
    double probe = n_probe ? n_probe : ivf_default_probe(l->n_lists);
    double scored = fmin(fmax(probe * c->rows / l->n_lists, (double)keep), (double)eligible);
    double passed = fmin(scored * c->rows / fmax((double)eligible, 1), (double)c->rows);
    double row = scan_row_ns(v, c, bytes);

    if (l->kind == IVF_PQ)
        row = v->scan[c->kind][0].row + l->pq_bytes * PQ_BYTE;
    else if (l->kind == IVF_FLAT || (double)eligible < DENSE_SHARE * (double)c->rows)
        row = gather_row_ns(v, c, bytes); /* one by one */
    term[0] = 1;
    term[1] = vector_scan_ns(c, l->n_lists, l->n_lists);
    term[2] = scored * row;
    term[3] = passed - scored;
    term[4] = l->n_lists;
}

vector_index_way vector_plan_terms(const vector_reader *r, size_t eligible, size_t ef,
                                   uint32_t n_probe, size_t keep, double term[COST_TERMS])
{
    size_t rows = r->codes.rows;

    if (!r->has_graph) {
        lists_terms(r, eligible, n_probe, keep, term);
        return WAY_LISTS;
    }
    if (!vector_walk_filtered(rows, eligible)) {
        walk_terms(r, (double)ef, 1, 1, term);
        return WAY_WALK;
    }
    walk_terms(r, hnsw_filter_ef(rows, eligible, ef),
               eligible ? hnsw_filter_lists(&r->graph, rows, eligible) : 0, WALK_SETS, term);
    return WAY_FILTERED;
}

static double sum(const double *cost, const double *term)
{
    double ns = 0;

    for (int i = 0; i < COST_TERMS; i++)
        ns += cost[i] * term[i];
    return ns;
}

static double graph_ns(const vector_reader *r, size_t eligible, size_t ef)
{
    const vector_index_costs *v = &vector_index_cost;
    double term[COST_TERMS], budget = (double)vector_walk_budget(eligible, ef);

    if (eligible < r->codes.rows && !isfinite(hnsw_filter_ef(r->codes.rows, eligible, ef)))
        return INFINITY;
    bool filtered = vector_plan_terms(r, eligible, ef, 0, 0, term) == WAY_FILTERED;
    double ns = sum(filtered ? v->filtered : v->walk, term),
           scored = term[3] * (filtered ? v->fit_scored : v->walk_scored);
    if (scored > budget) /* it will give up, and scan after all */
        return ns * budget / scored + vector_scan_ns(&r->codes, r->codes.rows, eligible);
    return ns;
}

static double lists_ns(const vector_reader *r, size_t eligible, uint32_t n_probe, size_t keep)
{
    double term[COST_TERMS];

    (void)vector_plan_terms(r, eligible, 0, n_probe, keep, term);
    return sum(vector_index_cost.lists, term);
}

vector_plan vector_plan_segment(const vector_reader *r, size_t eligible, size_t ef,
                                uint32_t n_probe, size_t keep)
{
    vector_plan p = {.scan_ns = vector_scan_ns(&r->codes, r->codes.rows, eligible),
                     .index_ns = INFINITY};

    if (r->has_graph)
        p.index_ns = graph_ns(r, eligible, ef);
    else if (r->lists.kind != IVF_NONE)
        p.index_ns = lists_ns(r, eligible, n_probe, keep);
    p.scan = p.scan_ns <= p.index_ns;
    return p;
}

size_t vector_graph_from_rows(const vector_codes *c)
{
    size_t low = 1, high = VECTOR_MAX_ROWS;

    while (low < high) { /* the time rises with the rows */
        size_t mid = low + (high - low) / 2;
        if (vector_scan_ns(c, mid, mid) > SCAN_BUDGET_NS)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

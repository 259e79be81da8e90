/* vector_search.c - the k nearest rows over several segments.
 *
 * Two passes. The first ranks rows by their codes: a scan in blocks of 64 rows (one word of the
 * row sets), shared out to the pool, or a walk along the graph. Its best `rescore` rows go to the second, which
 * computes the true score from the originals and keeps the best k.
 *
 * A code's rounding errors are independent from component to component, so the score of a unit row
 * of 384 dimensions is off by about 0.0005 (one standard deviation), and rescoring k + 32 rows
 * returns the same ten rows as the exact search for all but a few queries in a thousand
 * (tests/index/vector/test_vector.c holds the floor).
 *
 * Determinism: every comparison is by (score, segment, row), so the answer depends neither on the number
 * of threads nor on how they share the blocks. */
#include "index/vector/vector_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define GRAPH_SCORED_PER_EF 20u       /* rows a graph search scores for each of ef, measured */
#define GRAPH_ROW_COST 3u             /* one of them costs as much as so many scanned rows */
#define PLAIN_WALK_ROWS 20u           /* with fewer than one row in so many ineligible, walk over them */

/* Scores that are no number come from damaged codes only. */
static void add_found(vector_hit *found, size_t *n_found, uint32_t segment, hnsw_candidate c)
{
    if (!isnan(c.score))
        found[(*n_found)++] = (vector_hit){segment, c.row, c.score};
}

/* ---- graphs ---- */

/* Search one segment's graph. *scan is set when the segment is better scanned, or must be because
 * the walk did not find enough. */
static cairn_status search_graph(const vector_segment *s, uint32_t segment,
                                 const vector_query *walk_query, size_t keep, size_t ef,
                                 vector_hit *found, size_t *n_found, bool *scan, cairn_error *err)
{
    const vector_reader *r = s->reader;
    uint32_t rows = r->codes.rows;
    size_t eligible = vector_count_eligible(s), n = 0, want = eligible < keep ? eligible : keep;
    hnsw_search_stats stats;

    *scan = false;
    if (eligible == 0)
        return CAIRN_OK;
    bool filtered = eligible < rows - rows / PLAIN_WALK_ROWS;
    double walk = filtered ? hnsw_filter_cost(rows, eligible, ef)
                           : (double)ef * GRAPH_SCORED_PER_EF * GRAPH_ROW_COST;
    if (walk >= (double)eligible) {
        *scan = true;
        return CAIRN_OK;
    }
    hnsw_candidate *out = checked_malloc(ef, sizeof *out);
    if (!out)
        return cairn_fail(err, CAIRN_ENOMEM, "candidates of a graph search");
    size_t budget = eligible / 2 + ef;
    cairn_status st =
        filtered ? hnsw_search_filtered(&r->graph, &r->walk, walk_query, ef, s->deleted, s->allowed,
                                        eligible, budget, out, &n, &stats, err)
                 : hnsw_search(&r->graph, &r->walk, walk_query, ef, s->deleted, s->allowed, budget, out,
                               &n, &stats, err);
    if (!st && (stats.gave_up || n < want)) {
        *scan = true;
    } else if (!st) {
        for (size_t i = 0; i < n && i < keep; i++)
            add_found(found, n_found, segment, out[i]);
    }
    free(out);
    return st;
}

/* ---- inverted lists ---- */

/* The same for a segment with inverted lists. */
static cairn_status search_lists(const vector_segment *s, uint32_t segment, const float *query,
                                 const vector_query *code, size_t keep, uint32_t n_probe,
                                 vector_hit *found, size_t *n_found, bool *scan, cairn_error *err)
{
    const vector_reader *r = s->reader;
    ivf_query q = {.v = query,
                   .code = code,
                   .codes = &r->codes,
                   .keep = keep,
                   .n_probe = n_probe,
                   .deleted = s->deleted,
                   .allowed = s->allowed};
    size_t eligible = vector_count_eligible(s), n = 0;

    *scan = false;
    if (eligible == 0)
        return CAIRN_OK;
    hnsw_candidate *out = checked_malloc(keep, sizeof *out);
    if (!out)
        return cairn_fail(err, CAIRN_ENOMEM, "candidates of a list search");
    cairn_status st = ivf_search(&r->lists, &q, eligible, out, &n, scan, err);
    for (size_t i = 0; !st && i < n; i++)
        add_found(found, n_found, segment, out[i]);
    free(out);
    return st;
}

/* ---- all ---- */

static cairn_status check_segments(const vector_segment *segments, size_t n, const float *query,
                                   uint32_t dim, cairn_error *err)
{
    for (size_t s = 0; s < n; s++) {
        const vector_reader *r = segments[s].reader;
        if (r->dim != dim)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "a query of %u dimensions over vectors of %u: they come from "
                              "different models; index again with one of them",
                              dim, r->dim);
        if (r->metric != segments[0].reader->metric)
            return cairn_fail(err, CAIRN_EUSAGE, "segments of different vector metrics");
    }
    for (uint32_t i = 0; i < dim; i++)
        if (!isfinite(query[i]))
            return cairn_fail(err, CAIRN_EUSAGE, "component %u of the query is not a finite number",
                              i);
    return CAIRN_OK;
}

/* The rows all segments have together, at most SIZE_MAX / 2. */
static size_t total_rows(const vector_segment *segments, size_t n)
{
    size_t rows = 0;

    for (size_t s = 0; s < n; s++)
        rows += segments[s].reader->codes.rows;
    return rows;
}

/* A private copy of the query, at unit length where the rows are. */
static float *own_query(const vector_segment *segments, const float *query, uint32_t dim)
{
    float *q = checked_aligned(dim, sizeof *q);

    if (!q)
        return NULL;
    memcpy(q, query, (size_t)dim * sizeof *q);
    if (segments[0].reader->metric == VECTOR_COSINE)
        vector_normalize(q, dim);
    return q;
}

static void rescore(const vector_segment *segments, const float *query, vector_hit *found,
                    size_t n)
{
    const vector_kernels *k = vector_kernels_get();

    for (size_t i = 0; i < n; i++) {
        if (i + 4 < n) {
            const vector_originals *o = &segments[found[i + 4].segment].reader->originals;
            const uint8_t *ahead = o->row + (size_t)found[i + 4].row * o->stride;
            for (size_t b = 0; b < o->stride; b += 64)
                __builtin_prefetch(ahead + b);
        }
        const vector_reader *r = segments[found[i].segment].reader;
        float s = vector_true_score(&r->originals, r->metric, k, found[i].row, query);
        found[i].score = isnan(s) ? -INFINITY : s; /* only damaged originals do that */
    }
}

size_t vector_rescore_default(vector_code_kind codes, uint32_t code_dim, uint32_t dim, size_t k)
{
    size_t more = k / 2 > 32 ? k / 2 : 32;

    if (codes == VECTOR_CODE_B1)
        more = 29 * k + 100;
    if (code_dim < dim) /* what the codes leave out is a rounding error like the others */
        more = (size_t)((double)more * 4 * dim / code_dim);
    return k + more;
}

/* Segments with codes alike are searched together; those of another kind are not comparable before
 * they are rescored. */
static bool codes_alike(const vector_reader *a, const vector_reader *b)
{
    return a->codes.kind == b->codes.kind && a->codes.dim == b->codes.dim &&
           (a->lists.kind == IVF_PQ) == (b->lists.kind == IVF_PQ);
}

/* How many candidates are scored exactly: more where product-quantized codes choose them. */
static size_t default_keep(const vector_reader *r, size_t k)
{
    if (r->lists.kind == IVF_PQ)
        return k + (k > 64 ? 2 * k : 128);
    return vector_rescore_default(r->codes.kind, r->codes.dim, r->dim, k);
}

typedef struct search {
    const vector_segment *segments;
    size_t n_segments, k, rows; /* rows: of all segments */
    vector_params params;
    const float *query; /* at unit length under cosine */
    pool *workers;
    bool *done, *scan;  /* [n_segments] */
    float *work;        /* [dim] */
    vector_query code;  /* with room for every kind of code */
    vector_query walk;  /* the same for a graph's own codes */
    vector_hit *found;
    size_t n_found;
} search;

static float least_score(const vector_hit *hits, size_t n)
{
    float least = hits[0].score;

    for (size_t i = 1; i < n; i++)
        least = hits[i].score < least ? hits[i].score : least;
    return least;
}

/* Find the candidates in all segments that have codes like segment `first`. */
static cairn_status search_alike(search *x, size_t first, cairn_error *err)
{
    const vector_codes *c = &x->segments[first].reader->codes;
    size_t keep = x->params.rescore, ef, start = x->n_found, n_alike = 0, room;
    cairn_status st = CAIRN_OK;

    if (!keep)
        keep = default_keep(x->segments[first].reader, x->k);
    if (!x->params.rescore && x->params.ef && keep > x->params.ef)
        keep = x->params.ef; /* a small ef asks for speed */
    keep = keep < x->k ? x->k : keep > x->rows ? x->rows : keep;
    ef = x->params.ef ? x->params.ef : 64;
    ef = ef < keep ? keep : ef > x->rows ? x->rows : ef;
    for (size_t s = 0; s < x->n_segments; s++) {
        x->scan[s] = !x->done[s] && codes_alike(x->segments[first].reader, x->segments[s].reader);
        n_alike += x->scan[s];
    }
    if (!checked_mul(n_alike + 1, keep, &room) || !checked_add(room, start, &room))
        return cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", x->k);
    vector_hit *found = checked_realloc(x->found, room, sizeof *found);
    if (!found)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", x->k);
    x->found = found;
    bool ready = false, walk_ready = false;
    for (uint32_t s = 0; s < x->n_segments && !st; s++) {
        const vector_reader *r = x->segments[s].reader;
        x->done[s] |= x->scan[s];
        if (!x->scan[s] || x->params.no_graph)
            continue;
        bool own = r->has_graph && r->walk.kind != r->codes.kind;
        if (own && !walk_ready)
            vector_query_encode(&r->walk, x->query, x->work, &x->walk);
        walk_ready |= own;
        if (!own && !ready)
            vector_query_encode(c, x->query, x->work, &x->code);
        ready |= !own;
        if (r->has_graph)
            st = search_graph(&x->segments[s], s, own ? &x->walk : &x->code, keep, ef,
                              found, &x->n_found, &x->scan[s], err);
        else if (r->lists.kind != IVF_NONE)
            st = search_lists(&x->segments[s], s, x->query, &x->code, keep, x->params.n_probe,
                              found, &x->n_found, &x->scan[s], err);
    }
    bool scans = false;
    for (size_t s = 0; s < x->n_segments; s++)
        scans |= x->scan[s];
    if (scans && !ready)
        vector_query_encode(c, x->query, x->work, &x->code);
    vector_scan scan = {x->segments, x->n_segments, x->scan, &x->code, NULL, keep, NULL};
    float bound;
    if (!st && x->n_found - start >= keep) { /* what the graphs found is hard to beat */
        hits_select(found + start, x->n_found - start, keep);
        x->n_found = start + keep;
        bound = least_score(found + start, keep);
        scan.bound = &bound;
    }
    if (!st)
        st = vector_scan_run(&scan, x->workers, found, &x->n_found, err);
    if (x->n_found - start > keep) {
        hits_select(found + start, x->n_found - start, keep);
        x->n_found = start + keep;
    }
    return st;
}

cairn_status vector_search(const vector_segment *segments, size_t n_segments, const float *query,
                           uint32_t dim, size_t k, const vector_params *params, pool *workers,
                           vector_hit *hits, size_t *n_hits, cairn_error *err)
{
    search x = {.segments = segments,
                .n_segments = n_segments,
                .rows = total_rows(segments, n_segments),
                .params = params ? *params : (vector_params){0},
                .workers = workers};
    float *own = NULL;
    cairn_status st = check_segments(segments, n_segments, query, dim, err);

    *n_hits = 0;
    if (st || n_segments == 0 || x.rows == 0 || k == 0)
        return st;
    x.k = k < x.rows ? k : x.rows;
    own = own_query(segments, query, dim);
    x.query = own;
    x.work = checked_malloc(dim, sizeof *x.work);
    x.code.code = checked_aligned(vector_query_bytes(VECTOR_CODE_I8, dim) +
                                      vector_query_bytes(VECTOR_CODE_I4, dim),
                                  1); /* 1-bit planes are shorter */
    x.walk.code = checked_aligned(vector_query_bytes(VECTOR_CODE_I4, dim), 1);
    x.done = calloc(n_segments, sizeof *x.done);
    x.scan = checked_malloc(n_segments, sizeof *x.scan);
    if (!own || !x.work || !x.code.code || !x.walk.code || !x.done || !x.scan) {
        st = cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", k);
        goto done;
    }
    for (size_t s = 0; s < n_segments && !st; s++)
        if (!x.done[s])
            st = search_alike(&x, s, err);
    if (st)
        goto done;
    rescore(segments, own, x.found, x.n_found);
    *n_hits = x.n_found < x.k ? x.n_found : x.k;
    hits_select(x.found, x.n_found, *n_hits);
    hits_sort(x.found, *n_hits);
    memcpy(hits, x.found, *n_hits * sizeof *hits);
done:
    free(own);
    free(x.work);
    free(x.code.code);
    free(x.walk.code);
    free(x.done);
    free(x.scan);
    free(x.found);
    return st;
}

cairn_status vector_search_exact(const vector_segment *segments, size_t n_segments,
                                 const float *query, uint32_t dim, size_t k, pool *workers,
                                 vector_hit *hits, size_t *n_hits, cairn_error *err)
{
    size_t rows = total_rows(segments, n_segments), n_found = 0;
    cairn_status st = check_segments(segments, n_segments, query, dim, err);

    *n_hits = 0;
    if (st || n_segments == 0 || rows == 0 || k == 0)
        return st;
    k = k < rows ? k : rows;
    float *own = own_query(segments, query, dim);
    bool *scan = checked_malloc(n_segments, sizeof *scan);
    if (!own || !scan) {
        st = cairn_fail(err, CAIRN_ENOMEM, "an exact vector search for %zu rows", k);
        goto done;
    }
    memset(scan, true, n_segments * sizeof *scan);
    vector_scan all = {segments, n_segments, scan, NULL, own, k, NULL};
    st = vector_scan_run(&all, workers, hits, &n_found, err);
    if (st)
        goto done;
    hits_sort(hits, n_found);
    *n_hits = n_found;
done:
    free(own);
    free(scan);
    return st;
}

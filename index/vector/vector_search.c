/* vector_search.c - the k nearest rows over several segments.
 *
 * Two passes. The first ranks rows by their codes: a scan (vector_scan.c), a walk along the graph
 * or a few inverted lists, whatever the plan (vector_plan.c) says for each segment. Its best rows,
 * the candidates, go to the second, which computes the true score from the originals and keeps the
 * best k.
 *
 * A code's rounding errors are independent from component to component, so the score of a unit row
 * of 384 dimensions is off by about 0.0005 (one standard deviation) with int8 codes, and rescoring
 * k + 32 rows returns the same ten rows as the exact search for all but a few queries in a
 * thousand. 4-bit codes are off by 0.006, which the same k + 32 rows still cover for ten, and 3 k
 * for a thousand rows, where scores lie closer; 1-bit codes by 0.03, and some hundred rows are candidates then. Those are rescored best first, until no other
 * can be among the best k: its score would have to be off by more than B1_DEVIATIONS.
 *
 * Segments with different kinds of codes (settings change over the years) are searched kind by
 * kind: only true scores can be compared between them.
 *
 * Determinism: every comparison is by (score, segment, row), so the answer depends neither on the
 * number of threads nor on how they share the blocks. */
#include "index/vector/vector_plan.h"
#include "index/vector/vector_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define B1_DEVIATIONS 3.5f /* of a 1-bit code's error, that no row is expected to exceed */
#define B1_ERROR                                                                                   \
    0.62f /* its standard deviation, in query lengths times scale: sqrt(1 - 2 / pi), and the       \
             rounding of the query */
#define B1_ROWS      100000u /* from here on the candidates grow with the root of the rows: measured */
#define RESCORE_STEP 64u     /* candidates rescored between two looks at the bound */

/* Scores that are no number come from damaged codes only. */
static void add_found(vector_hit *found, size_t *n_found, uint32_t segment, hnsw_candidate c)
{
    if (!isnan(c.score))
        found[(*n_found)++] = (vector_hit){segment, c.row, c.score};
}

/* ---- graphs ---- */

/* Search one segment's graph. *scan is set when the walk did not find enough. */
static cairn_status search_graph(const vector_segment *s, uint32_t segment, size_t eligible,
                                 const vector_query *walk_query, size_t keep, size_t ef,
                                 const hnsw_end *end, vector_hit *found, size_t *n_found,
                                 bool *scan, cairn_error *err)
{
    const vector_reader *r = s->reader;
    size_t n = 0, want = eligible < keep ? eligible : keep,
           budget = vector_walk_budget(eligible, ef);
    hnsw_search_stats stats;

    hnsw_candidate *out = checked_malloc(ef, sizeof *out);
    if (!out)
        return cairn_fail(err, CAIRN_ENOMEM, "candidates of a graph search");
    cairn_status st = vector_walk_filtered(r->codes.rows, eligible)
                          ? hnsw_search_filtered(&r->graph, &r->walk, walk_query, ef, s->deleted,
                                                 s->allowed, eligible, budget, out, &n, &stats, err)
                          : hnsw_search(&r->graph, &r->walk, walk_query, ef, s->deleted, s->allowed,
                                        budget, end, out, &n, &stats, err);
    *scan = !st && (stats.gave_up || n < want);
    for (size_t i = 0; !st && !*scan && i < n && i < keep; i++)
        add_found(found, n_found, segment, out[i]);
    free(out);
    return st;
}

/* ---- inverted lists ---- */

/* The same for a segment with inverted lists. */
static cairn_status search_lists(const vector_segment *s, uint32_t segment, size_t eligible,
                                 const float *query, const vector_query *code, size_t keep,
                                 uint32_t n_probe, vector_hit *found, size_t *n_found, bool *scan,
                                 cairn_error *err)
{
    const vector_reader *r = s->reader;
    ivf_query q = {.v = query,
                   .code = code,
                   .codes = &r->codes,
                   .keep = keep,
                   .n_probe = n_probe,
                   .deleted = s->deleted,
                   .allowed = s->allowed};
    size_t n = 0;

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

size_t vector_rescore_default(vector_code_kind codes, uint32_t code_dim, uint32_t dim, size_t rows,
                              size_t k)
{
    size_t more = k / 2 > 32 ? k / 2 : 32;

    /* Far down a list rows are as near to each other as their codes are off. */
    if (codes == VECTOR_CODE_I4 && more < 2 * k)
        more = 2 * k;
    if (codes == VECTOR_CODE_B1)
        more =
            (size_t)((double)(29 * k + 100) * (rows > B1_ROWS ? sqrt((double)rows / B1_ROWS) : 1));
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
static size_t default_keep(const vector_reader *r, size_t rows, size_t k)
{
    if (r->lists.kind == IVF_PQ)
        return k + (k > 64 ? 2 * k : 128);
    return vector_rescore_default(r->codes.kind, r->codes.dim, r->dim, rows, k);
}

typedef struct search {
    const vector_segment *segments;
    size_t n_segments, k, rows; /* rows: of all segments */
    vector_params params;
    const float *query; /* at unit length under cosine */
    pool *workers;
    bool *done, *scan; /* [n_segments] */
    float *work;       /* [dim] */
    vector_query code; /* with room for every kind of code */
    vector_query walk; /* the same for a graph's own codes */
    bool code_ready, walk_ready;
    vector_hit *candidates; /* of the segments at hand */
    size_t n_candidates;
    vector_hit *best; /* [2 k]: the best k so far, by their true scores, and room for as many */
    size_t n_best;
} search;

static float least_score(const vector_hit *hits, size_t n)
{
    float least = hits[0].score;

    for (size_t i = 1; i < n; i++)
        least = hits[i].score < least ? hits[i].score : least;
    return least;
}

/* ---- rescoring ---- */

/* Turn walk scores into true ones. */
static void rescore(const search *x, vector_hit *h, size_t n)
{
    const vector_kernels *k = vector_kernels_get();

    for (size_t i = 0; i < n; i++) {
        if (i + 4 < n) {
            const vector_originals *o = &x->segments[h[i + 4].segment].reader->originals;
            const uint8_t *ahead = o->row + (size_t)h[i + 4].row * o->stride;
            for (size_t b = 0; b < o->stride; b += 64)
                __builtin_prefetch(ahead + b);
        }
        const vector_reader *r = x->segments[h[i].segment].reader;
        float s = vector_true_score(&r->originals, r->metric, k, h[i].row, x->query);
        h[i].score = isnan(s) ? -INFINITY : s; /* only damaged originals do that */
    }
}

/* Put these true scores among the best k. */
static void keep_best(search *x, vector_hit *h, size_t n)
{
    if (!x->n_best && n > x->k) {
        hits_select(h, n, x->k);
        n = x->k;
    }
    while (n) {
        size_t part = n < x->k ? n : x->k;
        memcpy(x->best + x->n_best, h, part * sizeof *h);
        x->n_best += part;
        h += part;
        n -= part;
        if (x->n_best > x->k) {
            hits_select(x->best, x->n_best, x->k);
            x->n_best = x->k;
        }
    }
}

/* Whether a candidate of 1-bit codes among h[0, n) might still be one of the best k. */
static bool may_enter(const search *x, const vector_hit *h, size_t n)
{
    vector_metric metric = x->segments[0].reader->metric;
    uint32_t dim = x->segments[0].reader->dim;
    float square = 0;

    if (x->n_best < x->k)
        return true;
    float least = least_score(x->best, x->n_best);
    for (uint32_t i = 0; i < dim; i++)
        square += x->query[i] * x->query[i];
    if (metric == VECTOR_L2) /* as a walk score */
        least = (least + square) / 2;
    float error = B1_DEVIATIONS * B1_ERROR * sqrtf(square);
    for (size_t i = 0; i < n; i++)
        if (h[i].score + error * x->segments[h[i].segment].reader->codes.scale[h[i].row] >= least)
            return true;
    return false;
}

/* Rescore the candidates at hand, as many as may matter. */
static void take_candidates(search *x, const vector_codes *c)
{
    vector_hit *h = x->candidates;
    size_t n = x->n_candidates;
    bool few_bits = c->kind == VECTOR_CODE_B1 && c->dim == c->full_dim && !x->params.rescore;

    while (n) {
        size_t part = few_bits && n > RESCORE_STEP ? RESCORE_STEP : n;
        hits_select(h, n, part);
        rescore(x, h, part);
        keep_best(x, h, part);
        h += part;
        n -= part;
        if (few_bits && !may_enter(x, h, n))
            return;
    }
}

/* ---- candidates ---- */

/* The query for the codes at hand, prepared when it is first needed. */
static const vector_query *query_for(search *x, const vector_codes *c)
{
    if (!x->code_ready)
        vector_query_encode(c, x->query, x->work, &x->code);
    x->code_ready = true;
    return &x->code;
}

/* The same for a walk, which may read codes of the graph's own. */
static const vector_query *walk_query_for(search *x, const vector_reader *r)
{
    if (r->walk.kind == r->codes.kind)
        return query_for(x, &r->codes);
    if (!x->walk_ready)
        vector_query_encode(&r->walk, x->query, x->work, &x->walk);
    x->walk_ready = true;
    return &x->walk;
}

/* Whether a walk for this search may end early, and when. A code's error is that of a uniform
 * rounding, independent in each component: a step over the square root of 12, the largest component
 * of a row of length 1, about 3.5 over the square root of the dimension, being 7 or 127 steps. */
static bool when_to_end(const search *x, const vector_reader *r, size_t keep, hnsw_end *end)
{
    const vector_codes *c = &r->walk;
    float steps = c->kind == VECTOR_CODE_I4 ? 7 : 127;

    *end = (hnsw_end){.k = x->k,
                      .least = keep,
                      .origin = 1,
                      .slack = x->params.slack != 0 ? x->params.slack : VECTOR_SLACK,
                      .gap = 2 * 3.5f / steps / sqrtf(12.0f * (float)r->dim)};
    if (end->slack < 0 || r->metric == VECTOR_DOT || c->kind == VECTOR_CODE_B1 ||
        c->dim < r->dim || x->k == 0)
        return false; /* scores are no distances, or off by more than what is allowed */
    if (r->metric == VECTOR_L2) {
        float square = 0;
        for (uint32_t i = 0; i < r->dim; i++)
            square += x->query[i] * x->query[i];
        end->origin = square / 2;
        end->gap *= square;
    }
    return true;
}

/* Search the index of segment s, where it has one and the plan says so, or scan it on a device;
 * x->scan[s] tells whether the segment must be scanned here. */
static cairn_status search_index(search *x, uint32_t s, size_t keep, size_t ef, cairn_error *err)
{
    const vector_segment *seg = &x->segments[s];
    const vector_reader *r = seg->reader;
    bool *scan = &x->scan[s];
    const bool alone = x->params.no_graph || (!r->has_graph && r->lists.kind == IVF_NONE);

    if (alone && !r->copy)
        return CAIRN_OK;
    size_t eligible = vector_count_eligible(seg);
    if (r->has_graph)
        ef = hnsw_repaired_ef(&r->graph, ef);
    vector_plan plan = vector_plan_segment(r, eligible, ef, x->params.n_probe, keep);
    if (eligible == 0) {
        *scan = false;
        return CAIRN_OK;
    }
    if (alone || (plan.scan && !x->params.no_scan)) {
        if (r->copy)
            *scan = !vector_device_search(seg, s, query_for(x, &r->codes), eligible, plan.scan_ns,
                                          keep, x->candidates, &x->n_candidates);
        return CAIRN_OK;
    }
    if (vector_device_instead(r) && !x->params.no_scan &&
        vector_device_search(seg, s, query_for(x, &r->codes), eligible, plan.index_ns, keep,
                             x->candidates, &x->n_candidates)) {
        *scan = false;
        return CAIRN_OK;
    }
    *scan = false;
    if (r->has_graph) {
        hnsw_end end;
        bool ends = when_to_end(x, r, keep, &end);
        return search_graph(seg, s, eligible, walk_query_for(x, r), keep, ef, ends ? &end : NULL,
                            x->candidates, &x->n_candidates, scan, err);
    }
    return search_lists(seg, s, eligible, x->query, query_for(x, &r->codes), keep,
                        x->params.n_probe, x->candidates, &x->n_candidates, scan, err);
}

/* Search all segments that have codes like segment `first`. */
static cairn_status search_alike(search *x, size_t first, cairn_error *err)
{
    const vector_codes *c = &x->segments[first].reader->codes;
    size_t keep = x->params.rescore, ef, n_alike = 0, room;
    cairn_status st = CAIRN_OK;

    if (!keep)
        keep = default_keep(x->segments[first].reader, x->rows, x->k);
    if (!x->params.rescore && x->params.ef && keep > x->params.ef && c->kind != VECTOR_CODE_B1)
        keep = x->params.ef; /* a small ef asks for speed */
    keep = keep < x->k ? x->k : keep > x->rows ? x->rows : keep;
    ef = x->params.ef ? x->params.ef : VECTOR_EF;
    ef = ef < keep ? keep : ef > x->rows ? x->rows : ef;
    for (size_t s = 0; s < x->n_segments; s++) {
        x->scan[s] = !x->done[s] && codes_alike(x->segments[first].reader, x->segments[s].reader);
        n_alike += x->scan[s];
    }
    vector_hit *candidates = NULL;
    if (checked_mul(n_alike + 1, keep, &room))
        candidates = checked_realloc(x->candidates, room, sizeof *candidates);
    if (!candidates)
        return cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", x->k);
    x->candidates = candidates;
    x->n_candidates = 0;
    x->code_ready = x->walk_ready = false;
    for (uint32_t s = 0; s < x->n_segments && !st; s++) {
        x->done[s] |= x->scan[s];
        if (x->scan[s])
            st = search_index(x, s, keep, ef, err);
    }
    bool scans = false;
    for (size_t s = 0; s < x->n_segments; s++)
        scans |= x->scan[s];
    if (scans)
        (void)query_for(x, c);
    vector_scan scan = {x->segments, x->n_segments, x->scan, &x->code, NULL, keep, NULL};
    float bound;
    if (!st && x->n_candidates >= keep) { /* what the graphs found is hard to beat */
        hits_select(candidates, x->n_candidates, keep);
        x->n_candidates = keep;
        bound = least_score(candidates, keep);
        scan.bound = &bound;
    }
    if (!st)
        st = vector_scan_run(&scan, x->workers, candidates, &x->n_candidates, err);
    if (st)
        return st;
    if (x->n_candidates > keep) {
        hits_select(candidates, x->n_candidates, keep);
        x->n_candidates = keep;
    }
    take_candidates(x, c);
    return CAIRN_OK;
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
    x.best = checked_malloc(x.k, 2 * sizeof *x.best);
    if (!own || !x.work || !x.code.code || !x.walk.code || !x.done || !x.scan || !x.best) {
        st = cairn_fail(err, CAIRN_ENOMEM, "a vector search for %zu rows", k);
        goto done;
    }
    for (size_t s = 0; s < n_segments && !st; s++)
        if (!x.done[s])
            st = search_alike(&x, s, err);
    if (st)
        goto done;
    hits_sort(x.best, x.n_best);
    memcpy(hits, x.best, x.n_best * sizeof *hits);
    *n_hits = x.n_best;
done:
    free(own);
    free(x.work);
    free(x.code.code);
    free(x.walk.code);
    free(x.done);
    free(x.scan);
    free(x.candidates);
    free(x.best);
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

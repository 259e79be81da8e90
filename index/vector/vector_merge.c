/* vector_merge.c - several segments' vectors made one, deleted rows left out.
 *
 * Codes, scales and originals of live rows are copied as they are: a code depends on its row alone.
 * The largest graph among the inputs is kept (hnsw_adopt) when at least two thirds of its rows are
 * alive, and the other rows are inserted into it; that saves its share of the build. Otherwise, and
 * when the graph does not pass hnsw_verify, everything is built afresh. */
#include "index/vector/vector_format.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static uint32_t live_rows(const vector_merge_input *in)
{
    uint32_t rows = in->reader->codes.rows, dead = 0;

    for (uint32_t r = 0; in->deleted && r < rows; r++)
        dead += row_set_has(in->deleted, r);
    return rows - dead;
}

/* The first live row at or after r, or rows. */
static uint32_t next_live(const vector_merge_input *in, uint32_t r)
{
    uint32_t rows = in->reader->codes.rows;

    while (in->deleted && r < rows && row_set_has(in->deleted, r))
        r++;
    return r;
}

/* The end of the run of live rows that starts at r. */
static uint32_t run_end(const vector_merge_input *in, uint32_t r)
{
    uint32_t rows = in->reader->codes.rows;

    if (!in->deleted)
        return rows;
    while (r < rows && !row_set_has(in->deleted, r))
        r++;
    return r;
}

static void copy_codes(const vector_merge_input *in, size_t n, uint8_t *code, float *scale,
                       float *bias, size_t stride)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        const vector_codes *c = &in[i].reader->codes;
        for (uint32_t r = next_live(&in[i], 0); r < c->rows; r = next_live(&in[i], r)) {
            uint32_t end = run_end(&in[i], r);
            memcpy(code + at * stride, c->code + (size_t)r * stride, (end - r) * stride);
            memcpy(scale + at, c->scale + r, (end - r) * sizeof *scale);
            if (bias)
                memcpy(bias + at, c->bias + r, (end - r) * sizeof *bias);
            at += end - r;
            r = end;
        }
    }
}

static cairn_status put_originals(const vector_merge_input *in, size_t n, uint32_t dim,
                                  const section_sink *sink, cairn_error *err)
{
    cairn_status st = sink->begin(sink->ctx, "vec.f32", err);

    for (size_t i = 0; i < n && !st; i++) {
        const vector_reader *v = in[i].reader;
        for (uint32_t r = next_live(&in[i], 0); r < v->codes.rows && !st;
             r = next_live(&in[i], r)) {
            uint32_t end = run_end(&in[i], r);
            st = sink->write(sink->ctx, v->f32 + (size_t)r * dim,
                             (size_t)(end - r) * dim * sizeof(float), err);
            r = end;
        }
    }
    return st ? st : sink->end(sink->ctx, err);
}

/* The input whose graph is worth keeping, or n. */
static size_t choose_base(const vector_merge_input *in, size_t n, uint32_t m)
{
    size_t best = n;

    for (size_t i = 0; i < n; i++) {
        const vector_reader *r = in[i].reader;
        if (!r->has_graph || r->graph.m != m || live_rows(&in[i]) / 2 < r->graph.rows / 3)
            continue;
        if (live_rows(&in[i]) == 0 || (best < n && in[best].reader->graph.rows >= r->graph.rows))
            continue;
        best = i;
    }
    return best < n && hnsw_verify(&in[best].reader->graph, NULL) == CAIRN_OK ? best : n;
}

static cairn_status build_graph(hnsw_build **out, const vector_merge_input *in, size_t n,
                                const vector_codes *codes, const vector_options *o, pool *workers,
                                cairn_error *err)
{
    hnsw_params p = {o->m, o->ef_construction, o->seed};
    size_t base_at = choose_base(in, n, o->m);
    uint32_t at = 0, *new_row = NULL;

    if (base_at == n)
        return hnsw_build_run(out, codes, &p, NULL, workers, err);
    for (size_t i = 0; i < base_at; i++)
        at += live_rows(&in[i]);
    hnsw_base base = {&in[base_at].reader->graph, NULL};
    new_row = checked_malloc(base.graph->rows, sizeof *new_row);
    if (!new_row)
        return cairn_fail(err, CAIRN_ENOMEM, "merging graphs");
    for (uint32_t r = 0; r < base.graph->rows; r++) {
        bool dead = in[base_at].deleted && row_set_has(in[base_at].deleted, r);
        new_row[r] = dead ? HNSW_NONE : at++;
    }
    base.new_row = new_row;
    cairn_status st = hnsw_build_run(out, codes, &p, &base, workers, err);
    free(new_row);
    return st;
}

/* ---- inverted lists ---- */

/* Where the rows of the merged segment come from: runs of live rows, in order. */
typedef struct row_run {
    const vector_reader *reader;
    uint32_t from, to, n; /* row `from` of the reader is row `to` of the result */
} row_run;

typedef struct row_runs {
    row_run *at;
    size_t n, cap;
} row_runs;

static bool list_runs(const vector_merge_input *in, size_t n, row_runs *runs)
{
    uint32_t to = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t rows = in[i].reader->codes.rows;
        for (uint32_t r = next_live(&in[i], 0); r < rows; r = next_live(&in[i], r)) {
            uint32_t end = run_end(&in[i], r);
            if (runs->n == runs->cap) {
                size_t cap = runs->cap ? runs->cap * 2 : 64;
                row_run *at = checked_realloc(runs->at, cap, sizeof *at);
                if (!at)
                    return false;
                runs->at = at;
                runs->cap = cap;
            }
            runs->at[runs->n++] = (row_run){in[i].reader, r, to, end - r};
            to += end - r;
            r = end;
        }
    }
    return true;
}

static void get_originals(void *ctx, uint32_t first, uint32_t n, float *out)
{
    const row_runs *runs = ctx;
    size_t low = 0, high = runs->n;

    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        if (runs->at[mid].to <= first)
            low = mid;
        else
            high = mid;
    }
    for (uint32_t i = 0; i < n; i++) {
        while (first + i >= runs->at[low].to + runs->at[low].n)
            low++;
        const row_run *r = &runs->at[low];
        vector_reader_get(r->reader, r->from + (first + i - r->to), out + (size_t)i * r->reader->dim);
    }
}

/* Lists over the merged rows; the largest input's centroids serve again where they fit. */
static cairn_status build_lists(ivf_build **out, const vector_merge_input *in, size_t n,
                                const vector_codes *codes, ivf_kind kind, const vector_options *o,
                                pool *workers, cairn_error *err)
{
    ivf_params p = {.kind = kind, .n_lists = o->n_lists, .seed = o->seed};
    row_runs runs = {0};
    ivf_rows originals = {&runs, get_originals};
    cairn_status st;

    for (size_t i = 0; i < n; i++) {
        const ivf_lists *l = &in[i].reader->lists;
        if (l->kind != IVF_NONE && (!p.base || l->rows > p.base->rows) &&
            !ivf_verify(l, &in[i].reader->codes, NULL))
            p.base = l;
    }
    if (!list_runs(in, n, &runs))
        st = cairn_fail(err, CAIRN_ENOMEM, "merging inverted lists");
    else
        st = ivf_build_run(out, &originals, codes, in[0].reader->dim,
                           in[0].reader->metric == VECTOR_L2, &p, workers, err);
    free(runs.at);
    return st;
}

cairn_status vector_merge(const vector_merge_input *in, size_t n, const vector_options *options,
                          const section_sink *sink, pool *workers, cairn_error *err)
{
    vector_options o = vector_options_effective(options);
    uint64_t rows = 0;
    cairn_status st = CAIRN_OK;
    hnsw_build *graph = NULL;
    ivf_build *lists = NULL;

    if (n == 0)
        return cairn_fail(err, CAIRN_EUSAGE, "a merge of no segments");
    uint32_t dim = in[0].reader->dim;
    vector_metric metric = in[0].reader->metric;
    for (size_t i = 0; i < n; i++) {
        if (in[i].reader->dim != dim || in[i].reader->metric != metric)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "segments of %u and %u dimensions cannot be merged", dim,
                              in[i].reader->dim);
        rows += live_rows(&in[i]);
    }
    if (rows > VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u vectors",
                          VECTOR_MAX_ROWS);
    size_t stride = vector_stride(dim);
    uint8_t *code = checked_aligned(rows, stride);
    float *scale = checked_aligned(rows, sizeof *scale), *bias = NULL;
    if (metric == VECTOR_L2)
        bias = checked_aligned(rows, sizeof *bias);
    if (!code || !scale || (metric == VECTOR_L2 && !bias)) {
        st = cairn_fail(err, CAIRN_ENOMEM, "merging %llu vectors", (unsigned long long)rows);
        goto done;
    }
    copy_codes(in, n, code, scale, bias, stride);
    vector_codes codes = {code, scale, bias, stride, (uint32_t)rows};
    ivf_kind kind = vector_wants_lists(&o, rows);
    if (kind != IVF_NONE)
        st = build_lists(&lists, in, n, &codes, kind, &o, workers, err);
    else if (vector_wants_graph(&o, rows))
        st = build_graph(&graph, in, n, &codes, &o, workers, err);
    if (!st)
        st = vector_put_meta(sink, dim, metric, (uint32_t)rows,
                             graph ? hnsw_build_graph(graph) : NULL,
                             lists ? ivf_build_lists(lists) : NULL, err);
    if (!st)
        st = vector_put_section(sink, "vec.i8", code, rows * stride, err);
    if (!st)
        st = vector_put_section(sink, "vec.scale", scale, rows * sizeof *scale, err);
    if (!st && bias)
        st = vector_put_section(sink, "vec.bias", bias, rows * sizeof *bias, err);
    if (!st)
        st = put_originals(in, n, dim, sink, err);
done:
    hnsw_build_destroy(graph);
    ivf_build_destroy(lists);
    free(code);
    free(scale);
    free(bias);
    return st;
}

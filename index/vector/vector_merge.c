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

cairn_status vector_merge(const vector_merge_input *in, size_t n, const vector_options *options,
                          const section_sink *sink, pool *workers, cairn_error *err)
{
    vector_options o = vector_options_effective(options);
    uint64_t rows = 0;
    cairn_status st = CAIRN_OK;
    hnsw_build *graph = NULL;

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
    if (rows && (o.force || rows >= o.hnsw_from_rows))
        st = build_graph(&graph, in, n, &codes, &o, workers, err);
    if (!st)
        st = vector_put_meta(sink, dim, metric, (uint32_t)rows,
                             graph ? hnsw_build_graph(graph) : NULL, err);
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
    free(code);
    free(scale);
    free(bias);
    return st;
}

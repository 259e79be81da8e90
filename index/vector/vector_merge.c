/* vector_merge.c - several segments' vectors made one, deleted rows left out.
 *
 * Codes, scales and originals of live rows are copied as they are where their kinds are the ones
 * asked for: a code depends on its row alone. Otherwise they are converted row by row. The largest
 * graph among the inputs is kept (hnsw_adopt) when at least two thirds of its rows are alive and
 * repairs have not worn it (hnsw_is_worn), and the other rows are inserted into it; that saves its
 * share of the build. Otherwise everything is built afresh. */
#include "index/vector/vector_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define COPY_ROWS     4096u /* at once */
#define COPY_UNITS    4u    /* of pace.h, a row copied */
#define CONVERT_UNITS 64u   /* a row made anew */

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

/* Codes of the same kind, and originals of the same storage, are copied; others are made anew from
 * the originals. */
static bool same_kind(const vector_merge_input *in, vector_storage storage, const vector_codes *c)
{
    const vector_reader *r = in->reader;

    return r->originals.storage == storage && r->codes.kind == c->kind && r->codes.dim == c->dim;
}

/* Room to turn one row into another form. */
typedef struct converter {
    float *row, *work; /* [dim] */
    uint8_t *stored;   /* [dim] components of the new storage */
    float scale;
} converter;

/* The row in the new storage, in v->row as floats again. What came from a coarser storage is
 * brought back to unit length under cosine. */
static cairn_status convert_row(converter *v, const vector_reader *r, uint32_t row,
                                vector_storage storage, cairn_error *err)
{
    vector_originals one = {storage, r->dim, 0, v->stored, storage == VECTOR_I8 ? &v->scale : NULL};

    const vector_originals *o = &r->originals;

    vector_original_get(o, row, v->row);
    for (uint32_t i = 0; i < r->dim; i++)
        if (!isfinite(v->row[i]))
            return cairn_fail(err, CAIRN_ECORRUPT, "vector %u is not finite", row);
    if (o->storage == storage) {
        memcpy(v->stored, o->row + (size_t)row * o->stride,
               r->dim * vector_component_bytes(storage));
        v->scale = o->scale ? o->scale[row] : 0;
        return CAIRN_OK;
    }
    if (r->metric == VECTOR_COSINE)
        vector_normalize(v->row, r->dim);
    if (!vector_original_put(storage, v->row, r->dim, v->stored, &v->scale))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "a vector has a component too large for half precision; store float");
    vector_original_get(&one, 0, v->row);
    return CAIRN_OK;
}

static cairn_status copy_codes(const vector_merge_input *in, size_t n, vector_storage storage,
                               vector_codes *out, converter *v, pace *steps, cairn_error *err)
{
    uint8_t *code = (uint8_t *)out->code;
    float *scale = (float *)out->scale, *bias = (float *)out->bias;
    size_t at = 0, stride = out->stride;

    for (size_t i = 0; i < n; i++) {
        const vector_codes *c = &in[i].reader->codes;
        bool same = same_kind(&in[i], storage, out);
        for (uint32_t r = next_live(&in[i], 0); r < c->rows; r = next_live(&in[i], r)) {
            if (!same) {
                cairn_status st = convert_row(v, in[i].reader, r, storage, err);
                if (!st)
                    st = pace_work(steps, CONVERT_UNITS, err);
                if (st)
                    return st;
                vector_encode(out, v->row, v->work, code + at * stride, scale + at,
                              bias ? bias + at : NULL);
                at++;
                r++;
                continue;
            }
            uint32_t end = run_end(&in[i], r);
            end = end - r < COPY_ROWS ? end : r + COPY_ROWS;
            cairn_status st = pace_work(steps, (uint64_t)(end - r) * COPY_UNITS, err);
            if (st)
                return st;
            memcpy(code + at * stride, c->code + (size_t)r * stride, (end - r) * stride);
            memcpy(scale + at, c->scale + r, (end - r) * sizeof *scale);
            if (bias)
                memcpy(bias + at, c->bias + r, (end - r) * sizeof *bias);
            at += end - r;
            r = end;
        }
    }
    return CAIRN_OK;
}

/* The originals of all live rows; with `scales`, their scales instead. */
static cairn_status put_originals(const vector_merge_input *in, size_t n, vector_storage storage,
                                  const char *name, bool scales, converter *v,
                                  const section_sink *sink, cairn_error *err)
{
    size_t stride = in[0].reader->dim * vector_component_bytes(storage);
    cairn_status st = sink->begin(sink->ctx, name, err);

    for (size_t i = 0; i < n && !st; i++) {
        const vector_reader *r = in[i].reader;
        const vector_originals *o = &r->originals;
        for (uint32_t row = next_live(&in[i], 0); row < r->codes.rows && !st;
             row = next_live(&in[i], row)) {
            if (o->storage == storage && o->stride == stride) {
                uint32_t end = run_end(&in[i], row);
                const uint8_t *from =
                    scales ? (const uint8_t *)(o->scale + row) : o->row + (size_t)row * stride;
                size_t size = scales ? sizeof *o->scale : stride;
                st = sink->write(sink->ctx, from, (end - row) * size, err);
                row = end;
                continue;
            }
            st = convert_row(v, r, row, storage, err);
            if (!st)
                st = scales ? sink->write(sink->ctx, &v->scale, sizeof v->scale, err)
                            : sink->write(sink->ctx, v->stored, stride, err);
            row++;
        }
    }
    return st ? st : sink->end(sink->ctx, err);
}

/* The input whose graph is worth keeping, or n. A graph with broken lists is no base for anything:
 * CAIRN_ECORRUPT, and vector_options.rebuild is the cure. Rows that cannot be reached are no reason
 * to refuse it; the build connects them. */
static cairn_status choose_base(const vector_merge_input *in, size_t n, uint32_t rows,
                                const vector_options *o, pace *steps, size_t *best,
                                cairn_error *err)
{
    *best = n;
    for (size_t i = 0; !o->rebuild && i < n; i++) {
        const vector_reader *r = in[i].reader;
        uint32_t live = live_rows(&in[i]);
        if (!r->has_graph || r->graph.m != o->m || live == 0 || live / 2 < r->graph.rows / 3)
            continue;
        if (hnsw_is_worn(&r->graph, r->graph.rows - live, rows))
            continue;
        if (*best == n || in[*best].reader->graph.rows < r->graph.rows)
            *best = i;
    }
    return *best < n ? hnsw_verify_lists(&in[*best].reader->graph, steps, err) : CAIRN_OK;
}

/* Whether rows of int8 codes keep the ones they have; a segment of other codes has its graph built
 * over int8 codes that it does not store. */
static bool keeps_codes(const vector_merge_input *in, const vector_options *o,
                        const vector_codes *c)
{
    return same_kind(in, o->storage, c) && in->reader->codes.kind == VECTOR_CODE_I8;
}

static cairn_status build_graph(hnsw_build **out, const vector_merge_input *in, size_t n,
                                const vector_codes *codes, const vector_options *o, pace *steps,
                                pool *workers, cairn_error *err)
{
    hnsw_params p = {o->m, o->ef_construction, o->seed, steps};
    size_t base_at;
    uint32_t at = 0, *new_row = NULL;
    cairn_status st = choose_base(in, n, codes->rows, o, steps, &base_at, err);

    if (st)
        return st;
    if (base_at == n)
        return hnsw_build_run(out, codes, &p, NULL, workers, err);
    for (size_t i = 0; i < base_at; i++)
        at += live_rows(&in[i]);
    hnsw_base base = {&in[base_at].reader->graph, NULL, keeps_codes(&in[base_at], o, codes)};
    new_row = checked_malloc(base.graph->rows, sizeof *new_row);
    if (!new_row)
        return cairn_fail(err, CAIRN_ENOMEM, "merging graphs");
    for (uint32_t r = 0; r < base.graph->rows; r++) {
        bool dead = in[base_at].deleted && row_set_has(in[base_at].deleted, r);
        new_row[r] = dead ? HNSW_NONE : at++;
    }
    base.new_row = new_row;
    st = hnsw_build_run(out, codes, &p, &base, workers, err);
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
        vector_reader_get(r->reader, r->from + (first + i - r->to),
                          out + (size_t)i * r->reader->dim);
    }
}

/* Lists over the merged rows; the largest input's centroids serve again where they fit. */
static cairn_status build_lists(ivf_build **out, const vector_merge_input *in, size_t n,
                                const vector_codes *codes, ivf_kind kind, const vector_options *o,
                                pace *steps, pool *workers, cairn_error *err)
{
    ivf_params p = {.kind = kind, .n_lists = o->n_lists, .seed = o->seed, .pace = steps};
    row_runs runs = {0};
    ivf_rows originals = {&runs, get_originals};
    cairn_status st;

    for (size_t i = 0; i < n; i++) {
        const ivf_lists *l = &in[i].reader->lists;
        if (!o->rebuild && l->kind != IVF_NONE && (!p.base || l->rows > p.base->rows) &&
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

/* int8 codes of the merged rows, for building their graph. */
static cairn_status fine_codes(vector_codes *fine, const vector_merge_input *in, size_t n,
                               vector_storage storage, const vector_codes *codes, converter *v,
                               pace *steps, cairn_error *err)
{
    *fine = vector_codes_of(VECTOR_CODE_I8, codes->dim, codes->full_dim, codes->metric);
    cairn_status st = vector_codes_alloc(fine, codes->rows, err);
    return st ? st : copy_codes(in, n, storage, fine, v, steps, err);
}

static cairn_status check_inputs(const vector_merge_input *in, size_t n, uint32_t *rows,
                                 cairn_error *err)
{
    uint64_t live = 0;

    if (n == 0)
        return cairn_fail(err, CAIRN_EUSAGE, "a merge of no segments");
    for (size_t i = 0; i < n; i++) {
        if (in[i].reader->dim != in[0].reader->dim || in[i].reader->metric != in[0].reader->metric)
            return cairn_fail(err, CAIRN_EUSAGE,
                              "segments of %u and %u dimensions cannot be merged",
                              in[0].reader->dim, in[i].reader->dim);
        live += live_rows(&in[i]);
    }
    if (live > VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u vectors", VECTOR_MAX_ROWS);
    *rows = (uint32_t)live;
    return CAIRN_OK;
}

cairn_status vector_merge(const vector_merge_input *in, size_t n, const vector_options *options,
                          const section_sink *sink, pool *workers, cairn_error *err)
{
    return vector_merge_with(in, n, options, sink, NULL, workers, err);
}

cairn_status vector_merge_with(const vector_merge_input *in, size_t n,
                               const vector_options *options, const section_sink *sink, pace *steps,
                               pool *workers, cairn_error *err)
{
    vector_options o = vector_options_effective(options);
    vector_codes codes = {0}, fine = {0};
    hnsw_build *graph = NULL;
    ivf_build *lists = NULL;
    converter v = {0};
    uint32_t rows = 0;
    cairn_status st = check_inputs(in, n, &rows, err);

    if (st)
        return st;
    uint32_t dim = in[0].reader->dim;
    codes = vector_wants_codes(&o, rows, dim, in[0].reader->metric);
    v.row = checked_malloc(dim, sizeof *v.row);
    v.work = checked_malloc(dim, sizeof *v.work);
    v.stored = checked_malloc(dim, sizeof(float));
    if (!v.row || !v.work || !v.stored)
        st = cairn_fail(err, CAIRN_ENOMEM, "merging %u vectors", rows);
    if (!st)
        st = vector_codes_alloc(&codes, rows, err);
    if (!st)
        st = copy_codes(in, n, o.storage, &codes, &v, steps, err);
    ivf_kind kind = vector_wants_lists(&o, rows);
    if (!st && kind != IVF_NONE) {
        st = build_lists(&lists, in, n, &codes, kind, &o, steps, workers, err);
    } else if (!st && vector_wants_graph(&o, &codes, rows)) {
        if (codes.kind != VECTOR_CODE_I8)
            st = fine_codes(&fine, in, n, o.storage, &codes, &v, steps, err);
        if (!st)
            st = build_graph(&graph, in, n, fine.code ? &fine : &codes, &o, steps, workers, err);
    }
    if (!st)
        st = vector_put_meta(sink, o.storage, &codes, graph ? hnsw_build_graph(graph) : NULL,
                             lists ? ivf_build_lists(lists) : NULL, err);
    if (!st)
        st = vector_put_codes(sink, &codes, err);
    if (!st && !vector_codes_are_originals(o.storage, codes.kind, dim, codes.dim)) {
        const char *scales, *name = vector_original_section(o.storage, &scales);
        st = put_originals(in, n, o.storage, name, false, &v, sink, err);
        if (!st && scales)
            st = put_originals(in, n, o.storage, scales, true, &v, sink, err);
    }
    hnsw_build_destroy(graph);
    ivf_build_destroy(lists);
    vector_codes_free(&codes);
    vector_codes_free(&fine);
    free(v.row);
    free(v.work);
    free(v.stored);
    return st;
}

/* ---- what a repair asks ---- */

vector_options vector_options_of(const vector_reader *r)
{
    vector_options o = {.force = r->has_graph || r->lists.kind != IVF_NONE,
                        .storage = r->originals.storage,
                        .codes = r->codes.kind,
                        .code_dim = r->codes.dim};

    if (r->has_graph) {
        o.index = VECTOR_HNSW;
        o.m = r->graph.m;
    }
    if (r->lists.kind != IVF_NONE)
        o.index = (vector_choice)(VECTOR_IVF_FLAT + (r->lists.kind - IVF_FLAT));
    return o;
}

cairn_status vector_count_unreachable(const vector_reader *r, const uint64_t *deleted, uint32_t *n,
                                      cairn_error *err)
{
    uint32_t first;

    *n = 0;
    return r->has_graph ? hnsw_count_unreachable(&r->graph, deleted, n, &first, err) : CAIRN_OK;
}

/* vector_write.c - from float rows to the sections of a segment.
 *
 * Rows are gathered in memory as they come: dim * 4 bytes each. finish rounds them to codes in
 * parallel, builds the graph where there are enough of them, and writes the sections in the order
 * codes, scales, graph, originals: what a search reads first lies together. */
#include "index/vector/vector_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"

#define ENCODE_ROWS 1024u /* rows a task */

struct vector_writer {
    uint32_t dim;
    vector_metric metric;
    vector_options options;
    float *rows; /* [cap * dim] */
    uint32_t n;
    size_t cap;
    bool spent;
};

vector_options vector_options_effective(const vector_options *options)
{
    vector_options o = options ? *options : (vector_options){0};

    if (o.hnsw_from_rows == 0)
        o.hnsw_from_rows = VECTOR_HNSW_FROM_ROWS;
    if (o.m == 0)
        o.m = VECTOR_M;
    o.m = o.m < HNSW_MIN_M ? HNSW_MIN_M : o.m > HNSW_MAX_M ? HNSW_MAX_M : o.m;
    if (o.ef_construction == 0)
        o.ef_construction = VECTOR_EF_CONSTRUCTION;
    o.ef_construction = o.ef_construction < 8      ? 8
                        : o.ef_construction > 4096 ? 4096
                                                   : o.ef_construction;
    if (o.seed == 0)
        o.seed = VECTOR_SEED;
    return o;
}

ivf_kind vector_wants_lists(const vector_options *o, size_t rows)
{
    if (!rows || (rows < IVF_MIN_ROWS && !o->force))
        return IVF_NONE;
    switch (o->index) {
    case VECTOR_IVF_FLAT:
        return IVF_FLAT;
    case VECTOR_IVF_SQ8:
        return IVF_SQ8;
    case VECTOR_IVF_PQ:
        return IVF_PQ;
    default:
        return IVF_NONE;
    }
}

bool vector_wants_graph(const vector_options *o, size_t rows)
{
    if (o->index != VECTOR_AUTO && o->index != VECTOR_HNSW)
        return false;
    return rows && (o->force || rows >= o->hnsw_from_rows);
}

bool vector_normalize(float *v, uint32_t dim)
{
    double sum = 0;
    float top = 0;

    for (uint32_t i = 0; i < dim; i++) {
        if (!isfinite(v[i]))
            return false;
        top = fmaxf(top, fabsf(v[i]));
    }
    if (top == 0)
        return true;
    for (uint32_t i = 0; i < dim; i++) {
        double x = (double)v[i] / top; /* so that neither tiny nor huge rows leave the range */
        sum += x * x;
    }
    double scale = 1.0 / (sqrt(sum) * top);
    if (!isfinite(scale)) { /* subnormal rows: two steps */
        for (uint32_t i = 0; i < dim; i++)
            v[i] = (float)((double)v[i] / top / sqrt(sum));
        return true;
    }
    for (uint32_t i = 0; i < dim; i++)
        v[i] = (float)(v[i] * scale);
    return true;
}

/* Largest |component|; rows are finite here. */
static float largest(const float *v, uint32_t dim)
{
    float top = 0;

    for (uint32_t i = 0; i < dim; i++) {
        float x = fabsf(v[i]);
        top = x > top ? x : top;
    }
    return top;
}

static inline int32_t rounded(float v, double inverse)
{
    double x = v * inverse;
    int32_t r = (int32_t)(x < 0 ? x - 0.5 : x + 0.5);

    return r > 127 ? 127 : r < -127 ? -127 : r;
}

void vector_encode(const float *v, uint32_t dim, size_t stride, uint8_t *code, float *scale,
                   float *bias)
{
    float top = largest(v, dim);
    double inverse = top > 0 ? 127.0 / top : 0.0;
    int32_t squares = 0; /* at most 16,384 * 127^2 */

    for (uint32_t i = 0; i < dim; i++) {
        int32_t r = rounded(v[i], inverse);
        code[i] = (uint8_t)(128 + r);
        squares += r * r;
    }
    memset(code + dim, 128, stride - dim);
    *scale = top / 127.0f;
    if (bias)
        *bias = (float)(-0.5 * squares * *scale * *scale);
}

void vector_query_encode(const float *v, uint32_t dim, size_t stride, vector_query *q)
{
    float top = largest(v, dim);
    double inverse = top > 0 ? 127.0 / top : 0.0;
    int32_t sum = 0;

    for (uint32_t i = 0; i < dim; i++) {
        int32_t r = rounded(v[i], inverse);
        q->code[i] = (int8_t)r;
        sum += r;
    }
    memset(q->code + dim, 0, stride - dim);
    q->scale = top / 127.0f;
    q->offset = 0;
    q->bias = 128 * sum;
}

void vector_query_of_row(const vector_codes *codes, uint32_t row, vector_query *q)
{
    const uint8_t *code = codes->code + (size_t)row * codes->stride;
    int32_t sum = 0;

    for (size_t i = 0; i < codes->stride; i++) {
        q->code[i] = (int8_t)(code[i] ^ 0x80);
        sum += q->code[i];
    }
    q->scale = codes->scale[row];
    q->offset = codes->bias ? codes->bias[row] : 0;
    q->bias = 128 * sum;
}

cairn_status vector_writer_create(vector_writer **out, uint32_t dim, vector_metric metric,
                                  const vector_options *options, cairn_error *err)
{
    *out = NULL;
    if (dim == 0 || dim > VECTOR_MAX_DIM)
        return cairn_fail(err, CAIRN_EUSAGE, "vectors of %u dimensions: 1 to %u are supported", dim,
                          VECTOR_MAX_DIM);
    if (metric != VECTOR_COSINE && metric != VECTOR_DOT && metric != VECTOR_L2)
        return cairn_fail(err, CAIRN_EUSAGE, "unknown vector metric %d", (int)metric);
    vector_writer *w = calloc(1, sizeof *w);
    if (!w)
        return cairn_fail(err, CAIRN_ENOMEM, "vector writer");
    w->dim = dim;
    w->metric = metric;
    w->options = vector_options_effective(options);
    *out = w;
    return CAIRN_OK;
}

cairn_status vector_writer_add(vector_writer *w, const float *v, cairn_error *err)
{
    if (w->spent)
        return cairn_fail(err, CAIRN_EUSAGE, "vector added after the segment was written");
    if (w->n >= VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u vectors",
                          VECTOR_MAX_ROWS);
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap + w->cap / 2 : 64, floats;
        float *rows = NULL;
        if (checked_mul(cap, w->dim, &floats))
            rows = checked_realloc(w->rows, floats, sizeof *rows);
        if (!rows)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu vectors of %u dimensions", cap, w->dim);
        w->rows = rows;
        w->cap = cap;
    }
    float *row = w->rows + (size_t)w->n * w->dim;
    memcpy(row, v, (size_t)w->dim * sizeof *row);
    for (uint32_t i = 0; i < w->dim; i++)
        if (!isfinite(row[i]))
            return cairn_fail(err, CAIRN_EUSAGE, "component %u of vector %u is not a finite number",
                              i, w->n);
    if (w->metric == VECTOR_COSINE)
        vector_normalize(row, w->dim);
    w->n++;
    return CAIRN_OK;
}

uint32_t vector_writer_rows(const vector_writer *w)
{
    return w->n;
}

size_t vector_writer_memory(const vector_writer *w)
{
    return sizeof *w + w->cap * w->dim * sizeof(float);
}

cairn_status vector_put_section(const section_sink *sink, const char *name, const void *data,
                                size_t n, cairn_error *err)
{
    cairn_status st = sink->begin(sink->ctx, name, err);

    if (!st && n)
        st = sink->write(sink->ctx, data, n, err);
    if (!st)
        st = sink->end(sink->ctx, err);
    return st;
}

cairn_status vector_put_meta(const section_sink *sink, uint32_t dim, vector_metric metric,
                             uint32_t rows, const hnsw_graph *g, const ivf_lists *lists,
                             cairn_error *err)
{
    const uint32_t field[VECTOR_META_BYTES / 4] = {
        VECTOR_FORMAT_VERSION,        dim, (uint32_t)metric, rows, 0, 0, dim,
        (uint32_t)vector_stride(dim), g       ? VECTOR_INDEX_HNSW
                                      : lists ? VECTOR_INDEX_IVF
                                              : VECTOR_INDEX_NONE};
    cairn_status st = vector_put_section(sink, "vec.meta", field, sizeof field, err);

    if (!st && lists)
        return ivf_put(lists, sink, err);
    if (st || !g)
        return st;
    const uint32_t graph[HNSW_META_BYTES / 4] = {HNSW_META_VERSION, g->m, g->entry, g->max_level,
                                                 g->up_lists};
    size_t n = g->rows;
    st = vector_put_section(sink, "hnsw.meta", graph, sizeof graph, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.level", g->level, n, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.upat", g->up_at, n * 4, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.link0", g->link0, n * 2 * g->m * 4, err);
    if (!st)
        st = vector_put_section(sink, "hnsw.up", g->up, (size_t)g->up_lists * g->m * 4, err);
    return st;
}

typedef struct encode_job {
    const vector_writer *w;
    uint8_t *code;
    float *scale, *bias; /* bias NULL: none */
    size_t stride;
} encode_job;

static void encode_task(void *ctx, size_t task, size_t worker)
{
    const encode_job *j = ctx;
    size_t first = task * ENCODE_ROWS, end = first + ENCODE_ROWS;

    (void)worker;
    for (size_t r = first; r < end && r < j->w->n; r++)
        vector_encode(j->w->rows + r * j->w->dim, j->w->dim, j->stride, j->code + r * j->stride,
                      j->scale + r, j->bias ? j->bias + r : NULL);
}

static void get_originals(void *ctx, uint32_t first, uint32_t n, float *out)
{
    const vector_writer *w = ctx;

    memcpy(out, w->rows + (size_t)first * w->dim, (size_t)n * w->dim * sizeof *out);
}

cairn_status vector_writer_finish(vector_writer *w, const section_sink *sink, pool *workers,
                                  cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    hnsw_build *graph = NULL;
    ivf_build *lists = NULL;
    size_t stride = vector_stride(w->dim);
    uint8_t *code = checked_aligned(w->n, stride);
    float *scale = checked_aligned(w->n, sizeof *scale), *bias = NULL;

    if (w->spent) {
        st = cairn_fail(err, CAIRN_EUSAGE, "a vector writer was finished twice");
        goto done;
    }
    w->spent = true;
    if (w->metric == VECTOR_L2)
        bias = checked_aligned(w->n, sizeof *bias);
    if (!code || !scale || (w->metric == VECTOR_L2 && !bias)) {
        st = cairn_fail(err, CAIRN_ENOMEM, "codes of %u vectors", w->n);
        goto done;
    }
    encode_job job = {w, code, scale, bias, stride};
    pool_run(workers, ((size_t)w->n + ENCODE_ROWS - 1) / ENCODE_ROWS, encode_task, &job);

    vector_codes codes = {code, scale, bias, stride, w->n};
    ivf_kind kind = vector_wants_lists(&w->options, w->n);
    if (kind != IVF_NONE) {
        ivf_rows originals = {w, get_originals};
        ivf_params p = {.kind = kind, .n_lists = w->options.n_lists, .seed = w->options.seed};
        st = ivf_build_run(&lists, &originals, &codes, w->dim, w->metric == VECTOR_L2, &p, workers,
                           err);
        if (st)
            goto done;
    } else if (vector_wants_graph(&w->options, w->n)) {
        hnsw_params p = {w->options.m, w->options.ef_construction, w->options.seed};
        st = hnsw_build_run(&graph, &codes, &p, NULL, workers, err);
        if (st)
            goto done;
    }
    st = vector_put_meta(sink, w->dim, w->metric, w->n, graph ? hnsw_build_graph(graph) : NULL,
                         lists ? ivf_build_lists(lists) : NULL, err);
    if (!st)
        st = vector_put_section(sink, "vec.i8", code, w->n * stride, err);
    if (!st)
        st = vector_put_section(sink, "vec.scale", scale, w->n * sizeof *scale, err);
    if (!st && bias)
        st = vector_put_section(sink, "vec.bias", bias, w->n * sizeof *bias, err);
    if (!st)
        st = vector_put_section(sink, "vec.f32", w->rows,
                                (size_t)w->n * w->dim * sizeof *w->rows, err);
done:
    hnsw_build_destroy(graph);
    ivf_build_destroy(lists);
    free(code);
    free(scale);
    free(bias);
    return st;
}

void vector_writer_destroy(vector_writer *w)
{
    if (!w)
        return;
    free(w->rows);
    free(w);
}

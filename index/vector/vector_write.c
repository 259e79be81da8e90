/* vector_write.c - from float rows to the sections of a segment.
 *
 * Rows are gathered in memory as they come, in the form they will be stored in. finish rounds them
 * to codes in parallel, builds the graph where there are enough of them, and writes the sections in
 * the order codes, scales, graph, originals: what a search reads first lies together.
 *
 * A graph is always built over int8 codes of all the components that the segment's codes are made
 * of, made for the purpose where the segment keeps others: 4 bits and 1 bit are for finding rows,
 * not for telling neighbours apart. */
#include "index/vector/vector_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "index/vector/vector_plan.h"

#define ENCODE_ROWS 1024u /* rows a task */

struct vector_writer {
    uint32_t dim;
    vector_metric metric;
    vector_options options;
    float *work;   /* [dim] */
    uint8_t *rows; /* [cap * stride] as stored */
    float *scales; /* [cap] for int8, else NULL */
    size_t stride;
    uint32_t n;
    size_t cap;
    bool spent;
};

vector_options vector_options_effective(const vector_options *options)
{
    vector_options o = options ? *options : (vector_options){0};

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

bool vector_wants_graph(const vector_options *o, const vector_codes *c, size_t rows)
{
    if (o->index != VECTOR_AUTO && o->index != VECTOR_HNSW)
        return false;
    return rows && (o->force ||
                    rows >= (o->hnsw_from_rows ? o->hnsw_from_rows : vector_graph_from_rows(c)));
}

vector_codes vector_wants_codes(const vector_options *o, size_t rows, uint32_t dim,
                                vector_metric metric)
{
    if (vector_wants_lists(o, rows) != IVF_NONE)
        return vector_codes_of(VECTOR_CODE_I8, dim, dim, metric);
    vector_codes c = vector_codes_of(o->codes, o->code_dim && o->code_dim < dim ? o->code_dim : dim,
                                     dim, metric);
    /* A graph is built of int8 codes, and they are the originals where those are int8. */
    if (o->short_codes && c.kind == VECTOR_CODE_I8 && c.dim == dim && dim >= VECTOR_SHORT_DIM &&
        o->storage != VECTOR_I8 && !vector_wants_graph(o, &c, rows))
        c = vector_codes_of(VECTOR_CODE_I4, dim, dim, metric);
    return c;
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
    vector_options o = vector_options_effective(options);
    if ((unsigned)o.storage >= VECTOR_STORAGES || (unsigned)o.codes >= VECTOR_CODE_KINDS)
        return cairn_fail(err, CAIRN_EUSAGE, "unknown kind of vector storage %d or codes %d",
                          (int)o.storage, (int)o.codes);
    vector_writer *w = calloc(1, sizeof *w);
    if (w)
        w->work = checked_malloc(dim, sizeof *w->work);
    if (!w || !w->work) {
        free(w);
        return cairn_fail(err, CAIRN_ENOMEM, "vector writer");
    }
    w->dim = dim;
    w->metric = metric;
    w->options = o;
    w->stride = dim * vector_component_bytes(o.storage);
    *out = w;
    return CAIRN_OK;
}

cairn_status vector_writer_add(vector_writer *w, const float *v, cairn_error *err)
{
    if (w->spent)
        return cairn_fail(err, CAIRN_EUSAGE, "vector added after the segment was written");
    if (w->n >= VECTOR_MAX_ROWS)
        return cairn_fail(err, CAIRN_ELIMIT, "a segment holds at most %u vectors", VECTOR_MAX_ROWS);
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap + w->cap / 2 : 64;
        uint8_t *rows = checked_realloc(w->rows, cap, w->stride);
        if (rows)
            w->rows = rows;
        float *scales = NULL;
        if (w->options.storage == VECTOR_I8)
            scales = checked_realloc(w->scales, cap, sizeof *scales);
        if (scales)
            w->scales = scales;
        if (!rows || (w->options.storage == VECTOR_I8 && !scales))
            return cairn_fail(err, CAIRN_ENOMEM, "%zu vectors of %u dimensions", cap, w->dim);
        w->cap = cap;
    }
    for (uint32_t i = 0; i < w->dim; i++)
        if (!isfinite(v[i]))
            return cairn_fail(err, CAIRN_EUSAGE, "component %u of vector %u is not a finite number",
                              i, w->n);
    memcpy(w->work, v, (size_t)w->dim * sizeof *v);
    if (w->metric == VECTOR_COSINE)
        vector_normalize(w->work, w->dim);
    if (!vector_original_put(w->options.storage, w->work, w->dim, w->rows + w->n * w->stride,
                             w->scales ? w->scales + w->n : NULL))
        return cairn_fail(err, CAIRN_EUSAGE,
                          "vector %u has a component too large for half precision; store float",
                          w->n);
    w->n++;
    return CAIRN_OK;
}

uint32_t vector_writer_rows(const vector_writer *w)
{
    return w->n;
}

size_t vector_writer_memory(const vector_writer *w)
{
    return sizeof *w + w->cap * (w->stride + (w->scales ? sizeof *w->scales : 0));
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

cairn_status vector_put_meta(const section_sink *sink, vector_storage storage,
                             const vector_codes *c, const hnsw_graph *g, const ivf_lists *lists,
                             cairn_error *err)
{
    const uint32_t field[VECTOR_META_BYTES / 4] = {VECTOR_FORMAT_VERSION,
                                                   c->full_dim,
                                                   (uint32_t)c->metric,
                                                   c->rows,
                                                   (uint32_t)storage,
                                                   (uint32_t)c->kind,
                                                   c->dim,
                                                   (uint32_t)c->stride,
                                                   g       ? VECTOR_INDEX_HNSW
                                                   : lists ? VECTOR_INDEX_IVF
                                                           : VECTOR_INDEX_NONE};
    cairn_status st = vector_put_section(sink, "vec.meta", field, sizeof field, err);

    if (!st && lists)
        return ivf_put(lists, sink, err);
    return st || !g ? st : hnsw_put(g, c, sink, err);
}

cairn_status vector_put_codes(const section_sink *sink, const vector_codes *c, cairn_error *err)
{
    cairn_status st =
        vector_put_section(sink, vector_code_section(c->kind), c->code, c->rows * c->stride, err);

    if (!st)
        st = vector_put_section(sink, "vec.scale", c->scale, c->rows * sizeof *c->scale, err);
    if (!st && c->bias)
        st = vector_put_section(sink, "vec.bias", c->bias, c->rows * sizeof *c->bias, err);
    return st;
}

/* ---- codes of many rows ---- */

typedef struct encode_job {
    const vector_originals *rows;
    const vector_codes *codes;
    float *work; /* [workers * 2 * dim] */
} encode_job;

static void encode_task(void *ctx, size_t task, size_t worker)
{
    const encode_job *j = ctx;
    const vector_codes *c = j->codes;
    size_t first = task * ENCODE_ROWS, end = first + ENCODE_ROWS;
    float *row = j->work + worker * 2 * c->full_dim, *work = row + c->full_dim;

    for (size_t r = first; r < end && r < c->rows; r++) {
        vector_original_get(j->rows, (uint32_t)r, row);
        vector_encode(c, row, work, (uint8_t *)c->code + r * c->stride, (float *)c->scale + r,
                      c->bias ? (float *)c->bias + r : NULL);
    }
}

void vector_codes_free(vector_codes *c)
{
    free((void *)c->code);
    free((void *)c->scale);
    free((void *)c->bias);
    c->code = NULL;
    c->scale = c->bias = NULL;
    c->rows = 0;
}

cairn_status vector_codes_alloc(vector_codes *c, uint32_t rows, cairn_error *err)
{
    c->rows = rows;
    c->code = checked_large(rows, c->stride);
    c->scale = checked_aligned(rows, sizeof *c->scale);
    c->bias = c->metric == VECTOR_L2 ? checked_aligned(rows, sizeof *c->bias) : NULL;
    if (c->code && c->scale && (c->bias || c->metric != VECTOR_L2))
        return CAIRN_OK;
    vector_codes_free(c);
    return cairn_fail(err, CAIRN_ENOMEM, "codes of %u vectors", rows);
}

cairn_status vector_codes_make(vector_codes *c, const vector_originals *rows, uint32_t n,
                               pool *workers, cairn_error *err)
{
    cairn_status st = vector_codes_alloc(c, n, err);
    encode_job job = {rows, c, checked_malloc(pool_threads(workers), 2 * (size_t)c->full_dim * 4)};

    if (!st && !job.work)
        st = cairn_fail(err, CAIRN_ENOMEM, "codes of %u vectors", n);
    if (!st)
        pool_run(workers, ((size_t)n + ENCODE_ROWS - 1) / ENCODE_ROWS, encode_task, &job);
    else
        vector_codes_free(c);
    free(job.work);
    return st;
}

static cairn_status put_originals(const vector_writer *w, const section_sink *sink,
                                  cairn_error *err)
{
    const char *scales, *name = vector_original_section(w->options.storage, &scales);
    cairn_status st = vector_put_section(sink, name, w->rows, w->n * w->stride, err);

    if (!st && scales)
        st = vector_put_section(sink, scales, w->scales, w->n * sizeof *w->scales, err);
    return st;
}

static void get_originals(void *ctx, uint32_t first, uint32_t n, float *out)
{
    const vector_originals *rows = ctx;

    for (uint32_t i = 0; i < n; i++)
        vector_original_get(rows, first + i, out + (size_t)i * rows->dim);
}

/* Build what the options ask for over the rows and their codes. */
static cairn_status build_index(const vector_writer *w, vector_originals *rows,
                                const vector_codes *codes, hnsw_build **graph, ivf_build **lists,
                                pool *workers, cairn_error *err)
{
    const vector_options *o = &w->options;
    ivf_kind kind = vector_wants_lists(o, w->n);
    vector_codes fine = vector_codes_of(VECTOR_CODE_I8, codes->dim, w->dim, w->metric);
    cairn_status st = CAIRN_OK;

    if (kind != IVF_NONE) {
        ivf_rows originals = {rows, get_originals};
        ivf_params p = {.kind = kind, .n_lists = o->n_lists, .seed = o->seed};
        return ivf_build_run(lists, &originals, codes, w->dim, w->metric == VECTOR_L2, &p, workers,
                             err);
    }
    if (!vector_wants_graph(o, codes, w->n))
        return CAIRN_OK;
    hnsw_params p = {o->m, o->ef_construction, o->seed, NULL};
    if (codes->kind != VECTOR_CODE_I8)
        st = vector_codes_make(&fine, rows, w->n, workers, err);
    if (!st)
        st = hnsw_build_run(graph, fine.code ? &fine : codes, &p, NULL, workers, err);
    vector_codes_free(&fine);
    return st;
}

cairn_status vector_writer_finish(vector_writer *w, const section_sink *sink, pool *workers,
                                  cairn_error *err)
{
    vector_storage storage = w->options.storage;
    vector_originals rows = {storage, w->dim, w->stride, w->rows, w->scales};
    vector_codes codes = vector_wants_codes(&w->options, w->n, w->dim, w->metric);
    hnsw_build *graph = NULL;
    ivf_build *lists = NULL;

    if (w->spent)
        return cairn_fail(err, CAIRN_EUSAGE, "a vector writer was finished twice");
    w->spent = true;
    cairn_status st = vector_codes_make(&codes, &rows, w->n, workers, err);
    if (!st)
        st = build_index(w, &rows, &codes, &graph, &lists, workers, err);
    if (!st)
        st = vector_put_meta(sink, storage, &codes, graph ? hnsw_build_graph(graph) : NULL,
                             lists ? ivf_build_lists(lists) : NULL, err);
    if (!st)
        st = vector_put_codes(sink, &codes, err);
    if (!st && !vector_codes_are_originals(storage, codes.kind, w->dim, codes.dim))
        st = put_originals(w, sink, err);
    hnsw_build_destroy(graph);
    ivf_build_destroy(lists);
    vector_codes_free(&codes);
    return st;
}

void vector_writer_destroy(vector_writer *w)
{
    if (!w)
        return;
    free(w->work);
    free(w->rows);
    free(w->scales);
    free(w);
}

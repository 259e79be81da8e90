/* vector_read.c - open the sections of a segment's vectors and check that they fit together.
 *
 * Opening reads "vec.meta" and "hnsw.meta" and compares lengths; it touches no row, so a cold
 * search pages in only what it scans. What lies inside the sections may still be broken: a search
 * then gives wrong scores, but every row and list number is checked before it is followed. */
#include "index/vector/vector_format.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

typedef struct meta {
    uint32_t version, dim, metric, rows, storage, codes, code_dim, stride, index;
    hnsw_head graph; /* version 1 */
} meta;

static bool read_v1(cursor *c, meta *m)
{
    m->dim = m->code_dim = cursor_u32(c);
    m->metric = cursor_u32(c);
    m->stride = cursor_u32(c);
    m->rows = cursor_u32(c);
    m->index = cursor_u32(c);
    m->graph.m = cursor_u32(c);
    m->graph.entry = cursor_u32(c);
    m->graph.max_level = cursor_u32(c);
    m->graph.up_lists = cursor_u32(c);
    return cursor_u64(c) == 0 && m->metric <= VECTOR_DOT && m->index <= 1;
}

static bool read_v2(cursor *c, meta *m)
{
    m->dim = cursor_u32(c);
    m->metric = cursor_u32(c);
    m->rows = cursor_u32(c);
    m->storage = cursor_u32(c);
    m->codes = cursor_u32(c);
    m->code_dim = cursor_u32(c);
    m->stride = cursor_u32(c);
    m->index = cursor_u32(c);
    bool zero = cursor_u32(c) == 0;
    for (int i = 0; i < 3; i++)
        zero &= cursor_u64(c) == 0;
    return zero && m->metric <= VECTOR_L2;
}

cairn_status vector_meta_version(const char *section, cursor *c, uint32_t newest, uint32_t *version,
                                 cairn_error *err)
{
    *version = cursor_u32(c);
    if (c->failed || *version == 0)
        return cairn_fail(err, CAIRN_ECORRUPT, "section %s has no version", section);
    if (*version > newest)
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "section %s: format %" PRIu32 ", this program reads up to %" PRIu32
                          "; cairn index makes it anew from the store",
                          section, *version, newest);
    return CAIRN_OK;
}

static cairn_status read_meta(const section_source *src, meta *m, cairn_error *err)
{
    const uint8_t *data;
    size_t len;
    cursor c;

    if (!src->find(src->ctx, "vec.meta", &data, &len))
        return cairn_fail(err, CAIRN_ECORRUPT, "section vec.meta is missing");
    cursor_init(&c, data, len);
    cairn_status st = vector_meta_version("vec.meta", &c, VECTOR_FORMAT_VERSION, &m->version, err);
    if (st)
        return st;
    size_t want = m->version == 1 ? VECTOR_META_V1_BYTES : VECTOR_META_BYTES;
    if (len != want)
        return cairn_fail(err, CAIRN_ECORRUPT, "section vec.meta has %zu bytes, not %zu", len,
                          want);
    bool fits = m->version == 1 ? read_v1(&c, m) : read_v2(&c, m);
    if (!fits || m->dim == 0 || m->dim > VECTOR_MAX_DIM || m->code_dim == 0 ||
        m->code_dim > m->dim || m->storage >= VECTOR_STORAGES || m->codes >= VECTOR_CODE_KINDS ||
        m->stride != vector_stride((vector_code_kind)m->codes, m->code_dim) ||
        m->rows > VECTOR_MAX_ROWS || m->index > VECTOR_INDEX_IVF ||
        (m->index == VECTOR_INDEX_IVF && (m->codes != VECTOR_CODE_I8 || m->code_dim != m->dim)))
        return cairn_fail(err, CAIRN_ECORRUPT, "section vec.meta holds impossible values");
    return CAIRN_OK;
}

static cairn_status take_section(const section_source *src, const vector_section *s,
                                 cairn_error *err)
{
    const uint8_t *data;
    size_t len, want;

    if (!src->find(src->ctx, s->name, &data, &len))
        return cairn_fail(err, CAIRN_ECORRUPT, "section %s is missing or damaged", s->name);
    if (!checked_mul(s->n, s->size, &want) || len != want)
        return cairn_fail(err, CAIRN_ECORRUPT, "section %s has %zu bytes where %zu x %zu belong",
                          s->name, len, s->n, s->size);
    if (len && (uintptr_t)data % s->align)
        return cairn_fail(err, CAIRN_ECORRUPT, "section %s is not aligned to %zu bytes", s->name,
                          s->align);
    memcpy(s->out, &data, sizeof data);
    return CAIRN_OK;
}

cairn_status vector_take_sections(const section_source *src, const vector_section *sections,
                                  size_t n, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i++)
        if (sections[i].wanted)
            st = take_section(src, &sections[i], err);
    return st;
}

cairn_status vector_reader_open(vector_reader **out, const section_source *source, cairn_error *err)
{
    meta m = {0};
    const void *row = NULL, *row_scale = NULL, *code = NULL, *scale = NULL, *bias = NULL;
    vector_reader *r = NULL;
    cairn_status st = read_meta(source, &m, err);

    *out = NULL;
    if (st)
        return st;
    vector_storage storage = (vector_storage)m.storage;
    vector_code_kind kind = (vector_code_kind)m.codes;
    bool alone = vector_codes_are_originals(storage, kind, m.dim, m.code_dim);
    size_t component = vector_component_bytes(storage);
    const char *scales, *originals = vector_original_section(storage, &scales);
    const vector_section sections[] = {
        {true, vector_code_section(kind), m.rows, m.stride, 1, &code},
        {true, "vec.scale", m.rows, 4, 4, &scale},
        {!alone, originals, m.rows, component * m.dim, component, &row},
        {!alone && scales, scales, m.rows, 4, 4, &row_scale},
        {m.metric == VECTOR_L2, "vec.bias", m.rows, 4, 4, &bias},
    };
    st = vector_take_sections(source, sections, sizeof sections / sizeof *sections, err);
    if (st)
        return st;
    size_t stride = alone ? m.stride : component * m.dim;
    if (alone) {
        row = code;
        row_scale = scale;
    }
    r = calloc(1, sizeof *r);
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "vector reader");
    r->dim = m.dim;
    r->metric = (vector_metric)m.metric;
    r->originals = (vector_originals){storage, m.dim, stride, row, row_scale};
    r->codes = vector_codes_of(kind, m.code_dim, m.dim, r->metric);
    r->codes.code = code;
    r->codes.scale = scale;
    r->codes.bias = bias;
    r->codes.rows = m.rows;
    if (m.index == VECTOR_INDEX_HNSW) {
        st = hnsw_open(&r->graph, source, &r->codes, m.version == 1 ? &m.graph : NULL, err);
        r->has_graph = !st;
        r->walk = hnsw_codes_to_walk(&r->graph, &r->codes);
    } else if (m.index == VECTOR_INDEX_IVF)
        st = ivf_open(&r->lists, source, m.rows, m.dim, m.metric == VECTOR_L2, err);
    if (st) {
        free(r);
        return st;
    }
    *out = r;
    return CAIRN_OK;
}

void vector_reader_close(vector_reader *r)
{
    if (r)
        vector_copy_free(r->copy);
    free(r);
}

uint32_t vector_reader_rows(const vector_reader *r)
{
    return r->codes.rows;
}

uint32_t vector_reader_dim(const vector_reader *r)
{
    return r->dim;
}

vector_metric vector_reader_metric(const vector_reader *r)
{
    return r->metric;
}

vector_storage vector_reader_storage(const vector_reader *r)
{
    return r->originals.storage;
}

vector_code_kind vector_reader_codes(const vector_reader *r)
{
    return r->codes.kind;
}

uint32_t vector_reader_code_dim(const vector_reader *r)
{
    return r->codes.dim;
}

bool vector_reader_has_lists(const vector_reader *r)
{
    return r->lists.kind != IVF_NONE;
}

bool vector_reader_has_graph(const vector_reader *r)
{
    return r->has_graph;
}

void vector_reader_get(const vector_reader *r, uint32_t row, float *out)
{
    vector_original_get(&r->originals, row, out);
}

const float *vector_reader_row(const vector_reader *r, uint32_t row)
{
    const uint8_t *at = r->originals.row + (size_t)row * r->originals.stride;
    bool floats = r->originals.storage == VECTOR_F32 && (uintptr_t)at % _Alignof(float) == 0;

    return floats ? (const void *)at : NULL;
}

float vector_reader_score(const vector_reader *r, uint32_t row, const float *query)
{
    return vector_true_score(&r->originals, r->metric, vector_kernels_get(), row, query);
}

/* How far a unit row's length may be from 1 after it was rounded to storage. */
static double length_slack(vector_storage storage)
{
    static const double slack[VECTOR_STORAGES] = {1e-4, 1e-3, 8e-3, 0.05};

    return slack[storage];
}

/* Check row `row` against its code; v has room for dim floats, work for code_dim, code for a code.
 */
static cairn_status verify_row(const vector_reader *r, uint32_t row, float *v, float *work,
                               uint8_t *code, cairn_error *err)
{
    const vector_codes *c = &r->codes;
    double length = 0;
    float scale, bias = 0;

    vector_original_get(&r->originals, row, v);
    for (uint32_t i = 0; i < r->dim; i++)
        length += (double)v[i] * v[i];
    if (!isfinite(length))
        return cairn_fail(err, CAIRN_ECORRUPT, "vector %" PRIu32 " is not finite", row);
    if (r->metric == VECTOR_COSINE && length != 0 &&
        fabs(sqrt(length) - 1) > length_slack(r->originals.storage))
        return cairn_fail(err, CAIRN_ECORRUPT, "vector %" PRIu32 " has length %g, not 1", row,
                          sqrt(length));
    vector_encode(c, v, work, code, &scale, &bias);
    bool same = r->originals.row == c->code
                    ? fabsf(scale - c->scale[row]) <= 1e-6f * scale /* decoded and rounded again */
                    : memcmp(&scale, &c->scale[row], sizeof scale) == 0;
    if (!same || (c->bias && fabsf(bias - c->bias[row]) > 1e-5f * fabsf(bias)) ||
        memcmp(code, c->code + (size_t)row * c->stride, c->stride) != 0)
        return cairn_fail(err, CAIRN_ECORRUPT, "vector %" PRIu32 ": its code does not belong to it",
                          row);
    return CAIRN_OK;
}

cairn_status vector_verify(const vector_reader *r, cairn_error *err)
{
    cairn_status st = CAIRN_OK;
    uint8_t *code = checked_malloc(r->codes.stride, 1);
    float *v = checked_malloc(2 * (size_t)r->dim, sizeof *v);

    if (!code || !v)
        st = cairn_fail(err, CAIRN_ENOMEM, "a vector's code");
    for (uint32_t row = 0; !st && row < r->codes.rows; row++)
        st = verify_row(r, row, v, v + r->dim, code, err);
    free(code);
    free(v);
    if (!st && r->has_graph)
        st = hnsw_verify(&r->graph, err);
    if (!st && r->has_graph)
        st = hnsw_verify_walk(&r->graph, &r->codes, err);
    if (!st)
        st = ivf_verify(&r->lists, &r->codes, err);
    return st;
}

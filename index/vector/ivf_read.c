/* ivf_read.c - open, write and verify the sections of ivf.h. */
#include "index/vector/ivf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/cursor.h"
#include "index/vector/vector_format.h"

#define IVF_VERSION    1u
#define IVF_META_BYTES 32u

typedef struct ivf_meta {
    uint32_t version, kind, n_lists, pq_bytes;
    uint64_t reserved[2];
} ivf_meta;

static cairn_status read_meta(const uint8_t *data, size_t len, uint32_t dim, ivf_meta *m,
                              cairn_error *err)
{
    cursor c;

    cursor_init(&c, data, len);
    cairn_status st = vector_meta_version("ivf.meta", &c, IVF_VERSION, &m->version, err);
    if (st)
        return st;
    if (len != IVF_META_BYTES)
        return cairn_fail(err, CAIRN_ECORRUPT, "section ivf.meta has %zu bytes, not %u", len,
                          IVF_META_BYTES);
    m->kind = cursor_u32(&c);
    m->n_lists = cursor_u32(&c);
    m->pq_bytes = cursor_u32(&c);
    m->reserved[0] = cursor_u64(&c);
    m->reserved[1] = cursor_u64(&c);
    bool pq = m->kind == IVF_PQ;
    if (m->kind < IVF_FLAT || m->kind > IVF_PQ || m->n_lists == 0 || m->n_lists > IVF_MAX_LISTS ||
        (pq ? m->pq_bytes == 0 || m->pq_bytes > dim || dim % m->pq_bytes : m->pq_bytes != 0) ||
        m->reserved[0] || m->reserved[1])
        return cairn_fail(err, CAIRN_ECORRUPT, "section ivf.meta holds impossible values");
    return CAIRN_OK;
}

cairn_status ivf_open(ivf_lists *out, const section_source *source, uint32_t rows, uint32_t dim,
                      bool l2, cairn_error *err)
{
    const uint8_t *data;
    size_t len, stride = vector_stride(VECTOR_CODE_I8, dim);
    ivf_meta m = {0};
    ivf_lists l;
    cairn_status st;

    memset(out, 0, sizeof *out);
    if (!source->find(source->ctx, "ivf.meta", &data, &len))
        return cairn_fail(err, CAIRN_ECORRUPT, "section ivf.meta is missing");
    st = read_meta(data, len, dim, &m, err);
    if (st)
        return st;
    l = (ivf_lists){.kind = (ivf_kind)m.kind,
                    .l2 = l2,
                    .rows = rows,
                    .dim = dim,
                    .n_lists = m.n_lists,
                    .pq_bytes = m.pq_bytes,
                    .stride = stride};
    bool sq8 = l.kind == IVF_SQ8, pq = l.kind == IVF_PQ;
    l.code_bytes = sq8 ? stride : pq ? m.pq_bytes : 0;
    const vector_section sections[] = {
        {true, "ivf.cent", m.n_lists, (size_t)dim * 4, 4, &l.centroid},
        {true, "ivf.cent8", m.n_lists, stride, 4, &l.centroid8},
        {true, "ivf.cscale", m.n_lists, 4, 4, &l.centroid_scale},
        {l2, "ivf.cbias", m.n_lists, 4, 4, &l.centroid_bias},
        {true, "ivf.start", (size_t)m.n_lists + 1, 4, 4, &l.start},
        {true, "ivf.row", rows, 4, 4, &l.row},
        {sq8 || pq, "ivf.code", rows, l.code_bytes, 4, &l.code},
        {sq8, "ivf.scale", rows, 4, 4, &l.scale},
        {l2 && (sq8 || pq), "ivf.bias", rows, 4, 4, &l.bias},
        {pq, "ivf.book", dim, (size_t)256 * 4, 4, &l.book},
    };
    st = vector_take_sections(source, sections, sizeof sections / sizeof *sections, err);
    if (st)
        return st;
    if (l.start[0] != 0 || l.start[m.n_lists] != rows)
        return cairn_fail(err, CAIRN_ECORRUPT, "section ivf.start does not cover the rows");
    for (uint32_t i = 0; i < m.n_lists; i++)
        if (l.start[i] > l.start[i + 1])
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "section ivf.start: list %u ends before it begins", i);
    *out = l;
    return CAIRN_OK;
}

cairn_status ivf_put(const ivf_lists *l, const section_sink *sink, cairn_error *err)
{
    uint32_t meta[IVF_META_BYTES / 4] = {IVF_VERSION, (uint32_t)l->kind, l->n_lists, l->pq_bytes};
    size_t n = l->n_lists, rows = l->rows;
    cairn_status st = vector_put_section(sink, "ivf.meta", meta, sizeof meta, err);

    if (!st)
        st = vector_put_section(sink, "ivf.cent", l->centroid, n * l->dim * 4, err);
    if (!st)
        st = vector_put_section(sink, "ivf.cent8", l->centroid8, n * l->stride, err);
    if (!st)
        st = vector_put_section(sink, "ivf.cscale", l->centroid_scale, n * 4, err);
    if (!st && l->l2)
        st = vector_put_section(sink, "ivf.cbias", l->centroid_bias, n * 4, err);
    if (!st)
        st = vector_put_section(sink, "ivf.start", l->start, (n + 1) * 4, err);
    if (!st)
        st = vector_put_section(sink, "ivf.row", l->row, rows * 4, err);
    if (!st && l->kind != IVF_FLAT)
        st = vector_put_section(sink, "ivf.code", l->code, rows * l->code_bytes, err);
    if (!st && l->kind == IVF_SQ8)
        st = vector_put_section(sink, "ivf.scale", l->scale, rows * 4, err);
    if (!st && l->l2 && l->kind != IVF_FLAT)
        st = vector_put_section(sink, "ivf.bias", l->bias, rows * 4, err);
    if (!st && l->kind == IVF_PQ)
        st = vector_put_section(sink, "ivf.book", l->book, (size_t)l->dim * 256 * 4, err);
    return st;
}

static cairn_status all_finite(const float *v, size_t n, const char *what, cairn_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return cairn_fail(err, CAIRN_ECORRUPT, "%s: number %zu is not finite", what, i);
    return CAIRN_OK;
}

static cairn_status verify_rows(const ivf_lists *l, const vector_codes *codes, uint64_t *seen,
                                cairn_error *err)
{
    for (uint32_t i = 0; i < l->n_lists; i++) {
        for (uint32_t at = l->start[i]; at < l->start[i + 1]; at++) {
            uint32_t row = l->row[at];
            if (row >= l->rows || row_set_has(seen, row) ||
                (at > l->start[i] && l->row[at - 1] >= row))
                return cairn_fail(
                    err, CAIRN_ECORRUPT,
                    "inverted list %u holds row %u out of order, twice, or beyond the "
                    "segment's %u",
                    i, row, l->rows);
            seen[row >> 6] |= (uint64_t)1 << (row & 63);
            if (l->kind == IVF_SQ8 &&
                (memcmp(l->code + at * l->code_bytes, codes->code + (size_t)row * codes->stride,
                        l->code_bytes) ||
                 memcmp(&l->scale[at], &codes->scale[row], sizeof *l->scale) ||
                 (l->l2 && memcmp(&l->bias[at], &codes->bias[row], sizeof *l->bias))))
                return cairn_fail(err, CAIRN_ECORRUPT,
                                  "row %u has another code in inverted list %u", row, i);
        }
    }
    return CAIRN_OK;
}

/* The centroids' codes follow from the centroids. */
static cairn_status verify_centroids(const ivf_lists *l, cairn_error *err)
{
    const vector_codes c =
        vector_codes_of(VECTOR_CODE_I8, l->dim, l->dim, l->l2 ? VECTOR_L2 : VECTOR_DOT);
    uint8_t *code = checked_aligned(l->stride, 1);
    float *work = checked_malloc(l->dim, sizeof *work), scale, bias = 0;
    cairn_status st = code && work ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "checking centroids");

    for (uint32_t i = 0; !st && i < l->n_lists; i++) {
        vector_encode(&c, l->centroid + (size_t)i * l->dim, work, code, &scale, &bias);
        if (memcmp(code, l->centroid8 + i * l->stride, l->stride) ||
            scale != l->centroid_scale[i] || (l->l2 && bias != l->centroid_bias[i]))
            st = cairn_fail(err, CAIRN_ECORRUPT, "centroid %u has another code", i);
    }
    free(code);
    free(work);
    return st;
}

cairn_status ivf_verify(const ivf_lists *l, const vector_codes *codes, cairn_error *err)
{
    uint64_t *seen;
    cairn_status st;

    if (l->kind == IVF_NONE)
        return CAIRN_OK;
    st = all_finite(l->centroid, (size_t)l->n_lists * l->dim, "section ivf.cent", err);
    if (!st && l->kind == IVF_PQ)
        st = all_finite(l->book, (size_t)l->dim * 256, "section ivf.book", err);
    if (!st && l->kind == IVF_PQ && l->l2)
        st = all_finite(l->bias, l->rows, "section ivf.bias", err);
    if (!st)
        st = verify_centroids(l, err);
    if (st)
        return st;
    seen = calloc(row_set_words(l->rows) + 1, sizeof *seen);
    if (!seen)
        return cairn_fail(err, CAIRN_ENOMEM, "checking inverted lists");
    st = verify_rows(l, codes, seen, err);
    free(seen);
    return st;
}

/* vector_format.h - the sections of a segment's vectors, and what the files of this folder share.
 *
 * Integers and floats are little-endian. "vec.meta", version 2, 64 bytes:
 *
 *   at  size  field
 *   0   4     version, 2
 *   4   4     dimension, 1 .. VECTOR_MAX_DIM
 *   8   4     metric, 0 cosine, 1 inner product, 2 Euclidean (L2)
 *   12  4     rows, at most VECTOR_MAX_ROWS
 *   16  4     kind of the originals, 0 float, 1 half, 2 bfloat16, 3 int8
 *   20  4     kind of the codes, 0 int8, 1 4-bit, 2 1-bit
 *   24  4     dimension of the codes, d: they are made of the first d components of the original,
 *             scaled to unit length again under cosine
 *   28  4     bytes a code row: int8: d, up to a multiple of 64; 4-bit: d / 2, up to a multiple of
 *             32; 1-bit: d / 8, up to a multiple of 8
 *   32  4     index, 0 none (the segment is scanned), 1 graph (the "hnsw." sections), 2 inverted
 *             lists (the "ivf." sections, ivf.h; the codes are int8 of all components then)
 *   36  28    written 0, refused if not 0
 *
 * Originals (unit length under cosine before they were rounded), by kind:
 *
 *   "vec.f32", "vec.f16", "vec.bf16"   rows x dimension numbers
 *   "vec.o8"     rows x dimension uint8, 128 + round(component / scale), with
 *   "vec.o8s"    rows x float, the scales, largest |component| / 127. Neither section is there
 * where the codes are int8 of all components: they are the originals then
 *
 * Codes, made of the stored originals; vector_kernels.h says how their bytes are read:
 *
 *   "vec.i8"     int8: 128 + round(component / scale), padding 128; scale: largest |component| /
 * 127 "vec.i4"     4-bit, of the rotated components y (vector_code.c): c is odd, -15 .. 15, padding
 *                zero bits; scale: |y|^2 / sum of y * c
 *   "vec.b1"     1-bit, of the rotated components y: c is the sign; scale: |y|^2 / sum of |y|
 *   "vec.scale"  rows x float: the scale; 0 for a row of zeros
 *   "vec.bias"   under L2 only, rows x float: -|x|^2 / 2, x the decoded code for int8, else y
 *
 * The "hnsw." sections are described in hnsw_file.c.
 *
 * Version 1 of "vec.meta", 48 bytes, is read as well: version, dimension, metric (0 or 1), bytes a
 * code row, rows, 1 when the "hnsw." sections are there, m, entry, its layer, lists (uint32 each),
 * 8 bytes of 0. It has float originals, int8 codes of all components and no "hnsw.meta".
 *
 * v1 in 0.1, v2 since. */
#ifndef CAIRN_INDEX_VECTOR_FORMAT_H
#define CAIRN_INDEX_VECTOR_FORMAT_H

#include <string.h>

#include "base/cursor.h"
#include "index/vector/hnsw.h"
#include "index/vector/ivf.h"
#include "index/vector/vector.h"
#include "index/vector/vector_kernels.h"

#define VECTOR_FORMAT_VERSION  2u
#define VECTOR_META_BYTES      64u
#define VECTOR_META_V1_BYTES   48u
#define VECTOR_M               24u
#define VECTOR_EF_CONSTRUCTION 200u
/* Candidates of a graph search that names none. Far more than made-up rows need: questions lie
 * apart from the passages that answer them, and 128 found 0.79 of the true ten there, 512 0.93. A
 * graph is built where a scan takes 10 ms, and these take a twentieth of that (docs/vector.md). */
#define VECTOR_EF 512u
/* When a walk ends before that many are expanded: hnsw_end. What is made up loses a thousandth of
 * its recall at ef 512 and three quarters of its steps, real passages a ten-thousandth and a tenth;
 * 0.14 gives up four thousandths there (docs/vector.md). */
#define VECTOR_SLACK 0.18f
#define VECTOR_SEED  42u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are mapped as they are");

typedef enum vector_index_kind {
    VECTOR_INDEX_NONE = 0,
    VECTOR_INDEX_HNSW = 1,
    VECTOR_INDEX_IVF = 2,
} vector_index_kind;

/* Codes of some rows, wherever they lie. The walk score of a row for a query,
 *
 *     query->scale * scale[row] * (integer dot product) + bias[row] + query->offset
 *
 * estimates the inner product under VECTOR_COSINE and VECTOR_DOT (bias NULL) and, under VECTOR_L2,
 * |q|^2 / 2 less than half the negative squared distance. For a stored row taken as the query
 * (vector_query_of_row) the offset is that row's bias: the score is symmetric then. */
struct vector_codes {
    vector_code_kind kind;
    uint32_t dim;      /* components they are made of */
    uint32_t full_dim; /* components of the originals, at least dim */
    vector_metric metric;
    const uint8_t *code; /* [rows * stride] */
    const float *scale;  /* [rows] */
    const float *bias;   /* [rows], or NULL: none */
    size_t stride;
    uint32_t rows;
};

/* Originals of some rows, wherever they lie. */
struct vector_originals {
    vector_storage storage;
    uint32_t dim;
    size_t stride;      /* bytes from row to row */
    const uint8_t *row; /* [rows * stride] */
    const float *scale; /* [rows]; NULL: not int8 */
};

typedef struct vector_copy vector_copy;

struct vector_reader {
    uint32_t dim;
    vector_metric metric;
    vector_originals originals;
    vector_codes codes;
    bool has_graph;
    hnsw_graph graph;  /* borrowed links */
    vector_codes walk; /* what a walk along the graph reads: the graph's own codes or `codes` */
    ivf_lists lists;   /* borrowed; kind IVF_NONE: none */
    vector_copy *copy; /* on a device (vector_device.h); NULL: there is none */
};

/* A query as the kernels want it. */
struct vector_query {
    int8_t *code; /* [vector_query_bytes], padding 0 */
    float scale, offset;
    int32_t bias; /* what the kernels take off again */
};

/* Bytes a code row. */
static inline size_t vector_stride(vector_code_kind kind, uint32_t dim)
{
    switch (kind) {
    case VECTOR_CODE_I4:
        return (((size_t)dim + 1) / 2 + 31) & ~(size_t)31;
    case VECTOR_CODE_B1:
        return ((size_t)dim + 63) / 64 * 8;
    case VECTOR_CODE_I8:
        break;
    }
    return ((size_t)dim + 63) & ~(size_t)63;
}

/* Bytes of a query's code over codes of this kind. */
static inline size_t vector_query_bytes(vector_code_kind kind, uint32_t dim)
{
    size_t times = kind == VECTOR_CODE_I4 ? 2 : kind == VECTOR_CODE_B1 ? VECTOR_PLANES : 1;

    return times * vector_stride(kind, dim);
}

/* Bytes a component of an original. */
static inline size_t vector_component_bytes(vector_storage storage)
{
    return storage == VECTOR_F32 ? 4 : storage == VECTOR_I8 ? 1 : 2;
}

/* The walk score of one row. */
static inline float vector_score_row(const vector_kernels *k, const vector_codes *c,
                                     const vector_query *q, uint32_t row)
{
    int32_t dot =
        k->code[c->kind]->dot(c->code + (size_t)row * c->stride, q->code, c->stride, q->bias);
    float score = (float)dot * (c->scale[row] * q->scale);

    return c->bias ? score + (c->bias[row] + q->offset) : score + q->offset;
}

/* The walk scores of rows[0, n); dots has room for n. */
static inline void vector_score_rows(const vector_kernels *k, const vector_codes *c,
                                     const vector_query *q, const uint32_t *rows, uint32_t n,
                                     int32_t *dots, float *scores)
{
    k->code[c->kind]->gather(c->code, c->stride, rows, n, q->code, c->stride, q->bias, dots);
    for (uint32_t i = 0; i < n; i++) {
        float score = (float)dots[i] * (c->scale[rows[i]] * q->scale);
        scores[i] = c->bias ? score + (c->bias[rows[i]] + q->offset) : score + q->offset;
    }
}

/* Fill in the defaults and bring the rest into range. */
vector_options vector_options_effective(const vector_options *options);
/* ---- vector_code.c ---- */

/* Turn v[0, n) by a fixed orthogonal matrix, in place: lengths and inner products stay. */
void vector_rotate(float *v, uint32_t n);
/* Make the code of one row: code[stride] and *scale; *bias gets what L2 adds, where it is not NULL.
 * v[c->full_dim] is the stored original, work[c->dim] is overwritten. The arrays of c are not used.
 */
void vector_encode(const vector_codes *c, const float *v, float *work, uint8_t *code, float *scale,
                   float *bias);
/* Prepare v[c->full_dim] for these codes; work[c->dim] is overwritten, q->code has room for
 * vector_query_bytes. */
void vector_query_encode(const vector_codes *c, const float *v, float *work, vector_query *q);
/* An int8 code without its offset, eight components at a time. A loop over bytes would be run as it
 * stands, since the compiler must expect them to change its own variables: it took a fifth of a
 * graph's build. */
static inline void vector_code_as_query(const uint8_t *code, size_t stride, int8_t *out)
{
    size_t i = 0;

    for (; i + 8 <= stride; i += 8) {
        uint64_t eight;
        memcpy(&eight, code + i, 8);
        eight ^= UINT64_C(0x8080808080808080);
        memcpy(out + i, &eight, 8);
    }
    for (; i < stride; i++)
        out[i] = (int8_t)(code[i] ^ 0x80);
}
/* Turn a stored row of int8 codes into a query: no rounding is added. */
void vector_query_of_row(const vector_codes *codes, uint32_t row, vector_query *q);

/* ---- vector_original.c ---- */

/* Scale v to unit length (zeros stay zeros); false when a component is not finite. */
bool vector_normalize(float *v, uint32_t dim);
/* Round v[dim] to a stored row; *scale is written for VECTOR_I8 only. False when a component does
 * not fit. */
bool vector_original_put(vector_storage storage, const float *v, uint32_t dim, void *row,
                         float *scale);
/* The stored row as floats. */
void vector_original_get(const vector_originals *o, uint32_t row, float *out);
/* The true score of row `row` for query[dim], which has unit length under VECTOR_COSINE. */
static inline float vector_true_score(const vector_originals *o, vector_metric metric,
                                      const vector_kernels *k, uint32_t row, const float *query)
{
    const uint8_t *at = o->row + (size_t)row * o->stride;
    float scale = o->scale ? o->scale[row] : 1;

    return metric == VECTOR_L2 ? 0.0f - k->original[o->storage].l2(at, scale, query, o->dim)
                               : k->original[o->storage].dot(at, scale, query, o->dim);
}
/* Describe codes of this kind, without rows. */
vector_codes vector_codes_of(vector_code_kind kind, uint32_t dim, uint32_t full_dim,
                             vector_metric metric);
/* The sections of the originals of this kind; *scale gets "vec.o8s" for int8, else NULL. */
const char *vector_original_section(vector_storage storage, const char **scale);
const char *vector_code_section(vector_code_kind kind);
/* Whether a segment has no originals besides its codes. */
static inline bool vector_codes_are_originals(vector_storage storage, vector_code_kind kind,
                                              uint32_t dim, uint32_t code_dim)
{
    return storage == VECTOR_I8 && kind == VECTOR_CODE_I8 && code_dim == dim;
}

/* ---- vector_read.c ---- */

/* A section that a reader needs, of exactly n * size bytes. */
typedef struct vector_section {
    bool wanted; /* false: not in this segment */
    const char *name;
    size_t n, size, align;
    void *out; /* the address of the pointer that is to point at it */
} vector_section;

/* Read the version that a meta section begins with, 1 .. newest. CAIRN_EUNSUPPORTED where a newer
 * program wrote it; its length may be another then, so look at the version first. */
cairn_status vector_meta_version(const char *section, cursor *c, uint32_t newest, uint32_t *version,
                                 cairn_error *err);
/* Borrow the wanted ones of sections[0, n) from the source. CAIRN_ECORRUPT names the first that is
 * missing or has another length or alignment. */
cairn_status vector_take_sections(const section_source *src, const vector_section *sections,
                                  size_t n, cairn_error *err);

/* ---- vector_device.c ---- */

void vector_copy_free(vector_copy *c); /* NULL is fine */

/* ---- vector_write.c ---- */

/* Room for the codes of `rows` rows: c describes them (vector_codes_of). c owns it until
 * vector_codes_free. */
cairn_status vector_codes_alloc(vector_codes *c, uint32_t rows, cairn_error *err);
void vector_codes_free(vector_codes *c);
/* The same, and fill it from rows[0, n). */
cairn_status vector_codes_make(vector_codes *c, const vector_originals *rows, uint32_t n,
                               pool *workers, cairn_error *err);
/* Write one whole section. */
cairn_status vector_put_section(const section_sink *sink, const char *name, const void *data,
                                size_t n, cairn_error *err);
/* "vec.meta" and, when graph or lists are not NULL, the "hnsw." or "ivf." sections. */
cairn_status vector_put_meta(const section_sink *sink, vector_storage storage,
                             const vector_codes *codes, const hnsw_graph *graph,
                             const ivf_lists *lists, cairn_error *err);
/* The sections of the codes. */
cairn_status vector_put_codes(const section_sink *sink, const vector_codes *codes,
                              cairn_error *err);
/* What these options ask for at this number of rows: at most one of the two. */
bool vector_wants_graph(const vector_options *effective, const vector_codes *codes, size_t rows);
ivf_kind vector_wants_lists(const vector_options *effective, size_t rows);
/* The codes these options ask for, without rows. */
vector_codes vector_wants_codes(const vector_options *effective, size_t rows, uint32_t dim,
                                vector_metric metric);

#endif

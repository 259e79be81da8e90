/* vector_format.h - the sections of a segment's vectors, and what the files of this folder share.
 *
 * Integers and floats are little-endian. "vec.meta", version 2, 64 bytes:
 *
 *   at  size  field
 *   0   4     version, 2
 *   4   4     dimension, 1 .. VECTOR_MAX_DIM
 *   8   4     metric, 0 cosine, 1 inner product, 2 Euclidean (L2)
 *   12  4     rows, at most VECTOR_MAX_ROWS
 *   16  4     kind of the originals, 0 float
 *   20  4     kind of the codes, 0 int8
 *   24  4     dimension of the codes
 *   28  4     bytes a code row: for int8 the dimension of the codes rounded up to a multiple of 64
 *   32  4     index, 0 none (the segment is scanned), 1 graph (the "hnsw." sections), 2 inverted
 *             lists (the "ivf." sections, ivf.h)
 *   36  28    written 0, refused if not 0
 *
 *   "vec.f32"    rows x dimension float: the originals (unit length under cosine)
 *   "vec.i8"     rows x code bytes uint8: 128 + round(component / scale), padding 128
 *   "vec.scale"  rows x float: largest |component| / 127, or 0 for a row of zeros
 *   "vec.bias"   under L2 only, rows x float: -scale^2 * sum of squared code values / 2
 *
 * "hnsw.meta", 32 bytes: uint32 version 1, m (links a row on the layers above 0; 2 m on layer 0),
 * entry row, its layer (the highest), lists of the upper layers in "hnsw.up"; the rest 0.
 *
 *   "hnsw.level" rows x uint8: the row's highest layer
 *   "hnsw.upat"  rows x uint32: where the row's lists of layers 1, 2, .. level begin in "hnsw.up",
 *                counted in lists
 *   "hnsw.link0" rows x 2 m uint32: neighbours on layer 0, then padding of 0xffffffff
 *   "hnsw.up"    lists x m uint32: the same on the upper layers
 *
 * Version 1 of "vec.meta", 48 bytes, is read as well: version, dimension, metric (0 or 1), bytes a
 * code row, rows, 1 when the "hnsw." sections are there, m, entry, its layer, lists (uint32 each), 8
 * bytes of 0. It has float originals, int8 codes and no "hnsw.meta".
 *
 * v1 in 0.1, v2 since. */
#ifndef CAIRN_INDEX_VECTOR_FORMAT_H
#define CAIRN_INDEX_VECTOR_FORMAT_H

#include "index/vector/hnsw.h"
#include "index/vector/ivf.h"
#include "index/vector/vector.h"
#include "index/vector/vector_kernels.h"

#define VECTOR_FORMAT_VERSION 2u
#define VECTOR_META_BYTES 64u
#define VECTOR_META_V1_BYTES 48u
#define HNSW_META_VERSION 1u
#define HNSW_META_BYTES 32u
#define VECTOR_HNSW_FROM_ROWS 200000u
#define VECTOR_M 16u
#define VECTOR_EF_CONSTRUCTION 200u
#define VECTOR_SEED 42u

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
    const uint8_t *code; /* [rows * stride] */
    const float *scale;  /* [rows] */
    const float *bias;   /* [rows], or NULL: none */
    size_t stride;
    uint32_t rows;
};

struct vector_reader {
    uint32_t dim;
    vector_metric metric;
    const float *f32; /* [rows * dim], borrowed */
    vector_codes codes;
    bool has_graph;
    hnsw_graph graph; /* borrowed links */
    ivf_lists lists;  /* borrowed; kind IVF_NONE: none */
};

/* A query as the kernels want it. */
struct vector_query {
    int8_t *code; /* [stride], padding 0 */
    float scale, offset;
    int32_t bias; /* 128 * sum of code: what the kernels take off again */
};

static inline size_t vector_stride(uint32_t dim)
{
    return ((size_t)dim + 63) & ~(size_t)63;
}

/* The walk score of one row. */
static inline float vector_score_row(const vector_kernels *k, const vector_codes *c,
                                     const vector_query *q, uint32_t row)
{
    int32_t dot = k->dot(c->code + (size_t)row * c->stride, q->code, c->stride, q->bias);
    float score = (float)dot * (c->scale[row] * q->scale);

    return c->bias ? score + (c->bias[row] + q->offset) : score + q->offset;
}

/* The walk scores of rows[0, n); dots has room for n. */
static inline void vector_score_rows(const vector_kernels *k, const vector_codes *c,
                                     const vector_query *q, const uint32_t *rows, uint32_t n,
                                     int32_t *dots, float *scores)
{
    k->gather(c->code, c->stride, rows, n, q->code, c->stride, q->bias, dots);
    for (uint32_t i = 0; i < n; i++) {
        float score = (float)dots[i] * (c->scale[rows[i]] * q->scale);
        scores[i] = c->bias ? score + (c->bias[rows[i]] + q->offset) : score + q->offset;
    }
}

/* Fill in the defaults and bring the rest into range. */
vector_options vector_options_effective(const vector_options *options);
/* Round v[dim] to code[stride] and *scale; *bias gets what L2 adds, where bias is not NULL. */
void vector_encode(const float *v, uint32_t dim, size_t stride, uint8_t *code, float *scale,
                   float *bias);
/* Round v[dim] to a query; q->code has room for stride. */
void vector_query_encode(const float *v, uint32_t dim, size_t stride, vector_query *q);
/* Turn a stored row into a query: no rounding is added. */
void vector_query_of_row(const vector_codes *codes, uint32_t row, vector_query *q);
/* Scale v to unit length (zeros stay zeros); false when a component is not finite. */
bool vector_normalize(float *v, uint32_t dim);
/* The true score of row `row` for query[dim], which has unit length under VECTOR_COSINE. */
float vector_true_score(const vector_reader *r, const vector_kernels *k, uint32_t row,
                        const float *query);

/* Write one whole section. */
cairn_status vector_put_section(const section_sink *sink, const char *name, const void *data,
                                size_t n, cairn_error *err);
/* "vec.meta" and, when graph or lists are not NULL, the "hnsw." or "ivf." sections. */
cairn_status vector_put_meta(const section_sink *sink, uint32_t dim, vector_metric metric,
                             uint32_t rows, const hnsw_graph *graph, const ivf_lists *lists,
                             cairn_error *err);
/* What these options ask for at this number of rows: at most one of the two. */
bool vector_wants_graph(const vector_options *effective, size_t rows);
ivf_kind vector_wants_lists(const vector_options *effective, size_t rows);

#endif

/* vector_format.h - the sections of a segment's vectors, and what the files of this folder share.
 *
 * Integers and floats are little-endian. "vec.meta", 48 bytes:
 *
 *   at  size  field
 *   0   4     version, 1. Any other value is refused
 *   4   4     dimension, 1 .. VECTOR_MAX_DIM
 *   8   4     metric, 0 cosine, 1 inner product
 *   12  4     bytes a code row: the dimension rounded up to a multiple of 64
 *   16  4     rows, at most VECTOR_MAX_ROWS
 *   20  4     1 when the "hnsw." sections are there, else 0
 *   24  4     m: links a row on the layers above 0; 2 m on layer 0; 0 without a graph
 *   28  4     entry row of the graph
 *   32  4     its layer, the highest
 *   36  4     lists of the upper layers in "hnsw.up"
 *   40  8     written 0, refused if not 0
 *
 *   "vec.f32"    rows x dimension float: the originals (unit length under cosine)
 *   "vec.i8"     rows x code bytes uint8: 128 + round(component / scale), padding 128
 *   "vec.scale"  rows x float: largest |component| / 127, or 0 for a row of zeros
 *   "hnsw.level" rows x uint8: the row's highest layer
 *   "hnsw.upat"  rows x uint32: where the row's lists of layers 1, 2, .. level begin in "hnsw.up",
 *                counted in lists
 *   "hnsw.link0" rows x 2 m uint32: neighbours on layer 0, then padding of 0xffffffff
 *   "hnsw.up"    lists x m uint32: the same on the upper layers
 *
 * v1 since 0.1. */
#ifndef CAIRN_INDEX_VECTOR_FORMAT_H
#define CAIRN_INDEX_VECTOR_FORMAT_H

#include "index/vector/hnsw.h"
#include "index/vector/vector.h"
#include "index/vector/vector_kernels.h"

#define VECTOR_FORMAT_VERSION 1u
#define VECTOR_META_BYTES 48u
#define VECTOR_HNSW_FROM_ROWS 200000u
#define VECTOR_M 16u
#define VECTOR_EF_CONSTRUCTION 200u
#define VECTOR_SEED 42u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "sections are mapped as they are");

/* Codes of some rows, wherever they lie. */
struct vector_codes {
    const uint8_t *code; /* [rows * stride] */
    const float *scale;  /* [rows] */
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
};

/* A query as the kernels want it. */
struct vector_query {
    int8_t *code; /* [stride], padding 0 */
    float scale;
    int32_t bias;
};

static inline size_t vector_stride(uint32_t dim)
{
    return ((size_t)dim + 63) & ~(size_t)63;
}

/* Fill in the defaults and bring the rest into range. */
vector_options vector_options_effective(const vector_options *options);
/* Round v[dim] to code[stride] and *scale. */
void vector_encode(const float *v, uint32_t dim, size_t stride, uint8_t *code, float *scale);
/* Round v[dim] to a query; q->code has room for stride. */
void vector_query_encode(const float *v, uint32_t dim, size_t stride, vector_query *q);
/* Turn a stored row into a query: no rounding is added. */
void vector_query_of_row(const vector_codes *codes, uint32_t row, vector_query *q);
/* Scale v to unit length (zeros stay zeros); false when a component is not finite. */
bool vector_normalize(float *v, uint32_t dim);

/* Write one whole section. */
cairn_status vector_put_section(const section_sink *sink, const char *name, const void *data,
                                size_t n, cairn_error *err);
/* "vec.meta" and, when graph is not NULL, the "hnsw." sections. */
cairn_status vector_put_meta(const section_sink *sink, uint32_t dim, vector_metric metric,
                             uint32_t rows, const hnsw_graph *graph, cairn_error *err);

#endif

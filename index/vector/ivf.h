/* ivf.h - inverted lists over one segment's vectors: each row is in the list of the centroid
 * nearest to it, and a search reads only the lists of the few centroids nearest to the query.
 *
 * FAISS learns the centroids (k-means on a sample, OpenBLAS) and the product quantizer, assigns the
 * rows and makes PQ codes, through the module of faiss_module.h. What comes out is kept in sections
 * of our own and searched by our own kernels straight from the mapping: a search needs no FAISS,
 * nothing is copied, and filters and tombstones are looked at before a row is scored. Rows of a
 * list lie together, so a search reads a few runs of bytes, from a cold disk as well.
 *
 *   IVF_FLAT  the lists hold row numbers, 4 bytes a row; a row is scored by its code in the segment
 *   IVF_SQ8   and a copy of the int8 codes in list order, which is read without jumps
 *   IVF_PQ    and product-quantized residuals (Jegou, Douze, Schmid, "Product quantization for
 * nearest neighbor search", PAMI 2011): 8 dimensions a byte
 *
 * The best of them are scored again from the originals, as everywhere (vector_search.c).
 *
 * Sections, little-endian. "ivf.meta", 32 bytes:
 *
 *   at  size  field
 *   0   4     version, 1. Any other value is refused
 *   4   4     kind, 1 flat, 2 SQ8, 3 PQ
 *   8   4     lists, 1 .. IVF_MAX_LISTS
 *   12  4     bytes of a row's PQ code, 0 but for PQ; they divide the dimension
 *   16  16    written 0, refused if not 0
 *
 * The metric is that of "vec.meta"; the sections marked * are there under L2 alone.
 *
 *   "ivf.cent"   lists x dimension float: the centroids
 *   "ivf.cent8"  lists x code bytes uint8 and
 *   "ivf.cscale" lists x float and
 *   "ivf.cbias"  * lists x float: the same as int8 codes (vector_format.h), for choosing lists
 *   "ivf.start"  (lists + 1) x uint32: where each list begins in "ivf.row"; rises from 0 to rows
 *   "ivf.row"    rows x uint32: row numbers, rising within a list; each row once
 *   "ivf.code"   SQ8: rows x code bytes; PQ: rows x PQ bytes; in the order of "ivf.row"
 *   "ivf.scale"  SQ8: rows x float, in the same order
 *   "ivf.bias"   * SQ8: rows x float likewise; PQ: rows x float, minus half the square of the row's
 *                length as its code gives it
 *   "ivf.book"   PQ: dimension x 256 float: component i of each of the 256 codewords that byte
 *                i / (dimension / PQ bytes) of a code can mean
 *
 * v1 since 0.2. */
#ifndef CAIRN_INDEX_VECTOR_IVF_H
#define CAIRN_INDEX_VECTOR_IVF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/sections.h"
#include "base/status.h"
#include "index/vector/hnsw.h"

#define IVF_MAX_LISTS (1u << 20)
#define IVF_MIN_ROWS                                                                               \
    10000u /* below this a scan is as fast, and FAISS finds the sample too small                   \
            */

typedef enum ivf_kind { IVF_NONE = 0, IVF_FLAT = 1, IVF_SQ8 = 2, IVF_PQ = 3 } ivf_kind;

/* A view: mapped from a segment, or inside an ivf_build. */
typedef struct ivf_lists {
    ivf_kind kind; /* IVF_NONE: the segment has no lists, and the rest is empty */
    bool l2;
    uint32_t rows, dim, n_lists, pq_bytes;
    size_t stride, code_bytes;                   /* of an int8 row; of a row in `code` */
    const float *centroid;                       /* [n_lists * dim] */
    const uint8_t *centroid8;                    /* [n_lists * stride] */
    const float *centroid_scale, *centroid_bias; /* bias: L2, else NULL */
    const uint32_t *start;                       /* [n_lists + 1] */
    const uint32_t *row;                         /* [rows] */
    const uint8_t *code;                         /* [rows * code_bytes] */
    const float *scale;                          /* [rows], SQ8 */
    const float *bias;                           /* [rows], SQ8 and PQ under L2, else NULL */
    const float *book;                           /* [dim * 256], PQ */
} ivf_lists;

/* Open the sections of a segment of this size. The list bounds are checked here,
 * row numbers when they are read. */
cairn_status ivf_open(ivf_lists *out, const section_source *source, uint32_t rows, uint32_t dim,
                      bool l2, cairn_error *err);

typedef struct ivf_query {
    const float *v;            /* [dim] */
    const vector_query *code;  /* the same as int8 */
    const vector_codes *codes; /* the segment's own, for IVF_FLAT */
    size_t keep;               /* candidates wanted */
    uint32_t n_probe;          /* lists read when nothing is filtered; 0: ivf_default_probe */
    const uint64_t *deleted, *allowed;
} ivf_query;

/* The best rows found, into out[keep] by falling walk score (vector_format.h). Lists are read from
 * the nearest on until as many eligible rows were scored as n_probe lists hold on average, so a
 * filter costs lists, not recall. *scan is set, and nothing is searched, where so few rows are
 * eligible that scoring them all is cheaper. */
cairn_status ivf_search(const ivf_lists *l, const ivf_query *q, size_t eligible,
                        hnsw_candidate *out, size_t *n_out, bool *scan, cairn_error *err);
uint32_t ivf_default_probe(uint32_t n_lists);

/* ---- building ---- */

/* Copy the originals of rows first .. first + n - 1 to out[n * dim]. Called by many threads. */
typedef struct ivf_rows {
    void *ctx;
    void (*get)(void *ctx, uint32_t first, uint32_t n, float *out);
} ivf_rows;

typedef struct ivf_params {
    ivf_kind kind;
    uint32_t n_lists; /* 0: 4 * sqrt(rows) */
    uint64_t seed;
    const ivf_lists *base; /* keep these centroids and codebooks where they fit; may be NULL */
    pace *pace;            /* may be NULL. FAISS's training does not step */
} ivf_params;

typedef struct ivf_build ivf_build;

/* Lists over all rows. PQ falls back to SQ8 where the rows are too few to learn it from or the
 * dimension cannot be divided. CAIRN_EUNSUPPORTED when the FAISS module is not installed. */
cairn_status ivf_build_run(ivf_build **out, const ivf_rows *originals, const vector_codes *codes,
                           uint32_t dim, bool l2, const ivf_params *params, pool *workers,
                           cairn_error *err);
const ivf_lists *ivf_build_lists(const ivf_build *b);
void ivf_build_destroy(ivf_build *b); /* NULL is fine */

/* Write the sections. */
cairn_status ivf_put(const ivf_lists *l, const section_sink *sink, cairn_error *err);

/* Every row in one list, codes equal to the segment's own, numbers finite: O(rows). */
cairn_status ivf_verify(const ivf_lists *l, const vector_codes *codes, cairn_error *err);

#endif

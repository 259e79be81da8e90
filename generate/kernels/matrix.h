/* matrix.h - a weight matrix in the order the kernels want, and products with many tokens.
 *
 * matrix_create repacks a tensor of a model file: strips of 16 rows, the bits unchanged, so the
 * packed matrix is as large as the file's (rows are padded to a multiple of 16). Afterwards the
 * file's own bytes are no longer needed.
 *
 * A product y = x W^T runs in one of two modes. Fast: activations rounded to int8 with a scale
 * for each 16, integer dot products (quantised types). Exact: weights expanded to float, float
 * activations. F32, F16, BF16 and the types without an integer kernel always run as in exact mode.
 *
 * One order of summation: out[t][r] has the same bytes whatever n_tokens, the threads and the CPU
 * row (tested).
 *
 * Threads  a matrix is immutable. An `activations` and a matmul belong to one caller at a time; the
 *          pool is used inside. */
#ifndef CAIRN_GENERATE_KERNELS_MATRIX_H
#define CAIRN_GENERATE_KERNELS_MATRIX_H

#include "base/pool.h"
#include "base/status.h"
#include "generate/kernels/kernels.h"

/* Memory for a model's matrices: large slabs in large pages, given back all at once. Weights are
 * walked from end to end for every token, and small pages cost half of that speed. */
typedef struct weight_heap weight_heap;
cairn_status weight_heap_create(weight_heap **out, cairn_error *err);
void weight_heap_destroy(weight_heap *h); /* NULL is fine */

typedef struct matrix {
    tensor_type type;
    size_t rows, cols; /* outputs, inputs */
    size_t strips;     /* rows / 16, rounded up */
    size_t strip_bytes;
    const uint8_t *_Atomic data; /* [strips][strip_bytes], 64-byte aligned; the heap's or a mapping's */
    const tensor *from; /* while data is NULL: products pack each strip from here before they use it */
    size_t bytes;
} matrix;

/* Repack t (dims[0] = cols; all other dims are rows) into memory of h; the matrix lives as long as
 * the heap and is freed with it. The pool may be NULL. CAIRN_EMODEL: a type without meaning here or
 * a row length that its blocks cannot fill; CAIRN_ENOMEM. */
cairn_status matrix_create(matrix **out, const tensor *t, weight_heap *h, pool *p,
                           cairn_error *err);
/* The same in steps, for who keeps packed bytes elsewhere (decode/weight_cache.h). matrix_plan says
 * what the packed form of t is and leaves data NULL; matrix_pack writes strips first .. first + n of
 * it to `to` (64-byte aligned, n * strip_bytes); matrix_fill packs all of it into memory of h. Between
 * matrix_plan and the storing of data by any thread, products take `from`, with the same bytes. */
cairn_status matrix_plan(matrix **out, const tensor *t, weight_heap *h, cairn_error *err);
void matrix_pack(const matrix *m, const tensor *t, size_t first, size_t n, uint8_t *to, pool *p);
cairn_status matrix_fill(matrix *m, const tensor *t, weight_heap *h, pool *p, cairn_error *err);
/* Give the pages of strips first .. first + n of a tensor in a mapped file back: they can be read again. */
void matrix_forget(const tensor *t, size_t first, size_t n);
/* Memory of h for m's packed bytes, or NULL. */
uint8_t *matrix_take(const matrix *m, weight_heap *h);

/* The inputs of one or more products: n tokens of k floats, and their rounded form. */
typedef struct activations activations;
cairn_status activations_create(activations **out, size_t max_tokens, size_t max_k,
                                cairn_error *err);
void activations_destroy(activations *a);
/* Take x[t * stride + i], t < n, i < k. x is BORROWED until the next set (exact products read it
 * again). round_too = false skips the rounding, when only exact products follow. */
void activations_set(activations *a, const float *x, size_t stride, size_t n, size_t k,
                     bool round_too, pool *p);

typedef struct matmul {
    const matrix *w;
    const float *bias; /* [rows] or NULL */
    float *out;        /* out[t * stride + r] for t < n tokens, r < w->rows */
    size_t stride;
} matmul;

/* Memory that products need, a piece per thread of the pool: one per caller. most_strip: the largest
 * strip_bytes of a matrix whose data may still be NULL; 0: there is none. */
typedef struct matmul_scratch matmul_scratch;
cairn_status matmul_scratch_create(matmul_scratch **out, size_t max_tokens, size_t most_strip,
                                   const pool *p, cairn_error *err);
void matmul_scratch_destroy(matmul_scratch *s);

/* Run all jobs over the tokens of a, sharing the pool's threads among them. Every
 * job's w->cols is a's k. With exact = false a must have been rounded. */
void matmul_run(const matmul *jobs, size_t n_jobs, const activations *a, bool exact,
                matmul_scratch *s, pool *p);

#endif

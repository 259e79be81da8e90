/* vector_kernels.h - the inner loops of vector search, one table a CPU level.
 *
 * A code row is uint8_t[n]: code = 128 + round(component / scale), 1 .. 255, with one float scale a
 * row. A prepared query is int8_t[n], -127 .. 127. What the integer kernels return is
 *
 *     sum over i of (code[i] - 128) * query[i]
 *
 * computed as sum(code * query) - bias with bias = 128 * sum(query), because the VNNI instruction
 * multiplies unsigned by signed bytes. Integers, so every level gives the same number; n may be
 * anything and no alignment is needed. Rows are padded with 128 and queries with 0 to a multiple
 * of 64 so that the long loops have no tail.
 *
 * The float kernels sum in a fixed order per level; levels agree to 4e-7 * sum |a_i b_i|
 * (l2: of the squared differences). */
#ifndef CAIRN_INDEX_VECTOR_KERNELS_H
#define CAIRN_INDEX_VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

typedef struct vector_kernels {
    const char *name;
    int32_t (*dot)(const uint8_t *code, const int8_t *query, size_t n, int32_t bias);
    /* out[i] for rows 0 .. n_rows - 1 that lie `stride` bytes apart. */
    void (*scan)(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query, size_t n,
                 int32_t bias, int32_t *out);
    /* out[i] for rows[i]. Reads ahead of itself. */
    void (*gather)(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                   const int8_t *query, size_t n, int32_t bias, int32_t *out);
    /* scores[i] = dots[i] * (scales[i] * q_scale) + (biases[i] + q_offset), biases NULL: 0.
     * Bit i of the result: scores[i] >= least. n <= 64. */
    uint64_t (*select)(const int32_t *dots, const float *scales, const float *biases, size_t n,
                       float q_scale, float q_offset, float least, float *scores);
    float (*dot_f32)(const float *a, const float *b, size_t n);
    float (*l2_f32)(const float *a, const float *b, size_t n); /* the squared distance */
} vector_kernels;

extern const vector_kernels vector_kernels_scalar;
extern const vector_kernels vector_kernels_avx2;
extern const vector_kernels vector_kernels_avx512;

/* The row for cpu_level_get(). */
const vector_kernels *vector_kernels_get(void);
/* The row for one level; for tests, which must not ask above cpu_level_max(). */
const vector_kernels *vector_kernels_for(cpu_level level);

#endif

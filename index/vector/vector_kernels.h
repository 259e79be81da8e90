/* vector_kernels.h - the inner loops of vector search, one table a CPU level.
 *
 * Codes. A row's code is n bytes; a prepared query fits its kind. What the integer kernels return:
 *
 *   int8   code = 128 + c, c -127 .. 127; query int8[n]
 *              sum of c * q  =  sum of code * q - bias,  bias = 128 * sum of q
 *          (the VNNI instruction multiplies unsigned by signed bytes)
 *   4-bit  byte j holds u of component j low and of component n + j high, 0 .. 15, c = 2 u - 15;
 *          query int8[2 n]
 *              sum of c * q  =  2 * sum of u * q - bias,  bias = 15 * sum of q
 *   1-bit  component i is bit i & 7 of byte i >> 3, c = 1 where it is set, else -1; the query's values
 *          have 4 bits, -7 .. 7: four planes of n bytes, plane p the bits p of the values in two's
 *          complement, so that weights are 1, 2, 4, -8
 *              sum of c * q  =  2 * sum of q where the bit is set - bias,  bias = sum of q
 *
 * Integers, so every level gives the same number; n may be anything (1-bit: a multiple of 8) and no
 * alignment is needed.
 *
 * Originals. The float kernels sum in a fixed order per level; levels agree to 4e-7 * the sum of the
 * summands' sizes. An int8 original is 128 + c bytes that stand for c * scale; the other kinds ignore
 * the scale. */
#ifndef CAIRN_INDEX_VECTOR_KERNELS_H
#define CAIRN_INDEX_VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

#define VECTOR_CODE_KINDS 3
#define VECTOR_STORAGES 4
#define VECTOR_PLANES 4 /* bits of a query value for 1-bit codes */

typedef struct vector_code_kernels {
    int32_t (*dot)(const uint8_t *code, const int8_t *query, size_t n, int32_t bias);
    /* out[i] for rows 0 .. n_rows - 1 that lie `stride` bytes apart. */
    void (*scan)(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query, size_t n,
                 int32_t bias, int32_t *out);
    /* out[i] for rows[i]. Reads ahead of itself. */
    void (*gather)(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                   const int8_t *query, size_t n, int32_t bias, int32_t *out);
} vector_code_kernels;

typedef struct vector_original_kernels {
    float (*dot)(const void *row, float scale, const float *query, size_t n);
    float (*l2)(const void *row, float scale, const float *query, size_t n); /* squared distance */
} vector_original_kernels;

typedef struct vector_kernels {
    const char *name;
    const vector_code_kernels *code[VECTOR_CODE_KINDS];      /* by vector_code_kind */
    vector_original_kernels original[VECTOR_STORAGES];       /* by vector_storage */
    /* scores[i] = dots[i] * (scales[i] * q_scale) + (biases[i] + q_offset), biases NULL: 0.
     * Bit i of the result: scores[i] >= least. n <= 64. */
    uint64_t (*select)(const int32_t *dots, const float *scales, const float *biases, size_t n,
                       float q_scale, float q_offset, float least, float *scores);
    /* Bits of allowed[0, words) that are not in deleted; NULL: all allowed, none deleted. */
    size_t (*count)(const uint64_t *allowed, const uint64_t *deleted, size_t words);
    /* To half precision, to the nearest, ties to even; and back. */
    void (*to_f16)(const float *v, size_t n, uint16_t *out);
    void (*from_f16)(const uint16_t *v, size_t n, float *out);
} vector_kernels;

extern const vector_code_kernels vector_i8_scalar, vector_i8_avx2, vector_i8_avx512;
extern const vector_code_kernels vector_i4_scalar, vector_i4_avx2, vector_i4_avx512;
extern const vector_code_kernels vector_b1_scalar, vector_b1_avx2, vector_b1_avx512pop;

extern const vector_kernels vector_kernels_scalar;
extern const vector_kernels vector_kernels_avx2;
extern const vector_kernels vector_kernels_avx512;    /* without VPOPCNTDQ */
extern const vector_kernels vector_kernels_avx512pop; /* with it */

/* The row for cpu_level_get(). */
const vector_kernels *vector_kernels_get(void);
/* The row for one level; for tests, which must not ask above cpu_level_max(). */
const vector_kernels *vector_kernels_for(cpu_level level);

#endif

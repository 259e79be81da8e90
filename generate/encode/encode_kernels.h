/* encode_kernels.h - the arithmetic of the encoder, one table a CPU level.
 *
 * Every matrix product is C[m][32] = A[m][k] * panel: a panel is 32 outputs side by side, so that a
 * lane belongs to one output. Three kinds:
 *
 *   f32   float weights and activations, added in the order of k. The exact mode.
 *   i16   weights rounded to 13 bits and activations to 14 in blocks of 64 inputs, each with its
 *         own float scale; products summed in int32, blocks added in order. Several times finer
 *         than bfloat16 at the same speed: the fast mode of float weights.
 *   q4    4-bit weights as stored (Q4_0) and activations rounded to int8 in blocks of 32: the fast
 *         mode of Q4_0 weights, with the arithmetic such weights are made for.
 *   q8    weights and activations rounded to int8 in blocks of 32: the fast mode of float weights
 *         that are too many for 16 bits (linear.h).
 *
 * The integer kinds give the same bytes on every row: integer sums are exact, and their float part
 * is one fused multiply-add a block. So do the element-wise functions, which are compiled from one
 * text (encode_lanes.h). Only f32 may differ in the last bit, because the scalar row does not fuse.
 *
 * Owns     nothing. All panels, scratch and quantised rows are 64-byte aligned.
 * Threads  any. */
#ifndef CAIRN_GENERATE_ENCODE_ENCODE_KERNELS_H
#define CAIRN_GENERATE_ENCODE_ENCODE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

#define ENCODE_PANEL     32 /* outputs side by side */
#define ENCODE_I16_BLOCK 64 /* inputs that share a scale in the i16 kind */
/* Largest rounded values there. Block * inputs * weights < 2^31; the inputs get the finer steps,
 * since outliers among them, and the small probabilities of a sharp attention, cost most. */
#define ENCODE_I16_INPUT  8191
#define ENCODE_I16_WEIGHT 4095
#define ENCODE_Q4_BLOCK   32
#define ENCODE_Q8_OFF     16 /* a q8 panel's zero is 128, a q4 panel's 8 */
#define ENCODE_Q4_BYTES   18 /* bytes of a Q4_0 block: an fp16 scale and 32 nibbles */

/* Blocks of a row of k inputs. */
static inline size_t encode_i16_blocks(size_t k)
{
    return (k + ENCODE_I16_BLOCK - 1) / ENCODE_I16_BLOCK;
}

typedef struct encode_kernels {
    cpu_level level;

    /* C[i * ldc + 0..31] = sum over j of A[i * lda + j] * panel[j * 32 + 0..31], i < m. */
    void (*gemm_f32)(const float *a, size_t lda, size_t m, const float *panel, size_t k, float *c,
                     size_t ldc);
    /* panel[j / 2][32][2]; k even. Scales: a_scale[i * lds + block], w_scale[block * 32 + lane]. */
    void (*gemm_i16)(const int16_t *a, size_t lda, const float *a_scale, size_t lds, size_t m,
                     const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc);
    /* panel[j / 4][32][4], values 0..15 that stand for -8..7; k a multiple of 32. a_off[i * lds +
     * block] is -8 times the sum of the block's activations. */
    void (*gemm_q4)(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc);
    /* The same from a panel with two values a byte (spread_q4), to the same bytes: for a few rows, whose products take
     * less than the spreading would. NULL: the row has none. */
    void (*gemm_halves)(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                        size_t lds, size_t m, const uint8_t *halves, const float *w_scale, size_t k,
                        float *c, size_t ldc);
    /* gemm_q4 with values 1..255 that stand for -127..127; a_off as for gemm_q4. */
    void (*gemm_q8)(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc);

    /* Round a row of k floats to -limit .. limit in blocks; scale[encode_i16_blocks(k)]. k a
     * multiple of 16. */
    void (*quantize_i16)(const float *x, size_t k, float limit, int16_t *q, float *scale);
    /* Round a row of k floats in blocks of 32; k a multiple of 32. */
    void (*quantize_i8)(const float *x, size_t k, int8_t *q, float *scale, int32_t *off);
    /* x[k][32]: the weights of 32 outputs side by side, as a turned matrix has them. To an i16 panel and its scales
     * [encode_i16_blocks(k)][32], k even; to a q8 panel and its scales [k / 32][32], k a multiple of 32. The bytes are
     * those of rounding each output's row (limit ENCODE_I16_WEIGHT) and packing the 32. */
    void (*across_i16)(const float *x, size_t k, int16_t *panel, float *w_scale);
    void (*across_i8)(const float *x, size_t k, uint8_t *panel, float *w_scale);
    /* 32 rows of Q4_0 blocks, row_bytes apart, to a q4 panel and its scales [k / 32][32]. */
    void (*unpack_q4)(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *panel,
                      float *w_scale);
    /* A q4 panel with two values a byte, of each 1,024 the first 512 in the low halves and the
     * others in the high ones, to one with a value a byte. */
    void (*spread_q4)(const uint8_t *halves, size_t k, uint8_t *panel);
    /* 32 rounded rows, lda apart, to an i16 panel: panel[j / 2][32][2]. k a multiple of 16. */
    void (*pack_i16)(const int16_t *rows, size_t lda, size_t k, int16_t *panel);

    /* y = ((x + r) - mean) / sqrt(var + eps) * w + b over n (a multiple of 16). r may be NULL; y
     * may be x. */
    void (*layernorm)(const float *x, const float *r, const float *w, const float *b, float eps,
                      size_t n, float *y);
    /* y = x + b; x = gelu(x + b) by the error function. n a multiple of 16. */
    void (*bias)(const float *x, const float *b, size_t n, float *y);
    void (*bias_gelu)(float *x, const float *b, size_t n);
    /* x[j] = exp(scale * (x[j] - max)) for j < n, 0 for n <= j < padded (a multiple of 16); returns
     * the sum. scale > 0. */
    float (*exp_row)(float *x, size_t n, size_t padded, float scale);
    /* acc += x; x *= by. n a multiple of 16. */
    void (*add)(float *acc, const float *x, size_t n);
    void (*scale)(float *x, float by, size_t n);
} encode_kernels;

/* The row for this machine and CAIRN_CPU; never NULL. */
const encode_kernels *encode_kernels_get(void);
/* One level's row, or NULL where the machine lacks it: for tests. */
const encode_kernels *encode_kernels_for(cpu_level level);

extern const encode_kernels encode_kernels_scalar, encode_kernels_avx2, encode_kernels_avx512;

#endif

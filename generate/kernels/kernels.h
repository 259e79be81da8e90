/* kernels.h - the arithmetic of the models, one table a CPU level.
 *
 * kernels_get() gives the row for this machine (CAIRN_CPU pins a lower one). Every row gives the
 * same bytes: the integer products are exact, and float operations are done in one written-down
 * order, sixteen lanes wide, with fused multiply-add only where the comment says so. lanes.h has
 * the three spellings of a lane, kernels_body.h the code that all rows are compiled from.
 *
 * Three ideas carry the speed:
 *   - A weight matrix is repacked at load: sixteen rows side by side, so that one vector holds four
 *     neighbouring weights of sixteen rows and one lane belongs to one output (matrix.h). The bits
 *     stay those of the file; only their order changes.
 *   - Activations are rounded to int8 with a float scale for each 16, so that a product is integer
 *     dot products (VNNI where there is one). Scales per 32, as the formats of ggml have, cost 5 %
 *     less time and 40 % more distance from the unrounded model.
 *   - An output is the sum over its blocks in rising order, whatever the batch and the threads.
 *
 * Owns     nothing: all buffers are the caller's.
 * Threads  the tables are constant; every function may run in any thread. */
#ifndef CAIRN_GENERATE_KERNELS_KERNELS_H
#define CAIRN_GENERATE_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "generate/formats/tensor.h"

#define KERNEL_LANES 16 /* outputs computed side by side */

/* n elements of `type` at src (any alignment) to float, bit for bit as the format defines it.
 * n must be a multiple of the type's block size. False for a type that has no float meaning here
 * (Q8_1, Q8_K, integers): dst is untouched. */
bool dequantize_row(tensor_type type, const void *src, float *dst, size_t n);
bool dequantize_supported(tensor_type type);

float half_to_float(uint16_t h);
uint16_t float_to_half(float f); /* round to nearest even, overflow to infinity */
float bfloat_to_float(uint16_t b);
uint16_t float_to_bfloat(float f); /* round to nearest even */

/* Rounded activations of a tile of W tokens (W = 8, or 1 for decoding), k inputs each, block after
 * block of 32 inputs, so that a product walks one stream:
 *
 *   at       size  field of one block
 *   0        32 W  int8 q[W][32], -127..127; x is about q * scale
 *   32 W      8 W  float scale[2][W], of each half of the block: largest |x| / 127
 *   40 W      4 W  float scaled[W], sum of scale times q: for weights with a minimum
 *   44 W      8 W  int32 off[2][W], -128 times each half's sum of q: for weights with an offset
 *   52 W           the next block (at 64 for W = 1)
 *
 * A NaN or infinity in x gives a NaN scale, so a broken model stays visible. */
#define KERNEL_TILE         8
#define KERNEL_TILE_BLOCK   (52 * KERNEL_TILE)
#define KERNEL_SINGLE_BLOCK 64

/* Rounded activations of n tokens: full tiles, then single tokens. */
typedef struct token_tiles {
    const uint8_t *tiles; /* [n_tiles][k / 32][KERNEL_TILE_BLOCK] */
    size_t n_tiles;
    size_t n_tiled;         /* tokens in them: the last tile may be part empty (zeros) */
    const uint8_t *singles; /* [n_singles][k / 32][KERNEL_SINGLE_BLOCK], the tokens after those */
    size_t n_singles;
} token_tiles;

/* A strip is 16 matrix rows packed side by side (matrix.h). Outputs go to out[t * stride + lane]
 * for token t, all 16 lanes. `scratch` is 64-byte aligned and holds KERNEL_STRIP_SCRATCH bytes. */
typedef void kernel_strip(const uint8_t *strip, size_t k, const token_tiles *x, float *out,
                          size_t stride, void *scratch);
#define KERNEL_STRIP_SCRATCH ((size_t)32 * 640)
/* Weights k0 .. k0 + n of a strip as floats, dst[i * 16 + lane]. n and k0 are multiples of the
 * type's block size. */
typedef void kernel_unpack(const uint8_t *strip, size_t k, size_t k0, size_t n, float *dst);

/* Sixteen rows of a file's tensor, row_bytes (at most PACK_MAX_ROW) apart, of k weights each, as a strip
 * (64-byte aligned); no byte beyond the last row's is read. */
typedef void kernel_pack(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *strip);
#define PACK_MAX_ROW ((size_t)1 << 26)

typedef struct kernels {
    cpu_level level;
    /* NULL where a type has no integer product: then unpack and gemm_f32 serve. */
    kernel_strip *strip[TENSOR_TYPE_COUNT];
    kernel_unpack *unpack[TENSOR_TYPE_COUNT];
    kernel_pack *pack[TENSOR_TYPE_COUNT]; /* NULL where unpack is */

    /* Round one token of k inputs (a multiple of 32) into place `slot` of a tile of width 8 or 1.
     */
    void (*quantize)(const float *x, size_t k, size_t width, size_t slot, uint8_t *tile);

    /* c[i][16 v + lane] (+)= sum over j of a[i][j] * b[v * b_step + j * ldb + lane], j rising,
     * fused, for m rows and n_vectors vectors of 16 lanes. Strides in floats. `accumulate` starts
     * from c instead of 0. */
    void (*gemm_f32)(size_t m, size_t n_vectors, size_t k, const float *a, size_t lda,
                     const float *b, size_t ldb, size_t b_step, float *c, size_t ldc,
                     bool accumulate);

    /* y = x / sqrt(mean(x^2) + eps) * w. y may be x. Any n. */
    void (*rmsnorm)(const float *x, const float *w, size_t n, float eps, float *y);
    /* y = (x - mean) / sqrt(var + eps) * w + b. y may be x. Any n. */
    void (*layernorm)(const float *x, const float *w, const float *b, size_t n, float eps,
                      float *y);
    /* x = exp(x - max) / sum, in place. -infinity becomes 0. Any n. */
    void (*softmax)(float *x, size_t n);
    /* y = silu(gate) * up; y = gelu(gate) * up (the tanh form). y may be gate or up. Any n. */
    void (*silu_mul)(const float *gate, const float *up, size_t n, float *y);
    void (*gelu_tanh_mul)(const float *gate, const float *up, size_t n, float *y);
    /* y = gelu(x) by the error function (BERT). Any n. */
    void (*gelu_erf)(const float *x, size_t n, float *y);
    /* x = cap * tanh(x / cap), in place. Any n. */
    void (*softcap)(float *x, size_t n, float cap);
    void (*add)(const float *a, const float *b, size_t n, float *y);
    void (*scale)(float *x, size_t n, float by);
    float (*dot)(const float *a, const float *b, size_t n);
    float (*max)(const float *x, size_t n); /* n >= 1 */
    void (*from_half)(const uint16_t *h, size_t n, float *y);
    void (*to_half)(const float *x, size_t n, uint16_t *h);
    /* q = x / scale, rounded to nearest even, -127..127; returns scale, largest |x| / 127 (a NaN or
     * infinity in x makes it NaN). n is a multiple of 16. */
    float (*to_int8)(const float *x, size_t n, int8_t *q);
    /* Rows of `group` numbers (a multiple of 16), one scale each: y = q * scale. */
    void (*from_int8_along)(const int8_t *q, const float *scales, size_t n_rows, size_t group,
                            float *y);
    /* Strips of 16 columns, dim rows each: y[s][i][lane] = q[s][i][lane] * scales[s][i / group][lane]
     */
    void (*from_int8_across)(const int8_t *q, const float *scales, size_t n_strips, size_t dim,
                             size_t group, float *y);
    /* n times KERNEL_SPIN_OPS int8 operations in registers, to measure what a core can do at most.
     * The result only keeps the compiler honest. */
    uint32_t (*spin)(size_t n);
} kernels;

#define KERNEL_SPIN_OPS (12.0 * KERNEL_LANES * 4 * 2)

/* The row for this machine and CAIRN_CPU; never NULL. */
const kernels *kernels_get(void);
/* The row of one level, or NULL where the CPU lacks it: for tests. */
const kernels *kernels_for(cpu_level level);

#endif

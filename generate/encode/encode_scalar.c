/* encode_scalar.c - the row of kernels for any x86-64, and the definition of the right answer. */
#include "generate/encode/encode_lanes.h"

#include "generate/kernels/kernels.h"

static void gemm_f32(const float *a, size_t lda, size_t m, const float *panel, size_t k, float *c,
                     size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float sum[ENCODE_PANEL] = {0};
        for (size_t j = 0; j < k; j++)
            for (size_t n = 0; n < ENCODE_PANEL; n++)
                sum[n] += a[i * lda + j] * panel[j * ENCODE_PANEL + n];
        memcpy(c + i * ldc, sum, sizeof sum);
    }
}

static void gemm_i16(const int16_t *a, size_t lda, const float *a_scale, size_t lds, size_t m,
                     const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float sum[ENCODE_PANEL] = {0};
        for (size_t at = 0, b = 0; at < k; at += ENCODE_I16_BLOCK, b++) {
            size_t end = k - at < ENCODE_I16_BLOCK ? k : at + ENCODE_I16_BLOCK;
            int32_t dot[ENCODE_PANEL] = {0};
            for (size_t j = at; j < end; j += 2) {
                const int16_t *w = panel + j * ENCODE_PANEL;
                int32_t a0 = a[i * lda + j], a1 = a[i * lda + j + 1];
                for (size_t n = 0; n < ENCODE_PANEL; n++)
                    dot[n] += a0 * w[2 * n] + a1 * w[2 * n + 1];
            }
            for (size_t n = 0; n < ENCODE_PANEL; n++)
                sum[n] = fmaf((float)dot[n], w_scale[b * ENCODE_PANEL + n] * a_scale[i * lds + b],
                              sum[n]);
        }
        memcpy(c + i * ldc, sum, sizeof sum);
    }
}

/* `off_by` times a_off is what the values' zero is worth. */
static void gemm_bytes(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                       int32_t off_by, size_t lds, size_t m, const uint8_t *panel,
                       const float *w_scale, size_t k, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++) {
        float sum[ENCODE_PANEL] = {0};
        for (size_t at = 0, b = 0; at < k; at += ENCODE_Q4_BLOCK, b++) {
            int32_t dot[ENCODE_PANEL];
            for (size_t n = 0; n < ENCODE_PANEL; n++)
                dot[n] = off_by * a_off[i * lds + b];
            for (size_t j = at; j < at + ENCODE_Q4_BLOCK; j += 4) {
                const uint8_t *w = panel + j * ENCODE_PANEL;
                const int8_t *x = a + i * lda + j;
                for (size_t n = 0; n < ENCODE_PANEL; n++)
                    dot[n] += w[4 * n] * x[0] + w[4 * n + 1] * x[1] + w[4 * n + 2] * x[2] +
                              w[4 * n + 3] * x[3];
            }
            for (size_t n = 0; n < ENCODE_PANEL; n++)
                sum[n] = fmaf((float)dot[n], w_scale[b * ENCODE_PANEL + n] * a_scale[i * lds + b],
                              sum[n]);
        }
        memcpy(c + i * ldc, sum, sizeof sum);
    }
}

static void gemm_q4(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
    gemm_bytes(a, lda, a_scale, a_off, 1, lds, m, panel, w_scale, k, c, ldc);
}

static void gemm_q8(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
    gemm_bytes(a, lda, a_scale, a_off, ENCODE_Q8_OFF, lds, m, panel, w_scale, k, c, ldc);
}

static void unpack_q4(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *panel,
                      float *w_scale)
{
    for (size_t n = 0; n < ENCODE_PANEL; n++) {
        const uint8_t *block = rows + n * row_bytes;
        for (size_t at = 0; at < k; at += ENCODE_Q4_BLOCK, block += ENCODE_Q4_BYTES) {
            uint16_t half;
            memcpy(&half, block, sizeof half);
            w_scale[at + n] = half_to_float(half); /* 32 inputs a block, 32 lanes */
            for (size_t j = 0; j < 16; j++) {
                uint8_t *low = panel + (at + j) / 4 * 4 * ENCODE_PANEL + 4 * n + j % 4;
                low[0] = block[2 + j] & 15;
                low[16 * ENCODE_PANEL] = block[2 + j] >> 4;
            }
        }
    }
}

static void pack_i16(const int16_t *rows, size_t lda, size_t k, int16_t *panel)
{
    for (size_t j = 0; j < k; j += 2)
        for (size_t n = 0; n < ENCODE_PANEL; n++)
            memcpy(panel + j * ENCODE_PANEL + 2 * n, rows + n * lda + j, 2 * sizeof *rows);
}

const encode_kernels encode_kernels_scalar = {
    .level = CPU_SCALAR,
    .gemm_f32 = gemm_f32,
    .gemm_i16 = gemm_i16,
    .gemm_q4 = gemm_q4,
    .gemm_q8 = gemm_q8,
    .quantize_i16 = lanes_quantize_i16,
    .quantize_i8 = lanes_quantize_i8,
    .across_i16 = lanes_across_i16,
    .across_i8 = lanes_across_i8,
    .unpack_q4 = unpack_q4,
    .spread_q4 = lanes_spread_q4,
    .pack_i16 = pack_i16,
    .layernorm = lanes_layernorm,
    .bias = lanes_bias,
    .bias_gelu = lanes_bias_gelu,
    .exp_row = lanes_exp_row,
    .add = lanes_add,
    .scale = lanes_scale,
};

/* encode_avx512.c - the row of kernels for AVX-512 with VNNI.
 *
 * A tile is up to 6 tokens by 32 outputs: 12 integer sums and 12 float sums stay in registers. The
 * tile height is a constant in each copy, so the compiler unrolls the loops over it. */
#include <immintrin.h>

#include "generate/encode/encode_lanes.h"

#define TILE 6

/* Run `call(height)` down m tokens, six at a time; the rest with a height of its own. */
#define DOWN_TILES(m, call)                                                                        \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + TILE <= (m); i += TILE)                                                         \
            call(TILE);                                                                            \
        switch ((m)-i) {                                                                           \
        case 5:                                                                                    \
            call(5);                                                                               \
            break;                                                                                 \
        case 4:                                                                                    \
            call(4);                                                                               \
            break;                                                                                 \
        case 3:                                                                                    \
            call(3);                                                                               \
            break;                                                                                 \
        case 2:                                                                                    \
            call(2);                                                                               \
            break;                                                                                 \
        case 1:                                                                                    \
            call(1);                                                                               \
            break;                                                                                 \
        }                                                                                          \
    } while (0)

LANE_FN void store_tile(int h, __m512 (*sum)[2], float *c, size_t ldc)
{
#pragma GCC unroll 6
    for (int i = 0; i < h; i++) {
        _mm512_storeu_ps(c + (size_t)i * ldc, sum[i][0]);
        _mm512_storeu_ps(c + (size_t)i * ldc + 16, sum[i][1]);
    }
}

LANE_FN void tile_f32(int h, const float *a, size_t lda, const float *panel, size_t k, float *c,
                      size_t ldc)
{
    __m512 sum[TILE][2];

#pragma GCC unroll 6
    for (int i = 0; i < h; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t j = 0; j < k; j++) {
        __m512 w0 = _mm512_load_ps(panel + j * 32), w1 = _mm512_load_ps(panel + j * 32 + 16);
#pragma GCC unroll 6
        for (int i = 0; i < h; i++) {
            __m512 x = _mm512_set1_ps(a[(size_t)i * lda + j]);
            sum[i][0] = _mm512_fmadd_ps(x, w0, sum[i][0]);
            sum[i][1] = _mm512_fmadd_ps(x, w1, sum[i][1]);
        }
    }
    store_tile(h, sum, c, ldc);
}

static void gemm_f32(const float *a, size_t lda, size_t m, const float *panel, size_t k, float *c,
                     size_t ldc)
{
#define CALL(h) tile_f32(h, a + i * lda, lda, panel, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* Four bytes of a quantised row, in every lane. */
LANE_FN __m512i spread4(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm512_set1_epi32(v);
}

/* Add one block's integer sums to the float sums, scaled: by w_scale[32] of the outputs and a_scale[i * lds] of the rows. */
LANE_FN void add_blocks(int h, __m512 (*sum)[2], __m512i (*dot)[2], const float *w_scale,
                        const float *a_scale, size_t lds)
{
    __m512 s0 = _mm512_load_ps(w_scale), s1 = _mm512_load_ps(w_scale + 16);

#pragma GCC unroll 6
    for (int i = 0; i < h; i++) {
        __m512 s = _mm512_set1_ps(a_scale[(size_t)i * lds]);
        sum[i][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[i][0]), _mm512_mul_ps(s0, s), sum[i][0]);
        sum[i][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[i][1]), _mm512_mul_ps(s1, s), sum[i][1]);
    }
}

LANE_FN void tile_i16(int h, const int16_t *a, size_t lda, const float *a_scale, size_t lds,
                      const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
    __m512 sum[TILE][2];

#pragma GCC unroll 6
    for (int i = 0; i < h; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t at = 0, b = 0; at < k; at += ENCODE_I16_BLOCK, b++) {
        size_t end = k - at < ENCODE_I16_BLOCK ? k : at + ENCODE_I16_BLOCK;
        __m512i dot[TILE][2];
#pragma GCC unroll 6
        for (int i = 0; i < h; i++)
            dot[i][0] = dot[i][1] = _mm512_setzero_si512();
#pragma GCC unroll 4
        for (size_t j = at; j < end; j += 2) {
            __m512i w0 = _mm512_load_si512(panel + j * 32);
            __m512i w1 = _mm512_load_si512(panel + j * 32 + 32);
#pragma GCC unroll 6
            for (int i = 0; i < h; i++) {
                __m512i x = spread4(a + (size_t)i * lda + j);
                dot[i][0] = _mm512_dpwssd_epi32(dot[i][0], w0, x);
                dot[i][1] = _mm512_dpwssd_epi32(dot[i][1], w1, x);
            }
        }
        add_blocks(h, sum, dot, w_scale + b * 32, a_scale + b, lds);
    }
    store_tile(h, sum, c, ldc);
}

static void gemm_i16(const int16_t *a, size_t lda, const float *a_scale, size_t lds, size_t m,
                     const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_i16(h, a + i * lda, lda, a_scale + i * lds, lds, panel, w_scale, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* Panels of q4 and, with off_by of ENCODE_Q8_OFF, q8. */
LANE_FN void tile_bytes(int h, const int8_t *a, size_t lda, const float *a_scale,
                        const int32_t *a_off, int32_t off_by, size_t lds, const uint8_t *panel,
                        const float *w_scale, size_t k, float *c, size_t ldc)
{
    __m512 sum[TILE][2];

#pragma GCC unroll 6
    for (int i = 0; i < h; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t b = 0; b < k / 32; b++) {
        __m512i dot[TILE][2];
#pragma GCC unroll 6
        for (int i = 0; i < h; i++)
            dot[i][0] = dot[i][1] = _mm512_set1_epi32(off_by * a_off[(size_t)i * lds + b]);
#pragma GCC unroll 8
        for (size_t j = b * 32; j < b * 32 + 32; j += 4) {
            __m512i w0 = _mm512_load_si512(panel + j * 32);
            __m512i w1 = _mm512_load_si512(panel + j * 32 + 64);
#pragma GCC unroll 6
            for (int i = 0; i < h; i++) {
                __m512i x = spread4(a + (size_t)i * lda + j);
                dot[i][0] = _mm512_dpbusd_epi32(dot[i][0], w0, x);
                dot[i][1] = _mm512_dpbusd_epi32(dot[i][1], w1, x);
            }
        }
        add_blocks(h, sum, dot, w_scale + b * 32, a_scale + b, lds);
    }
    store_tile(h, sum, c, ldc);
}

static void gemm_q4(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_bytes(h, a + i * lda, lda, a_scale + i * lds, a_off + i * lds, 1, lds, panel, w_scale, k, \
               c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* Of a block of 32 inputs the first 16 are the low halves and the others the high ones. */
LANE_FN void tile_halves(int h, const int8_t *a, size_t lda, const float *a_scale,
                         const int32_t *a_off, size_t lds, const uint8_t *halves,
                         const float *w_scale, size_t k, float *c, size_t ldc)
{
    const __m512i nibble = _mm512_set1_epi8(15);
    __m512 sum[TILE][2];

#pragma GCC unroll 6
    for (int i = 0; i < h; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t b = 0; b < k / 32; b++, halves += 512) {
        __m512i dot[TILE][2];
#pragma GCC unroll 6
        for (int i = 0; i < h; i++)
            dot[i][0] = dot[i][1] = _mm512_set1_epi32(a_off[(size_t)i * lds + b]);
#pragma GCC unroll 4
        for (size_t j = 0; j < 16; j += 4) {
            __m512i v0 = _mm512_load_si512(halves + j * 32);
            __m512i v1 = _mm512_load_si512(halves + j * 32 + 64);
            __m512i low0 = _mm512_and_si512(v0, nibble), low1 = _mm512_and_si512(v1, nibble);
            __m512i high0 = _mm512_and_si512(_mm512_srli_epi16(v0, 4), nibble);
            __m512i high1 = _mm512_and_si512(_mm512_srli_epi16(v1, 4), nibble);
#pragma GCC unroll 6
            for (int i = 0; i < h; i++) {
                __m512i x = spread4(a + (size_t)i * lda + b * 32 + j);
                dot[i][0] = _mm512_dpbusd_epi32(dot[i][0], low0, x);
                dot[i][1] = _mm512_dpbusd_epi32(dot[i][1], low1, x);
                x = spread4(a + (size_t)i * lda + b * 32 + 16 + j);
                dot[i][0] = _mm512_dpbusd_epi32(dot[i][0], high0, x);
                dot[i][1] = _mm512_dpbusd_epi32(dot[i][1], high1, x);
            }
        }
        add_blocks(h, sum, dot, w_scale + b * 32, a_scale + b, lds);
    }
    store_tile(h, sum, c, ldc);
}

static void gemm_halves(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                        size_t lds, size_t m, const uint8_t *halves, const float *w_scale, size_t k,
                        float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_halves(h, a + i * lda, lda, a_scale + i * lds, a_off + i * lds, lds, halves, w_scale, k,  \
                c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

static void gemm_q8(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_bytes(h, a + i * lda, lda, a_scale + i * lds, a_off + i * lds, ENCODE_Q8_OFF, lds, panel, \
               w_scale, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* 16 rows of 16 bytes, `stride` apart, to four vectors: out[g] lane n = bytes 4g .. 4g+3 of row n.
 */
LANE_FN void transpose16(const uint8_t *p, size_t stride, __m512i out[4])
{
    __m512i r[4], t[4];

    /* r[i]: rows i, i + 4, i + 8, i + 12, one a 128-bit quarter */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(p + i * stride)));
        v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (i + 4) * stride)), 1);
        v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (i + 8) * stride)), 2);
        r[i] = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (i + 12) * stride)), 3);
    }
    t[0] = _mm512_unpacklo_epi32(r[0], r[1]);
    t[1] = _mm512_unpackhi_epi32(r[0], r[1]);
    t[2] = _mm512_unpacklo_epi32(r[2], r[3]);
    t[3] = _mm512_unpackhi_epi32(r[2], r[3]);
    out[0] = _mm512_unpacklo_epi64(t[0], t[2]);
    out[1] = _mm512_unpackhi_epi64(t[0], t[2]);
    out[2] = _mm512_unpacklo_epi64(t[1], t[3]);
    out[3] = _mm512_unpackhi_epi64(t[1], t[3]);
}

static void unpack_q4(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *panel,
                      float *w_scale)
{
    const __m512i nibble = _mm512_set1_epi8(15);

    for (size_t at = 0; at < k; at += 32, rows += ENCODE_Q4_BYTES) {
        for (size_t half = 0; half < 2; half++) {
            const uint8_t *p = rows + half * 16 * row_bytes;
            uint8_t *to = panel + at * 32 + half * 64;
            uint16_t scale[16];
            __m512i v[4];

            for (size_t n = 0; n < 16; n++)
                memcpy(&scale[n], p + n * row_bytes, 2);
            _mm512_store_ps(w_scale + at + half * 16,
                            _mm512_cvtph_ps(_mm256_loadu_si256((const void *)scale)));
            transpose16(p + 2, row_bytes, v);
#pragma GCC unroll 4
            for (size_t g = 0; g < 4; g++) {
                _mm512_store_si512(to + g * 128, _mm512_and_si512(v[g], nibble));
                _mm512_store_si512(to + (g + 4) * 128,
                                   _mm512_and_si512(_mm512_srli_epi16(v[g], 4), nibble));
            }
        }
    }
}

static void pack_i16(const int16_t *rows, size_t lda, size_t k, int16_t *panel)
{
    for (size_t j = 0; j + 8 <= k; j += 8)
        for (size_t half = 0; half < 2; half++) {
            __m512i v[4];
            transpose16((const uint8_t *)(rows + half * 16 * lda + j), lda * sizeof *rows, v);
#pragma GCC unroll 4
            for (size_t g = 0; g < 4; g++)
                _mm512_store_si512(panel + (j + 2 * g) * 32 + half * 32, v[g]);
        }
}

const encode_kernels encode_kernels_avx512 = {
    .level = CPU_AVX512,
    .gemm_f32 = gemm_f32,
    .gemm_i16 = gemm_i16,
    .gemm_q4 = gemm_q4,
    .gemm_halves = gemm_halves,
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

/* encode_avx2.c - the row of kernels for AVX2 with FMA.
 *
 * A tile is up to 3 tokens by 16 outputs (half a panel). In the q4 kind a whole block is summed in
 * int16: 8 steps of at most 2 * 15 * 127 stay below 2^15. */
#include <immintrin.h>

#include "generate/encode/encode_lanes.h"

#define TILE 3

#define DOWN_TILES(m, call)                                                                        \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + TILE <= (m); i += TILE)                                                         \
            call(TILE);                                                                            \
        if ((m)-i == 2)                                                                            \
            call(2);                                                                               \
        else if ((m)-i == 1)                                                                       \
            call(1);                                                                               \
    } while (0)

LANE_FN void tile_f32(int h, const float *a, size_t lda, const float *panel, size_t k, float *c,
                      size_t ldc)
{
    for (size_t half = 0; half < 32; half += 16) {
        __m256 sum[TILE][2];
#pragma GCC unroll 3
        for (int i = 0; i < h; i++)
            sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        for (size_t j = 0; j < k; j++) {
            __m256 w0 = _mm256_load_ps(panel + j * 32 + half);
            __m256 w1 = _mm256_load_ps(panel + j * 32 + half + 8);
#pragma GCC unroll 3
            for (int i = 0; i < h; i++) {
                __m256 x = _mm256_set1_ps(a[(size_t)i * lda + j]);
                sum[i][0] = _mm256_fmadd_ps(x, w0, sum[i][0]);
                sum[i][1] = _mm256_fmadd_ps(x, w1, sum[i][1]);
            }
        }
#pragma GCC unroll 3
        for (int i = 0; i < h; i++) {
            _mm256_storeu_ps(c + (size_t)i * ldc + half, sum[i][0]);
            _mm256_storeu_ps(c + (size_t)i * ldc + half + 8, sum[i][1]);
        }
    }
}

static void gemm_f32(const float *a, size_t lda, size_t m, const float *panel, size_t k, float *c,
                     size_t ldc)
{
#define CALL(h) tile_f32(h, a + i * lda, lda, panel, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

LANE_FN __m256i spread4(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}

LANE_FN void add_block(__m256 sum[2], const __m256i dot[2], const float *w_scale, float a_scale)
{
    __m256 s = _mm256_set1_ps(a_scale);
    __m256 s0 = _mm256_mul_ps(_mm256_load_ps(w_scale), s);
    __m256 s1 = _mm256_mul_ps(_mm256_load_ps(w_scale + 8), s);
    sum[0] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[0]), s0, sum[0]);
    sum[1] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[1]), s1, sum[1]);
}

LANE_FN void tile_i16(int h, const int16_t *a, size_t lda, const float *a_scale, size_t lds,
                      const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
    for (size_t half = 0; half < 32; half += 16) {
        __m256 sum[TILE][2];
#pragma GCC unroll 3
        for (int i = 0; i < h; i++)
            sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        for (size_t at = 0, b = 0; at < k; at += ENCODE_I16_BLOCK, b++) {
            size_t end = k - at < ENCODE_I16_BLOCK ? k : at + ENCODE_I16_BLOCK;
            __m256i dot[TILE][2];
#pragma GCC unroll 3
            for (int i = 0; i < h; i++)
                dot[i][0] = dot[i][1] = _mm256_setzero_si256();
            for (size_t j = at; j < end; j += 2) {
                const int16_t *w = panel + j * 32 + half * 2;
                __m256i w0 = _mm256_load_si256((const void *)w);
                __m256i w1 = _mm256_load_si256((const void *)(w + 16));
#pragma GCC unroll 3
                for (int i = 0; i < h; i++) {
                    __m256i x = spread4(a + (size_t)i * lda + j);
                    dot[i][0] = _mm256_add_epi32(dot[i][0], _mm256_madd_epi16(w0, x));
                    dot[i][1] = _mm256_add_epi32(dot[i][1], _mm256_madd_epi16(w1, x));
                }
            }
#pragma GCC unroll 3
            for (int i = 0; i < h; i++)
                add_block(sum[i], dot[i], w_scale + b * 32 + half, a_scale[(size_t)i * lds + b]);
        }
#pragma GCC unroll 3
        for (int i = 0; i < h; i++) {
            _mm256_storeu_ps(c + (size_t)i * ldc + half, sum[i][0]);
            _mm256_storeu_ps(c + (size_t)i * ldc + half + 8, sum[i][1]);
        }
    }
}

static void gemm_i16(const int16_t *a, size_t lda, const float *a_scale, size_t lds, size_t m,
                     const int16_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_i16(h, a + i * lda, lda, a_scale + i * lds, lds, panel, w_scale, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

LANE_FN void tile_q4(int h, const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                     size_t lds, const uint8_t *panel, const float *w_scale, size_t k, float *c,
                     size_t ldc)
{
    const __m256i ones = _mm256_set1_epi16(1);

    for (size_t half = 0; half < 32; half += 16) {
        __m256 sum[TILE][2];
#pragma GCC unroll 3
        for (int i = 0; i < h; i++)
            sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        for (size_t b = 0; b < k / 32; b++) {
            __m256i part[TILE][2];
#pragma GCC unroll 3
            for (int i = 0; i < h; i++)
                part[i][0] = part[i][1] = _mm256_setzero_si256();
            for (size_t j = b * 32; j < b * 32 + 32; j += 4) {
                const uint8_t *w = panel + j * 32 + half * 4;
                __m256i w0 = _mm256_load_si256((const void *)w);
                __m256i w1 = _mm256_load_si256((const void *)(w + 32));
#pragma GCC unroll 3
                for (int i = 0; i < h; i++) {
                    __m256i x = spread4(a + (size_t)i * lda + j);
                    part[i][0] = _mm256_add_epi16(part[i][0], _mm256_maddubs_epi16(w0, x));
                    part[i][1] = _mm256_add_epi16(part[i][1], _mm256_maddubs_epi16(w1, x));
                }
            }
#pragma GCC unroll 3
            for (int i = 0; i < h; i++) {
                __m256i off = _mm256_set1_epi32(a_off[(size_t)i * lds + b]);
                __m256i dot[2] = {_mm256_add_epi32(off, _mm256_madd_epi16(part[i][0], ones)),
                                  _mm256_add_epi32(off, _mm256_madd_epi16(part[i][1], ones))};
                add_block(sum[i], dot, w_scale + b * 32 + half, a_scale[(size_t)i * lds + b]);
            }
        }
#pragma GCC unroll 3
        for (int i = 0; i < h; i++) {
            _mm256_storeu_ps(c + (size_t)i * ldc + half, sum[i][0]);
            _mm256_storeu_ps(c + (size_t)i * ldc + half + 8, sum[i][1]);
        }
    }
}

static void gemm_q4(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
#define CALL(h)                                                                                    \
    tile_q4(h, a + i * lda, lda, a_scale + i * lds, a_off + i * lds, lds, panel, w_scale, k,       \
            c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* Products of two bytes of full size do not fit 16 bits when one is unsigned, so the weights' signs
 * go to the activations: 2 * 127 * 127 fits. */
LANE_FN void tile_q8(int h, const int8_t *a, size_t lda, const float *a_scale, size_t lds,
                     const uint8_t *panel, const float *w_scale, size_t k, float *c, size_t ldc)
{
    const __m256i ones = _mm256_set1_epi16(1), top = _mm256_set1_epi8(-128);

    for (size_t half = 0; half < 32; half += 16) {
        __m256 sum[TILE][2];
#pragma GCC unroll 3
        for (int i = 0; i < h; i++)
            sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        for (size_t b = 0; b < k / 32; b++) {
            __m256i dot[TILE][2];
#pragma GCC unroll 3
            for (int i = 0; i < h; i++)
                dot[i][0] = dot[i][1] = _mm256_setzero_si256();
            for (size_t j = b * 32; j < b * 32 + 32; j += 4) {
                const uint8_t *w = panel + j * 32 + half * 4;
                __m256i w0 = _mm256_xor_si256(_mm256_load_si256((const void *)w), top);
                __m256i w1 = _mm256_xor_si256(_mm256_load_si256((const void *)(w + 32)), top);
                __m256i size0 = _mm256_abs_epi8(w0), size1 = _mm256_abs_epi8(w1);
#pragma GCC unroll 3
                for (int i = 0; i < h; i++) {
                    __m256i x = spread4(a + (size_t)i * lda + j);
                    __m256i p0 = _mm256_maddubs_epi16(size0, _mm256_sign_epi8(x, w0));
                    __m256i p1 = _mm256_maddubs_epi16(size1, _mm256_sign_epi8(x, w1));
                    dot[i][0] = _mm256_add_epi32(dot[i][0], _mm256_madd_epi16(p0, ones));
                    dot[i][1] = _mm256_add_epi32(dot[i][1], _mm256_madd_epi16(p1, ones));
                }
            }
#pragma GCC unroll 3
            for (int i = 0; i < h; i++)
                add_block(sum[i], dot[i], w_scale + b * 32 + half, a_scale[(size_t)i * lds + b]);
        }
#pragma GCC unroll 3
        for (int i = 0; i < h; i++) {
            _mm256_storeu_ps(c + (size_t)i * ldc + half, sum[i][0]);
            _mm256_storeu_ps(c + (size_t)i * ldc + half + 8, sum[i][1]);
        }
    }
}

static void gemm_q8(const int8_t *a, size_t lda, const float *a_scale, const int32_t *a_off,
                    size_t lds, size_t m, const uint8_t *panel, const float *w_scale, size_t k,
                    float *c, size_t ldc)
{
    (void)a_off; /* the weights are signed here */
#define CALL(h)                                                                                    \
    tile_q8(h, a + i * lda, lda, a_scale + i * lds, lds, panel, w_scale, k, c + i * ldc, ldc)
    DOWN_TILES(m, CALL);
#undef CALL
}

/* 8 rows of 16 bytes, `stride` apart, to four vectors: out[g] lane n = bytes 4g .. 4g+3 of row n.
 */
LANE_FN void transpose8(const uint8_t *p, size_t stride, __m256i out[4])
{
    __m256i r[4], t[4];

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        r[i] = _mm256_inserti128_si256(
            _mm256_castsi128_si256(_mm_loadu_si128((const void *)(p + i * stride))),
            _mm_loadu_si128((const void *)(p + (i + 4) * stride)), 1);
    t[0] = _mm256_unpacklo_epi32(r[0], r[1]);
    t[1] = _mm256_unpackhi_epi32(r[0], r[1]);
    t[2] = _mm256_unpacklo_epi32(r[2], r[3]);
    t[3] = _mm256_unpackhi_epi32(r[2], r[3]);
    out[0] = _mm256_unpacklo_epi64(t[0], t[2]);
    out[1] = _mm256_unpackhi_epi64(t[0], t[2]);
    out[2] = _mm256_unpacklo_epi64(t[1], t[3]);
    out[3] = _mm256_unpackhi_epi64(t[1], t[3]);
}

static void unpack_q4(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *panel,
                      float *w_scale)
{
    const __m256i nibble = _mm256_set1_epi8(15);

    for (size_t at = 0; at < k; at += 32, rows += ENCODE_Q4_BYTES) {
        for (size_t n0 = 0; n0 < 32; n0 += 8) {
            const uint8_t *p = rows + n0 * row_bytes;
            uint8_t *to = panel + at * 32 + n0 * 4;
            uint16_t scale[8];
            __m256i v[4];

            for (size_t n = 0; n < 8; n++)
                memcpy(&scale[n], p + n * row_bytes, 2);
            _mm256_store_ps(w_scale + at + n0,
                            _mm256_cvtph_ps(_mm_loadu_si128((const void *)scale)));
            transpose8(p + 2, row_bytes, v);
#pragma GCC unroll 4
            for (size_t g = 0; g < 4; g++) {
                _mm256_store_si256((void *)(to + g * 128), _mm256_and_si256(v[g], nibble));
                _mm256_store_si256((void *)(to + (g + 4) * 128),
                                   _mm256_and_si256(_mm256_srli_epi16(v[g], 4), nibble));
            }
        }
    }
}

static void pack_i16(const int16_t *rows, size_t lda, size_t k, int16_t *panel)
{
    for (size_t j = 0; j + 8 <= k; j += 8)
        for (size_t n0 = 0; n0 < 32; n0 += 8) {
            __m256i v[4];
            transpose8((const uint8_t *)(rows + n0 * lda + j), lda * sizeof *rows, v);
#pragma GCC unroll 4
            for (size_t g = 0; g < 4; g++)
                _mm256_store_si256((void *)(panel + (j + 2 * g) * 32 + n0 * 2), v[g]);
        }
}

const encode_kernels encode_kernels_avx2 = {
    .level = CPU_AVX2,
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

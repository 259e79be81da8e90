/* vector_kernels_avx512.c - the loops over originals and scores with AVX-512. */
#include <immintrin.h>

#include "index/vector/vector_kernels.h"

static uint64_t select_rows(const int32_t *dots, const float *scales, const float *biases,
                            size_t n, float q_scale, float q_offset, float least, float *scores)
{
    const __m512 bound = _mm512_set1_ps(least), scale = _mm512_set1_ps(q_scale),
                 offset = _mm512_set1_ps(q_offset);
    uint64_t mask = 0;
    size_t i = 0;

    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512 add =
            biases ? _mm512_add_ps(_mm512_maskz_loadu_ps(m, biases + i), offset) : offset;
        __m512 s = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(m, dots + i)),
                                 _mm512_mul_ps(_mm512_maskz_loadu_ps(m, scales + i), scale));
        s = _mm512_add_ps(s, add); /* not fused: every level rounds alike */
        _mm512_mask_storeu_ps(scores + i, m, s);
        mask |= (uint64_t)_mm512_mask_cmp_ps_mask(m, s, bound, _CMP_GE_OQ) << i;
    }
    return mask;
}

static inline __m512 load_f32(const void *row, __m512 scale, size_t i, __mmask16 m)
{
    (void)scale;
    return _mm512_maskz_loadu_ps(m, (const float *)row + i);
}

static inline __m512 load_f16(const void *row, __m512 scale, size_t i, __mmask16 m)
{
    (void)scale;
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, (const char *)row + 2 * i));
}

static inline __m512 load_bf16(const void *row, __m512 scale, size_t i, __mmask16 m)
{
    __m256i h = _mm256_maskz_loadu_epi16(m, (const char *)row + 2 * i);

    (void)scale;
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}

static inline __m512 load_i8(const void *row, __m512 scale, size_t i, __mmask16 m)
{
    __m512i b = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, (const char *)row + i));

    return _mm512_mul_ps(
        _mm512_maskz_cvtepi32_ps(m, _mm512_sub_epi32(b, _mm512_set1_epi32(128))), scale);
}

#define ALL ((__mmask16)0xffff)

static inline __mmask16 first(size_t left)
{
    return left >= 16 ? ALL : (__mmask16)((1u << left) - 1);
}

#define ORIGINALS(kind)                                                                            \
    static float dot_##kind(const void *row, float scale, const float *query, size_t n)            \
    {                                                                                              \
        const __m512 s = _mm512_set1_ps(scale);                                                    \
        __m512 s0 = _mm512_setzero_ps(), s1 = s0;                                                  \
        size_t i = 0;                                                                              \
        for (; i + 32 <= n; i += 32) {                                                             \
            s0 = _mm512_fmadd_ps(load_##kind(row, s, i, ALL), _mm512_loadu_ps(query + i), s0);     \
            s1 = _mm512_fmadd_ps(load_##kind(row, s, i + 16, ALL),                                 \
                                 _mm512_loadu_ps(query + i + 16), s1);                             \
        }                                                                                          \
        for (; i < n; i += 16) {                                                                   \
            __mmask16 m = first(n - i);                                                            \
            s0 = _mm512_fmadd_ps(load_##kind(row, s, i, m), _mm512_maskz_loadu_ps(m, query + i),   \
                                 s0);                                                              \
        }                                                                                          \
        return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));                                        \
    }                                                                                              \
    static float l2_##kind(const void *row, float scale, const float *query, size_t n)             \
    {                                                                                              \
        const __m512 s = _mm512_set1_ps(scale);                                                    \
        __m512 s0 = _mm512_setzero_ps(), s1 = s0;                                                  \
        size_t i = 0;                                                                              \
        for (; i + 32 <= n; i += 32) {                                                             \
            __m512 d0 = _mm512_sub_ps(load_##kind(row, s, i, ALL), _mm512_loadu_ps(query + i));    \
            __m512 d1 = _mm512_sub_ps(load_##kind(row, s, i + 16, ALL),                            \
                                      _mm512_loadu_ps(query + i + 16));                            \
            s0 = _mm512_fmadd_ps(d0, d0, s0);                                                      \
            s1 = _mm512_fmadd_ps(d1, d1, s1);                                                      \
        }                                                                                          \
        for (; i < n; i += 16) {                                                                   \
            __mmask16 m = first(n - i);                                                            \
            __m512 d = _mm512_sub_ps(load_##kind(row, s, i, m),                                    \
                                     _mm512_maskz_loadu_ps(m, query + i));                         \
            s0 = _mm512_fmadd_ps(d, d, s0);                                                        \
        }                                                                                          \
        return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));                                        \
    }

ORIGINALS(f32)
ORIGINALS(f16)
ORIGINALS(bf16)
ORIGINALS(i8)

static size_t count(const uint64_t *allowed, const uint64_t *deleted, size_t words)
{
    size_t n = 0;

    for (size_t w = 0; w < words; w++)
        n += (size_t)_mm_popcnt_u64((allowed ? allowed[w] : ~(uint64_t)0) &
                                    ~(deleted ? deleted[w] : 0));
    return n;
}

static void to_f16(const float *v, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = first(n - i);
        _mm256_mask_storeu_epi16(out + i, m,
                                 _mm512_cvtps_ph(_mm512_maskz_loadu_ps(m, v + i),
                                                 _MM_FROUND_TO_NEAREST_INT));
    }
}

static void from_f16(const uint16_t *v, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        __mmask16 m = first(n - i);
        _mm512_mask_storeu_ps(out + i, m,
                              _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(m, v + i)));
    }
}

#define TABLE(bits)                                                                                \
    {                                                                                              \
        .name = "avx512", .code = {&vector_i8_avx512, &vector_i4_avx512, &bits},                   \
        .original = {{dot_f32, l2_f32}, {dot_f16, l2_f16}, {dot_bf16, l2_bf16}, {dot_i8, l2_i8}},  \
        .select = select_rows, .count = count, .to_f16 = to_f16, .from_f16 = from_f16              \
    }

const vector_kernels vector_kernels_avx512 = TABLE(vector_b1_avx2);
const vector_kernels vector_kernels_avx512pop = TABLE(vector_b1_avx512pop);

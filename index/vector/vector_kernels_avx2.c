/* vector_kernels_avx2.c - the loops over originals and scores with AVX2, FMA and F16C. */
#include <immintrin.h>
#include <string.h>

#include "index/vector/vector_kernels.h"

static uint64_t select_rows(const int32_t *dots, const float *scales, const float *biases,
                            size_t n, float q_scale, float q_offset, float least, float *scores)
{
    const __m256 bound = _mm256_set1_ps(least), scale = _mm256_set1_ps(q_scale),
                 offset = _mm256_set1_ps(q_offset);
    uint64_t mask = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        __m256 add = biases ? _mm256_add_ps(_mm256_loadu_ps(biases + i), offset) : offset;
        __m256 s = _mm256_mul_ps(
            _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(dots + i))),
            _mm256_mul_ps(_mm256_loadu_ps(scales + i), scale));
        s = _mm256_add_ps(s, add); /* not fused: every level rounds alike */
        _mm256_storeu_ps(scores + i, s);
        uint32_t bits = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(s, bound, _CMP_GE_OQ));
        mask |= (uint64_t)bits << i;
    }
    for (; i < n; i++) {
        float s = (float)dots[i] * (scales[i] * q_scale);
        scores[i] = biases ? s + (biases[i] + q_offset) : s + q_offset;
        mask |= (uint64_t)(scores[i] >= least) << i;
    }
    return mask;
}

static inline float sum_floats(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

static inline __m256 eight_f32(const void *row, __m256 scale, size_t i)
{
    (void)scale;
    return _mm256_loadu_ps((const float *)row + i);
}

static inline __m256 eight_f16(const void *row, __m256 scale, size_t i)
{
    (void)scale;
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const char *)row + 2 * i)));
}

static inline __m256 eight_bf16(const void *row, __m256 scale, size_t i)
{
    __m128i h = _mm_loadu_si128((const __m128i *)((const char *)row + 2 * i));

    (void)scale;
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}

static inline __m256 eight_i8(const void *row, __m256 scale, size_t i)
{
    __m128i b = _mm_loadl_epi64((const __m128i *)((const char *)row + i));
    __m256i c = _mm256_sub_epi32(_mm256_cvtepu8_epi32(b), _mm256_set1_epi32(128));

    return _mm256_mul_ps(_mm256_cvtepi32_ps(c), scale);
}

/* The last few components, as zeros behind them. */
#define TAIL(kind, size)                                                                           \
    static inline __m256 tail_##kind(const void *row, __m256 scale, size_t i, size_t left)         \
    {                                                                                              \
        uint8_t part[8 * (size)];                                                                  \
        memset(part, (size) == 1 ? 128 : 0, sizeof part);                                          \
        memcpy(part, (const char *)row + i * (size), left * (size));                               \
        return eight_##kind(part, scale, 0);                                                       \
    }

TAIL(f32, 4)
TAIL(f16, 2)
TAIL(bf16, 2)
TAIL(i8, 1)

#define ORIGINALS(kind)                                                                            \
    static float dot_##kind(const void *row, float scale, const float *query, size_t n)            \
    {                                                                                              \
        const __m256 s = _mm256_set1_ps(scale), none = _mm256_setzero_ps();                        \
        __m256 s0 = none, s1 = none;                                                               \
        size_t i = 0;                                                                              \
        for (; i + 16 <= n; i += 16) {                                                             \
            s0 = _mm256_fmadd_ps(eight_##kind(row, s, i), _mm256_loadu_ps(query + i), s0);         \
            s1 = _mm256_fmadd_ps(eight_##kind(row, s, i + 8), _mm256_loadu_ps(query + i + 8), s1); \
        }                                                                                          \
        for (; i < n; i += 8) {                                                                    \
            size_t left = n - i < 8 ? n - i : 8;                                                   \
            s0 = _mm256_fmadd_ps(tail_##kind(row, s, i, left), tail_f32(query, s, i, left), s0);   \
        }                                                                                          \
        return sum_floats(_mm256_add_ps(s0, s1));                                                  \
    }                                                                                              \
    static float l2_##kind(const void *row, float scale, const float *query, size_t n)             \
    {                                                                                              \
        const __m256 s = _mm256_set1_ps(scale), none = _mm256_setzero_ps();                        \
        __m256 s0 = none, s1 = none;                                                               \
        size_t i = 0;                                                                              \
        for (; i + 16 <= n; i += 16) {                                                             \
            __m256 d0 = _mm256_sub_ps(eight_##kind(row, s, i), _mm256_loadu_ps(query + i));        \
            __m256 d1 = _mm256_sub_ps(eight_##kind(row, s, i + 8), _mm256_loadu_ps(query + i + 8));\
            s0 = _mm256_fmadd_ps(d0, d0, s0);                                                      \
            s1 = _mm256_fmadd_ps(d1, d1, s1);                                                      \
        }                                                                                          \
        for (; i < n; i += 8) {                                                                    \
            size_t left = n - i < 8 ? n - i : 8;                                                   \
            __m256 d = _mm256_sub_ps(tail_##kind(row, s, i, left), tail_f32(query, s, i, left));   \
            s0 = _mm256_fmadd_ps(d, d, s0);                                                        \
        }                                                                                          \
        return sum_floats(_mm256_add_ps(s0, s1));                                                  \
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
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((__m128i *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(v + i), _MM_FROUND_TO_NEAREST_INT));
    for (; i < n; i++)
        out[i] = _cvtss_sh(v[i], _MM_FROUND_TO_NEAREST_INT);
}

static void from_f16(const uint16_t *v, size_t n, float *out)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(v + i))));
    for (; i < n; i++)
        out[i] = _cvtsh_ss(v[i]);
}

const vector_kernels vector_kernels_avx2 = {
    .name = "avx2",
    .code = {&vector_i8_avx2, &vector_i4_avx2, &vector_b1_avx2},
    .original = {{dot_f32, l2_f32}, {dot_f16, l2_f16}, {dot_bf16, l2_bf16}, {dot_i8, l2_i8}},
    .select = select_rows,
    .count = count,
    .to_f16 = to_f16,
    .from_f16 = from_f16,
};

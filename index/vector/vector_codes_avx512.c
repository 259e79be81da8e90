/* vector_codes_avx512.c - the loops over int8 and 4-bit codes with AVX-512 and VNNI.
 *
 * Four rows go side by side: their accumulators hide the latency of vpdpbusd and are summed
 * together, three shuffles a row instead of a whole horizontal sum each. */
#include <immintrin.h>

#include "index/vector/vector_kernels.h"

static inline __mmask64 tail_mask(size_t left)
{
    return (~(uint64_t)0) >> (64 - left); /* 1 <= left <= 63 */
}

static int32_t dot_i8(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0;
    size_t i = 0;

    for (; i + 128 <= n; i += 128) {
        s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(code + i), _mm512_loadu_si512(query + i));
        s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(code + i + 64),
                                 _mm512_loadu_si512(query + i + 64));
    }
    if (i + 64 <= n) {
        s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(code + i), _mm512_loadu_si512(query + i));
        i += 64;
    }
    if (i < n) {
        __mmask64 m = tail_mask(n - i);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_maskz_loadu_epi8(m, code + i),
                                 _mm512_maskz_loadu_epi8(m, query + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1)) - bias;
}

/* The sums of four accumulators as one vector of four. */
static inline __m128i sum_four(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i s = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i h = _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));

    return _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
}

static inline void four_i8(const uint8_t *r0, const uint8_t *r1, const uint8_t *r2,
                           const uint8_t *r3, const int8_t *query, size_t n, int32_t bias,
                           int32_t *out)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        __m512i q = _mm512_loadu_si512(query + i);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_loadu_si512(r0 + i), q);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_loadu_si512(r1 + i), q);
        s2 = _mm512_dpbusd_epi32(s2, _mm512_loadu_si512(r2 + i), q);
        s3 = _mm512_dpbusd_epi32(s3, _mm512_loadu_si512(r3 + i), q);
    }
    if (i < n) {
        __mmask64 m = tail_mask(n - i);
        __m512i q = _mm512_maskz_loadu_epi8(m, query + i);
        s0 = _mm512_dpbusd_epi32(s0, _mm512_maskz_loadu_epi8(m, r0 + i), q);
        s1 = _mm512_dpbusd_epi32(s1, _mm512_maskz_loadu_epi8(m, r1 + i), q);
        s2 = _mm512_dpbusd_epi32(s2, _mm512_maskz_loadu_epi8(m, r2 + i), q);
        s3 = _mm512_dpbusd_epi32(s3, _mm512_maskz_loadu_epi8(m, r3 + i), q);
    }
    _mm_storeu_si128((__m128i *)out,
                     _mm_sub_epi32(sum_four(s0, s1, s2, s3), _mm_set1_epi32(bias)));
}

static inline __m512i nibbles(__m512i s0, __m512i code, __m512i q_low, __m512i q_high)
{
    const __m512i low = _mm512_set1_epi8(15);

    s0 = _mm512_dpbusd_epi32(s0, _mm512_and_si512(code, low), q_low);
    return _mm512_dpbusd_epi32(s0, _mm512_and_si512(_mm512_srli_epi16(code, 4), low), q_high);
}

static int32_t dot_i4(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    __m512i s = _mm512_setzero_si512();
    size_t i = 0;

    for (; i + 64 <= n; i += 64)
        s = nibbles(s, _mm512_loadu_si512(code + i), _mm512_loadu_si512(query + i),
                    _mm512_loadu_si512(query + n + i));
    if (i < n) {
        __mmask64 m = tail_mask(n - i);
        s = nibbles(s, _mm512_maskz_loadu_epi8(m, code + i), _mm512_maskz_loadu_epi8(m, query + i),
                    _mm512_maskz_loadu_epi8(m, query + n + i));
    }
    return 2 * _mm512_reduce_add_epi32(s) - bias;
}

static inline void four_i4(const uint8_t *r0, const uint8_t *r1, const uint8_t *r2,
                           const uint8_t *r3, const int8_t *query, size_t n, int32_t bias,
                           int32_t *out)
{
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        __m512i l = _mm512_loadu_si512(query + i), h = _mm512_loadu_si512(query + n + i);
        s0 = nibbles(s0, _mm512_loadu_si512(r0 + i), l, h);
        s1 = nibbles(s1, _mm512_loadu_si512(r1 + i), l, h);
        s2 = nibbles(s2, _mm512_loadu_si512(r2 + i), l, h);
        s3 = nibbles(s3, _mm512_loadu_si512(r3 + i), l, h);
    }
    if (i < n) {
        __mmask64 m = tail_mask(n - i);
        __m512i l = _mm512_maskz_loadu_epi8(m, query + i);
        __m512i h = _mm512_maskz_loadu_epi8(m, query + n + i);
        s0 = nibbles(s0, _mm512_maskz_loadu_epi8(m, r0 + i), l, h);
        s1 = nibbles(s1, _mm512_maskz_loadu_epi8(m, r1 + i), l, h);
        s2 = nibbles(s2, _mm512_maskz_loadu_epi8(m, r2 + i), l, h);
        s3 = nibbles(s3, _mm512_maskz_loadu_epi8(m, r3 + i), l, h);
    }
    __m128i sum = sum_four(s0, s1, s2, s3);
    _mm_storeu_si128((__m128i *)out,
                     _mm_sub_epi32(_mm_add_epi32(sum, sum), _mm_set1_epi32(bias)));
}

static inline void fetch(const uint8_t *row, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)row + i, _MM_HINT_T0);
}

#define ROWS_OF(kind)                                                                              \
    static void scan_##kind(const uint8_t *codes, size_t stride, size_t n_rows,                    \
                            const int8_t *query, size_t n, int32_t bias, int32_t *out)             \
    {                                                                                              \
        size_t r = 0;                                                                              \
        for (; r + 4 <= n_rows; r += 4) {                                                          \
            const uint8_t *p = codes + r * stride;                                                 \
            four_##kind(p, p + stride, p + 2 * stride, p + 3 * stride, query, n, bias, out + r);   \
        }                                                                                          \
        for (; r < n_rows; r++)                                                                    \
            out[r] = dot_##kind(codes + r * stride, query, n, bias);                               \
    }                                                                                              \
    static void gather_##kind(const uint8_t *codes, size_t stride, const uint32_t *rows,           \
                              size_t n_rows, const int8_t *query, size_t n, int32_t bias,          \
                              int32_t *out)                                                        \
    {                                                                                              \
        size_t r = 0;                                                                              \
        for (size_t i = 0; i < n_rows && i < 8; i++)                                               \
            fetch(codes + (size_t)rows[i] * stride, n);                                            \
        for (; r + 4 <= n_rows; r += 4) {                                                          \
            for (size_t i = r + 8; i < n_rows && i < r + 12; i++)                                  \
                fetch(codes + (size_t)rows[i] * stride, n);                                        \
            four_##kind(codes + (size_t)rows[r] * stride, codes + (size_t)rows[r + 1] * stride,    \
                        codes + (size_t)rows[r + 2] * stride,                                      \
                        codes + (size_t)rows[r + 3] * stride, query, n, bias, out + r);            \
        }                                                                                          \
        for (; r < n_rows; r++)                                                                    \
            out[r] = dot_##kind(codes + (size_t)rows[r] * stride, query, n, bias);                 \
    }                                                                                              \
    const vector_code_kernels vector_##kind##_avx512 = {dot_##kind, scan_##kind, gather_##kind}

ROWS_OF(i8);
ROWS_OF(i4);

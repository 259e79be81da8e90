/* vector_kernels_avx512.c - the inner loops with AVX-512 and VNNI.
 *
 * Four rows go side by side: their accumulators hide the latency of vpdpbusd and are summed
 * together, three shuffles a row instead of a whole horizontal sum each. */
#include <immintrin.h>

#include "index/vector/vector_kernels.h"

static inline __mmask64 tail_mask(size_t left)
{
    return (~(uint64_t)0) >> (64 - left); /* 1 <= left <= 63 */
}

static int32_t dot(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
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

static inline void dot_four(const uint8_t *r0, const uint8_t *r1, const uint8_t *r2,
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

static void scan(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query, size_t n,
                 int32_t bias, int32_t *out)
{
    size_t r = 0;

    for (; r + 4 <= n_rows; r += 4) {
        const uint8_t *p = codes + r * stride;
        dot_four(p, p + stride, p + 2 * stride, p + 3 * stride, query, n, bias, out + r);
    }
    for (; r < n_rows; r++)
        out[r] = dot(codes + r * stride, query, n, bias);
}

static inline void fetch(const uint8_t *row, size_t n)
{
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)row + i, _MM_HINT_T0);
}

static void gather(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                   const int8_t *query, size_t n, int32_t bias, int32_t *out)
{
    size_t r = 0;

    for (size_t i = 0; i < n_rows && i < 8; i++)
        fetch(codes + (size_t)rows[i] * stride, n);
    for (; r + 4 <= n_rows; r += 4) {
        for (size_t i = r + 8; i < n_rows && i < r + 12; i++)
            fetch(codes + (size_t)rows[i] * stride, n);
        dot_four(codes + (size_t)rows[r] * stride, codes + (size_t)rows[r + 1] * stride,
                 codes + (size_t)rows[r + 2] * stride, codes + (size_t)rows[r + 3] * stride, query,
                 n, bias, out + r);
    }
    for (; r < n_rows; r++)
        out[r] = dot(codes + (size_t)rows[r] * stride, query, n, bias);
}

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

static float dot_f32(const float *a, const float *b, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
        s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
    }
    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1);
        s0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i), s0);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

static float l2_f32(const float *a, const float *b, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m512 d0 = _mm512_sub_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
        __m512 d1 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
        s0 = _mm512_fmadd_ps(d0, d0, s0);
        s1 = _mm512_fmadd_ps(d1, d1, s1);
    }
    for (; i < n; i += 16) {
        __mmask16 m = n - i >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n - i)) - 1);
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, a + i), _mm512_maskz_loadu_ps(m, b + i));
        s0 = _mm512_fmadd_ps(d, d, s0);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

const vector_kernels vector_kernels_avx512 = {
    .name = "avx512",
    .dot = dot,
    .scan = scan,
    .gather = gather,
    .select = select_rows,
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
};

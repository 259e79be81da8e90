/* vector_codes_avx512pop.c - the loops over 1-bit codes with VPOPCNTDQ.
 *
 * A row of up to 512 components is one load; its four products with the query's planes are counted
 * in eight 64-bit lanes, weighted by shifts. Eight rows are summed together by a tree of
 * additions that halves their number of lanes at each step. */
#include <immintrin.h>

#include "index/vector/vector_kernels.h"

static inline __mmask64 mask_of(size_t left)
{
    return left >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
}

/* The weighted counts of 64 bytes of a row. */
static inline __m512i counted(__m512i c, const __m512i *q)
{
    __m512i p0 = _mm512_popcnt_epi64(_mm512_and_si512(c, q[0]));
    __m512i p1 = _mm512_popcnt_epi64(_mm512_and_si512(c, q[1]));
    __m512i p2 = _mm512_popcnt_epi64(_mm512_and_si512(c, q[2]));
    __m512i p3 = _mm512_popcnt_epi64(_mm512_and_si512(c, q[3]));

    p2 = _mm512_sub_epi64(p2, _mm512_add_epi64(p3, p3));
    p1 = _mm512_add_epi64(p1, _mm512_add_epi64(p2, p2));
    return _mm512_add_epi64(p0, _mm512_add_epi64(p1, p1));
}

static inline void load_planes(const int8_t *query, size_t n, size_t i, __mmask64 m, __m512i *q)
{
    for (size_t p = 0; p < VECTOR_PLANES; p++)
        q[p] = _mm512_maskz_loadu_epi8(m, query + p * n + i);
}

static int32_t dot_b1(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    __m512i s = _mm512_setzero_si512(), q[VECTOR_PLANES];

    for (size_t i = 0; i < n; i += 64) {
        __mmask64 m = mask_of(n - i);
        load_planes(query, n, i, m, q);
        s = _mm512_add_epi64(s, counted(_mm512_maskz_loadu_epi8(m, code + i), q));
    }
    return 2 * (int32_t)_mm512_reduce_add_epi64(s) - bias;
}

/* Lane i of the result: the sum of the lanes of s[i]. */
static inline __m512i sum_eight(const __m512i *s)
{
    __m512i ab = _mm512_add_epi64(_mm512_unpacklo_epi64(s[0], s[1]),
                                  _mm512_unpackhi_epi64(s[0], s[1]));
    __m512i cd = _mm512_add_epi64(_mm512_unpacklo_epi64(s[2], s[3]),
                                  _mm512_unpackhi_epi64(s[2], s[3]));
    __m512i ef = _mm512_add_epi64(_mm512_unpacklo_epi64(s[4], s[5]),
                                  _mm512_unpackhi_epi64(s[4], s[5]));
    __m512i gh = _mm512_add_epi64(_mm512_unpacklo_epi64(s[6], s[7]),
                                  _mm512_unpackhi_epi64(s[6], s[7]));
    __m512i ad = _mm512_add_epi64(_mm512_shuffle_i64x2(ab, cd, 0x88),
                                  _mm512_shuffle_i64x2(ab, cd, 0xdd)); /* ab ab cd cd */
    __m512i eh = _mm512_add_epi64(_mm512_shuffle_i64x2(ef, gh, 0x88),
                                  _mm512_shuffle_i64x2(ef, gh, 0xdd));

    return _mm512_add_epi64(_mm512_shuffle_i64x2(ad, eh, 0x88),
                            _mm512_shuffle_i64x2(ad, eh, 0xdd));
}

static inline void eight(const uint8_t *const *rows, const int8_t *query, size_t n, int32_t bias,
                         int32_t *out)
{
    __m512i s[8], q[VECTOR_PLANES];
    __mmask64 m = mask_of(n);

    load_planes(query, n, 0, m, q);
    for (size_t r = 0; r < 8; r++)
        s[r] = counted(_mm512_maskz_loadu_epi8(m, rows[r]), q);
    for (size_t i = 64; i < n; i += 64) {
        m = mask_of(n - i);
        load_planes(query, n, i, m, q);
        for (size_t r = 0; r < 8; r++)
            s[r] = _mm512_add_epi64(s[r], counted(_mm512_maskz_loadu_epi8(m, rows[r] + i), q));
    }
    __m256i sum = _mm512_cvtepi64_epi32(sum_eight(s));
    _mm256_storeu_si256((__m256i *)out,
                        _mm256_sub_epi32(_mm256_add_epi32(sum, sum), _mm256_set1_epi32(bias)));
}

static void scan_b1(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query,
                    size_t n, int32_t bias, int32_t *out)
{
    size_t r = 0;

    for (; n && r + 8 <= n_rows; r += 8) {
        const uint8_t *at[8];
        for (size_t i = 0; i < 8; i++)
            at[i] = codes + (r + i) * stride;
        eight(at, query, n, bias, out + r);
    }
    for (; r < n_rows; r++)
        out[r] = dot_b1(codes + r * stride, query, n, bias);
}

static void gather_b1(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                      const int8_t *query, size_t n, int32_t bias, int32_t *out)
{
    size_t r = 0;

    for (size_t i = 0; i < n_rows; i++)
        for (size_t b = 0; b < n; b += 64)
            _mm_prefetch((const char *)codes + (size_t)rows[i] * stride + b, _MM_HINT_T0);
    for (; n && r + 8 <= n_rows; r += 8) {
        const uint8_t *at[8];
        for (size_t i = 0; i < 8; i++)
            at[i] = codes + (size_t)rows[r + i] * stride;
        eight(at, query, n, bias, out + r);
    }
    for (; r < n_rows; r++)
        out[r] = dot_b1(codes + (size_t)rows[r] * stride, query, n, bias);
}

const vector_code_kernels vector_b1_avx512pop = {dot_b1, scan_b1, gather_b1};

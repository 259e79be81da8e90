/* vector_codes_avx2.c - the loops over codes with AVX2.
 *
 * int8: the unsigned-by-signed byte product of AVX2 saturates at 16 bits (255 * 127 * 2 does not
 * fit), so the code's sign goes to the query first: |c| * (q with the sign of c), at most
 * 127 * 127 * 2 = 32,258 a pair. That gives the sum of c * q directly and the bias is not needed.
 *
 * 4-bit: 15 * 127 * 2 = 3,810 a pair, so low and high halves are added before they are widened.
 *
 * 1-bit: population counts of 64-bit words; the instruction came before AVX2. */
#include <immintrin.h>
#include <string.h>

#include "index/vector/vector_kernels.h"

static inline __m256i madd32(__m256i code, __m256i query)
{
    __m256i c = _mm256_xor_si256(code, _mm256_set1_epi8((char)0x80));
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(c), _mm256_sign_epi8(query, c));

    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

static inline int32_t sum_lanes(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

static inline int32_t tail_sum(const uint8_t *code, const int8_t *query, size_t i, size_t n)
{
    int32_t sum = 0;

    for (; i < n; i++)
        sum += ((int32_t)code[i] - 128) * query[i];
    return sum;
}

static int32_t dot_i8(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    size_t i = 0;

    (void)bias;
    for (; i + 64 <= n; i += 64) {
        s0 = _mm256_add_epi32(s0, madd32(_mm256_loadu_si256((const __m256i *)(code + i)),
                                         _mm256_loadu_si256((const __m256i *)(query + i))));
        s1 = _mm256_add_epi32(s1, madd32(_mm256_loadu_si256((const __m256i *)(code + i + 32)),
                                         _mm256_loadu_si256((const __m256i *)(query + i + 32))));
    }
    return sum_lanes(_mm256_add_epi32(s0, s1)) + tail_sum(code, query, i, n);
}

static int32_t dot_i4(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    __m256i s = _mm256_setzero_si256();
    int32_t sum = 0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        __m256i c = _mm256_loadu_si256((const __m256i *)(code + i));
        __m256i a = _mm256_maddubs_epi16(_mm256_and_si256(c, low),
                                         _mm256_loadu_si256((const __m256i *)(query + i)));
        __m256i b = _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(c, 4), low),
                                         _mm256_loadu_si256((const __m256i *)(query + n + i)));
        s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_add_epi16(a, b), ones));
    }
    for (; i < n; i++)
        sum += (code[i] & 15) * query[i] + (code[i] >> 4) * query[n + i];
    return 2 * (sum_lanes(s) + sum) - bias;
}

static int32_t dot_b1(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    int64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint64_t c, q[VECTOR_PLANES];
        memcpy(&c, code + i, 8);
        for (size_t p = 0; p < VECTOR_PLANES; p++)
            memcpy(&q[p], query + p * n + i, 8);
        s0 += _mm_popcnt_u64(c & q[0]);
        s1 += _mm_popcnt_u64(c & q[1]);
        s2 += _mm_popcnt_u64(c & q[2]);
        s3 += _mm_popcnt_u64(c & q[3]);
    }
    return 2 * (int32_t)(s0 + 2 * s1 + 4 * s2 - 8 * s3) - bias;
}

#define ROWS_OF(kind)                                                                              \
    static void scan_##kind(const uint8_t *codes, size_t stride, size_t n_rows,                    \
                            const int8_t *query, size_t n, int32_t bias, int32_t *out)             \
    {                                                                                              \
        for (size_t r = 0; r < n_rows; r++)                                                        \
            out[r] = dot_##kind(codes + r * stride, query, n, bias);                               \
    }                                                                                              \
    static void gather_##kind(const uint8_t *codes, size_t stride, const uint32_t *rows,           \
                              size_t n_rows, const int8_t *query, size_t n, int32_t bias,          \
                              int32_t *out)                                                        \
    {                                                                                              \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            if (r + 2 < n_rows) {                                                                  \
                const char *next = (const char *)codes + (size_t)rows[r + 2] * stride;             \
                for (size_t i = 0; i < n; i += 64)                                                 \
                    _mm_prefetch(next + i, _MM_HINT_T0);                                           \
            }                                                                                      \
            out[r] = dot_##kind(codes + (size_t)rows[r] * stride, query, n, bias);                 \
        }                                                                                          \
    }                                                                                              \
    const vector_code_kernels vector_##kind##_avx2 = {dot_##kind, scan_##kind, gather_##kind}

ROWS_OF(i8);
ROWS_OF(i4);
ROWS_OF(b1);

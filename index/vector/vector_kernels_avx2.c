/* vector_kernels_avx2.c - the inner loops with AVX2 and FMA.
 *
 * The unsigned-by-signed byte product of AVX2 saturates at 16 bits (255 * 127 * 2 does not fit), so
 * the code's sign goes to the query first: |c| * (q with the sign of c), at most 127 * 127 * 2 =
 * 32,258 a pair. That gives sum((code - 128) * query) directly and the bias is not needed. */
#include <immintrin.h>

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

static int32_t dot(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
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

static void scan(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query, size_t n,
                 int32_t bias, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++)
        out[r] = dot(codes + r * stride, query, n, bias);
}

static void gather(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                   const int8_t *query, size_t n, int32_t bias, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++) {
        if (r + 2 < n_rows) {
            const char *next = (const char *)codes + (size_t)rows[r + 2] * stride;
            for (size_t i = 0; i < n; i += 64)
                _mm_prefetch(next + i, _MM_HINT_T0);
        }
        out[r] = dot(codes + (size_t)rows[r] * stride, query, n, bias);
    }
}

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

static float dot_f32(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    }
    float sum = sum_floats(_mm256_add_ps(s0, s1));
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static float l2_f32(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    size_t i = 0;

    for (; i + 16 <= n; i += 16) {
        __m256 d0 = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        __m256 d1 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
        s0 = _mm256_fmadd_ps(d0, d0, s0);
        s1 = _mm256_fmadd_ps(d1, d1, s1);
    }
    float sum = sum_floats(_mm256_add_ps(s0, s1));
    for (; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

const vector_kernels vector_kernels_avx2 = {
    .name = "avx2",
    .dot = dot,
    .scan = scan,
    .gather = gather,
    .select = select_rows,
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
};

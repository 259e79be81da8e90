/* pack_avx2.c - eight values a step: two groups of four, each shuffled into place from its own
 * 16-byte load and shifted. */
#include <immintrin.h>
#include <string.h>

#include "index/lexical/pack.h"

typedef struct decoder {
    __m256i shuffle, shift, mask;
} decoder;

static inline decoder decoder_for(unsigned bits)
{
    const pack_shuffle *even = &pack_shuffles[bits][0], *odd = &pack_shuffles[bits][bits & 1];
    decoder d;
    d.shuffle = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)odd->byte),
                                 _mm_loadu_si128((const __m128i *)even->byte));
    d.shift = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)odd->shift),
                               _mm_loadu_si128((const __m128i *)even->shift));
    d.mask = _mm256_set1_epi32((int)((1u << bits) - 1));
    return d;
}

/* Values 8i .. 8i+7. */
static inline __m256i eight(const decoder *d, const uint8_t *src, unsigned bits, size_t i)
{
    const uint8_t *p = src + i * bits;
    __m256i v = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(p + bits / 2)),
                                 _mm_loadu_si128((const __m128i *)p));
    v = _mm256_srlv_epi32(_mm256_shuffle_epi8(v, d->shuffle), d->shift);
    return _mm256_and_si256(v, d->mask);
}

static void unpack(const uint8_t *src, unsigned bits, uint32_t *dst)
{
    decoder d = decoder_for(bits);
    if (!bits) {
        memset(dst, 0, PACK_N * sizeof *dst);
        return;
    }
    for (size_t i = 0; i < PACK_N / 8; i++)
        _mm256_store_si256((__m256i *)(dst + 8 * i), eight(&d, src, bits, i));
}

static void unpack_docs(const uint8_t *src, unsigned bits, uint32_t prev, uint32_t *dst)
{
    decoder d = decoder_for(bits);
    __m256i carry = _mm256_set1_epi32((int)prev), one = _mm256_set1_epi32(1);
    for (size_t i = 0; i < PACK_N / 8; i++) {
        __m256i v = bits ? eight(&d, src, bits, i) : _mm256_setzero_si256();
        __m256i low;
        v = _mm256_add_epi32(v, one);
        v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
        v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
        low = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
        v = _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xF0));
        v = _mm256_add_epi32(v, carry);
        carry = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
        _mm256_store_si256((__m256i *)(dst + 8 * i), v);
    }
}

static void weigh(const uint32_t *src, float w, int add, float *tf)
{
    __m256 wv = _mm256_set1_ps(w);
    for (size_t i = 0; i < PACK_N; i += 8) {
        __m256 v =
            _mm256_mul_ps(wv, _mm256_cvtepi32_ps(_mm256_load_si256((const __m256i *)(src + i))));
        if (add)
            v = _mm256_add_ps(_mm256_load_ps(tf + i), v);
        _mm256_store_ps(tf + i, v);
    }
}

static void score(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                  int32_t *out)
{
    __m256 w = _mm256_set1_ps(s->w), k0 = _mm256_set1_ps(s->k0), k1 = _mm256_set1_ps(s->k1);
    __m256i one = _mm256_set1_epi32(1);
    n = (n + 15) & ~(size_t)15;
    for (size_t i = 0; i < n; i += 8) {
        __m256i rows = _mm256_load_si256((const __m256i *)(docs + i));
        __m256 len = _mm256_i32gather_ps(s->lengths, rows, 4);
        __m256 t = _mm256_load_ps(tf + i);
        __m256 k = _mm256_add_ps(k0, _mm256_mul_ps(k1, len));
        __m256 v = _mm256_div_ps(_mm256_mul_ps(w, t), _mm256_add_ps(t, k));
        __m256i r = _mm256_max_epi32(_mm256_cvtps_epi32(v), one);
        __m256 some = _mm256_cmp_ps(t, _mm256_setzero_ps(), _CMP_GT_OQ);
        _mm256_store_si256((__m256i *)(out + i), _mm256_and_si256(r, _mm256_castps_si256(some)));
    }
}

static size_t above(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value)
{
    __m256i f = _mm256_set1_epi32(floor), zero = _mm256_setzero_si256();
    size_t out = 0;
    for (size_t i = 0; i < n; i += 16) {
        __m256i a = _mm256_cmpgt_epi32(_mm256_load_si256((const __m256i *)(sums + i)), f);
        __m256i b = _mm256_cmpgt_epi32(_mm256_load_si256((const __m256i *)(sums + i + 8)), f);
        unsigned m = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(a)) |
                     (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(b)) << 8;
        for (; m; m &= m - 1) {
            size_t j = i + (unsigned)__builtin_ctz(m);
            idx[out] = (uint16_t)j;
            value[out++] = sums[j];
        }
        _mm256_store_si256((__m256i *)(sums + i), zero);
        _mm256_store_si256((__m256i *)(sums + i + 8), zero);
    }
    return out;
}

const pack_kernels pack_avx2 = {"avx2", unpack, unpack_docs, weigh, score, above};

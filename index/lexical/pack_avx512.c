/* pack_avx512.c - sixteen values a step, as pack_avx2.c does eight. */
#include <immintrin.h>
#include <string.h>

#include "index/lexical/pack.h"

typedef struct decoder {
    __m512i shuffle, shift, mask;
} decoder;

static inline __m512i twice(const void *even, const void *odd)
{
    __m256i half = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)odd),
                                    _mm_loadu_si128((const __m128i *)even));
    return _mm512_broadcast_i64x4(half);
}

static inline decoder decoder_for(unsigned bits)
{
    const pack_shuffle *even = &pack_shuffles[bits][0], *odd = &pack_shuffles[bits][bits & 1];
    decoder d = {twice(even->byte, odd->byte), twice(even->shift, odd->shift),
                 _mm512_set1_epi32((int)((1u << bits) - 1))};
    return d;
}

/* Values 16i .. 16i+15. */
static inline __m512i sixteen(const decoder *d, const uint8_t *src, unsigned bits, size_t i)
{
    const uint8_t *p = src + 2 * i * bits;
    __m256i low = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(p + bits / 2)),
                                   _mm_loadu_si128((const __m128i *)p));
    __m256i high = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(p + bits + bits / 2)),
                                    _mm_loadu_si128((const __m128i *)(p + bits)));
    __m512i v = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    v = _mm512_srlv_epi32(_mm512_shuffle_epi8(v, d->shuffle), d->shift);
    return _mm512_and_si512(v, d->mask);
}

static void unpack(const uint8_t *src, unsigned bits, uint32_t *dst)
{
    decoder d = decoder_for(bits);
    if (!bits) {
        memset(dst, 0, PACK_N * sizeof *dst);
        return;
    }
    for (size_t i = 0; i < PACK_N / 16; i++)
        _mm512_store_si512(dst + 16 * i, sixteen(&d, src, bits, i));
}

static void unpack_docs(const uint8_t *src, unsigned bits, uint32_t prev, uint32_t *dst)
{
    decoder d = decoder_for(bits);
    __m512i carry = _mm512_set1_epi32((int)prev), one = _mm512_set1_epi32(1);
    __m512i zero = _mm512_setzero_si512(), last = _mm512_set1_epi32(15);
    for (size_t i = 0; i < PACK_N / 16; i++) {
        __m512i v = bits ? sixteen(&d, src, bits, i) : zero;
        v = _mm512_add_epi32(v, one);
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8));
        v = _mm512_add_epi32(v, carry);
        carry = _mm512_permutexvar_epi32(last, v);
        _mm512_store_si512(dst + 16 * i, v);
    }
}

static void weigh(const uint32_t *src, float w, int add, float *tf)
{
    __m512 wv = _mm512_set1_ps(w);
    for (size_t i = 0; i < PACK_N; i += 16) {
        __m512 v = _mm512_mul_ps(wv, _mm512_cvtepi32_ps(_mm512_load_si512(src + i)));
        if (add)
            v = _mm512_add_ps(_mm512_load_ps(tf + i), v);
        _mm512_store_ps(tf + i, v);
    }
}

static void score(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                  int32_t *out)
{
    __m512 w = _mm512_set1_ps(s->w), k0 = _mm512_set1_ps(s->k0), k1 = _mm512_set1_ps(s->k1);
    __m512i one = _mm512_set1_epi32(1);
    n = (n + 15) & ~(size_t)15;
    for (size_t i = 0; i < n; i += 16) {
        __m512 len = _mm512_i32gather_ps(_mm512_load_si512(docs + i), s->lengths, 4);
        __m512 t = _mm512_load_ps(tf + i);
        __m512 k = _mm512_add_ps(k0, _mm512_mul_ps(k1, len));
        __m512 v = _mm512_div_ps(_mm512_mul_ps(w, t), _mm512_add_ps(t, k));
        __mmask16 some = _mm512_cmp_ps_mask(t, _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_store_si512(out + i, _mm512_maskz_max_epi32(some, _mm512_cvtps_epi32(v), one));
    }
}

/* Compressed in registers: compressing stores are slow on some CPUs. */
static size_t above(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value)
{
    __m512i f = _mm512_set1_epi32(floor), zero = _mm512_setzero_si512();
    __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t out = 0;
    for (size_t i = 0; i < n; i += 16) {
        __m512i v = _mm512_load_si512(sums + i);
        __mmask16 m = _mm512_cmpgt_epi32_mask(v, f);
        _mm512_store_si512(sums + i, zero);
        if (!m)
            continue;
        __m512i j = _mm512_add_epi32(at, _mm512_set1_epi32((int)i));
        _mm256_storeu_si256((__m256i *)(idx + out),
                            _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(m, j)));
        _mm512_storeu_si512(value + out, _mm512_maskz_compress_epi32(m, v));
        out += (unsigned)__builtin_popcount(m);
    }
    return out;
}

const pack_kernels pack_avx512 = {"avx512", unpack, unpack_docs, weigh, score, above};

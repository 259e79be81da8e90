/* pack_avx512.c - sixteen values a step: one load holds a group; each value's two 32-bit words are
 * brought to its lane and shifted together. */
#include <immintrin.h>
#include <string.h>

#include "index/lexical/pack.h"

/* The next sixteen values of width bits. A value that ends in its first word takes its second from
 * anywhere: those bits are masked off. */
static inline __m512i sixteen(const uint8_t *src, unsigned bits)
{
    const pack_places *p = &pack_places_of[bits];
    __m512i word = _mm512_loadu_si512(p->word), shift = _mm512_loadu_si512(p->shift);
    __m512i data = _mm512_loadu_si512(src);
    __m512i low = _mm512_srlv_epi32(_mm512_permutexvar_epi32(word, data), shift);
    __m512i next = _mm512_add_epi32(word, _mm512_set1_epi32(1));
    __m512i high = _mm512_sllv_epi32(_mm512_permutexvar_epi32(next, data),
                                     _mm512_sub_epi32(_mm512_set1_epi32(32), shift));
    return _mm512_and_si512(_mm512_or_si512(low, high),
                            _mm512_set1_epi32((int)((1ull << bits) - 1)));
}

static void unpack(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t add,
                   uint32_t *dst)
{
    __m512i more = _mm512_set1_epi32((int)add);
    for (size_t g = 0; g < n_groups; g++, widths >>= 8) {
        unsigned bits = widths & 0xFF;
        _mm512_store_si512(dst + 16 * g, _mm512_add_epi32(sixteen(src, bits), more));
        src += (size_t)2 * bits;
    }
}

static void unpack_docs(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t prev,
                        uint32_t *dst)
{
    __m512i carry = _mm512_set1_epi32((int)prev), one = _mm512_set1_epi32(1);
    __m512i zero = _mm512_setzero_si512(), last = _mm512_set1_epi32(15);
    for (size_t g = 0; g < n_groups; g++, widths >>= 8) {
        unsigned bits = widths & 0xFF;
        __m512i v = _mm512_add_epi32(sixteen(src, bits), one);
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
        v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8));
        v = _mm512_add_epi32(v, carry);
        carry = _mm512_permutexvar_epi32(last, v);
        _mm512_store_si512(dst + 16 * g, v);
        src += (size_t)2 * bits;
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

/* length_value() of sixteen codes. */
static inline __m512 length_values(__m512i code)
{
    __m512i x = _mm512_sub_epi32(code, _mm512_set1_epi32(24));
    __m512i part = _mm512_or_si512(_mm512_and_si512(x, _mm512_set1_epi32(7)), _mm512_set1_epi32(8));
    __m512i shift = _mm512_sub_epi32(_mm512_srli_epi32(x, 3), _mm512_set1_epi32(1));
    __m512i large = _mm512_add_epi32(_mm512_sllv_epi32(part, shift), _mm512_set1_epi32(24));
    __mmask16 small = _mm512_cmplt_epi32_mask(code, _mm512_set1_epi32(32));
    return _mm512_cvtepi32_ps(_mm512_mask_mov_epi32(large, small, code));
}

static void score(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                  int32_t *out)
{
    __m512 w = _mm512_set1_ps(s->w), k0 = _mm512_set1_ps(s->k0), k1 = _mm512_set1_ps(s->k1);
    __m512i one = _mm512_set1_epi32(1), byte = _mm512_set1_epi32(0xFF);
    n = (n + 15) & ~(size_t)15;
    for (size_t i = 0; i < n; i += 16) {
        __m512i code = _mm512_i32gather_epi32(_mm512_load_si512(docs + i), s->codes, 1);
        __m512 t = _mm512_load_ps(tf + i), len = length_values(_mm512_and_si512(code, byte));
        __m512 k = _mm512_add_ps(k0, _mm512_mul_ps(k1, len));
        __m512 v = _mm512_div_ps(_mm512_mul_ps(w, t), _mm512_add_ps(t, k));
        __mmask16 some = _mm512_cmp_ps_mask(t, _mm512_setzero_ps(), _CMP_GT_OQ);
        _mm512_store_si512(out + i, _mm512_maskz_max_epi32(some, _mm512_cvtps_epi32(v), one));
    }
}

/* Take sixteen sums. Compressed in registers: compressing stores are slow on some CPUs. */
static inline size_t take_above(int32_t *sums, size_t i, __m512i floor, uint16_t *idx,
                                int32_t *value)
{
    __m512i at = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i v = _mm512_load_si512(sums + i);
    __mmask16 m = _mm512_cmpgt_epi32_mask(v, floor);
    _mm512_store_si512(sums + i, _mm512_setzero_si512());
    if (m) {
        __m512i j = _mm512_add_epi32(at, _mm512_set1_epi32((int)i));
        _mm256_storeu_si256((__m256i *)idx,
                            _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(m, j)));
        _mm512_storeu_si512(value, _mm512_maskz_compress_epi32(m, v));
    }
    return (size_t)__builtin_popcount(m);
}

static size_t above(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value)
{
    __m512i f = _mm512_set1_epi32(floor);
    size_t out = 0;
    for (size_t i = 0; i < n; i += 16)
        out += take_above(sums, i, f, idx + out, value + out);
    return out;
}

static size_t above_marked(int32_t *sums, uint64_t *marks, size_t n, int32_t floor, uint16_t *idx,
                           int32_t *value)
{
    __m512i f = _mm512_set1_epi32(floor);
    size_t out = 0;
    for (size_t w = 0; w < n; w++) {
        for (uint64_t m = marks[w]; m; m &= m - 1) {
            size_t i = w << 10 | (size_t)__builtin_ctzll(m) << 4;
            out += take_above(sums, i, f, idx + out, value + out);
        }
        marks[w] = 0;
    }
    return out;
}

const pack_kernels pack_avx512 = {"avx512", unpack, unpack_docs, weigh, score, above, above_marked};

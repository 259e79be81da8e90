/* pack_avx2.c - eight values a step: one load holds half a group; each value's two 32-bit words are
 * brought to its lane and shifted together. */
#include <immintrin.h>
#include <string.h>

#include "index/lexical/pack.h"

/* Eight values of width bits. A value that ends in its first word takes its second from anywhere:
 * those bits are masked off. */
static inline __m256i eight(const uint8_t *src, unsigned bits)
{
    const pack_places *p = &pack_places_of[bits];
    __m256i word = _mm256_loadu_si256((const __m256i *)p->word);
    __m256i shift = _mm256_loadu_si256((const __m256i *)p->shift);
    __m256i data = _mm256_loadu_si256((const __m256i *)src);
    __m256i low = _mm256_srlv_epi32(_mm256_permutevar8x32_epi32(data, word), shift);
    __m256i next = _mm256_add_epi32(word, _mm256_set1_epi32(1));
    __m256i high = _mm256_sllv_epi32(_mm256_permutevar8x32_epi32(data, next),
                                     _mm256_sub_epi32(_mm256_set1_epi32(32), shift));
    return _mm256_and_si256(_mm256_or_si256(low, high),
                            _mm256_set1_epi32((int)((1ull << bits) - 1)));
}

static void unpack(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t add,
                   uint32_t *dst)
{
    __m256i more = _mm256_set1_epi32((int)add);
    for (size_t g = 0; g < n_groups; g++, widths >>= 8) {
        unsigned bits = widths & 0xFF;
        for (size_t half = 0; half < 2; half++, dst += 8, src += bits)
            _mm256_store_si256((__m256i *)dst, _mm256_add_epi32(eight(src, bits), more));
    }
}

static void unpack_docs(const uint8_t *src, uint64_t widths, size_t n_groups, uint32_t prev,
                        uint32_t *dst)
{
    __m256i carry = _mm256_set1_epi32((int)prev), one = _mm256_set1_epi32(1);
    for (size_t g = 0; g < n_groups; g++, widths >>= 8) {
        unsigned bits = widths & 0xFF;
        for (size_t half = 0; half < 2; half++, dst += 8, src += bits) {
            __m256i v = _mm256_add_epi32(eight(src, bits), one), low;
            v = _mm256_add_epi32(v, _mm256_slli_si256(v, 4));
            v = _mm256_add_epi32(v, _mm256_slli_si256(v, 8));
            low = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(3));
            v = _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_setzero_si256(), low, 0xF0));
            v = _mm256_add_epi32(v, carry);
            carry = _mm256_permutevar8x32_epi32(v, _mm256_set1_epi32(7));
            _mm256_store_si256((__m256i *)dst, v);
        }
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

/* length_value() of eight codes. */
static inline __m256 length_values(__m256i code)
{
    __m256i x = _mm256_sub_epi32(code, _mm256_set1_epi32(24));
    __m256i part = _mm256_or_si256(_mm256_and_si256(x, _mm256_set1_epi32(7)), _mm256_set1_epi32(8));
    __m256i shift = _mm256_sub_epi32(_mm256_srli_epi32(x, 3), _mm256_set1_epi32(1));
    __m256i large = _mm256_add_epi32(_mm256_sllv_epi32(part, shift), _mm256_set1_epi32(24));
    __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(32), code);
    return _mm256_cvtepi32_ps(_mm256_blendv_epi8(large, code, small));
}

static void score(const pack_score *s, const uint32_t *docs, const float *tf, size_t n,
                  int32_t *out)
{
    __m256 w = _mm256_set1_ps(s->w), k0 = _mm256_set1_ps(s->k0), k1 = _mm256_set1_ps(s->k1);
    __m256i one = _mm256_set1_epi32(1), byte = _mm256_set1_epi32(0xFF);
    n = (n + 15) & ~(size_t)15;
    for (size_t i = 0; i < n; i += 8) {
        __m256i rows = _mm256_load_si256((const __m256i *)(docs + i));
        __m256i code = _mm256_i32gather_epi32((const int *)s->codes, rows, 1);
        __m256 t = _mm256_load_ps(tf + i), len = length_values(_mm256_and_si256(code, byte));
        __m256 k = _mm256_add_ps(k0, _mm256_mul_ps(k1, len));
        __m256 v = _mm256_div_ps(_mm256_mul_ps(w, t), _mm256_add_ps(t, k));
        __m256i r = _mm256_max_epi32(_mm256_cvtps_epi32(v), one);
        __m256 some = _mm256_cmp_ps(t, _mm256_setzero_ps(), _CMP_GT_OQ);
        _mm256_store_si256((__m256i *)(out + i), _mm256_and_si256(r, _mm256_castps_si256(some)));
    }
}

/* Take sixteen sums. */
static inline size_t take_above(int32_t *sums, size_t i, __m256i floor, uint16_t *idx,
                                int32_t *value)
{
    __m256i *p = (__m256i *)(sums + i), zero = _mm256_setzero_si256();
    __m256i a = _mm256_cmpgt_epi32(_mm256_load_si256(p), floor);
    __m256i b = _mm256_cmpgt_epi32(_mm256_load_si256(p + 1), floor);
    unsigned m = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(a)) |
                 (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(b)) << 8;
    size_t out = 0;
    for (; m; m &= m - 1) {
        size_t j = i + (unsigned)__builtin_ctz(m);
        idx[out] = (uint16_t)j;
        value[out++] = sums[j];
    }
    _mm256_store_si256(p, zero);
    _mm256_store_si256(p + 1, zero);
    return out;
}

static size_t above(int32_t *sums, size_t n, int32_t floor, uint16_t *idx, int32_t *value)
{
    __m256i f = _mm256_set1_epi32(floor);
    size_t out = 0;
    for (size_t i = 0; i < n; i += 16)
        out += take_above(sums, i, f, idx + out, value + out);
    return out;
}

static size_t above_marked(int32_t *sums, uint64_t *marks, size_t n, int32_t floor, uint16_t *idx,
                           int32_t *value)
{
    __m256i f = _mm256_set1_epi32(floor);
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

const pack_kernels pack_avx2 = {"avx2", unpack, unpack_docs, weigh, score, above, above_marked};

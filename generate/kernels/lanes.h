/* lanes.h - sixteen floats or sixteen 32-bit words side by side, in three spellings.
 *
 * The file that includes this was compiled for one CPU row (its suffix says which), and gets that
 * row's spelling: one AVX-512 register, two AVX2 registers, or plain arrays. All three give the same
 * bits: each operation is IEEE single precision lane by lane, `lanes_fma` is fused in every row
 * (fmaf in the plain one), and max/min follow the x86 rule (the second operand wins on NaN).
 *
 * The plain row is the definition; it is written to be read, not to be fast. */
#ifndef CAIRN_GENERATE_KERNELS_LANES_H
#define CAIRN_GENERATE_KERNELS_LANES_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "generate/kernels/kernels.h"

#define LANES      KERNEL_LANES

/* With registers everything is unrolled and inlined, so that a block lives in them; the plain row
 * stays small instead. */
#if defined(__AVX2__)
#define LANES_INLINE static inline __attribute__((always_inline, unused))
#define UNROLL_8     _Pragma("GCC unroll 8")
#define UNROLL_4     _Pragma("GCC unroll 4")
#define UNROLL_12    _Pragma("GCC unroll 12")
#define UNROLL_16    _Pragma("GCC unroll 16")
#if defined(__AVX512F__)
#define LANES_TOKENS 8 /* tokens whose sums fit the registers at once */
/* vectors of that many rows whose sums fit */
#define GEMM_AT_ONCE(rows) ((rows) > 4 ? 2 : (rows) > 2 ? 4 : 8)
#else
#define LANES_TOKENS 1
#define GEMM_AT_ONCE(rows) ((rows) > 3 ? 1 : 2)
#endif
#else
#define LANES_INLINE static inline __attribute__((unused))
#define UNROLL_8     _Pragma("GCC unroll 1")
#define UNROLL_4     _Pragma("GCC unroll 1")
#define UNROLL_12    _Pragma("GCC unroll 1")
#define UNROLL_16    _Pragma("GCC unroll 1")
#define LANES_TOKENS 1
#define GEMM_AT_ONCE(rows) 1
#endif

static inline int32_t load_i32(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

#if defined(__AVX512F__) && defined(__AVX512VNNI__)

typedef __m512 lanes;
typedef __m512i words;

LANES_INLINE lanes lanes_set1(float f) { return _mm512_set1_ps(f); }
LANES_INLINE lanes lanes_load(const float *p) { return _mm512_loadu_ps(p); }
LANES_INLINE void lanes_store(float *p, lanes v) { _mm512_storeu_ps(p, v); }
LANES_INLINE lanes lanes_add(lanes a, lanes b) { return _mm512_add_ps(a, b); }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { return _mm512_sub_ps(a, b); }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { return _mm512_mul_ps(a, b); }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { return _mm512_div_ps(a, b); }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return _mm512_fmadd_ps(a, b, c); }
LANES_INLINE lanes lanes_max(lanes a, lanes b) { return _mm512_max_ps(a, b); }
LANES_INLINE lanes lanes_min(lanes a, lanes b) { return _mm512_min_ps(a, b); }
/* Lanes of v where a > b, 0 elsewhere (and where either is NaN). */
LANES_INLINE lanes lanes_where_gt(lanes a, lanes b, lanes v)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), v);
}
LANES_INLINE lanes lanes_from_half(const void *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}
LANES_INLINE lanes lanes_from_int8(const void *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}
LANES_INLINE void lanes_to_half(void *p, lanes v)
{
    _mm256_storeu_si256(p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
LANES_INLINE words words_set1(uint32_t v) { return _mm512_set1_epi32((int)v); }
LANES_INLINE words words_load(const void *p) { return _mm512_loadu_si512(p); }
LANES_INLINE void words_store(void *p, words v) { _mm512_storeu_si512(p, v); }
LANES_INLINE words words_and(words a, words b) { return _mm512_and_si512(a, b); }
LANES_INLINE words words_or(words a, words b) { return _mm512_or_si512(a, b); }
LANES_INLINE words words_xor(words a, words b) { return _mm512_xor_si512(a, b); }
LANES_INLINE words words_add(words a, words b) { return _mm512_add_epi32(a, b); }
LANES_INLINE words words_sub(words a, words b) { return _mm512_sub_epi32(a, b); }
#define words_shl(a, n) _mm512_slli_epi32((a), (n))
#define words_shr(a, n) _mm512_srli_epi32((a), (n))
#define words_sar(a, n) _mm512_srai_epi32((a), (n))
LANES_INLINE lanes words_to_float(words a) { return _mm512_cvtepi32_ps(a); }
LANES_INLINE words lanes_round(lanes a) { return _mm512_cvtps_epi32(a); }
LANES_INLINE lanes words_as_float(words a) { return _mm512_castsi512_ps(a); }
LANES_INLINE words lanes_as_words(lanes a) { return _mm512_castps_si512(a); }
LANES_INLINE words words_from_u16(const void *p)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
}
/* The low byte of each word, 16 bytes. */
LANES_INLINE void words_store_bytes(void *p, words v)
{
    _mm_storeu_si128(p, _mm512_cvtepi32_epi8(v));
}
/* The low half of each word, 32 bytes. */
LANES_INLINE void words_store_u16(void *p, words v)
{
    _mm256_storeu_si256(p, _mm512_cvtepi32_epi16(v));
}
/* Word i at p + at[i] bytes. */
LANES_INLINE words words_gather(const void *p, words at) { return _mm512_i32gather_epi32(at, p, 1); }
/* acc + the four products of unsigned bytes of w and signed bytes of x, in every word. */
LANES_INLINE words words_dot4(words acc, words w, words x) { return _mm512_dpbusd_epi32(acc, w, x); }
LANES_INLINE words words_dot4_small(words acc, words w, words x)
{
    return _mm512_dpbusd_epi32(acc, w, x);
}

#elif defined(__AVX2__)

typedef struct lanes { __m256 lo, hi; } lanes;
typedef struct words { __m256i lo, hi; } words;

LANES_INLINE lanes lanes_of(__m256 lo, __m256 hi) { return (lanes){lo, hi}; }
LANES_INLINE words words_of(__m256i lo, __m256i hi) { return (words){lo, hi}; }
LANES_INLINE lanes lanes_set1(float f) { return lanes_of(_mm256_set1_ps(f), _mm256_set1_ps(f)); }
LANES_INLINE lanes lanes_load(const float *p)
{
    return lanes_of(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8));
}
LANES_INLINE void lanes_store(float *p, lanes v)
{
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}
#define LANES_BOTH(fn, a, b) lanes_of(fn((a).lo, (b).lo), fn((a).hi, (b).hi))
#define WORDS_BOTH(fn, a, b) words_of(fn((a).lo, (b).lo), fn((a).hi, (b).hi))
LANES_INLINE lanes lanes_add(lanes a, lanes b) { return LANES_BOTH(_mm256_add_ps, a, b); }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { return LANES_BOTH(_mm256_sub_ps, a, b); }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { return LANES_BOTH(_mm256_mul_ps, a, b); }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { return LANES_BOTH(_mm256_div_ps, a, b); }
LANES_INLINE lanes lanes_max(lanes a, lanes b) { return LANES_BOTH(_mm256_max_ps, a, b); }
LANES_INLINE lanes lanes_min(lanes a, lanes b) { return LANES_BOTH(_mm256_min_ps, a, b); }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return lanes_of(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}
LANES_INLINE lanes lanes_where_gt(lanes a, lanes b, lanes v)
{
    return lanes_of(_mm256_and_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), v.lo),
                    _mm256_and_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ), v.hi));
}
LANES_INLINE lanes lanes_from_half(const void *p)
{
    const __m128i *h = p;
    return lanes_of(_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1)));
}
LANES_INLINE lanes lanes_from_int8(const void *p)
{
    __m128i b = _mm_loadu_si128(p);
    return lanes_of(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(b)),
                    _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(b, 8))));
}
LANES_INLINE void lanes_to_half(void *p, lanes v)
{
    __m128i *h = p;
    _mm_storeu_si128(h, _mm256_cvtps_ph(v.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    _mm_storeu_si128(h + 1, _mm256_cvtps_ph(v.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
LANES_INLINE words words_set1(uint32_t v)
{
    return words_of(_mm256_set1_epi32((int)v), _mm256_set1_epi32((int)v));
}
LANES_INLINE words words_load(const void *p)
{
    const __m256i *w = p;
    return words_of(_mm256_loadu_si256(w), _mm256_loadu_si256(w + 1));
}
LANES_INLINE void words_store(void *p, words v)
{
    __m256i *w = p;
    _mm256_storeu_si256(w, v.lo);
    _mm256_storeu_si256(w + 1, v.hi);
}
LANES_INLINE words words_and(words a, words b) { return WORDS_BOTH(_mm256_and_si256, a, b); }
LANES_INLINE words words_or(words a, words b) { return WORDS_BOTH(_mm256_or_si256, a, b); }
LANES_INLINE words words_xor(words a, words b) { return WORDS_BOTH(_mm256_xor_si256, a, b); }
LANES_INLINE words words_add(words a, words b) { return WORDS_BOTH(_mm256_add_epi32, a, b); }
LANES_INLINE words words_sub(words a, words b) { return WORDS_BOTH(_mm256_sub_epi32, a, b); }
LANES_INLINE words words_shl(words a, int n)
{
    return words_of(_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n));
}
LANES_INLINE words words_shr(words a, int n)
{
    return words_of(_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n));
}
LANES_INLINE words words_sar(words a, int n)
{
    return words_of(_mm256_srai_epi32(a.lo, n), _mm256_srai_epi32(a.hi, n));
}
LANES_INLINE lanes words_to_float(words a)
{
    return lanes_of(_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi));
}
LANES_INLINE words lanes_round(lanes a)
{
    return words_of(_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi));
}
LANES_INLINE lanes words_as_float(words a)
{
    return lanes_of(_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi));
}
LANES_INLINE words lanes_as_words(lanes a)
{
    return words_of(_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi));
}
LANES_INLINE words words_from_u16(const void *p)
{
    const __m128i *h = p;
    return words_of(_mm256_cvtepu16_epi32(_mm_loadu_si128(h)),
                    _mm256_cvtepu16_epi32(_mm_loadu_si128(h + 1)));
}
LANES_INLINE void words_store_bytes(void *p, words v)
{
    const __m256i pick = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                          0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    __m256i lo = _mm256_shuffle_epi8(v.lo, pick), hi = _mm256_shuffle_epi8(v.hi, pick);
    int32_t b[4] = {_mm256_extract_epi32(lo, 0), _mm256_extract_epi32(lo, 4),
                    _mm256_extract_epi32(hi, 0), _mm256_extract_epi32(hi, 4)};
    memcpy(p, b, sizeof b);
}
LANES_INLINE void words_store_u16(void *p, words v)
{
    const __m256i low = _mm256_set1_epi32(0xffff);
    /* Packing works in 128-bit halves: put the four quarters back in order. */
    __m256i both = _mm256_packus_epi32(_mm256_and_si256(v.lo, low), _mm256_and_si256(v.hi, low));
    _mm256_storeu_si256(p, _mm256_permute4x64_epi64(both, 0xd8));
}
LANES_INLINE words words_gather(const void *p, words at)
{
    return words_of(_mm256_i32gather_epi32(p, at.lo, 1), _mm256_i32gather_epi32(p, at.hi, 1));
}
/* maddubs adds two products into 16 bits with saturation. Weights up to 128 times activations up to
 * 127 in size give at most 32512, so nothing saturates. */
LANES_INLINE __m256i dot4_small_256(__m256i acc, __m256i w, __m256i x)
{
    __m256i pairs = _mm256_maddubs_epi16(w, x);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
LANES_INLINE words words_dot4_small(words acc, words w, words x)
{
    return words_of(dot4_small_256(acc.lo, w.lo, x.lo), dot4_small_256(acc.hi, w.hi, x.hi));
}
/* Unsigned bytes up to 255 would saturate. Halve the problem: w = s + 128 with s signed; move the
 * sign of s to x, multiply the sizes, and add 128 times the sum of x. */
LANES_INLINE __m256i dot4_256(__m256i acc, __m256i w, __m256i x)
{
    const __m256i top = _mm256_set1_epi8((char)0x80);
    __m256i s = _mm256_xor_si256(w, top);
    __m256i sum = _mm256_maddubs_epi16(top, x); /* 128 * (x0 + x1): at most 32512 in size */

    acc = dot4_small_256(acc, _mm256_abs_epi8(s), _mm256_sign_epi8(x, s));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
}
LANES_INLINE words words_dot4(words acc, words w, words x)
{
    return words_of(dot4_256(acc.lo, w.lo, x.lo), dot4_256(acc.hi, w.hi, x.hi));
}

#else /* plain */

typedef struct lanes { float f[LANES]; } lanes;
typedef union words { uint32_t u[LANES]; int32_t i[LANES]; uint8_t b[4 * LANES]; } words;

#define EACH_LANE                                                                                  \
    _Pragma("GCC unroll 1") for (int i = 0; i < LANES; i++)
#define LANES_EACH(type, expr)                                                                     \
    do {                                                                                           \
        type r;                                                                                    \
        EACH_LANE                                                                                  \
        expr;                                                                                      \
        return r;                                                                                  \
    } while (0)

LANES_INLINE lanes lanes_set1(float f) { LANES_EACH(lanes, r.f[i] = f); }
LANES_INLINE lanes lanes_load(const float *p)
{
    lanes r;
    memcpy(r.f, p, sizeof r.f);
    return r;
}
LANES_INLINE void lanes_store(float *p, lanes v) { memcpy(p, v.f, sizeof v.f); }
LANES_INLINE lanes lanes_add(lanes a, lanes b) { LANES_EACH(lanes, r.f[i] = a.f[i] + b.f[i]); }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { LANES_EACH(lanes, r.f[i] = a.f[i] - b.f[i]); }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { LANES_EACH(lanes, r.f[i] = a.f[i] * b.f[i]); }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { LANES_EACH(lanes, r.f[i] = a.f[i] / b.f[i]); }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c)
{
    LANES_EACH(lanes, r.f[i] = fmaf(a.f[i], b.f[i], c.f[i]));
}
LANES_INLINE lanes lanes_max(lanes a, lanes b)
{
    LANES_EACH(lanes, r.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i]);
}
LANES_INLINE lanes lanes_min(lanes a, lanes b)
{
    LANES_EACH(lanes, r.f[i] = a.f[i] < b.f[i] ? a.f[i] : b.f[i]);
}
LANES_INLINE lanes lanes_where_gt(lanes a, lanes b, lanes v)
{
    LANES_EACH(lanes, r.f[i] = a.f[i] > b.f[i] ? v.f[i] : 0.0f);
}
LANES_INLINE lanes lanes_from_half(const void *p)
{
    uint16_t h[LANES];
    memcpy(h, p, sizeof h);
    LANES_EACH(lanes, r.f[i] = half_to_float(h[i]));
}
LANES_INLINE lanes lanes_from_int8(const void *p)
{
    const int8_t *b = p;
    LANES_EACH(lanes, r.f[i] = b[i]);
}
LANES_INLINE void lanes_to_half(void *p, lanes v)
{
    uint16_t h[LANES];
    EACH_LANE
    h[i] = float_to_half(v.f[i]);
    memcpy(p, h, sizeof h);
}
LANES_INLINE words words_set1(uint32_t v) { LANES_EACH(words, r.u[i] = v); }
LANES_INLINE words words_load(const void *p)
{
    words r;
    memcpy(r.b, p, sizeof r.b);
    return r;
}
LANES_INLINE void words_store(void *p, words v) { memcpy(p, v.b, sizeof v.b); }
LANES_INLINE words words_and(words a, words b) { LANES_EACH(words, r.u[i] = a.u[i] & b.u[i]); }
LANES_INLINE words words_or(words a, words b) { LANES_EACH(words, r.u[i] = a.u[i] | b.u[i]); }
LANES_INLINE words words_xor(words a, words b) { LANES_EACH(words, r.u[i] = a.u[i] ^ b.u[i]); }
LANES_INLINE words words_add(words a, words b) { LANES_EACH(words, r.u[i] = a.u[i] + b.u[i]); }
LANES_INLINE words words_sub(words a, words b) { LANES_EACH(words, r.u[i] = a.u[i] - b.u[i]); }
LANES_INLINE words words_shl(words a, int n) { LANES_EACH(words, r.u[i] = a.u[i] << n); }
LANES_INLINE words words_shr(words a, int n) { LANES_EACH(words, r.u[i] = a.u[i] >> n); }
LANES_INLINE words words_sar(words a, int n) { LANES_EACH(words, r.i[i] = a.i[i] >> n); }
LANES_INLINE lanes words_to_float(words a) { LANES_EACH(lanes, r.f[i] = (float)a.i[i]); }
/* To nearest, ties to even; NaN and what does not fit become the lowest integer, as on x86. */
LANES_INLINE words lanes_round(lanes a)
{
    LANES_EACH(words, r.i[i] = _mm_cvtss_si32(_mm_set_ss(a.f[i])));
}
LANES_INLINE lanes words_as_float(words a)
{
    lanes r;
    memcpy(r.f, a.b, sizeof r.f);
    return r;
}
LANES_INLINE words lanes_as_words(lanes a)
{
    words r;
    memcpy(r.b, a.f, sizeof r.b);
    return r;
}
LANES_INLINE words words_from_u16(const void *p)
{
    uint16_t h[LANES];
    memcpy(h, p, sizeof h);
    LANES_EACH(words, r.u[i] = h[i]);
}
LANES_INLINE void words_store_bytes(void *p, words v)
{
    uint8_t b[LANES];
    EACH_LANE
    b[i] = (uint8_t)v.u[i];
    memcpy(p, b, sizeof b);
}
LANES_INLINE void words_store_u16(void *p, words v)
{
    uint16_t h[LANES];
    EACH_LANE
    h[i] = (uint16_t)v.u[i];
    memcpy(p, h, sizeof h);
}
LANES_INLINE words words_gather(const void *p, words at)
{
    LANES_EACH(words, r.i[i] = load_i32((const uint8_t *)p + at.u[i]));
}
LANES_INLINE words words_dot4(words acc, words w, words x)
{
    EACH_LANE
    for (int j = 4 * i; j < 4 * i + 4; j++)
        acc.i[i] += (int32_t)w.b[j] * (int8_t)x.b[j];
    return acc;
}
LANES_INLINE words words_dot4_small(words acc, words w, words x) { return words_dot4(acc, w, x); }

#endif

/* ---- sixteen lanes become one: pairs 8 apart, then 4, 2, 1 ---- */

#if defined(__AVX2__)

#if defined(__AVX512F__)
LANES_INLINE __m256 lanes_low(lanes v) { return _mm512_castps512_ps256(v); }
LANES_INLINE __m256 lanes_high(lanes v) { return _mm512_extractf32x8_ps(v, 1); }
LANES_INLINE __m256i words_low(words v) { return _mm512_castsi512_si256(v); }
LANES_INLINE __m256i words_high(words v) { return _mm512_extracti32x8_epi32(v, 1); }
#else
LANES_INLINE __m256 lanes_low(lanes v) { return v.lo; }
LANES_INLINE __m256 lanes_high(lanes v) { return v.hi; }
LANES_INLINE __m256i words_low(words v) { return v.lo; }
LANES_INLINE __m256i words_high(words v) { return v.hi; }
#endif

LANES_INLINE float lanes_sum(lanes v)
{
    __m256 e = _mm256_add_ps(lanes_low(v), lanes_high(v));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
LANES_INLINE float lanes_largest(lanes v)
{
    __m256 e = _mm256_max_ps(lanes_low(v), lanes_high(v));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(e), _mm256_extractf128_ps(e, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}
LANES_INLINE int32_t words_sum(words v)
{
    __m256i e = _mm256_add_epi32(words_low(v), words_high(v));
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(e), _mm256_extracti128_si256(e, 1));
    q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xb1)));
}

#else

LANES_INLINE float lanes_sum(lanes v)
{
    for (int step = LANES / 2; step; step /= 2)
        for (int i = 0; i < step; i++)
            v.f[i] = v.f[i] + v.f[i + step];
    return v.f[0];
}
LANES_INLINE float lanes_largest(lanes v)
{
    for (int step = LANES / 2; step; step /= 2)
        for (int i = 0; i < step; i++)
            v.f[i] = v.f[i] > v.f[i + step] ? v.f[i] : v.f[i + step];
    return v.f[0];
}
LANES_INLINE int32_t words_sum(words v)
{
    uint32_t sum = 0; /* wraps where broken inputs gave huge numbers */
    EACH_LANE
    sum += v.u[i];
    return (int32_t)sum;
}

#endif

/* ---- the same in every row ---- */

LANES_INLINE lanes lanes_zero(void) { return lanes_set1(0.0f); }
LANES_INLINE words words_zero(void) { return words_set1(0); }

/* The first n < 16 floats of p, `fill` behind them. */
LANES_INLINE lanes lanes_load_n(const float *p, size_t n, float fill)
{
    float b[LANES];
    for (size_t i = 0; i < LANES; i++)
        b[i] = i < n ? p[i] : fill;
    return lanes_load(b);
}
LANES_INLINE void lanes_store_n(float *p, lanes v, size_t n)
{
    float b[LANES];
    lanes_store(b, v);
    memcpy(p, b, n * sizeof *p);
}
LANES_INLINE lanes lanes_abs(lanes a)
{
    return words_as_float(words_and(lanes_as_words(a), words_set1(0x7fffffff)));
}

#endif

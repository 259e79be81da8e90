/* encode_lanes.h - the element-wise functions of every row, written once over sixteen lanes and
 * compiled by encode_scalar.c, encode_avx2.c and encode_avx512.c with their own flags.
 *
 * Multiplications and additions are fused only where lanes_fma says so, on every row, and sums go
 * through sixteen partial sums that are folded in one fixed order, so the three rows give the same
 * bytes. Only for inclusion by the rows: all functions are static. */
#ifndef CAIRN_GENERATE_ENCODE_ENCODE_LANES_H
#define CAIRN_GENERATE_ENCODE_ENCODE_LANES_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "generate/encode/encode_kernels.h"

#pragma GCC diagnostic ignored "-Wpsabi" /* lane types never cross a function that is not inlined  \
                                          */

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t ilanes __attribute__((vector_size(64)));
typedef ilanes lane_mask; /* -1 or 0 a lane */
typedef int16_t slanes __attribute__((vector_size(32)));
typedef int8_t blanes __attribute__((vector_size(16)));
typedef uint8_t ulanes __attribute__((vector_size(64)));

#define LANE_FN static inline __attribute__((always_inline))

LANE_FN lanes lanes_load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* A macro, because GCC remarks on every function that takes a vector wider than the CPU's. */
#define lanes_store(p, v)                                                                          \
    do {                                                                                           \
        lanes stored = (v);                                                                        \
        memcpy((p), &stored, sizeof stored);                                                       \
    } while (0)

LANE_FN lanes lanes_set(float x)
{
    return (lanes){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

LANE_FN lanes lanes_pick(ilanes mask, lanes yes, lanes no)
{
    return (lanes)((mask & (ilanes)yes) | (~mask & (ilanes)no));
}

/* a > b ? a : b, and so b where a is a NaN. */
LANE_FN lanes lanes_max(lanes a, lanes b)
{
#ifdef __AVX512F__
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return lanes_pick(a > b, a, b);
#endif
}

LANE_FN lanes lanes_min(lanes a, lanes b)
{
#ifdef __AVX512F__
    return (lanes)_mm512_min_ps((__m512)a, (__m512)b);
#else
    return lanes_pick(a < b, a, b);
#endif
}

LANE_FN lanes lanes_abs(lanes a)
{
    return (lanes)((ilanes)a & 0x7FFFFFFF);
}

/* Nearest integer, halves to even, for |x| < 2^22. */
LANE_FN ilanes lanes_round(lanes x)
{
    return (ilanes)(x + 12582912.0f) - 0x4B400000;
}

/* a * b + c, rounded once. */
LANE_FN lanes lanes_fma(lanes a, lanes b, lanes c)
{
#if defined __AVX512F__
    return (lanes)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __FMA__
    __m256 r[2], x[2], y[2];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    memcpy(r, &c, sizeof r);
    r[0] = _mm256_fmadd_ps(x[0], y[0], r[0]);
    r[1] = _mm256_fmadd_ps(x[1], y[1], r[1]);
    memcpy(&c, r, sizeof r);
    return c;
#else
    for (size_t i = 0; i < 16; i++)
        c[i] = fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* (v0 + v8 + v4 + v12 ...): halves folded onto each other, which is what the reduction of the
 * compiler's header does too. */
LANE_FN float lanes_sum(lanes v)
{
#ifdef __AVX512F__
    return _mm512_reduce_add_ps((__m512)v);
#else
    float t[16];
    memcpy(t, &v, sizeof t);
    for (size_t half = 8; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            t[i] = t[i] + t[i + half];
    return t[0];
#endif
}

LANE_FN int32_t lanes_isum(ilanes v)
{
#ifdef __AVX512F__
    return _mm512_reduce_add_epi32((__m512i)v);
#else
    int32_t sum = 0;
    for (size_t i = 0; i < 16; i++)
        sum += v[i];
    return sum;
#endif
}

LANE_FN float lanes_top(lanes v)
{
#ifdef __AVX512F__
    return _mm512_reduce_max_ps((__m512)v);
#else
    float m = v[0];
    for (size_t i = 1; i < 16; i++)
        m = v[i] > m ? v[i] : m;
    return m;
#endif
}

LANE_FN lane_mask lanes_less(lanes a, lanes b)
{
    return a < b;
}

LANE_FN lanes lanes_of_ints(ilanes n)
{
    return __builtin_convertvector(n, lanes);
}

LANE_FN lanes lanes_times_power(lanes p, ilanes n)
{
    return (lanes)((ilanes)p + (n << 23));
}

#include "generate/encode/encode_math.h" /* needs all of the above */

static void lanes_layernorm(const float *x, const float *r, const float *w, const float *b,
                            float eps, size_t n, float *y)
{
    lanes sum = lanes_set(0), square = lanes_set(0);
    float mean, factor;

    for (size_t i = 0; i < n; i += 16) {
        lanes v = lanes_load(x + i);
        if (r)
            v = v + lanes_load(r + i);
        sum = sum + v;
        lanes_store(y + i, v);
    }
    mean = lanes_sum(sum) / (float)n;
    for (size_t i = 0; i < n; i += 16) {
        lanes v = lanes_load(y + i) - mean;
        square = square + v * v;
    }
    factor = 1.0f / sqrtf(lanes_sum(square) / (float)n + eps);
    for (size_t i = 0; i < n; i += 16)
        lanes_store(y + i,
                    (lanes_load(y + i) - mean) * factor * lanes_load(w + i) + lanes_load(b + i));
}

static void lanes_bias(const float *x, const float *b, size_t n, float *y)
{
    for (size_t i = 0; i < n; i += 16)
        lanes_store(y + i, lanes_load(x + i) + lanes_load(b + i));
}

static void lanes_bias_gelu(float *x, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        lanes_store(x + i, lanes_gelu(lanes_load(x + i) + lanes_load(b + i)));
    }
}

static float lanes_exp_row(float *x, size_t n, size_t padded, float scale)
{
    lanes top, sum = lanes_set(0);
    float max;

    for (size_t i = n; i < padded; i++)
        x[i] = -INFINITY;
    top = lanes_load(x);
    for (size_t i = 16; i < padded; i += 16)
        top = lanes_max(lanes_load(x + i), top);
    max = lanes_top(top);
    for (size_t i = 0; i < padded; i += 16) {
        lanes e = lanes_exp((lanes_load(x + i) - max) * scale);
        sum = sum + e;
        lanes_store(x + i, e);
    }
    return lanes_sum(sum);
}

static void lanes_add(float *acc, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        lanes_store(acc + i, lanes_load(acc + i) + lanes_load(x + i));
}

static void lanes_scale(float *x, float by, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        lanes_store(x + i, lanes_load(x + i) * by);
}

/* Sixteen integers as bytes. With AVX-512 by way of a register: Zen 4 takes some fifty cycles for a narrowing that goes
 * to memory, which is what GCC makes of the other form. */
#ifdef __AVX512F__
#define lanes_store_bytes(p, v) _mm_storeu_si128((void *)(p), _mm512_cvtepi32_epi8((__m512i)(v)))
#else
#define lanes_store_bytes(p, v)                                                                    \
    do {                                                                                           \
        blanes narrow = __builtin_convertvector((v), blanes);                                      \
        memcpy((p), &narrow, sizeof narrow);                                                       \
    } while (0)
#endif

static void lanes_quantize_i16(const float *x, size_t k, float limit, int16_t *q, float *scale)
{
    for (size_t at = 0; at < k; at += ENCODE_I16_BLOCK, scale++) {
        size_t end = k - at < ENCODE_I16_BLOCK ? k : at + ENCODE_I16_BLOCK;
        lanes top = lanes_set(0);
        float max, by;

        for (size_t i = at; i < end; i += 16)
            top = lanes_max(lanes_abs(lanes_load(x + i)), top);
        max = lanes_top(top);
        *scale = max / limit;
        by = max > 1e-30f ? limit / max : 0;
        for (size_t i = at; i < end; i += 16) {
            slanes s = __builtin_convertvector(lanes_to_int(lanes_load(x + i), lanes_set(by), limit), slanes);
            memcpy(q + i, &s, sizeof s);
        }
    }
}

#ifdef __AVX512F__
/* Four vectors folded at once, as lanes_top and lanes_isum fold one: lanes i, i + 4, ... are what becomes of v[i]. */
#define FOLD_FOUR(v, op, low32, high32, low64, high64, turn)                                       \
    do {                                                                                           \
        __m512i a = op(low32(v[0], v[1]), high32(v[0], v[1]));                                     \
        __m512i b = op(low32(v[2], v[3]), high32(v[2], v[3]));                                     \
        a = op(low64(a, b), high64(a, b));                                                         \
        a = op(a, turn(a, a, 0x4E));                                                               \
        v[0] = op(a, turn(a, a, 0xB1));                                                            \
    } while (0)

/* As unsigned integers floats that are not negative stand in the same order. */
LANE_FN lanes lanes_top_of_four(__m512i v[4])
{
    FOLD_FOUR(v, _mm512_max_epu32, _mm512_unpacklo_epi32, _mm512_unpackhi_epi32, _mm512_unpacklo_epi64,
              _mm512_unpackhi_epi64, _mm512_shuffle_i32x4);
    return (lanes)v[0];
}

LANE_FN ilanes lanes_isum_of_four(__m512i v[4])
{
    FOLD_FOUR(v, _mm512_add_epi32, _mm512_unpacklo_epi32, _mm512_unpackhi_epi32, _mm512_unpacklo_epi64,
              _mm512_unpackhi_epi64, _mm512_shuffle_i32x4);
    return (ilanes)v[0];
}

/* Four blocks of lanes_quantize_i8 at once. */
LANE_FN void lanes_quantize_four(const float *x, int8_t *q, float *scale, int32_t *off)
{
    __m512i v[4];
    lanes top, by;
    ilanes sum;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        v[i] = (__m512i)lanes_max(lanes_abs(lanes_load(x + 32 * i)), lanes_abs(lanes_load(x + 32 * i + 16)));
    top = lanes_top_of_four(v);
    by = lanes_pick(top > lanes_set(1e-30f), 127 / top, lanes_set(0));
    top = top / 127;
    memcpy(scale, &top, 4 * sizeof *scale);
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        lanes own = lanes_set(by[i]);
        ilanes a = lanes_to_int(lanes_load(x + 32 * i), own, 127);
        ilanes b = lanes_to_int(lanes_load(x + 32 * i + 16), own, 127);
        lanes_store_bytes(q + 32 * i, a);
        lanes_store_bytes(q + 32 * i + 16, b);
        v[i] = (__m512i)(a + b);
    }
    sum = -8 * lanes_isum_of_four(v);
    memcpy(off, &sum, 4 * sizeof *off);
}
#endif

static void lanes_quantize_i8(const float *x, size_t k, int8_t *q, float *scale, int32_t *off)
{
    size_t at = 0;

#ifdef __AVX512F__
    for (; at + 128 <= k; at += 128, scale += 4, off += 4)
        lanes_quantize_four(x + at, q + at, scale, off);
#endif
    for (; at < k; at += 32, scale++, off++) {
        lanes a = lanes_load(x + at), b = lanes_load(x + at + 16);
        float max = lanes_top(lanes_max(lanes_abs(a), lanes_abs(b)));
        float by = max > 1e-30f ? 127 / max : 0;
        ilanes ia = lanes_to_int(a, lanes_set(by), 127), ib = lanes_to_int(b, lanes_set(by), 127);

        lanes_store_bytes(q + at, ia);
        lanes_store_bytes(q + at + 16, ib);
        *scale = max / 127;
        *off = -8 * lanes_isum(ia + ib);
    }
}

/* The scales and factors of sixteen outputs: what lanes_quantize_* find for one. x[n][32]. */
LANE_FN lanes lanes_across(const float *x, size_t n, float limit, float *scale)
{
    lanes top = lanes_set(0);

    for (size_t j = 0; j < n; j++)
        top = lanes_max(lanes_abs(lanes_load(x + j * ENCODE_PANEL)), top);
    lanes_store(scale, top / limit);
    return lanes_pick(top > lanes_set(1e-30f), limit / top, lanes_set(0));
}

static void lanes_across_i16(const float *x, size_t k, int16_t *panel, float *w_scale)
{
    for (size_t at = 0; at < k; at += ENCODE_I16_BLOCK, w_scale += ENCODE_PANEL) {
        size_t end = k - at < ENCODE_I16_BLOCK ? k : at + ENCODE_I16_BLOCK;
        for (size_t lane = 0; lane < ENCODE_PANEL; lane += 16) {
            const float *from = x + lane;
            lanes by = lanes_across(from + at * ENCODE_PANEL, end - at, ENCODE_I16_WEIGHT,
                                    w_scale + lane);
            for (size_t j = at; j < end; j += 2) {
                ilanes two = (lanes_to_int(lanes_load(from + j * ENCODE_PANEL), by,
                                           ENCODE_I16_WEIGHT) & 0xFFFF) |
                             lanes_to_int(lanes_load(from + (j + 1) * ENCODE_PANEL), by,
                                          ENCODE_I16_WEIGHT) << 16;
                memcpy(panel + j * ENCODE_PANEL + lane * 2, &two, sizeof two);
            }
        }
    }
}

static void lanes_across_i8(const float *x, size_t k, uint8_t *panel, float *w_scale)
{
    for (size_t at = 0; at < k; at += ENCODE_Q4_BLOCK, w_scale += ENCODE_PANEL)
        for (size_t lane = 0; lane < ENCODE_PANEL; lane += 16) {
            const float *from = x + lane;
            lanes by = lanes_across(from + at * ENCODE_PANEL, ENCODE_Q4_BLOCK, 127, w_scale + lane);
            for (size_t j = at; j < at + ENCODE_Q4_BLOCK; j += 4) {
                ilanes four = {0};
                for (size_t i = 4; i-- > 0;)
                    four = four << 8 |
                           (lanes_to_int(lanes_load(from + (j + i) * ENCODE_PANEL), by, 127) & 255);
                four ^= (int32_t)0x80808080;
                memcpy(panel + j * ENCODE_PANEL + lane * 4, &four, sizeof four);
            }
        }
}

static void lanes_spread_q4(const uint8_t *halves, size_t k, uint8_t *panel)
{
    for (size_t at = 0; at < k * ENCODE_PANEL; at += 1024, halves += 512)
        for (size_t i = 0; i < 512; i += 64) {
            ulanes v, low, high;
            memcpy(&v, halves + i, sizeof v);
            low = v & 15;
            high = v >> 4;
            memcpy(panel + at + i, &low, sizeof low);
            memcpy(panel + at + 512 + i, &high, sizeof high);
        }
}

#endif

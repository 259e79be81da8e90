/* lanes_simt.h - the spelling of lanes.h for a device: a lane is a thread, sixteen of them a group.
 *
 * The same operations in the same order as in the processor's rows, so the same bits. */
#ifndef CAIRN_GENERATE_CUDA_LANES_SIMT_H
#define CAIRN_GENERATE_CUDA_LANES_SIMT_H

#include "generate/cuda/simt.h"
#include "generate/kernels/kernels.h"

#define LANES        16u
#define LANES_INLINE SIMT_INLINE
#define UNROLL_4     SIMT_UNROLL
#define UNROLL_8     SIMT_UNROLL
#define WORDS_BY_NUMBER /* see lanes_blocks.h */

typedef float lanes;
typedef uint32_t words;

/* This thread's place in its group. */
SIMT_INLINE unsigned lane_of(void)
{
    return simt_thread % SIMT_GROUP;
}

SIMT_INLINE int32_t load_i32(const void *p)
{
    return *(const int32_t *)p; /* every place asked for is a multiple of 4 */
}

LANES_INLINE lanes lanes_set1(float f) { return f; }
LANES_INLINE lanes lanes_zero(void) { return 0.0f; }
LANES_INLINE lanes lanes_load(const float *p) { return p[lane_of()]; }
LANES_INLINE void lanes_store(float *p, lanes v) { p[lane_of()] = v; }
LANES_INLINE lanes lanes_add(lanes a, lanes b) { return a + b; }
LANES_INLINE lanes lanes_sub(lanes a, lanes b) { return a - b; }
LANES_INLINE lanes lanes_mul(lanes a, lanes b) { return a * b; }
LANES_INLINE lanes lanes_div(lanes a, lanes b) { return a / b; }
LANES_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) { return simt_fma(a, b, c); }
LANES_INLINE lanes lanes_max(lanes a, lanes b) { return a > b ? a : b; }
LANES_INLINE lanes lanes_min(lanes a, lanes b) { return a < b ? a : b; }
LANES_INLINE lanes lanes_where_gt(lanes a, lanes b, lanes v) { return a > b ? v : 0.0f; }
LANES_INLINE lanes lanes_abs(lanes a) { return simt_float(simt_bits(a) & 0x7fffffffu); }
LANES_INLINE lanes lanes_from_half(const void *p)
{
    return simt_from_half(((const uint16_t *)p)[lane_of()]);
}

/* See lanes_blocks.h: a half float is converted when it is wanted, not when it is loaded. */
#define HALVES_LATER
typedef uint16_t half_lanes;
LANES_INLINE half_lanes half_lanes_load(const void *p) { return ((const uint16_t *)p)[lane_of()]; }
LANES_INLINE lanes half_lanes_value(half_lanes h) { return simt_from_half(h); }

LANES_INLINE words words_set1(uint32_t v) { return v; }
LANES_INLINE words words_zero(void) { return 0; }
LANES_INLINE words words_load(const void *p) { return ((const uint32_t *)p)[lane_of()]; }
LANES_INLINE words words_and(words a, words b) { return a & b; }
LANES_INLINE words words_or(words a, words b) { return a | b; }
LANES_INLINE words words_add(words a, words b) { return a + b; }
LANES_INLINE words words_sub(words a, words b) { return a - b; }
LANES_INLINE words words_shl(words a, int n) { return a << n; }
LANES_INLINE words words_shr(words a, int n) { return a >> n; }
LANES_INLINE words words_sar(words a, int n) { return (words)((int32_t)a >> n); }
LANES_INLINE lanes words_to_float(words a) { return (float)(int32_t)a; }
LANES_INLINE words lanes_round(lanes a) { return (words)simt_round(a); }
LANES_INLINE lanes words_as_float(words a) { return simt_float(a); }
LANES_INLINE words lanes_as_words(lanes a) { return simt_bits(a); }
LANES_INLINE words words_dot4(words acc, words w, words x) { return simt_dot4(acc, w, x); }
LANES_INLINE words words_dot4_small(words acc, words w, words x) { return simt_dot4(acc, w, x); }

/* Pairs 8 apart, then 4, 2, 1. The lower lane's order of operands counts (it matters for NaN), so
 * everyone takes the first lane's result. */
LANES_INLINE float lanes_sum(lanes v)
{
    SIMT_UNROLL
    for (unsigned step = LANES / 2; step; step /= 2)
        v = v + simt_float(simt_swap(simt_bits(v), step));
    return simt_float(simt_from_first(simt_bits(v)));
}
LANES_INLINE float lanes_largest(lanes v)
{
    SIMT_UNROLL
    for (unsigned step = LANES / 2; step; step /= 2) {
        float other = simt_float(simt_swap(simt_bits(v), step));
        v = v > other ? v : other;
    }
    return simt_float(simt_from_first(simt_bits(v)));
}
LANES_INLINE int32_t words_sum(words v)
{
    SIMT_UNROLL
    for (unsigned step = LANES / 2; step; step /= 2)
        v = v + simt_swap(v, step);
    return (int32_t)v;
}

#endif

/* lanes_blocks.h - what a block of packed weights means, sixteen rows side by side.
 *
 * A format's block becomes eight vectors of unsigned bytes (vector v: weights 4v .. 4v + 3 of
 * sixteen rows) and a scale per row; then each token costs eight dot4 steps and a few float
 * operations a block of 32. With s0 and s1 the integer sums over the halves of a block and x0 and
 * x1 the scales of the inputs there, the three shapes of weight scales are:
 *
 *   plain    y += (s0 * x0 + s1 * x1) * d            Q4_0 Q5_0 Q8_0, sums already less offset
 *   halves   y += s0 * d0 * x0 + s1 * d1 * x1        Q6_K: a scale for each 16 weights
 *   minimum  y += (s0 * x0 + s1 * x1) * d; y += m * x_scaled      Q4_1 Q5_1 Q4_K Q5_K
 *
 * The second half is added to the first by a fused step, and so is what is added to y but in the shape
 * of halves.
 *
 * Written over a spelling of lanes (lanes.h for the processor's rows, cuda/lanes_simt.h for a
 * device), which the including file brings along; plain enough for C and C++. */
#ifndef CAIRN_GENERATE_KERNELS_LANES_BLOCKS_H
#define CAIRN_GENERATE_KERNELS_LANES_BLOCKS_H

#include "generate/kernels/kernels.h"

typedef enum scale_shape { SHAPE_PLAIN, SHAPE_HALVES, SHAPE_MINIMUM } scale_shape;

LANES_INLINE scale_shape shape_of(tensor_type type)
{
    switch (type) {
    case TENSOR_Q4_1:
    case TENSOR_Q5_1:
    case TENSOR_Q4_K:
    case TENSOR_Q5_K:
        return SHAPE_MINIMUM;
    case TENSOR_Q6_K:
        return SHAPE_HALVES;
    default:
        return SHAPE_PLAIN;
    }
}

/* The offset is 1 << offset_log2: weights are stored as w + offset. 0: none. */
LANES_INLINE int offset_log2(tensor_type type)
{
    switch (type) {
    case TENSOR_Q4_0:
        return 3;
    case TENSOR_Q5_0:
        return 4;
    case TENSOR_Q6_K:
        return 5;
    case TENSOR_Q8_0:
        return 7;
    default:
        return 0;
    }
}

LANES_INLINE unsigned block_of(tensor_type type)
{
    return type == TENSOR_Q4_K || type == TENSOR_Q5_K || type == TENSOR_Q6_K ? 256 : 32;
}

/* A half float a lane as it is loaded. A spelling may bring its own, to leave the conversion for later. */
#ifndef HALVES_LATER
typedef lanes half_lanes;
LANES_INLINE half_lanes half_lanes_load(const void *p) { return lanes_from_half(p); }
LANES_INLINE lanes half_lanes_value(half_lanes h) { return h; }
#endif

/* What is read once a block of the format (32 or 256 weights): as it lies in memory, */
typedef struct raw_head {
    half_lanes d, m; /* scale and minimum */
    words w[4];      /* K formats: packed integer scales */
    const uint8_t *quants;
} raw_head;

/* and what it says. */
typedef struct block_head {
    lanes d, m;
    words scale[4];
    words min[2];
    const uint8_t *quants;
} block_head;

LANES_INLINE void load_head(tensor_type type, const uint8_t *halves, const uint8_t *w, raw_head *h)
{
    const unsigned n = type == TENSOR_Q4_K || type == TENSOR_Q5_K ? 3 : type == TENSOR_Q6_K ? 4 : 0;

    h->d = half_lanes_load(halves);
    if (shape_of(type) == SHAPE_MINIMUM)
        h->m = half_lanes_load(halves + 32);
    UNROLL_4
    for (unsigned i = 0; i < n; i++)
        h->w[i] = words_load(w + 64 * i);
    h->quants = w + 64 * n;
}

LANES_INLINE void unpack_head(tensor_type type, const raw_head *raw, block_head *h)
{
    h->d = half_lanes_value(raw->d);
    h->m = shape_of(type) == SHAPE_MINIMUM ? half_lanes_value(raw->m) : lanes_zero();
    h->quants = raw->quants;
    if (type == TENSOR_Q4_K || type == TENSOR_Q5_K) {
        /* Twelve bytes hold eight scales and eight minima of six bits: scales 0-3 and minima 0-3 in
         * the low six bits of bytes 0-3 and 4-7; of 4-7 the low four bits in bytes 8-11 (scales
         * below, minima above) and the high two in the top of bytes 0-3 and 4-7. */
        words a = raw->w[0], b = raw->w[1], c = raw->w[2];
        const words low6 = words_set1(0x3f3f3f3f), low4 = words_set1(0x0f0f0f0f);
        const words high2 = words_set1(0x30303030);
        h->scale[0] = words_and(a, low6);
        h->min[0] = words_and(b, low6);
        h->scale[1] = words_or(words_and(c, low4), words_and(words_shr(a, 2), high2));
        h->min[1] = words_or(words_and(words_shr(c, 4), low4), words_and(words_shr(b, 2), high2));
    }
    if (type == TENSOR_Q6_K) {
        UNROLL_4
        for (unsigned i = 0; i < 4; i++)
            h->scale[i] = raw->w[i];
    }
}

LANES_INLINE void read_head(tensor_type type, const uint8_t *halves, const uint8_t *w, block_head *h)
{
    raw_head raw;

    load_head(type, halves, w, &raw);
    unpack_head(type, &raw, h);
}

/* Byte i (0..3) of each word as an integer. `i` is a constant once unrolled. */
#define BYTE_OF(v, i)        words_and(words_shr((v), 8 * (i)), words_set1(0xff))
#define SIGNED_BYTE_OF(v, i) words_sar(words_shl((v), 24 - 8 * (i)), 24)

/* WORDS_BY_NUMBER says that a spelling shifts by numbers that are not constants: there a place is better
 * computed than branched to. */
LANES_INLINE words byte_of(words v, unsigned i)
{
#ifdef WORDS_BY_NUMBER
    return BYTE_OF(v, (int)i);
#endif
    switch (i) {
    case 0:
        return BYTE_OF(v, 0);
    case 1:
        return BYTE_OF(v, 1);
    case 2:
        return BYTE_OF(v, 2);
    default:
        return words_shr(v, 24);
    }
}

LANES_INLINE words signed_byte_of(words v, unsigned i)
{
#ifdef WORDS_BY_NUMBER
    return SIGNED_BYTE_OF(v, (int)i);
#endif
    switch (i) {
    case 0:
        return SIGNED_BYTE_OF(v, 0);
    case 1:
        return SIGNED_BYTE_OF(v, 1);
    case 2:
        return SIGNED_BYTE_OF(v, 2);
    default:
        return words_sar(v, 24);
    }
}

/* Bit `bit` of every byte, moved to bit 4. */
LANES_INLINE words bit_to_4(words v, unsigned bit)
{
    const words keep = words_set1(0x10101010);
#ifdef WORDS_BY_NUMBER
    return words_and(words_shl(words_shr(v, (int)bit), 4), keep);
#endif
    switch (bit) {
    case 0:
        return words_and(words_shl(v, 4), keep);
    case 1:
        return words_and(words_shl(v, 3), keep);
    case 2:
        return words_and(words_shl(v, 2), keep);
    case 3:
        return words_and(words_shl(v, 1), keep);
    case 4:
        return words_and(v, keep);
    case 5:
        return words_and(words_shr(v, 1), keep);
    case 6:
        return words_and(words_shr(v, 2), keep);
    default:
        return words_and(words_shr(v, 3), keep);
    }
}

/* Bits 2t, 2t + 1 of every byte, moved to bits 4 and 5. */
LANES_INLINE words pair_to_4(words v, unsigned t)
{
    const words keep = words_set1(0x30303030);
#ifdef WORDS_BY_NUMBER
    return words_and(words_shl(words_shr(v, 2 * (int)t), 4), keep);
#endif
    switch (t) {
    case 0:
        return words_and(words_shl(v, 4), keep);
    case 1:
        return words_and(words_shl(v, 2), keep);
    case 2:
        return words_and(v, keep);
    default:
        return words_and(words_shr(v, 2), keep);
    }
}

LANES_INLINE words low_nibble(words v)
{
    return words_and(v, words_set1(0x0f0f0f0f));
}
LANES_INLINE words high_nibble(words v)
{
    return words_and(words_shr(v, 4), words_set1(0x0f0f0f0f));
}

/* v[i] of n; where i is no constant, picked without an address. */
LANES_INLINE words pick(const words *v, unsigned n, unsigned i)
{
#ifdef WORDS_BY_NUMBER
    words w = v[0];
    UNROLL_4
    for (unsigned j = 1; j < n; j++)
        w = i == j ? v[j] : w;
    return w;
#else
    (void)n;
    return v[i];
#endif
}

/* Scale and minimum of sub-block s, or the scales of its two halves. */
LANES_INLINE void sub_scales(tensor_type type, const block_head *h, unsigned s, lanes *d, lanes *m)
{
    *d = h->d;
    *m = h->m;
    if (type == TENSOR_Q4_K || type == TENSOR_Q5_K) {
        *d = lanes_mul(h->d, words_to_float(byte_of(pick(h->scale, 2, s / 4), s & 3)));
        /* Negated by a product, so that a zero keeps its sign. */
        *m = lanes_mul(lanes_mul(h->m, words_to_float(byte_of(pick(h->min, 2, s / 4), s & 3))),
                       lanes_set1(-1.0f));
    }
    if (type == TENSOR_Q6_K) {
        *d = lanes_mul(h->d, words_to_float(signed_byte_of(pick(h->scale, 4, s / 2), 2 * (s & 1))));
        *m = lanes_mul(h->d, words_to_float(signed_byte_of(pick(h->scale, 4, s / 2), 2 * (s & 1) + 1)));
    }
}

/* The words that sub-block s (32 weights) of a block is made of, as they lie in memory. */
typedef struct raw_sub {
    words w[16];
} raw_sub;

LANES_INLINE void load_sub(tensor_type type, const uint8_t *q, unsigned s, raw_sub *raw)
{
    switch (type) {
    case TENSOR_Q4_0:
    case TENSOR_Q4_1:
        UNROLL_4
        for (unsigned v = 0; v < 4; v++)
            raw->w[v] = words_load(q + 64 * v);
        break;
    case TENSOR_Q5_0:
    case TENSOR_Q5_1:
        /* The fifth bits stand in front of the nibbles, as in the file. */
        UNROLL_4
        for (unsigned v = 0; v < 4; v++)
            raw->w[v] = words_load(q + 64 + 64 * v);
        raw->w[4] = words_load(q);
        break;
    case TENSOR_Q8_0:
        UNROLL_8
        for (unsigned v = 0; v < 8; v++)
            raw->w[v] = words_load(q + 64 * v);
        break;
    case TENSOR_Q4_K:
    case TENSOR_Q5_K: {
        const uint8_t *nib = type == TENSOR_Q5_K ? q + 512 : q;
        UNROLL_8
        for (unsigned v = 0; v < 8; v++) {
            raw->w[v] = words_load(nib + 64 * (8 * (s / 2) + v));
            if (type == TENSOR_Q5_K)
                raw->w[8 + v] = words_load(q + 64 * v);
        }
        break;
    }
    default: { /* Q6_K: halves of 128 weights; a nibble row serves weights 64 apart */
        UNROLL_8
        for (unsigned v = 0; v < 8; v++) {
            raw->w[v] = words_load(q + 64 * (24 * (s / 4) + 3 * v + (s & 1)));
            raw->w[8 + v] = words_load(q + 64 * (24 * (s / 4) + 3 * v + 2));
        }
        break;
    }
    }
}

/* The eight vectors. */
LANES_INLINE void unpack_sub(tensor_type type, const raw_sub *raw, unsigned s, words w[8])
{
    switch (type) {
    case TENSOR_Q4_0:
    case TENSOR_Q4_1:
    case TENSOR_Q5_0:
    case TENSOR_Q5_1: {
        bool fifth = type == TENSOR_Q5_0 || type == TENSOR_Q5_1;
        UNROLL_4
        for (unsigned v = 0; v < 4; v++) {
            w[v] = low_nibble(raw->w[v]);
            w[v + 4] = high_nibble(raw->w[v]);
            if (fifth) {
                w[v] = words_or(w[v], bit_to_4(raw->w[4], v));
                w[v + 4] = words_or(w[v + 4], bit_to_4(raw->w[4], v + 4));
            }
        }
        break;
    }
    case TENSOR_Q8_0:
        UNROLL_8
        for (unsigned v = 0; v < 8; v++)
            w[v] = raw->w[v];
        break;
    case TENSOR_Q4_K:
    case TENSOR_Q5_K:
        UNROLL_8
        for (unsigned v = 0; v < 8; v++) {
            w[v] = s & 1 ? high_nibble(raw->w[v]) : low_nibble(raw->w[v]);
            if (type == TENSOR_Q5_K)
                w[v] = words_or(w[v], bit_to_4(raw->w[8 + v], s));
        }
        break;
    default: /* Q6_K */
        UNROLL_8
        for (unsigned v = 0; v < 8; v++)
            w[v] = words_or((s & 3) >= 2 ? high_nibble(raw->w[v]) : low_nibble(raw->w[v]),
                            pair_to_4(raw->w[8 + v], s & 3));
        break;
    }
}

/* Sub-block s of the block at h: the eight vectors, and scale and minimum (or the scales of the two
 * halves). */
LANES_INLINE void read_sub(tensor_type type, const block_head *h, unsigned s, words w[8], lanes *d,
                           lanes *m)
{
    raw_sub raw;

    sub_scales(type, h, s, d, m);
    load_sub(type, h->quants, s, &raw);
    unpack_sub(type, &raw, s, w);
}

LANES_INLINE words broadcast_at(const uint8_t *p)
{
    return words_set1((uint32_t)load_i32(p));
}
LANES_INLINE lanes broadcast_float(const uint8_t *p)
{
    return words_as_float(words_set1((uint32_t)load_i32(p)));
}

LANES_INLINE words dot_step(tensor_type type, words acc, words w, words x)
{
    return type == TENSOR_Q8_0 ? words_dot4(acc, w, x) : words_dot4_small(acc, w, x);
}

/* What the integer sum of half a block starts from: minus offset times the sum of the inputs. */
LANES_INLINE words start_sum(tensor_type type, const uint8_t *x, unsigned width, unsigned slot,
                             unsigned half)
{
    words off = broadcast_at(x + (44 + 4 * half) * width + 4 * slot); /* -128 times the sum */

    switch (offset_log2(type)) {
    case 7:
        return off;
    case 5:
        return words_sar(off, 2);
    case 4:
        return words_sar(off, 3);
    case 3:
        return words_sar(off, 4);
    default:
        return words_zero();
    }
}

/* A half's sum as a number, times the weights' scale where each half has one. */
LANES_INLINE lanes half_value(tensor_type type, words sum, lanes d)
{
    lanes y = words_to_float(sum);

    return shape_of(type) == SHAPE_HALVES ? lanes_mul(y, d) : y;
}

LANES_INLINE lanes input_scale(const uint8_t *x, unsigned width, unsigned slot, unsigned half)
{
    return broadcast_float(x + (32 + 4 * half) * width + 4 * slot);
}

/* The first half's finished sum, times the inputs' scale. d: of the weights' first half. */
LANES_INLINE lanes first_half(tensor_type type, words sum, lanes d, const uint8_t *x, unsigned width,
                              unsigned slot)
{
    return lanes_mul(half_value(type, sum, d), input_scale(x, width, slot, 0));
}

/* Both halves. d: of the weights' second half. */
LANES_INLINE lanes both_halves(tensor_type type, lanes first, words sum, lanes d, const uint8_t *x,
                               unsigned width, unsigned slot)
{
    return lanes_fma(half_value(type, sum, d), input_scale(x, width, slot, 1), first);
}

/* acc + one block, from both its halves. */
LANES_INLINE lanes add_halves(tensor_type type, lanes halves, lanes d, lanes m, const uint8_t *x,
                              unsigned width, unsigned slot, lanes acc)
{
    if (shape_of(type) == SHAPE_HALVES)
        return lanes_add(acc, halves);
    acc = lanes_fma(halves, d, acc);
    if (shape_of(type) == SHAPE_MINIMUM)
        acc = lanes_fma(m, broadcast_float(x + 40 * width + 4 * slot), acc);
    return acc;
}

/* Add one block of 32 inputs of a single token to acc. */
LANES_INLINE lanes add_block(tensor_type type, const words w[8], lanes d, lanes m, const uint8_t *x,
                             lanes acc)
{
    words a = start_sum(type, x, 1, 0, 0), b = start_sum(type, x, 1, 0, 1);

    UNROLL_4
    for (unsigned v = 0; v < 4; v++) {
        a = dot_step(type, a, w[v], broadcast_at(x + 4 * v));
        b = dot_step(type, b, w[v + 4], broadcast_at(x + 4 * v + 16));
    }
    return add_halves(type, both_halves(type, first_half(type, a, d, x, 1, 0), b, m, x, 1, 0), d, m,
                      x, 1, 0, acc);
}

#endif

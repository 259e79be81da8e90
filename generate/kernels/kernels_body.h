/* kernels_body.h - the kernels, written once over lanes.h and compiled three times.
 *
 * Integer products. A format's block becomes eight vectors of unsigned bytes (vector v: weights
 * 4v .. 4v + 3 of sixteen rows) and a scale per row; then each token costs eight dot4 steps and a
 * few float operations a block of 32. With s0 and s1 the integer sums over the halves of a block
 * and x0 and x1 the scales of the inputs there, the three shapes of weight scales are:
 *
 *   plain    y += (s0 * x0 + s1 * x1) * d            Q4_0 Q5_0 Q8_0, sums already less offset
 *   halves   y += s0 * d0 * x0 + s1 * d1 * x1        Q6_K: a scale for each 16 weights
 *   minimum  y += (s0 * x0 + s1 * x1) * d; y += m * x_scaled      Q4_1 Q5_1 Q4_K Q5_K
 *
 * For many tokens the unpacked form of up to 32 blocks is kept in scratch (20 KiB, it stays in the
 * first-level cache) and all tiles of tokens walk over it; for one or two tokens a block goes
 * straight from the strip through registers. Both add the blocks in the same order, so the bytes of
 * a result do not depend on the batch. Multiply and add stay apart in the integer products: on the
 * machines we know the additions run on units of their own, and the plain row stays cheap.
 *
 * Float work (norms, softmax, activations, attention, exact products) is sixteen lanes wide too,
 * reduced by lanes_sum. */
#include "generate/kernels/kernels.h"
#include "generate/kernels/lanes.h"
#include "generate/kernels/layout.h"

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

/* What is read once a block of the format (32 or 256 weights). */
typedef struct block_head {
    lanes d, m;     /* half-float scale and minimum */
    words scale[4]; /* K formats: packed integer scales */
    words min[2];
    const uint8_t *quants;
} block_head;

LANES_INLINE void read_head(tensor_type type, const uint8_t *halves, const uint8_t *w,
                            block_head *h)
{
    h->d = lanes_from_half(halves);
    h->m = shape_of(type) == SHAPE_MINIMUM ? lanes_from_half(halves + 32) : lanes_zero();
    h->quants = w;
    if (type == TENSOR_Q4_K || type == TENSOR_Q5_K) {
        /* Twelve bytes hold eight scales and eight minima of six bits: scales 0-3 and minima 0-3 in
         * the low six bits of bytes 0-3 and 4-7; of 4-7 the low four bits in bytes 8-11 (scales
         * below, minima above) and the high two in the top of bytes 0-3 and 4-7. */
        words a = words_load(w), b = words_load(w + 64), c = words_load(w + 128);
        const words low6 = words_set1(0x3f3f3f3f), low4 = words_set1(0x0f0f0f0f);
        const words high2 = words_set1(0x30303030);
        h->scale[0] = words_and(a, low6);
        h->min[0] = words_and(b, low6);
        h->scale[1] = words_or(words_and(c, low4), words_and(words_shr(a, 2), high2));
        h->min[1] = words_or(words_and(words_shr(c, 4), low4), words_and(words_shr(b, 2), high2));
        h->quants = w + 192;
    }
    if (type == TENSOR_Q6_K) {
        for (int i = 0; i < 4; i++)
            h->scale[i] = words_load(w + 64 * i);
        h->quants = w + 256;
    }
}

/* Byte i (0..3) of each word as an integer. `i` is a constant once unrolled. */
#define BYTE_OF(v, i)        words_and(words_shr((v), 8 * (i)), words_set1(0xff))
#define SIGNED_BYTE_OF(v, i) words_sar(words_shl((v), 24 - 8 * (i)), 24)

LANES_INLINE words byte_of(words v, unsigned i)
{
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

/* Scale and minimum of sub-block s, or the scales of its two halves. */
LANES_INLINE void sub_scales(tensor_type type, const block_head *h, unsigned s, lanes *d, lanes *m)
{
    *d = h->d;
    *m = h->m;
    if (type == TENSOR_Q4_K || type == TENSOR_Q5_K) {
        *d = lanes_mul(h->d, words_to_float(byte_of(h->scale[s / 4], s & 3)));
        /* Negated by a product, so that a zero keeps its sign. */
        *m = lanes_mul(lanes_mul(h->m, words_to_float(byte_of(h->min[s / 4], s & 3))),
                       lanes_set1(-1.0f));
    }
    if (type == TENSOR_Q6_K) {
        *d = lanes_mul(h->d, words_to_float(signed_byte_of(h->scale[s / 2], 2 * (s & 1))));
        *m = lanes_mul(h->d, words_to_float(signed_byte_of(h->scale[s / 2], 2 * (s & 1) + 1)));
    }
}

/* Sub-block s (32 weights) of the block at h: the eight vectors, and scale and minimum (or the
 * scales of the two halves). */
LANES_INLINE void read_sub(tensor_type type, const block_head *h, unsigned s, words w[8], lanes *d,
                           lanes *m)
{
    const uint8_t *q = h->quants;

    sub_scales(type, h, s, d, m);
    switch (type) {
    case TENSOR_Q4_0:
    case TENSOR_Q4_1:
    case TENSOR_Q5_0:
    case TENSOR_Q5_1: {
        bool fifth = type == TENSOR_Q5_0 || type == TENSOR_Q5_1;
        /* The fifth bits stand in front of the nibbles, as in the file. */
        words high = fifth ? words_load(q) : words_zero();
        const uint8_t *nib = fifth ? q + 64 : q;
        UNROLL_4
        for (unsigned v = 0; v < 4; v++) {
            words x = words_load(nib + 64 * v);
            w[v] = low_nibble(x);
            w[v + 4] = high_nibble(x);
            if (fifth) {
                w[v] = words_or(w[v], bit_to_4(high, v));
                w[v + 4] = words_or(w[v + 4], bit_to_4(high, v + 4));
            }
        }
        break;
    }
    case TENSOR_Q8_0:
        UNROLL_8
        for (unsigned v = 0; v < 8; v++)
            w[v] = words_load(q + 64 * v);
        break;
    case TENSOR_Q4_K:
    case TENSOR_Q5_K: {
        const uint8_t *nib = type == TENSOR_Q5_K ? q + 512 : q;
        UNROLL_8
        for (unsigned v = 0; v < 8; v++) {
            words x = words_load(nib + 64 * (8 * (s / 2) + v));
            w[v] = s & 1 ? high_nibble(x) : low_nibble(x);
            if (type == TENSOR_Q5_K)
                w[v] = words_or(w[v], bit_to_4(words_load(q + 64 * v), s));
        }
        break;
    }
    default: { /* Q6_K: halves of 128 weights; a nibble row serves weights 64 apart */
        unsigned half = s / 4, t = s & 3;
        UNROLL_8
        for (unsigned v = 0; v < 8; v++) {
            words x = words_load(q + 64 * (24 * half + 3 * v + (t & 1)));
            words high = words_load(q + 64 * (24 * half + 3 * v + 2));
            w[v] = words_or(t >= 2 ? high_nibble(x) : low_nibble(x), pair_to_4(high, t));
        }
        break;
    }
    }
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

/* Half a block's finished sum times the inputs' scale (and the weights', where each half has one).
 */
LANES_INLINE lanes scale_half(tensor_type type, words sum, lanes d, const uint8_t *x,
                              unsigned width, unsigned slot, unsigned half)
{
    lanes y = words_to_float(sum);

    if (shape_of(type) == SHAPE_HALVES)
        y = lanes_mul(y, d);
    return lanes_mul(y, broadcast_float(x + (32 + 4 * half) * width + 4 * slot));
}

/* acc + one block: both scaled halves, the weights' scale, the minimum. */
LANES_INLINE lanes add_halves(tensor_type type, lanes y0, lanes y1, lanes d, lanes m,
                              const uint8_t *x, unsigned width, unsigned slot, lanes acc)
{
    lanes y = lanes_add(y0, y1);

    if (shape_of(type) != SHAPE_HALVES)
        y = lanes_mul(y, d);
    acc = lanes_add(acc, y);
    if (shape_of(type) == SHAPE_MINIMUM)
        acc = lanes_add(acc, lanes_mul(m, broadcast_float(x + 40 * width + 4 * slot)));
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
    return add_halves(type, scale_half(type, a, d, x, 1, 0, 0), scale_half(type, b, m, x, 1, 0, 1),
                      d, m, x, 1, 0, acc);
}

/* Q6_K packs four sub-blocks into the same vectors. One token takes them all in one pass over the
 * strip, so that memory is read in rising order, each line once (sub-block by sub-block it ran at a
 * third of the memory's speed). */
LANES_INLINE lanes single_token_q6_k(const uint8_t *strip, size_t k, const uint8_t *x)
{
    const strip_layout *l = strip_layout_of(TENSOR_Q6_K);
    lanes acc = lanes_zero();

    for (size_t b = 0; b < k / 256; b++) {
        block_head h;
        read_head(TENSOR_Q6_K, strip + strip_scales_at(l, b), strip + strip_words_at(l, b), &h);
        UNROLL_4
        for (unsigned half = 0; half < 2; half++) {
            const uint8_t *q = h.quants + 64 * 24 * half;
            words sum[2][4];
            UNROLL_8
            for (unsigned i = 0; i < 8; i++)
                sum[i / 4][i % 4] =
                    start_sum(TENSOR_Q6_K, x + KERNEL_SINGLE_BLOCK * (i % 4), 1, 0, i / 4);
            UNROLL_8
            for (unsigned v = 0; v < 8; v++) {
                words low[2] = {words_load(q + 192 * v), words_load(q + 192 * v + 64)};
                words high = words_load(q + 192 * v + 128);
                UNROLL_4
                for (unsigned t = 0; t < 4; t++) {
                    words w = t >= 2 ? high_nibble(low[t & 1]) : low_nibble(low[t & 1]);
                    w = words_or(w, pair_to_4(high, t));
                    sum[v / 4][t] = words_dot4_small(
                        sum[v / 4][t], w, broadcast_at(x + KERNEL_SINGLE_BLOCK * t + 4 * v));
                }
            }
            UNROLL_4
            for (unsigned t = 0; t < 4; t++) {
                lanes d, m;
                sub_scales(TENSOR_Q6_K, &h, 4 * half + t, &d, &m);
                acc = add_halves(TENSOR_Q6_K, scale_half(TENSOR_Q6_K, sum[0][t], d, x, 1, 0, 0),
                                 scale_half(TENSOR_Q6_K, sum[1][t], m, x, 1, 0, 1), d, m, x, 1, 0,
                                 acc);
                x += KERNEL_SINGLE_BLOCK;
            }
        }
    }
    return acc;
}

/* One token, straight from the strip. */
LANES_INLINE lanes single_token(tensor_type type, const uint8_t *strip, size_t k, const uint8_t *x)
{
    const strip_layout *l = strip_layout_of(type);
    const unsigned block = block_of(type), subs = block / 32;
    lanes acc = lanes_zero();

    for (size_t b = 0; b < k / block; b++) {
        block_head h;
        read_head(type, strip + strip_scales_at(l, b), strip + strip_words_at(l, b), &h);
        UNROLL_8
        for (unsigned sub = 0; sub < subs; sub++) {
            words v[8];
            lanes d, m;
            read_sub(type, &h, sub, v, &d, &m);
            acc = add_block(type, v, d, m, x, acc);
            x += KERNEL_SINGLE_BLOCK;
        }
    }
    return acc;
}

#define UNPACKED_BLOCK 640 /* 512 bytes of weights, scales, minima */
#define CHUNK_BLOCKS   ((size_t)(KERNEL_STRIP_SCRATCH / UNPACKED_BLOCK))

/* Blocks of 32 from `first` on, unpacked. Both numbers are multiples of the format's block / 32. */
LANES_INLINE void unpack_chunk(tensor_type type, const uint8_t *strip, size_t first, size_t n,
                               uint8_t *dst)
{
    const strip_layout *l = strip_layout_of(type);
    const unsigned subs = block_of(type) / 32;

    for (size_t b = first / subs; b < (first + n) / subs; b++) {
        block_head h;
        read_head(type, strip + strip_scales_at(l, b), strip + strip_words_at(l, b), &h);
        UNROLL_8
        for (unsigned sub = 0; sub < subs; sub++) {
            words v[8];
            lanes d, m;
            read_sub(type, &h, sub, v, &d, &m);
            UNROLL_8
            for (unsigned i = 0; i < 8; i++)
                words_store(dst + 64 * i, v[i]);
            words_store(dst + 512, lanes_as_words(d));
            words_store(dst + 576, lanes_as_words(m));
            dst += UNPACKED_BLOCK;
        }
    }
}

/* Vectors first .. first + n of one unpacked block times the inputs of LANES_TOKENS tokens from
 * `slot` on. Token by token inside the loop over vectors: with registers for all sums, a step of
 * one token then never waits for its previous one. */
LANES_INLINE void dot_tokens(tensor_type type, const uint8_t *unpacked, unsigned first, unsigned n,
                             const uint8_t *x, unsigned slot, unsigned tokens, words sum[])
{
    UNROLL_8
    for (unsigned v = first; v < first + n; v++) {
        words w = words_load(unpacked + 64 * v);
        UNROLL_8
        for (unsigned t = 0; t < tokens; t++)
            sum[t] = dot_step(type, sum[t], w, broadcast_at(x + 32 * (slot + t) + 4 * v));
    }
}

/* One tile of `width` tokens over n unpacked blocks, added to acc. */
LANES_INLINE void tile_chunk(tensor_type type, const uint8_t *unpacked, size_t n, const uint8_t *x,
                             unsigned width, size_t x_step, lanes acc[])
{
    const unsigned tokens = width < LANES_TOKENS ? width : LANES_TOKENS;

    for (size_t b = 0; b < n; b++, unpacked += UNPACKED_BLOCK, x += x_step) {
        lanes d = words_as_float(words_load(unpacked + 512));
        lanes m = words_as_float(words_load(unpacked + 576));
        UNROLL_8
        for (unsigned slot = 0; slot < width; slot += tokens) {
            words sum[LANES_TOKENS];
            lanes y[LANES_TOKENS];
            UNROLL_8
            for (unsigned t = 0; t < tokens; t++)
                sum[t] = start_sum(type, x, width, slot + t, 0);
            dot_tokens(type, unpacked, 0, 4, x, slot, tokens, sum);
            UNROLL_8
            for (unsigned t = 0; t < tokens; t++) {
                y[t] = scale_half(type, sum[t], d, x, width, slot + t, 0);
                sum[t] = start_sum(type, x, width, slot + t, 1);
            }
            dot_tokens(type, unpacked, 4, 4, x, slot, tokens, sum);
            UNROLL_8
            for (unsigned t = 0; t < tokens; t++)
                acc[slot + t] =
                    add_halves(type, y[t], scale_half(type, sum[t], m, x, width, slot + t, 1), d, m,
                               x, width, slot + t, acc[slot + t]);
        }
    }
}

LANES_INLINE void many_tokens(tensor_type type, const uint8_t *strip, size_t k,
                              const token_tiles *x, float *out, size_t stride, uint8_t *scratch)
{
    const size_t blocks = k / 32;

    for (size_t first = 0; first < blocks; first += CHUNK_BLOCKS) {
        size_t n = blocks - first < CHUNK_BLOCKS ? blocks - first : CHUNK_BLOCKS;
        unpack_chunk(type, strip, first, n, scratch);
        for (size_t i = 0; i < x->n_tiles; i++) {
            float *o = out + i * KERNEL_TILE * stride;
            size_t tokens = x->n_tiled - i * KERNEL_TILE;
            lanes acc[KERNEL_TILE];
            tokens = tokens < KERNEL_TILE ? tokens : KERNEL_TILE;
            UNROLL_8
            for (unsigned t = 0; t < KERNEL_TILE; t++)
                acc[t] = first && t < tokens ? lanes_load(o + t * stride) : lanes_zero();
            tile_chunk(type, scratch, n, x->tiles + (i * blocks + first) * KERNEL_TILE_BLOCK,
                       KERNEL_TILE, KERNEL_TILE_BLOCK, acc);
            UNROLL_8
            for (unsigned t = 0; t < KERNEL_TILE; t++)
                if (t < tokens)
                    lanes_store(o + t * stride, acc[t]);
        }
        for (size_t i = 0; i < x->n_singles; i++) {
            float *o = out + (x->n_tiled + i) * stride;
            lanes acc[1] = {first ? lanes_load(o) : lanes_zero()};
            tile_chunk(type, scratch, n, x->singles + (i * blocks + first) * KERNEL_SINGLE_BLOCK, 1,
                       KERNEL_SINGLE_BLOCK, acc);
            lanes_store(o, acc[0]);
        }
    }
}

LANES_INLINE void strip_product(tensor_type type, const uint8_t *strip, size_t k,
                                const token_tiles *x, float *out, size_t stride, void *scratch)
{
    if (x->n_tiles || x->n_singles > 2) {
        many_tokens(type, strip, k, x, out, stride, scratch);
        return;
    }
    for (size_t i = 0; i < x->n_singles; i++) {
        const uint8_t *one = x->singles + i * (k / 32) * KERNEL_SINGLE_BLOCK;
        lanes_store(out + i * stride, type == TENSOR_Q6_K ? single_token_q6_k(strip, k, one)
                                                          : single_token(type, strip, k, one));
    }
}

/* Weights as the format's formula gives them, bit for bit as dequantize_row. */
LANES_INLINE void unpack_floats(tensor_type type, const uint8_t *strip, size_t k, size_t k0,
                                size_t n, float *dst)
{
    const unsigned block = block_of(type), subs = block / 32;
    const scale_shape shape = shape_of(type);
    const words offset = words_set1(offset_log2(type) ? 1u << offset_log2(type) : 0);
    const strip_layout *l = strip_layout_of(type);

    for (size_t b = k0 / block; b < (k0 + n) / block; b++) {
        block_head h;
        read_head(type, strip + strip_scales_at(l, b), strip + strip_words_at(l, b), &h);
        UNROLL_8
        for (unsigned sub = 0; sub < subs; sub++) {
            words w[8];
            lanes d, m;
            read_sub(type, &h, sub, w, &d, &m);
            for (unsigned i = 0; i < 32; i++) {
                words q = words_sub(byte_of(w[i / 4], i & 3), offset);
                lanes by = shape == SHAPE_HALVES && i >= 16 ? m : d;
                lanes y = lanes_mul(words_to_float(q), by);
                lanes_store(dst + i * LANES, shape == SHAPE_MINIMUM ? lanes_add(y, m) : y);
            }
            dst += 32 * LANES;
        }
    }
}

#define INTEGER_TYPE(T)                                                                            \
    static void strip_##T(const uint8_t *strip, size_t k, const token_tiles *x, float *out,        \
                          size_t stride, void *scratch)                                            \
    {                                                                                              \
        strip_product(TENSOR_##T, strip, k, x, out, stride, scratch);                              \
    }                                                                                              \
    static void unpack_##T(const uint8_t *strip, size_t k, size_t k0, size_t n, float *dst)        \
    {                                                                                              \
        unpack_floats(TENSOR_##T, strip, k, k0, n, dst);                                           \
    }
INTEGER_TYPE(Q4_0)
INTEGER_TYPE(Q4_1)
INTEGER_TYPE(Q5_0)
INTEGER_TYPE(Q5_1)
INTEGER_TYPE(Q8_0)
INTEGER_TYPE(Q4_K)
INTEGER_TYPE(Q5_K)
INTEGER_TYPE(Q6_K)

static void unpack_F32(const uint8_t *strip, size_t k, size_t k0, size_t n, float *dst)
{
    memcpy(dst, strip + k0 * LANES * sizeof(float), n * LANES * sizeof(float));
}

static void unpack_F16(const uint8_t *strip, size_t k, size_t k0, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        lanes_store(dst + i * LANES, lanes_from_half(strip + (k0 + i) * LANES * 2));
}

static void unpack_BF16(const uint8_t *strip, size_t k, size_t k0, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        lanes_store(dst + i * LANES,
                    words_as_float(words_shl(words_from_u16(strip + (k0 + i) * LANES * 2), 16)));
}

/* ---- rounding of activations ---- */

static void quantize(const float *x, size_t k, size_t width, size_t slot, uint8_t *tile)
{
    const size_t step = width == 1 ? KERNEL_SINGLE_BLOCK : 52 * width;

    for (size_t b = 0; b < k / 32; b++, tile += step) {
        float scaled = 0;
        for (size_t half = 0; half < 2; half++, x += 16) {
            lanes v = lanes_load(x);
            float largest = lanes_largest(lanes_abs(v));
            /* 0 for numbers, NaN as soon as one input is NaN or infinite. */
            float broken = lanes_sum(lanes_mul(v, lanes_zero()));
            bool tiny = !(largest > 1e-35f);
            float scale = (tiny ? 0.0f : largest / 127.0f) + broken;
            words q = lanes_round(lanes_mul(v, lanes_set1(tiny ? 0.0f : 127.0f / largest)));
            int32_t sum = words_sum(q), off = (int32_t)(-128 * (uint32_t)sum);

            words_store_bytes(tile + 32 * slot + 16 * half, q);
            scaled += scale * (float)sum;
            memcpy(tile + (32 + 4 * half) * width + 4 * slot, &scale, 4);
            memcpy(tile + (44 + 4 * half) * width + 4 * slot, &off, 4);
        }
        memcpy(tile + 40 * width + 4 * slot, &scaled, 4);
    }
}

/* ---- float products ---- */

/* A tile of rows x vectors sums in registers: enough of them that a step need not wait for its
 * previous one, few enough to fit. */
#define GEMM_ROWS 8
#define GEMM_SUMS 16

LANES_INLINE void gemm_tile(unsigned rows, unsigned vectors, size_t k, const float *a, size_t lda,
                            const float *b, size_t ldb, size_t b_step, float *c, size_t ldc,
                            bool accumulate)
{
    lanes acc[GEMM_SUMS];

    UNROLL_16
    for (unsigned i = 0; i < rows * vectors; i++)
        acc[i] =
            accumulate ? lanes_load(c + i / vectors * ldc + i % vectors * LANES) : lanes_zero();
    for (size_t j = 0; j < k; j++) {
        lanes v[GEMM_ROWS];
        UNROLL_8
        for (unsigned i = 0; i < vectors; i++)
            v[i] = lanes_load(b + i * b_step + j * ldb);
        UNROLL_16
        for (unsigned i = 0; i < rows * vectors; i++)
            acc[i] = lanes_fma(lanes_set1(a[i / vectors * lda + j]), v[i % vectors], acc[i]);
    }
    UNROLL_16
    for (unsigned i = 0; i < rows * vectors; i++)
        lanes_store(c + i / vectors * ldc + i % vectors * LANES, acc[i]);
}

/* All vectors of `rows` rows, `at_once` at a time. */
LANES_INLINE void gemm_rows(unsigned rows, unsigned at_once, size_t n_vectors, size_t k,
                            const float *a, size_t lda, const float *b, size_t ldb, size_t b_step,
                            float *c, size_t ldc, bool accumulate)
{
    size_t i = 0;

    for (; i + at_once <= n_vectors; i += at_once)
        gemm_tile(rows, at_once, k, a, lda, b + i * b_step, ldb, b_step, c + i * LANES, ldc,
                  accumulate);
    for (; i < n_vectors; i++)
        gemm_tile(rows, 1, k, a, lda, b + i * b_step, ldb, b_step, c + i * LANES, ldc, accumulate);
}

static void gemm_f32(size_t m, size_t n_vectors, size_t k, const float *a, size_t lda,
                     const float *b, size_t ldb, size_t b_step, float *c, size_t ldc,
                     bool accumulate)
{
#define ROWS(rows, at_once)                                                                        \
    gemm_rows(rows, at_once, n_vectors, k, a, lda, b, ldb, b_step, c, ldc, accumulate)
    for (; m >= GEMM_ROWS; m -= GEMM_ROWS, a += GEMM_ROWS * lda, c += GEMM_ROWS * ldc)
        ROWS(8, GEMM_AT_ONCE(8));
    switch (m) {
    case 7:
        ROWS(7, GEMM_AT_ONCE(7));
        break;
    case 6:
        ROWS(6, GEMM_AT_ONCE(6));
        break;
    case 5:
        ROWS(5, GEMM_AT_ONCE(5));
        break;
    case 4:
        ROWS(4, GEMM_AT_ONCE(4));
        break;
    case 3:
        ROWS(3, GEMM_AT_ONCE(3));
        break;
    case 2:
        ROWS(2, GEMM_AT_ONCE(2));
        break;
    case 1:
        ROWS(1, GEMM_AT_ONCE(1));
        break;
    default:
        break;
    }
#undef ROWS
}

/* ---- element by element ---- */

/* e^x: x = n ln 2 + r with |r| <= ln 2 / 2, a Taylor polynomial of degree 7 in r (error below
 * 2^-25), and 2^n put into the exponent. Below -87.3 the result is 0, above 88.7 it stays at the
 * value there. NaN gives some number: callers keep NaN visible elsewhere. */
LANES_INLINE lanes lanes_exp(lanes x)
{
    const lanes low = lanes_set1(-87.3f);
    lanes y = lanes_min(lanes_max(x, low), lanes_set1(88.0f));
    words n = lanes_round(lanes_mul(y, lanes_set1(1.44269504f)));
    lanes f = words_to_float(n);
    lanes r = lanes_fma(f, lanes_set1(-0.693359375f), y);
    lanes p = lanes_set1(1.0f / 5040.0f);

    r = lanes_fma(f, lanes_set1(2.12194440e-4f), r);
    p = lanes_fma(p, r, lanes_set1(1.0f / 720.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 120.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 24.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f / 6.0f));
    p = lanes_fma(p, r, lanes_set1(0.5f));
    p = lanes_fma(p, r, lanes_set1(1.0f));
    p = lanes_fma(p, r, lanes_set1(1.0f));
    p = lanes_mul(p, words_as_float(words_shl(words_add(n, words_set1(127)), 23)));
    return lanes_where_gt(x, low, p);
}

/* Walk n floats sixteen at a time; the last, shorter step works on a padded copy. */
#define EACH_16(n, full, rest)                                                                     \
    do {                                                                                           \
        size_t i = 0, left;                                                                        \
        for (; i + LANES <= (n); i += LANES) {                                                     \
            full;                                                                                  \
        }                                                                                          \
        left = (n)-i;                                                                              \
        if (left) {                                                                                \
            rest;                                                                                  \
        }                                                                                          \
    } while (0)

static float sum_of_squares(const float *x, size_t n, float mean)
{
    lanes acc = lanes_zero(), c = lanes_set1(mean);
    EACH_16(n, lanes v = lanes_sub(lanes_load(x + i), c);
            acc = lanes_fma(v, v, acc), lanes v = lanes_sub(lanes_load_n(x + i, left, mean), c);
            acc = lanes_fma(v, v, acc));
    return lanes_sum(acc);
}

static void rmsnorm(const float *x, const float *w, size_t n, float eps, float *y)
{
    lanes by = lanes_set1(1.0f / sqrtf(sum_of_squares(x, n, 0.0f) / (float)n + eps));
    EACH_16(n, lanes_store(y + i, lanes_mul(lanes_mul(lanes_load(x + i), by), lanes_load(w + i))),
            lanes_store_n(y + i,
                          lanes_mul(lanes_mul(lanes_load_n(x + i, left, 0), by),
                                    lanes_load_n(w + i, left, 0)),
                          left));
}

static void layernorm(const float *x, const float *w, const float *b, size_t n, float eps, float *y)
{
    lanes acc = lanes_zero(), by, c;
    float mean;

    EACH_16(n, acc = lanes_add(acc, lanes_load(x + i)),
            acc = lanes_add(acc, lanes_load_n(x + i, left, 0)));
    mean = lanes_sum(acc) / (float)n;
    by = lanes_set1(1.0f / sqrtf(sum_of_squares(x, n, mean) / (float)n + eps));
    c = lanes_set1(mean);
    EACH_16(n,
            lanes_store(y + i, lanes_fma(lanes_mul(lanes_sub(lanes_load(x + i), c), by),
                                         lanes_load(w + i), lanes_load(b + i))),
            lanes_store_n(y + i,
                          lanes_fma(lanes_mul(lanes_sub(lanes_load_n(x + i, left, 0), c), by),
                                    lanes_load_n(w + i, left, 0), lanes_load_n(b + i, left, 0)),
                          left));
}

static float max_of(const float *x, size_t n)
{
    lanes m = lanes_set1(-INFINITY);
    EACH_16(n, m = lanes_max(lanes_load(x + i), m),
            m = lanes_max(lanes_load_n(x + i, left, -INFINITY), m));
    return lanes_largest(m);
}

static void softmax(float *x, size_t n)
{
    lanes top = lanes_set1(max_of(x, n)), sum = lanes_zero(), by;
    EACH_16(n, lanes e = lanes_exp(lanes_sub(lanes_load(x + i), top)); lanes_store(x + i, e);
            sum = lanes_add(sum, e),
            lanes e = lanes_exp(lanes_sub(lanes_load_n(x + i, left, -INFINITY), top));
            lanes_store_n(x + i, e, left); sum = lanes_add(sum, e));
    by = lanes_set1(1.0f / lanes_sum(sum));
    EACH_16(n, lanes_store(x + i, lanes_mul(lanes_load(x + i), by)),
            lanes_store_n(x + i, lanes_mul(lanes_load_n(x + i, left, 0), by), left));
}

/* x / (1 + e^-s) */
LANES_INLINE lanes times_sigmoid(lanes x, lanes s)
{
    const lanes one = lanes_set1(1.0f);
    return lanes_div(x, lanes_add(one, lanes_exp(lanes_sub(lanes_zero(), s))));
}

/* 0.5 x (1 + tanh(u)) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3). */
LANES_INLINE lanes gelu_tanh(lanes x)
{
    lanes cubic = lanes_fma(lanes_mul(lanes_mul(x, x), x), lanes_set1(0.044715f), x);
    return times_sigmoid(x, lanes_mul(cubic, lanes_set1(1.59576912f)));
}

static void silu_mul(const float *gate, const float *up, size_t n, float *y)
{
    EACH_16(
        n, lanes g = lanes_load(gate + i);
        lanes_store(y + i, lanes_mul(times_sigmoid(g, g), lanes_load(up + i))),
        lanes g = lanes_load_n(gate + i, left, 0);
        lanes_store_n(y + i, lanes_mul(times_sigmoid(g, g), lanes_load_n(up + i, left, 0)), left));
}

static void gelu_tanh_mul(const float *gate, const float *up, size_t n, float *y)
{
    EACH_16(n, lanes g = lanes_load(gate + i);
            lanes_store(y + i, lanes_mul(gelu_tanh(g), lanes_load(up + i))),
            lanes g = lanes_load_n(gate + i, left, 0);
            lanes_store_n(y + i, lanes_mul(gelu_tanh(g), lanes_load_n(up + i, left, 0)), left));
}

/* erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7), for |x|; the sign goes on at the end.
 */
LANES_INLINE lanes gelu_by_erf(lanes x)
{
    const lanes one = lanes_set1(1.0f);
    lanes z = lanes_mul(lanes_abs(x), lanes_set1(0.70710678f));
    lanes t = lanes_div(one, lanes_fma(z, lanes_set1(0.3275911f), one));
    lanes p = lanes_set1(1.061405429f), erf, half;

    p = lanes_fma(p, t, lanes_set1(-1.453152027f));
    p = lanes_fma(p, t, lanes_set1(1.421413741f));
    p = lanes_fma(p, t, lanes_set1(-0.284496736f));
    p = lanes_fma(p, t, lanes_set1(0.254829592f));
    p = lanes_mul(p, t);
    erf = lanes_sub(one, lanes_mul(p, lanes_exp(lanes_sub(lanes_zero(), lanes_mul(z, z)))));
    half = lanes_mul(lanes_set1(0.5f), x);
    /* x erf(x / sqrt 2) is even in x: |x| / 2 erf(|x| / sqrt 2) + x / 2. */
    return lanes_fma(lanes_abs(half), erf, half);
}

static void gelu_erf(const float *x, size_t n, float *y)
{
    EACH_16(n, lanes_store(y + i, gelu_by_erf(lanes_load(x + i))),
            lanes_store_n(y + i, gelu_by_erf(lanes_load_n(x + i, left, 0)), left));
}

static void add(const float *a, const float *b, size_t n, float *y)
{
    EACH_16(n, lanes_store(y + i, lanes_add(lanes_load(a + i), lanes_load(b + i))),
            lanes_store_n(y + i,
                          lanes_add(lanes_load_n(a + i, left, 0), lanes_load_n(b + i, left, 0)),
                          left));
}

static void scale(float *x, size_t n, float by)
{
    EACH_16(n, lanes_store(x + i, lanes_mul(lanes_load(x + i), lanes_set1(by))),
            lanes_store_n(x + i, lanes_mul(lanes_load_n(x + i, left, 0), lanes_set1(by)), left));
}

static float dot(const float *a, const float *b, size_t n)
{
    lanes acc = lanes_zero();
    EACH_16(n, acc = lanes_fma(lanes_load(a + i), lanes_load(b + i), acc),
            acc = lanes_fma(lanes_load_n(a + i, left, 0), lanes_load_n(b + i, left, 0), acc));
    return lanes_sum(acc);
}

static void from_half(const uint16_t *h, size_t n, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_store(y + i, lanes_from_half(h + i));
    for (; i < n; i++)
        y[i] = half_to_float(h[i]);
}

static void to_half(const float *x, size_t n, uint16_t *h)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        lanes_to_half(h + i, lanes_load(x + i));
    for (; i < n; i++)
        h[i] = float_to_half(x[i]);
}

static uint32_t spin(size_t n)
{
    words acc[12], w = words_set1(0x01020304), x = words_set1((uint32_t)n);
    uint32_t out[LANES];

    for (int i = 0; i < 12; i++)
        acc[i] = words_zero();
    for (size_t j = 0; j < n; j++)
        UNROLL_12
    for (int i = 0; i < 12; i++)
        acc[i] = words_dot4_small(acc[i], w, x);
    for (int i = 1; i < 12; i++)
        acc[0] = words_add(acc[0], acc[i]);
    words_store(out, acc[0]);
    return out[0];
}

#define KERNELS_ROW(name, cpu)                                                                     \
    const kernels name = {                                                                         \
        .level = cpu,                                                                              \
        .strip = {[TENSOR_Q4_0] = strip_Q4_0,                                                      \
                  [TENSOR_Q4_1] = strip_Q4_1,                                                      \
                  [TENSOR_Q5_0] = strip_Q5_0,                                                      \
                  [TENSOR_Q5_1] = strip_Q5_1,                                                      \
                  [TENSOR_Q8_0] = strip_Q8_0,                                                      \
                  [TENSOR_Q4_K] = strip_Q4_K,                                                      \
                  [TENSOR_Q5_K] = strip_Q5_K,                                                      \
                  [TENSOR_Q6_K] = strip_Q6_K},                                                     \
        .unpack = {[TENSOR_Q4_0] = unpack_Q4_0,                                                    \
                   [TENSOR_Q4_1] = unpack_Q4_1,                                                    \
                   [TENSOR_Q5_0] = unpack_Q5_0,                                                    \
                   [TENSOR_Q5_1] = unpack_Q5_1,                                                    \
                   [TENSOR_Q8_0] = unpack_Q8_0,                                                    \
                   [TENSOR_Q4_K] = unpack_Q4_K,                                                    \
                   [TENSOR_Q5_K] = unpack_Q5_K,                                                    \
                   [TENSOR_Q6_K] = unpack_Q6_K,                                                    \
                   [TENSOR_F32] = unpack_F32,                                                      \
                   [TENSOR_F16] = unpack_F16,                                                      \
                   [TENSOR_BF16] = unpack_BF16},                                                   \
        .quantize = quantize,                                                                      \
        .gemm_f32 = gemm_f32,                                                                      \
        .rmsnorm = rmsnorm,                                                                        \
        .layernorm = layernorm,                                                                    \
        .softmax = softmax,                                                                        \
        .silu_mul = silu_mul,                                                                      \
        .gelu_tanh_mul = gelu_tanh_mul,                                                            \
        .gelu_erf = gelu_erf,                                                                      \
        .add = add,                                                                                \
        .scale = scale,                                                                            \
        .dot = dot,                                                                                \
        .max = max_of,                                                                             \
        .from_half = from_half,                                                                    \
        .to_half = to_half,                                                                        \
        .spin = spin,                                                                              \
    }

/* kernels_body.h - the kernels, written once over lanes.h and compiled three times.
 *
 * Integer products: lanes_blocks.h has what a block of weights means and what it adds to a sum.
 *
 * For many tokens the unpacked form of up to 32 blocks is kept in scratch (20 KiB, it stays in the
 * first-level cache) and all tiles of tokens walk over it; for one or two tokens a block goes
 * straight from the strip through registers. Both add the blocks in the same order, so the bytes of
 * a result do not depend on the batch.
 *
 * Float work (norms, softmax, activations, attention, exact products) is sixteen lanes wide too,
 * reduced by lanes_sum. */
#include "generate/kernels/kernels.h"
#include "generate/kernels/lanes.h"
#include "generate/kernels/lanes_blocks.h"
#include "generate/kernels/lanes_math.h"
#include "generate/kernels/lanes_pack.h"
#include "generate/kernels/layout.h"

/* A token's pass is one stream of weights. The processor's own prefetching ends with each small page, and
 * few lines ahead; asked for this far ahead, they arrive a sixth faster. */
#define STREAM_AHEAD 16384

LANES_INLINE void stream_block(const strip_layout *l, const uint8_t *words)
{
    UNROLL_8
    for (size_t j = 0; j <= l->words; j++)
        __builtin_prefetch(words + STREAM_AHEAD + 64 * j, 0, 2);
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
        stream_block(l, strip + strip_words_at(l, b));
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
                acc = add_halves(TENSOR_Q6_K,
                                 both_halves(TENSOR_Q6_K, first_half(TENSOR_Q6_K, sum[0][t], d, x, 1, 0),
                                             sum[1][t], m, x, 1, 0),
                                 d, m, x, 1, 0, acc);
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
        stream_block(l, strip + strip_words_at(l, b));
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
                y[t] = first_half(type, sum[t], d, x, width, slot + t);
                sum[t] = start_sum(type, x, width, slot + t, 1);
            }
            dot_tokens(type, unpacked, 4, 4, x, slot, tokens, sum);
            UNROLL_8
            for (unsigned t = 0; t < tokens; t++)
                acc[slot + t] =
                    add_halves(type, both_halves(type, y[t], sum[t], m, x, width, slot + t), d, m, x,
                               width, slot + t, acc[slot + t]);
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
    }                                                                                              \
    static void pack_##T(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *strip)          \
    {                                                                                              \
        pack_blocks(TENSOR_##T, rows, row_bytes, k, strip);                                        \
    }
INTEGER_TYPE(Q4_0)
INTEGER_TYPE(Q4_1)
INTEGER_TYPE(Q5_0)
INTEGER_TYPE(Q5_1)
INTEGER_TYPE(Q8_0)
INTEGER_TYPE(Q4_K)
INTEGER_TYPE(Q5_K)
INTEGER_TYPE(Q6_K)

static void pack_F32(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *strip)
{
    pack_blocks(TENSOR_F32, rows, row_bytes, k, strip);
}

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

/* 0 for numbers, NaN as soon as one of them is NaN or infinite. */
LANES_INLINE float broken(lanes v) { return lanes_sum(lanes_mul(v, lanes_zero())); }

static void quantize(const float *x, size_t k, size_t width, size_t slot, uint8_t *tile)
{
    const size_t step = width == 1 ? KERNEL_SINGLE_BLOCK : 52 * width;

    for (size_t b = 0; b < k / 32; b++, tile += step) {
        float scaled = 0;
        for (size_t half = 0; half < 2; half++, x += 16) {
            lanes v = lanes_load(x);
            float largest = lanes_largest(lanes_abs(v));
            bool tiny = !(largest > 1e-35f);
            float scale = (tiny ? 0.0f : largest / 127.0f) + broken(v);
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

static void gelu_erf(const float *x, size_t n, float *y)
{
    EACH_16(n, lanes_store(y + i, gelu_by_erf(lanes_load(x + i))),
            lanes_store_n(y + i, gelu_by_erf(lanes_load_n(x + i, left, 0)), left));
}

static void softcap(float *x, size_t n, float cap)
{
    const lanes c = lanes_set1(cap), by = lanes_set1(1.0f / cap);

    EACH_16(n, lanes_store(x + i, lanes_mul(c, lanes_tanh(lanes_mul(lanes_load(x + i), by)))),
            lanes_store_n(x + i, lanes_mul(c, lanes_tanh(lanes_mul(lanes_load_n(x + i, left, 0), by))),
                          left));
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

static float to_int8(const float *x, size_t n, int8_t *q)
{
    lanes most = lanes_zero(), by;
    float largest, wrong = 0;
    bool tiny;

    for (size_t i = 0; i < n; i += LANES) {
        lanes v = lanes_load(x + i);
        most = lanes_max(lanes_abs(v), most);
        wrong += broken(v);
    }
    largest = lanes_largest(most);
    tiny = !(largest > 1e-35f);
    by = lanes_set1(tiny ? 0.0f : 127.0f / largest);
    for (size_t i = 0; i < n; i += LANES)
        words_store_bytes(q + i, lanes_round(lanes_mul(lanes_load(x + i), by)));
    return (tiny ? 0.0f : largest / 127.0f) + wrong;
}

static void from_int8_along(const int8_t *q, const float *scales, size_t n_rows, size_t group,
                            float *y)
{
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < group; i += LANES, q += LANES, y += LANES)
            lanes_store(y, lanes_mul(lanes_from_int8(q), lanes_set1(scales[r])));
}

static void from_int8_across(const int8_t *q, const float *scales, size_t n_strips, size_t dim,
                             size_t group, float *y)
{
    for (size_t s = 0; s < n_strips * dim / group; s++, scales += LANES) {
        lanes by = lanes_load(scales);
        for (size_t i = 0; i < group; i++, q += LANES, y += LANES)
            lanes_store(y, lanes_mul(lanes_from_int8(q), by));
    }
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
        .pack = {[TENSOR_Q4_0] = pack_Q4_0,                                                        \
                 [TENSOR_Q4_1] = pack_Q4_1,                                                        \
                 [TENSOR_Q5_0] = pack_Q5_0,                                                        \
                 [TENSOR_Q5_1] = pack_Q5_1,                                                        \
                 [TENSOR_Q8_0] = pack_Q8_0,                                                        \
                 [TENSOR_Q4_K] = pack_Q4_K,                                                        \
                 [TENSOR_Q5_K] = pack_Q5_K,                                                        \
                 [TENSOR_Q6_K] = pack_Q6_K,                                                        \
                 [TENSOR_F32] = pack_F32,                                                          \
                 [TENSOR_F16] = pack_halves,                                                       \
                 [TENSOR_BF16] = pack_halves},                                                     \
        .quantize = quantize,                                                                      \
        .gemm_f32 = gemm_f32,                                                                      \
        .rmsnorm = rmsnorm,                                                                        \
        .layernorm = layernorm,                                                                    \
        .softmax = softmax,                                                                        \
        .silu_mul = silu_mul,                                                                      \
        .gelu_tanh_mul = gelu_tanh_mul,                                                            \
        .gelu_erf = gelu_erf,                                                                      \
        .softcap = softcap,                                                                        \
        .add = add,                                                                                \
        .scale = scale,                                                                            \
        .dot = dot,                                                                                \
        .max = max_of,                                                                             \
        .from_half = from_half,                                                                    \
        .to_half = to_half,                                                                        \
        .to_int8 = to_int8,                                                                        \
        .from_int8_along = from_int8_along,                                                        \
        .from_int8_across = from_int8_across,                                                      \
        .spin = spin,                                                                              \
    }

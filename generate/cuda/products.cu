/* products.cu - products of packed matrices with one token, a few, or many.
 *
 * An output is the sum over its blocks of 32 weights in rising order, as on the processor, and each
 * block's term takes the same float operations there. What can be done side by side is the terms:
 *
 *   one token    a strip a block of threads. Its groups read the strip's blocks, sixteen at a time,
 *                and leave their terms in shared memory; one group adds those of the chunk before
 *                while the others read on (single_kernel).
 *   a few        the same for eight tokens, so that weights are read once (few_kernel).
 *   many         a tile of rows and tokens a block of threads; weights are unpacked to signed bytes
 *                in shared memory and the integer sums of half a block come from the matrix units.
 *                A thread has the outputs that the unit hands it, and adds their blocks in order
 *                (tile_kernel).
 *
 * Matrices that read the same inputs are multiplied in one launch. */
extern "C" {
#include "generate/cuda/kernels.h"
}

/* clang-format off */
#include "generate/cuda/lanes_simt.h" /* first: the spelling that the next ones are written in */
#include "generate/cuda/steps.h"
#include "generate/kernels/lanes_blocks.h"
/* clang-format on */

#define MOST_TOGETHER 3u

/* Products over the same inputs, of one type. */
typedef struct product_list {
    product p[MOST_TOGETHER];
    uint32_t end[MOST_TOGETHER]; /* blocks of threads along x up to this product's last */
} product_list;

/* Which product a block of threads is about, and its number there. */
SIMT_INLINE const product *product_of(const product_list *l, unsigned *at)
{
    unsigned i = 0;

    *at = simt_block_x;
    while (simt_block_x >= l->end[i])
        *at = simt_block_x - l->end[i++];
    return &l->p[i];
}

SIMT_INLINE float with_bias(const product *p, float acc, unsigned row)
{
    return p->bias ? acc + p->bias[row] : acc;
}

/* One rounded block of 32 inputs. */
typedef struct input_block {
    simt_quad q[KERNEL_SINGLE_BLOCK / sizeof(simt_quad)];
} input_block;

SIMT_INLINE const uint8_t *bytes_of(const input_block *x)
{
    return (const uint8_t *)x;
}

SIMT_INLINE const input_block *inputs_of(const product *p, unsigned token)
{
    return (const input_block *)p->rounded + (size_t)token * (p->w.cols / 32);
}

/* The layout of a type's strips, known to the compiler (layout.h has the table). */
SIMT_INLINE strip_layout layout_for(tensor_type type)
{
    const bool pair = shape_of(type) == SHAPE_MINIMUM;
    strip_layout l = {};

    l.block = (uint16_t)block_of(type);
    l.halves = pair ? 2 : 1;
    switch (type) {
    case TENSOR_Q8_0:
        l.words = 8;
        break;
    case TENSOR_Q5_0:
    case TENSOR_Q5_1:
        l.words = 5;
        break;
    case TENSOR_Q4_K:
        l.words = 35;
        break;
    case TENSOR_Q5_K:
        l.words = 43;
        break;
    case TENSOR_Q6_K:
        l.words = 52;
        break;
    default:
        l.words = 4;
    }
    l.blocks = l.block == 32 && !pair ? 2 : 1;
    return l;
}

/* A block's weights, one row a lane. */
typedef struct weight_block {
    words w[8];
    lanes d, m; /* scale and minimum, or the scales of both halves */
} weight_block;

/* Ask for what block b is made of; */
SIMT_INLINE void load_block(tensor_type type, const uint8_t *strip, unsigned b, raw_head *head,
                            raw_sub *sub)
{
    const unsigned subs = block_of(type) / 32;
    const strip_layout l = layout_for(type);

    load_head(type, strip + strip_scales_at(&l, b / subs), strip + strip_words_at(&l, b / subs),
              head);
    load_sub(type, head->quants, b % subs, sub);
}

/* and make it of that. */
SIMT_INLINE void unpack_block(tensor_type type, unsigned b, const raw_head *head,
                              const raw_sub *sub, weight_block *to)
{
    const unsigned s = b % (block_of(type) / 32);
    block_head h;

    unpack_head(type, head, &h);
    sub_scales(type, &h, s, &to->d, &to->m);
    unpack_sub(type, sub, s, to->w);
}

SIMT_INLINE void read_block(tensor_type type, const uint8_t *strip, unsigned b, weight_block *to)
{
    raw_head head;
    raw_sub sub;

    load_block(type, strip, b, &head, &sub);
    unpack_block(type, b, &head, &sub, to);
}

/* Both halves of a block for one token, before the scale of the weights. */
SIMT_INLINE lanes term_of(tensor_type type, const weight_block *w, const uint8_t *x)
{
    words s0 = start_sum(type, x, 1, 0, 0), s1 = start_sum(type, x, 1, 0, 1);

    SIMT_UNROLL
    for (unsigned v = 0; v < 4; v++) {
        s0 = dot_step(type, s0, w->w[v], broadcast_at(x + 4 * v));
        s1 = dot_step(type, s1, w->w[v + 4], broadcast_at(x + 4 * v + 16));
    }
    return both_halves(type, first_half(type, s0, w->d, x, 1, 0), s1, w->m, x, 1, 0);
}

/* ---- one token ---- */

/* READERS groups read a strip; of CHUNKS chunks of blocks the terms wait side by side. */
template <unsigned READERS> struct single {
    static constexpr unsigned THREADS = READERS * LANES, CHUNKS = READERS > 16 ? 1 : 2;
    static constexpr unsigned CHUNK = READERS > 16 ? SIMT_LIMIT(192, 24) : SIMT_LIMIT(64, 8);
    /* Of a chunk; what a format's shape of scales does not have is not touched. */
    struct terms {
        float halves[CHUNK][LANES], scale[CHUNK][LANES], low[CHUNK][LANES];
        float scaled[CHUNK];
    };
};

/* acc + N blocks of a chunk, all of them read before the first is added. */
template <int TYPE, unsigned N, typename TERMS>
SIMT_INLINE lanes add_terms(const TERMS *t, unsigned from, lanes acc)
{
    const scale_shape shape = shape_of((tensor_type)TYPE);
    const unsigned lane = lane_of();
    lanes halves[N], scale[N], low[N], scaled[N];

    SIMT_UNROLL
    for (unsigned i = 0; i < N; i++) {
        halves[i] = t->halves[from + i][lane];
        scale[i] = shape == SHAPE_HALVES ? 0.0f : t->scale[from + i][lane];
        low[i] = shape == SHAPE_MINIMUM ? t->low[from + i][lane] : 0.0f;
        scaled[i] = shape == SHAPE_MINIMUM ? t->scaled[from + i] : 0.0f;
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < N; i++) {
        if (shape == SHAPE_HALVES) {
            acc = lanes_add(acc, halves[i]);
            continue;
        }
        acc = lanes_fma(halves[i], scale[i], acc);
        if (shape == SHAPE_MINIMUM)
            acc = lanes_fma(low[i], scaled[i], acc);
    }
    return acc;
}

/* acc + the blocks of a chunk. */
template <int TYPE, typename TERMS>
SIMT_INLINE lanes add_chunk(const TERMS *t, unsigned n, lanes acc)
{
    unsigned b = 0;

    for (; b + 8 <= n; b += 8)
        acc = add_terms<TYPE, 8>(t, b, acc);
    for (; b < n; b++)
        acc = add_terms<TYPE, 1>(t, b, acc);
    return acc;
}

template <int TYPE, typename TERMS>
SIMT_INLINE void keep_term(TERMS *t, unsigned at, const weight_block *w, const input_block *x)
{
    const tensor_type type = (tensor_type)TYPE;
    const unsigned lane = lane_of();

    t->halves[at][lane] = term_of(type, w, bytes_of(x));
    if (shape_of(type) != SHAPE_HALVES)
        t->scale[at][lane] = w->d;
    if (shape_of(type) == SHAPE_MINIMUM) {
        t->low[at][lane] = w->m;
        if (lane == 0)
            t->scaled[at] = broadcast_float(bytes_of(x) + 40);
    }
}

/* Two blocks of a reader are on their way at a time. A block past the last one is the last one
 * again, and not kept. */
template <int TYPE, unsigned READERS>
SIMT_KERNEL SIMT_BOUNDS(single<READERS>::THREADS, 1024 / single<READERS>::THREADS)
    single_kernel(SIMT_ARGUMENT product_list l)
{
    typedef single<READERS> S;
    SIMT_SHARED typename S::terms terms[S::CHUNKS];
    const tensor_type type = (tensor_type)TYPE;
    unsigned at;
    const product *p = product_of(&l, &at);
    const unsigned blocks = p->w.cols / 32, row = at * LANES + lane_of();
    const bool adds = group_of() == READERS - 1;
    const uint8_t *strip = p->w.data + at * p->w.strip_bytes;
    const input_block *inputs = inputs_of(p, 0);
    bool follows = false;
    lanes acc = lanes_zero();

    simt_lead();
    for (unsigned from = 0; from < blocks; from += S::CHUNK) {
        typename S::terms *t = &terms[from / S::CHUNK % S::CHUNKS];
        const unsigned n = blocks - from < S::CHUNK ? blocks - from : S::CHUNK;

        for (unsigned i = 0; i < n; i += 2 * READERS) {
            raw_head head[2];
            raw_sub sub[2];
            input_block x[2];
            SIMT_UNROLL
            for (unsigned u = 0; u < 2; u++) {
                const unsigned b = i + u * READERS + group_of(), there = from + (b < n ? b : n - 1);
                load_block(type, strip, there, &head[u], &sub[u]);
            }
            if (!follows) /* the first weights are on their way while the inputs are still made */
                simt_follow();
            follows = true;
            SIMT_UNROLL
            for (unsigned u = 0; u < 2; u++) {
                const unsigned b = i + u * READERS + group_of();
                x[u] = inputs[from + (b < n ? b : n - 1)];
            }
            SIMT_UNROLL
            for (unsigned u = 0; u < 2; u++) {
                const unsigned b = i + u * READERS + group_of();
                weight_block w;
                unpack_block(type, from + b, &head[u], &sub[u], &w);
                if (b < n)
                    keep_term<TYPE>(t, b, &w, &x[u]);
            }
        }
        simt_barrier();
        if (adds)
            acc = add_chunk<TYPE>(t, n, acc);
        if (S::CHUNKS == 1 && from + S::CHUNK < blocks)
            simt_barrier();
    }
    if (adds && row < p->w.rows)
        p->out[row] = with_bias(p, acc, row);
}

template <int TYPE, unsigned READERS> static void run_single(product_list l, unsigned n)
{
    SIMT_RUN_AFTER((single_kernel<TYPE, READERS>), l.end[n - 1], 1, single<READERS>::THREADS, l);
}

/* ---- a few tokens ---- */

#define FEW        8u
#define FEW_GROUPS 8u

/* One strip, FEW tokens, FEW_GROUPS blocks at a time: group g computes both halves of block g for
 * all tokens; then group t adds the blocks up for token t. */
template <int TYPE> SIMT_KERNEL few_kernel(SIMT_ARGUMENT product_list l)
{
    const tensor_type type = (tensor_type)TYPE;
    SIMT_SHARED float halves[FEW_GROUPS][FEW][LANES];
    SIMT_SHARED float scale[FEW_GROUPS][LANES], low[FEW_GROUPS][LANES];
    unsigned at;
    const product *p = product_of(&l, &at);
    const unsigned blocks = p->w.cols / 32, lane = lane_of(), group = group_of();
    const unsigned token = group, row = at * LANES + lane;
    const uint8_t *strip = p->w.data + at * p->w.strip_bytes;
    lanes acc = lanes_zero();

    for (unsigned from = 0; from < blocks; from += FEW_GROUPS) {
        const unsigned b = from + group;
        if (b < blocks) {
            weight_block w;
            read_block(type, strip, b, &w);
            for (unsigned t = 0; t < FEW && t < p->n; t++) {
                const input_block x = inputs_of(p, t)[b];
                halves[group][t][lane] = term_of(type, &w, bytes_of(&x));
            }
            scale[group][lane] = w.d;
            low[group][lane] = w.m;
        }
        simt_barrier();
        if (token < p->n)
            for (unsigned g = 0; g < FEW_GROUPS && from + g < blocks; g++)
                acc = add_halves(type, halves[g][token][lane], scale[g][lane], low[g][lane],
                                 bytes_of(inputs_of(p, token) + from + g), 1, 0, acc);
        simt_barrier();
    }
    if (token < p->n && row < p->w.rows)
        p->out[token * p->stride + row] = with_bias(p, acc, row);
}

/* ---- many tokens ---- */

#define WARP_STRIPS 2u  /* strips, */
#define WARP_TOKENS 32u /* and tokens of a warp */
#define AHEAD       2u  /* blocks of 32 inputs staged together */
#define RUNS        (WARP_TOKENS / 8)

/* Sums come from the matrix units on top of this number, whose bits are those of 1.5 * 2^23: taken
 * as a float and less that it is the sum, which is below 2^20, exactly. */
#define SUM_START  0x4b400000u
#define SUM_OFFSET 12582912.0f

/* What is multiplied together. DOWN x ACROSS warps. */
template <unsigned DOWN, unsigned ACROSS> struct tile {
    static constexpr unsigned STRIPS = DOWN * WARP_STRIPS, TOKENS = ACROSS * WARP_TOKENS;
    static constexpr unsigned THREADS = DOWN * ACROSS * SIMT_WARP, GROUPS = THREADS / LANES;
    static constexpr unsigned TASKS = STRIPS * AHEAD; /* of a group: a block of a strip */
    static constexpr unsigned EACH = TASKS / GROUPS;
    static constexpr unsigned PIECES =
        TOKENS * AHEAD * 2 / THREADS; /* halves of a token's block, a thread */
    struct stage {
        simt_quad w[STRIPS][AHEAD][2][LANES];    /* [half][row]: 16 signed bytes */
        simt_quad x[AHEAD][2][TOKENS + 2];       /* [half][token in the order of places] */
        simt_quad x_scale[AHEAD][2][TOKENS / 4]; /* [half][token]: floats */
        simt_quad x_scaled[AHEAD][TOKENS / 4];
        float scale[STRIPS][AHEAD][2][LANES]; /* scale and minimum, or both halves' */
    };
    static_assert(TASKS % GROUPS == 0 && TOKENS * AHEAD * 2 % THREADS == 0,
                  "no thread is left over");
};

/* Weights less their offset, four signed bytes. */
SIMT_INLINE uint32_t signed_weights(tensor_type type, uint32_t w)
{
    const int log2 = offset_log2(type);

    if (log2 == 0)
        return w;
    if (log2 == 7)
        return w ^ 0x80808080u;
    return ((w | 0x80808080u) - (0x01010101u << log2)) ^ 0x80808080u;
}

/* Where a warp's token stands among the columns of its matrices: a thread of a matrix product has
 * the columns 2 c and 2 c + 1 of every eight, and gets the neighbouring tokens 8 c .. 8 c + 7. */
SIMT_INLINE unsigned place_of(unsigned token)
{
    return token % 8 / 2 * 8 + token / 8 % 4 * 2 + token % 2 + (token & ~31u);
}

/* What a thread has loaded of the blocks to come. */
template <unsigned DOWN, unsigned ACROSS> struct tile_loads {
    raw_head head[tile<DOWN, ACROSS>::EACH];
    raw_sub sub[tile<DOWN, ACROSS>::EACH];
    simt_quad x[tile<DOWN, ACROSS>::PIECES];
    uint32_t x_scale[tile<DOWN, ACROSS>::PIECES], x_scaled[tile<DOWN, ACROSS>::PIECES];
};

/* What thread and piece number i are about. */
template <unsigned DOWN, unsigned ACROSS>
SIMT_INLINE void piece_of(unsigned i, unsigned *token, unsigned *ahead, unsigned *half)
{
    const unsigned at = i * tile<DOWN, ACROSS>::THREADS + simt_thread;

    *half = at % 2;
    *ahead = at / 2 % AHEAD;
    *token = at / 2 / AHEAD;
}

/* Where a thread's part of the blocks lies. */
template <unsigned DOWN, unsigned ACROSS> struct tile_places {
    const uint8_t *strip[tile<DOWN, ACROSS>::EACH];
    const input_block *x[tile<DOWN, ACROSS>::PIECES];
    unsigned last; /* block */
};

/* Strips and tokens past the last ones are the last ones again, and so are blocks: none of those is
 * stored or added. */
template <unsigned DOWN, unsigned ACROSS>
SIMT_INLINE void find_tile(const product *p, unsigned first_strip, unsigned first_token,
                           tile_places<DOWN, ACROSS> *to)
{
    typedef tile<DOWN, ACROSS> T;

    to->last = p->w.cols / 32 - 1;
    SIMT_UNROLL
    for (unsigned i = 0; i < T::EACH; i++) {
        const unsigned strip = first_strip + (i * T::GROUPS + group_of()) / AHEAD;
        to->strip[i] =
            p->w.data + (strip < p->w.strips ? strip : p->w.strips - 1) * p->w.strip_bytes;
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < T::PIECES; i++) {
        unsigned token, ahead, half;
        piece_of<DOWN, ACROSS>(i, &token, &ahead, &half);
        to->x[i] = inputs_of(p, first_token + token < p->n ? first_token + token : p->n - 1);
    }
}

template <int TYPE, unsigned DOWN, unsigned ACROSS>
SIMT_INLINE void load_tile(const tile_places<DOWN, ACROSS> *at, unsigned from,
                           tile_loads<DOWN, ACROSS> *to)
{
    typedef tile<DOWN, ACROSS> T;
    const unsigned last = at->last;

    SIMT_UNROLL
    for (unsigned i = 0; i < T::EACH; i++) {
        const unsigned b = from + (i * T::GROUPS + group_of()) % AHEAD;
        load_block((tensor_type)TYPE, at->strip[i], b < last ? b : last, &to->head[i], &to->sub[i]);
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < T::PIECES; i++) {
        unsigned token, ahead, half;
        piece_of<DOWN, ACROSS>(i, &token, &ahead, &half);
        const input_block *x = at->x[i] + (from + ahead < last ? from + ahead : last);
        to->x[i] = x->q[half];
        to->x_scale[i] = x->q[2].w[half];
        if (shape_of((tensor_type)TYPE) == SHAPE_MINIMUM)
            to->x_scaled[i] = x->q[2].w[2];
    }
}

template <int TYPE, unsigned DOWN, unsigned ACROSS>
SIMT_INLINE void keep_tile(const tile_loads<DOWN, ACROSS> *of, unsigned from, unsigned last,
                           typename tile<DOWN, ACROSS>::stage *s)
{
    typedef tile<DOWN, ACROSS> T;
    const tensor_type type = (tensor_type)TYPE;
    const unsigned lane = lane_of();

    SIMT_UNROLL
    for (unsigned i = 0; i < T::EACH; i++) {
        const unsigned task = i * T::GROUPS + group_of(), strip = task / AHEAD,
                       ahead = task % AHEAD;
        weight_block w;
        unpack_block(type, from + ahead < last ? from + ahead : last, &of->head[i], &of->sub[i],
                     &w);
        SIMT_UNROLL
        for (unsigned half = 0; half < 2; half++) {
            simt_quad q;
            SIMT_UNROLL
            for (unsigned v = 0; v < 4; v++)
                q.w[v] = signed_weights(type, w.w[4 * half + v]);
            s->w[strip][ahead][half][lane] = q;
        }
        s->scale[strip][ahead][0][lane] = w.d;
        if (shape_of(type) != SHAPE_PLAIN)
            s->scale[strip][ahead][1][lane] = w.m;
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < T::PIECES; i++) {
        unsigned token, ahead, half;
        piece_of<DOWN, ACROSS>(i, &token, &ahead, &half);
        s->x[ahead][half][place_of(token)] = of->x[i];
        s->x_scale[ahead][half][token / 4].w[token % 4] = of->x_scale[i];
        if (shape_of(type) == SHAPE_MINIMUM && half == 0)
            s->x_scaled[ahead][token / 4].w[token % 4] = of->x_scaled[i];
    }
}

/* A thread's outputs: for each strip rows g and g + 8, for each run of eight columns its two
 * tokens. */
typedef struct tile_sums {
    float of[WARP_STRIPS][RUNS][4];
} tile_sums;

/* Numbers of eight neighbouring tokens. */
typedef struct token_numbers {
    simt_quad q[RUNS / 2];
} token_numbers;

SIMT_INLINE void load_numbers(token_numbers *n, const simt_quad *from)
{
    n->q[0] = from[0];
    n->q[1] = from[1];
}

SIMT_INLINE float number_of(const token_numbers *n, unsigned run, unsigned i)
{
    return simt_float(n->q[run / 2].w[run % 2 * 2 + i % 2]);
}

/* Add one block of 32 inputs. */
template <int TYPE, unsigned DOWN, unsigned ACROSS>
SIMT_INLINE void add_tile(const typename tile<DOWN, ACROSS>::stage *s, unsigned ahead,
                          tile_sums *acc)
{
    const tensor_type type = (tensor_type)TYPE;
    const scale_shape shape = shape_of(type);
    const unsigned warp = simt_thread / SIMT_WARP, lane = simt_thread % SIMT_WARP;
    const unsigned strip0 = warp / ACROSS * WARP_STRIPS, token0 = warp % ACROSS * WARP_TOKENS;
    const unsigned mine = token0 + lane % 4 * 8;
    uint32_t x[2][RUNS];
    token_numbers x_scale[2], x_scaled;

    SIMT_UNROLL
    for (unsigned half = 0; half < 2; half++) {
        simt_load_matrices(x[half], &s->x[ahead][half][token0]);
        load_numbers(&x_scale[half], &s->x_scale[ahead][half][mine / 4]);
    }
    if (shape == SHAPE_MINIMUM)
        load_numbers(&x_scaled, &s->x_scaled[ahead][mine / 4]);
    SIMT_UNROLL
    for (unsigned strip = 0; strip < WARP_STRIPS; strip++) {
        uint32_t w[4];
        float d[2], m[2];
        simt_load_matrices(w, &s->w[strip0 + strip][ahead][0][0]);
        SIMT_UNROLL
        for (unsigned i = 0; i < 2; i++) {
            d[i] = s->scale[strip0 + strip][ahead][0][8 * i + lane / 4];
            m[i] =
                shape == SHAPE_PLAIN ? 0.0f : s->scale[strip0 + strip][ahead][1][8 * i + lane / 4];
        }
        SIMT_UNROLL
        for (unsigned run = 0; run < RUNS; run++) {
            uint32_t low[4], high[4];
            simt_matrix_product(low, SUM_START, w, x[0][run]);
            simt_matrix_product(high, SUM_START, w + 2, x[1][run]);
            SIMT_UNROLL
            for (unsigned i = 0; i < 4; i++) {
                float a = simt_float(low[i]) - SUM_OFFSET, b = simt_float(high[i]) - SUM_OFFSET;
                float *sum = &acc->of[strip][run][i];
                if (shape == SHAPE_HALVES) {
                    a = a * d[i / 2];
                    b = b * m[i / 2];
                }
                const float both =
                    simt_fma(b, number_of(&x_scale[1], run, i), a * number_of(&x_scale[0], run, i));
                if (shape == SHAPE_HALVES) {
                    *sum = *sum + both;
                    continue;
                }
                *sum = simt_fma(both, d[i / 2], *sum);
                if (shape == SHAPE_MINIMUM)
                    *sum = simt_fma(m[i / 2], number_of(&x_scaled, run, i), *sum);
            }
        }
    }
}

template <unsigned ACROSS>
SIMT_INLINE void store_tile(const product *p, unsigned first_strip, unsigned first_token,
                            const tile_sums *acc)
{
    const unsigned warp = simt_thread / SIMT_WARP, lane = simt_thread % SIMT_WARP;
    const unsigned row0 = (first_strip + warp / ACROSS * WARP_STRIPS) * LANES + lane / 4;
    const unsigned token0 = first_token + warp % ACROSS * WARP_TOKENS + lane % 4 * 8;

    SIMT_UNROLL
    for (unsigned run = 0; run < RUNS; run++) {
        SIMT_UNROLL
        for (unsigned i = 0; i < 4; i++) {
            const unsigned token = token0 + 2 * run + i % 2;
            SIMT_UNROLL
            for (unsigned strip = 0; strip < WARP_STRIPS; strip++) {
                const unsigned row = row0 + strip * LANES + i / 2 * 8;
                if (token < p->n && row < p->w.rows)
                    p->out[token * p->stride + row] = with_bias(p, acc->of[strip][run][i], row);
            }
        }
    }
}

/* While a stage is multiplied the next one is on its way to registers. */
template <int TYPE, unsigned DOWN, unsigned ACROSS>
SIMT_KERNEL SIMT_BOUNDS((tile<DOWN, ACROSS>::THREADS), 512 / (tile<DOWN, ACROSS>::THREADS))
    tile_kernel(SIMT_ARGUMENT product_list l)
{
    typedef tile<DOWN, ACROSS> T;
    SIMT_SHARED typename T::stage stages[2];
    unsigned at;
    const product *p = product_of(&l, &at);
    const unsigned first_strip = at * T::STRIPS, first_token = simt_block_y * T::TOKENS;
    const unsigned blocks = p->w.cols / 32;
    tile_places<DOWN, ACROSS> places;
    tile_loads<DOWN, ACROSS> loads;
    tile_sums acc = {};

    find_tile<DOWN, ACROSS>(p, first_strip, first_token, &places);
    load_tile<TYPE, DOWN, ACROSS>(&places, 0, &loads);
    keep_tile<TYPE, DOWN, ACROSS>(&loads, 0, places.last, &stages[0]);
    simt_barrier();
    for (unsigned from = 0; from < blocks; from += AHEAD) {
        const typename T::stage *s = &stages[from / AHEAD % 2];
        const bool more = from + AHEAD < blocks;
        if (more)
            load_tile<TYPE, DOWN, ACROSS>(&places, from + AHEAD, &loads);
        SIMT_UNROLL
        for (unsigned ahead = 0; ahead < AHEAD; ahead++)
            if (from + ahead < blocks)
                add_tile<TYPE, DOWN, ACROSS>(s, ahead, &acc);
        if (more)
            keep_tile<TYPE, DOWN, ACROSS>(&loads, from + AHEAD, places.last,
                                          &stages[(from / AHEAD + 1) % 2]);
        simt_barrier();
    }
    store_tile<ACROSS>(p, first_strip, first_token, &acc);
}

/* ---- weights as floats ---- */

SIMT_INLINE lanes float_weight(tensor_type type, const uint8_t *strip, unsigned j)
{
    switch (type) {
    case TENSOR_F32:
        return lanes_load((const float *)strip + j * LANES);
    case TENSOR_F16:
        return lanes_from_half((const uint16_t *)strip + j * LANES);
    default: /* BF16 */
        return simt_float((uint32_t)((const uint16_t *)strip)[j * LANES + lane_of()] << 16);
    }
}

/* A group a strip and token: the sum runs along j, as in gemm_f32. */
SIMT_KERNEL float_product_kernel(product p)
{
    const unsigned strip_at = simt_block_x,
                   token = simt_block_y * (SIMT_MAX_THREADS / LANES) + group_of();
    const uint8_t *strip = p.w.data + strip_at * p.w.strip_bytes;
    const unsigned row = strip_at * LANES + lane_of();
    lanes acc = lanes_zero();

    if (token >= p.n)
        return;
    for (unsigned j = 0; j < p.w.cols; j++)
        acc = lanes_fma(p.x[(size_t)token * p.w.cols + j], float_weight(p.w.type, strip, j), acc);
    if (row < p.w.rows)
        p.out[token * p.stride + row] = with_bias(&p, acc, row);
}

/* ---- launching ---- */

/* Blocks of threads along x, `each` strips a block. */
static unsigned lay_out(product_list *l, unsigned n, unsigned each)
{
    unsigned end = 0;

    for (unsigned i = 0; i < MOST_TOGETHER; i++) {
        if (i < n)
            end += (l->p[i].w.strips + each - 1) / each;
        l->end[i] = end;
    }
    return end;
}

template <int TYPE, unsigned DOWN, unsigned ACROSS>
static void run_tiles(product_list l, unsigned n)
{
    typedef tile<DOWN, ACROSS> T;
    const unsigned along = lay_out(&l, n, T::STRIPS), tokens = l.p[0].n;

    SIMT_RUN((tile_kernel<TYPE, DOWN, ACROSS>), along, (tokens + T::TOKENS - 1) / T::TOKENS,
             T::THREADS, l);
}

/* So few large tiles that not all multiprocessors would have work: smaller ones. */
static bool too_few(unsigned tiles)
{
    return 2 * tiles < 3 * SIMT_MULTIPROCESSORS;
}

#define SHORT SIMT_LIMIT(32u, 8u) /* blocks of a strip that few readers have on their way at once  \
                                   */

template <int TYPE> static void run_products(product_list l, unsigned n)
{
    const unsigned tokens = l.p[0].n;

    if (tokens == 1) {
        /* Few strips: many readers each, so that enough is on its way; short ones need fewer. */
        const unsigned strips = lay_out(&l, n, 1), blocks = l.p[0].w.cols / 32;
        if (strips <= SIMT_MULTIPROCESSORS && blocks > SHORT)
            run_single<TYPE, 64>(l, n);
        else if (strips <= 3 * SIMT_MULTIPROCESSORS && blocks > SHORT)
            run_single<TYPE, 32>(l, n);
        else if (strips > 3 * SIMT_MULTIPROCESSORS && blocks <= 2 * SHORT)
            run_single<TYPE, 8>(l, n);
        else
            run_single<TYPE, 16>(l, n);
    } else if (tokens <= FEW) {
        const unsigned along = lay_out(&l, n, 1);
        SIMT_RUN((few_kernel<TYPE>), along, 1, FEW_GROUPS * LANES, l);
    } else if (too_few(lay_out(&l, n, tile<4, 2>::STRIPS) * ((tokens + 63) / 64))) {
        run_tiles<TYPE, 2, 1>(l, n);
    } else {
        run_tiles<TYPE, 4, 2>(l, n);
    }
}

static void run_list(const product_list &l, unsigned n)
{
    switch (l.p[0].w.type) {
    case TENSOR_Q4_0:
        return run_products<TENSOR_Q4_0>(l, n);
    case TENSOR_Q4_1:
        return run_products<TENSOR_Q4_1>(l, n);
    case TENSOR_Q5_0:
        return run_products<TENSOR_Q5_0>(l, n);
    case TENSOR_Q5_1:
        return run_products<TENSOR_Q5_1>(l, n);
    case TENSOR_Q8_0:
        return run_products<TENSOR_Q8_0>(l, n);
    case TENSOR_Q4_K:
        return run_products<TENSOR_Q4_K>(l, n);
    case TENSOR_Q5_K:
        return run_products<TENSOR_Q5_K>(l, n);
    case TENSOR_Q6_K:
        return run_products<TENSOR_Q6_K>(l, n);
    default:
        for (unsigned i = 0; i < n; i++) {
            const unsigned at_once = SIMT_MAX_THREADS / LANES;
            const product p = l.p[i];
            SIMT_RUN(float_product_kernel, p.w.strips, (p.n + at_once - 1) / at_once,
                     SIMT_MAX_THREADS, p);
        }
    }
}

void step_products(const product *list, uint32_t n)
{
    for (uint32_t i = 0, more; i < n; i += more) {
        product_list l = {};
        for (more = 0;
             more < MOST_TOGETHER && i + more < n && list[i + more].w.type == list[i].w.type;
             more++)
            l.p[more] = list[i + more];
        run_list(l, more);
    }
}

/* attend.cu - attention: keys and values are put in their places, then every token looks back.
 *
 * A score is a sum along the dimensions in order, a row's divisor sixteen partial sums, an output a
 * sum along the positions in order: as on the processor. Rows, positions and outputs are what is
 * done side by side. With few tokens a block of threads has one row, from its scores to its outputs
 * (row_kernel); with many, scores and outputs are tiles of 64 x 64, sixteen of them a thread. */
extern "C" {
#include "generate/cuda/kernels.h"
}

/* clang-format off */
#include "generate/cuda/lanes_simt.h" /* first: the spelling that the next two are written in */
#include "generate/cuda/steps.h"
#include "generate/kernels/lanes_math.h"
/* clang-format on */

#define THREADS SIMT_MAX_THREADS
#define GROUPS  (THREADS / LANES)

#define MINUS_INFINITY 0xff800000u

/* ---- places ---- */

#define HEAD_DIMS 256u /* the most dimensions that a head is placed with in shared memory */

/* Norm a head in place, then turn its pairs; a group a head. */
SIMT_INLINE void place_head(const attention_step *a, float *v, const float *norm, const float *turn)
{
    const unsigned half = a->rope_dims / 2, near = a->apart ? 1 : 2, far = a->apart ? half : 1;

    if (norm) {
        float by = inverse_norm(v, a->head_dim, a->eps);
        for (unsigned i = lane_of(); i < a->head_dim; i += LANES)
            v[i] = v[i] * by * norm[i];
        simt_group_barrier();
    }
    SIMT_UNROLL_4
    for (unsigned i = lane_of(); i < half; i += LANES) {
        float c = turn[2 * i], s = turn[2 * i + 1], x = v[i * near], y = v[i * near + far];
        v[i * near] = x * c - y * s;
        v[i * near + far] = x * s + y * c;
    }
    simt_group_barrier();
}

SIMT_INLINE void copy_head(float *to, const float *from, unsigned dim)
{
    SIMT_UNROLL_8
    for (unsigned i = lane_of(); i < dim; i += LANES)
        to[i] = from[i];
}

/* Block (some heads, token): queries first, then keys. */
SIMT_KERNEL place_kernel(SIMT_ARGUMENT attention_step a)
{
    SIMT_SHARED float heads[GROUPS][HEAD_DIMS];
    const unsigned token = simt_block_y, head = simt_block_x * GROUPS + group_of(),
                   dim = a.head_dim;
    const float *turn = a.turns + (size_t)token * a.rope_dims;

    simt_lead();
    simt_follow();
    if (head >= a.n_heads + a.n_kv_heads)
        return;
    const bool query = head < a.n_heads;
    const size_t at = query ? (size_t)token * a.n_heads + head
                            : (size_t)token * a.n_kv_heads + (head - a.n_heads);
    float *there = (query ? a.q : a.k) + at * dim,
          *v = dim <= HEAD_DIMS ? heads[group_of()] : there;

    if (v != there) {
        copy_head(v, there, dim);
        simt_group_barrier();
    }
    place_head(&a, v, query ? a.q_norm : a.k_norm, turn);
    if (query) {
        if (v != there)
            copy_head(there, v, dim);
        return;
    }
    const unsigned kv = head - a.n_heads, pos = a.first + token;
    const float *value = a.v + at * dim;
    uint16_t *keys =
        a.keys + (size_t)kv * a.capacity * dim + (size_t)(pos / 16) * dim * 16 + pos % 16;
    uint16_t *values = a.values + ((size_t)kv * a.capacity + pos) * dim;
    SIMT_UNROLL_8
    for (unsigned i = lane_of(); i < dim; i += LANES) {
        keys[i * 16] = simt_to_half(v[i]);
        values[i] = simt_to_half(value[i]);
    }
}

void step_place(const attention_step *at)
{
    const attention_step a = *at;

    SIMT_RUN_AFTER(place_kernel, (a.n_heads + a.n_kv_heads + GROUPS - 1) / GROUPS, a.n, THREADS, a);
}

/* ---- which positions a row sees ---- */

SIMT_INLINE unsigned lowest_seen(const attention_step *a, unsigned pos)
{
    return a->window && pos + 1 > a->window ? pos + 1 - a->window : 0;
}

/* A token and a head of it. */
typedef struct attention_row {
    unsigned token, head, kv;
    unsigned low, pos;     /* it sees low .. pos, */
    unsigned from, before; /* and has room for from .. before - 1, multiples of 16 */
} attention_row;

SIMT_INLINE attention_row row_of(const attention_step *a, unsigned token, unsigned head)
{
    attention_row r;

    r.token = token;
    r.head = head;
    r.kv = head / (a->n_heads / a->n_kv_heads);
    r.pos = a->first + token;
    r.low = lowest_seen(a, r.pos);
    r.from = r.low & ~15u;
    r.before = (r.pos + 16) & ~15u;
    return r;
}

SIMT_INLINE const float *query_of(const attention_step *a, unsigned token, unsigned head)
{
    return a->q + ((size_t)token * a->n_heads + head) * a->head_dim;
}

SIMT_INLINE const uint16_t *keys_of(const attention_step *a, unsigned kv)
{
    return a->keys + (size_t)kv * a->capacity * a->head_dim;
}

SIMT_INLINE const uint16_t *values_of(const attention_step *a, unsigned kv)
{
    return a->values + (size_t)kv * a->capacity * a->head_dim;
}

/* Eight half floats as floats. */
SIMT_INLINE void spread(simt_quad q, simt_quad to[2])
{
    SIMT_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        to[i / 2].w[2 * (i % 2)] = simt_bits(simt_from_half((uint16_t)q.w[i]));
        to[i / 2].w[2 * (i % 2) + 1] = simt_bits(simt_from_half((uint16_t)(q.w[i] >> 16)));
    }
}

/* ---- one row a block ---- */

#define ROW_DIMS 256u /* the most dimensions of a head */
#define PART     32u  /* dimensions of a row's output a block, a warp's */
#define ROW_TILE 128u /* positions whose values are staged together */
/* Scores that are kept in shared memory, and those that one block of threads makes itself. */
#define ROW_SPAN  SIMT_LIMIT(2048u, 64u)
#define ROW_ALONE SIMT_LIMIT(512u, 32u)
#define ROW_QUADS (ROW_TILE * PART / 8 / THREADS)

SIMT_INLINE float score_of(const attention_step *a, const float *q, const uint16_t *keys,
                           unsigned pos)
{
    const unsigned dim = a->head_dim;
    const uint16_t *k = keys + (size_t)(pos / 16) * dim * 16 + pos % 16;
    float acc = 0.0f;
    unsigned i = 0;

    for (; i + 16 <= dim; i += 16) { /* sixteen are on their way at once */
        uint16_t some[16];
        SIMT_UNROLL
        for (unsigned j = 0; j < 16; j++)
            some[j] = k[(i + j) * 16];
        SIMT_UNROLL
        for (unsigned j = 0; j < 16; j++)
            acc = simt_fma(q[i + j], simt_from_half(some[j]), acc);
    }
    for (; i < dim; i++)
        acc = simt_fma(q[i], simt_from_half(k[i * 16]), acc);
    return acc;
}

SIMT_INLINE float score_or_none(const attention_step *a, const attention_row *r, const float *q,
                                unsigned pos)
{
    return pos < r->low || pos > r->pos ? simt_float(MINUS_INFINITY)
                                        : score_of(a, q, keys_of(a, r->kv), pos);
}

/* The largest of all threads' numbers. */
SIMT_INLINE float block_largest(float v, float *some)
{
    v = lanes_largest(v);
    if (lane_of() == 0)
        some[group_of()] = v;
    simt_barrier();
    return lanes_largest(some[lane_of()]);
}

/* From scores to the powers of the softmax, as in `softmax` of kernels_body.h; returns what they
 * are to be multiplied by. s[i] belongs to position r.from + i. */
SIMT_INLINE float soften_row(const attention_row *r, float *s, float *some)
{
    const unsigned n = r->before - r->from;
    float top = simt_float(MINUS_INFINITY), sum = 0.0f;

    for (unsigned i = simt_thread; i < n; i += THREADS)
        top = lanes_max(s[i], top);
    top = block_largest(top, some);
    for (unsigned i = simt_thread; i < n; i += THREADS)
        s[i] = lanes_exp(lanes_sub(s[i], top));
    simt_barrier();
    if (group_of() == 0) {
        unsigned i = lane_of();
        for (; i + 7 * LANES < n; i += 8 * LANES) {
            float some8[8];
            SIMT_UNROLL
            for (unsigned j = 0; j < 8; j++)
                some8[j] = s[i + j * LANES];
            SIMT_UNROLL
            for (unsigned j = 0; j < 8; j++)
                sum = lanes_add(sum, some8[j]);
        }
        for (; i < n; i += LANES)
            sum = lanes_add(sum, s[i]);
        sum = 1.0f / lanes_sum(sum);
        if (lane_of() == 0)
            some[0] = sum;
    }
    simt_barrier();
    return some[0];
}

/* Values and shares of some positions, on their way. */
typedef struct row_loads {
    simt_quad values[ROW_QUADS];
    float share;
} row_loads;

typedef struct row_tile {
    simt_quad values[ROW_TILE][PART / 4]; /* floats */
    simt_quad shares[ROW_TILE / 4];
} row_tile;

/* Positions from .. from + ROW_TILE - 1, of which those before r.before are there. */
SIMT_INLINE void load_row(const attention_step *a, const attention_row *r, const float *s,
                          unsigned from, unsigned dim0, row_loads *to)
{
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++) {
        const unsigned at = i * THREADS + simt_thread, pos = from + at / (PART / 8),
                       dim = dim0 + at % (PART / 8) * 8;
        if (pos <= r->pos && dim < a->head_dim)
            to->values[i] =
                *(const simt_quad *)(values_of(a, r->kv) + (size_t)pos * a->head_dim + dim);
    }
    if (simt_thread < ROW_TILE && from + simt_thread <= r->pos)
        to->share = s[from + simt_thread - r->from];
}

SIMT_INLINE void keep_row(const row_loads *of, float by, row_tile *to)
{
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++)
        spread(of->values[i], &to->values[0][0] + 2 * (i * THREADS + simt_thread));
    if (simt_thread < ROW_TILE)
        to->shares[simt_thread / 4].w[simt_thread % 4] = simt_bits(lanes_mul(of->share, by));
}

/* acc + n positions, one dimension a thread. */
SIMT_INLINE float add_row(const row_tile *t, unsigned n, float acc)
{
    const uint32_t *v = &t->values[0][0].w[0] + simt_thread;
    unsigned i = 0;

    for (; i + 16 <= n; i += 16) { /* sixteen are on their way at once */
        simt_quad share[4];
        uint32_t some[16];
        SIMT_UNROLL
        for (unsigned j = 0; j < 16; j++) {
            share[j / 4] = t->shares[i / 4 + j / 4];
            some[j] = v[(i + j) * PART];
        }
        SIMT_UNROLL
        for (unsigned j = 0; j < 16; j++)
            acc = simt_fma(simt_float(share[j / 4].w[j % 4]), simt_float(some[j]), acc);
    }
    for (; i < n; i++)
        acc = simt_fma(simt_float(t->shares[i / 4].w[i % 4]), simt_float(v[i * PART]), acc);
    return acc;
}

/* Some of the row's outputs: a thread a dimension, values in rising order of position. What lies
 * before the positions that the row sees has a share of nothing, and nothing is added to zero. */
SIMT_INLINE float blend_row(const attention_step *a, const attention_row *r, const float *s,
                            float by, unsigned dim0, row_tile *tiles)
{
    row_loads ahead = {};
    float acc = 0.0f;

    load_row(a, r, s, r->from, dim0, &ahead);
    for (unsigned from = r->from, at = 0; from <= r->pos; from += ROW_TILE, at = !at) {
        const unsigned left = r->pos + 1 - from;
        keep_row(&ahead, by, &tiles[at]);
        simt_barrier();
        if (left > ROW_TILE)
            load_row(a, r, s, from + ROW_TILE, dim0, &ahead);
        if (simt_thread < PART)
            acc = add_row(&tiles[at], left < ROW_TILE ? left : ROW_TILE, acc);
    }
    return acc;
}

/* Block (head and part of its dimensions, token). Of a row of more than ROW_ALONE positions the
 * scores are in a.scores already. With `rounded` the outputs are rounded as well. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 4)
    row_kernel(SIMT_ARGUMENT attention_step a, unsigned skip, unsigned span, uint8_t *rounded)
{
    SIMT_SHARED row_tile tiles[2];
    SIMT_SHARED float scores[ROW_SPAN], q[ROW_DIMS], some[GROUPS];
    const unsigned dim = a.head_dim, parts = (dim + PART - 1) / PART, head = simt_block_x / parts,
                   dim0 = simt_block_x % parts * PART, at = simt_block_y * a.n_heads + head;
    const attention_row r = row_of(&a, skip + simt_block_y, head);
    const float *query = query_of(&a, r.token, r.head);
    float *there = a.scores + (size_t)at * (parts + 1) * span, *s = scores;

    simt_lead();
    simt_follow();
    if (span <= ROW_ALONE) {
        if (simt_thread < dim)
            q[simt_thread] = query[simt_thread] * a.by;
        simt_barrier();
        for (unsigned pos = r.from + simt_thread; pos < r.before; pos += THREADS)
            s[pos - r.from] = score_or_none(&a, &r, q, pos);
    } else {
        if (r.before - r.from > ROW_SPAN)
            s = there + (size_t)(1 + simt_block_x % parts) * span;
        SIMT_UNROLL_8
        for (unsigned i = simt_thread; i < r.before - r.from; i += THREADS)
            s[i] = there[i];
    }
    simt_barrier();
    const float by = soften_row(&r, s, some);
    const float out = blend_row(&a, &r, s, by, dim0, tiles);
    if (simt_thread < PART && dim0 + simt_thread < dim) {
        a.mixed[(size_t)at * dim + dim0 + simt_thread] = out;
        q[simt_thread] = out;
    }
    simt_barrier();
    if (rounded && group_of() == 0)
        round_block(q[lane_of()], q[lane_of() + LANES],
                    rounded + ((size_t)at * dim + dim0) / PART * KERNEL_SINGLE_BLOCK);
}

/* The scores of long rows, from the first position that each sees: a thread a position, block
 * (positions, token and head). */
SIMT_KERNEL row_scores_kernel(SIMT_ARGUMENT attention_step a, unsigned skip, unsigned span)
{
    SIMT_SHARED float q[ROW_DIMS];
    const unsigned at = simt_block_y, parts = (a.head_dim + PART - 1) / PART;
    const attention_row r = row_of(&a, skip + at / a.n_heads, at % a.n_heads);
    const unsigned i = simt_block_x * THREADS + simt_thread;

    simt_lead();
    simt_follow();
    if (simt_thread < a.head_dim)
        q[simt_thread] = query_of(&a, r.token, r.head)[simt_thread] * a.by;
    simt_barrier();
    if (i < r.before - r.from)
        a.scores[(size_t)at * (parts + 1) * span + i] = score_or_none(&a, &r, q, r.from + i);
}

/* ---- tiles ---- */

#define SIDE 64u /* tokens, positions and dimensions of a tile */
#define DEEP 32u /* dimensions or positions staged together */
#define PAD  4u

/* One operand along the tokens, one along what a thread's four outputs of a token lie along. */
typedef struct tile_stage {
    float down[DEEP][SIDE + PAD], across[DEEP][SIDE];
} tile_stage;

typedef struct tile_outputs {
    float of[4][4]; /* [token][across] */
} tile_outputs;

SIMT_INLINE unsigned mine_down(void)
{
    return simt_thread / 16 * 4;
}
SIMT_INLINE unsigned mine_across(void)
{
    return simt_thread % 16 * 4;
}

SIMT_INLINE void multiply_at(const tile_stage *s, unsigned i, tile_outputs *acc)
{
    const simt_quad down = *(const simt_quad *)&s->down[i][mine_down()],
                    across = *(const simt_quad *)&s->across[i][mine_across()];

    SIMT_UNROLL
    for (unsigned t = 0; t < 4; t++) {
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++)
            acc->of[t][j] = simt_fma(simt_float(down.w[t]), simt_float(across.w[j]), acc->of[t][j]);
    }
}

/* Which slice of the tokens the blocks of threads are about: `first` and the n - 1 behind it. Rows
 * of scores are counted from there. */
typedef struct token_slice {
    unsigned first, n, span, tall; /* tall: tiles of SIDE tokens */
} token_slice;

SIMT_INLINE float *scores_of(const attention_step *a, const token_slice *s, unsigned token,
                             unsigned head)
{
    return a->scores + ((size_t)(token - s->first) * a->n_heads + head) * s->span;
}

/* The tile's tokens: first .. last, at least one. */
SIMT_INLINE void tokens_of(const token_slice *s, unsigned *first, unsigned *last)
{
    *first =
        s->first + (s->tall - 1 - simt_block_y) * SIDE; /* the last ones, which see most, begin */
    *last = s->first + s->n - 1;
    if (*last > *first + SIDE - 1)
        *last = *first + SIDE - 1;
}

/* A thread's part of a stage, on its way: eight numbers of one token, and eight half floats. */
typedef struct stage_loads {
    float down[8];
    simt_quad across;
} stage_loads;

/* Eight floats from an address that is a multiple of 16 where `aligned`; the first n of them are
 * there. */
SIMT_INLINE void load_eight(const float *from, unsigned n, bool aligned, float to[8])
{
    if (aligned && n >= 8) {
        SIMT_UNROLL
        for (unsigned i = 0; i < 2; i++) {
            const simt_quad q = ((const simt_quad *)from)[i];
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++)
                to[4 * i + j] = simt_float(q.w[j]);
        }
        return;
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < 8; i++)
        to[i] = i < n ? from[i] : 0.0f;
}

SIMT_INLINE void keep_down(const stage_loads *of, float by, tile_stage *s)
{
    const unsigned token = simt_thread % SIDE, part = simt_thread / SIDE * 8;

    SIMT_UNROLL
    for (unsigned i = 0; i < 8; i++)
        s->down[part + i][token] = of->down[i] * by;
}

/* Dimensions from .. from + DEEP - 1 of the tile's queries and keys. */
SIMT_INLINE void load_scores(const attention_step *a, unsigned first, unsigned last, unsigned head,
                             unsigned pos0, unsigned from, stage_loads *to)
{
    const unsigned dim = a->head_dim, token = simt_thread % SIDE,
                   at = from + simt_thread / SIDE * 8;
    const float *q = query_of(a, first + token < last ? first + token : last, head);
    const unsigned strip = simt_thread / SIDE, row = from + simt_thread % SIDE / 2,
                   eight = simt_thread % 2 * 8;
    const unsigned pos = pos0 + strip * 16;

    load_eight(q + at, at < dim ? dim - at : 0, dim % 4 == 0, to->down);
    if (row < dim && pos < a->capacity)
        to->across = *(const simt_quad *)(keys_of(a, head / (a->n_heads / a->n_kv_heads)) +
                                          (size_t)pos * dim + row * 16 + eight);
}

SIMT_INLINE void keep_scores(const attention_step *a, const stage_loads *of, tile_stage *s)
{
    keep_down(of, a->by, s);
    spread(of->across, (simt_quad *)&s->across[simt_thread % SIDE / 2]
                                              [simt_thread / SIDE * 16 + simt_thread % 2 * 8]);
}

/* Block (positions, tokens, head): a tile of scores; what no token of the tile sees is left out. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 3) scores_kernel(SIMT_ARGUMENT attention_step a, token_slice slice)
{
    SIMT_SHARED tile_stage s;
    const unsigned pos0 = simt_block_x * SIDE, head = simt_block_z, dim = a.head_dim;
    unsigned first, last;
    tile_outputs acc = {};
    stage_loads loads = {};

    tokens_of(&slice, &first, &last);
    if (pos0 > a.first + last || pos0 + SIDE <= (lowest_seen(&a, a.first + first) & ~15u))
        return;
    load_scores(&a, first, last, head, pos0, 0, &loads);
    for (unsigned from = 0; from < dim; from += DEEP) {
        const unsigned n = dim - from < DEEP ? dim - from : DEEP;
        keep_scores(&a, &loads, &s);
        simt_barrier();
        if (from + DEEP < dim)
            load_scores(&a, first, last, head, pos0, from + DEEP, &loads);
        if (n == DEEP) {
            SIMT_UNROLL_8
            for (unsigned i = 0; i < DEEP; i++)
                multiply_at(&s, i, &acc);
        } else {
            for (unsigned i = 0; i < n; i++)
                multiply_at(&s, i, &acc);
        }
        simt_barrier();
    }
    const unsigned pos = pos0 + mine_across();
    SIMT_UNROLL
    for (unsigned t = 0; t < 4; t++) {
        const unsigned token = first + mine_down() + t;
        if (token > last || pos >= slice.span)
            continue;
        const attention_row r = row_of(&a, token, head);
        simt_quad out;
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++)
            out.w[j] =
                pos + j < r.low || pos + j > r.pos ? MINUS_INFINITY : simt_bits(acc.of[t][j]);
        *(simt_quad *)(scores_of(&a, &slice, token, head) + pos) = out;
    }
}

/* A group a row; see `softmax` of kernels_body.h. The positions that a row does not see add exact
 * zeros to the sums, so it does not matter how many of them there are. */
SIMT_KERNEL soften_kernel(SIMT_ARGUMENT attention_step a, token_slice slice)
{
    const unsigned row = simt_block_x * GROUPS + group_of();
    lanes top = simt_float(MINUS_INFINITY), sum = lanes_zero(), by;

    if (row >= slice.n * a.n_heads)
        return;
    const attention_row r = row_of(&a, slice.first + row / a.n_heads, row % a.n_heads);
    float *s = scores_of(&a, &slice, r.token, r.head);
    SIMT_UNROLL_8
    for (unsigned i = r.from + lane_of(); i < r.before; i += LANES)
        top = lanes_max(s[i], top);
    top = lanes_largest(top);
    SIMT_UNROLL_4
    for (unsigned i = r.from + lane_of(); i < r.before; i += LANES) {
        lanes e = lanes_exp(lanes_sub(s[i], top));
        s[i] = e;
        sum = lanes_add(sum, e);
    }
    by = 1.0f / lanes_sum(sum);
    SIMT_UNROLL_8
    for (unsigned i = r.from + lane_of(); i < r.before; i += LANES)
        s[i] = lanes_mul(s[i], by);
}

/* Positions from .. from + DEEP - 1 of the tile's shares and values; those that a token does not
 * see are not used. */
SIMT_INLINE void load_outputs(const attention_step *a, const token_slice *slice, unsigned first,
                              unsigned last, unsigned head, unsigned from, unsigned dim0,
                              stage_loads *to)
{
    const unsigned dim = a->head_dim, token = simt_thread % SIDE,
                   at = from + simt_thread / SIDE * 8;
    const float *shares = scores_of(a, slice, first + token < last ? first + token : last, head);
    const unsigned pos = from + simt_thread / 8, i = dim0 + simt_thread % 8 * 8;
    const uint16_t *v = values_of(a, head / (a->n_heads / a->n_kv_heads)) + (size_t)pos * dim + i;

    load_eight(shares + at, at < slice->span ? slice->span - at : 0, true, to->down);
    if (pos >= a->capacity || i >= dim)
        return;
    if (dim % 8 == 0) {
        to->across = *(const simt_quad *)v;
        return;
    }
    SIMT_UNROLL
    for (unsigned j = 0; j < 4; j++)
        to->across.w[j] = (i + 2 * j < dim ? v[2 * j] : 0u) |
                          (i + 2 * j + 1 < dim ? (uint32_t)v[2 * j + 1] << 16 : 0u);
}

SIMT_INLINE void keep_outputs(const stage_loads *of, tile_stage *s)
{
    keep_down(of, 1.0f, s);
    spread(of->across, (simt_quad *)&s->across[simt_thread / 8][simt_thread % 8 * 8]);
}

/* acc + DEEP positions, of which each token sees some. */
SIMT_INLINE void multiply_seen(const attention_step *a, const tile_stage *s, unsigned first,
                               unsigned from, tile_outputs *acc)
{
    for (unsigned i = 0; i < DEEP; i++) {
        tile_outputs with = *acc;
        multiply_at(s, i, &with);
        SIMT_UNROLL
        for (unsigned t = 0; t < 4; t++) {
            const unsigned pos = a->first + first + mine_down() + t;
            const bool seen = from + i >= lowest_seen(a, pos) && from + i <= pos;
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++)
                acc->of[t][j] = seen ? with.of[t][j] : acc->of[t][j];
        }
    }
}

/* Block (dimensions, tokens, head): a tile of outputs. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 3)
    outputs_kernel(SIMT_ARGUMENT attention_step a, token_slice slice, unsigned skip)
{
    SIMT_SHARED tile_stage s;
    const unsigned dim0 = simt_block_x * SIDE, head = simt_block_z, dim = a.head_dim;
    unsigned first, last;
    tile_outputs acc = {};
    stage_loads loads = {};

    tokens_of(&slice, &first, &last);
    const unsigned start = lowest_seen(&a, a.first + first) & ~15u, end = a.first + last;
    const unsigned sure_from = lowest_seen(&a, end), sure_to = a.first + first;
    load_outputs(&a, &slice, first, last, head, start, dim0, &loads);
    for (unsigned from = start; from <= end; from += DEEP) {
        keep_outputs(&loads, &s);
        simt_barrier();
        if (from + DEEP <= end)
            load_outputs(&a, &slice, first, last, head, from + DEEP, dim0, &loads);
        if (from >= sure_from && from + DEEP - 1 <= sure_to) {
            SIMT_UNROLL_8
            for (unsigned i = 0; i < DEEP; i++)
                multiply_at(&s, i, &acc);
        } else {
            multiply_seen(&a, &s, first, from, &acc);
        }
        simt_barrier();
    }
    SIMT_UNROLL
    for (unsigned t = 0; t < 4; t++) {
        const unsigned token = first + mine_down() + t;
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++) {
            const unsigned i = dim0 + mine_across() + j;
            if (token <= last && i < dim)
                a.mixed[((size_t)(token - skip) * a.n_heads + head) * dim + i] = acc.of[t][j];
        }
    }
}

/* ---- launching ---- */

#define FEW_ROWS 16u /* tokens: fewer than that, and tiles would be mostly empty */

static unsigned blocks_for(size_t n, unsigned each)
{
    return (unsigned)((n + each - 1) / each);
}

static void attend_rows(const attention_step &a, unsigned skip, uint8_t *rounded)
{
    const unsigned span = step_span(a.first, a.n), n = a.n - skip;
    uint8_t *at_once = a.head_dim % 32 ? NULL : rounded;

    if (span > ROW_ALONE)
        SIMT_RUN_AFTER(row_scores_kernel, blocks_for(span, THREADS), n * a.n_heads, THREADS, a,
                       skip, span);
    SIMT_RUN_AFTER(row_kernel, a.n_heads * blocks_for(a.head_dim, PART), n, THREADS, a, skip, span,
                   at_once);
    if (rounded && !at_once)
        step_round(a.mixed, n, a.n_heads * a.head_dim, rounded);
}

static void attend_tiles(const attention_step &a, unsigned skip, uint8_t *rounded)
{
    const unsigned span = step_span(a.first, a.n);
    const size_t room = a.score_room / ((size_t)a.n_heads * span);
    const unsigned most = room < SIDE ? (room ? (unsigned)room : 1)
                                      : (unsigned)(room < a.n ? room / SIDE * SIDE : a.n);

    for (unsigned from = skip; from < a.n; from += most) {
        const unsigned n = a.n - from < most ? a.n - from : most, tall = blocks_for(n, SIDE);
        const token_slice slice = {from, n, span, tall};
        SIMT_RUN_3(scores_kernel, blocks_for(span, SIDE), tall, a.n_heads, THREADS, a, slice);
        SIMT_RUN(soften_kernel, blocks_for((size_t)slice.n * a.n_heads, GROUPS), 1, THREADS, a,
                 slice);
        SIMT_RUN_3(outputs_kernel, blocks_for(a.head_dim, SIDE), tall, a.n_heads, THREADS, a, slice,
                   skip);
    }
    if (rounded)
        step_round(a.mixed, a.n - skip, a.n_heads * a.head_dim, rounded);
}

void step_attend(const attention_step *at, uint32_t skip, uint8_t *rounded)
{
    const attention_step a = *at;

    if (a.n - skip < FEW_ROWS && a.head_dim <= ROW_DIMS && a.head_dim % 8 == 0)
        attend_rows(a, skip, rounded);
    else
        attend_tiles(a, skip, rounded);
}

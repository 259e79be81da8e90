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
    for (unsigned i = lane_of(); i < half; i += LANES) {
        float c = turn[2 * i], s = turn[2 * i + 1], x = v[i * near], y = v[i * near + far];
        v[i * near] = x * c - y * s;
        v[i * near + far] = x * s + y * c;
    }
    simt_group_barrier();
}

/* Block (some heads, token): queries first, then keys. */
SIMT_KERNEL place_kernel(SIMT_ARGUMENT attention_step a)
{
    const unsigned token = simt_block_y, head = simt_block_x * GROUPS + group_of();
    const float *turn = a.turns + (size_t)token * a.rope_dims;

    if (head < a.n_heads) {
        place_head(&a, a.q + ((size_t)token * a.n_heads + head) * a.head_dim, a.q_norm, turn);
    } else if (head < a.n_heads + a.n_kv_heads) {
        const unsigned kv = head - a.n_heads, pos = a.first + token, dim = a.head_dim;
        const size_t at = (size_t)token * a.n_kv_heads + kv;
        float *k = a.k + at * dim;
        uint16_t *keys =
            a.keys + (size_t)kv * a.capacity * dim + (size_t)(pos / 16) * dim * 16 + pos % 16;
        uint16_t *values = a.values + ((size_t)kv * a.capacity + pos) * dim;

        place_head(&a, k, a.k_norm, turn);
        for (unsigned i = lane_of(); i < dim; i += LANES) {
            keys[i * 16] = simt_to_half(k[i]);
            values[i] = simt_to_half(a.v[at * dim + i]);
        }
    }
}

void step_place(const attention_step *at)
{
    const attention_step a = *at;

    SIMT_RUN(place_kernel, (a.n_heads + a.n_kv_heads + GROUPS - 1) / GROUPS, a.n, THREADS, a);
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

#define ROW_DIMS  256u  /* the most dimensions of a head, */
#define ROW_SPAN  3072u /* and scores that are kept in shared memory */
#define ROW_TILE  8192u /* values staged together */
#define ROW_QUADS (ROW_TILE / 8 / THREADS)

SIMT_INLINE float score_of(const attention_step *a, const float *q, const uint16_t *keys, unsigned pos)
{
    const unsigned dim = a->head_dim;
    const uint16_t *k = keys + (size_t)(pos / 16) * dim * 16 + pos % 16;
    float acc = 0.0f;

    SIMT_UNROLL_16
    for (unsigned i = 0; i < dim; i++)
        acc = simt_fma(q[i], simt_from_half(k[i * 16]), acc);
    return acc;
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

/* From scores to shares, as `softmax` of kernels_body.h. s[i] belongs to position r.from + i. */
SIMT_INLINE void soften_row(const attention_row *r, float *s, float *some)
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
        SIMT_UNROLL_16
        for (unsigned i = lane_of(); i < n; i += LANES)
            sum = lanes_add(sum, s[i]);
        sum = 1.0f / lanes_sum(sum);
        if (lane_of() == 0)
            some[0] = sum;
    }
    simt_barrier();
    sum = some[0];
    for (unsigned i = simt_thread; i < n; i += THREADS)
        s[i] = lanes_mul(s[i], sum);
}

/* Positions from, from + 1, ... of the values, as many as fit. */
SIMT_INLINE void load_values(const uint16_t *values, unsigned from, unsigned n, unsigned dim,
                             simt_quad to[ROW_QUADS])
{
    SIMT_UNROLL
    for (unsigned i = 0; i < ROW_QUADS; i++) {
        const unsigned at = (i * THREADS + simt_thread) * 8;
        if (at < n * dim)
            to[i] = *(const simt_quad *)(values + (size_t)from * dim + at);
    }
}

/* The row's outputs: a thread a dimension, values in rising order of position. */
SIMT_INLINE float blend_row(const attention_step *a, const attention_row *r, const float *s,
                            simt_quad *tile)
{
    const unsigned dim = a->head_dim, each = ROW_TILE / dim;
    const uint16_t *values = values_of(a, r->kv);
    simt_quad ahead[ROW_QUADS];
    float acc = 0.0f;

    load_values(values, r->low, r->pos + 1 - r->low < each ? r->pos + 1 - r->low : each, dim, ahead);
    for (unsigned pos = r->low; pos <= r->pos; pos += each) {
        const unsigned left = r->pos + 1 - pos, n = left < each ? left : each;
        simt_barrier();
        SIMT_UNROLL
        for (unsigned i = 0; i < ROW_QUADS; i++)
            spread(ahead[i], tile + 2 * (i * THREADS + simt_thread));
        simt_barrier();
        if (left > n)
            load_values(values, pos + n, left - n < each ? left - n : each, dim, ahead);
        if (simt_thread < dim) {
            const uint32_t *v = (const uint32_t *)tile + simt_thread;
            SIMT_UNROLL_16
            for (unsigned i = 0; i < n; i++)
                acc = simt_fma(s[pos - r->from + i], simt_float(v[i * dim]), acc);
        }
    }
    return acc;
}

/* Block (head, token). Where the row is longer than shared memory has room, its scores are in a.scores
 * already. With `rounded` the outputs are rounded as well. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 4)
    row_kernel(SIMT_ARGUMENT attention_step a, unsigned skip, unsigned span, uint8_t *rounded)
{
    SIMT_SHARED simt_quad tile[ROW_TILE / 4];
    SIMT_SHARED float scores[ROW_SPAN], q[ROW_DIMS], some[GROUPS];
    const unsigned dim = a.head_dim, at = simt_block_y * a.n_heads + simt_block_x;
    const attention_row r = row_of(&a, skip + simt_block_y, simt_block_x);
    const float *query = query_of(&a, r.token, r.head);
    float *s = scores;

    if (span > ROW_SPAN) {
        s = a.scores + (size_t)at * span + r.from;
    } else {
        for (unsigned i = simt_thread; i < dim; i += THREADS)
            q[i] = query[i] * a.by;
        simt_barrier();
        for (unsigned pos = r.from + simt_thread; pos < r.before; pos += THREADS)
            s[pos - r.from] = pos < r.low || pos > r.pos ? simt_float(MINUS_INFINITY)
                                                         : score_of(&a, q, keys_of(&a, r.kv), pos);
        simt_barrier();
    }
    soften_row(&r, s, some);
    simt_barrier();
    const float out = blend_row(&a, &r, s, tile);
    if (simt_thread < dim)
        a.mixed[(size_t)at * dim + simt_thread] = out;
    if (rounded) {
        if (simt_thread < dim)
            q[simt_thread] = out;
        simt_barrier();
        for (unsigned b = group_of(); b < dim / 32; b += GROUPS)
            round_block(q[32 * b + lane_of()], q[32 * b + 16 + lane_of()],
                        rounded + ((size_t)at * (dim / 32) + b) * KERNEL_SINGLE_BLOCK);
    }
}

/* The scores of long rows: a thread a position, block (positions, token and head). */
SIMT_KERNEL row_scores_kernel(SIMT_ARGUMENT attention_step a, unsigned skip, unsigned span)
{
    SIMT_SHARED float q[ROW_DIMS];
    const unsigned at = simt_block_y, pos = simt_block_x * THREADS + simt_thread;
    const attention_row r = row_of(&a, skip + at / a.n_heads, at % a.n_heads);
    const float *query = query_of(&a, r.token, r.head);

    for (unsigned i = simt_thread; i < a.head_dim; i += THREADS)
        q[i] = query[i] * a.by;
    simt_barrier();
    if (pos >= r.from && pos < r.before)
        a.scores[(size_t)at * span + pos] = pos < r.low || pos > r.pos
                                                ? simt_float(MINUS_INFINITY)
                                                : score_of(&a, q, keys_of(&a, r.kv), pos);
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

/* Which slice of the tokens the blocks of threads are about: `first` and the n - 1 behind it. Rows of
 * scores are counted from there. */
typedef struct token_slice {
    unsigned first, n, span;
} token_slice;

SIMT_INLINE float *scores_of(const attention_step *a, const token_slice *s, unsigned token, unsigned head)
{
    return a->scores + ((size_t)(token - s->first) * a->n_heads + head) * s->span;
}

/* The tile's tokens: first .. last, at least one. */
SIMT_INLINE void tokens_of(const token_slice *s, unsigned *first, unsigned *last)
{
    *first = s->first + simt_block_y * SIDE;
    *last = s->first + s->n - 1;
    if (*last > *first + SIDE - 1)
        *last = *first + SIDE - 1;
}

/* Dimensions from .. from + n - 1 of the tile's queries and keys. */
SIMT_INLINE void stage_scores(const attention_step *a, tile_stage *s, unsigned first, unsigned last,
                              unsigned head, unsigned pos0, unsigned from, unsigned n)
{
    const unsigned dim = a->head_dim, token = simt_thread % SIDE, part = simt_thread / SIDE * 8;
    const float *q = query_of(a, first + token < last ? first + token : last, head) + from;
    const unsigned strip = simt_thread / SIDE, row = simt_thread % SIDE / 2, eight = simt_thread % 2 * 8;
    const unsigned pos = pos0 + strip * 16;

    SIMT_UNROLL
    for (unsigned i = part; i < part + 8; i++)
        if (i < n)
            s->down[i][token] = q[i] * a->by;
    if (row < n && pos < a->capacity) {
        const uint16_t *k = keys_of(a, head / (a->n_heads / a->n_kv_heads)) + (size_t)pos * dim +
                            (from + row) * 16 + eight;
        spread(*(const simt_quad *)k, (simt_quad *)&s->across[row][strip * 16 + eight]);
    }
}

/* Block (positions, tokens, head): a tile of scores; what no token of the tile sees is left out. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 4) scores_kernel(SIMT_ARGUMENT attention_step a, token_slice slice)
{
    SIMT_SHARED tile_stage s;
    const unsigned pos0 = simt_block_x * SIDE, head = simt_block_z, dim = a.head_dim;
    unsigned first, last;
    tile_outputs acc = {};

    tokens_of(&slice, &first, &last);
    if (pos0 > a.first + last || pos0 + SIDE <= (lowest_seen(&a, a.first + first) & ~15u))
        return;
    for (unsigned from = 0; from < dim; from += DEEP) {
        const unsigned n = dim - from < DEEP ? dim - from : DEEP;
        stage_scores(&a, &s, first, last, head, pos0, from, n);
        simt_barrier();
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
            out.w[j] = pos + j < r.low || pos + j > r.pos ? MINUS_INFINITY : simt_bits(acc.of[t][j]);
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

/* Positions from .. from + DEEP - 1 of the tile's shares and values. Those that a token does not see are
 * not used; they are read as zeros where there is nothing. */
SIMT_INLINE void stage_values(const attention_step *a, const token_slice *slice, tile_stage *s,
                              unsigned first, unsigned last, unsigned head, unsigned from, unsigned dim0)
{
    const unsigned dim = a->head_dim, token = simt_thread % SIDE, part = simt_thread / SIDE * 8;
    const float *shares = scores_of(a, slice, first + token < last ? first + token : last, head);
    const unsigned row = simt_thread / 8, eight = simt_thread % 8 * 8, at = dim0 + eight;
    const uint16_t *v = values_of(a, head / (a->n_heads / a->n_kv_heads)) + (size_t)(from + row) * dim + at;
    float *to = &s->across[row][eight];

    SIMT_UNROLL
    for (unsigned i = part; i < part + 8; i++)
        s->down[i][token] = from + i < slice->span ? shares[from + i] : 0.0f;
    if (from + row >= a->capacity)
        return;
    if (dim % 8 == 0) {
        if (at < dim)
            spread(*(const simt_quad *)v, (simt_quad *)to);
        return;
    }
    for (unsigned j = 0; j < 8 && at + j < dim; j++)
        to[j] = simt_from_half(v[j]);
}

/* Block (dimensions, tokens, head): a tile of outputs. */
SIMT_KERNEL SIMT_BOUNDS(THREADS, 4) outputs_kernel(SIMT_ARGUMENT attention_step a, token_slice slice,
                                                   unsigned skip)
{
    SIMT_SHARED tile_stage s;
    const unsigned dim0 = simt_block_x * SIDE, head = simt_block_z, dim = a.head_dim;
    unsigned first, last;
    tile_outputs acc = {};

    tokens_of(&slice, &first, &last);
    const unsigned sure_from = lowest_seen(&a, a.first + last), sure_to = a.first + first;
    for (unsigned from = lowest_seen(&a, a.first + first) & ~15u; from <= a.first + last; from += DEEP) {
        stage_values(&a, &slice, &s, first, last, head, from, dim0);
        simt_barrier();
        if (from >= sure_from && from + DEEP - 1 <= sure_to) {
            SIMT_UNROLL_8
            for (unsigned i = 0; i < DEEP; i++)
                multiply_at(&s, i, &acc);
        } else {
            for (unsigned i = 0; i < DEEP; i++) {
                tile_outputs with = acc;
                multiply_at(&s, i, &with);
                SIMT_UNROLL
                for (unsigned t = 0; t < 4; t++) {
                    const unsigned pos = a.first + first + mine_down() + t;
                    const bool seen = from + i >= lowest_seen(&a, pos) && from + i <= pos;
                    SIMT_UNROLL
                    for (unsigned j = 0; j < 4; j++)
                        acc.of[t][j] = seen ? with.of[t][j] : acc.of[t][j];
                }
            }
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

    if (span > ROW_SPAN)
        SIMT_RUN(row_scores_kernel, blocks_for(span, THREADS), n * a.n_heads, THREADS, a, skip, span);
    SIMT_RUN(row_kernel, a.n_heads, n, THREADS, a, skip, span, at_once);
    if (rounded && !at_once)
        step_round(a.mixed, n, a.n_heads * a.head_dim, rounded);
}

static void attend_tiles(const attention_step &a, unsigned skip, uint8_t *rounded)
{
    const unsigned span = step_span(a.first, a.n);
    const size_t room = a.score_room / ((size_t)a.n_heads * span);
    const unsigned most = room < SIDE ? (room ? (unsigned)room : 1) : (unsigned)(room < a.n ? room / SIDE * SIDE : a.n);

    for (unsigned from = skip; from < a.n; from += most) {
        const token_slice slice = {from, a.n - from < most ? a.n - from : most, span};
        const unsigned tall = blocks_for(slice.n, SIDE);
        SIMT_RUN_3(scores_kernel, blocks_for(span, SIDE), tall, a.n_heads, THREADS, a, slice);
        SIMT_RUN(soften_kernel, blocks_for((size_t)slice.n * a.n_heads, GROUPS), 1, THREADS, a, slice);
        SIMT_RUN_3(outputs_kernel, blocks_for(a.head_dim, SIDE), tall, a.n_heads, THREADS, a, slice, skip);
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

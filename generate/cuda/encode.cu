/* encode.cu - the steps of encode.h as kernels: rounding, products, norm, attention, sums.
 *
 * Where a sum runs over sixteen partial sums on the processor (norms, the softmax's divisor) a
 * group of sixteen threads are those lanes; where it runs in order (a product's blocks of 64 or 32
 * inputs) a thread is one output and walks along them. The exponential, GELU and rounding are
 * compiled from the processor's text (generate/encode/encode_math.h). */
extern "C" {
#include "generate/cuda/encode.h"
#include "generate/encode/encode_kernels.h"
}

#include "generate/cuda/lanes_simt.h"

#define LANE_FN SIMT_INLINE

typedef int32_t ilanes;
typedef bool lane_mask;

LANE_FN lanes lanes_set(float x)
{
    return x;
}
LANE_FN lanes lanes_pick(lane_mask mask, lanes yes, lanes no)
{
    return mask ? yes : no;
}
LANE_FN lane_mask lanes_less(lanes a, lanes b)
{
    return a < b;
}
LANE_FN lanes lanes_of_ints(ilanes n)
{
    return (float)n;
}
LANE_FN lanes lanes_times_power(lanes p, ilanes n)
{
    return simt_float(simt_bits(p) + ((uint32_t)n << 23));
}

#include "generate/encode/encode_math.h"

#define GROUPS (SIMT_MAX_THREADS / SIMT_GROUP)
#define PANEL  32u /* ENCODE_PANEL */
#define WIDE   64u /* ENCODE_I16_BLOCK */
#define NARROW 32u /* ENCODE_Q4_BLOCK */

static_assert(PANEL == ENCODE_PANEL && WIDE == ENCODE_I16_BLOCK && NARROW == ENCODE_Q4_BLOCK,
              "the blocks of encode_kernels.h");

/* The number of this thread's group in the row of blocks. */
SIMT_INLINE unsigned group_at(void)
{
    return simt_block_x * GROUPS + simt_thread / SIMT_GROUP;
}

static unsigned blocks_for(size_t n, unsigned each)
{
    return (unsigned)((n + each - 1) / each);
}

SIMT_INLINE unsigned wide_blocks(unsigned k)
{
    return (k + WIDE - 1) / WIDE;
}

/* ---- rounding ---- */

/* A group rounds x[0, n), n <= 64, of which those from `real` on are zeros; as quantize_i16. */
SIMT_INLINE void round_wide(const float *x, unsigned n, unsigned real, float limit, int16_t *q,
                            float *scale)
{
    lanes top = 0.0f;

    for (unsigned i = lane_of(); i < n; i += LANES)
        top = lanes_max(lanes_abs(i < real ? x[i] : 0.0f), top);
    const float max = lanes_largest(top), by = max > 1e-30f ? limit / max : 0.0f;
    for (unsigned i = lane_of(); i < n; i += LANES)
        q[i] = (int16_t)lanes_to_int(i < real ? x[i] : 0.0f, by, limit);
    if (lane_of() == 0)
        *scale = max / limit;
}

/* A group a block of 64 inputs, in two bytes each; as quantize_i16. */
SIMT_KERNEL round_i16_kernel(const float *x, unsigned rows, unsigned k, int8_t *q, float *scale)
{
    const unsigned blocks = wide_blocks(k), at = group_at(), row = at / blocks,
                   from = at % blocks * WIDE;
    lanes v[WIDE / LANES], top = 0.0f;

    if (row >= rows)
        return;
    x += (size_t)row * k;
    q += (size_t)at * ENCODE_CUT_BYTES;
    SIMT_UNROLL
    for (unsigned i = 0; i < WIDE / LANES; i++) {
        const unsigned j = from + i * LANES + lane_of();
        v[i] = j < k ? x[j] : 0.0f;
        top = lanes_max(lanes_abs(v[i]), top);
    }
    const float max = lanes_largest(top), by = max > 1e-30f ? ENCODE_I16_INPUT / max : 0.0f;
    SIMT_UNROLL
    for (unsigned i = 0; i < WIDE / LANES; i++) {
        const int32_t n = (int16_t)lanes_to_int(v[i], by, ENCODE_I16_INPUT),
                      low = ((n + 64) & 127) - 64;
        q[i * LANES + lane_of()] = (int8_t)((n - low) / 128);
        q[WIDE + i * LANES + lane_of()] = (int8_t)low;
    }
    if (lane_of() == 0)
        scale[at] = max / ENCODE_I16_INPUT;
}

/* A group a block of 32 inputs; as quantize_i8. */
SIMT_KERNEL round_i8_kernel(const float *x, unsigned blocks, int8_t *q, float *scale, int32_t *off)
{
    const unsigned b = group_at();

    if (b >= blocks)
        return;
    x += (size_t)b * NARROW;
    q += (size_t)b * NARROW;
    const lanes low = lanes_load(x), high = lanes_load(x + LANES);
    const float max = lanes_largest(lanes_max(lanes_abs(low), lanes_abs(high)));
    const float by = max > 1e-30f ? 127 / max : 0.0f;
    const ilanes a = lanes_to_int(low, by, 127), c = lanes_to_int(high, by, 127);
    q[lane_of()] = (int8_t)a;
    q[lane_of() + LANES] = (int8_t)c;
    const int32_t sum = words_sum((words)(a + c));
    if (lane_of() == 0) {
        scale[b] = max / 127;
        off[b] = -8 * sum;
    }
}

void step_encode_round(const float *x, uint32_t rows, uint32_t k, const encode_acts *to, bool i16,
                       bool i8)
{
    const size_t wide = rows * encode_i16_blocks(k), narrow = (size_t)rows * (k / NARROW);

    if (i16)
        SIMT_RUN(round_i16_kernel, blocks_for(wide, GROUPS), 1, SIMT_MAX_THREADS, x, rows, k,
                 to->i16, to->i16_scale);
    if (i8)
        SIMT_RUN(round_i8_kernel, blocks_for(narrow, GROUPS), 1, SIMT_MAX_THREADS, x,
                 (unsigned)narrow, to->i8, to->i8_scale, to->i8_off);
}

/* ---- products ---- */

#define TOKENS 8u /* a thread: a weight is loaded once for all of them */
#define DOWN   (TOKENS * (SIMT_MAX_THREADS / PANEL)) /* rows a block */

SIMT_INLINE void store_product(const encode_matrix *w, const float *acc, unsigned row,
                               unsigned rows, unsigned column, float *out, unsigned stride,
                               bool gelu)
{
    SIMT_UNROLL
    for (unsigned t = 0; t < TOKENS; t++)
        if (row + t < rows) {
            float v = acc[t] + w->bias[column];
            out[(size_t)(row + t) * stride + column] = gelu ? lanes_gelu(v) : v;
        }
}

/* Products of 13 and 14 bits, over blocks of 64 inputs in order, as gemm_i16. The matrix units
 * multiply bytes: (128 a + b) (128 c + d) = 16384 ac + 128 (ad + bc) + bd, whose sums are exact.
 * Eight warps make 64 outputs of 64 rows; a warp 16 of 32. */
#define CUT_STRIPS 4u
#define CUT_ROWS   64u
#define CUT_RUNS   4u                      /* of eight rows, a warp */
#define CUT_QUADS  (ENCODE_CUT_BYTES / 16) /* of a row's block */
#define CUT_PIECES (CUT_ROWS * CUT_QUADS / SIMT_MAX_THREADS)

typedef struct cut_stage {
    simt_quad w[CUT_STRIPS][2][4][16];    /* [strip][h, l][run of 16 inputs][output] */
    simt_quad x[CUT_QUADS][CUT_ROWS + 2]; /* [h, l and run][row] */
    float w_scale[CUT_STRIPS][16], x_scale[CUT_ROWS];
} cut_stage;

/* A thread's part of a block, on its way. */
typedef struct cut_loads {
    simt_quad w[CUT_PIECES], x[CUT_PIECES];
    float scale; /* of an output, or a row */
} cut_loads;

/* Outputs and rows past the last ones are the last ones again, and are not stored. */
SIMT_INLINE void load_cut(const encode_matrix *w, const simt_quad *x, const float *x_scale,
                          unsigned rows, unsigned strip0, unsigned row0, unsigned b, cut_loads *to)
{
    const unsigned blocks = wide_blocks(w->in), last = w->out / 16 - 1;

    SIMT_UNROLL
    for (unsigned i = 0; i < CUT_PIECES; i++) {
        const unsigned at = i * SIMT_MAX_THREADS + simt_thread, strip = strip0 + at / 128,
                       row = row0 + at / CUT_QUADS;
        to->w[i] =
            ((const simt_quad *)
                 w->panels)[((size_t)(strip < last ? strip : last) * blocks + b) * 128 + at % 128];
        to->x[i] =
            x[((size_t)(row < rows ? row : rows - 1) * blocks + b) * CUT_QUADS + at % CUT_QUADS];
    }
    if (simt_thread < CUT_STRIPS * 16) {
        const unsigned o = strip0 * 16 + simt_thread, out = o < w->out ? o : w->out - 1;
        to->scale = w->scales[((size_t)(out / PANEL) * blocks + b) * PANEL + out % PANEL];
    } else if (simt_thread < CUT_STRIPS * 16 + CUT_ROWS) {
        const unsigned row = row0 + simt_thread - CUT_STRIPS * 16;
        to->scale = x_scale[(size_t)(row < rows ? row : rows - 1) * blocks + b];
    }
}

SIMT_INLINE void keep_cut(const cut_loads *of, cut_stage *s)
{
    SIMT_UNROLL
    for (unsigned i = 0; i < CUT_PIECES; i++) {
        const unsigned at = i * SIMT_MAX_THREADS + simt_thread;
        (&s->w[0][0][0][0])[at] = of->w[i];
        s->x[at % CUT_QUADS][at / CUT_QUADS] = of->x[i];
    }
    if (simt_thread < CUT_STRIPS * 16)
        s->w_scale[simt_thread / 16][simt_thread % 16] = of->scale;
    else if (simt_thread < CUT_STRIPS * 16 + CUT_ROWS)
        s->x_scale[simt_thread - CUT_STRIPS * 16] = of->scale;
}

/* Add a block: of[run][2 i + j] is output 8 i + thread / 4 of the strip, row 8 run + 2 (thread % 4)
 * + j. */
SIMT_INLINE void add_cut(const cut_stage *s, unsigned strip, unsigned row0, float of[CUT_RUNS][4])
{
    const unsigned lane = simt_thread % SIMT_WARP;
    uint32_t high[CUT_RUNS][4] = {}, mixed[CUT_RUNS][4] = {}, low[CUT_RUNS][4] = {};

    SIMT_UNROLL
    for (unsigned pair = 0; pair < 2; pair++) {
        uint32_t w_high[4], w_low[4]; /* two runs of 16 inputs */
        simt_load_matrices(w_high, &s->w[strip][0][2 * pair][0]);
        simt_load_matrices(w_low, &s->w[strip][1][2 * pair][0]);
        SIMT_UNROLL
        for (unsigned i = 0; i < 2; i++) {
            uint32_t x_high[CUT_RUNS], x_low[CUT_RUNS];
            simt_load_matrices(x_high, &s->x[2 * pair + i][row0]);
            simt_load_matrices(x_low, &s->x[4 + 2 * pair + i][row0]);
            SIMT_UNROLL
            for (unsigned run = 0; run < CUT_RUNS; run++) {
                simt_matrix_add(high[run], w_high + 2 * i, x_high[run]);
                simt_matrix_add(mixed[run], w_high + 2 * i, x_low[run]);
                simt_matrix_add(mixed[run], w_low + 2 * i, x_high[run]);
                simt_matrix_add(low[run], w_low + 2 * i, x_low[run]);
            }
        }
    }
    SIMT_UNROLL
    for (unsigned run = 0; run < CUT_RUNS; run++) {
        SIMT_UNROLL
        for (unsigned i = 0; i < 4; i++) {
            const int32_t dot =
                (int32_t)((high[run][i] << 14) + (mixed[run][i] << 7) + low[run][i]);
            of[run][i] = simt_fma((float)dot,
                                  s->w_scale[strip][8 * (i / 2) + lane / 4] *
                                      s->x_scale[row0 + 8 * run + lane % 4 * 2 + i % 2],
                                  of[run][i]);
        }
    }
}

SIMT_KERNEL SIMT_BOUNDS(SIMT_MAX_THREADS, 2)
    product_i16_kernel(SIMT_ARGUMENT encode_matrix w, const int8_t *x, const float *x_scale,
                       unsigned rows, float *out, unsigned stride, bool gelu)
{
    SIMT_SHARED cut_stage stages[2];
    const unsigned warp = simt_thread / SIMT_WARP, lane = simt_thread % SIMT_WARP,
                   blocks = wide_blocks(w.in);
    const unsigned strip0 = simt_block_x * CUT_STRIPS, row0 = simt_block_y * CUT_ROWS;
    const unsigned strip = warp / 2, in_tile = warp % 2 * 32;
    float acc[CUT_RUNS][4] = {};
    cut_loads loads = {};

    load_cut(&w, (const simt_quad *)x, x_scale, rows, strip0, row0, 0, &loads);
    keep_cut(&loads, &stages[0]);
    simt_barrier();
    for (unsigned b = 0; b < blocks; b++) {
        if (b + 1 < blocks)
            load_cut(&w, (const simt_quad *)x, x_scale, rows, strip0, row0, b + 1, &loads);
        add_cut(&stages[b % 2], strip, in_tile, acc);
        if (b + 1 < blocks)
            keep_cut(&loads, &stages[(b + 1) % 2]);
        simt_barrier();
    }
    SIMT_UNROLL
    for (unsigned run = 0; run < CUT_RUNS; run++) {
        SIMT_UNROLL
        for (unsigned i = 0; i < 4; i++) {
            const unsigned o = (strip0 + strip) * 16 + 8 * (i / 2) + lane / 4,
                           row = row0 + in_tile + 8 * run + lane % 4 * 2 + i % 2;
            if (o >= w.out || row >= rows)
                continue;
            const float v = acc[run][i] + w.bias[o];
            out[(size_t)row * stride + o] = gelu ? lanes_gelu(v) : v;
        }
    }
}

/* The same over blocks of 32 inputs, as gemm_q4 and gemm_q8. */
SIMT_KERNEL product_bytes_kernel(encode_matrix w, const int8_t *x, const float *x_scale,
                              const int32_t *x_off, unsigned rows, float *out, unsigned stride,
                              bool gelu)
{
    const unsigned lane = simt_thread % PANEL, panel = simt_block_x, k = w.in, blocks = k / NARROW,
                   row = simt_block_y * DOWN + simt_thread / PANEL * TOKENS;
    const uint32_t *weights = (const uint32_t *)w.panels + (size_t)panel * PANEL * (k / 4) + lane;
    const float *scales = w.scales + (size_t)panel * blocks * PANEL + lane;
    float acc[TOKENS] = {0};

    if (row >= rows)
        return;
    for (unsigned b = 0; b < blocks; b++) {
        uint32_t dot[TOKENS];
        SIMT_UNROLL
        for (unsigned t = 0; t < TOKENS; t++) {
            const unsigned r = row + t < rows ? row + t : rows - 1;
            dot[t] = (uint32_t)(w.off_by * x_off[(size_t)r * blocks + b]);
        }
        for (unsigned j = b * NARROW; j < (b + 1) * NARROW; j += 4) {
            const uint32_t four = weights[(size_t)(j / 4) * PANEL];
            SIMT_UNROLL
            for (unsigned t = 0; t < TOKENS; t++) {
                const unsigned r = row + t < rows ? row + t : rows - 1;
                dot[t] = simt_dot4(dot[t], four, (uint32_t)load_i32(x + (size_t)r * k + j));
            }
        }
        SIMT_UNROLL
        for (unsigned t = 0; t < TOKENS; t++) {
            const unsigned r = row + t < rows ? row + t : rows - 1;
            acc[t] = simt_fma((float)(int32_t)dot[t],
                              scales[(size_t)b * PANEL] * x_scale[(size_t)r * blocks + b], acc[t]);
        }
    }
    store_product(&w, acc, row, rows, panel * PANEL + lane, out, stride, gelu);
}

void step_encode_product(const encode_matrix *at, const encode_acts *in, uint32_t rows, float *out,
                         uint32_t stride, bool gelu)
{
    const encode_matrix w = *at;
    const encode_acts x = *in;

    if (w.bytes)
        SIMT_RUN(product_bytes_kernel, w.out / PANEL, blocks_for(rows, DOWN), SIMT_MAX_THREADS, w,
                 x.i8, x.i8_scale, x.i8_off, rows, out, stride, gelu);
    else
        SIMT_RUN(product_i16_kernel, blocks_for(w.out, 16 * CUT_STRIPS), blocks_for(rows, CUT_ROWS),
                 SIMT_MAX_THREADS, w, x.i16, x.i16_scale, rows, out, stride, gelu);
}

/* ---- norm ---- */

/* A group a row; as layernorm. */
SIMT_KERNEL norm_kernel(float *x, const float *add, const float *w, const float *b, float eps,
                        unsigned n, unsigned rows)
{
    const unsigned row = group_at();
    lanes sum = 0.0f, square = 0.0f;

    if (row >= rows)
        return;
    x += (size_t)row * n;
    add += (size_t)row * n;
    for (unsigned i = lane_of(); i < n; i += LANES) {
        x[i] = x[i] + add[i];
        sum = sum + x[i];
    }
    const float mean = lanes_sum(sum) / (float)n;
    for (unsigned i = lane_of(); i < n; i += LANES) {
        const lanes v = x[i] - mean;
        square = square + v * v;
    }
    const float factor = 1.0f / simt_sqrt(lanes_sum(square) / (float)n + eps);
    for (unsigned i = lane_of(); i < n; i += LANES)
        x[i] = (x[i] - mean) * factor * w[i] + b[i];
}

void step_encode_norm(float *x, const float *add, const float *w, const float *b, float eps,
                      uint32_t n, uint32_t rows)
{
    SIMT_RUN(norm_kernel, blocks_for(rows, GROUPS), 1, SIMT_MAX_THREADS, x, add, w, b, eps, n,
             rows);
}

/* ---- attention ---- */

SIMT_INLINE unsigned padded(unsigned n)
{
    return (n + 31) & ~31u;
}

/* A group a block of a head's query or key. */
SIMT_KERNEL round_heads_kernel(encode_attention a)
{
    const unsigned width = padded(a.width), blocks = wide_blocks(width), all = a.heads * blocks;
    const unsigned at = group_at(), row = at / (2 * all), key = at / all % 2,
                   head = at / blocks % a.heads, b = at % blocks;

    if (row >= a.rows)
        return;
    const unsigned from = b * WIDE, n = width - from < WIDE ? width - from : WIDE;
    const unsigned left = a.width > from ? a.width - from : 0, real = left < n ? left : n;
    const size_t where = (size_t)row * a.heads + head;
    const float *x = a.qkv + ((size_t)row * 3 + key) * a.hidden + head * a.width + from;
    round_wide(x, n, real, key ? ENCODE_I16_WEIGHT : ENCODE_I16_INPUT,
               (key ? a.k : a.q) + where * width + from,
               (key ? a.k_scale : a.q_scale) + where * blocks + b);
}

/* A thread a channel of the values, along 64 tokens of its sequence; one row of blocks a token, of
 * which those at the head of 64 work. */
SIMT_KERNEL round_values_kernel(encode_attention a)
{
    const unsigned channel = simt_block_x * SIMT_MAX_THREADS + simt_thread, row = simt_block_y;
    const unsigned position = row - a.first[row], left = a.count[row] - position;
    const unsigned n = left < WIDE ? left : WIDE;
    const size_t stride = (size_t)3 * a.hidden;
    float top = 0.0f;

    if (channel >= a.hidden || position % WIDE)
        return;
    const float *x = a.qkv + row * stride + 2 * a.hidden + channel;
    for (unsigned i = 0; i < n; i++)
        top = lanes_max(lanes_abs(x[i * stride]), top);
    const float by = top > 1e-30f ? ENCODE_I16_WEIGHT / top : 0.0f;
    for (unsigned i = 0; i < n; i++)
        a.v[(size_t)(row + i) * a.hidden + channel] =
            (int16_t)lanes_to_int(x[i * stride], by, ENCODE_I16_WEIGHT);
    a.v_scale[(size_t)row * a.hidden + channel] = top / ENCODE_I16_WEIGHT;
}

#define SIDE 64u /* rows and keys of a tile */
#define DEEP 32u /* numbers along which is added, staged together: half a block of 64 */

/* Whole numbers of two operands; [what is added along][row, or key or channel]. */
template <unsigned ACROSS> struct int_stage {
    int32_t down[DEEP][SIDE + 4], across[DEEP][ACROSS + 4];
};

/* Eight neighbours go to one column each. */
SIMT_INLINE void spread_down(simt_quad q, int32_t *to, unsigned step)
{
    SIMT_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        to[2 * i * step] = (int16_t)q.w[i];
        to[(2 * i + 1) * step] = (int16_t)(q.w[i] >> 16);
    }
}

template <unsigned ACROSS>
SIMT_INLINE void add_ints(const int_stage<ACROSS> *s, unsigned down, unsigned across,
                          int32_t dot[4][4])
{
    SIMT_UNROLL_8
    for (unsigned i = 0; i < DEEP; i++) {
        const simt_quad a = *(const simt_quad *)&s->down[i][down],
                        b = *(const simt_quad *)&s->across[i][across];
        SIMT_UNROLL
        for (unsigned t = 0; t < 4; t++) {
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++)
                dot[t][j] += (int32_t)a.w[t] * (int32_t)b.w[j];
        }
    }
}

/* Which rows of which sequence a block of threads is about. */
typedef struct row_tile {
    unsigned start, count; /* of the sequence */
    unsigned from;         /* the tile's first row, in the sequence; past its end: nothing to do */
} row_tile;

SIMT_INLINE row_tile tile_of(const encode_attention *a)
{
    const unsigned tall = (a->longest + SIDE - 1) / SIDE, s = simt_block_y / tall;
    row_tile t;

    t.start = a->offsets[s];
    t.count = a->offsets[s + 1] - t.start;
    t.from = simt_block_y % tall * SIDE;
    return t;
}

/* Block (keys, rows of a sequence, head): a tile of scores, four by four a thread. */
SIMT_KERNEL SIMT_BOUNDS(SIMT_MAX_THREADS, 3) score_kernel(SIMT_ARGUMENT encode_attention a)
{
    SIMT_SHARED int_stage<SIDE> s;
    const row_tile t = tile_of(&a);
    const unsigned key0 = simt_block_x * SIDE, head = simt_block_z, width = padded(a.width),
                   blocks = wide_blocks(width), row = simt_thread % SIDE,
                   part = simt_thread / SIDE * 8;
    const unsigned down = simt_thread / 16 * 4, across = simt_thread % 16 * 4;
    float acc[4][4] = {};

    if (t.from >= t.count || key0 >= t.count)
        return;
    const unsigned last = t.start + t.count - 1, q_row = t.start + t.from + row,
                   k_row = t.start + key0 + row;
    const int16_t *q =
        a.q + ((size_t)(q_row < last ? q_row : last) * a.heads + head) * width + part;
    const int16_t *k =
        a.k + ((size_t)(k_row < last ? k_row : last) * a.heads + head) * width + part;
    for (unsigned b = 0; b < blocks; b++) {
        int32_t dot[4][4] = {};
        for (unsigned from = b * WIDE; from < width && from < (b + 1) * WIDE; from += DEEP) {
            spread_down(*(const simt_quad *)(q + from), &s.down[part][row], SIDE + 4);
            spread_down(*(const simt_quad *)(k + from), &s.across[part][row], SIDE + 4);
            simt_barrier();
            add_ints(&s, down, across, dot);
            simt_barrier();
        }
        SIMT_UNROLL
        for (unsigned i = 0; i < 4; i++) {
            const unsigned r = t.start + t.from + down + i;
            const float q_scale =
                a.q_scale[((size_t)(r < last ? r : last) * a.heads + head) * blocks + b];
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++) {
                const unsigned o = t.start + key0 + across + j;
                acc[i][j] = simt_fma(
                    (float)dot[i][j],
                    a.k_scale[((size_t)(o < last ? o : last) * a.heads + head) * blocks + b] *
                        q_scale,
                    acc[i][j]);
            }
        }
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++)
            if (t.from + down + i < t.count && key0 + across + j < t.count)
                a.scores[((size_t)(t.start + t.from + down + i) * a.heads + head) * a.longest +
                         key0 + across + j] = acc[i][j];
    }
}

/* A group a row and head; as exp_row, then quantize_i16 of the padded row. */
SIMT_KERNEL soften_kernel(encode_attention a, float by)
{
    const unsigned at = group_at(), row = at / a.heads;

    if (row >= a.rows)
        return;
    const unsigned n = a.count[row], wide = padded(n), blocks = wide_blocks(a.longest);
    float *x = a.scores + (size_t)at * a.longest;
    int16_t *shares = a.shares + (size_t)at * a.longest;
    lanes top, sum = 0.0f;

    for (unsigned i = n + lane_of(); i < wide; i += LANES)
        x[i] = simt_float(0xff800000u); /* minus infinity */
    simt_group_barrier();
    top = x[lane_of()];
    for (unsigned i = LANES + lane_of(); i < wide; i += LANES)
        top = lanes_max(x[i], top);
    const float max = lanes_largest(top);
    for (unsigned i = lane_of(); i < wide; i += LANES) {
        const lanes e = lanes_exp((x[i] - max) * by);
        sum = sum + e;
        x[i] = e;
    }
    const float all = lanes_sum(sum);
    if (lane_of() == 0)
        a.sums[at] = all;
    for (unsigned b = 0; b * WIDE < wide; b++) {
        const unsigned m = wide - b * WIDE < WIDE ? wide - b * WIDE : WIDE;
        round_wide(x + b * WIDE, m, m, ENCODE_I16_INPUT, shares + b * WIDE,
                   a.share_scale + (size_t)at * blocks + b);
    }
}

#define CHANNELS      32u /* of a head a block, */
#define BLEND_THREADS 128u

/* Channels from .. from + 7 of a head's values of one token, as many as there are. */
SIMT_INLINE simt_quad load_channels(const encode_attention *a, size_t row, unsigned head,
                                    unsigned from)
{
    const int16_t *v = a->v + row * a->hidden + head * a->width + from;
    simt_quad q = {};

    if (a->width % 8 == 0 && from < a->width)
        return *(const simt_quad *)v;
    SIMT_UNROLL
    for (unsigned i = 0; i < 8; i++)
        if (from + i < a->width)
            q.w[i / 2] |= (uint32_t)(uint16_t)v[i] << 16 * (i % 2);
    return q;
}

/* Tokens b .. b + DEEP - 1 of the sequence: the shares that the tile's rows give them, and their
 * values; zeros past the last. */
SIMT_INLINE void stage_blend(const encode_attention *a, const row_tile *t, unsigned head,
                             unsigned channel0, unsigned from, int_stage<CHANNELS> *s)
{
    const unsigned last = t->start + t->count - 1, token = simt_thread / 4,
                   eight = simt_thread % 4 * 8;
    simt_quad v = {};

    SIMT_UNROLL
    for (unsigned i = 0; i < 2; i++) {
        const unsigned at = i * BLEND_THREADS + simt_thread, row = t->start + t->from + at % SIDE,
                       part = at / SIDE * 8;
        spread_down(*(const simt_quad *)(a->shares +
                                         ((size_t)(row < last ? row : last) * a->heads + head) *
                                             a->longest +
                                         from + part),
                    &s->down[part][at % SIDE], SIDE + 4);
    }
    if (from + token < t->count)
        v = load_channels(a, t->start + from + token, head, channel0 + eight);
    spread_down(v, &s->across[token][eight], 1);
}

/* Block (channels of a head, rows of a sequence, head), along the tokens in blocks of 64. */
SIMT_KERNEL SIMT_BOUNDS(BLEND_THREADS, 4) blend_kernel(SIMT_ARGUMENT encode_attention a)
{
    SIMT_SHARED int_stage<CHANNELS> s;
    const row_tile t = tile_of(&a);
    const unsigned head = simt_block_z, channel0 = simt_block_x * CHANNELS,
                   blocks = wide_blocks(a.longest);
    const unsigned down = simt_thread / 8 * 4, across = simt_thread % 8 * 4;
    float acc[4][4] = {};

    if (t.from >= t.count)
        return;
    for (unsigned b = 0; b * WIDE < t.count; b++) {
        int32_t dot[4][4] = {};
        for (unsigned from = b * WIDE; from < t.count && from < (b + 1) * WIDE; from += DEEP) {
            stage_blend(&a, &t, head, channel0, from, &s);
            simt_barrier();
            add_ints(&s, down, across, dot);
            simt_barrier();
        }
        const float *v_scale = a.v_scale + (size_t)(t.start + b * WIDE) * a.hidden + head * a.width;
        SIMT_UNROLL
        for (unsigned i = 0; i < 4; i++) {
            const unsigned r = t.from + down + i < t.count ? t.from + down + i : t.count - 1;
            const float share =
                a.share_scale[((size_t)(t.start + r) * a.heads + head) * blocks + b];
            SIMT_UNROLL
            for (unsigned j = 0; j < 4; j++)
                if (channel0 + across + j < a.width)
                    acc[i][j] = simt_fma((float)dot[i][j], v_scale[channel0 + across + j] * share,
                                         acc[i][j]);
        }
    }
    SIMT_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        const size_t row = t.start + t.from + down + i;
        SIMT_UNROLL
        for (unsigned j = 0; j < 4; j++)
            if (t.from + down + i < t.count && channel0 + across + j < a.width)
                a.mixed[row * a.hidden + head * a.width + channel0 + across + j] =
                    acc[i][j] * (1.0f / a.sums[row * a.heads + head]);
    }
}

void step_encode_attention(const encode_attention *of)
{
    const encode_attention a = *of;
    const unsigned threads = SIMT_MAX_THREADS, pairs = a.rows * a.heads;
    const unsigned tall = a.n * encode_tiles(a.longest);
    const size_t rounded = 2 * pairs * encode_i16_blocks((a.width + 31) & ~31u);

    SIMT_RUN(round_heads_kernel, blocks_for(rounded, GROUPS), 1, threads, a);
    SIMT_RUN(round_values_kernel, blocks_for(a.hidden, threads), a.rows, threads, a);
    SIMT_RUN_3(score_kernel, blocks_for(a.longest, SIDE), tall, a.heads, threads, a);
    SIMT_RUN(soften_kernel, blocks_for(pairs, GROUPS), 1, threads, a, 1.0f / sqrtf((float)a.width));
    SIMT_RUN_3(blend_kernel, blocks_for(a.width, CHANNELS), tall, a.heads, BLEND_THREADS, a);
}

/* ---- sums ---- */

/* A thread a channel of a sequence. */
SIMT_KERNEL sum_kernel(const float *x, const uint32_t *offsets, unsigned hidden, float *sums)
{
    const unsigned s = simt_block_y, channel = simt_block_x * SIMT_MAX_THREADS + simt_thread;

    if (channel >= hidden)
        return;
    float acc = x[(size_t)offsets[s] * hidden + channel];
    for (unsigned row = offsets[s] + 1; row < offsets[s + 1]; row++)
        acc = acc + x[(size_t)row * hidden + channel];
    sums[(size_t)s * hidden + channel] = acc;
}

void step_encode_sum(const float *x, const uint32_t *offsets, uint32_t n, uint32_t hidden,
                     float *sums)
{
    SIMT_RUN(sum_kernel, blocks_for(hidden, SIMT_MAX_THREADS), n, SIMT_MAX_THREADS, x, offsets,
             hidden, sums);
}

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

/* A group a block of 64 inputs. */
SIMT_KERNEL round_i16_kernel(const float *x, unsigned rows, unsigned k, int16_t *q, float *scale)
{
    const unsigned blocks = wide_blocks(k), at = group_at(), row = at / blocks, b = at % blocks;

    if (row >= rows)
        return;
    const unsigned n = k - b * WIDE < WIDE ? k - b * WIDE : WIDE;
    const size_t from = (size_t)row * k + b * WIDE;
    round_wide(x + from, n, n, ENCODE_I16_INPUT, q + from, scale + at);
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

#define TOKENS 8u                         /* a thread: a weight is loaded once for all of them */
#define ACROSS (SIMT_MAX_THREADS / PANEL) /* runs of TOKENS rows a block */
#define DOWN   (TOKENS * ACROSS)          /* rows a block */

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

/* A thread one output of TOKENS rows: blocks of 64 inputs in order, as gemm_i16. Rows past the last
 * one are the last one again, and are not stored. */
SIMT_KERNEL product_i16_kernel(encode_matrix w, const int16_t *x, const float *x_scale,
                               unsigned rows, float *out, unsigned stride, bool gelu)
{
    const unsigned lane = simt_thread % PANEL, panel = simt_block_x, k = w.in,
                   blocks = wide_blocks(k),
                   row = simt_block_y * DOWN + simt_thread / PANEL * TOKENS;
    const int16_t *weights = (const int16_t *)w.panels + (size_t)panel * PANEL * k + 2 * lane;
    const float *scales = w.scales + (size_t)panel * blocks * PANEL + lane;
    float acc[TOKENS] = {0};

    if (row >= rows)
        return;
    for (unsigned b = 0; b < blocks; b++) {
        const unsigned end = k - b * WIDE < WIDE ? k : (b + 1) * WIDE;
        int32_t dot[TOKENS] = {0};
        for (unsigned j = b * WIDE; j < end; j += 2) {
            const int16_t *pair = weights + (size_t)j * PANEL;
            const int32_t w0 = pair[0], w1 = pair[1];
            SIMT_UNROLL
            for (unsigned t = 0; t < TOKENS; t++) {
                const unsigned r = row + t < rows ? row + t : rows - 1;
                const int16_t *a = x + (size_t)r * k + j;
                dot[t] += a[0] * w0 + a[1] * w1;
            }
        }
        SIMT_UNROLL
        for (unsigned t = 0; t < TOKENS; t++) {
            const unsigned r = row + t < rows ? row + t : rows - 1;
            acc[t] = simt_fma((float)dot[t],
                              scales[(size_t)b * PANEL] * x_scale[(size_t)r * blocks + b], acc[t]);
        }
    }
    store_product(&w, acc, row, rows, panel * PANEL + lane, out, stride, gelu);
}

/* The same over blocks of 32 inputs, as gemm_q4. */
SIMT_KERNEL product_q4_kernel(encode_matrix w, const int8_t *x, const float *x_scale,
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
            dot[t] = (uint32_t)x_off[(size_t)r * blocks + b];
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

    if (w.q4)
        SIMT_RUN(product_q4_kernel, w.out / PANEL, blocks_for(rows, DOWN), SIMT_MAX_THREADS, w,
                 x.i8, x.i8_scale, x.i8_off, rows, out, stride, gelu);
    else
        SIMT_RUN(product_i16_kernel, w.out / PANEL, blocks_for(rows, DOWN), SIMT_MAX_THREADS, w,
                 x.i16, x.i16_scale, rows, out, stride, gelu);
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

/* A thread a key; block (keys, row and head). */
SIMT_KERNEL score_kernel(encode_attention a)
{
    const unsigned row = simt_block_y / a.heads, head = simt_block_y % a.heads;
    const unsigned j = simt_block_x * SIMT_MAX_THREADS + simt_thread, width = padded(a.width),
                   blocks = wide_blocks(width);
    float acc = 0.0f;

    if (j >= a.count[row])
        return;
    const size_t at = (size_t)row * a.heads + head,
                 other = (size_t)(a.first[row] + j) * a.heads + head;
    const int16_t *q = a.q + at * width, *k = a.k + other * width;
    for (unsigned b = 0; b < blocks; b++) {
        const unsigned end = width - b * WIDE < WIDE ? width : (b + 1) * WIDE;
        int32_t dot = 0;
        for (unsigned i = b * WIDE; i < end; i++)
            dot += q[i] * k[i];
        acc = simt_fma((float)dot, a.k_scale[other * blocks + b] * a.q_scale[at * blocks + b], acc);
    }
    a.scores[at * a.longest + j] = acc;
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

/* A thread a channel, along the tokens in blocks of 64. */
SIMT_KERNEL blend_kernel(encode_attention a)
{
    const unsigned row = simt_block_y, channel = simt_block_x * SIMT_MAX_THREADS + simt_thread;
    float acc = 0.0f;

    if (channel >= a.hidden)
        return;
    const unsigned n = a.count[row], blocks = wide_blocks(a.longest);
    const size_t at = (size_t)row * a.heads + channel / a.width, first = a.first[row];
    const int16_t *shares = a.shares + at * a.longest;
    for (unsigned b = 0; b * WIDE < n; b++) {
        const unsigned end = n - b * WIDE < WIDE ? n : (b + 1) * WIDE;
        int32_t dot = 0;
        for (unsigned j = b * WIDE; j < end; j++)
            dot += shares[j] * a.v[(first + j) * a.hidden + channel];
        acc = simt_fma((float)dot,
                       a.v_scale[(first + b * WIDE) * a.hidden + channel] *
                           a.share_scale[at * blocks + b],
                       acc);
    }
    a.mixed[(size_t)row * a.hidden + channel] = acc * (1.0f / a.sums[at]);
}

void step_encode_attention(const encode_attention *of)
{
    const encode_attention a = *of;
    const unsigned threads = SIMT_MAX_THREADS, pairs = a.rows * a.heads;
    const size_t rounded = 2 * pairs * encode_i16_blocks((a.width + 31) & ~31u);

    SIMT_RUN(round_heads_kernel, blocks_for(rounded, GROUPS), 1, threads, a);
    SIMT_RUN(round_values_kernel, blocks_for(a.hidden, threads), a.rows, threads, a);
    SIMT_RUN(score_kernel, blocks_for(a.longest, threads), pairs, threads, a);
    SIMT_RUN(soften_kernel, blocks_for(pairs, GROUPS), 1, threads, a, 1.0f / sqrtf((float)a.width));
    SIMT_RUN(blend_kernel, blocks_for(a.hidden, threads), a.rows, threads, a);
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

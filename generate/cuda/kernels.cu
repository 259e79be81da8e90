/* kernels.cu - the steps of kernels.h as kernels: products, norms, activations, attention.
 *
 * A group of sixteen threads works as sixteen lanes work on the processor. Where that alone would
 * leave a device idle, a sum's terms are computed side by side and then added in the order of the
 * processor's: a product's blocks by several groups at once (product_kernel), an attention's
 * scores by a thread each (score_kernel). */
extern "C" {
#include "generate/cuda/kernels.h"
}

#include <stdio.h>

/* clang-format off */
#include "generate/cuda/lanes_simt.h" /* first: the spelling that the next two are written in */
#include "generate/kernels/lanes_blocks.h"
#include "generate/kernels/lanes_math.h"
/* clang-format on */

SIMT_INLINE unsigned group_of(void)
{
    return simt_thread / SIMT_GROUP;
}

/* ---- products ---- */

/* One strip, TOKENS tokens, GROUPS blocks of 32 at a time: group g computes both halves of block g
 * for all tokens; then group t adds the blocks up for token t. */
template <int TYPE, unsigned GROUPS, unsigned TOKENS> SIMT_KERNEL product_kernel(product p)
{
    const tensor_type type = (tensor_type)TYPE;
    SIMT_SHARED float halves[GROUPS][TOKENS][LANES];
    SIMT_SHARED float scale[GROUPS][LANES], low[GROUPS][LANES]; /* the weights', and minima */
    const unsigned subs = block_of(type) / 32, blocks = p.w.cols / 32, lane = lane_of();
    const unsigned group = group_of(), first_token = simt_block_y * TOKENS;
    const uint8_t *strip = p.w.data + simt_block_x * p.w.strip_bytes;
    const unsigned row = simt_block_x * LANES + lane, token = first_token + group;
    lanes acc = lanes_zero();

    for (unsigned from = 0; from < blocks; from += GROUPS) {
        const unsigned b = from + group;
        if (b < blocks) {
            block_head h;
            words w[8];
            lanes d, m;
            read_head(type, strip + strip_scales_at(&p.w.layout, b / subs),
                      strip + strip_words_at(&p.w.layout, b / subs), &h);
            read_sub(type, &h, b % subs, w, &d, &m);
            for (unsigned t = 0; t < TOKENS && first_token + t < p.n; t++) {
                const uint8_t *x =
                    p.rounded + ((size_t)(first_token + t) * blocks + b) * KERNEL_SINGLE_BLOCK;
                words s0 = start_sum(type, x, 1, 0, 0), s1 = start_sum(type, x, 1, 0, 1);
                SIMT_UNROLL
                for (unsigned v = 0; v < 4; v++) {
                    s0 = dot_step(type, s0, w[v], broadcast_at(x + 4 * v));
                    s1 = dot_step(type, s1, w[v + 4], broadcast_at(x + 4 * v + 16));
                }
                halves[group][t][lane] =
                    both_halves(type, first_half(type, s0, d, x, 1, 0), s1, m, x, 1, 0);
            }
            scale[group][lane] = d;
            low[group][lane] = m;
        }
        simt_barrier();
        if (group < TOKENS && token < p.n)
            for (unsigned g = 0; g < GROUPS && from + g < blocks; g++)
                acc = add_halves(type, halves[g][group][lane], scale[g][lane], low[g][lane],
                                 p.rounded + ((size_t)token * blocks + from + g) * KERNEL_SINGLE_BLOCK,
                                 1, 0, acc);
        simt_barrier();
    }
    if (group < TOKENS && token < p.n && row < p.w.rows)
        p.out[token * p.stride + row] = p.bias ? acc + p.bias[row] : acc;
}

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
        p.out[token * p.stride + row] = p.bias ? acc + p.bias[row] : acc;
}

template <int TYPE> static void run_product(const product &p)
{
    if (p.n == 1)
        SIMT_RUN((product_kernel<TYPE, 16, 1>), p.w.strips, 1, 256, p);
    else
        SIMT_RUN((product_kernel<TYPE, 8, 8>), p.w.strips, (p.n + 7) / 8, 128, p);
}

void step_product(const product *at)
{
    const product p = *at;

    switch (p.w.type) {
    case TENSOR_Q4_0:
        return run_product<TENSOR_Q4_0>(p);
    case TENSOR_Q4_1:
        return run_product<TENSOR_Q4_1>(p);
    case TENSOR_Q5_0:
        return run_product<TENSOR_Q5_0>(p);
    case TENSOR_Q5_1:
        return run_product<TENSOR_Q5_1>(p);
    case TENSOR_Q8_0:
        return run_product<TENSOR_Q8_0>(p);
    case TENSOR_Q4_K:
        return run_product<TENSOR_Q4_K>(p);
    case TENSOR_Q5_K:
        return run_product<TENSOR_Q5_K>(p);
    case TENSOR_Q6_K:
        return run_product<TENSOR_Q6_K>(p);
    default: {
        const unsigned at_once = SIMT_MAX_THREADS / LANES;
        SIMT_RUN(float_product_kernel, p.w.strips, (p.n + at_once - 1) / at_once, SIMT_MAX_THREADS,
                 p);
    }
    }
}

/* ---- rounding ---- */

/* A group a block of 32 inputs; see `quantize` of kernels_body.h. */
SIMT_KERNEL round_kernel(const float *x, unsigned blocks, uint8_t *rounded)
{
    const unsigned b = simt_block_x * (SIMT_MAX_THREADS / LANES) + group_of(), lane = lane_of();
    float scaled = 0;

    if (b >= blocks) /* of all tokens */
        return;
    x += (size_t)b * 32;
    rounded += (size_t)b * KERNEL_SINGLE_BLOCK;
    for (unsigned half = 0; half < 2; half++, x += 16) {
        lanes v = lanes_load(x);
        float largest = lanes_largest(lanes_abs(v)), broken = lanes_sum(lanes_mul(v, lanes_zero()));
        bool tiny = !(largest > 1e-35f);
        float scale = (tiny ? 0.0f : largest / 127.0f) + broken;
        words q = lanes_round(lanes_mul(v, tiny ? 0.0f : 127.0f / largest));
        int32_t sum = words_sum(q);

        rounded[16 * half + lane] = (uint8_t)q;
        scaled += scale * (float)sum;
        if (lane == 0) {
            *(float *)(rounded + 32 + 4 * half) = scale;
            *(int32_t *)(rounded + 44 + 4 * half) = (int32_t)(0u - 128u * (uint32_t)sum);
        }
    }
    if (lane == 0)
        *(float *)(rounded + 40) = scaled;
}

void step_round(const float *x, uint32_t n, uint32_t k, uint8_t *rounded)
{
    const unsigned blocks = n * (k / 32), at_once = SIMT_MAX_THREADS / LANES;
    SIMT_RUN(round_kernel, (blocks + at_once - 1) / at_once, 1, SIMT_MAX_THREADS, x, blocks,
             rounded);
}

/* ---- norms ---- */

/* 1 / the root of the mean square, as `rmsnorm` of kernels_body.h. Padding adds exact zeros. */
SIMT_INLINE float inverse_norm(const float *x, unsigned n, float eps)
{
    lanes acc = lanes_zero();

    for (unsigned i = lane_of(); i < n; i += LANES)
        acc = lanes_fma(x[i], x[i], acc);
    return 1.0f / simt_sqrt(lanes_sum(acc) / (float)n + eps);
}

/* A group a token. */
SIMT_KERNEL norm_kernel(const float *x, const float *w, unsigned n, unsigned width, float eps,
                        float *y)
{
    const unsigned token = simt_block_x * (SIMT_MAX_THREADS / LANES) + group_of();
    float by;

    if (token >= n)
        return;
    x += (size_t)token * width;
    y += (size_t)token * width;
    by = inverse_norm(x, width, eps);
    for (unsigned i = lane_of(); i < width; i += LANES)
        y[i] = x[i] * by * w[i];
}

SIMT_KERNEL add_kernel(float *x, const float *h, const float *w, unsigned n, unsigned width,
                       float eps)
{
    const unsigned token = simt_block_x * (SIMT_MAX_THREADS / LANES) + group_of();
    float by = 1.0f;

    if (token >= n)
        return;
    x += (size_t)token * width;
    h += (size_t)token * width;
    if (w)
        by = inverse_norm(h, width, eps);
    for (unsigned i = lane_of(); i < width; i += LANES)
        x[i] = x[i] + (w ? h[i] * by * w[i] : h[i]);
}

static unsigned token_blocks(uint32_t n)
{
    return (n + SIMT_MAX_THREADS / LANES - 1) / (SIMT_MAX_THREADS / LANES);
}

void step_norm(const float *x, const float *w, uint32_t n, uint32_t width, float eps, float *y)
{
    SIMT_RUN(norm_kernel, token_blocks(n), 1, SIMT_MAX_THREADS, x, w, n, width, eps, y);
}

void step_add(float *x, const float *h, const float *w, uint32_t n, uint32_t width, float eps)
{
    SIMT_RUN(add_kernel, token_blocks(n), 1, SIMT_MAX_THREADS, x, h, w, n, width, eps);
}

/* ---- activations ---- */

SIMT_KERNEL activate_kernel(float *gate, const float *up, size_t n, bool gelu)
{
    const size_t i = (size_t)simt_block_x * SIMT_MAX_THREADS + simt_thread;

    if (i >= n)
        return;
    gate[i] = (gelu ? gelu_tanh(gate[i]) : times_sigmoid(gate[i], gate[i])) * up[i];
}

void step_activate(float *gate, const float *up, size_t n, bool gelu)
{
    SIMT_RUN(activate_kernel, (n + SIMT_MAX_THREADS - 1) / SIMT_MAX_THREADS, 1, SIMT_MAX_THREADS,
             gate, up, n, gelu);
}

/* ---- attention ---- */

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

/* Block (token, some heads): queries first, then keys. */
SIMT_KERNEL place_kernel(attention_step a)
{
    const unsigned token = simt_block_y,
                   head = simt_block_x * (SIMT_MAX_THREADS / LANES) + group_of();
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
    const unsigned at_once = SIMT_MAX_THREADS / LANES;

    SIMT_RUN(place_kernel, (a.n_heads + a.n_kv_heads + at_once - 1) / at_once, a.n,
             SIMT_MAX_THREADS, a);
}

SIMT_INLINE unsigned lowest_seen(const attention_step *a, unsigned pos)
{
    return a->window && pos + 1 > a->window ? pos + 1 - a->window : 0;
}

/* Which token and head a block of the three kernels below is about: row = (token - skip) * heads +
 * head. */
typedef struct attention_row {
    unsigned token, head, pos, low;
    float *scores;
} attention_row;

SIMT_INLINE attention_row row_of(const attention_step *a, unsigned skip, unsigned span,
                                 unsigned row)
{
    attention_row r;

    r.token = skip + row / a->n_heads;
    r.head = row % a->n_heads;
    r.pos = a->first + r.token;
    r.low = lowest_seen(a, r.pos);
    r.scores = a->scores + (size_t)row * span;
    return r;
}

/* A thread a position. */
SIMT_KERNEL score_kernel(attention_step a, unsigned skip, unsigned span)
{
    const attention_row r = row_of(&a, skip, span, simt_block_y);
    const unsigned pos = simt_block_x * SIMT_MAX_THREADS + simt_thread, dim = a.head_dim;
    const unsigned kv = r.head / (a.n_heads / a.n_kv_heads);
    const float *q = a.q + ((size_t)r.token * a.n_heads + r.head) * dim;
    const uint16_t *k =
        a.keys + (size_t)kv * a.capacity * dim + (size_t)(pos / 16) * dim * 16 + pos % 16;
    float acc = 0.0f;

    if (pos >= span)
        return;
    if (pos < r.low || pos > r.pos) {
        r.scores[pos] = simt_float(0xff800000u); /* minus infinity */
        return;
    }
    for (unsigned i = 0; i < dim; i++)
        acc = simt_fma(q[i] * a.by, simt_from_half(k[i * 16]), acc);
    r.scores[pos] = acc;
}

/* A group a row; see `softmax` of kernels_body.h. The positions that a row does not see add exact
 * zeros to the sums, so it does not matter how many of them there are. */
SIMT_KERNEL softmax_kernel(attention_step a, unsigned skip, unsigned span, unsigned rows)
{
    const unsigned row = simt_block_x * (SIMT_MAX_THREADS / LANES) + group_of();
    lanes top = simt_float(0xff800000u), sum = lanes_zero(), by;

    if (row >= rows)
        return;
    const attention_row r = row_of(&a, skip, span, row);
    const unsigned from = r.low & ~15u, to = (r.pos + 16) & ~15u;
    for (unsigned i = from + lane_of(); i < to; i += LANES)
        top = lanes_max(r.scores[i], top);
    top = lanes_largest(top);
    for (unsigned i = from + lane_of(); i < to; i += LANES) {
        lanes e = lanes_exp(lanes_sub(r.scores[i], top));
        r.scores[i] = e;
        sum = lanes_add(sum, e);
    }
    by = 1.0f / lanes_sum(sum);
    for (unsigned i = from + lane_of(); i < to; i += LANES)
        r.scores[i] = lanes_mul(r.scores[i], by);
}

/* A thread a dimension: values in rising order of position. */
SIMT_KERNEL blend_kernel(attention_step a, unsigned skip, unsigned span)
{
    const attention_row r = row_of(&a, skip, span, simt_block_y);
    const unsigned i = simt_block_x * SIMT_MAX_THREADS + simt_thread, dim = a.head_dim;
    const unsigned kv = r.head / (a.n_heads / a.n_kv_heads);
    const uint16_t *v = a.values + (size_t)kv * a.capacity * dim + i;
    float acc = 0.0f;

    if (i >= dim)
        return;
    for (unsigned pos = r.low; pos <= r.pos; pos++)
        acc = simt_fma(r.scores[pos], simt_from_half(v[(size_t)pos * dim]), acc);
    a.mixed[((size_t)(r.token - skip) * a.n_heads + r.head) * dim + i] = acc;
}

void step_attend(const attention_step *at, uint32_t skip)
{
    const attention_step a = *at;
    const unsigned span = step_span(a.first, a.n), rows = (a.n - skip) * a.n_heads;
    const unsigned at_once = SIMT_MAX_THREADS / LANES, threads = SIMT_MAX_THREADS;

    SIMT_RUN(score_kernel, (span + threads - 1) / threads, rows, threads, a, skip, span);
    SIMT_RUN(softmax_kernel, (rows + at_once - 1) / at_once, 1, threads, a, skip, span, rows);
    SIMT_RUN(blend_kernel, (a.head_dim + threads - 1) / threads, rows, threads, a, skip, span);
}

/* ---- memory ---- */

#if defined(__CUDACC__)

static cairn_status told(cudaError_t e, const char *what, cairn_error *err)
{
    if (e == cudaSuccess)
        return CAIRN_OK;
    return cairn_fail(err, e == cudaErrorMemoryAllocation ? CAIRN_ENOMEM : CAIRN_EIO,
                      "CUDA, %s: %s", what, cudaGetErrorString(e));
}

cairn_status device_open(char *name, size_t cap, cairn_error *err)
{
    cudaDeviceProp about;
    int n = 0;
    cudaError_t e = cudaGetDeviceCount(&n);

    if (e != cudaSuccess || n < 1)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "no CUDA device: %s",
                          e != cudaSuccess ? cudaGetErrorString(e) : "none is installed");
    e = cudaSetDevice(0);
    if (e == cudaSuccess)
        e = cudaGetDeviceProperties(&about, 0);
    if (e != cudaSuccess)
        return told(e, "opening the device", err);
    snprintf(name, cap, "%s", about.name);
    return CAIRN_OK;
}

cairn_status device_alloc(void **out, size_t bytes, const char *what, cairn_error *err)
{
    *out = NULL;
    return told(cudaMalloc(out, bytes ? bytes : 1), what, err);
}

void device_free(void *dev_p)
{
    cudaFree(dev_p);
}

cairn_status device_upload(void *dev_dst, const void *src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpy(dev_dst, src, bytes, cudaMemcpyHostToDevice), "copying to the device",
                err);
}

cairn_status device_download(void *dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpy(dst, dev_src, bytes, cudaMemcpyDeviceToHost), "copying from the device",
                err);
}

cairn_status device_move(void *dev_dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    return told(cudaMemcpyAsync(dev_dst, dev_src, bytes, cudaMemcpyDeviceToDevice), "copying", err);
}

cairn_status device_wait(cairn_error *err)
{
    cudaError_t e = cudaGetLastError();
    return told(e == cudaSuccess ? cudaDeviceSynchronize() : e, "computing", err);
}

#else

#include <stdlib.h>

cairn_status device_open(char *name, size_t cap, cairn_error *err)
{
    (void)err;
    snprintf(name, cap, "imitated");
    return CAIRN_OK;
}

cairn_status device_alloc(void **out, size_t bytes, const char *what, cairn_error *err)
{
    bytes = (bytes + 256) & ~(size_t)255;
    *out = aligned_alloc(256, bytes);
    return *out ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "%s", what);
}

void device_free(void *dev_p)
{
    free(dev_p);
}

cairn_status device_upload(void *dev_dst, const void *src, size_t bytes, cairn_error *err)
{
    (void)err;
    memcpy(dev_dst, src, bytes);
    return CAIRN_OK;
}

cairn_status device_download(void *dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    (void)err;
    memcpy(dst, dev_src, bytes);
    return CAIRN_OK;
}

cairn_status device_move(void *dev_dst, const void *dev_src, size_t bytes, cairn_error *err)
{
    (void)err;
    memmove(dev_dst, dev_src, bytes);
    return CAIRN_OK;
}

cairn_status device_wait(cairn_error *err)
{
    (void)err;
    return CAIRN_OK;
}

#endif

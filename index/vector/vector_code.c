/* vector_code.c - from rows and queries to what the kernels of vector_kernels.h compare.
 *
 * int8 codes round each component to a 127th of the row's largest. That is fine enough for the rows
 * as they are. 4 bits and 1 bit are not where a few components are much larger than the rest, so
 * those kinds rotate rows and queries first, which spreads every row evenly over its components and
 * leaves inner products alone.
 *
 * The rotation: four rounds, each flips the signs of some components (a fixed pseudo-random
 * pattern) and applies the Walsh-Hadamard transform, divided by sqrt(p), to the first p components
 * and to the last p, p the largest power of two that fits. n log n steps and no matrix.
 *
 * 4-bit codes: c = 2 u - 15 with u = floor(y / step + 8), 0 .. 15. Of ten steps from 0.55 to 1
 * times largest / 7.5, the one is taken whose code points best in the direction of y: clipping a
 * few large components is worth a finer grid for the others (recall of 10 candidates on 100,000 x
 * 384: 0.908 instead of 0.900).
 *
 * Scales. What a code estimates is the inner product of y with a query q, and scale * <c, q> does
 * so without bias when scale = |y|^2 / <y, c>: the part of c across y averages out over queries
 * (RaBitQ, Gao and Long, arXiv:2405.12497, for 1 bit; its extension to more bits,
 * arXiv:2409.09913). The scale that is nearest to y instead, <y, c> / |c|^2, shrinks every row by a
 * little of its own and ranks worse: 0.523 against 0.490 of the true ten among ten candidates of 1
 * bit, 0.978 against 0.951 among 100. */
#include "index/vector/vector_format.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ROTATE_ROUNDS 4u
#define I4_STEPS      10u
#define I4_LEAST_STEP 0.55f
#define B1_QUERY_TOP  7 /* largest value of a query over 1-bit codes */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Vectors of the compiler: whatever the machine, the same sums in the same order. */
typedef float lanes __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t bits4 __attribute__((vector_size(16), aligned(4), may_alias));

#define SIGN 0x80000000u

/* The steps of 1 and 2 within four components. */
static inline lanes four_steps(lanes v)
{
    const bits4 odd = {0, SIGN, 0, SIGN}, high = {0, 0, SIGN, SIGN};
    lanes a = __builtin_shufflevector(v, v, 0, 0, 2, 2),
          b = __builtin_shufflevector(v, v, 1, 1, 3, 3);

    v = a + (lanes)((bits4)b ^ odd);
    a = __builtin_shufflevector(v, v, 0, 1, 0, 1);
    b = __builtin_shufflevector(v, v, 2, 3, 2, 3);
    return a + (lanes)((bits4)b ^ high);
}

/* The Walsh-Hadamard transform of p components, p a power of two, times `by`. */
static void hadamard(float *v, uint32_t p, float by)
{
    uint32_t h = 1;

    if (p >= 4) {
        for (uint32_t i = 0; i < p; i += 4)
            *(lanes *)(v + i) = four_steps(*(lanes *)(v + i));
        h = 4;
    }
    for (; 4 * h <= p && h >= 4; h *= 4) /* two steps at a time: half the loads and stores */
        for (uint32_t i = 0; i < p; i += 4 * h)
            for (uint32_t j = i; j < i + h; j += 4) {
                lanes a = *(lanes *)(v + j), b = *(lanes *)(v + j + h);
                lanes c = *(lanes *)(v + j + 2 * h), d = *(lanes *)(v + j + 3 * h);
                lanes ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;
                *(lanes *)(v + j) = ab + cd;
                *(lanes *)(v + j + h) = a_b + c_d;
                *(lanes *)(v + j + 2 * h) = ab - cd;
                *(lanes *)(v + j + 3 * h) = a_b - c_d;
            }
    for (; h < p; h *= 2)
        for (uint32_t i = 0; i < p; i += 2 * h)
            for (uint32_t j = i; j < i + h; j++) {
                float a = v[j], b = v[j + h];
                v[j] = a + b;
                v[j + h] = a - b;
            }
    for (uint32_t i = 0; i < p; i++)
        v[i] *= by;
}

/* Flip the signs of v[0, n), n <= 64, where a bit is set. */
static void flip_signs(float *v, uint32_t n, uint64_t flips)
{
    uint32_t i = 0;

    for (; i + 4 <= n; i += 4) {
        const bits4 place = {1, 2, 4, 8};
        uint32_t nibble = (uint32_t)(flips >> i) & 15;
        bits4 all = {nibble, nibble, nibble, nibble};
        bits4 *at = (bits4 *)(v + i);
        *at ^= (bits4)((all & place) == place) & SIGN;
    }
    for (; i < n; i++)
        v[i] = flips >> i & 1 ? -v[i] : v[i];
}

void vector_rotate(float *v, uint32_t n)
{
    uint32_t p = 1;

    while (p <= n / 2)
        p *= 2;
    float by = (float)(1.0 / sqrt(p));
    for (uint32_t round = 0; round < ROTATE_ROUNDS; round++) {
        for (uint32_t i = 0; i < n; i += 64) {
            flip_signs(v + i, n - i < 64 ? n - i : 64, mix((uint64_t)round << 32 | i));
        }
        hadamard(v, p, by);
        if (p < n)
            hadamard(v + (n - p), p, by);
    }
}

/* Largest |component|; rows are finite here. Without the sign, floats are in the order of their
 * bits, and of integers the compiler may take the largest four at a time. */
static float largest(const float *v, uint32_t dim)
{
    int32_t top = 0;
    float out;

    for (uint32_t i = 0; i < dim; i++) {
        int32_t x;
        memcpy(&x, v + i, sizeof x);
        x &= 0x7fffffff;
        top = x > top ? x : top;
    }
    memcpy(&out, &top, sizeof out);
    return out;
}

/* v / step to the nearest, halves away from zero, within -most .. most. */
static inline int32_t rounded(float v, double inverse, int32_t most)
{
    double x = v * inverse;
    int32_t r = (int32_t)(x < 0 ? x - 0.5 : x + 0.5);

    return r > most ? most : r < -most ? -most : r;
}

static void encode_i8(const float *v, uint32_t dim, size_t stride, uint8_t *code, float *scale,
                      float *bias)
{
    float top = largest(v, dim);
    double inverse = top > 0 ? 127.0 / top : 0.0;
    int32_t squares = 0; /* at most 16,384 * 127^2 */

    for (uint32_t i = 0; i < dim; i++) {
        int32_t r = rounded(v[i], inverse, 127);
        code[i] = (uint8_t)(128 + r);
        squares += r * r;
    }
    memset(code + dim, 128, stride - dim);
    *scale = top / 127.0f;
    if (bias)
        *bias = (float)(-0.5 * squares * *scale * *scale);
}

static double squares_of(const float *v, uint32_t n)
{
    double sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += (double)v[i] * v[i];
    return sum;
}

/* 0 .. 15, also where a damaged segment led to something that is no number. */
static inline float within_grid(float x)
{
    return x > 0.0f ? x < 15.0f ? x : 15.0f : 0.0f;
}

/* <y, c>^2 / |c|^2 for one step of the grid; *dot gets <y, c>. Summed in lanes so that the compiler
 * may use vectors without changing the order. */
static double fit_i4(const float *y, uint32_t n, float inverse, double *dot)
{
    float lane[8] = {0}, sum = 0;
    int32_t squares = 0;
    uint32_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (uint32_t j = 0; j < 8; j++) {
            float x = y[i + j] * inverse + 8.0f;
            int32_t c = 2 * (int32_t)within_grid(x) - 15;
            lane[j] += y[i + j] * (float)c;
            squares += c * c;
        }
    for (; i < n; i++) {
        float x = y[i] * inverse + 8.0f;
        int32_t c = 2 * (int32_t)within_grid(x) - 15;
        lane[0] += y[i] * (float)c;
        squares += c * c;
    }
    for (uint32_t j = 0; j < 8; j++)
        sum += lane[j];
    *dot = sum;
    return (double)sum * sum / squares;
}

static void encode_i4(const float *y, uint32_t n, size_t stride, uint8_t *code, float *scale)
{
    float top = largest(y, n), best_inverse = 0;
    double best = -1, best_dot = 0;

    memset(code, 0, stride);
    *scale = 0;
    if (!(7.5f / (top * I4_LEAST_STEP) < INFINITY)) /* zeros, or too small for a grid */
        return;
    for (uint32_t s = 0; s < I4_STEPS; s++) {
        float share = I4_LEAST_STEP + (1.0f - I4_LEAST_STEP) * (float)s / (I4_STEPS - 1);
        float inverse = 7.5f / (top * share);
        double dot, fit = fit_i4(y, n, inverse, &dot);
        if (fit > best) {
            best = fit;
            best_dot = dot;
            best_inverse = inverse;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        float x = y[i] * best_inverse + 8.0f;
        uint32_t u = (uint32_t)within_grid(x);
        code[i < stride ? i : i - stride] |= (uint8_t)(i < stride ? u : u << 4);
    }
    *scale = (float)(squares_of(y, n) / best_dot);
}

static void encode_b1(const float *y, uint32_t n, size_t stride, uint8_t *code, float *scale)
{
    double sum = 0;

    memset(code, 0, stride);
    for (uint32_t i = 0; i < n; i++) {
        code[i >> 3] |= (uint8_t)((y[i] >= 0) << (i & 7));
        sum += fabsf(y[i]);
    }
    *scale = sum > 0 ? (float)(squares_of(y, n) / sum) : 0;
}

vector_codes vector_codes_of(vector_code_kind kind, uint32_t dim, uint32_t full_dim,
                             vector_metric metric)
{
    return (vector_codes){.kind = kind,
                          .dim = dim,
                          .full_dim = full_dim,
                          .metric = metric,
                          .stride = vector_stride(kind, dim)};
}

/* The components a code is made of: the first c->dim, at unit length again under cosine. */
static void take_part(const vector_codes *c, const float *v, float *work)
{
    memcpy(work, v, (size_t)c->dim * sizeof *work);
    if (c->metric == VECTOR_COSINE && c->dim < c->full_dim)
        vector_normalize(work, c->dim);
}

void vector_encode(const vector_codes *c, const float *v, float *work, uint8_t *code, float *scale,
                   float *bias)
{
    take_part(c, v, work);
    if (c->kind == VECTOR_CODE_I8) {
        encode_i8(work, c->dim, c->stride, code, scale, bias);
        return;
    }
    if (bias)
        *bias = (float)(-0.5 * squares_of(work, c->dim));
    vector_rotate(work, c->dim);
    if (c->kind == VECTOR_CODE_I4)
        encode_i4(work, c->dim, c->stride, code, scale);
    else
        encode_b1(work, c->dim, c->stride, code, scale);
}

/* Round v[dim] to -most .. most; returns the sum. */
static int32_t round_query(const float *v, uint32_t dim, int32_t most, int8_t *out, float *scale)
{
    float top = largest(v, dim), inverse = top > 0 ? (float)most / top : 0.0f;
    int32_t sum = 0;

    if (!(inverse < INFINITY)) /* subnormal */
        inverse = 0;
    for (uint32_t i = 0; i < dim; i++) {
        float x = v[i] * inverse, limit = (float)most;
        x = x < limit ? x : limit;
        x = x > -limit ? x : -limit; /* a damaged segment's row may hold what is no number */
        int32_t r = (int32_t)(x < 0 ? x - 0.5f : x + 0.5f);
        out[i] = (int8_t)r;
        sum += r;
    }
    *scale = top / (float)most;
    return sum;
}

void vector_query_encode(const vector_codes *c, const float *v, float *work, vector_query *q)
{
    int8_t value[VECTOR_MAX_DIM];

    take_part(c, v, work);
    q->offset = 0;
    memset(q->code, 0, vector_query_bytes(c->kind, c->dim));
    switch (c->kind) {
    case VECTOR_CODE_I8:
        q->bias = 128 * round_query(work, c->dim, 127, q->code, &q->scale);
        break;
    case VECTOR_CODE_I4: /* component stride + j meets the high half of byte j */
        vector_rotate(work, c->dim);
        q->bias = 15 * round_query(work, c->dim, 127, q->code, &q->scale);
        break;
    case VECTOR_CODE_B1:
        vector_rotate(work, c->dim);
        q->bias = round_query(work, c->dim, B1_QUERY_TOP, value, &q->scale);
        for (uint32_t i = 0; i < c->dim; i++)
            for (uint32_t p = 0; p < VECTOR_PLANES; p++)
                q->code[p * c->stride + (i >> 3)] |=
                    (int8_t)(((uint8_t)value[i] >> p & 1) << (i & 7));
        break;
    }
}

void vector_query_of_row(const vector_codes *codes, uint32_t row, vector_query *q)
{
    const uint8_t *code = codes->code + (size_t)row * codes->stride;
    int32_t sum = 0;

    assert(codes->kind == VECTOR_CODE_I8);
    vector_code_as_query(code, codes->stride, q->code);
    for (size_t i = 0, n = codes->stride; i < n; i++)
        sum += (int32_t)code[i] - 128;
    q->scale = codes->scale[row];
    q->offset = codes->bias ? codes->bias[row] : 0;
    q->bias = 128 * sum;
}

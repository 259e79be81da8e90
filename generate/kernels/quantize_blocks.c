/* quantize_blocks.c - see quantize_blocks.h. The layouts are those of blocks.c. */
#include "generate/kernels/quantize_blocks.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "generate/kernels/kernels.h"

#define TRIES 16 /* scales tried on each side of the obvious one */

static void put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* The nearest whole number from least to most. Adding 1.5 * 2^23 leaves a float no bits for a
 * fraction, which rounds without a call; |v| is far below 2^22 once it is bounded. */
static inline int clamp(float v, int least, int most)
{
    const float magic = 12582912.0f;

    v = v < (float)least ? (float)least : v;
    v = v > (float)most ? (float)most : v;
    return (int)(v + magic - magic);
}

/* 1 / d, and 0 where that is no number. */
static float inverse(float d)
{
    float by = 1.0f / d;
    return fabsf(by) <= FLT_MAX ? by : 0.0f;
}

/* ---- one scale: x is about q * d ---- */

static double error_of(const float *x, const int8_t *q, int n, float d)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double e = (double)x[i] - (double)q[i] * (double)d;
        sum += e * e;
    }
    return sum;
}

static void round_all(const float *x, int n, float d, int least, int most, int8_t *q)
{
    const float by = inverse(d);
    for (int i = 0; i < n; i++)
        q[i] = (int8_t)clamp(x[i] * by, least, most);
}

/* The scale that fits the rounded numbers best. */
static float refit(const float *x, const int8_t *q, int n, float d)
{
    double xq = 0, qq = 0;
    for (int i = 0; i < n; i++) {
        xq += (double)x[i] * q[i];
        qq += (double)q[i] * q[i];
    }
    return qq > 0 ? (float)(xq / qq) : d;
}

/* The best scale for n numbers from least to most; the largest in size may stand at either end. */
static float best_scale(const float *x, int n, int least, int most)
{
    float top = 0, best = 0;
    double best_error = INFINITY;
    int8_t q[32];

    for (int i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(top))
            top = x[i];
    if (top == 0.0f)
        return 0.0f;
    for (int side = 0; side < 2; side++)
        for (int t = -TRIES; t <= TRIES; t++) {
            float end = (float)(side ? most : least) + 0.1f * (float)t, d;
            double e;
            if (fabsf(end) < 0.5f)
                continue;
            round_all(x, n, top / end, least, most, q);
            d = refit(x, q, n, top / end);
            e = error_of(x, q, n, d);
            if (e < best_error) {
                best_error = e;
                best = d;
            }
        }
    return best;
}

static void block_q4_0(const float *x, uint8_t *b)
{
    uint16_t h = float_to_half(best_scale(x, 32, -8, 7));
    int8_t q[32];

    round_all(x, 32, half_to_float(h), -8, 7, q);
    put_u16(b, h);
    for (int j = 0; j < 16; j++)
        b[2 + j] = (uint8_t)((q[j] + 8) | (q[j + 16] + 8) << 4);
}

static void block_q5_0(const float *x, uint8_t *b)
{
    uint16_t h = float_to_half(best_scale(x, 32, -16, 15));
    uint32_t high = 0;
    int8_t q[32];

    round_all(x, 32, half_to_float(h), -16, 15, q);
    put_u16(b, h);
    for (int j = 0; j < 16; j++) {
        unsigned lo = (unsigned)(q[j] + 16), hi = (unsigned)(q[j + 16] + 16);
        b[6 + j] = (uint8_t)((lo & 15) | (hi & 15) << 4);
        high |= (uint32_t)(lo >> 4) << j | (uint32_t)(hi >> 4) << (j + 16);
    }
    for (int j = 0; j < 4; j++)
        b[2 + j] = (uint8_t)(high >> 8 * j);
}

static void block_q8_0(const float *x, uint8_t *b)
{
    float top = 0;
    uint16_t h;
    int8_t q[32];

    for (int j = 0; j < 32; j++)
        top = fmaxf(top, fabsf(x[j]));
    h = float_to_half(top / 127.0f); /* at 8 bits searching gains nothing that matters */
    round_all(x, 32, half_to_float(h), -127, 127, q);
    put_u16(b, h);
    memcpy(b + 2, q, 32);
}

/* Sixteen sub-blocks of 16 with signed scales of eight bits over one half float. */
static void block_q6_k(const float *x, uint8_t *b)
{
    float scale[16], top = 0, d;
    uint8_t all[256];
    uint16_t h;

    for (int s = 0; s < 16; s++) {
        scale[s] = best_scale(x + 16 * s, 16, -32, 31);
        if (fabsf(scale[s]) > fabsf(top))
            top = scale[s];
    }
    h = float_to_half(top / -128.0f);
    d = half_to_float(h);
    for (int s = 0; s < 16; s++) {
        int8_t q[16];
        int step = d != 0.0f ? clamp(scale[s] / d, -128, 127) : 0;
        b[192 + s] = (uint8_t)(int8_t)step;
        round_all(x + 16 * s, 16, d * (float)step, -32, 31, q);
        for (int j = 0; j < 16; j++)
            all[16 * s + j] = (uint8_t)(q[j] + 32);
    }
    memset(b, 0, 192);
    for (int half = 0; half < 2; half++)
        for (int t = 0; t < 4; t++)
            for (int j = 0; j < 32; j++) {
                unsigned q = all[128 * half + 32 * t + j];
                b[64 * half + 32 * (t & 1) + j] |= (uint8_t)((q & 15) << (t >= 2 ? 4 : 0));
                b[128 + 32 * half + j] |= (uint8_t)((q >> 4) << 2 * t);
            }
    put_u16(b + 208, h);
}

/* ---- a scale and a minimum: x is about q * d - m, m not negative ---- */

typedef struct span {
    float d, m;
} span;

static void round_span(const float *x, int n, span s, int most, int8_t *q)
{
    const float by = inverse(s.d);
    for (int i = 0; i < n; i++)
        q[i] = (int8_t)clamp((x[i] + s.m) * by, 0, most);
}

static double span_error(const float *x, const int8_t *q, int n, span s)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double e = (double)x[i] - ((double)q[i] * (double)s.d - (double)s.m);
        sum += e * e;
    }
    return sum;
}

/* Least squares for d and m, given the rounded numbers. */
static span refit_span(const float *x, const int8_t *q, int n, span s)
{
    double sq = 0, sqq = 0, sx = 0, sxq = 0, det;

    for (int i = 0; i < n; i++) {
        sq += q[i];
        sqq += (double)q[i] * q[i];
        sx += (double)x[i];
        sxq += (double)x[i] * q[i];
    }
    det = n * sqq - sq * sq;
    if (det > 0) {
        double d = (n * sxq - sx * sq) / det, m = (d * sq - sx) / n;
        if (m < 0) { /* no such minimum: through zero */
            m = 0;
            d = sxq / sqq;
        }
        if (d > 0)
            s = (span){(float)d, (float)m};
    }
    return s;
}

static span best_span(const float *x, int n, int most)
{
    float least = 0, top = 0;
    span best = {0, 0};
    double best_error = INFINITY;
    int8_t q[32];

    for (int i = 0; i < n; i++) {
        least = fminf(least, x[i]);
        top = fmaxf(top, x[i]);
    }
    if (top == least)
        return best;
    for (int t = -TRIES; t <= TRIES; t++) {
        span s = {(top - least) / ((float)most + 0.1f * (float)t), -least};
        double e;
        for (int round = 0; round < 2; round++) {
            round_span(x, n, s, most, q);
            s = refit_span(x, q, n, s);
        }
        round_span(x, n, s, most, q);
        e = span_error(x, q, n, s);
        if (e < best_error) {
            best_error = e;
            best = s;
        }
    }
    return best;
}

/* Scale and minimum s of the twelve bytes, six bits each; see k_scale of blocks.c. */
static void put_k_scale(uint8_t *p, int s, unsigned scale, unsigned min)
{
    if (s < 4) {
        p[s] |= (uint8_t)scale;
        p[s + 4] |= (uint8_t)min;
    } else {
        p[s + 4] |= (uint8_t)((scale & 15) | (min & 15) << 4);
        p[s - 4] |= (uint8_t)((scale >> 4) << 6);
        p[s] |= (uint8_t)((min >> 4) << 6);
    }
}

/* Eight sub-blocks of 32. */
static void block_q4_k(const float *x, uint8_t *b)
{
    span own[8];
    float top_d = 0, top_m = 0, d, m;
    uint16_t hd, hm;

    for (int s = 0; s < 8; s++) {
        own[s] = best_span(x + 32 * s, 32, 15);
        top_d = fmaxf(top_d, own[s].d);
        top_m = fmaxf(top_m, own[s].m);
    }
    hd = float_to_half(top_d / 63.0f);
    hm = float_to_half(top_m / 63.0f);
    d = half_to_float(hd);
    m = half_to_float(hm);
    memset(b, 0, 144);
    put_u16(b, hd);
    put_u16(b + 2, hm);
    for (int s = 0; s < 8; s++) {
        int scale = d > 0 ? clamp(own[s].d / d, 0, 63) : 0,
            min = m > 0 ? clamp(own[s].m / m, 0, 63) : 0;
        span rounded = {d * (float)scale, m * (float)min};
        int8_t q[32];
        put_k_scale(b + 4, s, (unsigned)scale, (unsigned)min);
        round_span(x + 32 * s, 32, rounded, 15, q);
        for (int j = 0; j < 32; j++)
            b[16 + 32 * (s / 2) + j] |= (uint8_t)(q[j] << (s & 1 ? 4 : 0));
    }
}

static void block_f32(const float *x, uint8_t *b)
{
    memcpy(b, x, sizeof *x);
}
static void block_f16(const float *x, uint8_t *b)
{
    put_u16(b, float_to_half(*x));
}
static void block_bf16(const float *x, uint8_t *b)
{
    put_u16(b, float_to_bfloat(*x));
}

static void (*const writers[TENSOR_TYPE_COUNT])(const float *x, uint8_t *b) = {
    [TENSOR_F32] = block_f32,   [TENSOR_F16] = block_f16,   [TENSOR_BF16] = block_bf16,
    [TENSOR_Q4_0] = block_q4_0, [TENSOR_Q5_0] = block_q5_0, [TENSOR_Q8_0] = block_q8_0,
    [TENSOR_Q4_K] = block_q4_k, [TENSOR_Q6_K] = block_q6_k,
};

bool quantize_supported(tensor_type type)
{
    return (unsigned)type < TENSOR_TYPE_COUNT && writers[type];
}

void quantize_row(tensor_type type, const float *x, size_t n, uint8_t *dst)
{
    const tensor_type_info *info = tensor_type_get(type);

    for (size_t i = 0; i < n; i += info->block_size, dst += info->block_bytes)
        writers[type](x + i, dst);
}

/* blocks.c - what the bytes of a quantised block mean, written plainly: the definition that the
 * packed kernels are tested against, and the way single rows (token embeddings) are read.
 *
 * Formats as in ggml's ggml-common.h. Scales are half floats, everything is little-endian, blocks
 * have any alignment. The float operations are done in the order of ggml's own to_float functions,
 * so that results agree bit for bit (tests/generate/test_blocks.c). */
#include <string.h>

#include "generate/kernels/kernels.h"

float half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, man = h & 0x3ff, bits;
    float f;

    if (exp == 31)
        bits = sign | 0x7f800000 | man << 13 | (man ? 0x400000 : 0); /* NaN becomes quiet */
    else if (exp)
        bits = sign | (exp + 112) << 23 | man << 13;
    else { /* zero or subnormal: man * 2^-24 is exact */
        f = (float)man * 0x1p-24f;
        memcpy(&bits, &f, sizeof bits);
        bits |= sign;
    }
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t float_to_half(float f)
{
    uint32_t bits, man, rest;
    uint16_t sign;
    int exp;

    memcpy(&bits, &f, sizeof bits);
    sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits >= 0x7f800000)
        return sign | 0x7c00 | (bits > 0x7f800000 ? 0x200 | (bits >> 13 & 0x1ff) : 0);
    if (bits >= 0x477ff000) /* 65520 and above round to infinity */
        return sign | 0x7c00;
    exp = (int)(bits >> 23) - 112;
    man = bits & 0x7fffff;
    if (exp <= 0) { /* subnormal half: shift the mantissa with its hidden bit */
        int shift = 14 - exp;
        if (shift > 24)
            return sign;
        man |= 0x800000;
        rest = man & ((1u << shift) - 1);
        man >>= shift;
        if (rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && (man & 1)))
            man++;
        return (uint16_t)(sign | man);
    }
    rest = man & 0x1fff;
    man = (uint32_t)exp << 10 | man >> 13;
    if (rest > 0x1000 || (rest == 0x1000 && (man & 1)))
        man++; /* may carry into the exponent, as it should */
    return (uint16_t)(sign | man);
}

float bfloat_to_float(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

uint16_t float_to_bfloat(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t u16_at(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static float half_at(const uint8_t *p)
{
    return half_to_float(u16_at(p));
}

static uint32_t u32_at(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* 32 weights: nibble j is weight j, its upper half weight j + 16. */
static void row_q4_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int j = 0; j < 16; j++) {
        y[j] = (float)((b[2 + j] & 15) - 8) * d;
        y[j + 16] = (float)((b[2 + j] >> 4) - 8) * d;
    }
}

static void row_q4_1(const uint8_t *b, float *y)
{
    float d = half_at(b), m = half_at(b + 2);
    for (int j = 0; j < 16; j++) {
        y[j] = (float)(b[4 + j] & 15) * d + m;
        y[j + 16] = (float)(b[4 + j] >> 4) * d + m;
    }
}

/* The same with a fifth bit: bit j of a 32-bit word for weight j. */
static void row_q5_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    uint32_t high = u32_at(b + 2);
    for (int j = 0; j < 16; j++) {
        int lo = (b[6 + j] & 15) | (int)(high >> j & 1) << 4;
        int hi = (b[6 + j] >> 4) | (int)(high >> (j + 16) & 1) << 4;
        y[j] = (float)(lo - 16) * d;
        y[j + 16] = (float)(hi - 16) * d;
    }
}

static void row_q5_1(const uint8_t *b, float *y)
{
    float d = half_at(b), m = half_at(b + 2);
    uint32_t high = u32_at(b + 4);
    for (int j = 0; j < 16; j++) {
        int lo = (b[8 + j] & 15) | (int)(high >> j & 1) << 4;
        int hi = (b[8 + j] >> 4) | (int)(high >> (j + 16) & 1) << 4;
        y[j] = (float)lo * d + m;
        y[j + 16] = (float)hi * d + m;
    }
}

static void row_q8_0(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int j = 0; j < 32; j++)
        y[j] = (float)(int8_t)b[2 + j] * d;
}

/* Scale and minimum s (0..7) of the twelve bytes of Q4_K and Q5_K, six bits each. */
static void k_scale(const uint8_t *p, int s, float *scale, float *min)
{
    if (s < 4) {
        *scale = (float)(p[s] & 63);
        *min = (float)(p[s + 4] & 63);
    } else {
        *scale = (float)((p[s + 4] & 15) | (p[s - 4] >> 6) << 4);
        *min = (float)((p[s + 4] >> 4) | (p[s] >> 6) << 4);
    }
}

/* 256 weights as 8 of 32; bytes 32c .. 32c + 31 hold sub-blocks 2c (low) and 2c + 1 (high). */
static void row_q4_k(const uint8_t *b, float *y)
{
    float d = half_at(b), dmin = half_at(b + 2);
    for (int s = 0; s < 8; s++) {
        const uint8_t *q = b + 16 + 32 * (s / 2);
        float scale, min, d1, m1;
        k_scale(b + 4, s, &scale, &min);
        d1 = d * scale;
        m1 = dmin * min;
        for (int j = 0; j < 32; j++)
            *y++ = d1 * (float)(s & 1 ? q[j] >> 4 : q[j] & 15) - m1;
    }
}

static void row_q5_k(const uint8_t *b, float *y)
{
    float d = half_at(b), dmin = half_at(b + 2);
    const uint8_t *high = b + 16;
    for (int s = 0; s < 8; s++) {
        const uint8_t *q = b + 48 + 32 * (s / 2);
        float scale, min, d1, m1;
        k_scale(b + 4, s, &scale, &min);
        d1 = d * scale;
        m1 = dmin * min;
        for (int j = 0; j < 32; j++)
            *y++ = d1 * (float)((s & 1 ? q[j] >> 4 : q[j] & 15) | (high[j] >> s & 1) << 4) - m1;
    }
}

/* 256 weights as 16 of 16 with signed scales; four low bits in the first 128 bytes, two high bits
 * in the next 64, in two halves of 128 weights. */
static void row_q6_k(const uint8_t *b, float *y)
{
    float d = half_at(b + 208);
    for (int half = 0; half < 2; half++) {
        const uint8_t *low = b + 64 * half, *high = b + 128 + 32 * half;
        const int8_t *scale = (const int8_t *)b + 192 + 8 * half;
        for (int t = 0; t < 4; t++)
            for (int j = 0; j < 32; j++) {
                int byte = low[32 * (t & 1) + j];
                int q = (t >= 2 ? byte >> 4 : byte & 15) | (high[j] >> 2 * t & 3) << 4;
                *y++ = d * (float)scale[2 * t + j / 16] * (float)(q - 32);
            }
    }
}

static void row_q2_k(const uint8_t *b, float *y)
{
    const uint8_t *scales = b;
    float d = half_at(b + 80), dmin = half_at(b + 82);
    for (int half = 0; half < 2; half++) {
        const uint8_t *q = b + 16 + 32 * half;
        for (int t = 0; t < 4; t++)
            for (int part = 0; part < 2; part++) {
                uint8_t sc = *scales++;
                float d1 = d * (float)(sc & 15), m1 = dmin * (float)(sc >> 4);
                for (int j = 0; j < 16; j++)
                    *y++ = d1 * (float)(q[16 * part + j] >> 2 * t & 3) - m1;
            }
    }
}

/* Scale s (0..15) of the twelve bytes of Q3_K: four low bits in bytes 0-7, two high bits in bytes
 * 8-11, less 32. */
static int q3_scale(const uint8_t *p, int s)
{
    int low = s < 8 ? p[s] & 15 : p[s - 8] >> 4;
    int high = p[8 + s % 4] >> 2 * (s / 4) & 3;
    return (low | high << 4) - 32;
}

static void row_q3_k(const uint8_t *b, float *y)
{
    float d = half_at(b + 108);
    for (int half = 0; half < 2; half++) {
        const uint8_t *q = b + 32 + 32 * half;
        for (int t = 0; t < 4; t++)
            for (int j = 0; j < 32; j++) {
                int high = b[j] >> (4 * half + t) & 1;
                float d1 = d * (float)q3_scale(b + 96, 8 * half + 2 * t + j / 16);
                *y++ = d1 * (float)((q[j] >> 2 * t & 3) - (high ? 0 : 4));
            }
    }
}

const int8_t iq4_nl_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                  1,    13,   25,  38,  53,  69,  89,  113};

static void row_iq4_nl(const uint8_t *b, float *y)
{
    float d = half_at(b);
    for (int j = 0; j < 16; j++) {
        y[j] = d * (float)iq4_nl_values[b[2 + j] & 15];
        y[j + 16] = d * (float)iq4_nl_values[b[2 + j] >> 4];
    }
}

static void row_f32(const uint8_t *b, float *y)
{
    memcpy(y, b, sizeof *y);
}

static void row_f16(const uint8_t *b, float *y)
{
    *y = half_at(b);
}

static void row_bf16(const uint8_t *b, float *y)
{
    *y = bfloat_to_float(u16_at(b));
}

typedef struct block_reader {
    void (*read)(const uint8_t *block, float *y);
    uint16_t size, bytes;
} block_reader;

static const block_reader readers[TENSOR_TYPE_COUNT] = {
    [TENSOR_F32] = {row_f32, 1, 4},       [TENSOR_F16] = {row_f16, 1, 2},
    [TENSOR_BF16] = {row_bf16, 1, 2},     [TENSOR_Q4_0] = {row_q4_0, 32, 18},
    [TENSOR_Q4_1] = {row_q4_1, 32, 20},   [TENSOR_Q5_0] = {row_q5_0, 32, 22},
    [TENSOR_Q5_1] = {row_q5_1, 32, 24},   [TENSOR_Q8_0] = {row_q8_0, 32, 34},
    [TENSOR_Q2_K] = {row_q2_k, 256, 84},  [TENSOR_Q3_K] = {row_q3_k, 256, 110},
    [TENSOR_Q4_K] = {row_q4_k, 256, 144}, [TENSOR_Q5_K] = {row_q5_k, 256, 176},
    [TENSOR_Q6_K] = {row_q6_k, 256, 210}, [TENSOR_IQ4_NL] = {row_iq4_nl, 32, 18},
};

bool dequantize_supported(tensor_type type)
{
    return (unsigned)type < TENSOR_TYPE_COUNT && readers[type].read;
}

bool dequantize_row(tensor_type type, const void *src, float *dst, size_t n)
{
    const uint8_t *b = src;
    const block_reader *r;

    if (!dequantize_supported(type))
        return false;
    if (type == TENSOR_F32) {
        memcpy(dst, src, n * sizeof *dst);
        return true;
    }
    r = &readers[type];
    for (size_t i = 0; i < n; i += r->size, b += r->bytes)
        r->read(b, dst + i);
    return true;
}

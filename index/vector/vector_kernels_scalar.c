/* vector_kernels_scalar.c - the plain loops over originals and scores: the definition of the right
 * answer, and the row for machines without AVX2. Also the choice between the rows. */
#include <string.h>

#include "index/vector/vector_kernels.h"

static uint64_t select_rows(const int32_t *dots, const float *scales, const float *biases,
                            size_t n, float q_scale, float q_offset, float least, float *scores)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < n; i++) {
        float s = (float)dots[i] * (scales[i] * q_scale);
        scores[i] = biases ? s + (biases[i] + q_offset) : s + q_offset;
        mask |= (uint64_t)(scores[i] >= least) << i;
    }
    return mask;
}

static inline float load_f32(const void *row, float scale, size_t i)
{
    (void)scale;
    return ((const float *)row)[i];
}

static inline float load_f16(const void *row, float scale, size_t i)
{
    _Float16 h;

    (void)scale;
    memcpy(&h, (const char *)row + 2 * i, 2);
    return (float)h;
}

static inline float load_bf16(const void *row, float scale, size_t i)
{
    uint32_t bits = (uint32_t)((const uint16_t *)row)[i] << 16;
    float v;

    (void)scale;
    memcpy(&v, &bits, 4);
    return v;
}

static inline float load_i8(const void *row, float scale, size_t i)
{
    return (float)((int)((const uint8_t *)row)[i] - 128) * scale;
}

#define ORIGINALS(kind)                                                                            \
    static float dot_##kind(const void *row, float scale, const float *query, size_t n)            \
    {                                                                                              \
        float lane[8] = {0};                                                                       \
        for (size_t i = 0; i < n; i++)                                                             \
            lane[i & 7] += load_##kind(row, scale, i) * query[i];                                  \
        return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +                                       \
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));                                        \
    }                                                                                              \
    static float l2_##kind(const void *row, float scale, const float *query, size_t n)             \
    {                                                                                              \
        float lane[8] = {0};                                                                       \
        for (size_t i = 0; i < n; i++) {                                                           \
            float d = load_##kind(row, scale, i) - query[i];                                       \
            lane[i & 7] += d * d;                                                                  \
        }                                                                                          \
        return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +                                       \
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));                                        \
    }

ORIGINALS(f32)
ORIGINALS(f16)
ORIGINALS(bf16)
ORIGINALS(i8)

static size_t count(const uint64_t *allowed, const uint64_t *deleted, size_t words)
{
    size_t n = 0;

    for (size_t w = 0; w < words; w++)
        n += (size_t)__builtin_popcountll((allowed ? allowed[w] : ~(uint64_t)0) &
                                          ~(deleted ? deleted[w] : 0));
    return n;
}

static void to_f16(const float *v, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        _Float16 h = (_Float16)v[i];
        memcpy(out + i, &h, 2);
    }
}

static void from_f16(const uint16_t *v, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = load_f16(v, 0, i);
}

const vector_kernels vector_kernels_scalar = {
    .name = "scalar",
    .code = {&vector_i8_scalar, &vector_i4_scalar, &vector_b1_scalar},
    .original = {{dot_f32, l2_f32}, {dot_f16, l2_f16}, {dot_bf16, l2_bf16}, {dot_i8, l2_i8}},
    .select = select_rows,
    .count = count,
    .to_f16 = to_f16,
    .from_f16 = from_f16,
};

const vector_kernels *vector_kernels_for(cpu_level level)
{
    switch (level) {
    case CPU_AVX512:
        return cpu_has_avx512_vpopcntdq() ? &vector_kernels_avx512pop : &vector_kernels_avx512;
    case CPU_AVX2:
        return &vector_kernels_avx2;
    case CPU_SCALAR:
        break;
    }
    return &vector_kernels_scalar;
}

const vector_kernels *vector_kernels_get(void)
{
    return vector_kernels_for(cpu_level_get());
}

/* vector_kernels_scalar.c - the plain loops: the definition of the right answer, and the row for
 * machines without AVX2. Also the choice between the rows. */
#include "index/vector/vector_kernels.h"

static int32_t dot(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (int32_t)code[i] * query[i];
    return sum - bias;
}

static void scan(const uint8_t *codes, size_t stride, size_t n_rows, const int8_t *query, size_t n,
                 int32_t bias, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++)
        out[r] = dot(codes + r * stride, query, n, bias);
}

static void gather(const uint8_t *codes, size_t stride, const uint32_t *rows, size_t n_rows,
                   const int8_t *query, size_t n, int32_t bias, int32_t *out)
{
    for (size_t r = 0; r < n_rows; r++)
        out[r] = dot(codes + (size_t)rows[r] * stride, query, n, bias);
}

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

static float dot_f32(const float *a, const float *b, size_t n)
{
    float lane[8] = {0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            lane[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        lane[j] += a[i] * b[i];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

static float l2_f32(const float *a, const float *b, size_t n)
{
    float lane[8] = {0};
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) {
            float d = a[i + j] - b[i + j];
            lane[j] += d * d;
        }
    for (size_t j = 0; i < n; i++, j++)
        lane[j] += (a[i] - b[i]) * (a[i] - b[i]);
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

const vector_kernels vector_kernels_scalar = {
    .name = "scalar",
    .dot = dot,
    .scan = scan,
    .gather = gather,
    .select = select_rows,
    .dot_f32 = dot_f32,
    .l2_f32 = l2_f32,
};

const vector_kernels *vector_kernels_for(cpu_level level)
{
    switch (level) {
    case CPU_AVX512:
        return &vector_kernels_avx512;
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

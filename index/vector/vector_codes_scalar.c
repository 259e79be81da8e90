/* vector_codes_scalar.c - the plain loops over codes: the definition of the right answer. */
#include <string.h>

#include "index/vector/vector_kernels.h"

static int32_t dot_i8(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (int32_t)code[i] * query[i];
    return sum - bias;
}

static int32_t dot_i4(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    int32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (code[i] & 15) * query[i] + (code[i] >> 4) * query[n + i];
    return 2 * sum - bias;
}

static int32_t dot_b1(const uint8_t *code, const int8_t *query, size_t n, int32_t bias)
{
    static const int32_t weight[VECTOR_PLANES] = {1, 2, 4, -8};
    int32_t sum = 0;

    for (size_t p = 0; p < VECTOR_PLANES; p++)
        for (size_t i = 0; i + 8 <= n; i += 8) {
            uint64_t c, q;
            memcpy(&c, code + i, 8);
            memcpy(&q, query + p * n + i, 8);
            sum += weight[p] * __builtin_popcountll(c & q);
        }
    return 2 * sum - bias;
}

#define ROWS_OF(kind)                                                                              \
    static void scan_##kind(const uint8_t *codes, size_t stride, size_t n_rows,                    \
                            const int8_t *query, size_t n, int32_t bias, int32_t *out)             \
    {                                                                                              \
        for (size_t r = 0; r < n_rows; r++)                                                        \
            out[r] = dot_##kind(codes + r * stride, query, n, bias);                               \
    }                                                                                              \
    static void gather_##kind(const uint8_t *codes, size_t stride, const uint32_t *rows,           \
                              size_t n_rows, const int8_t *query, size_t n, int32_t bias,          \
                              int32_t *out)                                                        \
    {                                                                                              \
        for (size_t r = 0; r < n_rows; r++)                                                        \
            out[r] = dot_##kind(codes + (size_t)rows[r] * stride, query, n, bias);                 \
    }                                                                                              \
    const vector_code_kernels vector_##kind##_scalar = {dot_##kind, scan_##kind, gather_##kind}

ROWS_OF(i8);
ROWS_OF(i4);
ROWS_OF(b1);

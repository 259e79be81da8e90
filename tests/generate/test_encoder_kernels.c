/* test_encoder_kernels.c - every row of the encoder's kernels against plain double arithmetic, and
 * against each other byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/encode/encode_kernels.h"

#define ROWS 13 /* two whole tiles and a rest */
#define WIDE 192

static uint64_t seed = 88172645463325252ull;

static float random_float(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (float)((double)(seed >> 11) / (double)(1ull << 53) * 2 - 1);
}

static float *random_floats(size_t n)
{
    float *x = checked_aligned(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_float() * (i % 37 ? 1.0f : 8.0f); /* some outliers */
    return x;
}

static const encode_kernels *row_at(int level)
{
    return encode_kernels_for((cpu_level)level);
}

static void products_of_floats(void **state)
{
    float *a = random_floats(ROWS * WIDE), *panel = random_floats(WIDE * ENCODE_PANEL);
    float c[ROWS][ENCODE_PANEL];

    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        if (!row_at(level))
            continue;
        for (size_t m = 1; m <= ROWS; m++) {
            memset(c, 0, sizeof c);
            row_at(level)->gemm_f32(a, WIDE, m, panel, WIDE, c[0], ENCODE_PANEL);
            for (size_t i = 0; i < m; i++)
                for (size_t n = 0; n < ENCODE_PANEL; n++) {
                    double sum = 0, size = 0;
                    for (size_t j = 0; j < WIDE; j++) {
                        double term = (double)a[i * WIDE + j] * panel[j * ENCODE_PANEL + n];
                        sum += term;
                        size += fabs(term);
                    }
                    assert_true(fabs(c[i][n] - sum) <= size * 1e-6);
                }
        }
    }
    free(a);
    free(panel);
}

/* The i16 kind: right to its rounding steps, and the same bytes from every row, at every height. */
static void products_of_rounded_floats(void **state)
{
    static const size_t widths[] = {16, 32, 64, 80, 192};

    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        const size_t k = widths[w], blocks = encode_i16_blocks(k);
        float *a = random_floats(ROWS * k), *weights = random_floats(ENCODE_PANEL * k);
        int16_t *qa = checked_aligned(ROWS * k, 2), *qw = checked_aligned(ENCODE_PANEL * k, 2);
        int16_t *panel = checked_aligned(ENCODE_PANEL * k, 2);
        int16_t *other = checked_aligned(ENCODE_PANEL * k, 2);
        float *sa = random_floats(ROWS * blocks), *sw = random_floats(ENCODE_PANEL * blocks);
        float row_scale[8], want[ROWS][ENCODE_PANEL], c[ROWS][ENCODE_PANEL];

        for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
            const encode_kernels *kernels = row_at(level);
            if (!kernels)
                continue;
            for (size_t i = 0; i < ROWS; i++)
                kernels->quantize_i16(a + i * k, k, ENCODE_I16_INPUT, qa + i * k, sa + i * blocks);
            for (size_t n = 0; n < ENCODE_PANEL; n++) {
                kernels->quantize_i16(weights + n * k, k, ENCODE_I16_WEIGHT, qw + n * k, row_scale);
                for (size_t b = 0; b < blocks; b++)
                    sw[b * ENCODE_PANEL + n] = row_scale[b];
            }
            kernels->pack_i16(qw, k, k, level ? other : panel);
            assert_true(!level || !memcmp(panel, other, ENCODE_PANEL * k * 2));
            for (size_t m = level ? 1 : ROWS; m <= ROWS; m++) {
                kernels->gemm_i16(qa, k, sa, blocks, m, panel, sw, k, level ? c[0] : want[0],
                                  ENCODE_PANEL);
                assert_true(!level || !memcmp(c, want, m * sizeof *c));
            }
        }
        for (size_t i = 0; i < ROWS; i++)
            for (size_t n = 0; n < ENCODE_PANEL; n++) {
                double sum = 0;
                for (size_t j = 0; j < k; j++)
                    sum += (double)a[i * k + j] * weights[n * k + j];
                assert_true(fabs(want[i][n] - sum) < 0.01 * sqrt((double)k));
            }
        free(a);
        free(weights);
        free(qa);
        free(qw);
        free(panel);
        free(other);
        free(sa);
        free(sw);
    }
}

/* The largest operands must not overflow the 32-bit sums. */
static void extreme_operands_fit(void **state)
{
    int16_t *a = checked_aligned(ROWS * 64, 2), *panel = checked_aligned(64 * ENCODE_PANEL, 2);
    float ones[ENCODE_PANEL], c[ROWS][ENCODE_PANEL];

    for (size_t i = 0; i < ROWS * 64; i++)
        a[i] = -ENCODE_I16_INPUT;
    for (size_t i = 0; i < 64 * ENCODE_PANEL; i++)
        panel[i] = ENCODE_I16_WEIGHT;
    for (size_t i = 0; i < ENCODE_PANEL; i++)
        ones[i] = 1;
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++)
        if (row_at(level)) {
            float *w = checked_aligned(ENCODE_PANEL, 4);
            memcpy(w, ones, sizeof ones);
            row_at(level)->gemm_i16(a, 64, ones, 1, ROWS, panel, w, 64, c[0], ENCODE_PANEL);
            assert_true(c[ROWS - 1][31] == -(float)(64.0 * ENCODE_I16_INPUT * ENCODE_I16_WEIGHT));
            free(w);
        }
    free(a);
    free(panel);
}

static void products_of_four_bit_weights(void **state)
{
    const size_t k = 96, blocks = k / 32, row_bytes = blocks * ENCODE_Q4_BYTES;
    uint8_t *rows = malloc(ENCODE_PANEL * row_bytes); /* exact size: ASan sees a byte too far */
    float *a = random_floats(ROWS * k), *sw = random_floats(ENCODE_PANEL * blocks);
    float *sw2 = random_floats(ENCODE_PANEL * blocks), sa[ROWS * 3];
    int8_t *qa = checked_aligned(ROWS * k, 1);
    int32_t off[ROWS * 3];
    uint8_t *panel = checked_aligned(ENCODE_PANEL * k, 1),
            *other = checked_aligned(ENCODE_PANEL * k, 1);
    float want[ROWS][ENCODE_PANEL], c[ROWS][ENCODE_PANEL];

    for (size_t i = 0; i < ENCODE_PANEL * row_bytes; i++)
        rows[i] = (uint8_t)(random_float() * 127 + 128);
    for (size_t i = 0; i < ENCODE_PANEL * blocks; i++) {
        uint16_t half = (uint16_t)(0x2000 + i); /* about 0.008 */
        memcpy(rows + i * ENCODE_Q4_BYTES, &half, 2);
    }
    memset(rows + 2, 0, 16); /* a block of -8 everywhere */
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        const encode_kernels *kernels = row_at(level);
        if (!kernels)
            continue;
        for (size_t i = 0; i < ROWS; i++)
            kernels->quantize_i8(a + i * k, k, qa + i * k, sa + i * blocks, off + i * blocks);
        kernels->unpack_q4(rows, row_bytes, k, level ? other : panel, level ? sw2 : sw);
        assert_true(!level || (!memcmp(panel, other, ENCODE_PANEL * k) &&
                               !memcmp(sw, sw2, ENCODE_PANEL * blocks * 4)));
        for (size_t m = level ? 1 : ROWS; m <= ROWS; m++) {
            kernels->gemm_q4(qa, k, sa, off, blocks, m, panel, sw, k, level ? c[0] : want[0],
                             ENCODE_PANEL);
            assert_true(!level || !memcmp(c, want, m * sizeof *c));
        }
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t n = 0; n < ENCODE_PANEL; n++) {
            double sum = 0;
            for (size_t j = 0; j < k; j++) {
                const uint8_t *block = rows + n * row_bytes + j / 32 * ENCODE_Q4_BYTES;
                int nibble = j % 32 < 16 ? block[2 + j % 32] & 15 : block[2 + j % 32 - 16] >> 4;
                sum += (double)(nibble - 8) * sw[j / 32 * ENCODE_PANEL + n] * qa[i * k + j] *
                       sa[i * blocks + j / 32];
            }
            assert_true(fabs(want[i][n] - sum) < 1e-4);
        }
    free(rows);
    free(a);
    free(sw);
    free(sw2);
    free(qa);
    free(panel);
    free(other);
}

/* Rounded values with the extremes among them: no row may overflow or take a sign for a size. */
static void products_of_eight_bit_weights(void **state)
{
    const size_t k = 96, blocks = k / 32;
    float *a = random_floats(ROWS * k), *weights = random_floats(ENCODE_PANEL * k), sa[ROWS * 3], scale[3];
    float *sw = checked_aligned(ENCODE_PANEL * blocks, sizeof *sw);
    int8_t *qa = checked_aligned(ROWS * k, 1), *qw = malloc(ENCODE_PANEL * k);
    int32_t off[ROWS * 3], unused[3];
    uint8_t *panel = checked_aligned(ENCODE_PANEL * k, 1);
    float want[ROWS][ENCODE_PANEL], c[ROWS][ENCODE_PANEL];

    (void)state;
    for (size_t j = 0; j < k; j++) {
        a[j] = j % 2 ? 1 : -1;      /* all 127 and -127 */
        weights[j] = j % 3 ? -2 : 2;
        weights[k + j] = 2;
    }
    for (size_t i = 0; i < ROWS; i++)
        row_at(CPU_SCALAR)->quantize_i8(a + i * k, k, qa + i * k, sa + i * blocks, off + i * blocks);
    for (size_t n = 0; n < ENCODE_PANEL; n++) {
        row_at(CPU_SCALAR)->quantize_i8(weights + n * k, k, qw + n * k, scale, unused);
        for (size_t b = 0; b < blocks; b++)
            sw[b * ENCODE_PANEL + n] = scale[b];
        for (size_t j = 0; j < k; j++)
            panel[j / 4 * 4 * ENCODE_PANEL + n * 4 + j % 4] = (uint8_t)(qw[n * k + j] + 128);
    }
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++)
        for (size_t m = level ? 1 : ROWS; row_at(level) && m <= ROWS; m++) {
            row_at(level)->gemm_q8(qa, k, sa, off, blocks, m, panel, sw, k, level ? c[0] : want[0], ENCODE_PANEL);
            assert_true(!level || !memcmp(c, want, m * sizeof *c));
        }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t n = 0; n < ENCODE_PANEL; n++) {
            double sum = 0;
            for (size_t j = 0; j < k; j++)
                sum += (double)qa[i * k + j] * qw[n * k + j] * sa[i * blocks + j / 32] *
                       sw[j / 32 * ENCODE_PANEL + n];
            assert_true(fabs(want[i][n] - sum) < 1e-4);
        }
    free(a);
    free(weights);
    free(sw);
    free(qa);
    free(qw);
    free(panel);
}

static void products_from_halves(void **state)
{
    const size_t k = 96, blocks = k / 32, n = k * ENCODE_PANEL;
    float *a = random_floats(ROWS * k), *sw = checked_aligned(ENCODE_PANEL * blocks, sizeof *sw), sa[ROWS * 3];
    int8_t *qa = checked_aligned(ROWS * k, 1);
    int32_t off[ROWS * 3];
    uint8_t *halves = checked_aligned(n / 2, 1), *panel = checked_aligned(n, 1);
    float want[ROWS][ENCODE_PANEL], c[ROWS][ENCODE_PANEL];

    (void)state;
    for (size_t i = 0; i < n / 2; i++)
        halves[i] = (uint8_t)(random_float() * 127 + 128);
    for (size_t i = 0; i < ENCODE_PANEL * blocks; i++)
        sw[i] = random_float();
    for (size_t i = 0; i < ROWS; i++)
        row_at(CPU_SCALAR)->quantize_i8(a + i * k, k, qa + i * k, sa + i * blocks, off + i * blocks);
    row_at(CPU_SCALAR)->spread_q4(halves, k, panel);
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++)
        for (size_t m = 1; row_at(level) && row_at(level)->gemm_halves && m <= ROWS; m++) {
            row_at(level)->gemm_q4(qa, k, sa, off, blocks, m, panel, sw, k, want[0], ENCODE_PANEL);
            row_at(level)->gemm_halves(qa, k, sa, off, blocks, m, halves, sw, k, c[0], ENCODE_PANEL);
            assert_memory_equal(c, want, m * sizeof *c);
        }
    free(a);
    free(sw);
    free(qa);
    free(halves);
    free(panel);
}

/* Every step of a thousandth from -12 to 12, beyond where the tail is cut off. */
static void gelu_is_close_everywhere(void **state)
{
    const float none[16] = {0};

    (void)state;
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++)
        for (int at = -12000; row_at(level) && at < 12000; at += 16) {
            float x[16];
            for (int i = 0; i < 16; i++)
                x[i] = (float)(at + i) / 1000;
            row_at(level)->bias_gelu(x, none, 16);
            for (int i = 0; i < 16; i++) {
                double v = (float)(at + i) / 1000;
                assert_true(fabs(x[i] - v / 2 * (1 + erf(v / sqrt(2)))) < 3e-7 * fmax(1, fabs(v)));
            }
        }
}

static void halves_are_spread(void **state)
{
    const size_t k = 64, n = k * ENCODE_PANEL;
    uint8_t *halves = malloc(n / 2), *panel = malloc(n); /* exact sizes: ASan sees a byte too far */

    (void)state;
    for (size_t i = 0; i < n / 2; i++)
        halves[i] = (uint8_t)(random_float() * 127 + 128);
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        if (!row_at(level))
            continue;
        memset(panel, 0xff, n);
        row_at(level)->spread_q4(halves, k, panel);
        for (size_t i = 0; i < n; i++) {
            const uint8_t byte = halves[i / 1024 * 512 + i % 512];
            assert_int_equal(panel[i], i % 1024 < 512 ? byte & 15 : byte >> 4);
        }
    }
    free(halves);
    free(panel);
}

static void element_functions(void **state)
{
    const size_t n = 96;
    float *x = random_floats(n), *r = random_floats(n), *w = random_floats(n),
          *b = random_floats(n);
    float first[4][96], y[4][96], sum, first_sum = 0;

    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        const encode_kernels *kernels = row_at(level);
        double mean = 0, var = 0, top = -1e9, total = 0;
        if (!kernels)
            continue;
        kernels->layernorm(x, r, w, b, 1e-5f, n, y[0]);
        memcpy(y[1], x, sizeof y[1]);
        kernels->bias_gelu(y[1], b, n);
        memcpy(y[2], x, sizeof y[2]);
        sum = kernels->exp_row(y[2], 90, n, 0.5f);
        kernels->bias(x, b, n, y[3]);
        for (size_t i = 0; i < n; i++)
            mean += ((double)x[i] + r[i]) / (double)n;
        for (size_t i = 0; i < n; i++)
            var += ((double)x[i] + r[i] - mean) * ((double)x[i] + r[i] - mean) / (double)n;
        for (size_t i = 0; i < 90; i++)
            top = fmax(top, x[i]);
        for (size_t i = 0; i < n; i++) {
            double v = (double)x[i] + b[i];
            double e = i < 90 ? exp(0.5 * (x[i] - top)) : 0;
            total += e;
            assert_true(fabs(y[0][i] - (((double)x[i] + r[i] - mean) / sqrt(var + 1e-5) * w[i] +
                                        b[i])) < 1e-5);
            assert_true(fabs(y[1][i] - v / 2 * (1 + erf(v / sqrt(2)))) < 1e-6 * (1 + fabs(v)));
            assert_true(fabs(y[2][i] - e) <= 1e-6 * e);
            assert_true(y[3][i] == x[i] + b[i]);
        }
        assert_true(fabs(sum - total) < 1e-5 * total);
        if (level) {
            assert_memory_equal(first, y, sizeof y);
            assert_true(sum == first_sum);
        } else {
            memcpy(first, y, sizeof y);
            first_sum = sum;
        }
    }
    free(x);
    free(r);
    free(w);
    free(b);
}

/* Broken weights give NaN and infinity: no kernel may trap or leave its range. */
static void not_a_number_is_harmless(void **state)
{
    float x[64] = {0}, scale[2];
    int16_t q[64];
    int8_t q8[64];
    int32_t off[2];

    x[3] = NAN;
    x[40] = INFINITY;
    x[41] = -INFINITY;
    for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
        const encode_kernels *kernels = row_at(level);
        if (!kernels)
            continue;
        kernels->quantize_i16(x, 64, ENCODE_I16_INPUT, q, scale);
        for (size_t i = 0; i < 64; i++)
            assert_in_range(q[i] + ENCODE_I16_INPUT, 0, 2 * ENCODE_I16_INPUT);
        kernels->quantize_i8(x, 64, q8, scale, off);
        for (size_t i = 0; i < 64; i++)
            assert_in_range(q8[i] + 127, 0, 254);
    }
}

/* Side by side or one by one, 32 outputs are rounded to the same bytes, on every row of kernels. */
static void outputs_side_by_side(void **state)
{
    enum { MOST = 160 };
    static const size_t widths[] = {16, 32, 64, 80, 96, MOST};
    float *x = random_floats(MOST * ENCODE_PANEL), row[MOST] __attribute__((aligned(64)));
    float scale[MOST / 32 + 1], want[MOST], got[MOST] __attribute__((aligned(64)));
    int16_t *rows = checked_aligned(MOST * ENCODE_PANEL, 2), *wide = checked_aligned(MOST * ENCODE_PANEL, 2);
    int16_t *wide_got = checked_aligned(MOST * ENCODE_PANEL, 2);
    uint8_t *bytes = checked_aligned(MOST * ENCODE_PANEL, 1), *bytes_got = checked_aligned(MOST * ENCODE_PANEL, 1);
    int8_t q[MOST];
    int32_t off[MOST / 32];

    (void)state;
    for (size_t j = 0; j < MOST; j++) {
        x[j * ENCODE_PANEL + 3] = 0;                        /* a scale of nothing */
        x[j * ENCODE_PANEL + 4] = j % 2 ? 1.0f : -1.0f;     /* the largest both ways */
        x[j * ENCODE_PANEL + 5] *= 1e-33f;                  /* too small to divide by */
        x[j * ENCODE_PANEL + 6] = ((float)(j % 255) - 127) / 127 * 0.5f; /* halves to even */
    }
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (int level = CPU_SCALAR; level <= CPU_AVX512; level++) {
            const size_t k = widths[w], wide_blocks = encode_i16_blocks(k);
            const encode_kernels *kernels = row_at(level);
            if (!kernels)
                continue;
            for (size_t n = 0; n < ENCODE_PANEL; n++) {
                for (size_t j = 0; j < k; j++)
                    row[j] = x[j * ENCODE_PANEL + n];
                row_at(CPU_SCALAR)->quantize_i16(row, k, ENCODE_I16_WEIGHT, rows + n * k, scale);
                for (size_t b = 0; b < wide_blocks; b++)
                    want[b * ENCODE_PANEL + n] = scale[b];
            }
            row_at(CPU_SCALAR)->pack_i16(rows, k, k, wide);
            kernels->across_i16(x, k, wide_got, got);
            assert_memory_equal(wide_got, wide, k * ENCODE_PANEL * sizeof *wide);
            assert_memory_equal(got, want, wide_blocks * ENCODE_PANEL * sizeof *want);
            if (k % 32)
                continue;
            for (size_t n = 0; n < ENCODE_PANEL; n++) {
                for (size_t j = 0; j < k; j++)
                    row[j] = x[j * ENCODE_PANEL + n];
                row_at(CPU_SCALAR)->quantize_i8(row, k, q, scale, off);
                for (size_t b = 0; b < k / 32; b++)
                    want[b * ENCODE_PANEL + n] = scale[b];
                for (size_t j = 0; j < k; j++)
                    bytes[j / 4 * 4 * ENCODE_PANEL + n * 4 + j % 4] = (uint8_t)(q[j] + 128);
            }
            kernels->across_i8(x, k, bytes_got, got);
            assert_memory_equal(bytes_got, bytes, k * ENCODE_PANEL);
            assert_memory_equal(got, want, k * sizeof *want);
        }
    free(x);
    free(rows);
    free(wide);
    free(wide_got);
    free(bytes);
    free(bytes_got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_floats),   cmocka_unit_test(products_of_rounded_floats),
        cmocka_unit_test(extreme_operands_fit), cmocka_unit_test(products_of_four_bit_weights), cmocka_unit_test(products_of_eight_bit_weights),
        cmocka_unit_test(products_from_halves),
        cmocka_unit_test(gelu_is_close_everywhere),
        cmocka_unit_test(halves_are_spread),
        cmocka_unit_test(outputs_side_by_side),
        cmocka_unit_test(element_functions),    cmocka_unit_test(not_a_number_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

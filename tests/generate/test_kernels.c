/* test_kernels.c - every CPU row gives the bytes of the plain one; an integer product equals one
 * written out from dequantised weights; the batch changes nothing; the float kernels meet libm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "generate/kernels/layout.h"
#include "generate/kernels/matrix.h"
#include "tests/generate/tiny_model.h"

static uint64_t seed;
static weight_heap *heap;

static float random_float(void)
{
    return ((float)(tiny_random(&seed) % 20001) - 10000.0f) / 3000.0f;
}

static int setup(void **state)
{
    const char *s = getenv("CAIRN_SEED");
    (void)state;
    seed = s ? strtoull(s, NULL, 0) : 42;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    return weight_heap_create(&heap, NULL);
}

static int teardown(void **state)
{
    (void)state;
    weight_heap_destroy(heap);
    return 0;
}

static tensor random_tensor(tensor_type type, size_t cols, size_t rows)
{
    const tensor_type_info *info = tensor_type_get(type);
    tiny_writer w = {.t = &tiny_default, .seed = tiny_random(&seed)};
    tensor t = {.name = info->name, .type = type, .n_dims = 2, .dims = {cols, rows, 1, 1}};

    bytes_init(&w.data, 64 << 20);
    for (size_t i = 0; i < cols * rows / info->block_size; i++)
        tiny_block(&w, type);
    t.data = (uint8_t *)bytes_detach(&w.data, &t.bytes);
    return t;
}

static const tensor_type types[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1,
                                    TENSOR_Q8_0, TENSOR_Q4_K, TENSOR_Q5_K, TENSOR_Q6_K};
#define N_TYPES (sizeof types / sizeof *types)

/* Tokens rounded as matrix.c does it, with row `k`. */
static token_tiles rounded(const kernels *k, const float *x, size_t n, size_t cols, uint8_t **data)
{
    size_t blocks = cols / 32, singles = n % 8 <= 2 ? n % 8 : 0, tiled = n - singles;
    size_t tiles = (tiled + 7) / 8;
    uint8_t *p = calloc(tiles * blocks * KERNEL_TILE_BLOCK + singles * blocks * 64 + 1, 1);

    for (size_t t = 0; t < tiled; t++)
        k->quantize(x + t * cols, cols, 8, t % 8, p + t / 8 * blocks * KERNEL_TILE_BLOCK);
    *data = p;
    p += tiles * blocks * KERNEL_TILE_BLOCK;
    for (size_t t = 0; t < singles; t++)
        k->quantize(x + (tiled + t) * cols, cols, 1, 0, p + t * blocks * 64);
    return (token_tiles){*data, tiles, tiled, p, singles};
}

static void rows_of_kernels_agree(void **state)
{
    static const size_t widths[] = {256, 512, 2304};
    static const size_t counts[] = {1, 2, 3, 8, 9, 13};
    void *scratch = aligned_alloc(64, KERNEL_STRIP_SCRATCH);
    (void)state;
    for (size_t i = 0; i < N_TYPES * 3 * 6; i++) {
        tensor_type type = types[i % N_TYPES];
        size_t cols = widths[i / N_TYPES % 3], n = counts[i / N_TYPES / 3];
        tensor t = random_tensor(type, cols, 16);
        float *x = malloc(n * cols * 4), *out = malloc(n * 16 * 4), *want = malloc(n * 16 * 4);
        uint8_t *plain = NULL, *data;
        matrix *m;
        for (size_t j = 0; j < n * cols; j++)
            x[j] = random_float() * (j % 97 ? 1.0f : 30.0f);
        assert_int_equal(matrix_create(&m, &t, heap, NULL, NULL), CAIRN_OK);
        for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
            const kernels *k = kernels_for((cpu_level)level);
            token_tiles tiles = rounded(k, x, n, cols, &data);
            size_t bytes = tiles.n_tiles * (cols / 32) * KERNEL_TILE_BLOCK + tiles.n_singles * cols * 2;
            k->strip[type](m->data, cols, &tiles, out, 16, scratch);
            if (level == CPU_SCALAR) {
                plain = data;
                memcpy(want, out, n * 64);
                continue;
            }
            assert_memory_equal(plain, data, bytes);
            if (memcmp(out, want, n * 64))
                fail_msg("%s %zu x %zu: %s differs from scalar", t.name, cols, n,
                         cpu_level_name((cpu_level)level));
            free(data);
        }
        free(plain);
        free((void *)t.data);
        free(x);
        free(out);
        free(want);
    }
    free(scratch);
}

/* The integer product against doubles over dequantised weights and the rounded inputs. */
static void products_are_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        const size_t cols = 768, rows = 37, n = 11;
        tensor t = random_tensor(types[i], cols, rows);
        float *x = malloc(n * cols * 4), *w = malloc(rows * cols * 4), *out = malloc(n * rows * 4);
        float *bias = malloc(rows * 4), *exact = malloc(n * rows * 4);
        activations *a;
        matmul_scratch *s;
        matrix *m;
        matmul job;
        for (size_t j = 0; j < n * cols; j++)
            x[j] = random_float();
        for (size_t j = 0; j < rows; j++)
            bias[j] = random_float();
        dequantize_row(t.type, t.data, w, rows * cols);
        assert_int_equal(matrix_create(&m, &t, heap, NULL, NULL), CAIRN_OK);
        assert_int_equal(activations_create(&a, n, cols, NULL), CAIRN_OK);
        assert_int_equal(matmul_scratch_create(&s, n, 0, NULL, NULL), CAIRN_OK);
        activations_set(a, x, cols, n, cols, true, NULL);
        job = (matmul){m, bias, out, rows};
        matmul_run(&job, 1, a, false, s, NULL);
        job.out = exact;
        matmul_run(&job, 1, a, true, s, NULL);
        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < rows; c++) {
                double rounded_sum = bias[c], sum = bias[c], size = 0;
                for (size_t b = 0; b < cols; b += 16) {
                    double largest = 0, part = 0;
                    for (size_t j = b; j < b + 16; j++)
                        largest = fmax(largest, fabs((double)x[r * cols + j]));
                    for (size_t j = b; j < b + 16; j++) {
                        double q = rint((double)(x[r * cols + j] * (127.0f / (float)largest)));
                        part += q * (double)w[c * cols + j];
                        sum += (double)x[r * cols + j] * (double)w[c * cols + j];
                        size += fabs((double)x[r * cols + j] * (double)w[c * cols + j]);
                    }
                    rounded_sum += part * largest / 127;
                }
                if (fabs((double)out[r * rows + c] - rounded_sum) > size * 1e-5 ||
                    fabs((double)exact[r * rows + c] - sum) > size * 1e-6)
                    fail_msg("%s [%zu][%zu]: %g, %g; want %g, %g", t.name, r, c,
                             (double)out[r * rows + c], (double)exact[r * rows + c], rounded_sum, sum);
            }
        activations_destroy(a);
        matmul_scratch_destroy(s);
        free((void *)t.data);
        free(x);
        free(w);
        free(out);
        free(bias);
        free(exact);
    }
}

/* Sixteen rows packed at once, by every row of kernels, hold what fifteen of them packed one by one do; the last
 * block stands alone in its unit where there is an odd number. */
static void rows_pack_alike(void **state)
{
    static const tensor_type all[] = {TENSOR_Q4_0, TENSOR_Q4_1, TENSOR_Q5_0, TENSOR_Q5_1, TENSOR_Q8_0, TENSOR_Q4_K,
                                      TENSOR_Q5_K, TENSOR_Q6_K, TENSOR_F16, TENSOR_BF16, TENSOR_F32};
    static const size_t widths[] = {1, 2, 3, 8, 9};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all * 5; i++) {
        const tensor_type_info *info = tensor_type_get(all[i / 5]);
        const kernels *plain = kernels_for(CPU_SCALAR);
        size_t cols = widths[i % 5] * info->block_size, row_bytes = widths[i % 5] * info->block_bytes;
        tensor t = random_tensor(all[i / 5], cols, 16), fifteen = t;
        float *want = malloc(cols * 16 * 4), *got = malloc(cols * 16 * 4);
        matrix *m;
        uint8_t *strip, *first = NULL;
        fifteen.dims[1] = 15;
        assert_int_equal(matrix_create(&m, &fifteen, heap, NULL, NULL), CAIRN_OK);
        plain->unpack[all[i / 5]](m->data, cols, 0, cols, want);
        for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
            /* A copy of exactly this size lets ASan see a read beyond the last row. */
            uint8_t *rows = malloc(16 * row_bytes);
            memcpy(rows, t.data, 16 * row_bytes);
            strip = aligned_alloc(64, m->strip_bytes);
            memset(strip, 0, m->strip_bytes);
            kernels_for((cpu_level)level)->pack[all[i / 5]](rows, row_bytes, cols, strip);
            plain->unpack[all[i / 5]](strip, cols, 0, cols, got);
            for (size_t j = 0; j < cols * 16; j++)
                if (j % 16 < 15 && memcmp(&got[j], &want[j], 4))
                    fail_msg("%s, %zu columns, %s: row %zu differs", t.name, cols,
                             cpu_level_name((cpu_level)level), j % 16);
            if (first)
                assert_memory_equal(strip, first, m->strip_bytes);
            free(rows);
            if (first)
                free(strip);
            else
                first = strip;
        }
        free(first);
        free((void *)t.data);
        free(want);
        free(got);
    }
}

/* The same token alone and among others, with one thread and three, and from weights not packed yet. */
static void batch_and_threads_change_nothing(void **state)
{
    const size_t cols = 512, rows = 200, n = 21;
    pool *p;
    (void)state;
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    for (size_t i = 0; i < N_TYPES; i++) {
        tensor t = random_tensor(types[i], cols, rows);
        float *x = malloc(n * cols * 4), *all = malloc(n * rows * 4), *one = malloc(rows * 4);
        float *late = malloc(n * rows * 4);
        activations *a;
        matmul_scratch *s;
        matrix *m, *unpacked;
        for (size_t j = 0; j < n * cols; j++)
            x[j] = random_float();
        assert_int_equal(matrix_create(&m, &t, heap, p, NULL), CAIRN_OK);
        assert_int_equal(matrix_plan(&unpacked, &t, heap, NULL), CAIRN_OK);
        unpacked->from = &t;
        assert_int_equal(activations_create(&a, n, cols, NULL), CAIRN_OK);
        assert_int_equal(matmul_scratch_create(&s, n, m->strip_bytes, p, NULL), CAIRN_OK);
        for (int exact = 0; exact < 2; exact++) {
            matmul job = {m, NULL, all, rows};
            activations_set(a, x, cols, n, cols, true, p);
            matmul_run(&job, 1, a, exact, s, p);
            for (size_t r = 0; r < n; r++) {
                job = (matmul){m, NULL, one, rows};
                activations_set(a, x + r * cols, cols, 1, cols, true, NULL);
                matmul_run(&job, 1, a, exact, s, NULL);
                if (memcmp(one, all + r * rows, rows * 4))
                    fail_msg("%s: token %zu differs in a batch", t.name, r);
            }
            job = (matmul){unpacked, NULL, late, rows};
            activations_set(a, x, cols, n, cols, true, p);
            matmul_run(&job, 1, a, exact, s, p);
            assert_memory_equal(late, all, n * rows * 4);
        }
        activations_destroy(a);
        matmul_scratch_destroy(s);
        free((void *)t.data);
        free(x);
        free(all);
        free(one);
        free(late);
    }
    pool_destroy(p);
}

typedef void float_case(const kernels *k, const float *x, const float *y, size_t n, float *out);

static void case_rmsnorm(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    k->rmsnorm(x, y, n, 1e-6f, out);
}
static void case_layernorm(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    k->layernorm(x, y, x, n, 1e-6f, out);
}
static void case_softmax(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    (void)y;
    memcpy(out, x, n * 4);
    if (n > 3)
        out[2] = -INFINITY;
    k->softmax(out, n);
}
static void case_silu(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    k->silu_mul(x, y, n, out);
}
static void case_gelu_tanh(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    k->gelu_tanh_mul(x, y, n, out);
}
static void case_softcap(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    (void)y;
    memcpy(out, x, n * sizeof *out);
    k->softcap(out, n, 1.5f);
}
static void case_gelu_erf(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    (void)y;
    k->gelu_erf(x, n, out);
}
static void case_dot_max(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    memset(out, 0, n * 4);
    out[0] = k->dot(x, y, n);
    if (n > 1)
        out[1] = k->max(x, n);
}
static void case_add_scale(const kernels *k, const float *x, const float *y, size_t n, float *out)
{
    k->add(x, y, n, out);
    k->scale(out, n, 1.7f);
}
static float_case *const cases[] = {case_rmsnorm,  case_layernorm, case_softmax, case_silu,
                                    case_gelu_tanh, case_gelu_erf, case_dot_max, case_add_scale,
                                    case_softcap};

static double expected(size_t which, const float *x, const float *y, size_t n, size_t i)
{
    double sum = 0, mean = 0, v = x[i], top = -INFINITY;
    switch (which) {
    case 0:
        for (size_t j = 0; j < n; j++)
            sum += (double)x[j] * x[j];
        return v / sqrt(sum / (double)n + 1e-6) * y[i];
    case 1:
        for (size_t j = 0; j < n; j++)
            mean += x[j] / (double)n;
        for (size_t j = 0; j < n; j++)
            sum += (x[j] - mean) * (x[j] - mean);
        return (v - mean) / sqrt(sum / (double)n + 1e-6) * y[i] + v;
    case 2:
        for (size_t j = 0; j < n; j++)
            if (j != 2 || n <= 3)
                top = fmax(top, x[j]);
        for (size_t j = 0; j < n; j++)
            sum += j == 2 && n > 3 ? 0 : exp(x[j] - top);
        return i == 2 && n > 3 ? 0 : exp(v - top) / sum;
    case 3:
        return v / (1 + exp(-v)) * y[i];
    case 4:
        return 0.5 * v * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))) * y[i];
    case 5:
        return 0.5 * v * (1 + erf(v / sqrt(2)));
    case 6:
        for (size_t j = 0; j < n; j++) {
            sum += (double)x[j] * y[j];
            top = fmax(top, x[j]);
        }
        return i == 0 ? sum : i == 1 ? top : 0;
    case 7:
        return (v + y[i]) * 1.7f;
    default:
        return 1.5 * tanh(v / 1.5);
    }
}

static void float_kernels_are_right(void **state)
{
    static const size_t sizes[] = {1, 2, 7, 15, 16, 17, 31, 33, 64, 384, 897};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t z = 0; z < sizeof sizes / sizeof *sizes; z++) {
            size_t n = sizes[z];
            float *x = malloc(n * 4), *y = malloc(n * 4), *out = malloc(n * 4), *want = malloc(n * 4);
            for (size_t i = 0; i < n; i++) {
                x[i] = random_float() * (i % 7 ? 1.0f : 5.0f);
                y[i] = random_float();
            }
            for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
                cases[c](kernels_for((cpu_level)level), x, y, n, out);
                if (level == CPU_SCALAR)
                    memcpy(want, out, n * 4);
                if (memcmp(out, want, n * 4))
                    fail_msg("case %zu, n %zu: %s differs from scalar", c, n,
                             cpu_level_name((cpu_level)level));
            }
            for (size_t i = 0; i < n; i++) {
                double e = expected(c, x, y, n, i);
                if (fabs((double)want[i] - e) > 2e-6 * (fabs(e) + 1 + (c == 6) * (double)n))
                    fail_msg("case %zu, n %zu, [%zu]: %.9g, not %.9g", c, n, i, (double)want[i], e);
            }
            free(x);
            free(y);
            free(out);
            free(want);
        }
}

static void gemm_rows_agree(void **state)
{
    (void)state;
    for (size_t m = 1; m < 20; m++)
        for (size_t vectors = 1; vectors < 12; vectors++) {
            const size_t k = 37, lda = 40, ldb = 16, b_step = k * 16, ldc = vectors * 16 + 2;
            float *a = malloc(m * lda * 4), *b = malloc(vectors * b_step * 4);
            float *c = malloc(m * ldc * 4), *want = malloc(m * ldc * 4);
            for (size_t i = 0; i < m * lda; i++)
                a[i] = random_float();
            for (size_t i = 0; i < vectors * b_step; i++)
                b[i] = random_float();
            for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
                const kernels *row = kernels_for((cpu_level)level);
                memset(c, 0, m * ldc * 4);
                row->gemm_f32(m, vectors, 20, a, lda, b, ldb, b_step, c, ldc, false);
                row->gemm_f32(m, vectors, k - 20, a + 20, lda, b + 20 * ldb, ldb, b_step, c, ldc,
                              true);
                if (level == CPU_SCALAR)
                    memcpy(want, c, m * ldc * 4);
                assert_memory_equal(c, want, m * ldc * 4);
            }
            for (size_t i = 0; i < m; i++)
                for (size_t l = 0; l < vectors * 16; l++) {
                    double sum = 0;
                    for (size_t j = 0; j < k; j++)
                        sum += (double)a[i * lda + j] * b[l / 16 * b_step + j * ldb + l % 16];
                    assert_true(fabs(sum - (double)want[i * ldc + l]) < 1e-3);
                }
            free(a);
            free(b);
            free(c);
            free(want);
        }
}

/* A NaN or an infinity in the inputs must reach the outputs, not turn into a plausible number. */
static void broken_numbers_stay_visible(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    tensor t = random_tensor(TENSOR_Q8_0, 64, 16);
    matrix *m;
    activations *a;
    matmul_scratch *s;
    float x[64] = {0}, out[16];
    matmul job;
    (void)state;
    assert_int_equal(matrix_create(&m, &t, heap, NULL, NULL), CAIRN_OK);
    assert_int_equal(activations_create(&a, 1, 64, NULL), CAIRN_OK);
    assert_int_equal(matmul_scratch_create(&s, 1, 0, NULL, NULL), CAIRN_OK);
    job = (matmul){m, NULL, out, 16};
    for (size_t i = 0; i < 4; i++) {
        x[33] = i < 3 ? bad[i] : 1e-42f; /* and the smallest numbers are no trouble */
        activations_set(a, x, 64, 1, 64, true, NULL);
        matmul_run(&job, 1, a, false, s, NULL);
        assert_true(i < 3 ? out[5] != out[5] : out[5] == 0);
    }
    activations_destroy(a);
    matmul_scratch_destroy(s);
    free((void *)t.data);
}

/* Rounding to int8 and back, against the definition written out; all rows alike to the byte. */
static void int8_rows_are_right(void **state)
{
    enum { DIM = 64, POSITIONS = 32 };
    float x[POSITIONS][DIM], along[POSITIONS][DIM], across[POSITIONS / 16][DIM][16];
    int8_t q[POSITIONS][DIM], apart[POSITIONS / 16][DIM][16];
    (void)state;
    for (size_t group = 16; group <= DIM; group *= 2) {
        float scales[POSITIONS * DIM / 16], apart_scales[POSITIONS * DIM / 16];
        const size_t groups = DIM / group;
        for (size_t p = 0; p < POSITIONS; p++)
            for (size_t i = 0; i < DIM; i++)
                x[p][i] = p == 3 ? 0.0f : random_float() * (p == 5 ? 1e-30f : 1.0f);
        for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
            const kernels *row = kernels_for((cpu_level)level);
            for (size_t p = 0; p < POSITIONS; p++)
                for (size_t g = 0; g < groups; g++) {
                    const float *v = &x[p][g * group];
                    float most = 0, scale = row->to_int8(v, group, &q[p][g * group]);
                    for (size_t i = 0; i < group; i++)
                        most = fabsf(v[i]) > most ? fabsf(v[i]) : most;
                    assert_true(scale == most / 127.0f);
                    for (size_t i = 0; i < group; i++) {
                        float by = most > 0 ? 127.0f / most : 0;
                        assert_int_equal(q[p][g * group + i], lrintf(v[i] * by));
                        apart[p / 16][g * group + i][p % 16] = q[p][g * group + i];
                    }
                    scales[p * groups + g] = scale;
                    apart_scales[(p / 16 * groups + g) * 16 + p % 16] = scale;
                }
            row->from_int8_along(&q[0][0], scales, POSITIONS * groups, group, &along[0][0]);
            row->from_int8_across(&apart[0][0][0], apart_scales, POSITIONS / 16, DIM, group,
                                  &across[0][0][0]);
            for (size_t p = 0; p < POSITIONS; p++)
                for (size_t i = 0; i < DIM; i++) {
                    float want = (float)q[p][i] * scales[p * groups + i / group];
                    assert_true(along[p][i] == want && across[p / 16][i][p % 16] == want);
                    assert_true(fabsf(want - x[p][i]) <=
                                0.5001f * scales[p * groups + i / group]);
                }
        }
    }
    for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++) {
        const float bad[] = {NAN, INFINITY, -INFINITY};
        for (size_t i = 0; i < 3; i++) {
            float scale;
            x[0][7] = bad[i];
            scale = kernels_for((cpu_level)level)->to_int8(x[0], DIM, q[0]);
            assert_true(scale != scale);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_kernels_agree),
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(rows_pack_alike),
        cmocka_unit_test(batch_and_threads_change_nothing),
        cmocka_unit_test(float_kernels_are_right),
        cmocka_unit_test(gemm_rows_agree),
        cmocka_unit_test(int8_rows_are_right),
        cmocka_unit_test(broken_numbers_stay_visible),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

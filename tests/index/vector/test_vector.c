/* test_vector.c - vector segments: kernels against the plain loops, search against the exact
 * search, graphs against their invariants, broken bytes against the readers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/vector/vector_scan.h"
#include "tests/index/vector/memory_sections.h"

/* Sanitizers are slow; fewer rows still walk the graph instead of scanning. */
#ifdef CAIRN_SANITIZED
#define GRAPH_ROWS 6000u
#else
#define GRAPH_ROWS 20000u
#endif

static uint64_t rng;

/* Clustered points, as embeddings are: a centre and noise. */
static void make_point(float *v, uint32_t dim, uint32_t clusters, double noise)
{
    uint64_t centre = 7 + test_random(&rng) % clusters;

    for (uint32_t i = 0; i < dim; i++)
        v[i] = (float)(test_uniform(&centre) - 0.5 + noise * (test_uniform(&rng) - 0.5));
}

typedef struct fixture {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
} fixture;

static void open_fixture(fixture *f)
{
    cairn_error err = {0};

    f->source = memory_source(&f->mem);
    if (vector_reader_open(&f->reader, &f->source, &err))
        fail_msg("open: %s", err.text);
}

static void build_fixture(fixture *f, uint32_t rows, uint32_t dim, vector_metric metric,
                          const vector_options *o, pool *workers)
{
    cairn_error err = {0};
    vector_writer *w;
    float v[1024];
    section_sink sink = memory_sink(&f->mem);

    assert_int_equal(vector_writer_create(&w, dim, metric, o, &err), CAIRN_OK);
    for (uint32_t r = 0; r < rows; r++) {
        make_point(v, dim, 40, 1.5);
        assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
    }
    assert_int_equal(vector_writer_rows(w), rows);
    if (vector_writer_finish(w, &sink, workers, &err))
        fail_msg("finish: %s", err.text);
    vector_writer_destroy(w);
    open_fixture(f);
}

static void drop_fixture(fixture *f)
{
    vector_reader_close(f->reader);
    memory_clear(&f->mem);
    memset(f, 0, sizeof *f);
}

static double recall(const vector_hit *got, size_t n_got, const vector_hit *want, size_t n_want)
{
    size_t both = 0;

    for (size_t i = 0; i < n_want; i++)
        for (size_t j = 0; j < n_got; j++)
            both += got[j].segment == want[i].segment && got[j].row == want[i].row;
    return n_want ? (double)both / (double)n_want : 1;
}

/* ---- kernels ---- */

/* Every table this machine can run. */
static size_t tables(const vector_kernels **out)
{
    size_t n = 0;

    for (int level = CPU_SCALAR; level <= (int)cpu_level_max(); level++)
        out[n++] = vector_kernels_for((cpu_level)level);
    if (cpu_level_max() == CPU_AVX512) /* what a machine without VPOPCNTDQ gets */
        out[n++] = &vector_kernels_avx512;
    return n;
}

static void codes_agree(const vector_code_kernels *k, const vector_code_kernels *plain,
                        vector_code_kind kind, size_t n)
{
    size_t stride = n + 3, n_query = kind == VECTOR_CODE_I8   ? n
                                     : kind == VECTOR_CODE_I4 ? 2 * n
                                                              : VECTOR_PLANES * n;
    uint8_t *codes = malloc(19 * stride + 1); /* rows at odd addresses */
    int8_t *q = malloc(n_query + 1);
    int32_t bias = (int32_t)(test_random(&rng) % 10000), got[19], want[19];
    uint32_t rows[19] = {18, 0, 3, 3, 7, 1, 2, 6, 5, 4, 9, 11, 10, 8, 17, 16, 12, 0, 1};

    assert_non_null(codes);
    assert_non_null(q);
    for (size_t i = 0; i < 19 * stride + 1; i++)
        codes[i] = (uint8_t)test_random(&rng);
    for (size_t i = 0; i < n_query + 1; i++)
        q[i] = kind == VECTOR_CODE_B1 ? (int8_t)test_random(&rng)
                                      : (int8_t)((int)(test_random(&rng) % 255) - 127);
    if (n > 16) { /* the values at which 16-bit sums would saturate */
        memset(codes + 1, 255, n);
        memset(q + 1, -127, n_query);
    }
    if (kind ==
        VECTOR_CODE_I8) { /* 0 does not occur in a code, and AVX2 needs the bias to be true */
        bias = 0;
        for (size_t i = 0; i < 19 * stride + 1; i++)
            codes[i] |= codes[i] == 0;
        for (size_t i = 0; i < n; i++)
            bias += 128 * q[1 + i];
    }
    assert_int_equal(k->dot(codes + 1, q + 1, n, bias), plain->dot(codes + 1, q + 1, n, bias));
    for (size_t n_rows = 0; n_rows <= 19; n_rows++) {
        k->scan(codes + 1, stride, n_rows, q + 1, n, bias, got);
        plain->scan(codes + 1, stride, n_rows, q + 1, n, bias, want);
        assert_memory_equal(got, want, n_rows * sizeof *got);
        k->gather(codes + 1, stride, rows, n_rows, q + 1, n, bias, got);
        plain->gather(codes + 1, stride, rows, n_rows, q + 1, n, bias, want);
        assert_memory_equal(got, want, n_rows * sizeof *got);
    }
    free(codes);
    free(q);
}

static void kernels_agree_with_the_plain_loops(void **state)
{
    static const size_t lengths[] = {0,  1,   7,   8,   15,  16,  31,  33,  48,  63,  64,  65,
                                     96, 127, 128, 129, 191, 192, 200, 256, 384, 390, 512, 1024};
    const vector_kernels *plain = vector_kernels_for(CPU_SCALAR), *table[8];

    (void)state;
    for (size_t t = 0, n_tables = tables(table); t < n_tables; t++) {
        const vector_kernels *k = table[t];
        for (size_t li = 0; li < sizeof lengths / sizeof *lengths; li++)
            for (int kind = 0; kind < VECTOR_CODE_KINDS; kind++)
                if (kind != VECTOR_CODE_B1 || lengths[li] % 8 == 0)
                    codes_agree(k->code[kind], plain->code[kind], (vector_code_kind)kind,
                                lengths[li]);
        for (size_t n = 0; n <= 64; n++) {
            int32_t dots[64];
            float scales[64], biases[64], got[64], want[64];
            for (size_t i = 0; i < n; i++) {
                dots[i] = (int32_t)(test_random(&rng) % 2000001) - 1000000;
                scales[i] = (float)test_uniform(&rng);
                biases[i] = (float)(-1e5 * test_uniform(&rng));
            }
            for (int with = 0; with < 2; with++) {
                const float *bias = with ? biases : NULL;
                assert_int_equal(k->select(dots, scales, bias, n, 0.7f, 3.3f, 0.25f, got),
                                 plain->select(dots, scales, bias, n, 0.7f, 3.3f, 0.25f, want));
                assert_memory_equal(got, want, n * sizeof *got);
                uint64_t all = k->select(dots, scales, bias, n, 1, 0, -INFINITY, got);
                assert_int_equal(all, n == 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1);
            }
        }
    }
}

/* A small odd-sized row in each storage, at an odd address, against sums in double precision. */
static void float_kernels_stay_within_their_bound(void **state)
{
    const vector_kernels *table[8];

    (void)state;
    for (size_t t = 0, n_tables = tables(table); t < n_tables; t++)
        for (size_t n = 0; n <= 400; n += n < 70 ? 1 : 33)
            for (int storage = 0; storage < VECTOR_STORAGES; storage++) {
                float *a = malloc((n + 1) * sizeof *a), *b = malloc((n + 1) * sizeof *b), scale = 1;
                uint8_t *row = malloc(4 * n + 2);
                double exact = 0, size = 0, squares = 0;
                for (size_t i = 0; i < n; i++) {
                    a[i] = (float)(test_uniform(&rng) - 0.5);
                    b[i + 1] = (float)(test_uniform(&rng) - 0.5);
                }
                size_t odd =
                    vector_component_bytes((vector_storage)storage) == 1; /* whole components */
                assert_true(vector_original_put((vector_storage)storage, a, (uint32_t)n, row + odd,
                                                &scale));
                vector_originals o = {(vector_storage)storage, (uint32_t)n, 0, row + odd, &scale};
                vector_original_get(&o, 0, a);
                for (size_t i = 0; i < n; i++) {
                    exact += (double)a[i] * b[i + 1];
                    size += fabs((double)a[i] * b[i + 1]);
                    squares += ((double)a[i] - b[i + 1]) * ((double)a[i] - b[i + 1]);
                }
                const vector_original_kernels *k = &table[t]->original[storage];
                double off = fabs(k->dot(row + odd, scale, b + 1, n) - exact);
                if (off > 4e-7 * size + 1e-12)
                    fail_msg("%s at n %zu: off by %g of %g", table[t]->name, n, off, size);
                off = fabs(k->l2(row + odd, scale, b + 1, n) - squares);
                if (off > 8e-7 * squares + 1e-12) /* the subtraction rounds as well */
                    fail_msg("%s at n %zu: off by %g of %g", table[t]->name, n, off, squares);
                free(a);
                free(b);
                free(row);
            }
}

/* Every half-precision number and every value between two of them, on every table. */
static void half_precision_rounds_to_the_nearest(void **state)
{
    const vector_kernels *table[8];

    (void)state;
    for (size_t t = 0, n_tables = tables(table); t < n_tables; t++)
        for (uint32_t bits = 0; bits < 0x7c00; bits++) {
            uint16_t h[17], back[17];
            float v[17], next, middle;
            for (size_t i = 0; i < 17; i++)
                h[i] = (uint16_t)(bits | (i & 1 ? 0x8000u : 0));
            table[t]->from_f16(h, 17, v);
            double exact = bits < 0x400
                               ? bits * 0x1p-24
                               : (1 + (bits & 0x3ff) / 1024.0) * exp2((int)(bits >> 10) - 15);
            assert_true(v[0] == exact && v[1] == -exact && v[16] == exact);
            table[t]->to_f16(v, 17, back);
            assert_memory_equal(h, back, sizeof h);
            if (bits + 1 == 0x7c00)
                continue;
            uint16_t above = (uint16_t)(bits + 1), got;
            table[t]->from_f16(&above, 1, &next);
            middle = (float)(((double)v[0] + next) / 2);
            table[t]->to_f16(&middle, 1, &got);
            assert_int_equal(got, bits & 1 ? bits + 1 : bits); /* ties to even */
            middle = nextafterf(middle, 0);
            table[t]->to_f16(&middle, 1, &got);
            assert_int_equal(got, bits);
        }
}

static void the_rotation_keeps_lengths_and_products(void **state)
{
    static const uint32_t dims[] = {1, 2, 3, 5, 64, 65, 96, 127, 384, 768, 1000, 1024, 4096};

    (void)state;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        uint32_t n = dims[d];
        float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), top = 0;
        double dot = 0, after = 0, length = 0;
        for (uint32_t i = 0; i < n; i++) {
            a[i] = i == n / 2 ? 1 : 0; /* all in one component: the hardest to spread */
            b[i] = (float)(test_uniform(&rng) - 0.5);
            dot += (double)a[i] * b[i];
        }
        vector_rotate(a, n);
        vector_rotate(b, n);
        for (uint32_t i = 0; i < n; i++) {
            after += (double)a[i] * b[i];
            length += (double)a[i] * a[i];
            top = fabsf(a[i]) > top ? fabsf(a[i]) : top;
        }
        assert_true(fabs(dot - after) < 1e-5 && fabs(length - 1) < 1e-5);
        if (n >= 64) /* evenly would be 1 / sqrt(n) each */
            assert_true(top < 6 / sqrt(n));
        free(a);
        free(b);
    }
}

/* ---- writer and reader ---- */

static void rows_come_back_as_they_were(void **state)
{
    static const uint32_t dims[] = {1, 3, 63, 64, 65, 384};
    cairn_error err = {0};

    (void)state;
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (int metric = VECTOR_COSINE; metric <= VECTOR_L2; metric++) {
            uint32_t dim = dims[d];
            fixture f = {0};
            vector_writer *w;
            float v[384], back[384];
            section_sink sink = memory_sink(&f.mem);
            assert_int_equal(vector_writer_create(&w, dim, (vector_metric)metric, NULL, &err), 0);
            for (uint32_t r = 0; r < 5; r++) {
                for (uint32_t i = 0; i < dim; i++)
                    v[i] = r == 4 ? 0.0f : (float)((int)((r + 1) * (i + 2) % 7) - 3);
                v[0] += r == 4 ? 0.0f : 0.5f;
                assert_int_equal(vector_writer_add(w, v, &err), 0);
            }
            assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
            assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_EUSAGE);
            vector_writer_destroy(w);
            open_fixture(&f);
            assert_int_equal(vector_reader_dim(f.reader), dim);
            assert_int_equal(vector_reader_rows(f.reader), 5);
            assert_false(vector_reader_has_graph(f.reader));
            assert_int_equal(vector_verify(f.reader, &err), 0);
            for (uint32_t r = 0; r < 5; r++) {
                double length = 0;
                vector_reader_get(f.reader, r, back);
                for (uint32_t i = 0; i < dim; i++)
                    length += (double)back[i] * back[i];
                if (r == 4)
                    assert_true(length == 0);
                else if (metric == VECTOR_COSINE)
                    assert_true(fabs(length - 1) < 1e-5);
                else
                    assert_true(back[0] == (float)((int)((r + 1) * 2 % 7) - 3) + 0.5f);
            }
            drop_fixture(&f);
        }
}

static void writer_refuses_what_is_no_number(void **state)
{
    cairn_error err = {0};
    vector_writer *w;
    float v[4] = {1, 2, NAN, 4};

    (void)state;
    assert_int_equal(vector_writer_create(&w, 0, VECTOR_COSINE, NULL, &err), CAIRN_EUSAGE);
    assert_int_equal(vector_writer_create(&w, 1u << 30, VECTOR_COSINE, NULL, &err), CAIRN_EUSAGE);
    assert_int_equal(vector_writer_create(&w, 4, VECTOR_COSINE, NULL, &err), CAIRN_OK);
    assert_int_equal(vector_writer_add(w, v, &err), CAIRN_EUSAGE);
    v[2] = INFINITY;
    assert_int_equal(vector_writer_add(w, v, &err), CAIRN_EUSAGE);
    v[2] = 3e38f; /* huge, tiny and mixed rows still get length 1 */
    assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
    float tiny[4] = {1e-42f, -1e-42f, 0, 1e-42f};
    assert_int_equal(vector_writer_add(w, tiny, &err), CAIRN_OK);
    assert_int_equal(vector_writer_rows(w), 2);
    fixture f = {0};
    section_sink sink = memory_sink(&f.mem);
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_OK);
    vector_writer_destroy(w);
    open_fixture(&f);
    if (vector_verify(f.reader, &err))
        fail_msg("%s", err.text);
    drop_fixture(&f);
}

static void a_failing_sink_is_reported(void **state)
{
    vector_options force = {.force = true};
    long n = 1;

    (void)state;
    for (;; n++) {
        memory_sections mem = {.fail_after = n};
        section_sink sink = memory_sink(&mem);
        vector_writer *w;
        cairn_error err = {0};
        float v[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        assert_int_equal(vector_writer_create(&w, 8, VECTOR_COSINE, &force, &err), 0);
        for (int r = 0; r < 20; r++) {
            v[r % 8] += 1;
            assert_int_equal(vector_writer_add(w, v, &err), 0);
        }
        cairn_status st = vector_writer_finish(w, &sink, NULL, &err);
        vector_writer_destroy(w);
        memory_clear(&mem);
        if (st == CAIRN_OK)
            break;
        assert_int_equal(st, CAIRN_EFULL);
    }
    assert_true(n > 10);
}

/* ---- search ---- */

static void search_equals_exact_search(void **state)
{
    static const size_t ks[] = {1, 10, 100};
    pool *workers;
    cairn_error err = {0};
    fixture f[3] = {0};
    uint32_t rows[3] = {30000, 1, 777}, dim = 96;
    uint64_t *deleted = calloc(row_set_words(30000), 8), *allowed = calloc(row_set_words(777), 8);
    double least = 1, sum = 0;
    size_t n_checks = 0;

    (void)state;
    assert_int_equal(pool_create(&workers, 3, &err), 0);
    for (int i = 0; i < 3; i++)
        build_fixture(&f[i], rows[i], dim, VECTOR_COSINE, NULL, workers);
    for (uint32_t r = 0; r < 30000; r += 3)
        deleted[r >> 6] |= (uint64_t)1 << (r & 63);
    for (uint32_t r = 0; r < 777; r += 50)
        allowed[r >> 6] |= (uint64_t)1 << (r & 63);
    vector_segment seg[3] = {
        {f[0].reader, deleted, NULL}, {f[1].reader, NULL, NULL}, {f[2].reader, NULL, allowed}};
    for (int query = 0; query < 30; query++)
        for (size_t ki = 0; ki < 3; ki++) {
            float q[96];
            vector_hit got[100], want[100], again[100];
            size_t n_got, n_want, n_again;
            make_point(q, dim, 40, 1.5);
            assert_int_equal(
                vector_search(seg, 3, q, dim, ks[ki], NULL, workers, got, &n_got, &err), 0);
            assert_int_equal(
                vector_search(seg, 3, q, dim, ks[ki], NULL, NULL, again, &n_again, &err), 0);
            assert_int_equal(
                vector_search_exact(seg, 3, q, dim, ks[ki], workers, want, &n_want, &err), 0);
            assert_int_equal(n_got, ks[ki]);
            assert_int_equal(n_want, ks[ki]);
            assert_int_equal(n_again, n_got);
            assert_memory_equal(got, again, n_got * sizeof *got); /* any number of threads */
            for (size_t i = 0; i < n_got; i++) {
                assert_true(i == 0 || got[i - 1].score >= got[i].score);
                if (got[i].segment == 0)
                    assert_false(row_set_has(deleted, got[i].row));
                if (got[i].segment == 2)
                    assert_true(row_set_has(allowed, got[i].row));
            }
            double r = recall(got, n_got, want, n_want);
            sum += r;
            n_checks++;
            least = r < least ? r : least;
        }
    print_message("scan: mean recall %.4f, least %.3f\n", sum / (double)n_checks, least);
    assert_true(sum / (double)n_checks >= 0.998);
    assert_true(least >= 0.9);
    for (int i = 0; i < 3; i++)
        drop_fixture(&f[i]);
    free(deleted);
    free(allowed);
    pool_destroy(workers);
}

static void scores_are_those_of_the_originals(void **state)
{
    fixture f = {0};
    cairn_error err = {0};
    float q[384];
    vector_hit hits[50];
    size_t n;

    (void)state;
    build_fixture(&f, 3000, 384, VECTOR_COSINE, NULL, NULL);
    make_point(q, 384, 40, 1.5);
    vector_segment seg = {f.reader, NULL, NULL};
    assert_int_equal(vector_search(&seg, 1, q, 384, 50, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 50);
    for (size_t i = 0; i < n; i++) {
        float row[384];
        double dot = 0, length = 0;
        vector_reader_get(f.reader, hits[i].row, row);
        for (int j = 0; j < 384; j++) {
            dot += (double)row[j] * q[j];
            length += (double)q[j] * q[j];
        }
        assert_true(fabs(hits[i].score - dot / sqrt(length)) < 2e-6);
    }
    drop_fixture(&f);
}

static void edge_cases_of_a_search(void **state)
{
    fixture f = {0}, empty = {0};
    cairn_error err = {0};
    float q[16] = {1}, other[8] = {1}, zero[16] = {0}, bad[16] = {NAN};
    vector_hit hits[64];
    size_t n = 99;
    uint64_t none[1] = {0}, all[1] = {UINT64_MAX};

    (void)state;
    build_fixture(&f, 40, 16, VECTOR_DOT, NULL, NULL);
    build_fixture(&empty, 0, 16, VECTOR_DOT, NULL, NULL);
    vector_segment seg[2] = {{empty.reader, NULL, NULL}, {f.reader, NULL, NULL}};
    assert_int_equal(vector_search(NULL, 0, q, 16, 5, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(vector_search(seg, 1, q, 16, 5, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(vector_search(seg, 2, q, 16, 0, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(vector_search(seg, 2, q, 16, 64, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 40);
    assert_int_equal(vector_search(seg, 2, zero, 16, 64, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 40);
    for (uint32_t i = 0; i < 40; i++) { /* all scores equal: rows in order */
        assert_int_equal(hits[i].segment, 1);
        assert_int_equal(hits[i].row, i);
    }
    assert_int_equal(vector_search(seg, 2, other, 8, 5, NULL, NULL, hits, &n, &err), CAIRN_EUSAGE);
    assert_int_equal(vector_search(seg, 2, bad, 16, 5, NULL, NULL, hits, &n, &err), CAIRN_EUSAGE);
    seg[1].allowed = none;
    assert_int_equal(vector_search(seg, 2, q, 16, 5, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 0);
    seg[1].allowed = all; /* bits past the last row must not matter */
    assert_int_equal(vector_search(seg, 2, q, 16, 64, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 40);
    seg[1].deleted = all;
    assert_int_equal(vector_search(seg, 2, q, 16, 64, NULL, NULL, hits, &n, &err), 0);
    assert_int_equal(n, 0);
    drop_fixture(&f);
    drop_fixture(&empty);
}

/* ---- graphs ---- */

static double graph_recall(const vector_segment *seg, uint32_t dim, int queries, size_t ef,
                           size_t k)
{
    double sum = 0;
    cairn_error err = {0};
    /* Walk where the plan would scan so small a segment, but not where few rows are eligible. */
    vector_params p = {
        .ef = ef, .no_scan = vector_count_eligible(seg) * 10 > vector_reader_rows(seg->reader)};

    for (int i = 0; i < queries; i++) {
        float q[384];
        vector_hit got[100], want[100];
        size_t n_got, n_want;
        make_point(q, dim, 40, 1.5);
        assert_int_equal(vector_search(seg, 1, q, dim, k, &p, NULL, got, &n_got, &err), 0);
        assert_int_equal(vector_search_exact(seg, 1, q, dim, k, NULL, want, &n_want, &err), 0);
        assert_int_equal(n_got, n_want);
        sum += recall(got, n_got, want, n_want);
    }
    return sum / queries;
}

/* Rows come as their documents lie in folders, like beside like. A graph that takes them in so is
 * poor: the same rows, mixed, must not do much better. */
static void the_order_of_the_rows_does_not_matter(void **state)
{
    const uint32_t rows = 20000, clusters = 40, dim = 48;
    vector_options force = {.force = true};
    double found[2];
    (void)state;

    for (int mixed = 0; mixed < 2; mixed++) {
        fixture f = {.reader = NULL};
        vector_segment seg = {.reader = NULL};
        cairn_error err = {0};
        vector_writer *w;
        float v[48];
        section_sink sink = memory_sink(&f.mem);

        rng = 99;
        assert_int_equal(vector_writer_create(&w, dim, VECTOR_COSINE, &force, &err), CAIRN_OK);
        for (uint32_t r = 0; r < rows; r++) {
            uint32_t at = mixed ? (uint32_t)((uint64_t)r * 7919 % rows) : r;
            uint64_t centre = 7 + at / (rows / clusters), own = 1000 + at;
            for (uint32_t i = 0; i < dim; i++)
                v[i] = (float)(test_uniform(&centre) - 0.5 + 1.5 * (test_uniform(&own) - 0.5));
            assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
        }
        assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_OK);
        vector_writer_destroy(w);
        open_fixture(&f);
        seg.reader = f.reader;
        found[mixed] = graph_recall(&seg, dim, 200, 16, 10);
        drop_fixture(&f);
    }
    print_message("recall@10 at ef 16: %.4f sorted by cluster, %.4f mixed\n", found[0], found[1]);
    assert_true(found[0] > found[1] - 0.012);
}

static void graphs_keep_their_invariants_and_recall(void **state)
{
    vector_options force = {.force = true};
    cairn_error err = {0};
    pool *workers;

    (void)state;
    assert_int_equal(pool_create(&workers, 4, &err), 0);
    for (int threads = 1; threads <= 4; threads += 3) {
        fixture f = {0};
        build_fixture(&f, GRAPH_ROWS, 48, VECTOR_COSINE, &force, threads == 1 ? NULL : workers);
        assert_true(vector_reader_has_graph(f.reader));
        if (vector_verify(f.reader, &err))
            fail_msg("%d threads: %s", threads, err.text);
        vector_segment seg = {f.reader, NULL, NULL};
        double r = graph_recall(&seg, 48, 100, 64, 10);
        print_message("graph, %d threads: recall@10 %.4f at ef 64\n", threads, r);
        assert_true(r >= 0.92);

        /* Half deleted: no recall is lost, and no dead row returned. */
        uint64_t *deleted = calloc(row_set_words(GRAPH_ROWS), 8);
        for (uint32_t i = 0; i < GRAPH_ROWS; i++)
            if (test_random(&rng) & 1)
                deleted[i >> 6] |= (uint64_t)1 << (i & 63);
        seg.deleted = deleted;
        r = graph_recall(&seg, 48, 60, 64, 10);
        print_message("graph, half deleted: recall@10 %.4f\n", r);
        assert_true(r >= 0.92);
        free(deleted);
        drop_fixture(&f);
    }
    pool_destroy(workers);
}

/* Rows of very different length, so that ranking by inner product would be far off. */
static void euclidean_distance_ranks_as_brute_force_does(void **state)
{
    enum { ROWS = 4000, DIM = 40, K = 10 };
    vector_options force = {.force = true};
    cairn_error err = {0};
    float *rows = malloc((size_t)ROWS * DIM * sizeof *rows);
    double found[2] = {0};

    (void)state;
    for (uint32_t r = 0; r < ROWS; r++) {
        make_point(rows + (size_t)r * DIM, DIM, 40, 1.5);
        double size = 0.5 + 2 * test_uniform(&rng);
        for (uint32_t i = 0; i < DIM; i++)
            rows[(size_t)r * DIM + i] *= (float)size;
    }
    for (int graph = 0; graph < 2; graph++) {
        fixture f = {0};
        vector_writer *w;
        section_sink sink = memory_sink(&f.mem);
        assert_int_equal(vector_writer_create(&w, DIM, VECTOR_L2, graph ? &force : NULL, &err), 0);
        for (uint32_t r = 0; r < ROWS; r++)
            assert_int_equal(vector_writer_add(w, rows + (size_t)r * DIM, &err), 0);
        assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
        vector_writer_destroy(w);
        open_fixture(&f);
        if (vector_verify(f.reader, &err))
            fail_msg("%s", err.text);
        for (int query = 0; query < 60; query++) {
            float q[DIM];
            vector_hit hits[K];
            hnsw_candidate walked[64];
            hnsw_search_stats stats;
            int8_t code[64];
            vector_query vq = {.code = code};
            size_t n, n_walked = 0;
            double distance[ROWS];
            make_point(q, DIM, 40, 1.5);
            for (uint32_t r = 0; r < ROWS; r++) {
                distance[r] = 0;
                for (uint32_t i = 0; i < DIM; i++) {
                    double d = (double)rows[(size_t)r * DIM + i] - q[i];
                    distance[r] += d * d;
                }
            }
            vector_segment seg = {f.reader, NULL, NULL};
            assert_int_equal(vector_search(&seg, 1, q, DIM, K, NULL, NULL, hits, &n, &err), 0);
            assert_int_equal(n, K);
            if (graph) { /* walk it even where a scan would be chosen */
                float work[DIM];
                vector_query_encode(&f.reader->codes, q, work, &vq);
                assert_int_equal(hnsw_search(&f.reader->graph, &f.reader->codes, &vq, 64, NULL,
                                             NULL, 0, NULL, walked, &n_walked, &stats, &err),
                                 0);
            }
            for (size_t i = 0; i < K; i++) {
                size_t nearer = 0;
                assert_true(fabs(hits[i].score + distance[hits[i].row]) <=
                            1e-5 * distance[hits[i].row] + 1e-6);
                for (uint32_t r = 0; r < ROWS; r++)
                    nearer += distance[r] < distance[hits[i].row];
                found[0] += nearer < K;
            }
            for (size_t i = 0; i < n_walked; i++) {
                size_t nearer = 0;
                for (uint32_t r = 0; r < ROWS; r++)
                    nearer += distance[r] < distance[walked[i].row];
                found[1] += nearer < K;
            }
        }
        drop_fixture(&f);
    }
    print_message("L2: recall@10 %.4f, of the walk alone %.4f\n", found[0] / 1200, found[1] / 600);
    assert_true(found[0] / 1200 >= 0.99);
    assert_true(found[1] / 600 >= 0.95);
    free(rows);
}

static void filters_inside_the_graph_find_what_a_scan_finds(void **state)
{
    vector_options force = {.force = true};
    fixture f = {0};
    uint64_t *allowed = calloc(row_set_words(GRAPH_ROWS), 8);

    (void)state;
    build_fixture(&f, GRAPH_ROWS, 48, VECTOR_COSINE, &force, NULL);
    static const double shares[] = {0.7, 0.3, 0.05, 0.01, 0.0005};
    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        memset(allowed, 0, row_set_words(GRAPH_ROWS) * 8);
        for (uint32_t i = 0; i < GRAPH_ROWS; i++)
            if (test_uniform(&rng) < shares[s])
                allowed[i >> 6] |= (uint64_t)1 << (i & 63);
        vector_segment seg = {f.reader, NULL, allowed};
        double r = graph_recall(&seg, 48, 40, 48, 10);
        print_message("graph, %g allowed: recall@10 %.4f\n", shares[s], r);
        assert_true(r >= 0.92);
    }
    free(allowed);
    drop_fixture(&f);
}

/* With as many threads as you like, and with walk codes (dimension 128) as without. */
static void the_same_rows_give_the_same_bytes(void **state)
{
    static const uint32_t dims[] = {24, 128};
    vector_options force = {.force = true};

    (void)state;
    for (size_t d = 0; d < 2; d++)
        for (size_t threads = 1; threads <= 4; threads++) {
            fixture a = {0}, b = {0};
            uint64_t start = rng;
            pool *workers;
            cairn_error err = {0};

            assert_int_equal(pool_create(&workers, threads, &err), 0);
            build_fixture(&a, 1500, dims[d], VECTOR_COSINE, &force, NULL);
            rng = start;
            build_fixture(&b, 1500, dims[d], VECTOR_COSINE, &force, workers);
            assert_int_equal(a.reader->graph.walk_code != NULL, dims[d] == 128);
            assert_int_equal(a.mem.n, b.mem.n);
            for (size_t i = 0; i < a.mem.n; i++) {
                assert_int_equal(a.mem.at[i].len, b.mem.at[i].len);
                if (a.mem.at[i].len)
                    assert_memory_equal(a.mem.at[i].data, b.mem.at[i].data, a.mem.at[i].len);
            }
            drop_fixture(&a);
            drop_fixture(&b);
            pool_destroy(workers);
        }
}

/* A graph's walk codes answer as well as the segment's, under every metric. */
static void walk_codes_find_what_the_codes_find(void **state)
{
    vector_options force = {.force = true};
    cairn_error err = {0};

    (void)state;
    for (int metric = VECTOR_COSINE; metric <= VECTOR_L2; metric++) {
        fixture f = {0};
        build_fixture(&f, 3000, 144, (vector_metric)metric, &force, NULL);
        if (vector_verify(f.reader, &err))
            fail_msg("%s", err.text);
        size_t same = 0;
        for (int i = 0; i < 50; i++) {
            float v[144], work[144];
            int8_t code[384];
            vector_query q = {.code = code};
            hnsw_candidate b[40];
            hnsw_search_stats stats;
            size_t n_a, n_b;
            make_point(v, 144, 40, 1.5);
            vector_hit want[10];
            vector_segment seg = {f.reader, NULL, NULL};
            assert_int_equal(vector_search_exact(&seg, 1, v, 144, 10, NULL, want, &n_a, &err), 0);
            vector_query_encode(&f.reader->walk, v, work, &q);
            assert_int_equal(hnsw_search(&f.reader->graph, &f.reader->walk, &q, 40, NULL, NULL, 0,
                                         NULL, b, &n_b, &stats, &err),
                             0);
            for (size_t x = 0; x < n_a; x++)
                for (size_t y = 0; y < n_b; y++)
                    same += want[x].row == b[y].row;
        }
        print_message("walk codes, metric %d: recall@10 of 40 %.4f\n", metric, (double)same / 500);
        assert_true(same >= 450);
        uint8_t *walk = memory_get(&f.mem, "hnsw.i4")->data;
        walk[5] ^= 16;
        assert_int_equal(vector_verify(f.reader, &err), CAIRN_ECORRUPT);
        assert_non_null(strstr(err.text, "walk code of row 0"));
        drop_fixture(&f);
    }
}

static void small_and_awkward_graphs(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 33, 300};
    cairn_error err = {0};
    vector_options o = {.force = true, .m = 2, .ef_construction = 8};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int same = 0; same < 2; same++) { /* same: all rows are copies of one */
            fixture f = {0};
            vector_writer *w;
            float v[8] = {1, 2, 3};
            section_sink sink = memory_sink(&f.mem);
            assert_int_equal(vector_writer_create(&w, 8, VECTOR_COSINE, &o, &err), 0);
            for (uint32_t r = 0; r < sizes[i]; r++) {
                if (!same)
                    make_point(v, 8, 5, 1);
                assert_int_equal(vector_writer_add(w, v, &err), 0);
            }
            assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
            vector_writer_destroy(w);
            open_fixture(&f);
            if (vector_verify(f.reader, &err))
                fail_msg("%u rows, same %d: %s", sizes[i], same, err.text);
            /* Walk it directly: vector_search would scan so small a segment. */
            int8_t code[64];
            vector_query q = {.code = code};
            hnsw_candidate out[300];
            hnsw_search_stats stats;
            size_t n;
            vector_query_of_row(&f.reader->codes, 0, &q);
            assert_int_equal(hnsw_search(&f.reader->graph, &f.reader->walk, &q, sizes[i], NULL,
                                         NULL, 0, NULL, out, &n, &stats, &err),
                             0);
            assert_int_equal(n, sizes[i]); /* everything can be reached */
            drop_fixture(&f);
        }
}

/* ---- merging ---- */

static void merges_keep_rows_order_and_recall(void **state)
{
    vector_options force = {.force = true}, flat = {0};
    cairn_error err = {0};
    pool *workers;
    fixture f[3] = {0};
    uint32_t rows[3] = {900, 8000, 2500}, dim = 32;
    uint64_t *deleted[3];

    (void)state;
    assert_int_equal(pool_create(&workers, 2, &err), 0);
    for (int share = 0; share <= 6; share += 3) { /* deleted tenths: 0, 3, 6 */
        vector_merge_input in[3];
        uint32_t live = 0, at = 0;
        for (int i = 0; i < 3; i++) {
            build_fixture(&f[i], rows[i], dim, VECTOR_COSINE, i ? &force : &flat, workers);
            deleted[i] = calloc(row_set_words(rows[i]), 8);
            for (uint32_t r = 0; r < rows[i]; r++)
                if ((int)(test_random(&rng) % 10) < share)
                    deleted[i][r >> 6] |= (uint64_t)1 << (r & 63);
                else
                    live++;
            in[i] = (vector_merge_input){f[i].reader, share ? deleted[i] : NULL};
        }
        fixture out = {0};
        section_sink sink = memory_sink(&out.mem);
        if (vector_merge(in, 3, &force, &sink, workers, &err))
            fail_msg("merge: %s", err.text);
        open_fixture(&out);
        assert_int_equal(vector_reader_rows(out.reader), live);
        if (vector_verify(out.reader, &err))
            fail_msg("deleted %d0 %%: %s", share, err.text);
        for (int i = 0; i < 3; i++)
            for (uint32_t r = 0; r < rows[i]; r++) {
                float a[32], b[32];
                if (row_set_has(deleted[i], r))
                    continue;
                vector_reader_get(f[i].reader, r, a);
                vector_reader_get(out.reader, at++, b);
                assert_memory_equal(a, b, sizeof a);
            }
        vector_segment seg = {out.reader, NULL, NULL};
        double rec = graph_recall(&seg, dim, 80, 64, 10);
        print_message("merged, %d0 %% deleted: recall@10 %.4f of %u rows\n", share, rec, live);
        assert_true(rec >= 0.92);
        for (int i = 0; i < 3; i++) {
            drop_fixture(&f[i]);
            free(deleted[i]);
        }
        drop_fixture(&out);
    }
    pool_destroy(workers);
}

static void merging_everything_deleted_gives_an_empty_segment(void **state)
{
    vector_options force = {.force = true};
    cairn_error err = {0};
    fixture f = {0}, out = {0}, odd = {0};
    uint64_t all[2] = {UINT64_MAX, UINT64_MAX};

    (void)state;
    build_fixture(&f, 100, 16, VECTOR_COSINE, &force, NULL);
    build_fixture(&odd, 10, 17, VECTOR_COSINE, NULL, NULL);
    vector_merge_input in[2] = {{f.reader, all}, {f.reader, all}};
    section_sink sink = memory_sink(&out.mem);
    assert_int_equal(vector_merge(in, 2, &force, &sink, NULL, &err), 0);
    open_fixture(&out);
    assert_int_equal(vector_reader_rows(out.reader), 0);
    drop_fixture(&out);
    sink = memory_sink(&out.mem);
    in[1].reader = odd.reader;
    assert_int_equal(vector_merge(in, 2, &force, &sink, NULL, &err), CAIRN_EUSAGE);
    memory_clear(&out.mem);
    drop_fixture(&f);
    drop_fixture(&odd);
}

/* ---- merges that are given up ---- */

typedef struct stepping {
    uint64_t seen, end_at; /* 0: never */
} stepping;

static cairn_status count_step(void *ctx, uint64_t bytes, cairn_error *err)
{
    stepping *s = ctx;

    (void)bytes;
    return ++s->seen == s->end_at ? cairn_fail(err, CAIRN_ECANCELLED, "enough") : CAIRN_OK;
}

static void a_merge_steps_all_the_while_and_ends_when_told(void **state)
{
    enum { OLD = 900, NEW = 500, DIM = 144 };
    vector_options force = {.force = true, .ef_construction = 40}, flat = {0};
    uint64_t deleted[(OLD + 63) / 64] = {0};
    fixture old = {0}, new = {0};
    cairn_error err = {0};
    pool *workers;

    (void)state;
    assert_int_equal(pool_create(&workers, 3, &err), 0);
    build_fixture(&old, OLD, DIM, VECTOR_COSINE, &force, NULL);
    build_fixture(&new, NEW, DIM, VECTOR_COSINE, &flat, NULL);
    for (uint32_t r = 0; r < OLD; r += 5)
        deleted[r >> 6] |= (uint64_t)1 << (r & 63);
    vector_merge_input in[2] = {{old.reader, deleted}, {new.reader, NULL}};

    fixture plain = {0}, paced = {0};
    section_sink sink = memory_sink(&plain.mem);
    assert_int_equal(vector_merge(in, 2, &force, &sink, workers, &err), 0);
    stepping count = {0, 0};
    pace steps = {count_step, &count, 0};
    sink = memory_sink(&paced.mem);
    assert_int_equal(vector_merge_with(in, 2, &force, &sink, &steps, NULL, &err), 0);
    assert_int_equal(plain.mem.n, paced.mem.n);
    for (size_t i = 0; i < plain.mem.n; i++) {
        assert_int_equal(plain.mem.at[i].len, paced.mem.at[i].len);
        assert_memory_equal(plain.mem.at[i].data, paced.mem.at[i].data, plain.mem.at[i].len);
    }
    /* Placing, choosing and taking links in, twice for each new row, in tasks of 16. */
    assert_true(count.seen > 5 * NEW / 16);

    uint64_t all = count.seen, ends[] = {1, 2, all / 5, all / 3, all / 2, all - 1, all};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        fixture none = {0};
        sink = memory_sink(&none.mem);
        count = (stepping){0, ends[i]};
        assert_int_equal(vector_merge_with(in, 2, &force, &sink, &steps, NULL, &err),
                         CAIRN_ECANCELLED);
        assert_int_equal(count.seen, ends[i]); /* asked no more */
        assert_int_equal(none.mem.n, 0);
        memory_clear(&none.mem);
    }
    for (uint64_t at = 1; at <= 20; at++) { /* each batch steps once, whoever runs its tasks */
        fixture none = {0};
        sink = memory_sink(&none.mem);
        count = (stepping){0, at};
        assert_int_equal(vector_merge_with(in, 2, &force, &sink, &steps, workers, &err),
                         CAIRN_ECANCELLED);
        assert_int_equal(none.mem.n, 0);
        memory_clear(&none.mem);
    }
    memory_clear(&plain.mem);
    memory_clear(&paced.mem);
    drop_fixture(&old);
    drop_fixture(&new);
    pool_destroy(workers);
}

static void a_repaired_graph_is_walked_wider(void **state)
{
    static const struct {
        uint32_t rows, removed;
        size_t ef, want;
    } cases[] = {{1000, 0, 64, 64},
                 {1000, 100, 64, 67},
                 {1000, 250, 64, 71},
                 {1000, 300, 64, 71},
                 {1000, UINT32_MAX, 64, 71},
                 {1000, 1, 12, 13},
                 {0, 0, 12, 12},
                 {VECTOR_MAX_ROWS, VECTOR_MAX_ROWS, 512, 564}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hnsw_graph g = {.rows = cases[i].rows, .removed = cases[i].removed};
        assert_int_equal(hnsw_repaired_ef(&g, cases[i].ef), cases[i].want);
    }
}

/* ---- broken bytes ---- */

static void broken_sections_are_refused_or_harmless(void **state)
{
    vector_options force = {.force = true};
    cairn_error err = {0};
    fixture f = {0};
    float q[32];
    vector_hit hits[20];
    size_t n, refused = 0;
    uint64_t allowed[8];

    (void)state;
    build_fixture(&f, 500, 32, VECTOR_COSINE, &force, NULL);
    vector_reader_close(f.reader);
    make_point(q, 32, 40, 1);
    for (int round = 0; round < 3000; round++) {
        memory_section *s = &f.mem.at[test_random(&rng) % f.mem.n], whole = *s;
        uint8_t *copy = checked_aligned(whole.len, 1);
        memcpy(copy, whole.data, whole.len);
        int changes = 1 + (int)(test_random(&rng) % 8);
        for (int c = 0; c < changes && whole.len; c++)
            copy[test_random(&rng) % whole.len] = (uint8_t)test_random(&rng);
        s->data = copy;
        if (test_random(&rng) % 4 == 0)
            s->len = test_random(&rng) % (whole.len + 1);
        vector_reader *r = NULL;
        cairn_status st = vector_reader_open(&r, &f.source, &err);
        if (st) {
            assert_true(st == CAIRN_ECORRUPT || st == CAIRN_EUNSUPPORTED);
            refused++;
        } else {
            for (size_t w = 0; w < 8; w++)
                allowed[w] = test_random(&rng) & test_random(&rng);
            vector_segment seg = {r, NULL, allowed};
            st = vector_search(&seg, 1, q, 32, 20, NULL, NULL, hits, &n, &err);
            assert_true(st == CAIRN_OK || st == CAIRN_EUSAGE);
            int8_t code[64];
            vector_query vq = {.code = code};
            hnsw_candidate out[64];
            hnsw_search_stats stats;
            float work[32];
            if (vector_reader_has_graph(r) && vector_reader_dim(r) == 32 && r->codes.stride == 64) {
                vector_query_encode(&r->codes, q, work, &vq);
                assert_int_equal(hnsw_search(&r->graph, &r->codes, &vq, 64, NULL, NULL, 0, NULL,
                                             out, &n, &stats, &err),
                                 0);
            }
            (void)vector_verify(r, &err);
            vector_merge_input in = {r, NULL};
            memory_sections merged = {0};
            section_sink sink = memory_sink(&merged);
            if (round % 50 == 0)
                (void)vector_merge(&in, 1, &force, &sink, NULL, &err);
            memory_clear(&merged);
            vector_reader_close(r);
        }
        *s = whole;
        free(copy);
    }
    assert_true(refused > 100);
    memory_clear(&f.mem);
}

static void verify_names_each_broken_invariant(void **state)
{
    vector_options force = {.force = true, .m = 16};
    cairn_error err = {0};
    fixture f = {0};

    (void)state;
    build_fixture(&f, 200, 16, VECTOR_COSINE, &force, NULL);
    uint32_t *link0 = (uint32_t *)memory_get(&f.mem, "hnsw.link0")->data;
    uint32_t *meta = (uint32_t *)memory_get(&f.mem, "vec.meta")->data;
    uint8_t *level = memory_get(&f.mem, "hnsw.level")->data;
    uint32_t *up_at = (uint32_t *)memory_get(&f.mem, "hnsw.upat")->data;
    uint32_t saved, saved2;
    (void)meta;
    assert_int_equal(vector_verify(f.reader, &err), 0);
#define EXPECT(tag)                                                                                \
    do {                                                                                           \
        assert_int_equal(vector_verify(f.reader, &err), CAIRN_ECORRUPT);                           \
        if (!strstr(err.text, tag))                                                                \
            fail_msg("expected %s: %s", tag, err.text);                                            \
    } while (0)
    saved = link0[5 * 32];
    link0[5 * 32] = 200;
    EXPECT("I1");
    link0[5 * 32] = 5;
    EXPECT("I2");
    link0[5 * 32] = saved;
    saved2 = link0[5 * 32 + 1];
    link0[5 * 32 + 1] = saved;
    EXPECT("I2");
    link0[5 * 32 + 1] = saved2;
    uint8_t was = level[7];
    level[7] = 23;
    EXPECT("I4");
    level[7] = was;
    saved = up_at[9];
    up_at[9] += 3;
    EXPECT("I5");
    up_at[9] = saved;
    for (uint32_t r = 0; r < 200; r++) /* cut every link to row 3 */
        if (r != 3)
            for (uint32_t i = 0, n = 0; i < 32; i++) {
                uint32_t to = link0[r * 32 + i];
                link0[r * 32 + i] = HNSW_NONE;
                if (to != 3 && to != HNSW_NONE)
                    link0[r * 32 + n++] = to;
            }
    EXPECT(f.reader->graph.entry == 3 ? "I6" : "the first is row 3 (I6)");
#undef EXPECT
    ((uint8_t *)memory_get(&f.mem, "vec.i8")->data)[0] ^= 4;
    assert_int_equal(vector_verify(f.reader, &err), CAIRN_ECORRUPT);
    drop_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree_with_the_plain_loops),
        cmocka_unit_test(float_kernels_stay_within_their_bound),
        cmocka_unit_test(half_precision_rounds_to_the_nearest),
        cmocka_unit_test(the_rotation_keeps_lengths_and_products),
        cmocka_unit_test(rows_come_back_as_they_were),
        cmocka_unit_test(writer_refuses_what_is_no_number),
        cmocka_unit_test(a_failing_sink_is_reported),
        cmocka_unit_test(search_equals_exact_search),
        cmocka_unit_test(scores_are_those_of_the_originals),
        cmocka_unit_test(edge_cases_of_a_search),
        cmocka_unit_test(the_order_of_the_rows_does_not_matter),
        cmocka_unit_test(graphs_keep_their_invariants_and_recall),
        cmocka_unit_test(euclidean_distance_ranks_as_brute_force_does),
        cmocka_unit_test(filters_inside_the_graph_find_what_a_scan_finds),
        cmocka_unit_test(the_same_rows_give_the_same_bytes),
        cmocka_unit_test(walk_codes_find_what_the_codes_find),
        cmocka_unit_test(small_and_awkward_graphs),
        cmocka_unit_test(merges_keep_rows_order_and_recall),
        cmocka_unit_test(merging_everything_deleted_gives_an_empty_segment),
        cmocka_unit_test(a_merge_steps_all_the_while_and_ends_when_told),
        cmocka_unit_test(a_repaired_graph_is_walked_wider),
        cmocka_unit_test(broken_sections_are_refused_or_harmless),
        cmocka_unit_test(verify_names_each_broken_invariant),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

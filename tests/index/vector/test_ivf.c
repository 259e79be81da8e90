/* test_ivf.c - inverted lists against the exact search, over every kind and metric, and against
 * damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/vector/faiss_module.h"
#include "index/vector/vector_format.h"
#include "tests/index/vector/memory_sections.h"

#define K 10

static cairn_error error;

static void ok(cairn_status st)
{
    if (st)
        fail_msg("%s", error.text);
}

typedef struct made {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
} made;

static void drop(made *m)
{
    vector_reader_close(m->reader);
    memory_clear(&m->mem);
}

static void open_made(made *m)
{
    m->source = memory_source(&m->mem);
    ok(vector_reader_open(&m->reader, &m->source, &error));
}

/* Rows around 40 centres, so that lists mean something. */
static float *make_rows(uint32_t n, uint32_t dim, uint64_t seed)
{
    float *rows = malloc((size_t)n * dim * sizeof *rows),
          *centre = malloc(40 * dim * sizeof *centre);
    uint64_t state = 7;

    for (size_t i = 0; i < 40 * (size_t)dim; i++)
        centre[i] = (float)(test_uniform(&state) - 0.5);
    state = seed;
    for (uint32_t r = 0; r < n; r++) {
        size_t c = test_random(&state) % 40;
        for (uint32_t i = 0; i < dim; i++)
            rows[(size_t)r * dim + i] =
                centre[c * dim + i] +
                0.35f * (float)(test_uniform(&state) + test_uniform(&state) - 1);
    }
    free(centre);
    return rows;
}

static void build(made *m, const float *rows, uint32_t n, uint32_t dim, vector_metric metric,
                  const vector_options *o, size_t threads)
{
    section_sink sink = memory_sink(&m->mem);
    vector_writer *w;
    pool *workers;

    memset(m, 0, sizeof *m);
    sink = memory_sink(&m->mem);
    ok(pool_create(&workers, threads, &error));
    ok(vector_writer_create(&w, dim, metric, o, &error));
    for (uint32_t r = 0; r < n; r++)
        ok(vector_writer_add(w, rows + (size_t)r * dim, &error));
    ok(vector_writer_finish(w, &sink, workers, &error));
    vector_writer_destroy(w);
    pool_destroy(workers);
    open_made(m);
}

static double recall(const made *m, const float *queries, size_t n, uint32_t dim,
                     const vector_params *p, const uint64_t *deleted, const uint64_t *allowed)
{
    vector_segment seg = {m->reader, deleted, allowed};
    size_t both = 0, all = 0;

    for (size_t i = 0; i < n; i++) {
        vector_hit got[K], want[K];
        size_t n_got, n_want;
        ok(vector_search(&seg, 1, queries + i * dim, dim, K, p, NULL, got, &n_got, &error));
        ok(vector_search_exact(&seg, 1, queries + i * dim, dim, K, NULL, want, &n_want, &error));
        assert_int_equal(n_got, n_want);
        all += n_want;
        for (size_t a = 0; a < n_got; a++) {
            assert_false(deleted && row_set_has(deleted, got[a].row));
            assert_true(!allowed || row_set_has(allowed, got[a].row));
            for (size_t b = 0; b < n_want; b++)
                if (got[a].row == want[b].row) {
                    both++;
                    assert_true(got[a].score == want[b].score);
                }
        }
    }
    return all ? (double)both / (double)all : 1;
}

static void random_set(uint64_t *set, uint32_t rows, double share, uint64_t seed)
{
    memset(set, 0, row_set_words(rows) * sizeof *set);
    for (uint32_t r = 0; r < rows; r++)
        if (test_uniform(&seed) < share)
            set[r >> 6] |= (uint64_t)1 << (r & 63);
}

static const vector_choice choices[] = {VECTOR_IVF_FLAT, VECTOR_IVF_SQ8, VECTOR_IVF_PQ};

static void test_without_module(void **state)
{
    (void)state;
    const faiss_module *faiss;

    setenv("CAIRN_FAISS", "/nowhere/cairn-faiss.so", 1);
    assert_int_equal(faiss_module_get(&faiss, &error), CAIRN_EUNSUPPORTED);
    assert_null(faiss);
    assert_non_null(strstr(error.text, "CAIRN_FAISS"));
    unsetenv("CAIRN_FAISS");
    ok(faiss_module_get(&faiss, &error));
    assert_int_equal(faiss->version, FAISS_MODULE_VERSION);
}

static void test_recall(void **state)
{
    (void)state;
    enum { N = 10500, DIM = 24, Q = 40 };
    float *rows = make_rows(N, DIM, test_seed()), *queries = make_rows(Q, DIM, test_seed() + 1);
    uint64_t *some = calloc(row_set_words(N), 8), *few = calloc(row_set_words(N), 8),
             *dead = calloc(row_set_words(N), 8), *near = calloc(row_set_words(N), 8);

    random_set(some, N, 0.5, 11);
    random_set(few, N, 0.004, 12);
    random_set(dead, N, 0.3, 13);
    for (size_t c = 0; c < 3; c++) {
        for (int metric = VECTOR_COSINE; metric <= VECTOR_L2; metric++) {
            vector_options o = {.index = choices[c]};
            vector_params few_probes = {.no_scan = true, .n_probe = 24, .rescore = 150},
                          all_probes = {.no_scan = true, .n_probe = 100000, .rescore = N};
            made m;
            build(&m, rows, N, DIM, (vector_metric)metric, &o, 2);
            assert_true(vector_reader_has_lists(m.reader));
            assert_int_equal(m.reader->lists.kind, (int)c + 1);
            ok(vector_verify(m.reader, &error));
            assert_true(recall(&m, queries, Q, DIM, &few_probes, NULL, NULL) >= 0.93);
            assert_true(recall(&m, queries, Q, DIM, &all_probes, NULL, NULL) == 1);
            assert_true(recall(&m, queries, Q, DIM, &all_probes, dead, some) == 1);
            assert_true(recall(&m, queries, Q, DIM, &few_probes, NULL, some) >= 0.93);
            assert_true(recall(&m, queries, Q, DIM, &few_probes, dead, NULL) >= 0.93);
            assert_true(recall(&m, queries, Q, DIM, &few_probes, NULL, few) >= 0.99);
            assert_true(recall(&m, queries, Q, DIM, NULL, NULL, NULL) >= 0.85);
            /* Eligible rows far from every query: the lists that hold them must still be reached.
             */
            memset(near, 0, row_set_words(N) * 8);
            for (uint32_t list = 0; list < m.reader->lists.n_lists / 8; list++)
                for (uint32_t at = m.reader->lists.start[list];
                     at < m.reader->lists.start[list + 1]; at++)
                    near[m.reader->lists.row[at] >> 6] |= (uint64_t)1
                                                          << (m.reader->lists.row[at] & 63);
            assert_true(recall(&m, queries, Q, DIM, &few_probes, NULL, near) >= 0.93);
            drop(&m);
        }
    }
    free(rows);
    free(queries);
    free(some);
    free(few);
    free(dead);
    free(near);
}

static void test_same_bytes(void **state)
{
    (void)state;
    enum { N = 10000, DIM = 16 };
    float *rows = make_rows(N, DIM, 3);

    for (size_t c = 0; c < 3; c++) {
        vector_options o = {.index = choices[c]};
        made a, b;
        build(&a, rows, N, DIM, VECTOR_DOT, &o, 1);
        build(&b, rows, N, DIM, VECTOR_DOT, &o, 3);
        assert_int_equal(a.mem.n, b.mem.n);
        for (size_t i = 0; i < a.mem.n; i++) {
            assert_string_equal(a.mem.at[i].name, b.mem.at[i].name);
            assert_int_equal(a.mem.at[i].len, b.mem.at[i].len);
            assert_memory_equal(a.mem.at[i].data, b.mem.at[i].data, a.mem.at[i].len);
        }
        drop(&a);
        drop(&b);
    }
    free(rows);
}

static void test_small_segments(void **state)
{
    (void)state;
    enum { DIM = 12 };
    float *rows = make_rows(300, DIM, 5);
    static const uint32_t sizes[] = {1, 2, 63, 300};

    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 4; i++) {
            vector_options o = {.index = choices[c]};
            vector_params p = {.no_scan = true, .n_probe = 1000};
            made m;
            build(&m, rows, sizes[i], DIM, VECTOR_L2, &o, 1);
            assert_false(vector_reader_has_lists(m.reader));
            drop(&m);
            o.force = true;
            build(&m, rows, sizes[i], DIM, VECTOR_L2, &o, 1);
            assert_true(vector_reader_has_lists(m.reader));
            ok(vector_verify(m.reader, &error));
            assert_true(recall(&m, rows, sizes[i] < 20 ? sizes[i] : 20, DIM, &p, NULL, NULL) >
                        0.98);
            drop(&m);
        }
    free(rows);
}

static void test_merge(void **state)
{
    (void)state;
    enum { N = 10400, DIM = 16, Q = 30 };
    float *rows = make_rows(N, DIM, 21), *more = make_rows(2000, DIM, 22);
    uint64_t *dead = calloc(row_set_words(N), 8);

    random_set(dead, N, 0.1, 9);
    for (size_t c = 0; c < 3; c++)
        for (int metric = VECTOR_DOT; metric <= VECTOR_L2; metric++) {
            vector_options o = {.index = choices[c]};
            vector_params p = {.no_scan = true, .n_probe = 24, .rescore = 150};
            made a, b, out = {0};
            build(&a, rows, N, DIM, (vector_metric)metric, &o, 2);
            build(&b, more, 2000, DIM, (vector_metric)metric, NULL, 1);
            assert_false(vector_reader_has_lists(b.reader));
            vector_merge_input in[] = {{b.reader, NULL}, {a.reader, dead}};
            section_sink sink = memory_sink(&out.mem);
            ok(vector_merge(in, 2, &o, &sink, NULL, &error));
            open_made(&out);
            ok(vector_verify(out.reader, &error));
            const ivf_lists *was = &a.reader->lists, *is = &out.reader->lists;
            assert_int_equal(is->kind, was->kind);
            assert_int_equal(is->n_lists, was->n_lists);
            assert_memory_equal(is->centroid, was->centroid, (size_t)was->n_lists * DIM * 4);
            assert_true(recall(&out, rows, Q, DIM, &p, NULL, NULL) >= 0.93);
            /* A row that was there keeps its list and its code. */
            for (uint32_t r = 0, at = 0; r < N && at < 200; r++) {
                if (row_set_has(dead, r))
                    continue;
                float x[DIM], y[DIM];
                vector_reader_get(a.reader, r, x);
                vector_reader_get(out.reader, 2000 + at++, y);
                assert_memory_equal(x, y, sizeof x);
            }
            drop(&a);
            drop(&b);
            drop(&out);
        }
    free(rows);
    free(more);
    free(dead);
}

/* Any section changed anywhere: refused when opened or verified, and searched without a crash. */
static void test_damage(void **state)
{
    (void)state;
    enum { N = 10000, DIM = 8 };
    float *rows = make_rows(N, DIM, 31);
    uint64_t random = test_seed();

    print_message("seed %llu\n", (unsigned long long)test_seed());
    for (size_t c = 0; c < 3; c++) {
        vector_options o = {.index = choices[c]};
        vector_params p = {.no_scan = true, .n_probe = 30};
        made m;
        build(&m, rows, N, DIM, VECTOR_L2, &o, 1);
        for (size_t s = 0; s < m.mem.n; s++) {
            memory_section *part = &m.mem.at[s];
            if (strncmp(part->name, "ivf.", 4) != 0)
                continue;
            for (int round = 0; round < 12; round++) {
                size_t at = test_random(&random) % part->len;
                uint8_t was = part->data[at];
                vector_reader *r;
                part->data[at] ^= (uint8_t)(1u << (test_random(&random) % 8));
                if (!vector_reader_open(&r, &m.source, &error)) {
                    vector_segment seg = {r, NULL, NULL};
                    vector_hit hits[K];
                    size_t n;
                    bool codes = !strcmp(part->name, "ivf.code") && c == 2; /* any will do */
                    bool floats = !strcmp(part->name, "ivf.book") ||
                                  !strcmp(part->name, "ivf.cent") ||
                                  (!strcmp(part->name, "ivf.bias") && c == 2);
                    cairn_status st = vector_verify(r, &error);
                    if (!codes && !floats)
                        assert_int_equal(st, CAIRN_ECORRUPT);
                    st = vector_search(&seg, 1, rows, DIM, K, &p, NULL, hits, &n, &error);
                    assert_true(st == CAIRN_OK || st == CAIRN_ECORRUPT);
                    vector_reader_close(r);
                }
                part->data[at] = was;
            }
            size_t len = part->len;
            part->len -= 1;
            vector_reader *r;
            assert_int_equal(vector_reader_open(&r, &m.source, &error), CAIRN_ECORRUPT);
            part->len = len;
            char name = part->name[4];
            part->name[4] = '#';
            assert_int_equal(vector_reader_open(&r, &m.source, &error), CAIRN_ECORRUPT);
            part->name[4] = name;
        }
        drop(&m);
    }
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_module), cmocka_unit_test(test_recall),
        cmocka_unit_test(test_same_bytes),     cmocka_unit_test(test_small_segments),
        cmocka_unit_test(test_merge),          cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

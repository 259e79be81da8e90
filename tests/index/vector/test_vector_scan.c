/* test_vector_scan.c - a scan for many rows, whose bound is guessed, finds what one without a guess
 * finds; and hits are selected and sorted by their order alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/checked.h"
#include "index/vector/vector_scan.h"
#include "tests/index/vector/memory_sections.h"

#define ROWS 20000u
#define DIM  128u

static uint64_t rng;

/* How near row r is to the query. */
typedef double nearness(uint32_t r);

static double anywhere(uint32_t r)
{
    (void)r;
    return 0;
}

/* Every sixteenth block of 64 rows is near, the others are not: a sample of blocks sees the near
 * ones only. */
static double misleading(uint32_t r)
{
    return r / 64 % 16 == 0 ? 2 : 0;
}

static void build(memory_sections *mem, vector_reader **reader, const float *query, nearness *near)
{
    const vector_options o = {.codes = VECTOR_CODE_I4};
    section_sink sink = memory_sink(mem);
    section_source source;
    cairn_error err = {0};
    vector_writer *w;
    float v[DIM];

    assert_int_equal(vector_writer_create(&w, DIM, VECTOR_COSINE, &o, &err), CAIRN_OK);
    for (uint32_t r = 0; r < ROWS; r++) {
        for (uint32_t i = 0; i < DIM; i++)
            v[i] = (float)(test_uniform(&rng) - 0.5 + near(r) * query[i]);
        assert_int_equal(vector_writer_add(w, v, &err), CAIRN_OK);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), CAIRN_OK);
    vector_writer_destroy(w);
    source = memory_source(mem);
    assert_int_equal(vector_reader_open(reader, &source, &err), CAIRN_OK);
}

static size_t scan(const vector_segment *s, const vector_query *q, size_t keep, const float *bound,
                   pool *workers, vector_hit *out)
{
    const bool which[] = {true, true};
    vector_scan job = {s, 2, which, q, NULL, keep, bound};
    size_t n = 0;
    cairn_error err;

    assert_int_equal(vector_scan_run(&job, workers, out, &n, &err), CAIRN_OK);
    hits_sort(out, n);
    return n;
}

static void check(const vector_segment *s, const float *query, size_t keep, pool *workers)
{
    static vector_hit guessed[2 * ROWS], all[2 * ROWS];
    const float open = -INFINITY;
    float work[DIM];
    vector_query q;
    size_t n, n_all;

    q.code = checked_aligned(vector_query_bytes(VECTOR_CODE_I4, DIM), 1);
    assert_non_null(q.code);
    vector_query_encode(&s->reader->codes, query, work, &q);
    n = scan(s, &q, keep, NULL, workers, guessed);
    n_all = scan(s, &q, keep, &open, workers, all);
    free(q.code);
    assert_int_equal(n, n_all);
    assert_memory_equal(guessed, all, n * sizeof *all);
}

static void a_guessed_bound_changes_nothing(void **state)
{
    nearness *const kinds[] = {anywhere, misleading};
    uint64_t allowed[ROWS / 64 + 1];
    float query[DIM];
    pool *workers;
    cairn_error err;

    (void)state;
    assert_int_equal(pool_create(&workers, 3, &err), CAIRN_OK);
    for (uint32_t i = 0; i < DIM; i++)
        query[i] = (float)(test_uniform(&rng) - 0.5);
    for (size_t kind = 0; kind < 2; kind++) {
        memory_sections mem[2];
        vector_segment s[2] = {{.reader = NULL}};
        memset(mem, 0, sizeof mem);
        for (size_t i = 0; i < 2; i++) {
            vector_reader *r;
            build(&mem[i], &r, query, kinds[kind]);
            s[i].reader = r;
        }
        for (size_t turn = 0; turn < 2; turn++) {
            for (size_t keep = 256; keep <= 6000; keep += 1436) {
                check(s, query, keep, NULL);
                check(s, query, keep, workers);
            }
            for (size_t w = 0; w < sizeof allowed / sizeof *allowed; w++)
                allowed[w] = test_random(&rng) & test_random(&rng) & (w % 3 ? ~(uint64_t)0 : 0);
            s[0].allowed = allowed; /* in the second turn */
        }
        for (size_t i = 0; i < 2; i++) {
            vector_reader_close((vector_reader *)s[i].reader);
            memory_clear(&mem[i]);
        }
    }
    pool_destroy(workers);
}

static int by_order(const void *a, const void *b)
{
    return hit_better(a, b) ? -1 : hit_better(b, a) ? 1 : 0;
}

static void hits_are_kept_in_their_order_and_sorted(void **state)
{
    static vector_hit h[3000], sorted[3000], kept[3000], room[3000];

    (void)state;
    for (size_t n = 0; n <= 3000; n += n < 70 ? 1 : 977) {
        const size_t keep = n / 3;
        size_t at = 0;
        for (size_t i = 0; i < n; i++) /* a few scores, so that many are equal */
            h[i] = (vector_hit){(uint32_t)(test_random(&rng) % 2), (uint32_t)i,
                                (float)(test_random(&rng) % 9)};
        memcpy(sorted, h, sizeof h);
        memcpy(kept, h, sizeof h);
        qsort(sorted, n, sizeof *sorted, by_order);
        hits_keep(kept, n, keep, room);
        for (size_t i = 0; i < n && keep; i++) /* h, less what is not among the best, is what was kept */
            if (!hit_better(&sorted[keep - 1], &h[i]))
                assert_memory_equal(&h[i], &kept[at++], sizeof *h);
        assert_int_equal(at, keep);
        hits_sort(h, n);
        assert_memory_equal(h, sorted, n * sizeof *h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guessed_bound_changes_nothing),
        cmocka_unit_test(hits_are_kept_in_their_order_and_sorted),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

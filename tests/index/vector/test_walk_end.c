/* test_walk_end.c - walks that end early (hnsw_end): against a slow twin that keeps plain arrays,
 * and what the default costs in recall and saves in rows scored. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "index/vector/hnsw_walk.h"
#include "tests/index/vector/memory_sections.h"

#define DIM    48u
#define ROWS   3000u
#define EF_MAX 300u

static uint64_t rng;

typedef struct segment {
    memory_sections mem;
    section_source source;
    vector_reader *reader;
} segment;

static void make_row(float *v, uint32_t clusters, double noise)
{
    uint64_t centre = 7 + test_random(&rng) % clusters;

    for (uint32_t i = 0; i < DIM; i++)
        v[i] = (float)(test_uniform(&centre) - 0.5 + noise * (test_uniform(&rng) - 0.5));
}

static void build(segment *s, uint32_t rows, vector_metric metric)
{
    vector_options force = {.force = true, .m = 12};
    section_sink sink = memory_sink(&s->mem);
    cairn_error err = {0};
    vector_writer *w;
    float v[DIM];

    assert_int_equal(vector_writer_create(&w, DIM, metric, &force, &err), 0);
    for (uint32_t r = 0; r < rows; r++) {
        make_row(v, 40, 1.5);
        assert_int_equal(vector_writer_add(w, v, &err), 0);
    }
    assert_int_equal(vector_writer_finish(w, &sink, NULL, &err), 0);
    vector_writer_destroy(w);
    s->source = memory_source(&s->mem);
    assert_int_equal(vector_reader_open(&s->reader, &s->source, &err), 0);
}

static void drop(segment *s)
{
    vector_reader_close(s->reader);
    memory_clear(&s->mem);
}

/* ---- the twin ---- */

typedef struct held {
    float score;
    uint32_t row;
    bool fits, expanded;
} held;

typedef struct twin {
    held at[ROWS];
    size_t n, ef;
    bool seen[ROWS];
} twin;

/* Everything up to and with the ef-th row that fits stays. */
static void hold(twin *t, float score, uint32_t row, bool fits)
{
    size_t at = t->n, n_fit = 0;

    while (at > 0 && (t->at[at - 1].score < score ||
                      (t->at[at - 1].score == score && t->at[at - 1].row > row))) {
        t->at[at] = t->at[at - 1];
        at--;
    }
    t->at[at] = (held){score, row, fits, false};
    t->n++;
    for (size_t i = 0; i < t->n; i++) {
        n_fit += t->at[i].fits;
        if (n_fit == t->ef) {
            t->n = i + 1;
            return;
        }
    }
}

static bool ends(const twin *t, const hnsw_end *end, size_t waits)
{
    size_t n_fit = 0, kth = SIZE_MAX;

    for (size_t i = 0; i < t->n; i++) {
        n_fit += t->at[i].fits;
        if (n_fit == end->k && kth == SIZE_MAX)
            kth = i;
    }
    return kth != SIZE_MAX && n_fit >= end->least && waits > kth &&
           t->at[kth].score - t->at[waits].score >
               fmaxf(end->slack * (end->origin - t->at[kth].score), end->gap);
}

/* The rows that a walk with `end` must return, into `out`; how many. */
static size_t twin_search(const vector_reader *r, const vector_query *q, size_t ef,
                          const uint64_t *deleted, const hnsw_end *end, hnsw_candidate *out)
{
    static twin t;
    uint64_t visited[ROWS / 64 + 1] = {0};
    hnsw_walk w = {&r->graph, &r->walk, q, vector_kernels_get(), visited, 0};
    hnsw_candidate start = hnsw_walk_descend(&w);
    uint32_t first[2] = {start.row, r->graph.entry}, cap;
    size_t n = 0;

    memset(&t, 0, sizeof t);
    t.ef = ef;
    for (int i = 0; i < 2; i++)
        if (!t.seen[first[i]]) {
            t.seen[first[i]] = true;
            hold(&t, hnsw_walk_score(&w, first[i]), first[i],
                 !deleted || !row_set_has(deleted, first[i]));
        }
    for (;;) {
        size_t at = 0;
        while (at < t.n && t.at[at].expanded)
            at++;
        if (at == t.n || (end && ends(&t, end, at)))
            break;
        t.at[at].expanded = true;
        const uint32_t *list = hnsw_list(&r->graph, t.at[at].row, 0, &cap);
        for (uint32_t i = 0; i < cap && list[i] < r->graph.rows; i++) {
            if (t.seen[list[i]])
                continue;
            t.seen[list[i]] = true;
            hold(&t, hnsw_walk_score(&w, list[i]), list[i],
                 !deleted || !row_set_has(deleted, list[i]));
        }
    }
    for (size_t i = 0; i < t.n; i++)
        if (t.at[i].fits)
            out[n++] = (hnsw_candidate){t.at[i].score, t.at[i].row};
    return n;
}

static void walks_end_where_the_twin_ends(void **state)
{
    static const float slacks[] = {0, 0.02f, 0.1f, 0.18f, 0.5f, 100};
    size_t ended = 0;

    (void)state;
    for (int metric = VECTOR_COSINE; metric <= VECTOR_L2; metric += 2) {
        segment s = {0};
        build(&s, ROWS, (vector_metric)metric);
        for (int turn = 0; turn < 120; turn++) {
            uint64_t deleted[ROWS / 64 + 1] = {0};
            float v[DIM], work[DIM], square = 0;
            int8_t code[1024];
            vector_query q = {.code = code};
            hnsw_candidate got[EF_MAX], want[EF_MAX];
            hnsw_search_stats stats, whole;
            cairn_error err = {0};
            size_t ef = 1 + test_random(&rng) % EF_MAX, n, n_want;

            for (uint32_t i = 0; turn % 2 && i < ROWS; i++)
                if (test_random(&rng) % 8 == 0)
                    deleted[i / 64] |= (uint64_t)1 << i % 64;
            make_row(v, 40, 1.5);
            for (uint32_t i = 0; i < DIM; i++)
                square += v[i] * v[i];
            for (uint32_t i = 0; metric == VECTOR_COSINE && i < DIM; i++)
                v[i] /= sqrtf(square);
            vector_query_encode(&s.reader->walk, v, work, &q);
            /* k below 32: looked at before every step, as the twin does. */
            hnsw_end end = {.k = 1 + test_random(&rng) % 31,
                            .least = test_random(&rng) % (ef + 1),
                            .origin = metric == VECTOR_COSINE ? 1 : square / 2,
                            .slack = slacks[turn % 6],
                            .gap = turn % 5 ? 0 : 0.05f};
            const uint64_t *gone = turn % 2 ? deleted : NULL;
            assert_int_equal(hnsw_search(&s.reader->graph, &s.reader->walk, &q, ef, gone, NULL, 0,
                                         &end, got, &n, &stats, &err),
                             0);
            n_want = twin_search(s.reader, &q, ef, gone, &end, want);
            assert_int_equal(n, n_want);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(got[i].row, want[i].row);
            assert_int_equal(hnsw_search(&s.reader->graph, &s.reader->walk, &q, ef, gone, NULL, 0,
                                         NULL, got, &n, &whole, &err),
                             0);
            assert_true(stats.scored <= whole.scored);
            ended += stats.scored < whole.scored;
        }
        drop(&s);
    }
    print_message("%zu of 240 walks ended early\n", ended);
    assert_true(ended > 20);
}

/* What a search that says nothing does: fewer rows are scored, the best are found all the same. */
static void the_default_saves_rows_and_keeps_recall(void **state)
{
    size_t scored[2] = {0}, found[2] = {0};
    segment s = {0};

    (void)state;
    build(&s, ROWS, VECTOR_COSINE);
    for (int turn = 0; turn < 50; turn++) {
        vector_segment seg = {s.reader, NULL, NULL};
        float v[DIM];
        vector_hit want[10], hits[10];
        cairn_error err = {0};
        size_t n_want, n;

        make_row(v, 40, 1.5);
        assert_int_equal(vector_search_exact(&seg, 1, v, DIM, 10, NULL, want, &n_want, &err), 0);
        for (int early = 0; early < 2; early++) {
            vector_params p = {.ef = 256, .no_scan = true, .slack = early ? 0 : -1};
            int8_t code[1024];
            float work[DIM];
            vector_query q = {.code = code};
            hnsw_candidate out[256];
            hnsw_search_stats stats;
            float square = 0;

            assert_int_equal(vector_search(&seg, 1, v, DIM, 10, &p, NULL, hits, &n, &err), 0);
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n_want; j++)
                    found[early] += hits[i].row == want[j].row;
            for (uint32_t i = 0; i < DIM; i++)
                square += v[i] * v[i];
            float unit[DIM];
            for (uint32_t i = 0; i < DIM; i++)
                unit[i] = v[i] / sqrtf(square);
            vector_query_encode(&s.reader->walk, unit, work, &q);
            hnsw_end end = {.k = 10, .least = 42, .origin = 1, .slack = VECTOR_SLACK};
            assert_int_equal(hnsw_search(&s.reader->graph, &s.reader->walk, &q, 256, NULL, NULL, 0,
                                         early ? &end : NULL, out, &n, &stats, &err),
                             0);
            scored[early] += stats.scored;
        }
    }
    print_message("rows scored %zu, early %zu; of 500 found %zu, early %zu\n", scored[0], scored[1],
                  found[0], found[1]);
    assert_true(scored[1] < scored[0]);
    assert_true(found[1] + 10 >= found[0]);
    drop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_end_where_the_twin_ends),
        cmocka_unit_test(the_default_saves_rows_and_keeps_recall),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

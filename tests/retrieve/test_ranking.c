/* test_ranking.c - fusion against a plain twin, and the measures against figures worked by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "retrieve/fuse.h"
#include "retrieve/metrics.h"
#include "tests/index/vector/memory_sections.h"

static uint64_t rng;

static void reciprocal_ranks_by_hand(void **state)
{
    fuse_item a[] = {{7, 9.0f}, {5, 8.0f}, {3, 1.0f}}, b[] = {{5, 0.9f}, {8, 0.8f}};
    fuse_list lists[] = {{.items = a, .n = 3}, {.items = b, .n = 2}};
    fuse_hit hits[4];
    size_t n;
    cairn_error err = {0};
    fuse_params p = {.method = FUSE_RRF, .weight = {1, 1}};

    (void)state;
    assert_int_equal(fuse_lists(lists, 2, &p, 4, hits, &n, &err), 0);
    assert_int_equal(n, 4);
    assert_int_equal(hits[0].id, 5);
    assert_true(fabs(hits[0].score - 0.5 * (1.0 / 62 + 1.0 / 61)) < 1e-7);
    assert_int_equal(hits[0].list_rank[0], 2);
    assert_int_equal(hits[0].list_rank[1], 1);
    assert_true(hits[0].list_score[0] == 8.0f && hits[0].list_score[1] == 0.9f);
    assert_int_equal(hits[1].id, 7);
    assert_int_equal(hits[2].id, 8);
    assert_int_equal(hits[3].id, 3);
    assert_int_equal(hits[3].list_rank[1], 0);
    assert_int_equal(fuse_lists(lists, 2, &p, 2, hits, &n, &err), 0);
    assert_int_equal(n, 2);
}

static void convex_combination_by_hand(void **state)
{
    fuse_item a[] = {{1, 20.0f}, {2, 15.0f}, {3, 10.0f}}, b[] = {{3, 0.8f}, {4, 0.6f}};
    fuse_list lists[] = {{.items = a, .n = 3}, {.items = b, .n = 2}};
    fuse_hit hits[8];
    size_t n;
    cairn_error err = {0};
    fuse_params p = {.method = FUSE_CONVEX, .weight = {2, 3}}; /* scaled to 0.4 and 0.6 */

    (void)state;
    assert_int_equal(fuse_lists(lists, 2, &p, 8, hits, &n, &err), 0);
    assert_int_equal(n, 4);
    assert_int_equal(hits[0].id, 3);
    assert_true(fabsf(hits[0].score - 0.6f) < 1e-6f);
    assert_int_equal(hits[1].id, 1);
    assert_true(fabsf(hits[1].score - 0.4f) < 1e-6f);
    assert_int_equal(hits[2].id, 2);
    assert_true(fabsf(hits[2].score - 0.2f) < 1e-6f);
    p.weight[0] = -1;
    assert_int_equal(fuse_lists(lists, 2, &p, 8, hits, &n, &err), CAIRN_EUSAGE);
    assert_int_equal(fuse_lists(lists, 5, &p, 8, hits, &n, &err), CAIRN_EUSAGE);
    assert_int_equal(fuse_lists(NULL, 0, NULL, 8, hits, &n, &err), 0);
    assert_int_equal(n, 0);
}

static void what_a_list_cannot_hold_another_answers_for(void **state)
{
    fuse_item a[] = {{1, 0.9f}, {2, 0.8f}, {3, 0.5f}}, b[] = {{3, 0.7f}, {2, 0.2f}};
    bool sole[] = {true, false, false};
    fuse_list lists[] = {{.items = a, .n = 3}, {.items = b, .n = 2}};
    fuse_hit hits[8];
    cairn_error err;
    size_t n;
    fuse_params p = {.method = FUSE_CONVEX, .weight = {0.4, 0.6}};

    (void)state;
    /* 1 is the best of the one list and, not being in the other, behind what is the last of that one. */
    assert_int_equal(fuse_lists(lists, 2, &p, 8, hits, &n, &err), 0);
    assert_int_equal(hits[0].id, 3);
    lists[0].sole = sole;
    lists[0].sole_of = 1;
    assert_int_equal(fuse_lists(lists, 2, &p, 8, hits, &n, &err), 0);
    assert_int_equal(n, 3);
    assert_int_equal(hits[0].id, 1);
    assert_float_equal(hits[0].score, 1, 1e-6); /* both weights */
    assert_int_equal(hits[0].list_rank[1], 0);
    assert_float_equal(hits[1].score, 0.6, 1e-6); /* the others as before */
    assert_float_equal(hits[2].score, 0.4 * 0.75, 1e-6);
    p.method = FUSE_RRF;
    assert_int_equal(fuse_lists(lists, 2, &p, 8, hits, &n, &err), 0);
    for (size_t i = 0; i < n; i++)
        if (hits[i].id == 1)
            assert_float_equal(hits[i].score, 1.0 / 61, 1e-6);
}

static void fusion_is_one_order_and_whole(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        fuse_item items[3][200];
        fuse_list lists[3];
        fuse_hit hits[600];
        size_t n, distinct = 0;
        bool seen[300] = {false};
        cairn_error err = {0};
        fuse_params p = {.method = round % 2 ? FUSE_RRF : FUSE_CONVEX,
                         .weight = {1, 2, 0.5},
                         .zero_rank = round / 2 % 2 ? 1 + test_random(&rng) % 250 : 0};
        for (int l = 0; l < 3; l++) {
            size_t len = test_random(&rng) % 200, kept = 0;
            bool used[300] = {false};
            float score = 100;
            for (size_t i = 0; i < len; i++) {
                uint64_t id = test_random(&rng) % 300;
                score -= (float)(test_random(&rng) % 3);
                if (used[id])
                    continue;
                used[id] = true;
                distinct += !seen[id];
                seen[id] = true;
                items[l][kept++] = (fuse_item){id, score};
            }
            lists[l] = (fuse_list){.items = items[l], .n = kept};
        }
        assert_int_equal(fuse_lists(lists, 3, &p, 600, hits, &n, &err), 0);
        assert_int_equal(n, distinct);
        for (size_t i = 0; i < n; i++) {
            double want = 0;
            for (int l = 0; l < 3; l++) {
                const fuse_list *x = &lists[l];
                for (size_t r = 0; r < x->n; r++) {
                    if (x->items[r].id != hits[i].id)
                        continue;
                    size_t last = p.zero_rank && p.zero_rank < x->n ? p.zero_rank - 1 : x->n - 1;
                    double zero = x->items[last].score, span = (double)x->items[0].score - zero;
                    double part = span > 0 ? ((double)x->items[r].score - zero) / span : 1.0;
                    double least = p.zero_rank ? 1e-3 / (1.0 + (double)(r + 1) / (double)p.zero_rank) : 0;
                    want += p.weight[l] / 3.5 *
                            (p.method == FUSE_RRF ? 1.0 / (61.0 + (double)r) : part > least ? part : least);
                    assert_int_equal(hits[i].list_rank[l], r + 1);
                }
            }
            assert_true(fabs(hits[i].score - want) < 1e-6);
            assert_true(i == 0 || hits[i - 1].score >= hits[i].score);
        }
    }
}

/* What was asked for beyond the rank that counts 0 changes no score above it by more than the tail's. */
static void depth_does_not_change_the_scores(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        fuse_item items[2][400];
        fuse_hit shallow[200], deep[800];
        size_t n_shallow, n_deep;
        cairn_error err = {0};
        const fuse_params p = {.method = FUSE_CONVEX, .weight = {0.4, 0.6}, .zero_rank = 50};
        for (int l = 0; l < 2; l++) {
            float score = 100;
            for (size_t i = 0; i < 400; i++) { /* the ids 0 to 399, each list in an order of its own */
                score -= (float)(test_random(&rng) % 1000) / 500;
                items[l][i] = (fuse_item){(i * 7 + (size_t)round * 11 + (size_t)l * (1 + i * 2)) % 400, score};
            }
        }
        const fuse_list less[2] = {{.items = items[0], .n = 100}, {.items = items[1], .n = 100}};
        const fuse_list all[2] = {{.items = items[0], .n = 400}, {.items = items[1], .n = 400}};
        assert_int_equal(fuse_lists(less, 2, &p, 200, shallow, &n_shallow, &err), 0);
        assert_int_equal(fuse_lists(all, 2, &p, 800, deep, &n_deep, &err), 0);
        for (size_t i = 0; i < 20; i++) {
            if (shallow[i].score < 0.01f)
                break; /* of what neither list has above rank 50 the tails decide */
            size_t at = 0;
            while (at < n_deep && deep[at].id != shallow[i].id)
                at++;
            assert_true(at < n_deep && fabsf(shallow[i].score - deep[at].score) <= 1.01e-3f);
        }
    }
}

/* ---- measures ---- */

static metrics_qrels *read_text(const char *text, cairn_status want)
{
    char path[] = "/tmp/cairn-qrels-XXXXXX";
    int fd = mkstemp(path);
    metrics_qrels *q = NULL;
    cairn_error err = {0};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(metrics_qrels_read(&q, path, &err), want);
    unlink(path);
    return q;
}

static void measures_by_hand(void **state)
{
    metrics_qrels *q = read_text("query-id\tcorpus-id\tscore\nq1\ta\t2\nq1\tb\t1\nq1\tc\t0\n"
                                 "q2\tx\t1\nq3\ty\t0\n", CAIRN_OK);
    const char *docs[] = {"c", "b", "z", "a"};
    const char *twice[] = {"c", "b", "b", "a"};
    double m[METRICS_KINDS], ideal = 2 + 1 / log2(3);

    (void)state;
    assert_int_equal(metrics_qrels_queries(q), 2);
    assert_string_equal(metrics_qrels_query(q, 0), "q1");
    assert_string_equal(metrics_qrels_query(q, 1), "q2");
    assert_true(metrics_qrels_has(q, "q2"));
    assert_false(metrics_qrels_has(q, "q3"));
    assert_int_equal(metrics_query(q, "q1", docs, 4, m), 0);
    assert_true(fabs(m[METRICS_NDCG_10] - (1 / log2(3) + 2 / log2(5)) / ideal) < 1e-12);
    assert_true(m[METRICS_RECALL_100] == 1);
    assert_true(fabs(m[METRICS_MAP] - (1.0 / 2 + 2.0 / 4) / 2) < 1e-12);
    assert_true(m[METRICS_MRR_10] == 0.5);
    assert_int_equal(metrics_query(q, "q1", twice, 4, m), 0);
    assert_true(fabs(m[METRICS_MAP] - (1.0 / 2 + 2.0 / 3) / 2) < 1e-12);
    assert_int_equal(metrics_query(q, "q1", NULL, 0, m), 0);
    assert_true(m[METRICS_NDCG_10] == 0 && m[METRICS_MAP] == 0);
    assert_int_equal(metrics_query(q, "q3", docs, 4, m), CAIRN_ENOTFOUND);
    assert_int_equal(metrics_query(q, "nobody", docs, 4, m), CAIRN_ENOTFOUND);
    metrics_qrels_free(q);

    q = read_text("q1 0 a 1\nq1 0 b 2\n", CAIRN_OK); /* TREC's four columns */
    const char *best[] = {"b", "a"};
    assert_int_equal(metrics_query(q, "q1", best, 2, m), 0);
    assert_true(m[METRICS_NDCG_10] == 1);
    metrics_qrels_free(q);
    assert_null(read_text("q1 a 1\nq1 broken\n", CAIRN_EINPUT));
    assert_null(read_text("h h h\nq1 a x\n", CAIRN_EINPUT));
    cairn_error err = {0};
    assert_int_equal(metrics_qrels_read(&q, "/nonexistent/qrels", &err), CAIRN_EINPUT);
}

static void intervals_hold_the_mean_and_repeat(void **state)
{
    double values[200];
    metrics_interval a, b;
    cairn_error err = {0};

    (void)state;
    for (int i = 0; i < 200; i++)
        values[i] = test_uniform(&rng);
    assert_int_equal(metrics_bootstrap(values, 200, 0, 1, &a, &err), 0);
    assert_int_equal(metrics_bootstrap(values, 200, 0, 1, &b, &err), 0);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.low < a.mean && a.mean < a.high);
    /* Uniform values: standard error 0.289 / sqrt(200) = 0.0204. */
    assert_true(a.high - a.low > 0.06 && a.high - a.low < 0.10);
    assert_int_equal(metrics_bootstrap(values, 1, 100, 1, &a, &err), 0);
    assert_true(a.low == a.high && a.mean == values[0]);
    assert_int_equal(metrics_bootstrap(values, 0, 100, 1, &a, &err), 0);
}

static void run_lines_keep_their_columns(void **state)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    metrics_run_line(f, "q 1", "doc\tx", 3, 1.5, "cairn");
    fclose(f);
    assert_string_equal(text, "q_1 Q0 doc_x 3 1.5 cairn\n");
    free(text);
}

static void a_paired_test_tells_chance_from_more(void **state)
{
    double a[60], b[60];
    metrics_paired same, better, again;
    cairn_error err = {0};

    (void)state;
    for (int i = 0; i < 60; i++) {
        a[i] = test_uniform(&rng);
        b[i] = a[i];
    }
    assert_int_equal(metrics_compare(a, b, 60, 0, 1, &same, &err), 0);
    assert_true(same.p == 1 && same.equal == 60 && same.difference == 0);
    for (int i = 0; i < 60; i++)
        b[i] = a[i] + (i % 5 ? 0.1 : -0.1);
    assert_int_equal(metrics_compare(a, b, 60, 0, 1, &better, &err), 0);
    assert_int_equal(metrics_compare(a, b, 60, 0, 1, &again, &err), 0);
    assert_memory_equal(&better, &again, sizeof again);
    assert_int_equal(better.better, 48);
    assert_int_equal(better.worse, 12);
    assert_true(better.difference > 0.0599 && better.difference < 0.0601);
    assert_true(better.low > 0 && better.high < 0.1 && better.p < 0.001);
    /* Of four differences of one sign every 8th drawing is as large. */
    for (int i = 0; i < 4; i++)
        b[i] = a[i] + 0.1;
    assert_int_equal(metrics_compare(a, b, 4, 0, 1, &better, &err), 0);
    assert_true(better.p > 0.11 && better.p < 0.14);
    assert_int_equal(metrics_compare(a, b, 0, 0, 1, &better, &err), 0);
    assert_true(better.p == 1);
}

static void run_files_come_back(void **state)
{
    char path[] = "/tmp/cairn-run-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    metrics_run *r;
    const char *const *docs;
    size_t n;
    cairn_error err = {0};

    (void)state;
    assert_non_null(f);
    fputs("q2 Q0 x 1 3.5 t\nq1\tQ0\tb\t2\t1\tt\nq1 Q0 a 1 1 t\n\nq1 Q0 c 3 9e-1 t\n", f);
    fclose(f);
    assert_int_equal(metrics_run_read(&r, path, &err), 0);
    docs = metrics_run_docs(r, "q1", &n);
    assert_int_equal(n, 3);
    assert_string_equal(docs[0], "a"); /* equal scores by rank */
    assert_string_equal(docs[1], "b");
    assert_string_equal(docs[2], "c");
    docs = metrics_run_docs(r, "q2", &n);
    assert_int_equal(n, 1);
    metrics_run_docs(r, "q", &n);
    assert_int_equal(n, 0);
    metrics_run_free(r);
    f = fopen(path, "w");
    fputs("q1 Q0 a one 1 t\n", f);
    fclose(f);
    assert_int_equal(metrics_run_read(&r, path, &err), CAIRN_EINPUT);
    assert_non_null(strstr(err.text, "line 1"));
    assert_null(r);
    f = fopen(path, "w");
    fclose(f);
    assert_int_equal(metrics_run_read(&r, path, &err), 0);
    metrics_run_free(r);
    remove(path);
    assert_int_equal(metrics_run_read(&r, path, &err), CAIRN_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_list_cannot_hold_another_answers_for),
        cmocka_unit_test(reciprocal_ranks_by_hand),
        cmocka_unit_test(convex_combination_by_hand),
        cmocka_unit_test(fusion_is_one_order_and_whole),
        cmocka_unit_test(depth_does_not_change_the_scores),
        cmocka_unit_test(measures_by_hand),
        cmocka_unit_test(intervals_hold_the_mean_and_repeat),
        cmocka_unit_test(run_lines_keep_their_columns),
        cmocka_unit_test(a_paired_test_tells_chance_from_more),
        cmocka_unit_test(run_files_come_back),
    };

    rng = test_seed();
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)rng);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

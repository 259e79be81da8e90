/* test_refine.c - each stage after fusion on a list made by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "retrieve/refine.h"
#include "retrieve/shingles.h"

#define N 8

static const struct {
    doc_id doc;
    const char *text;
} passages[N] = {
    {1, "the pump of the boiler has a warranty of two years from the day of delivery"},
    {1, "the boiler is serviced once a year by the workshop in the north of the town"},
    {2, "The pump of the boiler has a warranty of two years, from the day of delivery!"},
    {3, "roses are cut in march and the lawn is sown in april when the soil is warm"},
    {3, "hedges are cut in june and not before the birds have left their nests"},
    {4, "the train to bonn leaves at nine and arrives at noon on the other side"},
    {5, "carrots onions and a bay leaf are boiled for an hour and then taken out"},
    {6, "a draft of the lease of the flat in bonn with the rent and the deposit"},
};

static arena memory;
static refine_report report;
static size_t scored;

static cairn_status read_passage(void *ctx, chunk_id chunk, arena *a, refine_passage *out, cairn_error *err)
{
    (void)ctx;
    (void)a;
    (void)err;
    assert_true(chunk >= 100 && chunk < 100 + N);
    *out = (refine_passage){.text = passages[chunk - 100].text,
                            .text_len = strlen(passages[chunk - 100].text)};
    return CAIRN_OK;
}

/* Longer is better. */
static cairn_status score_length(void *ctx, const refine_passage *p, size_t n, float *scores,
                                 cairn_error *err)
{
    (void)ctx;
    (void)err;
    for (size_t i = 0; i < n; i++)
        scores[i] = (float)p[i].text_len;
    scored += n;
    return CAIRN_OK;
}

/* 0, 1, 2 and 4 lie beside one another, and so do 3, 5 and 6; 7 has no vector. */
static bool read_vector(void *ctx, chunk_id chunk, float *out)
{
    static const float vectors[N][3] = {{1, 0, 0},         {0.98f, 0, 0.199f}, {0.98f, 0, -0.199f}, {0, 1, 0},
                                        {0.995f, 0, 0.1f}, {0, 0.995f, 0.1f},  {0, 0.98f, 0.199f}};

    (void)ctx;
    memcpy(out, vectors[chunk - 100], sizeof vectors[0]);
    return chunk != 107;
}

static refine_source source = {.passage = read_passage, .dim = 3};

/* The order after the stages, as digits. */
static const char *refine(const refine_params *p, size_t k)
{
    static char out[N + 1];
    retrieve_hit hits[N];
    cairn_error err = {0};
    size_t n = N;

    for (size_t i = 0; i < N; i++)
        hits[i] = (retrieve_hit){.chunk = 100 + i, .doc = passages[i].doc, .score = 1 - (float)i / 10,
                                 .fused_rank = (uint32_t)i + 1};
    arena_clear(&memory);
    arena_init(&memory, 16 << 20);
    if (retrieve_refine(hits, &n, k, p, &source, &memory, &report, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + hits[i].chunk - 100);
    out[n] = '\0';
    return out;
}

static void nothing_asked_changes_nothing(void **state)
{
    refine_params p;

    (void)state;
    refine_params_default(&p);
    assert_string_equal(refine(&p, N), "01234567");
    assert_string_equal(refine(&p, 3), "012");
}

static void passages_rise_with_those_like_them(void **state)
{
    refine_params p;

    (void)state;
    refine_params_default(&p);
    p.like = (neighbours_params){0.4f, 0};
    assert_string_equal(refine(&p, N), "01234567"); /* no vectors, no change */
    source.vector = read_vector;
    assert_string_equal(refine(&p, N), "01243567"); /* 4: 0.6 of 0.6 and 0.4 of 0.9; 3: 0.6 of 0.7 and 0.4 of 0.63 */
    assert_int_equal(report.likened, N);
    p.like_depth = 4;
    assert_string_equal(refine(&p, N), "01234567"); /* nobody looks at 4 and 5 */
    p.like_depth = N;
    p.like = (neighbours_params){0, 0.4f};
    assert_string_equal(refine(&p, N), "01243576"); /* 7 keeps its score */
    p.like = (neighbours_params){0, 0};
    assert_string_equal(refine(&p, N), "01234567");
    assert_int_equal(report.likened, 0);
    source.vector = NULL;
}

/* The formula of neighbours.h, once more and slowly. */
static void likeness_follows_its_formula(void **state)
{
    enum { ROWS = 23, DIM = 13 };
    static float rows[ROWS][DIM];
    const float *vectors[ROWS];
    float shares[ROWS], got[ROWS];
    double centre[DIM] = {0}, central[ROWS], least = 1e9, most = -1e9;
    uint32_t seed = 12345;
    cairn_error err = {0};

    (void)state;
    arena_clear(&memory);
    arena_init(&memory, 16 << 20);
    for (size_t i = 0; i < ROWS; i++) {
        double square = 0;
        for (size_t d = 0; d < DIM; d++) {
            seed = seed * 1664525 + 1013904223;
            rows[i][d] = (float)(seed >> 8) / (1 << 24) - 0.5f;
            square += (double)rows[i][d] * rows[i][d];
        }
        for (size_t d = 0; d < DIM; d++)
            rows[i][d] /= (float)sqrt(square);
        vectors[i] = i % 7 == 5 ? NULL : rows[i];
        shares[i] = got[i] = 1 - (float)i / ROWS;
        for (size_t d = 0; vectors[i] && d < DIM; d++)
            centre[d] += exp(10 * (shares[i] - 1.0)) * rows[i][d];
    }
    assert_int_equal(neighbours_even_out(got, vectors, ROWS, DIM, &(neighbours_params){0.3f, 0.2f}, &memory, &err), 0);
    for (size_t i = 0; i < ROWS; i++) {
        central[i] = 0;
        for (size_t d = 0; d < DIM; d++)
            central[i] += centre[d] * rows[i][d];
        if (vectors[i]) {
            least = central[i] < least ? central[i] : least;
            most = central[i] > most ? central[i] : most;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        double like[ROWS], nearby = 0;
        for (size_t j = 0; j < ROWS; j++) {
            like[j] = -2;
            for (size_t d = 0; vectors[i] && vectors[j] && j != i && d < DIM; d++)
                like[j] = (d ? like[j] : 0) + (double)rows[i][d] * rows[j][d];
        }
        for (int k = 0; k < 3; k++) {
            size_t at = 0;
            for (size_t j = 1; j < ROWS; j++)
                at = like[j] > like[at] ? j : at;
            nearby += shares[at] / 3.0;
            like[at] = -3;
        }
        double want = vectors[i] ? 0.5 * shares[i] + 0.3 * nearby + 0.2 * (central[i] - least) / (most - least) : shares[i];
        assert_float_equal(got[i], want, 1e-5);
    }
}

/* Each passage's document is ten days older than that before it; those of document 3 lie where less is expected. */
static cairn_status read_facts(void *ctx, chunk_id chunk, arena *a, prior_passage *out, cairn_error *err)
{
    (void)ctx;
    (void)a;
    (void)err;
    *out = (prior_passage){.date_ns = (int64_t)(1000 - 10 * (chunk - 100)) * 86400 * 1000000000,
                           .folder = passages[chunk - 100].doc == 3 ? 0.1f : 1};
    return CAIRN_OK;
}

static void newer_and_better_placed_ones_rise(void **state)
{
    refine_params p;

    (void)state;
    source.facts = read_facts;
    refine_params_default(&p);
    p.from_zero = true;
    p.priors.folders = true; /* 1.0 0.9 0.8 (0.07) (0.06) 0.5 0.4 0.3 */
    assert_string_equal(refine(&p, N), "01256734");
    assert_int_equal(report.weighed, 2);
    p.prior_depth = 4; /* what is not looked at stays below: 3 falls to the place behind 2 alone */
    assert_string_equal(refine(&p, N), "01234567");
    p.prior_depth = N;
    p.from_zero = false; /* the last one's score, 0.3, is nothing: 3 and 4 fall to a tenth of what is above it */
    assert_string_equal(refine(&p, N), "01256347");
    p = (refine_params){.prior_depth = N, .from_zero = true, .priors = {.recency = 1, .half_life_days = 10}};
    assert_string_equal(refine(&p, N), "01234567"); /* older as they stand lower */
    assert_int_equal(report.weighed, N - 1);
    source.facts = NULL;
    assert_string_equal(refine(&p, N), "01234567");
    assert_int_equal(report.weighed, 0);
}

static void copies_collapse(void **state)
{
    refine_params p;

    (void)state;
    refine_params_default(&p);
    p.collapse = true;
    assert_string_equal(refine(&p, N), "0134567");
    assert_int_equal(report.collapsed, 1);
    assert_string_equal(refine(&p, 3), "013"); /* the place is filled from below */
}

static void documents_have_a_quota(void **state)
{
    refine_params p;

    (void)state;
    refine_params_default(&p);
    p.per_document = 1;
    assert_string_equal(refine(&p, N), "023567");
    assert_int_equal(report.grouped, 2);
    assert_string_equal(refine(&p, 2), "02");
}

static void what_was_told_steps_back(void **state)
{
    static const retrieve_turn turns[] = {
        {true, "carrots onions and a bay leaf are boiled for an hour and then taken out"},
        {false, "You asked about the pump: the pump of the boiler has a warranty of two years from the day "
                "of delivery. Anything else?"},
    };
    refine_params p;
    const char *order;

    (void)state;
    refine_params_default(&p);
    p.turns = turns;
    p.n_turns = 2;
    p.told = 0.5f;
    order = refine(&p, N);
    assert_int_equal(report.told, 2); /* the copy as well; the user's words are no telling */
    assert_int_equal(order[0], '1');
    assert_int_equal(order[1], '3');
    p.told = 0;
    assert_string_equal(refine(&p, N), "01234567");
}

static void diversity_puts_others_first(void **state)
{
    refine_params p;
    const char *order;

    (void)state;
    refine_params_default(&p);
    p.diversity = 0.5f;
    order = refine(&p, 4);
    assert_true(report.diversified);
    assert_int_equal(strlen(order), 4);
    assert_int_equal(order[0], '0');
    assert_null(strchr(order, '2')); /* says what the first one says */
}

static void a_scorer_reorders_what_it_read(void **state)
{
    refine_params p;
    const char *order;

    (void)state;
    refine_params_default(&p);
    p.score = score_length;
    p.rerank_weight = 1;
    p.rerank_depth = 4;
    scored = 0;
    order = refine(&p, N);
    assert_int_equal(scored, 4);
    assert_int_equal(report.reranked, 4);
    assert_string_equal(order + 4, "4567"); /* nobody read these */
    for (size_t i = 1; i < 4; i++)
        assert_true(strlen(passages[order[i - 1] - '0'].text) >= strlen(passages[order[i] - '0'].text));
    p.rerank_weight = 0;
    assert_string_equal(refine(&p, N), "01234567");
}

static void a_spent_budget_leaves_the_order(void **state)
{
    refine_params p;

    (void)state;
    refine_params_default(&p);
    p.score = score_length;
    p.rerank_weight = 1;
    p.deadline_ns = clock_mono_ns() - 1;
    scored = 0;
    assert_string_equal(refine(&p, N), "01234567");
    assert_int_equal(scored, 0);
    assert_int_equal(report.reranked, 0);
}

/* Counted by hand. */
static void shingles_count_triples(void **state)
{
    shingle_set x, y, both, empty;
    cairn_error err = {0};

    (void)state;
    arena_clear(&memory);
    arena_init(&memory, 16 << 20);
    assert_int_equal(shingles_make("One two three four", 18, &memory, &x, &err), 0);
    assert_int_equal(shingles_make("two, three: FOUR five", 21, &memory, &y, &err), 0);
    assert_int_equal(shingles_make("", 0, &memory, &empty, &err), 0);
    assert_int_equal(x.n, 2);
    assert_int_equal(y.n, 2);
    assert_int_equal(empty.n, 0);
    assert_int_equal(shingles_common(&x, &y), 1);
    assert_true(shingles_jaccard(&x, &y) > 0.333f && shingles_jaccard(&x, &y) < 0.334f);
    assert_true(shingles_contained(&empty, &x) == 0 && shingles_jaccard(&empty, &empty) == 0);
    assert_int_equal(shingles_join(&x, &y, &memory, &both, &err), 0);
    assert_int_equal(both.n, 3);
    assert_true(shingles_contained(&x, &both) == 1);
    assert_int_equal(shingles_make("a b a b a b a", 13, &memory, &x, &err), 0);
    assert_int_equal(x.n, 2); /* each once */
    assert_int_equal(shingles_make("lone", 4, &memory, &x, &err), 0);
    assert_int_equal(x.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_changes_nothing),
        cmocka_unit_test(passages_rise_with_those_like_them),
        cmocka_unit_test(likeness_follows_its_formula),
        cmocka_unit_test(newer_and_better_placed_ones_rise),
        cmocka_unit_test(copies_collapse),
        cmocka_unit_test(documents_have_a_quota),
        cmocka_unit_test(what_was_told_steps_back),
        cmocka_unit_test(diversity_puts_others_first),
        cmocka_unit_test(a_scorer_reorders_what_it_read),
        cmocka_unit_test(a_spent_budget_leaves_the_order),
        cmocka_unit_test(shingles_count_triples),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clear(&memory);
    return failed;
}

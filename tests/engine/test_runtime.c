/* test_runtime.c - models shared by threads: one copy, first come first served, waiting that can be
 * given up. Built with the thread sanitizer it shows that the threads share nothing unguarded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "engine/shared_model.h"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#include "tests/generate/toy_bert.h"

typedef struct world {
    char folder[64];
    cairn_models *models;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    toy y = toy_default;
    cairn_error err;

    assert_non_null(w);
    strcpy(w->folder, "/tmp/cairn-runtime-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    toy_fill(&y);
    toy_write_safetensors(&y, w->folder);
    toy_free(&y);
    assert_int_equal(cairn_models_create(&w->models, NULL, 2, &err), CAIRN_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    char command[128];

    cairn_models_destroy(w->models);
    snprintf(command, sizeof command, "rm -rf '%s'", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* ---- many threads, one copy ---- */

#define THREADS 6
#define TEXTS   20

static const cairn_text texts[TEXTS] = {
    {"a river", 7}, {"the sea", 7}, {"old mills", 9}, {"runs to the sea", 15}, {"a", 1},
    {"river", 5},   {"mill", 4},    {"the old", 7},   {"to", 2},               {".", 1},
    {"sea sea", 7}, {"a mill", 6},  {"runs", 4},      {"old sea .", 9},        {"query", 5},
    {"passage", 7}, {"the", 3},     {"river runs", 10}, {"mills", 5},          {"to the", 6}};

typedef struct embedder {
    world *w;
    cairn_matrix rows;
    cairn_status status;
} embedder;

static void *embed_all(void *arg)
{
    embedder *e = arg;
    cairn_embed_request q = {.model = e->w->folder, .texts = texts, .n_texts = TEXTS};
    size_t tokens = 0;

    e->status = cairn_models_embed(e->w->models, &q, &e->rows, &tokens, NULL);
    if (!e->status && !tokens)
        e->status = CAIRN_ECORRUPT;
    return NULL;
}

static void threads_share_one_model(void **state)
{
    embedder e[THREADS];
    pthread_t t[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        e[i] = (embedder){.w = *state};
        assert_int_equal(pthread_create(&t[i], NULL, embed_all, &e[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(e[i].status, CAIRN_OK);
        assert_int_equal(e[i].rows.n, TEXTS);
        assert_memory_equal(e[i].rows.rows, e[0].rows.rows,
                            TEXTS * (size_t)e[0].rows.dim * sizeof(float));
    }
    for (size_t i = 0; i < THREADS; i++)
        cairn_matrix_clear(&e[i].rows);
    assert_int_equal(cairn_models_in_use(((world *)*state)->models), 0);
}

/* ---- the line ---- */

typedef struct caller {
    shared_model *s;
    volatile sig_atomic_t cancel;
    int number, *order, *n_served; /* written in one's turn only */
    cairn_status status;
    pthread_t thread;
} caller;

static void *take_turn(void *arg)
{
    caller *c = arg;

    c->status = shared_model_enter(c->s, &c->cancel, 0, NULL);
    if (c->status)
        return NULL;
    c->order[(*c->n_served)++] = c->number;
    shared_model_leave(c->s);
    return NULL;
}

static void callers_are_served_in_order_and_may_leave(void **state)
{
    world *w = *state;
    caller c[4];
    int order[4] = {0}, n_served = 0;
    shared_model *s;
    cairn_error err;

    assert_int_equal(models_get(w->models, MODEL_ENCODER, w->folder, NULL, &s, &err), CAIRN_OK);
    assert_int_equal(shared_model_enter(s, NULL, 0, &err), CAIRN_OK);
    for (int i = 0; i < 4; i++) {
        c[i] = (caller){.s = s, .number = i, .order = order, .n_served = &n_served};
        assert_int_equal(pthread_create(&c[i].thread, NULL, take_turn, &c[i]), 0);
        while (cairn_models_in_use(w->models) < (size_t)i + 2)
            sched_yield(); /* in line, or about to be: the next is started behind it ... */
        usleep(20000);     /* ... for sure, whatever the order that this makes likely only */
    }
    c[1].cancel = 1;
    pthread_join(c[1].thread, NULL);
    assert_int_equal(c[1].status, CAIRN_ECANCELLED);
    assert_int_equal(n_served, 0);
    shared_model_leave(s);
    for (int i = 0; i < 4; i++)
        if (i != 1)
            pthread_join(c[i].thread, NULL);
    assert_int_equal(n_served, 3);
    assert_int_equal(cairn_models_in_use(w->models), 0);
    assert_true(order[0] != 1 && order[1] != 1 && order[2] != 1);
}

static void a_deadline_ends_waiting(void **state)
{
    world *w = *state;
    cairn_embed_request q = {.model = w->folder, .texts = texts, .n_texts = 1};
    cairn_matrix rows;
    shared_model *s;
    cairn_error err;

    assert_int_equal(models_get(w->models, MODEL_ENCODER, w->folder, NULL, &s, &err), CAIRN_OK);
    assert_int_equal(shared_model_enter(s, NULL, 0, &err), CAIRN_OK);
    q.deadline_ns = clock_mono_ns() + 1000000;
    assert_int_equal(cairn_models_embed(w->models, &q, &rows, NULL, &err), CAIRN_EBUSY);
    assert_null(rows.rows);
    shared_model_leave(s);
    q.deadline_ns = 0;
    assert_int_equal(cairn_models_embed(w->models, &q, &rows, NULL, &err), CAIRN_OK);
    cairn_matrix_clear(&rows);
}

static void what_is_no_model_is_said(void **state)
{
    world *w = *state;
    cairn_embed_request q = {.model = "no-such-model", .texts = texts, .n_texts = 1};
    cairn_generate_request g = {.model = w->folder, .prompt = "a"};
    cairn_generated made;
    cairn_matrix rows;
    float score;
    cairn_error err;

    assert_int_equal(cairn_models_embed(w->models, &q, &rows, NULL, &err), CAIRN_EMODEL);
    assert_non_null(strstr(err.text, "no-such-model"));
    assert_int_equal(cairn_models_generate(w->models, &g, NULL, NULL, &made, &err), CAIRN_EMODEL);
    q.model = w->folder;
    assert_int_equal(cairn_models_rerank(w->models, "a", &q, &score, &err), CAIRN_EMODEL);
    g.prompt = NULL;
    assert_int_equal(cairn_models_generate(w->models, &g, NULL, NULL, &made, &err), CAIRN_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_share_one_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callers_are_served_in_order_and_may_leave, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_ends_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_model_is_said, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

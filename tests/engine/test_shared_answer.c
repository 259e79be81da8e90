/* test_shared_answer.c - many callers of one generator: each gets what it would get alone, some leave early,
 * and closing finds nobody left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <unistd.h>

#include "engine/shared_model.h"
#include "tests/generate/tiny_model.h"

#define THREADS 6
#define EACH    6

typedef struct world {
    char path[64];
    cairn_models *models;
    char *alone[THREADS][EACH];
} world;

static void prompt_of(int thread, int i, char out[64])
{
    /* Some begin alike, so that they share what is known of it. */
    snprintf(out, 64, "%s%d%c", i % 2 ? "abcabcabcabcabcabcabcabcabcabcabcabc" : "Q", thread * 7 + i, 'a' + i);
}

static cairn_generate_request request_of(const world *w, const char *prompt, int thread, int i)
{
    return (cairn_generate_request){.model = w->path, .prompt = prompt, .max_tokens = 20 + 5 * (size_t)i,
                                    .temperature = thread % 2 ? 0.8f : 0, .seed = (uint64_t)(thread * 100 + i)};
}

/* With a generator of one's own. */
static char *generate_alone(generator *g, const cairn_generate_request *q)
{
    sampler_params sampling = sampler_params_default();
    generate_params p = {.max_tokens = q->max_tokens, .sampling = &sampling};
    generate_result r = {0};
    char *text;
    sampling.temperature = q->temperature;
    sampling.top_p = 1;
    sampling.top_k = 0;
    sampling.seed = q->seed;
    assert_int_equal(generator_complete(g, q->prompt, strlen(q->prompt), TOKENIZE_ADD_SPECIAL, &p, &r, NULL),
                     CAIRN_OK);
    text = strdup(r.text ? r.text : "");
    generate_result_clear(&r);
    return text;
}

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);
    tiny_model t = tiny_default;
    generator *g;
    size_t len;
    uint8_t *data;
    FILE *f;
    int fd;

    assert_non_null(w);
    t.words = true;
    t.seed = 77;
    strcpy(w->path, "/tmp/cairn-shared-XXXXXX");
    fd = mkstemp(w->path);
    f = fdopen(fd, "w");
    data = tiny_model_bytes(&t, &len);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
    free(data);
    assert_int_equal(generator_open(&g, w->path, &(generator_options){0}, NULL), CAIRN_OK);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < EACH; j++) {
            char prompt[64];
            cairn_generate_request q;
            prompt_of(i, j, prompt);
            q = request_of(w, prompt, i, j);
            w->alone[i][j] = generate_alone(g, &q);
        }
    generator_close(g);
    assert_int_equal(cairn_models_create(&w->models, NULL, 2, NULL), CAIRN_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;

    cairn_models_destroy(w->models);
    unlink(w->path);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < EACH; j++)
            free(w->alone[i][j]);
    free(w);
    return 0;
}

typedef struct caller {
    world *w;
    int number;
    char wrong[256]; /* what is not as alone; asserted by the main thread */
} caller;

static bool keep(void *ctx, const char *text, size_t len)
{
    bytes *all = ctx;
    return !bytes_append(all, text, len);
}

static void *call(void *arg)
{
    caller *c = arg;

    for (int j = 0; j < EACH; j++) {
        char prompt[64];
        cairn_generate_request q;
        cairn_generated made;
        cairn_error err = {0};
        bytes streamed;
        const char *want = c->w->alone[c->number][j];

        bytes_init(&streamed, 1 << 20);
        prompt_of(c->number, j, prompt);
        q = request_of(c->w, prompt, c->number, j);
        if (cairn_models_generate(c->w->models, &q, keep, &streamed, &made, &err))
            snprintf(c->wrong, sizeof c->wrong, "%d: %.200s", j, err.text);
        else if (strcmp(made.text, want))
            snprintf(c->wrong, sizeof c->wrong, "%d: \"%.90s\", not \"%.90s\"", j, made.text, want);
        else if (streamed.len != made.text_len || memcmp(streamed.data ? streamed.data : "", made.text, made.text_len))
            snprintf(c->wrong, sizeof c->wrong, "%d: what was streamed is not the text", j);
        cairn_generated_clear(&made);
        bytes_clear(&streamed);
    }
    return NULL;
}

static void each_gets_what_it_would_get_alone(void **state)
{
    world *w = *state;
    pthread_t threads[THREADS];
    caller callers[THREADS];

    for (int i = 0; i < THREADS; i++) {
        callers[i] = (caller){.w = w, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        if (*callers[i].wrong)
            fail_msg("caller %d, request %s", i, callers[i].wrong);
    assert_int_equal(cairn_models_in_use(w->models), 0);
}

static bool enough(void *ctx, const char *text, size_t len)
{
    size_t *pieces = ctx;
    (void)text;
    (void)len;
    return ++*pieces < 3;
}

static bool raise_flag(void *ctx, const char *text, size_t len)
{
    volatile sig_atomic_t *flag = ctx;
    (void)text;
    (void)len;
    *flag = 1;
    return true;
}

static void callers_may_leave(void **state)
{
    world *w = *state;
    volatile sig_atomic_t flag = 0;
    cairn_generate_request q = request_of(w, "Q", 0, 0);
    cairn_generated made;
    size_t pieces = 0;

    q.max_tokens = 0; /* as many as fit */
    assert_int_equal(cairn_models_generate(w->models, &q, enough, &pieces, &made, NULL), CAIRN_ECANCELLED);
    assert_int_equal(pieces, 3);
    cairn_generated_clear(&made);
    q.cancel = &flag;
    assert_int_equal(cairn_models_generate(w->models, &q, raise_flag, (void *)&flag, &made, NULL), CAIRN_ECANCELLED);
    cairn_generated_clear(&made);
    /* Told before it began. */
    assert_int_equal(cairn_models_generate(w->models, &q, NULL, NULL, &made, NULL), CAIRN_ECANCELLED);
    cairn_generated_clear(&made);
    assert_int_equal(cairn_models_in_use(w->models), 0);
    /* And it goes on with others. */
    q.cancel = NULL;
    q.max_tokens = 20;
    assert_int_equal(cairn_models_generate(w->models, &q, NULL, NULL, &made, NULL), CAIRN_OK);
    cairn_generated_clear(&made);
}

static void what_does_not_fit_is_said(void **state)
{
    world *w = *state;
    char *prompt = calloc(1, 20000);
    cairn_generate_request q = {.model = w->path, .prompt = prompt, .max_tokens = 5};
    cairn_generated made;
    cairn_error err;

    memset(prompt, 'Q', 19999);
    assert_int_equal(cairn_models_generate(w->models, &q, NULL, NULL, &made, &err), CAIRN_ELIMIT);
    cairn_generated_clear(&made);
    q.prompt = NULL;
    assert_int_equal(cairn_models_generate(w->models, &q, NULL, NULL, &made, &err), CAIRN_EUSAGE);
    cairn_generated_clear(&made);
    free(prompt);
}

static void a_collection_has_its_share_of_the_memory(void **state)
{
    cairn_models *m = ((world *)*state)->models;
    memory_share a = {"a", 100}, b = {"b", 100}, lowered = {"a", 50}, none = {"c", 0};
    cairn_error err;

    assert_int_equal(models_take_share(m, &a, 101, &err), CAIRN_ELIMIT);
    assert_int_equal(models_take_share(m, &a, 60, &err), CAIRN_OK);
    assert_int_equal(models_take_share(m, &a, 41, &err), CAIRN_EBUSY);
    assert_int_equal(models_take_share(m, &a, 40, &err), CAIRN_OK);
    assert_int_equal(models_take_share(m, &b, 100, &err), CAIRN_OK); /* another one's is its own */
    assert_int_equal(models_take_share(m, &none, SIZE_MAX, &err), CAIRN_OK);
    assert_int_equal(models_take_share(m, &lowered, 1, &err), CAIRN_EBUSY);
    models_give_share(m, &none, SIZE_MAX);
    models_give_share(m, &a, 60);
    assert_int_equal(models_take_share(m, &lowered, 10, &err), CAIRN_OK);
    models_give_share(m, &lowered, 10);
    models_give_share(m, &a, 40);
    models_give_share(m, &b, 100);
    assert_int_equal(models_take_share(m, &a, 100, &err), CAIRN_OK);
    models_give_share(m, &a, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_what_it_would_get_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callers_may_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_collection_has_its_share_of_the_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_batcher.c - requests that run together give what each gives alone; the queue, priorities,
 * cancelling, deadlines, kept beginnings and closing. Nothing here depends on how fast a pass is: where
 * order matters, the batcher's thread is held in a callback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "generate/decode/batcher.h"
#include "generate/decode/generator.h"
#include "tests/generate/tiny_model.h"

static char path[64];

static void write_model(void)
{
    tiny_model t = tiny_default;
    size_t len;
    uint8_t *data;
    int fd;

    t.words = true;
    t.seed = 77;
    strcpy(path, "/tmp/cairn-batcher-XXXXXX");
    fd = mkstemp(path);
    data = tiny_model_bytes(&t, &len);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    free(data);
}

static generator *open_generator(void)
{
    generator_options o = {.n_ctx = 200};
    cairn_error err = {0};
    generator *g;

    if (generator_open(&g, path, &o, &err))
        fail_msg("%s", err.text);
    return g;
}

/* ---- many at once ---- */

#define THREADS  6
#define REQUESTS 10

typedef struct request {
    token_id prompt[120];
    size_t n;
    sampler_params sampling;
    generate_params p;
    generate_result got;
} request;

static const char *const stops[] = {"zz", "ab", "Q"};

static void make_request(request *r, uint64_t *seed)
{
    /* A common beginning, so that some share it. */
    r->n = 40 + tiny_random(seed) % 80;
    for (size_t i = 0; i < r->n; i++)
        r->prompt[i] = i < 35 ? (token_id)(i * 7 % 90) : (token_id)(tiny_random(seed) % 6);
    r->sampling = sampler_params_default();
    r->sampling.seed = tiny_random(seed);
    if (tiny_random(seed) % 2) {
        r->sampling.temperature = 0.7f;
        r->sampling.top_k = 30;
    }
    if (tiny_random(seed) % 3 == 0)
        r->sampling.dry_multiplier = 1;
    r->p = (generate_params){.sampling = &r->sampling,
                             .max_tokens = tiny_random(seed) % 4 ? 1 + tiny_random(seed) % 60 : 0,
                             .ignore_end = true,
                             .stop = stops,
                             .n_stop = tiny_random(seed) % 2 ? 3 : 0,
                             .logprobs = true,
                             .n_top_logprobs = 2};
}

typedef struct client {
    batcher *b;
    request *r;
} client;

static void *ask(void *ctx)
{
    client *c = ctx;

    for (int i = 0; i < REQUESTS; i++) {
        request *r = &c->r[i];
        if (batcher_run(c->b, r->prompt, r->n, &r->p, 0, 0, &r->got, NULL))
            r->got.finish = 99;
    }
    return NULL;
}

static void together_as_alone(void **state)
{
    const char *given = getenv("CAIRN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 31415;
    generator *g = open_generator();
    size_t copied = 0, cached = 0;
    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 4; round++) {
        /* Plenty of memory and threads; little of both; one request at a time; small pieces. */
        batcher_options o = {.n_ctx = 200,
                             .n_kv = round == 0 ? 12000 : round == 1 ? 300 : 0,
                             .max_active = round == 2 ? 1 : 4,
                             .max_queued = THREADS,
                             .max_kept = round == 1 ? 100 : 0,
                             .n_prompt = round == 3 ? 5 : 0,
                             .n_threads = round == 1 ? 1 : 2};
        request *all = calloc(THREADS * REQUESTS, sizeof *all);
        client clients[THREADS];
        pthread_t threads[THREADS];
        batcher_stats s;
        batcher *b;
        assert_int_equal(batcher_create(&b, g, &o, NULL), CAIRN_OK);
        for (int i = 0; i < THREADS * REQUESTS; i++)
            make_request(&all[i], &seed);
        for (int i = 0; i < THREADS; i++) {
            clients[i] = (client){b, all + (ptrdiff_t)i * REQUESTS};
            assert_int_equal(pthread_create(&threads[i], NULL, ask, &clients[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        for (int i = 0; i < THREADS * REQUESTS; i++) {
            request *r = &all[i];
            generate_result want = {0};
            r->p.no_drafts = true;
            assert_int_equal(generator_complete_tokens(g, r->prompt, r->n, &r->p, &want, NULL), 0);
            assert_int_equal(r->got.finish, want.finish);
            assert_int_equal(r->got.tokens.n, want.tokens.n);
            assert_memory_equal(r->got.tokens.ids, want.tokens.ids,
                                want.tokens.n * sizeof *want.tokens.ids);
            assert_string_equal(r->got.text, want.text);
            assert_memory_equal(r->got.logprobs, want.logprobs,
                                want.tokens.n * sizeof *want.logprobs);
            assert_memory_equal(r->got.top_ids, want.top_ids, want.tokens.n * 2 * sizeof(token_id));
            assert_int_equal(r->got.prompt_tokens, r->n);
            copied += r->got.copied_tokens;
            cached += round % 2 ? 0 : r->got.cached_tokens;
            generate_result_clear(&want);
            generate_result_clear(&r->got);
        }
        batcher_get_stats(b, &s);
        assert_int_equal(s.accepted, THREADS * REQUESTS);
        assert_int_equal(s.finished, THREADS * REQUESTS);
        assert_int_equal(s.active + s.queued + s.failed + s.cancelled + s.refused, 0);
        assert_true(s.kv_tokens_used <= s.kv_tokens && (round != 1 || s.kept_tokens <= 100));
        batcher_destroy(b);
        free(all);
    }
    print_message("%zu tokens copied, %zu found\n", copied, cached);
    assert_true(copied > 0 && cached > 35 * 2 * (THREADS * REQUESTS - 4)); /* all but the
        first ones, where there is memory for it */
    generator_close(g);
}

/* ---- the first logits ---- */

typedef struct sight {
    float logits[90];
    size_t n, calls, texts;
    bool go_on;
} sight;

static bool see_first(void *ctx, const float *logits, size_t n)
{
    sight *s = ctx;

    s->calls++;
    s->n = n;
    memcpy(s->logits, logits, (n < 90 ? n : 90) * sizeof *logits);
    return s->go_on;
}

static bool see_text(void *ctx, const char *text, size_t len)
{
    (void)text, (void)len;
    ((sight *)ctx)->texts++;
    return true;
}

/* It is shown once before any text, in turns and together the same, also where the prompt begins like an earlier one; who says
 * no gets no text, and the others go on. */
static void the_first_logits_are_shown(void **state)
{
    const batcher_options o = {.n_ctx = 200, .n_prompt = 7, .n_threads = 1};
    generator *g = open_generator();
    sight seen[2][3] = {{{{0}, 0, 0, 0, true}, {{0}, 0, 0, 0, false}, {{0}, 0, 0, 0, true}},
                        {{{0}, 0, 0, 0, true}, {{0}, 0, 0, 0, false}, {{0}, 0, 0, 0, true}}};
    token_id prompt[50];
    batcher *b;
    (void)state;
    for (size_t i = 0; i < 50; i++)
        prompt[i] = (token_id)(i * 7 % 90);
    assert_int_equal(batcher_create(&b, g, &o, NULL), CAIRN_OK);
    for (size_t i = 0; i < 6; i++) {
        sight *s = &seen[i / 3][i % 3];
        const generate_params p = {.max_tokens = 9, .ignore_end = true, .on_text = see_text, .on_first = see_first, .ctx = s};
        size_t n = i % 3 == 2 ? 40 : 50; /* the second is the first's prompt again, the third a beginning of it */
        generate_result r = {0};
        assert_int_equal(i < 3 ? generator_complete_tokens(g, prompt, n, &p, &r, NULL)
                               : batcher_run(b, prompt, n, &p, 0, 0, &r, NULL),
                         CAIRN_OK);
        assert_int_equal(s->calls, 1);
        assert_true(s->n >= 90);
        assert_int_equal(r.finish, s->go_on ? GENERATE_LENGTH : GENERATE_CANCELLED);
        assert_int_equal(r.tokens.n, s->go_on ? 9 : 0);
        assert_true(s->go_on == (s->texts > 0));
        generate_result_clear(&r);
    }
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(seen[0][i].logits, seen[1][i].logits, sizeof seen[0][i].logits);
    assert_memory_equal(seen[0][0].logits, seen[0][1].logits, sizeof seen[0][0].logits);
    assert_memory_not_equal(seen[0][0].logits, seen[0][2].logits, sizeof seen[0][0].logits);
    batcher_destroy(b);
    generator_close(g);
}

/* ---- order ---- */

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool inside, open;
    int done[16], n_done;
    generate_finish finish[16];
    cairn_status status[16];
    batcher *b;
    batch_ticket cancel;
} gate;

typedef struct ticket_holder {
    gate *g;
    int number;
} ticket_holder;

/* The first text holds the batcher's thread until the gate opens. */
static bool wait_at_gate(void *ctx, const char *text, size_t len)
{
    gate *g = ((ticket_holder *)ctx)->g;
    (void)text;
    (void)len;
    pthread_mutex_lock(&g->lock);
    g->inside = true;
    pthread_cond_broadcast(&g->moved);
    while (!g->open)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return true;
}

static bool cancel_itself(void *ctx, const char *text, size_t len)
{
    gate *g = ((ticket_holder *)ctx)->g;
    (void)text;
    (void)len;
    batcher_cancel(g->b, g->cancel);
    return true;
}

static void note_done(void *ctx, cairn_status st, const cairn_error *err, generate_result *r)
{
    ticket_holder *h = ctx;
    (void)err;
    pthread_mutex_lock(&h->g->lock);
    h->g->status[h->number] = st;
    h->g->finish[h->number] = r->finish;
    h->g->done[h->g->n_done++] = h->number;
    pthread_cond_broadcast(&h->g->moved);
    pthread_mutex_unlock(&h->g->lock);
}

static void wait_done(gate *g, int n)
{
    pthread_mutex_lock(&g->lock);
    while (g->n_done < n)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void open_gate(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

static const token_id prompt[] = {1, 2, 3, 4, 5, 1, 2, 3};

static cairn_status submit(batcher *b, ticket_holder *h, int priority, generate_callback *on_text,
                           size_t max_tokens, int64_t deadline, batch_ticket *ticket)
{
    batch_request r = {.prompt = prompt,
                       .n_prompt = 8,
                       .params = {.max_tokens = max_tokens, .on_text = on_text, .ctx = h,
                                  .ignore_end = true},
                       .priority = priority,
                       .deadline_ns = deadline,
                       .on_done = note_done,
                       .done_ctx = h};
    return batcher_submit(b, &r, ticket, NULL);
}

static void priorities_cancelling_and_a_full_queue(void **state)
{
    generator *g = open_generator();
    batcher_options o = {.max_active = 1, .max_queued = 6, .n_threads = 1};
    gate x = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    ticket_holder h[16];
    batch_ticket t[16];
    batcher_stats s;
    batcher *b;
    (void)state;
    for (int i = 0; i < 16; i++)
        h[i] = (ticket_holder){&x, i};
    assert_int_equal(batcher_create(&b, g, &o, NULL), CAIRN_OK);
    x.b = b;
    assert_int_equal(submit(b, &h[0], 0, wait_at_gate, 5, 0, &t[0]), CAIRN_OK);
    pthread_mutex_lock(&x.lock);
    while (!x.inside)
        pthread_cond_wait(&x.moved, &x.lock);
    pthread_mutex_unlock(&x.lock);
    /* It runs and is held; these wait. */
    assert_int_equal(submit(b, &h[1], 0, NULL, 3, 0, &t[1]), CAIRN_OK);
    assert_int_equal(submit(b, &h[2], 5, NULL, 3, 0, &t[2]), CAIRN_OK);
    assert_int_equal(submit(b, &h[3], 0, NULL, 3, 0, &t[3]), CAIRN_OK);
    assert_int_equal(submit(b, &h[4], 9, NULL, 3, 0, &t[4]), CAIRN_OK);
    assert_int_equal(submit(b, &h[5], 5, NULL, 3, 0, &t[5]), CAIRN_OK);
    assert_int_equal(submit(b, &h[6], 0, NULL, 3, clock_mono_ns() - 1, &t[6]), CAIRN_OK);
    assert_int_equal(submit(b, &h[7], 9, NULL, 3, 0, &t[7]), CAIRN_EBUSY);
    assert_int_equal(t[7], 0);
    batcher_get_stats(b, &s);
    assert_int_equal(s.active, 1);
    assert_int_equal(s.queued, 6);
    assert_int_equal(s.refused, 1);
    batcher_cancel(b, t[3]);
    batcher_cancel(b, 999);
    open_gate(&x);
    wait_done(&x, 7);
    /* Whoever is given up ends before the next pass, then by priority and arrival. */
    static const int want[] = {3, 6, 0, 4, 2, 5, 1};
    assert_memory_equal(x.done, want, sizeof want);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(x.status[i], CAIRN_OK);
        assert_int_equal(x.finish[i],
                         i == 3 || i == 6 ? GENERATE_CANCELLED : GENERATE_LENGTH);
    }
    /* One that runs is cancelled from its own callback: its ticket is the next. */
    x.cancel = t[6] + 1;
    assert_int_equal(submit(b, &h[8], 0, cancel_itself, 150, 0, &t[8]), CAIRN_OK);
    assert_int_equal(t[8], x.cancel);
    wait_done(&x, 8);
    assert_int_equal(x.finish[8], GENERATE_CANCELLED);
    batcher_destroy(b);
    generator_close(g);
}

static void closing_ends_everybody(void **state)
{
    generator *g = open_generator();
    batcher_options o = {.max_active = 2, .max_queued = 8, .n_threads = 1};
    gate x = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    ticket_holder h[6];
    batch_ticket t;
    batcher *b;
    (void)state;
    assert_int_equal(batcher_create(&b, g, &o, NULL), CAIRN_OK);
    for (int i = 0; i < 6; i++) {
        h[i] = (ticket_holder){&x, i};
        assert_int_equal(submit(b, &h[i], 0, NULL, 0, 0, &t), CAIRN_OK);
    }
    batcher_destroy(b);
    assert_int_equal(x.n_done, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(x.status[i], CAIRN_OK); /* cancelled, or done before */
    generator_close(g);
}

static void beginnings_are_kept(void **state)
{
    generator *g = open_generator();
    batcher_options o = {.n_threads = 1};
    generate_params p = {.max_tokens = 20, .ignore_end = true};
    generate_result first = {0}, again = {0}, on = {0}, alone = {0};
    token_id longer[80];
    batcher *b;
    (void)state;
    assert_int_equal(batcher_create(&b, g, &o, NULL), CAIRN_OK);
    assert_int_equal(batcher_run(b, prompt, 8, &p, 0, 0, &first, NULL), CAIRN_OK);
    assert_int_equal(first.cached_tokens, 0);
    assert_int_equal(batcher_run(b, prompt, 8, &p, 0, 0, &again, NULL), CAIRN_OK);
    assert_int_equal(again.cached_tokens, 7); /* the last one's logits are needed */
    assert_string_equal(again.text, first.text);
    /* A conversation that goes on: prompt, answer, more. */
    memcpy(longer, prompt, sizeof prompt);
    memcpy(longer + 8, first.tokens.ids, 20 * sizeof(token_id));
    for (int i = 28; i < 80; i++)
        longer[i] = i;
    assert_int_equal(batcher_run(b, longer, 80, &p, 0, 0, &on, NULL), CAIRN_OK);
    assert_int_equal(on.cached_tokens, 27); /* the last token of an answer is never fed */
    assert_int_equal(generator_complete_tokens(g, longer, 80, &p, &alone, NULL), CAIRN_OK);
    assert_string_equal(on.text, alone.text);
    generate_result_clear(&first);
    generate_result_clear(&again);
    generate_result_clear(&on);
    generate_result_clear(&alone);
    batcher_destroy(b);
    generator_close(g);
}

/* Requests with a common system prompt, each with tokens of its own behind it, in a batcher of its own as
 * in a new process: tokens found by all together, and by the first one. */
static size_t ask_four(const generator_options *o, size_t *by_first)
{
    cairn_error err = {0};
    generator *g;
    batcher *b;
    size_t found = 0;

    if (generator_open(&g, path, o, &err))
        fail_msg("%s", err.text);
    assert_int_equal(batcher_create(&b, g, &(batcher_options){.n_threads = 1}, NULL), CAIRN_OK);
    for (int i = 0; i < 4; i++) {
        generate_params p = {.max_tokens = 5, .ignore_end = true};
        generate_result got = {0}, alone = {0};
        token_id ids[90];
        for (int k = 0; k < 90; k++)
            ids[k] = k < 70 ? k : (k * 3 + i * 11) % 90;
        assert_int_equal(batcher_run(b, ids, 90, &p, 0, 0, &got, NULL), CAIRN_OK);
        assert_int_equal(generator_complete_tokens(g, ids, 90, &p, &alone, NULL), CAIRN_OK);
        assert_string_equal(got.text, alone.text);
        found += got.cached_tokens;
        if (!i)
            *by_first = got.cached_tokens;
        generate_result_clear(&got);
        generate_result_clear(&alone);
    }
    batcher_destroy(b);
    generator_close(g);
    return found;
}

static void what_two_requests_share_is_kept_for_the_next_process(void **state)
{
    char folder[64] = "/tmp/cairn-batcher-kept-XXXXXX", name[400];
    generator_options o = {.n_ctx = 200, .prefixes = {folder, 1 << 30}};
    size_t first, files = 0;
    struct dirent *e;
    DIR *d;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ask_four(&o, &first), 3 * 70);
    assert_int_equal(first, 0);
    assert_int_equal(ask_four(&o, &first), 64 + 3 * 70);
    assert_int_equal(first, 64);
    d = opendir(folder);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (e->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
            assert_int_equal(unlink(name), 0);
            files++;
        }
    closedir(d);
    assert_int_equal(files, 1);
    assert_int_equal(rmdir(folder), 0);
}

static void memory_is_bounded(void **state)
{
    generator *g = open_generator();
    const size_t token = decoder_token_bytes(g->dec), ctx = decoder_ctx(g->dec);
    batcher_options few = {.n_ctx = 64, .n_threads = 1, .kv_bytes = 96 * token};
    batcher_options none = {.n_threads = 1, .kv_bytes = (ctx < 512 ? ctx : 512) * token - 1};
    token_id many[64];
    generate_result r = {0};
    cairn_error err = {0};
    batcher_stats s;
    batcher *b;
    (void)state;
    for (size_t i = 0; i < 64; i++)
        many[i] = prompt[i % 8];
    assert_int_equal(batcher_create(&b, g, &none, &err), CAIRN_EUSAGE);
    assert_non_null(strstr(err.text, "context_memory_mb"));
    assert_int_equal(batcher_create(&b, g, &few, &err), CAIRN_OK);
    assert_int_equal(batcher_run(b, many, 60, NULL, 0, 0, &r, &err), CAIRN_OK);
    generate_result_clear(&r);
    batcher_get_stats(b, &s);
    assert_true(s.kv_tokens <= 96);
    batcher_destroy(b);
    few.n_ctx = 0; /* the model's own: cut to what fits */
    few.kv_bytes = 512 * token;
    assert_int_equal(batcher_create(&b, g, &few, &err), CAIRN_OK);
    batcher_get_stats(b, &s);
    assert_true(s.kv_tokens <= 512);
    batcher_destroy(b);
    generator_close(g);
}

static void bad_requests_are_refused(void **state)
{
    generator *g = open_generator();
    batcher_options o = {.n_ctx = 64, .n_threads = 1}, absurd = {.max_active = 1000};
    token_id many[64] = {0}, outside[] = {1, 5000};
    sampler_params bad = sampler_params_default();
    generate_params p = {.sampling = &bad, .max_tokens = 3};
    generate_result r = {0};
    cairn_error err = {0};
    batch_request nobody = {.prompt = prompt, .n_prompt = 8};
    batch_ticket t;
    batcher *b;
    (void)state;
    assert_int_equal(batcher_create(&b, g, &absurd, &err), CAIRN_EUSAGE);
    assert_int_equal(batcher_create(&b, g, &o, &err), CAIRN_OK);
    assert_int_equal(batcher_run(b, many, 64, NULL, 0, 0, &r, &err), CAIRN_ELIMIT);
    assert_non_null(strstr(err.text, "64"));
    assert_int_equal(batcher_run(b, many, 0, NULL, 0, 0, &r, &err), CAIRN_EUSAGE);
    assert_int_equal(batcher_run(b, outside, 2, NULL, 0, 0, &r, &err), CAIRN_EUSAGE);
    assert_int_equal(batcher_submit(b, &nobody, &t, &err), CAIRN_EUSAGE);
    bad.repeat_penalty = -1;
    assert_int_equal(batcher_run(b, many, 5, &p, 0, 0, &r, &err), CAIRN_EUSAGE);
    assert_int_equal(batcher_run(b, many, 63, NULL, 0, 0, &r, &err), CAIRN_OK);
    assert_true(r.finish == GENERATE_CONTEXT || r.finish == GENERATE_END);
    generate_result_clear(&r);
    batcher_destroy(b);
    generator_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together_as_alone),
        cmocka_unit_test(the_first_logits_are_shown),
        cmocka_unit_test(priorities_cancelling_and_a_full_queue),
        cmocka_unit_test(closing_ends_everybody),
        cmocka_unit_test(beginnings_are_kept),
        cmocka_unit_test(what_two_requests_share_is_kept_for_the_next_process),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(bad_requests_are_refused),
    };
    int failed;

    write_model();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}

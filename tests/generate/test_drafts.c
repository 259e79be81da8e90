/* test_drafts.c - speculation by copying: the automaton against a search by hand, and generated text
 * that is the same with and without drafts, greedy and sampled, whatever ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "generate/decode/copy_draft.h"
#include "generate/decode/generate.h"
#include "tests/generate/tiny_model.h"

static uint64_t first_seed(void)
{
    const char *s = getenv("CAIRN_SEED");
    uint64_t seed = s ? strtoull(s, NULL, 10) : 20260101;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* The longest run that ends t[0, n) and ends earlier too; *end: behind its first occurrence. */
static size_t longest_by_hand(const token_id *t, size_t n, size_t *end)
{
    size_t best = 0;

    for (size_t e = 1; e < n; e++) {
        size_t len = 0;
        while (len < e && t[e - 1 - len] == t[n - 1 - len])
            len++;
        if (len > best) {
            best = len;
            *end = e;
        }
    }
    return best;
}

static void matches_are_the_longest(void **state)
{
    uint64_t seed = first_seed();
    size_t n_proposed = 0;
    (void)state;
    for (int round = 0; round < 60; round++) {
        token_id text[400], draft[COPY_DRAFT_MAX];
        uint32_t letters = 1 + tiny_random(&seed) % 6;
        copy_draft *d;
        assert_int_equal(copy_draft_create(&d, NULL), CAIRN_OK);
        for (size_t n = 0; n < 400; n++) {
            size_t end = 0, want, most = tiny_random(&seed) % (COPY_DRAFT_MAX + 1), got;
            /* Letters at random, or a run from before. */
            if (n > 20 && tiny_random(&seed) % 3)
                text[n] = text[n - 1 - tiny_random(&seed) % 20];
            else
                text[n] = (token_id)(tiny_random(&seed) % letters) * 1000;
            assert_int_equal(copy_draft_append(d, text[n]), CAIRN_OK);
            want = longest_by_hand(text, n + 1, &end);
            assert_int_equal(copy_draft_match(d), want);
            got = copy_draft_propose(d, most, draft);
            assert_true(got <= most && got <= n + 1 - end && (want || !got));
            assert_memory_equal(draft, text + end, got * sizeof *draft);
            if (got) {
                copy_draft_judge(d, want, got, tiny_random(&seed) % (got + 1));
                n_proposed++;
            }
        }
        assert_int_equal(copy_draft_length(d), 400);
        copy_draft_destroy(d);
    }
    print_message("%zu proposals\n", n_proposed);
    assert_true(n_proposed > 60 * 200); /* of all rounds: outcomes by chance may silence one of them */
}

static void outcomes_set_the_length(void **state)
{
    token_id draft[COPY_DRAFT_MAX];
    copy_draft *d;
    (void)state;
    assert_int_equal(copy_draft_create(&d, NULL), CAIRN_OK);
    for (int round = 0; round < 3; round++)
        for (token_id i = 0; i < 40; i++)
            assert_int_equal(copy_draft_append(d, i), CAIRN_OK);
    for (int i = 0; i < 50; i++)
        copy_draft_judge(d, 80, 15, 15);
    assert_int_equal(copy_draft_propose(d, 15, draft), 15);
    for (int i = 0; i < 50; i++)
        copy_draft_judge(d, 80, 15, 0);
    assert_int_equal(copy_draft_propose(d, 15, draft), 0);
    copy_draft_destroy(d);
}

/* ---- whole generators ---- */

typedef struct place {
    char path[64];
    generator *g;
} place;

static void open_place(place *p, const char *arch, size_t n_ctx, uint64_t seed)
{
    tiny_model t = tiny_default;
    generator_options o = {.n_ctx = n_ctx};
    cairn_error err = {0};
    size_t len;
    uint8_t *data;
    int fd;

    t.arch = arch;
    t.words = true;
    t.seed = seed;
    strcpy(p->path, "/tmp/cairn-drafts-XXXXXX");
    fd = mkstemp(p->path);
    data = tiny_model_bytes(&t, &len);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    free(data);
    if (generator_open(&p->g, p->path, &o, &err))
        fail_msg("%s", err.text);
}

static void close_place(place *p)
{
    generator_close(p->g);
    unlink(p->path);
}

static void drafts_change_no_token(void **state)
{
    static const char *const archs[] = {"llama", "qwen2", "gemma3"};
    static const char prompt[] = "abc abc abc xyz xyz abc hello abc abc xyz hello abc";
    static const char *const stops[] = {"zz", "qqq", "aa"};
    uint64_t seed = first_seed();
    size_t copied = 0, passes = 0, made = 0;
    (void)state;
    for (int round = 0; round < 24; round++) {
        place with, without;
        size_t n_ctx = round % 4 ? 256 : 80;
        uint64_t model = tiny_random(&seed);
        open_place(&with, archs[round % 3], n_ctx, model);
        open_place(&without, archs[round % 3], n_ctx, model);
        for (int call = 0; call < 4; call++) {
            sampler_params s = sampler_params_default();
            generate_params p = {.max_tokens = call == 2 ? 0 : 1 + tiny_random(&seed) % 90,
                                 .sampling = &s,
                                 .stop = stops,
                                 .n_stop = call == 1 ? 3 : 0,
                                 .ignore_end = call & 1};
            generate_result a = {0}, b = {0};
            s.seed = tiny_random(&seed);
            if (round & 1) {
                s.temperature = 0.05f + 0.2f * (float)(call);
                s.top_k = 20;
                s.repeat_penalty = round & 2 ? 1.1f : 1.0f;
            }
            /* The second of two calls begins with what is in the sequence already. */
            size_t len = call == 3 ? sizeof prompt - 8 : sizeof prompt - 1;
            assert_int_equal(generator_complete(with.g, prompt, len, 0, &p, &a, NULL), CAIRN_OK);
            p.no_drafts = true;
            assert_int_equal(generator_complete(without.g, prompt, len, 0, &p, &b, NULL), CAIRN_OK);
            assert_int_equal(a.tokens.n, b.tokens.n);
            assert_memory_equal(a.tokens.ids, b.tokens.ids, a.tokens.n * sizeof *a.tokens.ids);
            assert_string_equal(a.text, b.text);
            assert_int_equal(a.finish, b.finish);
            assert_int_equal(a.cached_tokens, b.cached_tokens);
            assert_int_equal(b.drafted_tokens, 0);
            assert_int_equal(a.passes + a.copied_tokens, b.passes);
            assert_true(a.copied_tokens <= a.drafted_tokens);
            copied += a.copied_tokens;
            passes += a.passes;
            made += a.tokens.n;
            generate_result_clear(&a);
            generate_result_clear(&b);
        }
        close_place(&with);
        close_place(&without);
    }
    print_message("%zu tokens in %zu passes, %zu copied\n", made, passes, copied);
    assert_true(copied > 100);
}

/* A model drafts for another, or for itself: every token is that of plain decoding. */
static void a_model_drafts(void **state)
{
    static const char prompt[] = "hello this is a prompt without repetitions, 0123456789";
    uint64_t seed = first_seed();
    size_t held_own = 0, guessed_own = 0, guessed = 0;
    (void)state;
    for (int round = 0; round < 12; round++) {
        place plain, small;
        generator *g;
        generator_options o = {.n_ctx = 200};
        uint64_t model = tiny_random(&seed);
        bool own = round & 1;
        open_place(&plain, "qwen2", 200, model);
        open_place(&small, "llama", 200, model + 1);
        o.draft = own ? plain.path : small.path;
        assert_int_equal(generator_open(&g, plain.path, &o, NULL), CAIRN_OK);
        for (int call = 0; call < 3; call++) {
            sampler_params s = sampler_params_default();
            generate_params p = {.max_tokens = call ? 40 : 0, .sampling = &s, .ignore_end = true};
            generate_result a = {0}, b = {0};
            s.seed = tiny_random(&seed);
            s.temperature = round & 2 ? 0.3f : 0;
            assert_int_equal(generator_complete(g, prompt, sizeof prompt - 1 - (size_t)call * 7, 0, &p, &a, NULL),
                             CAIRN_OK);
            p.no_drafts = true;
            assert_int_equal(generator_complete(plain.g, prompt, sizeof prompt - 1 - (size_t)call * 7, 0, &p, &b,
                                                NULL), CAIRN_OK);
            assert_int_equal(a.tokens.n, b.tokens.n);
            assert_memory_equal(a.tokens.ids, b.tokens.ids, a.tokens.n * sizeof *a.tokens.ids);
            assert_string_equal(a.text, b.text);
            assert_int_equal(b.guessed_tokens, 0);
            assert_int_equal(a.passes + a.copied_tokens + a.guesses_held, b.passes);
            assert_true(a.guesses_held <= a.guessed_tokens);
            guessed += own ? 0 : a.guessed_tokens;
            /* Sampled, it may choose otherwise than its own greedy draft. */
            guessed_own += own && !s.temperature ? a.guessed_tokens : 0;
            held_own += own && !s.temperature ? a.guesses_held : 0;
            generate_result_clear(&a);
            generate_result_clear(&b);
        }
        generator_close(g);
        close_place(&plain);
        close_place(&small);
    }
    print_message("own model: %zu of %zu held; another's: %zu proposed\n", held_own, guessed_own, guessed);
    assert_true(guessed > 0 && guessed_own > 0 && held_own * 4 >= guessed_own * 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_are_the_longest),
        cmocka_unit_test(outcomes_set_the_length),
        cmocka_unit_test(drafts_change_no_token),
        cmocka_unit_test(a_model_drafts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

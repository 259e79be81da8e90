/* test_passages.c - keys and values that are put at another place: turned right (a model of one layer gives
 * the logits of a full pass, since there a key depends on its token alone), computed in any order of
 * positions to the same bytes; passages kept on disk are found again, damaged ones never used, and a prompt
 * without passages never meets what came from one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/decode/generate.h"
#include "tests/generate/cache_place.h"

#define VOCAB 100

typedef struct loaded {
    uint8_t *data;
    gguf *g;
    decoder_model *m;
} loaded;

static void load(const tiny_model *t, loaded *l)
{
    size_t len;
    cairn_error err = {0};

    l->data = tiny_model_bytes(t, &len);
    if (gguf_open_memory(&l->g, l->data, len, "tiny.gguf", &err) ||
        decoder_model_open(&l->m, l->g, NULL, &err))
        fail_msg("%s: %s", t->arch, err.text);
}

static void unload(loaded *l)
{
    decoder_model_close(l->m);
    gguf_close(l->g);
    free(l->data);
}

static void random_tokens(token_id *ids, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (token_id)(tiny_random(&seed) % VOCAB);
}

static double distance(const float *a, const float *b)
{
    double apart = 0, size = 0;

    for (size_t i = 0; i < VOCAB; i++) {
        apart += (double)(a[i] - b[i]) * (double)(a[i] - b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart / size);
}

static const tiny_model one_layer[] = {
    {.arch = "llama", .layers = 1},
    {.arch = "qwen2", .layers = 1},
    {.arch = "qwen3", .layers = 1},
    {.arch = "phi3", .layers = 1},
    {.arch = "granite", .layers = 1},
    {.arch = "gemma2", .layers = 1, .window = 100},
    {.arch = "gemma3", .layers = 1, .window = 100},
    {.arch = "qwen2", .layers = 1, .rope_type = "yarn", .floats = {{"rope.scaling.factor", 4}}},
};

#define PIECE 40
#define AHEAD 23
#define TAIL  5
#define ALL   (AHEAD + PIECE + TAIL)

/* `shift` tokens of the passage are taken for others: what a mistake would look like. */
static double put_elsewhere(const tiny_model *shape, decoder_options o, size_t shift)
{
    tiny_model t = tiny_default;
    token_id ids[ALL], before[7];
    size_t at[AHEAD + TAIL];
    token_id rest[AHEAD + TAIL];
    float want[VOCAB], got[VOCAB];
    uint8_t *kept;
    decoder *d;
    loaded l;

    t.arch = shape->arch;
    t.layers = shape->layers;
    t.window = shape->window;
    t.rope_type = shape->rope_type;
    memcpy(t.floats, shape->floats, sizeof t.floats);
    t.type = TENSOR_F32;
    load(&t, &l);
    random_tokens(ids, ALL, 5);
    random_tokens(before, 7, 6);
    assert_int_equal(decoder_create(&d, l.m, &o, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, ALL, DECODER_LAST, want, NULL), CAIRN_OK);
    decoder_truncate(d, 0);
    assert_int_equal(decoder_eval(d, before, 7, DECODER_NO_LOGITS, NULL, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids + AHEAD, PIECE, DECODER_NO_LOGITS, NULL, NULL), CAIRN_OK);
    kept = malloc(decoder_run_bytes(d, PIECE));
    decoder_export_run(d, 7, PIECE, kept);
    decoder_truncate(d, 0);
    decoder_run run = {kept, PIECE, shift, PIECE - shift, AHEAD};
    assert_int_equal(decoder_append_runs(d, ALL, &run, 1, NULL), CAIRN_OK);
    assert_int_equal(decoder_past(d), ALL);
    for (size_t i = 0; i < AHEAD + TAIL; i++) {
        at[i] = i < AHEAD ? i : i + PIECE;
        rest[i] = ids[at[i]];
    }
    assert_int_equal(decoder_eval_at(d, rest, at, AHEAD + TAIL, got, NULL), CAIRN_OK);
    if (!shift)
        assert_true(decoder_run_distance(d, &run) < 0.02);
    free(kept);
    decoder_destroy(d);
    unload(&l);
    return distance(got, want);
}

static void turned_to_their_new_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof one_layer / sizeof *one_layer; i++)
        for (int how = 0; how < 3; how++) {
            decoder_options o = {.n_ctx = 100, .n_batch = 16, .exact = how == 1,
                                 .kv = how == 2 ? DECODER_KV_INT8 : DECODER_KV_F16};
            double right = put_elsewhere(&one_layer[i], o, 0), wrong = put_elsewhere(&one_layer[i], o, 3);
            if (!(right < 0.01) || !(wrong > 4 * right))
                fail_msg("%s%s, way %d: distance %g, of other tokens' %g", one_layer[i].arch,
                         one_layer[i].rope_type ? " yarn" : "", how, right, wrong);
        }
}

/* Positions computed again, in pieces, give the bytes of one pass. */
static void any_order_of_positions(void **state)
{
    static const tiny_model shapes[] = {
        {.arch = "llama", .layers = 2},
        {.arch = "gemma3", .layers = 7, .window = 11},
    };
    pool *p;
    (void)state;
    assert_int_equal(pool_create(&p, 3, NULL), CAIRN_OK);
    for (size_t s = 0; s < 2; s++)
        for (int kv = 0; kv < 2; kv++)
            for (int threads = 0; threads < 2; threads++) {
                decoder_options o = {.n_ctx = 130, .n_batch = 32, .kv = (decoder_kv)kv,
                                     .pool = threads ? p : NULL};
                tiny_model t = tiny_default;
                token_id ids[ALL];
                size_t at[ALL];
                float want[VOCAB], got[VOCAB];
                decoder *d;
                loaded l;
                t.arch = shapes[s].arch;
                t.layers = shapes[s].layers;
                t.window = shapes[s].window;
                load(&t, &l);
                random_tokens(ids, ALL, 9);
                assert_int_equal(decoder_create(&d, l.m, &o, NULL), CAIRN_OK);
                assert_int_equal(decoder_eval(d, ids, ALL, DECODER_LAST, want, NULL), CAIRN_OK);
                decoder_truncate(d, 3);
                assert_int_equal(decoder_append_runs(d, ALL - 3, NULL, 0, NULL), CAIRN_OK);
                for (size_t i = 0; i < ALL; i++)
                    at[i] = i;
                assert_int_equal(decoder_eval_at(d, ids + 3, at + 3, ALL - 3, got, NULL), CAIRN_OK);
                assert_memory_equal(got, want, sizeof want);
                /* Some of them once more, with gaps: nothing changes. */
                size_t some[] = {4, 5, 6, 20, 40, 41, ALL - 1};
                token_id their[7];
                for (size_t i = 0; i < 7; i++)
                    their[i] = ids[some[i]];
                assert_int_equal(decoder_eval_at(d, their, some, 7, got, NULL), CAIRN_OK);
                assert_memory_equal(got, want, sizeof want);
                /* A token behind them sees what a plain pass sees. */
                decoder_truncate(d, ALL - 1);
                assert_int_equal(decoder_eval(d, ids + ALL - 1, 1, DECODER_LAST, got, NULL), CAIRN_OK);
                assert_memory_equal(got, want, sizeof want);
                decoder_destroy(d);
                unload(&l);
            }
    pool_destroy(p);
}

static void runs_outside_are_refused(void **state)
{
    decoder_options o = {.n_ctx = 64};
    token_id ids[20];
    size_t at[3] = {1, 1, 2};
    uint8_t *kept;
    float row[VOCAB];
    decoder *d;
    loaded l;
    (void)state;
    load(&tiny_default, &l);
    random_tokens(ids, 20, 2);
    assert_int_equal(decoder_create(&d, l.m, &o, NULL), CAIRN_OK);
    assert_int_equal(decoder_eval(d, ids, 20, DECODER_NO_LOGITS, NULL, NULL), CAIRN_OK);
    kept = malloc(decoder_run_bytes(d, 10));
    decoder_export_run(d, 5, 10, kept);
    const decoder_run bad[] = {
        {kept, 10, 0, 10, 15},            /* before the new ones */
        {kept, 10, 0, 10, 31},            /* beyond them */
        {kept, 10, 5, 6, 20},             /* more than are kept */
        {kept, 10, 11, 1, 20},            /* from beyond them */
        {kept, 10, 0, SIZE_MAX - 5, 20},
        {kept, 10, SIZE_MAX, 2, 20},
        {kept, 10, 0, 2, SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (decoder_append_runs(d, 20, &bad[i], 1, NULL) != CAIRN_EUSAGE)
            fail_msg("run %zu was taken", i);
        assert_int_equal(decoder_past(d), 20);
    }
    const decoder_run overlap[] = {{kept, 10, 0, 10, 20}, {kept, 10, 0, 10, 29}};
    assert_int_equal(decoder_append_runs(d, 20, overlap, 2, NULL), CAIRN_EUSAGE);
    assert_int_equal(decoder_append_runs(d, 45, overlap, 1, NULL), CAIRN_ELIMIT);
    assert_int_equal(decoder_eval_at(d, ids, at, 3, row, NULL), CAIRN_EUSAGE); /* not rising */
    at[1] = 20;
    assert_int_equal(decoder_eval_at(d, ids, at, 2, row, NULL), CAIRN_EUSAGE); /* not there */
    free(kept);
    decoder_destroy(d);
    unload(&l);
}

/* ---- kept on disk ---- */

typedef struct place {
    cache_place at;
    generator_options o;
} place;

static void begin(place *p)
{
    tiny_model t = tiny_default;

    t.arch = "qwen2";
    t.words = true;
    t.seed = 3;
    make_place(&p->at, &t);
    p->o = (generator_options){.n_ctx = 400, .passages = {p->at.folder, 1 << 30}};
}

static const char *const texts[] = {
    "the grinder is lent for a deposit of one hundred and fifty euros, which is paid back when it comes home whole",
    "a full service takes eight working days and costs eighty nine euros without burrs, and nobody has to wait",
};

static generator *open_it(const place *p)
{
    generator *g;
    cairn_error err = {0};

    if (generator_open(&g, p->at.model, &p->o, &err))
        fail_msg("%s", err.text);
    return g;
}

/* The two passages in this order; with them named or not. Returns how many tokens were reused. */
static size_t ask(generator *g, int first, bool named, char text[512])
{
    generate_text passages[2] = {{texts[0], strlen(texts[0])}, {texts[1], strlen(texts[1])}};
    generate_params params = {.max_tokens = 20, .ignore_end = true, .passages = passages,
                              .n_passages = named ? 2 : 0};
    generate_result r = {0};
    char user[512];
    cairn_error err = {0};
    size_t reused;
    json_t *m;

    snprintf(user, sizeof user, "1: %s\n2: %s\nwhat is the deposit?", texts[first],
             texts[1 - first]);
    m = json_pack("[{s:s,s:s},{s:s,s:s}]", "role", "system", "content", "answer briefly", "role",
                  "user", "content", user);
    if (generator_chat(g, m, &params, &r, &err))
        fail_msg("%s", err.text);
    snprintf(text, 512, "%s", r.text);
    reused = r.reused_tokens;
    assert_true(reused < r.prompt_tokens);
    generate_result_clear(&r);
    json_decref(m);
    return reused;
}

static void found_again_in_any_order(void **state)
{
    char plain[2][512], got[512], again[512];
    generator *g;
    place p;
    (void)state;
    begin(&p);
    g = open_it(&p);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(g, i, false, plain[i]), 0);
    assert_int_equal(count_files(&p.at, NULL, 0), 0);
    assert_int_equal(ask(g, 0, true, got), 0); /* not kept yet: a plain pass */
    assert_string_equal(got, plain[0]);
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK);
    assert_int_equal(count_files(&p.at, NULL, 0), 2);
    for (int i = 0; i < 2; i++) {
        generator *fresh = open_it(&p);
        assert_true(ask(g, i, true, got) > 60);
        assert_true(ask(fresh, i, true, again) > 60); /* another process */
        assert_string_equal(got, again);
        generator_close(fresh);
        /* What came from passages is no beginning for anybody else. */
        assert_int_equal(ask(g, i, false, got), 0);
        assert_string_equal(got, plain[i]);
    }
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK);
    assert_int_equal(count_files(&p.at, NULL, 0), 2);
    generator_close(g);
    remove_place(&p.at);
}

static void damaged_files_are_not_used(void **state)
{
    char want[512], got[512], path[512];
    struct stat sb;
    uint8_t *good;
    generator *g;
    place p;
    int fd;
    (void)state;
    begin(&p);
    g = open_it(&p);
    ask(g, 0, true, want);
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK);
    assert_int_equal(count_files(&p.at, path, sizeof path), 2);
    assert_int_equal(stat(path, &sb), 0);
    good = malloc((size_t)sb.st_size);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, good, (size_t)sb.st_size), sb.st_size);
    close(fd);
    size_t both = ask(g, 0, true, got);
    int order = 0; /* another prompt each time: what one pass computed is no beginning of the next */
    for (size_t at = 0; at < (size_t)sb.st_size; at += at < 44 ? 1 : 1999) {
        good[at] ^= 1;
        write_file(path, good, (size_t)sb.st_size);
        good[at] ^= 1;
        if (ask(g, order ^= 1, true, got) >= both)
            fail_msg("a change at byte %zu was not seen", at);
        assert_int_equal(count_files(&p.at, NULL, 0), 1);
    }
    for (size_t len = 0; len < 60; len += 7) {
        write_file(path, good, len);
        assert_true(ask(g, order ^= 1, true, got) < both);
    }
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK); /* made again */
    assert_int_equal(ask(g, 0, true, got), both);
    free(good);
    generator_close(g);
    remove_place(&p.at);
}

static void the_folder_stays_within_its_budget(void **state)
{
    char got[512], path[512];
    struct stat sb;
    generator *g;
    place p;
    (void)state;
    begin(&p);
    g = open_it(&p);
    ask(g, 0, true, got);
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK);
    assert_int_equal(count_files(&p.at, path, sizeof path), 2);
    assert_int_equal(stat(path, &sb), 0);
    generator_close(g);
    assert_int_equal(count_files(&p.at, path, sizeof path), 2);
    while (count_files(&p.at, path, sizeof path))
        assert_int_equal(unlink(path), 0);
    p.o.passages.budget_bytes = (uint64_t)sb.st_size * 3 / 2;
    g = open_it(&p);
    ask(g, 0, true, got);
    assert_int_equal(generator_keep_passages(g, NULL), CAIRN_OK);
    assert_int_equal(count_files(&p.at, NULL, 0), 1);
    generator_close(g);
    remove_place(&p.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turned_to_their_new_place),
        cmocka_unit_test(any_order_of_positions),
        cmocka_unit_test(runs_outside_are_refused),
        cmocka_unit_test(found_again_in_any_order),
        cmocka_unit_test(damaged_files_are_not_used),
        cmocka_unit_test(the_folder_stays_within_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_prefix_cache.c - system prompts kept on disk: a new process finds them and says the same; damaged
 * and foreign files are never used; the folder stays within its budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generate/decode/generate.h"
#include "tests/generate/cache_place.h"

typedef struct place {
    cache_place at;
    generator_options o;
} place;

static tiny_model model(const char *arch, uint64_t seed)
{
    tiny_model t = tiny_default;

    t.arch = arch;
    t.words = true;
    t.seed = seed;
    return t;
}

static void begin(place *p)
{
    tiny_model t = model("qwen2", 3);

    make_place(&p->at, &t);
    p->o = (generator_options){.n_ctx = 240, .prefixes = {p->at.folder, 1 << 30}};
}

static const char first[] = "you are a helpful machine that answers from documents alone, briefly";
static const char second[] = "you are a helpful machine that answers from documents and likes to talk";

/* A process of its own, as far as the cache can see: what it says, and how much it found. */
static size_t say(const place *p, const char *system, const char *user, char text[512])
{
    generator *g;
    generate_result r = {0};
    generate_params params = {.max_tokens = 25, .ignore_end = true};
    json_t *m = json_pack("[{s:s,s:s},{s:s,s:s}]", "role", "system", "content", system, "role",
                          "user", "content", user);
    size_t found;
    cairn_error err = {0};

    if (generator_open(&g, p->at.model, &p->o, &err) || generator_chat(g, m, &params, &r, &err))
        fail_msg("%s", err.text);
    snprintf(text, 512, "%s", r.text);
    found = r.cached_tokens;
    generate_result_clear(&r);
    generator_close(g);
    json_decref(m);
    return found;
}

static void the_next_process_finds_it(void **state)
{
    char want[512], got[512];
    place p, without;
    (void)state;
    begin(&p);
    without = p;
    without.o.prefixes.folder = NULL;
    for (int mode = 0; mode < 3; mode++) {
        size_t found;
        p.o.exact = without.o.exact = mode == 1;
        p.o.kv = without.o.kv = mode == 2 ? DECODER_KV_INT8 : DECODER_KV_F16;
        assert_int_equal(say(&without, first, "how far?", want), 0);
        assert_int_equal(say(&p, first, "how far?", got), 0); /* another mode is no help */
        assert_string_equal(got, want);
        found = say(&p, first, "how far?", got);
        assert_string_equal(got, want);
        assert_true(found >= 64 && found % 16 == 0);
        /* Another question, another system prompt that begins the same: it is shorter in common, so
         * its own is made. */
        say(&without, first, "and how near?", want);
        assert_int_equal(say(&p, first, "and how near?", got), found);
        assert_string_equal(got, want);
        say(&without, second, "how far?", want);
        assert_int_equal(say(&p, second, "how far?", got), 0);
        assert_string_equal(got, want);
        assert_true(say(&p, second, "how far?", got) >= 64);
        assert_string_equal(got, want);
    }
    assert_int_equal(count_files(&p.at, NULL, 0), 6);
    /* Too short to be worth a file. */
    say(&p, "short", "how far?", got);
    assert_int_equal(count_files(&p.at, NULL, 0), 6);
    remove_place(&p.at);
}

static void damaged_and_foreign_files_are_not_used(void **state)
{
    char want[512], got[512], path[512];
    uint8_t *good;
    struct stat sb;
    place p;
    int fd;
    (void)state;
    begin(&p);
    say(&p, first, "how far?", want);
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    assert_int_equal(stat(path, &sb), 0);
    good = malloc((size_t)sb.st_size);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, good, (size_t)sb.st_size), sb.st_size);
    close(fd);
    for (size_t at = 0; at < (size_t)sb.st_size; at += at < 40 ? 1 : 997) {
        good[at] ^= 1;
        write_file(path, good, (size_t)sb.st_size);
        good[at] ^= 1;
        if (say(&p, first, "how far?", got))
            fail_msg("a change at byte %zu was not seen", at);
        assert_string_equal(got, want);
        assert_true(say(&p, first, "how far?", got) > 0); /* made again */
    }
    static const size_t lengths[] = {0, 1, 31, 100};
    for (size_t i = 0; i < 4; i++) {
        write_file(path, good, lengths[i]);
        assert_int_equal(say(&p, first, "how far?", got), 0);
        assert_string_equal(got, want);
    }
    assert_int_equal(chmod(path, 0622), 0);
    assert_int_equal(say(&p, first, "how far?", got), 0);
    /* Another model at the same path. */
    tiny_model other = model("llama", 4);
    write_model(p.at.model, &other);
    assert_int_equal(say(&p, first, "how far?", got), 0);
    assert_true(say(&p, first, "how far?", got) > 0);
    free(good);
    remove_place(&p.at);
}

static void the_folder_stays_within_its_budget(void **state)
{
    char got[512], path[512], system[128];
    struct stat sb;
    place p;
    (void)state;
    begin(&p);
    say(&p, first, "how far?", got);
    assert_int_equal(count_files(&p.at, path, sizeof path), 1);
    assert_int_equal(stat(path, &sb), 0);
    p.o.prefixes.budget_bytes = (uint64_t)sb.st_size * 7 / 2;
    for (int i = 0; i < 8; i++) {
        snprintf(system, sizeof system, "%d %s", i, first);
        say(&p, system, "how far?", got);
        assert_in_range(count_files(&p.at, NULL, 0), 1, 3);
        assert_true(say(&p, system, "how far?", got) > 0);
    }
    p.o.prefixes.budget_bytes = 100; /* less than one */
    assert_int_equal(say(&p, second, "how far?", got), 0);
    assert_int_equal(say(&p, second, "how far?", got), 0);
    p.o.prefixes.folder = "/proc/nothing/can/be/here";
    p.o.prefixes.budget_bytes = 1 << 30;
    assert_int_equal(say(&p, second, "how far?", got), 0);
    remove_place(&p.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_process_finds_it),
        cmocka_unit_test(damaged_and_foreign_files_are_not_used),
        cmocka_unit_test(the_folder_stays_within_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_pretokenize.c - texts are cut into the words that the library tokenizers makes of them by the published
 * expressions (golden/make_pretokenize.py); every name leads to a rule that ends each text where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "generate/tokenize/pretokenize.h"

#define GOLDEN CAIRN_SOURCE_DIR "/tests/generate/golden/pretokenize.json"

static const pretokenizer *find(const char *name)
{
    const pretokenizer *p = pretokenizer_find(name, strlen(name));

    if (!p)
        fail_msg("%s is not known", name);
    return p;
}

static void words_are_those_of_the_library(void **state)
{
    const char *given = getenv("CAIRN_PRETOKENIZE"); /* another file of that program */
    json_t *all = json_load_file(given ? given : GOLDEN, 0, NULL), *rows, *row;
    const json_t *texts = json_object_get(all, "texts");
    const char *name;
    size_t i, rules = 0;

    (void)state;
    assert_non_null(all);
    json_object_foreach(json_object_get(all, "rules"), name, rows)
    {
        const pretokenizer *p = find(name);
        size_t wrong = 0;
        json_array_foreach(rows, i, row)
        {
            const json_t *text = json_array_get(texts, i);
            const char *s = json_string_value(text);
            const size_t len = json_string_length(text);
            pretokenize_state at_work = {{0}};
            size_t at = 0, n = 0;
            bool same = true;
            while (at < len && same) {
                size_t end = pretokenize_next(p, &at_work, s, len, at);
                same = (json_int_t)(end - at) == json_integer_value(json_array_get(row, n++));
                at = end;
            }
            if (same && n == json_array_size(row))
                continue;
            if (++wrong <= 20)
                print_message("%s, text %zu: \"%s\", word %zu, before byte %zu\n", name, i, s, n, at);
        }
        if (wrong)
            fail_msg("%s: %zu texts of %zu", name, wrong, i);
        rules++;
    }
    assert_int_equal(rules, 14);
    assert_true(i >= 150);
    json_decref(all);
}

/* Characters of every kind, joined at random. */
static size_t random_text(uint64_t *x, char *out, size_t room)
{
    static const uint32_t some[] = {'a', 'B', '\'', 's', ' ', ' ', '\n', '\r', '\t', '1', '/', '.', 0x308, 0x3000, 0x4E2D, 0x30AB, 0xAC00, 0x1F600, 0x2028,
                                    1, 0xBD, 0x5D0, 0x2B0, 0x1C5, 0xFFFD, 0x10FFFF};
    size_t n = 0;

    while (n + 4 < room) {
        *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
        n += utf8_encode(some[*x % (sizeof some / sizeof *some)], out + n);
        if (*x >> 58 == 0)
            break;
    }
    return n;
}

static void every_name_cuts_whole_texts(void **state)
{
    const char *given = getenv("CAIRN_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)getpid() * 2654435761u, x = seed * 2 + 1;
    char *names = strdup(pretokenizer_names()), *at_name = NULL, text[400];
    size_t n_names = 0;

    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (char *name = strtok_r(names, " ", &at_name); name; name = strtok_r(NULL, " ", &at_name)) {
        const pretokenizer *p = find(name);
        n_names++;
        for (int round = 0; round < 200; round++) {
            const size_t len = random_text(&x, text, sizeof text);
            char *exact = malloc(len + 1); /* whoever reads behind it is found by the sanitizers */
            pretokenize_state at_work = {{0}};
            size_t at = 0;
            memcpy(exact, text, len);
            while (at < len) {
                size_t end = pretokenize_next(p, &at_work, exact, len, at);
                assert_true(end > at && end <= len);
                assert_true(end == len || ((uint8_t)exact[end] & 0xC0) != 0x80);
                at = end;
            }
            free(exact);
        }
    }
    assert_true(n_names > 50);
    assert_null(pretokenizer_find("falcon", 6));
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_the_library),
        cmocka_unit_test(every_name_cuts_whole_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_aliases.c - other names that texts give to things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/aliases.h"

static bool same(const char *s, size_t len, const char *want)
{
    return len == strlen(want) && !memcmp(s, want, len);
}

static void names_are_found(void **state)
{
    static const struct {
        const char *text, *name, *after; /* NULL: none; name NULL: where it begins cannot be told */
    } cases[] = {
        {"Turn off the meter cabinet, also known as the fuse box, before you begin.", "meter cabinet", "fuse box"},
        {"The house has a heat pump (also called an air-source heater).", "heat pump", "air-source heater"},
        {"Myanmar, formerly known as Burma, borders India.", "Myanmar", "Burma"},
        {"Robert Zimmerman, better known as Bob Dylan, sang.", "Robert Zimmerman", "Bob Dylan"},
        {"Der Zählerschrank, auch bekannt als Sicherungskasten, ist im Keller.", "Zählerschrank", "Sicherungskasten"},
        {"la bomba de calor (también conocida como aerotermia) es cara.", "bomba de calor", "aerotermia"},
        {"We met AKA last week.", NULL, NULL},
        {"It is a thing also known as something that nobody has ever called it so far.", NULL, NULL},
        {"It, also known as x", NULL, NULL},       /* nothing closes it */
        {"Also known as Bob, he sang.", NULL, NULL}, /* nothing before it */
        {"the known assets", NULL, NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text), at = 0, n = 0;
        char *exact = malloc(len ? len : 1); /* one byte too far is seen */
        const char *name;
        alias_pair p;
        bool found;
        memcpy(exact, cases[i].text, len);
        found = alias_next(exact, len, &at, &p);
        if (found != (cases[i].after != NULL))
            fail_msg("%s: %s", cases[i].text, found ? "found" : "not found");
        if (found) {
            if (!same(p.after, p.after_len, cases[i].after))
                fail_msg("%s: %.*s", cases[i].text, (int)p.after_len, p.after);
            name = alias_name_at_end(p.before, p.before_len, &n);
            if (!name || (strcmp(cases[i].name, "bomba de calor") != 0 && !same(name, n, cases[i].name)))
                fail_msg("%s: %.*s", cases[i].text, name ? (int)n : 0, name ? name : "");
            assert_false(alias_next(exact, len, &at, &p));
        }
        free(exact);
    }
}

static void the_last_words(void **state)
{
    static const char text[] = "Turn off the air-source heater";
    size_t n;

    (void)state;
    assert_string_equal(alias_last_words(text, strlen(text), 1, &n), "heater");
    assert_int_equal(n, 6);
    assert_string_equal(alias_last_words(text, strlen(text), 2, &n), "air-source heater");
    assert_string_equal(alias_last_words(text, strlen(text), 5, &n), text);
    assert_null(alias_last_words(text, strlen(text), 6, &n));
    assert_null(alias_last_words("", 0, 1, &n));
    assert_null(alias_last_words("x -", 3, 1, &n));
    assert_null(alias_name_at_end("it runs on and on with nothing", 5, &n)); /* "it ru" */
}

/* Any cut of a text is read without a step beyond it. */
static void cut_anywhere(void **state)
{
    static const char text[] = "The X, also known as the \"Y-Z\" (a.k.a. W), auch bekannt als V; \xC2\xBB aka \xC2";

    (void)state;
    for (size_t len = 0; len <= sizeof text - 1; len++) {
        char *exact = malloc(len ? len : 1);
        size_t at = 0, n;
        alias_pair p;
        memcpy(exact, text, len);
        while (alias_next(exact, len, &at, &p)) {
            (void)alias_name_at_end(p.before, p.before_len, &n);
            assert_true(p.after + p.after_len <= exact + len);
        }
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(the_last_words),
        cmocka_unit_test(cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

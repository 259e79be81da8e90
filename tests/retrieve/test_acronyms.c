/* test_acronyms.c - definitions of short forms in texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/acronyms.h"

static void definitions_are_found(void **state)
{
    static const struct {
        const char *text, *acronym, *meaning; /* NULL: none */
    } cases[] = {
        {"A large language model (LLM) is trained.", "LLM", "large language model"},
        {"LLM (large language model) is short.", "LLM", "large language model"},
        {"We use Hidden Markov Models (HMMs) here.", "HMMs", "Hidden Markov Models"},
        {"the heat shock protein 70 (HSP70) family", "HSP70", "heat shock protein 70"},
        {"the Technische Hochschule N\xc3\xbcrnberg (THN)", "THN", "Technische Hochschule N\xc3\xbcrnberg"},
        {"a\nlarge language\nmodel (LLM)", "LLM", NULL}, /* a line ends a clause */
        {"It rains. The model (LLM) is good.", "LLM", NULL},
        {"the end of line (a note)", NULL, NULL},
        {"see the table (II) there", NULL, NULL},
        {"a thing (XQZ) of no such letters", NULL, NULL},
        {"laboratory (LAB) of one word", NULL, NULL},
        {"the x (", NULL, NULL},
        {"(AB) at the beginning", NULL, NULL},
        {"alpha beta (AB", NULL, NULL},
        {"WHO (founded in 1948 in Geneva)", NULL, NULL},
        {"first (one), then natural language processing (NLP)", "NLP", "natural language processing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].text), at = 0;
        char *exact = malloc(len ? len : 1); /* one byte too far is seen */
        acronym_pair p;
        bool found;
        memcpy(exact, cases[i].text, len);
        found = acronym_next(exact, len, &at, &p);
        if (found != (cases[i].meaning != NULL))
            fail_msg("%s: %s", cases[i].text, found ? "found" : "not found");
        if (found) {
            assert_int_equal(p.acronym_len, strlen(cases[i].acronym));
            assert_memory_equal(p.acronym, cases[i].acronym, p.acronym_len);
            if (p.meaning_len != strlen(cases[i].meaning) || memcmp(p.meaning, cases[i].meaning, p.meaning_len))
                fail_msg("%s: %.*s", cases[i].text, (int)p.meaning_len, p.meaning);
            assert_false(acronym_next(exact, len, &at, &p));
        }
        free(exact);
    }
}

static void short_forms_are_told_from_words(void **state)
{
    (void)state;
    assert_true(acronym_like("LLM", 3) && acronym_like("mRNA", 4) && acronym_like("H2O", 3) && acronym_like("PhD", 3));
    assert_false(acronym_like("A", 1) || acronym_like("Word", 4) || acronym_like("word", 4) || acronym_like("A-B", 3));
    assert_false(acronym_like("ABCDEFGHI", 9) || acronym_like("", 0) || acronym_like("\xc3\x84\xc3\x96", 4));
}

/* Random brackets and letters: ranges stay inside, and the walk ends. */
static void any_text_is_walked_to_its_end(void **state)
{
    static const char letters[] = "AB ab(). \n9\xc3\xbc";
    uint32_t seed = 99;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        size_t len = (size_t)round % 61, at = 0, last = 0;
        char *text = malloc(len ? len : 1);
        acronym_pair p;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        while (acronym_next(text, len, &at, &p)) {
            assert_true(at > last && at <= len);
            last = at;
            assert_true(p.acronym >= text && p.acronym + p.acronym_len <= text + len);
            assert_true(p.meaning >= text && p.meaning + p.meaning_len <= text + len);
            assert_true(acronym_like(p.acronym, p.acronym_len) && p.meaning_len > p.acronym_len);
        }
        assert_int_equal(at, len);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_are_found),
        cmocka_unit_test(short_forms_are_told_from_words),
        cmocka_unit_test(any_text_is_walked_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

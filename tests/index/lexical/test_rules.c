/* test_rules.c - the user's own synonyms and stop words in a search: what they find, and the fast
 * search against the plain one on random rules and questions. */
#include "tests/index/lexical/corpus.h"

static const char *const texts[] = {
    "the car stood in the yard",        /* 0 */
    "an automobile of steel",           /* 1 */
    "a motor car for two",              /* 2 */
    "the United States of America",     /* 3 */
    "made in the USA",                  /* 4 */
    "states that were united in anger", /* 5 */
    "the color of a hue",               /* 6 */
    "colour television",                /* 7 */
};
#define TEXTS (sizeof texts / sizeof *texts)

static const char rules[] = "car, automobile, motor car\n"
                            "usa, united states of america\n"
                            "colour => color, hue\n";

static const struct {
    const char *typed;
    lexical_occur occur;
    const char *rows; /* found, ascending */
} found[] = {
    {"automobile", LEXICAL_SHOULD, "012"},
    {"car", LEXICAL_SHOULD, "012"},
    {"motor car", LEXICAL_SHOULD, "012"},
    {"usa", LEXICAL_SHOULD, "34"},
    {"united states of america", LEXICAL_SHOULD, "345"},
    {"united states of america", LEXICAL_MUST, "34"},
    {"colour", LEXICAL_SHOULD, "6"}, /* replaced: the television is not found */
    {"colour", LEXICAL_MUST, "6"},
    {"color", LEXICAL_SHOULD, "6"},
    {"steel", LEXICAL_SHOULD, "1"},
    {"made in the usa", LEXICAL_MUST, "4"},
};

static void synonyms_widen_a_search(void **state)
{
    test_index ix;
    lexical_params params;
    synonyms *own;
    (void)state;

    index_texts(&ix, texts, TEXTS, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    lexical_params_default(&params);
    assert_int_equal(synonyms_parse(&own, rules, strlen(rules), "rules", NULL), CAIRN_OK);
    params.synonyms = own;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        lexical_clause c = {.occur = found[i].occur,
                            .kind = LEXICAL_WORDS,
                            .text = found[i].typed,
                            .len = strlen(found[i].typed)};
        lexical_query q = {.clauses = &c, .n = 1};
        lexical_hit hits[TEXTS];
        char got[TEXTS + 1] = "";
        size_t n, len = 0;
        assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, TEXTS, hits, &n, NULL), CAIRN_OK);
        for (uint32_t row = 0; row < TEXTS; row++)
            for (size_t j = 0; j < n; j++)
                if (hits[j].row == row)
                    got[len++] = (char)('0' + row);
        got[len] = 0;
        if (strcmp(got, found[i].rows))
            fail_msg("%s: rows %s, not %s", found[i].typed, got, found[i].rows);
    }
    synonyms_destroy(own);
    index_close(&ix);
}

static void stop_words_do_not_score(void **state)
{
    static const char words[] = "yard\n-the\n";
    test_index ix;
    lexical_params params;
    stop_list *own;
    lexical_hit hits[TEXTS];
    size_t n;
    (void)state;

    index_texts(&ix, texts, TEXTS, "en");
    lexical_segment seg = {ix.reader, NULL, NULL};
    lexical_params_default(&params);
    assert_int_equal(stop_list_parse(&own, words, strlen(words), "words", NULL), CAIRN_OK);
    params.stop_words = own;
    lexical_clause c = {.kind = LEXICAL_WORDS, .text = "steel yard", .len = 10};
    lexical_query q = {.clauses = &c, .n = 1};
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, TEXTS, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 1);
    assert_int_equal(hits[0].row, 1);
    c.text = "the steel"; /* scores again */
    c.len = 9;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &params, TEXTS, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 5);
    stop_list_destroy(own);
    index_close(&ix);
}

static void random_rules_agree_with_the_plain_search(void **state)
{
    random_state r = random_seeded();
    static lexical_hit fast[100], plain[100];
    analyzer *a;
    (void)state;

    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    for (size_t round = 0; round < 3; round++) {
        test_index ix[2];
        lexical_segment seg[2];
        lexical_params params;
        synonyms *own;
        stop_list *stops;
        char text[4096], words[256];
        size_t len = 0;
        for (size_t i = 0; i < 20; i++) {
            for (size_t j = 0, n = 2 + random_below(&r, 3); j < n; j++) {
                len += (size_t)snprintf(text + len, sizeof text - len, "%s",
                                        !j ? "" : j == 1 && i % 3 == 0 ? " => " : ", ");
                for (size_t k = 1 + random_below(&r, 2); k; k--)
                    len += (size_t)snprintf(text + len, sizeof text - len, "w%zuing ",
                                            random_word(&r, 30));
            }
            len += (size_t)snprintf(text + len, sizeof text - len, "\n");
        }
        snprintf(words, sizeof words, "w%zuing\n", random_word(&r, 30));
        cairn_error err = {0};
        if (synonyms_parse(&own, text, len, "rules", &err))
            fail_msg("%s", err.text);
        assert_int_equal(stop_list_parse(&stops, words, strlen(words), "words", NULL), CAIRN_OK);
        lexical_params_default(&params);
        params.synonyms = own;
        params.stop_words = stops;
        for (size_t s = 0; s < 2; s++) {
            index_random(&ix[s], &r, 200, 30, false);
            seg[s] = (lexical_segment){ix[s].reader, NULL, NULL};
        }
        for (size_t i = 0; i < 40; i++) {
            question q;
            size_t n, m, k = 1 + random_below(&r, 100);
            question_random(&q, &r, 30, i % 3 == 0);
            assert_int_equal(lexical_search(a, seg, 2, &q.query, &params, k, fast, &n, NULL),
                             CAIRN_OK);
            assert_int_equal(
                lexical_search_exhaustive(a, seg, 2, &q.query, &params, k, plain, &m, NULL),
                CAIRN_OK);
            assert_int_equal(n, m);
            for (size_t j = 0; j < n; j++)
                if (fast[j].row != plain[j].row || fast[j].segment != plain[j].segment ||
                    memcmp(&fast[j].score, &plain[j].score, sizeof fast[j].score))
                    fail_msg("hit %zu of round %zu differs", j, round);
        }
        for (size_t s = 0; s < 2; s++)
            index_close(&ix[s]);
        synonyms_destroy(own);
        stop_list_destroy(stops);
    }
    analyzer_destroy(a);
}

static const struct {
    const char *typed, *text, *marks; /* joined by | */
    lexical_kind kind;
    unsigned edits;
} marked[] = {
    {"car", "An automobile and a motor car; a motor.", "automobile|motor|car", LEXICAL_WORDS, 0},
    {"invest*", "Investors reinvest in investment funds.", "Investors|investment", LEXICAL_WILDCARD, 0},
    {"reprot", "The report, the reports, the resort.", "report|reports", LEXICAL_FUZZY, 1},
    {"v[0-9]+", "v2 and v31 but not vx", "v2|v31", LEXICAL_REGEX, 0},
    {"[", "nothing [ here", "", LEXICAL_REGEX, 0},
    {"request", "Call parseHTTPRequest2 at once.", "Request", LEXICAL_WORDS, 0},
    {"foo bar", "FooBar foo bar", "foo|bar", LEXICAL_PHRASE, 0},
    {"C++", "C and C++", "C|C++", LEXICAL_WORDS, 0},
    {"report_final.pdf", "see report_final.pdf", "report_final.pdf", LEXICAL_WORDS, 0},
};

static void what_was_found_is_marked(void **state)
{
    lexical_params params;
    synonyms *own;
    (void)state;

    lexical_params_default(&params);
    assert_int_equal(synonyms_parse(&own, rules, strlen(rules), "rules", NULL), CAIRN_OK);
    params.synonyms = own;
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        lexical_clause c = {.kind = marked[i].kind,
                            .text = marked[i].typed,
                            .len = strlen(marked[i].typed),
                            .edits = marked[i].edits};
        lexical_query q = {.clauses = &c, .n = 1};
        lexical_range r[16];
        char got[256] = "";
        size_t n;
        assert_int_equal(lexical_highlight(NULL, &q, &params, "en", marked[i].text,
                                           strlen(marked[i].text), r, 16, &n, NULL),
                         CAIRN_OK);
        for (size_t j = 0; j < n; j++) {
            strcat(got, j ? "|" : "");
            strncat(got, marked[i].text + r[j].start, r[j].end - r[j].start);
        }
        if (strcmp(got, marked[i].marks))
            fail_msg("%s marks %s, not %s", marked[i].typed, got, marked[i].marks);
    }
    synonyms_destroy(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synonyms_widen_a_search),
        cmocka_unit_test(stop_words_do_not_score),
        cmocka_unit_test(what_was_found_is_marked),
        cmocka_unit_test(random_rules_agree_with_the_plain_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

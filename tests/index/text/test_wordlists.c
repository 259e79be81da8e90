/* test_wordlists.c - stop words and synonyms from files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/text/wordlists.h"

static const char file[] = "\xEF\xBB\xBF# vehicles\n"
                           "car, Automobile,  motor car\n"
                           "\n"
                           "colour => color, hue\r\n"
                           "u s a, usa => united states of america, usa\n"
                           "a\\, b => c\n"
                           "car, auto\n"
                           "Stra\xC3\x9F"
                           "e, Weg\n";

static const struct {
    const char *words[6];
    size_t covered;
    const char *phrases; /* joined by | */
    bool keep;
    uint32_t line;
} found[] = {
    {{"car"}, 1, "Automobile|motor car|auto", true, 2},
    {{"automobile", "club"}, 1, "car|motor car", true, 2},
    {{"motor", "car"}, 2, "car|Automobile", true, 2},
    {{"motor"}, 0, "", false, 0},
    {{"motor", "cars"}, 0, "", false, 0},
    {{"colour"}, 1, "color|hue", false, 4},
    {{"color"}, 0, "", false, 0},
    {{"usa"}, 1, "united states of america", true, 5},
    {{"u", "s", "a", "b"}, 3, "united states of america|usa", false, 5},
    {{"a", "b"}, 2, "c", false, 6},
    {{"strasse"}, 1, "Weg", true, 8},
};

static void synonyms_are_found(void **state)
{
    synonyms *s;
    cairn_error err = {0};
    (void)state;

    if (synonyms_parse(&s, file, strlen(file), "syn.txt", &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        synonym_match m;
        size_t n = 0;
        char all[256] = "";
        const char *p;
        while (found[i].words[n])
            n++;
        if (!synonyms_find(s, found[i].words, n, &m)) {
            assert_int_equal(found[i].covered, 0);
            continue;
        }
        assert_int_equal(m.n_words, found[i].covered);
        p = m.phrases;
        for (size_t j = 0; j < m.n; j++, p += strlen(p) + 1) {
            strcat(all, j ? "|" : "");
            strcat(all, p);
        }
        assert_string_equal(all, found[i].phrases);
        assert_int_equal(m.keep, found[i].keep);
        assert_int_equal(m.line, found[i].line);
    }
    synonyms_destroy(s);
}

static const struct {
    const char *text, *says;
} refused[] = {
    {"a, b\nalone\n", "syn.txt, line 2: a word alone"},
    {"a, , b\n", "line 1: an empty place"},
    {"a => b => c\n", "line 1: a second =>"},
    {"=> b\n", "line 1: an empty place"},
    {"a =>\n", "line 1: an empty place"},
    {"# fine\n\na b c d e f g h i, z\n", "line 3: a phrase of more than 8 words"},
    {"..., a\n", "line 1: a phrase without a word"},
    {"a, b\xFF\n", "line 1: broken UTF-8"},
};

/* A word that is its own and only synonym: a rule without a right side. */
static void a_word_beside_itself_changes_nothing(void **state)
{
    const char *words[] = {"z"};
    synonym_match m;
    synonyms *s;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(synonyms_parse(&s, "z,z\n", 4, "syn.txt", &err), CAIRN_OK);
    if (synonyms_find(s, words, 1, &m))
        assert_true(m.n == 0);
    synonyms_destroy(s);
}

static void bad_rules_name_file_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        synonyms *s;
        cairn_error err = {0};
        assert_int_equal(
            synonyms_parse(&s, refused[i].text, strlen(refused[i].text), "syn.txt", &err),
            CAIRN_EUSAGE);
        assert_null(s);
        if (!strstr(err.text, refused[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, refused[i].says);
    }
    synonyms *s;
    assert_int_equal(synonyms_parse(&s, "a\0b", 3, "x", NULL), CAIRN_EUSAGE);
    assert_int_equal(synonyms_parse(&s, "", 0, "x", NULL), CAIRN_OK);
    synonym_match m;
    assert_false(synonyms_find(s, (const char *const[]){"a"}, 1, &m));
    synonyms_destroy(s);
}

static void stop_words_are_found(void **state)
{
    static const char text[] = "# mine\nFoo\n  \xC3\x84pfel \n-the\n";
    stop_list *l;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(stop_list_parse(&l, text, strlen(text), "stop.txt", NULL), CAIRN_OK);
    assert_int_equal(stop_list_find(l, "foo", 3), STOP_YES);
    assert_int_equal(stop_list_find(l, "fo", 2), STOP_UNSAID);
    assert_int_equal(stop_list_find(l, "fooo", 4), STOP_UNSAID);
    assert_int_equal(stop_list_find(l, "\xC3\xA4pfel", 6), STOP_YES);
    assert_int_equal(stop_list_find(l, "the", 3), STOP_NO);
    assert_int_equal(stop_list_find(l, "a", 1), STOP_UNSAID);
    stop_list_destroy(l);
    assert_int_equal(stop_list_parse(&l, "a\nb c\n", 6, "stop.txt", &err), CAIRN_EUSAGE);
    assert_non_null(strstr(err.text, "stop.txt, line 2: one word a line"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synonyms_are_found),
        cmocka_unit_test(a_word_beside_itself_changes_nothing),
        cmocka_unit_test(bad_rules_name_file_and_line),
        cmocka_unit_test(stop_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

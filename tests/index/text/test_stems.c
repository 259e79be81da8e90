/* test_stems.c - the stems of 28 languages against PyStemmer's, on words of real texts: golden/stems.tsv
 * (golden/make_stems.py says how it was made). PyStemmer brings Snowball 3, the library that is
 * linked may be 2: where the algorithms were changed in between, some words differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "index/text/analyzer.h"
#include "index/text/fold.h"

typedef struct tally {
    char lang[4];
    size_t words, same;
} tally;

/* What an index makes of PyStemmer's stem: accents are taken off the letters where we do so. */
static bool is_same(analyzer *a, const char *lang, const char *word, const char *stem)
{
    const analyzer_token *t;
    char folded[FOLD_MAX];
    size_t n, len = fold_marks(stem, strlen(stem), folded);

    assert_int_equal(analyzer_run(a, lang, word, strlen(word), &t, &n, NULL), CAIRN_OK);
    return n == 1 && t[0].len == len && !memcmp(t[0].term, folded, len);
}

/* Languages whose algorithm Snowball 3 changed, and how many of their sixty words may differ. */
static size_t may_differ(const char *lang)
{
    static const struct {
        char lang[4];
        size_t words;
    } changed[] = {{"de", 3}, {"en", 1}, {"ro", 1}, {"sv", 2}};
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++)
        if (!strcmp(changed[i].lang, lang))
            return changed[i].words;
    return 0;
}

static void stems_are_snowballs(void **state)
{
    static tally all[64];
    static const char path[] = CAIRN_SOURCE_DIR "/tests/index/text/golden/stems.tsv";
    char line[512];
    size_t n = 0;
    analyzer *a;
    FILE *f;
    (void)state;

    f = fopen(path, "r");
    if (!f)
        fail_msg("cannot read %s", path);
    assert_int_equal(analyzer_create(&a, NULL), CAIRN_OK);
    while (fgets(line, sizeof line, f)) {
        char *save, *lang = strtok_r(line, "\t", &save), *word = strtok_r(NULL, "\t", &save);
        char *stem = strtok_r(NULL, "\t\n", &save);
        assert_non_null(stem);
        assert_true(analyzer_has_stemmer(lang));
        if (!n || strcmp(all[n - 1].lang, lang))
            snprintf(all[n++].lang, sizeof all->lang, "%s", lang);
        all[n - 1].words++;
        if (is_same(a, lang, word, stem))
            all[n - 1].same++;
    }
    fclose(f);
    analyzer_destroy(a);
    assert_true(n >= 25);
    for (size_t i = 0; i < n; i++)
        print_message("%s %zu/%zu ", all[i].lang, all[i].same, all[i].words);
    print_message("\n");
    for (size_t i = 0; i < n; i++)
        if (all[i].words - all[i].same > may_differ(all[i].lang))
            fail_msg("%s: %zu of %zu words have another stem", all[i].lang,
                     all[i].words - all[i].same, all[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stems_are_snowballs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

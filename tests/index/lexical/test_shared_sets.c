/* test_shared_sets.c - the fast search and its exhaustive twin on real collections and questions,
 * where the evaluation data lies beside the repository. */
#include "tests/index/lexical/corpus.h"

#include <jansson.h>

static const char *const sets[][2] = {
    {"cranfield", "en"}, {"scifact", "en"},  {"hotpotqa-100", "en"},
    {"xquad-de", "de"},  {"xquad-ar", "ar"}, {"xquad-zh", "zh"},
};

#define K 100

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static FILE *open_in(const char *set, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/data/%s/%s", CAIRN_SHARED_DIR, set, name);
    return fopen(path, "r");
}

/* A set as `parts` segments. */
static void index_set(test_index *ix, size_t parts, const char *set, const char *lang)
{
    lexical_writer *w[3];
    FILE *f = open_in(set, "corpus.jsonl");
    char *line = NULL;
    size_t cap = 0, i = 0;

    for (size_t p = 0; p < parts; p++)
        assert_int_equal(lexical_writer_create(&w[p], NULL, NULL), CAIRN_OK);
    while (getline(&line, &cap, f) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        lexical_doc d = {.lang = lang};
        assert_non_null(o);
        d.field[LEXICAL_TITLE].text = text_of(o, "title");
        d.field[LEXICAL_PATH].text = text_of(o, "_id");
        d.field[LEXICAL_BODY].text = text_of(o, "text");
        for (size_t j = 0; j < LEXICAL_FIELDS; j++)
            d.field[j].len = d.field[j].text ? strlen(d.field[j].text) : 0;
        assert_int_equal(lexical_writer_add(w[i++ % parts], &d, NULL, NULL), CAIRN_OK);
        json_decref(o);
    }
    for (size_t p = 0; p < parts; p++) {
        section_sink sink;
        memset(&ix[p], 0, sizeof ix[p]);
        sink = memory_sink(&ix[p].sections);
        assert_int_equal(lexical_writer_finish(w[p], &sink, NULL), CAIRN_OK);
        lexical_writer_destroy(w[p]);
        index_open(&ix[p]);
    }
    free(line);
    fclose(f);
}

static void check_set(const char *set, const char *lang)
{
    static lexical_hit a[K], b[K];
    test_index ix[3];
    lexical_segment seg[3];
    analyzer *an;
    FILE *f = open_in(set, "queries.jsonl");
    char *line = NULL;
    size_t cap = 0, asked = 0;

    index_set(ix, 3, set, lang);
    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    for (size_t p = 0; p < 3; p++)
        seg[p] = (lexical_segment){ix[p].reader, NULL, NULL};
    while (getline(&line, &cap, f) > 0 && asked < 300) {
        json_t *o = json_loads(line, 0, NULL);
        const char *text = text_of(o, "text");
        lexical_clause c = {.text = text, .len = strlen(text)};
        lexical_query q = {&c, 1, asked % 2 ? lang : ""};
        size_t n, m, k = asked % 3 ? 10 : K;
        assert_int_equal(lexical_search(an, seg, 3, &q, NULL, k, a, &n, NULL), CAIRN_OK);
        assert_int_equal(lexical_search_exhaustive(an, seg, 3, &q, NULL, k, b, &m, NULL), CAIRN_OK);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++)
            if (a[i].segment != b[i].segment || a[i].row != b[i].row || a[i].score != b[i].score)
                fail_msg("%s: '%s' differs at rank %zu", set, text, i + 1);
        asked++;
        json_decref(o);
    }
    print_message("%s: %zu questions, the same hits\n", set, asked);
    free(line);
    fclose(f);
    analyzer_destroy(an);
    for (size_t p = 0; p < 3; p++)
        index_close(&ix[p]);
}

static void real_questions_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        FILE *f = open_in(sets[i][0], "queries.jsonl");
        if (!f) {
            print_message("no %s/data/%s: skipped\n", CAIRN_SHARED_DIR, sets[i][0]);
            skip();
        }
        fclose(f);
        check_set(sets[i][0], sets[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(real_questions_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

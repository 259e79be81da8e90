/* test_names.c - names of several words (mail addresses, URLs, file names, identifiers): found whole
 * and by their parts, first where they are written, and never by a neighbour's parts where a condition
 * asks for the whole. */
#include "tests/index/lexical/corpus.h"

static const char *const texts[] = {
    "write to Ada@Example.org, please",                       /* 0 */
    "an example of ada at the org",                           /* 1 */
    "bob@example.org asks ada",                               /* 2 */
    "read https://www.example.org/docs/page.html?x=1 again",  /* 3 */
    "see example.org for the docs page",                      /* 4 */
    "set max_open_files here",                                /* 5 */
    "max open files of the system",                           /* 6 */
    "call std::map::at, MAX_OPEN_FILES or maxOpenFiles",      /* 7 */
    "the file meeting-notes_v2.pdf is here",                  /* 8 */
    "notes v2 of the meeting as pdf",                         /* 9 */
};
#define TEXTS (sizeof texts / sizeof *texts)

static const struct {
    const char *typed;
    lexical_occur occur;
    lexical_kind kind;
    const char *rows;  /* found, ascending */
    const char *first; /* rows that come before all others, best first */
} asked[] = {
    {"ada@example.org", LEXICAL_SHOULD, LEXICAL_WORDS, "01234", "0"},
    {"ada@example.org", LEXICAL_MUST, LEXICAL_WORDS, "0", "0"},
    {"ADA@example.ORG", LEXICAL_MUST, LEXICAL_WORDS, "0", "0"},
    {"example.org", LEXICAL_MUST, LEXICAL_WORDS, "0234", ""},
    {"ada example", LEXICAL_MUST, LEXICAL_WORDS, "012", ""},
    {"eve@example.org", LEXICAL_MUST, LEXICAL_WORDS, "", ""}, /* in no text, so it is its words */
    {"org@ada", LEXICAL_MUST, LEXICAL_WORDS, "012", ""},
    {"http://example.org/docs/page.html?x=1", LEXICAL_MUST, LEXICAL_WORDS, "3", ""},
    {"www.example.org/docs/page.html?x=1", LEXICAL_SHOULD, LEXICAL_WORDS, "01234", "3"},
    {"max_open_files", LEXICAL_SHOULD, LEXICAL_WORDS, "5678", ""},
    {"max_open_files", LEXICAL_MUST, LEXICAL_WORDS, "57", ""},
    {"open files", LEXICAL_MUST, LEXICAL_WORDS, "567", ""},
    {"max open files", LEXICAL_SHOULD, LEXICAL_PHRASE, "567", ""},
    {"max_open_files here", LEXICAL_SHOULD, LEXICAL_PHRASE, "5", ""},
    {"to ada@example.org please", LEXICAL_SHOULD, LEXICAL_PHRASE, "0", ""},
    {"std::map::at", LEXICAL_MUST, LEXICAL_WORDS, "7", ""},
    {"meeting-notes_v2.pdf", LEXICAL_SHOULD, LEXICAL_WORDS, "89", "8"},
    {"meeting-notes_v2.pdf", LEXICAL_MUST, LEXICAL_WORDS, "8", ""},
    {"*@example.org", LEXICAL_SHOULD, LEXICAL_WILDCARD, "02", ""},
    {"max_op*", LEXICAL_SHOULD, LEXICAL_WILDCARD, "57", ""},
    {"ada@exmaple.org", LEXICAL_SHOULD, LEXICAL_FUZZY, "0", ""},
    {"[a-z]+@example\\.org", LEXICAL_SHOULD, LEXICAL_REGEX, "02", ""},
};

static void index_by_turns(test_index *ix)
{
    lexical_writer *w;
    section_sink sink = memory_sink(&ix->sections);

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i < TEXTS; i++) {
        lexical_doc d = {.lang = i % 2 ? "en" : ""};
        d.field[LEXICAL_BODY].text = texts[i];
        d.field[LEXICAL_BODY].len = strlen(texts[i]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(ix);
}

/* The rows found, ascending, as digits. */
static void find(const test_index *ix, const lexical_query *q, lexical_hit hits[TEXTS],
                 char got[TEXTS + 1])
{
    lexical_segment seg = {ix->reader, NULL, NULL};
    lexical_params params;
    lexical_hit plain[TEXTS];
    size_t n, m, len = 0;

    lexical_params_default(&params);
    params.proximity = 0.25f;
    assert_int_equal(lexical_search(NULL, &seg, 1, q, &params, TEXTS, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(lexical_search_exhaustive(NULL, &seg, 1, q, &params, TEXTS, plain, &m, NULL),
                     CAIRN_OK);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hits[i].row, plain[i].row);
    for (uint32_t row = 0; row < TEXTS; row++)
        for (size_t i = 0; i < n; i++)
            if (hits[i].row == row)
                got[len++] = (char)('0' + row);
    got[len] = 0;
}

static void names_are_found_whole_and_by_parts(void **state)
{
    test_index ix;
    (void)state;

    index_by_turns(&ix);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        lexical_clause c = {.occur = asked[i].occur,
                            .kind = asked[i].kind,
                            .text = asked[i].typed,
                            .len = strlen(asked[i].typed),
                            .edits = 2};
        lexical_hit hits[TEXTS];
        char got[TEXTS + 1];
        find(&ix, &(lexical_query){.clauses = &c, .n = 1}, hits, got);
        if (strcmp(got, asked[i].rows))
            fail_msg("%s: rows %s, not %s", asked[i].typed, got, asked[i].rows);
        for (size_t j = 0; asked[i].first[j]; j++)
            assert_int_equal(hits[j].row, asked[i].first[j] - '0');
    }
    index_close(&ix);
}

/* What excludes a name excludes it alone; one that nobody wrote excludes by its words, as ever. */
static void a_name_is_excluded_alone(void **state)
{
    static const struct {
        const char *without, *rows;
    } excluded[] = {
        {"ada@example.org", "1234"}, {"max_open_files", "01234"}, {"example.org", "1"},
        {"http://www.example.org/docs/page.html?x=1", "0124"}, {"eve@nowhere.net", "01234"},
    };
    test_index ix;
    (void)state;

    index_by_turns(&ix);
    for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++) {
        lexical_clause c[] = {{.kind = LEXICAL_WORDS, .text = "ada example", .len = 11},
                              {.occur = LEXICAL_MUST_NOT,
                               .kind = LEXICAL_WORDS,
                               .text = excluded[i].without,
                               .len = strlen(excluded[i].without)}};
        lexical_hit hits[TEXTS];
        char got[TEXTS + 1];
        find(&ix, &(lexical_query){.clauses = c, .n = 2}, hits, got);
        if (strcmp(got, excluded[i].rows))
            fail_msg("without %s: rows %s, not %s", excluded[i].without, got, excluded[i].rows);
    }
    index_close(&ix);
}

/* A mark reaches over the whole name where the whole was asked for. */
static void a_name_is_marked_whole(void **state)
{
    static const struct {
        const char *typed, *text, *mark;
        lexical_kind kind;
    } marked[] = {
        {"ada@example.org", "to <ada@example.org>.", "ada@example.org", LEXICAL_WORDS},
        {"*@example.org", "to <ada@example.org>.", "ada@example.org", LEXICAL_WILDCARD},
        {"open", "max_open_files", "open", LEXICAL_WORDS},
    };
    (void)state;

    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        lexical_clause c = {
            .kind = marked[i].kind, .text = marked[i].typed, .len = strlen(marked[i].typed)};
        lexical_query q = {.clauses = &c, .n = 1};
        lexical_range range[4];
        size_t n;
        assert_int_equal(lexical_highlight(NULL, &q, NULL, "en", marked[i].text,
                                           strlen(marked[i].text), range, 4, &n, NULL),
                         CAIRN_OK);
        assert_int_equal(n, 1);
        assert_int_equal(range[0].end - range[0].start, strlen(marked[i].mark));
        assert_memory_equal(marked[i].text + range[0].start, marked[i].mark, strlen(marked[i].mark));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_whole_and_by_parts),
        cmocka_unit_test(a_name_is_excluded_alone),
        cmocka_unit_test(a_name_is_marked_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

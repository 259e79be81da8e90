/* test_search.c - the fast search against its exhaustive twin, and what merging must not change. */
#include "tests/index/lexical/corpus.h"

#include <math.h>

#define ROWS_MOST 6000

static void same_hits(const lexical_hit *a, size_t n, const lexical_hit *b, size_t m,
                      const question *q)
{
    bool same = n == m;
    for (size_t i = 0; i < n && same; i++)
        same = a[i].segment == b[i].segment && a[i].row == b[i].row && a[i].score == b[i].score;
    if (same)
        return;
    for (size_t i = 0; i < q->query.n; i++)
        print_message("occur %d kind %d mask %x boost %g: %s\n", q->clause[i].occur,
                      q->clause[i].kind, q->clause[i].field_mask, (double)q->clause[i].boost,
                      q->clause[i].text);
    for (size_t i = 0; i < n || i < m; i++)
        print_message("%zu: %u/%u %.9g  %u/%u %.9g\n", i, i < n ? a[i].segment : 0,
                      i < n ? a[i].row : 0, i < n ? (double)a[i].score : 0,
                      i < m ? b[i].segment : 0, i < m ? b[i].row : 0,
                      i < m ? (double)b[i].score : 0);
    fail_msg("%zu hits against %zu", n, m);
}

static uint64_t *random_set(random_state *r, uint32_t rows, size_t one_in)
{
    uint64_t *set = calloc(row_set_words(rows) + 1, 8);
    for (uint32_t i = 0; i < rows; i++)
        if (!random_below(r, one_in))
            set[i >> 6] |= 1ull << (i & 63);
    return set;
}

static void random_params(random_state *r, lexical_params *p)
{
    lexical_params_default(p);
    if (random_below(r, 2))
        return;
    p->k1 = (float)random_below(r, 30) / 10;
    for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
        p->b[f] = (float)random_below(r, 11) / 10;
        p->weight[f] = (float)random_below(r, 50) / 10;
    }
    p->keep_stop_words = random_below(r, 2);
    p->proximity = random_below(r, 2) ? (float)random_below(r, 40) / 10 : 0;
    p->proximity_depth = random_below(r, 3) ? random_below(r, 200) : 20000;
}

static void fast_equals_exhaustive(void **state)
{
    static const size_t ks[] = {1, 10, 100, ROWS_MOST};
    static lexical_hit a[ROWS_MOST * 3], b[ROWS_MOST * 3];
    random_state r = random_seeded();
    analyzer *an;
    (void)state;

    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    for (size_t round = 0; round < 8; round++) {
        size_t vocabulary = round % 2 ? 60 : 3000, n_segments = 1 + random_below(&r, 3);
        test_index ix[3];
        lexical_segment seg[3];
        for (size_t s = 0; s < n_segments; s++) {
            uint32_t rows = (uint32_t)random_below(&r, round < 2 ? 300 : ROWS_MOST);
            index_random(&ix[s], &r, rows, vocabulary, round % 3 == 0);
            seg[s] = (lexical_segment){ix[s].reader, NULL, NULL};
            if (random_below(&r, 2))
                seg[s].deleted = random_set(&r, rows, 5);
            if (!random_below(&r, 3))
                seg[s].allowed = random_set(&r, rows, random_below(&r, 2) ? 2 : 30);
        }
        for (size_t i = 0; i < 150; i++) {
            question q;
            lexical_params p;
            size_t n, m, k = ks[random_below(&r, 4)];
            cairn_error err = {0};
            question_random(&q, &r, vocabulary, i % 3 == 0);
            random_params(&r, &p);
            if (lexical_search(an, seg, n_segments, &q.query, &p, k, a, &n, &err))
                fail_msg("search: %s", err.text);
            if (lexical_search_exhaustive(an, seg, n_segments, &q.query, &p, k, b, &m, &err))
                fail_msg("exhaustive: %s", err.text);
            same_hits(a, n, b, m, &q);
        }
        for (size_t s = 0; s < n_segments; s++) {
            free((void *)seg[s].deleted);
            free((void *)seg[s].allowed);
            index_close(&ix[s]);
        }
    }
    analyzer_destroy(an);
}

/* Rows of the parts, numbered as a merge numbers them. */
static uint32_t merged_row(const lexical_segment *seg, uint32_t segment, uint32_t row)
{
    uint32_t at = 0;
    for (uint32_t s = 0; s <= segment; s++)
        for (uint32_t i = 0; i < (s < segment ? lexical_reader_rows(seg[s].reader) : row); i++)
            at += !seg[s].deleted || !row_set_has(seg[s].deleted, i);
    return at;
}

static void merge_keeps_the_ranking(void **state)
{
    static lexical_hit a[200], b[200];
    random_state r = random_seeded();
    (void)state;

    for (size_t round = 0; round < 4; round++) {
        bool deletions = round % 2;
        test_index ix[3], one = {0}, again = {0};
        lexical_segment seg[3];
        lexical_merge_input in[3];
        section_sink sink;
        cairn_error err = {0};
        for (size_t s = 0; s < 3; s++) {
            uint32_t rows = (uint32_t)random_below(&r, 1500);
            index_random(&ix[s], &r, rows, 800, false);
            seg[s] =
                (lexical_segment){ix[s].reader, deletions ? random_set(&r, rows, 4) : NULL, NULL};
            in[s] = (lexical_merge_input){ix[s].reader, seg[s].deleted};
        }
        sink = memory_sink(&one.sections);
        if (lexical_merge(in, 3, &sink, &err))
            fail_msg("merge: %s", err.text);
        index_open(&one);
        if (!deletions) {
            lexical_segment whole = {one.reader, NULL, NULL};
            for (size_t f = 0; f < LEXICAL_FIELDS; f++) {
                uint64_t sum = 0;
                for (size_t s = 0; s < 3; s++)
                    sum += lexical_reader_total_length(seg[s].reader, (lexical_field)f);
                assert_int_equal(sum, lexical_reader_total_length(one.reader, (lexical_field)f));
            }
            for (size_t i = 0; i < 100; i++) {
                question q;
                size_t n, m;
                question_random(&q, &r, 800, i % 2);
                assert_int_equal(lexical_search(NULL, seg, 3, &q.query, NULL, 200, a, &n, &err),
                                 CAIRN_OK);
                assert_int_equal(lexical_search(NULL, &whole, 1, &q.query, NULL, 200, b, &m, &err),
                                 CAIRN_OK);
                for (size_t j = 0; j < n; j++) {
                    a[j].row = merged_row(seg, a[j].segment, a[j].row);
                    a[j].segment = 0;
                }
                same_hits(a, n, b, m, &q);
            }
        } else {
            /* Dropping the rows while merging is dropping them after it. */
            test_index all = {0};
            lexical_merge_input keep[3], drop;
            uint32_t rows = 0, to = 0;
            uint64_t *deleted;
            for (size_t s = 0; s < 3; s++) {
                keep[s] = (lexical_merge_input){in[s].reader, NULL};
                rows += lexical_reader_rows(in[s].reader);
            }
            sink = memory_sink(&all.sections);
            assert_int_equal(lexical_merge(keep, 3, &sink, &err), CAIRN_OK);
            index_open(&all);
            deleted = calloc(row_set_words(rows) + 1, 8);
            for (size_t s = 0; s < 3; s++)
                for (uint32_t i = 0; i < lexical_reader_rows(in[s].reader); i++, to++)
                    if (row_set_has(in[s].deleted, i))
                        deleted[to >> 6] |= 1ull << (to & 63);
            drop = (lexical_merge_input){all.reader, deleted};
            sink = memory_sink(&again.sections);
            assert_int_equal(lexical_merge(&drop, 1, &sink, &err), CAIRN_OK);
            index_open(&again);
            for (size_t i = 0; i < again.sections.n; i++) {
                /* Languages may be met in another order; all else is the same bytes. */
                if (!strcmp(one.sections.name[i], "lex.meta") ||
                    !strcmp(one.sections.name[i], "lex.rows"))
                    continue;
                assert_int_equal(one.sections.len[i], again.sections.len[i]);
                if (strcmp(one.sections.name[i], "lex.post"))
                    assert_memory_equal(one.sections.data[i], again.sections.data[i],
                                        one.sections.len[i]);
            }
            index_close(&all);
            index_close(&again);
            free(deleted);
        }
        index_close(&one);
        for (size_t s = 0; s < 3; s++) {
            free((void *)seg[s].deleted);
            index_close(&ix[s]);
        }
    }
}

/* ---- small cases with answers known ---- */

static void index_titled(test_index *ix, const char *const (*rows)[2], size_t n)
{
    lexical_writer *w;
    section_sink sink;
    cairn_error err = {0};

    memset(ix, 0, sizeof *ix);
    assert_int_equal(lexical_writer_create(&w, NULL, &err), CAIRN_OK);
    for (size_t i = 0; i < n; i++) {
        lexical_doc d = {.lang = "en"};
        d.field[LEXICAL_TITLE].text = rows[i][0];
        d.field[LEXICAL_TITLE].len = strlen(rows[i][0]);
        d.field[LEXICAL_BODY].text = rows[i][1];
        d.field[LEXICAL_BODY].len = strlen(rows[i][1]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, &err), CAIRN_OK);
    }
    sink = memory_sink(&ix->sections);
    assert_int_equal(lexical_writer_finish(w, &sink, &err), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(ix);
}

static const char *const texts[][2] = {
    {"Invoices", "The invoice of March was paid late."},
    {"Travel", "New York is not York, and the new invoice is from New York."},
    {"", "York is old. A new cathedral stands in York."},
    {"New York", "A city."},
    {"Empty", ""},
    {"", "\xE5\xB0\x8F\xE7\x8C\xAB\xE5\x9C\xA8\xE5\xAE\xB6"},
};

static const struct {
    const char *name;
    lexical_clause clause[3];
    size_t n;
    const char *want; /* rows in ascending order */
} cases[] = {
    {"a word, any form", {{.text = "invoices"}}, 1, "0 1"},
    {"any of two", {{.text = "cathedral city"}}, 1, "2 3"},
    {"all of two", {{.text = "new invoice", .occur = LEXICAL_MUST}}, 1, "1"},
    {"phrase", {{.text = "New York", .kind = LEXICAL_PHRASE}}, 1, "1 3"},
    {"phrase in the body",
     {{.text = "new york", .kind = LEXICAL_PHRASE, .field_mask = 1u << LEXICAL_BODY}},
     1,
     "1"},
    {"title only", {{.text = "york", .field_mask = 1u << LEXICAL_TITLE}}, 1, "3"},
    {"path only", {{.text = "york", .field_mask = 1u << LEXICAL_PATH}}, 1, ""},
    {"without", {{.text = "york"}, {.text = "invoice", .occur = LEXICAL_MUST_NOT}}, 2, "2 3"},
    {"without a phrase",
     {{.text = "york"}, {.text = "new york", .kind = LEXICAL_PHRASE, .occur = LEXICAL_MUST_NOT}},
     2,
     "2"},
    {"only without", {{.text = "york", .occur = LEXICAL_MUST_NOT}}, 1, ""},
    {"must and should", {{.text = "york", .occur = LEXICAL_MUST}, {.text = "invoice"}}, 2, "1 2 3"},
    {"must that is nowhere", {{.text = "york"}, {.text = "zebra", .occur = LEXICAL_MUST}}, 2, ""},
    {"function words don't count", {{.text = "what is the cathedral"}}, 1, "2"},
    {"unless there is nothing else", {{.text = "the"}}, 1, "0 1"},
    {"function words count in a phrase",
     {{.text = "stands in York", .kind = LEXICAL_PHRASE}},
     1,
     "2"},
    {"one character of a run", {{.text = "\xE7\x8C\xAB"}}, 1, "5"},
    {"part of a run as a phrase",
     {{.text = "\xE7\x8C\xAB\xE5\x9C\xA8", .kind = LEXICAL_PHRASE}},
     1,
     "5"},
    {"the run the other way round",
     {{.text = "\xE5\x9C\xA8\xE7\x8C\xAB", .kind = LEXICAL_PHRASE}},
     1,
     ""},
    {"nothing", {{.text = " ... "}}, 1, ""},
};

static void questions_find_what_they_should(void **state)
{
    test_index ix;
    lexical_segment seg;
    (void)state;

    index_titled(&ix, texts, 6);
    seg = (lexical_segment){ix.reader, NULL, NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lexical_clause clause[3];
        lexical_query q = {clause, cases[i].n, "en"};
        lexical_hit hits[6];
        size_t n;
        bool found[6] = {false};
        char got[32] = "";
        memcpy(clause, cases[i].clause, sizeof clause);
        for (size_t j = 0; j < q.n; j++)
            clause[j].len = strlen(clause[j].text);
        assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 6, hits, &n, NULL), CAIRN_OK);
        for (size_t j = 0; j < n; j++)
            found[hits[j].row] = true;
        for (size_t j = 0; j < 6; j++)
            if (found[j])
                sprintf(got + strlen(got), "%s%zu", *got ? " " : "", j);
        if (strcmp(got, cases[i].want))
            fail_msg("%s: found '%s', not '%s'", cases[i].name, got, cases[i].want);
    }
    index_close(&ix);
}

static void score_is_bm25(void **state)
{
    test_index ix;
    lexical_segment seg;
    lexical_clause c = {.text = "cathedral", .len = 9};
    lexical_query q = {&c, 1, "en"};
    lexical_hit hit;
    double title = 1 + 1 + 0 + 2 + 1, body = 7 + 13 + 9 + 2 + 0;
    double average = (1.5 * title + body) / 5;
    double idf = log(1 + (5 - 1 + 0.5) / 1.5), norm = 1.2 * (0.25 + 0.75 * 9 / average);
    size_t n;
    (void)state;

    index_titled(&ix, texts, 5);
    seg = (lexical_segment){ix.reader, NULL, NULL};
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 1, &hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 1);
    assert_true(fabs((double)hit.score - idf / (1 + norm)) < 1e-6);
    index_close(&ix);
}

static void bad_requests_are_refused(void **state)
{
    test_index ix;
    lexical_segment seg;
    lexical_clause c = {.text = "york", .len = 4};
    lexical_query q = {&c, 1, ""};
    lexical_params p;
    lexical_hit hit;
    size_t n;
    (void)state;

    index_titled(&ix, texts, 5);
    seg = (lexical_segment){ix.reader, NULL, NULL};
    lexical_params_default(&p);
    p.k1 = NAN;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &p, 1, &hit, &n, NULL), CAIRN_EUSAGE);
    lexical_params_default(&p);
    p.b[LEXICAL_BODY] = 2;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, &p, 1, &hit, &n, NULL), CAIRN_EUSAGE);
    c.boost = INFINITY;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 1, &hit, &n, NULL), CAIRN_EUSAGE);
    c.boost = 0;
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 0, &hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 0);
    assert_int_equal(lexical_search(NULL, &seg, 0, &q, NULL, 1, &hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 0);
    index_close(&ix);
}

static void highlights_mark_words_and_phrases(void **state)
{
    static const char text[] =
        "New York is new; the invoices of York. \xE9\xBB\x91\xE8\xB1\xB9\xE9\x98\x9F "
        "\xE9\x98\x9F";
    lexical_clause c[] = {{.text = "new york", .len = 8, .kind = LEXICAL_PHRASE},
                          {.text = "the invoice", .len = 11},
                          {.text = "\xE9\xBB\x91\xE8\xB1\xB9\xE9\x98\x9F", .len = 9},
                          {.text = "is", .len = 2, .occur = LEXICAL_MUST_NOT}};
    static const char *const want[] = {"New", "York", "invoices",
                                       "\xE9\xBB\x91\xE8\xB1\xB9\xE9\x98\x9F"};
    lexical_query q = {c, 4, "en"};
    lexical_range r[10];
    size_t n;
    (void)state;

    assert_int_equal(lexical_highlight(NULL, &q, NULL, "en", text, strlen(text), r, 10, &n, NULL),
                     CAIRN_OK);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r[i].end - r[i].start, strlen(want[i]));
        assert_memory_equal(text + r[i].start, want[i], strlen(want[i]));
    }
}

static void stems_of_all_languages_are_one_word(void **state)
{
    static const char *const rows[][2] = {{"en", "running shoes"}, {"de", "running Schuhe"}};
    lexical_writer *w;
    test_index ix = {0};
    section_sink sink = memory_sink(&ix.sections);
    lexical_clause c = {.text = "running", .len = 7};
    lexical_query q = {&c, 1, ""};
    lexical_segment seg;
    lexical_hit hits[2];
    uint32_t n_rows;
    size_t n;
    (void)state;

    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i < 2; i++) {
        lexical_doc d = {.lang = rows[i][0]};
        d.field[LEXICAL_BODY].text = rows[i][1];
        d.field[LEXICAL_BODY].len = strlen(rows[i][1]);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(&ix);
    seg = (lexical_segment){ix.reader, NULL, NULL};
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 2, hits, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 2);
    assert_true(hits[0].score == hits[1].score);
    assert_int_equal(lexical_reader_language_count(ix.reader), 2);
    assert_string_equal(lexical_reader_language(ix.reader, 0, &n_rows), "en");
    assert_int_equal(n_rows, 1);
    index_close(&ix);
}

/* A collection may hold every language that has a stemmer, the rarest found by its stem, too. */
static void rare_languages_are_stemmed_beside_many(void **state)
{
    static const char *const langs[] = {"ar", "ca", "da", "de", "el", "en", "es", "eu", "fi", "fr",
                                        "ga", "hi", "hu", "hy", "id", "it", "lt", "ne", "nl", "no",
                                        "pt", "ro", "sr", "sv", "ta", "tr", "yi", "zh", "ja", "th"};
    lexical_writer *w;
    test_index ix = {0};
    section_sink sink = memory_sink(&ix.sections);
    lexical_clause c = {.text = "яблоко", .len = strlen("яблоко")};
    lexical_query q = {&c, 1, ""};
    lexical_hit hit;
    size_t n;
    (void)state;

    assert_int_equal(lexical_writer_create(&w, NULL, NULL), CAIRN_OK);
    for (size_t i = 0; i <= 2 * sizeof langs / sizeof *langs; i++) {
        bool last = i == 2 * sizeof langs / sizeof *langs;
        const char *text = last ? "яблоки" : "0";
        lexical_doc d = {.lang = last ? "ru" : langs[i / 2]};
        d.field[LEXICAL_BODY].text = text;
        d.field[LEXICAL_BODY].len = strlen(text);
        assert_int_equal(lexical_writer_add(w, &d, NULL, NULL), CAIRN_OK);
    }
    assert_int_equal(lexical_writer_finish(w, &sink, NULL), CAIRN_OK);
    lexical_writer_destroy(w);
    index_open(&ix);
    lexical_segment seg = {ix.reader, NULL, NULL};
    assert_int_equal(lexical_search(NULL, &seg, 1, &q, NULL, 1, &hit, &n, NULL), CAIRN_OK);
    assert_int_equal(n, 1);
    assert_int_equal(hit.row, 2 * sizeof langs / sizeof *langs);
    index_close(&ix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_find_what_they_should),
        cmocka_unit_test(score_is_bm25),
        cmocka_unit_test(stems_of_all_languages_are_one_word),
        cmocka_unit_test(rare_languages_are_stemmed_beside_many),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(highlights_mark_words_and_phrases),
        cmocka_unit_test(fast_equals_exhaustive),
        cmocka_unit_test(merge_keeps_the_ranking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

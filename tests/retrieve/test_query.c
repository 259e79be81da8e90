/* test_query.c - the query language: a table of texts and what they are read as, then noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "retrieve/query.h"

/* Everything a query was read as, on one line. */
static void describe(const retrieve_query *q, bytes *out)
{
    static const char *const occurs[] = {"?", "+", "-"};
    static const char *const names[] = {"uri", "title", "ext", "lang", "mime", "author", "tag", "date"};
    static const char *const ops[] = {"=", "^", "~", "w", "*", "/", ".."};

    bytes_reset(out);
    for (size_t i = 0; i < q->n_clauses; i++) {
        const lexical_clause *c = &q->clauses[i];
        bytes_printf(out, "%s%s%s%.*s%s ", occurs[c->occur],
                     c->field_mask == 1u << LEXICAL_TITLE ? "title:" : "",
                     c->kind == LEXICAL_PHRASE ? "\"" : "(", (int)c->len, c->text,
                     c->kind == LEXICAL_PHRASE ? "\"" : ")");
    }
    bytes_printf(out, "|");
    for (size_t i = 0; i < q->filter.n; i++) {
        const filter_predicate *p = &q->filter.predicates[i];
        bytes_printf(out, " %s%s%s", p->negated ? "!" : "", names[p->field], ops[p->op]);
        for (size_t v = 0; v < p->n_values; v++)
            if (p->op == FILTER_RANGE)
                bytes_printf(out, "%s%lld:%lld", v ? "," : "",
                             p->values[v].lo_ns == INT64_MIN ? -1LL
                             : (long long)(p->values[v].lo_ns / 86400000000000),
                             p->values[v].hi_ns == INT64_MAX ? -1LL
                             : (long long)(p->values[v].hi_ns / 86400000000000));
            else
                bytes_printf(out, "%s%s", v ? "," : "", p->values[v].text);
    }
    bytes_printf(out, " | %.*s", (int)q->text_len, q->text);
    if (q->note)
        bytes_printf(out, " #");
}

static const struct {
    const char *typed, *filter, *want;
} cases[] = {
    {"", NULL, "| | "},
    {"annual budget", NULL, "?(annual budget) | | annual budget"},
    {"  annual\t budget\n", NULL, "?(annual budget) | | annual budget"},
    {"\"annual report\" budget", NULL, "+\"annual report\" ?(budget) | | annual report budget"},
    {"budget -draft", NULL, "-(draft) ?(budget) | | budget"},
    {"budget -\"first draft\"", NULL, "-\"first draft\" ?(budget) | | budget"},
    {"-5 degrees co-op - x", NULL, "?(-5 degrees co-op x) | | -5 degrees co-op x"},
    {"what is C++ -- really?", NULL, "?(what is C++ really?) | | what is C++ really?"},
    {"plan ext:pdf", NULL, "?(plan) | ext=pdf | plan"},
    {"plan EXT:.pdf,md -lang:de", NULL, "?(plan) | ext=pdf,md !lang=de | plan"},
    {"dir:\"a b\" x", NULL, "?(x) | uri/a b | x"},
    {"dir:/home/eva/notes", NULL, "| uri//home/eva/notes | "},
    {"path:report path:*.txt", NULL, "| uri~report uri**.txt | "},
    {"from:x@y.org author:\"Eva M\" tag:t,\"u v\" type:text/", NULL,
     "| author~x@y.org author~Eva M tag=t,u v mime^text/ | "},
    {"title:plan costs", NULL, "?title:(plan) ?(costs) | titlewplan | plan costs"},
    {"-title:plan costs", NULL, "?(costs) | !titlewplan | costs"},
    {"date:1970", NULL, "| date..0:365 | "},
    {"date:1970-02", NULL, "| date..31:59 | "},
    {"date:2024-02-29", NULL, "| date..19782:19783 | "},
    {"date:1970-01-02/1970-01-05", NULL, "| date..1:5 | "},
    {"date:1970-01-02..1970-01", NULL, "| date..1:31 | "},
    {"date:1970-12", NULL, "| date..334:365 | "},
    {"date:1971/ -date:/1970-01-01", NULL, "| date..365:-1 !date..-1:1 | "},
    {"date:1969-12-31", NULL, "| date..-1:0 | "},
    {"date:2023-02-29 x", NULL, "?(date:2023-02-29 x) | | date:2023-02-29 x #"},
    {"date:1971/1970 date:/ date:tomorrow", NULL,
     "?(date:1971/1970 date:/ date:tomorrow) | | date:1971/1970 date:/ date:tomorrow #"},
    {"ext: pdf", NULL, "?(ext: pdf) | | ext: pdf"},
    {"http://x.org/a note:b", NULL, "?(http://x.org/a note:b) | | http://x.org/a note:b"},
    {"\"never closed", NULL, "?(never closed) | | never closed #"},
    {"ext:\"pdf x", NULL, "?(ext:\"pdf x) | | ext:\"pdf x"},
    {"\"\" \"-\" x", NULL, "?(x) | | x"},
    {"\xE2\x80\x9Esehr gut\xE2\x80\x9C x", NULL, "+\"sehr gut\" ?(x) | | sehr gut x"},
    {"\xE6\x9D\xB1\xE4\xBA\xAC\xE3\x80\x80-\xE5\xA4\xA7\xE9\x98\xAA", NULL,
     "-(\xE5\xA4\xA7\xE9\x98\xAA) ?(\xE6\x9D\xB1\xE4\xBA\xAC) | | \xE6\x9D\xB1\xE4\xBA\xAC"},
    {"x", "ext:pdf -tag:old", "?(x) | ext=pdf !tag=old | x"},
    {"x", "", "?(x) | | x"},
    {"x", "stray \"words\" title:t", "?(x) | titlewt | x #"},
    {"a\xff\xfe b", NULL, "?(a\xEF\xBF\xBD\xEF\xBF\xBD b) | | a\xEF\xBF\xBD\xEF\xBF\xBD b"},
};

static void texts_are_read_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a;
        retrieve_query q;
        cairn_error err = {0};
        bytes got;
        arena_init(&a, 1 << 20);
        bytes_init(&got, 1 << 16);
        assert_int_equal(retrieve_query_parse(&q, cases[i].typed, cases[i].filter, &a, &err), 0);
        describe(&q, &got);
        if (strcmp(got.data, cases[i].want))
            fail_msg("'%s': got  %s\n want %s", cases[i].typed, got.data, cases[i].want);
        bool required = false, excluded = false;
        for (size_t c = 0; c < q.n_clauses; c++) {
            required |= q.clauses[c].occur == LEXICAL_MUST;
            excluded |= q.clauses[c].occur == LEXICAL_MUST_NOT;
        }
        assert_int_equal(q.has_required, required);
        assert_int_equal(q.has_excluded, excluded);
        bytes_clear(&got);
        arena_clear(&a);
    }
}

static void any_bytes_are_a_query(void **state)
{
    static const char *const parts[] = {"\"", "-", "ext:", "date:", "2025-09", "/", ",", " ", "x",
                                        "title:", "\xff", "..", "\xE2\x80\x9C", "dir:", "word", ":"};
    const char *seed_text = getenv("CAIRN_SEED");
    unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : 4711;

    (void)state;
    print_message("CAIRN_SEED=%u\n", seed);
    srand(seed);
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        arena a;
        retrieve_query q;
        cairn_error err = {0};
        for (int n = rand() % 20; n > 0; n--)
            strcat(text, parts[(size_t)rand() % (sizeof parts / sizeof *parts)]);
        arena_init(&a, 1 << 20);
        assert_int_equal(retrieve_query_parse(&q, text, round % 2 ? text : NULL, &a, &err), 0);
        for (size_t i = 0; i < q.n_clauses; i++)
            assert_true(q.clauses[i].len > 0);
        for (size_t i = 0; i < q.filter.n; i++)
            assert_true(q.filter.predicates[i].n_values > 0);
        arena_clear(&a);
    }
}

static void long_queries_are_bounded(void **state)
{
    size_t n = 300000;
    char *text = malloc(n + 1);
    arena a;
    retrieve_query q;
    cairn_error err = {0};

    (void)state;
    for (size_t i = 0; i < n; i++)
        text[i] = "-a "[i % 3];
    text[n] = '\0';
    arena_init(&a, 4 << 20);
    assert_int_equal(retrieve_query_parse(&q, text, NULL, &a, &err), 0);
    assert_true(q.n_clauses <= RETRIEVE_QUERY_MAX_TERMS + 1);
    assert_true(q.text_len <= RETRIEVE_QUERY_MAX_BYTES);
    assert_non_null(q.note);
    arena_clear(&a);
    arena_init(&a, 1000); /* too small an arena is an error, not a crash */
    assert_int_equal(retrieve_query_parse(&q, text, NULL, &a, &err), CAIRN_ENOMEM);
    arena_clear(&a);
    free(text);
}

static void plain_text_has_no_operators(void **state)
{
    static const char text[] = "What of \"exact phrases\", ext:pdf and -minus?";
    retrieve_query q;
    arena a;

    arena_init(&a, 1 << 20);
    assert_int_equal(retrieve_query_plain(&q, text, "lang:en", &a, NULL), CAIRN_OK);
    assert_int_equal(q.n_clauses, 1);
    assert_int_equal(q.clauses[0].occur, LEXICAL_SHOULD);
    assert_int_equal(q.clauses[0].kind, LEXICAL_WORDS);
    assert_false(q.has_required || q.has_excluded);
    assert_string_equal(q.text, text);
    assert_int_equal(q.filter.n, 1); /* the filter is still one */
    assert_int_equal(retrieve_query_plain(&q, "", NULL, &a, NULL), CAIRN_OK);
    assert_int_equal(q.n_clauses, 0);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_the_table_says),
        cmocka_unit_test(any_bytes_are_a_query),
        cmocka_unit_test(long_queries_are_bounded),
        cmocka_unit_test(plain_text_has_no_operators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

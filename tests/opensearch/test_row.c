/* test_row - a passage's terms and metadata as the cluster gets them, and filters over these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "opensearch/row.h"

static const char *text(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static void terms_are_the_analyzers(void **state)
{
    static const char body[] = "The parseRequest stones stand";
    lexical_doc words = {.lang = "en", .field = {[LEXICAL_BODY] = {body, sizeof body - 1}, [LEXICAL_TITLE] = {"Stones", 6}}};
    uint64_t lengths[LEXICAL_FIELDS];
    json_t *doc = json_object();
    cairn_error err = {0};
    analyzer *an;

    (void)state;
    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    if (row_set_terms(an, &words, doc, lengths, &err))
        fail_msg("%s", err.text);
    assert_string_equal(text(doc, "title_terms"), "stone");
    /* What stands at one place is joined, and is one word of the length. */
    assert_string_equal(text(doc, "body_terms"), "the parserequest\001pars\001request stone stand");
    assert_int_equal(lengths[LEXICAL_BODY], 4);
    assert_int_equal(lengths[LEXICAL_TITLE], 1);
    assert_int_equal(lengths[LEXICAL_PATH], 0);
    assert_string_equal(text(doc, "title"), "Stones");
    assert_non_null(strstr(text(doc, ROW_FORMS), "stones"));
    json_decref(doc);
    analyzer_destroy(an);
}

static void a_term_has_no_blank(void **state)
{
    json_t *j = row_term("a b\x01" "c\xff", 6);

    (void)state;
    assert_string_equal(json_string_value(j), "a\002b\002c\xef\xbf\xbd");
    json_decref(j);
}

static void what_is_unknown_is_null(void **state)
{
    static const char *const tags[] = {"Tax"}, *const places[] = {"/B/c.pdf"};
    filter_row r = {.uri = "/A/b.PDF", .title = "T", .ext = "pdf", .lang = "en", .mime = "application/pdf", .author = "Ann", .size = -1,
                    .tags = tags, .n_tags = 1, .places = places, .n_places = 1, .date_ns = INT64_C(1577923200) * 1000000000};
    json_t *doc = json_object();

    (void)state;
    assert_int_equal(row_set_columns(&r, doc, NULL), CAIRN_OK);
    assert_string_equal(text(doc, "uri"), "/A/b.PDF");
    assert_string_equal(text(doc, "uri_folded"), "/a/b.pdf");
    assert_true(json_is_null(json_object_get(doc, "size")));
    assert_true(json_is_null(json_object_get(doc, "pages")));
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "tags"), 0)), "tax");
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "facet_tag"), 0)), "Tax");
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "facet_year"), 0)), "2020");
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "facet_folder"), 0)), "/A");
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "facet_folder"), 1)), "/B");
    json_decref(doc);
}

static void filters_become_queries(void **state)
{
    const struct {
        filter_predicate p;
        const char *query;
    } all[] = {
        {{FILTER_EXT, FILTER_EQ, false, &(filter_value){.text = "PDF"}, 1},
         "{\"bool\":{\"should\":[{\"term\":{\"ext\":{\"value\":\"pdf\"}}}],\"minimum_should_match\":1}}"},
        {{FILTER_EXT, FILTER_EQ, true, &(filter_value){.text = "pdf"}, 1},
         "{\"bool\":{\"must_not\":[{\"term\":{\"ext\":{\"value\":\"pdf\"}}}]}}"},
        {{FILTER_SIZE, FILTER_RANGE, false, &(filter_value){.lo = 3, .hi = 9}, 1},
         "{\"bool\":{\"should\":[{\"range\":{\"size\":{\"gte\":3,\"lt\":9}}}],\"minimum_should_match\":1}}"},
        {{FILTER_TITLE, FILTER_CONTAINS, false, &(filter_value){.text = "a*b?\\"}, 1},
         "{\"bool\":{\"should\":[{\"wildcard\":{\"title_folded\":{\"value\":\"*a\\\\*b\\\\?\\\\\\\\*\"}}}],\"minimum_should_match\":1}}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *query;
        char *said;
        assert_int_equal(row_predicate(&all[i].p, &query, NULL), CAIRN_OK);
        said = json_dumps(query, JSON_COMPACT);
        assert_string_equal(said, all[i].query);
        free(said);
        json_decref(query);
    }
}

static void a_filter_without_conditions_lets_all_in(void **state)
{
    char *long_text = calloc(1, 9000);
    json_t *query;
    cairn_error err = {0};

    (void)state;
    assert_int_equal(row_filter(&(filter_expr){NULL, 0}, &query, NULL), CAIRN_OK);
    assert_non_null(json_object_get(query, "match_all"));
    json_decref(query);
    memset(long_text, 'a', 8999);
    filter_predicate p = {FILTER_AUTHOR, FILTER_EQ, false, &(filter_value){.text = long_text}, 1};
    assert_int_equal(row_filter(&(filter_expr){&p, 1}, &query, &err), CAIRN_ELIMIT);
    assert_null(query);
    free(long_text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_the_analyzers),
        cmocka_unit_test(a_term_has_no_blank),
        cmocka_unit_test(what_is_unknown_is_null),
        cmocka_unit_test(filters_become_queries),
        cmocka_unit_test(a_filter_without_conditions_lets_all_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

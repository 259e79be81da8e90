/* test_outline - what a question asks of the terms, for an index that is elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "index/lexical/outline.h"

typedef struct outlined {
    arena a;
    analyzer *an;
    lexical_outline o;
} outlined;

static cairn_status outline(outlined *k, const lexical_clause *clauses, size_t n, cairn_error *err)
{
    static const char *const languages[] = {"en", "de"};
    lexical_params p;

    lexical_params_default(&p);
    p.languages = languages;
    p.n_languages = 2;
    arena_init(&k->a, 1 << 22);
    assert_int_equal(analyzer_create(&k->an, NULL), CAIRN_OK);
    return lexical_outline_make(k->an, &(lexical_query){clauses, n, NULL}, &p, &k->a, &k->o, err);
}

static void clear(outlined *k)
{
    analyzer_destroy(k->an);
    arena_clear(&k->a);
}

static bool has_term(const outline_group *g, const char *term)
{
    for (size_t i = 0; i < g->n_alts; i++)
        if (g->alts[i].n_runs == 1 && g->alts[i].runs[0].n == 1 && !strcmp(g->alts[i].runs[0].terms[0], term))
            return true;
    return false;
}

static void words_have_the_stems_of_all_languages(void **state)
{
    static const lexical_clause c[] = {{.occur = LEXICAL_SHOULD, .kind = LEXICAL_WORDS, .text = "the walking houses", .len = 18, .boost = 0.5f}};
    outlined k;

    (void)state;
    assert_int_equal(outline(&k, c, 1, NULL), CAIRN_OK);
    assert_int_equal(k.o.n_groups, 2); /* a function word of a question does not score */
    assert_true(has_term(&k.o.groups[0], "walk"));
    assert_true(has_term(&k.o.groups[0], "walking"));
    assert_true(has_term(&k.o.groups[1], "hous"));
    for (size_t g = 0; g < 2; g++) {
        assert_int_equal(k.o.groups[g].occur, LEXICAL_SHOULD);
        assert_float_equal(k.o.groups[g].boost, 0.5, 1e-6);
    }
    assert_int_equal(k.o.leaves[0].n, 2);
    clear(&k);
}

static void a_phrase_is_a_run(void **state)
{
    static const lexical_clause c[] = {
        {.occur = LEXICAL_MUST_NOT, .kind = LEXICAL_PHRASE, .text = "notice of walking", .len = 17, .slop = 2, .field_mask = 1u << LEXICAL_TITLE}};
    outlined k;

    (void)state;
    assert_int_equal(outline(&k, c, 1, NULL), CAIRN_OK);
    assert_int_equal(k.o.n_groups, 1);
    assert_int_equal(k.o.groups[0].occur, LEXICAL_MUST_NOT);
    assert_int_equal(k.o.groups[0].field_mask, 1u << LEXICAL_TITLE);
    assert_int_equal(k.o.groups[0].slop, 2);
    assert_true(k.o.groups[0].n_alts >= 1);
    const outline_run *run = &k.o.groups[0].alts[0].runs[0];
    assert_int_equal(run->n, 3); /* in a phrase every word counts */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(run->offsets[i], i);
    clear(&k);
}

static void a_pattern_keeps_its_text(void **state)
{
    static const lexical_clause c[] = {{.occur = LEXICAL_MUST, .kind = LEXICAL_FUZZY, .text = "granit", .len = 6, .edits = 2}};
    outlined k;

    (void)state;
    assert_int_equal(outline(&k, c, 1, NULL), CAIRN_OK);
    assert_int_equal(k.o.n_groups, 1);
    assert_int_equal(k.o.groups[0].kind, LEXICAL_FUZZY);
    assert_int_equal(k.o.groups[0].n_alts, 0);
    assert_int_equal(k.o.groups[0].edits, 2);
    assert_int_equal(k.o.groups[0].len, 6);
    assert_memory_equal(k.o.groups[0].text, "granit", 6);
    clear(&k);
}

static void a_pattern_in_a_phrase_is_told(void **state)
{
    static const lexical_clause parts[] = {{.kind = LEXICAL_WORDS, .text = "old", .len = 3}, {.kind = LEXICAL_WILDCARD, .text = "gran*", .len = 5}},
                                c[] = {{.kind = LEXICAL_PHRASE, .text = "old gran*", .len = 9, .parts = parts, .n_parts = 2}};
    cairn_error err = {0};
    outlined k;

    (void)state;
    assert_int_equal(outline(&k, c, 1, &err), CAIRN_EUNSUPPORTED);
    assert_true(err.text[0] != '\0');
    clear(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_have_the_stems_of_all_languages),
        cmocka_unit_test(a_phrase_is_a_run),
        cmocka_unit_test(a_pattern_keeps_its_text),
        cmocka_unit_test(a_pattern_in_a_phrase_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

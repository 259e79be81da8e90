/* test_eval_text.c - measures of one text against another: cases worked out by hand, and the edits against the plain
 * recursion on all pairs of short texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/eval_text.h"

typedef struct world {
    analyzer *an;
    arena memory;
} world;

static int set_up(void **state)
{
    world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_int_equal(analyzer_create(&w->an, NULL), CAIRN_OK);
    arena_init(&w->memory, (size_t)1 << 30);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;

    analyzer_destroy(w->an);
    arena_clear(&w->memory);
    free(w);
    return 0;
}

static eval_words words(world *w, const char *text)
{
    eval_words out;

    assert_int_equal(eval_words_of(w->an, text, &w->memory, &out, NULL), CAIRN_OK);
    return out;
}

static void near(double got, double want)
{
    if (fabs(got - want) > 1e-12)
        fail_msg("%.15g instead of %.15g", got, want);
}

static void words_are_compared_without_case_and_marks(void **state)
{
    world *w = *state;
    eval_words text = words(w, "The lease ends on May 3, 2026."), part = words(w, "MAY 3 2026"), none = words(w, " .,! ");
    eval_words other = words(w, "3 May");

    assert_int_equal(text.n, 7);
    assert_true(eval_holds(&text, &part));
    assert_false(eval_holds(&text, &other)); /* another order */
    assert_false(eval_holds(&part, &text));
    assert_false(eval_holds(&text, &none));
    near(eval_token_f1(&text, &part, &w->memory), 2 * 3.0 / (7 + 3));
    near(eval_token_f1(&other, &part, &w->memory), 2 * 2.0 / (2 + 3));
    near(eval_rouge_l(&other, &part, &w->memory), 2 * 1.0 / (2 + 3)); /* one of the two in order */
    near(eval_token_f1(&none, &part, &w->memory), 0);
    near(eval_bleu(&none, &part, &w->memory), 0);
}

/* What docs/quality.md says of words. */
static void words_of_numbers_dates_and_scripts(void **state)
{
    static const struct {
        const char *text, *same; /* the same words, with blanks between them */
        size_t n;
    } cases[] = {
        {"2026-05-03", "2026 05 03", 3}, {"May 3, 2026", "may 3 2026", 3},   {"10,000 people", "10000 PEOPLE", 2},
        {"1.234,56 Euro", "1234.56 euro", 2}, {"24-month", "24 month", 2},   {"P-7", "p 7", 2},
        {"don't", "DON'T", 1},           {"the U.S. Army", "the us army", 3}, {"Gr\xC3\xB6\xC3\x9F""e", "grosse", 1},
        {"$5.2 million", "5.2 million", 2}, {"na\xC3\xAFve caf\xC3\xA9", "naive cafe", 2},
    };
    world *w = *state;
    eval_words chinese = words(w, "\xE4\xB8\xAD\xE5\x8D\x8E\xE4\xBA\xBA"), article = words(w, "the lease"), bare = words(w, "lease");

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eval_words a = words(w, cases[i].text), b = words(w, cases[i].same);
        assert_int_equal(a.n, cases[i].n);
        assert_int_equal(b.n, cases[i].n);
        assert_memory_equal(a.hash, b.hash, a.n * sizeof *a.hash);
    }
    assert_int_equal(chinese.n, 5); /* three characters and two pairs */
    near(eval_token_f1(&article, &bare, &w->memory), 2 * 1.0 / 3); /* articles count */
}

/* Lin and Och's smoothing, by hand: "a b c" against "a b d": 2 of 3 words, 1 of 2 pairs, 0 of 1 triples, no run of four. */
static void bleu_is_that_of_a_sentence(void **state)
{
    world *w = *state;
    eval_words a = words(w, "alpha beta gamma"), b = words(w, "alpha beta delta"), longer = words(w, "alpha beta gamma delta epsilon zeta");

    near(eval_bleu(&a, &b, &w->memory), exp((log(2.0 / 3) + log(2.0 / 3) + log(1.0 / 2) + log(1.0 / 1)) / 4));
    near(eval_bleu(&a, &a, &w->memory), 1);
    near(eval_bleu(&a, &longer, &w->memory), exp(1 - 6.0 / 3)); /* all of it is there: only too short */
}

static void edits_of_known_pairs(void **state)
{
    static const struct {
        const char *a, *b;
        double want;
    } cases[] = {{"", "", 1},
                 {"abc", "", 0},
                 {"kitten", "sitting", 1 - 3.0 / 7},
                 {"flaw", "lawn", 1 - 2.0 / 4},
                 {"Gr\xC3\xB6\xC3\x9F"
                  "e",
                  "Gr\xC3\xB6sse", 1 - 2.0 / 6}, /* of characters, not of bytes */
                 {"same", "same", 1}};
    world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        near(eval_edit_similarity(cases[i].a, cases[i].b, &w->memory), cases[i].want);
        near(eval_edit_similarity(cases[i].b, cases[i].a, &w->memory), cases[i].want);
    }
}

static size_t edits(const char *a, const char *b)
{
    size_t least, other;

    if (!*a || !*b)
        return strlen(a) + strlen(b);
    if (*a == *b)
        return edits(a + 1, b + 1);
    least = edits(a + 1, b);
    other = edits(a, b + 1);
    least = other < least ? other : least;
    other = edits(a + 1, b + 1);
    return 1 + (other < least ? other : least);
}

/* Text number i of those of up to four letters a and b. */
static void text_of(unsigned i, char out[5])
{
    size_t n = 0;

    for (i++; i > 1; i >>= 1)
        out[n++] = i & 1 ? 'b' : 'a';
    out[n] = '\0';
}

static void edits_against_the_recursion(void **state)
{
    world *w = *state;

    for (unsigned i = 0; i < 31; i++)
        for (unsigned j = 0; j < 31; j++) {
            char a[5], b[5];
            size_t n, m;
            text_of(i, a);
            text_of(j, b);
            n = strlen(a);
            m = strlen(b);
            near(eval_edit_similarity(a, b, &w->memory), n || m ? 1 - (double)edits(a, b) / (double)(n > m ? n : m) : 1);
            arena_reset(&w->memory);
        }
}

/* Only so much of a long text is looked at. */
static void a_long_text_is_cut(void **state)
{
    world *w = *state;
    char *a = malloc(EVAL_EDIT_MAX + 101), *b = malloc(EVAL_EDIT_MAX + 101);

    assert_non_null(a);
    assert_non_null(b);
    memset(a, 'x', EVAL_EDIT_MAX + 100);
    memset(b, 'x', EVAL_EDIT_MAX + 100);
    a[EVAL_EDIT_MAX + 100] = b[EVAL_EDIT_MAX + 100] = '\0';
    b[EVAL_EDIT_MAX + 50] = 'y';
    near(eval_edit_similarity(a, b, &w->memory), 1);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_compared_without_case_and_marks),
        cmocka_unit_test(words_of_numbers_dates_and_scripts),
        cmocka_unit_test(bleu_is_that_of_a_sentence),
        cmocka_unit_test(edits_of_known_pairs),
        cmocka_unit_test(edits_against_the_recursion),
        cmocka_unit_test(a_long_text_is_cut),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

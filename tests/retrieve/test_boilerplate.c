/* test_boilerplate.c - lines that recur in many documents: what counts as one, and what share of a match stands there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/boilerplate.h"

#define FOOTER "This message is confidential and meant for its recipient alone."

static void shares_of(const char *const *texts, const uint64_t *docs, size_t n, const char *question, float *share)
{
    boilerplate_passage p[16];
    cairn_error err = {0};
    arena a;

    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < n; i++)
        p[i] = (boilerplate_passage){texts[i], strlen(texts[i]), docs[i]};
    assert_int_equal(boilerplate_shares(p, n, question, 3, &a, share, &err), 0);
    arena_clear(&a);
}

static void a_line_of_many_documents_recurs(void **state)
{
    static const char *const texts[] = {
        "The lease ends in May.\n\n" FOOTER,
        "A confidential report on the lease.\n" FOOTER,
        "  This message  is confidential and MEANT for its recipient alone.\r\nNothing else.",
        "Our confidential plan stands here by itself.",
        FOOTER "\n" FOOTER,
    };
    static const uint64_t docs[] = {1, 2, 3, 4, 5};
    float share[5];

    (void)state;
    shares_of(texts, docs, 5, "confidential", share);
    assert_float_equal(share[0], 1, 0);
    assert_float_equal(share[1], 0.5f, 0);
    assert_float_equal(share[2], 1, 0);
    assert_float_equal(share[3], 0, 0);
    assert_float_equal(share[4], 1, 0);
    shares_of(texts, docs, 5, "lease confidentiality", share); /* the first five letters */
    assert_float_equal(share[0], 0.5f, 0);
    assert_float_equal(share[1], 1.0f / 3, 1e-6f);
    shares_of(texts, docs, 5, "an old map", share); /* no word: by bytes */
    assert_true(share[0] > 0.5f && share[0] < 1);
    assert_float_equal(share[3], 0, 0);
}

static void one_document_and_short_lines_do_not(void **state)
{
    static const char *const texts[] = {FOOTER, FOOTER, FOOTER, FOOTER, "Yours, Eva", "Yours, Eva", "Yours, Eva", ""};
    static const uint64_t docs[] = {7, 7, 7, 8, 1, 2, 3, 4};
    float share[8];

    (void)state;
    shares_of(texts, docs, 8, "confidential yours", share);
    for (size_t i = 0; i < 8; i++)
        assert_float_equal(share[i], 0, 0);
}

static void quoted_mail_counts_as_such(void **state)
{
    static const char *const texts[] = {"> When does the lease end?\n> And the budget?\n\nThe lease ends in May.",
                                        "> The budget is spent."};
    static const uint64_t docs[] = {1, 2};
    float share[2];

    (void)state;
    shares_of(texts, docs, 2, "lease budget", share);
    assert_float_equal(share[0], 2.0f / 3, 1e-6f);
    assert_float_equal(share[1], 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_many_documents_recurs),
        cmocka_unit_test(one_document_and_short_lines_do_not),
        cmocka_unit_test(quoted_mail_counts_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

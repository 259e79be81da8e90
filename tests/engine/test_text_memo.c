/* test_text_memo.c - a memo gives back what was put into it, forgets what was not asked for, and
 * takes no text for another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/text_memo.h"

#define DIM 24

static void vector_of(int i, float v[DIM])
{
    for (int d = 0; d < DIM; d++)
        v[d] = (float)(i * DIM + d);
}

static void text_of(int i, char text[32])
{
    snprintf(text, 32, "sentence %d", i);
}

static void put(text_memo *m, int i)
{
    char text[32];
    float v[DIM];

    vector_of(i, v);
    text_of(i, text);
    text_memo_put(m, text, strlen(text), v);
}

/* Is it known? Then it is the right one. */
static bool known(text_memo *m, int i)
{
    char text[32];
    float v[DIM];
    const float *found;

    text_of(i, text);
    found = text_memo_find(m, text, strlen(text));
    vector_of(i, v);
    if (found)
        assert_memory_equal(found, v, sizeof v);
    return found != NULL;
}

static void what_was_put_is_found(void **state)
{
    text_memo *m = text_memo_create(DIM);

    (void)state;
    assert_non_null(m);
    assert_null(text_memo_find(m, "", 0));
    for (int i = 0; i < 100; i++) {
        assert_false(known(m, i));
        put(m, i);
        assert_true(known(m, i));
    }
    assert_null(text_memo_find(m, "sentence 5 ", 11));
    assert_null(text_memo_find(m, "sentence 5", 9));
    text_memo_destroy(m);
    text_memo_destroy(NULL);
}

static void what_is_asked_for_stays(void **state)
{
    text_memo *m = text_memo_create(DIM);
    size_t left = 0;

    (void)state;
    assert_non_null(m);
    put(m, 0);
    for (int i = 1; i < 20000; i++) {
        put(m, i);
        assert_true(known(m, 0));
        assert_true(known(m, i));
    }
    for (int i = 1; i < 20000; i++)
        left += known(m, i);
    assert_true(left > 256 && left <= 512); /* bounded, and of use */
    for (int i = 20000; i < 40000; i++)
        put(m, i);
    assert_false(known(m, 0));
    text_memo_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(what_is_asked_for_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

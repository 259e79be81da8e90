/* test_merge_policy.c - which segments are merged, and that merging comes to an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/merge_policy.h"

static void tiers_hold_their_sizes(void **state)
{
    (void)state;
    for (size_t t = 0; t + 1 < MERGE_TIERS; t++) {
        uint32_t most = merge_tier_rows(t);
        assert_int_equal(merge_tier(&(merge_candidate){most, 0, false}), t);
        assert_int_equal(merge_tier(&(merge_candidate){most + 1, 0, false}), t + 1);
        assert_int_equal(merge_tier(&(merge_candidate){most + 1, 1, false}), t);
    }
    assert_int_equal(merge_tier(&(merge_candidate){0, 0, false}), 0);
    assert_int_equal(merge_tier(&(merge_candidate){0x7fffffff, 0, false}), MERGE_TIERS - 1);
}

static void what_is_due(void **state)
{
    merge_candidate s[20] = {{0}};
    size_t out[MERGE_MOST];
    (void)state;

    assert_int_equal(merge_choose(s, 0, false, out), 0);
    assert_int_equal(merge_choose(s, 0, true, out), 0);
    for (size_t i = 0; i < 20; i++)
        s[i] = (merge_candidate){i < 7 ? 100 : 5000, 0, false};
    assert_int_equal(merge_choose(s, 7, false, out), 0);
    assert_int_equal(merge_choose(s, 14, false, out), 0);
    assert_int_equal(merge_choose(s, 15, false, out), 8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(out[i], 7 + i);
    /* The lower tier goes first. */
    s[7].rows = 100;
    assert_int_equal(merge_choose(s, 20, false, out), 8);
    assert_int_equal(out[0], 0);
    /* A third deleted goes before all. */
    s[12].deleted = 5000 / 3 + 1;
    assert_int_equal(merge_choose(s, 20, false, out), 1);
    assert_int_equal(out[0], 12);
    assert_int_equal(merge_choose(s, 20, true, out), 20);
    assert_int_equal(merge_choose(s, 1, true, out), 0);
    s[0].deleted = 1;
    assert_int_equal(merge_choose(s, 1, true, out), 1);
    /* Columns of an older format are worth a merge, after all others. */
    s[0].deleted = s[12].deleted = 0;
    s[3].outdated = true;
    assert_int_equal(merge_choose(s, 7, false, out), 1);
    assert_int_equal(out[0], 3);
    assert_int_equal(merge_choose(s, 20, false, out), 8);
    assert_int_equal(merge_choose(s + 3, 1, true, out), 1);
    /* Two that no segment could hold together stay two. */
    s[0] = s[1] = (merge_candidate){0x50000000, 0, false};
    assert_int_equal(merge_choose(s, 2, true, out), 0);
}

/* Flush after flush: few segments stay, and each row is rewritten a few times only. */
static void few_segments_stay(void **state)
{
    static merge_candidate s[400];
    size_t n = 0, most = 0, out[MERGE_MOST], k;
    uint64_t rows = 0, rewritten = 0;
    (void)state;

    for (size_t flush = 0; flush < 5000; flush++) {
        s[n++] = (merge_candidate){200, 0, false};
        rows += 200;
        while ((k = merge_choose(s, n, false, out))) {
            merge_candidate sum = {0};
            for (size_t i = k; i-- > 0;) {
                sum.rows += s[out[i]].rows;
                memmove(s + out[i], s + out[i] + 1, (n - out[i] - 1) * sizeof *s);
                n--;
            }
            rewritten += sum.rows;
            s[n++] = sum;
        }
        most = n > most ? n : most;
    }
    assert_in_range(most, 2, 30);
    assert_true(rewritten < 5 * rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers_hold_their_sizes),
        cmocka_unit_test(what_is_due),
        cmocka_unit_test(few_segments_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

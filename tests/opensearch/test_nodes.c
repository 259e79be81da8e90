/* test_nodes - which node is asked next, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "opensearch/nodes.h"

#define S INT64_C(1000000000)

static void begin(nodes *t, size_t n)
{
    nodes_init(t);
    for (size_t i = 0; i < n; i++)
        t->url[t->n++] = strdup("http://node");
}

static size_t pick(const nodes *t, size_t from, int64_t now, bool probes)
{
    bool probe;
    size_t node = nodes_pick(t, from, now, &probe);

    assert_int_equal(probe, probes);
    return node;
}

static void one_that_does_not_answer_rests(void **state)
{
    nodes t;

    (void)state;
    begin(&t, 3);
    assert_int_equal(pick(&t, 1, 0, false), 1);
    nodes_struck(&t, 1, 10 * S);
    assert_int_equal(pick(&t, 1, 10 * S, false), 2);
    assert_int_equal(pick(&t, 1, 11 * S - 1, false), 2);
    assert_int_equal(pick(&t, 1, 11 * S, true), 1); /* not without a probe */
    nodes_struck(&t, 1, 11 * S);
    assert_int_equal(pick(&t, 1, 13 * S - 1, false), 2); /* twice as long */
    assert_int_equal(pick(&t, 1, 13 * S, true), 1);
    nodes_answered(&t, 1, 0);
    assert_int_equal(pick(&t, 1, 13 * S, false), 1);
    assert_int_equal(atomic_load(&t.at), 1);
    for (int i = 0; i < 100; i++)
        nodes_struck(&t, 0, 0);
    assert_int_equal(pick(&t, 0, 30 * S - 1, false), 1);
    assert_int_equal(pick(&t, 0, 30 * S, true), 0); /* never longer */
    nodes_clear(&t);
}

static void where_all_rest_the_first_to_return_is_asked(void **state)
{
    nodes t;

    (void)state;
    begin(&t, 3);
    nodes_struck(&t, 0, 3 * S);
    nodes_struck(&t, 1, 2 * S);
    nodes_struck(&t, 2, 4 * S);
    for (size_t from = 0; from < 7; from++)
        assert_int_equal(pick(&t, from, 2 * S, true), 1);
    nodes_clear(&t);
}

static void a_single_node_is_asked_whatever_it_did(void **state)
{
    nodes t;

    (void)state;
    begin(&t, 1);
    nodes_struck(&t, 0, 0);
    assert_int_equal(pick(&t, 5, 0, false), 0);
    assert_int_equal(nodes_read_ms(&t, 0, 2000, 30000), 30000); /* there is nowhere else to go */
    nodes_clear(&t);
}

static void patience_doubles_each_round(void **state)
{
    nodes t;

    (void)state;
    begin(&t, 2);
    assert_int_equal(nodes_read_ms(&t, 0, 2000, 30000), 2000);
    assert_int_equal(nodes_read_ms(&t, 1, 2000, 30000), 4000);
    assert_int_equal(nodes_read_ms(&t, 4, 2000, 30000), 30000);
    assert_int_equal(nodes_read_ms(&t, SIZE_MAX, 2000, 30000), 30000);
    assert_int_equal(nodes_read_ms(&t, 0, 2000, 500), 500);
    assert_int_equal(nodes_probe_ms(0, 30000), 1000);
    assert_int_equal(nodes_probe_ms(SIZE_MAX, 30000), 30000);
    nodes_answered(&t, 0, S); /* a cluster on which everything takes long */
    assert_int_equal(nodes_read_ms(&t, 0, 2000, 30000), 8000);
    for (int i = 0; i < 100; i++)
        nodes_answered(&t, 0, 1000000);
    assert_int_equal(nodes_read_ms(&t, 0, 2000, 30000), 2000);
    nodes_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_does_not_answer_rests),
        cmocka_unit_test(where_all_rest_the_first_to_return_is_asked),
        cmocka_unit_test(a_single_node_is_asked_whatever_it_did),
        cmocka_unit_test(patience_doubles_each_round),
    };

    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}

/* test_give_way.c - work that rests while others wait: how often it asks, when it stops asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/give_way.h"

typedef struct others {
    int asks, yes; /* answers "yes" so many times */
} others;

static bool ask(void *ctx)
{
    others *o = ctx;

    return o->asks++ < o->yes;
}

static void nobody_waits(void **state)
{
    others o = {0};
    give_way none = {0}, g = {ask, &o};
    give_way_account a = {0};

    (void)state;
    assert_false(give_way_wanted(NULL));
    assert_false(give_way_wanted(&none));
    give_way_step(NULL, &a, 0);
    give_way_step(&none, &a, 0);
    assert_int_equal(a.cpu_ns, 0);
    assert_int_equal(give_way_rest(&g, 0), 0);
    assert_int_equal(give_way_rest(&g, -1), 0);
    assert_int_equal(o.asks, 0);
    give_way_rest(&g, INT64_MAX); /* would take seconds if anybody waited */
    assert_int_equal(o.asks, 1);
}

/* However much there is to make up for, the rest ends with the last who waits. */
static void ends_with_who_waits(void **state)
{
    others o = {.yes = 5};
    give_way g = {ask, &o};

    (void)state;
    give_way_rest(&g, INT64_MAX);
    assert_int_equal(o.asks, 6);
}

/* And however long somebody waits, it ends: as long as the work was, times GIVE_WAY_REST. */
static void ends_at_all(void **state)
{
    others o = {.yes = INT32_MAX};
    give_way g = {ask, &o};
    int64_t began = clock_mono_ns();

    (void)state;
    assert_true(give_way_rest(&g, 1000000) >= GIVE_WAY_REST * INT64_C(1000000));
    assert_true(clock_mono_ns() - began >= GIVE_WAY_REST * INT64_C(1000000));
    assert_true(o.asks >= 1);
}

static void burn(int64_t ns)
{
    for (int64_t until = clock_cpu_ns() + ns; clock_cpu_ns() < until;)
        ;
}

/* The first step takes note; later ones pay for what the thread did since. */
static void steps_pay_for_work(void **state)
{
    others o = {.yes = INT32_MAX};
    give_way g = {ask, &o};
    give_way_account a = {0};
    int64_t began;

    (void)state;
    burn(1000000);
    give_way_step(&g, &a, 0);
    assert_int_equal(o.asks, 0);
    assert_true(a.cpu_ns >= 1000000);
    burn(1000000);
    began = clock_mono_ns();
    give_way_step(&g, &a, 0);
    assert_true(clock_mono_ns() - began >= GIVE_WAY_REST * INT64_C(1000000));
    burn(1000000);
    began = clock_mono_ns();
    give_way_step(&g, &a, 2);
    assert_true(clock_mono_ns() - began >= 3 * GIVE_WAY_REST * INT64_C(1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits),
        cmocka_unit_test(ends_with_who_waits),
        cmocka_unit_test(ends_at_all),
        cmocka_unit_test(steps_pay_for_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

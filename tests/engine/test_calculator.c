/* test_calculator.c - sums against what they are worth, dates against the C library's calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/calculator.h"

static void sums_have_their_values(void **state)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"1 + 2 * 3", "7"},        {"(1 + 2) * 3", "9"},    {"7 / 2", "3.5"},         {"-2^2", "-4"},
        {"2^3^2", "512"},          {"2^-1", "0.5"},         {"15% of 80", "12"},      {"249 * 15%", "37.35"},
        {"--3", "3"},              {"0.1 + 0.2", "0.3"},    {"1e3 + .5", "1000.5"},   {"sqrt(2)^2", "2"},
        {"round(2.345, 2)", "2.35"}, {"max(1, 5, 3) - min(4, 2)", "3"}, {"mean(1, 2, 3, 4)", "2.5"},
        {"sum(1,2,3)", "6"},       {"floor(-1.5)", "-2"},   {"ceil(1.2)", "2"},       {"ln(e)", "1"},
        {"log10(1000)", "3"},      {"abs(-4)", "4"},        {"exp(0)", "1"},          {"round(pi, 4)", "3.1416"},
        {"9007199254740993 - 1", "9.00719925474099e+15"},   {"0 * -1", "0"},          {" 12 ", "12"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cairn_error err = {0};
        char text[32];
        double x;
        if (calculator_eval(cases[i].text, strlen(cases[i].text), &x, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        calculator_format(x, text);
        assert_string_equal(text, cases[i].value);
    }
}

static void what_is_no_sum_is_refused_with_the_place(void **state)
{
    static const char *const bad[] = {"",        "1 +",     "(1",      "1)",       "1 2",       "x",        "system(1)",
                                      "1 / 0",   "sqrt(-1)", "10^400", "min()",    "round(1,2,3)", "1..2",  "1,2",
                                      "0x10",    "nan",     "inf",     "1;2",      "a = 1",     "5 off 3"};
    char deep[300];
    cairn_error err = {0};
    double x;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err.text[0] = '\0';
        if (calculator_eval(bad[i], strlen(bad[i]), &x, &err) != CAIRN_EUSAGE || !err.text[0])
            fail_msg("\"%s\" is no sum", bad[i]);
    }
    calculator_eval("1 + * 2", 7, &x, &err);
    assert_non_null(strstr(err.text, "character 5"));
    memset(deep, '(', sizeof deep);
    assert_int_equal(calculator_eval(deep, sizeof deep, &x, &err), CAIRN_ELIMIT);
    for (size_t i = 0; i < sizeof deep; i += 2)
        memcpy(deep + i, "2^", 2);
    assert_int_equal(calculator_eval(deep, sizeof deep, &x, &err), CAIRN_ELIMIT);
    assert_int_equal(calculator_eval(deep, CALCULATOR_MAX + 1, &x, &err), CAIRN_EUSAGE);
}

static void dates_are_the_calendars(void **state)
{
    cairn_error err = {0};
    char text[16];
    int64_t day;

    (void)state;
    for (int64_t d = -25000; d < 60000; d += 7) { /* 1901 to 2134 */
        time_t t = (time_t)(d * 86400);
        struct tm tm;
        char want[64], weekday[16];
        gmtime_r(&t, &tm);
        strftime(want, sizeof want, "%Y-%m-%d", &tm);
        strftime(weekday, sizeof weekday, "%A", &tm);
        calculator_day_text(d, text);
        assert_string_equal(text, want);
        assert_int_equal(calculator_day(want, &day, &err), CAIRN_OK);
        assert_int_equal(day, d);
        assert_string_equal(calculator_weekday(d), weekday);
    }
}

static void spans_are_added(void **state)
{
    static const struct {
        const char *from, *span, *to;
    } cases[] = {
        {"2025-03-01", "+90 days", "2025-05-30"}, {"2024-02-29", "1 year", "2025-02-28"},
        {"2025-01-31", "+1 month", "2025-02-28"}, {"2024-01-31", "1 months", "2024-02-29"},
        {"2025-03-31", "-1 month", "2025-02-28"}, {"2025-01-01", "-1 day", "2024-12-31"},
        {"2025-01-01", "2 weeks", "2025-01-15"},  {"2025-11-15", "14 months", "2027-01-15"},
        {"1900-02-28", "1 day", "1900-03-01"},    {"2000-02-28", "1 day", "2000-02-29"},
    };
    static const char *const bad[] = {"", "days", "1", "1 hour", "1 day ago", "9999 years", "-3000 years", "x days",
                                      "1000000 days", "-999999 days"};
    static const char *const no_dates[] = {"", "2025-02-29", "2025-13-01", "2025-00-10", "0000-01-01", "2025-1-1",
                                           "25-01-01", "2025/01/01", "2025-01-01x", "-025-01-01"};
    cairn_error err = {0};
    int64_t day, to;
    char text[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(calculator_day(cases[i].from, &day, &err), CAIRN_OK);
        assert_int_equal(calculator_add(day, cases[i].span, &to, &err), CAIRN_OK);
        calculator_day_text(to, text);
        assert_string_equal(text, cases[i].to);
    }
    assert_int_equal(calculator_day("2025-06-15", &day, &err), CAIRN_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (calculator_add(day, bad[i], &to, &err) != CAIRN_EUSAGE)
            fail_msg("\"%s\" is no span", bad[i]);
    for (size_t i = 0; i < sizeof no_dates / sizeof *no_dates; i++)
        if (calculator_day(no_dates[i], &day, &err) != CAIRN_EUSAGE)
            fail_msg("\"%s\" is no date", no_dates[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_have_their_values),
        cmocka_unit_test(what_is_no_sum_is_refused_with_the_place),
        cmocka_unit_test(dates_are_the_calendars),
        cmocka_unit_test(spans_are_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

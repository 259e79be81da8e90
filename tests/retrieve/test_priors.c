/* test_priors.c - what newer documents, folders and texts that are none are worth, against sums by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/priors.h"

#define DAY ((int64_t)86400 * 1000000000)

static void near(float got, double want)
{
    if (fabs((double)got - want) > 1e-5)
        fail_msg("%.7g instead of %.7g", (double)got, want);
}

static void newer_documents_lose_nothing(void **state)
{
    const prior_passage p[] = {{.date_ns = 1000 * DAY, .folder = 1}, {.date_ns = 990 * DAY, .folder = 1},
                               {.date_ns = 980 * DAY, .folder = 1}, {.folder = 1}};
    prior_params params = {.recency = 0.4f, .half_life_days = 10};
    float out[4];

    (void)state;
    assert_int_equal(priors_weigh(&params, p, 4, out, NULL), CAIRN_OK);
    near(out[0], 1);
    near(out[1], 1 - 0.4 * 0.5);
    near(out[2], 1 - 0.4 * 0.75);
    near(out[3], 1 - 0.4 * 0.5); /* unknown */
    params.half_life_days = 0;   /* the median of 0, 10 and 20 days */
    assert_int_equal(priors_weigh(&params, p, 4, out, NULL), CAIRN_OK);
    near(out[1], 1 - 0.4 * 0.5);
    near(out[2], 1 - 0.4 * 0.75);
}

/* A shift of all dates changes nothing, dates of one day or none weigh nothing. */
static void age_counts_from_the_newest(void **state)
{
    prior_passage p[] = {{.date_ns = 7 * DAY}, {.date_ns = 3 * DAY}, {.date_ns = 5 * DAY}};
    const prior_params params = {.recency = 0.5f, .half_life_days = 3};
    float one[3], two[3];

    (void)state;
    assert_int_equal(priors_weigh(&params, p, 3, one, NULL), CAIRN_OK);
    for (int i = 0; i < 3; i++)
        p[i].date_ns += 20000 * DAY;
    assert_int_equal(priors_weigh(&params, p, 3, two, NULL), CAIRN_OK);
    for (int i = 0; i < 3; i++)
        near(two[i], (double)one[i]);
    for (int i = 0; i < 3; i++)
        p[i].date_ns = DAY;
    assert_int_equal(priors_weigh(&(prior_params){.recency = 1}, p, 3, two, NULL), CAIRN_OK);
    for (int i = 0; i < 3; i++)
        near(two[i], 1);
    for (int i = 0; i < 3; i++)
        p[i].date_ns = 0;
    assert_int_equal(priors_weigh(&(prior_params){.recency = 1}, p, 3, two, NULL), CAIRN_OK);
    for (int i = 0; i < 3; i++)
        near(two[i], 1);
}

static void a_text_is_told_from_what_is_none(void **state)
{
    static const struct {
        const char *text;
        double least, most;
    } cases[] = {
        {"The lease ends on 31 May 2026, and the deposit of 840 euros comes back within a month.", 1, 1},
        {"Die Kündigungsfrist beträgt drei Monate; для текста на русском языке то же самое.", 1, 1},
        {"合同于2026年5月31日到期，押金将在一个月内退还。", 1, 1},
        {"ينتهي عقد الإيجار في 31 مايو.", 1, 1},
        {"for (int i = 0; i < n; i++) sum += values[i] * weights[i]; return sum;", 0.8, 1},
        {"1 Introduction .............................. 3\n2 Methods ............................... 17", 0.05, 0.4},
        {"0.13 0.77 12.4 99 1e5 0x00 3.14 2.71 0.13 0.77 12.4", 0, 0.2},
        {"dGhpcyBpcyBhIGxvbmcgcnVuIG9mIGJhc2U2NCB0aGF0IGlzIG5vIHdvcmQgYXQgYWxsIGFuZCBnb2VzIG9u", 0, 0},
        {"~|.. ;: -- __ ''^ .,.;", 0, 0},
        {" \n\t ", 0, 0},
        {"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double q = (double)prior_quality(cases[i].text, strlen(cases[i].text));
        if (q < cases[i].least - 1e-6 || q > cases[i].most + 1e-6)
            fail_msg("%s: %g", cases[i].text, q);
    }
    (void)prior_quality("\xFF\xFE\x80", 3); /* broken bytes are no letters */
}

static void the_thing_whose_newest_is_asked_for(void **state)
{
    static const struct {
        const char *question, *thing; /* NULL: none */
    } cases[] = {
        {"newest minutes", "minutes"}, {"What do the latest release notes of the pump say?", "release notes"}, {"the most recent price list for dealers", "price list"},
        {"das neueste Protokoll der Genossenschaft", "Protokoll"}, {"le compte rendu le plus récent", "rendu"}, {"el acta más reciente", "acta"},
        {"last minutes", "minutes"}, {"letztes Protokoll", "Protokoll"}, {"dernière facture", "facture"},
        {"When was the last meeting?", NULL}, {"last week", NULL}, {"mails of last month", NULL}, {"latest", NULL}, {"the old minutes", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t start = 0, end = 0;
        bool found = prior_newest_thing(cases[i].question, strlen(cases[i].question), &start, &end);
        if (found != (cases[i].thing != NULL) || (found && (end - start != strlen(cases[i].thing) || memcmp(cases[i].question + start, cases[i].thing, end - start))))
            fail_msg("\"%s\": %.*s", cases[i].question, (int)(end - start), cases[i].question + start);
    }
    assert_true(prior_is_named("minutes", 7, "Minutes of the board, 4 May 2025", "/x/a.md"));
    assert_true(prior_is_named("Protokoll", 9, "", "/x/protokolle-2025.md"));
    assert_false(prior_is_named("minutes", 7, "Agenda", "/minutes/a.md")); /* a folder is no name */
    assert_false(prior_is_named("price list", 10, "Prices", "/x/list.md") && prior_is_named("price list", 10, "List", "/x/a.md"));
}

static void the_newest_of_a_thing_comes_first(void **state)
{
    const prior_passage p[] = {{.date_ns = 10 * DAY, .named = true}, {.date_ns = 99 * DAY}, {.date_ns = 30 * DAY, .named = true},
                               {.date_ns = 20 * DAY, .named = true}, {.named = true}, {.date_ns = 40 * DAY, .named = true}};
    float scores[] = {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.2f};

    (void)state;
    assert_int_equal(priors_newest_first(p, 6, 0, scores, NULL), CAIRN_OK);
    near(scores[0], 0.6); /* the oldest of the three */
    near(scores[1], 0.8); /* is called otherwise */
    near(scores[2], 0.9);
    near(scores[3], 0.7);
    near(scores[4], 0.5); /* without a date */
    near(scores[5], 0.2); /* fits too little */
}

static void questions_for_the_newest(void **state)
{
    static const char *const asked[] = {"What is the latest invoice?", "newest lease", "Show me the Most Recent minutes",
                                        "Was ist der neueste Stand?", "die aktuellsten Preise", "¿Cuál es la versión más reciente?",
                                        "最新的合同是什么", "какая самая новая версия", "ما هو أحدث تقرير"};
    static const char *const other[] = {"What is the lease?", "the latestonly flag", "recently", "unneueste", "translatest", ""};

    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (!prior_asks_newest(asked[i], strlen(asked[i])))
            fail_msg("%s", asked[i]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (prior_asks_newest(other[i], strlen(other[i])))
            fail_msg("%s", other[i]);
}

static void the_innermost_folder_decides(void **state)
{
    static const char rules[] = "/data:0.5; ~/work : 2;/data/mail/:1.5 ; ~/work/old:0.25";

    (void)state;
    assert_int_equal(prior_folders_check(rules, NULL), CAIRN_OK);
    near(prior_folder(rules, "/home/me", "/data/x.txt"), 0.5);
    near(prior_folder(rules, "/home/me", "/data/mail/inbox/1.eml"), 1.5);
    near(prior_folder(rules, "/home/me", "/data/mailbox.txt"), 0.5);
    near(prior_folder(rules, "/home/me", "/database/x"), 1);
    near(prior_folder(rules, "/home/me", "/home/me/work/a.zip!/x.pdf"), 2);
    near(prior_folder(rules, "/home/me", "/home/me/work/old/a"), 0.25);
    near(prior_folder(rules, "/home/me", "/home/menno/work/a"), 1);
    near(prior_folder(rules, NULL, "/home/me/work/a"), 1);
    near(prior_folder("/:0.5;~:2", "/home/me", "/etc/x"), 0.5);
    near(prior_folder("/:0.5;~:2", "/home/me", "/home/me/x"), 2);
    near(prior_folder("", "/home/me", "/x"), 1);
}

static void rules_that_cannot_be_read(void **state)
{
    static const char *const bad[] = {"/data", "/data:", "/data:heavy", "data:2", "/data:0", "/data:11", "/a:1;b", "/a:1 2", ":", "/a:nan"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cairn_error err = {0};
        if (prior_folders_check(bad[i], &err) != CAIRN_EUSAGE)
            fail_msg("%s", bad[i]);
        (void)prior_folder(bad[i], "/home/me", "/data/x");
    }
    assert_int_equal(prior_folders_check(" ; ;", NULL), CAIRN_OK);
}

static void all_together(void **state)
{
    const prior_passage p[] = {{.date_ns = 100 * DAY, .folder = 2, .text = "....", .len = 4},
                               {.date_ns = 90 * DAY, .folder = 0.5f, .text = "a text", .len = 6}};
    const prior_params params = {.recency = 0.5f, .half_life_days = 10, .quality = 0.25f, .folders = true};
    float out[2];

    (void)state;
    assert_true(priors_wanted(&params));
    assert_false(priors_wanted(&(prior_params){.half_life_days = 3}));
    assert_int_equal(priors_weigh(&params, p, 2, out, NULL), CAIRN_OK);
    near(out[0], 2 * 0.75);
    near(out[1], 0.5 * 1 * 0.75);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newer_documents_lose_nothing),   cmocka_unit_test(age_counts_from_the_newest),
        cmocka_unit_test(a_text_is_told_from_what_is_none), cmocka_unit_test(questions_for_the_newest),
        cmocka_unit_test(the_thing_whose_newest_is_asked_for), cmocka_unit_test(the_newest_of_a_thing_comes_first),
        cmocka_unit_test(the_innermost_folder_decides),   cmocka_unit_test(rules_that_cannot_be_read),
        cmocka_unit_test(all_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

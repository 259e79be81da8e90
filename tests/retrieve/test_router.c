/* test_router.c - which questions are easy and which are hard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/router.h"

static const struct {
    const char *question;
    route_grade grade; /* without evidence */
} questions[] = {
    {"When does the lease end?", ROUTE_MIDDLING},
    {"Why did the furnace fail?", ROUTE_HARD},
    {"What is the difference between the K1 and the K2?", ROUTE_HARD},
    {"Worin besteht der Unterschied?", ROUTE_HARD},
    {"ERKLÄRE die Kündigungsfrist", ROUTE_HARD},
    {"How do I clean the burrs?", ROUTE_HARD},
    {"How long is the warranty?", ROUTE_MIDDLING},
    {"Who signed it? And when?", ROUTE_HARD},
    {"Whywhy", ROUTE_MIDDLING},
    {"", ROUTE_MIDDLING},
};

static void questions_are_graded_by_their_words(void **state)
{
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const char *q = questions[i].question;
        if (route_grade_of(q, strlen(q), NULL, &why) != questions[i].grade)
            fail_msg("%s: %s", q, why);
        assert_non_null(why);
    }
}

static void evidence_makes_a_question_easy(void **state)
{
    evidence_sentence s = {.score = 2};
    evidence e = {.sentences = &s, .n = 1, .answerable = 0.95f};
    const char *q = "When does the lease end?", *why;

    (void)state;
    s.feature[EVIDENCE_LENGTH] = 0.2f;
    assert_int_equal(route_grade_of(q, strlen(q), &e, &why), ROUTE_MIDDLING);
    s.feature[EVIDENCE_TYPE_STRONG] = 1;
    assert_int_equal(route_grade_of(q, strlen(q), &e, &why), ROUTE_EASY);
    e.answerable = 0.8f;
    assert_int_equal(route_grade_of(q, strlen(q), &e, &why), ROUTE_MIDDLING);
    e.answerable = 0.95f;
    e.n_planted = 1;
    assert_int_equal(route_grade_of(q, strlen(q), &e, &why), ROUTE_MIDDLING);
}

/* Any bytes, of any length. */
static void any_bytes_can_be_graded(void **state)
{
    const char *env = getenv("CAIRN_SEED"), *why;
    uint64_t seed = env ? strtoull(env, NULL, 10) : 20261126;

    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (size_t len = 0; len < 6000; len += 1 + len / 3) {
        char *text = malloc(len ? len : 1);
        assert_non_null(text);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = (char)(seed >> 56);
        }
        (void)route_grade_of(text, len, NULL, &why);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_graded_by_their_words),
        cmocka_unit_test(evidence_makes_a_question_easy),
        cmocka_unit_test(any_bytes_can_be_graded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

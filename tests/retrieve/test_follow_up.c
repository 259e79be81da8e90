/* test_follow_up.c - elliptic questions completed from the one before, and those that are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/follow_up.h"

static const struct {
    const char *earlier, *question, *whole, *replaced; /* whole NULL: left alone */
} cases[] = {
    {"How long is the warranty on the K2's burrs?", "And the K1?", "How long is the warranty on the K1's burrs?", "K2"},
    {"How much does the K2 cost?", "What about the K2 Pro?", "How much does the K2 Pro cost?", "K2"},
    {"How much does the K2 cost?", "K1?", "How much does the K1 cost?", "K2"},
    {"How many grinders were sold in 2021?", "What about 2022?", "How many grinders were sold in 2022?", "2021"},
    {"How many grinders were sold in 2021?", "And in 2022?", "How many grinders were sold in 2022?", "2021"},
    {"How many grinders were sold?", "And in 2022?", "How many grinders were sold in 2022?", ""},
    {"When does the shop open on Monday?", "And on Sunday?", "When does the shop open on Sunday?", "Monday"},
    {"What was paid in March?", "and April?", "What was paid in April?", "March"},
    {"Where does Ana stay in Lisbon?", "And in Porto?", "Where does Ana stay in Porto?", "in Lisbon"},
    {"How many people live in New York?", "And San Francisco?", "How many people live in San Francisco?", "New York"},
    {"How much does the brush cost?", "And the hopper lid?", "How much does the hopper lid cost?", "the brush"},
    {"What is the price for members?", "And for students?", "What is the price for students?", "for members"},
    {"Wie hoch ist die Miete in Hamburg?", "und in Berlin?", "Wie hoch ist die Miete in Berlin?", "in Hamburg"},
    {"Wie hoch ist die Miete?", "und in Berlin?", "Wie hoch ist die Miete in Berlin?", ""},
    {"Wie viele Einwohner hat Hamburg?", "Und Berlin?", "Wie viele Einwohner hat Berlin?", "Hamburg"},
    {"Was kostet die Bürste?", "Und der Trichter?", "Was kostet der Trichter?", "die Bürste"},
    {"What do the K1 and the K2 weigh?", "And which of the two costs more?", "which of the two costs more, the K1 or the K2?", ""},
    {"Was wiegen der K1 und der K2?", "Welcher der beiden ist teurer?", "Welcher der beiden ist teurer, der K1 oder der K2?", ""},
    {"Were Kestrel Bridge and Heron Bridge rebuilt?", "Which one is longer?", "Which one is longer, Kestrel Bridge or Heron Bridge?", ""},
    {"What does the pump weigh?", "Which of the two costs more?", NULL, NULL},
    {"Was kostet die K2?", "Was ist mit der K1?", "Was kostet die K1?", "K2"},
    {"Wann öffnet der Laden am Montag?", "und am Samstag?", "Wann öffnet der Laden am Samstag?", "Montag"},
    {"Combien coûte le K2 ?", "Et le K1 ?", "Combien coûte le K1 ?", "K2"},
    {"¿Cuánto cuesta el K2?", "¿Y el K1?", "¿Cuánto cuesta el K1?", "K2"},
    {"What does the Wren 14 weigh?", "And the Teal 10?", "What does the Teal 10 weigh?", "Wren 14"},
    {"How much does the Blue Heron 22 cost?", "What about the Teal 10?", "How much does the Teal 10 cost?", "Blue Heron 22"},
    {"Was kostet der Skoda 120?", "Und der Fiat 500?", "Was kostet der Fiat 500?", "Skoda 120"},
    {"How many of the 30 days did the Wren 14 sail?", "And the Teal 10?", "How many of the 30 days did the Teal 10 sail?", "Wren 14"},
    {"How much does the K2 cost?", "And the Teal 10?", "How much does the Teal 10 cost?", "the K2"},
    {"Which parts has the E2-40?", "And the E2-60?", "Which parts has the E2-60?", "E2-40"},
    /* left alone */
    {"Where is the youngest oceanic crust found?", "What about the oldest?", NULL, NULL},
    {"What are the pros and cons?", "And the cons?", NULL, NULL},
    {"How much does the K2 cost?", "And why?", NULL, NULL},
    {"How much does the K2 cost?", "And the second one?", NULL, NULL},
    {"How much does the K2 cost?", "Who else?", NULL, NULL},
    {"How much does the K2 cost?", "And how long does it last?", NULL, NULL},
    {"How much does the K2 cost?", "What is the K1?", NULL, NULL},
    {"How much does the K2 cost?", "Thanks!", NULL, NULL},
    {"How much does the K2 cost?", "And treatment?", NULL, NULL},
    {"How much does the K2 cost?", "Und seit wann?", NULL, NULL},
    {"My grinder is nice", "", NULL, NULL},
    {"K2", "And the K1?", NULL, NULL},
};

static void what_is_missing_is_taken_from_the_question_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a;
        follow_up f;
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_complete(cases[i].question, cases[i].earlier, &a, &f, NULL), CAIRN_OK);
        if (!cases[i].whole != !f.whole || (f.whole && (strcmp(f.whole, cases[i].whole) != 0 || strcmp(f.replaced, cases[i].replaced) != 0)))
            fail_msg("%s | %s: %s (%s)", cases[i].earlier, cases[i].question, f.whole ? f.whole : "nothing", f.replaced);
        arena_clear(&a);
    }
}

static void any_bytes_can_be_read(void **state)
{
    static const char *const parts[] = {"and ", "the ", "K2", "'s", "\xE2\x80\x99s", "?", " ", "in ", "2021", "\xC2\xBF", "\xC2", "\xE2", "-", ",", ".", "Ber", "\xFF", "what about ", "'", "y "};
    uint64_t seed = getenv("CAIRN_SEED") ? strtoull(getenv("CAIRN_SEED"), NULL, 10) : 20261127;

    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 5000; round++) {
        char text[2][256] = {"", ""};
        follow_up f;
        arena a;
        for (int t = 0; t < 2; t++)
            for (int i = 0; i < 12; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                strcat(text[t], parts[(seed >> 33) % (sizeof parts / sizeof *parts)]);
            }
        char *q = strdup(text[0]), *e = strdup(text[1]); /* no byte behind them */
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_complete(q, e, &a, &f, NULL), CAIRN_OK);
        assert_true(!f.whole || strlen(f.whole) <= strlen(q) + strlen(e) + 2);
        arena_clear(&a);
        free(q);
        free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_taken_from_the_question_before),
        cmocka_unit_test(any_bytes_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

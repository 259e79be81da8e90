/* test_follow_up_refer.c - questions that point at what was replied, the lists in replies, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/follow_up.h"
#include "retrieve/follow_up_items.h"

#define YEAR 2026

static const struct {
    const char *earlier, *reply, *question, *whole; /* whole NULL: left alone */
} cases[] = {
    /* a question word alone */
    {"When does the shop close on Monday?", "At noon. [1]", "Why?", "Why does the shop close on Monday?"},
    {"Who runs the bakery?", "Edith Crane. [1]", "Since when?", "Since when runs the bakery?"},
    {"Who bought Harrow Mill?", NULL, "When was that?", "When bought Harrow Mill?"},
    {"What did the county pay for?", NULL, "And how much was that?", "how much did the county pay for?"},
    {"Okay. Where does she live?", NULL, "Since when?", "Since when does she live?"},
    {"Which flours does the mill sell?", NULL, "Since when?", "Since when does the mill sell flours?"},
    {"Is the sauna open?", NULL, "Why is that?", "Why is the sauna open?"},
    {"In which year was the dome replaced?", NULL, "By whom?", "By whom was the dome replaced?"},
    {"Wann wurde das Dach erneuert?", "Im Mai. [1]", "Und wieso?", "wieso wurde das Dach erneuert?"},
    {"Wie viele Plätze hat der Saal?", NULL, "Seit wann?", "Seit wann hat der Saal Plätze?"},
    {"Wer leitet die Wehr?", NULL, "Aus welchem Grund?", "Aus welchem Grund leitet die Wehr?"},
    {"Qui dirige la boulangerie ?", NULL, "Depuis quand ?", "Depuis quand dirige la boulangerie?"},
    {"Quand la régate a-t-elle été annulée ?", NULL, "Pourquoi ça ?", "Pourquoi la régate a-t-elle été annulée?"},
    {"¿Cuándo se cerró el invernadero?", NULL, "¿Por qué?", "Por qué se cerró el invernadero?"},
    {"¿Quién dirige el teatro?", NULL, "¿Y desde cuándo?", "desde cuándo dirige el teatro?"},
    /* one of a list */
    {"Which flours are sold?", "Harrow White, Harrow Rye and Harrow Spelt. [1]", "How much does the second one cost?", "How much does Harrow Rye cost?"},
    {"Which flours are sold?", "Harrow White, Harrow Rye and Harrow Spelt. [1]", "And the last one?", "Harrow Spelt?"},
    {"Which flours are sold?", "White, Rye and Spelt. [1]", "What does the third cost?", "What does Spelt cost?"},
    {"Which telescopes are there?", "There are three telescopes: the Reed refractor and the Solar Tower. [1]", "How long is the second telescope?",
     "How long is the Solar Tower?"},
    {"Which is older, the Heron Bridge or the Kestrel Bridge?", "I cannot say.", "Who built the latter?", "Who built the Kestrel Bridge?"},
    {"Welche Fahrzeuge hat die Wehr?", "Die Wehr hat zwei Fahrzeuge, das LF 20 und das TLF 3000. [1]", "Was kostet das erste?", "Was kostet das LF 20?"},
    {"Welche Säle hat die Bücherei?", "Den Eichensaal und den Buchensaal. [1]", "Wie groß ist der erste?", "Wie groß ist den Eichensaal?"},
    {"Quels bateaux ?", "Le club a deux bateaux, le Pétrel et la Mouette. [1]", "Combien mesure le deuxième ?", "Combien mesure la Mouette ?"},
    {"Quels bateaux ?", "Le club a deux bateaux, le Pétrel et la Mouette. [1]", "Quelle est la longueur du deuxième ?", "Quelle est la longueur du Mouette ?"},
    {"¿Qué salas tiene?", "El teatro tiene dos salas, la sala Grande y la sala Azul. [1]", "¿Cuántas butacas tiene la segunda?",
     "¿Cuántas butacas tiene la sala Azul?"},
    {"Which rooms?", "There is a north room and a south room. [1]", "How many sleep in the second one?", "How many sleep in a south room?"},
    {"What is sold?", "- Oak table: 90 euros [1]\n- Pine desk: 40 euros [1]\n- Chair [2]", "Who made the second one?", "Who made Pine desk?"},
    {"Who said so?", "The rent rose, says Ann Lee [1]. It fell, says Bob Ray [2].", "Where does the second one live?", "Where does Bob Ray live?"},
    /* a year */
    {"How many came in 2024?", NULL, "What about last year?", "How many came in 2025?"},
    {"How many came in 2019?", NULL, "And the year before?", "How many came in 2018?"},
    {"How many people came?", NULL, "And last year?", "How many people came 2025?"},
    {"How many people came last year?", NULL, "And this year?", "How many people came 2026?"},
    {"Wie viele Einsätze gab es 2024?", NULL, "Und letztes Jahr?", "Wie viele Einsätze gab es 2025?"},
    {"Combien de membres en 2024 ?", NULL, "Et l'année dernière ?", "Combien de membres en 2025 ?"},
    {"¿Cuántas funciones hubo en 2024?", NULL, "¿Y el año pasado?", "¿Cuántas funciones hubo en 2025?"},
    /* left alone */
    {"Who runs the bakery?", "Edith Crane. [1]", "Who is that?", NULL},
    {"Which boat won?", "The Gull. [1]", "How big is that?", NULL},
    {"Which boat won?", "The Gull. [1]", "How old is it?", NULL},
    {"Who runs the bakery?", "Edith Crane. [1]", "What?", NULL},
    {"Who runs the bakery?", "Edith Crane. [1]", "When did she buy the mill?", NULL},
    {"Who runs the bakery?", "Edith Crane. [1]", "The second one?", NULL},
    {"Which flours are sold?", "Harrow White and Harrow Rye. [1]", "How much does the third one cost?", NULL},
    {"Which flours are sold?", "Harrow White and Harrow Rye. [1]", "When was the last inspection of the mill?", NULL},
    {"Which flours are sold?", "Harrow White and Harrow Rye. [1]", "Who lives on the second floor?", NULL},
    {"Which flours are sold?", "Harrow White and Harrow Rye. [1]", "And the other one?", NULL}, /* neither was asked about */
    {"How many people came?", NULL, "And the year before?", NULL},
    {"How many people came?", NULL, "Why did fewer come last year?", NULL},
    {"Who runs the bakery?", "Edith Crane. [1]", "Thanks", NULL},
    {"Why?", NULL, "When?", NULL},
    {"Never mind. Tell me about the mill.", NULL, "How so?", NULL},
    {"Which flours are sold?", "Harrow White and Harrow Rye. [1]", "Tell me about the first two.", NULL},
    {"How long were they?", "They were 1.5 and 1.8 metres. [1]", "And the last one?", NULL},
};

static void what_a_question_points_at_is_put_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        follow_up_turn said = {cases[i].earlier, cases[i].reply};
        follow_up f;
        arena a;
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_refer(cases[i].question, &said, 1, YEAR, &a, &f, NULL), CAIRN_OK);
        if (!cases[i].whole != !f.whole || (f.whole && strcmp(f.whole, cases[i].whole) != 0))
            fail_msg("%s | %s | %s: %s", cases[i].earlier, cases[i].reply ? cases[i].reply : "", cases[i].question, f.whole ? f.whole : "nothing");
        arena_clear(&a);
    }
}

static void the_other_one_is_that_which_was_not_asked_about(void **state)
{
    static const follow_up_turn said[] = {{"Which rooms are there?", "The hall has two rooms, the Oak Room and the Beech Room. [1]"},
                                          {"How many seats has the Oak Room?", "40. [1]"}};
    static const char *const asked[] = {"And the other one?", "and the other room?", "The second one?", "the last one"};
    follow_up f;
    arena a;

    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_refer(asked[i], said, 2, YEAR, &a, &f, NULL), CAIRN_OK);
        assert_non_null(f.whole);
        assert_string_equal(f.whole, "How many seats has the Beech Room?");
        assert_string_equal(f.replaced, "Oak Room");
        arena_clear(&a);
    }
}

static void others_are_asked_for_without_those_told(void **state)
{
    static const follow_up_turn said = {"Who is trained?", "Jonas Beck and Ann. [1]"};
    static const follow_up_turn deutsch = {"Wer ist ausgebildet?", "Das ist Jonas Beck. [1]"};
    follow_up f;
    arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(follow_up_refer("Who else?", &said, 1, YEAR, &a, &f, NULL), CAIRN_OK);
    assert_true(f.others);
    assert_string_equal(f.whole, "Who is trained?");
    assert_string_equal(f.besides, "Who is trained, besides Jonas Beck, Ann?");
    assert_int_equal(follow_up_refer("Wer sonst noch?", &deutsch, 1, YEAR, &a, &f, NULL), CAIRN_OK);
    assert_string_equal(f.besides, "Wer ist ausgebildet, außer Jonas Beck?");
    assert_int_equal(follow_up_refer("Who else works there?", &said, 1, YEAR, &a, &f, NULL), CAIRN_OK);
    assert_true(f.others && !f.whole);
    assert_int_equal(follow_up_refer("Is there anything else?", &said, 1, YEAR, &a, &f, NULL), CAIRN_OK);
    assert_false(f.others);
    arena_clear(&a);
}

static void what_was_told_is_not_given_again(void **state)
{
    static const char reply[] = "In 2024 the weir was moved to Denby, and the K1 was sold [1]. The mill was shut because the weir broke [2].";
    static const struct {
        const char *text;
        follow_up_known known;
        bool why, repeats;
    } told[] = {
        {"The weir was moved to Denby.", {NULL, true, NULL}, false, false},
        {"The weir was moved to Denby.", {reply, false, NULL}, false, false},
        {"The weir was moved to Denby.", {reply, false, NULL}, true, true},
        {"The mill was shut because the weir broke.", {reply, false, NULL}, true, false}, /* a reason */
        {"The mill was shut because the weir broke.", {reply, true, NULL}, true, true},
        {"Ann Lee moved the big house of stone.", {reply, true, NULL}, false, false}, /* new */
        {"In 2024 the weir was moved.", {reply, false, "2025"}, false, true},
        {"In 2025 the weir was moved.", {reply, false, "2025"}, false, false},
        {"The K1 was sold.", {reply, false, "K2"}, false, true},
        {"The K1 was sold.", {reply, false, "the K1"}, false, false},
        {"the weirs", {"the weirs", false, "weir"}, false, false},
        {"Anna", {"Ann", true, NULL}, false, false},
        {"", {reply, true, NULL}, false, true}, /* nothing new */
    };

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (follow_up_repeats(told[i].text, strlen(told[i].text), &told[i].known, told[i].why) != told[i].repeats)
            fail_msg("%zu: %s", i, told[i].text);
}

static void lists_are_found_in_replies(void **state)
{
    static const struct {
        const char *text, *items; /* with bars between them */
    } lists[] = {
        {"K1, K2 and K2 Pro. [1]", "K1|K2|K2 Pro"},
        {"Bought in 1998 by Edith Crane and Paul Osei. [1]", "Edith Crane|Paul Osei"},
        {"It has two boats, the Petrel and the Gull.", "the Petrel|the Gull"},
        {"Ehrenamtlich helfen Emil Brandt und Sofie Lang.", "Emil Brandt|Sofie Lang"},
        {"Der Saal hat 40 Plätze und kostet 20 Euro.", ""},
        {"It is old and it is cheap.", ""},
        {"north room, south room [1]", "north room|south room"},
        {"LF 20, TLF 3000 [1]", "LF 20|TLF 3000"},
        {"north room and south room. [1]", "north room|south room"},
        {"the red one, blue, and green [1]", "the red one|blue|green"},
        {"40 places [1]", ""},
        {"drei Zimmer, Küche [1]. Das kostet viel. [2]", ""},
        {"at nine, at noon and at five [1]", ""},
        {"1. Peel the fruit\n2. Boil it (an hour)\n", "Peel the fruit|Boil it"},
        {"", ""},
        {"and", ""},
        {"and and and", ""},
        {", and K2", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char seen[512] = "";
        follow_items items;
        follow_items_of(lists[i].text, &items);
        for (size_t k = 0; k < items.n; k++)
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%.*s", k ? "|" : "", (int)items.at[k].len, items.at[k].text);
        if (strcmp(seen, lists[i].items) != 0)
            fail_msg("%s: %s", lists[i].text, seen);
    }
}

static void any_bytes_can_be_read(void **state)
{
    static const char *const parts[] = {"and ", "the ", "K2", "'s", "who else ", "?", " ", "second ", "2021", "\xC2\xBF", "\xC2", "last year", "-", ", ", ". ", "Ber", "\xFF",
                                        "why ", "one ", "y ", "[1] ", "\n", "- ", "other ", "1. ", "\xE2\x80\xA2 ", "du ", "l'", "is that "};
    uint64_t seed = getenv("CAIRN_SEED") ? strtoull(getenv("CAIRN_SEED"), NULL, 10) : 20261127;

    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 20000; round++) {
        char text[5][256] = {"", "", "", "", ""}, *copy[5];
        follow_up f;
        arena a;
        for (int t = 0; t < 5; t++) {
            for (int i = 0; i < (t ? 14 : 4); i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                strcat(text[t], parts[(seed >> 33) % (sizeof parts / sizeof *parts)]);
            }
            copy[t] = strdup(text[t]); /* no byte behind them */
        }
        follow_up_turn said[] = {{copy[1], copy[2]}, {copy[3], copy[4]}};
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_refer(copy[0], said, 2, YEAR, &a, &f, NULL), CAIRN_OK);
        assert_non_null(f.replaced);
        if (f.whole)
            assert_true(strlen(f.whole) < 700);
        follow_up_repeats(copy[1], strlen(copy[1]), &(follow_up_known){copy[2], false, copy[0]}, false);
        arena_clear(&a);
        for (int t = 0; t < 5; t++)
            free(copy[t]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_question_points_at_is_put_in),
        cmocka_unit_test(the_other_one_is_that_which_was_not_asked_about),
        cmocka_unit_test(others_are_asked_for_without_those_told),
        cmocka_unit_test(what_was_told_is_not_given_again),
        cmocka_unit_test(lists_are_found_in_replies),
        cmocka_unit_test(any_bytes_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

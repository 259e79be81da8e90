/* test_decompose.c - questions for two places taken apart, questions for one left alone, and any text at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/decompose.h"
#include "retrieve/quantity.h"

static const struct {
    const char *question;
    decompose_kind kind;
    decompose_order order;
    const char *parts[2], *verdict;
} taken[] = {
    {"Which is longer, the main span of the Bellacourt Bridge or the Leury Tunnel?", DECOMPOSE_COMPARISON, DECOMPOSE_MOST,
     {"How long is the main span of the Bellacourt Bridge?", "How long is the Leury Tunnel?"}, "is longer"},
    {"Which band was formed first The Exies or Circus Diablo ?", DECOMPOSE_COMPARISON, DECOMPOSE_LEAST,
     {"When band formed The Exies?", "When band formed Circus Diablo?"}, "was formed first"},
    {"Who lived longer, Duyvis or Arrowsmith?", DECOMPOSE_COMPARISON, DECOMPOSE_MOST, {"How long lived Duyvis?", "How long lived Arrowsmith?"}, NULL},
    {"Which singer is American, Mark King or Nick Hexum?", DECOMPOSE_COMPARISON, DECOMPOSE_UNDECIDED,
     {"singer is American Mark King?", "singer is American Nick Hexum?"}, NULL},
    {"Is Smugglers' Line longer than the Old Coffin Road?", DECOMPOSE_COMPARISON, DECOMPOSE_MORE,
     {"How long Smugglers' Line?", "How long the Old Coffin Road?"}, NULL},
    {"Is the notice period of the Kestrel lease longer than that of the Heron lease?", DECOMPOSE_COMPARISON, DECOMPOSE_MORE,
     {"How long the notice period of the Kestrel lease?", "How long the notice period of the Heron lease?"}, NULL},
    {"Was the Tannenbaum index invented before the Oduya rule was stated?", DECOMPOSE_COMPARISON, DECOMPOSE_LESS,
     {"When the Tannenbaum index invented?", "When the Oduya rule was stated?"}, NULL},
    {"Are Medici and Senet both board games?", DECOMPOSE_COMPARISON, DECOMPOSE_UNDECIDED,
     {"Medici both board games?", "Senet both board games?"}, NULL},
    {"What is the difference between heme and non-heme iron?", DECOMPOSE_COMPARISON, DECOMPOSE_UNDECIDED, {"heme iron?", "non-heme iron?"}, NULL},
    {"Welche Brücke ist älter, die Hohe oder die Pferdebrücke?", DECOMPOSE_COMPARISON, DECOMPOSE_LEAST,
     {"Wann Brücke ist die Hohe?", "Wann Brücke ist die Pferdebrücke?"}, "ist älter"},
    {"Ist die Fellhütte höher als die Rotterhütte?", DECOMPOSE_COMPARISON, DECOMPOSE_MORE, {"Wie hoch die Fellhütte?", "Wie hoch die Rotterhütte?"}, NULL},
    {"When did Aldersby Mill open and who runs it?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED,
     {"When did Aldersby Mill open?", "who runs Aldersby Mill?"}, NULL},
    {"Wann wurde die Mühle gebaut und wer hat sie bezahlt?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED,
     {"Wann wurde die Mühle gebaut?", "wer hat sie bezahlt?"}, NULL},
    {"¿Cuándo se fundó Lerna y quién la dirige?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED, {"Cuándo se fundó Lerna?", "quién la dirige?"}, NULL},
    {"Quand le moulin est-il né et qui le dirige ?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED, {"Quand le moulin est-il né?", "qui le dirige?"}, NULL},
};

static const struct {
    const char *question, *inner, *outer; /* outer: with the name N */
} bridges[] = {
    {"Where was the director of Thirteen Umbrellas born?", "Who is it, the director of Thirteen Umbrellas?", "Where was N born?"},
    {"What is the birthplace of the director of Thirteen Umbrellas?", "Who is it, the director of Thirteen Umbrellas?", "What is the birthplace of N?"},
    {"When was the company that makes the K1 founded?", "Which is it, the company that makes the K1?", "When was N founded?"},
    {"What is the population of the city where Jonas Kerr was born?", "Where is it, the city where Jonas Kerr was born?",
     "What is the population of N?"},
    {"Where was the man born who first described verlanite?", "Who is it, the man who first described verlanite?", "Where was N born?"},
    {"How high is the van that Sunniva Haug rented?", "Which is it, the van that Sunniva Haug rented?", "How high is N?"},
    {"How often was Dunmorrow Athletic's manager capped?", "Who is it, Dunmorrow Athletic's manager?", "How often was N capped?"},
    {"The trainer of the runner from Borovo was born where?", "Who is it, the runner from Borovo?", "The trainer of N was born where?"},
    {"Wo wurde der Leiter der Eisvogel-Mission geboren?", "Wer ist es, der Leiter der Eisvogel-Mission?", "Wo wurde N geboren?"},
    {"Wie viele Einwohner hat die Stadt, in der Jonas Kerr geboren wurde?", "Wo ist es, die Stadt, in der Jonas Kerr geboren wurde?",
     "Wie viele Einwohner hat N?"},
    {"¿Cuándo nació el director de Las Sombrillas?", "Quién es, el director de Las Sombrillas?", "¿Cuándo nació N?"},
    {"Quelle est la population de la ville où est né Jonas Kerr ?", "Où est-ce, la ville où est né Jonas Kerr?", "Quelle est la population de N ?"},
    {"Où est né l'auteur de La Grange ?", "Qui est-ce, l'auteur de La Grange?", "Où est né N ?"},
};

static const char *const alone[] = {
    "Who is the director of Thirteen Umbrellas?",
    "What is the name of the director of Thirteen Umbrellas?",
    "Scott Howell is a consultant who has worked with the mayor of what city?",
    "How long is the warranty on the pump?",
    "Wer ist der Leiter der Eisvogel-Mission?",
    "What is the population of the city?",
    "",
    "How long is the warranty on the K2's burrs?",
    "Did the mill close before 1950?",
    "Should I descale it before using it?",
    "What was found in the river and its tributaries?",
    "What are the pros and cons of heat pumps?",
    "Was kann das Parlament nicht tun, wodurch die Gleichheit und Demokratie beeinträchtigt werden?",
    "Wie lautet der Name der Eigenschaft, die eine Zahl als Primzahl bezeichnet oder nicht?",
    "Was finanzierten Lane und Vail?",
    "Was passiert, wenn das Immunsystem weniger aktiv als normal ist?",
    "Who wrote the report on rice or wheat?",
    "¿Qué río pasa por Lerna y Argos?",
    "Quelle est la capitale de la France ?",
    "哪个更早?",
};

static void questions_for_two_places_are_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        arena a;
        decomposition d;
        arena_init(&a, 1 << 20);
        assert_int_equal(decompose_question(taken[i].question, &a, &d, NULL), CAIRN_OK);
        if (d.kind != taken[i].kind)
            fail_msg("%s: kind %d", taken[i].question, (int)d.kind);
        assert_int_equal(d.n_parts, 2);
        assert_string_equal(d.parts[0].question, taken[i].parts[0]);
        assert_string_equal(d.parts[1].question, taken[i].parts[1]);
        if (d.order != taken[i].order)
            fail_msg("%s: order %d", taken[i].question, (int)d.order);
        if (taken[i].verdict)
            assert_string_equal(d.verdict, taken[i].verdict);
        arena_clear(&a);
    }
}

static void what_is_described_is_asked_for_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bridges / sizeof *bridges; i++) {
        arena a;
        decomposition d;
        arena_init(&a, 1 << 20);
        assert_int_equal(decompose_question(bridges[i].question, &a, &d, NULL), CAIRN_OK);
        if (d.kind != DECOMPOSE_BRIDGE)
            fail_msg("%s: kind %d", bridges[i].question, (int)d.kind);
        assert_int_equal(d.n_parts, 1);
        assert_string_equal(d.parts[0].question, bridges[i].inner);
        assert_string_equal(decompose_outer(&d, "N", &a), bridges[i].outer);
        arena_clear(&a);
    }
}

static void others_are_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        arena a;
        decomposition d;
        arena_init(&a, 1 << 20);
        assert_int_equal(decompose_question(alone[i], &a, &d, NULL), CAIRN_OK);
        if (d.kind != DECOMPOSE_NONE || d.n_parts)
            fail_msg("%s: kind %d, %s", alone[i], (int)d.kind, d.parts[0].question);
        arena_clear(&a);
    }
}

/* Words of the forms, signs and halves of letters in any order. */
static void any_text_is_read(void **state)
{
    static const char *const bits[] = {"which", "Is", "older", "than", "or", ",", "and", "both", "A", "B", "before", "after", "that", "of", "between", "difference",
                                       "\xC3", "\xC2\xBF", "\xE2\x80", "?", "'s", "when", "who", "oder", "als", "y", "et", "The", "more", ":", "\xF0\x9F", "-", "9", "the", "director", "town", "that", "where", "was", "born", "\"",
                                       "der", "Autor", "l'auteur", "de", "la", "ciudad", "donde", "Kim's"};
    uint32_t seed = 7;

    (void)state;
    for (size_t round = 0; round < 20000; round++) {
        char text[1024] = "";
        size_t n = 0, words = 1 + round % 80;
        arena a;
        decomposition d;
        for (size_t i = 0; i < words; i++) {
            const char *bit;
            seed = seed * 1664525u + 1013904223u;
            bit = bits[(seed >> 16) % (sizeof bits / sizeof *bits)];
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", bit, seed >> 31 ? " " : "");
        }
        arena_init(&a, 1 << 20);
        assert_int_equal(decompose_question(text, &a, &d, NULL), CAIRN_OK);
        assert_true(d.n_parts <= DECOMPOSE_PARTS && (d.kind == DECOMPOSE_NONE) == (d.n_parts == 0) &&
                    (d.kind != DECOMPOSE_BRIDGE || d.n_parts == 1));
        for (size_t i = 0; i < d.n_parts; i++)
            assert_true(d.parts[i].question && d.parts[i].side && strlen(d.parts[i].question) < 4 * sizeof text);
        if (d.kind == DECOMPOSE_BRIDGE) { /* the question is what stands around, and the description in it */
            const char *outer = decompose_outer(&d, "N", &a);
            assert_non_null(outer);
            assert_true(strlen(outer) <= strlen(text) + 2 && !strncmp(outer, text, strlen(d.before)));
        }
        arena_clear(&a);
    }
}

static int order(const char *x, const char *y, bool *known)
{
    arena a;
    quantity *q, *p;
    size_t n, m;
    int out = 9;

    arena_init(&a, 1 << 20);
    assert_int_equal(quantities_find(x, strlen(x), &a, &q, &n, NULL), CAIRN_OK);
    assert_int_equal(quantities_find(y, strlen(y), &a, &p, &m, NULL), CAIRN_OK);
    assert_true(n == 1 && m == 1);
    *known = quantity_compare(q, p, &out);
    arena_clear(&a);
    return out;
}

static void values_are_compared_where_they_can_be(void **state)
{
    bool known;

    (void)state;
    assert_true(order("3 March 2019", "12 May 2021", &known) < 0 && known);
    assert_true(order("12 May 2021", "2019", &known) > 0 && known);
    assert_true(order("500 m", "0.4 km", &known) > 0 && known);
    assert_true(order("18 months", "2 years", &known) < 0 && known);
    assert_true(order("45 minutes", "45 minutes", &known) == 0 && known);
    (void)order("12 May 2021", "2021", &known);
    assert_false(known);
    (void)order("20 EUR", "20 USD", &known);
    assert_false(known);
    (void)order("20 kg", "3 days", &known);
    assert_false(known);
    (void)order("12 May", "2021", &known);
    assert_false(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_for_two_places_are_taken_apart),
        cmocka_unit_test(what_is_described_is_asked_for_first),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(any_text_is_read),
        cmocka_unit_test(values_are_compared_where_they_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

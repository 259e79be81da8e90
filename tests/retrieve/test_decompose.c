/* test_decompose.c - questions for two places taken apart, questions for one left alone, and any text at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    {"Which costs more, the K1 or the K2?", DECOMPOSE_COMPARISON, DECOMPOSE_MOST, {"How much does the K1 cost?", "How much does the K2 cost?"}, "costs more"},
    {"Does the K1 cost less than the K2?", DECOMPOSE_COMPARISON, DECOMPOSE_LESS, {"How much does the K1 cost?", "How much does the K2 cost?"}, NULL},
    {"Of the K1 and the K2, which is heavier?", DECOMPOSE_COMPARISON, DECOMPOSE_MOST, {"How heavy is the K1?", "How heavy is the K2?"}, "is heavier"},
    {"Kestrel Bridge or Heron Bridge: which of the two was opened first?", DECOMPOSE_COMPARISON, DECOMPOSE_LEAST,
     {"When opened Kestrel Bridge?", "When opened Heron Bridge?"}, "was opened first"},
    {"Which of the two is heavier, the K1 or the K2?", DECOMPOSE_COMPARISON, DECOMPOSE_MOST, {"How heavy is the K1?", "How heavy is the K2?"}, NULL},
    {"When did Aldersby Mill open and who runs it?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED,
     {"When did Aldersby Mill open?", "who runs Aldersby Mill?"}, NULL},
    {"Wann wurde die Mühle gebaut und wer hat sie bezahlt?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED,
     {"Wann wurde die Mühle gebaut?", "wer hat sie bezahlt?"}, NULL},
    {"¿Cuándo se fundó Lerna y quién la dirige?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED, {"Cuándo se fundó Lerna?", "quién la dirige?"}, NULL},
    {"Quand le moulin est-il né et qui le dirige ?", DECOMPOSE_CONJUNCTION, DECOMPOSE_UNDECIDED, {"Quand le moulin est-il né?", "qui le dirige?"}, NULL},
};

static const struct {
    const char *question;
    size_t n;
    const char *parts[4], *last_side;
} lists[] = {
    {"What is the price of the K1, the K2 and the K3?", 3, {"What is the price of the K1?", "What is the price of the K2?", "What is the price of the K3?"}, "the K3"},
    {"What is the price of each of the K1, K2 and K3?", 3, {"What is the price of the K1?", "What is the price of K2?", "What is the price of K3?"}, "K3"},
    {"What do the saw S10 and the saw S12 cost?", 2, {"What do the saw S10 cost?", "What do the saw S12 cost?"}, "the saw S12"},
    {"Who is the mayor of each of Lerna, Argos and Port Elgar?", 3,
     {"Who is the mayor of Lerna?", "Who is the mayor of Argos?", "Who is the mayor of Port Elgar?"}, "Port Elgar"},
    {"Was kosten der K1, der K2 und der K3?", 3, {"Was kosten der K1?", "Was kosten der K2?", "Was kosten der K3?"}, "der K3"},
    {"¿Cuánto cuestan la K1 y la K2?", 2, {"Cuánto cuestan la K1?", "Cuánto cuestan la K2?"}, "la K2"},
    {"Combien coûtent la K1 et la K2 ?", 2, {"Combien coûtent la K1 ?", "Combien coûtent la K2 ?"}, "la K2"},
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
    {"Marta Olsen sings in a choir founded by whom?", "Marta Olsen sings in which choir?", "N was founded by whom?"},
    {"The Glass Barn was filmed in a village that lies in which county?", "The Glass Barn was filmed in which village?", "N lies in which county?"},
    {"The opera Nightjar was composed by a man born in what year?", "The opera Nightjar was composed by which man?", "N was born in what year?"},
    {"Ben Oduya studied at a college located in what city?", "Ben Oduya studied at which college?", "N was located in what city?"},
    {"The K1 is made by a company whose founder is whom?", "The K1 is made by which company?", "N's founder is whom?"},
    {"Tilda Mowle lives in the lighthouse that was first lit when?", "Tilda Mowle lives in which lighthouse?", "N was first lit when?"},
    {"Rosa Prize 2011 was won by a novelist from which country?", "Rosa Prize 2011 was won by which novelist?", "N is from which country?"},
    {"Ilka Varnay lent her voice to the hand-painted animated series that was first shown on which day?",
     "Ilka Varnay lent her voice to which hand-painted animated series?", "N was first shown on which day?"},
    {"The bell of Hollin Quarry hangs in a church rebuilt by whom?", "The bell of Hollin Quarry hangs in which church?", "N was rebuilt by whom?"},
    {"Kite Season has a drummer who taught what?", "Kite Season has which drummer?", "N taught what?"},
    {"Anders Brask was a clerk for an English ship owner who was connected with members of what club?", "Anders Brask was a clerk for which English ship owner?",
     "N was connected with members of what club?"},
    {"The captain of the ship Corvina was the first husband of what singer?", "Who is it, The captain of the ship Corvina?", "N was the first husband of what singer?"},
};

static const char *const alone[] = {
    "Who is the director of Thirteen Umbrellas?",
    "What is the name of the director of Thirteen Umbrellas?",
    "Scott Howell is a consultant who has worked with the mayor of what city?",
    "Aldersby Mill is a mill that grinds what?",
    "Prior to the flood, the area now known as Lerna was inhabited by what people?",
    "A street of Lerna is named after the man who drew the map. In what town?",
    "Name the tube in which the snow of Lerna was tested?",
    "Each of the towns of Lerna has a population that exceeds what number?",
    "Although Lerna is in a heavily built urban valley, how much of it has been left?",
    "Most of the clocks in the Aldersby collections date from which two centuries?",
    "Tilda Mowle drew the pictures of the book Nightjar which was written by whom?",
    "How long is the warranty on the pump?",
    "Wer ist der Leiter der Eisvogel-Mission?",
    "What is the population of the city?",
    "What do the K1 and the K2 cost together?",
    "What did Tesla, Edison and Westinghouse build?",
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

static void a_value_for_each_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        arena a;
        decomposition d;
        arena_init(&a, 1 << 20);
        assert_int_equal(decompose_question(lists[i].question, &a, &d, NULL), CAIRN_OK);
        if (d.kind != DECOMPOSE_LIST || d.n_parts != lists[i].n)
            fail_msg("%s: kind %d, %zu parts", lists[i].question, (int)d.kind, d.n_parts);
        for (size_t k = 0; k < d.n_parts; k++)
            assert_string_equal(d.parts[k].question, lists[i].parts[k]);
        assert_string_equal(d.parts[d.n_parts - 1].side, lists[i].last_side);
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
                                       "der", "Autor", "l'auteur", "de", "la", "ciudad", "donde", "Kim's", "each", "K1,", "K2", "K3", "costs", "two"};
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
        cmocka_unit_test(a_value_for_each_is_asked_for),
        cmocka_unit_test(what_is_described_is_asked_for_first),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(any_text_is_read),
        cmocka_unit_test(values_are_compared_where_they_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

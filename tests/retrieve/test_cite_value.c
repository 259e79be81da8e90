/* A claim's number that is a piece of the text's value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/cite_value.h"

static const struct {
    const char *claim, *text, *question;
    bool cut;
} cases[] = {
    {"21F", "Seats: 14A to 14D on the way out, 21C to 21F on the way back.", "Where are our seats on the way back?", true},
    {"21C to 21F", "Seats: 14A to 14D on the way out, 21C to 21F on the way back.", "Where are our seats on the way back?", false},
    {"B12", "Bring the parts B12 and C4 to room 5D.", "Which part is it?", false},
    {"12 seconds", "Dives last 40 seconds on average, the longest on record being 4 minutes 12 seconds.",
     "What is the longest pause between two attempts?", true},
    {"4 minutes 12 seconds", "Dives last 40 seconds on average, the longest on record being 4 minutes 12 seconds.",
     "How long was the longest dive?", false},
    {"40 seconds", "Dives last 40 seconds on average, the longest on record being 4 minutes 12 seconds.",
     "How long do dives last on average?", false},
    {"85", "French press: 75 to 85, 30 g for half a litre",
     "How many marks above zero for a French press?", true},
    {"75 to 85", "French press: 75 to 85, 30 g for half a litre",
     "How many marks above zero for a French press?", false},
    {"12", "We take a stand of 12 square metres at the fair.",
     "What is the number of the stand at the fair?", true},
    {"12 square metres", "We take a stand of 12 square metres at the fair.",
     "How large is the stand?", false},
    {"700", "The burrs last for about 700 kg of coffee.",
     "How many kg of coffee do the burrs last for?", false},
    {"16.8", "The share fell from 21.4 to 16.8 per cent.",
     "What did the share fall to?", false},
    {"2 Jahre", "Die Garantie beträgt 2 Jahre und 6 Monate.",
     "Wie lange gilt die Garantie?", true},
    {"1939", "The war lasted from 1939 to 1945.",
     "When did the war begin?", false},
    {"9:00", "Open 9:00-17:00 on weekdays.",
     "When does it open?", false},
    {"3", "The room is 3 metres high.",
     "Which room is it?", true},
    {"286", "286 devices are affected.",
     "How many devices are affected?", false},
    {"5", "It takes 5 to 7 working days.",
     "How many days does it take?", true},
    {"7", "It takes 5 to 7 working days.",
     "How many days does it take at most?", false},
    {"20", "Dissolve 20 g of citric acid.",
     "How much citric acid is needed?", false},
    {"150", "The fee is 150 euros.",
     "What is the number of the permit?", true},
    {"6 feet", "She is 6 feet 2 inches tall.",
     "How tall is she?", true},
    {"30 minutes", "The ride takes 1 hour and 30 minutes, the break 30 minutes.",
     "How long is the break?", false},
    {"15 minutes", "The film runs 2 hours 15 minutes.",
     "How long is the film?", true},
    {"2 hours 15 minutes", "The film runs 2 hours 15 minutes.",
     "How long is the film?", false},
    {"3", "- 2 onions, 3 carrots", "How many onions are in the soup?", true},
    {"2", "- 2 onions, 3 carrots", "How many onions are in the soup?", false},
    {"3", "3 carrots and 2 onions", "How many onions are in the soup?", true},
    {"2", "2 to 3 onions, 5 carrots", "How many onions are in the soup?", true},
    {"3", "2 to 3 onions, 3 carrots", "How many onions are in the soup at most?", false},
    {"3", "2 Zwiebeln, 3 Karotten und 1 Lorbeerblatt", "Wie viele Zwiebeln brauche ich?", true},
    {"3", "2 cebollas, 3 zanahorias.", "¿Cuántas cebollas lleva la sopa?", true},
    {"4", "2 tables and 4 chairs.", "How many chairs and tables are there?", false},
    {"22", "Of the 40 members, 22 voted for the motion.", "How many members voted?", false},
    {"7", "The club has 40 members; 7 sit on the board.", "How many members sit on the board?", false},
    {"12", "32 helpers have signed up; 12 more are needed for the stall.", "How many helpers have signed up?", true},
    {"32", "32 helpers have signed up; 12 more are needed for the stall.", "How many helpers have signed up?", false},
    {"12", "32 helpers have signed up; 12 more are needed for the stall.", "How many helpers are needed?", false},
    {"12", "32 Helfer haben sich gemeldet. 12 fehlen noch.", "Wie viele Helfer haben sich gemeldet?", true},
    {"7", "40 members signed; 7 refused.", "How many members refused?", false},
    {"18", "Children aged 12–18 pay half.",
     "Up to what age do children pay half?", false},
    {"12", "Children aged 12–18 pay half.",
     "How old are those who pay half?", true},
    {"4", "Raum 4 ist gesperrt.",
     "Welche Nummer hat der Raum?", false},
    {"40", "Der Raum hat 40 Quadratmeter.",
     "Welche Nummer hat der Raum?", true},
    {"3 kg", "Das Paket wiegt 3 kg 200 g.",
     "Was wiegt das Paket?", true},
    {"200 g", "You need 3 kg flour, 200 g butter and salt.",
     "How much butter is needed?", false},
    {"10", "El plazo es de 10 a 15 días.",
     "¿Cuántos días es el plazo?", true},
    {"15", "El plazo es de 10 a 15 días.",
     "¿Cuántos días es el plazo como máximo?", false},
    {"1990", "The bridge was built 1988–1990.",
     "When was the bridge finished?", false},
    {"25", "The speed limit is 25 mph.",
     "What is the speed limit?", false},
    {"8", "A table is for between 8 and 10 people.",
     "How many people fit at a table?", true},
    {"between 8 and 10", "A table is for between 8 and 10 people.",
     "How many people fit at a table?", false},
    {"5 %", "The rent rises by 5 % to 7 %.",
     "By what share does the rent rise?", true},
    {"two", "Water it two or three times a week.",
     "How many times a week is it watered?", true},
    {"90", "It costs 90 euros.",
     "How many euros does it cost?", false},
    {"90", "It costs 90 euros.",
     "What does it cost?", false},
    {"2", "The 2 km path starts at gate 7.",
     "At which gate does the path start?", true},
    {"7", "The 2 km path starts at gate 7.",
     "At which gate does the path start?", false},
};

static void a_value_is_cut_or_whole(void **state)
{
    size_t wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *q = cases[i].question;
        arena a;
        arena_init(&a, 1 << 20);
        bool cut = cite_cuts_value(cases[i].claim, strlen(cases[i].claim), cases[i].text, strlen(cases[i].text), q,
                                   answer_type_of(q, strlen(q)), answer_units_of(q, strlen(q)), &a);
        if (cut != cases[i].cut) {
            print_error("\"%s\" of \"%s\" (%s): %d\n", cases[i].claim, cases[i].text, q, cut);
            wrong++;
        }
        arena_clear(&a);
    }
    assert_int_equal(wrong, 0);
}

static const struct {
    const char *piece, *text, *question, *whole;
    bool per;
} wholes[] = {
    {"75", "French press: 75 to 85, 30 g for half a litre", "How many marks above zero for a French press?", "75 to 85", false},
    {"30 g", "French press: 75 to 85, 30 g for half a litre", "How much coffee for half a litre?", "30 g", false},
    {"12 seconds", "The longest dive took 4 minutes 12 seconds.", "How long was the longest dive?", "4 minutes 12 seconds", false},
    {"4 minutes", "The longest dive took 4 minutes 12 seconds.", "How long was the longest dive?", "4 minutes 12 seconds", false},
    {"18", "Children aged 12–18 pay half.", "Up to what age do children pay half?", "18", false},
    {"16.8 per cent", "The share fell from 21.4 to 16.8 per cent.", "To what share did it fall?", "16.8 per cent", false},
    {"2 Jahre", "Die Garantie beträgt 2 Jahre und 6 Monate.", "Wie lange gilt die Garantie?", "2 Jahre und 6 Monate", false},
    {"one litre", "Dissolve 20 g of citric acid in one litre of water.", "How much citric acid per litre is needed?", "one litre", true},
    {"20 g", "Dissolve 20 g of citric acid in one litre of water.", "How much citric acid per litre is needed?", "20 g", false},
    {"2 litres", "The jug holds 2 litres.", "How many litres does the jug hold?", "2 litres", false},
    {"1 litre", "The jug holds 1 litre.", "How much does a jug hold?", "1 litre", false},
};

static void a_piece_is_made_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
        const char *text = wholes[i].text;
        const size_t from = (size_t)(strstr(text, wholes[i].piece) - text);
        const text_span piece = {from, from + strlen(wholes[i].piece)};
        text_span whole;
        arena a;
        arena_init(&a, 1 << 20);
        whole = cite_whole_value(text, strlen(text), piece, wholes[i].question, &a);
        if (whole.end - whole.start != strlen(wholes[i].whole) || memcmp(text + whole.start, wholes[i].whole, whole.end - whole.start) != 0)
            fail_msg("\"%s\" of \"%s\": \"%.*s\"", wholes[i].piece, text, (int)(whole.end - whole.start), text + whole.start);
        if (cite_is_per_unit(text, strlen(text), piece, wholes[i].question, &a) != wholes[i].per)
            fail_msg("\"%s\" of \"%s\"", wholes[i].piece, text);
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_value_is_cut_or_whole), cmocka_unit_test(a_piece_is_made_whole)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

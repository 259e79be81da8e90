/* The label that "which box?" asks for, as a sentence has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/answer_label.h"

static const struct {
    const char *question, *lang, *text, *label; /* label NULL: none */
} cases[] = {
    {"In welcher Kiste sind die Dias?", "de", "Kiste 7: Dias, Negative", "Kiste 7"},
    {"In welcher Kiste sind die Dias?", "de", "Kiste 3: Schals; Kiste 7: Dias, Negative; Kiste 9: Lampen", "Kiste 7"},
    {"In welcher Kiste sind die Dias?", "de", "Kiste 3: Jacken, Schals, Kiste 7: Dias, Kiste 9: Lampen", "Kiste 7"},
    {"In welcher Kiste sind die Dias?", "de", "Dias und Negative: Kiste Nr. 7", "Kiste Nr. 7"},
    {"In welchem Raum trifft sich die Theatergruppe?", "de",
     "Der Chor probt in Raum 12. Die Theatergruppe trifft sich in Raum 14. Raum 15 bleibt leer.", "Raum 14"},
    {"Dans quelle caisse sont les photos ?", "fr", "Caisse 6 : photos, lettres", "Caisse 6"},
    {"De quel quai part le train pour Nantes ?", "fr", "Le train pour Nantes part du quai B.", "quai B"},
    {"\xC2\xBF""En qu\xC3\xA9 caja est\xC3\xA1n los adornos?", "es", "Caja B: adornos de Navidad", "Caja B"},
    {"Which aisle has the brushes?", "en", "Aisle 12: paint, brushes", "Aisle 12"},
    {"In which room is the choir rehearsal?", "en", "Room 203 hosts the pottery class and room 204 hosts the choir rehearsal.", "room 204"},
    {"In which room does Dr Lowe see patients?", "en", "Dr Patel sees patients in room 6 and Dr Lowe sees patients in room 9.", "room 9"},
    {"In which room does Dr Patel see patients?", "en", "Dr Patel sees patients in room 6 and Dr Lowe sees patients in room 9.", "room 6"},
    {"In welchem Zimmer ist das EKG?", "de", "Die Blutabnahme ist in Zimmer 3, das EKG in Zimmer 5, die Anmeldung im Foyer.", "Zimmer 5"},
    {"Which filing cabinet holds the deeds?", "en", "The deeds are in cabinet C4.", "cabinet C4"},
    {"Which chapter deals with gears?", "en", "Chapter IV deals with gears.", "Chapter IV"},
    /* Nothing of the kind is asked for, or nothing of it is there. */
    {"Where are the slides?", "en", "Box 7: slides", NULL},
    {"What is in box 7?", "en", "Box 7: slides", NULL},
    {"Which slides are in box 7?", "en", "Box 7: slides 1 to 40", NULL},
    {"Which boxes hold the slides?", "en", "Boxes 3 and 4 hold the slides.", NULL},
    {"In which box are the slides?", "en", "The slides are in the big box.", NULL},
    {"In which box are the slides?", "en", "The box 7 people packed has lamps.", NULL},
    {"Which box did I pack the slides in?", "en", "The box I packed holds slides.", NULL},
    {"Which version of the pump runs?", "en", "The pump runs with version 1.5 or later.", NULL},
    {"Which room is hottest at noon?", "en", "The hottest room 14:30 was the attic.", NULL},
    /* Two alike near. */
    {"Which box has slides?", "en", "Slides are in box 3 and slides are in box 7 and slides are in box 3.", NULL},
};

static void the_label_is_found(void **state)
{
    analyzer *an;

    (void)state;
    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text, *want = cases[i].label;
        answer_label found;
        bool any = answer_label_find(an, cases[i].question, cases[i].lang, text, strlen(text), &found);
        if (any != (want != NULL) || (any && (found.whole.end - found.whole.start != strlen(want) ||
                                              memcmp(text + found.whole.start, want, strlen(want)) != 0)))
            fail_msg("%s %s: \"%.*s\", not \"%s\"", cases[i].question, text, any ? (int)(found.whole.end - found.whole.start) : 0,
                     any ? text + found.whole.start : "", want ? want : "");
        if (any && !answer_label_is_in(want, strlen(want), text + found.sign.start, found.sign.end - found.sign.start))
            fail_msg("%s: the sign is not in it", want);
    }
    analyzer_destroy(an);
}

static const struct {
    const char *question, *lang, *head, *row, *label;
} rows[] = {
    {"In welcher Kiste sind die Dias?", "de", "Kiste | Inhalt", "7 | Dias, Negative", "7"},
    {"In welcher Kiste sind die Dias?", "de", "Inhalt | Kiste", "Dias, Negative | Kiste 7", "Kiste 7"},
    {"Which crate are the pillows in?", "en", "Contents | Crate no. | Room", "duvets, pillows | B7 | bedroom", "B7"},
    {"Which crate are the pillows in?", "en", "Contents | Crate | Room", "duvets, pillows |  | bedroom", NULL},
    {"Which crate are the pillows in?", "en", "Contents | Crate | Room", "duvets, pillows", NULL},
    {"Which crate are the pillows in?", "en", "Contents | Crate | Room", "duvets | B7 | bedroom", NULL}, /* another row */
    {"Which crate are the pillows in?", "en", "Crate | Contents | Old crate", "B7 | pillows | C1", NULL}, /* which of the two? */
    {"Which supplier sells bolts?", "en", "Supplier | Part", "Acme Ltd | bolts", NULL}, /* no label, and names have many forms */
    {"Which room is the desk in?", "en", "Thing | Box", "desk | 4", NULL},
};

static void the_cell_of_a_row_is_found(void **state)
{
    analyzer *an;

    (void)state;
    assert_int_equal(analyzer_create(&an, NULL), CAIRN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *row = rows[i].row, *want = rows[i].label;
        answer_label found;
        bool any = answer_label_in_row(an, rows[i].question, rows[i].lang, rows[i].head, strlen(rows[i].head), row, strlen(row), &found);
        if (any != (want != NULL) || (any && (found.whole.end - found.whole.start != strlen(want) ||
                                              memcmp(row + found.whole.start, want, strlen(want)) != 0)))
            fail_msg("%s %s: not \"%s\"", rows[i].question, row, want ? want : "");
    }
    analyzer_destroy(an);
}

static void a_sign_is_a_word(void **state)
{
    (void)state;
    assert_true(answer_label_is_in("In box c4.", 10, "C4", 2));
    assert_false(answer_label_is_in("In box c42.", 11, "C4", 2));
    assert_false(answer_label_is_in("", 0, "7", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_label_is_found), cmocka_unit_test(the_cell_of_a_row_is_found), cmocka_unit_test(a_sign_is_a_word)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

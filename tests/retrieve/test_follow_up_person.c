/* test_follow_up_person.c - pronouns for the one person that was spoken of, and those that are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/follow_up.h"

static const struct {
    const char *earlier, *reply, *question, *whole; /* whole NULL: left alone */
} cases[] = {
    {"Who collects the names?", "Aisha Rahman collects the names until 15 May. [1]", "What is her phone number?",
     "What is Aisha Rahman's phone number?"},
    {"Who collects the names?", "Aisha Rahman [1]", "Where does she live?", "Where does Aisha Rahman live?"},
    {"Who leads the choir?", "Mrs. Vane leads it. [1]", "When was she born?", "When was Mrs. Vane born?"},
    {"Who leads the choir?", "J. Vane [1]", "Who pays him?", "Who pays J. Vane?"},
    {"Who leads the choir?", "Vane [1]", "Is he a member?", "Is Vane a member?"},
    {"When did Darwin sail?", "On 27 December 1831. [1]", "When did he come back?", "When did Darwin come back?"},
    {"When did Ann Lee resign?", "Not in your documents.", "And what did she write to her brother?",
     "what did Ann Lee write to her brother?"},
    {"And Tom Bell's number?", "01947 555 377 [1]", "When does he step down?", "When does Tom Bell step down?"},
    {"Who collects the names?", "Aisha Rahman [1]", "And her e-mail address?", "Aisha Rahman's e-mail address?"},
    {"Who bought Harrow Mill?", "Not in your documents.", "Who told her about the mill?", NULL},
    {"Who is the director of Harrow Mill?", "Edith Crane [1]", "What is her salary?", "What is Edith Crane's salary?"},
    {"Who told the council about the drain?", "Paul Egger told it. [1]", "Who gave him the plan?", "Who gave Paul Egger the plan?"},
    {"Wer leitet die Wehr?", "Die Wehr leitet Jens Albers. [1]", "Seit wann leitet er sie?", NULL},
    {"Wer ist Kassenwart?", "Hans Voss [1]", "Wie lautet seine Telefonnummer?", "Wie lautet Hans Voss' Telefonnummer?"},
    {"Wer ist Kassenwart?", "Jens Albers [1]", "Wann ist er gewählt worden?", "Wann ist Jens Albers gewählt worden?"},
    {"Wer ist Kassenwartin?", "Frau Albers [1]", "Wo steht ihre Adresse?", "Wo steht Frau Albers' Adresse?"},
    {"Was kostet der Steg?", "6.400 Euro [1]", "Wer baut ihn?", NULL},
    {"Wer ist Kassenwart?", "Albers [1]", "Wann ist er gewählt worden?", "Wann ist Albers gewählt worden?"},
    {"Wer ist Kassenwart?", "Jens Albers [1]", "Können Sie mir Ihre Quelle nennen?", NULL},
    {"Wer ist Kassenwart?", "Jens Albers [1]", "Wo wird das Fest sein?", NULL},
    /* left alone */
    {"Who sits on the council?", "Nora Feld and Paul Egger. [1]", "What is her phone number?", NULL},
    {"Whom did Darwin marry?", "Emma Wedgwood [1]", "When was he born?", NULL},
    {"Who leads the choir?", "Nora Vane [1]", "When did Tom Bell see her?", NULL},
    {"Who leads the choir?", "Nora Vane [1]", "Did he like her?", NULL},
    {"Who leads the choir?", "Nora Vane [1]", "How long is the concert?", NULL},
    {"When is the fair?", "On Saturday. [1]", "Who is her deputy?", NULL},
    {"When is the fair in Whitby?", "On Saturday. [1]", "What did he say?", NULL},
};

static void pronouns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        follow_up_turn last = {cases[i].earlier, cases[i].reply};
        follow_up f;
        arena a;
        arena_init(&a, 1 << 20);
        assert_int_equal(follow_up_person(cases[i].question, &last, &a, &f, NULL), CAIRN_OK);
        if (!f.whole != !cases[i].whole || (f.whole && strcmp(f.whole, cases[i].whole) != 0))
            fail_msg("\"%s\": \"%s\" and not \"%s\"", cases[i].question, f.whole ? f.whole : "left alone",
                     cases[i].whole ? cases[i].whole : "left alone");
        arena_clear(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pronouns)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cite_names.c - who does something and whom it is done to. (Other names are in test_cite.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/cite_names.h"

static const struct {
    const char *question, *claim, *text;
    bool object;
} cases[] = {
    {"Who feeds the cat?", "Pelle", "Paulo's mother waters the plants and feeds Pelle (the cat) twice a day.", true},
    {"Who feeds the cat?", "Paulo's mother", "Paulo's mother waters the plants and feeds Pelle (the cat) twice a day.", false},
    {"Who managed the Red Lions?", "the Blue Boars.", "In 1902 Cole, who managed the Blue Boars before, joined the Red Lions.", true},
    {"Who manages the club?", "Cole", "The club is managed by Cole.", false},
    {"Who defeated Harald?", "Sweyn", "Sweyn, who defeated Harald, sailed home.", false},
    {"Who visited the school?", "Ann", "Tom visited Ann. Ann visited the school.", false}, /* once of two times */
    {"Who said that it was late?", "Ann", "It is late, said Ann.", false},
    {"Who is the chair?", "Ann", "The chair is Ann.", false},
    {"Who will feed the cat?", "Pelle", "Tom will feed Pelle.", false}, /* not read */
    {"Wer füttert die Katze?", "Anna", "Morgens füttert Anna die Katze.", false},
    {"When does Tom feed the cat?", "Pelle", "Tom feeds Pelle.", false},
    {"Who feeds the cat?", "", "feeds", false},
    {"Who feeds the cat?", "Pelle", "", false},
    {"who ", "Pelle", "feeds Pelle", false},
};

static void whom_it_is_done_to(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cite_is_object(cases[i].question, cases[i].claim, strlen(cases[i].claim), cases[i].text, strlen(cases[i].text)) != cases[i].object)
            fail_msg("%s \"%s\" in \"%s\"", cases[i].question, cases[i].claim, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whom_it_is_done_to)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

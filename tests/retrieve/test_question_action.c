/* test_question_action.c - the verb of what a question asks to do, in four languages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/question_action.h"

static void the_verb_is_found_where_its_place_is_known(void **state)
{
    static const struct {
        const char *question, *verb; /* NULL: none */
    } cases[] = {
        {"When can I return a grinder?", "return"},
        {"How long do we have to store the files?", "store"},
        {"How much does it cost to rent the pool?", "rent"},
        {"Is it allowed to park in the yard?", "park"},
        {"How many days do you keep found things?", "keep"},
        {"When may members not enter the hall?", "enter"},
        {"Bis wann kann ich einen Kurs stornieren?", "stornieren"},
        {"Was kostet es, den Saal zu mieten?", "mieten"},
        {"¿Cuánto cuesta alquilar una bicicleta?", "alquilar"},
        {"¿En cuántos días puedo devolver una batidora?", "devolver"},
        {"¿Con cuántos días tengo que reservar la sala?", "reservar"},
        {"Combien de jours puis-je garder le livre ?", "garder"},
        {"Combien coûte de louer un vélo ?", "louer"},
        {"When is the roof inspection?", NULL},
        {"How much does the K2 cost?", NULL},
        {"How much do I have to pay for the K2?", NULL},
        {"Was kann man tun?", NULL},
        {"Who can say what the lease does?", NULL},
        {"can I", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_span at = {0, 0};
        bool found = question_action(cases[i].question, strlen(cases[i].question), &at);
        if (found != (cases[i].verb != NULL) || (found && (at.end - at.start != strlen(cases[i].verb) ||
                                                           memcmp(cases[i].question + at.start, cases[i].verb, at.end - at.start))))
            fail_msg("%s: %.*s", cases[i].question, (int)(at.end - at.start), cases[i].question + at.start);
    }
}

static void payments_are_told_in_other_words(void **state)
{
    static const char *const asks[] = {"Quand faut-il payer la facture ?", "Bis wann muss ich die Rechnung bezahlen?", "When is the invoice due?",
                                       "Entro quando va pagata la bolletta?", "发票什么时候要付款？"};
    static const char *const says[] = {"Payable sous 30 jours.", "Zahlbar innerhalb von 14 Tagen ohne Abzug.", "Le solde est à régler à l\u2019arrivée.",
                                       "Forma de pago: transferencia a 60 días.", "Pagamento entro 20 giorni.", "付款期限：收货后六十日内。"};
    static const char *const no[] = {"Date de facture : 3 mai 2026.", "Rechnungsdatum: 08.04.2026.", "When does the gate close?", "开票日期：2026年5月6日。"};

    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        if (!question_asks_payment(asks[i], strlen(asks[i])))
            fail_msg("%s", asks[i]);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (!text_speaks_of_payment(says[i], strlen(says[i])))
            fail_msg("%s", says[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (question_asks_payment(no[i], strlen(no[i])) || text_speaks_of_payment(no[i], strlen(no[i])))
            fail_msg("%s", no[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_verb_is_found_where_its_place_is_known),
                                       cmocka_unit_test(payments_are_told_in_other_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

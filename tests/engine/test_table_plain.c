/* test_table_plain.c - plain questions over tables: lists by what a column says is so, sums that are not called so, places behind the
 * first, in the words of the question's language; and questions that look like them and are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/table_question.h"

#define EURO "\xe2\x82\xac"

static const char *const club_columns[] = {"Member", "Joined", "Plot", "Fee (EUR)", "Paid"};
static const char *const club_cells[] = {
    "Ingrid Falk", "2026-02-14", "12", "80", "yes", "Bram Oude", "2026-02-27", "7", "95", "no",  "Cleo Marsh", "2026-04-03", "12", "80", "yes",
    "David Roth",  "2026-05-19", "3",  "60", "no",  "Edda Quist", "2026-08-30", "7", "95", "yes", "Finn Abel",  "2025-02-11", "15", "110", "no",
};
static const table_grid club = {.title = "members members.csv", .heads = "members\n\nmembers", .lang = "en", .columns = club_columns, .cells = club_cells,
                                .n_columns = 5, .n_rows = 6, .strict = true};

static const char *const loan_columns[] = {"Title", "Borrower", "Returned"};
static const char *const loan_cells[] = {"Dune", "Karin", "3 Mar 2026", "Emma", "Tom", NULL, "Ulysses", "Karin", NULL, "Ivanhoe", "Sven", "1 Jul 2026"};
static const table_grid loans = {.title = "Books on loan loans.docx", .heads = "Books on loan\n\nloans", .lang = "en", .columns = loan_columns, .cells = loan_cells,
                                 .n_columns = 3, .n_rows = 4, .strict = true};

static const char *const sales_columns[] = {"Region", "Month", "Revenue (EUR)", "Units"};
static const char *const sales_cells[] = {
    "North", "Jan", "12000", "110", "North", "Feb", "9500", "90",  "South", "Jan", "7000", "70", "South", "Feb", "8200", "80",
    "South", "Mar", "6100",  "64",  "West",  "Jan", "15000", "130", "West", "Mar", "14100", "126", "East", "Feb", "3900", "41",
    "Total", NULL,  "75800", "711",
};
static const table_grid sales = {.title = "Sales by region sales.xlsx", .heads = "Sales\nSales by region\nsales", .lang = "en", .columns = sales_columns,
                                 .cells = sales_cells, .n_columns = 4, .n_rows = 9, .strict = true};

static const char *const bill_columns[] = {"Rechnung", "Kunde", "Datum", "Betrag", "Bezahlt"};
static const char *const bill_cells[] = {
    "R-101", "M\xc3\xbcller", "03.02.2026", "1.234,56 " EURO, "ja",   "R-102", "Schmitz", "17.04.2026", "890,00 " EURO,   "nein",
    "R-103", "Bauer",  "29.05.2026", "2.410,40 " EURO, "ja",   "R-104", "Krause",  "11.06.2026", "75,10 " EURO,    "nein",
    "R-105", "M\xc3\xbcller", "02.09.2026", "1.000,00 " EURO, "nein", "Summe", NULL,      NULL,         "5.610,06 " EURO, NULL,
};
static const table_grid bills = {.title = "Rechnungen Rechnungen.csv", .heads = "Rechnungen\n\nRechnungen", .lang = "de", .columns = bill_columns, .cells = bill_cells,
                                 .n_columns = 5, .n_rows = 6, .strict = true};

static const char *const dues_columns[] = {"Adh\xc3\xa9rent", "Ville", "Cotisation", "Pay\xc3\xa9"};
static const char *const dues_cells[] = {"Luc Morel", "Lyon", "45,00 " EURO, "oui", "Anne Petit", "Lyon", "60,00 " EURO, "non", "Paul Roux", "Nantes", "60,00 " EURO, "non"};
static const table_grid dues = {.title = "Cotisations depenses.docx", .heads = "Cotisations\n\ndepenses", .lang = "fr", .columns = dues_columns, .cells = dues_cells,
                                .n_columns = 4, .n_rows = 3, .strict = true};

static const char *const socios_columns[] = {"Socio", "Ciudad", "Pagado"};
static const char *const socios_cells[] = {"Marta Gil", "Jerez", "s\xc3\xad", "Luis Prado", "Rota", NULL, "Rosa Vidal", "Jerez", "no"};
static const table_grid socios = {.title = "Socios socios.xlsx", .heads = "Socios\n\nsocios", .lang = "es", .columns = socios_columns, .cells = socios_cells,
                                  .n_columns = 3, .n_rows = 3, .strict = true};

static const char *const cross_columns[] = {"Tenant", "Flat", "Key returned"};
static const char *const cross_cells[] = {"Hale", "1a", "x", "Moss", "1b", NULL, "Reyes", "2a", "x"};
static const table_grid crosses = {.title = "Tenants tenants.csv", .heads = "Tenants\n\ntenants", .lang = "en", .columns = cross_columns, .cells = cross_cells,
                                   .n_columns = 3, .n_rows = 3, .strict = true};

static const char *const all_columns[] = {"Guest", "Invited"};
static const char *const all_cells[] = {"Ada", "yes", "Ben", "yes"};
static const table_grid guests = {.title = "Guests guests.csv", .heads = "Guests\n\nguests", .lang = "en", .columns = all_columns, .cells = all_cells, .n_columns = 2,
                                  .n_rows = 2, .strict = true};

static const char *const cut_columns[] = {"20/02/2026 Hall rent", "(320.00)"}; /* the names of the columns are lost */
static const char *const cut_cells[] = {"08/03/2026 Sheet music", "(85.50)", "15/04/2026 Donations", "600.00", "30/05/2026 Travel", "(410.00)"};
static const table_grid headless = {.title = "Sum of amounts of the cash book book.pdf", .heads = "Cash book\n\nbook", .lang = "en", .columns = cut_columns, .cells = cut_cells,
                                    .n_columns = 2, .n_rows = 3, .strict = true};

static const struct {
    const table_grid *grid;
    const char *question, *answer; /* NULL: the table does not answer */
} asked[] = {
    {&club, "Who has not paid?", "Bram Oude; David Roth; Finn Abel (3 of 6 rows)"},
    {&club, "Who hasn't paid yet?", "Bram Oude; David Roth; Finn Abel (3 of 6 rows)"},
    {&club, "Which members have paid?", "Ingrid Falk; Cleo Marsh; Edda Quist (3 of 6 rows)"},
    {&club, "Who joined in February 2026?", "Ingrid Falk; Bram Oude (2 of 6 rows)"},
    {&club, "Who has not answered the survey?", NULL},
    {&club, "Who has not paid for the party?", NULL},
    {&club, "Who has to pay for Bram Oude?", NULL},
    {&club, "Which member is the treasurer?", NULL},
    {&loans, "Which books have not been returned?", "Emma; Ulysses (2 of 4 rows)"},
    {&loans, "Which films have not been returned?", NULL},
    {&crosses, "How many keys are not returned?", NULL}, /* of what a row is called the last word counts */
    {&loans, "Which titles have not been returned?", "Emma; Ulysses (2 of 4 rows)"},
    {&loans, "Who has not returned Emma?", "Tom (1 of 4 rows)"},
    {&loans, "Who has not returned the DVDs?", NULL},
    {&sales, "How much revenue did the South make?",
     "21300 EUR (sum of Revenue (EUR), 3 of 9 rows: South, Jan, Revenue (EUR): 7000; South, Feb, Revenue (EUR): 8200; South, Mar, Revenue (EUR): 6100)"},
    {&sales, "How much profit did the South make?", NULL},
    {&sales, "How much revenue did the South make before the flood?", NULL},
    {&sales, "How much revenue did the South make in 2024?", NULL},
    {&sales, "How much revenue did Spain make?", NULL},
    {&sales, "Which region has the second highest revenue?", "North: 21500 EUR (sum of Revenue (EUR) by Region, 8 of 9 rows)"},
    {&sales, "Which region has the third lowest revenue?", "North: 21500 EUR (sum of Revenue (EUR) by Region, 8 of 9 rows)"},
    {&sales, "Which region has the fifth highest revenue?", NULL},
    {&bills, "Wer hat nicht bezahlt?", "Schmitz; Krause; M\xc3\xbcller (3 von 6 Zeilen)"},
    {&bills, "Wie hoch ist die Summe der Betr\xc3\xa4ge von M\xc3\xbcller?",
     "2234,56 " EURO " (Summe von Betrag, 2 von 6 Zeilen: R-101, M\xc3\xbcller, Betrag: 1.234,56 " EURO "; R-105, M\xc3\xbcller, Betrag: 1.000,00 " EURO ")"},
    {&bills, "Welche Rechnung hat den zweith\xc3\xb6" "chsten Betrag?", "R-101, M\xc3\xbcller, Betrag: 1.234,56 " EURO},
    {&bills, "Welche Rechnungen sind unbezahlt?", "R-102; R-104; R-105 (3 von 6 Zeilen)"},
    {&bills, "Wie viele Rechnungen wurden gemahnt?", NULL},
    {&dues, "Qui n'a pas pay\xc3\xa9 ?", "Anne Petit; Paul Roux (2 lignes sur 3)"},
    {&dues, "Qui n\xe2\x80\x99" "a pas pay\xc3\xa9 ?", "Anne Petit; Paul Roux (2 lignes sur 3)"},
    {&dues, "Combien d'adh\xc3\xa9rents de Nantes n'ont pas pay\xc3\xa9 ?", "1 (nombre, 1 ligne sur 3: Paul Roux, Nantes)"},
    {&socios, "\xc2\xbfQui\xc3\xa9n no ha pagado?", "Rosa Vidal (1 de 3 filas; 1 sin indicaci\xc3\xb3n)"},
    {&socios, "\xc2\xbfQu\xc3\xa9 socios han pagado?", "Marta Gil (1 de 3 filas; 1 sin indicaci\xc3\xb3n)"},
    {&crosses, "Which tenants have not returned the key?", "Moss (1 of 3 rows)"},
    {&guests, "Which guests are not invited?", "None (0 of 2 rows)"},
    {&guests, "How many guests are not invited?", "0 (count, 0 of 2 rows)"},
    {&headless, "What is the sum of the amounts?", NULL},
    {&headless, "What is the sum?", NULL},
};

static void plain_questions_are_answered_or_left_alone(void **state)
{
    cairn_error err = {0};
    analyzer *an;
    arena memory;
    size_t wrong = 0;

    (void)state;
    assert_int_equal(analyzer_create(&an, &err), CAIRN_OK);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        table_result r;
        arena_init(&memory, (size_t)64 << 20);
        assert_int_equal(table_solve(an, asked[i].question, asked[i].grid, &memory, &r, &err), CAIRN_OK);
        if (!asked[i].answer != !r.text || (r.text && strcmp(r.text, asked[i].answer) != 0)) {
            print_error("%s\n  %s\n  instead of %s\n", asked[i].question, r.text ? r.text : "nothing", asked[i].answer ? asked[i].answer : "nothing");
            wrong++;
        }
        arena_clear(&memory);
    }
    assert_int_equal(wrong, 0);
    analyzer_destroy(an);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_questions_are_answered_or_left_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

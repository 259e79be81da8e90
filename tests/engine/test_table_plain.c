/* test_table_plain.c - plain questions over tables: lists by what a column says is so, sums that are not called so, places behind the
 * first, in the words of the question's language; and questions that look like them and are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

static const char *const visit_columns[] = {"Guest", "Arrived", "Nights"};
static const char *const visit_cells[] = {"Ada", "2025-12-31", "1", "Ben", "2026-01-31", "2", "Cora", "2026-02-01", "4", "Dan", "2026-03-31", "8", "Eva", "2026-06-30", "16",
                                          "Finn", "2026-12-31", "32"};
static const table_grid visits = {.title = "Guests visits.csv", .heads = "Guests\n\nvisits", .lang = "en", .columns = visit_columns, .cells = visit_cells, .n_columns = 3,
                                  .n_rows = 6, .strict = true, .today = 20513}; /* 1 March 2026 */

static const char *const parts_columns[] = {"Filiale", "Quartal", "Umsatz"};
static const char *const parts_cells[] = {"Bonn", "Q1 2026", "100", "Bonn", "Q2 2026", "70", "Ulm", "Q1 2026", "20", "Ulm", "Q2 2026", "9", "Ulm", "Q3 2025", "4"};
static const table_grid parts = {.title = "Umsatz umsatz.csv", .heads = "Umsatz\n\numsatz", .lang = "de", .columns = parts_columns, .cells = parts_cells, .n_columns = 3,
                                 .n_rows = 5, .strict = true, .today = 20513};

static const char *const month_columns[] = {"Boutique", "Mois", "Chiffre d'affaires"};
static const char *const month_cells[] = {"Paris", "janv.", "12 500,00 " EURO, "Paris", "f\xc3\xa9vr.", "10 250,50 " EURO, "Lille", "f\xc3\xa9vr.", "5 100,00 " EURO};
static const table_grid ventes = {.title = "Ventes 2026 ventes.csv", .heads = "Ventes 2026\n\nventes", .lang = "fr", .columns = month_columns, .cells = month_cells, .n_columns = 3,
                                  .n_rows = 3, .strict = true};

static const char *const us_columns[] = {"Order", "Date", "Amount"};
static const char *const us_cells[] = {"A", "02/14/2026", "5", "B", "03/02/2026", "7", "C", "02/03/2026", "9"};
static const table_grid us = {.title = "Orders orders.csv", .heads = "Orders\n\norders", .lang = "en", .columns = us_columns, .cells = us_cells, .n_columns = 3, .n_rows = 3,
                              .strict = true};
static const char *const either_cells[] = {"A", "02/04/2026", "5", "B", "03/02/2026", "7", "C", "02/03/2026", "9"};
static const table_grid either = {.title = "Orders orders.csv", .heads = "Orders\n\norders", .lang = "en", .columns = us_columns, .cells = either_cells, .n_columns = 3, .n_rows = 3,
                                  .strict = true};

static const char *const bed_columns[] = {"Room", "Floor", "Beds"};
static const char *const bed_cells[] = {"Larch", "floor 1", "3", "Pine", "floor 1", "1", "Oak", "floor 2", "5"};
static const table_grid beds = {.title = "Rooms rooms.csv", .heads = "Rooms\n\nrooms", .lang = "en", .columns = bed_columns, .cells = bed_cells, .n_columns = 3, .n_rows = 3,
                                .strict = true};

static const char *const client_columns[] = {"customer_no", "name", "since"};
static const char *const client_cells[] = {"1001", "Bergmann", "2016", "1002", "Hahn", "2019", "1003", "Iris", "2017"};
static const table_grid clients = {.title = "customers customers.csv", .heads = "customers\n\ncustomers", .lang = "en", .columns = client_columns, .cells = client_cells,
                                   .n_columns = 3, .n_rows = 3, .strict = true};

static const char *const shifted_columns[] = {"Date", "Item", "Amount (EUR)"}; /* of a page: two rows lost a gap */
static const char *const shifted_cells[] = {"12/01/2026", "Concert tickets", "1,450.00", "20/02/2026 Hall rent", "(320.00)", NULL, "15/04/2026", "Donations", "600.00",
                                            "30/05/2026 Travel", "(410.00)", NULL, "31/05/2026", "Sheet music", "85.50"};
static const table_grid shifted = {.title = "Cash book book.pdf", .heads = "Cash book\n\nbook", .lang = "en", .columns = shifted_columns, .cells = shifted_cells,
                                   .n_columns = 3, .n_rows = 5, .strict = true};

static const char *const order_columns[] = {"order", "customer", "product", "status"};
static const char *const order_cells[] = {"1", "Hahn", "Lamp", "shipped", "2", "Iris", "Lamp", "open", "3", "Hahn", "Table", "returned", "4", "Jost", "Chair", "open"};
static const table_grid orders = {.title = "orders orders.csv", .heads = "orders\n\norders", .lang = "en", .columns = order_columns, .cells = order_cells, .n_columns = 4,
                                  .n_rows = 4, .strict = true};

static const char *const flat_columns[] = {"Flat", "Balcony", "Lift"};
static const char *const flat_cells[] = {"A", "yes", "yes", "B", "yes", "no", "C", "no", "yes"};
static const table_grid flats = {.title = "Flats flats.csv", .heads = "Flats\n\nflats", .lang = "en", .columns = flat_columns, .cells = flat_cells, .n_columns = 3, .n_rows = 3,
                                 .strict = true};

static const char *const staff_columns[] = {"Employee", "Department", "Salary"};
static const char *const staff_cells[] = {"Ada", "Sales", "3200", "Ben", "Sales", "2900", "Cora", "IT", "4100", "Dan", "IT", "3700"};
static const table_grid staff = {.title = "Staff staff.csv", .heads = "Staff\n\nstaff", .lang = "en", .columns = staff_columns, .cells = staff_cells, .n_columns = 3, .n_rows = 4,
                                 .strict = true};

static const char *const rsvp_columns[] = {"Guest", "Answer", "Arrives"};
static const char *const rsvp_cells[] = {"Helen", "yes", "2027-05-02", "Igor", "no", NULL, "Judy", "yes", "2027-05-03", "Karl", NULL, NULL};
static const table_grid rsvp = {.title = "Guests rsvp.csv", .heads = "Guests\n\nrsvp", .lang = "en", .columns = rsvp_columns, .cells = rsvp_cells, .n_columns = 3, .n_rows = 4,
                                .strict = true, .today = 20513};

static const char *const sub_columns[] = {"Subscriber", "Status", "Fee", "Cancelled"};
static const char *const sub_cells[] = {"Alpha", "paid", "20", NULL, "Beta", "overdue", "45", "2025-01-15", "Gamma", "paid", "45", "2026-02-14", "Delta", "partly paid", "20", NULL};
static const table_grid subs = {.title = "Subscriptions subs.csv", .heads = "Subscriptions\n\nsubs", .lang = "en", .columns = sub_columns, .cells = sub_cells, .n_columns = 4, .n_rows = 4,
                                .strict = true, .today = 20513};

static const char *const pupil_columns[] = {"\xc3\x89l\xc3\xa8ve", "Groupe", "Note", "Absences"};
static const char *const pupil_cells[] = {"Alice", "1", "14,5", "2", "Bruno", "2", "9", "0", "Chlo\xc3\xa9", "1", "17", "5", "Denis", "3", "11,5", "1"};
static const table_grid pupils = {.title = "Liste des \xc3\xa9l\xc3\xa8ves eleves.docx", .heads = "Liste des \xc3\xa9l\xc3\xa8ves\n\neleves", .lang = "fr", .columns = pupil_columns,
                                  .cells = pupil_cells, .n_columns = 4, .n_rows = 4, .strict = true};

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
    {&visits, "How many guests arrived in 2026?", "5 (count, 5 of 6 rows: Ben; Cora; Dan; Eva; Finn)"},
    {&visits, "Who arrived in February 2026?", "Cora (1 of 6 rows)"},
    {&visits, "Who arrived in the first quarter of 2026?", "Ben; Cora; Dan (3 of 6 rows)"},
    {&visits, "Which guests arrived this year?", "Ben; Cora; Dan; Eva; Finn (5 of 6 rows)"},
    {&visits, "Which guests arrived last month?", "Cora (1 of 6 rows)"},
    {&visits, "What is the total of the nights of guests who arrived last year?", "1 (sum of Nights, 1 of 6 rows: Ada, Nights: 1)"},
    {&visits, "Who arrived in December?", NULL}, /* of which year? */
    {&visits, "Who arrived in H2 2026?", "Finn (1 of 6 rows)"},
    {&parts, "Wie viel Umsatz hat Bonn im zweiten Quartal 2026 gemacht?", "70 (Summe von Umsatz, 1 von 5 Zeilen: Bonn, Q2 2026, Umsatz: 70)"},
    {&parts, "Wie hoch ist der gesamte Umsatz im 1. Quartal 2026?", "120 (Summe von Umsatz, 2 von 5 Zeilen: Bonn, Q1 2026, Umsatz: 100; Ulm, Q1 2026, Umsatz: 20)"},
    {&parts, "Wie hoch ist der gesamte Umsatz in diesem Jahr?", "199 (Summe von Umsatz, 4 von 5 Zeilen: Bonn, Q1 2026, Umsatz: 100; Bonn, Q2 2026, Umsatz: 70; Ulm, Q1 2026, Umsatz: 20; Ulm, Q2 2026, Umsatz: 9)"},
    {&parts, "Wie hoch ist der gesamte Umsatz im Mai 2026?", NULL}, /* quarters do not tell */
    {&ventes, "Quelle est la somme du chiffre d'affaires en f\xc3\xa9vrier ?", "15350,5 " EURO " (somme de Chiffre d'affaires, 2 lignes sur 3: Paris, f\xc3\xa9vr., Chiffre d'affaires: 10 250,50 " EURO "; Lille, f\xc3\xa9vr., Chiffre d'affaires: 5 100,00 " EURO ")"},
    {&ventes, "Quelle est la somme du chiffre d'affaires en f\xc3\xa9vrier 2025 ?", NULL}, /* the months are of 2026 */
    {&sales, "How much revenue did the South make in February?", "8200 EUR (sum of Revenue (EUR), 1 of 9 rows: South, Feb, Revenue (EUR): 8200)"},
    {&us, "What is the total amount in February 2026?", "14 (sum of Amount, 2 of 3 rows: A, Amount: 5; C, Amount: 9)"},
    {&either, "What is the total amount in February 2026?", NULL},
    {&either, "What is the total amount in 2026?", "21 (sum of Amount, 3 of 3 rows)"},
    {&headless, "What is the sum of the amounts?", NULL},
    {&headless, "What is the sum?", NULL},
    {&bills, "Welche Rechnungen m\xc3\xbcssen bezahlt werden?", NULL},
    {&bills, "Welche Kunden haben bezahlt?", NULL}, /* of M\xc3\xbcller's one is paid and one is not */
    {&bills, "Wie viele Rechnungen sind noch zu bezahlen?", NULL},
    {&club, "Which members have to be paid?", NULL},
    {&club, "How many members should be paid?", NULL},
    {&club, "Which members are no longer paid?", NULL},
    {&club, "Who has not paid and why?", NULL},
    {&club, "Who else has not paid?", NULL},
    {&club, "Who paid in 2025?", NULL}, /* they joined then */
    {&club, "How many members have not paid since April 2026?", NULL},
    {&club, "Which of the members who joined in 2025 have not paid?", "Finn Abel (1 of 6 rows)"},
    {&club, "Who are Bram and David?", NULL},
    {&orders, "Which customers did not order lamps?", NULL}, /* Hahn ordered one, and a table */
    {&orders, "Which customers ordered lamps?", "Hahn; Iris (2 of 4 rows)"},
    {&orders, "Which orders are from neither Hahn nor Iris?", NULL},
    {&orders, "Which orders are not from Hahn or Iris?", NULL},
    {&orders, "Which orders are open or from Hahn?", NULL},
    {&orders, "How many orders are not from Hahn or Iris?", NULL},
    {&orders, "How many orders are open or from Hahn?", NULL},
    {&orders, "Which orders are from Hahn or Iris?", "1; 2; 3 (3 of 4 rows)"},
    {&flats, "Which flats have a balcony or a lift?", NULL},
    {&flats, "Which flats have a balcony and no lift?", "B (1 of 3 rows)"},
    {&sales, "What revenue did the South make in February?", "8200 EUR (sum of Revenue (EUR), 1 of 9 rows: South, Feb, Revenue (EUR): 8200)"},
    {&sales, "What is the capital of the South?", NULL},
    {&ventes, "Quel chiffre d'affaires a fait Paris ?", "22750,5 " EURO " (somme de Chiffre d'affaires, 2 lignes sur 3: Paris, janv., Chiffre d'affaires: 12 500,00 " EURO "; Paris, f\xc3\xa9vr., Chiffre d'affaires: 10 250,50 " EURO ")"},
    {&ventes, "Quelle marge a fait Paris ?", NULL},
    {&staff, "What is the average salary in IT?", "3900 (mean of Salary, 2 of 4 rows: Cora, IT, Salary: 4100; Dan, IT, Salary: 3700)"},
    {&staff, "What is the average salary in HR?", NULL},
    {&staff, "What is the average salary in US?", NULL},
    {&rsvp, "Who has not answered?", NULL}, /* no is an answer */
    {&rsvp, "Which guests have not arrived?", NULL}, /* nor will they before the day */
    {&subs, "Which subscribers have not cancelled?", "Alpha; Delta (2 of 4 rows)"},
    {&subs, "How many subscribers cancelled in 2026?", "1 (count, 1 of 4 rows: Gamma, paid)"},
    {&subs, "What is the total fee of the subscribers who have not cancelled?", "40 (sum of Fee, 2 of 4 rows: Alpha, paid, Fee: 20; Delta, partly paid, Fee: 20)"},
    {&subs, "Which subscribers have paid?", NULL}, /* one has partly */
    {&subs, "Which subscribers are overdue?", NULL}, /* that one row is found as well by any other way */
    {&pupils, "Combien d'absences y a-t-il au total ?", "8 (somme de Absences, 4 lignes sur 4)"},
    {&pupils, "Quelle est la moyenne des notes du groupe 1 ?", "15,75 (moyenne de Note, 2 lignes sur 4: Alice, Note: 14,5; Chlo\xc3\xa9, Note: 17)"},
    {&club, "What is the total fee in 2026?", NULL}, /* they joined then */
    {&club, "What is the total fee of the members who joined in 2026?", "410 EUR (sum of Fee (EUR), 5 of 6 rows: Ingrid Falk, Fee (EUR): 80; Bram Oude, Fee (EUR): 95; Cleo Marsh, Fee (EUR): 80; David Roth, Fee (EUR): 60; Edda Quist, Fee (EUR): 95)"},
    {&club, "How many members will join in 2026?", NULL},
    {&shifted, "What is the sum of the amounts?", NULL},
    {&clients, "Which customers are there since 2016?", NULL}, /* those of that year, or later ones? */
    {&clients, "Which customers were there before 2018?", "Bergmann; Iris (2 of 3 rows)"},
    {&clients, "Which customers were there before 2030?", NULL}, /* all of them */
    {&club, "How many plots are there?", "4 (different values of Plot, 6 of 6 rows)"},
    {&club, "Which member joined last?", "Edda Quist, Joined: 2026-08-30"},
    {&club, "Which member is the oldest?", NULL},
    {&bills, "Welche Rechnung ist die neueste?", "R-105, M\xc3\xbcller, Datum: 02.09.2026"},
    {&beds, "How many beds are there?", "9 (sum of Beds, 3 of 3 rows)"},
    {&beds, "How many beds are in the rooms Oak and Pine?", "6 (sum of Beds, 2 of 3 rows: Pine, floor 1, Beds: 1; Oak, floor 2, Beds: 5)"},
    {&beds, "How many floors are there?", "2 (different values, 3 of 3 rows)"},
    {&beds, "Which rooms have at least 1,000 kg?", NULL},
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

#define MANY 50000

/* Twenty names of a long list are said, and how many are not; tables as long as they may be take no square of their rows. */
static void long_lists_are_cut(void **state)
{
    static const char *cells[MANY * 2];
    static char names[MANY][16];
    static const char *const columns[] = {"Member", "Paid"};
    table_grid g = {.title = "members", .heads = "members", .lang = "en", .columns = columns, .cells = cells, .n_columns = 2, .n_rows = MANY, .strict = true};
    cairn_error err = {0};
    analyzer *an;
    arena memory;
    table_result r;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "Member %zu", i / 2);
        cells[2 * i] = names[i];
        cells[2 * i + 1] = i / 2 % 2 ? "yes" : "no";
    }
    assert_int_equal(analyzer_create(&an, &err), CAIRN_OK);
    arena_init(&memory, (size_t)512 << 20);
    assert_int_equal(table_solve(an, "Which members have not paid?", &g, &memory, &r, &err), CAIRN_OK);
    assert_non_null(r.text);
    assert_int_equal(strncmp(r.text, "Member 0; Member 2; Member 4; ", 30), 0);
    assert_non_null(strstr(r.text, "Member 38; ... (12480 more) (25000 of 50000 rows)"));
    arena_clear(&memory);
    analyzer_destroy(an);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(plain_questions_are_answered_or_left_alone), cmocka_unit_test(long_lists_are_cut)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_exhaustive.c - which questions are about all documents, and about what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "retrieve/exhaustive.h"

static const struct {
    const char *question;
    int kind; /* -1: an ordinary question */
    const char *lang, *topic;
} cases[] = {
    {"Which of my contracts mention the indexation clause?", EXHAUSTIVE_LIST, "en", "indexation clause"},
    {"How many files contain \"burr set\"?", EXHAUSTIVE_COUNT, "en", "\"burr set\""},
    {"List all documents about water hardness.", EXHAUSTIVE_LIST, "en", "water hardness"},
    {"Welche meiner Verträge erwähnen die Kaution?", EXHAUSTIVE_LIST, "de", "Kaution"},
    {"In welchen Dateien kommt Kestrel vor?", EXHAUSTIVE_LIST, "de", "Kestrel"},
    {"Wie viele Dokumente enthalten das Wort Wasser?", EXHAUSTIVE_COUNT, "de", "Wasser"},
    {"\xC2\xBF""Cuántos documentos mencionan la fianza?", EXHAUSTIVE_COUNT, "es", "fianza"},
    {"Quels fichiers parlent de café ?", EXHAUSTIVE_LIST, "fr", "café"},
    {"Which contract mentions the deposit?", -1, NULL, NULL},
    {"How many screws hold the lid?", -1, NULL, NULL},
    {"What does the manual say about the files?", -1, NULL, NULL},
    {"Which files mention", -1, NULL, NULL},
    {"Wie viele Geräte sind betroffen?", -1, NULL, NULL},
    {"", -1, NULL, NULL},
    {"Which documents do not mention the deposit?", EXHAUSTIVE_LIST, "en", "deposit"},
    {"Which pages mention Ewa or Tomasz?", EXHAUSTIVE_LIST, "en", "Ewa or Tomasz"},
    {"In which documents is the ash mentioned?", EXHAUSTIVE_LIST, "en", "ash"},
    {"In welchen Protokollen wird die Esche erwähnt?", EXHAUSTIVE_LIST, "de", "Esche"},
    {"Welche Verträge erwähnen die Kaution nicht?", EXHAUSTIVE_LIST, "de", "Kaution"},
    {"\xC2\xBFQué documentos hablan del ascensor?", EXHAUSTIVE_LIST, "es", "ascensor"},
    {"Show me every page that contains the word Falcon.", EXHAUSTIVE_LIST, "en", "Falcon"},
    {"How many PDF files are there?", EXHAUSTIVE_COUNT, "en", "files"},
    {"How many invoices do I have of 2024?", EXHAUSTIVE_COUNT, "en", "invoices"},
    {"Wie viele Dokumente gibt es insgesamt?", EXHAUSTIVE_COUNT, "de", "Dokumente"},
    {"\xC2\xBF""Cuántas facturas hay de 2024?", EXHAUSTIVE_COUNT, "es", "facturas"},
    {"Which of my pdfs mention Edith?", EXHAUSTIVE_LIST, "en", "Edith"},
    {"Which PDFs mention the crane?", EXHAUSTIVE_LIST, "en", "crane"},
    {"Which documents mention neither oak nor larch?", EXHAUSTIVE_LIST, "en", "neither oak nor larch"},
    {"Welche Dateien erw\xC3\xA4hnen weder Miete noch Strom?", EXHAUSTIVE_LIST, "de", "weder Miete noch Strom"},
    {"Which files contain no prices?", EXHAUSTIVE_LIST, "en", "prices"},
    {"Which files mention No 5?", EXHAUSTIVE_LIST, "en", "No 5"},
    {"How many invoices do we have to Penhale Sailing Club?", EXHAUSTIVE_COUNT, "en", "invoices"},
    {"how many emails from Marian", EXHAUSTIVE_COUNT, "en", "emails"},
    {"How many mails did Edith send?", EXHAUSTIVE_COUNT, "en", "mails"},
    {"List all invoices", EXHAUSTIVE_LIST, "en", "invoices"},
    {"Which PDF files are there?", EXHAUSTIVE_LIST, "en", "files"},
    {"Which files could not be read?", EXHAUSTIVE_LIST, "en", "files"},
    {"Welche meiner Dateien waren nicht lesbar?", EXHAUSTIVE_LIST, "de", "Dateien"},
    {"Wie viele Rechnungen haben wir von Reifen Huber?", EXHAUSTIVE_COUNT, "de", "Rechnungen"},
    /* ordinary ones that have the words */
    {"Which recipes are there?", -1, NULL, NULL},
    {"What is the total of all invoices?", -1, NULL, NULL},
    {"What is in the reports?", -1, NULL, NULL},
    {"What are the invoices from Penhale?", -1, NULL, NULL},
    {"What invoices do we have in total?", EXHAUSTIVE_LIST, "en", "invoices"},
    {"Which of my invoices are from Penhale?", EXHAUSTIVE_LIST, "en", "invoices"},
    {"How many PDF files are there in total?", EXHAUSTIVE_COUNT, "en", "files"},
    {"Which files could not be read by the old printer?", -1, NULL, NULL},
    {"How many letters did Kafka write to Milena?", -1, NULL, NULL},
    {"How many invoices does Penhale pay in a year?", -1, NULL, NULL},
    {"How many emails does Marian get a day?", -1, NULL, NULL},
    {"What invoices must be paid in May?", -1, NULL, NULL},
    {"What files does tar include by default?", -1, NULL, NULL},
    {"Which messages does make print about a target?", -1, NULL, NULL},
    {"How many books did Anders have about him?", -1, NULL, NULL},
    {"What letters were written to the ministry about the lamp?", -1, NULL, NULL},
    {"How many pages may a copy contain?", -1, NULL, NULL},
    {"Which documents do I need for the visa?", -1, NULL, NULL},
    {"How many files can join read?", -1, NULL, NULL},
    {"How many documents do I need?", -1, NULL, NULL},
    {"Which reports mention it?", -1, NULL, NULL},
};

static void denials_parts_and_kinds_are_read(void **state)
{
    exhaustive x;
    const char *q;

    (void)state;
    q = "Which documents do not mention the deposit?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.denied && x.n_parts == 1);
    q = "Welche Verträge erwähnen die Kaution nicht?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.denied);
    q = "Quels fichiers ne mentionnent pas le prix ?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.denied);
    assert_memory_equal(q + x.part[0].start, "prix", 4);
    q = "Which pages mention Ewa or Tomasz?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.any && !x.denied && x.n_parts == 2);
    assert_memory_equal(q + x.part[1].start, "Tomasz", x.part[1].end - x.part[1].start);
    q = "Which pages mention Ewa and the pager?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && !x.any && x.n_parts == 2);
    assert_memory_equal(q + x.part[1].start, "pager", x.part[1].end - x.part[1].start);
    q = "Which pages contain \"terms and conditions\"?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.n_parts == 1);
    q = "How many German PDF files do I have from 2024?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.listed && !x.named);
    assert_string_equal(x.filter, "lang:de ext:pdf");
    assert_int_equal(x.year, 2024);
    q = "How many of my invoices are there?";
    assert_true(exhaustive_parse(q, strlen(q), &x) && x.listed && x.named);
    assert_memory_equal(q + x.start, "invoices", x.end - x.start);
}

static bool is(const char *question, size_t start, size_t end, const char *text)
{
    return end - start == strlen(text) && !memcmp(question + start, text, end - start);
}

static void kinds_names_and_exceptions_are_read(void **state)
{
    static const struct {
        const char *question, *filter, *first, *second, *less, *sender, *about;
        bool denied, any;
    } rows[] = {
        {"Which of my pdfs mention Edith?", "ext:pdf", "Edith", "", "", "", "", false, false},
        {"How many German PDF files contain a deposit?", "lang:de ext:pdf", "deposit", "", "", "", "", false, false},
        {"In which spreadsheets is Teal mentioned?", "ext:xlsx,xls,ods", "Teal", "", "", "", "", false, false},
        {"Which e-mails mention the crane or the slipway?", "type:message", "crane", "slipway", "", "", "", false, true},
        {"Which documents mention neither oak nor larch?", "", "oak", "larch", "", "", "", true, true},
        {"Which files mention both oak and larch?", "", "oak", "larch", "", "", "", false, false},
        {"Which files do not mention oak but mention larch?", "", "larch", "", "oak", "", "", false, false},
        {"Welche Dateien erw\xC3\xA4hnen Miete nicht, aber Strom?", "", "Strom", "", "Miete", "", "", false, false},
        {"Which files mention larch, oak or cedar?", "", "larch", "oak", "", "", "", false, true},
        {"Which files mention larch, oak, and cedar?", "", "larch", "oak", "", "", "", false, false},
        {"Which mails from Edith Marlowe mention berths?", "type:message", "berths", "", "", "Edith Marlowe", "", false, false},
        {"Welche E-Mails von Frau B\xC3\xA4hr erw\xC3\xA4hnen die Heizung?", "type:message", "Heizung", "", "", "B\xC3\xA4hr", "", false, false},
        {"Which files mention larch but not oak?", "", "larch", "", "oak", "", "", false, false},
        {"Which files mention larch, but do not mention oak?", "", "larch", "", "oak", "", "", false, false},
        {"Welche Notizen erw\xC3\xA4hnen Strom, aber keine Miete?", "", "Strom", "", "Miete", "", "", false, false},
        {"How many emails are there from Marian Oduya?", "type:message", "", "", "", "Marian Oduya", "", false, false},
        {"How many mails did Edith send?", "type:message", "", "", "", "Edith", "", false, false},
        {"How many invoices do we have to Penhale Sailing Club?", "", "", "", "", "", "Penhale Sailing Club", false, false},
        {"Wie viele Mails kamen von Herrn B\xC3\xA4hr?", "type:message", "", "", "", "B\xC3\xA4hr", "", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *q = rows[i].question;
        exhaustive x;
        if (!exhaustive_parse(q, strlen(q), &x)) {
            fail_msg("ordinary: %s", q);
            continue;
        }
        if (strcmp(x.filter, rows[i].filter) || !is(q, x.part[0].start, x.part[0].end, rows[i].first) ||
            !is(q, x.part[1].start, x.part[1].end, rows[i].second) || !is(q, x.less_start, x.less_end, rows[i].less) ||
            !is(q, x.sender_start, x.sender_end, rows[i].sender) || !is(q, x.about_start, x.about_end, rows[i].about) || x.denied != rows[i].denied ||
            x.any != rows[i].any)
            fail_msg("%s: %s, %.*s, %.*s, less %.*s, sender %.*s, about %.*s%s%s", q, x.filter, (int)(x.part[0].end - x.part[0].start), q + x.part[0].start,
                     (int)(x.part[1].end - x.part[1].start), q + x.part[1].start, (int)(x.less_end - x.less_start), q + x.less_start,
                     (int)(x.sender_end - x.sender_start), q + x.sender_start, (int)(x.about_end - x.about_start), q + x.about_start,
                     x.denied ? ", denied" : "", x.any ? ", any" : "");
    }
}

static void questions_about_all_documents_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        exhaustive x;
        bool found = exhaustive_parse(cases[i].question, strlen(cases[i].question), &x);
        if (found != (cases[i].kind >= 0))
            fail_msg("%s", cases[i].question);
        if (!found)
            continue;
        if ((int)x.kind != cases[i].kind || strcmp(x.lang, cases[i].lang) ||
            x.end - x.start != strlen(cases[i].topic) ||
            memcmp(cases[i].question + x.start, cases[i].topic, x.end - x.start))
            fail_msg("%s: %s %.*s", cases[i].question, x.lang, (int)(x.end - x.start),
                     cases[i].question + x.start);
    }
}

static void any_bytes_can_be_asked(void **state)
{
    static const char *const parts[] = {"which ", "files ", "mention ", "\xC2", "\xC2\xBF", "\xFF", "X", "?", " ",
                                        "wie viele ", "dateien ", "enthalten", "\"", "auf", "but not ", "neither ", "nor ", "from ", "emails ",
                                        "M\xC3\x89 ", "pdfs ", "could not be read", "invoices "};
    const char *env = getenv("CAIRN_SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : 20260604;

    (void)state;
    print_message("CAIRN_SEED=%llu\n", (unsigned long long)seed);
    for (int round = 0; round < 3000; round++) {
        char text[256] = "";
        exhaustive x;
        for (int i = 0; i < 9; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            strcat(text, parts[(seed >> 33) % (sizeof parts / sizeof *parts)]);
        }
        char *exact = strdup(text);
        if (exhaustive_parse(exact, strlen(exact), &x))
            assert_true(x.start < x.end && x.end <= strlen(exact) && x.less_start <= x.less_end && x.less_end <= strlen(exact) && x.about_end <= strlen(exact) &&
                        x.sender_end <= strlen(exact));
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_about_all_documents_are_told),
        cmocka_unit_test(denials_parts_and_kinds_are_read),
        cmocka_unit_test(kinds_names_and_exceptions_are_read),
        cmocka_unit_test(any_bytes_can_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

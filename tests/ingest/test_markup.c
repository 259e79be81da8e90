/* test_markup - Org, reStructuredText, LaTeX, subtitles, notebooks, calendars, cards: what a reader would
 * expect to find, and that nothing of the markup is left; then damage. */
#include "tests/ingest/probe.h"

#include "base/clock.h"

static extractor *ex;

static int start(void **state)
{
    if (probe_setup(state))
        return -1;
    ex = probe_extractor(WORKER, 120000);
    return 0;
}

static int stop(void **state)
{
    extractor_destroy(ex);
    return probe_teardown(state);
}

#define HAS(kind, words)                                                                           \
    do {                                                                                           \
        if (!probe_block(doc, kind, words))                                                        \
            missing(doc, words);                                                                   \
    } while (0)
#define LACKS(words) assert_null(probe_block(doc, 0, words))

static void missing(const ingest_document *doc, const char *words)
{
    for (size_t i = 0; i < doc->n_blocks; i++)
        print_message("[%s %u] %s\n", ingest_block_kind_name(doc->blocks[i].kind),
                      doc->blocks[i].level, doc->blocks[i].text);
    fail_msg("no \"%s\"", words);
}

static ingest_document *read_text(const char *name, const char *text)
{
    return probe_read(ex, probe_file(name, text, strlen(text)));
}

static unsigned level(const ingest_document *doc, const char *words)
{
    const ingest_block *b = probe_block(doc, INGEST_HEADING, words);

    if (!b)
        missing(doc, words);
    return b->level;
}

static void org(void **state)
{
    ingest_document *doc = read_text(
        "a.org", "#+TITLE: The quarry\n#+AUTHOR: A. Mason\n\n* TODO Stone [[https://x.org][basalt]] :work:hard:\n"
                 ":PROPERTIES:\n:ID: secretid\n:END:\nColumns stand\nin rows.\n\n# a remark\n** Deeper\n- one\n- two\n\n"
                 "| stone | weight |\n|-------+--------|\n| slate | 12 |\n\n#+begin_src c\nint main(void);\n#+end_src\n");
    (void)state;

    assert_string_equal(doc->title, "The quarry");
    assert_string_equal(doc->author, "A. Mason");
    assert_int_equal(level(doc, "Stone basalt"), 1);
    assert_int_equal(level(doc, "Deeper"), 2);
    HAS(INGEST_PARAGRAPH, "Columns stand\nin rows.");
    HAS(INGEST_LIST, "- one\n- two");
    HAS(INGEST_TABLE, "stone | weight\nslate | 12");
    HAS(INGEST_CODE, "int main(void);");
    LACKS("secretid");
    LACKS("remark");
    LACKS("TODO");
    assert_int_equal(doc->positions, INGEST_POSITIONS_FILE);
    assert_int_equal(probe_block(doc, 0, "Columns")->line_first, 8);
    ingest_document_free(doc);
}

static void rst(void **state)
{
    ingest_document *doc = read_text(
        "a.rst", "=========\nThe quarry\n=========\n:author: A. Mason\n\nStone\n-----\nSee :ref:`the columns <cols>` and "
                 "`a page <https://x.org>`_.\n\n.. note:: Mind the edge\n\n   of the pit.\n\n.. image:: secret.png\n"
                 "   :alt: the steep side\n\nCode::\n\n    int main(void);\n\n* one\n* two\n\nSand\n-----\nmore\n\n.. a remark\n"
                 "   goes on\n\nEnd.\n");
    (void)state;

    assert_string_equal(doc->title, "The quarry");
    assert_string_equal(doc->author, "A. Mason");
    assert_int_equal(level(doc, "The quarry"), 1);
    assert_int_equal(level(doc, "Stone"), 2);
    assert_int_equal(level(doc, "Sand"), 2);
    HAS(INGEST_PARAGRAPH, "See the columns and a page.");
    HAS(INGEST_PARAGRAPH, "Mind the edge");
    HAS(INGEST_PARAGRAPH, "of the pit.");
    HAS(INGEST_PARAGRAPH, "Code:");
    HAS(INGEST_CODE, "int main(void);");
    HAS(INGEST_LIST, "* one\n* two");
    HAS(INGEST_PARAGRAPH, "End.");
    HAS(INGEST_PARAGRAPH, "the steep side");
    LACKS("secret.png");
    LACKS("remark");
    LACKS("-----");
    ingest_document_free(doc);
}

static void latex(void **state)
{
    ingest_document *doc = read_text(
        "a.tex", "\\documentclass[a4paper]{article}\n\\usepackage{secret}\n\\title{The \\emph{quarry}}\n\\author{A. Mason}\n"
                 "\\newcommand{\\x}{hidden}\n\\begin{document}\n\\maketitle\n\\section[short]{Stone \\& sand}\\label{gone}\n"
                 "Columns of \\textbf{basalt} % a remark\nstand 50\\% high; G\\\"ot\\'eborg, stra\\ss e~\\cite{ref2020}.\n\n"
                 "\\subsection*{Deeper}\nMore.\n\\begin{itemize}\n\\item one\n\\item two\n\\end{itemize}\n"
                 "\\begin{tabular}{l|r}\nslate & 12 \\\\\nchalk & 7\n\\end{tabular}\n"
                 "\\begin{verbatim}\nint main(void) { \\return; }\n\\end{verbatim}\nAt $E=mc^2$.\n\\end{document}\ntrailing\n");
    (void)state;

    assert_string_equal(doc->title, "The quarry");
    assert_string_equal(doc->author, "A. Mason");
    assert_int_equal(level(doc, "Stone & sand"), 2);
    assert_int_equal(level(doc, "Deeper"), 3);
    HAS(INGEST_PARAGRAPH, "Columns of basalt stand 50% high; Göt");
    HAS(INGEST_PARAGRAPH, "Götéborg, straße .");
    HAS(INGEST_LIST, "- one\n- two");
    HAS(INGEST_TABLE, "slate | 12\nchalk | 7");
    HAS(INGEST_CODE, "int main(void) { \\return; }");
    HAS(INGEST_PARAGRAPH, "$E=mc^2$");
    LACKS("secret");
    LACKS("hidden");
    LACKS("remark");
    LACKS("gone");
    LACKS("ref2020");
    LACKS("trailing");
    ingest_document_free(doc);
}

/* Notes of titles and in other notes, over several lines: where they stand is never behind their end. */
static void lines_of_notes_in_latex(void **state)
{
    const ingest_document *doc = read_text("n.tex", "\\begin{document}\n\\section{Stone\nand\n\nsand\\footnote{A note\nof slate}}\n"
                                                    "Columns.\\footnote{Outer\nnote\\footnote{inner note}%\n}\nMore.\n\nLast.\n");
    const ingest_block *b;
    (void)state;

    b = probe_block(doc, INGEST_PARAGRAPH, "A note");
    assert_non_null(b);
    assert_int_equal(b->line_first, 5);
    assert_int_equal(b->line_last, 10);
    b = probe_block(doc, INGEST_PARAGRAPH, "inner note");
    assert_non_null(b);
    assert_non_null(strstr(b->text, "Outer"));
    assert_int_equal(probe_block(doc, 0, "Last.")->line_first, 12);
    ingest_document_free((ingest_document *)doc);
}

/* What was lost, or left as markup, in documents of others. */
static void tables_and_names_of_rst(void **state)
{
    ingest_document *doc = read_text(
        "t.rst", "Boiler\n======\nThe *boiler* heats **water** to 2 * 3 degrees, ``a*b``; a |part| is spare.\n\n"
                 ".. list-table:: Spare rings\n   :header-rows: 1\n\n   * - Ring\n     - Diameter\n   * - small ring\n     - 12 mm\n"
                 "       inside\n\n.. csv-table:: Fuses\n   :header: \"Fuse\", \"Ampere\"\n\n   \"main, old\", 16\n   side, 6\n\n"
                 ".. table:: Modes\n\n   =====  =====\n   Mode   Watts\n   =====  =====\n   eco    900\n   =====  =====\n\n"
                 ".. |part| replace:: valve seat\n");
    (void)state;

    HAS(INGEST_PARAGRAPH, "The boiler heats water to 2 * 3 degrees, a*b; a valve seat is spare.");
    HAS(INGEST_PARAGRAPH, "Spare rings");
    HAS(INGEST_TABLE, "Ring | Diameter\nsmall ring | 12 mm inside");
    HAS(INGEST_TABLE, "Fuse | Ampere\nmain, old | 16\nside | 6");
    HAS(INGEST_TABLE, "Mode | Watts\neco | 900");
    LACKS("header-rows");
    ingest_document_free(doc);
    doc = read_text("c.org", "* A\ntext\n#+BEGIN_COMMENT\nnobody reads it\n#+END_COMMENT\nmore\n");
    HAS(INGEST_PARAGRAPH, "more");
    LACKS("nobody");
    ingest_document_free(doc);
}

static void macros_of_latex(void **state)
{
    ingest_document *doc = read_text(
        "m.tex", "\\documentclass{a}\n\\newcommand{\\glac}{the \\emph{glacier}}\n\\def\\town{Sils}\n\\newcommand{\\two}[2]{#1 and #2}\n"
                 "\\newcommand{\\loop}{\\loop\\loop}\n\\begin{document}\nStakes in \\glac{} near \\town, \\two{ice}{rock}. \\loop End.\n\\end{document}\n");
    (void)state;

    HAS(INGEST_PARAGRAPH, "Stakes in the glacier near Sils, icerock. End.");
    ingest_document_free(doc);
}

static void manual_of_mdoc(void **state)
{
    ingest_document *doc = read_text(
        "oard.8", ".Dd May 1, 2024\n.Dt OARD 8\n.Os\n.Sh NAME\n.Nm oard\n.Nd rows the boat\n.Sh SYNOPSIS\n.Nm\n.Op Fl q | Fl v\n"
                  ".Op Fl c Ar file\n.Sh DESCRIPTION\nThe\n.Nm\ndaemon reads\n.Pa /etc/oard ,\nsee\n.Xr oars 5 .\n.Bl -tag -width x\n"
                  ".It Fl q Ns Ar level\nQuiet rowing\n.Pq by day .\n.El\n");
    (void)state;

    assert_string_equal(doc->title, "OARD(8)");
    HAS(INGEST_PARAGRAPH, "oard\n\xE2\x80\x93 rows the boat");
    HAS(INGEST_PARAGRAPH, "oard\n[-q | -v]\n[-c file]");
    HAS(INGEST_PARAGRAPH, "The\noard\ndaemon reads\n/etc/oard,\nsee\noars(5).");
    HAS(INGEST_PARAGRAPH, "-qlevel Quiet rowing\n(by day).");
    ingest_document_free(doc);
}

static void subtitles(void **state)
{
    ingest_document *doc = read_text("a.srt", "1\n00:00:01,000 --> 00:00:04,000\n<i>Where is</i> the basalt?\n\n"
                                              "2\n00:00:04,500 --> 00:00:06,000\nIn 1912\nit was here.\n\n"
                                              "3\n01:02:03,000 --> 01:02:04,000\n{\\an8}Later.\n");
    (void)state;

    HAS(INGEST_PARAGRAPH, "[00:00:01]");
    HAS(INGEST_PARAGRAPH, "Where is the basalt?\nIn 1912\nit was here.");
    HAS(INGEST_PARAGRAPH, "[01:02:03] \nLater.");
    LACKS("-->");
    ingest_document_free(doc);
    doc = read_text("a.vtt", "WEBVTT\n\nNOTE hidden\n\n00:01.000 --> 00:02.000 align:left\n<v Anna>Marble.\n");
    HAS(INGEST_PARAGRAPH, "[00:00:01]");
    HAS(INGEST_PARAGRAPH, "Anna: Marble.");
    LACKS("hidden");
    ingest_document_free(doc);
}

static void notebook(void **state)
{
    ingest_document *doc = read_text(
        "a.ipynb",
        "{\"metadata\":{\"kernelspec\":{\"language\":\"python\"}},\"nbformat\":4,\"cells\":[{\"cell_type\":\"markdown\","
        "\"source\":[\"# Quarry\\n\",\"\\n\",\"Basalt *columns*\"]},{\"cell_type\":\"code\",\"source\":\"print(6*7)\","
        "\"outputs\":[{\"output_type\":\"stream\",\"text\":[\"42\\n\"]},{\"data\":{\"text/plain\":\"marble\",\"image/png\":"
        "\"aGlkZGVu\"}}]}]}");
    (void)state;

    assert_string_equal(doc->title, "Quarry");
    HAS(INGEST_HEADING, "Quarry");
    HAS(INGEST_PARAGRAPH, "Basalt columns");
    HAS(INGEST_CODE, "print(6*7)");
    HAS(INGEST_CODE, "42");
    HAS(INGEST_CODE, "marble");
    LACKS("aGlkZGVu");
    ingest_document_free(doc);
    doc = read_text("broken.ipynb", "{\"cells\": [");
    HAS(INGEST_CODE, "cells");
    ingest_document_free(doc);
}

static void calendar_and_cards(void **state)
{
    ingest_document *doc = read_text(
        "a.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Quarry days\r\nBEGIN:VEVENT\r\nUID:1\r\n"
                 "DTSTART:20250901T100000Z\r\nDTEND:20250901T113000Z\r\nSUMMARY:Weigh the basalt\r\nLOCATION:Pit 7\r\n"
                 "ATTENDEE;CN=\"A. Mason\":mailto:a@example.org\r\nDESCRIPTION:Bring\\nthe long\r\n  scale\\, please\r\n"
                 "END:VEVENT\r\nBEGIN:VTODO\r\nUID:2\r\nDUE;VALUE=DATE:20250910\r\nSUMMARY:Order slate\r\nEND:VTODO\r\n"
                 "END:VCALENDAR\r\n");
    (void)state;

    assert_string_equal(doc->title, "Quarry days");
    HAS(INGEST_HEADING, "Weigh the basalt");
    HAS(INGEST_PARAGRAPH, "When: 2025-09-01 10:00 UTC to 2025-09-01 11:30 UTC");
    HAS(INGEST_PARAGRAPH, "Where: Pit 7");
    HAS(INGEST_PARAGRAPH, "With: A. Mason");
    HAS(INGEST_PARAGRAPH, "Bring\nthe long scale, please");
    HAS(INGEST_HEADING, "Order slate");
    HAS(INGEST_PARAGRAPH, "Due: 2025-09-10");
    ingest_document_free(doc);

    doc = read_text("a.vcf", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jo Mason\r\nN:Mason;Jo;;;\r\nitem1.TEL;TYPE=cell:+49 221 1\r\n"
                             "ADR:;;Pit Road 7;Bad Ems;;56130;DE\r\nNOTE:knows\\nall ab\r\n out basalt\r\nPHOTO:secret\r\n"
                             "END:VCARD\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:M=C3=BCller;Eva\r\n"
                             "END:VCARD\r\n");
    HAS(INGEST_HEADING, "Jo Mason");
    HAS(INGEST_PARAGRAPH, "Phone: +49 221 1");
    HAS(INGEST_PARAGRAPH, "Address: Pit Road 7, Bad Ems, 56130, DE");
    HAS(INGEST_PARAGRAPH, "Note: knows\nall about basalt");
    HAS(INGEST_HEADING, "Müller, Eva");
    LACKS("secret");
    ingest_document_free(doc);
}

/* Random bytes out of the characters that mean something, in each format: always an answer, and a worker that
 * lives on. */
static void noise(void **state)
{
    static const char *const names[] = {"n.org", "n.rst", "n.tex", "n.srt", "n.vtt", "n.ipynb", "n.ics", "n.vcf"};
    static const char *const some[] = {"\n", "*", " ", "\\section{", "}", "[", "]", "::", "..", "----", "|", "#+begin_src",
                                       "a b", ":x:", "`", "\\begin{itemize}", "\\item", "$", "%", "00:00:01,000 --> ",
                                       "00:00:02,000", "<v", ">", "{\\", "BEGIN:VCARD", "BEGIN:VEVENT", "=", ";", ":",
                                       "{\"cells\":[", "\"", "\xC3\xA4", "\xFF", "\t", "\r\n ", "\\'", "\\\\", "\\end{"};
    const char *given = getenv("CAIRN_SEED");
    unsigned long seed = given ? strtoul(given, NULL, 10) : (unsigned long)clock_wall_ns() % 1000000;
    unsigned short at[3] = {(unsigned short)seed, (unsigned short)(seed >> 16), 3};
    extractor_cage cage;
    (void)state;

    print_message("CAIRN_SEED=%lu\n", seed);
    for (int round = 0; round < 800; round++) {
        char text[4096];
        size_t n = 0;
        ingest_document *doc = NULL;
        cairn_error err = {0};
        for (int words = (int)(nrand48(at) % 200); words--;)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                  some[(size_t)nrand48(at) % (sizeof some / sizeof *some)]);
        cairn_status st = extractor_run(ex, probe_file(names[round % 8], text, n), &doc, &err);
        if (st != CAIRN_OK && st != CAIRN_EINPUT)
            fail_msg("%s: %s", names[round % 8], err.text);
        ingest_document_free(doc);
    }
    assert_int_equal(extractor_describe(ex, &cage, NULL), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
}

/* What was struck out stands between the marks of Markdown, in Markdown and in HTML. */
static void struck(void **state)
{
    ingest_document *doc = read_text("struck.md", "A chain costs ~~18~~ 24 euros.\n\n~~The fee is 30 euros.~~\n\n| part | price |\n| --- | --- |\n| tube | ~~9~~ 11 |\n");
    (void)state;

    HAS(INGEST_PARAGRAPH, "A chain costs ~~18~~ 24 euros.");
    HAS(INGEST_PARAGRAPH, "~~The fee is 30 euros.~~");
    HAS(INGEST_TABLE, "tube | ~~9~~ 11");
    ingest_document_free(doc);
    doc = read_text("struck.html", "<html><body><p>In <del>Mill Lane 4</del> <ins>Harbour Street 9</ins>.</p><p><s> 30 </s>35 euros</p><p><strike></strike>Plain</p>"
                                   "<ul><li>A <span style='text-decoration: line-through'>B</span> C</li></ul><del><p>Whole</p></del></body></html>");
    HAS(INGEST_PARAGRAPH, "In ~~Mill Lane 4~~ Harbour Street 9.");
    HAS(INGEST_PARAGRAPH, "~~30~~ 35 euros");
    HAS(INGEST_PARAGRAPH, "Plain");
    HAS(INGEST_LIST, "- A ~~B~~ C");
    LACKS("~~Plain");
    HAS(INGEST_PARAGRAPH, "~~Whole~~");
    ingest_document_free(doc);
}

/* Nesting and unclosed braces cost no power of their length. */
static void deep(void **state)
{
    size_t len = 2 << 20;
    char *text = malloc(len + 1);
    static const char *const unit[] = {"\\section{", "\\begin{itemize}", "[", "\\x[{", "`", ":a:`"};
    (void)state;

    for (size_t u = 0; u < sizeof unit / sizeof *unit; u++) {
        size_t n = strlen(unit[u]), used = 0;
        ingest_document *doc;
        while (used + n <= (u < 2 ? (size_t)100000 : len / 8))
            memcpy(text + used, unit[u], n), used += n;
        doc = probe_read(ex, probe_file(u < 4 ? "deep.tex" : "deep.rst", text, used));
        ingest_document_free(doc);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(org),       cmocka_unit_test(rst),
        cmocka_unit_test(latex),     cmocka_unit_test(lines_of_notes_in_latex), cmocka_unit_test(subtitles),
        cmocka_unit_test(tables_and_names_of_rst), cmocka_unit_test(macros_of_latex), cmocka_unit_test(manual_of_mdoc),
        cmocka_unit_test(notebook),  cmocka_unit_test(calendar_and_cards),
        cmocka_unit_test(noise),     cmocka_unit_test(deep), cmocka_unit_test(struck),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

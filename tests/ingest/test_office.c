/* test_office - office documents and e-books through the real worker: structure, places, metadata,
 * and what must not come through. The fixtures are made by fixtures/sources/make_office.py. */
#include "tests/ingest/probe.h"

#include <zip.h>

static extractor *ex;

static int setup(void **state)
{
    ex = probe_extractor(WORKER, 120000);
    return probe_setup(state);
}

static int teardown(void **state)
{
    extractor_destroy(ex);
    return probe_teardown(state);
}

#define HAS(kind, words) assert_non_null(probe_block(doc, kind, words))
#define LACKS(words)     assert_null(probe_block(doc, 0, words))

static void described(const ingest_document *doc, const char *title, const char *author)
{
    assert_string_equal(doc->title, title);
    assert_string_equal(doc->author, author);
    assert_int_equal(doc->positions, INGEST_POSITIONS_TEXT);
}

static void word_keeps_structure_and_leaves_out_what_is_gone(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "order.docx");

    described(doc, "Orchard order", "P. Gardener");
    assert_string_equal(doc->lang, "en");
    assert_int_equal(doc->date_ns / 1000000000, 1741080600);
    assert_int_equal(doc->n_pages, 2);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Trees")->level, 1);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Prices")->level, 2);
    HAS(INGEST_PARAGRAPH, "We order forty apple trees of the kind Boskoop.");
    HAS(INGEST_LIST, "- stakes of oak\n- tying rope");
    HAS(INGEST_TABLE, "Tree | Number | Price\nBoskoop | 40 | 31.50\nQuince | 2 | 44.00");
    assert_int_equal(probe_block(doc, INGEST_PARAGRAPH, "Delivery")->page, 1);
    assert_int_equal(probe_block(doc, INGEST_PARAGRAPH, "The ground")->page, 2);
    LACKS("HIDDEN");
    LACKS("DELETED");
    ingest_document_free(doc);
}

/* 0.1 + 0.2 is 0.30000000000000004 in the file. */
static void sheets_name_their_range_and_keep_numbers(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "budget.xlsx");
    const ingest_block *b;
    size_t tables = 0, rows = 0;

    described(doc, "Household budget", "P. Gardener");
    assert_int_equal(doc->n_pages, 2);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Spending")->level, 1);
    HAS(INGEST_HEADING, "A1:D");
    HAS(INGEST_TABLE, "2025-01-02 | item number 1 | 0.3 | 0.5%");
    for (size_t i = 0; i < doc->n_blocks; i++) {
        b = &doc->blocks[i];
        if (b->kind != INGEST_TABLE || b->page != 1)
            continue;
        tables++;
        assert_int_equal(strncmp(b->text, "Day | What | Amount | Share\n", 28), 0);
        for (const char *at = b->text; (at = strstr(at, "item number")) != NULL; at++)
            rows++;
    }
    assert_true(tables > 1);
    assert_int_equal(rows, 60); /* each once */
    b = probe_block(doc, INGEST_TABLE, "Aunt Mathilde | TRUE");
    assert_non_null(b);
    assert_int_equal(b->page, 2);
    HAS(INGEST_HEADING, "A5:D6");
    ingest_document_free(doc);
}

static void slides_are_pages_with_notes(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "talk.pptx");

    described(doc, "Bees in the garden", "P. Gardener");
    assert_int_equal(doc->n_pages, 2);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Why bees")->page, 1);
    HAS(INGEST_LIST, "- They pollinate the plum tree\n  - and the pear tree");
    assert_int_equal(probe_block(doc, INGEST_PARAGRAPH, "wild bees")->page, 1);
    assert_int_equal(probe_block(doc, INGEST_TABLE, "Year | Honey\n2024 | 18 kg")->page, 2);
    ingest_document_free(doc);
}

static void open_document_texts(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "minutes.odt");

    described(doc, "Minutes of the allotment", "P. Gardener");
    assert_int_equal(doc->date_ns / 1000000000, 1741080600);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Water")->level, 2);
    HAS(INGEST_PARAGRAPH, "The pump was repaired in May.");
    HAS(INGEST_PARAGRAPH, "By the firm Wasserfreund.");
    HAS(INGEST_LIST, "- rakes\n  - one of them broken\n- watering cans");
    ingest_document_free(doc);
}

/* The file says "a million empty rows of sixteen thousand cells". */
static void open_document_sheets_and_slides(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "prices.ods");

    described(doc, "Seed prices", "P. Gardener");
    HAS(INGEST_HEADING, "Seeds");
    HAS(INGEST_TABLE, "Seed | Price | In stock\nRadish | 1,20 € | yes\nChard | 2,40 € | no");
    assert_true(doc->text_bytes < 200);
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "compost.odp");
    described(doc, "Compost", "P. Gardener");
    assert_int_equal(doc->n_pages, 2);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Worms")->page, 2);
    assert_int_equal(probe_block(doc, INGEST_PARAGRAPH, "damp and dark")->page, 2);
    assert_ptr_equal(probe_block(doc, 0, "Compost"), &doc->blocks[0]); /* the title comes first */
    ingest_document_free(doc);
}

static void books_follow_their_spine(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "hedge.epub");

    described(doc, "The hedge", "P. Gardener");
    assert_true(probe_block(doc, 0, "Hornbeam") < probe_block(doc, 0, "after midsummer"));
    HAS(INGEST_HEADING, "Cutting");
    LACKS("STYLE");
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "hedge.fb2");
    described(doc, "Живая изгородь", "Пётр Садовник");
    HAS(INGEST_HEADING, "Посадка");
    HAS(INGEST_PARAGRAPH, "Граб сажают осенью.");
    LACKS("QUJD");
    ingest_document_free(doc);
}

/* Code pages by font, surrogate halves, fallback characters, styles, lists, a table, what is
 * hidden. */
static void rich_text(void **state)
{
    static const char file[] =
        "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fcharset0 Times;}{\\f1\\fcharset204 "
        "Times Cyr;}}"
        "{\\stylesheet{\\s2 heading 2;}{\\s0 Normal;}}{\\info{\\title Gr\\'fc\\'dfe}{\\author P. "
        "Gardener}"
        "{\\creatim\\yr2025\\mo3\\dy4\\hr9\\min30}{\\revtim\\yr9999\\mo1\\dy1\\hr9999}}{\\header "
        "HEADER-WORDS\\par}"
        "\\pard\\s2 On the hedge\\par\n"
        "\\pard It is cut \\u8212-{\\v HIDDEN-WORDS} twice {\\f1 \\'e4\\'e0} "
        "\\u-10179?\\u-8654?.\\par\n"
        "\\pard{\\listtext\\'95\\tab}first\\par\\pard{\\listtext\\'95\\tab}second\\par\n"
        "\\trowd\\intbl Tree\\cell Price\\cell\\row\\trowd\\intbl Quince\\cell 44\\cell\\row\n"
        "\\pard{\\*\\unheardof SECRET}{\\pict 4142}{\\field{\\*\\fldinst HYPERLINK X}{\\fldrslt a "
        "link}}"
        "\\bin5 }}}}} and the end.\\par}after";
    ingest_document *doc = probe_read(ex, probe_file("hedge.rtf", file, sizeof file - 1));
    (void)state;

    assert_string_equal(doc->mime, "application/rtf");
    described(doc, "Grüße", "P. Gardener");
    assert_int_equal(doc->created_ns / 1000000000, 1741080600);
    assert_int_equal(doc->date_ns, 0); /* no such day */
    assert_int_equal(probe_block(doc, INGEST_HEADING, "On the hedge")->level, 2);
    HAS(INGEST_PARAGRAPH, "It is cut — twice да 😲.");
    HAS(INGEST_LIST, "• first\n• second");
    HAS(INGEST_TABLE, "Tree | Price\nQuince | 44");
    HAS(INGEST_PARAGRAPH, "a link and the end.");
    HAS(INGEST_PARAGRAPH, "HEADER-WORDS");
    LACKS("HIDDEN");
    LACKS("SECRET");
    LACKS("4142");
    LACKS("HYPERLINK");
    LACKS("after");
    ingest_document_free(doc);
}

/* ---- bad input ---- */

static void refused(const char *path, cairn_status want, const char *words)
{
    cairn_error err = {0};
    ingest_document *doc;

    assert_int_equal(extractor_run(ex, path, &doc, &err), want);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void put(zip_t *z, const char *name, const void *data, size_t len)
{
    zip_source_t *s = zip_source_buffer(z, data, len, 0);
    assert_non_null(s);
    assert_true(zip_file_add(z, name, s, ZIP_FL_OVERWRITE) >= 0);
}

#define RELS                                                                                       \
    "<Relationships><Relationship Id=\"r1\" Type=\"x/officeDocument\" "                            \
    "Target=\"word/document.xml\"/></Relationships>"

/* A document.docx whose main part is `body`. */
static const char *made_docx(const char *name, const void *body, size_t len)
{
    const char *path = probe_path(name);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    assert_non_null(z);
    put(z, "_rels/.rels", RELS, sizeof RELS - 1);
    put(z, "word/document.xml", body, len);
    assert_int_equal(zip_close(z), 0);
    return path;
}

static void struck_runs_stand_between_marks(void **state)
{
    static const char body[] = "<document><body><p><r><t xml:space=\"preserve\">It costs </t></r><r><rPr><strike/></rPr><t>12</t></r><r><rPr><dstrike val=\"true\"/></rPr>"
                               "<t xml:space=\"preserve\"> euros</t></r><r><rPr><strike/></rPr><t xml:space=\"preserve\"> </t></r><r><rPr><strike val=\"0\"/></rPr><t>14 euros.</t></r></p></body></document>";
    ingest_document *doc = probe_read(ex, made_docx("struck.docx", body, sizeof body - 1));
    (void)state;

    HAS(INGEST_PARAGRAPH, "It costs ~~12 euros~~ 14 euros.");
    ingest_document_free(doc);
}

/* An OpenDocument file of the media type `type` with these parts. */
static const char *made_odf(const char *name, const char *type, const char *styles, const char *content)
{
    const char *path = probe_path(name);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    zip_int64_t at;

    assert_non_null(z);
    put(z, "mimetype", type, strlen(type));
    at = zip_name_locate(z, "mimetype", 0);
    assert_int_equal(zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0), 0);
    if (styles)
        put(z, "styles.xml", styles, strlen(styles));
    put(z, "content.xml", content, strlen(content));
    assert_int_equal(zip_close(z), 0);
    return path;
}

#define ODF_STYLE(name, family, parent, type)                                                      \
    "<style name=\"" name "\" family=\"" family "\" parent-style-name=\"" parent                   \
    "\"><text-properties text-line-through-style=\"" type "\"/></style>"

/* By a style of its own, one of its ancestors, a paragraph's (which a span may take back), a cell's. */
static void struck_styles_of_open_document(void **state)
{
    static const char styles[] = "<document-styles><styles>" ODF_STYLE("Gone", "text", "", "solid")
                                 ODF_STYLE("Old", "paragraph", "", "solid") "</styles><automatic-styles>"
                                 ODF_STYLE("T2", "text", "", "solid") "</automatic-styles></document-styles>";
    static const char text[] =
        "<document-content><automatic-styles>" ODF_STYLE("T1", "text", "", "solid")
        "<style name=\"T2\" family=\"text\"/><style name=\"T3\" family=\"text\" parent-style-name=\"Gone\"/>"
        ODF_STYLE("T4", "text", "Gone", "none") ODF_STYLE("C1", "table-cell", "", "solid")
        "</automatic-styles><body><text><p>It costs <span style-name=\"T1\">12</span><span style-name=\"T3\"> euros"
        "</span><span style-name=\"T1\"> </span><span style-name=\"T2\">14 euros.</span></p>"
        "<p style-name=\"Old\">Ask Anna<note><note-body><p>A footnote.</p></note-body></note>, "
        "<span style-name=\"T4\">now Berta</span>.</p><h style-name=\"T1\">Not a style of headings</h>"
        "<table><table-row><table-cell><p>Key</p></table-cell><table-cell style-name=\"C1\" value-type=\"float\" value=\"1234\">"
        "<p>1.234</p></table-cell></table-row></table></text></body></document-content>";
    ingest_document *doc = probe_read(
        ex, made_odf("struck.odt", "application/vnd.oasis.opendocument.text", styles, text));
    (void)state;

    HAS(INGEST_PARAGRAPH, "It costs ~~12 euros~~ 14 euros.");
    HAS(INGEST_PARAGRAPH, "~~Ask Anna,~~ now Berta~~.~~");
    HAS(INGEST_PARAGRAPH, "A footnote.");
    LACKS("~~A footnote");
    HAS(INGEST_HEADING, "Not a style of headings");
    LACKS("~~Not a style");
    HAS(INGEST_TABLE, "Key | ~~1.234 (1234)~~");
    ingest_document_free(doc);
}

/* By \strike and \striked, until the group ends, \plain or a 0; over the end of a paragraph, around a footnote. */
static void struck_words_of_rich_text(void **state)
{
    static const char file[] =
        "{\\rtf1\\ansi\\deff0 It costs {\\strike 12 eur\\'6fs }14 euros.\\par\n"
        "\\striked1 Ask \\strike0\\striked0 Berta\\par Call {\\strike Anna{\\footnote\\plain  Since May.} or Otto}.\\par\n"
        "\\strike one\\par two\\plain  three\\par {\\strike  }none\\par\n"
        "\\trowd\\intbl{\\strike Key}\\cell Box\\cell\\row\\pard\\strike the end}";
    ingest_document *doc = probe_read(ex, probe_file("struck.rtf", file, sizeof file - 1));
    (void)state;

    HAS(INGEST_PARAGRAPH, "It costs ~~12 euros~~ 14 euros.");
    HAS(INGEST_PARAGRAPH, "~~Ask~~ Berta");
    HAS(INGEST_PARAGRAPH, "Call ~~Anna or Otto~~.");
    HAS(INGEST_PARAGRAPH, "Since May.");
    LACKS("~~Since");
    HAS(INGEST_PARAGRAPH, "~~one~~");
    HAS(INGEST_PARAGRAPH, "~~two~~ three");
    HAS(INGEST_PARAGRAPH, "none");
    HAS(INGEST_TABLE, "~~Key~~ | Box");
    HAS(INGEST_PARAGRAPH, "~~the end~~");
    ingest_document_free(doc);
}

static void struck_runs_of_slides(void **state)
{
    static const char rels[] = "<Relationships><Relationship Id=\"r1\" Type=\"x/officeDocument\" "
                               "Target=\"ppt/presentation.xml\"/></Relationships>";
    static const char of_deck[] = "<Relationships><Relationship Id=\"r1\" Type=\"x/slide\" Target=\"slides/slide1.xml\"/></Relationships>";
    static const char deck[] = "<p:presentation xmlns:p=\"p\" xmlns:r=\"r\"><p:sldIdLst><p:sldId id=\"256\" r:id=\"r1\"/></p:sldIdLst></p:presentation>";
    static const char slide[] =
        "<sld><cSld><spTree><sp><txBody><p><r><t>It costs </t></r><r><rPr strike=\"sngStrike\"/><t>12</t></r>"
        "<r><rPr strike=\"dblStrike\"/><t> euros</t></r><r><rPr strike=\"noStrike\"/><t> 14 euros.</t></r></p></txBody></sp>"
        "<graphicFrame><tbl><tr><tc><txBody><p><r><rPr strike=\"sngStrike\"/><t>Key</t></r></p></txBody></tc>"
        "<tc><txBody><p><r><t>Box</t></r></p></txBody></tc></tr></tbl></graphicFrame></spTree></cSld></sld>";
    const char *path = probe_path("struck.pptx");
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    (void)state;

    assert_non_null(z);
    put(z, "_rels/.rels", rels, sizeof rels - 1);
    put(z, "ppt/_rels/presentation.xml.rels", of_deck, sizeof of_deck - 1);
    put(z, "ppt/presentation.xml", deck, sizeof deck - 1);
    put(z, "ppt/slides/slide1.xml", slide, sizeof slide - 1);
    assert_int_equal(zip_close(z), 0);
    ingest_document *doc = probe_read(ex, path);
    HAS(INGEST_PARAGRAPH, "It costs ~~12 euros~~ 14 euros.");
    HAS(INGEST_TABLE, "~~Key~~ | Box");
    ingest_document_free(doc);
}

static void a_bomb_is_refused(void **state)
{
    size_t n = (size_t)300 << 20; /* zeros: a thousandth of it in the file */
    char *zeros = calloc(n, 1);
    (void)state;

    assert_non_null(zeros);
    refused(made_docx("bomb.docx", zeros, n), CAIRN_ELIMIT, "unpacks to more than 256 MiB");
    free(zeros);
}

/* Ten entities of ten, eight levels deep: a hundred million words if somebody replaced them.
 * libxml2 gives up at the first of them; one of a file outside is only not loaded. */
static void entities_do_not_grow(void **state)
{
    bytes x;
    ingest_document *doc;
    (void)state;

    bytes_init(&x, (size_t)1 << 20);
    bytes_append_str(&x, "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY e0 \"laugh \">");
    for (int i = 1; i < 9; i++) {
        bytes_printf(&x, "<!ENTITY e%d \"", i);
        for (int k = 0; k < 10; k++)
            bytes_printf(&x, "&e%d;", i - 1);
        bytes_append_str(&x, "\">");
    }
    bytes_append_str(&x, "]><document><body><p><r><t>&e8;</t></r></p></body></document>");
    refused(made_docx("laughs.docx", x.data, x.len), CAIRN_EINPUT, "broken: its XML is damaged");
    bytes_reset(&x);
    bytes_append_str(
        &x, "<!DOCTYPE d [<!ENTITY own SYSTEM \"file:///etc/passwd\">]><document><body><p><r><t>"
            "before</t></r></p><p><r><t>&own;after</t></r></p></body></document>");
    doc = probe_read(ex, made_docx("outside.docx", x.data, x.len));
    LACKS("root:");
    HAS(INGEST_PARAGRAPH, "before");
    HAS(INGEST_PARAGRAPH, "after");
    ingest_document_free(doc);
    bytes_clear(&x);
}

/* What stands before the damage is kept; a part that leaves the package is not followed. */
static void damage_and_escapes(void **state)
{
    static const char cut[] = "<document><body><p><r><t>kept words</t></r></p><p><r><t>lost";
    static const char away[] = "<Relationships><Relationship Id=\"r1\" Type=\"x/officeDocument\" "
                               "Target=\"../../etc/passwd\"/></Relationships>";
    const char *path;
    ingest_document *doc = probe_read(ex, made_docx("cut.docx", cut, sizeof cut - 1));
    zip_t *z;
    (void)state;

    HAS(INGEST_PARAGRAPH, "kept words");
    assert_non_null(strstr(doc->note, "cut short"));
    ingest_document_free(doc);
    path = probe_path("away.docx");
    z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    put(z, "_rels/.rels", away, sizeof away - 1);
    assert_int_equal(zip_close(z), 0);
    doc = probe_read(ex, path); /* no office document: an archive of what it holds, and no more */
    assert_string_equal(doc->mime, "application/zip");
    assert_int_equal(doc->n_blocks, 1);
    assert_null(doc->members->next);
    ingest_document_free(doc);
    path = probe_path("secret.docx");
    z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    put(z, "_rels/.rels", RELS, sizeof RELS - 1);
    assert_int_equal(zip_file_set_encryption(z, 0, ZIP_EM_AES_256, "x"), 0);
    assert_int_equal(zip_close(z), 0);
    refused(path, CAIRN_EINPUT, "password");
    refused(probe_file("short.docx", "PK\003\004 and no more", 17), CAIRN_EINPUT,
            "broken: its zip");
}

/* Deep nesting ends where libxml2 ends it, not in our stack. */
static void depth_is_bounded(void **state)
{
    bytes x;
    cairn_error err = {0};
    ingest_document *doc;
    (void)state;

    bytes_init(&x, (size_t)16 << 20);
    bytes_append_str(&x, "{\\rtf1 ");
    for (int i = 0; i < 100000; i++)
        bytes_append_str(&x, "{");
    refused(probe_file("deep.rtf", x.data, x.len), CAIRN_ELIMIT, "groups nested");
    bytes_reset(&x);
    bytes_append_str(&x, "<document><body><p><r><t>top</t></r></p><p>");
    for (int i = 0; i < 200000; i++)
        bytes_append_str(&x, "<sdt>");
    if (extractor_run(ex, made_docx("deep.docx", x.data, x.len), &doc, &err) == CAIRN_OK) {
        HAS(INGEST_PARAGRAPH, "top");
        ingest_document_free(doc);
    } else {
        assert_true(err.code == CAIRN_EINPUT || err.code == CAIRN_ELIMIT);
    }
    bytes_clear(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_keeps_structure_and_leaves_out_what_is_gone),
        cmocka_unit_test(sheets_name_their_range_and_keep_numbers),
        cmocka_unit_test(slides_are_pages_with_notes),
        cmocka_unit_test(open_document_texts),
        cmocka_unit_test(open_document_sheets_and_slides),
        cmocka_unit_test(books_follow_their_spine),
        cmocka_unit_test(rich_text),
        cmocka_unit_test(struck_runs_stand_between_marks),
        cmocka_unit_test(struck_styles_of_open_document),
        cmocka_unit_test(struck_words_of_rich_text),
        cmocka_unit_test(struck_runs_of_slides), cmocka_unit_test(a_bomb_is_refused),
        cmocka_unit_test(entities_do_not_grow),
        cmocka_unit_test(damage_and_escapes),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests_name("office", tests, setup, teardown);
}

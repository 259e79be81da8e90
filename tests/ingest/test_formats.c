/* test_formats - each format's fixture through the real worker: what is kept, what is dropped. */
#include "tests/ingest/probe.h"

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

static void html_keeps_the_content(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "page.html");

    assert_string_equal(doc->mime, "text/html");
    assert_string_equal(doc->title, "Greenhouse rules");
    assert_string_equal(doc->author, "R. Gardener");
    assert_string_equal(doc->lang, "en");
    assert_int_equal(doc->date_ns / 1000000000, 1741064767);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Plants")->level, 2);
    HAS(INGEST_PARAGRAPH, "opens at seven. Read the watering plan first.");
    HAS(INGEST_LIST, "- Tomatoes\n  - Roma\n  - Harzfeuer\n- Basil");
    HAS(INGEST_TABLE, "Plant | Night | Day\nTomato | 16");
    assert_int_equal(probe_block(doc, INGEST_TABLE, "Plant")->level, 1);
    HAS(INGEST_CODE, "hose:  12 m\n  rake: 2");
    HAS(INGEST_QUOTE, "Leave it");
    HAS(INGEST_PARAGRAPH, "Wasser läuft — bitte schließen");
    LACKS("cookies");
    LACKS("Members area");
    LACKS("Garden Club");
    LACKS("Sponsored");
    LACKS("imprint");
    LACKS("script text");
    LACKS("color: red");
    LACKS("Hidden");
    ingest_document_free(doc);
}

static void markdown_has_places_in_the_file(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "notes.md");
    const ingest_block *b;
    char file[2048];
    size_t n;
    FILE *f = fopen(FIXTURES "notes.md", "rb");

    assert_non_null(f);
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    assert_string_equal(doc->title, "Field notes");
    assert_string_equal(doc->author, "M. Walker");
    assert_int_equal(doc->date_ns / 1000000000, 1714953600);
    assert_int_equal(doc->positions, INGEST_POSITIONS_FILE);
    b = probe_block(doc, INGEST_PARAGRAPH, "curlew");
    assert_non_null(b);
    assert_string_equal(b->text, "The curlew calls at the pond. It was\ncold, about 3 °C.");
    assert_int_equal(b->line_first, 9);
    assert_int_equal(b->line_last, 10);
    assert_true(b->byte_end <= n);
    for (const char *word = "curlew\0calls\0pond\0cold\0"; *word; word += strlen(word) + 1) {
        uint64_t at = ingest_block_position(b, (size_t)(strstr(b->text, word) - b->text));
        if (memcmp(file + at, word, strlen(word)) != 0)
            fail_msg("%s is not at %llu", word, (unsigned long long)at);
    }
    HAS(INGEST_TABLE, "Bird | Count\nCurlew | 4\nSnipe | 11");
    HAS(INGEST_LIST, "1. walk to the gate\n2. wait\n  - ten minutes\n  - in silence");
    HAS(INGEST_QUOTE, "Do not leave the path.");
    HAS(INGEST_CODE, "def count(birds):\n    return len(birds)");
    HAS(INGEST_PARAGRAPH, "Last words with code and a hard\nbreak.");
    LACKS("tags:");
    ingest_document_free(doc);
}

static void pdf_reads_columns_and_drops_running_lines(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "manual.pdf");
    const ingest_block *b;

    assert_string_equal(doc->title, "Harbour Manual");
    assert_string_equal(doc->author, "A. Example");
    assert_int_equal(doc->date_ns / 1000000000, 1756713600);
    assert_int_equal(doc->created_ns / 1000000000, 1735787045);
    assert_int_equal(doc->n_pages, 3);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Harbour Manual")->level, 1);
    b = probe_block(doc, INGEST_HEADING, "2 Fuel");
    assert_non_null(b);
    assert_int_equal(b->level, 2);
    assert_int_equal(b->page, 2);
    HAS(INGEST_PARAGRAPH, "Every vessel that enters the harbour reports to the harbour master on "
                          "channel twelve. The berth");
    HAS(INGEST_PARAGRAPH, "when the wind exceeds thirty knots.");
    assert_int_equal(probe_block(doc, INGEST_PARAGRAPH, "nineteen")->page, 3);
    LACKS("edition 2025");
    LACKS("Page ");
    ingest_document_free(doc);
}

/* Cells of one or two lines, set in the middle of their row; the space between cells is only a gap.
 */
static void pdf_tables_have_rows(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "table.pdf");
    const ingest_block *b = probe_block(doc, INGEST_TABLE, "part | time from the day of purchase");

    assert_non_null(b);
    assert_int_equal(b->level, 1);
    assert_non_null(strstr(b->text, "\nbody, carriers, electronics | 3 years\nburrs | 18 months"));
    ingest_document_free(doc);
}

/* S/MIME in one part. */
static void signed_and_encrypted_mail(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "signed.eml");

    assert_string_equal(doc->title, "Towage contract");
    assert_non_null(probe_block(doc, 0, "The clause on salvage is signed."));
    assert_non_null(probe_block(doc, INGEST_TABLE, "62 t"));
    assert_string_equal(doc->note, "");
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "closed.eml");
    assert_string_equal(doc->title, "Closed letter");
    assert_non_null(strstr(doc->note, "encrypted"));
    ingest_document_free(doc);
}

static void mail_takes_the_plain_part_and_the_attached_text(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "letter.eml");

    assert_string_equal(doc->mime, "message/rfc822");
    assert_string_equal(doc->title, "Grüße aus Köln");
    assert_string_equal(doc->author, "Jürgen Müller <j@example.org>");
    assert_string_equal(doc->lang, "de");
    assert_int_equal(doc->date_ns / 1000000000, 1756713600);
    HAS(INGEST_PARAGRAPH, "der Zug fährt um neun Uhr vom Gleis sieben.");
    HAS(INGEST_PARAGRAPH, "bread and butter");
    HAS(INGEST_PARAGRAPH, "Attachments: list.txt, photo.png");
    LACKS("not taken");
    ingest_document_free(doc);
}

static void the_rest(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "people.csv");
    HAS(INGEST_TABLE,
        "name | city | remark\nAnna | Köln | says \"hi\", often\nBo | Århus | two lines");
    assert_int_equal(doc->blocks[0].line_last, 4);
    ingest_document_free(doc);

    /* An empty first cell: found by fuzzing, spans were one byte off. */
    doc = probe_read(ex, probe_file("e.csv", ";b\n;d\n", 6));
    HAS(INGEST_TABLE, "| b\n| d");
    assert_int_equal(ingest_block_position(&doc->blocks[0], 4), 3);
    ingest_document_free(doc);

    doc = probe_read(ex, FIXTURES "tool.1");
    assert_string_equal(doc->title, "TOOL(1)");
    HAS(INGEST_PARAGRAPH, "tool - does one thing");
    HAS(INGEST_PARAGRAPH, "-v Be verbose.");
    ingest_document_free(doc);

    doc = probe_read(ex, FIXTURES "tiny.c");
    assert_string_equal(doc->title, "tiny.c");
    assert_string_equal(doc->mime, "text/x-c");
    HAS(INGEST_CODE, "    return 0;\n}");
    HAS(INGEST_CODE, "/* second */\nstatic int two(void)");
    assert_int_equal(probe_block(doc, INGEST_CODE, "return 0;")->line_first, 1);
    assert_int_equal(probe_block(doc, INGEST_CODE, "return 2;")->line_last, 10);
    ingest_document_free(doc);

    doc = probe_read(ex, FIXTURES "hours.txt");
    assert_string_equal(doc->title, "Opening hours");
    assert_int_equal(doc->positions, INGEST_POSITIONS_FILE);
    assert_int_equal(probe_block(doc, INGEST_HEADING, "Holidays")->level, 2);
    HAS(INGEST_PARAGRAPH, "Monday to Friday,\nnine to five.");
    ingest_document_free(doc);

    doc = probe_read(ex, FIXTURES "hours.txt.gz");
    assert_int_equal(doc->positions, INGEST_POSITIONS_TEXT);
    HAS(INGEST_PARAGRAPH, "Monday to Friday,\nnine to five.");
    ingest_document_free(doc);
}

static void encodings(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "latin1.txt");
    HAS(0, "Das Grüßen gehört zum guten Ton");
    assert_string_equal(doc->lang, "de");
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "koi8.txt");
    HAS(0, "Все счастливые семьи");
    assert_string_equal(doc->lang, "ru");
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "utf16.txt");
    HAS(0, "Grün ist das.");
    ingest_document_free(doc);
}

static void text_is_normalised_and_clean(void **state)
{
    static const char text[] = "\xEF\xBB\xBF"
                               "Cafe\xCC\x81 soft\xC2\xADhyphen\r\nbell\a end\r\n";
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("mark.txt", text, sizeof text - 1));

    assert_int_equal(doc->n_blocks, 1);
    assert_string_equal(doc->blocks[0].text, "Café softhyphen\nbell  end");
    assert_int_equal(ingest_block_position(&doc->blocks[0], 0), 3);
    assert_memory_equal(
        text + ingest_block_position(&doc->blocks[0], (size_t)(strstr(doc->blocks[0].text, "end") -
                                                               doc->blocks[0].text)),
        "end", 3);
    ingest_document_free(doc);
}

static void hash_is_that_of_the_bytes(void **state)
{
    uint8_t hash[16];
    cairn_error err = {0};
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "notes.md");

    assert_int_equal(ingest_hash_file(FIXTURES "notes.md", hash, &err), CAIRN_OK);
    assert_memory_equal(hash, doc->hash, 16);
    ingest_document_free(doc);
    /* XXH3-128 of nothing, from the library's own test vectors. */
    static const uint8_t nothing[16] = {0x99, 0xAA, 0x06, 0xD3, 0x01, 0x47, 0x98, 0xD8,
                                        0x60, 0x01, 0xC3, 0x24, 0x46, 0x8D, 0x49, 0x7F};
    assert_int_equal(ingest_hash_file(probe_file("none", "", 0), hash, &err), CAIRN_OK);
    assert_memory_equal(hash, nothing, 16);
}

static void from_memory(void **state)
{
    static const char text[] = "First paragraph.\n\nDer zweite Absatz ist ganz kurz.\xFF";
    ingest_document *doc;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(extractor_run_text("A title", text, sizeof text - 1, &doc, &err), CAIRN_OK);
    assert_string_equal(doc->title, "A title");
    assert_int_equal(doc->n_blocks, 2);
    assert_string_equal(doc->blocks[1].text, "Der zweite Absatz ist ganz kurz.\xEF\xBF\xBD");
    ingest_document_free(doc);
    assert_int_equal(extractor_run_text(NULL, "", 0, &doc, &err), CAIRN_OK);
    assert_int_equal(doc->n_blocks, 0);
    ingest_document_free(doc);
}

static void languages(void **state)
{
    static const char *const rows[][2] = {
        {"en", "The contract begins in May and ends after one year."},
        {"de", "Der Vertrag beginnt im Mai und endet nach einem Jahr."},
        {"ru", "Договор вступает в силу в мае и действует один год."},
        {"zh", "合同从五月开始，一年后结束。"},
        {"ar", "يبدأ العقد في شهر مايو وينتهي بعد سنة واحدة."},
        {"es", "El contrato comienza en mayo y termina después de un año."},
        {"fr", "Le contrat commence en mai et se termine après un an."},
    };
    cairn_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ingest_document *doc;
        assert_int_equal(extractor_run_text(NULL, rows[i][1], strlen(rows[i][1]), &doc, &err), 0);
        assert_string_equal(doc->lang, rows[i][0]);
        ingest_document_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_and_encrypted_mail),
        cmocka_unit_test(html_keeps_the_content),
        cmocka_unit_test(markdown_has_places_in_the_file),
        cmocka_unit_test(pdf_reads_columns_and_drops_running_lines),
        cmocka_unit_test(pdf_tables_have_rows),
        cmocka_unit_test(mail_takes_the_plain_part_and_the_attached_text),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(encodings),
        cmocka_unit_test(text_is_normalised_and_clean),
        cmocka_unit_test(hash_is_that_of_the_bytes),
        cmocka_unit_test(from_memory),
        cmocka_unit_test(languages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

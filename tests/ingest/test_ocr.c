/* test_ocr - text recognised on a scanned page and in an image; off by itself; hostile images; time that is up. */
#include "tests/ingest/probe.h"

#define ENGLISH "/usr/share/tesseract-ocr/5/tessdata/eng.traineddata"

static extractor *make(const char *languages, bool images, int64_t deadline_ms)
{
    extractor_options opt = {.program = WORKER,
                             .deadline_ms = deadline_ms * SLOWER,
                             .ocr = languages,
                             .ocr_images = images};
    extractor *ex;
    cairn_error err = {0};

    if (extractor_create(&ex, &opt, &err))
        fail_msg("%s", err.text);
    return ex;
}

static void need_english(void)
{
    if (access(ENGLISH, R_OK)) {
        print_message("skipped: Tesseract's English is not on this machine\n");
        skip();
    }
}

static const char *meta(const ingest_document *doc, const char *key)
{
    for (size_t i = 0; i < doc->n_meta; i++)
        if (!strcmp(doc->meta[i].key, key))
            return doc->meta[i].value;
    return "";
}

static void a_scanned_page(void **state)
{
    ingest_document *doc;
    extractor *ex;
    (void)state;

    need_english();
    ex = make("eng", false, 120000);
    doc = probe_read(ex, FIXTURES "scan.pdf");
    assert_non_null(probe_block(doc, 0, "notice period of the lease"));
    assert_int_equal(probe_block(doc, 0, "three months")->page, 1);
    assert_string_equal(meta(doc, "ocr"), "eng");
    assert_string_equal(doc->lang, "en");
    ingest_document_free(doc);
    doc = probe_read(ex, FIXTURES "manual.pdf"); /* has text: nothing is recognised */
    assert_string_equal(meta(doc, "ocr"), "");
    ingest_document_free(doc);
    extractor_destroy(ex);
}

static void an_image(void **state)
{
    ingest_document *doc;
    extractor *ex;
    (void)state;

    ex = make("eng", false, 60000); /* pages only */
    doc = probe_read(ex, FIXTURES "scan.png");
    assert_int_equal(doc->n_blocks, 0);
    assert_string_equal(meta(doc, "pixels"), "1240 x 700");
    assert_non_null(strstr(doc->note, "ocr = all"));
    ingest_document_free(doc);
    extractor_destroy(ex);
    need_english();
    ex = make("eng", true, 120000);
    doc = probe_read(ex, FIXTURES "scan.png");
    assert_string_equal(doc->mime, "image/png");
    assert_string_equal(meta(doc, "pixels"), "1240 x 700");
    assert_non_null(probe_block(doc, 0, "three months to the end"));
    ingest_document_free(doc);
    extractor_destroy(ex);
}

static void off_and_not_installed(void **state)
{
    static const char *const languages[] = {NULL, "", "klingon"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        extractor *ex = make(languages[i], true, 60000);
        ingest_document *doc = probe_read(ex, FIXTURES "scan.pdf");
        assert_int_equal(doc->n_blocks, 0);
        assert_non_null(strstr(doc->note, "no text layer"));
        ingest_document_free(doc);
        extractor_destroy(ex);
    }
}

/* A header that claims 100,000 x 100,000 pixels, cuts, and changed bytes. */
static void hostile_images(void **state)
{
    static const unsigned char huge[] = {0x89, 'P',  'N',  'G',  13, 10,   26,   10, 0, 0, 0,   13,   'I',  'H',
                                         'D',  'R',  0,    1,    0x86, 0xA0, 0,   1,  0x86, 0xA0, 8, 0, 0, 0, 0};
    static char image[8192], bent[8192];
    FILE *f = fopen(FIXTURES "scan.png", "rb");
    ingest_document *doc = NULL;
    cairn_error err = {0};
    extractor_cage cage;
    extractor *ex;
    size_t n;
    (void)state;

    assert_non_null(f);
    n = fread(image, 1, sizeof image, f);
    fclose(f);
    need_english();
    ex = make("eng", true, 120000);
    assert_int_not_equal(extractor_run(ex, probe_file("huge.png", (const char *)huge, sizeof huge),
                                       &doc, &err),
                         CAIRN_OK);
    for (size_t cut = 8; cut < n; cut += n / 6) {
        doc = NULL;
        (void)extractor_run(ex, probe_file("cut.png", image, cut), &doc, &err);
        ingest_document_free(doc);
    }
    for (size_t at = 16; at < n; at += n / 8) {
        doc = NULL;
        memcpy(bent, image, n);
        bent[at] ^= 0x55;
        (void)extractor_run(ex, probe_file("bent.png", bent, n), &doc, &err);
        ingest_document_free(doc);
    }
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
    extractor_destroy(ex);
}

/* A PDF that takes for ever while its pages are drawn for recognition is read without it, and the worker that
 * recognises is there again for the next file. */
static void a_pdf_that_cannot_be_drawn_in_time(void **state)
{
    static const char slow[] = "misbehave: ocr %PDF-1.4\n";
    extractor_options opt = {.program = CAIRN_BINARY_DIR "/tests/ingest/cairn-extract-misbehave",
                             .deadline_ms = 3000 * SLOWER,
                             .ocr = "eng"};
    ingest_document *doc;
    extractor *ex;
    cairn_error err = {0};
    (void)state;

    need_english();
    assert_int_equal(extractor_create(&ex, &opt, &err), CAIRN_OK);
    doc = probe_read(ex, probe_file("slow.pdf", slow, sizeof slow - 1));
    assert_non_null(probe_block(doc, 0, "read without recognition"));
    assert_non_null(strstr(doc->note, "not recognised"));
    ingest_document_free(doc);
    /* What is no PDF is not tried twice. */
    assert_int_equal(extractor_run(ex, probe_file("slow.txt", "misbehave: ocr\n", 15), &doc, &err), CAIRN_ELIMIT);
    extractor_destroy(ex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scanned_page),
        cmocka_unit_test(an_image),
        cmocka_unit_test(off_and_not_installed),
        cmocka_unit_test(hostile_images),
        cmocka_unit_test(a_pdf_that_cannot_be_drawn_in_time),
    };
    return cmocka_run_group_tests(tests, probe_setup, probe_teardown);
}

/* test_bad_input - files that are broken, hostile, odd or gone. The rule for each: a clear answer
 * in bounded time and memory, and the extractor works on. */
#include "tests/ingest/probe.h"

#include <sys/resource.h>
#include <sys/wait.h>

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

static void refuse(const char *path, cairn_status want, const char *reason)
{
    ingest_document *doc;
    cairn_error err = {0};
    cairn_status st = extractor_run(ex, path, &doc, &err);

    if (st != want || !strstr(err.text, reason))
        fail_msg("%s: %s (%s)", path, cairn_status_name(st), err.text);
    assert_null(doc);
}

static void empty_file(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("empty.pdf", "", 0));
    assert_int_equal(doc->n_blocks, 0);
    assert_string_equal(doc->note, "empty file");
    assert_string_equal(doc->title, "empty");
    ingest_document_free(doc);
}

static void binary_named_as_text(void **state)
{
    static const unsigned char elf[64] = "\x7f"
                                         "ELF\2\1\1";
    (void)state;
    refuse(FIXTURES "binary.txt", CAIRN_EUNSUPPORTED, "no parser for");
    refuse(probe_file("program.txt", elf, sizeof elf), CAIRN_EUNSUPPORTED, "no parser for");
    refuse(probe_file("zip.md", "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 30),
           CAIRN_EINPUT, "broken: its zip");
    refuse(probe_file("page.ps", "%!PS-Adobe-3.0\n", 15), CAIRN_EUNSUPPORTED,
           "application/postscript");
}

static size_t read_fixture(const char *path, char *buf, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, cap, f);
    fclose(f);
    return n;
}

/* The parts of a document without its directory are not taken for an archive's files. */
static void document_cut_short(void **state)
{
    char buf[65536];
    size_t n = read_fixture(FIXTURES "order.docx", buf, sizeof buf);

    (void)state;
    refuse(probe_file("cut.docx", buf, n * 2 / 3), CAIRN_EINPUT, "broken: its zip");
}

static void truncated_and_encrypted(void **state)
{
    (void)state;
    refuse(FIXTURES "encrypted.pdf", CAIRN_EINPUT, "encrypted: a password is needed");
    refuse(FIXTURES "locked.7z", CAIRN_EINPUT, "encrypted: a password is needed");
    refuse(FIXTURES "truncated.pdf", CAIRN_EINPUT, "broken PDF");
    refuse(probe_file("head.pdf", "%PDF-1.7\n", 9), CAIRN_EINPUT, "broken PDF");
}

/* Cut at every 97th byte: an answer each time, never a hang. */
static void pdf_cut_anywhere(void **state)
{
    char buf[16384];
    size_t n = read_fixture(FIXTURES "manual.pdf", buf, sizeof buf);
    (void)state;

    for (size_t cut = 1; cut < n; cut += 97) {
        ingest_document *doc = NULL;
        cairn_error err = {0};
        cairn_status st = extractor_run(ex, probe_file("cut.pdf", buf, cut), &doc, &err);
        if (st != CAIRN_OK && st != CAIRN_EINPUT)
            fail_msg("cut at %zu: %s", cut, err.text);
        ingest_document_free(doc);
    }
}

static void html_100000_levels_deep(void **state)
{
    size_t levels = 100000, n = 0;
    char *s = malloc(levels * 12 + 64);
    ingest_document *doc;
    (void)state;

    assert_non_null(s);
    n += (size_t)sprintf(s, "<html><body><p>before</p>");
    for (size_t i = 0; i < levels; i++)
        n += (size_t)sprintf(s + n, "<div>");
    n += (size_t)sprintf(s + n, "deep words");
    doc = probe_read(ex, probe_file("deep.html", s, n));
    assert_non_null(probe_block(doc, 0, "before"));
    assert_non_null(strstr(doc->note, "nested too deeply"));
    ingest_document_free(doc);
    free(s);
}

static void markdown_100000_levels_deep(void **state)
{
    size_t n = 100000;
    char *s = malloc(n + 16);
    ingest_document *doc = NULL;
    cairn_error err = {0};
    cairn_status st;
    (void)state;

    assert_non_null(s);
    memset(s, '>', n);
    strcpy(s + n, " words\n");
    st = extractor_run(ex, probe_file("deep.md", s, n + 7), &doc, &err);
    if (st != CAIRN_OK && st != CAIRN_ELIMIT && st != CAIRN_EINPUT)
        fail_msg("%s", err.text);
    ingest_document_free(doc);
    memset(s, '[', n);
    st = extractor_run(ex, probe_file("brackets.md", s, n), &doc, &err);
    if (st != CAIRN_OK && st != CAIRN_ELIMIT && st != CAIRN_EINPUT)
        fail_msg("%s", err.text);
    ingest_document_free(doc);
    free(s);
}

static void html_with_entities_and_outside_files(void **state)
{
    static const char page[] =
        "<!DOCTYPE html [<!ENTITY x SYSTEM \"file:///etc/passwd\"><!ENTITY a \"aaaaaaaaaa\">"
        "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><html><body><p>words &x; &b; end</p>"
        "<iframe src=\"file:///etc/passwd\"></iframe></body></html>";
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("xxe.html", page, sizeof page - 1));
    assert_null(probe_block(doc, 0, "root:"));
    assert_non_null(probe_block(doc, 0, "words"));
    ingest_document_free(doc);
}

static void invalid_utf8(void **state)
{
    static const char text[] = "Gr\xC3\xBC\xC3\x9F"
                               "e, sch\xC3\xB6ne Zeile mit \xFF einem Fehler\n";
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("broken.txt", text, sizeof text - 1));
    assert_non_null(probe_block(doc, 0, "Grüße, schöne Zeile mit \xEF\xBF\xBD einem Fehler"));
    ingest_document_free(doc);
}

/* A gzip of zeros: 1,000 to 1. */
static void gzip_bomb(void **state)
{
    char cmd[512];
    const char *path = probe_path("bomb.txt.gz");
    (void)state;

    snprintf(cmd, sizeof cmd, "head -c 200000000 /dev/zero | tr '\\0' 'a' | gzip -1 > %s", path);
    assert_int_equal(system(cmd), 0);
    refuse(path, CAIRN_ELIMIT, "unpacks to more than 64 MiB");
}

/* 200 MB of text: over the default limit of 64 MiB of text, refused without reading it all into
 * this process; with a higher limit it is taken. */
static void text_of_200_mb(void **state)
{
    const char *path = probe_path("large.txt");
    static const char line[] = "The ferry leaves the eastern pier every hour until midnight.\n\n";
    extractor_options opt = {
        .program = WORKER, .deadline_ms = 120000, .max_text = (size_t)256 << 20};
    extractor *large;
    ingest_document *doc;
    cairn_error err = {0};
    struct rusage use;
    FILE *f = fopen(path, "wb");
    (void)state;

    assert_non_null(f);
    for (size_t n = 0; n < 200000000; n += sizeof line - 1)
        fputs(line, f);
    fclose(f);
    refuse(path, CAIRN_ELIMIT, "more than 64 MiB of text; raise max_file_mb");
#ifndef CAIRN_SANITIZED
    getrusage(RUSAGE_SELF, &use);
    assert_true(use.ru_maxrss < 600 * 1024); /* KiB: the 64 MiB that were taken, and records */
    assert_int_equal(extractor_create(&large, &opt, &err), CAIRN_OK);
    if (extractor_run(large, path, &doc, &err))
        fail_msg("%s", err.text);
    assert_true(doc->n_blocks > 3000000);
    ingest_document_free(doc);
    extractor_destroy(large);
#else
    (void)large;
    (void)doc;
    (void)err;
    (void)use;
    (void)opt;
#endif
    unlink(path);
}

static void one_endless_line(void **state)
{
    size_t n = 3 << 20;
    char *s = malloc(n);
    ingest_document *doc;
    (void)state;

    assert_non_null(s);
    for (size_t i = 0; i < n; i++)
        s[i] = "\xE6\xBC\xA2"[i % 3];
    doc = probe_read(ex, probe_file("line.txt", s, n));
    assert_int_equal(doc->text_bytes, n);
    for (size_t i = 0; i < doc->n_blocks; i++)
        assert_true(doc->blocks[i].len <= 256 << 10);
    ingest_document_free(doc);
    free(s);
}

static void not_regular_or_gone(void **state)
{
    const char *pipe = probe_path("pipe");
    (void)state;

    assert_int_equal(mkfifo(pipe, 0600), 0);
    refuse(pipe, CAIRN_EUNSUPPORTED, "not a regular file");
    refuse(probe_dir, CAIRN_EUNSUPPORTED, "not a regular file");
    refuse("/dev/null", CAIRN_EUNSUPPORTED, "not a regular file");
    refuse(probe_path("gone.txt"), CAIRN_ENOTFOUND, "vanished");
}

static void unreadable(void **state)
{
    const char *path = probe_file("secret.txt", "secret", 6);
    int status;
    pid_t pid;
    (void)state;

    chmod(path, 0);
    pid = fork(); /* root may read everything, so try as somebody else */
    if (pid == 0) {
        ingest_document *doc;
        cairn_error err = {0};
        if (!geteuid() && (setgid(65534) || setuid(65534)))
            _exit(2);
        if (extractor_run(ex, path, &doc, &err) != CAIRN_EINPUT)
            _exit(1);
        _exit(strcmp(err.text, "Permission denied") ? 3 : 0);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void odd_names(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, probe_file("two\nlines \xFF.txt", "text", 4));
    assert_string_equal(doc->title, "two lines \xEF\xBF\xBD");
    ingest_document_free(doc);
}

static void after_all_that_the_worker_works(void **state)
{
    (void)state;
    ingest_document *doc = probe_read(ex, FIXTURES "notes.md");
    assert_string_equal(doc->title, "Field notes");
    ingest_document_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file),
        cmocka_unit_test(binary_named_as_text),
        cmocka_unit_test(document_cut_short),
        cmocka_unit_test(truncated_and_encrypted),
        cmocka_unit_test(pdf_cut_anywhere),
        cmocka_unit_test(html_100000_levels_deep),
        cmocka_unit_test(markdown_100000_levels_deep),
        cmocka_unit_test(html_with_entities_and_outside_files),
        cmocka_unit_test(invalid_utf8),
        cmocka_unit_test(gzip_bomb),
        cmocka_unit_test(text_of_200_mb),
        cmocka_unit_test(one_endless_line),
        cmocka_unit_test(not_regular_or_gone),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(odd_names),
        cmocka_unit_test(after_all_that_the_worker_works),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

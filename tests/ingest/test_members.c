/* test_members - files inside files: archives of every kind, mail attachments, bombs, damage, names
 * that want out, a worker that dies in the middle, and frames that no honest worker writes. */
#include "tests/ingest/probe.h"

#include <archive.h>
#include <archive_entry.h>

#include "ingest/build.h"
#include "ingest/wire.h"

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

typedef struct packed {
    const char *name, *data;
    size_t len;
} packed;

/* An archive of these files in *out (at most cap bytes); its length. */
static size_t pack(const char *format, const char *filter, const packed *files, size_t n, char *out,
                   size_t cap)
{
    struct archive *a = archive_write_new();
    size_t used = 0;

    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    if (filter)
        assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    assert_int_equal(archive_write_open_memory(a, out, cap, &used), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, files[i].name);
        archive_entry_set_size(e, (la_int64_t)files[i].len);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_mtime(e, 1700000000, 0);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_true(archive_write_data(a, files[i].data, files[i].len) >= 0);
        archive_entry_free(e);
    }
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    return used;
}

static const ingest_document *member(const ingest_document *doc, const char *name)
{
    for (const ingest_document *m = doc->members; m; m = m->next)
        if (!strcmp(m->member, name))
            return m;
    return NULL;
}

static const packed three[] = {{"docs/hello.md", "# Basalt\n\ncolumns of marble", 27},
                               {"noise.bin", "\0\1\2\3\0\1\2\3\0\1\2\3\377\376\0\0", 16},
                               {"../../evil.txt", "granite", 7}};

static void every_kind_of_archive(void **state)
{
    static const struct {
        const char *format, *filter, *name, *mime;
    } kinds[] = {
        {"zip", NULL, "a.zip", "application/zip"},
        {"ustar", NULL, "a.tar", "application/x-tar"},
        {"pax", "gzip", "a.tar.gz", "application/x-tar"},
        {"gnutar", "xz", "a.tar.xz", "application/x-tar"},
        {"ustar", "zstd", "a.tar.zst", "application/x-tar"},
        {"ustar", "bzip2", "a.tar.bz2", "application/x-tar"},
        {"7zip", NULL, "a.7z", "application/x-7z-compressed"},
    };
    static char out[1 << 20];
    (void)state;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = pack(kinds[i].format, kinds[i].filter, three, 3, out, sizeof out);
        ingest_document *doc = probe_read(ex, probe_file(kinds[i].name, out, n));
        const ingest_document *m = member(doc, "docs/hello.md");

        if (!m)
            fail_msg("%s: no member", kinds[i].name);
        assert_string_equal(doc->mime, kinds[i].mime);
        assert_non_null(probe_block(doc, INGEST_LIST, "docs/hello.md"));
        assert_string_equal(m->title, "Basalt");
        assert_string_equal(m->mime, "text/markdown");
        assert_int_equal(m->size, 27);
        assert_int_equal(m->mtime_ns / 1000000000, 1700000000);
        assert_int_equal(m->positions, INGEST_POSITIONS_FILE); /* of the member */
        assert_non_null(probe_block(m, INGEST_PARAGRAPH, "columns of marble"));
        assert_int_equal(member(doc, "noise.bin")->status, CAIRN_EUNSUPPORTED);
        assert_non_null(member(doc, "evil.txt")); /* names lead nowhere */
        ingest_document_free(doc);
    }
}

static void archives_in_archives_and_single_files(void **state)
{
    static char inner[1 << 16], middle[1 << 16], out[1 << 16];
    packed a = {"deep.txt", "gneiss", 6}, b = {"in/inner.tgz", inner, 0}, c = {"m.zip", middle, 0};
    ingest_document *doc;
    const ingest_document *m;
    size_t n;
    (void)state;

    b.len = pack("ustar", "gzip", &a, 1, inner, sizeof inner);
    c.len = pack("zip", NULL, &b, 1, middle, sizeof middle);
    n = pack("ustar", NULL, &c, 1, out, sizeof out);
    doc = probe_read(ex, probe_file("nest.tar", out, n));
    m = member(doc, "m.zip!/in/inner.tgz!/deep.txt");
    assert_non_null(m);
    assert_non_null(probe_block(m, 0, "gneiss"));
    ingest_document_free(doc);

    a = (packed){"data", "# Feldspar\n\nalone", 17};
    n = pack("raw", "xz", &a, 1, out, sizeof out);
    doc = probe_read(ex, probe_file("one.md.xz", out, n));
    assert_string_equal(doc->mime, "text/markdown");
    assert_string_equal(doc->title, "Feldspar");
    assert_null(doc->members);
    ingest_document_free(doc);
}

static void refused(const char *path, cairn_status want, const char *words)
{
    cairn_error err = {0};
    ingest_document *doc = NULL;

    assert_int_equal(extractor_run(ex, path, &doc, &err), want);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

/* What came before the bomb stays; the archive says that it is not whole. */
static void bombs(void **state)
{
    size_t size = (size_t)96 << 20;
    char *zeros = calloc(1, size), *out = malloc(1 << 20), *outer = malloc(1 << 20);
    packed bomb = {"zeros", zeros, size}, two[2] = {{"in.zip", out, 0}, {"in2.zip", out, 0}};
    ingest_document *doc;
    size_t n;
    (void)state;

    n = pack("zip", NULL, &bomb, 1, out, 1 << 20);
    refused(probe_file("bomb.zip", out, n), CAIRN_ELIMIT, "times its size");
    two[0].len = two[1].len = n;
    n = pack("zip", NULL, two, 2, outer, 1 << 20); /* bombs in a bomb add up */
    doc = NULL;
    if (extractor_run(ex, probe_file("bombs.zip", outer, n), &doc, NULL) == CAIRN_OK) {
        assert_int_equal(member(doc, "in.zip")->status, CAIRN_ELIMIT);
        ingest_document_free(doc);
    }
    n = pack("ustar", "gzip", &bomb, 1, out, 1 << 20);
    refused(probe_file("bomb.tgz", out, n), CAIRN_ELIMIT, "times its size");
    free(zeros);
    free(out);
    free(outer);
}

static void nested_without_end(void **state)
{
    static char buf[2][1 << 16];
    packed p = {"x.txt", "basalt", 6};
    size_t n = pack("zip", NULL, &p, 1, buf[0], sizeof buf[0]);
    ingest_document *doc;
    bool deep = false;
    (void)state;

    for (int i = 1; i <= 8; i++) {
        p = (packed){"in.zip", buf[(i + 1) & 1], n};
        n = pack("zip", NULL, &p, 1, buf[i & 1], sizeof buf[0]);
    }
    doc = probe_read(ex, probe_file("deep.zip", buf[0], n));
    for (const ingest_document *m = doc->members; m; m = m->next)
        deep |= m->status == CAIRN_ELIMIT && strstr(m->reason, "nested");
    assert_true(deep);
    ingest_document_free(doc);
}

/* Every cut of a good archive, and every changed byte of its head, gets an answer. */
static void damage(void **state)
{
    static char out[1 << 20], copy[1 << 20];
    static const char *const formats[] = {"zip", "7zip", "ustar"};
    (void)state;

    for (size_t f = 0; f < 3; f++) {
        size_t n = pack(formats[f], NULL, three, 3, out, sizeof out);
        for (size_t cut = 0; cut < n; cut += 1 + n / 40) {
            ingest_document *doc = NULL;
            cairn_error err = {0};
            cairn_status st = extractor_run(ex, probe_file("cut", out, cut), &doc, &err);
            assert_true(st == CAIRN_OK || st == CAIRN_EINPUT || st == CAIRN_EUNSUPPORTED ||
                        st == CAIRN_ELIMIT);
            ingest_document_free(doc);
        }
        for (size_t at = 0; at < n && at < 400; at += 7) {
            ingest_document *doc = NULL;
            cairn_error err = {0};
            memcpy(copy, out, n);
            copy[at] ^= (char)0xA5;
            (void)extractor_run(ex, probe_file("bent", copy, n), &doc, &err);
            ingest_document_free(doc);
        }
    }
    extractor_cage cage;
    assert_int_equal(extractor_describe(ex, &cage, NULL), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
}

static void embedded_in_an_office_document(void **state)
{
#define RELS                                                                                       \
    "<Relationships><Relationship Id='rId1' Type='x/officeDocument' Target='word/document.xml'/>"  \
    "</Relationships>"
#define BODY(words) "<w:document xmlns:w='w'><w:body><w:p><w:r><w:t>" words "</w:t></w:r></w:p></w:body></w:document>"
    static char inner[1 << 14], out[1 << 16];
    packed plain[] = {{"_rels/.rels", RELS, sizeof RELS - 1},
                      {"word/document.xml", BODY("inside basalt"), sizeof BODY("inside basalt") - 1}};
    packed whole[] = {{"_rels/.rels", RELS, sizeof RELS - 1},
                      {"word/document.xml", BODY("outside marble"), sizeof BODY("outside marble") - 1},
                      {"word/embeddings/Plan.docx", inner, 0},
                      {"word/embeddings/oleObject1.bin", "x", 1},
                      {"word/media/image1.png", "x", 1},
                      {"word/afchunk.html", "<p>granite</p>", 14}};
    ingest_document *doc;
    size_t n;
    (void)state;

    whole[2].len = pack("zip", NULL, plain, 2, inner, sizeof inner);
    n = pack("zip", NULL, whole, 6, out, sizeof out);
    doc = probe_read(ex, probe_file("outer.docx", out, n));
    assert_non_null(probe_block(doc, 0, "outside marble"));
    assert_non_null(member(doc, "Plan.docx"));
    assert_non_null(probe_block(member(doc, "Plan.docx"), 0, "inside basalt"));
    assert_non_null(member(doc, "afchunk.html"));
    assert_null(member(doc, "oleObject1.bin"));
    assert_null(member(doc, "image1.png"));
    ingest_document_free(doc);
}

static void attachments_of_a_mail(void **state)
{
    static const char mail[] = "From: a@example.org\nTo: b@example.org\nSubject: Papers\n"
                               "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
                               "--x\nContent-Type: text/plain\n\nhere they are\n"
                               "--x\nContent-Type: application/rtf; name=\"lease.rtf\"\n"
                               "Content-Disposition: attachment; filename=\"lease.rtf\"\n\n"
                               "{\\rtf1 the deposit is basalt}\n"
                               "--x\nContent-Type: application/x; name=\"n.bin\"\n"
                               "Content-Transfer-Encoding: base64\n\nAAECAwABAgM=\n--x--\n";
    ingest_document *doc = probe_read(ex, probe_file("m.eml", mail, sizeof mail - 1));
    const ingest_document *m = member(doc, "lease.rtf");
    char box[4096];
    (void)state;

    assert_non_null(m);
    assert_string_equal(m->mime, "application/rtf");
    assert_non_null(probe_block(m, 0, "the deposit is basalt"));
    assert_non_null(probe_block(doc, 0, "here they are"));
    assert_null(probe_block(doc, 0, "the deposit"));
    assert_int_equal(member(doc, "n.bin")->status, CAIRN_EUNSUPPORTED);
    ingest_document_free(doc);

    snprintf(box, sizeof box, "From a Mon Sep  1 10:00:00 2025\n%s\nFrom b Mon Sep  1 10:00:00 2025\n%s",
             mail, mail);
    doc = probe_read(ex, probe_file("m.mbox", box, strlen(box)));
    assert_non_null(member(doc, "1/lease.rtf"));
    assert_non_null(member(doc, "2/lease.rtf"));
    ingest_document_free(doc);
}

static void a_worker_that_dies_in_a_member(void **state)
{
    extractor *bad = probe_extractor(CAIRN_BINARY_DIR "/tests/ingest/cairn-extract-misbehave", 60000);
    ingest_document *doc = probe_read(bad, probe_file("m", "misbehave: member", 17));
    const ingest_document *m = member(doc, "one.txt");
    (void)state;

    assert_non_null(m);
    assert_int_equal(m->status, CAIRN_OK);
    assert_non_null(probe_block(m, 0, "was complete"));
    m = member(doc, "two.txt");
    assert_non_null(m);
    assert_int_equal(m->status, CAIRN_EINPUT);
    assert_non_null(strstr(m->reason, "crashed"));
    assert_non_null(strstr(doc->note, "only in part"));
    ingest_document_free(doc);
    extractor_destroy(bad);
}

/* ---- frames ---- */

static const emit_member_info good = {.name = "a.txt", .size = 1};

static cairn_status feed(document_builder *b, const bytes *in, cairn_error *err)
{
    block_sink sink = builder_sink(b);
    uint64_t blocks = 0;
    wire_state state = WIRE_MORE;
    cairn_status st = CAIRN_OK;

    for (size_t at = 0, used = 1; !st && used && at < in->len; at += used) {
        wire_frame f;
        st = wire_take(in->data + at, in->len - at, &f, &used, err);
        if (!st && used)
            st = wire_answer(&f, &sink, &blocks, &state, err);
    }
    return st;
}

static void frames_out_of_order(void **state)
{
    static const char *const bad_names[] = {"", "/a", "a/", "a//b", ".", "a/../b", "\xFF"};
    ingest_document *doc;
    document_builder b;
    cairn_error err = {0};
    bytes out;
    (void)state;

    bytes_init(&out, 1 << 20);
    wire_put_member_end(&out, CAIRN_OK, ""); /* an end without a beginning */
    builder_init(&b, 1 << 20, &err);
    assert_int_equal(feed(&b, &out, &err), CAIRN_EINPUT);
    builder_clear(&b);

    bytes_reset(&out); /* a beginning without an end */
    wire_put_member(&out, &good);
    builder_init(&b, 1 << 20, &err);
    assert_int_equal(feed(&b, &out, &err), CAIRN_OK);
    assert_int_equal(builder_finish(&b, &doc, &err), CAIRN_EINPUT);
    builder_clear(&b);

    bytes_reset(&out); /* too deep */
    for (int i = 0; i <= BUILDER_MAX_NESTING; i++)
        wire_put_member(&out, &good);
    builder_init(&b, 1 << 20, &err);
    assert_int_equal(feed(&b, &out, &err), CAIRN_ELIMIT);
    builder_clear(&b);

    for (size_t i = 0; i < sizeof bad_names / sizeof *bad_names; i++) {
        emit_member_info m = good;
        m.name = bad_names[i];
        bytes_reset(&out);
        wire_put_member(&out, &m);
        builder_init(&b, 1 << 20, &err);
        if (feed(&b, &out, &err) != CAIRN_EINPUT)
            fail_msg("accepted: %s", bad_names[i]);
        builder_clear(&b);
    }

    bytes_reset(&out); /* a status that is none */
    wire_put_member(&out, &good);
    wire_put_member_end(&out, (cairn_status)200, "x");
    builder_init(&b, 1 << 20, &err);
    assert_int_equal(feed(&b, &out, &err), CAIRN_EINPUT);
    builder_clear(&b);
    bytes_clear(&out);
}

static void too_many_members(void **state)
{
    document_builder b;
    block_sink sink;
    cairn_error err = {0};
    cairn_status st = CAIRN_OK;
    size_t n = 0;
    (void)state;

    builder_init(&b, 1 << 20, &err);
    sink = builder_sink(&b);
    while (!(st = sink.member(sink.ctx, &good, &err)) &&
           !(st = sink.member_end(sink.ctx, CAIRN_OK, "", &err)))
        n++;
    assert_int_equal(st, CAIRN_ELIMIT);
    assert_int_equal(n, BUILDER_MAX_MEMBERS);
    builder_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_archive),
        cmocka_unit_test(archives_in_archives_and_single_files),
        cmocka_unit_test(bombs),
        cmocka_unit_test(nested_without_end),
        cmocka_unit_test(damage),
        cmocka_unit_test(embedded_in_an_office_document),
        cmocka_unit_test(attachments_of_a_mail),
        cmocka_unit_test(a_worker_that_dies_in_a_member),
        cmocka_unit_test(frames_out_of_order),
        cmocka_unit_test(too_many_members),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

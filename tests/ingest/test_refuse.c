/* test_refuse - files of kinds that are known and not read say what they are and what to do; what only begins like one of
 * them is read as ever. */
#include "tests/ingest/probe.h"

#include <gsf/gsf-outfile-msole.h>
#include <gsf/gsf-output-memory.h>
#include <gsf/gsf.h>
#include <zip.h>

static extractor *ex;

static int setup(void **state)
{
    gsf_init();
    ex = probe_extractor(WORKER, 120000);
    return probe_setup(state);
}

static int teardown(void **state)
{
    extractor_destroy(ex);
    return probe_teardown(state);
}

static void refused(const char *path, cairn_status want, const char *what, const char *cure)
{
    ingest_document *doc;
    cairn_error err = {0};
    cairn_status st = extractor_run(ex, path, &doc, &err);

    if (st != want || !strstr(err.text, what) || !strstr(err.text, cure))
        fail_msg("%s: %s (%s), not %s ... %s", path, cairn_status_name(st), err.text, what, cure);
    assert_null(doc);
}

typedef struct head {
    const char *name;
    size_t at, len; /* of the bytes, in a file of zeros */
    const char *bytes, *what, *cure;
} head;

#define HEAD(name, at, bytes, what, cure) {name, at, sizeof bytes - 1, bytes, what, cure}

static void heads_refused(const head *h, size_t n)
{
    static char file[40000];

    for (size_t i = 0; i < n; i++) {
        memset(file, 0, sizeof file);
        memcpy(file + h[i].at, h[i].bytes, h[i].len);
        refused(probe_file(h[i].name, file, sizeof file), CAIRN_EUNSUPPORTED, h[i].what, h[i].cure);
        /* The name says nothing: bytes do. */
        refused(probe_file("unnamed", file, sizeof file), CAIRN_EUNSUPPORTED, h[i].what, h[i].cure);
    }
}

static void by_their_first_bytes(void **state)
{
    static const head heads[] = {
        HEAD("a.one", 0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3", "OneNote", "PDF"),
        HEAD("a.hwp", 0, "HWP Document File V3.00 \x1A\1\2\3\4\5", "Hangul", "LibreOffice"),
        HEAD("a.dwg", 0, "AC1032\0\0\0\0", "AutoCAD", "PDF"),
        HEAD("a.mdb", 0, "\0\1\0\0Standard Jet DB\0", "Access", "CSV"),
        HEAD("a.accdb", 0, "\0\1\0\0Standard ACE DB\0", "Access", "CSV"),
        HEAD("a.wpd", 0, "\xFFWPC\x9C\1\0\0", "WordPerfect", "LibreOffice"),
        HEAD("a.xls", 0, "\x09\x04\x06\0\0\0\x10\0", "Excel 4", "LibreOffice"),
        HEAD("a.zip", 0, "PK\x07\x08PK\x03\x04\x14\0", "in several", "zip -s 0"),
        HEAD("a.pst", 0, "!BDN\x12\x34\x56\x78SM\x0E\0", "Outlook", "readpst"),
        HEAD("a.db", 0, "SQLite format 3\0\x10\0", "SQLite", "CSV"),
        HEAD("a.kdbx", 0, "\x03\xD9\xA2\x9A\x67\xFB\x4B\xB5\0\0", "KeePass", "its program"),
        HEAD("a.onepkg", 0, "MSCF\0\0\0\0", "CAB", "unpack it"),
    };
    (void)state;
    heads_refused(heads, sizeof heads / sizeof *heads);
}

/* Written down with the first lot, run when the code was done. */
static void by_their_first_bytes_held_out(void **state)
{
    static const head heads[] = {
        HEAD("b.onetoc2", 0, "\xA1\x2F\xFF\x43\xD9\xEF\x76\x4C\x9E\xE2\x10\xEA\x57\x22\x76\x5F", "OneNote", "PDF"),
        HEAD("b.dwg", 0, "AC1015\0\0\0\0", "AutoCAD", "PDF"),
        HEAD("b.dxf", 0, "AutoCAD Binary DXF\r\n\x1A\0", "AutoCAD", "PDF"),
        HEAD("b.wk1", 0, "\0\0\2\0\6\4\6\0", "Lotus", "LibreOffice"),
        HEAD("b.indd", 0, "\x06\x06\xED\xF5\xD8\x1D\x46\xE5\xBD\x31\xEF\xE7\xFE\x74\xB7\x1D", "InDesign", "PDF"),
        HEAD("b.mobi", 60, "BOOKMOBI\0\0", "Kindle", "EPUB"),
        HEAD("b.lit", 0, "ITOLITLS\1\0\0\0", "Reader", "EPUB"),
        HEAD("b.djvu", 0, "AT&TFORM\0\0\0\x20" "DJVM", "DjVu", "PDF"),
        HEAD("b.parquet", 0, "PAR1\x15\4\x15\0", "Parquet", "CSV"),
        HEAD("b.age", 0, "age-encryption.org/v1\n-> X25519 abc\n", "age", "decrypt"),
        HEAD("b.enc", 0, "Salted__\x91\x02\x33\x80", "OpenSSL", "decrypt"),
        HEAD("b.iso", 32769, "CD001\1\0", "disc", "unpack it"),
        HEAD("b.wri", 0, "\x31\xBE\0\0\0\xAB\0\0", "Write", "LibreOffice"),
        HEAD("b.lzh", 2, "-lh5-\0\0", "LHA", "unpack it"),
    };
    (void)state;
    heads_refused(heads, sizeof heads / sizeof *heads);
}

/* Plain texts with the same first letters. */
static void texts_that_begin_alike_are_read(void **state)
{
    static const char *const texts[] = {
        "AC1032 is the amplifier in the rack.\n", "PAR1 of the contract speaks of the rent.\n",
        "SIT! said the trainer to the dog.\n", "MSCF stands for a measure of gas.\n",
        "SQLite format 3 is described in this note.\n", "!BDN was the sign of the station.\n",
        "BOOKMOBI is a name that follows sixty bytes.\n", "HWP Document File is what Hancom calls it.\n",
        "The message began with -----BEGIN PGP MESSAGE----- and went on.\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ingest_document *doc = probe_read(ex, probe_file("alike.txt", texts[i], strlen(texts[i])));
        assert_int_equal(doc->n_blocks, 1);
        ingest_document_free(doc);
    }
    refused(probe_file("m.asc", "-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n", 61), CAIRN_EUNSUPPORTED,
            "PGP", "decrypt");
}

/* ---- compound files ---- */

static const char *compound(const char *name, const char *const *streams, size_t n, const guint8 *class_id, const void *data,
                            size_t len)
{
    static const char filler[600];
    GsfOutput *memory = gsf_output_memory_new();
    GsfOutfile *root = gsf_outfile_msole_new(memory);
    const char *path;

    if (class_id)
        gsf_outfile_msole_set_class_id(GSF_OUTFILE_MSOLE(root), class_id);
    for (size_t i = 0; i < n; i++) {
        GsfOutput *s = gsf_outfile_new_child(root, streams[i], FALSE);
        gsf_output_write(s, data ? len : sizeof filler, data ? data : filler);
        gsf_output_close(s);
        g_object_unref(s);
    }
    gsf_output_close(GSF_OUTPUT(root));
    path = probe_file(name, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(memory)), (size_t)gsf_output_size(memory));
    g_object_unref(root);
    g_object_unref(memory);
    return path;
}

static void compound_files(void **state)
{
    static const guint8 works[16] = {0xB2, 0x5A, 0xA4, 0x0E, 0x0A, 0x9E, 0xD1, 0x11,
                                     0xA4, 0x07, 0x00, 0xC0, 0x4F, 0xB9, 0x32, 0xBA};
    char head[256] = "HWP Document File";
    (void)state;

    refused(compound("a.hwp", (const char *[]){"FileHeader"}, 1, NULL, head, sizeof head), CAIRN_EUNSUPPORTED, "Hangul",
            "DOCX");
    head[36] = 2;
    refused(compound("b.hwp", (const char *[]){"FileHeader"}, 1, NULL, head, sizeof head), CAIRN_EINPUT, "needs a password",
            "without one");
    refused(compound("a.pub", (const char *[]){"Quill", "Escher"}, 2, NULL, NULL, 0), CAIRN_EUNSUPPORTED, "Publisher", "PDF");
    refused(compound("a.wps", (const char *[]){"CONTENTS"}, 1, works, NULL, 0), CAIRN_EUNSUPPORTED, "Works", "LibreOffice");
    refused(compound("a.vsd", (const char *[]){"VisioDocument"}, 1, NULL, NULL, 0), CAIRN_EUNSUPPORTED, "Visio", "VSDX");
    refused(compound("a.docx", (const char *[]){"EncryptionInfo", "EncryptedPackage"}, 2, NULL, NULL, 0), CAIRN_EINPUT,
            "needs a password", "without one");
    refused(compound("a.doc", (const char *[]){"\tDRMContent"}, 1, NULL, NULL, 0), CAIRN_EINPUT, "rights manager",
            "without protection");
    refused(compound("a.xyz", (const char *[]){"Something"}, 1, NULL, NULL, 0), CAIRN_EUNSUPPORTED, "compound file", "PDF");
}

/* ---- zips ---- */

static const char *packed(const char *file, const char *const *names, size_t n, const char *text, int encryption)
{
    const char *path = probe_path(file);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    assert_non_null(z);
    for (size_t i = 0; i < n; i++) {
        zip_int64_t at = zip_file_add(z, names[i], zip_source_buffer(z, text, strlen(text), 0), 0);
        assert_true(at >= 0);
        if (encryption)
            assert_int_equal(zip_file_set_encryption(z, (zip_uint64_t)at, (zip_uint16_t)encryption, "x"), 0);
    }
    assert_int_equal(zip_close(z), 0);
    return path;
}

/* Of a zip whose first entry is `text`: a method that nobody knows, in its head and in the directory. */
static void set_method(const char *path, unsigned method)
{
    char buf[4096], *at = buf;
    FILE *f = fopen(path, "r+b");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, sizeof buf, f);
    buf[8] = (char)method;
    buf[9] = (char)(method >> 8);
    while ((at = memmem(at, n - (size_t)(at - buf), "PK\1\2", 4))) {
        at[10] = (char)method;
        at[11] = (char)(method >> 8);
        at += 4;
    }
    rewind(f);
    assert_int_equal(fwrite(buf, 1, n, f), n);
    fclose(f);
}

static void apple_documents(void **state)
{
    const char *path;
    ingest_document *doc;
    (void)state;

    refused(packed("a.pages", (const char *[]){"Index/Document.iwa", "Data/x.jpg"}, 2, "snappy", 0), CAIRN_EUNSUPPORTED, "Pages",
            "PDF or Word");
    refused(packed("a.key", (const char *[]){"Index.zip", "Metadata/DocumentIdentifier"}, 2, "snappy", 0), CAIRN_EUNSUPPORTED,
            "Keynote", "PDF or Word");
    refused(packed("b.numbers", (const char *[]){"Index/Document.iwa", ".iwpv2", ".iwph"}, 3, "snappy", 0), CAIRN_EINPUT,
            "needs a password", "without one");
    path = packed("b.pages", (const char *[]){"index.xml"}, 1, "<a>what is locked</a>", 0);
    doc = probe_read(ex, path); /* of before 2013 */
    ingest_document_free(doc);
    set_method(path, 25452);
    refused(path, CAIRN_EINPUT, "needs a password", "without one");
    doc = probe_read(ex, packed("c.zip", (const char *[]){"Index.zip"}, 1, "any", 0)); /* whoever calls a file so */
    assert_string_equal(doc->mime, "application/zip");
    ingest_document_free(doc);
}

static const ingest_document *member(const ingest_document *doc, const char *name)
{
    for (const ingest_document *m = doc->members; m; m = m->next)
        if (!strcmp(m->member, name))
            return m;
    fail_msg("no member %s", name);
    return NULL;
}

static void locked_archives(void **state)
{
    static const int ways[] = {ZIP_EM_TRAD_PKWARE, ZIP_EM_AES_256};
    const char *path;
    ingest_document *doc;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        doc = probe_read(ex, packed("l.zip", (const char *[]){"plan.txt"}, 1, "what is locked", ways[i]));
        assert_int_equal(member(doc, "plan.txt")->status, CAIRN_EINPUT);
        assert_non_null(strstr(member(doc, "plan.txt")->reason, "a password is needed; unpack it"));
        ingest_document_free(doc);
    }
    path = packed("m.zip", (const char *[]){"plan.txt"}, 1, "what is packed by a method of its own", 0);
    set_method(path, 107);
    doc = probe_read(ex, path);
    assert_non_null(strstr(member(doc, "plan.txt")->reason, "locked, or packed in a way that is not known here; unpack it"));
    ingest_document_free(doc);
    refused(FIXTURES "locked.7z", CAIRN_EINPUT, "a password is needed", "unpack it");
    refused(FIXTURES "encrypted.pdf", CAIRN_EINPUT, "a password is needed", "qpdf --decrypt");
    /* RAR 4 and 5 whose names are encrypted, too: the first header says so. */
    refused(probe_file("a.rar", "Rar!\x1A\x07\x00\xCE\x99\x73\x80\x00\x0D\x00\0\0\0\0\0\0", 20), CAIRN_EINPUT, "password", "unpack it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_their_first_bytes),   cmocka_unit_test(by_their_first_bytes_held_out),
        cmocka_unit_test(texts_that_begin_alike_are_read), cmocka_unit_test(compound_files),
        cmocka_unit_test(apple_documents),        cmocka_unit_test(locked_archives),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

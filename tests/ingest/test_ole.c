/* test_ole - old office documents and Outlook's messages, made here as compound files: what comes out; damage; and
 * helper programs that loop, flood, fork, open sockets or files. */
#include "tests/ingest/probe.h"

#include <signal.h>
#include <sys/wait.h>

#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-outfile-msole.h>
#include <gsf/gsf-output-memory.h>
#include <gsf/gsf.h>

#include "base/bytes.h"
#include "ingest/helpers.h"

#define MISBEHAVE CAIRN_BINARY_DIR "/tests/ingest/cairn-extract-misbehave"

/* ---- making compound files ---- */

typedef struct compound {
    GsfOutput *memory;
    GsfOutfile *root;
} compound;

static compound make_compound(void)
{
    compound c;

    c.memory = gsf_output_memory_new();
    c.root = gsf_outfile_msole_new(c.memory);
    return c;
}

static void put_stream(GsfOutfile *in, const char *name, const void *data, size_t len)
{
    GsfOutput *s = gsf_outfile_new_child(in, name, FALSE);

    gsf_output_write(s, len, data);
    gsf_output_close(s);
    g_object_unref(s);
}

static const char *save(compound *c, const char *name)
{
    const char *path;

    gsf_output_close(GSF_OUTPUT(c->root));
    path = probe_file(name, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(c->memory)),
                      (size_t)gsf_output_size(c->memory));
    g_object_unref(c->root);
    g_object_unref(c->memory);
    return path;
}

static void put_u16(bytes *b, const char *s)
{
    for (; *s; s++) {
        bytes_append_byte(b, (uint8_t)*s);
        bytes_append_byte(b, 0);
    }
}

/* A Word document of one piece of 8-bit text (MS-DOC: FibBase, fcMin and fcMac). */
static const char *word(const char *name, const char *text)
{
    static uint8_t fib[0x200];
    compound c = make_compound();
    uint32_t from = sizeof fib, to = from + (uint32_t)strlen(text);
    bytes b;

    memset(fib, 0, sizeof fib);
    memcpy(fib, "\xEC\xA5\xC1\x00", 4);
    memcpy(fib + 24, &from, 4);
    memcpy(fib + 28, &to, 4);
    bytes_init(&b, 1 << 20);
    bytes_append(&b, fib, sizeof fib);
    bytes_append_str(&b, text);
    bytes_append_zeros(&b, 4096);
    put_stream(c.root, "WordDocument", b.data, b.len);
    bytes_clear(&b);
    return save(&c, name);
}

static void record(bytes *b, unsigned type, const void *data, size_t len)
{
    bytes_append_u16(b, (uint16_t)type);
    bytes_append_u16(b, (uint16_t)len);
    bytes_append(b, data, len);
}

static void label(bytes *b, unsigned row, unsigned column, const char *text)
{
    bytes r;

    bytes_init(&r, 1024);
    bytes_append_u16(&r, (uint16_t)row);
    bytes_append_u16(&r, (uint16_t)column);
    bytes_append_u16(&r, 0);
    bytes_append_u16(&r, (uint16_t)strlen(text));
    bytes_append_byte(&r, 0);
    bytes_append_str(&r, text);
    record(b, 0x0204, r.data, r.len);
    bytes_clear(&r);
}

static void number(bytes *b, unsigned row, unsigned column, double v)
{
    bytes r;

    bytes_init(&r, 64);
    bytes_append_u16(&r, (uint16_t)row);
    bytes_append_u16(&r, (uint16_t)column);
    bytes_append_u16(&r, 0);
    bytes_append(&r, &v, 8);
    record(b, 0x0203, r.data, r.len);
    bytes_clear(&r);
}

/* A workbook of BIFF8 (MS-XLS) with one sheet. */
static const char *workbook(const char *name, bool encrypted)
{
    static const uint8_t globals[16] = {0, 6, 5, 0}, sheet[16] = {0, 6, 0x10, 0};
    compound c = make_compound();
    bytes b, r;

    bytes_init(&b, 1 << 20);
    bytes_init(&r, 64);
    record(&b, 0x0809, globals, 16);
    if (encrypted)
        record(&b, 0x002F, "\0\0", 2);
    bytes_append_u32(&r, 0);
    bytes_append_u16(&r, 0);
    bytes_append_byte(&r, 7);
    bytes_append_byte(&r, 0);
    bytes_append_str(&r, "Budgets");
    record(&b, 0x0085, r.data, r.len);
    record(&b, 0x000A, "", 0);
    record(&b, 0x0809, sheet, 16);
    label(&b, 0, 0, "item");
    label(&b, 0, 1, "price");
    label(&b, 1, 0, "garden fork, \"large\"");
    number(&b, 1, 1, 24.5);
    label(&b, 2, 0, "twine");
    number(&b, 2, 1, 3);
    record(&b, 0x000A, "", 0);
    bytes_append_zeros(&b, 4096);
    put_stream(c.root, "Workbook", b.data, b.len);
    bytes_clear(&b);
    bytes_clear(&r);
    return save(&c, name);
}

/* ---- PowerPoint ---- */

static size_t ppt_begin(bytes *b, unsigned version, unsigned instance, unsigned type)
{
    bytes_append_u16(b, (uint16_t)(version | instance << 4));
    bytes_append_u16(b, (uint16_t)type);
    bytes_append_u32(b, 0);
    return b->len;
}

static void ppt_end(bytes *b, size_t begun)
{
    uint32_t n = (uint32_t)(b->len - begun);
    memcpy(b->data + begun - 4, &n, 4);
}

static void ppt_text(bytes *b, uint32_t kind, const char *text, bool wide)
{
    size_t at = ppt_begin(b, 0, 0, 0x0F9F);

    bytes_append_u32(b, kind);
    ppt_end(b, at);
    at = ppt_begin(b, 0, 0, wide ? 0x0FA0 : 0x0FA8);
    if (wide)
        put_u16(b, text);
    else
        bytes_append_str(b, text);
    ppt_end(b, at);
}

/* The document, a slide and its older version, the directory and the edit (MS-PPT 2.1.2). */
static const char *slides(const char *name, bool with_directory)
{
    compound c = make_compound();
    bytes b, user;
    size_t at, list, place[3], directory, edit;

    bytes_init(&b, 1 << 20);
    bytes_init(&user, 64);
    place[0] = b.len;
    at = ppt_begin(&b, 15, 0, 0x03E8);
    list = ppt_begin(&b, 15, 0, 0x0FF0);
    size_t persist = ppt_begin(&b, 0, 0, 0x03F3);
    bytes_append_u32(&b, 2);
    bytes_append_zeros(&b, 16);
    ppt_end(&b, persist);
    ppt_text(&b, 0, "Watering in August", true);
    ppt_text(&b, 1, "Early in the morning\rNever at noon", false);
    ppt_end(&b, list);
    ppt_end(&b, at);
    place[2] = b.len; /* the old version of the slide */
    at = ppt_begin(&b, 15, 0, 0x03EE);
    ppt_text(&b, 4, "an old version", false);
    ppt_end(&b, at);
    place[1] = b.len;
    at = ppt_begin(&b, 15, 0, 0x03EE);
    ppt_text(&b, 4, "A box with the words rain barrel", true);
    size_t tag = ppt_begin(&b, 0, 0, 0x138B), comment = ppt_begin(&b, 15, 0, 0x2EE0);
    size_t words = ppt_begin(&b, 0, 1, 0x0FBA);
    put_u16(&b, "ask the neighbour");
    ppt_end(&b, words);
    ppt_end(&b, comment);
    ppt_end(&b, tag);
    ppt_end(&b, at);
    directory = b.len;
    at = ppt_begin(&b, 0, 0, 0x1772);
    bytes_append_u32(&b, 1 | 2u << 20);
    bytes_append_u32(&b, (uint32_t)place[0]);
    bytes_append_u32(&b, (uint32_t)place[1]);
    ppt_end(&b, at);
    edit = b.len;
    at = ppt_begin(&b, 0, 0, 0x0FF5);
    bytes_append_u32(&b, 0);
    bytes_append_u32(&b, 0);
    bytes_append_u32(&b, 0);
    bytes_append_u32(&b, (uint32_t)directory);
    bytes_append_u32(&b, 1);
    bytes_append_zeros(&b, 8);
    ppt_end(&b, at);
    bytes_append_zeros(&user, 16);
    bytes_append_u32(&user, with_directory ? (uint32_t)edit : 0xFFFFFF);
    put_stream(c.root, "Current User", user.data, user.len);
    put_stream(c.root, "PowerPoint Document", b.data, b.len);
    bytes_clear(&b);
    bytes_clear(&user);
    return save(&c, name);
}

/* ---- Outlook ---- */

static void put_property(GsfOutfile *in, const char *name, const char *text, bool wide)
{
    bytes b;

    bytes_init(&b, 1 << 20);
    if (wide)
        put_u16(&b, text);
    else
        bytes_append_str(&b, text);
    put_stream(in, name, b.data, b.len);
    bytes_clear(&b);
}

static const char *outlook(const char *name)
{
    compound c = make_compound();
    GsfOutput *attached, *plain;
    bytes b;

    bytes_init(&b, 4096);
    bytes_append_zeros(&b, 32);
    bytes_append_u32(&b, 0x00390040); /* 2024-05-06 07:08:09 UTC as FILETIME */
    bytes_append_u32(&b, 0);
    bytes_append_u64(&b, (uint64_t)(1714979289 + INT64_C(11644473600)) * 10000000);
    put_stream(c.root, "__properties_version1.0", b.data, b.len);
    put_property(c.root, "__substg1.0_0037001F", "The key of the shed", true);
    put_property(c.root, "__substg1.0_0C1A001F", "Paula Berg", true);
    put_property(c.root, "__substg1.0_5D01001F", "paula@example.org", true);
    put_property(c.root, "__substg1.0_0E04001E", "Wim", false);
    put_property(c.root, "__substg1.0_1000001E", "It lies below the third flower pot.", false);
    attached = gsf_outfile_new_child(c.root, "__attach_version1.0_#00000000", TRUE);
    put_property(GSF_OUTFILE(attached), "__substg1.0_3707001F", "list.txt", true);
    put_property(GSF_OUTFILE(attached), "__substg1.0_37010102", "hammer, nails, twine", false);
    gsf_output_close(attached);
    g_object_unref(attached);
    plain = gsf_outfile_new_child(c.root, "__attach_version1.0_#00000001", TRUE);
    attached = gsf_outfile_new_child(GSF_OUTFILE(plain), "__substg1.0_3701000D", TRUE);
    put_property(GSF_OUTFILE(attached), "__substg1.0_0037001F", "Re: ladder", true);
    put_property(GSF_OUTFILE(attached), "__substg1.0_1000001F", "The ladder is with Ida.", true);
    gsf_output_close(attached);
    g_object_unref(attached);
    gsf_output_close(plain);
    g_object_unref(plain);
    bytes_clear(&b);
    return save(&c, name);
}

static const char *meta(const ingest_document *doc, const char *key)
{
    for (size_t i = 0; i < doc->n_meta; i++)
        if (!strcmp(doc->meta[i].key, key))
            return doc->meta[i].value;
    return "";
}

static void need(helper_task task)
{
    const helper_program *p;

    for (size_t i = 0; (p = helper_program_at(i)); i++)
        if (p->task == task && helper_is_installed(p))
            return;
    print_message("skipped: needs %s\n", helper_cure(task));
    skip();
}

static void a_word_document(void **state)
{
    ingest_document *doc;
    extractor *ex = probe_extractor(WORKER, 60000);
    (void)state;

    need(HELPER_DOC);
    doc = probe_read(ex, word("a.doc", "The hedge is cut in March.\rname\tplant\rIda\trose\rLast words.\r"));
    assert_string_equal(doc->mime, "application/msword");
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "The hedge is cut in March."));
    assert_non_null(probe_block(doc, INGEST_TABLE, "name | plant\nIda | rose"));
    assert_non_null(probe_block(doc, INGEST_PARAGRAPH, "Last words."));
    ingest_document_free(doc);
    extractor_destroy(ex);
}

static void a_workbook(void **state)
{
    ingest_document *doc = NULL;
    cairn_error err = {0};
    extractor *ex = probe_extractor(WORKER, 60000);
    const ingest_block *b;
    (void)state;

    need(HELPER_XLS);
    doc = probe_read(ex, workbook("a.xls", false));
    assert_string_equal(doc->mime, "application/vnd.ms-excel");
    assert_non_null(probe_block(doc, INGEST_HEADING, "Budgets"));
    assert_non_null(probe_block(doc, INGEST_HEADING, "A1:B3"));
    b = probe_block(doc, INGEST_TABLE, "item | price");
    assert_non_null(b);
    assert_non_null(strstr(b->text, "garden fork, \"large\" | 24.5"));
    assert_int_equal(b->page, 1);
    ingest_document_free(doc);
    assert_int_equal(extractor_run(ex, workbook("locked.xls", true), &doc, &err), CAIRN_EINPUT);
    assert_non_null(strstr(err.text, "encrypted"));
    extractor_destroy(ex);
}

static void old_slides(void **state)
{
    ingest_document *doc;
    extractor *ex = probe_extractor(WORKER, 60000);
    const ingest_block *b;
    (void)state;

    doc = probe_read(ex, slides("a.ppt", true));
    assert_string_equal(doc->mime, "application/vnd.ms-powerpoint");
    b = probe_block(doc, INGEST_HEADING, "Watering in August");
    assert_non_null(b);
    assert_int_equal(b->page, 1);
    assert_non_null(probe_block(doc, INGEST_LIST, "Early in the morning\nNever at noon"));
    assert_non_null(probe_block(doc, 0, "rain barrel"));
    assert_non_null(probe_block(doc, 0, "ask the neighbour"));
    assert_null(probe_block(doc, 0, "an old version"));
    assert_int_equal(doc->n_pages, 1);
    ingest_document_free(doc);
    doc = probe_read(ex, slides("b.ppt", false)); /* no directory: all there is */
    assert_non_null(probe_block(doc, 0, "rain barrel"));
    assert_non_null(strstr(doc->note, "damaged"));
    ingest_document_free(doc);
    extractor_destroy(ex);
}

static void a_message_of_outlook(void **state)
{
    ingest_document *doc;
    extractor *ex = probe_extractor(WORKER, 60000);
    (void)state;

    doc = probe_read(ex, outlook("a.msg"));
    assert_string_equal(doc->mime, "application/vnd.ms-outlook");
    assert_string_equal(doc->title, "The key of the shed");
    assert_string_equal(doc->author, "Paula Berg <paula@example.org>");
    assert_string_equal(meta(doc, "to"), "Wim");
    assert_int_equal(doc->date_ns / 1000000000, 1714979289);
    assert_non_null(probe_block(doc, 0, "third flower pot"));
    assert_non_null(probe_block(doc, INGEST_HEADING, "Re: ladder"));
    assert_non_null(probe_block(doc, 0, "The ladder is with Ida."));
    assert_non_null(doc->members);
    assert_string_equal(doc->members->member, "list.txt");
    assert_non_null(probe_block(doc->members, 0, "hammer, nails"));
    ingest_document_free(doc);
    extractor_destroy(ex);
}

/* ---- TNEF ---- */

static size_t put_number(uint8_t *at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    return n;
}

static size_t put_attribute(uint8_t *at, uint8_t level, uint32_t id, const void *data, size_t len)
{
    size_t n = 0;
    uint16_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint16_t)(sum + ((const uint8_t *)data)[i]);
    at[n++] = level;
    n += put_number(at + n, id, 4);
    n += put_number(at + n, len, 4);
    memcpy(at + n, data, len);
    n += len;
    return n + put_number(at + n, sum, 2);
}

static size_t put_mapi(uint8_t *at, unsigned type, unsigned number, const void *data, size_t len)
{
    size_t n = put_number(at, type, 2);

    n += put_number(at + n, number, 2);
    n += put_number(at + n, 1, 4);
    n += put_number(at + n, len, 4);
    memcpy(at + n, data, len);
    memset(at + n + len, 0, 3);
    return n + (len + 3) / 4 * 4;
}

/* A packet of Outlook: subject, sender, a body in the packet's code page, two files. Its old attribute says the sender's
 * local time, the property (`submitted`: a FILETIME, 0: not there) universal time, as in the sample of MS-OXTNEF 3.1. */
static size_t packet(uint8_t *out, uint64_t submitted)
{
    static const char list[] = "hammer, nails and a level", plan[] = "# Plan\n\nThe shed gets a slate roof.\n";
    static const char body[] = "Der Schl\xFCssel liegt unter dem Stein.";
    static const uint8_t day[] = {0xE8, 7, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 1, 0}; /* 6 May 2024, 07:08:09 */
    uint8_t b[1024], render[14] = {1, 0};
    size_t n = put_number(out, 0x223E9F78, 4), m;

    n += put_number(out + n, 1, 2);
    put_number(b, 0x10000, 4);
    n += put_attribute(out + n, 1, 0x00089006, b, 4);
    memset(b, 0, 8);
    put_number(b, 1252, 4);
    n += put_attribute(out + n, 1, 0x00069007, b, 8);
    n += put_attribute(out + n, 1, 0x00018004, "The roof of the shed", 21);
    n += put_attribute(out + n, 1, 0x00038005, day, sizeof day);
    m = put_number(b, submitted ? 3 : 2, 4);
    if (submitted) { /* of a fixed length, which is not said: no count */
        m += put_number(b + m, 0x00390040, 4);
        m += put_number(b + m, submitted, 8);
    }
    m += put_mapi(b + m, 0x1E, 0x0C1A, "Paula Berg", 11);
    m += put_mapi(b + m, 0x1E, 0x1000, body, sizeof body);
    n += put_attribute(out + n, 1, 0x00069003, b, m);
    n += put_attribute(out + n, 2, 0x00069002, render, sizeof render);
    n += put_attribute(out + n, 2, 0x00018010, "LIST.TXT", 9);
    n += put_attribute(out + n, 2, 0x0006800F, list, sizeof list - 1);
    n += put_attribute(out + n, 2, 0x00069002, render, sizeof render);
    n += put_attribute(out + n, 2, 0x00018010, "PLANOF~1.MD", 12);
    n += put_attribute(out + n, 2, 0x0006800F, plan, sizeof plan - 1);
    m = put_number(b, 1, 4);
    m += put_mapi(b + m, 0x1F, 0x3707, u"plan of the roof.md", 40);
    return n + put_attribute(out + n, 2, 0x00069005, b, m);
}

static const ingest_document *member(const ingest_document *doc, const char *name)
{
    for (const ingest_document *d = doc->members; d; d = d->next)
        if (!strcmp(d->member, name))
            return d;
    fail_msg("no member %s", name);
    return NULL;
}

static void a_packet_of_outlook(void **state)
{
    static char mail[8192];
    uint8_t data[4096];
    size_t n = packet(data, 0), m;
    gchar *coded;
    ingest_document *doc;
    const ingest_document *inner;
    extractor *ex = probe_extractor(WORKER, 60000);
    (void)state;

    doc = probe_read(ex, probe_file("winmail.dat", data, n));
    assert_string_equal(doc->mime, "application/ms-tnef");
    assert_string_equal(doc->title, "The roof of the shed");
    assert_string_equal(doc->author, "Paula Berg");
    assert_int_equal(doc->date_ns / 1000000000, 1714979289);
    assert_non_null(probe_block(doc, 0, "Der Schl\xC3\xBCssel liegt unter dem Stein."));
    assert_string_equal(meta(doc, "attachments"), "LIST.TXT, plan of the roof.md");
    assert_non_null(probe_block(member(doc, "LIST.TXT"), 0, "hammer, nails and a level"));
    assert_non_null(probe_block(member(doc, "plan of the roof.md"), 0, "slate roof"));
    ingest_document_free(doc);
    /* In a mail, as it comes. */
    m = (size_t)snprintf(mail, sizeof mail, "From: paula@example.org\nSubject: The roof\nMIME-Version: 1.0\n"
                         "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee what is attached.\n--b\n"
                         "Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n"
                         "Content-Disposition: attachment; filename=winmail.dat\n\n");
    coded = g_base64_encode(data, n);
    m += (size_t)snprintf(mail + m, sizeof mail - m, "%s\n--b--\n", coded);
    g_free(coded);
    doc = probe_read(ex, probe_file("roof.eml", mail, m));
    assert_non_null(probe_block(doc, 0, "See what is attached."));
    inner = member(doc, "winmail.dat!/plan of the roof.md");
    assert_non_null(probe_block(inner, 0, "slate roof"));
    ingest_document_free(doc);
    /* Cut short: what stands before the cut, and a note. */
    doc = probe_read(ex, probe_file("cut.dat", data, n - 200));
    assert_string_equal(doc->title, "The roof of the shed");
    assert_non_null(strstr(doc->note, "damaged"));
    ingest_document_free(doc);
    /* Eight hours west of Greenwich. */
    n = packet(data, 116444736000000000u + (uint64_t)(1714979289 + 8 * 3600) * 10000000u);
    doc = probe_read(ex, probe_file("west.dat", data, n));
    assert_string_equal(doc->author, "Paula Berg");
    assert_int_equal(doc->date_ns / 1000000000, 1714979289 + 8 * 3600);
    ingest_document_free(doc);
    /* A time before there were any: what the attribute says. */
    n = packet(data, 5);
    doc = probe_read(ex, probe_file("never.dat", data, n));
    assert_int_equal(doc->date_ns / 1000000000, 1714979289);
    ingest_document_free(doc);
    extractor_destroy(ex);
}

/* Cuts and changed bytes: a reason or a document, never a dead worker. */
static void damage(void **state)
{
    static char data[1 << 16], bent[1 << 16];
    uint8_t wrapped[4096];
    const char *files[4];
    extractor *ex = probe_extractor(WORKER, 60000);
    extractor_cage cage;
    cairn_error err = {0};
    (void)state;

    files[0] = slides("c.ppt", true);
    files[1] = outlook("c.msg");
    files[2] = workbook("c.xls", false);
    files[3] = probe_file("c.dat", wrapped, packet(wrapped, 0));
    for (size_t i = 0; i < 4; i++) {
        FILE *f = fopen(files[i], "rb");
        size_t n;
        assert_non_null(f);
        n = fread(data, 1, sizeof data, f);
        fclose(f);
        for (size_t k = 0; k < 40; k++) {
            ingest_document *doc = NULL;
            size_t at = (k * 2654435761u) % n;
            memcpy(bent, data, n);
            bent[at] = (char)(k * 37);
            (void)extractor_run(ex, probe_file("bent", bent, k % 4 ? n : n / 4 + at % (n - n / 4)), &doc,
                                &err);
            ingest_document_free(doc);
        }
    }
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_killed, 0);
    extractor_destroy(ex);
}

/* ---- helpers ---- */

static void helpers_that_misbehave(void **state)
{
    static const struct {
        const char *word;
        cairn_status status;
        const char *text; /* of the document, or in the reason */
    } cases[] = {
        {"nothing", CAIRN_OK, "a good answer"},
        {"write", CAIRN_OK, "cannot write"},
        {"read", CAIRN_OK, "cannot read"},
#ifndef CAIRN_SANITIZED
        {"allocate", CAIRN_OK, "got no memory"},
#endif
        {"fork", CAIRN_EINPUT, "broken"},
        {"socket", CAIRN_EINPUT, "broken"},
        {"run", CAIRN_EINPUT, "broken"},
        {"crash", CAIRN_EINPUT, "broken"},
        {"flood", CAIRN_ELIMIT, "more text"},
        {"nothing", CAIRN_OK, "a good answer"},
    };
    extractor *ex = probe_extractor(MISBEHAVE, 120000);
    extractor_cage cage;
    cairn_error err = {0};
    (void)state;

    if (extractor_describe(ex, &cage, &err))
        fail_msg("%s", err.text);
    if (!cage.seccomp || !cage.landlock_abi) {
        print_message("skipped: this kernel lacks seccomp or Landlock\n");
        extractor_destroy(ex);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        ingest_document *doc = NULL;
        cairn_status st;
        snprintf(text, sizeof text, "HELPER:%s.", cases[i].word);
        st = extractor_run(ex, word("h.doc", text), &doc, &err);
        if (st != cases[i].status || (st && !strstr(err.text, cases[i].text)) ||
            (!st && !probe_block(doc, 0, cases[i].text)))
            fail_msg("%s: %s, %s", cases[i].word, cairn_status_name(st),
                     st ? err.text : doc->n_blocks ? doc->blocks[0].text : "no text");
        ingest_document_free(doc);
    }
    assert_int_not_equal(access("/tmp/cairn-helper-was-here", F_OK), 0);
    assert_int_equal(extractor_describe(ex, &cage, &err), CAIRN_OK);
    assert_int_equal(cage.workers_started, 1 + 1); /* ELIMIT ends one in peace */
    assert_int_equal(cage.workers_killed, 0);
    extractor_destroy(ex);
}

/* One that never ends is stopped with its file's time, and the next file is read. */
static void helpers_without_end(void **state)
{
    static const char *const words[] = {"HELPER:loop.", "HELPER:sleep."};
    extractor *ex = probe_extractor(MISBEHAVE, 2000);
    ingest_document *doc = NULL;
    cairn_error err = {0};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(extractor_run(ex, word("l.doc", words[i]), &doc, &err), CAIRN_ELIMIT);
        assert_null(doc);
    }
    extractor_destroy(ex);
}

/* A cairn-convert killed from outside costs one file at most, and says so. */
static void a_converter_killed_from_outside(void **state)
{
    extractor *ex = probe_extractor(MISBEHAVE, 60000);
    ingest_document *doc = NULL;
    cairn_error err = {0};
    char path[64], name[64];
    int pid, killed = 0;
    FILE *f;
    (void)state;

    assert_int_equal(extractor_run(ex, word("k.doc", "HELPER:nothing."), &doc, &err), CAIRN_OK);
    ingest_document_free(doc);
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    f = fopen(path, "r");
    while (f && fscanf(f, "%d", &pid) == 1) {
        FILE *c;
        snprintf(path, sizeof path, "/proc/%d/comm", pid);
        c = fopen(path, "r");
        if (c && fscanf(c, "%63s", name) == 1 && !strcmp(name, "cairn-convert")) {
            kill(pid, SIGKILL);
            killed++;
        }
        if (c)
            fclose(c);
    }
    if (f)
        fclose(f);
    if (killed) { /* a kernel without this list: nothing to see */
        cairn_status st = extractor_run(ex, probe_path("k.doc"), &doc, &err);
        assert_int_equal(st, CAIRN_EINPUT);
        assert_non_null(strstr(err.text, "stopped from outside"));
    }
    assert_int_equal(extractor_run(ex, probe_path("k.doc"), &doc, &err), CAIRN_OK);
    ingest_document_free(doc);
    extractor_destroy(ex);
}

/* A worker that dies takes its cairn-convert and the program in hand with it: destroy returns. */
static void nothing_is_left(void **state)
{
    extractor *ex = probe_extractor(MISBEHAVE, 60000);
    ingest_document *doc = NULL;
    cairn_error err = {0};
    (void)state;

    assert_int_equal(extractor_run(ex, word("n.doc", "HELPER:nothing."), &doc, &err), CAIRN_OK);
    ingest_document_free(doc);
    extractor_destroy(ex);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_document),        cmocka_unit_test(a_workbook),
        cmocka_unit_test(old_slides),             cmocka_unit_test(a_message_of_outlook), cmocka_unit_test(a_packet_of_outlook),
        cmocka_unit_test(damage),                 cmocka_unit_test(helpers_that_misbehave),
        cmocka_unit_test(helpers_without_end),    cmocka_unit_test(a_converter_killed_from_outside),
        cmocka_unit_test(nothing_is_left),
    };
    gsf_init();
    return cmocka_run_group_tests(tests, probe_setup, probe_teardown);
}

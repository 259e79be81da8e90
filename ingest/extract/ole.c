/* ole.c - compound files: which document is inside, its summary, and who reads it.
 *
 * Word and Excel before 2007 are read by programs of others (helper.h), PowerPoint by ppt.c, Outlook's messages
 * by msg.c. Metadata comes from the summary stream (MS-OLEPS) in any case. In the streams of the two we look
 * for two things: whether it is encrypted, and the names of a workbook's sheets. */
#include "ingest/extract/ole.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gsf/gsf-doc-meta-data.h>
#include <gsf/gsf-infile-msole.h>
#include <gsf/gsf-input-memory.h>
#include <gsf/gsf-meta-names.h>
#include <gsf/gsf-msole-utils.h>
#include <gsf/gsf-timestamp.h>

#include "base/utf8.h"
#include "ingest/extract/csv.h"
#include "ingest/extract/dates.h"
#include "ingest/extract/helper.h"
#include "ingest/extract/refuse.h"
#include "ingest/extract/rows.h"

#define STREAM_BYTES ((size_t)64 << 20)
#define SHEET_BYTES  ((size_t)1200) /* of a block of rows, about a passage */
#define MAX_SHEETS   4096

void ole_warm_up(void)
{
    gsf_init();
}

bool ole_is(const char *data, size_t len)
{
    return len > 512 && !memcmp(data, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
}

GsfInput *ole_child(GsfInfile *in, const char *name)
{
    /* Some writers have names of their own case (MS-CFB 2.6.4: names differ by more than case). */
    for (int i = 0, n = gsf_infile_num_children(in); i < n; i++) {
        const char *have = gsf_infile_name_by_index(in, i);
        if (have && !strcasecmp(have, name))
            return gsf_infile_child_by_index(in, i);
    }
    return NULL;
}

bool ole_read(GsfInput *stream, bytes *out, size_t most)
{
    gsf_off_t size = stream ? gsf_input_size(stream) : 0;
    size_t n = size > 0 && (guint64)size < most ? (size_t)size : size > 0 ? most : 0;
    bool good;

    bytes_reset(out);
    good = n && !bytes_reserve(out, n + 1) && gsf_input_read(stream, n, (guint8 *)out->data);
    if (good) {
        out->len = n;
        out->data[n] = 0;
    }
    if (stream)
        g_object_unref(stream);
    return good;
}

void ole_utf16(bytes *out, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i + 2 <= len; i += 2) {
        uint32_t cp = p[i] | (uint32_t)p[i + 1] << 8;
        char u[4];
        if (cp >= 0xD800 && cp < 0xDC00 && i + 4 <= len && (p[i + 3] & 0xFC) == 0xDC) {
            cp = 0x10000 + ((cp - 0xD800) << 10) + ((p[i + 2] | (uint32_t)p[i + 3] << 8) - 0xDC00);
            i += 2;
        } else if (cp >= 0xD800 && cp < 0xE000) {
            continue;
        }
        bytes_append(out, u, utf8_encode(cp, u));
    }
}

static bool has(GsfInfile *ole, const char *name)
{
    GsfInput *child = ole_child(ole, name);

    if (child)
        g_object_unref(child);
    return child != NULL;
}

/* ---- the summary ---- */

static void take_property(emitter *e, GsfDocMetaData *all, const char *name, document_field field,
                          const char *key)
{
    GsfDocProp *prop = gsf_doc_meta_data_lookup(all, name);
    const GValue *v = prop ? gsf_doc_prop_get_val(prop) : NULL;
    const char *s;

    if (!v)
        return;
    if (field == FIELD_DATE || field == FIELD_CREATED) {
        int64_t ns;
        char *text = G_VALUE_HOLDS(v, GSF_TIMESTAMP_TYPE)
                         ? gsf_timestamp_as_string(g_value_get_boxed(v))
                         : NULL;
        if (text && date_parse(text, strlen(text), &ns) && ns > 0)
            emit_number(e, field, ns);
        g_free(text);
        return;
    }
    s = G_VALUE_HOLDS_STRING(v) ? g_value_get_string(v) : NULL;
    if (!s || !*s)
        return;
    if (field == FIELD_META)
        emit_meta(e, key, s, strlen(s));
    else
        emit_field(e, field, s, strlen(s));
}

static void take_summary(emitter *e, GsfInfile *ole, const char *stream)
{
    static const struct {
        const char *name;
        document_field field;
        const char *key;
    } wanted[] = {
        {GSF_META_NAME_TITLE, FIELD_TITLE, NULL},
        {GSF_META_NAME_CREATOR, FIELD_AUTHOR, NULL},
        {GSF_META_NAME_INITIAL_CREATOR, FIELD_AUTHOR, NULL},
        {GSF_META_NAME_SUBJECT, FIELD_META, "subject"},
        {GSF_META_NAME_KEYWORDS, FIELD_META, "keywords"},
        {GSF_META_NAME_DESCRIPTION, FIELD_META, "description"},
        {GSF_META_NAME_DATE_MODIFIED, FIELD_DATE, NULL},
        {GSF_META_NAME_DATE_CREATED, FIELD_CREATED, NULL},
    };
    GsfInput *in = ole_child(ole, stream);
    GsfDocMetaData *all;
    GError *error;

    if (!in)
        return;
    all = gsf_doc_meta_data_new();
    error = gsf_doc_meta_data_read_from_msole(all, in);
    if (error)
        g_error_free(error); /* what was read before it is there */
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        take_property(e, all, wanted[i].name, wanted[i].field, wanted[i].key);
    g_object_unref(all);
    g_object_unref(in);
}

/* ---- Word ---- */

static size_t count_tabs(const char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += s[i] == '\t';
    return n;
}

/* The next line without white space at its ends; *s steps behind it. */
static const char *take_line(const char **s, const char *end, size_t *len)
{
    const char *line = *s, *nl = memchr(line, '\n', (size_t)(end - line));

    *len = (size_t)((nl ? nl : end) - line);
    *s = nl ? nl + 1 : end;
    while (*len && strchr(" \t\r\f", line[*len - 1]))
        --*len;
    while (*len && (*line == ' ' || *line == '\f'))
        line++, --*len;
    return line;
}

/* A row of a table: "|a|b|" of antiword, cells with tabs of catdoc where another line has as many. */
static char row_separator(const char *line, size_t len, const char *next, const char *end, size_t tabs)
{
    size_t n = count_tabs(line, len), next_len;

    if (len > 2 && line[0] == '|' && line[len - 1] == '|')
        return '|';
    if (!n)
        return 0;
    if (n == tabs)
        return '\t';
    while (next < end) {
        const char *other = take_line(&next, end, &next_len);
        if (next_len)
            return count_tabs(other, next_len) == n ? '\t' : 0;
    }
    return 0;
}

static void put_row(rows *t, const char *s, size_t len, char separator)
{
    for (size_t at = separator == '|'; at < len;) {
        const char *bar = memchr(s + at, separator, len - at);
        size_t end = bar ? (size_t)(bar - s) : len;
        rows_cell_begin(t);
        bytes_append(&t->row, s + at, end - at);
        at = end + 1;
    }
    rows_end_row(t);
}

/* A paragraph a line. */
static void give_lines(emitter *e, const bytes *text)
{
    const char *s = text->data, *end = s + text->len;
    size_t tabs = 0;
    bool table = false;
    rows t;

    while (s < end && !e->status) {
        size_t len;
        const char *line = take_line(&s, end, &len);
        char separator = row_separator(line, len, s, end, tabs);

        if (separator) {
            if (!table)
                rows_begin(&t, e, (size_t)32 << 10);
            table = true;
            tabs = separator == '\t' ? count_tabs(line, len) : 0;
            put_row(&t, line, len, separator);
            continue;
        }
        if (table && len) {
            rows_end(&t);
            table = false;
            tabs = 0;
        }
        if (len == 5 && !memcmp(line, "[pic]", 5)) /* antiword's word for a picture */
            continue;
        emit_block(e, INGEST_PARAGRAPH, 0, line, len);
    }
    if (table)
        rows_end(&t);
}

static bool word_is_encrypted(GsfInfile *ole)
{
    bytes head;
    bool yes;

    bytes_init(&head, 4096);
    /* FibBase, MS-DOC 2.5.2: bit 8 of the flags at 10 */
    yes = ole_read(ole_child(ole, "WordDocument"), &head, 32) && head.len >= 12 &&
          (head.data[11] & 1);
    bytes_clear(&head);
    return yes;
}

/* ---- Excel ---- */

typedef struct workbook {
    bool encrypted;
    size_t n;
    bytes names; /* each with its NUL */
} workbook;

/* A name of BIFF8 (a byte a character, or two) or BIFF5 (a byte). */
static void put_name(bytes *out, const uint8_t *p, size_t len, bool biff8)
{
    size_t n = len ? p[0] : 0, at = biff8 ? 2 : 1;

    if (biff8 && len > 1 && (p[1] & 1))
        ole_utf16(out, p + at, 2 * n < len - at ? 2 * n : len - at);
    else
        for (size_t i = 0; i < n && at + i < len; i++) {
            char u[4];
            bytes_append(out, u, utf8_encode(p[at + i], u));
        }
    bytes_append_byte(out, 0);
}

/* The globals of a workbook: records of u16 type, u16 length (MS-XLS 2.4). */
static void read_workbook(GsfInfile *ole, workbook *w)
{
    GsfInput *in = ole_child(ole, "Workbook");
    bool biff8 = true, first = true;
    bytes data;

    bytes_init(&data, STREAM_BYTES + 1);
    if (!in)
        in = ole_child(ole, "Book");
    if (ole_read(in, &data, STREAM_BYTES))
        for (size_t at = 0; at + 4 <= data.len && w->n < MAX_SHEETS;) {
            const uint8_t *p = (const uint8_t *)data.data + at;
            size_t type = p[0] | p[1] << 8, len = p[2] | p[3] << 8;
            if (len > data.len - at - 4 || (!first && type == 0x000A)) /* EOF of the globals */
                break;
            if (first)
                biff8 = len >= 2 && p[5] == 6;
            first = false;
            if (type == 0x002F)
                w->encrypted = true;
            if (type == 0x0085 && len > 7 && p[4 + 5] == 0) { /* a sheet; charts and macros are others */
                put_name(&w->names, p + 4 + 6, len - 6, biff8);
                w->n++;
            }
            at += 4 + len;
        }
    bytes_clear(&data);
}

typedef struct sheet_place {
    rows t;
    uint32_t first_row, last_row;
    unsigned last_column;
} sheet_place;

static void name_range(void *ctx)
{
    sheet_place *p = ctx;
    char range[64];

    rows_range(range, p->first_row, p->last_row, p->last_column);
    emit_block(p->t.e, INGEST_HEADING, 2, range, strlen(range));
    p->first_row = 0;
    p->last_column = 0;
}

static void give_sheet(emitter *e, const char *name, const char *s, size_t len)
{
    csv c = {.s = s, .len = len, .line = 1, .separator = ','};
    sheet_place p = {.first_row = 0};
    uint32_t row = 0;

    emit_block(e, INGEST_HEADING, 1, name, strlen(name));
    rows_begin(&p.t, e, SHEET_BYTES);
    p.t.before = name_range;
    p.t.ctx = &p;
    while (c.at < c.len && !e->status) {
        bool last = false;
        unsigned column = 0;

        row++;
        for (unsigned k = 0; !last; k++) {
            size_t before;
            rows_cell_begin(&p.t);
            before = p.t.row.len;
            if (csv_cell(&c, &p.t.row, &last, k > 16000))
                emit_fail(e, CAIRN_ENOMEM, "a row of a sheet");
            if (e->status)
                break;
            if (p.t.row.len > before)
                column = k;
        }
        if (rows_end_row(&p.t)) {
            if (!p.first_row)
                p.first_row = row;
            p.last_row = row;
            if (column > p.last_column)
                p.last_column = column;
        }
    }
    rows_end(&p.t);
}

/* Sheets end with a form feed; a sheet without cells is not told. */
static void give_sheets(emitter *e, const bytes *text, const workbook *w)
{
    const char *name = w->names.data;
    size_t at = 0, n = 0, feeds = 0;

    for (size_t i = 0; i < text->len; i++)
        feeds += text->data[i] == '\f';
    while (at < text->len && !e->status && n < MAX_SHEETS) {
        const char *feed = memchr(text->data + at, '\f', text->len - at);
        size_t end = feed ? (size_t)(feed - text->data) : text->len;
        char number[32];

        snprintf(number, sizeof number, "Sheet %zu", ++n);
        e->page = (uint32_t)n;
        if (end > at && (feed || strspn(text->data + at, " \r\n") < end - at))
            give_sheet(e, feeds == w->n && n <= w->n && *name ? name : number, text->data + at,
                       end - at);
        if (n <= w->n)
            name += strlen(name) + 1;
        at = end + 1;
    }
    emit_number(e, FIELD_PAGES, (int64_t)n);
}

/* ---- which one it is ---- */

static cairn_status convert(emitter *e, const parse_input *in, helper_task task, const char *mime,
                            const workbook *w)
{
    bytes text;
    char program[16];
    convert_status st;

    bytes_init(&text, CONVERT_MAX_OUTPUT + (4u << 20));
    st = helper_run(task, in->name, in->data, in->len, &text, program);
    if (st) {
        helper_fail(e, task, st, mime);
    } else {
        emit_meta(e, "converter", program, strlen(program));
        if (!text.len)
            emit_field(e, FIELD_NOTE, "no text", 7);
        else if (task == HELPER_DOC)
            give_lines(e, &text);
        else
            give_sheets(e, &text, w);
    }
    bytes_clear(&text);
    return e->status;
}

static void by_streams(emitter *e, const parse_input *in, GsfInfile *ole)
{
    static const char DOC[] = "application/msword", XLS[] = "application/vnd.ms-excel",
                      PPT[] = "application/vnd.ms-powerpoint",
                      MSG[] = "application/vnd.ms-outlook";
    workbook w = {.n = 0};

    if (has(ole, "EncryptedPackage")) {
        refuse_locked(e);
        return;
    }
    take_summary(e, ole, "\05SummaryInformation");
    if (has(ole, "WordDocument")) {
        emit_field(e, FIELD_MIME, DOC, strlen(DOC));
        if (word_is_encrypted(ole))
            refuse_locked(e);
        else
            convert(e, in, HELPER_DOC, DOC, &w);
    } else if (has(ole, "Workbook") || has(ole, "Book")) {
        emit_field(e, FIELD_MIME, XLS, strlen(XLS));
        bytes_init(&w.names, (size_t)1 << 20);
        read_workbook(ole, &w);
        if (w.encrypted)
            refuse_locked(e);
        else
            convert(e, in, HELPER_XLS, XLS, &w);
        bytes_clear(&w.names);
    } else if (has(ole, "PowerPoint Document")) {
        emit_field(e, FIELD_MIME, PPT, strlen(PPT));
        if (has(ole, "EncryptedSummary"))
            refuse_locked(e);
        else
            ppt_parse(e, ole);
    } else if (has(ole, "__properties_version1.0")) {
        emit_field(e, FIELD_MIME, MSG, strlen(MSG));
        msg_parse(e, in, ole, true, 0);
    } else if (!refuse_compound(e, ole)) {
        refuse_type(e, detect(in->data, in->len, in->name).mime);
    }
}

cairn_status parse_ole(emitter *e, const parse_input *in)
{
    GsfInput *mem = gsf_input_memory_new((const guint8 *)in->data, (gsf_off_t)in->len, FALSE);
    GError *error = NULL;
    GsfInfile *ole = mem ? gsf_infile_msole_new(mem, &error) : NULL;

    if (ole)
        by_streams(e, in, ole);
    else
        emit_fail(e, CAIRN_EINPUT, "broken: %s",
                  error && error->message ? error->message : "no compound file");
    if (error)
        g_error_free(error);
    if (ole)
        g_object_unref(ole);
    if (mem)
        g_object_unref(mem);
    return e->status;
}

/* Word documents older than compound files. */
cairn_status parse_old_word(emitter *e, const parse_input *in)
{
    return convert(e, in, HELPER_DOC, "application/msword", &(workbook){.n = 0});
}

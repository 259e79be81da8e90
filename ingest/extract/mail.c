/* mail.c - messages (RFC 5322, MIME) and mailboxes, by GMime.
 *
 * A message becomes a heading (its subject), one paragraph of who, to whom and when, and its body:
 * of alternatives the plain one, of HTML its text. Attachments are named; text ones are read with it,
 * others become members ("report.pdf", in a mailbox "12/report.pdf" of the twelfth message). What is signed is read,
 * what is encrypted is said to be.
 * Metadata: subject as title, sender as author, date, message-id, recipients, what it answers. */
#include "ingest/extract/mail.h"

#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

#include "ingest/extract/parsers.h"
#include "ingest/extract/smime.h"
#include "ingest/plain.h"

#define MAIL_MAX_PARTS   1000
#define MAIL_MAX_NESTING 16

void mail_warm_up(void)
{
    /* Opened and left open on purpose: a closed converter may be unloaded. */
    static const char *const charsets[] =
        {
            "ISO-8859-1",   "ISO-8859-2",   "ISO-8859-5",   "ISO-8859-15", "WINDOWS-1250",
            "WINDOWS-1251", "WINDOWS-1252", "WINDOWS-1256", "KOI8-R",      "KOI8-U",
            "GB18030",      "GBK",          "BIG5",         "ISO-2022-JP", "SHIFT_JIS",
            "EUC-JP",       "EUC-KR",       "UTF-7",        "UTF-16",      "UTF-16BE",
            "UTF-16LE",     "UTF-32", /* Poppler converts titles from these */
        };

    static iconv_t kept[sizeof charsets / sizeof *charsets];

    g_mime_init();
    for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
        if (!kept[i]) /* once, also when called again */
            kept[i] = iconv_open("UTF-8", charsets[i]);
}

typedef struct mail {
    emitter *e;
    const parse_input *in;
    unsigned depth, parts;
    bool mailbox; /* lines that begin with From have a '>' before them */
    size_t number; /* of the message in its mailbox, from 1; 0: there is none */
    bytes attachments;
} mail;

/* The decoded bytes of a part. */
static cairn_status part_bytes(mail *m, GMimePart *part, GByteArray **out)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *mem = g_mime_stream_mem_new();

    *out = NULL;
    if (content)
        g_mime_data_wrapper_write_to_stream(content, mem);
    *out = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(mem), FALSE); /* the array is ours now */
    g_object_unref(mem);
    if ((*out)->len > m->e->max_text)
        return emit_fail(m->e, CAIRN_ELIMIT, "a part of the message holds more than %zu MiB",
                         m->e->max_text >> 20);
    return CAIRN_OK;
}

/* A PDF, an office document, an archive: a file inside the message. */
static void attachment(mail *m, GMimePart *part, const char *file)
{
    char name[1024];
    GByteArray *data;

    if (!file || !*file || m->e->status)
        return; /* what has no name is decoration */
    if (m->number)
        snprintf(name, sizeof name, "%zu/%s", m->number, file);
    else
        snprintf(name, sizeof name, "%s", file);
    if (part_bytes(m, part, &data) == CAIRN_OK)
        parse_member(m->e, m->in, name, (const char *)data->data, data->len, 0);
    g_byte_array_unref(data);
}

/* What a mailbox put before lines that begin with "From ", and with ">From " (mboxrd), goes. */
static void unquote_from(GByteArray *data)
{
    guint at = 0, out = 0;

    while (at < data->len) {
        const guint8 *nl = memchr(data->data + at, '\n', data->len - at);
        guint end = nl ? (guint)(nl - data->data) + 1 : data->len, quotes = 0;
        while (at + quotes < end && data->data[at + quotes] == '>')
            quotes++;
        if (quotes && end - at - quotes >= 5 && !memcmp(data->data + at + quotes, "From ", 5))
            at++;
        memmove(data->data + out, data->data + at, end - at);
        out += end - at;
        at = end;
    }
    g_byte_array_set_size(data, out);
}

/* A part's own parser, where it has one that reads it better than as plain text. */
static parse_fn *parser_of(GMimeContentType *type)
{
    static const struct {
        const char *sub;
        parse_fn *parse;
    } known[] = {{"html", parse_html},      {"calendar", parse_calendar}, {"vcard", parse_cards},
                 {"x-vcard", parse_cards},  {"directory", parse_cards},   {"csv", parse_csv},
                 {"markdown", parse_markdown}, {"tab-separated-values", parse_csv}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (g_mime_content_type_is_type(type, "text", known[i].sub))
            return known[i].parse;
    return parse_text;
}

static void part(mail *m, GMimeObject *object, unsigned nesting);

static void note_encrypted(mail *m)
{
    static const char note[] = "an encrypted part was not read";

    emit_field(m->e, FIELD_NOTE, note, sizeof note - 1);
}

/* S/MIME in one part: the message is inside its signature, or encrypted. False: neither. */
static bool wrapped(mail *m, GMimePart *object, GMimeContentType *type, unsigned nesting)
{
    const char *kind;
    GByteArray *data, *inside;

    if (!g_mime_content_type_is_type(type, "application", "pkcs7-mime") &&
        !g_mime_content_type_is_type(type, "application", "x-pkcs7-mime"))
        return false;
    kind = g_mime_content_type_get_parameter(type, "smime-type");
    if (kind && (!strcasecmp(kind, "enveloped-data") || !strcasecmp(kind, "authEnveloped-data"))) {
        note_encrypted(m);
        return true;
    }
    inside = part_bytes(m, object, &data) ? NULL : smime_content(data->data, data->len);
    g_byte_array_unref(data);
    if (!inside)
        return false;
    if (!m->in->budget || (m->in->budget->unpacked += inside->len) <= UNPACK_MAX_TOTAL) {
        GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)inside->data, inside->len);
        GMimeParser *parser = g_mime_parser_new_with_stream(stream);
        GMimeObject *body = g_mime_parser_construct_part(parser, NULL);
        if (body) {
            part(m, body, nesting + 1);
            g_object_unref(body);
        }
        g_object_unref(parser);
        g_object_unref(stream);
    }
    g_byte_array_unref(inside);
    return true;
}

static void leaf(mail *m, GMimePart *part, unsigned nesting)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    const char *file = g_mime_part_get_filename(part);
    const char *charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
    bool attached = g_mime_part_is_attachment(part) || (file && *file);
    parse_input in = {
        .name = file ? file : "", .charset = charset, .part = true, .depth = m->depth + 1};
    GByteArray *data;

    if (wrapped(m, part, type, nesting))
        return;
    if (attached) {
        if (m->attachments.len)
            bytes_append(&m->attachments, ", ", 2);
        bytes_append_str(&m->attachments, file && *file ? file : "unnamed");
    }
    if (!g_mime_content_type_is_type(type, "text", "*")) {
        attachment(m, part, file);
        return;
    }
    if (!attached && (g_mime_content_type_is_type(type, "text", "css") ||
                      g_mime_content_type_is_type(type, "text", "javascript")))
        return; /* of a page that was saved with all it needs */
    if (part_bytes(m, part, &data) == CAIRN_OK && data->len) {
        if (m->mailbox)
            unquote_from(data);
        in.data = (const char *)data->data;
        in.len = data->len;
        if (attached && file)
            emit_block(m->e, INGEST_HEADING, 2, file, strlen(file));
        parser_of(type)(m->e, &in);
    }
    g_byte_array_unref(data);
}

static void message(mail *m, GMimeMessage *msg, bool outermost, unsigned nesting);

/* multipart/alternative: the plain text when there is some, else the last (richest) one. */
static void alternatives(mail *m, GMimeMultipart *multi, unsigned nesting)
{
    int n = g_mime_multipart_get_count(multi);
    GMimeObject *best = NULL;

    for (int i = 0; i < n; i++) {
        GMimeObject *o = g_mime_multipart_get_part(multi, i);
        GMimeContentType *t = g_mime_object_get_content_type(o);
        if (g_mime_content_type_is_type(t, "text", "plain")) {
            best = o;
            break;
        }
        best = o;
    }
    if (best)
        part(m, best, nesting + 1);
}

static void part(mail *m, GMimeObject *object, unsigned nesting)
{
    if (nesting > MAIL_MAX_NESTING || ++m->parts > MAIL_MAX_PARTS || m->e->status)
        return;
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multi = GMIME_MULTIPART(object);
        GMimeContentType *type = g_mime_object_get_content_type(object);
        if (g_mime_content_type_is_type(type, "multipart", "alternative")) {
            alternatives(m, multi, nesting);
            return;
        }
        if (g_mime_content_type_is_type(type, "multipart", "encrypted")) {
            note_encrypted(m);
            return;
        }
        for (int i = 0; i < g_mime_multipart_get_count(multi) && !m->e->status; i++)
            part(m, g_mime_multipart_get_part(multi, i), nesting + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
        if (inner)
            message(m, inner, false, nesting + 1);
    } else if (GMIME_IS_PART(object)) {
        leaf(m, GMIME_PART(object), nesting);
    }
}

static void put_line(bytes *out, const char *label, const char *value)
{
    if (value && *value)
        bytes_printf(out, "%s%s: %.2000s", out->len ? "\n" : "", label, value);
}

static char *addresses(InternetAddressList *list)
{
    return list ? internet_address_list_to_string(list, NULL, FALSE) : NULL;
}

static void metadata(mail *m, GMimeMessage *msg, const char *from, const char *to)
{
    const char *id = g_mime_message_get_message_id(msg);
    const char *answers = g_mime_object_get_header(GMIME_OBJECT(msg), "In-Reply-To");
    const char *subject = g_mime_message_get_subject(msg);
    GDateTime *date = g_mime_message_get_date(msg);

    if (subject)
        emit_field(m->e, FIELD_TITLE, subject, strlen(subject));
    if (from)
        emit_field(m->e, FIELD_AUTHOR, from, strlen(from));
    if (to)
        emit_meta(m->e, "to", to, strlen(to));
    if (id)
        emit_meta(m->e, "message-id", id, strlen(id));
    if (answers)
        emit_meta(m->e, "in-reply-to", answers, strlen(answers));
    if (date) {
        int64_t seconds = g_date_time_to_unix(date);
        if (seconds > 0 && seconds < INT64_C(8000000000))
            emit_number(m->e, FIELD_DATE, seconds * 1000000000);
    }
}

static void message(mail *m, GMimeMessage *msg, bool outermost, unsigned nesting)
{
    char *from = addresses(g_mime_message_get_from(msg));
    char *to = addresses(g_mime_message_get_to(msg));
    char *cc = addresses(g_mime_message_get_cc(msg));
    const char *subject = g_mime_message_get_subject(msg);
    const char *date = g_mime_object_get_header(GMIME_OBJECT(msg), "Date");
    GMimeObject *body = g_mime_message_get_mime_part(msg);
    bytes head;

    bytes_init(&head, 64 << 10);
    if (outermost)
        metadata(m, msg, from, to);
    if (subject && *subject)
        emit_block(m->e, INGEST_HEADING, 1, subject, strlen(subject));
    put_line(&head, "From", from);
    put_line(&head, "To", to);
    put_line(&head, "Cc", cc);
    put_line(&head, "Date", date);
    m->e->unsampled = true; /* names and English labels */
    emit_block(m->e, INGEST_PARAGRAPH, 0, head.data ? head.data : "", head.len);
    m->e->unsampled = false;
    if (body)
        part(m, body, nesting);
    bytes_clear(&head);
    g_free(from);
    g_free(to);
    g_free(cc);
}

static bool is_mail_name(const char *name)
{
    const char *dot = name ? strrchr(name, '.') : NULL;

    return dot && (!strcasecmp(dot, ".eml") || !strcasecmp(dot, ".mht") || !strcasecmp(dot, ".mhtml"));
}

static cairn_status parse_messages(emitter *e, const parse_input *in, bool mailbox)
{
    unpack_budget own = {.packed = in->len};
    parse_input around = *in;
    mail m = {.e = e, .in = &around, .depth = in->depth, .mailbox = mailbox};
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(in->data, in->len);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    size_t n = 0;

    if (!around.budget)
        around.budget = &own;
    bytes_init(&m.attachments, 64 << 10);
    /* GMime copies the buffer; in->len is bounded by the address space of the worker. */
    g_mime_parser_set_format(parser, mailbox ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
    while (!e->status && (n == 0 || (mailbox && !g_mime_parser_eos(parser)))) {
        GMimeMessage *msg = g_mime_parser_construct_message(parser, NULL);

        if (!msg)
            break;
        m.parts = 0;
        m.number = mailbox ? n + 1 : 0;
        message(&m, msg, !mailbox && !in->part, 0);
        n++;
        g_object_unref(msg);
    }
    if (!n && !e->status && !mailbox && !is_mail_name(in->name)) /* "Article 2846 of ...": it only looks like a mail */
        parse_text(e, in);
    else if (!n && !e->status)
        emit_fail(e, CAIRN_EINPUT, "broken: no message could be read");
    if (m.attachments.len) {
        emit_meta(e, "attachments", m.attachments.data, m.attachments.len);
        if (!mailbox) {
            bytes line;
            bytes_init(&line, 80 << 10);
            bytes_printf(&line, "Attachments: %s", m.attachments.data);
            e->unsampled = true;
            emit_block(e, INGEST_PARAGRAPH, 0, line.data ? line.data : "", line.len);
            bytes_clear(&line);
        }
    }
    bytes_clear(&m.attachments);
    g_object_unref(parser);
    g_object_unref(stream);
    return e->status;
}

cairn_status parse_mail(emitter *e, const parse_input *in)
{
    return parse_messages(e, in, in->len > 5 && !memcmp(in->data, "From ", 5));
}

cairn_status parse_mbox(emitter *e, const parse_input *in)
{
    return parse_messages(e, in, true);
}

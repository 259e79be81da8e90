/* msg.c - messages of Outlook (MS-OXMSG): properties as streams of a compound file, recipients and attachments as
 * storages in it. Said as mail.c says a message: subject as heading, who and when, the body, and each
 * attachment a member.
 *
 * Of the bodies the plain one is taken, else HTML, else compressed RTF (MS-OXRTFCP). */
#include <stdio.h>
#include <string.h>

#include <gsf/gsf-infile-msole.h>

#include "ingest/extract/encoding.h"
#include "ingest/extract/ole.h"

#define TEXT_BYTES  ((size_t)64 << 20)
#define FIELD_BYTES ((size_t)64 << 10)
#define MAX_PARTS   1000
#define MAX_DEPTH   3

/* Property tags, MS-OXPROPS; the type is added. */
enum {
    SUBJECT = 0x0037, HEADERS = 0x007D, BODY = 0x1000, RTF_BODY = 0x1009, HTML_BODY = 0x1013,
    MESSAGE_ID = 0x1035, IN_REPLY_TO = 0x1042, SENDER_NAME = 0x0C1A, SENDER_MAIL = 0x0C1F,
    SENDER_SMTP = 0x5D01, DISPLAY_TO = 0x0E04, DISPLAY_CC = 0x0E03, SUBMITTED = 0x0039,
    DELIVERED = 0x0E06, CODE_PAGE = 0x3FDE, FILE_NAME = 0x3707, FILE_NAME_SHORT = 0x3704,
    DISPLAY_NAME = 0x3001, ATTACHED = 0x3701
};

typedef struct msg {
    emitter *e;
    const parse_input *in;
    unsigned depth;
    char charset[MSG_CHARSET_BYTES]; /* of the 8-bit strings */
    bytes attachments;
} msg;

static GsfInput *property(GsfInfile *in, unsigned tag, unsigned type)
{
    char name[32];

    snprintf(name, sizeof name, "__substg1.0_%04X%04X", tag, type);
    return ole_child(in, name);
}

/* A string property as UTF-8. */
static bool text_of(const msg *m, GsfInfile *in, unsigned tag, bytes *out, size_t most)
{
    bytes raw;
    decoded d;

    bytes_reset(out);
    bytes_init(&raw, most + 2);
    if (ole_read(property(in, tag, 0x001F), &raw, most)) {
        ole_utf16(out, raw.data, raw.len);
    } else if (ole_read(property(in, tag, 0x001E), &raw, most) &&
               !encoding_decode(&d, raw.data, raw.len, m->charset)) {
        bytes_append(out, d.text, d.len);
        encoding_clear(&d);
    }
    while (out->len && strchr(" \r\n\t", out->data[out->len - 1])) /* its NUL, too */
        out->data[--out->len] = 0;
    bytes_clear(&raw);
    return out->len > 0;
}

/* A property of fixed size: entries of 16 bytes behind a header of 32, 24 or 8 bytes. */
static bool number_of(GsfInfile *in, unsigned tag, unsigned type, unsigned header, uint64_t *out)
{
    bytes all;
    bool found = false;

    bytes_init(&all, (size_t)1 << 20);
    if (ole_read(ole_child(in, "__properties_version1.0"), &all, ((size_t)1 << 20) - 1))
        for (size_t at = header; at + 16 <= all.len && !found; at += 16) {
            const uint8_t *p = (const uint8_t *)all.data + at;
            if ((p[0] | p[1] << 8) == (int)type && (p[2] | p[3] << 8) == (int)tag) {
                *out = 0;
                for (int i = 7; i >= 0; i--)
                    *out = *out << 8 | p[8 + i];
                found = true;
            }
        }
    bytes_clear(&all);
    return found;
}

int64_t msg_filetime(uint64_t t)
{
    if (t < 116444736000000000u || t > 196000000000000000u)
        return 0;
    return (int64_t)(t - 116444736000000000u) * 100;
}

static int64_t date_of(GsfInfile *in, unsigned header)
{
    uint64_t t = 0;

    if (!number_of(in, SUBMITTED, 0x0040, header, &t) && !number_of(in, DELIVERED, 0x0040, header, &t))
        return 0;
    return msg_filetime(t);
}

void msg_charset(uint32_t page, char out[MSG_CHARSET_BYTES])
{
    if (page == 65001)
        snprintf(out, MSG_CHARSET_BYTES, "UTF-8");
    else if (page == 20127 || page == 28591)
        snprintf(out, MSG_CHARSET_BYTES, "ISO-8859-1");
    else if (page > 28591 && page < 28606)
        snprintf(out, MSG_CHARSET_BYTES, "ISO-8859-%u", page - 28590);
    else if (page)
        snprintf(out, MSG_CHARSET_BYTES, "windows-%u", page);
    else
        snprintf(out, MSG_CHARSET_BYTES, "windows-1252");
}

static void find_charset(msg *m, GsfInfile *in, unsigned header)
{
    uint64_t page = 0;

    number_of(in, CODE_PAGE, 0x0003, header, &page);
    msg_charset((uint32_t)page, m->charset);
}

static void put_line(bytes *out, const char *label, const bytes *value)
{
    if (value->len)
        bytes_printf(out, "%s%s: %.2000s", out->len ? "\n" : "", label, value->data);
}

/* "Name <address>", or what there is of it. */
static void sender(const msg *m, GsfInfile *in, bytes *out)
{
    bytes mail;

    bytes_init(&mail, FIELD_BYTES);
    text_of(m, in, SENDER_NAME, out, FIELD_BYTES / 4);
    if (!text_of(m, in, SENDER_SMTP, &mail, FIELD_BYTES / 4))
        text_of(m, in, SENDER_MAIL, &mail, FIELD_BYTES / 4);
    if (mail.len && memchr(mail.data, '@', mail.len) &&
        (!out->len || strcmp(out->data, mail.data) != 0))
        bytes_printf(out, out->len ? " <%.500s>" : "%.500s", mail.data);
    bytes_clear(&mail);
}

/* ---- the body ---- */

/* MS-OXRTFCP 2.2: references of 12 bits offset and 4 bits length into a ring of 4 KiB that begins with this. */
bool msg_unpack_rtf(const bytes *in, bytes *out)
{
    static const char start[] =
        "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
        "\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
        "\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
    char ring[4096] = {0};
    size_t w = sizeof start - 1, at = 16;
    const uint8_t *p = (const uint8_t *)in->data;

    if (in->len < 16)
        return false;
    if (!memcmp(p + 8, "MELA", 4))
        return !bytes_append(out, p + 16, in->len - 16);
    if (memcmp(p + 8, "LZFu", 4) != 0)
        return false;
    memcpy(ring, start, w);
    while (at < in->len) {
        unsigned control = p[at++];
        for (int bit = 0; bit < 8 && at < in->len; bit++, control >>= 1) {
            size_t from, n;
            if (!(control & 1)) {
                ring[w] = (char)p[at++];
                if (bytes_append(out, ring + w, 1))
                    return false;
                w = (w + 1) % sizeof ring;
                continue;
            }
            if (at + 2 > in->len)
                return out->len > 0;
            from = (size_t)p[at] << 4 | p[at + 1] >> 4;
            n = (p[at + 1] & 15u) + 2;
            at += 2;
            if (from == w)
                return out->len > 0; /* the end */
            for (; n; n--, from = (from + 1) % sizeof ring) {
                ring[w] = ring[from];
                if (bytes_append(out, ring + w, 1))
                    return false;
                w = (w + 1) % sizeof ring;
            }
        }
    }
    return out->len > 0;
}

static void body(msg *m, GsfInfile *in)
{
    parse_input inner = {.name = "", .part = true, .depth = m->in->depth + 1, .budget = m->in->budget};
    bytes text, raw;

    bytes_init(&text, TEXT_BYTES * 2);
    bytes_init(&raw, TEXT_BYTES + 2);
    if (text_of(m, in, BODY, &text, TEXT_BYTES / 2)) {
        inner.data = text.data;
        inner.len = text.len;
        inner.charset = "UTF-8";
        parse_text(m->e, &inner);
    } else if (ole_read(property(in, HTML_BODY, 0x0102), &raw, TEXT_BYTES)) {
        inner.data = raw.data;
        inner.len = raw.len;
        inner.charset = m->charset;
        parse_html(m->e, &inner);
    } else if (text_of(m, in, HTML_BODY, &text, TEXT_BYTES / 2)) {
        inner.data = text.data;
        inner.len = text.len;
        inner.charset = "UTF-8";
        parse_html(m->e, &inner);
    } else if (ole_read(property(in, RTF_BODY, 0x0102), &raw, TEXT_BYTES) &&
               msg_unpack_rtf(&raw, &text)) {
        inner.data = text.data;
        inner.len = text.len;
        parse_rtf(m->e, &inner);
    }
    bytes_clear(&text);
    bytes_clear(&raw);
}

/* ---- attachments ---- */

static void attachment(msg *m, GsfInfile *at)
{
    GsfInput *inner;
    bytes name, data;

    bytes_init(&name, FIELD_BYTES);
    bytes_init(&data, UNPACK_MAX_FILE);
    if (!text_of(m, at, FILE_NAME, &name, 2048) && !text_of(m, at, FILE_NAME_SHORT, &name, 2048) &&
        !text_of(m, at, DISPLAY_NAME, &name, 2048))
        bytes_append_str(&name, "unnamed");
    if (m->attachments.len)
        bytes_append(&m->attachments, ", ", 2);
    bytes_append(&m->attachments, name.data, name.len);
    inner = property(at, ATTACHED, 0x000D); /* a message inside: read with this one */
    if (inner && GSF_IS_INFILE(inner) && m->depth < MAX_DEPTH)
        msg_parse(m->e, m->in, GSF_INFILE(inner), false, m->depth + 1);
    else if (ole_read(property(at, ATTACHED, 0x0102), &data, UNPACK_MAX_FILE - 1) &&
             ++m->in->budget->files <= UNPACK_MAX_FILES &&
             (m->in->budget->unpacked += data.len) <= UNPACK_MAX_TOTAL)
        parse_member(m->e, m->in, name.data, data.data, data.len, 0);
    if (inner)
        g_object_unref(inner);
    bytes_clear(&name);
    bytes_clear(&data);
}

static void attachments(msg *m, GsfInfile *in)
{
    int n = gsf_infile_num_children(in);

    for (int i = 0; i < n && i < MAX_PARTS && !m->e->status; i++) {
        const char *name = gsf_infile_name_by_index(in, i);
        GsfInput *child;
        if (!name || strncmp(name, "__attach_version1.0_#", 21) != 0)
            continue;
        child = gsf_infile_child_by_index(in, i);
        if (child && GSF_IS_INFILE(child))
            attachment(m, GSF_INFILE(child));
        if (child)
            g_object_unref(child);
    }
}

/* ---- the message ---- */

static void give_meta(msg *m, GsfInfile *in, unsigned tag, const char *key, bytes *scratch)
{
    if (text_of(m, in, tag, scratch, FIELD_BYTES / 4))
        emit_meta(m->e, key, scratch->data, scratch->len);
}

void msg_parse(emitter *e, const parse_input *in, GsfInfile *storage, bool outermost, unsigned depth)
{
    unpack_budget own = {.packed = in->len};
    parse_input around = *in;
    msg m = {.e = e, .in = &around, .depth = depth};
    unsigned header = outermost ? 32 : 24;
    int64_t date = date_of(storage, header);
    bytes head, text;

    if (!around.budget)
        around.budget = &own;
    bytes_init(&head, FIELD_BYTES);
    bytes_init(&text, FIELD_BYTES);
    bytes_init(&m.attachments, FIELD_BYTES);
    find_charset(&m, storage, header);
    if (text_of(&m, storage, SUBJECT, &text, FIELD_BYTES / 4)) {
        if (outermost)
            emit_field(e, FIELD_TITLE, text.data, text.len);
        emit_block(e, INGEST_HEADING, outermost ? 1 : 2, text.data, text.len);
    }
    bytes_reset(&text);
    sender(&m, storage, &text);
    put_line(&head, "From", &text);
    if (outermost && text.len)
        emit_field(e, FIELD_AUTHOR, text.data, text.len);
    if (text_of(&m, storage, DISPLAY_TO, &text, FIELD_BYTES / 4)) {
        put_line(&head, "To", &text);
        if (outermost)
            emit_meta(e, "to", text.data, text.len);
    }
    text_of(&m, storage, DISPLAY_CC, &text, FIELD_BYTES / 4);
    put_line(&head, "Cc", &text);
    if (outermost) {
        give_meta(&m, storage, MESSAGE_ID, "message-id", &text);
        give_meta(&m, storage, IN_REPLY_TO, "in-reply-to", &text);
        if (date)
            emit_number(e, FIELD_DATE, date);
    }
    e->unsampled = true;
    emit_block(e, INGEST_PARAGRAPH, 0, head.data ? head.data : "", head.len);
    e->unsampled = false;
    body(&m, storage);
    attachments(&m, storage);
    if (m.attachments.len) {
        if (outermost)
            emit_meta(e, "attachments", m.attachments.data, m.attachments.len);
        bytes_reset(&head);
        bytes_printf(&head, "Attachments: %.4000s", m.attachments.data);
        e->unsampled = true;
        emit_block(e, INGEST_PARAGRAPH, 0, head.data ? head.data : "", head.len);
        e->unsampled = false;
    }
    bytes_clear(&head);
    bytes_clear(&text);
    bytes_clear(&m.attachments);
}

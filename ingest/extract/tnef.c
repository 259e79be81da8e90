/* tnef.c - what Outlook packs its rich messages into (MS-OXTNEF, "winmail.dat"), by libytnef:
 * subject, sender, the body and the files attached, each of these a member.
 *
 * A mail that brings one says its text in plain words, too, mostly; its attachments it says nowhere
 * else. Strings of 8 bits are in the packet's own code page. Of bodies the plain one is taken, else
 * HTML, else compressed RTF. The library stops at the first attribute that is damaged; what stands
 * before it is there. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <ytnef.h>

#include "ingest/extract/encoding.h"
#include "ingest/extract/ole.h"
#include "ingest/extract/parsers.h"

#define TEXT_BYTES  ((size_t)64 << 20)
#define FIELD_BYTES ((size_t)64 << 10)
#define MAX_PARTS   1000
#define MAX_DEPTH   3
#define GUID_BYTES  16 /* before an object's data: which interface it has */

/* Property numbers, MS-OXPROPS. */
enum {
    SUBJECT = 0x0037,
    SUBMITTED = 0x0039,
    DELIVERED = 0x0E06,
    BODY = 0x1000,
    RTF_BODY = 0x1009,
    HTML_BODY = 0x1013,
    SENDER_NAME = 0x0C1A,
    SENDER_MAIL = 0x0C1F,
    DISPLAY_TO = 0x0E04,
    FILE_NAME = 0x3707,
    FILE_NAME_SHORT = 0x3704,
    DISPLAY_NAME = 0x3001,
    ATTACHED = 0x3701
};

typedef struct packet {
    emitter *e;
    const parse_input *in;
    TNEFStruct *t;
    unsigned depth;
    char charset[MSG_CHARSET_BYTES]; /* of the 8-bit strings */
    bytes names;                     /* of what is attached */
} packet;

bool tnef_is(const char *data, size_t len)
{
    return len > 6 && !memcmp(data, "\x78\x9F\x3E\x22", 4);
}

static const variableLength *property(MAPIProps *all, unsigned type, unsigned number)
{
    const variableLength *v = MAPIFindProperty(all, PROP_TAG(type, number));

    return v == MAPI_UNDEFINED || !v->data || v->size <= 0 ? NULL : v;
}

/* Text in the packet's code page, or in UTF-8, as UTF-8. */
static bool append_text(const char *s, size_t len, const char *charset, bytes *out, size_t most)
{
    decoded d;

    bytes_reset(out);
    len = strnlen(s, len < most ? len : most);
    if (!len || encoding_decode(&d, s, len, charset))
        return false;
    bytes_append(out, d.text, d.len);
    encoding_clear(&d);
    while (out->len && strchr(" \r\n\t", out->data[out->len - 1]))
        out->data[--out->len] = 0;
    return out->len > 0;
}

static bool text_of(const packet *p, MAPIProps *all, unsigned number, bytes *out, size_t most)
{
    const variableLength *v = property(all, PT_UNICODE, number);

    if (v) /* the library has made UTF-8 of it, of another length */
        return append_text((const char *)v->data, strlen((const char *)v->data), "UTF-8", out,
                           most);
    v = property(all, PT_STRING8, number);
    return v && append_text((const char *)v->data, (size_t)v->size, p->charset, out, most);
}

/* An attribute of the older kind. */
static bool attribute(const packet *p, const variableLength *v, bytes *out)
{
    return v->data && v->size > 0 &&
           append_text((const char *)v->data, (size_t)v->size, p->charset, out, FIELD_BYTES / 4);
}

static bool plausible(const dtr *d)
{
    return d->wYear > 1970 && d->wYear < 2200 && d->wMonth >= 1 && d->wMonth <= 12 &&
           d->wDay >= 1 && d->wDay <= 31 && d->wHour < 24 && d->wMinute < 60 && d->wSecond < 61;
}

/* Nanoseconds since 1970, by whole days and the count of leap years. */
static int64_t date_of_attribute(const dtr *d)
{
    static const int before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = d->wYear, leaps = (y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400 - 477, days;
    bool leap = (y % 4 == 0 && y % 100) || y % 400 == 0;

    days = (y - 1970) * 365 + leaps + before[d->wMonth - 1] + (leap && d->wMonth > 2) + d->wDay - 1;
    return (((days * 24 + d->wHour) * 60 + d->wMinute) * 60 + d->wSecond) * INT64_C(1000000000);
}

/* When it was sent, 0: not said. The property is in universal time, the attribute of older programs in the sender's,
 * of which nobody says how far from Greenwich it is (MS-OXTNEF 3.1 has one message with both): taken only alone. */
static int64_t date_of(const packet *p)
{
    static const unsigned number[] = {SUBMITTED, DELIVERED};
    int64_t ns = 0;

    for (size_t i = 0; !ns && i < sizeof number / sizeof *number; i++) {
        const variableLength *v = property(&p->t->MapiProperties, PT_SYSTIME, number[i]);
        uint64_t t;
        if (v && v->size >= (int)sizeof t) {
            memcpy(&t, v->data, sizeof t);
            ns = msg_filetime(t);
        }
    }
    return ns || !plausible(&p->t->dateSent) ? ns : date_of_attribute(&p->t->dateSent);
}

/* ---- the body ---- */

static void body(packet *p)
{
    parse_input inner = {
        .name = "", .part = true, .depth = p->in->depth + 1, .budget = p->in->budget};
    MAPIProps *all = &p->t->MapiProperties;
    const variableLength *v;
    bytes text, raw;

    bytes_init(&text, TEXT_BYTES * 2);
    bytes_init(&raw, TEXT_BYTES);
    if (text_of(p, all, BODY, &text, TEXT_BYTES / 2) ||
        (p->t->body.data && p->t->body.size > 0 &&
         append_text((const char *)p->t->body.data, (size_t)p->t->body.size, p->charset, &text,
                     TEXT_BYTES / 2))) {
        inner.data = text.data;
        inner.len = text.len;
        inner.charset = "UTF-8";
        parse_text(p->e, &inner);
    } else if ((v = property(all, PT_BINARY, HTML_BODY))) {
        inner.data = (const char *)v->data;
        inner.len = (size_t)v->size;
        inner.charset = p->charset;
        parse_html(p->e, &inner);
    } else if ((v = property(all, PT_BINARY, RTF_BODY)) &&
               !bytes_append(&raw, v->data, (size_t)v->size) && msg_unpack_rtf(&raw, &text)) {
        inner.data = text.data;
        inner.len = text.len;
        parse_rtf(p->e, &inner);
    }
    bytes_clear(&text);
    bytes_clear(&raw);
}

/* ---- what is attached ---- */

static void whole(emitter *e, const parse_input *in, const char *data, size_t len, bool outermost,
                  unsigned depth);

static void attachment(packet *p, Attachment *at)
{
    const variableLength *object = property(&at->MAPI, PT_OBJECT, ATTACHED),
                         *data = property(&at->MAPI, PT_BINARY, ATTACHED);
    bytes name;

    bytes_init(&name, FIELD_BYTES);
    if (!text_of(p, &at->MAPI, FILE_NAME, &name, 2048) && !attribute(p, &at->Title, &name) &&
        !text_of(p, &at->MAPI, FILE_NAME_SHORT, &name, 2048) &&
        !text_of(p, &at->MAPI, DISPLAY_NAME, &name, 2048))
        bytes_append_str(&name, "unnamed");
    if (!data && at->FileData.data && at->FileData.size > 0)
        data = &at->FileData;
    bytes_printf(&p->names, "%s%.1000s", p->names.len ? ", " : "", name.data);
    if (object && object->size > GUID_BYTES &&
        tnef_is((const char *)object->data + GUID_BYTES, (size_t)object->size - GUID_BYTES)) {
        if (p->depth < MAX_DEPTH) /* a message in the message: read with it */
            whole(p->e, p->in, (const char *)object->data + GUID_BYTES,
                  (size_t)object->size - GUID_BYTES, false, p->depth + 1);
    } else if (data && ++p->in->budget->files <= UNPACK_MAX_FILES &&
               (p->in->budget->unpacked += (size_t)data->size) <= UNPACK_MAX_TOTAL) {
        parse_member(p->e, p->in, name.data, (const char *)data->data, (size_t)data->size, 0);
    }
    bytes_clear(&name);
}

/* ---- the message ---- */

static void head(packet *p, bool outermost)
{
    emitter *e = p->e;
    MAPIProps *all = &p->t->MapiProperties;
    bytes text, lines;

    bytes_init(&text, FIELD_BYTES);
    bytes_init(&lines, FIELD_BYTES);
    if (text_of(p, all, SUBJECT, &text, FIELD_BYTES / 4) || attribute(p, &p->t->subject, &text)) {
        if (outermost)
            emit_field(e, FIELD_TITLE, text.data, text.len);
        emit_block(e, INGEST_HEADING, outermost ? 1 : 2, text.data, text.len);
    }
    if (text_of(p, all, SENDER_NAME, &text, FIELD_BYTES / 4) ||
        text_of(p, all, SENDER_MAIL, &text, FIELD_BYTES / 4) || attribute(p, &p->t->from, &text)) {
        if (outermost)
            emit_field(e, FIELD_AUTHOR, text.data, text.len);
        bytes_printf(&lines, "From: %.2000s", text.data);
    }
    if (text_of(p, all, DISPLAY_TO, &text, FIELD_BYTES / 4)) {
        if (outermost)
            emit_meta(e, "to", text.data, text.len);
        bytes_printf(&lines, "%sTo: %.2000s", lines.len ? "\n" : "", text.data);
    }
    if (outermost && date_of(p))
        emit_number(e, FIELD_DATE, date_of(p));
    e->unsampled = true;
    emit_block(e, INGEST_PARAGRAPH, 0, lines.data ? lines.data : "", lines.len);
    e->unsampled = false;
    bytes_clear(&text);
    bytes_clear(&lines);
}

static void message(packet *p, bool outermost)
{
    size_t n = 0;

    head(p, outermost);
    body(p);
    for (Attachment *at = p->t->starting_attach.next; at && n++ < MAX_PARTS && !p->e->status;
         at = at->next)
        attachment(p, at);
    if (p->names.len) {
        bytes line;
        bytes_init(&line, FIELD_BYTES * 2);
        bytes_printf(&line, "Attachments: %.4000s", p->names.data);
        if (outermost)
            emit_meta(p->e, "attachments", p->names.data, p->names.len);
        p->e->unsampled = true;
        emit_block(p->e, INGEST_PARAGRAPH, 0, line.data ? line.data : "", line.len);
        p->e->unsampled = false;
        bytes_clear(&line);
    }
}

static void whole(emitter *e, const parse_input *in, const char *data, size_t len, bool outermost,
                  unsigned depth)
{
    TNEFStruct t;
    packet p = {.e = e, .in = in, .t = &t, .depth = depth};
    uint32_t page = 0;
    int rc;

    TNEFInitialize(&t);
    rc = TNEFParseMemory((BYTE *)data, (long)len, &t); /* it reads alone */
    if (t.CodePage.data && t.CodePage.size >= 4)
        memcpy(&page, t.CodePage.data, 4);
    msg_charset(page, p.charset);
    bytes_init(&p.names, FIELD_BYTES);
    message(&p, outermost);
    if (rc < 0 && outermost) {
        static const char note[] = "damaged: what stands behind the damage is left out";
        emit_field(e, FIELD_NOTE, note, sizeof note - 1);
    }
    bytes_clear(&p.names);
    TNEFFree(&t);
}

cairn_status parse_tnef(emitter *e, const parse_input *in)
{
    unpack_budget own = {.packed = in->len};
    parse_input around = *in;

    if (!around.budget)
        around.budget = &own;
    if (in->len > LONG_MAX)
        return emit_fail(e, CAIRN_ELIMIT, "too large");
    whole(e, &around, in->data, in->len, !in->part, 0);
    return e->status;
}

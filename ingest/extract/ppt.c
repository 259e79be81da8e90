/* ppt.c - PowerPoint 97 to 2003 (MS-PPT): the words of the slides, their notes and comments.
 *
 * The stream "PowerPoint Document" is records: u16 version and instance, u16 type, u32 length; version 0xF
 * holds records. Words are in text atoms, either in the document's list of slides (the outline's
 * placeholders) or in the text boxes drawn on a slide. A document that was saved quickly has old versions of
 * slides before the new ones; which of them count says the directory of persistent objects, last edit
 * first. Where that is damaged, all slides in the stream are taken. */
#include "ingest/extract/ole.h"

#include <stdlib.h>
#include <string.h>


#define STREAM_BYTES ((size_t)256 << 20)
#define MAX_DEPTH    32
#define MAX_OBJECTS  65536
#define MAX_EDITS    1000

enum {
    DOCUMENT = 0x03E8, SLIDE = 0x03EE, NOTES = 0x03F0, SLIDE_PERSIST = 0x03F3, SLIDE_LIST = 0x0FF0,
    TEXT_HEADER = 0x0F9F, TEXT_CHARS = 0x0FA0, TEXT_BYTES_ = 0x0FA8, STRING_ = 0x0FBA,
    COMMENT = 0x2EE0, TAG_DATA = 0x138B, USER_EDIT = 0x0FF5, PERSIST_DIRECTORY = 0x1772, 
};

typedef struct record {
    unsigned version, instance, type;
    size_t at, end; /* of its payload */
} record;

typedef struct ppt {
    emitter *e;
    bytes data;
    uint32_t *place; /* of each persistent object, plus 1; 0 = none */
    size_t n_objects;
    unsigned kind; /* of the text that comes: 0, 6 and others; TextHeaderAtom */
    bytes text;
    bool first; /* text on the slide is its title */
    size_t records;
} ppt;

static uint32_t u32_at(const ppt *p, size_t at)
{
    const uint8_t *b = (const uint8_t *)p->data.data + at;

    return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static bool record_at(ppt *p, size_t at, size_t end, record *r)
{
    uint32_t head, len;

    if (end > p->data.len || at + 8 > end || ++p->records > 10000000)
        return false;
    head = u32_at(p, at);
    len = u32_at(p, at + 4);
    *r = (record){.version = head & 15,
                  .instance = head >> 4 & 0xFFF,
                  .type = head >> 16,
                  .at = at + 8,
                  .end = at + 8 + len};
    if (len > end - at - 8)
        r->end = end; /* cut short: what is there */
    return true;
}

/* ---- where the objects are ---- */

static void take_directory(ppt *p, size_t at, size_t end)
{
    while (at + 4 <= end) {
        uint32_t head = u32_at(p, at), id = head & 0xFFFFF, n = head >> 20;
        at += 4;
        for (; n && at + 4 <= end; n--, id++, at += 4)
            if (id < MAX_OBJECTS && !p->place[id]) { /* later edits were read before */
                p->place[id] = u32_at(p, at) + 1;
                if (id >= p->n_objects)
                    p->n_objects = id + 1;
            }
    }
}

/* From the current edit back to the first. The id of the document object, 0: damaged. */
static uint32_t read_directory(ppt *p, GsfInfile *ole)
{
    uint32_t document = 0, edit = 0;
    bytes user;
    record r;

    bytes_init(&user, 4096);
    if (ole_read(ole_child(ole, "Current User"), &user, 64) && user.len >= 20) {
        const uint8_t *b = (const uint8_t *)user.data + 16;
        edit = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
    }
    bytes_clear(&user);
    for (int i = 0; edit && i < MAX_EDITS; i++) {
        uint32_t before;
        record d;
        if (!record_at(p, edit, p->data.len, &r) || r.type != USER_EDIT || r.end - r.at < 20)
            break;
        before = u32_at(p, r.at + 8);
        if (!document)
            document = u32_at(p, r.at + 16);
        if (record_at(p, u32_at(p, r.at + 12), p->data.len, &d) && d.type == PERSIST_DIRECTORY)
            take_directory(p, d.at, d.end);
        if (before >= edit)
            break;
        edit = before;
    }
    return document && document < MAX_OBJECTS && p->place[document] ? document : 0;
}

/* ---- words ---- */

static void put_text(ppt *p, const record *r)
{
    size_t n = r->end - r->at;

    bytes_reset(&p->text);
    if (r->type == TEXT_BYTES_)
        for (size_t i = 0; i < n; i++) { /* the low halves of UTF-16 */
            char two[2] = {p->data.data[r->at + i], 0};
            ole_utf16(&p->text, two, 2);
        }
    else
        ole_utf16(&p->text, p->data.data + r->at, n);
    for (size_t i = 0; i < p->text.len; i++) {
        if (p->text.data[i] == '\r')
            p->text.data[i] = '\n';
        else if (p->text.data[i] == '\v')
            p->text.data[i] = ' ';
    }
}

/* Titles (0, 6) are headings; a text of several lines is a list, as slides are. */
static void give_text(ppt *p, const record *r)
{
    bool title = p->kind == 0 || p->kind == 6;

    put_text(p, r);
    if (p->text.len == 1 && *p->text.data == '*') /* a field: the slide's number, a date */
        return;
    while (p->text.len && p->text.data[p->text.len - 1] == '\n')
        p->text.len--;
    if (title && p->first && p->text.len < 300)
        for (size_t i = 0; i < p->text.len; i++)
            if (p->text.data[i] == '\n')
                p->text.data[i] = ' ';
    if (title && p->first && p->text.len < 300)
        emit_block(p->e, INGEST_HEADING, 1, p->text.data ? p->text.data : "", p->text.len);
    else
        emit_block(p->e, p->text.len && memchr(p->text.data, '\n', p->text.len) ? INGEST_LIST
                                                                                : INGEST_PARAGRAPH,
                   0, p->text.data ? p->text.data : "", p->text.len);
    if (p->text.len)
        p->first = false;
    p->kind = 99;
}

/* All words in [at, end). */
static void walk(ppt *p, size_t at, size_t end, unsigned depth)
{
    record r;

    for (; record_at(p, at, end, &r) && !p->e->status; at = r.end) {
        if (r.type == TEXT_HEADER && r.end - r.at >= 4) {
            p->kind = u32_at(p, r.at);
        } else if (r.type == TEXT_CHARS || r.type == TEXT_BYTES_) {
            give_text(p, &r);
        } else if (r.type == COMMENT) {
            record c;
            for (size_t k = r.at; record_at(p, k, r.end, &c); k = c.end)
                if (c.type == STRING_ && c.instance <= 1) { /* who and what */
                    p->kind = 99;
                    give_text(p, &c);
                }
        } else if ((r.version == 15 || r.type == TAG_DATA) && depth < MAX_DEPTH) {
            walk(p, r.at, r.end, depth + 1);
        }
    }
}

/* The object's record, when it is of this type. */
static bool object_at(ppt *p, uint32_t id, unsigned type, record *r)
{
    return id < MAX_OBJECTS && p->place[id] &&
           record_at(p, p->place[id] - 1, p->data.len, r) && r->type == type;
}

/* A list of the document: 0 slides, 2 notes. Each entry is the id of its object and outline texts. */
static void give_list(ppt *p, const record *list, unsigned type)
{
    uint32_t page = 0;
    record r, slide;
    bool has_slide = false;

    for (size_t at = list->at; record_at(p, at, list->end, &r) && !p->e->status; at = r.end) {
        if (r.type == SLIDE_PERSIST && r.end - r.at >= 4) {
            if (has_slide)
                walk(p, slide.at, slide.end, 0);
            has_slide = object_at(p, u32_at(p, r.at), type, &slide);
            p->e->page = ++page;
            p->first = type == SLIDE;
        } else if (r.type == TEXT_HEADER && r.end - r.at >= 4) {
            p->kind = u32_at(p, r.at);
        } else if (r.type == TEXT_CHARS || r.type == TEXT_BYTES_) {
            give_text(p, &r);
        }
    }
    if (has_slide && !p->e->status)
        walk(p, slide.at, slide.end, 0);
    if (type == SLIDE)
        emit_number(p->e, FIELD_PAGES, page);
}

static void give_document(ppt *p, const record *document)
{
    static const struct {
        unsigned instance, type;
    } lists[] = {{0, SLIDE}, {2, NOTES}};

    for (size_t i = 0; i < 2; i++) {
        record r;
        for (size_t at = document->at; record_at(p, at, document->end, &r); at = r.end)
            if (r.type == SLIDE_LIST && r.instance == lists[i].instance)
                give_list(p, &r, lists[i].type);
    }
}

void ppt_parse(emitter *e, GsfInfile *ole)
{
    ppt p = {.e = e};
    record r;
    uint32_t id;

    bytes_init(&p.data, STREAM_BYTES + 1);
    bytes_init(&p.text, (size_t)64 << 20);
    p.place = calloc(MAX_OBJECTS, sizeof *p.place);
    if (!p.place) {
        emit_fail(e, CAIRN_ENOMEM, "the slides");
    } else if (!ole_read(ole_child(ole, "PowerPoint Document"), &p.data, STREAM_BYTES)) {
        emit_fail(e, CAIRN_EINPUT, "broken: its slides cannot be read");
    } else if ((id = read_directory(&p, ole)) && object_at(&p, id, DOCUMENT, &r)) {
        give_document(&p, &r);
    } else {
        uint32_t page = 0;
        emit_field(e, FIELD_NOTE, "damaged: slides may be old versions, or twice", 45);
        for (size_t at = 0; record_at(&p, at, p.data.len, &r) && !e->status; at = r.end)
            if (r.type == DOCUMENT || r.type == SLIDE) {
                e->page = r.type == SLIDE ? ++page : 0;
                p.first = true;
                walk(&p, r.at, r.end, 0);
            }
    }
    if (!e->status && !e->n_blocks)
        emit_field(e, FIELD_NOTE, "slides without text", 19);
    free(p.place);
    bytes_clear(&p.data);
    bytes_clear(&p.text);
}

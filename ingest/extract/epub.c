/* epub.c - EPUB 2 and 3: the package document's metadata, then the pages of the spine in order,
 * each by the parser of web pages. FictionBook (FB2), the other e-book in XML, follows below. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "ingest/extract/dates.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/office.h"
#include "ingest/extract/rows.h"

#define MAX_ITEMS 20000

typedef struct item {
    char *id, *path;
    bool page;
} item;

typedef struct epub {
    office *o;
    char opf[OFFICE_PATH];
    item *items;
    size_t n, cap;
} epub;

static void metadata(epub *b, xmlNodePtr n)
{
    emitter *e = b->o->e;

    for (xmlNodePtr c = n->children; c; c = c->next) {
        bytes text;
        int64_t ns;

        if (c->type != XML_ELEMENT_NODE)
            continue;
        bytes_init(&text, (size_t)1 << 20);
        xml_text(c, &text);
        if (!text.len) {
            /* says nothing */
        } else if (xml_is(c, "title")) {
            emit_field(e, FIELD_TITLE, text.data, text.len);
        } else if (xml_is(c, "creator")) {
            emit_field(e, FIELD_AUTHOR, text.data, text.len);
        } else if (xml_is(c, "language")) {
            emit_field(e, FIELD_LANG, text.data, text.len < 2 ? text.len : 2);
        } else if (xml_is(c, "subject")) {
            emit_meta(e, "keywords", text.data, text.len);
        } else if (xml_is(c, "publisher") || xml_is(c, "identifier") || xml_is(c, "description")) {
            emit_meta(e, (const char *)c->name, text.data, text.len);
        } else if (xml_is(c, "date") && date_parse(text.data, text.len, &ns)) {
            emit_number(e, FIELD_DATE, ns);
        }
        bytes_clear(&text);
    }
}

static void add_item(epub *b, xmlNodePtr n)
{
    char path[OFFICE_PATH];
    const char *type = xml_attribute(n, "media-type");

    if (!package_resolve(b->opf, xml_attribute(n, "href"), path, sizeof path))
        return;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        item *more = cap > MAX_ITEMS ? NULL : checked_realloc(b->items, cap, sizeof *more);
        if (!more)
            return;
        b->items = more;
        b->cap = cap;
    }
    b->items[b->n] = (item){.id = strdup(xml_attribute(n, "id")),
                            .path = strdup(path),
                            .page = strstr(type, "html") || !strcmp(type, "text/x-oeb1-document")};
    b->n += b->items[b->n].id && b->items[b->n].path;
}

static void read_page(epub *b, const char *id)
{
    bytes html;

    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->items[i].id, id) != 0 || !b->items[i].page)
            continue;
        bytes_init(&html, PACKAGE_MAX_PART);
        if (package_read(b->o->p, b->items[i].path, &html) && html.len) {
            parse_input in = {.data = html.data,
                              .len = html.len,
                              .name = b->items[i].path,
                              .part = true,
                              .book = true,
                              .depth = b->o->in->depth + 1};
            parse_html(b->o->e, &in);
        }
        bytes_clear(&html);
        return;
    }
}

static bool find_opf(epub *b)
{
    bytes xml;
    xml_stream x;
    bool found = false;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(b->o->p, "META-INF/container.xml", &xml) && xml_open(&x, &xml)) {
        while (!found && xml_next(&x)) {
            xmlNodePtr n = xml_at(&x, "rootfile") ? xml_subtree(&x) : NULL;
            found = n && package_resolve("", xml_attribute(n, "full-path"), b->opf, sizeof b->opf);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
    return found;
}

static void walk_opf(epub *b, const bytes *xml)
{
    xml_stream x;

    if (!xml_open(&x, xml)) {
        emit_fail(b->o->e, CAIRN_EINPUT, "broken: %s is no XML", b->opf);
        return;
    }
    while (!b->o->e->status && xml_next(&x)) {
        xmlNodePtr n = NULL;
        if (xml_at(&x, "metadata") && (n = xml_subtree(&x)) != NULL) {
            xmlNodePtr old = xml_child(n, "dc-metadata");
            metadata(b, old ? old : n);
        } else if (xml_at(&x, "item") && (n = xml_subtree(&x)) != NULL) {
            add_item(b, n);
        } else if (xml_at(&x, "itemref") && (n = xml_subtree(&x)) != NULL) {
            read_page(b, xml_attribute(n, "idref"));
        }
    }
    office_damage(b->o, &x);
    xml_close(&x);
}

void epub_parse(office *o)
{
    epub b = {.o = o};
    bytes xml;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (!find_opf(&b) || !package_read(o->p, b.opf, &xml))
        emit_fail(o->e, CAIRN_EINPUT, "broken: its package document is missing");
    else
        walk_opf(&b, &xml);
    if (!o->e->status && !o->e->n_blocks && package_has(o->p, "META-INF/encryption.xml"))
        emit_fail(o->e, CAIRN_EINPUT, "encrypted: its pages are locked by a rights manager");
    for (size_t i = 0; i < b.n; i++) {
        free(b.items[i].id);
        free(b.items[i].path);
    }
    free(b.items);
    bytes_clear(&xml);
}

/* ---- FictionBook 2 ---- */

static void fb2_table(emitter *e, xmlNodePtr n)
{
    rows t;

    rows_begin(&t, e, OFFICE_BLOCK_ROWS);
    for (xmlNodePtr r = n->children; r; r = r->next) {
        if (!xml_is(r, "tr"))
            continue;
        for (xmlNodePtr c = r->children; c; c = c->next)
            if (xml_is(c, "td") || xml_is(c, "th")) {
                rows_cell_begin(&t);
                xml_text(c, &t.row);
            }
        rows_end_row(&t);
    }
    rows_end(&t);
}

static void fb2_section(emitter *e, xmlNodePtr n, unsigned level, unsigned depth)
{
    bytes text;

    if (depth > XML_DEPTH)
        return;
    bytes_init(&text, SIZE_MAX / 4);
    for (xmlNodePtr c = n->children; c && !e->status; c = c->next) {
        bytes_reset(&text);
        if (xml_is(c, "section") || xml_is(c, "body")) {
            fb2_section(e, c, level + 1, depth + 1);
        } else if (xml_is(c, "title") || xml_is(c, "subtitle")) {
            for (xmlNodePtr p = c->children; p; p = p->next) {
                if (text.len)
                    bytes_append(&text, " ", 1);
                if (p->type == XML_ELEMENT_NODE)
                    xml_text(p, &text);
                else if (p->content)
                    bytes_append_str(&text, (const char *)p->content);
            }
            for (size_t i = 0; i < text.len; i++)
                if (text.data[i] == '\n')
                    text.data[i] = ' ';
            emit_block(e, INGEST_HEADING, level > 6 ? 6 : level, text.data ? text.data : "",
                       text.len);
        } else if (xml_is(c, "p") || xml_is(c, "v") || xml_is(c, "text-author")) {
            xml_text(c, &text);
            emit_block(e, INGEST_PARAGRAPH, 0, text.data ? text.data : "", text.len);
        } else if (xml_is(c, "table")) {
            fb2_table(e, c);
        } else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "image")) {
            fb2_section(e, c, level, depth + 1); /* epigraph, poem, cite, annotation */
        }
    }
    bytes_clear(&text);
}

static void fb2_title_info(emitter *e, xmlNodePtr n)
{
    for (xmlNodePtr c = n->children; c; c = c->next) {
        bytes text;

        bytes_init(&text, (size_t)1 << 20);
        if (xml_is(c, "author")) {
            for (xmlNodePtr p = c->children; p; p = p->next)
                if (xml_is(p, "first-name") || xml_is(p, "middle-name") || xml_is(p, "last-name")) {
                    if (text.len)
                        bytes_append(&text, " ", 1);
                    xml_text(p, &text);
                }
            emit_field(e, FIELD_AUTHOR, text.data ? text.data : "", text.len);
        } else if (xml_is(c, "book-title") || xml_is(c, "lang")) {
            xml_text(c, &text);
            emit_field(e, xml_is(c, "lang") ? FIELD_LANG : FIELD_TITLE, text.data ? text.data : "",
                       text.len);
        } else if (xml_is(c, "keywords")) {
            xml_text(c, &text);
            emit_meta(e, "keywords", text.data ? text.data : "", text.len);
        } else if (xml_is(c, "date")) {
            const char *value = xml_attribute(c, "value");
            int64_t ns;
            if (!*value) {
                xml_text(c, &text);
                value = text.data ? text.data : "";
            }
            if (date_parse(value, strlen(value), &ns))
                emit_number(e, FIELD_DATE, ns);
        } else if (xml_is(c, "annotation")) {
            fb2_section(e, c, 2, 1);
        }
        bytes_clear(&text);
    }
}

/* The encoding that the XML declaration names; NULL when it names none. */
static const char *declared_encoding(const char *data, size_t len, char *out, size_t cap)
{
    size_t head = len < 200 ? len : 200, n = 0;
    const char *at = memmem(data, head, "encoding=", 9), *end = data + head;

    if (!at || memcmp(data, "<?xml", 5) != 0 || at + 10 >= end)
        return NULL;
    for (at += 10; at < end && *at != '"' && *at != '\'' && n + 1 < cap; at++)
        out[n++] = *at;
    out[n] = 0;
    return out;
}

cairn_status parse_fb2(emitter *e, const parse_input *in)
{
    decoded d;
    bytes xml = {0};
    xml_stream x;
    char name[48];
    cairn_status st = encoding_decode(&d, in->data, in->len,
                                      declared_encoding(in->data, in->len, name, sizeof name));

    if (st)
        return emit_fail(e, st, "decoding %s", d.name);
    /* The declaration may name another encoding than the UTF-8 this is now: begin behind it. */
    xml.data = (char *)(uintptr_t)d.text;
    xml.len = d.len;
    if (d.len > 5 && !memcmp(d.text, "<?xml", 5)) {
        const char *end = memmem(d.text, d.len, "?>", 2);
        if (end) {
            xml.data = (char *)(uintptr_t)(end + 2);
            xml.len = d.len - (size_t)(end + 2 - d.text);
        }
    }
    if (!xml_open(&x, &xml)) {
        emit_fail(e, CAIRN_EINPUT, "broken: it is no XML");
    } else {
        while (!e->status && xml_next(&x)) {
            xmlNodePtr n = NULL;
            if (xml_at(&x, "title-info") && (n = xml_subtree(&x)) != NULL)
                fb2_title_info(e, n);
            else if (xml_at(&x, "body") && (n = xml_subtree(&x)) != NULL)
                fb2_section(e, n, 1, 0);
        }
        xml_close(&x);
    }
    encoding_clear(&d);
    return e->status;
}

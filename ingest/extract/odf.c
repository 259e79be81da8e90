/* odf.c - OpenDocument texts, spreadsheets and presentations (ODF 1.3 part 3): content.xml as
 * blocks.
 *
 * What stands in headers and footers comes at the end, each text once. One walk serves all three: they differ in what stands around the same paragraphs and tables. A
 * spreadsheet's tables are headings with the text each cell shows; a presentation's pages are
 * pages. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/hash.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/office.h"
#include "ingest/extract/refuse.h"
#include "ingest/extract/rows.h"
#include "ingest/extract/struck.h"

#define MAX_REPEATED_COLUMNS 1024
#define MAX_REPEATED_ROWS    64
#define MAX_STYLES           65536
#define MAX_ANCESTORS        32 /* of a style */

typedef struct odf {
    office *o;
    bytes text, behind;
    bool presentation;
    bool pages; /* soft page breaks say where pages end */
    unsigned breaks;
    xmlHashTablePtr styles; /* odf_style by name and family */
    bool struck;            /* the words in hand are struck out */
} odf;

/* ---- styles (section 16): which of them strike words out ---- */

typedef struct odf_style {
    int8_t strikes; /* -1: its parent says */
    char parent[];
} odf_style;

static void free_style(void *style, const xmlChar *name)
{
    (void)name;
    free(style);
}

static void add_style(odf *d, xmlNodePtr n)
{
    xmlNodePtr words = xml_child(n, "text-properties");
    const char *kind = words ? xml_attribute(words, "text-line-through-style") : "";
    const char *type = words ? xml_attribute(words, "text-line-through-type") : "";
    const char *parent = xml_attribute(n, "parent-style-name");
    odf_style *s;

    if (!d->styles && !(d->styles = xmlHashCreate(64)))
        return;
    if (xmlHashSize(d->styles) >= MAX_STYLES || !(s = malloc(sizeof *s + strlen(parent) + 1)))
        return;
    strcpy(s->parent, parent);
    s->strikes = !*kind && !*type ? -1 : strcmp(kind, "none") != 0 && strcmp(type, "none") != 0;
    if (xmlHashUpdateEntry2(d->styles, BAD_CAST xml_attribute(n, "name"),
                            BAD_CAST xml_attribute(n, "family"), s, free_style))
        free(s);
}

/* Those that all parts share; the automatic ones there are of headers and footers alone. */
static void shared_styles(odf *d)
{
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(d->o->p, "styles.xml", &xml) && xml_open(&x, &xml)) {
        bool shared = false;
        while (xml_next(&x)) {
            xmlNodePtr n;
            if (xml_depth(&x) == 1)
                shared = xml_at(&x, "styles");
            else if (shared && xml_at(&x, "style") && (n = xml_subtree(&x)) != NULL)
                add_style(d, n);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

/* Does the style that n names strike its words out? Where none says so, as around it. */
static bool strikes(const odf *d, xmlNodePtr n, const char *family)
{
    const char *name = xml_attribute(n, "style-name");

    for (int i = 0; d->styles && *name && i < MAX_ANCESTORS; i++) {
        const odf_style *s = xmlHashLookup2(d->styles, BAD_CAST name, BAD_CAST family);
        if (!s)
            break;
        if (s->strikes >= 0)
            return s->strikes;
        name = s->parent;
    }
    return d->struck;
}

/* ---- metadata (section 4) ---- */

static void meta_element(office *o, xmlNodePtr n)
{
    bytes text;
    int64_t ns;

    bytes_init(&text, (size_t)1 << 20);
    xml_text(n, &text);
    if (xml_is(n, "document-statistic")) {
        int pages = atoi(xml_attribute(n, "page-count"));
        if (pages > 0)
            emit_number(o->e, FIELD_PAGES, pages);
    } else if (!text.len) {
        /* says nothing */
    } else if (xml_is(n, "title")) {
        emit_field(o->e, FIELD_TITLE, text.data, text.len);
    } else if (xml_is(n, "creator") || xml_is(n, "initial-creator")) {
        emit_field(o->e, FIELD_AUTHOR, text.data, text.len);
    } else if (xml_is(n, "language")) {
        emit_field(o->e, FIELD_LANG, text.data, text.len < 2 ? text.len : 2);
    } else if (xml_is(n, "keyword")) {
        emit_meta(o->e, "keywords", text.data, text.len);
    } else if (xml_is(n, "subject") || xml_is(n, "description")) {
        emit_meta(o->e, (const char *)n->name, text.data, text.len);
    } else if (xml_is(n, "date") && date_parse(text.data, text.len, &ns)) {
        emit_number(o->e, FIELD_DATE, ns);
    } else if (xml_is(n, "creation-date") && date_parse(text.data, text.len, &ns)) {
        emit_number(o->e, FIELD_CREATED, ns);
    }
    bytes_clear(&text);
}

void odf_metadata(office *o)
{
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(o->p, "meta.xml", &xml) && xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_depth(&x) == 2 ? xml_subtree(&x) : NULL;
            if (n)
                meta_element(o, n);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

/* ---- inline text (section 6) ---- */

static void put_inline(odf *d, bytes *out, xmlNodePtr n, unsigned depth);

static void put_words(bytes *out, const char *s)
{
    for (; *s; s++) { /* white space counts once (6.1.2) */
        bool space = *s == ' ' || *s == '\t' || *s == '\n' || *s == '\r';
        if (!space)
            bytes_append(out, s, 1);
        else if (out->len && out->data[out->len - 1] != ' ' && out->data[out->len - 1] != '\n')
            bytes_append(out, " ", 1);
    }
}

static void note(odf *d, xmlNodePtr n, unsigned depth)
{
    xmlNodePtr body = xml_is(n, "note") ? xml_child(n, "note-body") : n;

    if (!body)
        return;
    if (d->behind.len)
        bytes_append(&d->behind, "\n", 1);
    bool outer = d->struck;
    d->struck = false;
    for (xmlNodePtr p = body->children; p; p = p->next)
        if (xml_is(p, "p") || xml_is(p, "list"))
            put_inline(d, &d->behind, p, depth + 2);
    d->struck = outer;
}

/* A frame that is anchored in a paragraph: behind it. */
static void text_box(odf *d, xmlNodePtr n, unsigned depth)
{
    bool outer = d->struck;

    d->struck = false;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (c->type != XML_ELEMENT_NODE)
            continue;
        bytes_append(&d->behind, "\n", d->behind.len ? 1 : 0);
        put_inline(d, &d->behind, c, depth + 2);
    }
    d->struck = outer;
}

static void put_inline(odf *d, bytes *out, xmlNodePtr n, unsigned depth)
{
    bool outer = d->struck;

    if (depth > XML_DEPTH)
        return;
    if (xml_is(n, "p") || xml_is(n, "h"))
        d->struck = strikes(d, n, "paragraph");
    else if (xml_is(n, "span"))
        d->struck = strikes(d, n, "text");
    for (xmlNodePtr c = n->children; c; c = c->next) {
        size_t at = out->len;
        if ((c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) && c->content) {
            put_words(out, (const char *)c->content);
            if (d->struck)
                struck_mark(out, at);
        } else if (xml_is(c, "s") || xml_is(c, "tab"))
            bytes_append(out, " ", 1);
        else if (xml_is(c, "line-break"))
            bytes_append(out, "\n", 1);
        else if (xml_is(c, "soft-page-break"))
            d->breaks++;
        else if (xml_is(c, "note") || xml_is(c, "annotation"))
            note(d, c, depth);
        else if (xml_is(c, "text-box"))
            text_box(d, c, depth);
        else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "tracked-changes") &&
                 !xml_is(c, "ruby-text"))
            put_inline(d, out, c, depth + 1);
    }
    d->struck = outer;
}

/* ---- blocks ---- */

static void turn_pages(odf *d)
{
    if (d->pages)
        d->o->e->page += d->breaks;
    d->breaks = 0;
}

static void flush(odf *d, ingest_block_kind kind, unsigned level)
{
    if (d->text.len)
        emit_block(d->o->e, kind, level, d->text.data, d->text.len);
    if (d->behind.len)
        emit_block(d->o->e, INGEST_PARAGRAPH, 0, d->behind.data, d->behind.len);
    bytes_reset(&d->text);
    bytes_reset(&d->behind);
    turn_pages(d);
}

static void put_list(odf *d, xmlNodePtr list, unsigned level, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr item = list->children; item; item = item->next) {
        if (!xml_is(item, "list-item") && !xml_is(item, "list-header"))
            continue;
        for (xmlNodePtr c = item->children; c; c = c->next) {
            if (xml_is(c, "list")) {
                put_list(d, c, level + 1, depth + 2);
            } else if (xml_is(c, "p") || xml_is(c, "h")) {
                size_t start = d->text.len, words;
                bytes_append(&d->text, "\n", start ? 1 : 0);
                for (unsigned i = 0; i < level && i < 8; i++)
                    bytes_append(&d->text, "  ", 2);
                bytes_append(&d->text, "- ", 2);
                words = d->text.len;
                put_inline(d, &d->text, c, depth + 2);
                if (d->text.len == words && d->text.data)
                    d->text.data[d->text.len = start] = 0;
            }
        }
    }
}

static void cell_words(odf *d, bytes *out, xmlNodePtr n, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (xml_is(c, "p") || xml_is(c, "h")) {
            bytes_append(out, " ", 1);
            put_inline(d, out, c, depth + 1);
        } else if (xml_is(c, "annotation")) {
            note(d, c, depth);
        } else if (c->type == XML_ELEMENT_NODE) {
            cell_words(d, out, c, depth + 1);
        }
    }
}

static long repeated(xmlNodePtr n, const char *name, long most)
{
    long times = atol(xml_attribute(n, name));

    return times < 1 ? 1 : times > most ? most : times;
}

/* The number of a cell that shows it otherwise, grouped or rounded, stands behind what is shown. */
static void add_number(bytes *words, xmlNodePtr c)
{
    const char *type = xml_attribute(c, "value-type"), *value = xml_attribute(c, "value");
    bool percent = !strcmp(type, "percentage");
    char *end, text[64];
    double v = strtod(value, &end);

    if (!words->len || end == value || *end || !isfinite(v) || (!percent && strcmp(type, "float") && strcmp(type, "currency")))
        return;
    snprintf(text, sizeof text, "%.15g", percent ? v * 100 : v);
    if (!memmem(words->data, words->len, text, strlen(text)))
        bytes_printf(words, " (%s)", text);
}

static void table_row(odf *d, rows *t, xmlNodePtr r, unsigned depth)
{
    bytes words;

    bytes_init(&words, SIZE_MAX / 4);
    for (xmlNodePtr c = r->children; c; c = c->next) {
        long times;
        if (!xml_is(c, "table-cell")) /* what is covered was said with the cell that covers it */
            continue;
        bytes_reset(&words);
        cell_words(d, &words, c, depth);
        add_number(&words, c);
        if (strikes(d, c, "table-cell"))
            struck_mark(&words, 0);
        /* The last cell of a row stands for all the empty ones to its right. */
        times =
            repeated(c, "number-columns-repeated", words.len || c->next ? MAX_REPEATED_COLUMNS : 1);
        while (times--) {
            rows_cell_begin(t);
            bytes_append(&t->row, words.data ? words.data : "", words.len);
        }
        rows_cell_spans(t, (unsigned)repeated(c, "number-columns-spanned", ROWS_SPAN_COLUMNS),
                        (unsigned)repeated(c, "number-rows-spanned", ROWS_SPAN_ROWS));
    }
    rows_end_row(t);
    bytes_clear(&words);
}

/* Rows may stand in groups and header groups. */
static void table_rows(odf *d, rows *t, xmlNodePtr n, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c && !d->o->e->status; c = c->next) {
        if (xml_is(c, "table-row")) {
            long times = repeated(c, "number-rows-repeated", MAX_REPEATED_ROWS);
            while (times--)
                table_row(d, t, c, depth);
        } else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "shapes")) {
            table_rows(d, t, c, depth + 1);
        }
    }
}

static void table(odf *d, xmlNodePtr n, unsigned depth)
{
    rows t;

    rows_begin(&t, d->o->e, OFFICE_BLOCK_ROWS);
    table_rows(d, &t, n, depth);
    rows_end(&t);
    flush(d, INGEST_PARAGRAPH, 0);
}

static void element(odf *d, xmlNodePtr c, unsigned depth);

static void elements(odf *d, xmlNodePtr n, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c && !d->o->e->status; c = c->next)
        if (c->type == XML_ELEMENT_NODE)
            element(d, c, depth);
}

static bool is_title(xmlNodePtr frame)
{
    return !strcmp(xml_attribute(frame, "class"), "title");
}

static void frame(odf *d, xmlNodePtr n, unsigned depth)
{
    if (d->presentation && is_title(n)) {
        xmlNodePtr box = xml_child(n, "text-box");
        put_inline(d, &d->text, box ? box : n, depth);
        flush(d, INGEST_HEADING, 1);
    } else {
        elements(d, n, depth + 1);
    }
}

static void element(odf *d, xmlNodePtr c, unsigned depth)
{
    if (xml_is(c, "h")) {
        int level = atoi(xml_attribute(c, "outline-level"));
        put_inline(d, &d->text, c, depth);
        flush(d, INGEST_HEADING, level < 1 ? 1 : level > 6 ? 6 : (unsigned)level);
    } else if (xml_is(c, "p")) {
        put_inline(d, &d->text, c, depth);
        flush(d, INGEST_PARAGRAPH, 0);
    } else if (xml_is(c, "list")) {
        put_list(d, c, 0, depth);
        flush(d, INGEST_LIST, 0);
    } else if (xml_is(c, "table")) {
        table(d, c, depth);
    } else if (xml_is(c, "soft-page-break")) {
        d->breaks++;
        turn_pages(d);
    } else if (xml_is(c, "frame")) {
        frame(d, c, depth);
    } else if (!xml_is(c, "tracked-changes") && !xml_is(c, "forms") && !xml_is(c, "settings") &&
               !xml_is(c, "sequence-decls") && !xml_is(c, "table-of-content-source") &&
               !xml_is(c, "image") && !xml_is(c, "object")) {
        if (strcmp(xml_attribute(c, "display"), "none") != 0) /* a hidden section */
            elements(d, c, depth + 1);
    }
}

/* Of the master pages (styles.xml, 16.9). Fields that count pages say nothing alone. */
static void margins(odf *d)
{
    bytes xml, all;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&all, SIZE_MAX / 4);
    if (package_read(d->o->p, "styles.xml", &xml) && xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_at(&x, "master-page") ? xml_subtree(&x) : NULL;
            for (xmlNodePtr m = n ? n->children : NULL; m; m = m->next)
                for (xmlNodePtr p = xml_is(m, "header") || xml_is(m, "footer") ||
                                            xml_is(m, "header-first") || xml_is(m, "footer-first") ||
                                            xml_is(m, "header-left") || xml_is(m, "footer-left")
                                        ? m->children
                                        : NULL;
                     p; p = p->next) {
                    if (p->type != XML_ELEMENT_NODE)
                        continue;
                    bytes_reset(&d->text);
                    put_inline(d, &d->text, p, 4);
                    if (!d->text.len || strspn(d->text.data, " \n0123456789/-") == d->text.len ||
                        (all.len && strstr(all.data, d->text.data)))
                        continue;
                    bytes_append(&all, "\n", all.len ? 1 : 0);
                    bytes_append(&all, d->text.data, d->text.len);
                }
        }
        xml_close(&x);
    }
    d->breaks = 0;
    bytes_reset(&d->text);
    bytes_reset(&d->behind);
    if (all.len)
        emit_block(d->o->e, INGEST_PARAGRAPH, 0, all.data, all.len);
    bytes_clear(&all);
    bytes_clear(&xml);
}

/* One child of the body: a page of a presentation, a sheet, or a block of text. */
static void top_level(odf *d, xmlNodePtr n, const char *body)
{
    const char *name = xml_attribute(n, "name");

    if (!strcmp(body, "presentation") && xml_is(n, "page")) {
        d->o->e->page++;
        for (xmlNodePtr c = n->children; c; c = c->next) /* the title first, wherever it stands */
            if (xml_is(c, "frame") && is_title(c))
                frame(d, c, 2);
        for (xmlNodePtr c = n->children; c && !d->o->e->status; c = c->next)
            if (c->type == XML_ELEMENT_NODE && !(xml_is(c, "frame") && is_title(c)))
                element(d, c, 2);
    } else if (!strcmp(body, "spreadsheet") && xml_is(n, "table")) {
        d->o->e->page++;
        emit_block(d->o->e, INGEST_HEADING, 1, name, strlen(name));
        table(d, n, 2);
    } else {
        element(d, n, 2);
    }
}

void odf_parse(office *o, bool presentation)
{
    odf d = {.o = o, .presentation = presentation};
    char body[32] = "";
    bytes xml;
    xml_stream x;
    bool inside = false;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&d.text, SIZE_MAX / 4);
    bytes_init(&d.behind, SIZE_MAX / 4);
    if (!package_read(o->p, "content.xml", &xml)) {
        emit_fail(o->e, CAIRN_EINPUT, "broken: content.xml is missing");
    } else if (!xml_open(&x, &xml) || !xml_next(&x)) {
        bytes manifest; /* what is encrypted is no XML any more, and the manifest says so */
        bytes_init(&manifest, PACKAGE_MAX_PART);
        if (package_read(o->p, "META-INF/manifest.xml", &manifest) && manifest.len &&
            strstr(manifest.data, "encryption-data"))
            refuse_locked(o->e);
        else
            emit_fail(o->e, CAIRN_EINPUT, "broken: content.xml is no XML");
        bytes_clear(&manifest);
        xml_close(&x);
    } else {
        bool automatic = false;
        shared_styles(&d);
        d.pages = memmem(xml.data, xml.len, "soft-page-break", 15) != NULL;
        o->e->page = d.pages;
        while (!o->e->status && xml_next(&x)) {
            xmlNodePtr n;
            int depth = xml_depth(&x);
            if (depth <= 2) { /* document, body, text | spreadsheet | presentation | drawing */
                const xmlChar *name = xmlTextReaderConstLocalName(x.reader);
                if (depth == 1) {
                    inside = xml_at(&x, "body");
                    automatic = xml_at(&x, "automatic-styles");
                } else if (automatic && xml_at(&x, "style") && (n = xml_subtree(&x)) != NULL) {
                    add_style(&d, n);
                } else if (depth == 2 && inside)
                    snprintf(body, sizeof body, "%s", name ? (const char *)name : "");
                continue;
            }
            if (inside && depth == 3 && (n = xml_subtree(&x)) != NULL)
                top_level(&d, n, body);
        }
        if (o->e->page && !d.pages)
            emit_number(o->e, FIELD_PAGES, o->e->page);
        office_damage(o, &x);
        xml_close(&x);
        xmlHashFree(d.styles, free_style);
        d.styles = NULL;
        if (!presentation && !o->e->status)
            margins(&d);
    }
    bytes_clear(&d.text);
    bytes_clear(&d.behind);
    bytes_clear(&xml);
}

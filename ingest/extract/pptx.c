/* pptx.c - PresentationML (ECMA-376 part 1, section 19): a slide is a page; its title a heading,
 * its shapes paragraphs or lists, its tables tables; the words of its diagrams and charts, its notes
 * and what was remarked about it at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/extract/office.h"
#include "ingest/extract/rows.h"
#include "ingest/extract/struck.h"

#define MAX_SLIDES 20000

typedef struct pptx {
    office *o;
    const char *slide; /* part of the slide in hand */
    bytes text;
} pptx;

static bool is_struck(xmlNodePtr run)
{
    xmlNodePtr properties = xml_is(run, "r") || xml_is(run, "fld") ? xml_child(run, "rPr") : NULL;
    const char *strike = properties ? xml_attribute(properties, "strike") : "";

    return *strike && strcmp(strike, "noStrike") != 0;
}

/* The words of one a:p. */
static void paragraph_words(bytes *out, xmlNodePtr p, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = p->children; c; c = c->next) {
        size_t at = out->len;
        if (xml_is(c, "t"))
            xml_text(c, out);
        else if (xml_is(c, "br"))
            bytes_append(out, " ", 1);
        else if (c->type == XML_ELEMENT_NODE)
            paragraph_words(out, c, depth + 1);
        if (is_struck(c))
            struck_mark(out, at);
    }
}

/* Nothing but spaces, the no-break ones included. */
static bool is_blank(const char *s)
{
    while (*s == ' ' || *s == '\n' || *s == '\t' || !strncmp(s, "\xC2\xA0", 2))
        s += *s == '\xC2' ? 2 : 1;
    return !*s;
}

/* All paragraphs of a text body, a line each; with more than one and `list`, as items. Returns how
 * many. */
static size_t body_lines(pptx *x, xmlNodePtr body, bool list)
{
    size_t n = 0;

    for (xmlNodePtr p = body->children; p; p = p->next) {
        xmlNodePtr properties = xml_is(p, "p") ? xml_child(p, "pPr") : NULL;
        int level = properties ? atoi(xml_attribute(properties, "lvl")) : 0;
        size_t start = x->text.len, words;

        if (!xml_is(p, "p"))
            continue;
        if (start)
            bytes_append(&x->text, "\n", 1);
        for (int i = 0; list && i < level && i < 8; i++)
            bytes_append(&x->text, "  ", 2);
        if (list)
            bytes_append(&x->text, "- ", 2);
        words = x->text.len;
        paragraph_words(&x->text, p, 0);
        if (x->text.data && is_blank(x->text.data + words))
            x->text.data[x->text.len = start] = 0; /* an empty line */
        else
            n++;
    }
    return n;
}

static const char *placeholder(xmlNodePtr shape)
{
    xmlNodePtr ph = xml_find(shape, "ph");
    const char *type = ph ? xml_attribute(ph, "type") : "none";

    return *type ? type : "body"; /* a placeholder without a type holds the content */
}

static void shape(pptx *x, xmlNodePtr n, bool titles)
{
    xmlNodePtr body = xml_child(n, "txBody");
    const char *kind = placeholder(n);
    bool title = !strcmp(kind, "title") || !strcmp(kind, "ctrTitle");
    size_t lines;

    if (!body || title != titles || !strcmp(kind, "sldNum") || !strcmp(kind, "ftr") ||
        !strcmp(kind, "hdr") || !strcmp(kind, "dt") || !strcmp(kind, "sldImg"))
        return;
    bytes_reset(&x->text);
    lines = body_lines(x, body, false);
    if (title) {
        for (size_t i = 0; i < x->text.len; i++)
            if (x->text.data[i] == '\n')
                x->text.data[i] = ' ';
        emit_block(x->o->e, INGEST_HEADING, 1, x->text.data ? x->text.data : "", x->text.len);
    } else if (lines > 1 && !strcmp(kind, "body")) {
        bytes_reset(&x->text);
        body_lines(x, body, true);
        emit_block(x->o->e, INGEST_LIST, 0, x->text.data, x->text.len);
    } else if (lines) {
        emit_block(x->o->e, INGEST_PARAGRAPH, 0, x->text.data, x->text.len);
    }
}

static void table(pptx *x, xmlNodePtr n)
{
    rows t;

    rows_begin(&t, x->o->e, OFFICE_BLOCK_ROWS);
    for (xmlNodePtr r = n->children; r; r = r->next) {
        for (xmlNodePtr c = xml_is(r, "tr") ? r->children : NULL; c; c = c->next) {
            xmlNodePtr body = xml_is(c, "tc") ? xml_child(c, "txBody") : NULL;
            if (!xml_is(c, "tc"))
                continue;
            rows_cell_begin(&t);
            for (xmlNodePtr p = body ? body->children : NULL; p; p = p->next) {
                if (!xml_is(p, "p"))
                    continue;
                bytes_append(&t.row, " ", 1);
                paragraph_words(&t.row, p, 0);
            }
        }
        if (xml_is(r, "tr"))
            rows_end_row(&t);
    }
    rows_end(&t);
}

static void chart(pptx *x, xmlNodePtr n)
{
    bytes_reset(&x->text);
    office_chart(x->o, x->slide, xml_attribute(n, "id"), &x->text);
    if (x->text.len)
        emit_block(x->o->e, INGEST_PARAGRAPH, 0, x->text.data, x->text.len);
}

static void shapes(pptx *x, xmlNodePtr n, bool titles, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c && !x->o->e->status; c = c->next) {
        if (xml_is(c, "sp"))
            shape(x, c, titles);
        else if (xml_is(c, "tbl") && !titles)
            table(x, c);
        else if (xml_is(c, "chart") && !titles)
            chart(x, c);
        else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "Fallback") && !xml_is(c, "tbl"))
            shapes(x, c, titles, depth + 1);
    }
}

/* Words of SmartArt lie in a part of their own. */
static void diagram(pptx *x, const char *slide)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream s;

    if (!office_relation(x->o, slide, NULL, "diagramData", part))
        return;
    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_reset(&x->text);
    if (package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s)) {
            xmlNodePtr n = xml_at(&s, "t") && xml_depth(&s) > 2 ? xml_subtree(&s) : NULL;
            size_t start = x->text.len;
            if (!n)
                continue;
            for (xmlNodePtr p = xml_is(n, "t") ? n->children : NULL; p; p = p->next)
                if (xml_is(p, "p")) {
                    bytes_append(&x->text, x->text.len ? "\n- " : "- ", x->text.len ? 3 : 2);
                    paragraph_words(&x->text, p, 0);
                }
            if (x->text.len <= start + 3 && x->text.data)
                x->text.data[x->text.len = start] = 0;
        }
        xml_close(&s);
    }
    if (x->text.len)
        emit_block(x->o->e, INGEST_LIST, 0, x->text.data, x->text.len);
    bytes_clear(&xml);
}

static void each_shape_tree(pptx *x, const char *part, bool notes)
{
    bytes xml;
    xml_stream s;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s)) {
            xmlNodePtr tree = xml_at(&s, "spTree") ? xml_subtree(&s) : NULL;
            if (!tree)
                continue;
            if (!notes)
                shapes(x, tree, true, 0); /* the title first, wherever it stands */
            shapes(x, tree, false, 0);
        }
        xml_close(&s);
    }
    bytes_clear(&xml);
}

/* Both kinds: p:cm with p:text, and the threads of newer versions, whose words are DrawingML. */
static void comments(pptx *x, const char *part)
{
    bytes xml;
    xml_stream s;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_reset(&x->text);
    if (package_read(x->o->p, part, &xml) && xml_open(&s, &xml)) {
        while (xml_next(&s)) {
            xmlNodePtr n = xml_at(&s, "text") || xml_at(&s, "txBody") ? xml_subtree(&s) : NULL;
            if (!n)
                continue;
            if (xml_is(n, "text")) {
                bytes_append(&x->text, "\n", x->text.len ? 1 : 0);
                xml_text(n, &x->text);
            } else {
                office_drawing_words(n, &x->text);
            }
        }
        xml_close(&s);
    }
    if (x->text.len)
        emit_block(x->o->e, INGEST_PARAGRAPH, 0, x->text.data, x->text.len);
    bytes_clear(&xml);
}

static void slide(pptx *x, const char *part)
{
    char other[OFFICE_PATH];

    x->slide = part;
    each_shape_tree(x, part, false);
    diagram(x, part);
    if (office_relation(x->o, part, NULL, "notesSlide", other))
        each_shape_tree(x, other, true);
    if (office_relation(x->o, part, NULL, "comments", other))
        comments(x, other);
}

void pptx_parse(office *o, const char *main_part)
{
    pptx x = {.o = o};
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream s;
    uint32_t n = 0;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&x.text, SIZE_MAX / 4);
    if (!package_read(o->p, main_part, &xml) || !xml_open(&s, &xml)) {
        emit_fail(o->e, CAIRN_EINPUT, "broken: %s is missing or no XML", main_part);
    } else {
        while (!o->e->status && n < MAX_SLIDES && xml_next(&s)) {
            xmlNodePtr id = xml_at(&s, "sldId") ? xml_subtree(&s) : NULL;
            const char *ref = "";
            /* Two attributes are called id; the relationship's has a prefix. */
            for (xmlAttrPtr a = id ? id->properties : NULL; a; a = a->next)
                if (a->ns && !strcmp((const char *)a->name, "id") && a->children)
                    ref = (const char *)a->children->content;
            if (!id)
                continue;
            o->e->page = ++n;
            if (office_relation(o, main_part, ref, NULL, part))
                slide(&x, part);
        }
        emit_number(o->e, FIELD_PAGES, n);
        office_damage(o, &s);
        xml_close(&s);
    }
    bytes_clear(&x.text);
    bytes_clear(&xml);
}

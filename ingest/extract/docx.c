/* docx.c - WordprocessingML (ECMA-376 part 1, section 17): the body as headings, paragraphs, lists
 * and tables; notes and comments behind the paragraph that refers to them, headers and footers at
 * the end, each text once.
 *
 * Headings are known by the style's outline level (its own or of what it is based on). Deleted
 * text, hidden text and field codes are left out, inserted text counts. Word writes where it broke
 * pages when it saved; a document without these marks has no pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "ingest/extract/office.h"
#include "ingest/extract/rows.h"
#include "ingest/extract/struck.h"

#define MAX_STYLES 4096
#define MAX_NOTES  100000

typedef struct style {
    char id[64], based_on[64];
    int level; /* 1..6; 0 = no heading; -1 = not said */
    bool list;
} style;

typedef struct note {
    char id[16];
    char *text;
} note;

typedef struct notes {
    note *at;
    size_t n, cap;
} notes;

typedef struct docx {
    office *o;
    style *styles;
    size_t n_styles;
    notes foot, end, comments;
    bool pages; /* the document says where they break */
    bytes text, behind, list;
    unsigned breaks_before, breaks; /* of pages: ahead of the text in hand, and inside it */
} docx;

/* ---- styles ---- */

static void read_style(docx *d, xmlNodePtr n)
{
    style *s = &d->styles[d->n_styles];
    xmlNodePtr name = xml_child(n, "name"), based = xml_child(n, "basedOn");
    xmlNodePtr level = xml_find(n, "outlineLvl");
    const char *called = name ? xml_attribute(name, "val") : "";

    if (d->n_styles == MAX_STYLES || strcmp(xml_attribute(n, "type"), "paragraph") != 0)
        return;
    snprintf(s->id, sizeof s->id, "%s", xml_attribute(n, "styleId"));
    snprintf(s->based_on, sizeof s->based_on, "%s", based ? xml_attribute(based, "val") : "");
    s->level = -1;
    s->list = xml_find(n, "numPr") != NULL;
    if (level) {
        int l = atoi(xml_attribute(level, "val"));
        s->level = l >= 0 && l < 9 ? (l < 6 ? l + 1 : 6) : 0;
    } else if (!strncasecmp(called, "heading ", 8) && called[8] >= '1' && called[8] <= '9') {
        s->level = called[8] <= '6' ? called[8] - '0' : 6;
    } else if (!strcasecmp(called, "title")) {
        s->level = 1;
    }
    d->n_styles++;
}

/* Heading level of a style; *list when its paragraphs are items. */
static int style_level(const docx *d, const char *id, bool *list)
{
    for (int steps = 0; *id && steps < 12; steps++) { /* a chain may be a circle */
        const style *s = NULL;
        for (size_t i = 0; i < d->n_styles && !s; i++)
            if (!strcmp(d->styles[i].id, id))
                s = &d->styles[i];
        if (!s)
            return 0;
        *list = *list || s->list;
        if (s->level >= 0)
            return s->level;
        id = s->based_on;
    }
    return 0;
}

/* ---- text of a paragraph ---- */

static const char *note_text(const notes *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->at[i].id, id))
            return list->at[i].text;
    return NULL;
}

static void refer(docx *d, const notes *list, xmlNodePtr n)
{
    const char *text = note_text(list, xml_attribute(n, "id"));

    if (text) {
        if (d->behind.len)
            bytes_append(&d->behind, "\n", 1);
        bytes_append_str(&d->behind, text);
    }
}

static void inline_text(docx *d, xmlNodePtr n, unsigned depth);

static bool has_property(xmlNodePtr run, const char *name)
{
    xmlNodePtr properties = xml_child(run, "rPr");
    xmlNodePtr found = properties ? xml_child(properties, name) : NULL;
    const char *val = found ? xml_attribute(found, "val") : "0";

    return found && strcmp(val, "0") != 0 && strcmp(val, "false") != 0;
}

static bool is_hidden(xmlNodePtr run)
{
    return has_property(run, "vanish");
}

static bool is_blank(const bytes *b)
{
    return strspn(b->data ? b->data : "", " \n\t") == b->len;
}

static void inline_element(docx *d, xmlNodePtr c, unsigned depth)
{
    if (xml_is(c, "t")) {
        xml_text(c, &d->text);
    } else if (xml_is(c, "tab") || xml_is(c, "ptab")) {
        bytes_append(&d->text, " ", 1);
    } else if (xml_is(c, "br") || xml_is(c, "cr")) {
        bytes_append(&d->text, "\n", 1);
    } else if (xml_is(c, "lastRenderedPageBreak")) {
        /* Also behind a break that the author set, which so is not counted. */
        *(is_blank(&d->text) ? &d->breaks_before : &d->breaks) += 1;
    } else if (xml_is(c, "noBreakHyphen")) {
        bytes_append(&d->text, "-", 1);
    } else if (xml_is(c, "footnoteReference")) {
        refer(d, &d->foot, c);
    } else if (xml_is(c, "endnoteReference")) {
        refer(d, &d->end, c);
    } else if (xml_is(c, "commentReference")) {
        refer(d, &d->comments, c);
    } else if (xml_is(c, "chart")) {
        office_chart(d->o, d->o->main_part, xml_attribute(c, "id"), &d->behind);
    } else if (xml_is(c, "p")) { /* of a text box */
        bytes_append(&d->text, "\n", 1);
        inline_text(d, c, depth + 1);
    } else if (xml_is(c, "r") && !is_hidden(c) && (has_property(c, "strike") || has_property(c, "dstrike"))) {
        size_t at = d->text.len;
        inline_text(d, c, depth + 1);
        struck_mark(&d->text, at);
    } else if (!xml_is(c, "del") && !xml_is(c, "moveFrom") && !xml_is(c, "Fallback") &&
               !xml_is(c, "instrText") && !xml_is(c, "delText") && !xml_is(c, "pPr") &&
               !xml_is(c, "rPr") && !(xml_is(c, "r") && is_hidden(c))) {
        inline_text(d, c, depth + 1);
    }
}

static void inline_text(docx *d, xmlNodePtr n, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE)
            inline_element(d, c, depth);
}

/* ---- notes and comments ---- */

static bool add_note(notes *list, const char *id, const bytes *text)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 32;
        note *more = cap > MAX_NOTES ? NULL : checked_realloc(list->at, cap, sizeof *more);
        if (!more)
            return false;
        list->at = more;
        list->cap = cap;
    }
    snprintf(list->at[list->n].id, sizeof list->at->id, "%s", id);
    list->at[list->n].text = strdup(text->data ? text->data : "");
    return list->at[list->n].text && ++list->n;
}

static void read_notes(docx *d, const char *main_part, const char *type, notes *list)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (office_relation(d->o, main_part, NULL, type, part) && package_read(d->o->p, part, &xml) &&
        xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_depth(&x) == 1 ? xml_subtree(&x) : NULL;
            const char *kind = n ? xml_attribute(n, "type") : "separator";
            if (strstr(kind, "eparator") || !strcmp(kind, "continuationNotice"))
                continue;
            bytes_reset(&d->text);
            inline_text(d, n, 0);
            if (d->text.len && !add_note(list, xml_attribute(n, "id"), &d->text))
                break;
        }
        xml_close(&x);
    }
    bytes_reset(&d->text);
    bytes_clear(&xml);
}

static void free_notes(notes *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->at[i].text);
    free(list->at);
}

/* ---- blocks ---- */

static void flush_list(docx *d)
{
    if (d->list.len)
        emit_block(d->o->e, INGEST_LIST, 0, d->list.data, d->list.len);
    bytes_reset(&d->list);
}

static void turn_pages(docx *d, unsigned *breaks)
{
    if (d->pages && *breaks) {
        flush_list(d);
        d->o->e->page += *breaks;
    }
    *breaks = 0;
}

/* What the paragraph in hand refers to follows it; breaks inside it count from the next one on. */
static void after_paragraph(docx *d)
{
    if (d->behind.len) {
        flush_list(d);
        emit_block(d->o->e, INGEST_PARAGRAPH, 0, d->behind.data, d->behind.len);
    }
    bytes_reset(&d->behind);
    bytes_reset(&d->text);
    turn_pages(d, &d->breaks_before);
    turn_pages(d, &d->breaks);
}

static void paragraph(docx *d, xmlNodePtr n)
{
    xmlNodePtr properties = xml_child(n, "pPr");
    xmlNodePtr of = properties ? xml_child(properties, "pStyle") : NULL;
    xmlNodePtr own = properties ? xml_child(properties, "outlineLvl") : NULL;
    xmlNodePtr numbered = properties ? xml_child(properties, "numPr") : NULL;
    bool item = numbered != NULL;
    int level = of ? style_level(d, xml_attribute(of, "val"), &item) : 0;

    if (own) {
        int l = atoi(xml_attribute(own, "val"));
        level = l >= 0 && l < 9 ? (l < 6 ? l + 1 : 6) : 0;
    }
    inline_text(d, n, 0);
    turn_pages(d, &d->breaks_before);
    if (is_blank(&d->text)) {
        after_paragraph(d);
        return;
    }
    if (item && !level) {
        xmlNodePtr depth = numbered ? xml_child(numbered, "ilvl") : NULL;
        int indent = depth ? atoi(xml_attribute(depth, "val")) : 0;
        if (d->list.len)
            bytes_append(&d->list, "\n", 1);
        for (int i = 0; i < indent && i < 8; i++)
            bytes_append(&d->list, "  ", 2);
        bytes_append(&d->list, "- ", 2);
        for (size_t i = 0; i < d->text.len; i++)
            if (d->text.data[i] == '\n')
                d->text.data[i] = ' ';
        bytes_append(&d->list, d->text.data, d->text.len);
    } else {
        flush_list(d);
        emit_block(d->o->e, level ? INGEST_HEADING : INGEST_PARAGRAPH, (unsigned)level,
                   d->text.data, d->text.len);
    }
    after_paragraph(d);
}

static void block(docx *d, xmlNodePtr n, unsigned depth);

static void cell_text(docx *d, xmlNodePtr n, bytes *out, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (xml_is(c, "p")) {
            bytes_reset(&d->text);
            inline_text(d, c, depth);
            if (d->text.len) {
                bytes_append(out, " ", 1);
                bytes_append(out, d->text.data, d->text.len);
            }
        } else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "tcPr")) {
            cell_text(d, c, out, depth + 1);
        }
    }
}

static size_t count_children(xmlNodePtr n, const char *name)
{
    size_t count = 0;

    for (xmlNodePtr c = n->children; c; c = c->next)
        count += xml_is(c, name);
    return count;
}

/* The columns that a cell reaches over. */
static unsigned grid_span(xmlNodePtr cell)
{
    xmlNodePtr p = xml_child(cell, "tcPr"), span = p ? xml_child(p, "gridSpan") : NULL;
    long n = span ? atol(xml_attribute(span, "val")) : 1;

    return n < 1 ? 1 : n > ROWS_SPAN_COLUMNS ? ROWS_SPAN_COLUMNS : (unsigned)n;
}

/* Does the cell only go on with the one above? */
static bool goes_on(xmlNodePtr cell)
{
    xmlNodePtr p = xml_child(cell, "tcPr"), v = p ? xml_child(p, "vMerge") : NULL;

    return v && strcmp(xml_attribute(v, "val"), "restart") != 0;
}

static xmlNodePtr cell_of(xmlNodePtr c)
{
    xmlNodePtr cell = xml_is(c, "sdt") ? xml_find(c, "tc") : c;

    return cell && xml_is(cell, "tc") ? cell : NULL;
}

/* The rows that a cell at this column of row r reaches down over, itself included. */
static unsigned rows_down(xmlNodePtr r, xmlNodePtr cell, unsigned column)
{
    xmlNodePtr p = xml_child(cell, "tcPr");
    unsigned n = 1;

    if (!p || !xml_child(p, "vMerge"))
        return 1;
    for (r = r->next; r && n < ROWS_SPAN_ROWS; r = r->next) {
        unsigned at = 0;
        bool on = false;
        if (!xml_is(r, "tr"))
            continue;
        for (xmlNodePtr c = r->children; c && at <= column; c = c->next) {
            xmlNodePtr below = cell_of(c);
            if (!below)
                continue;
            on = at == column && goes_on(below);
            at += grid_span(below);
        }
        if (!on)
            break;
        n++;
    }
    return n;
}

static void table(docx *d, xmlNodePtr n, unsigned depth)
{
    xmlNodePtr first = xml_child(n, "tr");
    rows t;

    flush_list(d);
    if (first && count_children(n, "tr") == 1 && count_children(first, "tc") == 1) {
        block(d, xml_child(first, "tc"), depth + 2); /* a frame around a text */
        return;
    }
    rows_begin(&t, d->o->e, OFFICE_BLOCK_ROWS);
    for (xmlNodePtr r = n->children; r && !d->o->e->status; r = r->next) {
        if (!xml_is(r, "tr"))
            continue;
        for (xmlNodePtr c = r->children; c; c = c->next) {
            xmlNodePtr cell = cell_of(c);
            if (!cell || (goes_on(cell) && !rows_cell_to(&t, 0)))
                continue;
            rows_cell_begin(&t);
            cell_text(d, cell, &t.row, depth);
            rows_cell_spans(&t, grid_span(cell), rows_down(r, cell, (unsigned)t.cells - 1));
        }
        rows_end_row(&t);
    }
    rows_end(&t);
    after_paragraph(d);
}

/* Paragraphs and tables below n, which is no paragraph itself. */
static void block(docx *d, xmlNodePtr n, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c && !d->o->e->status; c = c->next) {
        if (xml_is(c, "p"))
            paragraph(d, c);
        else if (xml_is(c, "tbl"))
            table(d, c, depth + 1);
        else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "del") && !xml_is(c, "moveFrom"))
            block(d, c, depth + 1);
    }
}

static void body(docx *d, const bytes *xml)
{
    xml_stream x;
    bool inside = false;

    if (!xml_open(&x, xml)) {
        emit_fail(d->o->e, CAIRN_EINPUT, "broken: its main part is no XML");
        return;
    }
    while (!d->o->e->status && xml_next(&x)) {
        xmlNodePtr n;
        if (xml_depth(&x) == 1) {
            inside = xml_at(&x, "body");
            continue;
        }
        if (!inside || xml_depth(&x) != 2 || !(n = xml_subtree(&x)))
            continue;
        if (xml_is(n, "p"))
            paragraph(d, n);
        else if (xml_is(n, "tbl"))
            table(d, n, 0);
        else
            block(d, n, 0);
    }
    flush_list(d);
    office_damage(d->o, &x);
    xml_close(&x);
}

/* Letterheads and what stands at the foot of pages; the same for first, even and odd pages counts once. */
static void margins(docx *d, const char *main_part)
{
    const char *slash = strrchr(main_part, '/'), *name;
    size_t folder = slash ? (size_t)(slash - main_part) + 1 : 0;
    notes seen = {0};
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    for (size_t i = 0; !d->o->e->status && (name = package_name(d->o->p, i)); i++) {
        bool known = false;
        if (strncmp(name, main_part, folder) || strchr(name + folder, '/') ||
            (strncmp(name + folder, "header", 6) && strncmp(name + folder, "footer", 6)) ||
            !package_read(d->o->p, name, &xml) || !xml_open(&x, &xml))
            continue;
        bytes_reset(&d->text);
        while (xml_next(&x)) {
            xmlNodePtr n = xml_depth(&x) == 1 ? xml_subtree(&x) : NULL;
            if (!n)
                continue;
            bytes_append(&d->text, "\n", d->text.len ? 1 : 0);
            inline_text(d, n, 0);
        }
        xml_close(&x);
        for (size_t k = 0; k < seen.n && !known; k++)
            known = !strcmp(seen.at[k].text, d->text.data ? d->text.data : "");
        if (known || !d->text.len || strspn(d->text.data, " \n0123456789/-") == d->text.len)
            continue; /* a page's number alone */
        emit_block(d->o->e, INGEST_PARAGRAPH, 0, d->text.data, d->text.len);
        if (!add_note(&seen, "", &d->text))
            break;
    }
    bytes_reset(&d->text);
    free_notes(&seen);
    bytes_clear(&xml);
}

static void read_styles(docx *d, const char *main_part)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (office_relation(d->o, main_part, NULL, "styles", part) &&
        package_read(d->o->p, part, &xml) && xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_at(&x, "style") ? xml_subtree(&x) : NULL;
            if (n)
                read_style(d, n);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

void docx_parse(office *o, const char *main_part)
{
    docx d = {.o = o};
    bytes xml;

    bytes_init(&xml, PACKAGE_MAX_PART);
    bytes_init(&d.text, SIZE_MAX / 4);
    bytes_init(&d.behind, SIZE_MAX / 4);
    bytes_init(&d.list, SIZE_MAX / 4);
    d.styles = calloc(MAX_STYLES + 1, sizeof *d.styles);
    if (!d.styles)
        emit_fail(o->e, CAIRN_ENOMEM, "styles of a document");
    read_styles(&d, main_part);
    read_notes(&d, main_part, "footnotes", &d.foot);
    read_notes(&d, main_part, "endnotes", &d.end);
    read_notes(&d, main_part, "comments", &d.comments);
    if (package_read(o->p, main_part, &xml)) {
        d.pages = xml.len && memmem(xml.data, xml.len, "lastRenderedPageBreak", 21) != NULL;
        o->e->page = d.pages;
        d.breaks_before = d.breaks = 0;
        body(&d, &xml);
        margins(&d, main_part);
        if (d.pages)
            emit_number(o->e, FIELD_PAGES, o->e->page);
    } else {
        emit_fail(o->e, CAIRN_EINPUT, "broken: %s is missing", main_part);
    }
    free(d.styles);
    free_notes(&d.foot);
    free_notes(&d.end);
    free_notes(&d.comments);
    bytes_clear(&d.text);
    bytes_clear(&d.behind);
    bytes_clear(&d.list);
    bytes_clear(&xml);
}

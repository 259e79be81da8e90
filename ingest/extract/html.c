/* html.c - web pages: the tree by libxml2, the main content by rules, blocks by a walk.
 *
 * 1. Main content. <main>, role=main or a single large <article> when it holds enough of the
 *    page's words; else the body.
 * 2. Boilerplate out: nav, footer, aside, forms, scripts, hidden parts, the page's header (but not
 *    a header inside the main content, which holds the heading), and elements whose class or id
 *    says cookie, consent, sidebar, breadcrumb and the like. If that leaves less than a quarter of
 *    the words, the class rule was wrong about this page and only the tags count.
 * 3. Blocks: h1-h6, paragraphs, lists (nested, one item a line), tables of data, pre, blockquote.
 *    Links and emphasis are their words.
 *
 * The text is decoded here, not by libxml2, which gets UTF-8 without a chance to load anything: no
 * network, no entities from outside, no huge files. Its limit on depth (256) stays; where it
 * bites, the rest of the page is lost and the document's note says so. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libxml/HTMLparser.h>
#include <libxml/HTMLtree.h>
#include <libxml/tree.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"
#include "ingest/table_head.h"

/* libxml2 stops at 256; this bounds our own recursion whatever it does. */
#define HTML_MAX_DEPTH   300
#define MAIN_MIN_LETTERS 200

typedef struct html {
    emitter *e;
    bytes text;      /* the inline text in hand */
    bool space;      /* white space is due before the next word */
    bool by_class;   /* judge elements by class and id too */
    bool book;       /* only what is never shown goes */
    xmlNodePtr main; /* where the content is; page headers inside it count */
    bool inside_main;
    size_t struck; /* length of the text right behind the mark that opens struck words; 0: none is open */
} html;

static bool is(xmlNodePtr n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && !strcasecmp((const char *)n->name, name);
}

/* `names` is " a b c ": the element's name between spaces. */
static bool is_one_of(xmlNodePtr n, const char *names)
{
    char key[24];
    size_t len;

    if (n->type != XML_ELEMENT_NODE || (len = strlen((const char *)n->name)) > sizeof key - 3)
        return false;
    key[0] = ' ';
    for (size_t i = 0; i < len; i++)
        key[i + 1] = (char)tolower((unsigned char)n->name[i]);
    key[len + 1] = ' ';
    key[len + 2] = 0;
    return strstr(names, key) != NULL;
}

/* The attribute's value in place, "" when absent: attributes here are one text node. */
static const char *attribute(xmlNodePtr n, const char *name)
{
    for (xmlAttrPtr a = n->properties; a; a = a->next)
        if (!strcasecmp((const char *)a->name, name))
            return a->children && a->children->content ? (const char *)a->children->content : "";
    return "";
}

static bool has_attribute(xmlNodePtr n, const char *name)
{
    for (xmlAttrPtr a = n->properties; a; a = a->next)
        if (!strcasecmp((const char *)a->name, name))
            return true;
    return false;
}

/* True when a word of `value` (words end at spaces, - and _) is in the list, or the whole is. */
static bool names_boilerplate(const char *value)
{
    static const char *const words[] = {
        "cookie",        "cookies", "consent",    "gdpr",        "sidebar",   "breadcrumb",
        "breadcrumbs",   "navbar",  "navigation", "navbox",      "menu",      "footer",
        "masthead",      "share",   "sharing",    "social",      "related",   "advert",
        "advertisement", "ads",     "banner",     "promo",       "sponsored", "newsletter",
        "subscribe",     "popup",   "modal",      "skip",        "toolbar",   "pagination",
        "pager",         "noprint", "catlinks",   "editsection", "toc",       "sitemap",
    };

    while (*value) {
        size_t n = strcspn(value, " \t\n-_");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (strlen(words[i]) == n && !strncasecmp(words[i], value, n))
                return true;
        value += n;
        value += strspn(value, " \t\n-_");
    }
    return false;
}

static bool is_hidden(xmlNodePtr n)
{
    const char *style = attribute(n, "style");

    if (has_attribute(n, "hidden") || !strcasecmp(attribute(n, "aria-hidden"), "true"))
        return true;
    style = strcasestr(style, "display");
    if (style) {
        style += 7;
        style += strspn(style, " \t:");
        return !strncasecmp(style, "none", 4);
    }
    return false;
}

static bool is_boilerplate(const html *h, xmlNodePtr n)
{
    static const char *const roles[] = {"navigation",    "banner", "contentinfo",
                                        "search",        "dialog", "alertdialog",
                                        "complementary", "menu",   "menubar"};
    const char *role;

    if (is_one_of(n, " script style noscript template svg canvas object embed iframe audio video "
                     "nav button select input textarea dialog head "))
        return true;
    if (h->book)
        return is_hidden(n);
    if (is_one_of(n, " footer "))
        return true;
    if (is_one_of(n, " body html main article "))
        return false;
    if (is_one_of(n, " aside "))
        return true;
    if (is_one_of(n, " header ") && !h->inside_main)
        return true;
    if (is_hidden(n))
        return true;
    role = attribute(n, "role");
    for (size_t i = 0; *role && i < sizeof roles / sizeof *roles; i++)
        if (!strcasecmp(role, roles[i]))
            return true;
    if (!h->by_class || is_one_of(n, " h1 h2 h3 h4 h5 h6 p pre code table tr td th "))
        return false;
    return names_boilerplate(attribute(n, "class")) || names_boilerplate(attribute(n, "id"));
}

/* Letters and digits of the text below n, boilerplate left out. */
static size_t count_letters(const html *h, xmlNodePtr n, unsigned depth)
{
    size_t sum = 0;

    if (depth > HTML_MAX_DEPTH)
        return 0;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (c->type == XML_TEXT_NODE && c->content) {
            for (const unsigned char *p = c->content; *p; p++)
                sum += *p >= 0x80 || isalnum(*p);
        } else if (c->type == XML_ELEMENT_NODE && !is_boilerplate(h, c)) {
            sum += count_letters(h, c, depth + 1);
        }
    }
    return sum;
}

/* ---- text ---- */

static void put_words(html *h, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
            h->space = true;
        } else {
            size_t n = 1;
            if (h->space && h->text.len && h->text.data[h->text.len - 1] != '\n' && h->text.len != h->struck)
                bytes_append(&h->text, " ", 1);
            h->space = false;
            while (s[n] && !strchr(" \t\n\r\f", s[n]))
                n++;
            bytes_append(&h->text, s, n);
            s += n - 1;
        }
    }
}

static void new_line(html *h)
{
    h->space = false;
    if (h->text.len && h->text.data[h->text.len - 1] != '\n')
        bytes_append(&h->text, "\n", 1);
}

static void flush(html *h, ingest_block_kind kind, unsigned level)
{
    if (h->text.len)
        emit_block(h->e, kind, level, h->text.data, h->text.len);
    bytes_reset(&h->text);
    h->space = false;
}

static bool is_block(xmlNodePtr n)
{
    return is_one_of(n, " address article aside blockquote body center dd details dir div dl dt "
                        "fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header "
                        "hgroup hr html li main menu nav ol p pre section summary table tbody td "
                        "tfoot th thead tr ul caption ");
}

static bool in_struck(xmlNodePtr n)
{
    for (xmlNodePtr up = n->parent; up && up->type == XML_ELEMENT_NODE; up = up->parent)
        if (is_one_of(up, " del s strike "))
            return true;
    return false;
}

/* Struck out: what it says no longer holds. */
static bool is_struck(xmlNodePtr n)
{
    return is_one_of(n, " del s strike ") || strstr(attribute(n, "style"), "line-through") || (is_block(n) && in_struck(n));
}

static void open_struck(html *h)
{
    put_words(h, "~~");
    h->struck = h->text.len;
    h->space = false;
}

static void close_struck(html *h)
{
    size_t len = h->text.len;

    /* A blank inside stands behind the mark: h->space. */
    if (len >= 2 && !memcmp(h->text.data + len - 2, "~~", 2))
        h->text.len -= 2; /* nothing was struck */
    else
        bytes_append(&h->text, "~~", 2);
    h->struck = 0;
}

static bool has_block(xmlNodePtr n, unsigned depth)
{
    for (xmlNodePtr c = depth > HTML_MAX_DEPTH ? NULL : n->children; c; c = c->next)
        if (c->type == XML_ELEMENT_NODE && (is_block(c) || is(c, "br") || has_block(c, depth + 1)))
            return true;
    return false;
}

static void put_all(html *h, xmlNodePtr n, bool lines, unsigned depth);

/* The same of an element that may be struck out. */
static void put_marked(html *h, xmlNodePtr n, bool lines, unsigned depth)
{
    bool struck = is_struck(n) && !has_block(n, depth);

    if (struck)
        open_struck(h);
    put_all(h, n, lines, depth);
    if (struck)
        close_struck(h);
}

/* All words below n on the text in hand; block elements begin a new line when `lines`. */
static void put_all(html *h, xmlNodePtr n, bool lines, unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if ((c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) && c->content) {
            put_words(h, (const char *)c->content);
        } else if (c->type == XML_ELEMENT_NODE && !is_boilerplate(h, c)) {
            bool block = is_block(c) || is(c, "br");
            if (block && lines)
                new_line(h);
            else if (block)
                h->space = true;
            if (is(c, "img") && *attribute(c, "alt")) {
                h->space = true;
                put_words(h, attribute(c, "alt"));
                h->space = true;
            }
            put_marked(h, c, lines, depth + 1);
            if (block && lines)
                new_line(h);
            else if (block)
                h->space = true;
        }
    }
}

static void put_raw(html *h, xmlNodePtr n, unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (c->type == XML_TEXT_NODE && c->content)
            bytes_append_str(&h->text, (const char *)c->content);
        else if (is(c, "br"))
            bytes_append(&h->text, "\n", 1);
        else if (c->type == XML_ELEMENT_NODE)
            put_raw(h, c, depth + 1);
    }
}

static void put_list(html *h, xmlNodePtr list, unsigned level, unsigned depth)
{
    int number = 1;

    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = list->children; c; c = c->next) {
        if (is_one_of(c, " ul ol menu dir ")) { /* a list right inside a list: common, if wrong */
            put_list(h, c, level + 1, depth + 1);
            continue;
        }
        if (!is_one_of(c, " li dt dd ") || is_boilerplate(h, c))
            continue;
        new_line(h);
        for (unsigned i = 0; i < level && i < 8; i++)
            bytes_append(&h->text, "  ", 2);
        if (is(list, "ol"))
            bytes_printf(&h->text, "%d. ", number++);
        else if (is(c, "dd"))
            bytes_append(&h->text, "  ", 2);
        else if (!is(c, "dt"))
            bytes_append(&h->text, "- ", 2);
        for (xmlNodePtr k = c->children; k; k = k->next) {
            if (is_one_of(k, " ul ol menu dir dl ")) {
                put_list(h, k, level + 1, depth + 2);
            } else if (k->type == XML_TEXT_NODE && k->content) {
                put_words(h, (const char *)k->content);
            } else if (k->type == XML_ELEMENT_NODE && !is_boilerplate(h, k)) {
                if (is_block(k))
                    h->space = true;
                put_marked(h, k, false, depth + 2);
                if (is_block(k))
                    h->space = true;
            }
        }
    }
    h->space = false;
}

/* ---- tables ---- */

typedef struct shape {
    size_t rows, widest, tables, blocks;
} shape;

static void measure_table(xmlNodePtr n, shape *s, unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (is(c, "table")) {
            s->tables++;
            continue;
        }
        if (is(c, "tr")) {
            size_t cells = 0;
            for (xmlNodePtr k = c->children; k; k = k->next)
                cells += is_one_of(k, " td th ");
            s->rows += cells > 0;
            if (cells > s->widest)
                s->widest = cells;
        }
        s->blocks += is_one_of(c, " p div ul ol h1 h2 h3 h4 form ");
        if (c->type == XML_ELEMENT_NODE)
            measure_table(c, s, depth + 1);
    }
}

/* A cell that reaches into the rows below is said again in each, so that every row stands alone. */
#define SPAN_COLUMNS 64
#define SPAN_BYTES   200 /* of longer cells nothing is said again */

typedef struct spans {
    unsigned rows[SPAN_COLUMNS]; /* that the cell of this column still covers */
    char words[SPAN_COLUMNS][SPAN_BYTES];
    size_t n_rows; /* given */
    unsigned header;
    uint64_t wide[TABLE_HEAD_LOOK]; /* of the first rows: columns under a cell over several */
    uint64_t wide_now;
    size_t names; /* so many first rows are all headings */
    bool titled;  /* the first row is one cell */
} spans;

static unsigned span_of(xmlNodePtr cell, const char *name, unsigned most)
{
    long n = strtol(attribute(cell, name), NULL, 10);

    return n < 1 ? 1 : n > (long)most ? most : (unsigned)n;
}

static void next_cell(html *h, size_t *column)
{
    if ((*column)++)
        bytes_append(&h->text, " | ", 3);
}

/* The cells from above that come before the next one of this row. */
static void put_spanned(html *h, spans *s, size_t *column)
{
    while (*column < SPAN_COLUMNS && s->rows[*column]) {
        size_t at = *column;
        s->rows[at]--;
        next_cell(h, column);
        bytes_append_str(&h->text, s->words[at]);
    }
}

static void put_cell(html *h, xmlNodePtr cell, spans *s, size_t *column, unsigned depth)
{
    unsigned down = span_of(cell, "rowspan", 1000), wide = span_of(cell, "colspan", SPAN_COLUMNS);
    size_t at = *column, start, n;

    if (at + wide > SPAN_COLUMNS) /* further right a cell is its own column */
        wide = at < SPAN_COLUMNS ? SPAN_COLUMNS - (unsigned)at : 1;

    next_cell(h, column);
    start = h->text.len;
    h->space = false;
    put_all(h, cell, false, depth);
    h->space = false;
    n = h->text.len - start;
    for (unsigned i = 0; i < wide; i++) {
        if (i)
            next_cell(h, column);
        if (wide > 1 && at + i < SPAN_COLUMNS)
            s->wide_now |= (uint64_t)1 << (at + i);
        if (down < 2 || at + i >= SPAN_COLUMNS)
            continue;
        s->rows[at + i] = down - 1;
        snprintf(s->words[at + i], SPAN_BYTES, "%.*s", i || n >= SPAN_BYTES ? 0 : (int)n,
                 h->text.data ? h->text.data + start : "");
    }
}

static void note_row(spans *s, size_t cells, bool headings, size_t full)
{
    if (s->n_rows < TABLE_HEAD_LOOK)
        s->wide[s->n_rows] = s->wide_now;
    if (s->n_rows == 0) {
        s->titled = cells == 1 && full == 1 && s->wide_now; /* over all columns */
        s->header = headings;
    }
    if (s->n_rows == 1 && s->titled)
        s->header = headings;
    if (headings && s->names == s->n_rows && (full > 1 || (s->titled && !s->n_rows)))
        s->names++;
    s->n_rows++;
}

static void put_row(html *h, xmlNodePtr row, spans *s, bool head, unsigned depth)
{
    size_t column = 0, cells = 0, headings = 0, start;
    bool says = false;

    new_line(h);
    start = h->text.len;
    s->wide_now = 0;
    for (xmlNodePtr k = row->children; k; k = k->next) {
        if (!is_one_of(k, " td th "))
            continue;
        put_spanned(h, s, &column);
        cells++;
        headings += is(k, "th");
        put_cell(h, k, s, &column, depth + 2);
    }
    put_spanned(h, s, &column);
    for (size_t i = start; i < h->text.len && !says; i++)
        says = h->text.data[i] != ' ' && h->text.data[i] != '|';
    while (says && h->text.len > start && strchr(" |", h->text.data[h->text.len - 1]))
        h->text.data[--h->text.len] = 0;
    if (!says && h->text.data)
        h->text.data[h->text.len = start] = 0; /* an empty row */
    else if (says)
        note_row(s, cells, cells && (headings == cells || head), table_line_cells(h->text.data + start, h->text.len - start));
}

static void put_rows(html *h, xmlNodePtr n, spans *s, unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (is(c, "tr"))
            put_row(h, c, s, is(n, "thead"), depth);
        else if (is_one_of(c, " thead tbody tfoot "))
            put_rows(h, c, s, depth + 1);
    }
}

static void blocks(html *h, xmlNodePtr n, unsigned depth);

/* The first lines: a title over all columns is a paragraph, names in several lines become one. */
static void join_names(html *h, spans *s)
{
    table_lines l = {.certain = s->names > s->titled ? s->names - s->titled : 0};
    const char *at = h->text.data, *end = at + h->text.len;
    size_t title = 0, n, from;
    bytes all;

    if (!h->text.len || s->n_rows < 2)
        return;
    bytes_init(&all, SIZE_MAX / 4);
    for (size_t i = 0; i < s->n_rows && l.n < TABLE_HEAD_LOOK && at < end; i++) {
        const char *nl = memchr(at, '\n', (size_t)(end - at)), *stop = nl ? nl : end;
        if (!i && s->titled) {
            title = (size_t)(stop - at);
        } else {
            l.line[l.n] = at;
            l.len[l.n] = (size_t)(stop - at);
            l.wide[l.n++] = i < TABLE_HEAD_LOOK ? s->wide[i] : 0;
        }
        at = nl ? nl + 1 : end;
    }
    n = l.n ? table_head_count(&l) : 1;
    if (title)
        emit_block(h->e, INGEST_PARAGRAPH, 0, h->text.data, title);
    if ((title || n > 1) && l.n) {
        from = (size_t)(l.line[n - 1] + l.len[n - 1] - h->text.data);
        if (n > 1 ? table_head_join(&l, n, &all) : bytes_append(&all, l.line[0], l.len[0]))
            emit_fail(h->e, CAIRN_ENOMEM, "a table");
        else if (bytes_append(&all, h->text.data + from, h->text.len - from) || (bytes_reset(&h->text), bytes_append(&h->text, all.data, all.len)))
            emit_fail(h->e, CAIRN_ENOMEM, "a table");
        s->header |= n > 1;
    }
    bytes_clear(&all);
}

static void table(html *h, xmlNodePtr n, unsigned depth)
{
    shape s = {0};
    spans *spanned;

    measure_table(n, &s, 0);
    if (s.tables || s.widest < 2 || s.rows < 2 || s.blocks > s.rows * s.widest) {
        blocks(h, n, depth + 1); /* a table for the layout of the page */
        return;
    }
    for (xmlNodePtr c = n->children; c; c = c->next)
        if (is(c, "caption")) {
            put_all(h, c, false, depth + 1);
            flush(h, INGEST_PARAGRAPH, 0);
        }
    spanned = calloc(1, sizeof *spanned);
    if (!spanned) {
        emit_fail(h->e, CAIRN_ENOMEM, "a table");
        return;
    }
    put_rows(h, n, spanned, depth);
    join_names(h, spanned);
    flush(h, INGEST_TABLE, spanned->header);
    free(spanned);
}

/* ---- blocks ---- */

static void element(html *h, xmlNodePtr c, unsigned depth)
{
    if (is_one_of(c, " h1 h2 h3 h4 h5 h6 ")) {
        flush(h, INGEST_PARAGRAPH, 0);
        put_all(h, c, false, depth + 1);
        flush(h, INGEST_HEADING, (unsigned)(c->name[1] - '0'));
    } else if (is_one_of(c, " ul ol menu dir dl ")) {
        flush(h, INGEST_PARAGRAPH, 0);
        put_list(h, c, 0, depth + 1);
        flush(h, INGEST_LIST, 0);
    } else if (is(c, "table")) {
        flush(h, INGEST_PARAGRAPH, 0);
        table(h, c, depth + 1);
    } else if (is_one_of(c, " pre listing xmp ")) {
        flush(h, INGEST_PARAGRAPH, 0);
        put_raw(h, c, depth + 1);
        flush(h, INGEST_CODE, 0);
    } else if (is(c, "blockquote")) {
        flush(h, INGEST_PARAGRAPH, 0);
        put_all(h, c, true, depth + 1);
        flush(h, INGEST_QUOTE, 0);
    } else if (is(c, "br")) {
        new_line(h);
    } else if (is(c, "img")) {
        if (*attribute(c, "alt")) {
            h->space = true;
            put_words(h, attribute(c, "alt"));
            h->space = true;
        }
    } else if (is_struck(c) && !has_block(c, depth + 1)) {
        if (is_block(c))
            flush(h, INGEST_PARAGRAPH, 0);
        put_marked(h, c, false, depth + 1);
        if (is_block(c))
            flush(h, INGEST_PARAGRAPH, 0);
    } else if (is_block(c)) {
        flush(h, INGEST_PARAGRAPH, 0);
        blocks(h, c, depth + 1);
        flush(h, INGEST_PARAGRAPH, 0);
    } else {
        blocks(h, c, depth + 1);
    }
}

static void blocks(html *h, xmlNodePtr n, unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c && !h->e->status; c = c->next) {
        if ((c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) && c->content) {
            put_words(h, (const char *)c->content);
        } else if (c->type == XML_ELEMENT_NODE && !is_boilerplate(h, c)) {
            bool was = h->inside_main;
            h->inside_main = was || c == h->main || is_one_of(c, " article main section ");
            element(h, c, depth);
            h->inside_main = was;
        }
    }
}

/* ---- metadata and the main content ---- */

static void metadata(html *h, xmlNodePtr n, unsigned depth)
{
    emitter *e = h->e;
    int64_t ns;

    if (depth > 8) /* the head is shallow */
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (is(c, "html")) {
            const char *lang = attribute(c, "lang");
            if (isalpha((unsigned char)lang[0]) && isalpha((unsigned char)lang[1]) &&
                (lang[2] == 0 || lang[2] == '-')) {
                char two[2] = {(char)tolower((unsigned char)lang[0]),
                               (char)tolower((unsigned char)lang[1])};
                emit_field(e, FIELD_LANG, two, 2);
            }
        } else if (is(c, "title")) {
            put_all(h, c, false, 0);
            emit_field(e, FIELD_TITLE, h->text.data ? h->text.data : "", h->text.len);
            bytes_reset(&h->text);
            h->space = false;
        } else if (is(c, "meta")) {
            const char *name = attribute(c, "name"), *value = attribute(c, "content");
            if (!*name)
                name = attribute(c, "property");
            if (!strcasecmp(name, "author") || !strcasecmp(name, "dc.creator"))
                emit_field(e, FIELD_AUTHOR, value, strlen(value));
            else if (!strcasecmp(name, "description") || !strcasecmp(name, "keywords"))
                emit_meta(e, tolower((unsigned char)name[0]) == 'd' ? "description" : "keywords",
                          value, strlen(value));
            else if ((!strcasecmp(name, "article:modified_time") ||
                      !strcasecmp(name, "last-modified") || !strcasecmp(name, "dcterms.modified") ||
                      !strcasecmp(name, "date") || !strcasecmp(name, "dc.date") ||
                      !strcasecmp(name, "dcterms.date")) &&
                     date_parse(value, strlen(value), &ns))
                emit_number(e, FIELD_DATE, ns);
            else if ((!strcasecmp(name, "article:published_time") ||
                      !strcasecmp(name, "dcterms.created")) &&
                     date_parse(value, strlen(value), &ns))
                emit_number(e, FIELD_CREATED, ns);
        }
        if (is_one_of(c, " html head "))
            metadata(h, c, depth + 1);
    }
}

/* The largest <main>, role=main or <article> of the page. */
static void find_main(const html *h, xmlNodePtr n, xmlNodePtr *best, size_t *letters,
                      unsigned depth)
{
    if (depth > HTML_MAX_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (c->type != XML_ELEMENT_NODE)
            continue;
        if (is_one_of(c, " main article ") || !strcasecmp(attribute(c, "role"), "main")) {
            size_t found = count_letters(h, c, 0);
            if (found > *letters) {
                *letters = found;
                *best = c;
            }
        } else {
            find_main(h, c, best, letters, depth + 1);
        }
    }
}

/* The first h1, or title, below n. */
static xmlNodePtr find_element(xmlNodePtr n, const char *name, unsigned depth)
{
    for (xmlNodePtr c = depth > HTML_MAX_DEPTH ? NULL : n->children; c; c = c->next) {
        xmlNodePtr found = is(c, name) ? c : c->type == XML_ELEMENT_NODE ? find_element(c, name, depth + 1) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static void title_as_heading(html *h, xmlNodePtr root)
{
    xmlNodePtr title = find_element(root, "h1", 0) ? NULL : find_element(root, "title", 0);

    if (title) {
        put_all(h, title, false, 0);
        flush(h, INGEST_HEADING, 1);
    }
}

static void page(html *h, xmlNodePtr root)
{
    xmlNodePtr main = NULL;
    size_t in_main = 0, all, strict;

    if (h->book) {
        blocks(h, root, 0);
        flush(h, INGEST_PARAGRAPH, 0);
        return;
    }
    h->by_class = false;
    all = count_letters(h, root, 0);
    h->by_class = true;
    strict = count_letters(h, root, 0);
    if (strict * 4 < all)
        h->by_class = false;
    find_main(h, root, &main, &in_main, 0);
    if (main && in_main >= MAIN_MIN_LETTERS && in_main * 3 >= (h->by_class ? strict : all)) {
        h->inside_main = true;
        blocks(h, main, 0);
    } else {
        h->main = main;
        blocks(h, root, 0);
    }
    flush(h, INGEST_PARAGRAPH, 0);
}

/* charset=... in the first kilobytes, as <meta> or as an XML declaration. */
static const char *declared_charset(const char *s, size_t len, char name[48])
{
    size_t n = len < 2048 ? len : 2048;

    for (size_t i = 0; i + 9 < n; i++) {
        size_t k, m = 0;
        if (strncasecmp(s + i, "charset=", 8) == 0)
            k = i + 8;
        else if (strncasecmp(s + i, "encoding=", 9) == 0)
            k = i + 9;
        else
            continue;
        while (k < n && (s[k] == '"' || s[k] == '\'' || s[k] == ' '))
            k++;
        while (k < n && m < 47 && (isalnum((unsigned char)s[k]) || strchr("-_:", s[k])) && s[k])
            name[m++] = s[k++];
        name[m] = 0;
        if (m)
            return name;
    }
    return NULL;
}

static void count_depth_errors(void *ctx, xmlErrorPtr error)
{
    /* htmlnodePush and the SAX side report the limit in these two ways. */
    if (error && error->message &&
        (strstr(error->message, "depth") || strstr(error->message, "huge")))
        *(bool *)ctx = true;
}

cairn_status parse_html(emitter *e, const parse_input *in)
{
    html h = {.e = e, .book = in->book};
    char name[48];
    const char *charset = in->charset;
    htmlParserCtxtPtr ctxt = NULL;
    htmlDocPtr doc = NULL;
    bool too_deep = false;
    decoded d;
    cairn_status st;

    bytes_init(&h.text, SIZE_MAX / 4);
    if (!charset)
        charset = declared_charset(in->data, in->len, name);
    st = encoding_decode(&d, in->data, in->len, charset);
    if (st || d.len > INT32_MAX / 2) {
        emit_fail(e, st ? st : CAIRN_ELIMIT, "a page of %zu bytes in %s", in->len, d.name);
        goto done;
    }
    xmlSetStructuredErrorFunc(&too_deep, count_depth_errors);
    ctxt = htmlNewParserCtxt();
    if (ctxt)
        doc = htmlCtxtReadMemory(ctxt, d.text, (int)d.len, NULL, "UTF-8",
                                 HTML_PARSE_RECOVER | HTML_PARSE_NONET | HTML_PARSE_COMPACT |
                                     HTML_PARSE_NODEFDTD);
    if (ctxt && ctxt->lastError.code == XML_ERR_NO_MEMORY)
        emit_fail(e, CAIRN_ELIMIT, "the page does not fit the memory a parser may use");
    if (doc && !e->status) {
        if (!in->part)
            metadata(&h, (xmlNodePtr)doc, 0);
        if (in->titled)
            title_as_heading(&h, (xmlNodePtr)doc);
        page(&h, (xmlNodePtr)doc);
        if (too_deep)
            emit_field(e, FIELD_NOTE, "nested too deeply; the rest of the page was left out", 52);
    }
done:
    xmlSetStructuredErrorFunc(NULL, NULL);
    if (doc)
        xmlFreeDoc(doc);
    if (ctxt)
        htmlFreeParserCtxt(ctxt);
    bytes_clear(&h.text);
    encoding_clear(&d);
    return e->status;
}

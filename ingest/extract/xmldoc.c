/* xmldoc.c - XML of any vocabulary: elements that hold elements are sections, the names on the way to a text
 * its headings; an element with nothing but text is a line "name: text", text with elements in it a paragraph.
 *
 * Attributes are lines, too ("@id: 7"). Descriptions in HTML, as feeds have them, are read as HTML. Of drawings
 * (SVG) only the words. An HTML page or a FictionBook that hides behind .xml goes to its own parser. */
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>

#include "base/utf8.h"
#include "ingest/extract/dates.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/xml.h"

#define XML_BYTES   ((size_t)32 << 20) /* a tree takes several times that */
#define MAX_LEVEL   6
#define LINE_BYTES  ((size_t)400)
#define PIECE_BYTES ((size_t)1200)
#define VALUE_BYTES ((size_t)300) /* of an attribute that is said */
#define NAME_BYTES  200

typedef struct walker {
    emitter *e;
    const parse_input *in;
    bool drawing;
    bytes lines, text;
} walker;

static void flush(walker *w)
{
    if (w->lines.len)
        emit_block(w->e, INGEST_LIST, 0, w->lines.data, w->lines.len);
    bytes_reset(&w->lines);
}

static bool is_blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

/* What stands in an element: elements, text, or both. */
static void look_inside(const xmlNode *n, bool *elements, bool *text)
{
    *elements = *text = false;
    for (const xmlNode *c = n->children; c; c = c->next) {
        *elements |= c->type == XML_ELEMENT_NODE;
        *text |= (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) &&
                 !is_blank((const char *)c->content);
    }
}

/* White space of the markup is not the text's. */
static void put_spaced(bytes *out, const char *s, size_t len, size_t most)
{
    bool space = false, begun = false;

    for (size_t i = 0; i < len && out->len < most; i++) {
        if (strchr(" \t\r\n", s[i]) && s[i]) {
            space = begun;
            continue;
        }
        if (space)
            bytes_append(out, " ", 1);
        space = false;
        begun = true;
        bytes_append(out, s + i, 1);
    }
}

static void put_line(walker *w, const char *mark, const char *name, const char *value, size_t len)
{
    if (w->lines.len > PIECE_BYTES)
        flush(w);
    if (w->lines.len)
        bytes_append(&w->lines, "\n", 1);
    bytes_printf(&w->lines, "%s%.*s: ", mark, NAME_BYTES, name);
    put_spaced(&w->lines, value, len, w->lines.max - 8);
}

static void give_attributes(walker *w, const xmlNode *n)
{
    for (const xmlAttr *a = n->properties; a && !w->drawing; a = a->next) {
        const char *v = a->children && a->children->content ? (const char *)a->children->content : "";
        size_t len = strlen(v);
        if (!is_blank(v) && !strstr((const char *)a->name, "schemaLocation"))
            put_line(w, "@", (const char *)a->name, v,
                     utf8_floor(v, len < VALUE_BYTES ? len : VALUE_BYTES));
    }
}

static bool is_markup(const bytes *t)
{
    return memmem(t->data, t->len, "</", 2) || memmem(t->data, t->len, "<br", 3) ||
           memmem(t->data, t->len, "<p>", 3);
}

/* An element without elements. */
static void give_leaf(walker *w, const xmlNode *n, unsigned level)
{
    const char *name = (const char *)n->name;
    parse_input html = {.name = "", .charset = "UTF-8", .part = true, .depth = w->in->depth + 1};

    bytes_reset(&w->text);
    xml_text(n, &w->text);
    give_attributes(w, n);
    if (is_blank(w->text.data))
        return;
    if (w->drawing) {
        if (strcmp(name, "style") && strcmp(name, "script"))
            put_line(w, "", name, w->text.data, w->text.len);
    } else if (is_markup(&w->text)) {
        flush(w);
        emit_block(w->e, INGEST_HEADING, level, name, strlen(name));
        html.data = w->text.data;
        html.len = w->text.len;
        parse_html(w->e, &html);
    } else if (w->text.len > LINE_BYTES) {
        flush(w);
        emit_block(w->e, INGEST_HEADING, level, name, strlen(name));
        emit_block(w->e, INGEST_PARAGRAPH, 0, w->text.data, w->text.len);
    } else {
        put_line(w, "", name, w->text.data, w->text.len);
    }
}

/* "item", or "item: the words of its title". */
static void give_heading(walker *w, const xmlNode *n, unsigned level)
{
    static const char *const names[] = {"title", "name", "label", "id", "key"};
    char text[NAME_BYTES * 2 + 8];
    const xmlNode *child = NULL;
    const char *id = "";
    bytes title;

    bytes_init(&title, NAME_BYTES * 4);
    for (size_t i = 0; i < 5 && !title.len; i++) {
        bool elements, words;
        id = xml_attribute(n, names[i]);
        child = xml_child(n, names[i]);
        if (child) {
            look_inside(child, &elements, &words);
            bytes_reset(&w->text);
            xml_text(child, &w->text);
            if (!elements && w->text.len < NAME_BYTES)
                put_spaced(&title, w->text.data ? w->text.data : "", w->text.len, NAME_BYTES);
        }
        if (!title.len && strlen(id) < NAME_BYTES)
            put_spaced(&title, id, strlen(id), NAME_BYTES);
    }
    snprintf(text, sizeof text, title.len ? "%.*s: %.*s" : "%.*s", NAME_BYTES, (const char *)n->name,
             NAME_BYTES, title.data ? title.data : "");
    emit_block(w->e, INGEST_HEADING, level, text, utf8_floor(text, strlen(text)));
    bytes_clear(&title);
}

/* libxml2 lets elements nest 256 deep, which bounds the recursion. */
static void walk(walker *w, const xmlNode *n, unsigned level)
{
    for (const xmlNode *c = n->children; c && !w->e->status; c = c->next) {
        bool elements, text;

        if (c->type != XML_ELEMENT_NODE)
            continue;
        look_inside(c, &elements, &text);
        if (!elements) {
            give_leaf(w, c, level);
        } else if (text) {
            flush(w);
            bytes_reset(&w->text);
            xml_text(c, &w->text);
            bytes_append_byte(&w->text, 0); /* spaced in place: never longer */
            size_t n_bytes = w->text.len - 1;
            bytes spaced;
            bytes_init(&spaced, n_bytes + 16);
            put_spaced(&spaced, w->text.data, n_bytes, n_bytes + 8);
            emit_block(w->e, INGEST_PARAGRAPH, 0, spaced.data ? spaced.data : "", spaced.len);
            bytes_clear(&spaced);
        } else if (w->drawing) {
            walk(w, c, level);
        } else {
            flush(w);
            give_heading(w, c, level);
            give_attributes(w, c);
            walk(w, c, level < MAX_LEVEL ? level + 1 : MAX_LEVEL);
            flush(w);
        }
    }
}

static void take_metadata(walker *w, const xmlNode *root)
{
    static const struct {
        const char *name;
        document_field field;
    } known[] = {
        {"title", FIELD_TITLE},     {"creator", FIELD_AUTHOR},     {"author", FIELD_AUTHOR},
        {"language", FIELD_LANG},   {"date", FIELD_DATE},          {"pubDate", FIELD_DATE},
        {"updated", FIELD_DATE},
    };
    const xmlNode *head = xml_child(root, "channel");
    int64_t ns;

    if (!head)
        head = xml_child(root, "head");
    if (!head)
        head = xml_child(root, "info");
    if (!head)
        head = root;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const xmlNode *n = xml_child(head, known[i].name);
        bytes v;
        if (!n)
            continue;
        bytes_reset(&w->text);
        bytes_init(&v, 4096);
        xml_text(n, &w->text);
        put_spaced(&v, w->text.data ? w->text.data : "", w->text.len, 2000);
        if (v.len && known[i].field == FIELD_DATE) {
            if (date_parse(v.data, v.len, &ns))
                emit_number(w->e, FIELD_DATE, ns);
        } else if (v.len && known[i].field == FIELD_LANG) {
            emit_field(w->e, FIELD_LANG, v.data, v.len < 2 ? v.len : 2);
        } else if (v.len) {
            emit_field(w->e, known[i].field, v.data, utf8_floor(v.data, v.len));
        }
        bytes_clear(&v);
    }
}

static void give_document(walker *w, const parse_input *in, xmlDocPtr doc, const xmlNode *root)
{
    bool elements, text;

    w->drawing = xml_is(root, "svg");
    if (!in->part) {
        take_metadata(w, root);
        emit_field(w->e, FIELD_TITLE, in->name, strlen(in->name)); /* where it has none */
    }
    for (const xmlNode *c = doc->children; c; c = c->next) /* a licence, who made it */
        if (c->type == XML_COMMENT_NODE && c->content)
            emit_block(w->e, INGEST_PARAGRAPH, 0, (const char *)c->content,
                       strlen((const char *)c->content));
    look_inside(root, &elements, &text);
    if (!elements) {
        give_leaf(w, root, 1);
    } else {
        give_attributes(w, root);
        walk(w, root, 1);
    }
    flush(w);
}

cairn_status parse_xml(emitter *e, const parse_input *in)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                        XML_PARSE_NOCDATA | XML_PARSE_RECOVER | XML_PARSE_COMPACT;
    walker w = {.e = e, .in = in};
    xmlParserCtxtPtr parser = in->len <= XML_BYTES ? xmlNewParserCtxt() : NULL;
    xmlDocPtr doc = NULL;
    const xmlNode *root;
    bool damaged = false;

    if (parser) {
        doc = xmlCtxtReadMemory(parser, in->data, (int)in->len, NULL, NULL, options);
        damaged = !parser->wellFormed;
        xmlFreeParserCtxt(parser);
    }
    root = doc ? xmlDocGetRootElement(doc) : NULL;
    if (!root || (!root->children && !root->properties)) {
        xmlFreeDoc(doc);
        return parse_code(e, in);
    }
    if (xml_is(root, "html") || xml_is(root, "FictionBook")) {
        bool book = xml_is(root, "FictionBook");
        xmlFreeDoc(doc);
        return book ? parse_fb2(e, in) : parse_html(e, in);
    }
    bytes_init(&w.lines, XML_BYTES * 2);
    bytes_init(&w.text, XML_BYTES * 2);
    give_document(&w, in, doc, root);
    if (damaged && !in->part)
        emit_field(e, FIELD_NOTE, "damaged XML: what stands behind the damage may be missing", 56);
    bytes_clear(&w.lines);
    bytes_clear(&w.text);
    xmlFreeDoc(doc);
    return e->status;
}

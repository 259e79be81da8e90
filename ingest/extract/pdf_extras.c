/* pdf_extras.c - see pdf_extras.h. */
#include "ingest/extract/pdf_extras.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/extract/xml.h"

#define XMP_BYTES   ((size_t)1 << 20)
#define LINKS_MAX   1000 /* of a document */
#define LABEL_BYTES 200
#define LINK_BYTES  2000

/* ---- on the pages ---- */

/* Values of filled-in form fields and the words of notes: they are not among the page's own
 * characters. */
static void give_fields_and_notes(PopplerPage *page, bytes *out)
{
    GList *fields = poppler_page_get_form_field_mapping(page);
    GList *notes = poppler_page_get_annot_mapping(page);

    for (GList *l = fields; l; l = l->next) {
        PopplerFormField *field = ((PopplerFormFieldMapping *)l->data)->field;
        char *name, *value;

        if (poppler_form_field_get_field_type(field) != POPPLER_FORM_FIELD_TEXT ||
            poppler_form_field_text_is_password(field))
            continue;
        name = poppler_form_field_get_name(field);
        value = poppler_form_field_text_get_text(field);
        if (value && *value)
            bytes_printf(out, "%s%.200s%s%.4000s", out->len ? "\n" : "", name ? name : "",
                         name && *name ? ": " : "", value);
        g_free(name);
        g_free(value);
    }
    for (GList *l = notes; l; l = l->next) {
        PopplerAnnot *note = ((PopplerAnnotMapping *)l->data)->annot;
        PopplerAnnotType type = poppler_annot_get_annot_type(note);
        char *words = NULL;

        if (type == POPPLER_ANNOT_TEXT || type == POPPLER_ANNOT_FREE_TEXT ||
            type == POPPLER_ANNOT_HIGHLIGHT)
            words = poppler_annot_get_contents(note);
        if (words && *words)
            bytes_printf(out, "%s%.4000s", out->len ? "\n" : "", words);
        g_free(words);
    }
    poppler_page_free_form_field_mapping(fields);
    poppler_page_free_annot_mapping(notes);
}

/* Does it lead out of the document, to something that has an address? */
static bool is_address(const char *uri)
{
    static const char *const schemes[] = {"http://", "https://", "ftp://", "mailto:", "doi:"};

    for (size_t i = 0; uri && i < sizeof schemes / sizeof *schemes; i++)
        if (!strncasecmp(uri, schemes[i], strlen(schemes[i])))
            return strlen(uri) <= LINK_BYTES;
    return false;
}

/* A page's characters and where each stands. */
typedef struct placed_text {
    char *text;
    PopplerRectangle *at;
    guint n;
} placed_text;

/* The characters whose middle lies in the link's area, on one line. Areas count from the foot of the page, characters
 * from its head. */
static void put_label(const placed_text *t, const PopplerRectangle *area, double height, bytes *out)
{
    const char *c = t->text ? t->text : "";

    bytes_reset(out);
    for (guint i = 0; i < t->n && *c; i++, c = g_utf8_next_char(c)) {
        double x = (t->at[i].x1 + t->at[i].x2) / 2, y = height - (t->at[i].y1 + t->at[i].y2) / 2;
        bool space = strchr(" \n\t\r\f", *c) != NULL;
        if (x < area->x1 || x > area->x2 || y < area->y1 || y > area->y2 || (space && !out->len))
            continue;
        if (bytes_append(out, space ? " " : c, space ? 1 : (size_t)(g_utf8_next_char(c) - c)))
            break;
    }
    while (out->len && out->data[out->len - 1] == ' ')
        out->len--;
}

/* "label: address". An address that the page prints itself is known from there; of a link over several lines, which is
 * one annotation a line, one is enough. */
static void give_link(const PopplerLinkMapping *m, const placed_text *t, double height, bytes *label, size_t *left,
                      bytes *out)
{
    const char *uri = m->action && m->action->type == POPPLER_ACTION_URI ? m->action->uri.uri : NULL, *bare;

    if (!*left || !is_address(uri))
        return;
    bare = strstr(uri, "://") ? strstr(uri, "://") + 3 : strchr(uri, ':') + 1;
    if ((t->text && strstr(t->text, bare)) || (out->len && strstr(out->data, uri)))
        return;
    put_label(t, &m->area, height, label);
    bytes_printf(out, "%s%.*s%s%s", out->len ? "\n" : "", label->len <= LABEL_BYTES ? (int)label->len : 0,
                 label->data ? label->data : "", label->len && label->len <= LABEL_BYTES ? ": " : "", uri);
    --*left;
}

static void give_links(PopplerPage *page, size_t *left, bytes *out)
{
    GList *links = poppler_page_get_link_mapping(page);
    placed_text t = {0};
    double width, height;
    bytes label;

    if (links) {
        t.text = poppler_page_get_text(page);
        if (!poppler_page_get_text_layout(page, &t.at, &t.n))
            t.n = 0;
    }
    bytes_init(&label, (size_t)1 << 20);
    poppler_page_get_size(page, &width, &height);
    for (GList *l = g_list_last(links); l; l = l->prev) /* Poppler lists the last first */
        give_link(l->data, &t, height, &label, left, out);
    bytes_clear(&label);
    g_free(t.text);
    g_free(t.at);
    poppler_page_free_link_mapping(links);
}

/* After the text of all pages, so that paragraphs stay whole. */
void pdf_extras(emitter *e, PopplerDocument *doc, size_t n_pages)
{
    size_t links = LINKS_MAX;
    bytes words;

    bytes_init(&words, (size_t)4 << 20);
    for (size_t i = 0; i < n_pages && !e->status; i++) {
        PopplerPage *page = poppler_document_get_page(doc, (int)i);

        if (!page)
            continue;
        bytes_reset(&words);
        give_fields_and_notes(page, &words);
        give_links(page, &links, &words);
        e->page = (uint32_t)i + 1;
        emit_block(e, INGEST_PARAGRAPH, 0, words.data ? words.data : "", words.len);
        g_object_unref(page);
    }
    bytes_clear(&words);
}

/* ---- what it says of itself ---- */

typedef struct known {
    bool title, author, subject, keywords;
} known;

/* Takes the string over. Was there one? */
static bool take_string(emitter *e, document_field field, const char *key, char *s)
{
    bool any = s && *s;

    if (any) {
        if (field == FIELD_META)
            emit_meta(e, key, s, strlen(s));
        else
            emit_field(e, field, s, strlen(s));
    }
    g_free(s);
    return any;
}

static void take_date(emitter *e, document_field field, GDateTime *date)
{
    if (!date)
        return;
    if (g_date_time_to_unix(date) > 0 && g_date_time_to_unix(date) < INT64_C(8000000000))
        emit_number(e, field, g_date_time_to_unix(date) * 1000000000);
    g_date_time_unref(date);
}

/* Titles that programs give by themselves. */
static bool is_title(const char *s)
{
    static const char *const useless[] = {"untitled",   "unbenannt", "microsoft word", "slide 1", "powerpoint presentation",
                                          "document1"};

    for (size_t i = 0; s && i < sizeof useless / sizeof *useless; i++)
        if (!strncasecmp(s, useless[i], strlen(useless[i])))
            return false;
    return s != NULL;
}

static known read_info(emitter *e, PopplerDocument *doc)
{
    char *title = poppler_document_get_title(doc);
    known k = {0};

    if (is_title(title))
        k.title = take_string(e, FIELD_TITLE, NULL, title);
    else
        g_free(title);
    k.author = take_string(e, FIELD_AUTHOR, NULL, poppler_document_get_author(doc));
    k.subject = take_string(e, FIELD_META, "subject", poppler_document_get_subject(doc));
    k.keywords = take_string(e, FIELD_META, "keywords", poppler_document_get_keywords(doc));
    take_date(e, FIELD_DATE, poppler_document_get_modification_date_time(doc));
    take_date(e, FIELD_CREATED, poppler_document_get_creation_date_time(doc));
    return k;
}

/* The texts of an element that holds one, or a list of them (rdf:Bag, Seq), or one in several languages (rdf:Alt, of
 * which the first is meant for everyone), joined by "; ". */
static void read_list(const xmlNode *element, bytes *out)
{
    xmlNodePtr alternatives = xml_child(element, "Alt"), list = alternatives;

    if (!list)
        list = xml_child(element, "Bag");
    if (!list)
        list = xml_child(element, "Seq");
    bytes_reset(out);
    if (!list)
        xml_text(element, out);
    for (xmlNodePtr li = list ? list->children : NULL; li; li = li->next) {
        if (!xml_is(li, "li"))
            continue;
        if (out->len)
            bytes_append_str(out, "; ");
        xml_text(li, out);
        if (alternatives)
            break;
    }
}

static bool is_dublin_core(const xml_stream *x, const char *name)
{
    const xmlChar *space = xmlTextReaderConstNamespaceUri(x->reader);

    return xml_at(x, name) && space && !strcmp((const char *)space, "http://purl.org/dc/elements/1.1/");
}

/* The packet's own elements of Dublin Core; what the information dictionary said stands. */
static void read_xmp(emitter *e, const char *packet, size_t len, known k)
{
    enum { TITLE };
    const struct {
        const char *name;
        bool known;
        document_field field;
        const char *key;
    } wanted[] = {{"title", k.title, FIELD_TITLE, NULL},
                  {"creator", k.author, FIELD_AUTHOR, NULL},
                  {"description", k.subject, FIELD_META, "subject"},
                  {"subject", k.keywords, FIELD_META, "keywords"}};
    bytes part, value;
    xml_stream x;
    bool taken[4] = {0};

    bytes_init(&part, XMP_BYTES);
    bytes_init(&value, XMP_BYTES);
    if (!bytes_append(&part, packet, len) && xml_open(&x, &part)) {
        while (xml_next(&x))
            for (size_t i = 0; i < 4; i++) {
                xmlNodePtr at;
                if (taken[i] || wanted[i].known || !is_dublin_core(&x, wanted[i].name))
                    continue;
                at = xml_subtree(&x);
                if (!at)
                    break;
                read_list(at, &value);
                taken[i] = value.len > 0;
                if (i == TITLE && !is_title(value.len ? value.data : NULL))
                    break;
                if (value.len && wanted[i].key)
                    emit_meta(e, wanted[i].key, value.data, value.len);
                else if (value.len)
                    emit_field(e, wanted[i].field, value.data, value.len);
                break;
            }
        xml_close(&x);
    }
    bytes_clear(&part);
    bytes_clear(&value);
}

void pdf_metadata(emitter *e, PopplerDocument *doc)
{
    known k = read_info(e, doc);
    char *packet = k.title && k.author && k.subject && k.keywords ? NULL : poppler_document_get_metadata(doc);

    if (packet && strlen(packet) < XMP_BYTES)
        read_xmp(e, packet, strlen(packet), k);
    g_free(packet);
}

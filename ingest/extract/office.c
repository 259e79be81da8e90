/* office.c - which kind of package a zip is, and the metadata of OOXML.
 *
 * OOXML: "_rels/.rels" names the main part by the relationship type officeDocument; the content
 * type or the part's folder says which application. OpenDocument and EPUB begin with a part
 * "mimetype". */
#include "ingest/extract/office.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ingest/extract/dates.h"
#include "ingest/extract/ocr.h"
#include "ingest/extract/refuse.h"

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."

#define MAX_PICTURES 200

/* The part that holds the relationships of `part`: folder/_rels/name.rels. */
static bool relations_of(const char *part, char *out)
{
    const char *slash = strrchr(part, '/');
    int folder = slash ? (int)(slash - part) + 1 : 0;

    return (size_t)snprintf(out, OFFICE_PATH, "%.*s_rels/%s.rels", folder, part, part + folder) <
           OFFICE_PATH;
}

static bool type_ends(const char *type, const char *word)
{
    size_t n = strlen(type), m = strlen(word);

    return n > m && type[n - m - 1] == '/' && !strcmp(type + n - m, word);
}

bool office_relation(office *o, const char *part, const char *id, const char *type, char *target)
{
    size_t slot = strcmp(part, o->main_part) != 0;
    char rels[OFFICE_PATH];
    xml_stream x;
    bool found = false;

    if (!relations_of(part, rels))
        return false;
    if (strcmp(rels, o->rels_of[slot]) != 0) {
        o->rels_of[slot][0] = 0;
        if (!package_read(o->p, rels, &o->rels[slot]))
            return false;
        snprintf(o->rels_of[slot], sizeof o->rels_of[slot], "%s", rels);
    }
    if (xml_open(&x, &o->rels[slot])) {
        while (!found && xml_next(&x)) {
            xmlNodePtr n;
            if (!xml_at(&x, "Relationship") || !(n = xml_subtree(&x)))
                continue;
            if (!strcmp(xml_attribute(n, "TargetMode"), "External"))
                continue;
            if (id ? !strcmp(xml_attribute(n, "Id"), id)
                   : type_ends(xml_attribute(n, "Type"), type))
                found = package_resolve(part, xml_attribute(n, "Target"), target, OFFICE_PATH);
        }
        xml_close(&x);
    }
    return found;
}

static void drawing_words(xmlNodePtr n, bytes *out, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (xml_is(c, "t")) {
            xml_text(c, out);
        } else if (xml_is(c, "p")) {
            bytes_append(out, "\n", out->len ? 1 : 0);
            drawing_words(c, out, depth + 1);
        } else if (xml_is(c, "br")) {
            bytes_append(out, " ", 1);
        } else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "Fallback")) {
            drawing_words(c, out, depth + 1);
        }
    }
}

void office_drawing_words(xmlNodePtr n, bytes *out)
{
    drawing_words(n, out, 0);
}

/* Titles are DrawingML; names lie in caches of texts (c:strCache), values in caches of numbers, which are
 * those of a table elsewhere. */
static void chart_words(xmlNodePtr n, bytes *out, unsigned depth)
{
    if (depth > XML_DEPTH)
        return;
    for (xmlNodePtr c = n->children; c; c = c->next) {
        if (xml_is(c, "strCache")) {
            for (xmlNodePtr p = c->children; p; p = p->next)
                if (xml_is(p, "pt")) {
                    bytes_append(out, "\n", out->len ? 1 : 0);
                    xml_text(p, out);
                }
        } else if (xml_is(c, "rich")) {
            drawing_words(c, out, depth + 1);
        } else if (c->type == XML_ELEMENT_NODE && !xml_is(c, "Fallback")) {
            chart_words(c, out, depth + 1);
        }
    }
}

void office_chart(office *o, const char *part, const char *id, bytes *out)
{
    char target[OFFICE_PATH];
    bytes xml;
    xml_stream x;

    if (!*id || !office_relation(o, part, id, NULL, target))
        return;
    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(o->p, target, &xml) && xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_at(&x, "chart") ? xml_subtree(&x) : NULL;
            if (n)
                chart_words(n, out, 0);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

void office_damage(office *o, const xml_stream *x)
{
    static const char note[] = "its XML is damaged or cut short; the end is missing";

    if (x->broken && !o->e->n_blocks)
        emit_fail(o->e, CAIRN_EINPUT, "broken: its XML is damaged");
    else if (x->broken)
        emit_field(o->e, FIELD_NOTE, note, sizeof note - 1);
}

static void core_element(office *o, xmlNodePtr n)
{
    static const struct {
        const char *name;
        document_field field;
        const char *key;
    } known[] = {
        {"title", FIELD_TITLE, NULL},         {"creator", FIELD_AUTHOR, NULL},
        {"language", FIELD_LANG, NULL},       {"modified", FIELD_DATE, NULL},
        {"created", FIELD_CREATED, NULL},     {"subject", FIELD_META, "subject"},
        {"keywords", FIELD_META, "keywords"}, {"description", FIELD_META, "description"},
    };
    bytes text;
    int64_t ns;

    bytes_init(&text, (size_t)1 << 20);
    xml_text(n, &text);
    for (size_t i = 0; text.len && i < sizeof known / sizeof *known; i++) {
        document_field f = known[i].field;
        if (!xml_is(n, known[i].name))
            continue;
        if (f == FIELD_META)
            emit_meta(o->e, known[i].key, text.data, text.len);
        else if (f == FIELD_LANG)
            emit_field(o->e, f, text.data, text.len < 2 ? text.len : 2);
        else if (f < FIELD_META)
            emit_field(o->e, f, text.data, text.len);
        else if (date_parse(text.data, text.len, &ns))
            emit_number(o->e, f, ns);
    }
    bytes_clear(&text);
}

void office_core_metadata(office *o)
{
    char part[OFFICE_PATH];
    bytes xml;
    xml_stream x;

    bytes_init(&xml, PACKAGE_MAX_PART);
    if (office_relation(o, "", NULL, "core-properties", part) && package_read(o->p, part, &xml) &&
        xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_depth(&x) == 1 ? xml_subtree(&x) : NULL;
            if (n)
                core_element(o, n);
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

/* The content type that [Content_Types].xml gives this part; "" when it says nothing. */
static void content_type(office *o, const char *part, char *out, size_t cap)
{
    bytes xml;
    xml_stream x;

    *out = 0;
    bytes_init(&xml, PACKAGE_MAX_PART);
    if (package_read(o->p, "[Content_Types].xml", &xml) && xml_open(&x, &xml)) {
        while (xml_next(&x)) {
            xmlNodePtr n = xml_at(&x, "Override") ? xml_subtree(&x) : NULL;
            const char *name = n ? xml_attribute(n, "PartName") : "";
            if (*name == '/' && !strcasecmp(name + 1, part))
                snprintf(out, cap, "%s", xml_attribute(n, "ContentType"));
        }
        xml_close(&x);
    }
    bytes_clear(&xml);
}

static void ooxml(office *o, const char *main_part)
{
    static const struct {
        const char *word, *folder, *mime;
        void (*parse)(office *, const char *);
    } kinds[] = {
        {"wordprocessingml", "word/", OOXML "wordprocessingml.document", docx_parse},
        {"ms-word", "word/", OOXML "wordprocessingml.document", docx_parse},
        {"presentationml", "ppt/", OOXML "presentationml.presentation", pptx_parse},
        {"ms-powerpoint", "ppt/", OOXML "presentationml.presentation", pptx_parse},
        {"spreadsheetml", "xl/", OOXML "spreadsheetml.sheet", xlsx_parse},
        {"ms-excel.sheet.macro", "xl/", OOXML "spreadsheetml.sheet", xlsx_parse},
    };
    char type[256];

    content_type(o, main_part, type, sizeof type);
    for (int pass = 0; pass < 2; pass++) /* by type; a file that declares none, by its folder */
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (pass ? !strncmp(main_part, kinds[i].folder, strlen(kinds[i].folder)) && !*type
                     : strstr(type, kinds[i].word) != NULL) {
                emit_field(o->e, FIELD_MIME, kinds[i].mime, strlen(kinds[i].mime));
                office_core_metadata(o);
                kinds[i].parse(o, main_part);
                return;
            }
    if (strstr(type, "sheet.binary"))
        emit_fail(o->e, CAIRN_EUNSUPPORTED, "no parser for a binary sheet of Excel (.xlsb): save it as XLSX, and index that");
    else
        refuse_type(o->e, *type ? type : "this office package");
}

/* OpenDocument and EPUB. False: it is neither. */
static bool by_mimetype(office *o)
{
    bytes type;
    bool known = true;

    bytes_init(&type, PACKAGE_MAX_PART);
    if (!package_read(o->p, "mimetype", &type)) {
        bytes_clear(&type);
        return o->e->status != CAIRN_OK;
    }
    while (type.len && strchr(" \r\n", type.data[type.len - 1]))
        type.data[--type.len] = 0;
    if (!strcmp(type.data, "application/epub+zip")) {
        emit_field(o->e, FIELD_MIME, type.data, type.len);
        epub_parse(o);
    } else if (!strncmp(type.data, ODF "text", strlen(ODF "text")) ||
               !strncmp(type.data, ODF "spreadsheet", strlen(ODF "spreadsheet")) ||
               !strncmp(type.data, ODF "presentation", strlen(ODF "presentation"))) {
        emit_field(o->e, FIELD_MIME, type.data, type.len);
        odf_metadata(o);
        odf_parse(o, type.data[strlen(ODF)] == 'p');
    } else {
        known = false;
    }
    bytes_clear(&type);
    return known;
}

/* Whole files that an office document carries: embedded documents, and texts in other formats that it shows
 * (ECMA-376 part 1, 17.17.2). Each becomes a member; objects in OLE containers have no parser. */
static void embedded_files(office *o)
{
    unpack_budget own = {.packed = o->in->len};
    parse_input around = *o->in;
    const char *name, *last;
    bytes data;

    if (!around.budget)
        around.budget = &own;
    bytes_init(&data, PACKAGE_MAX_PART);
    for (size_t i = 0; !o->e->status && (name = package_name(o->p, i)); i++) {
        last = strrchr(name, '/');
        if (!last || (!strstr(name, "/embeddings/") && strncasecmp(last, "/afchunk", 8)) ||
            !strncasecmp(last, "/oleObject", 10) || !last[1])
            continue;
        if (++around.budget->files > UNPACK_MAX_FILES)
            break;
        if (!package_read(o->p, name, &data)) {
            if (o->e->status != CAIRN_EINPUT)
                break;
            o->e->status = CAIRN_OK; /* its damage is its own, and the document around it is read */
            emit_field(o->e, FIELD_NOTE, "an embedded file is damaged", 27);
            continue;
        }
        around.budget->unpacked += data.len;
        if (around.budget->unpacked > UNPACK_MAX_TOTAL)
            break;
        parse_member(o->e, &around, last + 1, data.data ? data.data : "", data.len, 0);
    }
    bytes_clear(&data);
}

/* The words in a document's pictures stand at its end, where images are read at all. */
static void pictures(office *o)
{
    static const char *const folders[] = {"word/media/", "ppt/media/", "xl/media/", "Pictures/"};
    static const char *const kinds[] = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp"};
    const char *name;
    size_t n = 0;
    bytes data;

    if (!ocr_takes_images())
        return;
    o->e->page = 0;
    bytes_init(&data, PACKAGE_MAX_PART);
    for (size_t i = 0; !o->e->status && (name = package_name(o->p, i)) && n < MAX_PICTURES; i++) {
        const char *dot = strrchr(name, '.');
        bool here = false, picture = false;
        for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
            here |= !strncmp(name, folders[k], strlen(folders[k]));
        for (size_t k = 0; here && dot && k < sizeof kinds / sizeof *kinds; k++)
            picture |= !strcasecmp(dot, kinds[k]);
        if (!picture)
            continue;
        n++;
        if (!package_read(o->p, name, &data)) {
            if (o->e->status != CAIRN_EINPUT)
                break;
            o->e->status = CAIRN_OK; /* a damaged picture costs its own words */
            continue;
        }
        if (!ocr_picture(o->e, data.data ? data.data : "", data.len)) {
            emit_field(o->e, FIELD_NOTE, "the words in some of its pictures were not read: no time was left", 65);
            break;
        }
    }
    bytes_clear(&data);
}

/* Whether the first file of a zip has a name, and none that documents begin with: their parts alone are
 * nothing to read. (PKWARE's APPNOTE, 4.3.7: the name's length at 26, the name at 30.) */
static bool begins_an_archive(const parse_input *in)
{
    static const char *const documents[] = {"[Content_Types].xml", "_rels/", "docProps/", "word/", "xl/", "ppt/",
                                            "customXml/", "mimetype", "META-INF/", "content.xml", "OEBPS/"};
    const uint8_t *head = (const uint8_t *)in->data;
    size_t len;

    if (in->len < 30 || memcmp(head, "PK\3\4", 4))
        return false;
    len = head[26] | (size_t)head[27] << 8;
    if (len == 0 || len > in->len - 30)
        return false;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        size_t n = strlen(documents[i]);
        if (n <= len && !memcmp(head + 30, documents[i], n))
            return false;
    }
    return true;
}

/* A zip that was cut short, or written by who could not go back: libarchive reads it from its front. */
static cairn_status without_directory(emitter *e, const parse_input *in)
{
    static const char note[] = "damaged: its zip has no directory; read as an archive, as far as it goes";

    e->status = CAIRN_OK;
    parse_archive(e, in);
    if (e->status == CAIRN_EINPUT || (!e->status && !e->n_blocks)) {
        e->status = CAIRN_OK; /* of the two reasons the plain one */
        return emit_fail(e, CAIRN_EINPUT, "broken: its zip cannot be read");
    }
    emit_field(e, FIELD_NOTE, note, sizeof note - 1);
    return e->status;
}

cairn_status parse_package(emitter *e, const parse_input *in)
{
    office o = {.e = e, .in = in};
    char main_part[OFFICE_PATH];

    for (size_t i = 0; i < 2; i++)
        bytes_init(&o.rels[i], PACKAGE_MAX_PART);
    o.p = package_open(e, in->data, in->len);
    if (!o.p)
        return e->status == CAIRN_EINPUT && begins_an_archive(in) ? without_directory(e, in) : e->status;
    if (office_relation(&o, "", NULL, "officeDocument", main_part)) {
        snprintf(o.main_part, sizeof o.main_part, "%s", main_part);
        ooxml(&o, main_part);
        if (!e->status)
            pictures(&o);
        if (!e->status)
            embedded_files(&o);
    } else if (!e->status && by_mimetype(&o)) {
        if (!e->status)
            pictures(&o);
    } else if (!e->status && !refuse_package(e, in, o.p)) {
        parse_archive(e, in);
    }
    for (size_t i = 0; i < 2; i++)
        bytes_clear(&o.rels[i]);
    package_close(o.p);
    return e->status;
}

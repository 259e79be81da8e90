/* xml.c - the stream and the little trees of xml.h, by libxml2's reader. */
#include "ingest/extract/xml.h"

#include <limits.h>

bool xml_open(xml_stream *x, const bytes *part)
{
    const int options = XML_PARSE_NONET | XML_PARSE_COMPACT | XML_PARSE_NOERROR |
                        XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;

    *x = (xml_stream){.reader = NULL};
    if (part->len && part->len <= INT_MAX)
        x->reader = xmlReaderForMemory(part->data, (int)part->len, NULL, NULL, options);
    return x->reader != NULL;
}

void xml_close(xml_stream *x)
{
    if (x->reader)
        xmlFreeTextReader(x->reader);
    x->reader = NULL;
}

bool xml_next(xml_stream *x)
{
    int rc;

    do {
        rc = x->skip ? xmlTextReaderNext(x->reader) : xmlTextReaderRead(x->reader);
        x->skip = false;
        if (rc == 1 && xmlTextReaderDepth(x->reader) > XML_DEPTH)
            rc = -1;
    } while (rc == 1 && xmlTextReaderNodeType(x->reader) != XML_READER_TYPE_ELEMENT);
    x->broken = rc < 0;
    return rc == 1;
}

int xml_depth(const xml_stream *x)
{
    return xmlTextReaderDepth(x->reader);
}

bool xml_at(const xml_stream *x, const char *name)
{
    const xmlChar *have = xmlTextReaderConstLocalName(x->reader);

    return have && !strcmp((const char *)have, name);
}

xmlNodePtr xml_subtree(xml_stream *x)
{
    x->skip = true;
    return xmlTextReaderExpand(x->reader);
}

const char *xml_attribute(const xmlNode *n, const char *name)
{
    for (const xmlAttr *a = n->properties; a; a = a->next)
        if (!strcmp((const char *)a->name, name))
            return a->children && a->children->content ? (const char *)a->children->content : "";
    return "";
}

xmlNodePtr xml_child(const xmlNode *n, const char *name)
{
    for (xmlNodePtr c = n->children; c; c = c->next)
        if (xml_is(c, name))
            return c;
    return NULL;
}

/* Depth first, without recursion: a tree of the reader can be deep. */
static xmlNodePtr following(const xmlNode *root, xmlNodePtr at)
{
    if (at->children && at->type == XML_ELEMENT_NODE)
        return at->children;
    while (at != root && !at->next)
        at = at->parent;
    return at == root ? NULL : at->next;
}

xmlNodePtr xml_find(const xmlNode *n, const char *name)
{
    for (xmlNodePtr c = n->children; c; c = following(n, c))
        if (xml_is(c, name))
            return c;
    return NULL;
}

void xml_text(const xmlNode *n, bytes *out)
{
    for (xmlNodePtr c = n->children; c; c = following(n, c))
        if ((c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE) && c->content)
            bytes_append_str(out, (const char *)c->content);
}

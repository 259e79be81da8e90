/* xml.h - reading the XML of office documents: a stream over a part, with one subtree at a time as
 * a small tree.
 *
 * A part may be larger than its tree would be pleasant, so the stream walks it and hands out the
 * subtrees a parser asks for (xml_subtree). Names are compared without their prefixes. Nothing is
 * loaded from outside, and entities of the document's own are not replaced, so none can grow.
 * A broken part gives what stands well before the damage. */
#ifndef CAIRN_INGEST_EXTRACT_XML_H
#define CAIRN_INGEST_EXTRACT_XML_H

#include <stdbool.h>
#include <string.h>

#include <libxml/tree.h>
#include <libxml/xmlreader.h>

#include "base/bytes.h"

/* Deeper than libxml2 lets a document be. */
#define XML_DEPTH 300

typedef struct xml_stream {
    xmlTextReaderPtr reader;
    bool skip;   /* the subtree of the element in hand was taken */
    bool broken; /* the walk ended at damage, not at the end */
} xml_stream;

/* False when memory ran out. The bytes must outlive the stream. */
bool xml_open(xml_stream *x, const bytes *part);
void xml_close(xml_stream *x);
/* Step to the next start of an element. False at the end, or where the part is broken. */
bool xml_next(xml_stream *x);
/* Depth of the element in hand: 0 is the root. */
int xml_depth(const xml_stream *x);
bool xml_at(const xml_stream *x, const char *name);
/* The element in hand with all below it; lives until the next xml_next, which goes on behind it.
 * NULL where it is broken. */
xmlNodePtr xml_subtree(xml_stream *x);

static inline bool xml_is(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, name);
}

/* The attribute's value, whatever its prefix; "" when it is not there. Lives as long as the tree.
 */
const char *xml_attribute(const xmlNode *n, const char *name);
/* The first child (any depth below n when `deep`) of this name, or NULL. */
xmlNodePtr xml_child(const xmlNode *n, const char *name);
xmlNodePtr xml_find(const xmlNode *n, const char *name);
/* Append all text below n as it stands. */
void xml_text(const xmlNode *n, bytes *out);

#endif

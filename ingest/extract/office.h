/* office.h - what the parsers of office documents and e-books share; private to this folder.
 *
 * A file that begins like a zip goes to parse_package (office.c), which finds out what it holds and
 * calls one of the functions below. They give blocks and metadata to p's emitter. */
#ifndef CAIRN_INGEST_EXTRACT_OFFICE_H
#define CAIRN_INGEST_EXTRACT_OFFICE_H

#include "ingest/emit.h"
#include "ingest/extract/package.h"
#include "ingest/extract/parsers.h"
#include "ingest/extract/xml.h"

#define OFFICE_PATH       512
#define OFFICE_BLOCK_ROWS ((size_t)16 << 10) /* bytes of rows a table block */

typedef struct office {
    emitter *e;
    package *p;
    const parse_input *in;
    /* Relationships read last, of the main part and of another: slides and sheets ask again and
     * again. */
    char main_part[OFFICE_PATH], rels_of[2][OFFICE_PATH];
    bytes rels[2];
} office;

/* ---- relationships of OOXML (ECMA-376 part 2, section 9.3) ---- */

/* Target part of the relationship `id` of `part`, or of the first whose type ends in "/" `type`. */
bool office_relation(office *o, const char *part, const char *id, const char *type, char *target);

/* What the chart that `part` refers to by `id` says: titles, names of series and categories, a line each,
 * appended to *out. */
void office_chart(office *o, const char *part, const char *id, bytes *out);

/* The words of the paragraphs of DrawingML below n (a:p), a line each. */
void office_drawing_words(xmlNodePtr n, bytes *out);

/* docProps/core.xml and app.xml, or meta.xml of OpenDocument. */
void office_core_metadata(office *o);
void odf_metadata(office *o);

/* After the walk of a main part: where it broke, the document says so, or is refused when it gave
 * nothing. */
void office_damage(office *o, const xml_stream *x);

void docx_parse(office *o, const char *main_part);
void pptx_parse(office *o, const char *main_part);
void xlsx_parse(office *o, const char *main_part);
void odf_parse(office *o, bool presentation);
void epub_parse(office *o);

#endif

/* pdf_extras.h - what a PDF holds beside the text of its pages: what it says of itself, form fields, notes, links. */
#ifndef CAIRN_INGEST_EXTRACT_PDF_EXTRAS_H
#define CAIRN_INGEST_EXTRACT_PDF_EXTRAS_H

#include <poppler.h>

#include "ingest/emit.h"

/* Title, author, subject, keywords and dates: of the information dictionary, and of the XMP packet (ISO 16684-1) what
 * that does not say. */
void pdf_metadata(emitter *e, PopplerDocument *doc);
/* A paragraph a page that has any: values of form fields, words of notes, and where links lead outside. */
void pdf_extras(emitter *e, PopplerDocument *doc, size_t n_pages);

#endif

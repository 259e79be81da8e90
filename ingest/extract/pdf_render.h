/* pdf_render.h - one page of a PDF as an image with the lines of a passage marked; and which lines
 * those are. */
#ifndef CAIRN_INGEST_EXTRACT_PDF_RENDER_H
#define CAIRN_INGEST_EXTRACT_PDF_RENDER_H

#include "ingest/extract/parsers.h"
#include "ingest/page_image.h"

/* The image is the caller's to clear, also after a failure. CAIRN_EUNSUPPORTED: not a PDF;
 * CAIRN_EINPUT: broken, encrypted, or without that page; CAIRN_ELIMIT. */
cairn_status pdf_render(const parse_input *in, const page_request *want, page_image *out,
                        cairn_error *err);

#endif

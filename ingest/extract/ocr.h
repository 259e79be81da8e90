/* ocr.h - text recognition in the worker: of pages without text, and of images.
 *
 * ocr_load opens the module (ingest/ocr/module.h) before the sandbox closes; the languages are read at the
 * first page, in the sandbox, which may read them. Whatever is missing makes everything here do nothing. */
#ifndef CAIRN_INGEST_EXTRACT_OCR_H
#define CAIRN_INGEST_EXTRACT_OCR_H

#include <poppler.h>

#include "ingest/emit.h"
#include "ingest/extract/parsers.h"

/* `languages` as Tesseract writes them ("eng+deu"); `images`: also images, not only pages of PDFs. */
void ocr_load(const char *languages, bool images);
/* Recognition may take so much processor time from now on; what is left is left out, and the document says so. */
void ocr_set_time(int64_t ms);

/* Is there a module? */
bool ocr_is_on(void);
bool ocr_takes_images(void);

/* Give the text of a page, or of an image file, as paragraphs with the emitter's page. False: the time is up,
 * or the languages cannot be had. */
bool ocr_page(emitter *e, PopplerPage *page);
cairn_status parse_image(emitter *e, const parse_input *in);
/* The same of a picture inside a document, where images are read. False: the time is up, or they are not. */
bool ocr_picture(emitter *e, const char *data, size_t len);

#endif

/* plain.h - plain text to paragraphs and headings. */
#ifndef CAIRN_INGEST_PLAIN_H
#define CAIRN_INGEST_PLAIN_H

#include <stddef.h>

#include "ingest/emit.h"

/* Paragraphs of text[0, len) are divided by empty lines; a short line underlined with ===, ---, ~~~
 * or *** is a heading. With a source set on the emitter, `text` must lie inside it. */
cairn_status plain_blocks(emitter *e, const char *text, size_t len);

/* Code: one block for about PLAIN_CODE_BYTES, divided at empty lines. Same rule for `text`. */
cairn_status plain_code(emitter *e, const char *text, size_t len);

#endif

/* struck.h - words that were struck out, in the marks of Markdown: what parsers of office documents share. */
#ifndef CAIRN_INGEST_EXTRACT_STRUCK_H
#define CAIRN_INGEST_EXTRACT_STRUCK_H

#include <stddef.h>

#include "base/bytes.h"

/* What was appended from `at` on is struck: "~~" goes around it, inside the blanks at its ends. Behind words that
 * were struck just before it goes on with their marks; blanks alone have none. */
void struck_mark(bytes *text, size_t at);

#endif

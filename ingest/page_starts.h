/* page_starts.h - where pages begin inside a document's passages, in few bytes.
 *
 * A passage may go on over the end of a page, and what is cited of it may stand on the next one. For each page that begins
 * inside a passage its number and byte are kept, "2=1830;7=20411", in the document's metadata (PAGE_STARTS_KEY); the bytes
 * are the document's positions (document.h). */
#ifndef CAIRN_INGEST_PAGE_STARTS_H
#define CAIRN_INGEST_PAGE_STARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ingest/chunk.h"

#define PAGE_STARTS_KEY "page_starts"
#define PAGE_STARTS_MAX 32000 /* bytes of all; of a document that needs more the first ones are kept */

/* Append those of the chunks; nothing where no chunk has two pages. CAIRN_ENOMEM. */
cairn_status page_starts_write(const ingest_document *d, const ingest_chunk *chunks, size_t n, bytes *out);

/* The page that byte `at` is on, of pages [first, last]: the last one of those known that begins there or before, or `first`. `starts`
 * may be NULL. */
uint32_t page_at(const char *starts, uint32_t first, uint32_t last, uint64_t at);

#endif

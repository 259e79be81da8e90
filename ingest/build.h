/* build.h - a block_sink that gathers a document in memory.
 *
 *   document_builder b;  builder_init(&b, max_text);  sink = builder_sink(&b);
 *   ... blocks and fields ...
 *   builder_finish(&b, &doc, err)  or  builder_clear(&b)
 *
 * Checks what it is given as if it came from an enemy, because it may: kinds, levels, sizes, order
 * of spans, UTF-8. */
#ifndef CAIRN_INGEST_BUILD_H
#define CAIRN_INGEST_BUILD_H

#include "ingest/document.h"
#include "ingest/emit.h"

#define BUILDER_MAX_META 256

typedef struct document_builder {
    ingest_document *doc; /* NULL before the first block and after finish */
    ingest_block *blocks; /* [cap], moved into the document's arena at the end */
    size_t cap;
    ingest_meta meta[BUILDER_MAX_META];
    size_t max_text;
} document_builder;

cairn_status builder_init(document_builder *b, size_t max_text, cairn_error *err);
void builder_clear(document_builder *b);
block_sink builder_sink(document_builder *b);
/* The document is the caller's; the builder is cleared. Fields never given are "". */
cairn_status builder_finish(document_builder *b, ingest_document **out, cairn_error *err);

#endif

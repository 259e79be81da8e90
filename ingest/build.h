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

#define BUILDER_MAX_META    256
#define BUILDER_MAX_NESTING 6     /* of members inside members */
#define BUILDER_MAX_MEMBERS 20000 /* of one file */
#define BUILDER_MAX_NAME    4096  /* bytes of a member's whole path */

/* A document in the making, and where it stands in the nest. */
typedef struct builder_level {
    ingest_document *doc;
    ingest_block *blocks; /* [cap], moved into the document's arena at the end */
    size_t cap;
    ingest_meta meta[BUILDER_MAX_META];
} builder_level;

typedef struct document_builder {
    builder_level *at[BUILDER_MAX_NESTING + 1]; /* at[0]: the file itself */
    size_t depth;                               /* at[depth] is in hand */
    ingest_document *members, **last;           /* those that are complete */
    size_t n_members;
    size_t max_text, text_bytes; /* of all together */
} document_builder;

cairn_status builder_init(document_builder *b, size_t max_text, cairn_error *err);
void builder_clear(document_builder *b);
block_sink builder_sink(document_builder *b);
/* Close what is open: the member in hand could not be read for this reason, and those around it are
 * complete as far as they came. False: no member is open or complete, and nothing was closed. */
bool builder_salvage(document_builder *b, cairn_status status, const char *reason);
/* The document is the caller's; the builder is cleared. Fields never given are "". */
cairn_status builder_finish(document_builder *b, ingest_document **out, cairn_error *err);

#endif

/* chunk.h - a document cut into passages for search and embedding.
 *
 * By structure, the default: a passage never crosses into a section of a higher level, and prefers to end
 * between blocks, then sentences, then words. Code is cut at empty lines, a table between rows with
 * its header repeated. No cut falls inside a UTF-8 character. The same document and options always
 * give the same chunks.
 *
 * Every block's text is in some chunk: joining text + fresh of all chunks gives all texts, apart
 * from white space at the seams and from headings, which may stand in `heading` instead.
 *
 * Threads  reentrant. */
#ifndef CAIRN_INGEST_CHUNK_H
#define CAIRN_INGEST_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "ingest/document.h"

#define CHUNK_MAX_TOKENS     256
#define CHUNK_OVERLAP_TOKENS 32

/* How a document is cut. All count tokens with the same counter, lose no text and never cut a character. */
typedef enum chunk_method {
    CHUNK_STRUCTURE = 0, /* sections and blocks first, small neighbours together */
    CHUNK_PARAGRAPH,     /* a passage each block, however small; larger ones at sentences */
    CHUNK_SENTENCE,      /* as many whole sentences as fit, across blocks of a section */
    CHUNK_WINDOW,        /* windows of max_tokens, wherever that is; each begins overlap_tokens before the last one's end */
    CHUNK_METHODS
} chunk_method;

const char *chunk_method_name(chunk_method m);
/* False: no method has this name. */
bool chunk_method_parse(const char *name, chunk_method *out);
/* The method for a file, of a list as a person writes it: "sentence, srt:paragraph, log:window" is sentence, but for
 * names that end with .srt or .log. False: the list is no such thing, and *out is CHUNK_STRUCTURE. */
bool chunk_method_for(const char *list, const char *file_name, chunk_method *out);

typedef struct chunk_options {
    chunk_method method;
    size_t max_tokens;     /* of the text alone; 0 = CHUNK_MAX_TOKENS */
    size_t overlap_tokens; /* at most this much of the passage before; SIZE_MAX = none,
                              0 = CHUNK_OVERLAP_TOKENS (less than max_tokens / 2 in any case) */
    /* Tokens of text[0, len), without special tokens. Asked about each piece of text about once.
     * NULL: a guess from bytes and scripts. */
    size_t (*count_tokens)(void *ctx, const char *text, size_t len);
    void *ctx;
} chunk_options;

typedef struct ingest_chunk {
    const char *text; /* [len], NUL behind it */
    size_t len;
    size_t fresh;        /* text[0, fresh) repeats earlier text: overlap or a table's header */
    const char *heading; /* heading path joined by " > ", "" = none */
    uint64_t byte_start, byte_end;  /* the document's positions, of text from its overlap on (a
                                       repeated table header is not counted) */
    uint32_t page_first, page_last; /* 0 = no pages */
    uint32_t line_first, line_last; /* 0 = unknown */
    size_t n_tokens;                /* summed over the pieces, so a close upper estimate */
} ingest_chunk;

/* Chunks and their strings live in `memory`. *n is 0 for a document without text.
 * Errors: CAIRN_ENOMEM (also past the arena's maximum), CAIRN_EUSAGE for max_tokens < 8. */
cairn_status chunk_document(const ingest_document *doc, const chunk_options *options,
                            ingest_chunk **out, size_t *n, arena *memory, cairn_error *err);

#endif

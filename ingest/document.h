/* document.h - what a file says, as a flat list of blocks in reading order.
 *
 * All texts are valid UTF-8 in normal form C and end in a NUL; strings are never NULL ("" when
 * absent). Block texts never hold a NUL.
 *
 * Byte positions (byte_start, byte_end) count bytes
 *   - of the file, when positions is INGEST_POSITIONS_FILE: UTF-8 text, code, Markdown, tables in
 *     CSV. The range may hold markup that the block's text does not.
 *   - of the extracted text, when it is INGEST_POSITIONS_TEXT: PDF, HTML, mail, text in another
 *     encoding, and whatever was compressed. The extracted text is all block texts in order with
 *     "\n\n" between two (ingest_document_text builds it).
 *
 * Owns     an ingest_document owns its blocks and strings; ingest_document_free ends them all.
 * Threads  read-only after it was made. */
#ifndef CAIRN_INGEST_DOCUMENT_H
#define CAIRN_INGEST_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

typedef enum ingest_block_kind {
    INGEST_HEADING = 1, /* level 1..6 */
    INGEST_PARAGRAPH,
    INGEST_LIST,  /* one item a line, nested items indented by two spaces */
    INGEST_TABLE, /* one row a line, cells joined by " | "; level = leading header lines, 0 or 1 */
    INGEST_CODE,  /* verbatim */
    INGEST_QUOTE,
    INGEST_SYMBOL, /* level 1..6: names the code behind it as a heading does, which holds its text already */
} ingest_block_kind;

typedef enum ingest_positions { INGEST_POSITIONS_FILE = 1, INGEST_POSITIONS_TEXT } ingest_positions;

/* From text offset `text` on, file position = file + (offset - text), until the next span. */
typedef struct ingest_span {
    uint32_t text;
    uint64_t file;
} ingest_span;

typedef struct ingest_block {
    ingest_block_kind kind;
    uint8_t level;
    uint32_t page;                  /* 1-based; 0 = the format has no pages */
    uint32_t line_first, line_last; /* 1-based lines of the file; 0 = unknown */
    uint64_t byte_start, byte_end;
    const char *text;
    size_t len;
    const ingest_span *spans; /* ascending; NULL: position = byte_start + offset */
    size_t n_spans;
} ingest_block;

typedef struct ingest_meta {
    const char *key, *value;
} ingest_meta;

typedef struct ingest_document {
    const char *mime;   /* "text/markdown", "application/pdf"... */
    const char *title;  /* the document's own, else its file name without extension */
    const char *author; /* several: joined by "; " */
    const char *lang;   /* ISO 639-1 ("de", "zh"), "" = unknown or too little text */
    const char *note;   /* what a reader should know: "no text layer", "" = nothing */
    int64_t date_ns;    /* the document's own last date, since 1970 UTC; 0 = none known */
    int64_t created_ns; /* its own first date; 0 = none known */
    uint8_t hash[16];   /* XXH3-128 of the file bytes, canonical (big-endian) form */
    uint64_t size;      /* file bytes */
    int64_t mtime_ns;   /* of the file when it was opened */
    uint32_t n_pages;   /* 0 = no pages */
    ingest_positions positions;
    const ingest_meta *meta; /* the rest: "to", "message-id", "encoding", "keywords"... */
    size_t n_meta;
    const ingest_block *blocks;
    size_t n_blocks;
    size_t text_bytes; /* sum of len over the blocks */
    /* A file that holds files (an archive, a mail with attachments) has them as members, all of them in
     * one list, also those of an archive inside an archive. A member has a name, its path inside the
     * outermost file with "!/" between two containers ("old.zip!/notes/a.txt"); size, mtime_ns and hash
     * are its own, and it may have failed. */
    const char *member;   /* "" of the file itself */
    cairn_status status;  /* of a member: why it could not be read; it has no blocks then */
    const char *reason;   /* the sentence to it, "" */
    struct ingest_document *members; /* owned; of the file itself only */
    struct ingest_document *next;    /* the next member */
    arena memory;      /* private: everything above lives here */
} ingest_document;

void ingest_document_free(ingest_document *doc); /* NULL is fine */

/* Append the extracted text (see the top) to *out. */
cairn_status ingest_document_text(const ingest_document *doc, bytes *out);

/* Position of text offset `offset` (0..len) of a block, in the document's own positions. */
uint64_t ingest_block_position(const ingest_block *block, size_t offset);

const char *ingest_block_kind_name(ingest_block_kind kind); /* "heading", "paragraph"... */

#endif

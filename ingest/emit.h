/* emit.h - the funnel between a parser and a document: parsers say "heading", "paragraph", and
 * here texts are cleaned, cut to a sane size, given their positions and counted.
 *
 *   parser -> emitter -> block_sink -> { a document being built (build.h) | the wire (wire.h) }
 *
 * Cleaning: UTF-8 made valid, normal form C, control characters to spaces, soft hyphens and byte
 * order marks out, white space trimmed at the ends (only the end for code). A block longer than
 * EMIT_BLOCK_BYTES is given as several of its kind.
 *
 * The first failure sticks: later calls return it and do nothing, so a parser may test once per
 * loop. Threads: one owner. */
#ifndef CAIRN_INGEST_EMIT_H
#define CAIRN_INGEST_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ingest/document.h"

#define EMIT_BLOCK_BYTES  ((size_t)256 << 10)
#define EMIT_FIELD_BYTES  ((size_t)4096) /* longer metadata is cut */
#define EMIT_LANG_BYTES   ((size_t)400)
#define EMIT_SAMPLE_BYTES ((size_t)6 << 10) /* for the language */

typedef enum document_field {
    FIELD_MIME = 1,
    FIELD_TITLE,
    FIELD_AUTHOR,
    FIELD_LANG,
    FIELD_NOTE,
    FIELD_META, /* with a key */
    FIELD_DATE, /* numbers from here on */
    FIELD_CREATED,
    FIELD_PAGES,
    FIELD_POSITIONS, /* an ingest_positions */
    FIELD_END
} document_field;

/* A file inside a file. */
typedef struct emit_member_info {
    const char *name; /* its path in the container: UTF-8, '/' between folders */
    uint64_t size;
    int64_t mtime_ns; /* 0 = unknown */
    uint8_t hash[16]; /* XXH3-128 of its bytes, canonical form */
} emit_member_info;

typedef struct block_sink {
    void *ctx;
    /* Everything in *block is borrowed for the call. */
    cairn_status (*block)(void *ctx, const ingest_block *block, cairn_error *err);
    cairn_status (*text)(void *ctx, document_field field, const char *key, const char *value,
                         size_t len, cairn_error *err);
    cairn_status (*number)(void *ctx, document_field field, int64_t value, cairn_error *err);
    /* What follows belongs to a file inside this one, until the matching member_end. Both NULL: members
     * are not wanted, and emit_member does nothing. */
    cairn_status (*member)(void *ctx, const emit_member_info *m, cairn_error *err);
    cairn_status (*member_end)(void *ctx, cairn_status status, const char *reason,
                               cairn_error *err);
} block_sink;

typedef struct emitter {
    block_sink sink;
    size_t max_text, text_bytes; /* ELIMIT past max_text */
    size_t n_blocks;
    uint64_t next_position; /* of the next block, when positions are those of the text */
    const char *source;     /* the file's bytes while positions are FILE, else NULL */
    size_t source_len;
    uint32_t page;         /* given to every block; set by the parser */
    unsigned seen;         /* bit per text field that was given and not empty */
    char heading[256];     /* first heading, the title of a document that has none */
    bool unsampled;        /* set by the parser: what comes now says nothing about the language */
    char declared_lang[8]; /* what the document says of its language, often wrongly */
    const ingest_span *given; /* spans of the next block, made by its parser; cleared by it */
    size_t n_given;
    bytes clean, sample;
    cairn_status status;
    cairn_error error;
} emitter;

void emitter_init(emitter *e, const block_sink *sink, size_t max_text);
void emitter_clear(emitter *e);

/* From here on, blocks are given with their place in source[0, len), which is the whole file. */
void emit_from_source(emitter *e, const char *source, size_t len);

/* A block whose text is text[0, len). Empty after cleaning: nothing is given. */
cairn_status emit_block(emitter *e, ingest_block_kind kind, unsigned level, const char *text,
                        size_t len);
/* The same, made from source[start, end) in lines first..last. text = NULL: the source itself. */
cairn_status emit_source_block(emitter *e, ingest_block_kind kind, unsigned level, const char *text,
                               size_t len, size_t start, size_t end, uint32_t line_first,
                               uint32_t line_last);

/* Metadata. Empty values and second values for the same single field are ignored. FIELD_LANG is
 * what the document says; with EMIT_LANG_BYTES of text, what the text shows is believed instead. */
cairn_status emit_field(emitter *e, document_field field, const char *value, size_t len);
cairn_status emit_meta(emitter *e, const char *key, const char *value, size_t len);
cairn_status emit_number(emitter *e, document_field field, int64_t value);
/* Begin and end a member. Between the two, `inner` is the emitter of the member's parser; the caller ends
 * it with emit_finish where that parser succeeded. What failed in it fails the member alone. False:
 * nothing began (members are not wanted, the name says nothing, or e has failed). The bytes are hashed.
 * ".", ".." and control characters are taken out of the name. */
bool emit_member_begin(emitter *e, emitter *inner, const char *name, const char *data, size_t len,
                       int64_t mtime_ns);
cairn_status emit_member_end(emitter *e, emitter *inner);
/* Stop with this failure. */
cairn_status emit_fail(emitter *e, cairn_status code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Last call: positions, and the language when nobody said it. */
cairn_status emit_finish(emitter *e);

/* Append text cleaned as above, without trimming. Exposed for titles and tests. */
cairn_status emit_clean_text(bytes *out, const char *text, size_t len);

#endif

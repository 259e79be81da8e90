/* outline.h - a block in the making, for parsers that go through a text line by line: what it says, and
 * which lines of the source it came from. */
#ifndef CAIRN_INGEST_EXTRACT_OUTLINE_H
#define CAIRN_INGEST_EXTRACT_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "ingest/emit.h"
#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"

typedef struct text_line {
    const char *s; /* without the line break; borrowed */
    size_t len;
    size_t start, next; /* in the text */
    unsigned indent;    /* white space before the first character */
} text_line;

typedef struct outline {
    emitter *e;
    decoded d;
    const char *s; /* the text: d.text[0, len) */
    size_t len, base;
    size_t at; /* where the next line begins */
    uint32_t number; /* of the line that outline_line gave last, from 1 */
    bytes text;
    ingest_block_kind kind;
    size_t start, end;
    uint32_t first, last;
} outline;

/* Decode the input. A failure goes to the emitter; outline_close in any case. */
cairn_status outline_open(outline *o, emitter *e, const parse_input *in);
void outline_close(outline *o);

/* The next line; false at the end, or when the emitter has failed. */
bool outline_line(outline *o, text_line *l);
/* The line after the current one, without taking it. */
bool outline_peek(const outline *o, text_line *l);
bool line_is_empty(const text_line *l);

/* Add text that came from line l to the block in hand, as a line of its own. A block of another kind is
 * given first. */
void outline_add(outline *o, ingest_block_kind kind, const text_line *l, const char *s, size_t len);
/* Give the block in hand. */
void outline_flush(outline *o);
/* Give the block in hand, then a heading that came from line l. */
void outline_heading(outline *o, unsigned level, const text_line *l, const char *s, size_t len);

#endif

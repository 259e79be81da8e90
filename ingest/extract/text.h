/* text.h - the first step of a parser of text: its encoding, and whether positions are the file's own. */
#ifndef CAIRN_INGEST_EXTRACT_TEXT_H
#define CAIRN_INGEST_EXTRACT_TEXT_H

#include "ingest/extract/encoding.h"
#include "ingest/extract/parsers.h"

/* The text of `in` as UTF-8 in *d, to be cleared in any case. Where it lies in the file as it is, positions are
 * the file's from now on. Another encoding than UTF-8 is metadata. */
cairn_status text_open(emitter *e, const parse_input *in, decoded *d);

/* source.c: code with the symbols that ctags found in it, as JSON lines. */
cairn_status source_blocks(emitter *e, const char *name, const char *text, size_t len, const char *tags,
                           size_t tags_len);

#endif

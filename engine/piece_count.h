/* piece_count.h - how many of the encoder's pieces a text has, counted word by word from memory.
 *
 * Cutting a document into passages counts every sentence, and two thirds of an index run went into
 * tokenising the same few thousand words again and again. No tokenizer of an encoder joins pieces
 * across white space, so the count of a text is the sum over its words, and a small table of words
 * seen answers for nearly all of them.
 *
 * Owns     the table; the encoder is borrowed.
 * Threads  one counter per thread; the encoder may be shared. */
#ifndef CAIRN_ENGINE_PIECE_COUNT_H
#define CAIRN_ENGINE_PIECE_COUNT_H

#include <stddef.h>

#include "base/status.h"
#include "generate/encode/encoder.h"

typedef struct piece_counter piece_counter;

cairn_status piece_counter_create(piece_counter **out, const encoder *e, cairn_error *err);
void piece_counter_destroy(piece_counter *p); /* NULL is fine */
const encoder *piece_counter_encoder(const piece_counter *p);

/* The same as encoder_count_tokens, but that white space at the end counts nothing. `ctx` is the
 * piece_counter: the shape that the chunker's options want. The text is valid UTF-8. */
size_t piece_count(void *ctx, const char *text, size_t len);

#endif

/* text_memo.h - the vectors of the texts that an encoder read last: sentences that stand in what
 * several searches of one question found, or that the next question about the same documents meets
 * again.
 *
 * Owns     its vectors; a text is known by its hash (XXH3, 128 bits) alone.
 * Threads  one at a time: an encoder's own are used in its turn (shared_model.h). */
#ifndef CAIRN_ENGINE_TEXT_MEMO_H
#define CAIRN_ENGINE_TEXT_MEMO_H

#include <stddef.h>

typedef struct text_memo text_memo;

/* For vectors[dim]; NULL without memory. */
text_memo *text_memo_create(size_t dim);
void text_memo_destroy(text_memo *m); /* NULL is fine */
/* [dim], until the next text_memo_put; NULL: it is not known, or not any more. */
const float *text_memo_find(text_memo *m, const char *text, size_t len);
/* Instead of the one of its set that was asked for longest ago. */
void text_memo_put(text_memo *m, const char *text, size_t len, const float *vector);

#endif

/* special.h - find tokens that are written out in a text: <|im_end|>, [MASK], <tool_call>.
 *
 * Longest tokens are claimed first over the whole text, then shorter ones in what is left, each
 * from left to right: the order of llama.cpp's partition, which decides when tokens overlap. The
 * cost is O(len) for text without a byte that begins a special token and O(len x distinct lengths)
 * at worst, whatever the number of tokens.
 *
 * Owns     its tables; the tokens' texts are asked for through the piece table's accessor.
 * Threads  immutable once built. */
#ifndef CAIRN_GENERATE_TOKENIZE_SPECIAL_H
#define CAIRN_GENERATE_TOKENIZE_SPECIAL_H

#include "base/status.h"
#include "generate/tokenize/piece_table.h"

typedef struct special_set {
    piece_table table;
    uint32_t *lengths; /* distinct lengths, falling */
    size_t n_lengths;
    uint64_t starts[256]; /* bit min(i, 63): a token of lengths[i] begins with this byte */
} special_set;

/* A token found in a text. */
typedef struct special_hit {
    size_t at, len;
    uint32_t id;
} special_hit;

typedef struct special_hits {
    special_hit *v; /* by rising position; free() it */
    size_t n, cap;
} special_hits;

/* ids[0, n): the tokens to look for; empty texts are ignored. */
cairn_status special_set_init(special_set *s, const uint32_t *ids, size_t n, piece_text *text,
                              const void *ctx);
void special_set_clear(special_set *s);
/* Fill *hits (zero-initialised) with the tokens for which wanted(ctx, id) holds. */
cairn_status special_find(const special_set *s, const char *text, size_t len,
                          bool (*wanted)(const void *ctx, uint32_t id), const void *ctx,
                          special_hits *hits);

#endif

/* piece_table.h - from the bytes of a vocabulary piece to its id, fast to build and to walk.
 *
 * A cold process tokenises one short query, so building must cost little: one hash table of 64-bit
 * slots (half tag, half id), no tree and no sorting. Walks over "every piece that begins here" are
 * cut short by a bit filter over the hashes of all prefixes, which does a tree's work in a
 * sixteenth of its memory. Hashes grow by one character at a time, so that a walk never rehashes.
 * The commit that added it has the measurements.
 *
 * Owns     its slots; the pieces' bytes stay where they are and are asked for by id.
 * Threads  immutable once filled. */
#ifndef CAIRN_GENERATE_TOKENIZE_PIECE_TABLE_H
#define CAIRN_GENERATE_TOKENIZE_PIECE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The bytes of piece `id`. */
typedef const char *piece_text(const void *ctx, uint32_t id, size_t *len);

typedef struct piece_table {
    uint64_t *slots; /* tag << 32 | (id + 1); 0 = free */
    size_t mask;     /* slots - 1 */
    uint64_t *filter; /* bits of prefix hashes, or NULL */
    size_t filter_mask; /* bits - 1 */
    piece_text *text;
    const void *ctx;
} piece_table;

#define PIECE_HASH_START UINT64_C(0x2545F4914F6CDD1D)
#define PIECE_NONE UINT32_MAX

/* Bytes of the character that begins with this byte; 1 for bytes that begin none. */
static inline size_t piece_char_bytes(uint8_t lead)
{
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 1;
}

/* The hash after one more character of n = 1..4 bytes. */
static inline uint64_t piece_hash_char(uint64_t h, const char *p, size_t n)
{
    uint32_t w = 0;
    memcpy(&w, p, n);
    h = (h ^ w) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

uint64_t piece_hash(const char *p, size_t len);

/* Room for n pieces; `n_prefix_chars` > 0 adds a filter sized for that many characters in all. */
bool piece_table_init(piece_table *t, size_t n, size_t n_prefix_chars, piece_text *text,
                      const void *ctx);
void piece_table_clear(piece_table *t);
/* Add piece id, and its prefixes to the filter if there is one. Of equal pieces the first wins.
 * Never call it more than n times. */
void piece_table_add(piece_table *t, uint32_t id);
/* The id of p[0, len), whose hash is `hash`, or PIECE_NONE. */
uint32_t piece_table_find_hashed(const piece_table *t, uint64_t hash, const char *p, size_t len);
uint32_t piece_table_find(const piece_table *t, const char *p, size_t len);
/* False: no piece begins with the characters behind this hash. True may be wrong. */
static inline bool piece_table_may_begin(const piece_table *t, uint64_t hash)
{
    size_t bit = (size_t)(hash >> 20) & t->filter_mask;
    return t->filter[bit >> 6] >> (bit & 63) & 1;
}

#endif

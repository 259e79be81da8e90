/* piece_table.h - from the bytes of a vocabulary piece to its id, fast to build and to walk.
 *
 * A cold process tokenises one short query, so building must cost little: one hash table of 32-bit
 * slots (an id and as many bits of tag as are left), no tree and no sorting; large tables lie in
 * large pages, and many pieces are added with their slots fetched ahead. Walks over "every piece that begins here" are
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
    uint32_t *slots;    /* tag << id_bits | (id + 1); 0 = free */
    size_t mask;        /* slots - 1 */
    unsigned id_bits;
    uint64_t *filter;   /* bits of prefix hashes, or NULL */
    size_t filter_mask; /* bits - 1 */
    piece_text *text;
    const void *ctx;
} piece_table;

#define PIECE_HASH_START UINT64_C(0x2545F4914F6CDD1D)
#define PIECE_NONE UINT32_MAX

/* Bytes of the character that begins with this byte; 1 for bytes that begin none. */
static inline size_t piece_char_bytes(uint8_t lead)
{
    static const uint8_t by_nibble[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };
    return by_nibble[lead >> 4];
}

/* The hash after one more character of n = 1..4 bytes, of which `left` >= n are there. */
static inline uint64_t piece_hash_char(uint64_t h, const char *p, size_t n, size_t left)
{
    uint32_t w = 0;
    if (left >= 4) { /* one load instead of a copy of unknown length */
        memcpy(&w, p, 4);
        w &= UINT32_MAX >> (32 - 8 * n);
    } else {
        for (size_t i = 0; i < n; i++)
            w |= (uint32_t)(uint8_t)p[i] << (8 * i);
    }
    h = (h ^ w) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

/* The same over all characters of a piece. */
uint64_t piece_hash(const char *p, size_t len);

/* Room for n pieces with ids below n_ids (at most 2^24); n_prefix_chars > 0 adds a filter sized for that many
 * characters in all. */
bool piece_table_init(piece_table *t, size_t n, size_t n_ids, size_t n_prefix_chars,
                      piece_text *text, const void *ctx);
void piece_table_clear(piece_table *t);
/* Add piece id, and its prefixes to the filter if there is one. Of equal pieces the first wins.
 * Never call it more than n times. */
void piece_table_add(piece_table *t, uint32_t id);
/* Add 0 .. n - 1, as by piece_table_add, but faster. */
void piece_table_add_all(piece_table *t, uint32_t n);
/* The id of p[0, len), or PIECE_NONE. `hash` is piece_hash's for a table with a filter, else that of
 * piece_table_prepare. */
uint32_t piece_table_find_hashed(const piece_table *t, uint64_t hash, const char *p, size_t len);
uint32_t piece_table_find(const piece_table *t, const char *p, size_t len);
/* For many searches at once: the hash first (its slot is fetched ahead), the search later. */
uint64_t piece_table_prepare(const piece_table *t, const char *p, size_t len);
/* False: no piece begins with the characters behind this hash. True may be wrong. */
static inline bool piece_table_may_begin(const piece_table *t, uint64_t hash)
{
    size_t bit = (size_t)(hash >> 20) & t->filter_mask;
    return t->filter[bit >> 6] >> (bit & 63) & 1;
}

#endif

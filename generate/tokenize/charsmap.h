/* charsmap.h - SentencePiece's precompiled character map: which runs of bytes become which, as a trie in a double array
 * (Aoe, IEEE TSE 15(9), 1989; the layout is that of Darts-clone) and the texts that it leads to.
 *
 *   at   size  field
 *   0    4     bytes of the trie t, a multiple of 4
 *   4    t     its units, u32 little-endian
 *   4+t  ..    texts, each ended by a NUL; a leaf's value is where one begins
 *
 * A unit holds: bit 31: a leaf, whose other bits are its value; else bits 0 to 7 the byte that leads to it, bit 8: one
 * of its children is a leaf, bits 10 to 30 the offset of its children, times 256 where bit 9 is set.
 *
 * Owns     nothing; the bytes are borrowed.
 * Threads  immutable. */
#ifndef CAIRN_GENERATE_TOKENIZE_CHARSMAP_H
#define CAIRN_GENERATE_TOKENIZE_CHARSMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero: an empty map. */
typedef struct charsmap {
    const uint8_t *units; /* unaligned */
    size_t n_units;
    const char *texts;
    size_t texts_len; /* the last byte is a NUL */
} charsmap;

/* False: the sizes do not fit, or the last text has no end. What the units say is checked as they are followed. */
bool charsmap_open(charsmap *m, const uint8_t *data, size_t len);
/* Bytes of the longest run at the front of s[0, len) that the map holds; *to is what it becomes, in the map's bytes.
 * 0: none, or a map that leads outside of itself. */
size_t charsmap_longest(const charsmap *m, const char *s, size_t len, const char **to, size_t *to_len);
/* The same of the shortest. */
size_t charsmap_shortest(const charsmap *m, const char *s, size_t len, const char **to, size_t *to_len);

#endif

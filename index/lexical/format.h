/* format.h - the numbers that writer, reader and merge share. The format itself is drawn in
 * docs/lexical.md and over the functions that write each part.
 *
 *   lex.meta   counts, weights in force when the block maxima were made, languages   (reader.c)
 *   lex.dict   front-coded terms, 32 a block, with the lengths of their lists        (dict.c)
 *   lex.index  where each dictionary block begins                                    (dict.c)
 *   lex.post   posting lists                                                         (encode.c)
 *   lex.pos    positions                                                             (encode.c)
 *   lex.rows   per row: the length of each field in a byte, and the language         (reader.c) */
#ifndef CAIRN_INDEX_LEXICAL_FORMAT_H
#define CAIRN_INDEX_LEXICAL_FORMAT_H

#include <stdint.h>
#include <string.h>

#include "index/lexical/lexical.h"

#define LEX_MAGIC   0x58454C43u /* "CLEX" */
#define LEX_VERSION 1u

#define BLOCK 128 /* postings a block */
/* Rows are below this, so that 128 gaps of 24 bits behind any row still fit 32 bits. */
#define ROWS_MAX 0x7FFFFFFFu
/* More occurrences of a word in one field are not counted. */
#define TF_MAX 65535u
/* Zero bytes behind the lists: kernels load whole registers. */
#define SECTION_PAD 64
#define DICT_BLOCK  32 /* terms */

/* One step of a list's skip table: SKIP_BYTES bytes each. */
#define PAIRS      4
#define PAIR_BYTES (2 * PAIRS)
#define SKIP_BYTES (8 + PAIR_BYTES)
/* A frequency of this in a pair stands for "any". */
#define PAIR_TF_ANY 255

/* Field lengths in a byte: 0..40 exact, then four significant bits of (length - 24). */
static inline uint32_t length_value(uint8_t code)
{
    uint32_t x = code, shift;
    if (x < 32)
        return x;
    x -= 24;
    shift = (x >> 3) - 1;
    return 24 + (((x & 7) | 8) << shift);
}

/* The largest code whose value is <= length. */
static inline uint8_t length_code(uint32_t length)
{
    uint32_t x, shift;
    if (length < 40)
        return (uint8_t)length;
    x = (length < 1u << 30 ? length : 1u << 30) - 24;
    shift = 28 - (uint32_t)__builtin_clz(x);
    return (uint8_t)(24 + ((shift + 1) << 3 | (x >> shift & 7)));
}

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

#endif

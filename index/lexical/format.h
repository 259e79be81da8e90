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
#define LEX_VERSION 2u

#define BLOCK  128 /* postings a block */
#define GROUP  16  /* postings with one width of their gaps, one of their frequencies */
#define GROUPS (BLOCK / GROUP)
/* Rows are below this, so that 128 gaps of 24 bits behind any row still fit 32 bits. */
#define ROWS_MAX 0x7FFFFFFFu
/* More occurrences of a word in one field are not counted. */
#define TF_MAX 65535u
/* Zero bytes behind the lists: kernels load whole registers. */
#define SECTION_PAD 64
#define DICT_BLOCK  32 /* terms */
/* Instead of the width of a block's positions: each is as wide as its row calls for. */
#define BY_LENGTH 255
/* The two low bits of what the dictionary says first of a term. */
enum { DICT_PLAIN, DICT_LIST, DICT_ONCE, DICT_SINGLE };

/* ---- bounds ----
 *
 * A block keeps the greatest share of its postings, in 255ths rounded up: share = tf / (tf + K)
 * with the weighted frequency tf and K = BOUND_K1 * (BOUND_FIXED + (1 - BOUND_FIXED) * length /
 * typical) under the weights in lex.meta. With other parameters the search carries the share over.
 */
#define BOUND_K1    1.2f
#define BOUND_FIXED 0.25f

static inline float bound_k(float length, float typical)
{
    return BOUND_K1 * (BOUND_FIXED + (1 - BOUND_FIXED) * length / typical);
}

/* Of tf / K. Rounded up, with a hair for the roundings of the sums. */
static inline uint8_t bound_code(float ratio)
{
    float v = ratio / (1 + ratio) * 255.0f * 1.00001f;
    return v < 254 ? (uint8_t)((int)v + 1) : 255;
}

/* ---- lengths ---- */

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

/* The longest field with this code. */
static inline uint32_t length_most(uint8_t code)
{
    return code < 40 ? code : code == 255 ? UINT32_MAX : length_value((uint8_t)(code + 1)) - 1;
}

static inline unsigned bit_width(uint32_t v)
{
    return v ? 32 - (unsigned)__builtin_clz(v) : 0;
}

/* Bits that hold any position in a field with this length code. */
static inline unsigned position_width(uint8_t code)
{
    uint32_t most = length_most(code);
    return most ? bit_width(most - 1) : 0;
}

/* The length of a row that scores: its fields' lengths weighted, one field (the body, or if that
 * has no weight the heaviest) counting 1: the unit. A row with words in that field alone has the
 * field's code. */
typedef struct row_lengths {
    float ratio[LEXICAL_FIELDS];
    float unit; /* weight * b of the field that counts 1; 0: lengths don't count */
} row_lengths;

static inline row_lengths row_lengths_of(const float weight[LEXICAL_FIELDS],
                                         const float b[LEXICAL_FIELDS])
{
    row_lengths l = {{0}, weight[LEXICAL_BODY] * b[LEXICAL_BODY]};
    for (unsigned f = 0; f < LEXICAL_FIELDS && !(weight[LEXICAL_BODY] * b[LEXICAL_BODY] > 0); f++)
        l.unit = weight[f] * b[f] > l.unit ? weight[f] * b[f] : l.unit;
    for (unsigned f = 0; f < LEXICAL_FIELDS && l.unit > 0; f++) {
        float ratio = weight[f] * b[f] / l.unit;
        l.ratio[f] = ratio < 1e9f ? ratio : 1e9f;
    }
    return l;
}

static inline uint8_t row_code(float length)
{
    return length_code(length < 0x1p30f ? (uint32_t)(length + 0.5f) : 1u << 30);
}

/* ---- groups ----
 *
 * The widths of a block's groups are nibbles. Of gaps: 0 is width 0, n is base + n. */
static inline uint64_t gap_widths(uint64_t nibbles, unsigned base)
{
    uint64_t some = (nibbles + 0x0F0F0F0F0F0F0F0Fu) >> 4 & 0x0101010101010101u;
    return nibbles + some * base;
}

/* Of frequencies: 15 is width 16. */
static inline uint64_t tf_widths(uint64_t nibbles)
{
    return nibbles + ((nibbles + 0x0101010101010101u) >> 4 & 0x0101010101010101u);
}

/* The base of a list of fewer than 128 postings: its 15 widths reach the widest gap there can be.
 */
static inline unsigned short_base(uint32_t n_rows)
{
    unsigned width = bit_width(n_rows);
    return width > 15 ? width - 15 : 0;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint32_t load_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

#endif

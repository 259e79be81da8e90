/* lanes_pack.h - sixteen rows of a file's tensor put side by side into a strip (layout.h), written once
 * over lanes.h.
 *
 * A vector of the strip is one word of all rows: a gather with the rows' distances, a store. The rows
 * follow one another in the file, so memory is read in rising order and each line of it is in the
 * first-level cache while its words are picked. repack.c has the same for one row, plainly. */
#ifndef CAIRN_GENERATE_KERNELS_LANES_PACK_H
#define CAIRN_GENERATE_KERNELS_LANES_PACK_H

#include "generate/kernels/lanes.h"
#include "generate/kernels/layout.h"

/* Where the rows begin; 15 * PACK_MAX_ROW fits 31 bits. */
LANES_INLINE words row_places(size_t row_bytes)
{
    uint32_t at[LANES];

    for (unsigned i = 0; i < LANES; i++)
        at[i] = i * (uint32_t)row_bytes;
    return words_load(at);
}

/* Byte j gets bits j, 4 + j, ..., 28 + j of each word. */
LANES_INLINE words spread_bits(words v)
{
    words out = words_set1(0);

    UNROLL_4
    for (unsigned j = 0; j < 4; j++) {
        words x = words_and(v, words_set1(0x11111111)); /* one bit each four */
        x = words_and(words_or(x, words_shr(x, 3)), words_set1(0x03030303));
        x = words_and(words_or(x, words_shr(x, 6)), words_set1(0x000f000f));
        x = words_and(words_or(x, words_shr(x, 12)), words_set1(0xff));
        out = words_or(words_shr(out, 8), words_shl(x, 24));
        v = words_shr(v, 1);
    }
    return out;
}

/* The half floats of a block. Two of them stand side by side; a single one is read with its neighbour on
 * the side where the block goes on. */
LANES_INLINE void pack_scales(const strip_layout *l, const uint8_t *block, words rows,
                              uint8_t *scales)
{
    const bool at_end = l->half_at[0] + 4u > l->bytes;
    words v;

    if (!l->halves)
        return;
    v = words_gather(block + l->half_at[0] - (at_end ? 2 : 0), rows);
    words_store_u16(scales, at_end ? words_shr(v, 16) : v);
    if (l->halves == 2)
        words_store_u16(scales + 2 * LANES, words_shr(v, 16));
}

LANES_INLINE void pack_blocks(tensor_type type, const uint8_t *src, size_t row_bytes, size_t k,
                              uint8_t *strip)
{
    const strip_layout *l = strip_layout_of(type);
    const bool fifth = type == TENSOR_Q5_0 || type == TENSOR_Q5_1;
    const words rows = row_places(row_bytes);

    for (size_t b = 0; b < k / l->block; b++, src += l->bytes) {
        uint8_t *to = strip + (type == TENSOR_F32 ? b * 64 : strip_words_at(l, b));
        if (type != TENSOR_F32)
            pack_scales(l, src, rows, strip + strip_scales_at(l, b));
        UNROLL_8
        for (size_t j = 0; j < l->words; j++) {
            words v = words_gather(src + l->word_at + 4 * strip_file_word(type, j), rows);
            if (type == TENSOR_Q8_0)
                v = words_xor(v, words_set1(0x80808080));
            else if (fifth && !j)
                v = spread_bits(v);
            words_store(to + 64 * j, v);
        }
    }
}

/* F16 and BF16: a word holds two weights. */
LANES_INLINE void pack_halves_of(const uint8_t *src, size_t row_bytes, size_t k, uint8_t *strip)
{
    const words rows = row_places(row_bytes);
    size_t i = 0;

    for (; i + 2 <= k; i += 2, strip += 4 * LANES) {
        words v = words_gather(src + 2 * i, rows);
        words_store_u16(strip, v);
        words_store_u16(strip + 2 * LANES, words_shr(v, 16));
    }
    if (i < k)
        for (size_t r = 0; r < LANES; r++)
            memcpy(strip + 2 * r, src + r * row_bytes + 2 * i, 2);
}

static void pack_halves(const uint8_t *rows, size_t row_bytes, size_t k, uint8_t *strip)
{
    pack_halves_of(rows, row_bytes, k, strip);
}

#endif

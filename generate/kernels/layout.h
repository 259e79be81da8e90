/* layout.h - how sixteen rows of a block format lie in a strip.
 *
 * Every format's block is some half-float scales and a run of 32-bit words. A strip first has the
 * scales of all its blocks, then their words, each transposed: word j of the block of rows 0..15 are
 * 64 neighbouring bytes. So one vector load gives four neighbouring quants of sixteen rows.
 *
 *   scales   [k / block][halves][16] half floats, padded to a multiple of 64 bytes
 *   words    [k / block][words][16]  32-bit words
 *
 * Two formats are touched up on the way: Q8_0's signed bytes get 128 added (the integer product
 * wants unsigned weights); the 32 fifth bits of Q5_0 and Q5_1 are spread so that byte j of the word
 * has the bits of weights j, 4 + j, 8 + j, ... (one bit plane per vector of four neighbours).
 * F32 is [k][16] floats; F16 and BF16 are [k][16] halves. */
#ifndef CAIRN_GENERATE_KERNELS_LAYOUT_H
#define CAIRN_GENERATE_KERNELS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "generate/kernels/kernels.h"

typedef struct strip_layout {
    uint16_t block;   /* weights a block; 1 for floats */
    uint16_t bytes;   /* of a block in the file */
    uint8_t halves;   /* half floats a block */
    uint8_t words;    /* 32-bit words a block */
    uint8_t half_at[2]; /* where they stand in the file's block */
    uint8_t word_at;    /* the words follow one another from here */
    uint8_t last_words_at; /* Q6_K keeps its scales behind the quants: 4 words from here come first */
} strip_layout;

static inline const strip_layout *strip_layout_of(tensor_type type)
{
    static const strip_layout table[TENSOR_TYPE_COUNT] = {
        [TENSOR_Q4_0] = {32, 18, 1, 4, {0, 0}, 2, 0},
        [TENSOR_Q4_1] = {32, 20, 2, 4, {0, 2}, 4, 0},
        [TENSOR_Q5_0] = {32, 22, 1, 5, {0, 0}, 2, 0},
        [TENSOR_Q5_1] = {32, 24, 2, 5, {0, 2}, 4, 0},
        [TENSOR_Q8_0] = {32, 34, 1, 8, {0, 0}, 2, 0},
        [TENSOR_Q4_K] = {256, 144, 2, 35, {0, 2}, 4, 0},
        [TENSOR_Q5_K] = {256, 176, 2, 43, {0, 2}, 4, 0},
        [TENSOR_Q6_K] = {256, 210, 1, 52, {208, 0}, 0, 192},
        [TENSOR_F32] = {1, 4, 0, 1, {0, 0}, 0, 0},
    };
    return table[type].block ? &table[type] : NULL;
}

/* Bytes of the scales of a strip of k weights. */
static inline size_t strip_scale_bytes(const strip_layout *l, size_t k)
{
    return (k / l->block * l->halves * KERNEL_LANES * 2 + 63) & ~(size_t)63;
}

#endif

/* layout.h - how sixteen rows of a block format lie in a strip.
 *
 * Every format's block is some half-float scales and a run of 32-bit words. In a strip the scales
 * of sixteen rows stand side by side, and so do words: word j of the block of rows 0..15 are 64
 * neighbouring bytes. So one vector load gives four neighbouring quants of sixteen rows. A strip is
 * a row of units, read from end to end as one stream (two streams, scales apart, halve the speed of
 * decoding: the scales then miss the cache):
 *
 *   scales  [blocks of the unit][halves][16] half floats, padded to 64 bytes
 *   words   [blocks of the unit][words][16]  32-bit words
 *
 * A unit is one block, or two where a block's scales are 32 bytes (Q4_0, Q5_0, Q8_0), so that all
 * words stay 64-byte aligned. An odd last block stands in a unit of its own size, half used.
 *
 * Touched up on the way: Q8_0's signed bytes get 128 added (the integer product wants unsigned
 * weights); the 32 fifth bits of Q5_0 and Q5_1 are spread so that byte j of the word has the bits
 * of weights j, 4 + j, 8 + j, ... (one bit plane per vector of four neighbours); Q6_K's words come
 * as scales, then for each half of 128 weights eight triples: two words of low bits, one of high
 * bits. F32 is [k][16] floats; F16 and BF16 are [k][16] halves. */
#ifndef CAIRN_GENERATE_KERNELS_LAYOUT_H
#define CAIRN_GENERATE_KERNELS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "generate/kernels/kernels.h"

/* To be raised with every change of what a strip looks like: packed weights are kept on disk. */
#define STRIP_LAYOUT_VERSION 1u

typedef struct strip_layout {
    uint16_t block;     /* weights a block; 1 for floats */
    uint16_t bytes;     /* of a block in the file */
    uint8_t halves;     /* half floats a block */
    uint8_t words;      /* 32-bit words a block */
    uint8_t half_at[2]; /* where they stand in the file's block */
    uint8_t word_at;    /* the words follow one another from here */
    uint8_t blocks;     /* blocks a unit */
} strip_layout;

#ifndef __cplusplus /* a device is handed its matrices' layouts */
static inline const strip_layout *strip_layout_of(tensor_type type)
{
    static const strip_layout table[TENSOR_TYPE_COUNT] = {
        [TENSOR_Q4_0] = {32, 18, 1, 4, {0, 0}, 2, 2},
        [TENSOR_Q4_1] = {32, 20, 2, 4, {0, 2}, 4, 1},
        [TENSOR_Q5_0] = {32, 22, 1, 5, {0, 0}, 2, 2},
        [TENSOR_Q5_1] = {32, 24, 2, 5, {0, 2}, 4, 1},
        [TENSOR_Q8_0] = {32, 34, 1, 8, {0, 0}, 2, 2},
        [TENSOR_Q4_K] = {256, 144, 2, 35, {0, 2}, 4, 1},
        [TENSOR_Q5_K] = {256, 176, 2, 43, {0, 2}, 4, 1},
        [TENSOR_Q6_K] = {256, 210, 1, 52, {208, 0}, 0, 1},
        [TENSOR_F32] = {1, 4, 0, 1, {0, 0}, 0, 1},
    };
    return table[type].block ? &table[type] : NULL;
}

/* Which word of the file's block, counted from word_at, becomes word j of the strip. */
static inline size_t strip_file_word(tensor_type type, size_t j)
{
    if (type != TENSOR_Q6_K)
        return j;
    if (j < 4)
        return 48 + j; /* the scales, last in the file */
    /* A half of 128 weights: for each of eight steps its two words of low bits and one of high. */
    size_t half = (j - 4) / 24, step = (j - 4) % 24 / 3, part = (j - 4) % 3;
    return part < 2 ? 16 * half + 8 * part + step : 32 + 8 * half + step;
}
#endif

/* The arithmetic of places is the device's, too. */
#ifdef __CUDACC__
#define LAYOUT_INLINE static __host__ __device__ inline
#else
#define LAYOUT_INLINE static inline
#endif

LAYOUT_INLINE size_t strip_unit_bytes(const strip_layout *l)
{
    return 64 + (size_t)l->blocks * l->words * 64;
}

/* Bytes of a strip of k weights of a block format. */
LAYOUT_INLINE size_t strip_block_bytes(const strip_layout *l, size_t k)
{
    return (k / l->block + l->blocks - 1) / l->blocks * strip_unit_bytes(l);
}

/* Where the scales and the words of block b stand in a strip. */
LAYOUT_INLINE size_t strip_scales_at(const strip_layout *l, size_t b)
{
    return b / l->blocks * strip_unit_bytes(l) + b % l->blocks * l->halves * 32;
}
LAYOUT_INLINE size_t strip_words_at(const strip_layout *l, size_t b)
{
    return b / l->blocks * strip_unit_bytes(l) + 64 + b % l->blocks * l->words * 64;
}

#endif

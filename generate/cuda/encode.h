/* encode.h - what encode_backend.c asks of the device: the steps of a BERT layer over packed rows.
 *
 * All pointers are the device's. A batch is `rows` token rows, sequences back to back without
 * padding; `first` and `count` say for each row where its sequence begins and how long it is. Every
 * step gives the bytes that the processor's rows of kernels give
 * (generate/encode/encode_kernels.h): integer products are exact, each float operation is the same
 * one in the same order. Steps are queued; kernels.h has the memory and the waiting. */
#ifndef CAIRN_GENERATE_CUDA_ENCODE_H
#define CAIRN_GENERATE_CUDA_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number of 14 bits is kept as 128 h + l, two signed bytes, for matrix units that multiply bytes.
 */
static inline int8_t encode_low_part(int32_t v)
{
    return (int8_t)(((v + 64) & 127) - 64);
}
#define ENCODE_CUT_BYTES 128 /* of a block of 64: h of all, then l */

/* A weight matrix in one of two forms (generate/encode/linear.h): rounded to 13 bits, panels
 * [out / 16][in / 64, up][h, l][4][16][16] (four runs of 16 inputs of 16 outputs; zeros after the
 * last input) with scales [out / 32][in / 64, up][32]; or bytes, unpacked Q4_0 or rounded to 8 bits, panels
 * [out / 32][in / 4][32][4] with scales [out / 32][in / 32][32]. */
typedef struct encode_matrix {
    bool bytes;
    int32_t off_by; /* of bytes: what i8_off is multiplied by */
    uint32_t in, out;
    const void *panels;
    const float *scales;
    const float *bias; /* [out] */
} encode_matrix;

/* Activations in the forms that the matrices behind them want; a NULL form is not made. */
typedef struct encode_acts {
    int8_t *i16;      /* [rows][k / 64, up][h, l][64], zeros after the last input */
    float *i16_scale; /* [rows][k / 64, up] */
    int8_t *i8;       /* [rows][k] */
    float *i8_scale;  /* [rows][k / 32] */
    int32_t *i8_off;  /* [rows][k / 32] */
} encode_acts;

/* Round rows of k floats into these forms. */
void step_encode_round(const float *x, uint32_t rows, uint32_t k, const encode_acts *to, bool i16,
                       bool i8);
/* out[r * stride + o] = in w^T + bias, or the gelu of it. */
void step_encode_product(const encode_matrix *w, const encode_acts *in, uint32_t rows, float *out,
                         uint32_t stride, bool gelu);
/* x = layernorm(x + add) * w + b over rows of n. */
void step_encode_norm(float *x, const float *add, const float *w, const float *b, float eps,
                      uint32_t n, uint32_t rows);

typedef struct encode_attention {
    uint32_t rows, hidden, heads, width; /* width = hidden / heads */
    uint32_t longest;              /* tokens of the longest sequence, up to a multiple of 32 */
    const uint32_t *first, *count; /* [rows] */
    const uint32_t *offsets;       /* [n + 1]: where sequences begin */
    uint32_t n;
    const float *qkv;         /* [rows][3][hidden] */
    int16_t *q, *k;           /* [rows][heads][width, up to a multiple of 32] */
    float *q_scale, *k_scale; /* [rows][heads][blocks of 64 of that] */
    int16_t *v;               /* [rows][hidden] */
    float *v_scale;           /* [rows][hidden], in the first row of each 64 tokens */
    float *scores;            /* [rows][heads][longest] */
    int16_t *shares;          /* the same, rounded */
    float *share_scale;       /* [rows][heads][longest / 64, up] */
    float *sums;              /* [rows][heads] */
    float *mixed;             /* [rows][hidden] */
} encode_attention;
/* How many tiles high a sequence is at most: n times that is at most ENCODE_MOST_TILES. */
static inline uint32_t encode_tiles(uint32_t longest)
{
    return (longest + 63) / 64;
}
#define ENCODE_MOST_TILES 65535u
/* softmax(Q K^T / sqrt(width)) V of every head of every sequence. */
void step_encode_attention(const encode_attention *a);

/* sums[s] = the rows of sequence s added in order, offsets[n + 1]. */
void step_encode_sum(const float *x, const uint32_t *offsets, uint32_t n, uint32_t hidden,
                     float *sums);

#endif

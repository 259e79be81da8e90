/* lora.h - adapters at work: all that a model has, side by side as one pair of factors a matrix.
 *
 * The ranks of several adapters follow one another (A below A, B beside B with the scale in it), so that
 * several cost as little as one of their ranks together. The products run in floats, in the order of
 * gemm_f32: a token's bytes depend neither on the batch nor on threads or CPU row. */
#ifndef CAIRN_GENERATE_DECODE_LORA_H
#define CAIRN_GENERATE_DECODE_LORA_H

#include "generate/decode/adapter.h"
#include "generate/kernels/matrix.h"

typedef struct lora_site {
    matrix *down, *up; /* [rank][in], [out][rank]; NULL: nothing to add */
} lora_site;

typedef struct lora {
    weight_heap *heap;
    lora_site *sites; /* [n_layers][ADAPTER_SITES] */
    size_t most_rank, most_out;
    uint64_t key; /* of the adapters and their scales, in order; never 0 */
} lora;

typedef struct lora_source {
    const adapter *adapter;
    float scale;
} lora_source;

cairn_status lora_create(lora **out, const lora_source *sources, size_t n, size_t n_layers,
                         cairn_error *err);
void lora_destroy(lora *l); /* NULL is fine */

#endif

/* model.h - the weights of a decoder, as decoder.c and attention.c see them. */
#ifndef CAIRN_GENERATE_DECODE_MODEL_H
#define CAIRN_GENERATE_DECODE_MODEL_H

#include "generate/decode/decoder.h"
#include "generate/decode/device.h"
#include "generate/decode/packing.h"
#include "generate/decode/weight_cache.h"
#include "generate/kernels/matrix.h"

/* Vectors are floats, NULL where the architecture has none. */
typedef struct decoder_layer {
    float *attn_norm, *ffn_norm;           /* [width], but for olmo2 */
    float *post_attn_norm, *post_ffn_norm; /* [width], gemma2 and 3, olmo2 */
    float *q_norm, *k_norm;                /* [head_dim], gemma3, qwen3; of all heads, olmo2 */
    float *q_bias, *k_bias, *v_bias, *o_bias;
    matrix *q, *k, *v, *o, *gate, *up, *down;
    bool local; /* sees `window` positions, where there is one; turns by rope_base_local and rope_scale_local */
} decoder_layer;

struct lora;

struct decoder_model {
    weight_heap *heap;   /* holds all matrices */
    weight_cache *cache; /* holds their data instead, or NULL */
    planned_matrix *planned; /* what they come from */
    size_t n_planned, cap_planned;
    packing *packing;  /* packs them beside what is computed with them, or NULL */
    size_t most_strip; /* of what was not packed when the model was opened, bytes */
    decoder_shape shape;
    const tensor *embedding; /* in the file */
    size_t embedding_row;    /* bytes */
    float embedding_scale;
    float *output_norm;
    float *rope_factors; /* [rope_dims / 2] or NULL: divide the angles */
    float *long_factors; /* those of contexts longer than n_ctx_short, or NULL */
    size_t n_ctx_short;
    matrix *head;
    decoder_layer *layers;
    bool pairs_apart; /* rope turns (i, i + dims / 2), else (2i, 2i + 1) */
    size_t packed_bytes, token_bytes;
    struct lora *lora;      /* adapters (lora.h), or NULL */
    device_weights *device; /* a copy of the weights there, or NULL */
};

#endif

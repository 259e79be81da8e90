/* decoder_inside.h - the inside of a decoder, shared by decoder.c, rotary.c and decoder_runs.c. */
#ifndef CAIRN_GENERATE_DECODE_DECODER_INSIDE_H
#define CAIRN_GENERATE_DECODE_DECODER_INSIDE_H

#include "generate/decode/causal_attention.h"
#include "generate/decode/lora.h"
#include "generate/decode/model.h"

struct decoder_sequence {
    kv_pages pages;
    size_t n_past;
    device_sequence *there; /* holds keys and values instead of the pages, with a device */
};

/* Where a row of a batch belongs. */
typedef struct row_place {
    const decoder_sequence *s;
    size_t pos;
} row_place;

struct decoder {
    const decoder_model *m;
    const kernels *k;
    pool *p;
    bool exact;
    size_t n_ctx, n_batch;
    atomic_bool cancel;

    const float *rope_factors; /* those for n_ctx; NULL: none */
    const device_backend *device; /* who runs the layers; NULL: we do */

    kv_cache cache;
    decoder_sequence own;
    row_place *places;     /* [n_batch] */
    token_id *ids;         /* [n_batch] */
    attention_part *parts; /* [n_batch], at most one an item */
    causal_attention *attention;
    activations *act;
    matmul_scratch *scratch;

    /* For a batch of n tokens; one allocation. */
    float *floats;
    size_t bytes;
    float *x;       /* [n][width] the residual stream */
    float *h;       /* [n][width] its norm, and what a half of a layer adds to it */
    float *q;       /* [n][heads * head_dim] */
    float *k_new;   /* [n][kv_heads * head_dim] */
    float *v_new;   /* [n][kv_heads * head_dim] */
    float *mixed;   /* [n][heads * head_dim] attention's output */
    float *gate;    /* [n][ff] */
    float *up;      /* [n][ff] */
    float *low;     /* [n][rank] of adapters, where there are any */
    float *delta;   /* [n][most outputs] what they add */
    float *turn[2]; /* [n][rope_dims / 2][cos, sin], global and local base */
};

/* fn(d, arg, t) for the rows 0 .. n - 1 of a batch, through the pool. */
typedef void decoder_token_fn(decoder *d, const void *arg, size_t token);
void decoder_each_token(decoder *d, size_t n, decoder_token_fn *fn, const void *arg);

/* Cosines and sines of the positions in d->places[0, n), into d->turn. */
void decoder_make_turns(decoder *d, size_t n);
/* Those of a layer: gemma3's local ones turn by another base. */
float *decoder_turns(const decoder *d, bool local);
/* Turn the first dims of a head, pairs half of them apart or side by side. */
void decoder_turn_head(float *v, const float *turn, size_t dims, bool apart);

#endif

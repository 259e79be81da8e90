/* adapter.h - low-rank adapters of a decoder (LoRA: Hu et al., arXiv:2106.09685): what a matrix gives for x
 * becomes W x + scale * B (A x), with A [rank][inputs] and B [outputs][rank].
 *
 * Read are GGUF files (llama.cpp's: general.type "adapter", tensors NAME.lora_a and NAME.lora_b), and
 * safetensors as PEFT writes them (adapter_model.safetensors beside adapter_config.json). Both are foreign:
 * what is not a pair of factors of a matrix of this model, with its shape and finite numbers, is refused
 * by name.
 *
 * Owns     an adapter holds floats of its own, no mapping.
 * Threads  immutable after open.
 * Errors   CAIRN_EMODEL: no such file, or it breaks the format or does not fit the model; CAIRN_EUNSUPPORTED:
 *          a kind of adapter or a matrix this build does not adapt. */
#ifndef CAIRN_GENERATE_DECODE_ADAPTER_H
#define CAIRN_GENERATE_DECODE_ADAPTER_H

#include "generate/decode/decoder.h"

typedef enum adapter_site {
    ADAPTER_Q,
    ADAPTER_K,
    ADAPTER_V,
    ADAPTER_O,
    ADAPTER_GATE,
    ADAPTER_UP,
    ADAPTER_DOWN,
    ADAPTER_SITES
} adapter_site;

#define ADAPTER_MAX_RANK ((size_t)1024)
#define ADAPTER_MAX_SCALE 1e4f

typedef struct adapter_factors {
    size_t rank;  /* 0: the matrix is not adapted */
    size_t in, out;
    float *down;  /* A, [rank][in] */
    float *up;    /* B, [out][rank] */
} adapter_factors;

typedef struct adapter {
    size_t n_layers;
    adapter_factors *sites; /* [n_layers][ADAPTER_SITES] */
    uint64_t hash;          /* of all factors and the scale */
} adapter;

/* path: a GGUF file, a safetensors file or the folder that holds one. */
cairn_status adapter_open(adapter **out, const char *path, const decoder_model *m,
                          cairn_error *err);
/* The same over the bytes of a GGUF or (with its config, may be NULL) a safetensors file. */
cairn_status adapter_open_memory(adapter **out, const void *data, size_t len, const char *config,
                                 const char *name, const decoder_model *m, cairn_error *err);
void adapter_close(adapter *a); /* NULL is fine */

/* The factors for a tensor of the model's file by its name ("blk.3.attn_q.weight"), or NULL. */
const adapter_factors *adapter_find(const adapter *a, const char *tensor);
/* x[0, in) += scale * row `row` of B A, as floats, ranks in rising order. */
void adapter_add_row(const adapter_factors *f, float scale, size_t row, float *x);

#endif

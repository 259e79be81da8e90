/* quantize.h - a model file in smaller numbers: GGUF in, GGUF out. */
#ifndef CAIRN_GENERATE_DECODE_QUANTIZE_H
#define CAIRN_GENERATE_DECODE_QUANTIZE_H

#include <signal.h>

#include "base/pool.h"
#include "generate/decode/lora.h"
#include "generate/formats/gguf.h"

typedef struct quantize_options {
    tensor_type type; /* F32, F16, BF16, Q8_0, Q5_0, Q4_0, Q6_K or Q4_K */
    bool keep_types;  /* each tensor keeps its type instead; matrices that change and whose type cannot be
                         written become Q8_0 (F16 where 32 does not divide their rows) */
    const lora_source *adapters; /* added to the matrices, in order */
    size_t n_adapters;
    pool *pool; /* may be NULL */
    const volatile sig_atomic_t *cancel;
    void (*progress)(void *ctx, size_t done, size_t total); /* bytes of the source; may be NULL */
    void *progress_ctx;
} quantize_options;

typedef struct quantize_report {
    uint64_t bytes_before, bytes_after;
    size_t tensors[TENSOR_TYPE_COUNT]; /* how many of each type were written */
    bool again;                        /* some were quantised before: their errors add up */
} quantize_report;

/* Write `path` with the matrices of g as options->type. Vectors (norms, biases) stay as they are.
 * With four bits the embedding table and the output head get more (Q6_K), since every token goes
 * through them. A row length that the blocks of 256 cannot fill gets the nearest format with blocks
 * of 32: Q5_0 for Q4_K, Q8_0 for Q6_K; one that 32 does not divide stays as it is. Metadata is
 * copied, with general.file_type set.
 *
 * Adapters are added in floats before anything is rounded: what the model with the adapters applied
 * computes, up to the rounding of the type.
 *
 * The file appears whole or not at all. CAIRN_EUSAGE: a type that cannot be written, or `path` is
 * the source; CAIRN_EMODEL: a tensor holds what is no number or too large for the type's half-float
 * scales; CAIRN_EIO, CAIRN_EFULL, CAIRN_ENOMEM, CAIRN_ECANCELLED. */
cairn_status quantize_file(const gguf *g, const char *path, const quantize_options *options,
                           quantize_report *report, cairn_error *err);

#endif

/* model_reader.h - the inside of decoder_model_open, shared by model.c (tensors) and model_shape.c
 * (hyperparameters). */
#ifndef CAIRN_GENERATE_DECODE_MODEL_READER_H
#define CAIRN_GENERATE_DECODE_MODEL_READER_H

#include "generate/decode/model.h"

typedef struct model_reader {
    const gguf *g;
    const char *arch;
    decoder_model_options o;
    decoder_model *m;
    const gguf_kv *local_layers; /* a truth value a layer, or NULL */
    bool *used;                  /* [tensors] */
    cairn_error *err;
} model_reader;

/* The architecture, then everything else about the shape but the vocabulary. */
cairn_status model_read_arch(model_reader *r);
cairn_status model_read_shape(model_reader *r);
/* "ARCH.name", a whole number within [least, most]. */
cairn_status model_need_key(const model_reader *r, const char *name, uint32_t least, uint32_t most,
                            size_t *out);
bool model_is_gemma(decoder_arch a);
/* The layer sees a window of positions only. */
bool model_is_local(const model_reader *r, size_t layer);

#endif

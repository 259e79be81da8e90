/* causal.h - a decoder whose last token's state is a text's vector: the layout of Qwen3-Embedding (Zhang et al.,
 * arXiv:2506.05176, section 2). A text ends with the end token; what the final norm makes of that one is the
 * vector, before it is scaled to unit length. Questions carry an instruction, passages nothing.
 *
 * GGUF files of architecture qwen3 that pool the last token (qwen3.pooling_type 3, or without that key a
 * general.name with "embedding" in it), and folders (causal_folder.h), whose own prompts hold.
 *
 * Owns     the files, tokenizer, weights and sequences. The pool is borrowed.
 * Threads  one at a time for causal_run; the fields are constant. */
#ifndef CAIRN_GENERATE_ENCODE_CAUSAL_H
#define CAIRN_GENERATE_ENCODE_CAUSAL_H

#include "base/pool.h"
#include "generate/decode/decoder.h"
#include "generate/encode/causal_folder.h"
#include "generate/formats/gguf.h"

#define CAUSAL_MAX_TOKENS 2048 /* of a text, whatever the model could read: passages are shorter */

typedef struct causal {
    gguf *file;            /* one of the two */
    causal_folder *folder;
    tokenizer *tok;
    decoder_model *model;
    decoder *d;
    size_t width, vocab, max_tokens;
    char *query_prefix, *passage_prefix, *name;
    uint64_t hash; /* of the metadata and a piece of every tensor */
} causal;

/* Whether the GGUF file is for causal_open rather than for bert_open. */
bool causal_is(const gguf *g);
/* One of g and folder, which is taken over, also when this fails; `path` is what was given for it. */
cairn_status causal_open(causal **out, gguf *g, causal_folder *folder, const char *path, bool exact,
                         const weight_cache_options *weights, pool *p, cairn_error *err);
void causal_close(causal *c); /* NULL is fine */

/* States of the last tokens: out[n][width]. Sequence i is ids[offsets[i], offsets[i + 1]), 1 .. max_tokens ids of
 * the vocabulary. */
cairn_status causal_run(causal *c, const token_id *ids, const size_t *offsets, size_t n, float *out,
                        cairn_error *err);

#endif

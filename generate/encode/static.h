/* static.h - a static embedder (Model2Vec: Tulkens and van Dongen, 2024; the layout of its package): a
 * vector for each piece of the vocabulary and nothing else. A text's vector is the mean of its pieces',
 * at unit length: no network is run, so that a core embeds thousands of passages a second.
 *
 * A folder with tokenizer.json (WordPiece or unigram) and model.safetensors, which holds
 *
 *   embeddings  [rows, dim], F32, F16, BF16 or I8 (whose step falls out of a unit vector)
 *   weights     [pieces], F32 or F64, optional: what a piece's vector is multiplied by
 *   mapping     [pieces], I32 or I64, optional: the row of a piece; else piece i has row i
 *
 * Owns     the mapped file and the tokenizer.
 * Threads  immutable after open. */
#ifndef CAIRN_GENERATE_ENCODE_STATIC_H
#define CAIRN_GENERATE_ENCODE_STATIC_H

#include "generate/formats/safetensors.h"
#include "generate/tokenize/tokenizer.h"

#define STATIC_MAX_TOKENS 512 /* of a text: what the package reads of it */

typedef struct static_embedder {
    safetensors *file;
    tokenizer *tok;
    const tensor *rows, *weights, *mapping; /* the last two may be NULL */
    size_t dim, vocab;
    char *name;
    uint64_t hash; /* of the shapes and pieces of the tensors */
} static_embedder;

/* *out is NULL where the path is no folder of this kind. CAIRN_EMODEL: it is, and its tensors disagree. */
cairn_status static_open(static_embedder **out, const char *path, cairn_error *err);
void static_close(static_embedder *s); /* NULL is fine */

/* out[n][dim], of any length: the weighted sums over sequence i, ids[offsets[i], offsets[i + 1]) of the vocabulary,
 * without the unknown piece where that is no text of its own; zeros where nothing is left. */
void static_run(const static_embedder *s, const token_id *ids, const size_t *offsets, size_t n, float *out);

#endif

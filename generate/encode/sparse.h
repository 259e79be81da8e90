/* sparse.h - a text as weights over the vocabulary, by a BERT with its masked-language-model head (SPLADE:
 * Formal, Piwowarski and Clinchant, SIGIR 2021).
 *
 *   weight of token t = max over positions of ln(1 + max(0, head(position)[t]))
 *
 * so a text has weights for words that it implies as well as for those that it holds. Two texts are compared
 * by the sum of products. To score a passage for a question only the question's tokens are needed, which
 * costs next to nothing beside the layers: that is what reranking uses.
 *
 * Owns     the open model, the head's repacked weights and its scratch. The pool is borrowed.
 * Threads  one call at a time per encoder; the pool works inside.
 * Errors   CAIRN_EMODEL; CAIRN_EUNSUPPORTED: a model without that head; CAIRN_ENOMEM. */
#ifndef CAIRN_GENERATE_ENCODE_SPARSE_H
#define CAIRN_GENERATE_ENCODE_SPARSE_H

#include "generate/encode/encoder.h"
#include "generate/tokenize/tokenizer.h"

typedef struct sparse_encoder sparse_encoder;

typedef struct sparse_weight {
    token_id token;
    float weight; /* > 0 */
} sparse_weight;

/* A folder of safetensors. max_tokens 0: 256. Repacks the embedding table (vocabulary x width floats, kept). */
cairn_status sparse_encoder_open(sparse_encoder **out, const char *path, pool *p, size_t max_tokens,
                                 cairn_error *err);
void sparse_encoder_close(sparse_encoder *e); /* NULL is fine */

/* The heaviest `max` tokens of a text, heaviest first, into out[max]. */
cairn_status sparse_weigh(sparse_encoder *e, const encoder_text *text, sparse_weight *out, size_t max,
                          size_t *n, cairn_error *err);

/* scores[i] = sum over query[n_query] of its weight times the token's weight in texts[i]; longer texts are
 * cut. A text's score does not depend on what else is in the call. */
cairn_status sparse_score(sparse_encoder *e, const sparse_weight *query, size_t n_query,
                          const encoder_text *texts, size_t n, float *scores, cairn_error *err);

#endif

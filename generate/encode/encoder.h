/* encoder.h - a BERT-family model that turns texts into vectors, or a (query, text) pair into a
 * relevance score; or a decoder that embeds (causal.h), or vectors of pieces alone (static.h).
 *
 * Opens by path: a folder with model.safetensors (or its shards and their index) or model.onnx, config.json and tokenizer.json or
 * vocab.txt; an E5S1 file (the default embedder's own); or a GGUF of architecture "bert". The weights stay
 * mapped: opening costs a few milliseconds and no copy of the embedding table is ever made. A GGUF or a folder of
 * architecture "qwen3" that pools the last token repacks its weights, or finds them in the cache. A folder whose
 * model.safetensors holds "embeddings" is a static embedder; a text without pieces has a vector of zeros there.
 *
 * Texts are tokenised, cut at encoder_max_tokens, laid back to back without padding and run
 * through the model together. A text's vector has the same bytes whatever else is in the call and
 * however many threads work on it.
 *
 * Owns     the mapped files, the repacked weights and its scratch. The pool is borrowed.
 * Threads  encoder_embed, encoder_embed_ids, encoder_score and encoder_classify: one thread at a time per encoder
 *          (they use the pool inside). Everything else: any thread.
 * Errors   CAIRN_EMODEL: files missing, broken, or tensors whose shape disagrees with the
 *          configuration (the sentence names the tensor); CAIRN_EUNSUPPORTED: a well-formed model
 *          of another family; CAIRN_ENOMEM; CAIRN_EUSAGE. */
#ifndef CAIRN_GENERATE_ENCODE_ENCODER_H
#define CAIRN_GENERATE_ENCODE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"

typedef struct encoder encoder;

typedef struct encoder_options {
    pool *pool;        /* NULL: the caller's thread alone */
    bool exact;        /* float weights and float activations throughout: slow, the reference */
    unsigned bits;     /* that an encoder's float weights are kept in, 8 or 16; 0: by their number
                          (docs/embedding.md) */
    size_t max_tokens; /* 0: the model's own limit; else a lower one */
    const struct weight_cache_options *weights; /* where a decoder's repacked weights are kept; NULL: nowhere */
} encoder_options;

/* What a text is. Models trained with prefixes (e5: "query: ", "passage: ") get them in front of
 * the text; others ignore the role. PLAIN never adds anything. */
typedef enum encoder_role { ENCODER_PLAIN, ENCODER_QUERY, ENCODER_PASSAGE } encoder_role;

typedef struct encoder_text {
    const char *text; /* UTF-8; need not end in NUL */
    size_t len;
} encoder_text;

/* `options` may be NULL: no pool, fast mode, the model's own limit. */
cairn_status encoder_open(encoder **out, const char *path, const encoder_options *options,
                          cairn_error *err);
void encoder_close(encoder *e); /* NULL is fine */

size_t encoder_dim(const encoder *e);
/* Longest sequence, counting the begin and end tokens and the role's prefix: 512 for e5, 256 for
 * MiniLM. Longer texts are cut. */
size_t encoder_max_tokens(const encoder *e);
/* Pieces left for the text itself once the specials and the passage prefix are taken off: the
 * budget of a chunk. */
size_t encoder_text_budget(const encoder *e);
/* The folder's or file's own name, such as "multilingual-e5-small". Lives as long as e. */
const char *encoder_name(const encoder *e);
/* "NAME-LAYERSxWIDTH-HASH": equal for equal weights, so that vectors of two models are never
 * mixed. The mode (exact or fast) is not part of it: both give nearly the same vectors. */
const char *encoder_identity(const encoder *e);

/* Pieces of a text without specials and prefix: what a chunker counts. An upper bound (len) when
 * memory runs out. */
size_t encoder_count_tokens(const encoder *e, const char *text, size_t len);

/* out[n][dim], each row of unit length. Any n; large calls are worked off in groups of texts of
 * like length, so memory stays bounded. */
cairn_status encoder_embed(encoder *e, const encoder_text *texts, size_t n, encoder_role role,
                           float *out, cairn_error *err);

/* The same for ready token ids, specials included: sequence i is ids[offsets[i], offsets[i + 1]),
 * 1 .. encoder_max_tokens long (CAIRN_EUSAGE otherwise, and for ids outside the vocabulary). */
cairn_status encoder_embed_ids(encoder *e, const int32_t *ids, const size_t *offsets, size_t n,
                               float *out, cairn_error *err);

/* The unit vectors of the text's tokens, without those of its specials and prefix: *rows [*n][dim], to be freed. */
cairn_status encoder_token_vectors(encoder *e, const encoder_text *text, encoder_role role, float **rows, size_t *n,
                                   cairn_error *err);
/* Late interaction (Khattab and Zaharia, SIGIR 2020) of query[n_query][dim] with passages: the mean over the query's
 * tokens of their cosine with the token of the text that is nearest, less that with its average token, which an
 * encoder that was not trained for this gives to any text. 0 or more. */
cairn_status encoder_late_score(encoder *e, const float *query, size_t n_query, const encoder_text *texts, size_t n,
                                float *scores, cairn_error *err);

/* Whether the weights hold a sequence classification head (BertForSequenceClassification). */
bool encoder_can_score(const encoder *e);
/* Relevance of each text to the query: the head's logit, or with two labels the difference of the
 * second and the first. Higher is better; not a probability. A pair too long is cut at the text's
 * end, the query keeping at most half. CAIRN_EUNSUPPORTED without a head or with other labels. */
cairn_status encoder_score(encoder *e, const encoder_text *query, const encoder_text *texts,
                           size_t n, float *scores, cairn_error *err);

/* Outputs of that head; 0 without one. */
size_t encoder_labels(const encoder *e);
/* What output i is called in id2label of config.json (GGUF: classifier.output_labels); NULL: not said. Lives as long
 * as e. */
const char *encoder_label(const encoder *e, size_t i);
/* The head's outputs for the pairs (first[i], second[i]): logits[n][encoder_labels]. A pair too long is cut at the end of
 * its longer text, of both where each has more than half of the room. Any n. CAIRN_EUNSUPPORTED without a head. */
cairn_status encoder_classify(encoder *e, const encoder_text *first, const encoder_text *second, size_t n, float *logits,
                              cairn_error *err);

#endif

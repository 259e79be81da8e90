/* encoder_inside.h - the inside of an encoder, shared by encoder.c (which opens it and runs texts)
 * and encoder_pairs.c (which runs pairs of texts). */
#ifndef CAIRN_GENERATE_ENCODE_ENCODER_INSIDE_H
#define CAIRN_GENERATE_ENCODE_ENCODER_INSIDE_H

#include "generate/encode/bert.h"
#include "generate/encode/causal.h"
#include "generate/encode/encoder.h"
#include "generate/encode/forward.h"
#include "generate/encode/static.h"

#define TEXTS_AT_ONCE 256 /* tokenised together, so that memory stays bounded */

struct encoder {
    bert *b; /* one of the three: an encoder, with its f, */
    forward *f;
    causal *c;          /* a decoder, */
    static_embedder *s; /* or vectors of pieces alone */
    pool *pool;
    const tokenizer *tok;
    const char *name, *query_prefix, *passage_prefix;
    size_t dim, vocab, max_tokens, text_budget;
    size_t specials; /* tokens beside the text's and the prefix's */
    char identity[320];
    /* During encoder_token_vectors and encoder_late_score. */
    size_t skip;        /* tokens in front that are not the text's */
    size_t room, made;  /* rows that fit, and that were written */
    const float *query; /* [n_query][dim] */
    size_t n_query;
};

/* Which hidden rows of a sequence are wanted: all, or one, the first or their sum. */
typedef enum encoder_rows { ROWS_ALL, ROWS_FIRST, ROWS_SUM } encoder_rows;

/* What is done with the hidden rows of sequence i. */
typedef cairn_status encoder_finish_fn(encoder *e, const float *rows, size_t n, size_t i,
                                       float *out, cairn_error *err);

/* CAIRN_EUSAGE for a sequence too short or too long, or an id outside the vocabulary. */
cairn_status encoder_check_ids(const encoder *e, const int32_t *ids, const size_t *offsets,
                               size_t n, cairn_error *err);
/* Run all sequences through the BERT, as many at a time as fit a batch. `types` NULL: all 0. */
cairn_status encoder_run_groups(encoder *e, const int32_t *ids, const uint8_t *types,
                                const size_t *offsets, size_t n, encoder_rows wanted,
                                encoder_finish_fn *finish, float *out, cairn_error *err);

#endif

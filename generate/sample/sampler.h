/* sampler.h - from a model's logits to the next token.
 *
 * The chain, in llama.cpp's order: bias, penalties, DRY, top-k, typical, top-p, min-p, temperature,
 * draw; with mirostat: bias, penalties, DRY, temperature, mirostat. Each step is defined in sampler.c
 * with its source; sampler_create_chain takes another order.
 *
 * Temperature 0 (or below) is greedy: the largest logit after bias, penalties and DRY, ties to the
 * lower id; no random number is used. The draw uses a counter-based generator seeded by `seed`, so the same
 * seed and the same logits give the same tokens whatever the CPU, threads or batch.
 *
 * Owns     scratch for the vocabulary and the window of accepted tokens.
 * Threads  one sampler per sequence, one thread at a time. */
#ifndef CAIRN_GENERATE_SAMPLE_SAMPLER_H
#define CAIRN_GENERATE_SAMPLE_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "generate/tokenize/tokenizer.h"

typedef struct sampler_params {
    float temperature;       /* <= 0: greedy */
    int32_t top_k;           /* keep the k largest; <= 0: all */
    float typical_p;         /* locally typical sampling; >= 1: all */
    float top_p;             /* keep the smallest set of at least this mass; >= 1: all */
    float min_p;             /* keep p >= min_p * p_max; <= 0: all */
    float repeat_penalty;    /* 1: none; logits of recent tokens divided (> 0) or multiplied */
    float frequency_penalty; /* subtracted per occurrence among the recent tokens */
    float presence_penalty;  /* subtracted once for a recent token */
    int32_t repeat_last_n;   /* how many accepted tokens are recent; 0: none, < 0: every one */
    uint32_t min_keep;       /* typical, top-p and min-p never leave fewer; 0 counts as 1 */
    uint64_t seed;

    float dry_multiplier; /* DRY (dry.h); 0: none */
    float dry_base;       /* 1.75 */
    int32_t dry_allowed_length;        /* repeats shorter than this are free; at least 1 */
    int32_t dry_last_n;                /* tokens looked back; 0: none, < 0: all */
    const uint8_t *dry_breakers;       /* bit id & 7 of byte id >> 3: a breaker. Borrowed by the */
    size_t n_dry_breakers;             /* sampler for its life; this many ids */
    bool mirostat;                     /* mirostat 2 instead of the cuts; needs temperature > 0 */
    float mirostat_tau, mirostat_eta;  /* wanted surprise (5), rate of learning (0.1) */
    const struct sampler_bias *bias;   /* added to logits; -infinity bans. Copied */
    size_t n_bias;
} sampler_params;

typedef struct sampler_bias {
    token_id id;
    float bias;
} sampler_bias;

/* Greedy: temperature 0, nothing cut, no penalties, 64 recent tokens, seed 0; DRY and mirostat off,
 * with their usual numbers. */
sampler_params sampler_params_default(void);

typedef struct sampler sampler;

cairn_status sampler_create(sampler **out, const sampler_params *p, cairn_error *err);

typedef enum sampler_step_kind {
    SAMPLER_PENALTIES,
    SAMPLER_TOP_K,
    SAMPLER_TYPICAL,
    SAMPLER_TOP_P,
    SAMPLER_MIN_P,
    SAMPLER_TEMPERATURE,
    SAMPLER_BIAS,
    SAMPLER_DRY,
    SAMPLER_MIROSTAT /* only as the last step */
} sampler_step_kind;
#define SAMPLER_MAX_STEPS 16
/* The same with an explicit chain of 1..SAMPLER_MAX_STEPS steps, each reading its numbers from *p. */
cairn_status sampler_create_chain(sampler **out, const sampler_params *p,
                                  const sampler_step_kind *steps, size_t n_steps,
                                  cairn_error *err);
void sampler_destroy(sampler *s); /* NULL is fine */
/* A token entered the sequence (prompt or answer): it counts for the penalties. */
cairn_status sampler_accept(sampler *s, token_id id);
/* Forget the accepted tokens and start the random numbers anew. */
void sampler_reset(sampler *s);

/* Temperature 0: what is picked is the foremost token, whatever others there are. So if the one picked without a
 * mask is allowed by it, it is the one picked with it. */
bool sampler_is_greedy(const sampler *s);

/* From now on only ids whose bit (id & 7 of byte id >> 3) is set may be chosen, as if the logits of the
 * others were minus infinity; NULL: all. Borrowed until the next call of this. */
void sampler_set_mask(sampler *s, const uint8_t *allowed);

/* Choose from logits[0, n_vocab) (read only; NaN counts as minus infinity). n_vocab >= 1. Does not
 * accept. TOKEN_NONE when memory runs out or no logit is above minus infinity.
 * O(n_vocab + kept log kept). */
token_id sampler_pick(sampler *s, const float *logits, size_t n_vocab);

/* What the model itself thinks, before any step of a chain: the log-probability (natural, softmax of
 * the logits; NaN counts as minus infinity) of `id`, and the n_top likeliest tokens by falling
 * log-probability, ties by lower id (n_top <= n_vocab). O(n_vocab log n_top). */
double sampler_logprob(const float *logits, size_t n_vocab, token_id id, size_t n_top,
                       token_id *top, double *top_logprob);

/* One candidate of the distribution sampler_pick draws from. */
typedef struct sampler_candidate {
    token_id id;
    float logit; /* after the chain */
    float p;     /* softmax over the kept ones */
} sampler_candidate;
/* That distribution by falling p (ties by id), borrowed until the next call on s. Greedy gives the
 * one token with p = 1. */
cairn_status sampler_distribution(sampler *s, const float *logits, size_t n_vocab,
                                  const sampler_candidate **out, size_t *n, cairn_error *err);

#endif

/* causal_attention.h - grouped-query attention over cached keys and values, for a batch of new tokens
 * of one or more sequences. */
#ifndef CAIRN_GENERATE_DECODE_CAUSAL_ATTENTION_H
#define CAIRN_GENERATE_DECODE_CAUSAL_ATTENTION_H

#include "base/pool.h"
#include "base/status.h"
#include "generate/decode/kv_cache.h"

typedef struct causal_attention causal_attention; /* scratch, one piece per thread */
/* max_ctx: the most positions a sequence has; max_parts: of one call. */
cairn_status causal_attention_create(causal_attention **out, const kv_cache *c, size_t n_heads,
                                     size_t max_ctx, size_t max_parts, const pool *p,
                                     cairn_error *err);
/* Scores are multiplied by `scale` (0: 1 / sqrt(head_dim)), then become softcap * tanh(s / softcap)
 * (0: they don't). */
void causal_attention_set(causal_attention *a, float scale, float softcap);
void causal_attention_destroy(causal_attention *a);
size_t causal_attention_bytes(const causal_attention *a);

/* n tokens of a sequence at positions first .. first + n - 1, whose keys and values are stored
 * already: q and out are [n][n_heads * head_dim]. */
typedef struct attention_part {
    const kv_pages *pages;
    size_t n, first;
    const float *q;
    float *out;
} attention_part;

/* out[t] = softmax(cap(q k scale)) v for all tokens of all parts. window: positions a token
 * sees, itself included; 0 = all. A token's bytes depend neither on n nor on the other parts. */
void causal_attention_run(causal_attention *a, const kv_cache *c, size_t layer,
                          const attention_part *parts, size_t n_parts, size_t window, pool *p);

#endif

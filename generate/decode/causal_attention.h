/* causal_attention.h - grouped-query attention over cached keys and values, for a batch of new
 * tokens.
 *
 * Keys and values of one layer and head:
 *   keys    [positions / 16][head_dim][16]   so that one lane of a product is one position
 *   values  [positions][head_dim]
 * as half floats (fast mode) or floats (exact mode). */
#ifndef CAIRN_GENERATE_DECODE_CAUSAL_ATTENTION_H
#define CAIRN_GENERATE_DECODE_CAUSAL_ATTENTION_H

#include "base/pool.h"
#include "base/status.h"
#include "generate/kernels/kernels.h"

typedef struct kv_cache {
    uint8_t *keys, *values; /* [layer][kv_head][capacity * head_dim] elements */
    size_t n_layers, n_kv_heads, head_dim;
    size_t capacity; /* positions, a multiple of 16 */
    bool half;
    size_t mapped_bytes;
} kv_cache;

/* Memory is taken from the system as positions are filled. */
cairn_status kv_cache_init(kv_cache *c, size_t n_layers, size_t n_kv_heads, size_t head_dim,
                           size_t n_ctx, bool half, cairn_error *err);
void kv_cache_clear(kv_cache *c);
/* Store one position's key and value of every head: k, v are [n_kv_heads * head_dim]. */
void kv_cache_put(kv_cache *c, const kernels *kern, size_t layer, size_t pos, const float *k,
                  const float *v);

typedef struct causal_attention causal_attention; /* scratch, one piece per thread */
cairn_status causal_attention_create(causal_attention **out, const kv_cache *c, size_t n_heads,
                                     const pool *p, cairn_error *err);
void causal_attention_destroy(causal_attention *a);
size_t causal_attention_bytes(const causal_attention *a);

/* out[t][n_heads * head_dim] = softmax(q k / sqrt(head_dim)) v for n tokens at positions first ..
 * first + n - 1, whose keys and values are stored already. window: positions a token sees, itself
 * included; 0 = all. A token's bytes do not depend on n. */
void causal_attention_run(causal_attention *a, const kv_cache *c, size_t layer, const float *q,
                          size_t n, size_t first, size_t window, float *out, pool *p);

#endif

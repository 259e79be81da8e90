/* causal_attention.c - see causal_attention.h.
 *
 * A task is one key head and a few tokens. Its queries (tokens x the heads that share the key head)
 * are gathered as rows, scaled by 1 / sqrt(head_dim). Then, over all positions any of them sees:
 * scores = queries x keys, 16 positions side by side; masked scores become -infinity; softmax per
 * row; outputs = probabilities x values. Both products are gemm_f32, whose sums run in rising order
 * of head dimension and of position. Positions a token must not see have probability exactly 0 and
 * add nothing, so the result of a token is the same in every batch.
 *
 * Half floats are widened 32 positions at a time for all rows of the task. */
#include "generate/decode/causal_attention.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "base/checked.h"

#define BLOCK         ((size_t)64)        /* positions widened together, a multiple of 16 */
#define TOKENS        ((size_t)8)         /* most tokens a task */
#define SCORES_FLOATS ((size_t)64 * 1024) /* scores a task should stay below */

cairn_status kv_cache_init(kv_cache *c, size_t n_layers, size_t n_kv_heads, size_t head_dim,
                           size_t n_ctx, bool half, cairn_error *err)
{
    size_t bytes;

    *c = (kv_cache){
        .n_layers = n_layers, .n_kv_heads = n_kv_heads, .head_dim = head_dim, .half = half};
    c->capacity = (n_ctx + BLOCK - 1) / BLOCK * BLOCK;
    if (!checked_mul(n_layers * n_kv_heads * head_dim, c->capacity, &bytes) ||
        !checked_mul(bytes, half ? 2 : 4, &bytes) || !checked_mul(bytes, 2, &c->mapped_bytes))
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of %zu positions", n_ctx);
    c->keys = mmap(NULL, c->mapped_bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c->keys == MAP_FAILED) {
        c->keys = NULL;
        return cairn_fail(err, CAIRN_ENOMEM, "keys and values of %zu positions: %zu bytes", n_ctx,
                          c->mapped_bytes);
    }
    c->values = c->keys + bytes;
    return CAIRN_OK;
}

void kv_cache_clear(kv_cache *c)
{
    if (c->keys)
        munmap(c->keys, c->mapped_bytes);
    c->keys = c->values = NULL;
}

static size_t element(const kv_cache *c)
{
    return c->half ? 2 : 4;
}

/* First byte of a head's keys or values. */
static uint8_t *head_of(const kv_cache *c, uint8_t *base, size_t layer, size_t head)
{
    return base + (layer * c->n_kv_heads + head) * c->capacity * c->head_dim * element(c);
}

void kv_cache_put(kv_cache *c, const kernels *kern, size_t layer, size_t pos, const float *k,
                  const float *v)
{
    const size_t dim = c->head_dim;

    for (size_t h = 0; h < c->n_kv_heads; h++, k += dim, v += dim) {
        uint8_t *keys = head_of(c, c->keys, layer, h);
        uint8_t *values = head_of(c, c->values, layer, h);
        size_t at = pos / 16 * dim * 16 + pos % 16;
        if (c->half) {
            uint16_t *kh = (uint16_t *)keys + at, as_half[dim];
            kern->to_half(k, dim, as_half);
            for (size_t i = 0; i < dim; i++)
                kh[i * 16] = as_half[i];
            kern->to_half(v, dim, (uint16_t *)values + pos * dim);
        } else {
            float *kf = (float *)keys + at;
            for (size_t i = 0; i < dim; i++)
                kf[i * 16] = k[i];
            memcpy((float *)values + pos * dim, v, dim * sizeof *v);
        }
    }
}

struct causal_attention {
    size_t n_workers, rows; /* most rows a task */
    size_t floats;          /* per worker */
    size_t scores;          /* of these, for scores */
    float *data;
    size_t group, n_heads;
};

cairn_status causal_attention_create(causal_attention **out, const kv_cache *c, size_t n_heads,
                                     const pool *p, cairn_error *err)
{
    causal_attention *a = calloc(1, sizeof *a);
    size_t all;

    *out = NULL;
    if (!a)
        return cairn_fail(err, CAIRN_ENOMEM, "attention");
    a->n_workers = pool_threads(p);
    a->n_heads = n_heads;
    a->group = n_heads / c->n_kv_heads;
    a->rows = a->group * TOKENS;
    a->scores = a->group * (c->capacity + 16);
    if (a->scores < SCORES_FLOATS)
        a->scores = SCORES_FLOATS;
    a->floats = (a->scores + 2 * a->rows * c->head_dim + BLOCK * c->head_dim + 15) & ~(size_t)15;
    if (!checked_mul(a->floats, a->n_workers, &all) ||
        !(a->data = checked_aligned(all, sizeof(float)))) {
        free(a);
        return cairn_fail(err, CAIRN_ENOMEM, "attention over %zu positions", c->capacity);
    }
    *out = a;
    return CAIRN_OK;
}

void causal_attention_destroy(causal_attention *a)
{
    if (!a)
        return;
    free(a->data);
    free(a);
}

size_t causal_attention_bytes(const causal_attention *a)
{
    return a->floats * a->n_workers * sizeof(float);
}

typedef struct causal_attention_call {
    causal_attention *a;
    const kv_cache *c;
    const kernels *k;
    size_t layer, n, first, window;
    const float *q;
    float *out;
    size_t tokens_per_task, heads_per_task; /* of the group */
    size_t token_tasks, head_tasks;
} causal_attention_call;

static size_t lowest_seen(const causal_attention_call *call, size_t pos)
{
    return call->window && pos + 1 > call->window ? pos + 1 - call->window : 0;
}

/* Positions from .. from + n of keys or values as floats; n <= BLOCK. */
static const float *widen(const causal_attention_call *call, const uint8_t *head, size_t from,
                          size_t n, float *buffer)
{
    size_t at = from * call->c->head_dim, count = n * call->c->head_dim;

    if (!call->c->half)
        return (const float *)head + at;
    call->k->from_half((const uint16_t *)head + at, count, buffer);
    return buffer;
}

/* Scores of `rows` queries against positions from .. to, row stride to - from; both multiples of
 * 16. */
static void score(const causal_attention_call *call, const uint8_t *keys, const float *queries,
                  size_t rows, size_t from, size_t to, float *scores, float *buffer)
{
    const size_t dim = call->c->head_dim;

    for (size_t pos = from; pos < to; pos += BLOCK) {
        size_t n = to - pos < BLOCK ? to - pos : BLOCK;
        const float *k = widen(call, keys, pos, n, buffer);
        call->k->gemm_f32(rows, n / 16, dim, queries, dim, k, 16, 16 * dim, scores + pos - from,
                          to - from, false);
    }
}

static void blend(const causal_attention_call *call, const uint8_t *values, const float *scores,
                  size_t rows, size_t from, size_t to, float *outputs, float *buffer)
{
    const size_t dim = call->c->head_dim;

    for (size_t pos = from; pos < to; pos += BLOCK) {
        size_t n = to - pos < BLOCK ? to - pos : BLOCK;
        const float *v = widen(call, values, pos, n, buffer);
        call->k->gemm_f32(rows, dim / 16, n, scores + pos - from, to - from, v, dim, 16, outputs,
                          dim, pos > from);
    }
}

static void causal_attention_task(void *ctx, size_t task, size_t worker)
{
    const causal_attention_call *call = ctx;
    const kv_cache *c = call->c;
    causal_attention *a = call->a;
    const size_t dim = c->head_dim, stride = a->n_heads * dim;
    size_t part = task % call->head_tasks, kv_head = task / call->head_tasks % c->n_kv_heads;
    size_t t0 = task / call->head_tasks / c->n_kv_heads * call->tokens_per_task;
    size_t tokens = call->n - t0 < call->tokens_per_task ? call->n - t0 : call->tokens_per_task;
    size_t h0 = part * call->heads_per_task;
    size_t heads = a->group - h0 < call->heads_per_task ? a->group - h0 : call->heads_per_task;
    size_t rows = tokens * heads, last = call->first + t0 + tokens - 1;
    size_t from = lowest_seen(call, call->first + t0) & ~(size_t)15, to = (last + 16) & ~(size_t)15;
    float *scores = a->data + worker * a->floats, *queries = scores + a->scores;
    float *outputs = queries + a->rows * dim, *buffer = outputs + a->rows * dim;
    size_t head0 = kv_head * a->group + h0;
    float by = 1.0f / sqrtf((float)dim);

    for (size_t t = 0; t < tokens; t++)
        memcpy(queries + t * heads * dim, call->q + (t0 + t) * stride + head0 * dim,
               heads * dim * sizeof(float));
    call->k->scale(queries, rows * dim, by);
    score(call, head_of(c, c->keys, call->layer, kv_head), queries, rows, from, to, scores, buffer);
    for (size_t r = 0; r < rows; r++) {
        float *s = scores + r * (to - from);
        size_t pos = call->first + t0 + r / heads, low = lowest_seen(call, pos);
        for (size_t i = from; i < low; i++)
            s[i - from] = -INFINITY;
        for (size_t i = pos + 1; i < to; i++)
            s[i - from] = -INFINITY;
        call->k->softmax(s, to - from);
    }
    blend(call, head_of(c, c->values, call->layer, kv_head), scores, rows, from, to, outputs,
          buffer);
    for (size_t t = 0; t < tokens; t++)
        memcpy(call->out + (t0 + t) * stride + head0 * dim, outputs + t * heads * dim,
               heads * dim * sizeof(float));
}

void causal_attention_run(causal_attention *a, const kv_cache *c, size_t layer, const float *q,
                          size_t n, size_t first, size_t window, float *out, pool *p)
{
    causal_attention_call call = {.a = a,
                                  .c = c,
                                  .k = kernels_get(),
                                  .layer = layer,
                                  .n = n,
                                  .first = first,
                                  .window = window,
                                  .q = q,
                                  .out = out};
    size_t span = first + n + 32, threads = pool_threads(p);

    if (window && window + n + 32 < span)
        span = window + n + 32;
    call.tokens_per_task = a->scores / (span * a->group);
    if (call.tokens_per_task > TOKENS)
        call.tokens_per_task = TOKENS;
    if (call.tokens_per_task < 1)
        call.tokens_per_task = 1;
    call.token_tasks = (n + call.tokens_per_task - 1) / call.tokens_per_task;
    /* With fewer tasks than threads, split the heads of a group. */
    call.head_tasks = 1;
    while (call.head_tasks * call.token_tasks * c->n_kv_heads < threads &&
           call.head_tasks * 2 <= a->group)
        call.head_tasks *= 2;
    call.heads_per_task = (a->group + call.head_tasks - 1) / call.head_tasks;
    call.head_tasks = (a->group + call.heads_per_task - 1) / call.heads_per_task;
    pool_run(p, call.token_tasks * call.head_tasks * c->n_kv_heads, causal_attention_task, &call);
}

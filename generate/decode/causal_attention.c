/* causal_attention.c - see causal_attention.h.
 *
 * A task is one key head and a few tokens. Its queries (tokens x the heads that share the key head)
 * are gathered as rows, scaled (by 1 / sqrt(head_dim) mostly). Then, over all positions any of them sees:
 * scores = queries x keys, 16 positions side by side; masked scores become -infinity; softmax per
 * row; outputs = probabilities x values. Both products are gemm_f32, whose sums run in rising order
 * of head dimension and of position. Positions a token must not see have probability exactly 0 and
 * add nothing, so the result of a token is the same in every batch.
 *
 * Half floats and int8 are widened a page (64 positions) at a time for all rows of the task. */
#include "generate/decode/causal_attention.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"

#define BLOCK         KV_PAGE             /* positions widened together: never across pages */
#define TOKENS        ((size_t)8)         /* most tokens a task */
#define SCORES_FLOATS ((size_t)64 * 1024) /* scores a task should stay below */

typedef struct causal_attention_call {
    causal_attention *a;
    const kv_cache *c;
    const kernels *k;
    size_t layer, window;
    attention_part part;
    size_t tokens_per_task, heads_per_task; /* of the group */
    size_t head_tasks, tasks;
} causal_attention_call;

struct causal_attention {
    size_t n_workers, rows; /* most rows a task */
    size_t floats;          /* per worker */
    size_t scores;          /* of these, for scores */
    float *data;
    size_t group, n_heads;
    float scale, softcap;
    causal_attention_call *calls; /* of the running call, one a part */
};

cairn_status causal_attention_create(causal_attention **out, const kv_cache *c, size_t n_heads,
                                     size_t max_ctx, size_t max_parts, const pool *p,
                                     cairn_error *err)
{
    causal_attention *a = calloc(1, sizeof *a);
    size_t all;

    *out = NULL;
    if (!a)
        return cairn_fail(err, CAIRN_ENOMEM, "attention");
    a->n_workers = pool_threads(p);
    a->n_heads = n_heads;
    a->scale = 1.0f / sqrtf((float)c->head_dim);
    a->group = n_heads / c->n_kv_heads;
    a->rows = a->group * TOKENS;
    a->scores = a->group * (max_ctx + 2 * BLOCK);
    if (a->scores < SCORES_FLOATS)
        a->scores = SCORES_FLOATS;
    a->floats = (a->scores + 2 * a->rows * c->head_dim + BLOCK * c->head_dim + 15) & ~(size_t)15;
    a->calls = checked_malloc(max_parts, sizeof *a->calls);
    if (!a->calls || !checked_mul(a->floats, a->n_workers, &all) ||
        !(a->data = checked_aligned(all, sizeof(float)))) {
        free(a->calls);
        free(a);
        return cairn_fail(err, CAIRN_ENOMEM, "attention over %zu positions", max_ctx);
    }
    *out = a;
    return CAIRN_OK;
}

void causal_attention_set(causal_attention *a, float scale, float softcap)
{
    if (scale)
        a->scale = scale;
    a->softcap = softcap;
}

void causal_attention_destroy(causal_attention *a)
{
    if (!a)
        return;
    free(a->data);
    free(a->calls);
    free(a);
}

size_t causal_attention_bytes(const causal_attention *a)
{
    return a->floats * a->n_workers * sizeof(float);
}

static size_t lowest_seen(const causal_attention_call *call, size_t pos)
{
    return call->window && pos + 1 > call->window ? pos + 1 - call->window : 0;
}

/* Positions from .. from + n, in one page, of keys or values as floats. */
static const float *widen(const causal_attention_call *call, kv_part part, size_t head, size_t from,
                          size_t n, float *buffer)
{
    const kv_cache *c = call->c;
    const uint8_t *at = kv_at(c, part, call->part.pages, call->layer, head, from), *scales;

    if (c->format == KV_F32)
        return (const float *)at;
    if (c->format == KV_F16) {
        call->k->from_half((const uint16_t *)at, n * c->head_dim, buffer);
        return buffer;
    }
    scales = kv_at(c, part == KV_KEYS ? KV_KEY_SCALES : KV_VALUE_SCALES, call->part.pages,
                   call->layer, head, from);
    if (part == KV_KEYS)
        call->k->from_int8_across((const int8_t *)at, (const float *)scales, n / 16, c->head_dim,
                                  KV_GROUP, buffer);
    else
        call->k->from_int8_along((const int8_t *)at, (const float *)scales,
                                 n * c->head_dim / KV_GROUP, KV_GROUP, buffer);
    return buffer;
}

/* Positions from pos on up to the page's end or `to`. */
static size_t rest_of_page(size_t pos, size_t to)
{
    size_t n = BLOCK - pos % BLOCK;
    return to - pos < n ? to - pos : n;
}

/* Scores of `rows` queries against positions from .. to, row stride to - from; both multiples of
 * 16. */
static void score(const causal_attention_call *call, size_t head, const float *queries, size_t rows,
                  size_t from, size_t to, float *scores, float *buffer)
{
    const size_t dim = call->c->head_dim;

    for (size_t pos = from, n; pos < to; pos += n) {
        n = rest_of_page(pos, to);
        const float *k = widen(call, KV_KEYS, head, pos, n, buffer);
        call->k->gemm_f32(rows, n / 16, dim, queries, dim, k, 16, 16 * dim, scores + pos - from,
                          to - from, false);
    }
}

static void blend(const causal_attention_call *call, size_t head, const float *scores, size_t rows,
                  size_t from, size_t to, float *outputs, float *buffer)
{
    const size_t dim = call->c->head_dim;

    for (size_t pos = from, n; pos < to; pos += n) {
        n = rest_of_page(pos, to);
        const float *v = widen(call, KV_VALUES, head, pos, n, buffer);
        call->k->gemm_f32(rows, dim / 16, n, scores + pos - from, to - from, v, dim, 16, outputs,
                          dim, pos > from);
    }
}

static void causal_attention_task(void *ctx, size_t task, size_t worker)
{
    const causal_attention_call *call = ctx;
    for (; task >= call->tasks; call++) /* the tasks of all parts follow one another */
        task -= call->tasks;
    const kv_cache *c = call->c;
    const attention_part *x = &call->part;
    causal_attention *a = call->a;
    const size_t dim = c->head_dim, stride = a->n_heads * dim;
    size_t part = task % call->head_tasks, kv_head = task / call->head_tasks % c->n_kv_heads;
    size_t t0 = task / call->head_tasks / c->n_kv_heads * call->tokens_per_task;
    size_t tokens = x->n - t0 < call->tokens_per_task ? x->n - t0 : call->tokens_per_task;
    size_t h0 = part * call->heads_per_task;
    size_t heads = a->group - h0 < call->heads_per_task ? a->group - h0 : call->heads_per_task;
    size_t rows = tokens * heads, last = x->first + t0 + tokens - 1;
    size_t from = lowest_seen(call, x->first + t0) & ~(size_t)15, to = (last + 16) & ~(size_t)15;
    float *scores = a->data + worker * a->floats, *queries = scores + a->scores;
    float *outputs = queries + a->rows * dim, *buffer = outputs + a->rows * dim;
    size_t head0 = kv_head * a->group + h0;

    for (size_t t = 0; t < tokens; t++)
        memcpy(queries + t * heads * dim, x->q + (t0 + t) * stride + head0 * dim,
               heads * dim * sizeof(float));
    call->k->scale(queries, rows * dim, a->scale);
    score(call, kv_head, queries, rows, from, to, scores, buffer);
    if (a->softcap)
        call->k->softcap(scores, rows * (to - from), a->softcap);
    for (size_t r = 0; r < rows; r++) {
        float *s = scores + r * (to - from);
        size_t pos = x->first + t0 + r / heads, low = lowest_seen(call, pos);
        for (size_t i = from; i < low; i++)
            s[i - from] = -INFINITY;
        for (size_t i = pos + 1; i < to; i++)
            s[i - from] = -INFINITY;
        call->k->softmax(s, to - from);
    }
    blend(call, kv_head, scores, rows, from, to, outputs, buffer);
    for (size_t t = 0; t < tokens; t++)
        memcpy(x->out + (t0 + t) * stride + head0 * dim, outputs + t * heads * dim,
               heads * dim * sizeof(float));
}

/* How a part is cut into tasks; `threads` that should all have one. */
static void plan_part(causal_attention_call *call, size_t threads)
{
    causal_attention *a = call->a;
    const size_t n = call->part.n, kv_heads = call->c->n_kv_heads;
    size_t span = call->part.first + n + 32, token_tasks;

    if (call->window && call->window + n + 32 < span)
        span = call->window + n + 32;
    call->tokens_per_task = a->scores / (span * a->group);
    if (call->tokens_per_task > TOKENS)
        call->tokens_per_task = TOKENS;
    if (call->tokens_per_task < 1)
        call->tokens_per_task = 1;
    token_tasks = (n + call->tokens_per_task - 1) / call->tokens_per_task;
    /* With fewer tasks than threads, split the heads of a group. */
    call->head_tasks = 1;
    while (call->head_tasks * token_tasks * kv_heads < threads && call->head_tasks * 2 <= a->group)
        call->head_tasks *= 2;
    call->heads_per_task = (a->group + call->head_tasks - 1) / call->head_tasks;
    call->head_tasks = (a->group + call->heads_per_task - 1) / call->heads_per_task;
    call->tasks = token_tasks * call->head_tasks * kv_heads;
}

void causal_attention_run(causal_attention *a, const kv_cache *c, size_t layer,
                          const attention_part *parts, size_t n_parts, size_t window, pool *p)
{
    size_t tasks = 0, threads = pool_threads(p);

    for (size_t i = 0; i < n_parts; i++) {
        a->calls[i] = (causal_attention_call){.a = a,
                                              .c = c,
                                              .k = kernels_get(),
                                              .layer = layer,
                                              .window = window,
                                              .part = parts[i]};
        plan_part(&a->calls[i], n_parts > threads ? 1 : threads);
        tasks += a->calls[i].tasks;
    }
    pool_run(p, tasks, causal_attention_task, a->calls);
}

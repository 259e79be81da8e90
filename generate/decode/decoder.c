/* decoder.c - the forward pass: tokens in, logits out.
 *
 * Reading order: decoder_eval cuts the tokens into batches; run_batch is the model from the
 * embeddings to the logits; layer_attention and layer_feed_forward are its two halves. Shapes stand
 * beside the buffers. All loops over tokens go through the pool.
 *
 * In the last layer only the tokens whose logits are wanted go on after their keys and values are
 * stored. */
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/causal_attention.h"
#include "generate/decode/model.h"

#define TOKENS_PER_TASK 4

struct decoder {
    const decoder_model *m;
    const kernels *k;
    pool *p;
    bool exact;
    size_t n_ctx, n_batch, n_past;
    atomic_bool cancel;

    const device_backend *device; /* with `there`: who runs the layers; NULL: we do */
    device_sequence *there;

    kv_cache cache;
    causal_attention *attention;
    activations *act;
    matmul_scratch *scratch;

    /* For a batch of n tokens; one allocation. */
    float *floats;
    size_t bytes;
    float *x;       /* [n][width] the residual stream */
    float *h;       /* [n][width] its norm, and what a half of a layer adds to it */
    float *q;       /* [n][heads * head_dim] */
    float *k_new;   /* [n][kv_heads * head_dim] */
    float *v_new;   /* [n][kv_heads * head_dim] */
    float *mixed;   /* [n][heads * head_dim] attention's output */
    float *gate;    /* [n][ff] */
    float *up;      /* [n][ff] */
    float *turn[2]; /* [n][rope_dims / 2][cos, sin], global and local base */
};

static cairn_status take_memory(decoder *d, cairn_error *err)
{
    const decoder_shape *s = &d->m->shape;
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    const struct {
        float **at;
        size_t n;
    } parts[] = {
        {&d->x, s->width},
        {&d->h, s->width},
        {&d->q, q},
        {&d->k_new, kv},
        {&d->v_new, kv},
        {&d->mixed, q},
        {&d->gate, s->ff},
        {&d->up, s->ff},
        {&d->turn[0], s->rope_dims},
        {&d->turn[1], s->rope_dims},
    };
    size_t per_token = 0, total;
    float *p;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        per_token += (parts[i].n + 15) & ~(size_t)15;
    if (!checked_mul(per_token, d->n_batch, &total) ||
        !(d->floats = checked_aligned(total, sizeof(float))))
        return cairn_fail(err, CAIRN_ENOMEM, "a batch of %zu tokens", d->n_batch);
    d->bytes = total * sizeof(float);
    p = d->floats;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        *parts[i].at = p;
        p += ((parts[i].n + 15) & ~(size_t)15) * d->n_batch;
    }
    return CAIRN_OK;
}

/* Let the device that holds the model's weights run the layers. */
static cairn_status go_there(decoder *d, cairn_error *err)
{
    cairn_status st = device_get(&d->device, err);

    if (st)
        return st;
    if (d->n_batch > d->device->most_tokens)
        d->n_batch = d->device->most_tokens;
    return d->device->sequence_create(&d->there, d->m->device, d->n_ctx, d->n_batch, err);
}

cairn_status decoder_create(decoder **out, const decoder_model *m, const decoder_options *o,
                            cairn_error *err)
{
    const decoder_shape *s = &m->shape;
    const size_t widest = s->ff > s->n_heads * s->head_dim ? s->ff : s->n_heads * s->head_dim;
    decoder *d;
    cairn_status st;

    *out = NULL;
    if (o->n_ctx > DECODER_MAX_CTX)
        return cairn_fail(err, CAIRN_EUSAGE, "a context of %zu tokens; at most %zu are possible",
                          o->n_ctx, DECODER_MAX_CTX);
    d = calloc(1, sizeof *d);
    if (!d)
        return cairn_fail(err, CAIRN_ENOMEM, "decoder");
    d->m = m;
    d->k = kernels_get();
    d->p = o->pool;
    d->exact = o->exact;
    d->n_ctx = o->n_ctx;
    if (!d->n_ctx)
        d->n_ctx = s->n_ctx_train < DECODER_DEFAULT_CTX ? s->n_ctx_train : DECODER_DEFAULT_CTX;
    d->n_batch = o->n_batch ? o->n_batch : DECODER_DEFAULT_BATCH;
    if (d->n_batch > d->n_ctx)
        d->n_batch = d->n_ctx;
    st = CAIRN_OK;
    if (m->device && !d->exact)
        st = go_there(d, err);
    if (!st)
        st = take_memory(d, err);
    if (!st)
        st = kv_cache_init(&d->cache, s->n_layers, s->n_kv_heads, s->head_dim, d->n_ctx, !d->exact,
                           err);
    if (!st)
        st = causal_attention_create(&d->attention, &d->cache, s->n_heads, d->p, err);
    if (!st)
        st = activations_create(&d->act, d->n_batch, s->width > widest ? s->width : widest, err);
    if (!st)
        st = matmul_scratch_create(&d->scratch, d->n_batch, d->p, err);
    if (st) {
        decoder_destroy(d);
        return st;
    }
    *out = d;
    return CAIRN_OK;
}

void decoder_destroy(decoder *d)
{
    if (!d)
        return;
    if (d->there)
        d->device->sequence_destroy(d->there);
    kv_cache_clear(&d->cache);
    causal_attention_destroy(d->attention);
    activations_destroy(d->act);
    matmul_scratch_destroy(d->scratch);
    free(d->floats);
    free(d);
}

size_t decoder_past(const decoder *d)
{
    return d->n_past;
}

size_t decoder_ctx(const decoder *d)
{
    return d->n_ctx;
}

void decoder_truncate(decoder *d, size_t n_past)
{
    if (n_past < d->n_past)
        d->n_past = n_past;
}

void decoder_cancel(decoder *d)
{
    atomic_store_explicit(&d->cancel, true, memory_order_relaxed);
}

void decoder_resume(decoder *d)
{
    atomic_store_explicit(&d->cancel, false, memory_order_relaxed);
}

size_t decoder_bytes(const decoder *d)
{
    if (d->there)
        return d->bytes + d->device->sequence_bytes(d->there);
    return d->bytes + causal_attention_bytes(d->attention) +
           d->cache.mapped_bytes / d->cache.capacity * d->n_past;
}

/* ---- loops over tokens ---- */

typedef void token_fn(decoder *d, const void *arg, size_t token);

typedef struct token_loop {
    decoder *d;
    token_fn *fn;
    const void *arg;
    size_t n;
} token_loop;

static void token_task(void *ctx, size_t task, size_t worker)
{
    const token_loop *l = ctx;
    size_t end = (task + 1) * TOKENS_PER_TASK;

    (void)worker;
    for (size_t t = task * TOKENS_PER_TASK; t < end && t < l->n; t++)
        l->fn(l->d, l->arg, t);
}

static void each_token(decoder *d, size_t n, token_fn *fn, const void *arg)
{
    token_loop l = {d, fn, arg, n};
    pool_run(d->p, (n + TOKENS_PER_TASK - 1) / TOKENS_PER_TASK, token_task, &l);
}

/* ---- rotary positions ---- */

typedef struct turn_arg {
    size_t first; /* position of token 0 */
    float base, scale;
    const float *factors;
    float *out;
} turn_arg;

/* Angles by repeated multiplication in float, as the models' reference engine computes them. */
static void make_turns(decoder *d, const void *arg, size_t t)
{
    const turn_arg *a = arg;
    size_t dims = d->m->shape.rope_dims;
    float step = powf(a->base, -2.0f / (float)dims), angle = (float)(a->first + t);
    float *out = a->out + t * dims;

    for (size_t i = 0; i < dims / 2; i++) {
        float theta = a->scale * (a->factors ? angle / a->factors[i] : angle);
        out[2 * i] = cosf(theta);
        out[2 * i + 1] = sinf(theta);
        angle *= step;
    }
}

static void turn_head(float *v, const float *turn, size_t dims, bool apart)
{
    size_t half = dims / 2, near = apart ? 1 : 2, far = apart ? half : 1;

    for (size_t i = 0; i < half; i++) {
        float *a = v + i * near, *b = a + far;
        float c = turn[2 * i], s = turn[2 * i + 1], x = *a, y = *b;
        *a = x * c - y * s;
        *b = x * s + y * c;
    }
}

/* ---- the two halves of a layer ---- */

typedef struct store_arg {
    const decoder_layer *l;
    size_t layer, first;
} store_arg;

/* Norm and turn the heads of one token's queries and keys; store its key and value. */
static void place_token(decoder *d, const void *arg, size_t t)
{
    const store_arg *a = arg;
    const decoder_shape *s = &d->m->shape;
    const float *turn = d->turn[a->l->local] + t * s->rope_dims;
    float *q = d->q + t * s->n_heads * s->head_dim;
    float *k = d->k_new + t * s->n_kv_heads * s->head_dim;

    for (size_t h = 0; h < s->n_heads; h++) {
        float *v = q + h * s->head_dim;
        if (a->l->q_norm)
            d->k->rmsnorm(v, a->l->q_norm, s->head_dim, s->norm_eps, v);
        turn_head(v, turn, s->rope_dims, d->m->pairs_apart);
    }
    for (size_t h = 0; h < s->n_kv_heads; h++) {
        float *v = k + h * s->head_dim;
        if (a->l->k_norm)
            d->k->rmsnorm(v, a->l->k_norm, s->head_dim, s->norm_eps, v);
        turn_head(v, turn, s->rope_dims, d->m->pairs_apart);
    }
    kv_cache_put(&d->cache, d->k, a->layer, a->first + t, k,
                 d->v_new + t * s->n_kv_heads * s->head_dim);
}

static void norm_token(decoder *d, const void *weights, size_t t)
{
    size_t width = d->m->shape.width;
    d->k->rmsnorm(d->x + t * width, weights, width, d->m->shape.norm_eps, d->h + t * width);
}

/* x += h, with the sandwich norm in between where there is one. */
static void add_token(decoder *d, const void *post_norm, size_t t)
{
    size_t width = d->m->shape.width;
    float *x = d->x + t * width, *h = d->h + t * width;

    if (post_norm)
        d->k->rmsnorm(h, post_norm, width, d->m->shape.norm_eps, h);
    d->k->add(x, h, width, x);
}

static void activate_token(decoder *d, const void *arg, size_t t)
{
    size_t ff = d->m->shape.ff;
    float *gate = d->gate + t * ff;

    (void)arg;
    if (d->m->shape.arch == DECODER_GEMMA3)
        d->k->gelu_tanh_mul(gate, d->up + t * ff, ff, gate);
    else
        d->k->silu_mul(gate, d->up + t * ff, ff, gate);
}

/* Products of n tokens of `in` (k wide) with up to three matrices. */
static void multiply(decoder *d, const float *in, size_t k, size_t n, const matmul *jobs,
                     size_t n_jobs)
{
    activations_set(d->act, in, k, n, k, !d->exact, d->p);
    matmul_run(jobs, n_jobs, d->act, d->exact, d->scratch, d->p);
}

/* Queries, keys and values of n tokens; stores keys and values. */
static void layer_project(decoder *d, size_t layer, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const decoder_layer *l = &d->m->layers[layer];
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    const matmul jobs[] = {{l->q, l->q_bias, d->q, q},
                           {l->k, l->k_bias, d->k_new, kv},
                           {l->v, l->v_bias, d->v_new, kv}};
    store_arg place = {l, layer, d->n_past};

    each_token(d, n, norm_token, l->attn_norm);
    multiply(d, d->h, s->width, n, jobs, 3);
    each_token(d, n, place_token, &place);
}

/* Attention of the last n of the tokens just projected; skip = those before them. */
static void layer_attend(decoder *d, size_t layer, size_t skip, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const decoder_layer *l = &d->m->layers[layer];
    const size_t q = s->n_heads * s->head_dim;
    const matmul job = {l->o, l->o_bias, d->h, s->width};

    causal_attention_run(d->attention, &d->cache, layer, d->q + skip * q, n, d->n_past + skip,
                         l->local ? s->window : 0, d->mixed, d->p);
    multiply(d, d->mixed, q, n, &job, 1);
    each_token(d, n, add_token, l->post_attn_norm);
}

static void layer_feed_forward(decoder *d, size_t layer, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const decoder_layer *l = &d->m->layers[layer];
    const matmul wide[] = {{l->gate, NULL, d->gate, s->ff}, {l->up, NULL, d->up, s->ff}};
    const matmul narrow = {l->down, NULL, d->h, s->width};

    each_token(d, n, norm_token, l->ffn_norm);
    multiply(d, d->h, s->width, n, wide, 2);
    each_token(d, n, activate_token, NULL);
    multiply(d, d->gate, s->ff, n, &narrow, 1);
    each_token(d, n, add_token, l->post_ffn_norm);
}

/* ---- the model ---- */

static void embed_token(decoder *d, const void *ids, size_t t)
{
    const decoder_model *m = d->m;
    size_t width = m->shape.width;
    float *x = d->x + t * width;
    token_id id = ((const token_id *)ids)[t];

    dequantize_row(m->embedding->type, m->embedding->data + (size_t)id * m->embedding_row, x,
                   width);
    if (m->embedding_scale != 1.0f)
        d->k->scale(x, width, m->embedding_scale);
}

static bool cancelled(const decoder *d)
{
    return atomic_load_explicit(&d->cancel, memory_order_relaxed);
}

/* n <= n_batch tokens; logits for the last `wanted` of them (0, 1 or n). Does not move n_past. */
static cairn_status run_batch(decoder *d, const token_id *ids, size_t n, size_t wanted,
                              float *logits, cairn_error *err)
{
    const decoder_shape *s = &d->m->shape;
    turn_arg global = {d->n_past, s->rope_base, s->rope_scale, d->m->rope_factors, d->turn[0]};
    turn_arg local = {d->n_past, s->rope_base_local, 1.0f, d->m->rope_factors, d->turn[1]};
    size_t skip = 0;

    each_token(d, n, embed_token, ids);
    each_token(d, n, make_turns, &global);
    if (s->window)
        each_token(d, n, make_turns, &local);
    if (d->there)
        return d->device->run(d->there,
                              &(device_batch){.x = d->x,
                                              .turns = {d->turn[0], s->window ? d->turn[1] : NULL},
                                              .n = n,
                                              .n_past = d->n_past,
                                              .wanted = wanted,
                                              .logits = logits,
                                              .cancel = &d->cancel},
                              err);
    for (size_t layer = 0; layer < s->n_layers; layer++) {
        if (cancelled(d))
            return cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        layer_project(d, layer, n);
        if (layer + 1 == s->n_layers) {
            skip = n - wanted;
            if (!wanted)
                return CAIRN_OK;
            if (skip)
                memmove(d->x, d->x + skip * s->width, wanted * s->width * sizeof *d->x);
        }
        layer_attend(d, layer, skip, n - skip);
        layer_feed_forward(d, layer, n - skip);
    }
    const matmul head = {d->m->head, NULL, logits, s->n_vocab};
    each_token(d, wanted, norm_token, d->m->output_norm);
    multiply(d, d->h, s->width, wanted, &head, 1);
    return CAIRN_OK;
}

cairn_status decoder_eval(decoder *d, const token_id *ids, size_t n, decoder_want want,
                          float *logits, cairn_error *err)
{
    const size_t vocab = d->m->shape.n_vocab, before = d->n_past;

    if (n > d->n_ctx - d->n_past)
        return cairn_fail(err, CAIRN_ELIMIT,
                          "%zu tokens do not fit: %zu of a context of %zu are taken", n, d->n_past,
                          d->n_ctx);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= vocab)
            return cairn_fail(err, CAIRN_EUSAGE, "token %d is outside the vocabulary of %zu",
                              ids[i], vocab);
    for (size_t done = 0; done < n;) {
        size_t batch = n - done < d->n_batch ? n - done : d->n_batch;
        size_t wanted = want == DECODER_ALL                         ? batch
                        : want == DECODER_LAST && done + batch == n ? 1
                                                                    : 0;
        cairn_status st = run_batch(d, ids + done, batch, wanted, logits, err);
        if (st) {
            d->n_past = before;
            return st;
        }
        d->n_past += batch;
        done += batch;
        if (want == DECODER_ALL)
            logits += batch * vocab;
    }
    return CAIRN_OK;
}

/* decoder.c - the forward pass: tokens in, logits out.
 *
 * Reading order: decoder_eval cuts the tokens of one sequence into batches, decoder_eval_many takes
 * those of several; run_batch is the model from the embeddings to the logits; layer_project,
 * layer_attend and layer_feed_forward are its parts. Shapes stand beside the buffers. All loops over
 * tokens go through the pool. A batch is a list of rows; only attention and the store of keys and
 * values know which sequence a row belongs to.
 *
 * In the last layer only the rows whose logits are wanted go on after their keys and values are
 * stored. */
#include <string.h>

#include "base/checked.h"
#include "generate/decode/decoder_inside.h"

#define TOKENS_PER_TASK 4

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
        {&d->low, d->m->lora ? d->m->lora->most_rank : 0},
        {&d->delta, d->m->lora ? d->m->lora->most_out : 0},
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

static const char *const kv_names[] = {[DECODER_KV_F16] = "f16", [DECODER_KV_INT8] = "int8"};

const char *decoder_kv_name(decoder_kv kv)
{
    return kv_names[kv];
}

bool decoder_kv_named(const char *name, decoder_kv *out)
{
    for (size_t i = 0; i < sizeof kv_names / sizeof *kv_names; i++)
        if (!strcmp(name, kv_names[i])) {
            *out = (decoder_kv)i;
            return true;
        }
    return false;
}

/* Let the device that holds the model's weights run the layers. */
static cairn_status go_there(decoder *d, cairn_error *err)
{
    cairn_status st = device_get(&d->device, err);

    if (st)
        return st;
    if (d->n_batch > d->device->most_tokens)
        d->n_batch = d->device->most_tokens;
    return d->device->sequence_create(&d->own.there, d->m->device, d->n_ctx, d->n_batch, err);
}

cairn_status decoder_create(decoder **out, const decoder_model *m, const decoder_options *o,
                            cairn_error *err)
{
    const decoder_shape *s = &m->shape;
    const size_t rank = m->lora ? m->lora->most_rank : 0;
    size_t widest = s->ff > s->n_heads * s->head_dim ? s->ff : s->n_heads * s->head_dim;
    decoder *d;
    cairn_status st;

    *out = NULL;
    if (o->n_ctx > DECODER_MAX_CTX)
        return cairn_fail(err, CAIRN_EUSAGE, "a context of %zu tokens; at most %zu are possible",
                          o->n_ctx, DECODER_MAX_CTX);
    d = calloc(1, sizeof *d);
    if (!d)
        return cairn_fail(err, CAIRN_ENOMEM, "decoder");
    widest = rank > widest ? rank : widest;
    d->m = m;
    d->k = kernels_get();
    d->p = o->pool;
    d->exact = o->exact;
    d->n_ctx = o->n_ctx;
    if (!d->n_ctx)
        d->n_ctx = s->n_ctx_train < DECODER_DEFAULT_CTX ? s->n_ctx_train : DECODER_DEFAULT_CTX;
    d->rope_factors = m->long_factors && d->n_ctx > m->n_ctx_short ? m->long_factors
                                                                   : m->rope_factors;
    d->n_batch = o->n_batch ? o->n_batch : DECODER_DEFAULT_BATCH;
    if (!o->n_kv && d->n_batch > d->n_ctx)
        d->n_batch = d->n_ctx;
    st = CAIRN_OK;
    if (m->device && !d->exact && o->kv == DECODER_KV_INT8)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                        "a device keeps keys and values as half floats: set [models] kv = f16, or "
                        "CAIRN_DEVICE=cpu");
    else if (m->device && !d->exact)
        st = go_there(d, err);
    d->places = checked_malloc(d->n_batch, sizeof *d->places);
    d->ids = checked_malloc(d->n_batch, sizeof *d->ids);
    d->parts = checked_malloc(d->n_batch, sizeof *d->parts);
    if (!st)
        st = take_memory(d, err);
    if (!st && (!d->places || !d->ids || !d->parts))
        st = cairn_fail(err, CAIRN_ENOMEM, "a batch of %zu tokens", d->n_batch);
    if (!st)
        st = kv_cache_init(&d->cache, s->n_layers, s->n_kv_heads, s->head_dim,
                           o->n_kv ? o->n_kv : d->n_ctx,
                           d->exact                    ? KV_F32
                           : o->kv == DECODER_KV_INT8 ? KV_INT8
                                                      : KV_F16,
                           err);
    if (!st)
        st = causal_attention_create(&d->attention, &d->cache, s->n_heads, d->n_ctx, d->n_batch,
                                     d->p, err);
    if (!st)
        causal_attention_set(d->attention, s->attn_scale, s->attn_softcap);
    if (!st)
        st = activations_create(&d->act, d->n_batch, s->width > widest ? s->width : widest, err);
    if (!st)
        st = matmul_scratch_create(&d->scratch, d->n_batch, m->most_strip, d->p, err);
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
    if (d->own.there)
        d->device->sequence_destroy(d->own.there);
    free(d->own.pages.ids);
    kv_cache_clear(&d->cache);
    causal_attention_destroy(d->attention);
    free(d->places);
    free(d->ids);
    free(d->parts);
    activations_destroy(d->act);
    matmul_scratch_destroy(d->scratch);
    free(d->floats);
    free(d);
}

size_t decoder_past(const decoder *d)
{
    return d->own.n_past;
}

size_t decoder_ctx(const decoder *d)
{
    return d->n_ctx;
}

void decoder_truncate(decoder *d, size_t n_past)
{
    decoder_sequence_truncate(d, &d->own, n_past);
}

/* ---- sequences ---- */

cairn_status decoder_sequence_create(decoder_sequence **out, decoder *d, cairn_error *err)
{
    decoder_sequence *s = calloc(1, sizeof *s);
    cairn_status st = s ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "sequence");

    if (!st && d->device)
        st = d->device->sequence_create(&s->there, d->m->device, d->n_ctx, d->n_batch, err);
    if (st) {
        free(s);
        s = NULL;
    }
    *out = s;
    return st;
}

cairn_status decoder_sequence_fork(decoder_sequence **out, decoder *d, const decoder_sequence *from,
                                   size_t n, cairn_error *err)
{
    cairn_status st;

    *out = NULL;
    if (d->device)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "sequences on a device share nothing");
    st = decoder_sequence_create(out, d, err);
    if (!st)
        st = kv_pages_share(&d->cache, &(*out)->pages, &from->pages, n, err);
    if (st) {
        free(*out);
        *out = NULL;
        return st;
    }
    (*out)->n_past = n;
    return CAIRN_OK;
}

void decoder_sequence_destroy(decoder *d, decoder_sequence *s)
{
    if (!s)
        return;
    if (s->there)
        d->device->sequence_destroy(s->there);
    kv_pages_clear(&d->cache, &s->pages);
    free(s);
}

decoder_sequence *decoder_own_sequence(decoder *d)
{
    return &d->own;
}

size_t decoder_sequence_past(const decoder_sequence *s)
{
    return s->n_past;
}

void decoder_sequence_truncate(decoder *d, decoder_sequence *s, size_t n_past)
{
    if (n_past >= s->n_past)
        return;
    s->n_past = n_past;
    kv_pages_truncate(&d->cache, &s->pages, n_past);
}

size_t decoder_keep_bytes(const decoder *d, size_t n)
{
    return d->device || n % DECODER_KEEP_UNIT ? 0 : kv_run_bytes(&d->cache, n);
}

void decoder_keep(const decoder *d, const decoder_sequence *s, size_t from, size_t n, uint8_t *out)
{
    kv_run_get(&d->cache, &s->pages, from, n, out);
}

bool decoder_has_room(const decoder *d, const decoder_sequence *s, size_t to)
{
    return to <= d->n_ctx && kv_pages_missing(&d->cache, &s->pages, s->n_past, to) <=
                                 d->cache.n_pages - d->cache.n_used;
}

cairn_status decoder_restore(decoder *d, decoder_sequence *s, const uint8_t *kept, size_t n_bytes,
                             size_t n, cairn_error *err)
{
    cairn_status st;

    if (n > d->n_ctx - s->n_past)
        return cairn_fail(err, CAIRN_ELIMIT, "%zu tokens do not fit a context of %zu", n, d->n_ctx);
    if (d->device || (n | s->n_past) % DECODER_KEEP_UNIT || n_bytes != kv_run_bytes(&d->cache, n))
        return cairn_fail(err, CAIRN_EINPUT, "%zu bytes are no keys and values of %zu tokens",
                          n_bytes, n);
    st = kv_pages_reserve(&d->cache, &s->pages, s->n_past, s->n_past + n, err);
    if (st)
        return st;
    kv_run_put(&d->cache, &s->pages, s->n_past, n, kept);
    s->n_past += n;
    return CAIRN_OK;
}

size_t decoder_free_tokens(const decoder *d)
{
    return (d->cache.n_pages - d->cache.n_used) * KV_PAGE;
}

size_t decoder_token_bytes(const decoder *d)
{
    return kv_cache_page_bytes(&d->cache) / KV_PAGE;
}

size_t decoder_batch_tokens(const decoder *d)
{
    return d->n_batch;
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
    if (d->own.there)
        return d->bytes + d->device->sequence_bytes(d->own.there);
    return d->bytes + causal_attention_bytes(d->attention) +
           kv_cache_page_bytes(&d->cache) * d->cache.n_used;
}

/* ---- loops over tokens ---- */

typedef struct token_loop {
    decoder *d;
    decoder_token_fn *fn;
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

void decoder_each_token(decoder *d, size_t n, decoder_token_fn *fn, const void *arg)
{
    token_loop l = {d, fn, arg, n};
    pool_run(d->p, (n + TOKENS_PER_TASK - 1) / TOKENS_PER_TASK, token_task, &l);
}

/* ---- the two halves of a layer ---- */

typedef struct store_arg {
    const decoder_layer *l;
    size_t layer;
} store_arg;

/* Norm and turn the heads of one token's queries and keys; store its key and value. */
static void place_token(decoder *d, const void *arg, size_t t)
{
    const store_arg *a = arg;
    const decoder_shape *s = &d->m->shape;
    const float *turn = decoder_turns(d, a->l->local) + t * s->rope_dims;
    float *q = d->q + t * s->n_heads * s->head_dim;
    float *k = d->k_new + t * s->n_kv_heads * s->head_dim;

    if (s->norm_after) {
        d->k->rmsnorm(q, a->l->q_norm, s->n_heads * s->head_dim, s->norm_eps, q);
        d->k->rmsnorm(k, a->l->k_norm, s->n_kv_heads * s->head_dim, s->norm_eps, k);
    }
    for (size_t h = 0; h < s->n_heads; h++) {
        float *v = q + h * s->head_dim;
        if (a->l->q_norm && !s->norm_after)
            d->k->rmsnorm(v, a->l->q_norm, s->head_dim, s->norm_eps, v);
        decoder_turn_head(v, turn, s->rope_dims, d->m->pairs_apart);
    }
    for (size_t h = 0; h < s->n_kv_heads; h++) {
        float *v = k + h * s->head_dim;
        if (a->l->k_norm && !s->norm_after)
            d->k->rmsnorm(v, a->l->k_norm, s->head_dim, s->norm_eps, v);
        decoder_turn_head(v, turn, s->rope_dims, d->m->pairs_apart);
    }
    kv_cache_put(&d->cache, d->k, &d->places[t].s->pages, a->layer, d->places[t].pos, k,
                 d->v_new + t * s->n_kv_heads * s->head_dim);
}

static void norm_token(decoder *d, const void *weights, size_t t)
{
    size_t width = d->m->shape.width;

    if (weights)
        d->k->rmsnorm(d->x + t * width, weights, width, d->m->shape.norm_eps, d->h + t * width);
    else
        memcpy(d->h + t * width, d->x + t * width, width * sizeof *d->h);
}

/* x += h, with the sandwich norm in between where there is one. */
static void add_token(decoder *d, const void *post_norm, size_t t)
{
    size_t width = d->m->shape.width;
    float *x = d->x + t * width, *h = d->h + t * width;

    if (post_norm)
        d->k->rmsnorm(h, post_norm, width, d->m->shape.norm_eps, h);
    if (d->m->shape.residual_scale != 1.0f)
        d->k->scale(h, width, d->m->shape.residual_scale);
    d->k->add(x, h, width, x);
}

static void activate_token(decoder *d, const void *arg, size_t t)
{
    size_t ff = d->m->shape.ff;
    float *gate = d->gate + t * ff;

    (void)arg;
    if (d->m->shape.gelu)
        d->k->gelu_tanh_mul(gate, d->up + t * ff, ff, gate);
    else
        d->k->silu_mul(gate, d->up + t * ff, ff, gate);
}

static void add_delta(decoder *d, const void *arg, size_t t)
{
    const matmul *job = arg;
    float *out = job->out + t * job->stride;

    d->k->add(out, d->delta + t * job->w->rows, job->w->rows, out);
}

/* What the adapters of a matrix add to its product. */
static void multiply_adapter(decoder *d, const float *in, size_t k, size_t n, const matmul *job,
                             const lora_site *s)
{
    const matmul low = {s->down, NULL, d->low, s->down->rows};
    const matmul high = {s->up, NULL, d->delta, s->up->rows};

    activations_set(d->act, in, k, n, k, false, d->p);
    matmul_run(&low, 1, d->act, true, d->scratch, d->p);
    activations_set(d->act, d->low, low.stride, n, low.stride, false, d->p);
    matmul_run(&high, 1, d->act, true, d->scratch, d->p);
    decoder_each_token(d, n, add_delta, job);
}

/* Products of n tokens of `in` (k wide) with up to three matrices, whose adapters (NULL: none) follow one
 * another as they do. */
static void multiply(decoder *d, const float *in, size_t k, size_t n, const matmul *jobs,
                     size_t n_jobs, const lora_site *sites)
{
    activations_set(d->act, in, k, n, k, !d->exact, d->p);
    matmul_run(jobs, n_jobs, d->act, d->exact, d->scratch, d->p);
    for (size_t i = 0; sites && i < n_jobs; i++)
        if (sites[i].down)
            multiply_adapter(d, in, k, n, &jobs[i], &sites[i]);
}

static const lora_site *sites_of(const decoder *d, size_t layer, adapter_site first)
{
    return d->m->lora ? &d->m->lora->sites[layer * ADAPTER_SITES + first] : NULL;
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
    store_arg place = {l, layer};

    decoder_each_token(d, n, norm_token, l->attn_norm);
    multiply(d, d->h, s->width, n, jobs, 3, sites_of(d, layer, ADAPTER_Q));
    decoder_each_token(d, n, place_token, &place);
}

/* Attention of the n rows of the parts. */
static void layer_attend(decoder *d, size_t layer, size_t n_parts, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const decoder_layer *l = &d->m->layers[layer];
    const size_t q = s->n_heads * s->head_dim;
    const matmul job = {l->o, l->o_bias, d->h, s->width};

    causal_attention_run(d->attention, &d->cache, layer, d->parts, n_parts,
                         l->local ? s->window : 0, d->p);
    multiply(d, d->mixed, q, n, &job, 1, sites_of(d, layer, ADAPTER_O));
    decoder_each_token(d, n, add_token, l->post_attn_norm);
}

static void layer_feed_forward(decoder *d, size_t layer, size_t n)
{
    const decoder_shape *s = &d->m->shape;
    const decoder_layer *l = &d->m->layers[layer];
    const matmul wide[] = {{l->gate, NULL, d->gate, s->ff}, {l->up, NULL, d->up, s->ff}};
    const matmul narrow = {l->down, NULL, d->h, s->width};

    decoder_each_token(d, n, norm_token, l->ffn_norm);
    multiply(d, d->h, s->width, n, wide, 2, sites_of(d, layer, ADAPTER_GATE));
    decoder_each_token(d, n, activate_token, NULL);
    multiply(d, d->gate, s->ff, n, &narrow, 1, sites_of(d, layer, ADAPTER_DOWN));
    decoder_each_token(d, n, add_token, l->post_ffn_norm);
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

static void finish_logits(decoder *d, const void *logits, size_t t)
{
    const decoder_shape *s = &d->m->shape;
    float *row = (float *)logits + t * s->n_vocab;

    if (s->logit_scale != 1.0f)
        d->k->scale(row, s->n_vocab, s->logit_scale);
    if (s->logit_softcap)
        d->k->softcap(row, s->n_vocab, s->logit_softcap);
}

static size_t wanted_rows(const decoder_item *x)
{
    return x->want == DECODER_ALL ? x->n : x->want == DECODER_LAST ? 1 : 0;
}

/* Where token j of an item stands. */
static size_t position_of(const decoder_item *x, size_t j)
{
    return x->at ? x->at[j] : x->s->n_past + j;
}

/* The rows of all items go through attention as they are, a part for each run of neighbouring
 * positions; returns how many they are. */
static size_t all_rows(decoder *d, const decoder_item *items, size_t n_items, size_t *n_parts)
{
    const size_t q = d->m->shape.n_heads * d->m->shape.head_dim;
    size_t n = 0;

    *n_parts = 0;
    for (size_t i = 0; i < n_items; i++)
        for (size_t j = 0; j < items[i].n; j++, n++) {
            size_t pos = position_of(&items[i], j);
            if (!j || pos != d->places[n - 1].pos + 1)
                d->parts[(*n_parts)++] =
                    (attention_part){&items[i].s->pages, 0, pos, d->q + n * q, d->mixed + n * q};
            d->parts[*n_parts - 1].n++;
            d->ids[n] = items[i].ids[j];
            d->places[n] = (row_place){items[i].s, pos};
        }
    return n;
}

/* Only the wanted rows, the last ones of each item, go on: the residual stream closes up, attention
 * reads the queries where they are and writes close together. */
static size_t keep_wanted(decoder *d, const decoder_item *items, size_t n_items, size_t *n_parts)
{
    const size_t width = d->m->shape.width, q = d->m->shape.n_heads * d->m->shape.head_dim;
    size_t from = 0, to = 0;

    *n_parts = 0;
    for (size_t i = 0; i < n_items; i++) {
        size_t w = wanted_rows(&items[i]), skip = items[i].n - w;
        if (w) {
            memmove(d->x + to * width, d->x + (from + skip) * width, w * width * sizeof *d->x);
            d->parts[(*n_parts)++] =
                (attention_part){&items[i].s->pages, w, position_of(&items[i], skip),
                                 d->q + (from + skip) * q, d->mixed + to * q};
        }
        from += items[i].n;
        to += w;
    }
    return to;
}

/* The rows of all items, embedded, with the angles of their positions. */
static size_t embed_rows(decoder *d, const decoder_item *items, size_t n_items, size_t *n_parts)
{
    size_t n = all_rows(d, items, n_items, n_parts);

    decoder_each_token(d, n, embed_token, d->ids);
    decoder_make_turns(d, n);
    return n;
}

/* At most n_batch tokens, whose positions are reserved. Does not move n_past. */
static cairn_status run_batch(decoder *d, const decoder_item *items, size_t n_items, float *logits,
                              cairn_error *err)
{
    const decoder_shape *s = &d->m->shape;
    size_t n_parts, n = embed_rows(d, items, n_items, &n_parts);

    for (size_t layer = 0; layer < s->n_layers; layer++) {
        if (cancelled(d))
            return cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        layer_project(d, layer, n);
        if (layer + 1 == s->n_layers) {
            n = keep_wanted(d, items, n_items, &n_parts);
            if (!n)
                return CAIRN_OK;
        }
        layer_attend(d, layer, n_parts, n);
        layer_feed_forward(d, layer, n);
    }
    const matmul head = {d->m->head, NULL, logits, s->n_vocab};
    decoder_each_token(d, n, norm_token, d->m->output_norm);
    if (!d->m->head) {
        memcpy(logits, d->h, n * s->width * sizeof *logits);
        return CAIRN_OK;
    }
    multiply(d, d->h, s->width, n, &head, 1, NULL);
    if (s->logit_scale != 1.0f || s->logit_softcap)
        decoder_each_token(d, n, finish_logits, logits);
    return CAIRN_OK;
}

static cairn_status check_ids(const decoder *d, const token_id *ids, size_t n, cairn_error *err)
{
    const size_t vocab = d->m->shape.n_vocab;

    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= vocab)
            return cairn_fail(err, CAIRN_EUSAGE, "token %d is outside the vocabulary of %zu",
                              ids[i], vocab);
    return CAIRN_OK;
}

static cairn_status check_room(const decoder *d, const decoder_sequence *s, size_t n,
                               cairn_error *err)
{
    if (n <= d->n_ctx - s->n_past)
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_ELIMIT, "%zu tokens do not fit: %zu of a context of %zu are taken",
                      n, s->n_past, d->n_ctx);
}

/* Rows of a pass: new ones behind the sequence, or some of those it has again. */
static cairn_status check_places(const decoder *d, const decoder_item *x, cairn_error *err)
{
    if (!x->at)
        return check_room(d, x->s, x->n, err);
    for (size_t j = 0; j < x->n; j++)
        if (x->at[j] >= x->s->n_past || (j && x->at[j] <= x->at[j - 1]))
            return cairn_fail(err, CAIRN_EUSAGE, "position %zu is not one of %zu in rising order",
                              x->at[j], x->s->n_past);
    if (d->device || x->want == DECODER_ALL)
        return cairn_fail(err, CAIRN_EUSAGE, "positions again give the last logits, and not on a "
                                             "device");
    return CAIRN_OK;
}

/* Give back the pages reserved beyond what the sequences hold. */
static void release_unused(decoder *d, const decoder_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kv_pages_truncate(&d->cache, &items[i].s->pages, items[i].s->n_past);
}

/* The device takes one sequence after the other. */
static cairn_status run_there(decoder *d, const decoder_item *x, float *logits, cairn_error *err)
{
    const decoder_shape *s = &d->m->shape;
    size_t n_parts;

    embed_rows(d, x, 1, &n_parts);
    return d->device->run(x->s->there,
                          &(device_batch){.x = d->x,
                                          .turns = {d->turn[0], s->window || s->turns_apart ? decoder_turns(d, true) : NULL},
                                          .n = x->n,
                                          .n_past = x->s->n_past,
                                          .wanted = wanted_rows(x),
                                          .logits = logits,
                                          .cancel = &d->cancel},
                          err);
}

static cairn_status run_items(decoder *d, const decoder_item *items, size_t n_items, float *logits,
                              cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    if (!d->device)
        return run_batch(d, items, n_items, logits, err);
    for (size_t i = 0; !st && i < n_items; i++) {
        st = run_there(d, &items[i], logits, err);
        logits += wanted_rows(&items[i]) * d->m->shape.n_vocab;
    }
    return st;
}

cairn_status decoder_eval_many(decoder *d, const decoder_item *items, size_t n_items, float *logits,
                               cairn_error *err)
{
    size_t total = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < n_items; i++) {
        st = check_ids(d, items[i].ids, items[i].n, err);
        if (!st)
            st = check_places(d, &items[i], err);
        if (!st && (!items[i].n || items[i].n > d->n_batch - total))
            st = cairn_fail(err, CAIRN_EUSAGE, "a pass takes 1 to %zu tokens", d->n_batch);
        total += st ? 0 : items[i].n;
    }
    for (size_t i = 0; !st && !d->device && i < n_items; i++) {
        size_t from = position_of(&items[i], 0), to = position_of(&items[i], items[i].n - 1) + 1;
        st = kv_pages_reserve(&d->cache, &items[i].s->pages, from, to, err);
    }
    if (!st && n_items)
        st = run_items(d, items, n_items, logits, err);
    if (st) {
        release_unused(d, items, n_items);
        return st;
    }
    for (size_t i = 0; i < n_items; i++)
        items[i].s->n_past += items[i].at ? 0 : items[i].n;
    return CAIRN_OK;
}

cairn_status decoder_eval(decoder *d, const token_id *ids, size_t n, decoder_want want,
                          float *logits, cairn_error *err)
{
    const size_t before = d->own.n_past;
    cairn_status st = check_room(d, &d->own, n, err);

    if (!st)
        st = check_ids(d, ids, n, err);
    for (size_t done = 0; !st && done < n;) {
        size_t batch = n - done < d->n_batch ? n - done : d->n_batch;
        bool last = done + batch == n;
        decoder_item item = {&d->own, ids + done, batch,
                             want == DECODER_LAST && !last ? DECODER_NO_LOGITS : want, NULL};
        st = decoder_eval_many(d, &item, 1, logits, err);
        done += batch;
        if (want == DECODER_ALL)
            logits += batch * (d->m->head ? d->m->shape.n_vocab : d->m->shape.width);
    }
    if (st)
        decoder_truncate(d, before);
    return st;
}

/* backend.c - the table of device.h: a decoder's weights on the device, and the walk through its
 * layers.
 *
 * Reading order: run is decoder.c's run_batch over the steps of kernels.h; take_layer and
 * sequence_create say what lies on the device. Shapes stand beside the buffers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/cuda/encode_backend.h"
#include "generate/cuda/kernels.h"
#include "generate/cuda/scan_backend.h"
#include "generate/decode/device.h"
#include "generate/decode/model.h"

#define MOST_TOKENS ((size_t)1024)
#define HEAD_TOKENS ((size_t)32) /* whose logits are made together */
#ifndef SCORE_ROOM               /* floats, unless a few tokens take more */
#define SCORE_ROOM ((size_t)64 << 20)
#endif

typedef struct device_layer {
    device_matrix q, k, v, o, gate, up, down;
    float *attn_norm, *ffn_norm, *post_attn_norm, *post_ffn_norm, *q_norm, *k_norm;
    float *q_bias, *k_bias, *v_bias, *o_bias;
} device_layer;

struct device_weights {
    const decoder_model *m;
    device_layer *layers;
    device_matrix head;
    float *output_norm;
    size_t bytes;
    void **taken; /* all device memory, to free */
    size_t n_taken, room;
};

/* ---- weights ---- */

static cairn_status take(device_weights *w, const void *src, size_t bytes, void **out,
                         cairn_error *err)
{
    cairn_status st;

    if (w->n_taken == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        void **more = realloc(w->taken, room * sizeof *more);
        if (!more)
            return cairn_fail(err, CAIRN_ENOMEM, "weights on the device");
        w->taken = more;
        w->room = room;
    }
    st = device_alloc(out, bytes, "weights on the device", err);
    if (st)
        return st;
    w->taken[w->n_taken++] = *out;
    w->bytes += bytes;
    return device_upload(*out, src, bytes, err);
}

static cairn_status take_matrix(device_weights *w, const matrix *m, device_matrix *out,
                                cairn_error *err)
{
    const strip_layout *l = strip_layout_of(m->type);
    void *data;
    cairn_status st;

    if (m->rows > UINT32_MAX || m->cols > UINT32_MAX)
        return cairn_fail(err, CAIRN_ELIMIT, "a matrix of %zu x %zu on the device", m->rows,
                          m->cols);
    st = take(w, m->data, m->strips * m->strip_bytes, &data, err);
    *out = (device_matrix){.type = m->type,
                           .layout = l ? *l : (strip_layout){0},
                           .rows = (uint32_t)m->rows,
                           .cols = (uint32_t)m->cols,
                           .strips = (uint32_t)m->strips,
                           .strip_bytes = m->strip_bytes,
                           .data = data};
    return st;
}

static cairn_status take_vector(device_weights *w, const float *v, size_t n, float **out,
                                cairn_error *err)
{
    void *data = NULL;
    cairn_status st = v ? take(w, v, n * sizeof *v, &data, err) : CAIRN_OK;

    *out = data;
    return st;
}

static cairn_status take_layer(device_weights *w, const decoder_layer *l, device_layer *d,
                               cairn_error *err)
{
    const decoder_shape *s = &w->m->shape;
    const size_t q = s->n_heads * s->head_dim, kv = s->n_kv_heads * s->head_dim;
    const struct {
        const matrix *from;
        device_matrix *to;
    } matrices[] = {{l->q, &d->q},       {l->k, &d->k},   {l->v, &d->v},      {l->o, &d->o},
                    {l->gate, &d->gate}, {l->up, &d->up}, {l->down, &d->down}};
    const struct {
        const float *from;
        size_t n;
        float **to;
    } vectors[] = {{l->attn_norm, s->width, &d->attn_norm},
                   {l->ffn_norm, s->width, &d->ffn_norm},
                   {l->post_attn_norm, s->width, &d->post_attn_norm},
                   {l->post_ffn_norm, s->width, &d->post_ffn_norm},
                   {l->q_norm, s->head_dim, &d->q_norm},
                   {l->k_norm, s->head_dim, &d->k_norm},
                   {l->q_bias, q, &d->q_bias},
                   {l->k_bias, kv, &d->k_bias},
                   {l->v_bias, kv, &d->v_bias},
                   {l->o_bias, s->width, &d->o_bias}};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; !st && i < sizeof matrices / sizeof *matrices; i++)
        st = take_matrix(w, matrices[i].from, matrices[i].to, err);
    for (size_t i = 0; !st && i < sizeof vectors / sizeof *vectors; i++)
        st = take_vector(w, vectors[i].from, vectors[i].n, vectors[i].to, err);
    return st;
}

static void weights_destroy(device_weights *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_taken; i++)
        device_free(w->taken[i]);
    free(w->taken);
    free(w->layers);
    free(w);
}

static cairn_status weights_create(device_weights **out, const decoder_model *m, cairn_error *err)
{
    device_weights *w = calloc(1, sizeof *w);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (w) {
        w->m = m;
        w->layers = calloc(m->shape.n_layers, sizeof *w->layers);
    }
    if (!w || !w->layers)
        st = cairn_fail(err, CAIRN_ENOMEM, "weights on the device");
    for (size_t i = 0; !st && i < m->shape.n_layers; i++)
        st = take_layer(w, &m->layers[i], &w->layers[i], err);
    if (!st)
        st = take_matrix(w, m->head, &w->head, err);
    if (!st)
        st = take_vector(w, m->output_norm, m->shape.width, &w->output_norm, err);
    if (st) {
        weights_destroy(w);
        return st;
    }
    *out = w;
    return CAIRN_OK;
}

static size_t weights_bytes(const device_weights *w)
{
    return w->bytes;
}

/* ---- a sequence ---- */

struct device_sequence {
    const device_weights *w;
    size_t n_ctx, n_batch, bytes;
    uint32_t capacity;       /* positions, a multiple of 16 */
    uint8_t *all;            /* one allocation; the rest point into it */
    uint16_t *keys, *values; /* [layer][kv_heads * capacity * head_dim] */
    float *x;                /* [n][width] the residual stream */
    float *h;                /* [n][width] */
    float *q;                /* [n][heads * head_dim] */
    float *k, *v;            /* [n][kv_heads * head_dim] */
    float *mixed;            /* [n][heads * head_dim] */
    float *gate, *up;        /* [n][ff] */
    float *turns[2];         /* [n][rope_dims] */
    float *scores;           /* [score_room] */
    size_t score_room;
    float *logits;    /* [HEAD_TOKENS][n_vocab] */
    uint8_t *rounded; /* [n][widest / 32][KERNEL_SINGLE_BLOCK] */
};

static void sequence_destroy(device_sequence *s)
{
    if (!s)
        return;
    device_free(s->all);
    free(s);
}

static size_t sequence_bytes(const device_sequence *s)
{
    return s->bytes;
}

static cairn_status sequence_create(device_sequence **out, device_weights *w, size_t n_ctx,
                                    size_t n_batch, cairn_error *err)
{
    const decoder_shape *m = &w->m->shape;
    const size_t q = m->n_heads * m->head_dim, kv = m->n_kv_heads * m->head_dim;
    device_sequence *s = calloc(1, sizeof *s);
    const size_t widest =
        m->ff > q ? (m->ff > m->width ? m->ff : m->width) : (q > m->width ? q : m->width);
    const size_t capacity = (n_ctx + 15) & ~(size_t)15;
    const size_t few = step_score_room(m->n_heads, m->head_dim, capacity);
    const size_t score_room = few < SCORE_ROOM ? SCORE_ROOM : few;
    const struct {
        void **at;
        size_t count, each; /* elements, and their bytes */
    } parts[] = {
        {(void **)&s->keys, m->n_layers * kv, capacity * 2},
        {(void **)&s->values, m->n_layers * kv, capacity * 2},
        {(void **)&s->x, n_batch, m->width * 4},
        {(void **)&s->h, n_batch, m->width * 4},
        {(void **)&s->q, n_batch, q * 4},
        {(void **)&s->k, n_batch, kv * 4},
        {(void **)&s->v, n_batch, kv * 4},
        {(void **)&s->mixed, n_batch, q * 4},
        {(void **)&s->gate, n_batch, m->ff * 4},
        {(void **)&s->up, n_batch, m->ff * 4},
        {(void **)&s->turns[0], n_batch, m->rope_dims * 4},
        {(void **)&s->turns[1], n_batch, m->rope_dims * 4},
        {(void **)&s->scores, score_room, 4},
        {(void **)&s->logits, n_batch < HEAD_TOKENS ? n_batch : HEAD_TOKENS, m->n_vocab * 4},
        {(void **)&s->rounded, n_batch, (widest / 32 + 1) * KERNEL_SINGLE_BLOCK},
    };
    size_t total = 0, at[sizeof parts / sizeof *parts];
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "a sequence on the device");
    s->w = w;
    s->n_ctx = n_ctx;
    s->n_batch = n_batch;
    s->capacity = (uint32_t)capacity;
    s->score_room = score_room;
    for (size_t i = 0; !st && i < sizeof parts / sizeof *parts; i++) {
        size_t bytes;
        at[i] = total;
        if (!checked_mul(parts[i].count, parts[i].each, &bytes) ||
            !checked_add(bytes, 255, &bytes) || !checked_add(total, bytes & ~(size_t)255, &total))
            st = cairn_fail(err, CAIRN_ENOMEM, "a context of %zu tokens on the device", n_ctx);
    }
    if (!st)
        st = device_alloc((void **)&s->all, total, "keys and values on the device", err);
    if (st) {
        free(s);
        return st;
    }
    s->bytes = total;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        *parts[i].at = s->all + at[i];
    *out = s;
    return CAIRN_OK;
}

/* ---- a batch ---- */

typedef struct batch {
    device_sequence *s;
    const device_batch *b;
    uint32_t n; /* tokens on their way: in the last layer only the wanted ones */
} batch;

static bool is_rounded(const device_matrix *w)
{
    return w->layout.block > 1;
}

/* out = in W^T + bias; `in` has been rounded where W wants it. */
static product product_of(const batch *r, const device_matrix *w, const float *in,
                          const float *bias, float *out)
{
    return (product){.w = *w,
                     .x = in,
                     .rounded = r->s->rounded,
                     .bias = bias,
                     .out = out,
                     .stride = w->rows,
                     .n = r->n};
}

/* Whether one of the matrices that follow wants its inputs rounded. */
static bool any_rounded(const device_matrix *const *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_rounded(w[i]))
            return true;
    return false;
}

/* The norm in front of the matrices w of a layer or the head, after what is added to x first. */
static void norm_for(const batch *r, const float *add, const float *add_w, const float *norm,
                     const device_matrix *const *w, size_t n)
{
    const device_sequence *s = r->s;

    step_norm(&(norm_step){.x = s->x,
                           .add = add,
                           .add_w = add_w,
                           .w = norm,
                           .y = s->h,
                           .rounded = any_rounded(w, n) ? s->rounded : NULL,
                           .n = r->n,
                           .width = (uint32_t)s->w->m->shape.width,
                           .eps = s->w->m->shape.norm_eps});
}

static attention_step attention_of(const batch *r, size_t layer)
{
    const device_sequence *s = r->s;
    const decoder_shape *m = &s->w->m->shape;
    const decoder_layer *own = &s->w->m->layers[layer];
    const device_layer *l = &s->w->layers[layer];
    const size_t plane = m->n_kv_heads * m->head_dim * (size_t)s->capacity;

    return (attention_step){.keys = s->keys + layer * plane,
                            .values = s->values + layer * plane,
                            .capacity = s->capacity,
                            .n_heads = (uint32_t)m->n_heads,
                            .n_kv_heads = (uint32_t)m->n_kv_heads,
                            .head_dim = (uint32_t)m->head_dim,
                            .q = s->q,
                            .k = s->k,
                            .v = s->v,
                            .q_norm = l->q_norm,
                            .k_norm = l->k_norm,
                            .eps = m->norm_eps,
                            .turns = s->turns[own->local],
                            .rope_dims = (uint32_t)m->rope_dims,
                            .apart = s->w->m->pairs_apart,
                            .n = (uint32_t)r->b->n,
                            .first = (uint32_t)r->b->n_past,
                            .window = own->local ? (uint32_t)m->window : 0,
                            .by = 1.0f / sqrtf((float)m->head_dim),
                            .scores = s->scores,
                            .score_room = s->score_room,
                            .mixed = s->mixed};
}

/* Queries, keys and values; what the layer before has left in h is added to x first. */
static void layer_project(const batch *r, size_t layer)
{
    const device_sequence *s = r->s;
    const device_layer *l = &s->w->layers[layer], *before = layer ? l - 1 : NULL;
    const device_matrix *const inputs[] = {&l->q, &l->k, &l->v};
    const attention_step a = attention_of(r, layer);

    norm_for(r, before ? s->h : NULL, before ? before->post_ffn_norm : NULL, l->attn_norm, inputs,
             3);
    const product inward[] = {product_of(r, &l->q, s->h, l->q_bias, s->q),
                              product_of(r, &l->k, s->h, l->k_bias, s->k),
                              product_of(r, &l->v, s->h, l->v_bias, s->v)};
    step_products(inward, 3);
    step_place(&a);
}

/* The rest of a layer; what it adds to x is left in h. */
static void layer_rest(const batch *r, size_t layer)
{
    const device_sequence *s = r->s;
    const device_layer *l = &s->w->layers[layer];
    const decoder_shape *m = &s->w->m->shape;
    const device_matrix *const wide[] = {&l->gate, &l->up};
    const attention_step a = attention_of(r, layer);

    step_attend(&a, (uint32_t)(r->b->n - r->n), is_rounded(&l->o) ? s->rounded : NULL);
    const product outward = product_of(r, &l->o, s->mixed, l->o_bias, s->h);
    step_products(&outward, 1);

    norm_for(r, s->h, l->post_attn_norm, l->ffn_norm, wide, 2);
    const product both[] = {product_of(r, &l->gate, s->h, NULL, s->gate),
                            product_of(r, &l->up, s->h, NULL, s->up)};
    step_products(both, 2);
    step_activate(s->gate, s->up, r->n, (uint32_t)m->ff, m->arch == DECODER_GEMMA3,
                  is_rounded(&l->down) ? s->rounded : NULL);
    const product down = product_of(r, &l->down, s->gate, NULL, s->h);
    step_products(&down, 1);
}

static cairn_status load_batch(const batch *r, cairn_error *err)
{
    const device_batch *b = r->b;
    const decoder_shape *m = &r->s->w->m->shape;
    cairn_status st = device_upload(r->s->x, b->x, b->n * m->width * sizeof *b->x, err);

    for (size_t i = 0; !st && i < 2; i++)
        if (b->turns[i])
            st = device_upload(r->s->turns[i], b->turns[i],
                               b->n * m->rope_dims * sizeof *b->turns[i], err);
    return st;
}

/* Only the wanted tokens go on from here. */
static cairn_status keep_wanted(batch *r, cairn_error *err)
{
    const device_batch *b = r->b;
    const size_t width = r->s->w->m->shape.width, bytes = width * sizeof *r->s->x;
    float *x = r->s->x;
    cairn_status st = CAIRN_OK;

    r->n = (uint32_t)b->wanted;
    if (b->wanted <= b->n / 2)
        return device_move(x, x + (b->n - b->wanted) * width, b->wanted * bytes, err);
    /* Token after token: the ranges meet. */
    for (size_t t = 0; !st && b->wanted < b->n && t < b->wanted; t++)
        st = device_move(x + t * width, x + (b->n - b->wanted + t) * width, bytes, err);
    return st;
}

/* Logits of the tokens that are left, some at a time. */
static cairn_status run_head(const batch *r, cairn_error *err)
{
    device_sequence *s = r->s;
    const decoder_shape *m = &s->w->m->shape;
    const device_matrix *const head[] = {&s->w->head};
    cairn_status st = CAIRN_OK;

    norm_for(r, s->h, s->w->layers[m->n_layers - 1].post_ffn_norm, s->w->output_norm, head, 1);
    for (size_t t = 0; !st && t < r->n; t += HEAD_TOKENS) {
        product p = product_of(r, &s->w->head, s->h + t * m->width, NULL, s->logits);
        p.n = (uint32_t)(r->n - t < HEAD_TOKENS ? r->n - t : HEAD_TOKENS);
        p.rounded += t * (m->width / 32) * KERNEL_SINGLE_BLOCK;
        step_products(&p, 1);
        st = device_wait(err);
        if (!st)
            st = device_download(r->b->logits + t * m->n_vocab, s->logits,
                                 p.n * m->n_vocab * sizeof *s->logits, err);
    }
    return st;
}

static cairn_status run(device_sequence *s, const device_batch *b, cairn_error *err)
{
    const decoder_shape *m = &s->w->m->shape;
    batch r = {s, b, (uint32_t)b->n};
    cairn_status st = load_batch(&r, err);

    for (size_t layer = 0; !st && layer < m->n_layers; layer++) {
        if (atomic_load_explicit(b->cancel, memory_order_relaxed))
            return cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        layer_project(&r, layer);
        if (layer + 1 == m->n_layers) {
            if (!b->wanted)
                return device_wait(err);
            st = keep_wanted(&r, err);
        }
        if (!st)
            layer_rest(&r, layer);
        /* Queued launches hold their arguments; waiting now and then makes cancelling prompt. */
        if (!st && b->n > 1 && layer % 8 == 7)
            st = device_wait(err);
    }
    return st ? st : run_head(&r, err);
}

__attribute__((visibility("default"))) const device_backend cairn_device_backend = {
    .version = DEVICE_VERSION,
    .most_tokens = MOST_TOKENS,
    .open = device_open,
    .weights_create = weights_create,
    .weights_destroy = weights_destroy,
    .weights_bytes = weights_bytes,
    .sequence_create = sequence_create,
    .sequence_destroy = sequence_destroy,
    .sequence_bytes = sequence_bytes,
    .run = run,
    .encoder_create = encoder_backend_create,
    .encoder_destroy = encoder_backend_destroy,
    .encoder_run = encoder_backend_run,
    .codes_create = scan_backend_create,
    .codes_destroy = scan_backend_destroy,
    .codes_scan = scan_backend_run,
};

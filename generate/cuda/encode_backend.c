/* encode_backend.c - a BERT's weights on the device, and the walk through its layers: forward.c's
 * run_layer over the steps of encode.h. */
#include "generate/cuda/encode_backend.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/cuda/encode.h"
#include "generate/cuda/kernels.h"
#include "generate/encode/linear.h"

#ifndef MOST_ROWS
#define MOST_ROWS 65535u /* a grid may be so many blocks high */
#endif

typedef struct encoder_norm {
    float *w, *b; /* [hidden] */
} encoder_norm;

typedef struct encoder_layer {
    encode_matrix linear[BERT_LINEARS];
    encoder_norm attention, output;
} encoder_layer;

/* Room for a batch; one allocation. Shapes as in encode.h. */
typedef struct encoder_room {
    size_t rows, longest;
    void *all;
    float *x;           /* [rows][hidden] the residual stream */
    float *qkv;         /* [rows][3 * hidden]; then what the last matrix gave, [rows][hidden] */
    float *wide;        /* [rows][ff] */
    float *sums;        /* [sequences][hidden] */
    uint32_t *first;    /* [rows], then count [rows], then offsets [sequences + 1] */
    encode_acts in;     /* rounded rows of hidden or ff */
    encode_attention a; /* its buffers */
} encoder_room;

struct device_encoder {
    const bert *b;
    encoder_layer *layers;
    bool i16, bytes; /* forms that occur */
    void **taken; /* device memory of the weights */
    size_t n_taken;
    encoder_room room;
};

/* ---- weights ---- */

static cairn_status take(device_encoder *e, const void *src, size_t bytes, const void *out,
                         cairn_error *err)
{
    void *there = NULL;
    cairn_status st = device_alloc(&there, bytes, "an encoder's weights on the device", err);

    if (st)
        return st;
    e->taken[e->n_taken++] = there;
    memcpy((void *)out, &there, sizeof there); /* `out` points at a pointer to what is there */
    return device_upload(there, src, bytes, err);
}

static cairn_status take_norm(device_encoder *e, const bert_norm *from, encoder_norm *to,
                              cairn_error *err)
{
    const size_t bytes = e->b->hidden * sizeof(float);
    cairn_status st = take(e, from->w, bytes, &to->w, err);

    return st ? st : take(e, from->b, bytes, &to->b, err);
}

/* Q4_0 weights are unpacked for the device, where they stay: a byte each. */
static cairn_status take_q4(device_encoder *e, const linear *l, const encode_kernels *kernels,
                            encode_matrix *to, cairn_error *err)
{
    const size_t k = l->src->in, out = l->src->out, row_bytes = k / 32 * ENCODE_Q4_BYTES;
    uint8_t *panels = checked_aligned(out, k);
    float *scales = checked_aligned(out, k / 32 * sizeof *scales);
    cairn_status st;

    if (!panels || !scales) {
        free(panels);
        free(scales);
        return cairn_fail(err, CAIRN_ENOMEM, "unpacked weights of %s", l->src->w->name);
    }
    for (size_t o = 0; o < out; o += ENCODE_PANEL)
        kernels->unpack_q4(l->src->w->data + o * row_bytes, row_bytes, k, panels + o * k,
                           scales + o * k / 32);
    st = take(e, panels, out * k, &to->panels, err);
    if (!st)
        st = take(e, scales, out * (k / 32) * sizeof *scales, &to->scales, err);
    free(panels);
    free(scales);
    return st;
}

/* Panels [out / 32][in / 2][32][2] cut into the bytes of encode.h. */
static void cut_panels(const int16_t *panels, size_t k, size_t out, int8_t *to)
{
    const size_t blocks = encode_i16_blocks(k);

    for (size_t o = 0; o < out; o++) {
        const int16_t *from = panels + o / ENCODE_PANEL * ENCODE_PANEL * k + o % ENCODE_PANEL * 2;
        int8_t *strip = to + o / 16 * blocks * 16 * ENCODE_CUT_BYTES + o % 16 * 16;
        for (size_t i = 0; i < k; i++) {
            const int16_t v = from[i / 2 * 2 * ENCODE_PANEL + i % 2];
            int8_t *at = strip + i / 64 * 16 * ENCODE_CUT_BYTES + i % 64 / 16 * 256 + i % 16;
            at[1024] = encode_low_part(v);
            at[0] = (int8_t)((v - at[1024]) / 128);
        }
    }
}

static cairn_status take_i16(device_encoder *e, const linear *l, encode_matrix *to,
                             cairn_error *err)
{
    const size_t k = l->src->in, out = l->src->out, blocks = encode_i16_blocks(k);
    int8_t *cut = calloc(out, blocks * ENCODE_CUT_BYTES);
    cairn_status st;

    if (!cut)
        return cairn_fail(err, CAIRN_ENOMEM, "weights of %s for the device", l->src->w->name);
    cut_panels(l->panels, k, out, cut);
    st = take(e, cut, out * blocks * ENCODE_CUT_BYTES, &to->panels, err);
    free(cut);
    return st ? st : take(e, l->scales, out * blocks * sizeof(float), &to->scales, err);
}

static cairn_status take_q8(device_encoder *e, const linear *l, encode_matrix *to, cairn_error *err)
{
    const size_t k = l->src->in, out = l->src->out;
    cairn_status st = take(e, l->panels, out * k, &to->panels, err);

    return st ? st : take(e, l->scales, out * (k / 32) * sizeof *l->scales, &to->scales, err);
}

static cairn_status take_matrix(device_encoder *e, const linear *l, const encode_kernels *kernels,
                                encode_matrix *to, cairn_error *err)
{
    const size_t k = l->src->in, out = l->src->out;
    cairn_status st;

    to->bytes = l->form != LINEAR_I16;
    to->off_by = l->form == LINEAR_Q8 ? ENCODE_Q8_OFF : 1;
    to->in = (uint32_t)k;
    to->out = (uint32_t)out;
    e->bytes |= to->bytes;
    e->i16 |= !to->bytes;
    if (l->form == LINEAR_Q8)
        st = take_q8(e, l, to, err);
    else
        st = to->bytes ? take_q4(e, l, kernels, to, err) : take_i16(e, l, to, err);
    return st ? st : take(e, l->src->bias, out * sizeof(float), &to->bias, err);
}

void encoder_backend_destroy(device_encoder *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->n_taken; i++)
        device_free(e->taken[i]);
    device_free(e->room.all);
    free(e->taken);
    free(e->layers);
    free(e);
}

cairn_status encoder_backend_create(device_encoder **out, const bert *b, const linear *linears,
                                    const encode_kernels *kernels, cairn_error *err)
{
    device_encoder *e = calloc(1, sizeof *e);
    cairn_status st = CAIRN_OK;

    *out = NULL;
    if (e) {
        e->b = b;
        e->layers = calloc(b->n_layers, sizeof *e->layers);
        e->taken = calloc(b->n_layers, (3 * BERT_LINEARS + 4) * sizeof *e->taken);
    }
    if (!e || !e->layers || !e->taken)
        st = cairn_fail(err, CAIRN_ENOMEM, "an encoder on the device");
    for (size_t l = 0; !st && l < b->n_layers; l++) {
        encoder_layer *layer = &e->layers[l];
        for (int i = 0; !st && i < BERT_LINEARS; i++)
            st = take_matrix(e, &linears[l * BERT_LINEARS + (size_t)i], kernels, &layer->linear[i],
                             err);
        if (!st)
            st = take_norm(e, &b->layers[l].attention_norm, &layer->attention, err);
        if (!st)
            st = take_norm(e, &b->layers[l].output_norm, &layer->output, err);
    }
    if (st) {
        encoder_backend_destroy(e);
        return st;
    }
    *out = e;
    return CAIRN_OK;
}

/* ---- room ---- */

static cairn_status reserve(device_encoder *e, size_t rows, size_t longest, cairn_error *err)
{
    encoder_room *r = &e->room;
    const bert *b = e->b;
    const size_t h = b->hidden, heads = b->heads, width = (h / heads + 31) & ~(size_t)31;
    const size_t k = h > b->ff ? h : b->ff, wide = encode_i16_blocks(k), narrow = k / 32;

    if (rows <= r->rows && longest <= r->longest)
        return CAIRN_OK;
    rows = rows > r->rows ? rows : r->rows;
    longest = longest > r->longest ? longest : r->longest;
    device_free(r->all);
    *r = (encoder_room){0};
    const struct {
        void *at;     /* a pointer to a pointer */
        size_t bytes; /* a row */
        bool wanted;
    } parts[] = {
        {&r->x, h * 4, true},
        {&r->qkv, 3 * h * 4, true},
        {&r->wide, b->ff * 4, true},
        {&r->sums, h * 4, true},
        {&r->first, 3 * 4, true},
        {&r->in.i16, wide * ENCODE_CUT_BYTES, e->i16},
        {&r->in.i16_scale, wide * 4, e->i16},
        {&r->in.i8, k, e->bytes},
        {&r->in.i8_scale, narrow * 4, e->bytes},
        {&r->in.i8_off, narrow * 4, e->bytes},
        {&r->a.q, heads * width * 2, true},
        {&r->a.k, heads * width * 2, true},
        {&r->a.q_scale, heads * encode_i16_blocks(width) * 4, true},
        {&r->a.k_scale, heads * encode_i16_blocks(width) * 4, true},
        {&r->a.v, h * 2, true},
        {&r->a.v_scale, h * 4, true},
        {&r->a.scores, heads * longest * 4, true},
        {&r->a.shares, heads * longest * 2, true},
        {&r->a.share_scale, heads * encode_i16_blocks(longest) * 4, true},
        {&r->a.sums, heads * 4, true},
        {&r->a.mixed, h * 4, true},
    };
    size_t total = 0, at[sizeof parts / sizeof *parts];
    cairn_status st;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t bytes = 0;
        at[i] = total;
        if (parts[i].wanted &&
            (!checked_mul(parts[i].bytes, rows + 1, &bytes) || !checked_add(bytes, 255, &bytes) ||
             !checked_add(total, bytes & ~(size_t)255, &total)))
            return cairn_fail(err, CAIRN_ENOMEM, "a batch of %zu tokens on the device", rows);
    }
    st = device_alloc(&r->all, total, "a batch on the device", err);
    if (st)
        return st;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        void *there = parts[i].wanted ? (uint8_t *)r->all + at[i] : NULL;
        memcpy(parts[i].at, &there, sizeof there);
    }
    r->rows = rows;
    r->longest = longest;
    return CAIRN_OK;
}

/* ---- a batch ---- */

/* Which row belongs to which sequence: first [rows], count [rows], offsets [n + 1]. */
static cairn_status load_batch(device_encoder *e, const device_texts *t, size_t rows,
                               cairn_error *err)
{
    encoder_room *r = &e->room;
    uint32_t *map = checked_malloc(2 * rows + t->n + 1, sizeof *map);
    cairn_status st;

    if (!map)
        return cairn_fail(err, CAIRN_ENOMEM, "a batch of %zu tokens on the device", rows);
    for (size_t s = 0; s < t->n; s++)
        for (size_t row = t->offsets[s]; row < t->offsets[s + 1]; row++) {
            map[row] = (uint32_t)t->offsets[s];
            map[rows + row] = (uint32_t)(t->offsets[s + 1] - t->offsets[s]);
        }
    for (size_t s = 0; s <= t->n; s++)
        map[2 * rows + s] = (uint32_t)t->offsets[s];
    st = device_upload(r->first, map, (2 * rows + t->n + 1) * sizeof *map, err);
    free(map);
    return st ? st : device_upload(r->x, t->x, rows * e->b->hidden * sizeof *t->x, err);
}

static void round_for(const device_encoder *e, const float *x, uint32_t rows,
                      const encode_matrix *w, size_t n)
{
    bool i16 = false, bytes = false;

    for (size_t i = 0; i < n; i++) {
        i16 |= !w[i].bytes;
        bytes |= w[i].bytes;
    }
    step_encode_round(x, rows, w->in, &e->room.in, i16, bytes);
}

static void run_layer(const device_encoder *e, const encoder_layer *l, const encode_attention *a)
{
    const encoder_room *r = &e->room;
    const bert *b = e->b;
    const uint32_t h = (uint32_t)b->hidden, rows = a->rows;
    const encode_matrix *w = l->linear;

    round_for(e, r->x, rows, &w[BERT_Q], 3); /* query, key and value lie side by side */
    for (uint32_t i = 0; i < 3; i++)
        step_encode_product(&w[BERT_Q + i], &r->in, rows, r->qkv + (size_t)i * h, 3 * h, false);
    step_encode_attention(a);
    round_for(e, a->mixed, rows, &w[BERT_ATTENTION_OUT], 1);
    step_encode_product(&w[BERT_ATTENTION_OUT], &r->in, rows, r->qkv, h, false);
    step_encode_norm(r->x, r->qkv, l->attention.w, l->attention.b, b->eps, h, rows);
    round_for(e, r->x, rows, &w[BERT_FF_IN], 1);
    step_encode_product(&w[BERT_FF_IN], &r->in, rows, r->wide, (uint32_t)b->ff, true);
    round_for(e, r->wide, rows, &w[BERT_FF_OUT], 1);
    step_encode_product(&w[BERT_FF_OUT], &r->in, rows, r->qkv, h, false);
    step_encode_norm(r->x, r->qkv, l->output.w, l->output.b, b->eps, h, rows);
}

cairn_status encoder_backend_run(device_encoder *e, const device_texts *t, cairn_error *err)
{
    const size_t rows = t->offsets[t->n], h = e->b->hidden;
    encoder_room *r = &e->room;
    size_t longest = 0;
    cairn_status st;

    for (size_t s = 0; s < t->n; s++)
        if (t->offsets[s + 1] - t->offsets[s] > longest)
            longest = t->offsets[s + 1] - t->offsets[s];
    longest = (longest + 31) & ~(size_t)31;
    if (rows > MOST_ROWS || t->n > ENCODE_MOST_TILES / encode_tiles((uint32_t)longest))
        return cairn_fail(err, CAIRN_ELIMIT, "a batch of %zu tokens is too long for the device",
                          rows);
    st = reserve(e, rows, longest, err);
    if (!st)
        st = load_batch(e, t, rows, err);
    if (st)
        return st;
    encode_attention a = r->a;
    a.rows = (uint32_t)rows;
    a.hidden = (uint32_t)h;
    a.heads = (uint32_t)e->b->heads;
    a.width = (uint32_t)(h / e->b->heads);
    a.longest = (uint32_t)longest;
    a.first = r->first;
    a.count = r->first + rows;
    a.offsets = r->first + 2 * rows;
    a.n = (uint32_t)t->n;
    a.qkv = r->qkv;
    for (size_t l = 0; l < e->b->n_layers; l++)
        run_layer(e, &e->layers[l], &a);
    if (t->sum)
        step_encode_sum(r->x, r->first + 2 * rows, (uint32_t)t->n, (uint32_t)h, r->sums);
    st = device_wait(err);
    if (st)
        return st;
    return t->sum ? device_download(t->x, r->sums, t->n * h * sizeof *t->x, err)
                  : device_download(t->x, r->x, rows * h * sizeof *t->x, err);
}

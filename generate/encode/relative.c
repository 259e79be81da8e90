/* relative.c - see relative.h. A layer's table of keys is [heads] times panels of 32 rows, its table of queries [heads]
 * times rows; widths are padded to 32 with zeros. */
#include "generate/encode/relative.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/kernels/kernels.h"

#define MOST_BYTES ((size_t)1 << 30)

/* The products of the table with one kind of matrix: keys or queries. */
typedef struct products {
    void *values; /* [layers][heads][rows][width], in panels for keys; floats, or 16 bits */
    float *scale; /* [layers][heads][rows][blocks], likewise; NULL for floats */
} products;

struct relative {
    const bert *b;
    const encode_kernels *kernels;
    bool exact, filled;
    size_t reach;  /* the farthest that two tokens can be from each other */
    size_t near;   /* up to there each distance has a row of its own */
    int32_t *step; /* [2 reach + 1] */
    size_t first;  /* the row of the whole table, in falling order, that is our first */
    size_t used, rows; /* and how many are ours; padded to 32 */
    size_t width, blocks; /* of a head, padded to 32 */
    products keys, queries;
};

/* Where a distance stands: itself, or beyond half the buckets a step of the logarithm. Sums are floats, as the models
 * were trained. */
static long bucket_of(const bert_relative *t, long distance)
{
    const float middle = (float)(t->buckets / 2), far = (float)labs(distance);
    float at;

    if (!t->buckets || labs(distance) <= (long)(t->buckets / 2))
        return distance;
    at = ceilf(logf(far / middle) / logf((float)(t->farthest - 1) / middle) * (middle - 1)) + middle;
    return distance < 0 ? -(long)at : (long)at;
}

/* The row, in falling order, of a key that stands `ahead` of the query. */
static size_t row_of(const bert_relative *t, long ahead)
{
    const long span = (long)t->span;
    long row = bucket_of(t, -ahead) + span;

    row = row < 0 ? 0 : row > 2 * span - 1 ? 2 * span - 1 : row;
    return (size_t)(2 * span - 1 - row);
}

static cairn_status make_steps(relative *r, cairn_error *err)
{
    const bert_relative *t = &r->b->relative;
    const long reach = (long)r->reach;

    r->step = checked_malloc(2 * r->reach + 1, sizeof *r->step);
    if (!r->step)
        return cairn_fail(err, CAIRN_ENOMEM, "relative positions");
    r->first = row_of(t, -reach);
    for (long d = -reach; d <= reach; d++)
        r->step[d + reach] = (int32_t)(row_of(t, d) - r->first);
    r->near = t->buckets ? t->buckets / 2 : t->span - 1;
    r->near = r->near < r->reach ? r->near : r->reach;
    if (r->near > t->span - 1)
        r->near = t->span - 1;
    r->used = (size_t)r->step[2 * reach] + 1;
    r->rows = (r->used + ENCODE_PANEL - 1) & ~(size_t)(ENCODE_PANEL - 1);
    return CAIRN_OK;
}

/* Bytes of the values and scales of both kinds. */
static cairn_status check_bytes(const relative *r, cairn_error *err)
{
    const size_t each = r->exact ? sizeof(float) : sizeof(int16_t);
    size_t rows, bytes;

    if (!checked_mul(r->b->n_layers * r->b->heads, r->rows, &rows) || rows > MOST_BYTES ||
        !checked_mul(rows, r->width * each + (r->exact ? 0 : r->blocks * sizeof(float)), &bytes) ||
        bytes > MOST_BYTES / 2)
        return cairn_fail(err, CAIRN_ELIMIT, "%s: tables of relative positions of more than 1 GiB", r->b->name);
    return CAIRN_OK;
}

cairn_status relative_create(relative **out, const bert *b, bool exact, const encode_kernels *kernels,
                             cairn_error *err)
{
    relative *r = calloc(1, sizeof *r);
    cairn_status st;

    *out = NULL;
    if (!r)
        return cairn_fail(err, CAIRN_ENOMEM, "relative positions");
    r->b = b;
    r->kernels = kernels;
    r->exact = exact;
    r->reach = b->max_tokens - 1;
    r->width = (b->hidden / b->heads + 31) & ~(size_t)31;
    r->blocks = encode_i16_blocks(r->width);
    st = make_steps(r, err);
    if (!st)
        st = check_bytes(r, err);
    if (st) {
        relative_destroy(r);
        return st;
    }
    *out = r;
    return CAIRN_OK;
}

static void clear(products *p)
{
    free(p->values);
    free(p->scale);
    *p = (products){0};
}

void relative_destroy(relative *r)
{
    if (!r)
        return;
    clear(&r->keys);
    clear(&r->queries);
    free(r->step);
    free(r);
}

size_t relative_rows(const relative *r)
{
    return r->rows;
}

/* The matrix that the table goes through: the layer's for positions, or the one of its tokens. */
static const bert_linear *matrix_of(const relative *r, size_t layer, bool key)
{
    const bert_layer *l = &r->b->layers[layer];
    const bert_linear *own = key ? &l->pos_key : &l->pos_query;

    return own->w ? own : &l->linear[key ? BERT_K : BERT_Q];
}

static linear for_positions(const relative *r, size_t layer, bool key)
{
    linear l;

    linear_init(&l, matrix_of(r, layer, key), r->exact ? LINEAR_EXACT : LINEAR_16_BITS);
    return l;
}

size_t relative_scratch(const relative *r)
{
    size_t most = ENCODE_PANEL * (r->width * (sizeof(float) + sizeof(int16_t)) + r->blocks * sizeof(float));

    for (size_t l = 0; l < r->b->n_layers; l++)
        for (int key = 0; key < 2; key++) {
            const linear own = for_positions(r, l, key);
            const size_t pack = linear_pack_scratch(&own), run = linear_run_scratch(&own);
            most = pack > most ? pack : most;
            most = run > most ? run : most;
        }
    return most;
}

/* ---- filling ---- */

typedef struct filling {
    relative *r;
    const linear *linear; /* its panels are made by pack_task */
    size_t layer;
    bool key;
    const float *out; /* [rows][hidden] */
    void *const *scratch;
} filling;

/* The table's rows, in our order, normed and rounded. */
static cairn_status round_table(const relative *r, acts *in, unsigned forms, cairn_error *err)
{
    const bert *b = r->b;
    const bert_relative *t = &b->relative;
    float *row = checked_aligned(b->hidden, sizeof *row);

    if (!row)
        return cairn_fail(err, CAIRN_ENOMEM, "relative positions");
    for (size_t i = 0; i < r->rows; i++) {
        if (i < r->used)
            memcpy(row, t->table + (2 * t->span - 1 - r->first - i) * b->hidden, b->hidden * sizeof *row);
        else
            memset(row, 0, b->hidden * sizeof *row);
        if (i < r->used && t->norm.w)
            r->kernels->layernorm(row, NULL, t->norm.w, t->norm.b, b->eps, b->hidden, row);
        acts_round(r->kernels, in, i, 0, row, b->hidden, forms);
    }
    free(row);
    return CAIRN_OK;
}

static void pack_task(void *ctx, size_t task, size_t worker)
{
    const filling *f = ctx;

    linear_pack_panel(f->linear, f->r->kernels, task, f->scratch[worker]);
}

/* 32 rows of one head into their form. */
static void keep_task(void *ctx, size_t task, size_t worker)
{
    const filling *f = ctx;
    const relative *r = f->r;
    const size_t heads = r->b->heads, hidden = r->b->hidden, width = hidden / heads;
    const size_t head = task % heads, row = task / heads * ENCODE_PANEL;
    const size_t at = (f->layer * heads + head) * r->rows + row;
    const products *to = f->key ? &r->keys : &r->queries;
    float *x = f->scratch[worker], *values = (float *)to->values + at * r->width, *scale;
    int16_t *rounded = (int16_t *)(x + ENCODE_PANEL * r->width), *kept = (int16_t *)to->values + at * r->width;
    float *scales = (float *)(rounded + ENCODE_PANEL * r->width);

    memset(x, 0, ENCODE_PANEL * r->width * sizeof *x);
    for (size_t i = 0; i < ENCODE_PANEL; i++)
        memcpy(x + i * r->width, f->out + (row + i) * hidden + head * width, width * sizeof *x);
    if (r->exact) {
        for (size_t i = 0; i < ENCODE_PANEL; i++)
            for (size_t j = 0; j < r->width; j++)
                values[f->key ? j * ENCODE_PANEL + i : i * r->width + j] = x[i * r->width + j];
        return;
    }
    scale = to->scale + at * r->blocks;
    if (!f->key) {
        for (size_t i = 0; i < ENCODE_PANEL; i++)
            r->kernels->quantize_i16(x + i * r->width, r->width, ENCODE_I16_INPUT, kept + i * r->width,
                                     scale + i * r->blocks);
        return;
    }
    for (size_t i = 0; i < ENCODE_PANEL; i++)
        r->kernels->quantize_i16(x + i * r->width, r->width, ENCODE_I16_WEIGHT, rounded + i * r->width,
                                 scales + i * r->blocks);
    r->kernels->pack_i16(rounded, r->width, r->width, kept);
    for (size_t i = 0; i < ENCODE_PANEL; i++)
        for (size_t b = 0; b < r->blocks; b++)
            scale[b * ENCODE_PANEL + i] = scales[i * r->blocks + b];
}

/* One layer's keys or queries; `out` is overwritten. */
static cairn_status fill_one(filling *f, const linear *packed, pool *p, const acts *in, float *out, cairn_error *err)
{
    relative *r = f->r;
    linear own = for_positions(r, f->layer, f->key);
    const linear *l = packed->src == own.src && packed->form == own.form ? packed : &own;
    void *room = NULL;

    if (l == &own) {
        room = checked_large(linear_room(&own), 1);
        if (!room)
            return cairn_fail(err, CAIRN_ENOMEM, "relative positions");
        linear_place(&own, room);
        f->linear = &own;
        pool_run(p, own.src->out / ENCODE_PANEL, pack_task, f);
        tensor_forget(own.src->w, 0, own.src->w->bytes);
    }
    linear_run(p, r->kernels, &(linear_job){.l = l, .out = out, .ld = r->b->hidden}, 1, in, r->rows, f->scratch);
    f->out = out;
    pool_run(p, r->b->heads * (r->rows / ENCODE_PANEL), keep_task, f);
    free(room);
    return CAIRN_OK;
}

static cairn_status reserve(const relative *r, products *p, cairn_error *err)
{
    const size_t rows = r->b->n_layers * r->b->heads * r->rows; /* of check_bytes */

    p->values = checked_large(rows, r->width * (r->exact ? sizeof(float) : sizeof(int16_t)));
    p->scale = r->exact ? NULL : checked_aligned(rows, r->blocks * sizeof(float));
    return p->values && (r->exact || p->scale) ? CAIRN_OK
                                               : cairn_fail(err, CAIRN_ENOMEM, "tables of relative positions");
}

cairn_status relative_fill(relative *r, const linear *linears, pool *p, void *const *scratch, cairn_error *err)
{
    const bert *b = r->b;
    const unsigned forms = 1u << (r->exact ? LINEAR_F32 : LINEAR_I16);
    filling f = {.r = r, .scratch = scratch};
    acts in = {0};
    float *out = NULL;
    cairn_status st = CAIRN_OK;

    if (r->filled)
        return CAIRN_OK;
    if (b->relative.keys)
        st = reserve(r, &r->keys, err);
    if (!st && b->relative.queries)
        st = reserve(r, &r->queries, err);
    if (!st)
        st = acts_reserve(&in, r->rows, b->hidden, forms, err);
    if (!st)
        st = round_table(r, &in, forms, err);
    if (!st && !(out = checked_aligned(r->rows, b->hidden * sizeof *out)))
        st = cairn_fail(err, CAIRN_ENOMEM, "relative positions");
    for (f.layer = 0; f.layer < b->n_layers && !st; f.layer++)
        for (int key = 0; key < 2 && !st; key++) {
            f.key = key;
            if (key ? b->relative.keys : b->relative.queries)
                st = fill_one(&f, &linears[f.layer * BERT_LINEARS + (key ? BERT_K : BERT_Q)], p, &in, out, err);
        }
    free(out);
    acts_clear(&in);
    if (st) {
        clear(&r->keys);
        clear(&r->queries);
    }
    r->filled = !st;
    return st;
}

attention_positions relative_head(const relative *r, size_t layer, size_t head)
{
    const size_t row = (layer * r->b->heads + head) * r->rows, each = r->exact ? sizeof(float) : sizeof(int16_t);
    attention_positions p = {.step = r->step + r->reach, .near = r->near, .rows = r->rows};

    if (r->keys.values) {
        p.keys = (uint8_t *)r->keys.values + row * r->width * each;
        p.key_scale = r->exact ? NULL : r->keys.scale + row * r->blocks;
    }
    if (r->queries.values) {
        p.queries = (uint8_t *)r->queries.values + row * r->width * each;
        p.query_scale = r->exact ? NULL : r->queries.scale + row * r->blocks;
    }
    return p;
}

/* decoder_runs.c - keys and values that may stand elsewhere: out of a sequence, and into another place
 * of one.
 *
 * A key is kept as it was before it was turned to its position, and without the projection's bias,
 * which is the same in every token and, in qwen2, many times as large as the rest: rounded together
 * they would leave little of it. What is left and the value are int8, RUN_GROUP dimensions to a float scale.
 * Record of a position, of each layer in order (little-endian, no padding: head_dim is a multiple of 16):
 *
 *   at   size             field
 *   0    d = heads * dim  int8 keys [kv_heads][head_dim]
 *   d    d                int8 values
 *   2 d  4 d / group      float scales of keys [kv_heads][head_dim / group]
 *   ..   4 d / group      float scales of values
 *
 * The idea, that text computed elsewhere may be turned to its new place and be computed anew only in
 * part: Yao et al., "CacheBlend", arXiv:2405.16444; that the first tokens of each piece are the part
 * that matters: Hu et al., "EPIC", arXiv:2410.15332. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/decode/decoder_inside.h"

typedef struct run_record {
    size_t side, scales, bytes; /* bytes of keys, of their scales, of all */
    size_t group;
} run_record;

static run_record record_of(const decoder *d)
{
    const decoder_shape *s = &d->m->shape;
    run_record r = {.side = s->n_kv_heads * s->head_dim, .group = s->head_dim % 32 ? 16 : 32};

    r.scales = r.side / r.group * sizeof(float);
    r.bytes = 2 * (r.side + r.scales);
    return r;
}

size_t decoder_run_bytes(const decoder *d, size_t n)
{
    size_t bytes;

    if (d->device || !checked_mul(d->m->shape.n_layers * record_of(d).bytes, n, &bytes))
        return 0;
    return bytes;
}

/* ---- out ---- */

typedef struct exporting {
    uint8_t *out; /* of the first token of the batch */
} exporting;

/* The inverse of decoder_turn_head, magnitudes of YaRN included. */
static void turn_back(float *v, const float *turn, size_t dims, bool apart)
{
    size_t half = dims / 2, near = apart ? 1 : 2, far = apart ? half : 1;

    for (size_t i = 0; i < half; i++) {
        float *a = v + i * near, *b = a + far;
        float c = turn[2 * i], s = turn[2 * i + 1], x = *a, y = *b, size = c * c + s * s;
        *a = (x * c + y * s) / size;
        *b = (y * c - x * s) / size;
    }
}

static void round_groups(const kernels *k, const float *x, size_t n, size_t group, int8_t *q,
                         uint8_t *scales)
{
    for (size_t i = 0; i < n; i += group, scales += sizeof(float)) {
        float scale = k->to_int8(x + i, group, q + i);
        memcpy(scales, &scale, sizeof scale);
    }
}

static void export_token(decoder *d, const void *arg, size_t t)
{
    const decoder_shape *s = &d->m->shape;
    const exporting *e = arg;
    const run_record r = record_of(d);
    const row_place *at = &d->places[t];
    float *k = d->k_new + t * r.side, *v = d->v_new + t * r.side;
    uint8_t *out = e->out + t * s->n_layers * r.bytes;

    for (size_t layer = 0; layer < s->n_layers; layer++, out += r.bytes) {
        const decoder_layer *l = &d->m->layers[layer];
        const float *turn = decoder_turns(d, l->local) + t * s->rope_dims;
        for (size_t h = 0; h < s->n_kv_heads; h++) {
            float *key = k + h * s->head_dim;
            kv_cache_get(&d->cache, d->k, &at->s->pages, layer, h, at->pos, key,
                         v + h * s->head_dim);
            turn_back(key, turn, s->rope_dims, d->m->pairs_apart);
        }
        for (size_t i = 0; l->k_bias && i < r.side; i++)
            k[i] -= l->k_bias[i];
        round_groups(d->k, k, r.side, r.group, (int8_t *)out, out + 2 * r.side);
        round_groups(d->k, v, r.side, r.group, (int8_t *)out + r.side, out + 2 * r.side + r.scales);
    }
}

/* fn for n positions from `first` on, a batch at a time; *at is moved on by `step` a token. */
static void each_position(decoder *d, size_t first, size_t n, decoder_token_fn *fn, void *arg,
                          const uint8_t **at, size_t step)
{
    for (size_t done = 0, batch; done < n; done += batch) {
        batch = n - done < d->n_batch ? n - done : d->n_batch;
        for (size_t i = 0; i < batch; i++)
            d->places[i] = (row_place){&d->own, first + done + i};
        decoder_make_turns(d, batch);
        decoder_each_token(d, batch, fn, arg);
        *at += batch * step;
    }
}

void decoder_export_run(decoder *d, size_t first, size_t n, uint8_t *out)
{
    exporting e = {out};

    each_position(d, first, n, export_token, &e, (const uint8_t **)&e.out, decoder_run_bytes(d, 1));
}

/* ---- in ---- */

typedef struct importing {
    const uint8_t *kept;
} importing;

static void widen_groups(const int8_t *q, const uint8_t *scales, size_t n, size_t group, float *x)
{
    for (size_t i = 0; i < n; i++) {
        float scale;
        memcpy(&scale, scales + i / group * sizeof scale, sizeof scale);
        x[i] = (float)q[i] * scale;
    }
}

static void import_token(decoder *d, const void *arg, size_t t)
{
    const decoder_shape *s = &d->m->shape;
    const importing *in = arg;
    const run_record r = record_of(d);
    const row_place *at = &d->places[t];
    float *k = d->k_new + t * r.side, *v = d->v_new + t * r.side;
    const uint8_t *from = in->kept + t * s->n_layers * r.bytes;

    for (size_t layer = 0; layer < s->n_layers; layer++, from += r.bytes) {
        const decoder_layer *l = &d->m->layers[layer];
        const float *turn = decoder_turns(d, l->local) + t * s->rope_dims;
        widen_groups((const int8_t *)from, from + 2 * r.side, r.side, r.group, k);
        widen_groups((const int8_t *)from + r.side, from + 2 * r.side + r.scales, r.side, r.group,
                     v);
        for (size_t i = 0; l->k_bias && i < r.side; i++)
            k[i] += l->k_bias[i];
        for (size_t h = 0; h < s->n_kv_heads; h++)
            decoder_turn_head(k + h * s->head_dim, turn, s->rope_dims, d->m->pairs_apart);
        kv_cache_put(&d->cache, d->k, &at->s->pages, layer, at->pos, k, v);
    }
}

cairn_status decoder_append_runs(decoder *d, size_t n_new, const decoder_run *runs, size_t n_runs,
                                 cairn_error *err)
{
    const size_t past = d->own.n_past;
    cairn_status st;

    if (d->device)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "keys and values are not put on a device");
    if (n_new > d->n_ctx - past)
        return cairn_fail(err, CAIRN_ELIMIT, "%zu tokens do not fit: %zu of a context of %zu are taken",
                          n_new, past, d->n_ctx);
    for (size_t i = 0; i < n_runs; i++) {
        const decoder_run *r = &runs[i];
        size_t least = i ? runs[i - 1].at + runs[i - 1].n : past;
        if (r->at < least || r->at > past + n_new || r->n > past + n_new - r->at ||
            r->from > r->n_kept || r->n > r->n_kept - r->from)
            return cairn_fail(err, CAIRN_EUSAGE, "run %zu lies outside of the %zu new positions", i,
                              n_new);
    }
    st = kv_pages_reserve(&d->cache, &d->own.pages, past, past + n_new, err);
    if (st)
        return st;
    d->own.n_past = past + n_new;
    for (size_t i = 0; i < n_runs; i++) {
        const size_t step = decoder_run_bytes(d, 1);
        importing in = {runs[i].kept + runs[i].from * step};
        each_position(d, runs[i].at, runs[i].n, import_token, &in, &in.kept, step);
    }
    return CAIRN_OK;
}

cairn_status decoder_eval_at(decoder *d, const token_id *ids, const size_t *at, size_t n,
                             float *logits, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t done = 0; !st && done < n;) {
        size_t batch = n - done < d->n_batch ? n - done : d->n_batch;
        decoder_item item = {&d->own, ids + done, batch,
                             done + batch == n ? DECODER_LAST : DECODER_NO_LOGITS, at + done};
        st = decoder_eval_many(d, &item, 1, logits, err);
        done += batch;
    }
    return st;
}

double decoder_run_distance(decoder *d, const decoder_run *run)
{
    const decoder_shape *s = &d->m->shape;
    const run_record r = record_of(d);
    float kept[r.side], now[r.side], key[s->head_dim];
    double sum = 0;

    for (size_t layer = 0; layer < s->n_layers; layer++) {
        double apart = 0, size = 0;
        for (size_t t = 0; t < run->n; t++) {
            const uint8_t *from =
                run->kept + ((run->from + t) * s->n_layers + layer) * r.bytes;
            widen_groups((const int8_t *)from + r.side, from + 2 * r.side + r.scales, r.side,
                         r.group, kept);
            for (size_t h = 0; h < s->n_kv_heads; h++)
                kv_cache_get(&d->cache, d->k, &d->own.pages, layer, h, run->at + t, key,
                             now + h * s->head_dim);
            for (size_t i = 0; i < r.side; i++) {
                apart += (double)(now[i] - kept[i]) * (double)(now[i] - kept[i]);
                size += (double)kept[i] * (double)kept[i];
            }
        }
        sum += size > 0 ? sqrt(apart / size) : 0;
    }
    return sum / (double)s->n_layers;
}

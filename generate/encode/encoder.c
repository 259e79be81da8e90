/* encoder.c - texts in, unit vectors out: prefixes, cutting, grouping and pooling around forward.c.
 * Pairs of texts: encoder_pairs.c. */
#include "generate/encode/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/checked.h"
#include "generate/encode/encode_kernels.h"
#include "generate/encode/encoder_inside.h"
#include "generate/kernels/kernels.h"

/* --- opening --- */

static void hash_floats(XXH3_state_t *h, const float *v, size_t n)
{
    XXH3_64bits_update(h, v, n * sizeof *v);
}

static void hash_norm(XXH3_state_t *h, const bert_norm *norm, size_t n)
{
    hash_floats(h, norm->w, n);
    hash_floats(h, norm->b, n);
}

/* The first 256 bytes of a matrix, in the order [out][in] however the file has it. */
static void hash_matrix(XXH3_state_t *h, const bert_linear *l)
{
    const size_t elements = l->in * l->out, size = l->w->bytes / elements;

    if (!l->turned) {
        XXH3_64bits_update(h, l->w->data, l->w->bytes < 256 ? l->w->bytes : 256);
        return;
    }
    for (size_t i = 0; i < elements && i * size < 256; i++)
        XXH3_64bits_update(h, l->w->data + (i % l->in * l->out + i / l->in) * size, size);
}

/* The vectors of a model (biases, norms) and a piece of every matrix tell two sets of weights
 * apart, without reading the whole file at each start. */
static cairn_status make_identity(encoder *e, cairn_error *err)
{
    const bert *b = e->b;
    const uint64_t sizes[] = {b->hidden, b->n_layers, b->heads,    b->ff,
                              b->vocab,  b->pooling,  b->positions};
    XXH3_state_t *h = XXH3_createState();

    if (!h)
        return cairn_fail(err, CAIRN_ENOMEM, "hash state");
    XXH3_64bits_reset(h);
    XXH3_64bits_update(h, sizes, sizeof sizes);
    XXH3_64bits_update(h, b->query_prefix, strlen(b->query_prefix) + 1);
    XXH3_64bits_update(h, b->passage_prefix, strlen(b->passage_prefix) + 1);
    XXH3_64bits_update(h, b->word->data, b->word->bytes < 4096 ? b->word->bytes : 4096);
    hash_norm(h, &b->embedding_norm, b->hidden);
    if (b->relative.span) {
        const uint64_t how[] = {b->relative.span, b->relative.buckets, b->relative.farthest, b->terms,
                                b->relative.keys, b->relative.queries};
        XXH3_64bits_update(h, how, sizeof how);
        hash_floats(h, b->relative.table, b->hidden);
    }
    for (size_t l = 0; l < b->n_layers; l++) {
        for (int i = 0; i < BERT_LINEARS; i++) {
            const bert_linear *linear = &b->layers[l].linear[i];
            hash_floats(h, linear->bias, linear->out);
            hash_matrix(h, linear);
        }
        hash_norm(h, &b->layers[l].attention_norm, b->hidden);
        hash_norm(h, &b->layers[l].output_norm, b->hidden);
    }
    if (b->classifier.w) {
        hash_floats(h, b->pooler.bias, b->pooler.out);
        hash_matrix(h, &b->pooler);
        hash_floats(h, b->classifier.bias, b->classifier.out);
        hash_matrix(h, &b->classifier);
    }
    snprintf(e->identity, sizeof e->identity, "%.200s-%zux%zu-%016llx", b->name, b->n_layers,
             b->hidden, (unsigned long long)XXH3_64bits_digest(h));
    XXH3_freeState(h);
    return CAIRN_OK;
}

/* A decoder: *g its GGUF file or *folder its folder; both NULL where the path is something else. */
static cairn_status look_for_decoder(const char *path, gguf **g, causal_folder **folder, cairn_error *err)
{
    char magic[4] = "";
    FILE *f = fopen(path, "re");
    bool is_gguf = f && fread(magic, 1, 4, f) == 4 && !memcmp(magic, "GGUF", 4);
    cairn_status st;

    *g = NULL;
    *folder = NULL;
    if (f)
        fclose(f);
    if (!is_gguf)
        return causal_folder_is(path) ? causal_folder_open(folder, path, err) : CAIRN_OK;
    st = gguf_open(g, path, err);
    if (!st && !causal_is(*g)) {
        gguf_close(*g);
        *g = NULL;
    }
    return st;
}

static cairn_status open_bert(encoder *e, const char *path, const encoder_options *o, cairn_error *err)
{
    const bert *b;
    cairn_status st = bert_open(&e->b, path, err);

    if (st)
        return st;
    b = e->b;
    e->tok = b->tokenizer;
    e->name = b->name;
    e->query_prefix = b->query_prefix;
    e->passage_prefix = b->passage_prefix;
    e->dim = b->hidden;
    e->vocab = b->vocab;
    e->max_tokens = b->max_tokens;
    e->specials = 2;
    st = make_identity(e, err);
    return st ? st
              : forward_create(&e->f, b, e->pool, o->exact, o->bits, encode_kernels_get(), err);
}

static cairn_status open_causal(encoder *e, gguf *g, causal_folder *folder, const char *path, const encoder_options *o,
                                cairn_error *err)
{
    cairn_status st = causal_open(&e->c, g, folder, path, o->exact, o->weights, e->pool, err);

    if (st)
        return st;
    e->tok = e->c->tok;
    e->name = e->c->name;
    e->query_prefix = e->c->query_prefix;
    e->passage_prefix = e->c->passage_prefix;
    e->dim = e->c->width;
    e->vocab = e->c->vocab;
    e->max_tokens = e->c->max_tokens;
    e->specials = 1;
    snprintf(e->identity, sizeof e->identity, "%.200s-%zux%zu-%016llx", e->name,
             decoder_model_shape(e->c->model)->n_layers, e->dim, (unsigned long long)e->c->hash);
    return CAIRN_OK;
}

static void take_static(encoder *e)
{
    e->tok = e->s->tok;
    e->name = e->s->name;
    e->query_prefix = e->passage_prefix = "";
    e->dim = e->s->dim;
    e->vocab = e->s->vocab;
    e->max_tokens = STATIC_MAX_TOKENS;
    snprintf(e->identity, sizeof e->identity, "%.200s-static-%zu-%016llx", e->name, e->dim,
             (unsigned long long)e->s->hash);
}

cairn_status encoder_open(encoder **out, const char *path, const encoder_options *options,
                          cairn_error *err)
{
    const encoder_options o = options ? *options : (encoder_options){0};
    encoder *e = calloc(1, sizeof *e);
    size_t prefix = 0;
    causal_folder *folder;
    gguf *g;
    cairn_status st;

    *out = NULL;
    if (!e)
        return cairn_fail(err, CAIRN_ENOMEM, "encoder");
    e->pool = o.pool;
    st = look_for_decoder(path, &g, &folder, err);
    if (!st && !g && !folder)
        st = static_open(&e->s, path, err);
    if (!st && e->s)
        take_static(e);
    else if (!st)
        st = g || folder ? open_causal(e, g, folder, path, &o, err) : open_bert(e, path, &o, err);
    if (st)
        goto done;
    if (o.max_tokens && o.max_tokens < e->max_tokens)
        e->max_tokens = o.max_tokens;
    st = tokenizer_count(e->tok, e->passage_prefix, strlen(e->passage_prefix), 0, &prefix, err);
    if (st)
        goto done;
    if (e->max_tokens < prefix + e->specials + 1) {
        st = cairn_fail(err, CAIRN_EUSAGE, "max_tokens %zu leaves no room for text", e->max_tokens);
        goto done;
    }
    e->text_budget = e->max_tokens - e->specials - prefix;
    *out = e;
    e = NULL;
done:
    encoder_close(e);
    return st;
}

void encoder_close(encoder *e)
{
    if (!e)
        return;
    forward_destroy(e->f);
    bert_close(e->b);
    causal_close(e->c);
    static_close(e->s);
    free(e);
}

size_t encoder_dim(const encoder *e)
{
    return e->dim;
}

size_t encoder_max_tokens(const encoder *e)
{
    return e->max_tokens;
}

size_t encoder_text_budget(const encoder *e)
{
    return e->text_budget;
}

const char *encoder_name(const encoder *e)
{
    return e->name;
}

const char *encoder_identity(const encoder *e)
{
    return e->identity;
}

size_t encoder_count_tokens(const encoder *e, const char *text, size_t len)
{
    size_t n;
    cairn_error err;

    return tokenizer_count(e->tok, text, len, 0, &n, &err) ? len : n;
}

/* --- running ready ids --- */

/* To unit length. A vector of nothing stays one. */
static cairn_status make_unit(const encoder *e, float *vector, cairn_error *err)
{
    double square = 0;
    float scale;

    for (size_t i = 0; i < e->dim; i++)
        square += (double)vector[i] * vector[i];
    scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    if (e->s) /* of any width; the kernels take whole lanes */
        for (size_t i = 0; i < e->dim; i++)
            vector[i] *= scale;
    else
        encode_kernels_get()->scale(vector, scale, e->dim);
    for (size_t i = 0; i < e->dim; i++)
        if (!isfinite(vector[i]))
            return cairn_fail(err, CAIRN_EMODEL,
                              "%s: the weights give a vector that is not finite; the file is damaged",
                              e->name);
    return CAIRN_OK;
}

cairn_status encoder_check_ids(const encoder *e, const int32_t *ids, const size_t *offsets,
                               size_t n, cairn_error *err)
{
    const size_t least = e->s ? 0 : 1; /* tokens: the others have those that begin and end a text */

    for (size_t i = 0; i < n; i++) {
        if (offsets[i + 1] < offsets[i] + least || offsets[i + 1] - offsets[i] > e->max_tokens)
            return cairn_fail(err, CAIRN_EUSAGE, "sequence %zu is not %zu to %zu tokens long", i,
                              least, e->max_tokens);
        for (size_t j = offsets[i]; j < offsets[i + 1]; j++)
            if (ids[j] < 0 || (size_t)ids[j] >= e->vocab)
                return cairn_fail(err, CAIRN_EUSAGE, "token id %d is outside the vocabulary of %zu",
                                  (int)ids[j], e->vocab);
    }
    return CAIRN_OK;
}

cairn_status encoder_run_groups(encoder *e, const int32_t *ids, const uint8_t *types,
                                const size_t *offsets, size_t n, encoder_rows wanted,
                                encoder_finish_fn *finish, float *out, cairn_error *err)
{
    size_t *local = checked_malloc(n + 1, sizeof *local);
    const bool sum = wanted == ROWS_SUM, first = wanted == ROWS_FIRST;
    cairn_status st = CAIRN_OK;

    if (!local)
        return cairn_fail(err, CAIRN_ENOMEM, "batch of %zu texts", n);
    for (size_t i = 0; i < n && !st;) {
        forward_batch batch = {
            .ids = ids + offsets[i], .offsets = local, .sum = sum, .first = first};
        const float *hidden;

        batch.types = types ? types + offsets[i] : NULL;
        local[0] = 0;
        do {
            batch.n++;
            local[batch.n] = offsets[i + batch.n] - offsets[i];
        } while (i + batch.n < n && offsets[i + batch.n + 1] - offsets[i] <= forward_batch_rows(e->f));
        st = forward_run(e->f, &batch, &hidden, err);
        for (size_t j = 0; j < batch.n && !st; j++)
            st = finish(e, hidden + (sum || first ? j : local[j]) * e->b->hidden,
                        sum || first ? 1 : local[j + 1] - local[j], i + j, out, err);
        i += batch.n;
    }
    free(local);
    return st;
}

/* The first row, or the sum of all: the mean's divisor vanishes in the norm. */
static cairn_status finish_vector(encoder *e, const float *rows, size_t n, size_t i, float *out,
                                  cairn_error *err)
{
    (void)n;
    memcpy(out + i * e->dim, rows, e->dim * sizeof *out);
    return make_unit(e, out + i * e->dim, err);
}

cairn_status encoder_embed_ids(encoder *e, const int32_t *ids, const size_t *offsets, size_t n,
                               float *out, cairn_error *err)
{
    cairn_status st = encoder_check_ids(e, ids, offsets, n, err);

    if (!st && e->b)
        return encoder_run_groups(e, ids, NULL, offsets, n,
                                  e->b->pooling == BERT_POOL_MEAN ? ROWS_SUM : ROWS_FIRST,
                                  finish_vector, out, err);
    if (!st && e->s)
        static_run(e->s, ids, offsets, n, out);
    else if (!st)
        st = causal_run(e->c, ids, offsets, n, out, err);
    for (size_t i = 0; !st && i < n; i++)
        st = make_unit(e, out + i * e->dim, err);
    return st;
}

/* --- texts --- */

typedef struct tokenise_call {
    const encoder *e;
    const encoder_text *texts;
    const char *prefix;
    token_list *lists;
    cairn_status *status;
    cairn_error *errors;
} tokenise_call;

static void tokenise_task(void *ctx, size_t task, size_t worker)
{
    const tokenise_call *call = ctx;
    const encoder_text *t = &call->texts[task];
    const tokenizer *tok = call->e->tok;
    const size_t prefix = strlen(call->prefix), max = call->e->max_tokens;
    token_list *list = &call->lists[task];
    char *joined = NULL;

    if (prefix) {
        size_t bytes;
        if (checked_add(prefix, t->len, &bytes))
            joined = checked_malloc(bytes, 1);
        if (!joined) {
            call->status[task] = cairn_fail(&call->errors[task], CAIRN_ENOMEM, "text %zu", task);
            return;
        }
        memcpy(joined, call->prefix, prefix);
        if (t->len)
            memcpy(joined + prefix, t->text, t->len);
    }
    if (call->e->b)
        call->status[task] = token_list_push(list, tokenizer_bos(tok));
    if (!call->status[task])
        call->status[task] = tokenizer_encode(tok, joined ? joined : t->text, prefix + t->len, 0,
                                              list, &call->errors[task]);
    if (!call->status[task] && list->n > max - (call->e->s ? 0 : 1))
        list->n = max - (call->e->s ? 0 : 1);
    if (!call->status[task] && !call->e->s)
        call->status[task] = token_list_push(list, tokenizer_eos(tok));
    free(joined);
}

/* One slice of at most TEXTS_AT_ONCE texts. `finish` NULL: their vectors. */
static cairn_status run_slice(encoder *e, const encoder_text *texts, size_t n, const char *prefix,
                              encoder_finish_fn *finish, float *out, cairn_error *err)
{
    token_list *lists = calloc(n, sizeof *lists);
    cairn_status *status = calloc(n, sizeof *status), st = CAIRN_OK;
    cairn_error *errors = calloc(n, sizeof *errors);
    size_t *offsets = checked_malloc(n + 1, sizeof *offsets);
    int32_t *ids = NULL;
    tokenise_call call = {e, texts, prefix, lists, status, errors};

    if (!lists || !status || !errors || !offsets) {
        st = cairn_fail(err, CAIRN_ENOMEM, "batch of %zu texts", n);
        goto done;
    }
    pool_run(e->pool, n, tokenise_task, &call);
    offsets[0] = 0;
    for (size_t i = 0; i < n; i++) {
        if (status[i]) {
            st = cairn_fail(err, status[i], "%s",
                            *errors[i].text ? errors[i].text : "out of memory");
            goto done;
        }
        offsets[i + 1] = offsets[i] + lists[i].n;
    }
    ids = checked_malloc(offsets[n], sizeof *ids);
    if (!ids) {
        st = cairn_fail(err, CAIRN_ENOMEM, "batch of %zu tokens", offsets[n]);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        if (lists[i].n)
            memcpy(ids + offsets[i], lists[i].ids, lists[i].n * sizeof *ids);
    st = finish ? encoder_check_ids(e, ids, offsets, n, err)
                : encoder_embed_ids(e, ids, offsets, n, out, err);
    if (!st && finish)
        st = encoder_run_groups(e, ids, NULL, offsets, n, ROWS_ALL, finish, out, err);
done:
    for (size_t i = 0; lists && i < n; i++)
        token_list_clear(&lists[i]);
    free(lists);
    free(status);
    free(errors);
    free(offsets);
    free(ids);
    return st;
}

static const char *prefix_of(const encoder *e, encoder_role role)
{
    return role == ENCODER_QUERY     ? e->query_prefix
           : role == ENCODER_PASSAGE ? e->passage_prefix
                                     : "";
}

cairn_status encoder_embed(encoder *e, const encoder_text *texts, size_t n, encoder_role role,
                           float *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n && !st; i += TEXTS_AT_ONCE)
        st = run_slice(e, texts + i, n - i < TEXTS_AT_ONCE ? n - i : TEXTS_AT_ONCE, prefix_of(e, role),
                       NULL, out + i * e->dim, err);
    return st;
}

/* --- tokens --- */

/* The rows of one text, each of unit length, behind the e->skip first ones and before the end token. */
static cairn_status finish_tokens(encoder *e, const float *rows, size_t n, size_t i, float *out, cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    (void)i;
    for (size_t t = e->skip; !st && t + 1 < n && e->made < e->room; t++) {
        float *row = out + e->made++ * e->dim;
        memcpy(row, rows + t * e->dim, e->dim * sizeof *row);
        st = make_unit(e, row, err);
    }
    return st;
}

static cairn_status need_tokens(const encoder *e, cairn_error *err)
{
    return e->b ? CAIRN_OK
                : cairn_fail(err, CAIRN_EUNSUPPORTED, "%s is no encoder: its tokens know nothing of what follows them",
                             e->name);
}

cairn_status encoder_token_vectors(encoder *e, const encoder_text *text, encoder_role role, float **rows, size_t *n,
                                   cairn_error *err)
{
    const char *prefix = prefix_of(e, role);
    size_t floats;
    cairn_status st = need_tokens(e, err);

    *rows = NULL;
    *n = 0;
    if (st)
        return st;
    e->made = 0;
    e->room = text->len < e->max_tokens ? text->len + 1 : e->max_tokens; /* a token has a byte at least */
    *rows = checked_mul(e->room, e->dim, &floats) ? calloc(floats, sizeof **rows) : NULL;
    if (!*rows)
        return cairn_fail(err, CAIRN_ENOMEM, "vectors of %zu tokens", e->room);
    e->skip = 1 + (*prefix ? encoder_count_tokens(e, prefix, strlen(prefix)) : 0);
    st = run_slice(e, text, 1, prefix, finish_tokens, *rows, err);
    *n = e->made;
    if (st) {
        free(*rows);
        *rows = NULL;
    }
    return st;
}

static double dot_rows(const float *x, const float *y, size_t dim)
{
    float lanes[8] = {0};
    double sum = 0;

    for (size_t i = 0; i < dim; i += 8) /* dim is a multiple of 32 */
        for (size_t l = 0; l < 8; l++)
            lanes[l] += x[i + l] * y[i + l];
    for (size_t l = 0; l < 8; l++)
        sum += lanes[l];
    return sum;
}

static cairn_status finish_late(encoder *e, const float *rows, size_t n, size_t i, float *out, cairn_error *err)
{
    const size_t dim = e->dim;
    double *norm = n > 2 ? checked_malloc(n, sizeof *norm) : NULL, sum = 0;

    out[i] = 0;
    if (n <= 2)
        return CAIRN_OK;
    if (!norm)
        return cairn_fail(err, CAIRN_ENOMEM, "late interaction");
    for (size_t t = 1; t + 1 < n; t++)
        norm[t] = sqrt(dot_rows(rows + t * dim, rows + t * dim, dim)) + 1e-12;
    for (size_t q = 0; q < e->n_query; q++) {
        double most = -1, mean = 0;
        for (size_t t = 1; t + 1 < n; t++) {
            double cosine = dot_rows(e->query + q * dim, rows + t * dim, dim) / norm[t];
            mean += cosine / (double)(n - 2);
            most = cosine > most ? cosine : most;
        }
        sum += most - mean;
    }
    free(norm);
    out[i] = (float)(sum > 0 ? sum / (double)e->n_query : 0);
    return isfinite(sum) ? CAIRN_OK : cairn_fail(err, CAIRN_EMODEL, "%s: the weights give a vector that is not finite; "
                                                                    "the file is damaged", e->name);
}

cairn_status encoder_late_score(encoder *e, const float *query, size_t n_query, const encoder_text *texts, size_t n,
                                float *scores, cairn_error *err)
{
    cairn_status st = need_tokens(e, err);

    e->query = query;
    e->n_query = n_query ? n_query : 1;
    for (size_t i = 0; i < n && !st; i += TEXTS_AT_ONCE)
        st = run_slice(e, texts + i, n - i < TEXTS_AT_ONCE ? n - i : TEXTS_AT_ONCE, prefix_of(e, ENCODER_PASSAGE),
                       finish_late, scores + i, err);
    e->query = NULL;
    return st;
}

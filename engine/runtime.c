/* runtime.c - shared models by themselves: vectors and scores for a server's plain calls. Text:
 * runtime_text.c. */
#include "engine/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/catalogue.h"
#include "engine/engine.h"
#include "engine/shared_model.h"

#define GROUP 16 /* texts a turn: a long list must not keep a question waiting */

/* ---- vectors ---- */

static encoder_role role_of(cairn_embed_role role)
{
    switch (role) {
    case CAIRN_EMBED_QUERY:
        return ENCODER_QUERY;
    case CAIRN_EMBED_PASSAGE:
        return ENCODER_PASSAGE;
    default:
        return ENCODER_PLAIN;
    }
}

/* What a turn does with texts[0, n), the first of which is number `at` of the request. */
typedef cairn_status group_fn(void *ctx, encoder *e, const encoder_text *texts, size_t n, size_t at,
                              cairn_error *err);

/* The request's texts a group at a time, each in a turn of its own. */
static cairn_status each_group(shared_model *s, const cairn_embed_request *q, group_fn *fn,
                               void *ctx, cairn_error *err)
{
    encoder_text texts[GROUP];
    cairn_status st = CAIRN_OK;

    for (size_t at = 0; !st && at < q->n_texts; at += GROUP) {
        size_t n = q->n_texts - at < GROUP ? q->n_texts - at : GROUP;
        for (size_t i = 0; i < n; i++)
            texts[i] = (encoder_text){q->texts[at + i].text, q->texts[at + i].len};
        st = shared_model_enter(s, q->cancel, q->deadline_ns, err);
        if (st)
            break;
        st = fn(ctx, shared_model_encoder(s), texts, n, at, err);
        shared_model_leave(s);
    }
    return st;
}

typedef struct embedding {
    cairn_matrix *out;
    encoder_role role;
} embedding;

static cairn_status embed_group(void *ctx, encoder *e, const encoder_text *texts, size_t n,
                                size_t at, cairn_error *err)
{
    embedding *k = ctx;

    return encoder_embed(e, texts, n, k->role, k->out->rows + at * k->out->dim, err);
}

cairn_status cairn_models_embed(cairn_models *m, const cairn_embed_request *request,
                                cairn_matrix *out, size_t *n_tokens, cairn_error *err)
{
    embedding k = {out, role_of(request->role)};
    shared_model *s;
    size_t floats;
    cairn_status st;

    *out = (cairn_matrix){0};
    st = models_get(m, MODEL_ENCODER, request->model, request->cancel, &s, err);
    if (st)
        return st;
    out->n = request->n_texts;
    out->dim = (uint32_t)encoder_dim(shared_model_encoder(s));
    if (checked_mul(out->n, out->dim, &floats))
        out->rows = calloc(floats + 1, sizeof *out->rows);
    if (!out->rows)
        st = cairn_fail(err, CAIRN_ENOMEM, "%zu vectors", out->n);
    if (!st)
        st = each_group(s, request, embed_group, &k, err);
    if (n_tokens) {
        *n_tokens = 0;
        for (size_t i = 0; !st && i < request->n_texts; i++)
            *n_tokens += encoder_count_tokens(shared_model_encoder(s), request->texts[i].text,
                                              request->texts[i].len);
    }
    if (st)
        cairn_matrix_clear(out);
    return st;
}

typedef struct scoring {
    encoder_text query;
    float *scores;
} scoring;

static cairn_status score_group(void *ctx, encoder *e, const encoder_text *texts, size_t n,
                                size_t at, cairn_error *err)
{
    scoring *k = ctx;

    return encoder_score(e, &k->query, texts, n, k->scores + at, err);
}

#define QUESTION_WEIGHTS 512

/* The same by a sparse encoder. */
static cairn_status score_sparsely(shared_model *s, const encoder_text *query,
                                   const cairn_embed_request *q, float *scores, cairn_error *err)
{
    sparse_weight weights[QUESTION_WEIGHTS];
    encoder_text texts[GROUP];
    size_t n_weights = 0;
    cairn_status st = CAIRN_OK;

    for (size_t at = 0; !st && at < q->n_texts; at += GROUP) {
        size_t n = q->n_texts - at < GROUP ? q->n_texts - at : GROUP;
        for (size_t i = 0; i < n; i++)
            texts[i] = (encoder_text){q->texts[at + i].text, q->texts[at + i].len};
        st = shared_model_enter(s, q->cancel, q->deadline_ns, err);
        if (st)
            break;
        if (!at)
            st = sparse_weigh(shared_model_sparse(s), query, weights, QUESTION_WEIGHTS, &n_weights,
                              err);
        if (!st)
            st = sparse_score(shared_model_sparse(s), weights, n_weights, texts, n, scores + at,
                              err);
        shared_model_leave(s);
    }
    return st;
}

/* Models of the catalogue that are rerankers are sparse encoders. */
static bool is_sparse(const char *name)
{
    for (const catalogue_model *m = catalogue_models; m->name; m++)
        if (!strcmp(m->name, name))
            return !strncmp(m->use, "reranker", 8);
    return false;
}

cairn_status cairn_models_rerank(cairn_models *m, const char *query,
                                 const cairn_embed_request *request, float *scores,
                                 cairn_error *err)
{
    scoring k = {{query, strlen(query)}, scores};
    bool sparse = is_sparse(request->model);
    shared_model *s;
    cairn_status st = models_get(m, sparse ? MODEL_SPARSE : MODEL_ENCODER, request->model,
                                 request->cancel, &s, err);

    if (!st && sparse)
        return score_sparsely(s, &k.query, request, scores, err);
    if (!st && !encoder_can_score(shared_model_encoder(s)))
        st = cairn_fail(err, CAIRN_EMODEL, "the model %s gives vectors, no relevance of two texts",
                        request->model);
    return st ? st : each_group(s, request, score_group, &k, err);
}

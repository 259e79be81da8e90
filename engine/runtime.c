/* runtime.c - shared models by themselves: vectors, scores and text for a server's plain calls. */
#include "engine/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "engine/engine.h"
#include "engine/shared_model.h"

#define GROUP 16 /* texts a turn: a long list must not keep a question waiting */

cairn_status cairn_models_warm(cairn_models *m, const char *embedder, const char *generator,
                               cairn_error *err)
{
    shared_model *s;
    cairn_status st = CAIRN_OK;

    if (embedder)
        st = models_get(m, MODEL_ENCODER, embedder, NULL, &s, err);
    if (!st && generator)
        st = models_get(m, MODEL_GENERATOR, generator, NULL, &s, err);
    return st;
}

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

cairn_status cairn_models_rerank(cairn_models *m, const char *query,
                                 const cairn_embed_request *request, float *scores,
                                 cairn_error *err)
{
    scoring k = {{query, strlen(query)}, scores};
    shared_model *s;
    cairn_status st = models_get(m, MODEL_ENCODER, request->model, request->cancel, &s, err);

    if (!st && !encoder_can_score(shared_model_encoder(s)))
        st = cairn_fail(err, CAIRN_EMODEL, "the model %s gives vectors, no relevance of two texts",
                        request->model);
    return st ? st : each_group(s, request, score_group, &k, err);
}

/* ---- text ---- */

typedef struct generating {
    const cairn_generate_request *request;
    cairn_stream_fn *stream;
    void *stream_ctx;
} generating;

static bool take_text(void *ctx, const char *text, size_t len)
{
    generating *k = ctx;

    if (engine_cancelled(k->request->cancel))
        return false;
    return !k->stream || k->stream(k->stream_ctx, text, len);
}

static cairn_status make_messages(const cairn_generate_request *q, json_t **out, cairn_error *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < q->n_turns; i++)
        json_array_append_new(list, json_pack("{s:s,s:s}", "role", q->turns[i].role, "content",
                                              q->turns[i].content));
    if (json_array_size(list) != q->n_turns) {
        json_decref(list);
        return cairn_fail(err, CAIRN_EUSAGE, "a message is not valid UTF-8");
    }
    *out = list;
    return CAIRN_OK;
}

/* `made` becomes *out. */
static void hand_over(generate_result *made, cairn_generated *out)
{
    *out = (cairn_generated){.text = made->text,
                             .text_len = made->text_len,
                             .prompt_tokens = made->prompt_tokens,
                             .completion_tokens = made->tokens.n,
                             .cached_tokens = made->cached_tokens,
                             .finish = generate_finish_name(made->finish),
                             .ttft_ms = (double)made->ttft_ns / 1e6,
                             .total_ms = (double)made->total_ns / 1e6};
    made->text = NULL;
}

cairn_status cairn_models_generate(cairn_models *m, const cairn_generate_request *request,
                                   cairn_stream_fn *stream, void *stream_ctx, cairn_generated *out,
                                   cairn_error *err)
{
    generating k = {request, stream, stream_ctx};
    json_t *schema = NULL, *messages = NULL;
    sampler_params sampling = sampler_params_default();
    generate_params p = {.max_tokens = request->max_tokens,
                         .sampling = &sampling,
                         .stop = request->stop,
                         .n_stop = request->n_stop,
                         .on_text = take_text,
                         .ctx = &k};
    generate_result made = {0};
    shared_model *s;
    cairn_status st;

    *out = (cairn_generated){0};
    if (!request->n_turns && !request->prompt)
        return cairn_fail(err, CAIRN_EUSAGE, "neither a conversation nor a prompt");
    if (request->json_schema && !(schema = json_loads(request->json_schema, 0, NULL)))
        return cairn_fail(err, CAIRN_EUSAGE, "the JSON schema is no JSON object");
    p.json_schema = schema;
    sampling.temperature = request->temperature;
    sampling.top_p = request->top_p > 0 ? request->top_p : 1;
    sampling.top_k = request->top_k;
    sampling.seed = request->seed;
    st = models_get(m, MODEL_GENERATOR, request->model, request->cancel, &s, err);
    if (!st && request->n_turns)
        st = make_messages(request, &messages, err);
    if (!st)
        st = shared_model_answer(s, messages, request->prompt, &p, request->cancel,
                                 request->deadline_ns, &made, err);
    json_decref(messages);
    json_decref(schema);
    if (!st && made.finish == GENERATE_CANCELLED)
        st = cairn_fail(err, CAIRN_ECANCELLED, "stopped while answering");
    if (!st)
        hand_over(&made, out);
    generate_result_clear(&made);
    return st;
}

void cairn_generated_clear(cairn_generated *g)
{
    free(g->text);
    *g = (cairn_generated){0};
}

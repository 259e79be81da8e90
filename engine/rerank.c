/* rerank.c - see rerank.h. */
#include "engine/rerank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/prompts.h"
#include "engine/shared_model.h"

#define GROUP          16
#define GENERATOR_TEXT 1200 /* bytes of a passage that the generator reads */
#define PROMPT         "rerank.v1"

rerank_kind rerank_kind_chosen(const cairn *c)
{
    rerank_kind kind = RERANK_OFF;

    (void)rerank_kind_of(c->settings.rerank, &kind); /* checked when it was read */
    if ((kind == RERANK_SPARSE || kind == RERANK_CROSS_ENCODER) && !*c->settings.reranker)
        return RERANK_OFF;
    return kind;
}

const char *rerank_languages(const cairn *c)
{
    rerank_kind kind = rerank_kind_chosen(c);

    return kind == RERANK_SPARSE || kind == RERANK_CROSS_ENCODER ? c->settings.reranker_languages
                                                                 : "";
}

bool rerank_knows(const char *languages, const char *lang)
{
    size_t len = strlen(lang);

    if (!*languages || !len)
        return true;
    for (const char *at = languages; at; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (!strncmp(at, lang, len) && (!at[len] || strchr(", ", at[len])))
            return true;
    }
    return false;
}

static cairn_status open_model(reranking *k, cairn_error *err)
{
    encoder *e;
    generator *g;
    cairn_status st;

    switch (k->kind) {
    case RERANK_SPARSE:
        return engine_reranker(k->c, &k->model, err);
    case RERANK_CROSS_ENCODER:
        st = engine_cross_encoder(k->c, &k->model, err);
        if (!st && !encoder_can_score(shared_model_encoder(k->model)))
            st = cairn_fail(err, CAIRN_EUNSUPPORTED, "%s has no classification head to rerank with",
                            k->c->settings.reranker);
        return st;
    case RERANK_LATE_INTERACTION:
        st = engine_encoder(k->c, &e, err);
        k->model = k->c->encoder;
        return st;
    case RERANK_GENERATOR:
        st = engine_generator(k->c, &g, err);
        k->model = k->c->generator;
        if (!st && shared_model_batcher(k->model))
            st = cairn_fail(err, CAIRN_EUNSUPPORTED,
                            "search.rerank = generator is for the command line: a server's generator answers "
                            "several at once and reranks nothing; sparse and late-interaction do");
        return st ? st : prompt_load(PROMPT, k->c->settings.prompt_dir, &k->prompt, err);
    default:
        return cairn_fail(err, CAIRN_EMODEL, "nothing is reranked");
    }
}

static cairn_status read_question(reranking *k, cairn_error *err)
{
    encoder_text text = {k->question, strlen(k->question)};
    cairn_status st = CAIRN_OK;

    if (k->kind == RERANK_SPARSE) {
        st = sparse_weigh(shared_model_sparse(k->model), &text, k->weights, RERANK_QUESTION_WEIGHTS,
                          &k->n_weights, err);
        if (!st && !k->n_weights)
            st = CAIRN_ENOTFOUND;
    } else if (k->kind == RERANK_LATE_INTERACTION) {
        st = encoder_token_vectors(shared_model_encoder(k->model), &text, ENCODER_QUERY, &k->tokens,
                                   &k->n_tokens, err);
        if (!st && !k->n_tokens)
            st = CAIRN_ENOTFOUND;
    }
    return st;
}

cairn_status rerank_begin(reranking *k, cairn *c, const char *question, double budget_ms,
                          int64_t *deadline_ns, cairn_error *err)
{
    cairn_status st;

    *k = (reranking){.c = c, .kind = rerank_kind_chosen(c), .question = question};
    st = open_model(k, err);
    /* Opening happens once and is not the question's time. */
    *deadline_ns = budget_ms > 0 ? clock_mono_ns() + (int64_t)(budget_ms * 1e6) : 0;
    if (!st)
        st = shared_model_enter(k->model, NULL, *deadline_ns, err);
    if (st) {
        free(k->prompt);
        return st;
    }
    st = read_question(k, err);
    if (st)
        rerank_end(k);
    return st;
}

void rerank_end(reranking *k)
{
    shared_model_leave(k->model);
    free(k->tokens);
    free(k->prompt);
}

/* ---- the generator ---- */

typedef struct likelihood {
    size_t from; /* the position before the question's first token */
    double sum;
    size_t n;
} likelihood;

static bool add_token(void *ctx, const perplexity_row *row)
{
    likelihood *l = ctx;

    if (row->pos >= l->from && row->next != TOKEN_NONE) {
        l->sum += row->logprob;
        l->n++;
    }
    return true;
}

static cairn_status append_tokens(const generator *g, const char *text, size_t len, unsigned flags,
                                  token_list *out, cairn_error *err)
{
    token_list more = {0};
    cairn_status st = generator_tokens(g, text, len, flags, &more, err);

    for (size_t i = 0; !st && i < more.n; i++)
        st = token_list_push(out, more.ids[i]);
    token_list_clear(&more);
    return st;
}

/* What a token of the question gets on average, as a probability. */
static cairn_status find_likely(reranking *k, const refine_passage *p, float *out, cairn_error *err)
{
    generator *g = shared_model_generator(k->model);
    size_t len =
        p->whole_len > GENERATOR_TEXT ? utf8_floor(p->whole, GENERATOR_TEXT) : p->whole_len;
    likelihood l = {0};
    perplexity_result all;
    token_list ids = {0};
    cairn_status st = append_tokens(g, p->whole, len, TOKENIZE_ADD_SPECIAL, &ids, err);

    if (!st)
        st = append_tokens(g, k->prompt, strlen(k->prompt), 0, &ids, err);
    l.from = ids.n ? ids.n - 1 : 0;
    if (!st)
        st = append_tokens(g, k->question, strlen(k->question), 0, &ids, err);
    if (!st)
        st = generator_perplexity_tokens(g, ids.ids, ids.n, 0, add_token, &l, &all, err);
    *out = !st && l.n ? (float)exp(l.sum / (double)l.n) : 0;
    token_list_clear(&ids);
    return st;
}

/* ---- all ---- */

static cairn_status score_group(reranking *k, const refine_passage *passages, size_t n,
                                float *scores, cairn_error *err)
{
    encoder_text texts[GROUP], question = {k->question, strlen(k->question)};
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++)
        texts[i] = (encoder_text){passages[i].whole, passages[i].whole_len};
    switch (k->kind) {
    case RERANK_SPARSE:
        return sparse_score(shared_model_sparse(k->model), k->weights, k->n_weights, texts, n,
                            scores, err);
    case RERANK_CROSS_ENCODER:
        st = encoder_score(shared_model_encoder(k->model), &question, texts, n, scores, err);
        for (size_t i = 0; !st && i < n; i++)
            scores[i] = 1 / (1 + expf(-scores[i]));
        return st;
    case RERANK_LATE_INTERACTION:
        return encoder_late_score(shared_model_encoder(k->model), k->tokens, k->n_tokens, texts, n,
                                  scores, err);
    default:
        for (size_t i = 0; !st && i < n; i++)
            st = find_likely(k, &passages[i], &scores[i], err);
        return st;
    }
}

cairn_status rerank_passages(void *ctx, const refine_passage *passages, size_t n, float *scores,
                             cairn_error *err)
{
    cairn_status st = CAIRN_OK;

    for (size_t at = 0; !st && at < n; at += GROUP)
        st = score_group(ctx, passages + at, n - at < GROUP ? n - at : GROUP, scores + at, err);
    return st;
}

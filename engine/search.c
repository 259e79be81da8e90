/* search.c - a question over one view: the rooms' pieces put together. */
#include "engine/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/augment.h"
#include "engine/cluster.h"
#include "engine/expand.h"
#include "engine/literacy.h"
#include "engine/vectors.h"

#define RESULT_BYTES   ((size_t)1 << 30)
#define FETCHED        24 /* texts that reranking and the other stages read */

retrieve_mode engine_mode(cairn_mode mode)
{
    switch (mode) {
    case CAIRN_LEXICAL:
        return RETRIEVE_LEXICAL;
    case CAIRN_VECTOR:
        return RETRIEVE_VECTOR;
    default:
        return RETRIEVE_HYBRID;
    }
}

typedef struct embed_call {
    cairn *c;
    const view *v;
    bool second;           /* with the second embedder */
    const char *rewritten; /* the question made to stand by itself; NULL: as it is */
    const char *whole;     /* what it begins with where an ellipsis was completed; or NULL */
    const char *besides; /* as in engine_stages */
    follow_up_known known;
    bool alone, points_back;
    const expansion *more; /* whose texts' directions are mixed in */
    literacy reads, second_reads;
} embed_call;

/* The vectors in the store and the question's must come from one model. */
static cairn_status same_identity(const char *have, size_t len, const encoder *e, const settings *s, cairn_error *err)
{
    char buf[AUGMENT_IDENTITY_BYTES];
    const char *identity = augment_identity(e, s, buf);

    if (len != strlen(identity) || memcmp(have, identity, len) != 0)
        return cairn_fail(err, CAIRN_EMODEL,
                          "the vectors here were made by %.*s, not by %s: cairn index makes new ones", (int)len, have,
                          identity);
    return CAIRN_OK;
}

static cairn_status check_identity(const view *v, const encoder *e, const settings *s, cairn_error *err)
{
    const uint8_t *have;
    size_t len;
    arena memory;
    cairn_status st;

    arena_init(&memory, 4096);
    st = store_meta_get(v->snapshot, META_EMBEDDER, &memory, &have, &len, err);
    if (!st)
        st = same_identity((const char *)have, len, e, s, err);
    arena_clear(&memory);
    return st;
}

static cairn_status embed_by(const embed_call *call, const encoder_text *texts, size_t n, encoder_role role, float *out,
                             cairn_error *err)
{
    return call->second ? engine_embed_second(call->c, call->v->second_model, texts, n, role, out, err)
                        : engine_embed(call->c, texts, n, role, NULL, out, err);
}

/* The question's direction, turned towards the mean of what it was expanded by. */
static cairn_status mix_directions(const embed_call *call, size_t dim, arena *memory, float *out, cairn_error *err)
{
    float share = (float)call->c->settings.expand_vectors, *more, *mean;
    size_t n = call->more->n_texts;
    double square = 0;
    cairn_status st;

    if (!n || !(share > 0))
        return CAIRN_OK;
    more = arena_calloc(memory, n * dim, sizeof *more);
    mean = arena_calloc(memory, dim, sizeof *mean);
    if (!more || !mean)
        return cairn_fail(err, CAIRN_ENOMEM, "vector of a question");
    st = embed_by(call, call->more->texts, n, call->more->role, more, err);
    for (size_t i = 0; !st && i < n * dim; i++)
        mean[i % dim] += more[i];
    for (size_t i = 0; !st && i < dim; i++)
        square += (double)mean[i] * mean[i];
    for (size_t i = 0; !st && square > 0 && i < dim; i++)
        out[i] = (1 - share) * out[i] + share * mean[i] / (float)sqrt(square);
    return st;
}

/* The direction of the question, or one between it as it was typed and as it was rewritten. */
static cairn_status embed_texts(const embed_call *call, size_t dim, const char *text, size_t len, arena *memory,
                                float *out, cairn_error *err)
{
    float share = (float)call->c->settings.history_typed;
    size_t n = call->rewritten ? 2 : 1;
    float *both = arena_calloc(memory, dim, 2 * sizeof *both);
    encoder_text texts[2];
    cairn_status st = retrieve_unshout(text, len, memory, &texts[0].text, &texts[0].len, err);

    if (!st && call->rewritten)
        st = retrieve_unshout(call->rewritten, strlen(call->rewritten), memory, &texts[1].text,
                              &texts[1].len, err);
    if (!st && !both)
        st = cairn_fail(err, CAIRN_ENOMEM, "vector of a question");
    if (!st)
        st = embed_by(call, texts, n, ENCODER_QUERY, both, err);
    for (size_t i = 0; !st && i < dim; i++)
        out[i] = n == 1 ? both[i] : share * both[i] + (1 - share) * both[dim + i];
    return st ? st : mix_directions(call, dim, memory, out, err);
}

static cairn_status can_read(const literacy *l, const char *model, const char *text, size_t len, cairn_error *err)
{
    if (!literacy_lacks(l, text, len))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s does not know the script that the question is in", model);
}

static cairn_status embed_question(void *ctx, const char *text, size_t len, float *out,
                                   cairn_error *err)
{
    embed_call *call = ctx;
    vectors_identity id;
    bool own, any;
    encoder *e;
    arena memory;
    cairn_status st = vectors_identity_get(call->v->snapshot, &id, &own, &any, err);

    if (!st)
        st = can_read(&call->reads, call->c->settings.embedder, text, len, err);

    if (!st && own)
        st = cairn_fail(err, CAIRN_EUSAGE,
                        "the vectors here are your own and no text's: search them with --vector FILE");
    if (!st)
        st = engine_encoder(call->c, &e, err);
    if (!st)
        st = check_identity(call->v, e, &call->c->settings, err);
    if (!st && engine_dim(call->v) && engine_dim(call->v) != encoder_dim(e))
        st = cairn_fail(err, CAIRN_EMODEL, "the vectors here have another dimension than %s gives",
                        encoder_name(e));
    if (st)
        return st;
    arena_init(&memory, RESULT_BYTES);
    st = embed_texts(call, encoder_dim(e), text, len, &memory, out, err);
    arena_clear(&memory);
    return st;
}

static cairn_status embed_second(void *ctx, const char *text, size_t len, float *out, cairn_error *err)
{
    embed_call call = *(const embed_call *)ctx;
    const view *v = call.v;
    encoder *e;
    arena memory;
    cairn_status st = can_read(&call.second_reads, v->second_model, text, len, err);

    call.second = true;
    if (!st)
        st = engine_second_encoder(call.c, v->second_model, &e, err);
    if (!st)
        st = same_identity(v->second_identity, strlen(v->second_identity), e, &call.c->settings, err);
    if (!st && vector_reader_dim(v->second[0].reader) != encoder_dim(e))
        st = cairn_fail(err, CAIRN_EMODEL, "its vectors here have another dimension than %s gives", encoder_name(e));
    if (st)
        return st;
    arena_init(&memory, RESULT_BYTES);
    st = embed_texts(&call, encoder_dim(e), text, len, &memory, out, err);
    arena_clear(&memory);
    return st;
}

uint32_t engine_dim(const view *v)
{
    if (v->index)
        return v->index->remote->dim(v->index->ctx);
    return v->n_vector ? vector_reader_dim(v->vector[0].reader) : 0;
}

static retrieve_vector_segment *vector_segments(const vector_segment *of, const filter_reader *const *filter,
                                                const store_segment *const *seg, size_t n, arena *memory)
{
    retrieve_vector_segment *out = arena_calloc(memory, n + 1, sizeof *out);

    for (size_t i = 0; out && i < n; i++)
        out[i] = (retrieve_vector_segment){.reader = of[i].reader,
                                           .filter = filter[i],
                                           .deleted = of[i].deleted,
                                           .rows = retrieve_rows_of_file(seg[i]->file)};
    return out;
}

cairn_status engine_corpus(const view *v, arena *memory, retrieve_corpus *out, cairn_error *err)
{
    retrieve_lexical_segment *lexical;
    retrieve_vector_segment *vector, *second;

    lexical = arena_calloc(memory, v->n_lexical + 1, sizeof *lexical);
    vector = vector_segments(v->vector, v->vector_filter, v->vector_of, v->n_vector, memory);
    second = vector_segments(v->second, v->second_filter, v->second_of, v->n_second, memory);
    if (!lexical || !vector || !second)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    for (size_t i = 0; i < v->n_lexical; i++)
        lexical[i] = (retrieve_lexical_segment){
            .reader = v->lexical[i].reader,
            .filter = v->lexical_filter[i],
            .deleted = v->lexical[i].deleted,
            .rows = retrieve_rows_of_file(v->lexical_of[i]->file)};
    *out = (retrieve_corpus){.lexical = lexical,
                             .n_lexical = v->n_lexical,
                             .vector = vector,
                             .n_vector = v->n_vector,
                             .dim = engine_dim(v),
                             .second = second,
                             .n_second = v->n_second,
                             .second_dim = v->n_second ? vector_reader_dim(v->second[0].reader) : 0,
                             .index = v->index};
    return CAIRN_OK;
}

/* How many of the passages have a vector yet. While embedding goes on the nearest of the few that have one may be far from
 * the question, and still the best of its list. */
static double share_embedded(const view *v)
{
    double rows = 0, embedded = 0;

    for (size_t i = 0; i < v->n_lexical; i++)
        rows += lexical_reader_rows(v->lexical[i].reader);
    for (size_t i = 0; i < v->n_vector; i++)
        embedded += vector_reader_rows(v->vector[i].reader);
    return rows > embedded && embedded > 0 ? embedded / rows : 1;
}

void engine_params(const cairn *c, const view *v, size_t depth, retrieve_params *p)
{
    const settings *s = &c->settings;
    const double chosen = v->n_second ? s->second_vector_weight : s->vector_weight;
    const double vectors = chosen * share_embedded(v);

    retrieve_params_default(p);
    p->depth = depth;
    p->fusion = (fuse_params){.method = strcmp(s->fusion, "rrf") ? FUSE_CONVEX : FUSE_RRF,
                              .rrf_k = s->rrf_k,
                              .weight = {1 - chosen, vectors * (1 - s->second_weight), vectors * s->second_weight}};
    p->zero_share = s->zero_share;
    p->zero_most = (size_t)s->candidates;
    p->lexical.k1 = (float)s->k1;
    p->lexical.b[LEXICAL_TITLE] = p->lexical.b[LEXICAL_HEADINGS] = p->lexical.b[LEXICAL_BODY] =
        (float)s->b;
    p->lexical.weight[LEXICAL_TITLE] = (float)s->title_weight;
    p->lexical.weight[LEXICAL_PATH] = (float)s->path_weight;
    p->lexical.weight[LEXICAL_HEADINGS] = (float)s->heading_weight;
    p->lexical.weight[LEXICAL_BODY] = (float)s->text_weight;
    p->lexical.stop_words = c->stop_words;
    p->lexical.synonyms = c->synonyms;
    p->lexical.compounds = !strcmp(s->compounds, "on");
    p->lexical.proximity = (float)s->proximity;
    p->lexical.proximity_depth = (size_t)s->proximity_depth;
}

/* The query with what its last word may become, as words that may occur. */
static cairn_status add_completions(cairn *c, const view *v, const char *text, arena *memory,
                                    retrieve_query *query, cairn_error *err)
{
    lexical_clause *more = arena_calloc(memory, query->n_clauses + 1, sizeof *more), may = {0};
    cairn_status st;

    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    st = engine_completion_clause(c, v, text, memory, &may, err);
    if (st || !may.len)
        return st;
    if (query->n_clauses)
        memcpy(more, query->clauses, query->n_clauses * sizeof *more);
    more[query->n_clauses++] = may;
    query->clauses = more;
    return CAIRN_OK;
}

static cairn_status rows_elsewhere(void *ctx, const char *const *forms, size_t n, uint64_t *rows, cairn_error *err)
{
    const retrieve_index *index = ctx;

    return index->remote->rows_with(index->ctx, forms, n, true, rows, err);
}

/* The query with the words that a follow-up question lacks. */
static cairn_status add_history(cairn *c, const view *v, const engine_query *e, analyzer *an, arena *memory,
                                retrieve_query *query, embed_call *call, cairn_error *err)
{
    const settings *s = &c->settings;
    const retrieve_turn *turns;
    retrieve_rewrite rewritten;
    rewrite_params params;
    lexical_clause *more;
    const char *lang = NULL;
    cairn_status st = engine_turns(e->history, e->n_history, memory, &turns, err);

    rewrite_params_default(&params);
    params.question_weight = (float)s->history_question;
    params.reply_weight = (float)s->history_reply;
    params.year = e->day ? retrieve_year_of(e->day) : 0;
    params.text_words = (size_t)s->history_words;
    if (v->index) {
        params.rows_with = rows_elsewhere;
        params.rows_with_ctx = (void *)v->index;
        params.all = (double)v->index->remote->rows(v->index->ctx);
    }
    if (!st && v->index)
        st = engine_question_language(v, query->text, query->text_len, an, &lang, err);
    if (!st)
        st = retrieve_rewrite_question(query->text, turns, e->n_history, v->lexical, v->n_lexical, lang,
                                       &params, an, memory, &rewritten, err);
    if (st)
        return st;
    call->known = rewritten.known;
    call->points_back = rewritten.points_back;
    if (!rewritten.n_clauses && !rewritten.whole)
        return CAIRN_OK;
    more = arena_calloc(memory, query->n_clauses + rewritten.n_clauses, sizeof *more);
    if (!more)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    if (query->n_clauses)
        memcpy(more, query->clauses, query->n_clauses * sizeof *more);
    memcpy(more + query->n_clauses, rewritten.clauses, rewritten.n_clauses * sizeof *more);
    query->clauses = more;
    query->n_clauses += rewritten.n_clauses;
    call->rewritten = rewritten.text;
    call->whole = rewritten.whole;
    call->besides = rewritten.besides;
    call->alone = rewritten.whole && !rewritten.points_back;
    return CAIRN_OK;
}

/* The query with the clauses of an expansion. */
static cairn_status add_expansion(const expansion *more, arena *memory, retrieve_query *query, cairn_error *err)
{
    lexical_clause *all;

    if (!more->n_clauses)
        return CAIRN_OK;
    all = arena_calloc(memory, query->n_clauses + more->n_clauses, sizeof *all);
    if (!all)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    if (query->n_clauses)
        memcpy(all, query->clauses, query->n_clauses * sizeof *all);
    memcpy(all + query->n_clauses, more->clauses, more->n_clauses * sizeof *all);
    query->clauses = all;
    query->n_clauses += more->n_clauses;
    return CAIRN_OK;
}

cairn_status engine_fetch_hits(const view *v, const retrieve_result *found, size_t most, arena *memory,
                               cairn_error *err)
{
    size_t n = found->n_hits < most ? found->n_hits : most;
    chunk_id *ids = v->index ? arena_calloc(memory, n + 1, sizeof *ids) : NULL;

    if (!v->index || !n)
        return CAIRN_OK;
    if (!ids)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    for (size_t i = 0; i < n; i++)
        ids[i] = found->hits[i].chunk;
    return store_prefetch(v->snapshot, ids, n, err);
}

/* Short forms that the passages give for what the question spells out, and what stands in the first hits and not in the
 * question: searched for with it. */
static cairn_status search_again(cairn *c, const view *v, const engine_query *e, const retrieve_corpus *corpus,
                                 const retrieve_params *params, const char *foreign, size_t k, analyzer *an, pool *workers, arena *memory,
                                 retrieve_query *query, retrieve_result *result, engine_stages *stages,
                                 cairn_error *err)
{
    bool hops = c->settings.hops >= 2 && !e->as_you_type && result->n_hits && result->hits[0].fused_rank;
    expansion more;
    cairn_status st = CAIRN_OK;

    for (int round = 0; !st && round < (hops ? 2 : 1); round++) {
        if (round)
            st = engine_fetch_hits(v, result, FETCHED, memory, err);
        if (!st)
            st = round ? engine_second_hop(c, v, query, result, memory, &more, err)
                       : engine_expand_after(c, v, e, query, memory, &more, err);
        if (st || !more.n_clauses)
            continue;
        st = add_expansion(&more, memory, query, err);
        if (stages->expanded && more.shown)
            stages->expanded = arena_printf(memory, "%s\n%s", stages->expanded, more.shown);
        else if (more.shown)
            stages->expanded = more.shown;
        if (!st)
            st = retrieve_search(corpus, query, e->mode, k, foreign, params, an, workers, memory, result, err);
    }
    return st;
}

/* What each embedder can read of the collection. */
static cairn_status find_readable(cairn *c, const view *v, embed_call *call, arena *memory, retrieve_corpus *corpus,
                                  cairn_error *err)
{
    cairn_status st;

    literacy_of_embedder(c, &call->reads);
    if (v->n_second)
        literacy_of_model(v->second_model, &call->second_reads);
    st = literacy_readable(&call->reads, v, memory, &corpus->readable, err);
    return st ? st : literacy_readable(&call->second_reads, v, memory, &corpus->second_readable, err);
}

/* A question in a language of the passages that an embedder was not trained on: its vectors count less than words. Beside
 * an embedder of all languages one of some is left out then, and across languages (`foreign`), too. */
static cairn_status weigh_unread(cairn *c, const view *v, const embed_call *call, const retrieve_query *query,
                                 const char *foreign, analyzer *an, retrieve_corpus *corpus, retrieve_params *params,
                                 cairn_error *err)
{
    const settings *s = &c->settings;
    const char *lang = foreign ? foreign : "";
    const bool among_all = v->n_second && call->second_reads.n && !call->reads.n;
    cairn_status st = CAIRN_OK;

    if (!foreign && (call->reads.n || call->second_reads.n))
        st = engine_question_language(v, query->text, query->text_len, an, &lang, err);
    if (st)
        return st;
    if (among_all && (foreign || literacy_is_foreign(&call->second_reads, lang) ||
                      literacy_lacks(&call->second_reads, query->text, query->text_len) ||
                      literacy_detect(query->text, query->text_len, call->second_reads.codes, call->second_reads.n))) {
        corpus->embed_second = NULL;
        params->fusion.weight[0] = 1 - s->vector_weight;
        params->fusion.weight[1] = s->vector_weight * share_embedded(v);
        params->fusion.weight[2] = 0;
    }
    if (foreign) { /* of its words only names and numbers are in the passages */
        params->fusion.weight[0] *= s->foreign_words;
        return CAIRN_OK;
    }
    if (literacy_is_foreign(&call->reads, lang))
        params->fusion.weight[1] *= c->settings.foreign_vectors;
    if (literacy_is_foreign(v->n_second ? &call->second_reads : &call->reads, lang)) /* whose it is without a second */
        params->fusion.weight[2] *= c->settings.foreign_vectors;
    return CAIRN_OK;
}

/* The correction of a question, made while embedders work on it. */
typedef struct suggesting {
    cairn *c;
    const view *v;
    const char *text;
    arena *memory; /* of the search, which uses it before and after */
    engine_stages *stages;
} suggesting;

static void suggest_beside(void *ctx)
{
    const suggesting *s = ctx;
    engine_stages *out = s->stages;

    if (!out->suggested) /* where it fails, it is tried again, and the search tells why */
        out->suggested = !engine_suggestion(s->c, s->v, s->text, s->memory, &out->suggestion, NULL);
}

cairn_status engine_search_with(cairn *c, const view *v, const engine_query *e, arena *memory,
                                retrieve_query *query, retrieve_result *result,
                                engine_stages *stages, cairn_error *err)
{
    engine_stages unwanted;
    retrieve_corpus corpus;
    retrieve_params params;
    expansion more = {0};
    embed_call call;
    analyzer *an;
    pool *workers = NULL;
    const refine_plan plan = engine_plan_refine(c, v, e);
    const size_t k = plan.depth;
    const char *foreign = NULL;
    const int64_t today = e->day ? e->day : retrieve_today();
    suggesting suggests = {c, v, e->text, memory, stages};
    int64_t start;
    cairn_status st = engine_corpus(v, memory, &corpus, err);

    stages = stages ? stages : &unwanted;
    *stages = (engine_stages){0};
    call = (embed_call){.c = c, .v = v, .more = &more};
    corpus.embed = engine_dim(v) ? embed_question : NULL;
    corpus.embed_second = v->n_second ? embed_second : NULL;
    corpus.embed_ctx = &call;
    corpus.embed_together = v->n_second && engine_embeds_together(c, v->second_model);
    if (e->suggests && suggests.stages && !v->index && !c->access) { /* no need of the snapshot */
        corpus.beside = suggest_beside;
        corpus.beside_ctx = &suggests;
    }
    if (!st)
        st = find_readable(c, v, &call, memory, &corpus, err);
    if (!st)
        st = engine_words(c, err);
    if (!st)
        st = engine_analyzer(c, &an, err);
    if (!st && e->mode != RETRIEVE_LEXICAL && v->n_vector)
        st = engine_pool(c, &workers, err);
    if (!st)
        st = e->plain ? retrieve_query_plain_on(query, e->text, e->filter, today, memory, err)
                      : retrieve_query_parse_on(query, e->text, e->filter, today, memory, err);
    if (!st && e->as_you_type)
        st = add_completions(c, v, e->text, memory, query, err);
    start = clock_mono_ns();
    if (!st)
        st = engine_expand(c, v, e, &corpus, query, memory, &more, err);
    if (!st)
        st = add_expansion(&more, memory, query, err);
    bool carries = c->settings.history_question > 0 || c->settings.history_reply > 0;
    if (!st && e->n_history && carries && query->has_words && query->text_len)
        st = add_history(c, v, e, an, memory, query, &call, err);
    if (st)
        return st;
    stages->expanded = more.shown;
    stages->rewritten = call.rewritten;
    stages->whole = call.whole;
    stages->besides = call.besides;
    stages->known = call.known;
    stages->alone = call.alone;
    stages->points_back = call.points_back;
    stages->rewrite_ns = clock_mono_ns() - start;
    engine_params(c, v, e->depth > k ? e->depth : k, &params);
    params.matches = e->matches;
    params.explain = e->explain;
    params.suggests = e->suggests;
    foreign = engine_foreign_language(v, query->text, query->text_len);
    /* Across languages the first hits are alike in what the question is not about. */
    params.feedback = foreign || e->as_you_type ? 0 : c->settings.feedback;
    st = weigh_unread(c, v, &call, query, foreign, an, &corpus, &params, err);
    if (st)
        return st;
    st = retrieve_search(&corpus, query, e->mode, k, foreign, &params, an, workers, memory, result, err);
    if (!st)
        st = search_again(c, v, e, &corpus, &params, foreign, k, an, workers, memory, query, result, stages, err);
    result->unread = literacy_lacks(&call.reads, query->text, query->text_len);
    if (!st)
        st = engine_fetch_hits(v, result, FETCHED, memory, err);
    return st ? st : engine_refine(c, v, e, &plan, query, call.rewritten ? call.rewritten : query->text,
                                   memory, result, &stages->refined, err);
}

cairn_status engine_search(cairn *c, const view *v, const char *text, bool plain,
                           const char *filter, retrieve_mode mode, size_t k, size_t depth, arena *memory,
                           retrieve_query *query, retrieve_result *result, cairn_error *err)
{
    engine_query e = {.text = text,
                      .plain = plain,
                      .filter = filter,
                      .mode = mode,
                      .k = k,
                      .depth = depth};

    return engine_search_with(c, v, &e, memory, query, result, NULL, err);
}

static cairn_status present_stages(const engine_stages *s, cairn_search_result *out, cairn_error *err)
{
    out->reranked = s->refined.reranked;
    out->told = s->refined.told;
    out->collapsed = s->refined.collapsed;
    out->grouped = s->refined.grouped;
    out->rewrite_ms = (double)s->rewrite_ns / 1e6;
    out->refine_ms = (double)s->refined.total_ns / 1e6;
    out->rewritten = s->rewritten ? arena_strdup(out->memory, s->rewritten) : NULL;
    out->expanded = s->expanded ? arena_strdup(out->memory, s->expanded) : NULL;
    if ((s->rewritten && !out->rewritten) || (s->expanded && !out->expanded))
        return cairn_fail(err, CAIRN_ENOMEM, "search result");
    return CAIRN_OK;
}

/* The request answered from a view. */
static cairn_status search_view(cairn *c, const view *v, const cairn_search_request *request,
                                cairn_search_result **out, cairn_error *err)
{
    retrieve_query query;
    retrieve_result found;
    engine_stages stages;
    engine_query e;
    arena memory;
    cairn_status st;

    arena_init(&memory, RESULT_BYTES);
    e = (engine_query){.text = request->query,
                       .filter = request->filter,
                       .mode = engine_mode(request->mode),
                       .k = request->k ? request->k : 10,
                       .depth = request->as_you_type ? 0 : (size_t)c->settings.candidates,
                       .plain = request->plain,
                       .as_you_type = request->as_you_type,
                       .matches = request->facets != NULL,
                       .explain = request->explain,
                       .suggests = !request->as_you_type && request->mode != CAIRN_VECTOR,
                       .history = request->history,
                       .n_history = request->n_history,
                       .collapse = request->collapse,
                       .per_document = request->per_document,
                       .diversity = (float)request->diversity,
                       .budget_ms = request->as_you_type ? -1 : request->budget_ms};
    st = engine_search_with(c, v, &e, &memory, &query, &found, &stages, err);
    if (!st)
        st = engine_present(c, v, &query, &found, out, err);
    if (!st)
        st = present_stages(&stages, *out, err);
    if (!st && request->versions)
        st = engine_present_versions(c, v, request->versions, *out, err);
    if (!st && request->explain)
        st = engine_explain(c, &query, &found, *out, err);
    if (!st && request->facets)
        st = engine_facets(c, v, &found, request->facets,
                           request->facet_values ? request->facet_values : 10, *out, err);
    if (!st && request->explain)
        st = engine_explain_words(c, &query, (*out)->memory, &(*out)->own_words, err);
    if (!st && e.suggests && !stages.suggested)
        st = engine_suggestion(c, v, request->query, &memory, &stages.suggestion, err);
    if (!st && stages.suggestion)
        (*out)->suggestion = arena_strdup((*out)->memory, stages.suggestion);
    if (!st && stages.suggestion && !(*out)->suggestion)
        st = cairn_fail(err, CAIRN_ENOMEM, "search result");
    if (st) {
        cairn_search_result_free(*out);
        *out = NULL;
    }
    arena_clear(&memory);
    return st;
}

/* On the state that the handle saw last. *again: it is another one now, which may also be why the search failed. */
static cairn_status search_relying(cairn *c, const cairn_search_request *request,
                                   cairn_search_result **out, bool *again, cairn_error *err)
{
    bool current = true;
    view v;
    cairn_status st = view_open_relying(c, &v, err), asked = CAIRN_OK;

    *again = false;
    if (st)
        return st;
    st = search_view(c, &v, request, out, err);
    if (st != CAIRN_ECANCELLED && st != CAIRN_ELIMIT && st != CAIRN_EBUSY)
        asked = view_is_current(&v, &current, st ? NULL : err);
    *again = !asked && !current;
    if (asked || *again) {
        cairn_search_result_free(*out);
        *out = NULL;
    }
    view_close(&v);
    return st ? st : asked;
}

cairn_status cairn_search(cairn *c, const cairn_search_request *request,
                          cairn_search_result **out, cairn_error *err)
{
    int64_t start = clock_mono_ns();
    bool again;
    view v;
    cairn_status st;

    *out = NULL;
    if (!request->query)
        return cairn_fail(err, CAIRN_EUSAGE, "no query");
    cluster_limit(c, request->cancel, request->deadline_ns);
    st = search_relying(c, request, out, &again, err);
    if (again) {
        st = view_open(c, &v, err);
        if (!st) {
            st = search_view(c, &v, request, out, err);
            view_close(&v);
        }
    }
    if (!st)
        (*out)->took_ms = (double)(clock_mono_ns() - start) / 1e6;
    cluster_limit(c, NULL, 0);
    return st;
}

void cairn_search_result_free(cairn_search_result *r)
{
    arena *memory;

    if (!r)
        return;
    memory = r->memory; /* *r itself lives in it */
    arena_clear(memory);
    free(memory);
}

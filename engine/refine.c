/* refine.c - the stages after fusion, over the passages of one view. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/cluster.h"
#include "engine/embed.h"
#include "engine/literacy.h"
#include "engine/rerank.h"
#include "engine/search.h"
#include "retrieve/standing.h"

#define PASSAGE_BYTES ((size_t)64 << 20)

/* Vectors that were fetched from elsewhere. */
typedef struct fetched {
    chunk_id *chunks;
    float *rows; /* [n][dim] */
    bool *has;
    size_t n;
    uint32_t dim;
} fetched;

typedef struct reading {
    const view *v;
    const char *folder_weights;
    const char *thing; /* that the newest is asked for of, [thing, thing + thing_len) */
    size_t thing_len;
    fetched vectors; /* of a collection that is elsewhere */
    const retrieve_result *by_second; /* hits whose vectors are the second embedder's; NULL: they are the first's */
    const char *languages; /* that the reranker knows; NULL: there is no reranker */
} reading;

/* The passage below its title and heading, as the embedder reads it. */
static cairn_status read_whole(const reading *r, const store_chunk *chunk, arena *a, refine_passage *out,
                               cairn_error *err)
{
    store_doc doc;
    bytes whole;
    cairn_status st = store_doc_shown(r->v->snapshot, chunk, &doc, a, err);

    if (st)
        return st;
    out->foreign = !rerank_knows(r->languages, doc.lang);
    bytes_init(&whole, PASSAGE_BYTES);
    if (embed_text(&whole, doc.title, chunk->heading, chunk->text, chunk->text_len) ||
        !(out->whole = arena_strndup(a, (const char *)whole.data, whole.len)))
        st = cairn_fail(err, CAIRN_ENOMEM, "reranking");
    out->whole_len = whole.len;
    bytes_clear(&whole);
    return st;
}

static cairn_status read_passage(void *ctx, chunk_id id, arena *a, refine_passage *out,
                                 cairn_error *err)
{
    const reading *r = ctx;
    store_chunk chunk;
    cairn_status st = store_chunk_get(r->v->snapshot, id, &chunk, a, err);

    if (st)
        return st;
    *out = (refine_passage){.text = chunk.text, .text_len = chunk.text_len};
    return r->languages ? read_whole(r, &chunk, a, out, err) : CAIRN_OK;
}

static cairn_status read_facts(void *ctx, chunk_id id, arena *a, prior_passage *out, cairn_error *err)
{
    const reading *r = ctx;
    store_chunk chunk;
    store_doc doc;
    cairn_status st = store_chunk_get(r->v->snapshot, id, &chunk, a, err);

    if (!st)
        st = store_doc_shown(r->v->snapshot, &chunk, &doc, a, err);
    if (!st)
        *out = (prior_passage){.date_ns = doc.date_ns ? doc.date_ns : doc.mtime_ns,
                               .named = r->thing && prior_is_named(r->thing, r->thing_len, doc.title, doc.uri),
                               .folder = prior_folder(r->folder_weights, getenv("HOME"), doc.uri)};
    if (!st && out->named && standing_date(doc.title, doc.uri))
        out->date_ns = standing_date(doc.title, doc.uri); /* minutes say of which day they are */
    return st;
}

static bool read_from(const vector_segment *segments, const store_segment *const *of, size_t n, chunk_id id, float *out)
{
    uint32_t row;

    for (size_t i = 0; i < n; i++)
        if (segment_chunk_row(of[i]->file, id, &row) &&
            !(segments[i].deleted && row_set_has(segments[i].deleted, row))) {
            vector_reader_get(segments[i].reader, row, out);
            return true;
        }
    return false;
}

/* Only of what stands in its list: passages that it cannot read do not. */
static bool read_second(const reading *r, chunk_id id, float *out)
{
    for (size_t i = 0; i < r->by_second->n_hits; i++)
        if (r->by_second->hits[i].chunk == id)
            return r->by_second->hits[i].second_rank && read_from(r->v->second, r->v->second_of, r->v->n_second, id, out);
    return false;
}

static bool read_vector(void *ctx, chunk_id id, float *out)
{
    const reading *r = ctx;
    const fetched *f = &r->vectors;

    for (size_t i = 0; i < f->n; i++)
        if (f->chunks[i] == id && f->has[i]) {
            memcpy(out, f->rows + i * f->dim, f->dim * sizeof *out);
            return true;
        }
    return r->by_second ? read_second(r, id, out) : read_from(r->v->vector, r->v->vector_of, r->v->n_vector, id, out);
}

/* An embedder of the question's language knows better what is like what than one of all languages, unless there are
 * passages among the first `most` that it cannot read: these would be like none. */
static bool likens_by_second(const cairn *c, const view *v, const retrieve_result *found, size_t most)
{
    literacy first, second;

    if (!found->n_second)
        return false;
    for (size_t i = 0; i < found->n_hits && i < most; i++)
        if (found->hits[i].sole)
            return false;
    literacy_of_embedder(c, &first);
    literacy_of_model(v->second_model, &second);
    return second.n && !first.n;
}

/* The vectors of the first hits, by one request. */
static cairn_status fetch_vectors(const view *v, const retrieve_result *found, size_t most, arena *memory, fetched *f,
                                  cairn_error *err)
{
    f->dim = v->index->remote->dim(v->index->ctx);
    f->n = found->n_hits < most ? found->n_hits : most;
    f->chunks = arena_calloc(memory, f->n, sizeof *f->chunks);
    f->rows = arena_calloc(memory, f->n * f->dim, sizeof *f->rows);
    f->has = arena_calloc(memory, f->n, sizeof *f->has);
    if (!f->chunks || !f->rows || !f->has)
        return cairn_fail(err, CAIRN_ENOMEM, "search");
    for (size_t i = 0; i < f->n; i++)
        f->chunks[i] = found->hits[i].chunk;
    return v->index->remote->vectors(v->index->ctx, f->chunks, f->n, f->dim, f->rows, f->has, err);
}

cairn_status engine_turns(const cairn_turn *history, size_t n, arena *memory,
                          const retrieve_turn **out, cairn_error *err)
{
    retrieve_turn *turns = arena_calloc(memory, n + 1, sizeof *turns);

    if (!turns)
        return cairn_fail(err, CAIRN_ENOMEM, "history");
    for (size_t i = 0; i < n; i++) {
        bool user = history[i].role && !strcmp(history[i].role, "user");
        if (!history[i].content || !history[i].role ||
            (!user && strcmp(history[i].role, "assistant") != 0))
            return cairn_fail(err, CAIRN_EUSAGE,
                              "turn %zu of the history is neither the user's nor the assistant's", i + 1);
        turns[i] = (retrieve_turn){user, history[i].content};
    }
    *out = turns;
    return CAIRN_OK;
}

/* Of reranking; 0: no limit, < 0: none at all. */
static double budget_ms(const cairn *c, const engine_query *e)
{
    if (e->budget_ms > 0 || e->budget_ms < 0)
        return e->budget_ms;
    return e->unhurried ? 0 : c->settings.rerank_ms;
}

static bool may_rerank(const cairn *c, const engine_query *e)
{
    return e->mode == RETRIEVE_HYBRID && budget_ms(c, e) >= 0 && rerank_kind_chosen(c) != RERANK_OFF &&
           c->settings.rerank_weight > 0 && c->settings.rerank_depth > 1;
}

static double neighbours_of(const cairn *c, bool second)
{
    return second ? c->settings.second_neighbours : c->settings.neighbours;
}

/* While a word is being typed every millisecond counts. */
static bool may_even_out(const cairn *c, const view *v, const engine_query *e)
{
    bool any = v->n_vector || (v->index && v->index->remote->dim(v->index->ctx));

    return e->mode == RETRIEVE_HYBRID && any && !e->as_you_type && !e->as_listed &&
           (neighbours_of(c, v->n_second) > 0 || c->settings.centre > 0);
}

static bool wants_others(const cairn *c, const engine_query *e)
{
    return e->collapse || e->per_document || e->diversity > 0 ||
           (e->n_history && c->settings.history_told > 0);
}

static bool may_put_back(const cairn *c, const engine_query *e)
{
    return c->settings.boilerplate > 0 && !e->as_you_type && !e->as_listed;
}

/* While a word is being typed, and where the list itself is asked for, nothing is weighed. */
static prior_params priors_of(const cairn *c, const engine_query *e)
{
    const settings *s = &c->settings;
    double recency = s->recency;
    size_t start, end;

    if (e->as_you_type || e->as_listed)
        return (prior_params){0};
    if (e->text && s->recency_asked > recency && prior_asks_newest(e->text, strlen(e->text)))
        recency = s->recency_asked;
    return (prior_params){.recency = (float)recency,
                          .half_life_days = s->recency_days,
                          .quality = (float)s->quality,
                          .folders = *s->folder_weights != '\0',
                          .newest = e->text && s->recency_asked > 0 && prior_newest_thing(e->text, strlen(e->text), &start, &end)};
}

/* How many hits are weighed: where being a text alone counts, no more than are read anyway. */
static size_t prior_depth(const prior_params *priors, const refine_params *p)
{
    return priors->recency > 0 || priors->folders || priors->newest ? p->prior_depth : p->recurring_depth;
}

refine_plan engine_plan_refine(const cairn *c, const view *v, const engine_query *e)
{
    refine_params p;
    prior_params priors = priors_of(c, e);
    size_t depth = e->k, rerank = (size_t)c->settings.rerank_depth;

    refine_params_default(&p);
    if (priors_wanted(&priors) && depth < prior_depth(&priors, &p))
        depth = prior_depth(&priors, &p);
    if (wants_others(c, e) && depth < 2 * p.told_depth)
        depth = 2 * p.told_depth;
    if (may_even_out(c, v, e) && depth < p.like_depth)
        depth = p.like_depth;
    if (may_rerank(c, e) && depth < rerank)
        depth = rerank;
    if (may_put_back(c, e) && depth < p.recurring_depth)
        depth = p.recurring_depth;
    return (refine_plan){depth, priors};
}

cairn_status engine_question_language(const view *v, const char *text, size_t len, analyzer *an, const char **lang,
                                      cairn_error *err)
{
    const char *const *codes;
    size_t n;

    if (!v->index)
        return retrieve_question_language(text, len, v->lexical, v->n_lexical, an, lang, err);
    n = v->index->remote->languages(v->index->ctx, &codes);
    return retrieve_language_among(text, len, codes, n, an, lang, err);
}

const char *engine_foreign_language(const view *v, const char *text, size_t len)
{
    const char *seen[RETRIEVE_LANGUAGES], *const *codes = seen, *foreign;
    size_t n;

    if (v->index)
        n = v->index->remote->languages(v->index->ctx, &codes);
    else
        n = retrieve_languages(v->lexical, v->n_lexical, seen, RETRIEVE_LANGUAGES);
    foreign = retrieve_foreign_language(text, len, codes, n);
    return foreign ? foreign : literacy_detect(text, len, codes, n);
}

/* The reranker is ready, in its turn; false: no reranking, for the reason in *why. */
static bool begin_rerank(cairn *c, const view *v, const engine_query *e, const retrieve_query *query,
                         const char *question, reranking *k, int64_t *deadline_ns, cairn_error *why)
{
    const char *lang, *foreign = engine_foreign_language(v, query->text, query->text_len);
    analyzer *an;

    why->code = CAIRN_OK;
    return may_rerank(c, e) && query->text_len && !engine_analyzer(c, &an, why) &&
           !engine_question_language(v, query->text, query->text_len, an, &lang, why) &&
           rerank_knows(rerank_languages(c), foreign ? foreign : lang) &&
           !rerank_begin(k, c, question, budget_ms(c, e), deadline_ns, why);
}

cairn_status engine_refine(cairn *c, const view *v, const engine_query *e, const refine_plan *plan,
                           const retrieve_query *query, const char *question, arena *memory, retrieve_result *result,
                           refine_report *report, cairn_error *err)
{
    int64_t start = clock_mono_ns();
    reading r = {.v = v, .folder_weights = c->settings.folder_weights};
    refine_source source = {&r, read_passage, read_vector, v->n_vector ? vector_reader_dim(v->vector[0].reader) : 0, read_facts};
    const retrieve_result fused = *result; /* stages change the order of its hits, not what they say */
    reranking k;
    refine_params p;
    cairn_error why = {0};
    bool reranks;
    size_t start_of, end_of;
    cairn_status st = CAIRN_OK;

    *report = (refine_report){0};
    if (!result->n_hits || !result->hits[0].fused_rank)
        return CAIRN_OK;
    refine_params_default(&p);
    reranks = result->mode == RETRIEVE_HYBRID &&
              begin_rerank(c, v, e, query, question, &k, &p.deadline_ns, &why);
    if (reranks) {
        r.languages = rerank_languages(c);
        p.score = rerank_passages;
        p.score_ctx = &k;
        p.rerank_weight = (float)c->settings.rerank_weight;
        p.rerank_depth = (size_t)c->settings.rerank_depth;
    }
    /* Across languages the passages most alike to a passage are alike in what the question is not about. */
    if (result->mode == RETRIEVE_HYBRID && may_even_out(c, v, e) &&
        !engine_foreign_language(v, query->text, query->text_len)) {
        p.like = (neighbours_params){(float)neighbours_of(c, result->n_second), (float)c->settings.centre};
        if (likens_by_second(c, v, result, p.like_depth)) {
            r.by_second = &fused;
            source.dim = vector_reader_dim(v->second[0].reader);
        }
        if (v->index)
            st = fetch_vectors(v, result, p.like_depth, memory, &r.vectors, err);
        source.dim = v->index ? r.vectors.dim : source.dim;
    }
    p.priors = plan->priors;
    if (p.priors.newest && prior_newest_thing(e->text, strlen(e->text), &start_of, &end_of)) {
        r.thing = e->text + start_of;
        r.thing_len = end_of - start_of;
    }
    p.prior_depth = prior_depth(&p.priors, &p);
    p.from_zero = result->mode != RETRIEVE_VECTOR;
    if (may_put_back(c, e)) {
        p.recurring = (float)c->settings.boilerplate;
        p.question = query->text;
    }
    p.told = (float)c->settings.history_told;
    p.collapse = e->collapse;
    p.per_document = e->per_document;
    p.diversity = e->diversity;
    p.n_turns = e->n_history;
    if (!st && e->n_history)
        st = engine_turns(e->history, e->n_history, memory, &p.turns, err);
    if (!st)
        st = retrieve_refine(result->hits, &result->n_hits, e->k, &p, &source, memory, report, err);
    if (reranks)
        rerank_end(&k);
    report->total_ns = clock_mono_ns() - start;
    return st;
}

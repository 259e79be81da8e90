/* search.h - the search that cairn_search, cairn_ask and cairn_eval_retrieval share. */
#ifndef CAIRN_ENGINE_SEARCH_H
#define CAIRN_ENGINE_SEARCH_H

#include "engine/view.h"
#include "retrieve/refine.h"
#include "retrieve/search.h"

/* Search an open view; everything that comes out lives in `memory`. `plain`: the text is a question
 * in plain language, not a query with operators. `filter` may be NULL. The parsed query is handed
 * out too, for highlights. */
cairn_status engine_search(cairn *c, const view *v, const char *text, bool plain,
                           const char *filter, retrieve_mode mode, size_t k, size_t depth, arena *memory,
                           retrieve_query *query, retrieve_result *result, cairn_error *err);

/* The same with more to say. */
typedef struct engine_query {
    const char *text, *filter;
    bool plain;       /* as above */
    bool as_listed;   /* nothing steps back for lines that recur */
    bool as_you_type; /* the last word is being typed */
    bool matches;     /* fill result->matches */
    bool explain;     /* fill result->explained */
    bool suggests;    /* engine_suggestion is called next */
    retrieve_mode mode;
    size_t k, depth;
    const cairn_turn *history; /* as in cairn_search_request, and so are these */
    size_t n_history, per_document;
    bool collapse;
    float diversity;
    double budget_ms; /* for reranking; 0: the settings', < 0: none */
    bool unhurried;   /* without a budget of its own: as long as it takes, whatever the settings say, so that
                         the answer is the same on every machine */
    int64_t day;      /* that it is, since 1970-01-01, for "last year"; 0: by the clock */
} engine_query;

/* What became of the question and its hits beside the search itself. */
typedef struct engine_stages {
    const char *rewritten; /* NULL: nothing was carried over */
    const char *whole;     /* the question as it was completed, which that begins with (retrieve/follow_up.h); or NULL */
    const char *besides;   /* the same for who writes the answer, where it asks for what was not told ("..., besides Ann"); or NULL */
    follow_up_known known; /* what was told and is not to be given again */
    bool points_back;      /* a pronoun or the like points at what was said before */
    bool alone;            /* `whole` points at nothing that was said before */
    const char *expanded;  /* what was searched beside it (expand.h); NULL: nothing */
    const char *suggestion; /* the question with its misspelt words replaced, or NULL */
    bool suggested;         /* where that was asked for: it was seen to */
    int64_t rewrite_ns;
    refine_report refined;
} engine_stages;

/* `stages` may be NULL. */
cairn_status engine_search_with(cairn *c, const view *v, const engine_query *e, arena *memory,
                                retrieve_query *query, retrieve_result *result,
                                engine_stages *stages, cairn_error *err);

/* What the stages after fusion need and weigh, read from the question once. */
typedef struct refine_plan {
    size_t depth; /* hits of the fusion */
    prior_params priors;
} refine_plan;

refine_plan engine_plan_refine(const cairn *c, const view *v, const engine_query *e);
/* Those stages (refine.c): of *result's hits the best e->k stay. `question` is what a reranker
 * reads: the query's text, or that text rewritten. */
cairn_status engine_refine(cairn *c, const view *v, const engine_query *e, const refine_plan *plan,
                           const retrieve_query *query, const char *question, arena *memory, retrieve_result *result,
                           refine_report *report, cairn_error *err);
/* Which of the collection's languages a question is in, by its function words. */
cairn_status engine_question_language(const view *v, const char *text, size_t len, analyzer *an, const char **lang,
                                      cairn_error *err);
/* The language of a question that is in none of the collection's; NULL: it is in one of them, as far as one can tell. */
const char *engine_foreign_language(const view *v, const char *text, size_t len);
/* In a collection elsewhere, the texts of the first hits and their documents at once, for what reads them next. */
cairn_status engine_fetch_hits(const view *v, const retrieve_result *found, size_t most, arena *memory,
                               cairn_error *err);
/* The history as retrieve/ takes it, in `memory`. CAIRN_EUSAGE for a role that is none. */
cairn_status engine_turns(const cairn_turn *history, size_t n, arena *memory,
                          const retrieve_turn **out, cairn_error *err);

/* Count documents by the fields named, over found->matches; into `out`. CAIRN_EUSAGE for a name that
 * is none. */
cairn_status engine_facets(cairn *c, const view *v, const retrieve_result *found, const char *names,
                           size_t values, cairn_search_result *out, cairn_error *err);
/* The typed query with its misspelt words replaced, in `memory`; NULL when there are none. */
cairn_status engine_suggestion(cairn *c, const view *v, const char *query, arena *memory,
                               const char **out, cairn_error *err);
/* What the user's own stop words and synonyms did to the question, in words; NULL: nothing. */
cairn_status engine_explain_words(cairn *c, const retrieve_query *query, arena *memory,
                                  const char **out, cairn_error *err);
/* Words that the last one of the text may become, as a clause in `memory`; len 0 when it is done. */
cairn_status engine_completion_clause(cairn *c, const view *v, const char *text, arena *memory,
                                      lexical_clause *out, cairn_error *err);

/* What the settings say of a search of the view whose lists are so long. */
void engine_params(const cairn *c, const view *v, size_t depth, retrieve_params *p);
/* Dimensions of the view's vectors; 0: there are none. */
uint32_t engine_dim(const view *v);
/* The segments of a view, or the index in their place, without an embedder; in `memory`. */
cairn_status engine_corpus(const view *v, arena *memory, retrieve_corpus *out, cairn_error *err);

/* A result with texts, headings and marked words for the caller, in its own memory. */
cairn_status engine_present(cairn *c, const view *v, const retrieve_query *query,
                            const retrieve_result *found, cairn_search_result **out,
                            cairn_error *err);

/* Documents whose words are alike to those of `doc` by at least `near`, newest first, in `memory`. At most `most` (up to
 * 40) are compared, the likeliest. */
cairn_status engine_versions(cairn *c, const view *v, const store_doc *doc, double near, size_t most, arena *memory,
                             cairn_copy **out, size_t *n, cairn_error *err);
/* The same for every hit of a result. */
cairn_status engine_present_versions(cairn *c, const view *v, size_t most, cairn_search_result *out,
                                     cairn_error *err);

retrieve_mode engine_mode(cairn_mode mode);

/* Copy how the query was read and why each hit scores into `out`, whose hits are found's. */
cairn_status engine_explain(cairn *c, const retrieve_query *query, const retrieve_result *found,
                            cairn_search_result *out, cairn_error *err);

#endif

/* search.h - the search that cairn_search, cairn_ask and cairn_eval_retrieval share. */
#ifndef CAIRN_ENGINE_SEARCH_H
#define CAIRN_ENGINE_SEARCH_H

#include "engine/view.h"
#include "retrieve/search.h"

/* Search an open view; everything that comes out lives in `memory`. `plain`: the text is a question
 * in plain language, not a query with operators. `filter` may be NULL. The parsed query is handed
 * out too, for highlights. */
cairn_status engine_search(cairn *c, const view *v, const char *text, bool plain,
                           const char *filter, retrieve_mode mode, size_t k, size_t depth, arena *memory,
                           retrieve_query *query, retrieve_result *result, cairn_error *err);

/* A result with texts, headings and marked words for the caller, in its own memory. */
cairn_status engine_present(cairn *c, const view *v, const retrieve_query *query,
                            const retrieve_result *found, cairn_search_result **out,
                            cairn_error *err);

retrieve_mode engine_mode(cairn_mode mode);

#endif

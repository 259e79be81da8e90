/* index.h - what answers a parsed question with ranked lists: the seam below search.h.
 *
 * A collection is searched by one of two: the segments of a snapshot (segments.c, this room), or an
 * engine elsewhere that keeps rows and vectors by itself (opensearch/). Both are a retrieve_index.
 * What is above, from the embedding of the question to fusion and answers, does not know which.
 *
 * Of the lists it is asked that filter, required and excluded clauses bind both alike, that a chunk
 * stands in a list once, and that scores fall; chunks of one score come by rising id. Scores of
 * words are BM25F over the terms of index/text with the weights of lexical_params, those of vectors
 * are cosines. */
#ifndef CAIRN_RETRIEVE_INDEX_H
#define CAIRN_RETRIEVE_INDEX_H

#include "base/arena.h"
#include "base/pool.h"
#include "index/lexical/lexical.h"
#include "retrieve/fuse.h"
#include "retrieve/query.h"
#include "store/segment.h"

struct retrieve_params;
struct retrieve_hit;
struct retrieve_result;

typedef struct retrieve_ask {
    const retrieve_query *query;
    const struct retrieve_params *params;
    const char *lang;      /* of the question; NULL: not known */
    bool words;            /* make the list of words */
    const float *question; /* [dim], unit length: make the list of vectors; NULL: don't */
    uint32_t dim;
    bool documents; /* instead of lists: the first chunk of the k first documents allowed */
    size_t k;
    analyzer *an;
    pool *workers;
    arena *a; /* where the lists go */
} retrieve_ask;

typedef struct retrieve_list {
    fuse_item *items; /* by falling score */
    doc_id *docs;     /* [n] */
    size_t n;
    int64_t ns;
} retrieve_list;

typedef struct retrieve_lists {
    retrieve_list words, vectors;
    struct retrieve_hit *documents; /* with ask->documents: by rising chunk, score 0 */
    size_t n_documents;
    uint64_t n_rows, n_allowed; /* live rows, and those that the filter allows */
    uint64_t **matches;         /* as in retrieve_result, and so is this */
    uint64_t matching_documents;
    int64_t filter_ns;
} retrieve_lists;

typedef struct retrieve_index {
    void *ctx;
    cairn_status (*lists)(void *ctx, const retrieve_ask *ask, retrieve_lists *out,
                          cairn_error *err);
    /* Fill found->explained for the hits that words found. */
    cairn_status (*explain)(void *ctx, const retrieve_ask *ask, struct retrieve_result *found,
                            cairn_error *err);
} retrieve_index;

#endif

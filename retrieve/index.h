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
#include "index/filter/filter.h"
#include "index/lexical/lexical.h"
#include "retrieve/fuse.h"
#include "retrieve/query.h"
#include "store/segment.h"
#include "store/store.h"

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
    const float *second; /* [second_dim]: the same for the vectors of the second model; NULL: don't */
    uint32_t second_dim;
    filter_expr readable, second_readable; /* what binds the one and the other list of vectors, beside the filter; n 0: nothing */
    bool documents; /* instead of lists: the first chunk of the k first documents allowed */
    size_t k;
    analyzer *an;
    pool *workers;
    arena *a; /* where the lists go */
} retrieve_ask;

typedef struct retrieve_list {
    fuse_item *items; /* by falling score */
    doc_id *docs;     /* [n] */
    uint64_t *places; /* [n], for retrieve_index.vector; NULL: the index gives no vectors of this list */
    bool *sole; /* [n]: of a passage that the other model cannot read; NULL: it reads them all, or is not asked */
    size_t n;
    int64_t ns;
} retrieve_list;

typedef struct retrieve_lists {
    retrieve_list words, vectors, second;
    bool side_by_side; /* they were made at the same time */
    struct retrieve_hit *documents; /* with ask->documents: by rising chunk, score 0 */
    size_t n_documents;
    uint64_t n_rows, n_allowed; /* live rows, and those that the filter allows */
    uint64_t **matches;         /* as in retrieve_result, and so is this */
    uint64_t matching_documents;
    int64_t filter_ns;
} retrieve_lists;

struct retrieve_remote;

typedef struct retrieve_index {
    void *ctx; /* of all functions here */
    cairn_status (*lists)(void *ctx, const retrieve_ask *ask, retrieve_lists *out,
                          cairn_error *err);
    /* Fill found->explained for the hits that words found. */
    cairn_status (*explain)(void *ctx, const retrieve_ask *ask, struct retrieve_result *found,
                            cairn_error *err);
    const struct retrieve_remote *remote; /* NULL: over segments */
    /* The vector of the hit at `place` of the list of vectors, or of the second model's, of the last call of `lists`: where it lies,
     * or else in room[dim]; without `room` NULL then. NULL where no list has places. */
    const float *(*vector)(void *ctx, bool second, uint64_t place, float *room);
} retrieve_index;

/* ---- an engine elsewhere ---- */

/* The last rule that fits a row says whether it may be seen; it fits where one of any[n] does. */
typedef struct retrieve_rule {
    bool open;
    const filter_expr *any;
    size_t n;
} retrieve_rule;

typedef struct retrieve_value {
    const char *text;
    uint64_t count; /* documents */
} retrieve_value;

/* What the rooms above learn from segments where there are some. Hidden rows are in no list,
 * sample, facet or place; counts and languages are those of all rows, as on segments. */
typedef struct retrieve_remote {
    /* An index may be opened on a state that was seen before, without asking: is it still that of
     * the collection? False: search another one. */
    cairn_status (*is_current)(void *ctx, bool *current, cairn_error *err);
    /* The rules about who may read what that are kept with the collection (rules_put), as of when
     * this index was opened; "" where there are none. Lives as long as the index. */
    const char *(*rules)(void *ctx);
    /* Nothing that these rules hide is found through this index from now on; they are copied. */
    cairn_status (*hide)(void *ctx, const retrieve_rule *rules, size_t n, cairn_error *err);
    uint64_t (*rows)(void *ctx);
    uint32_t (*dim)(void *ctx); /* of the vectors; 0: there are none */
    /* Languages of the rows, most first; live as long as the index. */
    size_t (*languages)(void *ctx, const char *const **out);
    /* rows[i]: how many rows hold the i-th term, or with `forms` the i-th word as it is written
     * (folded). */
    cairn_status (*rows_with)(void *ctx, const char *const *words, size_t n, bool forms,
                              uint64_t *rows, cairn_error *err);
    /* The inverse document frequency of a word: of its rarest stem, over all rows. */
    cairn_status (*idf)(void *ctx, analyzer *an, const char *word, size_t len, double *idf,
                        cairn_error *err);
    /* The best passages by words of the last search, whose texts are at hand; ids[max]. 0: it looked at none. */
    size_t (*best)(void *ctx, chunk_id *ids, size_t max);
    /* The values of facet `name` (index/filter/facet.h) over what the last search with
     * params.matches matched, by falling count, years by falling year. out[most]. */
    cairn_status (*facet)(void *ctx, const char *name, size_t most, arena *memory,
                          retrieve_value *out, size_t *n, size_t *distinct, cairn_error *err);
    /* rows[n][dim]; has[i]: chunk i has a vector. */
    cairn_status (*vectors)(void *ctx, const chunk_id *chunks, size_t n, uint32_t dim, float *rows,
                            bool *has, cairn_error *err);
    /* A typed question with its misspelt words replaced, by the rules of index/lexical/suggest.h and by words of
     * passages that may be seen alone; NULL: there is nothing to correct. */
    cairn_status (*correct)(void *ctx, analyzer *an, const char *text, size_t len, arena *memory,
                            const char **out, cairn_error *err);
    /* An index in memory of some passages that hold words that begin with the last one of `text`: what
     * index/lexical/suggest.h walks to complete it. NULL: there are none. *all: these are all there are.
     * Close with lexical_reader_close, then `release` *held. */
    cairn_status (*sample)(void *ctx, analyzer *an, const char *text, size_t len, lexical_reader **out,
                           void **held, bool *all, cairn_error *err);
    void (*release)(void *held);
    /* Rows nearer to `question`, by cosines of all of them, than the document's nearest, plus one;
     * 0: it has no vector. */
    cairn_status (*place)(void *ctx, doc_id doc, const float *question, uint32_t dim,
                          uint64_t *place, cairn_error *err);
} retrieve_remote;

/* What such an engine keeps beside documents and chunks, in a transaction of its store. */
typedef struct retrieve_writer {
    /* The words and metadata of a chunk: one put in this transaction, or one that is there already
     * and keeps its vector. */
    cairn_status (*row_put)(store_txn *t, analyzer *a, chunk_id chunk, const lexical_doc *words,
                            const filter_row *columns, cairn_error *err);
    /* rows[n][dim], unit vectors of chunks that are there; they wait for one no longer. */
    cairn_status (*vectors_put)(store_txn *t, const chunk_id *chunks, const float *rows, size_t n,
                                uint32_t dim, cairn_error *err);
    /* All chunks wait for vectors again: the old ones are of another model. */
    cairn_status (*vectors_drop)(store_txn *t, cairn_error *err);
    /* Bytes that the transaction holds in memory. */
    size_t (*held)(const store_txn *t);
    /* Keep other rules, outside of any transaction and whoever writes: those who open an index from
     * now on see them. */
    cairn_status (*rules_put)(store *s, const char *text, size_t len, cairn_error *err);
} retrieve_writer;

#endif

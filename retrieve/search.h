/* search.h - a parsed question to ranked chunks, over the segments of one snapshot.
 *
 * The lexical list and the vector list are each searched to `depth`, restricted by the filter,
 * the tombstones, the required phrases and the exclusions alike, and fused. Where a part is not there (no
 * vectors, no embedder, no words) the other one answers alone and `mode` says so. A third list, of the vectors
 * that a second model made of the same chunks, joins these two where there is one and it has a weight.
 *
 * Owns     the result lives in the caller's arena; segments and readers are borrowed for the call.
 * Threads  the call uses the pool it is given; several threads may search with an analyzer and a
 *          pool each. */
#ifndef CAIRN_RETRIEVE_SEARCH_H
#define CAIRN_RETRIEVE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/status.h"
#include "index/filter/filter.h"
#include "index/lexical/lexical.h"
#include "index/vector/vector.h"
#include "retrieve/fuse.h"
#include "retrieve/index.h"
#include "retrieve/query.h"
#include "store/segment.h"

typedef enum retrieve_mode { RETRIEVE_HYBRID, RETRIEVE_LEXICAL, RETRIEVE_VECTOR } retrieve_mode;

/* What a row of a segment is. retrieve_rows_of_file fills it from a mapped segment. */
typedef struct retrieve_rows {
    const void *ctx;
    chunk_id (*chunk)(const void *ctx, uint32_t row);
    doc_id (*doc)(const void *ctx, uint32_t row);
    bool (*row)(const void *ctx, chunk_id chunk, uint32_t *row);
} retrieve_rows;

retrieve_rows retrieve_rows_of_file(const segment_file *f);

typedef struct retrieve_lexical_segment {
    const lexical_reader *reader;
    const filter_reader *filter; /* NULL: a filter matches nothing here */
    const uint64_t *deleted;     /* NULL: none */
    retrieve_rows rows;
} retrieve_lexical_segment;

/* All of one embedding model. */
typedef struct retrieve_vector_segment {
    const vector_reader *reader;
    const filter_reader *filter;
    const uint64_t *deleted;
    retrieve_rows rows;
} retrieve_vector_segment;

/* Write the unit vector of a question to out[dim]. Anything but CAIRN_OK makes the search go on
 * without vectors, with the sentence of *err in the result's note. */
typedef cairn_status retrieve_embed_fn(void *ctx, const char *text, size_t len, float *out,
                                       cairn_error *err);

typedef struct retrieve_corpus {
    const retrieve_lexical_segment *lexical;
    size_t n_lexical;
    const retrieve_vector_segment *vector;
    size_t n_vector;
    uint32_t dim; /* of the vectors; 0: none */
    const retrieve_vector_segment *second; /* of a second embedding model */
    size_t n_second;
    uint32_t second_dim;
    filter_expr readable, second_readable; /* the rows of which the one and the other model can make a vector that means
                                              something; n 0: all */
    retrieve_embed_fn *embed; /* NULL: no vectors */
    retrieve_embed_fn *embed_second; /* with the second model; NULL: it is not searched */
    void *embed_ctx; /* of both */
    /* The two may be called at the same time, on two threads; then so may `beside` (NULL: nothing), which
     * is called before anything is searched. It may use what the caller gave this search. */
    bool embed_together;
    void (*beside)(void *ctx);
    void *beside_ctx;
    const retrieve_index *index; /* what answers instead of the segments; NULL: they do */
} retrieve_corpus;

/* Data for the configuration file. retrieve_params_default fills it; docs/retrieval.md says from
 * which measurement each default comes. */
typedef struct retrieve_params {
    size_t depth;          /* length of each list before fusion; default 1000 */
    double zero_share;     /* the zero_rank of fusion, as a share of the passages that the filter allows; 0: the last */
    size_t zero_most;      /* and at most so many; default 1/6 and 1000 */
    fuse_params fusion;    /* but for its zero_rank; default FUSE_CONVEX, weights 0.4 lexical, 0.6 vector and 0 for the second's,
                              which is the vector list's where the second is not searched */
    double feedback; /* share of what was found first in the direction that hybrid searches score vectors by (feedback.h); default 0 */
    lexical_params lexical;
    vector_params vector;
    bool matches; /* fill the result's `matches`; default false */
    bool explain; /* fill the result's `explained`; default false */
    bool suggests; /* the question's words may be corrected next (retrieve_remote.correct); default false */
} retrieve_params;

void retrieve_params_default(retrieve_params *p);

typedef struct retrieve_hit {
    chunk_id chunk;
    doc_id doc;
    float score;                        /* fused, or the single list's own */
    float lexical_score, vector_score;  /* raw; 0 where the list does not hold the chunk */
    uint32_t lexical_rank, vector_rank; /* from 1; 0 where the list does not hold the chunk */
    float second_score; /* of the second model's vectors, alike */
    uint32_t second_rank;
    bool sole; /* one of the two models cannot read it: the score by the other's vectors counts for both */
    float rerank_score;                 /* of the scorer (refine.h); 0 where it did not read the chunk */
    uint32_t fused_rank;                /* from 1: the place before reranking; 0 without words to search */
} retrieve_hit;

typedef struct retrieve_result {
    retrieve_hit *hits; /* by falling score; a chunk at most once */
    size_t n_hits;
    retrieve_mode mode; /* the one that answered */
    bool unread;        /* the first model does not know the question's script (the caller says so) */
    const char *note;   /* why it is not the one asked for, or how the query was read; or NULL */
    size_t n_lexical, n_vector;    /* lengths of the two lists */
    size_t n_second;               /* of the third; 0 where it was not searched */
    /* With params.matches: for each lexical segment the live and allowed rows that the words match,
     * i.e. that satisfy what is required and excluded or, where nothing is required, hold any of the
     * words; without words all. NULL otherwise. */
    uint64_t **matches;
    /* The same of an index that is not here, which counts the documents instead. */
    uint64_t matching_documents;
    /* With params.explain, where words were searched: reasons[i] tells of the hit whose fused_rank is i + 1
     * (none for one that only the vectors found). */
    const lexical_explanation *explained;
    uint64_t n_rows, n_allowed;    /* live rows of the lexical side, and those the filter allows */
    int64_t filter_ns, lexical_ns, embed_ns, vector_ns, fuse_ns, total_ns;
} retrieve_result;

/* The k best chunks for `query`. `analyzer` may be NULL (one is made for the call), `lang` the
 * question's language or NULL. A query of filters alone (no words) lists the first chunk of each
 * document allowed, in row order, with score 0. */
cairn_status retrieve_search(const retrieve_corpus *corpus, const retrieve_query *query,
                             retrieve_mode mode, size_t k, const char *lang,
                             const retrieve_params *params, analyzer *an, pool *workers, arena *a,
                             retrieve_result *out, cairn_error *err);

#endif

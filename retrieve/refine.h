/* refine.h - what happens to the list after fusion: the best passages are read again, a few stages each
 * with one thing to say, every one of which can be left out.
 *
 *   neighbours passages that are like others which score well rise (neighbours.h)
 *   rerank     a scorer reads question and passage together; its score and the fused one, both as shares of
 *              the best, are mixed
 *   priors     what is newer, where more is expected, and is a text at all, rises (priors.h)
 *   recurring  a passage that matches the question in lines which many of the documents found have, or in
 *              quoted mail, steps back (boilerplate.h)
 *   told       in a chat: a passage that the assistant has given already, almost word for word, steps back
 *   collapse   of passages that say the same in nearly the same words the first one stays
 *   group      at most so many passages of one document
 *   diversity  maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): what is like one that is
 *              listed already comes later
 *
 * Rerank permutes those of the first `rerank_depth` hits that it had time to score, in the places they held;
 * passages in a language that the scorer does not know keep theirs. Told looks at the first `told_depth`. The last three look at no more than is needed for k hits.
 *
 * Owns     texts come into the caller's arena; the hits are changed in place.
 * Threads  the call is the caller's thread alone, the scorer's pool apart.
 * Errors   those of the callbacks, CAIRN_ENOMEM. */
#ifndef CAIRN_RETRIEVE_REFINE_H
#define CAIRN_RETRIEVE_REFINE_H

#include "retrieve/neighbours.h"
#include "retrieve/priors.h"
#include "retrieve/rewrite.h"
#include "retrieve/search.h"

typedef struct refine_passage {
    const char *text;
    size_t text_len;
    const char *whole; /* the text below its title and heading, for a scorer; NULL where there is none */
    size_t whole_len;
    bool foreign; /* the scorer does not know its language */
} refine_passage;

typedef struct refine_source {
    void *ctx;
    cairn_status (*passage)(void *ctx, chunk_id chunk, arena *a, refine_passage *out, cairn_error *err);
    /* The chunk's unit vector into out[dim]; false where it has none. NULL or dim 0: there are no vectors. */
    bool (*vector)(void *ctx, chunk_id chunk, float *out);
    size_t dim;
    /* The date of a chunk's document and the weight of its folder; NULL: there are no priors. */
    cairn_status (*facts)(void *ctx, chunk_id chunk, arena *a, prior_passage *out, cairn_error *err);
} refine_source;

/* Score passages[n] for the question the search was given; higher is better, 0 or less means nothing in
 * common. */
typedef cairn_status refine_score_fn(void *ctx, const refine_passage *passages, size_t n, float *scores,
                                     cairn_error *err);

typedef struct refine_params {
    neighbours_params like; /* both 0: scores stay as fused */
    size_t like_depth;      /* hits looked at */
    refine_score_fn *score; /* NULL: no reranking */
    void *score_ctx;
    float rerank_weight;  /* 0..1, of the scorer against fusion, whose score 0 means nothing in common as well */
    size_t rerank_depth;  /* hits scored at most */
    size_t rerank_batch;  /* scored between two looks at the clock; 0: 4 */
    int64_t deadline_ns;  /* on the monotonic clock, for reranking; 0: none */
    const char *question;
    prior_params priors;
    size_t prior_depth;     /* hits weighed */
    float recurring;        /* 0..1: share of its score that a passage of recurring lines alone loses; 0: off */
    bool from_zero;         /* a score of 0 means nothing in common; else the last hit's does (priors and recurring lines) */
    size_t recurring_depth; /* hits looked at */
    size_t recurring_documents; /* that have a line which recurs */
    const retrieve_turn *turns;
    size_t n_turns;
    float told;        /* 0..1: share of its score that a passage told already loses; 0: off */
    size_t told_depth; /* hits looked at */
    bool collapse;
    size_t per_document; /* 0: any number */
    float diversity;     /* 0: off .. 1: only difference counts */
} refine_params;

void refine_params_default(refine_params *p); /* all off; depths 50 (of reranking, too), recurring lines 20 hits and 5 documents */

typedef struct refine_report {
    size_t likened;   /* hits whose vectors were compared */
    size_t reranked;  /* hits scored in time */
    size_t weighed;   /* hits whose score a prior changed */
    size_t recurring; /* moved back for what they share with many */
    size_t told;      /* moved back */
    size_t collapsed; /* left out as copies */
    size_t grouped;   /* left out as further passages of a document */
    bool diversified;
    int64_t rerank_ns, total_ns;
} refine_report;

/* Refine hits[*n] (by falling score) so that the first k are as the stages want them; *n falls to at most
 * k. */
cairn_status retrieve_refine(retrieve_hit *hits, size_t *n, size_t k, const refine_params *params,
                             const refine_source *source, arena *a, refine_report *report,
                             cairn_error *err);

#endif

/* rerank.h - who reads the best passages again: four ways behind one interface, chosen by [search]
 * rerank.
 *
 *   sparse            a SPLADE weighs the question's words and those it implies, and of each
 * passage those cross-encoder     a BERT with a classification head reads question and passage
 * together late-interaction  the embedder's own token vectors are compared (ColBERT: Khattab and
 * Zaharia, SIGIR 2020) generator         how likely the language model finds the question after the
 * passage (UPR: Sachan et al., EMNLP 2022)
 *
 * Scores of all kinds are 0 or more and mean the more the better, 0 nothing in common: refine.h
 * mixes them with those of fusion.
 *
 * Owns     rerank_begin takes one's turn with the model, rerank_end gives it back.
 * Threads  that of the handle. */
#ifndef CAIRN_ENGINE_RERANK_H
#define CAIRN_ENGINE_RERANK_H

#include "engine/engine.h"
#include "retrieve/refine.h"

#define RERANK_QUESTION_WEIGHTS 128 /* words of the question, those it implies included */

typedef struct reranking {
    cairn *c;
    rerank_kind kind;
    struct shared_model *model;
    const char *question; /* borrowed */
    sparse_weight weights[RERANK_QUESTION_WEIGHTS];
    size_t n_weights;
    float *tokens; /* [n_tokens][dim] of the question */
    size_t n_tokens;
    char *prompt; /* between passage and question */
} reranking;

/* Open the model, then, from when on *deadline_ns counts (budget_ms 0: no deadline), take one's
 * turn and read the question. CAIRN_EMODEL: no such model here; CAIRN_EUNSUPPORTED: it cannot do
 * this; CAIRN_EBUSY: others use it for all of the budget; CAIRN_ENOTFOUND: it makes nothing of the
 * question. */
cairn_status rerank_begin(reranking *k, cairn *c, const char *question, double budget_ms,
                          int64_t *deadline_ns, cairn_error *err);
/* A refine_score_fn, with the reranking as its context. */
cairn_status rerank_passages(void *ctx, const refine_passage *passages, size_t n, float *scores,
                             cairn_error *err);
void rerank_end(reranking *k);
/* Languages that the chosen kind knows, with commas; "": all. */
const char *rerank_languages(const cairn *c);
rerank_kind rerank_kind_chosen(const cairn *c);
/* Is `lang` in a list with commas? An unknown language is, and all are in an empty list. */
bool rerank_knows(const char *languages, const char *lang);

#endif

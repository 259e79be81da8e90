/* cite.h - is what the answer says in the passages it cites, and was there enough to answer at all?
 *
 * cite_check cuts the answer into sentences, reads the markers in each ([1], [2, 3], [1][4], [1-3])
 * and, for each passage named, finds the run of one to three sentences of it that share the most
 * with the claim, words weighted by rarity. A citation is supported when enough of the claim's
 * weight is found there and every number and every name-like word of the claim is.
 * A sentence without a marker is tried against all passages, so that an answer whose model
 * forgot to cite still gets citations (`guessed`).
 *
 * cite_evidence measures, before and after generation, how well the passages cover the question and
 * the answer; cite_refuse turns it into a decision by thresholds that are the caller's data.
 *
 * Nothing here understands language: it aligns stems. A paraphrase in other words
 * counts as unsupported, an inverted statement in the same words as supported.
 *
 * Owns     results live in the caller's arena. Threads: one analyzer a thread. */
#ifndef CAIRN_RETRIEVE_CITE_H
#define CAIRN_RETRIEVE_CITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "index/text/analyzer.h"

typedef struct cite_passage {
    const char *text; /* the passage as stored, not as wrapped for the prompt */
    size_t len;
    const char *title, *heading; /* count as part of the evidence; NULL: none */
    const char *lang;            /* NULL: unknown */
} cite_passage;

/* How rare a term is; > 0. Given by the caller from its index, so that "the" weighs little. */
typedef struct cite_weights {
    double (*idf)(void *ctx, const char *term, size_t len); /* NULL: function words 0, others 1 */
    void *ctx;
} cite_weights;

typedef struct cite_params {
    float support;       /* share of a claim's weight that must be found; default 0.5 */
    float guess;         /* the same where the model gave no marker; default 0.6 */
    size_t max_sentences; /* longest supporting run; default 3 */
    const char *question; /* its words count little in a claim, and need not be found; NULL: none */
    /* cite_refuse: */
    float coverage_floor; /* refuse when no single passage covers so much; default 0.4 */
    float vector_floor;   /* ... unless the best cosine is at least this; default 0.88 */
    float answer_floor;   /* refuse when less of the answer is in the passages; default 0.35 */
} cite_params;

void cite_params_default(cite_params *p);

typedef struct citation {
    uint32_t n;                       /* the number in the answer: passage n - 1 */
    size_t claim_start, claim_end;    /* bytes of the answer: the sentence */
    size_t marker_start, marker_end;  /* bytes of the answer: the bracket; equal when guessed */
    size_t start, end;                /* bytes of the passage: the supporting sentences */
    float support;                    /* 0 .. 1: share of the claim's weight found in start..end */
    bool numbers_match;               /* every number and name of the claim is there */
    bool supported;
    bool guessed;                     /* no marker: we found it ourselves */
} citation;

/* Citations in answer order, at most one per (sentence, passage). A marker that names no passage
 * gives a citation with supported = false, start = end = 0, and its number. */
cairn_status cite_check(analyzer *an, const char *lang, const char *answer, size_t len,
                        const cite_passage *passages, size_t n_passages,
                        const cite_weights *weights, const cite_params *params, arena *a,
                        citation **out, size_t *n, cairn_error *err);

/* Copy the answer without its markers (and the blanks in front of them), for comparison and
 * speech. */
cairn_status cite_strip_markers(const char *answer, size_t len, arena *a, char **out,
                                cairn_error *err);

typedef struct cite_evidence {
    float coverage;       /* share of the question's weight found in the passages together */
    float best_coverage;  /* ... in the best single passage */
    float best_lexical, best_vector; /* as the caller gave them */
    float answer_support; /* share of the answer's weight found in the passages or, for words the
                             question already had, in the question; 1 without an answer */
    size_t question_words, answer_words; /* distinct content words seen */
} cite_evidence;

/* `answer` may be NULL before generation. best_lexical and best_vector are the raw scores of the
 * best hits, 0 where there is none. */
cairn_status cite_evidence_measure(analyzer *an, const char *lang, const char *question,
                                   const char *answer, const cite_passage *passages,
                                   size_t n_passages, const cite_weights *weights,
                                   float best_lexical, float best_vector, cite_evidence *out,
                                   cairn_error *err);

/* Whether to say "not in your documents". *reason (may be NULL) gets a static sentence. */
bool cite_refuse(const cite_evidence *e, const cite_params *params, const char **reason);

#endif

/* cite.h - is what the answer says in the passages it cites?
 *
 * cite_check cuts the answer into sentences, reads the markers in each ([1], [2, 3], [1][4], [1-3])
 * and, for each passage named, finds the run of one to three sentences of it that share the most
 * with the claim, words weighted by rarity. A citation is supported when enough of the claim's
 * weight is found there and so is every name-like word and every number, amount and date of the claim,
 * compared by value (quantity.h): 1,200 euros is EUR 1.200,00 and 2.5 Nm is not 2.5 mm.
 * A sentence without a marker is tried against all passages, so that an answer whose model
 * forgot to cite still gets citations (`guessed`).
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
    bool by_head;                     /* nothing of it is in start..end, all in title or heading */
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

#endif

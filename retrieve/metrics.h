/* metrics.h - how good a ranking is, as trec_eval counts it, with bootstrap intervals.
 *
 * Judgements and runs are keyed by query and document names. Per query:
 *   nDCG@10     gain = grade (linear, as trec_eval), discount log2(rank + 1), ideal order below
 *   Recall@100  relevant (grade >= 1) among the first 100 / all relevant
 *   AP          over the whole list given (MAP is its mean)
 *   RR@10       1 / rank of the first relevant among the first 10 (MRR@10 is its mean)
 *   P@10        relevant among the first 10 / 10
 * Queries without a relevant judgement are left out; judged queries for which nothing was found
 * count 0.
 *
 * Owns     a metrics_qrels owns its strings. */
#ifndef CAIRN_RETRIEVE_METRICS_H
#define CAIRN_RETRIEVE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

typedef enum metrics_kind {
    METRICS_NDCG_10,
    METRICS_RECALL_100,
    METRICS_MAP,
    METRICS_MRR_10,
    METRICS_P_10,
    METRICS_KINDS
} metrics_kind;

const char *metrics_name(metrics_kind kind); /* "nDCG@10", "Recall@100", "MAP", "MRR@10", "P@10" */

typedef struct metrics_qrels metrics_qrels;

/* Tab- or blank-separated "query document grade" (BEIR, one header line allowed) or TREC's "query 0
 * document grade". CAIRN_EINPUT names the line. */
cairn_status metrics_qrels_read(metrics_qrels **out, const char *path, cairn_error *err);
/* Order of two names. A run file has '_' for a blank of a name, so a blank and '_' are the same. */
int metrics_names_cmp(const char *a, const char *b);
void metrics_qrels_free(metrics_qrels *q);
size_t metrics_qrels_queries(const metrics_qrels *q); /* with at least one relevant document */
/* Name of judged query i (< metrics_qrels_queries), in the file's order. */
const char *metrics_qrels_query(const metrics_qrels *q, size_t i);
/* Whether this query has a relevant document. */
bool metrics_qrels_has(const metrics_qrels *q, const char *query);

/* The values of one query: docs[n] best first, a repeated name counts once, at its best rank.
 * CAIRN_ENOTFOUND when the query has no relevant judgement. */
cairn_status metrics_query(const metrics_qrels *q, const char *query, const char *const *docs,
                           size_t n, double out[METRICS_KINDS]);

typedef struct metrics_interval {
    double mean, low, high;
} metrics_interval;

/* Mean of values[n] and the 2.5 and 97.5 percentiles of `rounds` (0: 2000) resamples drawn with a
 * fixed seed: the same values give the same interval. */
cairn_status metrics_bootstrap(const double *values, size_t n, size_t rounds, uint64_t seed,
                               metrics_interval *out, cairn_error *err);

/* Two systems over the same queries, b against a. */
typedef struct metrics_paired {
    double difference, low, high; /* mean of b - a, 95 % bootstrap interval */
    double p;                     /* of as large a difference by chance alone, either way */
    size_t better, worse, equal;  /* queries */
} metrics_paired;

/* A paired randomisation test: the sign of each query's difference is drawn anew, `rounds` (0: 10,000) times
 * (Smucker, Allan and Carterette, CIKM 2007). */
cairn_status metrics_compare(const double *a, const double *b, size_t n, size_t rounds, uint64_t seed,
                             metrics_paired *out, cairn_error *err);

/* ---- run files ---- */

typedef struct metrics_run metrics_run;

/* A TREC run: "query Q0 document rank score tag", in any order. A query's documents come by falling score,
 * equal ones by rank, then as in the file. CAIRN_EINPUT names the line. */
cairn_status metrics_run_read(metrics_run **out, const char *path, cairn_error *err);
void metrics_run_free(metrics_run *r);
/* The documents of a query, best first; *n 0 where it has none. Borrowed. */
const char *const *metrics_run_docs(const metrics_run *r, const char *query, size_t *n);

/* One line of a TREC run: "query Q0 document rank score tag". Blanks in names become '_'. */
void metrics_run_line(FILE *f, const char *query, const char *doc, size_t rank, double score,
                      const char *tag);

#endif

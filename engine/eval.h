/* eval.h - measure a collection: its lists and answers against judgements, two runs against each other, and whether a
 * new setting may replace the old one.
 *
 * Part of the public interface; handles, ownership, threads and errors are as in cairn.h. */
#ifndef CAIRN_ENGINE_EVAL_H
#define CAIRN_ENGINE_EVAL_H

#include "engine/cairn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cairn_metric {
    const char *name; /* "nDCG@10", "Recall@100", "MAP", "MRR" */
    double value, low, high; /* 95 % bootstrap interval */
} cairn_metric;

#define CAIRN_METRICS 5 /* nDCG@10, Recall@100, MAP, MRR@10, P@10 */

/* Queries that have one value of a field. */
typedef struct cairn_eval_slice {
    const char *value; /* "" for queries without the field */
    size_t n_queries;
    cairn_metric metrics[CAIRN_METRICS];
} cairn_eval_slice;

typedef struct cairn_eval_result {
    cairn_metric metrics[CAIRN_METRICS];
    size_t n_metrics;
    size_t n_queries;
    double query_ms_median, query_ms_p99;
    cairn_eval_slice *slices; /* most queries first */
    size_t n_slices;
    void *memory;
} cairn_eval_result;

typedef struct cairn_eval_request {
    const char *queries;  /* JSON lines with `_id` and `text` */
    const char *qrels;    /* tab-separated query, document, grade */
    const char *history;  /* JSON lines with `_id` and `history`, as cairn_search_request has it, for
                             queries that are follow-up questions; or NULL */
    const char *run_file; /* gets a TREC run; or NULL */
    const char *html_file; /* gets a report for a browser; or NULL */
    const char *slice; /* figures by this field of the queries' lines, or by "words", how many a query has;
                          or NULL */
    cairn_mode mode;
    double budget_ms; /* for reranking a query; 0: as long as it takes, so that the figures are the same on
                         every machine; < 0: none */
} cairn_eval_request;

cairn_status cairn_eval_retrieval(cairn *c, const cairn_eval_request *request, cairn_eval_result *out,
                                  cairn_error *err);
void cairn_eval_result_clear(cairn_eval_result *r);

/* A private test set from the collection itself: queries.jsonl and qrels.tsv in `folder` (made with mode 0700 where
 * it is not there), for documents drawn by chance a few words of one of their passages. queries 0: 100; fewer
 * come where documents are fewer or hold too few words. The same collection and seed give the same set. */
cairn_status cairn_eval_make(cairn *c, const char *folder, size_t queries, uint64_t seed, size_t *n_made,
                             cairn_error *err);

/* Run b against run a in one measure. */
typedef struct cairn_comparison {
    const char *name;
    double a, b;                  /* means */
    double difference, low, high; /* of b - a, 95 % bootstrap interval */
    double p; /* of as large a difference by chance (paired randomisation test, two-sided) */
    size_t better, worse, equal; /* queries */
} cairn_comparison;

/* Compare two TREC runs query by query over all judged queries; one that a run lacks counts 0 there. Needs no
 * collection. */
cairn_status cairn_eval_compare(const char *qrels, const char *run_a, const char *run_b,
                                cairn_comparison out[CAIRN_METRICS], size_t *n_queries, cairn_error *err);

typedef struct cairn_gate_options {
    const char *measure; /* that decides; NULL: nDCG@10, or "right" of answers */
    double margin;       /* by which the new one may be worse */
    double alpha;        /* a difference with a smaller p is taken for one */
    bool better;         /* the new one must be shown to be better, not only no worse */
} cairn_gate_options;

typedef struct cairn_gate {
    bool passed; /* the new one may replace the old */
    char reason[512];
    cairn_comparison comparisons[CAIRN_METRICS];
    size_t n_comparisons, n_queries;
} cairn_gate;

/* May a new model or setting replace the old one? Two TREC runs over judged queries. It may when the 95 % interval
 * of the difference in the measure begins above -margin and no other measure is worse by more than it with p
 * below alpha. CAIRN_EUSAGE for an unknown measure. */
cairn_status cairn_eval_gate(const char *qrels, const char *old_run, const char *new_run,
                             const cairn_gate_options *options, cairn_gate *out, cairn_error *err);
/* The same of two dumps of cairn_eval_answers over the same questions: "right", "answered_answerable" and
 * "refused_unanswerable". */
cairn_status cairn_eval_gate_answers(const char *old_dump, const char *new_dump,
                                     const cairn_gate_options *options, cairn_gate *out, cairn_error *err);

/* One question of an answer evaluation, as it went. Strings live until the callback returns. */
typedef struct cairn_answered {
    const char *id, *question, *gold; /* gold: the first accepted answer, "" = not answerable */
    const cairn_answer *answer;
    bool right; /* holds an accepted answer; or refused where there is none */
} cairn_answered;

#define CAIRN_ANSWER_METRICS 17

/* The questions with one value of the field that was asked for. */
typedef struct cairn_answers_slice {
    const char *value; /* "": the field is missing */
    size_t n;
    cairn_metric metrics[CAIRN_ANSWER_METRICS]; /* those that could be measured there */
    size_t n_metrics;
} cairn_answers_slice;

typedef struct cairn_answers_result {
    size_t n, n_answerable, n_unanswerable, n_citations, n_extractive, n_unwanted; /* n_unwanted: with "not", what the answer should not be */
    /* Those that could be measured, each with its 95 % bootstrap interval:
     * right                 share of answerable ones whose answer holds an accepted one
     * exact_match, token_f1, rouge_l, bleu, edit_similarity  over the answerable ones; a refusal counts 0
     * semantic_similarity   the same by the embedder's cosine, where there is one
     * refused_answerable, refused_unanswerable
     * evidence_retrieved    share of answerable ones of whose documents one (of supporting ones all) was read
     * refused_retrieved     share of these that were refused nevertheless
     * citation_holds        share of citations whose text holds an accepted answer
     * citation_precision    share of citations to the right document (and page)
     * citation_recall       share of answerable ones with a citation to it
     * grounded              share of the content words of answers that their citations hold */
    cairn_metric metrics[CAIRN_ANSWER_METRICS];
    size_t n_metrics;
    double retrieve_ms_median, ttft_ms_median, total_ms_median;
    cairn_answers_slice *slices; /* most questions first */
    size_t n_slices;
    void *memory;
} cairn_answers_result;

void cairn_answers_result_clear(cairn_answers_result *r);

typedef struct cairn_eval_answers_options {
    bool extractive;       /* as in cairn_ask_request */
    const char *dump_file; /* a JSON line a question: the answer and what it was decided from; or NULL */
    bool prompts;          /* into the dump the messages that a generator would get, whether it would be asked or not */
    const char *html_file; /* gets a report for a browser; or NULL */
    const char *slice;     /* as in cairn_eval_request */
} cairn_eval_answers_options;

/* qa: JSON lines with `question`, `answers` (none, or `answerable` false: not answerable) and either
 * `doc` (end of the uri) and `page`, or `doc_ids` (any of which is right; `supporting_doc_ids` goes
 * before it). `options` and `fn` may be NULL. fn sees every question; false from it cancels. */
cairn_status cairn_eval_answers(cairn *c, const char *qa, const cairn_eval_answers_options *options,
                                bool (*fn)(void *ctx, const cairn_answered *a), void *ctx,
                                cairn_answers_result *out, cairn_error *err);

/* ---- a judge ---- */

/* Two answers to one question, as the judge saw them. Strings live until the callback returns. */
typedef enum cairn_verdict { CAIRN_VERDICT_FIRST, CAIRN_VERDICT_SECOND, CAIRN_VERDICT_TIE } cairn_verdict;

typedef struct cairn_judged {
    const char *question, *a, *b;
    cairn_verdict straight; /* with a in front */
    cairn_verdict swapped;  /* with b in front */
    double lean; /* to b, in nats: the mean of both orders, in which the pull of the place falls out */
    int outcome; /* by that: -1: a is better, 1: b is, 0: neither */
} cairn_judged;

typedef struct cairn_judgement {
    size_t n_questions; /* that both have */
    size_t n_same;      /* of these answered alike: ties that nobody was asked about */
    size_t a_won, b_won, ties;
    cairn_comparison preference; /* points a question: 1 for a win, 1/2 for a tie */
    /* How far the judge can be trusted. */
    size_t n_asked;       /* questions, each twice: once with a in front, once with b */
    size_t n_consistent;  /* of these with the same answer, or neither, named both times */
    size_t n_decided;     /* of these the same answer */
    size_t n_placed;      /* the same place both times, so the other answer */
    /* The letters follow the place as often as the answer, or more often, and nothing shows that what the judge leans to besides
     * means anything: no winner is to be named. */
    bool place_bias;
    int winner; /* -1: a, 1: b; 0: neither, chance alone may make such a difference, or place_bias */
    size_t said_first, said_second, said_tie; /* of the 2 n_asked verdicts, by place: unbiased ones are as often for the
                                                 second as for the first */
    size_t n_lengths, longer_won; /* questions won by an answer longer or shorter than the other, and by the longer */
    size_t n_checked, agreed; /* questions won where one answer alone is right by the accepted ones, and won by it */
} cairn_judgement;

/* Let the generator say of two dumps of cairn_eval_answers which answers are better, a reference beside them, each
 * pair in both orders, so that the place does not decide (Zheng et al., "Judging LLM-as-a-Judge", NeurIPS 2023,
 * section 3.4; Wang et al., "Large Language Models are not Fair Evaluators", ACL 2024, section 3.2). fn (may be NULL) sees every pair that was asked about; false from it cancels. CAIRN_EMODEL without a
 * generator, CAIRN_EINPUT where the two share no question. */
cairn_status cairn_eval_judge(cairn *c, const char *dump_a, const char *dump_b,
                              bool (*fn)(void *ctx, const cairn_judged *j), void *ctx, cairn_judgement *out,
                              cairn_error *err);

/* ---- guardrails ---- */

/* Texts of one category and file. */
typedef struct cairn_guard_group {
    char category[64]; /* "" for lines without one, cut where it is longer */
    bool attack;
    size_t n, kept_out;
    double share, low, high; /* kept_out / n with its 95 % bootstrap interval */
} cairn_guard_group;

#define CAIRN_PII_TYPES 8

typedef struct cairn_guard_pii {
    const char *type; /* as in cairn_pii_finding */
    size_t expected, found, right; /* right: found at the very characters where it is expected */
    double precision, recall, f1;  /* of nothing found, or expected: 1 */
} cairn_guard_pii;

typedef struct cairn_guard_result {
    cairn_guard_group *groups; /* attacks, then clean ones; the first of each is all of them */
    size_t n_groups;
    cairn_guard_pii pii[CAIRN_PII_TYPES];
    size_t n_pii;
    void *memory;
} cairn_guard_result;

/* What the guards do to texts: a text is kept out when one of its sentences would be kept out of every answer as an
 * order to a language model. Both rates belong together, so that neither is bought with the other.
 * attacks, clean: JSON lines with `text` and, where wished, `category`. pii: JSON lines with `text` and `spans`, a list
 * of `type`, `start` and `end`, in characters, half open; types by the names of cairn_pii_finding or those of Presidio
 * (EMAIL_ADDRESS and so on); others are passed over. Each may be NULL, not all. CAIRN_EINPUT names the line. Needs no
 * collection. */
cairn_status cairn_eval_guardrails(const char *attacks, const char *clean, const char *pii, cairn_guard_result *out,
                                   cairn_error *err);
void cairn_guard_result_clear(cairn_guard_result *r);

#ifdef __cplusplus
}
#endif
#endif

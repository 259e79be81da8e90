/* eval_compare.c - two run files measured by the same judgements, query by query. */
#include "engine/eval_compare.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/checked.h"
#include "retrieve/metrics.h"

#define SEED 20240607

/* values[metric * n + query] */
static cairn_status measure(const metrics_qrels *qrels, const metrics_run *run, size_t n, double *values,
                            cairn_error *err)
{
    for (size_t q = 0; q < n; q++) {
        double of_query[METRICS_KINDS];
        const char *name = metrics_qrels_query(qrels, q);
        size_t n_docs;
        const char *const *docs = metrics_run_docs(run, name, &n_docs);
        cairn_status st = metrics_query(qrels, name, docs, n_docs, of_query);
        if (st)
            return cairn_fail(err, st, "query %s could not be measured", name);
        for (size_t k = 0; k < METRICS_KINDS; k++)
            values[k * n + q] = of_query[k];
    }
    return CAIRN_OK;
}

static double mean(const double *v, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += v[i];
    return n ? sum / (double)n : 0;
}

static bool any(const double *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] > 0)
            return true;
    return false;
}

cairn_status eval_compare_values(const char *name, const double *a, const double *b, size_t n, cairn_comparison *out,
                                 cairn_error *err)
{
    metrics_paired p;
    cairn_status st = metrics_compare(a, b, n, 0, SEED, &p, err);

    if (!st)
        *out = (cairn_comparison){.name = name,
                                  .a = mean(a, n),
                                  .b = mean(b, n),
                                  .difference = p.difference,
                                  .low = p.low,
                                  .high = p.high,
                                  .p = p.p,
                                  .better = p.better,
                                  .worse = p.worse,
                                  .equal = p.equal};
    return st;
}

cairn_status cairn_eval_compare(const char *qrels, const char *run_a, const char *run_b,
                                cairn_comparison out[CAIRN_METRICS], size_t *n_queries, cairn_error *err)
{
    metrics_qrels *judged = NULL;
    metrics_run *a = NULL, *b = NULL;
    double *of_a = NULL, *of_b = NULL;
    size_t n = 0;
    cairn_status st = metrics_qrels_read(&judged, qrels, err);

    _Static_assert(METRICS_KINDS == CAIRN_METRICS, "one place each");
    if (!st)
        st = metrics_run_read(&a, run_a, err);
    if (!st)
        st = metrics_run_read(&b, run_b, err);
    if (!st) {
        n = metrics_qrels_queries(judged);
        of_a = checked_malloc(n + 1, METRICS_KINDS * sizeof *of_a);
        of_b = checked_malloc(n + 1, METRICS_KINDS * sizeof *of_b);
        if (!of_a || !of_b)
            st = cairn_fail(err, CAIRN_ENOMEM, "comparison of %zu queries", n);
        else if (!n)
            st = cairn_fail(err, CAIRN_EINPUT, "%s: no query has a relevant document", qrels);
    }
    if (!st)
        st = measure(judged, a, n, of_a, err);
    if (!st)
        st = measure(judged, b, n, of_b, err);
    if (!st && !any(of_a, METRICS_KINDS * n) && !any(of_b, METRICS_KINDS * n))
        st = cairn_fail(err, CAIRN_EINPUT, "neither run has a document that %s judges relevant: are they of this collection?", qrels);
    for (size_t k = 0; !st && k < METRICS_KINDS; k++)
        st = eval_compare_values(metrics_name((metrics_kind)k), of_a + k * n, of_b + k * n, n, &out[k], err);
    *n_queries = n;
    free(of_a);
    free(of_b);
    metrics_run_free(a);
    metrics_run_free(b);
    metrics_qrels_free(judged);
    return st;
}

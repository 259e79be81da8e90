/* logits.h - for tests: run a model over the tokens of a reference file and measure the distance of
 * the log-probabilities. Needs no tokenizer: the file has the tokens. */
#ifndef CAIRN_TESTS_GENERATE_LOGITS_H
#define CAIRN_TESTS_GENERATE_LOGITS_H

#include <math.h>

#include "base/clock.h"
#include "generate/decode/decoder.h"
#include "tests/generate/reference.h"

#define LOGITS_BATCH 32

typedef struct logits_rows {
    size_t n;
    token_id *ids;
    double *next;          /* log-probability of the next token; the last is 0 */
    int (*top)[10];        /* ids */
    double (*top_lp)[10];
} logits_rows;

typedef struct logits_distance {
    double mean_next, max_next; /* |d log-prob| of the next token */
    double max_top;             /* of the reference's top ten */
    double mean_nll, ref_nll;
    size_t top1_changed;
    double max_margin; /* reference margin of top-1 over top-2 where the top-1 changed */
} logits_distance;

REFERENCE_UNUSED static void logits_rows_clear(logits_rows *r)
{
    free(r->ids);
    free(r->next);
    free(r->top);
    free(r->top_lp);
    memset(r, 0, sizeof *r);
}

/* `most` rows at most; false where the file is absent. */
REFERENCE_UNUSED static bool logits_read(const char *name, size_t most, logits_rows *r)
{
    void *f = reference_open(name);
    json_t *line;

    memset(r, 0, sizeof *r);
    if (!f)
        return false;
    r->ids = calloc(most, sizeof *r->ids);
    r->next = calloc(most, sizeof *r->next);
    r->top = calloc(most, sizeof *r->top);
    r->top_lp = calloc(most, sizeof *r->top_lp);
    json_decref(reference_line(f)); /* the head */
    while (r->n < most && (line = reference_line(f))) {
        r->ids[r->n] = (token_id)json_integer_value(json_array_get(line, 1));
        r->next[r->n] = json_number_value(json_array_get(line, 3));
        for (size_t i = 0; i < 10; i++) {
            r->top[r->n][i] = (int)json_integer_value(json_array_get(json_array_get(line, 4), i));
            r->top_lp[r->n][i] = json_number_value(json_array_get(json_array_get(line, 5), i));
        }
        r->n++;
        json_decref(line);
    }
    reference_close(f);
    return r->n > 1;
}

/* log of the sum of e^logit. */
REFERENCE_UNUSED static double log_sum(const float *logits, size_t n)
{
    double sum = 0;
    float top = -INFINITY;

    for (size_t i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)top);
    return log(sum) + (double)top;
}

/* Feed r->ids `batch` at a time and measure. 0 on success. */
REFERENCE_UNUSED static int logits_measure(decoder *d, size_t n_vocab, const logits_rows *r,
                                           size_t batch, logits_distance *out, cairn_error *err)
{
    float *logits = malloc(batch * n_vocab * sizeof *logits);
    double sum = 0;

    memset(out, 0, sizeof *out);
    if (!logits)
        return -1;
    for (size_t at = 0; at < r->n; at += batch) {
        size_t n = r->n - at < batch ? r->n - at : batch;
        if (decoder_eval(d, r->ids + at, n, DECODER_ALL, logits, err)) {
            free(logits);
            return -1;
        }
        for (size_t i = 0; i < n; i++) {
            const float *l = logits + i * n_vocab;
            double total = log_sum(l, n_vocab);
            size_t best = 0;
            for (size_t j = 0; j < 10; j++) {
                double gap = fabs((double)l[r->top[at + i][j]] - total - r->top_lp[at + i][j]);
                out->max_top = gap > out->max_top ? gap : out->max_top;
            }
            for (size_t j = 0; j < n_vocab; j++)
                best = l[j] > l[best] ? j : best;
            if ((int)best != r->top[at + i][0]) {
                double margin = r->top_lp[at + i][0] - r->top_lp[at + i][1];
                out->top1_changed++;
                out->max_margin = margin > out->max_margin ? margin : out->max_margin;
            }
            if (at + i + 1 < r->n) {
                double lp = (double)l[r->ids[at + i + 1]] - total, gap = fabs(lp - r->next[at + i]);
                sum += gap;
                out->max_next = gap > out->max_next ? gap : out->max_next;
                out->mean_nll -= lp;
                out->ref_nll -= r->next[at + i];
            }
        }
    }
    out->mean_next = sum / (double)(r->n - 1);
    out->mean_nll /= (double)(r->n - 1);
    out->ref_nll /= (double)(r->n - 1);
    free(logits);
    return 0;
}

#endif

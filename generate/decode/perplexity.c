/* perplexity.c - log-probabilities of a given text, position by position.
 *
 * Logits are taken a few positions at a time, and their log-softmax is computed in double
 * precision, so that the figures show the model's arithmetic and not ours. */
#include <math.h>
#include <stdlib.h>

#include "base/checked.h"
#include "generate/decode/generator.h"

#define POSITIONS 32
#define MAX_TOP   1000

typedef struct ranking {
    size_t n; /* at most n_top */
    token_id *ids;
    double *logprob;
} ranking;

static double log_of_sum(const float *logits, size_t n)
{
    float top = logits[0];
    double sum = 0;

    for (size_t i = 1; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)top);
    return log(sum) + (double)top;
}

/* The n_top largest by insertion; a later equal value stays behind, so ties go to the lower id. */
static void rank(const float *logits, size_t n_vocab, size_t n_top, double total, ranking *r)
{
    r->n = 0;
    for (size_t i = 0; i < n_vocab && n_top; i++) {
        double v = (double)logits[i];
        size_t at = r->n;
        if (r->n == n_top && !(v > r->logprob[n_top - 1]))
            continue;
        if (r->n < n_top)
            r->n++;
        else
            at = n_top - 1;
        for (; at && v > r->logprob[at - 1]; at--) {
            r->logprob[at] = r->logprob[at - 1];
            r->ids[at] = r->ids[at - 1];
        }
        r->logprob[at] = v;
        r->ids[at] = (token_id)i;
    }
    for (size_t i = 0; i < r->n; i++)
        r->logprob[i] -= total;
}

cairn_status generator_perplexity_tokens(generator *g, const token_id *ids, size_t n, size_t n_top,
                                         perplexity_callback *fn, void *ctx, perplexity_result *out,
                                         cairn_error *err)
{
    const size_t n_vocab = decoder_model_shape(g->model)->n_vocab;
    ranking r = {0};
    float *logits = NULL;
    cairn_status st = CAIRN_OK;
    double sum = 0;

    *out = (perplexity_result){.ppl = 1.0, .tokens = n};
    generator_truncate(g, 0);
    if (n > decoder_ctx(g->dec))
        return cairn_fail(err, CAIRN_ELIMIT,
                          "the text has %zu tokens and the context holds %zu: give a shorter text "
                          "or a larger context",
                          n, decoder_ctx(g->dec));
    if (n_top > MAX_TOP || n_top > n_vocab)
        return cairn_fail(err, CAIRN_EUSAGE, "%zu top tokens; at most %d are given", n_top,
                          MAX_TOP);
    logits = checked_malloc(POSITIONS * n_vocab, sizeof *logits);
    r.ids = checked_malloc(n_top, sizeof *r.ids);
    r.logprob = checked_malloc(n_top, sizeof *r.logprob);
    if (!logits || !r.ids || !r.logprob)
        st = cairn_fail(err, CAIRN_ENOMEM, "logits of %d positions", POSITIONS);
    for (size_t at = 0; !st && at < n; at += POSITIONS) {
        size_t batch = n - at < POSITIONS ? n - at : POSITIONS;
        st = generator_feed(g, ids + at, batch, DECODER_ALL, logits, err);
        for (size_t i = 0; !st && i < batch; i++) {
            const float *l = logits + i * n_vocab;
            double total = log_of_sum(l, n_vocab);
            bool last = at + i + 1 == n;
            perplexity_row row = {.pos = at + i,
                                  .token = ids[at + i],
                                  .next = TOKEN_NONE,
                                  .top = r.ids,
                                  .top_logprob = r.logprob};
            rank(l, n_vocab, n_top, total, &r);
            row.n_top = r.n;
            if (!last) {
                row.next = ids[at + i + 1];
                row.logprob = (double)l[row.next] - total;
                sum -= row.logprob;
            }
            if (fn && !fn(ctx, &row))
                st = cairn_fail(err, CAIRN_ECANCELLED, "cancelled");
        }
    }
    if (!st && n > 1) {
        out->mean_nll = sum / (double)(n - 1);
        out->ppl = exp(out->mean_nll);
    }
    atomic_store_explicit(&g->cancel, false, memory_order_relaxed);
    decoder_resume(g->dec);
    free(logits);
    free(r.ids);
    free(r.logprob);
    return st;
}

cairn_status generator_perplexity(generator *g, const char *text, size_t len, size_t n_top,
                                  perplexity_callback *fn, void *ctx, perplexity_result *out,
                                  cairn_error *err)
{
    token_list ids = {0};
    cairn_status st = tokenizer_encode(g->tok, text, len,
                                       TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, &ids, err);

    *out = (perplexity_result){.ppl = 1.0};
    if (!st)
        st = generator_perplexity_tokens(g, ids.ids, ids.n, n_top, fn, ctx, out, err);
    token_list_clear(&ids);
    return st;
}

/* encoder_pairs.c - pairs of texts through a model's classification head: laid out as the model was
 * trained ([CLS] a [SEP] b [SEP]), run by encoder.c, and their first rows put through the head. In
 * this order: the head; a list of pairs; scores of texts for one query; labels of pairs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/encode/encoder_inside.h"

/* --- the head --- */

/* Row `row` of the head's matrix times x, plus bias; in double, since it is a few rows a pair. */
static double head_row(const bert_linear *l, size_t row, const float *x, float *scratch)
{
    double sum = l->bias[row];

    bert_linear_row(l, row, scratch);
    for (size_t i = 0; i < l->in; i++)
        sum += (double)scratch[i] * x[i];
    return sum;
}

/* What a head's first matrix gives, through its activation. */
static double activate(const bert *b, double x)
{
    return b->pooler_act == BERT_GELU ? x / 2 * (1 + erf(x / sqrt(2))) : tanh(x);
}

/* What the classifier sees of a pair's first row: the pooler's outputs, and as much room again. To
 * be freed. */
static float *pool_first(const bert *b, const float *rows, cairn_error *err)
{
    float *pooled = checked_malloc(2 * b->hidden, sizeof *pooled);

    for (size_t j = 0; pooled && j < b->hidden; j++)
        pooled[j] = (float)activate(b, head_row(&b->pooler, j, rows, pooled + b->hidden));
    if (!pooled)
        cairn_fail(err, CAIRN_ENOMEM, "classification head");
    return pooled;
}

static cairn_status need_finite(const encoder *e, double score, cairn_error *err)
{
    if (isfinite(score))
        return CAIRN_OK;
    return cairn_fail(err, CAIRN_EMODEL,
                      "%s: the weights give a score that is not finite; the file is damaged",
                      e->name);
}

/* --- pairs --- */

/* Pairs of texts as they are run. */
typedef struct pair_list {
    token_list ids;
    size_t n, *offsets, *second; /* where a pair begins, and its second part */
} pair_list;

static cairn_status pairs_reserve(pair_list *p, size_t n, cairn_error *err)
{
    *p = (pair_list){.offsets = checked_malloc(n + 1, sizeof(size_t)),
                     .second = checked_malloc(n, sizeof(size_t))};
    if (!p->offsets || !p->second)
        return cairn_fail(err, CAIRN_ENOMEM, "batch of %zu pairs", n);
    p->offsets[0] = 0;
    return CAIRN_OK;
}

static void pairs_clear(pair_list *p)
{
    token_list_clear(&p->ids);
    free(p->offsets);
    free(p->second);
}

/* [CLS] a [SEP] b [SEP], RoBERTa's kin with two [SEP] in the middle. */
static cairn_status push_pair(const encoder *e, pair_list *p, const int32_t *a, size_t n_a,
                              const int32_t *b, size_t n_b, cairn_error *err)
{
    cairn_status st = token_list_push(&p->ids, tokenizer_bos(e->tok));

    for (size_t i = 0; i < n_a && !st; i++)
        st = token_list_push(&p->ids, a[i]);
    for (int i = 0; i < tokenizer_pair_separators(e->tok) && !st; i++)
        st = token_list_push(&p->ids, tokenizer_eos(e->tok));
    p->second[p->n] = p->ids.n;
    for (size_t i = 0; i < n_b && !st; i++)
        st = token_list_push(&p->ids, b[i]);
    if (!st)
        st = token_list_push(&p->ids, tokenizer_eos(e->tok));
    p->offsets[++p->n] = p->ids.n;
    return st ? cairn_fail(err, st, "tokenising a pair") : CAIRN_OK;
}

/* Tokens for both texts beside those around them. */
static size_t pair_room(const encoder *e)
{
    return e->max_tokens - 2 - (size_t)tokenizer_pair_separators(e->tok);
}

static cairn_status run_pairs(encoder *e, const pair_list *p, encoder_finish_fn *finish, float *out,
                              cairn_error *err)
{
    uint8_t *types = calloc(p->ids.n, 1);
    cairn_status st;

    if (!types)
        return cairn_fail(err, CAIRN_ENOMEM, "batch of %zu pairs", p->n);
    for (size_t i = 0; i < p->n && e->b->types > 1 && tokenizer_pair_has_types(e->tok); i++)
        memset(types + p->second[i], 1, p->offsets[i + 1] - p->second[i]);
    st = encoder_check_ids(e, p->ids.ids, p->offsets, p->n, err);
    if (!st)
        st = encoder_run_groups(e, p->ids.ids, types, p->offsets, p->n, ROWS_FIRST, finish, out,
                                err);
    free(types);
    return st;
}

/* --- scores --- */

bool encoder_can_score(const encoder *e)
{
    return e->b && e->b->classifier.w && (e->b->classifier.out == 1 || e->b->classifier.out == 2);
}

static cairn_status finish_score(encoder *e, const float *rows, size_t n, size_t i, float *out,
                                 cairn_error *err)
{
    const bert *b = e->b;
    float *pooled = pool_first(b, rows, err);
    double score;

    (void)n;
    if (!pooled)
        return CAIRN_ENOMEM;
    score = head_row(&b->classifier, b->classifier.out - 1, pooled, pooled + b->hidden);
    if (b->classifier.out == 2)
        score -= head_row(&b->classifier, 0, pooled, pooled + b->hidden);
    free(pooled);
    out[i] = (float)score;
    return need_finite(e, score, err);
}

static cairn_status score_slice(encoder *e, const token_list *query, const encoder_text *texts,
                                size_t n, float *scores, cairn_error *err)
{
    const size_t room = pair_room(e);
    size_t kept = query->n < e->max_tokens / 2 - 2 ? query->n : e->max_tokens / 2 - 2;
    pair_list pairs;
    token_list text = {0};
    cairn_status st = pairs_reserve(&pairs, n, err);

    for (size_t i = 0; i < n && !st; i++) {
        text.n = 0;
        st = tokenizer_encode(e->tok, texts[i].text, texts[i].len, 0, &text, err);
        if (!st)
            st = push_pair(e, &pairs, query->ids, kept, text.ids,
                           text.n < room - kept ? text.n : room - kept, err);
    }
    if (!st)
        st = run_pairs(e, &pairs, finish_score, scores, err);
    token_list_clear(&text);
    pairs_clear(&pairs);
    return st;
}

cairn_status encoder_score(encoder *e, const encoder_text *query, const encoder_text *texts,
                           size_t n, float *scores, cairn_error *err)
{
    token_list ids = {0};
    cairn_status st;

    if (!encoder_can_score(e))
        return cairn_fail(err, CAIRN_EUNSUPPORTED,
                          "%s has no classification head of one or two labels", e->name);
    st = tokenizer_encode(e->b->tokenizer, query->text, query->len, 0, &ids, err);
    for (size_t i = 0; i < n && !st; i += TEXTS_AT_ONCE)
        st = score_slice(e, &ids, texts + i, n - i < TEXTS_AT_ONCE ? n - i : TEXTS_AT_ONCE,
                         scores + i, err);
    token_list_clear(&ids);
    return st;
}

/* --- labels --- */

size_t encoder_labels(const encoder *e)
{
    return e->b && e->b->classifier.w ? e->b->classifier.out : 0;
}

const char *encoder_label(const encoder *e, size_t i)
{
    return e->b && i < e->b->n_labels ? e->b->labels[i] : NULL;
}

static cairn_status finish_labels(encoder *e, const float *rows, size_t n, size_t i, float *out,
                                  cairn_error *err)
{
    const bert *b = e->b;
    const size_t labels = b->classifier.out;
    float *pooled = pool_first(b, rows, err);
    cairn_status st = pooled ? CAIRN_OK : CAIRN_ENOMEM;

    (void)n;
    for (size_t l = 0; l < labels && !st; l++) {
        out[i * labels + l] = (float)head_row(&b->classifier, l, pooled, pooled + b->hidden);
        st = need_finite(e, (double)out[i * labels + l], err);
    }
    free(pooled);
    return st;
}

/* Cut the longer of two texts, or both to half of the room each. */
static void cut_longer(size_t *longer, size_t *shorter, size_t room)
{
    if (*longer + *shorter <= room)
        return;
    if (*shorter > room / 2)
        *shorter = room / 2;
    *longer = room - *shorter;
}

static cairn_status classify_slice(encoder *e, const encoder_text *first,
                                   const encoder_text *second, size_t n, float *logits,
                                   cairn_error *err)
{
    pair_list pairs;
    token_list a = {0}, b = {0};
    cairn_status st = pairs_reserve(&pairs, n, err);

    for (size_t i = 0; i < n && !st; i++) {
        a.n = b.n = 0;
        st = tokenizer_encode(e->tok, first[i].text, first[i].len, 0, &a, err);
        if (!st)
            st = tokenizer_encode(e->tok, second[i].text, second[i].len, 0, &b, err);
        if (st)
            break;
        if (a.n > b.n)
            cut_longer(&a.n, &b.n, pair_room(e));
        else
            cut_longer(&b.n, &a.n, pair_room(e));
        st = push_pair(e, &pairs, a.ids, a.n, b.ids, b.n, err);
    }
    if (!st)
        st = run_pairs(e, &pairs, finish_labels, logits, err);
    token_list_clear(&a);
    token_list_clear(&b);
    pairs_clear(&pairs);
    return st;
}

cairn_status encoder_classify(encoder *e, const encoder_text *first, const encoder_text *second,
                              size_t n, float *logits, cairn_error *err)
{
    const size_t labels = encoder_labels(e);
    cairn_status st = CAIRN_OK;

    if (!labels)
        return cairn_fail(err, CAIRN_EUNSUPPORTED, "%s has no classification head", e->name);
    for (size_t i = 0; i < n && !st; i += TEXTS_AT_ONCE)
        st = classify_slice(e, first + i, second + i, n - i < TEXTS_AT_ONCE ? n - i : TEXTS_AT_ONCE,
                            logits + i * labels, err);
    return st;
}

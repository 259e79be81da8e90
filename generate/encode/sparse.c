/* sparse.c - layers by forward.c, then the head: a dense layer with gelu and norm over each position, and
 * products with rows of the embedding table (the output matrix is tied to it). Both run on the panels of
 * encode_kernels.h; the maximum over positions comes before the logarithm, which is monotone. */
#include "generate/encode/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "generate/encode/bert.h"
#include "generate/encode/encode_kernels.h"
#include "generate/encode/forward.h"
#include "generate/kernels/kernels.h"

#define MAX_TOKENS 256
#define ROWS       64 /* positions whose products stay in the first cache */

struct sparse_encoder {
    bert *b;
    forward *f;
    const encode_kernels *kernels;
    size_t max_tokens;
    float *dense;           /* [hidden / 32] panels of the head's dense layer */
    float *vocabulary;      /* [ceil(vocab / 32)] panels of the embedding table */
    float *states;          /* [n_states][hidden], of one text */
    size_t n_states;
    float *row;             /* [hidden] */
    float (*products)[ENCODE_PANEL]; /* [ROWS] */
};

/* Rows ids[0, n) of w (n <= 32) as a panel; lanes without a row are 0. */
static void pack_panel(const sparse_encoder *e, const tensor *w, const token_id *ids, size_t n, float *panel)
{
    const size_t k = e->b->hidden;
    size_t row_bytes = 0;

    memset(panel, 0, k * ENCODE_PANEL * sizeof *panel);
    tensor_bytes_for(w->type, k, &row_bytes);
    for (size_t i = 0; i < n; i++) {
        dequantize_row(w->type, w->data + (size_t)ids[i] * row_bytes, e->row, k);
        for (size_t j = 0; j < k; j++)
            panel[j * ENCODE_PANEL + i] = e->row[j];
    }
}

/* Panels of rows 0 .. rows - 1. */
static cairn_status pack_all(sparse_encoder *e, const tensor *w, size_t rows, float **out, cairn_error *err)
{
    const size_t k = e->b->hidden, panels = (rows + ENCODE_PANEL - 1) / ENCODE_PANEL;
    token_id ids[ENCODE_PANEL];

    *out = checked_aligned(panels, k * ENCODE_PANEL * sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "repacked head of %s", e->b->name);
    for (size_t p = 0; p < panels; p++) {
        size_t n = rows - p * ENCODE_PANEL < ENCODE_PANEL ? rows - p * ENCODE_PANEL : ENCODE_PANEL;
        for (size_t i = 0; i < n; i++)
            ids[i] = (token_id)(p * ENCODE_PANEL + i);
        pack_panel(e, w, ids, n, *out + p * k * ENCODE_PANEL);
    }
    return CAIRN_OK;
}

cairn_status sparse_encoder_open(sparse_encoder **out, const char *path, pool *p, size_t max_tokens,
                                 cairn_error *err)
{
    sparse_encoder *e = calloc(1, sizeof *e);
    cairn_status st;

    *out = NULL;
    if (!e)
        return cairn_fail(err, CAIRN_ENOMEM, "sparse encoder");
    e->kernels = encode_kernels_get();
    st = bert_open(&e->b, path, err);
    if (!st && !e->b->lm_dense.w)
        st = cairn_fail(err, CAIRN_EUNSUPPORTED, "%s has no masked-language-model head", path);
    if (!st) {
        e->max_tokens = max_tokens ? max_tokens : MAX_TOKENS;
        if (e->max_tokens > e->b->max_tokens)
            e->max_tokens = e->b->max_tokens;
        e->row = checked_aligned(e->b->hidden, sizeof *e->row);
        e->products = checked_aligned(ROWS, sizeof *e->products);
        if (!e->row || !e->products || e->max_tokens < 3)
            st = cairn_fail(err, CAIRN_ENOMEM, "sparse encoder");
    }
    if (!st)
        st = forward_create(&e->f, e->b, p, false, 0, e->kernels, err);
    if (!st)
        st = pack_all(e, e->b->lm_dense.w, e->b->hidden, &e->dense, err);
    if (!st)
        st = pack_all(e, e->b->word, e->b->vocab, &e->vocabulary, err);
    if (st)
        sparse_encoder_close(e);
    else
        *out = e;
    return st;
}

void sparse_encoder_close(sparse_encoder *e)
{
    if (!e)
        return;
    forward_destroy(e->f);
    bert_close(e->b);
    free(e->dense);
    free(e->vocabulary);
    free(e->states);
    free(e->row);
    free(e->products);
    free(e);
}

/* ---- the head ---- */

/* hidden[n][width] through the dense layer, gelu and norm, into e->states. */
static cairn_status transform(sparse_encoder *e, const float *hidden, size_t n, cairn_error *err)
{
    const bert *b = e->b;
    const size_t k = b->hidden;

    if (n > e->n_states) {
        free(e->states);
        e->states = checked_aligned(n, k * sizeof *e->states);
        e->n_states = e->states ? n : 0;
        if (!e->states)
            return cairn_fail(err, CAIRN_ENOMEM, "%zu positions", n);
    }
    for (size_t p = 0; p < k / ENCODE_PANEL; p++)
        e->kernels->gemm_f32(hidden, k, n, e->dense + p * k * ENCODE_PANEL, k,
                             e->states + p * ENCODE_PANEL, k);
    for (size_t i = 0; i < n; i++) {
        float *x = e->states + i * k;
        e->kernels->bias_gelu(x, b->lm_dense.bias, k);
        e->kernels->layernorm(x, NULL, b->lm_norm.w, b->lm_norm.b, b->eps, k, x);
    }
    return CAIRN_OK;
}

/* best[32]: for each lane of a panel the largest product over the n states. */
static void best_products(const sparse_encoder *e, const float *panel, size_t n, float best[ENCODE_PANEL])
{
    const size_t k = e->b->hidden;

    for (size_t l = 0; l < ENCODE_PANEL; l++)
        best[l] = -INFINITY;
    for (size_t i = 0; i < n; i += ROWS) {
        size_t m = n - i < ROWS ? n - i : ROWS;
        e->kernels->gemm_f32(e->states + i * k, k, m, panel, k, e->products[0], ENCODE_PANEL);
        for (size_t r = 0; r < m; r++)
            for (size_t l = 0; l < ENCODE_PANEL; l++)
                best[l] = e->products[r][l] > best[l] ? e->products[r][l] : best[l];
    }
}

static float weight_of(float logit)
{
    return logit > 0 ? log1pf(logit) : 0;
}

/* ---- texts ---- */

static cairn_status tokenise(const sparse_encoder *e, const encoder_text *text, token_list *ids,
                             cairn_error *err)
{
    const tokenizer *tok = e->b->tokenizer;
    size_t start = ids->n;
    cairn_status st = token_list_push(ids, tokenizer_bos(tok));

    if (!st)
        st = tokenizer_encode(tok, text->text, text->len, 0, ids, err);
    if (!st && ids->n - start > e->max_tokens - 1)
        ids->n = start + e->max_tokens - 1;
    if (!st)
        st = token_list_push(ids, tokenizer_eos(tok));
    return st ? cairn_fail(err, st, "tokenising a text") : CAIRN_OK;
}

static int by_weight(const void *a, const void *b)
{
    const sparse_weight *x = a, *y = b;

    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->token < y->token ? -1 : x->token > y->token;
}

cairn_status sparse_weigh(sparse_encoder *e, const encoder_text *text, sparse_weight *out, size_t max,
                          size_t *n, cairn_error *err)
{
    const size_t k = e->b->hidden, vocab = e->b->vocab;
    sparse_weight *all = NULL;
    token_list ids = {0};
    size_t offsets[2] = {0, 0}, found = 0;
    const float *hidden;
    cairn_status st = tokenise(e, text, &ids, err);

    *n = 0;
    if (!st && !(all = checked_malloc(vocab, sizeof *all)))
        st = cairn_fail(err, CAIRN_ENOMEM, "weights of %zu tokens", vocab);
    offsets[1] = ids.n;
    if (!st)
        st = forward_run(e->f, &(forward_batch){.ids = ids.ids, .offsets = offsets, .n = 1}, &hidden, err);
    if (!st)
        st = transform(e, hidden, ids.n, err);
    for (size_t t = 0; !st && t < vocab; t += ENCODE_PANEL) {
        float best[ENCODE_PANEL];
        best_products(e, e->vocabulary + t * k, ids.n, best);
        for (size_t l = 0; l < ENCODE_PANEL && t + l < vocab; l++) {
            float w = weight_of(best[l] + e->b->lm_bias[t + l]);
            if (w > 0)
                all[found++] = (sparse_weight){(token_id)(t + l), w};
        }
    }
    if (!st) {
        qsort(all, found, sizeof *all, by_weight);
        *n = found < max ? found : max;
        if (*n)
            memcpy(out, all, *n * sizeof *all);
    }
    free(all);
    token_list_clear(&ids);
    return st;
}

/* The query's rows of the embedding table, 32 a panel. */
static cairn_status pack_query(sparse_encoder *e, const sparse_weight *query, size_t n, float **out,
                               cairn_error *err)
{
    const size_t k = e->b->hidden, panels = (n + ENCODE_PANEL - 1) / ENCODE_PANEL;
    token_id ids[ENCODE_PANEL];

    *out = checked_aligned(panels ? panels : 1, k * ENCODE_PANEL * sizeof **out);
    if (!*out)
        return cairn_fail(err, CAIRN_ENOMEM, "weights of a question");
    for (size_t p = 0; p < panels; p++) {
        size_t m = n - p * ENCODE_PANEL < ENCODE_PANEL ? n - p * ENCODE_PANEL : ENCODE_PANEL;
        for (size_t i = 0; i < m; i++) {
            ids[i] = query[p * ENCODE_PANEL + i].token;
            if (ids[i] < 0 || (size_t)ids[i] >= e->b->vocab)
                return cairn_fail(err, CAIRN_EUSAGE, "token id %d is outside the vocabulary", (int)ids[i]);
        }
        pack_panel(e, e->b->word, ids, m, *out + p * k * ENCODE_PANEL);
    }
    return CAIRN_OK;
}

static float score_states(const sparse_encoder *e, const sparse_weight *query, size_t n_query,
                          const float *panels, size_t n)
{
    double sum = 0;

    for (size_t t = 0; t < n_query; t += ENCODE_PANEL) {
        float best[ENCODE_PANEL];
        best_products(e, panels + t * e->b->hidden, n, best);
        for (size_t l = 0; l < ENCODE_PANEL && t + l < n_query; l++)
            sum += (double)query[t + l].weight * weight_of(best[l] + e->b->lm_bias[query[t + l].token]);
    }
    return (float)sum;
}

cairn_status sparse_score(sparse_encoder *e, const sparse_weight *query, size_t n_query,
                          const encoder_text *texts, size_t n, float *scores, cairn_error *err)
{
    size_t *offsets = checked_malloc(n + 1, sizeof *offsets);
    token_list ids = {0};
    float *panels = NULL;
    cairn_status st = offsets ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "%zu texts", n);

    if (!st)
        st = pack_query(e, query, n_query, &panels, err);
    for (size_t i = 0; !st && i < n;) {
        const float *hidden;
        size_t m = 0;
        ids.n = 0;
        for (offsets[0] = 0; !st && i + m < n && (!m || ids.n + e->max_tokens <= FORWARD_ROWS); m++) {
            st = tokenise(e, &texts[i + m], &ids, err);
            offsets[m + 1] = ids.n;
        }
        if (!st)
            st = forward_run(e->f, &(forward_batch){.ids = ids.ids, .offsets = offsets, .n = m}, &hidden,
                             err);
        for (size_t j = 0; !st && j < m; j++) {
            size_t rows = offsets[j + 1] - offsets[j];
            st = transform(e, hidden + offsets[j] * e->b->hidden, rows, err);
            if (!st)
                scores[i + j] = score_states(e, query, n_query, panels, rows);
        }
        i += m;
    }
    token_list_clear(&ids);
    free(panels);
    free(offsets);
    return st;
}

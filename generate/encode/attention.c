/* attention.c - one head of one sequence, as two matrix products with the panel kernels.
 *
 * The keys become panels of 32 tokens, the values panels of 32 channels; then the queries walk by
 * in patches of 48: scores, exp, products with the values, and last the division by the sum. In the
 * fast mode queries, keys, values and the exponentials are rounded like any i16 operand. Widths are
 * padded to 32 with zeros, tokens too; padded scores are never summed.
 *
 * Relative positions (He et al., arXiv:2006.03654, section 3): for a patch the rows of the positions' keys that its
 * distances reach are multiplied by its queries, and for a patch and a panel of keys the rows of the positions'
 * queries by that panel, which is packed already: 79 rows at the most. Each score takes its number from either. */
#include "generate/encode/attention.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define PATCH 48

/* Where things lie in a worker's scratch; every part starts on 64 bytes. */
typedef struct plan {
    size_t tokens, width; /* padded to 32 */
    size_t k_blocks, v_blocks;
    float *scores; /* [PATCH][tokens] */
    float *out;    /* [PATCH][32] */
    float *rows;   /* fast: [max(32, PATCH)][max(tokens, width)], floats on their way to rounding */
    int16_t *r16;  /* fast: the same, rounded */
    float *r_scale; /* fast: its scales */
    float *k_f32, *v_f32;
    float *places; /* products with positions: [PATCH][their rows], or [PATCH + 31][32] */
    int16_t *k_i16, *v_i16;
    float *k_scale, *v_scale; /* [panel][blocks][32] */
    size_t bytes;
} plan;

static void *take(uint8_t *base, size_t *at, size_t bytes)
{
    void *p = base ? base + *at : NULL;
    *at += (bytes + 63) & ~(size_t)63;
    return p;
}

static plan make_plan(size_t n, size_t width, size_t rows, bool exact, uint8_t *base)
{
    plan p = {.tokens = (n + 31) & ~(size_t)31, .width = (width + 31) & ~(size_t)31};
    size_t longest = p.tokens > p.width ? p.tokens : p.width, at = 0;
    size_t cells = p.tokens * p.width;

    p.k_blocks = encode_i16_blocks(p.width);
    p.v_blocks = encode_i16_blocks(p.tokens);
    p.scores = take(base, &at, PATCH * p.tokens * sizeof(float));
    p.out = take(base, &at, PATCH * ENCODE_PANEL * sizeof(float));
    p.rows = take(base, &at, PATCH * longest * sizeof(float));
    if (exact) {
        p.k_f32 = take(base, &at, cells * sizeof(float));
        p.v_f32 = take(base, &at, cells * sizeof(float));
    } else {
        p.r16 = take(base, &at, PATCH * longest * sizeof(int16_t));
        p.r_scale = take(base, &at, PATCH * encode_i16_blocks(longest) * sizeof(float));
        p.k_i16 = take(base, &at, cells * sizeof(int16_t));
        p.v_i16 = take(base, &at, cells * sizeof(int16_t));
        p.k_scale = take(base, &at, p.tokens * p.k_blocks * sizeof(float));
        p.v_scale = take(base, &at, p.width * p.v_blocks * sizeof(float));
    }
    if (rows)
        p.places = take(base, &at, (PATCH * rows + (PATCH + ENCODE_PANEL - 1) * ENCODE_PANEL) * sizeof(float));
    p.bytes = at;
    return p;
}

size_t attention_scratch(size_t n, size_t width, size_t rows, bool exact)
{
    return make_plan(n, width, rows, exact, NULL).bytes;
}

/* Round `m` rows of `k` floats, `lda` apart, into r16 and r_scale. */
static void round_rows(const encode_kernels *kernels, const plan *p, const float *x, size_t lda,
                       size_t m, size_t k, float limit)
{
    for (size_t i = 0; i < m; i++)
        kernels->quantize_i16(x + i * lda, k, limit, p->r16 + i * k,
                              p->r_scale + i * encode_i16_blocks(k));
}

/* m <= 48 token rows of the head, from row `at` on, *lda apart, padded with zeros to p->width; rows
 * beyond the sequence are zero. In place where nothing needs padding. */
static const float *padded_rows(const plan *p, const attention_head *h, const float *x, size_t at,
                                size_t m, size_t *lda)
{
    if (h->width == p->width && at + m <= h->n) {
        *lda = h->ld;
        return x + at * h->ld;
    }
    *lda = p->width;
    memset(p->rows, 0, m * p->width * sizeof(float));
    for (size_t i = 0; i < m && at + i < h->n; i++)
        memcpy(p->rows + i * p->width, x + (at + i) * h->ld, h->width * sizeof(float));
    return p->rows;
}

static void pack_rounded(const encode_kernels *kernels, const plan *p, size_t k, int16_t *panel,
                         float *scale)
{
    size_t blocks = encode_i16_blocks(k);

    kernels->pack_i16(p->r16, k, k, panel);
    for (size_t b = 0; b < blocks; b++)
        for (size_t n = 0; n < ENCODE_PANEL; n++)
            scale[b * ENCODE_PANEL + n] = p->r_scale[n * blocks + b];
}

/* The channels [c, c + 32) of the values, in p->rows[tokens][32]. */
static const float *own_channels(const plan *p, const attention_head *h, size_t c)
{
    size_t width = h->width - c < ENCODE_PANEL ? h->width - c : ENCODE_PANEL;

    if (width < ENCODE_PANEL)
        memset(p->rows, 0, p->tokens * ENCODE_PANEL * sizeof(float));
    else
        memset(p->rows + h->n * ENCODE_PANEL, 0, (p->tokens - h->n) * ENCODE_PANEL * sizeof(float));
    for (size_t j = 0; j < h->n; j++)
        memcpy(p->rows + j * ENCODE_PANEL, h->v + j * h->ld + c, width * sizeof(float));
    return p->rows;
}

static void pack(const encode_kernels *kernels, const plan *p, const attention_head *h, bool exact)
{
    for (size_t j = 0; j < p->tokens; j += ENCODE_PANEL) {
        size_t lda;
        const float *x = padded_rows(p, h, h->k, j, ENCODE_PANEL, &lda);
        if (exact) {
            for (size_t n = 0; n < ENCODE_PANEL; n++)
                for (size_t i = 0; i < p->width; i++)
                    p->k_f32[j * p->width + i * ENCODE_PANEL + n] = x[n * lda + i];
        } else {
            round_rows(kernels, p, x, lda, ENCODE_PANEL, p->width, ENCODE_I16_WEIGHT);
            pack_rounded(kernels, p, p->width, p->k_i16 + j * p->width,
                         p->k_scale + j * p->k_blocks);
        }
    }
    for (size_t c = 0; c < p->width; c += ENCODE_PANEL) {
        if (exact) {
            size_t width = h->width - c < ENCODE_PANEL ? h->width - c : ENCODE_PANEL;
            float *to = p->v_f32 + c * p->tokens;
            memset(to, 0, p->tokens * ENCODE_PANEL * sizeof *to);
            for (size_t j = 0; j < h->n; j++)
                memcpy(to + j * ENCODE_PANEL, h->v + j * h->ld + c, width * sizeof *to);
        } else {
            kernels->across_i16(own_channels(p, h, c), p->tokens, p->v_i16 + c * p->tokens,
                                p->v_scale + c * p->v_blocks);
        }
    }
}

/* The queries of a patch: tokens [at, at + m). */
typedef struct patch {
    const encode_kernels *kernels;
    const plan *p;
    const attention_head *h;
    bool exact;
    const float *q; /* as floats, rows lda apart; else in p->r16 */
    size_t lda, at, m;
} patch;

/* to[i] += from[step[i]] for i < n, where step rises by one from i = first to i = end. */
static void add_steps(const encode_kernels *kernels, float *to, const float *from, const int32_t *step, size_t low,
                      size_t n, size_t first, size_t end)
{
    size_t i = 0;

    for (; i < first; i++)
        to[i] += from[(size_t)step[i] - low];
    if (end - i >= 16) {
        const size_t whole = (end - i) & ~(size_t)15;
        kernels->add(to + i, from + ((size_t)step[i] - low), whole);
        i += whole;
    }
    for (; i < n; i++)
        to[i] += from[(size_t)step[i] - low];
}

/* Each query times the key of the position that each key has from it. */
static void add_position_keys(const patch *a)
{
    const plan *p = a->p;
    const attention_head *h = a->h;
    const attention_positions *s = h->positions;
    const size_t from = (size_t)s->step[-(ptrdiff_t)(a->at + a->m - 1)] / ENCODE_PANEL * ENCODE_PANEL;
    const size_t last = (size_t)s->step[(ptrdiff_t)h->n - 1 - (ptrdiff_t)a->at];
    const size_t ld = (last - from) / ENCODE_PANEL * ENCODE_PANEL + ENCODE_PANEL;

    for (size_t row = from; row <= last; row += ENCODE_PANEL) {
        if (a->exact)
            a->kernels->gemm_f32(a->q, a->lda, a->m, (const float *)s->keys + row * p->width, p->width,
                                 p->places + (row - from), ld);
        else
            a->kernels->gemm_i16(p->r16, p->width, p->r_scale, p->k_blocks, a->m,
                                 (const int16_t *)s->keys + row * p->width, s->key_scale + row * p->k_blocks,
                                 p->width, p->places + (row - from), ld);
    }
    for (size_t i = 0; i < a->m; i++) {
        const size_t q = a->at + i, end = q + s->near + 1;
        add_steps(a->kernels, p->scores + i * p->tokens, p->places + i * ld, s->step - (ptrdiff_t)q, from, h->n,
                  q > s->near ? q - s->near : 0, end < h->n ? end : h->n);
    }
}

/* Keys [key, key + 32) times the query of the position that they have from each query. */
static void add_position_queries(const patch *a, size_t key)
{
    const plan *p = a->p;
    const attention_head *h = a->h;
    const attention_positions *s = h->positions;
    const size_t n = h->n - key < ENCODE_PANEL ? h->n - key : ENCODE_PANEL;
    const ptrdiff_t first = (ptrdiff_t)key - (ptrdiff_t)(a->at + a->m - 1);
    const ptrdiff_t last = (ptrdiff_t)(key + n - 1) - (ptrdiff_t)a->at;
    const size_t from = (size_t)s->step[first], rows = (size_t)s->step[last] - from + 1;

    if (a->exact)
        a->kernels->gemm_f32((const float *)s->queries + from * p->width, p->width, rows, p->k_f32 + key * p->width,
                             p->width, p->places, ENCODE_PANEL);
    else
        a->kernels->gemm_i16((const int16_t *)s->queries + from * p->width, p->width,
                             s->query_scale + from * p->k_blocks, p->k_blocks, rows, p->k_i16 + key * p->width,
                             p->k_scale + key * p->k_blocks, p->width, p->places, ENCODE_PANEL);
    for (size_t i = 0; i < a->m; i++) {
        const int32_t *step = s->step + ((ptrdiff_t)key - (ptrdiff_t)(a->at + i));
        float *to = p->scores + i * p->tokens + key;
        for (size_t k = 0; k < n; k++)
            to[k] += p->places[((size_t)step[k] - from) * ENCODE_PANEL + k];
    }
}

static void add_positions(const patch *a)
{
    if (a->h->positions->keys)
        add_position_keys(a);
    for (size_t key = 0; a->h->positions->queries && key < a->h->n; key += ENCODE_PANEL)
        add_position_queries(a, key);
}

void attention_run(const encode_kernels *kernels, const attention_head *h, bool exact,
                   void *scratch)
{
    const plan p = make_plan(h->n, h->width, h->positions ? h->positions->rows : 0, exact, scratch);
    const float scale = 1.0f / sqrtf((float)(h->terms * h->width));
    float sum[PATCH];

    pack(kernels, &p, h, exact);
    for (size_t at = 0; at < h->n_queries; at += PATCH) {
        size_t m = h->n_queries - at < PATCH ? h->n_queries - at : PATCH, lda;
        const float *q = padded_rows(&p, h, h->q, at, m, &lda);

        if (!exact)
            round_rows(kernels, &p, q, lda, m, p.width, ENCODE_I16_INPUT);
        for (size_t j = 0; j < p.tokens; j += ENCODE_PANEL) {
            if (exact)
                kernels->gemm_f32(q, lda, m, p.k_f32 + j * p.width, p.width, p.scores + j,
                                  p.tokens);
            else
                kernels->gemm_i16(p.r16, p.width, p.r_scale, p.k_blocks, m, p.k_i16 + j * p.width,
                                  p.k_scale + j * p.k_blocks, p.width, p.scores + j, p.tokens);
        }
        if (h->positions)
            add_positions(&(patch){kernels, &p, h, exact, q, lda, at, m});
        for (size_t i = 0; i < m; i++)
            sum[i] = kernels->exp_row(p.scores + i * p.tokens, h->n, p.tokens, scale);
        if (!exact)
            round_rows(kernels, &p, p.scores, p.tokens, m, p.tokens, ENCODE_I16_INPUT);
        for (size_t c = 0; c < p.width; c += ENCODE_PANEL) {
            size_t width = h->width - c < ENCODE_PANEL ? h->width - c : ENCODE_PANEL;
            if (exact)
                kernels->gemm_f32(p.scores, p.tokens, m, p.v_f32 + c * p.tokens, p.tokens, p.out,
                                  ENCODE_PANEL);
            else
                kernels->gemm_i16(p.r16, p.tokens, p.r_scale, p.v_blocks, m, p.v_i16 + c * p.tokens,
                                  p.v_scale + c * p.v_blocks, p.tokens, p.out, ENCODE_PANEL);
            for (size_t i = 0; i < m; i++) {
                kernels->scale(p.out + i * ENCODE_PANEL, 1.0f / sum[i], ENCODE_PANEL);
                memcpy(h->out + (at + i) * h->out_ld + c, p.out + i * ENCODE_PANEL,
                       width * sizeof(float));
            }
        }
    }
}

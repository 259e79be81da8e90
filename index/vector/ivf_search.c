/* ivf_search.c - choose lists by their centroids' int8 codes, then score their rows.
 *
 * The rows of a list lie together in "ivf.code", so the scan kernels run over them as over a whole
 * segment. With a PQ a query first makes a table of the inner product of each of its parts with
 * each of the 256 codewords there; a row's score is the centroid's plus one number a byte from the
 * table. */
#include "index/vector/ivf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/vector/hnsw_heap.h"
#include "index/vector/vector_format.h"

#define BLOCK      64u
#define DENSE_ROWS 24u /* of 64: from here on a block is scored whole */
#define LIST_COST  8u  /* passing over an ineligible row costs 1 / LIST_COST of scoring one */

typedef struct probing {
    const ivf_lists *l;
    const ivf_query *q;
    const vector_kernels *kernels;
    hnsw_heap kept;
    float *table; /* PQ: [pq_bytes * 256] */
    uint64_t scored;
} probing;

uint32_t ivf_default_probe(uint32_t n_lists)
{
    uint32_t n = n_lists / 32;

    n = n < 16 ? 16 : n;
    return n < n_lists ? n : n_lists;
}

static float least(const probing *p)
{
    return p->kept.n == p->kept.cap ? p->kept.at[0].score : -INFINITY;
}

static void offer(probing *p, uint64_t mask, const uint32_t *rows, const float *scores)
{
    for (; mask; mask &= mask - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(mask);
        hnsw_heap_keep(&p->kept, (hnsw_candidate){scores[i], rows[i]});
    }
}

/* By the segment's own codes, wherever they lie. */
static void score_flat(probing *p, const uint32_t *rows, uint64_t bits)
{
    int32_t dots[BLOCK];
    float scores[BLOCK], bound;
    uint32_t picked[BLOCK], n = 0;
    uint64_t mask = 0;

    for (; bits; bits &= bits - 1)
        picked[n++] = rows[__builtin_ctzll(bits)];
    vector_score_rows(p->kernels, p->q->codes, p->q->code, picked, n, dots, scores);
    bound = least(p);
    for (uint32_t i = 0; i < n; i++)
        mask |= (uint64_t)(scores[i] >= bound) << i;
    offer(p, mask, picked, scores);
}

static void score_sq8(probing *p, uint32_t at, uint32_t n, const uint32_t *rows, uint64_t bits)
{
    const ivf_lists *l = p->l;
    const vector_query *c = p->q->code;
    int32_t dots[BLOCK];
    float scores[BLOCK], scales[BLOCK], biases[BLOCK];
    uint32_t places[BLOCK], picked[BLOCK], m = 0;

    if ((uint32_t)__builtin_popcountll(bits) >= (n < DENSE_ROWS ? n : DENSE_ROWS)) {
        p->kernels->code[VECTOR_CODE_I8]->scan(l->code + at * l->stride, l->stride, n, c->code,
                                               l->stride, c->bias, dots);
        uint64_t mask = p->kernels->select(dots, l->scale + at, l->bias ? l->bias + at : NULL, n,
                                           c->scale, c->offset, least(p), scores);
        offer(p, mask & bits, rows, scores);
        return;
    }
    for (; bits; bits &= bits - 1, m++) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        places[m] = at + i;
        picked[m] = rows[i];
        scales[m] = l->scale[at + i];
        biases[m] = l->bias ? l->bias[at + i] : 0;
    }
    p->kernels->code[VECTOR_CODE_I8]->gather(l->code, l->stride, places, m, c->code, l->stride,
                                             c->bias, dots);
    uint64_t mask = p->kernels->select(dots, scales, l->bias ? biases : NULL, m, c->scale,
                                       c->offset, least(p), scores);
    offer(p, mask, picked, scores);
}

static void score_pq(probing *p, uint32_t at, const uint32_t *rows, uint64_t bits, float base)
{
    const ivf_lists *l = p->l;
    float scores[BLOCK];
    uint64_t mask = 0;

    for (uint64_t left = bits; left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(left), m = 0;
        const uint8_t *code = l->code + (size_t)(at + i) * l->pq_bytes;
        float a = base, b = 0, c = 0, d = 0;
        for (; m + 4 <= l->pq_bytes; m += 4) {
            const float *t = p->table + (size_t)m * 256;
            a += t[code[m]];
            b += t[256 + code[m + 1]];
            c += t[512 + code[m + 2]];
            d += t[768 + code[m + 3]];
        }
        for (; m < l->pq_bytes; m++)
            a += p->table[(size_t)m * 256 + code[m]];
        scores[i] = (a + b) + (c + d) + (l->bias ? l->bias[at + i] : 0);
        if (scores[i] >= least(p))
            mask |= (uint64_t)1 << i;
    }
    offer(p, mask, rows, scores);
}

/* Which of the n <= 64 rows may be returned; false when a row number is beyond the segment. */
static bool eligible_bits(const probing *p, const uint32_t *rows, uint32_t n, uint64_t *bits)
{
    const ivf_query *q = p->q;
    uint32_t top = 0;

    for (uint32_t i = 0; i < n; i++)
        top = rows[i] > top ? rows[i] : top;
    if (top >= p->l->rows)
        return false;
    *bits = n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1;
    if (!q->allowed && !q->deleted)
        return true;
    uint64_t out = 0;
    for (uint32_t i = 0; i < n; i++) {
        bool in = (!q->allowed || row_set_has(q->allowed, rows[i])) &&
                  (!q->deleted || !row_set_has(q->deleted, rows[i]));
        out |= (uint64_t)in << i;
    }
    *bits = out;
    return true;
}

static cairn_status read_list(probing *p, uint32_t list, cairn_error *err)
{
    const ivf_lists *l = p->l;
    float base = 0;

    if (l->kind == IVF_PQ)
        base = p->kernels->original[VECTOR_F32].dot(l->centroid + (size_t)list * l->dim, 1, p->q->v,
                                                    l->dim);
    for (uint32_t at = l->start[list]; at < l->start[list + 1]; at += BLOCK) {
        uint32_t n = l->start[list + 1] - at < BLOCK ? l->start[list + 1] - at : BLOCK;
        const uint32_t *rows = l->row + at;
        uint64_t bits;
        if (!eligible_bits(p, rows, n, &bits))
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "inverted list %u points beyond the segment; cairn check --repair",
                              list);
        p->scored += (uint64_t)__builtin_popcountll(bits);
        if (!bits)
            continue;
        if (l->kind == IVF_FLAT)
            score_flat(p, rows, bits);
        else if (l->kind == IVF_SQ8)
            score_sq8(p, at, n, rows, bits);
        else
            score_pq(p, at, rows, bits, base);
    }
    return CAIRN_OK;
}

/* The inner product of each part of the query with each codeword there. */
static void fill_table(const probing *p)
{
    const ivf_lists *l = p->l;
    uint32_t part = l->dim / l->pq_bytes;

    for (uint32_t m = 0; m < l->pq_bytes; m++) {
        float *restrict out = p->table + (size_t)m * 256;
        memset(out, 0, 256 * sizeof *out);
        for (uint32_t i = m * part; i < (m + 1) * part; i++) {
            const float *restrict component = l->book + (size_t)i * 256;
            float q = p->q->v[i];
            for (uint32_t j = 0; j < 256; j++)
                out[j] += q * component[j];
        }
    }
}

/* All lists with their centroids' scores, as a heap with the nearest on top. */
static void order_lists(const probing *p, int32_t *dots, hnsw_heap *lists)
{
    const ivf_lists *l = p->l;
    const vector_query *c = p->q->code;

    p->kernels->code[VECTOR_CODE_I8]->scan(l->centroid8, l->stride, l->n_lists, c->code, l->stride,
                                           c->bias, dots);
    for (uint32_t i = 0; i < l->n_lists; i++)
        lists->at[i] = (hnsw_candidate){(float)dots[i] * (l->centroid_scale[i] * c->scale) +
                                            (l->centroid_bias ? l->centroid_bias[i] : 0),
                                        i};
    for (size_t i = l->n_lists / 2; i-- > 0;) {
        hnsw_candidate x = lists->at[i];
        size_t at = i;
        for (;;) {
            size_t child = 2 * at + 1;
            if (child >= l->n_lists)
                break;
            if (child + 1 < l->n_lists && hnsw_better(lists->at[child + 1], lists->at[child]))
                child++;
            if (!hnsw_better(lists->at[child], x))
                break;
            lists->at[at] = lists->at[child];
            at = child;
        }
        lists->at[at] = x;
    }
    lists->n = lists->cap = l->n_lists;
}

cairn_status ivf_search(const ivf_lists *l, const ivf_query *q, size_t eligible,
                        hnsw_candidate *out, size_t *n_out, bool *scan, cairn_error *err)
{
    uint32_t n_probe = q->n_probe ? q->n_probe : ivf_default_probe(l->n_lists), read = 0;
    uint64_t target = (uint64_t)((double)n_probe * l->rows / l->n_lists);
    probing p = {.l = l, .q = q, .kernels = vector_kernels_get(), .kept = {out, 0, q->keep}};
    hnsw_heap lists = {0};
    int32_t *dots = NULL;
    cairn_status st = CAIRN_OK;

    *n_out = 0;
    n_probe = n_probe < l->n_lists ? n_probe : l->n_lists;
    target = target < q->keep ? q->keep : target;
    /* To score `target` eligible rows, target * rows / eligible are passed by. */
    double passed = eligible ? (double)target * l->rows / (double)eligible : 0;
    *scan = eligible < l->rows && (double)eligible <= (double)target + passed / LIST_COST;
    if (*scan)
        return CAIRN_OK;
    lists.at = checked_malloc(l->n_lists, sizeof *lists.at);
    dots = checked_malloc(l->n_lists, sizeof *dots);
    if (l->kind == IVF_PQ)
        p.table = checked_malloc(l->pq_bytes, 256 * sizeof *p.table);
    if (!lists.at || !dots || (l->kind == IVF_PQ && !p.table)) {
        st = cairn_fail(err, CAIRN_ENOMEM, "choosing among %u inverted lists", l->n_lists);
        goto done;
    }
    order_lists(&p, dots, &lists);
    if (p.table)
        fill_table(&p);
    bool whole = eligible == l->rows;
    while (!st && lists.n &&
           (read < n_probe || (!whole && p.scored < target) ||
            p.kept.n < (q->keep < eligible ? q->keep : eligible))) {
        st = read_list(&p, hnsw_heap_pop_best(&lists).row, err);
        read++;
    }
    hnsw_heap_sort_falling(&p.kept);
    *n_out = p.kept.n;
done:
    free(lists.at);
    free(dots);
    free(p.table);
    return st;
}

/* fuse.c - lists are joined through an open-addressing table from id to place. */
#include "retrieve/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define RRF_K 60.0

typedef struct fusing {
    fuse_hit *hits;
    double *sums;
    size_t n;
    uint32_t *table; /* place + 1; 0 = free */
    size_t mask;
} fusing;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    return x;
}

/* The place of an id, made when it is new. */
static size_t place_of(fusing *f, uint64_t id)
{
    size_t i = mix(id) & f->mask;

    while (f->table[i]) {
        if (f->hits[f->table[i] - 1].id == id)
            return f->table[i] - 1;
        i = (i + 1) & f->mask;
    }
    f->hits[f->n] = (fuse_hit){.id = id};
    f->sums[f->n] = 0;
    f->table[i] = (uint32_t)++f->n;
    return f->n - 1;
}

static cairn_status fusing_init(fusing *f, size_t total, cairn_error *err)
{
    size_t cap = 16;

    while (cap < total * 2)
        cap *= 2;
    f->mask = cap - 1;
    f->hits = checked_malloc(total, sizeof *f->hits);
    f->sums = checked_malloc(total, sizeof *f->sums);
    f->table = calloc(cap, sizeof *f->table);
    if (!f->hits || !f->sums || !f->table)
        return cairn_fail(err, CAIRN_ENOMEM, "fusion of %zu items", total);
    return CAIRN_OK;
}

static void add_list(fusing *f, const fuse_list *list, size_t l, const fuse_params *p, const double *weight)
{
    double k = p->rrf_k > 0 ? p->rrf_k : RRF_K;
    double best = list->n ? (double)list->items[0].score : 0;
    size_t zero = p->zero_rank && p->zero_rank < list->n ? p->zero_rank : list->n;
    double worst = zero ? (double)list->items[zero - 1].score : 0;
    double spread = best - worst;

    for (size_t i = 0; i < list->n; i++) {
        size_t at = place_of(f, list->items[i].id);
        double part;
        if (f->hits[at].list_rank[l])
            continue; /* a repeated id counts where it stands first */
        f->hits[at].list_rank[l] = (uint32_t)i + 1;
        f->hits[at].list_score[l] = list->items[i].score;
        if (p->method == FUSE_RRF)
            part = 1.0 / (k + (double)(i + 1));
        else
            part = spread > 0 ? ((double)list->items[i].score - worst) / spread : 1.0;
        if (p->method == FUSE_CONVEX && p->zero_rank)
            part = fmax(part, FUSE_TAIL * (double)p->zero_rank / (double)(p->zero_rank + i + 1));
        f->sums[at] += (weight[l] + (list->sole && list->sole[i] ? weight[list->sole_of] : 0)) * part;
    }
}

/* Falling score; then the better rank in the first list that holds either; then the id. */
static int by_score(const void *a, const void *b)
{
    const fuse_hit *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    for (size_t l = 0; l < FUSE_MAX_LISTS; l++) {
        uint32_t rx = x->list_rank[l] ? x->list_rank[l] : UINT32_MAX;
        uint32_t ry = y->list_rank[l] ? y->list_rank[l] : UINT32_MAX;
        if (rx != ry)
            return rx < ry ? -1 : 1;
    }
    return x->id < y->id ? -1 : x->id > y->id;
}

static cairn_status scale_weights(const fuse_params *p, size_t n_lists, double *out,
                                  cairn_error *err)
{
    double sum = 0;

    for (size_t l = 0; l < n_lists; l++) {
        if (!(p->weight[l] >= 0) || isinf(p->weight[l]))
            return cairn_fail(err, CAIRN_EUSAGE, "the weight of list %zu is negative", l + 1);
        sum += p->weight[l];
    }
    for (size_t l = 0; l < n_lists; l++)
        out[l] = sum > 0 ? p->weight[l] / sum : 1.0 / (double)n_lists;
    return CAIRN_OK;
}

cairn_status fuse_lists(const fuse_list *lists, size_t n_lists, const fuse_params *params,
                        size_t max, fuse_hit *hits, size_t *n_hits, cairn_error *err)
{
    static const fuse_params defaults;
    const fuse_params *p = params ? params : &defaults;
    double weight[FUSE_MAX_LISTS];
    fusing f = {0};
    size_t total = 0;
    cairn_status st;

    *n_hits = 0;
    if (n_lists > FUSE_MAX_LISTS)
        return cairn_fail(err, CAIRN_EUSAGE, "at most %d lists can be fused", FUSE_MAX_LISTS);
    st = scale_weights(p, n_lists, weight, err);
    for (size_t l = 0; l < n_lists; l++)
        total += lists[l].n;
    if (!st)
        st = fusing_init(&f, total, err);
    if (!st) {
        for (size_t l = 0; l < n_lists; l++)
            add_list(&f, &lists[l], l, p, weight);
        for (size_t i = 0; i < f.n; i++)
            f.hits[i].score = (float)f.sums[i];
        qsort(f.hits, f.n, sizeof *f.hits, by_score);
        *n_hits = f.n < max ? f.n : max;
        if (*n_hits)
            memcpy(hits, f.hits, *n_hits * sizeof *hits);
    }
    free(f.hits);
    free(f.sums);
    free(f.table);
    return st;
}

/* feedback.c - see feedback.h. Sums run in one order on every machine. */
#include "retrieve/feedback.h"

#include <math.h>
#include <stdlib.h>

#include "retrieve/dot.h"

#define SHARPNESS 10.0

typedef struct scored {
    fuse_item item;
    uint32_t rank;
} scored;

/* x[n] += weight * y[n] */
static void add(float *x, const float *y, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += weight * y[i];
}

static void scale_to_unit(float *x, size_t n)
{
    float length = sqrtf(dot(x, x, n));

    for (size_t i = 0; length > 0 && i < n; i++)
        x[i] /= length;
}

/* Falling score, then the place that the list gave. */
static int by_score(const void *a, const void *b)
{
    const scored *x = a, *y = b;

    if (x->item.score != y->item.score)
        return x->item.score < y->item.score ? 1 : -1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static void read_vector(const feedback_from *f, uint32_t rank, float *row)
{
    f->index->vector(f->index->ctx, f->second, f->list->places[rank - 1], row);
}

/* Writes the direction of the first hits' weighted mean; false: the list has none of them. */
static bool find_mean(const feedback_from *f, const fuse_hit *first, size_t n_first, size_t l, float *row, float *mean)
{
    size_t n = n_first < FEEDBACK_HITS ? n_first : FEEDBACK_HITS;
    bool any = false;

    for (size_t i = 0; i < n && first[0].score > 0; i++) {
        if (!first[i].list_rank[l])
            continue;
        read_vector(f, first[i].list_rank[l], row);
        add(mean, row, (float)exp(SHARPNESS * ((double)first[i].score / (double)first[0].score - 1)), f->dim);
        any = true;
    }
    scale_to_unit(mean, f->dim);
    return any;
}

cairn_status feedback_score(const feedback_from *from, const fuse_hit *first, size_t n_first, size_t l, arena *a,
                            feedback_list *out, cairn_error *err)
{
    const retrieve_list *list = from->list;
    const size_t dim = from->dim;
    float *row = arena_calloc(a, dim + 1, sizeof *row), *mean = arena_calloc(a, dim + 1, sizeof *mean);
    float *turned = arena_calloc(a, dim + 1, sizeof *turned);
    scored *all = arena_calloc(a, list->n + 1, sizeof *all);

    *out = (feedback_list){0};
    if (!row || !mean || !turned || !all)
        return cairn_fail(err, CAIRN_ENOMEM, "feedback");
    if (!find_mean(from, first, n_first, l, row, mean))
        return CAIRN_OK;
    add(turned, from->question, 1, dim);
    scale_to_unit(turned, dim);
    for (size_t i = 0; i < dim; i++)
        turned[i] = (1 - (float)from->share) * turned[i] + (float)from->share * mean[i];
    scale_to_unit(turned, dim);
    for (size_t i = 0; i < list->n; i++) {
        read_vector(from, (uint32_t)i + 1, row);
        all[i] = (scored){{list->items[i].id, dot(turned, row, dim)}, (uint32_t)i + 1};
    }
    qsort(all, list->n, sizeof *all, by_score);
    out->items = arena_calloc(a, list->n + 1, sizeof *out->items);
    out->rank = arena_calloc(a, list->n + 1, sizeof *out->rank);
    out->sole = list->sole ? arena_calloc(a, list->n + 1, sizeof *out->sole) : NULL;
    if (!out->items || !out->rank || (list->sole && !out->sole))
        return cairn_fail(err, CAIRN_ENOMEM, "feedback");
    for (size_t i = 0; i < list->n; i++) {
        out->items[i] = all[i].item;
        out->rank[i] = all[i].rank;
        if (out->sole)
            out->sole[i] = list->sole[all[i].rank - 1];
    }
    return CAIRN_OK;
}

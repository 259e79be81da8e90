/* feedback.c - see feedback.h. Sums run in one order on every machine. */
#include "retrieve/feedback.h"

#include <math.h>
#include <string.h>

#include "retrieve/dot.h"

#define SHARPNESS 10.0
#define AHEAD     8  /* rows fetched before they are scored: a list's lie anywhere */
#define LINE      16 /* floats */
#define FEW       16 /* below this insertion is as fast */

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
static bool stands_before(const scored *x, const scored *y)
{
    return x->item.score > y->item.score || (x->item.score == y->item.score && x->rank < y->rank);
}

/* By merging, with room[n]; what is nearly in order, as a list that is scored again is, costs little. */
static void sort_scored(scored *all, size_t n, scored *room)
{
    size_t half = n / 2, i = 0, j = half, k = 0;

    if (n <= FEW) {
        for (size_t at = 1; at < n; at++) {
            scored x = all[at];
            size_t to = at;
            for (; to && stands_before(&x, &all[to - 1]); to--)
                all[to] = all[to - 1];
            all[to] = x;
        }
        return;
    }
    sort_scored(all, half, room);
    sort_scored(all + half, n - half, room);
    memcpy(room, all, half * sizeof *room);
    while (i < half && j < n)
        all[k++] = stands_before(&all[j], &room[i]) ? all[j++] : room[i++];
    memcpy(all + k, room + i, (half - i) * sizeof *room);
}

static const float *read_vector(const feedback_from *f, uint32_t rank, float *room)
{
    return f->index->vector(f->index->ctx, f->second, f->list->places[rank - 1], room);
}

/* Writes the direction of the first hits' weighted mean; false: the list has none of them. */
static bool find_mean(const feedback_from *f, const fuse_hit *first, size_t n_first, size_t l, float *row, float *mean)
{
    size_t n = n_first < FEEDBACK_HITS ? n_first : FEEDBACK_HITS;
    bool any = false;

    for (size_t i = 0; i < n && first[0].score > 0; i++) {
        if (!first[i].list_rank[l])
            continue;
        add(mean, read_vector(f, first[i].list_rank[l], row), (float)exp(SHARPNESS * ((double)first[i].score / (double)first[0].score - 1)), f->dim);
        any = true;
    }
    scale_to_unit(mean, f->dim);
    return any;
}

typedef struct feedback_room {
    float *row, *mean, *turned; /* [dim] */
    const float **rows;         /* [n]: where they lie; NULL: they have to be read */
    scored *all, *merged;       /* [n] */
    fuse_item *items;
    uint32_t *rank;
    bool *sole;
} feedback_room;

cairn_status feedback_prepare(const feedback_from *from, arena *a, feedback_list *out, cairn_error *err)
{
    const size_t dim = from->dim, n = from->list->n;
    feedback_room *r = arena_calloc(a, 1, sizeof *r);

    *out = (feedback_list){.room = r};
    if (r)
        *r = (feedback_room){.row = arena_calloc(a, dim + 1, sizeof *r->row),
                             .mean = arena_calloc(a, dim + 1, sizeof *r->mean),
                             .turned = arena_calloc(a, dim + 1, sizeof *r->turned),
                             .rows = arena_calloc(a, n + 1, sizeof *r->rows),
                             .all = arena_calloc(a, n + 1, sizeof *r->all),
                             .merged = arena_calloc(a, n + 1, sizeof *r->merged),
                             .items = arena_calloc(a, n + 1, sizeof *r->items),
                             .rank = arena_calloc(a, n + 1, sizeof *r->rank),
                             .sole = arena_calloc(a, n + 1, sizeof *r->sole)};
    if (!r || !r->row || !r->mean || !r->turned || !r->rows || !r->all || !r->merged || !r->items || !r->rank || !r->sole)
        return cairn_fail(err, CAIRN_ENOMEM, "feedback");
    return CAIRN_OK;
}

void feedback_score(const feedback_from *from, const fuse_hit *first, size_t n_first, size_t l,
                    feedback_list *out)
{
    const retrieve_list *list = from->list;
    const size_t dim = from->dim;
    feedback_room *r = out->room;
    float *turned = r->turned;

    if (!find_mean(from, first, n_first, l, r->row, r->mean))
        return;
    add(turned, from->question, 1, dim);
    scale_to_unit(turned, dim);
    for (size_t i = 0; i < dim; i++)
        turned[i] = (1 - (float)from->share) * turned[i] + (float)from->share * r->mean[i];
    scale_to_unit(turned, dim);
    for (size_t i = 0; i < list->n; i++)
        r->rows[i] = read_vector(from, (uint32_t)i + 1, NULL);
    for (size_t i = 0; i < list->n; i++) {
        const float *ahead = i + AHEAD < list->n ? r->rows[i + AHEAD] : NULL;
        const float *row = r->rows[i] ? r->rows[i] : read_vector(from, (uint32_t)i + 1, r->row);
        for (size_t d = 0; ahead && d < dim; d += LINE)
            __builtin_prefetch(ahead + d);
        r->all[i] = (scored){{list->items[i].id, dot(turned, row, dim)}, (uint32_t)i + 1};
    }
    sort_scored(r->all, list->n, r->merged);
    for (size_t i = 0; i < list->n; i++) {
        r->items[i] = r->all[i].item;
        r->rank[i] = r->all[i].rank;
        if (list->sole)
            r->sole[i] = list->sole[r->all[i].rank - 1];
    }
    out->items = r->items;
    out->rank = r->rank;
    out->sole = list->sole ? r->sole : NULL;
}

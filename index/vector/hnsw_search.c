/* hnsw_search.c - walk a finished graph towards a query (algorithms 2 and 5 of the paper).
 *
 * The upper layers are walked greedily to a starting row; layer 0 keeps the best `ef` eligible rows
 * and a queue of rows to expand. A row's unvisited neighbours are collected first and scored in one
 * batch, so that the kernel can fetch one row's code while it works on another.
 *
 * Rows that are not eligible (deleted, filtered out) are expanded like the others but not kept. The walk
 * ends when the best row to expand is worse than the worst of ef kept. While fewer than
 * ef eligible rows are known nothing is worse, so a narrow filter widens the walk by itself; `budget`
 * says when to stop trying.
 *
 * Bytes may be broken: rows and lists are compared with their bounds before they are followed. */
#include "index/vector/hnsw_walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

/* From `at`, step to the best neighbour on layer l while there is a better one. */
static uint32_t greedy(hnsw_walk *w, uint32_t at, uint32_t l, float *score)
{
    for (bool moved = true; moved;) {
        uint32_t cap, n = 0, rows[2 * HNSW_MAX_M];
        float scores[2 * HNSW_MAX_M];
        const uint32_t *list = hnsw_list(w->g, at, l, &cap);

        moved = false;
        while (list && n < cap && list[n] < w->g->rows) {
            rows[n] = list[n];
            n++;
        }
        hnsw_walk_score_many(w, rows, n, scores);
        for (uint32_t i = 0; i < n; i++)
            if (scores[i] > *score) {
                *score = scores[i];
                at = rows[i];
                moved = true;
            }
    }
    return at;
}

hnsw_candidate hnsw_walk_descend(hnsw_walk *w)
{
    hnsw_candidate start = {hnsw_walk_score(w, w->g->entry), w->g->entry};

    for (uint32_t l = w->g->max_level; l > 0; l--)
        start.row = greedy(w, start.row, l, &start.score);
    return start;
}

static inline bool eligible(const uint64_t *deleted, const uint64_t *allowed, uint32_t row)
{
    return !(deleted && row_set_has(deleted, row)) && (!allowed || row_set_has(allowed, row));
}

static cairn_status walk_bottom(hnsw_walk *w, hnsw_candidate start, const uint64_t *deleted,
                                const uint64_t *allowed, hnsw_heap *kept, hnsw_heap *queue,
                                size_t budget, bool *gave_up, cairn_error *err)
{
    hnsw_walk_visit(w, start.row);
    if (eligible(deleted, allowed, start.row))
        hnsw_heap_keep(kept, start);
    if (!hnsw_heap_push(queue, start))
        return cairn_fail(err, CAIRN_ENOMEM, "queue of a graph search");
    while (queue->n) {
        hnsw_candidate c = hnsw_heap_pop_best(queue);
        uint32_t cap, n = 0, rows[2 * HNSW_MAX_M];
        float scores[2 * HNSW_MAX_M];

        if (kept->n == kept->cap && c.score < kept->at[0].score)
            break;
        if (budget && w->scored > budget) {
            *gave_up = true;
            break;
        }
        const uint32_t *list = hnsw_list(w->g, c.row, 0, &cap);
        for (uint32_t i = 0; i < cap && list[i] < w->g->rows; i++)
            if (hnsw_walk_visit(w, list[i]))
                rows[n++] = list[i];
        hnsw_walk_score_many(w, rows, n, scores);
        for (uint32_t i = 0; i < n; i++) {
            hnsw_candidate x = {scores[i], rows[i]};
            if (kept->n == kept->cap && !(x.score > kept->at[0].score))
                continue;
            if (!hnsw_heap_push(queue, x))
                return cairn_fail(err, CAIRN_ENOMEM, "queue of a graph search");
            if (eligible(deleted, allowed, x.row))
                hnsw_heap_keep(kept, x);
        }
    }
    return CAIRN_OK;
}

cairn_status hnsw_search(const hnsw_graph *g, const vector_codes *codes, const vector_query *q,
                         size_t ef, const uint64_t *deleted, const uint64_t *allowed,
                         size_t budget, hnsw_candidate *out, size_t *n_out,
                         hnsw_search_stats *stats, cairn_error *err)
{
    hnsw_walk w = {g, codes, q, vector_kernels_get(), NULL, 0};
    hnsw_heap kept = {out, 0, ef}, queue = {NULL, 0, 0};
    cairn_status st;

    *n_out = 0;
    *stats = (hnsw_search_stats){0};
    if (ef == 0 || g->rows == 0)
        return CAIRN_OK;
    w.visited = calloc(row_set_words(g->rows), sizeof *w.visited);
    queue.cap = 4 * ef;
    queue.at = checked_malloc(queue.cap, sizeof *queue.at);
    if (!w.visited || !queue.at) {
        st = cairn_fail(err, CAIRN_ENOMEM, "a graph search with ef %zu", ef);
        goto done;
    }
    hnsw_candidate start = hnsw_walk_descend(&w);
    st = walk_bottom(&w, start, deleted, allowed, &kept, &queue, budget, &stats->gave_up, err);
    if (st)
        goto done;
    *n_out = kept.n;
    hnsw_heap_sort_falling(&kept);
    stats->scored = w.scored;
done:
    free(w.visited);
    free(queue.at);
    return st;
}

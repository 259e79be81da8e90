/* hnsw_search.c - walk a finished graph towards a query (algorithms 2 and 5 of the paper).
 *
 * The upper layers are walked greedily to a starting row; layer 0 keeps the best `ef` eligible rows
 * and the rows still to expand in one sorted pool (hnsw_pool.h). A row's unvisited neighbours are
 * collected first, without a branch that could be guessed wrong, then fetched all at once, then
 * scored in one batch: a walk waits for memory most of the time, and so it waits for many lines
 * together. The list of the row that will probably be next is fetched with them.
 *
 * Rows that are not eligible (deleted, filtered out) are expanded like the others but not returned.
 * The walk ends when no row waits that is better than the worst of ef eligible ones. While fewer
 * than ef eligible rows are known nothing is worse, so a narrow filter widens the walk by itself;
 * `budget` says when to stop trying. It may end sooner, where what waits is so much farther away
 * than the k-th best that nothing better is to be expected behind it (hnsw_end): easy questions are
 * answered with a part of the steps that ef allows, hard ones with all of them.
 *
 * Bytes may be broken: rows and lists are compared with their bounds before they are followed. */
#include "index/vector/hnsw_pool.h"
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

hnsw_candidate hnsw_walk_descend_to(hnsw_walk *w, uint32_t l, uint64_t *path)
{
    hnsw_candidate at = {hnsw_walk_score(w, w->g->entry), w->g->entry};

    *path = 0;
    for (uint32_t layer = w->g->max_level; layer > l; layer--) {
        at.row = greedy(w, at.row, layer, &at.score);
        *path = *path << HNSW_PATH_BITS | (at.row & ((1u << HNSW_PATH_BITS) - 1));
    }
    return at;
}

hnsw_candidate hnsw_walk_descend(hnsw_walk *w)
{
    uint64_t path;

    return hnsw_walk_descend_to(w, 0, &path);
}

static inline bool eligible(const uint64_t *deleted, const uint64_t *allowed, uint32_t row)
{
    return !(deleted && row_set_has(deleted, row)) && (!allowed || row_set_has(allowed, row));
}

/* Drop what ef eligible rows leave behind. */
static void trim(hnsw_pool *p, const uint64_t *deleted, const uint64_t *allowed)
{
    while (p->n_fit >= p->ef) {
        bool fits = eligible(deleted, allowed, hnsw_pool_row(p->key[p->n - 1]));
        if (fits && p->n_fit == p->ef)
            return;
        p->n_fit -= fits;
        p->n--;
    }
}

/* Take a row in if it is wanted; *ok is false without memory. */
static inline void offer(hnsw_pool *p, float score, uint32_t row, const uint64_t *deleted,
                         const uint64_t *allowed, bool *ok)
{
    uint64_t key = hnsw_pool_key(score, row);

    if (!hnsw_pool_wants(p, key))
        return;
    if (!deleted && !allowed) {
        *ok = hnsw_pool_add(p, key, true);
        if (p->n > p->ef)
            p->n = p->n_fit = p->ef;
    } else {
        *ok = hnsw_pool_add(p, key, eligible(deleted, allowed, row));
        trim(p, deleted, allowed);
    }
}

/* Whether the row under the cursor is too far away to lead to a better one. The k-th best is sought
 * among rows that may not be returned only each so many steps: it takes a look at each of k. */
static bool far_enough(const hnsw_pool *p, const hnsw_end *end, const uint64_t *deleted,
                       const uint64_t *allowed)
{
    size_t at = end->k - 1;

    if (p->n_fit < end->k || p->n_fit < end->least)
        return false;
    if (p->n_fit < p->n)
        for (size_t fit = at = 0;; at++) {
            fit += eligible(deleted, allowed, hnsw_pool_row(p->key[at]));
            if (fit == end->k)
                break;
        }
    float nearest = end->origin - hnsw_pool_score(p->key[at]);
    float waits = end->origin - hnsw_pool_score(p->key[p->next]);
    return p->next > at && waits - nearest > fmaxf(end->slack * nearest, end->gap);
}

static cairn_status walk_bottom(hnsw_walk *w, hnsw_candidate start, const uint64_t *deleted,
                                const uint64_t *allowed, hnsw_pool *pool, size_t budget,
                                const hnsw_end *end, bool *gave_up, cairn_error *err)
{
    size_t step = 0, each = end ? 1 + end->k / 32 : 0;
    bool ok = hnsw_pool_add(pool, hnsw_pool_key(start.score, start.row),
                            eligible(deleted, allowed, start.row));

    hnsw_walk_visit(w, start.row);
    /* All rows can be reached from the entry, not all from wherever the layers above have led. */
    if (ok && hnsw_walk_visit(w, w->g->entry))
        offer(pool, hnsw_walk_score(w, w->g->entry), w->g->entry, deleted, allowed, &ok);
    while (ok && hnsw_pool_waits(pool)) {
        uint32_t rows[2 * HNSW_MAX_M];
        float scores[2 * HNSW_MAX_M];

        if (budget && w->scored > budget) {
            *gave_up = true;
            break;
        }
        if (each && ++step % each == 0 && far_enough(pool, end, deleted, allowed))
            break;
        uint32_t n = hnsw_walk_neighbours(w, hnsw_pool_take(pool), 0, rows);
        if (hnsw_pool_waits(pool))
            hnsw_fetch_list(w->g, hnsw_pool_row(pool->key[pool->next]));
        hnsw_walk_score_many(w, rows, n, scores);
        for (uint32_t i = 0; i < n && ok; i++)
            offer(pool, scores[i], rows[i], deleted, allowed, &ok);
        if (hnsw_pool_waits(pool))
            hnsw_fetch_list(w->g, hnsw_pool_row(pool->key[pool->next]));
    }
    return ok ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "candidates of a graph search");
}

cairn_status hnsw_search(const hnsw_graph *g, const vector_codes *codes, const vector_query *q,
                         size_t ef, const uint64_t *deleted, const uint64_t *allowed, size_t budget,
                         const hnsw_end *end, hnsw_candidate *out, size_t *n_out,
                         hnsw_search_stats *stats, cairn_error *err)
{
    hnsw_walk w = {g, codes, q, vector_kernels_get(), NULL, 0};
    hnsw_pool pool = {0};
    cairn_status st;

    *n_out = 0;
    *stats = (hnsw_search_stats){0};
    if (ef == 0 || g->rows == 0)
        return CAIRN_OK;
    w.visited = calloc(row_set_words(g->rows), sizeof *w.visited);
    if (!w.visited || !hnsw_pool_start(&pool, ef)) {
        st = cairn_fail(err, CAIRN_ENOMEM, "a graph search with ef %zu", ef);
        goto done;
    }
    hnsw_candidate start = hnsw_walk_descend(&w);
    st = walk_bottom(&w, start, deleted, allowed, &pool, budget, end, &stats->gave_up, err);
    if (st)
        goto done;
    for (size_t i = 0; i < pool.n && *n_out < ef; i++) {
        uint32_t row = hnsw_pool_row(pool.key[i]);
        if (eligible(deleted, allowed, row))
            out[(*n_out)++] = (hnsw_candidate){hnsw_pool_score(pool.key[i]), row};
    }
    stats->scored = w.scored;
done:
    free(w.visited);
    free(pool.key);
    return st;
}

size_t hnsw_repaired_ef(const hnsw_graph *g, size_t ef)
{
    double removed = fmin(g->removed, g->rows / 4.0);

    return ef + (g->rows ? (size_t)ceil(0.4 * (double)ef * removed / g->rows) : 0);
}

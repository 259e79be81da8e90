/* hnsw_filter.c - walk a finished graph where a filter leaves only some of the rows.
 *
 * The plain walk (hnsw_search.c) scores every row it meets, eligible or not, so it pays
 * rows / eligible times over. This one scores eligible rows only: it walks the subgraph they span
 * and, where that is too thin, over the rows in between (the idea of ACORN-1: Patel and others,
 * arXiv:2403.04871, section 5.2; here each row decides for itself):
 *
 *   - A row's eligible neighbours are collected from its list. While they are fewer than `want`,
 * the lists of its ineligible neighbours are read too. A filter that keeps nine rows in ten thus
 *     reads a few lists more, one that keeps one in ten reads some thirty lists a row; neither
 *     scores a row in vain.
 *   - Crossing an ineligible row costs its list (2 m numbers), not its code, and happens once in a
 *     search: whoever comes later would find its neighbours visited.
 *
 * Two things make the subgraph worse than the whole graph, and both are met with more candidates:
 * it has fewer links where few rows are eligible (SPARSE_SHARE), and where the filter has to do
 * with the vectors, the rows around the query may all be ineligible, so that the best eligible ones
 * lie in many directions on the rim of what is allowed. The second is seen at the first row
 * expanded: its surroundings hold less than half the eligible rows that the filter's share promises
 * (OUTSIDE_EF).
 *
 * The subgraph may also fall apart. Therefore the walk starts not only where the upper layers lead
 * but also from a sample of eligible rows spread evenly over the segment. If it ends with too few
 * rows, the caller scans; hnsw_filter_ef says beforehand how far a walk is going to look, and never
 * recommends one below MIN_SHARE, where two steps no longer hold the subgraph together.
 *
 * Bytes may be broken: rows and lists are compared with their bounds before they are followed. */
#include "index/vector/hnsw_walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS        16u  /* eligible rows that are entered at, besides the one from above */
#define WANT_PER_M   4u   /* `want` is so many times m: measured, docs/vector.md */
#define SPARSE_SHARE 0.1  /* below this share of eligible rows ef grows as the share falls */
#define MIN_SHARE    0.02 /* below it, scan */
#define OUTSIDE_EF   3u   /* ef is multiplied by this where the query lies outside the filter */
#define PART         64u  /* rows scored at a time */

typedef struct filter_walk {
    hnsw_walk w; /* visited: eligible rows already scored, and all ineligible rows */
    uint64_t *eligible;
    uint64_t *crossed; /* ineligible rows whose lists were read */
    uint32_t want;     /* eligible neighbours that are enough for one row */
    uint64_t met, fit; /* places of lists looked at, and eligible rows among them */
} filter_walk;

/* Append the unvisited eligible rows of a list to rows[*n]; room for a whole list is the caller's.
 */
static void take_list(filter_walk *f, uint32_t row, uint32_t *rows, uint32_t *n)
{
    uint32_t cap, at = *n;
    const uint32_t *list = hnsw_list(f->w.g, row, 0, &cap);
    uint64_t *visited = f->w.visited;

    uint32_t i = 0;

    for (; i < cap && list[i] < f->w.g->rows; i++) {
        uint64_t *word = &visited[list[i] >> 6], bit = (uint64_t)1 << (list[i] & 63);
        rows[at] = list[i];
        at += !(*word & bit);
        *word |= bit;
    }
    f->met += i;
    f->fit += at - *n;
    *n = at;
}

/* The unvisited eligible rows around `row`, marked as visited: at most want + 2 m - 1. */
static uint32_t take_neighbours(filter_walk *f, uint32_t row, uint32_t *rows)
{
    uint32_t cap, n = 0, between[2 * HNSW_MAX_M], n_between = 0;
    const uint32_t *list = hnsw_list(f->w.g, row, 0, &cap);

    for (uint32_t i = 0; i < cap && list[i] < f->w.g->rows; i++) {
        uint32_t to = list[i];
        uint64_t *word = &f->w.visited[to >> 6], bit = (uint64_t)1 << (to & 63);
        if (!row_set_has(f->eligible, to)) {
            uint64_t *crossed = &f->crossed[to >> 6];
            between[n_between] = to;
            n_between += !(*crossed & bit);
        } else {
            rows[n] = to;
            n += !(*word & bit);
            *word |= bit;
        }
    }
    f->met += n + n_between;
    f->fit += n;
    if (n >= f->want)
        return n;
    for (uint32_t i = 0; i < n_between; i++) {
        const char *ahead = (const char *)(f->w.g->link0 + (size_t)between[i] * 2 * f->w.g->m);
        for (size_t at = 0; at < 2 * f->w.g->m * sizeof(uint32_t); at += 64)
            __builtin_prefetch(ahead + at);
    }
    for (uint32_t i = 0; i < n_between && n < f->want; i++) {
        f->crossed[between[i] >> 6] |= (uint64_t)1 << (between[i] & 63);
        take_list(f, between[i], rows, &n);
    }
    return n;
}

/* Score rows[0, n) and take them in; false without memory. */
static bool take_in(filter_walk *f, const uint32_t *rows, uint32_t n, hnsw_heap *kept,
                    hnsw_heap *queue)
{
    for (uint32_t first = 0; first < n; first += PART) {
        uint32_t part = n - first < PART ? n - first : PART;
        float scores[PART];
        hnsw_walk_score_many(&f->w, rows + first, part, scores);
        for (uint32_t i = 0; i < part; i++) {
            hnsw_candidate x = {scores[i], rows[first + i]};
            if (kept->n == kept->cap && !(x.score > kept->at[0].score))
                continue;
            if (!hnsw_heap_push(queue, x))
                return false;
            hnsw_heap_keep(kept, x);
        }
    }
    return true;
}

/* Up to SEEDS unvisited eligible rows, evenly spread, marked as visited. */
static uint32_t take_seeds(filter_walk *f, uint32_t *rows)
{
    size_t words = row_set_words(f->w.g->rows), n = 0;

    for (size_t s = 0; s < SEEDS; s++) {
        size_t end = words * (s + 1) / SEEDS;
        for (size_t i = words * s / SEEDS; i < end; i++) {
            uint64_t fresh = ~f->w.visited[i];
            if (!fresh)
                continue;
            rows[n++] = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(fresh);
            f->w.visited[i] |= fresh & -fresh;
            break;
        }
    }
    return (uint32_t)n;
}

static cairn_status walk(filter_walk *f, double share, hnsw_heap *kept, hnsw_heap *queue,
                         size_t budget, bool *gave_up, cairn_error *err)
{
    uint32_t rows[(WANT_PER_M + 2) * HNSW_MAX_M], n; /* want, and the rest of one list */
    hnsw_candidate start = hnsw_walk_descend(&f->w);
    bool ok = hnsw_heap_push(queue, start), first = true;

    if (hnsw_walk_visit(&f->w, start.row))
        hnsw_heap_keep(kept, start);
    n = take_seeds(f, rows);
    ok = ok && take_in(f, rows, n, kept, queue);
    while (ok && queue->n) {
        hnsw_candidate c = hnsw_heap_pop_best(queue);
        if (kept->n == kept->cap && c.score < kept->at[0].score)
            break;
        if (budget && f->w.scored > budget) {
            *gave_up = true;
            break;
        }
        n = take_neighbours(f, c.row, rows);
        if (first && (double)f->fit < (double)f->met * share / 2)
            kept->cap *=
                OUTSIDE_EF; /* the room is there, and the heap is just as good a larger one */
        first = false;
        ok = take_in(f, rows, n, kept, queue);
    }
    return ok ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "queue of a filtered graph search");
}

/* The candidates to keep where `share` of the rows is eligible. */
static size_t effective_ef(size_t ef, double share)
{
    return share < SPARSE_SHARE ? (size_t)((double)ef * SPARSE_SHARE / share) : ef;
}

double hnsw_filter_ef(size_t rows, size_t eligible, size_t ef)
{
    double share = (double)eligible / (double)rows;

    return share < MIN_SHARE ? INFINITY : (double)effective_ef(ef, share);
}

double hnsw_filter_lists(const hnsw_graph *g, size_t rows, size_t eligible)
{
    double share = (double)eligible / (double)rows, places = 2.0 * g->m;
    double missing = WANT_PER_M * g->m - places * share;

    return 1 + fmin(fmax(missing / (places * share), 0), places * (1 - share));
}

cairn_status hnsw_search_filtered(const hnsw_graph *g, const vector_codes *codes,
                                  const vector_query *q, size_t ef, const uint64_t *deleted,
                                  const uint64_t *allowed, size_t n_eligible, size_t budget,
                                  hnsw_candidate *out, size_t *n_out, hnsw_search_stats *stats,
                                  cairn_error *err)
{
    size_t words = row_set_words(g->rows), room;
    filter_walk f = {.w = {g, codes, q, vector_kernels_get(), NULL, 0}};
    hnsw_heap kept = {NULL, 0, 0}, queue = {NULL, 0, 0};
    uint64_t *bits = NULL;
    cairn_status st;

    *n_out = 0;
    *stats = (hnsw_search_stats){0};
    if (ef == 0 || g->rows == 0 || n_eligible == 0)
        return CAIRN_OK;
    double share = (double)n_eligible / g->rows;
    kept.cap = effective_ef(ef, share);
    queue.cap = 4 * kept.cap;
    if (checked_mul(kept.cap, OUTSIDE_EF, &room))
        kept.at = checked_malloc(room, sizeof *kept.at);
    queue.at = checked_malloc(queue.cap, sizeof *queue.at);
    bits = checked_malloc(3 * words, sizeof *bits);
    if (!bits || !queue.at || !kept.at) {
        st = cairn_fail(err, CAIRN_ENOMEM, "a filtered graph search with ef %zu", ef);
        goto done;
    }
    f.w.visited = bits;
    f.eligible = bits + words;
    f.crossed = bits + 2 * words;
    f.want = WANT_PER_M * g->m;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = allowed ? allowed[i] : ~(uint64_t)0;
        word &= deleted ? ~deleted[i] : ~(uint64_t)0;
        if (i == g->rows / 64)
            word &= ((uint64_t)1 << (g->rows & 63)) - 1;
        f.eligible[i] = word;
        f.w.visited[i] = ~word;
        f.crossed[i] = 0;
    }
    st = walk(&f, share, &kept, &queue, budget, &stats->gave_up, err);
    if (st)
        goto done;
    hnsw_heap_sort_falling(&kept);
    *n_out = kept.n < ef ? kept.n : ef;
    memcpy(out, kept.at, *n_out * sizeof *out);
    stats->scored = f.w.scored;
done:
    free(bits);
    free(queue.at);
    free(kept.at);
    return st;
}

/* hnsw_repair.c - keep a graph whole: take deleted rows out, and leave no row out of reach.
 *
 * hnsw_adopt copies an old graph to new row numbers. A row keeps its live links; for each that it
 * lost, it gets one of the lost rows' own neighbours: a path through a deleted row is replaced by a
 * step over it. Lists stay as long as they were (choosing anew among all would prune them, and a
 * graph that is thinned at every merge loses recall: docs/vector.md), and a lost link that led
 * farther than all that are left is replaced by one as long: such links lead from one region to
 * another. Rows that lost most links, the stale ones, get none on layer 0: they choose anew when
 * the new rows are in (hnsw_insert.c). Each row writes only its own lists and reads only the old
 * graph, so rows are shared out freely.
 *
 * hnsw_connect walks layer 0 from the entry. For a row u that was not met it searches the nearest
 * rows that were. One of them with a free place takes the link; if none has, the nearest, c, gives
 * up its worst link w for u, and u takes w over:
 *
 *     before   c -> w        after   c -> u -> w
 *
 * Whatever was reachable stays so, and u is reachable now, with all it leads to. Each step adds at
 * least one row, so it ends. */
#include "index/vector/hnsw_build.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/vector/hnsw_heap.h"

#define ADOPT_ROWS  64u /* old rows a task */
#define REPAIR_POOL 32u /* candidates for a list's lost links */

#define CONNECT_UNITS 4096u /* of pace.h, a search while a graph is built */

typedef struct adopt_job {
    hnsw_build *b;
    const hnsw_base *base;
} adopt_job;

/* Offer the live rows of a deleted row's list to the heap of candidates. When all of them are
 * farther than `far`, the lost link was one of the long ones that lead from one region to another:
 * the nearest of them is returned, to take its place in any case. Else HNSW_NONE. */
static uint32_t gather_behind(adopt_job *j, hnsw_scratch *s, const vector_query *q, uint32_t old,
                              uint32_t l, float far, hnsw_heap *pool)
{
    uint32_t cap, n = 0, rows[2 * HNSW_MAX_M], best = 0;
    int32_t dots[2 * HNSW_MAX_M];
    float scores[2 * HNSW_MAX_M];
    const uint32_t *list = hnsw_list(j->base->graph, old, l, &cap);

    for (uint32_t i = 0; i < cap && list[i] != HNSW_NONE; i++) {
        uint32_t to = j->base->new_row[list[i]];
        if (to != HNSW_NONE && s->visited[to] != s->epoch) {
            s->visited[to] = s->epoch;
            rows[n++] = to;
        }
    }
    if (!n)
        return HNSW_NONE;
    vector_score_rows(j->b->kernels, j->b->codes, q, rows, n, dots, scores);
    for (uint32_t i = 1; i < n; i++)
        best = scores[i] > scores[best] ? i : best;
    bool is_far = scores[best] < far;
    for (uint32_t i = 0; i < n; i++)
        if (!is_far || i != best)
            hnsw_heap_keep(pool, (hnsw_candidate){scores[i], rows[i]});
    return is_far ? rows[best] : HNSW_NONE;
}

/* Add rows of s->pool[0, n), best first, to list[0, length) until it holds `want`: first those that
 * no row of the list is nearer to than the list's own row is, then the nearest of the rest. */
static void fill_list(const hnsw_build *b, hnsw_scratch *s, size_t n, uint32_t *list,
                      uint32_t length, uint32_t want)
{
    uint32_t n_pruned = 0, pruned[2 * HNSW_MAX_M];

    for (size_t i = 0; i < n && length < want; i++) {
        vector_query q = hnsw_row_query(b, s->pool[i].row, s->pair);
        bool keep = true;
        for (uint32_t j = 0; j < length && keep; j += 4) {
            uint32_t part = length - j < 4 ? length - j : 4;
            int32_t dots[4];
            float between[4];
            vector_score_rows(b->kernels, b->codes, &q, list + j, part, dots, between);
            for (uint32_t k = 0; k < part && keep; k++)
                keep = between[k] < s->pool[i].score;
        }
        if (keep)
            list[length++] = s->pool[i].row;
        else if (n_pruned < 2 * HNSW_MAX_M)
            pruned[n_pruned++] = s->pool[i].row;
    }
    for (uint32_t i = 0; i < n_pruned && length < want; i++)
        list[length++] = pruned[i];
}

/* The score of the farthest row of a list; without any, no row is far. */
static float least_score(const hnsw_build *b, const vector_query *q, const uint32_t *list,
                         uint32_t n)
{
    int32_t dots[2 * HNSW_MAX_M];
    float scores[2 * HNSW_MAX_M], least = -INFINITY;

    if (n)
        vector_score_rows(b->kernels, b->codes, q, list, n, dots, scores);
    for (uint32_t i = 0; i < n; i++)
        least = i == 0 || scores[i] < least ? scores[i] : least;
    return least;
}

static void adopt_list(adopt_job *j, hnsw_scratch *s, const vector_query *q, uint32_t old,
                       uint32_t row, uint32_t l)
{
    uint32_t cap, old_cap, kept = 0, length = 0;
    uint32_t *out = hnsw_build_list(j->b, row, l, &cap);
    const uint32_t *list = hnsw_list(j->base->graph, old, l, &old_cap);
    hnsw_heap pool = {s->pool, 0, REPAIR_POOL};

    if (++s->epoch == 0) {
        memset(s->visited, 0, (size_t)j->b->graph.rows * sizeof *s->visited);
        s->epoch = 1;
    }
    s->visited[row] = s->epoch; /* a row never links itself */
    for (; length < old_cap && list[length] != HNSW_NONE; length++) {
        uint32_t to = j->base->new_row[list[length]];
        if (to != HNSW_NONE) {
            s->visited[to] = s->epoch;
            out[kept++] = to;
        } else if (l == 0) {
            hnsw_fetch_list(j->base->graph, list[length]);
        }
    }
    if (kept == length || (l == 0 && j->b->lost[row] >= j->b->stale_from))
        return;
    float far = least_score(j->b, q, out, kept);
    for (uint32_t i = 0; i < length; i++) {
        if (j->base->new_row[list[i]] != HNSW_NONE)
            continue;
        uint32_t link = gather_behind(j, s, q, list[i], l, far, &pool);
        if (link != HNSW_NONE)
            out[kept++] = link;
    }
    hnsw_heap_sort_falling(&pool);
    fill_list(j->b, s, pool.n, out, kept, length);
}

static void adopt_task(void *ctx, size_t task, size_t worker)
{
    adopt_job *j = ctx;
    hnsw_scratch *s = &j->b->scratch[worker];
    uint32_t first = (uint32_t)task * ADOPT_ROWS;

    for (uint32_t old = first; old < first + ADOPT_ROWS && old < j->base->graph->rows; old++) {
        uint32_t row = j->base->new_row[old];
        if (row == HNSW_NONE)
            continue;
        vector_query q = hnsw_row_query(j->b, row, s->query);
        for (uint32_t l = 0; l <= j->b->level[row]; l++)
            adopt_list(j, s, &q, old, row, l);
    }
}

/* Count the links of layer 0 that each live row loses. */
static void count_task(void *ctx, size_t task, size_t worker)
{
    adopt_job *j = ctx;
    uint32_t first = (uint32_t)task * ADOPT_ROWS;

    (void)worker;
    for (uint32_t old = first; old < first + ADOPT_ROWS && old < j->base->graph->rows; old++) {
        uint32_t cap, n = 0, row = j->base->new_row[old];
        const uint32_t *list = hnsw_list(j->base->graph, old, 0, &cap);
        if (row == HNSW_NONE)
            continue;
        for (uint32_t i = 0; i < cap && list[i] != HNSW_NONE; i++)
            n += j->base->new_row[list[i]] == HNSW_NONE;
        j->b->lost[row] = (uint8_t)n;
    }
}

/* Stale are the rows that lost most links, those that lost at least so many that they are not more
 * than the deleted rows are. */
static uint32_t stale_from(const hnsw_build *b, uint32_t deleted)
{
    uint32_t count[2 * HNSW_MAX_M + 1] = {0}, least = 2 * HNSW_MAX_M + 1, sum = 0;

    for (uint32_t r = 0; r < b->graph.rows; r++)
        count[b->lost[r]]++;
    while (least > 1 && sum + count[least - 1] <= deleted)
        sum += count[--least];
    return least;
}

/* The sum, and UINT32_MAX where it is more. */
static uint32_t removed_with(const hnsw_graph *g, uint32_t dead)
{
    return dead < UINT32_MAX - g->removed ? g->removed + dead : UINT32_MAX;
}

bool hnsw_is_worn(const hnsw_graph *g, uint32_t dead, uint32_t rows)
{
    return dead && removed_with(g, dead) > HNSW_WORN * (double)rows;
}

cairn_status hnsw_adopt(hnsw_build *b, const hnsw_base *base, pool *workers, cairn_error *err)
{
    adopt_job job = {b, base};
    size_t tasks = ((size_t)base->graph->rows + ADOPT_ROWS - 1) / ADOPT_ROWS;
    uint32_t dead = 0;

    for (uint32_t r = 0; r < base->graph->rows; r++)
        if (base->new_row[r] == HNSW_NONE)
            dead++;
        else if (base->new_row[r] >= b->graph.rows)
            return cairn_fail(err, CAIRN_EUSAGE, "row %u of the old graph has no place in the new",
                              r);
    b->graph.removed = removed_with(base->graph, dead);
    cairn_status st = pace_run(b->params.pace, workers, tasks, count_task, &job, err);
    if (st)
        return st;
    b->stale_from = stale_from(b, dead);
    return pace_run(b->params.pace, workers, tasks, adopt_task, &job, err);
}

/* ---- reachability ---- */

static cairn_status mark_from(const hnsw_graph *g, uint32_t row, uint64_t *reached, uint32_t *stack,
                              pace *steps, cairn_error *err)
{
    size_t n = 0;
    cairn_status st = CAIRN_OK;

    reached[row >> 6] |= (uint64_t)1 << (row & 63);
    stack[n++] = row; /* each row is pushed once at most, so `rows` places are enough */
    while (n && !st) {
        uint32_t cap, at = stack[--n];
        const uint32_t *list = hnsw_list(g, at, 0, &cap);
        for (uint32_t i = 0; i < cap && list[i] < g->rows; i++)
            if (!row_set_has(reached, list[i])) {
                reached[list[i] >> 6] |= (uint64_t)1 << (list[i] & 63);
                stack[n++] = list[i];
            }
        st = pace_work(steps, 8, err);
    }
    return st;
}

/* Index of the least similar row of a list. */
static uint32_t worst_link(hnsw_build *b, hnsw_scratch *s, uint32_t row, const uint32_t *list,
                           uint32_t n)
{
    vector_query q = {.code = s->pair};
    uint32_t worst = 0;
    float least = 0;

    vector_query_of_row(b->codes, row, &q);
    for (uint32_t i = 0; i < n; i++) {
        float score = hnsw_build_score(b, &q, list[i]);
        if (i == 0 || score < least) {
            least = score;
            worst = i;
        }
    }
    return worst;
}

static void connect_row(hnsw_build *b, hnsw_scratch *s, uint32_t u)
{
    uint32_t cap;
    vector_query q = {.code = s->query};

    vector_query_of_row(b->codes, u, &q);
    hnsw_candidate start = {hnsw_build_score(b, &q, b->graph.entry), b->graph.entry};
    size_t n = hnsw_build_search(b, s, &q, start, 0, b->params.ef_construction);
    for (size_t i = 0; i < n; i++) {
        uint32_t *list = hnsw_build_list(b, s->kept_at[i].row, 0, &cap);
        uint32_t len = hnsw_list_length(list, cap);
        if (len < cap) {
            list[len] = u;
            return;
        }
    }
    uint32_t c = s->kept_at[0].row;
    uint32_t *from = hnsw_build_list(b, c, 0, &cap), *own = hnsw_build_list(b, u, 0, &cap);
    uint32_t at = worst_link(b, s, c, from, cap), w = from[at], len = hnsw_list_length(own, cap);

    from[at] = u;
    for (uint32_t i = 0; i < len; i++)
        if (own[i] == w)
            return;
    if (len < cap)
        own[len] = w;
    else
        own[worst_link(b, s, u, own, len)] = w;
}

cairn_status hnsw_connect(hnsw_build *b, cairn_error *err)
{
    uint32_t n = b->graph.rows;
    uint64_t *reached = calloc(row_set_words(n), sizeof *reached);
    uint32_t *stack = checked_malloc(n, sizeof *stack);
    cairn_status st = CAIRN_OK;

    if (!reached || !stack) {
        st = cairn_fail(err, CAIRN_ENOMEM, "checking a graph of %u rows", n);
        goto done;
    }
    st = mark_from(&b->graph, b->graph.entry, reached, stack, b->params.pace, err);
    for (uint32_t u = 0; u < n && !st; u++) {
        if (row_set_has(reached, u))
            continue;
        connect_row(b, &b->scratch[0], u);
        if (b->scratch[0].failed) {
            st = cairn_fail(err, CAIRN_ENOMEM, "connecting a graph of %u rows", n);
            goto done;
        }
        st = mark_from(&b->graph, u, reached, stack, b->params.pace, err);
        if (!st)
            st = pace_work(b->params.pace, CONNECT_UNITS, err);
    }
done:
    free(reached);
    free(stack);
    return st;
}

/* ---- checking ---- */

static cairn_status check_list(const hnsw_graph *g, uint32_t row, uint32_t l, uint32_t *seen,
                               uint32_t mark, cairn_error *err)
{
    uint32_t cap, i = 0;
    const uint32_t *list = hnsw_list(g, row, l, &cap);

    if (!list)
        return cairn_fail(err, CAIRN_ECORRUPT,
                          "graph: the lists of row %" PRIu32 " lie outside hnsw.up (I5)", row);
    for (; i < cap && list[i] != HNSW_NONE; i++) {
        if (list[i] >= g->rows)
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "graph: row %" PRIu32 " links row %" PRIu32 " of %" PRIu32
                              " on layer %" PRIu32 " (I1)",
                              row, list[i], g->rows, l);
        if (list[i] == row || seen[list[i]] == mark)
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "graph: row %" PRIu32 " links row %" PRIu32
                              " where it must not, on layer %" PRIu32 " (I2)",
                              row, list[i], l);
        if (g->level[list[i]] < l)
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "graph: row %" PRIu32 " links row %" PRIu32
                              " above its highest layer, on layer %" PRIu32 " (I3)",
                              row, list[i], l);
        seen[list[i]] = mark;
    }
    for (; i < cap; i++)
        if (list[i] != HNSW_NONE)
            return cairn_fail(err, CAIRN_ECORRUPT,
                              "graph: row %" PRIu32 " has a link behind its padding (I1)", row);
    return CAIRN_OK;
}

cairn_status hnsw_count_unreachable(const hnsw_graph *g, const uint64_t *deleted, uint32_t *n,
                                    uint32_t *first, cairn_error *err)
{
    uint64_t *reached = calloc(row_set_words(g->rows), sizeof *reached);
    uint32_t *stack = checked_malloc(g->rows, sizeof *stack);
    cairn_status st = CAIRN_OK;

    *n = 0;
    *first = HNSW_NONE;
    if (!reached || !stack) {
        st = cairn_fail(err, CAIRN_ENOMEM, "checking a graph of %" PRIu32 " rows", g->rows);
        goto done;
    }
    if (g->rows)
        st = mark_from(g, g->entry, reached, stack, NULL, err);
    for (uint32_t r = 0; r < g->rows && !st; r++)
        if (!row_set_has(reached, r) && !(deleted && row_set_has(deleted, r))) {
            *first = *n ? *first : r;
            (*n)++;
        }
done:
    free(reached);
    free(stack);
    return st;
}

cairn_status hnsw_verify_lists(const hnsw_graph *g, pace *steps, cairn_error *err)
{
    uint32_t *seen = calloc((size_t)g->rows + 1, sizeof *seen), mark = 0;
    cairn_status st = CAIRN_OK;
    uint64_t lists = 0;

    if (!seen)
        return cairn_fail(err, CAIRN_ENOMEM, "checking a graph of %" PRIu32 " rows", g->rows);
    for (uint32_t r = 0; r < g->rows && !st; r++) {
        if (g->level[r] > g->max_level)
            st = cairn_fail(err, CAIRN_ECORRUPT, "graph: row %" PRIu32 " is above the entry (I4)",
                            r);
        else if (g->up_at[r] != lists)
            st = cairn_fail(err, CAIRN_ECORRUPT,
                            "graph: the lists of row %" PRIu32 " are out of order (I5)", r);
        lists += g->level[r];
        for (uint32_t l = 0; !st && l <= g->level[r]; l++) {
            if (++mark == 0) { /* wrapped round: forget all marks */
                memset(seen, 0, (size_t)g->rows * sizeof *seen);
                mark = 1;
            }
            st = check_list(g, r, l, seen, mark, err);
        }
        if (!st)
            st = pace_work(steps, 8, err);
    }
    if (!st && lists != g->up_lists)
        st = cairn_fail(err, CAIRN_ECORRUPT,
                        "graph: %" PRIu32 " upper lists where %" PRIu64 " belong (I5)", g->up_lists,
                        lists);
    if (!st && (g->entry >= g->rows || g->level[g->entry] != g->max_level))
        st = cairn_fail(err, CAIRN_ECORRUPT, "graph: the entry is not on the highest layer (I4)");
    free(seen);
    return st;
}

cairn_status hnsw_verify(const hnsw_graph *g, cairn_error *err)
{
    uint32_t n, first;
    cairn_status st = hnsw_verify_lists(g, NULL, err);

    if (!st)
        st = hnsw_count_unreachable(g, NULL, &n, &first, err);
    if (!st && n)
        st = cairn_fail(err, CAIRN_ECORRUPT,
                        "graph: %" PRIu32 " rows cannot be reached from the entry, the first is "
                        "row %" PRIu32 " (I6)",
                        n, first);
    return st;
}

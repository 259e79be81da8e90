/* hnsw_build.c - insert rows into a graph, many at once (algorithms 1, 2 and 4 of the paper).
 *
 * Phases
 *   1. Every row's layer is drawn from (seed, row); lists of all layers are allocated.
 *   2. The first row of the highest layer is the entry. A base graph, where there is one, is copied
 *      in (hnsw_repair.c).
 *   3. The first rows are inserted by one thread, the rest by all: a graph of a few dozen rows
 *      is too small to be grown from several ends.
 *   4. hnsw_connect makes every row reachable.
 *
 * Inserting a row: find ef_construction candidates on each of its layers from the top down, choose
 * its neighbours, write all its own lists, and only then write the links back, layer 0 first.
 * A full neighbour chooses anew among its list and the new row.
 *
 * Locks: one byte a row, spun on, held while that row's lists are copied out or changed and
 * never two at a time, so no order of locking is needed. Choosing anew happens
 * under the neighbour's lock: what it proves is that no link written meanwhile is lost. */
#include "index/vector/hnsw_build.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/vector/hnsw_heap.h"

#define SERIAL_ROWS 256u

static void lock_row(hnsw_build *b, uint32_t row)
{
    for (unsigned spins = 0;
         atomic_exchange_explicit(&b->locks[row], 1, memory_order_acquire); spins++)
        if (spins > 64)
            sched_yield();
}

static void unlock_row(hnsw_build *b, uint32_t row)
{
    atomic_store_explicit(&b->locks[row], 0, memory_order_release);
}

/* splitmix64: a good hash of (seed, row), so layers don't depend on the order of insertion. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint8_t draw_level(uint64_t seed, uint32_t row, uint32_t m)
{
    double u = ((double)(mix(seed ^ mix(row)) >> 11) + 0.5) * 0x1p-53; /* in (0, 1) */
    double level = -log(u) / log(m);

    return level > HNSW_MAX_LEVEL ? HNSW_MAX_LEVEL : (uint8_t)level;
}

/* Copy a list under its lock; returns its length. */
static uint32_t copy_list(hnsw_build *b, uint32_t row, uint32_t l, uint32_t *out)
{
    uint32_t cap, n = 0;

    lock_row(b, row);
    const uint32_t *list = hnsw_build_list(b, row, l, &cap);
    while (n < cap && list[n] != HNSW_NONE) {
        out[n] = list[n];
        n++;
    }
    unlock_row(b, row);
    return n;
}

static void score_rows(hnsw_build *b, const vector_query *q, const uint32_t *rows, uint32_t n,
                       float *scores)
{
    int32_t dots[2 * HNSW_MAX_M];

    vector_score_rows(b->kernels, b->codes, q, rows, n, dots, scores);
}

uint32_t hnsw_select(const hnsw_build *b, hnsw_scratch *s, const hnsw_candidate *pool, size_t n,
                     uint32_t max, uint32_t *out)
{
    uint32_t n_out = 0, n_pruned = 0, pruned[HNSW_MAX_M * 2];

    /* A candidate nearer to one already chosen than to the row itself is reached through that one. */
    for (size_t i = 0; i < n && n_out < max; i++) {
        bool keep = true;
        if (n_out) {
            vector_query q = {.code = s->pair};
            vector_query_of_row(b->codes, pool[i].row, &q);
            for (uint32_t j = 0; j < n_out && keep; j++)
                keep = hnsw_build_score(b, &q, out[j]) < pool[i].score;
        }
        if (keep)
            out[n_out++] = pool[i].row;
        else if (n_pruned < HNSW_MAX_M * 2)
            pruned[n_pruned++] = pool[i].row;
    }
    /* Among near-copies the rule above leaves a single link; a few more keep such rows together. */
    for (uint32_t i = 0; i < n_pruned && n_out < max / 4; i++)
        out[n_out++] = pruned[i];
    return n_out;
}

size_t hnsw_build_search(hnsw_build *b, hnsw_scratch *s, const vector_query *q,
                         hnsw_candidate start, uint32_t l, size_t ef)
{
    hnsw_heap kept = {s->kept_at, 0, ef}, queue = {s->queue_at, 0, s->queue_cap};

    if (++s->epoch == 0) {
        memset(s->visited, 0, (size_t)b->graph.rows * sizeof *s->visited);
        s->epoch = 1;
    }
    s->visited[start.row] = s->epoch;
    hnsw_heap_keep(&kept, start);
    s->failed |= !hnsw_heap_push(&queue, start);
    while (queue.n && !s->failed) {
        hnsw_candidate c = hnsw_heap_pop_best(&queue);
        uint32_t list[2 * HNSW_MAX_M], rows[2 * HNSW_MAX_M], n = 0;
        float scores[2 * HNSW_MAX_M];

        if (kept.n == kept.cap && c.score < kept.at[0].score)
            break;
        uint32_t n_list = copy_list(b, c.row, l, list);
        for (uint32_t i = 0; i < n_list; i++)
            if (s->visited[list[i]] != s->epoch) {
                s->visited[list[i]] = s->epoch;
                rows[n++] = list[i];
            }
        score_rows(b, q, rows, n, scores);
        for (uint32_t i = 0; i < n; i++) {
            hnsw_candidate x = {scores[i], rows[i]};
            if (kept.n == kept.cap && !hnsw_better(x, kept.at[0]))
                continue;
            s->failed |= !hnsw_heap_push(&queue, x);
            hnsw_heap_keep(&kept, x);
        }
    }
    s->queue_at = queue.at;
    s->queue_cap = queue.cap;
    hnsw_heap_sort_falling(&kept);
    return kept.n;
}

hnsw_candidate hnsw_build_descend(hnsw_build *b, hnsw_scratch *s, const vector_query *q, uint32_t l)
{
    hnsw_candidate at = {hnsw_build_score(b, q, b->graph.entry), b->graph.entry};

    (void)s;
    for (uint32_t layer = b->graph.max_level; layer > l; layer--)
        for (bool moved = true; moved;) {
            uint32_t rows[2 * HNSW_MAX_M], n = copy_list(b, at.row, layer, rows);
            float scores[2 * HNSW_MAX_M];
            moved = false;
            score_rows(b, q, rows, n, scores);
            for (uint32_t i = 0; i < n; i++)
                if (scores[i] > at.score) {
                    at = (hnsw_candidate){scores[i], rows[i]};
                    moved = true;
                }
        }
    return at;
}

/* Write row -> to on layer l. When the list is full, choose anew among it and `to`. */
static void link_back(hnsw_build *b, hnsw_scratch *s, uint32_t row, uint32_t to, uint32_t l)
{
    uint32_t cap, n = 0;

    lock_row(b, row);
    uint32_t *list = hnsw_build_list(b, row, l, &cap);
    while (n < cap && list[n] != HNSW_NONE && list[n] != to)
        n++;
    if (n < cap) {
        list[n] = to; /* the first free place, or where it already stands */
    } else {
        float scores[2 * HNSW_MAX_M];
        vector_query q = {.code = s->query};
        hnsw_heap pool = {s->pool, 0, (size_t)cap + 1};
        vector_query_of_row(b->codes, row, &q);
        score_rows(b, &q, list, cap, scores);
        for (uint32_t i = 0; i < cap; i++)
            hnsw_heap_keep(&pool, (hnsw_candidate){scores[i], list[i]});
        hnsw_heap_keep(&pool, (hnsw_candidate){hnsw_build_score(b, &q, to), to});
        hnsw_heap_sort_falling(&pool);
        uint32_t kept = hnsw_select(b, s, s->pool, pool.n, cap, list);
        for (uint32_t i = kept; i < cap; i++)
            list[i] = HNSW_NONE;
    }
    unlock_row(b, row);
}

static void insert_row(hnsw_build *b, hnsw_scratch *s, uint32_t row)
{
    uint32_t top = b->level[row], cap;
    uint32_t chosen[HNSW_MAX_LEVEL + 1][HNSW_MAX_M], n_chosen[HNSW_MAX_LEVEL + 1];
    vector_query q = {.code = s->query};

    vector_query_of_row(b->codes, row, &q);
    hnsw_candidate at = hnsw_build_descend(b, s, &q, top);
    for (uint32_t l = top + 1; l-- > 0;) {
        size_t n = hnsw_build_search(b, s, &q, at, l, b->params.ef_construction);
        at = s->kept_at[0];
        n_chosen[l] = hnsw_select(b, s, s->kept_at, n, b->graph.m, chosen[l]);
    }
    if (s->failed)
        return;
    lock_row(b, row); /* nobody can see the row yet; the lock publishes its lists */
    for (uint32_t l = 0; l <= top; l++)
        memcpy(hnsw_build_list(b, row, l, &cap), chosen[l], n_chosen[l] * sizeof **chosen);
    unlock_row(b, row);
    for (uint32_t l = 0; l <= top; l++)
        for (uint32_t i = 0; i < n_chosen[l]; i++)
            link_back(b, s, chosen[l][i], row, l);
}

static void insert_task(void *ctx, size_t task, size_t worker)
{
    hnsw_build *b = ctx;

    if (!b->scratch[worker].failed)
        insert_row(b, &b->scratch[worker], b->order[SERIAL_ROWS + task]);
}

/* ---- allocation ---- */

static bool alloc_scratch(hnsw_build *b, hnsw_scratch *s)
{
    size_t stride = b->codes->stride;

    s->visited = calloc((size_t)b->graph.rows + 1, sizeof *s->visited);
    s->kept_at = checked_malloc(b->params.ef_construction, sizeof *s->kept_at);
    s->queue_cap = 4 * (size_t)b->params.ef_construction;
    s->queue_at = checked_malloc(s->queue_cap, sizeof *s->queue_at);
    /* hnsw_adopt looks at a row's neighbours and at the neighbours of the deleted ones among them. */
    s->pool_cap = 2 * HNSW_MAX_M * (2 * HNSW_MAX_M + 1) + 1;
    s->pool = checked_malloc(s->pool_cap, sizeof *s->pool);
    s->query = checked_aligned(stride, 1);
    s->pair = checked_aligned(stride, 1);
    return s->visited && s->kept_at && s->queue_at && s->pool && s->query && s->pair;
}

static void free_scratch(hnsw_build *b)
{
    for (size_t i = 0; b->scratch && i < b->n_scratch; i++) {
        hnsw_scratch *s = &b->scratch[i];
        free(s->visited);
        free(s->kept_at);
        free(s->queue_at);
        free(s->pool);
        free(s->query);
        free(s->pair);
    }
    free(b->scratch);
    b->scratch = NULL;
}

/* Draw the layers. Rows of a base graph keep theirs, and no new row goes above its entry. */
static void draw_levels(hnsw_build *b, const hnsw_base *base)
{
    uint32_t n = b->graph.rows, top = HNSW_MAX_LEVEL;
    bool found = false;

    memset(b->level, 0xff, n);
    if (base) {
        top = 0;
        for (uint32_t r = 0; r < base->graph->rows; r++)
            if (base->new_row[r] != HNSW_NONE) {
                b->level[base->new_row[r]] = base->graph->level[r];
                if (!found || base->graph->level[r] > top) {
                    top = base->graph->level[r];
                    b->graph.entry = base->new_row[r];
                    found = true;
                }
            }
    }
    for (uint32_t r = 0; r < n; r++) {
        bool old = b->level[r] != 0xff;
        if (!old)
            b->level[r] = draw_level(b->params.seed, r, b->params.m);
        if (b->level[r] > top)
            b->level[r] = (uint8_t)top;
        if (!found || (!base && b->level[r] > b->graph.max_level)) {
            b->graph.entry = r;
            b->graph.max_level = b->level[r];
            found = true;
        }
    }
    b->graph.max_level = b->level[b->graph.entry];
}

static cairn_status alloc_build(hnsw_build *b, const hnsw_base *base, cairn_error *err)
{
    uint32_t n = b->graph.rows, m = b->params.m;
    uint64_t lists = 0;

    b->level = checked_malloc(n, 1);
    b->up_at = checked_malloc(n, sizeof *b->up_at);
    b->link0 = checked_aligned((size_t)n, (size_t)2 * m * sizeof *b->link0);
    b->locks = calloc(n, sizeof *b->locks);
    b->order = checked_malloc(n, sizeof *b->order);
    b->scratch = calloc(b->n_scratch, sizeof *b->scratch);
    if (!b->level || !b->up_at || !b->link0 || !b->locks || !b->order || !b->scratch)
        return cairn_fail(err, CAIRN_ENOMEM, "a graph of %u rows", n);
    for (size_t i = 0; i < b->n_scratch; i++)
        if (!alloc_scratch(b, &b->scratch[i]))
            return cairn_fail(err, CAIRN_ENOMEM, "building a graph of %u rows", n);
    draw_levels(b, base);
    for (uint32_t r = 0; r < n; r++) {
        b->up_at[r] = (uint32_t)lists;
        lists += b->level[r];
        if (lists > UINT32_MAX)
            return cairn_fail(err, CAIRN_ELIMIT, "a graph of %u rows has too many layers", n);
    }
    b->graph.up_lists = (uint32_t)lists;
    b->up = checked_aligned((size_t)lists, (size_t)m * sizeof *b->up);
    if (!b->up)
        return cairn_fail(err, CAIRN_ENOMEM, "a graph of %u rows", n);
    memset(b->link0, 0xff, (size_t)n * 2 * m * sizeof *b->link0);
    memset(b->up, 0xff, (size_t)lists * m * sizeof *b->up);
    b->graph.level = b->level;
    b->graph.up_at = b->up_at;
    b->graph.link0 = b->link0;
    b->graph.up = b->up;
    return CAIRN_OK;
}

/* ---- the whole ---- */

static cairn_status insert_all(hnsw_build *b, const hnsw_base *base, pool *workers,
                               cairn_error *err)
{
    uint8_t *old = calloc(b->graph.rows, 1);
    size_t serial;

    if (!old)
        return cairn_fail(err, CAIRN_ENOMEM, "building a graph of %u rows", b->graph.rows);
    old[b->graph.entry] = 1;
    for (uint32_t r = 0; base && r < base->graph->rows; r++)
        if (base->new_row[r] != HNSW_NONE)
            old[base->new_row[r]] = 1;
    b->n_order = 0;
    for (uint32_t r = 0; r < b->graph.rows; r++)
        if (!old[r])
            b->order[b->n_order++] = r;
    free(old);
    serial = b->n_order < SERIAL_ROWS ? b->n_order : SERIAL_ROWS;
    for (size_t i = 0; i < serial && !b->scratch[0].failed; i++)
        insert_row(b, &b->scratch[0], b->order[i]);
    if (b->n_order > serial)
        pool_run(workers, b->n_order - serial, insert_task, b);
    for (size_t i = 0; i < b->n_scratch; i++)
        if (b->scratch[i].failed)
            return cairn_fail(err, CAIRN_ENOMEM, "building a graph of %u rows", b->graph.rows);
    return CAIRN_OK;
}

cairn_status hnsw_build_run(hnsw_build **out, const vector_codes *codes, const hnsw_params *params,
                            const hnsw_base *base, pool *workers, cairn_error *err)
{
    cairn_status st;
    hnsw_build *b = NULL;

    *out = NULL;
    if (codes->rows == 0 || params->m < HNSW_MIN_M || params->m > HNSW_MAX_M ||
        params->ef_construction == 0 || (base && base->graph->m != params->m))
        return cairn_fail(err, CAIRN_EUSAGE, "a graph of %u rows with m %u", codes->rows,
                          params->m);
    b = calloc(1, sizeof *b);
    if (!b)
        return cairn_fail(err, CAIRN_ENOMEM, "graph");
    b->codes = codes;
    b->kernels = vector_kernels_get();
    b->params = *params;
    b->graph.rows = codes->rows;
    b->graph.m = params->m;
    b->n_scratch = pool_threads(workers);
    st = alloc_build(b, base, err);
    if (!st && base)
        st = hnsw_adopt(b, base, workers, err);
    if (!st)
        st = insert_all(b, base, workers, err);
    if (!st)
        st = hnsw_connect(b, err);
    free_scratch(b);
    if (st) {
        hnsw_build_destroy(b);
        return st;
    }
    *out = b;
    return CAIRN_OK;
}

const hnsw_graph *hnsw_build_graph(const hnsw_build *b)
{
    return &b->graph;
}

void hnsw_build_destroy(hnsw_build *b)
{
    if (!b)
        return;
    free_scratch(b);
    free(b->level);
    free(b->up_at);
    free(b->link0);
    free(b->up);
    free((void *)b->locks);
    free(b->order);
    free(b);
}

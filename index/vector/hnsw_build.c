/* hnsw_build.c - make a graph: layers, memory, and the order of the steps.
 *
 *   1. Every row's layer is drawn from (seed, row); lists of all layers are allocated.
 *   2. The first row of the highest layer is the entry. A base graph, where there is one, is copied
 *      in (hnsw_repair.c).
 *   3. The other rows are inserted, and the old ones that lost most look around once more
 *      (hnsw_insert.c).
 *   4. hnsw_connect makes every row reachable. */
#include "index/vector/hnsw_build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

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

/* ---- allocation ---- */

static bool alloc_scratch(hnsw_build *b, hnsw_scratch *s)
{
    size_t stride = b->codes->stride, dim = b->codes->dim;

    s->visited = calloc((size_t)b->graph.rows + 1, sizeof *s->visited);
    s->seen = checked_malloc(row_set_words(b->graph.rows), sizeof *s->seen);
    s->kept_at = checked_malloc((size_t)b->params.ef_construction + 1, sizeof *s->kept_at);
    /* hnsw_adopt looks at a row's neighbours and at the neighbours of the deleted ones among them.
     */
    s->pool_cap = 2 * HNSW_MAX_M * (2 * HNSW_MAX_M + 1) + 1;
    s->pool = checked_malloc(s->pool_cap, sizeof *s->pool);
    s->rows = checked_malloc(s->pool_cap, sizeof *s->rows);
    s->query = checked_aligned(stride, 1);
    s->pair = checked_aligned(stride, 1);
    s->walk = checked_aligned(vector_query_bytes(VECTOR_CODE_I4, b->codes->dim) + stride, 1);
    s->row = checked_malloc(dim, sizeof *s->row);
    s->work = checked_malloc(dim, sizeof *s->work);
    return s->visited && s->seen && s->kept_at && s->pool && s->rows && s->query && s->pair &&
           s->walk && s->row && s->work;
}

static void free_scratch(hnsw_build *b)
{
    for (size_t i = 0; b->scratch && i < b->n_scratch; i++) {
        hnsw_scratch *s = &b->scratch[i];
        free(s->visited);
        free(s->seen);
        free(s->keys.key);
        free(s->kept_at);
        free(s->pool);
        free(s->rows);
        free(s->query);
        free(s->pair);
        free(s->walk);
        free(s->row);
        free(s->work);
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
    b->link0 = checked_large((size_t)n, (size_t)2 * m * sizeof *b->link0);
    b->order = checked_malloc(n, sizeof *b->order);
    b->scratch = calloc(b->n_scratch, sizeof *b->scratch);
    b->sum = checked_malloc(n, sizeof *b->sum);
    b->lost = calloc(n, sizeof *b->lost);
    if (!b->level || !b->up_at || !b->link0 || !b->sum || !b->lost || !b->order || !b->scratch)
        return cairn_fail(err, CAIRN_ENOMEM, "a graph of %u rows", n);
    for (size_t i = 0; i < b->n_scratch; i++)
        if (!alloc_scratch(b, &b->scratch[i]))
            return cairn_fail(err, CAIRN_ENOMEM, "building a graph of %u rows", n);
    for (uint32_t r = 0; r < n; r++) {
        const uint8_t *code = b->codes->code + (size_t)r * b->codes->stride;
        int32_t sum = 0;
        for (size_t i = 0; i < b->codes->stride; i++)
            sum += (int32_t)code[i] - 128;
        b->sum[r] = sum;
        cairn_status st = pace_work(b->params.pace, 4, err);
        if (st)
            return st;
    }
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

/* List the stale rows of the old graph behind the new rows. */
static void list_stale_rows(hnsw_build *b)
{
    for (uint32_t r = 0; r < b->graph.rows; r++)
        if (b->lost[r] >= b->stale_from)
            b->order[b->n_order + b->n_stale++] = r;
}

/* Rows come as their documents lie in folders, like beside like. Inserted so, the rows of a cluster
 * would find only each other, and recall falls by 0.06 to 0.15 (docs/vector.md): mix them. */
static void shuffle(uint32_t *order, uint32_t n, uint64_t seed)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = (uint32_t)(mix(seed ^ i) % i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}

/* List the rows that are not in the graph yet, mixed. */
static cairn_status list_new_rows(hnsw_build *b, const hnsw_base *base, cairn_error *err)
{
    uint8_t *old = calloc(b->graph.rows, 1);

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
    shuffle(b->order, b->n_order, b->params.seed);
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
    b->walk = *codes;
    st = alloc_build(b, base, err);
    if (!st && hnsw_wants_walk_codes(codes)) {
        st = hnsw_walk_codes(&b->walk, codes, base, b->params.pace, workers, err);
        b->own_walk = !st;
        b->graph.walk_code = b->own_walk ? b->walk.code : NULL;
        b->graph.walk_scale = b->own_walk ? b->walk.scale : NULL;
    }
    if (!st && base)
        st = hnsw_adopt(b, base, workers, err);
    if (!st)
        st = list_new_rows(b, base, err);
    if (!st && base)
        list_stale_rows(b);
    if (!st)
        st = hnsw_insert(b, workers, err);
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
    free(b->order);
    free(b->lost);
    free(b->sum);
    if (b->own_walk) {
        free((void *)b->walk.code);
        free((void *)b->walk.scale);
    }
    free(b);
}

/* hnsw_insert.c - insert rows into a graph, many at once (algorithms 1, 2 and 4 of the paper).
 *
 * Rows go in by batches. The rows of a batch search the graph as it was before the batch, each on
 * whatever thread; then every row that was chosen as a neighbour takes its new links in, in the
 * order of the rows that chose it. So the graph depends on rows and seed alone, not on the number
 * of threads or their luck, and no list needs a lock: in the first phase a row writes only its own
 * lists, which nobody can reach yet, in the second each chosen row only its own.
 *
 * A batch is a quarter of what is in the graph already, within BATCH_ROWS: rows of one batch don't
 * know each other. That, and the poor choice that the first rows had, is mended by a second pass
 * over all new rows: each looks around itself once more in the finished graph and chooses anew. Two
 * passes with half of ef_construction each cost less than one with all of it and give a better
 * graph (docs/vector.md).
 *
 * The rows of a batch are put in the order of the regions they lie in: rows that search one after
 * the other read the same codes and lists, out of the cache. A row's region is the path that a
 * descent through the upper layers takes to it (docs/vector.md has what that is worth).
 *
 * Where most rows are in the graph already, the first pass needs no more than find the new rows a
 * place, so it is narrow: a sixteenth of ef_construction (in a build from scratch that costs
 * recall, docs/vector.md). The second keeps 7/16 there: the price of an insert.
 *
 * Old rows that lost many links to deleted ones, the stale ones, make the second pass, too,
 * together with the new ones. Filled up with rows from behind the deleted ones alone, which lie
 * near by, the links of a graph get more local with every merge, and recall falls. A row that
 * chooses anew keeps the neighbours that link it: nobody else would link them back.
 *
 * Rows that go into a small graph find far neighbours, because near ones are not there yet, and a
 * build from scratch gets its long links so. Rows new in a large graph find near ones alone: after
 * three merges of 30 % links were a tenth shorter, and a narrow search lost 0.016 of its recall. So
 * a search for them, and for the old rows, hands a sample of what it scored and did not keep to the
 * choice: rows a step or two beyond the candidates, at no more than the price of ranking them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/vector/hnsw_build.h"

#define BATCH_ROWS  16384u
#define REFINE_ROWS 65536u
#define FAR_STEP    8u /* one of so many rows scored and not kept is in the sample */
#define GROWTH      4u /* a batch is at most one row for so many in the graph */
#define TASK_ROWS   16u
#define PART        (2u * HNSW_MAX_M)

typedef struct row_place {
    uint64_t path; /* of a descent to the row */
    uint32_t row;
    uint32_t start; /* where it ended */
} row_place;

typedef struct insert_job {
    hnsw_build *b;
    const row_place *rows; /* of this batch */
    uint32_t n;
    size_t ef;
    bool mends; /* most rows were in the graph before: look farther, keep who links a row */
    /* The second pass's choice, or NULL: in the graph. [n * 2 m]: the choice, padded to `own`
     * places, then neighbours that are kept because they link the row, padded. */
    uint32_t *staged;
    /* Links to take in on `layer`: chain of links of each row. */
    uint32_t layer;
    uint32_t *head;        /* [graph rows] the row's first link, or HNSW_NONE */
    uint32_t *next, *from; /* [links] */
    uint32_t *target;      /* [links] rows with a chain */
    uint32_t n_targets;
} insert_job;

/* ---- searching ---- */

/* Row `row` as a query over b->walk. */
static vector_query walk_query(hnsw_build *b, hnsw_scratch *s, uint32_t row)
{
    vector_query q = {.code = s->walk};

    if (!b->own_walk)
        return hnsw_row_query(b, row, s->walk);
    hnsw_decode(b->codes, row, s->row);
    vector_query_encode(&b->walk, s->row, s->work, &q);
    q.offset = b->codes->bias ? b->codes->bias[row] : 0;
    return q;
}

/* Walk layer l from start; the best ef are in s->keys, a sample of what was scored and was not
 * among them in s->far. */
static void search_layer(hnsw_build *b, hnsw_scratch *s, const vector_codes *codes,
                         const vector_query *q, hnsw_candidate start, uint32_t l, size_t ef)
{
    hnsw_walk w = {&b->graph, codes, q, b->kernels, s->seen, 0};
    hnsw_pool *p = &s->keys;
    uint32_t n_left = 0;

    s->n_far = 0;
    memset(s->seen, 0, row_set_words(b->graph.rows) * sizeof *s->seen);
    s->failed |= !hnsw_pool_start(p, ef);
    s->failed = s->failed || !hnsw_pool_add(p, hnsw_pool_key(start.score, start.row), true);
    hnsw_walk_visit(&w, start.row);
    while (!s->failed && hnsw_pool_waits(p)) {
        uint32_t rows[PART], n = hnsw_walk_neighbours(&w, hnsw_pool_take(p), l, rows);
        float scores[PART];
        if (l == 0 && hnsw_pool_waits(p))
            hnsw_fetch_list(w.g, hnsw_pool_row(p->key[p->next]));
        hnsw_walk_score_many(&w, rows, n, scores);
        for (uint32_t i = 0; i < n && !s->failed; i++) {
            uint64_t key = hnsw_pool_key(scores[i], rows[i]);
            if (!hnsw_pool_wants(p, key)) {
                if (n_left++ % FAR_STEP == 0 && s->n_far < HNSW_FAR_ROWS)
                    s->far[s->n_far++] = rows[i];
                continue;
            }
            s->failed |= !hnsw_pool_add(p, key, true);
            if (p->n > ef)
                p->n = p->n_fit = ef;
        }
    }
}

size_t hnsw_build_search(hnsw_build *b, hnsw_scratch *s, const vector_query *q,
                         hnsw_candidate start, uint32_t l, size_t ef)
{
    search_layer(b, s, b->codes, q, start, l, ef);
    for (size_t i = 0; i < s->keys.n; i++)
        s->kept_at[i] =
            (hnsw_candidate){hnsw_pool_score(s->keys.key[i]), hnsw_pool_row(s->keys.key[i])};
    return s->keys.n;
}

static int falling(const void *pa, const void *pb)
{
    uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

    return (a < b) - (a > b);
}

/* Score rows[0, n) against q over b->codes and leave them best first in s->pool; n <= pool_cap. */
static void rank_rows(hnsw_build *b, hnsw_scratch *s, const vector_query *q, const uint32_t *rows,
                      size_t n)
{
    hnsw_pool *p = &s->keys;
    bool few = n <= 256;

    if (!hnsw_pool_start(p, n)) {
        s->failed = true;
        return;
    }
    for (size_t first = 0; first < n; first += PART) {
        uint32_t part = n - first < PART ? (uint32_t)(n - first) : PART;
        int32_t dots[PART];
        float scores[PART];
        for (uint32_t i = 0; i < part; i++) {
            __builtin_prefetch(&b->codes->scale[rows[first + i]]);
            __builtin_prefetch(&b->sum[rows[first + i]]); /* for hnsw_select */
        }
        vector_score_rows(b->kernels, b->codes, q, rows + first, part, dots, scores);
        for (uint32_t i = 0; i < part; i++) {
            uint64_t key = hnsw_pool_key(scores[i], rows[first + i]);
            if (few)
                hnsw_pool_add(p, key, true);
            else
                p->key[p->n++] = key;
        }
    }
    if (!few)
        qsort(p->key, p->n, sizeof *p->key, falling);
    for (size_t i = 0; i < n; i++)
        s->pool[i] = (hnsw_candidate){hnsw_pool_score(p->key[i]), hnsw_pool_row(p->key[i])};
}

/* ---- choosing ---- */

/* How far apart rows of this similarity are, in proportion to the squared distance. */
static inline float apart(vector_metric metric, float similarity)
{
    return metric == VECTOR_COSINE ? 1 - similarity : -similarity;
}

/* Whether a row at `similarity` from the new one is reached through one at `between` from itself.
 * Under the inner product there is no distance to take a share of. */
static inline bool is_reached(vector_metric metric, float between, float similarity)
{
    if (metric == VECTOR_DOT)
        return between >= similarity;
    return apart(metric, between) * HNSW_REACH <= apart(metric, similarity);
}

uint32_t hnsw_select(const hnsw_build *b, hnsw_scratch *s, const hnsw_candidate *pool, size_t n,
                     uint32_t max, uint32_t *out)
{
    uint32_t n_out = 0, n_pruned = 0, pruned[PART];

    for (size_t i = 0; i < n && n_out < max; i++) {
        bool keep = true;
        vector_query q = {0};
        if (n_out)
            q = hnsw_row_query(b, pool[i].row, s->pair);
        for (uint32_t j = 0; j < n_out && keep; j += 4) {
            uint32_t part = n_out - j < 4 ? n_out - j : 4;
            int32_t dots[4];
            float between[4];
            vector_score_rows(b->kernels, b->codes, &q, out + j, part, dots, between);
            for (uint32_t k = 0; k < part && keep; k++)
                keep = !is_reached(b->codes->metric, between[k], pool[i].score);
        }
        if (keep)
            out[n_out++] = pool[i].row;
        else if (n_pruned < PART)
            pruned[n_pruned++] = pool[i].row;
    }
    /* Among near-copies the rule above leaves a single link; a few more keep such rows together. */
    for (uint32_t i = 0; i < n_pruned && n_out < max / 4; i++)
        out[n_out++] = pruned[i];
    return n_out;
}

static void write_list(uint32_t *list, uint32_t cap, const uint32_t *rows, uint32_t n)
{
    memcpy(list, rows, n * sizeof *list);
    for (uint32_t i = n; i < cap; i++)
        list[i] = HNSW_NONE;
}

/* ---- phase one: search and choose ---- */

static bool holds(const uint32_t *list, uint32_t n, uint32_t row)
{
    bool found = false;

    for (uint32_t i = 0; i < n; i++)
        found |= list[i] == row;
    return found;
}

/* The rows of s->keys but `self`, as numbers, and with `far` those of s->far. A row that was added
 * to the keys once is not in s->far. */
static size_t rows_found(const hnsw_scratch *s, uint32_t self, bool far, uint32_t *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < s->keys.n; i++) {
        rows[n] = hnsw_pool_row(s->keys.key[i]);
        n += rows[n] != self;
    }
    for (uint32_t i = 0; far && i < s->n_far; i++)
        rows[n++] = s->far[i];
    return n;
}

/* Find the region a row lies in, by its int8 code: a walk query takes longer to make. */
static void place_row(hnsw_build *b, hnsw_scratch *s, row_place *p)
{
    vector_query q = hnsw_row_query(b, p->row, s->query);
    hnsw_walk w = {&b->graph, b->codes, &q, b->kernels, s->seen, 0};

    p->start = hnsw_walk_descend_to(&w, 0, &p->path).row;
}

static void insert_row(insert_job *j, hnsw_scratch *s, const row_place *place)
{
    hnsw_build *b = j->b;
    uint32_t row = place->row;
    uint64_t path;
    uint32_t chosen[2 * HNSW_MAX_M], cap, *rows = s->rows;
    vector_query q = hnsw_row_query(b, row, s->query), walk = walk_query(b, s, row);
    hnsw_walk w = {&b->graph, &b->walk, &walk, b->kernels, s->seen, 0};

    hnsw_candidate at = {0, place->start};
    if (b->level[row])
        at = hnsw_walk_descend_to(&w, b->level[row], &path);
    else
        at.score = hnsw_walk_score(&w, at.row);
    for (uint32_t l = (uint32_t)b->level[row] + 1; l-- > 0 && !s->failed;) {
        search_layer(b, s, &b->walk, &walk, at, l, j->ef);
        if (s->failed)
            return;
        at = (hnsw_candidate){hnsw_pool_score(s->keys.key[0]), hnsw_pool_row(s->keys.key[0])};
        size_t n = rows_found(s, row, j->mends && l == 0, rows);
        rank_rows(b, s, &q, rows, n);
        if (s->failed)
            return;
        uint32_t *list = hnsw_build_list(b, row, l, &cap);
        uint32_t kept = hnsw_select(b, s, s->pool, n, l ? cap : hnsw_own_links(b->graph.m), chosen);
        write_list(list, cap, chosen, kept);
    }
}

/* Behind a row's choice out[0, kept), the neighbours it had and did not choose that link it, best
 * first as in s->pool[0, n), as many as fit. Only from the row's own list do they go. */
static void keep_who_links(hnsw_build *b, const hnsw_scratch *s, uint32_t row, size_t n,
                           uint32_t kept, uint32_t *out)
{
    uint32_t cap, back_cap, at = hnsw_own_links(b->graph.m), length;
    const uint32_t *list = hnsw_build_list(b, row, 0, &cap);

    length = hnsw_list_length(list, cap);
    for (size_t i = 0; i < n && at < cap; i++) {
        uint32_t to = s->pool[i].row;
        if (!holds(list, length, to) || holds(out, kept, to))
            continue;
        const uint32_t *back = hnsw_build_list(b, to, 0, &back_cap);
        if (holds(back, back_cap, row))
            out[at++] = to;
    }
}

/* Choose anew, into out[2 m] as insert_job.staged has it. */
static void refine_row(insert_job *j, hnsw_scratch *s, const row_place *place, uint32_t *out)
{
    hnsw_build *b = j->b;
    uint32_t row = place->row, cap, *rows = s->rows, own = hnsw_own_links(b->graph.m);
    const uint32_t *list = hnsw_build_list(b, row, 0, &cap);
    vector_query q = hnsw_row_query(b, row, s->query), walk = walk_query(b, s, row);
    hnsw_candidate start = {vector_score_row(b->kernels, &b->walk, &walk, row), row};

    search_layer(b, s, &b->walk, &walk, start, 0, j->ef + 1);
    if (s->keys.n <= j->ef) { /* an island that deleted rows left */
        start.row = place->start;
        start.score = vector_score_row(b->kernels, &b->walk, &walk, start.row);
        search_layer(b, s, &b->walk, &walk, start, 0, j->ef + 1);
    }
    size_t n = rows_found(s, row, j->mends, rows), found = n;
    for (uint32_t i = 0; i < cap && list[i] != HNSW_NONE; i++)
        if (!holds(rows, (uint32_t)found, list[i]))
            rows[n++] = list[i];
    rank_rows(b, s, &q, rows, n);
    uint32_t kept = s->failed ? 0 : hnsw_select(b, s, s->pool, n, own, out);
    for (uint32_t i = kept; i < cap; i++)
        out[i] = HNSW_NONE;
    if (j->mends && !s->failed)
        keep_who_links(b, s, row, n, kept, out);
}

static void choose_task(void *ctx, size_t task, size_t worker)
{
    insert_job *j = ctx;
    hnsw_scratch *s = &j->b->scratch[worker];
    uint32_t first = (uint32_t)task * TASK_ROWS;

    for (uint32_t i = first; i < first + TASK_ROWS && i < j->n && !s->failed; i++) {
        if (j->staged)
            refine_row(j, s, &j->rows[i], j->staged + (size_t)i * 2 * j->b->graph.m);
        else
            insert_row(j, s, &j->rows[i]);
    }
}

/* ---- phase two: links back ---- */

/* Take the chain of links of `row` into its list. Where they don't fit, choose anew among all. */
static void take_links(insert_job *j, hnsw_scratch *s, uint32_t row)
{
    hnsw_build *b = j->b;
    uint32_t cap, *rows = s->rows;
    uint32_t *list = hnsw_build_list(b, row, j->layer, &cap);
    uint32_t old = hnsw_list_length(list, cap), n = old;

    memcpy(rows, list, n * sizeof *rows);
    for (uint32_t at = j->head[row]; at != HNSW_NONE && n < s->pool_cap; at = j->next[at])
        if (!holds(list, old, j->from[at]))
            rows[n++] = j->from[at];
    j->head[row] = HNSW_NONE;
    if (n <= cap) {
        write_list(list, cap, rows, n);
        return;
    }
    vector_query q = hnsw_row_query(b, row, s->query);
    uint32_t chosen[PART];
    rank_rows(b, s, &q, rows, n);
    if (!s->failed)
        write_list(list, cap, chosen, hnsw_select(b, s, s->pool, n, cap, chosen));
}

static void take_task(void *ctx, size_t task, size_t worker)
{
    insert_job *j = ctx;
    uint32_t first = (uint32_t)task * TASK_ROWS;

    for (uint32_t i = first; i < first + TASK_ROWS && i < j->n_targets; i++)
        take_links(j, &j->b->scratch[worker], j->target[i]);
}

/* Chain the batch's links on one layer by the row they lead to, each chain in the batch's order. */
static void chain_links(insert_job *j, uint32_t layer)
{
    hnsw_build *b = j->b;
    uint32_t links = 0;

    j->layer = layer;
    j->n_targets = 0;
    for (uint32_t i = j->n; i-- > 0;) {
        uint32_t cap, row = j->rows[i].row;
        if (b->level[row] < layer)
            continue;
        const uint32_t *list = hnsw_build_list(b, row, layer, &cap);
        if (j->staged)
            list = j->staged + (size_t)i * 2 * b->graph.m;
        if (layer == 0)
            cap = hnsw_own_links(b->graph.m);
        for (uint32_t k = 0; k < cap && list[k] != HNSW_NONE; k++) {
            if (j->head[list[k]] == HNSW_NONE)
                j->target[j->n_targets++] = list[k];
            j->from[links] = row;
            j->next[links] = j->head[list[k]];
            j->head[list[k]] = links++;
        }
    }
}

/* fn over n rows, TASK_ROWS a task. */
static cairn_status run_tasks(hnsw_build *b, uint32_t n, pool_task *fn, void *ctx, pool *workers,
                              cairn_error *err)
{
    cairn_status st =
        pace_run(b->params.pace, workers, ((size_t)n + TASK_ROWS - 1) / TASK_ROWS, fn, ctx, err);

    for (size_t i = 0; i < b->n_scratch && !st; i++)
        if (b->scratch[i].failed)
            st = cairn_fail(err, CAIRN_ENOMEM, "building a graph of %" PRIu32 " rows",
                            b->graph.rows);
    return st;
}

/* Put the second pass's choices into the graph. */
static void write_staged(const insert_job *j)
{
    for (uint32_t i = 0; i < j->n; i++) {
        uint32_t cap, n = 0, *list = hnsw_build_list(j->b, j->rows[i].row, 0, &cap);
        const uint32_t *out = j->staged + (size_t)i * cap;
        for (uint32_t k = 0; k < cap; k++)
            if (out[k] != HNSW_NONE)
                list[n++] = out[k];
        while (n < cap)
            list[n++] = HNSW_NONE;
    }
}

static cairn_status run_batch(insert_job *j, pool *workers, cairn_error *err)
{
    hnsw_build *b = j->b;
    uint32_t top = 0;
    cairn_status st = run_tasks(b, j->n, choose_task, j, workers, err);

    if (st)
        return st;
    if (j->staged)
        write_staged(j);
    for (uint32_t i = 0; !j->staged && i < j->n; i++)
        if (b->level[j->rows[i].row] > top)
            top = b->level[j->rows[i].row];
    for (uint32_t l = 0; l <= top && !st; l++) {
        chain_links(j, l);
        st = run_tasks(b, j->n_targets, take_task, j, workers, err);
    }
    return st;
}

/* ---- the whole ---- */

typedef struct place_job {
    hnsw_build *b;
    const uint32_t *rows;
    row_place *places;
    uint32_t n;
} place_job;

static void place_task(void *ctx, size_t task, size_t worker)
{
    place_job *j = ctx;
    uint32_t first = (uint32_t)task * TASK_ROWS;

    for (uint32_t i = first; i < first + TASK_ROWS && i < j->n; i++) {
        j->places[i].row = j->rows[i];
        place_row(j->b, &j->b->scratch[worker], &j->places[i]);
    }
}

static int by_path(const void *pa, const void *pb, void *ctx)
{
    const row_place *a = pa, *b = pb;

    (void)ctx;
    return a->path != b->path ? (a->path > b->path) - (a->path < b->path)
                              : (a->row > b->row) - (a->row < b->row);
}

/* rows[0, n) as places, region by region. */
static cairn_status place_rows(insert_job *j, const uint32_t *rows, uint32_t n, row_place *places,
                               pool *workers, cairn_error *err)
{
    place_job job = {j->b, rows, places, n};
    cairn_status st = run_tasks(j->b, n, place_task, &job, workers, err);

    j->rows = places;
    return st ? st : pace_sort(places, n, sizeof *places, by_path, NULL, j->b->params.pace, err);
}

static cairn_status insert_all(insert_job *j, row_place *places, pool *workers, cairn_error *err)
{
    hnsw_build *b = j->b;
    uint32_t in = b->graph.rows - b->n_order;
    cairn_status st = CAIRN_OK;

    for (uint32_t at = 0; at < b->n_order && !st; at += j->n, in += j->n) {
        j->n = in / GROWTH ? in / GROWTH : 1;
        j->n = j->n < BATCH_ROWS ? j->n : BATCH_ROWS;
        j->n = j->n < b->n_order - at ? j->n : b->n_order - at;
        st = place_rows(j, b->order + at, j->n, places, workers, err);
        if (!st)
            st = run_batch(j, workers, err);
    }
    return st;
}

static cairn_status refine_all(insert_job *j, const uint32_t *rows, uint32_t n, row_place *places,
                               pool *workers, cairn_error *err)
{
    cairn_status st = place_rows(j, rows, n, places, workers, err);

    for (uint32_t at = 0; at < n && !st; at += j->n) {
        j->n = n - at < REFINE_ROWS ? n - at : REFINE_ROWS;
        j->rows = places + at;
        st = run_batch(j, workers, err);
    }
    return st;
}

cairn_status hnsw_insert(hnsw_build *b, pool *workers, cairn_error *err)
{
    uint32_t own = hnsw_own_links(b->graph.m), all = b->n_order + b->n_stale,
             most = all < REFINE_ROWS ? all : REFINE_ROWS;
    size_t efc = b->params.ef_construction;
    bool mends = b->n_order <= b->graph.rows / 2;
    insert_job j = {.b = b, .mends = mends, .ef = mends ? (efc + 15) / 16 : (efc + 1) / 2};
    uint32_t *staged = NULL;
    cairn_status st;

    row_place *places = checked_malloc(all, sizeof *places);
    j.head = checked_malloc(b->graph.rows, sizeof *j.head);
    j.next = checked_malloc((size_t)most * own, sizeof *j.next);
    j.from = checked_malloc((size_t)most * own, sizeof *j.from);
    j.target = checked_malloc((size_t)most * own, sizeof *j.target);
    staged = checked_malloc((size_t)most * 2 * b->graph.m, sizeof *staged);
    if (!places || !j.head || !j.next || !j.from || !j.target || !staged) {
        st = cairn_fail(err, CAIRN_ENOMEM, "building a graph of %" PRIu32 " rows", b->graph.rows);
    } else {
        memset(j.head, 0xff, (size_t)b->graph.rows * sizeof *j.head);
        st = insert_all(&j, places, workers, err);
        j.staged = staged;
        j.ef = mends ? (7 * efc + 15) / 16 : (efc + 1) / 2;
        if (!st)
            st = refine_all(&j, b->order, all, places, workers, err);
    }
    free(j.head);
    free(j.next);
    free(j.from);
    free(j.target);
    free(staged);
    free(places);
    return st;
}

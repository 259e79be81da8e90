/* search.c - the best k rows without scoring all of them.
 *
 * Rows are taken in windows. For each window every group has an upper bound from the blocks that it
 * overlaps. With the groups in order of their bounds, those at the low end whose bounds together
 * cannot lift a row above the k-th best score so far are "non-essential" (MaxScore: Turtle and
 * Flood 1995; with block maxima: Ding and Suel 2011): a row that only they match cannot enter.
 *
 *   1. The essential groups are added up in bulk, block by block, into one sum per row. When only
 * one is essential its blocks are asked one by one: with the others' bounds in just its rows, can
 *      any of them enter? Most need not be decoded then (block-max WAND's question, asked by block
 *      and not by row).
 *   2. Rows whose sum plus all the bounds left is above the floor are candidates; deleted and
 *      filtered rows go.
 *   3. The other groups are looked up for the candidates alone, highest bound first, unless the
 * bound of a candidate's own block rules it out, and after each the candidates that cannot make it
 * any more go.
 *
 * How far a window reaches follows from how many rows of the essential groups it is to hold: 4,096
 * rows where they are dense, more where they are sparse.
 *
 * With MUST groups the one with the fewest rows is the only essential one and the others are looked
 * up first, dropping rows that lack them; MUST_NOT groups drop the rows that have them.
 *
 * Sums are integers, so their order does not matter, and every bound is an upper bound whatever
 * the weights: hence the same answer as exhaustive.c, ties included. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/search_list.h"
#include "index/lexical/top.h"

/* Postings of the essential groups that a window is to hold, and of a single one. */
#define WINDOW_POSTINGS 512
#define SPAN_POSTINGS   2048

typedef struct group {
    const query_group *q;
    list *lists;
    size_t n;
    int32_t most, bound; /* in the segment, in the window */
    uint64_t rows;
} group;

typedef struct segment_search {
    const query_plan *plan;
    const lexical_segment *seg;
    uint32_t index; /* of the segment */
    uint32_t base;  /* rows of the segments before it */
    group *groups;  /* as in the plan */
    group **order;  /* positive ones by rising bound in the window */
    group **rank;   /* the same by rising bound in the segment */
    group *lead;    /* the MUST group of fewest rows, NULL without one */
    bool several;   /* a positive group has several lists */
    float **share;  /* [planes of the plan]: see list.share; NULL: not made yet */
    list_scratch *scratch;
    top *top;
    arena *memory;
    cairn_error *err;
} segment_search;

static cairn_status no_memory(segment_search *s)
{
    return cairn_fail(s->err, CAIRN_ENOMEM, "no memory to search");
}

/* ---- open ---- */

static cairn_status open_phrase(segment_search *s, list *l, const query_alt *alt)
{
    phrase_match *m;
    size_t n, room;
    uint32_t *row;
    float *tf;
    cairn_status st =
        phrase_find(s->plan, s->seg->reader, s->index, alt, l->plane->mask, &m, &n, s->err);

    if (st || !n)
        return st;
    room = (n + 15) & ~(size_t)15;
    row = aligned_in(s->memory, room * sizeof *row);
    tf = aligned_in(s->memory, room * sizeof *tf);
    if (!row || !tf)
        return no_memory(s);
    for (size_t i = 0; i < room; i++) {
        const phrase_match *x = &m[i < n ? i : n - 1];
        row[i] = x->row;
        tf[i] = 0;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            tf[i] = tf[i] + l->plane->weight[f] * (float)x->tf[f];
    }
    return list_flat(s->scratch, s->memory, l, row, tf, (uint32_t)n);
}

static cairn_status open_word(segment_search *s, list *l, uint32_t plane, const dict_term *t)
{
    if (!s->share[plane]) {
        s->share[plane] = arena_alloc(s->memory, 256 * sizeof(float));
        if (!s->share[plane])
            return no_memory(s);
        list_carry_bounds(s->seg->reader, l->plane, s->share[plane]);
    }
    return list_open(s->scratch, s->memory, l, s->seg->reader, t, s->share[plane]);
}

static cairn_status open_group(segment_search *s, group *g)
{
    const query_plan *plan = s->plan;
    const query_plane *plane = &plan->planes[g->q->plane];
    const uint8_t *codes;
    cairn_status st = query_codes(plan, plane, s->seg->reader, &codes, s->err);

    g->lists = arena_calloc(s->memory, g->q->n_alts, sizeof *g->lists);
    if (!st && !g->lists)
        st = no_memory(s);
    for (size_t i = 0; i < g->q->n_alts && !st; i++) {
        const query_alt *alt = &g->q->alts[i];
        const dict_term *t =
            alt->n ? &plan->found[s->index * plan->n_terms + alt->words[0].term] : NULL;
        list *l = &g->lists[g->n];
        *l = (list){.ps = {codes, alt->w, plane->k0, plane->k1}, .plane = plane};
        if (g->q->expansion) {
            const expansion_list *in = &g->q->expansion->in[s->index];
            if (in->n_rows)
                st = list_flat(s->scratch, s->memory, l, in->row, in->tf, in->n_rows);
        } else if (alt->n > 1 || alt->n_spans) {
            st = open_phrase(s, l, alt);
        } else if (t->df) {
            st = open_word(s, l, g->q->plane, t);
        }
        if (st || !l->rows)
            continue;
        g->most = l->most > g->most ? l->most : g->most;
        g->rows += l->rows;
        g->n++;
    }
    return st;
}

/* Open every group; *none is set when no row of the segment can match. */
static cairn_status open_groups(segment_search *s, bool *none)
{
    const query_plan *plan = s->plan;
    cairn_status st = CAIRN_OK;

    s->groups = arena_calloc(s->memory, plan->n_groups, sizeof *s->groups);
    s->order = arena_calloc(s->memory, plan->n_positive, sizeof *s->order);
    s->rank = arena_calloc(s->memory, plan->n_positive, sizeof *s->rank);
    s->share = arena_calloc(s->memory, plan->n_planes, sizeof *s->share);
    s->lead = NULL;
    s->several = false;
    *none = false;
    if (!s->groups || !s->order || !s->rank || !s->share)
        return no_memory(s);
    for (size_t i = 0; i < plan->n_groups && !st; i++) {
        group *g = &s->groups[i];
        g->q = &plan->groups[i];
        st = open_group(s, g);
        if (i < plan->n_positive) {
            size_t j = i;
            for (; j && s->rank[j - 1]->most > g->most; j--)
                s->rank[j] = s->rank[j - 1];
            s->rank[j] = s->order[i] = g;
            s->several = s->several || g->n > 1;
        }
        if (g->q->occur != LEXICAL_MUST)
            continue;
        if (!g->n) {
            *none = true; /* a word this segment lacks */
            return st;
        }
        if (!s->lead || g->rows < s->lead->rows)
            s->lead = g;
    }
    return st;
}

/* ---- a window ---- */

typedef struct window {
    uint32_t lo, hi;
    int32_t floor; /* a row must score above it */
    int64_t left;  /* bounds of the groups still to come */
    size_t n;      /* candidates */
} window;

static cairn_status add_group(const segment_search *s, group *g, const window *w, uint64_t *marks)
{
    const list_scratch *x = s->scratch;
    uint32_t rows = w->hi - w->lo;
    cairn_status st = CAIRN_OK;

    if (g->n == 1)
        return list_add_rows(x, &g->lists[0], w->lo, w->hi, x->sums, false, marks);
    for (size_t i = 0; i < g->n && !st; i++) /* of at most WINDOW rows: see span_of */
        st = list_add_rows(x, &g->lists[i], w->lo, w->hi, x->single, true, NULL);
    for (uint32_t i = 0; i < rows; i++) {
        x->sums[i] += x->single[i];
        x->single[i] = 0;
    }
    return st;
}

/* What the groups but g can add in rows [from, to) of the window. */
static int64_t others_near(segment_search *s, const group *g, uint32_t from, uint32_t to)
{
    int64_t all = 0;

    for (size_t i = 0; i < s->plan->n_positive; i++) {
        group *o = s->order[i];
        int32_t most = 0;
        if (o == g || !o->bound)
            continue;
        for (size_t j = 0; j < o->n; j++) {
            list *l = &o->lists[j];
            int32_t bound = l->p ? list_bound_near(l, from, to) : list_bound(l, to);
            most = bound > most ? bound : most;
        }
        all += most;
    }
    return all;
}

/* Candidates of a window straight from the one list that is essential. The window ends early when
 * there would be more of them than there is room for. */
static cairn_status take_list(segment_search *s, group *g, window *w)
{
    list_scratch *x = s->scratch;
    list *l = &g->lists[0];
    const uint32_t *row = l->row;
    const int32_t *score = l->score;
    uint32_t i = l->at, n = l->rows;
    int64_t need = w->floor - w->left;
    size_t out = 0;

    for (uint32_t b = l->first;; b++) {
        if (l->p) {
            uint32_t from = b ? postings_last(l->p, b - 1) + 1 : 0, to;
            cairn_status st;
            if (b >= l->p->n_blocks || from >= w->hi)
                break;
            to = postings_last(l->p, b) + 1;
            if (out + BLOCK > WINDOW_MAX) {
                w->hi = from > w->lo ? from : w->lo + 1;
                break;
            }
            from = from > w->lo ? from : w->lo;
            to = to < w->hi ? to : w->hi;
            if (to > from)
                need = w->floor - others_near(s, g, from, to);
            if (list_bound_of(l, postings_bound(l->p, b)) <= need)
                continue;
            st = list_score_block(x, l, b);
            if (st)
                return st;
            row = l->p->doc;
            score = l->block_score;
            n = l->p->n;
            for (i = 0; i < n && row[i] < w->lo;)
                i++;
        }
        need = need > 0 ? need : 0;
        for (; i < n && row[i] < w->hi; i++) {
            if (out == WINDOW_MAX) { /* of a flat list */
                w->hi = row[i];
                break;
            }
            x->idx[out] = (uint16_t)(row[i] - w->lo);
            x->cand[out] = score[i];
            out += score[i] > need;
        }
        if (!l->p)
            break;
    }
    w->n = out;
    return CAIRN_OK;
}

/* Of the n candidates keep those that are neither deleted nor filtered out. */
static size_t keep_live(const segment_search *s, uint32_t lo, size_t n)
{
    const uint64_t *deleted = s->seg->deleted, *allowed = s->seg->allowed;
    list_scratch *x = s->scratch;
    size_t kept = 0;

    if (!deleted && !allowed)
        return n;
    for (size_t j = 0; j < n; j++) {
        uint32_t row = lo + x->idx[j];
        if ((deleted && row_set_has(deleted, row)) || (allowed && !row_set_has(allowed, row)))
            continue;
        x->idx[kept] = x->idx[j];
        x->cand[kept++] = x->cand[j];
    }
    return kept;
}

/* Steps 1 and 2: candidates from the essential groups g[0..n). */
static cairn_status find_candidates(segment_search *s, group *const *g, size_t n, window *w)
{
    list_scratch *x = s->scratch;
    int64_t need = w->floor - w->left;
    int32_t floor = need > 0 ? (int32_t)need : 0;
    uint64_t rows = 0, *marks = NULL;
    cairn_status st = CAIRN_OK;

    while (n && !g[0]->bound) { /* in order of their bounds, so that these have no rows here */
        g++;
        n--;
    }
    if (n == 1 && g[0]->n == 1) {
        st = take_list(s, g[0], w);
    } else {
        uint32_t most = s->several ? WINDOW : WINDOW_MAX;
        w->hi = w->hi - w->lo > most ? w->lo + most : w->hi;
        for (size_t i = 0; i < n; i++)
            rows += g[i]->rows;
        /* Marking costs about as much as adding; worth it where few groups of 16 are touched. */
        if (!s->several && rows * 32 < s->seg->reader->n_rows)
            marks = x->marks;
        for (size_t i = 0; i < n && !st; i++)
            st = add_group(s, g[i], w, marks);
        if (marks)
            w->n = x->k->above_marked(x->sums, marks, (w->hi - w->lo + 1023) / 1024, floor, x->idx,
                                      x->cand);
        else
            w->n = x->k->above(x->sums, (w->hi - w->lo + 15) & ~(size_t)15, floor, x->idx, x->cand);
    }
    if (!st)
        w->n = keep_live(s, w->lo, w->n);
    return st;
}

/* Step 3 for one group: keep the candidates that may still rise above the floor. */
static cairn_status refine(const segment_search *s, group *g, window *w)
{
    list_scratch *x = s->scratch;
    lexical_occur occur = g->q->occur;
    int64_t need = g->n == 1 && occur == LEXICAL_SHOULD ? w->floor - w->left : INT64_MIN;
    size_t kept = 0;
    cairn_status st = CAIRN_OK;

    memset(x->part, 0, w->n * sizeof *x->part);
    for (size_t i = 0; i < g->n && !st; i++)
        st = list_worth_adding(&g->lists[i], w->lo, w->hi, w->n)
                 ? list_pick(x, &g->lists[i], w->lo, w->hi, w->n)
                 : list_look_up(x, &g->lists[i], w->lo, w->n, need);
    if (st)
        return st;
    for (size_t j = 0; j < w->n; j++) {
        int32_t part = x->part[j], sum;
        if (occur == LEXICAL_MUST_NOT ? part != 0 : occur == LEXICAL_MUST && !part)
            continue;
        sum = x->cand[j] + (occur == LEXICAL_MUST_NOT ? 0 : part);
        x->idx[kept] = x->idx[j];
        x->cand[kept] = sum;
        kept += sum + w->left > w->floor;
    }
    w->n = kept;
    return CAIRN_OK;
}

/* Insertion sort: there are few groups, and they hardly move between windows. */
static void sort_groups(segment_search *s, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        group *g = s->order[i];
        size_t j = i;
        for (; j && s->order[j - 1]->bound > g->bound; j--)
            s->order[j] = s->order[j - 1];
        s->order[j] = g;
    }
}

/* Bounds of the window; false when no row of it can enter. */
static bool bound_groups(segment_search *s, window *w)
{
    w->left = 0;
    for (size_t i = 0; i < s->plan->n_positive; i++) {
        group *g = &s->groups[i];
        g->bound = 0;
        for (size_t j = 0; j < g->n; j++) {
            int32_t bound = list_bound(&g->lists[j], w->hi);
            g->bound = bound > g->bound ? bound : g->bound;
        }
        if (g->q->occur == LEXICAL_MUST && !g->bound)
            return false;
        w->left += g->bound;
    }
    return w->left > w->floor;
}

/* Search a window; it may end before w->hi, which then is lowered. */
static cairn_status search_window(segment_search *s, window *w)
{
    const query_plan *plan = s->plan;
    size_t n = plan->n_positive, essential = 0;
    cairn_status st = CAIRN_OK;

    if (!bound_groups(s, w))
        return CAIRN_OK;
    if (s->lead) {
        w->left -= s->lead->bound;
        st = find_candidates(s, &s->lead, 1, w);
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < n && w->n && !st; i++) {
                group *g = &s->groups[i];
                if (g == s->lead || (g->q->occur == LEXICAL_MUST) == pass || !g->bound)
                    continue;
                w->left -= g->bound;
                st = refine(s, g, w);
            }
    } else {
        int64_t below = 0;
        sort_groups(s, n);
        while (essential < n && below + s->order[essential]->bound <= w->floor)
            below += s->order[essential++]->bound;
        w->left = below;
        st = find_candidates(s, s->order + essential, n - essential, w);
        for (size_t i = essential; i-- && w->n && !st;) {
            if (!s->order[i]->bound)
                break;
            w->left -= s->order[i]->bound;
            st = refine(s, s->order[i], w);
        }
    }
    w->left = 0;
    for (size_t i = n; i < plan->n_groups && w->n && !st; i++)
        st = refine(s, &s->groups[i], w);
    for (size_t j = 0; j < w->n && !st; j++)
        top_add(s->top, s->scratch->cand[j], s->base + w->lo + s->scratch->idx[j]);
    return st;
}

/* ---- a segment ---- */

/* The first row from `from` on at which a window is worth a look; enters the lists there. */
static uint32_t next_row(segment_search *s, uint32_t from)
{
    const query_plan *plan = s->plan;
    uint32_t must = from, any = UINT32_MAX;
    int64_t below = 0;

    for (size_t i = 0; i < plan->n_groups; i++) {
        group *g = i < plan->n_positive ? s->rank[i] : &s->groups[i];
        uint32_t next = UINT32_MAX;
        for (size_t j = 0; j < g->n; j++) {
            uint32_t at;
            list_enter(&g->lists[j], from);
            at = list_next(&g->lists[j], from);
            next = at < next ? at : next;
        }
        if (g->q->occur == LEXICAL_MUST) {
            must = next > must ? next : must;
        } else if (g->q->occur == LEXICAL_SHOULD) {
            /* Groups that cannot reach the floor together need no visit of their own. */
            if (below + g->most <= s->top->floor)
                below += g->most;
            else
                any = next < any ? next : any;
        }
    }
    return plan->n_must ? must : any;
}

/* Where the window that begins at lo is to end, by the groups that are essential in the segment. */
static uint32_t span_of(const segment_search *s, uint32_t lo)
{
    uint32_t n_rows = s->seg->reader->n_rows;
    size_t n = s->plan->n_positive, i = 0;
    int64_t below = 0;
    uint64_t rows = 0, span;
    group *one = s->lead;

    if (!one) {
        while (i < n && below + s->rank[i]->most <= s->top->floor)
            below += s->rank[i++]->most;
        one = n - i == 1 ? s->rank[i] : NULL;
    }
    if (one && one->n == 1) {
        span = list_span(&one->lists[0], lo, SPAN_POSTINGS) - lo;
    } else {
        for (; i < n; i++)
            rows += s->rank[i]->rows;
        span = WINDOW_POSTINGS * (uint64_t)n_rows / (rows + 1);
        span = span > WINDOW_MAX ? WINDOW_MAX : span;
        span = span < WINDOW || s->several ? WINDOW : span & ~63u;
    }
    return n_rows - lo > span ? lo + (uint32_t)span : n_rows;
}

static cairn_status search_segment(segment_search *s)
{
    uint32_t n_rows = s->seg->reader->n_rows, lo = 0;
    bool none;
    cairn_status st = open_groups(s, &none);

    while (!none && !st && (lo = next_row(s, lo)) < n_rows) {
        window w = {.lo = lo, .floor = s->top->floor};
        for (size_t i = 0; i < s->plan->n_groups; i++)
            for (size_t j = 0; j < s->groups[i].n; j++)
                list_enter(&s->groups[i].lists[j], lo);
        w.hi = span_of(s, lo);
        st = search_window(s, &w);
        lo = w.hi;
    }
    return st;
}

/* ---- all segments ---- */

cairn_status lexical_search(analyzer *a, const lexical_segment *segments, size_t n,
                            const lexical_query *query, const lexical_params *params, size_t k,
                            lexical_hit *hits, size_t *n_hits, cairn_error *err)
{
    analyzer *own = NULL;
    lexical_params defaults;
    query_plan plan;
    arena memory;
    lexical_hit *found = hits;
    size_t rows = 0, deep;
    const lexical_segment *narrow = segments;
    top best = {0};
    list_scratch scratch;
    segment_search s = {
        .plan = &plan, .scratch = &scratch, .top = &best, .memory = &memory, .err = err};
    cairn_status st = CAIRN_OK;

    *n_hits = 0;
    lexical_params_default(&defaults);
    params = params ? params : &defaults;
    arena_init(&memory, QUERY_MEMORY_MAX);
    if (!a) {
        st = analyzer_create(&own, err);
        a = own;
    }
    if (!st)
        st = query_plan_make(&plan, &memory, a, segments, n, query, params, err);
    for (size_t i = 0; i < n; i++)
        rows += segments[i].reader->n_rows;
    k = k < rows ? k : rows;
    if (!st)
        st = boolean_narrow(&plan, segments, n, &narrow, err);
    if (st || !k || (!plan.n_positive && !plan.n_trees))
        goto done;
    deep = proximity_depth(&plan, params, k);
    if (deep > k) {
        deep = deep < rows ? deep : rows;
        found = arena_calloc(&memory, deep, sizeof *found);
        if (!found) {
            st = no_memory(&s);
            goto done;
        }
    }
    st = rows <= UINT32_MAX ? top_init(&best, deep, err)
                            : cairn_fail(err, CAIRN_ELIMIT, "more than 4 G rows in one search");
    if (!st)
        st = list_scratch_make(&scratch, &memory, err);
    for (size_t i = 0; i < n && plan.n_positive && !st; i++) {
        s.seg = &narrow[i];
        s.index = (uint32_t)i;
        st = search_segment(&s);
        s.base += segments[i].reader->n_rows;
    }
    if (!st) {
        size_t n_found = top_take(&best, segments, plan.scale, found);
        st = proximity_rescore(&plan, segments, params, found, n_found, err);
        *n_hits = n_found < k ? n_found : k;
        if (found != hits)
            memcpy(hits, found, *n_hits * sizeof *hits);
    }
    if (!st)
        st = boolean_rest(&plan, narrow, n, k, hits, n_hits, err);
done:
    top_clear(&best);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}

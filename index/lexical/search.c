/* search.c - the best k rows without scoring all of them.
 *
 * Rows are taken in windows. For each window every group has an upper bound from the block maxima
 * it overlaps. With the groups in order of their bounds, those at the low end whose bounds together
 * cannot lift a row above the k-th best score so far are "non-essential" (MaxScore: Turtle and
 * Flood 1995; with block maxima: Ding and Suel 2011): a row that only they match cannot enter.
 *
 *   1. The essential groups are added up in bulk, block by block, into one sum per row.
 *   2. Rows whose sum plus all the bounds left is above the floor are candidates; deleted and
 *      filtered rows go.
 *   3. The other groups are looked up for the candidates alone, highest bound first, and after
 *      each the candidates that cannot make it any more go.
 *
 * With MUST groups the one with the fewest rows is the only essential one and the others are looked
 * up first, dropping rows that lack them; MUST_NOT groups drop the rows that have them.
 *
 * Sums are integers, so their order does not matter, and every bound is an upper bound whatever
 * the weights: hence the same answer as exhaustive.c, ties included. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"
#include "index/lexical/top.h"

#define WINDOW 4096
#define NO_BLOCK    UINT32_MAX

/* One alternative in one segment: decoded at once when it is short or a phrase, else by blocks. */
typedef struct list {
    pack_score ps;
    const query_plane *plane;
    int32_t most;  /* upper bound of any score in it */
    uint32_t rows; /* df */
    /* flat */
    const uint32_t *row;
    const int32_t *score;
    uint32_t at; /* first row not below the window */
    /* by blocks; NULL when flat */
    postings *p;
    uint32_t first;       /* first block that ends in or after the window */
    uint32_t bound_block; /* block whose bound is kept */
    int32_t bound;
    const float *share; /* [256]: most of w for each code of a bound */
    uint32_t scored_block;
    int32_t *block_score; /* [BLOCK] */
} list;

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
    const pack_kernels *k;
    group *groups;   /* as in the plan */
    group **order;   /* positive ones by rising bound */
    int32_t *sums;   /* [WINDOW] */
    int32_t *single; /* [WINDOW], for groups of several lists */
    uint16_t *idx;   /* candidates, [WINDOW + 16] */
    int32_t *cand;   /* their sums */
    int32_t *part;   /* what a group adds to each */
    float *tf;       /* [BLOCK] */
    float **share;   /* [planes of the plan]; NULL: not made yet */
    top *top;
    arena *memory;
    cairn_error *err;
} segment_search;

/* ---- one list ---- */

/* Frequencies of the decoded block under the plane's weights. */
static void weigh_block(const segment_search *s, const list *l, const postings *p)
{
    int add = 0;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (p->fields >> f & 1 && l->plane->weight[f] > 0) {
            s->k->weigh(p->tf[f], l->plane->weight[f], add, s->tf);
            add = 1;
        }
    if (!add)
        memset(s->tf, 0, BLOCK * sizeof *s->tf);
}

/* Decode block b and its scores. */
static cairn_status score_block(const segment_search *s, list *l, uint32_t b)
{
    postings *p = l->p;
    cairn_status st;

    if (l->scored_block == b && p->block == b)
        return CAIRN_OK;
    l->scored_block = NO_BLOCK;
    st = postings_block(p, b, s->err);
    if (!st)
        st = postings_tf(p, s->err);
    if (st)
        return st;
    weigh_block(s, l, p);
    s->k->score(&l->ps, p->doc, s->tf, p->n, l->block_score);
    l->scored_block = b;
    return CAIRN_OK;
}

/* The most a posting with this share can score. */
static inline int32_t bound_of(const list *l, uint8_t code)
{
    return (int32_t)(l->ps.w * l->share[code] * 1.000001f) + 2;
}

/* Move `first` to the window that begins at lo. */
static inline void list_enter(list *l, uint32_t lo)
{
    if (!l->p) {
        while (l->at < l->rows && l->row[l->at] < lo)
            l->at++;
        return;
    }
    while (l->first < l->p->n_blocks && postings_last(l->p, l->first) < lo)
        l->first++;
}

/* Upper bound of block b, kept for the next question. */
static inline int32_t block_bound(list *l, uint32_t b)
{
    if (l->bound_block != b) {
        l->bound = bound_of(l, postings_bound(l->p, b));
        l->bound_block = b;
    }
    return l->bound;
}

/* Upper bound in [lo, hi), after list_enter(lo); 0 = no row there. */
static int32_t list_bound(list *l, uint32_t lo, uint32_t hi)
{
    int32_t most = 0;

    if (!l->p)
        return l->at < l->rows && l->row[l->at] < hi ? l->most : 0;
    for (uint32_t b = l->first; b < l->p->n_blocks; b++) {
        uint32_t before = b ? postings_last(l->p, b - 1) : 0;
        if (b && before + 1 >= hi)
            break;
        if (block_bound(l, b) > most)
            most = l->bound;
    }
    return most;
}

/* A row at or above `from` below which the list has none in [from, it); after list_enter(from). */
static uint32_t list_next(const list *l, uint32_t from)
{
    if (!l->p)
        return l->at < l->rows ? l->row[l->at] : UINT32_MAX;
    if (l->first >= l->p->n_blocks)
        return UINT32_MAX;
    if (l->first && postings_last(l->p, l->first - 1) >= from) {
        uint32_t last = postings_last(l->p, l->first - 1);
        return last < UINT32_MAX ? last + 1 : last;
    }
    return from;
}

/* Add the list's scores in [lo, hi) to sums, or raise sums to them. */
static cairn_status list_add_window(const segment_search *s, list *l, uint32_t lo, uint32_t hi,
                                    int32_t *sums, bool raise)
{
    const uint32_t *row = l->row;
    const int32_t *score = l->score;
    uint32_t i = l->at, n = l->rows;

    for (uint32_t b = l->first;; b++) {
        if (l->p) {
            cairn_status st;
            if (b >= l->p->n_blocks || (b && postings_last(l->p, b - 1) + 1 >= hi))
                break;
            st = score_block(s, l, b);
            if (st)
                return st;
            row = l->p->doc;
            score = l->block_score;
            n = l->p->n;
            i = 0;
            if (row[0] < lo)
                while (i < n && row[i] < lo)
                    i++;
        }
        if (raise) {
            for (; i < n && row[i] < hi; i++)
                if (sums[row[i] - lo] < score[i])
                    sums[row[i] - lo] = score[i];
        } else if (n && row[n - 1] < hi) {
            for (; i < n; i++)
                sums[row[i] - lo] += score[i];
        } else {
            for (; i < n && row[i] < hi; i++)
                sums[row[i] - lo] += score[i];
        }
        if (!l->p)
            break;
    }
    return CAIRN_OK;
}

/* Candidates straight from a list that is alone: its rows in [lo, hi) that score above `floor` go
 * to idx and cand. */
static cairn_status list_take_window(const segment_search *s, list *l, uint32_t lo, uint32_t hi,
                                     int32_t floor, size_t *n_out)
{
    const uint32_t *row = l->row;
    const int32_t *score = l->score;
    uint32_t i = l->at, n = l->rows;
    size_t out = 0;

    for (uint32_t b = l->first;; b++) {
        if (l->p) {
            cairn_status st;
            if (b >= l->p->n_blocks || (b && postings_last(l->p, b - 1) + 1 >= hi))
                break;
            if (block_bound(l, b) <= floor)
                continue;
            st = score_block(s, l, b);
            if (st)
                return st;
            row = l->p->doc;
            score = l->block_score;
            n = l->p->n;
            for (i = 0; i < n && row[i] < lo;)
                i++;
        }
        for (; i < n && row[i] < hi; i++) {
            s->idx[out] = (uint16_t)(row[i] - lo);
            s->cand[out] = score[i];
            out += score[i] > floor;
        }
        if (!l->p)
            break;
    }
    *n_out = out;
    return CAIRN_OK;
}

/* Would adding the list's whole window up cost less than n look-ups? (About 1 ns a posting against
 * 6 a look-up, measured.) */
static bool worth_adding(const list *l, uint32_t hi, size_t n)
{
    size_t postings = 0;

    if (!l->p)
        return false;
    for (uint32_t b = l->first; b < l->p->n_blocks && postings <= 4 * n; b++) {
        if (b && postings_last(l->p, b - 1) + 1 >= hi)
            break;
        postings += BLOCK;
    }
    return postings <= 4 * n;
}

/* The same as list_look_up by adding the window up. */
static cairn_status list_pick(const segment_search *s, list *l, uint32_t lo, uint32_t hi, size_t n)
{
    cairn_status st = list_add_window(s, l, lo, hi, s->single, true);

    for (size_t j = 0; j < n; j++) {
        int32_t v = s->single[s->idx[j]];
        s->part[j] = v > s->part[j] ? v : s->part[j];
    }
    memset(s->single, 0, WINDOW * sizeof *s->single);
    return st;
}

/* Raise part[j] to the list's score of row lo + idx[j], for the n ascending candidates. */
static cairn_status list_look_up(const segment_search *s, list *l, uint32_t lo, size_t n)
{
    uint32_t i = l->at, b = l->first;

    if (!l->p) {
        for (size_t j = 0; j < n; j++) {
            uint32_t want = lo + s->idx[j];
            while (i < l->rows && l->row[i] < want)
                i++;
            if (i == l->rows)
                break;
            if (l->row[i] == want && l->score[i] > s->part[j])
                s->part[j] = l->score[i];
        }
        return CAIRN_OK;
    }
    i = 0;
    for (size_t j = 0; j < n; j++) {
        uint32_t want = lo + s->idx[j], step;
        cairn_status st;
        if (b < l->p->n_blocks && postings_last(l->p, b) < want) {
            do
                b++;
            while (b < l->p->n_blocks && postings_last(l->p, b) < want);
            i = 0;
        }
        if (b == l->p->n_blocks)
            break;
        st = postings_block(l->p, b, s->err);
        if (st)
            return st;
        if (l->p->doc[i] > want)
            continue;
        for (step = 64; step; step >>= 1) /* last posting <= want, from i on */
            if (i + step < l->p->n && l->p->doc[i + step] <= want)
                i += step;
        if (l->p->doc[i] != want)
            continue;
        st = score_block(s, l, b);
        if (st)
            return st;
        if (l->block_score[i] > s->part[j])
            s->part[j] = l->block_score[i];
    }
    return CAIRN_OK;
}

/* ---- open ---- */

static cairn_status no_memory(segment_search *s)
{
    return cairn_fail(s->err, CAIRN_ENOMEM, "no memory to search");
}

/* Score decoded matches of a flat list. tf is [n rounded up to 16]. */
static cairn_status flat_scores(segment_search *s, list *l, const uint32_t *row, const float *tf,
                                uint32_t n)
{
    int32_t *score = arena_alloc(s->memory, ((size_t)n + 64) * sizeof *score);

    if (!score)
        return no_memory(s);
    score = (int32_t *)(((uintptr_t)score + 63) & ~(uintptr_t)63);
    s->k->score(&l->ps, row, tf, n, score);
    l->row = row;
    l->score = score;
    l->rows = n;
    l->most = 0;
    for (uint32_t i = 0; i < n; i++)
        l->most = score[i] > l->most ? score[i] : l->most;
    return CAIRN_OK;
}

static void *aligned(arena *a, size_t bytes)
{
    char *p = arena_alloc(a, bytes + 63);
    return p ? (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63) : NULL;
}

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
    row = aligned(s->memory, room * sizeof *row);
    tf = aligned(s->memory, room * sizeof *tf);
    if (!row || !tf)
        return no_memory(s);
    for (size_t i = 0; i < room; i++) {
        const phrase_match *x = &m[i < n ? i : n - 1];
        row[i] = x->row;
        tf[i] = 0;
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            tf[i] = tf[i] + l->plane->weight[f] * (float)x->tf[f];
    }
    return flat_scores(s, l, row, tf, (uint32_t)n);
}

static cairn_status open_expansion(segment_search *s, list *l, const query_expansion *x)
{
    const expansion_list *in = &x->in[s->index];

    return in->n_rows ? flat_scores(s, l, in->row, in->tf, in->n_rows) : CAIRN_OK;
}

/* Carry the codes of a segment's bounds over to the parameters of a plane: out[code] is the most of
 * tf / (tf + K) that a posting under that bound can have.
 *
 * The bound says tf / (tf + K) <= q, so K / tf >= 1 / q - 1. Under the plane tf grows at most r
 * times and K shrinks at most to s times, so K / tf >= (s / r) * (1 / q - 1). With lengths weighted
 * in the same proportions the codes of the rows are the same, and s is the lesser of the ratios of
 * the two parts of K. With others a length may shrink to rho times, and both codes are rounded: the
 * second part of K is at least 7/8 rho that of the bound, less what the roundings take at v0. */
static void carry_bounds(const lexical_reader *r, const query_plane *plane, float out[256])
{
    row_lengths own = row_lengths_of(r->weight, r->b);
    double typical = (double)bound_typical(r->typical, &own), tf = 0, s, rho = 1;
    double k0 = (double)(BOUND_K1 * BOUND_FIXED);
    double k1 = (double)(BOUND_K1 * (1 - BOUND_FIXED)) / typical;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        if (plane->weight[f] > 0)
            tf =
                fmax(tf, r->weight[f] > 0 ? (double)plane->weight[f] / (double)r->weight[f] : 1e30);
        if (own.ratio[f] > 0)
            rho = fmin(rho, (double)plane->lengths.ratio[f] / (double)own.ratio[f]);
    }
    if (!memcmp(own.ratio, plane->lengths.ratio, sizeof own.ratio)) {
        s = fmin((double)plane->k0 / k0, (double)plane->k1 / k1);
    } else if (rho > 0) {
        double v0 = (0.4375 * rho + 1.4375) / (0.875 * rho);
        s = fmin((double)plane->k0 / (k0 + k1 * v0), 0.875 * rho * (double)plane->k1 / k1);
    } else {
        s = 0;
    }
    s = tf > 0 ? s * 0.99999 / tf : 0;
    out[0] = 1;
    for (unsigned code = 1; code < 256; code++)
        out[code] = (float)(1 / (1 + s * (255.0 / code - 1)));
}

/* The table above for a plane, made once a segment. */
static const float *bounds_of(segment_search *s, uint32_t plane)
{
    if (!s->share[plane]) {
        s->share[plane] = arena_calloc(s->memory, 256, sizeof(float));
        if (s->share[plane])
            carry_bounds(s->seg->reader, &s->plan->planes[plane], s->share[plane]);
    }
    return s->share[plane];
}

static cairn_status open_word(segment_search *s, list *l, const dict_term *t)
{
    postings *p = aligned(s->memory, sizeof *p);
    cairn_status st;

    if (!p)
        return no_memory(s);
    st = postings_open(p, s->seg->reader, t, s->k, s->err);
    if (st)
        return st;
    l->rows = t->df;
    if (!p->skips) { /* short: decode it now */
        float *tf;
        st = postings_block(p, 0, s->err);
        if (!st)
            st = postings_tf(p, s->err);
        if (st)
            return st;
        tf = s->tf;
        weigh_block(s, l, p);
        return flat_scores(s, l, p->doc, tf, p->n);
    }
    l->p = p;
    l->bound_block = l->scored_block = NO_BLOCK;
    l->block_score = aligned(s->memory, BLOCK * sizeof *l->block_score);
    l->share = bounds_of(s, (uint32_t)(l->plane - s->plan->planes));
    if (!l->block_score || !l->share)
        return no_memory(s);
    l->most = bound_of(l, postings_list_bound(p));
    return CAIRN_OK;
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
        if (g->q->expansion)
            st = open_expansion(s, l, g->q->expansion);
        else if (alt->n > 1 || alt->n_spans)
            st = open_phrase(s, l, alt);
        else if (t->df)
            st = open_word(s, l, t);
        if (st || !l->rows)
            continue;
        g->most = l->most > g->most ? l->most : g->most;
        g->rows += l->rows;
        g->n++;
    }
    return st;
}

/* ---- a window ---- */

static cairn_status add_group_window(const segment_search *s, group *g, uint32_t lo, uint32_t hi)
{
    cairn_status st = CAIRN_OK;

    if (g->n == 1)
        return list_add_window(s, &g->lists[0], lo, hi, s->sums, false);
    for (size_t i = 0; i < g->n && !st; i++)
        st = list_add_window(s, &g->lists[i], lo, hi, s->single, true);
    for (uint32_t i = 0; i < WINDOW; i++) {
        s->sums[i] += s->single[i];
        s->single[i] = 0;
    }
    return st;
}

/* Look group g up for the n candidates and keep those that may still rise above `floor` with
 * `left` more to come. */
static cairn_status refine(const segment_search *s, group *g, uint32_t lo, uint32_t hi, size_t *n,
                           int64_t left, int32_t floor)
{
    size_t kept = 0;
    cairn_status st = CAIRN_OK;

    memset(s->part, 0, *n * sizeof *s->part);
    for (size_t i = 0; i < g->n && !st; i++)
        st = worth_adding(&g->lists[i], hi, *n) ? list_pick(s, &g->lists[i], lo, hi, *n)
                                                : list_look_up(s, &g->lists[i], lo, *n);
    if (st)
        return st;
    for (size_t j = 0; j < *n; j++) {
        int32_t part = s->part[j];
        if (g->q->occur == LEXICAL_MUST_NOT) {
            if (part)
                continue;
        } else if (g->q->occur == LEXICAL_MUST && !part) {
            continue;
        }
        if (g->q->occur == LEXICAL_MUST_NOT)
            part = 0;
        if (s->cand[j] + part + left <= floor)
            continue;
        s->idx[kept] = s->idx[j];
        s->cand[kept] = s->cand[j] + part;
        kept += 1;
    }
    *n = kept;
    return CAIRN_OK;
}

/* Of the n candidates keep those that are neither deleted nor filtered out. */
static size_t keep_live(const segment_search *s, uint32_t lo, size_t n)
{
    const uint64_t *deleted = s->seg->deleted, *allowed = s->seg->allowed;
    size_t kept = 0;

    if (!deleted && !allowed)
        return n;
    for (size_t j = 0; j < n; j++) {
        uint32_t row = lo + s->idx[j];
        if ((deleted && row_set_has(deleted, row)) || (allowed && !row_set_has(allowed, row)))
            continue;
        s->idx[kept] = s->idx[j];
        s->cand[kept++] = s->cand[j];
    }
    return kept;
}

/* Steps 1 and 2: candidates from the essential groups g[0..n), with `left` more to come from the
 * others. */
static cairn_status find_candidates(const segment_search *s, group *const *g, size_t n, uint32_t lo,
                                    uint32_t hi, int64_t need, size_t *n_cand)
{
    int32_t floor = need > 0 ? (int32_t)need : 0;
    cairn_status st = CAIRN_OK;

    while (n && !g[0]->bound) { /* in order of their bounds, so that these have no rows here */
        g++;
        n--;
    }
    if (n == 1 && g[0]->n == 1) {
        st = list_take_window(s, &g[0]->lists[0], lo, hi, floor, n_cand);
    } else {
        for (size_t i = 0; i < n && !st; i++)
            st = add_group_window(s, g[i], lo, hi);
        *n_cand = s->k->above(s->sums, (hi - lo + 15) & ~(size_t)15, floor, s->idx, s->cand);
    }
    if (!st)
        *n_cand = keep_live(s, lo, *n_cand);
    return st;
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

/* Search [lo, hi). */
static cairn_status search_window(segment_search *s, uint32_t lo, uint32_t hi, group *lead)
{
    const query_plan *plan = s->plan;
    size_t n = plan->n_positive, essential = 0, n_cand = 0;
    int32_t floor = s->top->floor;
    int64_t all = 0, left = 0;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < n; i++) {
        group *g = &s->groups[i];
        g->bound = 0;
        for (size_t j = 0; j < g->n; j++) {
            int32_t bound = list_bound(&g->lists[j], lo, hi);
            g->bound = bound > g->bound ? bound : g->bound;
        }
        if (g->q->occur == LEXICAL_MUST && !g->bound)
            return CAIRN_OK;
        all += g->bound;
    }
    if (all <= floor)
        return CAIRN_OK;
    if (lead) {
        left = all - lead->bound;
        st = find_candidates(s, &lead, 1, lo, hi, floor - left, &n_cand);
    } else {
        sort_groups(s, n);
        while (essential < n && left + s->order[essential]->bound <= floor)
            left += s->order[essential++]->bound;
        st = find_candidates(s, s->order + essential, n - essential, lo, hi, floor - left, &n_cand);
    }
    if (st)
        return st;
    if (lead) {
        for (size_t pass = 0; pass < 2; pass++)
            for (size_t i = 0; i < n && n_cand && !st; i++) {
                group *g = &s->groups[i];
                if (g == lead || (g->q->occur == LEXICAL_MUST) == pass || !g->bound)
                    continue;
                left -= g->bound;
                st = refine(s, g, lo, hi, &n_cand, left, floor);
            }
    } else {
        for (size_t i = essential; i-- && n_cand && !st;) {
            if (!s->order[i]->bound)
                break;
            left -= s->order[i]->bound;
            st = refine(s, s->order[i], lo, hi, &n_cand, left, floor);
        }
    }
    for (size_t i = n; i < plan->n_groups && n_cand && !st; i++)
        st = refine(s, &s->groups[i], lo, hi, &n_cand, 0, floor);
    for (size_t j = 0; j < n_cand && !st; j++)
        top_add(s->top, s->cand[j], s->base + lo + s->idx[j]);
    return st;
}

/* The first row from `from` on at which a window is worth a look; enters the lists there. */
static uint32_t next_row(segment_search *s, uint32_t from)
{
    const query_plan *plan = s->plan;
    uint32_t must = from, any = UINT32_MAX;
    int64_t below = 0;
    int32_t floor = s->top->floor;

    for (size_t i = 0; i < plan->n_groups; i++) {
        group *g = &s->groups[i];
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
            if (below + g->most <= floor)
                below += g->most;
            else
                any = next < any ? next : any;
        }
    }
    return plan->n_must ? must : any;
}

static cairn_status search_segment(segment_search *s)
{
    const query_plan *plan = s->plan;
    uint32_t n_rows = s->seg->reader->n_rows, lo = 0;
    group *lead = NULL;
    cairn_status st = CAIRN_OK;

    s->groups = arena_calloc(s->memory, plan->n_groups, sizeof *s->groups);
    s->order = arena_calloc(s->memory, plan->n_positive, sizeof *s->order);
    s->share = arena_calloc(s->memory, plan->n_planes, sizeof *s->share);
    if (!s->groups || !s->order || !s->share)
        return no_memory(s);
    for (size_t i = 0; i < plan->n_groups && !st; i++) {
        group *g = &s->groups[i];
        g->q = &plan->groups[i];
        st = open_group(s, g);
        if (i < plan->n_positive)
            s->order[i] = g;
        if (g->q->occur != LEXICAL_MUST)
            continue;
        if (!g->n)
            return st; /* a word this segment lacks */
        if (!lead || g->rows < lead->rows)
            lead = g;
    }
    while (!st && (lo = next_row(s, lo)) < n_rows) {
        uint32_t hi;
        lo &= ~63u;
        hi = n_rows - lo > WINDOW ? lo + WINDOW : n_rows;
        for (size_t i = 0; i < plan->n_groups; i++)
            for (size_t j = 0; j < s->groups[i].n; j++)
                list_enter(&s->groups[i].lists[j], lo);
        st = search_window(s, lo, hi, lead);
        lo = hi;
    }
    return st;
}

/* ---- all segments ---- */

static cairn_status make_scratch(segment_search *s)
{
    s->k = pack_get();
    s->sums = aligned(s->memory, WINDOW * sizeof *s->sums);
    s->single = aligned(s->memory, WINDOW * sizeof *s->single);
    s->cand = aligned(s->memory, (WINDOW + 16) * sizeof *s->cand);
    s->part = aligned(s->memory, (WINDOW + 16) * sizeof *s->part);
    s->idx = aligned(s->memory, (WINDOW + 16) * sizeof *s->idx);
    s->tf = aligned(s->memory, BLOCK * sizeof *s->tf);
    if (!s->sums || !s->single || !s->cand || !s->part || !s->idx || !s->tf)
        return no_memory(s);
    memset(s->sums, 0, WINDOW * sizeof *s->sums);
    memset(s->single, 0, WINDOW * sizeof *s->single);
    return CAIRN_OK;
}

cairn_status lexical_search(analyzer *a, const lexical_segment *segments, size_t n,
                            const lexical_query *query, const lexical_params *params, size_t k,
                            lexical_hit *hits, size_t *n_hits, cairn_error *err)
{
    analyzer *own = NULL;
    lexical_params defaults;
    query_plan plan;
    arena memory;
    size_t rows = 0;
    const lexical_segment *narrow = segments;
    top best = {0};
    segment_search s = {.plan = &plan, .top = &best, .memory = &memory, .err = err};
    cairn_status st = CAIRN_OK;

    *n_hits = 0;
    lexical_params_default(&defaults);
    arena_init(&memory, QUERY_MEMORY_MAX);
    if (!a) {
        st = analyzer_create(&own, err);
        a = own;
    }
    if (!st)
        st = query_plan_make(&plan, &memory, a, segments, n, query, params ? params : &defaults,
                             err);
    for (size_t i = 0; i < n; i++)
        rows += segments[i].reader->n_rows;
    k = k < rows ? k : rows;
    if (!st)
        st = boolean_narrow(&plan, segments, n, &narrow, err);
    if (st || !k || (!plan.n_positive && !plan.n_trees))
        goto done;
    st = rows <= UINT32_MAX ? top_init(&best, k, err)
                            : cairn_fail(err, CAIRN_ELIMIT, "more than 4 G rows in one search");
    if (!st)
        st = make_scratch(&s);
    for (size_t i = 0; i < n && plan.n_positive && !st; i++) {
        s.seg = &narrow[i];
        s.index = (uint32_t)i;
        st = search_segment(&s);
        s.base += segments[i].reader->n_rows;
    }
    if (!st)
        *n_hits = top_take(&best, segments, plan.scale, hits);
    if (!st)
        st = boolean_rest(&plan, narrow, n, k, hits, n_hits, err);
done:
    top_clear(&best);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}

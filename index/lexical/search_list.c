/* search_list.c - see search_list.h. */
#include "index/lexical/search_list.h"

#include <math.h>
#include <string.h>

static cairn_status no_memory(const list_scratch *s)
{
    return cairn_fail(s->err, CAIRN_ENOMEM, "no memory to search");
}

cairn_status list_scratch_make(list_scratch *s, arena *memory, cairn_error *err)
{
    s->k = pack_get();
    s->err = err;
    s->sums = aligned_in(memory, WINDOW_MAX * sizeof *s->sums);
    s->marks = arena_calloc(memory, WINDOW_MAX / 1024, sizeof *s->marks);
    s->cand = aligned_in(memory, (WINDOW_MAX + 16) * sizeof *s->cand);
    s->part = aligned_in(memory, (WINDOW_MAX + 16) * sizeof *s->part);
    s->idx = aligned_in(memory, (WINDOW_MAX + 16) * sizeof *s->idx);
    s->tf = aligned_in(memory, BLOCK * sizeof *s->tf);
    s->single = aligned_in(memory, WINDOW * sizeof *s->single);
    if (!s->sums || !s->marks || !s->cand || !s->part || !s->idx || !s->tf || !s->single)
        return no_memory(s);
    memset(s->sums, 0, WINDOW_MAX * sizeof *s->sums);
    memset(s->single, 0, WINDOW * sizeof *s->single);
    return CAIRN_OK;
}

/* ---- open ---- */

/* The bound says tf / (tf + K) <= q, so K / tf >= 1 / q - 1. Under the plane tf grows at most r
 * times and K shrinks at most to s times, so K / tf >= (s / r) * (1 / q - 1). With lengths weighted
 * in the same proportions the codes of the rows are the same, and s is the lesser of the ratios of
 * the two parts of K. With others a length may shrink to rho times, and both codes are rounded: the
 * second part of K is at least 7/8 rho that of the bound, less what the roundings take at v0. */
void list_carry_bounds(const lexical_reader *r, const query_plane *plane, float out[256])
{
    row_lengths own = row_lengths_of(r->weight, r->b);
    double typical = (double)bound_typical(r->typical, &own), tf = 0, s, rho = 1;
    double k0 = (double)(BOUND_K1 * BOUND_FIXED);
    double k1 = (double)(BOUND_K1 * (1 - BOUND_FIXED)) / typical;
    float scale;

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
    scale = (float)(tf > 0 ? s * 0.9999 / tf : 0);
    out[0] = 1;
    for (int code = 1; code < 256; code++) /* 1 / (1 + s (1 / q - 1)) with q = code / 255 */
        out[code] = (float)code / ((float)code + scale * (float)(255 - code));
}

cairn_status list_flat(list_scratch *s, arena *memory, list *l, const uint32_t *row,
                       const float *tf, uint32_t n)
{
    int32_t *score = aligned_in(memory, ((size_t)n + 16) * sizeof *score);

    if (!score)
        return no_memory(s);
    s->k->score(&l->ps, row, tf, n, score);
    l->row = row;
    l->score = score;
    l->rows = n;
    l->most = 0;
    for (uint32_t i = 0; i < n; i++)
        l->most = score[i] > l->most ? score[i] : l->most;
    return CAIRN_OK;
}

/* Frequencies of the decoded block under the plane's weights. */
static void weigh_block(const list_scratch *s, const list *l, const postings *p)
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

cairn_status list_open(list_scratch *s, arena *memory, list *l, const lexical_reader *r,
                       const dict_term *t, const float *share)
{
    postings *p = aligned_in(memory, sizeof *p);
    cairn_status st;

    if (!p)
        return no_memory(s);
    st = postings_open(p, r, t, s->k, s->err);
    if (st)
        return st;
    l->rows = t->df;
    if (!p->skips) { /* short: decode it now */
        st = postings_block(p, 0, s->err);
        if (!st)
            st = postings_tf(p, s->err);
        if (st)
            return st;
        weigh_block(s, l, p);
        return list_flat(s, memory, l, p->doc, s->tf, p->n);
    }
    l->p = p;
    l->scored_block = l->asked_block = NO_BLOCK;
    l->share = share;
    l->block_score = aligned_in(memory, BLOCK * sizeof *l->block_score);
    if (!l->block_score)
        return no_memory(s);
    l->most = list_bound_of(l, postings_list_bound(p));
    return CAIRN_OK;
}

cairn_status list_score_block(const list_scratch *s, list *l, uint32_t b)
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

/* ---- where it stands ---- */

/* The first block from b on that ends at or behind `row`; n_blocks when there is none. */
static uint32_t block_at(const postings *p, uint32_t b, uint32_t row)
{
    uint32_t step = 1, end;

    if (b >= p->n_blocks || postings_last(p, b) >= row)
        return b;
    while (b + step < p->n_blocks && postings_last(p, b + step) < row) {
        b += step;
        step *= 2;
    }
    end = b + step < p->n_blocks ? b + step : p->n_blocks;
    for (b++; b < end;) {
        uint32_t mid = b + (end - b) / 2;
        if (postings_last(p, mid) < row)
            b = mid + 1;
        else
            end = mid;
    }
    return b;
}

/* Does block b begin before row hi, as far as the table tells? */
static inline bool begins_before(const postings *p, uint32_t b, uint32_t hi)
{
    return b < p->n_blocks && (!b || postings_last(p, b - 1) + 1 < hi);
}

void list_enter(list *l, uint32_t lo)
{
    if (!l->p) {
        while (l->at < l->rows && l->row[l->at] < lo)
            l->at++;
        return;
    }
    l->first = block_at(l->p, l->first, lo);
    if (l->near < l->first)
        l->near = l->first;
}

/* The greatest of the bounds of blocks b .. that begin before hi. */
static int32_t bound_from(const list *l, uint32_t b, uint32_t hi)
{
    const postings *p = l->p;
    uint32_t end;
    uint8_t most = 0;

    if (!begins_before(p, b, hi))
        return 0;
    /* Block `end` is the last to begin before hi: the first that ends at or behind hi - 1. */
    end = block_at(p, b, hi - 1);
    end = end < p->n_blocks ? end + 1 : end;
    for (; b < end; b++)
        most = p->bounds[b] > most ? p->bounds[b] : most;
    return list_bound_of(l, most);
}

int32_t list_bound(const list *l, uint32_t hi)
{
    if (!l->p)
        return l->at < l->rows && l->row[l->at] < hi ? l->most : 0;
    return bound_from(l, l->first, hi);
}

int32_t list_bound_near(list *l, uint32_t from, uint32_t to)
{
    l->near = block_at(l->p, l->near, from);
    return bound_from(l, l->near, to);
}

uint32_t list_next(const list *l, uint32_t from)
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

uint32_t list_span(const list *l, uint32_t lo, uint32_t most)
{
    uint32_t last;

    if (!l->p) {
        uint32_t i = l->at + most < l->rows ? l->at + most : l->rows;
        last = i < l->rows ? l->row[i] : UINT32_MAX;
    } else {
        uint32_t b = l->first + most / BLOCK;
        last = b < l->p->n_blocks ? postings_last(l->p, b) : UINT32_MAX;
    }
    return last - lo < SPAN_MAX - 1     ? last + 1
           : lo < UINT32_MAX - SPAN_MAX ? lo + SPAN_MAX
                                        : UINT32_MAX;
}

/* ---- bulk ---- */

static inline void add_rows(const uint32_t *row, const int32_t *score, uint32_t n, uint32_t lo,
                            int32_t *sums)
{
    for (uint32_t i = 0; i < n; i++)
        sums[row[i] - lo] += score[i];
}

static inline void add_marked(const uint32_t *row, const int32_t *score, uint32_t n, uint32_t lo,
                              int32_t *sums, uint64_t *marks)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = row[i] - lo;
        sums[at] += score[i];
        marks[at >> 10] |= 1ull << (at >> 4 & 63);
    }
}

static inline void raise_rows(const uint32_t *row, const int32_t *score, uint32_t n, uint32_t lo,
                              int32_t *sums)
{
    for (uint32_t i = 0; i < n; i++) {
        int32_t *sum = &sums[row[i] - lo];
        *sum = *sum < score[i] ? score[i] : *sum;
    }
}

cairn_status list_add_rows(const list_scratch *s, list *l, uint32_t lo, uint32_t hi, int32_t *sums,
                           bool raise, uint64_t *marks)
{
    const uint32_t *row = l->row;
    const int32_t *score = l->score;
    uint32_t i = l->at, n = l->rows;

    for (uint32_t b = l->first;; b++) {
        if (l->p) {
            cairn_status st;
            if (!begins_before(l->p, b, hi))
                break;
            st = list_score_block(s, l, b);
            if (st)
                return st;
            row = l->p->doc;
            score = l->block_score;
            n = l->p->n;
            i = 0;
            while (i < n && row[i] < lo)
                i++;
        }
        while (n > i && row[n - 1] >= hi)
            n--;
        if (raise)
            raise_rows(row + i, score + i, n - i, lo, sums);
        else if (marks)
            add_marked(row + i, score + i, n - i, lo, sums, marks);
        else
            add_rows(row + i, score + i, n - i, lo, sums);
        if (!l->p)
            break;
    }
    return CAIRN_OK;
}

/* About 1 ns a posting against 6 a look-up, measured. */
bool list_worth_adding(const list *l, uint32_t lo, uint32_t hi, size_t n)
{
    uint32_t blocks = (uint32_t)(n / (BLOCK / 4));

    return l->p && hi - lo <= WINDOW && !begins_before(l->p, l->first + blocks, hi);
}

cairn_status list_pick(const list_scratch *s, list *l, uint32_t lo, uint32_t hi, size_t n)
{
    cairn_status st = list_add_rows(s, l, lo, hi, s->single, true, NULL);

    for (size_t j = 0; j < n; j++) {
        int32_t v = s->single[s->idx[j]];
        s->part[j] = v > s->part[j] ? v : s->part[j];
    }
    memset(s->single, 0, (hi - lo) * sizeof *s->single);
    return st;
}

/* ---- look-ups ---- */

/* Index of the first posting of the decoded block whose row is >= want; the last row is. */
static inline uint32_t find_row(const postings *p, uint32_t want)
{
    const uint32_t *doc = p->doc;
    uint32_t at = 0;

    if (p->n < BLOCK) {
        while (doc[at] < want)
            at++;
        return at;
    }
    for (unsigned bit = 7; bit--;) /* without a branch: rows are random */
        at += (uint32_t)(doc[at + (1u << bit) - 1] < want) << bit;
    return at;
}

/* Score of posting i of the decoded block b. The first few of a block are scored by themselves. */
static cairn_status score_posting(const list_scratch *s, list *l, uint32_t b, uint32_t i,
                                  int32_t *score)
{
    postings *p = l->p;
    cairn_status st;

    if (l->asked_block != b) {
        l->asked_block = b;
        l->asked = 0;
    }
    if (l->scored_block != b && l->asked++ < 4 && !p->others && !p->have_tf) {
        uint32_t tf;
        st = postings_body_tf(p, i, &tf, s->err);
        *score = st ? 0
                    : pack_score_one(&l->ps, p->doc[i],
                                     l->plane->weight[LEXICAL_BODY] * (float)(int32_t)tf);
        return st;
    }
    st = list_score_block(s, l, b);
    *score = st ? 0 : l->block_score[i];
    return st;
}

static void look_up_flat(const list_scratch *s, const list *l, uint32_t lo, size_t n)
{
    uint32_t i = l->at;

    for (size_t j = 0; j < n; j++) {
        uint32_t want = lo + s->idx[j];
        while (i < l->rows && l->row[i] < want)
            i++;
        if (i == l->rows)
            break;
        if (l->row[i] == want && l->score[i] > s->part[j])
            s->part[j] = l->score[i];
    }
}

cairn_status list_look_up(const list_scratch *s, list *l, uint32_t lo, size_t n, int64_t need)
{
    postings *p = l->p;
    uint32_t b = l->first, bound_block = NO_BLOCK;
    int32_t bound = 0;

    if (!p) {
        look_up_flat(s, l, lo, n);
        return CAIRN_OK;
    }
    for (size_t j = 0; j < n; j++) {
        uint32_t want = lo + s->idx[j], i;
        int32_t score;
        cairn_status st;
        b = block_at(p, b, want);
        if (b == p->n_blocks)
            break;
        if (b != bound_block) {
            bound = list_bound_of(l, postings_bound(p, b));
            bound_block = b;
        }
        if (s->cand[j] + bound <= need)
            continue;
        if (p->block != b) {
            st = postings_block(p, b, s->err);
            if (st)
                return st;
        }
        i = find_row(p, want);
        if (p->doc[i] != want)
            continue;
        st = score_posting(s, l, b, i, &score);
        if (st)
            return st;
        if (score > s->part[j])
            s->part[j] = score;
    }
    return CAIRN_OK;
}

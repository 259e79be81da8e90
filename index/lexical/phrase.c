/* phrase.c - rows where words stand in a row, or near each other.
 *
 * The rarest word leads; the others are moved to its row, and where all have it their positions are
 * intersected field by field. A phrase counts once for each place it begins at; spans in a window
 * (near.c) once for each window. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"
#include "index/lexical/words_at.h"

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to match a phrase");
}

cairn_status words_at_open(words_at *w, const lexical_reader *r, const dict_term *t,
                           cairn_error *err)
{
    w->p = checked_aligned(1, sizeof *w->p);
    w->where_block = UINT32_MAX;
    return w->p ? postings_open(w->p, r, t, pack_get(), err) : no_memory(err);
}

void words_at_clear(words_at *w)
{
    free(w->p);
    free(w->pos);
    *w = (words_at){0};
}

cairn_status words_at_seek(words_at *w, uint32_t target, uint32_t *row, cairn_error *err)
{
    postings *p = w->p;
    cairn_status st;

    while (w->block < p->n_blocks) {
        if (p->skips && postings_last(p, w->block) < target) {
            w->block++;
            w->i = 0;
            continue;
        }
        st = postings_block(p, w->block, err);
        if (st)
            return st;
        while (w->i < p->n && p->doc[w->i] < target)
            w->i++;
        if (w->i < p->n) {
            *row = p->doc[w->i];
            return CAIRN_OK;
        }
        w->block++;
        w->i = 0;
    }
    *row = UINT32_MAX;
    return CAIRN_OK;
}

cairn_status words_at_positions(words_at *w, unsigned f, cairn_error *err)
{
    postings *p = w->p;
    cairn_status st = postings_tf(p, err);
    size_t tf;

    if (!st && w->where_block != w->block) {
        st = postings_positions_open(p, &w->where, err);
        w->where_block = w->block;
    }
    if (st)
        return st;
    tf = p->fields >> f & 1 ? p->tf[f][w->i] : 0;
    if (tf > w->cap) {
        uint32_t *more = checked_realloc(w->pos, tf * 2, sizeof *more);
        if (!more)
            return no_memory(err);
        w->pos = more;
        w->cap = tf * 2;
    }
    w->n_pos = postings_positions_get(p, &w->where, w->i, f, w->pos);
    return CAIRN_OK;
}

typedef struct phrase_search {
    words_at *w; /* rarest first */
    size_t n;
    const query_alt *alt;
    words_at **in_order; /* as in the alternative */
    uint32_t *starts[NEAR_SPANS_MAX]; /* of spans of several words */
    size_t cap_starts[NEAR_SPANS_MAX];
} phrase_search;

/* Where all the words w[0..n) stand in a row, from their first; dst has room for w[0]'s. */
static size_t span_starts(words_at *const *w, size_t n, const uint32_t *offset, uint32_t *dst)
{
    size_t out = 0, at[NEAR_WORDS_MAX] = {0};

    for (size_t a = 0; a < w[0]->n_pos; a++) {
        bool all = true;
        for (size_t i = 1; i < n && all; i++) {
            uint64_t want = (uint64_t)w[0]->pos[a] + offset[i];
            while (at[i] < w[i]->n_pos && w[i]->pos[at[i]] < want)
                at[i]++;
            all = at[i] < w[i]->n_pos && w[i]->pos[at[i]] == want;
        }
        if (all)
            dst[out++] = w[0]->pos[a];
    }
    return out;
}

/* How many windows of field f hold all the spans. */
static cairn_status count_windows(phrase_search *s, unsigned f, uint32_t *count, cairn_error *err)
{
    const query_alt *alt = s->alt;
    near_places places[NEAR_SPANS_MAX];

    *count = 0;
    for (size_t i = 0; i < s->n; i++) {
        cairn_status st = words_at_positions(&s->w[i], f, err);
        if (st || !s->w[i].n_pos)
            return st;
    }
    for (size_t i = 0; i < alt->n_spans; i++) {
        const query_span *span = &alt->spans[i];
        words_at *const *w = s->in_order + span->first;
        uint32_t offset[NEAR_WORDS_MAX];
        if (span->n == 1) {
            places[i] = (near_places){w[0]->pos, w[0]->n_pos};
            continue;
        }
        if (w[0]->n_pos > s->cap_starts[i]) {
            uint32_t *more = checked_realloc(s->starts[i], w[0]->n_pos * 2, sizeof *more);
            if (!more)
                return no_memory(err);
            s->starts[i] = more;
            s->cap_starts[i] = w[0]->n_pos * 2;
        }
        for (size_t j = 0; j < span->n; j++)
            offset[j] = alt->words[span->first + j].offset;
        places[i] = (near_places){s->starts[i], span_starts(w, span->n, offset, s->starts[i])};
        if (!places[i].n)
            return CAIRN_OK;
    }
    *count = near_count(alt->spans, places, alt->n_spans, alt->window, NULL, NULL);
    if (*count > TF_MAX)
        *count = TF_MAX;
    return CAIRN_OK;
}

/* How often the words stand in a row in field f of the row all of them are at. */
static cairn_status count_places(words_at *w, size_t n, unsigned f, uint32_t *count,
                                 cairn_error *err)
{
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        cairn_status st = words_at_positions(&w[i], f, err);
        if (st || !w[i].n_pos)
            return st;
    }
    for (size_t a = 0; a < w[0].n_pos; a++) {
        uint64_t start = (uint64_t)w[0].pos[a] - w[0].offset;
        bool all = w[0].pos[a] >= w[0].offset;
        for (size_t i = 1; i < n && all; i++) {
            size_t low = 0, high = w[i].n_pos;
            while (low < high) {
                size_t mid = (low + high) / 2;
                if (w[i].pos[mid] < start + w[i].offset)
                    low = mid + 1;
                else
                    high = mid;
            }
            all = low < w[i].n_pos && w[i].pos[low] == start + w[i].offset;
        }
        *count += all;
    }
    if (*count > TF_MAX)
        *count = TF_MAX;
    return CAIRN_OK;
}

typedef struct matches {
    phrase_match *at;
    size_t n, cap;
} matches;

static cairn_status check_row(phrase_search *s, uint32_t row, uint32_t mask, matches *m,
                              cairn_error *err)
{
    phrase_match found = {.row = row};
    uint32_t any = 0;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        cairn_status st;
        if (!(mask >> f & 1))
            continue;
        st = s->alt->n_spans ? count_windows(s, f, &found.tf[f], err)
                             : count_places(s->w, s->n, f, &found.tf[f], err);
        if (st)
            return st;
        any |= found.tf[f];
    }
    if (!any)
        return CAIRN_OK;
    phrase_match *more = checked_room(m->at, m->n, &m->cap, sizeof *more);
    if (!more)
        return no_memory(err);
    m->at = more;
    m->at[m->n++] = found;
    return CAIRN_OK;
}

static int by_df(const void *a, const void *b)
{
    const words_at *x = a, *y = b;
    return (x->p->df > y->p->df) - (x->p->df < y->p->df);
}

/* Leapfrog over the lists. */
static cairn_status walk(phrase_search *s, uint32_t mask, matches *m, cairn_error *err)
{
    uint32_t target = 0;

    for (;;) {
        uint32_t row = UINT32_MAX;
        size_t i;
        cairn_status st = CAIRN_OK;
        for (i = 0; i < s->n; i++) {
            uint32_t at;
            st = words_at_seek(&s->w[i], target, &at, err);
            if (st || at == UINT32_MAX)
                return st;
            if (i && at != row) {
                target = at;
                break;
            }
            row = target = at;
        }
        if (i < s->n)
            continue;
        st = check_row(s, row, mask, m, err);
        if (st)
            return st;
        target = row + 1;
    }
}

cairn_status phrase_find(const query_plan *plan, const lexical_reader *r, size_t s,
                         const query_alt *alt, uint32_t field_mask, phrase_match **out, size_t *n,
                         cairn_error *err)
{
    words_at *w = calloc(alt->n, sizeof *w);
    phrase_search search = {.w = w, .n = alt->n, .alt = alt};
    matches m = {0};
    cairn_status st = w ? CAIRN_OK : no_memory(err);

    if (!st && alt->n_spans) {
        search.in_order = calloc(alt->n, sizeof *search.in_order);
        if (!search.in_order)
            st = no_memory(err);
    }

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < alt->n && !st; i++) {
        const dict_term *t = &plan->found[s * plan->n_terms + alt->words[i].term];
        if (!t->df)
            goto done; /* a word that the segment lacks */
        w[i].offset = alt->words[i].offset;
        st = words_at_open(&w[i], r, t, err);
    }
    if (!st) {
        for (size_t i = 0; i < alt->n; i++)
            w[i].index = (uint32_t)i;
        qsort(w, alt->n, sizeof *w, by_df);
        for (size_t i = 0; search.in_order && i < alt->n; i++)
            search.in_order[w[i].index] = &w[i];
        st = walk(&search, field_mask, &m, err);
    }
    if (!st && m.n) {
        *out = arena_calloc(plan->memory, m.n, sizeof **out);
        if (!*out)
            st = no_memory(err);
        else
            memcpy(*out, m.at, m.n * sizeof **out);
        *n = *out ? m.n : 0;
    }
done:
    for (size_t i = 0; w && i < alt->n; i++)
        words_at_clear(&w[i]);
    for (size_t i = 0; i < NEAR_SPANS_MAX; i++)
        free(search.starts[i]);
    free(search.in_order);
    free(w);
    free(m.at);
    return st;
}

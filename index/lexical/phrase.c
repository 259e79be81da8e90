/* phrase.c - rows where words stand in a row.
 *
 * The rarest word leads; the others are moved to its row, and where all have it their positions are
 * intersected field by field. A phrase counts once for each place it begins at. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"

typedef struct phrase_word {
    postings *p;
    postings_positions where;
    uint32_t where_block; /* block `where` was opened for */
    uint32_t block, i;    /* stand on posting i of this block */
    uint32_t offset;
    uint32_t *pos; /* positions in the field looked at */
    size_t n_pos, cap;
} phrase_word;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to match a phrase");
}

/* Move w to the first row >= target; *row is UINT32_MAX at the end. */
static cairn_status word_seek(phrase_word *w, uint32_t target, uint32_t *row, cairn_error *err)
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

/* Positions of w's row in field f. */
static cairn_status word_positions(phrase_word *w, unsigned f, cairn_error *err)
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

/* How often the words stand in a row in field f of the row all of them are at. */
static cairn_status count_places(phrase_word *w, size_t n, unsigned f, uint32_t *count,
                                 cairn_error *err)
{
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        cairn_status st = word_positions(&w[i], f, err);
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

static cairn_status check_row(phrase_word *w, size_t n, uint32_t row, uint32_t mask, matches *m,
                              cairn_error *err)
{
    phrase_match found = {.row = row};
    uint32_t any = 0;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
        cairn_status st;
        if (!(mask >> f & 1))
            continue;
        st = count_places(w, n, f, &found.tf[f], err);
        if (st)
            return st;
        any |= found.tf[f];
    }
    if (!any)
        return CAIRN_OK;
    if (m->n == m->cap) {
        size_t cap = m->cap * 2 + 64;
        phrase_match *more = checked_realloc(m->at, cap, sizeof *more);
        if (!more)
            return no_memory(err);
        m->at = more;
        m->cap = cap;
    }
    m->at[m->n++] = found;
    return CAIRN_OK;
}

static int by_df(const void *a, const void *b)
{
    const phrase_word *x = a, *y = b;
    return (x->p->df > y->p->df) - (x->p->df < y->p->df);
}

/* Leapfrog over the lists. */
static cairn_status walk(phrase_word *w, size_t n, uint32_t mask, matches *m, cairn_error *err)
{
    uint32_t target = 0;

    for (;;) {
        uint32_t row = UINT32_MAX;
        size_t i;
        cairn_status st = CAIRN_OK;
        for (i = 0; i < n; i++) {
            uint32_t at;
            st = word_seek(&w[i], target, &at, err);
            if (st || at == UINT32_MAX)
                return st;
            if (i && at != row) {
                target = at;
                break;
            }
            row = target = at;
        }
        if (i < n)
            continue;
        st = check_row(w, n, row, mask, m, err);
        if (st)
            return st;
        target = row + 1;
    }
}

cairn_status phrase_find(const query_plan *plan, const lexical_reader *r, size_t s,
                         const query_alt *alt, uint32_t field_mask, phrase_match **out, size_t *n,
                         cairn_error *err)
{
    phrase_word *w = calloc(alt->n, sizeof *w);
    matches m = {0};
    cairn_status st = w ? CAIRN_OK : no_memory(err);

    *out = NULL;
    *n = 0;
    for (size_t i = 0; i < alt->n && !st; i++) {
        const dict_term *t = &plan->found[s * plan->n_terms + alt->words[i].term];
        if (!t->df)
            goto done; /* a word that the segment lacks */
        w[i].p = checked_aligned(1, sizeof *w[i].p);
        if (!w[i].p) {
            st = no_memory(err);
            break;
        }
        w[i].offset = alt->words[i].offset;
        w[i].where_block = UINT32_MAX;
        st = postings_open(w[i].p, r, t, pack_get(), err);
    }
    if (!st) {
        qsort(w, alt->n, sizeof *w, by_df);
        st = walk(w, alt->n, field_mask, &m, err);
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
    for (size_t i = 0; w && i < alt->n; i++) {
        free(w[i].p);
        free(w[i].pos);
    }
    free(w);
    free(m.at);
    return st;
}

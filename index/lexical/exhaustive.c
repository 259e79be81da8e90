/* exhaustive.c - the plain twin of search.c: every row of every list, scored and sorted.
 *
 * It shares the plan (which dictionary terms a pattern stands for included), the lists' decoding and
 * the formula with the fast search, and nothing else: no bounds, no windows, no SIMD, phrases by
 * looking at every row, conditions row by row. Tests hold the two together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"

typedef struct scan {
    const query_plan *plan;
    const lexical_segment *seg;
    size_t index;
    postings *p;
    postings_positions where;
    cairn_error *err;
} scan;

typedef struct scored_row {
    int32_t score;
    uint32_t segment, row;
} scored_row;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for an exhaustive search");
}

static int32_t score_of_tf(const query_plane *plane, float w, uint8_t code, float tf)
{
    long v = lrintf(w * tf / (tf + (plane->k0 + plane->k1 * (float)length_value(code))));
    return (int32_t)(v < 1 ? 1 : v);
}

static int32_t score_of(const query_plane *plane, float w, uint8_t code,
                        const uint32_t tf[LEXICAL_FIELDS])
{
    float sum = 0;

    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        if (plane->weight[f] > 0)
            sum = sum + plane->weight[f] * (float)tf[f];
    return sum > 0 ? score_of_tf(plane, w, code, sum) : 0;
}

static cairn_status scan_word(scan *s, const query_plane *plane, const query_alt *alt,
                              const uint8_t *codes, int32_t *best)
{
    const dict_term *t = &s->plan->found[s->index * s->plan->n_terms + alt->words[0].term];
    postings *p = s->p;
    cairn_status st;

    if (!t->df)
        return CAIRN_OK;
    st = postings_open(p, s->seg->reader, t, &pack_scalar, s->err);
    for (uint32_t b = 0; b < p->n_blocks && !st; b++) {
        st = postings_block(p, b, s->err);
        if (!st)
            st = postings_tf(p, s->err);
        for (uint32_t i = 0; i < p->n && !st; i++) {
            uint32_t tf[LEXICAL_FIELDS];
            int32_t v;
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
                tf[f] = p->fields >> f & 1 ? p->tf[f][i] : 0;
            v = score_of(plane, alt->w, codes[p->doc[i]], tf);
            if (v > best[p->doc[i]])
                best[p->doc[i]] = v;
        }
    }
    return st;
}

/* Where each word of the phrase stands, for all rows: (row, field, position) as one number. */
static cairn_status places(scan *s, uint32_t term, uint64_t **out, size_t *n)
{
    const dict_term *t = &s->plan->found[s->index * s->plan->n_terms + term];
    postings *p = s->p;
    uint32_t *pos = NULL;
    size_t cap = 0;
    cairn_status st;

    *n = 0;
    if (!t->df)
        return CAIRN_OK;
    pos = checked_malloc(TF_MAX + 1, sizeof *pos);
    st = pos ? postings_open(p, s->seg->reader, t, &pack_scalar, s->err) : no_memory(s->err);
    for (uint32_t b = 0; !st && b < p->n_blocks; b++) {
        st = postings_block(p, b, s->err);
        if (!st)
            st = postings_tf(p, s->err);
        if (!st)
            st = postings_positions_open(p, &s->where, s->err);
        for (uint32_t i = 0; i < p->n && !st; i++)
            for (unsigned f = 0; f < LEXICAL_FIELDS; f++) {
                size_t m = postings_positions_get(p, &s->where, i, f, pos);
                if (*n + m > cap) {
                    uint64_t *more = checked_realloc(*out, (*n + m) * 2, sizeof *more);
                    if (!more) {
                        st = no_memory(s->err);
                        break;
                    }
                    *out = more;
                    cap = (*n + m) * 2;
                }
                for (size_t j = 0; j < m; j++)
                    (*out)[(*n)++] = (uint64_t)p->doc[i] << 34 | (uint64_t)f << 32 | pos[j];
            }
    }
    free(pos);
    return st;
}

static bool has(const uint64_t *a, size_t n, uint64_t v)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (a[mid] < v)
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && a[low] == v;
}

static cairn_status scan_phrase(scan *s, const query_plane *plane, const query_alt *alt,
                                const uint8_t *codes, int32_t *best)
{
    uint64_t **at = calloc(alt->n, sizeof *at);
    size_t *n = calloc(alt->n, sizeof *n), i = 0;
    cairn_status st = at && n ? CAIRN_OK : no_memory(s->err);

    for (size_t j = 0; j < alt->n && !st; j++)
        st = places(s, alt->words[j].term, &at[j], &n[j]);
    while (!st && i < n[0]) { /* row by row of the first word */
        uint32_t row = (uint32_t)(at[0][i] >> 34), tf[LEXICAL_FIELDS] = {0};
        int32_t v;
        for (; i < n[0] && at[0][i] >> 34 == row; i++) {
            unsigned f = at[0][i] >> 32 & 3;
            bool all = true;
            for (size_t j = 1; j < alt->n && all; j++)
                all = has(at[j], n[j], at[0][i] + alt->words[j].offset);
            if (all && plane->mask >> f & 1 && tf[f] < TF_MAX)
                tf[f]++;
        }
        v = score_of(plane, alt->w, codes[row], tf);
        if (v > best[row])
            best[row] = v;
    }
    for (size_t j = 0; at && j < alt->n; j++)
        free(at[j]);
    free(at);
    free(n);
    return st;
}

/* A pattern's rows: its terms' frequencies added up in their order. */
static cairn_status scan_pattern(scan *s, const query_plane *plane, const query_group *q,
                                 const uint8_t *codes, int32_t *best)
{
    const expansion_list *in = &q->expansion->in[s->index];
    uint32_t rows = s->seg->reader->n_rows;
    float *sum = calloc((size_t)rows + 1, sizeof *sum);
    postings *p = s->p;
    cairn_status st = sum ? CAIRN_OK : no_memory(s->err);

    for (size_t i = 0; i < in->n_terms && !st; i++) {
        dict_term t = {.df = in->terms[i].at.df,
                       .post_at = in->terms[i].at.post_at,
                       .pos_at = in->terms[i].at.pos_at,
                       .post_len = in->terms[i].at.post_len,
                       .pos_len = in->terms[i].at.pos_len};
        st = postings_open(p, s->seg->reader, &t, &pack_scalar, s->err);
        for (uint32_t b = 0; b < p->n_blocks && !st; b++) {
            st = postings_block(p, b, s->err);
            if (!st)
                st = postings_tf(p, s->err);
            for (uint32_t j = 0; j < p->n && !st; j++) {
                float tf = 0;
                for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
                    if (p->fields >> f & 1 && plane->weight[f] > 0)
                        tf = tf + plane->weight[f] * (float)p->tf[f][j];
                sum[p->doc[j]] += in->terms[i].factor * tf;
            }
        }
    }
    for (uint32_t r = 0; r < rows && !st; r++)
        best[r] = sum[r] > 0 ? score_of_tf(plane, q->alts[0].w, codes[r], sum[r]) : 0;
    free(sum);
    return st;
}

/* Whether spans i.. can be placed in the window at `start`, each at a place of its own. at[] and n[]:
 * places of the alternative's words, tagged with row and field. */
static bool place_spans(const query_alt *alt, uint64_t *const *at, const size_t *n, uint64_t tag,
                        int64_t start, size_t i, int64_t *taken)
{
    const query_span *span;

    if (i == alt->n_spans)
        return true;
    span = &alt->spans[i];
    for (int64_t p = start + span->lo; p <= start + span->hi; p++) {
        bool fits = p >= 0;
        for (size_t j = 0; j < i && fits; j++)
            fits = taken[j] != p;
        for (uint32_t j = span->first; j < span->first + span->n && fits; j++)
            fits = has(at[j], n[j], tag | ((uint64_t)p + alt->words[j].offset));
        taken[i] = p;
        if (fits && place_spans(alt, at, n, tag, start, i + 1, taken))
            return true;
    }
    return false;
}

/* Windows of one row and field, from the left; a new one begins behind the last. */
static uint32_t count_windows(const query_alt *alt, uint64_t *const *at, const size_t *n,
                              uint64_t tag, int64_t longest)
{
    uint32_t count = 0;
    int64_t taken[NEAR_SPANS_MAX];

    for (int64_t start = -longest; start <= longest; start++) {
        bool begins = false;
        for (size_t i = 0; i < alt->n_spans && !begins; i++) {
            const query_span *span = &alt->spans[i];
            int64_t p = start + span->lo;
            begins = p >= 0;
            for (uint32_t j = span->first; j < span->first + span->n && begins; j++)
                begins = has(at[j], n[j], tag | ((uint64_t)p + alt->words[j].offset));
        }
        if (!begins || !place_spans(alt, at, n, tag, start, 0, taken))
            continue;
        count += count < TF_MAX;
        start += alt->window - 1;
    }
    return count;
}

/* A sloppy phrase or NEAR: every field of every row of its first word is tried. */
static cairn_status scan_windows(scan *s, const query_plane *plane, const query_alt *alt,
                                 const uint8_t *codes, int32_t *best)
{
    uint64_t **at = calloc(alt->n, sizeof *at);
    size_t *n = calloc(alt->n, sizeof *n), i = 0;
    cairn_status st = at && n ? CAIRN_OK : no_memory(s->err);

    for (size_t j = 0; j < alt->n && !st; j++)
        st = places(s, alt->words[j].term, &at[j], &n[j]);
    while (!st && i < n[0]) {
        uint32_t row = (uint32_t)(at[0][i] >> 34), tf[LEXICAL_FIELDS] = {0};
        int32_t v;
        while (i < n[0] && at[0][i] >> 34 == row) {
            uint64_t tag = at[0][i] & ~(uint64_t)UINT32_MAX;
            unsigned f = tag >> 32 & 3;
            int64_t longest = 0;
            for (size_t j = 0; j < alt->n; j++) /* the last place of any of its words there */
                for (size_t k = 0; k < n[j]; k++)
                    if ((at[j][k] & ~(uint64_t)UINT32_MAX) == tag &&
                        (int64_t)(uint32_t)at[j][k] > longest)
                        longest = (int64_t)(uint32_t)at[j][k];
            for (size_t j = 0; j < alt->n_spans; j++)
                longest = alt->spans[j].hi > longest ? alt->spans[j].hi : longest;
            if (plane->mask >> f & 1)
                tf[f] = count_windows(alt, at, n, tag, longest);
            while (i < n[0] && (at[0][i] & ~(uint64_t)UINT32_MAX) == tag)
                i++;
        }
        v = score_of(plane, alt->w, codes[row], tf);
        if (v > best[row])
            best[row] = v;
    }
    for (size_t j = 0; at && j < alt->n; j++)
        free(at[j]);
    free(at);
    free(n);
    return st;
}

/* ---- conditions ---- */

/* 1 or 0; -1 when the node says nothing. matched[id] tells of each group whether this row has it. */
static int holds(const scan *s, const lexical_node *node, const uint8_t *matched, uint32_t row)
{
    const query_leaf *leaf;
    size_t yes = 0, no = 0;

    switch (node->kind) {
    case LEXICAL_NODE_CLAUSE:
        leaf = &s->plan->leaves[node->clause];
        for (size_t i = 0; i < leaf->n; i++) {
            yes += matched[leaf->ids[i]] != 0;
            no += matched[leaf->ids[i]] == 0;
        }
        return !leaf->n ? -1 : node->any ? yes > 0 : !no;
    case LEXICAL_NODE_ROWS:
        return node->rows && node->rows[s->index] && row_set_has(node->rows[s->index], row);
    default:
        break;
    }
    for (size_t i = 0; i < node->n_parts; i++) {
        int v = holds(s, &node->parts[i], matched, row);
        yes += v == 1;
        no += v == 0;
    }
    if (!yes && !no)
        return -1;
    if (node->kind == LEXICAL_NODE_NOT)
        return !yes;
    return node->kind == LEXICAL_NODE_AND ? !no : yes > 0;
}

static int better_first(const void *a, const void *b)
{
    const scored_row *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    if (x->segment != y->segment)
        return x->segment < y->segment ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* best[row]: the score of the group's best alternative. */
static cairn_status scan_group(scan *s, const query_group *q, int32_t *best)
{
    const query_plane *plane = &s->plan->planes[q->plane];
    const uint8_t *codes;
    cairn_status st = query_codes(s->plan, plane, s->seg->reader, &codes, s->err);

    memset(best, 0, s->seg->reader->n_rows * sizeof *best);
    if (st || q->expansion)
        return st ? st : scan_pattern(s, plane, q, codes, best);
    for (size_t i = 0; i < q->n_alts && !st; i++)
        st = q->alts[i].n_spans ? scan_windows(s, plane, &q->alts[i], codes, best)
             : q->alts[i].n > 1 ? scan_phrase(s, plane, &q->alts[i], codes, best)
                                : scan_word(s, plane, &q->alts[i], codes, best);
    return st;
}

/* Append the segment's matching rows to all. */
static cairn_status scan_segment(scan *s, scored_row *all, size_t *n_all)
{
    const query_plan *plan = s->plan;
    uint32_t rows = s->seg->reader->n_rows;
    int32_t *best = checked_malloc(rows, sizeof *best);
    int64_t *sum = calloc((size_t)rows + 1, sizeof *sum);
    uint8_t *out = calloc((size_t)rows + 1, 1);
    uint8_t *matched = calloc((size_t)rows + 1, plan->n_all + 1); /* [row][group's id] */
    cairn_status st = best && sum && out && matched ? CAIRN_OK : no_memory(s->err);

    for (size_t g = 0; g < plan->n_all && !st; g++) {
        const query_group *q = &plan->groups[g];
        st = scan_group(s, q, best);
        for (uint32_t r = 0; r < rows && !st; r++) {
            matched[r * plan->n_all + q->id] = best[r] > 0;
            if (q->occur == LEXICAL_TEST)
                continue;
            if (q->occur == LEXICAL_MUST_NOT ? best[r] > 0 : q->occur == LEXICAL_MUST && !best[r])
                out[r] = 1;
            else if (q->occur != LEXICAL_MUST_NOT)
                sum[r] += best[r];
        }
    }
    for (uint32_t r = 0; r < rows && !st; r++) {
        bool in = !out[r] && (sum[r] || plan->n_trees);
        for (size_t t = 0; t < plan->n_trees && in; t++)
            in = holds(s, plan->trees[t], matched + r * plan->n_all, r) != 0;
        if (in && !(s->seg->deleted && row_set_has(s->seg->deleted, r)) &&
            (!s->seg->allowed || row_set_has(s->seg->allowed, r)))
            all[(*n_all)++] = (scored_row){(int32_t)sum[r], (uint32_t)s->index, r};
    }
    free(best);
    free(sum);
    free(out);
    free(matched);
    return st;
}

cairn_status lexical_search_exhaustive(analyzer *a, const lexical_segment *segments, size_t n,
                                       const lexical_query *query, const lexical_params *params,
                                       size_t k, lexical_hit *hits, size_t *n_hits,
                                       cairn_error *err)
{
    analyzer *own = NULL;
    lexical_params defaults;
    query_plan plan;
    arena memory;
    size_t rows = 0, n_all = 0, n_scored = 0;
    lexical_hit *found = NULL;
    scored_row *all = NULL;
    scan s = {.plan = &plan, .err = err};
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
    if (st || (!plan.n_positive && !plan.n_trees))
        goto done;
    for (size_t i = 0; i < n; i++)
        rows += segments[i].reader->n_rows;
    all = checked_malloc(rows, sizeof *all);
    s.p = checked_aligned(1, sizeof *s.p);
    st = all && s.p ? CAIRN_OK : no_memory(err);
    for (size_t i = 0; i < n && !st; i++) {
        s.seg = &segments[i];
        s.index = i;
        st = scan_segment(&s, all, &n_all);
    }
    if (st)
        goto done;
    qsort(all, n_all, sizeof *all, better_first);
    found = checked_malloc(n_all, sizeof *found);
    if (!found) {
        st = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n_all; i++) {
        found[i] =
            (lexical_hit){all[i].segment, all[i].row, (float)((double)all[i].score / plan.scale)};
        n_scored += all[i].score > 0;
    }
    st = proximity_rescore(&plan, segments, params, found, n_scored, err);
    for (size_t i = 0; i < n_all && i < k && !st; i++)
        hits[(*n_hits)++] = found[i];
done:
    free(all);
    free(found);
    free(s.p);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}

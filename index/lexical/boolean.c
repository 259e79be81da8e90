/* boolean.c - which rows satisfy a tree of conditions: sets of rows, joined node by node.
 *
 * A tree decides membership alone; scores come from the positive clauses, which are searched among the
 * rows that the tree leaves. A leaf's set is made from the posting lists of its words, the matches of
 * its phrases and the rows of its patterns. A set takes a bit a row, and there are never more sets than
 * the tree is deep. */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "index/lexical/postings.h"
#include "index/lexical/query.h"

typedef struct evaluation {
    const query_plan *plan;
    const lexical_segment *seg;
    size_t s; /* index of the segment */
    size_t words;
    postings *p;
    cairn_error *err;
} evaluation;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for a set of rows");
}

static inline void set_row(uint64_t *set, uint32_t row)
{
    set[row >> 6] |= (uint64_t)1 << (row & 63);
}

/* ---- leaves ---- */

/* Add the rows that hold the word in a field that counts. */
static cairn_status add_word(evaluation *e, const query_plane *plane, const dict_term *t,
                             uint64_t *set)
{
    postings *p = e->p;
    bool all = true;
    cairn_status st;

    if (!t->df)
        return CAIRN_OK;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        all = all && plane->weight[f] > 0;
    st = postings_open(p, e->seg->reader, t, pack_get(), e->err);
    for (uint32_t b = 0; b < p->n_blocks && !st; b++) {
        st = postings_block(p, b, e->err);
        if (!st && !all)
            st = postings_tf(p, e->err);
        for (uint32_t i = 0; i < p->n && !st; i++) {
            bool counts = all;
            for (unsigned f = 0; f < LEXICAL_FIELDS && !counts; f++)
                counts = plane->weight[f] > 0 && p->fields >> f & 1 && p->tf[f][i];
            if (counts)
                set_row(set, p->doc[i]);
        }
    }
    return st;
}

static cairn_status add_phrase(evaluation *e, const query_plane *plane, const query_alt *alt,
                               uint64_t *set)
{
    phrase_match *m;
    size_t n;
    cairn_status st =
        phrase_find(e->plan, e->seg->reader, e->s, alt, plane->mask, &m, &n, e->err);

    for (size_t i = 0; i < n && !st; i++)
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            if (m[i].tf[f] && plane->weight[f] > 0) {
                set_row(set, m[i].row);
                break;
            }
    return st;
}

/* Add the rows that match any of the group's alternatives. */
static cairn_status add_group(evaluation *e, const query_group *g, uint64_t *set)
{
    const query_plane *plane = &e->plan->planes[g->plane];
    cairn_status st = CAIRN_OK;

    if (g->expansion) {
        const expansion_list *l = &g->expansion->in[e->s];
        for (uint32_t i = 0; i < l->n_rows; i++)
            set_row(set, l->row[i]);
        return CAIRN_OK;
    }
    for (size_t i = 0; i < g->n_alts && !st; i++) {
        const query_alt *alt = &g->alts[i];
        if (alt->n > 1 || alt->n_spans)
            st = add_phrase(e, plane, alt, set);
        else
            st = add_word(e, plane,
                          &e->plan->found[e->s * e->plan->n_terms + alt->words[0].term], set);
    }
    return st;
}

static uint64_t *new_set(const evaluation *e)
{
    return calloc(e->words + 1, sizeof(uint64_t));
}

static cairn_status leaf_rows(evaluation *e, const query_leaf *leaf, bool any, uint64_t *out)
{
    uint64_t *one = NULL;
    cairn_status st = CAIRN_OK;

    for (size_t i = 0; i < leaf->n && !st; i++) {
        const query_group *g = e->plan->by_id[leaf->ids[i]];
        if (!i || any) {
            st = add_group(e, g, out);
            continue;
        }
        if (!one)
            one = new_set(e);
        if (!one)
            return no_memory(e->err);
        memset(one, 0, e->words * sizeof *one);
        st = add_group(e, g, one);
        for (size_t w = 0; w < e->words; w++)
            out[w] &= one[w];
    }
    free(one);
    return st;
}

/* ---- nodes ---- */

/* Whether the node says anything: leaves without a word in them don't. */
static bool says_something(const query_plan *plan, const lexical_node *node)
{
    if (node->kind == LEXICAL_NODE_ROWS)
        return true;
    if (node->kind == LEXICAL_NODE_CLAUSE)
        return plan->leaves[node->clause].n != 0;
    for (size_t i = 0; i < node->n_parts; i++)
        if (says_something(plan, &node->parts[i]))
            return true;
    return false;
}

/* out (all 0) becomes the node's set; bits past the last row are of no account. */
static cairn_status node_rows(evaluation *e, const lexical_node *node, uint64_t *out)
{
    uint64_t *part = NULL;
    bool first = true;
    cairn_status st = CAIRN_OK;

    if (node->kind == LEXICAL_NODE_CLAUSE)
        return leaf_rows(e, &e->plan->leaves[node->clause], node->any, out);
    if (node->kind == LEXICAL_NODE_ROWS) {
        if (node->rows && node->rows[e->s])
            memcpy(out, node->rows[e->s], e->words * sizeof *out);
        return CAIRN_OK;
    }
    for (size_t i = 0; i < node->n_parts && !st; i++) {
        if (!says_something(e->plan, &node->parts[i]))
            continue;
        if (first) {
            st = node_rows(e, &node->parts[i], out);
            first = false;
            continue;
        }
        if (!part)
            part = new_set(e);
        if (!part)
            return no_memory(e->err);
        memset(part, 0, e->words * sizeof *part);
        st = node_rows(e, &node->parts[i], part);
        for (size_t w = 0; w < e->words; w++)
            out[w] = node->kind == LEXICAL_NODE_AND ? out[w] & part[w] : out[w] | part[w];
    }
    if (node->kind == LEXICAL_NODE_NOT)
        for (size_t w = 0; w < e->words; w++)
            out[w] = ~out[w];
    free(part);
    return st;
}

static cairn_status begin(evaluation *e, const query_plan *plan, const lexical_segment *seg, size_t s,
                          cairn_error *err)
{
    *e = (evaluation){.plan = plan,
                      .seg = seg,
                      .s = s,
                      .words = row_set_words(seg->reader->n_rows),
                      .err = err};
    e->p = checked_aligned(1, sizeof *e->p);
    return e->p ? CAIRN_OK : no_memory(err);
}

/* The rows that all trees and seg->allowed leave. */
static cairn_status tree_rows(const query_plan *plan, const lexical_segment *seg, size_t s,
                              uint64_t *out, cairn_error *err)
{
    evaluation e;
    cairn_status st = begin(&e, plan, seg, s, err);
    uint64_t *one = new_set(&e);

    if (!st && !one)
        st = no_memory(err);
    if (seg->allowed)
        memcpy(out, seg->allowed, e.words * sizeof *out);
    else
        memset(out, 0xFF, e.words * sizeof *out);
    for (size_t i = 0; i < plan->n_trees && !st; i++) {
        if (!says_something(plan, plan->trees[i]))
            continue;
        memset(one, 0, e.words * sizeof *one);
        st = node_rows(&e, plan->trees[i], one);
        for (size_t w = 0; w < e.words; w++)
            out[w] &= one[w];
    }
    free(one);
    free(e.p);
    return st;
}

cairn_status boolean_narrow(const query_plan *plan, const lexical_segment *segments, size_t n,
                            const lexical_segment **out, cairn_error *err)
{
    lexical_segment *narrow;
    cairn_status st = CAIRN_OK;

    *out = segments;
    if (!plan->n_trees)
        return CAIRN_OK;
    narrow = arena_calloc(plan->memory, n + 1, sizeof *narrow);
    if (!narrow)
        return no_memory(err);
    for (size_t s = 0; s < n && !st; s++) {
        uint64_t *rows = arena_calloc(plan->memory, row_set_words(segments[s].reader->n_rows) + 1,
                                      sizeof *rows);
        if (!rows)
            return no_memory(err);
        narrow[s] = segments[s];
        narrow[s].allowed = rows;
        st = tree_rows(plan, &segments[s], s, rows, err);
    }
    *out = narrow;
    return st;
}

/* Take from `rows` those that a MUST group lacks and those that a MUST_NOT group has. */
static cairn_status apply_groups(evaluation *e, uint64_t *rows)
{
    const query_plan *plan = e->plan;
    uint64_t *one = new_set(e);
    cairn_status st = one ? CAIRN_OK : no_memory(e->err);

    for (size_t i = 0; i < plan->n_groups && !st; i++) {
        const query_group *g = &plan->groups[i];
        if (g->occur == LEXICAL_SHOULD)
            continue;
        memset(one, 0, e->words * sizeof *one);
        st = add_group(e, g, one);
        for (size_t w = 0; w < e->words; w++)
            rows[w] &= g->occur == LEXICAL_MUST ? one[w] : ~one[w];
    }
    free(one);
    return st;
}

cairn_status boolean_rows(const query_plan *plan, const lexical_segment *seg, size_t s,
                          uint64_t *rows, cairn_error *err)
{
    evaluation e;
    uint32_t n_rows = seg->reader->n_rows;
    cairn_status st = tree_rows(plan, seg, s, rows, err);

    if (st)
        return st;
    st = begin(&e, plan, seg, s, err);
    if (!st)
        st = apply_groups(&e, rows);
    if (seg->deleted)
        for (size_t w = 0; w < e.words; w++)
            rows[w] &= ~seg->deleted[w];
    if (n_rows & 63)
        rows[n_rows >> 6] &= ((uint64_t)1 << (n_rows & 63)) - 1;
    free(e.p);
    return st;
}

cairn_status boolean_rest(const query_plan *plan, const lexical_segment *narrow, size_t n, size_t k,
                          lexical_hit *hits, size_t *n_hits, cairn_error *err)
{
    size_t scored = *n_hits;
    cairn_status st = CAIRN_OK;

    if (!plan->n_trees)
        return CAIRN_OK;
    for (size_t s = 0; s < n && *n_hits < k && !st; s++) {
        size_t words = row_set_words(narrow[s].reader->n_rows);
        query_plan groups_only = *plan;
        uint64_t *rows = calloc(words + 1, sizeof *rows);
        if (!rows)
            return no_memory(err);
        groups_only.n_trees = 0; /* narrow[s].allowed has them in it */
        st = boolean_rows(&groups_only, &narrow[s], s, rows, err);
        for (size_t i = 0; i < scored; i++)
            if (hits[i].segment == s)
                rows[hits[i].row >> 6] &= ~((uint64_t)1 << (hits[i].row & 63));
        for (size_t w = 0; w < words && !st; w++)
            for (uint64_t bits = rows[w]; bits && *n_hits < k; bits &= bits - 1)
                hits[(*n_hits)++] = (lexical_hit){
                    (uint32_t)s, (uint32_t)(64 * w + (size_t)__builtin_ctzll(bits)), 0};
        free(rows);
    }
    return st;
}

cairn_status lexical_match(analyzer *a, const lexical_segment *segments, size_t n,
                           const lexical_query *query, const lexical_params *params,
                           uint64_t *const *rows, cairn_error *err)
{
    analyzer *own = NULL;
    lexical_params defaults;
    query_plan plan;
    arena memory;
    cairn_status st = CAIRN_OK;

    lexical_params_default(&defaults);
    arena_init(&memory, QUERY_MEMORY_MAX);
    if (!a) {
        st = analyzer_create(&own, err);
        a = own;
    }
    if (!st)
        st = query_plan_make(&plan, &memory, a, segments, n, query, params ? params : &defaults,
                             err);
    for (size_t s = 0; s < n && !st; s++)
        st = boolean_rows(&plan, &segments[s], s, rows[s], err);
    arena_clear(&memory);
    analyzer_destroy(own);
    return st;
}

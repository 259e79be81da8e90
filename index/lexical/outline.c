/* outline.c - see outline.h: a plan over no segments, told in public words. */
#include "index/lexical/outline.h"

#include "index/lexical/query.h"

static bool has_pattern(const lexical_clause *c)
{
    bool any = c->kind == LEXICAL_WILDCARD;

    for (size_t i = 0; i < c->n_parts; i++)
        any |= has_pattern(&c->parts[i]);
    return any;
}

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory for the query");
}

/* words[first, first + n) as a run; offsets count from its first word. */
static cairn_status make_run(const query_plan *p, const query_alt *alt, size_t first, size_t n, outline_run *out,
                             cairn_error *err)
{
    const char **terms = arena_calloc(p->memory, n + 1, sizeof *terms);
    uint32_t *offsets = arena_calloc(p->memory, n + 1, sizeof *offsets);

    if (!terms || !offsets)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const query_word *w = &alt->words[first + i];
        terms[i] = arena_strndup(p->memory, p->terms[w->term].text, p->terms[w->term].len);
        offsets[i] = w->offset - alt->words[first].offset;
        if (!terms[i])
            return no_memory(err);
    }
    *out = (outline_run){terms, offsets, n};
    return CAIRN_OK;
}

/* A sloppy phrase has a span for each word, which says where it stands; of NEAR each part is one. */
static cairn_status make_alt(const query_plan *p, const query_group *g, const query_alt *alt, outline_alt *out,
                             cairn_error *err)
{
    bool near = g->clause && g->clause->kind == LEXICAL_NEAR;
    size_t n = near && alt->n_spans ? alt->n_spans : 1;
    outline_run *runs = arena_calloc(p->memory, n, sizeof *runs);
    cairn_status st = CAIRN_OK;

    if (!runs)
        return no_memory(err);
    *out = (outline_alt){runs, n};
    if (!near && alt->n_spans) {
        st = make_run(p, alt, 0, alt->n, &runs[0], err);
        for (size_t i = 0; i < alt->n_spans && !st; i++)
            ((uint32_t *)runs[0].offsets)[i] = alt->spans[i].lo - alt->spans[0].lo;
        return st;
    }
    for (size_t i = 0; i < n && !st; i++)
        st = alt->n_spans ? make_run(p, alt, alt->spans[i].first, alt->spans[i].n, &runs[i], err)
                          : make_run(p, alt, 0, alt->n, &runs[i], err);
    return st;
}

static cairn_status make_group(const query_plan *p, const query_group *g, outline_group *out, cairn_error *err)
{
    outline_alt *alts = arena_calloc(p->memory, g->n_alts + 1, sizeof *alts);
    cairn_status st = CAIRN_OK;

    if (!alts)
        return no_memory(err);
    *out = (outline_group){.occur = g->occur,
                           .field_mask = p->planes[g->plane].mask,
                           .boost = g->boost,
                           .alts = alts,
                           .kind = LEXICAL_WORDS};
    if (g->expansion) {
        out->kind = g->expansion->kind;
        out->text = g->expansion->text;
        out->len = g->expansion->len;
        out->edits = g->expansion->edits;
        return CAIRN_OK;
    }
    if (g->clause && (g->clause->kind == LEXICAL_PHRASE || g->clause->kind == LEXICAL_NEAR)) {
        out->kind = g->clause->kind;
        out->slop = g->clause->slop;
    }
    for (size_t i = 0; i < g->n_alts && !st; i++)
        st = make_alt(p, g, &g->alts[i], &alts[out->n_alts++], err);
    return st;
}

cairn_status lexical_outline_make(analyzer *a, const lexical_query *query, const lexical_params *params,
                                  arena *memory, lexical_outline *out, cairn_error *err)
{
    lexical_params own = *params;
    query_plan plan;
    outline_group *groups;
    outline_leaf *leaves;
    cairn_status st = CAIRN_OK;

    *out = (lexical_outline){0};
    for (size_t i = 0; i < query->n; i++)
        if (query->clauses[i].kind != LEXICAL_WILDCARD && has_pattern(&query->clauses[i]))
            return cairn_fail(err, CAIRN_EUNSUPPORTED,
                              "\"%.*s\": a pattern inside a phrase or NEAR is not searched on a cluster: leave the * "
                              "out, or write the words apart",
                              (int)query->clauses[i].len, query->clauses[i].text);
    own.compounds = false;
    st = query_plan_make(&plan, memory, a, NULL, 0, query, &own, err);
    if (st)
        return st;
    groups = arena_calloc(memory, plan.n_all + 1, sizeof *groups);
    leaves = arena_calloc(memory, query->n + 1, sizeof *leaves);
    if (!groups || !leaves)
        return no_memory(err);
    for (size_t i = 0; i < plan.n_all && !st; i++)
        st = make_group(&plan, plan.by_id[i], &groups[i], err);
    for (size_t i = 0; i < query->n; i++)
        leaves[i] = (outline_leaf){plan.leaves[i].ids, plan.leaves[i].n};
    *out = (lexical_outline){groups, plan.n_all, leaves};
    return st;
}

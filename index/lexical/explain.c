/* explain.c - why a row scores what it does: each word, phrase or pattern of the query with what it found
 * there. The arithmetic is the exhaustive search's, for the rows asked for. */
#include <string.h>

#include "index/lexical/query.h"
#include "index/lexical/words_at.h"

typedef struct explaining {
    const query_plan *plan;
    const lexical_segment *segments;
    arena *memory; /* of the caller: what is told */
    cairn_error *err;
} explaining;

static cairn_status no_memory(cairn_error *err)
{
    return cairn_fail(err, CAIRN_ENOMEM, "no memory to explain a search");
}

/* What the alternative found in the row: frequencies by field; *there is false for nothing. */
static cairn_status count_alt(explaining *e, const query_alt *alt, const query_plane *plane,
                              const lexical_hit *h, uint32_t tf[LEXICAL_FIELDS], bool *there)
{
    const lexical_reader *r = e->segments[h->segment].reader;
    words_at at = {0};
    uint32_t row = UINT32_MAX;
    cairn_status st;

    *there = false;
    memset(tf, 0, LEXICAL_FIELDS * sizeof *tf);
    if (alt->n > 1 || alt->n_spans) {
        phrase_match *m;
        size_t n;
        st = phrase_find(e->plan, r, h->segment, alt, plane->mask, &m, &n, e->err);
        for (size_t i = 0; i < n && !st && !*there; i++)
            if (m[i].row == h->row) {
                memcpy(tf, m[i].tf, LEXICAL_FIELDS * sizeof *tf);
                *there = true;
            }
        return st;
    }
    const dict_term *t = &e->plan->found[h->segment * e->plan->n_terms + alt->words[0].term];
    if (!t->df)
        return CAIRN_OK;
    st = words_at_open(&at, r, t, e->err);
    if (!st)
        st = words_at_seek(&at, h->row, &row, e->err);
    if (!st && row == h->row)
        st = postings_tf(at.p, e->err);
    if (!st && row == h->row) {
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            tf[f] = at.p->fields >> f & 1 ? at.p->tf[f][at.i] : 0;
        *there = true;
    }
    words_at_clear(&at);
    return st;
}

/* The alternative as its terms, one behind the other. */
static const char *name_of(explaining *e, const query_group *g, const query_alt *alt)
{
    const char *name = "";

    if (g->expansion)
        return arena_strndup(e->memory, g->expansion->text, g->expansion->len);
    for (size_t i = 0; i < alt->n && name; i++) {
        const query_term *t = &e->plan->terms[alt->words[i].term];
        name = arena_printf(e->memory, "%s%s%.*s", name, i ? " " : "", (int)t->len, t->text);
    }
    return name;
}

static float expansion_tf(const query_expansion *x, const lexical_hit *h)
{
    const expansion_list *l = &x->in[h->segment];
    uint32_t low = 0, high = l->n_rows;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (l->row[mid] < h->row)
            low = mid + 1;
        else
            high = mid;
    }
    return low < l->n_rows && l->row[low] == h->row ? l->tf[low] : 0;
}

/* The group's best alternative in this row; out->score 0: none. */
static cairn_status explain_group(explaining *e, const query_group *g, const lexical_hit *h,
                                  lexical_reason *out)
{
    const query_plane *plane = &e->plan->planes[g->plane];
    const uint8_t *codes;
    const query_alt *best = NULL;
    float k;
    cairn_status st =
        query_codes(e->plan, plane, e->segments[h->segment].reader, &codes, e->err);

    *out = (lexical_reason){.boost = g->boost};
    if (st)
        return st;
    k = plane->k0 + plane->k1 * (float)length_value(codes[h->row]);
    for (size_t i = 0; i < g->n_alts && !st; i++) {
        const query_alt *alt = &g->alts[i];
        uint32_t in[LEXICAL_FIELDS] = {0};
        float tf = g->expansion ? expansion_tf(g->expansion, h) : 0, score;
        bool there = tf > 0;
        if (!g->expansion)
            st = count_alt(e, alt, plane, h, in, &there);
        for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
            tf += plane->weight[f] * (float)in[f];
        score = there && tf > 0 ? (float)((double)(alt->w * tf / (tf + k)) / e->plan->scale) : 0;
        if (st || !(score > out->score))
            continue;
        best = alt;
        out->score = score;
        out->tf = tf;
        memcpy(out->in, in, sizeof in);
    }
    if (st || !best)
        return st;
    out->name = name_of(e, g, best);
    out->idf = g->expansion ? g->expansion->idf : 0;
    out->rows = g->expansion ? g->expansion->df : 0;
    for (size_t i = 0; i < best->n; i++) {
        const query_term *t = &e->plan->terms[best->words[i].term];
        out->idf += t->idf;
        out->rows = i && out->rows < t->df ? out->rows : t->df;
    }
    return out->name ? CAIRN_OK : no_memory(e->err);
}

static cairn_status explain_hit(explaining *e, const lexical_hit *h, lexical_reasons *out)
{
    const query_plan *plan = e->plan;
    cairn_status st = CAIRN_OK;

    out->at = arena_calloc(e->memory, plan->n_positive + 1, sizeof *out->at);
    if (!out->at)
        return no_memory(e->err);
    for (size_t i = 0; i < plan->n_positive && !st; i++) {
        st = explain_group(e, &plan->groups[i], h, &out->at[out->n]);
        if (st || !(out->at[out->n].score > 0))
            continue;
        out->nearness -= out->at[out->n++].score;
    }
    /* What the words don't account for; integer scores round by less than this. */
    out->nearness = h->score + out->nearness;
    if (out->nearness < 1e-3f * (h->score + 1e-3f))
        out->nearness = 0;
    return st;
}

static cairn_status explain_patterns(explaining *e, lexical_explanation *out)
{
    const query_plan *plan = e->plan;

    out->patterns = arena_calloc(e->memory, plan->n_expansions + 1, sizeof *out->patterns);
    if (!out->patterns)
        return no_memory(e->err);
    for (size_t i = 0; i < plan->n_expansions; i++) {
        const query_expansion *x = plan->expansions[i];
        lexical_pattern *p = &out->patterns[out->n_patterns++];
        *p = (lexical_pattern){.name = arena_strndup(e->memory, x->text, x->len),
                               .words = x->n_terms,
                               .left_out = x->n_left_out,
                               .rows = x->df,
                               .problem = x->problem ? arena_strdup(e->memory, x->problem) : NULL};
        p->shown = arena_calloc(e->memory, x->n_shown + 1, sizeof *p->shown);
        if (!p->name || !p->shown || (x->problem && !p->problem))
            return no_memory(e->err);
        for (size_t j = 0; j < x->n_shown; j++) {
            p->shown[j].name = arena_strndup(e->memory, x->shown[j].text, x->shown[j].len);
            p->shown[j].rows = x->shown[j].df;
            p->shown[j].edits = x->shown[j].edits;
            if (!p->shown[j].name)
                return no_memory(e->err);
        }
        p->n_shown = x->n_shown;
    }
    return CAIRN_OK;
}

cairn_status lexical_explain(analyzer *a, const lexical_segment *segments, size_t n,
                             const lexical_query *query, const lexical_params *params,
                             const lexical_hit *hits, size_t n_hits, arena *memory,
                             lexical_explanation *out, cairn_error *err)
{
    analyzer *own = NULL;
    lexical_params defaults;
    query_plan plan;
    arena scratch;
    explaining e = {.plan = &plan, .segments = segments, .memory = memory, .err = err};
    cairn_status st = CAIRN_OK;

    *out = (lexical_explanation){0};
    lexical_params_default(&defaults);
    arena_init(&scratch, QUERY_MEMORY_MAX);
    if (!a) {
        st = analyzer_create(&own, err);
        a = own;
    }
    if (!st)
        st = query_plan_make(&plan, &scratch, a, segments, n, query, params ? params : &defaults,
                             err);
    if (!st)
        st = explain_patterns(&e, out);
    out->reasons = arena_calloc(memory, n_hits + 1, sizeof *out->reasons);
    if (!st && !out->reasons)
        st = no_memory(err);
    for (size_t i = 0; i < n_hits && !st; i++)
        st = explain_hit(&e, &hits[i], &out->reasons[i]);
    arena_clear(&scratch);
    analyzer_destroy(own);
    return st;
}

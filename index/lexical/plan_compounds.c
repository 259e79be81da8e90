/* plan_compounds.c - beside a German or Dutch word its compounds and its parts (compound.h). */
#include "index/lexical/plan.h"

#include <string.h>

#include "index/lexical/compound.h"

/* Measured in docs/lexical.md: */
#define COMPOUND_PARTS_BOOST  0.3f  /* of the parts beside the whole */
#define COMPOUND_WINDOW       30    /* other words between the parts */
#define COMPOUND_BOOST        0.15f /* of a word's compounds beside it */
#define COMPOUND_FIRST_FACTOR 0.5f  /* of those that it begins, on their frequencies */

/* Words of the question that may have compounds, or be one. */
typedef struct compounding {
    compound_words known;
    compound_search words[COMPOUND_WORDS_MAX];
    query_group group[COMPOUND_WORDS_MAX]; /* what the groups of each have in common */
    const lexical_clause *clause[COMPOUND_WORDS_MAX];
    size_t n;
} compounding;

/* The language whose compounds are parted, that of the question or else of most rows; NULL: none.
 */
static const char *choose_compound_language(const plan_builder *b, const lexical_query *q)
{
    const char *lang = q->lang_hint && *q->lang_hint ? q->lang_hint
                       : b->stop_lang                ? b->stop_lang
                                                     : b->lang[0];

    for (size_t l = 0; l < b->n_langs; l++)
        if (!strcmp(b->lang[l], lang) && compound_language(lang))
            return b->lang[l];
    return NULL;
}

static cairn_status list_compounding(plan_builder *b, const lexical_clause *c, compounding *out)
{
    const analyzer_token *t;
    size_t n;
    cairn_status st = analyzer_run(b->analyzer, out->known.lang, c->text, c->len, &t, &n, b->err);

    for (size_t i = 0; i < n && !st && out->n < COMPOUND_WORDS_MAX; i++) {
        char form[ANALYZER_FORM_MAX];
        size_t len = analyzer_form(c->text + t[i].start, t[i].end - t[i].start, form);
        if (t[i].extra || t[i].stop || !len || len > FORM_MAX)
            continue;
        out->words[out->n] =
            (compound_search){.form = arena_strndup(b->memory, form, len),
                              .form_len = len,
                              .term = arena_strndup(b->memory, t[i].term, t[i].len),
                              .term_len = t[i].len};
        if (!out->words[out->n].form || !out->words[out->n].term)
            return plan_no_memory(b);
        out->group[out->n] = (query_group){.occur = LEXICAL_SHOULD,
                                           .plane = plan_plane(b, c->field_mask),
                                           .boost = c->boost > 0 ? c->boost : 1,
                                           .start = t[i].start,
                                           .end = t[i].end};
        out->clause[out->n++] = c;
    }
    return st;
}

/* The parts of a word that is a compound, near each other in any order. They count less beside a
 * whole that somebody wrote. */
static cairn_status add_parts(plan_builder *b, const compounding *k, size_t i)
{
    const compound_search *w = &k->words[i];
    query_group g = k->group[i];
    query_alt alt = {0};
    query_word *words = arena_calloc(b->memory, COMPOUND_PARTS_MAX, sizeof *words);
    query_span *spans = arena_calloc(b->memory, COMPOUND_PARTS_MAX, sizeof *spans);
    bool known;
    compound_split *parts = arena_calloc(b->memory, 1, sizeof *parts);
    cairn_status st = words && spans && parts ? CAIRN_OK : plan_no_memory(b);

    if (!st)
        st = compound_part(&k->known, w->form, w->form_len, parts, b->err);
    for (size_t j = 0; !st && j < parts->n; j++) {
        const analyzer_token *t;
        size_t n;
        st =
            analyzer_run(b->analyzer, k->known.lang, parts->part[j], parts->len[j], &t, &n, b->err);
        if (!st && n)
            st = plan_term(b, t[0].term, t[0].len, &words[alt.n++].term);
    }
    if (st || alt.n < 2)
        return st;
    alt.words = words;
    alt.spans = spans;
    alt.n_spans = alt.n;
    alt.window = COMPOUND_WINDOW + (uint32_t)alt.n;
    for (size_t j = 0; j < alt.n; j++)
        spans[j] = (query_span){(uint32_t)j, 1, 0, alt.window - 1};
    st = plan_is_known(b, &(analyzer_token){.term = w->term, .len = (uint32_t)w->term_len}, &known);
    g.boost *= known ? COMPOUND_PARTS_BOOST : 1;
    if (!st)
        st = plan_add_alt(b, &g, &alt);
    return st ? st : plan_add_group(b, &g);
}

/* The compounds of a word, as one word with many spellings. */
static cairn_status add_compounds_of(plan_builder *b, const compounding *k, size_t i)
{
    const compound_search *w = &k->words[i];
    query_plan *p = b->plan;
    query_group g = k->group[i];
    query_expansion *x = arena_calloc(b->memory, 1, sizeof *x);
    expansion_word *words = arena_calloc(b->memory, w->n + 1, sizeof *words);
    const char *name = arena_printf(b->memory, "compounds of %.*s", (int)w->form_len, w->form);
    cairn_status st;

    if (!x || !words || !name)
        return plan_no_memory(b);
    for (size_t j = 0; j < w->n; j++)
        words[j] = (expansion_word){w->found[j].text, w->found[j].len,
                                    w->found[j].first ? COMPOUND_FIRST_FACTOR : 1};
    *x = (query_expansion){.text = name, .len = strlen(name), .plane = g.plane};
    st = expansion_of_words(x, p, words, w->n, b->segments, b->n_segments, &b->postings_left,
                            b->err);
    p->expansions[p->n_expansions++] = x;
    g.expansion = x;
    g.boost *= COMPOUND_BOOST;
    if (!st)
        st = plan_add_alt(b, &g, &(query_alt){0});
    return st ? st : plan_add_group(b, &g);
}

/* Beside the words that may occur in a row stand their compounds and their parts. They bind
 * nothing. */
cairn_status plan_add_compounds(plan_builder *b, const lexical_query *q)
{
    compounding *k;
    cairn_status st = CAIRN_OK;
    const char *lang = b->params->compounds ? choose_compound_language(b, q) : NULL;

    if (!lang)
        return CAIRN_OK;
    k = arena_calloc(b->memory, 1, sizeof *k);
    if (!k)
        return plan_no_memory(b);
    k->known = (compound_words){b->segments, b->n_segments, lang, b->analyzer};
    for (size_t i = 0; i < q->n && !st; i++)
        if (q->clauses[i].kind == LEXICAL_WORDS && q->clauses[i].occur == LEXICAL_SHOULD)
            st = list_compounding(b, &q->clauses[i], k);
    if (!st && k->n)
        st = compound_find(&k->known, k->words, k->n, b->memory, b->err);
    b->binding = false;
    for (size_t i = 0; i < k->n && !st; i++) {
        b->clause = k->clause[i];
        st = add_parts(b, k, i);
        if (!st && k->words[i].n)
            st = add_compounds_of(b, k, i);
    }
    b->binding = true;
    return st;
}

/* explain.c - what retrieve/ tells of a search, copied into the result a caller keeps. */
#include "engine/search.h"

static const char *copy(arena *memory, const char *s, bool *fine)
{
    char *own = s ? arena_strdup(memory, s) : NULL;

    *fine = *fine && (own || !s);
    return own;
}

/* "organisation (12), organise (7)": the most frequent words a pattern stands for. */
static const char *list_words(arena *memory, const lexical_pattern *p, bool *fine)
{
    const char *list = "";

    for (size_t i = 0; i < p->n_shown && list; i++)
        list = arena_printf(memory, "%s%s%s (%llu)", list, i ? ", " : "", p->shown[i].name,
                            (unsigned long long)p->shown[i].rows);
    *fine = *fine && list;
    return list;
}

static void copy_reasons(arena *memory, const lexical_reasons *from, cairn_hit *to, bool *fine)
{
    cairn_reason *own = arena_calloc(memory, from->n + 1, sizeof *own);

    *fine = *fine && own;
    for (size_t i = 0; own && i < from->n; i++) {
        const lexical_reason *r = &from->at[i];
        own[i] = (cairn_reason){.term = copy(memory, r->name, fine),
                                .passages = r->rows,
                                .idf = r->idf,
                                .boost = r->boost,
                                .frequency = r->tf,
                                .in_title = r->in[LEXICAL_TITLE],
                                .in_path = r->in[LEXICAL_PATH],
                                .in_heading = r->in[LEXICAL_HEADINGS],
                                .in_text = r->in[LEXICAL_BODY],
                                .score = r->score};
    }
    to->reasons = own;
    to->n_reasons = own ? from->n : 0;
    to->nearness = from->nearness;
}

cairn_status engine_explain(cairn *c, const retrieve_query *query, const retrieve_result *found,
                            cairn_search_result *out, cairn_error *err)
{
    const lexical_explanation *why = found->explained;
    arena *memory = out->memory;
    cairn_pattern *patterns;
    bool fine = true;

    out->read_as = copy(memory, query->read_as, &fine);
    if (!why)
        return fine ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "explanation");
    patterns = arena_calloc(memory, why->n_patterns + 1, sizeof *patterns);
    fine = fine && patterns;
    for (size_t i = 0; patterns && i < why->n_patterns; i++) {
        const lexical_pattern *p = &why->patterns[i];
        if (c->access) { /* its words are those of all documents */
            patterns[i] = (cairn_pattern){.text = copy(memory, p->name, &fine),
                                          .shown = copy(memory, "", &fine)};
            continue;
        }
        patterns[i] = (cairn_pattern){.text = copy(memory, p->name, &fine),
                                      .words = p->words,
                                      .left_out = p->left_out,
                                      .passages = p->rows,
                                      .problem = copy(memory, p->problem, &fine),
                                      .shown = list_words(memory, p, &fine)};
    }
    out->patterns = patterns;
    out->n_patterns = patterns ? why->n_patterns : 0;
    for (size_t i = 0; i < out->n_hits; i++)
        copy_reasons(memory, &why->reasons[found->hits[i].fused_rank - 1], &out->hits[i], &fine);
    for (size_t i = 0; c->access && i < out->n_hits; i++) /* nor how many passages hold a word */
        for (size_t j = 0; j < out->hits[i].n_reasons; j++)
            ((cairn_reason *)(uintptr_t)out->hits[i].reasons)[j].passages = 0;
    return fine ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "explanation");
}

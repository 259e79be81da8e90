/* plan.h - what makes a query_plan: its builder and the steps that clauses take; private.
 *
 *   query.c           languages, terms, field masks, groups, patterns, conditions, statistics
 *   plan_words.c      words: stems of all languages, stop words, synonyms, parts of identifiers
 *   plan_phrases.c    phrases, with slop, and NEAR
 *   plan_identifiers.c  part numbers in other spellings
 *   plan_compounds.c  compounds of German and Dutch beside the words
 *
 * Everything lives in the plan's arena. A step that fails has put its sentence into b->err. */
#ifndef CAIRN_INDEX_LEXICAL_PLAN_H
#define CAIRN_INDEX_LEXICAL_PLAN_H

#include "index/lexical/query.h"

/* Stems of the languages with most rows are tried: room for the 28 that have a stemmer, and others. */
#define PLAN_LANGUAGES_MAX 40

typedef struct plan_builder {
    query_plan *plan;
    arena *memory;
    analyzer *analyzer;
    const lexical_params *params;
    const char *lang[PLAN_LANGUAGES_MAX]; /* of the collection, most rows first */
    size_t n_langs;
    const char *stop_lang; /* whose function words don't score; NULL: none */
    size_t words_left;
    uint64_t postings_left; /* for patterns */
    size_t phrase_patterns; /* in phrases and NEAR, met so far */
    size_t cap_terms, cap_groups;
    uint32_t ids; /* groups made so far */
    const lexical_segment *segments;
    size_t n_segments;
    const lexical_clause *clause; /* at hand, and the groups it became */
    query_leaf *leaf;
    size_t cap_leaf;
    bool binding; /* groups made now are what conditions on the clause look at */
    cairn_error *err;
} plan_builder;

cairn_status plan_no_memory(plan_builder *b);
/* Room for one more element of an arena array. */
void *plan_grown(arena *a, void *old, size_t n, size_t *cap, size_t size);
/* The number of a term, of a field mask: a new one where it was not met before. */
cairn_status plan_term(plan_builder *b, const char *text, size_t len, uint32_t *out);
uint32_t plan_plane(plan_builder *b, uint32_t mask);
/* A word asked for twice counts twice: its boosts add up. */
cairn_status plan_add_group(plan_builder *b, const query_group *g);
/* Add an alternative unless it is there. */
cairn_status plan_add_alt(plan_builder *b, query_group *g, const query_alt *alt);
/* Is the term in any dictionary? */
cairn_status plan_is_known(plan_builder *b, const analyzer_token *t, bool *known);

cairn_status plan_add_words(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost);

/* Alternatives of the group: a text's words in a row, in each language. */
cairn_status plan_add_texts(plan_builder *b, query_group *g, const char *text, size_t len);
/* Alternatives of the group: other spellings of an identifier; *added grows by their number. */
cairn_status plan_spell_identifier(plan_builder *b, query_group *g, const char *text, size_t len, size_t *added);
/* Is the clause an identifier of several words that has other spellings? *g is then it in all of them, and what conditions on the clause
 * look at. */
cairn_status plan_find_identifier(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost, query_group *g, bool *found);
/* Groups beside the words of a clause for the identifiers in it. They bind nothing. */
cairn_status plan_add_identifiers(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost);
/* Of a PHRASE or a NEAR. */
cairn_status plan_add_phrase(plan_builder *b, const lexical_clause *c, uint32_t plane, float boost);

/* Beside the words that may occur in a row stand their compounds and their parts. They bind
 * nothing. */
cairn_status plan_add_compounds(plan_builder *b, const lexical_query *q);

#endif

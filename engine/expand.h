/* expand.h - what is searched beside the question as it was asked. All of it is added at a fraction of the question's
 * weight, so a bad guess costs little.
 *
 *   acronyms     what a short form in the question stands for in the documents, and the short form of what it
 *                spells out ([search] acronyms; by default on)
 *   other names  what the best passages by words call the thing asked for, too ("also known as"; [search] other_names)
 *   multi-query  other ways to ask it, from the generator ([search] expand)
 *   hyde         a passage that could answer it, from the generator (Gao et al., ACL 2023)
 *   second hop   names that stand in the best passages and not in the question: for questions that need a second
 *                document ([search] hops = 2) */
#ifndef CAIRN_ENGINE_EXPAND_H
#define CAIRN_ENGINE_EXPAND_H

#include "engine/search.h"

#define EXPAND_TEXTS 4

typedef struct expansion {
    lexical_clause *clauses; /* words that may occur */
    size_t n_clauses;
    encoder_text texts[EXPAND_TEXTS]; /* whose directions are mixed with the question's */
    size_t n_texts;
    encoder_role role;
    const char *shown; /* what was added, a line each; NULL: nothing */
} expansion;

/* For the query as parsed; everything lives in `memory`. A generator that is missing or fails adds nothing. */
cairn_status engine_expand(cairn *c, const view *v, const engine_query *e, const retrieve_corpus *corpus,
                           const retrieve_query *query, arena *memory, expansion *out, cairn_error *err);
/* In a collection elsewhere, short forms of what the question spells out are looked for in what the search itself has read, as
 * searching for them first would ask twice: what is found is to be searched for again. Elsewhere nothing. */
cairn_status engine_expand_after(cairn *c, const view *v, const engine_query *e, const retrieve_query *query,
                                 arena *memory, expansion *out, cairn_error *err);
/* Names from the best hits of a first search. */
cairn_status engine_second_hop(cairn *c, const view *v, const retrieve_query *query, const retrieve_result *first,
                               arena *memory, expansion *out, cairn_error *err);

#endif

/* outline.h - what a question asks of the terms, for an index that is not here: clauses taken apart by the same
 * rules as for our own segments (stems of all languages, function words, the user's synonyms, names, phrases),
 * as groups of alternatives with weights, before anything is looked up.
 *
 * Owns     everything lives in the caller's arena.
 * Errors   CAIRN_EUNSUPPORTED: a pattern inside a phrase or NEAR, which stands for terms of a dictionary. */
#ifndef CAIRN_INDEX_LEXICAL_OUTLINE_H
#define CAIRN_INDEX_LEXICAL_OUTLINE_H

#include "index/lexical/lexical.h"

/* Words in a row: the i-th at offset[i] places behind the first. */
typedef struct outline_run {
    const char *const *terms; /* NUL-terminated */
    const uint32_t *offsets;
    size_t n;
} outline_run;

/* One run, or for NEAR several, each a part. */
typedef struct outline_alt {
    const outline_run *runs;
    size_t n_runs;
} outline_alt;

typedef struct outline_group {
    lexical_occur occur;
    uint32_t field_mask;
    float boost;
    const outline_alt *alts; /* the best scores; of a pattern none */
    size_t n_alts;
    lexical_kind kind; /* WORDS, PHRASE, NEAR: of the alternatives; else the pattern's, with text and edits */
    uint32_t slop;
    const char *text;
    size_t len;
    unsigned edits;
} outline_group;

/* The groups that conditions on a clause look at: indexes into `groups`. */
typedef struct outline_leaf {
    const uint32_t *groups;
    size_t n;
} outline_leaf;

typedef struct lexical_outline {
    const outline_group *groups;
    size_t n_groups;
    const outline_leaf *leaves; /* [clauses of the query] */
} lexical_outline;

/* Of params the languages, `is_known`, stop words and synonyms count. Compounds are left out: they are told
 * by the collection's own dictionary. */
cairn_status lexical_outline_make(analyzer *a, const lexical_query *query, const lexical_params *params,
                                  arena *memory, lexical_outline *out, cairn_error *err);

#endif

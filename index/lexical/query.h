/* query.h - what a question asks of the lists, worked out once for all segments; private.
 *
 * A query is groups. A word is a group of alternatives: its distinct stems over the languages of
 * the collection, of which the best scores. A phrase is a group too; its alternatives are sequences
 * of terms. Scores are integers in units of 1 / scale. */
#ifndef CAIRN_INDEX_LEXICAL_QUERY_H
#define CAIRN_INDEX_LEXICAL_QUERY_H

#include "base/arena.h"
#include "index/lexical/dict.h"
#include "index/lexical/pack.h"
#include "index/lexical/reader.h"

typedef struct query_term {
    const char *text;
    size_t len;
    uint64_t df; /* over all segments */
    float idf;
} query_term;

/* A field mask turned into weights. */
typedef struct query_plane {
    uint32_t mask;
    float weight[LEXICAL_FIELDS], length_weight[LEXICAL_FIELDS];
    float k0, k1; /* K = k0 + k1 * weighted length */
} query_plane;

typedef struct query_word {
    uint32_t term, offset; /* offset from the first word of the phrase */
} query_word;

typedef struct query_alt {
    const query_word *words;
    size_t n; /* 1: a word, more: a phrase */
    float w;  /* upper limit of its score, in integer units */
} query_alt;

typedef struct query_group {
    lexical_occur occur;
    uint32_t plane;
    float boost;
    query_alt *alts;
    size_t n_alts;
} query_group;

typedef struct query_plan {
    arena *memory;
    query_term *terms;
    size_t n_terms;
    query_plane *planes;
    size_t n_planes;
    query_group *groups; /* positive ones first, then MUST_NOT */
    size_t n_groups, n_positive, n_must;
    dict_term *found; /* [segment * n_terms + term]; df 0 = not there */
    double scale;
} query_plan;

/* Everything lives in `memory`. A plan with n_positive 0 finds nothing. */
cairn_status query_plan_make(query_plan *plan, arena *memory, analyzer *a,
                             const lexical_segment *segments, size_t n, const lexical_query *query,
                             const lexical_params *params, cairn_error *err);

/* Weighted lengths of a segment's rows for a plane: the reader's own or made in `memory`. */
cairn_status query_lengths(const query_plan *plan, const query_plane *plane,
                           const lexical_reader *r, const float **out, cairn_error *err);

/* One phrase match: tf[f] times in field f. */
typedef struct phrase_match {
    uint32_t row;
    uint32_t tf[LEXICAL_FIELDS];
} phrase_match;

/* Rows of segment s where the alternative's words stand in a row, ascending; in plan->memory. */
cairn_status phrase_find(const query_plan *plan, const lexical_reader *r, size_t s,
                         const query_alt *alt, uint32_t field_mask, phrase_match **out, size_t *n,
                         cairn_error *err);

#endif

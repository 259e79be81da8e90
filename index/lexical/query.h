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

/* What a plan and the scratch of its search may take. */
#define QUERY_MEMORY_MAX ((size_t)4 << 30)

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
    row_lengths lengths;
    float k0, k1; /* K = k0 + k1 * length of the row, in the unit of `lengths` */
} query_plane;

typedef struct query_word {
    uint32_t term, offset; /* offset from the first word of the phrase */
} query_word;

/* A longer sloppy phrase is matched word for word; further parts of a NEAR are left out, and so are
 * further words of a part. */
#define NEAR_SPANS_MAX 32
#define NEAR_WORDS_MAX 64

/* Words in a row, somewhere in a window: their first stands lo .. hi places behind its start. */
typedef struct query_span {
    uint32_t first, n; /* words of the alternative */
    uint32_t lo, hi;
} query_span;

typedef struct query_alt {
    const query_word *words;
    size_t n; /* 1: a word, more: a phrase */
    float w;  /* upper limit of its score, in integer units */
    /* Of a sloppy phrase or NEAR: where its spans may stand; words' offsets count within spans. */
    const query_span *spans; /* of at most NEAR_WORDS_MAX words each */
    size_t n_spans;
    uint32_t window; /* the next window begins at least so many places on */
} query_alt;

/* A dictionary term that a pattern stands for, in one segment. */
typedef struct expansion_term {
    dict_place at;
    float factor; /* on its frequencies */
} expansion_term;

/* A pattern's rows in one segment: one posting list made of many. tf is weighted by the plane. */
typedef struct expansion_list {
    const expansion_term *terms;
    size_t n_terms;
    uint32_t *row; /* 64-byte aligned, [n_rows rounded up to 16], as tf */
    float *tf;
    uint32_t n_rows;
} expansion_list;

#define EXPANSION_SHOWN 10

typedef struct expansion_shown {
    const char *text;
    size_t len;
    uint64_t df;
    unsigned edits;
} expansion_shown;

typedef struct query_expansion {
    lexical_kind kind; /* WORDS: compounds of a word, and the text is a description */
    const char *text;
    size_t len;
    unsigned edits;
    uint32_t plane;
    expansion_list *in; /* [segment] */
    uint64_t df;        /* rows with any of its terms */
    float idf;
    size_t n_terms, n_left_out; /* distinct over the segments; those beyond the bound */
    expansion_shown *shown; /* the most frequent of its terms */
    size_t n_shown;
    size_t words_only; /* gather no rows, but so many shown */
    const char *problem; /* why it is no pattern; or NULL */
} query_expansion;

typedef struct query_group {
    lexical_occur occur;
    uint32_t plane;
    float boost;
    query_alt *alts;
    size_t n_alts;
    const query_expansion *expansion; /* then one alternative without words */
    bool spellings; /* the alternatives are spellings of a pattern: none weighs more than another */
    bool whole; /* a name of several words, which have groups of their own */
    uint32_t id;                      /* in the order of making; for trees and explanations */
    const lexical_clause *clause;     /* the first that asked for it */
    uint32_t start, end;              /* bytes of that clause's text; 0, 0 = all */
} query_group;

/* The groups that a clause became: indexes into query_plan.by_id. */
typedef struct query_leaf {
    uint32_t *ids;
    size_t n;
} query_leaf;

typedef struct query_plan {
    arena *memory;
    query_term *terms;
    size_t n_terms;
    query_plane *planes;
    size_t n_planes;
    query_group *groups; /* positive ones first, then MUST_NOT, then TEST */
    size_t n_groups, n_positive, n_must;
    size_t n_all; /* with the TEST ones, which n_groups leaves out */
    query_group **by_id;
    query_leaf *leaves; /* [clauses] */
    const lexical_node *const *trees;
    size_t n_trees;
    query_expansion **expansions;
    size_t n_expansions;
    dict_term *found; /* [segment * n_terms + term]; df 0 = not there */
    double scale;
} query_plan;

/* Everything lives in `memory`. A plan with n_positive 0 finds nothing. */
cairn_status query_plan_make(query_plan *plan, arena *memory, analyzer *a,
                             const lexical_segment *segments, size_t n, const lexical_query *query,
                             const lexical_params *params, cairn_error *err);

/* Length code of each of a segment's rows for a plane: the reader's own or made in `memory`. */
cairn_status query_codes(const query_plan *plan, const query_plane *plane, const lexical_reader *r,
                         const uint8_t **out, cairn_error *err);

/* One phrase match: tf[f] times in field f. */
typedef struct phrase_match {
    uint32_t row;
    uint32_t tf[LEXICAL_FIELDS];
} phrase_match;

/* Rows of segment s where the alternative's words stand in a row (or its spans in a window),
 * ascending; in plan->memory. */
cairn_status phrase_find(const query_plan *plan, const lexical_reader *r, size_t s,
                         const query_alt *alt, uint32_t field_mask, phrase_match **out, size_t *n,
                         cairn_error *err);

/* ---- patterns (expand.c) ---- */

/* Find the terms of x in all segments and gather its rows. `postings_left` bounds the work of a query
 * and is lessened. Only for want of memory and damage does this fail: a bad pattern leaves its
 * sentence in x->problem and matches nothing. */
cairn_status expansion_make(query_expansion *x, const query_plan *plan, analyzer *a,
                            const char *const *langs, size_t n_langs,
                            const lexical_segment *segments, size_t n, uint64_t *postings_left,
                            cairn_error *err);

typedef struct expansion_word {
    const char *text;
    size_t len;
    float factor; /* on its frequencies */
} expansion_word;

/* The same for given terms, by ascending text, as one word with many spellings. */
cairn_status expansion_of_words(query_expansion *x, const query_plan *plan,
                                const expansion_word *words, size_t n_words,
                                const lexical_segment *segments, size_t n, uint64_t *postings_left,
                                cairn_error *err);

/* ---- windows (near.c) ---- */

/* Where a span begins: ascending, without repeats. */
typedef struct near_places {
    const uint32_t *at;
    size_t n;
} near_places;

/* How many windows, from the left and without overlap, hold every span, each at a place of its own.
 * A window begins where some span stands at its lo. `hit` (may be NULL) is told each. */
uint32_t near_count(const query_span *spans, const near_places *places, size_t n, uint32_t window,
                    void (*hit)(void *ctx, int64_t start), void *ctx);

/* ---- proximity (proximity.c) ---- */

/* How many rows must be found so that the best k after proximity_rescore are known. */
size_t proximity_depth(const query_plan *plan, const lexical_params *params, size_t k);
/* Add the bonus to the first params->proximity_depth of the hits and sort those again. */
cairn_status proximity_rescore(const query_plan *plan, const lexical_segment *segments,
                               const lexical_params *params, lexical_hit *hits, size_t n,
                               cairn_error *err);

/* ---- trees (boolean.c) ---- */

/* *out: the segments with the rows that the trees leave in `allowed`; `segments` itself without trees.
 * In plan->memory. */
cairn_status boolean_narrow(const query_plan *plan, const lexical_segment *segments, size_t n,
                            const lexical_segment **out, cairn_error *err);
/* Write to rows[row_set_words] which rows of segment s are live, allowed, and satisfy the trees and the
 * MUST and MUST_NOT groups. */
cairn_status boolean_rows(const query_plan *plan, const lexical_segment *seg, size_t s,
                          uint64_t *rows, cairn_error *err);
/* Fill hits up to k with rows that the trees allow and that no word scored; `narrow` is what
 * boolean_narrow gave. Nothing without trees. */
cairn_status boolean_rest(const query_plan *plan, const lexical_segment *narrow, size_t n, size_t k,
                          lexical_hit *hits, size_t *n_hits, cairn_error *err);

#endif

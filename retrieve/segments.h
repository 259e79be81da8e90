/* segments.h - the embedded index: one search over the segments of a snapshot; private. */
#ifndef CAIRN_RETRIEVE_SEGMENTS_H
#define CAIRN_RETRIEVE_SEGMENTS_H

#include "retrieve/search.h"

/* One search on its way. */
typedef struct segments_search {
    const retrieve_corpus *corpus;
    const retrieve_ask *ask;
    retrieve_lists *out;
    lexical_segment *lexical;      /* with the filter's rows */
    const lexical_clause *clauses; /* the query's, conditions with the rows of their filters */
    vector_segment *vector, *second;
    uint64_t **constrained; /* the lexical rows that the words' constraints leave; NULL until a vector list needs them */
} segments_search;

/* The segments of `corpus` as an index, for the calls of one search; `s` and the corpus must
 * outlive it. */
retrieve_index segments_index(segments_search *s, const retrieve_corpus *corpus);

#endif

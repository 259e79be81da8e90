/* inverter_state.h - what an inverter keeps in memory, for the two files that it is made of;
 * private. */
#ifndef CAIRN_INDEX_LEXICAL_INVERTER_STATE_H
#define CAIRN_INDEX_LEXICAL_INVERTER_STATE_H

#include "index/lexical/inverter.h"

#define POOL_MAX  ((size_t)3 << 30) /* bytes of all streams */
#define TERM_HEAD 6
#define LINE      64

typedef struct term {
    uint32_t hash;
    uint32_t at, end;            /* where the next byte goes; end = address of the slice's link */
    uint32_t last_row;           /* of the last posting; UINT32_MAX before the first */
    uint32_t row_head, row_tail; /* this row's tokens, while it is being added */
    uint8_t len, level;
    char head[TERM_HEAD]; /* the first bytes again, to tell others without another cache miss */
} term;
_Static_assert(2 * sizeof(term) == LINE, "two a cache line");

typedef struct term_place {
    uint32_t text;  /* offset in texts */
    uint32_t first; /* address of the first slice */
} term_place;

typedef struct row_token {
    uint32_t position, next;
    uint8_t field;
} row_token;

struct inverter {
    analyzer *analyzer;
    bool borrowed; /* the analyzer is */
    bool chooses; /* only the wanted terms are kept */
    const char *const *wanted; /* [n_wanted] */
    size_t n_wanted;
    uint32_t *wanted_slots; /* wanted + 1; a power of two, at most half full */
    size_t n_wanted_slots;
    const char *dir;
    uint8_t **chunks;
    size_t n_chunks, cap_chunks; /* in use, allocated */
    size_t n_chunk_slots;        /* of `chunks` */
    uint32_t chunk_used;         /* of the last chunk in use */
    bytes texts;
    term *terms;        /* aligned to a line */
    term_place *places; /* [n_terms] */
    size_t n_terms, cap_terms;
    uint32_t
        *memo; /* [ANALYZER_PLACES + 1] term of the word at a place of the analyzer, or NO_TERM */
    uint64_t *slots; /* hash above, term + 1 below, 0 = empty; a power of two, at most half full */
    size_t n_slots;
    row_token *tokens;
    size_t n_tokens, cap_tokens;
    uint32_t *found; /* of each token of one field its term, or its hash where that is not known */
    bool *known;
    size_t cap_found;
    uint32_t *touched; /* terms of this row */
    size_t n_touched, cap_touched;
    uint64_t n_postings;
    int fd;            /* of the runs, -1 before the first */
    uint64_t *run_end; /* [n_file_runs] in the file */
    size_t n_file_runs;
    forms_table forms;
    bool broken;
};

/* Append the stream of term i to *out. */
cairn_status inverter_copy_stream(const inverter *v, uint32_t i, bytes *out);
/* Forget all rows and keep the memory for others. */
void inverter_begin_anew(inverter *v);
/* Give back everything that a run is made of. */
void inverter_free_streams(inverter *v);

#endif

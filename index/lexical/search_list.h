/* search_list.h - one list of a search in one segment: bounds, bulk scores, look-ups; private.
 *
 * A list is flat (rows and scores in memory: short lists, phrases, patterns) or read by blocks. It
 * is asked about windows of rows that move forward: list_enter first, then the rest in any order.
 *
 * Owns     nothing; everything lies in the arena of the query. */
#ifndef CAIRN_INDEX_LEXICAL_SEARCH_LIST_H
#define CAIRN_INDEX_LEXICAL_SEARCH_LIST_H

#include "index/lexical/postings.h"
#include "index/lexical/query.h"

/* Rows of a window: the usual, and when few rows of it are expected to be added up. */
#define WINDOW     4096
#define WINDOW_MAX 16384
/* Rows of a window in which a single list is essential: candidates are 16 bits from its start. */
#define SPAN_MAX 65536
#define NO_BLOCK UINT32_MAX

typedef struct list {
    pack_score ps;
    const query_plane *plane;
    int32_t most;  /* upper bound of any score in it */
    uint32_t rows; /* df */
    /* flat */
    const uint32_t *row;
    const int32_t *score;
    uint32_t at; /* first row not below the window */
    /* by blocks; NULL when flat */
    postings *p;
    uint32_t first;     /* first block that ends in or after the window */
    uint32_t near;      /* block that list_bound_near stands on */
    const float *share; /* [256]: most of w for each code of a bound */
    uint32_t scored_block;
    int32_t *block_score; /* [BLOCK] */
    uint32_t asked_block; /* block that single postings were scored of */
    unsigned asked;       /* how many */
} list;

/* What the lists of a segment share while it is searched. */
typedef struct list_scratch {
    const pack_kernels *k;
    int32_t *sums;   /* [WINDOW_MAX], zero between windows */
    int32_t *single; /* [WINDOW], the same, for groups of several lists */
    uint64_t *marks; /* a bit for each 16 sums that may not be zero */
    uint16_t *idx;   /* candidates: rows from the start of the window, [WINDOW_MAX + 16] */
    int32_t *cand;   /* their sums */
    int32_t *part;   /* what a group adds to each */
    float *tf;       /* [BLOCK] */
    cairn_error *err;
} list_scratch;

cairn_status list_scratch_make(list_scratch *s, arena *memory, cairn_error *err);

/* Carry the codes of a segment's bounds over to the parameters of a plane: out[code] is the most of
 * tf / (tf + K) that a posting under that bound can have. */
void list_carry_bounds(const lexical_reader *r, const query_plane *plane, float out[256]);

/* Make a flat list of n rows with weighted frequencies; row and tf are valid up to a multiple
 * of 16. */
cairn_status list_flat(list_scratch *s, arena *memory, list *l, const uint32_t *row,
                       const float *tf, uint32_t n);
/* Open a term's list; share as above. */
cairn_status list_open(list_scratch *s, arena *memory, list *l, const lexical_reader *r,
                       const dict_term *t, const float *share);

/* ---- windows [lo, hi) ---- */

void list_enter(list *l, uint32_t lo);
/* Upper bound of the scores there; 0 = no row. */
int32_t list_bound(const list *l, uint32_t hi);
/* The same of [from, to) inside the window, for pieces that move forward. */
int32_t list_bound_near(list *l, uint32_t from, uint32_t to);
/* A row at or above `from` below which the list has none in [from, it); after list_enter(from). */
uint32_t list_next(const list *l, uint32_t from);
/* The end of a window that begins at lo and holds at most about `most` postings of the list. */
uint32_t list_span(const list *l, uint32_t lo, uint32_t most);
/* Add the list's scores to sums, or raise sums to them; `marks` (may be NULL) gets what was
 * touched. */
cairn_status list_add_rows(const list_scratch *s, list *l, uint32_t lo, uint32_t hi, int32_t *sums,
                           bool raise, uint64_t *marks);
/* Raise part[j] to the list's score of row lo + idx[j], for the n ascending candidates. A candidate
 * whose cand[j] with the bound of its block does not exceed `need` may be left out. */
cairn_status list_look_up(const list_scratch *s, list *l, uint32_t lo, size_t n, int64_t need);
/* The same by adding a window of at most WINDOW rows up, which is cheaper for many candidates. */
bool list_worth_adding(const list *l, uint32_t lo, uint32_t hi, size_t n);
cairn_status list_pick(const list_scratch *s, list *l, uint32_t lo, uint32_t hi, size_t n);
/* Scores of block b into block_score. */
cairn_status list_score_block(const list_scratch *s, list *l, uint32_t b);

/* The most a posting with this share can score. */
static inline int32_t list_bound_of(const list *l, uint8_t code)
{
    return (int32_t)(l->ps.w * l->share[code] * 1.000001f) + 2;
}

static inline void *aligned_in(arena *a, size_t bytes)
{
    char *p = arena_alloc(a, bytes + 63);
    return p ? (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63) : NULL;
}

#endif

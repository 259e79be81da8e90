/* query_tree.h - a typed query as a tree, between reading (query_read.c) and its clauses
 * (query_lower.c); private.
 *
 * A sequence is items side by side. In it, an item is required (it must hold), excluded, or optional
 * (the more, the better; one is enough where nothing is required); AND, OR and NOT bind tighter. */
#ifndef CAIRN_RETRIEVE_QUERY_TREE_H
#define CAIRN_RETRIEVE_QUERY_TREE_H

#include "base/bytes.h"
#include "retrieve/query.h"

typedef enum query_kind {
    QUERY_WORDS,    /* a run of plain words */
    QUERY_CLAUSE,   /* a phrase, a pattern, NEAR */
    QUERY_FILTER,   /* a predicate */
    QUERY_SEQUENCE,
    QUERY_AND,
    QUERY_OR,
    QUERY_NOT
} query_kind;

typedef struct query_node query_node;
struct query_node {
    query_kind kind;
    bool required;         /* by a plus, by being a phrase, or by naming a field */
    bool excluded;         /* by a minus */
    lexical_clause clause; /* WORDS and CLAUSE: kind, text, mask, boost and the rest but `occur` */
    filter_predicate predicate;
    int index;             /* of the clause or predicate made of it; -1 while there is none */
    query_node *first, *last, *next;
    size_t n; /* children */
};

#define QUERY_RANGES 16

typedef struct query_reader {
    arena *a;
    const char *text, *end; /* of the string at hand */
    const char *p;          /* what is left of it */
    const uint32_t *partner; /* [bytes]: index + 1 of the matching parenthesis, 0 = none */
    bool in_filter;          /* it is the --filter expression */
    uint32_t mask;           /* fields of the group at hand; 0 = all */
    size_t n_leaves, n_patterns;
    unsigned depth;
    int64_t today; /* the day it is, in days since 1970-01-01 */
    suggest_range ranges[QUERY_RANGES]; /* words of named fields, of the string at hand */
    size_t n_ranges;
    query_node *spare; /* nodes to use again */
    const char *note;
    bool failed; /* memory ran out */
} query_reader;

/* Only the first remark is kept: one sentence is read, five are not. */
void query_remark(query_reader *q, const char *before, const char *item, size_t len,
                  const char *after);

/* The whole text as a sequence; NULL only without memory. `text` is what query_prepare made. */
query_node *query_read(query_reader *q, const char *text, size_t len, bool in_filter);
query_node *query_new_node(query_reader *q, query_kind kind);
void query_append(query_node *parent, query_node *child);

/* A date or a range of dates as half-open nanoseconds; false: it is none (query_dates.c). `today` counts
 * days since 1970. */
bool query_read_dates(const char *s, size_t len, int64_t today, filter_value *out);
/* Days from 1970-01-01 to a day of the Gregorian calendar; month may be 13. */
int64_t query_days_to(int64_t year, int64_t month, int64_t day);
/* "last week", "last-3-days", "yesterday", "march 2024": all of [s, end) (query_when.c). */
bool query_named_date(const char *s, const char *end, int64_t today, int64_t *lo, int64_t *hi);
/* A number or a range of numbers, half-open; `with_unit`: of bytes, "1.5mb" (query_numbers.c). */
bool query_read_numbers(const char *s, size_t len, bool with_unit, filter_value *out);

/* Fill *out from the tree of the query and that of the filter (either may be NULL). */
cairn_status query_lower(query_reader *q, query_node *typed, query_node *filter,
                         retrieve_query *out, cairn_error *err);

/* Say in words how the trees were read; in the arena. */
const char *query_in_words(query_reader *q, const query_node *typed, const query_node *filter);

/* Whether an unsigned item must hold in its sequence. */
static inline bool query_is_required(const query_node *n)
{
    return n->required || n->kind == QUERY_FILTER || n->kind == QUERY_AND;
}

static inline bool query_is_excluded(const query_node *n)
{
    return n->excluded || n->kind == QUERY_NOT;
}

#endif

/* query.h - what a person types, taken apart.
 *
 *     budget "annual report" -draft (title:plan^3 OR tag:plans) organis* ext:pdf,md date:>2024
 *
 *   word             may occur (the more, the rarer, the better)
 *   "a phrase"       must occur, word for word; "a phrase"~3: its words moved by 3 places in all
 *   a NEAR/5 b       must stand in any order with at most 5 words between (NEAR: 10); a, b: words or
 *                    phrases; a NEAR b NEAR c: all within the larger of the two
 *   foo*  *foo  f*o  words like this; * is any run of characters, f?o any one character inside a word
 *   word~1 word~2    words within so many edits (a letter more, less, another, or two neighbours
 *                    exchanged); word~: 1 up to five letters, 2 from six on
 *   /expression/     words that the regular expression matches whole (automaton.h says which signs)
 *   +item  -item     must, must not. A sign counts only in front of a letter, a quote, a group or a
 *                    pattern after a blank, so "-5 degrees" and "co-op" are words
 *   a AND b          both must hold; a OR b: one; NOT a: must not. In capitals, between blanks; NOT
 *                    binds tightest, then NEAR, AND, OR
 *   ( )              a group, at any depth up to 24; it opens after a blank, a sign, a group or field:
 *   item^2           counts twice: behind a word, phrase, pattern or group
 *   field:value      must hold; value may be quoted; several values separated by commas: any of
 *                    them; -field:value: must not hold. Repeated fields of one kind: each must hold
 *
 *   title:x  heading:x  body:x   x is a word, phrase, pattern or group, found in this field alone
 *   path:x           the uri contains x, case folded; with * or ? a glob over the whole uri
 *   dir:x            the file lies in folder x at any depth: "/a/b" from the root, "b/c" anywhere
 *   ext:pdf          lang:de      tag:x      the value itself, case folded
 *   type:text/html   the MIME type begins so ("mime:" is the same)
 *   from:x           the author or sender contains x ("author:" is the same)
 *   date:D           D, or a range D/D, D..D, D/ (from), /D (until, inclusive), >D, >=D, <D, <=D; D is
 *                    2025, 2025-09 or 2025-09-30, UTC, or in words: yesterday, last-week, last-3-days,
 *                    this-month, march-2024 (query_when.c)
 *   modified:D       when the file was written to; created:D: what the document says of its beginning
 *   last week        and the like between words, "since March 2024", "in March 2024": a condition on the
 *                    date; a named month or year after "in" may also stand in the text. German likewise
 *   size:N           bytes of the file: N (exactly), N..N or N-N (both inclusive), N.. (from), ..N
 *                    (until), >N, >=N, <N, <=N; N is digits, and with a unit may have a fraction:
 *                    1.5mb. k or kb, m, g, t count in 1000s as sizes are printed, kib, mib, gib,
 *                    tib in 1024s
 *   pages:N          pages of the document, likewise, without units
 *
 * Items side by side: where one of them is required (+, a phrase, NEAR, AND, a field), all those
 * must hold and the others only score; where none is, one must hold. Inside a group likewise. Filters
 * inside OR or NOT are conditions like any other.
 *
 * Nothing is ever a syntax error: an unknown field, a bad date or number, an open quote or parenthesis, an
 * operator without two sides is read as words and `note` says so; `read_as` says how the whole
 * was read. The --filter option of the command line is the same language without words; what it
 * holds restricts and does not score (there title: is compared as it is typed).
 *
 * Owns     everything lives in the caller's arena. */
#ifndef CAIRN_RETRIEVE_QUERY_H
#define CAIRN_RETRIEVE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "index/filter/filter.h"
#include "index/lexical/lexical.h"
#include "index/lexical/suggest.h"

/* Longer texts are cut at a character boundary; more operators than this are read as words. */
#define RETRIEVE_QUERY_MAX_BYTES 65536u
#define RETRIEVE_QUERY_MAX_TERMS 256u

typedef struct retrieve_query {
    /* For the embedder: words, phrases and title words, operators left out; "" without a letter or digit. */
    const char *text;
    size_t text_len;
    /* Plain words SHOULD, what is required MUST, exclusions MUST_NOT; nested conditions are TREE clauses
     * whose leaves are SHOULD or TEST. A ROWS node's `clause` is an index into `predicates` and its
     * rows are left to the search. */
    lexical_clause *clauses;
    size_t n_clauses;
    filter_predicate *predicates; /* inside trees */
    size_t n_predicates;
    filter_expr filter; /* n = 0: everything */
    bool has_required;  /* some clause is MUST or TREE */
    bool has_excluded;  /* some clause is MUST_NOT */
    bool has_words;     /* some clause scores */
    const char *read_as; /* the whole, in words */
    const char *note;    /* one sentence about what was read otherwise than typed; or NULL */
} retrieve_query;

/* `filter` (may be NULL or empty) is the --filter expression. CAIRN_ENOMEM only. */
cairn_status retrieve_query_parse(retrieve_query *out, const char *typed, const char *filter,
                                  arena *a, cairn_error *err);
/* The same as if it were another day, counted from 1970-01-01. */
cairn_status retrieve_query_parse_on(retrieve_query *out, const char *typed, const char *filter,
                                     int64_t day, arena *a, cairn_error *err);
/* The same for a text that nobody wrote as a query: a question in plain language, a topic of a test
 * collection. Quotes, colons and minus signs mean nothing; `filter` is read as above. */
cairn_status retrieve_query_plain(retrieve_query *out, const char *text, const char *filter,
                                  arena *a, cairn_error *err);
cairn_status retrieve_query_plain_on(retrieve_query *out, const char *text, const char *filter,
                                     int64_t day, arena *a, cairn_error *err);
/* The day it is, in local time, and the year of a day. */
int64_t retrieve_today(void);
int retrieve_year_of(int64_t day);
/* Where a typed query names a field for its words, for corrections; *out lives in the arena. None of a query whose bytes the reading
 * changes (typographic quotes). */
cairn_status retrieve_query_ranges(const char *typed, arena *a, const suggest_range **out, size_t *n, cairn_error *err);
/* Does a document with this metadata pass the filter and the conditions of a query that has no words? */
bool retrieve_filter_matches(const retrieve_query *q, const filter_row *row);

#endif

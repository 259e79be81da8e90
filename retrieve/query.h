/* query.h - what a person types, taken apart.
 *
 *     budget "annual report" -draft title:plan ext:pdf,md dir:"my notes" date:2025-09
 *
 *   word            may occur (the more, the rarer, the better)
 *   "a phrase"      must occur, word for word
 *   -word -"a b"    must not occur. A minus counts only in front of a letter or a quote after a
 *                   space, so "-5 degrees" and "co-op" are words
 *   field:value     must hold; value may be quoted; several values separated by commas: any of
 *                   them; -field:value: must not hold. Repeated fields of one kind: each must hold
 *
 *   title:x         the title contains the word or words, case folded (a match also scores)
 *   path:x          the uri contains x, case folded; with * or ? a glob over the whole uri
 *   dir:x           the file lies in folder x at any depth: "/a/b" from the root, "b/c" anywhere
 *   ext:pdf         lang:de      tag:x      the value itself, case folded
 *   type:text/html  the MIME type begins so ("mime:" is the same)
 *   from:x          the author or sender contains x ("author:" is the same)
 *   date:D          D, or a range D/D, D..D, D/ (from), /D (until, inclusive); D is 2025, 2025-09
 *                   or 2025-09-30, UTC
 *
 * Nothing is ever a syntax error: an unknown field, a bad date or an open quote is read as words
 * and `note` says so. The --filter option of the command line is the same language; what it holds
 * restricts and does not score.
 *
 * Owns     everything lives in the caller's arena. */
#ifndef CAIRN_RETRIEVE_QUERY_H
#define CAIRN_RETRIEVE_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "index/filter/filter.h"
#include "index/lexical/lexical.h"

/* Longer texts are cut at a character boundary; more operators than this are read as words. */
#define RETRIEVE_QUERY_MAX_BYTES 65536u
#define RETRIEVE_QUERY_MAX_TERMS 256u

typedef struct retrieve_query {
    const char *text; /* for the embedder: words, phrases and title words, operators left out */
    size_t text_len;
    lexical_clause *clauses; /* words SHOULD, phrases MUST, exclusions MUST_NOT, title SHOULD */
    size_t n_clauses;
    filter_expr filter;     /* n = 0: everything */
    bool has_required;      /* some clause is MUST */
    bool has_excluded;      /* some clause is MUST_NOT */
    const char *note;       /* one sentence about what was read otherwise than typed; or NULL */
} retrieve_query;

/* `filter` (may be NULL or empty) is the --filter expression. CAIRN_ENOMEM only. */
cairn_status retrieve_query_parse(retrieve_query *out, const char *typed, const char *filter,
                                  arena *a, cairn_error *err);
/* The same for a text that nobody wrote as a query: a question in plain language, a topic of a test
 * collection. Quotes, colons and minus signs mean nothing; `filter` is read as above. */
cairn_status retrieve_query_plain(retrieve_query *out, const char *text, const char *filter,
                                  arena *a, cairn_error *err);

#endif

/* query_tokens.h - the pieces a typed query is read in; private.
 *
 *   query_tokens.c  characters, quotes, names of fields, and which parentheses are structure
 *   query_leaves.c  words, phrases, patterns and filters, with their boosts
 *   query_read.c    groups, signs and operators between them */
#ifndef CAIRN_RETRIEVE_QUERY_TOKENS_H
#define CAIRN_RETRIEVE_QUERY_TOKENS_H

#include "retrieve/query_tree.h"

#define QUERY_SLOP_MAX 1000 /* of a phrase or NEAR, as typed */

typedef struct query_field {
    const char *name;
    filter_field field;
    filter_op op;
    uint32_t mask; /* a field of words; 0: a filter */
} query_field;

/* ---- query_tokens.c ---- */

bool query_is_blank(char c);
bool query_is_letter(char c);
/* Whether there is anything to look for: a letter, a digit, anything beyond ASCII. */
bool query_has_content(const char *s, size_t len);
/* The same with the letters and digits of all scripts: emoji and signs say nothing to an embedder. */
bool query_says_something(const char *s, size_t len);
/* Index + 1 of the parenthesis that belongs to the one at p; 0: it is a sign between words. */
uint32_t query_partner_at(const query_reader *q, const char *p);
/* Whether an item ends at p: at a blank, the end, or a parenthesis that closes a group. */
bool query_at_end(const query_reader *q, const char *p);
const char *query_word_end(const query_reader *q, const char *p);
void query_skip_blanks(query_reader *q);
/* At a quote: the text inside, and *after behind the closing one. NULL when it never closes. */
const char *query_quoted(const query_reader *q, const char *p, size_t *len, const char **after);
/* At a slash: the end of a regular expression, behind its second slash. NULL: it is a path or the like. */
const char *query_regex_end(const query_reader *q, const char *p);
/* The field whose name and colon stand at p, its value behind; or NULL. */
const query_field *query_field_at(const query_reader *q, const char *p, const char **value);
/* Fill q->partner; false without memory. */
bool query_match_parentheses(query_reader *q);

/* ---- query_leaves.c ---- */

/* The number of a boost: digits with at most one point. */
bool query_read_boost(const char *s, const char *end, float *out);
bool query_read_count(const char *s, const char *end, uint32_t *out);
/* Of a node and all below; 0 or less changes nothing. */
void query_set_boost(query_node *n, float boost);
/* Whether another operator fits; else the rest is words. */
bool query_has_room(const query_reader *q);
/* Whether another pattern does, counting it; a remark says no. */
bool query_pattern_room(query_reader *q, const char *s, size_t len);
/* What stands at q->p, which moves behind it. NULL: nothing to look for. */
query_node *query_as_words(query_reader *q, const char *s, size_t len);
query_node *query_read_word(query_reader *q);
/* NULL with q->p unmoved when the quote never closes. */
query_node *query_read_phrase(query_reader *q);
query_node *query_read_regex(query_reader *q, const char *end);
/* "last week", "in March 2024" and the like as a condition on the date. NULL with q->p unmoved: words. */
query_node *query_read_when(query_reader *q);
/* The values behind "field:" as a predicate. NULL: this is no field term after all. */
query_node *query_read_filter(query_reader *q, const query_field *f, const char *value);

#endif

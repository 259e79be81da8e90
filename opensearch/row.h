/* row.h - a passage as a document of the index of chunks: its terms, its metadata; and filters over
 * these.
 *
 * The terms are made here, by the analyzer that makes those of the embedded index (index/text), so
 * every language is cut, folded and stemmed alike on both back ends; OpenSearch only splits them
 * again at blanks. Words that stand at one place (parts of an identifier, pairs of Chinese
 * characters) are joined by U+0001, which the analyzer `cairn_terms` of the mapping undoes: they
 * take one position and count once for the length.
 *
 * Metadata is kept as filter.h compares it: folded, and the uri also as it is. */
#ifndef CAIRN_OPENSEARCH_ROW_H
#define CAIRN_OPENSEARCH_ROW_H

#include <jansson.h>

#include "index/filter/filter.h"
#include "index/lexical/lexical.h"

/* Names of the fields of terms, by lexical_field. */
extern const char *const row_field[LEXICAL_FIELDS];
/* All written forms of a passage's words, for patterns. */
#define ROW_FORMS "forms"

/* Set the terms of the texts in `doc`, and the texts that scoring them again needs. lengths[]:
 * words in each field. */
cairn_status row_set_terms(analyzer *a, const lexical_doc *words, json_t *doc,
                           uint64_t lengths[LEXICAL_FIELDS], cairn_error *err);
/* Set the metadata. What is unknown is null, so that a partial update takes an older value away. */
cairn_status row_set_columns(const filter_row *columns, json_t *doc, cairn_error *err);
/* A term as it stands in those fields. */
json_t *row_term(const char *term, size_t len);
/* n of them, NUL-terminated, parted by blanks, as the search's own analyzer parts them again. */
json_t *row_terms(const char *const *terms, size_t n);

/* The condition that an expression is. n = 0: match_all. */
cairn_status row_filter(const filter_expr *expr, json_t **out, cairn_error *err);
cairn_status row_predicate(const filter_predicate *p, json_t **out, cairn_error *err);

#endif

/* facet.h - how many rows of a set carry each value of a filter column.
 *
 * One facet_counts gathers over the segments of a search and is then asked for the most frequent
 * values. Rows without a value (no author, no date) are not counted. The caller says which rows: to
 * count documents instead of passages it leaves one row of each in the set.
 *
 * Owns     its values; a reader is borrowed for the call.
 * Errors   CAIRN_ECORRUPT for a broken column, CAIRN_ENOMEM. */
#ifndef CAIRN_INDEX_FACET_H
#define CAIRN_INDEX_FACET_H

#include "index/filter/filter.h"

typedef enum facet_kind {
    FACET_TYPE,   /* the MIME type */
    FACET_EXT,    /* the extension */
    FACET_FOLDER, /* the folder the uri, or another place, lies in; "" values (an import's ids) are not counted */
    FACET_AUTHOR,
    FACET_LANG,
    FACET_TAG, /* a row counts for each of its tags */
    FACET_YEAR, /* of the date, UTC; "2025" */
    FACET_KINDS
} facet_kind;

typedef struct facet_value {
    const char *text; /* lives as long as the counts */
    uint64_t count;   /* rows, >= 1 */
} facet_value;

typedef struct facet_counts facet_counts;

/* FACET_KINDS for a name that is none. */
facet_kind facet_kind_find(const char *name, size_t len);
const char *facet_kind_name(facet_kind kind);

cairn_status facet_counts_create(facet_counts **out, facet_kind kind, cairn_error *err);
void facet_counts_destroy(facet_counts *f); /* NULL is fine */
/* Count the rows of `bits`, of row_set_words(rows of the reader), none past the last row. Time:
 * rows of the segment, plus its distinct values. */
cairn_status facet_counts_add(facet_counts *f, const filter_reader *r, const uint64_t *bits,
                              cairn_error *err);
/* The k most frequent values, equal counts by text; years by falling year. *n <= k; *distinct (may be
 * NULL) gets how many there are in all. */
cairn_status facet_counts_best(const facet_counts *f, size_t k, facet_value *out, size_t *n,
                               size_t *distinct, cairn_error *err);

#endif
